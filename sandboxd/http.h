/* The HTTP side of the port: collects a request for control.c and sends its
 * answer. */
#ifndef SANDBOXD_HTTP_H
#define SANDBOXD_HTTP_H

#include "sandboxd/sandbox.h"

#define HTTP_MAX_BODY (1u << 20)
#define HTTP_MAX_PATH 512

/* One connection's current request; zeroed before the first. */
struct http {
	char method[8];
	char path[HTTP_MAX_PATH];
	char query[HTTP_MAX_PATH];
	struct buf body;
	struct buf answer; /* LWS_PRE bytes of room, then the JSON */
	size_t sent;	   /* of answer, with the room */
	bool too_large;
	bool last; /* no body length: libwebsockets would wait for a body, so
		      close */
};

/* Each returns 0, or -1 to have the connection closed. */
int http_on_request(struct http *http, struct lws *wsi, struct sandbox *sandbox,
	const char *path);
int http_on_body(struct http *http, const void *bytes, size_t n);
int http_on_body_end(
	struct http *http, struct lws *wsi, struct sandbox *sandbox);
int http_on_writable(struct http *http, struct lws *wsi);
void http_fini(struct http *http);

#endif
