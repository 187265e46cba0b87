#include "senderd/whatsapp/senderkey.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"

struct wa_jid senderkey_self(const struct lane *lane)
{
	return lane->id.lid.user[0] != '\0' ? lane->id.lid : lane->id.jid;
}

int senderkey_rotate(struct lane *lane, const struct wa_jid *chat,
	const char *why, struct err *err)
{
	struct wa_jid self = senderkey_self(lane);
	char text[WA_JID_TEXT];

	log_info("sender_key chat=%s status=dropped reason=\"%s\"",
		wa_jid_text(chat, text), why);
	return lanedb_sender_key_delete(lane->db, chat, &self, err);
}

int senderkey_on_left(struct lane *lane, const struct wa_jid *chat,
	const struct wa_jid *account, struct err *err)
{
	struct wa_jid address = lane_signal_address(lane, account);
	int found = lanedb_holder_has_user(lane->db, chat, &address, err);

	if (found <= 0)
		return found;
	return senderkey_rotate(lane, chat, "a member left", err);
}

int senderkey_on_device_gone(
	struct lane *lane, const struct wa_jid *device, struct err *err)
{
	struct wa_jid self = senderkey_self(lane);
	struct wa_jid address = lane_signal_address(lane, device);

	return lanedb_sender_keys_revoke(lane->db, &self, &address, err);
}

int senderkey_on_new_identity(
	struct lane *lane, const struct wa_jid *account, struct err *err)
{
	struct wa_jid bare = wa_jid_bare(account);
	struct wa_jid address = lane_signal_address(lane, &bare);

	if (lanedb_holder_forget_user(lane->db, &bare, err) != 0)
		return -1;
	return lanedb_holder_forget_user(lane->db, &address, err);
}

/* ---- all holders of a chat: found by account, in no more than a step or two
 * ---- */

struct holder {
	struct wa_jid device;
	bool is_known;
	uint32_t next; /* in its bucket: index + 1, 0 = end */
};

struct holders {
	struct holder *list; /* owned */
	size_t n, cap;
	uint32_t *buckets; /* owned: index + 1 */
	size_t n_buckets;  /* a power of two */
};

void holders_free(struct holders **holdersp)
{
	struct holders *holders = move(*holdersp);

	if (holders == NULL)
		return;
	free(holders->list);
	free(holders->buckets);
	free(holders);
}

static int on_holder(const struct wa_jid *device, void *arg)
{
	struct holders *holders = arg;

	if (holders->n == holders->cap) {
		holders->cap = holders->cap != 0 ? 2 * holders->cap : 64;
		holders->list = xrealloc(
			holders->list, holders->cap * sizeof *holders->list);
	}
	holders->list[holders->n++] = (struct holder){ .device = *device };
	return 0;
}

static uint32_t *bucket_of(
	const struct holders *holders, const struct wa_jid *account)
{
	uint32_t hash = 2166136261u ^ account->server;

	for (const char *p = account->user; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	return &holders->buckets[hash & (holders->n_buckets - 1)];
}

static void index_build(struct holders *holders)
{
	holders->n_buckets = 16;
	while (holders->n_buckets < 2 * holders->n)
		holders->n_buckets *= 2;
	holders->buckets =
		xcalloc(holders->n_buckets, sizeof *holders->buckets);
	for (size_t i = 0; i < holders->n; i++) {
		uint32_t *bucket = bucket_of(holders, &holders->list[i].device);

		holders->list[i].next = *bucket;
		*bucket = (uint32_t)i + 1;
	}
}

struct holders *holders_load(
	struct lane *lane, const struct wa_jid *chat, struct err *err)
{
	struct holders *holders = xcalloc(1, sizeof *holders);

	if (lanedb_holder_each(lane->db, chat, on_holder, holders, err) != 0) {
		holders_free(&holders);
		return NULL;
	}
	index_build(holders);
	return holders;
}

bool holders_check(struct holders *holders, const struct wa_jid *device)
{
	for (uint32_t at = *bucket_of(holders, device); at != 0;
		at = holders->list[at - 1].next) {
		struct holder *holder = &holders->list[at - 1];

		if (wa_jid_equal(&holder->device, device)) {
			holder->is_known = true;
			return true;
		}
	}
	return false;
}

void holders_excuse(struct holders *holders, const struct wa_jid *account)
{
	for (uint32_t at = *bucket_of(holders, account); at != 0;
		at = holders->list[at - 1].next) {
		struct holder *holder = &holders->list[at - 1];

		if (wa_jid_same_user(&holder->device, account))
			holder->is_known = true;
	}
}

const struct wa_jid *holders_stranger(const struct holders *holders)
{
	for (size_t i = 0; i < holders->n; i++) {
		if (!holders->list[i].is_known)
			return &holders->list[i].device;
	}
	return NULL;
}
