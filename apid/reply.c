/* See reply.h. */
#include "apid/reply.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apid/request.h"
#include "common/clock.h"
#include "common/own.h"

static const char *reason_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 413, "Payload Too Large" },
		{ 416, "Range Not Satisfiable" },
		{ 429, "Too Many Requests" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Internal Server Error";
}

static void add_header(
	struct request *request, const char *name, const char *value)
{
	evhttp_add_header(
		evhttp_request_get_output_headers(request->http), name, value);
}

static bool has_header(struct request *request, const char *name)
{
	return evhttp_find_header(
		       evhttp_request_get_output_headers(request->http),
		       name) != NULL;
}

/* The file goes from the page cache to the socket; its bytes never come here.
 */
static void add_file(struct request *request, struct evbuffer *out)
{
	request->file.is_set = false; /* the buffer closes it */
	evbuffer_set_flags(out, EVBUFFER_FLAG_DRAINS_TO_FD);
	if (request->file.length == 0 ||
		evbuffer_add_file(out, request->file.fd, request->file.offset,
			request->file.length) != 0)
		close(request->file.fd);
}

static void add_body(struct request *request, struct evbuffer *out)
{
	char *text = NULL;

	if (request->file.is_set && !request->failed) {
		add_file(request, out);
		return;
	}
	if (request->raw_reply != NULL && !request->failed)
		text = move(request->raw_reply);
	else if (request->reply != NULL)
		text = json_dumps(request->reply, JSON_COMPACT);
	if (text == NULL)
		return;
	evbuffer_add(out, text, strlen(text));
	free(text);
}

static void add_retry_after(struct request *request)
{
	const int64_t wait_ms = request->retry_at_ms - clock_now_ms();
	char seconds[24];

	snprintf(seconds, sizeof(seconds), "%" PRId64,
		wait_ms > 0 ? (wait_ms + 999) / 1000 : INT64_C(1));
	add_header(request, "Retry-After", seconds);
}

static bool has_body(int status)
{
	return status != 204 && status != 304;
}

/* evhttp would send the body of an answer to HEAD. */
static void take_body_back(struct request *request, struct evbuffer *out)
{
	char length[24];

	snprintf(length, sizeof(length), "%zu", evbuffer_get_length(out));
	add_header(request, "Content-Length", length);
	evbuffer_drain(out, evbuffer_get_length(out));
}

void reply_write(struct request *request)
{
	struct evhttp_request *http = request->http;
	struct evhttp_connection *connection =
		evhttp_request_get_connection(http);
	struct evbuffer *out = evbuffer_new();
	const bool is_own_type =
		request->content_type != NULL && !request->failed;

	if (connection != NULL)
		evhttp_connection_set_closecb(connection, NULL, NULL);
	if (has_body(request->status)) {
		add_body(request, out);
		add_header(request, "Content-Type",
			is_own_type ? request->content_type
				    : "application/json; charset=utf-8");
	}
	if (!has_header(request, "Cache-Control"))
		add_header(request, "Cache-Control", "no-store");
	if (request->status == 503)
		add_header(request, "Retry-After", "2");
	if (request->status == 429 && request->retry_at_ms != 0)
		add_retry_after(request);
	if (evhttp_request_get_command(http) == EVHTTP_REQ_HEAD)
		take_body_back(request, out);
	evhttp_send_reply(
		http, request->status, reason_phrase(request->status), out);
	evbuffer_free(out);
}
