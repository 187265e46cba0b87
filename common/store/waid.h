/* WhatsApp ids that carry the number of their message.
 *
 * A receipt names its message by WhatsApp id, and ids look random: an index of
 * them costs each insert a page of its own, more than all else together.  So
 * the id of an outbound message is its device_seq, enciphered.  It looks as
 * random as any (3EB0 and 18 hex digits), is unique per device, and finds the
 * row by number. Internal to common/store. */
#ifndef COMMON_STORE_WAID_H
#define COMMON_STORE_WAID_H

#include <stdint.h>

#include "common/ids.h"

#define WAID_KEY_BYTES 16

struct waid_key {
	uint8_t bytes[WAID_KEY_BYTES]; /* random, one a database */
};

/* @seq from 1 to 2^48 - 1. */
void waid_make(const struct waid_key *key, int64_t device_id, int64_t seq,
	char out[WA_MSG_ID_LEN]);
/* The number in an id, or 0 when waid_make() did not make it for this device
 * (it is wrong once in 2^24 foreign ids: compare the row's id). */
int64_t waid_seq(
	const struct waid_key *key, int64_t device_id, const char *wa_id);

#endif
