/* What content*.c share.  Nothing else includes it. */
#ifndef SENDERD_WHATSAPP_CONTENT_IMPL_H
#define SENDERD_WHATSAPP_CONTENT_IMPL_H

#include "senderd/whatsapp/content.h"

/* Bytes of text in the JSON of one message. */
#define CONTENT_TEXTS_MAX 131072
#define CONTENT_NAME_MAX 1024 /* of a name, a title, a file name */

/* One Message being read. */
struct reading {
	struct lane *lane;
	const struct content_from *from;
	struct content *out;
	size_t left; /* of CONTENT_TEXTS_MAX */
	bool is_view_once;
	bool is_animated; /* was in the wrapper of animated stickers */
	bool is_quoted;	  /* only kind and text count */
};

/* A cleaned copy of at most @max bytes; NULL when there is none, or no room. */
const char *content_take(struct reading *r, const char *text, size_t max);
/* The same in one line. */
const char *content_take_line(struct reading *r, const char *text, size_t max);
/* Such a line as a member: nothing when it is NULL or "". */
void content_put(
	struct reading *r, json_t *object, const char *key, const char *text);
void content_put_flag(json_t *object, const char *key, bool value);
void content_put_number(json_t *object, const char *key, uint64_t value);

/* Text of the message itself; "" stays NULL. */
void content_set_text(struct reading *r, const char *text);
/* Kind and everything else of an unwrapped Message.  False: nothing to show. */
bool content_read(struct reading *r, const Wa__Message *message);

/* ---- content_context.c ---- */
void content_read_context(struct reading *r, const Wa__ContextInfo *context);

/* ---- content_media.c: fields of a Message, by their type ---- */
void content_read_image(struct reading *r, const void *field);
void content_read_video(struct reading *r, const void *field);
void content_read_video_note(struct reading *r, const void *field);
void content_read_audio(struct reading *r, const void *field);
void content_read_document(struct reading *r, const void *field);
void content_read_sticker(struct reading *r, const void *field);

#endif
