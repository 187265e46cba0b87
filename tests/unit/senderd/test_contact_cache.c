#include "senderd/contact_cache.h"

#include "common/store/store_impl.h"
#include "tests/unit/store_fixture.h"

#define PN "15550002222"
#define LID "900002"

struct cached {
	struct fixture *f;
	struct contact_cache *cache;
	char id[UUID_LEN]; /* the last answer */
};

static struct cached cached_new(struct fixture *f)
{
	return (struct cached){ .f = f, .cache = contact_cache_new() };
}

/* Returns how many rows changed. */
static int note(
	struct cached *c, const char *phone, const char *lid, const char *name)
{
	const struct contact_news news = { .account_id = c->f->account_id,
		.phone = phone,
		.lid = lid,
		.push_name = name };
	sqlite3 *db = store_db(c->f->store)->handle;
	struct tx *tx = begin(c->f);
	int before = sqlite3_total_changes(db);

	assert_int_equal(
		contact_cache_note(c->cache, tx, &news, c->id, &c->f->err), 0);
	commit(c->f, tx);
	return sqlite3_total_changes(db) - before;
}

static const char *find(struct cached *c, const char *phone, const char *lid)
{
	const struct contact_news who = {
		.account_id = c->f->account_id, .phone = phone, .lid = lid
	};
	struct tx *tx = begin(c->f);

	assert_int_equal(
		contact_cache_find(c->cache, tx, &who, c->id, &c->f->err), 0);
	tx_end(&tx);
	return c->id;
}

static void run(struct fixture *f, const char *sql)
{
	assert_int_equal(
		sqlite3_exec(store_db(f->store)->handle, sql, NULL, NULL, NULL),
		SQLITE_OK);
}

static void a_burst_from_one_contact_asks_the_store_once(void **state)
{
	struct cached c = cached_new(*state);
	char first[UUID_LEN];

	assert_int_not_equal(note(&c, PN, LID, "Bob"), 0);
	memcpy(first, c.id, UUID_LEN);
	run(c.f, "DELETE FROM contact"); /* nobody looks there */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(note(&c, PN, LID, "Bob"), 0);
		assert_string_equal(c.id, first);
	}
	assert_string_equal(find(&c, PN, NULL), first);
	assert_string_equal(find(&c, PN, LID), first);
	contact_cache_free(&c.cache);
}

static void news_reach_the_store(void **state)
{
	struct cached c = cached_new(*state);
	char first[UUID_LEN];

	note(&c, PN, NULL, NULL);
	memcpy(first, c.id, UUID_LEN);
	assert_int_not_equal(note(&c, PN, LID, NULL), 0);
	assert_int_not_equal(note(&c, PN, LID, "Bob"), 0);
	assert_int_not_equal(note(&c, PN, LID, "Robert"), 0);
	assert_string_equal(c.id, first);
	contact_cache_free(&c.cache);
}

static void two_that_become_one_are_not_told_apart_any_more(void **state)
{
	struct cached c = cached_new(*state);
	char first[UUID_LEN];

	note(&c, PN, NULL, NULL);
	memcpy(first, c.id, UUID_LEN);
	note(&c, NULL, LID, NULL);
	assert_string_not_equal(c.id, first);
	note(&c, PN, LID, NULL);
	assert_string_equal(c.id, first);
	note(&c, NULL, LID, NULL);
	assert_string_equal(c.id, first);
	assert_string_equal(find(&c, NULL, LID), first);
	contact_cache_free(&c.cache);
}

static void what_was_rolled_back_is_forgotten(void **state)
{
	struct cached c = cached_new(*state);
	const struct contact_news news = { .account_id = c.f->account_id,
		.phone = PN };
	struct tx *tx = begin(c.f);

	assert_int_equal(
		contact_cache_note(c.cache, tx, &news, c.id, &c.f->err), 0);
	tx_end(&tx);
	contact_cache_clear(c.cache);
	assert_string_equal(find(&c, PN, NULL), "");
	contact_cache_free(&c.cache);
}

static void nobody_has_no_contact(void **state)
{
	struct cached c = cached_new(*state);

	assert_int_equal(note(&c, NULL, NULL, "Bob"), 0);
	assert_string_equal(c.id, "");
	assert_string_equal(find(&c, NULL, NULL), "");
	assert_string_equal(find(&c, PN, LID), "");
	contact_cache_free(&c.cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_burst_from_one_contact_asks_the_store_once),
		STORE_TEST(news_reach_the_store),
		STORE_TEST(two_that_become_one_are_not_told_apart_any_more),
		STORE_TEST(what_was_rolled_back_is_forgotten),
		STORE_TEST(nobody_has_no_contact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
