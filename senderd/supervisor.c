#include "senderd/supervisor.h"

#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bus.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/child.h"
#include "senderd/host.h"
#include "senderd/lanes.h"
#include "senderd/questions.h"
#include "senderd/version.h"

/* Taken from one descriptor in one go, so that the others get their turn. */
#define BATCH_MAX 256
#define STOP_WAIT_SEC 20

struct supervisor {
	struct host host;
	struct event_base *base;
	struct lanes *lanes;
	struct questions *questions;
	struct version_watch *version;
	struct bus_in *jobs;
	struct bus_answerer *asks;
	struct bus_out *webhookd;
	struct event *jobs_event, *asks_event, *child_event, *tick_event;
	struct event *signal_event;
	bool stopping;
	uint64_t jobs_dropped, events_dropped;
};

/* ---- answers ---- */

static void answer(struct supervisor *sup, struct question *question,
	const char *uid, Bus__Answer *answer)
{
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;

	envelope.version = BUS_VERSION;
	envelope.request_id = question->request_id;
	envelope.trace_id = question->trace_id;
	envelope.device_uid = (char *)uid;
	envelope.body_case = BUS__ENVELOPE__BODY_ANSWER;
	envelope.answer = answer;
	bus_answer(sup->asks, &question->way, &envelope);
}

static void refuse(struct supervisor *sup, struct question *question,
	const char *uid, enum err_code code, const char *why)
{
	Bus__Answer refusal = BUS__ANSWER__INIT;

	refusal.error = code;
	refusal.error_text = (char *)why;
	answer(sup, question, uid, &refusal);
}

/* Takes the reference to @json. */
static void answer_json(struct supervisor *sup, struct question *question,
	const char *uid, json_t *json)
{
	Bus__Answer status = BUS__ANSWER__INIT;
	char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

	status.status_json = text != NULL ? text : (char *)"{}";
	answer(sup, question, uid, &status);
	free(text);
	json_decref(json);
}

/* ---- from a lane ---- */

static void on_lane_event(
	struct supervisor *sup, struct child *child, Bus__Envelope *envelope)
{
	if (envelope->event->device_id != child->device_id)
		return;
	if (!bus_send(sup->webhookd, envelope) && sup->events_dropped++ == 0)
		log_info("events status=dropped: webhookd reads the log");
}

static void on_lane_answer(
	struct supervisor *sup, struct child *child, Bus__Envelope *envelope)
{
	struct question question;

	if (!questions_take(sup->questions, envelope->request_id, child->uid,
		    &question))
		return; /* too late: its asker has been told */
	envelope->request_id = question.request_id;
	envelope->trace_id = question.trace_id;
	bus_answer(sup->asks, &question.way, envelope);
}

static void on_lane_envelope(
	void *arg, struct child *child, Bus__Envelope *envelope)
{
	struct supervisor *sup = arg;

	switch (envelope->body_case) {
	case BUS__ENVELOPE__BODY_EVENT:
		on_lane_event(sup, child, envelope);
		return;
	case BUS__ENVELOPE__BODY_ANSWER:
		on_lane_answer(sup, child, envelope);
		return;
	default:
		log_warning("lane device=%s body=%d status=ignored", child->uid,
			(int)envelope->body_case);
		return;
	}
}

static const char *reason_of(const struct child *child, const char *otherwise)
{
	return child->reason[0] != '\0' ? child->reason : otherwise;
}

static void on_lane_ended(void *arg, struct child *child)
{
	struct supervisor *sup = arg;
	struct question question;

	while (questions_take_of(sup->questions, child->uid, &question))
		refuse(sup, &question, child->uid, ERR_BUSY,
			reason_of(child, "the lane ended"));
	if (sup->stopping && lanes_running(sup->lanes) == 0)
		event_base_loopbreak(sup->base);
}

/* ---- commands ---- */

/* "dev_" and letters or digits: nothing else may become part of a path. */
static bool uid_is_good(const char *uid)
{
	size_t n = strlen(uid);

	return n > 4 && n < DEVICE_UID_LEN + 8 &&
	       strncmp(uid, "dev_", 4) == 0 &&
	       strspn(uid + 4, "abcdefghijklmnopqrstuvwxyz0123456789") == n - 4;
}

static void command_unlink(struct supervisor *sup, const char *uid)
{
	struct err err = ERR_NONE;
	struct child *child = lanes_find(sup->lanes, uid);

	if (child == NULL)
		child = lanes_look_up(sup->lanes, uid, &err);
	/* The row, the event and the keys are the lane's to write: one that
	 * does not run is started for it. */
	if (child != NULL)
		lanes_unlink(sup->lanes, child);
	else if (err.code == ERR_NOT_FOUND)
		lanes_remove_keys(sup->lanes, uid);
}

static void command_start(struct supervisor *sup, const char *uid, bool restart)
{
	struct err err = ERR_NONE;
	struct child *child = lanes_look_up(sup->lanes, uid, &err);

	if (child == NULL)
		log_warning("lane device=%s reason=\"%s\": not started", uid,
			err.msg);
	else if (restart)
		lanes_restart(sup->lanes, child);
	else
		lanes_start(sup->lanes, child);
}

static void command_stop(struct supervisor *sup, const char *uid)
{
	struct child *child = lanes_find(sup->lanes, uid);

	if (child != NULL)
		lanes_stop(child);
}

static void on_command(struct supervisor *sup, const Bus__Envelope *envelope)
{
	const char *uid = envelope->device_uid;

	if (!uid_is_good(uid)) {
		log_warning(
			"command device=\"%s\" status=ignored", log_quote(uid));
		return;
	}
	switch (envelope->lane_command->action) {
	case BUS__LANE_ACTION__LANE_START:
		command_start(sup, uid, false);
		return;
	case BUS__LANE_ACTION__LANE_RESTART:
		command_start(sup, uid, true);
		return;
	case BUS__LANE_ACTION__LANE_UNLINK:
		command_unlink(sup, uid);
		return;
	case BUS__LANE_ACTION__LANE_STOP:
		command_stop(sup, uid);
		return;
	default: /* from a newer release */
		log_warning("command device=%s action=%d status=ignored", uid,
			(int)envelope->lane_command->action);
		return;
	}
}

/* ---- from the bus ---- */

static void on_job(struct supervisor *sup, const Bus__Envelope *envelope)
{
	struct child *child = lanes_find(sup->lanes, envelope->device_uid);

	/* Dropped is not lost: the lane sees the gap in the numbers, or reads
	 * the queue when it starts. */
	if ((child == NULL || child->pid == 0 ||
		    !bus_fd_send(child->fd, envelope)) &&
		sup->jobs_dropped++ == 0)
		log_info("jobs status=dropped: lanes read the store");
}

static void on_jobs_readable(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *sup = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < BATCH_MAX; i++) {
		Bus__Envelope *envelope = bus_recv(sup->jobs);

		if (envelope == NULL)
			return;
		if (envelope->body_case == BUS__ENVELOPE__BODY_SEND_JOB)
			on_job(sup, envelope);
		else if (envelope->body_case ==
			 BUS__ENVELOPE__BODY_LANE_COMMAND)
			on_command(sup, envelope);
		else
			log_warning("bus body=%d status=ignored",
				(int)envelope->body_case);
		bus_envelope_free(&envelope);
	}
}

/* ---- questions ---- */

static void answer_own_status(struct supervisor *sup, struct question *question)
{
	json_t *states = json_object();
	struct lanes_tally tally;

	lanes_count(sup->lanes, &tally);
	for (int i = 0; i < LANE_N_STATES; i++) {
		if (tally.by_state[i] > 0)
			json_object_set_new(states,
				lane_state_name((enum lane_state)i),
				json_integer((json_int_t)tally.by_state[i]));
	}
	answer_json(sup, question, "",
		json_pack("{s:I, s:I, s:o, s:I, s:I, s:I}", "lanes",
			(json_int_t)tally.known, "running",
			(json_int_t)tally.running, "states", states,
			"openQuestions",
			(json_int_t)questions_count(sup->questions),
			"jobsDropped", (json_int_t)sup->jobs_dropped,
			"eventsDropped", (json_int_t)sup->events_dropped));
}

/* Of a lane without a process: its last words. */
static void answer_ended_status(struct supervisor *sup,
	struct question *question, const struct child *child)
{
	answer_json(sup, question, child->uid,
		json_pack("{s:s, s:s, s:s, s:b, s:b}", "deviceUid", child->uid,
			"state", lane_state_name(child->state), "reason",
			child->reason, "final", (int)child->final, "restarting",
			(int)(child->start_at_ms != 0)));
}

static bool is_pairing(const Bus__Question *question)
{
	return question->ask_case == BUS__QUESTION__ASK_PAIRING_QR ||
	       question->ask_case == BUS__QUESTION__ASK_PAIRING_CODE;
}

static bool is_linked(const struct child *child)
{
	return child->status == DEVICE_CONNECTED ||
	       child->status == DEVICE_DISCONNECTED;
}

/* A question to a lane that does not run: pairing wakes it, anything else is
 * answered from here.  True when the lane runs now. */
static bool wake_for(struct supervisor *sup, struct child *child,
	const Bus__Question *ask, struct question *question)
{
	if (child->pid != 0)
		return true;
	if (ask->ask_case == BUS__QUESTION__ASK_LANE_STATUS) {
		answer_ended_status(sup, question, child);
		return false;
	}
	if (is_pairing(ask) && is_linked(child)) {
		refuse(sup, question, child->uid, ERR_CONFLICT,
			"a phone is linked already");
		return false;
	}
	if (is_pairing(ask) && child_may_wake(child, clock_mono_ms()))
		lanes_start(sup->lanes, child);
	if (child->pid != 0)
		return true;
	refuse(sup, question, child->uid, ERR_BUSY,
		reason_of(child, "the device is not connected"));
	return false;
}

static void pass_on(struct supervisor *sup, struct child *child,
	Bus__Envelope *envelope, struct question *question)
{
	uint64_t id = questions_add(
		sup->questions, child->uid, question, clock_mono_ms());

	if (id == 0) {
		refuse(sup, question, child->uid, ERR_BUSY,
			"too many open questions");
		return;
	}
	envelope->request_id = id;
	if (!bus_fd_send(child->fd, envelope) &&
		questions_take(sup->questions, id, child->uid, question))
		refuse(sup, question, child->uid, ERR_BUSY, "the lane is busy");
}

static void on_question(struct supervisor *sup, Bus__Envelope *envelope,
	struct question *question)
{
	const char *uid = envelope->device_uid;
	struct err err = ERR_NONE;
	struct child *child = NULL;

	if (envelope->body_case != BUS__ENVELOPE__BODY_QUESTION) {
		refuse(sup, question, "", ERR_INVALID, "not a question");
		return;
	}
	if (uid[0] == '\0' && envelope->question->ask_case ==
				      BUS__QUESTION__ASK_LANE_STATUS) {
		answer_own_status(sup, question);
		return;
	}
	if (uid_is_good(uid))
		child = lanes_look_up(sup->lanes, uid, &err);
	if (child == NULL) {
		refuse(sup, question, uid, ERR_NOT_FOUND, "no such device");
		return;
	}
	if (wake_for(sup, child, envelope->question, question))
		pass_on(sup, child, envelope, question);
}

static void on_asks_readable(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *sup = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < BATCH_MAX; i++) {
		struct question question = { 0 };
		Bus__Envelope *envelope =
			bus_answerer_recv(sup->asks, &question.way);

		if (envelope == NULL)
			return;
		question.request_id = envelope->request_id;
		question.trace_id = envelope->trace_id;
		on_question(sup, envelope, &question);
		bus_return_free(&question.way);
		bus_envelope_free(&envelope);
	}
}

/* ---- the loop ---- */

static void on_child(evutil_socket_t number, short what, void *arg)
{
	struct supervisor *sup = arg;

	(void)number;
	(void)what;
	lanes_reap(sup->lanes);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *sup = arg;
	struct question question;

	(void)fd;
	(void)what;
	while (questions_take_due(sup->questions, clock_mono_ms(), &question))
		refuse(sup, &question, "", ERR_TIMEOUT,
			"the lane gave no answer");
	lanes_care(sup->lanes);
	version_care(sup->version, clock_mono_ms());
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *sup = arg;

	(void)fd;
	(void)what;
	daemon_handle_hup();
	if (daemon_should_stop())
		event_base_loopbreak(sup->base);
	else
		lanes_hup(sup->lanes);
}

static struct event *event_start(struct event_base *base, int fd, short what,
	event_callback_fn fn, void *arg, const struct timeval *every)
{
	struct event *event = event_new(base, fd, what | EV_PERSIST, fn, arg);

	if (event == NULL || event_add(event, every) != 0)
		fatal("cannot start: no event");
	return event;
}

int supervisor_run(struct supervisor *sup)
{
	daemon_signals();
	sup->signal_event = event_start(
		sup->base, daemon_signal_fd(), EV_READ, on_signal, sup, NULL);
	daemon_notify("READY=1");
	log_info("start state=ready pid=%d lanes=%zu", (int)getpid(),
		lanes_running(sup->lanes));
	event_base_dispatch(sup->base);
	daemon_notify("STOPPING=1");
	log_info("stop state=stopping");
	return EXIT_SUCCESS;
}

/* ---- opening and closing ---- */

static int bus_open(struct supervisor *sup, struct err *err)
{
	const struct config *config = sup->host.config;
	scoped(str_free) char *jobs = config_bus_url(config, BUS_SENDERD_JOBS);
	scoped(str_free) char *asks = config_bus_url(config, BUS_SENDERD_ASK);
	scoped(str_free) char *events =
		config_bus_url(config, BUS_WEBHOOKD_EVENTS);

	if (bus_push_open(events, &sup->webhookd, err) != 0 ||
		bus_pull_open(jobs, &sup->jobs, err) != 0 ||
		bus_answerer_open(asks, &sup->asks, err) != 0)
		return -1;
	return 0;
}

static void events_open(struct supervisor *sup)
{
	const struct timeval second = { .tv_sec = 1 };

	sup->child_event =
		event_start(sup->base, SIGCHLD, EV_SIGNAL, on_child, sup, NULL);
	sup->tick_event = event_start(sup->base, -1, 0, on_tick, sup, &second);
	sup->jobs_event = event_start(sup->base, bus_in_fd(sup->jobs), EV_READ,
		on_jobs_readable, sup, NULL);
	sup->asks_event = event_start(sup->base, bus_answerer_fd(sup->asks),
		EV_READ, on_asks_readable, sup, NULL);
}

int supervisor_open(const struct config *config, int argc, char **argv,
	struct supervisor **out, struct err *err)
{
	struct supervisor *sup = xcalloc(1, sizeof *sup);
	struct lanes_handler handler = { on_lane_envelope, on_lane_ended, sup };

	*out = sup;
	if (host_open(&sup->host, config, argc, argv, err) != 0)
		return -1;
	sup->base = event_base_new();
	sup->questions = questions_new();
	sup->version = version_watch_new(config);
	sup->lanes = lanes_new(&sup->host, sup->base, handler);
	/* The first lanes are forked before the bus has threads and buffers. */
	if (lanes_start_linked(sup->lanes, err) != 0)
		return -1;
	if (bus_open(sup, err) != 0)
		return err_wrap(err, "bus");
	events_open(sup);
	return 0;
}

/* Their last events go out as they come. */
static void lanes_wind_up(struct supervisor *sup)
{
	const struct timeval wait = { .tv_sec = STOP_WAIT_SEC };

	sup->stopping = true;
	lanes_stop_all(sup->lanes);
	if (lanes_running(sup->lanes) == 0 || sup->child_event == NULL)
		return;
	event_base_loopexit(sup->base, &wait);
	event_base_dispatch(sup->base);
	if (lanes_running(sup->lanes) > 0)
		log_warning("stop lanes=%zu still running after %d s: killed",
			lanes_running(sup->lanes), STOP_WAIT_SEC);
}

static void event_stop(struct event **eventp)
{
	if (*eventp != NULL)
		event_free(move(*eventp));
}

void supervisor_free(struct supervisor **supervisorp)
{
	struct supervisor *sup = move(*supervisorp);

	if (sup == NULL)
		return;
	event_stop(&sup->signal_event);
	if (sup->lanes != NULL)
		lanes_wind_up(sup);
	event_stop(&sup->jobs_event);
	event_stop(&sup->asks_event);
	event_stop(&sup->tick_event);
	event_stop(&sup->child_event);
	lanes_free(&sup->lanes);
	questions_free(&sup->questions);
	version_watch_free(&sup->version);
	bus_answerer_close(&sup->asks);
	bus_in_close(&sup->jobs);
	bus_out_close(&sup->webhookd);
	if (sup->base != NULL)
		event_base_free(sup->base);
	host_close(&sup->host);
	free(sup);
}
