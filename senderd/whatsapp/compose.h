/* From an accepted message to what travels: the Message that is encrypted, and
 * what the stanza around it must say (messages.md 2.8, 3.4; docs/content.md).
 */
#ifndef SENDERD_WHATSAPP_COMPOSE_H
#define SENDERD_WHATSAPP_COMPOSE_H

#include <stdbool.h>

#include "common/buf.h"
#include "senderd/lane.h"
#include "senderd/whatsapp/jobs.h"

/* The attributes of the stanza; literals. */
struct envelope {
	const char *type;      /* "text", "media", "reaction", "poll" */
	const char *mediatype; /* of every <enc>, or NULL */
	const char *edit;      /* "1", "7", "8", or NULL */
	const char *polltype;  /* of <meta>, or NULL */
	bool is_hidden;	       /* decrypt-fail=hide */
};

struct composed {
	struct buf plain; /* the serialised Message, not padded */
	struct envelope envelope;
};
void composed_fini(struct composed *composed);

enum compose_state {
	COMPOSE_READY,
	COMPOSE_WAITS,	 /* for an upload: outbound_resume_media() will come */
	COMPOSE_REFUSED, /* *@reason_out: it can never be sent */
	COMPOSE_FAILED,	 /* the lane database or the store: drop the turn */
};
/* The same job gives the same Message, whenever it is composed: a resend must
 * not differ. */
enum compose_state compose(struct lane *lane, const struct job *job,
	struct composed *out, const char **reason_out, struct err *err);

/* How an envelope is kept with a sent message, and read back; @text must
 * outlive the result's use (its members are found in the tables of literals).
 */
#define ENVELOPE_TEXT 64
void envelope_text(const struct envelope *envelope, char out[ENVELOPE_TEXT]);
struct envelope envelope_parse(const char *text);

/* The 32 bytes that votes and edits of our own message @wa_id are encrypted
 * with: derived, so nothing needs to be kept. */
void compose_secret(
	const struct lane *lane, const char *wa_id, uint8_t out[32]);

#endif
