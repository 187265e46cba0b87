#include "common/antispam.h"

#include "common/log.h"
#include "common/safety.h"
#include "tests/unit/safety_config.h"
#include "tests/unit/store_fixture.h"

#define WINDOW_MS 600000
#define PAUSE_MS 3600000

static struct config antispam_config(int failures)
{
	struct config config = safety_config();

	config.safety.spam_failures = failures;
	config.safety.spam_window_sec = WINDOW_MS / 1000;
	config.safety.spam_pause_sec = PAUSE_MS / 1000;
	return config;
}

static void fail_some(struct fixture *f, int limit, int n, int64_t now_ms)
{
	const struct config config = antispam_config(limit);
	struct tx *tx = begin(f);

	for (int i = 0; i < n; i++)
		assert_int_equal(antispam_note_failure(tx, &config,
					 f->account_id, now_ms, &f->err),
			0);
	commit(f, tx);
}

static void pause_it(struct fixture *f, int64_t until_ms, const char *reason)
{
	struct tx *tx = begin(f);

	assert_int_equal(
		antispam_pause(tx, f->account_id, until_ms, reason, &f->err),
		0);
	commit(f, tx);
}

static struct antispam get(
	struct fixture *f, int64_t account_id, int64_t now_ms)
{
	struct antispam pause;

	assert_int_equal(
		antispam_get(f->store, account_id, now_ms, &pause, &f->err), 0);
	return pause;
}

static int64_t paused_until(struct fixture *f, int64_t now_ms)
{
	return get(f, f->account_id, now_ms).paused_until_ms;
}

static void the_failure_too_many_pauses_the_account(void **state)
{
	struct fixture *f = *state;

	fail_some(f, 3, 2, NOW_MS);
	assert_int_equal(paused_until(f, NOW_MS), 0);
	fail_some(f, 3, 1, NOW_MS + WINDOW_MS - 1);
	assert_int_equal(paused_until(f, NOW_MS + WINDOW_MS),
		NOW_MS + WINDOW_MS - 1 + PAUSE_MS);
	assert_string_equal(get(f, f->account_id, NOW_MS + WINDOW_MS).reason,
		"3 messages failed within 600 seconds");
	assert_int_equal(
		get(f, f->other_account_id, NOW_MS).paused_until_ms, 0);
}

static void failures_further_apart_than_the_window_do_not_add_up(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 10; i++)
		fail_some(f, 2, 1, NOW_MS + i * INT64_C(600000));
	assert_int_equal(paused_until(f, NOW_MS), 0);
}

static void a_pause_is_over_at_its_end(void **state)
{
	struct fixture *f = *state;

	fail_some(f, 1, 1, NOW_MS);
	assert_int_equal(
		paused_until(f, NOW_MS + PAUSE_MS - 1), NOW_MS + PAUSE_MS);
	assert_int_equal(paused_until(f, NOW_MS + PAUSE_MS), 0);
	assert_string_equal(
		get(f, f->account_id, NOW_MS + PAUSE_MS).reason, "");
}

static void the_count_starts_anew_with_a_pause(void **state)
{
	struct fixture *f = *state;

	fail_some(f, 3, 3, NOW_MS);
	/* Of what was accepted before the pause. */
	fail_some(f, 3, 50, NOW_MS + 1000);
	assert_int_equal(paused_until(f, NOW_MS + 1000), NOW_MS + PAUSE_MS);
	fail_some(f, 3, 2, NOW_MS + PAUSE_MS);
	assert_int_equal(paused_until(f, NOW_MS + PAUSE_MS), 0);
	fail_some(f, 3, 1, NOW_MS + PAUSE_MS);
	assert_int_equal(
		paused_until(f, NOW_MS + PAUSE_MS), NOW_MS + 2 * PAUSE_MS);
}

static void a_clock_that_went_back_begins_a_new_window(void **state)
{
	struct fixture *f = *state;

	fail_some(f, 3, 2, NOW_MS + INT64_C(86400000));
	fail_some(f, 3, 2, NOW_MS);
	assert_int_equal(paused_until(f, NOW_MS), 0);
	fail_some(f, 3, 1, NOW_MS);
	assert_int_equal(paused_until(f, NOW_MS), NOW_MS + PAUSE_MS);
}

static void zero_never_pauses(void **state)
{
	struct fixture *f = *state;

	fail_some(f, 0, 100, NOW_MS);
	assert_int_equal(paused_until(f, NOW_MS), 0);
}

static void an_operator_pauses_and_resumes(void **state)
{
	struct fixture *f = *state;

	fail_some(f, 3, 2, NOW_MS);
	pause_it(f, ANTISPAM_UNTIL_LIFTED, "unpaid");
	assert_int_equal(paused_until(f, NOW_MS), ANTISPAM_UNTIL_LIFTED);
	assert_string_equal(get(f, f->account_id, NOW_MS).reason, "unpaid");
	fail_some(f, 3, 3, NOW_MS); /* nor is it made shorter */
	assert_int_equal(paused_until(f, NOW_MS), ANTISPAM_UNTIL_LIFTED);
	pause_it(f, 0, NULL);
	assert_int_equal(paused_until(f, NOW_MS), 0);
	fail_some(f, 3, 2, NOW_MS); /* what failed before is forgotten */
	assert_int_equal(paused_until(f, NOW_MS), 0);
}

static void a_rolled_back_failure_is_not_counted(void **state)
{
	struct fixture *f = *state;
	const struct config config = antispam_config(1);
	struct tx *tx = begin(f);

	assert_int_equal(antispam_note_failure(
				 tx, &config, f->account_id, NOW_MS, &f->err),
		0);
	tx_end(&tx);
	assert_int_equal(paused_until(f, NOW_MS), 0);
}

static void an_unknown_account_cannot_be_paused(void **state)
{
	struct fixture *f = *state;
	struct antispam pause;
	struct tx *tx = begin(f);

	assert_int_equal(
		antispam_pause(tx, 4711, NOW_MS + 1, "x", &f->err), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	tx_end(&tx);
	assert_int_equal(
		antispam_get(f->store, 4711, NOW_MS, &pause, &f->err), -1);
	assert_int_equal(pause.paused_until_ms, 0);
}

static void only_some_failures_tell_of_spam(void **state)
{
	static const struct {
		const char *reason;
		bool is_sign;
	} table[] = {
		{ "not_on_whatsapp", true },
		{ "refused", true },
		{ "refused_forbidden", true },
		{ "refused_by_policy", true },
		{ "refused_rate_limit", true },
		{ "refused_new_chat_restricted", true },
		{ "refused_new_chats_capped", true },
		{ "refused_malformed", false },
		{ "refused_invalid", false },
		{ "refused_stale_addressing", false },
		{ "refused_server_unavailable", false },
		{ "expired", false },
		{ "device deleted", false },
		{ "internal_error", false },
		{ "no_recipient_device", false },
		{ "", false },
		{ NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(
			antispam_is_sign(table[i].reason), table[i].is_sign);
}

static struct safety evaluate(const struct antispam *pause, int day_sent)
{
	const struct config config = antispam_config(3);
	const struct budget budget = { .day_sent = day_sent };
	struct safety safety;

	safety_evaluate(&config, &budget, NOW_MS, NOW_MS, &safety);
	safety_pause(&safety, pause);
	return safety;
}

static void the_safety_object_tells_of_the_pause_first(void **state)
{
	const struct antispam pause = { .paused_until_ms = NOW_MS,
		.reason = "3 messages failed within 600 seconds" };
	const struct antispam none = { 0 };

	(void)state;
	for (int sent = 0; sent <= 10; sent += 10) {
		struct safety s = evaluate(&pause, sent);

		assert_false(s.can_send);
		assert_int_equal(s.block, SAFETY_PAUSED);
		assert_string_equal(s.blocked_reason,
			"Sending is paused: 3 messages failed within 600"
			" seconds. Try again after 2026-05-23T12:34:56.789Z.");
		assert_int_equal(s.resets_at_ms, NOW_MS);
		assert_int_equal(s.daily_remaining, 10 - sent);
	}
	assert_true(evaluate(&none, 0).can_send);
	assert_int_equal(evaluate(&none, 10).block, SAFETY_DAILY);
}

static void a_pause_without_end_names_no_time(void **state)
{
	const struct antispam pause = {
		.paused_until_ms = ANTISPAM_UNTIL_LIFTED, .reason = "unpaid"
	};
	struct safety s = evaluate(&pause, 0);

	(void)state;
	assert_string_equal(s.blocked_reason, "Sending is paused: unpaid.");
	assert_int_equal(s.resets_at_ms, 0);
	assert_false(s.can_send);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(the_failure_too_many_pauses_the_account),
		STORE_TEST(
			failures_further_apart_than_the_window_do_not_add_up),
		STORE_TEST(a_pause_is_over_at_its_end),
		STORE_TEST(the_count_starts_anew_with_a_pause),
		STORE_TEST(a_clock_that_went_back_begins_a_new_window),
		STORE_TEST(zero_never_pauses),
		STORE_TEST(an_operator_pauses_and_resumes),
		STORE_TEST(a_rolled_back_failure_is_not_counted),
		STORE_TEST(an_unknown_account_cannot_be_paused),
		cmocka_unit_test(only_some_failures_tell_of_spam),
		cmocka_unit_test(the_safety_object_tells_of_the_pause_first),
		cmocka_unit_test(a_pause_without_end_names_no_time),
	};

	log_open("test", NULL, LOG_LVL_ERROR, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
