#include "common/store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"

#define PAGE_BYTES 4096 /* SQLite's default */

static enum err_code code_of(int rc)
{
	if (rc == SQLITE_CONSTRAINT_UNIQUE)
		return ERR_CONFLICT; /* the other constraints are our bugs */
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_CANTOPEN:
	case SQLITE_CORRUPT:
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_NOTADB:
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return ERR_IO;
	default:
		return ERR_INTERNAL;
	}
}

int db_fail(struct db *db, struct err *err)
{
	int rc = sqlite3_extended_errcode(db->handle);

	return err_set(err, code_of(rc), "%s (sqlite %d)",
		sqlite3_errmsg(db->handle), rc);
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_fail(db, err);
	return 0;
}

bool db_is_idle(const struct db *db)
{
	return sqlite3_get_autocommit(db->handle) != 0;
}

bool db_nap(int round, int64_t until_ms)
{
	const int64_t longest_us = round < 4 ? 250 * (round + 1) : 1000;
	struct timespec nap = { 0 };

	if (clock_mono_ms() >= until_ms)
		return false;
	nap.tv_nsec = random_between(100, longest_us) * 1000;
	nanosleep(&nap, NULL);
	return true;
}

/* SQLite calls it with 0, 1, 2 ... while one lock is in the way. */
static int on_busy(void *arg, int round)
{
	struct db *db = arg;

	if (round == 0 && db->wait_until_ms < clock_mono_ms())
		db->wait_until_ms = clock_mono_ms() + DB_WAIT_MS;
	return db_nap(round, db->wait_until_ms);
}

/* SQLite would create it with 0644 and the umask; the WAL copies its mode. */
static int create_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	close(fd);
	return 0;
}

static int set_pragmas(
	struct db *db, const struct db_options *options, struct err *err)
{
	char pragmas[512];

	/* locking_mode comes before the first access, so that an exclusive
	 * connection keeps the WAL index in its own memory.  cache_spill is
	 * off because a spilled page is written to the WAL twice; a
	 * transaction's pages are bounded by the batch that its owner makes.
	 * The WAL is written over and over from its start: only one that has
	 * grown far past the checkpoint is cut. */
	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA locking_mode = %s;"
		"PRAGMA cache_size = -%d;"
		"PRAGMA cache_spill = OFF;"
		"PRAGMA mmap_size = 0;"
		"PRAGMA temp_store = MEMORY;"
		"PRAGMA foreign_keys = ON;"
		"PRAGMA trusted_schema = OFF;"
		"PRAGMA journal_mode = WAL;"
		"PRAGMA synchronous = FULL;"
		"PRAGMA journal_size_limit = %d;"
		"PRAGMA wal_autocheckpoint = %d;"
		"PRAGMA query_only = %s;",
		options->exclusive ? "EXCLUSIVE" : "NORMAL", options->cache_kib,
		options->checkpoint_pages * 4 * PAGE_BYTES,
		options->checkpoint_pages, options->query_only ? "ON" : "OFF");
	return db_exec(db, pragmas, err);
}

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

/* No connection is shared by threads, and nobody reads SQLite's own count of
 * its memory, which costs a lock for each allocation. */
static void configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int db_open(struct db *db, const char *path, const struct db_options *options,
	struct err *err)
{
	int rc;

	memset(db, 0, sizeof(*db));
	pthread_once(&library_once, configure_library);
	if (options->create && create_file(path, err) != 0)
		return -1;
	rc = sqlite3_open_v2(path, &db->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_EXRESCODE,
		NULL);
	if (rc != SQLITE_OK) {
		err_set(err, code_of(rc), "%s: %s", path, sqlite3_errstr(rc));
		db_close(db);
		return -1;
	}
	if (options->lookaside_slots > 0)
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_LOOKASIDE, NULL,
			256, options->lookaside_slots);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_handler(db->handle, on_busy, db);
	if (set_pragmas(db, options, err) != 0) {
		db_close(db);
		return err_wrap(err, path);
	}
	return 0;
}

void db_close(struct db *db)
{
	for (int i = 0; i < DB_STATEMENTS; i++)
		sqlite3_finalize(db->statements[i].stmt);
	sqlite3_close_v2(db->handle);
	memset(db, 0, sizeof(*db));
}

int db_version(struct db *db, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &stmt,
		    NULL) != SQLITE_OK)
		return db_fail(db, err);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int(stmt, 0);
	else
		db_fail(db, err);
	sqlite3_finalize(stmt);
	return version;
}

static int migrate_to(
	struct db *db, int version, const char *sql, struct err *err)
{
	char stamp[48];

	snprintf(stamp, sizeof(stamp), "PRAGMA user_version = %d", version);
	if (db_exec(db, "BEGIN IMMEDIATE", err) != 0)
		return -1;
	if (db_exec(db, sql, err) != 0 || db_exec(db, stamp, err) != 0 ||
		db_exec(db, "COMMIT", err) != 0) {
		db_exec(db, "ROLLBACK", NULL);
		return -1;
	}
	return 0;
}

int db_migrate(
	struct db *db, const char *const *migrations, int n, struct err *err)
{
	int version = db_version(db, err);

	if (version < 0)
		return -1;
	if (version > n)
		return err_set(err, ERR_CONFLICT,
			"schema %d is newer than ours (%d)", version, n);
	for (; version < n; version++)
		if (migrate_to(db, version + 1, migrations[version], err) != 0)
			return err_wrap(err, "migration");
	return 0;
}
