/* One receiver: a URL of a device, its place in the device's event log and what
 * it is doing.  Pure state: no socket, no store, no clock; the time is passed
 * in.
 *
 * Events reach it in the order of device_seq, pushed by the bus or read from
 * the log, and wait in a short look-ahead.  What does not fit is not kept: the
 * log has it.
 *
 *	read_seq <= newest_seq
 *
 * Up to read_seq every event was dealt with, passed over, or is in the
 * look-ahead; up to newest_seq it exists.  The first parcel is the one that is
 * being delivered.
 *
 * The breaker: when several events in a row could not be delivered, it pauses.
 * Nothing is dropped then and next to nothing is done: after each pause one
 * attempt is made with the event whose turn it is, a probe, which does not use
 * up the event's attempts.  One that fails doubles the pause, one that gets
 * through ends it.
 *
 * A replay of a stretch of the log is a second one of these, beside the one
 * whose URL and keys it borrows: its log ends where the stretch does, and
 * nothing is pushed to it. */
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
	ENDPOINT_WAITING, /* for endpoint_due_ms(), after a failure */
};

struct endpoint {
	int64_t id, account_id, device_id;
	char *device_uid;
	enum event_chat chat;
	int64_t version; /* of the row: another value = it was changed */
	int64_t secret_version;

	/* Where it delivers to; of a replay see endpoint_target(). */
	char *url;
	/* What the owner found out about the row; freed and wiped with it. */
	char *host;		/* of the URL, for the log */
	char *refusal;		/* why nothing may be sent there, or NULL */
	struct signing_key key; /* empty: it would not open */
	/* The replaced one, which signs, too, until then; or empty. */
	struct signing_key old_key;
	int64_t old_until_ms;

	/* Of the live one: its replay, owned; or NULL. */
	struct endpoint *replay;
	/* Of a replay: the live one, borrowed. */
	struct endpoint *live;
	int64_t replay_id;
	bool is_done; /* it was recorded that nothing is left to replay */

	int64_t read_seq, newest_seq;
	int64_t recorded_seq; /* the cursor that the store has, or was given */
	STAILQ_HEAD(parcel_list, parcel) parcels;
	unsigned n_parcels;
	size_t parcel_bytes;

	enum endpoint_state state;
	int attempts;		 /* made for the first parcel */
	int64_t next_attempt_ms; /* unix; valid with attempts > 0 */
	int n_failed;		 /* events in a row given up */
	int n_pauses;		 /* one after another; 0 = not paused */
	int64_t paused_until_ms; /* valid while paused */
	bool is_suspect;	 /* its last attempt failed */

	/* Of dispatch.c: */
	TAILQ_ENTRY(endpoint) in_queue; /* while QUEUED */
	unsigned line;			/* which queue it stands in */
	struct delivery *delivery;	/* borrowed, while BUSY */
	struct loop_timer *retry;	/* fires when WAITING is over */
	struct dispatch *dispatch;	/* borrowed; for the timer */
	/* Of registry.c: */
	struct endpoint *next_by_id, *next_by_device;
	uint64_t seen_in_sync;
};

struct endpoint *endpoint_new(const struct webhook_endpoint *row);
void endpoint_free(struct endpoint **endpointp);
/* Of a stretch of @live's log. */
struct endpoint *endpoint_new_replay(
	struct endpoint *live, const struct webhook_replay *row);
/* It is done: the next one that waits takes its place. */
void endpoint_next_replay(
	struct endpoint *replay, const struct webhook_replay *row);
/* The row was changed: takes its URL and its place, forgets everything else.
 * Not while QUEUED or BUSY: dispatch_forget() comes first. */
void endpoint_reset(
	struct endpoint *endpoint, const struct webhook_endpoint *row);
/* Was it moved to another URL or to the end of the log? */
bool endpoint_is_moved(
	const struct endpoint *endpoint, const struct webhook_endpoint *row);
/* Its owner ended the pause: it goes on from where it is.  Not while WAITING.
 */
void endpoint_resume(
	struct endpoint *endpoint, const struct webhook_endpoint *row);
/* Whose URL and keys it uses. */
const struct endpoint *endpoint_target(const struct endpoint *endpoint);
bool endpoint_is_replay(const struct endpoint *endpoint);

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

/* Is nothing left to deliver or to read? */
bool endpoint_is_drained(const struct endpoint *endpoint);
/* Is something left, and can it be signed? */
bool endpoint_has_work(const struct endpoint *endpoint);
struct parcel *endpoint_first(const struct endpoint *endpoint); /* or NULL */
/* The cursor to store because only events for others came since the last; 0 =
 * none. */
int64_t endpoint_skip_to(const struct endpoint *endpoint);

/* When the next attempt may be made; 0 = at once. */
int64_t endpoint_due_ms(const struct endpoint *endpoint);
bool endpoint_is_paused(const struct endpoint *endpoint);
/* How the next attempt is counted, from 1: for its event, or as a probe. */
int endpoint_attempt_number(const struct endpoint *endpoint);

struct retry_policy {
	int attempts;
	int64_t base_ms, max_ms;
	int breaker_failures; /* events in a row until it pauses */
	int64_t pause_base_ms, pause_max_ms;
};
/* Before the attempt after the @attempts-th: @base_ms doubled for each, at most
 * @max_ms, with 20 % of jitter to both sides that never takes it past @max_ms.
 */
int64_t endpoint_backoff_ms(const struct retry_policy *policy, int attempts);
/* The same for the @pauses-th pause. */
int64_t endpoint_pause_ms(const struct retry_policy *policy, int pauses);

enum attempt_result { RESULT_DELIVERED, RESULT_FAILED, RESULT_REFUSED };
/* The attempt for the first parcel is over, and BUSY becomes IDLE or WAITING.
 * When it was the last one for this event, its parcel leaves the queue and is
 * the caller's; *@parcel_out is left alone otherwise. */
enum attempt_status endpoint_finish(struct endpoint *endpoint,
	enum attempt_result result, const struct retry_policy *policy,
	int64_t now_ms, struct parcel **parcel_out);
/* What is to be stored of it. */
struct webhook_place endpoint_place(const struct endpoint *endpoint);
/* The attempt was broken off: BUSY becomes IDLE, and the event is as if never
 * tried. */
void endpoint_cancel(struct endpoint *endpoint);

#endif
