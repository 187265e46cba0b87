/* The media of messages that came: a row and a durable note of where the blob
 * is, then the download, now or when somebody asks for it; for what the host
 * has no longer, a question to the phone (messages.md 7.5, 7.6). */
#ifndef SENDERD_WHATSAPP_MEDIA_IN_H
#define SENDERD_WHATSAPP_MEDIA_IN_H

#include "common/ids.h"
#include "common/media/convert.h"
#include "common/wa/media.h"
#include "senderd/lane.h"

struct err;
struct media_in;

struct media_in *media_in_new(void);
void media_in_free(struct media_in **media_inp);
/* Goes on with what is not here yet. */
void media_in_on_ready(struct lane *lane);

/* What a message says of its file; checked, bounded, valid UTF-8. */
struct media_found {
	enum media_kind kind;
	struct wa_media_ref ref;
	const char *mime, *file_name; /* the name may be NULL */
	uint64_t size;		      /* as told; 0 = not told */
	uint32_t width, height, seconds, pages;
	bool is_animated;
	const uint8_t *thumbnail, *waveform; /* NULL = none */
	size_t n_thumbnail, n_waveform;
	/* The message: */
	const char *wa_id;
	const struct wa_jid *chat, *sender;
	bool is_own; /* our account sent it, on another device */
};
/* A new media row, PENDING: a fact, before that of its message.  -1: the lane
 * database failed. */
int media_in_found(struct lane *lane, const struct media_found *found,
	char media_id_out[UUID_LEN], struct err *err);
/* The same message once more, whose row names @media_id: the turn that should
 * have noted where the blob is was lost after the store's half of it.  Nothing
 * when it is noted, or not PENDING any more. */
int media_in_again(struct lane *lane, const struct media_found *found,
	const char *media_id, struct err *err);
/* Somebody wants it now.  0: it is or will be under way.  ERR_NOT_FOUND: it is
 * here, or never will be. */
int media_in_want(struct lane *lane, const char *media_id, struct err *err);

/* <notification type=mediaretry>: the phone's answer.  Its id is that of the
 * message, so one that was seen before may come again.  -1: the lane database
 * failed. */
int media_in_on_retry(
	struct lane *lane, const struct wa_node *notification, struct err *err);

#endif
