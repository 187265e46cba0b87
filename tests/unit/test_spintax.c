/* Templates: what they mean, what is spun of them, how many texts they have.
 * Counts are held against enumerations of thousands of small random templates.
 */
#include "common/spintax.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

static struct spintax *parse(const char *text)
{
	struct spintax *spintax = NULL;
	struct err err = ERR_NONE;

	if (spintax_parse(text, strlen(text), &spintax, &err) != 0)
		fail_msg("%.100s: %s", text, err.msg);
	return spintax;
}

static char *spin_with(const struct spintax *spintax, spintax_value_fn *value)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err = ERR_NONE;

	assert_int_equal(spintax_spin(spintax, value, NULL, &out, &err), 0);
	return xstrdup(buf_cstr(&out));
}

static const char *values(const char *name, void *arg)
{
	(void)arg;
	if (strcmp(name, "name") == 0)
		return "Ada";
	return strcmp(name, "none") == 0 ? "" : NULL;
}

static void assert_count(const char *text, const char *digits)
{
	scoped(spintax_free) struct spintax *spintax = parse(text);
	scoped(str_free) char *counted = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(spintax_count(spintax, &counted, &err), 0);
	if (strcmp(counted, digits) != 0)
		fail_msg("%.100s: %s, not %s", text, counted, digits);
}

/* ---- the language ---- */

static void what_is_no_choice_is_text_or_a_variable(void **state)
{
	static const struct {
		const char *text, *spun;
	} table[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "a|b", "a|b" },
		{ "Hi {name}!", "Hi Ada!" },
		{ "Hi {unknown}!", "Hi {unknown}!" },
		{ "Hi {none}!", "Hi!" },
		{ "Hi  {none}!", "Hi !" },
		{ "{none} hi", " hi" },
		{ "{a|a} {none}!", "a!" },
		{ "{}", "{}" },
		{ "{ name}", "{ name}" },
		{ "{1a}", "{1a}" },
		{ "{na me}", "{na me}" },
		{ "{na{name}me}", "{naAdame}" },
		{ "{{name}}", "{Ada}" },
		{ "{_.-9}", "{_.-9}" },
		{ "{x{a|a}y}", "{xay}" },
		{ "{a|a}", "a" },
		{ "{|}", "" },
		{ "{||}x", "x" },
		{ "{{|}|{|}}", "" },
		{ "{{name}|{name}}", "Ada" },
		{ "{ {} | {} }", " {} " },
		/* backslashes */
		{ "\\{name\\}", "{name}" },
		{ "\\\\{name}", "\\Ada" },
		{ "\\\\\\{name\\\\\\}", "\\{name\\}" },
		{ "\\\\\\\\{name}", "\\\\Ada" },
		{ "a\\b\\\\c", "a\\b\\\\c" },
		{ "end\\", "end\\" },
		{ "end\\\\", "end\\\\" },
		{ "\\|", "|" },
		{ "{a\\|b|a\\|b}", "a|b" },
		{ "{a\\}b|a\\}b}", "a}b" },
		{ "{na\\|me}", "{na|me}" },
		{ "{name\\\\}", "{name\\}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		scoped(spintax_free) struct spintax *spintax =
			parse(table[i].text);
		scoped(str_free) char *spun = spin_with(spintax, values);

		if (strcmp(spun, table[i].spun) != 0)
			fail_msg("%s: \"%s\"", table[i].text, spun);
	}
}

static void an_error_says_what_and_where(void **state)
{
	static const struct {
		const char *text, *error;
	} table[] = {
		{ "Hi {name", "'{' at character 4 is never closed" },
		{ "{a|{b|c}", "'{' at character 1 is never closed" },
		{ "\xC3\xA4\xE2\x82\xAC{a|b",
			"'{' at character 3 is never closed" },
		{ "a}", "'}' at character 2 was never opened" },
		{ "{a|b}}", "'}' at character 6 was never opened" },
		{ "\\{a|b}", "'}' at character 6 was never opened" },
		{ "{a|b\\}", "'{' at character 1 is never closed" },
		{ "\\\\\\{a}", "'}' at character 6 was never opened" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct spintax *spintax = NULL;
		struct err err = ERR_NONE;

		assert_int_equal(spintax_parse(table[i].text,
					 strlen(table[i].text), &spintax, &err),
			-1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.msg, table[i].error);
		assert_null(spintax);
	}
}

static void parse_fails(const char *text, size_t n, const char *error)
{
	struct spintax *spintax = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(spintax_parse(text, n, &spintax, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.msg, error);
}

static void repeat(struct buf *buf, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_add_str(buf, text);
}

static void a_zero_byte_is_an_error(void **state)
{
	(void)state;
	parse_fails("ab\0c", 4, "zero byte at character 3");
}

static void a_template_has_a_bound_in_bytes(void **state)
{
	scoped(buf_fini) struct buf text = BUF_INIT;

	(void)state;
	repeat(&text, "x", SPINTAX_TEXT_MAX);
	assert_count(buf_cstr(&text), "1");
	repeat(&text, "x", 1);
	parse_fails(buf_cstr(&text), text.len,
		"the template is longer than 65536 bytes");
}

/* Braces that are text do not count, those in between choices included. */
static void choices_nest_32_deep_and_no_deeper(void **state)
{
	scoped(buf_fini) struct buf good = BUF_INIT;
	scoped(buf_fini) struct buf bad = BUF_INIT;

	(void)state;
	repeat(&good, "{ ", 1000);
	repeat(&good, "{{ x|", 32);
	repeat(&good, "y}}", 32);
	repeat(&good, " }", 1000);
	assert_count(buf_cstr(&good), "33");
	repeat(&bad, "{x|", 33);
	repeat(&bad, "}", 33);
	parse_fails(buf_cstr(&bad), bad.len,
		"'{' at character 1 nests choices more than 32 deep");
}

static void a_template_has_a_bound_in_parts(void **state)
{
	scoped(buf_fini) struct buf text = BUF_INIT;

	(void)state;
	buf_add_str(&text, "{");
	repeat(&text, "|", 16382);
	buf_add_str(&text, "}");
	assert_count(buf_cstr(&text), "1");
	buf_add_str(&text, "{a}");
	parse_fails(buf_cstr(&text), text.len,
		"the template has more than 16384 choices, options and "
		"variables");
}

static void add_name(const char *name, void *arg)
{
	buf_add_str(arg, name);
	buf_add_str(arg, ";");
}

static void each_variable_is_named_once(void **state)
{
	scoped(spintax_free) struct spintax *spintax =
		parse("{b} {a|{b}|{c.d}} {a} {no name}");
	scoped(spintax_free) struct spintax *none = parse("{x|y}");
	scoped(buf_fini) struct buf names = BUF_INIT;

	(void)state;
	spintax_variables(spintax, add_name, &names);
	assert_string_equal(buf_cstr(&names), "a;b;c.d;");
	assert_true(spintax_has_choice(spintax));
	spintax_variables(none, add_name, &names);
	assert_string_equal(buf_cstr(&names), "a;b;c.d;");
}

static void a_name_has_at_most_64_characters(void **state)
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	scoped(buf_fini) struct buf names = BUF_INIT;

	(void)state;
	for (size_t n = 64; n <= 65; n++) {
		scoped(spintax_free) struct spintax *spintax = NULL;

		buf_clear(&text);
		buf_clear(&names);
		buf_add_str(&text, "{");
		repeat(&text, "n", n);
		buf_add_str(&text, "}");
		spintax = parse(buf_cstr(&text));
		assert_false(spintax_has_choice(spintax));
		spintax_variables(spintax, add_name, &names);
		assert_int_equal(names.len, n == 64 ? 65 : 0);
	}
}

/* ---- spinning ---- */

/* The bounds are eleven standard deviations wide: chance never breaks them. */
static void each_option_is_equally_likely(void **state)
{
	scoped(spintax_free) struct spintax *spintax =
		parse("{0|1|2|3|4|{5|6}}");
	int n[7] = { 0 };

	(void)state;
	for (int i = 0; i < 60000; i++) {
		scoped(str_free) char *spun = spin_with(spintax, NULL);

		assert_int_equal(strlen(spun), 1);
		assert_in_range(spun[0], '0', '6');
		n[spun[0] - '0']++;
	}
	for (int i = 0; i < 5; i++)
		assert_in_range(n[i], 9000, 11000);
	assert_in_range(n[5], 4250, 5750);
	assert_in_range(n[6], 4250, 5750);
}

static const char *long_value(const char *name, void *arg)
{
	(void)name;
	return arg;
}

static void what_is_spun_has_a_bound_and_leaves_the_buffer_alone(void **state)
{
	scoped(spintax_free) struct spintax *spintax = parse("{a}{a}");
	scoped(buf_fini) struct buf value = BUF_INIT;
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	repeat(&value, "x", SPINTAX_TEXT_MAX / 2);
	buf_add_str(&out, "before");
	assert_int_equal(spintax_spin(spintax, long_value,
				 (void *)buf_cstr(&value), &out, &err),
		0);
	assert_int_equal(out.len, 6 + SPINTAX_TEXT_MAX);
	repeat(&value, "x", 1);
	out.len = 6;
	assert_int_equal(spintax_spin(spintax, long_value,
				 (void *)buf_cstr(&value), &out, &err),
		-1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(buf_cstr(&out), "before");
}

static void an_empty_value_takes_no_space_of_what_was_there(void **state)
{
	scoped(spintax_free) struct spintax *spintax = parse("{none}!");
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	buf_add_str(&out, "kept ");
	assert_int_equal(spintax_spin(spintax, values, NULL, &out, &err), 0);
	assert_string_equal(buf_cstr(&out), "kept !");
}

static void a_text_that_is_no_template_is_rendered_as_it_is(void **state)
{
	static const struct {
		const char *text, *rendered;
	} table[] = {
		{ "Hello :-}", "Hello :-}" },
		{ "{\"a\": [1|2", "{\"a\": [1|2" },
		{ "a \\| b", "a | b" },
		{ "a \\| b }", "a \\| b }" },
		{ "{x|x} {name}", "x Ada" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		scoped(buf_fini) struct buf out = BUF_INIT;
		struct err err = ERR_NONE;

		assert_int_equal(
			spintax_render(table[i].text, values, NULL, &out, &err),
			0);
		assert_string_equal(buf_cstr(&out), table[i].rendered);
	}
}

/* ---- counting ---- */

static void equal_texts_count_once(void **state)
{
	static const struct {
		const char *text, *count;
	} table[] = {
		{ "", "1" },
		{ "x", "1" },
		{ "{a|b}", "2" },
		{ "{a|a}", "1" },
		{ "{a|ab}{bc|c}", "3" },
		{ "{|}{|}", "1" },
		{ "{a|}{a|}{a|}", "4" },
		{ "{a|b|{a|c}}", "3" },
		{ "{Hi|Hello|Hey} {there|friend}!", "6" },
		{ "{{a|b}{c|d}|a{c|d}|bc}", "4" },
		{ "{a\\|b|a}{|\\|b}", "3" },
		{ "{\\{x\\}|{ x}}", "2" },
		/* A variable is a letter of its own, whatever it stands for. */
		{ "{{x}|{y}|{x}}", "2" },
		{ "{{x}|\\{x\\}}", "2" },
		{ "{{x}|{x}{x}}{{x}|}", "3" },
		{ "{{x}a|{x}b}", "2" },
		{ "{ {a|b} }{ c|c}", "4" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_count(table[i].text, table[i].count);
}

static void counts_go_far_beyond_what_could_be_enumerated(void **state)
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	scoped(buf_fini) struct buf digits = BUF_INIT;

	(void)state;
	repeat(&text, "{0|1|2|3|4|5|6|7|8|9} ", 30);
	assert_count(buf_cstr(&text), "1000000000000000000000000000000");
	buf_clear(&text);
	repeat(&text, "{0|1|2|3|4|5|6|7|8|9}", 1480);
	repeat(&digits, "1", 1);
	repeat(&digits, "0", 1480);
	assert_count(buf_cstr(&text), buf_cstr(&digits));
	/* 2 to the power of 100 */
	buf_clear(&text);
	repeat(&text, "{a|b}", 100);
	assert_count(buf_cstr(&text), "1267650600228229401496703205376");
	/* The same letters cut in other places: a^100 to a^200. */
	buf_clear(&text);
	repeat(&text, "{a|aa}", 100);
	assert_count(buf_cstr(&text), "101");
}

static void count_up_to(
	const struct spintax *spintax, uint64_t limit, uint64_t expected)
{
	struct err err = ERR_NONE;
	uint64_t n = 0;

	assert_int_equal(spintax_count_up_to(spintax, limit, &n, &err), 0);
	assert_int_equal(n, expected);
}

static void counting_up_to_a_limit_stops_there(void **state)
{
	scoped(spintax_free) struct spintax *six = parse("{a|b|c}{d|e}{e|e}");
	scoped(spintax_free) struct spintax *many = NULL;
	scoped(buf_fini) struct buf text = BUF_INIT;

	(void)state;
	count_up_to(six, 0, 0);
	count_up_to(six, 1, 1);
	count_up_to(six, 5, 5);
	count_up_to(six, 6, 6);
	count_up_to(six, 7, 6);
	count_up_to(six, UINT64_MAX, 6);
	repeat(&text, "{a|b}", 63);
	many = parse(buf_cstr(&text));
	count_up_to(many, UINT64_MAX, UINT64_C(1) << 63);
	count_up_to(many, UINT64_C(1) << 63, UINT64_C(1) << 63);
	spintax_free(&many);
	repeat(&text, "{a|b}", 1);
	many = parse(buf_cstr(&text));
	count_up_to(many, UINT64_MAX, UINT64_MAX);
	count_up_to(many, 1000000, 1000000);
}

/* "is the k-th letter from the end an a": 2^k sets of points. */
static void overlapping(struct buf *text, size_t n)
{
	repeat(text, "{a|b|}", n);
	buf_add_str(text, "a");
	repeat(text, "{a|b}", n);
}

static void a_template_that_overlaps_too_much_is_refused_not_counted(
	void **state)
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	scoped(spintax_free) struct spintax *spintax = NULL;
	struct err err = ERR_NONE;
	char *digits = NULL;

	(void)state;
	overlapping(&text, 40);
	spintax = parse(buf_cstr(&text));
	assert_int_equal(spintax_count(spintax, &digits, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_null(digits);
	/* To know that there are enough takes little. */
	count_up_to(spintax, 10000, 10000);
}

/* ---- against enumeration ---- */

struct set {
	char **texts; /* sorted, each once */
	size_t n;
};

static void set_add(struct set *set, char *text)
{
	set->texts = xrealloc(set->texts, (set->n + 1) * sizeof(*set->texts));
	set->texts[set->n++] = text;
}

static void set_fini(struct set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free(set->texts[i]);
	free(set->texts);
	*set = (struct set){ 0 };
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void set_unite(struct set *set)
{
	size_t n = 0;

	if (set->n > 0)
		qsort(set->texts, set->n, sizeof(*set->texts), by_text);
	for (size_t i = 0; i < set->n; i++) {
		if (n > 0 && strcmp(set->texts[i], set->texts[n - 1]) == 0)
			free(set->texts[i]);
		else
			set->texts[n++] = set->texts[i];
	}
	set->n = n;
}

static bool set_has(const struct set *set, const char *text)
{
	return set->n > 0 && bsearch(&text, set->texts, set->n,
				     sizeof(*set->texts), by_text) != NULL;
}

/* Every text of @set followed by every one of @tail, which it takes. */
static void set_follow(struct set *set, struct set *tail)
{
	struct set all = { 0 };

	for (size_t i = 0; i < set->n; i++)
		for (size_t j = 0; j < tail->n; j++)
			set_add(&all, xasprintf("%s%s", set->texts[i],
					      tail->texts[j]));
	set_fini(set);
	set_fini(tail);
	set_unite(&all);
	*set = all;
}

/* A random template, and the texts that it stands for. */
struct making {
	uint64_t seed;
	struct buf template;
	bool is_large; /* too many texts to enumerate: left out */
};

#define TEXTS_MAX 2000

static unsigned dice(struct making *m, unsigned n)
{
	m->seed = m->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(m->seed >> 33) % n;
}

static struct set make_sequence(struct making *m, unsigned depth);

static struct set make_choice(struct making *m, unsigned depth)
{
	struct set set = { 0 };
	unsigned n = 2 + dice(m, 2);

	buf_add_str(&m->template, "{");
	for (unsigned i = 0; i < n; i++) {
		struct set option;

		if (i > 0)
			buf_add_str(&m->template, "|");
		option = make_sequence(m, depth - 1);
		for (size_t j = 0; j < option.n; j++)
			set_add(&set, option.texts[j]);
		free(option.texts);
	}
	buf_add_str(&m->template, "}");
	set_unite(&set);
	return set;
}

static struct set make_item(struct making *m, unsigned depth)
{
	static const char *const items[][2] = { /* as written, as spun */
		{ "a", "a" }, { "b", "b" }, { "ab", "ab" }, { "aa", "aa" },
		{ "", "" }, { "{v}", "{v}" }, { "{w}", "{w}" }, { "\\{", "{" },
		{ "\\}", "}" }, { "\\|", "|" }, { "{ a}", "{ a}" },
		{ "\\\\\\|", "\\|" }
	};
	struct set set = { 0 };
	unsigned i;

	if (depth > 0 && dice(m, 2) == 0)
		return make_choice(m, depth);
	i = dice(m, 3) > 0 ? dice(m, 5) : dice(m, ARRAY_LEN(items));
	buf_add_str(&m->template, items[i][0]);
	set_add(&set, xstrdup(items[i][1]));
	return set;
}

static struct set make_sequence(struct making *m, unsigned depth)
{
	struct set set = { 0 };
	unsigned n = dice(m, 4);

	set_add(&set, xstrdup(""));
	for (unsigned i = 0; i < n; i++) {
		struct set item = make_item(m, depth);

		m->is_large |= set.n * item.n > TEXTS_MAX;
		if (m->is_large)
			set_fini(&item);
		else
			set_follow(&set, &item);
	}
	return set;
}

static void add_sample(const char *text, void *arg)
{
	set_add(arg, xstrdup(text));
}

static void check_samples(
	const struct spintax *spintax, const struct set *all, size_t n)
{
	struct set samples = { 0 };
	const size_t expected = n < all->n ? n : all->n;

	spintax_sample(spintax, n, add_sample, &samples);
	assert_int_equal(samples.n, expected);
	set_unite(&samples);
	assert_int_equal(samples.n, expected);
	for (size_t i = 0; i < samples.n; i++)
		assert_true(set_has(all, samples.texts[i]));
	set_fini(&samples);
}

static void check_against(const char *template, const struct set *all)
{
	scoped(spintax_free) struct spintax *spintax = parse(template);
	scoped(str_free) char *digits = xasprintf("%zu", all->n);

	assert_count(template, digits);
	count_up_to(spintax, all->n + 1, all->n);
	count_up_to(spintax, all->n, all->n);
	count_up_to(spintax, (all->n + 1) / 2, (all->n + 1) / 2);
	for (int i = 0; i < 10; i++) {
		scoped(str_free) char *spun = spin_with(spintax, NULL);

		if (!set_has(all, spun))
			fail_msg("%s: \"%s\"", template, spun);
	}
	check_samples(spintax, all, 5);
	if (all->n < 100)
		check_samples(spintax, all, all->n + 1);
}

static void random_templates_are_what_an_enumeration_says(void **state)
{
	size_t n_checked = 0, n_many = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 4000; seed++) {
		struct making m = { .seed = seed * 7919 };
		struct set all = make_sequence(&m, 1 + dice(&m, 3));

		if (!m.is_large)
			check_against(buf_cstr(&m.template), &all);
		n_checked += !m.is_large;
		n_many += !m.is_large && all.n > 50;
		set_fini(&all);
		buf_fini(&m.template);
	}
	assert_true(n_checked > 3000);
	assert_true(n_many > 50); /* not all of them trivial */
}

/* Chance finds the b once in a thousand spins. */
static void samples_do_not_depend_on_luck(void **state)
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	scoped(spintax_free) struct spintax *spintax = NULL;
	struct set all = { 0 };

	(void)state;
	buf_add_str(&text, "{");
	repeat(&text, "a|", 1000);
	buf_add_str(&text, "b}{|}");
	set_add(&all, xstrdup("a"));
	set_add(&all, xstrdup("b"));
	spintax = parse(buf_cstr(&text));
	for (int i = 0; i < 20; i++)
		check_samples(spintax, &all, 2);
	set_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_choice_is_text_or_a_variable),
		cmocka_unit_test(an_error_says_what_and_where),
		cmocka_unit_test(a_zero_byte_is_an_error),
		cmocka_unit_test(a_template_has_a_bound_in_bytes),
		cmocka_unit_test(choices_nest_32_deep_and_no_deeper),
		cmocka_unit_test(a_template_has_a_bound_in_parts),
		cmocka_unit_test(each_variable_is_named_once),
		cmocka_unit_test(a_name_has_at_most_64_characters),
		cmocka_unit_test(each_option_is_equally_likely),
		cmocka_unit_test(
			what_is_spun_has_a_bound_and_leaves_the_buffer_alone),
		cmocka_unit_test(
			an_empty_value_takes_no_space_of_what_was_there),
		cmocka_unit_test(
			a_text_that_is_no_template_is_rendered_as_it_is),
		cmocka_unit_test(equal_texts_count_once),
		cmocka_unit_test(counts_go_far_beyond_what_could_be_enumerated),
		cmocka_unit_test(counting_up_to_a_limit_stops_there),
		cmocka_unit_test(
			a_template_that_overlaps_too_much_is_refused_not_counted),
		cmocka_unit_test(random_templates_are_what_an_enumeration_says),
		cmocka_unit_test(samples_do_not_depend_on_luck),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
