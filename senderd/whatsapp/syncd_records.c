#include "senderd/whatsapp/syncd_records.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "common/wa/pbstream.h"
#include "senderd/whatsapp/blob.h"
#include "whatsapp.pb-c.h"

#define BLOB_MIN 64 /* IV, one block, MAC */

struct syncd_records {
	struct blob *blob;
	struct wa_pbstream stream;
	uint32_t field; /* number of the records in what is read */
	bool is_snapshot;
	struct syncd_head head;
	struct buf bytes;	     /* of the record in hand */
	Wa__SyncdMutation *mutation; /* unpacked; one of the two */
	Wa__SyncdRecord *record;
};

static struct syncd_records *records_new(struct blob *blob, uint32_t field)
{
	struct syncd_records *records = xcalloc(1, sizeof *records);

	records->blob = blob;
	records->field = field;
	wa_pbstream_init(&records->stream, blob_read, blob);
	return records;
}

struct syncd_records *syncd_records_of_patch(const void *patch, size_t n)
{
	return records_new(blob_of_bytes(patch, n), 2);
}

struct syncd_records *syncd_records_of_mutations(
	const char *path, struct err *err)
{
	struct blob *blob = blob_of_file(path, err);

	return blob != NULL ? records_new(blob, 1) : NULL;
}

struct syncd_records *syncd_records_of_snapshot(
	const char *path, struct err *err)
{
	struct blob *blob = blob_of_file(path, err);
	struct syncd_records *records = NULL;

	if (blob == NULL)
		return NULL;
	records = records_new(blob, 2);
	records->is_snapshot = true;
	return records;
}

static void record_drop(struct syncd_records *records)
{
	if (records->mutation != NULL)
		wa__syncd_mutation__free_unpacked(records->mutation, NULL);
	if (records->record != NULL)
		wa__syncd_record__free_unpacked(records->record, NULL);
	records->mutation = NULL;
	records->record = NULL;
	buf_clear(&records->bytes);
}

void syncd_records_free(struct syncd_records **recordsp)
{
	struct syncd_records *records = move(*recordsp);

	if (records == NULL)
		return;
	record_drop(records);
	buf_fini(&records->bytes);
	wa_pbstream_fini(&records->stream);
	blob_free(&records->blob);
	free(records);
}

const struct syncd_head *syncd_records_head(const struct syncd_records *records)
{
	return &records->head;
}

/* ---- one record ---- */

static bool key_id_read(const Wa__SyncdKeyId *id, struct syncd_key_id *out)
{
	if (id == NULL || id->id.len == 0 || id->id.len > SYNCD_KEY_ID_MAX)
		return false;
	memcpy(out->bytes, id->id.data, id->id.len);
	out->n = id->id.len;
	return true;
}

static bool record_read(const Wa__SyncdRecord *record, struct syncd_record *out)
{
	if (record == NULL || record->index == NULL || record->value == NULL ||
		record->index->blob.len != WA_SYNCD_MAC ||
		record->value->blob.len < BLOB_MIN ||
		!key_id_read(record->key_id, &out->key))
		return false;
	out->index_mac = record->index->blob.data;
	out->blob = record->value->blob.data;
	out->n_blob = record->value->blob.len;
	return true;
}

static bool unpack(struct syncd_records *records, struct syncd_record *out)
{
	const struct buf *bytes = &records->bytes;

	if (!wa_pb_bounded(bytes->data, bytes->len))
		return false;
	if (records->is_snapshot) {
		records->record =
			wa__syncd_record__unpack(NULL, bytes->len, bytes->data);
		out->operation = WA_SYNCD_SET;
		return record_read(records->record, out);
	}
	records->mutation =
		wa__syncd_mutation__unpack(NULL, bytes->len, bytes->data);
	if (records->mutation == NULL ||
		(records->mutation->operation != WA_SYNCD_SET &&
			records->mutation->operation != WA_SYNCD_REMOVE))
		return false;
	out->operation = (enum wa_syncd_operation)records->mutation->operation;
	return record_read(records->mutation->record, out);
}

static int on_record(struct syncd_records *records, struct syncd_record *out,
	struct err *err)
{
	int rc = wa_pbstream_take(
		&records->stream, SYNCD_RECORD_MAX, &records->bytes, err);

	if (rc < 0)
		return -1;
	if (rc == 0 || !unpack(records, out))
		return err_set(err, ERR_PEER, "malformed record");
	return 1;
}

/* ---- what is around the records of a snapshot ---- */

static int on_version(struct syncd_records *records, struct err *err)
{
	Wa__SyncdVersion *version = NULL;

	if (wa_pbstream_take(&records->stream, 64, &records->bytes, err) < 0)
		return -1;
	version = wa__syncd_version__unpack(
		NULL, records->bytes.len, records->bytes.data);
	if (version == NULL)
		return 0;
	records->head.version = version->version;
	wa__syncd_version__free_unpacked(version, NULL);
	return 0;
}

static int on_mac(struct syncd_records *records, struct err *err)
{
	if (wa_pbstream_take(
		    &records->stream, WA_SYNCD_MAC, &records->bytes, err) < 0)
		return -1;
	records->head.has_mac = records->bytes.len == WA_SYNCD_MAC;
	if (records->head.has_mac)
		memcpy(records->head.mac, records->bytes.data, WA_SYNCD_MAC);
	return 0;
}

static int on_key(struct syncd_records *records, struct err *err)
{
	Wa__SyncdKeyId *id = NULL;

	if (wa_pbstream_take(&records->stream, 2 * SYNCD_KEY_ID_MAX,
		    &records->bytes, err) < 0)
		return -1;
	id = wa__syncd_key_id__unpack(
		NULL, records->bytes.len, records->bytes.data);
	if (id == NULL)
		return 0;
	key_id_read(id, &records->head.key);
	wa__syncd_key_id__free_unpacked(id, NULL);
	return 0;
}

static int on_other(struct syncd_records *records,
	const struct wa_pbfield *field, struct err *err)
{
	if (!records->is_snapshot)
		return 0;
	switch (field->number) {
	case 1:
		return on_version(records, err);
	case 3:
		return on_mac(records, err);
	case 4:
		return on_key(records, err);
	default:
		return 0;
	}
}

int syncd_records_next(struct syncd_records *records, struct syncd_record *out,
	struct err *err)
{
	struct wa_pbfield field;
	int rc;

	for (;;) {
		record_drop(records);
		rc = wa_pbstream_next(&records->stream, &field, err);
		if (rc != 1)
			return rc;
		if (field.number == records->field)
			return on_record(records, out, err);
		if (on_other(records, &field, err) != 0)
			return -1;
	}
}
