/* Groups, as apid's clients use them (connection.md 8.4). */
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/whatsapp/group_json.h"
#include "senderd/whatsapp/group_op.h"
#include "senderd/whatsapp/status.h"

#define LIST_BYTES_MAX (384 * 1024) /* what one answer can carry */

/* ---- groups.list, groups.get ---- */

static json_t *list_json(
	struct lane *lane, const struct wa_node *groups, struct err *err)
{
	json_t *list = json_array();
	size_t n_bytes = 0;
	bool has_more = false;

	for (const struct wa_node *node = groups != NULL ? groups->child : NULL;
		node != NULL && !has_more; node = node->next) {
		scoped(group_free) struct group *group =
			group_read(lane->arena, node, NULL, clock_now_ms());
		json_t *json = group != NULL
				       ? group_json(lane, group, false, err)
				       : NULL;

		if (group == NULL)
			continue;
		if (json == NULL) {
			json_decref(list);
			return NULL;
		}
		n_bytes += json_dumpb(json, NULL, 0, JSON_COMPACT);
		has_more = n_bytes > LIST_BYTES_MAX;
		if (has_more)
			json_decref(json);
		else
			json_array_append_new(list, json);
	}
	return json_pack("{s:o, s:b}", "groups", list, "hasMore", has_more);
}

static void on_list(struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct op *op = arg;
	struct err err = ERR_NONE;
	json_t *json = NULL;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		op_fail_answer(lane, op, answer);
		return;
	}
	json = list_json(lane, wa_node_child(answer, "groups"), &err);
	if (json != NULL)
		op_done(lane, op, json);
	else
		op_fail(lane, op, &err);
}

static void groups_list(struct lane *lane, struct call *call)
{
	struct wa_node *iq = group_iq(lane, "get", NULL);
	struct wa_node *participating = wa_node_add(iq, "participating");

	wa_node_add(participating, "participants");
	wa_node_add(participating, "description");
	iq_send(lane, iq, on_list, op_new(call));
}

static void groups_get(struct lane *lane, struct call *call)
{
	struct op *op = op_with_group(lane, call);

	if (op != NULL)
		group_ask(lane, &op->jid, op_on_group, op);
}

/* ---- groups.create ---- */

static void on_created(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct op *op = arg;
	const struct wa_node *node = NULL;
	struct err err = ERR_NONE;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		op_fail_answer(lane, op, answer);
		return;
	}
	node = wa_node_child(answer, "group");
	if (group_learn_node(lane, node, NULL, &op->jid, &err) != 0) {
		op_fail(lane, op, &err);
		return;
	}
	op_done_group(lane, op,
		json_pack("{s:o}", "outcomes",
			people_outcomes(op->people, node)));
}

static void create_ask(struct lane *lane, bool answered, void *arg)
{
	struct op *op = arg;
	struct wa_node *iq = group_iq(lane, "set", NULL);
	struct wa_node *create = wa_node_add(iq, "create");
	struct err err = ERR_NONE;
	int n = 0;

	if (!answered) {
		op_fail_answer(lane, op, NULL);
		return;
	}
	wa_node_set(create, "subject", call_text(op->call, "subject"));
	n = people_add_nodes(lane, create, op->people,
		(struct people_form){ .with_tokens = true }, &err);
	wa_node_set(wa_node_add(create, "ephemeral"), "expiration", "0");
	wa_node_set(wa_node_add(wa_node_add(create, "membership_approval_mode"),
			    "group_join"),
		"state", "off");
	if (n == 0)
		err_set(&err, ERR_NOT_FOUND,
			"none of the participants is on WhatsApp");
	if (n > 0)
		iq_send(lane, iq, on_created, op);
	else
		op_fail(lane, op, &err);
}

static void groups_create(struct lane *lane, struct call *call)
{
	struct op *op = NULL;
	const char *subject = call_text(call, "subject");

	if (subject == NULL || subject[0] == '\0' ||
		strlen(subject) > GROUP_SUBJECT_MAX) {
		call_fail(lane, &call, ERR_INVALID,
			"subject: 1 to %d bytes are needed", GROUP_SUBJECT_MAX);
		return;
	}
	op = op_new(call);
	if (op_read_people(lane, op))
		people_resolve(lane, op->people, create_ask, op);
}

/* ---- groups.participants, groups.decide ---- */

/* The verb among those allowed; NULL: the call has been refused. */
static const char *op_verb(
	struct lane *lane, struct op *op, const char *const *verbs, size_t n)
{
	const char *action = call_text(op->call, "action");

	for (size_t i = 0; action != NULL && i < n; i++) {
		if (strcmp(action, verbs[i]) == 0)
			return verbs[i];
	}
	op_refuse(lane, op, "action: unknown");
	return NULL;
}

static void on_participants(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct op *op = arg;
	const struct wa_node *change = NULL;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		op_fail_answer(lane, op, answer);
		return;
	}
	change = wa_node_child(answer, op->verb);
	if (change == NULL)
		change = wa_node_path(
			answer, "membership_requests_action", op->verb);
	op_done(lane, op,
		json_pack("{s:o}", "participants",
			people_outcomes(op->people, change)));
}

static void participants_ask(struct lane *lane, bool answered, void *arg)
{
	struct op *op = arg;
	struct wa_node *iq = group_iq(lane, "set", &op->jid);
	bool decides = strcmp(op->verb, "approve") == 0 ||
		       strcmp(op->verb, "reject") == 0;
	struct wa_node *parent =
		decides ? wa_node_add(iq, "membership_requests_action") : iq;
	struct people_form form = { .with_tokens =
					    strcmp(op->verb, "add") == 0 };
	struct group *group = NULL;
	struct err err = ERR_NONE;
	int n = 0;

	if (!answered) {
		op_fail_answer(lane, op, NULL);
		return;
	}
	if (group_load(lane, &op->jid, &group, &err) > 0)
		form.by_number = !group->by_lid;
	if (err.code == ERR_OK)
		n = people_add_nodes(lane, wa_node_add(parent, op->verb),
			op->people, form, &err);
	if (err.code != ERR_OK)
		op_fail(lane, op, &err);
	else if (n > 0)
		iq_send(lane, iq, on_participants, op);
	else
		op_done(lane, op,
			json_pack("{s:o}", "participants",
				people_outcomes(op->people, NULL)));
}

static void participants_call(struct lane *lane, struct call *call,
	const char *const *verbs, size_t n)
{
	struct op *op = op_with_group(lane, call);
	const char *verb = op != NULL ? op_verb(lane, op, verbs, n) : NULL;

	if (verb == NULL)
		return;
	op->verb = verb;
	if (op_read_people(lane, op))
		people_resolve(lane, op->people, participants_ask, op);
}

static void groups_participants(struct lane *lane, struct call *call)
{
	static const char *const verbs[] = { "add", "remove", "promote",
		"demote" };

	participants_call(lane, call, verbs, ARRAY_LEN(verbs));
}

static void groups_decide(struct lane *lane, struct call *call)
{
	static const char *const verbs[] = { "approve", "reject" };

	participants_call(lane, call, verbs, ARRAY_LEN(verbs));
}

/* ---- groups.requests ---- */

static json_t *requests_json(
	struct lane *lane, const struct wa_node *requests, struct err *err)
{
	json_t *list = json_array();

	for (const struct wa_node *node = requests != NULL ? requests->child
							   : NULL;
		node != NULL; node = node->next) {
		int64_t t = wa_node_int(node, "request_time", 0);
		char when[CLOCK_ISO_LEN];
		struct wa_jid jid;
		json_t *json = NULL;

		if (!wa_node_jid(node, "jid", &jid) || !wa_jid_is_user(&jid))
			continue;
		jid = wa_jid_bare(&jid);
		json = group_json_account(lane, &jid, err);
		if (json == NULL) {
			json_decref(list);
			return NULL;
		}
		if (t > 0 && t < 99999999999LL) {
			clock_iso(t * 1000, when);
			json_object_set_new(
				json, "requestedAt", json_string(when));
		}
		json_array_append_new(list, json);
	}
	return json_pack("{s:o}", "requests", list);
}

static void on_requests(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct op *op = arg;
	struct err err = ERR_NONE;
	json_t *json = NULL;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		op_fail_answer(lane, op, answer);
		return;
	}
	json = requests_json(lane,
		wa_node_child(answer, "membership_approval_requests"), &err);
	if (json != NULL)
		op_done(lane, op, json);
	else
		op_fail(lane, op, &err);
}

static void groups_requests(struct lane *lane, struct call *call)
{
	struct op *op = op_with_group(lane, call);
	struct wa_node *iq = NULL;

	if (op == NULL)
		return;
	iq = group_iq(lane, "get", &op->jid);
	wa_node_add(iq, "membership_approval_requests");
	iq_send(lane, iq, on_requests, op);
}

/* ---- status.privacy ---- */

static void on_privacy(struct lane *lane, bool answered, void *arg)
{
	struct op *op = arg;
	struct err err = ERR_NONE;
	json_t *json = answered ? status_privacy_json(lane, &err) : NULL;

	if (json != NULL)
		op_done(lane, op, json);
	else if (err.code != ERR_OK)
		op_fail(lane, op, &err);
	else
		op_fail_answer(lane, op, NULL);
}

static void status_privacy(struct lane *lane, struct call *call)
{
	status_ask(lane, on_privacy, op_new(call));
}

const struct call_method group_calls[] = {
	{ .name = "groups.list", .fn = groups_list },
	{ .name = "groups.get", .fn = groups_get },
	{ .name = "groups.create", .fn = groups_create },
	{ .name = "groups.update", .fn = groups_update },
	{ .name = "groups.participants", .fn = groups_participants },
	{ .name = "groups.invite", .fn = groups_invite },
	{ .name = "groups.inviteInfo", .fn = groups_invite_info },
	{ .name = "groups.join", .fn = groups_join },
	{ .name = "groups.leave", .fn = groups_leave },
	{ .name = "groups.requests", .fn = groups_requests },
	{ .name = "groups.decide", .fn = groups_decide },
	{ .name = "status.privacy", .fn = status_privacy },
	{ .name = NULL },
};
