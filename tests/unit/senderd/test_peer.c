/* What our own phone tells us, and only it. */
#include "tests/unit/senderd/inbound_fixture.h"

#include "senderd/whatsapp/ask_phone.h"
#include "senderd/whatsapp/peer.h"

/* From the device of ours that @device says, as it came decrypted. */
static bool told_by(struct fake *fake, unsigned device, const char *id,
	const Wa__ProtocolMessage *protocol)
{
	struct wa_jid sender = wa_jid_lid(OWN_LID, device);
	struct err err = ERR_NONE;
	bool is_history = false;

	assert_int_equal(peer_on_protocol(&fake->lane, &sender, id, protocol,
				 &is_history, &err),
		0);
	fake_run(fake);
	return is_history;
}

#define SET_TYPE(protocol, name)                                      \
	do {                                                          \
		(protocol).has_type = true;                           \
		(protocol).type = WA__PROTOCOL_MESSAGE__TYPE__##name; \
	} while (0)

/* ---- keys ---- */

static void shared_keys_are_kept_and_used(void **state)
{
	struct fake *fake = *state;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__AppStateSyncKeyShare share = WA__APP_STATE_SYNC_KEY_SHARE__INIT;
	Wa__AppStateSyncKey key = WA__APP_STATE_SYNC_KEY__INIT;
	Wa__AppStateSyncKeyId id = WA__APP_STATE_SYNC_KEY_ID__INIT;
	Wa__AppStateSyncKeyData data = WA__APP_STATE_SYNC_KEY_DATA__INIT;
	Wa__AppStateSyncKey *keys[] = { &key };
	uint8_t bytes[300] = { 7 };
	struct err err = ERR_NONE;

	SET_TYPE(protocol, APP_STATE_SYNC_KEY_SHARE);
	protocol.app_state_sync_key_share = &share;
	share.n_keys = 1;
	share.keys = keys;
	id.has_key_id = data.has_key_data = true;
	id.key_id.data = data.key_data.data = bytes;
	id.key_id.len = 6;
	data.key_data.len = sizeof bytes; /* too long to be one */
	key.key_id = &id;
	key.key_data = &data;
	told_by(fake, 0, "K1", &protocol);
	assert_int_equal(lanedb_app_key_count(fake->lane.db, &err), 0);
	assert_null(fake_question(fake));
	data.key_data.len = 32;
	told_by(fake, 0, "K2", &protocol);
	assert_int_equal(lanedb_app_key_count(fake->lane.db, &err), 1);
	assert_non_null(fake_question(fake));
	assert_string_equal(wa_node_str(fake_question(fake)->iq, "xmlns"),
		"w:sync:app:state");
	key.key_id = NULL;
	told_by(fake, 0, "K3", &protocol);
	protocol.app_state_sync_key_share = NULL;
	told_by(fake, 0, "K4", &protocol);
	assert_int_equal(lanedb_app_key_count(fake->lane.db, &err), 1);
}

/* ---- history ---- */

static void history_is_noted_before_it_is_acknowledged(void **state)
{
	struct fake *fake = *state;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__HistorySyncNotification about = WA__HISTORY_SYNC_NOTIFICATION__INIT;
	struct wa_jid sender = wa_jid_lid(OWN_LID, 0);
	struct err err = ERR_NONE;
	bool is_history = false;

	SET_TYPE(protocol, HISTORY_SYNC_NOTIFICATION);
	protocol.history_sync_notification = &about;
	about.has_sync_type = true;
	about.sync_type = WA__HISTORY_SYNC_TYPE__RECENT;
	assert_int_equal(peer_on_protocol(&fake->lane, &sender, "H1", &protocol,
				 &is_history, &err),
		0);
	assert_true(is_history);
	assert_int_equal(lanedb_history_count(fake->lane.db, &err), 1);
	/* The same again does nothing. */
	is_history = false;
	assert_int_equal(peer_on_protocol(&fake->lane, &sender, "H1", &protocol,
				 &is_history, &err),
		0);
	assert_true(is_history);
	assert_int_equal(lanedb_history_count(fake->lane.db, &err), 1);
}

/* ---- content that only the phone had ---- */

/* The phone's answer: what @wa_id of Bob's says. */
static void resend(struct fake *fake, unsigned device, const char *id,
	const char *wa_id, const char *text)
{
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__PeerDataOperationRequestResponseMessage response =
		WA__PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE__INIT;
	Wa__PeerDataOperationResult result =
		WA__PEER_DATA_OPERATION_RESULT__INIT;
	Wa__PlaceholderMessageResendResponse placeholder =
		WA__PLACEHOLDER_MESSAGE_RESEND_RESPONSE__INIT;
	Wa__PeerDataOperationResult *results[] = { &result };
	Wa__WebMessageInfo info = WA__WEB_MESSAGE_INFO__INIT;
	Wa__MessageKey key = WA__MESSAGE_KEY__INIT;
	Wa__Message message = text_message(text);
	uint8_t bytes[512];

	SET_TYPE(protocol, PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE);
	protocol.peer_data_operation_request_response_message = &response;
	response.n_peer_data_operation_result = 1;
	response.peer_data_operation_result = results;
	result.placeholder_message_resend_response = &placeholder;
	key.remote_jid = (char *)BOB_LID "@lid";
	key.id = (char *)wa_id;
	info.key = &key;
	info.message = &message;
	info.push_name = (char *)"Bob";
	info.has_message_timestamp = true;
	info.message_timestamp = 1700000000;
	placeholder.has_web_message_info_bytes = true;
	placeholder.web_message_info_bytes.data = bytes;
	placeholder.web_message_info_bytes.len =
		wa__web_message_info__pack(&info, bytes);
	told_by(fake, device, id, &protocol);
}

static struct wa_node *unavailable(
	struct fake *fake, const char *id, const char *type, int64_t t)
{
	struct wa_node *stanza = wa_node_new(fake->arena, "message");
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0);

	wa_node_set(stanza, "id", id);
	wa_node_set_jid(stanza, "from", &fake->bob->jid);
	wa_node_set_jid(stanza, "sender_pn", &pn);
	wa_node_set_int(stanza, "t", t);
	wa_node_set(stanza, "type", "text");
	wa_node_set(wa_node_add(stanza, "unavailable"), "type", type);
	return stanza;
}

static struct row row_by_id(struct fake *fake, const char *wa_id)
{
	struct row row = { .n = 0 };
	struct err err = ERR_NONE;

	assert_int_equal(
		store_message_each_wa_id(fake->lane.store, fake->lane.device_id,
			wa_id, on_row, &row, &err),
		0);
	return row;
}

static void content_that_the_phone_sends_fills_its_place(void **state)
{
	struct fake *fake = *state;
	struct row row;

	person_meet(fake, fake->own_phone);
	receive(fake, unavailable(fake, "U1", NULL, clock_now_ms() / 1000));
	fake_answer_all(fake);
	assert_int_equal(fake->n_events, 1);
	row = row_by_id(fake, "U1");
	assert_int_equal(row.kind, MESSAGE_OTHER);
	assert_non_null(fake_last(fake, "message")); /* the phone is asked */
	resend(fake, 3, "R1", "U1", "from a tablet");
	assert_int_equal(row_by_id(fake, "U1").kind, MESSAGE_OTHER);
	resend(fake, 0, "R2", "U1", "at last");
	row = row_by_id(fake, "U1");
	assert_int_equal(row.kind, MESSAGE_TEXT);
	assert_string_equal(row.text, "at last");
	assert_int_equal(row.n, 1);
	assert_int_equal(fake->n_events, 2);
	assert_string_equal(fake->events[1], "message.received");
	/* It is not wanted any more. */
	resend(fake, 0, "R3", "U1", "again");
	assert_string_equal(row_by_id(fake, "U1").text, "at last");
	assert_int_equal(fake->n_events, 2);
}

static void what_nobody_asked_for_is_not_taken(void **state)
{
	struct fake *fake = *state;

	resend(fake, 0, "R1", "NEVER", "a forgery");
	assert_int_equal(row_by_id(fake, "NEVER").n, 0);
	assert_int_equal(fake->n_events, 0);
}

static void the_phone_is_asked_where_it_is_of_use(void **state)
{
	static const struct {
		const char *type;
		int64_t age_sec;
		bool is_asked;
	} cases[] = {
		{ NULL, 0, true },
		{ "something_new", 0, true },
		{ "view_once", 0, false },
		{ "view_once_unavailable_fanout", 0, false },
		{ "bot_unavailable_fanout", 0, false },
		{ "hosted_unavailable_fanout", 0, false },
		{ NULL, 13 * 86400, true },
		{ NULL, 15 * 86400, false },
	};
	struct fake *fake = *state;
	char id[8];

	person_meet(fake, fake->own_phone);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(id, sizeof id, "U%zu", i);
		fake_forget_sent(fake);
		receive(fake,
			unavailable(fake, id, cases[i].type,
				clock_now_ms() / 1000 - cases[i].age_sec));
		fake_answer_all(fake);
		assert_int_equal(
			fake_last(fake, "message") != NULL, cases[i].is_asked);
		/* Twice is once. */
		fake_forget_sent(fake);
		receive(fake,
			unavailable(fake, id, cases[i].type,
				clock_now_ms() / 1000 - cases[i].age_sec));
		fake_answer_all(fake);
		assert_null(fake_last(fake, "message"));
	}
}

#define PEER_TEST(test) \
	cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PEER_TEST(shared_keys_are_kept_and_used),
		PEER_TEST(history_is_noted_before_it_is_acknowledged),
		PEER_TEST(content_that_the_phone_sends_fills_its_place),
		PEER_TEST(what_nobody_asked_for_is_not_taken),
		PEER_TEST(the_phone_is_asked_where_it_is_of_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
