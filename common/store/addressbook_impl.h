/* What the address book's files share.  Internal to common/store. */
#ifndef COMMON_STORE_ADDRESSBOOK_IMPL_H
#define COMMON_STORE_ADDRESSBOOK_IMPL_H

#include "common/store/addressbook.h"
#include "common/store/query.h"

#define BOOK_COLUMNS                                             \
	"c.id, c.public_id, c.account_id, c.phone, c.book_name," \
	" c.fields, c.saved_ms, c.book_updated_ms"

struct book_contact book_contact_from_row(struct query *q);
int book_rows(struct query *q, book_row_fn *row, void *arg, struct err *err);
/* Takes a contact out of all its segments. */
int segment_forget_contact(struct tx *tx, int64_t contact_id, struct err *err);

#endif
