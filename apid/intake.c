/* See intake.h. */
#include "apid/intake.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/own.h"

#define METHOD "POST "
#define LINE_MAX_BYTES 160 /* of a request line, up to the query */
#define TICK_MS 1000
#define WAIT_MAX_MS 10000    /* then 503 */
#define GRACE_MS 10000	     /* before a place's client is looked at */
#define RATE_MIN 32	     /* bytes a millisecond: 32 kB/s */
#define FAREWELL_MAX_MS 3000 /* for the 503 to be read */

enum place_state { PLACE_WAITING, PLACE_READING, PLACE_REFUSED };

/* A connection with an upload on its way. */
struct place {
	TAILQ_ENTRY(place) entry;
	struct intake *intake;		      /* borrowed */
	struct evhttp_connection *connection; /* borrowed: on_closed() tells */
	struct bufferevent *bev;	      /* borrowed from it */
	enum place_state state;
	int64_t since_ms; /* monotonic: in this state */
	uint64_t n_bytes; /* read since then */
};

TAILQ_HEAD(place_list, place);

struct intake {
	struct event *tick;
	size_t small_bytes, large_bytes;
	unsigned n_free;
	struct place_list places; /* oldest first */
};

/* A callback of an evbuffer gets one pointer, and needs the connection. */
static _Thread_local struct intake *of_thread;

static void tick_arm(struct intake *intake)
{
	static const struct timeval after = { .tv_sec = TICK_MS / 1000 };

	if (!event_pending(intake->tick, EV_TIMEOUT, NULL))
		event_add(intake->tick, &after);
}

static struct place *place_find(
	struct intake *intake, const struct bufferevent *bev)
{
	struct place *place;

	TAILQ_FOREACH(place, &intake->places, entry)
	{
		if (place->bev == bev)
			return place;
	}
	return NULL;
}

static void place_set_state(struct place *place, enum place_state state)
{
	place->state = state;
	place->since_ms = clock_mono_ms();
	place->n_bytes = 0;
}

/* Gives free places to those who wait, in their order. */
static void places_hand_out(struct intake *intake)
{
	struct place *place;

	TAILQ_FOREACH(place, &intake->places, entry)
	{
		if (intake->n_free == 0)
			return;
		if (place->state != PLACE_WAITING)
			continue;
		intake->n_free--;
		place_set_state(place, PLACE_READING);
		bufferevent_enable(place->bev, EV_READ);
	}
}

static void place_forget(struct place *place)
{
	struct intake *intake = place->intake;

	TAILQ_REMOVE(&intake->places, place, entry);
	if (place->state == PLACE_READING)
		intake_release(intake);
	free(place);
}

static void on_closed(struct evhttp_connection *connection, void *arg)
{
	(void)connection;
	place_forget(arg);
}

/* ---- a new upload ---- */

/* Is it @path, with an end behind it? */
static bool path_matches(const char *text, const char *path)
{
	while (*path != '\0') {
		if (*path == ':') {
			const size_t n = strcspn(text, "/ ?");

			if (n == 0)
				return false;
			text += n;
			path += strcspn(path, "/");
		} else if (*path++ != *text++) {
			return false;
		}
	}
	return *text == ' ' || *text == '?';
}

/* Does the buffer begin with the request line of an upload?  When evhttp has
 * taken the line already this looks at what follows it; a body that looks like
 * it gets a place that it does not need, and no more. */
static bool is_upload(struct evbuffer *in)
{
	static const char *const paths[] = { INTAKE_PATH, INTAKE_GROUP_IMPORT,
		INTAKE_TAG_IMPORT };
	char line[LINE_MAX_BYTES + 1];
	const ev_ssize_t n = evbuffer_copyout(in, line, LINE_MAX_BYTES);

	if (n < (ev_ssize_t)strlen(METHOD) ||
		memcmp(line, METHOD, strlen(METHOD)) != 0)
		return false;
	line[n] = '\0'; /* which is in no path */
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (path_matches(line + strlen(METHOD), paths[i]))
			return true;
	return false;
}

static void place_new(struct intake *intake, struct bufferevent *bev)
{
	struct place *place = xcalloc(1, sizeof(*place));
	void *connection;

	/* evhttp's argument of its own callbacks. */
	bufferevent_getcb(bev, NULL, NULL, NULL, &connection);
	place->intake = intake;
	place->connection = connection;
	place->bev = bev;
	place_set_state(place, PLACE_WAITING);
	TAILQ_INSERT_TAIL(&intake->places, place, entry);
	evhttp_connection_set_max_body_size(
		place->connection, (ev_ssize_t)intake->large_bytes);
	evhttp_connection_set_closecb(place->connection, on_closed, place);
	bufferevent_disable(bev, EV_READ);
	places_hand_out(intake);
	tick_arm(intake);
}

static void on_input(
	struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	struct intake *intake = of_thread;
	struct bufferevent *bev = arg;
	struct place *place;

	if (info->n_added == 0 || intake == NULL)
		return;
	place = TAILQ_EMPTY(&intake->places) ? NULL : place_find(intake, bev);
	if (place != NULL)
		place->n_bytes += info->n_added;
	else if (is_upload(in))
		place_new(intake, bev);
}

struct bufferevent *intake_bufferevent(struct event_base *base, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);

	(void)arg;
	if (bev != NULL)
		evbuffer_add_cb(bufferevent_get_input(bev), on_input, bev);
	return bev;
}

bool intake_take(struct intake *intake, struct evhttp_connection *connection)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);
	struct place *place =
		TAILQ_EMPTY(&intake->places) ? NULL : place_find(intake, bev);
	bool is_held;

	if (place == NULL)
		return false;
	evhttp_connection_set_closecb(connection, NULL, NULL);
	evhttp_connection_set_max_body_size(
		connection, (ev_ssize_t)intake->small_bytes);
	is_held = place->state == PLACE_READING;
	TAILQ_REMOVE(&intake->places, place, entry);
	free(place);
	return is_held;
}

void intake_release(struct intake *intake)
{
	intake->n_free++;
	places_hand_out(intake);
}

/* ---- those who cannot wait, and those who let others wait ---- */

static void on_farewell_input(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);

	(void)arg;
	evbuffer_drain(in, evbuffer_get_length(in));
}

/* Closing at once would reset the connection, and the client might never read
 * why: it may finish talking first. */
static void on_farewell_written(struct bufferevent *bev, void *arg)
{
	(void)arg;
	shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void on_farewell_end(struct bufferevent *bev, short what, void *arg)
{
	struct place *place = arg;

	(void)bev;
	(void)what;
	evhttp_connection_free(place->connection); /* runs on_closed() */
}

static void place_refuse(struct place *place)
{
	static const char body[] =
		"{\"statusCode\":503,\"error\":\"Service Unavailable\","
		"\"message\":\"Too many uploads at once\"}";

	place_set_state(place, PLACE_REFUSED);
	bufferevent_setcb(place->bev, on_farewell_input, on_farewell_written,
		on_farewell_end, place);
	evbuffer_add_printf(bufferevent_get_output(place->bev),
		"HTTP/1.1 503 Service Unavailable\r\n"
		"Content-Type: application/json; charset=utf-8\r\n"
		"Content-Length: %zu\r\nRetry-After: 5\r\n"
		"Connection: close\r\n\r\n%s",
		sizeof(body) - 1, body);
	bufferevent_enable(place->bev, EV_READ | EV_WRITE);
}

static void place_look(struct place *place, bool someone_waits, int64_t now_ms)
{
	const int64_t age_ms = now_ms - place->since_ms;

	switch (place->state) {
	case PLACE_WAITING:
		if (age_ms > WAIT_MAX_MS)
			place_refuse(place);
		return;
	case PLACE_READING:
		if (!someone_waits || age_ms < GRACE_MS ||
			place->n_bytes >= (uint64_t)age_ms * RATE_MIN)
			return;
		log_info("upload cut bytes=%" PRIu64 " age_ms=%" PRId64
			 " reason=\"too slow while others wait\"",
			place->n_bytes, age_ms);
		evhttp_connection_free(place->connection);
		return;
	case PLACE_REFUSED:
		if (age_ms > FAREWELL_MAX_MS)
			evhttp_connection_free(place->connection);
		return;
	}
}

static bool someone_waits(const struct intake *intake)
{
	const struct place *place;

	TAILQ_FOREACH(place, &intake->places, entry)
	{
		if (place->state == PLACE_WAITING)
			return true;
	}
	return false;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct intake *intake = arg;
	const bool waits = someone_waits(intake);
	struct place *place, *next;

	(void)fd;
	(void)what;
	for (place = TAILQ_FIRST(&intake->places); place != NULL;
		place = next) {
		next = TAILQ_NEXT(place, entry);
		place_look(place, waits, clock_mono_ms());
	}
	if (!TAILQ_EMPTY(&intake->places))
		tick_arm(intake);
}

/* ---- life ---- */

struct intake *intake_new(
	struct event_base *base, size_t small_bytes, size_t large_bytes)
{
	struct intake *intake = xcalloc(1, sizeof(*intake));

	intake->small_bytes = small_bytes;
	intake->large_bytes = large_bytes;
	intake->n_free = INTAKE_PLACES;
	TAILQ_INIT(&intake->places);
	intake->tick = event_new(base, -1, 0, on_tick, intake);
	return intake;
}

void intake_enter(struct intake *intake)
{
	of_thread = intake;
}

void intake_free(struct intake **intakep)
{
	struct intake *intake = move(*intakep);
	struct place *place;

	if (intake == NULL)
		return;
	while ((place = TAILQ_FIRST(&intake->places)) != NULL)
		place_forget(place);
	event_free(intake->tick);
	free(intake);
}
