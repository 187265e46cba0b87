/* Linking an account that demands a passkey (connection.md 6.4).
 *
 * The phone's owner proves with WebAuthn who they are: the server sends the
 * request for it, the client of our API has a browser answer it, and phone and
 * gateway then agree on a key over an 8-character code that both show.  After
 * that it goes on with pair-success, as with a QR code. */
#ifndef SENDERD_WHATSAPP_PASSKEY_H
#define SENDERD_WHATSAPP_PASSKEY_H

#include "senderd/lane.h"
#include "senderd/whatsapp/calls.h"

struct passkey;

struct passkey *passkey_new(void);
void passkey_free(struct passkey **passkeyp);
/* Its connection is gone, or a phone is linked: what was under way is void. */
void passkey_drop(struct passkey *passkey);

/* <notification type=passkey_prologue_request | crsc_continuation>, while
 * UNPAIRED; acked by the caller. */
void passkey_on_notification(
	struct lane *lane, const struct wa_node *notification);

/* passkey.get {} -> {state: "none" | "requested" | "answered" | "confirm" |
 * "confirmed", options?, code?, expiresAt?}; passkey.answer {response: a
 * WebAuthn response}; passkey.confirm {}. */
extern const struct call_method passkey_calls[];

#endif
