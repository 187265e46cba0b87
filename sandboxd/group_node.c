/* A group as clients see it in answers and notifications (messages.md 9.1).
 * Accounts are named in the group's mode, with their other name beside it. */
#include "sandboxd/group.h"

#include <string.h>

static const char *const ranks[] = {
	[GROUP_MEMBER] = NULL,
	[GROUP_ADMIN] = "admin",
	[GROUP_SUPERADMIN] = "superadmin",
};

struct wa_jid group_other_address(
	const struct group *group, const struct account *account)
{
	return group->lid_mode ? wa_jid_pn(account->pn, 0)
			       : wa_jid_lid(account->lid, 0);
}

struct wa_node *group_add_participant(struct wa_node *parent,
	const struct group *group, const struct account *account)
{
	const struct group_member *member = group_member_of(group, account);
	struct wa_node *node = wa_node_add(parent, "participant");
	struct wa_jid jid = group_address(group, account);

	wa_node_set_jid(node, "jid", &jid);
	jid = group_other_address(group, account);
	wa_node_set_jid(node, group->lid_mode ? "phone_number" : "lid", &jid);
	if (member != NULL)
		wa_node_set(node, "type", ranks[member->rank]);
	return node;
}

/* An account under @key, and in a LID group its number under @key_pn. */
static void set_account(struct wa_node *node, const struct group *group,
	const char *key, const char *key_pn, const struct account *account)
{
	struct wa_jid jid;

	if (account == NULL)
		return;
	jid = group_address(group, account);
	wa_node_set_jid(node, key, &jid);
	if (!group->lid_mode)
		return;
	jid = group_other_address(group, account);
	wa_node_set_jid(node, key_pn, &jid);
}

static void set_attributes(struct wa_node *node, const struct group *group)
{
	wa_node_set(node, "id", group->id);
	wa_node_set(node, "subject", group->subject);
	wa_node_set_int(node, "s_t", group->subject_s);
	set_account(node, group, "s_o", "s_o_pn", group->subject_by);
	wa_node_set_int(node, "creation", group->created_s);
	set_account(node, group, "creator", "creator_pn", group->creator);
	wa_node_set_int(node, "size", (int64_t)group->n_members);
	wa_node_set(node, "addressing_mode", group->lid_mode ? "lid" : "pn");
	wa_node_set_int(node, "p_v_id", (int64_t)group->version);
	wa_node_set_int(node, "a_v_id", (int64_t)group->version);
}

static void add_description(struct wa_node *node, const struct group *group)
{
	struct wa_node *description;

	if (group->description == NULL)
		return;
	description = wa_node_add(node, "description");
	wa_node_set(description, "id", group->description_id);
	wa_node_set_int(description, "t", group->description_s);
	set_account(description, group, "participant", "participant_pn",
		group->description_by);
	wa_node_text(wa_node_add(description, "body"), group->description);
}

static void add_settings(struct wa_node *node, const struct group *group)
{
	struct wa_node *mode;

	if (group->announcement)
		wa_node_add(node, "announcement");
	if (group->locked)
		wa_node_add(node, "locked");
	if (group->expiration > 0)
		wa_node_set_int(wa_node_add(node, "ephemeral"), "expiration",
			group->expiration);
	wa_node_text(wa_node_add(node, "member_add_mode"),
		group->admin_add ? "admin_add" : "all_member_add");
	/* Clients take its mere presence for "on". */
	if (group->approval) {
		mode = wa_node_add(node, "membership_approval_mode");
		wa_node_set(wa_node_add(mode, "group_join"), "state", "on");
	}
}

struct wa_node *group_add_node(
	struct wa_node *parent, const struct group *group, bool participants)
{
	struct wa_node *node = wa_node_add(parent, "group");

	set_attributes(node, group);
	if (participants) {
		for (const struct group_member *m = group->members; m != NULL;
			m = m->next)
			group_add_participant(node, group, m->account);
	}
	add_description(node, group);
	add_settings(node, group);
	return node;
}
