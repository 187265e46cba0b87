/* Message secrets: 32 bytes that come with a message, and with which others
 * encrypt what they say about it: votes, reactions, edits (messages.md 8.7).
 * Those of our own messages are derived (compose_secret), those of others kept.
 */
#ifndef SENDERD_WHATSAPP_SECRETS_H
#define SENDERD_WHATSAPP_SECRETS_H

#include "common/buf.h"
#include "senderd/lane.h"
#include "whatsapp.pb-c.h"

enum secret_use { SECRET_POLL_VOTE, SECRET_REACTION, SECRET_MESSAGE_EDIT };

#define SECRET_BYTES 32

/* Keeps what @context (may be NULL) says of the message @wa_id. -1: the lane
 * database failed. */
int secrets_keep(struct lane *lane, const char *wa_id,
	const struct wa_jid *chat, const struct wa_jid *sender,
	const Wa__MessageContextInfo *context, struct err *err);

/* Something said about a message. */
struct secret_note {
	enum secret_use use;
	const char *id;	      /* of the message */
	struct wa_jid chat;   /* bare */
	struct wa_jid author; /* of the message; empty: not known */
	struct wa_jid actor;  /* who says it */
	ProtobufCBinaryData payload, iv;
};
/* Appends the plaintext to @out: 1.  0: the secret is not known, or it is not
 * what was used.  -1: the lane database failed. */
int secrets_open(struct lane *lane, const struct secret_note *note,
	struct buf *out, struct err *err);

/* The key for what @actor says about the message @id of @author, both bare JIDs
 * as text, and the additional data that goes with it. */
void secrets_key(const uint8_t secret[SECRET_BYTES], enum secret_use use,
	const char *id, const char *author, const char *actor,
	uint8_t key_out[32], struct buf *aad_out);

#endif
