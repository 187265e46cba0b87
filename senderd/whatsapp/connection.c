#include "senderd/whatsapp/connection.h"

#include <openssl/ssl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/frame.h"
#include "common/wa/noise.h"
#include "senderd/whatsapp/login.h"
#include "senderd/whatsapp/stream.h"
#include "senderd/whatsapp/tunnel.h"

#define PROTOCOL_NAME "whatsapp"
#define ORIGIN "https://web.whatsapp.com"
/* For the upgrade, and then again for ServerHello. */
#define CONNECT_MS 20000
/* From our payload to <success> or the first QR refs. */
#define LOGIN_MS 60000
#define FRAME_MAX_BEFORE_LOGIN (64u * 1024)
/* What goes into one websocket message, unless a single frame is larger. */
#define MESSAGE_BYTES (64u * 1024)
/* A buffer that grew past this is given back when it is empty. */
#define KEEP_BYTES (128u * 1024)
#define RX_BYTES 8192

enum phase { PHASE_DIALING, PHASE_HANDSHAKE, PHASE_UP };

struct connection {
	struct lane *lane; /* borrowed */
	uint64_t serial; /* tells attempts apart, also when memory is reused */
	struct lws *wsi; /* NULL before the dial and after its end */
	enum phase phase;
	struct wa_framer framer;
	struct wa_initiator *handshake; /* HANDSHAKE */
	struct wa_cipher cipher;	/* UP */
	/* Sealed bytes for the socket.  LWS_PRE bytes of room come first, as
	 * lws_write() wants them; those before @sent have left. */
	struct buf out;
	size_t sent;
	struct buf
		turn; /* stanzas of this turn: length (4 bytes), plain bytes */
	struct lane_timer deadline;
};

static uint64_t n_connections;

/* ---- dialling ---- */

int connection_tls_open(
	const struct config *config, SSL_CTX **out, struct err *err)
{
	const char *ca = config->whatsapp.ca_file;
	SSL_CTX *ctx;
	int ok;

	*out = NULL;
	if (strncasecmp(config->whatsapp.url, "wss:", 4) != 0)
		return 0;
	ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL)
		return err_set(err, ERR_INTERNAL, "cannot make a TLS context");
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	/* Idle lanes are many: no 34 KB of read and write buffers each. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	ok = *ca != '\0' ? SSL_CTX_load_verify_locations(ctx, ca, NULL)
			 : SSL_CTX_set_default_verify_paths(ctx);
	if (ok != 1) {
		SSL_CTX_free(ctx);
		return err_set(err, ERR_IO,
			"cannot load certificate authorities from %s",
			*ca != '\0' ? ca : "the system");
	}
	*out = ctx;
	return 0;
}

static void root_key(const struct config *config, uint8_t key_out[WA_KEY_BYTES])
{
	const char *hex = config->whatsapp.noise_root_key;
	size_t n = 0;

	if (*hex != '\0' &&
		sodium_hex2bin(key_out, WA_KEY_BYTES, hex, strlen(hex), NULL,
			&n, NULL) == 0 &&
		n == WA_KEY_BYTES)
		return;
	memcpy(key_out, wa_root_key, WA_KEY_BYTES);
}

static void lost(struct connection *conn, const char *why)
{
	stream_on_lost(conn->lane, why);
}

static void on_deadline(struct lane *lane, void *arg)
{
	struct connection *conn = arg;

	(void)lane;
	switch (conn->phase) {
	case PHASE_DIALING:
		lost(conn, "no connection within 20 s");
		return;
	case PHASE_HANDSHAKE:
		lost(conn, "no ServerHello within 20 s");
		return;
	case PHASE_UP:
		lost(conn, "no answer to the login within 60 s");
		return;
	}
}

static void deadline_set(struct connection *conn, int64_t ms)
{
	lane_timer_start(conn->lane, &conn->deadline, ms, on_deadline, conn);
}

static void connection_free(struct connection **connp)
{
	struct connection *conn = move(*connp);

	if (conn == NULL)
		return;
	lane_timer_stop(&conn->deadline);
	wa_initiator_free(&conn->handshake);
	wa_framer_fini(&conn->framer);
	buf_fini(&conn->out);
	buf_fini(&conn->turn);
	sodium_memzero(conn, sizeof *conn);
	free(conn);
}

static struct connection *connection_new(struct lane *lane)
{
	static const uint8_t room[LWS_PRE];
	struct connection *conn = xcalloc(1, sizeof *conn);

	conn->lane = lane;
	conn->serial = ++n_connections;
	wa_framer_init(&conn->framer, FRAME_MAX_BEFORE_LOGIN, false);
	buf_add(&conn->out, room, sizeof room);
	conn->sent = LWS_PRE;
	return conn;
}

/* DNS inside blocks for as long as the resolver does: this process has nothing
 * else to do until it is connected, and the supervisor waits a minute for its
 * heartbeat. */
static int dial(struct connection *conn, struct err *err)
{
	struct lane *lane = conn->lane;
	scoped(str_free) char *url = xstrdup(lane->config->whatsapp.url);
	char path[256], host_header[256], tunnel[TUNNEL_ADDRESS];
	const char *scheme, *host, *rest;
	struct lws_client_connect_info info = { 0 };
	int port;

	if (lws_parse_uri(url, &scheme, &host, &port, &rest) != 0)
		return err_set(err, ERR_INVALID, "whatsapp.url is no address");
	snprintf(path, sizeof path, "/%s", rest);
	snprintf(host_header, sizeof host_header,
		port == 443 || port == 80 ? "%s" : "%s:%d", host, port);
	if (lane->proxy != NULL &&
		tunnel_open(lane->proxy, host, port, tunnel, err) != 0)
		return -1;
	info.context = lane->lws;
	info.vhost = lane->vhost;
	info.address = lane->proxy != NULL ? tunnel : host;
	info.port = port;
	info.path = path;
	info.host = host_header;
	info.origin = ORIGIN;
	info.local_protocol_name = PROTOCOL_NAME;
	info.ietf_version_or_minus_one = -1;
	info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
	if (strcmp(scheme, "wss") == 0)
		info.ssl_connection |= LCCSCF_USE_SSL;
	info.opaque_user_data = conn;
	info.pwsi = &conn->wsi;
	if (lws_client_connect_via_info(&info) == NULL)
		return err_set(err, ERR_IO, "cannot dial %s", host);
	return 0;
}

int connection_open(struct lane *lane, struct err *err)
{
	struct connection *conn = connection_new(lane);
	uint64_t serial = conn->serial;

	lane->connection = conn;
	deadline_set(conn, CONNECT_MS);
	if (dial(conn, err) == 0)
		return 0;
	/* The library may have told the failure already, by its callback. */
	if (lane->connection == NULL || lane->connection->serial != serial)
		return 0;
	conn->wsi = NULL;
	connection_free(&lane->connection);
	return -1;
}

void connection_close(struct lane *lane)
{
	struct connection *conn = lane->connection;

	if (conn == NULL)
		return;
	if (conn->wsi != NULL) {
		lws_set_opaque_user_data(conn->wsi, NULL);
		lws_set_timeout(
			conn->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	}
	connection_free(&lane->connection);
}

bool connection_is_up(const struct lane *lane)
{
	return lane->connection != NULL && lane->connection->phase == PHASE_UP;
}

void connection_on_answer(struct lane *lane)
{
	lane_timer_stop(&lane->connection->deadline);
}

void connection_on_login(struct lane *lane)
{
	connection_on_answer(lane);
	lane->connection->framer.max_frame = WA_FRAME_MAX;
}

/* ---- out ---- */

void connection_send(struct lane *lane, const struct wa_node *node)
{
	struct connection *conn = lane->connection;
	struct err err = ERR_NONE;
	size_t at = conn->turn.len;
	size_t n;

	buf_add_be(&conn->turn, 0, 4);
	if (wa_node_encode(node, &conn->turn, &err) != 0 ||
		conn->turn.len - at - 4 > WA_FRAME_MAX - WA_GCM_TAG) {
		log_error("stanza tag=%s status=dropped reason=\"%s\"",
			log_quote(node->tag),
			err.code != ERR_OK ? err.msg : "too large");
		conn->turn.len = at;
		return;
	}
	n = conn->turn.len - at - 4;
	for (unsigned i = 0; i < 4; i++)
		conn->turn.data[at + i] = (uint8_t)(n >> (8 * (3 - i)));
}

static size_t turn_next(const uint8_t *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 |
	       p[3];
}

void connection_flush(struct lane *lane)
{
	struct connection *conn = lane->connection;
	size_t at = 0;

	if (conn == NULL || conn->turn.len == 0)
		return;
	while (at < conn->turn.len) {
		size_t n = turn_next(conn->turn.data + at);

		wa_cipher_seal(
			&conn->cipher, conn->turn.data + at + 4, n, &conn->out);
		at += 4 + n;
	}
	connection_drop_turn(lane);
	lws_callback_on_writable(conn->wsi);
}

void connection_drop_turn(struct lane *lane)
{
	struct connection *conn = lane->connection;

	if (conn == NULL)
		return;
	if (conn->turn.cap > KEEP_BYTES)
		buf_fini(&conn->turn);
	else
		buf_clear(&conn->turn);
}

size_t connection_unsent(const struct lane *lane)
{
	const struct connection *conn = lane->connection;

	return conn == NULL ? 0 : conn->out.len - conn->sent + conn->turn.len;
}

/* Whole frames up to MESSAGE_BYTES, at least one.  The stream would bear any
 * cut, but official clients never split a frame over two messages. */
static size_t next_message(const struct connection *conn)
{
	const uint8_t *from = conn->out.data + conn->sent;
	size_t left = conn->out.len - conn->sent;
	size_t n = 0;

	if (conn->phase == PHASE_HANDSHAKE)
		return left; /* intro and ClientHello belong together */
	while (n + 3 <= left) {
		size_t frame =
			3 + ((size_t)from[n] << 16 | (size_t)from[n + 1] << 8 |
				    from[n + 2]);

		if (n > 0 && n + frame > MESSAGE_BYTES)
			break;
		n += frame;
	}
	return n < left ? n : left;
}

static void out_reset(struct connection *conn)
{
	static const uint8_t room[LWS_PRE];

	if (conn->out.cap > KEEP_BYTES)
		buf_fini(&conn->out);
	else
		buf_clear(&conn->out);
	buf_add(&conn->out, room, sizeof room);
	conn->sent = LWS_PRE;
}

static int on_writeable(struct connection *conn)
{
	size_t n = next_message(conn);

	if (n == 0)
		return 0;
	if (lws_write(conn->wsi, conn->out.data + conn->sent, n,
		    LWS_WRITE_BINARY) < 0) {
		lost(conn, "cannot write to the socket");
		return -1;
	}
	conn->sent += n;
	if (conn->sent == conn->out.len)
		out_reset(conn);
	else
		lws_callback_on_writable(conn->wsi);
	return 0;
}

/* ---- in ---- */

static void on_established(struct connection *conn)
{
	struct lane *lane = conn->lane;
	scoped(buf_fini) struct buf hello = BUF_INIT;
	scoped(buf_fini) struct buf routing = BUF_INIT;
	uint8_t root[WA_KEY_BYTES];
	struct err err = ERR_NONE;

	root_key(lane->config, root);
	conn->phase = PHASE_HANDSHAKE;
	conn->handshake =
		wa_initiator_new(&lane->id.noise, root, clock_now_ms() / 1000);
	wa_initiator_hello(conn->handshake, &hello);
	/* Without its routing hint a session only takes a longer way. */
	if (lanedb_value_load(lane->db, "routing_info", &routing, &err) < 0)
		log_warning("routing hint unreadable (%s): dialled without",
			err.msg);
	wa_frame_first(
		&conn->out, routing.data, routing.len, hello.data, hello.len);
	deadline_set(conn, CONNECT_MS);
	lws_callback_on_writable(conn->wsi);
	stream_on_handshake(lane);
}

static int on_server_hello(struct connection *conn, const uint8_t *frame,
	size_t n, struct err *err)
{
	scoped(buf_fini) struct buf payload = BUF_INIT;
	scoped(buf_fini) struct buf finish = BUF_INIT;

	if (login_build(conn->lane, &payload, err) != 0)
		return -1;
	if (wa_initiator_finish(conn->handshake, frame, n, payload.data,
		    payload.len, &finish, &conn->cipher, err) != 0)
		return err_wrap(err, "handshake");
	wa_initiator_free(&conn->handshake);
	wa_frame(&conn->out, finish.data, finish.len);
	conn->phase = PHASE_UP;
	deadline_set(conn, LOGIN_MS);
	lws_callback_on_writable(conn->wsi);
	stream_on_up(conn->lane);
	return 0;
}

static int on_frame(
	struct connection *conn, uint8_t *frame, size_t n, struct err *err)
{
	struct lane *lane = conn->lane;
	struct wa_node *node = NULL;

	lane->last_frame_ms = clock_mono_ms();
	if (conn->phase == PHASE_HANDSHAKE)
		return on_server_hello(conn, frame, n, err);
	if (wa_cipher_open(&conn->cipher, frame, n, frame, err) != 0)
		return err_wrap(err, "frame");
	if (wa_node_decode(lane->arena, frame, n - WA_GCM_TAG, &node, err) != 0)
		return err_wrap(err, "stanza");
	lane_count_work(lane, n);
	stream_on_stanza(lane, node);
	return 0;
}

static int on_receive(struct connection *conn, const void *bytes, size_t n)
{
	struct lane *lane = conn->lane;
	uint64_t serial = conn->serial;
	struct err err = ERR_NONE;
	uint8_t *frame;
	size_t n_frame;
	int got;

	wa_framer_feed(&conn->framer, bytes, n);
	while ((got = wa_framer_next(&conn->framer, &frame, &n_frame, &err)) ==
		1) {
		got = on_frame(conn, frame, n_frame, &err);
		/* A stanza may have ended this connection. */
		if (lane->connection == NULL ||
			lane->connection->serial != serial)
			return -1;
		if (got != 0)
			break;
	}
	if (got == 0)
		return 0;
	lost(conn, err.msg);
	return -1;
}

static const char *error_text(const void *in, size_t n, char out[128])
{
	if (in == NULL || n == 0)
		return "cannot connect";
	snprintf(out, 128, "cannot connect: %s",
		log_quote_n(in, strnlen(in, n > 96 ? 96 : n)));
	return out;
}

/* The library tells an end more than once; only the first finds a connection.
 */
static void on_socket_end(
	struct connection *conn, struct lws *wsi, const char *why)
{
	lws_set_opaque_user_data(wsi, NULL);
	conn->wsi = NULL;
	lost(conn, why);
}

static int on_websocket(struct lws *wsi, enum lws_callback_reasons reason,
	void *user, void *in, size_t n)
{
	const struct lws_protocols *protocol = lws_get_protocol(wsi);
	struct connection *conn = lws_get_opaque_user_data(wsi);
	char text[128];

	(void)user;
	/* The library tells the first protocol of the table about the end of
	 * every socket, the mailbox among them. */
	if (protocol == NULL || protocol->callback != on_websocket)
		return 0;
	if (conn == NULL) {
		/* Closed by us; the library is still winding it up. */
		return reason == LWS_CALLBACK_CLIENT_RECEIVE ||
				       reason == LWS_CALLBACK_CLIENT_WRITEABLE
			       ? -1
			       : 0;
	}
	switch (reason) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		conn->wsi = wsi;
		on_established(conn);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		if (!lws_frame_is_binary(wsi))
			return 0;
		return on_receive(conn, in, n);
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return on_writeable(conn);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		on_socket_end(conn, wsi, error_text(in, n, text));
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		on_socket_end(conn, wsi, "connection closed by the server");
		return 0;
	default:
		return 0;
	}
}

const struct lws_protocols connection_protocol = {
	.name = PROTOCOL_NAME,
	.callback = on_websocket,
	.rx_buffer_size = RX_BYTES,
};
