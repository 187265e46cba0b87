/* Records of app state, opened: their keys are found, all that they claim is
 * checked. */
#ifndef SENDERD_WHATSAPP_SYNCD_OPEN_H
#define SENDERD_WHATSAPP_SYNCD_OPEN_H

#include "common/buf.h"
#include "senderd/lane.h"
#include "senderd/whatsapp/syncd_records.h"
#include "whatsapp.pb-c.h"

struct err;

enum syncd_result {
	SYNCD_OK = 0,
	SYNCD_NO_KEY,	  /* the phone has not shared it (yet) */
	SYNCD_NEEDS_BLOB, /* the mutations are on the media host */
	SYNCD_BROKEN,	  /* malformed, a wrong MAC, another state than ours;
			     the error says which */
	SYNCD_FAILED,	  /* the lane database */
};

struct syncd_opener {
	struct lane *lane;	/* borrowed */
	struct syncd_key_id id; /* whose keys these are; n 0: nobody's */
	struct wa_syncd_keys keys;
	struct syncd_key_id missing; /* after SYNCD_NO_KEY */
	struct buf plain;
};
void syncd_opener_init(struct syncd_opener *opener, struct lane *lane);
void syncd_opener_fini(struct syncd_opener *opener); /* wipes the keys */

/* SYNCD_OK: opener->keys are those of @id, until the next call. */
enum syncd_result syncd_find_keys(struct syncd_opener *opener,
	const struct syncd_key_id *id, struct err *err);
/* What is in a record; the caller frees it. */
enum syncd_result syncd_open(struct syncd_opener *opener,
	const struct syncd_record *record, Wa__SyncActionData **out,
	struct err *err);
void syncd_data_free(Wa__SyncActionData **datap);
/* How a peer's fault, or the database's, comes out of reading records. */
enum syncd_result syncd_result_of(const struct err *err);

#endif
