/* Messages, both directions, with their timeline, and the queue a lane reads.
 */
#ifndef COMMON_STORE_MESSAGE_H
#define COMMON_STORE_MESSAGE_H

#include "common/ids.h"
#include "common/store/budget.h"
#include "common/store/event.h"
#include "common/store/idempotency.h"
#include "common/store/store.h"

/* Stored; never renumber. */
enum message_status {
	MESSAGE_QUEUED = 1,
	MESSAGE_SENT = 2, /* the server acknowledged it */
	MESSAGE_DELIVERED = 3,
	MESSAGE_READ = 4,
	MESSAGE_PLAYED = 5,
	MESSAGE_FAILED = 6,
	MESSAGE_RECEIVED = 7, /* inbound */
};
enum message_direction { MESSAGE_OUT = 1, MESSAGE_IN = 2 };
/* docs/content.md says what each holds.  Stored; never renumber. */
enum message_kind {
	MESSAGE_TEXT = 1,
	MESSAGE_IMAGE = 2,
	MESSAGE_VIDEO = 3,
	MESSAGE_AUDIO = 4,
	MESSAGE_VOICE = 5,
	MESSAGE_DOCUMENT = 6,
	MESSAGE_STICKER = 7,
	MESSAGE_LOCATION = 8,
	MESSAGE_CONTACT = 9,
	MESSAGE_POLL = 10,
	MESSAGE_REACTION = 11,
	MESSAGE_EDIT = 12,
	MESSAGE_REVOKE = 13,
	MESSAGE_POLL_VOTE = 14,
	MESSAGE_BUTTON_REPLY = 15,
	MESSAGE_GROUP_INVITE = 16,
	MESSAGE_OTHER = 99,
};
enum message_source {
	MESSAGE_BY_API = 1,
	MESSAGE_BY_SCHEDULE = 2,
	MESSAGE_BY_PHONE = 3,	/* sent on the phone or another linked device */
	MESSAGE_BY_HISTORY = 4, /* from before the device was linked: no event
				 */
	MESSAGE_BY_CAMPAIGN = 5,
	MESSAGE_BY_AUTO_REPLY = 6,
};

const char *message_status_name(enum message_status status); /* "QUEUED" ... */
const char *message_kind_name(enum message_kind kind);	     /* "TEXT" ... */
/* 0, or -1 for an unknown name. */
int message_kind_parse(const char *name, enum message_kind *out);
/* IMAGE .. STICKER: carries a media row. */
bool message_kind_has_media(enum message_kind kind);

struct message {
	int64_t id;
	const char *public_id; /* uuid */
	int64_t account_id;
	int64_t device_id;
	const char *device_uid; /* read only: joined */
	int64_t device_seq; /* outbound: gapless per device; 0 for inbound */
	enum message_direction direction;
	enum message_kind kind;
	enum message_source source;
	const char *wa_id;
	const char *chat; /* chat JID: "15550002222@s.whatsapp.net", "…@lid",
			     "…@g.us" */
	const char *sender; /* inbound: bare sender JID; else NULL */
	const char *phone;  /* the other party, digits without '+', or NULL when
			       only a LID is known */
	const char *lid;    /* the other party's LID user, or NULL */
	const char *push_name;
	const char *text;
	const char *content;	     /* JSON of docs/content.md, or NULL */
	int64_t media_id;	     /* row of its media, 0 = none */
	int64_t recipient_id;	     /* of a campaign, 0 = none */
	const char *media_public_id; /* read only: of that row, or NULL */
	int n_recipients;	 /* group, status: accounts it was sent to */
	int n_delivered, n_read; /* of them, have reported */
	enum message_status status;
	const char *reason;	       /* why it waits or failed, or NULL */
	const char *client_message_id; /* or NULL */
	int n_devices;		       /* encrypted to so many devices */
	int n_retries;		       /* retry receipts answered */
	int64_t created_ms;	       /* accepted / received by us */
	int64_t wa_ms;		       /* the server's time, 0 = unknown */
	int64_t sent_ms, delivered_ms, read_ms, failed_ms; /* 0 = not yet */
};

typedef int message_row_fn(const struct message *message, void *arg);

/* The WhatsApp id for the device's next outbound message.  It carries that
 * message's number, so that a receipt finds it without an index of ids; any
 * other unique id works too, at a price. */
int store_message_wa_id(struct tx *tx, int64_t device_id,
	char out[WA_MSG_ID_LEN], struct err *err);
/* Inserts an outbound message: QUEUED, with the next device_seq.  Fills id and
 * device_seq. If (device, client_message_id) exists, nothing is inserted,
 * *@duplicate is set and @message's id is the existing one's: read it with
 * store_message_by_id(). */
int store_message_insert_out(struct tx *tx, struct message *message,
	bool *duplicate, struct err *err);
/* Inserts an inbound (or own phone's) message unless (device, chat, sender,
 * wa_id) is known: *@duplicate. */
int store_message_insert_in(struct tx *tx, struct message *message,
	bool *duplicate, struct err *err);

/* What store_message_insert_in() found known: when it stands there as
 * "unavailable", it gets this content, and *@filled: @message then has the
 * row's id and public id.  message_fill.c */
int store_message_fill(struct tx *tx, struct message *message,
	char public_id_out[UUID_LEN], bool *filled, struct err *err);

/* The lane's queue: QUEUED messages of a device with device_seq > @after,
 * oldest first. */
int store_message_queued(struct store *store, int64_t device_id,
	int64_t after_seq, int limit, message_row_fn *row, void *arg,
	struct err *err);

/* Moves an outbound message up (QUEUED < SENT < DELIVERED < READ < PLAYED;
 * FAILED only from QUEUED or SENT; a lower or equal status changes nothing but
 * may fill a missing timestamp).  READ also fills delivered_ms.  *@changed
 * tells whether the status moved, and then @row (may be NULL) sees the new row.
 */
struct message_change {
	const char *wa_id;
	enum message_status status;
	int64_t at_ms;
	const char *reason; /* FAILED */
	int n_devices;	    /* > 0: store */
	int n_recipients;   /* > 0: store */
};
int store_message_change(struct tx *tx, int64_t device_id,
	const struct message_change *change, bool *changed, message_row_fn *row,
	void *arg, struct err *err);
/* Why a queued message waits (shown to clients); NULL clears. */
int store_message_set_reason(struct tx *tx, int64_t device_id,
	const char *wa_id, const char *reason, struct err *err);
int store_message_count_retry(
	struct tx *tx, int64_t device_id, const char *wa_id, struct err *err);

struct message_filter {
	int64_t account_id;
	int64_t device_id; /* 0 = all */
	const char *phone; /* digits, or NULL */
};
/* Newest first.  *@total_out is kept in counters where the filter allows it. */
int store_message_list(struct store *store, const struct message_filter *filter,
	struct page page, message_row_fn *row, void *arg, int64_t *total_out,
	struct err *err);
int store_message_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, message_row_fn *row, void *arg, struct err *err);
int store_message_by_id(struct store *store, int64_t id, message_row_fn *row,
	void *arg, struct err *err);
int store_message_by_wa_id(struct store *store, int64_t device_id,
	const char *wa_id, message_row_fn *row, void *arg,
	struct err *err); /* outbound */
int store_message_by_client_id(struct store *store, int64_t device_id,
	const char *client_message_id, message_row_fn *row, void *arg,
	struct err *err);
/* Every message of a device that has this WhatsApp id, both directions; there
 * may be none.  Others choose their ids: only with its chat and its sender is
 * one unique. */
int store_message_each_wa_id(struct store *store, int64_t device_id,
	const char *wa_id, message_row_fn *row, void *arg, struct err *err);

#endif
