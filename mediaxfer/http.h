/* One HTTP exchange at a time with a media host.  Redirects are not followed,
 * nothing is taken from the environment, and plain http goes to this machine
 * alone. */
#ifndef MEDIAXFER_HTTP_H
#define MEDIAXFER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct http;
struct xfer_request;

/* @request is borrowed.  No exchange goes on past @deadline_ms (monotonic). */
struct http *http_new(const struct xfer_request *request, int64_t deadline_ms,
	struct err *err);
void http_free(struct http **httpp);

/* Of a body that comes with status 200; -1 ends the exchange. */
typedef int http_bytes_fn(const void *bytes, size_t n, void *arg);

struct http_call {
	const char *url;
	int body_fd; /* what is posted, from its start; -1: a GET */
	uint64_t body_bytes;
	http_bytes_fn *on_bytes;
	void *arg;
	long status; /* out; 0: there was no answer */
};
/* 0: the answer is complete, whatever its status.  -1: ERR_IO the network, or
 * @on_bytes did not want it. */
int http_run(struct http *http, struct http_call *call, struct err *err);

/* May the same host do better later? */
bool http_is_passing(long status);

#endif
