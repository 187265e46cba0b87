#include "common/store/attempt.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/store/seek.h"
#include "common/store/store_impl.h"

/* ---- recording ---- */

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
		" error, started_ms, duration_ms, is_replay)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
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
	query_bind_int(&q, attempt->replay_id != 0);
	return query_run(&q, NULL, err);
}

/* The places of an endpoint and of a replay move alike. */
#define PLACE_SET                                                    \
	" SET cursor_seq = ?1, attempts = ?2, next_attempt_ms = ?3," \
	" n_failed = ?4, n_pauses = ?5, paused_until_ms = ?6"

static void bind_place(struct query *q, const struct webhook_place *place)
{
	query_bind_int(q, place->cursor_seq);
	query_bind_int(q, place->attempts);
	query_bind_int(q, place->next_attempt_ms);
	query_bind_int(q, place->n_failed);
	query_bind_int(q, place->n_pauses);
	query_bind_int(q, place->paused_until_ms);
}

static int endpoint_move(struct tx *tx, const struct attempt *attempt,
	const struct webhook_place *place, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE webhook_endpoint" PLACE_SET
		" WHERE id = ?7 AND updated_ms = ?8 AND cursor_seq <= ?1");

	bind_place(&q, place);
	query_bind_int(&q, attempt->endpoint_id);
	query_bind_int(&q, attempt->endpoint_version);
	return query_run(&q, NULL, err);
}

static int replay_move(struct tx *tx, const struct attempt *attempt,
	const struct webhook_place *place, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(tx_db(tx), "UPDATE webhook_replay" PLACE_SET
				      " WHERE id = ?7 AND cursor_seq <= ?1");

	bind_place(&q, place);
	query_bind_int(&q, attempt->replay_id);
	return query_run(&q, NULL, err);
}

int store_attempt_record(struct tx *tx, const struct attempt *attempt,
	const struct webhook_place *place, struct err *err)
{
	const struct list_key total = { .list = LIST_ATTEMPT,
		.account_id = attempt->account_id,
		.device_id = attempt->device_id,
		.status = attempt->status };

	if (attempt_insert(tx, attempt, err) != 0 ||
		list_total_add(tx, &total, 1, err) != 0)
		return -1;
	if (attempt->replay_id != 0)
		return replay_move(tx, attempt, place, err);
	return endpoint_move(tx, attempt, place, err);
}

/* ---- lists ---- */

/* The event may be gone before its attempts one day. */
#define ATTEMPT_SELECT                                                        \
	"SELECT a.id, a.public_id, a.endpoint_id, a.account_id, a.device_id," \
	" a.event_id, d.uid, e.public_id, e.type, a.url, a.number, a.status," \
	" a.response_code, a.error, a.started_ms, a.duration_ms,"             \
	" a.is_replay, e.device_seq, e.chat"                                  \
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
	a.is_replay = query_int(q) != 0;
	a.event_device_seq = query_int(q);
	a.event_chat = (int)query_int(q);
	return a;
}

static int attempt_rows(
	struct query *q, attempt_row_fn *row, void *arg, struct err *err)
{
	struct attempt attempt;
	int rc;

	while ((rc = query_step(q, err)) == 1) {
		attempt = attempt_from_row(q);
		if (row(&attempt, arg) != 0)
			return 0;
	}
	return rc;
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

	if (list_total_get(store, &key, total_out, err) != 0)
		return -1;
	query_bind_list(&q, &key, page);
	return attempt_rows(&q, row, arg, err);
}

/* ---- of one event ---- */

/* Writers of other processes may have got their id a little earlier or later
 * than their place in the log. */
#define NEAR_MS 50

/* As we write them; callers may not. */
static void uuid_lower(const char *text, char out[UUID_LEN])
{
	size_t n = strnlen(text, UUID_LEN - 1);

	for (size_t i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	out[n] = '\0';
}

/* The smallest UUIDv7 that was made @shift_ms after @public_id. */
static void uuid_shift(
	const char *public_id, int64_t shift_ms, char out[UUID_LEN])
{
	unsigned long long high = 0, low = 0;
	int64_t ms;

	sscanf(public_id, "%8llx-%4llx", &high, &low);
	ms = (int64_t)(high << 16 | low) + shift_ms;
	if (ms < 0)
		ms = 0;
	snprintf(out, UUID_LEN, "%08llx-%04llx",
		(unsigned long long)ms >> 16 & 0xffffffff,
		(unsigned long long)ms & 0xffff);
}

static int newest_account_seq(struct store *store, int64_t account_id,
	int64_t *seq_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT event_seq FROM account_tally WHERE account_id = ?");

	query_bind_int(&q, account_id);
	if (query_one(&q, "account", err) != 0)
		return -1;
	*seq_out = query_int(&q);
	return 0;
}

/* Walks the few events that were logged at about the same time.  1 found. */
static int event_among(struct store *store, int64_t account_id,
	int64_t from_seq, const char *public_id, int64_t *id_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT id, public_id FROM event"
		" WHERE account_id = ? AND account_seq >= ?"
		" ORDER BY account_seq");
	char last[UUID_LEN];
	int rc;

	uuid_shift(public_id, NEAR_MS, last);
	query_bind_int(&q, account_id);
	query_bind_int(&q, from_seq);
	while ((rc = query_step(&q, err)) == 1) {
		const char *found;

		*id_out = query_int(&q);
		found = query_text(&q);
		if (strcmp(found, public_id) == 0)
			return 1;
		if (strcmp(found, last) > 0)
			return 0;
	}
	return rc;
}

/* 1 found, 0 not, -1. */
static int event_find(struct store *store, int64_t account_id,
	const char *public_id, int64_t *id_out, struct err *err)
{
	char first[UUID_LEN];
	struct seek seek = {
		.sql = "SELECT account_seq, public_id FROM event"
		       " WHERE account_id = ? AND account_seq >= ?"
		       " ORDER BY account_seq LIMIT 1",
		.owner = account_id,
		.is_before = seek_text_is_before,
		.target = first,
	};
	int64_t seq;

	uuid_shift(public_id, -NEAR_MS, first);
	if (newest_account_seq(store, account_id, &seek.end, err) != 0)
		return -1;
	seek.end++;
	if (seek_first(store_db(store), &seek, &seq, err) != 0)
		return -1;
	return event_among(store, account_id, seq, public_id, id_out, err);
}

#define OF_EVENT                                      \
	"event_id = ? AND (?2 = 0 OR device_id = ?2)" \
	" AND (?3 = 0 OR status = ?3)"

static int count_of_event(struct store *store,
	const struct attempt_filter *filter, int64_t event_id,
	int64_t *total_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT COUNT(*) FROM attempt WHERE " OF_EVENT);

	query_bind_int(&q, event_id);
	query_bind_int(&q, filter->device_id);
	query_bind_int(&q, filter->status);
	if (query_one(&q, "count", err) != 0)
		return -1;
	*total_out = query_int(&q);
	return 0;
}

int store_attempt_list_of_event(struct store *store,
	const struct attempt_filter *filter, const char *event_public_id,
	struct page page, attempt_row_fn *row, void *arg, int64_t *total_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		ATTEMPT_SELECT PAGE_OF("a", "attempt", OF_EVENT));
	char public_id[UUID_LEN];
	int64_t event_id;
	int rc;

	*total_out = 0;
	uuid_lower(event_public_id, public_id);
	rc = event_find(store, filter->account_id, public_id, &event_id, err);
	if (rc != 1)
		return rc;
	if (count_of_event(store, filter, event_id, total_out, err) != 0)
		return -1;
	query_bind_int(&q, event_id);
	query_bind_int(&q, filter->device_id);
	query_bind_int(&q, filter->status);
	query_bind_page(&q, page);
	return attempt_rows(&q, row, arg, err);
}

/* ---- one ---- */

static int newest_id(struct store *store, int64_t account_id, int64_t *id_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT COALESCE(MAX(id), 0) FROM attempt"
		" WHERE account_id = ?");

	query_bind_int(&q, account_id);
	if (query_one(&q, "attempt", err) != 0)
		return -1;
	*id_out = query_int(&q);
	return 0;
}

/* One process makes all of them, so their ids of both kinds grow together. */
int store_attempt_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, attempt_row_fn *row, void *arg, struct err *err)
{
	char lower[UUID_LEN];
	struct seek seek = {
		.sql = "SELECT id, public_id FROM attempt"
		       " WHERE account_id = ? AND id >= ? ORDER BY id LIMIT 1",
		.owner = account_id,
		.is_before = seek_text_is_before,
		.target = lower,
	};
	scoped(query_close) struct query q = query_open(store_db(store),
		ATTEMPT_SELECT
		" WHERE a.id = (SELECT MIN(id) FROM attempt"
		" WHERE account_id = ? AND id >= ?) AND a.public_id = ?");
	struct attempt attempt;
	int64_t id;

	uuid_lower(public_id, lower);
	if (newest_id(store, account_id, &seek.end, err) != 0)
		return -1;
	seek.end++;
	if (seek_first(store_db(store), &seek, &id, err) != 0)
		return -1;
	query_bind_int(&q, account_id);
	query_bind_int(&q, id);
	query_bind_text(&q, lower);
	if (query_one(&q, "attempt", err) != 0)
		return -1;
	attempt = attempt_from_row(&q);
	row(&attempt, arg);
	return 0;
}
