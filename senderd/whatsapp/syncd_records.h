/* The records of app state, one after the other: of a patch, of the blob that a
 * large patch refers to, or of a snapshot.  Their shape is checked, nothing
 * else. */
#ifndef SENDERD_WHATSAPP_SYNCD_RECORDS_H
#define SENDERD_WHATSAPP_SYNCD_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wa/syncd.h"

struct err;

#define SYNCD_KEY_ID_MAX 64
#define SYNCD_RECORD_MAX (256u << 10) /* bytes of one */

struct syncd_key_id {
	uint8_t bytes[SYNCD_KEY_ID_MAX];
	size_t n;
};

struct syncd_record {
	enum wa_syncd_operation operation;
	struct syncd_key_id key;
	const uint8_t *index_mac; /* WA_SYNCD_MAC bytes */
	const uint8_t *blob;	  /* IV, ciphertext, MAC */
	size_t n_blob;
};

struct syncd_records;
/* @patch is a SyncdPatch; copied. */
struct syncd_records *syncd_records_of_patch(const void *patch, size_t n);
/* A file that holds SyncdMutations or a SyncdSnapshot.  NULL: ERR_IO. */
struct syncd_records *syncd_records_of_mutations(
	const char *path, struct err *err);
struct syncd_records *syncd_records_of_snapshot(
	const char *path, struct err *err);
void syncd_records_free(struct syncd_records **recordsp);

/* The next one, valid until the call after.  1/0; -1 with ERR_PEER for one that
 * is malformed or too large, or ERR_IO. */
int syncd_records_next(struct syncd_records *records, struct syncd_record *out,
	struct err *err);

/* What a snapshot says of itself; complete when its records were read. */
struct syncd_head {
	uint64_t version;
	uint8_t mac[WA_SYNCD_MAC];
	bool has_mac;
	struct syncd_key_id key;
};
const struct syncd_head *syncd_records_head(
	const struct syncd_records *records);

#endif
