#include "senderd/whatsapp/syncd_snapshot.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/own.h"
#include "senderd/whatsapp/app_state_effect.h"

struct syncd_snapshot {
	struct lane *lane; /* borrowed */
	char *collection, *path;
	struct syncd_opener opener;
	struct syncd_records *records; /* NULL between the passes */
	bool is_proved;
	uint8_t hash[WA_SYNCD_LTHASH];
	struct syncd_head head; /* complete when it is proved */
	size_t n;		/* records taken */
};

struct syncd_snapshot *syncd_snapshot_new(
	struct lane *lane, const char *collection, const char *path)
{
	struct syncd_snapshot *snapshot = xcalloc(1, sizeof *snapshot);

	snapshot->lane = lane;
	snapshot->collection = xstrdup(collection);
	snapshot->path = xstrdup(path);
	syncd_opener_init(&snapshot->opener, lane);
	return snapshot;
}

void syncd_snapshot_free(struct syncd_snapshot **snapshotp)
{
	struct syncd_snapshot *snapshot = move(*snapshotp);

	if (snapshot == NULL)
		return;
	syncd_records_free(&snapshot->records);
	syncd_opener_fini(&snapshot->opener);
	unlink(snapshot->path);
	free(snapshot->collection);
	free(snapshot->path);
	free(snapshot);
}

const struct syncd_key_id *syncd_snapshot_missing(
	const struct syncd_snapshot *snapshot)
{
	return &snapshot->opener.missing;
}

uint64_t syncd_snapshot_version(const struct syncd_snapshot *snapshot)
{
	return snapshot->head.version;
}

size_t syncd_snapshot_count(const struct syncd_snapshot *snapshot)
{
	return snapshot->n;
}

/* ---- first pass: is it complete, and can it be read? ---- */

static enum syncd_result record_prove(struct syncd_snapshot *snapshot,
	const struct syncd_record *record, struct err *err)
{
	wa_syncd_lthash_add(snapshot->hash,
		wa_syncd_blob_mac(record->blob, record->n_blob));
	return syncd_find_keys(&snapshot->opener, &record->key, err);
}

static enum syncd_result head_check(
	struct syncd_snapshot *snapshot, struct err *err)
{
	struct syncd_head *head = &snapshot->head;
	uint8_t mac[WA_SYNCD_MAC];
	enum syncd_result found;

	*head = *syncd_records_head(snapshot->records);
	if (head->version == 0 || head->version > INT64_MAX || !head->has_mac ||
		head->key.n == 0) {
		err_set(err, ERR_PEER, "incomplete snapshot");
		return SYNCD_BROKEN;
	}
	found = syncd_find_keys(&snapshot->opener, &head->key, err);
	if (found != SYNCD_OK)
		return found;
	wa_syncd_snapshot_mac(&snapshot->opener.keys, snapshot->hash,
		head->version, snapshot->collection, mac);
	if (sodium_memcmp(mac, head->mac, sizeof mac) != 0) {
		err_set(err, ERR_PEER, "wrong MAC of a snapshot");
		return SYNCD_BROKEN;
	}
	return SYNCD_OK;
}

static enum syncd_result prove_end(
	struct syncd_snapshot *snapshot, struct err *err)
{
	enum syncd_result result = head_check(snapshot, err);

	if (result != SYNCD_OK)
		return result;
	syncd_records_free(&snapshot->records);
	snapshot->is_proved = true;
	return lanedb_collection_reset(
		       snapshot->lane->db, snapshot->collection, err) == 0
		       ? SYNCD_OK
		       : SYNCD_FAILED;
}

/* ---- second pass ---- */

static enum syncd_result record_apply(struct syncd_snapshot *snapshot,
	const struct syncd_record *record, struct err *err)
{
	Wa__SyncActionData *data = NULL;
	enum syncd_result result =
		syncd_open(&snapshot->opener, record, &data, err);

	if (result != SYNCD_OK)
		return result;
	if (lanedb_state_value_save(snapshot->lane->db, snapshot->collection,
		    record->index_mac,
		    wa_syncd_blob_mac(record->blob, record->n_blob),
		    err) != 0 ||
		app_state_effect(
			snapshot->lane, record->operation, data, err) != 0)
		result = SYNCD_FAILED;
	syncd_data_free(&data);
	snapshot->n++;
	return result;
}

static enum syncd_result apply_end(
	struct syncd_snapshot *snapshot, struct err *err)
{
	return lanedb_collection_save(snapshot->lane->db, snapshot->collection,
		       snapshot->head.version, snapshot->hash, err) == 0
		       ? SYNCD_OK
		       : SYNCD_FAILED;
}

/* ---- both ---- */

static enum syncd_result pass_end(
	struct syncd_snapshot *snapshot, bool *done, struct err *err)
{
	if (!snapshot->is_proved)
		return prove_end(snapshot, err);
	*done = true;
	return apply_end(snapshot, err);
}

enum syncd_result syncd_snapshot_step(struct syncd_snapshot *snapshot,
	size_t max, bool *done, struct err *err)
{
	enum syncd_result result = SYNCD_OK;
	struct syncd_record record;
	int rc = 1;

	*done = false;
	if (snapshot->records == NULL)
		snapshot->records =
			syncd_records_of_snapshot(snapshot->path, err);
	if (snapshot->records == NULL)
		return SYNCD_FAILED;
	for (size_t i = 0; i < max && result == SYNCD_OK; i++) {
		rc = syncd_records_next(snapshot->records, &record, err);
		if (rc < 0)
			return syncd_result_of(err);
		if (rc == 0)
			return pass_end(snapshot, done, err);
		result = snapshot->is_proved
				 ? record_apply(snapshot, &record, err)
				 : record_prove(snapshot, &record, err);
	}
	return result;
}
