/* Inbound messages: what becomes of them and how each is answered. */
#include "tests/unit/senderd/fake_lane.h"

#include <zlib.h>

#include "senderd/whatsapp/content.h"

#define GROUP "120363000000000001"

static struct wa_node *stanza_new(
	struct fake *fake, const char *id, const struct wa_jid *from)
{
	struct wa_node *stanza = wa_node_new(fake->arena, "message");

	wa_node_set(stanza, "id", id);
	wa_node_set_jid(stanza, "from", from);
	wa_node_set(stanza, "t", "1700000000");
	wa_node_set(stanza, "type", "text");
	return stanza;
}

/* Bob writes to us, as the server delivers it. */
static struct wa_node *from_bob(
	struct fake *fake, const char *id, const Wa__Message *message)
{
	struct wa_node *stanza = stanza_new(fake, id, &fake->bob->jid);
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0);

	wa_node_set_jid(stanza, "sender_pn", &pn);
	wa_node_set(stanza, "notify", "Bob");
	if (message != NULL)
		person_say(fake, fake->bob, message, stanza);
	return stanza;
}

/* Our own phone, to us alone or as the copy of what it sent. */
static struct wa_node *from_own_phone(
	struct fake *fake, const char *id, const Wa__Message *message)
{
	struct wa_node *stanza = stanza_new(fake, id, &fake->own_phone->jid);

	wa_node_set(stanza, "notify", "Us");
	if (message != NULL)
		person_say(fake, fake->own_phone, message, stanza);
	return stanza;
}

static void receive(struct fake *fake, const struct wa_node *stanza)
{
	inbound_on_message(&fake->lane, stanza);
	fake_run(fake);
}

static Wa__Message text_message(const char *text)
{
	Wa__Message message = WA__MESSAGE__INIT;

	message.conversation = (char *)text;
	return message;
}

struct row {
	char wa_id[64], chat[96], sender[96], phone[32], lid[32], text[128],
		reason[64], push_name[64];
	enum message_kind kind;
	enum message_source source;
	int64_t wa_ms;
	int n;
};

static void copy_text(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text != NULL ? text : "(null)");
}

static int on_row(const struct message *m, void *arg)
{
	struct row *row = arg;

	if (row->n++ > 0)
		return 0; /* newest first: only that */
	copy_text(row->wa_id, sizeof row->wa_id, m->wa_id);
	copy_text(row->chat, sizeof row->chat, m->chat);
	copy_text(row->sender, sizeof row->sender, m->sender);
	copy_text(row->phone, sizeof row->phone, m->phone);
	copy_text(row->lid, sizeof row->lid, m->lid);
	copy_text(row->text, sizeof row->text, m->text);
	copy_text(row->reason, sizeof row->reason, m->reason);
	copy_text(row->push_name, sizeof row->push_name, m->push_name);
	row->kind = m->kind;
	row->source = m->source;
	row->wa_ms = m->wa_ms;
	return 0;
}

/* The newest row; n tells how many there are. */
static struct row newest(struct fake *fake)
{
	struct message_filter filter = { .account_id = fake->lane.account_id };
	struct page page = { .limit = 100 };
	struct row row = { .n = 0 };
	struct err err = ERR_NONE;
	int64_t total = 0;

	assert_int_equal(store_message_list(fake->lane.store, &filter, page,
				 on_row, &row, &total, &err),
		0);
	assert_int_equal(row.n, total);
	return row;
}

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

static void what_is_no_text_is_told_by_its_name(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = WA__MESSAGE__INIT;
	Wa__ImageMessage image = WA__IMAGE_MESSAGE__INIT;
	struct row row;

	image.caption = (char *)"sunset";
	message.image_message = &image;
	person_meet(fake, fake->bob);
	receive(fake, from_bob(fake, "A1", &message));
	row = newest(fake);
	assert_int_equal(row.kind, MESSAGE_OTHER);
	assert_string_equal(row.reason, "unsupported:image");
	assert_string_equal(row.text, "sunset");
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
	assert_string_equal(newest(fake).reason, "unsupported:field_250");
}

static void broken_text_is_mended(void **state)
{
	struct fake *fake = *state;
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain", "plain" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "a\xff"
		  "b",
			"a\xef\xbf\xbd"
			"b" },
		{ "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
		{ "over \xc0\xaf", "over \xef\xbf\xbd\xef\xbf\xbd" },
		{ "surrogate \xed\xa0\x80",
			"surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "bell \a line\n", "bell  line\n" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(
			content_clean(fake->arena, cases[i].in), cases[i].out);
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
	assert_string_equal(newest(fake).reason, "unsupported:unavailable");
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

static Wa__Message protocol_message(
	Wa__ProtocolMessage *protocol, Wa__ProtocolMessage__Type type)
{
	Wa__Message message = WA__MESSAGE__INIT;

	protocol->has_type = 1;
	protocol->type = type;
	message.protocol_message = protocol;
	return message;
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

static void zip(const Wa__HistorySync *history, struct buf *out)
{
	struct buf plain = BUF_INIT;
	size_t n = wa__history_sync__get_packed_size(history);
	uLongf n_zipped = compressBound(n);

	wa__history_sync__pack(history, buf_reserve(&plain, n));
	assert_int_equal(
		compress(buf_reserve(out, n_zipped), &n_zipped, plain.data, n),
		Z_OK);
	out->len = n_zipped;
	buf_fini(&plain);
}

/* The phone sends @zipped inline. */
static void receive_history(
	struct fake *fake, const char *id, const struct buf *zipped)
{
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__HistorySyncNotification notification =
		WA__HISTORY_SYNC_NOTIFICATION__INIT;
	Wa__Message message = protocol_message(&protocol,
		WA__PROTOCOL_MESSAGE__TYPE__HISTORY_SYNC_NOTIFICATION);
	struct wa_node *stanza = NULL;

	notification.has_initial_hist_bootstrap_inline_payload = 1;
	notification.initial_hist_bootstrap_inline_payload =
		(ProtobufCBinaryData){ zipped->len, zipped->data };
	protocol.history_sync_notification = &notification;
	stanza = from_own_phone(fake, id, &message);
	wa_node_set(stanza, "category", "peer");
	receive(fake, stanza);
}

static void history_brings_numbers_names_and_the_salt(void **state)
{
	struct fake *fake = *state;
	Wa__HistorySync history = WA__HISTORY_SYNC__INIT;
	Wa__PhoneNumberToLIDMapping pair = WA__PHONE_NUMBER_TO_LIDMAPPING__INIT,
				    *pairs[] = { &pair };
	Wa__Pushname own = WA__PUSHNAME__INIT, *names[] = { &own };
	Wa__Conversation chat = WA__CONVERSATION__INIT, *chats[] = { &chat };
	struct buf zipped = BUF_INIT, value = BUF_INIT;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), bob = wa_jid_lid(BOB_LID, 0),
		      lid;
	struct err err = ERR_NONE;
	int64_t t = 0;

	pair.pn_jid = (char *)BOB_PN "@s.whatsapp.net";
	pair.lid_jid = (char *)BOB_LID "@lid";
	own.id = (char *)OWN_PN "@s.whatsapp.net";
	own.pushname = (char *)"Our Shop";
	chat.id = (char *)BOB_LID "@lid";
	chat.has_tc_token = chat.has_tc_token_timestamp = 1;
	chat.tc_token = (ProtobufCBinaryData){ 5, (uint8_t *)"token" };
	chat.tc_token_timestamp = 1700000000;
	history.n_phone_number_to_lid_mappings = 1;
	history.phone_number_to_lid_mappings = pairs;
	history.n_pushnames = 1;
	history.pushnames = names;
	history.n_conversations = 1;
	history.conversations = chats;
	history.has_nct_salt = 1;
	history.nct_salt = (ProtobufCBinaryData){ 4, (uint8_t *)"salt" };
	zip(&history, &zipped);
	person_meet(fake, fake->own_phone);
	receive_history(fake, "H1", &zipped);
	assert_int_equal(lanedb_lid_of(fake->lane.db, &pn, &lid, &err), 1);
	assert_string_equal(lid.user, BOB_LID);
	assert_string_equal(fake->push_name, "Our Shop");
	assert_int_equal(
		lanedb_value_load(fake->lane.db, "nct_salt", &value, &err), 1);
	assert_memory_equal(value.data, "salt", 4);
	buf_clear(&value);
	assert_int_equal(
		lanedb_token_load(fake->lane.db, &bob, &value, &t, &err), 1);
	assert_int_equal(t, 1700000000);
	buf_fini(&value);
	buf_fini(&zipped);
	assert_int_equal(fake->n_sent, 2);
	assert_string_equal(wa_node_str(fake->sent[0], "type"), "peer_msg");
	assert_string_equal(wa_node_str(fake->sent[1], "type"), "hist_sync");
}

static void a_broken_or_bloated_history_is_acknowledged_and_left(void **state)
{
	struct fake *fake = *state;
	Wa__HistorySync history = WA__HISTORY_SYNC__INIT;
	Wa__PhoneNumberToLIDMapping pair = WA__PHONE_NUMBER_TO_LIDMAPPING__INIT,
				    *pairs[] = { &pair };
	struct buf zeros = BUF_INIT, bomb = BUF_INIT, junk = BUF_INIT;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid;
	struct err err = ERR_NONE;

	/* 17 MiB, the pair in front. */
	memset(buf_reserve(&zeros, 17u << 20), 0, 17u << 20);
	pair.pn_jid = (char *)BOB_PN "@s.whatsapp.net";
	pair.lid_jid = (char *)BOB_LID "@lid";
	history.n_phone_number_to_lid_mappings = 1;
	history.phone_number_to_lid_mappings = pairs;
	history.has_nct_salt = 1;
	history.nct_salt = (ProtobufCBinaryData){ 17u << 20, zeros.data };
	zip(&history, &bomb);
	buf_add_str(&junk, "this is no zlib stream");
	person_meet(fake, fake->own_phone);
	receive_history(fake, "H1", &bomb);
	receive_history(fake, "H2", &junk);
	assert_int_equal(fake_count(fake, "receipt"), 4);
	assert_int_equal(lanedb_lid_of(fake->lane.db, &pn, &lid, &err), 0);
	buf_fini(&zeros);
	buf_fini(&bomb);
	buf_fini(&junk);
}

static void a_revoke_and_an_edit_are_told_by_name(void **state)
{
	struct fake *fake = *state;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__MessageKey key = WA__MESSAGE_KEY__INIT;
	Wa__Message message =
		protocol_message(&protocol, WA__PROTOCOL_MESSAGE__TYPE__REVOKE);
	Wa__Message edited = text_message("better");

	key.id = (char *)"A0";
	protocol.key = &key;
	person_meet(fake, fake->bob);
	receive(fake, from_bob(fake, "R1", &message));
	assert_string_equal(newest(fake).reason, "unsupported:revoke");
	protocol.type = WA__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT;
	protocol.edited_message = &edited;
	receive(fake, from_bob(fake, "R2", &message));
	assert_string_equal(newest(fake).reason, "unsupported:edit");
	assert_string_equal(newest(fake).text, "better");
}

/* ---- groups ---- */

static struct wa_node *group_stanza(struct fake *fake, const char *id)
{
	struct wa_jid group = { .server = WA_SERVER_GROUP };
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0);
	struct wa_node *stanza = NULL;

	snprintf(group.user, sizeof group.user, "%s", GROUP);
	stanza = stanza_new(fake, id, &group);
	wa_node_set_jid(stanza, "participant", &fake->bob->jid);
	wa_node_set_jid(stanza, "participant_pn", &pn);
	wa_node_set(stanza, "addressing_mode", "lid");
	return stanza;
}

/* Bob encrypts with his sender key; the distribution is created before. */
static void group_say(struct fake *fake, struct wa_node *stanza,
	const char *text, bool with_key)
{
	struct wa_jid group = { .server = WA_SERVER_GROUP };
	Wa__Message carrier = WA__MESSAGE__INIT, message = text_message(text);
	Wa__SenderKeyDistributionMessage distribution =
		WA__SENDER_KEY_DISTRIBUTION_MESSAGE__INIT;
	struct buf skdm = BUF_INIT, plain = BUF_INIT, cipher = BUF_INIT;
	struct err err = ERR_NONE;
	size_t n = wa__message__get_packed_size(&message);
	struct wa_node *enc = NULL;

	snprintf(group.user, sizeof group.user, "%s", GROUP);
	assert_int_equal(wa_signal_group_skdm(fake->bob->signal, &group,
				 &fake->bob->jid, &skdm, &err),
		0);
	if (with_key) {
		distribution.group_id = (char *)GROUP "@g.us";
		distribution.has_axolotl_sender_key_distribution_message = 1;
		distribution.axolotl_sender_key_distribution_message =
			(ProtobufCBinaryData){ skdm.len, skdm.data };
		carrier.sender_key_distribution_message = &distribution;
		person_say(fake, fake->bob, &carrier, stanza);
	}
	wa__message__pack(&message, buf_reserve(&plain, n));
	plain.len = n;
	wa_pad(&plain);
	assert_int_equal(
		wa_signal_group_encrypt(fake->bob->signal, &group,
			&fake->bob->jid, plain.data, plain.len, &cipher, &err),
		0);
	enc = wa_node_add(stanza, "enc");
	wa_node_set(enc, "v", "2");
	wa_node_set(enc, "type", "skmsg");
	wa_node_bytes(enc, cipher.data, cipher.len);
	buf_fini(&skdm);
	buf_fini(&plain);
	buf_fini(&cipher);
}

static void a_group_message_brings_its_key_and_is_told(void **state)
{
	struct fake *fake = *state;
	struct wa_node *stanza = NULL;
	struct row row;

	person_meet(fake, fake->bob);
	stanza = group_stanza(fake, "G1");
	group_say(fake, stanza, "to all", true);
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
	group_say(fake, stanza, "again", false);
	receive(fake, stanza);
	assert_string_equal(newest(fake).text, "again");
}

static void a_group_message_without_its_key_is_asked_for_with_ours(void **state)
{
	struct fake *fake = *state;
	struct wa_node *stanza = group_stanza(fake, "G1");
	const struct wa_node *receipt = NULL;

	person_meet(fake, fake->bob);
	group_say(fake, stanza, "to all", false);
	receive(fake, stanza);
	receipt = fake_last(fake, "receipt");
	assert_string_equal(wa_node_str(receipt, "type"), "retry");
	assert_string_equal(
		wa_node_str(receipt, "participant"), BOB_LID "@lid");
	assert_non_null(wa_node_child(receipt, "keys"));
	assert_int_equal(newest(fake).n, 0);
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
		TEST(what_is_no_text_is_told_by_its_name),
		TEST(a_kind_newer_than_us_is_told_by_its_number),
		TEST(broken_text_is_mended),
		TEST(what_cannot_be_decrypted_is_asked_for_and_acked),
		TEST(every_other_stanza_gets_its_ack),
		TEST(a_plaintext_that_is_no_message_is_refused_for_good),
		TEST(a_copy_from_our_phone_is_a_row_without_an_event),
		TEST(somebody_elses_own_copy_is_a_forgery),
		TEST(keys_from_our_phone_are_kept_and_from_others_are_not),
		TEST(history_brings_numbers_names_and_the_salt),
		TEST(a_broken_or_bloated_history_is_acknowledged_and_left),
		TEST(a_revoke_and_an_edit_are_told_by_name),
		TEST(a_group_message_brings_its_key_and_is_told),
		TEST(a_group_message_without_its_key_is_asked_for_with_ours),
		TEST(receipts_of_the_backlog_travel_together),
		TEST(receipts_that_wait_die_with_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
