/* The store: one SQLite database in WAL mode, opened once per thread.  All SQL
 * of the suite is in this folder; callers speak the domain.
 *
 * Rules: a change and the event that tells of it are one transaction; a row
 * callback borrows everything in its row until it returns, and may stop the
 * walk by returning non-zero; lists page by keyset; nothing scans a table that
 * grows; only what SQLite and PostgreSQL share is used.  Times are unix
 * milliseconds. */
#ifndef COMMON_STORE_STORE_H
#define COMMON_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct store;
struct tx;

enum store_mode {
	STORE_READ,  /* query_only */
	STORE_WRITE, /* synchronous=FULL; runs migrations under a file lock */
	STORE_LANE,  /* as STORE_WRITE, but of an existing database and with a
		      * cache small enough for thousands of processes */
};

/* Schema newer than ours is ERR_CONFLICT: "schema 9 is newer than ours (7)";
 * for the modes that do not migrate, an older one too. */
int store_open(const char *path, enum store_mode mode, struct store **out,
	struct err *err);
void store_close(struct store **storep);
int store_schema_version(struct store *store);

/* BEGIN IMMEDIATE; waits for other writers up to 10 s, fairly enough that
 * nobody starves. NULL with @err on failure. */
struct tx *tx_begin(struct store *store, struct err *err);
int tx_commit(struct tx *tx, struct err *err); /* durable when it returns 0 */
/* The connection of the transaction, for the reads of the same turn. */
struct store *tx_store(struct tx *tx);
/* scoped(tx_end): rolls back unless committed.  *@txp is NULL afterwards. */
void tx_end(struct tx **txp);
/* One request inside a group commit: its failure leaves the others alone.
 * Rolling back undoes what came after the savepoint; releasing ends it, also
 * after that. */
int tx_savepoint(struct tx *tx, struct err *err);
void tx_savepoint_release(struct tx *tx);
void tx_savepoint_rollback(struct tx *tx);

/* A consistent view for several reads (BEGIN/COMMIT deferred). */
void store_read_begin(struct store *store);
void store_read_end(struct store *store);

/* A page of a list, newest first unless a function says otherwise.  Skipped
 * rows are walked in an index, not read; the caller bounds @offset and @limit.
 */
struct page {
	int64_t offset;
	int limit;
};

#endif
