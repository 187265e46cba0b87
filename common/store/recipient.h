/* Recipients of campaigns.  A recipient's state follows its message, in the
 * transaction that changes the message, and the campaign's counts with it. */
#ifndef COMMON_STORE_RECIPIENT_H
#define COMMON_STORE_RECIPIENT_H

#include "common/store/campaign.h"

/* Stored; never renumber: the schema's index says 1 for PENDING. */
enum recipient_status {
	RECIPIENT_PENDING = 1,
	RECIPIENT_QUEUED = 2, /* handed to a lane; shown as PENDING */
	RECIPIENT_SENT = 3,
	RECIPIENT_DELIVERED = 4,
	RECIPIENT_READ = 5,
	RECIPIENT_FAILED = 6,
};
/* "PENDING" for QUEUED too. */
const char *recipient_status_name(enum recipient_status status);
/* 0 for an unknown name. */
enum recipient_status recipient_status_parse(const char *name);

struct recipient_row {
	int64_t id;
	int64_t campaign_id;
	int64_t position;   /* in the queue, from 0 */
	int lane;	    /* the lane it is assigned to, or was sent by */
	int64_t contact_id; /* 0 = not in the address book */
	const char *phone;  /* digits */
	const char *name;   /* of the contact when the campaign was made */
	enum recipient_status status;
	int64_t message_id; /* 0 = none */
	int n_attempts;
	bool is_unsure; /* FAILED, but the message may have left ("expired",
			   "device deleted", abandoned), or a receipt came
			   after all: never retried */
	const char *error;
	/* sent_ms: of the first receipt while the acknowledgement is missing.
	 */
	int64_t sent_ms, delivered_ms, read_ms, failed_ms;
};
typedef int recipient_row_fn(const struct recipient_row *row, void *arg);

/* The public id: a UUID (version 8) made of the campaign's and the position, so
 * that a million of them cost no index. */
void recipient_public_id(
	const char *campaign_public_id, int64_t position, char out[UUID_LEN]);

/* One PENDING recipient at the end of the queue; lane = position % @n_lanes.
 * Counts are the caller's: store_recipient_added(). */
int store_recipient_add(struct tx *tx, int64_t campaign_id, int64_t position,
	int n_lanes, int64_t contact_id, const char *phone, const char *name,
	struct err *err);
int store_recipient_added(
	struct tx *tx, int64_t campaign_id, int64_t n, struct err *err);

/* PENDING (and QUEUED) in queue order, then SENT, DELIVERED, READ by sent_ms,
 * then FAILED by failed_ms.  @status 0 = all; PENDING includes QUEUED.  No page
 * costs more than a walk in an index. */
int store_recipient_list(struct store *store, int64_t campaign_id,
	enum recipient_status status, struct page page, recipient_row_fn *row,
	void *arg, int64_t *total_out, struct err *err);

/* The next PENDING recipient of one lane of a campaign: 1, 0 = none, -1. */
int store_recipient_next(struct store *store, int64_t campaign_id, int lane,
	recipient_row_fn *row, void *arg, struct err *err);
/* PENDING becomes QUEUED with its message, sent by @lane; the device's
 * n_in_flight grows.  *@changed is false when it is not PENDING any more, or
 * the campaign not RUNNING. */
int store_recipient_queue(struct tx *tx, int64_t id, int lane,
	int64_t device_id, int64_t message_id, bool *changed, struct err *err);
/* PENDING becomes FAILED without a message (its text cannot be made, say). */
int store_recipient_fail(struct tx *tx, int64_t id, const char *error,
	int64_t now_ms, struct err *err);

/* Called by the store whenever something is told of a message with a
 * recipient_id (store_message_change(), store_device_delete()): @message is the
 * row as it is now, changed or not.  Moves the recipient and the counts; the
 * row of failures, which pauses the campaign when it reaches its failure_limit;
 * n_in_flight of the device; and COMPLETED with the last one. */
int store_recipient_follow(
	struct tx *tx, const struct message *message, struct err *err);
/* QUEUED messages of campaigns of a device that is gone (logged out, banned)
 * become FAILED with @reason, and their recipients are unsure. */
int store_recipient_abandon(struct tx *tx, int64_t device_id,
	const char *reason, int64_t now_ms, struct err *err);

#endif
