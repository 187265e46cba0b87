#include "apid/import_seen.h"

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/own.h"

#define SLOTS_FIRST 4096 /* a power of two, as all that follow */

struct seen {
	uint64_t *slots; /* 0 = free; at most half of them are taken */
	size_t n_slots, n;
	uint64_t salt; /* so that no file can aim at one slot */
};

struct seen *seen_new(void)
{
	struct seen *seen = xcalloc(1, sizeof(*seen));

	seen->n_slots = SLOTS_FIRST;
	seen->slots = xcalloc(seen->n_slots, sizeof(seen->slots[0]));
	randombytes_buf(&seen->salt, sizeof(seen->salt));
	seen->salt |= 1;
	return seen;
}

void seen_free(struct seen **seenp)
{
	struct seen *seen = move(*seenp);

	if (seen == NULL)
		return;
	free(seen->slots);
	free(seen);
}

/* With a one in front, zeros at the start count. */
static uint64_t number_of(const char *digits)
{
	uint64_t number = 1;

	for (; *digits != '\0'; digits++)
		number = number * 10 + (uint64_t)(*digits - '0');
	return number;
}

static uint64_t hash(const struct seen *seen, uint64_t number)
{
	number = (number ^ number >> 31) * seen->salt;
	number = (number ^ number >> 29) * 0x9e3779b97f4a7c15;
	return number ^ number >> 32;
}

static bool put(struct seen *seen, uint64_t number)
{
	size_t at = hash(seen, number) & (seen->n_slots - 1);

	while (seen->slots[at] != 0) {
		if (seen->slots[at] == number)
			return false;
		at = (at + 1) & (seen->n_slots - 1);
	}
	seen->slots[at] = number;
	return true;
}

static void grow(struct seen *seen)
{
	const size_t n = seen->n_slots;
	uint64_t *old = move(seen->slots);

	seen->n_slots = 2 * n;
	seen->slots = xcalloc(seen->n_slots, sizeof(seen->slots[0]));
	for (size_t i = 0; i < n; i++)
		if (old[i] != 0)
			(void)put(seen, old[i]);
	free(old);
}

bool seen_add(struct seen *seen, const char *digits)
{
	if (!put(seen, number_of(digits)))
		return false;
	if (++seen->n > seen->n_slots / 2)
		grow(seen);
	return true;
}
