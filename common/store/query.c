#include "common/store/query.h"

#include <assert.h>

#include "common/err.h"
#include "common/own.h"

static unsigned slot_of(const char *sql)
{
	uintptr_t key = (uintptr_t)sql;

	return (unsigned)((key * 0x9E3779B97F4A7C15u) >> 40) % DB_STATEMENTS;
}

static sqlite3_stmt *prepare(struct db *db, const char *sql, unsigned flags)
{
	sqlite3_stmt *stmt = NULL;

	sqlite3_prepare_v3(db->handle, sql, -1, flags, &stmt, NULL);
	return stmt;
}

static sqlite3_stmt *cached(struct db *db, const char *sql)
{
	unsigned slot = slot_of(sql);
	sqlite3_stmt *stmt;

	while (db->statements[slot].sql != NULL) {
		if (db->statements[slot].sql == sql)
			return db->statements[slot].stmt;
		slot = (slot + 1) % DB_STATEMENTS;
	}
	stmt = prepare(db, sql, SQLITE_PREPARE_PERSISTENT);
	if (stmt == NULL)
		return NULL;
	/* One slot stays empty, or the search above would not end. */
	db->n_statements++;
	assert(db->n_statements < DB_STATEMENTS);
	db->statements[slot].sql = sql;
	db->statements[slot].stmt = stmt;
	return stmt;
}

struct query query_open(struct db *db, const char *sql)
{
	struct query q = { .db = db, .stmt = cached(db, sql) };

	/* A row callback that asks the same question again. */
	if (q.stmt != NULL && sqlite3_stmt_busy(q.stmt)) {
		q.stmt = prepare(db, sql, 0);
		q.is_own = true;
	}
	q.has_failed = q.stmt == NULL;
	return q;
}

void query_close(struct query *q)
{
	if (q->stmt == NULL)
		return;
	if (q->is_own) {
		sqlite3_finalize(q->stmt);
	} else {
		sqlite3_reset(q->stmt);
		sqlite3_clear_bindings(q->stmt); /* what they point at may go */
	}
	q->stmt = NULL;
}

static void bound(struct query *q, int rc)
{
	if (rc != SQLITE_OK)
		q->has_failed = true;
}

void query_bind_int(struct query *q, int64_t value)
{
	bound(q, sqlite3_bind_int64(q->stmt, ++q->n_bound, value));
}

void query_bind_int_or_null(struct query *q, int64_t value)
{
	if (value != 0)
		query_bind_int(q, value);
	else
		bound(q, sqlite3_bind_null(q->stmt, ++q->n_bound));
}

void query_bind_text(struct query *q, const char *text)
{
	bound(q, sqlite3_bind_text(
			 q->stmt, ++q->n_bound, text, -1, SQLITE_STATIC));
}

void query_bind_blob(struct query *q, const void *bytes, size_t n)
{
	bound(q, sqlite3_bind_blob64(
			 q->stmt, ++q->n_bound, bytes, n, SQLITE_STATIC));
}

int query_step(struct query *q, struct err *err)
{
	int rc;

	if (q->has_failed)
		return db_fail(q->db, err);
	/* After a full disk SQLite may have rolled the transaction back by
	 * itself; what follows must not commit on its own. */
	if (db_is_idle(q->db) && !sqlite3_stmt_readonly(q->stmt))
		return err_set(err, ERR_IO, "the transaction is gone");
	q->n_read = 0;
	rc = sqlite3_step(q->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : db_fail(q->db, err);
}

int query_run(struct query *q, int *n_changed, struct err *err)
{
	int rc = query_step(q, err);

	if (n_changed != NULL)
		*n_changed = rc == 0 ? sqlite3_changes(q->db->handle) : 0;
	return rc < 0 ? -1 : 0;
}

int query_insert(struct query *q, int64_t *id_out, struct err *err)
{
	int n;

	if (query_run(q, &n, err) != 0)
		return -1;
	if (n == 1)
		*id_out = sqlite3_last_insert_rowid(q->db->handle);
	return n;
}

int query_control(struct db *db, const char *sql, struct err *err)
{
	scoped(query_close) struct query q = query_open(db, sql);

	if (q.has_failed || sqlite3_step(q.stmt) != SQLITE_DONE)
		return db_fail(db, err);
	return 0;
}

int query_one(struct query *q, const char *what, struct err *err)
{
	int rc = query_step(q, err);

	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "%s not found", what);
	return rc < 0 ? -1 : 0;
}

int64_t query_int(struct query *q)
{
	return sqlite3_column_int64(q->stmt, q->n_read++);
}

const char *query_text(struct query *q)
{
	return (const char *)sqlite3_column_text(q->stmt, q->n_read++);
}

const void *query_blob(struct query *q, size_t *n_out)
{
	const void *bytes = sqlite3_column_blob(q->stmt, q->n_read);

	*n_out = (size_t)sqlite3_column_bytes(q->stmt, q->n_read++);
	return bytes;
}
