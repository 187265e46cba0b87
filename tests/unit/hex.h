/* Vectors in tests are written as hex; spaces are for the eye. */
#ifndef TESTS_UNIT_HEX_H
#define TESTS_UNIT_HEX_H

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Returns the number of bytes written to @out. */
static inline size_t hex_bytes(const char *text, uint8_t *out, size_t cap)
{
	size_t n = 0;

	while (*text != '\0') {
		unsigned byte;

		if (isspace((unsigned char)*text)) {
			text++;
			continue;
		}
		assert(n < cap && sscanf(text, "%2x", &byte) == 1);
		out[n++] = (uint8_t)byte;
		text += 2;
	}
	return n;
}

/* @out holds 2 * @n + 1 characters. */
static inline char *hex_text(const void *bytes, size_t n, char *out)
{
	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		sprintf(out + 2 * i, "%02x", ((const uint8_t *)bytes)[i]);
	return out;
}

#define assert_hex_equal(bytes, n, expected)                                  \
	do {                                                                  \
		char got_[2 * 4096 + 1];                                      \
		uint8_t want_[4096];                                          \
		char wanted_[2 * 4096 + 1];                                   \
		size_t n_want_ = hex_bytes((expected), want_, sizeof(want_)); \
		assert_string_equal(hex_text((bytes), (n), got_),             \
			hex_text(want_, n_want_, wanted_));                   \
	} while (0)

#endif
