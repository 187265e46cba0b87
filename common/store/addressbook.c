#include "common/store/addressbook.h"

#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/addressbook_impl.h"
#include "common/store/addressbook_search.h"
#include "common/store/contact.h"
#include "common/store/store_impl.h"

struct book_contact book_contact_from_row(struct query *q)
{
	struct book_contact c = { 0 };

	c.id = query_int(q);
	c.public_id = query_text(q);
	c.account_id = query_int(q);
	c.phone = query_text(q);
	c.name = query_text(q);
	c.fields = query_text(q);
	c.saved_ms = query_int(q);
	c.updated_ms = query_int(q);
	return c;
}

int book_rows(struct query *q, book_row_fn *row, void *arg, struct err *err)
{
	struct book_contact contact;
	int rc;

	while ((rc = query_step(q, err)) == 1) {
		contact = book_contact_from_row(q);
		if (row(&contact, arg) != 0)
			return 0;
	}
	return rc;
}

static int count(struct tx *tx, int64_t account_id, int n, struct err *err)
{
	const struct list_key total = { .list = LIST_BOOK,
		.account_id = account_id };

	return list_total_add(tx, &total, n, err);
}

static int conflict(struct err *err)
{
	return err_set(
		err, ERR_CONFLICT, "A contact with this phone number exists");
}

/* ---- the index of names and numbers ---- */

static int index_put(
	struct tx *tx, const struct book_contact *contact, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO book_search (rowid, tokens) VALUES (?, ?)");
	scoped(buf_fini) struct buf tokens = BUF_INIT;

	book_tokens_add(
		&tokens, contact->account_id, contact->phone, contact->name);
	query_bind_int(&q, contact->id);
	query_bind_text(&q, buf_cstr(&tokens));
	return query_run(&q, NULL, err);
}

/* The index does not know its texts: it must be told what it was given. */
static int index_drop(
	struct tx *tx, const struct book_contact *contact, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO book_search (book_search, rowid, tokens)"
		" VALUES ('delete', ?, ?)");
	scoped(buf_fini) struct buf tokens = BUF_INIT;

	book_tokens_add(
		&tokens, contact->account_id, contact->phone, contact->name);
	query_bind_int(&q, contact->id);
	query_bind_text(&q, buf_cstr(&tokens));
	return query_run(&q, NULL, err);
}

/* ---- saving ---- */

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What shall stand there: NULL leaves what is @known, @empty clears it. */
static const char *told(const char *news, const char *known, const char *empty)
{
	if (news == NULL)
		return known;
	return strcmp(news, empty) != 0 ? news : NULL;
}

/* Somebody of whom WhatsApp has not told. */
static int entry_insert(struct tx *tx, const struct book_contact *contact,
	int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO contact (public_id, account_id, phone, book_name,"
		" fields, saved_ms, book_updated_ms, created_ms, updated_ms,"
		" is_met) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6, ?6, 0)");

	query_bind_text(&q, contact->public_id);
	query_bind_int(&q, contact->account_id);
	query_bind_text(&q, contact->phone);
	query_bind_text(&q, contact->name);
	query_bind_text(&q, contact->fields);
	query_bind_int(&q, contact->saved_ms);
	return query_insert(&q, id_out, err) < 0 ? -1 : 0;
}

static int entry_write(
	struct tx *tx, const struct book_contact *contact, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE contact SET book_name = ?, fields = ?, saved_ms = ?,"
		" book_updated_ms = ? WHERE id = ?");

	query_bind_text(&q, contact->name);
	query_bind_text(&q, contact->fields);
	query_bind_int(&q, contact->saved_ms);
	query_bind_int(&q, contact->updated_ms);
	query_bind_int(&q, contact->id);
	return query_run(&q, NULL, err);
}

/* The first time: @known is who has the number already, id 0: nobody. */
static int entry_save(struct tx *tx, const struct book_entry *entry,
	const struct book_contact *known, int64_t now_ms, int64_t *id_out,
	char public_id_out[UUID_LEN], struct err *err)
{
	struct book_contact contact = { .id = known->id,
		.public_id = public_id_out,
		.account_id = entry->account_id,
		.phone = entry->phone,
		.name = told(entry->name, NULL, ""),
		.fields = told(entry->fields, NULL, "{}"),
		.saved_ms = now_ms,
		.updated_ms = now_ms };

	if (known->id != 0)
		memcpy(public_id_out, known->public_id, UUID_LEN);
	else
		id_uuid7(public_id_out);
	if ((known->id != 0 ? entry_write(tx, &contact, err)
			    : entry_insert(tx, &contact, &contact.id, err)) !=
			0 ||
		index_put(tx, &contact, err) != 0)
		return -1;
	*id_out = contact.id;
	return count(tx, contact.account_id, 1, err);
}

static int entry_change(struct tx *tx, const struct book_entry *entry,
	const struct book_contact *known, int64_t now_ms, struct err *err)
{
	struct book_contact contact = *known;
	bool is_found_anew;

	contact.phone = told(entry->phone, known->phone, "");
	contact.name = told(entry->name, known->name, "");
	contact.fields = told(entry->fields, known->fields, "{}");
	contact.updated_ms = now_ms;
	is_found_anew = !same(contact.phone, known->phone) ||
			!same(contact.name, known->name);
	if (!is_found_anew && same(contact.fields, known->fields))
		return 0;
	if (!same(contact.phone, known->phone) &&
		store_contact_renumber(
			tx, known->id, contact.phone, now_ms, err) != 0)
		return -1;
	if (entry_write(tx, &contact, err) != 0)
		return -1;
	if (!is_found_anew)
		return 0;
	if (index_drop(tx, known, err) != 0)
		return -1;
	return index_put(tx, &contact, err);
}

/* Who has the number, saved or not; id 0: nobody.  Its texts live as long as
 * @q, which is of this statement: */
static const char who_has[] = "SELECT " BOOK_COLUMNS " FROM contact c"
			      " WHERE c.account_id = ? AND c.phone = ?";
static int find_phone(struct query *q, int64_t account_id, const char *phone,
	struct book_contact *out, struct err *err)
{
	int rc;

	*out = (struct book_contact){ 0 };
	query_bind_int(q, account_id);
	query_bind_text(q, phone);
	rc = query_step(q, err);
	if (rc == 1)
		*out = book_contact_from_row(q);
	return rc < 0 ? -1 : 0;
}

int store_book_create(struct tx *tx, const struct book_entry *entry,
	int64_t now_ms, int64_t *id_out, char public_id_out[UUID_LEN],
	struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx), who_has);
	struct book_contact known;

	if (find_phone(&q, entry->account_id, entry->phone, &known, err) != 0)
		return -1;
	if (known.saved_ms > 0)
		return conflict(err);
	return entry_save(
		tx, entry, &known, now_ms, id_out, public_id_out, err);
}

int store_book_put(struct tx *tx, const struct book_entry *entry,
	int64_t now_ms, int64_t *id_out, bool *is_new, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx), who_has);
	char public_id[UUID_LEN];
	struct book_contact known;

	if (find_phone(&q, entry->account_id, entry->phone, &known, err) != 0)
		return -1;
	*is_new = known.saved_ms == 0;
	if (*is_new)
		return entry_save(
			tx, entry, &known, now_ms, id_out, public_id, err);
	*id_out = known.id;
	return entry_change(tx, entry, &known, now_ms, err);
}

static const char saved_public[] =
	"SELECT " BOOK_COLUMNS " FROM contact c"
	" WHERE c.public_id = ? AND c.account_id = ? AND c.saved_ms > 0";
static int find_saved(struct query *q, int64_t account_id,
	const char *public_id, struct book_contact *out, struct err *err)
{
	query_bind_text(q, public_id);
	query_bind_int(q, account_id);
	if (query_one(q, "Contact", err) != 0)
		return -1;
	*out = book_contact_from_row(q);
	return 0;
}

int store_book_update(struct tx *tx, const char *public_id,
	const struct book_entry *entry, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(tx_db(tx), saved_public);
	struct book_contact known;

	if (find_saved(&q, entry->account_id, public_id, &known, err) != 0)
		return -1;
	return entry_change(tx, entry, &known, now_ms, err);
}

/* Whom WhatsApp told of stays, as a contact that is not in the book. */
static int entry_forget(
	struct tx *tx, int64_t id, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE contact SET saved_ms = 0, book_name = NULL,"
		" fields = NULL, book_updated_ms = ?"
		" WHERE id = ? AND is_met = 1");
	int n;

	query_bind_int(&q, now_ms);
	query_bind_int(&q, id);
	if (query_run(&q, &n, err) != 0)
		return -1;
	return n == 1 ? 0 : store_contact_remove(tx, id, err);
}

int store_book_delete(struct tx *tx, int64_t account_id, const char *public_id,
	int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(tx_db(tx), saved_public);
	struct book_contact known;

	if (find_saved(&q, account_id, public_id, &known, err) != 0 ||
		segment_forget_contact(tx, known.id, err) != 0 ||
		index_drop(tx, &known, err) != 0 ||
		entry_forget(tx, known.id, now_ms, err) != 0)
		return -1;
	return count(tx, account_id, -1, err);
}

/* ---- reading one ---- */

int store_book_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, book_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), saved_public);
	struct book_contact contact;

	if (find_saved(&q, account_id, public_id, &contact, err) != 0)
		return -1;
	row(&contact, arg);
	return 0;
}

int store_book_by_id(struct store *store, int64_t id, book_row_fn *row,
	void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT " BOOK_COLUMNS " FROM contact c"
		" WHERE c.id = ? AND c.saved_ms > 0");
	struct book_contact contact;

	query_bind_int(&q, id);
	if (query_one(&q, "Contact", err) != 0)
		return -1;
	contact = book_contact_from_row(&q);
	row(&contact, arg);
	return 0;
}

int store_book_by_phone(struct store *store, int64_t account_id,
	const char *phone, book_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), who_has);
	struct book_contact contact;

	if (find_phone(&q, account_id, phone, &contact, err) != 0)
		return -1;
	if (contact.saved_ms == 0)
		return 0;
	row(&contact, arg);
	return 1;
}

int store_book_count(struct store *store, int64_t account_id, int64_t *n_out,
	struct err *err)
{
	const struct list_key total = { .list = LIST_BOOK,
		.account_id = account_id };

	return list_total_get(store, &total, n_out, err);
}
