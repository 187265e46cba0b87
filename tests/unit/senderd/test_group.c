/* Groups: reading what the server shows, keeping it, asking for it. */
#include "tests/unit/senderd/fake_group.h"

#include "senderd/whatsapp/group_json.h"

/* ---- reading ---- */

static struct group *read_node(struct fake *fake, const struct wa_node *node)
{
	return group_read(fake->lane.arena, node, NULL, 1000);
}

static void everything_a_group_shows_is_read(void **state)
{
	struct fake *fake = *state;
	struct wa_node *node = group_of_friends(fake, true);
	struct wa_node *description = wa_node_add(node, "description");
	scoped(group_free) struct group *group = NULL;
	const struct group_member *member = NULL;
	struct wa_jid carol_pn = wa_jid_pn(CAROL_PN, 7);

	wa_node_set(node, "size", "3");
	wa_node_set(description, "id", "D1");
	wa_node_text(wa_node_add(description, "body"), "For friends.");
	wa_node_add(node, "announcement");
	wa_node_add(node, "locked");
	wa_node_set(wa_node_add(node, "ephemeral"), "expiration", "604800");
	wa_node_text(wa_node_add(node, "member_add_mode"), "admin_add");
	wa_node_set(wa_node_add(wa_node_add(node, "membership_approval_mode"),
			    "group_join"),
		"state", "on");
	group = read_node(fake, node);
	assert_non_null(group);
	assert_string_equal(group->jid.user, GROUP_USER);
	assert_true(group->by_lid && group->is_announcement);
	assert_true(group->is_locked && group->is_admin_add);
	assert_true(group->is_approval);
	assert_int_equal(group->expiration, 604800);
	assert_int_equal(group->created_s, 1700000000);
	assert_string_equal(group->owner.user, OWN_LID);
	assert_string_equal(group->subject, "Friends");
	assert_string_equal(group->description, "For friends.");
	assert_string_equal(group->description_id, "D1");
	assert_int_equal(group->n_members, 3);
	assert_int_equal(
		group_self(&fake->lane, group)->rank, GROUP_SUPERADMIN);
	member = group_find(group, &carol_pn);
	assert_non_null(member);
	assert_string_equal(member->jid.user, CAROL_LID);
	assert_int_equal(member->rank, GROUP_MEMBER);
}

static void nonsense_is_no_group_and_does_not_hurt(void **state)
{
	struct fake *fake = *state;
	struct wa_node *node = wa_node_new(fake->arena, "group");
	struct wa_node *other = NULL;
	struct wa_jid chat = wa_jid_lid(BOB_LID, 0);
	scoped(group_free) struct group *group = NULL;

	assert_null(read_node(fake, node)); /* which one? */
	wa_node_set(node, "id", "15550001111@s.whatsapp.net");
	assert_null(read_node(fake, node));
	assert_null(read_node(fake, wa_node_new(fake->arena, "groups")));
	node = wa_node_new(fake->arena, "group");
	assert_null(group_read(fake->lane.arena, node, &chat, 0));

	node = group_of_friends(fake, true);
	wa_node_set(node, "size", "-5");
	wa_node_set(wa_node_add(node, "ephemeral"), "expiration", "-1");
	wa_node_add(node, "participant");
	other = wa_node_add(node, "participant");
	wa_node_set(other, "jid", "120363@g.us");
	participant_add(node, true, &bob);	  /* twice */
	other = wa_node_add(node, "participant"); /* could not be added */
	wa_node_set_jid(other, "jid", &dave_of(fake)->jid);
	wa_node_set(other, "error", "403");
	group = read_node(fake, node);
	assert_int_equal(group->n_members, 3);
	assert_int_equal(group->n_claimed, 3);
	assert_int_equal(group->expiration, 0);
}

static void texts_of_a_group_are_cleaned_and_cut(void **state)
{
	struct fake *fake = *state;
	struct wa_node *node = wa_node_new(fake->arena, "group");
	struct wa_node *body =
		wa_node_add(wa_node_add(node, "description"), "body");
	scoped(group_free) struct group *group = NULL;
	char *much = xcalloc(1, 20000);

	memset(much, 'x', 19999);
	wa_node_set(node, "id", GROUP_USER);
	wa_node_set(node, "subject", "a\x01\xff\xfe z");
	wa_node_text(body, much);
	group = read_node(fake, node);
	assert_string_equal(group->subject, "a\xef\xbf\xbd\xef\xbf\xbd z");
	assert_true(strlen(group->description) <= GROUP_DESCRIPTION_MAX);
	assert_true(strlen(group->description) > GROUP_DESCRIPTION_MAX - 8);
	free(much);
}

static void a_group_has_no_more_members_than_we_take(void **state)
{
	struct fake *fake = *state;
	struct wa_node *node = wa_node_new(fake->arena, "group");
	scoped(group_free) struct group *group = NULL;
	struct group_member one_more = { .jid = wa_jid_lid("1", 0) };

	wa_node_set(node, "id", GROUP_USER);
	wa_node_set(node, "addressing_mode", "lid");
	for (int i = 0; i < GROUP_MEMBERS_MAX + 10; i++) {
		char user[16];
		struct wa_jid jid;

		snprintf(user, sizeof user, "%d", 100000 + i);
		jid = wa_jid_lid(user, 0);
		wa_node_set_jid(wa_node_add(node, "participant"), "jid", &jid);
	}
	group = read_node(fake, node);
	assert_int_equal(group->n_members, GROUP_MEMBERS_MAX);
	assert_false(group_add(group, &one_more));
	group_remove(group, &group->members[0]);
	assert_true(group_add(group, &one_more));
	assert_int_equal(group->n_members, GROUP_MEMBERS_MAX);
}

/* ---- keeping ---- */

static struct group *loaded(struct fake *fake, int known)
{
	struct wa_jid jid = group_jid();
	struct group *group = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(group_load(&fake->lane, &jid, &group, &err), known);
	return group;
}

static void learn(struct fake *fake, const struct wa_node *node, int64_t now_ms)
{
	struct group *group = group_read(fake->lane.arena, node, NULL, now_ms);
	struct err err = ERR_NONE;

	assert_non_null(group);
	assert_int_equal(group_learn(&fake->lane, group, &err), 0);
	assert_int_equal(fake_turn_end(fake), 0);
}

/* As after a restart: from the lane database. */
static void forget_memory(struct fake *fake)
{
	group_free(&fake->lane.outbound->group);
}

static void a_group_comes_back_from_the_database_as_it_was(void **state)
{
	struct fake *fake = *state;
	struct wa_node *node = group_of_friends(fake, true);
	struct wa_node *description = wa_node_add(node, "description");
	const struct group *group = NULL;
	struct err err = ERR_NONE;
	json_t *before = NULL, *after = NULL;

	wa_node_set(description, "id", "D1");
	wa_node_text(wa_node_add(description, "body"), "For friends.");
	wa_node_add(node, "locked");
	wa_node_set(wa_node_add(node, "ephemeral"), "expiration", "86400");
	assert_null(loaded(fake, 0));
	learn(fake, node, 5000);
	before = group_json(&fake->lane, loaded(fake, 1), true, &err);
	forget_memory(fake);
	group = loaded(fake, 1);
	after = group_json(&fake->lane, group, true, &err);
	assert_true(json_equal(before, after));
	assert_int_equal(group->known_ms, 5000);
	assert_string_equal(group->description_id, "D1");
	json_decref(before);
	json_decref(after);
}

static void what_is_kept_in_another_layout_is_asked_for_anew(void **state)
{
	static const char *const bytes[] = { "", "\x01", "\x02xxxxxxxxxxxxxxxx",
		"\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" };
	struct fake *fake = *state;
	struct wa_jid jid = group_jid();
	struct err err = ERR_NONE;

	for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
		assert_int_equal(
			lanedb_group_save(fake->lane.db, &jid, bytes[i],
				strlen(bytes[i]), clock_now_ms(), &err),
			0);
		assert_null(loaded(fake, 0));
	}
}

static void names_of_members_are_learned(void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn(CAROL_PN, 0), lid;
	struct err err = ERR_NONE;

	learn(fake, group_of_friends(fake, false), 5000);
	assert_int_equal(lanedb_lid_of(fake->lane.db, &pn, &lid, &err), 1);
	assert_string_equal(lid.user, CAROL_LID);
}

static int64_t since(struct fake *fake, const char *lid)
{
	struct wa_jid jid = wa_jid_lid(lid, 0);
	const struct group_member *member = group_find(loaded(fake, 1), &jid);

	assert_non_null(member);
	return member->since_ms;
}

static void it_is_known_since_when_a_member_may_be_there(void **state)
{
	const struct fake_member more[] = { bob, carol, dave };
	struct fake *fake = *state;
	struct wa_jid jid = group_jid();
	struct err err = ERR_NONE;

	learn(fake, group_of_friends(fake, true), 5000);
	assert_int_equal(since(fake, CAROL_LID), 0);
	assert_int_equal(group_expire(&fake->lane, &jid, &err), 0);
	assert_non_null(loaded(fake, 0));
	forget_memory(fake);
	learn(fake, group_node(fake, true, more, 3), 9000);
	assert_int_equal(since(fake, CAROL_LID), 0);
	assert_int_equal(since(fake, DAVE_LID), 5000);
}

static void a_message_in_another_mode_makes_the_group_stale(void **state)
{
	struct fake *fake = *state;
	struct wa_jid jid = group_jid();
	struct err err = ERR_NONE;

	learn(fake, group_of_friends(fake, true), 5000);
	assert_int_equal(group_check_mode(&fake->lane, &jid, "lid", &err), 0);
	assert_int_equal(group_check_mode(&fake->lane, &jid, NULL, &err), 0);
	loaded(fake, 1);
	assert_int_equal(group_check_mode(&fake->lane, &jid, "pn", &err), 0);
	loaded(fake, 0);
	forget_memory(fake);
	loaded(fake, 0);
}

static void a_group_we_left_is_forgotten_with_its_keys(void **state)
{
	struct fake *fake = *state;
	struct wa_jid jid = group_jid();
	uint32_t key_id = 0, iteration = 0;
	struct err err = ERR_NONE;

	group_send(fake, "3EB0A", group_of_friends(fake, true));
	assert_int_equal(group_forget(&fake->lane, &jid, &err), 0);
	assert_null(loaded(fake, 0));
	assert_int_equal(wa_signal_group_info(fake->lane.signal, &jid,
				 &fake->lane.id.lid, &key_id, &iteration),
		0);
	assert_int_equal(
		lanedb_holder_has(fake->lane.db, &jid, &fake->bob->jid, &err),
		0);
}

/* ---- asking ---- */

static void on_asked(struct lane *lane, enum group_outcome outcome, void *arg)
{
	(void)lane;
	*(enum group_outcome *)arg = outcome;
}

static void every_answer_has_its_outcome(void **state)
{
	static const struct {
		int code; /* 0: none came */
		enum group_outcome outcome;
	} refusals[] = {
		{ 401, GROUP_NOT_MEMBER },
		{ 403, GROUP_NOT_MEMBER },
		{ 404, GROUP_NOT_FOUND },
		{ 410, GROUP_NOT_FOUND },
		{ 429, GROUP_NO_ANSWER },
		{ 500, GROUP_NO_ANSWER },
		{ 0, GROUP_NO_ANSWER },
	};
	struct fake *fake = *state;
	struct wa_jid jid = group_jid();
	struct wa_node *other = group_of_friends(fake, true);
	enum group_outcome outcome = GROUP_KNOWN;
	struct wa_jid to;

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		group_ask(&fake->lane, &jid, on_asked, &outcome);
		fake_answer(fake, refusals[i].code != 0
					  ? iq_error(fake, refusals[i].code)
					  : NULL);
		assert_int_equal(outcome, refusals[i].outcome);
		assert_null(loaded(fake, 0));
	}
	group_ask(&fake->lane, &jid, on_asked, &outcome);
	assert_true(wa_node_jid(fake_question(fake)->iq, "to", &to));
	assert_true(wa_jid_equal(&to, &jid));
	assert_true(wa_node_is(wa_node_child(fake_question(fake)->iq, "query"),
		"request", "interactive"));
	fake_answer(fake, iq_of(fake, other));
	assert_int_equal(outcome, GROUP_KNOWN);
	loaded(fake, 1);
}

static void an_answer_about_another_group_is_none(void **state)
{
	struct fake *fake = *state;
	struct wa_jid jid = group_jid();
	struct wa_node *other = wa_node_new(fake->arena, "group");
	enum group_outcome outcome = GROUP_KNOWN;

	wa_node_set(other, "id", "120363000000000009");
	group_ask(&fake->lane, &jid, on_asked, &outcome);
	fake_answer(fake, iq_of(fake, other));
	assert_int_equal(outcome, GROUP_NO_ANSWER);
	group_ask(&fake->lane, &jid, on_asked, &outcome);
	fake_answer(fake, iq_of(fake, NULL));
	assert_int_equal(outcome, GROUP_NO_ANSWER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUP_TEST(everything_a_group_shows_is_read),
		GROUP_TEST(nonsense_is_no_group_and_does_not_hurt),
		GROUP_TEST(texts_of_a_group_are_cleaned_and_cut),
		GROUP_TEST(a_group_has_no_more_members_than_we_take),
		GROUP_TEST(a_group_comes_back_from_the_database_as_it_was),
		GROUP_TEST(what_is_kept_in_another_layout_is_asked_for_anew),
		GROUP_TEST(names_of_members_are_learned),
		GROUP_TEST(it_is_known_since_when_a_member_may_be_there),
		GROUP_TEST(a_message_in_another_mode_makes_the_group_stale),
		GROUP_TEST(a_group_we_left_is_forgotten_with_its_keys),
		GROUP_TEST(every_answer_has_its_outcome),
		GROUP_TEST(an_answer_about_another_group_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
