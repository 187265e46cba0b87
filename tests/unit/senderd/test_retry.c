/* Retry receipts, both ways. */
#include "tests/unit/senderd/fake_group.h"

#include "senderd/whatsapp/retry.h"

/* ---- we ask ---- */

static struct wa_node *unreadable(struct fake *fake, const char *id, int count)
{
	struct wa_node *stanza = wa_node_new(fake->arena, "message");
	struct wa_node *enc = NULL;

	wa_node_set(stanza, "id", id);
	wa_node_set_jid(stanza, "from", &fake->bob->jid);
	wa_node_set(stanza, "t", "1700000000");
	wa_node_set(stanza, "type", "text");
	enc = wa_node_add(stanza, "enc");
	wa_node_set(enc, "v", "2");
	wa_node_set(enc, "type", "msg");
	if (count > 0)
		wa_node_set_int(enc, "count", count);
	wa_node_text(enc, "3 not a signal message");
	return stanza;
}

static void say_hello(struct fake *fake, const char *id)
{
	struct wa_node *stanza = wa_node_new(fake->arena, "message");
	Wa__Message message = WA__MESSAGE__INIT;

	message.conversation = (char *)"hello";
	person_meet(fake, fake->bob);
	wa_node_set(stanza, "id", id);
	wa_node_set_jid(stanza, "from", &fake->bob->jid);
	person_say(fake, fake->bob, &message, stanza);
	inbound_on_message(&fake->lane, stanza);
	fake_run(fake);
	fake_forget_sent(fake);
}

static void the_count_goes_up_and_then_it_is_given_up(void **state)
{
	struct fake *fake = *state;

	say_hello(fake, "A0");
	for (int count = 1; count <= 4; count++) {
		const struct wa_node *receipt = NULL;

		inbound_on_message(&fake->lane, unreadable(fake, "A1", 0));
		fake_run(fake);
		receipt = fake_last(fake, "receipt");
		assert_string_equal(wa_node_str(receipt, "type"), "retry");
		assert_int_equal(wa_node_int(wa_node_child(receipt, "retry"),
					 "count", 0),
			count);
		assert_int_equal(
			wa_node_child(receipt, "keys") != NULL, count >= 2);
		assert_int_equal(fake_count(fake, "ack"), (size_t)count);
	}
	fake_forget_sent(fake);
	inbound_on_message(&fake->lane, unreadable(fake, "A1", 0));
	fake_run(fake);
	assert_int_equal(fake_count(fake, "receipt"), 0);
	assert_int_equal(fake_count(fake, "ack"), 1);
}

static void the_count_goes_on_where_the_sender_stands(void **state)
{
	struct fake *fake = *state;

	say_hello(fake, "A0");
	inbound_on_message(&fake->lane, unreadable(fake, "A1", 2));
	fake_run(fake);
	assert_int_equal(
		wa_node_int(wa_node_child(fake_last(fake, "receipt"), "retry"),
			"count", 0),
		3);
}

static void keys_in_a_retry_are_fresh_and_never_offered_to_others(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *keys = NULL;
	struct err err = ERR_NONE;
	struct lane_prekey pending[8];
	size_t n = 0;
	static const struct {
		const char *tag;
		size_t n_bytes;
	} parts[] = { { "type", 1 }, { "identity", 32 },
		{ "device-identity", 7 } };

	inbound_on_message(&fake->lane, unreadable(fake, "A1", 0));
	fake_run(fake); /* no session at all: keys at once */
	keys = wa_node_child(fake_last(fake, "receipt"), "keys");
	assert_non_null(keys);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		assert_non_null(
			wa_node_content(wa_node_child(keys, parts[i].tag), &n));
		assert_int_equal(n, parts[i].n_bytes);
	}
	wa_node_content(wa_node_path(keys, "key", "id"), &n);
	assert_int_equal(n, 3);
	wa_node_content(wa_node_path(keys, "key", "value"), &n);
	assert_int_equal(n, 32);
	wa_node_content(wa_node_path(keys, "skey", "signature"), &n);
	assert_int_equal(n, 64);
	assert_int_equal(
		lanedb_prekeys_pending(fake->lane.db, pending, 8, &err), 0);
}

/* ---- they ask ---- */

static struct wa_node *retry_new(struct fake *fake, const char *id,
	const struct wa_jid *from, int count, uint32_t registration_id)
{
	struct wa_node *receipt = wa_node_new(fake->arena, "receipt");
	struct wa_node *retry = NULL;

	wa_node_set(receipt, "id", id);
	wa_node_set(receipt, "type", "retry");
	wa_node_set_jid(receipt, "from", from);
	wa_node_set(receipt, "t", "1700000000");
	retry = wa_node_add(receipt, "retry");
	wa_node_set_int(retry, "count", count);
	wa_node_set(retry, "id", id);
	wa_node_set(retry, "v", "1");
	node_be(receipt, "registration", registration_id, 4);
	return receipt;
}

static struct wa_node *retry_of(
	struct fake *fake, const char *id, struct person *person, int count)
{
	return retry_new(
		fake, id, &person->jid, count, person->registration_id);
}

static void send_to_bob(struct fake *fake, const char *id)
{
	outbound_on_ready(&fake->lane);
	fake_job(fake, id, BOB_PN, "hello");
	fake_run(fake);
	fake_answer_all(fake);
	assert_int_equal(fake_count(fake, "message"), 1);
	fake_forget_sent(fake);
}

static void ask(struct fake *fake, const struct wa_node *receipt)
{
	receipt_on_receipt(&fake->lane, receipt);
	fake_run(fake);
}

static int on_retries(const struct message *row, void *arg)
{
	*(int *)arg = row->n_retries;
	return 0;
}

static void a_resend_is_for_the_one_device_with_the_same_id(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *stanza = NULL;
	Wa__Message *message = NULL;
	struct err err = ERR_NONE;
	int n_retries = 0;
	struct wa_jid to;

	send_to_bob(fake, "3EB0");
	ask(fake, retry_of(fake, "3EB0", fake->bob_desktop, 1));
	stanza = fake_last(fake, "message");
	assert_non_null(stanza);
	assert_string_equal(wa_node_str(stanza, "id"), "3EB0");
	assert_true(wa_node_jid(stanza, "to", &to));
	assert_true(wa_jid_equal(&to, &fake->bob_desktop->jid));
	assert_string_equal(wa_node_str(stanza, "device_fanout"), "false");
	assert_null(wa_node_child(stanza, "participants"));
	assert_int_equal(
		wa_node_int(wa_node_child(stanza, "enc"), "count", 0), 1);
	message = person_hear(
		fake, fake->bob_desktop, wa_node_child(stanza, "enc"));
	assert_non_null(message);
	assert_string_equal(message->conversation, "hello");
	wa__message__free_unpacked(message, NULL);
	assert_int_equal(fake_count(fake, "ack"), 1);
	assert_string_equal(
		wa_node_str(fake_last(fake, "ack"), "type"), "retry");
	assert_int_equal(
		store_message_by_wa_id(fake->lane.store, fake->lane.device_id,
			"3EB0", on_retries, &n_retries, &err),
		0);
	assert_int_equal(n_retries, 1);
}

static void our_phone_gets_the_wrapped_form(void **state)
{
	struct fake *fake = *state;
	struct wa_node *receipt = NULL;
	struct wa_jid recipient = wa_jid_lid(BOB_LID, 0);
	const struct wa_node *stanza = NULL;
	Wa__Message *message = NULL;

	send_to_bob(fake, "3EB0");
	receipt = retry_of(fake, "3EB0", fake->own_phone, 1);
	wa_node_set_jid(receipt, "recipient", &recipient);
	ask(fake, receipt);
	stanza = fake_last(fake, "message");
	assert_non_null(stanza);
	assert_string_equal(wa_node_str(stanza, "recipient"), BOB_LID "@lid");
	message = person_hear(
		fake, fake->own_phone, wa_node_child(stanza, "enc"));
	assert_non_null(message->device_sent_message);
	assert_string_equal(
		message->device_sent_message->destination_jid, BOB_LID "@lid");
	wa__message__free_unpacked(message, NULL);
}

static void only_the_audience_gets_a_resend(void **state)
{
	struct fake *fake = *state;
	struct wa_jid eve = wa_jid_lid("900666", 0);
	struct wa_jid other_chat = wa_jid_lid("900777", 0);
	struct wa_node *receipt = NULL;

	send_to_bob(fake, "3EB0");
	ask(fake, retry_new(fake, "3EB0", &eve, 1, 5));
	receipt = retry_of(fake, "3EB0", fake->own_phone, 1);
	ask(fake, receipt); /* ours, without saying which chat */
	receipt = retry_of(fake, "3EB0", fake->own_phone, 1);
	wa_node_set_jid(receipt, "recipient", &other_chat);
	ask(fake, receipt);
	ask(fake, retry_of(fake, "UNKNOWN", fake->bob, 1));
	assert_int_equal(fake_count(fake, "message"), 0);
	assert_int_equal(fake_count(fake, "ack"), 4);
	assert_int_equal(fake->n_answered, fake->n_questions);
}

static void a_device_gets_five_resends_of_a_message(void **state)
{
	struct fake *fake = *state;

	send_to_bob(fake, "3EB0");
	for (int i = 0; i < 8; i++)
		ask(fake, retry_of(fake, "3EB0", fake->bob, 1));
	assert_int_equal(fake_count(fake, "message"), 5);
	assert_int_equal(fake_count(fake, "ack"), 8);
	ask(fake, retry_of(fake, "3EB0", fake->bob_desktop, 1));
	assert_int_equal(fake_count(fake, "message"), 6);
}

static void keys_in_the_receipt_make_a_new_session(void **state)
{
	struct fake *fake = *state;
	struct wa_node *receipt = NULL, *keys = NULL;
	const struct wa_node *enc = NULL;
	Wa__Message *message = NULL;
	size_t n_before = 0;

	send_to_bob(fake, "3EB0");
	memory_clear(&fake->bob->memory); /* Bob lost everything */
	receipt = retry_of(fake, "3EB0", fake->bob, 2);
	keys = wa_node_add(receipt, "keys");
	fake_add_bundle(fake, keys, fake->bob);
	n_before = fake->n_questions;
	ask(fake, receipt);
	assert_int_equal(fake->n_questions, n_before);
	enc = wa_node_child(fake_last(fake, "message"), "enc");
	assert_string_equal(wa_node_str(enc, "type"), "pkmsg");
	assert_non_null(
		wa_node_child(fake_last(fake, "message"), "device-identity"));
	message = person_hear(fake, fake->bob, enc);
	assert_non_null(message);
	assert_string_equal(message->conversation, "hello");
	wa__message__free_unpacked(message, NULL);
}

static void another_registration_means_a_new_session_from_the_server(
	void **state)
{
	struct fake *fake = *state;
	struct fake_question *question = NULL;
	const struct wa_node *user = NULL;

	send_to_bob(fake, "3EB0");
	fake->bob->registration_id ^= 0x55;
	memory_clear(&fake->bob->memory);
	person_load(fake->bob);
	ask(fake, retry_of(fake, "3EB0", fake->bob, 1));
	assert_int_equal(fake_count(fake, "message"), 0);
	assert_int_equal(fake_count(fake, "ack"), 0); /* when it is served */
	question = fake_question(fake);
	assert_non_null(question);
	user = wa_node_path(question->iq, "key", "user");
	assert_string_equal(wa_node_str(user, "reason"), "identity");
	fake_answer_keys(fake);
	assert_int_equal(fake_count(fake, "message"), 1);
	assert_int_equal(fake_count(fake, "ack"), 1);
}

static void the_same_session_failing_again_is_replaced(void **state)
{
	struct fake *fake = *state;

	send_to_bob(fake, "3EB0");
	ask(fake, retry_of(fake, "3EB0", fake->bob, 2));
	assert_int_equal(fake_count(fake, "message"), 1);
	ask(fake, retry_of(fake, "3EB0", fake->bob, 3));
	assert_int_equal(fake_count(fake, "message"), 1);
	assert_non_null(fake_question(fake));
	fake_answer_keys(fake);
	assert_int_equal(fake_count(fake, "message"), 2);
}

static void without_an_answer_the_request_stays_unacked(void **state)
{
	struct fake *fake = *state;

	send_to_bob(fake, "3EB0");
	fake->bob->registration_id ^= 0x55;
	ask(fake, retry_of(fake, "3EB0", fake->bob, 1));
	fake_answer(fake, NULL);
	assert_int_equal(fake->n_sent, 0);
}

static void a_device_that_we_did_not_know_makes_us_ask_for_the_list(
	void **state)
{
	struct fake *fake = *state;
	struct wa_jid tablet = wa_jid_lid(BOB_LID, 7);
	const struct wa_jid account = wa_jid_lid(BOB_LID, 0);
	struct device_list list;
	struct err err = ERR_NONE;

	send_to_bob(fake, "3EB0");
	ask(fake, retry_of(fake, "3EB0", fake->bob, 1));
	assert_int_equal(devices_load(&fake->lane, &account, &list, &err), 1);
	ask(fake, retry_new(fake, "3EB0", &tablet, 1, 5));
	assert_int_equal(devices_load(&fake->lane, &account, &list, &err), 0);
}

static void nonsense_is_acked_and_left(void **state)
{
	struct fake *fake = *state;
	struct wa_node *receipt = wa_node_new(fake->arena, "receipt");
	struct wa_jid group = { .user = "1203", .server = WA_SERVER_GROUP };

	send_to_bob(fake, "3EB0");
	wa_node_set(receipt, "id", "3EB0");
	wa_node_set(receipt, "type", "retry");
	wa_node_set_jid(receipt, "from", &fake->bob->jid);
	ask(fake, receipt); /* no <retry> */
	ask(fake, retry_of(fake, "3EB0", fake->bob, 0));
	ask(fake, retry_of(fake, "3EB0", fake->bob, 100000));
	ask(fake, retry_new(fake, "3EB0", &group, 1, 5));
	assert_int_equal(fake_count(fake, "message"), 0);
	assert_int_equal(fake_count(fake, "ack"), 4);
}

/* ---- groups ---- */

/* @person's device could not read @id of the group. */
static struct wa_node *group_retry(
	struct fake *fake, const char *id, struct person *person, int count)
{
	struct wa_jid from = group_jid();
	struct wa_node *receipt =
		retry_new(fake, id, &from, count, person->registration_id);

	wa_node_set_jid(receipt, "participant", &person->jid);
	return receipt;
}

static void in_a_group(struct fake *fake, const char *id)
{
	group_send(fake, id, group_of_friends(fake, true));
	fake_forget_sent(fake);
}

static bool holds_key(struct fake *fake, struct person *person)
{
	struct wa_jid jid = group_jid();
	struct err err = ERR_NONE;

	return lanedb_holder_has(fake->lane.db, &jid, &person->jid, &err) == 1;
}

static void a_member_gets_it_again_together_with_our_key(void **state)
{
	struct fake *fake = *state;
	struct wa_jid jid = group_jid(), participant;
	const struct wa_node *stanza = NULL;
	Wa__Message *message = NULL;

	in_a_group(fake, "3EB0");
	ask(fake, group_retry(fake, "3EB0", fake->bob_desktop, 1));
	stanza = fake_last(fake, "message");
	assert_non_null(stanza);
	assert_string_equal(wa_node_str(stanza, "id"), "3EB0");
	assert_string_equal(wa_node_str(stanza, "to"), GROUP);
	assert_string_equal(wa_node_str(stanza, "addressing_mode"), "lid");
	assert_null(wa_node_get(stanza, "device_fanout"));
	assert_null(wa_node_child(stanza, "participants"));
	assert_true(wa_node_jid(stanza, "participant", &participant));
	assert_true(wa_jid_equal(&participant, &fake->bob_desktop->jid));
	assert_int_equal(
		wa_node_int(wa_node_child(stanza, "enc"), "count", 0), 1);
	message = person_hear(
		fake, fake->bob_desktop, wa_node_child(stanza, "enc"));
	assert_non_null(message);
	assert_string_equal(message->conversation, "hello");
	assert_true(key_take(fake, fake->bob_desktop, &jid, message));
	wa__message__free_unpacked(message, NULL);
	assert_int_equal(fake_count(fake, "ack"), 1);
	assert_true(holds_key(fake, fake->bob_desktop));
	stanza = group_send(fake, "3EB1", NULL);
	assert_int_equal(n_entries(stanza), 0);
	assert_true(read_by(fake, fake->bob_desktop, stanza));
}

static void our_phone_gets_a_group_message_unwrapped(void **state)
{
	struct fake *fake = *state;
	Wa__Message *message = NULL;

	in_a_group(fake, "3EB0");
	ask(fake, group_retry(fake, "3EB0", fake->own_phone, 1));
	message = person_hear(fake, fake->own_phone,
		wa_node_child(fake_last(fake, "message"), "enc"));
	assert_non_null(message);
	assert_null(message->device_sent_message);
	assert_string_equal(message->conversation, "hello");
	wa__message__free_unpacked(message, NULL);
}

static void who_was_removed_gets_nothing_again(void **state)
{
	struct fake *fake = *state;
	struct wa_node *child = NULL;

	in_a_group(fake, "3EB0");
	notification_on_notification(
		&fake->lane, notice_new(fake, "remove", &bob, &child));
	fake_run(fake);
	fake_forget_sent(fake);
	ask(fake, group_retry(fake, "3EB0", fake->bob, 1));
	assert_int_equal(fake_count(fake, "message"), 0);
	assert_int_equal(fake_count(fake, "ack"), 1);
	ask(fake, group_retry(fake, "3EB0", carol_of(fake), 1));
	assert_int_equal(fake_count(fake, "message"), 1);
}

static void who_came_later_does_not_get_what_was_before(void **state)
{
	struct fake *fake = *state;
	struct wa_node *child = NULL, *notification = NULL;

	in_a_group(fake, "3EB0");
	notification = notice_new(fake, "add", &dave, &child);
	for (struct wa_attr *attr = notification->attrs; attr != NULL;
		attr = attr->next)
		if (strcmp(attr->key, "t") == 0)
			attr->value.text = "99999999998";
	notification_on_notification(&fake->lane, notification);
	fake_run(fake);
	fake_forget_sent(fake);
	ask(fake, group_retry(fake, "3EB0", dave_of(fake), 1));
	assert_int_equal(fake_count(fake, "message"), 0);
	assert_int_equal(fake_count(fake, "ack"), 1);
}

static void who_is_in_the_group_is_asked_first_if_need_be(void **state)
{
	const struct fake_member left[] = { carol };
	struct fake *fake = *state;
	struct wa_jid jid = group_jid();
	struct err err = ERR_NONE;

	in_a_group(fake, "3EB0");
	assert_int_equal(group_expire(&fake->lane, &jid, &err), 0);
	ask(fake, group_retry(fake, "3EB0", carol_of(fake), 1));
	ask(fake, group_retry(fake, "3EB0", fake->bob, 1));
	assert_int_equal(fake_count(fake, "ack"), 0);
	assert_true(asks_for_group(fake));
	fake_settle(fake, group_node(fake, true, left, 1));
	assert_int_equal(fake_count(fake, "message"), 1);
	assert_int_equal(fake_count(fake, "ack"), 2);

	assert_int_equal(group_expire(&fake->lane, &jid, &err), 0);
	ask(fake, group_retry(fake, "3EB0", carol_of(fake), 1));
	fake_answer(fake, NULL); /* the server brings the receipt again */
	assert_int_equal(fake_count(fake, "message"), 1);
	assert_int_equal(fake_count(fake, "ack"), 2);
	ask(fake, group_retry(fake, "3EB0", carol_of(fake), 1));
	fake_answer(fake, iq_error(fake, 403)); /* we are out ourselves */
	assert_int_equal(fake_count(fake, "message"), 1);
	assert_int_equal(fake_count(fake, "ack"), 3);
}

static void a_group_message_is_of_no_other_chat(void **state)
{
	struct fake *fake = *state;
	struct wa_node *receipt = NULL;
	struct wa_jid other = { .user = "120363000000000009",
		.server = WA_SERVER_GROUP };

	in_a_group(fake, "3EB0");
	receipt =
		retry_new(fake, "3EB0", &other, 1, fake->bob->registration_id);
	wa_node_set_jid(receipt, "participant", &fake->bob->jid);
	ask(fake, receipt);
	ask(fake, retry_of(fake, "3EB0", fake->bob, 1)); /* as if from 1:1 */
	assert_int_equal(fake_count(fake, "message"), 0);
	assert_int_equal(fake_count(fake, "ack"), 2);
}

static void a_member_gets_five_resends_of_a_group_message(void **state)
{
	struct fake *fake = *state;

	in_a_group(fake, "3EB0");
	for (int i = 0; i < 8; i++)
		ask(fake, group_retry(fake, "3EB0", fake->bob, 1));
	assert_int_equal(fake_count(fake, "message"), 5);
	assert_int_equal(fake_count(fake, "ack"), 8);
}

static void without_a_session_a_member_is_told_the_key_by_the_next_message(
	void **state)
{
	struct fake *fake = *state;

	in_a_group(fake, "3EB0");
	fake->bob->registration_id ^= 0x55;
	ask(fake, group_retry(fake, "3EB0", fake->bob, 1));
	fake_answer(fake, iq_of(fake, wa_node_new(fake->arena, "list")));
	assert_int_equal(fake_count(fake, "message"), 0);
	assert_false(holds_key(fake, fake->bob));
	assert_true(holds_key(fake, fake->bob_desktop));
}

static void status_is_for_its_audience_alone(void **state)
{
	struct fake *fake = *state;
	struct wa_jid status = { .user = "status",
		.server = WA_SERVER_BROADCAST };
	struct wa_node *receipt = NULL;
	Wa__Message *message = NULL;

	fake_job_to(fake, "3EB0", "status@broadcast", "hello",
		"{\"audience\":[\"+" CAROL_PN "\"]}");
	fake_run(fake);
	fake_settle(fake, NULL);
	assert_non_null(fake_message(fake, "3EB0"));
	fake_accepted(fake, "3EB0");
	fake_forget_sent(fake);
	receipt =
		retry_new(fake, "3EB0", &status, 1, fake->bob->registration_id);
	wa_node_set_jid(receipt, "participant", &fake->bob->jid);
	ask(fake, receipt);
	assert_null(fake_question(fake)); /* for his keys, say */
	assert_int_equal(fake_count(fake, "message"), 0);
	receipt = retry_new(
		fake, "3EB0", &status, 1, carol_of(fake)->registration_id);
	wa_node_set_jid(receipt, "participant", &carol_of(fake)->jid);
	ask(fake, receipt);
	assert_int_equal(fake_count(fake, "message"), 1);
	assert_null(wa_node_get(fake_last(fake, "message"), "addressing_mode"));
	message = person_hear(fake, carol_of(fake),
		wa_node_child(fake_last(fake, "message"), "enc"));
	assert_non_null(message);
	assert_true(key_take(fake, carol_of(fake), &status, message));
	wa__message__free_unpacked(message, NULL);
	receipt = retry_new(
		fake, "3EB0", &status, 1, fake->own_phone->registration_id);
	wa_node_set_jid(receipt, "participant", &fake->own_phone->jid);
	ask(fake, receipt);
	assert_int_equal(fake_count(fake, "message"), 2);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_count_goes_up_and_then_it_is_given_up),
		TEST(the_count_goes_on_where_the_sender_stands),
		TEST(keys_in_a_retry_are_fresh_and_never_offered_to_others),
		TEST(a_resend_is_for_the_one_device_with_the_same_id),
		TEST(our_phone_gets_the_wrapped_form),
		TEST(only_the_audience_gets_a_resend),
		TEST(a_device_gets_five_resends_of_a_message),
		TEST(keys_in_the_receipt_make_a_new_session),
		TEST(another_registration_means_a_new_session_from_the_server),
		TEST(the_same_session_failing_again_is_replaced),
		TEST(without_an_answer_the_request_stays_unacked),
		TEST(a_device_that_we_did_not_know_makes_us_ask_for_the_list),
		TEST(nonsense_is_acked_and_left),
		GROUP_TEST(a_member_gets_it_again_together_with_our_key),
		GROUP_TEST(our_phone_gets_a_group_message_unwrapped),
		GROUP_TEST(who_was_removed_gets_nothing_again),
		GROUP_TEST(who_came_later_does_not_get_what_was_before),
		GROUP_TEST(who_is_in_the_group_is_asked_first_if_need_be),
		GROUP_TEST(a_group_message_is_of_no_other_chat),
		GROUP_TEST(a_member_gets_five_resends_of_a_group_message),
		GROUP_TEST(
			without_a_session_a_member_is_told_the_key_by_the_next_message),
		GROUP_TEST(status_is_for_its_audience_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
