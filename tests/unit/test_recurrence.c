#include "common/recurrence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"

static json_t *rule_of(const char *text)
{
	json_t *rule = json_loads(text, 0, NULL);

	if (rule == NULL)
		fail_msg("%s is no JSON", text);
	return rule;
}

static int64_t at(const char *text)
{
	int64_t ms = 0;

	if (clock_parse_iso(text, &ms) != 0)
		fail_msg("%s is no date", text);
	return ms;
}

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *rule, *words; /* NULL: it is right */
	} table[] = {
		{ "{\"frequency\":\"DAILY\"}", NULL },
		{ "{\"frequency\":\"WEEKLY\",\"interval\":2,"
		  "\"daysOfWeek\":[1,7],\"endAt\":\"2026-12-31T00:00:00Z\","
		  "\"count\":3}",
			NULL },
		{ "{\"frequency\":\"MONTHLY\",\"interval\":null,"
		  "\"daysOfWeek\":null,\"endAt\":null,\"count\":null}",
			NULL },
		{ "[]", "object" },
		{ "{}", "frequency" },
		{ "{\"frequency\":\"daily\"}", "frequency" },
		{ "{\"frequency\":3}", "frequency" },
		{ "{\"frequency\":\"DAILY\",\"every\":1}", "every" },
		{ "{\"frequency\":\"DAILY\",\"interval\":0}", "interval" },
		{ "{\"frequency\":\"DAILY\",\"interval\":367}", "interval" },
		{ "{\"frequency\":\"DAILY\",\"interval\":1.5}", "interval" },
		{ "{\"frequency\":\"DAILY\",\"count\":0}", "count" },
		{ "{\"frequency\":\"DAILY\",\"count\":\"3\"}", "count" },
		{ "{\"frequency\":\"DAILY\",\"daysOfWeek\":[1]}",
			"WEEKLY alone" },
		{ "{\"frequency\":\"MONTHLY\",\"daysOfWeek\":[1]}",
			"WEEKLY alone" },
		{ "{\"frequency\":\"WEEKLY\",\"daysOfWeek\":[]}",
			"daysOfWeek" },
		{ "{\"frequency\":\"WEEKLY\",\"daysOfWeek\":[0]}",
			"daysOfWeek" },
		{ "{\"frequency\":\"WEEKLY\",\"daysOfWeek\":[8]}",
			"daysOfWeek" },
		{ "{\"frequency\":\"WEEKLY\",\"daysOfWeek\":[\"1\"]}",
			"daysOfWeek" },
		{ "{\"frequency\":\"WEEKLY\",\"daysOfWeek\":1}", "daysOfWeek" },
		{ "{\"frequency\":\"DAILY\",\"endAt\":\"soon\"}", "endAt" },
		{ "{\"frequency\":\"DAILY\",\"endAt\":5}", "endAt" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err err = ERR_NONE;
		json_t *rule = rule_of(table[i].rule);
		int rc = recurrence_check(rule, &err);

		json_decref(rule);
		assert_int_equal(rc, table[i].words == NULL ? 0 : -1);
		if (rc == 0)
			continue;
		assert_int_equal(err.code, ERR_INVALID);
		if (strstr(err.msg, table[i].words) == NULL)
			fail_msg("%s: %s", table[i].rule, err.msg);
	}
}

struct series {
	const char *rule, *first;
	const char *runs[8]; /* after the first; "" where it ends */
};

static void play(const struct series *series)
{
	json_t *rule = rule_of(series->rule);
	const int64_t first_ms = at(series->first);
	int64_t after_ms = first_ms;
	char iso[CLOCK_ISO_LEN];

	for (int64_t i = 0; i < 8 && series->runs[i] != NULL; i++) {
		const char *wanted = series->runs[i];
		int64_t next_ms =
			recurrence_next(rule, first_ms, after_ms, i + 1);

		clock_iso(next_ms, iso);
		if (next_ms != (wanted[0] != '\0' ? at(wanted) : 0))
			fail_msg("%s: run %d at %s instead of %s", series->rule,
				(int)i + 2, iso, wanted);
		after_ms = next_ms;
	}
	json_decref(rule);
}

static void runs_come_when_the_calendar_says(void **state)
{
	static const struct series table[] = {
		{ "{\"frequency\":\"DAILY\"}", "2026-02-27T09:30:00.250Z",
			{ "2026-02-28T09:30:00.250Z",
				"2026-03-01T09:30:00.250Z" } },
		{ "{\"frequency\":\"DAILY\",\"interval\":10}",
			"2026-12-25T00:00:00Z",
			{ "2027-01-04T00:00:00Z", "2027-01-14T00:00:00Z" } },
		/* 2026-05-23 is a Saturday. */
		{ "{\"frequency\":\"WEEKLY\"}", "2026-05-23T10:00:00Z",
			{ "2026-05-30T10:00:00Z", "2026-06-06T10:00:00Z" } },
		{ "{\"frequency\":\"WEEKLY\",\"daysOfWeek\":[1,5]}",
			"2026-05-23T10:00:00Z",
			{ "2026-05-25T10:00:00Z", "2026-05-29T10:00:00Z",
				"2026-06-01T10:00:00Z" } },
		/* Every other week, counted from the first run's own. */
		{ "{\"frequency\":\"WEEKLY\",\"interval\":2,"
		  "\"daysOfWeek\":[7,1]}",
			"2026-05-23T10:00:00Z",
			{ "2026-05-24T10:00:00Z", "2026-06-01T10:00:00Z",
				"2026-06-07T10:00:00Z",
				"2026-06-15T10:00:00Z" } },
		{ "{\"frequency\":\"WEEKLY\",\"interval\":2,"
		  "\"daysOfWeek\":[1]}",
			"2026-05-23T23:59:59Z",
			{ "2026-06-01T23:59:59Z", "2026-06-15T23:59:59Z" } },
		{ "{\"frequency\":\"MONTHLY\"}", "2026-01-31T08:00:00.001Z",
			{ "2026-03-31T08:00:00.001Z",
				"2026-05-31T08:00:00.001Z",
				"2026-07-31T08:00:00.001Z",
				"2026-08-31T08:00:00.001Z" } },
		{ "{\"frequency\":\"MONTHLY\"}", "2026-01-30T08:00:00Z",
			{ "2026-03-30T08:00:00Z", "2026-04-30T08:00:00Z" } },
		{ "{\"frequency\":\"MONTHLY\"}", "2027-12-29T08:00:00Z",
			{ "2028-01-29T08:00:00Z", "2028-02-29T08:00:00Z" } },
		{ "{\"frequency\":\"MONTHLY\",\"interval\":12}",
			"2096-02-29T08:00:00Z",
			{ "2104-02-29T08:00:00Z", "2108-02-29T08:00:00Z" } },
		{ "{\"frequency\":\"MONTHLY\",\"interval\":3}",
			"2026-11-15T08:00:00Z",
			{ "2027-02-15T08:00:00Z", "2027-05-15T08:00:00Z" } },
		{ "{\"frequency\":\"DAILY\",\"count\":3}",
			"2026-05-23T10:00:00Z",
			{ "2026-05-24T10:00:00Z", "2026-05-25T10:00:00Z",
				"" } },
		{ "{\"frequency\":\"DAILY\",\"count\":1}",
			"2026-05-23T10:00:00Z", { "" } },
		{ "{\"frequency\":\"DAILY\","
		  "\"endAt\":\"2026-05-25T10:00:00Z\"}",
			"2026-05-23T10:00:00Z",
			{ "2026-05-24T10:00:00Z", "2026-05-25T10:00:00Z",
				"" } },
		{ "{\"frequency\":\"DAILY\","
		  "\"endAt\":\"2026-05-25T09:59:59Z\"}",
			"2026-05-23T10:00:00Z",
			{ "2026-05-24T10:00:00Z", "" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		play(&table[i]);
}

static void missed_runs_are_passed_over(void **state)
{
	static const struct {
		const char *rule, *after, *next;
	} table[] = {
		{ "{\"frequency\":\"DAILY\",\"interval\":2}",
			"2026-06-01T12:00:00Z", "2026-06-02T10:00:00Z" },
		{ "{\"frequency\":\"DAILY\",\"interval\":2}",
			"2026-06-02T10:00:00Z", "2026-06-04T10:00:00Z" },
		{ "{\"frequency\":\"WEEKLY\",\"interval\":2}",
			"2027-05-23T12:00:00Z", "2027-06-05T10:00:00Z" },
		{ "{\"frequency\":\"MONTHLY\"}", "2031-02-01T00:00:00Z",
			"2031-02-23T10:00:00Z" },
		{ "{\"frequency\":\"MONTHLY\"}", "2031-02-23T10:00:00Z",
			"2031-03-23T10:00:00Z" },
		/* Before the first there is the first. */
		{ "{\"frequency\":\"MONTHLY\"}", "2020-01-01T00:00:00Z",
			"2026-05-23T10:00:00Z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		json_t *rule = rule_of(table[i].rule);

		assert_int_equal(
			recurrence_next(rule, at("2026-05-23T10:00:00Z"),
				at(table[i].after), 1),
			at(table[i].next));
		json_decref(rule);
	}
}

/* Whatever the rule, time goes forward, at the same time of day. */
static void the_next_run_is_always_later(void **state)
{
	static const char *const frequencies[] = { "DAILY", "WEEKLY",
		"MONTHLY" };
	const int64_t first_ms = at("2024-02-29T23:59:59.999Z");
	char text[128];

	(void)state;
	for (int interval = 1; interval <= 366; interval++) {
		for (size_t i = 0; i < ARRAY_LEN(frequencies); i++) {
			int64_t after_ms = first_ms;
			json_t *rule;

			snprintf(text, sizeof(text),
				"{\"frequency\":\"%s\",\"interval\":%d}",
				frequencies[i], interval);
			rule = rule_of(text);
			for (int run = 0; run < 5; run++) {
				int64_t next_ms = recurrence_next(
					rule, first_ms, after_ms, run + 1);

				assert_true(next_ms > after_ms);
				assert_int_equal((next_ms - first_ms) %
							 INT64_C(86400000),
					0);
				after_ms = next_ms;
			}
			json_decref(rule);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(runs_come_when_the_calendar_says),
		cmocka_unit_test(missed_runs_are_passed_over),
		cmocka_unit_test(the_next_run_is_always_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
