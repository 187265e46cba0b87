/* One receiver: a URL of a device, its place in the device's event log and what
 *it is doing.  Pure state: no socket, no store, no clock; the time is passed
 *in.
 *
 * Events reach it in the order of device_seq, pushed by the bus or read from
 *the log, and wait in a short look-ahead.  What does not fit is not kept: the
 *log has it.
 *
 *	read_seq <= newest_seq
 *
 * Up to read_seq every event was dealt with, passed over, or is in the
 *look-ahead; up to newest_seq it exists.  The first parcel is the one that is
 *being delivered. */
#ifndef WEBHOOKD_ENDPOINT_H
#define WEBHOOKD_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/ids.h"
#include "common/store/webhook.h"
#include "webhookd/signing.h"

struct delivery;
struct dispatch;
struct loop_timer;

/* The look-ahead: at most so many events, and past the first no more than so
 * many bytes. */
#define LOOK_AHEAD_EVENTS 32
#define LOOK_AHEAD_BYTES (64 * 1024)

/* An event as the receiver gets it. */
struct parcel {
	STAILQ_ENTRY(parcel) next;
	int64_t event_id;
	int64_t device_seq;
	char public_id[UUID_LEN]; /* the webhook-id */
	char *body;		  /* owned */
	size_t body_bytes;
};
void parcel_free(struct parcel **parcelp);

enum endpoint_state {
	ENDPOINT_IDLE,	  /* nothing to do that we know of */
	ENDPOINT_QUEUED,  /* has work, waits for its turn */
	ENDPOINT_BUSY,	  /* a delivery is under way */
	ENDPOINT_WAITING, /* for next_attempt_ms, after a failure */
};

struct endpoint {
	int64_t id, account_id, device_id;
	char *device_uid;
	enum event_chat chat;
	char *url;
	int64_t updated_ms; /* of the row: another value = it was changed */

	/* What the owner found out about the row; freed and wiped with it. */
	char *host;		/* of the URL, for the log */
	char *refusal;		/* why nothing may be sent there, or NULL */
	struct signing_key key; /* empty: it would not open */

	int64_t read_seq, newest_seq;
	int64_t recorded_seq; /* the cursor that the store has, or was given */
	STAILQ_HEAD(parcel_list, parcel) parcels;
	unsigned n_parcels;
	size_t parcel_bytes;

	enum endpoint_state state;
	int attempts;		 /* made for the first parcel */
	int64_t next_attempt_ms; /* unix; valid while WAITING */
	bool is_suspect;	 /* its last attempt failed */

	/* Of dispatch.c: */
	TAILQ_ENTRY(endpoint) in_queue; /* while QUEUED */
	bool is_in_suspect_queue;	/* which queue it stands in */
	struct delivery *delivery;	/* borrowed, while BUSY */
	struct loop_timer *retry;	/* fires when WAITING is over */
	struct dispatch *dispatch;	/* borrowed; for the timer */
	/* Of registry.c: */
	struct endpoint *next_by_id, *next_by_device;
	uint64_t seen_in_sync;
};

struct endpoint *endpoint_new(const struct webhook_endpoint *row);
void endpoint_free(struct endpoint **endpointp);
/* The row was changed: takes its URL and its place, forgets everything else.
 * Not while QUEUED or BUSY: dispatch_forget() comes first. */
void endpoint_reset(
	struct endpoint *endpoint, const struct webhook_endpoint *row);

/* The only way to change the state; a forbidden step is a bug of ours. */
void endpoint_set_state(struct endpoint *endpoint, enum endpoint_state to);

/* What became of an event that was offered. */
enum endpoint_offer {
	OFFER_TAKEN,
	OFFER_PASSED, /* of the other chat kind */
	OFFER_KNOWN,  /* was here before */
	OFFER_LATER,  /* a gap before it, or no room: the log has it */
};
/* From the bus: taken only when it is the next one. */
enum endpoint_offer endpoint_push(
	struct endpoint *endpoint, const struct event *event);
/* From the log, which is in order by itself: numbers may be missing where old
 * events were removed. */
enum endpoint_offer endpoint_read(
	struct endpoint *endpoint, const struct event *event);
/* The log has nothing after read_seq. */
void endpoint_log_ended(struct endpoint *endpoint);
/* Events up to @newest_seq exist. */
void endpoint_learn(struct endpoint *endpoint, int64_t newest_seq);

/* Is there anything to deliver or to read? */
bool endpoint_has_work(const struct endpoint *endpoint);
struct parcel *endpoint_first(const struct endpoint *endpoint); /* or NULL */
/* The cursor to store because only events for others came since the last; 0 =
 * none. */
int64_t endpoint_skip_to(const struct endpoint *endpoint);

struct retry_policy {
	int attempts;
	int64_t base_ms, max_ms;
};
/* Before the attempt after the @attempts-th: @base_ms doubled for each, at most
 * @max_ms, with 20 % of jitter to both sides that never takes it past @max_ms.
 */
int64_t endpoint_backoff_ms(const struct retry_policy *policy, int attempts);

enum attempt_result { RESULT_DELIVERED, RESULT_FAILED, RESULT_REFUSED };
/* The attempt for the first parcel is over, and BUSY becomes IDLE or WAITING.
 * When it was the last one for this event, its parcel leaves the queue and is
 * the caller's. */
enum attempt_status endpoint_finish(struct endpoint *endpoint,
	enum attempt_result result, const struct retry_policy *policy,
	int64_t now_ms, struct parcel **parcel_out);
/* The attempt was broken off: BUSY becomes IDLE, and the event is as if never
 * tried. */
void endpoint_cancel(struct endpoint *endpoint);

#endif
