/* Blocks in a list, the newest first; allocation moves a mark through the
 * newest.
 *
 * Under AddressSanitizer the unused part of every block is poisoned and a gap
 * is left between two allocations, so that an overrun is found as in malloc'd
 * memory. */
#include "common/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define ARENA_GAP 16
#else
#define ASAN_POISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#define ARENA_GAP 0
#endif

#define ARENA_ALIGN 16

struct block {
	struct block *next; /* older */
	size_t used;
	size_t size; /* of bytes[] */
	_Alignas(ARENA_ALIGN) uint8_t bytes[];
};

struct arena {
	size_t block_bytes;
	struct block *newest; /* owned, as is the list behind it */
	struct block *first;  /* the oldest: kept by arena_reset() */
};

static struct block *block_new(size_t size, struct block *next)
{
	struct block *block = xrealloc(NULL, sizeof(*block) + size);

	block->next = next;
	block->used = 0;
	block->size = size;
	ASAN_POISON_MEMORY_REGION(block->bytes, size);
	return block;
}

static void block_free(struct block *block)
{
	ASAN_UNPOISON_MEMORY_REGION(block->bytes, block->size);
	free(block);
}

struct arena *arena_new(size_t block_bytes)
{
	struct arena *arena = xcalloc(1, sizeof(*arena));

	arena->block_bytes = block_bytes;
	arena->first = block_new(block_bytes, NULL);
	arena->newest = arena->first;
	return arena;
}

void arena_reset(struct arena *arena)
{
	while (arena->newest != arena->first) {
		struct block *block = arena->newest;

		arena->newest = block->next;
		block_free(block);
	}
	arena->first->used = 0;
	ASAN_POISON_MEMORY_REGION(arena->first->bytes, arena->first->size);
}

void arena_free(struct arena **arenap)
{
	struct arena *arena = move(*arenap);

	if (arena == NULL)
		return;
	arena_reset(arena);
	block_free(arena->first);
	free(arena);
}

/* Not zeroed. */
static void *arena_take(struct arena *arena, size_t bytes)
{
	struct block *block = arena->newest;
	size_t room;
	void *at;

	assert(bytes < SIZE_MAX / 2);
	room = (bytes + ARENA_GAP + ARENA_ALIGN - 1) &
	       ~(size_t)(ARENA_ALIGN - 1);
	if (room > block->size - block->used) {
		size_t size =
			arena->block_bytes > room ? arena->block_bytes : room;

		block = block_new(size, block);
		arena->newest = block;
	}
	at = block->bytes + block->used;
	block->used += room;
	ASAN_UNPOISON_MEMORY_REGION(at, bytes);
	return at;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	return memset(arena_take(arena, bytes), 0, bytes);
}

void *arena_dup(struct arena *arena, const void *bytes, size_t n)
{
	void *copy = arena_take(arena, n);

	if (n > 0)
		memcpy(copy, bytes, n);
	return copy;
}

char *arena_strndup(struct arena *arena, const char *s, size_t n)
{
	char *copy = arena_take(arena, n + 1);

	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *arena_strdup(struct arena *arena, const char *s)
{
	return arena_strndup(arena, s, strlen(s));
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args, again;
	char *text;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	assert(n >= 0);
	text = arena_take(arena, (size_t)n + 1);
	vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	return text;
}
