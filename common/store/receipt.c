#include "common/store/receipt.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/query.h"
#include "common/store/store_impl.h"

/* The times of a row; all 0 while there is none. */
struct times {
	int64_t delivered_ms, read_ms, played_ms;
};

static int times_load(struct tx *tx, const struct receipt_news *news,
	struct times *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT delivered_ms, read_ms, played_ms FROM receipt"
		" WHERE message_id = ? AND contact_id = ?");
	int rc;

	query_bind_int(&q, news->message_id);
	query_bind_int(&q, news->contact_id);
	*out = (struct times){ 0 };
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	out->delivered_ms = query_int(&q);
	out->read_ms = query_int(&q);
	out->played_ms = query_int(&q);
	return 0;
}

static void times_fill(struct times *times, const struct receipt_news *news)
{
	if (times->delivered_ms == 0)
		times->delivered_ms = news->at_ms;
	if (times->read_ms == 0 && news->status >= MESSAGE_READ)
		times->read_ms = news->at_ms;
	if (times->played_ms == 0 && news->status >= MESSAGE_PLAYED)
		times->played_ms = news->at_ms;
}

static int times_save(struct tx *tx, const struct receipt_news *news,
	const struct times *times, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO receipt (message_id, contact_id, delivered_ms,"
		" read_ms, played_ms) VALUES (?, ?, ?, ?, ?)"
		" ON CONFLICT (message_id, contact_id) DO UPDATE SET"
		" delivered_ms = excluded.delivered_ms,"
		" read_ms = excluded.read_ms,"
		" played_ms = excluded.played_ms");

	query_bind_int(&q, news->message_id);
	query_bind_int(&q, news->contact_id);
	query_bind_int(&q, times->delivered_ms);
	query_bind_int(&q, times->read_ms);
	query_bind_int(&q, times->played_ms);
	return query_run(&q, NULL, err);
}

static int message_count(struct tx *tx, int64_t message_id, bool delivered,
	bool read, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE message SET n_delivered = n_delivered + ?,"
		" n_read = n_read + ? WHERE id = ?");

	query_bind_int(&q, delivered);
	query_bind_int(&q, read);
	query_bind_int(&q, message_id);
	return query_run(&q, NULL, err);
}

int store_receipt_note(
	struct tx *tx, const struct receipt_news *news, struct err *err)
{
	struct times before, after;
	bool delivered, read;

	if (times_load(tx, news, &before, err) != 0)
		return -1;
	after = before;
	times_fill(&after, news);
	delivered = before.delivered_ms == 0;
	read = before.read_ms != after.read_ms;
	if (!delivered && !read && before.played_ms == after.played_ms)
		return 0;
	if (times_save(tx, news, &after, err) != 0)
		return -1;
	if (!delivered && !read)
		return 0;
	return message_count(tx, news->message_id, delivered, read, err);
}

int store_receipt_count_played(
	struct store *store, int64_t message_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT count(*) FROM receipt"
		" WHERE message_id = ? AND played_ms > 0");

	query_bind_int(&q, message_id);
	if (query_one(&q, "receipts", err) != 0)
		return -1;
	return (int)query_int(&q);
}

static int count_all(struct store *store, int64_t message_id,
	int64_t *total_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT count(*) FROM receipt WHERE message_id = ?");

	query_bind_int(&q, message_id);
	if (query_one(&q, "receipts", err) != 0)
		return -1;
	*total_out = query_int(&q);
	return 0;
}

int store_receipt_list(struct store *store, int64_t message_id,
	struct page page, receipt_row_fn *row, void *arg, int64_t *total_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT r.contact_id, c.public_id, c.phone, c.lid,"
		" c.push_name, r.delivered_ms, r.read_ms, r.played_ms"
		" FROM receipt r JOIN contact c ON c.id = r.contact_id"
		" WHERE r.message_id = ? ORDER BY r.id LIMIT ? OFFSET ?");
	int rc;

	if (count_all(store, message_id, total_out, err) != 0)
		return -1;
	query_bind_int(&q, message_id);
	query_bind_int(&q, page.limit);
	query_bind_int(&q, page.offset);
	while ((rc = query_step(&q, err)) == 1) {
		struct receipt receipt = { .message_id = message_id };

		receipt.contact_id = query_int(&q);
		receipt.contact_public_id = query_text(&q);
		receipt.phone = query_text(&q);
		receipt.lid = query_text(&q);
		receipt.push_name = query_text(&q);
		receipt.delivered_ms = query_int(&q);
		receipt.read_ms = query_int(&q);
		receipt.played_ms = query_int(&q);
		if (row(&receipt, arg) != 0)
			return 0;
	}
	return rc;
}
