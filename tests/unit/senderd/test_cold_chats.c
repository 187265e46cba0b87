/* The pause of new chats after WhatsApp refused one. */
#include "tests/unit/senderd/fake_lane.h"

#include "senderd/whatsapp/cold_chats.h"
#include "senderd/whatsapp/outbound.h"

#define CAROL "15550003331"
#define DAVE "15550003332"

static void bob_speaks(struct fake *fake)
{
	struct wa_node *message = wa_node_new(fake->arena, "message");
	Wa__Message hi = WA__MESSAGE__INIT;

	person_meet(fake, fake->bob);
	hi.conversation = (char *)"hi";
	wa_node_set(message, "id", "B1");
	wa_node_set_jid(message, "from", &fake->bob->jid);
	wa_node_set(message, "t", "1");
	person_say(fake, fake->bob, &hi, message);
	inbound_on_message(&fake->lane, message);
	fake_run(fake);
}

static void offer(struct fake *fake, const char *id, const char *phone)
{
	fake_job(fake, id, phone, "x");
	fake_run(fake);
	fake_answer_all(fake);
}

/* A first message to Bob, who has no say in it, is refused with @code. */
static void refuse_one(struct fake *fake, const char *id, int code)
{
	offer(fake, id, BOB_PN);
	outbound_on_ack(&fake->lane, fake_ack(fake, id, code));
	fake_run(fake);
}

static bool is_parked(struct fake *fake, const char *id)
{
	static const char prefix[] = "new_chats_paused_until:20";

	return fake_status(fake, id) == MESSAGE_QUEUED &&
	       strncmp(fake_reason(fake, id), prefix, sizeof prefix - 1) == 0;
}

static struct wa_node *mex(struct fake *fake, const char *json)
{
	struct wa_node *notification = wa_node_new(fake->arena, "notification");
	struct wa_node *update = wa_node_add(notification, "update");

	wa_node_set(notification, "type", "mex");
	wa_node_text(update, json);
	return notification;
}

static void tell(struct fake *fake, const char *json)
{
	struct err err = ERR_NONE;

	assert_int_equal(
		cold_chats_on_notification(&fake->lane, mex(fake, json), &err),
		0);
	fake_run(fake);
}

static void a_refused_chat_fails_and_other_new_ones_wait(void **state)
{
	struct fake *fake = *state;
	int64_t until_ms;

	outbound_on_ready(&fake->lane);
	refuse_one(fake, "3EB0A", 463);
	assert_int_equal(fake_status(fake, "3EB0A"), MESSAGE_FAILED);
	until_ms = cold_chats_until_ms(&fake->lane);
	assert_in_range(until_ms, clock_now_ms() + 3590 * 1000,
		clock_now_ms() + 3600 * 1000);
	assert_string_equal(
		cold_chats_reason(&fake->lane), "reach_out_time_lock");
	assert_true(fake->n_rows_saved > 0);
	fake_forget_sent(fake);
	fake_job(fake, "3EB0B", BOB_PN, "x");
	fake_run(fake);
	assert_true(is_parked(fake, "3EB0B"));
	assert_int_equal(fake_count(fake, "message"), 0);
	assert_int_equal(cold_chats_parked(&fake->lane), 1);
}

static void who_wrote_to_us_is_answered_all_the_same(void **state)
{
	struct fake *fake = *state;

	outbound_on_ready(&fake->lane);
	bob_speaks(fake);
	cold_chats_on_refused(&fake->lane, 463);
	fake_run(fake);
	fake_answer_all(fake);
	fake_forget_sent(fake);
	offer(fake, "3EB0R", BOB_PN);
	assert_int_equal(fake_count(fake, "message"), 1);
	assert_string_equal(fake_reason(fake, "3EB0R"), "");
}

static void who_gave_us_a_token_is_not_a_new_chat(void **state)
{
	struct fake *fake = *state;
	struct wa_jid bob = wa_jid_lid(BOB_LID, 0);
	struct err err = ERR_NONE;

	outbound_on_ready(&fake->lane);
	cold_chats_on_refused(&fake->lane, 463);
	fake_run(fake);
	assert_int_equal(
		lanedb_token_save(fake->lane.db, &bob, (const uint8_t *)"tok",
			3, clock_now_ms() / 1000, &err),
		0);
	offer(fake, "3EB0T", BOB_PN);
	assert_int_equal(fake_count(fake, "message"), 1);
}

static void the_server_ends_the_pause_and_what_waited_goes(void **state)
{
	struct fake *fake = *state;

	outbound_on_ready(&fake->lane);
	refuse_one(fake, "3EB0A", 463);
	fake_job(fake, "3EB0B", BOB_PN, "x");
	fake_run(fake);
	assert_true(is_parked(fake, "3EB0B"));
	fake_forget_sent(fake);
	tell(fake, "{\"data\":{\"xwa2_notify_account_reachout_timelock\":"
		   "{\"is_active\":false}}}");
	fake_run(fake);
	fake_answer_all(fake);
	assert_int_equal(cold_chats_until_ms(&fake->lane), 0);
	assert_int_equal(fake_count(fake, "message"), 1);
	assert_string_equal(
		wa_node_str(fake_last(fake, "message"), "id"), "3EB0B");
}

static void the_servers_word_on_the_end_counts(void **state)
{
	static const char format[] =
		"{\"data\":{\"xwa2_notify_account_reachout_timelock\":"
		"{\"is_active\":true,\"time_enforcement_ends\":\"%lld\"}}}";
	struct fake *fake = *state;
	int64_t now = clock_now_ms() / 1000;
	char json[256];

	outbound_on_ready(&fake->lane);
	snprintf(json, sizeof json, format, (long long)now + 7200);
	tell(fake, json);
	assert_int_equal(cold_chats_until_ms(&fake->lane), (now + 7200) * 1000);
	/* Nonsense is bounded: a minute at least, a month at most. */
	snprintf(json, sizeof json, format, 1LL);
	tell(fake, json);
	assert_in_range(cold_chats_until_ms(&fake->lane), (now + 55) * 1000,
		(now + 65) * 1000);
	snprintf(json, sizeof json, format, 99999999999LL);
	tell(fake, json);
	assert_in_range(cold_chats_until_ms(&fake->lane), now * 1000,
		(now + 32 * 86400) * 1000);
}

static void what_is_no_json_changes_nothing(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{\"data\":7}",
		"{\"data\":{\"xwa2_message_capping_info\":[]}}",
		"{\"data\":{\"xwa2_fetch_account_reachout_timelock\":1}}" };
	struct fake *fake = *state;

	outbound_on_ready(&fake->lane);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		tell(fake, texts[i]);
		assert_int_equal(cold_chats_until_ms(&fake->lane), 0);
	}
}

static void each_lock_in_a_row_lasts_twice_as_long(void **state)
{
	struct fake *fake = *state;
	int64_t hours[] = { 1, 2, 4, 8, 16, 24, 24 };

	outbound_on_ready(&fake->lane);
	for (size_t i = 0; i < ARRAY_LEN(hours); i++) {
		int64_t before = clock_now_ms();

		cold_chats_on_refused(&fake->lane, 463);
		assert_in_range(cold_chats_until_ms(&fake->lane),
			before + hours[i] * 3600000 - 1000,
			before + hours[i] * 3600000 + 5000);
		fake_run(fake);
		tell(fake, "{\"data\":{\"xwa2_notify_account_reachout_"
			   "timelock\":{\"is_active\":false}}}");
		fake_answer_all(fake);
	}
}

static void a_taken_new_chat_starts_the_count_anew(void **state)
{
	struct fake *fake = *state;

	outbound_on_ready(&fake->lane);
	cold_chats_on_refused(&fake->lane, 463);
	fake_run(fake);
	fake_answer_all(fake);
	tell(fake, "{\"data\":{\"xwa2_notify_account_reachout_timelock\":"
		   "{\"is_active\":false}}}");
	offer(fake, "3EB0N", BOB_PN);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0N", 0));
	fake_run(fake);
	fake_answer_all(fake);
	cold_chats_on_refused(&fake->lane, 463);
	assert_in_range(cold_chats_until_ms(&fake->lane), clock_now_ms(),
		clock_now_ms() + 3600 * 1000);
}

static void the_pause_outlives_the_process(void **state)
{
	struct fake *fake = *state;
	int64_t until_ms;

	outbound_on_ready(&fake->lane);
	cold_chats_on_refused(&fake->lane, 475);
	until_ms = cold_chats_until_ms(&fake->lane);
	fake_run(fake);
	outbound_on_disconnect(&fake->lane);
	while (fake_question(fake) != NULL)
		fake_answer(fake, NULL);
	outbound_free(&fake->lane.outbound);
	fake->lane.outbound = outbound_new(&fake->lane);
	assert_int_equal(cold_chats_until_ms(&fake->lane), 0);
	outbound_on_ready(&fake->lane);
	assert_int_equal(cold_chats_until_ms(&fake->lane), until_ms);
	assert_string_equal(cold_chats_reason(&fake->lane), "new_chats_capped");
	offer(fake, "3EB0P", CAROL);
	assert_true(is_parked(fake, "3EB0P"));
}

static void parked_messages_do_not_stand_in_the_way(void **state)
{
	struct fake *fake = *state;
	char id[16];

	outbound_on_ready(&fake->lane);
	bob_speaks(fake);
	cold_chats_on_refused(&fake->lane, 463);
	fake_run(fake);
	fake_answer_all(fake);
	fake_forget_sent(fake);
	/* More than the lane holds in memory. */
	for (int i = 0; i < 400; i++) {
		snprintf(id, sizeof id, "3EBC%d", i);
		fake_job(fake, id, i % 2 ? CAROL : DAVE, "x");
		if (i % 50 == 0) {
			fake_run(fake);
			fake_answer_all(fake);
		}
	}
	offer(fake, "3EB0LAST", BOB_PN);
	fake_run(fake);
	fake_answer_all(fake);
	assert_int_equal(fake_count(fake, "message"), 1);
	assert_string_equal(
		wa_node_str(fake_last(fake, "message"), "id"), "3EB0LAST");
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_refused_chat_fails_and_other_new_ones_wait),
		TEST(who_wrote_to_us_is_answered_all_the_same),
		TEST(who_gave_us_a_token_is_not_a_new_chat),
		TEST(the_server_ends_the_pause_and_what_waited_goes),
		TEST(the_servers_word_on_the_end_counts),
		TEST(what_is_no_json_changes_nothing),
		TEST(each_lock_in_a_row_lasts_twice_as_long),
		TEST(a_taken_new_chat_starts_the_count_anew),
		TEST(the_pause_outlives_the_process),
		TEST(parked_messages_do_not_stand_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
