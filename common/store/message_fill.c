/* Content that comes after its message: what came as "unavailable" is sent once
 * more by the phone, or by who wrote it. */
#include "common/store/message.h"

#include <stdio.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/query.h"
#include "common/store/store_impl.h"

/* 1: the row stands there without content; 0; -1. */
static int placeholder_find(struct tx *tx, const struct message *message,
	int64_t *id_out, char public_id_out[UUID_LEN], struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT id, public_id FROM message WHERE device_id = ?"
		" AND wa_id = ? AND chat = ? AND sender = ?"
		" AND has_foreign_id = 1 AND direction = 2 AND kind = 99"
		" AND content LIKE '%\"type\":\"unavailable\"%'");
	int rc;

	query_bind_int(&q, message->device_id);
	query_bind_text(&q, message->wa_id);
	query_bind_text(&q, message->chat);
	query_bind_text(&q, message->sender != NULL ? message->sender : "");
	rc = query_step(&q, err);
	if (rc == 1) {
		*id_out = query_int(&q);
		snprintf(public_id_out, UUID_LEN, "%s", query_text(&q));
	}
	return rc;
}

int store_message_fill(struct tx *tx, struct message *message,
	char public_id_out[UUID_LEN], bool *filled, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE message SET kind = ?, text = ?, content = ?,"
		" media_id = ?, push_name = COALESCE(?, push_name)"
		" WHERE id = ?");
	int rc;

	*filled = false;
	if (message->kind == MESSAGE_OTHER)
		return 0;
	rc = placeholder_find(tx, message, &message->id, public_id_out, err);
	if (rc != 1)
		return rc;
	*filled = true;
	message->public_id = public_id_out;
	query_bind_int(&q, message->kind);
	query_bind_text(&q, message->text);
	query_bind_text(&q, message->content);
	query_bind_int_or_null(&q, message->media_id);
	query_bind_text(&q, message->push_name);
	query_bind_int(&q, message->id);
	return query_run(&q, NULL, err);
}
