/* A lane's process, from the fork to its end. */
#include "senderd/lane.h"

#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/device_proxy.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/secret.h"
#include "senderd/facts.h"
#include "senderd/health.h"
#include "senderd/keyring.h"
#include "senderd/mailbox.h"
#include "senderd/whatsapp/app_state.h"
#include "senderd/whatsapp/connection.h"
#include "senderd/whatsapp/history.h"
#include "senderd/whatsapp/iq.h"
#include "senderd/whatsapp/keepalive.h"
#include "senderd/whatsapp/media_in.h"
#include "senderd/whatsapp/media_out.h"
#include "senderd/whatsapp/pairing.h"
#include "senderd/whatsapp/prekeys.h"
#include "senderd/whatsapp/stream.h"
#include "senderd/whatsapp/typing.h"
#include "senderd/whatsapp/watch.h"
#include "senderd/whatsapp/transfer.h"
#include "senderd/whatsapp/tunnel.h"

/* A turn takes up to so much, if it is there already: the group commit of a
 * lane. */
#define TURN_STANZAS 256
#define TURN_BYTES (4u << 20)
#define TURN_MS 20
#define ARENA_BYTES (16 * 1024)
/* What is queued gets this long to leave when the lane stops. */
#define LINGER_MS 500
#define HOUSEKEEPING_MS 60000
/* In housekeepings: writing the last sign of life, and what expires. */
#define SAVE_ROW_EVERY 5
#define EXPIRE_EVERY 60
#define EXPIRE_ROWS 1000
#define DAY_MS (24 * 3600 * 1000LL)
#define SENT_KEPT_MS (14 * DAY_MS)
#define SEEN_KEPT_MS (30 * DAY_MS)
#define NUMBER_KEPT_MS (30 * DAY_MS)
#define SECRET_KEPT_MS (90 * DAY_MS)
#define UPLOAD_KEPT_MS (31 * DAY_MS) /* longer than any reuse_days */

/* ---- opening ---- */

/* The host key opens every lane's database, so it is in memory for these lines
 * only. */
static int lane_key(struct lane *lane, struct secret_key *out, struct err *err)
{
	char purpose[64];
	struct secret_key host;

	if (secret_host_key(lane->config->suite.state_dir, &host, err) != 0)
		return -1;
	snprintf(purpose, sizeof purpose, "lane:%s", lane->device_uid);
	secret_derive(&host, purpose, out);
	secret_wipe(&host);
	return 0;
}

/* A session that the server declared void may have left its keys when this
 * process was killed right then. */
static int drop_void_keys(struct lane *lane, enum device_status status,
	const char *path, const struct secret_key *key, struct err *err)
{
	struct lane_identity id;
	int found;

	if (status != DEVICE_LOGGED_OUT)
		return 0;
	found = lanedb_identity_load(lane->db, &id, err);
	sodium_memzero(&id, sizeof id);
	if (found < 1)
		return found;
	if (lanedb_destroy(&lane->db, path, err) != 0)
		return -1;
	return lanedb_open(path, key, &lane->db, err);
}

static int open_keys(
	struct lane *lane, enum device_status status, struct err *err)
{
	scoped(str_free) char *path =
		config_lane_db_path(lane->config, lane->device_uid);
	struct secret_key key;
	int result;

	if (lane_key(lane, &key, err) != 0)
		return -1;
	result = lanedb_open(path, &key, &lane->db, err);
	if (result == 0)
		result = drop_void_keys(lane, status, path, &key, err);
	secret_wipe(&key);
	return result != 0 ? err_wrap(err, "lane database") : 0;
}

/* The device's own proxy, or everybody's.  One that cannot be read must not
 * become "none": the number would show up from another address. */
static int open_proxy(struct lane *lane, struct err *err)
{
	scoped(buf_fini) struct buf sealed = BUF_INIT;
	struct secret_key key;
	int found =
		store_device_proxy(lane->store, lane->device_id, &sealed, err);

	if (found < 0)
		return -1;
	if (found == 0) {
		if (lane->config->whatsapp.proxy[0] != '\0')
			lane->proxy = xstrdup(lane->config->whatsapp.proxy);
		return 0;
	}
	if (device_proxy_key(lane->config, &key, err) != 0)
		return -1;
	found = device_proxy_open(
		&key, lane->device_uid, &sealed, &lane->proxy, err);
	secret_wipe(&key);
	return found != 0 ? err_wrap(err, "proxy") : 0;
}

static int open_store(struct lane *lane, struct err *err)
{
	scoped(str_free) char *path = config_db_path(lane->config);

	if (store_open(path, STORE_LANE, &lane->store, err) != 0)
		return err_wrap(err, "store");
	return 0;
}

static void on_library_log(int level, const char *line)
{
	(void)level;
	log_debug("lws text=\"%s\"", log_quote(line));
}

static int on_signals(struct lws *wsi, enum lws_callback_reasons reason,
	void *user, void *in, size_t n)
{
	struct lane *lane = lws_get_opaque_user_data(wsi);

	(void)user;
	(void)in;
	(void)n;
	if (reason != LWS_CALLBACK_RAW_RX_FILE || lane == NULL)
		return 0;
	daemon_handle_hup();
	if (!daemon_should_stop())
		return 0;
	lane_stop(lane, "signal");
	return -1;
}

static const struct lws_protocols signals_protocol = {
	.name = "signals",
	.callback = on_signals,
};

static const struct lws_protocols *const protocols[] = {
	&connection_protocol,
	&mailbox_protocol,
	&signals_protocol,
	&transfer_protocol,
	NULL,
};

/* Small on purpose: thousands of these run side by side. */
static int open_loop(struct lane *lane, SSL_CTX *tls, struct err *err)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.pprotocols = (const struct lws_protocols **)protocols,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.options = LWS_SERVER_OPTION_JUST_USE_RAW_ORIGIN |
			   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
		.fd_limit_per_thread = 16,
		.pt_serv_buf_size = 8192,
		.timeout_secs = 20,
		.connect_timeout_secs = 20,
		.provided_client_ssl_ctx = tls,
		.user = lane,
	};
	lws_sock_file_fd_type file = { .filefd = daemon_signal_fd() };
	struct lws *signals;

	if (tls != NULL)
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	else
		unsetenv("http_proxy"); /* ws:// is a network on this host */
	lws_set_log_level(LLL_ERR | LLL_WARN, on_library_log);
	lane->lws = lws_create_context(&info);
	if (lane->lws == NULL)
		return err_set(err, ERR_INTERNAL, "cannot make the loop");
	lane->vhost = lws_get_vhost_by_name(lane->lws, "default");
	signals = lws_adopt_descriptor_vhost(lane->vhost,
		LWS_ADOPT_RAW_FILE_DESC, file, signals_protocol.name, NULL);
	if (signals == NULL)
		return err_set(err, ERR_INTERNAL, "cannot adopt the signals");
	lws_set_opaque_user_data(signals, lane);
	return 0;
}

static int lane_open(
	struct lane *lane, const struct lane_start *start, struct err *err)
{
	lane->config = start->config;
	lane->device_id = start->device_id;
	lane->account_id = start->account_id;
	snprintf(lane->device_uid, sizeof lane->device_uid, "%s", start->uid);
	snprintf(lane->device_name, sizeof lane->device_name, "%s",
		start->name != NULL ? start->name : "");
	lane->state_since_ms = clock_now_ms();
	lane->row_status = start->status;
	lane->told_connected = start->status == DEVICE_CONNECTED;
	lane->told_committed = lane->told_connected;
	lane->arena = arena_new(ARENA_BYTES);
	lane->facts = facts_new();
	lane->iqs = iq_table_new();
	lane->keepalive = keepalive_new();
	lane->health = health_new();
	lane->pairing = pairing_new();
	lane->prekeys = prekeys_new();
	lane->app_state = app_state_new();
	lane->history = history_new();
	lane->typing = typing_new();
	lane->watch = watch_new();
	lane->transfers = transfers_new();
	lane->uploads = media_uploads_new();
	lane->media_in = media_in_new();
	if (open_store(lane, err) != 0 || open_proxy(lane, err) != 0 ||
		open_keys(lane, start->status, err) != 0 ||
		open_loop(lane, start->tls, err) != 0 ||
		mailbox_open(lane, start->fd, err) != 0 ||
		keyring_open(lane, err) != 0)
		return -1;
	lane->outbound = outbound_new(lane);
	return 0;
}

/* ---- closing ---- */

static void forget_keys(struct lane *lane)
{
	scoped(str_free) char *path =
		config_lane_db_path(lane->config, lane->device_uid);
	struct err err = ERR_NONE;

	if (lanedb_destroy(&lane->db, path, &err) != 0)
		log_error("lane database reason=\"%s\": delete %s by hand",
			err.msg, path);
	else
		log_info("lane database status=destroyed");
}

/* Reverse order of lane_open(); half-opened lanes too. */
static void lane_close(struct lane *lane)
{
	connection_close(lane);
	outbound_free(&lane->outbound);
	media_in_free(&lane->media_in);
	media_uploads_free(&lane->uploads);
	transfers_free(&lane->transfers);
	watch_free(&lane->watch);
	typing_free(&lane->typing);
	history_free(&lane->history);
	app_state_free(&lane->app_state);
	prekeys_free(&lane->prekeys);
	pairing_free(&lane->pairing);
	keepalive_free(&lane->keepalive);
	health_free(&lane->health);
	iq_table_free(&lane->iqs);
	mailbox_close(&lane->mailbox);
	if (lane->lws != NULL) {
		lane_timer_stop(&lane->redial);
		lane_timer_stop(&lane->housekeeping);
		lane_timer_stop(&lane->unlink);
		lws_context_destroy(lane->lws);
	}
	wa_signal_free(&lane->signal);
	if (lane->forget && lane->db != NULL)
		forget_keys(lane);
	lanedb_close(&lane->db);
	store_close(&lane->store);
	facts_free(&lane->facts);
	arena_free(&lane->arena);
	sodium_memzero(&lane->id, sizeof lane->id);
	str_free(&lane->proxy);
}

/* ---- running ---- */

static void expire(struct lane *lane)
{
	int64_t now_ms = clock_now_ms();
	struct err err = ERR_NONE;

	if (lanedb_sent_expire(
		    lane->db, now_ms - SENT_KEPT_MS, EXPIRE_ROWS, &err) != 0 ||
		lanedb_seen_expire(lane->db, now_ms - SEEN_KEPT_MS, EXPIRE_ROWS,
			&err) != 0 ||
		lanedb_secret_expire(lane->db, now_ms - SECRET_KEPT_MS,
			EXPIRE_ROWS, &err) != 0 ||
		lanedb_number_expire(lane->db, now_ms - NUMBER_KEPT_MS,
			EXPIRE_ROWS, &err) != 0 ||
		lanedb_upload_expire(lane->db, now_ms - UPLOAD_KEPT_MS,
			EXPIRE_ROWS, &err) != 0)
		facts_fail(lane, &err);
	prekeys_rotate_if_due(lane);
}

static void on_housekeeping(struct lane *lane, void *arg)
{
	uintptr_t round = (uintptr_t)arg;

	if (lane->row_stale ||
		(round % SAVE_ROW_EVERY == 0 && lane_is_ready(lane)))
		lane_save_row(lane);
	if (round % EXPIRE_EVERY == 0)
		expire(lane);
	tunnel_reap();
	malloc_trim(0); /* what starting, or a burst of messages, took */
	/* With jitter: lanes that started together must not commit together. */
	lane_timer_start(lane, &lane->housekeeping,
		random_jitter(HOUSEKEEPING_MS, 20), on_housekeeping,
		(void *)(round + 1));
}

static int64_t banned_until_ms(struct lane *lane)
{
	scoped(buf_fini) struct buf stored = BUF_INIT;
	struct err err = ERR_NONE;
	int64_t until_ms = 0;

	if (lanedb_value_load(lane->db, "banned_until", &stored, &err) == 1 &&
		stored.len == sizeof until_ms)
		memcpy(&until_ms, stored.data, sizeof until_ms);
	return until_ms;
}

static void begin(struct lane *lane, enum device_status status)
{
	struct ending keys_missing = { .to = LANE_LOGGED_OUT,
		.forget = true,
		.reason = "the keys of this device are gone: link it anew" };
	int64_t until_ms;

	on_housekeeping(lane, (void *)1);
	if (!lane->id.is_paired) {
		if (status == DEVICE_CONNECTED || status == DEVICE_DISCONNECTED)
			stream_end(lane, &keys_missing);
		return;
	}
	until_ms = banned_until_ms(lane);
	if (until_ms > clock_now_ms())
		stream_wait_for_ban(lane, until_ms);
	else
		stream_dial(lane);
}

/* Goes on collecting while there is more to take up at once. */
static void turn_fill(struct lane *lane)
{
	int64_t until_ms = clock_mono_ms() + TURN_MS;
	unsigned before = 0;

	while (!lane->stopping && lane->turn_work > before &&
		lane->turn_work < TURN_STANZAS &&
		lane->turn_bytes < TURN_BYTES && clock_mono_ms() < until_ms) {
		before = lane->turn_work;
		lws_service(lane->lws, -1);
	}
}

static void run(struct lane *lane)
{
	while (!lane->stopping) {
		if (lws_service(lane->lws, 0) < 0)
			lane_stop(lane, "the loop failed");
		turn_fill(lane);
		lane_turn_end(lane);
	}
}

/* Lets what is queued leave, and tells a working session's end. */
static void wind_up(struct lane *lane)
{
	int64_t until_ms = clock_mono_ms() + LINGER_MS;

	lane_turn_end(lane);
	while (connection_unsent(lane) > 0 && clock_mono_ms() < until_ms) {
		if (lws_service(lane->lws, -1) < 0)
			break;
		usleep(1000);
	}
	connection_close(lane);
	if (!lane->final && lane->state == LANE_READY)
		lane_set_state(lane, LANE_BACKOFF, "the gateway was stopped");
	if (lane->row_stale)
		lane_save_row(lane);
	mailbox_report(lane);
	lane_turn_end(lane);
}

int lane_main(const struct lane_start *start)
{
	struct lane *lane = xcalloc(1, sizeof *lane);
	struct err err = ERR_NONE;
	int status = EXIT_FAILURE;

	if (lane_open(lane, start, &err) == 0) {
		daemon_lockdown();
		log_info("lane status=started paired=%d", lane->id.is_paired);
		begin(lane, start->status);
		mailbox_report(lane);
		lane_turn_end(lane);
		run(lane);
		wind_up(lane);
		status = EXIT_SUCCESS;
	} else {
		log_error("lane reason=\"%s\": starting again later", err.msg);
	}
	lane_close(lane);
	sodium_memzero(lane, sizeof *lane);
	free(lane);
	return status;
}
