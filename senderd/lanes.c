#include "senderd/lanes.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/device.h"

#define BUCKETS 4096
/* Taken from one lane in one go, so that the others get their turn. */
#define BATCH_MAX 256
/* At start, so many lanes are on their way to a session at a time; all at once
 * they would stand in each other's way at the store's lock, and take longer.
 * Where the network is what they wait for, another follows after this time. */
#define SETTLING_MAX 24
#define START_EVERY_MS 20
/* And so many are stopping at a time. */
#define STOPPING_MAX 32

struct lanes {
	const struct host *host; /* borrowed */
	struct event_base *base; /* borrowed */
	struct lanes_handler handler;
	struct child *buckets[BUCKETS]; /* by uid */
	size_t n_known, n_running, n_stopping;
	size_t n_planned;  /* wait for their first start */
	size_t n_settling; /* started, and not yet where they can stay */
	bool is_stopping;  /* all of them */
	struct event *start_event; /* while there are planned ones */
};

/* ---- the table ---- */

struct lanes *lanes_new(const struct host *host, struct event_base *base,
	struct lanes_handler handler)
{
	struct lanes *lanes = xcalloc(1, sizeof *lanes);

	lanes->host = host;
	lanes->base = base;
	lanes->handler = handler;
	return lanes;
}

void lanes_free(struct lanes **lanesp)
{
	struct lanes *lanes = move(*lanesp);

	if (lanes == NULL)
		return;
	if (lanes->start_event != NULL)
		event_free(lanes->start_event);
	for (size_t i = 0; i < BUCKETS; i++) {
		while (lanes->buckets[i] != NULL) {
			struct child *child = lanes->buckets[i];

			lanes->buckets[i] = child->next;
			if (child->pid != 0)
				kill(child->pid, SIGKILL);
			child_forget(child);
			free(child);
		}
	}
	free(lanes);
}

static struct child **bucket_of(struct lanes *lanes, const char *uid)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (const char *p = uid; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	return &lanes->buckets[hash % BUCKETS];
}

struct child *lanes_find(struct lanes *lanes, const char *uid)
{
	struct child *child = *bucket_of(lanes, uid);

	while (child != NULL && strcmp(child->uid, uid) != 0)
		child = child->next;
	return child;
}

static void each_child(struct lanes *lanes,
	void (*fn)(struct lanes *lanes, struct child *child))
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct child *c = lanes->buckets[i]; c != NULL;
			c = c->next)
			fn(lanes, c);
	}
}

size_t lanes_running(const struct lanes *lanes)
{
	return lanes->n_running;
}

void lanes_count(const struct lanes *lanes, struct lanes_tally *out)
{
	*out = (struct lanes_tally){ .known = lanes->n_known,
		.running = lanes->n_running };
	for (size_t i = 0; i < BUCKETS; i++) {
		for (const struct child *c = lanes->buckets[i]; c != NULL;
			c = c->next)
			out->by_state[c->state] += c->pid != 0;
	}
}

/* ---- the device rows ---- */

/* A row of the store: a new lane, or what we know of one brought up to date. */
static int on_device(const struct device *device, void *arg)
{
	struct lanes *lanes = arg;
	struct child *child = lanes_find(lanes, device->uid);

	if (child == NULL) {
		struct child **bucket = bucket_of(lanes, device->uid);

		child = xcalloc(1, sizeof *child);
		child->owner = lanes;
		child->fd = -1;
		snprintf(child->uid, sizeof child->uid, "%s", device->uid);
		child->next = *bucket;
		*bucket = child;
		lanes->n_known++;
	}
	snprintf(child->name, sizeof child->name, "%s",
		device->name != NULL ? device->name : "");
	child->device_id = device->id;
	child->account_id = device->account_id;
	child->status = device->status;
	return 0;
}

/* All rows, or that of @uid.  The store is open for the moment only: a fork
 * must not carry a connection along. */
static int rows_read(struct lanes *lanes, const char *uid, struct err *err)
{
	scoped(str_free) char *path = config_db_path(lanes->host->config);
	/* Writing mode makes the schema when senderd is the first to start. */
	enum store_mode mode = uid == NULL ? STORE_WRITE : STORE_READ;
	struct store *store = NULL;
	int result;

	if (store_open(path, mode, &store, err) != 0)
		return err_wrap(err, "store");
	if (uid == NULL)
		result = store_device_all(store, on_device, lanes, err);
	else
		result = store_device_by_uid(store, uid, on_device, lanes, err);
	store_close(&store);
	return result;
}

/* Its device is gone from the store. */
static void child_remove(struct lanes *lanes, const char *uid)
{
	struct child **link = bucket_of(lanes, uid);
	struct child *child;

	while (*link != NULL && strcmp((*link)->uid, uid) != 0)
		link = &(*link)->next;
	if (*link == NULL)
		return;
	child = *link;
	*link = child->next;
	child_forget(child);
	free(child);
	lanes->n_known--;
}

struct child *lanes_look_up(
	struct lanes *lanes, const char *uid, struct err *err)
{
	struct child *child = lanes_find(lanes, uid);

	if (child != NULL && child->pid != 0)
		return child;
	if (rows_read(lanes, uid, err) == 0)
		return lanes_find(lanes, uid);
	if (err->code == ERR_NOT_FOUND)
		child_remove(lanes, uid);
	return NULL;
}

/* ---- what they say ---- */

static void start_planned(struct lanes *lanes);

static void settled(struct lanes *lanes, struct child *child)
{
	if (!child->is_settling)
		return;
	child->is_settling = false;
	lanes->n_settling--;
	start_planned(lanes);
}

static void on_report(
	struct lanes *lanes, struct child *child, const Bus__LaneReport *report)
{
	if (report->state >= LANE_N_STATES)
		return;
	child->state = (enum lane_state)report->state;
	child->final = report->final;
	child->reported_ms = clock_mono_ms();
	child->has_reported = true;
	snprintf(child->reason, sizeof child->reason, "%s", report->reason);
	if (lane_is_lasting(child->state))
		settled(lanes, child);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;
	struct lanes *lanes = child->owner;
	bool closed = false;

	(void)what;
	for (int i = 0; i < BATCH_MAX; i++) {
		Bus__Envelope *envelope = bus_fd_recv(fd, &closed);

		if (envelope == NULL)
			break;
		if (envelope->body_case == BUS__ENVELOPE__BODY_LANE_REPORT)
			on_report(lanes, child, envelope->lane_report);
		else
			lanes->handler.on_envelope(
				lanes->handler.arg, child, envelope);
		bus_envelope_free(&envelope);
	}
	/* The end itself comes as SIGCHLD. */
	if (closed)
		event_del(child->readable);
}

/* ---- starting ---- */

/* One that is just stopping does not hear it; its successor will. */
static void unlink_tell(struct child *child)
{
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;
	Bus__LaneCommand command = BUS__LANE_COMMAND__INIT;

	command.action = BUS__LANE_ACTION__LANE_UNLINK;
	envelope.device_uid = child->uid;
	envelope.body_case = BUS__ENVELOPE__BODY_LANE_COMMAND;
	envelope.lane_command = &command;
	(void)bus_fd_send(child->fd, &envelope);
}

void lanes_start(struct lanes *lanes, struct child *child)
{
	int64_t now_ms = clock_mono_ms();
	struct err err = ERR_NONE;

	child->wanted = true;
	if (child->pid != 0)
		return;
	if (lanes->n_running >= (size_t)lanes->host->config->sender.max_lanes) {
		log_error("lane device=%s status=not_started: sender.max_lanes "
			  "is reached, raise it",
			child->uid);
		child->start_at_ms = 0;
		return;
	}
	if (child_fork(child, lanes->host, now_ms, &err) != 0) {
		log_error("lane device=%s reason=\"%s\": trying again later",
			child->uid, err.msg);
		child->started_ms = now_ms;
		child_on_exit(child, now_ms);
		return;
	}
	lanes->n_running++;
	if (child->unlinking)
		unlink_tell(child);
	child->readable = event_new(lanes->base, child->fd,
		EV_READ | EV_PERSIST, on_readable, child);
	event_add(child->readable, NULL);
	log_debug("lane device=%s pid=%d status=forked", child->uid,
		(int)child->pid);
}

/* A temporary ban has an end, which the lane knows as long as it has its
 * keys. */
static bool has_keys(const struct lanes *lanes, const struct child *child)
{
	scoped(str_free) char *path =
		config_lane_db_path(lanes->host->config, child->uid);

	return access(path, F_OK) == 0;
}

static bool is_linked(const struct lanes *lanes, const struct child *child)
{
	switch (child->status) {
	case DEVICE_PAIRING:
	case DEVICE_CONNECTED:
	case DEVICE_DISCONNECTED:
		return true;
	case DEVICE_BANNED:
		return has_keys(lanes, child);
	case DEVICE_LOGGED_OUT:
		return false;
	}
	return false;
}

static void plan(struct lanes *lanes, struct child *child)
{
	if (!is_linked(lanes, child))
		return;
	child->is_planned = true;
	lanes->n_planned++;
}

static void start_one(struct lanes *lanes, struct child *child)
{
	child->is_planned = false;
	lanes->n_planned--;
	if (child->pid != 0)
		return; /* somebody asked for it meanwhile */
	child->is_settling = true;
	lanes->n_settling++;
	lanes_start(lanes, child);
	if (child->pid == 0)
		settled(lanes, child); /* it did not work */
}

static void start_next(struct lanes *lanes, struct child *child)
{
	if (child->is_planned && lanes->n_settling < SETTLING_MAX)
		start_one(lanes, child);
}

static void start_planned(struct lanes *lanes)
{
	if (lanes->n_planned > 0 && lanes->n_settling < SETTLING_MAX)
		each_child(lanes, start_next);
}

static void on_start_due(evutil_socket_t fd, short what, void *arg)
{
	struct lanes *lanes = arg;
	size_t n = lanes->n_planned;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < BUCKETS && lanes->n_planned == n && n > 0; i++) {
		for (struct child *c = lanes->buckets[i]; c != NULL;
			c = c->next) {
			if (c->is_planned && lanes->n_planned == n)
				start_one(lanes, c);
		}
	}
	if (lanes->n_planned > 0)
		return;
	log_info("lanes known=%zu running=%zu", lanes->n_known,
		lanes->n_running);
	event_free(move(lanes->start_event));
}

int lanes_start_linked(struct lanes *lanes, struct err *err)
{
	const struct timeval often = { .tv_usec = START_EVERY_MS * 1000 };

	if (rows_read(lanes, NULL, err) != 0)
		return -1;
	each_child(lanes, plan);
	start_planned(lanes);
	lanes->start_event =
		event_new(lanes->base, -1, EV_PERSIST, on_start_due, lanes);
	event_add(lanes->start_event, &often);
	return 0;
}

/* Some time after it was read, the row has changed: what the lane told last
 * decides whether a session event is due. */
static void start_again(struct lanes *lanes, struct child *child)
{
	struct err err = ERR_NONE;

	if (child->unlinking) { /* its row may be deleted already */
		lanes_start(lanes, child);
		return;
	}
	if (rows_read(lanes, child->uid, &err) == 0) {
		lanes_start(lanes, child);
		return;
	}
	child->start_at_ms = 0;
	if (err.code == ERR_NOT_FOUND)
		return; /* its device was deleted */
	log_error("lane device=%s reason=\"%s\": trying again later",
		child->uid, err.msg);
	child->started_ms = clock_mono_ms();
	child_on_exit(child, child->started_ms);
}

/* ---- ending ---- */

void lanes_unlink(struct lanes *lanes, struct child *child)
{
	child->unlinking = true;
	if (child->pid == 0) {
		lanes_start(lanes, child); /* tells it */
		return;
	}
	child->wanted = true;
	child->again_at_once = true;
	unlink_tell(child);
}

void lanes_restart(struct lanes *lanes, struct child *child)
{
	if (child->pid == 0) {
		start_again(lanes, child);
		return;
	}
	child->again_at_once = true;
	kill(child->pid, SIGTERM);
}

void lanes_stop(struct child *child)
{
	child->wanted = false;
	child->start_at_ms = 0;
	if (child->pid != 0)
		kill(child->pid, SIGTERM);
}

static void unwant(struct lanes *lanes, struct child *child)
{
	lanes->n_planned -= child->is_planned;
	child->is_planned = false;
	child->wanted = false;
	child->start_at_ms = 0;
}

static void stop_next(struct lanes *lanes, struct child *child)
{
	if (child->pid == 0 || child->stop_told ||
		lanes->n_stopping >= STOPPING_MAX)
		return;
	child->stop_told = true;
	lanes->n_stopping++;
	lanes_stop(child);
}

void lanes_stop_all(struct lanes *lanes)
{
	lanes->is_stopping = true;
	each_child(lanes, unwant);
	each_child(lanes, stop_next);
}

static void hup_one(struct lanes *lanes, struct child *child)
{
	(void)lanes;
	if (child->pid != 0)
		kill(child->pid, SIGHUP);
}

void lanes_hup(struct lanes *lanes)
{
	each_child(lanes, hup_one);
}

static void log_exit(const struct child *child, int status)
{
	int64_t wait_ms = child->start_at_ms - child->ended_ms;

	if (child->start_at_ms == 0)
		log_info("lane device=%s pid=%d state=%s reason=\"%s\": not "
			 "started again",
			child->uid, (int)child->pid,
			lane_state_name(child->state), child->reason);
	else if (WIFSIGNALED(status))
		log_warning("lane device=%s pid=%d signal=%d: starting again "
			    "in %" PRId64 " ms",
			child->uid, (int)child->pid, WTERMSIG(status), wait_ms);
	else
		log_info("lane device=%s pid=%d exit=%d restart_ms=%" PRId64,
			child->uid, (int)child->pid, WEXITSTATUS(status),
			wait_ms);
}

static void child_ended(struct lanes *lanes, struct child *child, int status)
{
	/* Its last words may still be in the socket. */
	on_readable(child->fd, EV_READ, child);
	child_on_exit(child, clock_mono_ms());
	log_exit(child, status);
	child_forget(child);
	lanes->n_running--;
	if (child->stop_told)
		lanes->n_stopping--;
	child->stop_told = false;
	settled(lanes, child);
	if (lanes->is_stopping)
		each_child(lanes, stop_next);
	lanes->handler.on_ended(lanes->handler.arg, child);
	if (child->start_at_ms != 0 && child->start_at_ms <= child->ended_ms)
		start_again(lanes, child);
}

static struct child *child_by_pid(struct lanes *lanes, pid_t pid)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct child *c = lanes->buckets[i]; c != NULL;
			c = c->next) {
			if (c->pid == pid)
				return c;
		}
	}
	return NULL;
}

void lanes_reap(struct lanes *lanes)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *child = child_by_pid(lanes, pid);

		if (child != NULL)
			child_ended(lanes, child, status);
	}
}

static void care_for(struct lanes *lanes, struct child *child)
{
	int64_t now_ms = clock_mono_ms();

	switch (child_care(child, now_ms)) {
	case CHILD_FINE:
		return;
	case CHILD_START:
		start_again(lanes, child);
		return;
	case CHILD_ABORT:
		log_error("lane device=%s pid=%d silent_ms=%" PRId64
			  ": aborting it",
			child->uid, (int)child->pid,
			now_ms - child->reported_ms);
		child->aborted_ms = now_ms;
		kill(child->pid, SIGABRT);
		return;
	case CHILD_KILL:
		log_warning("lane device=%s pid=%d silent_ms=%" PRId64
			    ": killing it",
			child->uid, (int)child->pid,
			now_ms - child->reported_ms);
		kill(child->pid, SIGKILL);
		return;
	}
}

void lanes_care(struct lanes *lanes)
{
	lanes_reap(lanes); /* signals may merge */
	each_child(lanes, care_for);
}

void lanes_remove_keys(struct lanes *lanes, const char *uid)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	scoped(str_free) char *path =
		config_lane_db_path(lanes->host->config, uid);

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		scoped(str_free) char *file =
			xasprintf("%s%s", path, suffixes[i]);

		if (unlink(file) != 0 && errno != ENOENT)
			log_error("lane device=%s reason=\"%s\": delete %s by "
				  "hand",
				uid, strerror(errno), file);
	}
	log_info("lane device=%s status=keys_removed", uid);
}
