/* Messages to groups: who gets the sender key, when it must be another, what is
 * asked for first, what the server answers. */
#include "tests/unit/senderd/fake_group.h"

#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/groupcast.h"

/* ---- the stanza ---- */

static void the_first_message_brings_the_key_to_every_device(void **state)
{
	struct fake *fake = *state;
	const struct wa_jid own_phone = wa_jid_lid(OWN_LID, 0);
	const struct wa_jid all[] = { own_phone, fake->lane.id.lid,
		fake->bob->jid, fake->bob_desktop->jid, carol_of(fake)->jid };
	const struct wa_node *stanza =
		group_send(fake, "3EB0A", group_of_friends(fake, true));
	char phash[WA_PHASH_LEN];

	assert_string_equal(wa_node_str(stanza, "to"), GROUP);
	assert_string_equal(wa_node_str(stanza, "addressing_mode"), "lid");
	assert_string_equal(wa_node_str(stanza, "type"), "text");
	assert_null(wa_node_get(stanza, "peer_recipient_pn"));
	wa_phash(all, ARRAY_LEN(all), phash);
	assert_string_equal(wa_node_str(stanza, "phash"), phash);
	assert_int_equal(n_entries(stanza), 4);
	assert_null(stanza_enc(stanza, &fake->lane.id.lid));
	assert_non_null(wa_node_child(stanza, "device-identity"));
	assert_true(read_by(fake, fake->own_phone, stanza));
	assert_true(read_by(fake, fake->bob, stanza));
	assert_true(read_by(fake, fake->bob_desktop, stanza));
	assert_true(read_by(fake, carol_of(fake), stanza));
	assert_int_equal(fake_status(fake, "3EB0A"), MESSAGE_SENT);
}

static int on_counts(const struct message *row, void *arg)
{
	int *counts = arg;

	counts[0] = row->n_devices;
	counts[1] = row->n_recipients;
	return 0;
}

static void the_row_counts_devices_and_other_accounts(void **state)
{
	struct fake *fake = *state;
	struct err err = ERR_NONE;
	int counts[2] = { 0 };

	group_send(fake, "3EB0A", group_of_friends(fake, true));
	assert_int_equal(
		store_message_by_wa_id(fake->lane.store, fake->lane.device_id,
			"3EB0A", on_counts, counts, &err),
		0);
	assert_int_equal(counts[0], 4);
	assert_int_equal(counts[1], 2);
}

static void who_has_the_key_gets_the_message_alone(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *first =
		group_send(fake, "3EB0A", group_of_friends(fake, true));
	size_t n_questions = fake->n_questions;
	const struct wa_node *second = group_send(fake, "3EB0B", NULL);

	assert_int_equal(fake->n_questions, n_questions);
	assert_null(wa_node_child(second, "participants"));
	assert_null(wa_node_child(second, "device-identity"));
	assert_true(read_by(fake, fake->bob, first));
	assert_true(read_by(fake, fake->bob, second));
}

static void a_group_by_number_is_addressed_by_number(void **state)
{
	struct fake *fake = *state;
	const struct wa_jid bob_pn = wa_jid_pn(BOB_PN, 3);
	const struct wa_jid carol_pn = wa_jid_pn(CAROL_PN, 0);
	const struct wa_node *stanza =
		group_send(fake, "3EB0A", group_of_friends(fake, false));

	assert_string_equal(wa_node_str(stanza, "addressing_mode"), "pn");
	assert_true(group_read_by(fake, fake->bob_desktop, &bob_pn, stanza));
	assert_true(group_read_by(fake, carol_of(fake), &carol_pn, stanza));
}

static void messages_of_a_disappearing_group_say_so(void **state)
{
	struct fake *fake = *state;
	struct wa_node *group = group_of_friends(fake, true);
	struct wa_jid jid = group_jid();

	wa_node_set(wa_node_add(group, "ephemeral"), "expiration", "86400");
	assert_int_equal(group_expiration(&fake->lane, &jid), 0);
	assert_string_equal(
		wa_node_str(group_send(fake, "3EB0A", group), "expiration"),
		"86400");
	assert_int_equal(group_expiration(&fake->lane, &jid), 86400);
}

/* ---- the key's way ---- */

static void the_next_messages_wait_for_the_ack_of_the_key(void **state)
{
	struct fake *fake = *state;

	fake_job_to(fake, "3EB0A", GROUP, "one", NULL);
	fake_job_to(fake, "3EB0B", GROUP, "two", NULL);
	fake_job_to(fake, "3EB0C", GROUP, "three", NULL);
	fake_run(fake);
	fake_settle(fake, group_of_friends(fake, true));
	assert_int_equal(fake_count(fake, "message"), 1);
	fake_accepted(fake, "3EB0A");
	assert_int_equal(fake_count(fake, "message"), 3);
	assert_string_equal(
		wa_node_str(fake_last(fake, "message"), "id"), "3EB0C");
	assert_int_equal(n_entries(fake_message(fake, "3EB0B")), 0);
	assert_true(read_by(fake, fake->bob, fake_message(fake, "3EB0A")));
	assert_true(read_by(fake, fake->bob, fake_message(fake, "3EB0B")));
	assert_true(read_by(fake, fake->bob, fake_message(fake, "3EB0C")));
}

static void a_crash_before_the_ack_costs_the_keys_again(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *group = group_of_friends(fake, true);
	const struct wa_node *before = NULL, *after = NULL;

	fake_job_to(fake, "3EB0A", GROUP, "one", NULL);
	fake_run(fake);
	fake_settle(fake, group);
	before = fake_message(fake, "3EB0A");
	assert_int_equal(n_entries(before), 4);
	outbound_on_disconnect(&fake->lane);
	outbound_on_ready(&fake->lane);
	fake_run(fake);
	fake_settle(fake, group);
	after = fake_message(fake, "3EB0A");
	assert_ptr_not_equal(before, after);
	assert_int_equal(n_entries(after), 4);
	assert_true(read_by(fake, fake->bob, after)); /* saw the second only */
	assert_true(read_by(fake, carol_of(fake), before)); /* saw both */
	assert_true(read_by(fake, carol_of(fake), after));
	fake_accepted(fake, "3EB0A");
	assert_int_equal(n_entries(group_send(fake, "3EB0B", group)), 0);
}

static void a_receipt_that_outruns_the_ack_settles_it_as_well(void **state)
{
	struct fake *fake = *state;
	struct wa_node *receipt = wa_node_new(fake->arena, "receipt");
	struct wa_jid from = group_jid(), reader = wa_jid_lid(BOB_LID, 0);

	fake_job_to(fake, "3EB0A", GROUP, "one", NULL);
	fake_job_to(fake, "3EB0B", GROUP, "two", NULL);
	fake_run(fake);
	fake_settle(fake, group_of_friends(fake, true));
	wa_node_set(receipt, "id", "3EB0A");
	wa_node_set_jid(receipt, "from", &from);
	wa_node_set_jid(receipt, "participant", &reader);
	receipt_on_receipt(&fake->lane, receipt);
	fake_run(fake);
	assert_int_equal(fake_status(fake, "3EB0A"), MESSAGE_SENT);
	assert_non_null(fake_message(fake, "3EB0B"));
	assert_int_equal(n_entries(fake_message(fake, "3EB0B")), 0);
}

/* ---- refused before it is sent ---- */

static void only_members_send_and_only_admins_where_so_set(void **state)
{
	static const struct {
		bool is_announcement, is_member, is_admin;
		const char *reason;
	} cases[] = {
		{ false, true, false, "" },
		{ true, true, true, "" },
		{ true, true, false, "only_admins_may_send" },
		{ false, false, false, "not_a_member" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_node *group = NULL;
		struct fake_member self = us;
		struct fake *fake = NULL;
		void *own = NULL;

		assert_int_equal(group_setup(&own), 0);
		fake = own;
		group = wa_node_new(fake->arena, "group");
		wa_node_set(group, "id", GROUP_USER);
		wa_node_set(group, "addressing_mode", "lid");
		self.type = cases[i].is_admin ? "admin" : NULL;
		if (cases[i].is_member)
			participant_add(group, true, &self);
		participant_add(group, true, &bob);
		if (cases[i].is_announcement)
			wa_node_add(group, "announcement");
		fake_job_to(fake, "3EB0A", GROUP, "x", NULL);
		fake_run(fake);
		fake_settle(fake, group);
		assert_string_equal(
			fake_reason(fake, "3EB0A"), cases[i].reason);
		assert_int_equal(fake_count(fake, "message"),
			cases[i].reason[0] == '\0');
		assert_int_equal(group_teardown(&own), 0);
	}
}

static void a_group_is_asked_again_before_it_refuses_on_old_knowledge(
	void **state)
{
	struct fake *fake = *state;
	struct wa_jid jid = group_jid();
	struct wa_node *child = NULL;
	struct group *group = NULL;
	struct err err = ERR_NONE;

	group_send(fake, "3EB0A", group_of_friends(fake, true));
	notify(fake, notice_new(fake, "demote", &us, &child));
	notify(fake, notice_new(fake, "announcement", NULL, &child));
	assert_int_equal(group_load(&fake->lane, &jid, &group, &err), 1);
	group->known_ms -= 3600 * 1000;
	fake_job_to(fake, "3EB0B", GROUP, "x", NULL);
	fake_run(fake);
	assert_true(asks_for_group(fake));
	fake_settle(fake, group_of_friends(fake, true));
	assert_non_null(fake_message(fake, "3EB0B"));
}

static void what_the_server_says_of_the_group_ends_the_message(void **state)
{
	static const struct {
		int code;
		const char *reason;
	} cases[] = { { 403, "not_a_member" }, { 404, "no_such_group" } };
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char id[16];

		snprintf(id, sizeof id, "3EB0%zu", i);
		fake_job_to(fake, id, GROUP, "x", NULL);
		fake_run(fake);
		if (i == 0)
			fake_answer_devices(fake); /* our own */
		if (i == 0)
			fake_answer_keys(fake);
		assert_true(asks_for_group(fake));
		fake_answer(fake, iq_error(fake, cases[i].code));
		assert_int_equal(fake_status(fake, id), MESSAGE_FAILED);
		assert_string_equal(fake_reason(fake, id), cases[i].reason);
	}
}

/* ---- questions ---- */

static void an_unanswered_question_is_asked_again_later_not_at_once(
	void **state)
{
	struct fake *fake = *state;

	fake_job_to(fake, "3EB0A", GROUP, "one", NULL);
	fake_job_to(fake, "3EB0B", GROUP, "two", NULL);
	fake_run(fake);
	fake_answer_devices(fake);
	fake_answer_keys(fake);
	assert_true(asks_for_group(fake));
	fake_answer(fake, NULL);
	assert_string_equal(
		fake_reason(fake, "3EB0A"), "recipient_lookup_failed");
	fake_tick(fake);
	assert_null(fake_question(fake)); /* not before it is due */
	assert_int_equal(fake_status(fake, "3EB0A"), MESSAGE_QUEUED);
	assert_int_equal(fake_count(fake, "message"), 0);
	outbound_on_disconnect(&fake->lane);
	outbound_on_ready(&fake->lane);
	fake_run(fake);
	fake_settle(fake, group_of_friends(fake, true));
	fake_accepted(fake, "3EB0A");
	assert_string_equal(
		wa_node_str(fake_last(fake, "message"), "id"), "3EB0B");
}

static void leave_be(struct lane *lane, struct job *job)
{
	(void)lane;
	(void)job;
}

/* An hour passes. */
static void later(struct fake *fake)
{
	groupcast_on_tick(&fake->lane, clock_mono_ms() + 3600 * 1000, leave_be);
	fake_run(fake);
}

/* How often it is asked, in vain, until it is given up. */
static int ask_in_vain(struct fake *fake, const char *xmlns)
{
	int n = 0;

	while (fake_question(fake) != NULL &&
		wa_node_is(fake_question(fake)->iq, "xmlns", xmlns)) {
		fake_answer(fake, NULL);
		later(fake);
		n++;
	}
	return n;
}

static void who_is_not_answered_for_in_the_end_goes_without(void **state)
{
	struct fake *fake = *state;

	fake_job_to(fake, "3EB0A", GROUP, "one", NULL);
	fake_job_to(fake, "3EB0B", GROUP, "two", NULL);
	fake_run(fake);
	fake_answer_devices(fake); /* our own */
	fake_answer_keys(fake);
	for (int i = 0; i < 10; i++) { /* members: until they are known */
		assert_true(asks_for_group(fake));
		fake_answer(fake, NULL);
		later(fake);
	}
	fake_answer(fake, iq_of(fake, group_of_friends(fake, true)));
	assert_int_equal(ask_in_vain(fake, "usync"), 5);
	assert_int_equal(n_entries(fake_message(fake, "3EB0A")), 1);
	fake_accepted(fake, "3EB0A");
	assert_non_null(fake_message(fake, "3EB0B"));
}

static void without_keys_it_goes_to_who_has_a_session(void **state)
{
	struct fake *fake = *state;

	fake_job_to(fake, "3EB0A", GROUP, "one", NULL);
	fake_run(fake);
	fake_answer_devices(fake);
	fake_answer_keys(fake);
	fake_answer(fake, iq_of(fake, group_of_friends(fake, true)));
	fake_answer_devices(fake);
	assert_int_equal(ask_in_vain(fake, "encrypt"), 5);
	assert_int_equal(n_entries(fake_message(fake, "3EB0A")), 1);
}

static void who_has_no_keys_goes_without_and_is_not_asked_each_time(
	void **state)
{
	const struct fake_member members[] = { bob,
		{ "15550005555", "7715550005555", NULL } };
	struct fake *fake = *state;
	const struct wa_node *group = group_node(fake, true, members, 2);
	const struct wa_node *stanza = group_send(fake, "3EB0A", group);
	size_t n_questions = 0;

	assert_int_equal(n_entries(stanza), 3);
	n_questions = fake->n_questions;
	stanza = group_send(fake, "3EB0B", group);
	assert_int_equal(fake->n_questions, n_questions);
	assert_int_equal(n_entries(stanza), 0);
	assert_true(wa_node_child(stanza, "enc") != NULL);
}

static void a_member_without_devices_holds_nobody_up(void **state)
{
	const struct fake_member members[] = { bob,
		{ "15550005559", "7715550005559", NULL } };
	struct fake *fake = *state;
	const struct wa_node *group = group_node(fake, true, members, 2);
	struct err err = ERR_NONE;
	int counts[2] = { 0 };
	size_t n_questions = 0;

	group_send(fake, "3EB0A", group);
	n_questions = fake->n_questions;
	group_send(fake, "3EB0B", group);
	assert_int_equal(fake->n_questions, n_questions);
	assert_int_equal(
		store_message_by_wa_id(fake->lane.store, fake->lane.device_id,
			"3EB0B", on_counts, counts, &err),
		0);
	assert_int_equal(counts[1], 1);
}

static void a_message_that_grows_too_old_while_it_waits_fails(void **state)
{
	struct fake *fake = *state;

	fake_job_to(fake, "3EB0A", GROUP, "one", NULL);
	fake_run(fake);
	fake_answer_devices(fake);
	fake_answer_keys(fake);
	assert_true(asks_for_group(fake));
	fake->config.sender.message_max_age_sec = -1;
	fake_tick(fake);
	assert_int_equal(fake_status(fake, "3EB0A"), MESSAGE_FAILED);
	assert_string_equal(fake_reason(fake, "3EB0A"), "expired");
	fake_answer(fake, iq_of(fake, group_of_friends(fake, true)));
	assert_int_equal(fake_count(fake, "message"), 0);
}

/* ---- the server's answer ---- */

static const struct wa_node *refuse(
	struct fake *fake, const char *wa_id, int code)
{
	fake_forget_sent(fake);
	outbound_on_ack(&fake->lane, fake_ack(fake, wa_id, code));
	fake_run(fake);
	return fake_message(fake, wa_id);
}

static void another_addressing_mode_is_followed_once(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *stanza = NULL;
	const struct wa_jid bob_pn = wa_jid_pn(BOB_PN, 0);

	fake_job_to(fake, "3EB0A", GROUP, "one", NULL);
	fake_run(fake);
	fake_settle(fake, group_of_friends(fake, true));
	assert_null(refuse(fake, "3EB0A", 421));
	assert_true(asks_for_group(fake));
	fake_settle(fake, group_of_friends(fake, false));
	stanza = fake_message(fake, "3EB0A");
	assert_non_null(stanza);
	assert_string_equal(wa_node_str(stanza, "addressing_mode"), "pn");
	assert_true(group_read_by(fake, fake->bob, &bob_pn, stanza));
	assert_null(refuse(fake, "3EB0A", 421));
	assert_null(fake_question(fake));
	assert_string_equal(
		fake_reason(fake, "3EB0A"), "refused_stale_addressing");
}

static void a_refusal_for_good_asks_the_group_why(void **state)
{
	struct fake *fake = *state;

	group_send(fake, "3EB0A", group_of_friends(fake, true));
	fake_job_to(fake, "3EB0B", GROUP, "two", NULL);
	fake_run(fake);
	assert_null(refuse(fake, "3EB0B", 403));
	assert_true(asks_for_group(fake));
	fake_answer(fake, iq_error(fake, 403));
	assert_string_equal(fake_reason(fake, "3EB0B"), "not_a_member");
}

static void what_came_after_a_refused_key_brings_it_itself(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *stanza = NULL;

	fake_job_to(fake, "3EB0A", GROUP, "one", NULL);
	fake_job_to(fake, "3EB0B", GROUP, "two", NULL);
	fake_run(fake);
	fake_settle(fake, group_of_friends(fake, true));
	assert_null(refuse(fake, "3EB0A", 420));
	assert_int_equal(fake_status(fake, "3EB0A"), MESSAGE_FAILED);
	stanza = fake_message(fake, "3EB0B");
	assert_non_null(stanza);
	assert_int_equal(n_entries(stanza), 4);
	assert_true(read_by(fake, fake->bob, stanza));
}

static void other_devices_in_the_ack_are_asked_for_once_a_minute(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *group = group_of_friends(fake, true);
	struct device_list list;
	struct err err = ERR_NONE;
	struct wa_jid bob_lid = wa_jid_lid(BOB_LID, 0);

	for (int i = 0; i < 2; i++) {
		struct wa_node *ack = NULL;
		char id[16];

		snprintf(id, sizeof id, "3EB0%d", i);
		fake_job_to(fake, id, GROUP, "x", NULL);
		fake_run(fake);
		fake_settle(fake, group);
		ack = fake_ack(fake, id, 0);
		wa_node_set(ack, "phash", "2:AAAAAAAA");
		outbound_on_ack(&fake->lane, ack);
		fake_run(fake);
		assert_int_equal(fake_status(fake, id), MESSAGE_SENT);
		assert_int_equal(
			devices_load(&fake->lane, &bob_lid, &list, &err),
			i == 0 ? 0 : 1);
	}
}

static void our_own_hash_in_the_ack_changes_nothing(void **state)
{
	struct fake *fake = *state;
	struct wa_node *ack = NULL;
	size_t n_questions = 0;

	fake_job_to(fake, "3EB0A", GROUP, "x", NULL);
	fake_run(fake);
	fake_settle(fake, group_of_friends(fake, true));
	ack = fake_ack(fake, "3EB0A", 0);
	wa_node_set(ack, "phash",
		wa_node_str(fake_message(fake, "3EB0A"), "phash"));
	outbound_on_ack(&fake->lane, ack);
	fake_run(fake);
	n_questions = fake->n_questions;
	group_send(fake, "3EB0B", NULL);
	assert_int_equal(fake->n_questions, n_questions);
}

/* ---- size ---- */

#define CROWD 210 /* more than four questions for devices */

/* Questions without an answer. */
static size_t n_open(const struct fake *fake)
{
	return fake->n_questions - fake->n_answered;
}

/* How many the oldest of them is about. */
static size_t n_asked(struct fake *fake, const char *tag)
{
	const struct wa_node *iq = fake_question(fake)->iq;

	return wa_node_n_children(strcmp(tag, "usync") == 0
					  ? wa_node_path(iq, "usync", "list")
					  : wa_node_child(iq, tag));
}

/* A group of CROWD people, each with a phone. */
static const struct wa_node *crowd_new(struct fake *fake)
{
	struct fake_member members[CROWD];
	char names[CROWD][2][24];

	fake->crowd = xrealloc(fake->crowd, (2 + CROWD) * sizeof *fake->crowd);
	for (size_t i = 0; i < CROWD; i++) {
		snprintf(names[i][0], sizeof names[i][0], "1666%06zu0", i);
		snprintf(names[i][1], sizeof names[i][1], "771666%06zu0", i);
		members[i] = (struct fake_member){ .pn = names[i][0],
			.lid = names[i][1] };
		fake->crowd[fake->n_crowd++] = person_new(names[i][1], 0);
	}
	return group_node(fake, true, members, CROWD);
}

static void two_hundred_members_are_asked_for_in_batches_and_once(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *group = crowd_new(fake), *stanza = NULL;
	size_t n_questions = 0;

	fake_job_to(fake, "3EB0A", GROUP, "hello", NULL);
	fake_run(fake);
	fake_answer_devices(fake); /* our own */
	fake_answer_keys(fake);
	assert_true(asks_for_group(fake));
	fake_answer(fake, iq_of(fake, wa_node_copy(fake->arena, group)));
	assert_int_equal(n_open(fake), 4);
	assert_int_equal(n_asked(fake, "usync"), 50);
	fake_answer_devices(fake);
	assert_int_equal(n_open(fake), 4); /* the rest */
	for (size_t i = 0; i < 4; i++)
		fake_answer_devices(fake);
	assert_int_equal(n_open(fake), 3);
	assert_int_equal(n_asked(fake, "key"), 100);
	fake_answer_keys(fake);
	fake_answer_keys(fake);
	assert_int_equal(fake_count(fake, "message"), 0);
	fake_answer_keys(fake);
	stanza = fake_message(fake, "3EB0A");
	assert_int_equal(n_entries(stanza), CROWD + 1);
	assert_true(read_by(fake, fake->crowd[2], stanza));
	assert_true(read_by(fake, fake->crowd[CROWD + 1], stanza));
	fake_accepted(fake, "3EB0A");
	n_questions = fake->n_questions;
	for (int i = 0; i < 3; i++) {
		char id[16];

		snprintf(id, sizeof id, "3EB0%d", i);
		fake_job_to(fake, id, GROUP, "hello", NULL);
		fake_run(fake);
		stanza = fake_message(fake, id);
		assert_non_null(stanza);
		fake_accepted(fake, id);
	}
	assert_int_equal(fake->n_questions, n_questions);
	assert_null(wa_node_child(stanza, "participants"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUP_TEST(the_first_message_brings_the_key_to_every_device),
		GROUP_TEST(the_row_counts_devices_and_other_accounts),
		GROUP_TEST(who_has_the_key_gets_the_message_alone),
		GROUP_TEST(a_group_by_number_is_addressed_by_number),
		GROUP_TEST(messages_of_a_disappearing_group_say_so),
		GROUP_TEST(the_next_messages_wait_for_the_ack_of_the_key),
		GROUP_TEST(a_crash_before_the_ack_costs_the_keys_again),
		GROUP_TEST(a_receipt_that_outruns_the_ack_settles_it_as_well),
		cmocka_unit_test(
			only_members_send_and_only_admins_where_so_set),
		GROUP_TEST(
			a_group_is_asked_again_before_it_refuses_on_old_knowledge),
		GROUP_TEST(what_the_server_says_of_the_group_ends_the_message),
		GROUP_TEST(
			an_unanswered_question_is_asked_again_later_not_at_once),
		GROUP_TEST(who_is_not_answered_for_in_the_end_goes_without),
		GROUP_TEST(without_keys_it_goes_to_who_has_a_session),
		GROUP_TEST(
			who_has_no_keys_goes_without_and_is_not_asked_each_time),
		GROUP_TEST(a_member_without_devices_holds_nobody_up),
		GROUP_TEST(a_message_that_grows_too_old_while_it_waits_fails),
		GROUP_TEST(another_addressing_mode_is_followed_once),
		GROUP_TEST(a_refusal_for_good_asks_the_group_why),
		GROUP_TEST(what_came_after_a_refused_key_brings_it_itself),
		GROUP_TEST(
			other_devices_in_the_ack_are_asked_for_once_a_minute),
		GROUP_TEST(our_own_hash_in_the_ack_changes_nothing),
		GROUP_TEST(
			two_hundred_members_are_asked_for_in_batches_and_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
