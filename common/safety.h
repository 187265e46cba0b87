/* Account safety: how many messages a device may send now (Msgera reference,
 * "Account Safety").  Pure: configuration, counters and the time are passed in.
 *
 * Limits are ANDed: the day's tier by device age, min(hourly, daily),
 * min(minute, hourly), all in UTC buckets. */
#ifndef COMMON_SAFETY_H
#define COMMON_SAFETY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/store/message.h"

struct antispam;
struct config;

enum safety_block {
	SAFETY_OK = 0,
	SAFETY_DAILY,
	SAFETY_HOURLY,
	SAFETY_MINUTE,
	SAFETY_PAUSED, /* the account, whatever its budgets */
};

struct safety {
	int daily_limit, daily_sent, daily_remaining;
	int hourly_limit, hourly_sent, hourly_remaining;
	int minute_limit, minute_sent, minute_remaining;
	int account_age_days;
	bool can_send;
	enum safety_block block;  /* the limit that is used up; the
				     longest-lasting one wins */
	char blocked_reason[400]; /* "" when can_send; else the sentence of the
				     429 body */
	int64_t resets_at_ms; /* end of the UTC day (23:59:59.999) when can_send
				 or blocked by the day; else of the blocking
				 bucket; of the pause, 0 when that has no end */
};

/* With safety disabled in the configuration the limits read as INT32_MAX and
 * can_send is true. */
void safety_evaluate(const struct config *config, const struct budget *budget,
	int64_t device_created_ms, int64_t now_ms, struct safety *out);
/* The pause of the account comes before the device's budgets, as it does when a
 * message is sent.  Nothing changes while there is none. */
void safety_pause(struct safety *safety, const struct antispam *pause);

#endif
