/* What a group is called and how it behaves: who may change it, and what the
 * members hear of the change. */
#include "sandboxd/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "sandboxd/iq.h"

bool group_may_edit(const struct group *group, const struct account *actor)
{
	return group->locked ? group_is_admin(group, actor)
			     : group_member_of(group, actor) != NULL;
}

/* ---- subject ---- */

int group_check_subject(const void *text, size_t n, struct err *err)
{
	if (text == NULL || n == 0 ||
		n >= sizeof(((struct group *)NULL)->subject) ||
		!iq_is_text(text, n))
		return err_set(err, ERR_INVALID, "subject of %zu bytes", n);
	return 0;
}

int group_set_subject(struct sandbox *sandbox, struct group *group,
	struct account *actor, const void *text, size_t n, struct err *err)
{
	struct wa_node *node, *change;
	struct wa_jid jid;

	if (!group_may_edit(group, actor))
		return err_set(err, ERR_FORBIDDEN, "only admins may edit");
	if (group_check_subject(text, n, err) != 0)
		return -1;
	memcpy(group->subject, text, n);
	group->subject[n] = '\0';
	group->subject_s = clock_now_ms() / 1000;
	group->subject_by = actor;
	node = group_notification(sandbox, group, actor);
	change = wa_node_add(node, "subject");
	wa_node_set(change, "subject", group->subject);
	wa_node_set_int(change, "s_t", group->subject_s);
	jid = group_address(group, actor);
	wa_node_set_jid(change, "s_o", &jid);
	if (group->lid_mode) {
		jid = group_other_address(group, actor);
		wa_node_set_jid(change, "s_o_pn", &jid);
	}
	group_tell(sandbox, group, node);
	return 0;
}

/* ---- description ---- */

static void tell_description(struct sandbox *sandbox, const struct group *group,
	const struct account *actor)
{
	struct wa_node *node = group_notification(sandbox, group, actor);
	struct wa_node *change = wa_node_add(node, "description");

	wa_node_set(change, "id", group->description_id);
	if (group->description != NULL)
		wa_node_text(wa_node_add(change, "body"), group->description);
	else
		wa_node_add(change, "delete");
	group_tell(sandbox, group, node);
}

int group_set_description(struct sandbox *sandbox, struct group *group,
	struct account *actor, const char *prev, const char *id,
	const void *text, size_t n, struct err *err)
{
	char chosen[WA_MSG_ID_LEN];

	if (!group_may_edit(group, actor))
		return err_set(err, ERR_FORBIDDEN, "only admins may edit");
	if (text != NULL &&
		(n == 0 || n > GROUP_DESCRIPTION_MAX || !iq_is_text(text, n)))
		return err_set(err, ERR_INVALID, "description of %zu bytes", n);
	if (id != NULL && strlen(id) >= sizeof(group->description_id))
		return err_set(err, ERR_INVALID, "id is too long");
	if (strcmp(prev == NULL ? "" : prev, group->description_id) != 0)
		return err_set(err, ERR_CONFLICT, "changed in the meantime");
	if (id == NULL) {
		id_wa_message(chosen);
		id = chosen;
	}
	snprintf(
		group->description_id, sizeof(group->description_id), "%s", id);
	free(group->description);
	group->description =
		text == NULL ? NULL
			     : xasprintf("%.*s", (int)n, (const char *)text);
	group->description_s = clock_now_ms() / 1000;
	group->description_by = actor;
	tell_description(sandbox, group, actor);
	/* Without a description there is no id that a client could know. */
	if (text == NULL)
		group->description_id[0] = '\0';
	return 0;
}

/* ---- settings ---- */

static int setting_check(const struct group *group, const struct account *actor,
	enum group_setting setting, unsigned value, struct err *err)
{
	bool may = setting == GROUP_EXPIRATION ? group_may_edit(group, actor)
					       : group_is_admin(group, actor);

	if (!may)
		return err_set(err, ERR_FORBIDDEN, "only admins may do that");
	if (setting == GROUP_EXPIRATION && value > GROUP_EXPIRATION_MAX)
		return err_set(err, ERR_INVALID, "expiration %u", value);
	return 0;
}

static void setting_store(
	struct group *group, enum group_setting setting, unsigned value)
{
	switch (setting) {
	case GROUP_ANNOUNCEMENT:
		group->announcement = value != 0;
		return;
	case GROUP_LOCKED:
		group->locked = value != 0;
		return;
	case GROUP_EXPIRATION:
		group->expiration = value;
		return;
	case GROUP_ADMIN_ADD:
		group->admin_add = value != 0;
		return;
	case GROUP_APPROVAL:
		group->approval = value != 0;
		return;
	}
}

static void add_change(
	struct wa_node *node, struct group *group, enum group_setting setting)
{
	struct wa_node *change;

	switch (setting) {
	case GROUP_ANNOUNCEMENT:
		change = wa_node_add(node, group->announcement
						   ? "announcement"
						   : "not_announcement");
		group_changed(group);
		wa_node_set_int(change, "v_id", (int64_t)group->version);
		return;
	case GROUP_LOCKED:
		wa_node_add(node, group->locked ? "locked" : "unlocked");
		return;
	case GROUP_EXPIRATION:
		change = wa_node_add(node,
			group->expiration > 0 ? "ephemeral" : "not_ephemeral");
		if (group->expiration > 0)
			wa_node_set_int(
				change, "expiration", group->expiration);
		return;
	case GROUP_ADMIN_ADD:
		change = wa_node_add(node, "member_add_mode");
		wa_node_text(change,
			group->admin_add ? "admin_add" : "all_member_add");
		return;
	case GROUP_APPROVAL:
		change = wa_node_add(node, "membership_approval_mode");
		wa_node_set(wa_node_add(change, "group_join"), "state",
			group->approval ? "on" : "off");
		return;
	}
}

int group_set(struct sandbox *sandbox, struct group *group,
	struct account *actor, enum group_setting setting, unsigned value,
	struct err *err)
{
	struct wa_node *node;

	if (setting_check(group, actor, setting, value, err) != 0)
		return -1;
	setting_store(group, setting, value);
	node = group_notification(sandbox, group, actor);
	add_change(node, group, setting);
	group_tell(sandbox, group, node);
	return 0;
}
