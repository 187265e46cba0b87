/* Groups and the status feed about which the server must be asked before
 * anything can be sent: members, devices, keys; and those where the first
 * message that brings the sender key is on its way.  Their messages stand here
 * in order until then. */
#ifndef SENDERD_WHATSAPP_CASTHOLD_H
#define SENDERD_WHATSAPP_CASTHOLD_H

#include <sys/queue.h>

#include "senderd/lane.h"
#include "senderd/whatsapp/jobs.h"

enum cast_need {
	CAST_NEEDS_MEMBERS,
	CAST_NEEDS_PRIVACY, /* of status */
	CAST_NEEDS_DEVICES,
	CAST_NEEDS_KEYS,
	CAST_NEEDS_ACK, /* of the message that brings the sender key: the next
			   would bring it once more */
};

struct cast_line;
TAILQ_HEAD(cast_line_list, cast_line);
struct casthold {
	struct cast_line_list lines;
	uint64_t last_serial;
};

void casthold_init(struct casthold *hold);
/* Forgets everything but the jobs: those belong to the caller's table. */
void casthold_clear(struct casthold *hold);

/* Puts @job in its chat's line and asks: for the devices of @jids
 * (CAST_NEEDS_DEVICES) or their keys. */
void casthold_hold(struct lane *lane, struct job *job, enum cast_need need,
	const struct wa_jid *jids, size_t n);
/* @job has been sent; the chat's others wait for its ack. */
void casthold_await(struct lane *lane, const struct job *job);
/* It is answered. */
void casthold_release(struct lane *lane, const struct job *job);
/* True when the chat waits: @job has joined the others there. */
bool casthold_joins(struct lane *lane, struct job *job);
/* Questions that failed are asked again, if they are due at @now_ms
 * (monotonic); @fn sees every job and may end it. */
void casthold_on_tick(struct lane *lane, int64_t now_ms,
	void (*fn)(struct lane *lane, struct job *job));

#endif
