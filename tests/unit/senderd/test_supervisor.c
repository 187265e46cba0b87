/* The supervisor's rules: when a lane's process is started, put down or left
 * alone, and who may answer which question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/own.h"
#include "senderd/child.h"
#include "senderd/questions.h"

/* ---- processes ---- */

static struct child running(int64_t started_ms)
{
	return (struct child){ .pid = 4711,
		.fd = -1,
		.wanted = true,
		.started_ms = started_ms,
		.reported_ms = started_ms };
}

/* Ends it at @now_ms; returns how long it waits, -1 = it is not started
 * again. */
static int64_t ended(struct child *child, int64_t now_ms)
{
	child_on_exit(child, now_ms);
	child->pid = 0;
	return child->start_at_ms == 0 ? -1 : child->start_at_ms - now_ms;
}

static void a_dying_lane_is_restarted_later_each_time(void **state)
{
	static const int64_t expected_ms[] = { 1000, 2000, 4000, 8000, 16000,
		32000, 60000, 60000 };
	struct child child = running(1);
	int64_t now_ms = 1;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(expected_ms); i++) {
		int64_t wait_ms;

		now_ms += 100;
		wait_ms = ended(&child, now_ms);
		assert_in_range(wait_ms, expected_ms[i] * 80 / 100,
			expected_ms[i] * 120 / 100);
		assert_true(wait_ms <= 60000);
		now_ms += wait_ms;
		assert_int_equal(child_care(&child, now_ms - 1), CHILD_FINE);
		assert_int_equal(child_care(&child, now_ms), CHILD_START);
		child.pid = 4711;
		child.started_ms = child.reported_ms = now_ms;
	}
}

static void five_good_minutes_clear_the_record(void **state)
{
	struct child child = running(1);

	(void)state;
	child.deaths = 6;
	assert_in_range(ended(&child, 1 + 5 * 60 * 1000), 800, 1200);
	assert_int_equal(child.deaths, 1);
}

static void a_final_report_ends_the_restarts(void **state)
{
	struct child child = running(1);

	(void)state;
	child.final = true;
	assert_true(ended(&child, 1000) == -1);
	assert_int_equal(child_care(&child, 1000 + 3600 * 1000), CHILD_FINE);
}

static void a_stopped_lane_stays_stopped(void **state)
{
	struct child child = running(1);

	(void)state;
	child.wanted = false;
	assert_true(ended(&child, 1000) == -1);
}

static void an_ordered_restart_knows_no_wait(void **state)
{
	struct child child = running(1);

	(void)state;
	child.deaths = 5;
	child.again_at_once = true;
	assert_true(ended(&child, 1000) == 0);
	assert_int_equal(child.deaths, 0);
	assert_false(child.again_at_once);
}

static void a_silent_lane_is_aborted_then_killed(void **state)
{
	struct child child = running(1000);

	(void)state;
	child.has_reported = true;
	assert_int_equal(child_care(&child, 1000 + 59999), CHILD_FINE);
	assert_int_equal(child_care(&child, 1000 + 60000), CHILD_ABORT);
	child.aborted_ms = 1000 + 60000;
	assert_int_equal(child_care(&child, 1000 + 64999), CHILD_FINE);
	assert_int_equal(child_care(&child, 1000 + 65000), CHILD_KILL);
}

static void a_report_in_time_keeps_a_lane_alive(void **state)
{
	struct child child = running(1000);

	(void)state;
	child.has_reported = true;
	child.reported_ms = 50000;
	assert_int_equal(child_care(&child, 100000), CHILD_FINE);
}

static void a_lane_that_never_reports_is_killed_sooner(void **state)
{
	struct child child = running(1000);

	(void)state;
	assert_int_equal(child_care(&child, 1000 + 9999), CHILD_FINE);
	assert_int_equal(child_care(&child, 1000 + 10000), CHILD_KILL);
}

static void questions_wake_an_ended_lane_only_now_and_then(void **state)
{
	struct child child = running(1);

	(void)state;
	child.final = true;
	assert_false(child_may_wake(&child, 2));
	ended(&child, 1000);
	assert_false(child_may_wake(&child, 1000 + 9999));
	assert_true(child_may_wake(&child, 1000 + 10000));
	child = (struct child){ .fd = -1 };
	assert_true(child_may_wake(&child, 5));
}

/* ---- questions ---- */

static int questions_setup(void **state)
{
	*state = questions_new();
	return 0;
}

static int questions_teardown(void **state)
{
	struct questions *questions = *state;

	questions_free(&questions);
	return 0;
}

static uint64_t ask(struct questions *questions, const char *uid,
	uint64_t request_id, int64_t now_ms)
{
	struct question question = { .request_id = request_id,
		.trace_id = 2 * request_id };

	return questions_add(questions, uid, &question, now_ms);
}

static void an_answer_finds_its_question_once(void **state)
{
	struct questions *questions = *state;
	uint64_t id = ask(questions, "dev_a", 77, 0);
	struct question question;

	assert_true(questions_take(questions, id, "dev_a", &question));
	assert_true(question.request_id == 77 && question.trace_id == 154);
	assert_false(questions_take(questions, id, "dev_a", &question));
	assert_int_equal(questions_count(questions), 0);
}

static void a_lane_cannot_answer_for_another(void **state)
{
	struct questions *questions = *state;
	uint64_t id = ask(questions, "dev_a", 77, 0);
	struct question question;

	assert_false(questions_take(questions, id, "dev_b", &question));
	assert_false(questions_take(questions, 0, "dev_a", &question));
	assert_false(questions_take(
		questions, id + QUESTIONS_MAX, "dev_a", &question));
	assert_true(questions_take(questions, id, "dev_a", &question));
}

static void a_full_table_takes_no_more(void **state)
{
	struct questions *questions = *state;
	struct question question;
	uint64_t first = ask(questions, "dev_a", 1, 0);

	for (size_t i = 1; i < QUESTIONS_MAX; i++)
		assert_true(ask(questions, "dev_a", 1, 0) != 0);
	assert_true(ask(questions, "dev_a", 1, 0) == 0);
	assert_true(questions_take(questions, first, "dev_a", &question));
	assert_true(ask(questions, "dev_a", 1, 0) != 0);
}

static void only_old_questions_are_due(void **state)
{
	struct questions *questions = *state;
	struct question question;

	ask(questions, "dev_a", 1, 1000);
	ask(questions, "dev_a", 2, 2000);
	assert_false(questions_take_due(
		questions, 1000 + QUESTION_TIMEOUT_MS - 1, &question));
	assert_true(questions_take_due(
		questions, 1000 + QUESTION_TIMEOUT_MS, &question));
	assert_true(question.request_id == 1);
	assert_false(questions_take_due(
		questions, 1000 + QUESTION_TIMEOUT_MS, &question));
}

static void the_end_of_a_lane_takes_its_questions_alone(void **state)
{
	struct questions *questions = *state;
	struct question question;

	ask(questions, "dev_a", 1, 0);
	ask(questions, "dev_b", 2, 0);
	assert_true(questions_take_of(questions, "dev_a", &question));
	assert_true(question.request_id == 1);
	assert_false(questions_take_of(questions, "dev_a", &question));
	assert_int_equal(questions_count(questions), 1);
}

int main(void)
{
#define WITH_QUESTIONS(test)             \
	cmocka_unit_test_setup_teardown( \
		test, questions_setup, questions_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dying_lane_is_restarted_later_each_time),
		cmocka_unit_test(five_good_minutes_clear_the_record),
		cmocka_unit_test(a_final_report_ends_the_restarts),
		cmocka_unit_test(a_stopped_lane_stays_stopped),
		cmocka_unit_test(an_ordered_restart_knows_no_wait),
		cmocka_unit_test(a_silent_lane_is_aborted_then_killed),
		cmocka_unit_test(a_lane_that_never_reports_is_killed_sooner),
		cmocka_unit_test(a_report_in_time_keeps_a_lane_alive),
		cmocka_unit_test(
			questions_wake_an_ended_lane_only_now_and_then),
		WITH_QUESTIONS(an_answer_finds_its_question_once),
		WITH_QUESTIONS(a_lane_cannot_answer_for_another),
		WITH_QUESTIONS(a_full_table_takes_no_more),
		WITH_QUESTIONS(only_old_questions_are_due),
		WITH_QUESTIONS(the_end_of_a_lane_takes_its_questions_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
