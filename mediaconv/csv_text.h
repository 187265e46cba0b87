/* A text file of unknown encoding as UTF-8: UTF-16 when it says so with a byte
 * order mark, UTF-8 when it is that, else Windows-1252. */
#ifndef MEDIACONV_CSV_TEXT_H
#define MEDIACONV_CSV_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct source;

enum charset {
	CHARSET_UTF8,
	CHARSET_UTF16LE,
	CHARSET_UTF16BE,
	CHARSET_WINDOWS_1252,
};

struct csv_text {
	enum charset charset;
	const uint8_t *bytes; /* borrowed; behind the byte order mark */
	size_t n;	      /* left */
};

/* ERR_INVALID: it is no text. */
int csv_text_open(
	const struct source *source, struct csv_text *out, struct err *err);
/* Adds about @n more bytes to @out; none: it has ended.  ERR_INVALID. */
int csv_text_read(
	struct csv_text *text, size_t n, struct buf *out, struct err *err);

#endif
