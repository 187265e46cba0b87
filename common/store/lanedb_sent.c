/* What a lane remembers of messages: those it sent, for retry receipts; how
 * often each was asked for again; and the stanzas it has seen. */
#include "common/store/lanedb_impl.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"

/* ---- sent messages ---- */

int lanedb_sent_save(
	struct lanedb *db, const struct lane_sent *sent, struct err *err)
{
	char chat[WA_JID_TEXT];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO sent (wa_id, chat, envelope, sealed, sent_ms)"
		" VALUES (?, ?, ?, ?, ?) ON CONFLICT (wa_id) DO UPDATE SET"
		" chat = excluded.chat, envelope = excluded.envelope,"
		" sealed = excluded.sealed,"
		" sent_ms = excluded.sent_ms");

	lanedb_seal(db, lanedb_place(db, "sent %s", sent->wa_id), sent->message,
		sent->n);
	query_bind_text(&q, sent->wa_id);
	query_bind_text(&q, wa_jid_text(&sent->chat, chat));
	query_bind_text(&q, sent->envelope != NULL ? sent->envelope : "");
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	query_bind_int(&q, sent->sent_ms);
	return query_run(&q, NULL, err);
}

int lanedb_sent_load(struct lanedb *db, const char *wa_id,
	struct wa_jid *chat_out, char envelope_out[LANE_ENVELOPE],
	struct buf *message_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT chat, envelope, sealed FROM sent WHERE wa_id = ?");
	const char *chat;
	const void *sealed;
	size_t n;
	int rc;

	query_bind_text(&q, wa_id);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	chat = query_text(&q);
	if (chat == NULL || wa_jid_parse(chat, strlen(chat), chat_out) != 0)
		return err_set(err, ERR_IO, "sent: damaged row");
	snprintf(envelope_out, LANE_ENVELOPE, "%s", query_text(&q));
	sealed = query_blob(&q, &n);
	return lanedb_unseal(db, lanedb_place(db, "sent %s", wa_id), sealed, n,
		       message_out, err) == 0
		       ? 1
		       : -1;
}

int lanedb_sent_time(struct lanedb *db, const char *wa_id, int64_t *sent_ms_out,
	struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, "SELECT sent_ms FROM sent WHERE wa_id = ?");
	int rc;

	query_bind_text(&q, wa_id);
	rc = query_step(&q, err);
	if (rc == 1)
		*sent_ms_out = query_int(&q);
	return rc;
}

static int expire(struct lanedb *db, const char *sql, int64_t before_ms,
	int limit, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db, sql);

	query_bind_int(&q, before_ms);
	query_bind_int(&q, limit);
	return query_run(&q, NULL, err);
}

int lanedb_sent_expire(
	struct lanedb *db, int64_t before_ms, int limit, struct err *err)
{
	if (expire(db,
		    "DELETE FROM sent WHERE wa_id IN (SELECT wa_id FROM sent"
		    " WHERE sent_ms < ? ORDER BY sent_ms LIMIT ?)",
		    before_ms, limit, err) != 0 ||
		expire(db,
			"DELETE FROM audience WHERE wa_id IN (SELECT wa_id"
			" FROM audience WHERE at_ms < ? ORDER BY at_ms LIMIT "
			"?)",
			before_ms, limit, err) != 0)
		return -1;
	return expire(db,
		"DELETE FROM retry WHERE (direction, peer, wa_id) IN"
		" (SELECT direction, peer, wa_id FROM retry"
		" WHERE at_ms < ? ORDER BY at_ms LIMIT ?)",
		before_ms, limit, err);
}

/* ---- retries ---- */

int lanedb_retry_count(struct lanedb *db, const char *direction,
	const struct wa_jid *peer, const char *wa_id, int64_t now_ms,
	int *count_out, struct err *err)
{
	char name[WA_JID_TEXT];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO retry (direction, peer, wa_id, count, at_ms)"
		" VALUES (?, ?, ?, 1, ?)"
		" ON CONFLICT (direction, peer, wa_id) DO UPDATE SET"
		" count = count + 1, at_ms = excluded.at_ms RETURNING count");

	query_bind_text(&q, direction);
	query_bind_text(&q, wa_jid_text(peer, name));
	query_bind_text(&q, wa_id);
	query_bind_int(&q, now_ms);
	if (query_one(&q, "retry", err) != 0)
		return -1;
	*count_out = (int)query_int(&q);
	return query_step(&q, err) < 0 ? -1 : 0;
}

static int stored_base_key(struct lanedb *db, const char *peer,
	const char *wa_id, const uint8_t base_key[33], bool *same,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT base_key FROM retry WHERE direction = 'out'"
		" AND peer = ? AND wa_id = ?");
	const uint8_t *bytes;
	size_t n;
	int rc;

	query_bind_text(&q, peer);
	query_bind_text(&q, wa_id);
	rc = query_step(&q, err);
	*same = false;
	if (rc != 1)
		return rc;
	bytes = query_blob(&q, &n);
	*same = n == 33 && memcmp(bytes, base_key, 33) == 0;
	return 1;
}

int lanedb_retry_base_key(struct lanedb *db, const struct wa_jid *peer,
	const char *wa_id, const uint8_t base_key[33], bool *same_as_before,
	struct err *err)
{
	char name[WA_JID_TEXT];

	wa_jid_text(peer, name);
	if (stored_base_key(db, name, wa_id, base_key, same_as_before, err) <
			0 ||
		lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"UPDATE retry SET base_key = ? WHERE direction = 'out'"
		" AND peer = ? AND wa_id = ?");

	query_bind_blob(&q, base_key, 33);
	query_bind_text(&q, name);
	query_bind_text(&q, wa_id);
	return query_run(&q, NULL, err);
}

/* ---- seen stanzas ---- */

int lanedb_seen(struct lanedb *db, const struct wa_jid *chat,
	const struct wa_jid *sender, const char *wa_id, int64_t now_ms,
	bool *was_seen, struct err *err)
{
	char chat_name[RECORD_NAME], sender_name[RECORD_NAME];
	int n_changed;

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO seen (chat, sender, wa_id, at_ms)"
		" VALUES (?, ?, ?, ?)"
		" ON CONFLICT (chat, sender, wa_id) DO NOTHING");

	record_name(chat, chat_name);
	record_name(sender, sender_name);
	query_bind_text(&q, chat_name);
	query_bind_text(&q, sender_name);
	query_bind_text(&q, wa_id);
	query_bind_int(&q, now_ms);
	if (query_run(&q, &n_changed, err) != 0)
		return -1;
	*was_seen = n_changed == 0;
	return 0;
}

int lanedb_seen_expire(
	struct lanedb *db, int64_t before_ms, int limit, struct err *err)
{
	return expire(db,
		"DELETE FROM seen WHERE (chat, sender, wa_id) IN"
		" (SELECT chat, sender, wa_id FROM seen"
		" WHERE at_ms < ? ORDER BY at_ms LIMIT ?)",
		before_ms, limit, err);
}
