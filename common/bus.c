#include "common/bus.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <stdlib.h>

#include "common/bus_socket.h"
#include "common/err.h"
#include "common/own.h"

void bus_envelope_free(Bus__Envelope **envelopep)
{
	bus__envelope__free_unpacked(move(*envelopep), NULL);
}

struct bus_in {
	nng_socket socket;
	int fd; /* nng's; readable while something waits */
};

static int bus_in_open(bus_socket_open_fn *open, bus_socket_connect_fn *connect,
	const char *url, struct bus_in **out, struct err *err)
{
	scoped(bus_in_close) struct bus_in *in = NULL;
	nng_socket socket;
	int rv;

	if (bus_socket_open(open, url, &socket, err) != 0)
		return -1;
	in = xcalloc(1, sizeof(*in));
	in->socket = socket;
	if (open == nng_sub0_open)
		nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, "", 0);
	rv = nng_socket_get_int(socket, NNG_OPT_RECVFD, &in->fd);
	if (rv != 0)
		return bus_socket_fail(err, ERR_INTERNAL, url, rv);
	if (connect(socket, url, err) != 0)
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

void bus_in_close(struct bus_in **inp)
{
	struct bus_in *in = move(*inp);

	if (in == NULL)
		return;
	nng_close(in->socket);
	free(in);
}

int bus_in_fd(const struct bus_in *in)
{
	return in->fd;
}

Bus__Envelope *bus_recv(struct bus_in *in)
{
	Bus__Envelope *envelope = NULL;
	nng_msg *msg;

	/* A malformed one is passed over: NULL would mean "nothing waits". */
	while (envelope == NULL &&
		nng_recvmsg(in->socket, &msg, NNG_FLAG_NONBLOCK) == 0) {
		envelope =
			bus_socket_unpack(nng_msg_body(msg), nng_msg_len(msg));
		nng_msg_free(msg);
	}
	return envelope;
}

struct bus_out {
	nng_socket socket;
};

static int bus_out_open(bus_socket_open_fn *open,
	bus_socket_connect_fn *connect, const char *url, struct bus_out **out,
	struct err *err)
{
	scoped(bus_out_close) struct bus_out *new = NULL;
	nng_socket socket;

	if (bus_socket_open(open, url, &socket, err) != 0)
		return -1;
	new = xcalloc(1, sizeof(*new));
	new->socket = socket;
	if (connect(socket, url, err) != 0)
		return -1;
	*out = move(new);
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
	nng_close(out->socket);
	free(out);
}

bool bus_send(struct bus_out *out, Bus__Envelope *envelope)
{
	nng_msg *msg = bus_socket_pack(envelope);

	if (msg == NULL)
		return false;
	if (nng_sendmsg(out->socket, msg, NNG_FLAG_NONBLOCK) == 0)
		return true;
	nng_msg_free(msg);
	return false;
}
