/* Presence and typing: told to whoever is connected, never queued. */
#include "sandboxd/route.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/own.h"
#include "sandboxd/contacts.h"
#include "sandboxd/group.h"
#include "sandboxd/profile.h"

/* A phone is away unless its owner is said to use it. */
static bool is_available(struct account *account)
{
	account_each_device (device, account) {
		if (device->available &&
			(device->number == 0 || device->session != NULL))
			return true;
	}
	return false;
}

static void subscribe(struct sandbox *sandbox, struct device *from,
	const struct wa_node *presence)
{
	struct account *account;
	struct wa_node *answer;
	struct wa_jid to;
	int64_t last;
	bool shown;

	if (!wa_node_jid(presence, "to", &to))
		return;
	account = directory_find(sandbox, &to);
	if (account == NULL)
		return;
	to = wa_jid_bare(&to);
	answer = wa_node_new(sandbox->arena, "presence");
	wa_node_set_jid(answer, "from", &to);
	shown = profile_allows(account, PRIVACY_ONLINE, from->account);
	if (shown)
		contacts_watch(account, from, &to);
	if (!shown || !is_available(account)) {
		last = contacts_last_seen(account);
		wa_node_set(answer, "type", "unavailable");
		if (!profile_allows(account, PRIVACY_LAST, from->account))
			wa_node_set(answer, "last", "deny");
		else if (last > 0)
			wa_node_set_int(answer, "last", last);
	}
	device_deliver(sandbox, from, answer);
}

/* What watchers hear of when it was here last: nothing, unless all may. */
static int64_t last_seen_now(const struct account *account)
{
	const struct profile *profile = account->profile;

	if (profile != NULL &&
		strcmp(profile->privacy[PRIVACY_LAST], "all") != 0)
		return 0;
	return clock_now_ms() / 1000;
}

static void set_available(
	struct sandbox *sandbox, struct device *from, bool available)
{
	bool before = is_available(from->account);

	from->available = available;
	if (is_available(from->account) == before)
		return;
	contacts_tell_presence(sandbox, from->account,
		available ? NULL : "unavailable", last_seen_now(from->account));
}

void route_presence_lost(struct sandbox *sandbox, struct device *device)
{
	bool was = device->available;

	device->available = false;
	if (was && !is_available(device->account))
		contacts_tell_presence(sandbox, device->account, "unavailable",
			last_seen_now(device->account));
}

/* The push name travels here; a client with a new name may send nothing else.
 */
static void learn_name(struct account *account, const struct wa_node *presence)
{
	const char *name = wa_node_str(presence, "name");

	if (name != NULL && name[0] != '\0' &&
		strlen(name) < sizeof(account->push_name))
		snprintf(account->push_name, sizeof(account->push_name), "%s",
			name);
}

void route_presence(struct sandbox *sandbox, struct device *from,
	const struct wa_node *presence)
{
	const char *type = wa_node_str(presence, "type");

	if (type != NULL && strcmp(type, "subscribe") == 0) {
		subscribe(sandbox, from, presence);
		return;
	}
	learn_name(from->account, presence);
	if (type == NULL)
		return;
	if (strcmp(type, "available") == 0)
		set_available(sandbox, from, true);
	else if (strcmp(type, "unavailable") == 0)
		set_available(sandbox, from, false);
}

/* Companions only while they are open; a phone remembers it for a test. */
static void tell_typing(struct sandbox *sandbox, struct account *account,
	const struct wa_node *chatstate)
{
	account_each_device (device, account) {
		if (device->number == 0 || device->available)
			device_deliver(sandbox, device, chatstate);
	}
}

static void typing_in_group(struct sandbox *sandbox,
	const struct account *typing, struct group *group,
	struct wa_node *chatstate)
{
	struct wa_jid chat = group_jid(group),
		      participant = group_address(group, typing);

	if (group_member_of(group, typing) == NULL)
		return;
	wa_node_set_jid(chatstate, "from", &chat);
	wa_node_set_jid(chatstate, "participant", &participant);
	for (struct group_member *m = group->members; m != NULL; m = m->next)
		if (m->account != typing)
			tell_typing(sandbox, m->account, chatstate);
}

void route_chatstate(struct sandbox *sandbox, struct device *from,
	const struct wa_node *chatstate)
{
	struct account *account;
	struct group *group;
	struct wa_node *out;
	struct wa_jid to, sender;

	if (!wa_node_jid(chatstate, "to", &to) || chatstate->child == NULL)
		return;
	out = wa_node_new(sandbox->arena, "chatstate");
	route_share(out, chatstate->child);
	group = group_find(sandbox, &to);
	if (group != NULL) {
		typing_in_group(sandbox, from->account, group, out);
		return;
	}
	account = directory_find(sandbox, &to);
	if (account == NULL || account == from->account ||
		profile_blocks(account, from->account))
		return;
	sender = route_bare_like(from->account, &to);
	wa_node_set_jid(out, "from", &sender);
	tell_typing(sandbox, account, out);
}
