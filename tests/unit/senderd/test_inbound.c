/* Inbound messages: what becomes of them and how each is answered. */
#include "tests/unit/senderd/inbound_fixture.h"

static void assert_no_answer_but(
	struct fake *fake, const char *tag, size_t n, size_t n_all)
{
	assert_int_equal(fake_count(fake, tag), n);
	assert_int_equal(fake->n_sent, n_all);
}

/* ---- messages from others ---- */

static void a_text_is_stored_told_and_confirmed(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = text_message("hello");
	const struct wa_node *receipt = NULL;
	struct row row;
	struct wa_jid to;

	person_meet(fake, fake->bob);
	receive(fake, from_bob(fake, "A1", &message));
	row = newest(fake);
	assert_int_equal(row.n, 1);
	assert_string_equal(row.text, "hello");
	assert_string_equal(row.chat, BOB_PN "@s.whatsapp.net");
	assert_string_equal(row.sender, BOB_PN "@s.whatsapp.net");
	assert_string_equal(row.phone, BOB_PN);
	assert_string_equal(row.lid, BOB_LID);
	assert_string_equal(row.push_name, "Bob");
	assert_int_equal(row.kind, MESSAGE_TEXT);
	assert_int_equal(row.wa_ms, 1700000000000);
	assert_string_equal(fake->events[0], "message.received");
	assert_no_answer_but(fake, "receipt", 1, 1);
	receipt = fake_last(fake, "receipt");
	assert_string_equal(wa_node_str(receipt, "id"), "A1");
	assert_null(wa_node_get(receipt, "type"));
	assert_true(wa_node_jid(receipt, "to", &to));
	assert_true(wa_jid_equal(&to, &fake->bob->jid));
}

static void a_background_client_says_inactive(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = text_message("hello");

	free(fake->config.sender.receipts);
	fake->config.sender.receipts = xstrdup("inactive");
	person_meet(fake, fake->bob);
	receive(fake, from_bob(fake, "A1", &message));
	assert_string_equal(
		wa_node_str(fake_last(fake, "receipt"), "type"), "inactive");
}

static void a_redelivery_is_confirmed_again_and_told_once(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = text_message("hello");
	struct wa_node *stanza = NULL;

	person_meet(fake, fake->bob);
	stanza = from_bob(fake, "A1", &message);
	receive(fake, stanza);
	receive(fake, stanza); /* the ratchet has moved on: a duplicate */
	assert_no_answer_but(fake, "receipt", 2, 2);
	/* The same id, encrypted anew, as after a retry. */
	receive(fake, from_bob(fake, "A1", &message));
	assert_no_answer_but(fake, "receipt", 3, 3);
	assert_int_equal(newest(fake).n, 1);
	assert_int_equal(fake->n_events, 1);
}

static void a_number_learned_later_names_a_lid_chat(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = text_message("hello");
	struct wa_node *stanza = NULL;
	struct row row;

	person_meet(fake, fake->bob);
	stanza = stanza_new(fake, "A1", &fake->bob->jid);
	person_say(fake, fake->bob, &message, stanza);
	receive(fake, stanza);
	row = newest(fake);
	assert_string_equal(row.chat, BOB_LID "@lid");
	assert_string_equal(row.phone, "(null)");
	receive(fake, from_bob(fake, "A2", &message));
	row = newest(fake);
	assert_string_equal(row.chat, BOB_PN "@s.whatsapp.net");
}

static void text_is_found_in_whatever_wraps_it(void **state)
{
	struct fake *fake = *state;
	Wa__Message inner = WA__MESSAGE__INIT, middle = WA__MESSAGE__INIT,
		    outer = WA__MESSAGE__INIT;
	Wa__ExtendedTextMessage extended = WA__EXTENDED_TEXT_MESSAGE__INIT;
	Wa__FutureProofMessage once = WA__FUTURE_PROOF_MESSAGE__INIT,
			       ephemeral = WA__FUTURE_PROOF_MESSAGE__INIT;

	extended.text = (char *)"deep";
	inner.extended_text_message = &extended;
	once.message = &inner;
	middle.view_once_message_v2 = &once;
	ephemeral.message = &middle;
	outer.ephemeral_message = &ephemeral;
	person_meet(fake, fake->bob);
	receive(fake, from_bob(fake, "A1", &outer));
	assert_string_equal(newest(fake).text, "deep");
	assert_int_equal(newest(fake).kind, MESSAGE_TEXT);
}

static Wa__ImageMessage image_message(void)
{
	Wa__ImageMessage image = WA__IMAGE_MESSAGE__INIT;
	static uint8_t key[32] = { 1 };

	image.caption = (char *)"sunset";
	image.mimetype = (char *)"image/jpeg";
	image.direct_path = (char *)"/v/t62/1";
	image.has_media_key = image.has_file_enc_sha256 =
		image.has_file_length = 1;
	image.media_key = image.file_enc_sha256 =
		(ProtobufCBinaryData){ 32, key };
	image.file_length = 99;
	return image;
}

static void a_picture_is_told_with_the_row_of_its_file(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = WA__MESSAGE__INIT;
	Wa__ImageMessage image = image_message();
	char media_id[UUID_LEN + 16];
	struct row row;

	message.image_message = &image;
	fake->config.media.auto_download = false; /* the row is the point */
	person_meet(fake, fake->bob);
	receive(fake, from_bob(fake, "A1", &message));
	row = newest(fake);
	assert_int_equal(row.kind, MESSAGE_IMAGE);
	assert_string_equal(row.text, "sunset");
	assert_int_not_equal(row.media_id, 0);
	snprintf(media_id, sizeof media_id, "\"mediaId\":\"%s\"", row.media);
	assert_non_null(strstr(fake->payload, media_id));
	assert_non_null(strstr(row.content, row.media));
	assert_non_null(strstr(row.content, "\"status\":\"PENDING\""));
	/* Once more, as after a retry: the same row, the same file. */
	receive(fake, from_bob(fake, "A1", &message));
	assert_int_equal(newest(fake).n, 1);
	assert_string_equal(newest(fake).media, row.media);
}

static void a_picture_without_a_key_is_told_without_a_file(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = WA__MESSAGE__INIT;
	Wa__ImageMessage image = image_message();

	image.has_media_key = 0;
	image.has_view_once = image.view_once = 1;
	message.image_message = &image;
	person_meet(fake, fake->bob);
	receive(fake, from_bob(fake, "A1", &message));
	assert_int_equal(newest(fake).kind, MESSAGE_IMAGE);
	assert_int_equal(newest(fake).media_id, 0);
	assert_non_null(strstr(newest(fake).content, "\"status\":\"GONE\""));
	assert_non_null(strstr(newest(fake).content, "\"viewOnce\":true"));
}

static void a_kind_newer_than_us_is_told_by_its_number(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = WA__MESSAGE__INIT;
	ProtobufCMessageUnknownField unknown = { .tag = 250,
		.wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
		.len = 2,
		.data = (uint8_t *)"\1x" };

	message.base.n_unknown_fields = 1;
	message.base.unknown_fields = &unknown;
	person_meet(fake, fake->bob);
	receive(fake, from_bob(fake, "A1", &message));
	assert_int_equal(newest(fake).kind, MESSAGE_OTHER);
	assert_string_equal(newest(fake).content, "{\"type\":\"field_250\"}");
}

/* ---- what cannot be read ---- */

static void what_cannot_be_decrypted_is_asked_for_and_acked(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = text_message("hello");
	struct wa_node *stanza = NULL;
	const struct wa_node *receipt = NULL, *ack = NULL;
	struct wa_node *enc = NULL;

	person_meet(fake, fake->bob);
	stanza = from_bob(fake, "A1", &message);
	enc = (struct wa_node *)wa_node_child(stanza, "enc");
	((uint8_t *)enc->content.bytes)[enc->content.n - 12] ^= 1; /* its MAC */
	receive(fake, stanza);
	assert_int_equal(newest(fake).n, 0);
	assert_int_equal(fake->n_sent, 2);
	receipt = fake_last(fake, "receipt");
	assert_string_equal(wa_node_str(receipt, "type"), "retry");
	assert_int_equal(
		wa_node_int(wa_node_child(receipt, "retry"), "count", 0), 1);
	ack = fake_last(fake, "ack");
	assert_string_equal(wa_node_str(ack, "class"), "message");
	assert_null(wa_node_get(ack, "error"));
}

static void every_other_stanza_gets_its_ack(void **state)
{
	static const struct {
		const char *what;
		int error; /* 0 = plain */
	} cases[] = {
		{ "no enc", 488 },
		{ "unknown enc", 488 },
		{ "bot", 495 },
		{ "version 3", 491 },
		{ "unavailable", 0 },
		{ "newsletter", 0 },
		{ "no participant", 487 },
		{ "hosted", 493 },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_node *stanza =
			stanza_new(fake, cases[i].what, &fake->bob->jid);
		struct wa_node *enc = NULL;
		struct wa_jid other = wa_jid_bare(&fake->bob->jid);

		if (strstr(cases[i].what, "enc") != NULL || i == 2 || i == 3)
			enc = i == 0 ? NULL : wa_node_add(stanza, "enc");
		if (i == 1)
			wa_node_set(enc, "type", "frskmsg");
		if (i == 2)
			wa_node_set(enc, "type", "msmsg");
		if (i == 3) {
			wa_node_set(enc, "type", "msg");
			wa_node_set(enc, "v", "3");
		}
		if (i == 4)
			wa_node_set(wa_node_add(stanza, "unavailable"), "type",
				"view_once");
		if (i >= 5) {
			other.server = i == 5	? WA_SERVER_NEWSLETTER
				       : i == 6 ? WA_SERVER_GROUP
						: WA_SERVER_HOSTED;
			stanza = stanza_new(fake, cases[i].what, &other);
		}
		fake_forget_sent(fake);
		receive(fake, stanza);
		assert_no_answer_but(fake, "ack", 1, 1);
		assert_int_equal(
			wa_node_int(fake_last(fake, "ack"), "error", 0),
			cases[i].error);
	}
	assert_int_equal(newest(fake).n, 1); /* the unavailable one, as such */
	assert_string_equal(newest(fake).content,
		"{\"type\":\"unavailable\",\"viewOnce\":true}");
}

static void a_plaintext_that_is_no_message_is_refused_for_good(void **state)
{
	struct fake *fake = *state;
	struct wa_node *stanza = stanza_new(fake, "A1", &fake->bob->jid);
	struct wa_node *enc = wa_node_add(stanza, "enc");
	struct buf cipher = BUF_INIT;
	struct err err = ERR_NONE;
	enum wa_enc_type type = WA_ENC_MSG;

	person_meet(fake, fake->bob);
	assert_int_equal(
		wa_signal_encrypt(fake->bob->signal, &fake->lane.id.lid,
			"\xff\xff\xff\1", 4, &cipher, &type, &err),
		0);
	wa_node_set(enc, "v", "2");
	wa_node_set(enc, "type", wa_enc_name(type));
	wa_node_bytes(enc, cipher.data, cipher.len);
	buf_fini(&cipher);
	receive(fake, stanza);
	assert_no_answer_but(fake, "ack", 1, 1);
	assert_int_equal(wa_node_int(fake_last(fake, "ack"), "error", 0), 491);
}

/* ---- own copies and the phone ---- */

static void a_copy_from_our_phone_is_a_row_without_an_event(void **state)
{
	struct fake *fake = *state;
	Wa__Message inner = text_message("from the phone"),
		    outer = WA__MESSAGE__INIT;
	Wa__DeviceSentMessage sent = WA__DEVICE_SENT_MESSAGE__INIT;
	struct wa_jid chat = wa_jid_lid(BOB_LID, 0), pn = wa_jid_pn(BOB_PN, 0);
	struct wa_node *stanza = NULL;
	const struct wa_node *receipt = NULL;
	struct row row;

	sent.destination_jid = (char *)BOB_LID "@lid";
	sent.message = &inner;
	outer.device_sent_message = &sent;
	person_meet(fake, fake->own_phone);
	stanza = from_own_phone(fake, "P1", &outer);
	wa_node_set_jid(stanza, "recipient", &chat);
	wa_node_set_jid(stanza, "peer_recipient_pn", &pn);
	receive(fake, stanza);
	row = newest(fake);
	assert_int_equal(row.source, MESSAGE_BY_PHONE);
	assert_string_equal(row.chat, BOB_PN "@s.whatsapp.net");
	assert_string_equal(row.sender, OWN_PN "@s.whatsapp.net");
	assert_string_equal(row.phone, BOB_PN);
	assert_string_equal(row.text, "from the phone");
	assert_int_equal(fake->n_events, 0);
	receipt = fake_last(fake, "receipt");
	assert_string_equal(wa_node_str(receipt, "type"), "sender");
	assert_string_equal(wa_node_str(receipt, "recipient"), BOB_LID "@lid");
	assert_string_equal(fake->push_name, "Us");
}

static void somebody_elses_own_copy_is_a_forgery(void **state)
{
	struct fake *fake = *state;
	Wa__Message inner = text_message("forged"), outer = WA__MESSAGE__INIT;
	Wa__DeviceSentMessage sent = WA__DEVICE_SENT_MESSAGE__INIT;

	sent.destination_jid = (char *)"15550009999@s.whatsapp.net";
	sent.message = &inner;
	outer.device_sent_message = &sent;
	person_meet(fake, fake->bob);
	receive(fake, from_bob(fake, "F1", &outer));
	assert_int_equal(newest(fake).n, 0);
	assert_no_answer_but(fake, "receipt", 1, 1);
}

static void keys_from_our_phone_are_kept_and_from_others_are_not(void **state)
{
	struct fake *fake = *state;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__AppStateSyncKeyShare share = WA__APP_STATE_SYNC_KEY_SHARE__INIT;
	Wa__AppStateSyncKey key = WA__APP_STATE_SYNC_KEY__INIT,
			    *keys[] = { &key };
	Wa__AppStateSyncKeyId key_id = WA__APP_STATE_SYNC_KEY_ID__INIT;
	Wa__AppStateSyncKeyData data = WA__APP_STATE_SYNC_KEY_DATA__INIT;
	Wa__Message message = protocol_message(&protocol,
		WA__PROTOCOL_MESSAGE__TYPE__APP_STATE_SYNC_KEY_SHARE);
	struct wa_node *stanza = NULL;
	struct err err = ERR_NONE;

	key_id.has_key_id = 1;
	key_id.key_id = (ProtobufCBinaryData){ 6, (uint8_t *)"abcdef" };
	data.has_key_data = 1;
	data.key_data = (ProtobufCBinaryData){ 4, (uint8_t *)"1234" };
	key.key_id = &key_id;
	key.key_data = &data;
	share.n_keys = 1;
	share.keys = keys;
	protocol.app_state_sync_key_share = &share;
	person_meet(fake, fake->bob);
	person_meet(fake, fake->own_phone);
	receive(fake, from_bob(fake, "K1", &message));
	assert_int_equal(lanedb_app_key_count(fake->lane.db, &err), 0);
	assert_null(wa_node_get(fake_last(fake, "receipt"), "type"));
	stanza = from_own_phone(fake, "K2", &message);
	wa_node_set(stanza, "category", "peer");
	receive(fake, stanza);
	assert_int_equal(lanedb_app_key_count(fake->lane.db, &err), 1);
	assert_string_equal(
		wa_node_str(fake_last(fake, "receipt"), "type"), "peer_msg");
	assert_string_equal(wa_node_str(fake_last(fake, "receipt"), "to"),
		OWN_PN "@s.whatsapp.net");
	assert_int_equal(newest(fake).n, 0);
}

static void a_history_is_acknowledged_twice(void **state)
{
	struct fake *fake = *state;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__HistorySyncNotification notification =
		WA__HISTORY_SYNC_NOTIFICATION__INIT;
	Wa__Message message = protocol_message(&protocol,
		WA__PROTOCOL_MESSAGE__TYPE__HISTORY_SYNC_NOTIFICATION);
	struct wa_node *stanza = NULL;

	notification.has_sync_type = 1;
	notification.sync_type = WA__HISTORY_SYNC_TYPE__NO_HISTORY;
	protocol.history_sync_notification = &notification;
	person_meet(fake, fake->own_phone);
	stanza = from_own_phone(fake, "H1", &message);
	wa_node_set(stanza, "category", "peer");
	receive(fake, stanza);
	assert_int_equal(fake->n_sent, 2);
	assert_string_equal(wa_node_str(fake->sent[0], "type"), "peer_msg");
	assert_string_equal(wa_node_str(fake->sent[1], "type"), "hist_sync");
	assert_int_equal(newest(fake).n, 0);
}

/* ---- groups ---- */

static void a_group_message_brings_its_key_and_is_told(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = text_message("to all");
	struct wa_node *stanza = NULL;
	struct row row;

	person_meet(fake, fake->bob);
	stanza = group_stanza(fake, "G1");
	group_say(fake, stanza, &message, true);
	receive(fake, stanza);
	row = newest(fake);
	assert_int_equal(row.n, 1);
	assert_string_equal(row.chat, GROUP "@g.us");
	assert_string_equal(row.sender, BOB_PN "@s.whatsapp.net");
	assert_string_equal(row.phone, BOB_PN);
	assert_string_equal(row.text, "to all");
	assert_non_null(strstr(fake->payload, "\"isGroup\":true"));
	assert_no_answer_but(fake, "receipt", 1, 1);
	assert_string_equal(
		wa_node_str(fake_last(fake, "receipt"), "to"), GROUP "@g.us");
	assert_string_equal(
		wa_node_str(fake_last(fake, "receipt"), "participant"),
		BOB_LID "@lid");
	stanza = group_stanza(fake, "G2");
	message = text_message("again");
	group_say(fake, stanza, &message, false);
	receive(fake, stanza);
	assert_string_equal(newest(fake).text, "again");
}

static void a_group_message_without_its_key_is_asked_for_with_ours(void **state)
{
	struct fake *fake = *state;
	struct wa_node *stanza = group_stanza(fake, "G1");
	Wa__Message message = text_message("to all");
	const struct wa_node *receipt = NULL;

	person_meet(fake, fake->bob);
	group_say(fake, stanza, &message, false);
	receive(fake, stanza);
	receipt = fake_last(fake, "receipt");
	assert_string_equal(wa_node_str(receipt, "type"), "retry");
	assert_string_equal(
		wa_node_str(receipt, "participant"), BOB_LID "@lid");
	assert_non_null(wa_node_child(receipt, "keys"));
	assert_int_equal(newest(fake).n, 0);
}

/* ---- stories ---- */

static void a_story_is_told_as_one(void **state)
{
	struct fake *fake = *state;
	struct wa_jid status = { .user = "status",
		.server = WA_SERVER_BROADCAST };
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0);
	struct wa_node *stanza = stanza_new(fake, "S1", &status);
	Wa__Message message = WA__MESSAGE__INIT;
	Wa__ExtendedTextMessage extended = WA__EXTENDED_TEXT_MESSAGE__INIT;
	struct row row;

	extended.text = (char *)"my day";
	extended.has_background_argb = 1;
	extended.background_argb = 0xff102030;
	message.extended_text_message = &extended;
	wa_node_set_jid(stanza, "participant", &fake->bob->jid);
	wa_node_set_jid(stanza, "participant_pn", &pn);
	person_meet(fake, fake->bob);
	person_say(fake, fake->bob, &message, stanza);
	receive(fake, stanza);
	row = newest(fake);
	assert_int_equal(row.n, 1);
	assert_string_equal(row.chat, "status@broadcast");
	assert_string_equal(row.phone, BOB_PN);
	assert_string_equal(row.text, "my day");
	assert_string_equal(row.content, "{\"background\":\"#102030\"}");
	assert_non_null(strstr(fake->payload, "\"isStatus\":true"));
	assert_non_null(strstr(fake->payload, "\"isGroup\":false"));
}

/* ---- contacts ---- */

static const char *contact_id(struct fake *fake)
{
	static char id[UUID_LEN];
	const char *at = strstr(fake->payload, "\"contactId\":\"");

	assert_non_null(at);
	snprintf(id, sizeof id, "%s", at + 13);
	return id;
}

static void a_sender_keeps_one_contact_id_when_the_number_is_learned(
	void **state)
{
	struct fake *fake = *state;
	Wa__Message message = text_message("hello");
	struct wa_node *stanza = NULL;
	char first[UUID_LEN];

	person_meet(fake, fake->bob);
	stanza = stanza_new(fake, "A1", &fake->bob->jid);
	person_say(fake, fake->bob, &message, stanza);
	receive(fake, stanza);
	snprintf(first, sizeof first, "%s", contact_id(fake));
	assert_null(strstr(fake->payload, "\"phone\""));
	receive(fake, from_bob(fake, "A2", &message));
	assert_non_null(strstr(fake->payload, "\"phone\":\"+" BOB_PN "\""));
	assert_string_equal(contact_id(fake), first);
}

static void what_we_send_later_names_the_same_contact(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = text_message("hello");
	char first[UUID_LEN];

	person_meet(fake, fake->bob);
	receive(fake, from_bob(fake, "A1", &message));
	snprintf(first, sizeof first, "%s", contact_id(fake));
	fake_accept(fake, "3EB0OUT", BOB_PN, "hi", clock_now_ms());
	facts_add_change(
		&fake->lane, &(struct message_change){ .wa_id = "3EB0OUT",
				     .status = MESSAGE_SENT,
				     .at_ms = clock_now_ms() });
	assert_int_equal(fake_turn_end(fake), 0);
	assert_string_equal(contact_id(fake), first);
}

/* ---- the backlog ---- */

static void receipts_of_the_backlog_travel_together(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *list = NULL;

	person_meet(fake, fake->bob);
	fake->lane.offline_done = false;
	for (int i = 0; i < 5; i++) {
		char id[16];
		Wa__Message message = text_message("x");

		snprintf(id, sizeof id, "B%d", i);
		receive(fake, from_bob(fake, id, &message));
	}
	assert_int_equal(fake->n_sent, 0);
	fake_timers(fake, 100);
	assert_no_answer_but(fake, "receipt", 1, 1);
	assert_string_equal(
		wa_node_str(fake_last(fake, "receipt"), "id"), "B0");
	list = wa_node_child(fake_last(fake, "receipt"), "list");
	assert_int_equal(wa_node_n_children(list), 4);
}

static void receipts_that_wait_die_with_the_connection(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = text_message("x");

	person_meet(fake, fake->bob);
	fake->lane.offline_done = false;
	receive(fake, from_bob(fake, "B1", &message));
	outbound_on_disconnect(&fake->lane);
	fake_timers(fake, 100);
	assert_int_equal(fake->n_sent, 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_text_is_stored_told_and_confirmed),
		TEST(a_background_client_says_inactive),
		TEST(a_redelivery_is_confirmed_again_and_told_once),
		TEST(a_number_learned_later_names_a_lid_chat),
		TEST(text_is_found_in_whatever_wraps_it),
		TEST(a_picture_is_told_with_the_row_of_its_file),
		TEST(a_picture_without_a_key_is_told_without_a_file),
		TEST(a_kind_newer_than_us_is_told_by_its_number),
		TEST(what_cannot_be_decrypted_is_asked_for_and_acked),
		TEST(every_other_stanza_gets_its_ack),
		TEST(a_plaintext_that_is_no_message_is_refused_for_good),
		TEST(a_copy_from_our_phone_is_a_row_without_an_event),
		TEST(somebody_elses_own_copy_is_a_forgery),
		TEST(keys_from_our_phone_are_kept_and_from_others_are_not),
		TEST(a_history_is_acknowledged_twice),
		TEST(a_group_message_brings_its_key_and_is_told),
		TEST(a_group_message_without_its_key_is_asked_for_with_ours),
		TEST(a_story_is_told_as_one),
		TEST(a_sender_keeps_one_contact_id_when_the_number_is_learned),
		TEST(what_we_send_later_names_the_same_contact),
		TEST(receipts_of_the_backlog_travel_together),
		TEST(receipts_that_wait_die_with_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
