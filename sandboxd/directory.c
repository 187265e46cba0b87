/* Accounts by phone number and by LID, and their devices.
 *
 * Two open-addressed tables over one list of accounts.  Accounts are never
 * removed, so the tables know no tombstones; devices come and go. */
#include "sandboxd/directory.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/wa/adv.h"
#include "common/wa/crypto.h"

struct directory {
	struct account **by_pn, **by_lid; /* n_slots each; NULL = free */
	size_t n_slots; /* a power of two, at most half full */
	size_t n_accounts;
};

#define FIRST_SLOTS 1024u

struct directory *directory_new(void)
{
	struct directory *directory = xcalloc(1, sizeof(*directory));

	directory->n_slots = FIRST_SLOTS;
	directory->by_pn = xcalloc(FIRST_SLOTS, sizeof(struct account *));
	directory->by_lid = xcalloc(FIRST_SLOTS, sizeof(struct account *));
	return directory;
}

/* FNV-1a: the keys are numbers made on this host, nobody attacks the table. */
static size_t hash_user(const char *user)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *user != '\0'; user++)
		hash = (hash ^ (uint8_t)*user) * 0x100000001b3u;
	return (size_t)(hash ^ hash >> 32);
}

static struct account **pn_slot(
	const struct directory *directory, const char *pn)
{
	size_t at = hash_user(pn);

	for (;; at++) {
		struct account **slot =
			&directory->by_pn[at & (directory->n_slots - 1)];

		if (*slot == NULL || strcmp((*slot)->pn, pn) == 0)
			return slot;
	}
}

static struct account **lid_slot(
	const struct directory *directory, const char *lid)
{
	size_t at = hash_user(lid);

	for (;; at++) {
		struct account **slot =
			&directory->by_lid[at & (directory->n_slots - 1)];

		if (*slot == NULL || strcmp((*slot)->lid, lid) == 0)
			return slot;
	}
}

static void directory_grow(struct sandbox *sandbox)
{
	struct directory *directory = sandbox->directory;

	free(directory->by_pn);
	free(directory->by_lid);
	directory->n_slots *= 2;
	directory->by_pn =
		xcalloc(directory->n_slots, sizeof(struct account *));
	directory->by_lid =
		xcalloc(directory->n_slots, sizeof(struct account *));
	for (struct account *acc = sandbox->accounts; acc != NULL;
		acc = acc->next) {
		*pn_slot(directory, acc->pn) = acc;
		*lid_slot(directory, acc->lid) = acc;
	}
}

/* Fifteen digits that say nothing about the number, the same in every run: a
 * client that kept its mapping from an earlier run of the sandbox stays right.
 */
static void lid_choose(
	const struct directory *directory, const char *pn, char out[48])
{
	static const char key[] = "vereda sandbox lid";
	const uint64_t span = 900000000000000u;

	for (unsigned attempt = 0;; attempt++) {
		char text[64];
		uint8_t mac[32];
		uint64_t value = 0;

		snprintf(text, sizeof(text), "%s/%u", pn, attempt);
		wa_hmac_sha256(key, sizeof(key) - 1, text, strlen(text), mac);
		for (unsigned i = 0; i < 8; i++)
			value = value << 8 | mac[i];
		snprintf(out, 48, "%llu",
			(unsigned long long)(value % span + span / 9));
		if (strcmp(out, pn) != 0 && *lid_slot(directory, out) == NULL)
			return;
	}
}

struct account *directory_create(struct sandbox *sandbox, const char *pn)
{
	struct directory *directory = sandbox->directory;
	struct account *account;
	struct device *phone;

	if (pn[0] == '\0' || strlen(pn) >= sizeof(account->pn) ||
		*pn_slot(directory, pn) != NULL)
		return NULL;
	account = xcalloc(1, sizeof(*account));
	snprintf(account->pn, sizeof(account->pn), "%s", pn);
	snprintf(account->push_name, sizeof(account->push_name), "%s", pn);
	lid_choose(directory, pn, account->lid);
	account->adv_raw_id = (uint32_t)random_between(1, INT32_MAX);
	account->next_key_index = 1;
	account->next_device = 1;
	account->next = sandbox->accounts;
	sandbox->accounts = account;
	if (++directory->n_accounts * 2 > directory->n_slots) {
		directory_grow(sandbox);
	} else {
		*pn_slot(directory, account->pn) = account;
		*lid_slot(directory, account->lid) = account;
	}

	phone = xcalloc(1, sizeof(*phone));
	phone->account = account;
	phone->has_bundle = true;
	account->devices = phone;
	phone->phone = phone_new(sandbox, account);
	memcpy(phone->identity, phone_identity(phone->phone)->pub,
		sizeof(phone->identity));
	return account;
}

struct account *directory_by_pn(struct sandbox *sandbox, const char *digits)
{
	return *pn_slot(sandbox->directory, digits);
}

struct account *directory_find(
	struct sandbox *sandbox, const struct wa_jid *jid)
{
	switch (jid->server) {
	case WA_SERVER_PN:
	case WA_SERVER_LEGACY:
		return *pn_slot(sandbox->directory, jid->user);
	case WA_SERVER_LID:
		return *lid_slot(sandbox->directory, jid->user);
	case WA_SERVER_NONE:
	case WA_SERVER_HOSTED:
	case WA_SERVER_HOSTED_LID:
	case WA_SERVER_GROUP:
	case WA_SERVER_BROADCAST:
	case WA_SERVER_NEWSLETTER:
	case WA_SERVER_BOT:
	case WA_SERVER_CALL:
	case WA_SERVER_MSGR:
	case WA_SERVER_INTEROP:
		return NULL;
	}
	return NULL;
}

struct device *account_device(struct account *account, unsigned number)
{
	account_each_device (device, account)
		if (device->number == number)
			return device;
	return NULL;
}

struct device *directory_device(
	struct sandbox *sandbox, const struct wa_jid *jid)
{
	struct account *account = directory_find(sandbox, jid);

	return account == NULL ? NULL : account_device(account, jid->device);
}

/* ---- companions ---- */

unsigned account_reserve(struct account *account, uint32_t *key_index_out)
{
	for (unsigned tries = 0; tries < DEVICE_NUMBER_MAX; tries++) {
		unsigned number = account->next_device;

		account->next_device = number % DEVICE_NUMBER_MAX + 1;
		if (account_device(account, number) != NULL)
			continue;
		*key_index_out = account->next_key_index++;
		return number;
	}
	return 0;
}

struct device *account_new_companion(
	struct account *account, unsigned number, uint32_t key_index)
{
	struct device *device = xcalloc(1, sizeof(*device));
	struct device **link = &account->devices;

	device->account = account;
	device->number = number;
	device->key_index = key_index;
	while (*link != NULL && (*link)->number < number)
		link = &(*link)->next;
	device->next = *link;
	*link = device;
	return device;
}

struct device *account_add_companion(struct account *account)
{
	uint32_t key_index;
	unsigned number = account_reserve(account, &key_index);

	if (number == 0)
		return NULL;
	return account_new_companion(account, number, key_index);
}

static void device_free(struct device **devicep)
{
	struct device *device = move(*devicep);

	if (device == NULL)
		return;
	route_forget_device(device);
	queue_free(&device->queue);
	phone_free(&device->phone);
	free(device->prekeys);
	buf_fini(&device->adv);
	free(device);
}

void account_remove_companion(struct sandbox *sandbox, struct device *device)
{
	struct account *account = device->account;
	struct session *session = move(device->session);
	struct device **link = &account->devices;

	while (*link != device)
		link = &(*link)->next;
	*link = device->next;
	device->next = NULL;
	account->key_index_t = 0;
	if (session != NULL) {
		session->device = NULL;
		session_end(session, 401, "device_removed");
	}
	route_devices_changed(sandbox, account, device, false);
	device_free(&device);
}

const struct buf *account_key_index_list(
	struct account *account, int64_t *t_out)
{
	uint32_t indexes[DEVICE_NUMBER_MAX];
	size_t n = 0;

	if (account->key_index_t == 0) {
		account->key_index_t = clock_now_ms() / 1000;
		account_each_device (device, account)
			if (device->number > 0 && device->has_bundle)
				indexes[n++] = device->key_index;
		buf_clear(&account->key_index_list);
		wa_adv_key_index_list(phone_identity(account->devices->phone),
			account->adv_raw_id, (uint64_t)account->key_index_t,
			indexes, n, &account->key_index_list);
	}
	*t_out = account->key_index_t;
	return &account->key_index_list;
}

/* ---- addresses ---- */

struct wa_jid device_pn(const struct device *device)
{
	return wa_jid_pn(device->account->pn, device->number);
}

struct wa_jid device_lid(const struct device *device)
{
	return wa_jid_lid(device->account->lid, device->number);
}

struct wa_jid device_jid_like(
	const struct device *device, const struct wa_jid *like)
{
	return like->server == WA_SERVER_LID ? device_lid(device)
					     : device_pn(device);
}

void directory_free(struct sandbox *sandbox)
{
	struct directory *directory = move(sandbox->directory);
	struct account *account;

	if (directory == NULL)
		return;
	groups_free(sandbox);
	while ((account = sandbox->accounts) != NULL) {
		struct device *device;

		sandbox->accounts = account->next;
		while ((device = account->devices) != NULL) {
			account->devices = device->next;
			device_free(&device);
		}
		route_forget_account(account);
		app_state_forget_account(account);
		buf_fini(&account->key_index_list);
		free(account);
	}
	free(directory->by_pn);
	free(directory->by_lid);
	free(directory);
}
