#include "webhookd/endpoint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/eventlog.h"
#include "common/own.h"

#define JITTER_PERCENT 20

/* ---- parcels ---- */

void parcel_free(struct parcel **parcelp)
{
	struct parcel *parcel = move(*parcelp);

	if (parcel == NULL)
		return;
	free(parcel->body);
	free(parcel);
}

static struct parcel *parcel_new(
	const struct event *event, const char *device_uid)
{
	struct parcel *parcel = xcalloc(1, sizeof(*parcel));

	parcel->event_id = event->id;
	parcel->device_seq = event->device_seq;
	memcpy(parcel->public_id, event->public_id,
		strnlen(event->public_id, UUID_LEN - 1));
	parcel->body = eventlog_render(event->public_id, event->type,
		event->created_ms, event->account_seq, device_uid,
		event->payload);
	parcel->body_bytes = strlen(parcel->body);
	return parcel;
}

static struct parcel *first_take(struct endpoint *endpoint)
{
	struct parcel *parcel = endpoint_first(endpoint);

	assert(parcel != NULL);
	STAILQ_REMOVE_HEAD(&endpoint->parcels, next);
	endpoint->n_parcels--;
	endpoint->parcel_bytes -= parcel->body_bytes;
	return parcel;
}

static void parcels_drop(struct endpoint *endpoint)
{
	while (endpoint->n_parcels > 0) {
		struct parcel *parcel = first_take(endpoint);

		parcel_free(&parcel);
	}
}

/* ---- life ---- */

static void place_take(
	struct endpoint *endpoint, const struct webhook_place *place)
{
	endpoint->read_seq = place->cursor_seq;
	endpoint->recorded_seq = place->cursor_seq;
	endpoint->newest_seq = place->cursor_seq;
	endpoint->attempts = place->attempts;
	endpoint->next_attempt_ms = place->next_attempt_ms;
	endpoint->n_failed = place->n_failed;
	endpoint->n_pauses = place->n_pauses;
	endpoint->paused_until_ms = place->paused_until_ms;
	endpoint->is_suspect = place->attempts > 0 || place->n_failed > 0 ||
			       place->n_pauses > 0;
}

struct webhook_place endpoint_place(const struct endpoint *endpoint)
{
	return (struct webhook_place){
		.cursor_seq = endpoint->recorded_seq,
		.attempts = endpoint->attempts,
		.next_attempt_ms = endpoint->next_attempt_ms,
		.n_failed = endpoint->n_failed,
		.n_pauses = endpoint->n_pauses,
		.paused_until_ms = endpoint->paused_until_ms,
	};
}

static void row_take(
	struct endpoint *endpoint, const struct webhook_endpoint *row)
{
	free(endpoint->url);
	endpoint->url = xstrdup(row->url);
	endpoint->version = row->version;
	place_take(endpoint, &row->place);
	endpoint_learn(endpoint, row->device_seq);
}

struct endpoint *endpoint_new(const struct webhook_endpoint *row)
{
	struct endpoint *endpoint = xcalloc(1, sizeof(*endpoint));

	STAILQ_INIT(&endpoint->parcels);
	endpoint->id = row->id;
	endpoint->account_id = row->account_id;
	endpoint->device_id = row->device_id;
	endpoint->device_uid = xstrdup(row->device_uid);
	endpoint->chat = row->chat;
	row_take(endpoint, row);
	return endpoint;
}

struct endpoint *endpoint_new_replay(
	struct endpoint *live, const struct webhook_replay *row)
{
	struct endpoint *endpoint = xcalloc(1, sizeof(*endpoint));

	STAILQ_INIT(&endpoint->parcels);
	endpoint->id = live->id;
	endpoint->account_id = live->account_id;
	endpoint->device_id = live->device_id;
	endpoint->device_uid = xstrdup(live->device_uid);
	endpoint->chat = live->chat;
	endpoint->version = live->version;
	endpoint->live = live;
	endpoint_next_replay(endpoint, row);
	return endpoint;
}

void endpoint_next_replay(
	struct endpoint *replay, const struct webhook_replay *row)
{
	assert(replay->state == ENDPOINT_IDLE && replay->n_parcels == 0);
	replay->replay_id = row->id;
	replay->is_done = false;
	place_take(replay, &row->place);
	endpoint_learn(replay, row->until_seq);
}

const struct endpoint *endpoint_target(const struct endpoint *endpoint)
{
	return endpoint->live != NULL ? endpoint->live : endpoint;
}

bool endpoint_is_replay(const struct endpoint *endpoint)
{
	return endpoint->live != NULL;
}

void endpoint_free(struct endpoint **endpointp)
{
	struct endpoint *endpoint = move(*endpointp);

	if (endpoint == NULL)
		return;
	parcels_drop(endpoint);
	signing_key_wipe(&endpoint->key);
	signing_key_wipe(&endpoint->old_key);
	free(endpoint->device_uid);
	free(endpoint->url);
	free(endpoint->host);
	free(endpoint->refusal);
	free(endpoint);
}

void endpoint_reset(
	struct endpoint *endpoint, const struct webhook_endpoint *row)
{
	assert(endpoint->state == ENDPOINT_IDLE);
	parcels_drop(endpoint);
	row_take(endpoint, row);
}

bool endpoint_is_moved(
	const struct endpoint *endpoint, const struct webhook_endpoint *row)
{
	/* The store lags behind what we have dealt with, never the other way
	 * round. */
	return strcmp(endpoint->url, row->url) != 0 ||
	       row->place.cursor_seq > endpoint->recorded_seq;
}

void endpoint_resume(
	struct endpoint *endpoint, const struct webhook_endpoint *row)
{
	assert(endpoint->state != ENDPOINT_WAITING);
	endpoint->version = row->version;
	endpoint->n_failed = 0;
	endpoint->n_pauses = 0;
	endpoint->paused_until_ms = 0;
}

/* ---- states ---- */

/* IDLE -> QUEUED -> BUSY -> IDLE;  BUSY -> WAITING -> QUEUED;  IDLE -> WAITING
 * when a retry is taken over from the store.  Whoever is forgotten becomes
 * IDLE.  Nothing becomes BUSY but from the queue: the global limit is kept
 * there. */
static const unsigned may_become[] = {
	[ENDPOINT_IDLE] = BIT(ENDPOINT_QUEUED) | BIT(ENDPOINT_WAITING),
	[ENDPOINT_QUEUED] = BIT(ENDPOINT_BUSY) | BIT(ENDPOINT_IDLE),
	[ENDPOINT_BUSY] = BIT(ENDPOINT_IDLE) | BIT(ENDPOINT_WAITING),
	[ENDPOINT_WAITING] = BIT(ENDPOINT_QUEUED) | BIT(ENDPOINT_IDLE),
};

void endpoint_set_state(struct endpoint *endpoint, enum endpoint_state to)
{
	assert(may_become[endpoint->state] & BIT(to));
	endpoint->state = to;
}

/* ---- events ---- */

/* While it is paused, one event is enough. */
static bool has_room(const struct endpoint *endpoint)
{
	return endpoint->n_parcels == 0 ||
	       (endpoint->n_pauses == 0 &&
		       endpoint->n_parcels < LOOK_AHEAD_EVENTS &&
		       endpoint->parcel_bytes < LOOK_AHEAD_BYTES);
}

/* @event is the next one. */
static enum endpoint_offer take(
	struct endpoint *endpoint, const struct event *event)
{
	struct parcel *parcel;

	if (event->chat != endpoint->chat) {
		endpoint->read_seq = event->device_seq;
		return OFFER_PASSED;
	}
	if (!has_room(endpoint))
		return OFFER_LATER;
	parcel = parcel_new(event, endpoint->device_uid);
	STAILQ_INSERT_TAIL(&endpoint->parcels, parcel, next);
	endpoint->n_parcels++;
	endpoint->parcel_bytes += parcel->body_bytes;
	endpoint->read_seq = event->device_seq;
	return OFFER_TAKEN;
}

enum endpoint_offer endpoint_push(
	struct endpoint *endpoint, const struct event *event)
{
	endpoint_learn(endpoint, event->device_seq);
	if (event->device_seq <= endpoint->read_seq)
		return OFFER_KNOWN;
	if (event->device_seq > endpoint->read_seq + 1)
		return OFFER_LATER;
	return take(endpoint, event);
}

enum endpoint_offer endpoint_read(
	struct endpoint *endpoint, const struct event *event)
{
	if (endpoint_is_replay(endpoint) &&
		event->device_seq > endpoint->newest_seq) {
		endpoint_log_ended(endpoint);
		return OFFER_LATER;
	}
	endpoint_learn(endpoint, event->device_seq);
	if (event->device_seq <= endpoint->read_seq)
		return OFFER_KNOWN;
	return take(endpoint, event);
}

void endpoint_log_ended(struct endpoint *endpoint)
{
	endpoint->read_seq = endpoint->newest_seq;
}

void endpoint_learn(struct endpoint *endpoint, int64_t newest_seq)
{
	if (newest_seq > endpoint->newest_seq)
		endpoint->newest_seq = newest_seq;
}

bool endpoint_is_drained(const struct endpoint *endpoint)
{
	return endpoint->n_parcels == 0 &&
	       endpoint->read_seq >= endpoint->newest_seq;
}

bool endpoint_has_work(const struct endpoint *endpoint)
{
	return endpoint_target(endpoint)->key.n > 0 &&
	       !endpoint_is_drained(endpoint);
}

struct parcel *endpoint_first(const struct endpoint *endpoint)
{
	return STAILQ_FIRST(&endpoint->parcels);
}

int64_t endpoint_skip_to(const struct endpoint *endpoint)
{
	if (endpoint->n_parcels > 0 ||
		endpoint->read_seq <= endpoint->recorded_seq)
		return 0;
	return endpoint->read_seq;
}

/* ---- attempts ---- */

bool endpoint_is_paused(const struct endpoint *endpoint)
{
	return endpoint->n_pauses > 0;
}

int64_t endpoint_due_ms(const struct endpoint *endpoint)
{
	if (endpoint_is_paused(endpoint))
		return endpoint->paused_until_ms;
	return endpoint->attempts > 0 ? endpoint->next_attempt_ms : 0;
}

int endpoint_attempt_number(const struct endpoint *endpoint)
{
	return endpoint_is_paused(endpoint) ? endpoint->n_pauses
					    : endpoint->attempts + 1;
}

static int64_t doubled(int64_t wait_ms, int64_t max_ms, int times)
{
	for (int i = 1; i < times && wait_ms < max_ms; i++)
		wait_ms *= 2;
	if (wait_ms > max_ms)
		wait_ms = max_ms;
	wait_ms = random_jitter(wait_ms, JITTER_PERCENT);
	return wait_ms < max_ms ? wait_ms : max_ms;
}

int64_t endpoint_backoff_ms(const struct retry_policy *policy, int attempts)
{
	return doubled(policy->base_ms, policy->max_ms, attempts);
}

int64_t endpoint_pause_ms(const struct retry_policy *policy, int pauses)
{
	return doubled(policy->pause_base_ms, policy->pause_max_ms, pauses);
}

static enum attempt_status retry_later(struct endpoint *endpoint,
	const struct retry_policy *policy, int64_t now_ms)
{
	endpoint->next_attempt_ms =
		now_ms + endpoint_backoff_ms(policy, endpoint->attempts);
	endpoint_set_state(endpoint, ENDPOINT_WAITING);
	return ATTEMPT_RETRYING;
}

static void pause_again(struct endpoint *endpoint,
	const struct retry_policy *policy, int64_t now_ms)
{
	endpoint->n_pauses++;
	endpoint->paused_until_ms =
		now_ms + endpoint_pause_ms(policy, endpoint->n_pauses);
}

/* Thousands of dead receivers must not keep their look-ahead: the log has it.
 */
static void look_ahead_trim(struct endpoint *endpoint)
{
	if (endpoint->n_parcels > 0)
		endpoint->read_seq = endpoint->recorded_seq;
	parcels_drop(endpoint);
}

static void event_given_up(struct endpoint *endpoint,
	const struct retry_policy *policy, int64_t now_ms)
{
	if (++endpoint->n_failed < policy->breaker_failures)
		return;
	pause_again(endpoint, policy, now_ms);
	look_ahead_trim(endpoint);
}

static void receiver_is_back(struct endpoint *endpoint)
{
	endpoint->n_failed = 0;
	endpoint->n_pauses = 0;
	endpoint->paused_until_ms = 0;
}

static enum attempt_status final_status(enum attempt_result result)
{
	switch (result) {
	case RESULT_DELIVERED:
		return ATTEMPT_SUCCESS;
	case RESULT_FAILED:
		return ATTEMPT_FAILED;
	case RESULT_REFUSED:
		return ATTEMPT_REFUSED;
	}
	abort();
}

static enum attempt_status probe_failed(struct endpoint *endpoint,
	const struct retry_policy *policy, int64_t now_ms)
{
	pause_again(endpoint, policy, now_ms);
	endpoint_set_state(endpoint, ENDPOINT_WAITING);
	return ATTEMPT_RETRYING;
}

enum attempt_status endpoint_finish(struct endpoint *endpoint,
	enum attempt_result result, const struct retry_policy *policy,
	int64_t now_ms, struct parcel **parcel_out)
{
	assert(endpoint->state == ENDPOINT_BUSY);
	endpoint->is_suspect = result != RESULT_DELIVERED;
	if (endpoint->is_suspect && endpoint_is_paused(endpoint))
		return probe_failed(endpoint, policy, now_ms);
	endpoint->attempts++;
	if (result == RESULT_FAILED && endpoint->attempts < policy->attempts)
		return retry_later(endpoint, policy, now_ms);
	*parcel_out = first_take(endpoint);
	endpoint->recorded_seq = (*parcel_out)->device_seq;
	endpoint->attempts = 0;
	endpoint->next_attempt_ms = 0;
	if (result == RESULT_DELIVERED)
		receiver_is_back(endpoint);
	else
		event_given_up(endpoint, policy, now_ms);
	endpoint_set_state(endpoint, ENDPOINT_IDLE);
	return final_status(result);
}

void endpoint_cancel(struct endpoint *endpoint)
{
	assert(endpoint->state == ENDPOINT_BUSY);
	endpoint_set_state(endpoint, ENDPOINT_IDLE);
}
