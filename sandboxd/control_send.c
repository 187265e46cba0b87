/* POST /phones/:phone/send: what the owner of a phone writes.
 *
 * To one of: to (a phone), group (a JID of one it is in), status (a list of
 * phones that may see it).  kind, "text" without it, and what it takes; those
 * with * are needed:
 *
 *   text       text*, preview {url*, title, description}, thumbnail;
 *              background ("#AARRGGBB") and font of a status
 *   image video audio voice document sticker
 *              media* (base64) or mediaBytes* (that many invented ones),
 *              mimetype, caption, fileName, seconds, width, height, pages,
 *              thumbnail (base64), gif (video; an animated sticker),
 *              viewOnce: true, or "phone": companions get a placeholder
 *   location   latitude*, longitude*, name, address, url
 *   contact    name*, vcard or contact (a phone)
 *   poll       text*, options* (2 to 12), selectable (1; 0 is any number)
 *   vote       target*, vote* (options chosen; [] takes it back)
 *   reaction   target*, emoji* ("" takes it back)
 *   edit       target*, text*
 *   revoke     target*
 *   unknown    a Message with nothing but a field that nobody knows
 *   raw        raw* (base64 of a serialised Message)
 *
 * Any that has content: quoted, mentions (phones), forwarded, expiration.
 * quoted and target are the id of a message that the phone sent or got, or
 * {id, author, fromMe, text}.  Answers 201 {id}. */
#include "sandboxd/control.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/own.h"
#include "sandboxd/control_body.h"
#include "sandboxd/phone.h"

#define SHORT_MAX 1024
#define VCARD_MAX 65536
#define ID_MAX 128
#define OPTIONS_MAX 12
#define OPTION_MAX 100
#define MEDIA_BYTES_MAX (64 << 20)
#define NUMBER_MAX 1000000
#define EXPIRATION_MAX 31536000

struct taking {
	struct control *control;
	const json_t *body;
	struct arena *arena;
	struct phone_chat chat;
	struct phone_order order;
};

/* ---- where to ---- */

static int take_group(struct taking *t, struct err *err)
{
	const char *text = NULL;
	struct wa_jid jid;

	if (body_text(t->body, "group", WA_JID_TEXT, &text, err) != 0)
		return -1;
	if (text == NULL)
		return 0;
	if (wa_jid_parse(text, strlen(text), &jid) != 0 ||
		!wa_jid_is_group(&jid))
		return err_set(err, ERR_INVALID, "group must be a group's JID");
	t->chat.group = group_find(t->control->sandbox, &jid);
	return t->chat.group != NULL
		       ? 0
		       : err_set(err, ERR_NOT_FOUND, "no such group");
}

static int take_chat(struct taking *t, struct err *err)
{
	struct sandbox *sandbox = t->control->sandbox;

	if (body_account(sandbox, t->body, "to", &t->chat.account, err) != 0 ||
		take_group(t, err) != 0 ||
		body_accounts(sandbox, t->body, "status", &t->chat.audience,
			&t->chat.n_audience, err) != 0)
		return -1;
	if ((t->chat.account != NULL) + (t->chat.group != NULL) +
			(t->chat.audience != NULL) !=
		1)
		return err_set(err, ERR_INVALID,
			"give exactly one of to, group and status");
	return 0;
}

/* ---- other messages ---- */

static int target_known(
	struct taking *t, const char *id, struct phone_target *out)
{
	struct phone *phone = t->control->phone;

	out->entry = phone_known(phone, id, &out->from_me);
	if (out->entry == NULL)
		return -1;
	out->id = id;
	out->author = out->from_me ? phone->account
				   : directory_find(
					     phone->sandbox, &out->entry->peer);
	return 0;
}

/* {id, author, fromMe, text}: a message that the phone need not have. */
static int target_told(struct taking *t, const json_t *json,
	struct phone_target *out, struct err *err)
{
	const char *id = NULL;

	if (body_text(json, "id", ID_MAX, &id, err) != 0)
		return -1;
	if (id == NULL)
		return err_set(err, ERR_INVALID, "id is missing");
	if (target_known(t, id, out) != 0)
		*out = (struct phone_target){ .id = id };
	if (body_account(t->control->sandbox, json, "author", &out->author,
		    err) != 0 ||
		body_bool(json, "fromMe", &out->from_me, err) != 0 ||
		body_text(json, "text", PHONE_TEXT_MAX, &out->text, err) != 0)
		return -1;
	if (out->author == NULL)
		out->author = out->from_me || t->chat.account == NULL
				      ? t->control->phone->account
				      : t->chat.account;
	return 0;
}

static int take_target(struct taking *t, const char *key,
	struct phone_target *out, struct err *err)
{
	const json_t *value = json_object_get(t->body, key);

	if (value == NULL)
		return 0;
	if (json_is_object(value))
		return target_told(t, value, out, err);
	if (!json_is_string(value))
		return err_set(
			err, ERR_INVALID, "%s must be an id or an object", key);
	if (target_known(t, json_string_value(value), out) != 0)
		return err_set(err, ERR_NOT_FOUND,
			"%s: the phone has no message with this id", key);
	return 0;
}

/* ---- content ---- */

static int take_u32(struct taking *t, const char *key, int64_t high,
	uint32_t *out, struct err *err)
{
	int64_t value = *out;

	if (body_number(t->body, key, 0, high, &value, err) != 0)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

/* Bytes that do not compress and are the same for the same length. */
static void invent_file(struct taking *t, size_t n)
{
	uint8_t *file = arena_alloc(t->arena, n);
	uint64_t state = n + 1;

	for (size_t i = 0; i < n; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		file[i] = (uint8_t)(state >> 56);
	}
	t->order.file = file;
	t->order.n_file = n;
}

static int take_file(struct taking *t, struct err *err)
{
	int64_t invented = 0;

	if (body_bytes(t->body, "media", t->arena, &t->order.file,
		    &t->order.n_file, err) != 0 ||
		body_number(t->body, "mediaBytes", 1, MEDIA_BYTES_MAX,
			&invented, err) != 0 ||
		body_bytes(t->body, "thumbnail", t->arena, &t->order.thumbnail,
			&t->order.n_thumbnail, err) != 0)
		return -1;
	if (invented > 0)
		invent_file(t, (size_t)invented);
	return 0;
}

static int take_numbers(struct taking *t, struct err *err)
{
	struct phone_order *order = &t->order;

	order->selectable = 1;
	if (take_u32(t, "seconds", NUMBER_MAX, &order->seconds, err) != 0 ||
		take_u32(t, "width", NUMBER_MAX, &order->width, err) != 0 ||
		take_u32(t, "height", NUMBER_MAX, &order->height, err) != 0 ||
		take_u32(t, "pages", NUMBER_MAX, &order->pages, err) != 0 ||
		take_u32(t, "selectable", OPTIONS_MAX, &order->selectable,
			err) != 0 ||
		take_u32(t, "expiration", EXPIRATION_MAX, &order->expiration,
			err) != 0)
		return -1;
	if (body_real(t->body, "latitude", 90, &order->latitude, err) != 0 ||
		body_real(t->body, "longitude", 180, &order->longitude, err) !=
			0)
		return -1;
	if (body_bool(t->body, "gif", &order->gif, err) != 0 ||
		body_bool(t->body, "forwarded", &order->forwarded, err) != 0)
		return -1;
	return 0;
}

static int take_preview(struct taking *t, struct err *err)
{
	const json_t *preview = json_object_get(t->body, "preview");
	struct phone_order *order = &t->order;

	if (preview == NULL)
		return 0;
	if (body_text(preview, "url", SHORT_MAX, &order->url, err) != 0 ||
		body_text(preview, "title", SHORT_MAX, &order->title, err) !=
			0 ||
		body_text(preview, "description", SHORT_MAX,
			&order->description, err) != 0)
		return -1;
	return order->url != NULL
		       ? 0
		       : err_set(err, ERR_INVALID, "preview needs a url");
}

static int take_texts(struct taking *t, struct err *err)
{
	static const struct {
		const char *key;
		size_t max, field;
	} texts[] = {
		{ "text", PHONE_TEXT_MAX, offsetof(struct phone_order, text) },
		{ "caption", PHONE_TEXT_MAX,
			offsetof(struct phone_order, text) },
		{ "emoji", 64, offsetof(struct phone_order, text) },
		{ "mimetype", 128, offsetof(struct phone_order, mimetype) },
		{ "fileName", 255, offsetof(struct phone_order, file_name) },
		{ "name", SHORT_MAX, offsetof(struct phone_order, name) },
		{ "address", SHORT_MAX, offsetof(struct phone_order, address) },
		{ "url", SHORT_MAX, offsetof(struct phone_order, url) },
		{ "vcard", VCARD_MAX, offsetof(struct phone_order, vcard) },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (body_text(t->body, texts[i].key, texts[i].max,
			    (const char **)((char *)&t->order + texts[i].field),
			    err) != 0)
			return -1;
	}
	return take_preview(t, err);
}

static int take_lists(struct taking *t, struct err *err)
{
	struct phone_order *order = &t->order;
	struct sandbox *sandbox = t->control->sandbox;

	if (body_accounts(sandbox, t->body, "mentions", &order->mentions,
		    &order->n_mentions, err) != 0 ||
		body_account(
			sandbox, t->body, "contact", &order->contact, err) != 0)
		return -1;
	return body_texts(t->body,
		order->kind == PHONE_VOTE ? "vote" : "options", OPTION_MAX,
		t->arena, &order->options, &order->n_options, err);
}

static int take_looks(struct taking *t, struct err *err)
{
	const json_t *once = json_object_get(t->body, "viewOnce");
	const char *color = NULL;
	int64_t font = 0;
	char *end;

	if (json_is_true(once))
		t->order.view_once = PHONE_VIEW_ONCE;
	else if (json_is_string(once) &&
		 strcmp(json_string_value(once), "phone") == 0)
		t->order.view_once = PHONE_VIEW_ON_PHONE;
	else if (once != NULL && !json_is_false(once))
		return err_set(err, ERR_INVALID,
			"viewOnce must be true, false or \"phone\"");
	if (t->order.view_once == PHONE_VIEW_ON_PHONE &&
		t->chat.account == NULL)
		return err_set(
			err, ERR_INVALID, "viewOnce \"phone\" is for 1:1 only");
	if (body_text(t->body, "background", 9, &color, err) != 0 ||
		body_number(t->body, "font", 0, 10, &font, err) != 0)
		return -1;
	t->order.background = 0xFF1F4E5Fu;
	t->order.font = (int)font;
	if (color == NULL)
		return 0;
	t->order.background = (uint32_t)strtoul(color + 1, &end, 16);
	return color[0] == '#' && strlen(color) == 9 && *end == '\0'
		       ? 0
		       : err_set(err, ERR_INVALID,
				 "background must be #AARRGGBB");
}

/* ---- is it enough? ---- */

static const char *const default_types[] = {
	[PHONE_IMAGE] = "image/jpeg",
	[PHONE_VIDEO] = "video/mp4",
	[PHONE_AUDIO] = "audio/mpeg",
	[PHONE_VOICE] = "audio/ogg; codecs=opus",
	[PHONE_DOCUMENT] = "application/octet-stream",
	[PHONE_STICKER] = "image/webp",
};

static const char *missing_in(const struct taking *t)
{
	const struct phone_order *order = &t->order;

	switch (order->kind) {
	case PHONE_TEXT:
		return order->text == NULL || order->text[0] == '\0' ? "text"
								     : NULL;
	case PHONE_IMAGE:
	case PHONE_VIDEO:
	case PHONE_AUDIO:
	case PHONE_VOICE:
	case PHONE_DOCUMENT:
	case PHONE_STICKER:
		return order->file == NULL ? "media" : NULL;
	case PHONE_LOCATION:
		return json_object_get(t->body, "latitude") == NULL ? "latitude"
		       : json_object_get(t->body, "longitude") == NULL
			       ? "longitude"
			       : NULL;
	case PHONE_CONTACT:
		return order->name == NULL ? "name" : NULL;
	case PHONE_POLL:
		if (order->n_options < 2 || order->n_options > OPTIONS_MAX)
			return "options";
		return order->text == NULL ? "text" : NULL;
	case PHONE_VOTE:
		return order->target.id == NULL ? "target"
		       : order->options == NULL ? "vote"
						: NULL;
	case PHONE_REACTION:
		return order->target.id == NULL ? "target"
		       : order->text == NULL	? "emoji"
						: NULL;
	case PHONE_EDIT:
		return order->target.id == NULL ? "target"
		       : order->text == NULL	? "text"
						: NULL;
	case PHONE_REVOKE:
		return order->target.id == NULL ? "target" : NULL;
	case PHONE_RAW:
		return order->raw == NULL ? "raw" : NULL;
	case PHONE_UNKNOWN:
		return NULL;
	}
	return NULL;
}

static int take_kind(struct taking *t, struct err *err)
{
	const char *name = "text";
	int kind;

	if (body_text(t->body, "kind", 32, &name, err) != 0)
		return -1;
	kind = phone_kind_find(name);
	if (kind < 0)
		return err_set(err, ERR_INVALID, "no such kind: %.32s", name);
	t->order.kind = (enum phone_kind)kind;
	if ((size_t)kind < ARRAY_LEN(default_types))
		t->order.mimetype = default_types[kind];
	return 0;
}

static int take_order(struct taking *t, struct err *err)
{
	const char *missing;

	if (take_kind(t, err) != 0 || take_chat(t, err) != 0 ||
		take_texts(t, err) != 0 || take_numbers(t, err) != 0 ||
		take_file(t, err) != 0 || take_lists(t, err) != 0 ||
		take_looks(t, err) != 0 ||
		take_target(t, "quoted", &t->order.quoted, err) != 0 ||
		take_target(t, "target", &t->order.target, err) != 0 ||
		body_bytes(t->body, "raw", t->arena, &t->order.raw,
			&t->order.n_raw, err) != 0)
		return -1;
	missing = missing_in(t);
	return missing == NULL
		       ? 0
		       : err_set(err, ERR_INVALID, "%s is missing", missing);
}

int control_phone_send(struct control *control, struct err *err)
{
	static const char *const names[] = { "to", "group", "status", "kind",
		"text", "caption", "emoji", "preview", "background", "font",
		"media", "mediaBytes", "mimetype", "fileName", "seconds",
		"width", "height", "pages", "thumbnail", "gif", "viewOnce",
		"latitude", "longitude", "name", "address", "url", "vcard",
		"contact", "options", "selectable", "vote", "target", "quoted",
		"mentions", "forwarded", "expiration", "raw", NULL };
	struct taking t = { .control = control,
		.body = control->body,
		.arena = control->sandbox->arena };
	char id[PHONE_ID_LEN];

	if (control_only(control, names, err) != 0 ||
		take_order(&t, err) != 0 ||
		phone_send(control->phone, &t.chat, &t.order, id, err) != 0)
		return -1;
	json_object_set_new(control->answer, "id", json_string(id));
	return 201;
}
