#include "common/estimate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/pace.h"
#include "common/safety.h"
#include "tests/unit/safety_config.h"

#define DAY_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)
#define MIDNIGHT_MS INT64_C(1779494400000) /* 2026-05-23 */

static struct config pace_config(void)
{
	struct config config = safety_config();

	config.safety.campaign_delay_min_sec = 18;
	config.safety.campaign_delay_max_sec = 50;
	config.safety.cooldown_every = 5;
	config.safety.cooldown_sec = 120;
	return config;
}

static struct estimate_lane lane_of(int age_days, int64_t n, int64_t now_ms)
{
	return (struct estimate_lane){ .device_created_ms =
					       now_ms - age_days * DAY_MS,
		.budget = { .day = now_ms / DAY_MS,
			.hour = now_ms / HOUR_MS,
			.minute = now_ms / MINUTE_MS },
		.n_recipients = n };
}

static struct estimate estimate_one(const struct config *config,
	const struct estimate_lane *lane, int64_t starts_ms)
{
	struct estimate estimate;

	estimate_campaign(config, lane, 1, starts_ms, &estimate);
	return estimate;
}

static int64_t end_of(
	const struct config *config, int age_days, int64_t n, int64_t now_ms)
{
	struct estimate_lane lane = lane_of(age_days, n, now_ms);

	return estimate_one(config, &lane, now_ms).completes_ms;
}

/* ---- against pauses and budgets that are played one message at a time ---- */

static void renew(struct budget *used, int64_t now_ms)
{
	if (used->day != now_ms / DAY_MS)
		used->day_sent = 0;
	if (used->hour != now_ms / HOUR_MS)
		used->hour_sent = 0;
	if (used->minute != now_ms / MINUTE_MS)
		used->minute_sent = 0;
	used->day = now_ms / DAY_MS;
	used->hour = now_ms / HOUR_MS;
	used->minute = now_ms / MINUTE_MS;
}

static int64_t play(const struct config *config,
	const struct estimate_lane *lane, int64_t now_ms)
{
	struct budget used = lane->budget;
	struct device_pace pace = lane->pace;
	int64_t left = lane->n_recipients + lane->n_others, last_ms = now_ms;
	struct safety safety;

	if (pace.next_ms > now_ms)
		now_ms = pace.next_ms;
	while (left > 0) {
		renew(&used, now_ms);
		safety_evaluate(config, &used, lane->device_created_ms, now_ms,
			&safety);
		if (!safety.can_send) {
			now_ms = safety.resets_at_ms + 1 +
				 random_between(0, 2000);
			continue;
		}
		used.day_sent++;
		used.hour_sent++;
		used.minute_sent++;
		left--;
		last_ms = now_ms;
		pace_advance(config, &pace, now_ms);
		now_ms = pace.next_ms;
	}
	return last_ms;
}

static void it_is_what_happens(void **state)
{
	const int64_t noon_ms = MIDNIGHT_MS + 12 * HOUR_MS + 1234567;
	static const struct {
		int age_days, delay_min, delay_max, every, cooldown;
		int hourly, minute, used;
		int64_t n;
	} table[] = {
		{ 0, 18, 50, 5, 120, 30, 5, 0, 1 },
		{ 0, 18, 50, 5, 120, 30, 5, 0, 400 },
		{ 7, 18, 50, 5, 120, 30, 5, 9, 2000 },
		{ 40, 18, 50, 5, 120, 30, 5, 0, 90 },
		{ 40, 18, 50, 5, 120, 30, 5, 200, 900 },
		{ 40, 18, 50, 5, 120, 30, 5, 0, 7000 },
		{ 40, 0, 0, 0, 0, 30, 5, 0, 7000 },
		{ 40, 0, 0, 7, 30, 1000, 5, 0, 7000 },
		{ 40, 3, 7, 7, 30, 1000, 5, 0, 7000 },
		{ 40, 30, 90, 5, 120, 1000, 1000, 0, 1234 },
		{ 14, 600, 1200, 3, 3600, 30, 5, 0, 600 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct config config = pace_config();
		struct estimate_lane lane =
			lane_of(table[i].age_days, table[i].n, noon_ms);
		int64_t played_ms, span_ms;

		config.safety.campaign_delay_min_sec = table[i].delay_min;
		config.safety.campaign_delay_max_sec = table[i].delay_max;
		config.safety.cooldown_every = table[i].every;
		config.safety.cooldown_sec = table[i].cooldown;
		config.safety.hourly_limit = table[i].hourly;
		config.safety.minute_limit = table[i].minute;
		lane.budget.day_sent = table[i].used;
		played_ms = play(&config, &lane, noon_ms) - noon_ms;
		span_ms = estimate_one(&config, &lane, noon_ms).completes_ms -
			  noon_ms;
		if (span_ms < played_ms * 95 / 100 - MINUTE_MS ||
			span_ms > played_ms * 105 / 100 + MINUTE_MS)
			fail_msg("row %zu: %.3f h instead of %.3f h", i,
				(double)span_ms / HOUR_MS,
				(double)played_ms / HOUR_MS);
	}
}

/* ---- by hand ---- */

static void a_few_take_their_pauses(void **state)
{
	struct config config = pace_config();
	static const struct {
		int64_t n, span_ms;
	} table[] = {
		{ 1, 0 },
		{ 2, 34000 },
		{ 5, 4 * 34000 },
		{ 6, 5 * 34000 + 120000 },
		{ 11, 10 * 34000 + 2 * 120000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(end_of(&config, 40, table[i].n, MIDNIGHT_MS) -
					 MIDNIGHT_MS,
			table[i].span_ms);
}

static void the_pause_under_way_and_the_run_count(void **state)
{
	struct config config = pace_config();
	struct estimate_lane lane = lane_of(40, 2, MIDNIGHT_MS);

	(void)state;
	lane.pace.next_ms = MIDNIGHT_MS + 7000;
	lane.pace.n_in_run = 4;
	assert_int_equal(estimate_one(&config, &lane, MIDNIGHT_MS).completes_ms,
		MIDNIGHT_MS + 7000 + 120000 + 34000);
	lane.pace.n_in_run = 400; /* of another configuration */
	assert_int_equal(estimate_one(&config, &lane, MIDNIGHT_MS).completes_ms,
		MIDNIGHT_MS + 7000 + 120000 + 34000);
}

static void a_young_device_takes_days(void **state)
{
	struct config config = pace_config();
	struct estimate_lane lane = lane_of(0, 70, MIDNIGHT_MS + HOUR_MS);
	struct estimate estimate =
		estimate_one(&config, &lane, MIDNIGHT_MS + HOUR_MS);

	/* 10 and 10, and on the third day 10 before the device is two days
	 * old, no more till midnight; then 25 and 15. */
	(void)state;
	assert_int_equal(
		estimate.completes_ms / DAY_MS - MIDNIGHT_MS / DAY_MS, 4);
	assert_int_equal(estimate.days_spanned, 4);
	assert_string_equal(estimate.label, "~4 days");
	assert_int_equal(estimate.n_lanes, 1);
	assert_int_equal(estimate.starts_ms, MIDNIGHT_MS + HOUR_MS);
}

static void each_tier_counts_from_the_day_it_is_reached(void **state)
{
	struct config config = pace_config();
	static const struct {
		int64_t n, day;
	} table[] = {
		/* Two days old at midnight: 25 a day until it is eight. */
		{ 25, 0 },
		{ 26, 1 },
		{ 150, 5 },
		{ 151, 6 },
		{ 225, 6 },
		{ 226, 7 },
		/* 75 a day until it is fifteen, then 150. */
		{ 150 + 7 * 75, 12 },
		{ 151 + 7 * 75, 13 },
		{ 150 + 7 * 75 + 150, 13 },
		{ 151 + 7 * 75 + 150, 14 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal((end_of(&config, 2, table[i].n, MIDNIGHT_MS) -
					 MIDNIGHT_MS) /
					 DAY_MS,
			table[i].day);
}

static void what_others_send_comes_between(void **state)
{
	struct config config = pace_config();
	struct estimate_lane alone = lane_of(40, 300, MIDNIGHT_MS);
	struct estimate_lane shared = lane_of(40, 200, MIDNIGHT_MS);

	(void)state;
	shared.n_others = 100;
	assert_int_equal(
		estimate_one(&config, &alone, MIDNIGHT_MS).completes_ms,
		estimate_one(&config, &shared, MIDNIGHT_MS).completes_ms);
	/* They take turns: 200 of the other's come between its own 200. */
	alone.n_recipients = 400;
	shared.n_others = 100000;
	assert_int_equal(
		estimate_one(&config, &alone, MIDNIGHT_MS).completes_ms,
		estimate_one(&config, &shared, MIDNIGHT_MS).completes_ms);
	alone.n_recipients = 600;
	shared.n_other_campaigns = 2;
	assert_int_equal(
		estimate_one(&config, &alone, MIDNIGHT_MS).completes_ms,
		estimate_one(&config, &shared, MIDNIGHT_MS).completes_ms);
}

static void labels_round_to_the_largest_unit(void **state)
{
	static const struct {
		int64_t pause_sec;
		const char *label;
	} table[] = {
		{ 0, "less than a minute" },
		{ 59, "less than a minute" },
		{ 60, "~1 minute" },
		{ 89, "~1 minute" },
		{ 90, "~2 minutes" },
		{ 12 * 60, "~12 minutes" },
		{ 3569, "~59 minutes" },
		{ 3570, "~1 hour" },
		{ 3 * 3600, "~3 hours" },
		{ 23 * 3600 + 1799, "~23 hours" },
		{ 23 * 3600 + 1800, "~1 day" },
		{ 86400, "~1 day" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct config config = { 0 };
		struct estimate_lane lane = lane_of(40, 2, MIDNIGHT_MS);

		config.safety.campaign_delay_min_sec =
			config.safety.campaign_delay_max_sec =
				(int)table[i].pause_sec;
		assert_string_equal(
			estimate_one(&config, &lane, MIDNIGHT_MS).label,
			table[i].label);
	}
}

static void days_are_those_of_the_calendar(void **state)
{
	struct config config = { 0 };
	struct estimate_lane lane = lane_of(40, 2, MIDNIGHT_MS);

	(void)state;
	config.safety.campaign_delay_min_sec =
		config.safety.campaign_delay_max_sec = 60;
	assert_int_equal(
		estimate_one(&config, &lane, MIDNIGHT_MS).days_spanned, 1);
	assert_int_equal(
		estimate_one(&config, &lane, MIDNIGHT_MS - 1).days_spanned, 1);
	lane.n_recipients = 2000;
	assert_int_equal(
		estimate_one(&config, &lane, MIDNIGHT_MS - 1).days_spanned, 2);
}

/* ---- properties ---- */

static void random_config(struct config *config)
{
	*config = pace_config();
	config->safety.campaign_delay_min_sec = (int)random_between(0, 60);
	config->safety.campaign_delay_max_sec =
		config->safety.campaign_delay_min_sec +
		(int)random_between(0, 60);
	config->safety.cooldown_every = (int)random_between(0, 9);
	config->safety.cooldown_sec = (int)random_between(0, 300);
	config->safety.hourly_limit = (int)random_between(1, 100);
	config->safety.minute_limit = (int)random_between(1, 10);
	config->safety.enabled = random_between(0, 5) > 0;
}

static void more_recipients_are_never_earlier(void **state)
{
	(void)state;
	for (int round = 0; round < 60; round++) {
		const int64_t now_ms =
			MIDNIGHT_MS + random_between(0, DAY_MS - 1);
		const int age_days = (int)random_between(0, 50);
		struct config config;
		int64_t before_ms = now_ms;

		random_config(&config);
		for (int64_t n = 1; n < 4000; n += random_between(1, 40)) {
			int64_t end_ms = end_of(&config, age_days, n, now_ms);

			assert_true(end_ms >= before_ms);
			before_ms = end_ms;
		}
	}
}

static void more_lanes_are_never_later(void **state)
{
	(void)state;
	for (int round = 0; round < 60; round++) {
		const int64_t now_ms =
			MIDNIGHT_MS + random_between(0, DAY_MS - 1);
		const int64_t n = random_between(1, 3000);
		struct estimate_lane lanes[8];
		struct config config;
		int64_t before_ms = INT64_MAX;

		random_config(&config);
		for (int n_lanes = 1; n_lanes <= 8; n_lanes++) {
			struct estimate estimate;

			for (int i = 0; i < n_lanes; i++)
				lanes[i] = lane_of(20,
					n / n_lanes + (i < n % n_lanes),
					now_ms);
			estimate_campaign(
				&config, lanes, n_lanes, now_ms, &estimate);
			assert_true(estimate.completes_ms <= before_ms);
			before_ms = estimate.completes_ms;
		}
	}
}

static void the_whole_is_as_late_as_its_latest_lane(void **state)
{
	struct config config = pace_config();

	(void)state;
	for (int round = 0; round < 100; round++) {
		struct estimate_lane lanes[5];
		struct estimate estimate;
		int64_t latest_ms = MIDNIGHT_MS;
		int n_lanes = 0;

		for (size_t i = 0; i < ARRAY_LEN(lanes); i++) {
			int64_t end_ms;

			lanes[i] = lane_of((int)random_between(0, 40),
				random_between(0, 3) * random_between(0, 300),
				MIDNIGHT_MS);
			n_lanes += lanes[i].n_recipients > 0;
			end_ms = estimate_one(&config, &lanes[i], MIDNIGHT_MS)
					 .completes_ms;
			if (end_ms > latest_ms)
				latest_ms = end_ms;
		}
		estimate_campaign(&config, lanes, (int)ARRAY_LEN(lanes),
			MIDNIGHT_MS, &estimate);
		assert_int_equal(estimate.completes_ms, latest_ms);
		assert_int_equal(estimate.n_lanes, n_lanes);
	}
}

/* Part by part, each starting where the other ended, is as long as at once. */
static void the_parts_add_up(void **state)
{
	struct config config = pace_config();

	(void)state;
	for (int round = 0; round < 50; round++) {
		const int64_t first = random_between(1, 2000);
		const int64_t second = random_between(1, 2000);
		struct estimate_lane whole =
			lane_of(60, first + second, MIDNIGHT_MS);
		struct estimate_lane one = lane_of(60, first, MIDNIGHT_MS);
		const int64_t whole_ms =
			estimate_one(&config, &whole, MIDNIGHT_MS)
				.completes_ms -
			MIDNIGHT_MS;
		const int64_t parts_ms =
			estimate_one(&config, &one, MIDNIGHT_MS).completes_ms -
			MIDNIGHT_MS + end_of(&config, 60, second, MIDNIGHT_MS) -
			MIDNIGHT_MS;

		/* Each part may end in the middle of a day's budget. */
		assert_in_range(whole_ms, parts_ms, parts_ms + 2 * DAY_MS);
	}
}

static void nobody_at_all_is_done_at_once(void **state)
{
	struct config config = pace_config();
	struct estimate_lane lane = lane_of(0, 0, MIDNIGHT_MS);
	struct estimate estimate = estimate_one(&config, &lane, MIDNIGHT_MS);

	(void)state;
	assert_int_equal(estimate.completes_ms, MIDNIGHT_MS);
	assert_int_equal(estimate.n_lanes, 0);
	assert_string_equal(estimate.label, "less than a minute");
}

static void budgets_of_nothing_come_to_an_end(void **state)
{
	struct config config = pace_config();

	(void)state;
	config.safety.minute_limit = 0;
	assert_int_equal(end_of(&config, 40, 1000, MIDNIGHT_MS), MIDNIGHT_MS);
}

static void a_million_is_five_thousand_days_and_quickly_told(void **state)
{
	struct config config = pace_config();
	int64_t began_ms = clock_mono_ms(), end_ms = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		end_ms += end_of(&config, 0, 1000000 + i, MIDNIGHT_MS) / 1000;
	print_message("1000 estimates of 1,000,000 recipients: %d ms\n",
		(int)(clock_mono_ms() - began_ms));
	assert_true(end_ms > 0);
	/* 200 a day: 5000 days. */
	assert_in_range(
		(end_of(&config, 40, 1000000, MIDNIGHT_MS) - MIDNIGHT_MS) /
			DAY_MS,
		4999, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_what_happens),
		cmocka_unit_test(a_few_take_their_pauses),
		cmocka_unit_test(the_pause_under_way_and_the_run_count),
		cmocka_unit_test(a_young_device_takes_days),
		cmocka_unit_test(each_tier_counts_from_the_day_it_is_reached),
		cmocka_unit_test(what_others_send_comes_between),
		cmocka_unit_test(labels_round_to_the_largest_unit),
		cmocka_unit_test(days_are_those_of_the_calendar),
		cmocka_unit_test(more_recipients_are_never_earlier),
		cmocka_unit_test(more_lanes_are_never_later),
		cmocka_unit_test(the_whole_is_as_late_as_its_latest_lane),
		cmocka_unit_test(the_parts_add_up),
		cmocka_unit_test(nobody_at_all_is_done_at_once),
		cmocka_unit_test(budgets_of_nothing_come_to_an_end),
		cmocka_unit_test(
			a_million_is_five_thousand_days_and_quickly_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
