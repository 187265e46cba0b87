#include "common/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

#define BUF_FIRST_BYTES 64

void buf_fini(struct buf *buf)
{
	free(buf->data);
	*buf = BUF_INIT;
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
}

uint8_t *buf_reserve(struct buf *buf, size_t n)
{
	size_t cap = buf->cap > 0 ? buf->cap : BUF_FIRST_BYTES;

	assert(n < SIZE_MAX / 4 && buf->len < SIZE_MAX / 4);
	if (buf->data != NULL && buf->cap - buf->len >= n)
		return buf->data + buf->len;
	while (cap - buf->len < n)
		cap *= 2;
	buf->data = xrealloc(buf->data, cap);
	buf->cap = cap;
	return buf->data + buf->len;
}

void buf_add(struct buf *buf, const void *bytes, size_t n)
{
	uint8_t *at = buf_reserve(buf, n);

	if (n > 0)
		memcpy(at, bytes, n);
	buf->len += n;
}

void buf_add_byte(struct buf *buf, uint8_t byte)
{
	*buf_reserve(buf, 1) = byte;
	buf->len++;
}

void buf_add_be(struct buf *buf, uint64_t value, unsigned n_bytes)
{
	uint8_t *at = buf_reserve(buf, n_bytes);

	for (unsigned i = n_bytes; i > 0; i--) {
		at[i - 1] = (uint8_t)value;
		value >>= 8;
	}
	buf->len += n_bytes;
}

void buf_add_str(struct buf *buf, const char *s)
{
	buf_add(buf, s, strlen(s));
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args, again;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	assert(n >= 0);
	vsnprintf((char *)buf_reserve(buf, (size_t)n + 1), (size_t)n + 1, fmt,
		again);
	va_end(again);
	buf->len += (size_t)n;
}

const char *buf_cstr(struct buf *buf)
{
	*buf_reserve(buf, 1) = '\0';
	return (const char *)buf->data;
}

void buf_drop_front(struct buf *buf, size_t n)
{
	assert(n <= buf->len);
	if (n == 0)
		return;
	buf->len -= n;
	memmove(buf->data, buf->data + n, buf->len);
}
