#include "senderd/whatsapp/group_op.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/group_json.h"

static void op_free(struct op **opp)
{
	struct op *op = move(*opp);

	if (op == NULL)
		return;
	people_free(&op->people);
	free(op);
}

struct op *op_new(struct call *call)
{
	struct op *op = xcalloc(1, sizeof *op);

	op->call = call;
	return op;
}

/* ---- how an op ends ---- */

void op_done(struct lane *lane, struct op *op, json_t *result)
{
	call_done(lane, &op->call, result);
	op_free(&op);
}

void op_fail(struct lane *lane, struct op *op, const struct err *err)
{
	if (err->code == ERR_IO)
		facts_fail(lane, err);
	call_fail(lane, &op->call, err->code, "%s", err->msg);
	op_free(&op);
}

void op_fail_answer(
	struct lane *lane, struct op *op, const struct wa_node *answer)
{
	call_fail_answer(lane, &op->call, answer);
	op_free(&op);
}

void op_done_group(struct lane *lane, struct op *op, json_t *more)
{
	struct err err = ERR_NONE;
	struct group *group = NULL;
	json_t *json = NULL;
	int known = group_load(lane, &op->jid, &group, &err);

	if (known > 0)
		json = group_json(lane, group, true, &err);
	else if (known == 0)
		err_set(&err, ERR_INTERNAL, "the group is not known");
	if (json == NULL) {
		json_decref(more);
		op_fail(lane, op, &err);
		return;
	}
	json_object_update(json, more);
	json_decref(more);
	op_done(lane, op, json);
}

void op_on_group(struct lane *lane, enum group_outcome outcome, void *arg)
{
	struct op *op = arg;
	struct err err = ERR_NONE;

	switch (outcome) {
	case GROUP_KNOWN:
		op_done_group(lane, op, NULL);
		return;
	case GROUP_NOT_MEMBER:
		err_set(&err, ERR_FORBIDDEN, "the device is not in this group");
		break;
	case GROUP_NOT_FOUND:
		err_set(&err, ERR_NOT_FOUND, "there is no such group");
		break;
	case GROUP_NO_ANSWER:
		err_set(&err, ERR_TIMEOUT, "WhatsApp did not answer");
		break;
	}
	op_fail(lane, op, &err);
}

void op_refuse(struct lane *lane, struct op *op, const char *why)
{
	struct err err = ERR_NONE;

	err_set(&err, ERR_INVALID, "%s", why);
	op_fail(lane, op, &err);
}

/* ---- parameters ---- */

struct op *op_with_group(struct lane *lane, struct call *call)
{
	const char *text = call_text(call, "jid");
	struct op *op = NULL;
	struct wa_jid jid;

	if (text == NULL || wa_jid_parse(text, strlen(text), &jid) != 0 ||
		!wa_jid_is_group(&jid) || jid.user[0] == '\0') {
		call_fail(lane, &call, ERR_INVALID,
			"jid: a group's address is needed");
		return NULL;
	}
	op = op_new(call);
	op->jid = wa_jid_bare(&jid);
	return op;
}

bool op_read_people(struct lane *lane, struct op *op)
{
	struct err err = ERR_NONE;

	op->people =
		people_parse(lane, call_param(op->call, "participants"), &err);
	if (op->people != NULL)
		return true;
	op_fail(lane, op, &err);
	return false;
}
