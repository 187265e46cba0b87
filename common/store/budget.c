#include "common/store/budget.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"
#include "common/store/usage.h"

#define DAY_MS 86400000
#define HOUR_MS 3600000
#define MINUTE_MS 60000

/* Who asks may have looked at the clock before waiting for the lock, and find
 * the next bucket begun by another process: that one counts, or its sends
 * would be forgotten. */
static int sent_in(int64_t bucket, int64_t stored_bucket, int64_t sent)
{
	const int64_t ahead = stored_bucket - bucket;

	return ahead == 0 || ahead == 1 ? (int)sent : 0;
}

int store_budget_get(struct store *store, int64_t device_id, int64_t now_ms,
	struct budget *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT day, day_sent, hour, hour_sent, minute, minute_sent"
		" FROM device_tally WHERE device_id = ?");
	int64_t stored;

	*out = (struct budget){ .day = now_ms / DAY_MS,
		.hour = now_ms / HOUR_MS,
		.minute = now_ms / MINUTE_MS };
	query_bind_int(&q, device_id);
	if (query_one(&q, "device", err) != 0)
		return -1;
	stored = query_int(&q);
	out->day_sent = sent_in(out->day, stored, query_int(&q));
	stored = query_int(&q);
	out->hour_sent = sent_in(out->hour, stored, query_int(&q));
	stored = query_int(&q);
	out->minute_sent = sent_in(out->minute, stored, query_int(&q));
	return 0;
}

int store_budget_get_tx(struct tx *tx, int64_t device_id, int64_t now_ms,
	struct budget *out, struct err *err)
{
	return store_budget_get(tx_store(tx), device_id, now_ms, out, err);
}

/* As sent_in() reads: a bucket never goes back by one. */
int store_budget_take(
	struct tx *tx, int64_t device_id, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE device_tally SET"
		" day_sent = CASE WHEN day - ?2 IN (0, 1)"
		"  THEN day_sent ELSE 0 END + 1,"
		" day = CASE day - ?2 WHEN 1 THEN day ELSE ?2 END,"
		" hour_sent = CASE WHEN hour - ?3 IN (0, 1)"
		"  THEN hour_sent ELSE 0 END + 1,"
		" hour = CASE hour - ?3 WHEN 1 THEN hour ELSE ?3 END,"
		" minute_sent = CASE WHEN minute - ?4 IN (0, 1)"
		"  THEN minute_sent ELSE 0 END + 1,"
		" minute = CASE minute - ?4 WHEN 1 THEN minute ELSE ?4 END,"
		" month_sent = CASE WHEN month - ?5 IN (0, 1)"
		"  THEN month_sent ELSE 0 END + 1,"
		" month = CASE month - ?5 WHEN 1 THEN month ELSE ?5 END"
		" WHERE device_id = ?1");

	query_bind_int(&q, device_id);
	query_bind_int(&q, now_ms / DAY_MS);
	query_bind_int(&q, now_ms / HOUR_MS);
	query_bind_int(&q, now_ms / MINUTE_MS);
	query_bind_int(&q, store_usage_month(now_ms));
	return query_run(&q, NULL, err);
}
