/* A lane that is connected and yet stalls. */
#include "tests/unit/senderd/fake_lane.h"

#include "senderd/health.h"

/* As if a tick had come after @ms: the clock is the real one, so the patience
 * is made short instead. */
static void ready(struct fake *fake, int stall_sec)
{
	fake->config.sender.stall_sec = stall_sec;
	outbound_on_ready(&fake->lane);
	health_on_ready(&fake->lane);
	fake_run(fake);
}

static void send_one(struct fake *fake, const char *id)
{
	fake_job(fake, id, BOB_PN, "x");
	fake_run(fake);
	fake_answer_all(fake);
	assert_int_equal(outbound_in_flight(&fake->lane), 1);
}

static void a_lane_with_nothing_to_do_is_well(void **state)
{
	struct fake *fake = *state;

	ready(fake, 0);
	for (int i = 0; i < 3; i++)
		health_check_now(&fake->lane);
	assert_string_equal(health_name(&fake->lane), "ok");
	assert_null(health_reason(&fake->lane));
	assert_int_equal(health_stalled_ms(&fake->lane), 0);
}

static void what_stays_unacknowledged_degrades_it_and_asks_first(void **state)
{
	struct fake *fake = *state;

	ready(fake, 0);
	send_one(fake, "3EB0H");
	health_check_now(&fake->lane);
	assert_string_equal(health_name(&fake->lane), "degraded");
	assert_non_null(
		strstr(health_reason(&fake->lane), "no acknowledgement"));
	assert_int_equal(fake->n_pings, 1);
	assert_int_equal(fake->n_lost, 0);
	assert_true(fake->n_rows_saved > 0);
}

static void then_it_opens_the_connection_anew(void **state)
{
	struct fake *fake = *state;

	ready(fake, 0);
	send_one(fake, "3EB0H");
	health_check_now(&fake->lane);
	health_check_now(&fake->lane);
	assert_int_equal(fake->n_lost, 1);
	assert_int_equal(fake->n_stops, 0);
}

static void and_at_last_starts_the_process_anew_but_not_twice(void **state)
{
	struct fake *fake = *state;

	ready(fake, 0);
	send_one(fake, "3EB0H");
	health_check_now(&fake->lane);
	health_check_now(&fake->lane);
	health_on_disconnect(&fake->lane);
	health_on_ready(&fake->lane);
	assert_string_equal(health_name(&fake->lane), "degraded");
	health_check_now(&fake->lane);
	health_check_now(&fake->lane);
	assert_int_equal(fake->n_stops, 1);
	assert_int_equal(fake->n_lost, 1);
	fake_run(fake);
	/* A new process would come to the same end: it must not. */
	health_free(&fake->lane.health);
	fake->lane.health = health_new();
	for (int round = 0; round < 3; round++) {
		health_on_ready(&fake->lane);
		health_check_now(&fake->lane);
		health_check_now(&fake->lane);
		health_on_disconnect(&fake->lane);
	}
	assert_int_equal(fake->n_stops, 1);
	assert_int_equal(fake->n_lost, 4);
}

static void an_acknowledgement_cures_it(void **state)
{
	struct fake *fake = *state;

	ready(fake, 0);
	send_one(fake, "3EB0H");
	health_check_now(&fake->lane);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0H", 0));
	assert_string_equal(health_name(&fake->lane), "ok");
	assert_in_range(health_ack_age_ms(&fake->lane), 0, 60000);
	fake_run(fake);
	health_check_now(&fake->lane);
	assert_string_equal(health_name(&fake->lane), "ok");
	assert_int_equal(fake->n_lost, 0);
}

static void patience_comes_first(void **state)
{
	struct fake *fake = *state;

	ready(fake, 3600);
	send_one(fake, "3EB0H");
	health_check_now(&fake->lane);
	health_check_now(&fake->lane);
	assert_string_equal(health_name(&fake->lane), "ok");
	assert_int_equal(fake->n_pings, 0);
}

static void silence_is_told_and_a_pong_ends_it(void **state)
{
	struct fake *fake = *state;

	ready(fake, 3600);
	health_on_silence(&fake->lane, 31000);
	assert_string_equal(health_name(&fake->lane), "degraded");
	assert_string_equal(
		health_reason(&fake->lane), "the server said nothing for 31 s");
	health_on_pong(&fake->lane);
	assert_string_equal(health_name(&fake->lane), "ok");
}

static void a_lane_without_a_connection_has_no_health(void **state)
{
	struct fake *fake = *state;

	assert_string_equal(health_name(&fake->lane), "");
	ready(fake, 0);
	health_on_disconnect(&fake->lane);
	assert_string_equal(health_name(&fake->lane), "");
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_lane_with_nothing_to_do_is_well),
		TEST(what_stays_unacknowledged_degrades_it_and_asks_first),
		TEST(then_it_opens_the_connection_anew),
		TEST(and_at_last_starts_the_process_anew_but_not_twice),
		TEST(an_acknowledgement_cures_it),
		TEST(patience_comes_first),
		TEST(silence_is_told_and_a_pong_ends_it),
		TEST(a_lane_without_a_connection_has_no_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
