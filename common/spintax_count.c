/* Counting texts without making them.
 *
 * Each set of points (spintax_step.c) carries the number of beginnings of texts
 * that lead to it: all different, since a beginning leads to one set only.  A
 * step leads forward in the template, so once sets are taken in the order of
 * their first points, a set's number is final when its turn comes, and those
 * that lead to the same set are added up there.  Only the sets that wait are
 * kept.  Every beginning that waits can be finished: their number grows up to
 * the number of texts, and never beyond it. */
#include "common/spintax_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"

/* ---- numbers of any length that can only grow ---- */

#define DIGITS 18 /* decimal ones a limb */
#define LIMB_BASE UINT64_C(1000000000000000000)

struct number {
	uint64_t *limbs; /* lowest first */
	size_t n, cap;
};

static void number_push(struct number *a, uint64_t limb)
{
	if (a->n == a->cap) {
		a->cap = a->cap > 0 ? 2 * a->cap : 2;
		a->limbs = xrealloc(a->limbs, a->cap * sizeof(*a->limbs));
	}
	a->limbs[a->n++] = limb;
}

/* a += b * times */
static void number_add(struct number *a, const struct number *b, uint64_t times)
{
	unsigned __int128 carry = 0;

	for (size_t i = 0; i < b->n || carry > 0; i++) {
		if (i == a->n)
			number_push(a, 0);
		carry += a->limbs[i];
		if (i < b->n)
			carry += (unsigned __int128)b->limbs[i] * times;
		a->limbs[i] = (uint64_t)(carry % LIMB_BASE);
		carry /= LIMB_BASE;
	}
}

/* UINT64_MAX stands for more. */
static uint64_t number_small(const struct number *a)
{
	unsigned __int128 value = a->n > 0 ? a->limbs[0] : 0;

	if (a->n > 1)
		value += (unsigned __int128)a->limbs[1] * LIMB_BASE;
	return a->n > 2 || value > UINT64_MAX ? UINT64_MAX : (uint64_t)value;
}

static char *number_digits(const struct number *a)
{
	const size_t size = (a->n + 1) * (DIGITS + 2);
	char *out = xcalloc(1, size);
	size_t len = 0;

	for (size_t i = a->n; i-- > 0;)
		len += (size_t)snprintf(out + len, size - len,
			len == 0 ? "%" PRIu64 : "%018" PRIu64, a->limbs[i]);
	return out;
}

/* ---- sets that wait ---- */

#define BUCKETS 16384
#define WAITING_MAX (16u << 20) /* bytes of all that wait */
#define STATE_WORK 48		/* what making and freeing one costs */

struct state {
	struct state *next_of_first; /* in the line of its first point */
	struct state *next_of_hash;
	struct number count;
	uint32_t hash;
	uint32_t n;
	uint32_t points[];
};

struct counting {
	struct spintax_step step;
	struct state **lines; /* one a point */
	struct state *buckets[BUCKETS];
	uint32_t *points; /* where one letter leads */
	struct number total;
	size_t waiting_bytes;
	uint64_t limit; /* 0 = none */
};

static size_t state_bytes(const struct state *state)
{
	return sizeof(*state) + state->n * sizeof(state->points[0]) +
	       state->count.cap * sizeof(uint64_t);
}

static void state_free(struct state *state)
{
	free(state->count.limbs);
	free(state);
}

static uint32_t hash_of(const uint32_t *points, size_t n)
{
	uint64_t hash = n;

	for (size_t i = 0; i < n; i++) {
		hash = (hash ^ points[i]) * UINT64_C(0x9E3779B97F4A7C15);
		hash ^= hash >> 29;
	}
	return (uint32_t)hash;
}

static struct state *state_find(
	struct counting *c, uint32_t hash, const uint32_t *points, size_t n)
{
	struct state *state = c->buckets[hash % BUCKETS];

	while (state != NULL && (state->hash != hash || state->n != n ||
					memcmp(state->points, points,
						n * sizeof(*points)) != 0)) {
		state = state->next_of_hash;
		c->step.work++;
	}
	return state;
}

static struct state *state_add(
	struct counting *c, uint32_t hash, const uint32_t *points, size_t n)
{
	struct state *state = xcalloc(1, sizeof(*state) + n * sizeof(*points));

	state->hash = hash;
	state->n = (uint32_t)n;
	memcpy(state->points, points, n * sizeof(*points));
	state->next_of_first = c->lines[points[0]];
	c->lines[points[0]] = state;
	state->next_of_hash = c->buckets[hash % BUCKETS];
	c->buckets[hash % BUCKETS] = state;
	c->step.work += STATE_WORK;
	return state;
}

static struct state *state_take(struct counting *c, size_t first)
{
	struct state *state = c->lines[first];
	struct state **link;

	if (state == NULL)
		return NULL;
	c->lines[first] = state->next_of_first;
	link = &c->buckets[state->hash % BUCKETS];
	while (*link != state) {
		link = &(*link)->next_of_hash;
		c->step.work++;
	}
	*link = state->next_of_hash;
	c->waiting_bytes -= state_bytes(state);
	return state;
}

/* @count more beginnings lead to the set in @c->points. */
static void state_reach(
	struct counting *c, size_t n, const struct number *count)
{
	const uint32_t hash = hash_of(c->points, n);
	struct state *state = state_find(c, hash, c->points, n);

	if (state == NULL)
		state = state_add(c, hash, c->points, n);
	else
		c->waiting_bytes -= state_bytes(state);
	number_add(&state->count, count, 1);
	c->waiting_bytes += state_bytes(state);
	c->step.work += n + count->n;
}

/* ---- counting ---- */

/* Each of its beginnings becomes as many as there are ways to go on. */
static void state_leave(struct counting *c, const struct state *state)
{
	size_t at = 0, n = 0;
	uint64_t ways = 0;
	uint32_t letter;

	spintax_step_run(&c->step, state->points, state->n);
	while (spintax_step_next(&c->step, &at, &letter, c->points, &n)) {
		state_reach(c, n, &state->count);
		ways++;
	}
	ways += c->step.may_end;
	if (ways > 1)
		number_add(&c->total, &state->count, ways - 1);
	c->step.work += c->total.n;
}

static bool is_enough(const struct counting *c)
{
	return c->limit > 0 && number_small(&c->total) >= c->limit;
}

static int too_much(struct err *err)
{
	return err_set(err, ERR_INVALID,
		"too many options of the template overlap to count its "
		"variants");
}

static int run(struct counting *c, struct err *err)
{
	const size_t n_points = c->step.spintax->n_points;

	for (size_t first = 0; first < n_points; first++) {
		struct state *state;

		while (!is_enough(c) &&
			(state = state_take(c, first)) != NULL) {
			state_leave(c, state);
			state_free(state);
			if (c->step.work > SPINTAX_WORK_MAX ||
				c->waiting_bytes > WAITING_MAX)
				return is_enough(c) ? 0 : too_much(err);
		}
	}
	return 0;
}

static struct counting *counting_new(
	const struct spintax *spintax, uint64_t limit)
{
	struct counting *c = xcalloc(1, sizeof(*c));
	const size_t n = spintax->n_points;
	struct number one = { 0 };

	spintax_step_init(&c->step, spintax);
	c->lines = xcalloc(n, sizeof(*c->lines));
	c->points = xcalloc(n, sizeof(*c->points));
	c->limit = limit;
	number_push(&one, 1);
	number_add(&c->total, &one, 1);
	c->points[0] = spintax->start;
	state_reach(c, 1, &one);
	free(one.limbs);
	return c;
}

static void counting_free(struct counting **cp)
{
	struct counting *c = move(*cp);

	for (size_t i = 0; i < c->step.spintax->n_points; i++) {
		while (c->lines[i] != NULL) {
			struct state *state = c->lines[i];

			c->lines[i] = state->next_of_first;
			state_free(state);
		}
	}
	spintax_step_fini(&c->step);
	free(c->lines);
	free(c->points);
	free(c->total.limbs);
	free(c);
}

int spintax_count(
	const struct spintax *spintax, char **digits_out, struct err *err)
{
	scoped(counting_free) struct counting *c = counting_new(spintax, 0);

	*digits_out = NULL;
	if (run(c, err) != 0)
		return -1;
	*digits_out = number_digits(&c->total);
	return 0;
}

int spintax_count_up_to(const struct spintax *spintax, uint64_t limit,
	uint64_t *n_out, struct err *err)
{
	scoped(counting_free) struct counting *c = counting_new(spintax, limit);
	uint64_t n;

	*n_out = 0;
	if (limit == 0)
		return 0;
	if (run(c, err) != 0)
		return -1;
	n = number_small(&c->total);
	*n_out = n < limit ? n : limit;
	return 0;
}
