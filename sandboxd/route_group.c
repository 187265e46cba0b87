/* Messages to groups and to status@broadcast: one sender-key part for
 * everybody, and beside it the part that holds the sender key for those that
 * lack it (messages.md 11.4).
 *
 * Receivers file a sender key under the author's address as they see it.  So an
 * author is named in the group's mode whatever the stanza says, and in a status
 * in the namespace in which the receiver was named. */
#include "sandboxd/route.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/own.h"
#include "sandboxd/contacts.h"
#include "sandboxd/fault.h"
#include "sandboxd/group.h"
#include "sandboxd/sent_log.h"

#define EDIT_REVOKE "7"

/* ---- who is named in <participants> ---- */

struct entry {
	const struct device *device;
	const struct wa_node *to;
};

/* By device, so that each finds its own among thousands. */
struct entries {
	struct entry *list; /* in the arena, sorted */
	size_t n;
};

static int by_device(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->device > y->device) - (x->device < y->device);
}

static struct entries entries_of(const struct passage *p)
{
	const struct wa_node *list = wa_node_child(p->message, "participants");
	struct entries entries = { 0 };
	struct wa_jid jid;

	if (list == NULL)
		return entries;
	entries.list = arena_alloc(p->sandbox->arena,
		(wa_node_n_children(list) + 1) * sizeof(struct entry));
	wa_node_each (to, list) {
		struct device *device =
			wa_node_jid(to, "jid", &jid)
				? directory_device(p->sandbox, &jid)
				: NULL;

		if (device != NULL)
			entries.list[entries.n++] =
				(struct entry){ device, to };
	}
	qsort(entries.list, entries.n, sizeof(struct entry), by_device);
	return entries;
}

static const struct wa_node *entry_for(
	const struct entries *entries, const struct device *device)
{
	const struct entry key = { .device = device }, *found;

	if (entries->n == 0)
		return NULL;
	found = bsearch(
		&key, entries->list, entries->n, sizeof(key), by_device);
	return found == NULL ? NULL : found->to;
}

/* ---- one device's copy ---- */

/* @author in the namespace of @like; the other one goes along beside it. */
static struct wa_node *copy_new(
	const struct passage *p, const struct wa_jid *like)
{
	struct wa_node *out = route_stanza(p->sandbox, "message", p->id, p->t);
	struct wa_jid chat = wa_jid_bare(&p->to);
	struct wa_jid author = device_jid_like(p->from, like);
	struct wa_jid other = route_bare_unlike(p->from->account, like);

	wa_node_set_jid(out, "from", &chat);
	wa_node_set_jid(out, "participant", &author);
	wa_node_set_jid(out,
		other.server == WA_SERVER_PN ? "participant_pn"
					     : "participant_lid",
		&other);
	if (p->group != NULL)
		wa_node_set(out, "addressing_mode",
			p->group->lid_mode ? "lid" : "pn");
	route_set_common(p, out);
	return out;
}

static void share_parts(
	struct wa_node *out, const struct wa_node *parts, bool pairwise)
{
	wa_node_each (part, parts) {
		if (strcmp(part->tag, "enc") == 0 &&
			route_is_pairwise(part) == pairwise)
			route_share(out, part);
	}
}

/* Its own part first: with the key in it the other can be read. */
static void deliver_to(const struct passage *p, struct device *device,
	const struct wa_node *entry, const struct wa_jid *like)
{
	struct wa_node *out;

	if (device == p->from || !route_is_listed(device) ||
		!sent_log_add(p->from, p->id, device))
		return;
	out = copy_new(p, like);
	if (entry != NULL && !fault_without_sender_key(p->sandbox, device))
		share_parts(out, entry, true);
	share_parts(out, p->message, false);
	if (out->child == NULL)
		return; /* nothing in it for this device */
	route_add_rest(p, out);
	device_deliver(p->sandbox, device, out);
}

/* A resend for the one device that could not read it; whatever list of
 * participants comes along is for the same device once more. */
static void deliver_direct(const struct passage *p, const struct wa_jid *like)
{
	struct wa_node *out;
	struct device *device;
	struct wa_jid jid;

	wa_node_jid(p->message, "participant", &jid);
	device = directory_device(p->sandbox, &jid);
	if (device == NULL || device == p->from ||
		(p->group != NULL &&
			group_member_of(p->group, device->account) == NULL) ||
		(p->status &&
			profile_blocks(device->account, p->from->account))) {
		log_debug("route id=%s reason=\"not for that device\"",
			log_quote(p->id));
		return;
	}
	sent_log_add(p->from, p->id, device);
	out = copy_new(p, like);
	share_parts(out, p->message, true);
	route_add_rest(p, out);
	device_deliver(p->sandbox, device, out);
}

/* ---- groups ---- */

/* What devices the sender should know of, its own included. */
static void check_phash(struct passage *p)
{
	const struct group *group = p->group;
	const char *theirs = wa_node_str(p->message, "phash");
	struct wa_jid *jids, like = group_address(group, p->from->account);
	char ours[WA_PHASH_LEN];
	size_t n = 0;

	if (theirs == NULL)
		return;
	for (const struct group_member *m = group->members; m != NULL;
		m = m->next)
		account_each_device (device, m->account)
			n += route_is_listed(device);
	jids = arena_alloc(p->sandbox->arena, n * sizeof(*jids));
	n = 0;
	for (const struct group_member *m = group->members; m != NULL;
		m = m->next)
		account_each_device (device, m->account)
			if (route_is_listed(device))
				jids[n++] = device_jid_like(device, &like);
	wa_phash(jids, n, ours);
	if (strcmp(ours, theirs) != 0)
		memcpy(p->phash, ours, sizeof(ours));
}

/* A direct part must say for whom it is. */
static bool names_device(const struct passage *p)
{
	struct wa_jid jid;

	return wa_node_jid(p->message, "participant", &jid);
}

int route_group_check(struct passage *p)
{
	const struct group *group = p->group;
	const char *mode = wa_node_str(p->message, "addressing_mode");
	const struct group_member *member;

	if (group == NULL)
		return REFUSED_NO_TARGET;
	member = group_member_of(group, p->from->account);
	if (member == NULL ||
		(group->announcement && member->rank == GROUP_MEMBER))
		return REFUSED_FORBIDDEN;
	if (p->direct)
		return names_device(p) ? 0 : REFUSED_SCHEMA;
	if (mode == NULL)
		mode = "pn"; /* some clients only write the other one */
	if (strcmp(mode, group->lid_mode ? "lid" : "pn") != 0)
		return REFUSED_STALE_MODE;
	if (wa_node_child(p->message, "enc") == NULL &&
		wa_node_child(p->message, "participants") == NULL)
		return REFUSED_SCHEMA;
	check_phash(p);
	return 0;
}

/* The sender's own devices first: a phone answers at once, and whoever hears of
 * that should know the message. */
void route_group_deliver(const struct passage *p)
{
	const struct wa_jid like = group_address(p->group, p->from->account);
	const struct entries entries = entries_of(p);

	if (p->direct) {
		deliver_direct(p, &like);
		return;
	}
	account_each_device (device, p->from->account)
		deliver_to(p, device, entry_for(&entries, device), &like);
	for (struct group_member *m = p->group->members; m != NULL;
		m = m->next) {
		if (m->account == p->from->account)
			continue;
		account_each_device (device, m->account)
			deliver_to(
				p, device, entry_for(&entries, device), &like);
	}
}

/* ---- status ---- */

int route_status_check(const struct passage *p)
{
	const struct wa_node *list = wa_node_child(p->message, "participants");
	const struct wa_node *meta = wa_node_child(p->message, "meta");
	bool posts = !wa_node_is(p->message, "type", "reaction") &&
		     !wa_node_is(p->message, "edit", EDIT_REVOKE);
	struct wa_jid jid;

	if (wa_node_get(p->message, "addressing_mode") != NULL)
		return REFUSED_SCHEMA;
	if (!posts && wa_node_get(meta, "status_setting") != NULL)
		return REFUSED_SCHEMA;
	if (p->direct)
		return names_device(p) ? 0 : REFUSED_SCHEMA;
	if (list == NULL || list->child == NULL)
		return REFUSED_SCHEMA;
	wa_node_each (to, list) {
		if (strcmp(to->tag, "to") != 0 ||
			!wa_node_jid(to, "jid", &jid) || !wa_jid_is_user(&jid))
			return REFUSED_SCHEMA;
	}
	return 0;
}

/* All devices of an account that is named, once; those of its own that lack an
 * entry can read what they have the key for, or ask. */
static void deliver_status_to(const struct passage *p, struct account *account,
	const struct entries *entries, const struct wa_jid *like)
{
	if (profile_blocks(account, p->from->account))
		return;
	if (account != p->from->account)
		contacts_meet(p->from->account, account);
	account_each_device (device, account)
		deliver_to(p, device, entry_for(entries, device), like);
}

void route_status_deliver(const struct passage *p)
{
	const struct wa_node *list = wa_node_child(p->message, "participants");
	const struct entries entries = entries_of(p);
	struct wa_jid jid;

	if (p->direct) {
		wa_node_jid(p->message, "participant", &jid);
		deliver_direct(p, &jid);
		return;
	}
	wa_node_jid(list->child, "jid", &jid);
	deliver_status_to(p, p->from->account, &entries, &jid);
	/* An account is named once a device; the sent log knows the rest. */
	wa_node_each (to, list) {
		struct account *account =
			wa_node_jid(to, "jid", &jid)
				? directory_find(p->sandbox, &jid)
				: NULL;

		if (account != NULL && account != p->from->account)
			deliver_status_to(p, account, &entries, &jid);
	}
}
