/* The settings a phone shares with its companions: it makes real patches, and
 * reads those of its companions, checking every MAC (connection.md 8.9). */
#include "sandboxd/phone.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "common/wa/syncd.h"
#include "sandboxd/app_state.h"

#define PATCH_MUTATIONS_MAX 1000
#define INLINE_MUTATIONS_MAX 100 /* more go to the media host */

/* Versions of the actions, and where they live. */
enum {
	CRITICAL_BLOCK,
	CRITICAL_UNBLOCK_LOW,
	REGULAR_HIGH,
	REGULAR,
	REGULAR_LOW
};

/* One index that has a value. */
struct setting {
	struct table_link link;
	uint8_t index_mac[WA_SYNCD_MAC], value_mac[WA_SYNCD_MAC];
	struct buf data; /* SyncActionData */
};

/* A collection as it should be on every device. */
struct mirror {
	uint64_t version;
	uint8_t hash[WA_SYNCD_LTHASH];
	struct table settings;
};

struct phone_app_state {
	struct wa_syncd_keys keys;
	struct mirror mirrors[APP_STATE_COLLECTIONS];
	enum phone_corrupt corrupt;
	uint64_t n_bad; /* of companions: patches that were wrong */
	char *bad;	/* what was wrong with the last of them, or NULL */
};

/* A change that the phone makes itself. */
struct change {
	char *index; /* JSON */
	int version;
	Wa__SyncActionValue *value; /* NULL: taken out */
};

/* ---- mirrors ---- */

static struct setting *setting_find(
	const struct mirror *mirror, const uint8_t index_mac[WA_SYNCD_MAC])
{
	struct table_link *link = table_first(
		&mirror->settings, table_hash(index_mac, WA_SYNCD_MAC));

	for (; link != NULL; link = table_next(link)) {
		struct setting *setting =
			table_entry(link, struct setting, link);

		if (memcmp(setting->index_mac, index_mac, WA_SYNCD_MAC) == 0)
			return setting;
	}
	return NULL;
}

static void setting_free(struct setting *setting)
{
	buf_fini(&setting->data);
	free(setting);
}

static void setting_remove(struct mirror *mirror, struct setting *setting)
{
	table_remove(&mirror->settings, &setting->link);
	setting_free(setting);
}

/* Hash and map move together. */
static void mirror_apply(struct mirror *mirror,
	enum wa_syncd_operation operation,
	const uint8_t index_mac[WA_SYNCD_MAC],
	const uint8_t value_mac[WA_SYNCD_MAC], const struct buf *data)
{
	struct setting *setting = setting_find(mirror, index_mac);

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

typedef void setting_fn(struct setting *setting, void *arg);

static void mirror_each(const struct mirror *mirror, setting_fn *fn, void *arg)
{
	for (size_t i = 0; i < mirror->settings.n_slots; i++) {
		struct table_link *link = mirror->settings.slots[i];

		while (link != NULL) {
			struct table_link *next = link->next;

			fn(table_entry(link, struct setting, link), arg);
			link = next;
		}
	}
}

static void on_setting_free(struct setting *setting, void *arg)
{
	(void)arg;
	setting_free(setting);
}

void phone_app_state_free(struct phone_app_state **statep)
{
	struct phone_app_state *state = move(*statep);

	if (state == NULL)
		return;
	for (int i = 0; i < APP_STATE_COLLECTIONS; i++) {
		mirror_each(&state->mirrors[i], on_setting_free, NULL);
		table_fini(&state->mirrors[i].settings);
	}
	wa_syncd_keys_wipe(&state->keys);
	free(state->bad);
	free(state);
}

/* ---- reading patches of companions ---- */

struct reading {
	struct phone *phone;
	int collection;
	struct mirror *mirror;
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

static Wa__SyncActionData *data_parse(const struct buf *data)
{
	return wa_pb_bounded(data->data, data->len)
		       ? wa__sync_action_data__unpack(
				 NULL, data->len, data->data)
		       : NULL;
}

static int check_index(struct phone *phone, const Wa__SyncdRecord *record,
	const struct buf *data, struct err *err)
{
	Wa__SyncActionData *action = data_parse(data);
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

/* What others pushed since.  A wrong patch is noted and stays: every device has
 * it, so the state is what it says as far as it can be read. */
static void catch_up(struct phone *phone, int collection)
{
	struct mirror *mirror = &phone->app_state->mirrors[collection];

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

void phone_app_state_on_change(struct phone *phone)
{
	if (phone->app_state == NULL)
		return;
	for (int i = 0; i < APP_STATE_COLLECTIONS; i++)
		catch_up(phone, i);
}

/* ---- making patches ---- */

static void data_pack(const struct change *change, struct buf *out)
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
	struct mirror *mirror;
	Wa__SyncdMutations list;
	struct buf value_macs;
};

#define NEW(arena, type, defaults) \
	((type *)arena_dup((arena), &(type)defaults, sizeof(type)))

static Wa__SyncdKeyId *key_id_new(const struct making *m)
{
	Wa__SyncdKeyId *id =
		NEW(m->arena, Wa__SyncdKeyId, WA__SYNCD_KEY_ID__INIT);

	id->has_id = true;
	id->id =
		(ProtobufCBinaryData){ PHONE_APP_KEY_ID, m->phone->app_key_id };
	return id;
}

static Wa__SyncdBlob *blob_new(
	const struct making *m, const void *bytes, size_t n)
{
	Wa__SyncdBlob *blob =
		NEW(m->arena, Wa__SyncdBlob, WA__SYNCD_BLOB__INIT);

	blob->has_blob = true;
	blob->blob = (ProtobufCBinaryData){ n, arena_dup(m->arena, bytes, n) };
	return blob;
}

static void add_mutation(struct making *m, const struct change *change)
{
	const enum wa_syncd_operation operation =
		change->value != NULL ? WA_SYNCD_SET : WA_SYNCD_REMOVE;
	const struct phone_app_state *state = m->phone->app_state;
	scoped(buf_fini) struct buf data = BUF_INIT, sealed = BUF_INIT;
	Wa__SyncdMutation *mutation =
		NEW(m->arena, Wa__SyncdMutation, WA__SYNCD_MUTATION__INIT);
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
		NEW(m->arena, Wa__SyncdRecord, WA__SYNCD_RECORD__INIT);
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

/* At most PATCH_MUTATIONS_MAX changes as one patch.  The mirror goes ahead; it
 * can only be refused when the collection is full, and then for good. */
static void push(struct phone *phone, int collection,
	const struct change *changes, size_t n)
{
	struct making m = { .phone = phone,
		.arena = phone->sandbox->arena,
		.collection = collection,
		.list = WA__SYNCD_MUTATIONS__INIT };
	struct err err = ERR_NONE;

	catch_up(phone, collection);
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

/* ---- what the owner does ---- */

static char *index_make(
	struct arena *arena, const char *action, const char *jid)
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	json_t *list = json_array();
	char *json;

	json_array_append_new(list, json_string(action));
	if (jid != NULL)
		json_array_append_new(list, json_string(jid));
	json = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	buf_add_str(&text, json);
	free(json);
	return arena_strdup(arena, buf_cstr(&text));
}

static Wa__SyncActionValue *value_new(struct arena *arena)
{
	Wa__SyncActionValue *value =
		NEW(arena, Wa__SyncActionValue, WA__SYNC_ACTION_VALUE__INIT);

	value->has_timestamp = true;
	value->timestamp = clock_now_ms();
	return value;
}

static void push_one(struct phone *phone, int collection, int version,
	const char *action, const char *jid, Wa__SyncActionValue *value)
{
	const struct change change = {
		.index = index_make(phone->sandbox->arena, action, jid),
		.version = version,
		.value = value,
	};

	push(phone, collection, &change, 1);
}

void phone_app_state_name(struct phone *phone)
{
	struct arena *arena = phone->sandbox->arena;
	Wa__SyncActionValue *value;

	if (phone->app_state == NULL)
		return;
	value = value_new(arena);
	value->push_name_setting =
		NEW(arena, Wa__PushNameSetting, WA__PUSH_NAME_SETTING__INIT);
	value->push_name_setting->name = phone->account->push_name;
	push_one(phone, CRITICAL_BLOCK, 1, "setting_pushName", NULL, value);
}

void phone_app_state_begin(struct phone *phone)
{
	if (phone->app_state != NULL)
		return;
	random_bytes(phone->app_key, sizeof(phone->app_key));
	/* A device number and an epoch, both small. */
	memset(phone->app_key_id, 0, sizeof(phone->app_key_id));
	random_bytes(phone->app_key_id + 4, 2);
	phone->app_state = xcalloc(1, sizeof(*phone->app_state));
	wa_syncd_keys_expand(phone->app_key, sizeof(phone->app_key),
		&phone->app_state->keys);
	phone_app_state_name(phone);
}

void phone_app_state_corrupt(struct phone *phone, enum phone_corrupt corrupt)
{
	phone_app_state_begin(phone);
	phone->app_state->corrupt = corrupt;
	app_state_set_bad_snapshot(
		phone->account, corrupt == PHONE_CORRUPT_SNAPSHOT);
}

static char *text_of(const char *text)
{
	return (char *)text; /* protobuf-c never writes through it */
}

static struct change contact_change(
	struct phone *phone, const struct phone_contact *contact)
{
	const struct account *known =
		directory_by_pn(phone->sandbox, contact->phone);
	struct arena *arena = phone->sandbox->arena;
	const struct wa_jid pn = wa_jid_pn(contact->phone, 0);
	char text[WA_JID_TEXT];
	struct change change = {
		.index = index_make(arena, "contact", wa_jid_text(&pn, text)),
		.version = 2,
	};
	Wa__ContactAction *action =
		NEW(arena, Wa__ContactAction, WA__CONTACT_ACTION__INIT);

	if (contact->name == NULL || contact->name[0] == '\0')
		return change;
	action->full_name = text_of(contact->name);
	action->first_name = arena_strndup(
		arena, contact->name, strcspn(contact->name, " "));
	action->has_save_on_primary_addressbook = true;
	action->save_on_primary_addressbook = true;
	if (known != NULL) {
		const struct wa_jid lid = wa_jid_lid(known->lid, 0);

		action->lid_jid = arena_strdup(arena, wa_jid_text(&lid, text));
	}
	change.value = value_new(arena);
	change.value->contact_action = action;
	return change;
}

void phone_app_state_contacts(
	struct phone *phone, const struct phone_contact *contacts, size_t n)
{
	struct arena *arena = phone->sandbox->arena;
	struct change *changes;

	phone_app_state_begin(phone);
	while (n > 0) {
		size_t some = n < PATCH_MUTATIONS_MAX ? n : PATCH_MUTATIONS_MAX;

		changes = arena_alloc(arena, some * sizeof(*changes));
		for (size_t i = 0; i < some; i++)
			changes[i] = contact_change(phone, &contacts[i]);
		push(phone, CRITICAL_UNBLOCK_LOW, changes, some);
		contacts += some;
		n -= some;
	}
}

static Wa__SyncActionMessageRange *range_new(struct arena *arena)
{
	Wa__SyncActionMessageRange *range =
		NEW(arena, Wa__SyncActionMessageRange,
			WA__SYNC_ACTION_MESSAGE_RANGE__INIT);

	range->has_last_message_timestamp = true;
	range->last_message_timestamp = clock_now_ms() / 1000;
	return range;
}

static void push_mute(struct phone *phone, const char *chat, int64_t until_ms)
{
	struct arena *arena = phone->sandbox->arena;
	Wa__SyncActionValue *value = value_new(arena);

	value->mute_action = NEW(arena, Wa__MuteAction, WA__MUTE_ACTION__INIT);
	value->mute_action->has_muted = true;
	value->mute_action->muted = until_ms != 0;
	value->mute_action->has_mute_end_timestamp = until_ms != 0;
	value->mute_action->mute_end_timestamp = until_ms;
	push_one(phone, REGULAR_HIGH, 2, "mute", chat, value);
}

static void push_archive(struct phone *phone, const char *chat, bool archived)
{
	struct arena *arena = phone->sandbox->arena;
	Wa__SyncActionValue *value = value_new(arena);

	value->archive_chat_action = NEW(
		arena, Wa__ArchiveChatAction, WA__ARCHIVE_CHAT_ACTION__INIT);
	value->archive_chat_action->has_archived = true;
	value->archive_chat_action->archived = archived;
	value->archive_chat_action->message_range = range_new(arena);
	push_one(phone, REGULAR_LOW, 3, "archive", chat, value);
}

static void push_pin(struct phone *phone, const char *chat, bool pinned)
{
	struct arena *arena = phone->sandbox->arena;
	Wa__SyncActionValue *value = value_new(arena);

	value->pin_action = NEW(arena, Wa__PinAction, WA__PIN_ACTION__INIT);
	value->pin_action->has_pinned = true;
	value->pin_action->pinned = pinned;
	push_one(phone, REGULAR_LOW, 5, "pin_v1", chat, value);
}

static void push_read(struct phone *phone, const char *chat, bool read)
{
	struct arena *arena = phone->sandbox->arena;
	Wa__SyncActionValue *value = value_new(arena);

	value->mark_chat_as_read_action = NEW(arena, Wa__MarkChatAsReadAction,
		WA__MARK_CHAT_AS_READ_ACTION__INIT);
	value->mark_chat_as_read_action->has_read = true;
	value->mark_chat_as_read_action->read = read;
	value->mark_chat_as_read_action->message_range = range_new(arena);
	push_one(phone, REGULAR_LOW, 3, "markChatAsRead", chat, value);
}

void phone_app_state_chat(struct phone *phone, const char *chat,
	const struct phone_chat_settings *settings)
{
	phone_app_state_begin(phone);
	if (settings->has_mute)
		push_mute(phone, chat, settings->muted_until_ms);
	if (settings->has_archived)
		push_archive(phone, chat, settings->archived);
	if (settings->has_pinned)
		push_pin(phone, chat, settings->pinned);
	if (settings->has_read)
		push_read(phone, chat, settings->read);
}

/* ---- showing ---- */

static void show_contact(json_t *out, const Wa__ContactAction *action)
{
	json_object_set_new(out, "fullName", json_string(action->full_name));
	json_object_set_new(out, "firstName", json_string(action->first_name));
	json_object_set_new(out, "lid", json_string(action->lid_jid));
}

/* Members of what is set; null where a text is none. */
static json_t *value_json(const Wa__SyncActionValue *value)
{
	json_t *out = json_object();

	json_object_set_new(out, "t", json_integer(value->timestamp));
	if (value->push_name_setting != NULL)
		json_object_set_new(out, "name",
			json_string(value->push_name_setting->name));
	if (value->contact_action != NULL)
		show_contact(out, value->contact_action);
	if (value->mute_action != NULL) {
		json_object_set_new(
			out, "muted", json_boolean(value->mute_action->muted));
		json_object_set_new(out, "mutedUntil",
			json_integer(value->mute_action->mute_end_timestamp));
	}
	if (value->pin_action != NULL)
		json_object_set_new(
			out, "pinned", json_boolean(value->pin_action->pinned));
	if (value->archive_chat_action != NULL)
		json_object_set_new(out, "archived",
			json_boolean(value->archive_chat_action->archived));
	if (value->mark_chat_as_read_action != NULL)
		json_object_set_new(out, "read",
			json_boolean(value->mark_chat_as_read_action->read));
	return out;
}

static void show_setting(struct setting *setting, void *list)
{
	Wa__SyncActionData *data = data_parse(&setting->data);
	json_t *entry, *index;

	if (data == NULL)
		return;
	entry = json_object();
	index = json_loadb(
		(const char *)data->index.data, data->index.len, 0, NULL);
	json_object_set_new(
		entry, "index", index != NULL ? index : json_null());
	json_object_set_new(entry, "version", json_integer(data->version));
	if (data->value != NULL)
		json_object_set_new(entry, "value", value_json(data->value));
	json_array_append_new(list, entry);
	wa__sync_action_data__free_unpacked(data, NULL);
}

json_t *phone_app_state_json(struct phone *phone)
{
	json_t *out = json_object(), *collections = json_object();
	const struct phone_app_state *state;

	phone_app_state_begin(phone);
	phone_app_state_on_change(phone);
	state = phone->app_state;
	for (int i = 0; i < APP_STATE_COLLECTIONS; i++) {
		json_t *entries = json_array();

		mirror_each(&state->mirrors[i], show_setting, entries);
		json_object_set_new(collections, app_state_names[i],
			json_pack("{s:I, s:o}", "version",
				(json_int_t)state->mirrors[i].version,
				"entries", entries));
	}
	json_object_set_new(out, "collections", collections);
	json_object_set_new(out, "bad", json_integer((json_int_t)state->n_bad));
	if (state->n_bad > 0)
		json_object_set_new(
			out, "lastBad", json_string(log_quote(state->bad)));
	return out;
}
