#include "sandboxd/app_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/media.h"
#include "common/wa/pbguard.h"
#include "common/wa/syncd.h"
#include "sandboxd/iq.h"
#include "sandboxd/route.h"
#include "sandboxd/sandbox.h"
#include "whatsapp.pb-c.h"

#define MUTATIONS_MAX 10000 /* of one patch */

struct collection {
	struct buf *patches; /* [version - 1] */
	size_t version, cap;
	size_t bytes;
};

struct app_state {
	struct collection collections[APP_STATE_COLLECTIONS];
	bool snapshot, bad_snapshot;
};

const char *const app_state_names[APP_STATE_COLLECTIONS] = {
	"critical_block",
	"critical_unblock_low",
	"regular_high",
	"regular",
	"regular_low",
};

/* ---- an account's state ---- */

int app_state_find(const char *name)
{
	for (int i = 0; i < APP_STATE_COLLECTIONS; i++) {
		if (name != NULL && strcmp(app_state_names[i], name) == 0)
			return i;
	}
	return -1;
}

static struct app_state *state_of(struct account *account)
{
	if (account->app_state == NULL)
		account->app_state = xcalloc(1, sizeof(struct app_state));
	return account->app_state;
}

void app_state_forget_account(struct account *account)
{
	struct app_state *state = move(account->app_state);

	if (state == NULL)
		return;
	for (int i = 0; i < APP_STATE_COLLECTIONS; i++) {
		struct collection *collection = &state->collections[i];

		for (size_t v = 0; v < collection->version; v++)
			buf_fini(&collection->patches[v]);
		free(collection->patches);
	}
	free(state);
}

uint64_t app_state_version(const struct account *account, int collection)
{
	return account->app_state == NULL
		       ? 0
		       : account->app_state->collections[collection].version;
}

const struct buf *app_state_patch(
	const struct account *account, int collection, uint64_t version)
{
	if (version == 0 || version > app_state_version(account, collection))
		return NULL;
	return &account->app_state->collections[collection]
			.patches[version - 1];
}

void app_state_set_snapshot(struct account *account, bool snapshot)
{
	state_of(account)->snapshot = snapshot;
}

void app_state_set_bad_snapshot(struct account *account, bool bad)
{
	state_of(account)->bad_snapshot = bad;
}

bool app_state_has_snapshot(const struct account *account)
{
	return account->app_state != NULL && account->app_state->snapshot;
}

/* ---- taking a patch ---- */

static bool mutation_is_whole(const Wa__SyncdMutation *mutation)
{
	const Wa__SyncdRecord *record = mutation->record;

	return record != NULL && record->index != NULL &&
	       record->index->blob.len == WA_SYNCD_MAC &&
	       record->value != NULL &&
	       wa_syncd_blob_mac(record->value->blob.data,
		       record->value->blob.len) != NULL &&
	       record->key_id != NULL && record->key_id->has_id;
}

static bool patch_is_whole(const Wa__SyncdPatch *patch)
{
	if (patch->snapshot_mac.len != WA_SYNCD_MAC ||
		patch->patch_mac.len != WA_SYNCD_MAC || patch->key_id == NULL ||
		!patch->key_id->has_id || patch->n_mutations > MUTATIONS_MAX)
		return false;
	for (size_t i = 0; i < patch->n_mutations; i++) {
		if (!mutation_is_whole(patch->mutations[i]))
			return false;
	}
	return patch->n_mutations > 0 || patch->external_mutations != NULL;
}

static Wa__SyncdPatch *patch_parse(const void *bytes, size_t n)
{
	Wa__SyncdPatch *patch;

	if (n > APP_STATE_PATCH_MAX || !wa_pb_bounded(bytes, n))
		return NULL;
	patch = wa__syncd_patch__unpack(NULL, n, bytes);
	if (patch == NULL || patch_is_whole(patch))
		return patch;
	wa__syncd_patch__free_unpacked(patch, NULL);
	return NULL;
}

/* Clients leave the version to the server; the MACs are over it all the same.
 */
static void patch_store(
	struct collection *collection, const Wa__SyncdPatch *patch)
{
	Wa__SyncdVersion version = WA__SYNCD_VERSION__INIT;
	Wa__SyncdPatch stored = *patch;
	struct buf *out;
	size_t n;

	if (collection->version == collection->cap) {
		collection->cap =
			collection->cap == 0 ? 4 : 2 * collection->cap;
		collection->patches = xrealloc(collection->patches,
			collection->cap * sizeof(*collection->patches));
	}
	out = &collection->patches[collection->version++];
	*out = BUF_INIT;
	version.has_version = true;
	version.version = collection->version;
	stored.version = &version;
	n = wa__syncd_patch__get_packed_size(&stored);
	wa__syncd_patch__pack(&stored, buf_reserve(out, n));
	out->len = n;
	collection->bytes += n;
}

static void tell_others(
	struct sandbox *sandbox, struct device *from, int collection)
{
	struct account *account = from->account;
	struct wa_jid own = wa_jid_pn(account->pn, 0);
	struct wa_node *notification, *changed;

	notification = route_stanza(sandbox, "notification",
		sandbox_stanza_id(sandbox), clock_now_ms() / 1000);
	wa_node_set_jid(notification, "from", &own);
	wa_node_set(notification, "type", "server_sync");
	changed = wa_node_add(notification, "collection");
	wa_node_set(changed, "name", app_state_names[collection]);
	wa_node_set_int(changed, "version",
		(int64_t)app_state_version(account, collection));
	account_each_device (device, account) {
		if (device != from)
			device_deliver(sandbox, device, notification);
	}
}

int app_state_push(struct sandbox *sandbox, struct device *from, int collection,
	uint64_t version, const void *patch, size_t n, struct err *err)
{
	struct collection *to =
		&state_of(from->account)->collections[collection];
	Wa__SyncdPatch *parsed;

	if (version != to->version)
		return err_set(err, ERR_CONFLICT, "%s is at version %zu",
			app_state_names[collection], to->version);
	if (to->version >= APP_STATE_PATCHES_MAX ||
		to->bytes + n > APP_STATE_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%s is full",
			app_state_names[collection]);
	parsed = patch_parse(patch, n);
	if (parsed == NULL)
		return err_set(err, ERR_INVALID, "that is no patch");
	patch_store(to, parsed);
	wa__syncd_patch__free_unpacked(parsed, NULL);
	tell_others(sandbox, from, collection);
	return 0;
}

/* ---- a snapshot: what all patches together have set ---- */

struct setting {
	struct table_link link;
	Wa__SyncdRecord *record; /* borrowed */
};

struct snapshot {
	struct sandbox *sandbox; /* borrowed */
	struct table settings;
	Wa__SyncdPatch **patches;
	size_t n_patches;
	Wa__SyncdMutations **external;
	size_t n_external;
};

static uint64_t index_hash(const Wa__SyncdRecord *record)
{
	return table_hash(record->index->blob.data, record->index->blob.len);
}

static struct setting *setting_find(
	const struct snapshot *snapshot, const Wa__SyncdRecord *record)
{
	struct table_link *link =
		table_first(&snapshot->settings, index_hash(record));

	for (; link != NULL; link = table_next(link)) {
		struct setting *setting =
			table_entry(link, struct setting, link);

		if (memcmp(setting->record->index->blob.data,
			    record->index->blob.data, WA_SYNCD_MAC) == 0)
			return setting;
	}
	return NULL;
}

static void snapshot_apply(
	struct snapshot *snapshot, const Wa__SyncdMutation *mutation)
{
	struct setting *setting;

	if (!mutation_is_whole(mutation))
		return;
	setting = setting_find(snapshot, mutation->record);
	if (mutation->operation == WA_SYNCD_REMOVE) {
		if (setting != NULL)
			table_remove(&snapshot->settings, &setting->link);
		free(setting);
		return;
	}
	if (setting != NULL) {
		setting->record = mutation->record;
		return;
	}
	setting = xcalloc(1, sizeof(*setting));
	setting->record = mutation->record;
	table_add(&snapshot->settings, &setting->link,
		index_hash(mutation->record));
}

static bool reference_read(
	const Wa__ExternalBlobReference *from, struct wa_media_ref *out)
{
	*out = (struct wa_media_ref){ .type = WA_MEDIA_APP_STATE };
	if (from->direct_path == NULL ||
		strlen(from->direct_path) >= sizeof(out->direct_path) ||
		from->media_key.len != sizeof(out->key) ||
		from->file_enc_sha256.len != sizeof(out->enc_sha256))
		return false;
	strcpy(out->direct_path, from->direct_path);
	memcpy(out->key, from->media_key.data, sizeof(out->key));
	memcpy(out->enc_sha256, from->file_enc_sha256.data,
		sizeof(out->enc_sha256));
	out->has_sha256 = from->file_sha256.len == sizeof(out->sha256);
	if (out->has_sha256)
		memcpy(out->sha256, from->file_sha256.data,
			sizeof(out->sha256));
	return true;
}

Wa__SyncdMutations *app_state_external(struct sandbox *sandbox,
	const Wa__ExternalBlobReference *reference, struct err *err)
{
	scoped(buf_fini) struct buf blob = BUF_INIT, file = BUF_INIT;
	struct wa_media_ref ref;
	Wa__SyncdMutations *mutations;

	if (!reference_read(reference, &ref)) {
		err_set(err, ERR_INVALID, "external mutations: no reference");
		return NULL;
	}
	if (media_get(sandbox, ref.direct_path, &blob, err) != 0 ||
		wa_media_open(&ref, blob.data, blob.len, &file, err) != 0)
		return NULL;
	mutations =
		wa_pb_bounded(file.data, file.len)
			? wa__syncd_mutations__unpack(NULL, file.len, file.data)
			: NULL;
	if (mutations == NULL)
		err_set(err, ERR_INVALID, "external mutations: malformed");
	return mutations;
}

static int snapshot_add_external(struct snapshot *snapshot,
	const Wa__ExternalBlobReference *reference, struct err *err)
{
	Wa__SyncdMutations *mutations =
		app_state_external(snapshot->sandbox, reference, err);

	if (mutations == NULL)
		return -1;
	snapshot->external[snapshot->n_external++] = mutations;
	for (size_t i = 0; i < mutations->n_mutations; i++)
		snapshot_apply(snapshot, mutations->mutations[i]);
	return 0;
}

static int snapshot_add_patch(
	struct snapshot *snapshot, const struct buf *bytes, struct err *err)
{
	Wa__SyncdPatch *patch =
		wa__syncd_patch__unpack(NULL, bytes->len, bytes->data);

	if (patch == NULL)
		return err_set(err, ERR_INTERNAL, "a stored patch is broken");
	snapshot->patches[snapshot->n_patches++] = patch;
	for (size_t i = 0; i < patch->n_mutations; i++)
		snapshot_apply(snapshot, patch->mutations[i]);
	return patch->external_mutations == NULL
		       ? 0
		       : snapshot_add_external(
				 snapshot, patch->external_mutations, err);
}

static int snapshot_open(struct snapshot *snapshot, struct sandbox *sandbox,
	const struct collection *collection, struct err *err)
{
	*snapshot = (struct snapshot){
		.sandbox = sandbox,
		.patches = xcalloc(
			collection->version + 1, sizeof(*snapshot->patches)),
		.external = xcalloc(
			collection->version + 1, sizeof(*snapshot->external)),
	};
	for (size_t v = 0; v < collection->version; v++) {
		if (snapshot_add_patch(
			    snapshot, &collection->patches[v], err) != 0)
			return -1;
	}
	return 0;
}

static void snapshot_close(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->settings.n_slots; i++) {
		struct table_link *link = snapshot->settings.slots[i];

		while (link != NULL) {
			struct table_link *next = link->next;

			free(table_entry(link, struct setting, link));
			link = next;
		}
	}
	table_fini(&snapshot->settings);
	for (size_t i = 0; i < snapshot->n_patches; i++)
		wa__syncd_patch__free_unpacked(snapshot->patches[i], NULL);
	for (size_t i = 0; i < snapshot->n_external; i++)
		wa__syncd_mutations__free_unpacked(snapshot->external[i], NULL);
	free(snapshot->patches);
	free(snapshot->external);
}

/* The MAC is that of the last patch: it is over the same state. */
static void snapshot_pack(
	const struct snapshot *snapshot, bool bad, struct buf *out)
{
	Wa__SyncdPatch *last = snapshot->patches[snapshot->n_patches - 1];
	Wa__SyncdSnapshot message = WA__SYNCD_SNAPSHOT__INIT;
	size_t n;

	message.version = last->version;
	message.records =
		xcalloc(snapshot->settings.n + 1, sizeof(*message.records));
	for (size_t i = 0; i < snapshot->settings.n_slots; i++) {
		for (struct table_link *link = snapshot->settings.slots[i];
			link != NULL; link = link->next)
			message.records[message.n_records++] =
				table_entry(link, struct setting, link)->record;
	}
	message.has_mac = true;
	message.mac = last->snapshot_mac;
	message.mac.data[0] ^= bad;
	message.key_id = last->key_id;
	n = wa__syncd_snapshot__get_packed_size(&message);
	wa__syncd_snapshot__pack(&message, buf_reserve(out, n));
	out->len += n;
	free(message.records);
}

int app_state_blob(struct sandbox *sandbox, const struct buf *file,
	struct buf *out, struct err *err)
{
	Wa__ExternalBlobReference reference = WA__EXTERNAL_BLOB_REFERENCE__INIT;
	scoped(buf_fini) struct buf blob = BUF_INIT;
	uint8_t key[WA_MEDIA_KEY], sha256[32], enc_sha256[32];
	const char *path;
	size_t n;

	random_bytes(key, sizeof(key));
	wa_media_seal(WA_MEDIA_APP_STATE, key, file->data, file->len, &blob,
		sha256, enc_sha256);
	if (media_put(sandbox, blob.data, blob.len, &path, err) != 0)
		return -1;
	reference.has_media_key = reference.has_file_size_bytes =
		reference.has_file_sha256 = reference.has_file_enc_sha256 =
			true;
	reference.media_key = (ProtobufCBinaryData){ sizeof(key), key };
	reference.direct_path = (char *)path;
	reference.file_size_bytes = file->len;
	reference.file_sha256 = (ProtobufCBinaryData){ sizeof(sha256), sha256 };
	reference.file_enc_sha256 =
		(ProtobufCBinaryData){ sizeof(enc_sha256), enc_sha256 };
	n = wa__external_blob_reference__get_packed_size(&reference);
	wa__external_blob_reference__pack(&reference, buf_reserve(out, n));
	out->len += n;
	return 0;
}

/* Appends the reference to a fresh snapshot. */
static int snapshot_make(struct sandbox *sandbox, const struct app_state *state,
	const struct collection *collection, struct buf *out, struct err *err)
{
	scoped(buf_fini) struct buf file = BUF_INIT;
	struct snapshot snapshot;
	int rc = snapshot_open(&snapshot, sandbox, collection, err);

	if (rc == 0) {
		snapshot_pack(&snapshot, state->bad_snapshot, &file);
		rc = app_state_blob(sandbox, &file, out, err);
	}
	snapshot_close(&snapshot);
	return rc;
}

/* ---- answers ---- */

/* What came after @version, as far as it fits into one answer. */
static void add_patches(struct wa_node *answer,
	const struct collection *collection, uint64_t version)
{
	struct wa_node *list = NULL;
	size_t n = 0, bytes = 0;

	for (; version < collection->version && n < APP_STATE_ANSWER_PATCHES &&
		bytes < APP_STATE_ANSWER_BYTES;
		n++, version++) {
		const struct buf *patch = &collection->patches[version];

		if (list == NULL)
			list = wa_node_add(answer, "patches");
		wa_node_bytes(
			wa_node_add(list, "patch"), patch->data, patch->len);
		bytes += patch->len;
	}
	wa_node_set(answer, "has_more_patches",
		version < collection->version ? "true" : "false");
}

static bool add_snapshot(struct session *session, struct wa_node *answer,
	const struct app_state *state, const struct collection *collection)
{
	scoped(buf_fini) struct buf reference = BUF_INIT;
	struct err err = ERR_NONE;

	if (snapshot_make(session->sandbox, state, collection, &reference,
		    &err) != 0) {
		log_warning("app_state phone=%s snapshot=none reason=\"%s\" "
			    "action=send_patches",
			session->device->account->pn, err.msg);
		return false;
	}
	wa_node_bytes(
		wa_node_add(answer, "snapshot"), reference.data, reference.len);
	wa_node_set(answer, "has_more_patches", "false");
	return true;
}

static void on_fetch(struct session *session, const struct wa_node *asked,
	int which, struct wa_node *answer)
{
	const struct app_state *state = state_of(session->device->account);
	const struct collection *collection = &state->collections[which];
	const int64_t version = wa_node_int(asked, "version", 0);

	if (version <= 0 && state->snapshot && collection->version > 0 &&
		wa_node_is(asked, "return_snapshot", "true") &&
		add_snapshot(session, answer, state, collection))
		return;
	add_patches(answer, collection, version < 0 ? 0 : (uint64_t)version);
}

static void add_error(struct wa_node *answer, int code, const char *text)
{
	struct wa_node *error = wa_node_add(answer, "error");

	wa_node_set(answer, "type", "error");
	wa_node_set_int(error, "code", code);
	wa_node_set(error, "text", text);
}

static void on_upload(struct session *session, const struct wa_node *asked,
	int which, struct wa_node *answer)
{
	struct device *from = session->device;
	const struct wa_node *patch = wa_node_child(asked, "patch");
	const int64_t version = wa_node_int(asked, "version", 0);
	struct err err = ERR_NONE;
	size_t n = 0;
	const uint8_t *bytes = wa_node_content(patch, &n);

	if (bytes == NULL || version < 0) {
		add_error(answer, 400, "bad-request");
		return;
	}
	if (app_state_push(session->sandbox, from, which, (uint64_t)version,
		    bytes, n, &err) == 0)
		return;
	log_info("app_state phone=%s device=%u collection=%s status=refused "
		 "reason=\"%s\"",
		from->account->pn, from->number, app_state_names[which],
		err.msg);
	if (err.code != ERR_CONFLICT) {
		add_error(answer, 400, "bad-request");
		return;
	}
	add_error(answer, 409, "conflict");
	add_patches(answer, &state_of(from->account)->collections[which],
		(uint64_t)version);
}

/* Every collection that was asked for is named, those that we never heard of
 * too: a client asks again for the missing ones without end. */
void app_state_on_sync(struct session *session, const struct wa_node *iq)
{
	const struct wa_node *sync = wa_node_child(iq, "sync");
	struct wa_node *result = iq_result(session, iq);
	struct wa_node *answers = wa_node_add(result, "sync");

	wa_node_each (asked, sync) {
		struct wa_node *answer = wa_node_add(answers, "collection");
		const char *name = wa_node_str(asked, "name");
		int which = app_state_find(name);

		wa_node_set(answer, "name", name);
		if (which < 0) {
			wa_node_set(answer, "version", "0");
			wa_node_set(answer, "has_more_patches", "false");
			continue;
		}
		if (wa_node_child(asked, "patch") != NULL)
			on_upload(session, asked, which, answer);
		else
			on_fetch(session, asked, which, answer);
		wa_node_set_int(answer, "version",
			(int64_t)app_state_version(
				session->device->account, which));
	}
	session_send(session, result);
}
