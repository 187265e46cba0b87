#include "common/store/webhook.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"
#include "common/store/webhook_impl.h"

/* ---- reading ---- */

struct webhook_place place_from_row(struct query *q)
{
	struct webhook_place place;

	place.cursor_seq = query_int(q);
	place.attempts = (int)query_int(q);
	place.next_attempt_ms = query_int(q);
	place.n_failed = (int)query_int(q);
	place.n_pauses = (int)query_int(q);
	place.paused_until_ms = query_int(q);
	return place;
}

static struct webhook_url url_from_row(struct query *q, const char **url_out)
{
	struct webhook_url url;

	*url_out = query_text(q);
	url.endpoint_id = query_int(q);
	url.place = place_from_row(q);
	return url;
}

#define PERSONAL_PLACE PLACE_OF("p")
#define GROUP_PLACE PLACE_OF("g")
#define WEBHOOK_SELECT                                                        \
	"SELECT w.id, w.public_id, w.account_id, w.device_id, d.uid,"         \
	" p.url, p.id, " PERSONAL_PLACE ", g.url, g.id, " GROUP_PLACE ","     \
	" t.event_seq, w.secret, w.old_until_ms, w.is_active, w.created_ms,"  \
	" w.updated_ms FROM webhook w JOIN device d ON d.id = w.device_id"    \
	" JOIN device_tally t ON t.device_id = w.device_id"                   \
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
	w.personal = url_from_row(q, &w.personal_url);
	w.group = url_from_row(q, &w.group_url);
	w.device_seq = query_int(q);
	w.secret = query_blob(q, &n_secret);
	w.secret_bytes = (int)n_secret;
	w.old_until_ms = query_int(q);
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

int store_webhook_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, webhook_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		WEBHOOK_SELECT " WHERE w.public_id = ? AND w.account_id = ?");
	struct webhook webhook;

	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	if (query_one(&q, "webhook", err) != 0)
		return -1;
	webhook = webhook_from_row(&q);
	row(&webhook, arg);
	return 0;
}

/* ---- changing ---- */

/* Times of change are versions, too: two changes in one millisecond differ. */
#define LATER(now, before) \
	"CASE WHEN " now " > " before " THEN " now " ELSE " before " + 1 END"

#define WEBHOOK_LATER LATER("excluded.updated_ms", "webhook.updated_ms")
#define ENDPOINT_LATER \
	LATER("excluded.updated_ms", "webhook_endpoint.updated_ms")
#define NOW_1_LATER LATER("?1", "updated_ms")
#define NOW_3_LATER LATER("?3", "updated_ms")

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
		" updated_ms = " WEBHOOK_LATER " RETURNING id");

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
	enum event_chat chat;
	const char *url;
	bool is_resumed;
};

/* What waits for another URL is not for this one. */
static int replays_drop(
	struct tx *tx, const struct endpoint_change *change, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"DELETE FROM webhook_replay WHERE endpoint_id ="
		" (SELECT id FROM webhook_endpoint WHERE webhook_id = ?"
		" AND chat = ? AND (url <> ? OR ? = 1))");

	query_bind_int(&q, change->webhook_id);
	query_bind_int(&q, change->chat);
	query_bind_text(&q, change->url);
	query_bind_int(&q, change->is_restart);
	return query_run(&q, NULL, err);
}

static int endpoint_put(
	struct tx *tx, const struct endpoint_change *change, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO webhook_endpoint (webhook_id, chat, url,"
		" cursor_seq, attempts, next_attempt_ms, updated_ms)"
		" SELECT ?1, ?2, ?3, event_seq, 0, 0, ?4"
		" FROM device_tally WHERE device_id = ?5"
		" ON CONFLICT (webhook_id, chat) DO UPDATE SET"
		" url = excluded.url, cursor_seq = excluded.cursor_seq,"
		" attempts = 0, next_attempt_ms = 0, n_failed = 0,"
		" n_pauses = 0, paused_until_ms = 0, updated_ms "
		"= " ENDPOINT_LATER " WHERE webhook_endpoint.url "
		"<> excluded.url OR ?6 "
		"= 1");

	query_bind_int(&q, change->webhook_id);
	query_bind_int(&q, change->chat);
	query_bind_text(&q, change->url);
	query_bind_int(&q, change->now_ms);
	query_bind_int(&q, change->device_id);
	query_bind_int(&q, change->is_restart);
	return query_run(&q, NULL, err);
}

/* A new version makes webhookd look, for a replay that is paused, too. */
static int endpoint_resume(
	struct tx *tx, const struct endpoint_change *change, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE webhook_endpoint SET n_failed = 0, n_pauses = 0,"
		" paused_until_ms = 0, updated_ms = " NOW_1_LATER
		" WHERE webhook_id = ?2 AND chat = ?3 AND (n_pauses > 0"
		" OR EXISTS (SELECT 1 FROM webhook_replay r"
		" WHERE r.endpoint_id = webhook_endpoint.id"
		" AND r.n_pauses > 0))");

	query_bind_int(&q, change->now_ms);
	query_bind_int(&q, change->webhook_id);
	query_bind_int(&q, change->chat);
	return query_run(&q, NULL, err);
}

static int replays_resume(
	struct tx *tx, const struct endpoint_change *change, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE webhook_replay SET n_failed = 0, n_pauses = 0,"
		" paused_until_ms = 0 WHERE n_pauses > 0 AND endpoint_id ="
		" (SELECT id FROM webhook_endpoint WHERE webhook_id = ?"
		" AND chat = ?)");

	query_bind_int(&q, change->webhook_id);
	query_bind_int(&q, change->chat);
	return query_run(&q, NULL, err);
}

/* What waits is delivered from where it stands. */
static int pauses_end(
	struct tx *tx, const struct endpoint_change *change, struct err *err)
{
	if (endpoint_resume(tx, change, err) != 0)
		return -1;
	return replays_resume(tx, change, err);
}

static int endpoint_change(
	struct tx *tx, const struct endpoint_change *change, struct err *err)
{
	if (change->url == NULL)
		return endpoint_remove(
			tx, change->webhook_id, change->chat, err);
	if (replays_drop(tx, change, err) != 0 ||
		endpoint_put(tx, change, err) != 0)
		return -1;
	return change->is_resumed ? pauses_end(tx, change, err) : 0;
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
	change.chat = EVENT_CHAT_PERSONAL;
	change.url = webhook->personal_url;
	change.is_resumed = webhook->resume_personal;
	if (endpoint_change(tx, &change, err) != 0)
		return -1;
	change.chat = EVENT_CHAT_GROUP;
	change.url = webhook->group_url;
	change.is_resumed = webhook->resume_group;
	return endpoint_change(tx, &change, err);
}

int store_webhook_delete(
	struct tx *tx, int64_t account_id, int64_t webhook_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"DELETE FROM webhook WHERE id = ? AND account_id = ?");

	query_bind_int(&q, webhook_id);
	query_bind_int(&q, account_id);
	return query_run(&q, NULL, err);
}

/* ---- secrets ---- */

int store_webhook_rotate(struct tx *tx, const struct webhook_secret *secret,
	int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE webhook SET"
		" old_secret = CASE WHEN ?1 > 0 THEN secret END,"
		" old_until_ms = ?1, secret = ?2,"
		" updated_ms = " NOW_3_LATER " WHERE id = ?4");

	query_bind_int(&q, secret->old_until_ms);
	query_bind_blob(&q, secret->sealed, (size_t)secret->n_sealed);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, secret->webhook_id);
	return query_run(&q, NULL, err);
}

bool store_webhook_has_old_secret(struct store *store, int64_t now_ms)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT 1 FROM webhook"
		" WHERE old_until_ms > 0 AND old_until_ms <= ? LIMIT 1");

	query_bind_int(&q, now_ms);
	return query_step(&q, NULL) == 1;
}

int store_webhook_wipe_old_secrets(
	struct tx *tx, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE webhook SET old_secret = NULL, old_until_ms = 0"
		" WHERE old_until_ms > 0 AND old_until_ms <= ?");

	query_bind_int(&q, now_ms);
	return query_run(&q, NULL, err);
}

/* ---- endpoints ---- */

#define ENDPOINT_PLACE PLACE_OF("e")
#define ENDPOINT_REPLAY REPLAY_OF("r")
#define ENDPOINT_SELECT                                                       \
	"SELECT e.id, w.id, w.account_id, w.device_id, d.uid, e.chat, e.url," \
	" w.secret, w.old_secret, w.old_until_ms, " ENDPOINT_PLACE ","        \
	" t.event_seq, e.updated_ms, w.updated_ms, " ENDPOINT_REPLAY          \
	" FROM webhook w JOIN webhook_endpoint e ON e.webhook_id = w.id"      \
	" JOIN device d ON d.id = w.device_id"                                \
	" JOIN device_tally t ON t.device_id = w.device_id"                   \
	" LEFT JOIN webhook_replay r ON r.id = (SELECT MIN(o.id)"             \
	" FROM webhook_replay o WHERE o.endpoint_id = e.id)"                  \
	" WHERE w.is_active = 1"

struct webhook_replay replay_from_row(struct query *q)
{
	struct webhook_replay replay = { 0 };

	replay.id = query_int(q);
	replay.public_id = query_text(q);
	replay.endpoint_id = query_int(q);
	replay.until_seq = query_int(q);
	replay.place = place_from_row(q);
	return replay;
}

static struct webhook_endpoint endpoint_from_row(struct query *q)
{
	struct webhook_endpoint e = { 0 };
	size_t n_secret, n_old_secret;

	e.id = query_int(q);
	e.webhook_id = query_int(q);
	e.account_id = query_int(q);
	e.device_id = query_int(q);
	e.device_uid = query_text(q);
	e.chat = (enum event_chat)query_int(q);
	e.url = query_text(q);
	e.secret = query_blob(q, &n_secret);
	e.secret_bytes = (int)n_secret;
	e.old_secret = query_blob(q, &n_old_secret);
	e.old_secret_bytes = (int)n_old_secret;
	e.old_until_ms = query_int(q);
	e.place = place_from_row(q);
	e.device_seq = query_int(q);
	e.version = query_int(q);
	e.secret_version = query_int(q);
	e.replay = replay_from_row(q);
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

int store_webhook_skip(
	struct tx *tx, int64_t endpoint_id, int64_t event_seq, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE webhook_endpoint SET cursor_seq = ?1"
		" WHERE id = ?2 AND cursor_seq < ?1");

	query_bind_int(&q, event_seq);
	query_bind_int(&q, endpoint_id);
	return query_run(&q, NULL, err);
}
