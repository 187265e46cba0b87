/* The media of messages that leave: uploaded once, encrypted, and named by
 * every message that shows it, for days (messages.md 7.4). */
#ifndef SENDERD_WHATSAPP_MEDIA_OUT_H
#define SENDERD_WHATSAPP_MEDIA_OUT_H

#include "common/media/convert.h"
#include "common/wa/media.h"
#include "senderd/lane.h"

struct err;
struct media_uploads;

struct media_uploads *media_uploads_new(void);
void media_uploads_free(struct media_uploads **uploadsp);

enum media_out_state {
	MEDIA_OUT_READY,
	MEDIA_OUT_WAITS,
	MEDIA_OUT_REFUSED,
	MEDIA_OUT_FAILED, /* the lane database or the store: drop the turn */
};

struct media_out {
	struct wa_media_ref ref;
	int64_t key_ms; /* unix, for mediaKeyTimestamp */
	/* of the media row: */
	enum media_kind kind;
	char mime[96];
	char file_name[256]; /* "" = none */
	uint64_t size;
	uint32_t width, height, seconds, pages;
	bool is_animated;
	const uint8_t *thumbnail; /* NULL = none; in the turn's arena */
	size_t n_thumbnail;
	const uint8_t *waveform; /* the same */
	size_t n_waveform;
};
/* What a message with media row @media_id is to say, its blob being of @type:
 * the row's own, or DOCUMENT, as which any file may be sent.  WAITS: an upload
 * was started or joined; outbound_resume_media() is called in a later turn,
 * with a reason when it is given up.  REFUSED: *@reason_out is a literal. */
enum media_out_state media_out_get(struct lane *lane, int64_t media_id,
	enum wa_media_type type, struct media_out *out, const char **reason_out,
	struct err *err);

#endif
