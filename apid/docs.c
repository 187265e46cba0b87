#include "apid/docs.h"

#include <event2/http.h>
#include <stdio.h>
#include <string.h>

#include "apid/http.h"
#include "apid/openapi.h"
#include "apid/request.h"
#include "common/own.h"
#include "common/wa/crypto.h"

#define ETAG_BYTES 16			  /* of the content's SHA-256 */
#define ETAG_LEN (2 * ETAG_BYTES + 2 + 1) /* in quotes */

/* The page loads only its own files and asks only this server. */
#define PAGE_POLICY                                                 \
	"default-src 'none'; script-src 'self'; style-src 'self'; " \
	"connect-src 'self'; img-src 'self' data: blob:; "          \
	"media-src blob:; base-uri 'none'; form-action 'none'; "    \
	"frame-ancestors 'none'"

struct file {
	const char *name, *bytes;
	size_t n;
};

static const struct file files[] = {
#include "docs_files.inc"
};

static void add_header(
	struct request *request, const char *name, const char *value)
{
	evhttp_add_header(
		evhttp_request_get_output_headers(request->http), name, value);
}

static void make_etag(const char *bytes, size_t n, char out[ETAG_LEN])
{
	uint8_t hash[32];

	wa_sha256(bytes, n, hash);
	out[0] = '"';
	for (size_t i = 0; i < ETAG_BYTES; i++)
		snprintf(out + 1 + 2 * i, 3, "%02x", hash[i]);
	memcpy(out + 1 + 2 * ETAG_BYTES, "\"", 2);
}

static void answer(struct request *request, const char *bytes, size_t n,
	const char *content_type)
{
	bool twice = false;
	const char *known = http_header_once(request, "If-None-Match", &twice);
	char etag[ETAG_LEN];

	make_etag(bytes, n, etag);
	add_header(request, "ETag", etag);
	/* To be kept, and asked about each time: a new release shows at once.
	 */
	add_header(request, "Cache-Control", "no-cache");
	add_header(request, "X-Content-Type-Options", "nosniff");
	if (known != NULL && strstr(known, etag) != NULL) {
		request->status = 304;
		return;
	}
	request->raw_reply = xstrdup(bytes);
	request->content_type = content_type;
}

int docs_openapi(struct request *request, struct err *err)
{
	const char *text = openapi_text();

	(void)err;
	answer(request, text, strlen(text), "application/json; charset=utf-8");
	return 0;
}

int docs_file(struct request *request, struct err *err)
{
	const char *path = request->endpoint->path;
	const char *slash = strrchr(path, '/');
	const char *name =
		strcmp(path, "/docs") == 0 ? "index.html" : slash + 1;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (strcmp(files[i].name, name) != 0)
			continue;
		add_header(request, "Content-Security-Policy", PAGE_POLICY);
		add_header(request, "Referrer-Policy", "no-referrer");
		answer(request, files[i].bytes, files[i].n,
			request->endpoint->other_type);
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "Resource does not exist");
}
