#include "common/content.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/content_impl.h"
#include "common/err.h"
#include "common/own.h"
#include "common/send.h"

#define EXPIRATION_MAX 31536000 /* a year */
#define FONT_MAX 10

/* Kinds as bits. */
#define K(kind) BIT(MESSAGE_##kind)
#define CAPTIONED (K(IMAGE) | K(VIDEO) | K(DOCUMENT))
#define WITH_MEDIA (CAPTIONED | K(AUDIO) | K(VOICE) | K(STICKER))
#define ABOUT_ANOTHER (K(REACTION) | K(EDIT) | K(REVOKE))
#define STANDING (K(TEXT) | WITH_MEDIA | K(LOCATION) | K(CONTACT) | K(POLL))
#define OUTBOUND (STANDING | ABOUT_ANOTHER)

/* ---- text ---- */

static int check_caption(struct content_work *check, const char *text)
{
	if (text[0] == '\0')
		return 0;
	if ((BIT(check->place->kind) & CAPTIONED) == 0)
		return err_set(check->err, ERR_INVALID,
			"a message of type %s has no caption",
			message_kind_name(check->place->kind));
	if (content_characters(text) > CONTENT_CAPTION_MAX)
		return content_refuse(check,
			"the caption must not be longer than 1024 characters");
	check->text = text;
	return 0;
}

static int check_text(struct content_work *check, json_t *value)
{
	const char *text = json_string_value(value);
	const unsigned kind = BIT(check->place->kind);

	if (text == NULL)
		return content_refuse(check, "text must be a text");
	if ((kind & WITH_MEDIA) != 0)
		return check_caption(check, text);
	check->text = text;
	if ((kind & K(REACTION)) != 0)
		return strlen(text) <= CONTENT_EMOJI_MAX
			       ? 0
			       : content_refuse(
					 check, "text must be one emoji");
	if (text[0] == '\0')
		return content_refuse(check, "text must not be empty");
	if ((kind & K(POLL)) != 0 &&
		content_characters(text) > CONTENT_QUESTION_MAX)
		return content_refuse(check,
			"the question must not be longer than 255 characters");
	if (strlen(text) > SEND_TEXT_MAX)
		return content_refuse(check, "text is too long");
	return 0;
}

static int check_preview(struct content_work *check, json_t *value)
{
	if (!json_is_boolean(value))
		return content_refuse(check, "preview must be true or false");
	if (json_is_false(value))
		content_put(check, "preview", json_false());
	return 0;
}

/* ---- what any message may carry ---- */

static int check_mentions(struct content_work *check, json_t *value)
{
	json_t *out = json_array();
	struct recipient person;
	json_t *item;
	size_t i;

	content_put(check, "mentions", out);
	if (content_take_array(
		    check, value, "mentions", 1, CONTENT_MENTIONS_MAX) != 0)
		return -1;
	json_array_foreach(value, i, item)
	{
		if (content_take_person(check, item, "mentions",
			    RECIPIENT_PERSON, &person) != 0)
			return -1;
		json_array_append_new(out, json_string(person.name));
	}
	return 0;
}

static int check_forwarded(struct content_work *check, json_t *value)
{
	if (!json_is_boolean(value))
		return content_refuse(check, "forwarded must be true or false");
	if (json_is_true(value))
		content_put(check, "forwarded", json_true());
	return 0;
}

static int check_expiration(struct content_work *check, json_t *value)
{
	const json_int_t seconds = json_integer_value(value);

	if (!json_is_integer(value) || seconds < 0 || seconds > EXPIRATION_MAX)
		return content_refuse(check,
			"expiration must be a number of seconds, at most a "
			"year");
	if (seconds > 0)
		content_put(check, "expiration", json_integer(seconds));
	return 0;
}

/* ---- of a status ---- */

static int check_background(struct content_work *check, json_t *value)
{
	const char *text = json_string_value(value);
	const size_t n = text != NULL ? strlen(text) : 0;

	if ((n != 7 && n != 9) || text[0] != '#' ||
		strspn(text + 1, "0123456789abcdefABCDEF") != n - 1)
		return content_refuse(check,
			"the background must be a colour like #RRGGBB or "
			"#AARRGGBB");
	content_put(check, "background", json_string(text));
	return 0;
}

static int check_font(struct content_work *check, json_t *value)
{
	const json_int_t font = json_integer_value(value);

	if (!json_is_integer(value) || font < 0 || font > FONT_MAX)
		return content_refuse(
			check, "font must be a number from 0 to 10");
	content_put(check, "font", json_integer(font));
	return 0;
}

static int check_audience(struct content_work *check, json_t *value)
{
	json_t *out = json_array();
	struct recipient person;
	json_t *item;
	size_t i;

	content_put(check, "audience", out);
	if (content_take_array(
		    check, value, "audience", 1, CONTENT_AUDIENCE_MAX) != 0)
		return -1;
	json_array_foreach(value, i, item)
	{
		if (content_take_person(check, item, "audience",
			    RECIPIENT_PHONE, &person) != 0)
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
	int (*check)(struct content_work *check, json_t *value);
} members[] = {
	{ "text", OUTBOUND & ~(K(LOCATION) | K(CONTACT) | K(REVOKE)),
		K(TEXT) | K(POLL) | K(REACTION) | K(EDIT), false, check_text },
	{ "preview", K(TEXT) | K(EDIT), 0, false, check_preview },
	{ "media", K(VIDEO) | K(DOCUMENT), 0, false, content_part_media },
	{ "viewOnce", K(IMAGE) | K(VIDEO) | K(VOICE), 0, false,
		content_part_view_once },
	{ "location", K(LOCATION), K(LOCATION), false, content_part_location },
	{ "contacts", K(CONTACT), K(CONTACT), false, content_part_contacts },
	{ "poll", K(POLL), K(POLL), false, content_part_poll },
	{ "target", ABOUT_ANOTHER, ABOUT_ANOTHER, false, content_part_target },
	{ "quote", STANDING, 0, false, content_part_quote },
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

static int check_unknown(const struct content_work *check, json_t *body)
{
	const char *key;
	json_t *value;

	json_object_foreach(body, key, value)
	{
		if (is_known(key))
			continue;
		if (content_is_among(key, not_shown))
			return content_refuse(check, NOT_SHOWN);
		return err_set(
			check->err, ERR_INVALID, "%.64s should not exist", key);
	}
	return 0;
}

static int check_member(
	struct content_work *check, const struct member *member, json_t *value)
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

static int check_place(const struct content_work *check)
{
	static const unsigned of_status =
		K(TEXT) | K(IMAGE) | K(VIDEO) | K(AUDIO) | K(VOICE) | K(REVOKE);
	const unsigned kind = check->place->kind < MESSAGE_OTHER
				      ? BIT(check->place->kind)
				      : 0;

	if ((kind & OUTBOUND) == 0)
		return content_refuse(
			check, "a message of this type cannot be sent");
	if (check->place->is_status && (kind & of_status) == 0)
		return err_set(check->err, ERR_INVALID,
			"a status cannot be a message of type %s",
			message_kind_name(check->place->kind));
	return 0;
}

static int render(struct content_work *check, struct content_out *out)
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
		return content_refuse(check, "the message holds too much");
	}
	return 0;
}

int content_check(json_t *body, const struct content_place *place,
	struct content_out *out, struct err *err)
{
	struct content_work check = { .place = place, .err = err };
	int rc = 0;

	*out = (struct content_out){ 0 };
	if (check_place(&check) != 0 || check_unknown(&check, body) != 0)
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

static int refuse_kind(struct err *err)
{
	scoped(buf_fini) struct buf words = BUF_INIT;

	for (int kind = MESSAGE_TEXT; BIT(kind) <= OUTBOUND; kind++) {
		if ((BIT(kind) & OUTBOUND) == 0)
			continue;
		if (words.len > 0)
			buf_add_byte(&words, '|');
		buf_add_str(&words, message_kind_name(kind));
	}
	return err_set(
		err, ERR_INVALID, "type must be one of %s", buf_cstr(&words));
}

int content_kind(const char *name, enum message_kind *out, struct err *err)
{
	if (content_is_among(name, not_shown))
		return err_set(err, ERR_INVALID, NOT_SHOWN);
	if (message_kind_parse(name, out) != 0 || *out >= MESSAGE_OTHER ||
		(BIT(*out) & OUTBOUND) == 0)
		return refuse_kind(err);
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
