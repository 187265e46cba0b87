#include "senderd/whatsapp/content.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/eventlog.h"
#include "common/own.h"
#include "senderd/whatsapp/content_impl.h"

#define WRAPPERS_MAX 8
#define CONTACTS_MAX 100
#define OPTIONS_MAX 100
#define VCARD_MAX 65536
#define TIME_MAX_SEC 99999999999LL /* the year 5138: beyond is nonsense */
#define COORDINATE_DIGITS 15	   /* what a double holds */

void content_fini(struct content *content)
{
	json_decref(content->json);
	content->json = NULL;
}

void content_set(struct content *out, const char *key, json_t *value)
{
	if (out->json == NULL)
		out->json = json_object();
	json_object_set_new(out->json, key, value);
}

void content_set_other(struct content *out, const char *type)
{
	out->kind = MESSAGE_OTHER;
	content_set(out, "type", json_string(type));
}

const char *content_render(struct lane *lane, const struct content *content)
{
	const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(15);
	size_t n = 0;
	char *text = NULL;

	if (json_object_size(content->json) == 0)
		return NULL;
	n = json_dumpb(content->json, NULL, 0, flags);
	text = arena_alloc(lane->arena, n + 1);
	json_dumpb(content->json, text, n, flags);
	return text;
}

/* A pointer field of a Message, by its offset. */
static const void *field(const Wa__Message *message, size_t offset)
{
	const void *const *at = (const void *)((const char *)message + offset);

	return *at;
}

#define FIELD(name) offsetof(Wa__Message, name)

/* ---- wrappers: all of type FutureProofMessage ---- */

static const struct {
	size_t offset;
	bool is_view_once, is_animated;
} wrappers[] = {
	{ FIELD(ephemeral_message), false, false },
	{ FIELD(view_once_message), true, false },
	{ FIELD(view_once_message_v2), true, false },
	{ FIELD(view_once_message_v2_extension), true, false },
	{ FIELD(document_with_caption_message), false, false },
	{ FIELD(edited_message), false, false },
	{ FIELD(group_mentioned_message), false, false },
	{ FIELD(bot_invoke_message), false, false },
	{ FIELD(lottie_sticker_message), false, true },
	{ FIELD(event_cover_image), false, false },
	{ FIELD(status_mention_message), false, false },
	{ FIELD(poll_creation_option_image_message), false, false },
	{ FIELD(associated_child_message), false, false },
	{ FIELD(group_status_mention_message), false, false },
	{ FIELD(poll_creation_message_v4), false, false },
	{ FIELD(status_add_yours), false, false },
	{ FIELD(group_status_message), false, false },
	{ FIELD(limit_sharing_message), false, false },
	{ FIELD(question_message), false, false },
	{ FIELD(group_status_message_v2), false, false },
	{ FIELD(question_reply_message), false, false },
};

/* What the outermost wrapper holds, or NULL.  @r may be NULL. */
static const Wa__Message *inside(const Wa__Message *message, struct reading *r)
{
	for (size_t i = 0; i < ARRAY_LEN(wrappers); i++) {
		const Wa__FutureProofMessage *wrapper =
			field(message, wrappers[i].offset);

		if (wrapper == NULL || wrapper->message == NULL)
			continue;
		if (r != NULL) {
			r->is_view_once |= wrappers[i].is_view_once;
			r->is_animated |= wrappers[i].is_animated;
		}
		return wrapper->message;
	}
	return NULL;
}

static const Wa__Message *unwrap(const Wa__Message *message, struct reading *r)
{
	for (int i = 0; i < WRAPPERS_MAX; i++) {
		const Wa__Message *inner = inside(message, r);

		if (inner == NULL)
			break;
		message = inner;
	}
	return message;
}

const Wa__Message *content_unwrap(const Wa__Message *message)
{
	return unwrap(message, NULL);
}

/* ---- taking texts ---- */

const char *content_take(struct reading *r, const char *text, size_t max)
{
	char *clean = NULL;

	if (text == NULL || text[0] == '\0' || r->left == 0)
		return NULL;
	clean = content_clean_cut(
		r->lane->arena, text, max < r->left ? max : r->left);
	r->left -= strlen(clean);
	return clean[0] != '\0' ? clean : NULL;
}

const char *content_take_line(struct reading *r, const char *text, size_t max)
{
	const char *clean = content_take(r, text, max);

	return clean != NULL ? content_line(r->lane->arena, clean, max) : NULL;
}

void content_put(
	struct reading *r, json_t *object, const char *key, const char *text)
{
	const char *line = content_take_line(r, text, CONTENT_NAME_MAX);

	if (line != NULL)
		json_object_set_new(object, key, json_string(line));
}

void content_put_flag(json_t *object, const char *key, bool value)
{
	if (value)
		json_object_set_new(object, key, json_true());
}

void content_put_number(json_t *object, const char *key, uint64_t value)
{
	if (value > 0 && value <= INT64_MAX)
		json_object_set_new(
			object, key, json_integer((json_int_t)value));
}

void content_set_text(struct reading *r, const char *text)
{
	if (text != NULL && text[0] != '\0')
		r->out->text = content_clean(r->lane->arena, text);
}

/* An object that is a member only when something is in it. */
static void set_filled(struct content *out, const char *key, json_t *object)
{
	if (json_object_size(object) > 0)
		content_set(out, key, object);
	else
		json_decref(object);
}

/* ---- texts ---- */

static void set_colours(
	struct reading *r, const Wa__ExtendedTextMessage *extended)
{
	char colour[8];

	if (extended->has_background_argb) {
		snprintf(colour, sizeof colour, "#%06X",
			(unsigned)(extended->background_argb & 0xffffff));
		content_set(r->out, "background", json_string(colour));
	}
	if (extended->has_font && extended->font > 0)
		content_set(r->out, "font", json_integer(extended->font));
}

static void read_extended_text(struct reading *r, const void *part)
{
	const Wa__ExtendedTextMessage *extended = part;
	json_t *preview = json_object();

	r->out->kind = MESSAGE_TEXT;
	content_set_text(r, extended->text);
	if (extended->title != NULL || extended->description != NULL) {
		content_put(r, preview, "url", extended->matched_text);
		content_put(r, preview, "title", extended->title);
		content_put(r, preview, "description", extended->description);
	}
	set_filled(r->out, "preview", preview);
	set_colours(r, extended);
	r->is_view_once |= extended->view_once;
	content_read_context(r, extended->context_info);
}

/* ---- places ---- */

struct place {
	double latitude, longitude;
	const char *name, *address, *url;
	bool is_live;
};

static void set_place(struct reading *r, const struct place *place)
{
	json_t *location = json_object();

	r->out->kind = MESSAGE_LOCATION;
	/* Neither infinite nor a NaN: Jansson refuses those. */
	json_object_set_new(location, "latitude", json_real(place->latitude));
	json_object_set_new(location, "longitude", json_real(place->longitude));
	content_put(r, location, "name", place->name);
	content_put(r, location, "address", place->address);
	content_put(r, location, "url", place->url);
	content_put_flag(location, "live", place->is_live);
	set_filled(r->out, "location", location);
}

static void read_location(struct reading *r, const void *part)
{
	const Wa__LocationMessage *message = part;

	set_place(r, &(struct place){ .latitude = message->degrees_latitude,
			     .longitude = message->degrees_longitude,
			     .name = message->name,
			     .address = message->address,
			     .url = message->url,
			     .is_live = message->is_live });
	content_set_text(r, message->comment);
	content_read_context(r, message->context_info);
}

static void read_live_location(struct reading *r, const void *part)
{
	const Wa__LiveLocationMessage *message = part;

	set_place(r, &(struct place){ .latitude = message->degrees_latitude,
			     .longitude = message->degrees_longitude,
			     .is_live = true });
	content_set_text(r, message->caption);
	content_read_context(r, message->context_info);
}

/* ---- contacts ---- */

static void add_contact(
	struct reading *r, json_t *list, const Wa__ContactMessage *contact)
{
	json_t *item = json_object();
	const char *vcard = NULL;

	content_put(r, item, "name", contact->display_name);
	/* Half a card is of no use. */
	if (contact->vcard != NULL && strlen(contact->vcard) <= r->left)
		vcard = content_take(r, contact->vcard, VCARD_MAX);
	if (vcard != NULL)
		json_object_set_new(item, "vcard", json_string(vcard));
	json_array_append_new(list, item);
}

static void read_contact(struct reading *r, const void *part)
{
	const Wa__ContactMessage *contact = part;
	json_t *list = json_array();

	r->out->kind = MESSAGE_CONTACT;
	add_contact(r, list, contact);
	content_set(r->out, "contacts", list);
	content_read_context(r, contact->context_info);
}

static void read_contacts(struct reading *r, const void *part)
{
	const Wa__ContactsArrayMessage *contacts = part;
	json_t *list = json_array();

	r->out->kind = MESSAGE_CONTACT;
	for (size_t i = 0; i < contacts->n_contacts && i < CONTACTS_MAX; i++)
		add_contact(r, list, contacts->contacts[i]);
	content_set(r->out, "contacts", list);
	content_read_context(r, contacts->context_info);
}

/* ---- polls, reactions, invitations ---- */

static void read_poll(struct reading *r, const void *part)
{
	const Wa__PollCreationMessage *poll = part;
	json_t *options = json_array();
	json_t *object = json_object();

	r->out->kind = MESSAGE_POLL;
	content_set_text(r, poll->name);
	for (size_t i = 0; i < poll->n_options && i < OPTIONS_MAX; i++) {
		const char *name = content_take(
			r, poll->options[i]->option_name, CONTENT_NAME_MAX);

		if (name != NULL)
			json_array_append_new(options, json_string(name));
	}
	json_object_set_new(object, "options", options);
	json_object_set_new(object, "selectable",
		json_integer(poll->selectable_options_count));
	content_set(r->out, "poll", object);
	content_read_context(r, poll->context_info);
}

/* Sets the target that @key names, if it names one. */
static void set_target(struct reading *r, const Wa__MessageKey *key)
{
	struct content_target target;

	if (content_target(r->lane, r->from, key, &target))
		content_set_target(r->lane, r->out, &target);
}

static void read_reaction(struct reading *r, const void *part)
{
	const Wa__ReactionMessage *reaction = part;

	r->out->kind = MESSAGE_REACTION;
	r->out->text = ""; /* taken back */
	content_set_text(r, reaction->text);
	set_target(r, reaction->key);
}

static void read_invite(struct reading *r, const void *part)
{
	const Wa__GroupInviteMessage *message = part;
	json_t *invite = json_object();
	char expires_at[CLOCK_ISO_LEN];

	r->out->kind = MESSAGE_GROUP_INVITE;
	content_set_text(r, message->caption);
	content_put(r, invite, "group", message->group_jid);
	content_put(r, invite, "code", message->invite_code);
	content_put(r, invite, "name", message->group_name);
	if (message->invite_expiration > 0 &&
		message->invite_expiration <= TIME_MAX_SEC) {
		clock_iso(message->invite_expiration * 1000, expires_at);
		json_object_set_new(
			invite, "expiresAt", json_string(expires_at));
	}
	set_filled(r->out, "invite", invite);
	content_read_context(r, message->context_info);
}

/* ---- answers to buttons and lists ---- */

static void set_reply(struct reading *r, const char *id, const char *title,
	const Wa__ContextInfo *context)
{
	json_t *reply = json_object();

	r->out->kind = MESSAGE_BUTTON_REPLY;
	content_set_text(r, title);
	content_put(r, reply, "id", id);
	content_put(r, reply, "title", title);
	set_filled(r->out, "reply", reply);
	content_read_context(r, context);
}

static void read_button(struct reading *r, const void *part)
{
	const Wa__ButtonsResponseMessage *m = part;

	set_reply(r, m->selected_button_id, m->selected_display_text,
		m->context_info);
}

static void read_template_button(struct reading *r, const void *part)
{
	const Wa__TemplateButtonReplyMessage *m = part;

	set_reply(r, m->selected_id, m->selected_display_text, m->context_info);
}

static void read_list_reply(struct reading *r, const void *part)
{
	const Wa__ListResponseMessage *m = part;

	set_reply(r,
		m->single_select_reply != NULL
			? m->single_select_reply->selected_row_id
			: NULL,
		m->title, m->context_info);
}

/* Its id is in a JSON text of the button's own. */
static void read_flow_reply(struct reading *r, const void *part)
{
	const Wa__InteractiveResponseMessage *m = part;
	const Wa__NativeFlowResponseMessage *flow =
		m->native_flow_response_message;
	json_t *params = NULL;

	if (flow != NULL && flow->params_json != NULL)
		params = json_loadb(flow->params_json,
			strnlen(flow->params_json, CONTENT_TEXTS_MAX), 0, NULL);
	set_reply(r, json_string_value(json_object_get(params, "id")),
		m->body != NULL ? m->body->text : NULL, m->context_info);
	json_decref(params);
}

/* ---- what is told by its name only ---- */

static void read_event(struct reading *r, const void *part)
{
	const Wa__EventMessage *event = part;

	content_set_other(r->out, "event");
	content_set_text(r, event->name);
	content_read_context(r, event->context_info);
}

static void read_album(struct reading *r, const void *part)
{
	const Wa__AlbumMessage *album = part;

	content_set_other(r->out, "album");
	content_read_context(r, album->context_info);
}

static void read_pin(struct reading *r, const void *part)
{
	const Wa__PinInChatMessage *pin = part;

	content_set_other(r->out, pin->type == 2 ? "unpin" : "pin");
	set_target(r, pin->key);
}

static void read_keep(struct reading *r, const void *part)
{
	const Wa__KeepInChatMessage *keep = part;

	content_set_other(r->out, keep->keep_type == 2 ? "unkeep" : "keep");
	set_target(r, keep->key);
}

/* Encrypted with the secret of a message that we do not know (else addon.h
 * described it). */
static void read_vote(struct reading *r, const void *part)
{
	const Wa__PollUpdateMessage *vote = part;

	content_set_other(r->out, "poll_vote");
	set_target(r, vote->poll_creation_message_key);
}

static void read_enc_reaction(struct reading *r, const void *part)
{
	const Wa__EncReactionMessage *reaction = part;

	content_set_other(r->out, "reaction");
	set_target(r, reaction->target_message_key);
}

static void read_secret(struct reading *r, const void *part)
{
	const Wa__SecretEncryptedMessage *secret = part;

	content_set_other(
		r->out, secret->secret_enc_type == 2 ? "edit" : "secret");
	set_target(r, secret->target_message_key);
}

/* ---- all of them ---- */

static const struct {
	size_t offset;
	void (*read)(struct reading *r, const void *part);
} parts[] = {
	{ FIELD(extended_text_message), read_extended_text },
	{ FIELD(image_message), content_read_image },
	{ FIELD(video_message), content_read_video },
	{ FIELD(ptv_message), content_read_video_note },
	{ FIELD(audio_message), content_read_audio },
	{ FIELD(document_message), content_read_document },
	{ FIELD(sticker_message), content_read_sticker },
	{ FIELD(location_message), read_location },
	{ FIELD(live_location_message), read_live_location },
	{ FIELD(contact_message), read_contact },
	{ FIELD(contacts_array_message), read_contacts },
	{ FIELD(poll_creation_message), read_poll },
	{ FIELD(poll_creation_message_v2), read_poll },
	{ FIELD(poll_creation_message_v3), read_poll },
	{ FIELD(poll_creation_message_v5), read_poll },
	{ FIELD(reaction_message), read_reaction },
	{ FIELD(group_invite_message), read_invite },
	{ FIELD(buttons_response_message), read_button },
	{ FIELD(template_button_reply_message), read_template_button },
	{ FIELD(list_response_message), read_list_reply },
	{ FIELD(interactive_response_message), read_flow_reply },
	{ FIELD(poll_update_message), read_vote },
	{ FIELD(enc_reaction_message), read_enc_reaction },
	{ FIELD(secret_encrypted_message), read_secret },
	{ FIELD(event_message), read_event },
	{ FIELD(album_message), read_album },
	{ FIELD(pin_in_chat_message), read_pin },
	{ FIELD(keep_in_chat_message), read_keep },
};

/* Newer than this program: the number tells a developer what it was. */
static bool read_unknown(struct reading *r, const Wa__Message *message)
{
	char type[24];

	if (message->base.n_unknown_fields == 0)
		return false;
	snprintf(type, sizeof type, "field_%u",
		message->base.unknown_fields[0].tag);
	content_set_other(r->out, type);
	return true;
}

bool content_read(struct reading *r, const Wa__Message *message)
{
	message = unwrap(message, r);
	if (message->conversation != NULL && message->conversation[0] != '\0') {
		r->out->kind = MESSAGE_TEXT;
		content_set_text(r, message->conversation);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const void *part = field(message, parts[i].offset);

		if (part == NULL)
			continue;
		parts[i].read(r, part);
		if (r->is_view_once)
			content_set(r->out, "viewOnce", json_true());
		/* An empty text is nothing to show. */
		return r->out->kind != MESSAGE_TEXT || r->out->text != NULL;
	}
	return read_unknown(r, message);
}

bool content_describe(struct lane *lane, const struct content_from *from,
	const Wa__Message *message, struct content *out)
{
	struct reading reading = { .lane = lane,
		.from = from,
		.out = out,
		.left = CONTENT_TEXTS_MAX };

	return content_read(&reading, message);
}
