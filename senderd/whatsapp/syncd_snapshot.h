/* A snapshot of app state: the whole of a collection, in a file.  It is read
 * twice, some records a turn: first to prove that it is complete, then to take
 * it.  The collection has its version only at the very end, so whatever
 * interrupts it leaves a collection that must be fetched again. */
#ifndef SENDERD_WHATSAPP_SYNCD_SNAPSHOT_H
#define SENDERD_WHATSAPP_SYNCD_SNAPSHOT_H

#include "senderd/whatsapp/syncd_open.h"

struct syncd_snapshot;

/* The file is removed with the object. */
struct syncd_snapshot *syncd_snapshot_new(
	struct lane *lane, const char *collection, const char *path);
void syncd_snapshot_free(struct syncd_snapshot **snapshotp);

/* Reads up to @max records.  *@done with SYNCD_OK: the collection is what the
 * snapshot says.  SYNCD_NO_KEY: syncd_snapshot_missing() says which. */
enum syncd_result syncd_snapshot_step(struct syncd_snapshot *snapshot,
	size_t max, bool *done, struct err *err);
const struct syncd_key_id *syncd_snapshot_missing(
	const struct syncd_snapshot *snapshot);
uint64_t syncd_snapshot_version(const struct syncd_snapshot *snapshot);
size_t syncd_snapshot_count(const struct syncd_snapshot *snapshot);

#endif
