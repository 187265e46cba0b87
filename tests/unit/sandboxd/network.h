/* A sandbox without sockets: what session.c and server.c would do is recorded
 * here, so that a test sees every stanza that leaves, and timers run when the
 * test says so. Defining their functions keeps both out of the test program. */
#ifndef TESTS_SANDBOXD_NETWORK_H
#define TESTS_SANDBOXD_NETWORK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/err.h"
#include "common/own.h"
#include "sandboxd/directory.h"
#include "sandboxd/media.h"
#include "sandboxd/sandbox.h"
#include "sandboxd/table.h"

#define SENT_MAX 20000

struct sandbox_timer {
	int64_t ms;
	void (*fn)(void *arg);
	void *arg;
	struct sandbox_timer *next;
};

/* What happened to sessions, in order. */
struct happening {
	const struct session *session;
	const char *what; /* "send", "end", "cut", "cut_mid_frame", "raw" */
	const struct wa_node *node;
	int code;
	const char *conflict;
	size_t n_raw;
};

static struct {
	struct sandbox sandbox;
	struct arena *kept; /* of the nodes in happened[] */
	struct happening happened[SENT_MAX];
	size_t n;
	struct sandbox_timer *timers; /* newest first */
	unsigned ids;
} net;

static struct happening *happen(const struct session *session, const char *what)
{
	struct happening *h = &net.happened[net.n++];

	assert_true(net.n < SENT_MAX);
	*h = (struct happening){ .session = session, .what = what };
	return h;
}

/* ---- session.c ---- */

void session_send(struct session *session, const struct wa_node *node)
{
	happen(session, "send")->node = wa_node_copy(net.kept, node);
}

void session_end(struct session *session, int code, const char *conflict)
{
	struct happening *h = happen(session, "end");

	h->code = code;
	h->conflict =
		conflict == NULL ? NULL : arena_strdup(net.kept, conflict);
}

void session_cut(struct session *session)
{
	happen(session, "cut");
}

void session_cut_mid_frame(struct session *session)
{
	happen(session, "cut_mid_frame");
}

void session_send_raw(struct session *session, const void *plain, size_t n)
{
	(void)plain;
	happen(session, "raw")->n_raw = n;
}

size_t session_backlog(const struct session *session)
{
	(void)session;
	return 0;
}

/* ---- server.c ---- */

struct sandbox_timer *sandbox_after(
	struct sandbox *sandbox, int64_t ms, void (*fn)(void *arg), void *arg)
{
	struct sandbox_timer *timer = xcalloc(1, sizeof(*timer));

	(void)sandbox;
	*timer = (struct sandbox_timer){ ms, fn, arg, net.timers };
	net.timers = timer;
	return timer;
}

static void timer_unlink(struct sandbox_timer *timer)
{
	struct sandbox_timer **at = &net.timers;

	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
}

void sandbox_timer_cancel(struct sandbox_timer **timerp)
{
	struct sandbox_timer *timer = move(*timerp);

	if (timer == NULL)
		return;
	timer_unlink(timer);
	free(timer);
}

const char *sandbox_stanza_id(struct sandbox *sandbox)
{
	return arena_printf(sandbox->arena, "server-%u", ++net.ids);
}

/* ---- what tests call ---- */

/* Runs the timers armed now, the earliest first; not those that these arm. */
static inline unsigned net_run_timers(void)
{
	struct sandbox_timer *due = NULL;
	unsigned n = 0;

	for (; net.timers != NULL; n++) {
		struct sandbox_timer *timer = net.timers, **at = &due;

		net.timers = timer->next;
		while (*at != NULL && (*at)->ms < timer->ms)
			at = &(*at)->next;
		timer->next = *at;
		*at = timer;
	}
	while (due != NULL) {
		struct sandbox_timer *timer = due;
		void (*fn)(void *arg) = timer->fn;
		void *arg = timer->arg;

		due = timer->next;
		free(timer);
		fn(arg);
		arena_reset(net.sandbox.arena);
	}
	return n;
}

static inline int net_open(void **state)
{
	(void)state;
	memset(&net, 0, sizeof(net));
	wa_crypto_init();
	net.sandbox.arena = arena_new(64 * 1024);
	net.kept = arena_new(64 * 1024);
	net.sandbox.directory = directory_new();
	net.sandbox.read_after_ms = 0;
	net.sandbox.port = 4321;
	wa_keypair_new(&net.sandbox.root);
	return 0;
}

static inline int net_close(void **state)
{
	(void)state;
	for (struct session *s = net.sandbox.sessions; s != NULL; s = s->next) {
		struct device *device = s->device;

		if (device == NULL)
			continue;
		s->device = NULL;
		device->session = NULL;
		queue_on_disconnect(device);
	}
	directory_free(&net.sandbox);
	faults_free(&net.sandbox.faults);
	media_free(&net.sandbox.media);
	assert_null(net.timers); /* whoever armed one took it away */
	while (net.sandbox.sessions != NULL) {
		struct session *s = net.sandbox.sessions;

		net.sandbox.sessions = s->next;
		free(s);
	}
	arena_free(&net.sandbox.arena);
	arena_free(&net.kept);
	return 0;
}

static inline struct account *net_account(const char *pn)
{
	struct account *account = directory_create(&net.sandbox, pn);

	assert_non_null(account);
	return account;
}

/* A linked companion with a bundle, not connected. */
static inline struct device *net_companion(struct account *account)
{
	struct device *device = account_add_companion(account);

	assert_non_null(device);
	device->has_bundle = true;
	return device;
}

/* The device logs in; its queue is delivered at once unless it is long. */
static inline struct session *net_connect(struct device *device)
{
	struct session *session = xcalloc(1, sizeof(*session));

	device->welcomed = true; /* no peer messages in the way */
	session->sandbox = &net.sandbox;
	session->device = device;
	session->state = SESSION_LOGGED_IN;
	session->active = true;
	session->next = net.sandbox.sessions;
	net.sandbox.sessions = session;
	device->session = session;
	queue_start(session);
	return session;
}

static inline void net_disconnect(struct device *device)
{
	device->session->device = NULL;
	device->session = NULL;
	queue_on_disconnect(device);
}

static inline void net_forget_sent(void)
{
	net.n = 0;
}

/* The @i-th stanza with @tag that this device's session was sent since; NULL.
 */
static inline const struct wa_node *net_sent(
	const struct device *device, const char *tag, size_t i)
{
	for (size_t at = 0; at < net.n; at++) {
		const struct happening *h = &net.happened[at];

		if (h->session == device->session && h->node != NULL &&
			strcmp(h->node->tag, tag) == 0 && i-- == 0)
			return h->node;
	}
	return NULL;
}

static inline size_t net_count(const struct device *device, const char *tag)
{
	size_t n = 0;

	while (net_sent(device, tag, n) != NULL)
		n++;
	return n;
}

/* ---- stanzas as a client writes them ---- */

static inline struct wa_node *net_stanza(
	const char *tag, const char *id, const struct wa_jid *to)
{
	struct wa_node *node = wa_node_new(net.sandbox.arena, tag);

	wa_node_set(node, "id", id);
	if (to != NULL)
		wa_node_set_jid(node, "to", to);
	return node;
}

static inline struct wa_node *net_add_enc(
	struct wa_node *parent, const char *type, const char *bytes)
{
	struct wa_node *enc = wa_node_add(parent, "enc");

	wa_node_set(enc, "v", "2");
	wa_node_set(enc, "type", type);
	wa_node_bytes(enc, bytes, strlen(bytes));
	return enc;
}

/* Adds a <to> with one <enc> to the message's <participants>. */
static inline void net_add_to(struct wa_node *message, const struct wa_jid *jid,
	const char *type, const char *bytes)
{
	struct wa_node *list =
		(struct wa_node *)wa_node_child(message, "participants");
	struct wa_node *to;

	if (list == NULL)
		list = wa_node_add(message, "participants");
	to = wa_node_add(list, "to");
	wa_node_set_jid(to, "jid", jid);
	net_add_enc(to, type, bytes);
}

#define assert_attr(node, key, expected) \
	assert_string_equal(wa_node_str(node, key), expected)
#define assert_no_attr(node, key) assert_null(wa_node_get(node, key))

static inline void assert_jid(
	const struct wa_node *node, const char *key, struct wa_jid expected)
{
	const struct wa_value *value = wa_node_get(node, key);
	char text[WA_JID_TEXT];

	if (value == NULL)
		fail_msg("no attribute %s", key);
	/* Clients look at the type: a JID must be one on the wire. */
	assert_int_equal(value->kind, WA_VALUE_JID);
	if (!wa_jid_equal(&value->jid, &expected))
		fail_msg("%s is %s", key, wa_jid_text(&value->jid, text));
}

#endif
