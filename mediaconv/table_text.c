#include "mediaconv/table_text.h"

#include <stdbool.h>

#include "common/buf.h"

#define REPLACEMENT 0xfffd

/* The smallest code point that needs so many bytes. */
static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };

size_t text_character(const uint8_t *bytes, size_t n)
{
	const uint8_t first = bytes[0];
	const size_t length = first < 0x80	       ? 1
			      : (first & 0xe0) == 0xc0 ? 2
			      : (first & 0xf0) == 0xe0 ? 3
			      : (first & 0xf8) == 0xf0 ? 4
						       : 0;
	uint32_t code_point = first & (0xffu >> (length + 1));

	if (length <= 1)
		return length;
	if (length > n)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		code_point = code_point << 6 | (bytes[i] & 0x3f);
	}
	if (code_point < smallest[length] || code_point > 0x10ffff ||
		(code_point >= 0xd800 && code_point < 0xe000))
		return 0;
	return length;
}

void text_add_character(struct buf *out, uint32_t code_point)
{
	if (code_point < 0x80) {
		buf_add_byte(out, (uint8_t)code_point);
		return;
	}
	if (code_point < 0x800) {
		buf_add_byte(out, (uint8_t)(0xc0 | code_point >> 6));
	} else if (code_point < 0x10000) {
		buf_add_byte(out, (uint8_t)(0xe0 | code_point >> 12));
		buf_add_byte(out, (uint8_t)(0x80 | (code_point >> 6 & 0x3f)));
	} else {
		buf_add_byte(out, (uint8_t)(0xf0 | code_point >> 18));
		buf_add_byte(out, (uint8_t)(0x80 | (code_point >> 12 & 0x3f)));
		buf_add_byte(out, (uint8_t)(0x80 | (code_point >> 6 & 0x3f)));
	}
	buf_add_byte(out, (uint8_t)(0x80 | (code_point & 0x3f)));
}

static bool is_space(uint8_t c)
{
	return c <= ' ' || c == 0x7f;
}

/* One character of the source; returns how many bytes it has there. */
static size_t add_one(struct buf *out, const uint8_t *bytes, size_t n)
{
	const size_t length = text_character(bytes, n);

	if (length == 0)
		text_add_character(out, REPLACEMENT);
	else if (bytes[0] == '\r' && n > 1 && bytes[1] == '\n')
		return 1; /* the line feed is enough */
	else if (is_space(bytes[0]) && bytes[0] != '\n' && bytes[0] != '\t')
		buf_add_byte(out, ' ');
	else
		buf_add(out, bytes, length);
	return length == 0 ? 1 : length;
}

size_t text_add_clean(
	struct buf *out, const uint8_t *bytes, size_t n, size_t max)
{
	const size_t start = out->len;

	while (n > 0 && is_space(bytes[n - 1]))
		n--;
	for (size_t at = 0; at < n;) {
		const size_t before = out->len;

		if (out->len == start && is_space(bytes[at])) {
			at++;
			continue;
		}
		at += add_one(out, bytes + at, n - at);
		if (out->len - start > max) {
			out->len = before;
			break;
		}
	}
	return out->len - start;
}
