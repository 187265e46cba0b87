#include "common/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/safety_config.h"

#define NOW_MS INT64_C(1779539696789)
#define MIN_MS INT64_C(18000)
#define MAX_MS INT64_C(50000)
#define COOLDOWN_MS INT64_C(120000)

static struct config pace_config(void)
{
	struct config config = safety_config();

	config.safety.campaign_delay_min_sec = 18;
	config.safety.campaign_delay_max_sec = 50;
	config.safety.cooldown_every = 5;
	config.safety.cooldown_sec = 120;
	return config;
}

static void pauses_are_random_between_the_two_limits(void **state)
{
	struct config config = pace_config();
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct device_pace pace = { 0 };

		pace_advance(&config, &pace, NOW_MS);
		assert_in_range(pace.next_ms, NOW_MS + MIN_MS, NOW_MS + MAX_MS);
		if (pace.next_ms - NOW_MS < least)
			least = pace.next_ms - NOW_MS;
		if (pace.next_ms - NOW_MS > most)
			most = pace.next_ms - NOW_MS;
	}
	assert_true(least < MIN_MS + 1000 && most > MAX_MS - 1000);
}

static void every_fifth_message_is_followed_by_the_cool_down(void **state)
{
	struct config config = pace_config();
	struct device_pace pace = { .n_in_flight = 3, .last_campaign_id = 7 };
	int64_t now_ms = NOW_MS;

	(void)state;
	for (int i = 1; i <= 50; i++) {
		const int64_t extra_ms = i % 5 == 0 ? COOLDOWN_MS : 0;

		pace_advance(&config, &pace, now_ms);
		assert_in_range(pace.next_ms, now_ms + MIN_MS + extra_ms,
			now_ms + MAX_MS + extra_ms);
		assert_int_equal(pace.n_in_run, i % 5);
		now_ms = pace.next_ms;
	}
	assert_int_equal(pace.n_in_flight, 3);
	assert_int_equal(pace.last_campaign_id, 7);
}

static void without_a_cool_down_there_is_none(void **state)
{
	struct config config = pace_config();
	struct device_pace pace = { 0 };

	(void)state;
	config.safety.cooldown_every = 0;
	for (int i = 0; i < 20; i++) {
		pace_advance(&config, &pace, NOW_MS);
		assert_in_range(pace.next_ms, NOW_MS + MIN_MS, NOW_MS + MAX_MS);
	}
}

static void a_run_that_is_too_long_already_ends_with_the_next(void **state)
{
	struct config config = pace_config();
	struct device_pace pace = { .n_in_run = 40 };

	(void)state;
	pace_advance(&config, &pace, NOW_MS);
	assert_true(pace.next_ms >= NOW_MS + COOLDOWN_MS + MIN_MS);
	assert_int_equal(pace.n_in_run, 0);
}

static void delays_of_nothing_do_not_wait(void **state)
{
	struct config config = safety_config();
	struct device_pace pace = { 0 };

	(void)state;
	pace_advance(&config, &pace, NOW_MS);
	assert_int_equal(pace.next_ms, NOW_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_are_random_between_the_two_limits),
		cmocka_unit_test(
			every_fifth_message_is_followed_by_the_cool_down),
		cmocka_unit_test(without_a_cool_down_there_is_none),
		cmocka_unit_test(
			a_run_that_is_too_long_already_ends_with_the_next),
		cmocka_unit_test(delays_of_nothing_do_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
