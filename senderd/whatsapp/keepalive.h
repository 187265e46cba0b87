/* Keep-alive: a ping every 20..30 s, and leaving a server that says nothing
 * (connection.md 7.7).  Any frame is a sign of life. */
#ifndef SENDERD_WHATSAPP_KEEPALIVE_H
#define SENDERD_WHATSAPP_KEEPALIVE_H

#include "senderd/lane.h"

struct keepalive *keepalive_new(void);
void keepalive_free(struct keepalive **keepalivep);
void keepalive_start(
	struct lane *lane); /* after the handshake, also while pairing */
void keepalive_stop(struct lane *lane);
/* Asks for a sign of life now. */
void keepalive_ask(struct lane *lane);

#endif
