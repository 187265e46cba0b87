/* groups.invite, groups.inviteInfo, groups.join, groups.leave: links into
 * groups and the way out. */
#include "senderd/whatsapp/group_op.h"

#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/whatsapp/group_json.h"

#define LINK "https://chat.whatsapp.com/"
#define CODE_MAX 64

/* A code, or the link that ends in one.  NULL: the call has been refused. */
static const char *call_code(struct lane *lane, struct call *call)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *code = call_text(call, "code");

	if (code != NULL && strncmp(code, LINK, strlen(LINK)) == 0)
		code += strlen(LINK);
	if (code != NULL && code[0] != '\0' && strlen(code) <= CODE_MAX &&
		code[strspn(code, plain)] == '\0')
		return code;
	call_fail(lane, &call, ERR_INVALID,
		"code: an invitation's code or link is needed");
	return NULL;
}

static void on_invite(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct op *op = arg;
	const char *invite = NULL;
	json_t *json = NULL;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		op_fail_answer(lane, op, answer);
		return;
	}
	invite = wa_node_str(wa_node_child(answer, "invite"), "code");
	json = invite != NULL && strlen(invite) <= CODE_MAX
		       ? json_pack("{s:s, s:o}", "code", invite, "link",
				 json_sprintf(LINK "%s", invite))
		       : NULL;
	if (json != NULL)
		op_done(lane, op, json);
	else
		op_fail_answer(lane, op, answer);
}

void groups_invite(struct lane *lane, struct call *call)
{
	struct op *op = op_with_group(lane, call);
	struct wa_node *iq = NULL;

	if (op == NULL)
		return;
	iq = group_iq(lane,
		json_is_true(call_param(op->call, "reset")) ? "set" : "get",
		&op->jid);
	wa_node_add(iq, "invite");
	iq_send(lane, iq, on_invite, op);
}

static void on_invite_info(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct op *op = arg;
	scoped(group_free) struct group *group = NULL;
	const struct wa_node *node = NULL;
	struct err err = ERR_NONE;
	json_t *json = NULL;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		op_fail_answer(lane, op, answer);
		return;
	}
	node = wa_node_child(answer, "group");
	if (node != NULL)
		group = group_read(lane->arena, node, NULL, clock_now_ms());
	if (group != NULL)
		json = group_json(lane, group, group->n_members > 0, &err);
	else
		err_set(&err, ERR_PEER, "WhatsApp's answer has no group");
	if (json != NULL)
		op_done(lane, op, json);
	else
		op_fail(lane, op, &err);
}

static void invite_ask(struct lane *lane, struct call *call, const char *type,
	iq_answer_fn *fn)
{
	const char *code = call_code(lane, call);
	struct wa_node *iq = NULL;

	if (code == NULL)
		return;
	iq = group_iq(lane, type, NULL);
	wa_node_set(wa_node_add(iq, "invite"), "code", code);
	iq_send(lane, iq, fn, op_new(call));
}

void groups_invite_info(struct lane *lane, struct call *call)
{
	invite_ask(lane, call, "get", on_invite_info);
}

static void on_joined(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct op *op = arg;
	const struct wa_node *waits = NULL, *group = NULL;
	char text[WA_JID_TEXT];
	struct wa_jid jid;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		op_fail_answer(lane, op, answer);
		return;
	}
	group = wa_node_child(answer, "group");
	waits = wa_node_child(answer, "membership_approval_request");
	if (!wa_node_jid(group != NULL ? group : waits, "jid", &jid)) {
		op_fail_answer(lane, op, answer);
		return;
	}
	op_done(lane, op,
		json_pack("{s:s, s:s}", "id", wa_jid_text(&jid, text), "status",
			group != NULL ? "joined" : "pending"));
}

void groups_join(struct lane *lane, struct call *call)
{
	invite_ask(lane, call, "set", on_joined);
}

static void on_gone(struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct op *op = arg;
	struct err err = ERR_NONE;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		op_fail_answer(lane, op, answer);
		return;
	}
	if (group_forget(lane, &op->jid, &err) == 0)
		op_done(lane, op, NULL);
	else
		op_fail(lane, op, &err);
}

void groups_leave(struct lane *lane, struct call *call)
{
	struct op *op = op_with_group(lane, call);
	struct wa_node *iq = NULL;

	if (op == NULL)
		return;
	iq = group_iq(lane, "set", NULL);
	wa_node_set_jid(
		wa_node_add(wa_node_add(iq, "leave"), "group"), "id", &op->jid);
	iq_send(lane, iq, on_gone, op);
}
