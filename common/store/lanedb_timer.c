/* After how long what is said in a chat disappears. */
#include "common/store/lanedb_impl.h"

#include "common/err.h"

int lanedb_timer_save(struct lanedb *db, const struct wa_jid *chat,
	uint32_t seconds, int64_t set_ms, struct err *err)
{
	char name[RECORD_NAME];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO chat_timer (chat, seconds, set_ms)"
		" VALUES (?, ?, ?) ON CONFLICT (chat) DO UPDATE SET"
		" seconds = excluded.seconds, set_ms = excluded.set_ms"
		" WHERE excluded.set_ms >= chat_timer.set_ms");

	record_name(chat, name);
	query_bind_text(&q, name);
	query_bind_int(&q, seconds);
	query_bind_int(&q, set_ms);
	return query_run(&q, NULL, err);
}

int lanedb_timer_load(struct lanedb *db, const struct wa_jid *chat,
	uint32_t *seconds_out, int64_t *set_ms_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT seconds, set_ms FROM chat_timer WHERE chat = ?");
	char name[RECORD_NAME];
	int rc;

	record_name(chat, name);
	query_bind_text(&q, name);
	rc = query_step(&q, err);
	if (rc == 1) {
		*seconds_out = (uint32_t)query_int(&q);
		*set_ms_out = query_int(&q);
	}
	return rc;
}
