#include "webhookd/dispatch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/replay.h"
#include "webhookd/delivery.h"
#include "webhookd/loop.h"
#include "webhookd/recorder.h"

/* Read from the log at once, events for the other chat kind included. */
#define READ_EVENTS 256
/* Endpoints served before the loop sees to its descriptors again. */
#define TURN_ENDPOINTS 128
/* Replays have one place for so many others. */
#define REPLAY_SHARE 8

TAILQ_HEAD(queue, endpoint);
enum { LINE_GOOD, LINE_SUSPECT, LINE_REPLAY, LINES };

struct line {
	struct queue queue;
	int n_busy, max_busy;
};

struct dispatch {
	struct event_base *base;   /* borrowed */
	struct store *store;	   /* borrowed */
	struct recorder *recorder; /* borrowed */
	struct courier *courier;
	struct loop_timer *turn;
	struct retry_policy policy;
	struct line lines[LINES];
	int max_busy_live;  /* of good ones and suspects together */
	bool suspects_turn; /* the two lines take turns */
	bool is_stopping;
};

/* ---- the lines ---- */

static void line_up(struct dispatch *dispatch, struct endpoint *endpoint)
{
	endpoint->line = endpoint_is_replay(endpoint) ? LINE_REPLAY
			 : endpoint->is_suspect	      ? LINE_SUSPECT
						      : LINE_GOOD;
	endpoint_set_state(endpoint, ENDPOINT_QUEUED);
	TAILQ_INSERT_TAIL(
		&dispatch->lines[endpoint->line].queue, endpoint, in_queue);
	dispatch_kick(dispatch);
}

static void line_leave(struct dispatch *dispatch, struct endpoint *endpoint,
	enum endpoint_state to)
{
	TAILQ_REMOVE(
		&dispatch->lines[endpoint->line].queue, endpoint, in_queue);
	endpoint_set_state(endpoint, to);
}

/* The first one, if there is a place for it. */
static struct endpoint *line_first(struct dispatch *dispatch, unsigned i)
{
	const struct line *line = &dispatch->lines[i];

	return line->n_busy < line->max_busy ? TAILQ_FIRST(&line->queue) : NULL;
}

static struct endpoint *live_next(struct dispatch *dispatch)
{
	struct endpoint *good = line_first(dispatch, LINE_GOOD);
	struct endpoint *suspect = line_first(dispatch, LINE_SUSPECT);

	if (dispatch->lines[LINE_GOOD].n_busy +
			dispatch->lines[LINE_SUSPECT].n_busy >=
		dispatch->max_busy_live)
		return NULL;
	if (good == NULL || (suspect != NULL && dispatch->suspects_turn))
		return suspect;
	return good;
}

/* The next one that may start now, or NULL. */
static struct endpoint *line_next(struct dispatch *dispatch)
{
	struct endpoint *endpoint;

	if (dispatch->is_stopping || !recorder_has_room(dispatch->recorder))
		return NULL;
	endpoint = live_next(dispatch);
	return endpoint != NULL ? endpoint : line_first(dispatch, LINE_REPLAY);
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
	const int64_t longest_ms = endpoint_is_paused(endpoint)
					   ? dispatch->policy.pause_max_ms
					   : dispatch->policy.max_ms;
	int64_t wait_ms = endpoint_due_ms(endpoint) - now_ms;

	/* The clock may have been set back since that time was stored. */
	if (wait_ms > longest_ms)
		wait_ms = longest_ms;
	if (endpoint->retry == NULL)
		endpoint->retry =
			loop_timer_new(dispatch->base, on_retry, endpoint);
	endpoint->dispatch = dispatch;
	loop_timer_set(endpoint->retry, wait_ms > 0 ? wait_ms : 0);
}

static int on_next_replay(const struct webhook_replay *row, void *arg)
{
	endpoint_next_replay(arg, row);
	return 0;
}

/* Nothing is left of it: on to the next one that waits.  None does: the sweep
 * takes it away, or asks again. */
static void replay_end(struct dispatch *dispatch, struct endpoint *replay)
{
	struct err err = ERR_NONE;

	if (!replay->is_done) {
		log_info("replay id=%" PRId64 " device=%s status=done",
			replay->replay_id, replay->device_uid);
		recorder_replay_done(dispatch->recorder, replay->replay_id);
		replay->is_done = true;
	}
	if (store_replay_next(dispatch->store, replay->id, replay->replay_id,
		    on_next_replay, replay, &err) != 0)
		log_warning("replay device=%s reason=\"%s\" action=next-sweep",
			replay->device_uid, log_quote(err.msg));
	if (!replay->is_done)
		dispatch_wake(dispatch, replay);
}

void dispatch_wake(struct dispatch *dispatch, struct endpoint *endpoint)
{
	int64_t now_ms;

	if (endpoint->state != ENDPOINT_IDLE)
		return;
	if (endpoint_is_replay(endpoint) && endpoint_is_drained(endpoint)) {
		replay_end(dispatch, endpoint);
		return;
	}
	if (!endpoint_has_work(endpoint))
		return;
	now_ms = clock_now_ms();
	if (endpoint_due_ms(endpoint) > now_ms) {
		endpoint_set_state(endpoint, ENDPOINT_WAITING);
		wait_for_retry(dispatch, endpoint, now_ms);
		return;
	}
	line_up(dispatch, endpoint);
}

void dispatch_tidy(struct dispatch *dispatch)
{
	const int64_t now_ms = clock_now_ms();

	if (recorder_has_room(dispatch->recorder) &&
		store_webhook_has_old_secret(dispatch->store, now_ms))
		recorder_wipe_old_secrets(dispatch->recorder, now_ms);
}

void dispatch_settle(struct dispatch *dispatch, struct endpoint *endpoint)
{
	int64_t seq = endpoint_skip_to(endpoint);

	if (endpoint->state != ENDPOINT_IDLE || seq == 0 ||
		endpoint_is_replay(endpoint) ||
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
	const char *host = endpoint_target(endpoint)->host;

	log_write(attempt->status == ATTEMPT_SUCCESS ? LOG_LVL_DEBUG
						     : LOG_LVL_INFO,
		"delivery event=%s device=%s host=\"%s\" attempt=%d"
		" status=%s code=%d duration_ms=%d retry_ms=%" PRId64
		" reason=\"%s\"",
		parcel->public_id, endpoint->device_uid,
		host != NULL ? log_quote(host) : "", attempt->number,
		attempt_status_name(attempt->status), attempt->response_code,
		attempt->duration_ms, retry_ms,
		attempt->error != NULL ? log_quote(attempt->error) : "");
}

static void log_breaker(const struct endpoint *endpoint, int64_t now_ms)
{
	const bool is_paused = endpoint_is_paused(endpoint);

	log_info("breaker endpoint=%" PRId64 " replay=%" PRId64
		 " device=%s state=%s failed=%d pause_ms=%" PRId64,
		endpoint->id, endpoint->replay_id, endpoint->device_uid,
		is_paused ? "paused" : "ok", endpoint->n_failed,
		is_paused ? endpoint->paused_until_ms - now_ms : 0);
}

static void attempt_record(struct dispatch *dispatch,
	const struct endpoint *endpoint, const struct parcel *parcel,
	const struct attempt *attempt, int64_t now_ms)
{
	const struct webhook_place place = endpoint_place(endpoint);
	bool has_retry = attempt->status == ATTEMPT_RETRYING;

	log_delivery(endpoint, parcel, attempt,
		has_retry ? endpoint_due_ms(endpoint) - now_ms : 0);
	recorder_attempt(dispatch->recorder, attempt, &place);
}

static struct attempt attempt_of(
	const struct endpoint *endpoint, const struct delivery_report *report)
{
	struct attempt attempt = {
		.endpoint_id = endpoint->id,
		.endpoint_version = endpoint->version,
		.replay_id = endpoint->replay_id,
		.account_id = endpoint->account_id,
		.device_id = endpoint->device_id,
		.event_id = endpoint_first(endpoint)->event_id,
		.url = endpoint_target(endpoint)->url,
		.number = endpoint_attempt_number(endpoint),
		.response_code = report->response_code,
		.error = report->reason,
		.started_ms = report->started_ms,
		.duration_ms = report->duration_ms,
	};

	return attempt;
}

/* The receiver is back, so what is paused beside @endpoint, its replay or the
 * live deliveries, makes its next attempt now. */
static void probe_beside(struct dispatch *dispatch,
	const struct endpoint *endpoint, int64_t now_ms)
{
	struct endpoint *other = endpoint_is_replay(endpoint)
					 ? endpoint->live
					 : endpoint->replay;

	if (other == NULL || !endpoint_is_paused(other))
		return;
	other->paused_until_ms = now_ms;
	if (other->state == ENDPOINT_WAITING)
		wait_for_retry(dispatch, other, now_ms);
}

static void attempt_end(struct dispatch *dispatch, struct endpoint *endpoint,
	const struct delivery_report *report)
{
	const bool was_paused = endpoint_is_paused(endpoint);
	struct attempt attempt = attempt_of(endpoint, report);
	int64_t now_ms = clock_now_ms();
	struct parcel *parcel = NULL;

	attempt.status = endpoint_finish(
		endpoint, report->result, &dispatch->policy, now_ms, &parcel);
	attempt_record(dispatch, endpoint,
		parcel != NULL ? parcel : endpoint_first(endpoint), &attempt,
		now_ms);
	parcel_free(&parcel);
	if (was_paused != endpoint_is_paused(endpoint))
		log_breaker(endpoint, now_ms);
	if (report->result == RESULT_DELIVERED)
		probe_beside(dispatch, endpoint, now_ms);
	if (endpoint->state == ENDPOINT_WAITING)
		wait_for_retry(dispatch, endpoint, now_ms);
	else
		dispatch_wake(dispatch, endpoint);
}

static void busy_end(struct dispatch *dispatch, struct endpoint *endpoint)
{
	endpoint->delivery = NULL;
	dispatch->lines[endpoint->line].n_busy--;
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
	const char *refusal = endpoint_target(endpoint)->refusal;
	struct delivery_report report = { .started_ms = clock_now_ms() };
	struct err err = ERR_NONE;

	line_leave(dispatch, endpoint, ENDPOINT_BUSY);
	if (refusal != NULL) {
		report.result = RESULT_REFUSED;
		report.reason = refusal;
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
	dispatch->lines[endpoint->line].n_busy++;
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
		dispatch->suspects_turn = endpoint->line != LINE_SUSPECT;
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

static void policy_take(struct dispatch *dispatch, const struct config *config)
{
	dispatch->policy = (struct retry_policy){
		.attempts = config->webhook.attempts,
		.base_ms = config->webhook.backoff_base_ms,
		.max_ms = config->webhook.backoff_max_ms,
		.breaker_failures = config->webhook.breaker_failures,
		.pause_base_ms =
			(int64_t)config->webhook.breaker_base_sec * 1000,
		.pause_max_ms = (int64_t)config->webhook.breaker_max_sec * 1000,
	};
}

static void lines_open(struct dispatch *dispatch, int max_busy)
{
	for (int i = 0; i < LINES; i++)
		TAILQ_INIT(&dispatch->lines[i].queue);
	dispatch->max_busy_live = max_busy;
	dispatch->lines[LINE_GOOD].max_busy = max_busy;
	dispatch->lines[LINE_SUSPECT].max_busy = (max_busy + 1) / 2;
	dispatch->lines[LINE_REPLAY].max_busy =
		(max_busy + REPLAY_SHARE - 1) / REPLAY_SHARE;
}

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
	policy_take(dispatch, config);
	lines_open(dispatch, config->webhook.max_concurrent);
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
	assert(dispatch_busy(dispatch) == 0);
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
	int n_busy = 0;

	for (int i = 0; i < LINES; i++)
		n_busy += dispatch->lines[i].n_busy;
	return n_busy;
}
