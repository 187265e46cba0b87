/* Stretches of the log and single attempts are found at a cost that does not
 * grow with the log, and replays keep their place. */
#include "common/store/replay.h"

#include <ctype.h>

#include "common/store/store_impl.h"
#include "tests/unit/store_fixture.h"

#define N_EVENTS 400 /* of the account; every second one of the device */

static void put(struct fixture *f, const char *personal, const char *group)
{
	struct webhook webhook = { .public_id = "w1",
		.account_id = f->account_id,
		.device_id = f->device_id,
		.personal_url = personal,
		.group_url = group,
		.secret = (const uint8_t *)"s",
		.secret_bytes = 1,
		.is_active = true };
	struct tx *tx = begin(f);
	bool created;

	assert_int_equal(
		store_webhook_put(tx, &webhook, NOW_MS, &created, &f->err), 0);
	commit(f, tx);
}

/* Event i, from 1: its device_seq is (i + 1) / 2 of its device, its account_seq
 * i, its time NOW_MS + 10 i; every fourth of a device is a group's. */
static void add_events(
	struct fixture *f, int first, int last, char (*ids)[UUID_LEN])
{
	struct tx *tx = begin(f);
	char id[UUID_LEN];

	for (int i = first; i <= last; i++) {
		struct event event = { .account_id = f->account_id,
			.device_id = i & 1 ? f->device_id : f->second_device_id,
			.chat = (i + 1) / 2 % 4 == 0 ? EVENT_CHAT_GROUP
						     : EVENT_CHAT_PERSONAL,
			.type = "message.sent",
			.payload = "{}",
			.created_ms = NOW_MS + 10 * i };

		assert_int_equal(
			store_event_append(tx, &event, id, &f->err), 0);
		if (ids != NULL)
			memcpy(ids[i], id, sizeof(id));
	}
	commit(f, tx);
}

/* ---- spans ---- */

static void a_range_becomes_numbers_of_the_device(void **state)
{
	const struct {
		struct replay_range range; /* the device is filled in */
		int64_t first, last;
	} table[] = {
		{ { 0, 1, 0, 0, 0 }, 1, 200 },
		{ { 0, 399, 0, 0, 0 }, 200, 200 },
		{ { 0, 400, 0, 0, 0 }, 201, 200 }, /* the other device's */
		{ { 0, 101, 201, 0, 0 }, 51, 101 },
		{ { 0, 100, 202, 0, 0 }, 51, 101 },
		{ { 0, 102, 102, 0, 0 }, 52, 51 },
		{ { 0, 1, 5000, 0, 0 }, 1, 200 },
		{ { 0, 1, INT64_MAX, 0, 0 }, 1, 200 },
		{ { 0, INT64_MAX, 0, 0, 0 }, 201, 200 },
		{ { 0, 0, 0, NOW_MS + 1010, NOW_MS + 2010 }, 51, 101 },
		{ { 0, 0, 0, NOW_MS + 1001, NOW_MS + 2019 }, 51, 101 },
		{ { 0, 0, 0, NOW_MS + 4000, 0 }, 201, 200 },
		{ { 0, 0, 0, 1, NOW_MS }, 1, 0 },
		{ { 0, 101, 301, NOW_MS + 2010, NOW_MS + 9999 }, 101, 151 },
	};
	struct fixture *f = *state;

	add_events(f, 1, N_EVENTS, NULL);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct replay_range range = table[i].range;
		struct replay_span span;

		range.device_id = f->device_id;
		assert_int_equal(
			store_replay_span(f->store, &range, &span, &f->err), 0);
		assert_int_equal(span.last_seq, table[i].last);
		if (table[i].last >= table[i].first)
			assert_int_equal(span.first_seq, table[i].first);
		else
			assert_true(span.first_seq > span.last_seq);
	}
}

static void a_device_without_events_has_nothing_to_replay(void **state)
{
	struct fixture *f = *state;
	const struct replay_range range = { .device_id = f->device_id,
		.from_seq = 1 };
	struct replay_span span;

	assert_int_equal(
		store_replay_span(f->store, &range, &span, &f->err), 0);
	assert_true(span.first_seq > span.last_seq);
}

static void events_that_were_removed_are_no_obstacle(void **state)
{
	struct fixture *f = *state;
	const struct replay_range range = {
		.device_id = f->device_id, .from_seq = 50, .to_seq = 150
	};
	struct replay_span span;
	struct replay_counts counts;

	add_events(f, 1, N_EVENTS, NULL);
	assert_int_equal(sqlite3_exec(store_db(f->store)->handle,
				 "DELETE FROM event WHERE account_seq < 101",
				 NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(
		store_replay_span(f->store, &range, &span, &f->err), 0);
	assert_int_equal(span.last_seq, 75); /* seq 149 */
	assert_int_equal(store_replay_count(f->store, f->device_id, &span,
				 &counts, &f->err),
		0);
	assert_int_equal(counts.personal + counts.group, 25);
}

static void each_kind_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct replay_span span = { 1, 10 };
	struct replay_counts counts;

	add_events(f, 1, 40, NULL);
	assert_int_equal(store_replay_count(f->store, f->device_id, &span,
				 &counts, &f->err),
		0);
	assert_int_equal(counts.group, 2);
	assert_int_equal(counts.personal, 8);
}

/* ---- rows ---- */

static int on_endpoint(const struct webhook_endpoint *endpoint, void *arg)
{
	*(struct webhook_endpoint *)arg = *endpoint;
	return 1;
}

static struct webhook_endpoint endpoint_now(struct fixture *f)
{
	struct webhook_endpoint endpoint = { 0 };

	assert_int_equal(store_webhook_endpoints(
				 f->store, on_endpoint, &endpoint, &f->err),
		0);
	return endpoint;
}

static int create(struct fixture *f, const char *id, int64_t endpoint_id)
{
	const struct replay_span span = { 3, 9 };
	struct tx *tx = begin(f);
	int rc = store_replay_create(
		tx, id, endpoint_id, &span, NOW_MS, &f->err);

	commit(f, tx);
	return rc;
}

static int on_replay(const struct webhook_replay *replay, void *arg)
{
	*(struct webhook_replay *)arg = *replay;
	return 0;
}

static void the_oldest_comes_with_its_endpoint_and_then_the_next(void **state)
{
	struct fixture *f = *state;
	struct webhook_replay next = { 0 };
	struct webhook_endpoint endpoint;
	struct tx *tx;

	put(f, "https://example.com/", NULL);
	assert_int_equal(endpoint_now(f).replay.id, 0);
	endpoint = endpoint_now(f);
	assert_int_equal(create(f, "r1", endpoint.id), 0);
	assert_int_equal(create(f, "r2", endpoint.id), 0);
	endpoint = endpoint_now(f);
	assert_int_equal(endpoint.replay.until_seq, 9);
	assert_int_equal(endpoint.replay.place.cursor_seq, 2);
	assert_int_equal(store_replay_next(f->store, endpoint.id,
				 endpoint.replay.id, on_replay, &next, &f->err),
		0);
	assert_true(next.id > endpoint.replay.id);
	tx = begin(f);
	assert_int_equal(store_replay_done(tx, endpoint.replay.id, &f->err), 0);
	assert_int_equal(store_replay_done(tx, next.id, &f->err), 0);
	commit(f, tx);
	assert_int_equal(endpoint_now(f).replay.id, 0);
	/* A number is never given twice: late attempts would move it. */
	assert_int_equal(create(f, "r3", endpoint.id), 0);
	assert_true(endpoint_now(f).replay.id > next.id);
}

static void ten_replays_may_wait(void **state)
{
	struct fixture *f = *state;
	int64_t endpoint_id;

	put(f, "https://example.com/", NULL);
	endpoint_id = endpoint_now(f).id;
	for (int i = 0; i < REPLAYS_WAITING_MAX; i++)
		assert_int_equal(create(f, "r", endpoint_id), 0);
	assert_int_equal(create(f, "r", endpoint_id), -1);
	assert_int_equal(f->err.code, ERR_CONFLICT);
}

static void a_replay_waits_for_its_url_alone(void **state)
{
	struct fixture *f = *state;

	put(f, "https://example.com/", NULL);
	create(f, "r", endpoint_now(f).id);
	put(f, "https://example.com/", "https://example.com/group");
	assert_true(endpoint_now(f).replay.id > 0);
	put(f, "https://example.org/", NULL);
	assert_int_equal(endpoint_now(f).replay.id, 0);
	create(f, "r", endpoint_now(f).id);
	put(f, NULL, NULL);
	put(f, "https://example.org/", NULL);
	assert_int_equal(endpoint_now(f).replay.id, 0);
}

static void record(struct fixture *f, const struct attempt *attempt,
	const struct webhook_place *place)
{
	struct tx *tx = begin(f);

	assert_int_equal(store_attempt_record(tx, attempt, place, &f->err), 0);
	commit(f, tx);
}

static struct attempt attempt_of(struct fixture *f, int64_t event_id)
{
	return (struct attempt){ .endpoint_id = endpoint_now(f).id,
		.endpoint_version = endpoint_now(f).version,
		.account_id = f->account_id,
		.device_id = f->device_id,
		.event_id = event_id,
		.url = "https://example.com/",
		.number = 1,
		.status = ATTEMPT_SUCCESS,
		.started_ms = NOW_MS };
}

static void attempts_of_a_replay_move_it_alone(void **state)
{
	struct fixture *f = *state;
	const struct webhook_place place = { .cursor_seq = 5, .n_pauses = 2 };
	struct webhook_endpoint endpoint;
	struct attempt attempt;

	put(f, "https://example.com/", NULL);
	create(f, "r", endpoint_now(f).id);
	attempt = attempt_of(f, 1);
	attempt.replay_id = endpoint_now(f).replay.id;
	record(f, &attempt, &place);
	endpoint = endpoint_now(f);
	assert_int_equal(endpoint.replay.place.cursor_seq, 5);
	assert_int_equal(endpoint.replay.place.n_pauses, 2);
	assert_int_equal(endpoint.place.cursor_seq, 0);
	assert_int_equal(endpoint.place.n_pauses, 0);
}

/* ---- attempts ---- */

struct seen {
	int n;
	int64_t event_id, event_seq, total;
	bool is_replay;
	char id[UUID_LEN];
};

static int on_attempt(const struct attempt *attempt, void *arg)
{
	struct seen *seen = arg;

	seen->n++;
	seen->event_id = attempt->event_id;
	seen->event_seq = attempt->event_device_seq;
	seen->is_replay = attempt->is_replay;
	snprintf(seen->id, sizeof(seen->id), "%s", attempt->public_id);
	return 0;
}

static struct seen of_event(struct fixture *f, int64_t account_id,
	const char *event, int64_t device_id, int status)
{
	const struct attempt_filter filter = { account_id, device_id, status };
	struct seen seen = { 0 };

	assert_int_equal(store_attempt_list_of_event(f->store, &filter, event,
				 (struct page){ 0, 10 }, on_attempt, &seen,
				 &seen.total, &f->err),
		0);
	return seen;
}

static void the_attempts_of_an_event_are_listed(void **state)
{
	static char ids[N_EVENTS + 1][UUID_LEN];
	struct fixture *f = *state;
	char upper[UUID_LEN], made[UUID_LEN];
	struct attempt attempt;
	struct webhook_place place = { 0 };

	add_events(f, 1, N_EVENTS, ids);
	put(f, "https://example.com/", NULL);
	attempt = attempt_of(f, 77);
	record(f, &attempt, &place);
	attempt.status = ATTEMPT_FAILED;
	record(f, &attempt, &place);
	attempt.event_id = 78;
	record(f, &attempt, &place);
	for (int i = 1; i <= N_EVENTS; i++)
		assert_int_equal(of_event(f, f->account_id, ids[i], 0, 0).total,
			i == 77	  ? 2
			: i == 78 ? 1
				  : 0);
	assert_int_equal(of_event(f, f->account_id, ids[77], 0, 0).n, 2);
	assert_int_equal(
		of_event(f, f->account_id, ids[77], 0, ATTEMPT_FAILED).total,
		1);
	assert_int_equal(
		of_event(f, f->account_id, ids[77], f->second_device_id, 0)
			.total,
		0);
	assert_int_equal(of_event(f, f->other_account_id, ids[77], 0, 0).n, 0);
	for (int i = 0; i < UUID_LEN; i++)
		upper[i] = (char)toupper((unsigned char)ids[77][i]);
	assert_int_equal(of_event(f, f->account_id, upper, 0, 0).n, 2);
	id_uuid7(made);
	assert_int_equal(of_event(f, f->account_id, made, 0, 0).n, 0);
	assert_int_equal(of_event(f, f->account_id,
				 "00000000-0000-0000-0000-000000000000", 0, 0)
				 .n,
		0);
}

static int by_id(struct fixture *f, int64_t account_id, const char *id,
	struct seen *seen)
{
	*seen = (struct seen){ 0 };
	return store_attempt_by_public_id(
		f->store, account_id, id, on_attempt, seen, &f->err);
}

static void every_attempt_is_found_by_its_id(void **state)
{
	static char ids[60][UUID_LEN];
	const struct attempt_filter filter = { .account_id = 1 };
	struct fixture *f = *state;
	const struct webhook_place place = { 0 };
	struct attempt attempt;
	struct seen seen = { 0 };
	char none[UUID_LEN];

	add_events(f, 1, 60, NULL);
	put(f, "https://example.com/", NULL);
	for (int i = 0; i < 60; i++) {
		attempt = attempt_of(f, i + 1);
		attempt.account_id =
			i % 3 ? f->account_id : f->other_account_id;
		record(f, &attempt, &place);
	}
	for (int i = 0; i < 40; i++) {
		seen = (struct seen){ 0 };
		assert_int_equal(store_attempt_list(f->store, &filter,
					 (struct page){ i, 1 }, on_attempt,
					 &seen, &seen.total, &f->err),
			0);
		memcpy(ids[i], seen.id, UUID_LEN);
	}
	for (int i = 0; i < 40; i++) {
		assert_int_equal(by_id(f, f->account_id, ids[i], &seen), 0);
		assert_string_equal(seen.id, ids[i]);
		assert_int_equal(seen.event_seq, (seen.event_id + 1) / 2);
		assert_int_equal(
			by_id(f, f->other_account_id, ids[i], &seen), -1);
		assert_int_equal(f->err.code, ERR_NOT_FOUND);
	}
	id_uuid7(none);
	assert_int_equal(by_id(f, f->account_id, none, &seen), -1);
}

/* ---- costs ---- */

static int64_t steps_taken(struct fixture *f)
{
	struct db *db = store_db(f->store);
	int64_t n = 0;

	for (int i = 0; i < DB_STATEMENTS; i++)
		if (db->statements[i].stmt != NULL)
			n += sqlite3_stmt_status(db->statements[i].stmt,
				SQLITE_STMTSTATUS_VM_STEP, 1);
	return n;
}

static int64_t ask_everything(struct fixture *f, const char *event_id)
{
	const struct replay_range range = { f->device_id, 30, 40, NOW_MS + 1,
		NOW_MS + 100000 };
	struct replay_span span;
	struct seen seen, found;

	steps_taken(f);
	assert_int_equal(
		store_replay_span(f->store, &range, &span, &f->err), 0);
	seen = of_event(f, f->account_id, event_id, 0, 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(by_id(f, f->account_id, seen.id, &found), 0);
	return steps_taken(f);
}

/* Rows that are put in by hand: the ids of events and attempts have to be apart
 * in time. */
static void grow(struct fixture *f, int first, int last)
{
	static const char *const sql[] = {
		"WITH RECURSIVE n (i) AS (SELECT %d UNION ALL SELECT i + 1"
		" FROM n WHERE i < %d) INSERT INTO event (public_id,"
		" account_id, account_seq, device_id, device_seq, chat, type,"
		" payload, created_ms) SELECT printf('%%08x-%%04x-7000-8000-"
		"000000000000', i / 16, i %% 16 * 4096), %lld, i, %lld, i, 1,"
		" 't', '{}', %lld + i FROM n",
		"WITH RECURSIVE n (i) AS (SELECT %d UNION ALL SELECT i + 1"
		" FROM n WHERE i < %d) INSERT INTO attempt (public_id,"
		" account_id, device_id, endpoint_id, event_id, url, number,"
		" status, response_code, started_ms, duration_ms)"
		" SELECT printf('%%08x-%%04x-7000-8000-000000000000', i / 16,"
		" i %% 16 * 4096), %lld, %lld, 1, i, 'u', 1, 1, 200,"
		" %lld + i, 1 FROM n",
	};
	sqlite3 *db = store_db(f->store)->handle;

	for (size_t i = 0; i < ARRAY_LEN(sql); i++) {
		char *text = sqlite3_mprintf(sql[i], first, last,
			(long long)f->account_id, (long long)f->device_id,
			(long long)NOW_MS);

		assert_int_equal(
			sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
		sqlite3_free(text);
	}
	assert_int_equal(sqlite3_exec(db,
				 "UPDATE account_tally SET event_seq ="
				 " (SELECT MAX(account_seq) FROM event);"
				 "UPDATE device_tally SET event_seq ="
				 " (SELECT MAX(device_seq) FROM event)",
				 NULL, NULL, NULL),
		SQLITE_OK);
}

/* Halving: a hundred times the rows are seven steps more a search, of which
 * there are six. */
static void the_size_of_the_log_hardly_matters(void **state)
{
	struct fixture *f = *state;
	int64_t small, large;

	grow(f, 1, 1000);
	small = ask_everything(f, "00000014-0000-7000-8000-000000000000");
	grow(f, 1001, 100000);
	large = ask_everything(f, "00000014-0000-7000-8000-000000000000");
	assert_in_range(large, small, small * 2);
}

/* "SCAN e USING INDEX ..." names the table by its alias. */
static int scans(struct db *db, const char *sql)
{
	scoped(str_free) char *explained =
		xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt = NULL;
	int n = 0;

	assert_int_equal(
		sqlite3_prepare_v2(db->handle, explained, -1, &stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(stmt, 3);
		bool is_bad = strncmp(detail, "SCAN event", 10) == 0 ||
			      strncmp(detail, "SCAN attempt", 12) == 0 ||
			      strncmp(detail, "SCAN a", 6) == 0 ||
			      strncmp(detail, "SCAN r", 6) == 0 ||
			      strncmp(detail, "SCAN o", 6) == 0 ||
			      strncmp(detail, "SCAN webhook_replay", 19) == 0 ||
			      strstr(detail, "AUTOMATIC") != NULL ||
			      strstr(detail, "TEMP B-TREE") != NULL;

		if (is_bad)
			print_error("%s\n  %s\n", sql, detail);
		n += is_bad;
	}
	sqlite3_finalize(stmt);
	return n;
}

static void nothing_scans_or_sorts(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_db(f->store);
	const struct webhook_place place = { 0 };
	struct webhook_replay replay = { 0 };
	struct attempt attempt;
	int n = 0;

	grow(f, 1, 1000);
	ask_everything(f, "00000014-0000-7000-8000-000000000000");
	put(f, "https://example.com/", NULL);
	create(f, "r", endpoint_now(f).id);
	attempt = attempt_of(f, 1);
	record(f, &attempt, &place);
	attempt.replay_id = 1;
	record(f, &attempt, &place);
	store_replay_next(f->store, 1, 0, on_replay, &replay, &f->err);
	store_webhook_has_old_secret(f->store, 1);
	for (int i = 0; i < DB_STATEMENTS; i++)
		if (db->statements[i].sql != NULL)
			n += scans(db, db->statements[i].sql);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_range_becomes_numbers_of_the_device),
		STORE_TEST(a_device_without_events_has_nothing_to_replay),
		STORE_TEST(events_that_were_removed_are_no_obstacle),
		STORE_TEST(each_kind_is_counted),
		STORE_TEST(
			the_oldest_comes_with_its_endpoint_and_then_the_next),
		STORE_TEST(ten_replays_may_wait),
		STORE_TEST(a_replay_waits_for_its_url_alone),
		STORE_TEST(attempts_of_a_replay_move_it_alone),
		STORE_TEST(the_attempts_of_an_event_are_listed),
		STORE_TEST(every_attempt_is_found_by_its_id),
		STORE_TEST(the_size_of_the_log_hardly_matters),
		STORE_TEST(nothing_scans_or_sorts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
