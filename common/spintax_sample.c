/* Samples that all differ: spun ones first; when chance does not bring enough,
 * as with {a|a|a|a|b}, the rest by a walk that never makes a text twice. */
#include "common/spintax_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

#define SPINS_A_SAMPLE 8
#define SPUN_MAX (1u << 20) /* bytes, then the walk goes on */

struct samples {
	char **texts; /* owned */
	size_t n, max;
};

static void samples_add(struct samples *samples, struct buf *text)
{
	const char *s = buf_cstr(text);

	if (samples->n == samples->max)
		return;
	for (size_t i = 0; i < samples->n; i++)
		if (strcmp(samples->texts[i], s) == 0)
			return;
	samples->texts[samples->n++] = xstrdup(s);
}

static void samples_fini(struct samples *samples)
{
	for (size_t i = 0; i < samples->n; i++)
		free(samples->texts[i]);
	free(samples->texts);
}

/* Without values no text is longer than the template: it cannot fail. */
static void samples_spin(struct samples *samples, const struct spintax *spintax)
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	struct err err = ERR_NONE;

	size_t n_left = SPINS_A_SAMPLE * samples->max;
	size_t n_bytes = 0;

	while (samples->n < samples->max && n_left-- > 0 &&
		n_bytes < SPUN_MAX) {
		buf_clear(&text);
		if (spintax_spin(spintax, NULL, NULL, &text, &err) == 0)
			samples_add(samples, &text);
		n_bytes += text.len;
	}
}

/* ---- the walk ---- */

/* A text that is being made, and where its letters have led. */
struct thread {
	struct buf text;
	uint32_t *points; /* owned */
	size_t n;
	bool has_ended;
};

struct walk {
	struct spintax_step step;
	struct thread *threads;
	size_t n, max;
	uint32_t *points; /* where one letter leads */
};

static void thread_lead(struct thread *thread, const uint32_t *points, size_t n)
{
	thread->points = xrealloc(thread->points, n * sizeof(*points));
	memcpy(thread->points, points, n * sizeof(*points));
	thread->n = n;
}

/* The thread that takes the next way from where @at stands: @at itself for the
 * first one, then new ones.  NULL: there is no room. */
static struct thread *walk_branch(
	struct walk *walk, struct thread *at, size_t length, size_t n_ways)
{
	struct thread *thread;

	if (n_ways == 0)
		return at;
	if (walk->n == walk->max)
		return NULL;
	thread = &walk->threads[walk->n++];
	buf_add(&thread->text, at->text.data, length);
	return thread;
}

/* One letter on.  What else might follow becomes threads of their own. */
static void thread_step(struct walk *walk, struct thread *at)
{
	const struct spintax_step *step = &walk->step;
	const size_t length = at->text.len;
	struct thread *thread;
	size_t from = 0, n = 0, n_ways = 0;
	uint32_t letter;

	spintax_step_run(&walk->step, at->points, at->n);
	while (spintax_step_next(step, &from, &letter, walk->points, &n)) {
		thread = walk_branch(walk, at, length, n_ways++);
		if (thread == NULL)
			return;
		spintax_letter_add(step->spintax, letter, &thread->text);
		thread_lead(thread, walk->points, n);
	}
	if (!step->may_end)
		return;
	thread = walk_branch(walk, at, length, n_ways);
	if (thread != NULL)
		thread->has_ended = true;
}

static void samples_walk(struct samples *samples, const struct spintax *spintax)
{
	struct walk walk = { .max = samples->max, .n = 1 };

	spintax_step_init(&walk.step, spintax);
	walk.threads = xcalloc(walk.max, sizeof(*walk.threads));
	walk.points = xcalloc(spintax->n_points, sizeof(*walk.points));
	thread_lead(&walk.threads[0], &spintax->start, 1);
	for (size_t i = 0; i < walk.n; i++) {
		struct thread *thread = &walk.threads[i];

		while (!thread->has_ended && walk.step.work < SPINTAX_WORK_MAX)
			thread_step(&walk, thread);
		if (thread->has_ended)
			samples_add(samples, &thread->text);
	}
	for (size_t i = 0; i < walk.n; i++) {
		buf_fini(&walk.threads[i].text);
		free(walk.threads[i].points);
	}
	free(walk.threads);
	free(walk.points);
	spintax_step_fini(&walk.step);
}

void spintax_sample(const struct spintax *spintax, size_t n,
	void (*each)(const char *text, void *arg), void *arg)
{
	scoped(samples_fini) struct samples samples = { .max = n };

	if (n == 0)
		return;
	samples.texts = xcalloc(n, sizeof(*samples.texts));
	samples_spin(&samples, spintax);
	if (samples.n < n)
		samples_walk(&samples, spintax);
	for (size_t i = 0; i < samples.n; i++)
		each(samples.texts[i], arg);
}
