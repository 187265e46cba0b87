/* Receipts: ours for what we got, theirs for what we sent (messages.md 4.3, 6).
 */
#ifndef SENDERD_WHATSAPP_RECEIPT_H
#define SENDERD_WHATSAPP_RECEIPT_H

#include "common/buf.h"
#include "senderd/lane.h"

/* Receipts with the same addresses and type that wait for company: only while
 * the backlog is read, for some milliseconds, and never longer than the
 * connection. */
struct receipt_batch {
	struct lane_timer timer;
	struct wa_jid to, participant,
		recipient; /* the last two may be empty */
	const char *type;  /* NULL = delivered; a literal */
	struct buf ids;	   /* NUL-terminated, one after another */
	size_t n;
};

/* What a receipt of ours answers. */
struct receipt_for {
	const struct wa_node *message;
	const char *id;
	bool is_own;  /* sent by another device of our account */
	bool is_peer; /* category=peer, or a self-only protocol message */
	bool is_group;
	struct wa_jid chat;
};
/* The one receipt for a message that was handled. */
void receipt_send_handled(struct lane *lane, const struct receipt_for *about);
/* The additional one for a history sync notification. */
void receipt_send_history(struct lane *lane, const char *id);
/* Forgets what waits: it was not committed, or its connection is gone. */
void receipt_on_disconnect(struct lane *lane);
void receipt_batch_fini(struct receipt_batch *batch);

/* The time of a stanza of the server in unix ms.  It tells whole seconds; where
 * our clock agrees with them, it gives the milliseconds.  Now when there is
 * none. */
int64_t receipt_time_ms(const struct wa_node *stanza);

#endif
