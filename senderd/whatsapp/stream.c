#include "senderd/whatsapp/stream.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/backoff.h"
#include "senderd/health.h"
#include "senderd/version.h"
#include "senderd/whatsapp/app_state.h"
#include "senderd/whatsapp/connection.h"
#include "senderd/whatsapp/history.h"
#include "senderd/whatsapp/iq.h"
#include "senderd/whatsapp/keepalive.h"
#include "senderd/whatsapp/login.h"
#include "senderd/whatsapp/pairing.h"
#include "senderd/whatsapp/passkey.h"
#include "senderd/whatsapp/prekeys.h"
#include "senderd/whatsapp/typing.h"
#include "senderd/whatsapp/watch.h"
#include "senderd/whatsapp/transfer.h"

#define DAY_MS (24 * 3600 * 1000LL)
/* A session that held so long was a good one: the next attempt starts from
 * zero.  A server that drops us right after every login meets the backoff. */
#define GOOD_SESSION_MS 5000
/* How often a refused lane looks for a newer version of itself, and after how
 * many looks it knocks all the same. */
#define NEWER_LOOK_MS 5000
#define NEWER_LOOKS_MAX 360

static bool is_logged_in(const struct lane *lane)
{
	return lane->state == LANE_SETUP || lane->state == LANE_READY;
}

/* ---- beginning ---- */

void stream_dial(struct lane *lane)
{
	struct err err = ERR_NONE;

	lane_timer_stop(&lane->redial);
	lane->offline_done = false;
	lane->last_frame_ms = 0;
	lane_set_state(lane, LANE_DIALING, lane->state_reason);
	if (connection_open(lane, &err) != 0)
		stream_on_lost(lane, err.msg);
}

void stream_on_handshake(struct lane *lane)
{
	lane_set_state(lane, LANE_HANDSHAKE, "");
}

void stream_on_up(struct lane *lane)
{
	lane_set_state(
		lane, lane->id.is_paired ? LANE_LOGIN : LANE_UNPAIRED, "");
	keepalive_start(lane);
}

/* ---- end ---- */

static void on_redial(struct lane *lane, void *arg)
{
	(void)arg;
	stream_dial(lane);
}

/* The first try after a working session comes soon, but not for all lanes of a
 * host at the same instant: a server that restarts drops them together. */
static int64_t redial_after_ms(struct lane *lane)
{
	int64_t base_ms = lane->config->sender.backoff_base_ms;
	int64_t max_ms = lane->config->sender.backoff_max_sec * 1000LL;

	if (lane->failures == 0)
		return random_between(0, base_ms / 4);
	return backoff_ms(base_ms, max_ms, lane->failures);
}

static void redial_later(struct lane *lane)
{
	int64_t after_ms = redial_after_ms(lane);

	lane->failures++;
	log_info("connection status=waiting attempt=%u retry_ms=%" PRId64,
		lane->failures, after_ms);
	lane_timer_start(lane, &lane->redial, after_ms, on_redial, NULL);
}

static void on_look(struct lane *lane, void *arg)
{
	uintptr_t n_looks = (uintptr_t)arg;
	char version[VERSION_LEN];

	version_current(lane->config, version);
	if (strcmp(version, lane->refused_version) != 0 ||
		n_looks >= NEWER_LOOKS_MAX) {
		lane->refused_version[0] = '\0';
		stream_dial(lane);
		return;
	}
	lane_timer_start(lane, &lane->redial, random_jitter(NEWER_LOOK_MS, 20),
		on_look, (void *)(n_looks + 1));
}

/* Refused for its version: knocking again with the same one would not help. */
static void redial_when_newer(struct lane *lane)
{
	version_current(lane->config, lane->refused_version);
	version_ask(lane->config);
	lane->failures++;
	log_warning("connection status=refused version=%s "
		    "action=\"waiting for a newer one\"",
		lane->refused_version);
	lane_timer_start(lane, &lane->redial, random_jitter(NEWER_LOOK_MS, 20),
		on_look, (void *)1);
}

static void redial_at(struct lane *lane, int64_t unix_ms)
{
	int64_t after_ms = unix_ms - clock_now_ms();

	lane_timer_start(lane, &lane->redial, after_ms > 0 ? after_ms : 0,
		on_redial, NULL);
}

void stream_wait_for_ban(struct lane *lane, int64_t until_ms)
{
	lane->banned_until_ms = until_ms;
	lane_set_state(lane, LANE_BANNED, "banned for a while");
	redial_at(lane, until_ms);
}

static void on_good_session(struct lane *lane, void *arg)
{
	(void)arg;
	lane->failures = 0;
}

void stream_on_ready(struct lane *lane)
{
	health_on_ready(lane);
	lane_timer_start(
		lane, &lane->redial, GOOD_SESSION_MS, on_good_session, NULL);
}

static void parts_on_disconnect(struct lane *lane)
{
	keepalive_stop(lane);
	health_on_disconnect(lane);
	iq_on_disconnect(lane);
	prekeys_on_disconnect(lane);
	pairing_on_disconnect(lane);
	outbound_on_disconnect(lane);
	app_state_on_disconnect(lane);
	history_on_disconnect(lane);
	typing_on_disconnect(lane);
	watch_on_disconnect(lane);
	transfers_on_disconnect(lane);
}

static void ban_remember(struct lane *lane, int64_t until_ms)
{
	struct err err = ERR_NONE;

	lane->banned_until_ms = until_ms;
	if (lanedb_value_save(lane->db, "banned_until", &until_ms,
		    sizeof until_ms, &err) != 0)
		log_warning("end of the ban not stored (%s): a restart "
			    "tries to log in at once",
			err.msg);
}

static void follow_backoff(struct lane *lane, const struct ending *ending)
{
	/* Unpaired and nobody waits for a code: no reason to connect. */
	if (!lane->id.is_paired && !pairing_is_wanted(lane)) {
		lane_set_state(lane, LANE_IDLE, ending->reason);
		return;
	}
	lane_set_state(lane, LANE_BACKOFF, ending->reason);
	if (ending->is_outdated)
		redial_when_newer(lane);
	else
		redial_later(lane);
}

/* 515 is an order to come back at once; a server that only ever says 515 gets
 * the backoff from the second time on. */
static void follow_at_once(struct lane *lane, const struct ending *ending)
{
	if (lane->failures > 0 || !lane->id.is_paired) {
		follow_backoff(lane, ending);
		return;
	}
	if (lane->state != LANE_PAIRED) /* where it is the way things go */
		lane->failures++;
	lane_set_state(lane, LANE_BACKOFF, ending->reason);
	lane_timer_start(lane, &lane->redial, 0, on_redial, NULL);
}

static void follow_ban(struct lane *lane, const struct ending *ending)
{
	lane_set_state(lane, LANE_BANNED, ending->reason);
	if (ending->until_ms == 0) {
		lane_finish(lane);
		return;
	}
	ban_remember(lane, ending->until_ms);
	redial_at(lane, ending->until_ms);
}

static void follow(struct lane *lane, const struct ending *ending)
{
	switch (ending->to) {
	case LANE_DIALING:
		follow_at_once(lane, ending);
		return;
	case LANE_BANNED:
		follow_ban(lane, ending);
		return;
	case LANE_LOGGED_OUT:
	case LANE_STOPPED:
		lane_set_state(lane, ending->to, ending->reason);
		lane_finish(lane);
		return;
	case LANE_IDLE:
		lane_set_state(lane, LANE_IDLE, ending->reason);
		return;
	case LANE_BACKOFF:
	case LANE_HANDSHAKE:
	case LANE_UNPAIRED:
	case LANE_PAIRED:
	case LANE_LOGIN:
	case LANE_SETUP:
	case LANE_READY:
		follow_backoff(lane, ending);
		return;
	}
}

void stream_end(struct lane *lane, const struct ending *ending)
{
	lane_timer_stop(&lane->redial);
	connection_close(lane);
	if (ending->forget)
		lane->forget = true;
	/* The state first: a part that is told sees where the lane is. */
	follow(lane, ending);
	parts_on_disconnect(lane);
	if (lane->final)
		pairing_give_up(lane, ending->reason);
}

void stream_on_lost(struct lane *lane, const char *why)
{
	struct ending ending = ending_retry("%s", why);

	/* The server closes after pair-success even if its 515 got lost. */
	if (lane->state == LANE_PAIRED)
		ending.to = LANE_DIALING;
	stream_end(lane, &ending);
}

/* ---- stanzas ---- */

static void on_failure(struct lane *lane, const struct wa_node *failure)
{
	struct ending ending = ending_of_failure(failure, clock_now_ms());

	if (ending.is_outdated && version_can_follow(lane->config))
		ending.to = LANE_BACKOFF;

	if (lane->state != LANE_LOGIN && lane->state != LANE_UNPAIRED) {
		log_warning("stanza tag=failure state=%s status=ignored",
			lane_state_name(lane->state));
		return;
	}
	/* A registration has no session that could be void. */
	if (!lane->id.is_paired)
		ending.forget = false;
	stream_end(lane, &ending);
}

static void on_stream_error(struct lane *lane, const struct wa_node *error)
{
	struct ending ending = ending_of_stream_error(error);

	if (ending.to == LANE_LOGGED_OUT && lane->unlinking)
		snprintf(ending.reason, sizeof ending.reason,
			"unlinked by request");
	if (ending.to == LANE_LOGGED_OUT && !lane->id.is_paired)
		ending = ending_retry("stream error while unpaired");
	stream_end(lane, &ending);
}

static void on_stream_end(struct lane *lane, const struct wa_node *node)
{
	(void)node;
	stream_on_lost(lane, "stream ended by the server");
}

/* Every iq of the server gets a result, known or not: that is harmless, and a
 * ping that stays unanswered would cost the connection. */
static void answer_iq(struct lane *lane, const struct wa_node *iq)
{
	struct wa_node *result = wa_node_new(lane->arena, "iq");
	struct wa_jid to;

	if (!wa_node_jid(iq, "from", &to))
		to = wa_jid_server();
	wa_node_set_jid(result, "to", &to);
	wa_node_set(result, "type", "result");
	wa_node_set(result, "id", wa_node_str(iq, "id"));
	lane_send(lane, result);
}

static void on_iq(struct lane *lane, const struct wa_node *iq)
{
	if (wa_node_is(iq, "type", "result") ||
		wa_node_is(iq, "type", "error")) {
		iq_on_answer(lane, iq);
		return;
	}
	if (lane->state == LANE_UNPAIRED && iq->child != NULL &&
		wa_node_is(iq, "type", "set")) {
		if (strcmp(iq->child->tag, "pair-device") == 0) {
			pairing_on_pair_device(lane, iq);
			return;
		}
		if (strcmp(iq->child->tag, "pair-success") == 0) {
			pairing_on_pair_success(lane, iq);
			return;
		}
	}
	answer_iq(lane, iq);
}

static void on_notification(struct lane *lane, const struct wa_node *node)
{
	const char *type = wa_node_str(node, "type");

	if (type == NULL)
		type = "";
	if (strcmp(type, "link_code_companion_reg") == 0) {
		pairing_on_link_code(lane, node);
		receipt_send_ack(lane, node, 0);
		return;
	}
	if (strcmp(type, "passkey_prologue_request") == 0 ||
		strcmp(type, "crsc_continuation") == 0) {
		receipt_send_ack(lane, node, 0);
		if (lane->state == LANE_UNPAIRED)
			passkey_on_notification(lane, node);
		return;
	}
	if (is_logged_in(lane))
		notification_on_notification(lane, node);
	else
		receipt_send_ack(lane, node, 0);
}

static void on_message(struct lane *lane, const struct wa_node *message)
{
	if (is_logged_in(lane))
		inbound_on_message(lane, message);
}

static void on_receipt(struct lane *lane, const struct wa_node *receipt)
{
	if (is_logged_in(lane))
		receipt_on_receipt(lane, receipt);
}

static void on_ack(struct lane *lane, const struct wa_node *ack)
{
	if (is_logged_in(lane) && wa_node_is(ack, "class", "message"))
		outbound_on_ack(lane, ack);
}

/* Calls and status updates are not ours to take, but the server keeps them
 * until somebody has said so. */
static void on_acked_only(struct lane *lane, const struct wa_node *node)
{
	receipt_send_ack(lane, node, 0);
}

static void on_success(struct lane *lane, const struct wa_node *success)
{
	/* Legal only here: anything else would skip a step (7.10). */
	if (lane->state == LANE_LOGIN)
		login_on_success(lane, success);
	else
		log_warning("stanza tag=success state=%s status=ignored",
			lane_state_name(lane->state));
}

static const struct stanza_route {
	const char *tag;
	void (*on)(struct lane *lane, const struct wa_node *node);
} routes[] = {
	{ "message", on_message },
	{ "ack", on_ack },
	{ "receipt", on_receipt },
	{ "iq", on_iq },
	{ "notification", on_notification },
	{ "ib", login_on_ib },
	{ "call", on_acked_only },
	{ "status", on_acked_only },
	{ "success", on_success },
	{ "failure", on_failure },
	{ "stream:error", on_stream_error },
	{ "xmlstreamend", on_stream_end },
	{ "presence", watch_on_presence },
	{ "chatstate", watch_on_chatstate },
};

void stream_on_stanza(struct lane *lane, const struct wa_node *node)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (strcmp(node->tag, routes[i].tag) == 0) {
			routes[i].on(lane, node);
			return;
		}
	}
	log_debug("stanza tag=\"%s\" status=unknown", log_quote(node->tag));
}

void stream_send_unified_session(struct lane *lane)
{
	struct wa_node *ib = wa_node_new(lane->arena, "ib");
	int64_t n = clock_now_ms() + lane->clock_offset_ms + 3 * DAY_MS;

	wa_node_set_int(
		wa_node_add(ib, "unified_session"), "id", n % (7 * DAY_MS));
	lane_send(lane, ib);
}
