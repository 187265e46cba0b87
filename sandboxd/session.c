/* A client's connection: handshake, ciphers, stanzas in and out.
 *
 * Frames leave in the order in which they were sealed, because the cipher
 * counts them: so whatever a fault does to a stanza, it does it before sealing.
 * A session is freed by its socket's close and by nothing else; everybody else
 * ends or cuts it. */
#include "sandboxd/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/frame.h"
#include "sandboxd/dispatch.h"
#include "sandboxd/pairing.h"

#define HANDSHAKE_MAX_FRAME (64u << 10)
#define HANDSHAKE_SEC 20
#define UNPAIRED_SEC 160 /* the refs of one pair-device last that long */
#define CLOSE_SEC 5
#define BACKLOG_MAX_BYTES (32u << 20)
#define WRITE_TURN_BYTES (128u << 10)
#define IDLE_BUFFER_BYTES (16u << 10)
/* A stanza held back for another to overtake it goes out after this time
 * anyway. */
#define REORDER_MAX_MS 500

/* A stanza that a fault delays or lets be overtaken, in its encoded form. */
struct held {
	struct session *session; /* borrowed */
	bool incoming;
	bool overtaken; /* goes right after the next one */
	struct buf plain;
	struct sandbox_timer *timer;
	struct held *next;
};

struct session_private {
	struct wa_framer framer;
	struct wa_responder *handshake;
	struct wa_cipher cipher;
	/* Websocket messages to be written: LWS_PRE bytes of room, then for
	 * each its length (4 bytes, host order) and its bytes.  What
	 * lws_write() scribbles before a message has been written already. */
	struct buf out;
	size_t out_at; /* first one not yet written */
	struct held *held;
	bool cut;	   /* the next callback closes the connection */
	bool said_goodbye; /* the websocket's own close is under way */
};

/* HELLO -> FINISH -> REGISTERING -> PAIRED -> CLOSING
 *             `---> LOGGED_IN -> CLOSING
 * PAIRED must not become LOGGED_IN: it has no device until the client has
 * proved itself.  CLOSING is final: nothing is sealed and nothing dispatched
 * any more. */
static const unsigned session_may_become[] = {
	[SESSION_HELLO] = BIT(SESSION_FINISH) | BIT(SESSION_CLOSING),
	[SESSION_FINISH] = BIT(SESSION_REGISTERING) | BIT(SESSION_LOGGED_IN) |
			   BIT(SESSION_CLOSING),
	[SESSION_REGISTERING] = BIT(SESSION_PAIRED) | BIT(SESSION_CLOSING),
	[SESSION_PAIRED] = BIT(SESSION_REGISTERING) | BIT(SESSION_CLOSING),
	[SESSION_LOGGED_IN] = BIT(SESSION_CLOSING),
	[SESSION_CLOSING] = 0,
};

static const char *const session_state_names[] = {
	[SESSION_HELLO] = "hello",
	[SESSION_FINISH] = "finish",
	[SESSION_REGISTERING] = "registering",
	[SESSION_PAIRED] = "paired",
	[SESSION_LOGGED_IN] = "logged_in",
	[SESSION_CLOSING] = "closing",
};

static const int session_state_sec[] = {
	/* 0: as long as it likes */
	[SESSION_HELLO] = HANDSHAKE_SEC,
	[SESSION_FINISH] = HANDSHAKE_SEC,
	[SESSION_REGISTERING] = UNPAIRED_SEC,
	[SESSION_PAIRED] = HANDSHAKE_SEC,
	[SESSION_LOGGED_IN] = 0,
	[SESSION_CLOSING] = CLOSE_SEC,
};

void session_set_state(struct session *session, enum session_state state)
{
	int sec = session_state_sec[state];

	if (session->state == state)
		return;
	assert(session_may_become[session->state] & BIT(state));
	log_debug("session who=%s state=%s->%s", session_name(session),
		session_state_names[session->state],
		session_state_names[state]);
	session->state = state;
	lws_set_timeout(session->wsi,
		sec > 0 ? PENDING_TIMEOUT_USER_OK : NO_PENDING_TIMEOUT, sec);
}

const char *session_name(const struct session *session)
{
	if (session->device == NULL)
		return "unpaired";
	return arena_printf(session->sandbox->arena, "%s:%u",
		session->device->account->pn, session->device->number);
}

/* ---- life ---- */

struct session *session_open(struct sandbox *sandbox, struct lws *wsi)
{
	struct session *session = xcalloc(1, sizeof(*session));

	session->sandbox = sandbox;
	session->wsi = wsi;
	session->state = SESSION_HELLO;
	session->priv = xcalloc(1, sizeof(*session->priv));
	wa_framer_init(&session->priv->framer, HANDSHAKE_MAX_FRAME, true);
	session->next = sandbox->sessions;
	sandbox->sessions = session;
	sandbox->count.sessions++;
	lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, HANDSHAKE_SEC);
	return session;
}

static void held_free(struct held **heldp)
{
	struct held *held = move(*heldp);

	if (held == NULL)
		return;
	sandbox_timer_cancel(&held->timer);
	buf_fini(&held->plain);
	free(held);
}

static void session_drop_held(struct session *session)
{
	struct held *held;

	while ((held = session->priv->held) != NULL) {
		session->priv->held = held->next;
		held_free(&held);
	}
}

void session_detach(struct session *session)
{
	struct device *device = move(session->device);

	pairing_free(&session->pairing);
	session_drop_held(session);
	if (device != NULL && device->session == session) {
		device->session = NULL;
		queue_on_disconnect(device);
	}
}

void session_on_closed(struct session **sessionp)
{
	struct session *session = move(*sessionp);
	struct session **link;

	if (session == NULL)
		return;
	log_debug("session who=%s closed=true", session_name(session));
	session_detach(session);
	link = &session->sandbox->sessions;
	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
	wa_framer_fini(&session->priv->framer);
	wa_responder_free(&session->priv->handshake);
	buf_fini(&session->priv->out);
	explicit_bzero(&session->priv->cipher, sizeof(session->priv->cipher));
	free(session->priv);
	arena_reset(session->sandbox->arena);
	free(session);
}

void session_cut(struct session *session)
{
	session->priv->cut = true;
	session_set_state(session, SESSION_CLOSING);
	lws_set_timeout(
		session->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* ---- out ---- */

size_t session_backlog(const struct session *session)
{
	return session->priv->out.len - session->priv->out_at;
}

/* Opens a websocket message at the end of the buffer: bytes are added, then
 * out_end(). */
static size_t out_begin(struct session_private *priv)
{
	static const uint8_t zeros[LWS_PRE];
	size_t at;

	if (priv->out.len == 0) {
		buf_add(&priv->out, zeros, LWS_PRE);
		priv->out_at = LWS_PRE;
	}
	at = priv->out.len;
	buf_add(&priv->out, zeros, sizeof(uint32_t));
	return at;
}

static void out_end(struct session *session, size_t at)
{
	struct session_private *priv = session->priv;
	uint32_t n = (uint32_t)(priv->out.len - at - sizeof(n));

	memcpy(priv->out.data + at, &n, sizeof(n));
	if (session_backlog(session) > BACKLOG_MAX_BYTES) {
		log_warning("session who=%s backlog_bytes=%zu action=cut",
			session_name(session), session_backlog(session));
		session_cut(session);
		return;
	}
	lws_callback_on_writable(session->wsi);
}

void session_send_raw(struct session *session, const void *plain, size_t n)
{
	size_t at;

	if (session->state == SESSION_CLOSING)
		return;
	at = out_begin(session->priv);
	wa_cipher_seal(&session->priv->cipher, plain, n, &session->priv->out);
	out_end(session, at);
}

void session_cut_mid_frame(struct session *session)
{
	static const uint8_t nothing[64];
	struct buf *out = &session->priv->out;
	size_t at;

	if (session->state == SESSION_CLOSING)
		return;
	at = out_begin(session->priv);
	wa_cipher_seal(&session->priv->cipher, nothing, sizeof(nothing), out);
	out->len -= sizeof(nothing) / 2;
	out_end(session, at);
	session_set_state(session, SESSION_CLOSING);
}

/* Encodes into the sandbox's scratch buffer: valid until the next call. */
static const struct buf *encode(
	struct session *session, const struct wa_node *node)
{
	struct buf *plain = &session->sandbox->scratch;
	struct err err = ERR_NONE;

	buf_clear(plain);
	if (wa_node_encode(node, plain, &err) == 0)
		return plain;
	log_error("session who=%s stanza=%s reason=\"%s\": fix the sandbox",
		session_name(session), node->tag, err.msg);
	return NULL;
}

static void seal(struct session *session, const struct wa_node *node)
{
	const struct buf *plain = encode(session, node);

	if (plain != NULL)
		session_send_raw(session, plain->data, plain->len);
}

/* ---- stanzas held back by a fault ---- */

static void held_release(struct held *held)
{
	struct session *session = held->session;
	struct held **link = &session->priv->held;
	struct wa_node *node;

	while (*link != held)
		link = &(*link)->next;
	*link = held->next;
	if (!held->incoming)
		session_send_raw(session, held->plain.data, held->plain.len);
	else if (wa_node_decode(session->sandbox->arena, held->plain.data,
			 held->plain.len, &node, NULL) == 0)
		dispatch_stanza(session, node);
	held_free(&held);
}

static void on_held_timer(void *arg)
{
	struct held *held = arg;

	held->timer = NULL;
	held_release(held);
}

static void hold(struct session *session, const struct wa_node *node,
	bool incoming, bool overtaken, int64_t ms)
{
	const struct buf *plain = encode(session, node);
	struct held *held, **link;

	if (plain == NULL)
		return;
	held = xcalloc(1, sizeof(*held));
	held->session = session;
	held->incoming = incoming;
	held->overtaken = overtaken;
	buf_add(&held->plain, plain->data, plain->len);
	held->timer = sandbox_after(session->sandbox, ms, on_held_timer, held);
	link = &session->priv->held;
	while (*link != NULL)
		link = &(*link)->next;
	*link = held;
}

/* Another stanza has passed in this direction: those that waited for it follow.
 */
static void release_overtaken(struct session *session, bool incoming)
{
	struct held *held = session->priv->held;

	while (held != NULL) {
		struct held *next = held->next;

		if (held->overtaken && held->incoming == incoming) {
			held_release(held);
			return;
		}
		held = next;
	}
}

void session_send(struct session *session, const struct wa_node *node)
{
	enum fault_action action = FAULT_NONE;
	int delay_ms = 0;

	if (session->state == SESSION_CLOSING)
		return;
	if (session->device != NULL)
		action = fault_outgoing(
			session->sandbox, session, node, &delay_ms);
	switch (action) {
	case FAULT_DROP:
	case FAULT_SILENCE:
		return;
	case FAULT_DELAY:
		hold(session, node, false, false, delay_ms);
		return;
	case FAULT_REORDER:
		hold(session, node, false, true, REORDER_MAX_MS);
		return;
	case FAULT_CUT:
		session_cut(session);
		return;
	case FAULT_CUT_MID_FRAME:
		session_cut_mid_frame(session);
		return;
	case FAULT_CORRUPT:
		seal(session, fault_corrupted(session->sandbox, node));
		break;
	case FAULT_DUPLICATE:
		seal(session, node);
		seal(session, node);
		break;
	case FAULT_NONE:
		seal(session, node);
		break;
	}
	if (session->priv->held != NULL)
		release_overtaken(session, false);
}

/* ---- the end ---- */

void session_end_with(struct session *session, const struct wa_node *node)
{
	if (session->state == SESSION_CLOSING)
		return;
	seal(session, node);
	if (session->state != SESSION_CLOSING)
		session_set_state(session, SESSION_CLOSING);
	lws_callback_on_writable(session->wsi);
}

void session_end(struct session *session, int code, const char *conflict)
{
	struct arena *arena = session->sandbox->arena;
	struct wa_node *error = wa_node_new(arena, "stream:error");

	if (session->state == SESSION_CLOSING)
		return;
	log_info("session who=%s status=ended code=%d conflict=%s",
		session_name(session), code, conflict != NULL ? conflict : "");
	if (code != 0)
		wa_node_set_int(error, "code", code);
	if (conflict != NULL)
		wa_node_set(wa_node_add(error, "conflict"), "type", conflict);
	seal(session, error);
	session_end_with(session, wa_node_new(arena, "xmlstreamend"));
}

static void out_written(struct session_private *priv)
{
	if (priv->out_at == priv->out.len) {
		priv->out_at = 0;
		if (priv->out.cap > IDLE_BUFFER_BYTES)
			buf_fini(&priv->out);
		else
			buf_clear(&priv->out);
	} else if (priv->out_at > WRITE_TURN_BYTES * 2) {
		buf_drop_front(&priv->out, priv->out_at - LWS_PRE);
		priv->out_at = LWS_PRE;
	}
}

/* The client may be writing just now: a socket closed with unread bytes would
 * be reset and lose our last words on the way.  So the close is the
 * websocket's, which is answered. */
static int close_politely(struct session *session)
{
	if (session->priv->said_goodbye)
		return 0; /* a second -1 would close the socket at once */
	session->priv->said_goodbye = true;
	lws_close_reason(session->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
	return -1;
}

int session_on_writable(struct session *session)
{
	struct session_private *priv = session->priv;
	size_t end = priv->out_at + WRITE_TURN_BYTES;

	if (priv->cut)
		return -1;
	if (session_backlog(session) == 0)
		return session->state == SESSION_CLOSING
			       ? close_politely(session)
			       : 0;
	while (priv->out_at < priv->out.len && priv->out_at < end &&
		!lws_partial_buffered(session->wsi)) {
		uint8_t *at = priv->out.data + priv->out_at;
		uint32_t n;

		memcpy(&n, at, sizeof(n));
		if (lws_write(session->wsi, at + sizeof(n), n,
			    LWS_WRITE_BINARY) < 0)
			return -1;
		priv->out_at += sizeof(n) + n;
	}
	out_written(priv);
	if (session_backlog(session) > 0 || session->state == SESSION_CLOSING)
		lws_callback_on_writable(session->wsi);
	return 0;
}

/* ---- in ---- */

static void on_stanza(struct session *session, const struct wa_node *node)
{
	enum fault_action action = FAULT_NONE;
	int delay_ms = 0;

	if (session->device != NULL)
		action = fault_incoming(
			session->sandbox, session, node, &delay_ms);
	switch (action) {
	case FAULT_DROP:
	case FAULT_SILENCE:
		return;
	case FAULT_DELAY:
		hold(session, node, true, false, delay_ms);
		return;
	case FAULT_REORDER:
		hold(session, node, true, true, REORDER_MAX_MS);
		return;
	case FAULT_CUT:
		session_cut(session);
		return;
	case FAULT_CUT_MID_FRAME:
		session_cut_mid_frame(session);
		return;
	case FAULT_CORRUPT:
		dispatch_stanza(
			session, fault_corrupted(session->sandbox, node));
		break;
	case FAULT_DUPLICATE:
		dispatch_stanza(session, node);
		dispatch_stanza(session, node);
		break;
	case FAULT_NONE:
		dispatch_stanza(session, node);
		break;
	}
	if (session->priv->held != NULL)
		release_overtaken(session, true);
}

static int on_hello(struct session *session, const uint8_t *frame, size_t n,
	struct err *err)
{
	struct session_private *priv = session->priv;
	scoped(buf_fini) struct buf hello = BUF_INIT;
	size_t at;

	priv->handshake =
		wa_responder_new(fault_handshake_identity(session->sandbox));
	if (wa_responder_hello(priv->handshake, frame, n, &hello, err) != 0)
		return -1;
	at = out_begin(priv);
	wa_frame(&priv->out, hello.data, hello.len);
	out_end(session, at);
	session_set_state(session, SESSION_FINISH);
	return 0;
}

static int on_finish(struct session *session, const uint8_t *frame, size_t n,
	struct err *err)
{
	struct session_private *priv = session->priv;
	scoped(buf_fini) struct buf payload = BUF_INIT;

	if (wa_responder_finish(priv->handshake, frame, n, session->noise_pub,
		    &payload, &priv->cipher, err) != 0)
		return -1;
	wa_responder_free(&priv->handshake);
	priv->framer.max_frame = WA_FRAME_MAX;
	login_on_payload(session, payload.data, payload.len);
	return 0;
}

static int on_sealed(
	struct session *session, uint8_t *frame, size_t n, struct err *err)
{
	struct wa_node *node;

	if (n < WA_GCM_TAG + 1)
		return err_set(err, ERR_PEER, "frame of %zu bytes", n);
	if (wa_cipher_open(&session->priv->cipher, frame, n, frame, err) != 0)
		return -1;
	if (wa_node_decode(session->sandbox->arena, frame, n - WA_GCM_TAG,
		    &node, err) != 0)
		return -1;
	on_stanza(session, node);
	return 0;
}

static int on_frame(
	struct session *session, uint8_t *frame, size_t n, struct err *err)
{
	switch (session->state) {
	case SESSION_HELLO:
		return on_hello(session, frame, n, err);
	case SESSION_FINISH:
		return on_finish(session, frame, n, err);
	case SESSION_REGISTERING:
	case SESSION_PAIRED:
	case SESSION_LOGGED_IN:
		return on_sealed(session, frame, n, err);
	case SESSION_CLOSING:
		return 0;
	}
	return 0;
}

/* A prekey upload is ten times what any later stanza needs: a thousand idle
 * sessions shall not each keep room for one. */
static void trim_input(struct wa_framer *framer)
{
	if (framer->at < framer->in.len || framer->in.cap <= IDLE_BUFFER_BYTES)
		return;
	buf_fini(&framer->in);
	framer->at = 0;
}

int session_on_receive(struct session *session, const void *bytes, size_t n)
{
	struct session_private *priv = session->priv;
	struct err err = ERR_NONE;
	uint8_t *frame;
	size_t n_frame;
	int got;

	wa_framer_feed(&priv->framer, bytes, n);
	while ((got = wa_framer_next(&priv->framer, &frame, &n_frame, &err)) ==
		1) {
		int result = on_frame(session, frame, n_frame, &err);

		arena_reset(session->sandbox->arena);
		if (result != 0) {
			got = -1;
			break;
		}
	}
	trim_input(&priv->framer);
	if (got < 0)
		log_warning("session who=%s reason=\"%s\" action=close",
			session_name(session), err.msg);
	return got < 0 || priv->cut ? -1 : 0;
}
