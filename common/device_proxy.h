/* A device's proxy at rest: its URL may hold a password, so it is sealed with a
 * key of its own and bound to the device.  apid seals, the lane opens. */
#ifndef COMMON_DEVICE_PROXY_H
#define COMMON_DEVICE_PROXY_H

#include "common/buf.h"
#include "common/secret.h"

struct config;
struct err;

#define DEVICE_PROXY_MAX 500 /* characters of the URL */

/* http, https, socks4, socks4a, socks5 or socks5h, a host and a port.  -1:
 * ERR_INVALID, with a sentence for the client. */
int device_proxy_check(const char *url, struct err *err);
/* "socks5://host:1080": as it may be shown. */
char *device_proxy_public(const char *url); /* owned by the caller */

int device_proxy_key(
	const struct config *config, struct secret_key *out, struct err *err);
/* Appends the sealed form of @url. */
void device_proxy_seal(const struct secret_key *key, const char *device_uid,
	const char *url, struct buf *out);
/* *@url_out is owned by the caller. */
int device_proxy_open(const struct secret_key *key, const char *device_uid,
	const struct buf *sealed, char **url_out, struct err *err);

#endif
