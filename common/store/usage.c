#include "common/store/usage.h"

#include <stdio.h>
#include <time.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

int64_t store_usage_month(int64_t now_ms)
{
	const time_t now_s = (time_t)(now_ms / 1000);
	struct tm tm;

	if (gmtime_r(&now_s, &tm) == NULL)
		return 0;
	return (1900 + (int64_t)tm.tm_year) * 12 + tm.tm_mon;
}

/* ---- the plan and what is used of it ---- */

int store_usage_plan(struct store *store, int64_t account_id,
	char out[USAGE_PLAN_LEN], struct err *err)
{
	scoped(query_close) struct query q = query_open(
		store_db(store), "SELECT plan FROM account WHERE id = ?");

	query_bind_int(&q, account_id);
	if (query_one(&q, "account", err) != 0)
		return -1;
	snprintf(out, USAGE_PLAN_LEN, "%s", query_text(&q));
	return 0;
}

static int one_changed(struct query *q, struct err *err)
{
	int n_changed = 0;

	if (query_run(q, &n_changed, err) != 0)
		return -1;
	return n_changed == 1
		       ? 0
		       : err_set(err, ERR_NOT_FOUND, "account not found");
}

int store_usage_set_plan(
	struct tx *tx, int64_t account_id, const char *plan, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		tx_db(tx), "UPDATE account SET plan = ? WHERE id = ?");

	query_bind_text(&q, plan);
	query_bind_int(&q, account_id);
	return one_changed(&q, err);
}

static int take_count(struct query *q, int64_t *n_out, struct err *err)
{
	if (query_one(q, "account", err) != 0)
		return -1;
	*n_out = query_int(q);
	return 0;
}

int store_usage_messages(struct store *store, int64_t account_id,
	int64_t now_ms, int64_t *n_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT COALESCE(SUM(month_sent), 0) FROM device_tally"
		" WHERE account_id = ?1 AND month - ?2 IN (0, 1)");

	query_bind_int(&q, account_id);
	query_bind_int(&q, store_usage_month(now_ms));
	return take_count(&q, n_out, err);
}

int store_usage_devices(struct store *store, int64_t account_id, int64_t *n_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT COUNT(*) FROM device"
		" WHERE account_id = ? AND deleted_ms = 0");

	query_bind_int(&q, account_id);
	return take_count(&q, n_out, err);
}

int store_usage_campaigns(struct store *store, int64_t account_id,
	int64_t now_ms, int64_t *n_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT CASE campaign_month WHEN ? THEN month_campaigns"
		" ELSE 0 END FROM account_tally WHERE account_id = ?");

	query_bind_int(&q, store_usage_month(now_ms));
	query_bind_int(&q, account_id);
	return take_count(&q, n_out, err);
}

int store_usage_add_campaign(
	struct tx *tx, int64_t account_id, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE account_tally SET month_campaigns ="
		"  CASE campaign_month WHEN ?2 THEN month_campaigns ELSE 0 END"
		"  + 1,"
		" campaign_month = ?2 WHERE account_id = ?1");

	query_bind_int(&q, account_id);
	query_bind_int(&q, store_usage_month(now_ms));
	return query_run(&q, NULL, err);
}

/* ---- the pause ---- */

int store_usage_pause(struct store *store, int64_t account_id,
	usage_pause_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT paused_until_ms, pause_reason FROM account_tally"
		" WHERE account_id = ?");
	struct usage_pause pause;

	query_bind_int(&q, account_id);
	if (query_one(&q, "account", err) != 0)
		return -1;
	pause.until_ms = query_int(&q);
	pause.reason = query_text(&q);
	row(&pause, arg);
	return 0;
}

int store_usage_set_pause(struct tx *tx, int64_t account_id, int64_t until_ms,
	const char *reason, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE account_tally SET paused_until_ms = ?,"
		" pause_reason = ?, spam_window_ms = 0, spam_failures = 0"
		" WHERE account_id = ?");

	query_bind_int(&q, until_ms);
	query_bind_text(&q, until_ms != 0 ? reason : NULL);
	query_bind_int(&q, account_id);
	return one_changed(&q, err);
}

static int count_failure(struct tx *tx, int64_t account_id, int64_t now_ms,
	int64_t window_ms, int *n_changed, struct err *err)
{
	/* A window that begins in the future is a clock that went back. */
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE account_tally SET"
		" spam_failures = CASE WHEN spam_window_ms > ?3 AND"
		"  spam_window_ms <= ?2 THEN spam_failures ELSE 0 END + 1,"
		" spam_window_ms = CASE WHEN spam_window_ms > ?3 AND"
		"  spam_window_ms <= ?2 THEN spam_window_ms ELSE ?2 END"
		" WHERE account_id = ?1 AND paused_until_ms <= ?2");

	query_bind_int(&q, account_id);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, now_ms - window_ms);
	return query_run(&q, n_changed, err);
}

int store_usage_add_failure(struct tx *tx, int64_t account_id, int64_t now_ms,
	int64_t window_ms, int64_t *n_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT spam_failures FROM account_tally WHERE account_id = ?");
	int n_changed = 0;

	*n_out = 0;
	if (count_failure(tx, account_id, now_ms, window_ms, &n_changed, err) !=
		0)
		return -1;
	if (n_changed == 0)
		return 0;
	query_bind_int(&q, account_id);
	return take_count(&q, n_out, err);
}
