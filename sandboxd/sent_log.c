#include "sandboxd/sent_log.h"

#include <stdlib.h>

#include "common/own.h"
#include "sandboxd/sandbox.h"
#include "sandboxd/table.h"

#define SENT_LOG_FIRST 64

/* A set with open addressing, and a ring that says which key is the oldest.  A
 * key that was forgotten and noted again stands in the ring twice and may leave
 * the set early: the message is then delivered once more, and the receiver
 * drops it by its id. */
struct sent_log {
	uint64_t *ring;
	size_t cap; /* of the ring; the set has twice as many slots */
	size_t n, next;
	uint64_t *slots; /* 0 = free */
};

static uint64_t pair_key(const char *id, const struct device *to)
{
	uint64_t key = table_hash_pair(
		table_hash_pair(table_hash_text(id), (uintptr_t)to->account),
		to->number);

	return key == 0 ? 1 : key;
}

static size_t slot_mask(const struct sent_log *log)
{
	return log->cap * 2 - 1;
}

/* Where @key is, or the free slot where it would go. */
static size_t slot_of(const struct sent_log *log, uint64_t key)
{
	size_t i = key & slot_mask(log);

	while (log->slots[i] != 0 && log->slots[i] != key)
		i = (i + 1) & slot_mask(log);
	return i;
}

/* Closes the gap, so that probing never stops short of a key. */
static void slot_clear(struct sent_log *log, size_t gap)
{
	const size_t mask = slot_mask(log);
	size_t i = gap;

	for (;;) {
		i = (i + 1) & mask;
		if (log->slots[i] == 0)
			break;
		if (((i - (log->slots[i] & mask)) & mask) < ((i - gap) & mask))
			continue;
		log->slots[gap] = log->slots[i];
		gap = i;
	}
	log->slots[gap] = 0;
}

static void key_remove(struct sent_log *log, uint64_t key)
{
	size_t i = slot_of(log, key);

	if (log->slots[i] == key)
		slot_clear(log, i);
}

/* Only called before the ring wraps, so its order is from the first cell on. */
static void log_grow(struct sent_log *log)
{
	uint64_t *old = log->slots;
	size_t n_old = log->cap * 2;

	log->cap = log->cap == 0 ? SENT_LOG_FIRST : log->cap * 2;
	log->ring = xrealloc(log->ring, log->cap * sizeof(*log->ring));
	log->slots = xcalloc(log->cap * 2, sizeof(*log->slots));
	log->next = log->n;
	for (size_t i = 0; i < n_old; i++) {
		if (old[i] != 0)
			log->slots[slot_of(log, old[i])] = old[i];
	}
	free(old);
}

static void key_add(struct sent_log *log, uint64_t key)
{
	if (log->n == log->cap && log->cap < SENT_LOG_MAX)
		log_grow(log);
	if (log->n == log->cap)
		key_remove(log, log->ring[log->next]);
	else
		log->n++;
	log->ring[log->next] = key;
	log->next = (log->next + 1) % log->cap;
	log->slots[slot_of(log, key)] = key;
}

bool sent_log_has(
	const struct device *sender, const char *id, const struct device *to)
{
	const struct sent_log *log = sender->sent;
	uint64_t key;

	if (log == NULL)
		return false;
	key = pair_key(id, to);
	return log->slots[slot_of(log, key)] == key;
}

bool sent_log_add(
	struct device *sender, const char *id, const struct device *to)
{
	if (sent_log_has(sender, id, to))
		return false;
	if (sender->sent == NULL) {
		sender->sent = xcalloc(1, sizeof(*sender->sent));
		log_grow(sender->sent);
	}
	key_add(sender->sent, pair_key(id, to));
	return true;
}

void sent_log_forget(
	struct device *sender, const char *id, const struct device *to)
{
	if (sender->sent != NULL)
		key_remove(sender->sent, pair_key(id, to));
}

void sent_log_free(struct sent_log **logp)
{
	struct sent_log *log = move(*logp);

	if (log == NULL)
		return;
	free(log->ring);
	free(log->slots);
	free(log);
}
