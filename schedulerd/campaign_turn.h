/* The turns of devices: each gives one message to the next of its campaigns. */
#ifndef SCHEDULERD_CAMPAIGN_TURN_H
#define SCHEDULERD_CAMPAIGN_TURN_H

#include <stdint.h>

struct err;
struct schedulerd;

/* How often a device was looked at in vain, because it is not connected or its
 * messages are not acknowledged, by device id: it is looked at less and less
 * often.  Devices that share a place share their patience, which harms nobody.
 */
#define CAMPAIGN_PATIENCE 1024
struct campaign_patience {
	uint8_t n_looks[CAMPAIGN_PATIENCE];
};

/* The devices whose pace time has come at @now_ms, a batch of them in one
 * transaction.  0 or -1. */
int campaign_turns(struct schedulerd *sd, int64_t now_ms, struct err *err);

#endif
