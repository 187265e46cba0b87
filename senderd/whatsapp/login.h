/* Login and registration: the ClientPayload, and the way from <success> to READY
 * (connection.md 3, 7.2). */
#ifndef SENDERD_WHATSAPP_LOGIN_H
#define SENDERD_WHATSAPP_LOGIN_H

#include "common/buf.h"
#include "senderd/lane.h"

struct err;

/* Appends the serialised ClientPayload: a login when the lane is paired, else a
 * registration with @signed_prekey. */
int login_payload(const struct lane *lane, const struct lane_signed_prekey *signed_prekey, struct buf *out, struct err *err);
/* The same for the lane as it is, with its newest signed prekey. */
int login_build(struct lane *lane, struct buf *out, struct err *err);

void login_on_success(struct lane *lane, const struct wa_node *success);
void login_on_ib(struct lane *lane, const struct wa_node *ib);

#endif
