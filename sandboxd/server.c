/* The sandbox's loop: one listening socket on loopback for websockets and for
 * HTTP, and timers.  Callbacks of libwebsockets only translate; what they call
 * never blocks. */
#include "sandboxd/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/daemon.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/directory.h"
#include "sandboxd/http.h"
#include "sandboxd/media.h"
#include "sandboxd/session.h"

#define DAY 86400
#define MAX_DESCRIPTORS 65536u
#define ARENA_BLOCK_BYTES (64u << 10)
/* libwebsockets reads all sockets through one buffer, and parks up to RX_BYTES
 * a websocket: frames are put together by the session's framer. */
#define READ_BUFFER_BYTES (64u << 10)
#define RX_BYTES 4096

/* What libwebsockets keeps for us with each connection, zeroed at first. */
struct conn {
	struct http http;
	struct session *session; /* websockets */
};

/* ---- timers ---- */

struct sandbox_timer {
	lws_sorted_usec_list_t sul; /* first: the callback gets its address */
	struct sandbox *sandbox;    /* borrowed */
	void (*fn)(void *arg);
	void *arg;
	struct sandbox_timer *next;
	struct sandbox_timer **link; /* what points at this one */
};

static void timer_unlink(struct sandbox_timer *timer)
{
	*timer->link = timer->next;
	if (timer->next != NULL)
		timer->next->link = timer->link;
}

static void on_timer(struct lws_sorted_usec_list *sul)
{
	struct sandbox_timer *timer = (struct sandbox_timer *)sul;
	struct sandbox_timer fired = *timer;

	timer_unlink(timer);
	free(timer);
	fired.fn(fired.arg);
	arena_reset(fired.sandbox->arena);
}

struct sandbox_timer *sandbox_after(
	struct sandbox *sandbox, int64_t ms, void (*fn)(void *arg), void *arg)
{
	struct sandbox_timer *timer = xcalloc(1, sizeof(*timer));

	timer->sandbox = sandbox;
	timer->fn = fn;
	timer->arg = arg;
	timer->next = sandbox->timers;
	timer->link = &sandbox->timers;
	if (timer->next != NULL)
		timer->next->link = &timer->next;
	sandbox->timers = timer;
	/* 0 would run at once, inside the caller's own callback. */
	lws_sul_schedule(
		sandbox->lws, 0, &timer->sul, on_timer, ms > 0 ? ms * 1000 : 1);
	return timer;
}

void sandbox_timer_cancel(struct sandbox_timer **timerp)
{
	struct sandbox_timer *timer = move(*timerp);

	if (timer == NULL)
		return;
	lws_sul_cancel(&timer->sul);
	timer_unlink(timer);
	free(timer);
}

const char *sandbox_stanza_id(struct sandbox *sandbox)
{
	return arena_printf(sandbox->arena, "sbx-%llu",
		(unsigned long long)++sandbox->next_id);
}

/* ---- callbacks of libwebsockets ---- */

/* 0 for the only path that speaks the protocol. */
static int check_upgrade_path(struct lws *wsi)
{
	char path[32];
	int n = lws_hdr_copy(wsi, path, (int)sizeof(path), WSI_TOKEN_GET_URI);

	return n > 0 && strcmp(path, "/ws/chat") == 0 ? 0 : -1;
}

static int on_connection(struct lws *wsi, enum lws_callback_reasons reason,
	void *user, void *in, size_t n)
{
	struct conn *conn = user;
	struct lws_context *lws = lws_get_context(wsi);
	struct sandbox *sandbox = lws != NULL ? lws_context_user(lws) : NULL;

	switch ((int)reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return check_upgrade_path(wsi);
	case LWS_CALLBACK_ESTABLISHED:
		conn->session = session_open(sandbox, wsi);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return session_on_receive(conn->session, in, n);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return session_on_writable(conn->session);
	case LWS_CALLBACK_CLOSED:
		session_on_closed(&conn->session);
		return 0;
	case LWS_CALLBACK_HTTP:
		return http_on_request(&conn->http, wsi, sandbox, in);
	case LWS_CALLBACK_HTTP_BODY:
		return http_on_body(&conn->http, in, n);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return http_on_body_end(&conn->http, wsi, sandbox);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return http_on_writable(&conn->http, wsi);
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		if (conn != NULL)
			http_fini(&conn->http);
		return 0;
	default:
		return 0; /* dozens of reasons that a server need not know */
	}
}

/* The signal descriptor only has to wake the loop up. */
static int on_signals(struct lws *wsi, enum lws_callback_reasons reason,
	void *user, void *in, size_t n)
{
	(void)user, (void)in, (void)n;
	if (reason == LWS_CALLBACK_RAW_RX_FILE) {
		uint64_t count;

		(void)!read(lws_get_socket_fd(wsi), &count, sizeof(count));
	}
	return 0;
}

static const struct lws_protocols protocols[] = {
	{ .name = "chat",
		.callback = on_connection,
		.per_session_data_size = sizeof(struct conn),
		.rx_buffer_size = RX_BYTES },
	{ .name = "signals", .callback = on_signals },
	{ 0 },
};

static void on_lws_log(int level, const char *line)
{
	size_t n = strcspn(line, "\n");

	if (level == LLL_ERR || level == LLL_WARN)
		log_warning("libwebsockets text=\"%s\" action=none",
			log_quote_n(line, n));
	else
		log_debug("libwebsockets text=\"%s\"", log_quote_n(line, n));
}

/* ---- life ---- */

/* A lane is one descriptor here; libwebsockets sizes its tables by the limit.
 */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max < MAX_DESCRIPTORS ? limit.rlim_max
							  : MAX_DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warning("descriptors limit=%llu action=keep",
			(unsigned long long)limit.rlim_cur);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 0x20) - 'a' + 10; /* the configuration checked it */
}

static void root_key(const struct config *config, struct wa_keypair *out)
{
	const char *hex = config->sandbox.noise_root_priv;
	uint8_t priv[WA_KEY_BYTES];

	if (strlen(hex) != 2 * sizeof(priv)) {
		wa_keypair_new(out);
		return;
	}
	for (size_t i = 0; i < sizeof(priv); i++)
		priv[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 |
				    hex_digit(hex[2 * i + 1]));
	wa_keypair_from_priv(priv, out);
}

static int sandbox_listen(struct sandbox *sandbox, int port, struct err *err)
{
	struct lws_context_creation_info info = {
		.port = port,
		.iface = "127.0.0.1",
		.protocols = protocols,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.options = LWS_SERVER_OPTION_DISABLE_IPV6 |
			   LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
			   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
		.user = sandbox,
		.pt_serv_buf_size = READ_BUFFER_BYTES,
		.timeout_secs = 20,
		.keepalive_timeout = 60,
		.vhost_name = "sandbox",
	};
	lws_sock_file_fd_type fd;

	lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
	sandbox->lws = lws_create_context(&info);
	if (sandbox->lws == NULL)
		return err_set(err, ERR_IO, "libwebsockets context");
	sandbox->vhost = lws_create_vhost(sandbox->lws, &info);
	if (sandbox->vhost == NULL)
		return err_set(
			err, ERR_IO, "127.0.0.1:%d: cannot listen", port);
	sandbox->port = lws_get_vhost_listen_port(sandbox->vhost);
	daemon_signals();
	fd.filefd = daemon_signal_fd();
	if (lws_adopt_descriptor_vhost(sandbox->vhost, LWS_ADOPT_RAW_FILE_DESC,
		    fd, "signals", NULL) == NULL)
		return err_set(err, ERR_IO, "signal descriptor");
	return 0;
}

/* The state directory need not exist: nothing of the sandbox stays in it. */
static int open_media(
	struct sandbox *sandbox, const struct config *config, struct err *err)
{
	if (access(config->suite.state_dir, W_OK) == 0 &&
		media_open(sandbox, config->suite.state_dir, err) != 0)
		return -1;
	return media_host_open(sandbox, config->sandbox.media_port, err);
}

int sandbox_open(const struct config *config, struct sandbox **sandbox_out,
	struct err *err)
{
	scoped(sandbox_free) struct sandbox *sandbox =
		xcalloc(1, sizeof(*sandbox));
	int64_t now = clock_now_ms() / 1000;

	wa_crypto_init();
	if (wa_signal_check_library(err) != 0)
		return -1;
	sandbox->arena = arena_new(ARENA_BLOCK_BYTES);
	sandbox->directory = directory_new();
	sandbox->read_after_ms = config->sandbox.read_after_ms;
	root_key(config, &sandbox->root);
	wa_responder_identity_new(
		&sandbox->root, now - DAY, now + 365 * DAY, &sandbox->noise);
	raise_descriptor_limit();
	if (sandbox_listen(sandbox, config->sandbox.port, err) != 0 ||
		open_media(sandbox, config, err) != 0)
		return -1;
	*sandbox_out = move(sandbox);
	return 0;
}

static void tell_ready(const struct sandbox *sandbox)
{
	char root[2 * WA_KEY_BYTES + 1], state[256];

	for (size_t i = 0; i < WA_KEY_BYTES; i++)
		snprintf(root + 2 * i, 3, "%02x", sandbox->root.pub[i]);
	log_info("listening url=http://127.0.0.1:%d root=%s", sandbox->port,
		root);
	snprintf(state, sizeof(state),
		"READY=1\nSTATUS=url http://127.0.0.1:%d root %s",
		sandbox->port, root);
	daemon_notify(state);
}

void sandbox_run(struct sandbox *sandbox)
{
	tell_ready(sandbox);
	while (!daemon_should_stop() && lws_service(sandbox->lws, 0) >= 0)
		daemon_handle_hup();
	daemon_notify("STOPPING=1");
	log_info("stopping sessions=%llu messages=%llu",
		(unsigned long long)sandbox->count.sessions,
		(unsigned long long)sandbox->count.messages);
}

void sandbox_free(struct sandbox **sandboxp)
{
	struct sandbox *sandbox = move(*sandboxp);

	if (sandbox == NULL)
		return;
	for (struct session *s = sandbox->sessions; s != NULL; s = s->next)
		session_detach(s);
	directory_free(sandbox);
	faults_free(&sandbox->faults);
	media_free(&sandbox->media);
	/* All whose owners are gone; the context must find none armed. */
	while (sandbox->timers != NULL)
		sandbox_timer_cancel(
			&(struct sandbox_timer *){ sandbox->timers });
	if (sandbox->lws != NULL)
		lws_context_destroy(sandbox->lws);
	media_host_free(&sandbox->media_host);
	wa_responder_identity_fini(&sandbox->noise);
	buf_fini(&sandbox->scratch);
	arena_free(&sandbox->arena);
	explicit_bzero(&sandbox->root, sizeof(sandbox->root));
	free(sandbox);
}
