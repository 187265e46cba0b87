/* The status feed: whom a post is for, and what the server is told of them. */
#include "tests/unit/senderd/fake_group.h"

#include "common/store/contact.h"
#include "senderd/whatsapp/groupcast.h"
#include "senderd/whatsapp/status.h"

#define STATUS "status@broadcast"

static struct wa_jid own_lid(void)
{
	return wa_jid_lid(OWN_LID, 0);
}

/* ---- the server's side ---- */

static struct wa_node *privacy_node(struct fake *fake, const char *type,
	const char *const *phones, size_t n)
{
	struct wa_node *privacy = wa_node_new(fake->arena, "privacy");
	struct wa_node *list = wa_node_add(privacy, "list");

	wa_node_set(list, "type", type);
	for (size_t i = 0; i < n; i++) {
		struct wa_jid pn = wa_jid_pn(phones[i], 0);

		wa_node_set_jid(wa_node_add(list, "user"), "jid", &pn);
	}
	return privacy;
}

/* Answers everything until nothing is asked any more; @privacy NULL: there is
 * no list. */
static void run_until_sent(struct fake *fake, const struct wa_node *privacy)
{
	struct fake_question *question = NULL;

	fake_run(fake);
	while ((question = fake_question(fake)) != NULL) {
		if (wa_node_is(question->iq, "xmlns", "usync"))
			fake_answer_devices(fake);
		else if (wa_node_is(question->iq, "xmlns", "encrypt"))
			fake_answer_keys(fake);
		else if (privacy == NULL)
			fake_answer(fake, iq_error(fake, 404));
		else
			fake_answer(fake, iq_of(fake, wa_node_copy(fake->arena,
							      privacy)));
	}
}

static void contact_add(struct fake *fake, const char *phone, const char *name)
{
	const struct contact_news news = { .account_id = fake->lane.account_id,
		.phone = phone,
		.name = name };
	char public_id[UUID_LEN];
	struct err err = ERR_NONE;
	int64_t id = 0;
	struct tx *tx = tx_begin(fake->lane.store, &err);

	assert_int_equal(store_contact_note(tx, &news, clock_now_ms(), &id,
				 public_id, &err),
		0);
	assert_int_equal(tx_commit(tx, &err), 0);
	tx_end(&tx);
}

/* Bob and Carol are in the address book, Dave only wrote to us. */
static void contacts_add(struct fake *fake)
{
	contact_add(fake, BOB_PN, "Bob");
	contact_add(fake, CAROL_PN, "Carol");
	contact_add(fake, DAVE_PN, NULL);
}

static const struct wa_node *post(struct fake *fake, const char *wa_id,
	const char *content, const struct wa_node *privacy)
{
	fake_job_to(fake, wa_id, STATUS, "good morning", content);
	run_until_sent(fake, privacy);
	if (fake_message(fake, wa_id) != NULL)
		fake_accepted(fake, wa_id);
	return fake_message(fake, wa_id);
}

/* Is the account named in <participants>, by a device or by itself? */
static bool names(const struct wa_node *stanza, const char *lid)
{
	const struct wa_node *list = wa_node_child(stanza, "participants");

	assert_non_null(list);
	wa_node_each (to, list) {
		struct wa_jid jid;

		assert_true(wa_node_jid(to, "jid", &jid));
		assert_int_equal(jid.server, WA_SERVER_LID);
		if (strcmp(jid.user, lid) == 0)
			return true;
	}
	return false;
}

static const char *setting_of(const struct wa_node *stanza)
{
	return wa_node_str(wa_node_child(stanza, "meta"), "status_setting");
}

/* ---- tests ---- */

static void a_post_goes_by_lid_to_the_address_book_and_us(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *stanza = NULL;

	contacts_add(fake);
	stanza = post(fake, "3EB0A", NULL, NULL);
	assert_non_null(stanza);
	assert_string_equal(wa_node_str(stanza, "to"), STATUS);
	assert_null(wa_node_get(stanza, "addressing_mode"));
	assert_null(wa_node_get(stanza, "phash"));
	assert_string_equal(setting_of(stanza), "contacts");
	assert_int_equal(n_entries(stanza), 4);
	assert_true(names(stanza, OWN_LID));
	assert_true(names(stanza, BOB_LID));
	assert_true(names(stanza, CAROL_LID));
	assert_false(names(stanza, DAVE_LID));
	assert_true(read_by(fake, fake->bob, stanza));
	assert_true(read_by(fake, fake->own_phone, stanza));
	assert_true(read_by(fake, carol_of(fake), stanza));
	assert_int_equal(fake_status(fake, "3EB0A"), MESSAGE_SENT);
}

static void who_has_the_key_is_named_without_it(void **state)
{
	struct fake *fake = *state;
	struct wa_jid bob_lid = wa_jid_lid(BOB_LID, 0), self = own_lid();
	const struct wa_node *first = NULL, *second = NULL;
	size_t n_questions = 0;

	contacts_add(fake);
	first = post(fake, "3EB0A", NULL, NULL);
	n_questions = fake->n_questions;
	second = post(fake, "3EB0B", NULL, NULL);
	assert_int_equal(fake->n_questions, n_questions); /* for an hour */
	assert_int_equal(n_entries(second), 3);
	assert_null(stanza_enc(second, &bob_lid));
	assert_null(stanza_enc(second, &self));
	assert_true(names(second, BOB_LID));
	assert_true(read_by(fake, carol_of(fake), first));
}

static void each_privacy_list_has_its_audience(void **state)
{
	static const char *const only_bob[] = { BOB_PN };
	static const struct {
		const char *type;
		const char *setting;
		bool bob, carol;
	} cases[] = {
		{ "contacts", "contacts", true, true },
		{ "whitelist", "allowlist", true, false },
		{ "blacklist", "denylist", false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct wa_node *stanza = NULL;
		struct fake *fake = NULL;
		void *own = NULL;

		assert_int_equal(group_setup(&own), 0);
		fake = own;
		contacts_add(fake);
		stanza = post(fake, "3EB0A", NULL,
			privacy_node(
				fake, cases[i].type, only_bob, i == 0 ? 0 : 1));
		assert_non_null(stanza);
		assert_string_equal(setting_of(stanza), cases[i].setting);
		assert_int_equal(names(stanza, BOB_LID), cases[i].bob);
		assert_int_equal(names(stanza, CAROL_LID), cases[i].carol);
		assert_true(names(stanza, OWN_LID));
		assert_int_equal(group_teardown(&own), 0);
	}
}

static void a_post_that_names_its_audience_is_for_nobody_else(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *stanza = NULL;

	contacts_add(fake);
	stanza = post(fake, "3EB0A",
		"{\"audience\":[\"+" CAROL_PN "\",\"+15550007779\"]}", NULL);
	assert_non_null(stanza);
	assert_string_equal(setting_of(stanza), "allowlist");
	assert_false(names(stanza, BOB_LID));
	assert_true(names(stanza, CAROL_LID));
	assert_int_equal(n_entries(stanza), 2);
}

static void nobody_to_see_it_is_a_refusal(void **state)
{
	static const struct {
		const char *content;
		const char *reason;
	} cases[] = {
		{ NULL, "no_audience" },
		{ "{\"audience\":[]}", "no_audience" },
		{ "{\"audience\":[\"+15550007779\"]}", "no_audience" },
		{ "{\"audience\":[\"Bob\"]}", "invalid_audience" },
		{ "{\"audience\":\"+15550007779\"}", "invalid_audience" },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char id[16];

		snprintf(id, sizeof id, "3EB0%zu", i);
		assert_null(post(fake, id, cases[i].content, NULL));
		assert_string_equal(fake_reason(fake, id), cases[i].reason);
	}
}

static void who_is_left_out_gets_no_key_to_what_comes(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *first = NULL, *second = NULL;

	contacts_add(fake);
	first = post(fake, "3EB0A", NULL, NULL);
	assert_true(read_by(fake, fake->bob, first));
	assert_true(read_by(fake, carol_of(fake), first));
	second =
		post(fake, "3EB0B", "{\"audience\":[\"+" CAROL_PN "\"]}", NULL);
	assert_true(read_by(fake, carol_of(fake), second));
	assert_false(read_by(fake, fake->bob, second));
}

static void a_message_stays_with_its_audience(void **state)
{
	struct fake *fake = *state;
	struct err err = ERR_NONE;
	struct wa_jid bob_lid = wa_jid_lid(BOB_LID, 3);
	struct wa_jid dave_lid = wa_jid_lid(DAVE_LID, 0);
	struct job job = { .kind = MESSAGE_REVOKE, .wa_id = "3EB0R" };
	struct castplan plan = { .by_lid = true };
	Wa__MessageKey key = WA__MESSAGE_KEY__INIT;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__Message message = WA__MESSAGE__INIT;
	scoped(composed_fini) struct composed composed = { 0 };
	const char *setting = NULL, *reason = NULL;
	size_t n = 0;

	contacts_add(fake);
	post(fake, "3EB0A", NULL, NULL);
	assert_int_equal(
		status_was_for(&fake->lane, "3EB0A", &bob_lid, &err), 1);
	assert_int_equal(
		status_was_for(&fake->lane, "3EB0A", &dave_lid, &err), 0);
	assert_int_equal(
		status_was_for(&fake->lane, "3EB0B", &bob_lid, &err), 0);

	contact_add(fake, DAVE_PN, "Dave"); /* since then */
	key.id = (char *)"3EB0A";
	protocol.key = &key;
	message.protocol_message = &protocol;
	n = wa__message__get_packed_size(&message);
	wa__message__pack(&message, buf_reserve(&composed.plain, n));
	composed.plain.len = n;
	assert_int_equal(status_plan(&fake->lane, &job, &composed, &plan,
				 &setting, &reason, &err),
		STATUS_READY);
	assert_int_equal(plan.n_accounts, 3);
	assert_null(setting); /* a post says it, its revocation must not */
	castplan_fini(&plan);
}

static void an_unanswered_question_keeps_the_post(void **state)
{
	struct fake *fake = *state;

	contacts_add(fake);
	fake_job_to(fake, "3EB0A", STATUS, "good morning", NULL);
	fake_run(fake);
	fake_answer_devices(fake);
	fake_answer_keys(fake);
	assert_true(wa_node_is(fake_question(fake)->iq, "xmlns", "status"));
	fake_answer(fake, NULL);
	assert_int_equal(fake_status(fake, "3EB0A"), MESSAGE_QUEUED);
	assert_string_equal(
		fake_reason(fake, "3EB0A"), "recipient_lookup_failed");
}

static void on_asked(struct lane *lane, bool answered, void *arg)
{
	(void)lane;
	*(bool *)arg = answered;
}

static void the_list_is_shown_with_phones(void **state)
{
	static const char *const both[] = { BOB_PN, CAROL_PN };
	struct fake *fake = *state;
	struct err err = ERR_NONE;
	bool answered = false;
	json_t *json = NULL;
	char *text = NULL;

	assert_null(status_privacy_json(&fake->lane, &err));
	status_ask(&fake->lane, on_asked, &answered);
	fake_answer(
		fake, iq_of(fake, privacy_node(fake, "blacklist", both, 2)));
	assert_true(answered);
	json = status_privacy_json(&fake->lane, &err);
	text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"list\":[\"+" BOB_PN "\",\"+" CAROL_PN
				  "\"],\"privacy\":\"denylist\"}");
	free(text);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUP_TEST(a_post_goes_by_lid_to_the_address_book_and_us),
		GROUP_TEST(who_has_the_key_is_named_without_it),
		cmocka_unit_test(each_privacy_list_has_its_audience),
		GROUP_TEST(a_post_that_names_its_audience_is_for_nobody_else),
		GROUP_TEST(nobody_to_see_it_is_a_refusal),
		GROUP_TEST(who_is_left_out_gets_no_key_to_what_comes),
		GROUP_TEST(a_message_stays_with_its_audience),
		GROUP_TEST(an_unanswered_question_keeps_the_post),
		GROUP_TEST(the_list_is_shown_with_phones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
