/* The server's supply of our prekeys, and the signed prekey
 * (connection.md 7.3). */
#ifndef SENDERD_WHATSAPP_PREKEYS_H
#define SENDERD_WHATSAPP_PREKEYS_H

#include "senderd/lane.h"

struct prekeys *prekeys_new(void);
void prekeys_free(struct prekeys **prekeysp);
void prekeys_on_disconnect(struct lane *lane);
/* Once a connection, when READY: has the server still got our keys? */
void prekeys_check_digest(struct lane *lane);
/* The server has taken the signed prekey of the registration. */
void prekeys_on_paired(struct lane *lane);
/* Makes signed prekey @id for the lane's identity and stores it. */
int prekeys_make_signed(struct lane *lane, uint32_t id,
	struct lane_signed_prekey *out, struct err *err);
/* As far as we know: one-time keys at the server. */
int64_t prekeys_left(const struct lane *lane);

#endif
