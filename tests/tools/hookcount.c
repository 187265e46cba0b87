/* A webhook receiver that only counts, so that a bench measures the sender.
 *
 *   hookcount        listens on any port of 127.0.0.1 and prints {"port":N}
 *   GET /count       {"count":N,"firstUs":…,"lastUs":…}; every POST is answered
 * 200 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

static uint64_t count;
static int64_t first_us, last_us;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct evbuffer *out = evbuffer_new();

	(void)arg;
	if (evhttp_request_get_command(request) == EVHTTP_REQ_POST) {
		last_us = now_us();
		if (count++ == 0)
			first_us = last_us;
	} else {
		evbuffer_add_printf(out,
			"{\"count\":%" PRIu64 ",\"firstUs\":%" PRId64
			",\"lastUs\":%" PRId64 "}",
			count, first_us, last_us);
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
