#include "common/store/message.h"

#include <assert.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/message_impl.h"
#include "common/store/recipient.h"
#include "common/store/store_impl.h"

static_assert(MESSAGE_QUEUED == 1 && MESSAGE_SENT == 2 &&
		      MESSAGE_DELIVERED == 3 && MESSAGE_READ == 4 &&
		      MESSAGE_PLAYED == 5 && MESSAGE_FAILED == 6 &&
		      MESSAGE_RECEIVED == 7,
	"stored numbers never change; SQL says 1 for QUEUED");
static_assert(MESSAGE_OUT == 1 && MESSAGE_IN == 2,
	"stored numbers never change; SQL says 1 for OUT");
static_assert(
	MESSAGE_TEXT == 1 && MESSAGE_GROUP_INVITE == 16 && MESSAGE_OTHER == 99,
	"stored numbers never change");
static_assert(MESSAGE_BY_API == 1 && MESSAGE_BY_SCHEDULE == 2 &&
		      MESSAGE_BY_PHONE == 3 && MESSAGE_BY_HISTORY == 4,
	"stored numbers never change");

const char *message_status_name(enum message_status status)
{
	switch (status) {
	case MESSAGE_QUEUED:
		return "QUEUED";
	case MESSAGE_SENT:
		return "SENT";
	case MESSAGE_DELIVERED:
		return "DELIVERED";
	case MESSAGE_READ:
		return "READ";
	case MESSAGE_PLAYED:
		return "PLAYED";
	case MESSAGE_FAILED:
		return "FAILED";
	case MESSAGE_RECEIVED:
		return "RECEIVED";
	}
	return "UNKNOWN";
}

static const struct {
	enum message_kind kind;
	const char *name;
} kinds[] = {
	{ MESSAGE_TEXT, "TEXT" },
	{ MESSAGE_IMAGE, "IMAGE" },
	{ MESSAGE_VIDEO, "VIDEO" },
	{ MESSAGE_AUDIO, "AUDIO" },
	{ MESSAGE_VOICE, "VOICE" },
	{ MESSAGE_DOCUMENT, "DOCUMENT" },
	{ MESSAGE_STICKER, "STICKER" },
	{ MESSAGE_LOCATION, "LOCATION" },
	{ MESSAGE_CONTACT, "CONTACT" },
	{ MESSAGE_POLL, "POLL" },
	{ MESSAGE_REACTION, "REACTION" },
	{ MESSAGE_EDIT, "EDIT" },
	{ MESSAGE_REVOKE, "REVOKE" },
	{ MESSAGE_POLL_VOTE, "POLL_VOTE" },
	{ MESSAGE_BUTTON_REPLY, "BUTTON_REPLY" },
	{ MESSAGE_GROUP_INVITE, "GROUP_INVITE" },
	{ MESSAGE_OTHER, "OTHER" },
};

const char *message_kind_name(enum message_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kinds[i].kind == kind)
			return kinds[i].name;
	}
	return "UNKNOWN";
}

int message_kind_parse(const char *name, enum message_kind *out)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			*out = kinds[i].kind;
			return 0;
		}
	}
	return -1;
}

bool message_kind_has_media(enum message_kind kind)
{
	return kind >= MESSAGE_IMAGE && kind <= MESSAGE_STICKER;
}

static const char *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

struct message message_from_row(struct query *q)
{
	struct message m = { 0 };

	m.id = query_int(q);
	m.public_id = query_text(q);
	m.account_id = query_int(q);
	m.device_id = query_int(q);
	m.device_uid = query_text(q);
	m.device_seq = query_int(q);
	m.direction = (enum message_direction)query_int(q);
	m.kind = (enum message_kind)query_int(q);
	m.source = (enum message_source)query_int(q);
	m.wa_id = query_text(q);
	m.chat = query_text(q);
	m.sender = text_or_null(query_text(q));
	m.phone = query_text(q);
	m.lid = query_text(q);
	m.push_name = query_text(q);
	m.text = query_text(q);
	m.status = (enum message_status)query_int(q);
	m.reason = query_text(q);
	m.client_message_id = query_text(q);
	m.n_devices = (int)query_int(q);
	m.n_retries = (int)query_int(q);
	m.created_ms = query_int(q);
	m.wa_ms = query_int(q);
	m.sent_ms = query_int(q);
	m.delivered_ms = query_int(q);
	m.read_ms = query_int(q);
	m.failed_ms = query_int(q);
	m.content = query_text(q);
	m.media_id = query_int(q);
	m.n_recipients = (int)query_int(q);
	m.n_delivered = (int)query_int(q);
	m.n_read = (int)query_int(q);
	m.media_public_id = query_text(q);
	m.recipient_id = query_int(q);
	return m;
}

int message_walk(
	struct query *q, message_row_fn *row, void *arg, struct err *err)
{
	struct message message;
	int rc;

	while ((rc = query_step(q, err)) == 1) {
		message = message_from_row(q);
		if (row(&message, arg) != 0)
			return 1;
	}
	return rc;
}

static int message_one(
	struct query *q, message_row_fn *row, void *arg, struct err *err)
{
	struct message message;

	if (query_one(q, "message", err) != 0)
		return -1;
	message = message_from_row(q);
	row(&message, arg);
	return 0;
}

/* ---- inserting ---- */

#define MESSAGE_INSERT(unique_key)                                            \
	"INSERT INTO message (public_id, account_id, device_id, device_seq,"  \
	" direction, kind, source, status, wa_id, has_foreign_id, chat,"      \
	" sender, phone, lid, push_name, text, reason, client_message_id,"    \
	" n_devices, n_retries, created_ms, wa_ms, sent_ms, delivered_ms,"    \
	" read_ms, failed_ms, content, media_id, recipient_id) VALUES (?, ?," \
	" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?,"  \
	" ?, ?, ?, ?, ?)"                                                     \
	" ON CONFLICT " unique_key " DO NOTHING"

static void bind_message(
	struct query *q, const struct message *m, bool has_foreign_id)
{
	query_bind_text(q, m->public_id);
	query_bind_int(q, m->account_id);
	query_bind_int(q, m->device_id);
	query_bind_int(q, m->device_seq);
	query_bind_int(q, m->direction);
	query_bind_int(q, m->kind);
	query_bind_int(q, m->source);
	query_bind_int(q, m->status);
	query_bind_text(q, m->wa_id);
	query_bind_int(q, has_foreign_id);
	query_bind_text(q, m->chat);
	query_bind_text(q, m->sender != NULL ? m->sender : "");
	query_bind_text(q, m->phone);
	query_bind_text(q, m->lid);
	query_bind_text(q, m->push_name);
	query_bind_text(q, m->text);
	query_bind_text(q, m->reason);
	query_bind_text(q, m->client_message_id);
	query_bind_int(q, m->n_devices);
	query_bind_int(q, m->created_ms);
	query_bind_int(q, m->wa_ms);
	query_bind_int(q, m->sent_ms);
	query_bind_int(q, m->delivered_ms);
	query_bind_int(q, m->read_ms);
	query_bind_int(q, m->failed_ms);
	query_bind_text(q, m->content);
	query_bind_int_or_null(q, m->media_id);
	query_bind_int_or_null(q, m->recipient_id);
}

static int next_seq(
	struct tx *tx, int64_t device_id, int64_t *seq_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT job_seq + 1 FROM device_tally WHERE device_id = ?");

	query_bind_int(&q, device_id);
	if (query_one(&q, "device", err) != 0)
		return -1;
	*seq_out = query_int(&q);
	return 0;
}

/* Counted after the insert: one that does nothing leaves no gap. */
static int tally_count(
	struct tx *tx, const struct message *message, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE device_tally SET job_seq = job_seq + ?,"
		" messages = messages + 1 WHERE device_id = ?");

	query_bind_int(&q, message->device_seq > 0);
	query_bind_int(&q, message->device_id);
	return query_run(&q, NULL, err);
}

/* The message that took the client_message_id before. */
static int find_first(struct tx *tx, struct message *message, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT id, device_seq FROM message"
		" WHERE device_id = ? AND client_message_id = ?");

	query_bind_int(&q, message->device_id);
	query_bind_text(&q, message->client_message_id);
	if (query_one(&q, "message", err) != 0)
		return -1;
	message->id = query_int(&q);
	message->device_seq = query_int(&q);
	return 0;
}

static bool is_id_of(struct tx *tx, const struct message *message, int64_t seq)
{
	return waid_seq(store_waid_key(tx_store(tx)), message->device_id,
		       message->wa_id) == seq;
}

int store_message_wa_id(struct tx *tx, int64_t device_id,
	char out[WA_MSG_ID_LEN], struct err *err)
{
	int64_t seq;

	if (next_seq(tx, device_id, &seq, err) != 0)
		return -1;
	waid_make(store_waid_key(tx_store(tx)), device_id, seq, out);
	return 0;
}

int store_message_insert_out(struct tx *tx, struct message *message,
	bool *duplicate, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		MESSAGE_INSERT("(device_id, client_message_id)"
			       " WHERE client_message_id IS NOT NULL"));
	int rc;

	message->direction = MESSAGE_OUT;
	message->status = MESSAGE_QUEUED;
	if (next_seq(tx, message->device_id, &message->device_seq, err) != 0)
		return -1;
	bind_message(&q, message, !is_id_of(tx, message, message->device_seq));
	rc = query_insert(&q, &message->id, err);
	*duplicate = rc == 0;
	if (rc < 0)
		return -1;
	if (rc == 0)
		return find_first(tx, message, err);
	return tally_count(tx, message, err);
}

int store_message_insert_in(struct tx *tx, struct message *message,
	bool *duplicate, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		tx_db(tx), MESSAGE_INSERT("(device_id, wa_id, chat, sender)"
					  " WHERE has_foreign_id = 1"));
	int rc;

	message->device_seq = 0;
	bind_message(&q, message, true);
	rc = query_insert(&q, &message->id, err);
	*duplicate = rc == 0;
	if (rc != 1)
		return rc;
	return tally_count(tx, message, err);
}

/* ---- by WhatsApp id ---- */

static int find_by_seq(struct store *store, int64_t device_id, int64_t seq,
	const char *wa_id, int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT id FROM message WHERE device_id = ?"
		" AND device_seq = ? AND device_seq > 0 AND wa_id = ?");
	int rc;

	query_bind_int(&q, device_id);
	query_bind_int(&q, seq);
	query_bind_text(&q, wa_id);
	rc = query_step(&q, err);
	if (rc == 1)
		*id_out = query_int(&q);
	return rc;
}

static int find_foreign(struct store *store, int64_t device_id,
	const char *wa_id, int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT id FROM message WHERE device_id = ? AND wa_id = ?"
		" AND has_foreign_id = 1 AND direction = 1");
	int rc;

	query_bind_int(&q, device_id);
	query_bind_text(&q, wa_id);
	rc = query_step(&q, err);
	if (rc == 1)
		*id_out = query_int(&q);
	return rc;
}

/* An outbound message: 1 found, 0 not, -1. */
static int find_out(struct store *store, int64_t device_id, const char *wa_id,
	int64_t *id_out, struct err *err)
{
	const int64_t seq = waid_seq(store_waid_key(store), device_id, wa_id);
	int rc = 0;

	if (seq != 0)
		rc = find_by_seq(store, device_id, seq, wa_id, id_out, err);
	if (rc == 0)
		rc = find_foreign(store, device_id, wa_id, id_out, err);
	return rc;
}

static int find_out_or_fail(struct store *store, int64_t device_id,
	const char *wa_id, int64_t *id_out, struct err *err)
{
	int rc = find_out(store, device_id, wa_id, id_out, err);

	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "message not found");
	return rc < 0 ? -1 : 0;
}

/* ---- the lane's queue ---- */

int store_message_queued(struct store *store, int64_t device_id,
	int64_t after_seq, int limit, message_row_fn *row, void *arg,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		MESSAGE_SELECT " WHERE m.device_id = ? AND m.status = 1"
			       " AND m.device_seq > ?"
			       " ORDER BY m.device_seq LIMIT ?");

	query_bind_int(&q, device_id);
	query_bind_int(&q, after_seq);
	query_bind_int(&q, limit);
	return message_walk(&q, row, arg, err) < 0 ? -1 : 0;
}

/* ---- status changes ---- */

static bool status_may_become(enum message_status from, enum message_status to)
{
	switch (to) {
	case MESSAGE_SENT:
	case MESSAGE_DELIVERED:
	case MESSAGE_READ:
	case MESSAGE_PLAYED:
		return from < to; /* FAILED and RECEIVED are above them all */
	case MESSAGE_FAILED:
		return from == MESSAGE_QUEUED || from == MESSAGE_SENT;
	case MESSAGE_QUEUED:
	case MESSAGE_RECEIVED:
		return false;
	}
	return false;
}

static void fill(int64_t *field_ms, int64_t at_ms)
{
	if (*field_ms == 0)
		*field_ms = at_ms;
}

/* What was read was delivered. */
static void fill_times(struct message *m, const struct message_change *change)
{
	switch (change->status) {
	case MESSAGE_SENT:
		fill(&m->sent_ms, change->at_ms);
		return;
	case MESSAGE_READ:
	case MESSAGE_PLAYED:
		fill(&m->read_ms, change->at_ms);
		fill(&m->delivered_ms, change->at_ms);
		return;
	case MESSAGE_DELIVERED:
		fill(&m->delivered_ms, change->at_ms);
		return;
	case MESSAGE_FAILED:
		if (m->status == MESSAGE_FAILED)
			fill(&m->failed_ms, change->at_ms);
		return;
	case MESSAGE_QUEUED:
	case MESSAGE_RECEIVED:
		return;
	}
}

static bool differ(const struct message *a, const struct message *b)
{
	return a->status != b->status || a->n_devices != b->n_devices ||
	       a->n_recipients != b->n_recipients || a->sent_ms != b->sent_ms ||
	       a->delivered_ms != b->delivered_ms || a->read_ms != b->read_ms ||
	       a->failed_ms != b->failed_ms;
}

static int message_update(
	struct tx *tx, const struct message *m, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE message SET status = ?, reason = ?, n_devices = ?,"
		" n_recipients = ?, sent_ms = ?, delivered_ms = ?, read_ms = "
		"?, failed_ms = ?"
		" WHERE id = ?");

	query_bind_int(&q, m->status);
	query_bind_text(&q, m->reason);
	query_bind_int(&q, m->n_devices);
	query_bind_int(&q, m->n_recipients);
	query_bind_int(&q, m->sent_ms);
	query_bind_int(&q, m->delivered_ms);
	query_bind_int(&q, m->read_ms);
	query_bind_int(&q, m->failed_ms);
	query_bind_int(&q, m->id);
	return query_run(&q, NULL, err);
}

static int message_apply(struct tx *tx, struct message *m,
	const struct message_change *change, bool *changed, struct err *err)
{
	const struct message before = *m;

	*changed = status_may_become(m->status, change->status);
	if (*changed) {
		m->status = change->status;
		m->reason = change->reason; /* NULL: it waits no more */
	}
	fill_times(m, change);
	if (change->n_devices > 0)
		m->n_devices = change->n_devices;
	if (change->n_recipients > 0)
		m->n_recipients = change->n_recipients;
	return differ(m, &before) ? message_update(tx, m, err) : 0;
}

int store_message_change(struct tx *tx, int64_t device_id,
	const struct message_change *change, bool *changed, message_row_fn *row,
	void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(tx_db(tx), MESSAGE_SELECT " WHERE m.id = ?");
	struct message message;
	int64_t id;

	*changed = false;
	if (find_out_or_fail(
		    tx_store(tx), device_id, change->wa_id, &id, err) != 0)
		return -1;
	query_bind_int(&q, id);
	if (query_one(&q, "message", err) != 0)
		return -1;
	message = message_from_row(&q);
	if (message_apply(tx, &message, change, changed, err) != 0)
		return -1;
	if (message.recipient_id != 0 &&
		store_recipient_follow(tx, &message, err) != 0)
		return -1;
	if (*changed && row != NULL)
		row(&message, arg);
	return 0;
}

int store_message_set_reason(struct tx *tx, int64_t device_id,
	const char *wa_id, const char *reason, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE message SET reason = ? WHERE id = ? AND status = 1");
	int64_t id;

	if (find_out_or_fail(tx_store(tx), device_id, wa_id, &id, err) != 0)
		return -1;
	query_bind_text(&q, reason);
	query_bind_int(&q, id);
	return query_run(&q, NULL, err);
}

int store_message_count_retry(
	struct tx *tx, int64_t device_id, const char *wa_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE message SET n_retries = n_retries + 1 WHERE id = ?");
	int64_t id;

	if (find_out_or_fail(tx_store(tx), device_id, wa_id, &id, err) != 0)
		return -1;
	query_bind_int(&q, id);
	return query_run(&q, NULL, err);
}

/* ---- single messages ---- */

int store_message_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, message_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		MESSAGE_SELECT " WHERE m.public_id = ? AND m.account_id = ?");

	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	return message_one(&q, row, arg, err);
}

int store_message_by_id(struct store *store, int64_t id, message_row_fn *row,
	void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), MESSAGE_SELECT " WHERE m.id = ?");

	query_bind_int(&q, id);
	return message_one(&q, row, arg, err);
}

int store_message_by_wa_id(struct store *store, int64_t device_id,
	const char *wa_id, message_row_fn *row, void *arg, struct err *err)
{
	int64_t id;

	if (find_out_or_fail(store, device_id, wa_id, &id, err) != 0)
		return -1;
	return store_message_by_id(store, id, row, arg, err);
}

int store_message_by_client_id(struct store *store, int64_t device_id,
	const char *client_message_id, message_row_fn *row, void *arg,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		MESSAGE_SELECT " WHERE m.device_id = ?"
			       " AND m.client_message_id = ?");

	query_bind_int(&q, device_id);
	query_bind_text(&q, client_message_id);
	return message_one(&q, row, arg, err);
}

/* The one of ours that carries its number in the id: 1 when @row stopped. */
static int each_numbered(struct store *store, int64_t device_id,
	const char *wa_id, message_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), MESSAGE_SELECT " WHERE m.id = ?");
	const int64_t seq = waid_seq(store_waid_key(store), device_id, wa_id);
	int64_t id;
	int rc = 0;

	if (seq != 0)
		rc = find_by_seq(store, device_id, seq, wa_id, &id, err);
	if (rc != 1)
		return rc;
	query_bind_int(&q, id);
	return message_walk(&q, row, arg, err);
}

int store_message_each_wa_id(struct store *store, int64_t device_id,
	const char *wa_id, message_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		MESSAGE_SELECT " WHERE m.device_id = ? AND m.wa_id = ?"
			       " AND m.has_foreign_id = 1");
	int rc = each_numbered(store, device_id, wa_id, row, arg, err);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	query_bind_int(&q, device_id);
	query_bind_text(&q, wa_id);
	return message_walk(&q, row, arg, err) < 0 ? -1 : 0;
}
