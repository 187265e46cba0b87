/* The members that only some kinds have: media, location, contacts, poll, and
 * the other message that one is about. */
#include "common/content_impl.h"

#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

#define WA_ID_MAX 64
#define NAME_MAX_CHARS 256
#define PLACE_MAX_CHARS 1000
#define URL_MAX 2048

/* ---- media ---- */

int content_part_media(struct content_work *check, json_t *value)
{
	static const char *const members[] = { "gif", "videoNote", "fileName",
		NULL };
	const bool is_video = check->place->kind == MESSAGE_VIDEO;
	const json_t *gif = json_object_get(value, "gif");
	const json_t *note = json_object_get(value, "videoNote");
	json_t *name = json_object_get(value, "fileName");

	if (content_take_object(check, value, "media", members) != 0)
		return -1;
	if ((gif != NULL || note != NULL) && !is_video)
		return content_refuse(
			check, "gif and videoNote are for a VIDEO");
	if ((gif != NULL && !json_is_boolean(gif)) ||
		(note != NULL && !json_is_boolean(note)))
		return content_refuse(
			check, "gif and videoNote must be true or false");
	if (json_is_true(gif) && json_is_true(note))
		return content_refuse(
			check, "a video is a GIF or a note, not both");
	if (name != NULL && check->place->kind != MESSAGE_DOCUMENT)
		return content_refuse(check, "fileName is for a DOCUMENT");
	if (name != NULL && content_take_line(check, name, NAME_MAX_CHARS,
				    "fileName") == NULL)
		return -1;
	content_put(check, "media", json_deep_copy(value));
	return 0;
}

int content_part_view_once(struct content_work *check, json_t *value)
{
	if (!json_is_boolean(value))
		return content_refuse(check, "viewOnce must be true or false");
	if (json_is_true(value))
		content_put(check, "viewOnce", json_true());
	return 0;
}

/* ---- location ---- */

static int take_degrees(struct content_work *check, const json_t *value,
	const char *name, double limit, json_t *out)
{
	const double degrees = json_number_value(value);

	if (!json_is_number(value) || !(degrees >= -limit && degrees <= limit))
		return err_set(check->err, ERR_INVALID,
			"%s must be a number from %.0f to %.0f", name, -limit,
			limit);
	json_object_set_new(out, name, json_real(degrees));
	return 0;
}

int content_part_location(struct content_work *check, json_t *value)
{
	static const char *const members[] = { "latitude", "longitude", "name",
		"address", "url", NULL };
	static const char *const texts[] = { "name", "address", NULL };
	json_t *out = json_object();
	const char *url;

	content_put(check, "location", out);
	if (json_object_get(value, "live") != NULL)
		return content_refuse(check, "live locations cannot be sent");
	if (content_take_object(check, value, "location", members) != 0 ||
		take_degrees(check, json_object_get(value, "latitude"),
			"latitude", 90, out) != 0 ||
		take_degrees(check, json_object_get(value, "longitude"),
			"longitude", 180, out) != 0)
		return -1;
	for (size_t i = 0; texts[i] != NULL; i++) {
		json_t *text = json_object_get(value, texts[i]);

		if (text == NULL)
			continue;
		if (content_take_line(check, text, PLACE_MAX_CHARS, texts[i]) ==
			NULL)
			return -1;
		json_object_set(out, texts[i], text);
	}
	if (json_object_get(value, "url") == NULL)
		return 0;
	url = content_take_line(
		check, json_object_get(value, "url"), URL_MAX, "url");
	if (url == NULL)
		return -1;
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return content_refuse(
			check, "url must be an http or https URL");
	json_object_set_new(out, "url", json_string(url));
	return 0;
}

/* ---- contacts ---- */

/* As RFC 2426 wants it inside of a value. */
static void vcard_add(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\,;", *text) != NULL)
			buf_add_byte(out, '\\');
		buf_add_byte(out, (uint8_t)*text);
	}
}

static json_t *vcard_make(const char *name, const char *digits)
{
	scoped(buf_fini) struct buf card = BUF_INIT;

	buf_add_str(&card, "BEGIN:VCARD\nVERSION:3.0\nN:;");
	vcard_add(&card, name);
	buf_add_str(&card, ";;;\nFN:");
	vcard_add(&card, name);
	buf_printf(&card, "\nTEL;type=CELL;type=VOICE;waid=%s:+%s\nEND:VCARD\n",
		digits, digits);
	return json_string(buf_cstr(&card));
}

static bool is_vcard(const char *text)
{
	if (strlen(text) > CONTENT_VCARD_MAX ||
		strncasecmp(text, "BEGIN:VCARD", 11) != 0 ||
		strcasestr(text, "END:VCARD") == NULL)
		return false;
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' &&
			strchr("\r\n\t", *text) == NULL)
			return false;
	}
	return true;
}

static int take_contact(struct content_work *check, json_t *value, json_t *out)
{
	static const char *const members[] = { "name", "phone", "vcard", NULL };
	const json_t *phone = json_object_get(value, "phone");
	const char *vcard = json_string_value(json_object_get(value, "vcard"));
	struct recipient person;
	const char *name;
	json_t *card;

	if (content_take_object(check, value, "contacts", members) != 0)
		return -1;
	name = content_take_line(
		check, json_object_get(value, "name"), NAME_MAX_CHARS, "name");
	if (name == NULL)
		return -1;
	if ((phone == NULL) == (json_object_get(value, "vcard") == NULL))
		return content_refuse(
			check, "a contact has either a phone or a vcard");
	if (phone != NULL && content_take_person(check, phone, "phone",
				     RECIPIENT_PHONE, &person) != 0)
		return -1;
	if (phone == NULL && (vcard == NULL || !is_vcard(vcard)))
		return content_refuse(
			check, "vcard must be a vCard of at most 16384 bytes");
	card = phone != NULL ? vcard_make(name, person.phone)
			     : json_string(vcard);
	json_array_append_new(
		out, json_pack("{s:s, s:o}", "name", name, "vcard", card));
	return 0;
}

int content_part_contacts(struct content_work *check, json_t *value)
{
	json_t *out = json_array();
	json_t *item;
	size_t i;

	content_put(check, "contacts", out);
	if (content_take_array(
		    check, value, "contacts", 1, CONTENT_CONTACTS_MAX) != 0)
		return -1;
	json_array_foreach(value, i, item)
	{
		if (take_contact(check, item, out) != 0)
			return -1;
	}
	return 0;
}

/* ---- poll ---- */

static int take_options(
	struct content_work *check, const json_t *value, json_t *out)
{
	json_t *item;
	size_t i;

	if (content_take_array(
		    check, value, "options", 2, CONTENT_OPTIONS_MAX) != 0)
		return -1;
	json_array_foreach(value, i, item)
	{
		if (content_take_line(check, item, CONTENT_OPTION_MAX,
			    "an option") == NULL)
			return -1;
		for (size_t j = 0; j < i; j++) {
			if (json_equal(item, json_array_get(value, j)))
				return content_refuse(
					check, "the options must be different");
		}
		json_array_append(out, item);
	}
	return 0;
}

int content_part_poll(struct content_work *check, json_t *value)
{
	static const char *const members[] = { "options", "selectable", NULL };
	json_t *selectable = json_object_get(value, "selectable");
	json_t *out = json_array();
	json_int_t n = selectable != NULL ? json_integer_value(selectable) : 1;

	content_put(check, "poll", json_pack("{s:o}", "options", out));
	if (content_take_object(check, value, "poll", members) != 0 ||
		take_options(check, json_object_get(value, "options"), out) !=
			0)
		return -1;
	if ((selectable != NULL && !json_is_integer(selectable)) || n < 0 ||
		n > (json_int_t)json_array_size(out))
		return content_refuse(check,
			"selectable must be a number from 0 to that of the "
			"options");
	json_object_set_new(json_object_get(check->json, "poll"), "selectable",
		json_integer(n));
	return 0;
}

/* ---- other messages ---- */

static bool is_wa_id(const char *id)
{
	const size_t n = id != NULL ? strlen(id) : 0;

	if (n < 1 || n > WA_ID_MAX)
		return false;
	for (; *id != '\0'; id++) {
		if (*id <= ' ' || *id > '~' || *id == '"' || *id == '\\')
			return false;
	}
	return true;
}

/* {id, fromMe, participant}; the participant only where it says something: who
 * wrote a message that is not ours, in a group. */
static int take_key(struct content_work *check, const json_t *value,
	const char *name, json_t *out)
{
	const char *id = json_string_value(json_object_get(value, "id"));
	const json_t *from_me = json_object_get(value, "fromMe");
	const json_t *participant = json_object_get(value, "participant");
	struct recipient person;

	if (!is_wa_id(id))
		return err_set(check->err, ERR_INVALID,
			"%s must hold messageId, or the WhatsApp id of a "
			"message",
			name);
	if (from_me != NULL && !json_is_boolean(from_me))
		return content_refuse(check, "fromMe must be true or false");
	json_object_set_new(out, "id", json_string(id));
	json_object_set_new(out, "fromMe", json_boolean(json_is_true(from_me)));
	if (participant != NULL &&
		content_take_person(check, participant, "participant",
			RECIPIENT_PERSON, &person) != 0)
		return -1;
	if (json_is_true(from_me))
		return 0;
	if (check->place->is_group && participant == NULL)
		return err_set(check->err, ERR_INVALID,
			"%s needs the participant who wrote the message, or "
			"fromMe",
			name);
	if (participant != NULL)
		json_object_set_new(
			out, "participant", json_string(person.name));
	return 0;
}

int content_part_target(struct content_work *check, json_t *value)
{
	static const char *const members[] = { "id", "fromMe", "participant",
		NULL };
	json_t *out = json_object();
	bool is_ours;

	content_put(check, "target", out);
	if (content_take_object(check, value, "target", members) != 0 ||
		take_key(check, value, "target", out) != 0)
		return -1;
	is_ours = json_is_true(json_object_get(out, "fromMe"));
	if (!is_ours && check->place->kind == MESSAGE_EDIT)
		return content_refuse(check, "only own messages can be edited");
	if (!is_ours && check->place->kind == MESSAGE_REVOKE &&
		!check->place->is_group)
		return content_refuse(check,
			"only own messages can be taken back, or others' in a "
			"group by its admins");
	return 0;
}

int content_part_quote(struct content_work *check, json_t *value)
{
	static const char *const members[] = { "id", "fromMe", "participant",
		"text", "messageType", NULL };
	json_t *out = json_object();
	json_t *text = json_object_get(value, "text");
	const char *type =
		json_string_value(json_object_get(value, "messageType"));
	enum message_kind kind;

	content_put(check, "quote", out);
	if (content_take_object(check, value, "quote", members) != 0 ||
		take_key(check, value, "quote", out) != 0)
		return -1;
	if (text != NULL) {
		scoped(str_free) char *cut = content_cut(
			json_is_string(text) ? json_string_value(text) : "",
			CONTENT_QUOTE_MAX);

		json_object_set_new(out, "text", json_string(cut));
	}
	if (json_object_get(value, "messageType") == NULL)
		return 0;
	if (type == NULL || message_kind_parse(type, &kind) != 0)
		return content_refuse(
			check, "messageType must be one of a message");
	json_object_set_new(out, "messageType", json_string(type));
	return 0;
}
