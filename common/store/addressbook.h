/* The address book: the contacts that an account has saved, its groups and its
 * tags.
 *
 * A saved contact is a row of contact.h with saved_ms set: a person has one
 * id, whether met on WhatsApp, saved, or both.  Deleting a saved contact takes
 * it out of the book and of its segments; what WhatsApp told of the person
 * stays. Groups and tags are both segments. */
#ifndef COMMON_STORE_ADDRESSBOOK_H
#define COMMON_STORE_ADDRESSBOOK_H

#include <stdbool.h>

#include "common/ids.h"
#include "common/store/store.h"

struct err;

#define BOOK_NAME_MAX 200	 /* characters */
#define BOOK_FIELDS_MAX 20	 /* of a contact, */
#define BOOK_FIELD_NAME_MAX 64	 /* each [A-Za-z_][A-Za-z0-9_.-]*, */
#define BOOK_FIELD_VALUE_MAX 500 /* and so many characters */
#define BOOK_COUNT_MAX 10000	 /* searches are counted up to here */

struct book_contact {
	int64_t id;
	const char *public_id;
	int64_t account_id;
	const char *phone;  /* digits */
	const char *name;   /* the owner's name for it, or NULL */
	const char *fields; /* JSON object of texts, or NULL */
	int64_t saved_ms, updated_ms;
};
typedef int book_row_fn(const struct book_contact *contact, void *arg);

/* What shall stand there; NULL leaves a member alone, "" (fields: "{}") clears
 * it. */
struct book_entry {
	int64_t account_id;
	const char *phone; /* digits */
	const char *name;
	const char *fields;
};

/* ERR_CONFLICT when the number is saved already. */
int store_book_create(struct tx *tx, const struct book_entry *entry,
	int64_t now_ms, int64_t *id_out, char public_id_out[UUID_LEN],
	struct err *err);
/* Saves or changes it: an import.  *@is_new tells which. */
int store_book_put(struct tx *tx, const struct book_entry *entry,
	int64_t now_ms, int64_t *id_out, bool *is_new, struct err *err);
/* ERR_NOT_FOUND, ERR_CONFLICT (the new number is another contact's). */
int store_book_update(struct tx *tx, const char *public_id,
	const struct book_entry *entry, int64_t now_ms, struct err *err);
int store_book_delete(struct tx *tx, int64_t account_id, const char *public_id,
	int64_t now_ms, struct err *err);
int store_book_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, book_row_fn *row, void *arg, struct err *err);
int store_book_by_id(struct store *store, int64_t id, book_row_fn *row,
	void *arg, struct err *err); /* ERR_NOT_FOUND when it is not saved */
/* 1 and its row, 0 = not saved, -1. */
int store_book_by_phone(struct store *store, int64_t account_id,
	const char *phone, book_row_fn *row, void *arg, struct err *err);
int store_book_count(struct store *store, int64_t account_id, int64_t *n_out,
	struct err *err); /* kept, not counted */

struct book_filter {
	int64_t account_id;
	const char *search;	  /* part of a name or of a phone; or NULL */
	int64_t group_id, tag_id; /* rows of segments; 0 = any */
};
/* Oldest first.  *@total_out is exact for no filter or one segment, else
 * counted up to BOOK_COUNT_MAX, and no more than those are listed.  Letters
 * match without regard to case; a number is found also as people write it, "+1
 * 555-000".  One and two characters are only looked for where a name or a
 * number begins. */
int store_book_list(struct store *store, const struct book_filter *filter,
	struct page page, book_row_fn *row, void *arg, int64_t *total_out,
	struct err *err);

/* ---- groups and tags ---- */

/* Stored; never renumber. */
enum segment_kind { SEGMENT_GROUP = 1, SEGMENT_TAG = 2 };

struct segment {
	int64_t id;
	const char *public_id;
	int64_t account_id;
	enum segment_kind kind;
	const char *name;
	const char *description; /* of a group, or NULL */
	const char *color;	 /* of a tag: "#6366f1" */
	int64_t n_contacts;
	int64_t created_ms, updated_ms;
};
typedef int segment_row_fn(const struct segment *segment, void *arg);

/* ERR_CONFLICT when the account has one of this kind and name. */
int store_segment_create(struct tx *tx, struct segment *segment, int64_t now_ms,
	struct err *err);
/* NULL leaves a member alone, an empty description clears it.  ERR_CONFLICT as
 * above. */
int store_segment_update(struct tx *tx, int64_t id, const char *name,
	const char *description, const char *color, int64_t now_ms,
	struct err *err);
/* Its contacts stay; up to @limit members go in one call, and the segment with
 * the last of them: *@gone. */
int store_segment_delete(
	struct tx *tx, int64_t id, int limit, bool *gone, struct err *err);
/* Newest first. */
int store_segment_list(struct store *store, int64_t account_id,
	enum segment_kind kind, struct page page, segment_row_fn *row,
	void *arg, int64_t *total_out, struct err *err);
int store_segment_by_public_id(struct store *store, int64_t account_id,
	enum segment_kind kind, const char *public_id, segment_row_fn *row,
	void *arg, struct err *err);
/* Oldest first. */
int store_segment_of_contact(struct store *store, int64_t contact_id,
	segment_row_fn *row, void *arg, struct err *err);

/* *@changed is false when it is (not) there already. */
int store_segment_add(struct tx *tx, int64_t segment_id, int64_t contact_id,
	bool *changed, struct err *err);
int store_segment_remove(struct tx *tx, int64_t segment_id, int64_t contact_id,
	bool *changed, struct err *err);
bool store_segment_has(
	struct store *store, int64_t segment_id, int64_t contact_id);
/* Members with contact id > @after, in order of it: how a campaign walks them
 * in flat memory. */
int store_segment_walk(struct store *store, int64_t segment_id, int64_t after,
	int limit, book_row_fn *row, void *arg, struct err *err);

#endif
