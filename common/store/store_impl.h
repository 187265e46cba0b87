/* What the aggregates know of the store.  Internal to common/store. */
#ifndef COMMON_STORE_STORE_IMPL_H
#define COMMON_STORE_STORE_IMPL_H

#include <assert.h>

#include "common/store/db.h"
#include "common/store/query.h"
#include "common/store/store.h"
#include "common/store/waid.h"

struct db *store_db(struct store *store);
struct db *tx_db(struct tx *tx);
const struct waid_key *store_waid_key(struct store *store);

/* Totals of lists that filter by status, kept as they change. */
enum list_kind {
	LIST_ATTEMPT = 1,
	LIST_SCHEDULED = 2,
	LIST_CONTACT = 3,
	LIST_CHAT = 4,
	LIST_MEDIA = 5, /* its status is a media_kind */
	LIST_BOOK = 6,
	LIST_SEGMENT = 7,  /* its status is a segment_kind */
	LIST_CAMPAIGN = 8, /* its status: campaign_impl.h */
};			   /* stored */
struct list_key {
	enum list_kind list;
	int64_t account_id;
	int64_t device_id; /* 0 in a question: all */
	int status;	   /* 0 in a question: all */
};
int list_total_add(
	struct tx *tx, const struct list_key *key, int n, struct err *err);
int list_total_get(struct store *store, const struct list_key *key,
	int64_t *total_out, struct err *err);

/* How all filtered lists end; binds limit and offset.  The ids are paged inside
 * the index, so that the rows of skipped pages are never read. */
#define PAGE_OF(alias, table, where)                                    \
	" WHERE " alias ".id IN (SELECT id FROM " table " WHERE " where \
	" ORDER BY id DESC LIMIT ? OFFSET ?) ORDER BY " alias ".id DESC"
void query_bind_page(struct query *q, struct page page);
/* Account, device and status (those that are not 0), and the page. */
void query_bind_list(
	struct query *q, const struct list_key *key, struct page page);

#endif
