/* The stream of stanzas: what each is given to, and what happens when it ends.
 */
#ifndef SENDERD_WHATSAPP_STREAM_H
#define SENDERD_WHATSAPP_STREAM_H

#include "senderd/lane.h"
#include "senderd/whatsapp/ending.h"

/* Dials now, from any state that may. */
void stream_dial(struct lane *lane);

/* At start: a ban of an earlier process is not over. */
void stream_wait_for_ban(struct lane *lane, int64_t until_ms);

/* ---- called by connection.c ---- */
void stream_on_handshake(
	struct lane *lane);	      /* the websocket is open, Noise begins */
void stream_on_up(struct lane *lane); /* the payload is on its way */
void stream_on_stanza(struct lane *lane, const struct wa_node *node);
void stream_on_lost(struct lane *lane, const char *why);

/* READY: counts failures from zero again, once the session has held for a
 * while. */
void stream_on_ready(struct lane *lane);

/* Closes the connection, tells every part that had something under way on it,
 * and goes to where @ending leads. */
void stream_end(struct lane *lane, const struct ending *ending);

/* A one-time telemetry stanza that clients send now and then
 * (connection.md 7.5). */
void stream_send_unified_session(struct lane *lane);

#endif
