#include "mediaconv/csv_text.h"

#include <stdbool.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "mediaconv/source.h"
#include "mediaconv/table.h"
#include "mediaconv/table_text.h"

/* 0x80 to 0x9f; 0: there is none. */
static const uint16_t windows_1252[32] = { 0x20ac, 0, 0x201a, 0x0192, 0x201e,
	0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,
	0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178 };

static const struct {
	enum charset charset;
	const char *mark;
	size_t n;
} marks[] = {
	{ CHARSET_UTF8, "\xef\xbb\xbf", 3 },
	{ CHARSET_UTF16LE, "\xff\xfe", 2 },
	{ CHARSET_UTF16BE, "\xfe\xff", 2 },
};

static int refuse(struct err *err)
{
	return err_set(err, ERR_INVALID, TABLE_UNKNOWN);
}

/* What a text may have; NUL and the like are a sign of something else. */
static bool is_of_text(uint32_t c)
{
	return c >= ' ' || (c >= '\t' && c <= '\r');
}

static bool is_utf8(const uint8_t *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		const size_t length = text_character(bytes + at, n - at);

		if (length == 0)
			return false;
		at += length;
	}
	return true;
}

static bool charset_by_mark(struct csv_text *text)
{
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (text->n < marks[i].n ||
			memcmp(text->bytes, marks[i].mark, marks[i].n) != 0)
			continue;
		text->charset = marks[i].charset;
		text->bytes += marks[i].n;
		text->n -= marks[i].n;
		return true;
	}
	return false;
}

int csv_text_open(
	const struct source *source, struct csv_text *out, struct err *err)
{
	*out = (struct csv_text){ .bytes = source->bytes, .n = source->n };
	if (charset_by_mark(out) && out->charset != CHARSET_UTF8)
		return out->n % 2 == 0 ? 0 : refuse(err);
	out->charset = is_utf8(out->bytes, out->n) ? CHARSET_UTF8
						   : CHARSET_WINDOWS_1252;
	for (size_t i = 0; i < out->n; i++)
		if (!is_of_text(out->bytes[i]))
			return refuse(err);
	return 0;
}

static uint32_t unit_take(struct csv_text *text)
{
	const uint8_t *at = text->bytes;
	const bool is_big = text->charset == CHARSET_UTF16BE;

	text->bytes += 2;
	text->n -= 2;
	return (uint32_t)(is_big ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
}

static int utf16_take(struct csv_text *text, struct buf *out, struct err *err)
{
	uint32_t c = unit_take(text);

	if (c >= 0xd800 && c < 0xdc00 && text->n > 0) {
		const uint32_t low = unit_take(text);

		if (low < 0xdc00 || low >= 0xe000)
			return refuse(err);
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	} else if ((c >= 0xd800 && c < 0xe000) || !is_of_text(c)) {
		return refuse(err);
	}
	text_add_character(out, c);
	return 0;
}

static int windows_take(struct csv_text *text, struct buf *out, struct err *err)
{
	uint32_t c = *text->bytes++;

	text->n--;
	if (c >= 0x80 && c < 0xa0)
		c = windows_1252[c - 0x80];
	if (c == 0)
		return refuse(err);
	text_add_character(out, c);
	return 0;
}

int csv_text_read(
	struct csv_text *text, size_t n, struct buf *out, struct err *err)
{
	const size_t until = out->len + n;

	if (text->charset == CHARSET_UTF8) {
		if (n > text->n)
			n = text->n;
		buf_add(out, text->bytes, n);
		text->bytes += n;
		text->n -= n;
		return 0;
	}
	while (text->n > 0 && out->len < until) {
		if ((text->charset == CHARSET_WINDOWS_1252
				    ? windows_take(text, out, err)
				    : utf16_take(text, out, err)) != 0)
			return -1;
	}
	return 0;
}
