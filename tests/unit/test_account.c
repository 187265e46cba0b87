#include "common/store/account.h"

#include "tests/unit/store_fixture.h"

struct seen {
	int64_t id;
	char email[64];
	char names[128];
	int n;
	int stop_after; /* 0 = never */
};

static int on_account(const struct account *account, void *arg)
{
	struct seen *seen = arg;

	seen->n++;
	seen->id = account->id;
	snprintf(seen->email, sizeof(seen->email), "%s", account->email);
	return seen->n == seen->stop_after;
}

static int on_key(const struct api_key *key, void *arg)
{
	struct seen *seen = arg;
	size_t n = strlen(seen->names);

	seen->n++;
	seen->id = key->id;
	assert_true(key->is_active);
	snprintf(seen->names + n, sizeof(seen->names) - n, "%s ", key->name);
	return 0;
}

/* A key called @name whose hash is thirty-two times @byte. */
static int64_t add_key(struct fixture *f, const char *name, uint8_t byte)
{
	uint8_t hash[SECRET_HASH_BYTES];
	struct api_key key = { .account_id = f->account_id,
		.public_id = name,
		.name = name,
		.prefix = "wak_12",
		.created_ms = NOW_MS };
	struct tx *tx = begin(f);
	int64_t id = 0;

	memset(hash, byte, sizeof(hash));
	assert_int_equal(store_api_key_create(tx, &key, hash, &id, &f->err), 0);
	commit(f, tx);
	return id;
}

static int account_of(struct fixture *f, uint8_t byte, int64_t *account_id)
{
	uint8_t hash[SECRET_HASH_BYTES];
	int64_t key_id;

	memset(hash, byte, sizeof(hash));
	f->err = ERR_NONE;
	return store_api_key_account(
		f->store, hash, account_id, &key_id, &f->err);
}

static int revoke_key(
	struct fixture *f, int64_t account_id, const char *public_id)
{
	struct tx *tx = begin(f);
	int rc;

	f->err = ERR_NONE;
	rc = store_api_key_revoke(tx, account_id, public_id, &f->err);
	if (rc == 0)
		commit(f, tx);
	else
		tx_end(&tx);
	return rc;
}

static void an_account_is_found_by_each_of_its_names(void **state)
{
	struct fixture *f = *state;
	struct seen by_email = { 0 }, by_id = { 0 };

	assert_int_equal(store_account_by_email(f->store, "bob@example.com",
				 on_account, &by_email, &f->err),
		0);
	assert_int_equal(by_email.id, f->other_account_id);
	assert_int_equal(store_account_by_id(f->store, f->account_id,
				 on_account, &by_id, &f->err),
		0);
	assert_string_equal(by_id.email, "ada@example.com");
}

static void an_unknown_account_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };

	assert_int_equal(store_account_by_email(f->store, "eve@example.com",
				 on_account, &seen, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	f->err = ERR_NONE;
	assert_int_equal(store_account_by_public_id(f->store,
				 "00000000-0000-7000-8000-000000000000",
				 on_account, &seen, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	assert_int_equal(seen.n, 0);
}

static void a_taken_email_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	struct account account = { .public_id = "x",
		.name = "Other Ada",
		.email = "ada@example.com",
		.password_hash = "h",
		.plan = "pro" };
	struct tx *tx = begin(f);
	int64_t id;

	assert_int_equal(store_account_create(tx, &account, &id, &f->err), -1);
	assert_int_equal(f->err.code, ERR_CONFLICT);
	tx_end(&tx);
}

static void a_list_stops_when_its_reader_has_enough(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { .stop_after = 1 };

	assert_int_equal(
		store_account_list(f->store, on_account, &seen, &f->err), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.id, f->account_id);
}

static void a_key_opens_its_account_until_it_is_revoked(void **state)
{
	struct fixture *f = *state;
	int64_t account_id = 0;

	add_key(f, "ci", 7);
	assert_int_equal(account_of(f, 7, &account_id), 0);
	assert_int_equal(account_id, f->account_id);
	assert_int_equal(account_of(f, 8, &account_id), -1);
	assert_int_equal(f->err.code, ERR_UNAUTHORIZED);
	assert_int_equal(revoke_key(f, f->account_id, "ci"), 0);
	assert_int_equal(account_of(f, 7, &account_id), -1);
	assert_int_equal(f->err.code, ERR_UNAUTHORIZED);
}

static void nobody_revokes_the_key_of_another(void **state)
{
	struct fixture *f = *state;
	int64_t account_id;

	add_key(f, "ci", 7);
	assert_int_equal(revoke_key(f, f->other_account_id, "ci"), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	assert_int_equal(account_of(f, 7, &account_id), 0);
}

static void every_change_of_keys_moves_the_generation(void **state)
{
	struct fixture *f = *state;
	int64_t first = store_api_key_generation(f->store), second;

	add_key(f, "ci", 7);
	second = store_api_key_generation(f->store);
	assert_true(second > first);
	revoke_key(f, f->other_account_id, "ci");
	assert_int_equal(store_api_key_generation(f->store), second);
	revoke_key(f, f->account_id, "ci");
	assert_true(store_api_key_generation(f->store) > second);
}

static void keys_are_listed_newest_first_in_pages(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	int64_t total = 0;

	add_key(f, "a", 1);
	add_key(f, "b", 2);
	add_key(f, "c", 3);
	assert_int_equal(store_api_key_list(f->store, f->account_id,
				 (struct page){ .offset = 1, .limit = 5 },
				 on_key, &seen, &total, &f->err),
		0);
	assert_string_equal(seen.names, "b a ");
	assert_int_equal(total, 3);
	seen = (struct seen){ 0 };
	assert_int_equal(store_api_key_list(f->store, f->other_account_id,
				 (struct page){ .limit = 5 }, on_key, &seen,
				 &total, &f->err),
		0);
	assert_int_equal(seen.n, 0);
	assert_int_equal(total, 0);
}

static int on_used(const struct api_key *key, void *arg)
{
	*(int64_t *)arg = key->last_used_ms;
	return 0;
}

static void the_last_use_never_goes_back(void **state)
{
	struct fixture *f = *state;
	int64_t id = add_key(f, "ci", 7), used_ms = -1, total;
	struct tx *tx = begin(f);

	assert_int_equal(store_api_key_used(tx, id, NOW_MS + 5, &f->err), 0);
	assert_int_equal(store_api_key_used(tx, id, NOW_MS, &f->err), 0);
	commit(f, tx);
	assert_int_equal(store_api_key_list(f->store, f->account_id,
				 (struct page){ .limit = 1 }, on_used, &used_ms,
				 &total, &f->err),
		0);
	assert_int_equal(used_ms, NOW_MS + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(an_account_is_found_by_each_of_its_names),
		STORE_TEST(an_unknown_account_is_not_found),
		STORE_TEST(a_taken_email_is_a_conflict),
		STORE_TEST(a_list_stops_when_its_reader_has_enough),
		STORE_TEST(a_key_opens_its_account_until_it_is_revoked),
		STORE_TEST(nobody_revokes_the_key_of_another),
		STORE_TEST(every_change_of_keys_moves_the_generation),
		STORE_TEST(keys_are_listed_newest_first_in_pages),
		STORE_TEST(the_last_use_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
