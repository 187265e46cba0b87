/* A template as the automaton of its texts, without loops: every point has a
 * letter and the point that follows it, or is a choice of points to go on with.
 * Points are in the order of the template, so every step leads forward.
 * Internal to spintax*.c. */
#ifndef COMMON_SPINTAX_IMPL_H
#define COMMON_SPINTAX_IMPL_H

#include "common/spintax.h"

struct buf;

enum {
	LETTER_VARIABLES = 256, /* below: a byte; from here: names[letter -
				   LETTER_VARIABLES] */
	LETTER_CHOICE = 1 << 30,
	LETTER_JUMP, /* while it is built: reads nothing */
	LETTER_END,
};

struct spintax_point {
	uint32_t letter;
	uint32_t next; /* of a choice: its index in choices */
};

struct spintax_choice {
	uint32_t first, n; /* in options */
};

struct spintax {
	char *text; /* the template; names point into it */
	struct spintax_point *points;
	size_t n_points; /* the last one is the end */
	uint32_t start;
	struct spintax_choice *choices;
	size_t n_choices;
	uint32_t *options; /* points that a choice goes on with */
	size_t n_options;
	const char **names; /* sorted, each once */
	size_t n_names;
};

/* Appends what a letter stands for; variables as they are written. */
void spintax_letter_add(
	const struct spintax *spintax, uint32_t letter, struct buf *out);

/* ---- spintax_step.c: the same automaton, made deterministic ---- */

/* Where one may be after some text: a set of points, ascending. */
struct spintax_step {
	const struct spintax *spintax; /* borrowed */
	uint32_t *seen; /* of each point: the round that met it last */
	uint32_t round;
	uint32_t *todo;
	/* What the last round found: letter << 32 | next point, ascending, and
	 * whether the text may end here. */
	uint64_t *moves;
	size_t n_moves;
	bool may_end;
	size_t work; /* steps taken so far, of all rounds */
};

void spintax_step_init(
	struct spintax_step *step, const struct spintax *spintax);
void spintax_step_fini(struct spintax_step *step);
/* Fills @step->moves and may_end. */
void spintax_step_run(
	struct spintax_step *step, const uint32_t *points, size_t n);
/* Walks the letters of the last round.  False: no more.  Else *@letter, and in
 * @points (room for n_moves) where it leads.  @at starts as 0. */
bool spintax_step_next(const struct spintax_step *step, size_t *at,
	uint32_t *letter, uint32_t *points, size_t *n);

/* Work that a question about a hostile template may cost. */
#define SPINTAX_WORK_MAX (10 * 1000 * 1000)

#endif
