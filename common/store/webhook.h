/* Webhook endpoints, their place in the event log, and the attempts made.
 *
 * An endpoint delivers the events of its device, of its chat kind, in order;
 * its cursor (a device_seq) moves past an event in the transaction that records
 * the attempt that ended it.  What is still to do is therefore never a row of
 * its own. */
#ifndef COMMON_STORE_WEBHOOK_H
#define COMMON_STORE_WEBHOOK_H

#include "common/store/event.h"
#include "common/store/store.h"

/* How the signing secret is sealed: secret_derive(host, WEBHOOK_KEY_PURPOSE),
 * and the context given to secret_seal() and secret_open(). */
#define WEBHOOK_KEY_PURPOSE "webhook"
#define WEBHOOK_SECRET_CONTEXT "webhook-secret"

struct webhook { /* one per device, as the API shows it */
	int64_t id;
	const char *public_id;
	int64_t account_id, device_id;
	const char *device_uid;		      /* read only */
	const char *personal_url, *group_url; /* or NULL */
	const uint8_t *secret;		      /* sealed "whsec_…" */
	int secret_bytes;
	bool is_active;
	int64_t created_ms, updated_ms;
};
typedef int webhook_row_fn(const struct webhook *webhook, void *arg);

int store_webhook_list(struct store *store, int64_t account_id,
	int64_t device_id /* 0 = all */, webhook_row_fn *row, void *arg,
	int64_t *total_out, struct err *err);
/* Creates or changes the device's webhook.  A URL that is new for its kind, and
 * one of a webhook that becomes active again, starts at the end of the log:
 * nothing older is delivered to it.  A NULL URL removes that kind.  @public_id
 * and @secret are used only when the row is new. */
int store_webhook_put(struct tx *tx, const struct webhook *webhook,
	int64_t now_ms, bool *created, struct err *err);

struct webhook_endpoint { /* one per URL, for webhookd */
	int64_t id;
	int64_t webhook_id, account_id, device_id;
	const char *device_uid;
	enum event_chat chat;
	const char *url;
	const uint8_t *secret; /* sealed */
	int secret_bytes;
	int64_t cursor_seq; /* device_seq of the last event dealt with */
	int64_t device_seq; /* newest event of the device */
	int attempts;	    /* made for the event after the cursor */
	int64_t next_attempt_ms;
	int64_t updated_ms;
};
typedef int webhook_endpoint_row_fn(
	const struct webhook_endpoint *endpoint, void *arg);
int store_webhook_endpoints(struct store *store, webhook_endpoint_row_fn *row,
	void *arg, struct err *err); /* all active ones */
int store_webhook_endpoints_of_device(struct store *store, int64_t device_id,
	webhook_endpoint_row_fn *row, void *arg, struct err *err);

/* Stored; never renumber. */
enum attempt_status {
	ATTEMPT_SUCCESS = 1,
	ATTEMPT_RETRYING = 2,
	ATTEMPT_FAILED = 3 /* the last one */,
	ATTEMPT_REFUSED = 4 /* target not allowed */
};
const char *attempt_status_name(enum attempt_status status);

struct attempt {
	int64_t id;
	const char *public_id;
	int64_t endpoint_id, account_id, device_id, event_id;
	const char *device_uid, *event_public_id, *event_type,
		*url; /* read only: joined / copied */
	int number;   /* from 1 */
	enum attempt_status status;
	int response_code; /* 0 = no answer */
	const char *error; /* or NULL */
	int64_t started_ms;
	int duration_ms;
};
typedef int attempt_row_fn(const struct attempt *attempt, void *arg);
/* Records the attempt (a NULL public_id is made here); on SUCCESS, FAILED or
 * REFUSED moves the endpoint's cursor to @event_seq and resets its attempts, on
 * RETRYING stores attempts and next_attempt_ms.  An endpoint that has moved
 * past
 * @event_seq, because its URL was changed meanwhile, or that is gone, stays as
 * it is. */
int store_attempt_record(struct tx *tx, const struct attempt *attempt,
	int64_t event_seq, int64_t next_attempt_ms, struct err *err);
/* Moves the cursor over events that are not for this endpoint. */
int store_webhook_skip(
	struct tx *tx, int64_t endpoint_id, int64_t event_seq, struct err *err);
struct attempt_filter {
	int64_t account_id, device_id; /* device 0 = all */
	int status;		       /* 0 = all */
};
int store_attempt_list(struct store *store, const struct attempt_filter *filter,
	struct page page, attempt_row_fn *row, void *arg, int64_t *total_out,
	struct err *err);

#endif
