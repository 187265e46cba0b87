/* What our own phone tells a linked device: keys, history, the numbers behind
 * LIDs (messages.md 4.4, 4.7). */
#ifndef SENDERD_WHATSAPP_PEER_H
#define SENDERD_WHATSAPP_PEER_H

#include "senderd/lane.h"
#include "whatsapp.pb-c.h"

/* Is this a type that only the own account may send? */
bool peer_is_self_only(const Wa__ProtocolMessage *protocol);
/* Handles one from the own account, once for each (@sender, @id). *@is_history:
 * answer with hist_sync as well.  -1: the lane database failed. */
int peer_on_protocol(struct lane *lane, const struct wa_jid *sender,
	const char *id, const Wa__ProtocolMessage *protocol, bool *is_history,
	struct err *err);

#endif
