#include "common/store/chat.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

#define CHAT_SELECT                                                        \
	"SELECT account_id, device_id, jid, name, is_archived, is_pinned," \
	" is_unread, muted_until_ms, last_ms, oldest_ms, oldest_wa_id,"    \
	" oldest_from_me, updated_ms FROM chat"

static struct chat chat_from_row(struct query *q)
{
	struct chat c = { 0 };

	c.account_id = query_int(q);
	c.device_id = query_int(q);
	c.jid = query_text(q);
	c.name = query_text(q);
	c.is_archived = query_int(q) != 0;
	c.is_pinned = query_int(q) != 0;
	c.is_unread = query_int(q) != 0;
	c.muted_until_ms = query_int(q);
	c.last_ms = query_int(q);
	c.oldest_ms = query_int(q);
	c.oldest_wa_id = query_text(q);
	c.oldest_from_me = query_int(q) != 0;
	c.updated_ms = query_int(q);
	return c;
}

/* ---- noting ---- */

static void bind_columns(struct query *q, const struct chat *c)
{
	query_bind_int(q, c->device_id);
	query_bind_text(q, c->jid);
	query_bind_text(q, c->name);
	query_bind_int(q, c->is_archived);
	query_bind_int(q, c->is_pinned);
	query_bind_int(q, c->is_unread);
	query_bind_int(q, c->muted_until_ms);
	query_bind_int(q, c->last_ms);
	query_bind_int(q, c->oldest_ms);
	query_bind_text(q, c->oldest_wa_id);
	query_bind_int(q, c->oldest_from_me);
	query_bind_int(q, c->updated_ms);
}

/* ?13 says which of the columns are told. */
#define TOLD(field, column, value)                                            \
	column " = CASE WHEN ?13 & " field " > 0 THEN " value " ELSE " column \
	       " END"
#define IS_OLDER "?9 > 0 AND (oldest_ms = 0 OR ?9 < oldest_ms)"
#define IF_OLDER(column, value)                                         \
	column " = CASE WHEN ?13 & 64 > 0 AND " IS_OLDER " THEN " value \
	       " ELSE " column " END"

static int chat_update(struct tx *tx, const struct chat *chat, unsigned fields,
	int *n_changed, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE chat SET " TOLD("1", "name", "?3") ", " TOLD(
			"2", "is_archived", "?4") ", " TOLD("4", "is_pinned",
			"?5") ", " TOLD("8", "is_unread", "?6") ", " TOLD("16",
			"muted_until_ms",
			"?7") ", last_ms = CASE WHEN ?13 & 32 > 0 AND ?8 > "
			      "last_ms"
			      " THEN ?8 ELSE last_ms END"
			      ", " IF_OLDER("oldest_wa_id",
				      "?10") ", " IF_OLDER("oldest_from_me",
				      "?11") ", " IF_OLDER("oldest_ms",
				      "?9") ", updated_ms = ?12 WHERE "
					    "device_id = ?1 AND jid = ?2");

	bind_columns(&q, chat);
	query_bind_int(&q, fields);
	return query_run(&q, n_changed, err);
}

/* What is not told starts as nothing. */
static int chat_insert(struct tx *tx, const struct chat *chat, unsigned fields,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO chat (device_id, jid, name, is_archived,"
		" is_pinned, is_unread, muted_until_ms, last_ms, oldest_ms,"
		" oldest_wa_id, oldest_from_me, updated_ms, account_id)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	const struct list_key total = { .list = LIST_CHAT,
		.account_id = chat->account_id,
		.device_id = chat->device_id };
	bool has_oldest = (fields & CHAT_OLDEST) != 0;
	struct chat row = {
		.account_id = chat->account_id,
		.device_id = chat->device_id,
		.jid = chat->jid,
		.name = fields & CHAT_NAME ? chat->name : NULL,
		.is_archived = (fields & CHAT_ARCHIVED) && chat->is_archived,
		.is_pinned = (fields & CHAT_PINNED) && chat->is_pinned,
		.is_unread = (fields & CHAT_UNREAD) && chat->is_unread,
		.muted_until_ms =
			fields & CHAT_MUTED ? chat->muted_until_ms : 0,
		.last_ms = fields & CHAT_LAST ? chat->last_ms : 0,
		.oldest_ms = has_oldest ? chat->oldest_ms : 0,
		.oldest_wa_id = has_oldest ? chat->oldest_wa_id : NULL,
		.oldest_from_me = has_oldest && chat->oldest_from_me,
		.updated_ms = chat->updated_ms,
	};
	int64_t id = 0;

	bind_columns(&q, &row);
	query_bind_int(&q, row.account_id);
	if (query_insert(&q, &id, err) < 0)
		return -1;
	return list_total_add(tx, &total, 1, err);
}

int store_chat_note(struct tx *tx, const struct chat *chat, unsigned fields,
	struct err *err)
{
	int n_changed = 0;

	if (chat_update(tx, chat, fields, &n_changed, err) != 0)
		return -1;
	return n_changed > 0 ? 0 : chat_insert(tx, chat, fields, err);
}

/* ---- reading ---- */

int store_chat_list(struct store *store, int64_t account_id, int64_t device_id,
	struct page page, chat_row_fn *row, void *arg, int64_t *total_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		CHAT_SELECT " WHERE account_id = ? AND id IN"
			    " (SELECT id FROM chat WHERE device_id = ?"
			    " ORDER BY id LIMIT ? OFFSET ?) ORDER BY id");
	const struct list_key total = { .list = LIST_CHAT,
		.account_id = account_id,
		.device_id = device_id };
	struct chat chat;
	int rc;

	if (list_total_get(store, &total, total_out, err) != 0)
		return -1;
	query_bind_int(&q, account_id);
	query_bind_int(&q, device_id);
	query_bind_page(&q, page);
	while ((rc = query_step(&q, err)) == 1) {
		chat = chat_from_row(&q);
		if (row(&chat, arg) != 0)
			return 0;
	}
	return rc;
}

int store_chat_by_jid(struct store *store, int64_t device_id, const char *jid,
	chat_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		CHAT_SELECT " WHERE device_id = ? AND jid = ?");
	struct chat chat;

	query_bind_int(&q, device_id);
	query_bind_text(&q, jid);
	if (query_one(&q, "chat", err) != 0)
		return -1;
	chat = chat_from_row(&q);
	row(&chat, arg);
	return 0;
}
