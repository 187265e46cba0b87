/* Webhooks and their endpoints, one per URL: where they deliver, how they sign,
 * and their place in the event log.
 *
 * An endpoint delivers the events of its device, of its chat kind, in order;
 * its cursor (a device_seq) moves past an event in the transaction that records
 * the attempt that ended it (attempt.h).  What is still to do is therefore
 * never a row of its own; what is to be done once more is one (replay.h). */
#ifndef COMMON_STORE_WEBHOOK_H
#define COMMON_STORE_WEBHOOK_H

#include "common/store/attempt.h"
#include "common/store/event.h"
#include "common/store/store.h"

/* How the signing secret is sealed: secret_derive(host, WEBHOOK_KEY_PURPOSE),
 * and the context given to secret_seal() and secret_open(). */
#define WEBHOOK_KEY_PURPOSE "webhook"
#define WEBHOOK_SECRET_CONTEXT "webhook-secret"

struct webhook_url { /* read only */
	int64_t endpoint_id;
	struct webhook_place place;
};

struct webhook { /* one per device, as the API shows it */
	int64_t id;
	const char *public_id;
	int64_t account_id, device_id;
	const char *device_uid;		      /* read only */
	const char *personal_url, *group_url; /* or NULL */
	struct webhook_url personal, group;   /* valid where there is a URL */
	int64_t device_seq;    /* read only: newest event of the device */
	const uint8_t *secret; /* sealed "whsec_…" */
	int secret_bytes;
	int64_t old_until_ms; /* read only: the replaced secret signs, too; 0 =
				 there is none */
	bool is_active;
	int64_t created_ms, updated_ms;
	/* For store_webhook_put(): the pauses of these chat kinds end. */
	bool resume_personal, resume_group;
};
typedef int webhook_row_fn(const struct webhook *webhook, void *arg);

int store_webhook_list(struct store *store, int64_t account_id,
	int64_t device_id /* 0 = all */, webhook_row_fn *row, void *arg,
	int64_t *total_out, struct err *err);
int store_webhook_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, webhook_row_fn *row, void *arg, struct err *err);
/* Creates or changes the device's webhook.  A URL that is new for its kind, and
 * one of a webhook that becomes active again, starts at the end of the log:
 * nothing older is delivered to it, and replays that waited for it are gone.  A
 * NULL URL removes that kind.  @public_id and @secret are used only when the
 * row is new. */
int store_webhook_put(struct tx *tx, const struct webhook *webhook,
	int64_t now_ms, bool *created, struct err *err);
/* Endpoints and replays go along; attempts stay. */
int store_webhook_delete(
	struct tx *tx, int64_t account_id, int64_t webhook_id, struct err *err);

struct webhook_secret {
	int64_t webhook_id;
	const uint8_t *sealed;
	int n_sealed;
	int64_t old_until_ms; /* the replaced one is kept so long; 0 = not */
};
int store_webhook_rotate(struct tx *tx, const struct webhook_secret *secret,
	int64_t now_ms, struct err *err);
/* Is there a replaced secret whose time is over? */
bool store_webhook_has_old_secret(struct store *store, int64_t now_ms);
int store_webhook_wipe_old_secrets(
	struct tx *tx, int64_t now_ms, struct err *err);

struct webhook_replay { /* see replay.h */
	int64_t id;	/* grows, is never given out again */
	const char *public_id;
	int64_t endpoint_id;
	int64_t until_seq; /* the last device_seq */
	struct webhook_place place;
};

struct webhook_endpoint { /* one per URL, for webhookd */
	int64_t id;
	int64_t webhook_id, account_id, device_id;
	const char *device_uid;
	enum event_chat chat;
	const char *url;
	const uint8_t *secret; /* sealed */
	int secret_bytes;
	const uint8_t *old_secret; /* signs, too, until old_until_ms; or NULL */
	int old_secret_bytes;
	int64_t old_until_ms;
	struct webhook_place place;
	int64_t device_seq; /* newest event of the device */
	int64_t version; /* of the URL and its place, as its owner set them */
	int64_t secret_version;
	struct webhook_replay replay; /* the oldest one; id 0 = there is none */
};
typedef int webhook_endpoint_row_fn(
	const struct webhook_endpoint *endpoint, void *arg);
int store_webhook_endpoints(struct store *store, webhook_endpoint_row_fn *row,
	void *arg, struct err *err); /* all active ones */
int store_webhook_endpoints_of_device(struct store *store, int64_t device_id,
	webhook_endpoint_row_fn *row, void *arg, struct err *err);

/* Moves the cursor over events that are not for this endpoint. */
int store_webhook_skip(
	struct tx *tx, int64_t endpoint_id, int64_t event_seq, struct err *err);

#endif
