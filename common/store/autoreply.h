/* Rules of auto-replies. */
#ifndef COMMON_STORE_AUTOREPLY_H
#define COMMON_STORE_AUTOREPLY_H

#include "common/store/store.h"

/* Stored; never renumber. */
enum auto_reply_trigger {
	TRIGGER_CONTAINS = 1,
	TRIGGER_EXACT = 2,
	TRIGGER_STARTS_WITH = 3,
	TRIGGER_ENDS_WITH = 4,
};
const char *auto_reply_trigger_name(enum auto_reply_trigger trigger);
/* 0 for an unknown name. */
enum auto_reply_trigger auto_reply_trigger_parse(const char *name);

struct auto_reply {
	int64_t id;
	const char *public_id;
	int64_t account_id, device_id;
	const char *device_uid; /* read only: joined */
	int position;		/* rules of a device are tried in this order */
	enum auto_reply_trigger trigger;
	const char *trigger_value, *reply_text;
	bool is_enabled;
	int64_t created_ms, updated_ms;
};
typedef int auto_reply_row_fn(const struct auto_reply *rule, void *arg);

#define AUTO_REPLY_MAX 500 /* of a device: each is tried for each message */

/* In order. */
int store_auto_reply_list(struct store *store, int64_t account_id,
	int64_t device_id, struct page page, auto_reply_row_fn *row, void *arg,
	int64_t *total_out, struct err *err);
/* Enabled ones, in order: what the lane asks for each message. */
int store_auto_reply_enabled(struct store *store, int64_t device_id,
	auto_reply_row_fn *row, void *arg, struct err *err);
int store_auto_reply_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, auto_reply_row_fn *row, void *arg,
	struct err *err);
/* Position -1: after the last.  ERR_CONFLICT when the device has
 * AUTO_REPLY_MAX.  A position that is taken moves the later ones. */
int store_auto_reply_create(struct tx *tx, struct auto_reply *rule,
	int64_t now_ms, struct err *err);
/* The whole row as it shall be. */
int store_auto_reply_update(struct tx *tx, const struct auto_reply *rule,
	int64_t now_ms, struct err *err);
int store_auto_reply_delete(struct tx *tx, int64_t account_id,
	const char *public_id, struct err *err);

/* Counts a reply to the chat in this UTC hour; *@n_out is the number so far,
 * this one included. */
int store_auto_reply_count(struct tx *tx, int64_t device_id, const char *chat,
	int64_t now_ms, int *n_out, struct err *err);

/* Forgets the counts of earlier hours: how many went, at most @limit, or -1. */
int store_auto_reply_forget(
	struct tx *tx, int64_t now_ms, int limit, struct err *err);

#endif
