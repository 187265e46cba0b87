/* History that the phone has sent and that is not read to its end. */
#include "common/store/lanedb_impl.h"

#include <stdio.h>

#include "common/err.h"

int lanedb_history_add(struct lanedb *db, const char *wa_id, const void *bytes,
	size_t n, int64_t now_ms, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO history_job (wa_id, sealed, pass, done, tries,"
		" at_ms) VALUES (?, ?, 0, 0, 0, ?)"
		" ON CONFLICT (wa_id) DO NOTHING");

	lanedb_seal(db, lanedb_place(db, "history %.48s", wa_id), bytes, n);
	query_bind_text(&q, wa_id);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	query_bind_int(&q, now_ms);
	return query_run(&q, NULL, err);
}

int lanedb_history_next(struct lanedb *db, struct lane_history *out,
	struct buf *bytes_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT id, wa_id, pass, done, tries, at_ms, sealed"
		" FROM history_job ORDER BY id LIMIT 1");
	const void *sealed;
	size_t n;
	int rc = query_step(&q, err);

	if (rc != 1)
		return rc;
	out->id = query_int(&q);
	snprintf(out->wa_id, sizeof(out->wa_id), "%s", query_text(&q));
	out->pass = (int)query_int(&q);
	out->done = query_int(&q);
	out->tries = (int)query_int(&q);
	out->at_ms = query_int(&q);
	sealed = query_blob(&q, &n);
	return lanedb_unseal(db, lanedb_place(db, "history %.48s", out->wa_id),
		       sealed, n, bytes_out, err) == 0
		       ? 1
		       : -1;
}

int lanedb_history_save(
	struct lanedb *db, const struct lane_history *history, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"UPDATE history_job SET pass = ?, done = ?, tries = ?"
		" WHERE id = ?");

	query_bind_int(&q, history->pass);
	query_bind_int(&q, history->done);
	query_bind_int(&q, history->tries);
	query_bind_int(&q, history->id);
	return query_run(&q, NULL, err);
}

int lanedb_history_remove(struct lanedb *db, int64_t id, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q =
		query_open(&db->db, "DELETE FROM history_job WHERE id = ?");

	query_bind_int(&q, id);
	return query_run(&q, NULL, err);
}

int lanedb_history_count(struct lanedb *db, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, "SELECT count(*) FROM history_job");

	if (query_one(&q, "count", err) != 0)
		return -1;
	return (int)query_int(&q);
}
