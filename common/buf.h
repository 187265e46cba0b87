/* A growing byte buffer, embedded in its owner. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data; /* owned; NULL while empty */
	size_t len;
	size_t cap;
};

#define BUF_INIT ((struct buf){ 0 })

void buf_fini(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory */
/* Room for @n more at the end, which the caller fills and adds to len. */
uint8_t *buf_reserve(struct buf *buf, size_t n);
void buf_add(struct buf *buf, const void *bytes, size_t n);
void buf_add_byte(struct buf *buf, uint8_t byte);
void buf_add_be(struct buf *buf, uint64_t value, unsigned n_bytes);
void buf_add_str(struct buf *buf, const char *s);
void buf_printf(struct buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *buf_cstr(struct buf *buf); /* terminates without counting the NUL */
void buf_drop_front(struct buf *buf, size_t n);

#endif
