/* See schedulerd.h: the loop.
 *
 * The timer is set to the next due time, and never further than LOOK_SEC ahead:
 * a wake-up that got lost, or a clock that was set, is noticed then. */
#include "schedulerd/schedulerd.h"

#include <stdlib.h>
#include <string.h>

#include "common/campaign.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/autoreply.h"
#include "common/store/idempotency.h"
#include "common/store/scheduled.h"
#include "schedulerd/campaigns.h"
#include "schedulerd/due.h"
#include "schedulerd/files.h"

#define LOOK_SEC 30
#define RETRY_MS 1000 /* after the store failed */
#define SWEEP_SEC 60
#define SWEEP_ROWS 500 /* a slice: others want to write too */
#define SWEEP_NEXT_MS 50

static void timer_set(struct schedulerd *sd, int64_t after_ms)
{
	struct timeval tv;

	if (after_ms > LOOK_SEC * 1000)
		after_ms = LOOK_SEC * 1000;
	if (after_ms < 0)
		after_ms = 0;
	tv.tv_sec = (time_t)(after_ms / 1000);
	tv.tv_usec = (suseconds_t)(after_ms % 1000 * 1000);
	event_add(sd->timer, &tv);
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

/* A bounded piece of everything that is due.  1: more is, 0: for now that was
 * all, -1. */
static int run(struct schedulerd *sd, struct err *err)
{
	int more = due_run(sd, clock_now_ms(), err);

	if (more < 0)
		return err_wrap(err, "scheduled messages");
	if (campaigns_run(sd, clock_now_ms(), err) != 0)
		return err_wrap(err, "campaigns");
	return more;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct schedulerd *sd = arg;
	struct err err = ERR_NONE;
	int64_t next_ms;
	int more = run(sd, &err);

	(void)fd;
	(void)what;
	if (more < 0) {
		log_error("schedule failed reason=\"%s\" retry_ms=%d",
			log_quote(err.msg), RETRY_MS);
		timer_set(sd, RETRY_MS);
		return;
	}
	next_ms = earlier(
		store_scheduled_next_due(sd->store), campaigns_next_ms(sd));
	if (more > 0)
		timer_set(sd, 0); /* after what else the loop has to do */
	else if (next_ms == INT64_MAX)
		timer_set(sd, LOOK_SEC * 1000);
	else
		timer_set(sd, next_ms - clock_now_ms());
}

/* Somebody changed the schedule: look now, which also sets the timer anew. */
static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct schedulerd *sd = arg;
	Bus__Envelope *envelope;

	(void)fd;
	(void)what;
	while ((envelope = bus_recv(sd->wake)) != NULL)
		bus_envelope_free(&envelope);
	timer_set(sd, 0);
}

/* How many rows of a kind went at most, or -1. */
static int sweep(struct schedulerd *sd, int64_t now_ms, struct err *err)
{
	int64_t ttl_ms = (int64_t)sd->config->api.idempotency_ttl_sec * 1000;
	scoped(tx_end) struct tx *tx = tx_begin(sd->store, err);
	int n_answers, n_chats;

	if (tx == NULL)
		return -1;
	n_answers =
		store_idempotency_expire(tx, now_ms - ttl_ms, SWEEP_ROWS, err);
	if (n_answers < 0)
		return -1;
	n_chats = store_auto_reply_forget(tx, now_ms, SWEEP_ROWS, err);
	if (n_chats < 0 || tx_commit(tx, err) != 0)
		return -1;
	return n_answers > n_chats ? n_answers : n_chats;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval later = { .tv_sec = SWEEP_SEC };
	static const struct timeval soon = { .tv_usec = SWEEP_NEXT_MS * 1000 };
	struct schedulerd *sd = arg;
	struct err err = ERR_NONE;
	int n = sweep(sd, clock_now_ms(), &err);

	(void)fd;
	(void)what;
	if (n < 0)
		log_error("housekeeping failed reason=\"%s\" retry_sec=%d",
			log_quote(err.msg), SWEEP_SEC);
	if (n != SWEEP_ROWS)
		files_sweep(sd, sd->n_sweeps++);
	event_add(sd->sweep, n == SWEEP_ROWS ? &soon : &later);
}

static int open_bus(struct schedulerd *sd, struct err *err)
{
	scoped(str_free) char *wake =
		config_bus_url(sd->config, BUS_SCHEDULERD_WAKE);
	scoped(str_free) char *jobs =
		config_bus_url(sd->config, BUS_SENDERD_JOBS);

	if (bus_pull_open(wake, &sd->wake, err) != 0)
		return -1;
	return bus_push_open(jobs, &sd->senderd_jobs, err);
}

static void start(struct schedulerd *sd)
{
	static const struct timeval now = { 0 };

	sd->readable = event_new(sd->base, bus_in_fd(sd->wake),
		EV_READ | EV_PERSIST, on_wake, sd);
	sd->timer = event_new(sd->base, -1, 0, on_timer, sd);
	sd->sweep = event_new(sd->base, -1, 0, on_sweep, sd);
	event_add(sd->readable, NULL);
	event_add(sd->sweep, &now);
	timer_set(sd, 0); /* what came due while nobody ran */
}

int schedulerd_open(
	struct config *config, struct schedulerd **out, struct err *err)
{
	scoped(schedulerd_close) struct schedulerd *sd =
		xcalloc(1, sizeof(*sd));
	scoped(str_free) char *path = config_db_path(config);

	sd->config = config;
	sd->base = event_base_new();
	if (config_make_dirs(config, err) != 0)
		return -1;
	if (store_open(path, STORE_WRITE, &sd->store, err) != 0)
		return err_wrap(err, "store");
	if (open_bus(sd, err) != 0)
		return -1;
	start(sd);
	*out = move(sd);
	return 0;
}

static void event_drop(struct event **eventp)
{
	if (*eventp != NULL)
		event_free(*eventp);
	*eventp = NULL;
}

void schedulerd_close(struct schedulerd **schedulerdp)
{
	struct schedulerd *sd = move(*schedulerdp);

	if (sd == NULL)
		return;
	event_drop(&sd->sweep);
	event_drop(&sd->timer);
	event_drop(&sd->readable);
	bus_in_close(&sd->wake);
	bus_out_close(&sd->senderd_jobs);
	campaign_making_free(&sd->making);
	campaign_watch_fini(&sd->watch);
	store_close(&sd->store);
	event_base_free(sd->base);
	free(sd);
}
