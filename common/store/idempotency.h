/* Answers kept for Idempotency-Key, so that a client's own retry gets the first
 * answer. */
#ifndef COMMON_STORE_IDEMPOTENCY_H
#define COMMON_STORE_IDEMPOTENCY_H

#include "common/store/store.h"

/* Finds a stored answer for (account, key).  Returns 1 and calls @row, 0 when
 * there is none. */
typedef void idempotency_row_fn(const uint8_t request_hash[32], int status,
	const char *body, void *arg);
int store_idempotency_find(struct tx *tx, int64_t account_id, const char *key,
	int64_t not_before_ms, idempotency_row_fn *row, void *arg,
	struct err *err);
int store_idempotency_put(struct tx *tx, int64_t account_id, const char *key,
	const uint8_t request_hash[32], int status, const char *body,
	int64_t now_ms, struct err *err);
/* Returns how many went, at most @limit, or -1. */
int store_idempotency_expire(
	struct tx *tx, int64_t before_ms, int limit, struct err *err);

#endif
