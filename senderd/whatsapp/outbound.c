#include "senderd/whatsapp/outbound.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/message.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/bundles.h"
#include "senderd/whatsapp/cold_chats.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/fanout.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/groupcast.h"
#include "senderd/whatsapp/lookup.h"
#include "senderd/whatsapp/typing.h"

#define TICK_MS 5000
#define TICKS_A_MINUTE 12
#define LOOK_AHEAD 256	 /* jobs in memory beyond those in flight */
#define SENDS_A_TURN 128 /* then acks and inbound stanzas get their turn */
#define OWN_KEYS_AGAIN_MS (60 * 1000LL)
#define EXPIRE_SCAN 256 /* rows looked at each minute while disconnected */

size_t outbound_in_flight(const struct lane *lane)
{
	return lane->outbound->n_in_flight;
}

bool outbound_is_busy(const struct lane *lane)
{
	return lane->outbound->n_in_flight > 0 ||
	       !TAILQ_EMPTY(&lane->outbound->waiting);
}

size_t outbound_waiting(const struct lane *lane)
{
	return lane->outbound->jobs.n - lane->outbound->n_in_flight;
}

static size_t jobs_max(const struct lane *lane)
{
	return (size_t)lane->config->sender.max_in_flight + LOOK_AHEAD;
}

/* ---- a job's ways ---- */

/* One function writes these lines. */
static void log_message(
	const char *wa_id, const char *status, const char *reason)
{
	log_info("message id=%s status=%s reason=\"%s\"", log_quote(wa_id),
		status, reason);
}

void outbound_place(struct outbound *ob, struct job *job, struct job_line *line)
{
	ob->n_in_flight -= job->line == &ob->in_flight;
	job_move(job, line);
	ob->n_in_flight += line == &ob->in_flight;
}

void outbound_drop(struct outbound *ob, struct job *job)
{
	ob->n_in_flight -= job->line == &ob->in_flight;
	jobs_remove(&ob->jobs, &job);
}

static void message_fail(
	struct lane *lane, const char *wa_id, const char *reason)
{
	facts_add_change(lane, &(struct message_change){
				       .wa_id = wa_id,
				       .status = MESSAGE_FAILED,
				       .at_ms = clock_now_ms(),
				       .reason = reason,
			       });
	log_message(wa_id, "failed", reason);
}

void outbound_fail(struct lane *lane, struct job *job, const char *reason)
{
	message_fail(lane, job->wa_id, reason);
	outbound_drop(lane->outbound, job);
}

void outbound_resume(struct lane *lane, struct job *job)
{
	outbound_place(lane->outbound, job, &lane->outbound->waiting);
}

static bool is_expired(const struct lane *lane, int64_t created_ms)
{
	return clock_now_ms() - created_ms >
	       lane->config->sender.message_max_age_sec * 1000LL;
}

/* ---- taking jobs, from the bus and from the store ---- */

struct offer {
	int64_t seq, created_ms, media_id;
	const char *wa_id, *chat, *text, *content;
	uint32_t kind;
};

/* A phone, a LID, a group or the status feed. */
static bool chat_read(const char *text, struct wa_jid *out)
{
	if (text == NULL || wa_jid_parse(text, strlen(text), out) != 0 ||
		out->user[0] == '\0' || out->device != 0)
		return false;
	return wa_jid_is_user(out) || wa_jid_is_group(out) ||
	       (out->server == WA_SERVER_BROADCAST &&
		       strcmp(out->user, "status") == 0);
}

static void take(struct lane *lane, const struct offer *offer)
{
	struct outbound *ob = lane->outbound;
	struct wa_jid chat;
	struct job *job = NULL;

	ob->last_seq = offer->seq;
	if (!chat_read(offer->chat, &chat)) {
		message_fail(lane, offer->wa_id, "invalid_recipient");
		return;
	}
	job = jobs_add(
		&ob->jobs, offer->wa_id, &chat, offer->text, offer->content);
	if (job == NULL)
		return; /* has been taken before */
	job->kind = (enum message_kind)offer->kind;
	job->media_id = offer->media_id;
	job->seq = offer->seq;
	job->created_ms = offer->created_ms;
	job_move(job, &ob->waiting);
}

struct reading {
	struct lane *lane;
	int n_rows;
};

static int on_queued_row(const struct message *row, void *arg)
{
	struct reading *reading = arg;
	struct offer offer = {
		.seq = row->device_seq,
		.created_ms = row->created_ms,
		.wa_id = row->wa_id,
		.chat = row->chat,
		.text = row->text,
		.content = row->content,
		.media_id = row->media_id,
		.kind = (uint32_t)row->kind,
	};

	reading->n_rows++;
	take(reading->lane, &offer);
	return 0;
}

/* Takes what the store has after the last number, as far as there is room. */
static void read_store(struct lane *lane)
{
	struct outbound *ob = lane->outbound;
	struct reading reading = { .lane = lane };
	struct err err = ERR_NONE;
	int room = (int)(jobs_max(lane) - ob->jobs.n);

	if (ob->jobs.n > jobs_max(lane) / 2)
		return; /* later, many at once */
	if (store_message_queued(lane->store, lane->device_id, ob->last_seq,
		    room, on_queued_row, &reading, &err) != 0) {
		log_warning("queue status=unreadable reason=\"%s\" "
			    "action=\"read again in 5 s\"",
			err.msg);
		return;
	}
	ob->is_behind = reading.n_rows >= room;
}

void outbound_on_job(struct lane *lane, const Bus__SendJob *job)
{
	struct outbound *ob = lane->outbound;
	struct offer offer = {
		.seq = job->device_seq,
		.created_ms = job->created_ms,
		.wa_id = job->wa_id,
		.chat = job->chat,
		.text = job->text,
		.content = job->content[0] != '\0' ? job->content : NULL,
		.media_id = job->media_id,
		.kind = job->kind,
	};

	if (job->wa_id == NULL || job->wa_id[0] == '\0')
		return;
	if (!lane_is_ready(lane)) {
		facts_add_reason(lane, job->wa_id, "device_not_connected");
		return;
	}
	if (job->device_seq <= ob->last_seq)
		return;
	if (ob->is_behind || job->device_seq != ob->last_seq + 1 ||
		ob->jobs.n >= jobs_max(lane))
		ob->is_behind = true;
	else
		take(lane, &offer);
	outbound_kick(lane);
}

/* ---- our own other devices come first: every message needs them ---- */

static void on_own_devices(struct lane *lane,
	const enum devices_outcome *outcomes, size_t n, void *arg)
{
	struct outbound *ob = lane->outbound;

	(void)arg;
	ob->asking_own = false;
	if (n > 0 && outcomes[0] == DEVICES_KNOWN)
		ob->own_keys_asked_ms = 0; /* there may be new devices */
	else
		ob->own_asked_ms = clock_mono_ms() + random_jitter(TICK_MS, 25);
	outbound_kick(lane);
}

static void on_own_keys(struct lane *lane, bool answered, void *arg)
{
	(void)answered;
	(void)arg;
	lane->outbound->asking_own = false;
	outbound_kick(lane);
}

static void ask_own_devices(struct lane *lane, int64_t now_ms)
{
	struct outbound *ob = lane->outbound;
	struct wa_jid account = wa_jid_bare(
		lane->id.lid.user[0] ? &lane->id.lid : &lane->id.jid);

	if (now_ms < ob->own_asked_ms)
		return;
	ob->asking_own = true;
	devices_ask(lane, &account, 1, on_own_devices, NULL);
}

static void ask_own_keys(
	struct lane *lane, const struct fanout *own, int64_t now_ms)
{
	struct outbound *ob = lane->outbound;
	struct wa_jid devices[FANOUT_MAX];
	size_t n = 0;

	ob->own_keys_asked_ms = now_ms + OWN_KEYS_AGAIN_MS;
	ob->asking_own = true;
	for (size_t i = 0; i < own->n; i++) {
		if (!own->devices[i].has_session)
			devices[n++] = own->devices[i].address;
	}
	bundles_ask(lane, devices, n, false, on_own_keys, NULL);
}

/* The chat with oneself is the plan of all own devices. */
static bool own_is_ready(struct lane *lane)
{
	struct outbound *ob = lane->outbound;
	struct err err = ERR_NONE;
	struct fanout own;
	int64_t now_ms = clock_mono_ms();
	struct wa_jid self = wa_jid_bare(&lane->id.jid);

	if (ob->asking_own)
		return false;
	switch (fanout_plan(lane, &self, false, &own, &err)) {
	case FANOUT_READY:
		return true;
	case FANOUT_NEEDS_DEVICES:
	case FANOUT_NEEDS_OWN_DEVICES:
		ask_own_devices(lane, now_ms);
		return false;
	case FANOUT_NEEDS_KEYS:
		if (now_ms < ob->own_keys_asked_ms)
			return true; /* that device goes without */
		ask_own_keys(lane, &own, now_ms);
		return false;
	case FANOUT_FAILED:
		break;
	}
	facts_fail(lane, &err);
	return false;
}

/* ---- sending ---- */

static void job_sent(struct lane *lane, struct job *job)
{
	int64_t timeout_ms = lane->config->sender.ack_timeout_sec * 1000LL;
	unsigned shift = job->n_sends < 3 ? job->n_sends : 3;

	job->n_sends++;
	job->due_ms = clock_mono_ms() +
		      random_jitter(timeout_ms << shift, shift > 0 ? 10 : 0);
	outbound_place(lane->outbound, job, &lane->outbound->in_flight);
	typing_on_sent(lane, &job->chat);
}

/* False: the turn must be dropped. */
static bool job_send(struct lane *lane, struct job *job,
	const struct fanout *plan, const struct composed *composed)
{
	struct err err = ERR_NONE;

	if (fanout_send(lane, plan, job->wa_id, composed, &job->n_devices,
		    &err) == 0) {
		job_sent(lane, job);
		return true;
	}
	if (err.code == ERR_NOT_FOUND) {
		outbound_fail(lane, job, "no_recipient_device");
		return true;
	}
	/* Not the database: in another turn it would fail the same way. */
	if (err.code == ERR_INTERNAL) {
		log_error("message id=%s reason=\"%s\": please report",
			job->wa_id, err.msg);
		outbound_fail(lane, job, "internal_error");
		return true;
	}
	facts_fail(lane, &err);
	return false;
}

/* Is there a device of the recipient worth asking keys for? */
static bool wants_keys(const struct outbound *ob, const struct fanout *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct fanout_device *device = &plan->devices[i];

		if (!device->is_own && !device->has_session &&
			!lookup_is_keyless(ob->lookup, &device->address))
			return true;
	}
	return false;
}

/* False: the turn must be dropped. */
static bool job_without_keys(struct lane *lane, struct job *job,
	const struct fanout *plan, const struct composed *composed)
{
	struct outbound *ob = lane->outbound;

	if (!wants_keys(ob, plan) || job->keys_asked)
		return job_send(lane, job, plan, composed);
	lookup_hold(ob->lookup, job, LOOKUP_KEYS, &plan->account);
	return true;
}

/* To one account.  False: stop sending in this turn. */
static bool job_fan_out(
	struct lane *lane, struct job *job, const struct composed *composed)
{
	struct outbound *ob = lane->outbound;
	struct err err = ERR_NONE;
	struct fanout plan;
	enum fanout_need need = fanout_plan(
		lane, &job->chat, job->by_number || ob->by_number, &plan, &err);
	bool parked = false;

	if ((need == FANOUT_READY || need == FANOUT_NEEDS_KEYS) &&
		cold_chats_park(lane, job, &plan, &parked, &err) != 0)
		need = FANOUT_FAILED;
	if (parked)
		return true;
	switch (need) {
	case FANOUT_READY:
		return job_send(lane, job, &plan, composed);
	case FANOUT_NEEDS_KEYS:
		return job_without_keys(lane, job, &plan, composed);
	case FANOUT_NEEDS_DEVICES:
		lookup_hold(ob->lookup, job, LOOKUP_DEVICES, &plan.account);
		return true;
	case FANOUT_NEEDS_OWN_DEVICES: /* forgotten a moment ago */
		outbound_kick(lane);
		return false;
	case FANOUT_FAILED:
		break;
	}
	facts_fail(lane, &err);
	return false;
}

/* To a group or the status feed.  False: the turn must be dropped. */
static bool job_groupcast(
	struct lane *lane, struct job *job, const struct composed *composed)
{
	const char *reason = NULL;
	struct err err = ERR_NONE;

	switch (groupcast_try(lane, job, composed, &reason, &err)) {
	case GROUPCAST_SENT:
		job_sent(lane, job);
		return true;
	case GROUPCAST_HELD:
		return true;
	case GROUPCAST_REFUSED:
		outbound_fail(lane, job, reason);
		return true;
	case GROUPCAST_FAILED:
		break;
	}
	facts_fail(lane, &err);
	return false;
}

/* False: stop sending in this turn. */
static bool job_try(struct lane *lane, struct job *job)
{
	struct outbound *ob = lane->outbound;
	scoped(composed_fini) struct composed composed = { 0 };
	const char *reason = NULL;
	struct err err = ERR_NONE;

	if (is_expired(lane, job->created_ms)) {
		outbound_fail(lane, job, "expired");
		return true;
	}
	if (job_is_groupcast(job) ? groupcast_joins(lane, job)
				  : lookup_count(ob->lookup) > 0 &&
					    lookup_joins(ob->lookup, job))
		return true;
	switch (compose(lane, job, &composed, &reason, &err)) {
	case COMPOSE_READY:
		return job_is_groupcast(job)
			       ? job_groupcast(lane, job, &composed)
			       : job_fan_out(lane, job, &composed);
	case COMPOSE_WAITS:
		outbound_place(ob, job, &ob->uploading);
		return true;
	case COMPOSE_REFUSED:
		outbound_fail(lane, job, reason);
		return true;
	case COMPOSE_FAILED:
		break;
	}
	facts_fail(lane, &err);
	return false;
}

void outbound_resume_media(
	struct lane *lane, int64_t media_id, const char *reason)
{
	struct outbound *ob = lane->outbound;
	struct job *job = TAILQ_FIRST(&ob->uploading);

	while (job != NULL) {
		struct job *next = TAILQ_NEXT(job, entry);

		if (job->media_id == media_id && reason != NULL)
			outbound_fail(lane, job, reason);
		else if (job->media_id == media_id)
			outbound_place(ob, job, &ob->waiting);
		job = next;
	}
	outbound_kick(lane);
}

static void pump(struct lane *lane, void *arg)
{
	struct outbound *ob = lane->outbound;
	size_t max = (size_t)lane->config->sender.max_in_flight;
	struct job *job = NULL;
	int budget = SENDS_A_TURN;

	(void)arg;
	ob->is_kicked = false;
	if (!lane_is_ready(lane) || facts_failed(lane))
		return;
	if (ob->is_behind)
		read_store(lane);
	tokens_flush(lane);
	if (TAILQ_EMPTY(&ob->waiting) && lookup_count(ob->lookup) == 0)
		return;
	if (!own_is_ready(lane))
		return;
	while ((job = TAILQ_FIRST(&ob->waiting)) != NULL &&
		ob->n_in_flight < max && lane_can_send(lane)) {
		if (budget-- == 0) {
			outbound_kick(lane);
			break;
		}
		if (!job_try(lane, job))
			break;
	}
	lookup_ask(lane, ob->lookup);
}

void outbound_kick(struct lane *lane)
{
	struct outbound *ob = lane->outbound;

	if (ob->is_kicked)
		return;
	ob->is_kicked = true;
	lane_timer_start(lane, &ob->kick, 0, pump, NULL);
}

/* ---- time ---- */

static void fail_if_expired(struct lane *lane, struct job *job)
{
	if (is_expired(lane, job->created_ms))
		outbound_fail(lane, job, "expired");
}

static void line_wake(struct lane *lane, struct job_line *line, int64_t now_ms)
{
	struct outbound *ob = lane->outbound;
	struct job *job = TAILQ_FIRST(line);

	while (job != NULL) {
		struct job *next = TAILQ_NEXT(job, entry);

		if (job->due_ms <= now_ms) {
			if (line == &ob->in_flight)
				log_warning(
					"message id=%s status=unacknowledged "
					"sends=%u action=\"sent again with the "
					"same id\"",
					job->wa_id, job->n_sends);
			outbound_place(ob, job, &ob->waiting);
		}
		job = next;
	}
}

static int on_old_row(const struct message *row, void *arg)
{
	struct lane *lane = arg;

	if (!is_expired(lane, row->created_ms))
		return 1; /* oldest first: nor are the others */
	message_fail(lane, row->wa_id, "expired");
	return 0;
}

/* Without a connection nothing is in memory, yet messages grow old. */
static void expire_queued(struct lane *lane)
{
	struct err err = ERR_NONE;

	if (store_message_queued(lane->store, lane->device_id, 0, EXPIRE_SCAN,
		    on_old_row, lane, &err) != 0)
		log_warning("queue status=unreadable reason=\"%s\" "
			    "action=\"read again in a minute\"",
			err.msg);
}

static void on_tick(struct lane *lane, void *arg)
{
	struct outbound *ob = lane->outbound;
	int64_t now_ms = clock_mono_ms();

	(void)arg;
	lane_timer_start(
		lane, &ob->tick, random_jitter(TICK_MS, 10), on_tick, NULL);
	if (!lane_is_ready(lane)) {
		if (++ob->n_ticks % TICKS_A_MINUTE == 0)
			expire_queued(lane);
		return;
	}
	line_wake(lane, &ob->in_flight, now_ms);
	line_wake(lane, &ob->resting, now_ms);
	lookup_each(ob->lookup, fail_if_expired, lane);
	groupcast_on_tick(lane, now_ms, fail_if_expired);
	ob->is_behind = true; /* whatever the bus lost is found now */
	if (cold_chats_parked(lane) > 0 && ++ob->n_ticks % TICKS_A_MINUTE == 0)
		expire_queued(lane);
	pump(lane, NULL);
}

/* ---- life ---- */

struct outbound *outbound_new(struct lane *lane)
{
	struct outbound *ob = xcalloc(1, sizeof *ob);

	TAILQ_INIT(&ob->waiting);
	TAILQ_INIT(&ob->in_flight);
	TAILQ_INIT(&ob->resting);
	TAILQ_INIT(&ob->uploading);
	ob->lookup = lookup_new();
	ob->groupcast = groupcast_new();
	ob->cold = cold_chats_new();
	lane_timer_start(
		lane, &ob->tick, random_jitter(TICK_MS, 10), on_tick, NULL);
	return ob;
}

void outbound_free(struct outbound **outboundp)
{
	struct outbound *ob = move(*outboundp);

	if (ob == NULL)
		return;
	lane_timer_stop(&ob->kick);
	lane_timer_stop(&ob->tick);
	receipt_batch_fini(&ob->receipts);
	jobs_clear(&ob->jobs); /* before the lines they stand in */
	lookup_free(&ob->lookup);
	groupcast_free(&ob->groupcast);
	group_free(&ob->group);
	cold_chats_free(&ob->cold);
	free(ob);
}

static void by_number_load(struct lane *lane)
{
	scoped(buf_fini) struct buf value = BUF_INIT;
	struct err err = ERR_NONE;
	int found = lanedb_value_load(lane->db, "dm_namespace", &value, &err);

	if (found < 0)
		facts_fail(lane, &err);
	lane->outbound->by_number =
		found > 0 && strcmp(buf_cstr(&value), "pn") == 0;
}

void outbound_read_again(struct lane *lane)
{
	lane->outbound->last_seq = 0;
	lane->outbound->is_behind = true;
	outbound_kick(lane);
}

void outbound_on_ready(struct lane *lane)
{
	struct outbound *ob = lane->outbound;

	by_number_load(lane);
	cold_chats_on_ready(lane);
	ob->last_seq = 0;
	ob->is_behind = true;
	ob->own_asked_ms = 0;
	ob->own_keys_asked_ms = 0;
	outbound_kick(lane);
}

/* Everything is forgotten: what the server has not acknowledged is still QUEUED
 * in the store and comes back in order, with the same ids, when the lane is
 * ready again. */
void outbound_on_disconnect(struct lane *lane)
{
	struct outbound *ob = lane->outbound;

	receipt_on_disconnect(lane);
	for (size_t i = 0; i < JOBS_BUCKETS; i++) {
		for (const struct job *job = ob->jobs.by_id[i]; job != NULL;
			job = job->next_by_id)
			facts_add_reason(
				lane, job->wa_id, "device_not_connected");
	}
	jobs_clear(&ob->jobs); /* before the lines they stand in */
	lookup_clear(ob->lookup);
	groupcast_on_disconnect(lane);
	ob->n_in_flight = 0;
	ob->asking_own = false;
	ob->tokens.n = 0;
}
