#include "common/media/answer.h"

#include <ctype.h>
#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/media/convert.h"
#include "common/own.h"

#define SENTENCE_MAX 200
/* What a worker may blame. */
static const enum err_code codes[] = { ERR_INVALID, ERR_TOO_LARGE, ERR_IO,
	ERR_INTERNAL };

static void json_free(json_t **jsonp)
{
	json_decref(move(*jsonp));
}

/* ---- writing ---- */

static void put_base64(
	json_t *json, const char *key, const uint8_t *bytes, size_t n)
{
	size_t cap =
		sodium_base64_encoded_len(n, sodium_base64_VARIANT_ORIGINAL);
	scoped(str_free) char *text = xcalloc(1, cap);

	sodium_bin2base64(text, cap, bytes, n, sodium_base64_VARIANT_ORIGINAL);
	json_object_set_new(json, key, json_string(text));
}

/* 0 is "none" for all of them. */
static void put_number(json_t *json, const char *key, uint32_t value)
{
	if (value != 0)
		json_object_set_new(json, key, json_integer(value));
}

static void dump(const json_t *json, struct buf *out)
{
	char *text = json_dumps(json, JSON_COMPACT);

	buf_add_str(out, text != NULL ? text : "{}");
	free(text);
}

void answer_write(const struct media_facts *facts, struct buf *out)
{
	scoped(json_free) json_t *json = json_object();

	json_object_set_new(
		json, "kind", json_string(media_kind_name(facts->kind)));
	json_object_set_new(json, "mime", json_string(facts->mime));
	put_number(json, "width", facts->width);
	put_number(json, "height", facts->height);
	put_number(json, "seconds", facts->seconds);
	put_number(json, "pages", facts->pages);
	if (facts->is_animated)
		json_object_set_new(json, "animated", json_true());
	if (facts->thumbnail.len > 0)
		put_base64(json, "thumbnail", facts->thumbnail.data,
			facts->thumbnail.len);
	if (facts->has_waveform)
		put_base64(json, "waveform", facts->waveform, MEDIA_WAVEFORM);
	dump(json, out);
}

void answer_write_error(const struct err *err, struct buf *out)
{
	scoped(json_free) json_t *json = json_object();

	json_object_set_new(json, "error", json_string(err->msg));
	json_object_set_new(
		json, "code", json_string(err_code_name(err->code)));
	dump(json, out);
}

/* ---- reading ---- */

static int refuse(struct err *err, const char *what)
{
	return err_set(err, ERR_PEER, "the answer's %s is wrong", what);
}

static bool is_sentence(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			return false;
	return text[0] != '\0' && strlen(text) <= SENTENCE_MAX;
}

static int read_error(const json_t *json, struct err *err)
{
	const char *sentence =
		json_string_value(json_object_get(json, "error"));
	const char *code = json_string_value(json_object_get(json, "code"));

	if (sentence == NULL || code == NULL || !is_sentence(sentence))
		return refuse(err, "error");
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (strcmp(code, err_code_name(codes[i])) == 0)
			return err_set(err, codes[i], "%s", sentence);
	return refuse(err, "code");
}

/* type/subtype, and at most what says the codec: "audio/ogg; codecs=opus". */
static int read_mime(const json_t *json, struct media_facts *out)
{
	const char *mime = json_string_value(json_object_get(json, "mime"));

	if (mime == NULL || strchr(mime, '/') == NULL ||
		strlen(mime) >= sizeof(out->mime))
		return -1;
	for (const char *c = mime; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) &&
			strchr("/+-._; =", *c) == NULL)
			return -1;
	strcpy(out->mime, mime);
	return 0;
}

static int read_number(const json_t *json, const char *key, uint32_t *out)
{
	const json_t *member = json_object_get(json, key);

	if (member == NULL)
		return 0;
	if (!json_is_integer(member) || json_integer_value(member) < 0 ||
		json_integer_value(member) > INT32_MAX)
		return -1;
	*out = (uint32_t)json_integer_value(member);
	return 0;
}

/* Absent: 0 bytes.  -1: no base64, or more than @cap bytes. */
static int read_base64(const json_t *json, const char *key, uint8_t *out,
	size_t cap, size_t *n_out)
{
	const json_t *member = json_object_get(json, key);

	*n_out = 0;
	if (member == NULL)
		return 0;
	if (!json_is_string(member))
		return -1;
	return sodium_base642bin(out, cap, json_string_value(member),
		json_string_length(member), NULL, n_out, NULL,
		sodium_base64_VARIANT_ORIGINAL);
}

static int read_thumbnail(const json_t *json, struct media_facts *out)
{
	uint8_t bytes[MEDIA_THUMB_MAX];
	size_t n;

	if (read_base64(json, "thumbnail", bytes, sizeof(bytes), &n) != 0)
		return -1;
	if (n > 0)
		buf_add(&out->thumbnail, bytes, n);
	return 0;
}

static int read_waveform(const json_t *json, struct media_facts *out)
{
	size_t n;

	if (read_base64(json, "waveform", out->waveform, MEDIA_WAVEFORM, &n) !=
			0 ||
		(n != 0 && n != MEDIA_WAVEFORM))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (out->waveform[i] > 100)
			return -1;
	out->has_waveform = n != 0;
	return 0;
}

static int read_facts(
	const json_t *json, struct media_facts *out, struct err *err)
{
	const char *kind = json_string_value(json_object_get(json, "kind"));

	if (kind == NULL || media_kind_parse(kind, &out->kind) != 0)
		return refuse(err, "kind");
	if (read_mime(json, out) != 0)
		return refuse(err, "mime");
	if (read_number(json, "width", &out->width) != 0 ||
		read_number(json, "height", &out->height) != 0)
		return refuse(err, "size");
	if (read_number(json, "seconds", &out->seconds) != 0)
		return refuse(err, "seconds");
	if (read_number(json, "pages", &out->pages) != 0)
		return refuse(err, "pages");
	if (read_thumbnail(json, out) != 0)
		return refuse(err, "thumbnail");
	if (read_waveform(json, out) != 0)
		return refuse(err, "waveform");
	out->is_animated = json_is_true(json_object_get(json, "animated"));
	return 0;
}

int answer_read(
	const char *text, size_t n, struct media_facts *out, struct err *err)
{
	scoped(json_free) json_t *json = NULL;

	*out = (struct media_facts){ 0 };
	if (n <= ANSWER_MAX)
		json = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(json))
		return err_set(err, ERR_PEER, "the answer is no JSON object");
	if (json_object_get(json, "error") != NULL)
		return read_error(json, err);
	return read_facts(json, out, err);
}
