/* What clients ask of a lane about people and chats, and what they are told. */
#include "tests/unit/senderd/app_cloud.h"

#include <jansson.h>

#include "common/store/chat.h"
#include "common/store/contact.h"
#include "senderd/whatsapp/calls.h"
#include "senderd/whatsapp/typing.h"
#include "senderd/whatsapp/watch.h"

#define BOB_JID BOB_PN "@s.whatsapp.net"
#define GROUP "120363001@g.us"

/* Not of this test, and tied to pairing. */
const struct call_method passkey_calls[] = {
	{ .name = NULL },
};

static void ask(struct fake *fake, const char *method, const char *params)
{
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;
	Bus__Question question = BUS__QUESTION__INIT;
	Bus__LaneCall call = BUS__LANE_CALL__INIT;

	envelope.body_case = BUS__ENVELOPE__BODY_QUESTION;
	envelope.question = &question;
	question.ask_case = BUS__QUESTION__ASK_LANE_CALL;
	question.lane_call = &call;
	call.method = (char *)method;
	call.params = (char *)params;
	fake->n_answers = 0;
	calls_on_question(&fake->lane, &envelope);
	fake_run(fake);
}

static void expect_ok(struct fake *fake, const char *result)
{
	assert_int_equal(fake->n_answers, 1);
	assert_int_equal(fake->answer_error, ERR_OK);
	assert_string_equal(fake->answer, result);
}

static void expect_error(struct fake *fake, enum err_code code)
{
	assert_int_equal(fake->n_answers, 1);
	assert_int_equal(fake->answer_error, code);
}

static const struct wa_node *asked(struct fake *fake, const char *xmlns)
{
	assert_non_null(fake_question(fake));
	assert_string_equal(
		wa_node_str(fake_question(fake)->iq, "xmlns"), xmlns);
	return fake_question(fake)->iq;
}

static struct wa_node *plain_answer(struct fake *fake)
{
	return wa_node_new(fake->arena, "iq");
}

static struct wa_node *error_answer(struct fake *fake, int code)
{
	struct wa_node *answer = plain_answer(fake);

	wa_node_set_int(wa_node_add(answer, "error"), "code", code);
	return answer;
}

static void know_bob(struct fake *fake)
{
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 0);
	struct err err = ERR_NONE;

	assert_int_equal(
		lanedb_mapping_learn(fake->lane.db, &pn, &lid, NULL, &err), 0);
}

/* ---- the door ---- */

static void what_is_not_understood_is_refused(void **state)
{
	static const struct {
		const char *method, *params;
	} cases[] = {
		{ "chats.fly", "{}" },
		{ "chats.read", "[]" },
		{ "chats.read", "not json" },
		{ "chats.read", "{\"jid\":\"1\",\"jid\":\"2\"}" },
		{ "chats.read", "{}" },
		{ "chats.read", "{\"jid\":17}" },
		{ "chats.read", "{\"jid\":\"+15550002222\","
				"\"messageIds\":\"A\"}" },
		{ "chats.update", "{\"jid\":\"+15550002222\"}" },
		{ "chats.update", "{\"jid\":\"+15550002222\","
				  "\"archived\":1}" },
		{ "chats.update", "{\"jid\":\"+15550002222\","
				  "\"mutedUntil\":\"soon\"}" },
		{ "chats.typing", "{\"jid\":\"+15550002222\","
				  "\"state\":\"singing\"}" },
		{ "chats.typing", "{\"state\":\"paused\"}" },
		{ "presence.set", "{\"state\":\"away\"}" },
		{ "presence.subscribe", "{\"id\":\"120363001@g.us\"}" },
		{ "contacts.get", "{\"id\":\"120363001@g.us\"}" },
		{ "contacts.block", "{\"id\":\"+15550002222\"}" },
		{ "contacts.picture", "{}" },
		{ "privacy.set", "{\"last\":\"everybody\"}" },
		{ "privacy.set", "{\"shoes\":\"all\"}" },
		{ "privacy.set", "{\"last\":\"\"}" },
		{ "privacy.set", "{\"last\":7}" },
		{ "profile.set", "{\"name\":\"\"}" },
		{ "profile.set", "{\"name\":\"12345678901234567890123456\"}" },
		{ "profile.set", "{\"about\":7}" },
		{ "profile.set", "{\"pictureJpeg\":\"====\"}" },
		{ "profile.set", "{\"pictureJpeg\":\"aGVsbG8=\"}" },
		{ "groups.picture", "{\"jid\":\"+15550002222\"}" },
		{ "history.request", "{\"chat\":\"+15550002222\","
				     "\"count\":0}" },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ask(fake, cases[i].method, cases[i].params);
		expect_error(fake, ERR_INVALID);
		assert_null(fake_question(fake));
		assert_int_equal(fake->n_sent, 0);
	}
}

static void a_lane_that_is_not_connected_is_busy(void **state)
{
	struct fake *fake = *state;

	fake->lane.state = LANE_BACKOFF;
	ask(fake, "privacy.get", "{}");
	expect_error(fake, ERR_BUSY);
	fake->lane.state = LANE_READY;
}

static void a_refusal_of_the_server_is_told_in_our_words(void **state)
{
	static const struct {
		int code;
		enum err_code err;
	} cases[] = {
		{ 401, ERR_FORBIDDEN },
		{ 403, ERR_FORBIDDEN },
		{ 404, ERR_NOT_FOUND },
		{ 406, ERR_INVALID },
		{ 409, ERR_CONFLICT },
		{ 429, ERR_LIMIT },
		{ 500, ERR_INTERNAL },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ask(fake, "contacts.picture", "{\"id\":\"+15550002222\"}");
		fake_answer(fake, error_answer(fake, cases[i].code));
		expect_error(fake, cases[i].err);
	}
	ask(fake, "contacts.blocklist", "{}");
	fake_answer(fake, NULL);
	expect_error(fake, ERR_TIMEOUT);
}

/* ---- people ---- */

static void a_contact_is_shown_with_what_everybody_knows(void **state)
{
	struct fake *fake = *state;
	struct wa_node *answer = plain_answer(fake);
	struct wa_node *user = NULL;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 0);
	json_t *json = NULL;

	facts_add_contact(&fake->lane,
		&(struct contact_news){
			.phone = BOB_PN, .name = "Bob", .push_name = "Bobby" });
	ask(fake, "contacts.get", "{\"id\":\"+15550002222\"}");
	asked(fake, "usync");
	user = wa_node_add(
		wa_node_add(wa_node_add(answer, "usync"), "list"), "user");
	wa_node_set_jid(user, "jid", &pn);
	wa_node_set_jid(wa_node_add(user, "lid"), "val", &lid);
	wa_node_text(wa_node_add(user, "status"), "at \x01 work");
	wa_node_set(wa_node_add(user, "picture"), "id", "1234");
	wa_node_add(wa_node_add(user, "business"), "verified_name");
	fake_answer(fake, answer);
	assert_int_equal(fake->answer_error, ERR_OK);
	json = json_loads(fake->answer, 0, NULL);
	assert_string_equal(
		json_string_value(json_object_get(json, "id")), BOB_JID);
	assert_string_equal(
		json_string_value(json_object_get(json, "phone")), "+" BOB_PN);
	assert_string_equal(json_string_value(json_object_get(json, "lid")),
		BOB_LID "@lid");
	assert_string_equal(
		json_string_value(json_object_get(json, "name")), "Bob");
	assert_string_equal(
		json_string_value(json_object_get(json, "pushName")), "Bobby");
	assert_string_equal(
		json_string_value(json_object_get(json, "about")), "at  work");
	assert_string_equal(
		json_string_value(json_object_get(json, "pictureId")), "1234");
	assert_true(json_is_true(json_object_get(json, "business")));
	json_decref(json);
}

static void a_number_without_an_account_is_not_found(void **state)
{
	struct fake *fake = *state;
	struct wa_node *answer = plain_answer(fake);
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0);

	ask(fake, "contacts.get", "{\"id\":\"15550002222\"}");
	wa_node_set_jid(
		wa_node_add(wa_node_add(wa_node_add(answer, "usync"), "list"),
			"user"),
		"jid", &pn);
	fake_answer(fake, answer);
	expect_error(fake, ERR_NOT_FOUND);
}

static void a_picture_is_shown_by_its_url(void **state)
{
	struct fake *fake = *state;
	struct wa_node *answer = plain_answer(fake);
	struct wa_node *picture = wa_node_add(answer, "picture");
	const struct wa_node *iq = NULL;

	ask(fake, "contacts.picture",
		"{\"id\":\"+15550002222\",\"preview\":true}");
	iq = asked(fake, "w:profile:picture");
	assert_string_equal(wa_node_str(iq, "target"), BOB_JID);
	assert_string_equal(
		wa_node_str(wa_node_child(iq, "picture"), "type"), "preview");
	wa_node_set(picture, "url", "https://pps.example/1.jpg?x=1");
	wa_node_set(picture, "id", "77");
	wa_node_set(picture, "type", "preview");
	fake_answer(fake, answer);
	expect_ok(fake, "{\"url\":\"https://pps.example/1.jpg?x=1\","
			"\"id\":\"77\",\"type\":\"preview\"}");
	ask(fake, "contacts.picture", "{\"id\":\"+15550002222\"}");
	answer = plain_answer(fake);
	wa_node_set(wa_node_add(answer, "picture"), "status", "204");
	fake_answer(fake, answer);
	expect_error(fake, ERR_NOT_FOUND);
}

static void a_token_goes_with_a_picture_but_not_with_our_own(void **state)
{
	struct fake *fake = *state;
	struct wa_jid lid = wa_jid_lid(BOB_LID, 0);
	struct wa_jid own = wa_jid_lid(OWN_LID, 0);
	struct err err = ERR_NONE;
	int64_t t = clock_now_ms() / 1000;

	know_bob(fake);
	lanedb_token_save(
		fake->lane.db, &lid, (const uint8_t *)"tok", 3, t, &err);
	lanedb_token_save(
		fake->lane.db, &own, (const uint8_t *)"own", 3, t, &err);
	ask(fake, "contacts.picture", "{\"id\":\"+15550002222\"}");
	assert_non_null(
		wa_node_path(fake_question(fake)->iq, "picture", "tctoken"));
	fake_answer(fake, NULL);
	ask(fake, "contacts.picture", "{\"id\":\"+15550001111\"}");
	assert_null(
		wa_node_path(fake_question(fake)->iq, "picture", "tctoken"));
	fake_answer(fake, NULL);
}

static void blocking_goes_by_lid_with_the_number(void **state)
{
	struct fake *fake = *state;
	struct wa_node *answer = plain_answer(fake);
	struct wa_node *list = wa_node_add(answer, "list");
	const struct wa_node *item = NULL;
	struct wa_jid lid = wa_jid_lid(BOB_LID, 0);
	struct wa_jid strange = wa_jid_lid("4242", 0);

	ask(fake, "contacts.block",
		"{\"id\":\"+15550002222\",\"blocked\":true}");
	asked(fake, "usync"); /* the LID is not known yet */
	fake_answer_devices(fake);
	item = wa_node_child(asked(fake, "blocklist"), "item");
	assert_string_equal(wa_node_str(item, "action"), "block");
	assert_string_equal(wa_node_str(item, "jid"), BOB_LID "@lid");
	assert_string_equal(wa_node_str(item, "pn_jid"), BOB_JID);
	wa_node_set_jid(wa_node_add(list, "item"), "jid", &lid);
	wa_node_set_jid(wa_node_add(list, "item"), "jid", &strange);
	fake_answer(fake, answer);
	expect_ok(fake, "{\"blocked\":[{\"id\":\"" BOB_JID
			"\",\"phone\":\"+" BOB_PN "\",\"lid\":\"" BOB_LID
			"@lid\"},{\"id\":\"4242@lid\",\"lid\":\"4242@lid\"}]}");
	ask(fake, "contacts.block",
		"{\"id\":\"+15550002222\",\"blocked\":false}");
	item = wa_node_child(asked(fake, "blocklist"), "item");
	assert_string_equal(wa_node_str(item, "action"), "unblock");
	assert_null(wa_node_get(item, "pn_jid"));
	fake_answer(fake, plain_answer(fake));
	expect_ok(fake, "{\"blocked\":[]}");
}

/* ---- privacy and profile ---- */

static struct wa_node *privacy_answer(
	struct fake *fake, const char *name, const char *value)
{
	struct wa_node *answer = plain_answer(fake);
	struct wa_node *category =
		wa_node_add(wa_node_add(answer, "privacy"), "category");

	wa_node_set(category, "name", name);
	wa_node_set(category, "value", value);
	return answer;
}

static void settings_are_changed_one_after_the_other(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *category = NULL;

	ask(fake, "privacy.set", "{\"last\":\"none\",\"online\":\"all\"}");
	category = wa_node_path(asked(fake, "privacy"), "privacy", "category");
	assert_string_equal(wa_node_str(category, "name"), "last");
	assert_string_equal(wa_node_str(category, "value"), "none");
	fake_answer(fake, plain_answer(fake));
	category = wa_node_path(asked(fake, "privacy"), "privacy", "category");
	assert_string_equal(wa_node_str(category, "name"), "online");
	fake_answer(fake, plain_answer(fake));
	assert_string_equal(wa_node_str(asked(fake, "privacy"), "type"), "get");
	fake_answer(fake, privacy_answer(fake, "last", "none"));
	expect_ok(fake, "{\"last\":\"none\"}");
	/* A refusal ends it. */
	ask(fake, "privacy.set", "{\"last\":\"none\",\"online\":\"all\"}");
	fake_answer(fake, error_answer(fake, 403));
	expect_error(fake, ERR_FORBIDDEN);
	assert_null(fake_question(fake));
}

static void a_profile_is_picture_then_about_then_name(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new("critical_block");
	struct wa_node *answer = plain_answer(fake);
	struct wa_node *collection = NULL;
	const struct wa_node *iq = NULL;
	size_t n = 0;

	app_state_on_ready(&fake->lane);
	cloud_share_key(fake, cloud);
	answer_all(fake, cloud);
	ask(fake, "profile.set",
		"{\"name\":\"Café\",\"about\":\"open\","
		"\"pictureJpeg\":\"/9j/4AAQ\"}");
	iq = asked(fake, "w:profile:picture");
	assert_null(wa_node_get(iq, "target"));
	assert_memory_equal(wa_node_content(wa_node_child(iq, "picture"), &n),
		"\xff\xd8\xff\xe0\x00\x10", 6);
	assert_int_equal(n, 6);
	wa_node_set(wa_node_add(answer, "picture"), "id", "99");
	fake_answer(fake, answer);
	iq = asked(fake, "status");
	assert_memory_equal(
		wa_node_content(wa_node_child(iq, "status"), &n), "open", 4);
	fake_answer(fake, plain_answer(fake));
	assert_non_null(wa_node_child(asked_collection(fake), "patch"));
	assert_string_equal(
		wa_node_str(asked_collection(fake), "name"), "critical_block");
	answer = answer_new(fake, "critical_block", &collection);
	fake_answer(fake, answer);
	answer_all(fake, cloud);
	expect_ok(fake, "{\"pictureId\":\"99\"}");
}

static void a_groups_picture_names_the_group(void **state)
{
	struct fake *fake = *state;
	struct wa_node *answer = plain_answer(fake);

	ask(fake, "groups.picture",
		"{\"jid\":\"" GROUP "\",\"pictureJpeg\":\"/9j/4AAQ\"}");
	assert_string_equal(
		wa_node_str(asked(fake, "w:profile:picture"), "target"), GROUP);
	wa_node_set(wa_node_add(answer, "picture"), "id", "5");
	fake_answer(fake, answer);
	expect_ok(fake, "{\"id\":\"5\"}");
}

/* ---- reading ---- */

static void came(struct fake *fake, const char *wa_id, const char *chat,
	const char *sender, enum message_kind kind)
{
	facts_add_inbound(
		&fake->lane, &(struct message){ .direction = MESSAGE_IN,
				     .status = MESSAGE_RECEIVED,
				     .kind = kind,
				     .source = MESSAGE_BY_API,
				     .wa_id = wa_id,
				     .chat = chat,
				     .sender = sender,
				     .created_ms = clock_now_ms(),
				     .wa_ms = clock_now_ms() });
	assert_int_equal(fake_turn_end(fake), 0);
}

static void read_receipts_known(struct fake *fake, const char *value)
{
	fake_answer(fake, privacy_answer(fake, "readreceipts", value));
}

static void reading_a_chat_marks_what_was_not_marked(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *receipt = NULL;
	const struct wa_node *list = NULL;

	know_bob(fake);
	came(fake, "A1", BOB_JID, BOB_JID, MESSAGE_TEXT);
	came(fake, "A2", BOB_JID, BOB_JID, MESSAGE_TEXT);
	came(fake, "V1", BOB_JID, BOB_JID, MESSAGE_VOICE);
	came(fake, "B1", GROUP, BOB_JID, MESSAGE_TEXT);
	fake_forget_sent(fake);
	ask(fake, "chats.read", "{\"jid\":\"+15550002222\"}");
	read_receipts_known(fake, "all");
	expect_ok(fake, "{\"read\":3}");
	assert_int_equal(fake->n_sent, 2);
	receipt = fake->sent[0];
	assert_string_equal(wa_node_str(receipt, "type"), "read");
	assert_string_equal(wa_node_str(receipt, "to"), BOB_LID "@lid");
	assert_string_equal(wa_node_str(receipt, "id"), "A1");
	assert_null(wa_node_get(receipt, "participant"));
	list = wa_node_child(receipt, "list");
	assert_int_equal(wa_node_n_children(list), 1);
	assert_string_equal(wa_node_str(list->child, "id"), "A2");
	assert_string_equal(wa_node_str(fake->sent[1], "type"), "played");
	assert_string_equal(wa_node_str(fake->sent[1], "id"), "V1");
	/* Once; the setting is remembered, but not for ever. */
	fake_forget_sent(fake);
	ask(fake, "chats.read", "{\"jid\":\"+15550002222\"}");
	expect_ok(fake, "{\"read\":0}");
	assert_int_equal(fake->n_sent, 0);
	clock_shift_ms(3600 * 1000);
	ask(fake, "chats.read", "{\"jid\":\"+15550002222\"}");
	asked(fake, "privacy");
	clock_shift_ms(0);
	fake_answer(fake, NULL);
}

static void a_private_account_marks_for_itself_alone(void **state)
{
	struct fake *fake = *state;

	came(fake, "A1", BOB_JID, BOB_JID, MESSAGE_TEXT);
	came(fake, "V1", BOB_JID, BOB_JID, MESSAGE_VOICE);
	fake_forget_sent(fake);
	ask(fake, "chats.read", "{\"jid\":\"+15550002222\"}");
	read_receipts_known(fake, "none");
	assert_int_equal(fake->n_sent, 2);
	assert_string_equal(wa_node_str(fake->sent[0], "type"), "read-self");
	assert_string_equal(wa_node_str(fake->sent[1], "type"), "played-self");
}

static void a_groups_messages_are_marked_author_by_author(void **state)
{
	struct fake *fake = *state;
	char id[16];
	size_t n_ids = 0;

	for (int i = 0; i < 300; i++) {
		snprintf(id, sizeof id, "G%d", i);
		came(fake, id, GROUP, i % 2 ? "11@lid" : "22@lid",
			MESSAGE_TEXT);
	}
	for (int i = 300; i < 600; i++) {
		snprintf(id, sizeof id, "G%d", i);
		came(fake, id, GROUP, "33@lid", MESSAGE_TEXT);
	}
	fake_forget_sent(fake);
	ask(fake, "chats.read", "{\"jid\":\"" GROUP "\"}");
	read_receipts_known(fake, "all");
	expect_ok(fake, "{\"read\":600}");
	assert_int_equal(fake->n_sent, 4); /* 150, 150, 256 and 44 */
	for (size_t i = 0; i < fake->n_sent; i++) {
		const struct wa_node *list =
			wa_node_child(fake->sent[i], "list");
		size_t n = 1 + wa_node_n_children(list);

		assert_string_equal(wa_node_str(fake->sent[i], "to"), GROUP);
		assert_non_null(wa_node_get(fake->sent[i], "participant"));
		assert_true(n <= 256);
		n_ids += n;
	}
	assert_int_equal(n_ids, 600);
}

static int on_public_id(const struct message *message, void *arg)
{
	snprintf(arg, UUID_LEN, "%s", message->public_id);
	return 0;
}

static void messages_are_named_by_either_id(void **state)
{
	struct fake *fake = *state;
	struct err err = ERR_NONE;
	char uuid[UUID_LEN], params[256];

	came(fake, "A1", BOB_JID, BOB_JID, MESSAGE_TEXT);
	came(fake, "A2", BOB_JID, BOB_JID, MESSAGE_TEXT);
	came(fake, "B1", GROUP, BOB_JID, MESSAGE_TEXT);
	assert_int_equal(
		store_chat_message(fake->lane.store, fake->lane.device_id,
			BOB_JID, "A1", on_public_id, uuid, &err),
		0);
	fake_forget_sent(fake);
	snprintf(params, sizeof params,
		"{\"jid\":\"+15550002222\",\"messageIds\":[\"%s\",\"A2\","
		"\"B1\",\"nothing\",\"00000000-0000-7000-8000-000000000009\","
		"7]}",
		uuid);
	ask(fake, "chats.read", params);
	read_receipts_known(fake, "all");
	expect_ok(fake, "{\"read\":2}");
	assert_int_equal(fake->n_sent, 1);
}

/* ---- how chats are listed ---- */

static void an_update_goes_to_its_collections(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new("none");
	struct wa_node *collection = NULL;
	struct wa_node *answer = NULL;
	static const char *const names[] = { "regular_low", "regular_high" };
	static const size_t n_mutations[] = { 3, 1 };

	app_state_on_ready(&fake->lane);
	cloud_share_key(fake, cloud);
	answer_all(fake, cloud);
	ask(fake, "chats.update",
		"{\"jid\":\"" GROUP "\",\"archived\":true,\"read\":true,"
		"\"mutedUntil\":\"2030-01-01T00:00:00Z\"}");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct wa_node *node = asked_collection(fake);
		Wa__SyncdPatch *patch = NULL;
		size_t n = 0;
		const uint8_t *bytes = NULL;

		assert_non_null(node);
		assert_string_equal(wa_node_str(node, "name"), names[i]);
		bytes = wa_node_content(wa_node_child(node, "patch"), &n);
		patch = wa__syncd_patch__unpack(NULL, n, bytes);
		assert_non_null(patch);
		/* What is archived is unpinned as well. */
		assert_int_equal(patch->n_mutations, n_mutations[i]);
		wa__syncd_patch__free_unpacked(patch, NULL);
		assert_int_equal(fake->n_answers, 0);
		answer = answer_new(fake, names[i], &collection);
		fake_answer(fake, answer);
		/* It is fetched, and is not there: this is another's test. */
		answer_once(fake, cloud);
	}
	expect_ok(fake, "{}");
}

static void an_update_before_the_phone_shared_keys_waits(void **state)
{
	struct fake *fake = *state;

	ask(fake, "chats.update", "{\"jid\":\"" GROUP "\",\"pinned\":true}");
	assert_int_equal(fake->n_answers, 0);
	app_state_on_disconnect(&fake->lane);
	expect_error(fake, ERR_TIMEOUT);
}

/* ---- typing ---- */

static const char *typing_of(const struct wa_node *stanza)
{
	assert_string_equal(stanza->tag, "chatstate");
	return stanza->child->tag;
}

static void typing_is_shown_until_it_is_over(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	ask(fake, "chats.typing",
		"{\"jid\":\"+15550002222\",\"state\":\"recording\"}");
	expect_ok(fake, "{}");
	assert_int_equal(fake->n_sent, 1);
	assert_string_equal(wa_node_str(fake->sent[0], "to"), BOB_LID "@lid");
	assert_string_equal(typing_of(fake->sent[0]), "composing");
	assert_string_equal(
		wa_node_str(fake->sent[0]->child, "media"), "audio");
	assert_true(fake->timer_ms[fake->n_timers - 1] <= 10000);
	ask(fake, "chats.typing",
		"{\"jid\":\"" BOB_LID "@lid\",\"state\":\"paused\"}");
	assert_string_equal(typing_of(fake->sent[1]), "paused");
	/* Nothing repeats any more. */
	for (size_t i = 0; i < fake->n_timers; i++)
		assert_true(
			fake->timer_ms[i] < 9000 || fake->timer_ms[i] > 25000);
}

static void a_message_ends_typing(void **state)
{
	struct fake *fake = *state;
	struct wa_jid bob = wa_jid_pn(BOB_PN, 0);

	ask(fake, "chats.typing",
		"{\"jid\":\"+15550002222\",\"state\":\"composing\"}");
	typing_on_sent(&fake->lane, &bob);
	assert_int_equal(fake->n_sent, 1); /* without a word */
	typing_on_sent(&fake->lane, &bob);
}

static void typing_in_too_many_chats_is_shown_once(void **state)
{
	struct fake *fake = *state;
	char params[96];

	for (int i = 0; i < 100; i++) {
		snprintf(params, sizeof params,
			"{\"jid\":\"%d@lid\",\"state\":\"composing\"}", i);
		ask(fake, "chats.typing", params);
		expect_ok(fake, "{}");
	}
	assert_int_equal(fake->n_sent, 100);
	typing_on_disconnect(&fake->lane);
}

/* ---- presence ---- */

static void presence_needs_a_name(void **state)
{
	struct fake *fake = *state;

	ask(fake, "presence.set", "{\"state\":\"available\"}");
	expect_error(fake, ERR_CONFLICT);
	snprintf(fake->lane.id.push_name, sizeof fake->lane.id.push_name,
		"Shop");
	ask(fake, "presence.set", "{\"state\":\"unavailable\"}");
	expect_ok(fake, "{}");
	assert_string_equal(fake->presence, "unavailable");
}

static void bob_is(struct fake *fake, const char *type, int64_t last)
{
	struct wa_node *presence = wa_node_new(fake->arena, "presence");
	struct wa_jid from = wa_jid_lid(BOB_LID, 0);

	wa_node_set_jid(presence, "from", &from);
	wa_node_set(presence, "type", type);
	if (last != 0)
		wa_node_set_int(presence, "last", last);
	watch_on_presence(&fake->lane, presence);
	assert_int_equal(fake_turn_end(fake), 0);
}

static void bob_writes(struct fake *fake, const char *tag, const char *group)
{
	struct wa_node *chatstate = wa_node_new(fake->arena, "chatstate");
	struct wa_jid from = wa_jid_lid(BOB_LID, 0);

	if (group != NULL) {
		wa_node_set_jid(chatstate, "participant", &from);
		assert_int_equal(wa_jid_parse(group, strlen(group), &from), 0);
	}
	wa_node_set_jid(chatstate, "from", &from);
	wa_node_add(chatstate, tag);
	watch_on_chatstate(&fake->lane, chatstate);
	assert_int_equal(fake_turn_end(fake), 0);
}

static void somebody_watched_is_told_of_at_once(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	ask(fake, "presence.subscribe", "{\"id\":\"+15550002222\"}");
	assert_int_equal(fake->n_sent, 1);
	assert_string_equal(fake->sent[0]->tag, "presence");
	assert_string_equal(wa_node_str(fake->sent[0], "type"), "subscribe");
	assert_string_equal(wa_node_str(fake->sent[0], "to"), BOB_LID "@lid");
	assert_int_equal(fake->n_answers, 0); /* until there is a word */
	bob_is(fake, "unavailable", 1700000000);
	expect_ok(fake, "{\"state\":\"unavailable\",\"lastSeen\":"
			"\"2023-11-14T22:13:20.000Z\"}");
	assert_int_equal(fake->n_events, 1);
	assert_string_equal(fake->events[0], "presence.updated");
	assert_non_null(strstr(fake->payload, "\"from\":\"+" BOB_PN "\""));
	assert_non_null(strstr(fake->payload, "\"state\":\"unavailable\""));
	/* Known now. */
	ask(fake, "presence.subscribe", "{\"id\":\"" BOB_LID "@lid\"}");
	assert_int_equal(fake->n_answers, 1);
}

static void a_number_is_watched_by_its_lid(void **state)
{
	struct fake *fake = *state;

	ask(fake, "presence.subscribe", "{\"id\":\"+15550002222\"}");
	asked(fake, "usync"); /* the LID is not known yet */
	assert_int_equal(fake->n_sent, 0);
	fake_answer_devices(fake);
	assert_string_equal(wa_node_str(fake->sent[0], "to"), BOB_LID "@lid");
	bob_writes(fake, "composing", NULL);
	assert_int_equal(fake->n_events, 1);
	ask(fake, "presence.subscribe", "{\"id\":\"+15550002229\"}");
	fake_answer_devices(fake);
	expect_error(fake, ERR_NOT_FOUND);
}

static void who_says_nothing_is_unknown(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	ask(fake, "presence.subscribe", "{\"id\":\"+15550002222\"}");
	assert_int_equal(fake->n_answers, 0);
	watch_on_disconnect(&fake->lane);
	assert_int_equal(fake_turn_end(fake), 0);
	expect_ok(fake, "{\"state\":\"unknown\"}");
	/* The next connection watches again. */
	fake_forget_sent(fake);
	watch_on_ready(&fake->lane);
	assert_int_equal(fake->n_sent, 1);
}

static void nobody_else_is_told_of(void **state)
{
	struct fake *fake = *state;

	bob_is(fake, NULL, 0);
	bob_writes(fake, "composing", NULL);
	bob_writes(fake, "composing", GROUP);
	assert_int_equal(fake->n_events, 0);
}

static void events_of_one_person_keep_a_distance(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	ask(fake, "presence.subscribe", "{\"id\":\"+15550002222\"}");
	fake->n_events = 0;
	for (int i = 0; i < 50; i++)
		bob_is(fake, i % 2 ? "unavailable" : NULL, 0);
	assert_int_equal(fake->n_events, 1);
	for (int i = 0; i < 50; i++) {
		bob_writes(fake, i % 2 ? "paused" : "composing", NULL);
		bob_writes(fake, "something_new", NULL);
	}
	assert_int_equal(fake->n_events, 2);
	assert_string_equal(fake->events[1], "chat.typing");
	assert_non_null(strstr(fake->payload, "\"state\":\"composing\""));
	/* The latest is told when its time has come. */
	assert_true(fake->timer_ms[fake->n_timers - 1] <= 1000);
}

static void typing_in_a_group_names_the_group(void **state)
{
	struct fake *fake = *state;

	know_bob(fake);
	ask(fake, "presence.subscribe", "{\"id\":\"+15550002222\"}");
	bob_writes(fake, "composing", GROUP);
	assert_int_equal(fake->n_events, 1);
	assert_non_null(strstr(fake->payload, "\"chat\":\"" GROUP "\""));
	/* The same word again is no news. */
	bob_writes(fake, "composing", GROUP);
	assert_int_equal(fake->n_events, 1);
}

static void of_too_many_the_oldest_is_given_up(void **state)
{
	struct fake *fake = *state;
	char params[64];

	ask(fake, "presence.subscribe", "{\"id\":\"" BOB_LID "@lid\"}");
	bob_is(fake, NULL, 0);
	for (int i = 0; i < WATCH_MAX; i++) {
		snprintf(params, sizeof params, "{\"id\":\"%d@lid\"}", i);
		ask(fake, "presence.subscribe", params);
	}
	fake->n_events = 0;
	bob_is(fake, "unavailable", 0);
	assert_int_equal(fake->n_events, 0);
	watch_on_disconnect(&fake->lane);
}

/* ---- history ---- */

static void earlier_messages_are_asked_of_the_phone(void **state)
{
	struct fake *fake = *state;
	const Wa__HistorySyncOnDemandRequest *request = NULL;
	Wa__Message *message = NULL;

	person_meet(fake, fake->own_phone);
	ask(fake, "history.request", "{\"chat\":\"+15550002222\"}");
	expect_error(fake, ERR_NOT_FOUND);
	came(fake, "A1", BOB_JID, BOB_JID, MESSAGE_TEXT);
	facts_add_chat(&fake->lane,
		&(struct chat){ .jid = BOB_JID,
			.oldest_ms = 1600000000000,
			.oldest_wa_id = "A0",
			.oldest_from_me = true },
		CHAT_OLDEST);
	assert_int_equal(fake_turn_end(fake), 0);
	ask(fake, "history.request",
		"{\"chat\":\"+15550002222\",\"count\":20}");
	assert_int_equal(fake->answer_error, ERR_OK);
	fake_answer_all(fake); /* the phone's keys */
	message = person_hear(fake, fake->own_phone,
		wa_node_child(fake_last(fake, "message"), "enc"));
	assert_non_null(message);
	request = message->protocol_message->peer_data_operation_request_message
			  ->history_sync_on_demand_request;
	assert_string_equal(request->chat_jid, BOB_JID);
	assert_string_equal(request->oldest_msg_id, "A0");
	assert_true(request->oldest_msg_from_me);
	assert_int_equal(request->on_demand_msg_count, 20);
	assert_int_equal(request->oldest_msg_timestamp_ms, 1600000000000);
	wa__message__free_unpacked(message, NULL);
}

#define CALL_TEST(test) \
	cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALL_TEST(what_is_not_understood_is_refused),
		CALL_TEST(a_lane_that_is_not_connected_is_busy),
		CALL_TEST(a_refusal_of_the_server_is_told_in_our_words),
		CALL_TEST(a_contact_is_shown_with_what_everybody_knows),
		CALL_TEST(a_number_without_an_account_is_not_found),
		CALL_TEST(a_picture_is_shown_by_its_url),
		CALL_TEST(a_token_goes_with_a_picture_but_not_with_our_own),
		CALL_TEST(blocking_goes_by_lid_with_the_number),
		CALL_TEST(settings_are_changed_one_after_the_other),
		CALL_TEST(a_profile_is_picture_then_about_then_name),
		CALL_TEST(a_groups_picture_names_the_group),
		CALL_TEST(reading_a_chat_marks_what_was_not_marked),
		CALL_TEST(a_private_account_marks_for_itself_alone),
		CALL_TEST(a_groups_messages_are_marked_author_by_author),
		CALL_TEST(messages_are_named_by_either_id),
		CALL_TEST(an_update_goes_to_its_collections),
		CALL_TEST(an_update_before_the_phone_shared_keys_waits),
		CALL_TEST(typing_is_shown_until_it_is_over),
		CALL_TEST(a_message_ends_typing),
		CALL_TEST(typing_in_too_many_chats_is_shown_once),
		CALL_TEST(presence_needs_a_name),
		CALL_TEST(somebody_watched_is_told_of_at_once),
		CALL_TEST(a_number_is_watched_by_its_lid),
		CALL_TEST(who_says_nothing_is_unknown),
		CALL_TEST(nobody_else_is_told_of),
		CALL_TEST(events_of_one_person_keep_a_distance),
		CALL_TEST(typing_in_a_group_names_the_group),
		CALL_TEST(of_too_many_the_oldest_is_given_up),
		CALL_TEST(earlier_messages_are_asked_of_the_phone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
