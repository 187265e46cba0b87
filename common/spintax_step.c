/* The automaton made deterministic, one set of points at a time. */
#include "common/spintax_impl.h"

#include <stdlib.h>

#include "common/own.h"

void spintax_step_init(struct spintax_step *step, const struct spintax *spintax)
{
	const size_t n = spintax->n_points;

	*step = (struct spintax_step){ .spintax = spintax };
	step->seen = xcalloc(n, sizeof(*step->seen));
	step->moves = xcalloc(n, sizeof(*step->moves));
	/* Each choice is opened once a round. */
	step->todo = xcalloc(n + spintax->n_options, sizeof(*step->todo));
}

void spintax_step_fini(struct spintax_step *step)
{
	free(step->seen);
	free(step->moves);
	free(step->todo);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a;
	const uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static unsigned log2_of(size_t n)
{
	return (unsigned)(63 - __builtin_clzll((unsigned long long)n | 1));
}

/* Often they are in order already: in a word that several options begin with,
 * say. */
static void moves_sort(struct spintax_step *step)
{
	size_t n = 1, i = 1;

	while (i < step->n_moves && step->moves[i - 1] < step->moves[i])
		i++;
	if (i >= step->n_moves)
		return;
	step->work += step->n_moves * log2_of(step->n_moves);
	qsort(step->moves, step->n_moves, sizeof(*step->moves), by_value);
	for (i = 1; i < step->n_moves; i++) {
		if (step->moves[i] != step->moves[n - 1])
			step->moves[n++] = step->moves[i];
	}
	step->n_moves = n;
}

/* Backwards, so that they come off the stack in their order. */
static size_t options_push(struct spintax_step *step,
	const struct spintax_choice *choice, size_t n_todo)
{
	for (size_t i = choice->n; i-- > 0;)
		step->todo[n_todo++] =
			step->spintax->options[choice->first + i];
	step->work += choice->n;
	return n_todo;
}

void spintax_step_run(
	struct spintax_step *step, const uint32_t *points, size_t n)
{
	const struct spintax *spintax = step->spintax;
	size_t n_todo = 0;

	step->round++;
	step->n_moves = 0;
	step->may_end = false;
	for (size_t i = n; i-- > 0;)
		step->todo[n_todo++] = points[i];
	step->work += n + 1;
	while (n_todo > 0) {
		const uint32_t at = step->todo[--n_todo];
		const struct spintax_point *point = &spintax->points[at];

		if (step->seen[at] == step->round)
			continue;
		step->seen[at] = step->round;
		if (point->letter == LETTER_CHOICE)
			n_todo = options_push(
				step, &spintax->choices[point->next], n_todo);
		else if (point->letter == LETTER_END)
			step->may_end = true;
		else
			step->moves[step->n_moves++] =
				(uint64_t)point->letter << 32 | point->next;
	}
	moves_sort(step);
}

bool spintax_step_next(const struct spintax_step *step, size_t *at,
	uint32_t *letter, uint32_t *points, size_t *n)
{
	size_t i = *at;

	if (i == step->n_moves)
		return false;
	*letter = (uint32_t)(step->moves[i] >> 32);
	*n = 0;
	while (i < step->n_moves && step->moves[i] >> 32 == *letter)
		points[(*n)++] = (uint32_t)step->moves[i++];
	*at = i;
	return true;
}
