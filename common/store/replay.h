/* Replays: stretches of a device's event log that an endpoint is to get once
 * more, beside what happens now.  A row says how far it has come and is removed
 * when it is done. */
#ifndef COMMON_STORE_REPLAY_H
#define COMMON_STORE_REPLAY_H

#include "common/store/event.h"
#include "common/store/webhook.h"

#define REPLAYS_WAITING_MAX 10 /* of an endpoint */

/* What was asked for; 0 = not bounded that way.  All bounds are inclusive. */
struct replay_range {
	int64_t device_id;
	int64_t from_seq, to_seq; /* account_seq, as receivers see it */
	int64_t from_ms, to_ms;	  /* when the event was logged */
};
/* The same as numbers of the device; empty when last < first. */
struct replay_span {
	int64_t first_seq, last_seq; /* device_seq */
};
int store_replay_span(struct store *store, const struct replay_range *range,
	struct replay_span *out, struct err *err);
/* How many events of each chat kind are in it: reads as many rows as the span
 * has. */
struct replay_counts {
	int64_t personal, group;
};
int store_replay_count(struct store *store, int64_t device_id,
	const struct replay_span *span, struct replay_counts *out,
	struct err *err);

/* ERR_CONFLICT when too many wait for the endpoint already. */
int store_replay_create(struct tx *tx, const char *public_id,
	int64_t endpoint_id, const struct replay_span *span, int64_t now_ms,
	struct err *err);
typedef int webhook_replay_row_fn(
	const struct webhook_replay *replay, void *arg);
/* The oldest of the endpoint after @after_id; none calls nothing. */
int store_replay_next(struct store *store, int64_t endpoint_id,
	int64_t after_id, webhook_replay_row_fn *row, void *arg,
	struct err *err);
int store_replay_done(struct tx *tx, int64_t replay_id, struct err *err);

#endif
