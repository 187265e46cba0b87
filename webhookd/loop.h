/* Timers and descriptors on the loop: libevent's "struct event" behind two
 * types of our own, because an event is something else in this suite.  All of
 * it belongs to the loop's thread. */
#ifndef WEBHOOKD_LOOP_H
#define WEBHOOKD_LOOP_H

#include <stdint.h>

struct event_base;

typedef void loop_fn(void *arg);

/* A one-shot timer that can be set again, also from its own handler. */
struct loop_timer;
struct loop_timer *loop_timer_new(
	struct event_base *base, loop_fn *fn, void *arg);
void loop_timer_free(struct loop_timer **timerp);
void loop_timer_set(
	struct loop_timer *timer, int64_t after_ms); /* 0 = next turn */
void loop_timer_clear(struct loop_timer *timer);

/* Calls @fn whenever @fd is readable. */
struct loop_fd;
struct loop_fd *loop_fd_new(
	struct event_base *base, int fd, loop_fn *fn, void *arg);
void loop_fd_free(struct loop_fd **watchp); /* leaves the descriptor open */

#endif
