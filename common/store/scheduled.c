#include "common/store/scheduled.h"

#include <assert.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

static_assert(SCHEDULED_PENDING == 1 && SCHEDULED_SENT == 2 &&
		      SCHEDULED_FAILED == 3 && SCHEDULED_CANCELLED == 4,
	"stored numbers never change; SQL says 1 for PENDING");

const char *scheduled_status_name(enum scheduled_status status)
{
	switch (status) {
	case SCHEDULED_PENDING:
		return "PENDING";
	case SCHEDULED_SENT:
		return "SENT";
	case SCHEDULED_FAILED:
		return "FAILED";
	case SCHEDULED_CANCELLED:
		return "CANCELLED";
	}
	return "UNKNOWN";
}

#define SCHEDULED_SELECT                                                       \
	"SELECT s.id, s.public_id, s.account_id, s.device_id, d.uid, s.phone," \
	" s.text, s.due_ms, s.status, s.reason, s.message_public_id,"          \
	" s.created_ms, s.updated_ms, s.sent_ms"                               \
	" FROM scheduled s JOIN device d ON d.id = s.device_id"

static struct scheduled scheduled_from_row(struct query *q)
{
	struct scheduled s = { 0 };

	s.id = query_int(q);
	s.public_id = query_text(q);
	s.account_id = query_int(q);
	s.device_id = query_int(q);
	s.device_uid = query_text(q);
	s.phone = query_text(q);
	s.text = query_text(q);
	s.due_ms = query_int(q);
	s.status = (enum scheduled_status)query_int(q);
	s.reason = query_text(q);
	s.message_public_id = query_text(q);
	s.created_ms = query_int(q);
	s.updated_ms = query_int(q);
	s.sent_ms = query_int(q);
	return s;
}

static int scheduled_rows(
	struct query *q, scheduled_row_fn *row, void *arg, struct err *err)
{
	struct scheduled scheduled;
	int rc;

	while ((rc = query_step(q, err)) == 1) {
		scheduled = scheduled_from_row(q);
		if (row(&scheduled, arg) != 0)
			return 0;
	}
	return rc;
}

/* Each scheduled message counts in the total of its status. */
static int total_move(struct tx *tx, struct list_key key,
	enum scheduled_status to, struct err *err)
{
	key.status = SCHEDULED_PENDING;
	if (list_total_add(tx, &key, -1, err) != 0)
		return -1;
	key.status = to;
	return list_total_add(tx, &key, 1, err);
}

/* ---- by its owner ---- */

static int scheduled_insert(struct tx *tx, const struct scheduled *s,
	int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO scheduled (public_id, account_id, device_id,"
		" phone, text, due_ms, status, created_ms, updated_ms, sent_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?7, 0)");

	query_bind_text(&q, s->public_id);
	query_bind_int(&q, s->account_id);
	query_bind_int(&q, s->device_id);
	query_bind_text(&q, s->phone);
	query_bind_text(&q, s->text);
	query_bind_int(&q, s->due_ms);
	query_bind_int(&q, s->created_ms);
	return query_insert(&q, id_out, err) < 0 ? -1 : 0;
}

int store_scheduled_create(struct tx *tx, const struct scheduled *scheduled,
	int64_t *id_out, struct err *err)
{
	const struct list_key total = { .list = LIST_SCHEDULED,
		.account_id = scheduled->account_id,
		.device_id = scheduled->device_id,
		.status = SCHEDULED_PENDING };

	if (scheduled_insert(tx, scheduled, id_out, err) != 0)
		return -1;
	return list_total_add(tx, &total, 1, err);
}

/* By [has device][has status]. */
static const char *const page_sql[2][2] = {
	{ SCHEDULED_SELECT PAGE_OF("s", "scheduled", "account_id = ?"),
		SCHEDULED_SELECT PAGE_OF(
			"s", "scheduled", "account_id = ? AND status = ?") },
	{ SCHEDULED_SELECT PAGE_OF(
		  "s", "scheduled", "account_id = ? AND device_id = ?"),
		SCHEDULED_SELECT PAGE_OF("s", "scheduled",
			"account_id = ? AND device_id = ? AND status = ?") },
};

int store_scheduled_list(struct store *store,
	const struct scheduled_filter *filter, struct page page,
	scheduled_row_fn *row, void *arg, int64_t *total_out, struct err *err)
{
	const struct list_key key = { .list = LIST_SCHEDULED,
		.account_id = filter->account_id,
		.device_id = filter->device_id,
		.status = filter->status };
	scoped(query_close) struct query q = query_open(
		store_db(store), page_sql[key.device_id != 0][key.status != 0]);

	if (list_total_get(store, &key, total_out, err) != 0)
		return -1;
	query_bind_list(&q, &key, page);
	return scheduled_rows(&q, row, arg, err);
}

int store_scheduled_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, scheduled_row_fn *row, void *arg,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		SCHEDULED_SELECT " WHERE s.public_id = ? AND s.account_id = ?");
	struct scheduled scheduled;

	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	if (query_one(&q, "scheduled message", err) != 0)
		return -1;
	scheduled = scheduled_from_row(&q);
	row(&scheduled, arg);
	return 0;
}

/* Why a change of a PENDING one found none. */
static int refuse_change(struct tx *tx, int64_t account_id,
	const char *public_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT status FROM scheduled"
		" WHERE public_id = ? AND account_id = ?");

	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	if (query_one(&q, "scheduled message", err) != 0)
		return -1;
	return err_set(err, ERR_CONFLICT, "scheduled message is %s",
		scheduled_status_name((enum scheduled_status)query_int(&q)));
}

int store_scheduled_update(struct tx *tx, int64_t account_id,
	const char *public_id, const char *phone, const char *text,
	int64_t due_ms, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE scheduled SET phone = COALESCE(?, phone),"
		" text = COALESCE(?, text), due_ms = COALESCE(?, due_ms),"
		" reason = NULL, updated_ms = ?"
		" WHERE public_id = ? AND account_id = ? AND status = 1");
	int n;

	query_bind_text(&q, phone);
	query_bind_text(&q, text);
	query_bind_int_or_null(&q, due_ms);
	query_bind_int(&q, now_ms);
	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	if (query_run(&q, &n, err) != 0)
		return -1;
	return n == 1 ? 0 : refuse_change(tx, account_id, public_id, err);
}

int store_scheduled_cancel(struct tx *tx, int64_t account_id,
	const char *public_id, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE scheduled SET status = ?, updated_ms = ?"
		" WHERE public_id = ? AND account_id = ? AND status = 1"
		" RETURNING device_id");
	struct list_key total = { .list = LIST_SCHEDULED,
		.account_id = account_id };
	int rc;

	query_bind_int(&q, SCHEDULED_CANCELLED);
	query_bind_int(&q, now_ms);
	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	rc = query_step(&q, err);
	if (rc == 0)
		return refuse_change(tx, account_id, public_id, err);
	if (rc < 0)
		return -1;
	total.device_id = query_int(&q);
	return total_move(tx, total, SCHEDULED_CANCELLED, err);
}

/* ---- by the scheduler ---- */

int store_scheduled_due(struct store *store, int64_t now_ms, int limit,
	scheduled_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		SCHEDULED_SELECT " WHERE s.status = 1 AND s.due_ms <= ?"
				 " ORDER BY s.due_ms, s.id LIMIT ?");

	query_bind_int(&q, now_ms);
	query_bind_int(&q, limit);
	return scheduled_rows(&q, row, arg, err);
}

int64_t store_scheduled_next_due(struct store *store)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT due_ms FROM scheduled WHERE status = 1 AND due_ms > 0"
		" ORDER BY due_ms, id LIMIT 1");

	return query_step(&q, NULL) == 1 ? query_int(&q) : INT64_MAX;
}

int store_scheduled_finish(struct tx *tx, int64_t id,
	enum scheduled_status status, const char *reason,
	const char *message_public_id, int64_t now_ms, bool *changed,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE scheduled SET status = ?1, reason = ?2,"
		" message_public_id = ?3, updated_ms = ?4,"
		" sent_ms = CASE ?1 WHEN 2 THEN ?4 ELSE 0 END"
		" WHERE id = ?5 AND status = 1"
		" RETURNING account_id, device_id");
	struct list_key total = { .list = LIST_SCHEDULED };
	int rc;

	query_bind_int(&q, status);
	query_bind_text(&q, reason);
	query_bind_text(&q, message_public_id);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, id);
	rc = query_step(&q, err);
	*changed = rc == 1;
	if (rc != 1)
		return rc;
	total.account_id = query_int(&q);
	total.device_id = query_int(&q);
	return total_move(tx, total, status, err);
}

int store_scheduled_postpone(struct tx *tx, int64_t id, int64_t due_ms,
	const char *reason, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE scheduled SET due_ms = ?, reason = ?"
		" WHERE id = ? AND status = 1");

	query_bind_int(&q, due_ms);
	query_bind_text(&q, reason);
	query_bind_int(&q, id);
	return query_run(&q, NULL, err);
}
