/* When a campaign that exists will be through. */
#include "common/campaign.h"

#include "common/campaign_impl.h"
#include "common/err.h"
#include "common/store/budget.h"

/* Lanes are counted up to here: one with more gets its share of all. */
#define LANE_COUNT_MAX 2000

int campaign_lane_state(struct store *store, int64_t device_id,
	int64_t campaign_id, int64_t now_ms, struct estimate_lane *out,
	struct err *err)
{
	if (store_budget_get(store, device_id, now_ms, &out->budget, err) !=
			0 ||
		store_pace_get(store, device_id, &out->pace, err) != 0)
		return -1;
	return store_campaign_others_pending(store, device_id, campaign_id,
		&out->n_others, &out->n_other_campaigns, err);
}

struct lanes {
	struct store *store;
	const struct campaign *campaign;
	int64_t now_ms;
	struct estimate_lane lanes[CAMPAIGN_LANES_MAX];
	int n;
	bool is_long; /* a lane has more than was counted */
	bool has_failed;
};

static int take_lane(const struct campaign_lane *row, void *arg)
{
	struct lanes *lanes = arg;
	struct estimate_lane *lane = &lanes->lanes[lanes->n];
	struct err err = ERR_NONE;

	lane->device_created_ms = row->device_created_ms;
	lanes->has_failed =
		store_campaign_lane_pending(lanes->store, lanes->campaign->id,
			row->position, LANE_COUNT_MAX, &lane->n_recipients,
			&err) != 0 ||
		campaign_lane_state(lanes->store, row->device_id,
			lanes->campaign->id, lanes->now_ms, lane, &err) != 0;
	lanes->is_long |= lane->n_recipients == LANE_COUNT_MAX;
	lanes->n++;
	return lanes->has_failed || lanes->n == CAMPAIGN_LANES_MAX;
}

static void share_evenly(struct lanes *lanes)
{
	for (int i = 0; i < lanes->n; i++)
		lanes->lanes[i].n_recipients =
			(lanes->campaign->counts.pending + lanes->n - 1 - i) /
			lanes->n;
}

bool campaign_estimate(struct store *store, const struct config *config,
	const struct campaign *campaign, int64_t now_ms, struct estimate *out)
{
	struct lanes lanes = {
		.store = store, .campaign = campaign, .now_ms = now_ms
	};
	const bool waits = campaign->status == CAMPAIGN_SCHEDULED &&
			   campaign->due_ms > now_ms;
	struct err err = ERR_NONE;

	if (campaign->recurrence != NULL ||
		(campaign->status != CAMPAIGN_RUNNING &&
			campaign->status != CAMPAIGN_SCHEDULED))
		return false;
	if (store_campaign_lanes(
		    store, campaign->id, take_lane, &lanes, &err) != 0 ||
		lanes.has_failed || lanes.n == 0)
		return false;
	if (lanes.is_long)
		share_evenly(&lanes);
	estimate_campaign(config, lanes.lanes, lanes.n,
		waits ? campaign->due_ms : now_ms, out);
	return true;
}
