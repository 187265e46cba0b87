#include "common/bus.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pubsub0/sub.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/bus_socket.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"

struct bus_in {
	nng_socket socket;
	nng_msg *batch;	     /* being handed out, or NULL */
	size_t offset;	     /* of its next envelope */
	int more_fd;	     /* eventfd: the batch has more */
	bool more_is_raised; /* what more_fd shows */
	int epoll_fd;	     /* nng's descriptor and more_fd in one */
};

void bus_envelope_free(Bus__Envelope **envelopep)
{
	bus__envelope__free_unpacked(move(*envelopep), NULL);
}

void bus_in_close(struct bus_in **inp)
{
	struct bus_in *in = move(*inp);

	if (in == NULL)
		return;
	nng_close(in->socket);
	nng_msg_free(in->batch);
	fd_close(&in->more_fd);
	fd_close(&in->epoll_fd);
	free(in);
}

/* One descriptor for "the socket has a message" and "the batch has an
 * envelope": a caller may leave envelopes for its next turn. */
static int descriptor_open(struct bus_in *in, struct err *err)
{
	struct epoll_event readable = { .events = EPOLLIN };
	int nng_fd;

	in->more_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	in->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (nng_socket_get_int(in->socket, NNG_OPT_RECVFD, &nng_fd) != 0 ||
		epoll_ctl(in->epoll_fd, EPOLL_CTL_ADD, nng_fd, &readable) !=
			0 ||
		epoll_ctl(in->epoll_fd, EPOLL_CTL_ADD, in->more_fd,
			&readable) != 0)
		return err_set(err, ERR_INTERNAL, "bus descriptor: %s",
			strerror(errno));
	return 0;
}

static int bus_in_open(bus_socket_open_fn *open, bus_socket_connect_fn *connect,
	const char *url, struct bus_in **out, struct err *err)
{
	scoped(bus_in_close) struct bus_in *in = NULL;
	nng_socket socket;

	if (bus_socket_open(open, url, &socket, err) != 0)
		return -1;
	in = xcalloc(1, sizeof(*in));
	in->socket = socket;
	in->more_fd = in->epoll_fd = -1;
	if (open == nng_sub0_open)
		nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, "", 0);
	if (descriptor_open(in, err) != 0 || connect(socket, url, err) != 0)
		return -1;
	*out = move(in);
	return 0;
}

int bus_pull_open(const char *url, struct bus_in **out, struct err *err)
{
	return bus_in_open(nng_pull0_open, bus_socket_listen, url, out, err);
}

int bus_sub_open(const char *url, struct bus_in **out, struct err *err)
{
	return bus_in_open(nng_sub0_open, bus_socket_dial, url, out, err);
}

int bus_in_fd(const struct bus_in *in)
{
	return in->epoll_fd;
}

/* ---- batches ---- */

static void batch_drop(struct bus_in *in)
{
	nng_msg_free(move(in->batch));
	in->offset = 0;
}

/* The bytes of the next envelope; -1 when the rest of the batch is none. */
static int batch_next(struct bus_in *in, const uint8_t **bytes, size_t *n)
{
	const uint8_t *body = nng_msg_body(in->batch);
	size_t size = nng_msg_len(in->batch), at = in->offset, length = 0;
	unsigned shift = 0;

	if (body[at++] != BUS_BATCH_TAG)
		return -1;
	do {
		if (at == size || shift > 28)
			return -1;
		length |= (size_t)(body[at] & 0x7f) << shift;
		shift += 7;
	} while ((body[at++] & 0x80) != 0);
	if (length > size - at)
		return -1;
	*bytes = body + at;
	*n = length;
	in->offset = at + length;
	return 0;
}

/* NULL for a malformed envelope; the rest of a batch that is no batch is lost.
 */
static Bus__Envelope *batch_take(struct bus_in *in)
{
	Bus__Envelope *envelope;
	const uint8_t *bytes;
	size_t n;

	if (nng_msg_len(in->batch) == 0 || batch_next(in, &bytes, &n) != 0) {
		log_warning("bus reason=\"malformed batch\" bytes=%zu "
			    "action=dropped",
			nng_msg_len(in->batch));
		batch_drop(in);
		return NULL;
	}
	envelope = bus_socket_unpack(bytes, n);
	if (in->offset == nng_msg_len(in->batch))
		batch_drop(in);
	return envelope;
}

/* The socket's descriptor does not tell of what was taken out of it already. */
static void more_show(struct bus_in *in)
{
	bool has_more = in->batch != NULL;
	uint64_t count = 1;
	ssize_t rc;

	if (has_more == in->more_is_raised)
		return;
	rc = has_more ? write(in->more_fd, &count, sizeof(count))
		      : read(in->more_fd, &count, sizeof(count));
	if (rc == (ssize_t)sizeof(count))
		in->more_is_raised = has_more;
}

Bus__Envelope *bus_recv(struct bus_in *in)
{
	Bus__Envelope *envelope = NULL;

	/* A malformed one is passed over: NULL would mean "nothing waits". */
	while (envelope == NULL) {
		if (in->batch == NULL && nng_recvmsg(in->socket, &in->batch,
						 NNG_FLAG_NONBLOCK) != 0)
			break;
		envelope = batch_take(in);
	}
	more_show(in);
	return envelope;
}
