/* What every kind of bus endpoint does the same way: nng sockets and their
 * limits, and envelopes to bytes and back.  Private to common/bus*.c. */
#ifndef COMMON_BUS_SOCKET_H
#define COMMON_BUS_SOCKET_H

#include <nng/nng.h>

#include "common/bus.h"
#include "common/err.h"

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
/* Fills version and trace id.  NULL when it is too large for the bus. */
nng_msg *bus_socket_pack(Bus__Envelope *envelope);

#endif
