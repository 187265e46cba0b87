/* From an order to a Message, one function a kind (messages.md 3.4, 7.7).
 * Messages are put together in the sandbox's arena. */
#include "sandboxd/phone.h"

#include <stdio.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/wa/media.h"

#define SECRET_BYTES 32
#define WAVEFORM_BYTES 64
#define UNKNOWN_FIELD 1999 /* of Message, far above those in use */

/* One Message being made. */
struct build {
	struct phone *phone;
	const struct phone_chat *chat;
	const struct phone_order *order;
	const char *id;
	struct arena *arena;
	Wa__Message *message;
};

/* protobuf-c never writes through these. */
static char *text_of(const char *text)
{
	return (char *)text;
}

static ProtobufCBinaryData bytes_of(const void *data, size_t n)
{
	return (ProtobufCBinaryData){ .len = n, .data = (uint8_t *)data };
}

static char *jid_text(const struct build *b, const struct wa_jid *jid)
{
	char text[WA_JID_TEXT];

	return arena_strdup(b->arena, wa_jid_text(jid, text));
}

static char *address_of(const struct build *b, const struct account *account)
{
	struct wa_jid jid = phone_chat_address(b->chat, account);

	return jid_text(b, &jid);
}

static void *arena_for_protobuf(void *arena, size_t n)
{
	return arena_alloc(arena, n);
}

static void arena_no_free(void *arena, void *bytes)
{
	(void)arena, (void)bytes;
}

/* A quote does not hold what was quoted in it. */
static void drop_context(Wa__Message *message)
{
	if (message->extended_text_message != NULL)
		message->extended_text_message->context_info = NULL;
	if (message->image_message != NULL)
		message->image_message->context_info = NULL;
	if (message->video_message != NULL)
		message->video_message->context_info = NULL;
	if (message->audio_message != NULL)
		message->audio_message->context_info = NULL;
	if (message->document_message != NULL)
		message->document_message->context_info = NULL;
	if (message->sticker_message != NULL)
		message->sticker_message->context_info = NULL;
	if (message->location_message != NULL)
		message->location_message->context_info = NULL;
	if (message->contact_message != NULL)
		message->contact_message->context_info = NULL;
}

static Wa__Message *quoted_message(
	const struct build *b, const struct phone_target *quoted)
{
	ProtobufCAllocator allocator = { arena_for_protobuf, arena_no_free,
		b->arena };
	Wa__Message *message = NULL;

	if (quoted->entry != NULL && quoted->entry->message.len > 0)
		message = wa__message__unpack(&allocator,
			quoted->entry->message.len,
			quoted->entry->message.data);
	if (message != NULL) {
		message = (Wa__Message *)phone_unwrap(message);
		drop_context(message);
		return message;
	}
	message = MESSAGE_NEW(b->arena, Wa__Message, WA__MESSAGE__INIT);
	message->conversation =
		text_of(quoted->text == NULL ? "" : quoted->text);
	return message;
}

/* NULL: there is nothing to say beside the content. */
static Wa__ContextInfo *context_new(const struct build *b)
{
	const struct phone_order *order = b->order;
	Wa__ContextInfo *context =
		MESSAGE_NEW(b->arena, Wa__ContextInfo, WA__CONTEXT_INFO__INIT);

	if (order->quoted.id == NULL && order->n_mentions == 0 &&
		!order->forwarded && order->expiration == 0)
		return NULL;
	if (order->quoted.id != NULL) {
		context->stanza_id = text_of(order->quoted.id);
		context->participant = address_of(b, order->quoted.author);
		context->quoted_message = quoted_message(b, &order->quoted);
	}
	context->mentioned_jid =
		arena_alloc(b->arena, (order->n_mentions + 1) * sizeof(char *));
	for (size_t i = 0; i < order->n_mentions; i++)
		context->mentioned_jid[context->n_mentioned_jid++] =
			address_of(b, order->mentions[i]);
	context->has_is_forwarded = context->has_forwarding_score =
		order->forwarded;
	context->is_forwarded = order->forwarded;
	context->forwarding_score = order->forwarded;
	context->has_expiration = order->expiration > 0;
	context->expiration = order->expiration;
	return context;
}

static Wa__MessageKey *key_new(
	const struct build *b, const struct phone_target *target)
{
	Wa__MessageKey *key =
		MESSAGE_NEW(b->arena, Wa__MessageKey, WA__MESSAGE_KEY__INIT);
	struct wa_jid chat = phone_chat_jid(b->chat);

	key->remote_jid = jid_text(b, &chat);
	key->has_from_me = true;
	key->from_me = target->from_me;
	key->id = text_of(target->id);
	if (b->chat->account == NULL && !target->from_me)
		key->participant = address_of(b, target->author);
	return key;
}

static int build_text(struct build *b, struct err *err)
{
	const struct phone_order *order = b->order;
	Wa__ContextInfo *context = context_new(b);
	const bool status = b->chat->account == NULL && b->chat->group == NULL;
	Wa__ExtendedTextMessage *text;

	(void)err;
	if (context == NULL && order->url == NULL && !status) {
		b->message->conversation = text_of(order->text);
		return 0;
	}
	text = MESSAGE_NEW(b->arena, Wa__ExtendedTextMessage,
		WA__EXTENDED_TEXT_MESSAGE__INIT);
	text->text = text_of(order->text);
	text->matched_text = text_of(order->url);
	text->title = text_of(order->title);
	text->description = text_of(order->description);
	text->has_jpeg_thumbnail = order->n_thumbnail > 0;
	text->jpeg_thumbnail = bytes_of(order->thumbnail, order->n_thumbnail);
	text->has_background_argb = text->has_font = status;
	text->background_argb = order->background;
	text->font = order->font;
	text->context_info = context;
	b->message->extended_text_message = text;
	return 0;
}

/* The members that every kind of media has under the same names. */
#define FILL_MEDIA(m, b, blob)                                               \
	do {                                                                 \
		(m)->url = text_of((blob)->url);                             \
		(m)->direct_path = text_of((blob)->direct_path);             \
		(m)->mimetype = text_of((b)->order->mimetype);               \
		(m)->has_media_key = true;                                   \
		(m)->media_key = bytes_of((blob)->key, sizeof((blob)->key)); \
		(m)->has_file_sha256 = true;                                 \
		(m)->file_sha256 =                                           \
			bytes_of((blob)->sha256, sizeof((blob)->sha256));    \
		(m)->has_file_enc_sha256 = true;                             \
		(m)->file_enc_sha256 = bytes_of(                             \
			(blob)->enc_sha256, sizeof((blob)->enc_sha256));     \
		(m)->has_file_length = true;                                 \
		(m)->file_length = (b)->order->n_file;                       \
		(m)->has_media_key_timestamp = true;                         \
		(m)->media_key_timestamp = clock_now_ms() / 1000;            \
		(m)->context_info = context_new(b);                          \
	} while (0)

#define FILL_NUMBER(m, field, value)            \
	do {                                    \
		(m)->has_##field = (value) > 0; \
		(m)->field = (value);           \
	} while (0)

#define FILL_THUMBNAIL(m, field, order)                                     \
	do {                                                                \
		(m)->has_##field = (order)->n_thumbnail > 0;                \
		(m)->field =                                                \
			bytes_of((order)->thumbnail, (order)->n_thumbnail); \
	} while (0)

static struct phone_blob *upload(
	struct build *b, enum wa_media_type type, struct err *err)
{
	struct phone_blob *blob = arena_alloc(b->arena, sizeof(*blob));

	return phone_media_upload(b->phone, b->id, (int)type, b->order->file,
		       b->order->n_file, blob, err) == 0
		       ? blob
		       : NULL;
}

static int build_image(struct build *b, struct err *err)
{
	struct phone_blob *blob = upload(b, WA_MEDIA_IMAGE, err);
	Wa__ImageMessage *image = MESSAGE_NEW(
		b->arena, Wa__ImageMessage, WA__IMAGE_MESSAGE__INIT);

	if (blob == NULL)
		return -1;
	FILL_MEDIA(image, b, blob);
	FILL_NUMBER(image, width, b->order->width);
	FILL_NUMBER(image, height, b->order->height);
	FILL_THUMBNAIL(image, jpeg_thumbnail, b->order);
	image->caption = text_of(b->order->text);
	image->has_view_once = image->view_once =
		b->order->view_once != PHONE_VIEW_MANY;
	b->message->image_message = image;
	return 0;
}

static int build_video(struct build *b, struct err *err)
{
	struct phone_blob *blob = upload(b, WA_MEDIA_VIDEO, err);
	Wa__VideoMessage *video = MESSAGE_NEW(
		b->arena, Wa__VideoMessage, WA__VIDEO_MESSAGE__INIT);

	if (blob == NULL)
		return -1;
	FILL_MEDIA(video, b, blob);
	FILL_NUMBER(video, width, b->order->width);
	FILL_NUMBER(video, height, b->order->height);
	FILL_NUMBER(video, seconds, b->order->seconds);
	FILL_THUMBNAIL(video, jpeg_thumbnail, b->order);
	video->caption = text_of(b->order->text);
	video->has_gif_playback = video->gif_playback = b->order->gif;
	video->has_view_once = video->view_once =
		b->order->view_once != PHONE_VIEW_MANY;
	b->message->video_message = video;
	return 0;
}

/* Loudness that swells and falls: the sound itself is nobody's business. */
static void waveform_fill(uint8_t *wave)
{
	for (unsigned i = 0; i < WAVEFORM_BYTES; i++)
		wave[i] = (uint8_t)(100 * (i < 32 ? i : 63 - i) / 31);
}

static int build_audio(struct build *b, struct err *err)
{
	struct phone_blob *blob = upload(b, WA_MEDIA_AUDIO, err);
	const bool voice = b->order->kind == PHONE_VOICE;
	uint8_t *wave = arena_alloc(b->arena, WAVEFORM_BYTES);
	Wa__AudioMessage *audio = MESSAGE_NEW(
		b->arena, Wa__AudioMessage, WA__AUDIO_MESSAGE__INIT);

	if (blob == NULL)
		return -1;
	FILL_MEDIA(audio, b, blob);
	FILL_NUMBER(audio, seconds, b->order->seconds);
	audio->has_ptt = audio->ptt = voice;
	audio->has_waveform = voice;
	waveform_fill(wave);
	audio->waveform = bytes_of(wave, WAVEFORM_BYTES);
	audio->has_background_argb = b->order->background != 0;
	audio->background_argb = b->order->background;
	audio->has_view_once = audio->view_once =
		b->order->view_once != PHONE_VIEW_MANY;
	b->message->audio_message = audio;
	return 0;
}

static int build_document(struct build *b, struct err *err)
{
	struct phone_blob *blob = upload(b, WA_MEDIA_DOCUMENT, err);
	Wa__DocumentMessage *document = MESSAGE_NEW(
		b->arena, Wa__DocumentMessage, WA__DOCUMENT_MESSAGE__INIT);

	if (blob == NULL)
		return -1;
	FILL_MEDIA(document, b, blob);
	FILL_NUMBER(document, page_count, b->order->pages);
	FILL_THUMBNAIL(document, jpeg_thumbnail, b->order);
	document->file_name = document->title = text_of(b->order->file_name);
	document->caption = text_of(b->order->text);
	b->message->document_message = document;
	return 0;
}

static int build_sticker(struct build *b, struct err *err)
{
	struct phone_blob *blob = upload(b, WA_MEDIA_IMAGE, err);
	Wa__StickerMessage *sticker = MESSAGE_NEW(
		b->arena, Wa__StickerMessage, WA__STICKER_MESSAGE__INIT);

	if (blob == NULL)
		return -1;
	FILL_MEDIA(sticker, b, blob);
	FILL_NUMBER(sticker, width, b->order->width);
	FILL_NUMBER(sticker, height, b->order->height);
	sticker->has_is_animated = true;
	sticker->is_animated = b->order->gif;
	sticker->has_sticker_sent_ts = true;
	sticker->sticker_sent_ts = clock_now_ms();
	b->message->sticker_message = sticker;
	return 0;
}

static int build_location(struct build *b, struct err *err)
{
	Wa__LocationMessage *location = MESSAGE_NEW(
		b->arena, Wa__LocationMessage, WA__LOCATION_MESSAGE__INIT);

	(void)err;
	location->has_degrees_latitude = true;
	location->degrees_latitude = b->order->latitude;
	location->has_degrees_longitude = true;
	location->degrees_longitude = b->order->longitude;
	location->name = text_of(b->order->name);
	location->address = text_of(b->order->address);
	location->url = text_of(b->order->url);
	location->context_info = context_new(b);
	b->message->location_message = location;
	return 0;
}

static int build_contact(struct build *b, struct err *err)
{
	Wa__ContactMessage *contact = MESSAGE_NEW(
		b->arena, Wa__ContactMessage, WA__CONTACT_MESSAGE__INIT);
	const struct account *account = b->order->contact;
	const char *name = b->order->name != NULL ? b->order->name : "";

	(void)err;
	contact->display_name = text_of(name);
	contact->vcard = text_of(b->order->vcard);
	if (contact->vcard == NULL && account == NULL)
		contact->vcard = arena_printf(b->arena,
			"BEGIN:VCARD\nVERSION:3.0\nFN:%s\nEND:VCARD", name);
	else if (contact->vcard == NULL)
		contact->vcard = arena_printf(b->arena,
			"BEGIN:VCARD\nVERSION:3.0\nFN:%s\n"
			"TEL;type=CELL;waid=%s:+%s\nEND:VCARD",
			name, account->pn, account->pn);
	contact->context_info = context_new(b);
	b->message->contact_message = contact;
	return 0;
}

static int build_poll(struct build *b, struct err *err)
{
	const struct phone_order *order = b->order;
	Wa__PollCreationMessage *poll = MESSAGE_NEW(b->arena,
		Wa__PollCreationMessage, WA__POLL_CREATION_MESSAGE__INIT);
	Wa__MessageContextInfo *info = MESSAGE_NEW(b->arena,
		Wa__MessageContextInfo, WA__MESSAGE_CONTEXT_INFO__INIT);
	uint8_t *secret = arena_alloc(b->arena, SECRET_BYTES);

	(void)err;
	random_bytes(secret, SECRET_BYTES);
	info->has_message_secret = true;
	info->message_secret = bytes_of(secret, SECRET_BYTES);
	b->message->message_context_info = info;
	poll->name = text_of(order->text);
	poll->options = arena_alloc(
		b->arena, order->n_options * sizeof(*poll->options));
	for (size_t i = 0; i < order->n_options; i++) {
		poll->options[i] = MESSAGE_NEW(
			b->arena, Wa__PollOption, WA__POLL_OPTION__INIT);
		poll->options[i]->option_name = text_of(order->options[i]);
	}
	poll->n_options = order->n_options;
	poll->has_selectable_options_count = true;
	poll->selectable_options_count = order->selectable;
	poll->context_info = context_new(b);
	if (order->selectable == 1)
		b->message->poll_creation_message_v3 = poll;
	else
		b->message->poll_creation_message = poll;
	return 0;
}

static int build_vote(struct build *b, struct err *err)
{
	Wa__PollUpdateMessage *update = MESSAGE_NEW(
		b->arena, Wa__PollUpdateMessage, WA__POLL_UPDATE_MESSAGE__INIT);

	update->poll_creation_message_key = key_new(b, &b->order->target);
	update->vote = MESSAGE_NEW(
		b->arena, Wa__PollEncValue, WA__POLL_ENC_VALUE__INIT);
	update->has_sender_timestamp_ms = true;
	update->sender_timestamp_ms = clock_now_ms();
	b->message->poll_update_message = update;
	return phone_vote_seal(b->phone, b->chat, b->order, update->vote, err);
}

static int build_reaction(struct build *b, struct err *err)
{
	Wa__ReactionMessage *reaction = MESSAGE_NEW(
		b->arena, Wa__ReactionMessage, WA__REACTION_MESSAGE__INIT);

	(void)err;
	reaction->key = key_new(b, &b->order->target);
	reaction->text = text_of(b->order->text == NULL ? "" : b->order->text);
	reaction->has_sender_timestamp_ms = true;
	reaction->sender_timestamp_ms = clock_now_ms();
	b->message->reaction_message = reaction;
	return 0;
}

static Wa__ProtocolMessage *protocol_new(
	const struct build *b, Wa__ProtocolMessage__Type type)
{
	Wa__ProtocolMessage *protocol = MESSAGE_NEW(
		b->arena, Wa__ProtocolMessage, WA__PROTOCOL_MESSAGE__INIT);

	protocol->has_type = true;
	protocol->type = type;
	protocol->key = key_new(b, &b->order->target);
	return protocol;
}

static int build_edit(struct build *b, struct err *err)
{
	Wa__ProtocolMessage *protocol =
		protocol_new(b, WA__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT);
	Wa__FutureProofMessage *wrapper = MESSAGE_NEW(b->arena,
		Wa__FutureProofMessage, WA__FUTURE_PROOF_MESSAGE__INIT);
	struct build content = *b;

	content.message = MESSAGE_NEW(b->arena, Wa__Message, WA__MESSAGE__INIT);
	if (build_text(&content, err) != 0)
		return -1;
	protocol->edited_message = content.message;
	protocol->has_timestamp_ms = true;
	protocol->timestamp_ms = clock_now_ms();
	wrapper->message =
		MESSAGE_NEW(b->arena, Wa__Message, WA__MESSAGE__INIT);
	wrapper->message->protocol_message = protocol;
	b->message->edited_message = wrapper;
	return 0;
}

static int build_revoke(struct build *b, struct err *err)
{
	(void)err;
	b->message->protocol_message =
		protocol_new(b, WA__PROTOCOL_MESSAGE__TYPE__REVOKE);
	return 0;
}

/* ---- wrappers, and the way out ---- */

static Wa__Message *wrap(struct build *b, Wa__FutureProofMessage **field_of_new,
	Wa__Message *outer)
{
	Wa__FutureProofMessage *wrapper = MESSAGE_NEW(b->arena,
		Wa__FutureProofMessage, WA__FUTURE_PROOF_MESSAGE__INIT);

	wrapper->message = b->message;
	*field_of_new = wrapper;
	outer->message_context_info = b->message->message_context_info;
	b->message->message_context_info = NULL;
	return outer;
}

static void wrap_as_needed(struct build *b)
{
	Wa__Message *outer =
		MESSAGE_NEW(b->arena, Wa__Message, WA__MESSAGE__INIT);

	if (b->order->view_once != PHONE_VIEW_MANY &&
		b->message->audio_message != NULL)
		b->message =
			wrap(b, &outer->view_once_message_v2_extension, outer);
	else if (b->order->view_once != PHONE_VIEW_MANY)
		b->message = wrap(b, &outer->view_once_message_v2, outer);
	else if (b->message->document_message != NULL && b->order->text != NULL)
		b->message =
			wrap(b, &outer->document_with_caption_message, outer);
	else if (b->order->expiration > 0)
		b->message = wrap(b, &outer->ephemeral_message, outer);
}

/* A field that no schema has, with some bytes in it. */
static void pack_unknown(struct buf *out)
{
	const unsigned key = UNKNOWN_FIELD << 3 | 2;

	buf_add_byte(out, (uint8_t)(key | 0x80));
	buf_add_byte(out, (uint8_t)(key >> 7));
	buf_add_byte(out, 4);
	buf_add_str(out, "\x0a\x02hi");
}

int phone_build(struct phone *phone, const struct phone_chat *chat,
	const struct phone_order *order, const char *id, struct buf *out,
	struct err *err)
{
	static int (*const builders[])(struct build * b, struct err * err) = {
		[PHONE_TEXT] = build_text,
		[PHONE_IMAGE] = build_image,
		[PHONE_VIDEO] = build_video,
		[PHONE_AUDIO] = build_audio,
		[PHONE_VOICE] = build_audio,
		[PHONE_DOCUMENT] = build_document,
		[PHONE_STICKER] = build_sticker,
		[PHONE_LOCATION] = build_location,
		[PHONE_CONTACT] = build_contact,
		[PHONE_POLL] = build_poll,
		[PHONE_VOTE] = build_vote,
		[PHONE_REACTION] = build_reaction,
		[PHONE_EDIT] = build_edit,
		[PHONE_REVOKE] = build_revoke,
	};
	struct build b = { .phone = phone,
		.chat = chat,
		.order = order,
		.id = id,
		.arena = phone->sandbox->arena };

	if (order->kind == PHONE_UNKNOWN) {
		pack_unknown(out);
		return 0;
	}
	if (order->kind == PHONE_RAW) {
		buf_add(out, order->raw, order->n_raw);
		return 0;
	}
	b.message = MESSAGE_NEW(b.arena, Wa__Message, WA__MESSAGE__INIT);
	if (builders[order->kind](&b, err) != 0)
		return -1;
	wrap_as_needed(&b);
	phone_message_pack(b.message, out);
	return 0;
}
