/* Columns that the webhook tables share.  Internal to common/store. */
#ifndef COMMON_STORE_WEBHOOK_IMPL_H
#define COMMON_STORE_WEBHOOK_IMPL_H

#include "common/store/query.h"
#include "common/store/webhook.h"

/* Of the table with this alias, in the order in which they are read below. */
#define PLACE_OF(e)                                                \
	e ".cursor_seq, " e ".attempts, " e ".next_attempt_ms, " e \
	  ".n_failed, " e ".n_pauses, " e ".paused_until_ms"
#define REPLAY_OF(r)                                    \
	r ".id, " r ".public_id, " r ".endpoint_id, " r \
	  ".until_seq, " PLACE_OF(r)

struct webhook_place place_from_row(struct query *q);
struct webhook_replay replay_from_row(struct query *q);

#endif
