/* groups.update: one request a setting, in the order of the table. */
#include "senderd/whatsapp/group_op.h"

#include <string.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "senderd/facts.h"

static void add_text(struct wa_node *iq, const char *tag, const char *text)
{
	wa_node_text(wa_node_add(iq, tag), text);
}

/* ---- what each setting may be, and how it is asked for ---- */

static bool text_fits(const char *text, size_t max)
{
	return text != NULL && text[0] != '\0' && strlen(text) <= max;
}

static const char *check_subject(const json_t *value)
{
	return text_fits(json_string_value(value), GROUP_SUBJECT_MAX)
		       ? NULL
		       : "subject: text of 1 to 512 bytes";
}

static void ask_subject(struct lane *lane, const struct op *op,
	struct wa_node *iq, const json_t *value)
{
	(void)lane;
	(void)op;
	add_text(iq, "subject", json_string_value(value));
}

static const char *check_description(const json_t *value)
{
	const char *text = json_string_value(value);

	return text != NULL && strlen(text) <= GROUP_DESCRIPTION_MAX
		       ? NULL
		       : "description: text of up to 8192 bytes";
}

/* A change names the description that it replaces. */
static void ask_description(struct lane *lane, const struct op *op,
	struct wa_node *iq, const json_t *value)
{
	struct wa_node *node = wa_node_add(iq, "description");
	const char *text = json_string_value(value);
	struct group *group = NULL;
	struct err err = ERR_NONE;
	char id[WA_MSG_ID_LEN];

	if (group_load(lane, &op->jid, &group, &err) < 0)
		facts_fail(lane, &err);
	if (text[0] == '\0') {
		wa_node_set(node, "delete", "true");
	} else {
		id_wa_message(id);
		wa_node_set(node, "id", id);
		wa_node_text(wa_node_add(node, "body"), text);
	}
	if (group != NULL)
		wa_node_set(node, "prev", group->description_id);
}

static const char *check_flag(const json_t *value)
{
	return json_is_boolean(value)
		       ? NULL
		       : "announcement, locked, approval: true or false";
}

static void ask_announcement(struct lane *lane, const struct op *op,
	struct wa_node *iq, const json_t *value)
{
	(void)lane;
	(void)op;
	wa_node_add(
		iq, json_is_true(value) ? "announcement" : "not_announcement");
}

static void ask_locked(struct lane *lane, const struct op *op,
	struct wa_node *iq, const json_t *value)
{
	(void)lane;
	(void)op;
	wa_node_add(iq, json_is_true(value) ? "locked" : "unlocked");
}

static void ask_approval(struct lane *lane, const struct op *op,
	struct wa_node *iq, const json_t *value)
{
	struct wa_node *mode = wa_node_add(iq, "membership_approval_mode");

	(void)lane;
	(void)op;
	wa_node_set(wa_node_add(mode, "group_join"), "state",
		json_is_true(value) ? "on" : "off");
}

static const char *check_add_mode(const json_t *value)
{
	const char *mode = json_string_value(value);

	return mode != NULL && (strcmp(mode, "admins") == 0 ||
				       strcmp(mode, "all") == 0)
		       ? NULL
		       : "memberAddMode: admins or all";
}

static void ask_add_mode(struct lane *lane, const struct op *op,
	struct wa_node *iq, const json_t *value)
{
	bool admins = strcmp(json_string_value(value), "admins") == 0;

	(void)lane;
	(void)op;
	add_text(
		iq, "member_add_mode", admins ? "admin_add" : "all_member_add");
}

static const char *check_expiration(const json_t *value)
{
	static const json_int_t offered[] = { 0, 86400, 604800, 7776000 };

	for (size_t i = 0; json_is_integer(value) && i < ARRAY_LEN(offered);
		i++) {
		if (json_integer_value(value) == offered[i])
			return NULL;
	}
	return "expiration: 0, 86400, 604800 or 7776000 seconds";
}

static void ask_expiration(struct lane *lane, const struct op *op,
	struct wa_node *iq, const json_t *value)
{
	json_int_t seconds = json_integer_value(value);

	(void)lane;
	(void)op;
	if (seconds == 0)
		wa_node_add(iq, "not_ephemeral");
	else
		wa_node_set_int(
			wa_node_add(iq, "ephemeral"), "expiration", seconds);
}

static const struct {
	const char *key;
	const char *(*check)(const json_t *value); /* what is needed, or NULL */
	void (*ask)(struct lane *lane, const struct op *op, struct wa_node *iq,
		const json_t *value);
} settings[] = {
	{ "subject", check_subject, ask_subject },
	{ "description", check_description, ask_description },
	{ "announcement", check_flag, ask_announcement },
	{ "locked", check_flag, ask_locked },
	{ "memberAddMode", check_add_mode, ask_add_mode },
	{ "approval", check_flag, ask_approval },
	{ "expiration", check_expiration, ask_expiration },
};

static void update_next(struct lane *lane, struct op *op);

static void on_updated(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct op *op = arg;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		op_fail_answer(lane, op, answer);
		return;
	}
	op->step++;
	update_next(lane, op);
}

static void update_next(struct lane *lane, struct op *op)
{
	struct wa_node *iq = NULL;

	while (op->step < ARRAY_LEN(settings) &&
		call_param(op->call, settings[op->step].key) == NULL)
		op->step++;
	if (op->step == ARRAY_LEN(settings)) {
		group_ask(lane, &op->jid, op_on_group, op);
		return;
	}
	iq = group_iq(lane, "set", &op->jid);
	settings[op->step].ask(
		lane, op, iq, call_param(op->call, settings[op->step].key));
	iq_send(lane, iq, on_updated, op);
}

/* The group is read first, so that it is there and ours. */
static void on_update_group(
	struct lane *lane, enum group_outcome outcome, void *arg)
{
	if (outcome == GROUP_KNOWN)
		update_next(lane, arg);
	else
		op_on_group(lane, outcome, arg);
}

void groups_update(struct lane *lane, struct call *call)
{
	struct op *op = op_with_group(lane, call);
	const char *need = "nothing to change";
	bool has_any = false;

	if (op == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const json_t *value = call_param(op->call, settings[i].key);

		if (value == NULL)
			continue;
		need = settings[i].check(value);
		has_any = true;
		if (need != NULL)
			break;
	}
	if (!has_any || need != NULL) {
		op_refuse(lane, op, need);
		return;
	}
	group_ask(lane, &op->jid, on_update_group, op);
}
