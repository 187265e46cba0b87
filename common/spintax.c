/* Parsing in two passes: the first says of every byte what it means, since a
 * brace is known for a choice only when its '|' comes; the second builds. */
#include "common/spintax_impl.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

enum mark {
	MARK_TEXT = 0,
	MARK_DROP, /* a backslash that gave its meaning away */
	MARK_OPEN, /* of a choice, as are: */
	MARK_BAR,
	MARK_CLOSE,
	MARK_VARIABLE, /* its '{' */
};

/* A brace that is open in the first pass. */
struct brace {
	uint32_t at;
	bool is_choice;
	uint8_t height; /* of choices in choices inside it */
};

struct marking {
	const char *text;
	size_t n;
	uint8_t *marks; /* one enum mark a byte */
	struct brace *open;
	size_t n_open;
	size_t n_parts, n_choices, n_options, n_variables;
};

/* ---- first pass ---- */

/* People count characters, not bytes. */
static size_t character_at(const struct marking *m, size_t at)
{
	size_t n = 1;

	for (size_t i = 0; i < at; i++)
		n += ((uint8_t)m->text[i] & 0xC0) != 0x80;
	return n;
}

static bool is_meta(char c)
{
	return c == '{' || c == '}' || c == '|';
}

/* Returns where to go on. */
static size_t mark_backslashes(struct marking *m, size_t from)
{
	size_t to = from;
	size_t n_kept;

	while (to < m->n && m->text[to] == '\\')
		to++;
	if (to == m->n || !is_meta(m->text[to]))
		return to;
	n_kept = (to - from) / 2;
	memset(m->marks + from + n_kept, MARK_DROP, to - from - n_kept);
	return (to - from) % 2 == 1 ? to + 1 : to;
}

static bool is_name(const char *text, size_t n)
{
	if (n == 0 || n >= SPINTAX_NAME_LEN)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char c = text[i];
		const bool is_first = (c >= 'A' && c <= 'Z') ||
				      (c >= 'a' && c <= 'z') || c == '_';

		if (!is_first && (i == 0 || !((c >= '0' && c <= '9') ||
						    c == '.' || c == '-')))
			return false;
	}
	return true;
}

static int parts_add(struct marking *m, size_t n, struct err *err)
{
	m->n_parts += n;
	if (m->n_parts <= SPINTAX_PARTS_MAX)
		return 0;
	return err_set(err, ERR_INVALID,
		"the template has more than %d choices, options and variables",
		SPINTAX_PARTS_MAX);
}

static void mark_open(struct marking *m, size_t at)
{
	m->open[m->n_open++] = (struct brace){ .at = (uint32_t)at };
}

static int mark_bar(struct marking *m, size_t at, struct err *err)
{
	struct brace *brace;

	if (m->n_open == 0)
		return 0;
	brace = &m->open[m->n_open - 1];
	m->marks[at] = MARK_BAR;
	m->n_options += brace->is_choice ? 1 : 2;
	m->n_choices += !brace->is_choice;
	if (parts_add(m, brace->is_choice ? 1 : 3, err) != 0)
		return -1;
	brace->is_choice = true;
	return 0;
}

static int mark_close(struct marking *m, size_t at, struct err *err)
{
	struct brace brace;

	if (m->n_open == 0)
		return err_set(err, ERR_INVALID,
			"'}' at character %zu was never opened",
			character_at(m, at));
	brace = m->open[--m->n_open];
	if (brace.is_choice) {
		m->marks[brace.at] = MARK_OPEN;
		m->marks[at] = MARK_CLOSE;
		brace.height++;
	} else if (is_name(m->text + brace.at + 1, at - brace.at - 1)) {
		m->marks[brace.at] = MARK_VARIABLE;
		m->n_variables++;
		if (parts_add(m, 1, err) != 0)
			return -1;
	}
	if (brace.height > SPINTAX_DEPTH_MAX)
		return err_set(err, ERR_INVALID,
			"'{' at character %zu nests choices more than %d deep",
			character_at(m, brace.at), SPINTAX_DEPTH_MAX);
	if (m->n_open > 0 && m->open[m->n_open - 1].height < brace.height)
		m->open[m->n_open - 1].height = brace.height;
	return 0;
}

static int mark_all(struct marking *m, struct err *err)
{
	size_t i = 0;

	while (i < m->n) {
		int rc = 0;

		switch (m->text[i]) {
		case '\\':
			i = mark_backslashes(m, i);
			continue;
		case '{':
			mark_open(m, i);
			break;
		case '|':
			rc = mark_bar(m, i, err);
			break;
		case '}':
			rc = mark_close(m, i, err);
			break;
		case '\0':
			rc = err_set(err, ERR_INVALID,
				"zero byte at character %zu",
				character_at(m, i));
			break;
		}
		if (rc != 0)
			return -1;
		i++;
	}
	if (m->n_open > 0)
		return err_set(err, ERR_INVALID,
			"'{' at character %zu is never closed",
			character_at(m, m->open[m->n_open - 1].at));
	return 0;
}

/* ---- second pass ---- */

#define NO_JUMP UINT32_MAX

/* A choice that is open in the second pass. */
struct fork {
	uint32_t point;
	size_t first_pending; /* its options, until it closes */
	uint32_t jumps;	      /* ends of its options, linked by next */
};

struct variable {
	const char *name;
	uint32_t point;
};

struct building {
	struct spintax *out;
	const uint8_t *marks;
	size_t n;
	struct fork forks[SPINTAX_DEPTH_MAX];
	size_t n_forks;
	uint32_t *pending;
	size_t n_pending;
	struct variable *variables;
	size_t n_variables;
};

static uint32_t point_add(struct building *b, uint32_t letter)
{
	struct spintax *out = b->out;
	const uint32_t at = (uint32_t)out->n_points++;

	out->points[at] = (struct spintax_point){ letter, at + 1 };
	return at;
}

/* The name stays in the text, its '}' ends it.  Returns where that is. */
static size_t build_variable(struct building *b, size_t at)
{
	char *name = b->out->text + at + 1;
	char *end = strchr(name, '}');

	*end = '\0';
	b->variables[b->n_variables++] =
		(struct variable){ name, point_add(b, LETTER_VARIABLES) };
	return (size_t)(end - b->out->text);
}

static void build_open(struct building *b)
{
	b->forks[b->n_forks++] = (struct fork){
		.point = point_add(b, LETTER_CHOICE),
		.first_pending = b->n_pending,
		.jumps = NO_JUMP,
	};
	b->pending[b->n_pending++] = (uint32_t)b->out->n_points;
}

static void build_bar(struct building *b)
{
	struct fork *fork = &b->forks[b->n_forks - 1];
	const uint32_t jump = point_add(b, LETTER_JUMP);

	b->out->points[jump].next = fork->jumps;
	fork->jumps = jump;
	b->pending[b->n_pending++] = (uint32_t)b->out->n_points;
}

/* The last option goes on here by itself. */
static void build_close(struct building *b)
{
	struct spintax *out = b->out;
	const struct fork fork = b->forks[--b->n_forks];
	const size_t n = b->n_pending - fork.first_pending;
	uint32_t jump = fork.jumps;

	while (jump != NO_JUMP) {
		const uint32_t earlier = out->points[jump].next;

		out->points[jump].next = (uint32_t)out->n_points;
		jump = earlier;
	}
	memcpy(out->options + out->n_options, b->pending + fork.first_pending,
		n * sizeof(*out->options));
	out->points[fork.point].next = (uint32_t)out->n_choices;
	out->choices[out->n_choices++] =
		(struct spintax_choice){ (uint32_t)out->n_options,
			(uint32_t)n };
	out->n_options += n;
	b->n_pending = fork.first_pending;
}

static void build_points(struct building *b)
{
	for (size_t i = 0; i < b->n; i++) {
		switch ((enum mark)b->marks[i]) {
		case MARK_TEXT:
			point_add(b, (uint8_t)b->out->text[i]);
			break;
		case MARK_DROP:
			break;
		case MARK_OPEN:
			build_open(b);
			break;
		case MARK_BAR:
			build_bar(b);
			break;
		case MARK_CLOSE:
			build_close(b);
			break;
		case MARK_VARIABLE:
			i = build_variable(b, i);
			break;
		}
	}
	point_add(b, LETTER_END);
}

static uint32_t past_jump(const struct spintax *out, uint32_t point)
{
	return out->points[point].letter == LETTER_JUMP
		       ? out->points[point].next
		       : point;
}

/* Jumps lead forward, so from the end each is one step. */
static void remove_jumps(struct spintax *out)
{
	for (size_t i = out->n_points - 1; i-- > 0;) {
		struct spintax_point *point = &out->points[i];

		if (point->letter != LETTER_CHOICE)
			point->next = past_jump(out, point->next);
	}
	for (size_t i = 0; i < out->n_options; i++)
		out->options[i] = past_jump(out, out->options[i]);
	out->start = past_jump(out, 0);
}

static int by_name(const void *a, const void *b)
{
	const struct variable *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static void number_variables(struct building *b)
{
	struct spintax *out = b->out;

	if (b->n_variables == 0)
		return;
	qsort(b->variables, b->n_variables, sizeof(*b->variables), by_name);
	for (size_t i = 0; i < b->n_variables; i++) {
		const struct variable *v = &b->variables[i];

		if (i == 0 || strcmp(v->name, v[-1].name) != 0)
			out->names[out->n_names++] = v->name;
		out->points[v->point].letter =
			(uint32_t)(LETTER_VARIABLES + out->n_names - 1);
	}
}

static struct spintax *build(const struct marking *m)
{
	struct spintax *out = xcalloc(1, sizeof(*out));
	struct building b = { .out = out, .marks = m->marks, .n = m->n };

	out->text = xcalloc(1, m->n + 1);
	memcpy(out->text, m->text, m->n);
	out->points = xcalloc(m->n + 1, sizeof(*out->points));
	out->choices = xcalloc(m->n_choices + 1, sizeof(*out->choices));
	out->options = xcalloc(m->n_options + 1, sizeof(*out->options));
	out->names = xcalloc(m->n_variables + 1, sizeof(*out->names));
	b.pending = xcalloc(m->n_options + 1, sizeof(*b.pending));
	b.variables = xcalloc(m->n_variables + 1, sizeof(*b.variables));
	build_points(&b);
	remove_jumps(out);
	number_variables(&b);
	free(b.pending);
	free(b.variables);
	return out;
}

int spintax_parse(
	const char *text, size_t n, struct spintax **out, struct err *err)
{
	struct marking m = { .text = text, .n = n };
	int rc;

	*out = NULL;
	if (n > SPINTAX_TEXT_MAX)
		return err_set(err, ERR_INVALID,
			"the template is longer than %d bytes",
			SPINTAX_TEXT_MAX);
	m.marks = xcalloc(n + 1, sizeof(*m.marks));
	m.open = xcalloc(n + 1, sizeof(*m.open));
	rc = mark_all(&m, err);
	if (rc == 0)
		*out = build(&m);
	free(m.marks);
	free(m.open);
	return rc;
}

void spintax_free(struct spintax **spintaxp)
{
	struct spintax *spintax = move(*spintaxp);

	if (spintax == NULL)
		return;
	free(spintax->text);
	free(spintax->points);
	free(spintax->choices);
	free(spintax->options);
	free(spintax->names);
	free(spintax);
}

bool spintax_has_choice(const struct spintax *spintax)
{
	return spintax->n_choices > 0;
}

void spintax_variables(const struct spintax *spintax,
	void (*each)(const char *name, void *arg), void *arg)
{
	for (size_t i = 0; i < spintax->n_names; i++)
		each(spintax->names[i], arg);
}

/* ---- spinning: a walk through the automaton ---- */

void spintax_letter_add(
	const struct spintax *spintax, uint32_t letter, struct buf *out)
{
	if (letter < LETTER_VARIABLES) {
		buf_add_byte(out, (uint8_t)letter);
		return;
	}
	buf_add_byte(out, '{');
	buf_add_str(out, spintax->names[letter - LETTER_VARIABLES]);
	buf_add_byte(out, '}');
}

struct spinning {
	const struct spintax *spintax;
	spintax_value_fn *value;
	void *arg;
	struct buf *out;
	size_t base; /* what @out held before */
};

static void add_variable(const struct spinning *s, uint32_t letter)
{
	const char *name = s->spintax->names[letter - LETTER_VARIABLES];
	const char *value = s->value != NULL ? s->value(name, s->arg) : NULL;
	struct buf *out = s->out;

	if (value == NULL)
		spintax_letter_add(s->spintax, letter, out);
	else if (value[0] != '\0')
		buf_add_str(out, value);
	else if (out->len > s->base && out->data[out->len - 1] == ' ')
		out->len--;
}

int spintax_spin(const struct spintax *spintax, spintax_value_fn *value,
	void *arg, struct buf *out, struct err *err)
{
	const struct spinning s = { spintax, value, arg, out, out->len };
	uint32_t at = spintax->start;

	for (;;) {
		const struct spintax_point *point = &spintax->points[at];
		const struct spintax_choice *choice;

		if (point->letter == LETTER_END)
			return 0;
		if (point->letter == LETTER_CHOICE) {
			choice = &spintax->choices[point->next];
			at = spintax->options[choice->first +
					      randombytes_uniform(choice->n)];
			continue;
		}
		if (point->letter < LETTER_VARIABLES)
			buf_add_byte(out, (uint8_t)point->letter);
		else
			add_variable(&s, point->letter);
		at = point->next;
		if (out->len - s.base > SPINTAX_TEXT_MAX)
			break;
	}
	out->len = s.base;
	return err_set(err, ERR_INVALID,
		"the text that comes of the template is longer than %d bytes",
		SPINTAX_TEXT_MAX);
}

int spintax_render(const char *text, spintax_value_fn *value, void *arg,
	struct buf *out, struct err *err)
{
	scoped(spintax_free) struct spintax *spintax = NULL;
	struct err unused = ERR_NONE;

	if (spintax_parse(text, strlen(text), &spintax, &unused) == 0)
		return spintax_spin(spintax, value, arg, out, err);
	buf_add_str(out, text);
	return 0;
}
