#include "sandboxd/phone_patch.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/pbguard.h"

#define INLINE_MUTATIONS_MAX 100 /* more go to the media host */

/* ---- mirrors ---- */

static struct phone_setting *setting_find(const struct phone_mirror *mirror,
	const uint8_t index_mac[WA_SYNCD_MAC])
{
	struct table_link *link = table_first(
		&mirror->settings, table_hash(index_mac, WA_SYNCD_MAC));

	for (; link != NULL; link = table_next(link)) {
		struct phone_setting *setting =
			table_entry(link, struct phone_setting, link);

		if (memcmp(setting->index_mac, index_mac, WA_SYNCD_MAC) == 0)
			return setting;
	}
	return NULL;
}

static void setting_free(struct phone_setting *setting)
{
	buf_fini(&setting->data);
	free(setting);
}

static void setting_remove(
	struct phone_mirror *mirror, struct phone_setting *setting)
{
	table_remove(&mirror->settings, &setting->link);
	setting_free(setting);
}

/* Hash and map move together. */
static void mirror_apply(struct phone_mirror *mirror,
	enum wa_syncd_operation operation,
	const uint8_t index_mac[WA_SYNCD_MAC],
	const uint8_t value_mac[WA_SYNCD_MAC], const struct buf *data)
{
	struct phone_setting *setting = setting_find(mirror, index_mac);

	if (setting != NULL)
		wa_syncd_lthash_sub(mirror->hash, setting->value_mac);
	if (operation == WA_SYNCD_REMOVE) {
		if (setting != NULL)
			setting_remove(mirror, setting);
		return;
	}
	wa_syncd_lthash_add(mirror->hash, value_mac);
	if (setting == NULL) {
		setting = xcalloc(1, sizeof(*setting));
		memcpy(setting->index_mac, index_mac, WA_SYNCD_MAC);
		table_add(&mirror->settings, &setting->link,
			table_hash(index_mac, WA_SYNCD_MAC));
	}
	memcpy(setting->value_mac, value_mac, WA_SYNCD_MAC);
	buf_clear(&setting->data);
	buf_add(&setting->data, data->data, data->len);
}

void phone_patch_each(
	const struct phone_mirror *mirror, phone_setting_fn *fn, void *arg)
{
	for (size_t i = 0; i < mirror->settings.n_slots; i++) {
		struct table_link *link = mirror->settings.slots[i];

		while (link != NULL) {
			struct table_link *next = link->next;

			fn(table_entry(link, struct phone_setting, link), arg);
			link = next;
		}
	}
}

static void on_setting_free(struct phone_setting *setting, void *arg)
{
	(void)arg;
	setting_free(setting);
}

void phone_patch_fini(struct phone_mirror *mirror)
{
	phone_patch_each(mirror, on_setting_free, NULL);
	table_fini(&mirror->settings);
}

/* ---- reading patches of companions ---- */

struct reading {
	struct phone *phone;
	int collection;
	struct phone_mirror *mirror;
	const Wa__SyncdPatch *patch;
	struct buf value_macs;
};

static void complain(
	struct phone *phone, int collection, uint64_t version, const char *what)
{
	struct phone_app_state *state = phone->app_state;

	state->n_bad++;
	free(state->bad);
	state->bad = xasprintf("%s %llu: %s", app_state_names[collection],
		(unsigned long long)version, what);
	log_info("phone=%s app_state=%s version=%llu reason=\"%s\" "
		 "action=go_on",
		phone->account->pn, app_state_names[collection],
		(unsigned long long)version, what);
}

Wa__SyncActionData *phone_patch_data(const struct buf *data)
{
	return wa_pb_bounded(data->data, data->len)
		       ? wa__sync_action_data__unpack(
				 NULL, data->len, data->data)
		       : NULL;
}

static int check_index(struct phone *phone, const Wa__SyncdRecord *record,
	const struct buf *data, struct err *err)
{
	Wa__SyncActionData *action = phone_patch_data(data);
	uint8_t mac[WA_SYNCD_MAC];

	if (action == NULL)
		return err_set(err, ERR_PEER, "value is no SyncActionData");
	wa_syncd_index_mac(&phone->app_state->keys, action->index.data,
		action->index.len, mac);
	wa__sync_action_data__free_unpacked(action, NULL);
	if (sodium_memcmp(mac, record->index->blob.data, sizeof(mac)) != 0)
		return err_set(err, ERR_PEER, "wrong index MAC");
	return 0;
}

/* The patch was taken by the server, so its records are whole; external ones
 * nobody has looked at. */
static int take_mutation(
	struct reading *r, const Wa__SyncdMutation *mutation, struct err *err)
{
	const Wa__SyncdRecord *record = mutation->record;
	scoped(buf_fini) struct buf data = BUF_INIT;
	uint8_t value_mac[WA_SYNCD_MAC];
	const ProtobufCBinaryData *key, *blob;

	if (record == NULL || record->index == NULL || record->value == NULL ||
		record->key_id == NULL ||
		record->index->blob.len != WA_SYNCD_MAC)
		return err_set(err, ERR_PEER, "record is incomplete");
	key = &record->key_id->id;
	blob = &record->value->blob;
	if (key->len != PHONE_APP_KEY_ID ||
		memcmp(key->data, r->phone->app_key_id, key->len) != 0)
		return err_set(err, ERR_PEER, "unknown key");
	if (wa_syncd_decrypt(&r->phone->app_state->keys,
		    (enum wa_syncd_operation)mutation->operation, key->data,
		    key->len, blob->data, blob->len, &data, value_mac,
		    err) != 0 ||
		check_index(r->phone, record, &data, err) != 0)
		return -1;
	buf_add(&r->value_macs, value_mac, sizeof(value_mac));
	mirror_apply(r->mirror, (enum wa_syncd_operation)mutation->operation,
		record->index->blob.data, value_mac, &data);
	return 0;
}

static int take_external(struct reading *r, struct err *err)
{
	Wa__SyncdMutations *mutations = app_state_external(
		r->phone->sandbox, r->patch->external_mutations, err);
	int rc = mutations == NULL ? -1 : 0;

	for (size_t i = 0; rc == 0 && i < mutations->n_mutations; i++)
		rc = take_mutation(r, mutations->mutations[i], err);
	if (mutations != NULL)
		wa__syncd_mutations__free_unpacked(mutations, NULL);
	return rc;
}

static int check_macs(const struct reading *r, struct err *err)
{
	const struct wa_syncd_keys *keys = &r->phone->app_state->keys;
	const char *name = app_state_names[r->collection];
	uint8_t mac[WA_SYNCD_MAC];

	wa_syncd_patch_mac(keys, r->patch->snapshot_mac.data,
		r->value_macs.data, r->value_macs.len / WA_SYNCD_MAC,
		r->mirror->version, name, mac);
	if (sodium_memcmp(mac, r->patch->patch_mac.data, sizeof(mac)) != 0)
		return err_set(err, ERR_PEER, "wrong patch MAC");
	wa_syncd_snapshot_mac(
		keys, r->mirror->hash, r->mirror->version, name, mac);
	if (sodium_memcmp(mac, r->patch->snapshot_mac.data, sizeof(mac)) != 0)
		return err_set(err, ERR_PEER, "wrong snapshot MAC");
	return 0;
}

static int take_patch(struct reading *r, struct err *err)
{
	for (size_t i = 0; i < r->patch->n_mutations; i++) {
		if (take_mutation(r, r->patch->mutations[i], err) != 0)
			return -1;
	}
	if (r->patch->external_mutations != NULL && take_external(r, err) != 0)
		return -1;
	return check_macs(r, err);
}

/* A wrong patch is noted and stays: every device has it, so the state is what
 * it says as far as it can be read. */
void phone_patch_catch_up(struct phone *phone, int collection)
{
	struct phone_mirror *mirror = &phone->app_state->mirrors[collection];

	while (mirror->version <
		app_state_version(phone->account, collection)) {
		const struct buf *bytes = app_state_patch(
			phone->account, collection, ++mirror->version);
		Wa__SyncdPatch *patch =
			wa__syncd_patch__unpack(NULL, bytes->len, bytes->data);
		struct reading r = { .phone = phone,
			.collection = collection,
			.mirror = mirror,
			.patch = patch };
		struct err err = ERR_NONE;

		if (patch == NULL || take_patch(&r, &err) != 0)
			complain(phone, collection, mirror->version, err.msg);
		if (patch != NULL)
			wa__syncd_patch__free_unpacked(patch, NULL);
		buf_fini(&r.value_macs);
	}
}

/* ---- making patches ---- */

static void data_pack(const struct phone_change *change, struct buf *out)
{
	Wa__SyncActionData data = WA__SYNC_ACTION_DATA__INIT;
	Wa__SyncActionValue none = WA__SYNC_ACTION_VALUE__INIT;
	size_t n;

	data.has_index = true;
	data.index = (ProtobufCBinaryData){ strlen(change->index),
		(uint8_t *)change->index };
	data.value = change->value != NULL ? change->value : &none;
	data.has_padding = true;
	data.has_version = true;
	data.version = change->version;
	n = wa__sync_action_data__get_packed_size(&data);
	wa__sync_action_data__pack(&data, buf_reserve(out, n));
	out->len += n;
}

struct making {
	struct phone *phone;
	struct arena *arena;
	int collection;
	struct phone_mirror *mirror;
	Wa__SyncdMutations list;
	struct buf value_macs;
};

static Wa__SyncdKeyId *key_id_new(const struct making *m)
{
	Wa__SyncdKeyId *id =
		MESSAGE_NEW(m->arena, Wa__SyncdKeyId, WA__SYNCD_KEY_ID__INIT);

	id->has_id = true;
	id->id =
		(ProtobufCBinaryData){ PHONE_APP_KEY_ID, m->phone->app_key_id };
	return id;
}

static Wa__SyncdBlob *blob_new(
	const struct making *m, const void *bytes, size_t n)
{
	Wa__SyncdBlob *blob =
		MESSAGE_NEW(m->arena, Wa__SyncdBlob, WA__SYNCD_BLOB__INIT);

	blob->has_blob = true;
	blob->blob = (ProtobufCBinaryData){ n, arena_dup(m->arena, bytes, n) };
	return blob;
}

static void add_mutation(struct making *m, const struct phone_change *change)
{
	const enum wa_syncd_operation operation =
		change->value != NULL ? WA_SYNCD_SET : WA_SYNCD_REMOVE;
	const struct phone_app_state *state = m->phone->app_state;
	scoped(buf_fini) struct buf data = BUF_INIT, sealed = BUF_INIT;
	Wa__SyncdMutation *mutation = MESSAGE_NEW(
		m->arena, Wa__SyncdMutation, WA__SYNCD_MUTATION__INIT);
	uint8_t index_mac[WA_SYNCD_MAC], *value_mac;

	wa_syncd_index_mac(
		&state->keys, change->index, strlen(change->index), index_mac);
	if (operation == WA_SYNCD_REMOVE &&
		setting_find(m->mirror, index_mac) == NULL)
		return; /* there is nothing to take out */
	data_pack(change, &data);
	wa_syncd_encrypt(&state->keys, operation, m->phone->app_key_id,
		PHONE_APP_KEY_ID, data.data, data.len, &sealed);
	value_mac = sealed.data + sealed.len - WA_SYNCD_MAC;
	value_mac[0] ^= state->corrupt == PHONE_CORRUPT_VALUE_MAC;
	buf_add(&m->value_macs, value_mac, WA_SYNCD_MAC);
	mirror_apply(m->mirror, operation, index_mac, value_mac, &data);
	mutation->has_operation = true;
	mutation->operation = operation;
	mutation->record =
		MESSAGE_NEW(m->arena, Wa__SyncdRecord, WA__SYNCD_RECORD__INIT);
	mutation->record->index = blob_new(m, index_mac, sizeof(index_mac));
	mutation->record->value = blob_new(m, sealed.data, sealed.len);
	mutation->record->key_id = key_id_new(m);
	m->list.mutations[m->list.n_mutations++] = mutation;
}

static void make_macs(const struct making *m, uint8_t snapshot[WA_SYNCD_MAC],
	uint8_t patch[WA_SYNCD_MAC])
{
	const struct phone_app_state *state = m->phone->app_state;
	const char *name = app_state_names[m->collection];

	wa_syncd_snapshot_mac(&state->keys, m->mirror->hash, m->mirror->version,
		name, snapshot);
	snapshot[0] ^= state->corrupt == PHONE_CORRUPT_SNAPSHOT_MAC;
	wa_syncd_patch_mac(&state->keys, snapshot, m->value_macs.data,
		m->value_macs.len / WA_SYNCD_MAC, m->mirror->version, name,
		patch);
	patch[0] ^= state->corrupt == PHONE_CORRUPT_PATCH_MAC;
}

static Wa__ExternalBlobReference *move_outside(
	const struct making *m, struct err *err)
{
	scoped(buf_fini) struct buf file = BUF_INIT, reference = BUF_INIT;
	size_t n = wa__syncd_mutations__get_packed_size(&m->list);

	wa__syncd_mutations__pack(&m->list, buf_reserve(&file, n));
	file.len = n;
	if (app_state_blob(m->phone->sandbox, &file, &reference, err) != 0)
		return NULL;
	return wa__external_blob_reference__unpack(
		NULL, reference.len, reference.data);
}

static int patch_push(struct making *m, struct err *err)
{
	Wa__SyncdPatch patch = WA__SYNCD_PATCH__INIT;
	scoped(buf_fini) struct buf packed = BUF_INIT;
	uint8_t snapshot_mac[WA_SYNCD_MAC], patch_mac[WA_SYNCD_MAC];
	size_t n;

	make_macs(m, snapshot_mac, patch_mac);
	patch.has_snapshot_mac = patch.has_patch_mac = true;
	patch.snapshot_mac =
		(ProtobufCBinaryData){ sizeof(snapshot_mac), snapshot_mac };
	patch.patch_mac = (ProtobufCBinaryData){ sizeof(patch_mac), patch_mac };
	patch.key_id = key_id_new(m);
	patch.has_device_index = true;
	if (m->list.n_mutations > INLINE_MUTATIONS_MAX) {
		patch.external_mutations = move_outside(m, err);
		if (patch.external_mutations == NULL)
			return -1;
	} else {
		patch.n_mutations = m->list.n_mutations;
		patch.mutations = m->list.mutations;
	}
	n = wa__syncd_patch__get_packed_size(&patch);
	wa__syncd_patch__pack(&patch, buf_reserve(&packed, n));
	packed.len = n;
	if (patch.external_mutations != NULL)
		wa__external_blob_reference__free_unpacked(
			patch.external_mutations, NULL);
	return app_state_push(m->phone->sandbox, phone_device(m->phone),
		m->collection, m->mirror->version - 1, packed.data, packed.len,
		err);
}

/* The mirror goes ahead: it can only be refused when the collection is full,
 * and then for good. */
void phone_patch_push(struct phone *phone, int collection,
	const struct phone_change *changes, size_t n)
{
	struct making m = { .phone = phone,
		.arena = phone->sandbox->arena,
		.collection = collection,
		.list = WA__SYNCD_MUTATIONS__INIT };
	struct err err = ERR_NONE;

	phone_patch_catch_up(phone, collection);
	m.mirror = &phone->app_state->mirrors[collection];
	m.list.mutations = arena_alloc(m.arena, n * sizeof(*m.list.mutations));
	for (size_t i = 0; i < n; i++)
		add_mutation(&m, &changes[i]);
	if (m.list.n_mutations > 0) {
		m.mirror->version++;
		if (patch_push(&m, &err) != 0)
			log_warning("phone=%s app_state=%s reason=\"%s\" "
				    "action=give_up",
				phone->account->pn, app_state_names[collection],
				err.msg);
	}
	buf_fini(&m.value_macs);
}
