#include "common/store/store.h"

#include <pthread.h>

#include "common/store/store_impl.h"
#include "tests/unit/store_fixture.h"

static int count_row(const struct account *account, void *arg)
{
	(void)account;
	++*(int *)arg;
	return 0;
}

static int count_accounts(struct fixture *f)
{
	int n = 0;

	assert_int_equal(
		store_account_list(f->store, count_row, &n, &f->err), 0);
	return n;
}

/* ---- opening ---- */

static void a_missing_file_becomes_a_database_of_our_version(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(store_schema_version(f->store), 3);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void opening_again_keeps_what_is_there(void **state)
{
	struct fixture *f = *state;

	store_close(&f->store);
	assert_int_equal(
		store_open(f->path, STORE_WRITE, &f->store, &f->err), 0);
	assert_int_equal(count_accounts(f), 2);
}

static void a_newer_schema_is_refused_in_every_mode(void **state)
{
	static const enum store_mode modes[] = { STORE_READ, STORE_WRITE,
		STORE_LANE };
	struct fixture *f = *state;
	struct store *store = NULL;

	assert_int_equal(
		db_exec(store_db(f->store), "PRAGMA user_version = 9", &f->err),
		0);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		f->err = ERR_NONE;
		assert_int_equal(
			store_open(f->path, modes[i], &store, &f->err), -1);
		assert_int_equal(f->err.code, ERR_CONFLICT);
		assert_non_null(
			strstr(f->err.msg, "schema 9 is newer than ours (3)"));
		assert_null(store);
	}
}

static void only_a_writer_migrates(void **state)
{
	struct fixture *f = *state;
	struct store *store = NULL;

	assert_int_equal(
		db_exec(store_db(f->store), "PRAGMA user_version = 0", &f->err),
		0);
	assert_int_equal(store_open(f->path, STORE_LANE, &store, &f->err), -1);
	assert_int_equal(f->err.code, ERR_CONFLICT);
	assert_string_equal(f->err.msg, "schema 0 is older than ours (3)");
}

static void a_failed_migration_leaves_the_version_before_it(void **state)
{
	static const char *const migrations[] = {
		"CREATE TABLE a (x INTEGER);",
		"CREATE TABLE b (x INTEGER); CREATE TABLE a (y INTEGER);",
	};
	static const struct db_options options = { .create = true,
		.cache_kib = 64,
		.checkpoint_pages = 100,
		.lookaside_slots = 10 };
	struct fixture *f = *state;
	struct db db;
	char path[128];

	snprintf(path, sizeof(path), "%s/half.db", f->dir);
	assert_int_equal(db_open(&db, path, &options, &f->err), 0);
	assert_int_equal(db_migrate(&db, migrations, 2, &f->err), -1);
	assert_int_equal(db_version(&db, &f->err), 1);
	assert_int_equal(
		db_exec(&db, "CREATE TABLE b (x INTEGER)", &f->err), 0);
	db_close(&db);
	unlink(path);
}

static void what_is_no_database_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct store *store = NULL;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/text.db", f->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is not a database\n", file);
	fclose(file);
	assert_int_equal(store_open(path, STORE_READ, &store, &f->err), -1);
	assert_int_equal(f->err.code, ERR_IO);
	assert_null(store);
	unlink(path);
}

static void a_reader_cannot_write(void **state)
{
	struct fixture *f = *state;
	struct store *reader = NULL;

	assert_int_equal(store_open(f->path, STORE_READ, &reader, &f->err), 0);
	assert_null(tx_begin(reader, &f->err));
	assert_int_not_equal(f->err.code, ERR_OK);
	assert_int_equal(db_exec(store_db(reader),
				 "UPDATE account SET name = 'x'", &f->err),
		-1);
	store_close(&reader);
}

/* ---- transactions ---- */

static void what_is_not_committed_is_rolled_back(void **state)
{
	struct fixture *f = *state;
	struct tx *tx = begin(f);

	insert_out(f, tx, f->device_id, NULL);
	tx_end(&tx);
	assert_null(tx);
	assert_int_equal(put_out(f, f->device_id).message.device_seq, 1);
}

static void a_savepoint_fails_alone(void **state)
{
	struct fixture *f = *state;
	struct tx *tx = begin(f);
	struct outgoing first, third;

	first = insert_out(f, tx, f->device_id, NULL);
	assert_int_equal(tx_savepoint(tx, &f->err), 0);
	insert_out(f, tx, f->device_id, NULL);
	tx_savepoint_rollback(tx);
	tx_savepoint_release(tx);
	assert_int_equal(tx_savepoint(tx, &f->err), 0);
	third = insert_out(f, tx, f->device_id, NULL);
	tx_savepoint_release(tx);
	commit(f, tx);
	assert_int_equal(first.message.device_seq, 1);
	assert_int_equal(third.message.device_seq, 2);
}

static void savepoints_nest(void **state)
{
	struct fixture *f = *state;
	struct tx *tx = begin(f);

	assert_int_equal(tx_savepoint(tx, &f->err), 0);
	insert_out(f, tx, f->device_id, NULL);
	assert_int_equal(tx_savepoint(tx, &f->err), 0);
	insert_out(f, tx, f->device_id, NULL);
	tx_savepoint_rollback(tx);
	tx_savepoint_release(tx);
	tx_savepoint_release(tx);
	commit(f, tx);
	assert_int_equal(put_out(f, f->device_id).message.device_seq, 2);
}

static void a_lost_transaction_commits_nothing_more(void **state)
{
	struct fixture *f = *state;
	struct tx *tx = begin(f);
	int64_t id;
	struct api_key key = { .account_id = f->account_id,
		.public_id = "k",
		.name = "n",
		.prefix = "wak_" };
	const uint8_t hash[SECRET_HASH_BYTES] = { 1 };

	/* What SQLite does by itself when the disk is full. */
	assert_int_equal(db_exec(tx_db(tx), "ROLLBACK", &f->err), 0);
	assert_int_equal(
		store_api_key_create(tx, &key, hash, &id, &f->err), -1);
	assert_int_equal(f->err.code, ERR_IO);
	assert_int_equal(tx_savepoint(tx, &f->err), -1);
	assert_int_equal(tx_commit(tx, &f->err), -1);
	tx_end(&tx);
	tx = begin(f);
	commit(f, tx);
}

static void a_read_view_stays_while_others_write(void **state)
{
	struct fixture *f = *state;
	struct store *writer = f->store;
	struct store *reader = NULL;

	assert_int_equal(store_open(f->path, STORE_READ, &reader, &f->err), 0);
	store_read_begin(reader);
	f->store = reader;
	assert_int_equal(count_accounts(f), 2);
	f->store = writer;
	add_account(f, "carol@example.com");
	f->store = reader;
	assert_int_equal(count_accounts(f), 2);
	store_read_end(reader);
	assert_int_equal(count_accounts(f), 3);
	f->store = writer;
	store_close(&reader);
}

static int on_outer(const struct account *account, void *arg)
{
	struct fixture *f = arg;

	(void)account;
	assert_int_equal(count_accounts(f), 2);
	return 0;
}

static void a_row_callback_may_ask_the_same_question(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_account_list(f->store, on_outer, f, &f->err), 0);
}

/* ---- two writers ---- */

struct writer {
	pthread_t thread;
	struct fixture *f;
	struct store *store;
	int n;		      /* transactions to do, or */
	volatile bool *until; /* go on until it is set */
	int n_done;
	struct err err;
};

static void write_once(struct writer *w)
{
	struct tx *tx = tx_begin(w->store, &w->err);
	struct event event = { .account_id = w->f->account_id,
		.device_id = w->f->device_id,
		.chat = EVENT_CHAT_PERSONAL,
		.type = "t",
		.payload = "{}" };
	char public_id[UUID_LEN];

	if (tx == NULL)
		return;
	if (store_event_append(tx, &event, public_id, &w->err) == 0 &&
		tx_commit(tx, &w->err) == 0)
		w->n_done++;
	tx_end(&tx);
}

static void *write_many(void *arg)
{
	struct writer *w = arg;

	while (w->err.code == ERR_OK &&
		(w->until != NULL ? !*w->until : w->n_done < w->n))
		write_once(w);
	return NULL;
}

static void two_writers_lose_nothing(void **state)
{
	struct fixture *f = *state;
	struct writer w[2] = { { .f = f, .n = 200 }, { .f = f, .n = 200 } };

	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			store_open(f->path, STORE_LANE, &w[i].store, &f->err),
			0);
		pthread_create(&w[i].thread, NULL, write_many, &w[i]);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].err.code, ERR_OK);
		assert_int_equal(w[i].n_done, 200);
		store_close(&w[i].store);
	}
	assert_int_equal(store_event_account_seq(f->store, f->account_id), 400);
}

/* One that commits and begins again at once must not shut the other out. */
static void a_busy_writer_lets_another_in(void **state)
{
	struct fixture *f = *state;
	volatile bool stop = false;
	struct writer busy = { .f = f, .until = &stop };
	struct writer modest = { .f = f, .n = 50 };

	assert_int_equal(
		store_open(f->path, STORE_LANE, &busy.store, &f->err), 0);
	assert_int_equal(
		store_open(f->path, STORE_LANE, &modest.store, &f->err), 0);
	pthread_create(&busy.thread, NULL, write_many, &busy);
	pthread_create(&modest.thread, NULL, write_many, &modest);
	pthread_join(modest.thread, NULL);
	stop = true;
	pthread_join(busy.thread, NULL);
	assert_int_equal(modest.err.code, ERR_OK);
	assert_int_equal(modest.n_done, 50);
	assert_int_equal(busy.err.code, ERR_OK);
	store_close(&busy.store);
	store_close(&modest.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_missing_file_becomes_a_database_of_our_version),
		STORE_TEST(opening_again_keeps_what_is_there),
		STORE_TEST(a_newer_schema_is_refused_in_every_mode),
		STORE_TEST(only_a_writer_migrates),
		STORE_TEST(a_failed_migration_leaves_the_version_before_it),
		STORE_TEST(what_is_no_database_is_an_error),
		STORE_TEST(a_reader_cannot_write),
		STORE_TEST(what_is_not_committed_is_rolled_back),
		STORE_TEST(a_savepoint_fails_alone),
		STORE_TEST(savepoints_nest),
		STORE_TEST(a_lost_transaction_commits_nothing_more),
		STORE_TEST(a_read_view_stays_while_others_write),
		STORE_TEST(a_row_callback_may_ask_the_same_question),
		STORE_TEST(two_writers_lose_nothing),
		STORE_TEST(a_busy_writer_lets_another_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
