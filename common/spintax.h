/* Spintax: a text that stands for many.
 *
 *	{Hi|Hello|Hey} {name}! {We have {great|new} offers|Have a look}.
 *
 * Braces with a '|' of their own level are a choice, which may be nested and
 * may have empty options; braces around a name ([A-Za-z_][A-Za-z0-9_.-]{0,63})
 * are a variable; any other braces that match are text.  A backslash takes the
 * meaning from '{', '}' and '|'; a run of backslashes before one of these is
 * halved, anywhere else a backslash is itself.  A '|' outside of braces is
 * text. */
#ifndef COMMON_SPINTAX_H
#define COMMON_SPINTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct spintax;

#define SPINTAX_TEXT_MAX 65536	/* bytes of a template, and of what is spun */
#define SPINTAX_DEPTH_MAX 32	/* of choices in choices */
#define SPINTAX_PARTS_MAX 16384 /* choices, options and variables */
#define SPINTAX_NAME_LEN 65

/* ERR_INVALID with the place: "'{' at character 12 is never closed".  The
 * template is copied; it must not hold a zero byte. */
int spintax_parse(
	const char *text, size_t n, struct spintax **out, struct err *err);
void spintax_free(struct spintax **spintaxp);
bool spintax_has_choice(const struct spintax *spintax);
/* Calls @each with the name of every variable, once each, sorted. */
void spintax_variables(const struct spintax *spintax,
	void (*each)(const char *name, void *arg), void *arg);

/* The value of a variable.  NULL: unknown, "{name}" stays as it is written.
 * "": nothing, and then one space before the variable goes too, so that
 * "Hi {name}!" becomes "Hi!". */
typedef const char *spintax_value_fn(const char *name, void *arg);

/* Appends one result to @out.  Each option of a choice is equally likely
 * (libsodium's randombytes_uniform).  @value may be NULL: all are unknown.
 * ERR_INVALID when the result is longer than SPINTAX_TEXT_MAX. */
int spintax_spin(const struct spintax *spintax, spintax_value_fn *value,
	void *arg, struct buf *out, struct err *err);

/* How many different texts there are, exactly, as decimal digits (caller
 * frees): equal texts that come about in different ways count once, a variable
 * counts as one letter of its own.  Nothing is enumerated: the template is an
 * automaton without loops, made deterministic, and its paths are counted.
 * ERR_INVALID: so many options overlap that this takes more than a bounded
 * number of states. */
int spintax_count(
	const struct spintax *spintax, char **digits_out, struct err *err);
/* The same, but at most @limit: stops there. */
int spintax_count_up_to(const struct spintax *spintax, uint64_t limit,
	uint64_t *n_out, struct err *err);

/* Calls @each with @n texts that all differ, fewer only when there are no more
 * (or, for a hostile template, when to find them takes too long).  Variables
 * stay as they are written. */
void spintax_sample(const struct spintax *spintax, size_t n,
	void (*each)(const char *text, void *arg), void *arg);

/* For texts that are not meant as templates alone (a direct send): a text that
 * does not parse is taken as it is. */
int spintax_render(const char *text, spintax_value_fn *value, void *arg,
	struct buf *out, struct err *err);

#endif
