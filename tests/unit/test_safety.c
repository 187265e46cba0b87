#include "common/safety.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/own.h"
#include "tests/unit/safety_config.h"

#define NOW_MS INT64_C(1779539696789) /* 2026-05-23T12:34:56.789Z */
#define DAY_MS INT64_C(86400000)

static struct safety evaluate(int age_days, int day, int hour, int minute)
{
	struct config config = safety_config();
	struct budget budget = {
		.day_sent = day, .hour_sent = hour, .minute_sent = minute
	};
	struct safety safety;

	safety_evaluate(
		&config, &budget, NOW_MS - age_days * DAY_MS, NOW_MS, &safety);
	return safety;
}

static void each_age_has_its_tier(void **state)
{
	static const struct {
		int age_days, daily, hourly, minute;
	} table[] = {
		{ -1, 10, 10, 5 },
		{ 0, 10, 10, 5 },
		{ 1, 10, 10, 5 },
		{ 2, 25, 25, 5 },
		{ 7, 25, 25, 5 },
		{ 8, 75, 30, 5 },
		{ 14, 75, 30, 5 },
		{ 15, 150, 30, 5 },
		{ 30, 150, 30, 5 },
		{ 31, 200, 30, 5 },
		{ 4000, 200, 30, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct safety s = evaluate(table[i].age_days, 0, 0, 0);

		assert_int_equal(s.daily_limit, table[i].daily);
		assert_int_equal(s.hourly_limit, table[i].hourly);
		assert_int_equal(s.minute_limit, table[i].minute);
		assert_int_equal(s.account_age_days,
			table[i].age_days > 0 ? table[i].age_days : 0);
		assert_true(s.can_send);
	}
}

/* To the millisecond: a day of age is 24 hours, not a date. */
static void a_tier_begins_at_its_exact_age(void **state)
{
	static const struct {
		int day, before, from;
	} table[] = {
		{ 2, 10, 25 },
		{ 8, 25, 75 },
		{ 15, 75, 150 },
		{ 31, 150, 200 },
	};
	const struct config config = safety_config();
	const struct budget budget = { 0 };
	struct safety s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const int64_t begins_ms = NOW_MS + table[i].day * DAY_MS;

		safety_evaluate(&config, &budget, NOW_MS, begins_ms - 1, &s);
		assert_int_equal(s.daily_limit, table[i].before);
		assert_int_equal(s.account_age_days, table[i].day - 1);
		safety_evaluate(&config, &budget, NOW_MS, begins_ms, &s);
		assert_int_equal(s.daily_limit, table[i].from);
		assert_int_equal(s.account_age_days, table[i].day);
	}
}

static int least(int a, int b, int c)
{
	int ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Whatever is configured and counted: what may be sent at once is the least of
 * the three, and nothing is sent when one of them is used up. */
static void all_limits_hold_at_once_whatever_they_are(void **state)
{
	struct config config = safety_config();

	(void)state;
	srand(7);
	for (int i = 0; i < 20000; i++) {
		const struct budget budget = { .day_sent = rand() % 210,
			.hour_sent = rand() % 40,
			.minute_sent = rand() % 8 };
		struct safety s;

		config.safety.hourly_limit = rand() % 60;
		config.safety.minute_limit = rand() % 12;
		safety_evaluate(&config, &budget, NOW_MS - rand() % 40 * DAY_MS,
			NOW_MS, &s);
		assert_true(s.minute_limit <= s.hourly_limit);
		assert_true(s.hourly_limit <= s.daily_limit);
		assert_int_equal(s.can_send,
			least(s.daily_limit - budget.day_sent,
				s.hourly_limit - budget.hour_sent,
				s.minute_limit - budget.minute_sent) > 0);
		assert_int_equal(
			s.can_send, least(s.daily_remaining, s.hourly_remaining,
					    s.minute_remaining) > 0);
		assert_int_equal(s.can_send, s.blocked_reason[0] == '\0');
		assert_true(s.resets_at_ms >= NOW_MS);
		assert_int_equal(s.resets_at_ms % 60000, 59999);
	}
}

static void the_reference_example_comes_out_as_printed(void **state)
{
	struct safety s = evaluate(2, 9, 0, 0);

	(void)state;
	assert_int_equal(s.daily_limit, 25);
	assert_int_equal(s.daily_sent, 9);
	assert_int_equal(s.daily_remaining, 16);
	assert_int_equal(s.hourly_limit, 25);
	assert_int_equal(s.hourly_remaining, 25);
	assert_int_equal(s.minute_limit, 5);
	assert_int_equal(s.minute_remaining, 5);
	assert_int_equal(s.account_age_days, 2);
	assert_true(s.can_send);
	assert_string_equal(s.blocked_reason, "");
	assert_int_equal(s.resets_at_ms, INT64_C(1779580799999));
}

static void the_longest_block_speaks(void **state)
{
	static const struct {
		int age_days, day, hour, minute;
		enum safety_block block;
		const char *reason;
	} table[] = {
		{ 2, 24, 24, 4, SAFETY_OK, "" },
		{ 2, 25, 0, 0, SAFETY_DAILY,
			"Daily account safety limit reached (25 messages per"
			" day for accounts at this age). Try again after"
			" 2026-05-23T23:59:59.999Z." },
		{ 2, 26, 30, 5, SAFETY_DAILY,
			"Daily account safety limit reached (25 messages per"
			" day for accounts at this age). Try again after"
			" 2026-05-23T23:59:59.999Z." },
		{ 40, 30, 30, 5, SAFETY_HOURLY,
			"Hourly account safety limit reached (30 messages per"
			" hour). Try again after 2026-05-23T12:59:59.999Z." },
		{ 40, 29, 29, 5, SAFETY_MINUTE,
			"Per-minute account safety limit reached (5 messages"
			" per minute). Try again after"
			" 2026-05-23T12:34:59.999Z." },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct safety s = evaluate(table[i].age_days, table[i].day,
			table[i].hour, table[i].minute);

		assert_int_equal(s.block, table[i].block);
		assert_int_equal(s.can_send, table[i].block == SAFETY_OK);
		assert_string_equal(s.blocked_reason, table[i].reason);
	}
}

static void nothing_remains_below_zero(void **state)
{
	struct safety s = evaluate(0, 400, 400, 400);

	(void)state;
	assert_int_equal(s.daily_remaining, 0);
	assert_int_equal(s.hourly_remaining, 0);
	assert_int_equal(s.minute_remaining, 0);
}

static void disabled_limits_are_out_of_reach(void **state)
{
	struct config config = safety_config();
	struct budget budget = {
		.day_sent = 100000, .hour_sent = 100000, .minute_sent = 100000
	};
	struct safety s;

	(void)state;
	config.safety.enabled = false;
	safety_evaluate(&config, &budget, NOW_MS, NOW_MS, &s);
	assert_true(s.can_send);
	assert_int_equal(s.daily_limit, INT32_MAX);
	assert_int_equal(s.hourly_limit, INT32_MAX);
	assert_int_equal(s.minute_limit, INT32_MAX);
	assert_int_equal(s.daily_remaining, INT32_MAX - 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_age_has_its_tier),
		cmocka_unit_test(a_tier_begins_at_its_exact_age),
		cmocka_unit_test(all_limits_hold_at_once_whatever_they_are),
		cmocka_unit_test(the_reference_example_comes_out_as_printed),
		cmocka_unit_test(the_longest_block_speaks),
		cmocka_unit_test(nothing_remains_below_zero),
		cmocka_unit_test(disabled_limits_are_out_of_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
