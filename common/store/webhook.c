#include "common/store/webhook.h"

#include <assert.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

/* ---- webhooks ---- */

#define WEBHOOK_SELECT                                                        \
	"SELECT w.id, w.public_id, w.account_id, w.device_id, d.uid, p.url,"  \
	" g.url, w.secret, w.is_active, w.created_ms, w.updated_ms"           \
	" FROM webhook w JOIN device d ON d.id = w.device_id"                 \
	" LEFT JOIN webhook_endpoint p ON p.webhook_id = w.id AND p.chat = 1" \
	" LEFT JOIN webhook_endpoint g ON g.webhook_id = w.id AND g.chat = 2"

static struct webhook webhook_from_row(struct query *q)
{
	struct webhook w = { 0 };
	size_t n_secret;

	w.id = query_int(q);
	w.public_id = query_text(q);
	w.account_id = query_int(q);
	w.device_id = query_int(q);
	w.device_uid = query_text(q);
	w.personal_url = query_text(q);
	w.group_url = query_text(q);
	w.secret = query_blob(q, &n_secret);
	w.secret_bytes = (int)n_secret;
	w.is_active = query_int(q) != 0;
	w.created_ms = query_int(q);
	w.updated_ms = query_int(q);
	return w;
}

/* An account has one webhook a device: walked to the end, they are counted. */
static int webhook_rows(struct query *q, webhook_row_fn *row, void *arg,
	int64_t *total_out, struct err *err)
{
	struct webhook webhook;
	bool has_stopped = false;
	int rc;

	*total_out = 0;
	while ((rc = query_step(q, err)) == 1) {
		++*total_out;
		if (has_stopped)
			continue;
		webhook = webhook_from_row(q);
		has_stopped = row(&webhook, arg) != 0;
	}
	return rc;
}

int store_webhook_list(struct store *store, int64_t account_id,
	int64_t device_id, webhook_row_fn *row, void *arg, int64_t *total_out,
	struct err *err)
{
	static const char *const sql[2] = {
		WEBHOOK_SELECT " WHERE w.account_id = ? ORDER BY w.id DESC",
		WEBHOOK_SELECT " WHERE w.account_id = ? AND w.device_id = ?",
	};
	scoped(query_close) struct query q =
		query_open(store_db(store), sql[device_id != 0]);

	query_bind_int(&q, account_id);
	if (device_id != 0)
		query_bind_int(&q, device_id);
	return webhook_rows(&q, row, arg, total_out, err);
}

/* 1 found, 0 not yet, -1. */
static int webhook_was_active(
	struct tx *tx, int64_t device_id, bool *is_active, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		tx_db(tx), "SELECT is_active FROM webhook WHERE device_id = ?");
	int rc;

	query_bind_int(&q, device_id);
	rc = query_step(&q, err);
	*is_active = rc == 1 && query_int(&q) != 0;
	return rc;
}

static int webhook_upsert(struct tx *tx, const struct webhook *webhook,
	int64_t now_ms, int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO webhook (public_id, account_id, device_id, secret,"
		" is_active, created_ms, updated_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)"
		" ON CONFLICT (device_id) DO UPDATE SET"
		" is_active = excluded.is_active,"
		" updated_ms = excluded.updated_ms RETURNING id");

	query_bind_text(&q, webhook->public_id);
	query_bind_int(&q, webhook->account_id);
	query_bind_int(&q, webhook->device_id);
	query_bind_blob(&q, webhook->secret, (size_t)webhook->secret_bytes);
	query_bind_int(&q, webhook->is_active);
	query_bind_int(&q, now_ms);
	if (query_one(&q, "webhook", err) != 0)
		return -1;
	*id_out = query_int(&q);
	return 0;
}

static int endpoint_remove(struct tx *tx, int64_t webhook_id,
	enum event_chat chat, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(tx_db(tx), "DELETE FROM webhook_endpoint"
				      " WHERE webhook_id = ? AND chat = ?");

	query_bind_int(&q, webhook_id);
	query_bind_int(&q, chat);
	return query_run(&q, NULL, err);
}

struct endpoint_change {
	int64_t webhook_id, device_id, now_ms;
	bool is_restart; /* to the end of the log even if the URL stays */
};

static int endpoint_put(struct tx *tx, const struct endpoint_change *change,
	enum event_chat chat, const char *url, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO webhook_endpoint (webhook_id, chat, url,"
		" cursor_seq, attempts, next_attempt_ms, updated_ms)"
		" SELECT ?1, ?2, ?3, event_seq, 0, 0, ?4"
		" FROM device_tally WHERE device_id = ?5"
		" ON CONFLICT (webhook_id, chat) DO UPDATE SET"
		" url = excluded.url, cursor_seq = excluded.cursor_seq,"
		" attempts = 0, next_attempt_ms = 0,"
		" updated_ms = excluded.updated_ms"
		" WHERE webhook_endpoint.url <> excluded.url OR ?6 = 1");

	if (url == NULL)
		return endpoint_remove(tx, change->webhook_id, chat, err);
	query_bind_int(&q, change->webhook_id);
	query_bind_int(&q, chat);
	query_bind_text(&q, url);
	query_bind_int(&q, change->now_ms);
	query_bind_int(&q, change->device_id);
	query_bind_int(&q, change->is_restart);
	return query_run(&q, NULL, err);
}

int store_webhook_put(struct tx *tx, const struct webhook *webhook,
	int64_t now_ms, bool *created, struct err *err)
{
	struct endpoint_change change = { .device_id = webhook->device_id,
		.now_ms = now_ms };
	bool was_active;
	int found =
		webhook_was_active(tx, webhook->device_id, &was_active, err);

	if (found < 0 || webhook_upsert(tx, webhook, now_ms, &change.webhook_id,
				 err) != 0)
		return -1;
	*created = found == 0;
	change.is_restart = webhook->is_active && !was_active;
	if (endpoint_put(tx, &change, EVENT_CHAT_PERSONAL,
		    webhook->personal_url, err) != 0)
		return -1;
	return endpoint_put(
		tx, &change, EVENT_CHAT_GROUP, webhook->group_url, err);
}

/* ---- endpoints ---- */

#define ENDPOINT_SELECT                                                       \
	"SELECT e.id, w.id, w.account_id, w.device_id, d.uid, e.chat, e.url," \
	" w.secret, e.cursor_seq, t.event_seq, e.attempts,"                   \
	" e.next_attempt_ms, e.updated_ms FROM webhook w"                     \
	" JOIN webhook_endpoint e ON e.webhook_id = w.id"                     \
	" JOIN device d ON d.id = w.device_id"                                \
	" JOIN device_tally t ON t.device_id = w.device_id"                   \
	" WHERE w.is_active = 1"

static struct webhook_endpoint endpoint_from_row(struct query *q)
{
	struct webhook_endpoint e = { 0 };
	size_t n_secret;

	e.id = query_int(q);
	e.webhook_id = query_int(q);
	e.account_id = query_int(q);
	e.device_id = query_int(q);
	e.device_uid = query_text(q);
	e.chat = (enum event_chat)query_int(q);
	e.url = query_text(q);
	e.secret = query_blob(q, &n_secret);
	e.secret_bytes = (int)n_secret;
	e.cursor_seq = query_int(q);
	e.device_seq = query_int(q);
	e.attempts = (int)query_int(q);
	e.next_attempt_ms = query_int(q);
	e.updated_ms = query_int(q);
	return e;
}

static int endpoint_rows(struct query *q, webhook_endpoint_row_fn *row,
	void *arg, struct err *err)
{
	struct webhook_endpoint endpoint;
	int rc;

	while ((rc = query_step(q, err)) == 1) {
		endpoint = endpoint_from_row(q);
		if (row(&endpoint, arg) != 0)
			return 0;
	}
	return rc;
}

int store_webhook_endpoints(struct store *store, webhook_endpoint_row_fn *row,
	void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), ENDPOINT_SELECT " ORDER BY e.id");

	return endpoint_rows(&q, row, arg, err);
}

int store_webhook_endpoints_of_device(struct store *store, int64_t device_id,
	webhook_endpoint_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		ENDPOINT_SELECT " AND w.device_id = ? ORDER BY e.id");

	query_bind_int(&q, device_id);
	return endpoint_rows(&q, row, arg, err);
}

static int endpoint_move(
	struct tx *tx, int64_t endpoint_id, int64_t event_seq, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE webhook_endpoint SET cursor_seq = ?1, attempts = 0,"
		" next_attempt_ms = 0 WHERE id = ?2 AND cursor_seq < ?1");

	query_bind_int(&q, event_seq);
	query_bind_int(&q, endpoint_id);
	return query_run(&q, NULL, err);
}

int store_webhook_skip(
	struct tx *tx, int64_t endpoint_id, int64_t event_seq, struct err *err)
{
	return endpoint_move(tx, endpoint_id, event_seq, err);
}

static int endpoint_retry(struct tx *tx, const struct attempt *attempt,
	int64_t event_seq, int64_t next_attempt_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE webhook_endpoint SET attempts = ?,"
		" next_attempt_ms = ? WHERE id = ? AND cursor_seq < ?");

	query_bind_int(&q, attempt->number);
	query_bind_int(&q, next_attempt_ms);
	query_bind_int(&q, attempt->endpoint_id);
	query_bind_int(&q, event_seq);
	return query_run(&q, NULL, err);
}

/* ---- attempts ---- */

static_assert(ATTEMPT_SUCCESS == 1 && ATTEMPT_RETRYING == 2 &&
		      ATTEMPT_FAILED == 3 && ATTEMPT_REFUSED == 4,
	"stored numbers never change");

const char *attempt_status_name(enum attempt_status status)
{
	switch (status) {
	case ATTEMPT_SUCCESS:
		return "SUCCESS";
	case ATTEMPT_RETRYING:
		return "RETRYING";
	case ATTEMPT_FAILED:
		return "FAILED";
	case ATTEMPT_REFUSED:
		return "REFUSED";
	}
	return "UNKNOWN";
}

static int attempt_insert(
	struct tx *tx, const struct attempt *attempt, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO attempt (public_id, endpoint_id, account_id,"
		" device_id, event_id, url, number, status, response_code,"
		" error, started_ms, duration_ms)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	char made_id[UUID_LEN];

	id_uuid7(made_id);
	query_bind_text(
		&q, attempt->public_id != NULL ? attempt->public_id : made_id);
	query_bind_int(&q, attempt->endpoint_id);
	query_bind_int(&q, attempt->account_id);
	query_bind_int(&q, attempt->device_id);
	query_bind_int(&q, attempt->event_id);
	query_bind_text(&q, attempt->url);
	query_bind_int(&q, attempt->number);
	query_bind_int(&q, attempt->status);
	query_bind_int(&q, attempt->response_code);
	query_bind_text(&q, attempt->error);
	query_bind_int(&q, attempt->started_ms);
	query_bind_int(&q, attempt->duration_ms);
	return query_run(&q, NULL, err);
}

int store_attempt_record(struct tx *tx, const struct attempt *attempt,
	int64_t event_seq, int64_t next_attempt_ms, struct err *err)
{
	const struct list_key total = { .list = LIST_ATTEMPT,
		.account_id = attempt->account_id,
		.device_id = attempt->device_id,
		.status = attempt->status };

	if (attempt_insert(tx, attempt, err) != 0 ||
		list_total_add(tx, &total, 1, err) != 0)
		return -1;
	switch (attempt->status) {
	case ATTEMPT_RETRYING:
		return endpoint_retry(
			tx, attempt, event_seq, next_attempt_ms, err);
	case ATTEMPT_SUCCESS:
	case ATTEMPT_FAILED:
	case ATTEMPT_REFUSED:
		return endpoint_move(tx, attempt->endpoint_id, event_seq, err);
	}
	return err_set(err, ERR_INTERNAL, "attempt status %d", attempt->status);
}

/* The event may be gone before its attempts one day. */
#define ATTEMPT_SELECT                                                        \
	"SELECT a.id, a.public_id, a.endpoint_id, a.account_id, a.device_id," \
	" a.event_id, d.uid, e.public_id, e.type, a.url, a.number, a.status," \
	" a.response_code, a.error, a.started_ms, a.duration_ms"              \
	" FROM attempt a JOIN device d ON d.id = a.device_id"                 \
	" LEFT JOIN event e ON e.id = a.event_id"

static struct attempt attempt_from_row(struct query *q)
{
	struct attempt a = { 0 };

	a.id = query_int(q);
	a.public_id = query_text(q);
	a.endpoint_id = query_int(q);
	a.account_id = query_int(q);
	a.device_id = query_int(q);
	a.event_id = query_int(q);
	a.device_uid = query_text(q);
	a.event_public_id = query_text(q);
	a.event_type = query_text(q);
	a.url = query_text(q);
	a.number = (int)query_int(q);
	a.status = (enum attempt_status)query_int(q);
	a.response_code = (int)query_int(q);
	a.error = query_text(q);
	a.started_ms = query_int(q);
	a.duration_ms = (int)query_int(q);
	return a;
}

/* By [has device][has status]. */
static const char *const attempt_page_sql[2][2] = {
	{ ATTEMPT_SELECT PAGE_OF("a", "attempt", "account_id = ?"),
		ATTEMPT_SELECT PAGE_OF(
			"a", "attempt", "account_id = ? AND status = ?") },
	{ ATTEMPT_SELECT PAGE_OF(
		  "a", "attempt", "account_id = ? AND device_id = ?"),
		ATTEMPT_SELECT PAGE_OF("a", "attempt",
			"account_id = ? AND device_id = ? AND status = ?") },
};

int store_attempt_list(struct store *store, const struct attempt_filter *filter,
	struct page page, attempt_row_fn *row, void *arg, int64_t *total_out,
	struct err *err)
{
	const struct list_key key = { .list = LIST_ATTEMPT,
		.account_id = filter->account_id,
		.device_id = filter->device_id,
		.status = filter->status };
	scoped(query_close) struct query q = query_open(store_db(store),
		attempt_page_sql[key.device_id != 0][key.status != 0]);
	struct attempt attempt;
	int rc;

	if (list_total_get(store, &key, total_out, err) != 0)
		return -1;
	query_bind_list(&q, &key, page);
	while ((rc = query_step(&q, err)) == 1) {
		attempt = attempt_from_row(&q);
		if (row(&attempt, arg) != 0)
			return 0;
	}
	return rc;
}
