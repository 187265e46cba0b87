/* Notifications about an account: a companion came or went, or its phone was
 * registered anew (messages.md 11.7). */
#include "sandboxd/route.h"

#include <string.h>

#include "common/clock.h"
#include "common/own.h"
#include "sandboxd/contacts.h"

#define DEVICES_MAX 256

static struct wa_node *notification_new(
	struct sandbox *sandbox, const struct account *about, const char *type)
{
	struct wa_node *node = route_stanza(sandbox, "notification",
		sandbox_stanza_id(sandbox), clock_now_ms() / 1000);
	struct wa_jid from = wa_jid_pn(about->pn, 0);

	wa_node_set_jid(node, "from", &from);
	wa_node_set(node, "type", type);
	return node;
}

/* Those that others may write to: the phone, and companions with a bundle. */
static bool is_listed(const struct device *device)
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
		if (is_listed(device) && n < DEVICES_MAX)
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
	struct wa_node *node = notification_new(sandbox, account, "devices");
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
		notification_new(sandbox, account, "account_sync");
	struct wa_node *devices = wa_node_add(node, "devices");

	set_hash(devices, "dhash", account, device_pn);
	account_each_device (device, account) {
		if (is_listed(device))
			add_device(devices, device, false);
	}
	add_key_index_list(devices, account);
	return node;
}

/* To every companion of @account but @except.  Phones look devices up when they
 * send. */
static void tell_companions(struct sandbox *sandbox, struct account *account,
	const struct device *except, const struct wa_node *node)
{
	account_each_device (device, account) {
		if (device->number > 0 && device != except)
			device_deliver(sandbox, device, node);
	}
}

void route_devices_changed(struct sandbox *sandbox, struct account *account,
	struct device *changed, bool added)
{
	for (size_t i = 0; i < contacts_count(account); i++)
		tell_companions(sandbox, contacts_at(account, i), NULL,
			devices_notification(sandbox, account, changed, added));
	tell_companions(sandbox, account, changed,
		devices_notification(sandbox, account, changed, added));
	tell_companions(sandbox, account, changed,
		account_sync_notification(sandbox, account));
}

void route_identity_changed(struct sandbox *sandbox, struct account *account)
{
	for (size_t i = 0; i < contacts_count(account); i++) {
		account_each_device (device, contacts_at(account, i)) {
			struct wa_node *node =
				notification_new(sandbox, account, "encrypt");

			wa_node_add(node, "identity");
			device_deliver(sandbox, device, node);
		}
	}
}
