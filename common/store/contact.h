/* Contacts: who an account knows on WhatsApp.  One row a person, found by
 * either of their two names; its public id never changes, so that whoever gets
 * a phone number today and a LID tomorrow knows it is the same person. */
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
};

typedef int contact_row_fn(const struct contact *contact, void *arg);

/* Finds or makes the contact with @phone or @lid (one may be NULL) and adds
 * what is new about it: the other name, names that differ (NULL = not told).
 * Two rows that turn out to be one person become one: the older id stays,
 * receipts move.  Cheap when nothing changed: one lookup, no write. */
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
/* Oldest first. */
int store_contact_list(struct store *store, int64_t account_id,
	struct page page, contact_row_fn *row, void *arg, int64_t *total_out,
	struct err *err);

#endif
