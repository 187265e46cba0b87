/* Pictures, films, sounds, files, stickers (messages.md 7.7); declared in
 * compose_impl.h. */
#include "senderd/whatsapp/compose_impl.h"

#include <string.h>

#include "common/own.h"
#include "senderd/whatsapp/media_out.h"

static ProtobufCBinaryData bytes(const uint8_t *data, size_t n)
{
	return (ProtobufCBinaryData){ n, (uint8_t *)data };
}

/* The fields that all media messages have under different numbers. */
#define REF_SET(c, m, media)                                               \
	do {                                                               \
		if ((media)->ref.url[0] != '\0')                           \
			(m)->url = (media)->ref.url;                       \
		(m)->direct_path = (media)->ref.direct_path;               \
		(m)->mimetype = (media)->mime;                             \
		(m)->has_media_key = (m)->has_file_sha256 =                \
			(m)->has_file_enc_sha256 = (m)->has_file_length =  \
				(m)->has_media_key_timestamp = 1;          \
		(m)->media_key = bytes((media)->ref.key, WA_MEDIA_KEY);    \
		(m)->file_sha256 = bytes((media)->ref.sha256, 32);         \
		(m)->file_enc_sha256 = bytes((media)->ref.enc_sha256, 32); \
		(m)->file_length = (media)->ref.length;                    \
		(m)->media_key_timestamp = (media)->key_ms / 1000;         \
		(m)->context_info = (c)->context;                          \
	} while (0)

#define PICTURE_SET(m, media)                                          \
	do {                                                           \
		(m)->has_width = (m)->has_height = (media)->width > 0; \
		(m)->width = (media)->width;                           \
		(m)->height = (media)->height;                         \
	} while (0)

#define THUMBNAIL_SET(m, media)                                          \
	do {                                                             \
		(m)->has_jpeg_thumbnail = (media)->n_thumbnail > 0;      \
		(m)->jpeg_thumbnail =                                    \
			bytes((media)->thumbnail, (media)->n_thumbnail); \
	} while (0)

static char *caption(const struct composing *c)
{
	return c->job->text[0] != '\0' ? (char *)c->job->text : NULL;
}

static bool media_flag(const struct composing *c, const char *key)
{
	return json_is_true(
		json_object_get(json_object_get(c->content, "media"), key));
}

static bool is_view_once(const struct composing *c)
{
	return json_is_true(json_object_get(c->content, "viewOnce"));
}

/* ---- the kinds ---- */

static void image_set(struct composing *c, struct media_out *media)
{
	Wa__ImageMessage *m = COMPOSE_NEW(c, ImageMessage, image_message);

	REF_SET(c, m, media);
	PICTURE_SET(m, media);
	THUMBNAIL_SET(m, media);
	m->caption = caption(c);
	m->has_view_once = m->view_once = is_view_once(c);
	c->message.image_message = m;
	c->envelope->mediatype = "image";
}

static void video_set(struct composing *c, struct media_out *media)
{
	Wa__VideoMessage *m = COMPOSE_NEW(c, VideoMessage, video_message);
	bool is_note = media_flag(c, "videoNote");

	REF_SET(c, m, media);
	PICTURE_SET(m, media);
	THUMBNAIL_SET(m, media);
	m->caption = is_note ? NULL : caption(c);
	m->has_seconds = 1;
	m->seconds = media->seconds;
	m->has_gif_playback = m->gif_playback =
		!is_note && media_flag(c, "gif");
	m->has_view_once = m->view_once = is_view_once(c);
	if (is_note)
		c->message.ptv_message = m;
	else
		c->message.video_message = m;
	c->envelope->mediatype = is_note	   ? "ptv"
				 : m->gif_playback ? "gif"
						   : "video";
}

static void audio_set(struct composing *c, struct media_out *media)
{
	Wa__AudioMessage *m = COMPOSE_NEW(c, AudioMessage, audio_message);
	bool is_voice = c->job->kind == MESSAGE_VOICE;

	REF_SET(c, m, media);
	m->has_seconds = 1;
	m->seconds = media->seconds;
	m->has_ptt = m->ptt = is_voice;
	m->has_waveform = is_voice && media->n_waveform > 0;
	if (m->has_waveform)
		m->waveform = bytes(media->waveform, media->n_waveform);
	m->has_background_argb =
		c->is_status && compose_background(c, &m->background_argb);
	m->has_view_once = m->view_once = is_view_once(c);
	c->message.audio_message = m;
	c->envelope->mediatype = is_voice ? "ptt" : "audio";
}

/* A caption goes into a wrapper, as official clients do it. */
static void document_set(struct composing *c, struct media_out *media)
{
	Wa__DocumentMessage *m =
		COMPOSE_NEW(c, DocumentMessage, document_message);
	const char *name = json_string_value(json_object_get(
		json_object_get(c->content, "media"), "fileName"));
	Wa__FutureProofMessage *wrapper = NULL;

	REF_SET(c, m, media);
	THUMBNAIL_SET(m, media);
	m->file_name = name != NULL ? (char *)name : media->file_name;
	m->title = m->file_name;
	m->has_page_count = media->pages > 0;
	m->page_count = media->pages;
	m->caption = caption(c);
	c->envelope->mediatype = "document";
	if (m->caption == NULL) {
		c->message.document_message = m;
		return;
	}
	wrapper = COMPOSE_NEW(c, FutureProofMessage, future_proof_message);
	wrapper->message = COMPOSE_NEW(c, Message, message);
	wrapper->message->document_message = m;
	c->message.document_with_caption_message = wrapper;
}

static void sticker_set(struct composing *c, struct media_out *media)
{
	Wa__StickerMessage *m = COMPOSE_NEW(c, StickerMessage, sticker_message);

	REF_SET(c, m, media);
	PICTURE_SET(m, media);
	m->has_is_animated = m->is_animated = media->is_animated;
	m->has_sticker_sent_ts = 1;
	m->sticker_sent_ts = c->job->created_ms;
	c->message.sticker_message = m;
	c->envelope->mediatype = "sticker";
}

static const struct {
	enum message_kind kind;
	enum wa_media_type type; /* of the blob: it decides the keys */
	void (*set)(struct composing *c, struct media_out *media);
	bool may_be_view_once;
} kinds[] = {
	{ MESSAGE_IMAGE, WA_MEDIA_IMAGE, image_set, true },
	{ MESSAGE_VIDEO, WA_MEDIA_VIDEO, video_set, true },
	{ MESSAGE_AUDIO, WA_MEDIA_AUDIO, audio_set, true },
	{ MESSAGE_VOICE, WA_MEDIA_AUDIO, audio_set, true },
	{ MESSAGE_DOCUMENT, WA_MEDIA_DOCUMENT, document_set, false },
	{ MESSAGE_STICKER, WA_MEDIA_IMAGE, sticker_set, false },
};

static void view_once_wrap(struct composing *c)
{
	Wa__FutureProofMessage *wrapper =
		COMPOSE_NEW(c, FutureProofMessage, future_proof_message);

	wrapper->message =
		arena_dup(c->lane->arena, &c->message, sizeof c->message);
	wa__message__init(&c->message);
	c->message.view_once_message = wrapper;
}

static void media_set(struct composing *c, size_t kind, struct media_out *media)
{
	kinds[kind].set(c, media);
	if (is_view_once(c))
		view_once_wrap(c);
	c->envelope->type = "media";
}

enum compose_state compose_media(struct composing *c)
{
	struct media_out *media = arena_alloc(c->lane->arena, sizeof *media);
	size_t kind = 0;

	while (kind < ARRAY_LEN(kinds) && kinds[kind].kind != c->job->kind)
		kind++;
	if (kind == ARRAY_LEN(kinds))
		return compose_refuse(c, "unsupported_kind");
	if (c->job->media_id == 0 ||
		(is_view_once(c) && !kinds[kind].may_be_view_once))
		return compose_refuse(c, "invalid_content");
	switch (media_out_get(c->lane, c->job->media_id, kinds[kind].type,
		media, &c->reason, c->err)) {
	case MEDIA_OUT_READY:
		media_set(c, kind, media);
		return COMPOSE_READY;
	case MEDIA_OUT_WAITS:
		return COMPOSE_WAITS;
	case MEDIA_OUT_REFUSED:
		return COMPOSE_REFUSED;
	case MEDIA_OUT_FAILED:
		break;
	}
	return COMPOSE_FAILED;
}
