/* A prepared statement in use: bind in order, step, read in order.
 *
 *	scoped(query_close) struct query q = query_open(db,
 *		"SELECT id, name FROM device WHERE uid = ?");
 *
 *	query_bind_text(&q, uid);
 *	if (query_step(&q, err) == 1) {
 *		id = query_int(&q);
 *		name = query_text(&q);
 *	}
 *
 * The SQL is a literal: its address is the key under which the connection keeps
 * the prepared statement.  An error of opening or binding is told by
 * query_step().  What is bound must live until query_close(); what is read
 * lives until the next step.  Internal to common/store. */
#ifndef COMMON_STORE_QUERY_H
#define COMMON_STORE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/store/db.h"

struct query {
	struct db *db;
	sqlite3_stmt *stmt;
	int n_bound;
	int n_read;
	bool is_own;	 /* not the cached one: that one is in use */
	bool has_failed; /* a bind or the opening went wrong */
};

struct query query_open(struct db *db, const char *sql);
void query_close(struct query *q);

void query_bind_int(struct query *q, int64_t value);
void query_bind_int_or_null(struct query *q, int64_t value); /* 0 = NULL */
void query_bind_text(struct query *q, const char *text);     /* NULL = NULL */
void query_bind_blob(struct query *q, const void *bytes, size_t n);

/* 1: a row, 0: no more, -1: failed.  A change outside a transaction is refused.
 */
int query_step(struct query *q, struct err *err);
/* A statement without rows; *@n_changed (may be NULL) gets how many it changed.
 */
int query_run(struct query *q, int *n_changed, struct err *err);
/* An INSERT of one row: 1 and its id, 0 when ON CONFLICT did nothing, -1.
 * (RETURNING says the same, but costs SQLite a temporary table each time.) */
int query_insert(struct query *q, int64_t *id_out, struct err *err);
/* BEGIN, COMMIT and their like. */
int query_control(struct db *db, const char *sql, struct err *err);
/* A row that must exist: 0, or -1 with ERR_NOT_FOUND "<what> not found". */
int query_one(struct query *q, const char *what, struct err *err);

int64_t query_int(struct query *q);
const char *query_text(struct query *q);
const void *query_blob(struct query *q, size_t *n_out);

#endif
