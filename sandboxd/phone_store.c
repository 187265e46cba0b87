#include "sandboxd/phone_store.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/ids.h"
#include "common/own.h"

#define SIGNED_KEY_ID 1
#define PREKEY_ID_MAX 0xFFFFFE /* 0 and 0xFFFFFF are never used */
#define REGISTRATION_ID_MAX 16380

enum record_kind { RECORD_SESSION, RECORD_IDENTITY, RECORD_SENDER_KEY };

struct record {
	struct table_link link;
	enum record_kind kind;
	struct wa_jid address;
	char *group; /* of a sender key: its user part; else NULL */
	size_t n;
	uint8_t *bytes;
};

/* ---- records ---- */

static uint64_t record_hash(enum record_kind kind, const struct wa_jid *address,
	const struct wa_jid *group)
{
	const uint64_t rest = (uint64_t)kind << 32 |
			      (uint64_t)address->server << 16 | address->device;
	uint64_t hash = table_hash_pair(table_hash_text(address->user), rest);

	return group == NULL
		       ? hash
		       : table_hash_pair(hash, table_hash_text(group->user));
}

static bool record_is_of(
	const struct record *record, const struct wa_jid *group)
{
	if (group == NULL || record->group == NULL)
		return group == NULL && record->group == NULL;
	return strcmp(record->group, group->user) == 0;
}

/* @group: of a sender key, else NULL. */
static struct record *record_find(const struct phone_store *store,
	enum record_kind kind, const struct wa_jid *address,
	const struct wa_jid *group)
{
	for (struct table_link *link = table_first(
		     &store->records, record_hash(kind, address, group));
		link != NULL; link = table_next(link)) {
		struct record *record = table_entry(link, struct record, link);

		if (record->kind == kind && record_is_of(record, group) &&
			wa_jid_equal(&record->address, address))
			return record;
	}
	return NULL;
}

static void record_free(struct record *record)
{
	sodium_memzero(record->bytes, record->n);
	free(record->bytes);
	free(record->group);
	free(record);
}

static int record_load(const struct phone_store *store, enum record_kind kind,
	const struct wa_jid *address, const struct wa_jid *group,
	struct buf *out)
{
	const struct record *record = record_find(store, kind, address, group);

	if (record == NULL)
		return 0;
	buf_add(out, record->bytes, record->n);
	return 1;
}

static int record_save(struct phone_store *store, enum record_kind kind,
	const struct wa_jid *address, const struct wa_jid *group,
	const uint8_t *bytes, size_t n)
{
	struct record *record = record_find(store, kind, address, group);

	if (record == NULL) {
		record = xcalloc(1, sizeof(*record));
		record->kind = kind;
		record->address = *address;
		record->group = group == NULL ? NULL : xstrdup(group->user);
		table_add(&store->records, &record->link,
			record_hash(kind, address, group));
	}
	record->bytes = xrealloc(record->bytes, n > 0 ? n : 1);
	memcpy(record->bytes, bytes, n);
	record->n = n;
	return 0;
}

static void record_delete(struct phone_store *store, enum record_kind kind,
	const struct wa_jid *address, const struct wa_jid *group)
{
	struct record *record = record_find(store, kind, address, group);

	if (record == NULL)
		return;
	table_remove(&store->records, &record->link);
	record_free(record);
}

/* ---- keys ---- */

static void prekey_derive(
	const struct phone_store *store, uint32_t id, struct wa_keypair *out)
{
	uint8_t priv[WA_KEY_BYTES];
	char info[32];

	snprintf(info, sizeof(info), "prekey %u", id);
	wa_hkdf(store->seed, sizeof(store->seed), "", 0, info, priv,
		sizeof(priv));
	priv[0] &= 248;
	priv[31] = (uint8_t)((priv[31] & 127) | 64);
	wa_keypair_from_priv(priv, out);
	sodium_memzero(priv, sizeof(priv));
}

/* ---- what the Signal party calls ---- */

static int on_session_load(
	void *arg, const struct wa_jid *address, struct buf *out)
{
	return record_load(arg, RECORD_SESSION, address, NULL, out);
}

static int on_session_save(
	void *arg, const struct wa_jid *address, const uint8_t *bytes, size_t n)
{
	return record_save(arg, RECORD_SESSION, address, NULL, bytes, n);
}

static int on_session_delete(void *arg, const struct wa_jid *address)
{
	record_delete(arg, RECORD_SESSION, address, NULL);
	return 0;
}

static int on_identity_load(
	void *arg, const struct wa_jid *address, struct buf *out)
{
	return record_load(arg, RECORD_IDENTITY, address, NULL, out);
}

static int on_identity_save(
	void *arg, const struct wa_jid *address, const uint8_t *key, size_t n)
{
	return record_save(arg, RECORD_IDENTITY, address, NULL, key, n);
}

static int on_prekey_load(void *arg, uint32_t id, struct buf *out)
{
	const struct phone_store *store = arg;
	struct wa_keypair pair;

	if (id == 0 || id > store->last_prekey)
		return 0;
	prekey_derive(store, id, &pair);
	buf_add(out, pair.priv, sizeof(pair.priv));
	buf_add(out, pair.pub, sizeof(pair.pub));
	sodium_memzero(&pair, sizeof(pair));
	return 1;
}

static int on_prekey_remove(void *arg, uint32_t id)
{
	(void)arg;
	(void)id;
	return 0;
}

static int on_signed_prekey_load(void *arg, uint32_t id, struct buf *out)
{
	const struct phone_store *store = arg;

	if (id != SIGNED_KEY_ID)
		return 0;
	buf_add(out, store->signed_key.priv, sizeof(store->signed_key.priv));
	buf_add(out, store->signed_key.pub, sizeof(store->signed_key.pub));
	buf_add(out, store->signature, sizeof(store->signature));
	return 1;
}

static int on_sender_key_load(void *arg, const struct wa_jid *group,
	const struct wa_jid *sender, struct buf *out)
{
	return record_load(arg, RECORD_SENDER_KEY, sender, group, out);
}

static int on_sender_key_save(void *arg, const struct wa_jid *group,
	const struct wa_jid *sender, const uint8_t *bytes, size_t n)
{
	return record_save(arg, RECORD_SENDER_KEY, sender, group, bytes, n);
}

struct wa_signal *phone_store_party(struct phone_store *store)
{
	const struct wa_signal_store callbacks = {
		.arg = store,
		.session_load = on_session_load,
		.session_save = on_session_save,
		.session_delete = on_session_delete,
		.identity_load = on_identity_load,
		.identity_save = on_identity_save,
		.prekey_load = on_prekey_load,
		.prekey_remove = on_prekey_remove,
		.signed_prekey_load = on_signed_prekey_load,
		.sender_key_load = on_sender_key_load,
		.sender_key_save = on_sender_key_save,
	};

	if (store->party == NULL)
		store->party = wa_signal_new(
			&store->identity, store->registration_id, &callbacks);
	return store->party;
}

/* ---- life ---- */

void phone_store_init(struct phone_store *store)
{
	*store = (struct phone_store){ 0 };
	wa_keypair_new(&store->identity);
	wa_keypair_new(&store->signed_key);
	wa_signal_sign_prekey(
		&store->identity, store->signed_key.pub, store->signature);
	random_bytes(store->seed, sizeof(store->seed));
	store->registration_id =
		(uint32_t)random_between(1, REGISTRATION_ID_MAX);
}

void phone_store_fini(struct phone_store *store)
{
	wa_signal_free(&store->party);
	for (size_t i = 0; i < store->records.n_slots; i++) {
		struct table_link *link = store->records.slots[i];

		while (link != NULL) {
			struct table_link *next = link->next;

			record_free(table_entry(link, struct record, link));
			link = next;
		}
	}
	table_fini(&store->records);
	sodium_memzero(store, sizeof(*store));
}

void phone_store_bundle(struct phone_store *store, struct wa_bundle *out)
{
	struct wa_keypair one_time;

	store->last_prekey = store->last_prekey % PREKEY_ID_MAX + 1;
	prekey_derive(store, store->last_prekey, &one_time);
	*out = (struct wa_bundle){
		.registration_id = store->registration_id,
		.signed_id = SIGNED_KEY_ID,
		.has_one_time = true,
		.one_time_id = store->last_prekey,
	};
	memcpy(out->identity, store->identity.pub, sizeof(out->identity));
	memcpy(out->signed_key, store->signed_key.pub, sizeof(out->signed_key));
	memcpy(out->signature, store->signature, sizeof(out->signature));
	memcpy(out->one_time_key, one_time.pub, sizeof(out->one_time_key));
	sodium_memzero(&one_time, sizeof(one_time));
}

void phone_store_forget(struct phone_store *store, const struct wa_jid *address)
{
	record_delete(store, RECORD_SESSION, address, NULL);
	record_delete(store, RECORD_IDENTITY, address, NULL);
}

void phone_store_forget_sender_key(struct phone_store *store,
	const struct wa_jid *group, const struct wa_jid *sender)
{
	record_delete(store, RECORD_SENDER_KEY, sender, group);
}
