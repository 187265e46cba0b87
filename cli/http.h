/* Small JSON requests to a server on this host. */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include <jansson.h>

struct err;

/* POSTs @body (its reference is taken) when it is not NULL, else GETs.  0:
 * *@status_out is what the server said; ERR_IO: it said nothing within
 * @timeout_ms. */
int http_request(const char *url, json_t *body, int timeout_ms,
	long *status_out, struct err *err);

#endif
