#include "schedulerd/lanes.h"

#include <assert.h>

static_assert(CAMPAIGN_LANES_MAX <= 64, "one bit a lane");

bool lane_is_gone(bool is_deleted, enum device_status status)
{
	return is_deleted ||
	       (status != DEVICE_CONNECTED && status != DEVICE_DISCONNECTED);
}

struct reading {
	struct lanes *lanes;
	int64_t now_ms;
};

static int take_lane(const struct campaign_lane *lane, void *arg)
{
	struct reading *reading = arg;
	struct lanes *lanes = reading->lanes;
	const bool is_gone = lane_is_gone(lane->device_deleted_ms != 0,
		(enum device_status)lane->device_status);
	const uint64_t bit = UINT64_C(1) << lanes->n;

	if (is_gone)
		lanes->gone |= bit;
	if (is_gone || lane->cold_chats_until_ms > reading->now_ms)
		lanes->lost |= bit;
	lanes->device_ids[lanes->n++] = lane->device_id;
	return lanes->n == CAMPAIGN_LANES_MAX;
}

int lanes_read(struct store *store, int64_t campaign_id, int64_t now_ms,
	struct lanes *out, struct err *err)
{
	struct reading reading = { out, now_ms };

	*out = (struct lanes){ 0 };
	return store_campaign_lanes(
		store, campaign_id, take_lane, &reading, err);
}

int lanes_of_device(const struct lanes *lanes, int64_t device_id)
{
	for (int i = 0; i < lanes->n; i++)
		if (lanes->device_ids[i] == device_id)
			return i;
	return -1;
}
