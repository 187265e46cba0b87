#include "senderd/whatsapp/content.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/arena.h"
#include "common/own.h"

#define WRAPPERS_MAX 8

/* A pointer field of a Message, by its offset. */
static const void *field(const Wa__Message *message, size_t offset)
{
	const void *const *at = (const void *)((const char *)message + offset);

	return *at;
}

#define FIELD(name) offsetof(Wa__Message, name)

/* ---- wrappers: all of type FutureProofMessage ---- */

static const size_t wrappers[] = {
	FIELD(ephemeral_message),
	FIELD(view_once_message),
	FIELD(view_once_message_v2),
	FIELD(view_once_message_v2_extension),
	FIELD(document_with_caption_message),
	FIELD(edited_message),
	FIELD(group_mentioned_message),
	FIELD(bot_invoke_message),
	FIELD(lottie_sticker_message),
	FIELD(event_cover_image),
	FIELD(status_mention_message),
	FIELD(poll_creation_option_image_message),
	FIELD(associated_child_message),
	FIELD(group_status_mention_message),
	FIELD(poll_creation_message_v4),
	FIELD(status_add_yours),
	FIELD(group_status_message),
	FIELD(limit_sharing_message),
	FIELD(question_message),
	FIELD(group_status_message_v2),
	FIELD(question_reply_message),
};

static const Wa__Message *inside(const Wa__Message *message)
{
	for (size_t i = 0; i < ARRAY_LEN(wrappers); i++) {
		const Wa__FutureProofMessage *wrapper =
			field(message, wrappers[i]);

		if (wrapper != NULL && wrapper->message != NULL)
			return wrapper->message;
	}
	return NULL;
}

const Wa__Message *content_unwrap(const Wa__Message *message)
{
	for (int i = 0; i < WRAPPERS_MAX; i++) {
		const Wa__Message *inner = inside(message);

		if (inner == NULL)
			break;
		message = inner;
	}
	return message;
}

/* ---- kinds ---- */

static const struct {
	size_t offset;
	const char *name;
} kinds[] = {
	{ FIELD(image_message), "image" },
	{ FIELD(video_message), "video" },
	{ FIELD(ptv_message), "video_note" },
	{ FIELD(audio_message), "audio" },
	{ FIELD(document_message), "document" },
	{ FIELD(sticker_message), "sticker" },
	{ FIELD(location_message), "location" },
	{ FIELD(live_location_message), "live_location" },
	{ FIELD(contact_message), "contact" },
	{ FIELD(contacts_array_message), "contacts" },
	{ FIELD(group_invite_message), "group_invite" },
	{ FIELD(reaction_message), "reaction" },
	{ FIELD(poll_creation_message), "poll" },
	{ FIELD(poll_creation_message_v2), "poll" },
	{ FIELD(poll_creation_message_v3), "poll" },
	{ FIELD(poll_update_message), "poll_vote" },
	{ FIELD(buttons_response_message), "button_reply" },
	{ FIELD(template_button_reply_message), "button_reply" },
	{ FIELD(list_response_message), "list_reply" },
	{ FIELD(interactive_response_message), "interactive_reply" },
};

static const char *caption_of(const Wa__Message *m)
{
	if (m->image_message != NULL)
		return m->image_message->caption;
	if (m->video_message != NULL)
		return m->video_message->caption;
	if (m->ptv_message != NULL)
		return m->ptv_message->caption;
	if (m->document_message != NULL)
		return m->document_message->caption;
	if (m->live_location_message != NULL)
		return m->live_location_message->caption;
	if (m->reaction_message != NULL)
		return m->reaction_message->text;
	if (m->buttons_response_message != NULL)
		return m->buttons_response_message->selected_display_text;
	if (m->list_response_message != NULL)
		return m->list_response_message->title;
	if (m->template_button_reply_message != NULL)
		return m->template_button_reply_message->selected_display_text;
	if (m->interactive_response_message != NULL &&
		m->interactive_response_message->body != NULL)
		return m->interactive_response_message->body->text;
	return NULL;
}

static const char *kind_name(struct arena *arena, const Wa__Message *message)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (field(message, kinds[i].offset) != NULL)
			return kinds[i].name;
	}
	/* Newer than this program: the number tells a developer what it was. */
	if (message->base.n_unknown_fields > 0)
		return arena_printf(
			arena, "field_%u", message->base.unknown_fields[0].tag);
	return NULL;
}

bool content_describe(
	struct arena *arena, const Wa__Message *message, struct content *out)
{
	const char *text = message->conversation;

	if ((text == NULL || text[0] == '\0') &&
		message->extended_text_message != NULL)
		text = message->extended_text_message->text;
	if (text != NULL && text[0] != '\0') {
		*out = (struct content){ .kind = MESSAGE_TEXT,
			.text = content_clean(arena, text) };
		return true;
	}
	*out = (struct content){ .kind = MESSAGE_OTHER,
		.name = kind_name(arena, message) };
	if (out->name == NULL)
		return false;
	text = caption_of(message);
	if (text != NULL && text[0] != '\0')
		out->text = content_clean(arena, text);
	return true;
}

/* ---- text from a peer ---- */

/* Bytes of the well-formed UTF-8 sequence at @s, 0 if there is none (Unicode,
 * table 3-7). The terminating NUL is no continuation byte, so it never reads
 * past it. */
static size_t utf8_length(const uint8_t *s)
{
	static const struct {
		uint8_t first, last, second_min, second_max;
		size_t n;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	if (s[0] < 0x80)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last)
			continue;
		if (s[1] < forms[i].second_min || s[1] > forms[i].second_max)
			return 0;
		for (size_t j = 2; j < forms[i].n; j++) {
			if ((s[j] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].n;
	}
	return 0;
}

static bool is_control(uint8_t byte)
{
	return (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') ||
	       byte == 0x7f;
}

char *content_clean(struct arena *arena, const char *text)
{
	const uint8_t *in = (const uint8_t *)text;
	char *out = arena_alloc(arena, 3 * strnlen(text, CONTENT_TEXT_MAX) + 1);
	char *end = out;

	while (*in != '\0' && end - out + 4 <= CONTENT_TEXT_MAX) {
		size_t n = utf8_length(in);

		if (n == 0) {
			memcpy(end, "\xef\xbf\xbd", 3);
			end += 3;
			in++;
			continue;
		}
		if (!is_control(*in)) {
			memcpy(end, in, n);
			end += n;
		}
		in += n;
	}
	*end = '\0';
	return out;
}
