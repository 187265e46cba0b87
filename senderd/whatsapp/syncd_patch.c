#include "senderd/whatsapp/syncd_patch.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "senderd/whatsapp/app_state_effect.h"

/* A patch on its way. */
struct work {
	struct lane *lane;
	const char *collection;
	Wa__SyncdPatch *patch;
	struct syncd_opener opener;
	struct syncd_records *records;
	uint64_t version; /* of the collection as it is */
	uint8_t hash[WA_SYNCD_LTHASH];
	/* Of its mutations, in order. */
	struct buf index_macs, value_macs; /* WA_SYNCD_MAC bytes each */
	struct buf operations;		   /* a byte each */
	size_t n;
};

static void work_fini(struct work *work)
{
	if (work->patch != NULL)
		wa__syncd_patch__free_unpacked(work->patch, NULL);
	syncd_opener_fini(&work->opener);
	syncd_records_free(&work->records);
	buf_fini(&work->index_macs);
	buf_fini(&work->value_macs);
	buf_fini(&work->operations);
}

static enum syncd_result broken(struct err *err, const char *why)
{
	err_set(err, ERR_PEER, "%s", why);
	return SYNCD_BROKEN;
}

/* ---- the patch itself ---- */

static bool ref_read(
	const Wa__ExternalBlobReference *blob, struct wa_media_ref *out)
{
	*out = (struct wa_media_ref){ .type = WA_MEDIA_APP_STATE };
	if (blob->direct_path == NULL ||
		strlen(blob->direct_path) >= sizeof out->direct_path ||
		blob->media_key.len != sizeof out->key ||
		blob->file_enc_sha256.len != sizeof out->enc_sha256)
		return false;
	memcpy(out->direct_path, blob->direct_path,
		strlen(blob->direct_path) + 1);
	memcpy(out->key, blob->media_key.data, sizeof out->key);
	memcpy(out->enc_sha256, blob->file_enc_sha256.data,
		sizeof out->enc_sha256);
	out->has_sha256 = blob->file_sha256.len == sizeof out->sha256;
	if (out->has_sha256)
		memcpy(out->sha256, blob->file_sha256.data, sizeof out->sha256);
	out->length = blob->file_size_bytes;
	return true;
}

bool syncd_blob_ref(const void *bytes, size_t n, struct wa_media_ref *out)
{
	Wa__ExternalBlobReference *blob = NULL;
	bool is_good;

	if (wa_pb_bounded(bytes, n))
		blob = wa__external_blob_reference__unpack(NULL, n, bytes);
	if (blob == NULL)
		return false;
	is_good = ref_read(blob, out);
	wa__external_blob_reference__free_unpacked(blob, NULL);
	return is_good;
}

static enum syncd_result patch_read(
	struct work *work, const void *bytes, size_t n, struct err *err)
{
	const Wa__SyncdPatch *patch;

	if (wa_pb_bounded(bytes, n))
		work->patch = wa__syncd_patch__unpack(NULL, n, bytes);
	patch = work->patch;
	if (patch == NULL)
		return broken(err, "malformed patch");
	if (patch->version == NULL || patch->version->version == 0 ||
		patch->version->version > INT64_MAX ||
		patch->snapshot_mac.len != WA_SYNCD_MAC ||
		patch->patch_mac.len != WA_SYNCD_MAC || patch->key_id == NULL ||
		patch->key_id->id.len == 0 ||
		patch->key_id->id.len > SYNCD_KEY_ID_MAX)
		return broken(err, "incomplete patch");
	return SYNCD_OK;
}

static enum syncd_result records_open(struct work *work, const void *bytes,
	size_t n, const char *path, struct err *err)
{
	syncd_records_free(&work->records);
	if (work->patch->external_mutations == NULL)
		work->records = syncd_records_of_patch(bytes, n);
	else
		work->records = syncd_records_of_mutations(path, err);
	return work->records != NULL ? SYNCD_OK : SYNCD_FAILED;
}

/* ---- each record ---- */

typedef enum syncd_result record_fn(struct work *work,
	const struct syncd_record *record, const Wa__SyncActionData *data,
	struct err *err);

static enum syncd_result each_record(
	struct work *work, record_fn *fn, struct err *err)
{
	struct syncd_record record;
	int rc;

	while ((rc = syncd_records_next(work->records, &record, err)) == 1) {
		Wa__SyncActionData *data = NULL;
		enum syncd_result result =
			syncd_open(&work->opener, &record, &data, err);

		if (result == SYNCD_OK)
			result = fn(work, &record, data, err);
		syncd_data_free(&data);
		if (result != SYNCD_OK)
			return result;
	}
	return rc < 0 ? syncd_result_of(err) : SYNCD_OK;
}

static enum syncd_result record_note(struct work *work,
	const struct syncd_record *record, const Wa__SyncActionData *data,
	struct err *err)
{
	(void)data;
	if (++work->n > SYNCD_MUTATIONS_MAX)
		return broken(err, "too many mutations");
	buf_add(&work->index_macs, record->index_mac, WA_SYNCD_MAC);
	buf_add(&work->value_macs,
		wa_syncd_blob_mac(record->blob, record->n_blob), WA_SYNCD_MAC);
	buf_add_byte(&work->operations, (uint8_t)record->operation);
	return SYNCD_OK;
}

static enum syncd_result record_apply(struct work *work,
	const struct syncd_record *record, const Wa__SyncActionData *data,
	struct err *err)
{
	struct lanedb *db = work->lane->db;
	int rc;

	if (record->operation == WA_SYNCD_SET)
		rc = lanedb_state_value_save(db, work->collection,
			record->index_mac,
			wa_syncd_blob_mac(record->blob, record->n_blob), err);
	else
		rc = lanedb_state_value_remove(
			db, work->collection, record->index_mac, err);
	if (rc != 0 ||
		app_state_effect(work->lane, record->operation, data, err) != 0)
		return SYNCD_FAILED;
	return SYNCD_OK;
}

/* ---- the hash afterwards ---- */

static const uint8_t *mac_at(const struct buf *macs, size_t i)
{
	return macs->data + i * WA_SYNCD_MAC;
}

/* Mutations of one index stand together, in the order of the patch. */
static int compare(const void *a, const void *b, void *arg)
{
	const struct work *work = arg;
	uint32_t left = *(const uint32_t *)a;
	uint32_t right = *(const uint32_t *)b;
	int order = memcmp(mac_at(&work->index_macs, left),
		mac_at(&work->index_macs, right), WA_SYNCD_MAC);

	return order != 0 ? order : left < right ? -1 : left > right;
}

/* Mutation @i, whose index had the value @before (NULL: none).  Returns what it
 * has afterwards. */
static const uint8_t *hash_mutation(
	struct work *work, size_t i, const uint8_t *before)
{
	const uint8_t *after = NULL;

	if (before != NULL)
		wa_syncd_lthash_sub(work->hash, before);
	if (work->operations.data[i] == WA_SYNCD_SET) {
		after = mac_at(&work->value_macs, i);
		wa_syncd_lthash_add(work->hash, after);
	}
	return after;
}

/* The sums commute, so each index is followed through on its own. */
static enum syncd_result hash_sorted(
	struct work *work, const uint32_t *order, struct err *err)
{
	const uint8_t *index_mac = NULL;
	const uint8_t *value = NULL;
	uint8_t stored[WA_SYNCD_MAC];
	int found;

	for (size_t i = 0; i < work->n; i++) {
		const uint8_t *next = mac_at(&work->index_macs, order[i]);

		if (index_mac == NULL ||
			memcmp(index_mac, next, WA_SYNCD_MAC) != 0) {
			found = lanedb_state_value_load(work->lane->db,
				work->collection, next, stored, err);
			if (found < 0)
				return SYNCD_FAILED;
			value = found == 1 ? stored : NULL;
			index_mac = next;
		}
		value = hash_mutation(work, order[i], value);
	}
	return SYNCD_OK;
}

static enum syncd_result hash_update(struct work *work, struct err *err)
{
	uint32_t *order = xcalloc(work->n + 1, sizeof *order);
	enum syncd_result result;

	for (size_t i = 0; i < work->n; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, work->n, sizeof *order, compare, work);
	result = hash_sorted(work, order, err);
	free(order);
	return result;
}

/* ---- proof ---- */

static enum syncd_result macs_check(struct work *work, struct err *err)
{
	const Wa__SyncdPatch *patch = work->patch;
	struct syncd_key_id key = { .n = patch->key_id->id.len };
	uint8_t mac[WA_SYNCD_MAC];
	enum syncd_result found;

	memcpy(key.bytes, patch->key_id->id.data, key.n);
	found = syncd_find_keys(&work->opener, &key, err);
	if (found != SYNCD_OK)
		return found;
	wa_syncd_snapshot_mac(&work->opener.keys, work->hash,
		patch->version->version, work->collection, mac);
	if (sodium_memcmp(mac, patch->snapshot_mac.data, sizeof mac) != 0)
		return broken(err, "the collection is not what it should be");
	wa_syncd_patch_mac(&work->opener.keys, patch->snapshot_mac.data,
		work->value_macs.data, work->n, patch->version->version,
		work->collection, mac);
	if (sodium_memcmp(mac, patch->patch_mac.data, sizeof mac) != 0)
		return broken(err, "wrong MAC of a patch");
	return SYNCD_OK;
}

static enum syncd_result work_prove(struct work *work, struct err *err)
{
	enum syncd_result result = each_record(work, record_note, err);

	if (result == SYNCD_OK)
		result = hash_update(work, err);
	if (result == SYNCD_OK)
		result = macs_check(work, err);
	return result;
}

static enum syncd_result work_apply(struct work *work, struct err *err)
{
	enum syncd_result result = each_record(work, record_apply, err);

	/* It was read a moment ago: what fails now is not the peer's fault. */
	if (result != SYNCD_OK)
		return SYNCD_FAILED;
	return lanedb_collection_save(work->lane->db, work->collection,
		       work->patch->version->version, work->hash, err) == 0
		       ? SYNCD_OK
		       : SYNCD_FAILED;
}

static enum syncd_result work_do(struct work *work, const void *patch, size_t n,
	const char *path, struct syncd_patch_result *out, struct err *err)
{
	enum syncd_result result = patch_read(work, patch, n, err);

	if (result != SYNCD_OK)
		return result;
	if (lanedb_collection_load(work->lane->db, work->collection,
		    &work->version, work->hash, err) != 0)
		return SYNCD_FAILED;
	out->version = work->version;
	if (work->patch->version->version <= work->version)
		return SYNCD_OK;
	if (work->patch->external_mutations != NULL && path == NULL)
		return ref_read(work->patch->external_mutations, &out->blob)
			       ? SYNCD_NEEDS_BLOB
			       : broken(err, "malformed reference to a blob");
	result = records_open(work, patch, n, path, err);
	if (result == SYNCD_OK)
		result = work_prove(work, err);
	if (result == SYNCD_OK)
		result = records_open(work, patch, n, path, err);
	if (result == SYNCD_OK)
		result = work_apply(work, err);
	if (result == SYNCD_OK)
		out->version = work->patch->version->version;
	return result;
}

enum syncd_result syncd_patch_apply(struct lane *lane, const char *collection,
	const void *patch, size_t n, const char *mutations_path,
	struct syncd_patch_result *out, struct err *err)
{
	scoped(work_fini) struct work work = { .lane = lane,
		.collection = collection };
	enum syncd_result result;

	*out = (struct syncd_patch_result){ 0 };
	syncd_opener_init(&work.opener, lane);
	result = work_do(&work, patch, n, mutations_path, out, err);
	out->missing = work.opener.missing;
	out->n_mutations = work.n;
	return result;
}
