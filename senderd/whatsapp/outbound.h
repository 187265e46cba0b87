/* What outbound.c shares with its helpers; the lane's view of it is in lane.h.
 *
 * A job is taken only in the order of device_seq.  Memory holds at most max_in_flight messages that
 * wait for the server's ack and a bounded look-ahead; everything else stays in
 * the store, which is read again after any gap, reconnect or dropped turn. */
#ifndef SENDERD_WHATSAPP_OUTBOUND_H
#define SENDERD_WHATSAPP_OUTBOUND_H

#include "senderd/lane.h"
#include "senderd/whatsapp/jobs.h"
#include "senderd/whatsapp/receipt.h"
#include "senderd/whatsapp/tokens.h"

/* Ends a message for good; the job is gone. */
void outbound_fail(struct lane *lane, struct job *job, const char *reason);
/* A job's lookup is answered: it stands in line again. */
void outbound_resume(struct lane *lane, struct job *job);
/* Sends what can be sent, in a turn of its own, soon. */
void outbound_kick(struct lane *lane);
/* From now on chats are addressed by number, or by LID, which is what the lane starts with. */
int outbound_address(struct lane *lane, bool by_number, struct err *err);
struct lookup *outbound_lookup(struct lane *lane);
/* Receipts that wait for company while the offline backlog is read. */
struct receipt_batch *outbound_receipts(struct lane *lane);

struct tokens_due *outbound_tokens(struct lane *lane);
/* How many resends wait for a peer's keys just now: retry.c bounds and counts them. */
unsigned *outbound_resends(struct lane *lane);

#endif
