#include "common/store/replay.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/seek.h"
#include "common/store/store_impl.h"
#include "common/store/webhook_impl.h"

/* ---- finding a stretch of the log ---- */

/* The newest device_seq. */
static int newest_seq(struct store *store, int64_t device_id, int64_t *seq_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT event_seq FROM device_tally WHERE device_id = ?");

	query_bind_int(&q, device_id);
	if (query_one(&q, "device", err) != 0)
		return -1;
	*seq_out = query_int(&q);
	return 0;
}

#define ROW_AT(column)                                                 \
	"SELECT device_seq, " column " FROM event WHERE device_id = ?" \
	" AND device_seq >= ? ORDER BY device_seq LIMIT 1"
static const char by_account_seq[] = ROW_AT("account_seq");
static const char by_time[] = ROW_AT("created_ms");

/* Both numbers grow with device_seq: all are given in the transaction that
 * appends the event. */
static int first_not_before(struct store *store, const char *sql,
	const struct replay_range *range, int64_t target, int64_t end,
	int64_t *seq_out, struct err *err)
{
	const struct seek seek = { .sql = sql,
		.owner = range->device_id,
		.end = end,
		.is_before = seek_number_is_before,
		.target = &target };

	return seek_first(store_db(store), &seek, seq_out, err);
}

/* Narrows the span to the bounds that are given. */
static int span_narrow(struct store *store, const struct replay_range *range,
	const char *sql, int64_t from, int64_t to, struct replay_span *span,
	struct err *err)
{
	const int64_t end = span->last_seq + 1;
	int64_t seq;

	if (from > 0) {
		if (first_not_before(store, sql, range, from, end, &seq, err) !=
			0)
			return -1;
		if (seq > span->first_seq)
			span->first_seq = seq;
	}
	if (to > 0 && to < INT64_MAX) {
		if (first_not_before(
			    store, sql, range, to + 1, end, &seq, err) != 0)
			return -1;
		span->last_seq = seq - 1;
	}
	return 0;
}

int store_replay_span(struct store *store, const struct replay_range *range,
	struct replay_span *out, struct err *err)
{
	out->first_seq = 1;
	if (newest_seq(store, range->device_id, &out->last_seq, err) != 0 ||
		span_narrow(store, range, by_account_seq, range->from_seq,
			range->to_seq, out, err) != 0)
		return -1;
	return span_narrow(
		store, range, by_time, range->from_ms, range->to_ms, out, err);
}

int store_replay_count(struct store *store, int64_t device_id,
	const struct replay_span *span, struct replay_counts *out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT COUNT(*), COALESCE(SUM(CASE WHEN chat = 1 THEN 1 ELSE "
		"0 END), 0) FROM event"
		" WHERE device_id = ? AND device_seq BETWEEN ? AND ?");
	int64_t all;

	query_bind_int(&q, device_id);
	query_bind_int(&q, span->first_seq);
	query_bind_int(&q, span->last_seq);
	if (query_one(&q, "count", err) != 0)
		return -1;
	all = query_int(&q);
	out->personal = query_int(&q);
	out->group = all - out->personal;
	return 0;
}

/* ---- rows ---- */

/* At most REPLAYS_WAITING_MAX rows are walked. */
static int room_check(struct tx *tx, int64_t endpoint_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT COUNT(*) FROM webhook_replay WHERE endpoint_id = ?");

	query_bind_int(&q, endpoint_id);
	if (query_one(&q, "count", err) != 0)
		return -1;
	if (query_int(&q) >= REPLAYS_WAITING_MAX)
		return err_set(err, ERR_CONFLICT,
			"%d replays are waiting for this webhook already",
			REPLAYS_WAITING_MAX);
	return 0;
}

int store_replay_create(struct tx *tx, const char *public_id,
	int64_t endpoint_id, const struct replay_span *span, int64_t now_ms,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO webhook_replay"
		" (public_id, endpoint_id, cursor_seq, until_seq, created_ms)"
		" VALUES (?, ?, ?, ?, ?)");

	if (room_check(tx, endpoint_id, err) != 0)
		return -1;
	query_bind_text(&q, public_id);
	query_bind_int(&q, endpoint_id);
	query_bind_int(&q, span->first_seq - 1);
	query_bind_int(&q, span->last_seq);
	query_bind_int(&q, now_ms);
	return query_run(&q, NULL, err);
}

int store_replay_next(struct store *store, int64_t endpoint_id,
	int64_t after_id, webhook_replay_row_fn *row, void *arg,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT " REPLAY_OF("r") " FROM webhook_replay r"
					 " WHERE r.endpoint_id = ? AND r.id > "
					 "? ORDER BY r.id LIMIT 1");
	struct webhook_replay replay;
	int rc;

	query_bind_int(&q, endpoint_id);
	query_bind_int(&q, after_id);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	replay = replay_from_row(&q);
	row(&replay, arg);
	return 0;
}

int store_replay_done(struct tx *tx, int64_t replay_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		tx_db(tx), "DELETE FROM webhook_replay WHERE id = ?");

	query_bind_int(&q, replay_id);
	return query_run(&q, NULL, err);
}
