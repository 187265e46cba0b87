#include "senderd/whatsapp/keepalive.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/health.h"
#include "senderd/whatsapp/stream.h"

/* So a server that fell silent is left after at most 30 + 2 * 10 s. */
#define FAILURES_MAX 2

struct keepalive {
	struct lane_timer
		timer;	   /* the next ping, or the deadline of the last */
	int64_t asked_ms;  /* monotonic */
	unsigned failures; /* in a row */
};

struct keepalive *keepalive_new(void)
{
	return xcalloc(1, sizeof(struct keepalive));
}

void keepalive_free(struct keepalive **keepalivep)
{
	struct keepalive *keepalive = move(*keepalivep);

	if (keepalive == NULL)
		return;
	lane_timer_stop(&keepalive->timer);
	free(keepalive);
}

static void ping_later(struct lane *lane);
static void ping(struct lane *lane);

static void on_pong(struct lane *lane, const struct wa_node *answer, void *arg)
{
	/* The frame itself was the sign of life. */
	(void)lane;
	(void)answer;
	(void)arg;
}

static void on_deadline(struct lane *lane, void *arg)
{
	struct keepalive *keepalive = lane->keepalive;

	(void)arg;
	if (lane->last_frame_ms >= keepalive->asked_ms) {
		keepalive->failures = 0;
		health_on_pong(lane);
		ping_later(lane);
		return;
	}
	keepalive->failures++;
	health_on_silence(lane, clock_mono_ms() - lane->last_frame_ms);
	log_warning("keepalive failures=%u: %s", keepalive->failures,
		keepalive->failures < FAILURES_MAX ? "asking again"
						   : "reconnecting");
	if (keepalive->failures < FAILURES_MAX)
		ping(lane);
	else
		stream_on_lost(lane, "the server fell silent");
}

static void ping(struct lane *lane)
{
	struct keepalive *keepalive = lane->keepalive;
	struct wa_node *iq = iq_new(lane, "get", "w:p");

	wa_node_add(iq, "ping");
	iq_send(lane, iq, on_pong, NULL);
	keepalive->asked_ms = clock_mono_ms();
	lane_timer_start(lane, &keepalive->timer,
		lane->config->sender.ping_deadline_sec * 1000LL, on_deadline,
		NULL);
}

static void on_ping_due(struct lane *lane, void *arg)
{
	(void)arg;
	ping(lane);
}

static void ping_later(struct lane *lane)
{
	int64_t low_ms = lane->config->sender.ping_min_sec * 1000LL;
	int64_t high_ms = lane->config->sender.ping_max_sec * 1000LL;

	if (high_ms < low_ms)
		high_ms = low_ms;
	lane_timer_start(lane, &lane->keepalive->timer,
		random_between(low_ms, high_ms), on_ping_due, NULL);
}

void keepalive_start(struct lane *lane)
{
	lane->keepalive->failures = 0;
	ping_later(lane);
}

void keepalive_ask(struct lane *lane)
{
	lane_timer_stop(&lane->keepalive->timer);
	ping(lane);
}

void keepalive_stop(struct lane *lane)
{
	lane_timer_stop(&lane->keepalive->timer);
}
