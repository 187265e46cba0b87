#include "common/store/idempotency.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

#define HASH_BYTES 32

int store_idempotency_find(struct tx *tx, int64_t account_id, const char *key,
	int64_t not_before_ms, idempotency_row_fn *row, void *arg,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT request_hash, status, body FROM idempotency"
		" WHERE account_id = ? AND key = ? AND created_ms >= ?");
	const uint8_t *hash;
	size_t n_hash;
	int rc, status;

	query_bind_int(&q, account_id);
	query_bind_text(&q, key);
	query_bind_int(&q, not_before_ms);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	hash = query_blob(&q, &n_hash);
	if (n_hash != HASH_BYTES)
		return err_set(
			err, ERR_IO, "idempotency: hash of %zu bytes", n_hash);
	status = (int)query_int(&q);
	row(hash, status, query_text(&q), arg);
	return 1;
}

int store_idempotency_put(struct tx *tx, int64_t account_id, const char *key,
	const uint8_t request_hash[32], int status, const char *body,
	int64_t now_ms, struct err *err)
{
	/* On a conflict the old answer has expired: a live one was found. */
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO idempotency"
		" (account_id, key, request_hash, status, body, created_ms)"
		" VALUES (?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (account_id, key) DO UPDATE SET"
		" request_hash = excluded.request_hash,"
		" status = excluded.status, body = excluded.body,"
		" created_ms = excluded.created_ms");

	query_bind_int(&q, account_id);
	query_bind_text(&q, key);
	query_bind_blob(&q, request_hash, HASH_BYTES);
	query_bind_int(&q, status);
	query_bind_text(&q, body);
	query_bind_int(&q, now_ms);
	return query_run(&q, NULL, err);
}

int store_idempotency_expire(
	struct tx *tx, int64_t before_ms, int limit, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"DELETE FROM idempotency WHERE id IN"
		" (SELECT id FROM idempotency WHERE created_ms < ?"
		" ORDER BY created_ms LIMIT ?)");
	int n;

	query_bind_int(&q, before_ms);
	query_bind_int(&q, limit);
	return query_run(&q, &n, err) == 0 ? n : -1;
}
