/* Any bytes as a template: parsed, spun, counted.  Holds what must be true of
 * every template: a count of n gives n samples, all of them different (as long
 * as n is small), and a text that is spun is never longer than its template. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/spintax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define SAMPLES 20

struct samples {
	char *texts[SAMPLES];
	size_t n;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void on_sample(const char *text, void *arg)
{
	struct samples *samples = arg;

	for (size_t i = 0; i < samples->n; i++)
		must(strcmp(samples->texts[i], text) != 0);
	must(samples->n < SAMPLES);
	samples->texts[samples->n++] = xstrdup(text);
}

static void on_variable(const char *name, void *arg)
{
	(void)name;
	*(bool *)arg = true;
}

/* An unknown {a} is written like "\{a\}" or "{{a|b}}", yet counts for itself.
 */
static bool has_variables(const struct spintax *spintax)
{
	bool has = false;

	spintax_variables(spintax, on_variable, &has);
	return has;
}

static void check_counts(const struct spintax *spintax)
{
	scoped(str_free) char *digits = NULL;
	struct samples samples = { 0 };
	struct err err = ERR_NONE;
	uint64_t n_texts = 0, n_few = 0;

	spintax_sample(spintax, SAMPLES, on_sample, &samples);
	if (spintax_count_up_to(spintax, SAMPLES, &n_few, &err) == 0 &&
		!has_variables(spintax))
		must(samples.n == n_few);
	if (spintax_count(spintax, &digits, &err) == 0 &&
		spintax_count_up_to(spintax, UINT64_MAX, &n_texts, &err) == 0) {
		must(n_texts == strtoull(digits, NULL, 10));
		must(n_few == (n_texts < SAMPLES ? n_texts : SAMPLES));
	}
	for (size_t i = 0; i < samples.n; i++)
		free(samples.texts[i]);
}

static const char *value(const char *name, void *arg)
{
	(void)arg;
	return name[0] == 'a' ? "" : name[0] == 'b' ? "value" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	scoped(spintax_free) struct spintax *spintax = NULL;
	scoped(buf_fini) struct buf text = BUF_INIT;
	struct err err = ERR_NONE;

	if (spintax_parse((const char *)data, n, &spintax, &err) != 0) {
		must(err.code == ERR_INVALID && spintax == NULL);
		return 0;
	}
	must(spintax_spin(spintax, NULL, NULL, &text, &err) == 0);
	must(text.len <= n);
	buf_clear(&text);
	(void)spintax_spin(spintax, value, NULL, &text, &err);
	check_counts(spintax);
	return 0;
}
