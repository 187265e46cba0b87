/* Where deliveries may go.
 *
 * A receiver's URL comes from a customer, so it must not lead into the network
 * that the daemon stands in: loopback, private, link-local (the clouds'
 * metadata service), carrier NAT, multicast, reserved.  The name in a URL
 * proves nothing, it can resolve to anything and to something else a second
 * later: the address that is about to be connected is what counts, and
 * target_address_is_public() is asked then. */
#ifndef WEBHOOKD_TARGET_H
#define WEBHOOKD_TARGET_H

#include <stdbool.h>
#include <sys/socket.h>

struct err;

/* False also for every family but IPv4 and IPv6. */
bool target_address_is_public(const struct sockaddr *address);

/* http or https and a host, which is a public address if it is one at all.
 * @host_out is for the log: no credentials, no path; the caller frees it.  It
 * is given whenever there is a host, also with -1. */
int target_check_url(
	const char *url, bool allow_private, char **host_out, struct err *err);

#endif
