/* From a Message to what the inbox shows of it: members named as in the control
 * API (control_phone.c).  The bytes came from a peer: what is missing or no
 * UTF-8 is left out. */
#include "sandboxd/phone.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/own.h"
#include "common/wa/media.h"

#define LIST_MAX 1024 /* members of a list that are shown */

struct reading {
	struct phone *phone;
	const struct phone_context *context;
	json_t *out;
};

/* ---- members ---- */

static void put(json_t *out, const char *key, json_t *value)
{
	if (value != NULL)
		json_object_set_new(out, key, value);
}

/* Peers' text may not be UTF-8; jansson takes no other. */
static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);

	return json != NULL ? json : json_string(log_quote(text));
}

static void put_text(json_t *out, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		put(out, key, text_json(text));
}

static void put_number(json_t *out, const char *key, int64_t value)
{
	if (value != 0)
		put(out, key, json_integer(value));
}

static void put_true(json_t *out, const char *key, bool value)
{
	if (value)
		put(out, key, json_true());
}

/* The account's number, or the address as it is. */
static json_t *who(const struct reading *r, const char *jid_text)
{
	const struct account *account = NULL;
	struct wa_jid jid;

	if (wa_jid_parse(jid_text, strlen(jid_text), &jid) == 0)
		account = directory_find(r->phone->sandbox, &jid);
	return account != NULL ? json_string(account->pn) : text_json(jid_text);
}

/* A key is written from its sender's point of view; here it is that of the
 * phone's owner. */
static json_t *key_json(const struct reading *r, const Wa__MessageKey *key)
{
	json_t *json = json_object();
	const bool own = phone_is_own(r->phone, r->context->author);

	if (key == NULL)
		return json;
	put_text(json, "id", key->id);
	if (key->participant != NULL)
		put(json, "author", who(r, key->participant));
	else if (key->from_me)
		put(json, "author", json_string(r->context->author->pn));
	else if (!own && wa_jid_is_empty(&r->context->chat))
		put(json, "author", json_string(r->phone->account->pn));
	put(json, "fromMe", json_boolean(key->from_me));
	return json;
}

static void put_key(
	const struct reading *r, const char *member, const Wa__MessageKey *key)
{
	put(r->out, member, key_json(r, key));
}

/* ---- what any kind may carry ---- */

static const Wa__ContextInfo *context_of(const Wa__Message *m)
{
	const Wa__ContextInfo *const contexts[] = {
		m->extended_text_message == NULL
			? NULL
			: m->extended_text_message->context_info,
		m->image_message == NULL ? NULL
					 : m->image_message->context_info,
		m->video_message == NULL ? NULL
					 : m->video_message->context_info,
		m->ptv_message == NULL ? NULL : m->ptv_message->context_info,
		m->audio_message == NULL ? NULL
					 : m->audio_message->context_info,
		m->document_message == NULL ? NULL
					    : m->document_message->context_info,
		m->sticker_message == NULL ? NULL
					   : m->sticker_message->context_info,
		m->location_message == NULL ? NULL
					    : m->location_message->context_info,
		m->contact_message == NULL ? NULL
					   : m->contact_message->context_info,
		m->contacts_array_message == NULL
			? NULL
			: m->contacts_array_message->context_info,
		m->poll_creation_message == NULL
			? NULL
			: m->poll_creation_message->context_info,
		m->poll_creation_message_v3 == NULL
			? NULL
			: m->poll_creation_message_v3->context_info,
	};

	for (size_t i = 0; i < ARRAY_LEN(contexts); i++) {
		if (contexts[i] != NULL)
			return contexts[i];
	}
	return NULL;
}

static const char *plain_text(const Wa__Message *message);

static void read_context(
	const struct reading *r, const Wa__ContextInfo *context)
{
	json_t *quoted, *mentions = json_array();

	if (context->stanza_id != NULL) {
		quoted = json_object();
		put_text(quoted, "id", context->stanza_id);
		if (context->participant != NULL)
			put(quoted, "author", who(r, context->participant));
		put_text(quoted, "chat", context->remote_jid);
		if (context->quoted_message != NULL) {
			put_text(quoted, "type",
				phone_shape_of(context->quoted_message).name);
			put_text(quoted, "text",
				plain_text(context->quoted_message));
		}
		put(r->out, "quoted", quoted);
	}
	for (size_t i = 0; i < context->n_mentioned_jid && i < LIST_MAX; i++)
		json_array_append_new(
			mentions, who(r, context->mentioned_jid[i]));
	if (json_array_size(mentions) > 0)
		put(r->out, "mentions", json_incref(mentions));
	json_decref(mentions);
	put_true(r->out, "forwarded", context->is_forwarded);
	put_number(r->out, "forwardingScore", context->forwarding_score);
	put_number(r->out, "expiration", context->expiration);
}

/* ---- media ---- */

/* The fields that the kinds of media share; NULL and 0 where there are none. */
struct media_fields {
	enum wa_media_type type;
	const char *mimetype, *direct_path, *file_name;
	const ProtobufCBinaryData *key, *sha256, *enc_sha256, *thumbnail;
	uint64_t length;
	uint32_t seconds, width, height, pages;
	bool gif, animated, view_once;
	const ProtobufCBinaryData *waveform;
};

#define COMMON_FIELDS(m, kind)                                            \
	.type = (kind), .mimetype = (m)->mimetype,                        \
	.direct_path = (m)->direct_path, .key = &(m)->media_key,          \
	.sha256 = &(m)->file_sha256, .enc_sha256 = &(m)->file_enc_sha256, \
	.length = (m)->file_length

static struct media_fields video_fields(const Wa__VideoMessage *m)
{
	return (struct media_fields){ COMMON_FIELDS(m, WA_MEDIA_VIDEO),
		.seconds = m->seconds, .width = m->width, .height = m->height,
		.gif = m->gif_playback, .view_once = m->view_once,
		.thumbnail = &m->jpeg_thumbnail };
}

static struct media_fields image_fields(const Wa__ImageMessage *m)
{
	return (struct media_fields){ COMMON_FIELDS(m, WA_MEDIA_IMAGE),
		.width = m->width, .height = m->height,
		.view_once = m->view_once, .thumbnail = &m->jpeg_thumbnail };
}

static struct media_fields audio_fields(const Wa__AudioMessage *m)
{
	return (struct media_fields){ COMMON_FIELDS(m, WA_MEDIA_AUDIO),
		.seconds = m->seconds, .view_once = m->view_once,
		.waveform = m->has_waveform ? &m->waveform : NULL };
}

static struct media_fields document_fields(const Wa__DocumentMessage *m)
{
	return (struct media_fields){ COMMON_FIELDS(m, WA_MEDIA_DOCUMENT),
		.file_name = m->file_name, .pages = m->page_count,
		.thumbnail = &m->jpeg_thumbnail };
}

static struct media_fields sticker_fields(const Wa__StickerMessage *m)
{
	return (struct media_fields){ COMMON_FIELDS(m, WA_MEDIA_IMAGE),
		.width = m->width, .height = m->height,
		.animated = m->is_animated, .thumbnail = &m->png_thumbnail };
}

static bool media_fields_of(const Wa__Message *m, struct media_fields *out)
{
	if (m->image_message != NULL)
		*out = image_fields(m->image_message);
	else if (m->video_message != NULL)
		*out = video_fields(m->video_message);
	else if (m->ptv_message != NULL)
		*out = video_fields(m->ptv_message);
	else if (m->audio_message != NULL)
		*out = audio_fields(m->audio_message);
	else if (m->document_message != NULL)
		*out = document_fields(m->document_message);
	else if (m->sticker_message != NULL)
		*out = sticker_fields(m->sticker_message);
	else
		return false;
	return true;
}

static bool copy_exactly(const ProtobufCBinaryData *from, uint8_t *to, size_t n)
{
	if (from->len != n)
		return false;
	memcpy(to, from->data, n);
	return true;
}

static bool media_ref(
	const struct media_fields *fields, struct wa_media_ref *out)
{
	*out = (struct wa_media_ref){ .type = fields->type,
		.length = fields->length };
	if (fields->direct_path == NULL ||
		strlen(fields->direct_path) >= sizeof(out->direct_path) ||
		!copy_exactly(fields->key, out->key, sizeof(out->key)) ||
		!copy_exactly(fields->enc_sha256, out->enc_sha256,
			sizeof(out->enc_sha256)))
		return false;
	strcpy(out->direct_path, fields->direct_path);
	out->has_sha256 =
		copy_exactly(fields->sha256, out->sha256, sizeof(out->sha256));
	return true;
}

static void put_waveform(json_t *out, const ProtobufCBinaryData *waveform)
{
	json_t *list = json_array();

	for (size_t i = 0; i < waveform->len && i < LIST_MAX; i++)
		json_array_append_new(list, json_integer(waveform->data[i]));
	put(out, "waveform", list);
}

static void read_media(
	const struct reading *r, const struct media_fields *fields)
{
	json_t *media = json_object();
	struct wa_media_ref ref;

	put_text(media, "mimetype", fields->mimetype);
	put_text(media, "fileName", fields->file_name);
	put_number(media, "seconds", fields->seconds);
	put_number(media, "width", fields->width);
	put_number(media, "height", fields->height);
	put_number(media, "pages", fields->pages);
	put_true(media, "gif", fields->gif);
	put_true(media, "animated", fields->animated);
	put_true(r->out, "viewOnce", fields->view_once);
	put(media, "hasThumbnail",
		json_boolean(fields->thumbnail != NULL &&
			     fields->thumbnail->len > 0));
	if (fields->waveform != NULL)
		put_waveform(media, fields->waveform);
	if (media_ref(fields, &ref))
		phone_media_fetch(r->phone, r->context->id, &ref, media);
	else
		put_text(media, "mediaError", "key, hash or path is missing");
	put(r->out, "media", media);
}

/* ---- other kinds ---- */

static void read_text(
	const struct reading *r, const Wa__ExtendedTextMessage *text)
{
	json_t *preview;

	if (text->matched_text != NULL) {
		preview = json_object();
		put_text(preview, "url", text->matched_text);
		put_text(preview, "title", text->title);
		put_text(preview, "description", text->description);
		put(preview, "hasThumbnail",
			json_boolean(text->jpeg_thumbnail.len > 0));
		put(r->out, "preview", preview);
	}
	if (text->has_background_argb)
		put(r->out, "background",
			json_sprintf("#%08X", text->background_argb));
	if (text->has_font)
		put(r->out, "font", json_integer(text->font));
}

static void read_location(
	const struct reading *r, const Wa__LocationMessage *location)
{
	json_t *json = json_object();

	put(json, "latitude", json_real(location->degrees_latitude));
	put(json, "longitude", json_real(location->degrees_longitude));
	put_text(json, "name", location->name);
	put_text(json, "address", location->address);
	put_text(json, "url", location->url);
	put(r->out, "location", json);
}

static void read_live_location(
	const struct reading *r, const Wa__LiveLocationMessage *location)
{
	json_t *json = json_object();

	put(json, "latitude", json_real(location->degrees_latitude));
	put(json, "longitude", json_real(location->degrees_longitude));
	put(json, "live", json_true());
	put(r->out, "location", json);
}

static json_t *contact_json(const Wa__ContactMessage *contact)
{
	json_t *json = json_object();

	put_text(json, "name", contact->display_name);
	put_text(json, "vcard", contact->vcard);
	return json;
}

static void read_contacts(
	const struct reading *r, const Wa__ContactsArrayMessage *array)
{
	json_t *list = json_array();

	for (size_t i = 0; i < array->n_contacts && i < LIST_MAX; i++)
		json_array_append_new(list, contact_json(array->contacts[i]));
	put(r->out, "contacts", list);
}

static const Wa__PollCreationMessage *poll_of(const Wa__Message *m)
{
	if (m->poll_creation_message != NULL)
		return m->poll_creation_message;
	if (m->poll_creation_message_v2 != NULL)
		return m->poll_creation_message_v2;
	return m->poll_creation_message_v3 != NULL
		       ? m->poll_creation_message_v3
		       : m->poll_creation_message_v5;
}

static void read_poll(
	const struct reading *r, const Wa__PollCreationMessage *poll)
{
	json_t *json = json_object(), *options = json_array();

	for (size_t i = 0; i < poll->n_options && i < LIST_MAX; i++) {
		const char *name = poll->options[i]->option_name;

		json_array_append_new(
			options, text_json(name == NULL ? "" : name));
	}
	put_text(json, "name", poll->name);
	put(json, "options", options);
	put(json, "selectable", json_integer(poll->selectable_options_count));
	put(r->out, "poll", json);
}

static void read_reaction(
	const struct reading *r, const Wa__ReactionMessage *reaction)
{
	json_t *json = json_object();

	put(json, "target", key_json(r, reaction->key));
	put(json, "text",
		text_json(reaction->text == NULL ? "" : reaction->text));
	put(r->out, "reaction", json);
}

static void read_protocol(
	const struct reading *r, const Wa__ProtocolMessage *protocol)
{
	json_t *json;

	if (!protocol->has_type)
		return;
	switch (protocol->type) {
	case WA__PROTOCOL_MESSAGE__TYPE__REVOKE:
		put_key(r, "revoke", protocol->key);
		break;
	case WA__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT:
		json = json_object();
		put(json, "target", key_json(r, protocol->key));
		if (protocol->edited_message != NULL)
			put_text(json, "text",
				plain_text(protocol->edited_message));
		put(r->out, "edit", json);
		break;
	case WA__PROTOCOL_MESSAGE__TYPE__EPHEMERAL_SETTING:
		put(r->out, "expiration",
			json_integer(protocol->ephemeral_expiration));
		break;
	default:
		break; /* between devices of one account */
	}
}

static void read_invite(
	const struct reading *r, const Wa__GroupInviteMessage *invite)
{
	json_t *json = json_object();

	put_text(json, "group", invite->group_jid);
	put_text(json, "code", invite->invite_code);
	put_text(json, "name", invite->group_name);
	put_number(json, "expiresAt", invite->invite_expiration);
	put(r->out, "invite", json);
}

/* Which fields of Message we do not know. */
static void read_unknown(const struct reading *r, const Wa__Message *m)
{
	json_t *fields = json_array();

	for (unsigned i = 0; i < m->base.n_unknown_fields && i < LIST_MAX; i++)
		json_array_append_new(
			fields, json_integer(m->base.unknown_fields[i].tag));
	if (json_array_size(fields) > 0)
		put(r->out, "fields", json_incref(fields));
	json_decref(fields);
}

/* What a person would read in it, or NULL. */
static const char *plain_text(const Wa__Message *m)
{
	m = phone_unwrap(m);
	if (m->conversation != NULL)
		return m->conversation;
	if (m->extended_text_message != NULL)
		return m->extended_text_message->text;
	if (m->image_message != NULL)
		return m->image_message->caption;
	if (m->video_message != NULL)
		return m->video_message->caption;
	if (m->document_message != NULL)
		return m->document_message->caption;
	if (m->reaction_message != NULL)
		return m->reaction_message->text;
	if (poll_of(m) != NULL)
		return poll_of(m)->name;
	if (m->group_invite_message != NULL)
		return m->group_invite_message->caption;
	if (m->buttons_response_message != NULL)
		return m->buttons_response_message->selected_display_text;
	if (m->list_response_message != NULL)
		return m->list_response_message->title;
	if (m->protocol_message != NULL &&
		m->protocol_message->edited_message != NULL)
		return plain_text(m->protocol_message->edited_message);
	return NULL;
}

static void read_kind(const struct reading *r, const Wa__Message *m)
{
	struct media_fields fields;

	if (media_fields_of(m, &fields))
		read_media(r, &fields);
	else if (m->extended_text_message != NULL)
		read_text(r, m->extended_text_message);
	else if (m->location_message != NULL)
		read_location(r, m->location_message);
	else if (m->live_location_message != NULL)
		read_live_location(r, m->live_location_message);
	else if (m->contact_message != NULL)
		put(r->out, "contact", contact_json(m->contact_message));
	else if (m->contacts_array_message != NULL)
		read_contacts(r, m->contacts_array_message);
	else if (poll_of(m) != NULL)
		read_poll(r, poll_of(m));
	else if (m->poll_update_message != NULL)
		put(r->out, "vote",
			phone_vote_read(
				r->phone, r->context, m->poll_update_message));
	else if (m->reaction_message != NULL)
		read_reaction(r, m->reaction_message);
	else if (m->protocol_message != NULL)
		read_protocol(r, m->protocol_message);
	else if (m->group_invite_message != NULL)
		read_invite(r, m->group_invite_message);
	else if (m->conversation == NULL)
		read_unknown(r, m);
}

static bool is_view_once(const Wa__Message *message)
{
	return message->view_once_message != NULL ||
	       message->view_once_message_v2 != NULL ||
	       message->view_once_message_v2_extension != NULL;
}

void phone_describe(struct phone *phone, const struct phone_context *context,
	const Wa__Message *message, const char **text_out, json_t **details_out)
{
	const struct reading r = { phone, context, json_object() };
	const Wa__Message *content = phone_unwrap(message);
	const Wa__ContextInfo *info = context_of(content);

	*text_out = plain_text(content);
	*details_out = NULL;
	read_kind(&r, content);
	if (info != NULL)
		read_context(&r, info);
	put_true(r.out, "viewOnce", is_view_once(message));
	if (json_object_size(r.out) > 0)
		*details_out = json_incref(r.out);
	json_decref(r.out);
}
