#include "common/json_write.h"

#include <inttypes.h>

#include "common/buf.h"

struct json_writer json_write_begin(struct buf *out)
{
	buf_add_byte(out, '{');
	return (struct json_writer){ .out = out };
}

void json_write_end(struct json_writer *json)
{
	buf_add_byte(json->out, '}');
}

static void add_key(struct json_writer *json, const char *key)
{
	if (json->has_member)
		buf_add_byte(json->out, ',');
	json->has_member = true;
	buf_add_byte(json->out, '"');
	buf_add_str(json->out, key);
	buf_add(json->out, "\":", 2);
}

static bool is_tail(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/* Bytes of the well-formed UTF-8 sequence that starts at @s (Unicode, table
 * 3-7), or 0. The NUL that ends the text is no tail byte, so nothing past it is
 * read. */
static size_t utf8_length(const uint8_t *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return is_tail(s[1]) ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		if (!is_tail(s[1]) || !is_tail(s[2]))
			return 0;
		if (s[0] == 0xe0 && s[1] < 0xa0)
			return 0;			    /* overlong */
		return s[0] == 0xed && s[1] > 0x9f ? 0 : 3; /* surrogate */
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if (!is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3]))
			return 0;
		if (s[0] == 0xf0 && s[1] < 0x90)
			return 0;			    /* overlong */
		return s[0] == 0xf4 && s[1] > 0x8f ? 0 : 4; /* too big */
	}
	return 0;
}

static void add_escape(struct buf *out, uint8_t byte)
{
	switch (byte) {
	case '"':
		buf_add(out, "\\\"", 2);
		return;
	case '\\':
		buf_add(out, "\\\\", 2);
		return;
	case '\n':
		buf_add(out, "\\n", 2);
		return;
	case '\r':
		buf_add(out, "\\r", 2);
		return;
	case '\t':
		buf_add(out, "\\t", 2);
		return;
	default:
		buf_printf(out, "\\u%04x", byte);
	}
}

/* Bytes at @s that are copied as they are. */
static size_t plain_length(const uint8_t *s)
{
	size_t n = 0;
	size_t step;

	while (s[n] >= 0x20 && s[n] != '"' && s[n] != '\\') {
		step = utf8_length(s + n);
		if (step == 0)
			break;
		n += step;
	}
	return n;
}

void json_write_text(
	struct json_writer *json, const char *key, const char *text)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t n;

	if (text == NULL)
		return;
	add_key(json, key);
	buf_add_byte(json->out, '"');
	for (;;) {
		n = plain_length(s);
		buf_add(json->out, s, n);
		s += n;
		if (*s == '\0')
			break;
		if (*s < 0x80)
			add_escape(json->out, *s);
		else
			buf_add_str(json->out, "\xef\xbf\xbd");
		s++;
	}
	buf_add_byte(json->out, '"');
}

void json_write_bool(struct json_writer *json, const char *key, bool value)
{
	add_key(json, key);
	buf_add_str(json->out, value ? "true" : "false");
}

void json_write_int(struct json_writer *json, const char *key, int64_t value)
{
	add_key(json, key);
	buf_printf(json->out, "%" PRId64, value);
}

void json_write_raw(
	struct json_writer *json, const char *key, const char *value)
{
	if (value == NULL)
		return;
	add_key(json, key);
	buf_add_str(json->out, value);
}
