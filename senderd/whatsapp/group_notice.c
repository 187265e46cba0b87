#include "senderd/whatsapp/group_notice.h"

#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/eventlog.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/names.h"
#include "senderd/whatsapp/receipt.h"
#include "senderd/whatsapp/senderkey.h"

struct notice {
	const struct wa_node *child; /* the change */
	struct wa_jid jid;	     /* of the group */
	char chat[WA_JID_TEXT];	     /* the same as text */
	struct group_person actor;
	struct wa_jid actor_jid; /* or empty */
	int64_t at_ms;
	struct group *group; /* borrowed; NULL: to be asked for anyway */
};

/* ---- people ---- */

static int person_name(struct lane *lane, const struct wa_jid *jid,
	struct group_person *out, struct err *err)
{
	struct names names;

	*out = (struct group_person){ 0 };
	if (names_find(lane, jid, &names, err) != 0)
		return -1;
	out->phone = names.phone;
	out->lid = names.lid;
	return 0;
}

static int actor_read(struct lane *lane, const struct wa_node *notification,
	struct notice *notice, struct err *err)
{
	static const char *const names[] = { "participant_pn",
		"participant_lid" };
	struct wa_jid other;

	if (!wa_node_jid(notification, "participant", &notice->actor_jid) ||
		!wa_jid_is_user(&notice->actor_jid)) {
		notice->actor_jid = (struct wa_jid){ .server = WA_SERVER_NONE };
		return 0;
	}
	notice->actor_jid = wa_jid_bare(&notice->actor_jid);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (wa_node_jid(notification, names[i], &other) &&
			devices_learn_pair(
				lane, &notice->actor_jid, &other, err) != 0)
			return -1;
	}
	return person_name(lane, &notice->actor_jid, &notice->actor, err);
}

/* The participants of a change. */
struct people {
	struct group_member *list; /* in the turn's arena, as is the next */
	struct group_person *names;
	size_t n;
	bool has_self;
};

static int people_read(struct lane *lane, const struct notice *notice,
	struct people *out, struct err *err)
{
	size_t max = wa_node_n_children(notice->child);

	if (max > GROUP_MEMBERS_MAX)
		max = GROUP_MEMBERS_MAX;
	*out = (struct people){ 0 };
	out->list = arena_alloc(lane->arena, (max + 1) * sizeof *out->list);
	out->names = arena_alloc(lane->arena, (max + 1) * sizeof *out->names);
	wa_node_each (node, notice->child) {
		struct group_member *member = &out->list[out->n];

		if (out->n == max || !group_read_member(node, member))
			continue;
		member->since_ms = notice->at_ms;
		if ((!wa_jid_is_empty(&member->other) &&
			    devices_learn_pair(lane, &member->jid,
				    &member->other, err) != 0) ||
			person_name(lane, &member->jid, &out->names[out->n],
				err) != 0)
			return -1;
		out->has_self |= lane_is_self(lane, &member->jid);
		out->n++;
	}
	return 0;
}

/* ---- events ---- */

static struct group_event event_of(
	const struct notice *notice, const char *type)
{
	return (struct group_event){ .type = type,
		.chat = notice->chat,
		.actor = notice->actor,
		.at_ms = notice->at_ms };
}

static void tell_people(struct lane *lane, const struct notice *notice,
	const char *action, const struct people *people)
{
	struct group_event event = event_of(notice, EVENT_GROUP_PARTICIPANTS);

	event.action = action;
	event.people = people->names;
	event.n_people = people->n;
	if (people->n > 0)
		facts_add_group(lane, &event);
}

static void tell_us(struct lane *lane, const struct notice *notice,
	const char *type, const char *action)
{
	struct group_event event = event_of(notice, type);

	event.action = action;
	if (notice->group != NULL) {
		event.key = "subject";
		event.text = notice->group->subject;
	}
	facts_add_group(lane, &event);
}

static void tell_text(struct lane *lane, const struct notice *notice,
	const char *key, const char *text)
{
	struct group_event event = event_of(notice, EVENT_GROUP_UPDATED);

	event.key = key;
	event.text = text;
	facts_add_group(lane, &event);
}

static void tell_number(struct lane *lane, const struct notice *notice,
	const char *key, int64_t number, bool is_flag)
{
	struct group_event event = event_of(notice, EVENT_GROUP_UPDATED);

	event.key = key;
	event.number = number;
	event.is_flag = is_flag;
	facts_add_group(lane, &event);
}

/* ---- members ---- */

/* Somebody whom we know in the other namespace: then so is the whole group. */
static bool fits(const struct group *group, const struct group_member *member)
{
	return group->by_lid == (member->jid.server == WA_SERVER_LID);
}

static int on_add(struct lane *lane, struct notice *notice, struct err *err)
{
	struct people people;
	bool is_known = notice->group != NULL;

	if (people_read(lane, notice, &people, err) != 0)
		return -1;
	for (size_t i = 0; i < people.n && is_known; i++)
		is_known = fits(notice->group, &people.list[i]) &&
			   group_add(notice->group, &people.list[i]);
	tell_people(lane, notice, "add", &people);
	if (people.has_self)
		tell_us(lane, notice, EVENT_GROUP_JOINED, "add");
	/* Of a group that we come to now we know nothing for sure. */
	if (is_known && !people.has_self)
		return 0;
	notice->group = NULL;
	return group_expire(lane, &notice->jid, err);
}

static int on_left(struct lane *lane, struct notice *notice, struct err *err)
{
	struct people people;
	const char *action = "remove";

	if (people_read(lane, notice, &people, err) != 0)
		return -1;
	if (strcmp(notice->child->tag, "leave") == 0 ||
		(people.n == 1 && wa_jid_same_user(&people.list[0].jid,
					  &notice->actor_jid)))
		action = "leave";
	for (size_t i = 0; i < people.n; i++) {
		struct group_member *member =
			notice->group != NULL
				? group_find(notice->group, &people.list[i].jid)
				: NULL;

		if (member != NULL)
			group_remove(notice->group, member);
		if (senderkey_on_left(
			    lane, &notice->jid, &people.list[i].jid, err) != 0)
			return -1;
	}
	tell_people(lane, notice, action, &people);
	if (!people.has_self)
		return 0;
	tell_us(lane, notice, EVENT_GROUP_LEFT, action);
	notice->group = NULL;
	return group_forget(lane, &notice->jid, err);
}

static int on_rank(struct lane *lane, struct notice *notice, struct err *err)
{
	bool up = strcmp(notice->child->tag, "promote") == 0;
	struct people people;

	if (people_read(lane, notice, &people, err) != 0)
		return -1;
	for (size_t i = 0; i < people.n && notice->group != NULL; i++) {
		struct group_member *member =
			group_find(notice->group, &people.list[i].jid);

		if (member != NULL)
			member->rank = up ? GROUP_ADMIN : GROUP_MEMBER;
	}
	tell_people(lane, notice, up ? "promote" : "demote", &people);
	return 0;
}

/* A member's number changed: under which name they are known now, the server
 * knows. */
static int on_modify(struct lane *lane, struct notice *notice, struct err *err)
{
	struct people people;

	if (people_read(lane, notice, &people, err) != 0)
		return -1;
	tell_people(lane, notice, "modify", &people);
	notice->group = NULL;
	if (senderkey_rotate(
		    lane, &notice->jid, "a member's number changed", err) != 0)
		return -1;
	return group_expire(lane, &notice->jid, err);
}

static int on_create(struct lane *lane, struct notice *notice, struct err *err)
{
	const struct wa_node *node = wa_node_child(notice->child, "group");

	if (group_learn_node(lane, node, &notice->jid, NULL, err) != 0 &&
		err->code == ERR_IO)
		return -1;
	if (group_load(lane, &notice->jid, &notice->group, err) < 0)
		return -1;
	tell_us(lane, notice, EVENT_GROUP_JOINED, "create");
	notice->group = NULL; /* as it was read */
	return 0;
}

static int on_delete(struct lane *lane, struct notice *notice, struct err *err)
{
	tell_us(lane, notice, EVENT_GROUP_LEFT, "delete");
	notice->group = NULL;
	return group_forget(lane, &notice->jid, err);
}

/* ---- what it looks like, how it is set ---- */

static int on_subject(struct lane *lane, struct notice *notice, struct err *err)
{
	const char *subject = wa_node_str(notice->child, "subject");
	char *text = content_clean_cut(
		lane->arena, subject != NULL ? subject : "", GROUP_SUBJECT_MAX);

	(void)err;
	if (notice->group != NULL)
		group_set_text(&notice->group->subject, text);
	tell_text(lane, notice, "subject", text);
	return 0;
}

static int on_description(
	struct lane *lane, struct notice *notice, struct err *err)
{
	const char *id = wa_node_str(notice->child, "id");
	char *text = group_read_text(lane->arena,
		wa_node_child(notice->child, "body"), GROUP_DESCRIPTION_MAX);

	(void)err;
	if (notice->group != NULL) {
		group_set_text(&notice->group->description, text);
		group_set_text(&notice->group->description_id,
			id != NULL && strlen(id) <= GROUP_ID_MAX ? id : "");
	}
	tell_text(lane, notice, "description", text);
	return 0;
}

static int on_announcement(
	struct lane *lane, struct notice *notice, struct err *err)
{
	bool on = strcmp(notice->child->tag, "announcement") == 0;

	(void)err;
	if (notice->group != NULL)
		notice->group->is_announcement = on;
	tell_number(lane, notice, "announcement", on, true);
	return 0;
}

static int on_locked(struct lane *lane, struct notice *notice, struct err *err)
{
	bool on = strcmp(notice->child->tag, "locked") == 0;

	(void)err;
	if (notice->group != NULL)
		notice->group->is_locked = on;
	tell_number(lane, notice, "locked", on, true);
	return 0;
}

static int on_ephemeral(
	struct lane *lane, struct notice *notice, struct err *err)
{
	bool on = strcmp(notice->child->tag, "ephemeral") == 0;
	unsigned seconds = on ? group_read_expiration(notice->child) : 0;

	(void)err;
	if (notice->group != NULL)
		notice->group->expiration = seconds;
	tell_number(lane, notice, "expiration", seconds, false);
	return 0;
}

static int on_add_mode(
	struct lane *lane, struct notice *notice, struct err *err)
{
	bool admins = group_read_admin_add(notice->child);

	(void)err;
	if (notice->group != NULL)
		notice->group->is_admin_add = admins;
	tell_text(lane, notice, "memberAddMode", admins ? "admins" : "all");
	return 0;
}

static int on_approval(
	struct lane *lane, struct notice *notice, struct err *err)
{
	bool on = group_read_approval(notice->child);

	(void)err;
	if (notice->group != NULL)
		notice->group->is_approval = on;
	tell_number(lane, notice, "approval", on, true);
	return 0;
}

/* ---- the door ---- */

static const struct {
	const char *tag;
	int (*fn)(struct lane *lane, struct notice *notice, struct err *err);
} changes[] = {
	{ "add", on_add },
	{ "remove", on_left },
	{ "leave", on_left },
	{ "promote", on_rank },
	{ "demote", on_rank },
	{ "modify", on_modify },
	{ "create", on_create },
	{ "delete", on_delete },
	{ "subject", on_subject },
	{ "description", on_description },
	{ "announcement", on_announcement },
	{ "not_announcement", on_announcement },
	{ "locked", on_locked },
	{ "unlocked", on_locked },
	{ "ephemeral", on_ephemeral },
	{ "not_ephemeral", on_ephemeral },
	{ "member_add_mode", on_add_mode },
	{ "membership_approval_mode", on_approval },
};

/* Links, invitations and communities change nothing that we keep. */
static int change_handle(
	struct lane *lane, struct notice *notice, struct err *err)
{
	int known = group_load(lane, &notice->jid, &notice->group, err);

	if (known < 0)
		return -1;
	if (known == 0)
		notice->group = NULL; /* it will be asked for */
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		if (strcmp(changes[i].tag, notice->child->tag) != 0)
			continue;
		if (changes[i].fn(lane, notice, err) != 0)
			return -1;
		if (notice->group == NULL)
			return 0;
		notice->group->known_ms = clock_now_ms();
		return group_save(lane, notice->group, err);
	}
	return 0;
}

int group_notice_on_notification(
	struct lane *lane, const struct wa_node *notification, struct err *err)
{
	struct notice notice = { .at_ms = receipt_time_ms(notification) };

	if (!wa_node_jid(notification, "from", &notice.jid) ||
		!wa_jid_is_group(&notice.jid))
		return 0;
	notice.jid = wa_jid_bare(&notice.jid);
	wa_jid_text(&notice.jid, notice.chat);
	if (group_check_mode(lane, &notice.jid,
		    wa_node_str(notification, "addressing_mode"), err) != 0 ||
		actor_read(lane, notification, &notice, err) != 0)
		return -1;
	wa_node_each (child, notification) {
		notice.child = child;
		if (change_handle(lane, &notice, err) != 0)
			return -1;
	}
	return 0;
}
