#include "webhookd/dispatch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "webhookd/delivery.h"
#include "webhookd/loop.h"
#include "webhookd/recorder.h"

/* Read from the log at once, events for the other chat kind included. */
#define READ_EVENTS 256
/* Endpoints served before the loop sees to its descriptors again. */
#define TURN_ENDPOINTS 128

TAILQ_HEAD(line, endpoint);

struct dispatch {
	struct event_base *base;   /* borrowed */
	struct store *store;	   /* borrowed */
	struct recorder *recorder; /* borrowed */
	struct courier *courier;
	struct loop_timer *turn;
	struct retry_policy policy;
	int max_busy, max_busy_suspects;
	int n_busy, n_busy_suspects;
	struct line line, suspects;
	bool suspects_turn; /* the lines take turns */
	bool is_stopping;
};

/* ---- the lines ---- */

static struct line *line_of(
	struct dispatch *dispatch, const struct endpoint *endpoint)
{
	return endpoint->is_in_suspect_queue ? &dispatch->suspects
					     : &dispatch->line;
}

static void line_up(struct dispatch *dispatch, struct endpoint *endpoint)
{
	endpoint->is_in_suspect_queue = endpoint->is_suspect;
	endpoint_set_state(endpoint, ENDPOINT_QUEUED);
	TAILQ_INSERT_TAIL(line_of(dispatch, endpoint), endpoint, in_queue);
	dispatch_kick(dispatch);
}

static void line_leave(struct dispatch *dispatch, struct endpoint *endpoint,
	enum endpoint_state to)
{
	TAILQ_REMOVE(line_of(dispatch, endpoint), endpoint, in_queue);
	endpoint_set_state(endpoint, to);
}

/* The next one that may start now, or NULL. */
static struct endpoint *line_next(struct dispatch *dispatch)
{
	struct endpoint *good = TAILQ_FIRST(&dispatch->line);
	struct endpoint *suspect = TAILQ_FIRST(&dispatch->suspects);

	if (dispatch->is_stopping || dispatch->n_busy >= dispatch->max_busy ||
		!recorder_has_room(dispatch->recorder))
		return NULL;
	if (dispatch->n_busy_suspects >= dispatch->max_busy_suspects)
		return good;
	if (good == NULL || (suspect != NULL && dispatch->suspects_turn))
		return suspect;
	return good;
}

void dispatch_kick(struct dispatch *dispatch)
{
	loop_timer_set(dispatch->turn, 0);
}

/* ---- waking ---- */

static void on_retry(void *arg)
{
	struct endpoint *endpoint = arg;

	line_up(endpoint->dispatch, endpoint);
}

static void wait_for_retry(
	struct dispatch *dispatch, struct endpoint *endpoint, int64_t now_ms)
{
	int64_t wait_ms = endpoint->next_attempt_ms - now_ms;

	/* The clock may have been set back since that time was stored. */
	if (wait_ms > dispatch->policy.max_ms)
		wait_ms = dispatch->policy.max_ms;
	if (endpoint->retry == NULL)
		endpoint->retry =
			loop_timer_new(dispatch->base, on_retry, endpoint);
	endpoint->dispatch = dispatch;
	loop_timer_set(endpoint->retry, wait_ms > 0 ? wait_ms : 0);
}

void dispatch_wake(struct dispatch *dispatch, struct endpoint *endpoint)
{
	int64_t now_ms;

	if (endpoint->state != ENDPOINT_IDLE || !endpoint_has_work(endpoint))
		return;
	now_ms = clock_now_ms();
	if (endpoint->attempts > 0 && endpoint->next_attempt_ms > now_ms) {
		endpoint_set_state(endpoint, ENDPOINT_WAITING);
		wait_for_retry(dispatch, endpoint, now_ms);
		return;
	}
	line_up(dispatch, endpoint);
}

void dispatch_settle(struct dispatch *dispatch, struct endpoint *endpoint)
{
	int64_t seq = endpoint_skip_to(endpoint);

	if (endpoint->state != ENDPOINT_IDLE || seq == 0 ||
		!recorder_has_room(dispatch->recorder))
		return;
	recorder_skip(dispatch->recorder, endpoint->id, seq);
	endpoint->recorded_seq = seq;
}

/* ---- the outcome of an attempt ---- */

static void log_delivery(const struct endpoint *endpoint,
	const struct parcel *parcel, const struct attempt *attempt,
	int64_t retry_ms)
{
	log_write(attempt->status == ATTEMPT_SUCCESS ? LOG_LVL_DEBUG
						     : LOG_LVL_INFO,
		"delivery event=%s device=%s host=\"%s\" attempt=%d"
		" status=%s code=%d duration_ms=%d retry_ms=%" PRId64
		" reason=\"%s\"",
		parcel->public_id, endpoint->device_uid,
		endpoint->host != NULL ? log_quote(endpoint->host) : "",
		attempt->number, attempt_status_name(attempt->status),
		attempt->response_code, attempt->duration_ms, retry_ms,
		attempt->error != NULL ? log_quote(attempt->error) : "");
}

static void attempt_record(struct dispatch *dispatch,
	const struct endpoint *endpoint, const struct parcel *parcel,
	const struct attempt *attempt, int64_t now_ms)
{
	bool has_retry = attempt->status == ATTEMPT_RETRYING;

	log_delivery(endpoint, parcel, attempt,
		has_retry ? endpoint->next_attempt_ms - now_ms : 0);
	recorder_attempt(dispatch->recorder, attempt, parcel->device_seq,
		has_retry ? endpoint->next_attempt_ms : 0);
}

static struct attempt attempt_of(
	const struct endpoint *endpoint, const struct delivery_report *report)
{
	struct attempt attempt = {
		.endpoint_id = endpoint->id,
		.account_id = endpoint->account_id,
		.device_id = endpoint->device_id,
		.event_id = endpoint_first(endpoint)->event_id,
		.url = endpoint->url,
		.number = endpoint->attempts + 1,
		.response_code = report->response_code,
		.error = report->reason,
		.started_ms = report->started_ms,
		.duration_ms = report->duration_ms,
	};

	return attempt;
}

static void attempt_end(struct dispatch *dispatch, struct endpoint *endpoint,
	const struct delivery_report *report)
{
	struct attempt attempt = attempt_of(endpoint, report);
	int64_t now_ms = clock_now_ms();
	struct parcel *parcel = NULL;

	attempt.status = endpoint_finish(
		endpoint, report->result, &dispatch->policy, now_ms, &parcel);
	attempt_record(dispatch, endpoint,
		parcel != NULL ? parcel : endpoint_first(endpoint), &attempt,
		now_ms);
	parcel_free(&parcel);
	if (endpoint->state == ENDPOINT_WAITING)
		wait_for_retry(dispatch, endpoint, now_ms);
	else
		dispatch_wake(dispatch, endpoint);
}

static void busy_end(struct dispatch *dispatch, struct endpoint *endpoint)
{
	endpoint->delivery = NULL;
	dispatch->n_busy--;
	dispatch->n_busy_suspects -= endpoint->is_in_suspect_queue;
}

static void on_delivered(struct endpoint *endpoint,
	const struct delivery_report *report, void *arg)
{
	struct dispatch *dispatch = arg;

	busy_end(dispatch, endpoint);
	attempt_end(dispatch, endpoint, report);
	dispatch_kick(dispatch);
}

/* ---- a turn ---- */

struct reading {
	struct endpoint *endpoint;
	int n_events;
};

static int on_logged(const struct event *event, void *arg)
{
	struct reading *reading = arg;

	reading->n_events++;
	return endpoint_read(reading->endpoint, event) == OFFER_LATER;
}

static int look_ahead_fill(struct dispatch *dispatch, struct endpoint *endpoint)
{
	struct reading reading = { .endpoint = endpoint };
	struct err err = ERR_NONE;

	if (store_event_of_device(dispatch->store, endpoint->device_id,
		    endpoint->read_seq, READ_EVENTS, on_logged, &reading,
		    &err) != 0) {
		log_warning("log device=%s reason=\"%s\" action=read-again",
			endpoint->device_uid, log_quote(err.msg));
		return -1;
	}
	if (reading.n_events == 0)
		endpoint_log_ended(endpoint);
	return 0;
}

static void delivery_begin(struct dispatch *dispatch, struct endpoint *endpoint)
{
	struct delivery_report report = { .started_ms = clock_now_ms() };
	struct err err = ERR_NONE;

	line_leave(dispatch, endpoint, ENDPOINT_BUSY);
	if (endpoint->refusal != NULL) {
		report.result = RESULT_REFUSED;
		report.reason = endpoint->refusal;
		attempt_end(dispatch, endpoint, &report);
		return;
	}
	if (delivery_start(dispatch->courier, endpoint, report.started_ms,
		    &endpoint->delivery, &err) != 0) {
		report.result = RESULT_FAILED;
		report.reason = err.msg;
		attempt_end(dispatch, endpoint, &report);
		return;
	}
	dispatch->n_busy++;
	dispatch->n_busy_suspects += endpoint->is_in_suspect_queue;
}

static void serve(struct dispatch *dispatch, struct endpoint *endpoint)
{
	if (endpoint_first(endpoint) == NULL &&
		look_ahead_fill(dispatch, endpoint) != 0) {
		line_leave(dispatch, endpoint, ENDPOINT_IDLE);
		return; /* the next sweep wakes it */
	}
	if (endpoint_first(endpoint) != NULL) {
		delivery_begin(dispatch, endpoint);
		return;
	}
	line_leave(dispatch, endpoint, ENDPOINT_IDLE);
	dispatch_wake(dispatch, endpoint); /* there is more to read */
}

static void on_turn(void *arg)
{
	struct dispatch *dispatch = arg;
	struct endpoint *endpoint;

	for (int i = 0; i < TURN_ENDPOINTS; i++) {
		endpoint = line_next(dispatch);
		if (endpoint == NULL)
			return;
		dispatch->suspects_turn = !endpoint->is_in_suspect_queue;
		serve(dispatch, endpoint);
	}
	dispatch_kick(dispatch);
}

/* ---- leaving ---- */

static void busy_break(struct dispatch *dispatch, struct endpoint *endpoint)
{
	const struct delivery_report report = {
		.reason = "the webhook was changed meanwhile",
		.started_ms = delivery_started_ms(endpoint->delivery),
		.duration_ms = delivery_duration_ms(endpoint->delivery),
	};
	struct attempt attempt = attempt_of(endpoint, &report);

	delivery_abandon(&endpoint->delivery);
	busy_end(dispatch, endpoint);
	attempt.status = ATTEMPT_FAILED;
	if (!dispatch->is_stopping)
		attempt_record(dispatch, endpoint, endpoint_first(endpoint),
			&attempt, attempt.started_ms);
	endpoint_cancel(endpoint);
}

void dispatch_forget(struct dispatch *dispatch, struct endpoint *endpoint)
{
	switch (endpoint->state) {
	case ENDPOINT_IDLE:
		break;
	case ENDPOINT_QUEUED:
		line_leave(dispatch, endpoint, ENDPOINT_IDLE);
		break;
	case ENDPOINT_BUSY:
		busy_break(dispatch, endpoint);
		break;
	case ENDPOINT_WAITING:
		loop_timer_clear(endpoint->retry);
		endpoint_set_state(endpoint, ENDPOINT_IDLE);
		break;
	}
	loop_timer_free(&endpoint->retry);
}

/* ---- life ---- */

int dispatch_open(struct event_base *base, const struct config *config,
	struct store *store, struct recorder *recorder, struct dispatch **out,
	struct err *err)
{
	scoped(dispatch_close) struct dispatch *dispatch =
		xcalloc(1, sizeof(*dispatch));
	const struct courier_options options = {
		.timeout_ms = config->webhook.timeout_sec * 1000,
		.max_concurrent = config->webhook.max_concurrent,
		.allow_private = config->webhook.allow_private_targets,
		.on_done = on_delivered,
		.arg = dispatch,
	};

	dispatch->base = base;
	dispatch->store = store;
	dispatch->recorder = recorder;
	dispatch->policy.attempts = config->webhook.attempts;
	dispatch->policy.base_ms = config->webhook.backoff_base_ms;
	dispatch->policy.max_ms = config->webhook.backoff_max_ms;
	dispatch->max_busy = config->webhook.max_concurrent;
	dispatch->max_busy_suspects = (config->webhook.max_concurrent + 1) / 2;
	TAILQ_INIT(&dispatch->line);
	TAILQ_INIT(&dispatch->suspects);
	dispatch->turn = loop_timer_new(base, on_turn, dispatch);
	if (courier_open(base, &options, &dispatch->courier, err) != 0)
		return -1;
	*out = move(dispatch);
	return 0;
}

void dispatch_close(struct dispatch **dispatchp)
{
	struct dispatch *dispatch = move(*dispatchp);

	if (dispatch == NULL)
		return;
	assert(dispatch->n_busy == 0);
	courier_close(&dispatch->courier);
	loop_timer_free(&dispatch->turn);
	free(dispatch);
}

void dispatch_stop(struct dispatch *dispatch)
{
	dispatch->is_stopping = true;
}

int dispatch_busy(const struct dispatch *dispatch)
{
	return dispatch->n_busy;
}
