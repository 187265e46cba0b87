/* Contacts: who an account knows on WhatsApp, and whom its owner saved
 * (addressbook.h).  One row a person, found by either of their two names; its
 * public id never changes, so that whoever gets a phone number today and a LID
 * tomorrow knows it is the same person. */
#ifndef COMMON_STORE_CONTACT_H
#define COMMON_STORE_CONTACT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ids.h"
#include "common/store/store.h"

struct err;

struct contact {
	int64_t id;
	const char *public_id; /* uuid */
	int64_t account_id;
	const char *phone;     /* digits, or NULL */
	const char *lid;       /* LID user, or NULL */
	const char *name;      /* in the phone's address book, or NULL */
	const char *push_name; /* what they call themselves, or NULL */
	int64_t created_ms, updated_ms;
	int64_t saved_ms; /* > 0: it is in the address book, by its phone */
	bool is_met;	  /* WhatsApp told of it */
};

typedef int contact_row_fn(const struct contact *contact, void *arg);

/* Finds or makes the contact with @phone or @lid (one may be NULL) and adds
 * what is new about it: the other name, names that differ (NULL = not told).
 * Two rows that turn out to be one person become one: the saved one stays, else
 * the older, and receipts move.  An entry of the address book is about a number
 * and keeps it: when the person behind it changes, the LID, with the names and
 * receipts that belong to it, goes to another row.  Cheap when nothing changed:
 * one lookup, no write. */
struct contact_news {
	int64_t account_id;
	const char *phone, *lid;
	const char *name, *push_name; /* "" removes the name */
};
int store_contact_note(struct tx *tx, const struct contact_news *news,
	int64_t now_ms, int64_t *id_out, char public_id_out[UUID_LEN],
	struct err *err);
/* "" when there is none. */
int store_contact_public_id(struct store *store, int64_t account_id,
	const char *phone, const char *lid, char public_id_out[UUID_LEN],
	struct err *err);
int store_contact_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, contact_row_fn *row, void *arg, struct err *err);
/* Those that WhatsApp told of, oldest first. */
int store_contact_list(struct store *store, int64_t account_id,
	struct page page, contact_row_fn *row, void *arg, int64_t *total_out,
	struct err *err);

/* ---- for the address book ---- */

/* Gives a saved contact another number.  Whom WhatsApp knows by the old number
 * becomes a contact of its own; whom it knows by the new one becomes part of
 * this.  ERR_CONFLICT when that is saved, too. */
int store_contact_renumber(struct tx *tx, int64_t id, const char *phone,
	int64_t now_ms, struct err *err);
/* Ends a contact that nobody knows any more.  Its id is never given again:
 * campaigns may still hold it. */
int store_contact_remove(struct tx *tx, int64_t id, struct err *err);

#endif
