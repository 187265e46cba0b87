/* Writes the outcome of attempts to the store, on a thread of its own, so that
 * the loop never waits for another writer or the disk.  Attempts that end
 * within a few milliseconds share one transaction.
 *
 * Order is kept, so cursors only move forward.  Nothing waits for a record: a
 * crash before it is written means that the event is delivered once more, with
 * the same webhook-id.  When the store fails, it is tried again with a growing
 * delay; the queue is bounded, and recorder_has_room() tells the loop to start
 * nothing new meanwhile. */
#ifndef WEBHOOKD_RECORDER_H
#define WEBHOOKD_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/store/webhook.h"
#include "webhookd/loop.h"

struct err;
struct event_base;
struct recorder;

/* Opens the database for writing, which also brings its schema up to date.
 * @on_room is called on the loop when there is room again after there was none.
 */
int recorder_open(const char *db_path, struct event_base *base,
	loop_fn *on_room, void *arg, struct recorder **out, struct err *err);
/* Writes what is queued, trying once, and ends the thread. */
void recorder_close(struct recorder **recorderp);

bool recorder_has_room(const struct recorder *recorder);
/* Copies everything; see store_attempt_record(). */
void recorder_attempt(struct recorder *recorder, const struct attempt *attempt,
	const struct webhook_place *place);
/* See store_webhook_skip(). */
void recorder_skip(
	struct recorder *recorder, int64_t endpoint_id, int64_t event_seq);
/* See store_replay_done(). */
void recorder_replay_done(struct recorder *recorder, int64_t replay_id);
/* See store_webhook_wipe_old_secrets(). */
void recorder_wipe_old_secrets(struct recorder *recorder, int64_t now_ms);

#endif
