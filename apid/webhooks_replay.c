/* Deliveries that are asked for: of one event again, of a stretch of the log
 * again, and of a test. */
#include "apid/webhooks.h"

#include <inttypes.h>
#include <stdlib.h>

#include "apid/request.h"
#include "apid/worker.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/eventlog.h"
#include "common/json_write.h"
#include "common/own.h"
#include "common/store/device.h"
#include "common/store/replay.h"

#define REPLAY_EVENTS_MAX 100000

/* ---- the device's webhook ---- */

struct goal { /* where deliveries go */
	char webhook_id[UUID_LEN];
	bool is_active;
	bool has_personal, has_group;  /* a URL */
	int64_t personal_id, group_id; /* endpoints */
};

static int take_goal(const struct webhook *webhook, void *arg)
{
	struct goal *goal = arg;

	snprintf(goal->webhook_id, sizeof(goal->webhook_id), "%s",
		webhook->public_id);
	goal->is_active = webhook->is_active;
	goal->has_personal = webhook->personal_url != NULL;
	goal->has_group = webhook->group_url != NULL;
	goal->personal_id = webhook->personal.endpoint_id;
	goal->group_id = webhook->group.endpoint_id;
	return 0;
}

/* One that is active and has a URL. */
static int find_goal(struct store *store, int64_t account_id, int64_t device_id,
	struct goal *goal, struct err *err)
{
	int64_t total;

	*goal = (struct goal){ 0 };
	if (store_webhook_list(store, account_id, device_id, take_goal, goal,
		    &total, err) != 0)
		return -1;
	if (!goal->has_personal && !goal->has_group)
		return err_set(err, ERR_NOT_FOUND, "The device has no webhook");
	if (!goal->is_active)
		return err_set(err, ERR_CONFLICT, "The webhook is not active");
	return 0;
}

/* ---- one event ---- */

struct tried { /* the event of an attempt */
	int64_t device_id, device_seq;
	bool is_group;
};

static int take_tried(const struct attempt *attempt, void *arg)
{
	struct tried *tried = arg;

	tried->device_id = attempt->device_id;
	tried->device_seq = attempt->event_device_seq;
	tried->is_group = attempt->event_chat == EVENT_CHAT_GROUP;
	return 0;
}

static void reply_accepted(
	struct request *request, const char *replay_id, int64_t n_events)
{
	request->reply = json_pack("{s:s, s:I}", "replayId", replay_id,
		"events", (json_int_t)n_events);
}

int webhooks_replay_one(struct request *request, struct tx *tx, struct err *err)
{
	struct store *store = tx_store(tx);
	struct replay_span span;
	struct tried tried;
	struct goal goal;
	char id[UUID_LEN];

	if (store_attempt_by_public_id(store, request->account_id,
		    request_text(request, "id"), take_tried, &tried, err) != 0)
		return -1;
	if (tried.device_seq == 0)
		return err_set(err, ERR_NOT_FOUND, "The event is gone");
	if (find_goal(store, request->account_id, tried.device_id, &goal,
		    err) != 0)
		return -1;
	if (tried.is_group ? !goal.has_group : !goal.has_personal)
		return err_set(err, ERR_NOT_FOUND,
			"The device has no webhook for this event");
	id_uuid7(id);
	span.first_seq = span.last_seq = tried.device_seq;
	if (store_replay_create(tx, id,
		    tried.is_group ? goal.group_id : goal.personal_id, &span,
		    clock_now_ms(), err) != 0)
		return -1;
	request_push(request, TO_WEBHOOKD, webhooks_wake(tried.device_id));
	reply_accepted(request, id, 1);
	return 0;
}

/* ---- a stretch of the log ---- */

struct stretch { /* of a request, on its way over the worker to the writer */
	struct replay_range range;
	struct replay_span span;
	struct replay_counts counts;
};

static void stretch_free(void **stretchp)
{
	free(move(*stretchp));
}

static int take_range(
	struct request *request, struct replay_range *range, struct err *err)
{
	range->from_seq = request_number(request, "fromSeq", 0);
	range->to_seq = request_number(request, "toSeq", 0);
	range->from_ms = request_number(request, "from", 0);
	range->to_ms = request_number(request, "to", 0);
	if (range->from_seq == 0 && !request_arg(request, "from")->is_set)
		return err_set(err, ERR_INVALID, "fromSeq or from is required");
	if (range->to_seq != 0 && range->to_seq < range->from_seq)
		return err_set(err, ERR_INVALID,
			"toSeq must not be smaller than fromSeq");
	if (range->to_ms != 0 && range->to_ms < range->from_ms)
		return err_set(err, ERR_INVALID, "to must not be before from");
	return 0;
}

/* On a worker: counting reads as many rows as there are. */
static int stretch_measure(struct request *request, struct err *err)
{
	struct stretch *stretch = request->context;
	scoped(store_close) struct store *store = NULL;
	int64_t n;

	if (store_open(request->apid->db_path, STORE_READ, &store, err) != 0 ||
		store_replay_span(
			store, &stretch->range, &stretch->span, err) != 0)
		return -1;
	n = stretch->span.last_seq - stretch->span.first_seq + 1;
	if (n <= 0)
		return 0;
	if (n > REPLAY_EVENTS_MAX)
		return err_set(err, ERR_INVALID,
			"A replay has at most %d events, this range %" PRId64,
			REPLAY_EVENTS_MAX, n);
	return store_replay_count(store, stretch->range.device_id,
		&stretch->span, &stretch->counts, err);
}

static int stretch_create(
	struct request *request, struct tx *tx, struct err *err)
{
	const struct stretch *stretch = request->context;
	const int64_t now_ms = clock_now_ms();
	struct goal goal;
	char id[UUID_LEN];
	int64_t n = 0;

	if (find_goal(tx_store(tx), request->account_id,
		    stretch->range.device_id, &goal, err) != 0)
		return -1;
	id_uuid7(id);
	if (goal.has_personal && stretch->counts.personal > 0) {
		n += stretch->counts.personal;
		if (store_replay_create(tx, id, goal.personal_id,
			    &stretch->span, now_ms, err) != 0)
			return -1;
	}
	if (goal.has_group && stretch->counts.group > 0) {
		n += stretch->counts.group;
		if (store_replay_create(tx, id, goal.group_id, &stretch->span,
			    now_ms, err) != 0)
			return -1;
	}
	if (n == 0)
		return err_set(err, ERR_NOT_FOUND,
			"The range has no event for the device's webhook");
	request_push(
		request, TO_WEBHOOKD, webhooks_wake(stretch->range.device_id));
	reply_accepted(request, id, n);
	return 0;
}

static void on_measured(struct request *request)
{
	struct err err = ERR_NONE;

	if (request_write(request, stretch_create, NULL, &err) != 0)
		request_fail(request, &err);
}

int webhooks_replay(struct request *request, struct err *err)
{
	struct stretch *stretch = xcalloc(1, sizeof(*stretch));
	struct goal goal;

	request->context = stretch;
	request->context_free = stretch_free;
	if (take_range(request, &stretch->range, err) != 0 ||
		store_device_id(request->store, request->account_id,
			request_text(request, "deviceUid"),
			&stretch->range.device_id, err) != 0 ||
		find_goal(request->store, request->account_id,
			stretch->range.device_id, &goal, err) != 0)
		return -1;
	return worker_submit(request, stretch_measure, on_measured, err);
}

/* ---- a test ---- */

/* Logged like anything else, and with it signed, delivered and recorded. */
static int append_test(struct request *request, struct tx *tx,
	int64_t device_id, const struct goal *goal, enum event_chat chat,
	json_t *ids, struct err *err)
{
	const char *uid = request_text(request, "deviceUid");
	scoped(buf_fini) struct buf payload = BUF_INIT;
	struct json_writer json = json_write_begin(&payload);
	struct event event = { .account_id = request->account_id,
		.device_id = device_id,
		.chat = chat,
		.type = EVENT_WEBHOOK_TEST,
		.created_ms = clock_now_ms() };
	char id[UUID_LEN];

	json_write_text(&json, "deviceUid", uid);
	json_write_text(&json, "webhookId", goal->webhook_id);
	json_write_text(
		&json, "kind", chat == EVENT_CHAT_GROUP ? "group" : "personal");
	json_write_end(&json);
	event.payload = buf_cstr(&payload);
	if (store_event_append(tx, &event, id, err) != 0)
		return -1;
	request_push(request, TO_WEBHOOKD, eventlog_envelope(&event, uid));
	json_array_append_new(ids, json_string(id));
	return 0;
}

int webhooks_test(struct request *request, struct tx *tx, struct err *err)
{
	json_t *ids = json_array();
	int64_t device_id;
	struct goal goal;

	request->reply =
		json_pack("{s:b, s:o}", "accepted", 1, "eventIds", ids);
	if (store_device_id(tx_store(tx), request->account_id,
		    request_text(request, "deviceUid"), &device_id, err) != 0 ||
		find_goal(tx_store(tx), request->account_id, device_id, &goal,
			err) != 0)
		return -1;
	if (goal.has_personal && append_test(request, tx, device_id, &goal,
					 EVENT_CHAT_PERSONAL, ids, err) != 0)
		return -1;
	if (goal.has_group && append_test(request, tx, device_id, &goal,
				      EVENT_CHAT_GROUP, ids, err) != 0)
		return -1;
	json_object_set(request->reply, "eventId", json_array_get(ids, 0));
	return 0;
}
