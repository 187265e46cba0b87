#include "webhookd/loop.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#include "common/own.h"

struct loop_timer {
	struct event *event;
	loop_fn *fn;
	void *arg;
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;

	(void)fd;
	(void)what;
	timer->fn(timer->arg);
}

struct loop_timer *loop_timer_new(
	struct event_base *base, loop_fn *fn, void *arg)
{
	struct loop_timer *timer = xcalloc(1, sizeof(*timer));

	timer->fn = fn;
	timer->arg = arg;
	timer->event = evtimer_new(base, on_timer, timer);
	assert(timer->event != NULL);
	return timer;
}

void loop_timer_free(struct loop_timer **timerp)
{
	struct loop_timer *timer = move(*timerp);

	if (timer == NULL)
		return;
	event_free(timer->event);
	free(timer);
}

void loop_timer_set(struct loop_timer *timer, int64_t after_ms)
{
	const struct timeval after = { .tv_sec = after_ms / 1000,
		.tv_usec = after_ms % 1000 * 1000 };

	evtimer_add(timer->event, &after);
}

void loop_timer_clear(struct loop_timer *timer)
{
	evtimer_del(timer->event);
}

struct loop_fd {
	struct event *event;
	loop_fn *fn;
	void *arg;
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct loop_fd *watch = arg;

	(void)fd;
	(void)what;
	watch->fn(watch->arg);
}

struct loop_fd *loop_fd_new(
	struct event_base *base, int fd, loop_fn *fn, void *arg)
{
	struct loop_fd *watch = xcalloc(1, sizeof(*watch));

	watch->fn = fn;
	watch->arg = arg;
	watch->event =
		event_new(base, fd, EV_READ | EV_PERSIST, on_readable, watch);
	assert(watch->event != NULL);
	event_add(watch->event, NULL);
	return watch;
}

void loop_fd_free(struct loop_fd **watchp)
{
	struct loop_fd *watch = move(*watchp);

	if (watch == NULL)
		return;
	event_free(watch->event);
	free(watch);
}
