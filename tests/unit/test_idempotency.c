#include "common/store/idempotency.h"

#include "tests/unit/store_fixture.h"

static const uint8_t hash_a[32] = { 1 }, hash_b[32] = { 2 };

struct seen {
	uint8_t hash[32];
	int status;
	char body[32];
};

static void on_answer(
	const uint8_t request_hash[32], int status, const char *body, void *arg)
{
	struct seen *seen = arg;

	memcpy(seen->hash, request_hash, 32);
	seen->status = status;
	snprintf(seen->body, sizeof(seen->body), "%s", body);
}

static void put(struct fixture *f, const char *key, const uint8_t hash[32],
	const char *body, int64_t now_ms)
{
	struct tx *tx = begin(f);

	assert_int_equal(store_idempotency_put(tx, f->account_id, key, hash,
				 201, body, now_ms, &f->err),
		0);
	commit(f, tx);
}

static int find(struct fixture *f, int64_t account_id, const char *key,
	int64_t not_before_ms, struct seen *seen)
{
	struct tx *tx = begin(f);
	int rc = store_idempotency_find(
		tx, account_id, key, not_before_ms, on_answer, seen, &f->err);

	tx_end(&tx);
	return rc;
}

static int expire(struct fixture *f, int64_t before_ms, int limit)
{
	struct tx *tx = begin(f);
	int n = store_idempotency_expire(tx, before_ms, limit, &f->err);

	commit(f, tx);
	return n;
}

static void an_answer_is_found_by_its_account_and_key(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };

	put(f, "k", hash_a, "{}", NOW_MS);
	assert_int_equal(find(f, f->account_id, "k", 0, &seen), 1);
	assert_memory_equal(seen.hash, hash_a, 32);
	assert_int_equal(seen.status, 201);
	assert_string_equal(seen.body, "{}");
	assert_int_equal(find(f, f->other_account_id, "k", 0, &seen), 0);
	assert_int_equal(find(f, f->account_id, "K", 0, &seen), 0);
}

static void an_old_answer_is_not_found_and_gives_way(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };

	put(f, "k", hash_a, "old", NOW_MS);
	assert_int_equal(find(f, f->account_id, "k", NOW_MS, &seen), 1);
	assert_int_equal(find(f, f->account_id, "k", NOW_MS + 1, &seen), 0);
	put(f, "k", hash_b, "new", NOW_MS + 2);
	assert_int_equal(find(f, f->account_id, "k", NOW_MS + 1, &seen), 1);
	assert_string_equal(seen.body, "new");
	assert_memory_equal(seen.hash, hash_b, 32);
}

static void expiry_takes_the_oldest_in_bounded_slices(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };

	put(f, "a", hash_a, "a", NOW_MS);
	put(f, "b", hash_a, "b", NOW_MS + 1);
	put(f, "c", hash_a, "c", NOW_MS + 2);
	assert_int_equal(expire(f, NOW_MS + 2, 1), 1);
	assert_int_equal(find(f, f->account_id, "a", 0, &seen), 0);
	assert_int_equal(find(f, f->account_id, "b", 0, &seen), 1);
	assert_int_equal(expire(f, NOW_MS + 2, 10), 1);
	assert_int_equal(expire(f, NOW_MS + 2, 10), 0);
	assert_int_equal(find(f, f->account_id, "c", 0, &seen), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(an_answer_is_found_by_its_account_and_key),
		STORE_TEST(an_old_answer_is_not_found_and_gives_way),
		STORE_TEST(expiry_takes_the_oldest_in_bounded_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
