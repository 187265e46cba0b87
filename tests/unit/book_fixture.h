/* An address book in a store of its own, for the tests of it. */
#ifndef TESTS_UNIT_BOOK_FIXTURE_H
#define TESTS_UNIT_BOOK_FIXTURE_H

#include "common/store/addressbook.h"
#include "common/store/contact.h"
#include "common/store/store_impl.h"
#include "tests/unit/store_fixture.h"

#define PN "15550002222"
#define OTHER_PN "15550003333"
#define LID "900002"
#define OTHER_LID "900003"

struct saved {
	int64_t id;
	char public_id[UUID_LEN];
};

static inline struct saved save(
	struct fixture *f, const char *phone, const char *name)
{
	const struct book_entry entry = { f->account_id, phone, name, NULL };
	struct saved saved = { 0 };
	struct tx *tx = begin(f);

	assert_int_equal(store_book_create(tx, &entry, NOW_MS, &saved.id,
				 saved.public_id, &f->err),
		0);
	commit(f, tx);
	return saved;
}

/* What WhatsApp tells. */
static inline struct saved meet(struct fixture *f, const char *phone,
	const char *lid, const char *push_name)
{
	const struct contact_news news = { .account_id = f->account_id,
		.phone = phone,
		.lid = lid,
		.push_name = push_name };
	struct saved met = { 0 };
	struct tx *tx = begin(f);

	assert_int_equal(store_contact_note(tx, &news, NOW_MS + 5, &met.id,
				 met.public_id, &f->err),
		0);
	commit(f, tx);
	return met;
}

static inline int64_t add_segment(
	struct fixture *f, enum segment_kind kind, const char *name)
{
	char public_id[UUID_LEN];
	struct segment segment = { .public_id = public_id,
		.account_id = f->account_id,
		.kind = kind,
		.name = name };
	struct tx *tx = begin(f);

	id_uuid7(public_id);
	assert_int_equal(
		store_segment_create(tx, &segment, NOW_MS, &f->err), 0);
	commit(f, tx);
	return segment.id;
}

static inline bool join(struct fixture *f, int64_t segment, int64_t contact)
{
	struct tx *tx = begin(f);
	bool changed = false;

	assert_int_equal(
		store_segment_add(tx, segment, contact, &changed, &f->err), 0);
	commit(f, tx);
	return changed;
}

/* The first number of what @sql gives. */
static inline int64_t number(struct fixture *f, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(store_db(f->store)->handle, sql, -1,
				 &stmt, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

/* ---- lists, as one text: "phone phone " ---- */

struct listed {
	char phones[512];
	int n;
	int64_t total;
};

static inline int on_listed(const struct book_contact *contact, void *arg)
{
	struct listed *listed = arg;
	size_t n = strlen(listed->phones);

	listed->n++;
	if (n + 20 < sizeof(listed->phones))
		snprintf(listed->phones + n, sizeof(listed->phones) - n, "%s ",
			contact->phone);
	return 0;
}

static inline struct listed list(
	struct fixture *f, const struct book_filter *filter, struct page page)
{
	struct listed listed = { .total = -1 };

	assert_int_equal(store_book_list(f->store, filter, page, on_listed,
				 &listed, &listed.total, &f->err),
		0);
	return listed;
}

static inline struct listed find(struct fixture *f, const char *search)
{
	const struct book_filter filter = { .account_id = f->account_id,
		.search = search };

	return list(f, &filter, (struct page){ 0, 100 });
}

/* ---- plans: nothing walks a table that grows ---- */

/* How many of the statements that the store has prepared speak of @what; each
 * is held against the rule.  The index of names is a virtual table, whose walks
 * must be for a MATCH. */
static inline int check_plans(struct fixture *f, const char *what)
{
	struct db *db = store_db(f->store);
	int n = 0;

	for (int i = 0; i < DB_STATEMENTS; i++) {
		const char *sql = db->statements[i].sql;
		scoped(str_free) char *explained = NULL;
		sqlite3_stmt *stmt = NULL;

		if (sql == NULL || strstr(sql, what) == NULL)
			continue;
		explained = xasprintf("EXPLAIN QUERY PLAN %s", sql);
		assert_int_equal(sqlite3_prepare_v2(db->handle, explained, -1,
					 &stmt, NULL),
			SQLITE_OK);
		while (sqlite3_step(stmt) == SQLITE_ROW) {
			const char *plan =
				(const char *)sqlite3_column_text(stmt, 3);
			bool is_bad = (strncmp(plan, "SCAN", 4) == 0 &&
					      strstr(plan, "VIRTUAL TABLE INDEX"
							   " 64:M") == NULL) ||
				      strstr(plan, "TEMP B-TREE") != NULL;

			if (is_bad)
				print_error("%s\n%s\n", sql, plan);
			assert_false(is_bad);
		}
		sqlite3_finalize(stmt);
		n++;
	}
	return n;
}

#endif
