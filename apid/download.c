/* GET /v1/media/:id/download: the file, whole or a range of it (RFC 9110). */
#include "apid/media.h"

#include <ctype.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apid/ask.h"
#include "apid/http.h"
#include "apid/range.h"
#include "apid/request.h"
#include "common/buf.h"
#include "common/media/library.h"
#include "common/own.h"

#define ETAG_LEN 67 /* 64 hex digits in quotes, and the NUL */

static void add_header(
	struct request *request, const char *name, const char *value)
{
	evhttp_add_header(
		evhttp_request_get_output_headers(request->http), name, value);
}

/* ---- Content-Disposition ---- */

static const char *extension_of(const char *mime)
{
	static const struct {
		const char *mime, *extension;
	} known[] = {
		{ "image/jpeg", "jpg" },
		{ "image/png", "png" },
		{ "image/webp", "webp" },
		{ "image/gif", "gif" },
		{ "video/mp4", "mp4" },
		{ "video/3gpp", "3gp" },
		{ "audio/ogg", "ogg" },
		{ "audio/mpeg", "mp3" },
		{ "audio/mp4", "m4a" },
		{ "audio/aac", "aac" },
		{ "audio/amr", "amr" },
		{ "application/pdf", "pdf" },
		{ "text/plain", "txt" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const size_t n = strlen(known[i].mime);

		if (strncmp(mime, known[i].mime, n) == 0 &&
			(mime[n] == '\0' || mime[n] == ';'))
			return known[i].extension;
	}
	return "bin";
}

/* Once for old clients, as far as ASCII goes, and once in full (RFC 6266). */
static void add_disposition(
	struct request *request, const struct media_entry *entry)
{
	scoped(buf_fini) struct buf value = BUF_INIT;
	scoped(str_free) char *made =
		xasprintf("%s.%s", entry->public_id, extension_of(entry->mime));
	const char *name =
		entry->file_name[0] != '\0' ? entry->file_name : made;

	buf_add_str(&value, "attachment; filename=\"");
	for (const char *c = name; *c != '\0'; c++) {
		const bool is_plain =
			*c >= ' ' && *c < 127 && strchr("\"\\%", *c) == NULL;

		buf_add_byte(&value, is_plain ? (uint8_t)*c : '_');
	}
	buf_add_str(&value, "\"; filename*=UTF-8''");
	for (const char *c = name; *c != '\0'; c++) {
		if (isalnum((unsigned char)*c) ||
			strchr("!#$&+-.^_`|~", *c) != NULL)
			buf_add_byte(&value, (uint8_t)*c);
		else
			buf_printf(&value, "%%%02X", (unsigned char)*c);
	}
	add_header(request, "Content-Disposition", buf_cstr(&value));
}

/* ---- the answer ---- */

static void make_etag(const struct media_entry *entry, char out[ETAG_LEN])
{
	out[0] = '"';
	for (size_t i = 0; i < sizeof(entry->sha256); i++)
		snprintf(out + 1 + 2 * i, 3, "%02x", entry->sha256[i]);
	memcpy(out + 65, "\"", 2);
}

static void add_headers(struct request *request,
	const struct media_entry *entry, const char *etag)
{
	add_header(request, "ETag", etag);
	add_header(request, "Accept-Ranges", "bytes");
	add_header(request, "Cache-Control", "private, no-cache");
	add_header(request, "X-Content-Type-Options", "nosniff");
	add_header(request, "Content-Security-Policy", "sandbox");
	add_disposition(request, entry);
}

static int not_satisfiable(
	struct request *request, int64_t size, struct err *err)
{
	char text[40];

	snprintf(text, sizeof(text), "bytes */%" PRId64, size);
	add_header(request, "Content-Range", text);
	request->extra_body = true;
	request->status = 416;
	request->reply = json_pack("{s:i, s:s, s:s}", "statusCode", 416,
		"error", "Range Not Satisfiable", "message",
		"The file is shorter than that");
	return err_set(err, ERR_INVALID, "range");
}

/* Which part is asked for; the whole when the range speaks of another file. */
static int take_range(struct request *request, const char *etag, int64_t size,
	struct err *err)
{
	bool twice = false;
	const char *text = http_header_once(request, "Range", &twice);
	const char *only_if = http_header_once(request, "If-Range", &twice);
	struct range range = { .length = size };
	char shown[72];

	if (text != NULL && (only_if == NULL || strcmp(only_if, etag) == 0)) {
		switch (range_parse(text, size, &range)) {
		case RANGE_WHOLE:
			break;
		case RANGE_PART:
			request->status = 206;
			snprintf(shown, sizeof(shown),
				"bytes %" PRId64 "-%" PRId64 "/%" PRId64,
				range.offset, range.offset + range.length - 1,
				size);
			add_header(request, "Content-Range", shown);
			break;
		case RANGE_BEYOND:
			return not_satisfiable(request, size, err);
		}
	}
	request->file.offset = range.offset;
	request->file.length = range.length;
	return 0;
}

static bool is_known(struct request *request, const char *etag)
{
	bool twice = false;
	const char *known = http_header_once(request, "If-None-Match", &twice);

	return known != NULL &&
	       (strcmp(known, "*") == 0 || strstr(known, etag) != NULL);
}

static int check_here(const struct media_entry *entry, struct request *request,
	struct err *err)
{
	switch (entry->state) {
	case MEDIA_READY:
		if (entry->has_file)
			return 0;
		break;
	case MEDIA_PENDING:
		/* With media.auto_download off, asking is what fetches it. */
		ask_and_forget(request, entry->device_id, "media.fetch",
			json_pack("{s:s}", "mediaId", entry->public_id));
		return err_set(err, ERR_CONFLICT, "The file is not here yet");
	case MEDIA_GONE:
	case MEDIA_FAILED:
		break;
	}
	request->extra_body = true;
	request->status = 410;
	request->reply = json_pack("{s:i, s:s, s:s}", "statusCode", 410,
		"error", "Gone", "message",
		entry->state == MEDIA_FAILED ? "The file could not be fetched"
					     : "The file is no longer there");
	return err_set(err, ERR_NOT_FOUND, "gone");
}

static int open_file(struct request *request, const struct media_entry *entry,
	int64_t *size_out, struct err *err)
{
	struct stat info;
	int fd = library_open(request->apid->config, entry->sha256, err);

	if (fd < 0)
		return -1;
	request->file.fd = fd;
	request->file.is_set = true;
	if (fstat(fd, &info) != 0)
		return err_set(err, ERR_IO, "cannot read the file");
	*size_out = info.st_size;
	return 0;
}

int media_download(struct request *request, struct err *err)
{
	struct media_entry entry;
	char etag[ETAG_LEN];
	int64_t size = 0;

	if (store_media_by_public_id(request->store, request->account_id,
		    request_text(request, "id"), media_entry_take, &entry,
		    err) != 0 ||
		check_here(&entry, request, err) != 0)
		return -1;
	make_etag(&entry, etag);
	if (is_known(request, etag)) {
		request->status = 304;
		add_header(request, "ETag", etag);
		return 0;
	}
	if (open_file(request, &entry, &size, err) != 0 ||
		take_range(request, etag, size, err) != 0)
		return -1;
	add_headers(request, &entry, etag);
	request->own_type = xstrdup(entry.mime);
	request->content_type = request->own_type;
	return 0;
}
