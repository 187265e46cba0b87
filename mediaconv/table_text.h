/* Text of unknown worth. */
#ifndef MEDIACONV_TABLE_TEXT_H
#define MEDIACONV_TABLE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* Bytes of the UTF-8 character that @n > 0 bytes begin with; 0: it is none. */
size_t text_character(const uint8_t *bytes, size_t n);
void text_add_character(struct buf *out, uint32_t code_point);
/* Adds what a cell shows: valid UTF-8 without control characters other than
 * tabs and line ends, no white space around it, at most @max bytes, whole
 * characters.  Returns the bytes added. */
size_t text_add_clean(
	struct buf *out, const uint8_t *bytes, size_t n, size_t max);

#endif
