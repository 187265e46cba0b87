/* What a turn of the lane has to tell the shared store: collected in memory,
 * written in one short transaction at the end of the turn, together with the
 * events they cause. */
#ifndef SENDERD_FACTS_H
#define SENDERD_FACTS_H

#include "common/store/device.h"
#include "common/store/message.h"
#include "senderd/lane.h"

struct facts *facts_new(void);
void facts_free(struct facts **factsp);

/* Texts are copied; public_id, account and device are filled in.  An inbound
 * message that is known already causes no event, nor does one of source
 * MESSAGE_BY_PHONE: that is our own message, sent on the phone or another
 * linked device. */
void facts_add_inbound(struct lane *lane, const struct message *message);
/* A status of one of our outbound messages. */
void facts_add_change(struct lane *lane, const struct message_change *change);
/* The same, on the word of somebody: it counts only when the message was sent
 * to that account.  @phone and @lid are its two names, bare users; NULL when
 * not known. */
void facts_add_receipt(struct lane *lane, const struct message_change *change,
	const char *phone, const char *lid);
void facts_add_reason(struct lane *lane, const char *wa_id, const char *reason);
void facts_add_retry(struct lane *lane, const char *wa_id);
/* The device row; @connected/@disconnected also append the session event. */
enum facts_session {
	FACTS_SESSION_NONE,
	FACTS_SESSION_CONNECTED,
	FACTS_SESSION_DISCONNECTED
};
void facts_add_state(struct lane *lane, const struct device_state *state,
	enum facts_session session, const char *reason);

/* This turn must not be committed: something it depends on failed (the lane
 * database, say). facts_commit() will fail with @err, so the turn is dropped as
 * a whole.  The first reason stays. */
void facts_fail(struct lane *lane, const struct err *err);
bool facts_failed(const struct lane *lane);

/* Writes them all; the events go to lane_tell().  -1: nothing was written. */
int facts_commit(struct lane *lane, struct err *err);
void facts_drop(struct lane *lane);
/* How many wait to be written, a failure included: 0 means that there is
 * nothing to commit. */
size_t facts_count(const struct lane *lane);

#endif
