/* Notifications about an account: a companion came or went, or its phone was
 * registered anew (messages.md 11.7). */
#include "sandboxd/route.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/own.h"
#include "sandboxd/contacts.h"

#define DEVICES_MAX 256

struct wa_node *route_notification(
	struct sandbox *sandbox, const struct account *about, const char *type)
{
	struct wa_node *node = route_stanza(sandbox, "notification",
		sandbox_stanza_id(sandbox), clock_now_ms() / 1000);
	struct wa_jid from = wa_jid_pn(about->pn, 0);

	wa_node_set_jid(node, "from", &from);
	wa_node_set(node, "type", type);
	return node;
}

bool route_is_listed(const struct device *device)
{
	return device->number == 0 || device->has_bundle;
}

static void set_hash(struct wa_node *node, const char *key,
	struct account *account,
	struct wa_jid (*address)(const struct device *))
{
	struct wa_jid jids[DEVICES_MAX];
	char hash[WA_PHASH_LEN];
	size_t n = 0;

	account_each_device (device, account) {
		if (route_is_listed(device) && n < DEVICES_MAX)
			jids[n++] = address(device);
	}
	wa_phash(jids, n, hash);
	wa_node_set(node, key, hash);
}

static void add_key_index_list(struct wa_node *node, struct account *account)
{
	int64_t t;
	const struct buf *list = account_key_index_list(account, &t);
	struct wa_node *child = wa_node_add(node, "key-index-list");

	wa_node_set_int(child, "ts", t);
	wa_node_bytes(child, list->data, list->len);
}

static void add_device(
	struct wa_node *node, const struct device *device, bool with_lid)
{
	struct wa_node *child = wa_node_add(node, "device");
	struct wa_jid pn = device_pn(device), lid = device_lid(device);

	wa_node_set_jid(child, "jid", &pn);
	if (with_lid)
		wa_node_set_jid(child, "lid", &lid);
	if (device->number > 0)
		wa_node_set_int(child, "key-index", device->key_index);
}

static struct wa_node *devices_notification(struct sandbox *sandbox,
	struct account *account, const struct device *changed, bool added)
{
	struct wa_node *node = route_notification(sandbox, account, "devices");
	struct wa_node *change = wa_node_add(node, added ? "add" : "remove");
	struct wa_jid lid = wa_jid_lid(account->lid, 0);

	wa_node_set_jid(node, "lid", &lid);
	set_hash(change, "device_hash", account, device_pn);
	set_hash(change, "device_lid_hash", account, device_lid);
	add_device(change, changed, true);
	add_key_index_list(change, account);
	return node;
}

static struct wa_node *account_sync_notification(
	struct sandbox *sandbox, struct account *account)
{
	struct wa_node *node =
		route_notification(sandbox, account, "account_sync");
	struct wa_node *devices = wa_node_add(node, "devices");

	set_hash(devices, "dhash", account, device_pn);
	account_each_device (device, account) {
		if (route_is_listed(device))
			add_device(devices, device, false);
	}
	add_key_index_list(devices, account);
	return node;
}

void route_tell_companions(struct sandbox *sandbox, struct account *account,
	const struct device *except, const struct wa_node *node)
{
	account_each_device (device, account) {
		if (device->number > 0 && device != except)
			device_deliver(sandbox, device, node);
	}
}

/* ---- whom it concerns: contacts, and members of the same groups ---- */

struct audience {
	struct account **accounts; /* in the arena; each once */
	size_t n, cap;
};

static void audience_add(
	struct arena *arena, struct audience *audience, struct account *account)
{
	struct account **bigger;

	if (audience->n == audience->cap) {
		audience->cap = audience->cap == 0 ? 64 : audience->cap * 2;
		bigger = arena_alloc(arena, audience->cap * sizeof(*bigger));
		if (audience->n > 0)
			memcpy(bigger, audience->accounts,
				audience->n * sizeof(*bigger));
		audience->accounts = bigger;
	}
	audience->accounts[audience->n++] = account;
}

static int by_address(const void *a, const void *b)
{
	const struct account *const *x = a, *const *y = b;

	return (*x > *y) - (*x < *y);
}

static struct audience audience_of(
	struct sandbox *sandbox, struct account *account)
{
	struct audience audience = { 0 };
	size_t kept = 0;

	for (size_t i = 0; i < contacts_count(account); i++)
		audience_add(
			sandbox->arena, &audience, contacts_at(account, i));
	for (struct group *group = sandbox->groups; group != NULL;
		group = group->next) {
		if (group_member_of(group, account) == NULL)
			continue;
		for (struct group_member *m = group->members; m != NULL;
			m = m->next)
			if (m->account != account)
				audience_add(
					sandbox->arena, &audience, m->account);
	}
	if (audience.n > 0)
		qsort(audience.accounts, audience.n, sizeof(struct account *),
			by_address);
	for (size_t i = 0; i < audience.n; i++) {
		if (i == 0 || audience.accounts[i] != audience.accounts[i - 1])
			audience.accounts[kept++] = audience.accounts[i];
	}
	audience.n = kept;
	return audience;
}

void route_devices_changed(struct sandbox *sandbox, struct account *account,
	struct device *changed, bool added)
{
	const struct audience audience = audience_of(sandbox, account);
	const struct wa_node *node =
		devices_notification(sandbox, account, changed, added);

	for (size_t i = 0; i < audience.n; i++)
		route_tell_companions(
			sandbox, audience.accounts[i], NULL, node);
	route_tell_companions(sandbox, account, changed, node);
	route_tell_companions(sandbox, account, changed,
		account_sync_notification(sandbox, account));
}

void route_identity_changed(struct sandbox *sandbox, struct account *account)
{
	const struct audience audience = audience_of(sandbox, account);
	struct wa_node *node = route_notification(sandbox, account, "encrypt");

	wa_node_add(node, "identity");
	for (size_t i = 0; i < audience.n; i++) {
		account_each_device (device, audience.accounts[i])
			device_deliver(sandbox, device, node);
	}
}
