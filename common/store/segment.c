#include <assert.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/addressbook_impl.h"
#include "common/store/store_impl.h"

static_assert(
	SEGMENT_GROUP == 1 && SEGMENT_TAG == 2, "stored numbers never change");

#define SEGMENT_COLUMNS                                        \
	"s.id, s.public_id, s.account_id, s.kind, s.name,"     \
	" s.description, s.color, s.n_contacts, s.created_ms," \
	" s.updated_ms"

static struct segment segment_from_row(struct query *q)
{
	struct segment s = { 0 };

	s.id = query_int(q);
	s.public_id = query_text(q);
	s.account_id = query_int(q);
	s.kind = (enum segment_kind)query_int(q);
	s.name = query_text(q);
	s.description = query_text(q);
	s.color = query_text(q);
	s.n_contacts = query_int(q);
	s.created_ms = query_int(q);
	s.updated_ms = query_int(q);
	return s;
}

static int segment_rows(
	struct query *q, segment_row_fn *row, void *arg, struct err *err)
{
	struct segment segment;
	int rc;

	while ((rc = query_step(q, err)) == 1) {
		segment = segment_from_row(q);
		if (row(&segment, arg) != 0)
			return 0;
	}
	return rc;
}

static const char *kind_word(enum segment_kind kind)
{
	switch (kind) {
	case SEGMENT_GROUP:
		return "group";
	case SEGMENT_TAG:
		return "tag";
	}
	return "Segment";
}

static struct list_key total_of(int64_t account_id, enum segment_kind kind)
{
	return (struct list_key){ .list = LIST_SEGMENT,
		.account_id = account_id,
		.status = (int)kind };
}

/* ---- a segment ---- */

int store_segment_create(
	struct tx *tx, struct segment *segment, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO segment (public_id, account_id, kind, name,"
		" description, color, created_ms, updated_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)"
		" ON CONFLICT (account_id, kind, name) DO NOTHING");
	const struct list_key total =
		total_of(segment->account_id, segment->kind);
	int n;

	query_bind_text(&q, segment->public_id);
	query_bind_int(&q, segment->account_id);
	query_bind_int(&q, segment->kind);
	query_bind_text(&q, segment->name);
	query_bind_text(&q, segment->description);
	query_bind_text(&q, segment->color);
	query_bind_int(&q, now_ms);
	n = query_insert(&q, &segment->id, err);
	if (n < 0)
		return -1;
	if (n == 0)
		return err_set(err, ERR_CONFLICT,
			"A %s with this name already exists",
			kind_word(segment->kind));
	segment->n_contacts = 0;
	segment->created_ms = segment->updated_ms = now_ms;
	return list_total_add(tx, &total, 1, err);
}

int store_segment_update(struct tx *tx, int64_t id, const char *name,
	const char *description, const char *color, int64_t now_ms,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE segment SET name = COALESCE(?1, name),"
		" description = NULLIF(COALESCE(?2, description), ''),"
		" color = COALESCE(?3, color), updated_ms = ?4"
		" WHERE id = ?5 AND NOT EXISTS (SELECT 1 FROM segment o"
		" WHERE o.account_id = segment.account_id"
		" AND o.kind = segment.kind AND o.name = ?1 AND o.id <> ?5)");
	int n;

	query_bind_text(&q, name);
	query_bind_text(&q, description);
	query_bind_text(&q, color);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, id);
	if (query_run(&q, &n, err) != 0)
		return -1;
	/* The caller has just found it, so it is the name. */
	return n == 1 ? 0
		      : err_set(err, ERR_CONFLICT,
				"Another one with this name already exists");
}

int store_segment_by_public_id(struct store *store, int64_t account_id,
	enum segment_kind kind, const char *public_id, segment_row_fn *row,
	void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT " SEGMENT_COLUMNS " FROM segment s"
		" WHERE s.public_id = ? AND s.account_id = ? AND s.kind = ?");
	struct segment segment;

	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	query_bind_int(&q, kind);
	if (query_one(&q, kind_word(kind), err) != 0)
		return -1;
	segment = segment_from_row(&q);
	row(&segment, arg);
	return 0;
}

int store_segment_list(struct store *store, int64_t account_id,
	enum segment_kind kind, struct page page, segment_row_fn *row,
	void *arg, int64_t *total_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT " SEGMENT_COLUMNS " FROM segment s" PAGE_OF(
			"s", "segment", "account_id = ? AND kind = ?"));
	const struct list_key total = total_of(account_id, kind);

	if (list_total_get(store, &total, total_out, err) != 0)
		return -1;
	query_bind_int(&q, account_id);
	query_bind_int(&q, kind);
	query_bind_page(&q, page);
	return segment_rows(&q, row, arg, err);
}

int store_segment_of_contact(struct store *store, int64_t contact_id,
	segment_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT " SEGMENT_COLUMNS " FROM segment_member m"
		" CROSS JOIN segment s ON s.id = m.segment_id"
		" WHERE m.contact_id = ? ORDER BY m.segment_id");

	query_bind_int(&q, contact_id);
	return segment_rows(&q, row, arg, err);
}

/* ---- members ---- */

static int count_members(struct tx *tx, int64_t id, int n, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE segment SET n_contacts = n_contacts + ? WHERE id = ?");

	query_bind_int(&q, n);
	query_bind_int(&q, id);
	return query_run(&q, NULL, err);
}

/* A statement about one member; counts what it changed. */
static int change_member(struct tx *tx, const char *sql, int64_t segment_id,
	int64_t contact_id, int sign, bool *changed, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx), sql);
	int n;

	query_bind_int(&q, segment_id);
	query_bind_int(&q, contact_id);
	if (query_run(&q, &n, err) != 0)
		return -1;
	*changed = n == 1;
	return n == 1 ? count_members(tx, segment_id, sign, err) : 0;
}

int store_segment_add(struct tx *tx, int64_t segment_id, int64_t contact_id,
	bool *changed, struct err *err)
{
	static const char sql[] =
		"INSERT INTO segment_member (segment_id, contact_id)"
		" VALUES (?, ?)"
		" ON CONFLICT (segment_id, contact_id) DO NOTHING";

	return change_member(tx, sql, segment_id, contact_id, 1, changed, err);
}

int store_segment_remove(struct tx *tx, int64_t segment_id, int64_t contact_id,
	bool *changed, struct err *err)
{
	static const char sql[] = "DELETE FROM segment_member"
				  " WHERE segment_id = ? AND contact_id = ?";

	return change_member(tx, sql, segment_id, contact_id, -1, changed, err);
}

int segment_forget_contact(struct tx *tx, int64_t contact_id, struct err *err)
{
	scoped(query_close) struct query counts = query_open(tx_db(tx),
		"UPDATE segment SET n_contacts = n_contacts - 1 WHERE id IN"
		" (SELECT segment_id FROM segment_member"
		" WHERE contact_id = ?)");
	scoped(query_close) struct query members = query_open(
		tx_db(tx), "DELETE FROM segment_member WHERE contact_id = ?");

	query_bind_int(&counts, contact_id);
	query_bind_int(&members, contact_id);
	if (query_run(&counts, NULL, err) != 0)
		return -1;
	return query_run(&members, NULL, err);
}

static int remove_first(
	struct tx *tx, int64_t id, int limit, int *n_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"DELETE FROM segment_member WHERE segment_id = ?1"
		" AND contact_id IN (SELECT contact_id FROM segment_member"
		" WHERE segment_id = ?1 ORDER BY contact_id LIMIT ?2)");

	query_bind_int(&q, id);
	query_bind_int(&q, limit);
	return query_run(&q, n_out, err);
}

/* Its kind and account, for the total. */
static int find_total(
	struct tx *tx, int64_t id, struct list_key *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		tx_db(tx), "SELECT account_id, kind FROM segment WHERE id = ?");

	query_bind_int(&q, id);
	if (query_one(&q, "Segment", err) != 0)
		return -1;
	*out = (struct list_key){ .list = LIST_SEGMENT };
	out->account_id = query_int(&q);
	out->status = (int)query_int(&q);
	return 0;
}

int store_segment_delete(
	struct tx *tx, int64_t id, int limit, bool *gone, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(tx_db(tx), "DELETE FROM segment WHERE id = ?");
	struct list_key total;
	int n;

	if (find_total(tx, id, &total, err) != 0 ||
		remove_first(tx, id, limit, &n, err) != 0)
		return -1;
	*gone = n < limit;
	if (!*gone)
		return count_members(tx, id, -n, err);
	query_bind_int(&q, id);
	if (query_run(&q, NULL, err) != 0)
		return -1;
	return list_total_add(tx, &total, -1, err);
}

bool store_segment_has(
	struct store *store, int64_t segment_id, int64_t contact_id)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT 1 FROM segment_member"
		" WHERE segment_id = ? AND contact_id = ?");

	query_bind_int(&q, segment_id);
	query_bind_int(&q, contact_id);
	return query_step(&q, NULL) == 1;
}

int store_segment_walk(struct store *store, int64_t segment_id, int64_t after,
	int limit, book_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT " BOOK_COLUMNS " FROM segment_member m"
		" CROSS JOIN contact c ON c.id = m.contact_id"
		" WHERE m.segment_id = ? AND m.contact_id > ?"
		" ORDER BY m.contact_id LIMIT ?");

	query_bind_int(&q, segment_id);
	query_bind_int(&q, after);
	query_bind_int(&q, limit);
	return book_rows(&q, row, arg, err);
}
