/* The lane's end of the socket pair to its supervisor: jobs, questions and
 * commands in; answers, events and reports out. */
#ifndef SENDERD_MAILBOX_H
#define SENDERD_MAILBOX_H

#include <stdbool.h>

#include "common/err.h"
#include "senderd/lane.h"

/* Entry of the lane's protocol table. */
extern const struct lws_protocols mailbox_protocol;

/* Adopts @fd into the lane's loop; owns it from then on.  Starts the heartbeat:
 * a report every 10 s, by which the supervisor knows that the lane does not
 * hang. */
int mailbox_open(struct lane *lane, int fd, struct err *err);
void mailbox_close(struct mailbox **mailboxp);

/* Queued until mailbox_flush(), which keeps what the socket does not take at
 * once.  Too many: events are dropped, since their readers find the gap and
 * read the store. */
void mailbox_send(
	struct lane *lane, Bus__Envelope *envelope); /* takes ownership */
void mailbox_flush(struct lane *lane);
void mailbox_drop_turn(
	struct lane *lane); /* forgets what was queued since the last flush */
/* Tells the supervisor the state at the end of this turn. */
void mailbox_report(struct lane *lane);

/* ---- answers ---- */
struct asker { /* to whom an answer goes */
	uint64_t request_id, trace_id;
};
struct asker mailbox_asker(const Bus__Envelope *question);
/* An answer to fill and to give to lane_tell(). */
Bus__Envelope *mailbox_answer(const struct lane *lane, struct asker asker);
void mailbox_refuse(struct lane *lane, struct asker asker, enum err_code code,
	const char *why);

#endif
