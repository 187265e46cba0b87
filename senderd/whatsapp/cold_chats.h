/* When WhatsApp stops us from starting chats: the reach-out time lock (463) and
 * the cap on new chats (475).  Messages to somebody who never wrote to us then
 * wait in the queue, with the reason and the time shown; answers to people who
 * did flow on.
 *
 * The server tells how long (w:mex query, mex notification).  Until it has, or
 * where it does not, the pause is one hour for the first lock and doubles with
 * each that follows, up to a day: another attempt counts as another reach-out.
 */
#ifndef SENDERD_WHATSAPP_COLD_CHATS_H
#define SENDERD_WHATSAPP_COLD_CHATS_H

#include <stdbool.h>

#include "senderd/lane.h"
#include "senderd/whatsapp/fanout.h"
#include "senderd/whatsapp/jobs.h"

struct cold_chats;

struct cold_chats *cold_chats_new(void);
void cold_chats_free(struct cold_chats **coldp);
/* READY: a pause of an earlier process may not be over. */
void cold_chats_on_ready(struct lane *lane);

/* Error 463 or 475 of an ack: pauses, and asks the server for the truth. */
void cold_chats_on_refused(struct lane *lane, int code);
/* If it was to a cold chat: the next lock starts from an hour again. */
void cold_chats_on_accepted(struct lane *lane, const struct job *job);
/* <notification type=mex>. -1: the lane database failed. */
int cold_chats_on_notification(
	struct lane *lane, const struct wa_node *notification, struct err *err);

/* Sets job->is_cold.  While paused: is the chat of @plan one that may not be
 * started?  *@parked: the job was put away, with its reason; it comes back
 * from the store when the pause ends. -1: the lane database failed. */
int cold_chats_park(struct lane *lane, struct job *job,
	const struct fanout *plan, bool *parked, struct err *err);
/* Messages put away since the pause began. */
size_t cold_chats_parked(const struct lane *lane);
/* Unix ms until when, 0 = not paused; and why. */
int64_t cold_chats_until_ms(const struct lane *lane);
const char *cold_chats_reason(const struct lane *lane);

#endif
