/* The facts about groups and status on their way into the store: who has
 * reported on a message, and what happened to a group.  For facts.c. */
#ifndef SENDERD_FACTS_GROUP_H
#define SENDERD_FACTS_GROUP_H

#include "common/eventlog.h"
#include "common/store/message.h"
#include "senderd/lane.h"

struct arena;

struct group_receipt {
	struct message_change change;
	const char *chat;	 /* its JID */
	const char *phone, *lid; /* of the account that reports; one may be
				    NULL */
};
/* Notes it, if the message was sent to that chat.  *@was_queued: the server's
 * ack was lost.  ERR_NOT_FOUND: there is no such message. */
int group_receipt_write(struct lane *lane, struct tx *tx,
	const struct group_receipt *receipt, bool *was_queued, struct err *err);
/* What the message is by now, from all who have reported: DELIVERED, READ or
 * PLAYED when all did, else 0.  ERR_NOT_FOUND as above. */
int group_receipt_settle(struct lane *lane, const char *wa_id,
	enum message_status *status_out, struct err *err);

/* A copy with all its texts in @arena. */
struct group_event group_event_keep(
	struct arena *arena, const struct group_event *event);
/* Fills in contact ids, which may make contacts, and appends the event. */
int group_event_write(struct lane *lane, struct tx *tx,
	struct group_event *event, Bus__Envelope **event_out, struct err *err);

#endif
