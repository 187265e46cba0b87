#include "common/bus.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdlib.h>

#include "common/bus_socket.h"
#include "common/err.h"
#include "common/own.h"

/* Questions read ahead, and answers that wait for their askers. */
#define ANSWERS_MAX 1024

struct bus_answerer {
	nng_socket socket; /* raw: we keep the header that leads back */
	int fd;
};

struct bus_return {
	nng_msg *msg; /* header only */
};

int bus_answerer_open(
	const char *url, struct bus_answerer **out, struct err *err)
{
	scoped(bus_answerer_close) struct bus_answerer *answerer = NULL;
	nng_socket socket;
	int rv;

	if (bus_socket_open(nng_rep0_open_raw, url, &socket, err) != 0)
		return -1;
	nng_socket_set_int(socket, NNG_OPT_SENDBUF, ANSWERS_MAX);
	nng_socket_set_int(socket, NNG_OPT_RECVBUF, ANSWERS_MAX);
	answerer = xcalloc(1, sizeof(*answerer));
	answerer->socket = socket;
	rv = nng_socket_get_int(socket, NNG_OPT_RECVFD, &answerer->fd);
	if (rv != 0)
		return bus_socket_fail(err, ERR_INTERNAL, url, rv);
	if (bus_socket_listen(socket, url, err) != 0)
		return -1;
	*out = move(answerer);
	return 0;
}

void bus_answerer_close(struct bus_answerer **answererp)
{
	struct bus_answerer *answerer = move(*answererp);

	if (answerer == NULL)
		return;
	nng_close(answerer->socket);
	free(answerer);
}

int bus_answerer_fd(const struct bus_answerer *answerer)
{
	return answerer->fd;
}

void bus_return_free(struct bus_return **returnp)
{
	struct bus_return *way_back = move(*returnp);

	if (way_back == NULL)
		return;
	nng_msg_free(way_back->msg);
	free(way_back);
}

Bus__Envelope *bus_answerer_recv(
	struct bus_answerer *answerer, struct bus_return **return_out)
{
	Bus__Envelope *envelope = NULL;
	nng_msg *msg;

	while (envelope == NULL &&
		nng_recvmsg(answerer->socket, &msg, NNG_FLAG_NONBLOCK) == 0) {
		envelope =
			bus_socket_unpack(nng_msg_body(msg), nng_msg_len(msg));
		if (envelope == NULL) {
			nng_msg_free(msg);
			continue;
		}
		nng_msg_clear(msg); /* the body; the header stays */
		*return_out = xcalloc(1, sizeof(**return_out));
		(*return_out)->msg = msg;
	}
	return envelope;
}

void bus_answer(struct bus_answerer *answerer, struct bus_return **returnp,
	Bus__Envelope *answer)
{
	scoped(bus_return_free) struct bus_return *way_back = move(*returnp);
	nng_msg *body = bus_socket_pack(answer);

	if (way_back == NULL || body == NULL ||
		nng_msg_append(way_back->msg, nng_msg_body(body),
			nng_msg_len(body)) != 0) {
		nng_msg_free(body);
		return; /* the asker's timeout tells it */
	}
	nng_msg_free(body);
	if (nng_sendmsg(answerer->socket, way_back->msg, NNG_FLAG_NONBLOCK) ==
		0)
		way_back->msg = NULL;
}
