/* Reading message rows.  Internal to common/store. */
#ifndef COMMON_STORE_MESSAGE_IMPL_H
#define COMMON_STORE_MESSAGE_IMPL_H

#include "common/store/message.h"
#include "common/store/query.h"

#define MESSAGE_SELECT                                                        \
	"SELECT m.id, m.public_id, m.account_id, m.device_id, d.uid,"         \
	" m.device_seq, m.direction, m.kind, m.source, m.wa_id, m.chat,"      \
	" m.sender, m.phone, m.lid, m.push_name, m.text, m.status, m.reason," \
	" m.client_message_id, m.n_devices, m.n_retries, m.created_ms,"       \
	" m.wa_ms, m.sent_ms, m.delivered_ms, m.read_ms, m.failed_ms,"        \
	" m.content, m.media_id, m.n_recipients, m.n_delivered, m.n_read,"    \
	" (SELECT public_id FROM media WHERE id = m.media_id),"               \
	" m.recipient_id"                                                     \
	" FROM message m JOIN device d ON d.id = m.device_id"

/* Rows of one stretch of the index by phone (message_list.c).  Part of the
 * schema. */
#define MESSAGE_STRETCH 4096
#define MESSAGE_STRETCH_TEXT "4096"

/* Of a row of MESSAGE_SELECT. */
struct message message_from_row(struct query *q);
/* Walks the rest of the rows.  1 when @row stopped it, 0 at the end, -1. */
int message_walk(
	struct query *q, message_row_fn *row, void *arg, struct err *err);

#endif
