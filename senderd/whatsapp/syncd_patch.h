/* A patch of app state: proved in full, then applied, all in one turn.  What it
 * means goes to app_state_effect(). */
#ifndef SENDERD_WHATSAPP_SYNCD_PATCH_H
#define SENDERD_WHATSAPP_SYNCD_PATCH_H

#include "common/wa/media.h"
#include "senderd/whatsapp/syncd_open.h"

#define SYNCD_MUTATIONS_MAX 50000  /* of one patch */
#define SYNCD_BLOB_MAX (32u << 20) /* bytes of a blob of app state */

struct syncd_patch_result {
	uint64_t version;	     /* of the collection now */
	size_t n_mutations;	     /* applied */
	struct syncd_key_id missing; /* after SYNCD_NO_KEY */
	struct wa_media_ref blob;    /* after SYNCD_NEEDS_BLOB */
};
/* @patch is a serialised SyncdPatch; @mutations_path the file with its
 * mutations when it refers to one, else NULL.  Nothing is changed but with
 * SYNCD_OK; a patch that is older than the collection changes nothing either.
 */
enum syncd_result syncd_patch_apply(struct lane *lane, const char *collection,
	const void *patch, size_t n, const char *mutations_path,
	struct syncd_patch_result *out, struct err *err);

/* The blob that @bytes, a serialised ExternalBlobReference, names. */
bool syncd_blob_ref(const void *bytes, size_t n, struct wa_media_ref *out);

/* ---- patches of our own ---- */
struct syncd_change {
	const char *index; /* JSON, as it is hashed */
	const Wa__SyncActionValue *value;
	int32_t version;
};
/* A serialised SyncdPatch that sets @changes on top of what the collection is
 * now, without a version: the server gives it that.  SYNCD_NO_KEY: the phone
 * has shared none. */
enum syncd_result syncd_patch_build(struct lane *lane, const char *collection,
	const struct syncd_change *changes, size_t n_changes, struct buf *out,
	struct err *err);
/* 1: the collection has a value under @index; 0; -1. */
int syncd_has_index(struct lane *lane, const char *collection,
	const char *index, struct err *err);

#endif
