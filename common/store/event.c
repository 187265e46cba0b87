#include "common/store/event.h"

#include <assert.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

static_assert(EVENT_CHAT_PERSONAL == 1 && EVENT_CHAT_GROUP == 2,
	"stored numbers never change");

#define EVENT_SELECT                                                  \
	"SELECT id, public_id, account_id, account_seq, device_id,"   \
	" device_seq, chat, type, payload, created_ms,"               \
	" (SELECT uid FROM device WHERE device.id = event.device_id)" \
	" FROM event"

static struct event event_from_row(struct query *q)
{
	struct event event = { 0 };

	event.id = query_int(q);
	event.public_id = query_text(q);
	event.account_id = query_int(q);
	event.account_seq = query_int(q);
	event.device_id = query_int(q);
	event.device_seq = query_int(q);
	event.chat = (enum event_chat)query_int(q);
	event.type = query_text(q);
	event.payload = query_text(q);
	event.created_ms = query_int(q);
	event.device_uid = query_text(q);
	return event;
}

static int event_rows(
	struct query *q, event_row_fn *row, void *arg, struct err *err)
{
	struct event event;
	int rc;

	while ((rc = query_step(q, err)) == 1) {
		event = event_from_row(q);
		if (row(&event, arg) != 0)
			return 0;
	}
	return rc;
}

/* ---- appending ---- */

static int next_seqs(struct db *db, struct event *event, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(db, "SELECT a.event_seq + 1, d.event_seq + 1"
			       " FROM device_tally d, account_tally a"
			       " WHERE d.device_id = ? AND a.account_id = ?");

	query_bind_int(&q, event->device_id);
	query_bind_int(&q, event->account_id);
	if (query_one(&q, "device", err) != 0)
		return -1;
	event->account_seq = query_int(&q);
	event->device_seq = query_int(&q);
	return 0;
}

static int event_insert(struct db *db, struct event *event, struct err *err)
{
	scoped(query_close) struct query q = query_open(db,
		"INSERT INTO event (public_id, account_id, account_seq,"
		" device_id, device_seq, chat, type, payload, created_ms)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");

	query_bind_text(&q, event->public_id);
	query_bind_int(&q, event->account_id);
	query_bind_int(&q, event->account_seq);
	query_bind_int(&q, event->device_id);
	query_bind_int(&q, event->device_seq);
	query_bind_int(&q, event->chat);
	query_bind_text(&q, event->type);
	query_bind_text(&q, event->payload);
	query_bind_int(&q, event->created_ms);
	return query_insert(&q, &event->id, err) < 0 ? -1 : 0;
}

static int tally_count(
	struct db *db, const char *sql, int64_t id, struct err *err)
{
	scoped(query_close) struct query q = query_open(db, sql);

	query_bind_int(&q, id);
	return query_run(&q, NULL, err);
}

int store_event_append(struct tx *tx, struct event *event,
	char public_id_buf[UUID_LEN], struct err *err)
{
	struct db *db = tx_db(tx);

	id_uuid7(public_id_buf);
	event->public_id = public_id_buf;
	if (next_seqs(db, event, err) != 0 ||
		event_insert(db, event, err) != 0 ||
		tally_count(db,
			"UPDATE account_tally SET event_seq = event_seq + 1"
			" WHERE account_id = ?",
			event->account_id, err) != 0)
		return -1;
	return tally_count(db,
		"UPDATE device_tally SET event_seq = event_seq + 1"
		" WHERE device_id = ?",
		event->device_id, err);
}

/* ---- reading ---- */

int store_event_of_device(struct store *store, int64_t device_id,
	int64_t after_seq, int limit, event_row_fn *row, void *arg,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		EVENT_SELECT " WHERE device_id = ? AND device_seq > ?"
			     " ORDER BY device_seq LIMIT ?");

	query_bind_int(&q, device_id);
	query_bind_int(&q, after_seq);
	query_bind_int(&q, limit);
	return event_rows(&q, row, arg, err);
}

int store_event_of_account(struct store *store, int64_t account_id,
	int64_t after_seq, int limit, event_row_fn *row, void *arg,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		EVENT_SELECT " WHERE account_id = ? AND account_seq > ?"
			     " ORDER BY account_seq LIMIT ?");

	query_bind_int(&q, account_id);
	query_bind_int(&q, after_seq);
	query_bind_int(&q, limit);
	return event_rows(&q, row, arg, err);
}

int store_event_by_id(struct store *store, int64_t id, event_row_fn *row,
	void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), EVENT_SELECT " WHERE id = ?");
	struct event event;

	query_bind_int(&q, id);
	if (query_one(&q, "event", err) != 0)
		return -1;
	event = event_from_row(&q);
	row(&event, arg);
	return 0;
}

int64_t store_event_account_seq(struct store *store, int64_t account_id)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT event_seq FROM account_tally WHERE account_id = ?");

	query_bind_int(&q, account_id);
	return query_step(&q, NULL) == 1 ? query_int(&q) : 0;
}
