/* The numbered event log, which is also the outbox: an event is written in the
 * transaction of the change it tells of, and read by webhookd, GET /v1/events
 * and the dashboard. */
#ifndef COMMON_STORE_EVENT_H
#define COMMON_STORE_EVENT_H

#include "common/ids.h"
#include "common/store/store.h"

/* Stored; never renumber.  Decides which webhook of the device an event goes
 * to. */
enum event_chat { EVENT_CHAT_PERSONAL = 1, EVENT_CHAT_GROUP = 2 };

struct event {
	int64_t id;
	const char *public_id; /* uuid; the webhook-id */
	int64_t account_id;
	int64_t account_seq; /* gapless per account, from 1 */
	int64_t device_id;
	int64_t device_seq; /* gapless per device, from 1 */
	enum event_chat chat;
	const char *type;    /* "message.delivered" */
	const char *payload; /* the JSON object "data" */
	int64_t created_ms;
	const char *device_uid; /* read only: joined */
};

typedef int event_row_fn(const struct event *event, void *arg);

/* Numbers it (account_seq, device_seq, public_id, id) and fills those fields of
 * @event; public_id then points into @public_id_buf. */
int store_event_append(struct tx *tx, struct event *event,
	char public_id_buf[UUID_LEN], struct err *err);
/* Oldest first, device_seq > @after. */
int store_event_of_device(struct store *store, int64_t device_id,
	int64_t after_seq, int limit, event_row_fn *row, void *arg,
	struct err *err);
/* Oldest first, account_seq > @after. */
int store_event_of_account(struct store *store, int64_t account_id,
	int64_t after_seq, int limit, event_row_fn *row, void *arg,
	struct err *err);
int store_event_by_id(struct store *store, int64_t id, event_row_fn *row,
	void *arg, struct err *err);
int64_t store_event_account_seq(
	struct store *store, int64_t account_id); /* newest, 0 if none */

#endif
