/* Reports on a message to a group or a status: one row for each account that
 * got, read or played it.  The message counts them, so that nobody has to. */
#ifndef COMMON_STORE_RECEIPT_H
#define COMMON_STORE_RECEIPT_H

#include "common/store/message.h"
#include "common/store/store.h"

struct err;

struct receipt {
	int64_t message_id;
	int64_t contact_id;
	const char *contact_public_id;		  /* uuid */
	const char *phone, *lid;		  /* or NULL */
	const char *push_name;			  /* or NULL */
	int64_t delivered_ms, read_ms, played_ms; /* 0 = not yet */
};

typedef int receipt_row_fn(const struct receipt *receipt, void *arg);

struct receipt_news {
	int64_t message_id, contact_id;
	enum message_status status; /* DELIVERED, READ or PLAYED */
	int64_t at_ms;
};
/* Notes what an account reported; the first report of a kind holds.  What was
 * played was read, what was read was delivered.  Counts the account in the
 * message's n_delivered and n_read, once each. */
int store_receipt_note(
	struct tx *tx, const struct receipt_news *news, struct err *err);
/* How many played it: -1 when the store failed. */
int store_receipt_count_played(
	struct store *store, int64_t message_id, struct err *err);
/* In the order in which they first reported. */
int store_receipt_list(struct store *store, int64_t message_id,
	struct page page, receipt_row_fn *row, void *arg, int64_t *total_out,
	struct err *err);

#endif
