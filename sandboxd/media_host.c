/* The front of the media host: uploads, downloads with ranges, removal.  One
 * port answers https and http alike, because clients only build https URLs and
 * a test would rather do without.
 *
 * Bodies pass through files piece by piece; none is held in memory. */
#include <libwebsockets.h>

#include "sandboxd/media.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/fault.h"

#define PIECE_BYTES (32u << 10)
#define STALLED_S 30
#define AUTH_MAX 160

struct media_host {
	struct lws_vhost *vhost;
	int port;
	struct buf cert, key; /* PEM, NUL-terminated */
};

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_DELETE };

/* One connection's current request; zeroed before the first. */
struct transfer {
	enum method method;
	/* a body that comes in */
	bool receiving;
	int refusal; /* of it, once it is there; 0 = none */
	struct media_upload *upload;
	char id[MEDIA_ID_LEN];
	char from[64]; /* "phone:device", for the log */
	/* a body that goes out: a short text, or a file */
	struct buf text;
	bool has_file;
	int fd;
	uint64_t at, end;
	uint64_t cut_at;   /* the connection ends here; UINT64_MAX = not */
	uint64_t flip_at;  /* this byte is wrong; UINT64_MAX = none */
	unsigned delay_ms; /* before each piece */
	bool waited;
	bool close; /* the connection is not used again */
};

static const struct {
	int token;
	enum method method;
} methods[] = {
	{ WSI_TOKEN_GET_URI, METHOD_GET },
	{ WSI_TOKEN_HEAD_URI, METHOD_HEAD },
	{ WSI_TOKEN_POST_URI, METHOD_POST },
	{ WSI_TOKEN_DELETE_URI, METHOD_DELETE },
};

static void transfer_fini(struct transfer *transfer)
{
	media_upload_free(&transfer->upload);
	buf_fini(&transfer->text);
	if (transfer->has_file)
		fd_close(&transfer->fd);
	transfer->has_file = false;
}

static void transfer_init(struct transfer *transfer)
{
	transfer_fini(transfer);
	*transfer = (struct transfer){
		.cut_at = UINT64_MAX,
		.flip_at = UINT64_MAX,
	};
}

/* ---- answers ---- */

struct head {
	int status;
	const char *type;
	uint64_t length;   /* of the body, sent or not */
	const char *range; /* Content-Range, or NULL */
};

static int send_head(struct lws *wsi, const struct head *head)
{
	uint8_t headers[LWS_PRE + 768], *at = headers + LWS_PRE, *start = at,
					*end = headers + sizeof(headers);

	if (lws_add_http_common_headers(wsi, (unsigned)head->status, head->type,
		    head->length, &at, end) != 0 ||
		lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_ACCEPT_RANGES,
			(const uint8_t *)"bytes", 5, &at, end) != 0)
		return -1;
	if (head->range != NULL &&
		lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_RANGE,
			(const uint8_t *)head->range, (int)strlen(head->range),
			&at, end) != 0)
		return -1;
	if (lws_finalize_write_http_header(wsi, start, &at, end) != 0)
		return -1;
	lws_callback_on_writable(wsi);
	return 0;
}

static int answer_text(struct transfer *transfer, struct lws *wsi, int status,
	const char *type)
{
	const struct head head = {
		.status = status,
		.type = type,
		.length = transfer->text.len,
	};

	transfer->at = 0;
	transfer->end = transfer->text.len;
	return send_head(wsi, &head);
}

static int answer_error(struct transfer *transfer, struct lws *wsi, int status)
{
	buf_clear(&transfer->text);
	if (transfer->method != METHOD_HEAD)
		buf_printf(&transfer->text, "{\"error\":%d}", status);
	return answer_text(transfer, wsi, status, "application/json");
}

static int done(struct transfer *transfer, struct lws *wsi)
{
	bool close = transfer->close;

	transfer_fini(transfer);
	return close || lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
}

/* The next piece into @piece, or -1. */
static int read_piece(struct transfer *transfer, uint8_t *piece, size_t n)
{
	ssize_t got;

	if (!transfer->has_file) {
		memcpy(piece, transfer->text.data + transfer->at, n);
		return 0;
	}
	do {
		got = pread(transfer->fd, piece, n, (off_t)transfer->at);
	} while (got < 0 && errno == EINTR);
	if (got != (ssize_t)n)
		return -1;
	if (transfer->flip_at >= transfer->at &&
		transfer->flip_at - transfer->at < n)
		piece[transfer->flip_at - transfer->at] ^= 0x01;
	return 0;
}

/* A slow host waits before each piece; the connection shall bear it. */
static bool waits(struct transfer *transfer, struct lws *wsi)
{
	if (transfer->delay_ms == 0 || transfer->waited)
		return false;
	transfer->waited = true;
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	lws_set_timer_usecs(
		wsi, (lws_usec_t)transfer->delay_ms * LWS_US_PER_MS);
	return true;
}

static int on_writable(struct transfer *transfer, struct lws *wsi)
{
	uint8_t bytes[LWS_PRE + PIECE_BYTES];
	uint64_t left = transfer->end - transfer->at;
	size_t n = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;

	if (transfer->receiving || waits(transfer, wsi))
		return 0;
	if (transfer->at >= transfer->cut_at)
		return -1;
	if (left == 0)
		return done(transfer, wsi);
	if (n > transfer->cut_at - transfer->at)
		n = (size_t)(transfer->cut_at - transfer->at);
	if (read_piece(transfer, bytes + LWS_PRE, n) != 0 ||
		lws_write(wsi, bytes + LWS_PRE, n,
			n == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return -1;
	transfer->at += n;
	transfer->waited = false;
	if (transfer->at == transfer->end)
		return done(transfer, wsi);
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, STALLED_S);
	lws_callback_on_writable(wsi);
	return 0;
}

/* ---- downloads ---- */

static struct media_range asked_range(struct lws *wsi, uint64_t bytes)
{
	char text[64];

	if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_RANGE) <= 0)
		text[0] = '\0';
	return media_range_of(text, bytes);
}

static int answer_blob(struct transfer *transfer, struct lws *wsi,
	const struct blob *blob, const struct fault_media *fault)
{
	struct media_range range = asked_range(wsi, blob->bytes);
	struct head head = {
		.status = range.given ? 206 : 200,
		.type = "application/octet-stream",
		.length = range.end - range.from,
	};
	char text[80];

	if (range.impossible)
		return answer_error(transfer, wsi, 416);
	snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
		range.from, range.end - 1, blob->bytes);
	head.range = range.given ? text : NULL;
	if (transfer->method == METHOD_HEAD)
		return send_head(wsi, &head);
	transfer->fd = fcntl(blob->fd, F_DUPFD_CLOEXEC, 0);
	if (transfer->fd < 0)
		return answer_error(transfer, wsi, 503);
	transfer->has_file = true;
	transfer->at = range.from;
	transfer->end = range.end;
	if (fault->truncate)
		transfer->cut_at = range.from + head.length / 2;
	if (fault->flip)
		transfer->flip_at = range.from + head.length / 2;
	return send_head(wsi, &head);
}

static int on_download(struct transfer *transfer, struct lws *wsi,
	struct sandbox *sandbox, const char *path)
{
	struct fault_media fault = fault_on_media(sandbox, FAULT_OUT, NULL);
	const struct blob *blob = NULL;
	char id[MEDIA_ID_LEN];

	transfer->delay_ms = (unsigned)fault.delay_ms;
	if (fault.error != 0)
		return answer_error(transfer, wsi, fault.error);
	if (media_id_of_path(path, id))
		blob = media_find(sandbox, id);
	if (blob == NULL)
		return answer_error(transfer, wsi, 404);
	return answer_blob(transfer, wsi, blob, &fault);
}

/* ---- uploads ---- */

/* The id in "/mms/<type>/<token>". */
static bool id_of_upload(const char *path, char out[MEDIA_ID_LEN])
{
	if (strncmp(path, "/mms/", 5) != 0)
		return false;
	path = strchr(path + 5, '/');
	return path != NULL && media_id_of_token(path + 1, out);
}

static struct device *asking_device(struct lws *wsi, struct sandbox *sandbox)
{
	char auth[AUTH_MAX];
	const char *value =
		lws_get_urlarg_by_name(wsi, "auth=", auth, (int)sizeof(auth));

	return value == NULL ? NULL : media_auth_device(sandbox, value);
}

static int check_upload(struct transfer *transfer, struct lws *wsi,
	struct sandbox *sandbox, const char *path)
{
	const struct device *from = asking_device(wsi, sandbox);
	struct fault_media fault;
	struct err err = ERR_NONE;

	if (from == NULL)
		return 401;
	if (!id_of_upload(path, transfer->id))
		return 400;
	snprintf(transfer->from, sizeof(transfer->from), "%s:%u",
		from->account->pn, from->number);
	fault = fault_on_media(sandbox, FAULT_IN, from);
	transfer->delay_ms = (unsigned)fault.delay_ms;
	if (fault.error != 0)
		return fault.error;
	transfer->upload = media_upload_new(sandbox, &err);
	if (transfer->upload == NULL) {
		log_warning("media reason=\"%s\" action=refused_503", err.msg);
		return 503;
	}
	return 0;
}

static int64_t content_length(struct lws *wsi)
{
	char text[20];

	if (lws_hdr_copy(wsi, text, sizeof(text),
		    WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0)
		return -1;
	return strtoll(text, NULL, 10);
}

/* What is refused is answered once the body is there: a client that is still
 * writing would not read the answer.  A body that is too long is not awaited.
 */
static int on_upload(struct transfer *transfer, struct lws *wsi,
	struct sandbox *sandbox, const char *path)
{
	int64_t n = content_length(wsi);

	transfer->close = true;
	if (n < 0)
		return answer_error(transfer, wsi, 411);
	if (n > (int64_t)MEDIA_MAX_BYTES)
		return answer_error(transfer, wsi, 413);
	transfer->close = false;
	transfer->refusal = check_upload(transfer, wsi, sandbox, path);
	transfer->receiving = true;
	return 0;
}

static int on_body(struct transfer *transfer, const void *bytes, size_t n)
{
	struct err err = ERR_NONE;

	if (transfer->upload == NULL || n == 0)
		return 0;
	if (media_upload_add(transfer->upload, bytes, n, &err) == 0)
		return 0;
	media_upload_free(&transfer->upload);
	transfer->refusal = err.code == ERR_TOO_LARGE ? 413 : 503;
	return 0;
}

static int answer_stored(
	struct transfer *transfer, struct lws *wsi, struct sandbox *sandbox)
{
	const char *path = media_path(sandbox, transfer->id);

	buf_clear(&transfer->text);
	buf_printf(&transfer->text,
		"{\"url\":\"https://%s%s\",\"direct_path\":\"%s\","
		"\"handle\":\"%s\",\"object_id\":\"%s\"}",
		media_hostname(sandbox), path, path, transfer->id,
		transfer->id);
	return answer_text(transfer, wsi, 200, "application/json");
}

static int on_body_end(
	struct transfer *transfer, struct lws *wsi, struct sandbox *sandbox)
{
	struct err err = ERR_NONE;
	int rc;

	if (!transfer->receiving)
		return 0; /* refused before the body */
	transfer->receiving = false;
	if (transfer->upload == NULL)
		return answer_error(transfer, wsi, transfer->refusal);
	if (media_upload_keep(sandbox, &transfer->upload, transfer->id, &err) !=
		0) {
		log_info("media id=%s status=refused reason=\"%s\"",
			transfer->id, err.msg);
		return answer_error(transfer, wsi, 400);
	}
	log_info("media id=%s status=stored by=%s", transfer->id,
		transfer->from);
	rc = answer_stored(transfer, wsi, sandbox);
	arena_reset(sandbox->arena);
	return rc;
}

static int on_delete(struct transfer *transfer, struct lws *wsi,
	struct sandbox *sandbox, const char *path)
{
	char id[MEDIA_ID_LEN];

	transfer->close = true; /* without a body length one would be awaited */
	if (asking_device(wsi, sandbox) == NULL)
		return answer_error(transfer, wsi, 401);
	if (!id_of_upload(path, id))
		return answer_error(transfer, wsi, 404);
	media_delete(sandbox, id); /* what is gone is gone */
	buf_add_str(&transfer->text, "{}");
	return answer_text(transfer, wsi, 200, "application/json");
}

/* ---- callbacks of libwebsockets ---- */

static int on_request(struct transfer *transfer, struct lws *wsi,
	struct sandbox *sandbox, const char *path)
{
	transfer_init(transfer);
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		if (lws_hdr_total_length(wsi, methods[i].token) <= 0)
			continue;
		transfer->method = methods[i].method;
		switch (transfer->method) {
		case METHOD_GET:
		case METHOD_HEAD:
			return on_download(transfer, wsi, sandbox, path);
		case METHOD_POST:
			return on_upload(transfer, wsi, sandbox, path);
		case METHOD_DELETE:
			return on_delete(transfer, wsi, sandbox, path);
		}
	}
	transfer->close = true;
	return answer_error(transfer, wsi, 405);
}

static int on_connection(struct lws *wsi, enum lws_callback_reasons reason,
	void *user, void *in, size_t n)
{
	struct transfer *transfer = user;
	struct lws_context *lws = lws_get_context(wsi);
	struct sandbox *sandbox = lws != NULL ? lws_context_user(lws) : NULL;

	switch ((int)reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return -1; /* no websockets here */
	case LWS_CALLBACK_HTTP:
		return on_request(transfer, wsi, sandbox, in);
	case LWS_CALLBACK_HTTP_BODY:
		return on_body(transfer, in, n);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return on_body_end(transfer, wsi, sandbox);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return on_writable(transfer, wsi);
	case LWS_CALLBACK_TIMER:
		lws_callback_on_writable(wsi);
		return 0;
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		if (transfer != NULL)
			transfer_fini(transfer);
		return 0;
	default:
		return 0; /* dozens of reasons that a server need not know */
	}
}

static const struct lws_protocols protocols[] = {
	{ .name = "media",
		.callback = on_connection,
		.per_session_data_size = sizeof(struct transfer) },
	{ 0 },
};

/* ---- life ---- */

int media_host_open(struct sandbox *sandbox, int port, struct err *err)
{
	struct media_host *host = sandbox->media_host =
		xcalloc(1, sizeof(*host));
	struct lws_context_creation_info info = {
		.port = port,
		.iface = "127.0.0.1",
		.protocols = protocols,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.options = LWS_SERVER_OPTION_DISABLE_IPV6 |
			   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
			   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
			   LWS_SERVER_OPTION_ALLOW_NON_SSL_ON_SSL_PORT |
			   LWS_SERVER_OPTION_ALLOW_HTTP_ON_HTTPS_LISTENER,
		.alpn = "http/1.1",
		.timeout_secs = 20,
		.keepalive_timeout = 60,
		.vhost_name = "media",
	};

	if (media_cert_new(&host->cert, &host->key, err) != 0)
		return -1;
	info.server_ssl_cert_mem = buf_cstr(&host->cert);
	info.server_ssl_cert_mem_len = (unsigned)host->cert.len;
	info.server_ssl_private_key_mem = buf_cstr(&host->key);
	info.server_ssl_private_key_mem_len = (unsigned)host->key.len;
	host->vhost = lws_create_vhost(sandbox->lws, &info);
	if (host->vhost == NULL)
		return err_set(err, ERR_IO,
			"127.0.0.1:%d: cannot listen for media", port);
	host->port = lws_get_vhost_listen_port(host->vhost);
	return 0;
}

void media_host_free(struct media_host **hostp)
{
	struct media_host *host = move(*hostp);

	if (host == NULL)
		return;
	buf_fini(&host->cert);
	if (host->key.data != NULL)
		explicit_bzero(host->key.data, host->key.cap);
	buf_fini(&host->key);
	free(host);
}

const char *media_host_certificate(const struct sandbox *sandbox)
{
	return sandbox->media_host == NULL
		       ? NULL
		       : buf_cstr(&sandbox->media_host->cert);
}

const char *media_hostname(struct sandbox *sandbox)
{
	return arena_printf(sandbox->arena, "127.0.0.1:%d",
		sandbox->media_host == NULL ? 0 : sandbox->media_host->port);
}
