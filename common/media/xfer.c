#include "common/media/xfer.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/json_write.h"
#include "common/own.h"

#define HEX(n) (2 * (n) + 1)

static const char *const op_names[] = {
	[XFER_UPLOAD] = "upload",
	[XFER_DOWNLOAD] = "download",
};

static const char *const result_names[] = {
	[XFER_DONE] = "done",
	[XFER_GONE] = "gone",
	[XFER_CORRUPT] = "corrupt",
	[XFER_FAILED] = "failed",
	[XFER_REFUSED] = "refused",
	[XFER_AUTH] = "auth",
};

const char *xfer_result_name(enum xfer_result result)
{
	return result_names[result];
}

/* Its number, or 0. */
static int name_find(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 1; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return 0;
}

/* ---- rules ---- */

static bool port_is_valid(const char *port)
{
	size_t n = strspn(port, "0123456789");

	return n > 0 && n <= 5 && port[n] == '\0';
}

bool xfer_host_is_valid(const char *host)
{
	const char *end;

	if (strlen(host) >= XFER_HOST)
		return false;
	if (host[0] == '[') {
		end = host + 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
		if (end == host + 1 || *end++ != ']')
			return false;
	} else {
		end = host;
		while (isalnum((unsigned char)*end) || *end == '-' ||
			*end == '.')
			end++;
		if (end == host)
			return false;
	}
	return *end == '\0' || (*end == ':' && port_is_valid(end + 1));
}

bool xfer_host_is_local(const char *host)
{
	size_t n = strcspn(host, ":");

	if (strncmp(host, "[::1]", 5) == 0)
		return host[5] == '\0' || host[5] == ':';
	if (n == strlen("localhost") && strncmp(host, "localhost", n) == 0)
		return true;
	return strncmp(host, "127.", 4) == 0 &&
	       strspn(host, "0123456789.") == n;
}

bool xfer_path_is_valid(const char *path)
{
	return path[0] == '/' && path[1] != '/' && strlen(path) < XFER_PATH &&
	       path[strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz"
				 "0123456789-._~/?&=%+,:;!$'()*")] == '\0';
}

/* ---- writing ---- */

static void write_hex(struct json_writer *json, const char *key,
	const uint8_t *bytes, size_t n)
{
	char hex[HEX(32)];

	sodium_bin2hex(hex, sizeof(hex), bytes, n);
	json_write_text(json, key, hex);
	sodium_memzero(hex, sizeof(hex));
}

/* Every name in the list was checked: nothing in it needs escaping. */
static void write_hosts(
	struct json_writer *json, const struct xfer_request *request)
{
	scoped(buf_fini) struct buf list = BUF_INIT;

	for (size_t i = 0; i < request->n_hosts; i++)
		buf_printf(&list, "%c\"%s\"", i == 0 ? '[' : ',',
			request->hosts[i]);
	buf_add_str(&list, request->n_hosts == 0 ? "[]" : "]");
	json_write_raw(json, "hosts", buf_cstr(&list));
}

static void write_ref(struct json_writer *json, const struct wa_media_ref *ref)
{
	json_write_text(json, "directPath", ref->direct_path);
	write_hex(json, "encSha256", ref->enc_sha256, 32);
	if (ref->has_sha256)
		write_hex(json, "sha256", ref->sha256, 32);
	json_write_int(json, "length", (int64_t)ref->length);
}

void xfer_request_write(const struct xfer_request *request, struct buf *out)
{
	struct json_writer json;

	/* At once, so that no copy stays behind where it grew from. */
	buf_reserve(out, XFER_REQUEST_MAX);
	json = json_write_begin(out);
	json_write_text(&json, "op", op_names[request->op]);
	json_write_int(&json, "parent", request->parent);
	json_write_bool(&json, "plain", request->is_plain);
	write_hosts(&json, request);
	json_write_text(&json, "auth", request->auth);
	json_write_text(&json, "caFile", request->ca_file);
	json_write_text(&json, "proxy", request->proxy);
	json_write_int(&json, "maxBytes", (int64_t)request->max_bytes);
	json_write_int(&json, "deadlineMs", request->deadline_ms);
	json_write_int(&json, "backoffMs", request->backoff_ms);
	json_write_text(&json, "type", wa_media_mms(request->ref.type));
	write_hex(&json, "key", request->ref.key, WA_MEDIA_KEY);
	if (request->op == XFER_DOWNLOAD)
		write_ref(&json, &request->ref);
	json_write_end(&json);
}

void xfer_answer_write(const struct xfer_answer *answer, struct buf *out)
{
	struct json_writer json = json_write_begin(out);

	json_write_text(&json, "result", result_names[answer->result]);
	json_write_text(&json, "reason", answer->reason);
	json_write_int(&json, "length", (int64_t)answer->length);
	write_hex(&json, "sha256", answer->sha256, 32);
	write_hex(&json, "encSha256", answer->enc_sha256, 32);
	json_write_text(&json, "directPath", answer->direct_path);
	json_write_text(&json, "url", answer->url);
	json_write_end(&json);
}

/* ---- reading ---- */

/* A member that is missing is left as it is; one that is wrong fails all. */
struct reader {
	const json_t *json; /* borrowed */
	struct err *err;
	bool failed;
};

static void refuse(struct reader *r, const char *key)
{
	if (!r->failed)
		err_set(r->err, ERR_INVALID, "\"%s\" is not as it should be",
			key);
	r->failed = true;
}

static void read_text(struct reader *r, const char *key, char *out, size_t cap)
{
	const json_t *value = json_object_get(r->json, key);
	const char *text = json_string_value(value);

	if (value == NULL)
		return;
	if (text == NULL || json_string_length(value) >= cap ||
		strlen(text) != json_string_length(value))
		refuse(r, key);
	else
		memcpy(out, text, strlen(text) + 1);
}

static void read_int(
	struct reader *r, const char *key, int64_t max, int64_t *out)
{
	const json_t *value = json_object_get(r->json, key);

	if (value == NULL)
		return;
	*out = json_integer_value(value);
	if (!json_is_integer(value) || *out < 0 || *out > max)
		refuse(r, key);
}

static void read_bool(struct reader *r, const char *key, bool *out)
{
	const json_t *value = json_object_get(r->json, key);

	if (value == NULL)
		return;
	*out = json_is_true(value);
	if (!json_is_boolean(value))
		refuse(r, key);
}

/* 32 bytes; false when they are not there. */
static bool read_hex(struct reader *r, const char *key, uint8_t out[32])
{
	char hex[HEX(32)] = "";
	size_t n = 0;

	read_text(r, key, hex, sizeof(hex));
	if (hex[0] == '\0')
		return false;
	if (sodium_hex2bin(out, 32, hex, strlen(hex), NULL, &n, NULL) != 0 ||
		n != 32)
		refuse(r, key);
	sodium_memzero(hex, sizeof(hex));
	return true;
}

static int read_name(
	struct reader *r, const char *key, const char *const *names, size_t n)
{
	char name[32] = "";
	int found;

	read_text(r, key, name, sizeof(name));
	found = name_find(names, n, name);
	if (found == 0)
		refuse(r, key);
	return found;
}

static void read_hosts(struct reader *r, struct xfer_request *out)
{
	const json_t *list = json_object_get(r->json, "hosts");
	size_t n = json_array_size(list);

	if (n == 0 || n > XFER_HOSTS) {
		refuse(r, "hosts");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *host = json_string_value(json_array_get(list, i));

		if (host == NULL || !xfer_host_is_valid(host) ||
			(out->is_plain && !xfer_host_is_local(host))) {
			refuse(r, "hosts");
			return;
		}
		snprintf(out->hosts[i], XFER_HOST, "%s", host);
	}
	out->n_hosts = n;
}

static void read_ref(struct reader *r, struct xfer_request *out)
{
	struct wa_media_ref *ref = &out->ref;
	int64_t length = 0;

	if (out->op != XFER_DOWNLOAD)
		return;
	read_text(r, "directPath", ref->direct_path, sizeof(ref->direct_path));
	if (!xfer_path_is_valid(ref->direct_path))
		refuse(r, "directPath");
	if (!read_hex(r, "encSha256", ref->enc_sha256))
		refuse(r, "encSha256");
	ref->has_sha256 = read_hex(r, "sha256", ref->sha256);
	read_int(r, "length", INT64_MAX, &length);
	ref->length = (uint64_t)length;
}

static void read_request(struct reader *r, struct xfer_request *out)
{
	int64_t parent = 0, max_bytes = 0;
	char type[32] = "";

	out->op =
		(enum xfer_op)read_name(r, "op", op_names, ARRAY_LEN(op_names));
	read_int(r, "parent", INT32_MAX, &parent);
	read_bool(r, "plain", &out->is_plain);
	read_hosts(r, out);
	read_text(r, "auth", out->auth, sizeof(out->auth));
	read_text(r, "caFile", out->ca_file, sizeof(out->ca_file));
	read_text(r, "proxy", out->proxy, sizeof(out->proxy));
	read_int(r, "maxBytes", INT64_C(1) << 40, &max_bytes);
	read_int(r, "deadlineMs", 3600 * 1000, &out->deadline_ms);
	read_int(r, "backoffMs", 60 * 1000, &out->backoff_ms);
	read_text(r, "type", type, sizeof(type));
	if (wa_media_type_parse(type, &out->ref.type) != 0)
		refuse(r, "type");
	if (!read_hex(r, "key", out->ref.key))
		refuse(r, "key");
	read_ref(r, out);
	out->parent = (int)parent;
	out->max_bytes = (uint64_t)max_bytes;
}

static json_t *object_load(const void *bytes, size_t n, struct err *err)
{
	json_error_t error;
	json_t *json = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, &error);

	if (json_is_object(json))
		return json;
	json_decref(json);
	err_set(err, ERR_INVALID, "no JSON object");
	return NULL;
}

int xfer_request_read(
	const void *bytes, size_t n, struct xfer_request *out, struct err *err)
{
	json_t *json = object_load(bytes, n, err);
	struct reader r = { .json = json, .err = err };

	memset(out, 0, sizeof(*out));
	if (json == NULL)
		return -1;
	read_request(&r, out);
	json_decref(json);
	return r.failed ? -1 : 0;
}

static void read_answer(struct reader *r, struct xfer_answer *out)
{
	int64_t length = 0;

	out->result = (enum xfer_result)read_name(
		r, "result", result_names, ARRAY_LEN(result_names));
	read_text(r, "reason", out->reason, sizeof(out->reason));
	read_int(r, "length", INT64_MAX, &length);
	out->length = (uint64_t)length;
	read_hex(r, "sha256", out->sha256);
	read_hex(r, "encSha256", out->enc_sha256);
	read_text(r, "directPath", out->direct_path, sizeof(out->direct_path));
	read_text(r, "url", out->url, sizeof(out->url));
	if (out->direct_path[0] != '\0' &&
		!xfer_path_is_valid(out->direct_path))
		refuse(r, "directPath");
}

int xfer_answer_read(
	const void *bytes, size_t n, struct xfer_answer *out, struct err *err)
{
	json_t *json = object_load(bytes, n, err);
	struct reader r = { .json = json, .err = err };

	memset(out, 0, sizeof(*out));
	if (json == NULL)
		return -1;
	read_answer(&r, out);
	json_decref(json);
	return r.failed ? -1 : 0;
}
