/* A whole webhookd in the test's process, with a store in a temporary directory
 * and a receiver on the same loop. */
#ifndef TESTS_UNIT_WEBHOOKD_HOOKS_H
#define TESTS_UNIT_WEBHOOKD_HOOKS_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/bus.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/eventlog.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/secret.h"
#include "common/store/account.h"
#include "common/store/device.h"
#include "common/store/replay.h"
#include "common/store/webhook.h"
#include "webhookd/webhookd.h"

#define HOOK_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define must(what)                                      \
	do {                                            \
		if (!(what)) {                          \
			fprintf(stderr, "%s\n", #what); \
			abort();                        \
		}                                       \
	} while (0)
#define MAX_GOT 256
#define PATIENCE_SEC 30 /* then a test has failed */

struct got { /* a request that came in */
	char path[32];
	char id[UUID_LEN], timestamp[24], signature[128];
	char body[1024];
	struct evhttp_request *held; /* not answered yet */
};

struct hooks {
	char dir[64];
	struct config *config;
	struct store *store;
	struct secret_key key;
	int64_t account_id;
	char device_uid[DEVICE_UID_LEN];
	struct webhookd *webhookd;
	struct bus_out *events;
	int port;
	struct event_base
		*receiver; /* runs from a timer of the daemon's loop */
	struct evhttp *http;
	struct event *pump;
	struct got got[MAX_GOT];
	int n_got;
	/* The status that the n-th request (from 0) gets; 0 holds it. */
	int (*answer)(struct hooks *hooks, const struct got *got, int n);
};

/* ---- the receiver ---- */

static inline void copy_header(
	struct evhttp_request *request, const char *name, char *out, size_t n)
{
	const char *value = evhttp_find_header(
		evhttp_request_get_input_headers(request), name);

	snprintf(out, n, "%s", value != NULL ? value : "");
}

static inline void on_hook(struct evhttp_request *request, void *arg)
{
	struct hooks *hooks = arg;
	struct got *got = &hooks->got[hooks->n_got];
	int status;

	must(hooks->n_got < MAX_GOT);
	memset(got, 0, sizeof(*got));
	snprintf(got->path, sizeof(got->path), "%s",
		evhttp_request_get_uri(request));
	copy_header(request, "webhook-id", got->id, sizeof(got->id));
	copy_header(request, "webhook-timestamp", got->timestamp,
		sizeof(got->timestamp));
	copy_header(request, "webhook-signature", got->signature,
		sizeof(got->signature));
	evbuffer_copyout(evhttp_request_get_input_buffer(request), got->body,
		sizeof(got->body) - 1);
	status = hooks->answer == NULL
			 ? 200
			 : hooks->answer(hooks, got, hooks->n_got);
	hooks->n_got++;
	if (status == 0) {
		got->held = request;
		return;
	}
	if (status == 302)
		evhttp_add_header(evhttp_request_get_output_headers(request),
			"Location", "/elsewhere");
	evhttp_send_reply(request, status, "so be it", NULL);
}

/* Answers one that was held. */
static inline void release(struct got *got)
{
	if (got->held != NULL)
		evhttp_send_reply(got->held, 200, "at last", NULL);
	got->held = NULL;
}

static inline void receiver_open(struct hooks *hooks)
{
	struct sockaddr_in address;
	socklen_t n = sizeof(address);
	struct evhttp_bound_socket *bound;

	hooks->receiver = event_base_new();
	hooks->http = evhttp_new(hooks->receiver);
	evhttp_set_gencb(hooks->http, on_hook, hooks);
	bound = evhttp_bind_socket_with_handle(hooks->http, "127.0.0.1", 0);
	must(bound != NULL);
	must(getsockname(evhttp_bound_socket_get_fd(bound),
		     (struct sockaddr *)&address, &n) == 0);
	hooks->port = ntohs(address.sin_port);
}

static inline void on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *hooks = arg;

	(void)fd;
	(void)what;
	event_base_loop(hooks->receiver, EVLOOP_NONBLOCK);
}

/* ---- the daemon ---- */

static inline void daemon_open(struct hooks *hooks)
{
	const struct timeval often = { .tv_usec = 500 };
	scoped(str_free) char *url = NULL;
	struct err err = ERR_NONE;

	if (webhookd_open(hooks->config, &hooks->webhookd, &err) != 0) {
		fprintf(stderr, "webhookd: %s\n", err.msg);
		abort();
	}
	hooks->pump = event_new(
		webhookd_loop(hooks->webhookd), -1, EV_PERSIST, on_pump, hooks);
	event_add(hooks->pump, &often);
	url = config_bus_url(hooks->config, BUS_WEBHOOKD_EVENTS);
	must(bus_push_open(url, &hooks->events, &err) == 0);
}

/* What the receiver has answered gets out first; it is silent after that. */
static inline void daemon_close(struct hooks *hooks)
{
	for (int i = 0; i < 3; i++)
		on_pump(-1, 0, hooks);
	event_free(hooks->pump);
	bus_out_close(&hooks->events);
	webhookd_close(&hooks->webhookd);
}

/* ---- the store ---- */

static inline int64_t device_add(struct hooks *hooks, char uid[DEVICE_UID_LEN])
{
	scoped(tx_end) struct tx *tx = tx_begin(hooks->store, NULL);
	struct device device = { .account_id = hooks->account_id,
		.name = "d",
		.status = DEVICE_CONNECTED };
	int64_t id;

	id_device_uid(uid);
	device.uid = uid;
	must(store_device_create(tx, &device, &id, NULL) == 0);
	must(tx_commit(tx, NULL) == 0);
	return id;
}

static inline void account_add(struct hooks *hooks)
{
	scoped(tx_end) struct tx *tx = tx_begin(hooks->store, NULL);
	const struct account account = { .public_id = "a",
		.name = "a",
		.email = "a@example.com",
		.password_hash = "x",
		.plan = "p" };

	must(store_account_create(tx, &account, &hooks->account_id, NULL) == 0);
	must(tx_commit(tx, NULL) == 0);
}

#define URL_MAX 128
static inline void url_make(
	const struct hooks *hooks, const char *path, char url[URL_MAX])
{
	if (path != NULL && path[0] == '/')
		snprintf(url, URL_MAX, "http://127.0.0.1:%d%s", hooks->port,
			path);
	else
		snprintf(url, URL_MAX, "%s", path != NULL ? path : "");
}

/* Paths on the receiver, or whole URLs, or NULL. */
static inline void webhook_put(struct hooks *hooks, int64_t device_id,
	const char *personal, const char *group)
{
	scoped(tx_end) struct tx *tx = tx_begin(hooks->store, NULL);
	uint8_t sealed[sizeof(HOOK_SECRET) - 1 + SECRET_SEAL_OVERHEAD];
	char id[UUID_LEN], urls[2][URL_MAX];
	struct webhook webhook = { .public_id = id,
		.account_id = hooks->account_id,
		.device_id = device_id,
		.secret = sealed,
		.secret_bytes = sizeof(sealed),
		.is_active = true,
		.resume_personal = true,
		.resume_group = true };
	bool created;

	id_uuid7(id);
	secret_seal(&hooks->key, WEBHOOK_SECRET_CONTEXT, HOOK_SECRET,
		strlen(HOOK_SECRET), sealed);
	url_make(hooks, personal, urls[0]);
	url_make(hooks, group, urls[1]);
	webhook.personal_url = personal != NULL ? urls[0] : NULL;
	webhook.group_url = group != NULL ? urls[1] : NULL;
	must(store_webhook_put(tx, &webhook, clock_now_ms(), &created, NULL) ==
		0);
	must(tx_commit(tx, NULL) == 0);
}

/* Writes an event; its envelope is the caller's. */
static inline Bus__Envelope *event_write(struct hooks *hooks, int64_t device_id,
	enum event_chat chat, const char *payload)
{
	scoped(tx_end) struct tx *tx = tx_begin(hooks->store, NULL);
	char id[UUID_LEN];
	struct event event = { .account_id = hooks->account_id,
		.device_id = device_id,
		.chat = chat,
		.type = EVENT_MESSAGE_SENT,
		.payload = payload,
		.created_ms = clock_now_ms() };

	must(store_event_append(tx, &event, id, NULL) == 0);
	must(tx_commit(tx, NULL) == 0);
	return eventlog_envelope(&event, hooks->device_uid);
}

/* Without a push: as after the crash of a lane. */
static inline void event_lost(
	struct hooks *hooks, int64_t device_id, const char *payload)
{
	Bus__Envelope *envelope =
		event_write(hooks, device_id, EVENT_CHAT_PERSONAL, payload);

	bus_envelope_free(&envelope);
}

static inline void push(struct hooks *hooks, Bus__Envelope *envelope)
{
	while (!bus_send(hooks->events, envelope)) /* still dialling */
		event_base_loop(
			webhookd_loop(hooks->webhookd), EVLOOP_NONBLOCK);
	bus_envelope_free(&envelope);
}

static inline void event_push(
	struct hooks *hooks, int64_t device_id, const char *payload)
{
	push(hooks,
		event_write(hooks, device_id, EVENT_CHAT_PERSONAL, payload));
}

static inline void wake_push(struct hooks *hooks, int64_t device_id)
{
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;
	Bus__Wake wake = BUS__WAKE__INIT;

	wake.device_id = device_id;
	envelope.body_case = BUS__ENVELOPE__BODY_WAKE;
	envelope.wake = &wake;
	while (!bus_send(hooks->events, &envelope))
		event_base_loop(
			webhookd_loop(hooks->webhookd), EVLOOP_NONBLOCK);
}

/* ---- endpoints and replays ---- */

static inline int on_endpoint_row(
	const struct webhook_endpoint *endpoint, void *arg)
{
	*(struct webhook_endpoint *)arg = *endpoint;
	return 0;
}

/* The device's only one; its texts are not to be read. */
static inline struct webhook_endpoint endpoint_of(
	struct hooks *hooks, int64_t device_id)
{
	struct webhook_endpoint endpoint = { 0 };

	must(store_webhook_endpoints_of_device(hooks->store, device_id,
		     on_endpoint_row, &endpoint, NULL) == 0);
	return endpoint;
}

static inline void replay_add(struct hooks *hooks, int64_t device_id,
	int64_t first_seq, int64_t last_seq)
{
	const struct replay_span span = { first_seq, last_seq };
	const int64_t endpoint_id = endpoint_of(hooks, device_id).id;
	scoped(tx_end) struct tx *tx = tx_begin(hooks->store, NULL);
	char id[UUID_LEN];

	id_uuid7(id);
	must(store_replay_create(
		     tx, id, endpoint_id, &span, clock_now_ms(), NULL) == 0);
	must(tx_commit(tx, NULL) == 0);
}

static inline void secret_rotate(struct hooks *hooks, int64_t device_id,
	const char *secret, int64_t old_until_ms)
{
	const int64_t webhook_id = endpoint_of(hooks, device_id).webhook_id;
	scoped(tx_end) struct tx *tx = tx_begin(hooks->store, NULL);
	uint8_t sealed[128 + SECRET_SEAL_OVERHEAD];
	const struct webhook_secret change = { .webhook_id = webhook_id,
		.sealed = sealed,
		.n_sealed = (int)(strlen(secret) + SECRET_SEAL_OVERHEAD),
		.old_until_ms = old_until_ms };

	secret_seal(&hooks->key, WEBHOOK_SECRET_CONTEXT, secret, strlen(secret),
		sealed);
	must(store_webhook_rotate(tx, &change, clock_now_ms(), NULL) == 0);
	must(tx_commit(tx, NULL) == 0);
}

/* ---- waiting ---- */

static inline void on_impatient(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* Runs the loop until @done; false when that does not come. */
static inline bool run_until(
	struct hooks *hooks, bool (*done)(struct hooks *hooks))
{
	const struct timeval patience = { .tv_sec = PATIENCE_SEC };
	struct event_base *base = webhookd_loop(hooks->webhookd);
	bool is_late = false;
	struct event *late = evtimer_new(base, on_impatient, &is_late);

	evtimer_add(late, &patience);
	while (!done(hooks) && !is_late)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(late);
	return !is_late;
}

static int wanted;

static inline bool has_wanted(struct hooks *hooks)
{
	return hooks->n_got >= wanted;
}

static inline bool run_until_got(struct hooks *hooks, int n)
{
	wanted = n;
	return run_until(hooks, has_wanted);
}

/* ---- attempts ---- */

struct attempts { /* oldest first */
	int n;
	struct {
		int number, status, code;
		bool is_replay;
		char error[64], url[64];
	} rows[64];
};

static inline int on_attempt(const struct attempt *attempt, void *arg)
{
	struct attempts *attempts = arg;
	int i = attempts->n++;

	attempts->rows[i].number = attempt->number;
	attempts->rows[i].status = (int)attempt->status;
	attempts->rows[i].code = attempt->response_code;
	attempts->rows[i].is_replay = attempt->is_replay;
	snprintf(attempts->rows[i].error, sizeof(attempts->rows[i].error), "%s",
		attempt->error != NULL ? attempt->error : "");
	snprintf(attempts->rows[i].url, sizeof(attempts->rows[i].url), "%s",
		attempt->url);
	return attempts->n == 64;
}

static inline struct attempts attempts_of(struct hooks *hooks)
{
	const struct attempt_filter filter = { .account_id =
						       hooks->account_id };
	struct attempts newest = { 0 }, oldest = { 0 };
	int64_t total;

	must(store_attempt_list(hooks->store, &filter,
		     (struct page){ .limit = 64 }, on_attempt, &newest, &total,
		     NULL) == 0);
	oldest.n = newest.n;
	for (int i = 0; i < newest.n; i++)
		oldest.rows[i] = newest.rows[newest.n - 1 - i];
	return oldest;
}

/* ---- life ---- */

static inline int hooks_setup(void **state)
{
	struct hooks *hooks = xcalloc(1, sizeof(*hooks));
	scoped(str_free) char *path = NULL;
	struct secret_key host;
	struct err err = ERR_NONE;

	strcpy(hooks->dir, "/tmp/webhookd.XXXXXX");
	must(mkdtemp(hooks->dir) != NULL);
	log_open("test", NULL, LOG_LVL_ERROR, NULL);
	must(config_load("/dev/null", hooks->dir, &hooks->config, &err) == 0);
	must(config_make_dirs(hooks->config, &err) == 0);
	hooks->config->webhook.allow_private_targets = true;
	hooks->config->webhook.backoff_base_ms = 1;
	hooks->config->webhook.backoff_max_ms = 2;
	path = config_db_path(hooks->config);
	must(store_open(path, STORE_WRITE, &hooks->store, &err) == 0);
	must(secret_host_key(hooks->dir, &host, &err) == 0);
	secret_derive(&host, WEBHOOK_KEY_PURPOSE, &hooks->key);
	account_add(hooks);
	receiver_open(hooks);
	*state = hooks;
	return 0;
}

static inline int hooks_teardown(void **state)
{
	struct hooks *hooks = *state;
	scoped(str_free) char *remove = xasprintf("rm -r %s", hooks->dir);

	hooks->answer = NULL;
	for (int i = 0; i < hooks->n_got; i++)
		release(&hooks->got[i]);
	if (hooks->webhookd != NULL)
		daemon_close(hooks);
	evhttp_free(hooks->http);
	event_base_free(hooks->receiver);
	store_close(&hooks->store);
	config_free(&hooks->config);
	free(hooks);
	return system(remove);
}

#endif
