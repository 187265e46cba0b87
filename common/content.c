#include "common/content.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/recipient.h"
#include "common/send.h"

#define WA_ID_MAX 64
#define NAME_MAX_CHARS 256
#define PLACE_MAX_CHARS 1000
#define URL_MAX 2048
#define EXPIRATION_MAX 31536000 /* a year */
#define FONT_MAX 10

/* One check under way. */
struct check {
	const struct content_place *place;
	json_t *json; /* what the lane gets, so far */
	const char *text;
	struct err *err;
};

/* Kinds as bits. */
#define K(kind) BIT(MESSAGE_##kind)
#define CAPTIONED (K(IMAGE) | K(VIDEO) | K(DOCUMENT))
#define WITH_MEDIA (CAPTIONED | K(AUDIO) | K(VOICE) | K(STICKER))
#define ABOUT_ANOTHER (K(REACTION) | K(EDIT) | K(REVOKE))
#define STANDING (K(TEXT) | WITH_MEDIA | K(LOCATION) | K(CONTACT) | K(POLL))
#define OUTBOUND (STANDING | ABOUT_ANOTHER)

/* ---- values ---- */

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 127)
			return true;
	}
	return false;
}

static int refuse(const struct check *check, const char *what)
{
	return err_set(check->err, ERR_INVALID, "%s", what);
}

/* A text of 1..@max characters on one line, or NULL and the error. */
static const char *take_line(const struct check *check, const json_t *value,
	size_t max, const char *name)
{
	const char *text = json_string_value(value);

	if (text != NULL && text[0] != '\0' && characters(text) <= max &&
		!has_control(text))
		return text;
	err_set(check->err, ERR_INVALID,
		"%s must be a text of 1 to %zu characters without line breaks",
		name, max);
	return NULL;
}

static bool is_among(const char *key, const char *const names[])
{
	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcmp(key, names[i]) == 0)
			return true;
	}
	return false;
}

/* An object of which only these members are known. */
static int take_object(const struct check *check, json_t *value,
	const char *name, const char *const names[])
{
	const char *key;
	json_t *member;

	if (!json_is_object(value))
		return err_set(
			check->err, ERR_INVALID, "%s must be an object", name);
	json_object_foreach(value, key, member)
	{
		if (!is_among(key, names))
			return err_set(check->err, ERR_INVALID,
				"%s has a member that should not exist: %.40s",
				name, key);
	}
	return 0;
}

static int take_array(const struct check *check, const json_t *value,
	const char *name, size_t min, size_t max)
{
	if (json_is_array(value) && json_array_size(value) >= min &&
		json_array_size(value) <= max)
		return 0;
	return err_set(check->err, ERR_INVALID,
		"%s must be an array of %zu to %zu items", name, min, max);
}

/* Appends who @value names, a phone or (if @kinds allow) a LID. */
static int take_person(const struct check *check, const json_t *value,
	const char *name, unsigned kinds, struct recipient *out)
{
	if (json_is_string(value) &&
		recipient_parse(json_string_value(value),
			json_string_length(value), kinds, out) == 0)
		return 0;
	return err_set(check->err, ERR_INVALID,
		kinds == RECIPIENT_PHONE
			? "%s must hold phone numbers"
			: "%s must hold phone numbers or addresses like "
			  "900002@lid",
		name);
}

static void put(struct check *check, const char *name, json_t *value)
{
	json_object_set_new(check->json, name, value);
}

/* ---- text ---- */

static int check_caption(struct check *check, const char *text)
{
	if (text[0] == '\0')
		return 0;
	if ((BIT(check->place->kind) & CAPTIONED) == 0)
		return err_set(check->err, ERR_INVALID,
			"a message of type %s has no caption",
			message_kind_name(check->place->kind));
	if (characters(text) > CONTENT_CAPTION_MAX)
		return refuse(check,
			"the caption must not be longer than 1024 characters");
	check->text = text;
	return 0;
}

static int check_text(struct check *check, json_t *value)
{
	const char *text = json_string_value(value);
	const unsigned kind = BIT(check->place->kind);

	if (text == NULL)
		return refuse(check, "text must be a text");
	if ((kind & WITH_MEDIA) != 0)
		return check_caption(check, text);
	check->text = text;
	if ((kind & K(REACTION)) != 0)
		return strlen(text) <= CONTENT_EMOJI_MAX
			       ? 0
			       : refuse(check, "text must be one emoji");
	if (text[0] == '\0')
		return refuse(check, "text must not be empty");
	if ((kind & K(POLL)) != 0 && characters(text) > CONTENT_QUESTION_MAX)
		return refuse(check,
			"the question must not be longer than 255 characters");
	if (strlen(text) > SEND_TEXT_MAX)
		return refuse(check, "text is too long");
	return 0;
}

static int check_preview(struct check *check, json_t *value)
{
	if (!json_is_boolean(value))
		return refuse(check, "preview must be true or false");
	if (json_is_false(value))
		put(check, "preview", json_false());
	return 0;
}

/* ---- media ---- */

static int check_media(struct check *check, json_t *value)
{
	static const char *const members[] = { "gif", "videoNote", "fileName",
		NULL };
	const bool is_video = check->place->kind == MESSAGE_VIDEO;
	const json_t *gif = json_object_get(value, "gif");
	const json_t *note = json_object_get(value, "videoNote");
	json_t *name = json_object_get(value, "fileName");

	if (take_object(check, value, "media", members) != 0)
		return -1;
	if ((gif != NULL || note != NULL) && !is_video)
		return refuse(check, "gif and videoNote are for a VIDEO");
	if ((gif != NULL && !json_is_boolean(gif)) ||
		(note != NULL && !json_is_boolean(note)))
		return refuse(check, "gif and videoNote must be true or false");
	if (json_is_true(gif) && json_is_true(note))
		return refuse(check, "a video is a GIF or a note, not both");
	if (name != NULL && check->place->kind != MESSAGE_DOCUMENT)
		return refuse(check, "fileName is for a DOCUMENT");
	if (name != NULL &&
		take_line(check, name, NAME_MAX_CHARS, "fileName") == NULL)
		return -1;
	put(check, "media", json_deep_copy(value));
	return 0;
}

static int check_view_once(struct check *check, json_t *value)
{
	if (!json_is_boolean(value))
		return refuse(check, "viewOnce must be true or false");
	if (json_is_true(value))
		put(check, "viewOnce", json_true());
	return 0;
}

/* ---- location ---- */

static int take_degrees(struct check *check, const json_t *value,
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

static int check_location(struct check *check, json_t *value)
{
	static const char *const members[] = { "latitude", "longitude", "name",
		"address", "url", NULL };
	static const char *const texts[] = { "name", "address", NULL };
	json_t *out = json_object();
	const char *url;

	put(check, "location", out);
	if (json_object_get(value, "live") != NULL)
		return refuse(check, "live locations cannot be sent");
	if (take_object(check, value, "location", members) != 0 ||
		take_degrees(check, json_object_get(value, "latitude"),
			"latitude", 90, out) != 0 ||
		take_degrees(check, json_object_get(value, "longitude"),
			"longitude", 180, out) != 0)
		return -1;
	for (size_t i = 0; texts[i] != NULL; i++) {
		json_t *text = json_object_get(value, texts[i]);

		if (text == NULL)
			continue;
		if (take_line(check, text, PLACE_MAX_CHARS, texts[i]) == NULL)
			return -1;
		json_object_set(out, texts[i], text);
	}
	if (json_object_get(value, "url") == NULL)
		return 0;
	url = take_line(check, json_object_get(value, "url"), URL_MAX, "url");
	if (url == NULL)
		return -1;
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return refuse(check, "url must be an http or https URL");
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

static int take_contact(struct check *check, json_t *value, json_t *out)
{
	static const char *const members[] = { "name", "phone", "vcard", NULL };
	const json_t *phone = json_object_get(value, "phone");
	const char *vcard = json_string_value(json_object_get(value, "vcard"));
	struct recipient person;
	const char *name;
	json_t *card;

	if (take_object(check, value, "contacts", members) != 0)
		return -1;
	name = take_line(
		check, json_object_get(value, "name"), NAME_MAX_CHARS, "name");
	if (name == NULL)
		return -1;
	if ((phone == NULL) == (json_object_get(value, "vcard") == NULL))
		return refuse(check, "a contact has either a phone or a vcard");
	if (phone != NULL && take_person(check, phone, "phone", RECIPIENT_PHONE,
				     &person) != 0)
		return -1;
	if (phone == NULL && (vcard == NULL || !is_vcard(vcard)))
		return refuse(
			check, "vcard must be a vCard of at most 16384 bytes");
	card = phone != NULL ? vcard_make(name, person.phone)
			     : json_string(vcard);
	json_array_append_new(
		out, json_pack("{s:s, s:o}", "name", name, "vcard", card));
	return 0;
}

static int check_contacts(struct check *check, json_t *value)
{
	json_t *out = json_array();
	json_t *item;
	size_t i;

	put(check, "contacts", out);
	if (take_array(check, value, "contacts", 1, CONTENT_CONTACTS_MAX) != 0)
		return -1;
	json_array_foreach(value, i, item)
	{
		if (take_contact(check, item, out) != 0)
			return -1;
	}
	return 0;
}

/* ---- poll ---- */

static int take_options(struct check *check, const json_t *value, json_t *out)
{
	json_t *item;
	size_t i;

	if (take_array(check, value, "options", 2, CONTENT_OPTIONS_MAX) != 0)
		return -1;
	json_array_foreach(value, i, item)
	{
		if (take_line(check, item, CONTENT_OPTION_MAX, "an option") ==
			NULL)
			return -1;
		for (size_t j = 0; j < i; j++) {
			if (json_equal(item, json_array_get(value, j)))
				return refuse(
					check, "the options must be different");
		}
		json_array_append(out, item);
	}
	return 0;
}

static int check_poll(struct check *check, json_t *value)
{
	static const char *const members[] = { "options", "selectable", NULL };
	json_t *selectable = json_object_get(value, "selectable");
	json_t *out = json_array();
	json_int_t n = selectable != NULL ? json_integer_value(selectable) : 1;

	put(check, "poll", json_pack("{s:o}", "options", out));
	if (take_object(check, value, "poll", members) != 0 ||
		take_options(check, json_object_get(value, "options"), out) !=
			0)
		return -1;
	if ((selectable != NULL && !json_is_integer(selectable)) || n < 0 ||
		n > (json_int_t)json_array_size(out))
		return refuse(check,
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
static int take_key(
	struct check *check, const json_t *value, const char *name, json_t *out)
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
		return refuse(check, "fromMe must be true or false");
	json_object_set_new(out, "id", json_string(id));
	json_object_set_new(out, "fromMe", json_boolean(json_is_true(from_me)));
	if (participant != NULL &&
		take_person(check, participant, "participant", RECIPIENT_PERSON,
			&person) != 0)
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

static int check_target(struct check *check, json_t *value)
{
	static const char *const members[] = { "id", "fromMe", "participant",
		NULL };
	json_t *out = json_object();
	bool is_ours;

	put(check, "target", out);
	if (take_object(check, value, "target", members) != 0 ||
		take_key(check, value, "target", out) != 0)
		return -1;
	is_ours = json_is_true(json_object_get(out, "fromMe"));
	if (!is_ours && check->place->kind == MESSAGE_EDIT)
		return refuse(check, "only own messages can be edited");
	if (!is_ours && check->place->kind == MESSAGE_REVOKE &&
		!check->place->is_group)
		return refuse(check,
			"only own messages can be taken back, or others' in a "
			"group by its admins");
	return 0;
}

static int check_quote(struct check *check, json_t *value)
{
	static const char *const members[] = { "id", "fromMe", "participant",
		"text", "messageType", NULL };
	json_t *out = json_object();
	json_t *text = json_object_get(value, "text");
	const char *type =
		json_string_value(json_object_get(value, "messageType"));
	enum message_kind kind;

	put(check, "quote", out);
	if (take_object(check, value, "quote", members) != 0 ||
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
		return refuse(check, "messageType must be one of a message");
	json_object_set_new(out, "messageType", json_string(type));
	return 0;
}

/* ---- what any message may carry ---- */

static int check_mentions(struct check *check, json_t *value)
{
	json_t *out = json_array();
	struct recipient person;
	json_t *item;
	size_t i;

	put(check, "mentions", out);
	if (take_array(check, value, "mentions", 1, CONTENT_MENTIONS_MAX) != 0)
		return -1;
	json_array_foreach(value, i, item)
	{
		if (take_person(check, item, "mentions", RECIPIENT_PERSON,
			    &person) != 0)
			return -1;
		json_array_append_new(out, json_string(person.name));
	}
	return 0;
}

static int check_forwarded(struct check *check, json_t *value)
{
	if (!json_is_boolean(value))
		return refuse(check, "forwarded must be true or false");
	if (json_is_true(value))
		put(check, "forwarded", json_true());
	return 0;
}

static int check_expiration(struct check *check, json_t *value)
{
	const json_int_t seconds = json_integer_value(value);

	if (!json_is_integer(value) || seconds < 0 || seconds > EXPIRATION_MAX)
		return refuse(check,
			"expiration must be a number of seconds, at most a "
			"year");
	if (seconds > 0)
		put(check, "expiration", json_integer(seconds));
	return 0;
}

/* ---- of a status ---- */

static int check_background(struct check *check, json_t *value)
{
	const char *text = json_string_value(value);
	const size_t n = text != NULL ? strlen(text) : 0;

	if ((n != 7 && n != 9) || text[0] != '#' ||
		strspn(text + 1, "0123456789abcdefABCDEF") != n - 1)
		return refuse(check,
			"the background must be a colour like #RRGGBB or "
			"#AARRGGBB");
	put(check, "background", json_string(text));
	return 0;
}

static int check_font(struct check *check, json_t *value)
{
	const json_int_t font = json_integer_value(value);

	if (!json_is_integer(value) || font < 0 || font > FONT_MAX)
		return refuse(check, "font must be a number from 0 to 10");
	put(check, "font", json_integer(font));
	return 0;
}

static int check_audience(struct check *check, json_t *value)
{
	json_t *out = json_array();
	struct recipient person;
	json_t *item;
	size_t i;

	put(check, "audience", out);
	if (take_array(check, value, "audience", 1, CONTENT_AUDIENCE_MAX) != 0)
		return -1;
	json_array_foreach(value, i, item)
	{
		if (take_person(check, item, "audience", RECIPIENT_PHONE,
			    &person) != 0)
			return -1;
		json_array_append_new(out, json_string(person.name));
	}
	return 0;
}

/* ---- the whole ---- */

static const struct member {
	const char *name;
	unsigned kinds;	   /* that may have it */
	unsigned required; /* kinds that must */
	bool for_status;   /* and only a status may */
	int (*check)(struct check *check, json_t *value);
} members[] = {
	{ "text", OUTBOUND & ~(K(LOCATION) | K(CONTACT) | K(REVOKE)),
		K(TEXT) | K(POLL) | K(REACTION) | K(EDIT), false, check_text },
	{ "preview", K(TEXT) | K(EDIT), 0, false, check_preview },
	{ "media", K(VIDEO) | K(DOCUMENT), 0, false, check_media },
	{ "viewOnce", K(IMAGE) | K(VIDEO) | K(VOICE), 0, false,
		check_view_once },
	{ "location", K(LOCATION), K(LOCATION), false, check_location },
	{ "contacts", K(CONTACT), K(CONTACT), false, check_contacts },
	{ "poll", K(POLL), K(POLL), false, check_poll },
	{ "target", ABOUT_ANOTHER, ABOUT_ANOTHER, false, check_target },
	{ "quote", STANDING, 0, false, check_quote },
	{ "mentions", STANDING | K(EDIT), 0, false, check_mentions },
	{ "forwarded", STANDING, 0, false, check_forwarded },
	{ "expiration", STANDING, 0, false, check_expiration },
	{ "background", K(TEXT), 0, true, check_background },
	{ "font", K(TEXT), 0, true, check_font },
	{ "audience", OUTBOUND, 0, true, check_audience },
};

/* What other APIs offer and a consumer's WhatsApp does not show. */
static const char *const not_shown[] = { "BUTTONS", "LIST", "TEMPLATE",
	"INTERACTIVE", "PRODUCT", "CATALOG", "CAROUSEL", "FLOW", "buttons",
	"templateButtons", "template", "list", "sections", "interactive",
	"interactiveButtons", "product", "catalog", "carousel", "cards", "flow",
	"footer", NULL };
#define NOT_SHOWN "Consumer WhatsApp clients do not show buttons and lists"

static bool is_known(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		if (strcmp(members[i].name, key) == 0)
			return true;
	}
	return false;
}

static int check_unknown(const struct check *check, json_t *body)
{
	const char *key;
	json_t *value;

	json_object_foreach(body, key, value)
	{
		if (is_known(key))
			continue;
		if (is_among(key, not_shown))
			return refuse(check, NOT_SHOWN);
		return err_set(
			check->err, ERR_INVALID, "%.64s should not exist", key);
	}
	return 0;
}

static int check_member(
	struct check *check, const struct member *member, json_t *value)
{
	const unsigned kind = BIT(check->place->kind);

	if (value == NULL && (member->required & kind) != 0)
		return err_set(check->err, ERR_INVALID, "%s is required",
			member->name);
	if (value == NULL)
		return 0;
	if (member->for_status && !check->place->is_status)
		return err_set(check->err, ERR_INVALID, "%s is for a status",
			member->name);
	if ((member->kinds & kind) == 0)
		return err_set(check->err, ERR_INVALID,
			"a message of type %s has no %s",
			message_kind_name(check->place->kind), member->name);
	return member->check(check, value);
}

static int check_place(const struct check *check)
{
	static const unsigned of_status =
		K(TEXT) | K(IMAGE) | K(VIDEO) | K(AUDIO) | K(VOICE) | K(REVOKE);
	const unsigned kind = check->place->kind < MESSAGE_OTHER
				      ? BIT(check->place->kind)
				      : 0;

	if ((kind & OUTBOUND) == 0)
		return refuse(check, "a message of this type cannot be sent");
	if (check->place->is_status && (kind & of_status) == 0)
		return err_set(check->err, ERR_INVALID,
			"a status cannot be a message of type %s",
			message_kind_name(check->place->kind));
	return 0;
}

static int render(struct check *check, struct content_out *out)
{
	out->text = check->text;
	if (json_object_size(check->json) == 0)
		return 0;
	out->json =
		json_dumps(check->json, JSON_COMPACT | JSON_REAL_PRECISION(10));
	if (out->json == NULL)
		return err_set(check->err, ERR_INTERNAL, "no JSON");
	if (strlen(out->json) > CONTENT_JSON_MAX) {
		content_out_fini(out);
		return refuse(check, "the message holds too much");
	}
	return 0;
}

int content_check(const json_t *body, const struct content_place *place,
	struct content_out *out, struct err *err)
{
	struct check check = { .place = place, .err = err };
	int rc = 0;

	*out = (struct content_out){ 0 };
	if (check_place(&check) != 0 ||
		check_unknown(&check, (json_t *)body) != 0)
		return -1;
	check.json = json_object();
	for (size_t i = 0; i < ARRAY_LEN(members) && rc == 0; i++)
		rc = check_member(&check, &members[i],
			json_object_get(body, members[i].name));
	if (rc == 0)
		rc = render(&check, out);
	json_decref(check.json);
	return rc;
}

void content_out_fini(struct content_out *out)
{
	free(out->json);
	*out = (struct content_out){ 0 };
}

int content_kind(const char *name, enum message_kind *out, struct err *err)
{
	if (is_among(name, not_shown))
		return err_set(err, ERR_INVALID, NOT_SHOWN);
	if (message_kind_parse(name, out) != 0 || *out >= MESSAGE_OTHER ||
		(BIT(*out) & OUTBOUND) == 0)
		return err_set(err, ERR_INVALID,
			"type must be one of those that can be sent");
	return 0;
}

char *content_cut(const char *text, size_t max_bytes)
{
	size_t n = strlen(text);
	char *cut;

	if (n > max_bytes) {
		n = max_bytes;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	cut = xcalloc(1, n + 1);
	memcpy(cut, text, n);
	return cut;
}
