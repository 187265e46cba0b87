/* What every kind of bus endpoint does the same way: nng sockets and their
 * limits, and envelopes to bytes and back.  Private to common/bus*.c. */
#ifndef COMMON_BUS_SOCKET_H
#define COMMON_BUS_SOCKET_H

#include <nng/nng.h>

#include "common/bus.h"
#include "common/err.h"

/* What goes over a pipeline is a Batch (vereda.proto): each envelope behind
 * this tag and its length as a varint.  A question or an answer is an Envelope
 * alone. */
#define BUS_BATCH_TAG 0x0a
#define BUS_BATCH_OVERHEAD 6
#define BUS_MESSAGE_MAX (BUS_MAX_BYTES + BUS_BATCH_OVERHEAD)

typedef int bus_socket_open_fn(nng_socket *socket);
typedef int bus_socket_connect_fn(
	nng_socket socket, const char *url, struct err *err);

/* Opens with our limits set. */
int bus_socket_open(bus_socket_open_fn *open, const char *url, nng_socket *out,
	struct err *err);
/* Replaces a stale socket file; ERR_CONFLICT when somebody listens there. */
int bus_socket_listen(nng_socket socket, const char *url, struct err *err);
/* In the background, for ever. */
int bus_socket_dial(nng_socket socket, const char *url, struct err *err);
int bus_socket_fail(
	struct err *err, enum err_code code, const char *url, int rv);

/* NULL for bytes that are no envelope of our version: dropped and told. */
Bus__Envelope *bus_socket_unpack(const void *bytes, size_t n);
/* Fills version and trace id; its packed size, 0 when it is too large for the
 * bus. */
size_t bus_socket_prepare(Bus__Envelope *envelope);
/* A message of that envelope alone; NULL when it is too large. */
nng_msg *bus_socket_pack(Bus__Envelope *envelope);

#endif
