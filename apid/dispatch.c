/* See dispatch.h. */
#include "apid/dispatch.h"

#include <event2/http.h>
#include <event2/http_struct.h>
#include <string.h>
#include <strings.h>

#include "apid/auth.h"
#include "apid/http.h"
#include "apid/request.h"
#include "apid/router.h"
#include "apid/validate.h"
#include "common/own.h"

static const char *method_name(struct evhttp_request *http)
{
	switch (evhttp_request_get_command(http)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_OPTIONS:
		return "OPTIONS";
	default:
		return "?";
	}
}

void dispatch_render_error(struct request *request)
{
	const struct dialect *dialect = request->dialect;

	if (dialect == NULL)
		dialect = &dialect_msgera;
	dialect->render_error(request, &request->err);
}

/* Two values for one of these would mean two readings of one request. */
static int check_headers(struct request *request, struct err *err)
{
	static const char *const once[] = { "Content-Length", "Content-Type",
		"Transfer-Encoding", "Host", "Authorization", "X-API-Key",
		"Idempotency-Key" };

	for (size_t i = 0; i < ARRAY_LEN(once); i++) {
		bool twice = false;

		(void)http_header_once(request, once[i], &twice);
		if (twice)
			return err_set(err, ERR_INVALID,
				"header %s must not be repeated", once[i]);
	}
	return 0;
}

static int find_endpoint(struct request *request, const char *method,
	const char *path, struct err *err)
{
	char allow[64];
	int rc = router_find(method, path, request, allow, sizeof(allow));

	if (rc == ROUTER_FOUND)
		return 0;
	if (rc == ROUTER_NOT_FOUND)
		return err_set(
			err, ERR_NOT_FOUND, "Cannot %s %s", method, path);
	evhttp_add_header(evhttp_request_get_output_headers(request->http),
		"Allow", allow);
	request->status = 405;
	return err_set(err, ERR_INVALID, "%s is not allowed here, only %s",
		method, allow);
}

static int prepare(struct request *request, struct err *err)
{
	const struct evhttp_uri *uri =
		evhttp_request_get_evhttp_uri(request->http);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	const char *method = method_name(request->http);

	if (path == NULL || path[0] == '\0')
		return err_set(err, ERR_INVALID, "the request has no path");
	if (check_headers(request, err) != 0 ||
		find_endpoint(request, method, path, err) != 0 ||
		auth_check(request, err) != 0)
		return -1;
	return validate_request(request, uri, err);
}

static void run(struct request *request)
{
	const struct endpoint *endpoint = request->endpoint;
	struct err err = ERR_NONE;

	request->status = endpoint->success;
	if (endpoint->write != NULL) {
		if (request_write(request, endpoint->write, NULL, &err) != 0)
			request_fail(request, &err);
		return;
	}
	if (endpoint->start != NULL) {
		if (endpoint->start(request, &err) != 0)
			request_fail(request, &err);
		return;
	}
	if (endpoint->read(request, &err) != 0)
		request_fail(request, &err);
	else if (!request->is_streaming)
		request_finish(request);
}

void dispatch_request(struct request *request)
{
	struct err err = ERR_NONE;

	if (prepare(request, &err) != 0)
		request_fail(request, &err);
	else
		run(request);
}
