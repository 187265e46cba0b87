/* Lists of messages; declared in message.h. */
#include "common/store/message_impl.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

static int read_int(struct query *q, int64_t *out, struct err *err)
{
	if (query_one(q, "number", err) != 0)
		return -1;
	*out = query_int(q);
	return 0;
}

/* ---- of an account or a device ---- */

#define OF_ACCOUNT "account_id = ?"
#define OF_DEVICE "account_id = ? AND device_id = ?"

/* By [has device]. */
static const char *const page_sql[2] = {
	MESSAGE_SELECT PAGE_OF("m", "message", OF_ACCOUNT),
	MESSAGE_SELECT PAGE_OF("m", "message", OF_DEVICE),
};
static const char *const total_sql[2] = {
	"SELECT COALESCE(SUM(messages), 0) FROM device_tally WHERE " OF_ACCOUNT,
	"SELECT COALESCE(SUM(messages), 0) FROM device_tally WHERE " OF_DEVICE,
};

static void bind_filter(struct query *q, const struct message_filter *filter)
{
	query_bind_int(q, filter->account_id);
	if (filter->device_id != 0)
		query_bind_int(q, filter->device_id);
}

static int list_all(struct store *store, const struct message_filter *filter,
	struct page page, message_row_fn *row, void *arg, int64_t *total_out,
	struct err *err)
{
	const bool has_device = filter->device_id != 0;
	scoped(query_close) struct query total =
		query_open(store_db(store), total_sql[has_device]);
	scoped(query_close) struct query q =
		query_open(store_db(store), page_sql[has_device]);

	bind_filter(&total, filter);
	if (read_int(&total, total_out, err) != 0)
		return -1;
	bind_filter(&q, filter);
	query_bind_page(&q, page);
	return message_walk(&q, row, arg, err) < 0 ? -1 : 0;
}

/* ---- with a phone ----
 *
 * An index by phone alone would cost each insert a leaf of its own, the more
 * the larger it is.  So the index is cut in stretches of MESSAGE_STRETCH rows:
 * an insert touches the newest stretch only, and a reader asks each stretch in
 * which the account has messages. */

#define OF_PHONE                                                   \
	"m.account_id = ? AND m.id / " MESSAGE_STRETCH_TEXT " = ?" \
	" AND m.phone = ? AND (? = 0 OR m.device_id = ?)"

static void bind_stretch(
	struct query *q, const struct message_filter *filter, int64_t stretch)
{
	query_bind_int(q, filter->account_id);
	query_bind_int(q, stretch);
	query_bind_text(q, filter->phone);
	query_bind_int(q, filter->device_id);
	query_bind_int(q, filter->device_id);
}

/* The newest stretch before @before with a message of the account, or -1. */
static int previous_stretch(struct store *store, int64_t account_id,
	int64_t before, int64_t *stretch_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT COALESCE(MAX(id), -1) FROM message"
		" WHERE account_id = ? AND id < ?");
	int64_t id;

	query_bind_int(&q, account_id);
	query_bind_int(&q, before * MESSAGE_STRETCH);
	if (read_int(&q, &id, err) != 0)
		return -1;
	*stretch_out = id < 0 ? -1 : id / MESSAGE_STRETCH;
	return 0;
}

static int count_stretch(struct store *store,
	const struct message_filter *filter, int64_t stretch, int64_t *n_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT COUNT(*) FROM message m WHERE " OF_PHONE);

	bind_stretch(&q, filter, stretch);
	return read_int(&q, n_out, err);
}

static int walk_stretch(struct store *store,
	const struct message_filter *filter, int64_t stretch, struct page page,
	message_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		MESSAGE_SELECT " WHERE " OF_PHONE
			       " ORDER BY m.id DESC LIMIT ? OFFSET ?");

	bind_stretch(&q, filter, stretch);
	query_bind_page(&q, page);
	return message_walk(&q, row, arg, err);
}

/* What is left of a page after @n rows, which @page may have skipped or shown.
 */
static struct page page_after(struct page page, int64_t n)
{
	const int64_t skipped = n < page.offset ? n : page.offset;
	const int64_t shown = n - skipped;

	return (struct page){ .offset = page.offset - skipped,
		.limit = shown < page.limit ? page.limit - (int)shown : 0 };
}

static int list_phone(struct store *store, const struct message_filter *filter,
	struct page page, message_row_fn *row, void *arg, int64_t *total_out,
	struct err *err)
{
	int64_t stretch = INT64_MAX / MESSAGE_STRETCH;
	int64_t n;
	int rc;

	*total_out = 0;
	for (;;) {
		if (previous_stretch(store, filter->account_id, stretch,
			    &stretch, err) != 0)
			return -1;
		if (stretch < 0)
			return 0;
		if (count_stretch(store, filter, stretch, &n, err) != 0)
			return -1;
		*total_out += n;
		if (n > page.offset && page.limit > 0) {
			rc = walk_stretch(
				store, filter, stretch, page, row, arg, err);
			if (rc < 0)
				return -1;
			if (rc == 1)
				page.limit = 0; /* enough seen; still count */
		}
		page = page_after(page, n);
	}
}

int store_message_list(struct store *store, const struct message_filter *filter,
	struct page page, message_row_fn *row, void *arg, int64_t *total_out,
	struct err *err)
{
	if (filter->phone != NULL)
		return list_phone(
			store, filter, page, row, arg, total_out, err);
	return list_all(store, filter, page, row, arg, total_out, err);
}
