/* A webhook receiver that only counts, so that a bench measures the sender.
 *
 *   hookcount        listens on any port of 127.0.0.1 and prints {"port":N}
 *   GET /count       {"count":N,"firstUs":…,"lastUs":…,"lag":{"p50Ms":…,
 *                    "p99Ms":…,"maxMs":…}}: the lag is from an event's
 *                    timestamp to its arrival, of the last MAX_LAGS
 *   GET /reset       starts from 0
 *   POST /aside      is answered and not counted
 *   POST /hang       is never answered
 *   POST             anything else is counted and answered 200 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/clock.h"

#define MAX_LAGS 1000000

static uint64_t count;
static int64_t first_us, last_us;
static int lags_ms[MAX_LAGS];
static int n_lags;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The envelope's timestamp is the first one of the body. */
static void lag_note(struct evhttp_request *request)
{
	static const char key[] = "\"timestamp\":\"";
	char body[512] = "", iso[CLOCK_ISO_LEN] = "";
	const char *at;
	int64_t logged_ms;

	evbuffer_copyout(evhttp_request_get_input_buffer(request), body,
		sizeof(body) - 1);
	at = strstr(body, key);
	if (at == NULL || n_lags == MAX_LAGS)
		return;
	memcpy(iso, at + strlen(key),
		strnlen(at + strlen(key), CLOCK_ISO_LEN - 1));
	if (clock_parse_iso(iso, &logged_ms) == 0)
		lags_ms[n_lags++] = (int)(clock_now_ms() - logged_ms);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int lag_at(double share)
{
	if (n_lags == 0)
		return 0;
	return lags_ms[(int)((n_lags - 1) * share)];
}

static void counted(struct evhttp_request *request)
{
	last_us = now_us();
	if (count++ == 0)
		first_us = last_us;
	lag_note(request);
}

static void count_write(struct evbuffer *out)
{
	qsort(lags_ms, (size_t)n_lags, sizeof(lags_ms[0]), compare);
	evbuffer_add_printf(out,
		"{\"count\":%" PRIu64 ",\"firstUs\":%" PRId64
		",\"lastUs\":%" PRId64
		",\"lag\":{\"p50Ms\":%d,\"p99Ms\":%d,\"maxMs\":%d}}",
		count, first_us, last_us, lag_at(0.5), lag_at(0.99), lag_at(1));
}

static void on_request(struct evhttp_request *request, void *arg)
{
	const char *path = evhttp_request_get_uri(request);
	struct evbuffer *out;

	(void)arg;
	if (strcmp(path, "/hang") == 0)
		return;
	out = evbuffer_new();
	if (evhttp_request_get_command(request) != EVHTTP_REQ_POST) {
		if (strcmp(path, "/reset") == 0) {
			count = 0;
			n_lags = 0;
		}
		count_write(out);
	} else if (strcmp(path, "/aside") != 0) {
		counted(request);
	}
	evhttp_add_header(evhttp_request_get_output_headers(request),
		"Content-Type", "application/json");
	evhttp_send_reply(request, 200, "OK", out);
	evbuffer_free(out);
}

int main(void)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);
	struct evhttp_bound_socket *bound =
		evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
	struct sockaddr_in sa;
	socklen_t n = sizeof(sa);

	if (bound == NULL || getsockname(evhttp_bound_socket_get_fd(bound),
				     (struct sockaddr *)&sa, &n) != 0)
		return 1;
	evhttp_set_gencb(http, on_request, NULL);
	printf("{\"port\":%d}\n", ntohs(sa.sin_port));
	fflush(stdout);
	event_base_dispatch(base);
	return 0;
}
