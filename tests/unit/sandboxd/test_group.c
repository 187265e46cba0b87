/* Groups: who may do what, what is answered, and what the members hear. */
#include "network.h"

#include "common/clock.h"
#include "sandboxd/group.h"
#include "sandboxd/profile.h"
#include "sandboxd/route.h"

/* Alice makes groups; Bob and Carol are mostly in them, Dave is not. */
static struct account *alice, *bob, *carol, *dave;
static struct device *laptop, *bob1, *carol1, *dave1;

static int open_people(void **state)
{
	net_open(state);
	alice = net_account("15550001111");
	bob = net_account("15550002222");
	carol = net_account("15550003333");
	dave = net_account("15550004444");
	laptop = net_companion(alice);
	bob1 = net_companion(bob);
	carol1 = net_companion(carol);
	dave1 = net_companion(dave);
	net_connect(laptop);
	net_connect(bob1);
	net_connect(carol1);
	net_connect(dave1);
	net_forget_sent();
	return 0;
}

/* Alice's with Bob and Carol. */
static struct group *three(bool lid_mode)
{
	struct account *members[] = { bob, carol };
	struct group *group = group_create(
		&net.sandbox, alice, "Three", members, 2, lid_mode);

	assert_non_null(group);
	net_forget_sent();
	return group;
}

static struct wa_jid bare(const struct account *account, bool lid)
{
	return lid ? wa_jid_lid(account->lid, 0) : wa_jid_pn(account->pn, 0);
}

/* ---- requests ---- */

static struct wa_node *request(
	const struct group *group, const char *type, const char *tag)
{
	struct wa_jid to;
	struct wa_node *iq;

	wa_jid_parse("@g.us", 5, &to);
	if (group != NULL)
		to = group_jid(group);
	iq = net_stanza("iq", "r1", &to);
	wa_node_set(iq, "type", type);
	wa_node_set(iq, "xmlns", "w:g2");
	wa_node_add(iq, tag);
	return iq;
}

static struct wa_node *what(struct wa_node *iq)
{
	return (struct wa_node *)iq->child;
}

static void name_account(
	struct wa_node *list, const struct account *account, bool lid)
{
	struct wa_jid jid = bare(account, lid);

	wa_node_set_jid(wa_node_add(list, "participant"), "jid", &jid);
}

/* The answer to the last request of @device; its frame must be right. */
static const struct wa_node *ask(
	struct device *device, const struct wa_node *iq)
{
	const struct wa_node *answer;

	net_forget_sent();
	group_on_request(device->session, iq);
	answer = net_sent(device, "iq", 0);
	assert_non_null(answer);
	assert_attr(answer, "id", "r1");
	assert_string_equal(wa_node_str(answer, "from"), wa_node_str(iq, "to"));
	return answer;
}

static const struct wa_node *result(
	struct device *device, const struct wa_node *iq)
{
	const struct wa_node *answer = ask(device, iq);

	assert_attr(answer, "type", "result");
	return answer;
}

static int refusal(struct device *device, const struct wa_node *iq)
{
	const struct wa_node *answer = ask(device, iq);

	assert_attr(answer, "type", "error");
	return (int)wa_node_int(wa_node_child(answer, "error"), "code", 0);
}

/* The only change in the only notification that @device got since. */
static const struct wa_node *heard(struct device *device, const char *tag)
{
	const struct wa_node *node = net_sent(device, "notification", 0);

	if (node == NULL)
		fail_msg("%s heard nothing of %s", device->account->pn, tag);
	assert_int_equal(net_count(device, "notification"), 1);
	assert_attr(node, "type", "w:gp2");
	assert_non_null(wa_node_get(node, "t"));
	assert_int_equal(wa_node_n_children(node), 1);
	assert_string_equal(node->child->tag, tag);
	return node->child;
}

static void all_three_hear(const char *tag)
{
	heard(laptop, tag);
	heard(bob1, tag);
	heard(carol1, tag);
	assert_int_equal(net_count(dave1, "notification"), 0);
}

/* ---- making and seeing ---- */

static void a_group_is_made_in_lid_mode_and_everybody_in_it_hears(void **state)
{
	struct wa_node *iq = request(NULL, "set", "create");
	const struct wa_node *group, *told;

	(void)state;
	wa_node_set(what(iq), "subject", "Picnic");
	wa_node_set(what(iq), "key", "3EB0KEY");
	name_account(what(iq), bob, false);
	name_account(what(iq), carol, true);
	group = wa_node_child(result(laptop, iq), "group");
	assert_attr(group, "subject", "Picnic");
	assert_attr(group, "addressing_mode", "lid");
	assert_attr(group, "size", "3");
	assert_jid(group, "creator", bare(alice, true));
	assert_jid(group, "creator_pn", bare(alice, false));
	assert_int_equal(wa_node_get(group, "id")->kind, WA_VALUE_STRING);
	assert_attr(group->child, "type", "superadmin");
	assert_jid(group->child->next, "jid", bare(bob, true));
	assert_jid(group->child->next, "phone_number", bare(bob, false));
	told = heard(bob1, "create");
	assert_attr(told, "type", "new");
	assert_attr(told, "key", "3EB0KEY");
	assert_attr(wa_node_child(told, "group"), "subject", "Picnic");
	heard(laptop, "create");
	heard(carol1, "create");
	assert_int_equal(net_count(dave1, "notification"), 0);
}

static void who_is_nobody_is_named_in_the_answer_and_left_out(void **state)
{
	struct wa_node *iq = request(NULL, "set", "create"), *node;
	struct wa_jid nobody = wa_jid_pn("15559999999", 0);
	const struct wa_node *group;
	int errors = 0;

	(void)state;
	wa_node_set(what(iq), "subject", "Picnic");
	name_account(what(iq), bob, true);
	node = wa_node_add(what(iq), "participant");
	wa_node_set_jid(node, "jid", &nobody);
	group = wa_node_child(result(laptop, iq), "group");
	assert_attr(group, "size", "2");
	wa_node_each (child, group)
		errors += wa_node_is(child, "error", "404");
	assert_int_equal(errors, 1);
}

static void a_group_needs_a_subject_that_can_be_shown(void **state)
{
	static const char *const bad[] = { "", "\xff\xfe",
		"01234567890123456789012345678901234567890123456789"
		"01234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567" };

	(void)state;
	assert_int_equal(refusal(laptop, request(NULL, "set", "create")), 406);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct wa_node *iq = request(NULL, "set", "create");

		wa_node_set(what(iq), "subject", bad[i]);
		assert_int_equal(refusal(laptop, iq), 406);
	}
	assert_null(net.sandbox.groups);
}

static void what_comes_with_a_new_group_is_kept(void **state)
{
	struct wa_node *iq = request(NULL, "set", "create"), *node;
	const struct group *group;

	(void)state;
	wa_node_set(what(iq), "subject", "Strict");
	wa_node_add(what(iq), "announcement");
	wa_node_add(what(iq), "locked");
	wa_node_set(wa_node_add(what(iq), "ephemeral"), "expiration", "86400");
	wa_node_text(wa_node_add(what(iq), "member_add_mode"), "admin_add");
	node = wa_node_add(what(iq), "membership_approval_mode");
	wa_node_set(wa_node_add(node, "group_join"), "state", "on");
	result(laptop, iq);
	group = net.sandbox.groups;
	assert_true(group->announcement && group->locked && group->admin_add &&
		    group->approval);
	assert_int_equal(group->expiration, 86400);
}

static void members_see_a_group_in_its_mode_and_others_do_not(void **state)
{
	(void)state;
	for (int lid = 0; lid <= 1; lid++) {
		struct group *group = three(lid);
		const struct wa_node *node;

		node = wa_node_child(
			result(bob1, request(group, "get", "query")), "group");
		assert_attr(node, "addressing_mode", lid ? "lid" : "pn");
		assert_attr(node, "id", group->id);
		assert_jid(node->child, "jid", bare(alice, lid));
		assert_jid(node->child, lid ? "phone_number" : "lid",
			bare(alice, !lid));
		assert_int_equal(
			refusal(dave1, request(group, "get", "query")), 403);
	}
}

static void a_group_that_does_not_exist_is_not_found(void **state)
{
	struct group *group = three(true), gone = *group;

	(void)state;
	snprintf(gone.id, sizeof(gone.id), "120363000");
	assert_int_equal(refusal(bob1, request(&gone, "get", "query")), 404);
	assert_int_equal(refusal(bob1, request(&gone, "set", "subject")), 404);
}

static void each_sees_the_groups_he_is_in(void **state)
{
	struct wa_node *iq = request(NULL, "get", "participating");
	const struct wa_node *groups;

	(void)state;
	three(true);
	three(false);
	wa_node_add(what(iq), "participants");
	groups = wa_node_child(result(carol1, iq), "groups");
	assert_int_equal(wa_node_n_children(groups), 2);
	assert_non_null(wa_node_child(groups->child, "participant"));
	groups = wa_node_child(result(dave1, iq), "groups");
	assert_int_equal(wa_node_n_children(groups), 0);
}

/* ---- members ---- */

static void who_is_added_gets_the_group_and_the_others_the_change(void **state)
{
	struct group *group = three(true);
	struct wa_node *iq = request(group, "set", "add");
	const struct wa_node *node, *stanza;

	(void)state;
	name_account(what(iq), dave, false);
	node = wa_node_path(result(laptop, iq), "add", "participant");
	assert_jid(node, "jid", bare(dave, true));
	assert_no_attr(node, "error");
	node = heard(bob1, "add");
	assert_non_null(wa_node_get(node, "v_id"));
	assert_jid(node->child, "jid", bare(dave, true));
	assert_jid(node->child, "phone_number", bare(dave, false));
	heard(laptop, "add");
	stanza = net_sent(bob1, "notification", 0);
	assert_jid(stanza, "from", group_jid(group));
	assert_jid(stanza, "participant", bare(alice, true));
	assert_jid(stanza, "participant_pn", bare(alice, false));
	node = heard(dave1, "create");
	assert_no_attr(node, "type");
	assert_attr(wa_node_child(node, "group"), "size", "4");
}

static void adding_twice_is_told_and_changes_nothing(void **state)
{
	struct group *group = three(true);
	struct wa_node *iq = request(group, "set", "add");

	(void)state;
	name_account(what(iq), bob, true);
	assert_attr(wa_node_path(result(laptop, iq), "add", "participant"),
		"error", "409");
	assert_int_equal(net_count(carol1, "notification"), 0);
	assert_int_equal(group->n_members, 3);
}

static void the_one_removed_hears_it_with_the_others(void **state)
{
	struct group *group = three(true);
	struct wa_node *iq = request(group, "set", "remove");

	(void)state;
	name_account(what(iq), carol, true);
	name_account(what(iq), carol, true);
	result(laptop, iq);
	all_three_hear("remove");
	assert_jid(heard(carol1, "remove")->child, "jid", bare(carol, true));
	assert_null(group_member_of(group, carol));
	assert_int_equal(group->n_members, 2);
	assert_int_equal(refusal(carol1, request(group, "get", "query")), 403);
}

static void only_admins_remove_and_nobody_the_creator_or_himself(void **state)
{
	struct group *group = three(true);
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(group_change(&net.sandbox, group, bob, GROUP_REMOVE,
				 carol, &err),
		-1);
	assert_int_equal(err.code, ERR_FORBIDDEN);
	assert_int_equal(group_change(&net.sandbox, group, alice, GROUP_PROMOTE,
				 bob, &err),
		0);
	assert_int_equal(group_change(&net.sandbox, group, bob, GROUP_REMOVE,
				 alice, &err),
		-1);
	assert_int_equal(
		group_change(&net.sandbox, group, bob, GROUP_REMOVE, bob, &err),
		-1);
	assert_int_equal(group_change(&net.sandbox, group, bob, GROUP_DEMOTE,
				 alice, &err),
		-1);
	assert_int_equal(group_change(&net.sandbox, group, bob, GROUP_REMOVE,
				 dave, &err),
		-1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(group_change(&net.sandbox, group, bob, GROUP_REMOVE,
				 carol, &err),
		0);
}

static void ranks_go_up_and_down_and_are_told(void **state)
{
	struct group *group = three(true);
	struct wa_node *iq = request(group, "set", "promote");

	(void)state;
	name_account(what(iq), bob, true);
	result(laptop, iq);
	assert_attr(heard(carol1, "promote")->child, "type", "admin");
	iq = request(group, "set", "demote");
	name_account(what(iq), bob, true);
	result(laptop, iq);
	assert_no_attr(heard(carol1, "demote")->child, "type");
	iq = request(group, "set", "promote");
	name_account(what(iq), bob, true);
	assert_int_equal(refusal(carol1, iq), 401);
}

static void members_add_until_only_admins_may(void **state)
{
	struct group *group = three(true);
	struct wa_node *iq = request(group, "set", "member_add_mode");
	struct err err = ERR_NONE;

	(void)state;
	wa_node_text(what(iq), "admin_add");
	assert_int_equal(refusal(bob1, iq), 401);
	result(laptop, iq);
	all_three_hear("member_add_mode");
	assert_int_equal(
		group_change(&net.sandbox, group, bob, GROUP_ADD, dave, &err),
		-1);
	assert_int_equal(err.code, ERR_FORBIDDEN);
	wa_node_text(what(iq), "whoever");
	assert_int_equal(refusal(laptop, iq), 406);
	wa_node_text(what(iq), "all_member_add");
	result(laptop, iq);
	assert_int_equal(
		group_change(&net.sandbox, group, bob, GROUP_ADD, dave, &err),
		0);
}

static void who_leaves_hears_it_and_the_last_admin_has_an_heir(void **state)
{
	struct group *group = three(true);
	struct wa_node *iq = request(NULL, "set", "leave");
	struct wa_jid jid = group_jid(group);

	(void)state;
	wa_node_set_jid(wa_node_add(what(iq), "group"), "id", &jid);
	result(laptop, iq);
	assert_jid(heard(laptop, "remove")->child, "jid", bare(alice, true));
	assert_jid(net_sent(bob1, "notification", 0), "participant",
		bare(alice, true));
	assert_string_equal(
		net_sent(bob1, "notification", 1)->child->tag, "promote");
	assert_true(group_is_admin(group, bob));
	assert_int_equal(refusal(laptop, iq), 404);
	result(bob1, iq);
	result(carol1, iq);
	assert_null(net.sandbox.groups);
	assert_int_equal(refusal(carol1, iq), 404);
}

static void a_group_of_a_thousand_finds_its_members(void **state)
{
	struct group *group = three(true);
	struct account *last = NULL;
	struct err err = ERR_NONE;
	char pn[16];

	(void)state;
	for (unsigned i = 3; i < GROUP_MEMBERS_MAX; i++) {
		snprintf(pn, sizeof(pn), "1666%07u", i);
		last = net_account(pn);
		assert_int_equal(
			group_join(&net.sandbox, group, last, NULL, &err), 0);
		net_forget_sent();
		arena_reset(net.kept);
		arena_reset(net.sandbox.arena);
	}
	assert_non_null(group_member_of(group, last));
	assert_int_equal(group->n_members, GROUP_MEMBERS_MAX);
	assert_int_equal(group_join(&net.sandbox, group, dave, NULL, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

/* ---- invitations, links and requests ---- */

static void who_cannot_be_added_is_invited_and_may_accept(void **state)
{
	struct group *group = three(true);
	struct wa_node *iq = request(group, "set", "add"), *accept;
	const struct wa_node *node;
	struct err err = ERR_NONE;
	char code[32];

	(void)state;
	assert_int_equal(profile_set_privacy(
				 &net.sandbox, dave, "groupadd", "none", &err),
		0);
	name_account(what(iq), dave, true);
	node = wa_node_path(result(laptop, iq), "add", "participant");
	assert_attr(node, "error", "403");
	snprintf(code, sizeof(code), "%s",
		wa_node_str(wa_node_child(node, "add_request"), "code"));
	accept = request(group, "set", "accept");
	wa_node_set(what(accept), "code", "ABCDEFGHIJKLMNOP");
	assert_int_equal(refusal(dave1, accept), 406);
	accept = request(group, "set", "accept");
	wa_node_set(what(accept), "code", code);
	assert_int_equal(refusal(carol1, accept), 406);
	result(dave1, accept);
	heard(dave1, "create");
	assert_non_null(group_member_of(group, dave));
	/* Once only. */
	assert_int_equal(group_change(&net.sandbox, group, alice, GROUP_REMOVE,
				 dave, &err),
		0);
	assert_int_equal(refusal(dave1, accept), 406);
}

static void a_revoked_invitation_opens_nothing(void **state)
{
	struct group *group = three(true);
	const struct group_invite *invite =
		group_invite_new(group, dave, alice);
	struct wa_node *accept = request(group, "set", "accept"), *iq;

	(void)state;
	wa_node_set(what(accept), "code", invite->code);
	iq = request(group, "set", "revoke");
	name_account(what(iq), dave, true);
	assert_int_equal(refusal(bob1, iq), 401);
	result(laptop, iq);
	assert_int_equal(refusal(dave1, accept), 406);
}

static struct wa_node *by_link(const char *type, const char *code)
{
	struct wa_node *iq = request(NULL, type, "invite");

	wa_node_set(what(iq), "code", code);
	return iq;
}

static void the_link_shows_the_group_and_opens_it(void **state)
{
	struct group *group = three(true);
	const char *code = arena_strdup(net.sandbox.arena, group->invite_code);
	const struct wa_node *node;

	(void)state;
	assert_int_equal(refusal(bob1, request(group, "get", "invite")), 401);
	node = wa_node_child(
		result(laptop, request(group, "get", "invite")), "invite");
	assert_attr(node, "code", code);
	node = wa_node_child(result(dave1, by_link("get", code)), "group");
	assert_attr(node, "subject", "Three");
	assert_null(wa_node_child(node, "participant"));
	node = wa_node_child(result(dave1, by_link("set", code)), "group");
	assert_jid(node, "jid", group_jid(group));
	assert_attr(heard(bob1, "add"), "reason", "invite");
	assert_attr(heard(dave1, "create"), "reason", "invite");
}

static void a_new_link_makes_the_old_one_gone(void **state)
{
	struct group *group = three(true);
	const char *code = arena_strdup(net.sandbox.arena, group->invite_code);

	(void)state;
	assert_int_equal(refusal(bob1, request(group, "set", "invite")), 401);
	result(laptop, request(group, "set", "invite"));
	assert_attr(heard(bob1, "invite"), "code", group->invite_code);
	assert_string_not_equal(group->invite_code, code);
	assert_int_equal(refusal(dave1, by_link("set", code)), 410);
	assert_int_equal(refusal(dave1, by_link("set", "never")), 406);
	assert_int_equal(refusal(dave1, by_link("get", NULL)), 406);
}

static struct wa_node *decision(
	const struct group *group, const char *verb, struct account *account)
{
	struct wa_node *iq =
		request(group, "set", "membership_requests_action");

	name_account(wa_node_add(what(iq), verb), account, true);
	return iq;
}

static void with_approval_an_admin_decides_who_joins(void **state)
{
	struct group *group = three(true);
	const struct wa_node *node;

	(void)state;
	group->approval = true;
	node = result(dave1, by_link("set", group->invite_code));
	assert_jid(wa_node_child(node, "membership_approval_request"), "jid",
		group_jid(group));
	heard(laptop, "created_membership_requests");
	assert_int_equal(net_count(bob1, "notification"), 0);
	assert_null(group_member_of(group, dave));
	node = result(
		laptop, request(group, "get", "membership_approval_requests"));
	node = wa_node_path(node, "membership_approval_requests",
		"membership_approval_request");
	assert_jid(node, "jid", bare(dave, true));
	assert_non_null(wa_node_get(node, "request_time"));

	assert_int_equal(refusal(bob1, decision(group, "approve", dave)), 401);
	result(laptop, decision(group, "reject", dave));
	heard(laptop, "revoked_membership_requests");
	node = result(laptop, decision(group, "approve", dave));
	assert_attr(
		wa_node_path(wa_node_child(node, "membership_requests_action"),
			"approve", "participant"),
		"error", "404");
	result(dave1, by_link("set", group->invite_code));
	result(laptop, decision(group, "approve", dave));
	heard(dave1, "create");
	assert_null(group->requests);
}

/* ---- what it is called and how it behaves ---- */

static void a_subject_is_told_with_who_and_when(void **state)
{
	struct group *group = three(true);
	struct wa_node *iq = request(group, "set", "subject");
	const struct wa_node *told;

	(void)state;
	wa_node_text(what(iq), "Fourth");
	result(bob1, iq);
	all_three_hear("subject");
	told = heard(carol1, "subject");
	assert_attr(told, "subject", "Fourth");
	assert_non_null(wa_node_get(told, "s_t"));
	assert_jid(told, "s_o", bare(bob, true));
	assert_jid(told, "s_o_pn", bare(bob, false));
	iq = request(group, "set", "subject");
	assert_int_equal(refusal(bob1, iq), 406);
	wa_node_text(what(iq), "Fifth");
	assert_int_equal(refusal(dave1, iq), 403);
	group->locked = true;
	assert_int_equal(refusal(bob1, iq), 401);
}

static struct wa_node *describe(const struct group *group, const char *prev,
	const char *id, const char *text)
{
	struct wa_node *iq = request(group, "set", "description");

	wa_node_set(what(iq), "prev", prev);
	wa_node_set(what(iq), "id", id);
	if (text != NULL)
		wa_node_text(wa_node_add(what(iq), "body"), text);
	else
		wa_node_set(what(iq), "delete", "true");
	return iq;
}

static void a_description_changes_only_with_the_id_of_the_last(void **state)
{
	struct group *group = three(true);
	const struct wa_node *told;

	(void)state;
	result(bob1, describe(group, NULL, "D1", "what it is"));
	told = heard(carol1, "description");
	assert_attr(told, "id", "D1");
	assert_non_null(wa_node_child(told, "body"));
	assert_int_equal(
		refusal(carol1, describe(group, NULL, "D2", "else")), 409);
	assert_int_equal(
		refusal(carol1, describe(group, "D0", "D2", "else")), 409);
	result(carol1, describe(group, "D1", "D2", "else"));
	assert_string_equal(group->description, "else");
	result(carol1, describe(group, "D2", NULL, NULL));
	told = heard(bob1, "description");
	assert_non_null(wa_node_get(told, "id")); /* clients want one */
	assert_non_null(wa_node_child(told, "delete"));
	assert_null(group->description);
	result(bob1, describe(group, NULL, "D4", "again"));
}

static void each_setting_is_told_under_its_own_name(void **state)
{
	static const struct {
		const char *tag, *attr;
	} cases[] = {
		{ "announcement", "v_id" },
		{ "not_announcement", "v_id" },
		{ "locked", NULL },
		{ "unlocked", NULL },
		{ "ephemeral", "expiration" },
		{ "not_ephemeral", NULL },
	};
	struct group *group = three(true);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_node *iq = request(group, "set", cases[i].tag);

		if (strcmp(cases[i].tag, "ephemeral") == 0)
			wa_node_set(what(iq), "expiration", "604800");
		else if (strcmp(cases[i].tag, "not_ephemeral") != 0)
			assert_int_equal(refusal(bob1, iq), 401);
		result(laptop, iq);
		all_three_hear(cases[i].tag);
		if (cases[i].attr != NULL)
			assert_non_null(wa_node_get(
				heard(bob1, cases[i].tag), cases[i].attr));
	}
	assert_int_equal(group->expiration, 0);
	assert_false(group->announcement || group->locked);
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct group *group = three(true);
	struct wa_node *iq = request(group, "set", "ephemeral");
	struct wa_jid server = wa_jid_server();

	(void)state;
	wa_node_set(what(iq), "expiration", "99999999999");
	assert_int_equal(refusal(laptop, iq), 406);
	assert_int_equal(refusal(laptop, request(group, "set", "add")), 406);
	assert_int_equal(refusal(laptop, request(group, "get", "add")), 501);
	assert_int_equal(refusal(laptop, request(NULL, "set", "add")), 501);
	assert_int_equal(refusal(laptop, request(group, "get", "odd")), 501);
	iq = request(NULL, "set", "create");
	wa_node_add(what(iq), "parent");
	assert_int_equal(refusal(laptop, iq), 501);
	assert_int_equal(refusal(laptop, request(NULL, "set", "leave")), 406);
	assert_int_equal(refusal(laptop, request(group, "set",
						 "membership_requests_action")),
		406);
	iq = net_stanza("iq", "r1", &server);
	wa_node_set(iq, "type", "get");
	wa_node_add(iq, "query");
	assert_int_equal(refusal(laptop, iq), 400);
	iq = request(group, "get", "query");
	iq->child = NULL;
	assert_int_equal(refusal(laptop, iq), 501);
}

/* ---- what else concerns members ---- */

static void members_hear_of_each_others_devices(void **state)
{
	struct device *added;

	(void)state;
	three(true);
	added = net_companion(carol);
	route_devices_changed(&net.sandbox, carol, added, true);
	assert_attr(net_sent(bob1, "notification", 0), "type", "devices");
	assert_int_equal(net_count(bob1, "notification"), 1);
	assert_int_equal(net_count(laptop, "notification"), 1);
	assert_int_equal(net_count(dave1, "notification"), 0);
}

static void an_offline_member_hears_it_when_it_comes_back(void **state)
{
	struct group *group = three(true);
	struct err err = ERR_NONE;

	(void)state;
	net_disconnect(bob1);
	assert_int_equal(group_change(&net.sandbox, group, NULL, GROUP_REMOVE,
				 bob, &err),
		0);
	net_forget_sent();
	net_connect(bob1);
	/* Nothing was acknowledged yet. */
	assert_string_equal(
		net_sent(bob1, "notification", 0)->child->tag, "create");
	assert_string_equal(
		net_sent(bob1, "notification", 1)->child->tag, "remove");
}

#define on_people(test) \
	cmocka_unit_test_setup_teardown(test, open_people, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_people(
			a_group_is_made_in_lid_mode_and_everybody_in_it_hears),
		on_people(who_is_nobody_is_named_in_the_answer_and_left_out),
		on_people(a_group_needs_a_subject_that_can_be_shown),
		on_people(what_comes_with_a_new_group_is_kept),
		on_people(members_see_a_group_in_its_mode_and_others_do_not),
		on_people(a_group_that_does_not_exist_is_not_found),
		on_people(each_sees_the_groups_he_is_in),
		on_people(
			who_is_added_gets_the_group_and_the_others_the_change),
		on_people(adding_twice_is_told_and_changes_nothing),
		on_people(the_one_removed_hears_it_with_the_others),
		on_people(only_admins_remove_and_nobody_the_creator_or_himself),
		on_people(ranks_go_up_and_down_and_are_told),
		on_people(members_add_until_only_admins_may),
		on_people(who_leaves_hears_it_and_the_last_admin_has_an_heir),
		on_people(a_group_of_a_thousand_finds_its_members),
		on_people(who_cannot_be_added_is_invited_and_may_accept),
		on_people(a_revoked_invitation_opens_nothing),
		on_people(the_link_shows_the_group_and_opens_it),
		on_people(a_new_link_makes_the_old_one_gone),
		on_people(with_approval_an_admin_decides_who_joins),
		on_people(a_subject_is_told_with_who_and_when),
		on_people(a_description_changes_only_with_the_id_of_the_last),
		on_people(each_setting_is_told_under_its_own_name),
		on_people(what_makes_no_sense_is_refused),
		on_people(members_hear_of_each_others_devices),
		on_people(an_offline_member_hears_it_when_it_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
