/* Requests about groups (connection.md 8.4).  Each row of the table says of
 * whom it is asked and whether only members may ask. */
#include "sandboxd/group.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "sandboxd/iq.h"

struct ask {
	struct session *session;
	const struct wa_node *iq;
	const struct wa_node *what; /* its child */
	struct account *account;    /* who asks */
	struct group *group;	    /* NULL: asked of the group server */
};

static int code_of(const struct err *err)
{
	switch (err->code) {
	case ERR_FORBIDDEN:
		return IQ_NOT_AUTHORIZED;
	case ERR_NOT_FOUND:
		return IQ_NOT_FOUND;
	case ERR_CONFLICT:
		return IQ_CONFLICT;
	case ERR_LIMIT:
		return IQ_RESOURCE_LIMIT;
	case ERR_OK:
	case ERR_INVALID:
	case ERR_UNAUTHORIZED:
	case ERR_TOO_LARGE:
	case ERR_BUSY:
	case ERR_TIMEOUT:
	case ERR_IO:
	case ERR_PEER:
	case ERR_INTERNAL:
		return IQ_NOT_ACCEPTABLE;
	}
	return IQ_NOT_ACCEPTABLE;
}

static struct wa_node *result(const struct ask *ask)
{
	return iq_result(ask->session, ask->iq);
}

static void answer(const struct ask *ask, const struct wa_node *result_node)
{
	session_send(ask->session, result_node);
}

/* Done, or refused with what went wrong. */
static int done(const struct ask *ask, int rc, const struct err *err)
{
	if (rc != 0)
		return code_of(err);
	iq_answer_empty(ask->session, ask->iq);
	return 0;
}

static struct account *asked_account(
	const struct ask *ask, const struct wa_node *node, struct wa_jid *jid)
{
	if (!wa_node_jid(node, "jid", jid))
		return NULL;
	return directory_find(ask->session->sandbox, jid);
}

/* ---- lists of accounts ---- */

/* The <participant> children, in the arena. */
static struct group_target *targets_read(
	const struct ask *ask, const struct wa_node *list, size_t *n_out)
{
	struct sandbox *sandbox = ask->session->sandbox;
	struct group_target *targets = arena_alloc(sandbox->arena,
		(wa_node_n_children(list) + 1) * sizeof(*targets));
	size_t n = 0;

	wa_node_each (node, list) {
		if (strcmp(node->tag, "participant") != 0)
			continue;
		targets[n].account = asked_account(ask, node, &targets[n].jid);
		n++;
	}
	*n_out = n;
	return targets;
}

/* One in an answer: in the group's mode, or as asked when it is nobody here. */
static void add_target(struct wa_node *list, const struct group *group,
	const struct group_target *target)
{
	struct wa_node *node, *request;

	if (target->account != NULL) {
		node = group_add_participant(list, group, target->account);
	} else {
		node = wa_node_add(list, "participant");
		wa_node_set_jid(node, "jid", &target->jid);
	}
	if (target->error == 0)
		return;
	wa_node_set_int(node, "error", target->error);
	if (target->invite == NULL)
		return;
	request = wa_node_add(node, "add_request");
	wa_node_set(request, "code", target->invite->code);
	wa_node_set_int(request, "expiration", target->invite->expires_s);
}

static int on_members(const struct ask *ask)
{
	static const struct {
		const char *tag;
		enum group_verb verb;
	} verbs[] = {
		{ "add", GROUP_ADD },
		{ "remove", GROUP_REMOVE },
		{ "promote", GROUP_PROMOTE },
		{ "demote", GROUP_DEMOTE },
	};
	enum group_verb verb = GROUP_ADD;
	struct err err = ERR_NONE;
	struct group_target *targets;
	struct wa_node *out, *list;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(ask->what->tag, verbs[i].tag) == 0)
			verb = verbs[i].verb;
	}
	targets = targets_read(ask, ask->what, &n);
	if (n == 0 || n > GROUP_MEMBERS_MAX)
		return IQ_NOT_ACCEPTABLE;
	if (group_change_all(ask->session->sandbox, ask->group, ask->account,
		    verb, targets, n, &err) != 0)
		return code_of(&err);
	out = result(ask);
	list = wa_node_add(out, ask->what->tag);
	for (size_t i = 0; i < n; i++)
		add_target(list, ask->group, &targets[i]);
	answer(ask, out);
	return 0;
}

/* ---- what there is ---- */

static int on_info(const struct ask *ask)
{
	const struct wa_node *add_request =
		wa_node_child(ask->what, "add_request");
	bool member = group_member_of(ask->group, ask->account) != NULL;
	struct wa_node *out;

	if (!member &&
		(add_request == NULL ||
			group_invite_find(ask->group, ask->account,
				wa_node_str(add_request, "code")) == NULL))
		return IQ_FORBIDDEN;
	out = result(ask);
	group_add_node(out, ask->group, member);
	answer(ask, out);
	return 0;
}

static int on_participating(const struct ask *ask)
{
	struct wa_node *out = result(ask);
	struct wa_node *groups = wa_node_add(out, "groups");
	bool participants = wa_node_child(ask->what, "participants") != NULL;

	for (const struct group *group = ask->session->sandbox->groups;
		group != NULL; group = group->next)
		if (group_member_of(group, ask->account) != NULL)
			group_add_node(groups, group, participants);
	answer(ask, out);
	return 0;
}

/* ---- coming and going ---- */

static void take_settings(struct group *group, const struct wa_node *create)
{
	const struct wa_node *node = wa_node_child(create, "ephemeral");
	const uint8_t *mode;
	int64_t expiration = wa_node_int(node, "expiration", 0);
	size_t n;

	if (expiration > 0 && expiration <= GROUP_EXPIRATION_MAX)
		group->expiration = (unsigned)expiration;
	group->announcement = wa_node_child(create, "announcement") != NULL;
	group->locked = wa_node_child(create, "locked") != NULL;
	node = wa_node_child(create, "member_add_mode");
	mode = node == NULL ? NULL : wa_node_content(node, &n);
	group->admin_add =
		mode != NULL && n == 9 && memcmp(mode, "admin_add", 9) == 0;
	group->approval = wa_node_is(
		wa_node_path(create, "membership_approval_mode", "group_join"),
		"state", "on");
}

static int on_create(const struct ask *ask)
{
	struct sandbox *sandbox = ask->session->sandbox;
	const char *subject = wa_node_str(ask->what, "subject");
	struct err err = ERR_NONE;
	struct group_target *targets;
	struct wa_node *out, *node;
	struct group *group;
	size_t n;

	if (wa_node_child(ask->what, "parent") != NULL ||
		wa_node_child(ask->what, "linked_parent") != NULL)
		return IQ_NOT_IMPLEMENTED; /* communities */
	targets = targets_read(ask, ask->what, &n);
	if (group_check_subject(subject, subject == NULL ? 0 : strlen(subject),
		    &err) != 0 ||
		n >= GROUP_MEMBERS_MAX)
		return IQ_NOT_ACCEPTABLE;
	group = group_new(sandbox, ask->account, true);
	if (group == NULL)
		return IQ_RESOURCE_LIMIT;
	snprintf(group->subject, sizeof(group->subject), "%s", subject);
	group->subject_by = ask->account;
	take_settings(group, ask->what);
	group_admit_all(group, ask->account, targets, n);
	out = result(ask);
	node = group_add_node(out, group, true);
	for (size_t i = 0; i < n; i++) {
		if (targets[i].error != 0 &&
			targets[i].error != GROUP_TARGET_ALREADY)
			add_target(node, group, &targets[i]);
	}
	answer(ask, out);
	node = group_create_notification(
		sandbox, group, ask->account, "new", NULL);
	wa_node_set(node->child, "key", wa_node_str(ask->what, "key"));
	group_tell(sandbox, group, node);
	return 0;
}

static int on_leave(const struct ask *ask)
{
	const struct wa_node *named = wa_node_child(ask->what, "group");
	struct sandbox *sandbox = ask->session->sandbox;
	struct err err = ERR_NONE;
	struct group *group;
	struct wa_jid jid;

	if (!wa_node_jid(named, "id", &jid))
		return IQ_NOT_ACCEPTABLE;
	group = group_find(sandbox, &jid);
	if (group == NULL)
		return IQ_NOT_FOUND;
	return done(ask, group_leave(sandbox, group, ask->account, &err), &err);
}

/* ---- the link ---- */

static int on_code(const struct ask *ask)
{
	struct wa_node *out;

	if (!group_is_admin(ask->group, ask->account))
		return IQ_NOT_AUTHORIZED;
	if (wa_node_is(ask->iq, "type", "set"))
		group_code_reset(
			ask->session->sandbox, ask->group, ask->account);
	out = result(ask);
	wa_node_set(
		wa_node_add(out, "invite"), "code", ask->group->invite_code);
	answer(ask, out);
	return 0;
}

static int on_link(const struct ask *ask)
{
	struct sandbox *sandbox = ask->session->sandbox;
	const char *code = wa_node_str(ask->what, "code");
	struct err err = ERR_NONE;
	struct group *group;
	struct wa_node *out;
	struct wa_jid jid;
	bool waiting;

	group = group_by_code(sandbox, code == NULL ? "" : code, &err);
	if (group == NULL)
		return err.code == ERR_CONFLICT ? IQ_GONE : IQ_NOT_ACCEPTABLE;
	out = result(ask);
	if (wa_node_is(ask->iq, "type", "get")) {
		group_add_node(out, group,
			group_member_of(group, ask->account) != NULL);
		answer(ask, out);
		return 0;
	}
	if (group_join_by_code(sandbox, group, ask->account, &waiting, &err) !=
		0)
		return code_of(&err);
	jid = group_jid(group);
	wa_node_set_jid(wa_node_add(out, waiting ? "membership_approval_request"
						 : "group"),
		"jid", &jid);
	answer(ask, out);
	return 0;
}

/* ---- invitations ---- */

static int on_accept(const struct ask *ask)
{
	struct err err = ERR_NONE;

	if (group_invite_find(ask->group, ask->account,
		    wa_node_str(ask->what, "code")) == NULL)
		return IQ_NOT_ACCEPTABLE;
	return done(ask,
		group_join(ask->session->sandbox, ask->group, ask->account,
			"invite", &err),
		&err);
}

static int on_revoke(const struct ask *ask)
{
	struct group_target *targets;
	size_t n;

	if (!group_is_admin(ask->group, ask->account))
		return IQ_NOT_AUTHORIZED;
	targets = targets_read(ask, ask->what, &n);
	for (size_t i = 0; i < n; i++) {
		if (targets[i].account != NULL)
			group_invite_drop(ask->group, targets[i].account);
	}
	iq_answer_empty(ask->session, ask->iq);
	return 0;
}

/* ---- requests to join ---- */

static int on_requests(const struct ask *ask)
{
	struct wa_node *out, *list, *node;
	struct wa_jid jid;

	if (!group_is_admin(ask->group, ask->account))
		return IQ_NOT_AUTHORIZED;
	out = result(ask);
	list = wa_node_add(out, "membership_approval_requests");
	for (const struct group_request *request = ask->group->requests;
		request != NULL; request = request->next) {
		node = wa_node_add(list, "membership_approval_request");
		jid = group_address(ask->group, request->account);
		wa_node_set_jid(node, "jid", &jid);
		jid = group_other_address(ask->group, request->account);
		wa_node_set_jid(node,
			ask->group->lid_mode ? "phone_number" : "lid", &jid);
		wa_node_set_int(node, "request_time", request->t);
		wa_node_set(node, "request_method", "invite_link");
	}
	answer(ask, out);
	return 0;
}

static int on_decide(const struct ask *ask)
{
	const struct wa_node *decision = ask->what->child;
	struct group_target *targets;
	struct wa_node *out, *list;
	bool approve;
	size_t n;

	if (!group_is_admin(ask->group, ask->account))
		return IQ_NOT_AUTHORIZED;
	if (decision == NULL)
		return IQ_NOT_ACCEPTABLE;
	approve = strcmp(decision->tag, "approve") == 0;
	if (!approve && strcmp(decision->tag, "reject") != 0)
		return IQ_NOT_ACCEPTABLE;
	targets = targets_read(ask, decision, &n);
	out = result(ask);
	list = wa_node_add(wa_node_add(out, ask->what->tag), decision->tag);
	for (size_t i = 0; i < n; i++) {
		struct err err = ERR_NONE;

		if (targets[i].account == NULL)
			targets[i].error = GROUP_TARGET_UNKNOWN;
		else if (group_decide(ask->session->sandbox, ask->group,
				 ask->account, targets[i].account, approve,
				 &err) != 0)
			targets[i].error = code_of(&err);
		add_target(list, ask->group, &targets[i]);
	}
	answer(ask, out);
	return 0;
}

/* ---- what it is called and how it behaves ---- */

static int on_subject(const struct ask *ask)
{
	struct err err = ERR_NONE;
	size_t n = 0;
	const uint8_t *text = wa_node_content(ask->what, &n);

	return done(ask,
		group_set_subject(ask->session->sandbox, ask->group,
			ask->account, text, n, &err),
		&err);
}

static int on_description(const struct ask *ask)
{
	const struct wa_node *body = wa_node_child(ask->what, "body");
	struct err err = ERR_NONE;
	const uint8_t *text = NULL;
	size_t n = 0;

	if (!wa_node_is(ask->what, "delete", "true")) {
		text = body == NULL ? NULL : wa_node_content(body, &n);
		if (text == NULL)
			return IQ_NOT_ACCEPTABLE;
	}
	return done(ask,
		group_set_description(ask->session->sandbox, ask->group,
			ask->account, wa_node_str(ask->what, "prev"),
			wa_node_str(ask->what, "id"), text, n, &err),
		&err);
}

static int set(const struct ask *ask, enum group_setting setting, bool value)
{
	struct err err = ERR_NONE;

	return done(ask,
		group_set(ask->session->sandbox, ask->group, ask->account,
			setting, value, &err),
		&err);
}

static int on_announcement(const struct ask *ask)
{
	return set(ask, GROUP_ANNOUNCEMENT,
		strcmp(ask->what->tag, "announcement") == 0);
}

static int on_locked(const struct ask *ask)
{
	return set(ask, GROUP_LOCKED, strcmp(ask->what->tag, "locked") == 0);
}

static int on_ephemeral(const struct ask *ask)
{
	int64_t seconds = wa_node_int(ask->what, "expiration", 0);
	struct err err = ERR_NONE;

	if (seconds < 0 || seconds > GROUP_EXPIRATION_MAX)
		return IQ_NOT_ACCEPTABLE;
	return done(ask,
		group_set(ask->session->sandbox, ask->group, ask->account,
			GROUP_EXPIRATION, (unsigned)seconds, &err),
		&err);
}

static int on_add_mode(const struct ask *ask)
{
	size_t n = 0;
	const uint8_t *mode = wa_node_content(ask->what, &n);
	bool admins =
		mode != NULL && n == 9 && memcmp(mode, "admin_add", 9) == 0;
	bool everybody = mode != NULL && n == 14 &&
			 memcmp(mode, "all_member_add", 14) == 0;

	if (!admins && !everybody)
		return IQ_NOT_ACCEPTABLE;
	return set(ask, GROUP_ADMIN_ADD, admins);
}

static int on_approval(const struct ask *ask)
{
	const struct wa_node *join = wa_node_child(ask->what, "group_join");
	bool on = wa_node_is(join, "state", "on");

	if (!on && !wa_node_is(join, "state", "off"))
		return IQ_NOT_ACCEPTABLE;
	return set(ask, GROUP_APPROVAL, on);
}

/* ---- dispatch ---- */

enum { TO_SERVER, TO_GROUP, TO_MEMBERS }; /* the last: only members may ask */

static const struct {
	const char *type; /* NULL: either */
	const char *tag;
	int to;
	/* 0: answered; else the code to refuse with. */
	int (*fn)(const struct ask *ask);
} requests[] = {
	{ "get", "participating", TO_SERVER, on_participating },
	{ "set", "create", TO_SERVER, on_create },
	{ "set", "leave", TO_SERVER, on_leave },
	{ NULL, "invite", TO_SERVER, on_link },
	{ "get", "query", TO_GROUP, on_info },
	{ "set", "accept", TO_GROUP, on_accept },
	{ "set", "revoke", TO_MEMBERS, on_revoke },
	{ NULL, "invite", TO_MEMBERS, on_code },
	{ "set", "add", TO_MEMBERS, on_members },
	{ "set", "remove", TO_MEMBERS, on_members },
	{ "set", "promote", TO_MEMBERS, on_members },
	{ "set", "demote", TO_MEMBERS, on_members },
	{ "set", "subject", TO_MEMBERS, on_subject },
	{ "set", "description", TO_MEMBERS, on_description },
	{ "set", "announcement", TO_MEMBERS, on_announcement },
	{ "set", "not_announcement", TO_MEMBERS, on_announcement },
	{ "set", "locked", TO_MEMBERS, on_locked },
	{ "set", "unlocked", TO_MEMBERS, on_locked },
	{ "set", "ephemeral", TO_MEMBERS, on_ephemeral },
	{ "set", "not_ephemeral", TO_MEMBERS, on_ephemeral },
	{ "set", "member_add_mode", TO_MEMBERS, on_add_mode },
	{ "set", "membership_approval_mode", TO_MEMBERS, on_approval },
	{ "get", "membership_approval_requests", TO_MEMBERS, on_requests },
	{ "set", "membership_requests_action", TO_MEMBERS, on_decide },
};

/* The row for what is asked, which is the first child; or -1. */
static int find_row(const struct wa_node *iq, bool to_group)
{
	for (size_t i = 0; iq->child != NULL && i < ARRAY_LEN(requests); i++) {
		if ((requests[i].to != TO_SERVER) == to_group &&
			strcmp(requests[i].tag, iq->child->tag) == 0 &&
			(requests[i].type == NULL ||
				wa_node_is(iq, "type", requests[i].type)))
			return (int)i;
	}
	return -1;
}

static int serve(struct ask *ask)
{
	struct wa_jid to;
	int row;

	if (!wa_node_jid(ask->iq, "to", &to) || to.server != WA_SERVER_GROUP)
		return IQ_BAD_REQUEST;
	row = find_row(ask->iq, wa_jid_is_group(&to));
	if (row < 0)
		return IQ_NOT_IMPLEMENTED;
	ask->what = ask->iq->child;
	if (requests[row].to == TO_SERVER)
		return requests[row].fn(ask);
	ask->group = group_find(ask->session->sandbox, &to);
	if (ask->group == NULL)
		return IQ_NOT_FOUND;
	if (requests[row].to == TO_MEMBERS &&
		group_member_of(ask->group, ask->account) == NULL)
		return IQ_FORBIDDEN;
	return requests[row].fn(ask);
}

void group_on_request(struct session *session, const struct wa_node *iq)
{
	struct ask ask = {
		.session = session,
		.iq = iq,
		.account = session->device->account,
	};
	int code = serve(&ask);

	if (code != 0)
		iq_refuse(session, iq, code);
}
