/* Devices, for the commands and for the sandbox's demo account. */
#ifndef CLI_DEVICE_H
#define CLI_DEVICE_H

#include <stdint.h>

#include "common/ids.h"
#include "common/store/device.h"

struct err;
struct store;
struct tx;

/* What of a device's row outlives the read. */
struct device_view {
	int64_t id;
	enum device_status status;
	char phone[32];	     /* "" = none */
	char lane_state[32]; /* "" = none yet */
	char lane_reason[160];
	int64_t lane_since_ms;
};

/* A new device in PAIRING. */
int device_make(struct tx *tx, int64_t account_id, const char *name,
	char uid_out[DEVICE_UID_LEN], struct err *err);
/* ERR_NOT_FOUND when there is none. */
int device_look(struct store *store, const char *uid, struct device_view *out,
	struct err *err);

#endif
