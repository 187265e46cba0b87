/* Ownership helpers: scoped destructors and moving a pointer out of its owner.
 *
 * A destructor takes the address of the owning pointer, frees what it points at
 * and leaves NULL there; it accepts NULL and half-built objects. */
#ifndef COMMON_OWN_H
#define COMMON_OWN_H

#include <stddef.h>

#define scoped(destroy) __attribute__((cleanup(destroy)))

#define move(p)                           \
	({                                \
		__auto_type moved_ = (p); \
		(p) = NULL;               \
		moved_;                   \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1u << (n))

/* Allocation that never returns NULL: input is bounded, so running out of
 * memory is a bug or a broken host and aborts.  xcalloc zeroes. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t bytes);
char *xstrdup(const char *s);
void *xmemdup(const void *p, size_t bytes);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* scoped(str_free) char *s; */
void str_free(char **sp);
/* scoped(fd_close) int fd = -1; leaves -1 there. */
void fd_close(int *fdp);

#endif
