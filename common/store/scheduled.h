/* Scheduled messages. */
#ifndef COMMON_STORE_SCHEDULED_H
#define COMMON_STORE_SCHEDULED_H

#include "common/store/store.h"

/* Stored; never renumber. */
enum scheduled_status {
	SCHEDULED_PENDING = 1,
	SCHEDULED_SENT = 2 /* handed to the device's queue */,
	SCHEDULED_FAILED = 3,
	SCHEDULED_CANCELLED = 4
};
const char *scheduled_status_name(enum scheduled_status status);

struct scheduled {
	int64_t id;
	const char *public_id;
	int64_t account_id, device_id;
	const char *device_uid; /* read only: joined */
	const char *phone;	/* digits */
	const char *text;
	int64_t due_ms;
	enum scheduled_status status;
	const char *reason;	       /* why it failed or was moved, or NULL */
	const char *message_public_id; /* of the message it became, or NULL */
	int64_t created_ms, updated_ms, sent_ms;
};
typedef int scheduled_row_fn(const struct scheduled *scheduled, void *arg);

struct scheduled_filter {
	int64_t account_id;
	int64_t device_id; /* 0 = all */
	int status;	   /* 0 = all */
};
int store_scheduled_create(struct tx *tx, const struct scheduled *scheduled,
	int64_t *id_out, struct err *err);
int store_scheduled_list(struct store *store,
	const struct scheduled_filter *filter, struct page page,
	scheduled_row_fn *row, void *arg, int64_t *total_out, struct err *err);
int store_scheduled_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, scheduled_row_fn *row, void *arg,
	struct err *err);
/* Only PENDING ones change: ERR_CONFLICT otherwise, ERR_NOT_FOUND when it is
 * not the account's.  NULL / 0 leave a field alone. */
int store_scheduled_update(struct tx *tx, int64_t account_id,
	const char *public_id, const char *phone, const char *text,
	int64_t due_ms, int64_t now_ms, struct err *err);
int store_scheduled_cancel(struct tx *tx, int64_t account_id,
	const char *public_id, int64_t now_ms, struct err *err);

/* PENDING with due_ms <= @now, earliest first; and the next due time (INT64_MAX
 * when none). */
int store_scheduled_due(struct store *store, int64_t now_ms, int limit,
	scheduled_row_fn *row, void *arg, struct err *err);
int64_t store_scheduled_next_due(struct store *store);
/* PENDING -> SENT or FAILED; *@changed false when it was no longer PENDING
 * (then the caller rolls back). */
int store_scheduled_finish(struct tx *tx, int64_t id,
	enum scheduled_status status, const char *reason,
	const char *message_public_id, int64_t now_ms, bool *changed,
	struct err *err);
/* A budget said no: tries again at @due_ms, with the reason shown. */
int store_scheduled_postpone(struct tx *tx, int64_t id, int64_t due_ms,
	const char *reason, struct err *err);

#endif
