#include "senderd/whatsapp/syncd_open.h"

#include <sodium.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/wa/pbguard.h"

void syncd_opener_init(struct syncd_opener *opener, struct lane *lane)
{
	*opener = (struct syncd_opener){ .lane = lane };
}

void syncd_opener_fini(struct syncd_opener *opener)
{
	wa_syncd_keys_wipe(&opener->keys);
	buf_fini(&opener->plain);
}

enum syncd_result syncd_result_of(const struct err *err)
{
	return err->code == ERR_PEER ? SYNCD_BROKEN : SYNCD_FAILED;
}

enum syncd_result syncd_find_keys(struct syncd_opener *opener,
	const struct syncd_key_id *id, struct err *err)
{
	struct buf data = BUF_INIT;
	int found;

	if (opener->id.n == id->n && id->n > 0 &&
		memcmp(opener->id.bytes, id->bytes, id->n) == 0)
		return SYNCD_OK;
	found = lanedb_app_key_load(
		opener->lane->db, id->bytes, id->n, &data, err);
	if (found == 1) {
		wa_syncd_keys_expand(data.data, data.len, &opener->keys);
		sodium_memzero(data.data, data.len);
		opener->id = *id;
	}
	buf_fini(&data);
	if (found == 0) {
		opener->missing = *id;
		err_set(err, ERR_NOT_FOUND, "a key is missing");
	}
	return found < 0 ? SYNCD_FAILED : found == 0 ? SYNCD_NO_KEY : SYNCD_OK;
}

void syncd_data_free(Wa__SyncActionData **datap)
{
	Wa__SyncActionData *data = move(*datap);

	if (data != NULL)
		wa__sync_action_data__free_unpacked(data, NULL);
}

/* The index in it must be the one that it is filed under. */
static bool is_filed_right(const struct syncd_opener *opener,
	const struct syncd_record *record, const Wa__SyncActionData *data)
{
	uint8_t mac[WA_SYNCD_MAC];

	wa_syncd_index_mac(
		&opener->keys, data->index.data, data->index.len, mac);
	return sodium_memcmp(mac, record->index_mac, sizeof mac) == 0;
}

enum syncd_result syncd_open(struct syncd_opener *opener,
	const struct syncd_record *record, Wa__SyncActionData **out,
	struct err *err)
{
	enum syncd_result found = syncd_find_keys(opener, &record->key, err);

	*out = NULL;
	if (found != SYNCD_OK)
		return found;
	buf_clear(&opener->plain);
	if (wa_syncd_decrypt(&opener->keys, record->operation,
		    record->key.bytes, record->key.n, record->blob,
		    record->n_blob, &opener->plain, NULL, err) != 0)
		return SYNCD_BROKEN;
	if (wa_pb_bounded(opener->plain.data, opener->plain.len))
		*out = wa__sync_action_data__unpack(
			NULL, opener->plain.len, opener->plain.data);
	if (*out == NULL) {
		err_set(err, ERR_PEER, "a value is no SyncActionData");
		return SYNCD_BROKEN;
	}
	if (!is_filed_right(opener, record, *out)) {
		syncd_data_free(out);
		err_set(err, ERR_PEER, "a record of another index");
		return SYNCD_BROKEN;
	}
	return SYNCD_OK;
}
