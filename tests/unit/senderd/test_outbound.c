/* Jobs to stanzas. */
#include "tests/unit/senderd/fake_lane.h"

#include "senderd/whatsapp/refusal.h"

static struct wa_jid bob(unsigned device)
{
	return wa_jid_lid(BOB_LID, device);
}

static struct wa_jid own(unsigned device)
{
	return wa_jid_lid(OWN_LID, device);
}

/* Gets everything asked that a message to Bob needs, and forgets the traffic.
 */
static void know_bob(struct fake *fake)
{
	outbound_on_ready(&fake->lane);
	fake_run(fake);
	fake_job(fake, "3EB0WARM", BOB_PN, "warm");
	fake_run(fake);
	fake_answer_all(fake);
	assert_int_equal(fake_count(fake, "message"), 1);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0WARM", 0));
	fake_run(fake);
	fake_answer_all(fake);
	fake_forget_sent(fake);
}

static const char *sent_id(struct fake *fake, size_t nth)
{
	for (size_t i = 0; i < fake->n_sent; i++) {
		if (strcmp(fake->sent[i]->tag, "message") == 0 && nth-- == 0)
			return wa_node_str(fake->sent[i], "id");
	}
	return "";
}

static void assert_hears(struct fake *fake, struct person *person,
	const struct wa_node *stanza, const char *text)
{
	const struct wa_node *enc = stanza_enc(stanza, &person->jid);
	Wa__Message *message = NULL;

	assert_non_null(enc);
	message = person_hear(fake, person, enc);
	assert_non_null(message);
	assert_string_equal(message->conversation, text);
	wa__message__free_unpacked(message, NULL);
}

/* ---- the stanza ---- */

static void a_first_message_reaches_every_device_of_both_accounts(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *stanza = NULL;
	Wa__Message *copy = NULL;
	struct wa_jid us = own(1), phone = own(0), jid;

	outbound_on_ready(&fake->lane);
	fake_job(fake, "3EB001", BOB_PN, "hello");
	fake_run(fake);
	assert_int_equal(fake_count(fake, "message"), 0);
	fake_answer_all(fake);
	stanza = fake_last(fake, "message");
	assert_non_null(stanza);
	assert_string_equal(wa_node_str(stanza, "id"), "3EB001");
	assert_string_equal(wa_node_str(stanza, "to"), BOB_LID "@lid");
	assert_string_equal(wa_node_str(stanza, "type"), "text");
	assert_true(wa_node_jid(stanza, "peer_recipient_pn", &jid));
	assert_string_equal(jid.user, BOB_PN);
	assert_hears(fake, fake->bob, stanza, "hello");
	assert_hears(fake, fake->bob_desktop, stanza, "hello");
	assert_null(stanza_enc(stanza, &us));
	copy = person_hear(fake, fake->own_phone, stanza_enc(stanza, &phone));
	assert_non_null(copy);
	assert_non_null(copy->device_sent_message);
	assert_string_equal(
		copy->device_sent_message->destination_jid, BOB_LID "@lid");
	assert_string_equal(
		copy->device_sent_message->message->conversation, "hello");
	wa__message__free_unpacked(copy, NULL);
}

static void the_voucher_goes_with_a_pkmsg_and_only_then(void **state)
{
	struct fake *fake = *state;
	struct wa_node *reply = NULL;
	const struct wa_node *stanza = NULL;
	Wa__Message hi = WA__MESSAGE__INIT;
	struct person *all[] = { fake->bob, fake->bob_desktop,
		fake->own_phone };
	size_t n = 0;

	outbound_on_ready(&fake->lane);
	fake_job(fake, "3EB001", BOB_PN, "one");
	fake_run(fake);
	fake_answer_all(fake);
	stanza = fake_last(fake, "message");
	assert_memory_equal(
		wa_node_content(wa_node_child(stanza, "device-identity"), &n),
		"voucher", 7);
	/* Everybody answers, so the sessions are established. */
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		Wa__Message *heard = person_hear(
			fake, all[i], stanza_enc(stanza, &all[i]->jid));
		char id[8];

		assert_non_null(heard);
		wa__message__free_unpacked(heard, NULL);
		hi.conversation = (char *)"hi";
		reply = wa_node_new(fake->arena, "message");
		snprintf(id, sizeof id, "R%zu", i);
		wa_node_set(reply, "id", id);
		wa_node_set_jid(reply, "from", &all[i]->jid);
		wa_node_set(reply, "t", "1");
		person_say(fake, all[i], &hi, reply);
		inbound_on_message(&fake->lane, reply);
		fake_run(fake);
	}
	fake_job(fake, "3EB002", BOB_PN, "two");
	fake_run(fake);
	stanza = fake_last(fake, "message");
	assert_string_equal(wa_node_str(stanza, "id"), "3EB002");
	assert_null(wa_node_child(stanza, "device-identity"));
	assert_hears(fake, fake->bob, stanza, "two");
}

static void a_known_recipient_costs_no_question(void **state)
{
	struct fake *fake = *state;
	size_t n_before = 0;

	know_bob(fake);
	n_before = fake->n_questions;
	for (int i = 0; i < 20; i++) {
		char id[16];

		snprintf(id, sizeof id, "3EB1%02d", i);
		fake_job(fake, id, BOB_PN, "x");
	}
	fake_run(fake);
	assert_int_equal(fake_count(fake, "message"), 20);
	assert_int_equal(fake->n_questions, n_before);
	assert_int_equal(outbound_in_flight(&fake->lane), 20);
}

static void a_chat_with_oneself_goes_to_the_other_own_devices(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *stanza = NULL;
	struct wa_jid phone = own(0);

	know_bob(fake);
	fake_job(fake, "3EB0ME", OWN_PN, "note");
	fake_run(fake);
	stanza = fake_last(fake, "message");
	assert_non_null(stanza);
	assert_string_equal(wa_node_str(stanza, "to"), OWN_LID "@lid");
	assert_int_equal(
		wa_node_n_children(wa_node_child(stanza, "participants")), 1);
	assert_non_null(stanza_enc(stanza, &phone));
}

/* ---- lookups ---- */

static void many_new_recipients_share_one_question(void **state)
{
	struct fake *fake = *state;
	size_t n_before = 0;

	know_bob(fake);
	n_before = fake->n_questions;
	for (int i = 0; i < 30; i++) {
		char id[16], phone[16];

		snprintf(id, sizeof id, "3EB2%02d", i);
		snprintf(phone, sizeof phone, "1555100%03d", i * 10);
		fake_job(fake, id, phone, "x");
	}
	fake_run(fake);
	assert_int_equal(fake->n_questions, n_before + 1);
	assert_int_equal(
		wa_node_n_children(wa_node_path(
			fake->questions[n_before].iq, "usync", "list")),
		30);
}

static void messages_to_one_chat_keep_their_order_through_a_lookup(void **state)
{
	struct fake *fake = *state;

	outbound_on_ready(&fake->lane);
	fake_run(fake);
	fake_job(fake, "3EB0A", BOB_PN, "1");
	fake_run(fake);
	fake_job(fake, "3EB0B", BOB_PN, "2");
	fake_run(fake);
	fake_answer_devices(fake); /* our own */
	fake_answer_keys(fake);
	fake_job(fake, "3EB0C", BOB_PN, "3");
	fake_run(fake);
	fake_answer_all(fake);
	assert_int_equal(fake_count(fake, "message"), 3);
	assert_string_equal(sent_id(fake, 0), "3EB0A");
	assert_string_equal(sent_id(fake, 1), "3EB0B");
	assert_string_equal(sent_id(fake, 2), "3EB0C");
}

static void a_number_that_is_nobodys_fails_with_its_reason(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake_job(fake, "3EB0N", "15550009999", "x");
	fake_run(fake);
	fake_answer_all(fake);
	assert_int_equal(fake_status(fake, "3EB0N"), MESSAGE_FAILED);
	assert_string_equal(fake_reason(fake, "3EB0N"), "not_on_whatsapp");
	assert_int_equal(fake_count(fake, "message"), 0);
	assert_string_equal(fake->events[fake->n_events - 1], "message.failed");
}

static void a_question_without_an_answer_fails_no_message(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake_job(fake, "3EB0Q", "15550003330", "x");
	fake_run(fake);
	fake_answer(fake, NULL);
	assert_int_equal(fake_status(fake, "3EB0Q"), MESSAGE_QUEUED);
	assert_string_equal(
		fake_reason(fake, "3EB0Q"), "recipient_lookup_failed");
	assert_null(fake_question(fake)); /* not again at once */
	assert_int_equal(outbound_waiting(&fake->lane), 1);
}

static void a_device_without_keys_is_left_out(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *stanza = NULL;
	struct wa_jid desktop = bob(3), phone = bob(0);

	fake->bob_desktop->jid = wa_jid_lid("nobody", 3); /* gets a 404 */
	outbound_on_ready(&fake->lane);
	fake_job(fake, "3EB0D", BOB_PN, "x");
	fake_run(fake);
	fake_answer_all(fake);
	stanza = fake_last(fake, "message");
	assert_non_null(stanza);
	assert_non_null(stanza_enc(stanza, &phone));
	assert_null(stanza_enc(stanza, &desktop));
}

static void without_any_recipient_device_nothing_is_sent(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake_job(fake, "3EB0E", "15550003330", "x"); /* its phone has no keys */
	fake_run(fake);
	fake_answer_all(fake);
	assert_int_equal(fake_count(fake, "message"), 0);
	assert_string_equal(fake_reason(fake, "3EB0E"), "no_recipient_device");
}

/* The memory of keyless devices is small: these two share a slot. */
static void keyless_devices_are_asked_about_once_for_a_message(void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn("15550003330", 0);
	struct wa_node *answer = wa_node_new(fake->arena, "iq");
	struct wa_node *user = wa_node_add(
		wa_node_add(wa_node_add(answer, "usync"), "list"), "user");
	struct wa_node *list = NULL;
	size_t n_before = 0;

	know_bob(fake);
	wa_node_set_jid(user, "jid", &pn);
	list = wa_node_add(wa_node_add(user, "devices"), "device-list");
	device_add(list, 3, 1);
	device_add(list, 3 + 64, 2);
	fake_job(fake, "3EB0K", pn.user, "x");
	fake_run(fake);
	fake_answer(fake, answer);
	n_before = fake->n_questions;
	fake_answer_all(fake);
	assert_int_equal(fake->n_questions, n_before);
	assert_string_equal(fake_reason(fake, "3EB0K"), "no_recipient_device");
}

/* ---- the queue ---- */

static void a_gap_in_the_numbers_is_read_from_the_store(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake_accept(fake, "3EB0LOST1", BOB_PN, "1", clock_now_ms());
	fake_accept(fake, "3EB0LOST2", BOB_PN, "2", clock_now_ms());
	fake_job(fake, "3EB0NEXT", BOB_PN, "3");
	fake_run(fake);
	assert_int_equal(fake_count(fake, "message"), 3);
	assert_string_equal(sent_id(fake, 0), "3EB0LOST1");
	assert_string_equal(sent_id(fake, 1), "3EB0LOST2");
	assert_string_equal(sent_id(fake, 2), "3EB0NEXT");
}

static void what_the_bus_lost_is_found_by_the_tick(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake_accept(fake, "3EB0LOST", BOB_PN, "1", clock_now_ms());
	fake_tick(fake);
	assert_int_equal(fake_count(fake, "message"), 1);
	assert_string_equal(sent_id(fake, 0), "3EB0LOST");
}

static void a_job_that_comes_twice_is_sent_once(void **state)
{
	struct fake *fake = *state;
	Bus__SendJob job = BUS__SEND_JOB__INIT;

	know_bob(fake);
	job.device_seq =
		fake_accept(fake, "3EB0TWO", BOB_PN, "x", clock_now_ms());
	job.created_ms = clock_now_ms();
	job.wa_id = (char *)"3EB0TWO";
	job.chat = (char *)BOB_PN "@s.whatsapp.net";
	job.text = (char *)"x";
	job.kind = MESSAGE_TEXT;
	outbound_on_job(&fake->lane, &job);
	outbound_on_job(&fake->lane, &job);
	fake_run(fake);
	fake_tick(fake);
	assert_int_equal(fake_count(fake, "message"), 1);
}

static void no_more_are_in_flight_than_configured(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake->config.sender.max_in_flight = 5;
	for (int i = 0; i < 12; i++) {
		char id[16];

		snprintf(id, sizeof id, "3EB3%02d", i);
		fake_job(fake, id, BOB_PN, "x");
	}
	fake_run(fake);
	assert_int_equal(fake_count(fake, "message"), 5);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB300", 0));
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB301", 0));
	fake_run(fake);
	assert_int_equal(fake_count(fake, "message"), 7);
	assert_string_equal(sent_id(fake, 6), "3EB306");
}

static void a_long_queue_is_read_in_pieces_and_sent_whole(void **state)
{
	struct fake *fake = *state;
	size_t n_acked = 0;

	know_bob(fake);
	fake->config.sender.max_in_flight = 50;
	for (int i = 0; i < 900; i++) {
		char id[16];

		snprintf(id, sizeof id, "3EB4%04d", i);
		fake_accept(fake, id, BOB_PN, "x", clock_now_ms());
	}
	fake_tick(fake);
	for (size_t n = 0; n_acked < 900 && n < 2000; n++) {
		assert_true(outbound_waiting(&fake->lane) +
				    outbound_in_flight(&fake->lane) <=
			    50 + 256);
		for (size_t to = fake_count(fake, "message"); n_acked < to;
			n_acked++) {
			char id[16];

			snprintf(id, sizeof id, "3EB4%04d", (int)n_acked);
			assert_string_equal(sent_id(fake, n_acked), id);
			outbound_on_ack(&fake->lane, fake_ack(fake, id, 0));
		}
		fake_run(fake);
	}
	assert_int_equal(n_acked, 900);
	assert_int_equal(outbound_in_flight(&fake->lane), 0);
}

static void back_pressure_of_the_socket_stops_new_messages(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake->is_blocked = true;
	fake_job(fake, "3EB0P", BOB_PN, "x");
	fake_run(fake);
	assert_int_equal(fake_count(fake, "message"), 0);
	fake->is_blocked = false;
	fake_tick(fake);
	assert_int_equal(fake_count(fake, "message"), 1);
}

static void without_a_connection_a_message_waits_and_says_why(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake->lane.state = LANE_BACKOFF;
	outbound_on_disconnect(&fake->lane);
	fake_job(fake, "3EB0W", BOB_PN, "x");
	fake_run(fake);
	assert_string_equal(fake_reason(fake, "3EB0W"), "device_not_connected");
	assert_int_equal(fake_count(fake, "message"), 0);
	fake->lane.state = LANE_READY;
	outbound_on_ready(&fake->lane);
	fake_run(fake);
	assert_int_equal(fake_count(fake, "message"), 1);
}

static void after_a_reconnect_the_unacknowledged_go_again_in_order(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake_job(fake, "3EB0X", BOB_PN, "1");
	fake_job(fake, "3EB0Y", BOB_PN, "2");
	fake_job(fake, "3EB0Z", BOB_PN, "3");
	fake_run(fake);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0Y", 0));
	fake_run(fake);
	fake->lane.state = LANE_BACKOFF;
	outbound_on_disconnect(&fake->lane);
	fake_run(fake);
	assert_string_equal(fake_reason(fake, "3EB0X"), "device_not_connected");
	assert_string_equal(fake_reason(fake, "3EB0Y"), "");
	fake_forget_sent(fake);
	fake->lane.state = LANE_READY;
	outbound_on_ready(&fake->lane);
	fake_run(fake);
	assert_int_equal(fake_count(fake, "message"), 2);
	assert_string_equal(sent_id(fake, 0), "3EB0X");
	assert_string_equal(sent_id(fake, 1), "3EB0Z");
	assert_hears(fake, fake->bob, fake_last(fake, "message"), "3");
}

static void an_old_message_expires_connected_or_not(void **state)
{
	struct fake *fake = *state;
	int64_t long_ago = clock_now_ms() - 3601 * 1000;

	know_bob(fake);
	fake_accept(fake, "3EB0OLD1", BOB_PN, "x", long_ago);
	fake_tick(fake);
	assert_string_equal(fake_reason(fake, "3EB0OLD1"), "expired");
	fake->lane.state = LANE_BACKOFF;
	outbound_on_disconnect(&fake->lane);
	fake_accept(fake, "3EB0OLD2", BOB_PN, "x", long_ago);
	fake_accept(fake, "3EB0NEW", BOB_PN, "x", clock_now_ms());
	for (int i = 0; i < 12; i++)
		fake_tick(fake);
	assert_string_equal(fake_reason(fake, "3EB0OLD2"), "expired");
	assert_int_equal(fake_status(fake, "3EB0NEW"), MESSAGE_QUEUED);
	assert_int_equal(fake_count(fake, "message"), 0);
}

static void a_job_that_makes_no_sense_fails_alone(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake_accept(fake, "3EB0BAD", "not a phone", "x", clock_now_ms());
	fake_job(fake, "3EB0GOOD", BOB_PN, "x");
	fake_run(fake);
	assert_string_equal(fake_reason(fake, "3EB0BAD"), "invalid_recipient");
	assert_int_equal(fake_count(fake, "message"), 1);
}

/* ---- acks ---- */

static void an_ack_makes_it_sent_and_tells_so(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake_job(fake, "3EB0S", BOB_PN, "x");
	fake_run(fake);
	assert_int_equal(fake_status(fake, "3EB0S"), MESSAGE_QUEUED);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0S", 0));
	fake_run(fake);
	assert_int_equal(fake_status(fake, "3EB0S"), MESSAGE_SENT);
	assert_string_equal(fake->events[0], "message.sent");
	assert_int_equal(outbound_in_flight(&fake->lane), 0);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0S", 0));
	fake_run(fake);
	assert_int_equal(fake->n_events, 1);
}

static void every_refusal_has_its_consequence(void **state)
{
	static const struct {
		int code;
		bool again; /* sent once more at once */
		enum message_status status;
		const char *reason;
	} cases[] = {
		{ 401, false, MESSAGE_FAILED, "refused_unauthorized" },
		{ 403, false, MESSAGE_FAILED, "refused_forbidden" },
		{ 404, false, MESSAGE_FAILED, "refused_no_such_chat" },
		{ 405, false, MESSAGE_FAILED, "refused_not_allowed" },
		{ 420, false, MESSAGE_FAILED, "refused_by_policy" },
		{ 421, false, MESSAGE_FAILED, "refused_stale_addressing" },
		{ 463, false, MESSAGE_FAILED, "refused_new_chat_restricted" },
		{ 475, false, MESSAGE_FAILED, "refused_new_chats_capped" },
		{ 479, true, MESSAGE_QUEUED, "" },
		{ 400, true, MESSAGE_QUEUED, "" },
		{ 503, false, MESSAGE_QUEUED, "refused_server_unavailable" },
		{ 429, false, MESSAGE_QUEUED, "refused_rate_limit" },
		{ 777, false, MESSAGE_FAILED, "refused" },
	};
	struct fake *fake = *state;
	struct wa_jid account = bob(0);
	struct err err = ERR_NONE;

	know_bob(fake);
	/* No new chat: those wait after a 463. */
	assert_int_equal(
		lanedb_token_save(fake->lane.db, &account,
			(const uint8_t *)"tok", 3, clock_now_ms() / 1000, &err),
		0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char id[16];

		snprintf(id, sizeof id, "3EB5%d", cases[i].code);
		fake_job(fake, id, BOB_PN, "x");
		fake_run(fake);
		fake_forget_sent(fake);
		outbound_on_ack(&fake->lane, fake_ack(fake, id, cases[i].code));
		fake_run(fake);
		fake_answer_all(fake);
		assert_int_equal(
			fake_count(fake, "message"), cases[i].again ? 1 : 0);
		assert_int_equal(fake_status(fake, id), cases[i].status);
		assert_string_equal(fake_reason(fake, id), cases[i].reason);
		assert_string_equal(refusal_of(cases[i].code)->reason,
			cases[i].again ? refusal_of(cases[i].code)->reason
				       : cases[i].reason);
	}
}

static void a_second_479_is_final(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake_job(fake, "3EB0R", BOB_PN, "x");
	fake_run(fake);
	for (int i = 0; i < 2; i++) {
		outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0R", 479));
		fake_run(fake);
		fake_answer_all(fake);
	}
	assert_int_equal(fake_count(fake, "message"), 2);
	assert_string_equal(fake_reason(fake, "3EB0R"), "refused_invalid");
}

static void a_refused_lid_form_is_built_by_number_and_remembered(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *stanza = NULL;
	struct wa_jid phone = wa_jid_pn(BOB_PN, 0),
		      own_pn = wa_jid_pn(OWN_PN, 0);
	Wa__Message *copy = NULL;

	know_bob(fake);
	fake_job(fake, "3EB0PN1", BOB_PN, "x");
	fake_run(fake);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0PN1", 400));
	fake_run(fake);
	stanza = fake_last(fake, "message");
	assert_string_equal(wa_node_str(stanza, "id"), "3EB0PN1");
	assert_string_equal(
		wa_node_str(stanza, "to"), BOB_PN "@s.whatsapp.net");
	assert_null(wa_node_get(stanza, "peer_recipient_pn"));
	assert_non_null(stanza_enc(stanza, &phone));
	copy = person_hear(fake, fake->own_phone, stanza_enc(stanza, &own_pn));
	assert_string_equal(copy->device_sent_message->destination_jid,
		BOB_PN "@s.whatsapp.net");
	wa__message__free_unpacked(copy, NULL);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0PN1", 0));
	fake_job(fake, "3EB0PN2", BOB_PN, "y");
	fake_run(fake);
	stanza = fake_last(fake, "message");
	assert_string_equal(
		wa_node_str(stanza, "to"), BOB_PN "@s.whatsapp.net");
	/* Still so after a reconnect. */
	outbound_on_disconnect(&fake->lane);
	outbound_on_ready(&fake->lane);
	fake_run(fake);
	stanza = fake_last(fake, "message");
	assert_string_equal(wa_node_str(stanza, "id"), "3EB0PN2");
	assert_string_equal(
		wa_node_str(stanza, "to"), BOB_PN "@s.whatsapp.net");
}

static void a_second_400_is_final(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake_job(fake, "3EB0F", BOB_PN, "x");
	fake_run(fake);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0F", 400));
	fake_run(fake);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0F", 400));
	fake_run(fake);
	assert_string_equal(fake_reason(fake, "3EB0F"), "refused_malformed");
}

static void capped_new_chats_spare_the_known_ones(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake_job(fake, "3EB0CAP", BOB_PN, "x");
	fake_run(fake);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0CAP", 475));
	fake_run(fake);
	fake_forget_sent(fake);
	fake_job(fake, "3EB0NEW", "15550003330", "x");
	fake_job(fake, "3EB0KNOWN", BOB_PN, "x");
	fake_run(fake);
	fake_answer_all(fake);
	assert_non_null(strstr(
		fake_reason(fake, "3EB0NEW"), "new_chats_paused_until:"));
	assert_int_equal(fake_status(fake, "3EB0NEW"), MESSAGE_QUEUED);
	assert_int_equal(fake_count(fake, "message"), 1);
}

static void an_overdue_ack_means_the_same_id_again(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	fake->config.sender.ack_timeout_sec = 0;
	fake_job(fake, "3EB0T", BOB_PN, "x");
	fake_run(fake);
	fake_tick(fake);
	assert_int_equal(fake_count(fake, "message"), 2);
	assert_string_equal(sent_id(fake, 1), "3EB0T");
	assert_hears(fake, fake->bob, fake->sent[0], "x");
	assert_hears(fake, fake->bob, fake->sent[1], "x");
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0T", 0));
	fake_run(fake);
	assert_int_equal(fake_status(fake, "3EB0T"), MESSAGE_SENT);
}

static void a_receipt_stands_in_for_a_lost_ack(void **state)
{
	struct fake *fake = *state;
	struct wa_node *receipt = wa_node_new(fake->arena, "receipt");

	know_bob(fake);
	fake->config.sender.ack_timeout_sec = 0;
	fake_job(fake, "3EB0L", BOB_PN, "x");
	fake_run(fake);
	wa_node_set(receipt, "id", "3EB0L");
	wa_node_set_jid(receipt, "from", &fake->bob->jid);
	receipt_on_receipt(&fake->lane, receipt);
	fake_run(fake);
	assert_string_equal(fake->events[0], "message.sent");
	assert_string_equal(fake->events[1], "message.delivered");
	assert_int_equal(outbound_in_flight(&fake->lane), 0);
	fake_tick(fake);
	assert_int_equal(fake_count(fake, "message"), 1);
}

static void another_hash_in_the_ack_means_ask_for_devices_again(void **state)
{
	struct fake *fake = *state;
	struct wa_node *ack = NULL;
	struct wa_jid jids[4] = { bob(0), bob(3), own(0), own(1) };
	char hash[WA_PHASH_LEN];
	size_t n_before = 0;

	know_bob(fake);
	n_before = fake->n_questions;
	wa_phash(jids, 4, hash);
	for (int i = 0; i < 2; i++) {
		fake_job(fake, i == 0 ? "3EB0H1" : "3EB0H2", BOB_PN, "x");
		fake_run(fake);
		ack = fake_ack(fake, i == 0 ? "3EB0H1" : "3EB0H2", 0);
		wa_node_set(ack, "phash", i == 0 ? hash : "2:AAAAAAAA");
		outbound_on_ack(&fake->lane, ack);
		fake_run(fake);
		assert_int_equal(fake->n_questions, n_before);
	}
	fake_job(fake, "3EB0H3", BOB_PN, "x");
	fake_run(fake);
	assert_int_equal(fake->n_questions, n_before + 1);
}

static void a_contact_gets_our_token_once(void **state)
{
	struct fake *fake = *state;
	size_t n = 0;

	know_bob(fake);
	fake_job(fake, "3EB0TK", BOB_PN, "x");
	fake_run(fake);
	outbound_on_ack(&fake->lane, fake_ack(fake, "3EB0TK", 0));
	fake_run(fake);
	for (size_t i = 0; i < fake->n_questions; i++)
		n += wa_node_is(fake->questions[i].iq, "xmlns", "privacy");
	assert_int_equal(n, 1);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_first_message_reaches_every_device_of_both_accounts),
		TEST(the_voucher_goes_with_a_pkmsg_and_only_then),
		TEST(a_known_recipient_costs_no_question),
		TEST(a_chat_with_oneself_goes_to_the_other_own_devices),
		TEST(many_new_recipients_share_one_question),
		TEST(messages_to_one_chat_keep_their_order_through_a_lookup),
		TEST(a_number_that_is_nobodys_fails_with_its_reason),
		TEST(a_question_without_an_answer_fails_no_message),
		TEST(a_device_without_keys_is_left_out),
		TEST(without_any_recipient_device_nothing_is_sent),
		TEST(keyless_devices_are_asked_about_once_for_a_message),
		TEST(a_gap_in_the_numbers_is_read_from_the_store),
		TEST(what_the_bus_lost_is_found_by_the_tick),
		TEST(a_job_that_comes_twice_is_sent_once),
		TEST(no_more_are_in_flight_than_configured),
		TEST(a_long_queue_is_read_in_pieces_and_sent_whole),
		TEST(back_pressure_of_the_socket_stops_new_messages),
		TEST(without_a_connection_a_message_waits_and_says_why),
		TEST(after_a_reconnect_the_unacknowledged_go_again_in_order),
		TEST(an_old_message_expires_connected_or_not),
		TEST(a_job_that_makes_no_sense_fails_alone),
		TEST(an_ack_makes_it_sent_and_tells_so),
		TEST(every_refusal_has_its_consequence),
		TEST(a_second_479_is_final),
		TEST(a_refused_lid_form_is_built_by_number_and_remembered),
		TEST(a_second_400_is_final),
		TEST(capped_new_chats_spare_the_known_ones),
		TEST(an_overdue_ack_means_the_same_id_again),
		TEST(a_receipt_stands_in_for_a_lost_ack),
		TEST(another_hash_in_the_ack_means_ask_for_devices_again),
		TEST(a_contact_gets_our_token_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
