/* See estimate.h.
 *
 * Each lane is played forward on its own, stretch by stretch: a stretch ends
 * where a safety budget that may run out begins anew.  Inside it the pace alone
 * counts, and how many messages fit is a formula.  Days that repeat are passed
 * over in one step. */
#include "common/estimate.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/config.h"
#include "common/safety.h"

#define DAY_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)
/* A device whose budget was used up goes on so long after the reset. */
#define RESET_WAIT_MS 1001

struct played { /* a lane */
	const struct config *config;
	int64_t created_ms;
	int64_t now_ms;	 /* when the next message may be handed over */
	int64_t last_ms; /* when the last one was */
	int64_t left;
	int n_in_run;
	struct budget used;
	int64_t whole_day; /* the day that began with nothing used */
};

/* ---- the pace ---- */

static int64_t pause_ms(const struct config *config)
{
	return (config->safety.campaign_delay_min_sec +
		       config->safety.campaign_delay_max_sec) *
	       INT64_C(500);
}

/* How long @n messages and their pauses take, after @n_in_run of a run. */
static int64_t span_of(const struct config *config, int n_in_run, int64_t n)
{
	const int every = config->safety.cooldown_every;
	const int64_t n_cooldowns = every > 0 ? (n_in_run + n) / every : 0;

	return n * pause_ms(config) +
	       n_cooldowns * config->safety.cooldown_sec * 1000;
}

/* How many are handed over within @span_ms (which the last one's pause may
 * exceed), at most @max. */
static int64_t count_in(
	const struct config *config, int n_in_run, int64_t span_ms, int64_t max)
{
	int64_t low = 0, high = max;

	while (low < high) {
		const int64_t n = low + (high - low + 1) / 2;

		if (span_of(config, n_in_run, n - 1) < span_ms)
			low = n;
		else
			high = n - 1;
	}
	return low;
}

/* ---- the budgets ---- */

static void budget_renew(struct budget *used, int64_t now_ms)
{
	const struct budget now = { .day = now_ms / DAY_MS,
		.hour = now_ms / HOUR_MS,
		.minute = now_ms / MINUTE_MS,
		.day_sent = used->day == now_ms / DAY_MS ? used->day_sent : 0,
		.hour_sent =
			used->hour == now_ms / HOUR_MS ? used->hour_sent : 0,
		.minute_sent = used->minute == now_ms / MINUTE_MS
				       ? used->minute_sent
				       : 0 };

	*used = now;
}

static int64_t bucket_end_ms(int64_t now_ms, int64_t bucket_ms)
{
	return now_ms - now_ms % bucket_ms + bucket_ms;
}

/* May the pace use a budget up, now or in a later bucket? */
static bool may_bind(
	const struct played *lane, int64_t bucket_ms, int limit, int remaining)
{
	const int64_t left_ms =
		bucket_end_ms(lane->now_ms, bucket_ms) - lane->now_ms;

	return count_in(lane->config, 0, bucket_ms, limit + INT64_C(1)) >
		       limit ||
	       count_in(lane->config, lane->n_in_run, left_ms,
		       remaining + INT64_C(1)) > remaining;
}

/* When the device reaches its next tier. */
static int64_t next_tier_ms(const struct played *lane)
{
	int64_t next_ms = INT64_MAX;

	if (!lane->config->safety.enabled)
		return INT64_MAX;
	for (size_t i = 0; i < lane->config->safety.n_daily_tiers; i++) {
		const int64_t at_ms =
			lane->created_ms +
			lane->config->safety.daily_tiers[i].from_day * DAY_MS;

		if (at_ms > lane->now_ms && at_ms < next_ms)
			next_ms = at_ms;
	}
	return next_ms;
}

struct stretch {
	int64_t end_ms;
	int64_t max;
};

/* Until the end of the smallest bucket whose budget may run out; budgets of
 * larger buckets count too. */
static struct stretch stretch_of(
	const struct played *lane, const struct safety *safety)
{
	const struct {
		int64_t ms;
		int limit, remaining;
	} buckets[] = {
		{ DAY_MS, safety->daily_limit, safety->daily_remaining },
		{ HOUR_MS, safety->hourly_limit, safety->hourly_remaining },
		{ MINUTE_MS, safety->minute_limit, safety->minute_remaining },
	};
	struct stretch stretch = { next_tier_ms(lane), lane->left };

	for (int i = 0; i < 3; i++) {
		const int64_t end_ms =
			bucket_end_ms(lane->now_ms, buckets[i].ms);

		if (!may_bind(lane, buckets[i].ms, buckets[i].limit,
			    buckets[i].remaining))
			continue;
		if (end_ms < stretch.end_ms)
			stretch.end_ms = end_ms;
		if (buckets[i].remaining < stretch.max)
			stretch.max = buckets[i].remaining;
	}
	return stretch;
}

/* ---- playing ---- */

/* How many of @n handed over from now on are in the bucket of the last one. */
static int sent_in_last(
	const struct played *lane, int64_t n, int64_t bucket_ms, int sent)
{
	const int64_t start_ms = lane->last_ms - lane->last_ms % bucket_ms;

	if (start_ms <= lane->now_ms)
		return sent + (int)n;
	return (int)(n - count_in(lane->config, lane->n_in_run,
				 start_ms - lane->now_ms, n));
}

static void hand_over(struct played *lane, int64_t n)
{
	const struct config *config = lane->config;
	const int every = config->safety.cooldown_every;
	struct budget *used = &lane->used;

	lane->last_ms = lane->now_ms + span_of(config, lane->n_in_run, n - 1);
	used->day_sent = sent_in_last(lane, n, DAY_MS, used->day_sent);
	used->hour_sent = sent_in_last(lane, n, HOUR_MS, used->hour_sent);
	used->minute_sent = sent_in_last(lane, n, MINUTE_MS, used->minute_sent);
	used->day = lane->last_ms / DAY_MS;
	used->hour = lane->last_ms / HOUR_MS;
	used->minute = lane->last_ms / MINUTE_MS;
	lane->now_ms += span_of(config, lane->n_in_run, n);
	lane->left -= n;
	if (every > 0)
		lane->n_in_run = (int)((lane->n_in_run + n) % every);
}

/* A whole day that ended with its budget used up is like the next ones, as long
 * as the device stays in its tier. */
static void pass_days(struct played *lane, int per_day, int64_t tier_ms)
{
	const int every = lane->config->safety.cooldown_every;
	int64_t n_days = (lane->left - 1) / per_day;

	if (n_days > (tier_ms - lane->now_ms) / DAY_MS - 1)
		n_days = (tier_ms - lane->now_ms) / DAY_MS - 1;
	if (n_days <= 0)
		return;
	lane->now_ms += n_days * DAY_MS;
	lane->left -= n_days * per_day;
	if (every > 0)
		lane->n_in_run =
			(int)((lane->n_in_run + n_days * per_day) % every);
}

static void wait_for_budget(struct played *lane, const struct safety *safety)
{
	const int64_t tier_ms = next_tier_ms(lane);
	const bool was_whole_day = lane->whole_day == lane->used.day;

	lane->now_ms = safety->resets_at_ms + RESET_WAIT_MS;
	if (safety->block != SAFETY_DAILY)
		return;
	if (was_whole_day && safety->daily_limit > 0)
		pass_days(lane, safety->daily_limit, tier_ms);
	lane->whole_day = lane->now_ms / DAY_MS;
}

/* False when a device of this age never sends: its tiers say 0 for ever. */
static bool can_ever_send(const struct played *lane)
{
	struct safety safety;
	const struct budget nothing = { 0 };

	safety_evaluate(lane->config, &nothing, lane->created_ms, lane->now_ms,
		&safety);
	return safety.minute_limit > 0 || next_tier_ms(lane) != INT64_MAX;
}

static void play_stretch(struct played *lane)
{
	struct safety safety;
	struct stretch stretch;
	int64_t n;

	budget_renew(&lane->used, lane->now_ms);
	safety_evaluate(lane->config, &lane->used, lane->created_ms,
		lane->now_ms, &safety);
	if (!safety.can_send) {
		wait_for_budget(lane, &safety);
		return;
	}
	stretch = stretch_of(lane, &safety);
	n = count_in(lane->config, lane->n_in_run,
		stretch.end_ms - lane->now_ms, stretch.max);
	hand_over(lane, n);
}

/* One left over from a longer run, before the configuration changed, ends with
 * its next message. */
static int run_of(const struct config *config, int n_in_run)
{
	const int every = config->safety.cooldown_every;

	if (every == 0 || n_in_run < every)
		return n_in_run;
	return every - 1;
}

/* How many messages of others come between its own. */
static int64_t n_between(const struct estimate_lane *lane)
{
	const int64_t n_campaigns =
		lane->n_other_campaigns > 0 ? lane->n_other_campaigns : 1;
	const int64_t most = lane->n_recipients * n_campaigns;

	return lane->n_others < most ? lane->n_others : most;
}

/* When the lane's last message is handed over. */
static int64_t lane_end_ms(const struct config *config,
	const struct estimate_lane *lane, int64_t starts_ms)
{
	struct played played = { .config = config,
		.created_ms = lane->device_created_ms,
		.now_ms = lane->pace.next_ms > starts_ms ? lane->pace.next_ms
							 : starts_ms,
		.last_ms = starts_ms,
		.left = lane->n_recipients + n_between(lane),
		.n_in_run = run_of(config, lane->pace.n_in_run),
		.used = lane->budget,
		.whole_day = -1 };

	while (played.left > 0 && can_ever_send(&played))
		play_stretch(&played);
	return played.last_ms;
}

/* ---- words ---- */

static void write_span(struct estimate *out, int64_t n, const char *unit)
{
	snprintf(out->label, sizeof(out->label), "~%" PRId64 " %s%s", n, unit,
		n == 1 ? "" : "s");
}

/* Rounded, in the largest unit of which it is at least one. */
static void write_label(struct estimate *out)
{
	const int64_t span_ms = out->completes_ms - out->starts_ms;
	const int64_t minutes = (span_ms + MINUTE_MS / 2) / MINUTE_MS;
	const int64_t hours = (span_ms + HOUR_MS / 2) / HOUR_MS;
	const int64_t days = (span_ms + DAY_MS / 2) / DAY_MS;

	if (span_ms < MINUTE_MS)
		snprintf(out->label, sizeof(out->label), "less than a minute");
	else if (minutes < 60)
		write_span(out, minutes, "minute");
	else if (hours < 24)
		write_span(out, hours, "hour");
	else
		write_span(out, days, "day");
}

void estimate_campaign(const struct config *config,
	const struct estimate_lane *lanes, int n_lanes, int64_t starts_ms,
	struct estimate *out)
{
	*out = (struct estimate){ .starts_ms = starts_ms,
		.completes_ms = starts_ms };
	for (int i = 0; i < n_lanes; i++) {
		int64_t end_ms;

		if (lanes[i].n_recipients == 0)
			continue;
		out->n_lanes++;
		end_ms = lane_end_ms(config, &lanes[i], starts_ms);
		if (end_ms > out->completes_ms)
			out->completes_ms = end_ms;
	}
	out->days_spanned =
		(int)(out->completes_ms / DAY_MS - starts_ms / DAY_MS);
	if (out->days_spanned == 0)
		out->days_spanned = 1;
	write_label(out);
}
