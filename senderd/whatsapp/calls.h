/* What apid asks a lane to do at once, and whose answer it passes on: groups,
 * presence, reading, blocking, pictures, privacy.  One row a method; parameters
 * and result are JSON. */
#ifndef SENDERD_WHATSAPP_CALLS_H
#define SENDERD_WHATSAPP_CALLS_H

#include <jansson.h>

#include "common/err.h"
#include "senderd/lane.h"
#include "senderd/mailbox.h"

struct call; /* one that waits for its answer; ends by exactly one of: */
void call_done(struct lane *lane, struct call **callp,
	json_t *result); /* takes @result; NULL = {} */
void call_fail(struct lane *lane, struct call **callp, enum err_code code,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The server's refusal in words: 401, 403 FORBIDDEN, 404 NOT_FOUND, 409
 * CONFLICT, 429 LIMIT, none TIMEOUT, else INTERNAL. */
void call_fail_answer(
	struct lane *lane, struct call **callp, const struct wa_node *answer);
/* Asks the server; its answer ends the call: {} or the refusal in words. */
void call_send(struct lane *lane, struct call **callp, struct wa_node *iq);
/* Text members of the parameters; NULL when missing or of another type. */
const char *call_text(const struct call *call, const char *key);
const json_t *call_param(const struct call *call, const char *key);
const json_t *call_params(const struct call *call);

/* Frees one whose asker will be told by others: the lane ends. */
void call_forget(struct call **callp);

/* A handler starts what is to be done; it owns @call until it has ended it,
 * which may be at once.  Only called while the lane is READY, or UNPAIRED where
 * that is said. */
typedef void call_fn(struct lane *lane, struct call *call);
struct call_method {
	const char *name; /* "groups.create" */
	call_fn *fn;
	bool is_unpaired; /* for a lane without a phone, and only that */
};
/* Tables of their parts, each ends with a NULL name. */
extern const struct call_method group_calls[];	 /* group_calls.c */
extern const struct call_method contact_calls[]; /* contact_calls.c */
extern const struct call_method chat_calls[];	 /* chat_calls.c */

extern const struct call_method media_calls[];	 /* media_calls.c */
extern const struct call_method passkey_calls[]; /* passkey.c */

void calls_on_question(struct lane *lane, const Bus__Envelope *question);

/* A phone ("+1555…" or digits), a JID, or one of our message ids' chats, as the
 * parameters name it.  -1: ERR_INVALID. */
int call_jid(struct lane *lane, const char *text, struct wa_jid *out,
	struct err *err);

#endif
