/* What of a chat was read.  The index of messages by chat that this would like
 * to have would cost every message a write; a bounded look back costs only
 * those who ask. */
#include "common/store/chat.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/message_impl.h"
#include "common/store/store_impl.h"

#define TEXT_OF(n) #n
#define NUMBER_OF(n) TEXT_OF(n)
/* The device's newest messages. */
#define RECENT                                                        \
	" WHERE m.id IN (SELECT id FROM message WHERE account_id = ?" \
	" AND device_id = ? ORDER BY id DESC LIMIT " NUMBER_OF(       \
		CHAT_LOOK_BACK) ") AND m.chat = ?"
/* Of others: 2 is MESSAGE_IN, 3 is MESSAGE_BY_PHONE. */
#define OF_OTHERS " AND m.direction = 2 AND m.source <> 3"

int store_chat_unread(struct store *store, int64_t account_id,
	int64_t device_id, const char *jid, message_row_fn *row, void *arg,
	struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), MESSAGE_SELECT RECENT OF_OTHERS
			" AND m.read_ms = 0 ORDER BY m.id");

	query_bind_int(&q, account_id);
	query_bind_int(&q, device_id);
	query_bind_text(&q, jid);
	return message_walk(&q, row, arg, err) < 0 ? -1 : 0;
}

struct oldest {
	int64_t id, wa_ms;
};

static int on_older(const struct message *message, void *arg)
{
	struct oldest *oldest = arg;

	if (message->wa_ms > 0 &&
		(oldest->id == 0 || message->wa_ms < oldest->wa_ms))
		*oldest = (struct oldest){ message->id, message->wa_ms };
	return 0;
}

int store_chat_oldest(struct store *store, int64_t account_id,
	int64_t device_id, const char *jid, message_row_fn *row, void *arg,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(
		store_db(store), MESSAGE_SELECT RECENT " ORDER BY m.id");
	struct oldest oldest = { 0 };

	query_bind_int(&q, account_id);
	query_bind_int(&q, device_id);
	query_bind_text(&q, jid);
	if (message_walk(&q, on_older, &oldest, err) < 0)
		return -1;
	return store_message_by_id(store, oldest.id, row, arg, err);
}

int store_chat_message(struct store *store, int64_t device_id, const char *jid,
	const char *wa_id, message_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		MESSAGE_SELECT " WHERE m.device_id = ? AND m.wa_id = ?"
			       " AND m.has_foreign_id = 1"
			       " AND m.chat = ?" OF_OTHERS " LIMIT 8");

	query_bind_int(&q, device_id);
	query_bind_text(&q, wa_id);
	query_bind_text(&q, jid);
	return message_walk(&q, row, arg, err) < 0 ? -1 : 0;
}

static int on_known(const struct message *message, void *arg)
{
	(void)message;
	*(bool *)arg = true;
	return 1;
}

/* One that this gateway sent is found by the number in its id. */
static int has_sent(struct tx *tx, const struct message *message,
	bool *is_known, struct err *err)
{
	if (store_message_by_wa_id(tx_store(tx), message->device_id,
		    message->wa_id, on_known, is_known, err) == 0)
		return 0;
	return err->code == ERR_NOT_FOUND ? 0 : -1;
}

int store_chat_has_message(struct tx *tx, const struct message *message,
	bool *is_known, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT 1 FROM message WHERE device_id = ? AND wa_id = ?"
		" AND chat = ? AND has_foreign_id = 1 LIMIT 1");
	int rc;

	query_bind_int(&q, message->device_id);
	query_bind_text(&q, message->wa_id);
	query_bind_text(&q, message->chat);
	rc = query_step(&q, err);
	*is_known = rc == 1;
	if (rc != 0 || message->direction != MESSAGE_OUT)
		return rc < 0 ? -1 : 0;
	return has_sent(tx, message, is_known, err);
}

int store_chat_mark_read(
	struct tx *tx, int64_t message_id, int64_t at_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE message SET read_ms = ?"
		" WHERE id = ? AND direction = 2 AND read_ms = 0");

	query_bind_int(&q, at_ms);
	query_bind_int(&q, message_id);
	return query_run(&q, NULL, err);
}
