/* Patches of our own; see syncd_patch.h. */
#include "senderd/whatsapp/syncd_patch.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"

#define CHANGES_MAX 8

/* One change, sealed. */
struct sealed {
	struct buf blob;
	uint8_t index_mac[WA_SYNCD_MAC];
	Wa__SyncdBlob index, value;
	Wa__SyncdKeyId key;
	Wa__SyncdRecord record;
	Wa__SyncdMutation mutation;
};

struct build {
	struct lane *lane;
	const char *collection;
	struct syncd_opener opener;
	struct syncd_key_id key;
	uint64_t version;
	uint8_t hash[WA_SYNCD_LTHASH];
	uint8_t snapshot_mac[WA_SYNCD_MAC], patch_mac[WA_SYNCD_MAC];
	struct sealed sealed[CHANGES_MAX];
	Wa__SyncdMutation *mutations[CHANGES_MAX];
	uint8_t value_macs[CHANGES_MAX * WA_SYNCD_MAC];
	size_t n;
};

static void build_fini(struct build *build)
{
	for (size_t i = 0; i < build->n; i++)
		buf_fini(&build->sealed[i].blob);
	syncd_opener_fini(&build->opener);
}

/* The key that the phone shared last. */
static enum syncd_result key_choose(
	struct lane *lane, struct syncd_key_id *out, struct err *err)
{
	struct buf id = BUF_INIT;
	struct buf data = BUF_INIT;
	int found = lanedb_app_key_newest(lane->db, &id, &data, err);

	if (found == 1) {
		out->n = id.len; /* the lane database bounds it */
		memcpy(out->bytes, id.data, id.len);
		sodium_memzero(data.data, data.len);
	}
	buf_fini(&id);
	buf_fini(&data);
	return found < 0 ? SYNCD_FAILED : found == 0 ? SYNCD_NO_KEY : SYNCD_OK;
}

static enum syncd_result begin(struct build *build, struct err *err)
{
	enum syncd_result result = key_choose(build->lane, &build->key, err);

	if (result == SYNCD_OK)
		result = syncd_find_keys(&build->opener, &build->key, err);
	if (result != SYNCD_OK)
		return result;
	return lanedb_collection_load(build->lane->db, build->collection,
		       &build->version, build->hash, err) == 0
		       ? SYNCD_OK
		       : SYNCD_FAILED;
}

static void change_seal(struct build *build, const struct syncd_change *change,
	struct sealed *out)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	Wa__SyncActionData data = WA__SYNC_ACTION_DATA__INIT;
	size_t n;

	data.has_index = true;
	data.index.data = (uint8_t *)change->index;
	data.index.len = strlen(change->index);
	data.value = (Wa__SyncActionValue *)change->value;
	data.has_padding = true;
	data.has_version = true;
	data.version = change->version;
	n = wa__sync_action_data__get_packed_size(&data);
	wa__sync_action_data__pack(&data, buf_reserve(&plain, n));
	wa_syncd_encrypt(&build->opener.keys, WA_SYNCD_SET, build->key.bytes,
		build->key.n, plain.data, n, &out->blob);
	wa_syncd_index_mac(&build->opener.keys, change->index,
		strlen(change->index), out->index_mac);
}

static void mutation_fill(struct build *build, struct sealed *sealed)
{
	wa__syncd_blob__init(&sealed->index);
	sealed->index.has_blob = true;
	sealed->index.blob.data = sealed->index_mac;
	sealed->index.blob.len = WA_SYNCD_MAC;
	wa__syncd_blob__init(&sealed->value);
	sealed->value.has_blob = true;
	sealed->value.blob.data = sealed->blob.data;
	sealed->value.blob.len = sealed->blob.len;
	wa__syncd_key_id__init(&sealed->key);
	sealed->key.has_id = true;
	sealed->key.id.data = build->key.bytes;
	sealed->key.id.len = build->key.n;
	wa__syncd_record__init(&sealed->record);
	sealed->record.index = &sealed->index;
	sealed->record.value = &sealed->value;
	sealed->record.key_id = &sealed->key;
	wa__syncd_mutation__init(&sealed->mutation);
	sealed->mutation.has_operation = true;
	sealed->mutation.operation = WA_SYNCD_SET;
	sealed->mutation.record = &sealed->record;
}

/* Seals it and moves the hash on. */
static enum syncd_result change_add(
	struct build *build, const struct syncd_change *change, struct err *err)
{
	struct sealed *sealed = &build->sealed[build->n];
	uint8_t *value_mac = build->value_macs + build->n * WA_SYNCD_MAC;
	uint8_t before[WA_SYNCD_MAC];
	int found;

	change_seal(build, change, sealed);
	mutation_fill(build, sealed);
	build->mutations[build->n++] = &sealed->mutation;
	found = lanedb_state_value_load(build->lane->db, build->collection,
		sealed->index_mac, before, err);
	if (found < 0)
		return SYNCD_FAILED;
	if (found == 1)
		wa_syncd_lthash_sub(build->hash, before);
	memcpy(value_mac,
		wa_syncd_blob_mac(sealed->blob.data, sealed->blob.len),
		WA_SYNCD_MAC);
	wa_syncd_lthash_add(build->hash, value_mac);
	return SYNCD_OK;
}

static void patch_pack(struct build *build, struct buf *out)
{
	Wa__SyncdPatch patch = WA__SYNCD_PATCH__INIT;
	Wa__SyncdKeyId key = WA__SYNCD_KEY_ID__INIT;
	const struct wa_syncd_keys *keys = &build->opener.keys;
	size_t n;

	wa_syncd_snapshot_mac(keys, build->hash, build->version + 1,
		build->collection, build->snapshot_mac);
	wa_syncd_patch_mac(keys, build->snapshot_mac, build->value_macs,
		build->n, build->version + 1, build->collection,
		build->patch_mac);
	patch.n_mutations = build->n;
	patch.mutations = build->mutations;
	patch.has_snapshot_mac = true;
	patch.snapshot_mac.data = build->snapshot_mac;
	patch.snapshot_mac.len = WA_SYNCD_MAC;
	patch.has_patch_mac = true;
	patch.patch_mac.data = build->patch_mac;
	patch.patch_mac.len = WA_SYNCD_MAC;
	key.has_id = true;
	key.id.data = build->key.bytes;
	key.id.len = build->key.n;
	patch.key_id = &key;
	n = wa__syncd_patch__get_packed_size(&patch);
	wa__syncd_patch__pack(&patch, buf_reserve(out, n));
	out->len += n;
}

enum syncd_result syncd_patch_build(struct lane *lane, const char *collection,
	const struct syncd_change *changes, size_t n_changes, struct buf *out,
	struct err *err)
{
	scoped(build_fini) struct build build = { .lane = lane,
		.collection = collection };
	enum syncd_result result;

	syncd_opener_init(&build.opener, lane);
	result = begin(&build, err);
	for (size_t i = 0;
		result == SYNCD_OK && i < n_changes && i < CHANGES_MAX; i++)
		result = change_add(&build, &changes[i], err);
	if (result == SYNCD_OK)
		patch_pack(&build, out);
	return result;
}

int syncd_has_index(struct lane *lane, const char *collection,
	const char *index, struct err *err)
{
	struct syncd_opener opener;
	struct syncd_key_id key = { .n = 0 };
	uint8_t index_mac[WA_SYNCD_MAC];
	uint8_t value_mac[WA_SYNCD_MAC];
	enum syncd_result result = key_choose(lane, &key, err);

	syncd_opener_init(&opener, lane);
	if (result == SYNCD_OK)
		result = syncd_find_keys(&opener, &key, err);
	if (result == SYNCD_OK)
		wa_syncd_index_mac(
			&opener.keys, index, strlen(index), index_mac);
	syncd_opener_fini(&opener);
	if (result != SYNCD_OK)
		return result == SYNCD_NO_KEY ? 0 : -1;
	return lanedb_state_value_load(
		lane->db, collection, index_mac, value_mac, err);
}
