#include "senderd/whatsapp/castplan.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/senderkey.h"

#define NOBODY_MS (10 * 60 * 1000LL) /* then it is asked for again */

void castplan_fini(struct castplan *plan)
{
	free(plan->accounts);
	free(plan->devices);
	*plan = (struct castplan){ 0 };
}

/* Room for one more in a list whose room is the next power of two. */
static void *grow(void *list, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return list;
	return xrealloc(list, (n == 0 ? 1 : 2 * n) * size);
}

/* ---- accounts ---- */

void castplan_add(
	struct lane *lane, struct castplan *plan, const struct wa_jid *wire)
{
	struct cast_account *account = NULL;

	plan->accounts =
		grow(plan->accounts, plan->n_accounts, sizeof *plan->accounts);
	account = &plan->accounts[plan->n_accounts++];
	*account = (struct cast_account){ .wire = *wire, .list = CAST_ASK };
	account->account = lane_signal_address(lane, wire);
	account->is_own = lane_is_self(lane, wire);
	if (plan->by_lid)
		account->wire = account->account;
}

static int compare_accounts(const void *a, const void *b)
{
	const struct cast_account *left = a, *right = b;
	int order = strcmp(left->account.user, right->account.user);

	return order != 0
		       ? order
		       : (int)left->account.server - (int)right->account.server;
}

void castplan_unique(struct castplan *plan)
{
	size_t n = 0;

	if (plan->n_accounts == 0)
		return;
	qsort(plan->accounts, plan->n_accounts, sizeof *plan->accounts,
		compare_accounts);
	for (size_t i = 1; i < plan->n_accounts; i++) {
		if (compare_accounts(&plan->accounts[i], &plan->accounts[n]) !=
			0)
			plan->accounts[++n] = plan->accounts[i];
	}
	plan->n_accounts = n + 1;
}

/* ---- devices ---- */

static void device_add(
	struct castplan *plan, size_t account, uint16_t number, bool is_self)
{
	plan->devices =
		grow(plan->devices, plan->n_devices, sizeof *plan->devices);
	plan->devices[plan->n_devices++] = (struct cast_device){
		.account = (uint32_t)account,
		.number = number,
		.is_self = is_self,
	};
}

int castplan_note_nobody(
	struct lane *lane, const struct wa_jid *account, struct err *err)
{
	return lanedb_devices_save(
		lane->db, account, NULL, 0, clock_now_ms(), err);
}

/* 1: an empty list was noted a short while ago. */
static int is_nobody(
	struct lane *lane, const struct wa_jid *account, struct err *err)
{
	struct device_list list;
	int64_t fetched_ms = 0;
	int found = lanedb_devices_load(lane->db, account, list.numbers,
		DEVICES_MAX, &list.n, &fetched_ms, err);

	if (found <= 0)
		return found;
	return list.n == 0 && clock_now_ms() - fetched_ms < NOBODY_MS;
}

static int account_list(
	struct lane *lane, struct castplan *plan, size_t at, struct err *err)
{
	struct cast_account *account = &plan->accounts[at];
	struct device_list list;
	int known = devices_load(lane, &account->account, &list, err);
	int nobody = 0;

	if (known > 0 && plan->by_lid &&
		account->account.server != WA_SERVER_LID) {
		account->list = CAST_NOBODY; /* cannot be named */
		return 0;
	}
	if (known > 0) {
		account->list = CAST_LISTED;
		for (size_t i = 0; i < list.n; i++)
			device_add(plan, at, list.numbers[i],
				account->is_own &&
					list.numbers[i] == lane->id.jid.device);
		return 0;
	}
	nobody = known < 0 ? -1 : is_nobody(lane, &account->account, err);
	account->list = nobody > 0 ? CAST_NOBODY : CAST_ASK;
	plan->n_ask += nobody == 0;
	return nobody < 0 ? -1 : 0;
}

int castplan_devices(struct lane *lane, struct castplan *plan, struct err *err)
{
	plan->n_devices = 0;
	plan->n_ask = 0;
	for (size_t i = 0; i < plan->n_accounts; i++) {
		if (account_list(lane, plan, i, err) != 0)
			return -1;
	}
	return 0;
}

struct wa_jid castplan_wire(
	const struct castplan *plan, const struct cast_device *device)
{
	return wa_jid_with_device(
		&plan->accounts[device->account].wire, device->number);
}

struct wa_jid castplan_address(
	const struct castplan *plan, const struct cast_device *device)
{
	return wa_jid_with_device(
		&plan->accounts[device->account].account, device->number);
}

void castplan_phash(const struct castplan *plan, char out[WA_PHASH_LEN])
{
	struct wa_jid *jids = xcalloc(plan->n_devices + 1, sizeof *jids);

	for (size_t i = 0; i < plan->n_devices; i++)
		jids[i] = castplan_wire(plan, &plan->devices[i]);
	wa_phash(jids, plan->n_devices, out);
	free(jids);
}

int castplan_recipients(const struct castplan *plan)
{
	int n = 0;

	for (size_t i = 0; i < plan->n_accounts; i++)
		n += !plan->accounts[i].is_own &&
		     plan->accounts[i].list == CAST_LISTED;
	return n;
}

/* ---- keys ---- */

/* How many messages a key may encrypt.  0: it goes on, 1: it is worn, -1. */
static int is_worn(struct lane *lane, const struct wa_jid *chat)
{
	struct wa_jid self = senderkey_self(lane);
	uint32_t key_id = 0, iteration = 0;
	int found = wa_signal_group_info(
		lane->signal, chat, &self, &key_id, &iteration);

	if (found <= 0)
		return found;
	return iteration >= SENDERKEY_MESSAGES_MAX;
}

int castplan_keys(struct lane *lane, struct castplan *plan, struct err *err)
{
	scoped(holders_free) struct holders *holders =
		holders_load(lane, &plan->chat, err);
	int worn = 0;

	if (holders == NULL)
		return -1;
	for (size_t i = 0; i < plan->n_devices; i++) {
		struct wa_jid address =
			castplan_address(plan, &plan->devices[i]);

		plan->devices[i].has_key = holders_check(holders, &address);
	}
	for (size_t i = 0; i < plan->n_accounts; i++) {
		if (plan->accounts[i].list != CAST_LISTED)
			holders_excuse(holders, &plan->accounts[i].account);
	}
	worn = is_worn(lane, &plan->chat);
	if (worn < 0)
		return err_set(err, ERR_IO, "sender key of the lane database");
	if (holders_stranger(holders) != NULL)
		plan->rotate = "a device that has it is not there any more";
	else if (worn > 0)
		plan->rotate = "a thousand messages";
	for (size_t i = 0; plan->rotate != NULL && i < plan->n_devices; i++)
		plan->devices[i].has_key = false;
	return 0;
}
