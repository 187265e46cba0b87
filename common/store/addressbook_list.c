/* Lists of the address book.  All of it, and one segment, are pages of an index
 * with a total that is kept.  What is searched for, or is in two segments at
 * once, is walked from the smaller side, and up to BOOK_COUNT_MAX only. */
#include "common/store/addressbook.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/addressbook_impl.h"
#include "common/store/addressbook_search.h"
#include "common/store/store_impl.h"

/* ---- pages of an index ---- */

static int list_all(struct store *store, int64_t account_id, struct page page,
	book_row_fn *row, void *arg, int64_t *total_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT " BOOK_COLUMNS " FROM contact c"
		" WHERE c.id IN (SELECT id FROM contact"
		" WHERE account_id = ? AND saved_ms > 0"
		" ORDER BY id LIMIT ? OFFSET ?) ORDER BY c.id");

	if (store_book_count(store, account_id, total_out, err) != 0)
		return -1;
	query_bind_int(&q, account_id);
	query_bind_page(&q, page);
	return book_rows(&q, row, arg, err);
}

/* -1 when the store fails; a segment that is not the account's has none. */
static int64_t segment_size(struct store *store, int64_t account_id,
	int64_t segment_id, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), "SELECT n_contacts FROM segment"
					    " WHERE id = ? AND account_id = ?");
	int rc;

	query_bind_int(&q, segment_id);
	query_bind_int(&q, account_id);
	rc = query_step(&q, err);
	return rc == 1 ? query_int(&q) : rc;
}

static int list_segment(struct store *store, int64_t segment_id,
	struct page page, book_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT " BOOK_COLUMNS " FROM contact c"
		" WHERE c.id IN (SELECT contact_id FROM segment_member"
		" WHERE segment_id = ? ORDER BY contact_id"
		" LIMIT ? OFFSET ?) ORDER BY c.id");

	query_bind_int(&q, segment_id);
	query_bind_page(&q, page);
	return book_rows(&q, row, arg, err);
}

/* ---- walks ---- */

/* Oldest first, one contact after the other. */
#define IS_MEMBER(segment, contact)                                       \
	" AND (" segment " = 0 OR EXISTS (SELECT 1 FROM segment_member o" \
	" WHERE o.segment_id = " segment " AND o.contact_id = " contact "))"
#define IN_BOOK " WHERE c.account_id = ?1 AND c.saved_ms > 0"
static const char walk_members[] =
	"SELECT " BOOK_COLUMNS " FROM segment_member m"
	" CROSS JOIN contact c ON c.id = m.contact_id" IN_BOOK
	" AND m.segment_id = ?2" IS_MEMBER(
		"?3", "m.contact_id") " ORDER BY m.contact_id";
static const char walk_found[] =
	"SELECT " BOOK_COLUMNS " FROM book_search s"
	" CROSS JOIN contact c ON c.id = s.rowid" IN_BOOK
	" AND s.book_search MATCH ?2" IS_MEMBER("?3", "s.rowid")
		IS_MEMBER("?4", "s.rowid") " ORDER BY s.rowid";

struct walk {
	struct page page;
	book_row_fn *row;
	void *arg;
	struct book_search *search; /* or NULL */
	int64_t n_found;
	bool has_enough; /* row() wants no more */
};

static int walk_contact(const struct book_contact *contact, void *arg)
{
	struct walk *walk = arg;
	int64_t at = walk->n_found;

	if (walk->search != NULL &&
		!book_search_fits(walk->search, contact->phone, contact->name))
		return 0;
	walk->n_found++;
	if (!walk->has_enough && at >= walk->page.offset &&
		at < walk->page.offset + walk->page.limit)
		walk->has_enough = walk->row(contact, walk->arg) != 0;
	return walk->n_found >= BOOK_COUNT_MAX;
}

/* The members of the smaller of two segments; @other_id may be 0. */
static int walk_segment(struct store *store, int64_t account_id, int64_t id,
	int64_t other_id, struct walk *walk, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), walk_members);

	query_bind_int(&q, account_id);
	query_bind_int(&q, id);
	query_bind_int(&q, other_id);
	return book_rows(&q, walk_contact, walk, err);
}

static int walk_index(struct store *store, const struct book_filter *filter,
	struct walk *walk, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), walk_found);

	query_bind_int(&q, filter->account_id);
	query_bind_text(&q, buf_cstr(&walk->search->match));
	query_bind_int(&q, filter->group_id);
	query_bind_int(&q, filter->tag_id);
	return book_rows(&q, walk_contact, walk, err);
}

/* The segment to begin with, 0: none; the other; and the first one's size. */
struct sides {
	int64_t first, second, size;
};

static int sides_of(struct store *store, const struct book_filter *filter,
	struct sides *out, struct err *err)
{
	int64_t group = 0, tag = 0;

	if (filter->group_id != 0)
		group = segment_size(
			store, filter->account_id, filter->group_id, err);
	if (filter->tag_id != 0)
		tag = segment_size(
			store, filter->account_id, filter->tag_id, err);
	if (group < 0 || tag < 0)
		return -1;
	if (filter->group_id == 0 || (filter->tag_id != 0 && tag < group))
		*out = (struct sides){ filter->tag_id, filter->group_id, tag };
	else
		*out = (struct sides){ filter->group_id, filter->tag_id,
			group };
	return 0;
}

static int list_walked(struct store *store, const struct book_filter *filter,
	const struct sides *sides, struct walk *walk, struct err *err)
{
	/* A small segment is read faster than what is found is told apart. */
	if (walk->search == NULL ||
		(sides->first != 0 && sides->size <= BOOK_COUNT_MAX))
		return walk_segment(store, filter->account_id, sides->first,
			sides->second, walk, err);
	return walk_index(store, filter, walk, err);
}

int store_book_list(struct store *store, const struct book_filter *filter,
	struct page page, book_row_fn *row, void *arg, int64_t *total_out,
	struct err *err)
{
	scoped(book_search_fini) struct book_search search = { 0 };
	struct walk walk = { .page = page, .row = row, .arg = arg };
	struct sides sides;

	*total_out = 0;
	if (book_search_init(&search, filter->account_id, filter->search))
		walk.search = &search;
	if (sides_of(store, filter, &sides, err) != 0)
		return -1;
	if (sides.first != 0 && sides.size == 0)
		return 0;
	if (walk.search == NULL && sides.first == 0)
		return list_all(store, filter->account_id, page, row, arg,
			total_out, err);
	if (walk.search == NULL && sides.second == 0) {
		*total_out = sides.size;
		return list_segment(store, sides.first, page, row, arg, err);
	}
	if (list_walked(store, filter, &sides, &walk, err) != 0)
		return -1;
	*total_out = walk.n_found;
	return 0;
}
