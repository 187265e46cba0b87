/* App state from a hostile server, or from a hostile device of the account.
 * The first byte picks the way: the rest is a patch, a snapshot, what is in a
 * record of a patch whose MACs are right, or changes to such a patch. */
#include "tests/fuzz/lane_alone.h"

#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/wa/syncd.h"
#include "senderd/whatsapp/syncd_patch.h"
#include "senderd/whatsapp/syncd_snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define COLLECTION "regular_low"

static const uint8_t key_data[32] = { 7 };
static const uint8_t key_id[6] = { 1, 2, 3, 4, 5, 6 };

static void apply(struct lane *lane, const uint8_t *patch, size_t n)
{
	struct syncd_patch_result out;
	struct err err = ERR_NONE;
	enum syncd_result result =
		syncd_patch_apply(lane, COLLECTION, patch, n, NULL, &out, &err);

	/* The lane database is whole. */
	assert(result != SYNCD_FAILED);
	assert(result == SYNCD_OK || facts_count(lane) == 0);
}

static void snapshot(struct lane *lane, const uint8_t *bytes, size_t n)
{
	char path[] = "/tmp/vereda-fuzz-XXXXXX";
	int fd = mkstemp(path);
	struct syncd_snapshot *object = NULL;
	enum syncd_result result = SYNCD_OK;
	struct err err = ERR_NONE;
	bool done = false;

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		abort();
	close(fd);
	object = syncd_snapshot_new(lane, COLLECTION, path);
	while (result == SYNCD_OK && !done)
		result = syncd_snapshot_step(object, 7, &done, &err);
	assert(result != SYNCD_FAILED);
	syncd_snapshot_free(&object);
}

/* The patch of version 1 that sets @plain, a SyncActionData. */
static void patch_around(const uint8_t *plain, size_t n, struct buf *out)
{
	scoped(buf_fini) struct buf blob = BUF_INIT;
	struct wa_syncd_keys keys;
	Wa__SyncActionData *action = NULL;
	Wa__SyncdPatch patch = WA__SYNCD_PATCH__INIT;
	Wa__SyncdVersion version = WA__SYNCD_VERSION__INIT;
	Wa__SyncdMutation mutation = WA__SYNCD_MUTATION__INIT;
	Wa__SyncdMutation *mutations[] = { &mutation };
	Wa__SyncdRecord record = WA__SYNCD_RECORD__INIT;
	Wa__SyncdBlob index = WA__SYNCD_BLOB__INIT,
		      value = WA__SYNCD_BLOB__INIT;
	Wa__SyncdKeyId key = WA__SYNCD_KEY_ID__INIT;
	uint8_t index_mac[32] = { 0 }, snapshot_mac[32], patch_mac[32];
	uint8_t hash[128] = { 0 };
	const uint8_t *value_mac;

	wa_syncd_keys_expand(key_data, sizeof key_data, &keys);
	wa_syncd_encrypt(
		&keys, WA_SYNCD_SET, key_id, sizeof key_id, plain, n, &blob);
	action = wa__sync_action_data__unpack(NULL, n, plain);
	if (action != NULL) {
		wa_syncd_index_mac(&keys, action->index.data, action->index.len,
			index_mac);
		wa__sync_action_data__free_unpacked(action, NULL);
	}
	value_mac = wa_syncd_blob_mac(blob.data, blob.len);
	wa_syncd_lthash_add(hash, value_mac);
	wa_syncd_snapshot_mac(&keys, hash, 1, COLLECTION, snapshot_mac);
	wa_syncd_patch_mac(
		&keys, snapshot_mac, value_mac, 1, 1, COLLECTION, patch_mac);
	version.has_version = key.has_id = true;
	version.version = 1;
	key.id.data = (uint8_t *)key_id;
	key.id.len = sizeof key_id;
	index.has_blob = value.has_blob = true;
	index.blob.data = index_mac;
	index.blob.len = sizeof index_mac;
	value.blob.data = blob.data;
	value.blob.len = blob.len;
	record.index = &index;
	record.value = &value;
	record.key_id = &key;
	mutation.has_operation = true;
	mutation.record = &record;
	patch.version = &version;
	patch.n_mutations = 1;
	patch.mutations = mutations;
	patch.has_snapshot_mac = patch.has_patch_mac = true;
	patch.snapshot_mac.data = snapshot_mac;
	patch.patch_mac.data = patch_mac;
	patch.snapshot_mac.len = patch.patch_mac.len = 32;
	patch.key_id = &key;
	wa__syncd_patch__pack(&patch,
		buf_reserve(out, wa__syncd_patch__get_packed_size(&patch)));
	out->len += wa__syncd_patch__get_packed_size(&patch);
}

static void changed(struct lane *lane, const uint8_t *pairs, size_t n)
{
	static const uint8_t plain[] =
		"\x0a\x1d[\"pin_v1\",\"15550002222@lid\"]"
		"\x12\x04\x2a\x02\x08\x01";
	scoped(buf_fini) struct buf patch = BUF_INIT;

	patch_around(plain, sizeof plain - 1, &patch);
	for (size_t i = 0; i + 1 < n; i += 2)
		patch.data[pairs[i] % patch.len] ^= pairs[i + 1];
	apply(lane, patch.data, patch.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lane *lane = lane_alone();
	scoped(buf_fini) struct buf patch = BUF_INIT;

	if (n < 1)
		return 0;
	if (lanedb_app_key_save(lane->db, key_id, sizeof key_id, key_data,
		    sizeof key_data, 1, NULL) != 0)
		abort();
	switch (data[0] % 4) {
	case 0:
		apply(lane, data + 1, n - 1);
		break;
	case 1:
		snapshot(lane, data + 1, n - 1);
		break;
	case 2:
		patch_around(data + 1, n - 1, &patch);
		apply(lane, patch.data, patch.len);
		break;
	default:
		changed(lane, data + 1, n - 1);
		break;
	}
	lane_forget(lane);
	return 0;
}
