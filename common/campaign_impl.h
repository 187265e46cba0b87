/* What the files of campaigns share.  Internal to common/campaign*.c. */
#ifndef COMMON_CAMPAIGN_IMPL_H
#define COMMON_CAMPAIGN_IMPL_H

#include "common/campaign.h"
#include "common/campaign_audience.h"

/* A request that was found good. */
struct campaign_plan {
	int64_t device_ids[CAMPAIGN_LANES_MAX];
	int64_t device_created_ms[CAMPAIGN_LANES_MAX];
	int n_devices;
	struct campaign_audience audience;
};
void campaign_plan_fini(struct campaign_plan *plan);
/* campaign_check(), and what it found.  Finish @plan either way. */
int campaign_examine(struct store *store, const struct config *config,
	const struct campaign_request *request, int64_t now_ms,
	struct campaign_quote *quote, struct campaign_plan *plan,
	struct err *err);

/* Kinds whose messages have words; the others show none. */
bool campaign_shows_text(enum message_kind kind);

/* Budget, pace and the work of other campaigns than @campaign_id. */
int campaign_lane_state(struct store *store, int64_t device_id,
	int64_t campaign_id, int64_t now_ms, struct estimate_lane *out,
	struct err *err);

#endif
