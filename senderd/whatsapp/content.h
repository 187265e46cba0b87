/* What a decrypted Message shows: looks through the wrappers, names the kind,
 * finds the text (messages.md 8.2). */
#ifndef SENDERD_WHATSAPP_CONTENT_H
#define SENDERD_WHATSAPP_CONTENT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/store/message.h"
#include "whatsapp.pb-c.h"

struct arena;

struct content {
	enum message_kind kind;
	const char *name; /* of an OTHER: "image", "poll", "field_88"; NULL for
			     a TEXT */
	const char *text; /* of a TEXT, or a caption; valid UTF-8; or NULL */
};

/* Through ephemeral, view-once, edit and such, at most eight deep; never NULL.
 */
const Wa__Message *content_unwrap(const Wa__Message *message);
/* @message is unwrapped.  False: there is nothing to show (a key distribution
 * alone, say).  Texts made up on the way are in @arena, others belong to
 * @message. */
bool content_describe(
	struct arena *arena, const Wa__Message *message, struct content *out);
#define CONTENT_TEXT_MAX \
	262144 /* bytes; 65536 characters is what WhatsApp allows */
/* A copy, cut at CONTENT_TEXT_MAX, in which bytes that are no UTF-8 are U+FFFD
 * and control characters are gone, but for line breaks and tabs. */
char *content_clean(struct arena *arena, const char *text);

#endif
