#include "common/store/lanedb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/lanedb_impl.h"

#define NOW_MS INT64_C(1779539696789)

struct place {
	char dir[64], path[96];
	struct secret_key key;
	struct lanedb *db;
	struct err err;
};

static int setup(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));

	wa_crypto_init();
	snprintf(place->dir, sizeof(place->dir), "/tmp/vereda-lane-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->path, sizeof(place->path), "%s/dev.db", place->dir);
	memset(&place->key, 7, sizeof(place->key));
	assert_int_equal(
		lanedb_open(place->path, &place->key, &place->db, &place->err),
		0);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	assert_int_equal(
		lanedb_destroy(&place->db, place->path, &place->err), 0);
	assert_int_equal(rmdir(place->dir), 0);
	free(place);
	return 0;
}

#define PLACE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static struct wa_media_ref ref_make(uint8_t seed)
{
	struct wa_media_ref ref = { .type = WA_MEDIA_VIDEO,
		.length = UINT64_C(0x0102030405060708),
		.has_sha256 = true };

	snprintf(ref.direct_path, sizeof(ref.direct_path), "/v/%d?x", seed);
	snprintf(ref.url, sizeof(ref.url), "https://mmg.example/v/%d?x", seed);
	memset(ref.key, seed, sizeof(ref.key));
	memset(ref.sha256, seed + 1, sizeof(ref.sha256));
	memset(ref.enc_sha256, seed + 2, sizeof(ref.enc_sha256));
	return ref;
}

static int load(struct place *place, const struct wa_media_ref *ref,
	struct wa_media_ref *out, int64_t *at_ms)
{
	memset(out, 0, sizeof(*out));
	return lanedb_upload_load(
		place->db, ref->sha256, ref->type, out, at_ms, &place->err);
}

/* ---- uploads ---- */

static void an_upload_is_found_by_file_and_type(void **state)
{
	struct place *place = *state;
	struct wa_media_ref ref = ref_make(1), other = ref_make(1), got;
	int64_t at_ms = 0;

	assert_int_equal(load(place, &ref, &got, &at_ms), 0);
	assert_int_equal(
		lanedb_upload_save(place->db, &ref, NOW_MS, &place->err), 0);
	assert_int_equal(load(place, &ref, &got, &at_ms), 1);
	assert_memory_equal(&got, &ref, sizeof(ref));
	assert_int_equal(at_ms, NOW_MS);
	other.type = WA_MEDIA_DOCUMENT;
	assert_int_equal(load(place, &other, &got, &at_ms), 0);
}

static void the_newest_upload_of_a_file_counts(void **state)
{
	struct place *place = *state;
	struct wa_media_ref first = ref_make(1), second = ref_make(1), got;
	int64_t at_ms = 0;

	second.key[0] ^= 1;
	lanedb_upload_save(place->db, &first, NOW_MS, &place->err);
	lanedb_upload_save(place->db, &second, NOW_MS + 5, &place->err);
	assert_int_equal(load(place, &first, &got, &at_ms), 1);
	assert_memory_equal(&got, &second, sizeof(got));
	assert_int_equal(at_ms, NOW_MS + 5);
}

static void old_uploads_expire_oldest_first(void **state)
{
	struct place *place = *state;
	struct wa_media_ref got;
	int64_t at_ms;

	for (uint8_t i = 0; i < 4; i++) {
		struct wa_media_ref ref = ref_make(i);

		lanedb_upload_save(place->db, &ref, NOW_MS + i, &place->err);
	}
	assert_int_equal(
		lanedb_upload_expire(place->db, NOW_MS + 3, 2, &place->err), 0);
	for (uint8_t i = 0; i < 4; i++) {
		struct wa_media_ref ref = ref_make(i);

		assert_int_equal(load(place, &ref, &got, &at_ms), i >= 2);
	}
}

static void a_row_in_another_place_does_not_open(void **state)
{
	struct place *place = *state;
	struct wa_media_ref ref = ref_make(1), got;
	int64_t at_ms;

	lanedb_upload_save(place->db, &ref, NOW_MS, &place->err);
	assert_int_equal(lanedb_commit(place->db, &place->err), 0);
	assert_int_equal(
		db_exec(&place->db->db, "UPDATE upload SET type = 4", NULL), 0);
	ref.type = WA_MEDIA_DOCUMENT;
	assert_int_equal(load(place, &ref, &got, &at_ms), -1);
}

/* ---- fetches ---- */

static struct lane_fetch fetch_make(int n, int64_t next_ms)
{
	struct lane_fetch fetch = { .chat = wa_jid_pn("15550002222", 0),
		.from_me = n % 2 == 1,
		.ref = ref_make((uint8_t)n),
		.phase = LANE_FETCH_DUE,
		.attempts = n,
		.next_ms = next_ms };

	snprintf(fetch.media_id, sizeof(fetch.media_id), "media-%d", n);
	snprintf(fetch.wa_id, sizeof(fetch.wa_id), "3EB0%d", n);
	if (n % 2 == 1) {
		wa_jid_parse("1203@g.us", 9, &fetch.chat);
		fetch.participant = wa_jid_lid("900002", 0);
	}
	return fetch;
}

static void save(struct place *place, const struct lane_fetch *fetch)
{
	assert_int_equal(lanedb_fetch_save(place->db, fetch, &place->err), 0);
}

static void check_equal(const struct lane_fetch *a, const struct lane_fetch *b)
{
	assert_string_equal(a->media_id, b->media_id);
	assert_string_equal(a->wa_id, b->wa_id);
	assert_true(wa_jid_equal(&a->chat, &b->chat));
	assert_true(wa_jid_equal(&a->participant, &b->participant) ||
		    (wa_jid_is_empty(&a->participant) &&
			    wa_jid_is_empty(&b->participant)));
	assert_int_equal(a->from_me, b->from_me);
	assert_memory_equal(&a->ref, &b->ref, sizeof(a->ref));
	assert_int_equal(a->phase, b->phase);
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->next_ms, b->next_ms);
}

static void a_fetch_is_kept_as_it_is(void **state)
{
	struct place *place = *state;

	for (int i = 0; i < 2; i++) {
		struct lane_fetch fetch = fetch_make(i, NOW_MS), got;

		assert_int_equal(lanedb_fetch_load(place->db, fetch.media_id,
					 &got, &place->err),
			0);
		save(place, &fetch);
		fetch.phase = LANE_FETCH_ASKED;
		fetch.attempts = 7;
		fetch.next_ms = NOW_MS + 1;
		snprintf(fetch.ref.direct_path, sizeof(fetch.ref.direct_path),
			"/another");
		save(place, &fetch);
		assert_int_equal(lanedb_fetch_load(place->db, fetch.media_id,
					 &got, &place->err),
			1);
		check_equal(&got, &fetch);
	}
}

static void the_first_fetch_is_the_one_whose_time_comes_first(void **state)
{
	struct place *place = *state;
	struct lane_fetch late = fetch_make(1, NOW_MS + 9),
			  soon = fetch_make(2, NOW_MS + 1), got;

	assert_int_equal(lanedb_fetch_first(place->db, &got, &place->err), 0);
	save(place, &late);
	save(place, &soon);
	assert_int_equal(lanedb_fetch_first(place->db, &got, &place->err), 1);
	check_equal(&got, &soon);
	assert_int_equal(
		lanedb_fetch_remove(place->db, soon.media_id, &place->err), 0);
	assert_int_equal(lanedb_fetch_first(place->db, &got, &place->err), 1);
	check_equal(&got, &late);
}

static void fetches_of_a_message_id_are_found(void **state)
{
	struct place *place = *state;
	struct lane_fetch got[3];

	for (int i = 0; i < 4; i++) {
		struct lane_fetch fetch = fetch_make(i, NOW_MS);

		snprintf(fetch.wa_id, sizeof(fetch.wa_id), "%s",
			i == 0 ? "other" : "same");
		save(place, &fetch);
	}
	assert_int_equal(
		lanedb_fetch_of_message(place->db, "same", got, 3, &place->err),
		3);
	assert_int_equal(
		lanedb_fetch_of_message(place->db, "same", got, 2, &place->err),
		2);
	assert_int_equal(lanedb_fetch_of_message(
				 place->db, "other", got, 3, &place->err),
		1);
	assert_string_equal(got[0].media_id, "media-0");
	assert_int_equal(
		lanedb_fetch_of_message(place->db, "none", got, 3, &place->err),
		0);
}

static void only_running_fetches_are_released(void **state)
{
	struct place *place = *state;

	for (int i = LANE_FETCH_DUE; i <= LANE_FETCH_PARKED; i++) {
		struct lane_fetch fetch = fetch_make(i, NOW_MS + 1000);

		fetch.phase = (enum lane_fetch_phase)i;
		save(place, &fetch);
	}
	assert_int_equal(
		lanedb_fetch_release(place->db, NOW_MS, &place->err), 0);
	for (int i = LANE_FETCH_DUE; i <= LANE_FETCH_PARKED; i++) {
		struct lane_fetch got;
		char id[32];

		snprintf(id, sizeof(id), "media-%d", i);
		assert_int_equal(
			lanedb_fetch_load(place->db, id, &got, &place->err), 1);
		assert_int_equal(got.phase,
			i == LANE_FETCH_RUNNING ? LANE_FETCH_DUE : i);
		assert_int_equal(got.next_ms,
			i == LANE_FETCH_RUNNING ? NOW_MS : NOW_MS + 1000);
	}
}

/* The message's id is a peer's. */
static void an_id_as_long_as_allowed_is_kept(void **state)
{
	struct place *place = *state;
	struct lane_fetch fetch = fetch_make(1, NOW_MS), got;

	memset(fetch.wa_id, 'x', sizeof(fetch.wa_id) - 1);
	memset(fetch.ref.direct_path, 'p', sizeof(fetch.ref.direct_path) - 1);
	memset(fetch.ref.url, 'u', sizeof(fetch.ref.url) - 1);
	save(place, &fetch);
	assert_int_equal(
		lanedb_fetch_load(place->db, fetch.media_id, &got, &place->err),
		1);
	check_equal(&got, &fetch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(an_upload_is_found_by_file_and_type),
		PLACE_TEST(the_newest_upload_of_a_file_counts),
		PLACE_TEST(old_uploads_expire_oldest_first),
		PLACE_TEST(a_row_in_another_place_does_not_open),
		PLACE_TEST(a_fetch_is_kept_as_it_is),
		PLACE_TEST(the_first_fetch_is_the_one_whose_time_comes_first),
		PLACE_TEST(fetches_of_a_message_id_are_found),
		PLACE_TEST(only_running_fetches_are_released),
		PLACE_TEST(an_id_as_long_as_allowed_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
