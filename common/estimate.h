/* When a campaign will be through: pacing and account safety played forward
 * with their means.  Pure, and as quick for a million recipients as for a
 * thousand. */
#ifndef COMMON_ESTIMATE_H
#define COMMON_ESTIMATE_H

#include <stdint.h>

#include "common/store/budget.h"
#include "common/store/campaign.h"

struct config;

struct estimate_lane {
	int64_t device_created_ms;
	struct budget budget;	 /* used so far */
	struct device_pace pace; /* where its queue is */
	int64_t n_recipients;	 /* of this campaign */
	/* Other running campaigns take turns with it: what they have for this
	 * device, and how many they are (0 counts as one).  Of each at most
	 * n_recipients come between its own. */
	int64_t n_others;
	int n_other_campaigns;
};
struct estimate {
	int64_t starts_ms;
	int64_t completes_ms;
	int days_spanned; /* UTC days from start to end: from the 22nd to the
			     26th 4; 1 on the same day */
	int n_lanes;	  /* that have recipients */
	char label[32];	  /* "~4 days", "~3 hours", "~12 minutes", "less than a
			     minute" */
};
/* @starts_ms: now, or when it is scheduled for. */
void estimate_campaign(const struct config *config,
	const struct estimate_lane *lanes, int n_lanes, int64_t starts_ms,
	struct estimate *out);

#endif
