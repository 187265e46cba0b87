/* Any bytes as a decrypted frame with a group in it.  What is read is bounded,
 * clean, names nobody twice, and members can come and go. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/node.h"
#include "senderd/whatsapp/group.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_text(const char *text, size_t max)
{
	json_t *json = json_string(text);

	assert(json != NULL); /* valid UTF-8 */
	assert(strlen(text) <= max);
	json_decref(json);
}

static void check_members(struct group *group)
{
	assert(group->n_members <= GROUP_MEMBERS_MAX);
	for (size_t i = 0; i < group->n_members; i++) {
		const struct group_member *member = &group->members[i];

		assert(wa_jid_is_user(&member->jid));
		assert(member->jid.device == 0 && member->other.device == 0);
		assert(wa_jid_is_empty(&member->other) ||
			member->other.server != member->jid.server);
		assert(group_find(group, &member->jid) != NULL);
		assert(i == 0 || !wa_jid_equal(&member->jid, &member[-1].jid));
	}
}

/* As notices do it. */
static void change_members(struct group *group, const struct wa_node *node)
{
	wa_node_each (child, node) {
		struct group_member member, *known;

		if (!group_read_member(child, &member))
			continue;
		known = group_find(group, &member.jid);
		if (known != NULL)
			group_remove(group, known);
		else
			group_add(group, &member);
	}
}

static void look_at(struct arena *arena, const struct wa_node *node)
{
	scoped(group_free) struct group *group =
		group_read(arena, node, NULL, 1);

	(void)group_read_expiration(node);
	(void)group_read_approval(node);
	(void)group_read_admin_add(node);
	if (group == NULL)
		return;
	assert(wa_jid_is_group(&group->jid));
	check_text(group->subject, GROUP_SUBJECT_MAX);
	check_text(group->description, GROUP_DESCRIPTION_MAX);
	assert(strlen(group->description_id) <= GROUP_ID_MAX);
	check_members(group);
	change_members(group, node);
	assert(group->n_members <= GROUP_MEMBERS_MAX);
}

static void walk(struct arena *arena, const struct wa_node *node)
{
	look_at(arena, node);
	wa_node_each (child, node)
		walk(arena, child);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(arena_free) struct arena *arena = arena_new(4096);
	struct err err = ERR_NONE;
	struct wa_node *node;

	if (wa_node_decode(arena, bytes, n, &node, &err) == 0)
		walk(arena, node);
	return 0;
}
