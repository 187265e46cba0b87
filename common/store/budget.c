#include "common/store/budget.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

#define DAY_MS 86400000
#define HOUR_MS 3600000
#define MINUTE_MS 60000

static int sent_in(int64_t bucket, int64_t stored_bucket, int64_t sent)
{
	return bucket == stored_bucket ? (int)sent : 0;
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

int store_budget_take(
	struct tx *tx, int64_t device_id, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE device_tally SET"
		" day_sent = CASE day WHEN ?2 THEN day_sent ELSE 0 END + 1,"
		" hour_sent = CASE hour WHEN ?3 THEN hour_sent ELSE 0 END + 1,"
		" minute_sent ="
		"  CASE minute WHEN ?4 THEN minute_sent ELSE 0 END + 1,"
		" day = ?2, hour = ?3, minute = ?4 WHERE device_id = ?1");

	query_bind_int(&q, device_id);
	query_bind_int(&q, now_ms / DAY_MS);
	query_bind_int(&q, now_ms / HOUR_MS);
	query_bind_int(&q, now_ms / MINUTE_MS);
	return query_run(&q, NULL, err);
}
