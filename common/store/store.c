#include "common/store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/schema.h"
#include "common/store/store_impl.h"

/* An older daemon may be migrating ten million rows. */
#define OPEN_WAIT_MS 60000

struct tx {
	struct store *store; /* borrowed; NULL while no transaction is open */
	int n_savepoints;
};

struct store {
	struct db db;
	int lock_fd; /* <path>.lock: held to migrate, and while waiting to write
		      */
	int version;
	struct waid_key waid_key;
	struct tx tx; /* one at a time; lent by tx_begin() */
};

/* More cache is slower: SQLite 3.40 walks all cached pages at each commit that
 * split a page (the page number it parks pages at while it sorts them makes it
 * believe that the file has shrunk).  8 MiB hold what the writers touch. */
#define WRITER_CACHE_KIB 8192

static const struct db_options options_of[] = {
	[STORE_READ] = { .query_only = true,
		.cache_kib = 8192,
		.checkpoint_pages = 0 },
	[STORE_WRITE] = { .create = true,
		.cache_kib = WRITER_CACHE_KIB,
		.checkpoint_pages = 4000 },
	[STORE_LANE] = { .cache_kib = 256,
		.checkpoint_pages = 4000,
		.lookaside_slots = 40 },
};

/* ---- the lock file ---- */

static int lock_open(struct store *store, const char *path, struct err *err)
{
	scoped(str_free) char *lock_path = xasprintf("%s.lock", path);

	store->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return err_set(
			err, ERR_IO, "%s: %s", lock_path, strerror(errno));
	return 0;
}

static int lock_take(struct store *store, int64_t until_ms, struct err *err)
{
	for (int round = 0; flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0;
		round++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set(
				err, ERR_IO, "lock: %s", strerror(errno));
		if (!db_nap(round, until_ms))
			return err_set(err, ERR_BUSY,
				"other writers hold the database");
	}
	return 0;
}

static void lock_release(struct store *store)
{
	flock(store->lock_fd, LOCK_UN);
}

/* ---- opening ---- */

static int check_version(struct store *store, struct err *err)
{
	store->version = db_version(&store->db, err);
	if (store->version < 0)
		return -1;
	if (store->version > n_store_migrations)
		return err_set(err, ERR_CONFLICT,
			"schema %d is newer than ours (%d)", store->version,
			n_store_migrations);
	if (store->version < n_store_migrations)
		return err_set(err, ERR_CONFLICT,
			"schema %d is older than ours (%d)", store->version,
			n_store_migrations);
	return 0;
}

static int open_and_migrate(struct store *store, const char *path,
	const struct db_options *options, struct err *err)
{
	int rc;

	if (lock_take(store, clock_mono_ms() + OPEN_WAIT_MS, err) != 0)
		return -1;
	rc = db_open(&store->db, path, options, err);
	if (rc == 0)
		rc = db_migrate(
			&store->db, store_migrations, n_store_migrations, err);
	lock_release(store);
	return rc;
}

static int load_waid_key(struct store *store, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		&store->db, "SELECT bytes FROM seed WHERE name = 'wa_id'");
	const void *bytes;
	size_t n;

	if (query_one(&q, "seed", err) != 0)
		return -1;
	bytes = query_blob(&q, &n);
	if (n != sizeof(store->waid_key))
		return err_set(err, ERR_IO, "seed of %zu bytes", n);
	memcpy(&store->waid_key, bytes, n);
	return 0;
}

int store_open(const char *path, enum store_mode mode, struct store **out,
	struct err *err)
{
	scoped(store_close) struct store *store = xcalloc(1, sizeof(*store));
	const struct db_options *options = &options_of[mode];
	int rc;

	store->lock_fd = -1;
	if (!options->query_only && lock_open(store, path, err) != 0)
		return -1;
	if (options->create)
		rc = open_and_migrate(store, path, options, err);
	else
		rc = db_open(&store->db, path, options, err);
	if (rc != 0 || check_version(store, err) != 0 ||
		load_waid_key(store, err) != 0)
		return -1;
	*out = move(store);
	return 0;
}

void store_close(struct store **storep)
{
	struct store *store = move(*storep);

	if (store == NULL)
		return;
	assert(store->tx.store == NULL);
	db_close(&store->db);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store);
}

int store_schema_version(struct store *store)
{
	return store->version;
}

struct db *store_db(struct store *store)
{
	return &store->db;
}

struct db *tx_db(struct tx *tx)
{
	assert(tx->store != NULL);
	return &tx->store->db;
}

const struct waid_key *store_waid_key(struct store *store)
{
	return &store->waid_key;
}

struct store *tx_store(struct tx *tx)
{
	return tx->store;
}

/* ---- transactions ---- */

/* A writer that commits and begins again at once would win SQLite's lock every
 * time against one that polls for it.  So all queue at the lock file first, and
 * the one that waits for the database holds it: nobody overtakes it. */
struct tx *tx_begin(struct store *store, struct err *err)
{
	const int64_t until_ms = clock_mono_ms() + DB_WAIT_MS;
	int rc;

	assert(store->tx.store == NULL);
	if (lock_take(store, until_ms, err) != 0)
		return NULL;
	store->db.wait_until_ms = until_ms;
	rc = query_control(&store->db, "BEGIN IMMEDIATE", err);
	lock_release(store);
	if (rc != 0)
		return NULL;
	store->tx = (struct tx){ .store = store };
	return &store->tx;
}

int tx_commit(struct tx *tx, struct err *err)
{
	assert(tx->store != NULL && tx->n_savepoints == 0);
	if (db_is_idle(&tx->store->db))
		return err_set(err, ERR_IO, "the transaction is gone");
	if (query_control(&tx->store->db, "COMMIT", err) != 0)
		return -1; /* tx_end() rolls back */
	tx->store = NULL;
	return 0;
}

void tx_end(struct tx **txp)
{
	struct tx *tx = move(*txp);

	if (tx == NULL || tx->store == NULL)
		return;
	if (!db_is_idle(&tx->store->db))
		query_control(&tx->store->db, "ROLLBACK", NULL);
	tx->store = NULL;
}

int tx_savepoint(struct tx *tx, struct err *err)
{
	if (db_is_idle(tx_db(tx)))
		return err_set(err, ERR_IO, "the transaction is gone");
	if (query_control(tx_db(tx), "SAVEPOINT one", err) != 0)
		return -1;
	tx->n_savepoints++;
	return 0;
}

/* Neither can fail but with a transaction that SQLite gave up, which the next
 * change and tx_commit() tell. */
void tx_savepoint_release(struct tx *tx)
{
	assert(tx->n_savepoints > 0);
	tx->n_savepoints--;
	if (!db_is_idle(tx_db(tx)))
		query_control(tx_db(tx), "RELEASE one", NULL);
}

void tx_savepoint_rollback(struct tx *tx)
{
	assert(tx->n_savepoints > 0);
	if (!db_is_idle(tx_db(tx)))
		query_control(tx_db(tx), "ROLLBACK TO one", NULL);
}

void store_read_begin(struct store *store)
{
	query_control(&store->db, "BEGIN", NULL);
}

void store_read_end(struct store *store)
{
	query_control(&store->db, "COMMIT", NULL);
}

/* ---- list totals ---- */

int list_total_add(
	struct tx *tx, const struct list_key *key, int n, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO list_total"
		" (list, account_id, device_id, status, n)"
		" VALUES (?, ?, ?, ?, ?)"
		" ON CONFLICT (list, account_id, device_id, status)"
		" DO UPDATE SET n = list_total.n + excluded.n");

	query_bind_int(&q, key->list);
	query_bind_int(&q, key->account_id);
	query_bind_int(&q, key->device_id);
	query_bind_int(&q, key->status);
	query_bind_int(&q, n);
	return query_run(&q, NULL, err);
}

/* An account has one row a device and status at most: few enough to add up. */
int list_total_get(struct store *store, const struct list_key *key,
	int64_t *total_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(&store->db,
		"SELECT COALESCE(SUM(n), 0) FROM list_total"
		" WHERE list = ?1 AND account_id = ?2"
		" AND (?3 = 0 OR device_id = ?3)"
		" AND (?4 = 0 OR status = ?4)");

	query_bind_int(&q, key->list);
	query_bind_int(&q, key->account_id);
	query_bind_int(&q, key->device_id);
	query_bind_int(&q, key->status);
	if (query_one(&q, "total", err) != 0)
		return -1;
	*total_out = query_int(&q);
	return 0;
}

void query_bind_page(struct query *q, struct page page)
{
	query_bind_int(q, page.limit);
	query_bind_int(q, page.offset);
}

void query_bind_list(
	struct query *q, const struct list_key *key, struct page page)
{
	query_bind_int(q, key->account_id);
	if (key->device_id != 0)
		query_bind_int(q, key->device_id);
	if (key->status != 0)
		query_bind_int(q, key->status);
	query_bind_page(q, page);
}
