/* Presence and typing: told to whoever is connected, never queued. */
#include "sandboxd/route.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/own.h"
#include "sandboxd/contacts.h"

/* A phone counts as away: it is nobody's open app. */
static bool is_available(struct account *account)
{
	account_each_device (device, account) {
		if (device->number > 0 && device->session != NULL &&
			device->available)
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

	if (!wa_node_jid(presence, "to", &to))
		return;
	account = directory_find(sandbox, &to);
	if (account == NULL)
		return;
	to = wa_jid_bare(&to);
	contacts_watch(account, from, &to);
	answer = wa_node_new(sandbox->arena, "presence");
	wa_node_set_jid(answer, "from", &to);
	if (!is_available(account)) {
		last = contacts_last_seen(account);
		wa_node_set(answer, "type", "unavailable");
		if (last > 0)
			wa_node_set_int(answer, "last", last);
	}
	device_deliver(sandbox, from, answer);
}

static void set_available(
	struct sandbox *sandbox, struct device *from, bool available)
{
	bool before = is_available(from->account);

	from->available = available;
	if (is_available(from->account) == before)
		return;
	contacts_tell_presence(sandbox, from->account,
		available ? NULL : "unavailable", clock_now_ms() / 1000);
}

void route_presence_lost(struct sandbox *sandbox, struct device *device)
{
	bool was = device->available;

	device->available = false;
	if (was && !is_available(device->account))
		contacts_tell_presence(sandbox, device->account, "unavailable",
			clock_now_ms() / 1000);
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

void route_chatstate(struct sandbox *sandbox, struct device *from,
	const struct wa_node *chatstate)
{
	struct account *account;
	struct wa_node *out;
	struct wa_jid to, sender;

	if (!wa_node_jid(chatstate, "to", &to) || chatstate->child == NULL)
		return;
	account = directory_find(sandbox, &to);
	if (account == NULL || account == from->account)
		return;
	sender = route_bare_like(from->account, &to);
	account_each_device (device, account) {
		if (device->number == 0 || !device->available)
			continue;
		out = wa_node_new(sandbox->arena, "chatstate");
		wa_node_set_jid(out, "from", &sender);
		route_share(out, chatstate->child);
		device_deliver(sandbox, device, out);
	}
}
