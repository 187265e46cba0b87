/* See conversion.h.  Only a few workers run at a time, of all threads together;
 * what finds none free waits a while in the order in which it came. */
#include "apid/conversion.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "apid/http.h"
#include "apid/request.h"
#include "common/clock.h"
#include "common/own.h"

#define WAITING_MAX 32 /* of one thread */
#define WAIT_MAX_MS 20000
#define RETRY_MS 100 /* for workers of other threads to end */

struct conversion {
	TAILQ_ENTRY(conversion) entry;
	struct conversions *all; /* borrowed */
	struct request *request; /* owned until @done has it */
	struct convert_request job;
	struct convert *convert; /* NULL: it waits */
	int64_t until_ms;	 /* monotonic: for a worker */
	conversion_done_fn *done;
};

TAILQ_HEAD(conversion_list, conversion);

/* Of one thread. */
struct conversions {
	struct event *retry;
	unsigned n_waiting;
	struct conversion_list list; /* oldest first */
};

static void retry_arm(struct conversions *all)
{
	static const struct timeval after = { .tv_usec = RETRY_MS * 1000 };

	if (!event_pending(all->retry, EV_TIMEOUT, NULL))
		event_add(all->retry, &after);
}

static void finish(struct conversion *conversion, struct media_facts *facts,
	const struct err *err)
{
	struct conversions *all = conversion->all;

	TAILQ_REMOVE(&all->list, conversion, entry);
	conversion->done(conversion->request, facts, err);
	free(conversion);
	if (all->n_waiting > 0) /* a worker may be free now */
		event_active(all->retry, EV_TIMEOUT, 0);
}

static void on_done(struct media_facts *facts, const struct err *err, void *arg)
{
	finish(arg, facts, err);
}

static int try_start(struct conversion *conversion, struct err *err)
{
	struct request *request = conversion->request;

	return convert_start(http_thread_base(request->thread),
		request->apid->config, &conversion->job, on_done, conversion,
		&conversion->convert, err);
}

/* False: it still waits. */
static bool try_again(struct conversion *conversion)
{
	struct err err = ERR_NONE;
	const bool started = try_start(conversion, &err) == 0;

	if (!started && err.code == ERR_BUSY &&
		clock_mono_ms() < conversion->until_ms)
		return false;
	conversion->all->n_waiting--;
	if (!started)
		finish(conversion, NULL, &err);
	return true;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct conversions *all = arg;
	struct conversion *conversion, *next;

	(void)fd;
	(void)what;
	for (conversion = TAILQ_FIRST(&all->list); conversion != NULL;
		conversion = next) {
		next = TAILQ_NEXT(conversion, entry);
		if (conversion->convert == NULL && !try_again(conversion))
			break;
	}
	if (all->n_waiting > 0)
		retry_arm(all);
}

static struct conversions *of_thread(struct http_thread *thread)
{
	void **at = http_thread_conversions(thread);
	struct conversions *all = *at;

	if (all != NULL)
		return all;
	all = xcalloc(1, sizeof(*all));
	all->retry = event_new(http_thread_base(thread), -1, 0, on_retry, all);
	TAILQ_INIT(&all->list);
	*at = all;
	return all;
}

/* 0: started, or it waits now. */
static int start_or_wait(struct conversion *conversion, struct err *err)
{
	struct conversions *all = conversion->all;

	/* Nobody overtakes those who wait. */
	if (all->n_waiting == 0 && try_start(conversion, err) == 0)
		return 0;
	if (all->n_waiting == 0 && err->code != ERR_BUSY)
		return -1;
	if (all->n_waiting >= WAITING_MAX)
		return err_set(err, ERR_BUSY, "Too many files are waiting");
	all->n_waiting++;
	retry_arm(all);
	return 0;
}

int conversion_start(struct request *request, const struct convert_request *job,
	conversion_done_fn *done, struct err *err)
{
	struct conversion *conversion = xcalloc(1, sizeof(*conversion));

	conversion->all = of_thread(request->thread);
	conversion->request = request;
	conversion->job = *job;
	conversion->until_ms = clock_mono_ms() + WAIT_MAX_MS;
	conversion->done = done;
	if (start_or_wait(conversion, err) != 0) {
		free(conversion);
		return -1;
	}
	TAILQ_INSERT_TAIL(&conversion->all->list, conversion, entry);
	return 0;
}

void conversion_drop_all(struct http_thread *thread)
{
	struct conversions *all = *http_thread_conversions(thread);
	struct conversion *conversion;

	if (all == NULL)
		return;
	while ((conversion = TAILQ_FIRST(&all->list)) != NULL) {
		TAILQ_REMOVE(&all->list, conversion, entry);
		if (conversion->convert != NULL)
			convert_cancel(&conversion->convert);
		http_abandon(conversion->request);
		free(conversion);
	}
	event_free(all->retry);
	free(all);
	*http_thread_conversions(thread) = NULL;
}
