/* App state, numbers and history in the lane database. */
#include "common/store/lanedb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

#define NOW_MS INT64_C(1779539696789)

struct lane {
	char dir[64];
	char path[96];
	struct secret_key key;
	struct lanedb *db;
	struct err err;
};

static void reopen(struct lane *lane)
{
	assert_int_equal(
		lane->db != NULL ? lanedb_commit(lane->db, &lane->err) : 0, 0);
	lanedb_close(&lane->db);
	assert_int_equal(
		lanedb_open(lane->path, &lane->key, &lane->db, &lane->err), 0);
}

static int setup(void **state)
{
	struct lane *lane = xcalloc(1, sizeof(*lane));

	wa_crypto_init();
	snprintf(lane->dir, sizeof(lane->dir), "/tmp/vereda-lane-XXXXXX");
	assert_non_null(mkdtemp(lane->dir));
	snprintf(lane->path, sizeof(lane->path), "%s/dev_test.db", lane->dir);
	memset(&lane->key, 7, sizeof(lane->key));
	reopen(lane);
	*state = lane;
	return 0;
}

static int teardown(void **state)
{
	struct lane *lane = *state;

	assert_int_equal(lanedb_destroy(&lane->db, lane->path, &lane->err), 0);
	assert_int_equal(rmdir(lane->dir), 0);
	free(lane);
	return 0;
}

#define LANE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* ---- collections ---- */

static uint64_t version_of(
	struct lane *lane, const char *name, uint8_t hash[LANE_HASH_BYTES])
{
	uint64_t version = 99;

	memset(hash, 0xee, LANE_HASH_BYTES);
	assert_int_equal(lanedb_collection_load(
				 lane->db, name, &version, hash, &lane->err),
		0);
	return version;
}

static void a_collection_starts_at_nothing(void **state)
{
	struct lane *lane = *state;
	uint8_t hash[LANE_HASH_BYTES], zeros[LANE_HASH_BYTES] = { 0 };

	assert_int_equal(version_of(lane, "regular", hash), 0);
	assert_memory_equal(hash, zeros, sizeof(zeros));
}

static void a_collection_is_kept_apart_from_the_others(void **state)
{
	struct lane *lane = *state;
	uint8_t hash[LANE_HASH_BYTES], mine[LANE_HASH_BYTES];

	memset(mine, 3, sizeof(mine));
	assert_int_equal(lanedb_collection_save(
				 lane->db, "regular", 7, mine, &lane->err),
		0);
	reopen(lane);
	assert_int_equal(version_of(lane, "regular", hash), 7);
	assert_memory_equal(hash, mine, sizeof(mine));
	assert_int_equal(version_of(lane, "regular_low", hash), 0);
}

static void set(struct lane *lane, const char *name, uint8_t index, uint8_t mac)
{
	uint8_t index_mac[32], value_mac[32];

	memset(index_mac, index, sizeof(index_mac));
	memset(value_mac, mac, sizeof(value_mac));
	assert_int_equal(lanedb_state_value_save(lane->db, name, index_mac,
				 value_mac, &lane->err),
		0);
}

/* -1: no value. */
static int get(struct lane *lane, const char *name, uint8_t index)
{
	uint8_t index_mac[32], value_mac[32];
	int found;

	memset(index_mac, index, sizeof(index_mac));
	found = lanedb_state_value_load(
		lane->db, name, index_mac, value_mac, &lane->err);
	assert_true(found >= 0);
	return found == 1 ? value_mac[31] : -1;
}

static void a_value_is_replaced_removed_and_of_its_collection(void **state)
{
	struct lane *lane = *state;
	uint8_t index_mac[32];

	set(lane, "regular", 1, 10);
	set(lane, "regular", 1, 11);
	set(lane, "regular_low", 1, 20);
	assert_int_equal(get(lane, "regular", 1), 11);
	assert_int_equal(get(lane, "regular_low", 1), 20);
	assert_int_equal(get(lane, "regular", 2), -1);
	memset(index_mac, 1, sizeof(index_mac));
	assert_int_equal(lanedb_state_value_remove(
				 lane->db, "regular", index_mac, &lane->err),
		0);
	assert_int_equal(get(lane, "regular", 1), -1);
	assert_int_equal(get(lane, "regular_low", 1), 20);
}

static void a_reset_takes_the_values_with_it(void **state)
{
	struct lane *lane = *state;
	uint8_t hash[LANE_HASH_BYTES] = { 1 };

	set(lane, "regular", 1, 10);
	set(lane, "regular_low", 1, 20);
	lanedb_collection_save(lane->db, "regular", 4, hash, &lane->err);
	assert_int_equal(
		lanedb_collection_reset(lane->db, "regular", &lane->err), 0);
	assert_int_equal(version_of(lane, "regular", hash), 0);
	assert_int_equal(get(lane, "regular", 1), -1);
	assert_int_equal(get(lane, "regular_low", 1), 20);
}

static void a_rolled_back_turn_changes_no_collection(void **state)
{
	struct lane *lane = *state;
	uint8_t hash[LANE_HASH_BYTES] = { 1 };

	set(lane, "regular", 1, 10);
	reopen(lane);
	set(lane, "regular", 1, 11);
	lanedb_collection_save(lane->db, "regular", 4, hash, &lane->err);
	lanedb_rollback(lane->db);
	assert_int_equal(get(lane, "regular", 1), 10);
	assert_int_equal(version_of(lane, "regular", hash), 0);
}

/* ---- keys ---- */

static void share(
	struct lane *lane, const char *id, const char *data, int64_t timestamp)
{
	assert_int_equal(lanedb_app_key_save(lane->db, (const uint8_t *)id,
				 strlen(id), (const uint8_t *)data,
				 strlen(data), timestamp, &lane->err),
		0);
}

static void a_key_comes_back_by_its_id(void **state)
{
	struct lane *lane = *state;
	scoped(buf_fini) struct buf data = BUF_INIT;

	share(lane, "one", "first", 1);
	reopen(lane);
	assert_int_equal(lanedb_app_key_load(lane->db, (const uint8_t *)"one",
				 3, &data, &lane->err),
		1);
	assert_string_equal(buf_cstr(&data), "first");
	assert_int_equal(lanedb_app_key_load(lane->db, (const uint8_t *)"two",
				 3, &data, &lane->err),
		0);
	assert_int_equal(lanedb_app_key_load(lane->db, (const uint8_t *)"", 0,
				 &data, &lane->err),
		0);
}

static void the_newest_key_is_by_its_timestamp(void **state)
{
	struct lane *lane = *state;
	scoped(buf_fini) struct buf id = BUF_INIT;
	scoped(buf_fini) struct buf data = BUF_INIT;

	assert_int_equal(
		lanedb_app_key_newest(lane->db, &id, &data, &lane->err), 0);
	share(lane, "late", "new", 200);
	share(lane, "zz", "old", 100);
	assert_int_equal(
		lanedb_app_key_newest(lane->db, &id, &data, &lane->err), 1);
	assert_string_equal(buf_cstr(&id), "late");
	assert_string_equal(buf_cstr(&data), "new");
}

/* ---- numbers ---- */

static void a_number_is_remembered_until_it_expires(void **state)
{
	struct lane *lane = *state;
	char lid[LANE_NUMBER_LID];
	bool is_there = false;
	int64_t asked_ms = 0;

	assert_int_equal(lanedb_number_load(lane->db, "15550002222", &is_there,
				 lid, &asked_ms, &lane->err),
		0);
	lanedb_number_save(lane->db, "15550002222", false, "", 1, &lane->err);
	lanedb_number_save(
		lane->db, "15550002222", true, "900002", NOW_MS, &lane->err);
	lanedb_number_save(lane->db, "15550003333", false, "", 1, &lane->err);
	assert_int_equal(lanedb_number_load(lane->db, "15550002222", &is_there,
				 lid, &asked_ms, &lane->err),
		1);
	assert_true(is_there);
	assert_string_equal(lid, "900002");
	assert_int_equal(asked_ms, NOW_MS);
	assert_int_equal(
		lanedb_number_expire(lane->db, NOW_MS, 10, &lane->err), 0);
	assert_int_equal(lanedb_number_load(lane->db, "15550002222", &is_there,
				 lid, &asked_ms, &lane->err),
		1);
	assert_int_equal(lanedb_number_load(lane->db, "15550003333", &is_there,
				 lid, &asked_ms, &lane->err),
		0);
}

/* ---- history ---- */

static void history_is_read_in_the_order_it_came(void **state)
{
	struct lane *lane = *state;
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct lane_history job = { 0 };

	assert_int_equal(
		lanedb_history_next(lane->db, &job, &bytes, &lane->err), 0);
	lanedb_history_add(lane->db, "A", "first", 5, NOW_MS, &lane->err);
	lanedb_history_add(lane->db, "B", "second", 6, NOW_MS, &lane->err);
	lanedb_history_add(lane->db, "A", "again", 5, NOW_MS, &lane->err);
	assert_int_equal(lanedb_history_count(lane->db, &lane->err), 2);
	assert_int_equal(
		lanedb_history_next(lane->db, &job, &bytes, &lane->err), 1);
	assert_string_equal(buf_cstr(&bytes), "first");
	assert_string_equal(job.wa_id, "A");
	assert_int_equal(
		lanedb_history_remove(lane->db, job.id, &lane->err), 0);
	buf_clear(&bytes);
	assert_int_equal(
		lanedb_history_next(lane->db, &job, &bytes, &lane->err), 1);
	assert_string_equal(buf_cstr(&bytes), "second");
}

static void how_far_history_is_survives_a_restart(void **state)
{
	struct lane *lane = *state;
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct lane_history job = { 0 };

	lanedb_history_add(lane->db, "A", "x", 1, NOW_MS, &lane->err);
	lanedb_history_next(lane->db, &job, &bytes, &lane->err);
	job.pass = 1;
	job.done = 4711;
	job.tries = 2;
	assert_int_equal(lanedb_history_save(lane->db, &job, &lane->err), 0);
	reopen(lane);
	memset(&job, 0, sizeof(job));
	assert_int_equal(
		lanedb_history_next(lane->db, &job, &bytes, &lane->err), 1);
	assert_int_equal(job.pass, 1);
	assert_int_equal(job.done, 4711);
	assert_int_equal(job.tries, 2);
	assert_int_equal(job.at_ms, NOW_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LANE_TEST(a_collection_starts_at_nothing),
		LANE_TEST(a_collection_is_kept_apart_from_the_others),
		LANE_TEST(a_value_is_replaced_removed_and_of_its_collection),
		LANE_TEST(a_reset_takes_the_values_with_it),
		LANE_TEST(a_rolled_back_turn_changes_no_collection),
		LANE_TEST(a_key_comes_back_by_its_id),
		LANE_TEST(the_newest_key_is_by_its_timestamp),
		LANE_TEST(a_number_is_remembered_until_it_expires),
		LANE_TEST(history_is_read_in_the_order_it_came),
		LANE_TEST(how_far_history_is_survives_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
