/* What members are told of a change: one notification, one change in it, to
 * every device of every member (messages.md 9.2). */
#include "sandboxd/group.h"

#include "common/clock.h"
#include "sandboxd/route.h"

struct wa_node *group_notification(struct sandbox *sandbox,
	const struct group *group, const struct account *actor)
{
	struct wa_node *node = route_stanza(sandbox, "notification",
		sandbox_stanza_id(sandbox), clock_now_ms() / 1000);
	struct wa_jid jid = group_jid(group);

	wa_node_set_jid(node, "from", &jid);
	wa_node_set(node, "type", "w:gp2");
	wa_node_set(node, "addressing_mode", group->lid_mode ? "lid" : "pn");
	if (actor == NULL)
		return node;
	jid = group_address(group, actor);
	wa_node_set_jid(node, "participant", &jid);
	if (group->lid_mode) {
		jid = group_other_address(group, actor);
		wa_node_set_jid(node, "participant_pn", &jid);
	}
	wa_node_set(node, "notify", actor->push_name);
	return node;
}

void group_tell_account(struct sandbox *sandbox, struct account *account,
	const struct wa_node *notification)
{
	account_each_device (device, account)
		device_deliver(sandbox, device, notification);
}

void group_tell(struct sandbox *sandbox, const struct group *group,
	const struct wa_node *notification)
{
	for (const struct group_member *m = group->members; m != NULL;
		m = m->next)
		group_tell_account(sandbox, m->account, notification);
}

void group_tell_admins(struct sandbox *sandbox, const struct group *group,
	const struct wa_node *notification)
{
	for (const struct group_member *m = group->members; m != NULL;
		m = m->next)
		if (m->rank != GROUP_MEMBER)
			group_tell_account(sandbox, m->account, notification);
}

struct wa_node *group_create_notification(struct sandbox *sandbox,
	const struct group *group, const struct account *actor,
	const char *type, const char *reason)
{
	struct wa_node *node = group_notification(sandbox, group, actor);
	struct wa_node *create = wa_node_add(node, "create");

	wa_node_set(create, "type", type);
	wa_node_set(create, "reason", reason);
	group_add_node(create, group, true);
	return node;
}
