/* See live.h.
 *
 * Events come from webhookd's PUB socket on the main thread and go to every
 * HTTP thread.  A stream takes one only when its number is the next; on a gap,
 * at the start and after a slow client has caught up, it reads the log.  A
 * heartbeat every 15 s does the same, so that an event that was never published
 * arrives too. */
#include "apid/live.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "apid/http.h"
#include "apid/metrics.h"
#include "apid/request.h"
#include "common/eventlog.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/event.h"

#define HEARTBEAT_SEC 15
#define READ_BATCH 200
#define OUTPUT_MAX                                                      \
	(1 << 20)	/* a slower client waits for its next heartbeat \
			 */
#define STREAMS_MAX 256 /* of one thread */

struct live {
	struct apid *apid; /* borrowed */
	struct bus_in *in;
	struct event *readable;
};

struct stream {
	struct http_thread *thread; /* borrowed */
	struct request
		*request; /* owned; its http is NULL once the client is gone */
	struct event *heartbeat;
	int64_t last_seq; /* account_seq of the last event written */
	struct stream *next;
};

/* ---- one stream ---- */

static void stream_write(struct stream *stream, const char *text, size_t n)
{
	struct evbuffer *chunk = evbuffer_new();

	evbuffer_add(chunk, text, n);
	evhttp_send_reply_chunk(stream->request->http, chunk);
	evbuffer_free(chunk);
}

static void stream_event(struct stream *stream, const char *public_id,
	const char *type, int64_t created_ms, int64_t seq,
	const char *device_uid, const char *payload)
{
	char *json = eventlog_render(
		public_id, type, created_ms, seq, device_uid, payload);
	char *text = xasprintf(
		"id: %" PRId64 "\nevent: %s\ndata: %s\n\n", seq, type, json);

	stream_write(stream, text, strlen(text));
	stream->last_seq = seq;
	free(text);
	free(json);
}

static size_t stream_backlog(const struct stream *stream)
{
	struct evhttp_connection *connection =
		evhttp_request_get_connection(stream->request->http);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);

	return evbuffer_get_length(bufferevent_get_output(bev));
}

static int write_logged(const struct event *event, void *arg)
{
	struct stream *stream = arg;

	stream_event(stream, event->public_id, event->type, event->created_ms,
		event->account_seq, event->device_uid, event->payload);
	return stream->request->is_gone;
}

/* Writes what the log has after last_seq, as far as the client keeps up. */
static void stream_catch_up(struct stream *stream)
{
	struct err err = ERR_NONE;
	int64_t before;

	do {
		if (stream->request->is_gone ||
			stream_backlog(stream) > OUTPUT_MAX)
			return;
		before = stream->last_seq;
		if (store_event_of_account(stream->request->store,
			    stream->request->account_id, before, READ_BATCH,
			    write_logged, stream, &err) != 0) {
			log_error("event stream read failed reason=%s",
				log_quote(err.msg));
			return;
		}
	} while (stream->last_seq - before == READ_BATCH);
}

static void stream_free(struct stream *stream)
{
	struct stream **link =
		(struct stream **)http_thread_streams(stream->thread);

	while (*link != NULL && *link != stream)
		link = &(*link)->next;
	if (*link != NULL)
		*link = stream->next;
	if (stream->request->is_gone)
		evhttp_send_reply_end(stream->request->http); /* frees it */
	metrics_count_stream(stream->request->apid->metrics, -1);
	event_free(stream->heartbeat);
	request_free(&stream->request);
	free(stream);
}

static void on_heartbeat(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;

	(void)fd;
	(void)what;
	if (!stream->request->is_gone)
		stream_write(stream, ": ping\n\n", 8);
	if (!stream->request->is_gone)
		stream_catch_up(stream);
	if (stream->request->is_gone)
		stream_free(stream);
}

static size_t stream_count(struct http_thread *thread)
{
	size_t n = 0;

	for (struct stream *s = *http_thread_streams(thread); s != NULL;
		s = s->next)
		n++;
	return n;
}

/* Where to begin: after Last-Event-ID, else with what happens from now on. */
static int first_seq(struct request *request, int64_t *out, struct err *err)
{
	bool twice = false;
	const char *text = http_header_once(request, "Last-Event-ID", &twice);
	char *end;

	*out = request_number(request, "lastEventId", -1);
	if (text != NULL) {
		*out = strtoll(text, &end, 10);
		if (*end != '\0' || end == text || *out < 0)
			return err_set(err, ERR_INVALID,
				"Last-Event-ID must be the number of an event");
	}
	if (*out < 0)
		*out = store_event_account_seq(
			request->store, request->account_id);
	return 0;
}

int live_events(struct request *request, struct err *err)
{
	static const struct timeval every = { .tv_sec = HEARTBEAT_SEC };
	struct http_thread *thread = request->thread;
	struct evkeyvalq *headers;
	struct stream *stream;
	int64_t seq;

	if (first_seq(request, &seq, err) != 0)
		return -1;
	if (stream_count(thread) >= STREAMS_MAX)
		return err_set(err, ERR_BUSY, "Too many event streams");
	stream = xcalloc(1, sizeof(*stream));
	stream->thread = thread;
	stream->request = request;
	stream->last_seq = seq;
	stream->heartbeat = event_new(
		http_thread_base(thread), -1, EV_PERSIST, on_heartbeat, stream);
	event_add(stream->heartbeat, &every);
	stream->next = *http_thread_streams(thread);
	*http_thread_streams(thread) = stream;
	metrics_count_stream(request->apid->metrics, 1);
	request->is_streaming = true;
	headers = evhttp_request_get_output_headers(request->http);
	evhttp_add_header(headers, "Content-Type", "text/event-stream");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_send_reply_start(request->http, 200, "OK");
	stream_write(stream, ": hello\n\n", 9);
	stream_catch_up(stream);
	return 0;
}

void live_drop_streams(struct http_thread *thread)
{
	struct stream *stream;

	while ((stream = *http_thread_streams(thread)) != NULL) {
		if (!stream->request->is_gone)
			evhttp_connection_set_closecb(
				evhttp_request_get_connection(
					stream->request->http),
				NULL, NULL);
		stream_free(stream);
	}
}

/* ---- from the bus to the streams ---- */

static void deliver(struct http_thread *thread, void *arg)
{
	const Bus__Envelope *envelope = arg;
	const Bus__Event *event = envelope->event;
	struct stream *next;

	for (struct stream *s = *http_thread_streams(thread); s != NULL;
		s = next) {
		next = s->next;
		if (s->request->account_id != event->account_id ||
			event->account_seq <= s->last_seq)
			continue;
		if (!s->request->is_gone) {
			if (event->account_seq == s->last_seq + 1 &&
				stream_backlog(s) <= OUTPUT_MAX)
				stream_event(s, event->public_id, event->type,
					event->created_ms, event->account_seq,
					envelope->device_uid, event->payload);
			else
				stream_catch_up(s);
		}
		if (s->request->is_gone)
			stream_free(s);
	}
}

static void release(void *arg)
{
	Bus__Envelope *envelope = arg;

	bus_envelope_free(&envelope);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct live *live = arg;
	Bus__Envelope *envelope;

	(void)fd;
	(void)what;
	while ((envelope = bus_recv(live->in)) != NULL) {
		if (envelope->body_case != BUS__ENVELOPE__BODY_EVENT) {
			bus_envelope_free(&envelope);
			continue;
		}
		http_broadcast(live->apid->http, deliver, envelope, release);
	}
}

int live_open(struct apid *apid, struct live **out, struct err *err)
{
	struct live *live = xcalloc(1, sizeof(*live));
	scoped(str_free) char *url =
		config_bus_url(apid->config, BUS_WEBHOOKD_LIVE);

	*out = live;
	live->apid = apid;
	if (bus_sub_open(url, &live->in, err) != 0)
		return -1;
	live->readable = event_new(apid->base, bus_in_fd(live->in),
		EV_READ | EV_PERSIST, on_readable, live);
	event_add(live->readable, NULL);
	return 0;
}

void live_close(struct live **livep)
{
	struct live *live = move(*livep);

	if (live == NULL)
		return;
	if (live->readable != NULL)
		event_free(live->readable);
	bus_in_close(&live->in);
	free(live);
}
