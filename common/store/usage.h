/* What an account uses of its plan, and its pause against spam.
 *
 * Messages are counted with the safety budget (budget.h), one row a device; an
 * account's are the sum over its devices, deleted ones included: a device that
 * is linked anew brings no new month. */
#ifndef COMMON_STORE_USAGE_H
#define COMMON_STORE_USAGE_H

#include "common/store/store.h"

/* The UTC calendar month that @now_ms is in: year * 12 + month (0..11). */
int64_t store_usage_month(int64_t now_ms);

#define USAGE_PLAN_LEN 65
/* ERR_NOT_FOUND: no such account. */
int store_usage_plan(struct store *store, int64_t account_id,
	char out[USAGE_PLAN_LEN], struct err *err);
int store_usage_set_plan(struct tx *tx, int64_t account_id, const char *plan,
	struct err *err); /* ERR_NOT_FOUND */
int store_usage_messages(struct store *store, int64_t account_id,
	int64_t now_ms, int64_t *n_out, struct err *err); /* this month */
int store_usage_devices(struct store *store, int64_t account_id, int64_t *n_out,
	struct err *err); /* not the deleted */
int store_usage_campaigns(struct store *store, int64_t account_id,
	int64_t now_ms, int64_t *n_out, struct err *err); /* this month */
int store_usage_add_campaign(
	struct tx *tx, int64_t account_id, int64_t now_ms, struct err *err);

/* ---- the pause ---- */

struct usage_pause {
	int64_t until_ms;   /* 0 = none; may lie in the past */
	const char *reason; /* or NULL */
};
typedef int usage_pause_fn(const struct usage_pause *pause, void *arg);
int store_usage_pause(struct store *store, int64_t account_id,
	usage_pause_fn *row, void *arg, struct err *err);
/* Forgets the failures, too.  ERR_NOT_FOUND: no such account. */
int store_usage_set_pause(struct tx *tx, int64_t account_id, int64_t until_ms,
	const char *reason, struct err *err);
/* Counts a failure in the window of @window_ms that began with its first one,
 * unless the account is paused: *@n_out is then 0. */
int store_usage_add_failure(struct tx *tx, int64_t account_id, int64_t now_ms,
	int64_t window_ms, int64_t *n_out, struct err *err);

#endif
