/* What votes, reactions and edits of a message are encrypted with. */
#include "common/store/lanedb_impl.h"

#include <string.h>

#include "common/err.h"

#define SECRET_BYTES 32

/* The row of a secret, which is also the place it is sealed for. */
struct secret_row {
	char chat[RECORD_NAME], sender[RECORD_NAME];
	const char *place;
};

static void row_name(struct lanedb *db, const char *wa_id,
	const struct wa_jid *chat, const struct wa_jid *sender,
	struct secret_row *out)
{
	record_name(chat, out->chat);
	record_name(sender, out->sender);
	/* A peer's id may be longer than the place has room for. */
	out->place = lanedb_place(
		db, "secret %s %s %.48s", out->chat, out->sender, wa_id);
}

int lanedb_secret_save(struct lanedb *db, const char *wa_id,
	const struct wa_jid *chat, const struct wa_jid *sender,
	const uint8_t secret[32], int64_t now_ms, struct err *err)
{
	struct secret_row row;

	if (lanedb_begin(db, err) != 0)
		return -1;
	/* The first one stays: a resend brings the same. */
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO secret (wa_id, chat, sender, sealed, at_ms)"
		" VALUES (?, ?, ?, ?, ?)"
		" ON CONFLICT (wa_id, chat, sender) DO NOTHING");

	row_name(db, wa_id, chat, sender, &row);
	lanedb_seal(db, row.place, secret, SECRET_BYTES);
	query_bind_text(&q, wa_id);
	query_bind_text(&q, row.chat);
	query_bind_text(&q, row.sender);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	query_bind_int(&q, now_ms);
	return query_run(&q, NULL, err);
}

static int unseal(struct lanedb *db, const char *place, struct query *q,
	uint8_t secret_out[SECRET_BYTES], struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	size_t n;
	const void *sealed = query_blob(q, &n);

	if (lanedb_unseal(db, place, sealed, n, &plain, err) != 0)
		return -1;
	if (plain.len != SECRET_BYTES)
		return err_set(err, ERR_IO, "secret of %zu bytes", plain.len);
	memcpy(secret_out, plain.data, SECRET_BYTES);
	explicit_bzero(plain.data, plain.len);
	return 1;
}

int lanedb_secret_load(struct lanedb *db, const char *wa_id,
	const struct wa_jid *chat, const struct wa_jid *sender,
	uint8_t secret_out[32], struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT sealed FROM secret"
		" WHERE wa_id = ? AND chat = ? AND sender = ?");
	struct secret_row row;
	int rc;

	row_name(db, wa_id, chat, sender, &row);
	query_bind_text(&q, wa_id);
	query_bind_text(&q, row.chat);
	query_bind_text(&q, row.sender);
	rc = query_step(&q, err);
	return rc == 1 ? unseal(db, row.place, &q, secret_out, err) : rc;
}

int lanedb_secret_expire(
	struct lanedb *db, int64_t before_ms, int limit, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"DELETE FROM secret WHERE (wa_id, chat, sender) IN"
		" (SELECT wa_id, chat, sender FROM secret"
		" WHERE at_ms < ? ORDER BY at_ms LIMIT ?)");

	query_bind_int(&q, before_ms);
	query_bind_int(&q, limit);
	return query_run(&q, NULL, err);
}
