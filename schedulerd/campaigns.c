#include "schedulerd/campaigns.h"

#include "common/store/campaign.h"
#include "schedulerd/campaign_starts.h"
#include "schedulerd/campaign_sweep.h"
#include "schedulerd/campaign_turn.h"
#include "schedulerd/schedulerd.h"

int campaigns_run(struct schedulerd *sd, int64_t now_ms, struct err *err)
{
	if (campaign_turns(sd, now_ms, err) != 0 ||
		campaign_starts(sd, now_ms, err) != 0 ||
		campaign_build_some(sd, now_ms, &sd->is_building, err) != 0)
		return -1;
	return campaign_sweep(sd, now_ms, err);
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

int64_t campaigns_next_ms(struct schedulerd *sd)
{
	if (sd->is_building)
		return 0;
	return earlier(
		sd->watch.next_ms, earlier(store_pace_next(sd->store),
					   store_campaign_next_due(sd->store)));
}
