/* Pictures, films, sounds, files: what can be said of them, and where their
 * blob is; declared in content_impl.h. */
#include "senderd/whatsapp/content.h"

#include <stdio.h>
#include <string.h>

#include "common/arena.h"
#include "common/eventlog.h"
#include "common/own.h"
#include "senderd/whatsapp/content_impl.h"

#define MIME_MAX 95
#define THUMBNAIL_MAX 65536 /* the sender chose it */
#define FILE_NAME_MAX 255
#define PIXELS_MAX 65535
#define SECONDS_MAX 604800
#define PAGES_MAX 1000000

/* The fields that all media messages have under different numbers. */
struct blob {
	enum media_kind kind;
	enum wa_media_type type;
	const char *mime, *file_name, *direct_path;
	const ProtobufCBinaryData *key, *sha256, *enc_sha256, *thumbnail;
	const ProtobufCBinaryData *waveform; /* the last two may be NULL */
	uint64_t length;
	uint32_t width, height, seconds, pages;
	bool is_animated, is_gif, is_video_note;
};

#define BLOB(m, kind_, type_)                                             \
	.kind = kind_, .type = type_, .mime = (m)->mimetype,              \
	.direct_path = (m)->direct_path, .key = &(m)->media_key,          \
	.sha256 = &(m)->file_sha256, .enc_sha256 = &(m)->file_enc_sha256, \
	.length = (m)->file_length

static uint32_t at_most(uint32_t value, uint32_t max)
{
	return value <= max ? value : 0;
}

/* Without path and key there is nothing to fetch: a view-once message on a
 * linked device, or one that expired. */
static bool ref_read(const struct blob *blob, struct wa_media_ref *out)
{
	*out = (struct wa_media_ref){ .type = blob->type,
		.length = blob->length };
	if (blob->direct_path == NULL || blob->direct_path[0] != '/' ||
		strlen(blob->direct_path) >= sizeof out->direct_path ||
		blob->key->len != sizeof out->key ||
		blob->enc_sha256->len != sizeof out->enc_sha256)
		return false;
	for (const char *p = blob->direct_path; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			return false;
	}
	snprintf(out->direct_path, sizeof out->direct_path, "%s",
		blob->direct_path);
	memcpy(out->key, blob->key->data, sizeof out->key);
	memcpy(out->enc_sha256, blob->enc_sha256->data, sizeof out->enc_sha256);
	out->has_sha256 = blob->sha256->len == sizeof out->sha256;
	if (out->has_sha256)
		memcpy(out->sha256, blob->sha256->data, sizeof out->sha256);
	return true;
}

/* It is said in HTTP headers later. */
static bool is_mime(const char *mime)
{
	if (mime == NULL || strlen(mime) > MIME_MAX ||
		strchr(mime, '/') == NULL)
		return false;
	for (const char *p = mime; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			return false;
	}
	return true;
}

static void found_fill(struct reading *r, const struct blob *blob)
{
	struct media_found *found = &r->out->media;

	found->kind = blob->kind;
	found->mime =
		is_mime(blob->mime) ? blob->mime : "application/octet-stream";
	found->file_name = content_take_line(r, blob->file_name, FILE_NAME_MAX);
	found->size = blob->length <= INT64_MAX ? blob->length : 0;
	found->width = at_most(blob->width, PIXELS_MAX);
	found->height = at_most(blob->height, PIXELS_MAX);
	found->seconds = at_most(blob->seconds, SECONDS_MAX);
	found->pages = at_most(blob->pages, PAGES_MAX);
	found->is_animated = blob->is_animated;
	if (blob->thumbnail != NULL && blob->thumbnail->len > 0 &&
		blob->thumbnail->len <= THUMBNAIL_MAX) {
		found->thumbnail = blob->thumbnail->data;
		found->n_thumbnail = blob->thumbnail->len;
	}
	if (blob->waveform != NULL && blob->waveform->len > 0 &&
		blob->waveform->len <= MEDIA_WAVEFORM) {
		found->waveform = blob->waveform->data;
		found->n_waveform = blob->waveform->len;
	}
}

static void blob_read(struct reading *r, const struct blob *blob)
{
	struct content *out = r->out;
	const struct media_found *found = &out->media;
	json_t *media = json_object();

	found_fill(r, blob);
	out->has_media = ref_read(blob, &out->media.ref) && !r->is_quoted;
	json_object_set_new(media, "mimeType", json_string(found->mime));
	if (found->file_name != NULL)
		json_object_set_new(
			media, "fileName", json_string(found->file_name));
	content_put_number(media, "size", found->size);
	content_put_number(media, "width", found->width);
	content_put_number(media, "height", found->height);
	content_put_number(media, "seconds", found->seconds);
	content_put_number(media, "pages", found->pages);
	content_put_flag(media, "animated", found->is_animated);
	content_put_flag(media, "gif", blob->is_gif);
	content_put_flag(media, "videoNote", blob->is_video_note);
	json_object_set_new(media, "status",
		json_string(out->has_media ? "PENDING" : "GONE"));
	content_set(out, "media", media);
}

void content_set_media_id(struct content *content, const char *media_id)
{
	json_t *media = json_object_get(content->json, "media");
	json_t *with_id = json_object();
	char url[EVENTLOG_URL];

	eventlog_media_url(media_id, url);
	json_object_set_new(with_id, "id", json_string(media_id));
	json_object_update(with_id, media);
	json_object_set_new(with_id, "downloadUrl", json_string(url));
	content_set(content, "media", with_id);
}

/* ---- the kinds ---- */

void content_read_image(struct reading *r, const void *field)
{
	const Wa__ImageMessage *m = field;

	r->out->kind = MESSAGE_IMAGE;
	content_set_text(r, m->caption);
	blob_read(r, &(struct blob){ BLOB(m, MEDIA_IMAGE, WA_MEDIA_IMAGE),
			     .thumbnail = &m->jpeg_thumbnail, .width = m->width,
			     .height = m->height });
	r->is_view_once |= m->view_once;
	content_read_context(r, m->context_info);
}

static void video_read(
	struct reading *r, const Wa__VideoMessage *m, bool is_video_note)
{
	r->out->kind = MESSAGE_VIDEO;
	content_set_text(r, m->caption);
	blob_read(r, &(struct blob){ BLOB(m, MEDIA_VIDEO, WA_MEDIA_VIDEO),
			     .thumbnail = &m->jpeg_thumbnail, .width = m->width,
			     .height = m->height, .seconds = m->seconds,
			     .is_gif = m->gif_playback,
			     .is_video_note = is_video_note });
	r->is_view_once |= m->view_once;
	content_read_context(r, m->context_info);
}

void content_read_video(struct reading *r, const void *field)
{
	video_read(r, field, false);
}

void content_read_video_note(struct reading *r, const void *field)
{
	video_read(r, field, true);
}

void content_read_audio(struct reading *r, const void *field)
{
	const Wa__AudioMessage *m = field;

	r->out->kind = m->ptt ? MESSAGE_VOICE : MESSAGE_AUDIO;
	blob_read(r, &(struct blob){ BLOB(m, m->ptt ? MEDIA_VOICE : MEDIA_AUDIO,
					     WA_MEDIA_AUDIO),
			     .waveform = &m->waveform, .seconds = m->seconds });
	r->is_view_once |= m->view_once;
	content_read_context(r, m->context_info);
}

void content_read_document(struct reading *r, const void *field)
{
	const Wa__DocumentMessage *m = field;
	bool has_name = m->file_name != NULL && m->file_name[0] != '\0';

	r->out->kind = MESSAGE_DOCUMENT;
	content_set_text(r, m->caption);
	blob_read(r, &(struct blob){ BLOB(m, MEDIA_DOCUMENT, WA_MEDIA_DOCUMENT),
			     .file_name = has_name ? m->file_name : m->title,
			     .thumbnail = &m->jpeg_thumbnail,
			     .pages = m->page_count });
	content_read_context(r, m->context_info);
}

void content_read_sticker(struct reading *r, const void *field)
{
	const Wa__StickerMessage *m = field;

	r->out->kind = MESSAGE_STICKER;
	blob_read(r, &(struct blob){ BLOB(m, MEDIA_STICKER, WA_MEDIA_IMAGE),
			     .width = m->width, .height = m->height,
			     .is_animated = m->is_animated || r->is_animated });
	content_read_context(r, m->context_info);
}
