/* schedulerd: what is due by the clock.  Scheduled messages become messages of
 * their device's queue, and so do those of campaigns, at their pace; old
 * idempotency answers go.  One thread, one store connection. */
#ifndef SCHEDULERD_SCHEDULERD_H
#define SCHEDULERD_SCHEDULERD_H

#include <event2/event.h>

#include "common/bus.h"
#include "common/config.h"
#include "common/store/store.h"
#include "schedulerd/campaign_sweep.h"
#include "schedulerd/campaign_turn.h"

struct campaign_making;

struct schedulerd {
	struct config *config; /* borrowed */
	struct event_base *base;
	struct store *store;
	struct bus_in *wake;
	struct bus_out *senderd_jobs;
	struct event *readable; /* of wake */
	struct event *timer;	/* the next due time, or the next look */
	struct event *sweep;	/* housekeeping */
	unsigned n_sweeps;
	/* Of campaigns; all of it may be forgotten. */
	struct campaign_watch watch;
	struct campaign_patience patience;
	bool is_building; /* a run's recipients are being written */
	struct campaign_making *making; /* their builder, between two chunks */
};

int schedulerd_open(
	struct config *config, struct schedulerd **out, struct err *err);
void schedulerd_close(struct schedulerd **schedulerdp);

#endif
