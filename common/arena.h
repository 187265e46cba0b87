/* A bump allocator: everything allocated from it goes away together.
 * arena_reset() keeps the first block, so that a loop's turns do not touch
 * malloc. */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(size_t block_bytes);
void arena_free(struct arena **arenap);
void arena_reset(struct arena *arena);
/* Zeroed, aligned to 16; never NULL. */
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_dup(struct arena *arena, const void *bytes, size_t n);
char *arena_strdup(struct arena *arena, const char *s);
/* Adds the NUL. */
char *arena_strndup(struct arena *arena, const char *s, size_t n);
char *arena_printf(struct arena *arena, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
