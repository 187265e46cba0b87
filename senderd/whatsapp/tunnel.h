/* A way through a proxy: HTTP CONNECT, SOCKS4 and SOCKS5, with or without a
 * password, as libcurl speaks them.
 *
 * The library behind the lane's websocket knows only some of these.  It dials a
 * local socket instead, and a child of the lane passes bytes on between that
 * and the proxy.  TLS and Noise stay end to end: the proxy and the child see
 * ciphertext.  The child lives as long as the connection, and not longer than
 * the lane. */
#ifndef SENDERD_WHATSAPP_TUNNEL_H
#define SENDERD_WHATSAPP_TUNNEL_H

#include <stdbool.h>

#include "common/err.h"

#define TUNNEL_ADDRESS 64 /* "+@vereda-tunnel-…", as lws dials it */

/* Starts the child; the address is good for one connection of this process,
 * within half a minute. */
int tunnel_open(const char *proxy, const char *host, int port,
	char address_out[TUNNEL_ADDRESS], struct err *err);
/* Collects children that have ended. */
void tunnel_reap(void);

#endif
