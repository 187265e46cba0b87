#include "senderd/lane.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/health.h"
#include "senderd/keyring.h"
#include "senderd/mailbox.h"
#include "senderd/whatsapp/cold_chats.h"
#include "senderd/whatsapp/connection.h"
#include "senderd/whatsapp/stream.h"

/* New messages wait while so much is unsent; a peer that lets it grow to the
 * second number is given up. */
#define UNSENT_SOFT_BYTES (8u << 20)
#define UNSENT_HARD_BYTES (32u << 20)
#define UNLINK_WAIT_MS 10000

/* ---- states ---- */

static const char *const state_names[LANE_N_STATES] = {
	[LANE_IDLE] = "IDLE",
	[LANE_DIALING] = "DIALING",
	[LANE_HANDSHAKE] = "HANDSHAKE",
	[LANE_UNPAIRED] = "UNPAIRED",
	[LANE_PAIRED] = "PAIRED",
	[LANE_LOGIN] = "LOGIN",
	[LANE_SETUP] = "SETUP",
	[LANE_READY] = "READY",
	[LANE_BACKOFF] = "BACKOFF",
	[LANE_LOGGED_OUT] = "LOGGED_OUT",
	[LANE_BANNED] = "BANNED",
	[LANE_STOPPED] = "STOPPED",
};

/* Every state with a connection may lose it (BACKOFF), and any but the final
 * ones may be unlinked by us.  What is missing would leave something behind:
 * READY without SETUP a server without our prekeys, UNPAIRED from LOGIN a
 * session that nobody ended, anything after LOGGED_OUT or STOPPED a connection
 * with keys that are void. */
#define ANY_END (BIT(LANE_BACKOFF) | BIT(LANE_LOGGED_OUT))
static const unsigned lane_may[LANE_N_STATES] = {
	[LANE_IDLE] =
		BIT(LANE_DIALING) | BIT(LANE_BANNED) | BIT(LANE_LOGGED_OUT),
	[LANE_DIALING] = BIT(LANE_HANDSHAKE) | BIT(LANE_IDLE) | ANY_END,
	[LANE_HANDSHAKE] =
		BIT(LANE_UNPAIRED) | BIT(LANE_LOGIN) | BIT(LANE_IDLE) | ANY_END,
	[LANE_UNPAIRED] = BIT(LANE_PAIRED) | BIT(LANE_IDLE) | BIT(LANE_BANNED) |
			  BIT(LANE_STOPPED) | ANY_END,
	[LANE_PAIRED] = BIT(LANE_IDLE) | BIT(LANE_STOPPED) | ANY_END,
	[LANE_LOGIN] = BIT(LANE_SETUP) | BIT(LANE_BANNED) | BIT(LANE_STOPPED) |
		       ANY_END,
	[LANE_SETUP] = BIT(LANE_READY) | BIT(LANE_STOPPED) | ANY_END,
	[LANE_READY] = BIT(LANE_STOPPED) | ANY_END,
	[LANE_BACKOFF] =
		BIT(LANE_DIALING) | BIT(LANE_IDLE) | BIT(LANE_LOGGED_OUT),
	[LANE_LOGGED_OUT] = 0,
	[LANE_BANNED] = BIT(LANE_DIALING) | BIT(LANE_LOGGED_OUT),
	[LANE_STOPPED] = 0,
};

const char *lane_state_name(enum lane_state state)
{
	return state_names[state];
}

bool lane_may_become(enum lane_state from, enum lane_state to)
{
	return (lane_may[from] & BIT(to)) != 0;
}

enum device_status lane_device_status(enum lane_state state, bool is_paired)
{
	switch (state) {
	case LANE_READY:
		return DEVICE_CONNECTED;
	case LANE_LOGGED_OUT:
		return DEVICE_LOGGED_OUT;
	case LANE_BANNED:
		return DEVICE_BANNED;
	case LANE_IDLE:
	case LANE_DIALING:
	case LANE_HANDSHAKE:
	case LANE_UNPAIRED:
	case LANE_PAIRED:
	case LANE_LOGIN:
	case LANE_SETUP:
	case LANE_BACKOFF:
	case LANE_STOPPED:
		break;
	}
	return is_paired ? DEVICE_DISCONNECTED : DEVICE_PAIRING;
}

bool lane_is_lasting(enum lane_state state)
{
	return (BIT(state) & (BIT(LANE_DIALING) | BIT(LANE_HANDSHAKE) |
				     BIT(LANE_LOGIN) | BIT(LANE_SETUP))) == 0;
}

/* The session event that is due: one when READY is reached, one when it is
 * lost. */
static enum facts_session session_change(struct lane *lane)
{
	bool connected = lane->state == LANE_READY;

	if (connected == lane->told_connected)
		return FACTS_SESSION_NONE;
	lane->told_connected = connected;
	return connected ? FACTS_SESSION_CONNECTED : FACTS_SESSION_DISCONNECTED;
}

static int64_t last_frame_unix_ms(const struct lane *lane)
{
	if (lane->last_frame_ms == 0)
		return 0;
	return clock_now_ms() - (clock_mono_ms() - lane->last_frame_ms);
}

static void row_record(struct lane *lane, bool force)
{
	enum device_status status =
		lane_device_status(lane->state, lane->id.is_paired);
	enum facts_session session = session_change(lane);
	struct device_state row = { .status = status };
	char jid[WA_JID_TEXT], lid[WA_JID_TEXT], phone[WA_USER_MAX + 2];

	if (!force && session == FACTS_SESSION_NONE &&
		status == lane->row_status && lane->state == lane->row_state &&
		strcmp(lane->row_reason, lane->state_reason) == 0)
		return;
	row.lane_state = lane_state_name(lane->state);
	row.lane_reason = lane->state_reason;
	row.since_ms = lane->state_since_ms;
	row.last_frame_ms = last_frame_unix_ms(lane);
	row.linked_ms = lane->linked_ms;
	row.health = health_name(lane);
	row.health_reason = health_reason(lane);
	row.cold_chats_until_ms = cold_chats_until_ms(lane);
	row.cold_chats_reason = cold_chats_reason(lane);
	if (lane->id.is_paired) {
		snprintf(phone, sizeof phone, "+%s", lane->id.jid.user);
		row.phone = phone;
		row.jid = wa_jid_text(&lane->id.jid, jid);
		if (!wa_jid_is_empty(&lane->id.lid))
			row.lid = wa_jid_text(&lane->id.lid, lid);
		if (lane->id.push_name[0] != '\0')
			row.push_name = lane->id.push_name;
	}
	facts_add_state(lane, &row, session, lane->state_reason);
	lane->row_stale = false;
	lane->row_status = status;
	lane->row_state = lane->state;
	snprintf(lane->row_reason, sizeof lane->row_reason, "%s",
		lane->state_reason);
}

void lane_save_row(struct lane *lane)
{
	/* In a passing state it would only show that: the lasting one
	 * follows. */
	if (lane_is_lasting(lane->state))
		row_record(lane, true);
	else
		lane->row_stale = true;
}

void lane_set_reason(struct lane *lane, const char *why)
{
	if (why != lane->state_reason)
		snprintf(lane->state_reason, sizeof lane->state_reason, "%s",
			why);
	if (lane_is_lasting(lane->state))
		row_record(lane, false);
}

static void unlink_ask(struct lane *lane);

void lane_set_state(struct lane *lane, enum lane_state to, const char *why)
{
	enum lane_state from = lane->state;

	if (!lane_may_become(from, to)) {
		log_error("lane state=%s to=%s status=refused reason=\"%s\": "
			  "a step is missing, please report",
			lane_state_name(from), lane_state_name(to), why);
		return;
	}
	lane->state = to;
	lane->state_since_ms = clock_now_ms();
	log_info("lane old=%s new=%s reason=\"%s\"", lane_state_name(from),
		lane_state_name(to), why);
	if (why != lane->state_reason)
		snprintf(lane->state_reason, sizeof lane->state_reason, "%s",
			why);
	if (to == LANE_READY && lane->unlinking)
		unlink_ask(lane);
	if (!lane_is_lasting(to))
		return;
	row_record(lane, lane->row_stale);
	if (lane->mailbox != NULL)
		mailbox_report(lane);
}

/* ---- turns ---- */

void lane_send(struct lane *lane, const struct wa_node *node)
{
	if (connection_is_up(lane))
		connection_send(lane, node);
}

bool lane_can_send(const struct lane *lane)
{
	return connection_is_up(lane) &&
	       connection_unsent(lane) < UNSENT_SOFT_BYTES;
}

void lane_tell(struct lane *lane, Bus__Envelope *envelope)
{
	mailbox_send(lane, envelope);
}

void lane_count_work(struct lane *lane, size_t bytes)
{
	lane->turn_work++;
	lane->turn_bytes += bytes;
}

/* What the turn changed in memory has to go the way of what it changed in the
 * database: the keys are read again, the connection starts anew. */
static void turn_drop(struct lane *lane, const struct err *why)
{
	struct err err = ERR_NONE;

	log_error("turn status=dropped reason=\"%s\": nothing was sent, %s",
		why->msg,
		lane->connection != NULL ? "connecting again" : "trying again");
	facts_drop(lane);
	lanedb_rollback(lane->db);
	connection_drop_turn(lane);
	if (keyring_reload(lane, &err) != 0)
		log_error("identity reason=\"%s\": unreadable", err.msg);
	lane->told_connected = lane->told_committed;
	lane->row_stale = true;
	if (lane->connection != NULL && !lane->stopping)
		stream_on_lost(lane, "the database failed");
}

static int turn_commit(struct lane *lane, struct err *err)
{
	if (facts_commit(lane, err) != 0) {
		/* No answer and no report may tell of what was not kept. */
		mailbox_drop_turn(lane);
		return -1;
	}
	lane->told_committed = lane->told_connected;
	return lanedb_commit(lane->db, err);
}

void lane_turn_end(struct lane *lane)
{
	struct err err = ERR_NONE;

	if (turn_commit(lane, &err) != 0)
		turn_drop(lane, &err);
	connection_flush(lane);
	mailbox_flush(lane);
	arena_reset(lane->arena);
	lane->turn_work = 0;
	lane->turn_bytes = 0;
	if (connection_unsent(lane) > UNSENT_HARD_BYTES)
		stream_on_lost(lane, "the server does not read");
}

/* ---- timers ---- */

static void on_timer(lws_sorted_usec_list_t *sul)
{
	struct lane_timer *timer =
		lws_container_of(sul, struct lane_timer, sul);
	struct lane *lane = timer->lane;

	timer->fn(lane, timer->arg); /* may free the timer's owner */
	lane_turn_end(lane);
}

void lane_timer_start(struct lane *lane, struct lane_timer *timer,
	int64_t after_ms, void (*fn)(struct lane *lane, void *arg), void *arg)
{
	timer->lane = lane;
	timer->fn = fn;
	timer->arg = arg;
	lws_sul_schedule(lane->lws, 0, &timer->sul, on_timer,
		(after_ms > 0 ? after_ms : 0) * LWS_US_PER_MS + 1);
}

void lane_timer_stop(struct lane_timer *timer)
{
	lws_sul_cancel(&timer->sul);
}

/* ---- life ---- */

void lane_stop(struct lane *lane, const char *why)
{
	if (lane->stopping)
		return;
	log_info("lane status=stopping reason=\"%s\"", why);
	lane->stopping = true;
}

void lane_finish(struct lane *lane)
{
	lane->final = true;
	lane_stop(lane, lane->state_reason);
}

static void unlink_done(struct lane *lane)
{
	struct ending ending = { .to = LANE_LOGGED_OUT,
		.forget = true,
		.reason = "unlinked by request" };

	lane_timer_stop(&lane->unlink);
	if (!lane->stopping)
		stream_end(lane, &ending);
}

static void on_unlinked(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	int code;

	(void)arg;
	if (iq_is_error(answer, &code))
		log_warning("unlink code=%d status=unconfirmed: the phone may "
			    "go on listing this device",
			code);
	unlink_done(lane);
}

static void on_unlink_timeout(struct lane *lane, void *arg)
{
	on_unlinked(lane, NULL, arg);
}

static void unlink_ask(struct lane *lane)
{
	struct wa_node *iq = iq_new(lane, "set", "md");
	struct wa_node *remove = wa_node_add(iq, "remove-companion-device");

	wa_node_set_jid(remove, "jid", &lane->id.jid);
	wa_node_set(remove, "reason", "user_initiated");
	iq_send(lane, iq, on_unlinked, NULL);
}

/* A lane that is not logged in just now asks as soon as it is, see
 * lane_set_state(). */
void lane_unlink(struct lane *lane)
{
	if (lane->unlinking)
		return;
	lane->unlinking = true;
	if (!lane->id.is_paired) {
		unlink_done(lane);
		return;
	}
	lane_timer_start(
		lane, &lane->unlink, UNLINK_WAIT_MS, on_unlink_timeout, NULL);
	if (lane_is_ready(lane))
		unlink_ask(lane);
}

/* ---- addresses ---- */

struct wa_jid lane_signal_address(struct lane *lane, const struct wa_jid *wire)
{
	struct wa_jid lid;
	struct err err = ERR_NONE;
	int found;

	if (wire->server != WA_SERVER_PN && wire->server != WA_SERVER_HOSTED &&
		wire->server != WA_SERVER_LEGACY)
		return *wire;
	if (lane->id.is_paired && !wa_jid_is_empty(&lane->id.lid) &&
		strcmp(wire->user, lane->id.jid.user) == 0)
		return wa_jid_with_device(&lane->id.lid, wire->device);
	found = lanedb_lid_of(lane->db, wire, &lid, &err);
	if (found < 0)
		facts_fail(lane, &err);
	return found == 1 ? lid : *wire;
}

bool lane_is_self(const struct lane *lane, const struct wa_jid *jid)
{
	return lane->id.is_paired &&
	       (wa_jid_same_user(jid, &lane->id.jid) ||
		       (!wa_jid_is_empty(&lane->id.lid) &&
			       wa_jid_same_user(jid, &lane->id.lid)));
}
