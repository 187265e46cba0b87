/* Text from a peer, made fit to be stored and shown; declared in content.h. */
#include "senderd/whatsapp/content.h"

#include <stdint.h>
#include <string.h>

#include "common/arena.h"
#include "common/own.h"

#define LONGEST                                                       \
	4 /* bytes of a character, or of what stands for a broken one \
	   */

/* Bytes of the well-formed UTF-8 sequence at @s, 0 if there is none (Unicode,
 * table 3-7). The terminating NUL is no continuation byte, so it never reads
 * past it. */
static size_t utf8_length(const uint8_t *s)
{
	static const struct {
		uint8_t first, last, second_min, second_max;
		size_t n;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	if (s[0] < 0x80)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last)
			continue;
		if (s[1] < forms[i].second_min || s[1] > forms[i].second_max)
			return 0;
		for (size_t j = 2; j < forms[i].n; j++) {
			if ((s[j] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].n;
	}
	return 0;
}

static bool is_control(uint8_t byte)
{
	return (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') ||
	       byte == 0x7f;
}

char *content_clean_cut(struct arena *arena, const char *text, size_t max)
{
	const uint8_t *in = (const uint8_t *)text;
	char *out = arena_alloc(arena, 3 * strnlen(text, max) + 1);
	char *end = out;

	while (*in != '\0') {
		size_t n = utf8_length(in);
		const void *piece = n > 0 ? (const void *)in : "\xef\xbf\xbd";
		size_t n_piece = n == 0 ? 3 : is_control(*in) ? 0 : n;

		if ((size_t)(end - out) + n_piece > max)
			break;
		memcpy(end, piece, n_piece);
		end += n_piece;
		in += n > 0 ? n : 1;
	}
	*end = '\0';
	return out;
}

char *content_clean(struct arena *arena, const char *text)
{
	return content_clean_cut(arena, text, CONTENT_TEXT_MAX);
}

char *content_line(struct arena *arena, const char *text, size_t max)
{
	char *line = content_clean_cut(arena, text, max);

	for (char *p = line; *p != '\0'; p++) {
		if (*p == '\n' || *p == '\r' || *p == '\t')
			*p = ' ';
	}
	return line;
}
