/* Sending gathers: an envelope goes out at once when the line is idle, and what
 * comes within the next moment goes out together.  A message over nng costs its
 * receiver several context switches, whatever its size. */
#include "common/bus.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/bus_socket.h"
#include "common/err.h"
#include "common/own.h"

#define GATHER_MS 1

/* What the one aio is doing.  IDLE -> SENDING -> PAUSING -> SENDING or IDLE */
enum out_state {
	OUT_IDLE,    /* nothing; pending is empty */
	OUT_SENDING, /* a batch is being handed to nng, which may take long */
	OUT_PAUSING, /* sleeping for GATHER_MS */
};

struct bus_out {
	nng_socket socket;
	nng_aio *aio;
	pthread_mutex_t lock; /* of everything below */
	enum out_state state;
	bool is_closing;
	struct buf pending; /* the next batch; at most BUS_MESSAGE_MAX */
};

/* NULL, and nothing pending any more, when there is nothing or no memory. */
static nng_msg *pending_take(struct bus_out *out)
{
	nng_msg *msg = NULL;

	if (out->pending.len > 0 && nng_msg_alloc(&msg, 0) == 0 &&
		nng_msg_append(msg, out->pending.data, out->pending.len) != 0) {
		nng_msg_free(msg);
		msg = NULL;
	}
	buf_clear(&out->pending);
	return msg;
}

/* Called without the lock: OUT_SENDING keeps others away from the aio. */
static void batch_send(struct bus_out *out, nng_msg *msg)
{
	nng_aio_set_msg(out->aio, msg);
	nng_send_aio(out->socket, out->aio);
}

/* On a thread of nng's: a batch has been taken, or the pause is over. */
static void on_aio(void *arg)
{
	struct bus_out *out = arg;
	bool failed = nng_aio_result(out->aio) != 0;
	nng_msg *msg = NULL;
	bool pause = false;

	pthread_mutex_lock(&out->lock);
	if (out->state == OUT_SENDING && failed)
		nng_msg_free(nng_aio_get_msg(out->aio));
	if (out->is_closing) {
		out->state = OUT_IDLE;
	} else if (out->state == OUT_SENDING) {
		out->state = OUT_PAUSING;
		pause = true;
	} else {
		msg = pending_take(out);
		out->state = msg != NULL ? OUT_SENDING : OUT_IDLE;
	}
	pthread_mutex_unlock(&out->lock);
	if (pause)
		nng_sleep_aio(GATHER_MS, out->aio);
	else if (msg != NULL)
		batch_send(out, msg);
}

static int bus_out_open(bus_socket_open_fn *open,
	bus_socket_connect_fn *connect, const char *url, struct bus_out **outp,
	struct err *err)
{
	scoped(bus_out_close) struct bus_out *out = NULL;
	nng_socket socket;
	int rv;

	if (bus_socket_open(open, url, &socket, err) != 0)
		return -1;
	out = xcalloc(1, sizeof(*out));
	out->socket = socket;
	pthread_mutex_init(&out->lock, NULL);
	rv = nng_aio_alloc(&out->aio, on_aio, out);
	if (rv != 0)
		return bus_socket_fail(err, ERR_INTERNAL, url, rv);
	nng_aio_set_timeout(out->aio, NNG_DURATION_INFINITE);
	if (connect(socket, url, err) != 0)
		return -1;
	*outp = move(out);
	return 0;
}

int bus_push_open(const char *url, struct bus_out **out, struct err *err)
{
	return bus_out_open(nng_push0_open, bus_socket_dial, url, out, err);
}

int bus_pub_open(const char *url, struct bus_out **out, struct err *err)
{
	return bus_out_open(nng_pub0_open, bus_socket_listen, url, out, err);
}

void bus_out_close(struct bus_out **outp)
{
	struct bus_out *out = move(*outp);

	if (out == NULL)
		return;
	pthread_mutex_lock(&out->lock);
	out->is_closing = true;
	pthread_mutex_unlock(&out->lock);
	nng_close(out->socket);
	if (out->aio != NULL)
		nng_aio_stop(out->aio); /* waits for the callback */
	if (out->state == OUT_SENDING)	/* stopped before it began */
		nng_msg_free(nng_aio_get_msg(out->aio));
	nng_aio_free(out->aio);
	buf_fini(&out->pending);
	pthread_mutex_destroy(&out->lock);
	free(out);
}

static void pending_add(
	struct bus_out *out, const Bus__Envelope *envelope, size_t n)
{
	uint8_t *bytes;
	size_t length = n;

	buf_add_byte(&out->pending, BUS_BATCH_TAG);
	for (; length > 0x7f; length >>= 7)
		buf_add_byte(&out->pending, (uint8_t)(length | 0x80));
	buf_add_byte(&out->pending, (uint8_t)length);
	bytes = buf_reserve(&out->pending, n);
	bus__envelope__pack(envelope, bytes);
	out->pending.len += n;
}

bool bus_send(struct bus_out *out, Bus__Envelope *envelope)
{
	size_t n = bus_socket_prepare(envelope);
	nng_msg *msg = NULL;
	bool has_room;

	if (n == 0)
		return false;
	pthread_mutex_lock(&out->lock);
	has_room = out->pending.len + n + BUS_BATCH_OVERHEAD <= BUS_MESSAGE_MAX;
	if (has_room)
		pending_add(out, envelope, n);
	if (has_room && out->state == OUT_IDLE) {
		msg = pending_take(out);
		if (msg != NULL)
			out->state = OUT_SENDING;
	}
	pthread_mutex_unlock(&out->lock);
	if (msg != NULL)
		batch_send(out, msg);
	return has_room;
}
