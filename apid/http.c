/* See http.h.  evhttp's callbacks only translate: what a request means is
 * decided in dispatch.c. */
#include "apid/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apid/reply.h"
#include "apid/conversion.h"
#include "apid/dispatch.h"
#include "apid/intake.h"
#include "apid/live.h"
#include "apid/metrics.h"
#include "apid/request.h"
#include "apid/upload.h"
#include "apid/writer.h"
#include "common/log.h"
#include "common/own.h"

#define MAX_HEADER_BYTES 16384
#define FD_RESERVE 128 /* descriptors for databases, sockets, logs */
#define STOP_GRACE_MS 2000

/* Something to run on a thread: a request to resume, or a broadcast. */
struct broadcast {
	void (*fn)(struct http_thread *thread, void *arg);
	void (*release)(void *arg);
	void *arg;
	_Atomic int left; /* threads that have not run it yet */
};

struct posted {
	struct request *request;     /* or NULL */
	struct broadcast *broadcast; /* or NULL */
	struct posted *next;
};

struct http_thread {
	struct http_server *server; /* borrowed */
	pthread_t id;
	bool started;
	struct event_base *base;
	struct evhttp *http;
	struct store *store;
	struct event *wake;		 /* activated by http_post() */
	struct event *resume_accept;	 /* after running out of descriptors */
	struct evconnlistener *listener; /* borrowed from evhttp */
	struct intake *intake;
	void *streams;	      /* live.c */
	void *conversions;    /* conversion.c */
	pthread_mutex_t lock; /* guards posted */
	struct posted *posted_head, **posted_tail;
};

struct http_server {
	struct apid *apid; /* borrowed */
	int fd;
	int port;
	size_t n_threads;
	struct http_thread threads[];
};

/* ---- requests ---- */

static void on_client_gone(struct evhttp_connection *connection, void *arg)
{
	struct request *request = arg;

	(void)connection;
	request->is_gone = true;
}

void request_finish(struct request *request)
{
	if (request->failed)
		dispatch_render_error(request);
	metrics_count_request(request->apid->metrics, request);
	/* For a client that has gone this only frees what libevent kept. */
	if (!request->is_streaming)
		reply_write(request);
	request_free(&request);
}

static void on_request(struct evhttp_request *http, void *arg)
{
	struct http_thread *thread = arg;
	struct request *request = xcalloc(1, sizeof(*request));
	struct evhttp_connection *connection =
		evhttp_request_get_connection(http);

	request->apid = thread->server->apid;
	request->thread = thread;
	request->store = thread->store;
	request->http = http;
	request->started_us = metrics_now_us();
	request->has_place = intake_take(thread->intake, connection);
	evhttp_connection_set_closecb(connection, on_client_gone, request);
	dispatch_request(request);
}

const char *http_header_once(
	struct request *request, const char *name, bool *twice)
{
	struct evkeyvalq *headers =
		evhttp_request_get_input_headers(request->http);
	const char *value = NULL;
	struct evkeyval *header;

	TAILQ_FOREACH(header, headers, next)
	{
		if (strcasecmp(header->key, name) != 0)
			continue;
		if (value != NULL)
			*twice = true;
		value = header->value;
	}
	return value;
}

bool http_peer_is_local(const struct request *request)
{
	struct evhttp_connection *connection =
		evhttp_request_get_connection(request->http);
	char *address = NULL;
	ev_uint16_t port;

	evhttp_connection_get_peer(connection, &address, &port);
	return address != NULL && (strncmp(address, "127.", 4) == 0 ||
					  strcmp(address, "::1") == 0);
}

/* ---- posting to a thread ---- */

static void thread_post(struct http_thread *thread, struct request *request,
	struct broadcast *broadcast)
{
	struct posted *posted = xcalloc(1, sizeof(*posted));

	posted->request = request;
	posted->broadcast = broadcast;
	pthread_mutex_lock(&thread->lock);
	*thread->posted_tail = posted;
	thread->posted_tail = &posted->next;
	pthread_mutex_unlock(&thread->lock);
	event_active(thread->wake, EV_READ, 0);
}

void http_post(struct request *request)
{
	thread_post(request->thread, request, NULL);
}

void http_broadcast(struct http_server *server,
	void (*fn)(struct http_thread *thread, void *arg), void *arg,
	void (*release)(void *arg))
{
	struct broadcast *broadcast = xcalloc(1, sizeof(*broadcast));

	broadcast->fn = fn;
	broadcast->arg = arg;
	broadcast->release = release;
	broadcast->left = (int)server->n_threads;
	for (size_t i = 0; i < server->n_threads; i++)
		thread_post(&server->threads[i], NULL, broadcast);
}

static void broadcast_run(
	struct http_thread *thread, struct broadcast *broadcast)
{
	broadcast->fn(thread, broadcast->arg);
	if (atomic_fetch_sub(&broadcast->left, 1) != 1)
		return;
	broadcast->release(broadcast->arg);
	free(broadcast);
}

static struct posted *posted_take(struct http_thread *thread)
{
	struct posted *head;

	pthread_mutex_lock(&thread->lock);
	head = thread->posted_head;
	thread->posted_head = NULL;
	thread->posted_tail = &thread->posted_head;
	pthread_mutex_unlock(&thread->lock);
	return head;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct http_thread *thread = arg;
	struct posted *posted = posted_take(thread);

	(void)fd;
	(void)what;
	while (posted != NULL) {
		struct posted *next = posted->next;

		if (posted->request != NULL)
			posted->request->resume(posted->request);
		else
			broadcast_run(thread, posted->broadcast);
		free(posted);
		posted = next;
	}
}

/* ---- accepting ---- */

/* Out of descriptors: stop accepting for a moment instead of spinning;
 * connections that are served meanwhile free some. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval pause = { .tv_usec = 200000 };
	struct http_thread *thread = arg;

	log_warning("accept failed reason=\"%s\" pause_ms=200",
		strerror(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(listener);
	event_add(thread->resume_accept, &pause);
}

static void on_resume_accept(evutil_socket_t fd, short what, void *arg)
{
	struct http_thread *thread = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(thread->listener);
}

static void raise_fd_limit(const struct config *config)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = (rlim_t)config->api.max_connections + FD_RESERVE;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int bind_address(const struct config *config,
	struct sockaddr_storage *sa, socklen_t *n, struct err *err)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)sa;
	struct sockaddr_in *v4 = (struct sockaddr_in *)sa;
	const char *listen_on = config->api.listen;

	memset(sa, 0, sizeof(*sa));
	if (inet_pton(AF_INET, listen_on, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)config->api.port);
		*n = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, listen_on, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)config->api.port);
		*n = sizeof(*v6);
		return 0;
	}
	return err_set(err, ERR_INVALID,
		"[api] listen: \"%s\" is not an IP address", listen_on);
}

static int bind_socket(struct http_server *server, struct err *err)
{
	const struct config *config = server->apid->config;
	struct sockaddr_storage sa;
	socklen_t n;
	int on = 1;

	if (bind_address(config, &sa, &n, err) != 0)
		return -1;
	server->fd = socket(
		sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->fd < 0)
		return err_set(err, ERR_IO, "socket: %s", strerror(errno));
	(void)setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(server->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(server->fd, (struct sockaddr *)&sa, n) != 0 ||
		listen(server->fd, 1024) != 0)
		return err_set(err, ERR_IO, "%s port %d: %s",
			config->api.listen, config->api.port, strerror(errno));
	n = sizeof(sa);
	(void)getsockname(server->fd, (struct sockaddr *)&sa, &n);
	server->port = ntohs(sa.ss_family == AF_INET
				     ? ((struct sockaddr_in *)&sa)->sin_port
				     : ((struct sockaddr_in6 *)&sa)->sin6_port);
	return 0;
}

/* ---- threads ---- */

static int thread_open(struct http_thread *thread, struct err *err)
{
	const struct config *config = thread->server->apid->config;
	struct evhttp_bound_socket *bound;

	pthread_mutex_init(&thread->lock, NULL);
	thread->posted_tail = &thread->posted_head;
	if (store_open(thread->server->apid->db_path, STORE_READ,
		    &thread->store, err) != 0)
		return err_wrap(err, "store");
	thread->base = event_base_new();
	thread->http = evhttp_new(thread->base);
	evhttp_set_timeout(thread->http, config->api.request_timeout_sec);
	evhttp_set_max_headers_size(thread->http, MAX_HEADER_BYTES);
	evhttp_set_max_body_size(thread->http, config->api.max_body_bytes);
	thread->intake = intake_new(thread->base,
		(size_t)config->api.max_body_bytes, upload_max_bytes(config));
	evhttp_set_bevcb(thread->http, intake_bufferevent, NULL);
	evhttp_set_allowed_methods(thread->http,
		EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
			EVHTTP_REQ_PATCH | EVHTTP_REQ_DELETE | EVHTTP_REQ_HEAD |
			EVHTTP_REQ_OPTIONS);
	evhttp_set_gencb(thread->http, on_request, thread);
	bound = evhttp_accept_socket_with_handle(
		thread->http, fcntl(thread->server->fd, F_DUPFD_CLOEXEC, 3));
	if (bound == NULL)
		return err_set(err, ERR_IO, "cannot accept on the socket");
	thread->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(thread->listener, on_accept_error);
	thread->wake = event_new(thread->base, -1, EV_PERSIST, on_wake, thread);
	thread->resume_accept =
		event_new(thread->base, -1, 0, on_resume_accept, thread);
	event_add(thread->wake, NULL);
	return 0;
}

static void *thread_run(void *arg)
{
	struct http_thread *thread = arg;

	intake_enter(thread->intake);
	event_base_loop(thread->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

void http_abandon(struct request *request)
{
	if (request->is_gone)
		evhttp_request_free(request->http);
	else
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(request->http), NULL,
			NULL);
	request_free(&request);
}

static void thread_close(struct http_thread *thread)
{
	struct posted *posted;

	if (thread->base == NULL)
		return;
	live_drop_streams(thread);
	conversion_drop_all(thread);
	/* Requests that the writer finished after the loop had ended. */
	posted = posted_take(thread);
	while (posted != NULL) {
		struct posted *next = posted->next;

		if (posted->request != NULL)
			http_abandon(posted->request);
		else if (atomic_fetch_sub(&posted->broadcast->left, 1) == 1) {
			posted->broadcast->release(posted->broadcast->arg);
			free(posted->broadcast);
		}
		free(posted);
		posted = next;
	}
	if (thread->http != NULL)
		evhttp_free(thread->http);
	intake_free(&thread->intake);
	if (thread->wake != NULL)
		event_free(thread->wake);
	if (thread->resume_accept != NULL)
		event_free(thread->resume_accept);
	event_base_free(thread->base);
	store_close(&thread->store);
	pthread_mutex_destroy(&thread->lock);
}

int http_open(struct apid *apid, struct http_server **out, struct err *err)
{
	size_t n = (size_t)apid->config->api.threads;
	struct http_server *server =
		xcalloc(1, sizeof(*server) + n * sizeof(server->threads[0]));

	*out = server;
	server->apid = apid;
	server->fd = -1;
	server->n_threads = n;
	raise_fd_limit(apid->config);
	if (bind_socket(server, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		server->threads[i].server = server;
		if (thread_open(&server->threads[i], err) != 0)
			return -1;
	}
	return 0;
}

int http_start(struct http_server *server, struct err *err)
{
	for (size_t i = 0; i < server->n_threads; i++) {
		struct http_thread *thread = &server->threads[i];

		if (pthread_create(&thread->id, NULL, thread_run, thread) != 0)
			return err_set(err, ERR_IO, "cannot start a thread");
		thread->started = true;
	}
	return 0;
}

void http_stop(struct http_server *server)
{
	struct timeval grace = { .tv_sec = STOP_GRACE_MS / 1000 };

	if (server == NULL)
		return;
	for (size_t i = 0; i < server->n_threads; i++) {
		struct http_thread *thread = &server->threads[i];

		if (!thread->started)
			continue;
		/* Answers already in the writer's hands still go out. */
		event_base_loopexit(thread->base,
			writer_is_idle(server->apid->writer) ? NULL : &grace);
		pthread_join(thread->id, NULL);
		thread->started = false;
	}
}

void http_close(struct http_server **serverp)
{
	struct http_server *server = move(*serverp);

	if (server == NULL)
		return;
	for (size_t i = 0; i < server->n_threads; i++)
		thread_close(&server->threads[i]);
	if (server->fd >= 0)
		close(server->fd);
	free(server);
}

int http_port(const struct http_server *server)
{
	return server->port;
}

struct event_base *http_thread_base(struct http_thread *thread)
{
	return thread->base;
}

struct store *http_thread_store(struct http_thread *thread)
{
	return thread->store;
}

struct intake *http_thread_intake(struct http_thread *thread)
{
	return thread->intake;
}

void **http_thread_conversions(struct http_thread *thread)
{
	return &thread->conversions;
}

void **http_thread_streams(struct http_thread *thread)
{
	return &thread->streams;
}
