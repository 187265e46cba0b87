/* See schedulerd.h: the loop.
 *
 * The timer is set to the next due time, and never further than LOOK_SEC ahead: a wake-up
 * that got lost, or a clock that was set, is noticed then. */
#include "schedulerd/schedulerd.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/message.h"
#include "common/store/scheduled.h"
#include "schedulerd/due.h"

#define LOOK_SEC 30
#define RETRY_MS 1000 /* after the store failed */
#define SWEEP_SEC 60
#define SWEEP_ROWS 1000

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

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct schedulerd *sd = arg;
	struct err err = ERR_NONE;
	int64_t next_ms, now_ms;

	(void)fd;
	(void)what;
	if (due_run(sd, clock_now_ms(), &err) != 0) {
		log_error("scheduled messages failed reason=%s retry_ms=%d",
			log_quote(err.msg), RETRY_MS);
		timer_set(sd, RETRY_MS);
		return;
	}
	now_ms = clock_now_ms();
	next_ms = store_scheduled_next_due(sd->store);
	timer_set(sd, next_ms == INT64_MAX ? LOOK_SEC * 1000 :
					     next_ms - now_ms);
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

static int sweep(struct schedulerd *sd, struct err *err)
{
	int64_t ttl_ms = (int64_t)sd->config->api.idempotency_ttl_sec * 1000;
	scoped(tx_end) struct tx *tx = tx_begin(sd->store, err);

	if (tx == NULL ||
		store_idempotency_expire(tx, clock_now_ms() - ttl_ms,
			SWEEP_ROWS, err) != 0)
		return -1;
	return tx_commit(tx, err);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct err err = ERR_NONE;

	(void)fd;
	(void)what;
	if (sweep(arg, &err) != 0)
		log_error("housekeeping failed reason=%s retry_sec=%d",
			log_quote(err.msg), SWEEP_SEC);
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
	static const struct timeval each = { .tv_sec = SWEEP_SEC };

	sd->readable = event_new(sd->base, bus_in_fd(sd->wake),
		EV_READ | EV_PERSIST, on_wake, sd);
	sd->timer = event_new(sd->base, -1, 0, on_timer, sd);
	sd->sweep = event_new(sd->base, -1, EV_PERSIST, on_sweep, sd);
	event_add(sd->readable, NULL);
	event_add(sd->sweep, &each);
	timer_set(sd, 0); /* what came due while nobody ran */
}

int schedulerd_open(struct config *config, struct schedulerd **out,
	struct err *err)
{
	struct schedulerd *sd = xcalloc(1, sizeof(*sd));
	scoped(str_free) char *path = config_db_path(config);

	*out = sd;
	sd->config = config;
	sd->base = event_base_new();
	if (config_make_dirs(config, err) != 0)
		return -1;
	if (store_open(path, STORE_WRITE, &sd->store, err) != 0)
		return err_wrap(err, "store");
	if (open_bus(sd, err) != 0)
		return -1;
	start(sd);
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
	store_close(&sd->store);
	event_base_free(sd->base);
	free(sd);
}
