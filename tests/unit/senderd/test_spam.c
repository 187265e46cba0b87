/* Which failures of a device's messages pause its account. */
#include "senderd/whatsapp/refusal.h"

#include "common/antispam.h"
#include "tests/unit/senderd/fake_lane.h"

#define GROUP "120363000000000001@g.us"

static void fail_with(struct fake *fake, const char *wa_id, const char *reason)
{
	facts_add_change(&fake->lane, &(struct message_change){
					      .wa_id = wa_id,
					      .status = MESSAGE_FAILED,
					      .at_ms = 5000,
					      .reason = reason,
				      });
	assert_int_equal(fake_turn_end(fake), 0);
}

static bool is_paused(struct fake *fake)
{
	struct antispam pause;
	struct err err = ERR_NONE;

	assert_int_equal(antispam_get(fake->lane.store, fake->lane.account_id,
				 clock_now_ms(), &pause, &err),
		0);
	return pause.paused_until_ms != 0;
}

static void limit(struct fake *fake, int failures)
{
	fake->config.safety.spam_failures = failures;
	fake->config.safety.spam_window_sec = 600;
	fake->config.safety.spam_pause_sec = 3600;
}

static void numbers_that_are_not_on_whatsapp_pause_the_account(void **state)
{
	struct fake *fake = *state;

	limit(fake, 2);
	fake_accept(fake, "3EB0A", BOB_PN, "x", 1);
	fake_accept(fake, "3EB0B", BOB_PN, "x", 1);
	fail_with(fake, "3EB0A", "not_on_whatsapp");
	fail_with(fake, "3EB0A", "not_on_whatsapp"); /* it has failed already */
	assert_false(is_paused(fake));
	fail_with(fake, "3EB0B", refusal_of(463)->reason);
	assert_true(is_paused(fake));
}

static void what_expired_or_broke_here_pauses_nobody(void **state)
{
	static const char *const reasons[] = { "expired", "internal_error",
		"no_recipient_device", "media_gone" };
	struct fake *fake = *state;
	char wa_id[16];

	limit(fake, 1);
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		snprintf(wa_id, sizeof(wa_id), "3EB0%zu", i);
		fake_accept(fake, wa_id, BOB_PN, "x", 1);
		fail_with(fake, wa_id, reasons[i]);
		assert_int_equal(fake_status(fake, wa_id), MESSAGE_FAILED);
	}
	assert_false(is_paused(fake));
}

static void messages_that_arrive_are_no_failures(void **state)
{
	struct fake *fake = *state;

	limit(fake, 1);
	fake_accept(fake, "3EB0A", BOB_PN, "x", 1);
	facts_add_change(&fake->lane, &(struct message_change){
					      .wa_id = "3EB0A",
					      .status = MESSAGE_SENT,
					      .at_ms = 5000,
				      });
	assert_int_equal(fake_turn_end(fake), 0);
	assert_false(is_paused(fake));
}

/* A group that only its admins may write to is no spam. */
static void a_group_that_refuses_us_pauses_nobody(void **state)
{
	struct fake *fake = *state;
	struct message message = { .account_id = fake->lane.account_id,
		.device_id = fake->lane.device_id,
		.public_id = "0197a1c2-7b1e-7d3a-9c41-5f2f6f6d2b10",
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_API,
		.wa_id = "3EB0A",
		.chat = GROUP,
		.text = "x",
		.created_ms = 1 };
	struct err err = ERR_NONE;
	struct tx *tx = tx_begin(fake->lane.store, &err);
	bool duplicate;

	limit(fake, 1);
	assert_int_equal(
		store_message_insert_out(tx, &message, &duplicate, &err), 0);
	assert_int_equal(tx_commit(tx, &err), 0);
	tx_end(&tx);
	fail_with(fake, "3EB0A", refusal_of(403)->reason);
	assert_int_equal(fake_status(fake, "3EB0A"), MESSAGE_FAILED);
	assert_false(is_paused(fake));
}

/* The table of refusals and what is taken for spam must not drift apart. */
static void each_refusal_is_known_for_what_it_tells(void **state)
{
	static const struct {
		int code;
		bool is_sign;
	} table[] = {
		{ 400, false },
		{ 401, true },
		{ 403, true },
		{ 404, true },
		{ 405, true },
		{ 420, true },
		{ 421, false },
		{ 429, true },
		{ 463, true },
		{ 475, true },
		{ 479, false },
		{ 503, false },
		{ 999, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(
			antispam_is_sign(refusal_of(table[i].code)->reason),
			table[i].is_sign);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_that_are_not_on_whatsapp_pause_the_account),
		TEST(what_expired_or_broke_here_pauses_nobody),
		TEST(messages_that_arrive_are_no_failures),
		TEST(a_group_that_refuses_us_pauses_nobody),
		cmocka_unit_test(each_refusal_is_known_for_what_it_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
