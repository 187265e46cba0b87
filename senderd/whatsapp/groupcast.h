/* Messages to a group and to status: encrypted once with our sender key, which
 * every device gets before (messages.md 3.1, 3.2). */
#ifndef SENDERD_WHATSAPP_GROUPCAST_H
#define SENDERD_WHATSAPP_GROUPCAST_H

#include "senderd/lane.h"
#include "senderd/whatsapp/compose.h"
#include "senderd/whatsapp/jobs.h"

struct groupcast;

struct groupcast *groupcast_new(void);
void groupcast_free(struct groupcast **groupcastp);
void groupcast_on_disconnect(struct lane *lane);

enum groupcast_state {
	GROUPCAST_SENT,	   /* the stanza is queued; job->n_devices and
			      job->n_recipients are set */
	GROUPCAST_HELD,	   /* members, devices or keys are asked for: the job
			      stands in a line here until outbound_resume() or
			      outbound_fail() */
	GROUPCAST_REFUSED, /* *@reason_out: it can never be sent */
	GROUPCAST_FAILED,  /* the lane database: drop the turn */
};
enum groupcast_state groupcast_try(struct lane *lane, struct job *job,
	const struct composed *composed, const char **reason_out,
	struct err *err);
/* True when this chat's members are being asked about: @job has joined the
 * others there. */
bool groupcast_joins(struct lane *lane, struct job *job);
/* The server took it: who got the sender key has it now.  @phash of the ack, or
 * NULL. */
int groupcast_on_accepted(struct lane *lane, const struct job *job,
	const char *phash, struct err *err);
/* It did not.  *@again: build it once more (421: the addressing mode changed;
 * 479, 403 ...: the members are asked for anew). */
int groupcast_on_refused(struct lane *lane, struct job *job, int code,
	bool *again, struct err *err);

/* Questions that failed are asked again, if they are due at @now_ms
 * (monotonic).  @fn sees every job that stands here and may end it. */
void groupcast_on_tick(struct lane *lane, int64_t now_ms,
	void (*fn)(struct lane *lane, struct job *job));

/* ---- resends for one device that could not decrypt ---- */
enum groupcast_claim {
	GROUPCAST_MAY, /* it was for that account, and still would be */
	GROUPCAST_MAY_NOT,
	GROUPCAST_ASK_FIRST, /* group_ask(): we do not know who is in it */
	GROUPCAST_UNKNOWN,   /* the lane database failed */
};
/* May the device @asker (a session address) have message @wa_id of @chat? */
enum groupcast_claim groupcast_claim(struct lane *lane,
	const struct wa_jid *chat, const char *wa_id,
	const struct wa_jid *asker, struct err *err);
/* The Message for it: with our current sender key. */
int groupcast_resend_plain(struct lane *lane, const struct wa_jid *chat,
	const struct buf *kept, struct buf *plain_out, struct err *err);
/* False: so many resends have gone out in this minute that it must wait. */
bool groupcast_may_resend(struct lane *lane);

#endif
