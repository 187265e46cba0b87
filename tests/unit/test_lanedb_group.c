/* What a lane's database keeps of groups: metadata, who has our sender keys,
 * whom a status was for. */
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

static struct wa_jid group(const char *user)
{
	struct wa_jid jid = { .server = WA_SERVER_GROUP };

	snprintf(jid.user, sizeof(jid.user), "%s", user);
	return jid;
}

static const struct wa_jid self = {
	.user = "900001", .device = 1, .server = WA_SERVER_LID
};

/* ---- metadata ---- */

static void metadata_comes_back_until_it_is_forgotten(void **state)
{
	struct lane *lane = *state;
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct wa_jid a = group("1"), b = group("2");
	int64_t fetched_ms = -1;

	assert_int_equal(
		lanedb_group_load(lane->db, &a, &out, &fetched_ms, &lane->err),
		0);
	assert_int_equal(
		lanedb_group_save(lane->db, &a, "old", 3, NOW_MS, &lane->err),
		0);
	assert_int_equal(lanedb_group_save(lane->db, &a, "newer", 5, NOW_MS + 1,
				 &lane->err),
		0);
	assert_int_equal(
		lanedb_group_save(lane->db, &b, "other", 5, NOW_MS, &lane->err),
		0);
	assert_int_equal(
		lanedb_group_load(lane->db, &a, &out, &fetched_ms, &lane->err),
		1);
	assert_string_equal(buf_cstr(&out), "newer");
	assert_int_equal(fetched_ms, NOW_MS + 1);
	assert_int_equal(lanedb_group_forget(lane->db, &a, &lane->err), 0);
	assert_int_equal(
		lanedb_group_load(lane->db, &a, &out, &fetched_ms, &lane->err),
		0);
	assert_int_equal(
		lanedb_group_load(lane->db, &b, &out, &fetched_ms, &lane->err),
		1);
}

static void what_is_out_of_date_is_still_there(void **state)
{
	struct lane *lane = *state;
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct wa_jid a = group("1");
	int64_t fetched_ms = -1;

	assert_int_equal(
		lanedb_group_save(lane->db, &a, "known", 5, NOW_MS, &lane->err),
		0);
	assert_int_equal(lanedb_group_expire(lane->db, &a, &lane->err), 0);
	assert_int_equal(
		lanedb_group_load(lane->db, &a, &out, &fetched_ms, &lane->err),
		1);
	assert_string_equal(buf_cstr(&out), "known");
	assert_int_equal(fetched_ms, 0);
}

/* ---- who has our keys ---- */

static void hold(
	struct lane *lane, const char *chat, const char *user, unsigned device)
{
	struct wa_jid jid = group(chat), holder = wa_jid_lid(user, device);

	assert_int_equal(
		lanedb_holder_add(lane->db, &jid, &holder, &lane->err), 0);
}

static int holds(
	struct lane *lane, const char *chat, const char *user, unsigned device)
{
	struct wa_jid jid = group(chat), holder = wa_jid_lid(user, device);

	return lanedb_holder_has(lane->db, &jid, &holder, &lane->err);
}

static void key_save(
	struct lane *lane, const char *chat, const struct wa_jid *sender)
{
	struct wa_jid jid = group(chat);

	assert_int_equal(lanedb_sender_key_save(lane->db, &jid, sender,
				 (const uint8_t *)"key", 3, &lane->err),
		0);
}

static int has_key(
	struct lane *lane, const char *chat, const struct wa_jid *sender)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct wa_jid jid = group(chat);

	return lanedb_sender_key_load(lane->db, &jid, sender, &out, &lane->err);
}

struct walk {
	char text[256];
	int stop_after;
};

static int on_holder(const struct wa_jid *device, void *arg)
{
	struct walk *walk = arg;
	char text[WA_JID_TEXT];
	size_t n = strlen(walk->text);

	snprintf(walk->text + n, sizeof(walk->text) - n, "%s ",
		wa_jid_text(device, text));
	return --walk->stop_after == 0;
}

static void holders_are_kept_by_chat_and_device(void **state)
{
	struct lane *lane = *state;
	struct wa_jid jid = group("1"), bob = wa_jid_lid("900002", 7);
	struct walk walk = { .text = "" }, first = { .stop_after = 1 };

	hold(lane, "1", "900003", 0);
	hold(lane, "1", "900002", 3);
	hold(lane, "1", "900002", 0);
	hold(lane, "1", "900002", 0);
	hold(lane, "2", "900004", 0);
	assert_int_equal(holds(lane, "1", "900002", 3), 1);
	assert_int_equal(holds(lane, "1", "900002", 1), 0);
	assert_int_equal(holds(lane, "2", "900002", 3), 0);
	assert_int_equal(
		lanedb_holder_has_user(lane->db, &jid, &bob, &lane->err), 1);
	assert_int_equal(lanedb_holder_each(
				 lane->db, &jid, on_holder, &walk, &lane->err),
		0);
	assert_string_equal(walk.text, "900002@lid 900002:3@lid 900003@lid ");
	assert_int_equal(lanedb_holder_each(
				 lane->db, &jid, on_holder, &first, &lane->err),
		0);
	assert_string_equal(first.text, "900002@lid ");
}

static void holders_go_one_by_one_by_account_and_all_together(void **state)
{
	struct lane *lane = *state;
	struct wa_jid jid = group("1"), bob = wa_jid_lid("900002", 3);

	hold(lane, "1", "900002", 0);
	hold(lane, "1", "900002", 3);
	hold(lane, "2", "900002", 3);
	hold(lane, "2", "900003", 0);
	assert_int_equal(
		lanedb_holder_remove(lane->db, &jid, &bob, &lane->err), 0);
	assert_int_equal(holds(lane, "1", "900002", 3), 0);
	assert_int_equal(holds(lane, "1", "900002", 0), 1);
	assert_int_equal(holds(lane, "2", "900002", 3), 1);
	hold(lane, "1", "900002", 3);
	assert_int_equal(lanedb_holder_forget(lane->db, &bob, &lane->err), 0);
	assert_int_equal(holds(lane, "1", "900002", 3), 0);
	assert_int_equal(holds(lane, "2", "900002", 3), 0);
	assert_int_equal(holds(lane, "1", "900002", 0), 1);
	assert_int_equal(
		lanedb_holder_forget_user(lane->db, &bob, &lane->err), 0);
	assert_int_equal(holds(lane, "1", "900002", 0), 0);
	assert_int_equal(holds(lane, "2", "900003", 0), 1);
	jid = group("2");
	assert_int_equal(lanedb_holders_clear(lane->db, &jid, &lane->err), 0);
	assert_int_equal(holds(lane, "2", "900003", 0), 0);
}

static void a_key_goes_with_those_who_have_it(void **state)
{
	struct lane *lane = *state;
	const struct wa_jid bob = wa_jid_lid("900002", 3);
	struct wa_jid jid = group("1");

	key_save(lane, "1", &self);
	key_save(lane, "1", &bob);
	key_save(lane, "2", &self);
	hold(lane, "1", "900002", 3);
	hold(lane, "2", "900002", 3);
	assert_int_equal(
		lanedb_sender_key_delete(lane->db, &jid, &self, &lane->err), 0);
	assert_int_equal(has_key(lane, "1", &self), 0);
	assert_int_equal(has_key(lane, "1", &bob), 1);
	assert_int_equal(has_key(lane, "2", &self), 1);
	assert_int_equal(holds(lane, "1", "900002", 3), 0);
	assert_int_equal(holds(lane, "2", "900002", 3), 1);
}

static void a_device_takes_every_key_it_has_with_it(void **state)
{
	struct lane *lane = *state;
	const struct wa_jid bob = wa_jid_lid("900002", 3);

	for (int i = 1; i <= 3; i++) {
		char chat[16];

		snprintf(chat, sizeof(chat), "%d", i);
		key_save(lane, chat, &self);
		key_save(lane, chat, &bob);
		hold(lane, chat, "900003", 0);
	}
	hold(lane, "1", "900002", 3);
	hold(lane, "2", "900002", 3);
	hold(lane, "3", "900002", 0); /* his phone */
	assert_int_equal(
		lanedb_sender_keys_revoke(lane->db, &self, &bob, &lane->err),
		0);
	assert_int_equal(has_key(lane, "1", &self), 0);
	assert_int_equal(has_key(lane, "2", &self), 0);
	assert_int_equal(has_key(lane, "3", &self), 1);
	assert_int_equal(has_key(lane, "1", &bob), 1);
	assert_int_equal(holds(lane, "1", "900003", 0), 0);
	assert_int_equal(holds(lane, "2", "900003", 0), 0);
	assert_int_equal(holds(lane, "3", "900003", 0), 1);
	assert_int_equal(holds(lane, "3", "900002", 0), 1);
}

static void a_group_we_left_leaves_no_key(void **state)
{
	struct lane *lane = *state;
	const struct wa_jid bob = wa_jid_lid("900002", 3);
	struct wa_jid jid = group("1");

	key_save(lane, "1", &self);
	key_save(lane, "1", &bob);
	key_save(lane, "2", &bob);
	hold(lane, "1", "900002", 3);
	assert_int_equal(
		lanedb_sender_keys_forget(lane->db, &jid, &lane->err), 0);
	assert_int_equal(has_key(lane, "1", &self), 0);
	assert_int_equal(has_key(lane, "1", &bob), 0);
	assert_int_equal(has_key(lane, "2", &bob), 1);
	assert_int_equal(holds(lane, "1", "900002", 3), 0);
}

static void holders_follow_an_account_to_its_lid(void **state)
{
	struct lane *lane = *state;
	struct wa_jid jid = group("1"), pn = wa_jid_pn("15550002222", 3);
	struct wa_jid bare = wa_jid_bare(&pn), lid = wa_jid_lid("900002", 0);

	assert_int_equal(lanedb_holder_add(lane->db, &jid, &pn, &lane->err), 0);
	hold(lane, "1", "900002", 0);
	assert_int_equal(
		lanedb_mapping_learn(lane->db, &bare, &lid, NULL, &lane->err),
		0);
	assert_int_equal(holds(lane, "1", "900002", 3), 1);
	assert_int_equal(holds(lane, "1", "900002", 0), 1);
	assert_int_equal(lanedb_holder_has(lane->db, &jid, &pn, &lane->err), 0);
}

/* ---- audiences ---- */

static void an_audience_is_kept_as_long_as_its_message(void **state)
{
	struct lane *lane = *state;
	scoped(buf_fini) struct buf out = BUF_INIT;

	assert_int_equal(
		lanedb_audience_load(lane->db, "3EB0A", &out, &lane->err), 0);
	assert_int_equal(lanedb_audience_save(lane->db, "3EB0A", "a\0b", 4,
				 NOW_MS, &lane->err),
		0);
	assert_int_equal(lanedb_audience_save(lane->db, "3EB0B", "c", 2,
				 NOW_MS + 1000, &lane->err),
		0);
	assert_int_equal(
		lanedb_audience_load(lane->db, "3EB0A", &out, &lane->err), 1);
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.data, "a\0b", 4);
	assert_int_equal(
		lanedb_sent_expire(lane->db, NOW_MS + 1, 100, &lane->err), 0);
	assert_int_equal(
		lanedb_audience_load(lane->db, "3EB0A", &out, &lane->err), 0);
	assert_int_equal(
		lanedb_audience_load(lane->db, "3EB0B", &out, &lane->err), 1);
}

static void a_sent_message_tells_when_it_went_out(void **state)
{
	struct lane *lane = *state;
	struct lane_sent sent = { .wa_id = "3EB0A",
		.chat = group("1"),
		.message = (const uint8_t *)"x",
		.n = 1,
		.sent_ms = NOW_MS };
	int64_t sent_ms = 0;

	assert_int_equal(
		lanedb_sent_time(lane->db, "3EB0A", &sent_ms, &lane->err), 0);
	assert_int_equal(lanedb_sent_save(lane->db, &sent, &lane->err), 0);
	assert_int_equal(
		lanedb_sent_time(lane->db, "3EB0A", &sent_ms, &lane->err), 1);
	assert_int_equal(sent_ms, NOW_MS);
}

static void a_turn_that_is_dropped_changes_nothing(void **state)
{
	struct lane *lane = *state;
	struct wa_jid jid = group("1");

	key_save(lane, "1", &self);
	hold(lane, "1", "900002", 3);
	assert_int_equal(lanedb_commit(lane->db, &lane->err), 0);
	assert_int_equal(
		lanedb_sender_key_delete(lane->db, &jid, &self, &lane->err), 0);
	lanedb_rollback(lane->db);
	assert_int_equal(has_key(lane, "1", &self), 1);
	assert_int_equal(holds(lane, "1", "900002", 3), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LANE_TEST(metadata_comes_back_until_it_is_forgotten),
		LANE_TEST(what_is_out_of_date_is_still_there),
		LANE_TEST(holders_are_kept_by_chat_and_device),
		LANE_TEST(holders_go_one_by_one_by_account_and_all_together),
		LANE_TEST(a_key_goes_with_those_who_have_it),
		LANE_TEST(a_device_takes_every_key_it_has_with_it),
		LANE_TEST(a_group_we_left_leaves_no_key),
		LANE_TEST(holders_follow_an_account_to_its_lid),
		LANE_TEST(an_audience_is_kept_as_long_as_its_message),
		LANE_TEST(a_sent_message_tells_when_it_went_out),
		LANE_TEST(a_turn_that_is_dropped_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
