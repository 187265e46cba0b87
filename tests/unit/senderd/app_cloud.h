/* A collection of app state as the server and the other devices have it: makes
 * patches and snapshots of it, and checks those that we upload.  Includes
 * fake_lane.h, with downloads that the test answers. */
#ifndef TESTS_UNIT_SENDERD_APP_CLOUD_H
#define TESTS_UNIT_SENDERD_APP_CLOUD_H

#define FAKE_TRANSFERS
#include "tests/unit/senderd/fake_lane.h"

#include <fcntl.h>

#include "common/wa/syncd.h"

#define CLOUD_MAX 8192

struct cloud_value {
	char index[96];
	struct buf blob;
	uint8_t index_mac[32];
	bool is_gone;
};

struct cloud {
	char name[32];
	struct wa_syncd_keys keys;
	uint8_t key_id[6];
	uint64_t version;
	uint8_t hash[128];
	struct cloud_value values[CLOUD_MAX];
	size_t n;
	struct buf patches[64]; /* [v - 1]: the one that made version v */
	/* The patch that is being made. */
	Wa__SyncdMutation mutations[CLOUD_MAX];
	Wa__SyncdRecord records[CLOUD_MAX];
	Wa__SyncdBlob indexes[CLOUD_MAX], blobs[CLOUD_MAX];
	Wa__SyncdMutation *mutation_pointers[CLOUD_MAX];
	struct buf pending[CLOUD_MAX];
	uint8_t pending_macs[CLOUD_MAX][32];
	size_t n_pending;
	Wa__SyncdKeyId key;
};

static inline void cloud_keys(struct cloud *cloud, uint8_t byte)
{
	uint8_t data[32];

	memset(data, byte, sizeof data);
	memset(cloud->key_id, byte, sizeof cloud->key_id);
	wa_syncd_keys_expand(data, sizeof data, &cloud->keys);
	wa__syncd_key_id__init(&cloud->key);
	cloud->key.has_id = true;
	cloud->key.id.data = cloud->key_id;
	cloud->key.id.len = sizeof cloud->key_id;
}

static inline struct cloud *cloud_new(const char *name)
{
	struct cloud *cloud = xcalloc(1, sizeof *cloud);

	snprintf(cloud->name, sizeof cloud->name, "%s", name);
	cloud_keys(cloud, 7);
	return cloud;
}

static inline void cloud_pending_clear(struct cloud *cloud)
{
	for (size_t i = 0; i < cloud->n_pending; i++)
		buf_fini(&cloud->pending[i]);
	cloud->n_pending = 0;
}

static inline void cloud_free(struct cloud **cloudp)
{
	struct cloud *cloud = move(*cloudp);

	if (cloud == NULL)
		return;
	for (size_t i = 0; i < cloud->n; i++)
		buf_fini(&cloud->values[i].blob);
	for (size_t i = 0; i < ARRAY_LEN(cloud->patches); i++)
		buf_fini(&cloud->patches[i]);
	cloud_pending_clear(cloud);
	free(cloud);
}

/* The phone shares the collection's key with the lane. */
static inline void cloud_share_key(struct fake *fake, struct cloud *cloud)
{
	uint8_t data[32];
	struct err err = ERR_NONE;

	memset(data, cloud->key_id[0], sizeof data);
	assert_int_equal(lanedb_app_key_save(fake->lane.db, cloud->key_id,
				 sizeof cloud->key_id, data, sizeof data,
				 1700000000 + cloud->key_id[0], &err),
		0);
	app_state_on_keys(&fake->lane);
	assert_int_equal(lanedb_commit(fake->lane.db, &err), 0);
}

static inline struct cloud_value *cloud_find(
	struct cloud *cloud, const uint8_t index_mac[32])
{
	for (size_t i = 0; i < cloud->n; i++) {
		if (!cloud->values[i].is_gone &&
			memcmp(cloud->values[i].index_mac, index_mac, 32) == 0)
			return &cloud->values[i];
	}
	return NULL;
}

/* Moves the state on as one mutation says. */
static inline void cloud_move(struct cloud *cloud,
	enum wa_syncd_operation operation, const uint8_t index_mac[32],
	const void *blob, size_t n)
{
	struct cloud_value *value = cloud_find(cloud, index_mac);

	if (value != NULL) {
		wa_syncd_lthash_sub(cloud->hash,
			wa_syncd_blob_mac(value->blob.data, value->blob.len));
		value->is_gone = operation == WA_SYNCD_REMOVE;
	}
	if (operation == WA_SYNCD_REMOVE)
		return;
	if (value == NULL) {
		assert_true(cloud->n < CLOUD_MAX);
		value = &cloud->values[cloud->n++];
		memcpy(value->index_mac, index_mac, 32);
	}
	buf_clear(&value->blob);
	buf_add(&value->blob, blob, n);
	wa_syncd_lthash_add(cloud->hash, wa_syncd_blob_mac(blob, n));
}

/* A mutation of the next patch. */
static inline void cloud_add(struct cloud *cloud,
	enum wa_syncd_operation operation, const char *index,
	const Wa__SyncActionValue *value)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	Wa__SyncActionData data = WA__SYNC_ACTION_DATA__INIT;
	size_t i = cloud->n_pending++;
	size_t n;

	assert_true(i < CLOUD_MAX);
	data.has_index = true;
	data.index.data = (uint8_t *)index;
	data.index.len = strlen(index);
	data.value = (Wa__SyncActionValue *)value;
	data.has_version = true;
	data.version = 2;
	n = wa__sync_action_data__get_packed_size(&data);
	wa__sync_action_data__pack(&data, buf_reserve(&plain, n));
	cloud->pending[i] = BUF_INIT;
	wa_syncd_encrypt(&cloud->keys, operation, cloud->key_id,
		sizeof cloud->key_id, plain.data, n, &cloud->pending[i]);
	wa_syncd_index_mac(
		&cloud->keys, index, strlen(index), cloud->pending_macs[i]);
	wa__syncd_mutation__init(&cloud->mutations[i]);
	cloud->mutations[i].has_operation = true;
	cloud->mutations[i].operation = operation;
	cloud->mutations[i].record = &cloud->records[i];
	wa__syncd_record__init(&cloud->records[i]);
	cloud->records[i].index = &cloud->indexes[i];
	cloud->records[i].value = &cloud->blobs[i];
	cloud->records[i].key_id = &cloud->key;
	wa__syncd_blob__init(&cloud->indexes[i]);
	cloud->indexes[i].has_blob = true;
	cloud->indexes[i].blob.data = cloud->pending_macs[i];
	cloud->indexes[i].blob.len = 32;
	wa__syncd_blob__init(&cloud->blobs[i]);
	cloud->blobs[i].has_blob = true;
	cloud->blobs[i].blob.data = cloud->pending[i].data;
	cloud->blobs[i].blob.len = cloud->pending[i].len;
	cloud->mutation_pointers[i] = &cloud->mutations[i];
	cloud_move(cloud, operation, cloud->pending_macs[i],
		cloud->pending[i].data, cloud->pending[i].len);
}

/* What a test may do to a patch. */
enum cloud_fault {
	FAULT_NONE,
	FAULT_PATCH_MAC,
	FAULT_SNAPSHOT_MAC,
	FAULT_VALUE,	 /* a byte of a ciphertext */
	FAULT_INDEX_MAC, /* filed under another index */
	FAULT_LEFT_OUT,	 /* a mutation less than the MACs say */
	FAULT_VERSION,	 /* another number than the MACs are over */
	FAULT_CUT,	 /* half the bytes */
	N_FAULTS,
};

static inline void patch_macs(
	struct cloud *cloud, uint8_t snapshot_mac[32], uint8_t patch_mac[32])
{
	scoped(buf_fini) struct buf macs = BUF_INIT;

	for (size_t i = 0; i < cloud->n_pending; i++)
		buf_add(&macs,
			wa_syncd_blob_mac(
				cloud->pending[i].data, cloud->pending[i].len),
			32);
	wa_syncd_snapshot_mac(&cloud->keys, cloud->hash, cloud->version,
		cloud->name, snapshot_mac);
	wa_syncd_patch_mac(&cloud->keys, snapshot_mac, macs.data,
		cloud->n_pending, cloud->version, cloud->name, patch_mac);
}

/* The mutations become the next version's patch; @external: they are on the
 * media host, and go to @external_out as SyncdMutations. */
static inline void cloud_commit_as(struct cloud *cloud, enum cloud_fault fault,
	const Wa__ExternalBlobReference *external, struct buf *external_out)
{
	Wa__SyncdPatch patch = WA__SYNCD_PATCH__INIT;
	Wa__SyncdVersion version = WA__SYNCD_VERSION__INIT;
	Wa__SyncdMutations all = WA__SYNCD_MUTATIONS__INIT;
	struct buf *out = &cloud->patches[cloud->version++];
	uint8_t snapshot_mac[32], patch_mac[32];
	size_t n;

	patch_macs(cloud, snapshot_mac, patch_mac);
	all.n_mutations = cloud->n_pending;
	all.mutations = cloud->mutation_pointers;
	patch.version = &version;
	version.has_version = true;
	version.version = cloud->version + (fault == FAULT_VERSION);
	patch.has_snapshot_mac = patch.has_patch_mac = true;
	patch.snapshot_mac.data = snapshot_mac;
	patch.snapshot_mac.len = 32;
	patch.patch_mac.data = patch_mac;
	patch.patch_mac.len = 32;
	patch.key_id = &cloud->key;
	patch_mac[0] ^= fault == FAULT_PATCH_MAC;
	snapshot_mac[0] ^= fault == FAULT_SNAPSHOT_MAC;
	if (fault == FAULT_VALUE)
		cloud->pending[0].data[20] ^= 1;
	if (fault == FAULT_INDEX_MAC)
		cloud->pending_macs[0][5] ^= 1;
	if (external == NULL) {
		patch.n_mutations =
			cloud->n_pending - (fault == FAULT_LEFT_OUT);
		patch.mutations = cloud->mutation_pointers;
	} else {
		patch.external_mutations =
			(Wa__ExternalBlobReference *)external;
		n = wa__syncd_mutations__get_packed_size(&all);
		wa__syncd_mutations__pack(&all, buf_reserve(external_out, n));
		external_out->len = n;
	}
	n = wa__syncd_patch__get_packed_size(&patch);
	wa__syncd_patch__pack(&patch, buf_reserve(out, n));
	out->len = fault == FAULT_CUT ? n / 2 : n;
	cloud_pending_clear(cloud);
}

static inline void cloud_commit(struct cloud *cloud)
{
	cloud_commit_as(cloud, FAULT_NONE, NULL, NULL);
}

/* A SyncdSnapshot of what is there now. */
static inline void cloud_snapshot(
	struct cloud *cloud, enum cloud_fault fault, struct buf *out)
{
	Wa__SyncdSnapshot snapshot = WA__SYNCD_SNAPSHOT__INIT;
	Wa__SyncdVersion version = WA__SYNCD_VERSION__INIT;
	Wa__SyncdRecord *records[CLOUD_MAX];
	uint8_t mac[32];
	size_t n = 0;

	for (size_t i = 0; i < cloud->n; i++) {
		struct cloud_value *value = &cloud->values[i];

		if (value->is_gone)
			continue;
		wa__syncd_record__init(&cloud->records[n]);
		wa__syncd_blob__init(&cloud->indexes[n]);
		wa__syncd_blob__init(&cloud->blobs[n]);
		cloud->indexes[n].has_blob = cloud->blobs[n].has_blob = true;
		cloud->indexes[n].blob.data = value->index_mac;
		cloud->indexes[n].blob.len = 32;
		cloud->blobs[n].blob.data = value->blob.data;
		cloud->blobs[n].blob.len = value->blob.len;
		cloud->records[n].index = &cloud->indexes[n];
		cloud->records[n].value = &cloud->blobs[n];
		cloud->records[n].key_id = &cloud->key;
		records[n] = &cloud->records[n];
		n++;
	}
	wa_syncd_snapshot_mac(
		&cloud->keys, cloud->hash, cloud->version, cloud->name, mac);
	mac[3] ^= fault == FAULT_SNAPSHOT_MAC;
	if (fault == FAULT_VALUE)
		cloud->values[n / 2].blob.data[20] ^= 1;
	snapshot.version = &version;
	version.has_version = true;
	version.version = cloud->version;
	snapshot.n_records = n - (fault == FAULT_LEFT_OUT);
	snapshot.records = records;
	snapshot.has_mac = true;
	snapshot.mac.data = mac;
	snapshot.mac.len = 32;
	snapshot.key_id = &cloud->key;
	n = wa__syncd_snapshot__get_packed_size(&snapshot);
	wa__syncd_snapshot__pack(&snapshot, buf_reserve(out, n));
	out->len = fault == FAULT_CUT ? n / 2 : n;
}

/* ---- stanzas ---- */

/* The question for app state that is open; NULL: none. */
static inline const struct wa_node *asked_collection(struct fake *fake)
{
	struct fake_question *question = fake_question(fake);

	if (question == NULL ||
		!wa_node_is(question->iq, "xmlns", "w:sync:app:state"))
		return NULL;
	return wa_node_path(question->iq, "sync", "collection");
}

static inline struct wa_node *answer_new(
	struct fake *fake, const char *name, struct wa_node **collection_out)
{
	struct wa_node *answer = wa_node_new(fake->arena, "iq");

	*collection_out =
		wa_node_add(wa_node_add(answer, "sync"), "collection");
	wa_node_set(*collection_out, "name", name);
	return answer;
}

/* Adds the patches after @version. */
static inline void answer_patches(
	struct cloud *cloud, uint64_t version, struct wa_node *collection)
{
	struct wa_node *patches = wa_node_add(collection, "patches");

	wa_node_set_int(collection, "version", (int64_t)cloud->version);
	for (uint64_t v = version; v < cloud->version; v++)
		wa_node_bytes(wa_node_add(patches, "patch"),
			cloud->patches[v].data, cloud->patches[v].len);
}

/* Answers what is asked now: @cloud's patches, or that a collection is empty.
 */
static inline void answer_once(struct fake *fake, struct cloud *cloud)
{
	const struct wa_node *asked = asked_collection(fake);
	const char *name = wa_node_str(asked, "name");
	struct wa_node *collection = NULL;
	struct wa_node *answer = NULL;

	assert_non_null(asked);
	answer = answer_new(fake, name, &collection);
	if (strcmp(name, cloud->name) == 0)
		answer_patches(cloud,
			(uint64_t)wa_node_int(asked, "version", 0), collection);
	else
		wa_node_set_int(collection, "version", 0);
	fake_answer(fake, answer);
}

/* Until nothing of app state is asked for any more. */
static inline void answer_all(struct fake *fake, struct cloud *cloud)
{
	fake_run(fake);
	while (asked_collection(fake) != NULL)
		answer_once(fake, cloud);
}

/* Until @cloud's collection is asked for. */
static inline void answer_until_asked(struct fake *fake, struct cloud *cloud)
{
	fake_run(fake);
	while (!wa_node_is(asked_collection(fake), "name", cloud->name))
		answer_once(fake, cloud);
}

/* The media host has @bytes: answers the open download with them. */
static inline void answer_download(struct fake *fake, const struct buf *bytes)
{
	char path[128];
	int fd;

	assert_true(fake_download.is_open);
	snprintf(path, sizeof path, "%s/blob-XXXXXX", fake->dir);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes->data, bytes->len), bytes->len);
	close(fd);
	fake_download.is_open = false;
	fake_download.done(&fake->lane, TRANSFER_DONE, &fake_download.ref, path,
		fake_download.arg);
	fake_run(fake);
}

/* Turns until no work is due within @ms any more. */
static inline void run_until_quiet(struct fake *fake, int64_t ms)
{
	assert_int_equal(fake_turn_end(fake), 0);
	fake_timers(fake, ms);
}

static inline uint64_t version_here(struct fake *fake, const char *name)
{
	uint8_t hash[LANE_HASH_BYTES];
	struct err err = ERR_NONE;
	uint64_t version = 0;

	assert_int_equal(lanedb_collection_load(
				 fake->lane.db, name, &version, hash, &err),
		0);
	return version;
}

#endif
