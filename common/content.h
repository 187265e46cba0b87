/* What a client asks to send, against docs/content.md: every member is checked
 * for its kind and place, what does not belong there is refused, and the rest
 * is written as the one JSON that a lane can rely on. */
#ifndef COMMON_CONTENT_H
#define COMMON_CONTENT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/store/message.h"

struct err;

#define CONTENT_CAPTION_MAX 1024 /* characters */
#define CONTENT_QUESTION_MAX 255 /* characters, of a poll */
#define CONTENT_EMOJI_MAX 32	 /* bytes */
#define CONTENT_OPTIONS_MAX 12
#define CONTENT_OPTION_MAX 100 /* characters */
#define CONTENT_CONTACTS_MAX 10
#define CONTENT_VCARD_MAX 16384 /* bytes */
#define CONTENT_MENTIONS_MAX 1000
#define CONTENT_AUDIENCE_MAX 5000
#define CONTENT_QUOTE_MAX 1024	/* bytes of a quoted text */
#define CONTENT_JSON_MAX 262144 /* bytes; a job on the bus holds it */

/* Where it is to go. */
struct content_place {
	enum message_kind kind;
	bool is_group;
	bool is_status;
};

struct content_out {
	const char *text; /* borrowed from the members; NULL = none */
	char *json;	  /* owned; NULL when there is nothing but text */
};
void content_out_fini(struct content_out *out);

/* @members: the request's body without what only addresses it (to, type,
 * mediaId and such).  target and quote name a WhatsApp id: {messageId} is
 * resolved before.  ERR_INVALID with a sentence that names the member. */
int content_check(json_t *members, const struct content_place *place,
	struct content_out *out, struct err *err);

/* Kinds that can be sent: 0.  -1 and ERR_INVALID for those that only come in,
 * for unknown ones, and, with the reason, for those that no consumer client
 * shows (buttons, lists, templates, products). */
int content_kind(const char *name, enum message_kind *out, struct err *err);

/* @text cut to at most @max_bytes at a character's border; caller frees. */
char *content_cut(const char *text, size_t max_bytes);

#endif
