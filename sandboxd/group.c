/* Groups and who is in them.  An account is a member once; members are found by
 * hash, so that a thousand of them cost no more than two do. */
#include "sandboxd/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "sandboxd/profile.h"

/* ---- finding ---- */

static uint64_t account_hash(const struct account *account)
{
	return table_hash(&account, sizeof(account));
}

struct group_member *group_member_of(
	const struct group *group, const struct account *account)
{
	struct table_link *link =
		table_first(&group->by_account, account_hash(account));

	for (; link != NULL; link = table_next(link)) {
		struct group_member *member =
			table_entry(link, struct group_member, by_account);

		if (member->account == account)
			return member;
	}
	return NULL;
}

struct group *group_find(struct sandbox *sandbox, const struct wa_jid *jid)
{
	struct table_link *link;

	if (!wa_jid_is_group(jid))
		return NULL;
	link = table_first(&sandbox->groups_by_id, table_hash_text(jid->user));
	for (; link != NULL; link = table_next(link)) {
		struct group *group = table_entry(link, struct group, by_id);

		if (strcmp(group->id, jid->user) == 0)
			return group;
	}
	return NULL;
}

struct wa_jid group_jid(const struct group *group)
{
	struct wa_jid jid;

	wa_jid_from_parts(
		group->id, strlen(group->id), WA_SERVER_GROUP, 0, &jid);
	return jid;
}

struct wa_jid group_address(
	const struct group *group, const struct account *account)
{
	return group->lid_mode ? wa_jid_lid(account->lid, 0)
			       : wa_jid_pn(account->pn, 0);
}

bool group_is_admin(const struct group *group, const struct account *account)
{
	const struct group_member *member = group_member_of(group, account);

	return member != NULL && member->rank != GROUP_MEMBER;
}

/* ---- life ---- */

static void id_choose(struct sandbox *sandbox, struct group *group)
{
	struct wa_jid jid;

	do {
		snprintf(group->id, sizeof(group->id), "120363%012lld",
			(long long)random_between(0, 999999999999));
		jid = group_jid(group);
	} while (group_find(sandbox, &jid) != NULL);
}

static void admit(
	struct group *group, struct account *account, enum group_rank rank)
{
	struct group_member *member = xcalloc(1, sizeof(*member));
	struct group_member **end = &group->members;

	member->account = account;
	member->rank = rank;
	while (*end != NULL)
		end = &(*end)->next;
	*end = member;
	table_add(
		&group->by_account, &member->by_account, account_hash(account));
	group->n_members++;
	group_request_drop(group, account);
	group_invite_drop(group, account);
}

static void expel(struct group *group, struct group_member *member)
{
	struct group_member **at = &group->members;

	while (*at != member)
		at = &(*at)->next;
	*at = member->next;
	table_remove(&group->by_account, &member->by_account);
	group->n_members--;
	free(member);
}

struct group *group_new(
	struct sandbox *sandbox, struct account *creator, bool lid_mode)
{
	struct group *group;

	if (sandbox->n_groups >= GROUPS_MAX)
		return NULL;
	group = xcalloc(1, sizeof(*group));
	id_choose(sandbox, group);
	group->lid_mode = lid_mode;
	group->creator = creator;
	group->created_s = group->subject_s = clock_now_ms() / 1000;
	group->version = (uint64_t)clock_now_ms();
	group_code_choose(group);
	admit(group, creator, GROUP_SUPERADMIN);
	table_add(&sandbox->groups_by_id, &group->by_id,
		table_hash_text(group->id));
	group->next = sandbox->groups;
	sandbox->groups = group;
	sandbox->n_groups++;
	return group;
}

static void group_free(struct group **groupp)
{
	struct group *group = move(*groupp);

	while (group->members != NULL)
		expel(group, group->members);
	table_fini(&group->by_account);
	group_join_fini(group);
	picture_free(&group->picture);
	free(group->description);
	free(group);
}

void groups_free(struct sandbox *sandbox)
{
	struct group *group;

	while ((group = sandbox->groups) != NULL) {
		sandbox->groups = group->next;
		group_free(&group);
	}
	table_fini(&sandbox->groups_by_id);
	sandbox->n_groups = 0;
}

/* The last member is gone. */
static void group_remove(struct sandbox *sandbox, struct group *group)
{
	struct group **at = &sandbox->groups;

	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	table_remove(&sandbox->groups_by_id, &group->by_id);
	sandbox->n_groups--;
	group_free(&group);
}

void group_changed(struct group *group)
{
	group->version++;
}

/* ---- one account at a time ---- */

/* Who cannot be added may still be invited. */
static int try_add(
	struct group *group, struct account *by, struct group_target *target)
{
	if (group_member_of(group, target->account) != NULL)
		return GROUP_TARGET_ALREADY;
	if (group->n_members >= GROUP_MEMBERS_MAX)
		return GROUP_TARGET_FULL;
	if (!profile_allows(target->account, PRIVACY_GROUPADD, by)) {
		target->invite = group_invite_new(group, target->account, by);
		return GROUP_TARGET_NOT_ALLOWED;
	}
	admit(group, target->account, GROUP_MEMBER);
	return 0;
}

/* Who made the group keeps it until he leaves; nobody removes himself. */
static int try_remove(
	const struct group_member *member, const struct account *actor)
{
	if (member == NULL)
		return GROUP_TARGET_UNKNOWN;
	if (member->rank == GROUP_SUPERADMIN || member->account == actor)
		return GROUP_TARGET_NOT_ALLOWED;
	return 0;
}

static int try_rank(struct group_member *member, enum group_rank rank)
{
	if (member == NULL)
		return GROUP_TARGET_UNKNOWN;
	if (member->rank == GROUP_SUPERADMIN)
		return rank == GROUP_ADMIN ? 0 : GROUP_TARGET_NOT_ALLOWED;
	member->rank = rank;
	return 0;
}

static int try_change(struct group *group, struct account *actor,
	enum group_verb verb, struct group_target *target)
{
	struct group_member *member;

	if (target->account == NULL)
		return GROUP_TARGET_UNKNOWN;
	member = group_member_of(group, target->account);
	switch (verb) {
	case GROUP_ADD:
		return try_add(group, actor, target);
	case GROUP_REMOVE:
		return try_remove(member, actor);
	case GROUP_PROMOTE:
		return try_rank(member, GROUP_ADMIN);
	case GROUP_DEMOTE:
		return try_rank(member, GROUP_MEMBER);
	}
	return GROUP_TARGET_UNKNOWN;
}

void group_admit_all(struct group *group, struct account *by,
	struct group_target *targets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		targets[i].error =
			try_change(group, by, GROUP_ADD, &targets[i]);
}

/* ---- telling ---- */

static const char *const verbs[] = {
	[GROUP_ADD] = "add",
	[GROUP_REMOVE] = "remove",
	[GROUP_PROMOTE] = "promote",
	[GROUP_DEMOTE] = "demote",
};

/* The change as those see it that were members before; NULL: nothing changed.
 */
static struct wa_node *change_notification(struct sandbox *sandbox,
	struct group *group, const struct account *actor, enum group_verb verb,
	const struct group_target *targets, size_t n)
{
	struct wa_node *node = group_notification(sandbox, group, actor);
	struct wa_node *change = wa_node_add(node, verbs[verb]);

	for (size_t i = 0; i < n; i++) {
		if (targets[i].error == 0)
			group_add_participant(
				change, group, targets[i].account);
	}
	if (change->child == NULL)
		return NULL;
	wa_node_set_int(change, "prev_v_id", (int64_t)group->version);
	group_changed(group);
	wa_node_set_int(change, "v_id", (int64_t)group->version);
	return node;
}

static bool is_target(const struct group_target *targets, size_t n,
	const struct account *account)
{
	for (size_t i = 0; i < n; i++) {
		if (targets[i].error == 0 && targets[i].account == account)
			return true;
	}
	return false;
}

/* Who was there hears <add>, who came gets the whole group as <create>. */
static void tell_added(struct sandbox *sandbox, const struct group *group,
	const struct account *actor, const struct wa_node *add,
	const struct group_target *targets, size_t n)
{
	const struct wa_node *create = group_create_notification(
		sandbox, group, actor, NULL, wa_node_str(add->child, "reason"));

	for (struct group_member *m = group->members; m != NULL; m = m->next)
		group_tell_account(sandbox, m->account,
			is_target(targets, n, m->account) ? create : add);
}

/* The ones that go hear it as well. */
static void tell_removed(struct sandbox *sandbox, struct group *group,
	const struct wa_node *remove, const struct group_target *targets,
	size_t n)
{
	group_tell(sandbox, group, remove);
	for (size_t i = 0; i < n; i++) {
		struct group_member *member =
			targets[i].error == 0
				? group_member_of(group, targets[i].account)
				: NULL;

		if (member != NULL)
			expel(group, member);
	}
}

/* ---- changes ---- */

struct account *group_actor(const struct group *group, struct account *actor)
{
	const struct group_member *member = group->members;

	if (actor != NULL)
		return actor;
	if (group_member_of(group, group->creator) != NULL)
		return group->creator;
	while (member->next != NULL && member->rank == GROUP_MEMBER)
		member = member->next;
	return member->account;
}

static bool may_change(const struct group *group, const struct account *actor,
	enum group_verb verb)
{
	if (verb == GROUP_ADD && !group->admin_add)
		return group_member_of(group, actor) != NULL;
	return group_is_admin(group, actor);
}

int group_change_all(struct sandbox *sandbox, struct group *group,
	struct account *actor, enum group_verb verb,
	struct group_target *targets, size_t n, struct err *err)
{
	const struct wa_node *node;

	actor = group_actor(group, actor);
	if (!may_change(group, actor, verb))
		return err_set(err, ERR_FORBIDDEN, "%s may not %s members",
			actor->pn, verbs[verb]);
	for (size_t i = 0; i < n; i++)
		targets[i].error = try_change(group, actor, verb, &targets[i]);
	node = change_notification(sandbox, group, actor, verb, targets, n);
	if (node == NULL)
		return 0;
	if (verb == GROUP_ADD)
		tell_added(sandbox, group, actor, node, targets, n);
	else if (verb == GROUP_REMOVE)
		tell_removed(sandbox, group, node, targets, n);
	else
		group_tell(sandbox, group, node);
	return 0;
}

int group_change(struct sandbox *sandbox, struct group *group,
	struct account *actor, enum group_verb verb, struct account *account,
	struct err *err)
{
	struct group_target target = { .account = account };

	if (group_change_all(sandbox, group, actor, verb, &target, 1, err) != 0)
		return -1;
	switch (target.error) {
	case 0:
		return 0;
	case GROUP_TARGET_UNKNOWN:
		return err_set(
			err, ERR_NOT_FOUND, "%s is no member", account->pn);
	case GROUP_TARGET_ALREADY:
		return err_set(
			err, ERR_CONFLICT, "%s is a member", account->pn);
	case GROUP_TARGET_FULL:
		return err_set(err, ERR_LIMIT, "the group is full");
	default:
		return err_set(err, ERR_FORBIDDEN, "%s cannot be %s",
			account->pn, verb == GROUP_ADD ? "added" : "changed");
	}
}

int group_join(struct sandbox *sandbox, struct group *group,
	struct account *account, const char *reason, struct err *err)
{
	struct group_target target = { .account = account };
	struct wa_node *node;

	if (group_member_of(group, account) != NULL)
		return 0;
	if (group->n_members >= GROUP_MEMBERS_MAX)
		return err_set(err, ERR_LIMIT, "the group is full");
	admit(group, account, GROUP_MEMBER);
	node = change_notification(
		sandbox, group, account, GROUP_ADD, &target, 1);
	wa_node_set(node->child, "reason", reason);
	tell_added(sandbox, group, account, node, &target, 1);
	return 0;
}

/* A group without an admin gets the one that is there longest. */
static void keep_led(struct sandbox *sandbox, struct group *group)
{
	struct group_target target = { .account = group->members->account };

	for (struct group_member *m = group->members; m != NULL; m = m->next)
		if (m->rank != GROUP_MEMBER)
			return;
	group->members->rank = GROUP_ADMIN;
	group_tell(sandbox, group,
		change_notification(
			sandbox, group, NULL, GROUP_PROMOTE, &target, 1));
}

int group_leave(struct sandbox *sandbox, struct group *group,
	struct account *account, struct err *err)
{
	struct group_target target = { .account = account };

	if (group_member_of(group, account) == NULL)
		return err_set(
			err, ERR_NOT_FOUND, "%s is no member", account->pn);
	tell_removed(sandbox, group,
		change_notification(
			sandbox, group, account, GROUP_REMOVE, &target, 1),
		&target, 1);
	if (group->members == NULL)
		group_remove(sandbox, group);
	else
		keep_led(sandbox, group);
	return 0;
}

struct group *group_create(struct sandbox *sandbox, struct account *creator,
	const char *subject, struct account **members, size_t n, bool lid_mode)
{
	struct group *group = group_new(sandbox, creator, lid_mode);

	if (group == NULL)
		return NULL;
	snprintf(group->subject, sizeof(group->subject), "%s", subject);
	group->subject_by = creator;
	for (size_t i = 0; i < n; i++) {
		struct group_target target = { .account = members[i] };

		group_admit_all(group, creator, &target, 1);
	}
	group_tell(sandbox, group,
		group_create_notification(
			sandbox, group, creator, "new", NULL));
	return group;
}
