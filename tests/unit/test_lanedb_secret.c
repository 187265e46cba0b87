/* Secrets of messages and timers of chats in a lane's database. */
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
#include "common/store/lanedb_impl.h"

#define NOW_MS INT64_C(1779539696789)

struct lane {
	char dir[64];
	char path[96];
	struct secret_key key;
	struct lanedb *db;
	struct wa_jid chat, sender;
	struct err err;
};

static int setup(void **state)
{
	struct lane *lane = xcalloc(1, sizeof(*lane));

	wa_crypto_init();
	snprintf(lane->dir, sizeof(lane->dir), "/tmp/vereda-lane-XXXXXX");
	assert_non_null(mkdtemp(lane->dir));
	snprintf(lane->path, sizeof(lane->path), "%s/dev_test.db", lane->dir);
	memset(&lane->key, 7, sizeof(lane->key));
	assert_int_equal(
		lanedb_open(lane->path, &lane->key, &lane->db, &lane->err), 0);
	lane->chat = wa_jid_lid("900002", 0);
	lane->sender = wa_jid_lid("900002", 3);
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

static void save(
	struct lane *lane, const char *wa_id, uint8_t fill, int64_t now_ms)
{
	uint8_t secret[32];

	memset(secret, fill, sizeof(secret));
	assert_int_equal(lanedb_secret_save(lane->db, wa_id, &lane->chat,
				 &lane->sender, secret, now_ms, &lane->err),
		0);
}

/* Its first byte; -1: there is none. */
static int load(struct lane *lane, const char *wa_id, const struct wa_jid *chat,
	const struct wa_jid *sender)
{
	uint8_t secret[32] = { 0 };
	int found = lanedb_secret_load(
		lane->db, wa_id, chat, sender, secret, &lane->err);

	assert_int_not_equal(found, -1);
	return found == 1 ? secret[31] : -1;
}

static void a_secret_is_found_for_its_message_chat_and_sender_only(void **state)
{
	struct lane *lane = *state;
	struct wa_jid other = wa_jid_lid("900003", 0);
	struct wa_jid bare = wa_jid_bare(&lane->sender);

	save(lane, "A1", 5, NOW_MS);
	assert_int_equal(load(lane, "A1", &lane->chat, &lane->sender), 5);
	assert_int_equal(load(lane, "A1", &lane->chat, &bare), 5);
	assert_int_equal(load(lane, "A2", &lane->chat, &lane->sender), -1);
	assert_int_equal(load(lane, "A1", &other, &lane->sender), -1);
	assert_int_equal(load(lane, "A1", &lane->chat, &other), -1);
}

static void the_first_secret_of_a_message_stays(void **state)
{
	struct lane *lane = *state;

	save(lane, "A1", 5, NOW_MS);
	save(lane, "A1", 6, NOW_MS);
	assert_int_equal(load(lane, "A1", &lane->chat, &lane->sender), 5);
}

static void secrets_are_sealed_to_their_row(void **state)
{
	struct lane *lane = *state;
	uint8_t secret[32];

	save(lane, "A1", 5, NOW_MS);
	assert_int_equal(db_exec(&lane->db->db,
				 "UPDATE secret SET wa_id = 'A2'", &lane->err),
		0);
	assert_int_equal(lanedb_secret_load(lane->db, "A2", &lane->chat,
				 &lane->sender, secret, &lane->err),
		-1);
}

static void a_long_id_is_kept_whole(void **state)
{
	struct lane *lane = *state;
	char id[129], other[129];

	memset(id, 'A', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	memcpy(other, id, sizeof(id));
	other[127] = 'B';
	save(lane, id, 5, NOW_MS);
	assert_int_equal(load(lane, id, &lane->chat, &lane->sender), 5);
	assert_int_equal(load(lane, other, &lane->chat, &lane->sender), -1);
}

static void old_secrets_go_a_few_at_a_time(void **state)
{
	struct lane *lane = *state;

	save(lane, "A1", 1, NOW_MS - 3);
	save(lane, "A2", 2, NOW_MS - 2);
	save(lane, "A3", 3, NOW_MS);
	assert_int_equal(
		lanedb_secret_expire(lane->db, NOW_MS, 1, &lane->err), 0);
	assert_int_equal(load(lane, "A1", &lane->chat, &lane->sender), -1);
	assert_int_equal(load(lane, "A2", &lane->chat, &lane->sender), 2);
	assert_int_equal(
		lanedb_secret_expire(lane->db, NOW_MS, 9, &lane->err), 0);
	assert_int_equal(load(lane, "A2", &lane->chat, &lane->sender), -1);
	assert_int_equal(load(lane, "A3", &lane->chat, &lane->sender), 3);
}

/* ---- timers ---- */

static int64_t timer(struct lane *lane)
{
	uint32_t seconds = 0;
	int64_t set_ms = 0;
	int found = lanedb_timer_load(
		lane->db, &lane->chat, &seconds, &set_ms, &lane->err);

	assert_int_not_equal(found, -1);
	return found == 1 ? (int64_t)seconds : -1;
}

static void the_newest_setting_of_a_chat_counts(void **state)
{
	struct lane *lane = *state;

	assert_int_equal(timer(lane), -1);
	assert_int_equal(lanedb_timer_save(lane->db, &lane->chat, 86400, NOW_MS,
				 &lane->err),
		0);
	assert_int_equal(timer(lane), 86400);
	assert_int_equal(lanedb_timer_save(lane->db, &lane->chat, 604800,
				 NOW_MS - 1, &lane->err),
		0);
	assert_int_equal(timer(lane), 86400);
	assert_int_equal(lanedb_timer_save(lane->db, &lane->chat, 0, NOW_MS + 1,
				 &lane->err),
		0);
	assert_int_equal(timer(lane), 0);
}

#define LANE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LANE_TEST(
			a_secret_is_found_for_its_message_chat_and_sender_only),
		LANE_TEST(the_first_secret_of_a_message_stays),
		LANE_TEST(secrets_are_sealed_to_their_row),
		LANE_TEST(a_long_id_is_kept_whole),
		LANE_TEST(old_secrets_go_a_few_at_a_time),
		LANE_TEST(the_newest_setting_of_a_chat_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
