/* Input against the endpoint's parameters: what is unknown, missing, of the
 * wrong type or out of range is ERR_INVALID, with every problem named in one
 * sentence each. */
#ifndef APID_VALIDATE_H
#define APID_VALIDATE_H

#include <stddef.h>

struct err;
struct evhttp_uri;
struct request;

/* Fills request->args from path, query and JSON body, and the idempotency key.
 */
int validate_request(
	struct request *request, const struct evhttp_uri *uri, struct err *err);

/* The part that a fuzzer drives: @bytes as the body of @request, whose endpoint
 * is set. */
int validate_body(
	struct request *request, const char *bytes, size_t n, struct err *err);

#endif
