/* One person, one row.  The LID is who somebody is; a phone number can move to
 * another account.  So where two rows contradict each other, the one with the
 * LID keeps it and the number goes to whoever has it now.  A saved row is the
 * other way round: it is the owner's entry for a number, and the LID goes. */
#include "common/store/contact.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

#define CONTACT_SELECT                                        \
	"SELECT id, public_id, account_id, phone, lid, name," \
	" push_name, created_ms, updated_ms, saved_ms, is_met FROM contact"
#define BY_ID CONTACT_SELECT " WHERE id = ?"
#define BY_PHONE CONTACT_SELECT " WHERE account_id = ? AND phone = ?"
#define BY_LID CONTACT_SELECT " WHERE account_id = ? AND lid = ?"

static struct contact contact_from_row(struct query *q)
{
	struct contact c = { 0 };

	c.id = query_int(q);
	c.public_id = query_text(q);
	c.account_id = query_int(q);
	c.phone = query_text(q);
	c.lid = query_text(q);
	c.name = query_text(q);
	c.push_name = query_text(q);
	c.created_ms = query_int(q);
	c.updated_ms = query_int(q);
	c.saved_ms = query_int(q);
	c.is_met = query_int(q) != 0;
	return c;
}

/* The row by one of its names, which may be NULL; its texts live as long as @q.
 * id 0: there is none. */
static int find(struct query *q, int64_t account_id, const char *name,
	struct contact *out, struct err *err)
{
	int rc = 0;

	*out = (struct contact){ 0 };
	if (name == NULL)
		return 0;
	query_bind_int(q, account_id);
	query_bind_text(q, name);
	rc = query_step(q, err);
	if (rc == 1)
		*out = contact_from_row(q);
	return rc < 0 ? -1 : 0;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* ---- writing ---- */

static int count(struct tx *tx, int64_t account_id, int n, struct err *err)
{
	const struct list_key total = { .list = LIST_CONTACT,
		.account_id = account_id };

	return list_total_add(tx, &total, n, err);
}

static int contact_insert(struct tx *tx, const struct contact *c,
	int64_t now_ms, int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO contact (public_id, account_id, phone, lid, name,"
		" push_name, created_ms, updated_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)");

	query_bind_text(&q, c->public_id);
	query_bind_int(&q, c->account_id);
	query_bind_text(&q, c->phone);
	query_bind_text(&q, c->lid);
	query_bind_text(&q, c->name);
	query_bind_text(&q, c->push_name);
	query_bind_int(&q, now_ms);
	if (query_insert(&q, id_out, err) < 0)
		return -1;
	return count(tx, c->account_id, 1, err);
}

static int contact_update(
	struct tx *tx, const struct contact *c, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE contact SET phone = ?, lid = ?, name = ?,"
		" push_name = ?, updated_ms = ?, is_met = ? WHERE id = ?");

	query_bind_text(&q, c->phone);
	query_bind_text(&q, c->lid);
	query_bind_text(&q, c->name);
	query_bind_text(&q, c->push_name);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, c->is_met);
	query_bind_int(&q, c->id);
	return query_run(&q, NULL, err);
}

/* The newest row stays, emptied: SQLite would give its id to the next one. */
int store_contact_remove(struct tx *tx, int64_t id, struct err *err)
{
	scoped(query_close) struct query drop = query_open(tx_db(tx),
		"DELETE FROM contact WHERE id = ?"
		" AND id < (SELECT max(id) FROM contact)");
	scoped(query_close) struct query empty = query_open(tx_db(tx),
		"UPDATE contact SET phone = NULL, lid = NULL, name = NULL,"
		" push_name = NULL, book_name = NULL, fields = NULL,"
		" saved_ms = 0, is_met = 0 WHERE id = ?");
	int n;

	query_bind_int(&drop, id);
	if (query_run(&drop, &n, err) != 0)
		return -1;
	query_bind_int(&empty, id);
	return n == 1 ? 0 : query_run(&empty, NULL, err);
}

/* ---- two rows that are one person ---- */

/* A statement about the pair: ?1 the row that stays, ?2 the one that goes. */
static int run_pair(struct tx *tx, const char *sql, int64_t keep, int64_t drop,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx), sql);

	query_bind_int(&q, keep);
	query_bind_int(&q, drop);
	return query_run(&q, NULL, err);
}

/* Messages that both have receipts of: counted twice so far. */
#define BOTH_HAVE(column)                                       \
	"SELECT k.message_id FROM receipt d JOIN receipt k"     \
	" ON k.message_id = d.message_id AND k.contact_id = ?1" \
	" WHERE d.contact_id = ?2 AND k." column " > 0 AND d." column " > 0"
/* The earlier time of two, of which 0 is none. */
#define EARLIER(column)                                                     \
	column " = (SELECT CASE WHEN receipt." column " = 0 OR (d." column  \
	       " > 0 AND d." column " < receipt." column ") THEN d." column \
	       " ELSE receipt." column                                      \
	       " END FROM receipt d WHERE d.contact_id = ?2"                \
	       " AND d.message_id = receipt.message_id)"

#define COUNT_ONCE(counter, column)                               \
	"UPDATE message SET " counter " = " counter " - 1 WHERE " \
	"id IN (" BOTH_HAVE(column) ")"

static const char move_delivered[] = COUNT_ONCE("n_delivered", "delivered_ms");
static const char move_read[] = COUNT_ONCE("n_read", "read_ms");
static const char move_times[] =
	"UPDATE receipt SET " EARLIER("delivered_ms") ", " EARLIER(
		"read_ms") " WHERE contact_id = ?1 AND message_id IN"
			   " (SELECT message_id FROM receipt WHERE contact_id "
			   "= ?2)";
static const char move_doubles[] =
	"DELETE FROM receipt WHERE contact_id = ?2 AND message_id IN"
	" (SELECT message_id FROM receipt WHERE contact_id = ?1)";
static const char move_rest[] =
	"UPDATE receipt SET contact_id = ?1 WHERE contact_id = ?2";

static int receipts_move(
	struct tx *tx, int64_t keep, int64_t drop, struct err *err)
{
	static const char *const steps[] = { move_delivered, move_read,
		move_times, move_doubles, move_rest };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (run_pair(tx, steps[i], keep, drop, err) != 0)
			return -1;
	}
	return 0;
}

/* @drop goes; its texts stay readable, they belong to the query. */
static int contact_merge(struct tx *tx, struct contact *keep,
	const struct contact *drop, struct err *err)
{
	if (receipts_move(tx, keep->id, drop->id, err) != 0 ||
		store_contact_remove(tx, drop->id, err) != 0)
		return -1;
	if (keep->name == NULL)
		keep->name = drop->name;
	if (keep->push_name == NULL)
		keep->push_name = drop->push_name;
	return count(tx, keep->account_id, -1, err);
}

/* ---- a saved row that was one person and is no more ---- */

/* The person behind a number that is saved, on the way to another row. */
struct parted {
	char public_id[UUID_LEN];
	struct contact person;
};

/* The entry keeps its ids and its number. */
static int contact_part(struct tx *tx, struct contact *entry,
	struct parted *parted, int64_t now_ms, struct err *err)
{
	struct contact *person = &parted->person;

	id_uuid7(parted->public_id);
	*person = *entry;
	person->public_id = parted->public_id;
	person->phone = NULL;
	person->saved_ms = 0;
	entry->lid = entry->name = entry->push_name = NULL;
	if (contact_update(tx, entry, now_ms, err) != 0 ||
		contact_insert(tx, person, now_ms, &person->id, err) != 0)
		return -1;
	return run_pair(tx, move_rest, person->id, entry->id, err);
}

static int part_entries(struct tx *tx, const struct contact_news *news,
	struct contact *by_phone, struct contact *by_lid,
	struct parted parted[2], int64_t now_ms, struct err *err)
{
	if (by_phone->saved_ms > 0 && by_phone->lid != NULL &&
		news->lid != NULL && !same(by_phone->lid, news->lid) &&
		contact_part(tx, by_phone, &parted[0], now_ms, err) != 0)
		return -1;
	if (by_lid->saved_ms == 0 || news->phone == NULL ||
		same(by_lid->phone, news->phone))
		return 0;
	if (contact_part(tx, by_lid, &parted[1], now_ms, err) != 0)
		return -1;
	*by_lid = parted[1].person;
	return 0;
}

/* Which row the news are about, of those found by its two names; id 0: of
 * none. */
static int settle(struct tx *tx, const struct contact_news *news,
	struct contact *by_phone, struct contact *by_lid, int64_t now_ms,
	struct contact *out, struct err *err)
{
	bool stays = by_phone->saved_ms > 0 || by_phone->id < by_lid->id;

	if (by_phone->id == 0 || news->lid == NULL) {
		*out = by_phone->id != 0 ? *by_phone : *by_lid;
		return 0;
	}
	*out = *by_lid;
	if (by_phone->lid != NULL) { /* somebody else: the number moved */
		by_phone->phone = NULL;
		return contact_update(tx, by_phone, now_ms, err);
	}
	if (by_lid->id == 0 || stays)
		*out = *by_phone;
	if (by_lid->id == 0)
		return 0;
	out->updated_ms = 0; /* to be written, whatever the news are */
	return contact_merge(tx, out, stays ? by_lid : by_phone, err);
}

/* ---- what is new ---- */

static const char *name_told(const char *told, const char *known)
{
	if (told == NULL)
		return known;
	return told[0] != '\0' ? told : NULL;
}

static int contact_add(struct tx *tx, const struct contact_news *news,
	int64_t now_ms, int64_t *id_out, char public_id_out[UUID_LEN],
	struct err *err)
{
	struct contact contact = { .public_id = public_id_out,
		.account_id = news->account_id,
		.phone = news->phone,
		.lid = news->lid,
		.name = name_told(news->name, NULL),
		.push_name = name_told(news->push_name, NULL) };

	id_uuid7(public_id_out);
	return contact_insert(tx, &contact, now_ms, id_out, err);
}

static int contact_renew(struct tx *tx, const struct contact *known,
	const struct contact_news *news, int64_t now_ms, struct err *err)
{
	struct contact contact = *known;

	contact.is_met = true;
	contact.phone = news->phone != NULL ? news->phone : known->phone;
	contact.lid = news->lid != NULL ? news->lid : known->lid;
	contact.name = name_told(news->name, known->name);
	contact.push_name = name_told(news->push_name, known->push_name);
	if (known->updated_ms != 0 && known->is_met &&
		same(contact.phone, known->phone) &&
		same(contact.lid, known->lid) &&
		same(contact.name, known->name) &&
		same(contact.push_name, known->push_name))
		return 0;
	if (!known->is_met && count(tx, known->account_id, 1, err) != 0)
		return -1;
	return contact_update(tx, &contact, now_ms, err);
}

int store_contact_note(struct tx *tx, const struct contact_news *news,
	int64_t now_ms, int64_t *id_out, char public_id_out[UUID_LEN],
	struct err *err)
{
	scoped(query_close) struct query by_phone =
		query_open(tx_db(tx), BY_PHONE);
	scoped(query_close) struct query by_lid = query_open(tx_db(tx), BY_LID);
	struct contact phones, lids, contact;
	struct parted parted[2];

	if (news->phone == NULL && news->lid == NULL)
		return err_set(err, ERR_INTERNAL, "a contact without a name");
	if (find(&by_phone, news->account_id, news->phone, &phones, err) != 0)
		return -1;
	contact = phones;
	if ((phones.id == 0 || !same(phones.lid, news->lid)) &&
		(find(&by_lid, news->account_id, news->lid, &lids, err) != 0 ||
			part_entries(tx, news, &phones, &lids, parted, now_ms,
				err) != 0 ||
			settle(tx, news, &phones, &lids, now_ms, &contact,
				err) != 0))
		return -1;
	if (contact.id == 0)
		return contact_add(
			tx, news, now_ms, id_out, public_id_out, err);
	*id_out = contact.id;
	snprintf(public_id_out, UUID_LEN, "%s", contact.public_id);
	return contact_renew(tx, &contact, news, now_ms, err);
}

/* ---- another number for an entry of the address book ---- */

/* Frees the number and the LID for the entry, which takes them over. */
static int contact_empty(struct tx *tx, const struct contact *met,
	int64_t now_ms, struct err *err)
{
	struct contact empty = *met;

	empty.phone = empty.lid = NULL;
	return contact_update(tx, &empty, now_ms, err);
}

static int entry_renumber(struct tx *tx, const struct contact *entry,
	const struct contact *met, const char *phone, int64_t now_ms,
	struct err *err)
{
	struct contact renewed = *entry, person = *entry;
	char public_id[UUID_LEN];

	renewed.phone = phone;
	renewed.lid = met->lid;
	renewed.name = met->name;
	renewed.push_name = met->push_name;
	renewed.is_met = met->is_met;
	if (contact_update(tx, &renewed, now_ms, err) != 0 ||
		count(tx, entry->account_id, met->is_met - entry->is_met,
			err) != 0)
		return -1;
	if (!entry->is_met)
		return 0;
	id_uuid7(public_id);
	person.public_id = public_id;
	if (contact_insert(tx, &person, now_ms, &person.id, err) != 0)
		return -1;
	return run_pair(tx, move_rest, person.id, entry->id, err);
}

int store_contact_renumber(struct tx *tx, int64_t id, const char *phone,
	int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query by_id = query_open(tx_db(tx), BY_ID);
	scoped(query_close) struct query by_phone =
		query_open(tx_db(tx), BY_PHONE);
	struct contact entry, met;

	query_bind_int(&by_id, id);
	if (query_one(&by_id, "contact", err) != 0)
		return -1;
	entry = contact_from_row(&by_id);
	if (same(entry.phone, phone))
		return 0;
	if (find(&by_phone, entry.account_id, phone, &met, err) != 0)
		return -1;
	if (met.saved_ms > 0)
		return err_set(err, ERR_CONFLICT,
			"A contact with this phone number exists");
	if (met.id != 0 && contact_empty(tx, &met, now_ms, err) != 0)
		return -1;
	if (entry_renumber(tx, &entry, &met, phone, now_ms, err) != 0)
		return -1;
	if (met.id == 0)
		return 0;
	if (run_pair(tx, move_rest, id, met.id, err) != 0 ||
		store_contact_remove(tx, met.id, err) != 0)
		return -1;
	return count(tx, entry.account_id, -1, err);
}

/* ---- reading ---- */

int store_contact_public_id(struct store *store, int64_t account_id,
	const char *phone, const char *lid, char public_id_out[UUID_LEN],
	struct err *err)
{
	scoped(query_close) struct query by_lid =
		query_open(store_db(store), BY_LID);
	scoped(query_close) struct query by_phone =
		query_open(store_db(store), BY_PHONE);
	struct contact contact;

	public_id_out[0] = '\0';
	if (find(&by_lid, account_id, lid, &contact, err) != 0)
		return -1;
	if (contact.id == 0 &&
		find(&by_phone, account_id, phone, &contact, err) != 0)
		return -1;
	if (contact.id != 0)
		snprintf(public_id_out, UUID_LEN, "%s", contact.public_id);
	return 0;
}

int store_contact_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, contact_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		CONTACT_SELECT " WHERE public_id = ? AND account_id = ?"
			       " AND (is_met = 1 OR saved_ms > 0)");
	struct contact contact;

	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	if (query_one(&q, "contact", err) != 0)
		return -1;
	contact = contact_from_row(&q);
	row(&contact, arg);
	return 0;
}

int store_contact_list(struct store *store, int64_t account_id,
	struct page page, contact_row_fn *row, void *arg, int64_t *total_out,
	struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), CONTACT_SELECT
			" WHERE id IN (SELECT id FROM contact"
			" WHERE account_id = ? AND is_met = 1 ORDER BY id"
			" LIMIT ? OFFSET ?) ORDER BY id");
	const struct list_key total = { .list = LIST_CONTACT,
		.account_id = account_id };
	struct contact contact;
	int rc;

	if (list_total_get(store, &total, total_out, err) != 0)
		return -1;
	query_bind_int(&q, account_id);
	query_bind_page(&q, page);
	while ((rc = query_step(&q, err)) == 1) {
		contact = contact_from_row(&q);
		if (row(&contact, arg) != 0)
			return 0;
	}
	return rc;
}
