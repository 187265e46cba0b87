/* Does a lane that calls itself connected really work?  Measured end to end:
 * what stands in the queue must be acknowledged by the server, whatever else
 * flows.
 *
 * A lane that stalls repairs itself in steps: it asks the server for a sign of
 * life, opens the connection anew, and at last starts its process anew.  From
 * the first step until the next acknowledgement it is "degraded". */
#ifndef SENDERD_HEALTH_H
#define SENDERD_HEALTH_H

#include "senderd/lane.h"

struct health;

struct health *health_new(void);
void health_free(struct health **healthp);

void health_on_ready(struct lane *lane);
void health_on_disconnect(struct lane *lane);
/* The server acknowledged, or refused, a message of ours. */
void health_on_ack(struct lane *lane);
/* keepalive.c: a ping stayed unanswered, or the server spoke again. */
void health_on_silence(struct lane *lane, int64_t frame_age_ms);
void health_on_pong(struct lane *lane);

/* What its timer does every five seconds. */
void health_check_now(struct lane *lane);

/* "" while not READY, "ok", "degraded"; and why. */
const char *health_name(const struct lane *lane);
const char *health_reason(const struct lane *lane);
/* Since the last acknowledgement on this connection; -1 = none yet. */
int64_t health_ack_age_ms(const struct lane *lane);
/* For how long something has waited without any acknowledgement; 0 = nothing
 * waits, or things flow. */
int64_t health_stalled_ms(const struct lane *lane);

#endif
