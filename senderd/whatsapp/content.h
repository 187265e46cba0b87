/* What a decrypted Message shows, in the shape of docs/content.md: looks
 * through the wrappers, names the kind, finds the text, collects the rest as
 * JSON (messages.md 8.2).  Everything is a peer's: what is handed out is valid
 * UTF-8 and bounded. */
#ifndef SENDERD_WHATSAPP_CONTENT_H
#define SENDERD_WHATSAPP_CONTENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/store/message.h"
#include "senderd/lane.h"
#include "senderd/whatsapp/media_in.h"
#include "whatsapp.pb-c.h"

struct arena;

/* Where a Message stands.  Keys in it are written from its sender's point of
 * view, and answers name people the way their chat does. */
struct content_from {
	struct wa_jid chat;   /* bare */
	struct wa_jid sender; /* bare or a device */
	bool is_own;	      /* our account sent it, on another device */
};

struct content {
	enum message_kind kind;
	const char *text; /* or NULL; in the lane's arena, or a literal */
	json_t *json;	  /* owned; NULL while there is nothing to say */
	/* has_media: there is a blob to fetch.  All of it is filled in but
	 * chat, sender, is_own and wa_id; some of it belongs to the Message. */
	bool has_media;
	struct media_found media;
};
void content_fini(struct content *content);

/* Through ephemeral, view-once, edit and such, at most eight deep; never NULL.
 */
const Wa__Message *content_unwrap(const Wa__Message *message);
/* False: there is nothing to show (a key distribution alone, say).  @out must
 * be empty, and is to be finished in any case.  What needs more than the
 * Message (revokes, edits, votes) is described by addon.h. */
bool content_describe(struct lane *lane, const struct content_from *from,
	const Wa__Message *message, struct content *out);
/* Kind OTHER, with "type": @type. */
void content_set_other(struct content *out, const char *type);
/* A member of the content, which takes @value. */
void content_set(struct content *out, const char *key, json_t *value);
/* The media's public id and where it can be had, once there is a row of it. */
void content_set_media_id(struct content *content, const char *media_id);
/* The JSON as text, in the lane's arena; NULL when there is none. */
const char *content_render(struct lane *lane, const struct content *content);

/* ---- people and the messages that a message is about ---- */

/* "+15550002222", or the JID while only a LID is known; in the lane's arena. */
const char *content_name(struct lane *lane, const struct wa_jid *jid);

#define CONTENT_ID_MAX 128 /* bytes of a message id */
struct content_target {
	const char *id; /* the key's */
	bool is_ours;
	struct wa_jid author; /* bare; empty: not told */
};
/* Which message @key means.  False: it names none. */
bool content_target(const struct lane *lane, const struct content_from *from,
	const Wa__MessageKey *key, struct content_target *out);
/* {id, fromMe, participant} as a member of the content. */
void content_set_target(struct lane *lane, struct content *out,
	const struct content_target *target);

/* ---- text from a peer ---- */

#define CONTENT_TEXT_MAX \
	262144 /* bytes; 65536 characters is what WhatsApp allows */
/* A copy, cut at CONTENT_TEXT_MAX, in which bytes that are no UTF-8 are U+FFFD
 * and control characters are gone, but for line breaks and tabs. */
char *content_clean(struct arena *arena, const char *text);
/* The same, cut at @max bytes between two characters. */
char *content_clean_cut(struct arena *arena, const char *text, size_t max);
/* The same for a name or a title: line breaks and tabs become spaces. */
char *content_line(struct arena *arena, const char *text, size_t max);

#endif
