/* The lane's websocket: dialling, Noise, frames in and out.  It knows nothing
 * of what the stanzas mean: it hands each one to stream_on_stanza().
 *
 * A connection object is one attempt.  It is used up when it ends, for whatever
 * reason: stream_on_lost() then decides what follows. */
#ifndef SENDERD_WHATSAPP_CONNECTION_H
#define SENDERD_WHATSAPP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/wa/node.h"
#include "senderd/lane.h"

struct err;

/* The TLS context that all lanes share: made before the first fork, so that the
 * authorities are in memory once.  *@out is NULL for a ws:// url. */
int connection_tls_open(
	const struct config *config, SSL_CTX **out, struct err *err);

/* Entry of the lane's protocol table: the first one, see connection.c. */
extern const struct lws_protocols connection_protocol;

/* Dials.  -1: nothing was started (a bad url, no memory for a socket);
 * stream_on_lost() is then not called. */
int connection_open(struct lane *lane, struct err *err);
/* Drops the socket at once and frees lane->connection.  Calls nobody. */
void connection_close(struct lane *lane);
/* Past its handshake: stanzas may be sent. */
bool connection_is_up(const struct lane *lane);
/* The server has answered our payload, with QR refs or <success>: the deadline
 * for that is over. */
void connection_on_answer(struct lane *lane);
/* Past its login: large frames are welcome. */
void connection_on_login(struct lane *lane);

/* Collects a stanza of this turn; connection_flush() seals them in order and
 * asks for the socket; connection_drop_turn() forgets them. */
void connection_send(struct lane *lane, const struct wa_node *node);
void connection_flush(struct lane *lane);
void connection_drop_turn(struct lane *lane);
size_t connection_unsent(const struct lane *lane); /* bytes */

#endif
