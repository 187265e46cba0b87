/* See campaign_sweep.h. */
#include "schedulerd/campaign_sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/campaign.h"
#include "common/store/recipient.h"
#include "schedulerd/lanes.h"
#include "schedulerd/schedulerd.h"

#define SLICE 32
#define ROUND_MS 5000
#define IDLE_MS 60000 /* while none runs */
#define DAY_MS INT64_C(86400000)
#define MARGIN_MS 60000

/* ---- what was seen ---- */

void campaign_watch_fini(struct campaign_watch *watch)
{
	free(watch->seen);
	*watch = (struct campaign_watch){ 0 };
}

static size_t place_of(const struct campaign_watch *watch, int64_t id)
{
	size_t low = 0, high = watch->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (watch->seen[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int log_campaign(const struct campaign *campaign, void *arg)
{
	const struct campaign_counts *counts = &campaign->counts;

	(void)arg;
	log_info("campaign id=%s status=%s total=%" PRId64 " sent=%" PRId64
		 " failed=%" PRId64 " waiting=%" PRId64 " reason=\"%s\"",
		campaign->public_id, campaign_status_name(campaign->status),
		counts->total, counts->sent + counts->delivered + counts->read,
		counts->failed, counts->pending + counts->queued,
		log_quote(campaign->reason != NULL ? campaign->reason : ""));
	return 0;
}

static void tell(struct schedulerd *sd, int64_t id)
{
	struct err err = ERR_NONE;

	if (store_campaign_by_id(sd->store, id, log_campaign, NULL, &err) != 0)
		log_warning("campaign row=%" PRId64 " status=unknown"
			    " reason=\"%s\" action=\"none\"",
			id, log_quote(err.msg));
}

void campaign_sweep_soon(struct schedulerd *sd)
{
	sd->watch.next_ms = 0;
}

static struct campaign_watched *see(struct schedulerd *sd, int64_t id)
{
	struct campaign_watch *watch = &sd->watch;
	const size_t at = place_of(watch, id);

	if (at < watch->n && watch->seen[at].id == id)
		return &watch->seen[at];
	if (watch->n == watch->cap) {
		watch->cap = watch->cap > 0 ? watch->cap * 2 : 16;
		watch->seen = xrealloc(
			watch->seen, watch->cap * sizeof(*watch->seen));
	}
	memmove(&watch->seen[at + 1], &watch->seen[at],
		(watch->n++ - at) * sizeof(*watch->seen));
	watch->seen[at] =
		(struct campaign_watched){ .id = id, .round = watch->round };
	campaign_sweep_soon(sd);
	tell(sd, id);
	return &watch->seen[at];
}

void campaign_watch_note(struct schedulerd *sd, int64_t campaign_id)
{
	(void)see(sd, campaign_id);
}

/* Those that the round did not meet run no more. */
static void forget(struct schedulerd *sd)
{
	struct campaign_watch *watch = &sd->watch;
	size_t n = 0;

	for (size_t i = 0; i < watch->n; i++) {
		if (watch->seen[i].round == watch->round)
			watch->seen[n++] = watch->seen[i];
		else
			tell(sd, watch->seen[i].id);
	}
	watch->n = n;
}

/* ---- lanes that changed ---- */

/* What a device that is gone for good had in its queue will not leave any more,
 * or has left: nobody knows. */
static int abandon(struct tx *tx, const struct lanes *lanes, int64_t now_ms,
	struct err *err)
{
	for (int i = 0; i < lanes->n; i++) {
		if ((lanes->gone & UINT64_C(1) << i) != 0 &&
			store_recipient_abandon(tx, lanes->device_ids[i],
				"the device was lost before WhatsApp"
				" acknowledged the message",
				now_ms, err) != 0)
			return -1;
	}
	return 0;
}

static bool all_gone(const struct lanes *lanes)
{
	const uint64_t all =
		lanes->n < 64 ? (UINT64_C(1) << lanes->n) - 1 : UINT64_MAX;

	return lanes->gone == all;
}

/* Somebody else's turn, or nobody's. */
static int share(struct tx *tx, int64_t campaign_id, const struct lanes *lanes,
	int64_t now_ms, struct err *err)
{
	bool changed;

	if (abandon(tx, lanes, now_ms, err) != 0)
		return -1;
	if (all_gone(lanes))
		return store_campaign_pause(tx, campaign_id,
			"no device can send", now_ms, &changed, err);
	return store_pace_wake_campaign(tx, campaign_id, err);
}

static int look_at(struct schedulerd *sd, int64_t campaign_id, int64_t now_ms,
	struct err *err)
{
	struct campaign_watched *seen = see(sd, campaign_id);
	struct lanes lanes = { 0 };

	seen->round = sd->watch.round;
	if (lanes_read(sd->store, campaign_id, now_ms, &lanes, err) != 0)
		return -1;
	if (seen->is_known && seen->lost == lanes.lost &&
		seen->gone == lanes.gone)
		return 0;
	if (lanes.lost != (seen->is_known ? seen->lost : 0))
		log_info("campaign row=%" PRId64 " lanes=%d lost=%d gone=%d",
			campaign_id, lanes.n, __builtin_popcountll(lanes.lost),
			__builtin_popcountll(lanes.gone));

	scoped(tx_end) struct tx *tx = tx_begin(sd->store, err);

	if (tx == NULL || share(tx, campaign_id, &lanes, now_ms, err) != 0 ||
		tx_commit(tx, err) != 0)
		return -1;
	/* One that was paused may be resumed before the next round. */
	seen->is_known = !all_gone(&lanes);
	seen->lost = lanes.lost;
	seen->gone = lanes.gone;
	return 0;
}

/* A device never rests for longer than its pause and its cool-down, or until
 * the end of a UTC day: a later time is from before the clock was set back. */
static int pull_in(struct schedulerd *sd, int64_t now_ms, struct err *err)
{
	const int64_t pause_ms = (sd->config->safety.campaign_delay_max_sec +
					 sd->config->safety.cooldown_sec) *
				 INT64_C(1000);
	const int64_t rest_ms = pause_ms > DAY_MS ? pause_ms : DAY_MS;

	return store_pace_pull_in(
		sd->store, now_ms, now_ms + rest_ms + MARGIN_MS, err);
}

/* ---- a slice ---- */

struct slice {
	int64_t ids[SLICE];
	int n;
};

static int take_id(const struct campaign *campaign, void *arg)
{
	struct slice *slice = arg;

	slice->ids[slice->n++] = campaign->id;
	return slice->n == SLICE;
}

int campaign_sweep(struct schedulerd *sd, int64_t now_ms, struct err *err)
{
	struct campaign_watch *watch = &sd->watch;
	struct slice slice = { .n = 0 };

	/* Further away than any round: the clock was set back. */
	if (watch->next_ms > now_ms && watch->next_ms <= now_ms + IDLE_MS)
		return 0;
	if (watch->after_id == 0) {
		watch->round++;
		if (pull_in(sd, now_ms, err) != 0)
			return -1;
	}
	if (store_campaign_running(sd->store, watch->after_id, SLICE, take_id,
		    &slice, err) != 0)
		return -1;
	for (int i = 0; i < slice.n; i++)
		if (look_at(sd, slice.ids[i], now_ms, err) != 0)
			return -1;
	if (slice.n == SLICE) {
		watch->after_id = slice.ids[SLICE - 1];
		return 0;
	}
	forget(sd);
	watch->after_id = 0;
	watch->next_ms = now_ms + (watch->n > 0 ? ROUND_MS : IDLE_MS);
	return 0;
}
