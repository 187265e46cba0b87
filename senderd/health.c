#include "senderd/health.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/keepalive.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/stream.h"

#define TICK_MS 5000
/* A process that was started anew for this reason is not again for so long: a
 * server that never acknowledges is not helped by it. */
#define RESTART_AGAIN_MS (30 * 60 * 1000LL)
#define RESTART_VALUE "health_restart_ms"

enum step { STEP_NONE, STEP_PING, STEP_REOPEN };

struct health {
	struct lane_timer tick;
	bool is_ready;
	bool is_silent;	       /* a ping is unanswered */
	int64_t busy_since_ms; /* monotonic; 0 = nothing waits */
	int64_t ack_ms;	       /* monotonic; 0 = none on this connection */
	enum step step;	       /* taken on this connection */
	unsigned n_reopened;   /* in a row, without an acknowledgement since */
	char reason[96];       /* "" = ok */
};

struct health *health_new(void)
{
	return xcalloc(1, sizeof(struct health));
}

void health_free(struct health **healthp)
{
	struct health *health = move(*healthp);

	if (health == NULL)
		return;
	lane_timer_stop(&health->tick);
	free(health);
}

const char *health_name(const struct lane *lane)
{
	if (!lane->health->is_ready)
		return "";
	return lane->health->reason[0] != '\0' ? "degraded" : "ok";
}

const char *health_reason(const struct lane *lane)
{
	return lane->health->reason[0] != '\0' ? lane->health->reason : NULL;
}

int64_t health_ack_age_ms(const struct lane *lane)
{
	return lane->health->ack_ms == 0
		       ? -1
		       : clock_mono_ms() - lane->health->ack_ms;
}

int64_t health_stalled_ms(const struct lane *lane)
{
	const struct health *health = lane->health;
	int64_t since_ms = health->busy_since_ms;

	if (since_ms == 0)
		return 0;
	if (health->ack_ms > since_ms)
		since_ms = health->ack_ms;
	return clock_mono_ms() - since_ms;
}

static void degrade(struct lane *lane, const char *what, int64_t ms)
{
	struct health *health = lane->health;
	bool was_ok = health->reason[0] == '\0';

	snprintf(health->reason, sizeof health->reason, "%s for %lld s", what,
		(long long)ms / 1000);
	if (!was_ok)
		return;
	log_warning("health status=degraded reason=\"%s\"", health->reason);
	lane_save_row(lane);
}

static void recover(struct lane *lane)
{
	struct health *health = lane->health;

	if (health->reason[0] == '\0')
		return;
	log_info("health status=ok was=\"%s\"", health->reason);
	health->reason[0] = '\0';
	lane_save_row(lane);
}

/* ---- signs ---- */

void health_on_ack(struct lane *lane)
{
	struct health *health = lane->health;

	health->ack_ms = clock_mono_ms();
	health->step = STEP_NONE;
	health->n_reopened = 0;
	if (!health->is_silent)
		recover(lane);
}

void health_on_silence(struct lane *lane, int64_t frame_age_ms)
{
	lane->health->is_silent = true;
	degrade(lane, "the server said nothing", frame_age_ms);
}

void health_on_pong(struct lane *lane)
{
	struct health *health = lane->health;

	if (!health->is_silent)
		return;
	health->is_silent = false;
	if (health->step == STEP_NONE)
		recover(lane);
}

/* ---- repair ---- */

/* True once in RESTART_AGAIN_MS; kept, since the process will not be. */
static bool may_restart(struct lane *lane)
{
	scoped(buf_fini) struct buf stored = BUF_INIT;
	struct err err = ERR_NONE;
	int64_t now_ms = clock_now_ms();
	int64_t last_ms = 0;

	if (lanedb_value_load(lane->db, RESTART_VALUE, &stored, &err) == 1 &&
		stored.len == sizeof last_ms)
		memcpy(&last_ms, stored.data, sizeof last_ms);
	if (last_ms <= now_ms && now_ms - last_ms < RESTART_AGAIN_MS)
		return false;
	if (lanedb_value_save(
		    lane->db, RESTART_VALUE, &now_ms, sizeof now_ms, &err) == 0)
		return true;
	facts_fail(lane, &err);
	return false;
}

static void reopen(struct lane *lane)
{
	struct health *health = lane->health;

	if (health->n_reopened > 0 && may_restart(lane)) {
		log_warning("health action=restart stalled_ms=%" PRId64,
			health_stalled_ms(lane));
		lane_stop(lane, "no acknowledgement, twice in a row");
		return;
	}
	log_warning("health action=reopen stalled_ms=%" PRId64,
		health_stalled_ms(lane));
	health->n_reopened++;
	stream_on_lost(lane, "the server acknowledges nothing");
}

void health_check_now(struct lane *lane)
{
	struct health *health = lane->health;
	int64_t patience_ms = lane->config->sender.stall_sec * 1000LL;
	int64_t stalled_ms = 0;

	if (!outbound_is_busy(lane))
		health->busy_since_ms = 0;
	else if (health->busy_since_ms == 0)
		health->busy_since_ms = clock_mono_ms();
	stalled_ms = health_stalled_ms(lane);
	if (health->busy_since_ms == 0 || stalled_ms < patience_ms)
		return;
	degrade(lane, "no acknowledgement", stalled_ms);
	if (health->step == STEP_NONE) {
		health->step = STEP_PING;
		keepalive_ask(lane);
	} else if (stalled_ms >= 2 * patience_ms && health->step == STEP_PING) {
		health->step = STEP_REOPEN;
		reopen(lane);
	}
}

static void on_tick(struct lane *lane, void *arg)
{
	(void)arg;
	lane_timer_start(lane, &lane->health->tick, random_jitter(TICK_MS, 10),
		on_tick, NULL);
	health_check_now(lane);
}

void health_on_ready(struct lane *lane)
{
	struct health *health = lane->health;

	health->is_ready = true;
	health->is_silent = false;
	health->busy_since_ms = 0;
	health->ack_ms = 0;
	health->step = STEP_NONE;
	/* What made it open anew is cured by an acknowledgement only. */
	if (health->n_reopened == 0)
		health->reason[0] = '\0';
	lane_timer_start(
		lane, &health->tick, random_jitter(TICK_MS, 10), on_tick, NULL);
}

void health_on_disconnect(struct lane *lane)
{
	lane->health->is_ready = false;
	lane_timer_stop(&lane->health->tick);
}
