/* What becomes of a decrypted Message: a row of the store and its event, keys,
 * secrets and settings of the lane. */
#ifndef SENDERD_WHATSAPP_RECEIVED_H
#define SENDERD_WHATSAPP_RECEIVED_H

#include "senderd/lane.h"
#include "senderd/whatsapp/inbound.h"
#include "whatsapp.pb-c.h"

/* Handles one; a copy from our phone corrects @in's chat.  *@is_history: it
 * wants a hist_sync receipt as well.  -1: the lane database or the store
 * failed. */
int received_handle(struct lane *lane, struct inbound *in,
	const Wa__Message *message, bool *is_history, struct err *err);
/* Only the phone has the content (view once, say): shown as such. */
int received_unavailable(
	struct lane *lane, const struct inbound *in, struct err *err);
/* Is there a row of this very message, from a delivery before this one? */
int received_is_known(struct lane *lane, const struct inbound *in,
	bool *known_out, struct err *err);
/* The name that the sender shows, cleaned; NULL: none. */
const char *received_push_name(struct lane *lane, const struct inbound *in);

#endif
