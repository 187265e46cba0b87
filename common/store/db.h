/* One SQLite connection, as the files of this folder use it: opening with the
 * suite's pragmas, patient locking, migrations.  Internal to common/store:
 * nothing else includes it but the tests. */
#ifndef COMMON_STORE_DB_H
#define COMMON_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

/* More statements than any connection has; a power of two. */
#define DB_STATEMENTS 512
/* How long a writer waits for other writers. */
#define DB_WAIT_MS 10000

struct db {
	sqlite3 *handle;
	int64_t wait_until_ms; /* monotonic; what the busy handler waits for */
	/* Prepared statements, hashed by the address of their SQL literal. */
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} statements[DB_STATEMENTS];
	int n_statements;
};

struct db_options {
	bool create;	 /* make the file (mode 0600) when it is missing */
	bool query_only; /* refuses to write */
	bool exclusive;	 /* one process only: no shared memory, fewer locks */
	int cache_kib;	 /* page cache */
	int checkpoint_pages; /* WAL length at which a commit copies it back */
	int lookaside_slots;  /* of 256 bytes; 0 = SQLite's own choice */
};

int db_open(struct db *db, const char *path, const struct db_options *options,
	struct err *err);
void db_close(struct db *db); /* also a half-opened or zeroed one */

/* Statements without results, not cached: pragmas and schema. */
int db_exec(struct db *db, const char *sql, struct err *err);
/* Fills @err from the connection's last error, returns -1. */
int db_fail(struct db *db, struct err *err);
/* False in a transaction, also after SQLite gave one up by itself. */
bool db_is_idle(const struct db *db);

/* One migration a version: migrations[0] makes version 1 of an empty file.  The
 * array is append-only: what was released is never edited. */
int db_version(struct db *db, struct err *err); /* -1 on error */
int db_migrate(
	struct db *db, const char *const *migrations, int n, struct err *err);

/* A random nap of 0.1 to 1 ms, longer with each @round up to the fourth.  It
 * does not grow past that: who waits longest would be served last.  False,
 * without sleeping, once the monotonic @until_ms is over. */
bool db_nap(int round, int64_t until_ms);

#endif
