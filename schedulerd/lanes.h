/* Which lanes of a campaign can send.
 *
 * A lane is gone when its device was deleted or is not linked any more (its
 * phone unlinked it, WhatsApp banned it, it was never paired again).  It is
 * lost when it is gone, or must not write to new people for a while
 * (cold_chats): then the other lanes take its recipients.  A device that is
 * merely disconnected keeps its own. */
#ifndef SCHEDULERD_LANES_H
#define SCHEDULERD_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/store/campaign.h"
#include "common/store/device.h"

struct err;
struct store;

struct lanes {
	int n;
	uint64_t lost, gone; /* bits by position */
	int64_t device_ids[CAMPAIGN_LANES_MAX];
};

bool lane_is_gone(bool is_deleted, enum device_status status);
int lanes_read(struct store *store, int64_t campaign_id, int64_t now_ms,
	struct lanes *out, struct err *err);
/* Its position, or -1. */
int lanes_of_device(const struct lanes *lanes, int64_t device_id);

#endif
