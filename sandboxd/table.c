#include "sandboxd/table.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/ids.h"
#include "common/own.h"

#define TABLE_MIN_SLOTS 16

uint64_t table_hash(const void *bytes, size_t n)
{
	static uint8_t key[crypto_shorthash_KEYBYTES];
	static bool keyed;
	uint64_t hash;

	_Static_assert(sizeof(hash) == crypto_shorthash_BYTES, "64-bit hash");
	if (!keyed) {
		random_bytes(key, sizeof(key));
		keyed = true;
	}
	crypto_shorthash((uint8_t *)&hash, bytes, n, key);
	return hash;
}

uint64_t table_hash_text(const char *text)
{
	return table_hash(text, strlen(text));
}

uint64_t table_hash_pair(uint64_t first, uint64_t second)
{
	const uint64_t both[2] = { first, second };

	return table_hash(both, sizeof(both));
}

static struct table_link **table_slot(const struct table *table, uint64_t hash)
{
	return &table->slots[hash & (table->n_slots - 1)];
}

static void table_grow(struct table *table)
{
	struct table bigger = { 0 };

	bigger.n_slots =
		table->n_slots == 0 ? TABLE_MIN_SLOTS : table->n_slots * 2;
	bigger.slots = xcalloc(bigger.n_slots, sizeof(*bigger.slots));
	for (size_t i = 0; i < table->n_slots; i++) {
		struct table_link *link = table->slots[i];

		while (link != NULL) {
			struct table_link *next = link->next;

			table_add(&bigger, link, link->hash);
			link = next;
		}
	}
	free(table->slots);
	*table = bigger;
}

void table_add(struct table *table, struct table_link *link, uint64_t hash)
{
	struct table_link **slot;

	if (table->n >= table->n_slots)
		table_grow(table);
	slot = table_slot(table, hash);
	link->hash = hash;
	link->next = *slot;
	*slot = link;
	table->n++;
}

void table_remove(struct table *table, struct table_link *link)
{
	struct table_link **at = table_slot(table, link->hash);

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	link->next = NULL;
	table->n--;
}

static struct table_link *table_skip(struct table_link *link, uint64_t hash)
{
	while (link != NULL && link->hash != hash)
		link = link->next;
	return link;
}

struct table_link *table_first(const struct table *table, uint64_t hash)
{
	if (table->n == 0)
		return NULL;
	return table_skip(*table_slot(table, hash), hash);
}

struct table_link *table_next(const struct table_link *link)
{
	return table_skip(link->next, link->hash);
}

void table_fini(struct table *table)
{
	free(table->slots);
	*table = (struct table){ 0 };
}
