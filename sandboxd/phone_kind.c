/* What kinds of messages there are, and how a stanza and the inbox tell them
 * apart (messages.md 2.8). */
#include "sandboxd/phone.h"

#include <string.h>

#include "common/own.h"
#include "common/wa/pbguard.h"

#define WRAPPERS_MAX 8

/* ---- the table of kinds ---- */

static const char *const order_names[] = {
	[PHONE_TEXT] = "text",
	[PHONE_IMAGE] = "image",
	[PHONE_VIDEO] = "video",
	[PHONE_AUDIO] = "audio",
	[PHONE_VOICE] = "voice",
	[PHONE_DOCUMENT] = "document",
	[PHONE_STICKER] = "sticker",
	[PHONE_LOCATION] = "location",
	[PHONE_CONTACT] = "contact",
	[PHONE_POLL] = "poll",
	[PHONE_VOTE] = "vote",
	[PHONE_REACTION] = "reaction",
	[PHONE_EDIT] = "edit",
	[PHONE_REVOKE] = "revoke",
	[PHONE_UNKNOWN] = "unknown",
	[PHONE_RAW] = "raw",
};

int phone_kind_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(order_names); i++) {
		if (strcmp(order_names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

/* ---- looking at a Message ---- */

static const Wa__FutureProofMessage *wrapper_of(const Wa__Message *message)
{
	const Wa__FutureProofMessage *const wrappers[] = {
		message->ephemeral_message,
		message->view_once_message,
		message->view_once_message_v2,
		message->view_once_message_v2_extension,
		message->document_with_caption_message,
		message->edited_message,
		message->group_mentioned_message,
		message->bot_invoke_message,
		message->lottie_sticker_message,
		message->associated_child_message,
		message->limit_sharing_message,
		message->poll_creation_message_v4,
		message->group_status_message,
		message->group_status_message_v2,
		message->status_mention_message,
		message->group_status_mention_message,
		message->question_message,
		message->question_reply_message,
	};

	for (size_t i = 0; i < ARRAY_LEN(wrappers); i++) {
		if (wrappers[i] != NULL && wrappers[i]->message != NULL)
			return wrappers[i];
	}
	return NULL;
}

const Wa__Message *phone_unwrap(const Wa__Message *message)
{
	for (unsigned i = 0; i < WRAPPERS_MAX; i++) {
		const Wa__FutureProofMessage *wrapper = wrapper_of(message);

		if (wrapper == NULL)
			break;
		message = wrapper->message;
	}
	return message;
}

Wa__Message *phone_message_parse(const void *bytes, size_t n)
{
	return wa_pb_bounded(bytes, n) ? wa__message__unpack(NULL, n, bytes)
				       : NULL;
}

#define FIELD(name) offsetof(Wa__Message, name)

/* Kinds that one field tells; those with two faces are looked at below. */
static const struct {
	size_t field;
	struct phone_shape shape;
} shapes[] = {
	{ FIELD(conversation), { "text", "text", NULL, NULL, NULL, false } },
	{ FIELD(extended_text_message),
		{ "text", "text", NULL, NULL, NULL, false } },
	{ FIELD(image_message),
		{ "image", "media", "image", NULL, NULL, false } },
	{ FIELD(video_message),
		{ "video", "media", "video", NULL, NULL, false } },
	{ FIELD(ptv_message),
		{ "video_note", "media", "ptv", NULL, NULL, false } },
	{ FIELD(audio_message),
		{ "audio", "media", "audio", NULL, NULL, false } },
	{ FIELD(document_message),
		{ "document", "media", "document", NULL, NULL, false } },
	{ FIELD(sticker_message),
		{ "sticker", "media", "sticker", NULL, NULL, false } },
	{ FIELD(location_message),
		{ "location", "text", NULL, NULL, NULL, false } },
	{ FIELD(live_location_message),
		{ "live_location", "media", "livelocation", NULL, NULL,
			false } },
	{ FIELD(contact_message),
		{ "contact", "media", "vcard", NULL, NULL, false } },
	{ FIELD(contacts_array_message),
		{ "contacts", "media", "contact_array", NULL, NULL, false } },
	{ FIELD(poll_creation_message),
		{ "poll", "poll", NULL, NULL, "creation", false } },
	{ FIELD(poll_creation_message_v2),
		{ "poll", "poll", NULL, NULL, "creation", false } },
	{ FIELD(poll_creation_message_v3),
		{ "poll", "poll", NULL, NULL, "creation", false } },
	{ FIELD(poll_creation_message_v5),
		{ "poll", "poll", NULL, NULL, "creation", false } },
	{ FIELD(poll_update_message),
		{ "vote", "poll", NULL, NULL, "vote", true } },
	{ FIELD(reaction_message),
		{ "reaction", "reaction", NULL, NULL, NULL, true } },
	{ FIELD(enc_reaction_message),
		{ "reaction", "reaction", NULL, NULL, NULL, true } },
	{ FIELD(protocol_message),
		{ "protocol", "text", NULL, NULL, NULL, false } },
	{ FIELD(group_invite_message),
		{ "group_invite", "text", NULL, NULL, NULL, false } },
	{ FIELD(buttons_response_message),
		{ "button_reply", "text", NULL, NULL, NULL, false } },
	{ FIELD(template_button_reply_message),
		{ "button_reply", "text", NULL, NULL, NULL, false } },
	{ FIELD(list_response_message),
		{ "list_reply", "text", NULL, NULL, NULL, false } },
	{ FIELD(interactive_response_message),
		{ "interactive_reply", "text", NULL, NULL, NULL, false } },
	{ FIELD(pin_in_chat_message),
		{ "pin", "text", NULL, "2", NULL, true } },
	{ FIELD(keep_in_chat_message),
		{ "keep", "text", NULL, NULL, NULL, true } },
	{ FIELD(event_message), { "event", "event", NULL, NULL, NULL, false } },
	{ FIELD(secret_encrypted_message),
		{ "secret_edit", "text", NULL, "1", NULL, true } },
	{ FIELD(album_message), { "album", "text", NULL, NULL, NULL, false } },
};

static const void *field_at(const Wa__Message *message, size_t field)
{
	return *(void *const *)((const char *)message + field);
}

static void shape_protocol(
	const Wa__ProtocolMessage *protocol, struct phone_shape *out)
{
	if (!protocol->has_type)
		return;
	switch (protocol->type) {
	case WA__PROTOCOL_MESSAGE__TYPE__REVOKE:
		out->name = "revoke";
		out->edit = protocol->key != NULL && protocol->key->from_me
				    ? "7"
				    : "8";
		break;
	case WA__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT:
		out->name = "edit";
		out->edit = "1";
		out->hide = true;
		break;
	case WA__PROTOCOL_MESSAGE__TYPE__EPHEMERAL_SETTING:
		out->name = "timer";
		break;
	default:
		break; /* between devices of one account */
	}
}

static void shape_refine(const Wa__Message *message, struct phone_shape *out)
{
	const Wa__ExtendedTextMessage *text = message->extended_text_message;
	const Wa__ReactionMessage *reaction = message->reaction_message;

	if (text != NULL && message->conversation == NULL &&
		text->matched_text != NULL) {
		out->type = "media";
		out->mediatype = "url";
	}
	if (message->video_message != NULL &&
		message->video_message->gif_playback)
		out->mediatype = "gif";
	if (message->audio_message != NULL && message->audio_message->ptt) {
		out->name = "voice";
		out->mediatype = "ptt";
	}
	if (reaction != NULL &&
		(reaction->text == NULL || reaction->text[0] == '\0'))
		out->edit = "7";
	if (message->protocol_message != NULL)
		shape_protocol(message->protocol_message, out);
}

struct phone_shape phone_shape_of(const Wa__Message *message)
{
	struct phone_shape shape = { .name = "unknown", .type = "text" };

	message = phone_unwrap(message);
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		if (field_at(message, shapes[i].field) == NULL)
			continue;
		shape = shapes[i].shape;
		shape_refine(message, &shape);
		break;
	}
	return shape;
}

void phone_message_pack(const Wa__Message *message, struct buf *out)
{
	size_t n = wa__message__get_packed_size(message);

	wa__message__pack(message, buf_reserve(out, n));
	out->len += n;
}
