/* What a turn tells the shared store. */
#include "common/store/autoreply.h"
#include "tests/unit/senderd/fake_lane.h"

static struct message inbound_message(const char *wa_id)
{
	return (struct message){
		.direction = MESSAGE_IN,
		.status = MESSAGE_RECEIVED,
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_API,
		.wa_id = wa_id,
		.chat = BOB_PN "@s.whatsapp.net",
		.sender = BOB_PN "@s.whatsapp.net",
		.phone = BOB_PN,
		.text = "hello",
		.created_ms = 1000,
		.wa_ms = 1000,
	};
}

static void change(
	struct fake *fake, const char *wa_id, enum message_status status)
{
	facts_add_change(&fake->lane,
		&(struct message_change){
			.wa_id = wa_id, .status = status, .at_ms = 5000 });
}

static int count_rows(struct fake *fake)
{
	struct message_filter filter = { .account_id = fake->lane.account_id };
	struct page page = { .limit = 1 };
	struct message row = { 0 };
	struct err err = ERR_NONE;
	int64_t total = 0;

	assert_int_equal(store_message_list(fake->lane.store, &filter, page,
				 on_row_copy, &row, &total, &err),
		0);
	free((char *)row.reason);
	return (int)total;
}

static void an_inbound_message_makes_one_event_however_often_it_comes(
	void **state)
{
	struct fake *fake = *state;
	struct message message = inbound_message("A1");

	facts_add_inbound(&fake->lane, &message);
	facts_add_inbound(&fake->lane, &message);
	assert_int_equal(fake_turn_end(fake), 0);
	facts_add_inbound(&fake->lane, &message);
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(count_rows(fake), 1);
	assert_int_equal(fake->n_events, 1);
	assert_string_equal(fake->events[0], "message.received");
	assert_non_null(strstr(fake->payload, "\"hello\""));
}

static void a_message_sent_on_the_phone_makes_a_row_and_no_event(void **state)
{
	struct fake *fake = *state;
	struct message message = inbound_message("A2");

	message.source = MESSAGE_BY_PHONE;
	facts_add_inbound(&fake->lane, &message);
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(count_rows(fake), 1);
	assert_int_equal(fake->n_events, 0);
}

static void each_new_status_is_told_once_and_in_order(void **state)
{
	struct fake *fake = *state;

	fake_accept(fake, "3EB0A", BOB_PN, "x", 1);
	change(fake, "3EB0A", MESSAGE_SENT);
	change(fake, "3EB0A", MESSAGE_DELIVERED);
	change(fake, "3EB0A", MESSAGE_SENT);
	change(fake, "3EB0A", MESSAGE_READ);
	change(fake, "3EB0A", MESSAGE_READ);
	assert_int_equal(facts_count(&fake->lane), 5);
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(fake->n_events, 3);
	assert_string_equal(fake->events[0], "message.sent");
	assert_string_equal(fake->events[1], "message.delivered");
	assert_string_equal(fake->events[2], "message.read");
	assert_int_equal(fake_status(fake, "3EB0A"), MESSAGE_READ);
	assert_int_equal(facts_count(&fake->lane), 0);
}

static void a_receipt_that_outruns_the_ack_tells_sent_first(void **state)
{
	struct fake *fake = *state;

	fake_accept(fake, "3EB0B", BOB_PN, "x", 1);
	facts_add_receipt(&fake->lane,
		&(struct message_change){ .wa_id = "3EB0B",
			.status = MESSAGE_DELIVERED,
			.at_ms = 5000 },
		BOB_PN, NULL);
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(fake->n_events, 2);
	assert_string_equal(fake->events[0], "message.sent");
	assert_string_equal(fake->events[1], "message.delivered");
	assert_int_equal(fake_status(fake, "3EB0B"), MESSAGE_DELIVERED);
}

static void a_failed_turn_writes_nothing_and_tells_nothing(void **state)
{
	struct fake *fake = *state;
	struct err why = { .code = ERR_IO, .msg = "disk" };
	struct err err = ERR_NONE;

	fake_accept(fake, "3EB0B", BOB_PN, "x", 1);
	change(fake, "3EB0B", MESSAGE_SENT);
	facts_fail(&fake->lane, &why);
	assert_true(facts_failed(&fake->lane));
	assert_int_equal(facts_commit(&fake->lane, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	facts_drop(&fake->lane);
	assert_false(facts_failed(&fake->lane));
	assert_int_equal(fake_status(fake, "3EB0B"), MESSAGE_QUEUED);
	assert_int_equal(fake->n_events, 0);
}

static void a_failure_alone_still_counts_as_something_to_commit(void **state)
{
	struct fake *fake = *state;
	struct err why = { .code = ERR_IO, .msg = "disk" };

	assert_int_equal(facts_count(&fake->lane), 0);
	facts_fail(&fake->lane, &why);
	assert_int_equal(facts_count(&fake->lane), 1);
	assert_int_equal(fake_turn_end(fake), -1);
}

static void one_fact_that_fails_takes_the_others_with_it(void **state)
{
	struct fake *fake = *state;
	struct message broken = inbound_message("A3");

	fake_accept(fake, "3EB0C", BOB_PN, "x", 1);
	change(fake, "3EB0C", MESSAGE_SENT);
	facts_add_inbound(&fake->lane, &broken);
	fake->lane.device_id += 1000; /* no such device: the insert fails */
	broken.wa_id = "A4";
	facts_add_inbound(&fake->lane, &broken);
	fake->lane.device_id -= 1000;
	assert_int_equal(fake_turn_end(fake), -1);
	assert_int_equal(fake_status(fake, "3EB0C"), MESSAGE_QUEUED);
	assert_int_equal(count_rows(fake), 1);
	assert_int_equal(fake->n_events, 0);
}

static void news_of_a_message_that_is_gone_spoils_nothing(void **state)
{
	struct fake *fake = *state;

	fake_accept(fake, "3EB0D", BOB_PN, "x", 1);
	change(fake, "GONE", MESSAGE_DELIVERED);
	facts_add_retry(&fake->lane, "GONE");
	facts_add_reason(&fake->lane, "GONE", "why");
	change(fake, "3EB0D", MESSAGE_SENT);
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(fake_status(fake, "3EB0D"), MESSAGE_SENT);
}

static void a_reason_shows_while_it_waits_and_goes_when_it_is_sent(void **state)
{
	struct fake *fake = *state;

	fake_accept(fake, "3EB0E", BOB_PN, "x", 1);
	facts_add_reason(&fake->lane, "3EB0E", "device_not_connected");
	assert_int_equal(fake_turn_end(fake), 0);
	assert_string_equal(fake_reason(fake, "3EB0E"), "device_not_connected");
	change(fake, "3EB0E", MESSAGE_SENT);
	assert_int_equal(fake_turn_end(fake), 0);
	assert_string_equal(fake_reason(fake, "3EB0E"), "");
}

static void a_session_is_told_when_it_comes_and_when_it_goes(void **state)
{
	struct fake *fake = *state;
	struct device_state row = { .status = DEVICE_CONNECTED,
		.lane_state = "READY" };

	facts_add_state(
		&fake->lane, &row, FACTS_SESSION_CONNECTED, "logged in");
	facts_add_state(&fake->lane, &row, FACTS_SESSION_NONE, NULL);
	row.status = DEVICE_DISCONNECTED;
	facts_add_state(&fake->lane, &row, FACTS_SESSION_DISCONNECTED, "cut");
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(fake->n_events, 2);
	assert_string_equal(fake->events[0], "session.connected");
	assert_string_equal(fake->events[1], "session.disconnected");
	assert_non_null(strstr(fake->payload, "\"cut\""));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

/* ---- auto-replies ---- */

static void add_rule(struct fake *fake)
{
	struct err err = ERR_NONE;
	struct auto_reply rule = { .public_id =
					   "00000000-0000-7000-8000-00000000ab",
		.account_id = fake->lane.account_id,
		.device_id = fake->lane.device_id,
		.position = -1,
		.trigger = TRIGGER_CONTAINS,
		.trigger_value = "HELLO",
		.reply_text = "welcome",
		.is_enabled = true };
	scoped(tx_end) struct tx *tx = tx_begin(fake->lane.store, &err);

	fake->config.auto_reply.per_chat_hourly = 100;
	fake->config.auto_reply.max_age_sec = 3600;
	assert_int_equal(store_auto_reply_create(tx, &rule, 1, &err), 0);
	assert_int_equal(tx_commit(tx, &err), 0);
}

static int on_queued(const struct message *row, void *arg)
{
	int *n = arg;

	assert_string_equal(row->text, "welcome");
	assert_int_equal(row->source, MESSAGE_BY_AUTO_REPLY);
	(*n)++;
	return 0;
}

static int count_replies(struct fake *fake)
{
	struct err err = ERR_NONE;
	int n = 0;

	assert_int_equal(
		store_message_queued(fake->lane.store, fake->lane.device_id, 0,
			100, on_queued, &n, &err),
		0);
	return n;
}

static void receive_now(struct fake *fake, const char *wa_id)
{
	struct message message = inbound_message(wa_id);

	message.wa_ms = message.created_ms = clock_now_ms();
	facts_add_inbound(&fake->lane, &message);
}

static void a_message_that_a_rule_fits_puts_its_reply_into_the_lanes_queue(
	void **state)
{
	struct fake *fake = *state;

	add_rule(fake);
	receive_now(fake, "A1");
	receive_now(fake, "A1");
	receive_now(fake, "A2");
	assert_int_equal(outbound_waiting(&fake->lane), 0);
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(count_replies(fake), 2);
	assert_int_equal(outbound_waiting(&fake->lane), 2);
	receive_now(fake, "A2"); /* a redelivery */
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(count_replies(fake), 2);
	assert_int_equal(fake->n_events, 2);
}

static void a_reply_of_a_turn_that_failed_is_not_sent(void **state)
{
	struct fake *fake = *state;
	struct message broken = inbound_message("A4");

	add_rule(fake);
	receive_now(fake, "A3");
	fake->lane.device_id += 1000; /* no such device: the insert fails */
	facts_add_inbound(&fake->lane, &broken);
	fake->lane.device_id -= 1000;
	assert_int_equal(fake_turn_end(fake), -1);
	assert_int_equal(count_replies(fake), 0);
	assert_int_equal(outbound_waiting(&fake->lane), 0);
}

static void a_reply_made_without_a_connection_waits_in_the_store(void **state)
{
	struct fake *fake = *state;

	add_rule(fake);
	fake->lane.state = LANE_SETUP;
	receive_now(fake, "A5");
	assert_int_equal(fake_turn_end(fake), 0);
	fake->lane.state = LANE_READY;
	assert_int_equal(count_replies(fake), 1);
	assert_int_equal(outbound_waiting(&fake->lane), 0);
}

static void content_that_comes_after_its_placeholder_is_answered(void **state)
{
	struct fake *fake = *state;
	struct message placeholder = inbound_message("A6");

	add_rule(fake);
	placeholder.kind = MESSAGE_OTHER;
	placeholder.text = NULL;
	placeholder.content = "{\"type\":\"unavailable\"}";
	facts_add_inbound(&fake->lane, &placeholder);
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(count_replies(fake), 0);
	receive_now(fake, "A6");
	receive_now(fake, "A6");
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(count_replies(fake), 1);
}

static void what_the_owner_wrote_or_history_told_is_not_answered(void **state)
{
	struct fake *fake = *state;
	struct message message = inbound_message("A7");

	add_rule(fake);
	message.wa_ms = message.created_ms = clock_now_ms();
	message.source = MESSAGE_BY_PHONE;
	facts_add_inbound(&fake->lane, &message);
	message.wa_id = "A8";
	message.source = MESSAGE_BY_HISTORY;
	facts_add_history(&fake->lane, &message);
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(count_rows(fake), 2);
	assert_int_equal(count_replies(fake), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_inbound_message_makes_one_event_however_often_it_comes),
		TEST(a_message_sent_on_the_phone_makes_a_row_and_no_event),
		TEST(each_new_status_is_told_once_and_in_order),
		TEST(a_receipt_that_outruns_the_ack_tells_sent_first),
		TEST(a_failed_turn_writes_nothing_and_tells_nothing),
		TEST(a_failure_alone_still_counts_as_something_to_commit),
		TEST(one_fact_that_fails_takes_the_others_with_it),
		TEST(news_of_a_message_that_is_gone_spoils_nothing),
		TEST(a_reason_shows_while_it_waits_and_goes_when_it_is_sent),
		TEST(a_session_is_told_when_it_comes_and_when_it_goes),
		TEST(a_message_that_a_rule_fits_puts_its_reply_into_the_lanes_queue),
		TEST(a_reply_of_a_turn_that_failed_is_not_sent),
		TEST(a_reply_made_without_a_connection_waits_in_the_store),
		TEST(content_that_comes_after_its_placeholder_is_answered),
		TEST(what_the_owner_wrote_or_history_told_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
