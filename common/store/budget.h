/* Safety budgets: sends counted per device in UTC day, hour and minute, and in
 * the month for the account's plan (usage.h).  One is taken in the transaction
 * that inserts the message. */
#ifndef COMMON_STORE_BUDGET_H
#define COMMON_STORE_BUDGET_H

#include "common/store/store.h"

struct budget {
	int64_t day, hour, minute; /* which bucket: unix time / 86400000, /
				      3600000, / 60000 */
	int day_sent, hour_sent, minute_sent; /* in that bucket */
};
/* The counters as of @now_ms: older buckets read as 0, one that another process
 * has begun meanwhile as the current one. */
int store_budget_get(struct store *store, int64_t device_id, int64_t now_ms,
	struct budget *out, struct err *err);
int store_budget_get_tx(struct tx *tx, int64_t device_id, int64_t now_ms,
	struct budget *out, struct err *err);
/* Counts one send in every bucket. */
int store_budget_take(
	struct tx *tx, int64_t device_id, int64_t now_ms, struct err *err);

#endif
