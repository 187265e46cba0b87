/* Messages that could not be decrypted: ours to ask for, theirs to send again
 * (messages.md 5). */
#ifndef SENDERD_WHATSAPP_RETRY_H
#define SENDERD_WHATSAPP_RETRY_H

#include "common/wa/signal.h"
#include "senderd/lane.h"

/* Asks the sender of @message to encrypt it again, with fresh keys from the
 * second time on.  After the fourth time it is given up.  The caller acks the
 * stanza.  -1: the lane database failed. */
int retry_ask(struct lane *lane, const struct wa_node *message,
	const struct wa_jid *sender, enum wa_signal_result why,
	struct err *err);

/* <receipt type=retry>: a device asks us.  Answers only devices of the
 * message's recipient or our own, five times each; acks the receipt when it is
 * served. */
void retry_on_receipt(struct lane *lane, const struct wa_node *receipt);

#endif
