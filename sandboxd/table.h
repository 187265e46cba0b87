/* An intrusive hash table with chains.  It keeps 64-bit hashes, keyed anew in
 * each process so that a peer cannot aim at one slot; whoever looks up compares
 * the keys.  Entries belong to their owner. */
#ifndef SANDBOXD_TABLE_H
#define SANDBOXD_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_link {
	struct table_link *next;
	uint64_t hash;
};

struct table {
	struct table_link **slots;
	size_t n_slots; /* a power of two, or 0 while empty */
	size_t n;
};

uint64_t table_hash(const void *bytes, size_t n);
uint64_t table_hash_text(const char *text);
/* Of two parts: the same parts in another order give another hash. */
uint64_t table_hash_pair(uint64_t first, uint64_t second);

void table_add(struct table *table, struct table_link *link, uint64_t hash);
void table_remove(struct table *table, struct table_link *link);
/* The entries with this hash, one after the other; NULL at the end. */
struct table_link *table_first(const struct table *table, uint64_t hash);
struct table_link *table_next(const struct table_link *link);
/* Frees the slots, not the entries. */
void table_fini(struct table *table);

#define table_entry(link, type, member) \
	((type *)(void *)((char *)(link)-offsetof(type, member)))

#endif
