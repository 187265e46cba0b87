#include "webhookd/transport.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/own.h"

struct transport {
	struct event_base *base; /* borrowed */
	CURLM *multi;
	struct event *timeout;
	transport_done_fn *on_done;
};

static void finished_report(struct transport *transport)
{
	CURLMsg *message;
	CURLcode code;
	CURL *easy;
	int n_left;

	while ((message = curl_multi_info_read(transport->multi, &n_left)) !=
		NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		easy = message->easy_handle; /* removing it frees the message */
		code = message->data.result;
		curl_multi_remove_handle(transport->multi, easy);
		transport->on_done(easy, code);
	}
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct transport *transport = arg;
	int n_running, action = 0;

	if (what & EV_READ)
		action |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		action |= CURL_CSELECT_OUT;
	curl_multi_socket_action(transport->multi, fd, action, &n_running);
	finished_report(transport);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct transport *transport = arg;
	int n_running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(
		transport->multi, CURL_SOCKET_TIMEOUT, 0, &n_running);
	finished_report(transport);
}

/* ---- what curl asks for ---- */

static int on_socket_wish(
	CURL *easy, curl_socket_t fd, int wish, void *arg, void *socket_arg)
{
	struct transport *transport = arg;
	struct event *watch = socket_arg;
	short what = EV_PERSIST;

	(void)easy;
	if (wish == CURL_POLL_REMOVE) {
		if (watch != NULL)
			event_free(watch);
		return 0;
	}
	if (wish & CURL_POLL_IN)
		what |= EV_READ;
	if (wish & CURL_POLL_OUT)
		what |= EV_WRITE;
	if (watch != NULL) {
		event_del(watch);
		event_assign(
			watch, transport->base, fd, what, on_socket, transport);
	} else {
		watch = event_new(
			transport->base, fd, what, on_socket, transport);
		assert(watch != NULL);
		curl_multi_assign(transport->multi, fd, watch);
	}
	return event_add(watch, NULL);
}

/* Also 0 goes over the loop: curl must not be called from inside itself. */
static int on_timeout_wish(CURLM *multi, long timeout_ms, void *arg)
{
	struct transport *transport = arg;
	const struct timeval after = { .tv_sec = timeout_ms / 1000,
		.tv_usec = timeout_ms % 1000 * 1000 };

	(void)multi;
	if (timeout_ms < 0)
		return event_del(transport->timeout);
	return event_add(transport->timeout, &after);
}

/* ---- life ---- */

int transport_open(struct event_base *base, int max_idle,
	transport_done_fn *on_done, struct transport **out, struct err *err)
{
	scoped(transport_close) struct transport *transport =
		xcalloc(1, sizeof(*transport));
	CURLM *multi;

	transport->base = base;
	transport->on_done = on_done;
	transport->timeout = evtimer_new(base, on_timeout, transport);
	multi = transport->multi = curl_multi_init();
	if (multi == NULL || transport->timeout == NULL)
		return err_set(err, ERR_INTERNAL, "no curl multi handle");
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_wish);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, transport);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout_wish);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, transport);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)max_idle);
	*out = move(transport);
	return 0;
}

void transport_close(struct transport **transportp)
{
	struct transport *transport = move(*transportp);

	if (transport == NULL)
		return;
	if (transport->multi != NULL)
		curl_multi_cleanup(transport->multi);
	if (transport->timeout != NULL)
		event_free(transport->timeout);
	free(transport);
}

int transport_add(struct transport *transport, CURL *easy, struct err *err)
{
	CURLMcode code = curl_multi_add_handle(transport->multi, easy);

	if (code != CURLM_OK)
		return err_set(err, ERR_INTERNAL, "curl: %s",
			curl_multi_strerror(code));
	return 0;
}

void transport_remove(struct transport *transport, CURL *easy)
{
	curl_multi_remove_handle(transport->multi, easy);
}
