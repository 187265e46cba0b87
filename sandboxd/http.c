#include "sandboxd/http.h"

#include <string.h>

#include "common/own.h"

#define ANSWER_PIECE_BYTES (32u << 10)

static const struct {
	int token;
	const char *name;
} methods[] = {
	{ WSI_TOKEN_GET_URI, "GET" },
	{ WSI_TOKEN_POST_URI, "POST" },
	{ WSI_TOKEN_PUT_URI, "PUT" },
	{ WSI_TOKEN_DELETE_URI, "DELETE" },
};

void http_fini(struct http *http)
{
	buf_fini(&http->body);
	buf_fini(&http->answer);
}

static const char *request_method(struct lws *wsi)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (lws_hdr_total_length(wsi, methods[i].token) > 0)
			return methods[i].name;
	return NULL;
}

static long content_length(struct lws *wsi)
{
	char text[16];

	if (lws_hdr_copy(wsi, text, sizeof(text),
		    WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0)
		return -1;
	return strtol(text, NULL, 10);
}

/* Headers now; the body follows when the socket is writable. */
static int send_answer(struct http *http, struct lws *wsi, int status)
{
	uint8_t headers[LWS_PRE + 512], *at = headers + LWS_PRE, *start = at,
					*end = headers + sizeof(headers);
	size_t n = http->answer.len - LWS_PRE;

	if (lws_add_http_common_headers(wsi, (unsigned)status,
		    "application/json", n, &at, end) != 0 ||
		lws_finalize_write_http_header(wsi, start, &at, end) != 0)
		return -1;
	http->sent = LWS_PRE;
	lws_callback_on_writable(wsi);
	return 0;
}

static void answer_begin(struct http *http)
{
	static const uint8_t room[LWS_PRE];

	buf_clear(&http->answer);
	buf_add(&http->answer, room, sizeof(room));
}

static int answer_error(
	struct http *http, struct lws *wsi, int status, const char *why)
{
	answer_begin(http);
	buf_printf(&http->answer, "{\"error\":\"%s\"}", why);
	return send_answer(http, wsi, status);
}

/* control.c appends to a buffer of its own, so that it may also start over. */
static int run_request(
	struct http *http, struct lws *wsi, struct sandbox *sandbox)
{
	scoped(buf_fini) struct buf json = BUF_INIT;
	int status = control_on_request(sandbox, http->method, http->path,
		http->query, buf_cstr(&http->body), http->body.len, &json);

	arena_reset(sandbox->arena);
	answer_begin(http);
	buf_add(&http->answer, json.data, json.len);
	buf_fini(&http->body);
	return send_answer(http, wsi, status);
}

/* libwebsockets keeps the arguments apart; put them together again. */
static int copy_query(struct http *http, struct lws *wsi)
{
	size_t used = 0;
	int n;

	for (int i = 0; (n = lws_hdr_copy_fragment(wsi, http->query + used,
				 (int)(sizeof(http->query) - used),
				 WSI_TOKEN_HTTP_URI_ARGS, i)) > 0;
		i++) {
		used += (size_t)n;
		if (used + 2 > sizeof(http->query))
			return -1;
		http->query[used++] = '&';
		http->query[used] = '\0';
	}
	return n < -1 ? -1 : 0; /* -1 is the end, -2 is too long */
}

int http_on_request(struct http *http, struct lws *wsi, struct sandbox *sandbox,
	const char *path)
{
	const char *method = request_method(wsi);
	long n = content_length(wsi);

	http_fini(http);
	memset(http, 0, sizeof(*http));
	http->last = n < 0 && (method == NULL || strcmp(method, "POST") == 0 ||
				      strcmp(method, "PUT") == 0);
	if (method == NULL)
		return answer_error(http, wsi, 405, "method not allowed");
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
		return answer_error(http, wsi, 411, "length required");
	if (strlen(path) >= sizeof(http->path) || copy_query(http, wsi) != 0)
		return answer_error(http, wsi, 414, "path too long");
	snprintf(http->path, sizeof(http->path), "%s", path);
	snprintf(http->method, sizeof(http->method), "%s", method);
	if (n > 0)
		return 0; /* the body comes next */
	if (n == 0 &&
		(strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0))
		return 0; /* an empty body is announced all the same */
	return run_request(http, wsi, sandbox);
}

int http_on_body(struct http *http, const void *bytes, size_t n)
{
	if (http->body.len + n > HTTP_MAX_BODY)
		http->too_large = true;
	if (!http->too_large && n > 0)
		buf_add(&http->body, bytes, n);
	return 0;
}

int http_on_body_end(
	struct http *http, struct lws *wsi, struct sandbox *sandbox)
{
	if (http->answer.len > 0)
		return 0; /* refused already, before the body */
	if (http->too_large)
		return answer_error(http, wsi, 413, "body too large");
	return run_request(http, wsi, sandbox);
}

int http_on_writable(struct http *http, struct lws *wsi)
{
	size_t left = http->answer.len - http->sent;
	size_t n = left < ANSWER_PIECE_BYTES ? left : ANSWER_PIECE_BYTES;
	bool last = n == left;

	if (http->answer.len == 0)
		return 0;
	if (lws_write(wsi, http->answer.data + http->sent, n,
		    last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return -1;
	http->sent += n;
	if (!last) {
		lws_callback_on_writable(wsi);
		return 0;
	}
	buf_fini(&http->answer);
	return http->last || lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
}
