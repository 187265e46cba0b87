#include "common/store/lanedb.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
	struct err err;
};

static void reopen(struct lane *lane)
{
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
	assert_int_equal(rmdir(lane->dir), 0); /* nothing was left behind */
	free(lane);
	return 0;
}

#define LANE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void commit(struct lane *lane)
{
	assert_int_equal(lanedb_commit(lane->db, &lane->err), 0);
}

/* ---- sessions ---- */

static void save(struct lane *lane, struct wa_jid address, const char *record)
{
	assert_int_equal(
		lanedb_session_save(lane->db, &address, (const uint8_t *)record,
			strlen(record), &lane->err),
		0);
}

/* The session as text, "" when there is none. */
static const char *load(struct lane *lane, struct wa_jid address)
{
	static char text[64];
	scoped(buf_fini) struct buf out = BUF_INIT;
	int rc = lanedb_session_load(lane->db, &address, &out, &lane->err);

	assert_in_range(rc, 0, 1);
	assert_int_equal(rc == 0, out.len == 0);
	snprintf(text, sizeof(text), "%.*s", (int)out.len,
		out.len > 0 ? (const char *)out.data : "");
	return text;
}

static void a_session_is_kept_over_restarts(void **state)
{
	struct lane *lane = *state;

	assert_string_equal(load(lane, wa_jid_lid("1", 0)), "");
	save(lane, wa_jid_lid("1", 0), "zero");
	save(lane, wa_jid_lid("1", 3), "three");
	save(lane, wa_jid_pn("1", 3), "of the phone number");
	commit(lane);
	reopen(lane);
	assert_string_equal(load(lane, wa_jid_lid("1", 0)), "zero");
	assert_string_equal(load(lane, wa_jid_lid("1", 3)), "three");
	assert_string_equal(
		load(lane, wa_jid_pn("1", 3)), "of the phone number");
	assert_string_equal(load(lane, wa_jid_lid("1", 4)), "");
}

static void what_is_not_committed_is_lost_with_the_process(void **state)
{
	struct lane *lane = *state;

	save(lane, wa_jid_lid("1", 0), "one");
	reopen(lane);
	assert_string_equal(load(lane, wa_jid_lid("1", 0)), "");
}

static void a_rollback_brings_the_last_commit_back(void **state)
{
	struct lane *lane = *state;
	struct wa_jid a = wa_jid_lid("1", 0), b = wa_jid_lid("2", 0);

	save(lane, a, "old");
	commit(lane);
	save(lane, a, "new");
	save(lane, b, "fresh");
	assert_string_equal(load(lane, a), "new");
	lanedb_rollback(lane->db);
	assert_string_equal(load(lane, a), "old");
	assert_string_equal(load(lane, b), "");
	commit(lane);
	reopen(lane);
	assert_string_equal(load(lane, a), "old");
	assert_string_equal(load(lane, b), "");
}

static void a_rollback_undoes_a_delete(void **state)
{
	struct lane *lane = *state;
	struct wa_jid a = wa_jid_lid("1", 0);

	save(lane, a, "old");
	commit(lane);
	assert_int_equal(lanedb_session_delete(lane->db, &a, &lane->err), 0);
	assert_string_equal(load(lane, a), "");
	lanedb_rollback(lane->db);
	assert_string_equal(load(lane, a), "old");
	lanedb_session_delete(lane->db, &a, &lane->err);
	commit(lane);
	reopen(lane);
	assert_string_equal(load(lane, a), "");
}

static int n_session_rows(struct lane *lane)
{
	scoped(query_close) struct query q =
		query_open(&lane->db->db, "SELECT COUNT(*) FROM session");

	assert_int_equal(query_step(&q, &lane->err), 1);
	return (int)query_int(&q);
}

static void a_session_reaches_the_file_at_the_end_of_the_turn(void **state)
{
	struct lane *lane = *state;

	for (int i = 0; i < 64; i++)
		save(lane, wa_jid_lid("1", 0), "ratcheted");
	assert_int_equal(n_session_rows(lane), 0);
	commit(lane);
	assert_int_equal(n_session_rows(lane), 1);
}

/* More sessions in one turn than the cache holds. */
static void more_sessions_than_the_cache_has_room_for(void **state)
{
	struct lane *lane = *state;
	char user[16];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 600; i++) {
			snprintf(user, sizeof(user), "%d", 1000 + i);
			save(lane, wa_jid_lid(user, 1), user);
		}
		if (round == 0)
			lanedb_rollback(lane->db);
		assert_string_equal(load(lane, wa_jid_lid("1000", 1)),
			round == 0 ? "" : "1000");
	}
	commit(lane);
	reopen(lane);
	for (int i = 0; i < 600; i++) {
		snprintf(user, sizeof(user), "%d", 1000 + i);
		assert_string_equal(load(lane, wa_jid_lid(user, 1)), user);
	}
}

static void large_records_push_others_out_and_stay_whole(void **state)
{
	struct lane *lane = *state;
	const size_t n = 60000;
	uint8_t *record = xcalloc(1, n);

	for (unsigned i = 0; i < 12; i++) {
		struct wa_jid address = wa_jid_lid("1", i);

		memset(record, (int)i + 1, n);
		assert_int_equal(lanedb_session_save(lane->db, &address, record,
					 n, &lane->err),
			0);
	}
	commit(lane);
	for (unsigned i = 0; i < 12; i++) {
		scoped(buf_fini) struct buf out = BUF_INIT;
		struct wa_jid address = wa_jid_lid("1", i);

		assert_int_equal(lanedb_session_load(
					 lane->db, &address, &out, &lane->err),
			1);
		assert_int_equal(out.len, n);
		assert_int_equal(out.data[n - 1], i + 1);
	}
	free(record);
}

/* ---- sealing ---- */

static void records_do_not_open_in_another_lane(void **state)
{
	struct lane *lane = *state;
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct wa_jid a = wa_jid_lid("1", 0);

	save(lane, a, "secret");
	assert_int_equal(
		lanedb_value_save(lane->db, "v", "x", 1, &lane->err), 0);
	commit(lane);
	lane->key.bytes[0] ^= 1;
	reopen(lane);
	assert_int_equal(
		lanedb_session_load(lane->db, &a, &out, &lane->err), -1);
	assert_int_equal(
		lanedb_value_load(lane->db, "v", &out, &lane->err), -1);
	assert_int_equal(out.len, 0);
	lane->key.bytes[0] ^= 1;
	reopen(lane);
	assert_string_equal(load(lane, a), "secret");
}

static void a_record_does_not_open_under_another_name(void **state)
{
	struct lane *lane = *state;
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct wa_jid b = wa_jid_lid("2", 0);

	save(lane, wa_jid_lid("1", 0), "secret");
	commit(lane);
	lanedb_rollback(lane->db); /* forgets the cache */
	assert_int_equal(
		db_exec(&lane->db->db, "UPDATE session SET name = '2@lid'",
			&lane->err),
		0);
	assert_int_equal(
		lanedb_session_load(lane->db, &b, &out, &lane->err), -1);
	assert_non_null(strstr(lane->err.msg, "session"));
}

/* Everything in the file, the WAL included. */
static bool file_contains(struct lane *lane, const char *needle)
{
	static const char *const suffixes[] = { "", "-wal" };
	bool found = false;

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		scoped(str_free) char *path =
			xasprintf("%s%s", lane->path, suffixes[i]);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		struct stat st;
		char *bytes;

		if (fd < 0)
			continue;
		assert_int_equal(fstat(fd, &st), 0);
		bytes = xcalloc(1, (size_t)st.st_size + 1);
		assert_int_equal(
			read(fd, bytes, (size_t)st.st_size), st.st_size);
		found = found || memmem(bytes, (size_t)st.st_size, needle,
					 strlen(needle)) != NULL;
		free(bytes);
		close(fd);
	}
	return found;
}

static void no_secret_reaches_the_disk_in_the_clear(void **state)
{
	struct lane *lane = *state;
	struct wa_jid a = wa_jid_lid("1", 0),
		      group = { .user = "1203", .server = WA_SERVER_GROUP };
	const uint8_t *needle = (const uint8_t *)"needle-in-the-haystack";
	const size_t n = strlen((const char *)needle);
	struct lane_sent sent = { .wa_id = "3EB0AA",
		.chat = a,
		.message = needle,
		.n = n,
		.sent_ms = NOW_MS };

	lanedb_session_save(lane->db, &a, needle, n, &lane->err);
	lanedb_peer_identity_save(lane->db, &a, needle, n, &lane->err);
	lanedb_sender_key_save(lane->db, &group, &a, needle, n, &lane->err);
	lanedb_value_save(lane->db, "v", needle, n, &lane->err);
	lanedb_token_save(lane->db, &a, needle, n, 1, &lane->err);
	lanedb_app_key_save(
		lane->db, (const uint8_t *)"k", 1, needle, n, 1, &lane->err);
	lanedb_sent_save(lane->db, &sent, &lane->err);
	commit(lane);
	assert_true(file_contains(lane, "3EB0AA")); /* it does look there */
	assert_false(file_contains(lane, "needle-in-the"));
}

/* ---- identity ---- */

static void an_identity_comes_back_whole(void **state)
{
	struct lane *lane = *state;
	struct lane_identity in = { .registration_id = 0x1234abcd,
		.is_paired = true,
		.jid = wa_jid_pn("15550001111", 7),
		.lid = wa_jid_lid("900001", 7),
		.push_name = "Ada",
		.platform = "android" };
	struct lane_identity out;

	assert_int_equal(lanedb_identity_load(lane->db, &out, &lane->err), 0);
	wa_keypair_new(&in.noise);
	wa_keypair_new(&in.identity);
	memset(in.adv_secret, 9, sizeof(in.adv_secret));
	assert_int_equal(lanedb_identity_save(lane->db, &in, &lane->err), 0);
	commit(lane);
	reopen(lane);
	assert_int_equal(lanedb_identity_load(lane->db, &out, &lane->err), 1);
	assert_memory_equal(&out.noise, &in.noise, sizeof(in.noise));
	assert_memory_equal(&out.identity, &in.identity, sizeof(in.identity));
	assert_memory_equal(out.adv_secret, in.adv_secret, 32);
	assert_int_equal(out.registration_id, in.registration_id);
	assert_true(out.is_paired);
	assert_true(wa_jid_equal(&out.jid, &in.jid));
	assert_true(wa_jid_equal(&out.lid, &in.lid));
	assert_string_equal(out.push_name, "Ada");
	assert_string_equal(out.platform, "android");
}

static void an_unpaired_identity_has_no_address(void **state)
{
	struct lane *lane = *state;
	struct lane_identity in = { .registration_id = 1 }, out;

	wa_keypair_new(&in.noise);
	wa_keypair_new(&in.identity);
	assert_int_equal(lanedb_identity_save(lane->db, &in, &lane->err), 0);
	assert_int_equal(lanedb_identity_load(lane->db, &out, &lane->err), 1);
	assert_false(out.is_paired);
	assert_true(wa_jid_is_empty(&out.jid));
}

static void a_damaged_identity_is_an_error(void **state)
{
	struct lane *lane = *state;
	struct lane_identity out;
	uint8_t bytes[200] = { 1 };

	for (size_t n = 0; n < sizeof(bytes); n += 7) {
		lanedb_value_save(lane->db, "identity", bytes, n, &lane->err);
		lane->err = ERR_NONE;
		if (n < 108)
			assert_int_equal(lanedb_identity_load(
						 lane->db, &out, &lane->err),
				-1);
	}
	bytes[0] = 99; /* a version that we do not know */
	lanedb_value_save(
		lane->db, "identity", bytes, sizeof(bytes), &lane->err);
	assert_int_equal(lanedb_identity_load(lane->db, &out, &lane->err), -1);
	assert_int_equal(lane->err.code, ERR_IO);
}

static void a_value_is_replaced_and_bound_to_its_name(void **state)
{
	struct lane *lane = *state;
	scoped(buf_fini) struct buf out = BUF_INIT;

	assert_int_equal(lanedb_value_load(lane->db, "a", &out, &lane->err), 0);
	lanedb_value_save(lane->db, "a", "first", 5, &lane->err);
	lanedb_value_save(lane->db, "a", "second", 6, &lane->err);
	lanedb_value_save(lane->db, "empty", "", 0, &lane->err);
	commit(lane);
	assert_int_equal(lanedb_value_load(lane->db, "a", &out, &lane->err), 1);
	assert_int_equal(out.len, 6);
	assert_memory_equal(out.data, "second", 6);
	assert_int_equal(
		lanedb_value_load(lane->db, "empty", &out, &lane->err), 1);
	assert_int_equal(out.len, 6);
}

/* ---- prekeys ---- */

static void prekey_ids_are_never_given_again(void **state)
{
	struct lane *lane = *state;
	struct lane_prekey keys[5];

	assert_int_equal(lanedb_prekeys_make(lane->db, 5, keys, &lane->err), 0);
	assert_int_equal(keys[0].id, 1);
	assert_int_equal(keys[4].id, 5);
	for (int i = 0; i < 5; i++)
		lanedb_prekey_remove(lane->db, keys[i].id, &lane->err);
	commit(lane);
	reopen(lane);
	assert_int_equal(lanedb_prekeys_make(lane->db, 2, keys, &lane->err), 0);
	assert_int_equal(keys[0].id, 6);
	assert_int_equal(keys[1].id, 7);
}

static void prekey_ids_wrap_before_the_24th_bit_pattern_of_ones(void **state)
{
	struct lane *lane = *state;
	struct lane_prekey keys[3];
	uint32_t next = 0xFFFFFD;

	lanedb_value_save(
		lane->db, "next_prekey_id", &next, sizeof(next), &lane->err);
	assert_int_equal(lanedb_prekeys_make(lane->db, 3, keys, &lane->err), 0);
	assert_int_equal(keys[0].id, 0xFFFFFD);
	assert_int_equal(keys[1].id, 0xFFFFFE);
	assert_int_equal(keys[2].id, 1);
}

static void prekeys_wait_until_they_are_uploaded(void **state)
{
	struct lane *lane = *state;
	struct lane_prekey made[6], pending[6];
	scoped(buf_fini) struct buf out = BUF_INIT;

	lanedb_prekeys_make(lane->db, 6, made, &lane->err);
	assert_int_equal(
		lanedb_prekeys_pending(lane->db, pending, 4, &lane->err), 4);
	assert_int_equal(pending[0].id, 1);
	assert_memory_equal(&pending[3].key, &made[3].key, sizeof(made[3].key));
	lanedb_prekeys_mark_uploaded(lane->db, 1, 4, &lane->err);
	assert_int_equal(
		lanedb_prekeys_pending(lane->db, pending, 6, &lane->err), 2);
	assert_int_equal(pending[0].id, 5);
	assert_int_equal(lanedb_prekeys_count(lane->db, true, &lane->err), 4);
	assert_int_equal(lanedb_prekeys_count(lane->db, false, &lane->err), 2);
	assert_int_equal(lanedb_prekey_load(lane->db, 2, &out, &lane->err), 1);
	assert_int_equal(out.len, 64);
	assert_memory_equal(out.data, made[1].key.priv, 32);
	assert_memory_equal(out.data + 32, made[1].key.pub, 32);
	lanedb_prekey_remove(lane->db, 2, &lane->err);
	assert_int_equal(lanedb_prekey_load(lane->db, 2, &out, &lane->err), 0);
}

static void a_rolled_back_prekey_gives_its_number_back(void **state)
{
	struct lane *lane = *state;
	struct lane_prekey key;

	lanedb_prekeys_make(lane->db, 1, &key, &lane->err);
	lanedb_rollback(lane->db);
	lanedb_prekeys_make(lane->db, 1, &key, &lane->err);
	assert_int_equal(key.id, 1);
	assert_int_equal(lanedb_prekeys_count(lane->db, false, &lane->err), 1);
}

static void the_newest_three_signed_prekeys_stay(void **state)
{
	struct lane *lane = *state;
	struct lane_signed_prekey newest;
	scoped(buf_fini) struct buf out = BUF_INIT;

	assert_int_equal(
		lanedb_signed_prekey_newest(lane->db, &newest, &lane->err), 0);
	for (uint32_t id = 1; id <= 5; id++) {
		struct lane_signed_prekey key = { .id = id,
			.created_ms = NOW_MS + id };

		wa_keypair_new(&key.key);
		memset(key.signature, (int)id, sizeof(key.signature));
		assert_int_equal(
			lanedb_signed_prekey_save(lane->db, &key, &lane->err),
			0);
	}
	assert_int_equal(
		lanedb_signed_prekey_newest(lane->db, &newest, &lane->err), 1);
	assert_int_equal(newest.id, 5);
	assert_int_equal(newest.signature[63], 5);
	assert_int_equal(
		lanedb_signed_prekey_load(lane->db, 2, &out, &lane->err), 0);
	assert_int_equal(
		lanedb_signed_prekey_load(lane->db, 3, &out, &lane->err), 1);
	assert_int_equal(out.len, 128);
	assert_int_equal(out.data[64], 3);
}

/* ---- PN -> LID ---- */

static const char *load_with(
	int (*loader)(struct lanedb *, const struct wa_jid *, struct buf *,
		struct err *),
	struct lane *lane, struct wa_jid address)
{
	static char text[64];
	scoped(buf_fini) struct buf out = BUF_INIT;
	int rc = loader(lane->db, &address, &out, &lane->err);

	assert_in_range(rc, 0, 1);
	snprintf(text, sizeof(text), "%.*s", (int)out.len,
		rc == 1 ? (const char *)out.data : "");
	return text;
}

static void save_identity(
	struct lane *lane, struct wa_jid address, const char *key)
{
	assert_int_equal(lanedb_peer_identity_save(lane->db, &address,
				 (const uint8_t *)key, strlen(key), &lane->err),
		0);
}

static bool learn(struct lane *lane, const char *pn, const char *lid)
{
	struct wa_jid pn_jid = wa_jid_pn(pn, 0), lid_jid = wa_jid_lid(lid, 0);
	bool is_new = false;

	assert_int_equal(lanedb_mapping_learn(lane->db, &pn_jid, &lid_jid,
				 &is_new, &lane->err),
		0);
	return is_new;
}

static void learning_a_pair_moves_records_of_all_devices(void **state)
{
	struct lane *lane = *state;

	save(lane, wa_jid_pn("1555", 0), "s0");
	commit(lane);
	save(lane, wa_jid_pn("1555", 9), "s9"); /* still only in memory */
	save(lane, wa_jid_pn("1666", 0), "other");
	save_identity(lane, wa_jid_pn("1555", 0), "i0");
	assert_true(learn(lane, "1555", "900"));
	assert_string_equal(load(lane, wa_jid_lid("900", 0)), "s0");
	assert_string_equal(load(lane, wa_jid_lid("900", 9)), "s9");
	assert_string_equal(load_with(lanedb_peer_identity_load, lane,
				    wa_jid_lid("900", 0)),
		"i0");
	assert_string_equal(load(lane, wa_jid_pn("1555", 0)), "");
	assert_string_equal(load(lane, wa_jid_pn("1666", 0)), "other");
	commit(lane);
	reopen(lane);
	assert_string_equal(load(lane, wa_jid_lid("900", 9)), "s9");
	assert_string_equal(load(lane, wa_jid_pn("1555", 9)), "");
	assert_false(learn(lane, "1555", "900"));
}

static void the_lids_own_record_stays(void **state)
{
	struct lane *lane = *state;

	save(lane, wa_jid_pn("1555", 0), "pn0");
	save(lane, wa_jid_pn("1555", 1), "pn1");
	save(lane, wa_jid_lid("900", 0), "lid0");
	learn(lane, "1555", "900");
	assert_string_equal(load(lane, wa_jid_lid("900", 0)), "lid0");
	assert_string_equal(load(lane, wa_jid_lid("900", 1)), "pn1");
	assert_string_equal(load(lane, wa_jid_pn("1555", 0)), "");
}

static void sender_keys_move_in_every_group(void **state)
{
	struct lane *lane = *state;
	struct wa_jid pn = wa_jid_pn("1555", 2), lid = wa_jid_lid("900", 2);
	struct wa_jid a = { .user = "1", .server = WA_SERVER_GROUP };
	struct wa_jid b = { .user = "2", .server = WA_SERVER_GROUP };
	scoped(buf_fini) struct buf out = BUF_INIT;

	lanedb_sender_key_save(
		lane->db, &a, &pn, (const uint8_t *)"ka", 2, &lane->err);
	lanedb_sender_key_save(
		lane->db, &b, &pn, (const uint8_t *)"kb", 2, &lane->err);
	lanedb_sender_key_save(
		lane->db, &b, &lid, (const uint8_t *)"own", 3, &lane->err);
	learn(lane, "1555", "900");
	assert_int_equal(
		lanedb_sender_key_load(lane->db, &a, &lid, &out, &lane->err),
		1);
	assert_memory_equal(out.data, "ka", 2);
	buf_clear(&out);
	assert_int_equal(
		lanedb_sender_key_load(lane->db, &b, &lid, &out, &lane->err),
		1);
	assert_memory_equal(out.data, "own", 3);
	assert_int_equal(
		lanedb_sender_key_load(lane->db, &a, &pn, &out, &lane->err), 0);
}

static void a_rolled_back_pair_moves_nothing(void **state)
{
	struct lane *lane = *state;
	struct wa_jid lid = wa_jid_lid("900", 0), pn;

	save(lane, wa_jid_pn("1555", 0), "s0");
	commit(lane);
	learn(lane, "1555", "900");
	assert_string_equal(load(lane, lid), "s0");
	lanedb_rollback(lane->db);
	assert_string_equal(load(lane, lid), "");
	assert_string_equal(load(lane, wa_jid_pn("1555", 0)), "s0");
	assert_int_equal(lanedb_pn_of(lane->db, &lid, &pn, &lane->err), 0);
}

static void a_pair_is_found_both_ways_with_its_device(void **state)
{
	struct lane *lane = *state;
	struct wa_jid pn = wa_jid_pn("1555", 4), lid = wa_jid_lid("900", 4);
	struct wa_jid out;

	assert_int_equal(lanedb_lid_of(lane->db, &pn, &out, &lane->err), 0);
	learn(lane, "1555", "900");
	assert_int_equal(lanedb_lid_of(lane->db, &pn, &out, &lane->err), 1);
	assert_true(wa_jid_equal(&out, &lid));
	assert_int_equal(lanedb_pn_of(lane->db, &lid, &out, &lane->err), 1);
	assert_true(wa_jid_equal(&out, &pn));
}

static void a_contradicting_pair_replaces_the_older_ones(void **state)
{
	struct lane *lane = *state;
	struct wa_jid pn = wa_jid_pn("1555", 0), other = wa_jid_pn("1666", 0);
	struct wa_jid out;

	learn(lane, "1555", "900");
	learn(lane, "1666", "901");
	assert_true(learn(lane, "1555", "901"));
	assert_int_equal(lanedb_lid_of(lane->db, &pn, &out, &lane->err), 1);
	assert_string_equal(out.user, "901");
	assert_int_equal(lanedb_lid_of(lane->db, &other, &out, &lane->err), 0);
}

static void only_a_pn_and_a_lid_make_a_pair(void **state)
{
	struct lane *lane = *state;
	struct wa_jid pn = wa_jid_pn("1555", 0), lid = wa_jid_lid("900", 0);
	struct wa_jid none = wa_jid_pn("", 0);

	assert_int_equal(
		lanedb_mapping_learn(lane->db, &lid, &pn, NULL, &lane->err),
		-1);
	assert_int_equal(lane->err.code, ERR_INVALID);
	assert_int_equal(
		lanedb_mapping_learn(lane->db, &none, &lid, NULL, &lane->err),
		-1);
}

static void forgetting_a_user_spares_the_others(void **state)
{
	struct lane *lane = *state;
	struct wa_jid user = wa_jid_lid("1", 0);

	save(lane, wa_jid_lid("1", 0), "a");
	save(lane, wa_jid_lid("1", 5), "b");
	save(lane, wa_jid_lid("11", 0), "c");
	save_identity(lane, wa_jid_lid("1", 5), "i");
	assert_int_equal(lanedb_user_forget(lane->db, &user, &lane->err), 0);
	commit(lane);
	assert_string_equal(load(lane, wa_jid_lid("1", 0)), "");
	assert_string_equal(load(lane, wa_jid_lid("1", 5)), "");
	assert_string_equal(load(lane, wa_jid_lid("11", 0)), "c");
	assert_string_equal(
		load_with(lanedb_peer_identity_load, lane, wa_jid_lid("1", 5)),
		"");
}

/* ---- the small tables ---- */

static void a_device_list_is_bounded_by_its_reader(void **state)
{
	struct lane *lane = *state;
	const uint16_t in[] = { 0, 7, 65535 };
	struct wa_jid user = wa_jid_lid("1", 0);
	uint16_t out[3] = { 0 };
	int64_t fetched_ms;
	size_t n;

	assert_int_equal(lanedb_devices_load(lane->db, &user, out, 3, &n,
				 &fetched_ms, &lane->err),
		0);
	lanedb_devices_save(lane->db, &user, in, 3, NOW_MS, &lane->err);
	assert_int_equal(lanedb_devices_load(lane->db, &user, out, 3, &n,
				 &fetched_ms, &lane->err),
		1);
	assert_int_equal(n, 3);
	assert_memory_equal(out, in, sizeof(in));
	assert_int_equal(fetched_ms, NOW_MS);
	lanedb_devices_load(
		lane->db, &user, out, 2, &n, &fetched_ms, &lane->err);
	assert_int_equal(n, 2);
	lanedb_devices_save(lane->db, &user, NULL, 0, NOW_MS, &lane->err);
	assert_int_equal(lanedb_devices_load(lane->db, &user, out, 3, &n,
				 &fetched_ms, &lane->err),
		1);
	assert_int_equal(n, 0);
	lanedb_devices_forget(lane->db, &user, &lane->err);
	assert_int_equal(lanedb_devices_load(lane->db, &user, out, 3, &n,
				 &fetched_ms, &lane->err),
		0);
}

static void sent_messages_are_kept_until_they_expire(void **state)
{
	struct lane *lane = *state;
	scoped(buf_fini) struct buf out = BUF_INIT;
	char envelope[LANE_ENVELOPE];
	struct wa_jid chat;

	for (int i = 0; i < 3; i++) {
		char id[16];
		struct lane_sent sent = { .wa_id = id,
			.chat = wa_jid_lid("1", 0),
			.message = (const uint8_t *)id,
			.n = 2,
			.sent_ms = NOW_MS + i };

		snprintf(id, sizeof(id), "m%d", i);
		assert_int_equal(
			lanedb_sent_save(lane->db, &sent, &lane->err), 0);
	}
	assert_int_equal(
		lanedb_sent_expire(lane->db, NOW_MS + 2, 1, &lane->err), 0);
	assert_int_equal(lanedb_sent_load(lane->db, "m0", &chat, envelope, &out,
				 &lane->err),
		0);
	assert_int_equal(lanedb_sent_load(lane->db, "m1", &chat, envelope, &out,
				 &lane->err),
		1);
	assert_memory_equal(out.data, "m1", 2);
	assert_string_equal(chat.user, "1");
	lanedb_sent_expire(lane->db, NOW_MS + 2, 10, &lane->err);
	assert_int_equal(lanedb_sent_load(lane->db, "m1", &chat, envelope, &out,
				 &lane->err),
		0);
	assert_int_equal(lanedb_sent_load(lane->db, "m2", &chat, envelope, &out,
				 &lane->err),
		1);
}

static void retries_are_counted_by_direction_peer_and_id(void **state)
{
	struct lane *lane = *state;
	struct wa_jid a = wa_jid_lid("1", 0), b = wa_jid_lid("1", 2);
	int n = 0;

	lanedb_retry_count(lane->db, "out", &a, "m", NOW_MS, &n, &lane->err);
	lanedb_retry_count(lane->db, "out", &a, "m", NOW_MS, &n, &lane->err);
	assert_int_equal(n, 2);
	lanedb_retry_count(lane->db, "in", &a, "m", NOW_MS, &n, &lane->err);
	assert_int_equal(n, 1);
	lanedb_retry_count(lane->db, "out", &b, "m", NOW_MS, &n, &lane->err);
	assert_int_equal(n, 1);
	lanedb_sent_expire(lane->db, NOW_MS + 1, 10, &lane->err);
	lanedb_retry_count(lane->db, "out", &a, "m", NOW_MS, &n, &lane->err);
	assert_int_equal(n, 1);
}

static void a_base_key_is_compared_with_the_last_one(void **state)
{
	struct lane *lane = *state;
	struct wa_jid a = wa_jid_lid("1", 0);
	const uint8_t first[33] = { 5, 1 }, second[33] = { 5, 2 };
	bool same = true;
	int n;

	lanedb_retry_count(lane->db, "out", &a, "m", NOW_MS, &n, &lane->err);
	lanedb_retry_base_key(lane->db, &a, "m", first, &same, &lane->err);
	assert_false(same);
	lanedb_retry_base_key(lane->db, &a, "m", first, &same, &lane->err);
	assert_true(same);
	lanedb_retry_base_key(lane->db, &a, "m", second, &same, &lane->err);
	assert_false(same);
	lanedb_retry_base_key(lane->db, &a, "m", second, &same, &lane->err);
	assert_true(same);
}

static void a_stanza_is_seen_once_until_it_expires(void **state)
{
	struct lane *lane = *state;
	struct wa_jid chat = wa_jid_lid("1", 0), sender = wa_jid_lid("2", 3);
	bool seen = true;

	lanedb_seen(lane->db, &chat, &sender, "m", NOW_MS, &seen, &lane->err);
	assert_false(seen);
	lanedb_seen(lane->db, &chat, &sender, "m", NOW_MS, &seen, &lane->err);
	assert_true(seen);
	lanedb_seen(lane->db, &sender, &sender, "m", NOW_MS, &seen, &lane->err);
	assert_false(seen);
	lanedb_seen_expire(lane->db, NOW_MS + 1, 10, &lane->err);
	lanedb_seen(lane->db, &chat, &sender, "m", NOW_MS, &seen, &lane->err);
	assert_false(seen);
}

static void an_older_token_does_not_replace_a_newer(void **state)
{
	struct lane *lane = *state;
	struct wa_jid user = wa_jid_lid("1", 0);
	scoped(buf_fini) struct buf out = BUF_INIT;
	int64_t t;

	lanedb_token_save(
		lane->db, &user, (const uint8_t *)"new", 3, 20, &lane->err);
	lanedb_token_save(
		lane->db, &user, (const uint8_t *)"old", 3, 10, &lane->err);
	assert_int_equal(
		lanedb_token_load(lane->db, &user, &out, &t, &lane->err), 1);
	assert_memory_equal(out.data, "new", 3);
	assert_int_equal(t, 20);
}

static void app_keys_are_counted_once_an_id(void **state)
{
	struct lane *lane = *state;
	uint8_t id[65] = { 1 };

	lanedb_app_key_save(
		lane->db, id, 6, (const uint8_t *)"d", 1, 1, &lane->err);
	lanedb_app_key_save(
		lane->db, id, 6, (const uint8_t *)"e", 1, 2, &lane->err);
	assert_int_equal(lanedb_app_key_count(lane->db, &lane->err), 1);
	assert_int_equal(lanedb_app_key_save(lane->db, id, sizeof(id),
				 (const uint8_t *)"e", 1, 2, &lane->err),
		-1);
	assert_int_equal(lane->err.code, ERR_INVALID);
}

/* ---- the file ---- */

static void the_file_is_private_and_kept_from_others(void **state)
{
	struct lane *lane = *state;
	sqlite3 *other = NULL;
	struct stat st;

	lanedb_value_save(lane->db, "v", "x", 1, &lane->err);
	commit(lane);
	assert_int_equal(stat(lane->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(sqlite3_open(lane->path, &other), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(other, "SELECT * FROM value", NULL, NULL, NULL),
		SQLITE_BUSY);
	sqlite3_close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LANE_TEST(a_session_is_kept_over_restarts),
		LANE_TEST(what_is_not_committed_is_lost_with_the_process),
		LANE_TEST(a_rollback_brings_the_last_commit_back),
		LANE_TEST(a_rollback_undoes_a_delete),
		LANE_TEST(a_session_reaches_the_file_at_the_end_of_the_turn),
		LANE_TEST(more_sessions_than_the_cache_has_room_for),
		LANE_TEST(large_records_push_others_out_and_stay_whole),
		LANE_TEST(records_do_not_open_in_another_lane),
		LANE_TEST(a_record_does_not_open_under_another_name),
		LANE_TEST(no_secret_reaches_the_disk_in_the_clear),
		LANE_TEST(an_identity_comes_back_whole),
		LANE_TEST(an_unpaired_identity_has_no_address),
		LANE_TEST(a_damaged_identity_is_an_error),
		LANE_TEST(a_value_is_replaced_and_bound_to_its_name),
		LANE_TEST(prekey_ids_are_never_given_again),
		LANE_TEST(prekey_ids_wrap_before_the_24th_bit_pattern_of_ones),
		LANE_TEST(prekeys_wait_until_they_are_uploaded),
		LANE_TEST(a_rolled_back_prekey_gives_its_number_back),
		LANE_TEST(the_newest_three_signed_prekeys_stay),
		LANE_TEST(learning_a_pair_moves_records_of_all_devices),
		LANE_TEST(the_lids_own_record_stays),
		LANE_TEST(sender_keys_move_in_every_group),
		LANE_TEST(a_rolled_back_pair_moves_nothing),
		LANE_TEST(a_pair_is_found_both_ways_with_its_device),
		LANE_TEST(a_contradicting_pair_replaces_the_older_ones),
		LANE_TEST(only_a_pn_and_a_lid_make_a_pair),
		LANE_TEST(forgetting_a_user_spares_the_others),
		LANE_TEST(a_device_list_is_bounded_by_its_reader),
		LANE_TEST(sent_messages_are_kept_until_they_expire),
		LANE_TEST(retries_are_counted_by_direction_peer_and_id),
		LANE_TEST(a_base_key_is_compared_with_the_last_one),
		LANE_TEST(a_stanza_is_seen_once_until_it_expires),
		LANE_TEST(an_older_token_does_not_replace_a_newer),
		LANE_TEST(app_keys_are_counted_once_an_id),
		LANE_TEST(the_file_is_private_and_kept_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
