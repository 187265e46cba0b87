/* The phone's history blobs: a gateway keeps the addresses, names and tokens in
 * them, and no messages (connection.md 8.10). */
#ifndef SENDERD_WHATSAPP_HISTORY_H
#define SENDERD_WHATSAPP_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "senderd/lane.h"

/* @zipped is a zlib stream of a HistorySync.  It is walked through, never
 * unpacked as a whole: bounded in memory and entries.  ERR_PEER: not such a
 * stream (what was read up to there holds); ERR_IO: the lane database failed.
 */
int history_read(
	struct lane *lane, const uint8_t *zipped, size_t n, struct err *err);

#endif
