/* The pace of a device's campaign messages: a random pause after each, and a
 * longer one after every few (Msgera reference, "Rate Limits").  Pure but for
 * the dice. */
#ifndef COMMON_PACE_H
#define COMMON_PACE_H

#include "common/store/campaign.h"

struct config;

/* A message was handed over at @now_ms: when the next may be.  The cool-down
 * after every few comes on top of the pause. */
void pace_advance(
	const struct config *config, struct device_pace *pace, int64_t now_ms);

#endif
