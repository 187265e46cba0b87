#include "common/store/contact.h"

#include "common/store/store_impl.h"
#include "tests/unit/store_fixture.h"

#define PN "15550002222"
#define OTHER_PN "15550003333"
#define LID "900002"
#define OTHER_LID "900003"

struct noted {
	int64_t id;
	char public_id[UUID_LEN];
};

static struct noted note_named(struct fixture *f, const char *phone,
	const char *lid, const char *name, const char *push_name)
{
	struct noted noted = { 0 };
	struct tx *tx = begin(f);
	const struct contact_news news = { .account_id = f->account_id,
		.phone = phone,
		.lid = lid,
		.name = name,
		.push_name = push_name };

	assert_int_equal(store_contact_note(tx, &news, NOW_MS, &noted.id,
				 noted.public_id, &f->err),
		0);
	commit(f, tx);
	return noted;
}

static struct noted note(struct fixture *f, const char *phone, const char *lid)
{
	return note_named(f, phone, lid, NULL, NULL);
}

static void copy(char out[64], const char *text)
{
	snprintf(out, 64, "%s", text != NULL ? text : "-");
}

struct seen {
	char phone[64], lid[64], name[64], push_name[64];
	int n;
};

static int on_contact(const struct contact *c, void *arg)
{
	struct seen *seen = arg;

	seen->n++;
	copy(seen->phone, c->phone);
	copy(seen->lid, c->lid);
	copy(seen->name, c->name);
	copy(seen->push_name, c->push_name);
	return 0;
}

static struct seen look(struct fixture *f, const char *public_id)
{
	struct seen seen = { .n = 0 };

	assert_int_equal(store_contact_by_public_id(f->store, f->account_id,
				 public_id, on_contact, &seen, &f->err),
		0);
	return seen;
}

static int count(struct fixture *f)
{
	struct seen seen = { .n = 0 };
	struct page page = { .limit = 100 };
	int64_t total = -1;

	assert_int_equal(store_contact_list(f->store, f->account_id, page,
				 on_contact, &seen, &total, &f->err),
		0);
	assert_int_equal(seen.n, total);
	return seen.n;
}

static void one_person_is_one_row_whatever_is_known_first(void **state)
{
	static const struct {
		const char *what;
		const char *steps[3][2]; /* phone, lid */
	} table[] = {
		{ "number, both", { { PN, NULL }, { PN, LID } } },
		{ "LID, both", { { NULL, LID }, { PN, LID } } },
		{ "both, each", { { PN, LID }, { PN, NULL }, { NULL, LID } } },
		{ "each, then both",
			{ { PN, NULL }, { NULL, LID }, { PN, LID } } },
		{ "the other way",
			{ { NULL, LID }, { PN, NULL }, { PN, LID } } },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixture *f;
		struct noted first = { 0 }, last = { 0 };
		struct seen seen;

		assert_int_equal(fixture_setup((void **)&f), 0);
		for (size_t j = 0; j < 3; j++) {
			const char *const *step = table[i].steps[j];

			if (step[0] == NULL && step[1] == NULL)
				continue;
			last = note(f, step[0], step[1]);
			if (j == 0)
				first = last;
		}
		seen = look(f, first.public_id);
		if (last.id != first.id || count(f) != 1)
			print_error("%s\n", table[i].what);
		assert_int_equal(last.id, first.id);
		assert_string_equal(last.public_id, first.public_id);
		assert_int_equal(count(f), 1);
		assert_string_equal(seen.phone, PN);
		assert_string_equal(seen.lid, LID);
		assert_int_equal(fixture_teardown((void **)&f), 0);
	}
	(void)state;
}

static void names_are_kept_changed_and_removed(void **state)
{
	struct fixture *f = *state;
	struct noted c = note_named(f, PN, NULL, "Bob B.", "bobby");

	note(f, PN, LID);
	assert_string_equal(look(f, c.public_id).name, "Bob B.");
	assert_string_equal(look(f, c.public_id).push_name, "bobby");
	note_named(f, NULL, LID, NULL, "Bob");
	assert_string_equal(look(f, c.public_id).push_name, "Bob");
	assert_string_equal(look(f, c.public_id).name, "Bob B.");
	note_named(f, PN, NULL, "", NULL);
	assert_string_equal(look(f, c.public_id).name, "-");
}

static void a_merge_keeps_the_names_of_both(void **state)
{
	struct fixture *f = *state;
	struct noted first = note_named(f, PN, NULL, "Bob B.", NULL);

	note_named(f, NULL, LID, NULL, "bobby");
	note(f, PN, LID);
	assert_string_equal(look(f, first.public_id).name, "Bob B.");
	assert_string_equal(look(f, first.public_id).push_name, "bobby");
}

static void a_number_that_moves_leaves_its_old_owner(void **state)
{
	struct fixture *f = *state;
	struct noted bob = note(f, PN, LID), eve = note(f, NULL, OTHER_LID);
	struct noted now = note(f, PN, OTHER_LID);

	assert_int_equal(now.id, eve.id);
	assert_string_equal(look(f, bob.public_id).phone, "-");
	assert_string_equal(look(f, bob.public_id).lid, LID);
	assert_string_equal(look(f, eve.public_id).phone, PN);
}

static void a_number_with_a_new_account_is_a_new_contact(void **state)
{
	struct fixture *f = *state;
	struct noted bob = note(f, PN, LID), next = note(f, PN, OTHER_LID);

	assert_int_not_equal(next.id, bob.id);
	assert_string_equal(look(f, bob.public_id).phone, "-");
	assert_string_equal(look(f, next.public_id).phone, PN);
}

static void somebody_who_changes_the_number_stays_the_same_contact(void **state)
{
	struct fixture *f = *state;
	struct noted bob = note(f, PN, LID), later = note(f, OTHER_PN, LID);

	assert_int_equal(later.id, bob.id);
	assert_string_equal(look(f, bob.public_id).phone, OTHER_PN);
	assert_int_equal(count(f), 1);
}

static void accounts_know_their_own_contacts_only(void **state)
{
	struct fixture *f = *state;
	struct noted bob = note(f, PN, LID);
	char id[UUID_LEN];
	struct seen seen = { .n = 0 };

	assert_int_equal(store_contact_public_id(f->store, f->other_account_id,
				 PN, LID, id, &f->err),
		0);
	assert_string_equal(id, "");
	assert_int_equal(
		store_contact_by_public_id(f->store, f->other_account_id,
			bob.public_id, on_contact, &seen, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static void either_name_finds_the_public_id(void **state)
{
	struct fixture *f = *state;
	struct noted bob = note(f, PN, LID);
	static const char *const asked[][2] = { { PN, NULL }, { NULL, LID },
		{ PN, LID }, { OTHER_PN, LID } };
	char id[UUID_LEN];

	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		assert_int_equal(
			store_contact_public_id(f->store, f->account_id,
				asked[i][0], asked[i][1], id, &f->err),
			0);
		assert_string_equal(id, bob.public_id);
	}
	assert_int_equal(store_contact_public_id(f->store, f->account_id,
				 OTHER_PN, NULL, id, &f->err),
		0);
	assert_string_equal(id, "");
}

static void a_contact_without_a_name_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct contact_news news = { .account_id = f->account_id };
	struct tx *tx = begin(f);
	char public_id[UUID_LEN];
	int64_t id;

	assert_int_equal(
		store_contact_note(tx, &news, NOW_MS, &id, public_id, &f->err),
		-1);
	tx_end(&tx);
}

static void nothing_new_writes_nothing(void **state)
{
	struct fixture *f = *state;
	int before, after;
	struct tx *tx;
	const struct contact_news news = { .account_id = f->account_id,
		.phone = PN,
		.lid = LID,
		.push_name = "Bob" };
	char public_id[UUID_LEN];
	int64_t id;

	note_named(f, PN, LID, NULL, "Bob");
	tx = begin(f);
	before = sqlite3_total_changes(store_db(f->store)->handle);
	assert_int_equal(store_contact_note(tx, &news, NOW_MS + 1, &id,
				 public_id, &f->err),
		0);
	after = sqlite3_total_changes(store_db(f->store)->handle);
	commit(f, tx);
	assert_int_equal(after, before);
}

static void lists_are_paged_oldest_first(void **state)
{
	struct fixture *f = *state;
	struct page page = { .offset = 1, .limit = 1 };
	struct seen seen = { .n = 0 };
	int64_t total = 0;

	note(f, PN, NULL);
	note(f, OTHER_PN, NULL);
	note(f, NULL, OTHER_LID);
	assert_int_equal(store_contact_list(f->store, f->account_id, page,
				 on_contact, &seen, &total, &f->err),
		0);
	assert_int_equal(total, 3);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.phone, OTHER_PN);
}

/* ---- receipts ---- */

static void run(struct fixture *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void run(struct fixture *f, const char *fmt, ...)
{
	char sql[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(sql, sizeof(sql), fmt, args);
	va_end(args);
	assert_int_equal(
		sqlite3_exec(store_db(f->store)->handle, sql, NULL, NULL, NULL),
		SQLITE_OK);
}

static int64_t number(struct fixture *f, const char *sql)
{
	scoped(query_close) struct query q =
		query_open(store_db(f->store), sql);

	assert_int_equal(query_step(&q, &f->err), 1);
	return query_int(&q);
}

static void a_merge_moves_receipts_and_counts_each_person_once(void **state)
{
	struct fixture *f = *state;
	struct outgoing both = put_out(f, f->device_id),
			one = put_out(f, f->device_id);
	struct noted keep = note(f, PN, NULL), drop = note(f, NULL, LID);

	run(f,
		"INSERT INTO receipt (message_id, contact_id, delivered_ms,"
		" read_ms) VALUES (%d, %d, 500, 0), (%d, %d, 300, 700),"
		" (%d, %d, 900, 0)",
		(int)both.message.id, (int)keep.id, (int)both.message.id,
		(int)drop.id, (int)one.message.id, (int)drop.id);
	run(f,
		"UPDATE message SET n_recipients = 2, n_delivered = 2,"
		" n_read = 1 WHERE id = %d",
		(int)both.message.id);
	run(f,
		"UPDATE message SET n_recipients = 2, n_delivered = 1"
		" WHERE id = %d",
		(int)one.message.id);
	assert_int_equal(note(f, PN, LID).id, keep.id);
	assert_int_equal(number(f, "SELECT count(*) FROM receipt"), 2);
	assert_int_equal(number(f, "SELECT count(*) FROM receipt r JOIN contact"
				   " c ON c.id = r.contact_id"),
		2);
	assert_int_equal(
		number(f, "SELECT min(delivered_ms) FROM receipt"), 300);
	assert_int_equal(number(f, "SELECT max(read_ms) FROM receipt"), 700);
	assert_int_equal(
		number(f, "SELECT n_delivered FROM message ORDER BY id"), 1);
	assert_int_equal(
		number(f, "SELECT n_read FROM message ORDER BY id"), 1);
	assert_int_equal(
		number(f, "SELECT n_delivered FROM message ORDER BY id DESC"),
		1);
}

/* Statements that this file prepared: none may walk a table that grows. */
static void no_lookup_walks_the_contacts(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_db(f->store);
	int n = 0;

	note(f, PN, NULL);
	note(f, NULL, LID);
	note(f, PN, LID);
	count(f);
	for (int i = 0; i < DB_STATEMENTS; i++) {
		const char *sql = db->statements[i].sql;
		scoped(str_free) char *explained = NULL;
		sqlite3_stmt *stmt = NULL;

		if (sql == NULL || (strstr(sql, "contact") == NULL &&
					   strstr(sql, "receipt") == NULL))
			continue;
		explained = xasprintf("EXPLAIN QUERY PLAN %s", sql);
		assert_int_equal(sqlite3_prepare_v2(db->handle, explained, -1,
					 &stmt, NULL),
			SQLITE_OK);
		while (sqlite3_step(stmt) == SQLITE_ROW) {
			const char *plan =
				(const char *)sqlite3_column_text(stmt, 3);

			if (strncmp(plan, "SCAN", 4) == 0)
				print_error("%s\n%s\n", sql, plan);
			assert_int_not_equal(strncmp(plan, "SCAN", 4), 0);
		}
		sqlite3_finalize(stmt);
		n++;
	}
	assert_true(n >= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_person_is_one_row_whatever_is_known_first),
		STORE_TEST(names_are_kept_changed_and_removed),
		STORE_TEST(a_merge_keeps_the_names_of_both),
		STORE_TEST(a_number_that_moves_leaves_its_old_owner),
		STORE_TEST(a_number_with_a_new_account_is_a_new_contact),
		STORE_TEST(
			somebody_who_changes_the_number_stays_the_same_contact),
		STORE_TEST(accounts_know_their_own_contacts_only),
		STORE_TEST(either_name_finds_the_public_id),
		STORE_TEST(a_contact_without_a_name_is_refused),
		STORE_TEST(nothing_new_writes_nothing),
		STORE_TEST(lists_are_paged_oldest_first),
		STORE_TEST(a_merge_moves_receipts_and_counts_each_person_once),
		STORE_TEST(no_lookup_walks_the_contacts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
