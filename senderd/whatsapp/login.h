/* Logging in: the payload of this connection, the way from <success> to READY,
 * and what the server says about the session on the way
 * (connection.md 7.2, 7.4, 7.6). */
#ifndef SENDERD_WHATSAPP_LOGIN_H
#define SENDERD_WHATSAPP_LOGIN_H

#include "common/buf.h"
#include "senderd/lane.h"

struct err;

/* Appends the ClientPayload: a login when the lane is paired, else a
 * registration. */
int login_build(struct lane *lane, struct buf *out, struct err *err);

void login_on_success(struct lane *lane, const struct wa_node *success);
void login_on_ib(struct lane *lane, const struct wa_node *ib);

#endif
