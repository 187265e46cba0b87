#include "common/safety.h"

#include <stdio.h>

#include "common/antispam.h"
#include "common/clock.h"
#include "common/config.h"

#define DAY_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

/* The tier of the highest age reached; a clock that went back is age 0. */
static int tier_limit(const struct config *config, int age_days)
{
	const struct safety_tier *best = NULL;

	for (size_t i = 0; i < config->safety.n_daily_tiers; i++) {
		const struct safety_tier *t = &config->safety.daily_tiers[i];

		if (t->from_day <= age_days &&
			(best == NULL || t->from_day >= best->from_day))
			best = t;
	}
	return best != NULL ? best->per_day : 0;
}

static void set_limits(const struct config *config, struct safety *s)
{
	if (!config->safety.enabled) {
		s->daily_limit = s->hourly_limit = s->minute_limit = INT32_MAX;
		return;
	}
	s->daily_limit = tier_limit(config, s->account_age_days);
	s->hourly_limit = smaller(config->safety.hourly_limit, s->daily_limit);
	s->minute_limit = smaller(config->safety.minute_limit, s->hourly_limit);
}

static int remaining(int limit, int sent)
{
	return sent < limit ? limit - sent : 0;
}

static void set_counters(const struct budget *budget, struct safety *s)
{
	s->daily_sent = budget->day_sent;
	s->hourly_sent = budget->hour_sent;
	s->minute_sent = budget->minute_sent;
	s->daily_remaining = remaining(s->daily_limit, s->daily_sent);
	s->hourly_remaining = remaining(s->hourly_limit, s->hourly_sent);
	s->minute_remaining = remaining(s->minute_limit, s->minute_sent);
}

/* The last millisecond of the bucket that @now_ms is in. */
static int64_t bucket_end(int64_t now_ms, int64_t bucket_ms)
{
	return now_ms - now_ms % bucket_ms + bucket_ms - 1;
}

static void set_block(struct safety *s, int64_t now_ms)
{
	s->block = SAFETY_OK;
	s->resets_at_ms = bucket_end(now_ms, DAY_MS);
	if (s->daily_remaining == 0) {
		s->block = SAFETY_DAILY;
	} else if (s->hourly_remaining == 0) {
		s->block = SAFETY_HOURLY;
		s->resets_at_ms = bucket_end(now_ms, HOUR_MS);
	} else if (s->minute_remaining == 0) {
		s->block = SAFETY_MINUTE;
		s->resets_at_ms = bucket_end(now_ms, MINUTE_MS);
	}
	s->can_send = s->block == SAFETY_OK;
}

static void set_reason(struct safety *s)
{
	char until[CLOCK_ISO_LEN];

	clock_iso(s->resets_at_ms, until);
	switch (s->block) {
	case SAFETY_OK:
	case SAFETY_PAUSED: /* safety_pause() words it */
		s->blocked_reason[0] = '\0';
		return;
	case SAFETY_DAILY:
		snprintf(s->blocked_reason, sizeof(s->blocked_reason),
			"Daily account safety limit reached (%d messages per"
			" day for accounts at this age). Try again after %s.",
			s->daily_limit, until);
		return;
	case SAFETY_HOURLY:
		snprintf(s->blocked_reason, sizeof(s->blocked_reason),
			"Hourly account safety limit reached (%d messages per"
			" hour). Try again after %s.",
			s->hourly_limit, until);
		return;
	case SAFETY_MINUTE:
		snprintf(s->blocked_reason, sizeof(s->blocked_reason),
			"Per-minute account safety limit reached (%d messages"
			" per minute). Try again after %s.",
			s->minute_limit, until);
		return;
	}
}

void safety_evaluate(const struct config *config, const struct budget *budget,
	int64_t device_created_ms, int64_t now_ms, struct safety *out)
{
	const int64_t age_ms = now_ms - device_created_ms;

	*out = (struct safety){ 0 };
	out->account_age_days = age_ms > 0 ? (int)(age_ms / DAY_MS) : 0;
	set_limits(config, out);
	set_counters(budget, out);
	set_block(out, now_ms);
	set_reason(out);
}

void safety_pause(struct safety *safety, const struct antispam *pause)
{
	char what[sizeof(pause->reason) + sizeof(ANTISPAM_PAUSED)];
	char sentence[ANTISPAM_SENTENCE_LEN];

	if (pause->paused_until_ms == 0)
		return;
	snprintf(what, sizeof(what), ANTISPAM_PAUSED "%s", pause->reason);
	antispam_sentence(what, pause->paused_until_ms, sentence);
	snprintf(safety->blocked_reason, sizeof(safety->blocked_reason), "%s",
		sentence);
	safety->block = SAFETY_PAUSED;
	safety->can_send = false;
	safety->resets_at_ms = antispam_resets_at_ms(pause->paused_until_ms);
}
