/* Answers to received messages by rules of their device. */
#ifndef COMMON_AUTOREPLY_H
#define COMMON_AUTOREPLY_H

#include "common/store/autoreply.h"
#include "common/store/message.h"
#include "vereda.pb-c.h"

struct config;
struct err;
struct tx;

/* Does the text fit?  Letter case and surrounding white space do not count. */
bool autoreply_matches(enum auto_reply_trigger type, const char *trigger_value,
	const char *text);
/* White space alone: as a trigger it fits nothing. */
bool autoreply_is_blank(const char *text);

/* In the transaction that stores @message (inbound, new, not of history): the
 * first enabled rule in order that fits accepts its reply with send_accept().
 * Nothing happens for groups, statuses, texts that no rule fits, messages older
 * than [auto_reply] max_age_sec, a chat that had its replies for this hour, or
 * when a budget, plan or pause forbids it.  *@job_out (owned by the caller, or
 * NULL) is to be given to the lane after the commit.  A failure of the reply
 * never fails the message: it is undone and logged.  -1: the transaction is
 * gone. */
int autoreply_answer(struct tx *tx, const struct config *config,
	const char *device_uid, const struct message *message, int64_t now_ms,
	Bus__Envelope **job_out, struct err *err);

#endif
