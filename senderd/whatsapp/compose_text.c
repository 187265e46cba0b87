/* Texts, places, contacts, polls; declared in compose_impl.h. */
#include "senderd/whatsapp/compose_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/own.h"

#define CONTACTS_MAX 100
#define OPTIONS_MAX 100
#define WHITE 0xffffffffu
#define OPAQUE 0xff000000u

static char *text_of(const json_t *object, const char *key)
{
	return (char *)json_string_value(json_object_get(object, key));
}

/* ---- texts ---- */

bool compose_background(const struct composing *c, uint32_t *argb_out)
{
	const char *text = text_of(c->content, "background");
	char *end = NULL;
	size_t n = text != NULL ? strlen(text) : 0;

	if ((n != 7 && n != 9) || text[0] != '#' ||
		strspn(text + 1, "0123456789abcdefABCDEF") != n - 1)
		return false;
	*argb_out = (uint32_t)strtoul(text + 1, &end, 16);
	if (n == 7)
		*argb_out |= OPAQUE;
	return true;
}

static void preview_set(struct composing *c, Wa__ExtendedTextMessage *extended)
{
	const json_t *preview = json_object_get(c->content, "preview");

	if (!json_is_object(preview))
		return;
	extended->matched_text = text_of(preview, "url");
	extended->title = text_of(preview, "title");
	extended->description = text_of(preview, "description");
	extended->has_preview_type = 1;
	extended->preview_type = 0; /* a link, without a picture */
	c->envelope->type = "media";
	c->envelope->mediatype = "url";
}

static void colours_set(struct composing *c, Wa__ExtendedTextMessage *extended)
{
	const json_t *font = json_object_get(c->content, "font");
	uint32_t background = 0;

	if (!c->is_status)
		return;
	if (compose_background(c, &background)) {
		extended->has_background_argb = extended->has_text_argb = 1;
		extended->background_argb = background;
		extended->text_argb = WHITE;
	}
	if (json_is_integer(font)) {
		extended->has_font = 1;
		extended->font = (int32_t)json_integer_value(font);
	}
}

enum compose_state compose_text(struct composing *c)
{
	Wa__ExtendedTextMessage *extended = NULL;
	bool is_plain = c->context == NULL && !c->is_status &&
			!json_is_object(json_object_get(c->content, "preview"));

	if (c->job->text[0] == '\0')
		return compose_refuse(c, "invalid_content");
	if (is_plain) {
		c->message.conversation = (char *)c->job->text;
		return COMPOSE_READY;
	}
	extended = COMPOSE_NEW(c, ExtendedTextMessage, extended_text_message);
	extended->text = (char *)c->job->text;
	extended->context_info = c->context;
	preview_set(c, extended);
	colours_set(c, extended);
	c->message.extended_text_message = extended;
	return COMPOSE_READY;
}

/* ---- places ---- */

static bool coordinate(
	const json_t *object, const char *key, double max, double *out)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_number(value))
		return false;
	*out = json_number_value(value);
	return fabs(*out) <= max;
}

enum compose_state compose_location(struct composing *c)
{
	const json_t *place = json_object_get(c->content, "location");
	Wa__LocationMessage *message =
		COMPOSE_NEW(c, LocationMessage, location_message);

	if (!coordinate(place, "latitude", 90, &message->degrees_latitude) ||
		!coordinate(
			place, "longitude", 180, &message->degrees_longitude))
		return compose_refuse(c, "invalid_content");
	message->has_degrees_latitude = message->has_degrees_longitude = 1;
	message->name = text_of(place, "name");
	message->address = text_of(place, "address");
	message->url = text_of(place, "url");
	message->context_info = c->context;
	c->message.location_message = message;
	return COMPOSE_READY;
}

/* ---- contacts ---- */

static Wa__ContactMessage *contact_new(struct composing *c, const json_t *item)
{
	Wa__ContactMessage *contact =
		COMPOSE_NEW(c, ContactMessage, contact_message);

	contact->display_name = text_of(item, "name");
	contact->vcard = text_of(item, "vcard");
	return contact;
}

static void contacts_set(struct composing *c, const json_t *list, size_t n)
{
	Wa__ContactsArrayMessage *array =
		COMPOSE_NEW(c, ContactsArrayMessage, contacts_array_message);

	array->contacts =
		arena_alloc(c->lane->arena, n * sizeof *array->contacts);
	array->n_contacts = n;
	for (size_t i = 0; i < n; i++)
		array->contacts[i] = contact_new(c, json_array_get(list, i));
	array->display_name = arena_printf(c->lane->arena, "%zu contacts", n);
	array->context_info = c->context;
	c->message.contacts_array_message = array;
	c->envelope->mediatype = "contact_array";
}

enum compose_state compose_contact(struct composing *c)
{
	const json_t *list = json_object_get(c->content, "contacts");
	size_t n = json_array_size(list);

	if (n == 0 || n > CONTACTS_MAX)
		return compose_refuse(c, "invalid_content");
	for (size_t i = 0; i < n; i++) {
		if (text_of(json_array_get(list, i), "vcard") == NULL)
			return compose_refuse(c, "invalid_content");
	}
	c->envelope->type = "media";
	if (n > 1) {
		contacts_set(c, list, n);
		return COMPOSE_READY;
	}
	c->message.contact_message = contact_new(c, json_array_get(list, 0));
	c->message.contact_message->context_info = c->context;
	c->envelope->mediatype = "vcard";
	return COMPOSE_READY;
}

/* ---- polls ---- */

static bool options_set(struct composing *c, Wa__PollCreationMessage *poll,
	const json_t *options)
{
	size_t n = json_array_size(options);
	Wa__PollOption *option = NULL;

	if (n == 0 || n > OPTIONS_MAX)
		return false;
	poll->options = arena_alloc(c->lane->arena, n * sizeof *poll->options);
	poll->n_options = n;
	for (size_t i = 0; i < n; i++) {
		option = COMPOSE_NEW(c, PollOption, poll_option);
		option->option_name =
			(char *)json_string_value(json_array_get(options, i));
		if (option->option_name == NULL)
			return false;
		poll->options[i] = option;
	}
	return true;
}

/* Who votes needs the secret. */
static void secret_set(struct composing *c)
{
	Wa__MessageContextInfo *info =
		COMPOSE_NEW(c, MessageContextInfo, message_context_info);
	uint8_t *secret = arena_alloc(c->lane->arena, 32);

	compose_secret(c->lane, c->job->wa_id, secret);
	info->has_message_secret = 1;
	info->message_secret = (ProtobufCBinaryData){ 32, secret };
	c->message.message_context_info = info;
}

enum compose_state compose_poll(struct composing *c)
{
	const json_t *object = json_object_get(c->content, "poll");
	Wa__PollCreationMessage *poll =
		COMPOSE_NEW(c, PollCreationMessage, poll_creation_message);
	json_int_t selectable =
		json_integer_value(json_object_get(object, "selectable"));

	if (c->job->text[0] == '\0' ||
		!options_set(c, poll, json_object_get(object, "options")) ||
		selectable < 0 || selectable > OPTIONS_MAX)
		return compose_refuse(c, "invalid_content");
	poll->name = (char *)c->job->text;
	poll->has_selectable_options_count = 1;
	poll->selectable_options_count = (uint32_t)selectable;
	poll->context_info = c->context;
	if (selectable == 1)
		c->message.poll_creation_message_v3 = poll;
	else
		c->message.poll_creation_message = poll;
	secret_set(c);
	c->envelope->type = "poll";
	c->envelope->polltype = "creation";
	return COMPOSE_READY;
}
