/* What outbound*.c share with each other and with their helpers; the lane's
 * view is in lane.h.
 *
 * A job is taken only in the order of device_seq.  Memory holds at most
 * max_in_flight messages that wait for the server's ack and a bounded
 * look-ahead; everything else stays in the store, which is read again after any
 * gap, reconnect or dropped turn. */
#ifndef SENDERD_WHATSAPP_OUTBOUND_H
#define SENDERD_WHATSAPP_OUTBOUND_H

#include "common/store/message.h"
#include "senderd/lane.h"
#include "senderd/whatsapp/jobs.h"
#include "senderd/whatsapp/receipt.h"
#include "senderd/whatsapp/tokens.h"

struct outbound {
	struct jobs jobs;
	struct job_line waiting;   /* may be sent */
	struct job_line in_flight; /* the server's ack is due */
	struct job_line resting;   /* refused for now */
	struct job_line uploading; /* their media is on its way to the host */
	size_t n_in_flight;
	struct lookup *lookup; /* more of them: recipients being asked about */
	struct groupcast *groupcast; /* and groups */
	struct group *group;	     /* the one used last, or NULL: group.c */

	int64_t last_seq; /* newest device_seq taken */
	bool is_behind;	  /* the store has, or may have, newer ones */
	bool by_number;	  /* the server took a chat only by number: lane value
			     "dm_namespace" */

	bool asking_own; /* a question about our own devices is under way */
	int64_t own_asked_ms;	   /* monotonic: after a failure, not before */
	int64_t own_keys_asked_ms; /* monotonic: keys, not before */
	struct cold_chats *cold;

	struct lane_timer kick, tick;
	bool is_kicked;
	unsigned n_ticks;
	struct receipt_batch
		receipts; /* wait for company while the backlog is read */
	struct tokens_due tokens;
	unsigned n_resends; /* wait for a peer's keys: retry.c bounds them */
};

/* Moves a job to one of the lines above, and keeps count. */
void outbound_place(
	struct outbound *ob, struct job *job, struct job_line *line);
/* Forgets a job whose end is recorded. */
void outbound_drop(struct outbound *ob, struct job *job);
/* Ends a message for good; the job is gone. */
void outbound_fail(struct lane *lane, struct job *job, const char *reason);
/* A receipt by the account @reader (in either namespace), or in the group or
 * the status feed @reader.  If that is whom an unacknowledged message is for,
 * the server had it and the ack was lost: records SENT. */
void outbound_on_delivered(struct lane *lane,
	const struct message_change *change, const struct wa_jid *reader);
/* The media that messages wait for is at the host, or will never be: @reason.
 */
void outbound_resume_media(
	struct lane *lane, int64_t media_id, const char *reason);
/* A job's lookup is answered: it stands in line again. */
void outbound_resume(struct lane *lane, struct job *job);
/* The store's queue is read from its start: what was put away comes back. */
void outbound_read_again(struct lane *lane);
/* Sends what can be sent, in a turn of its own, soon. */
void outbound_kick(struct lane *lane);
/* From now on chats are addressed by number, or by LID, which is what the lane
 * starts with. */
int outbound_address(struct lane *lane, bool by_number, struct err *err);

#endif
