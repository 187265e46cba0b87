/* See sending.h.  The content is checked and its media found on the HTTP
 * thread; what has to be made of the media is made; the writer accepts. */
#include "apid/sending.h"

#include <stdlib.h>
#include <string.h>

#include "apid/limits.h"
#include "apid/making.h"
#include "apid/media.h"
#include "apid/reference.h"
#include "apid/request.h"
#include "common/clock.h"
#include "common/content.h"
#include "common/own.h"
#include "common/recipient.h"
#include "common/send.h"

#define STATUS_CHAT "status@broadcast"

static int accept_message(struct request *request, struct tx *tx,
	struct send_request *send, struct err *err)
{
	struct send_result result = { 0 };

	send->account_id = request->account_id;
	send->device_uid = request_text(request, "deviceUid");
	send->client_message_id = request_text(request, "clientMessageId");
	send->source = MESSAGE_BY_API;
	if (send_accept(tx, request->apid->config, send, clock_now_ms(),
		    &result, err) != 0)
		return limits_render_send(
			request, send->device_uid, &result, err);
	request_push(request, TO_SENDERD, move(result.job));
	request->reply = json_pack("{s:b, s:s, s:s, s:s}", "accepted", 1,
		"providerMessageId", result.wa_id, "sessionId",
		send->device_uid, "messageId", result.message_id);
	return 0;
}

int sending_text(struct request *request, struct tx *tx, struct err *err)
{
	struct send_request send = {
		.phone = request_arg(request, "to")->phone,
		.text = request_text(request, "text"),
		.is_template = true,
	};

	return accept_message(request, tx, &send, err);
}

/* ---- what takes preparing ---- */

struct sending {
	struct recipient to;
	bool is_status;
	bool is_template; /* its text is spintax */
	enum message_kind kind;
	json_t *members; /* owned: the content as it was asked for */
	struct content_out content;
	bool has_media;
	struct media_entry media;
};

static void sending_free(void **sendingp)
{
	struct sending *sending = move(*sendingp);

	json_decref(sending->members);
	content_out_fini(&sending->content);
	free(sending);
}

/* Takes @members. */
static struct sending *sending_new(struct request *request, json_t *members)
{
	struct sending *sending = xcalloc(1, sizeof(*sending));

	sending->members = members;
	request->context = sending;
	request->context_free = sending_free;
	return sending;
}

/* What only goes to who has the message already, or to whoever looks. */
static bool is_free(const struct sending *sending)
{
	return sending->is_status || sending->kind == MESSAGE_REACTION ||
	       sending->kind == MESSAGE_EDIT || sending->kind == MESSAGE_REVOKE;
}

static int take_deleted(const struct media *media, void *arg)
{
	*(bool *)arg = media->deleted_ms != 0;
	return 0;
}

static int check_media_stays(
	const struct sending *sending, struct tx *tx, struct err *err)
{
	bool is_deleted = false;

	if (!sending->has_media)
		return 0;
	if (store_media_by_id(tx_store(tx), sending->media.id, take_deleted,
		    &is_deleted, err) != 0)
		return -1;
	return is_deleted ? err_set(err, ERR_INVALID,
				    "the media was deleted meanwhile")
			  : 0;
}

static int commit(struct request *request, struct tx *tx, struct err *err)
{
	struct sending *sending = request->context;
	const bool is_phone = sending->to.kind == RECIPIENT_PHONE;
	struct send_request send = {
		.phone = is_phone ? sending->to.phone : NULL,
		.chat = sending->is_status ? STATUS_CHAT
			: is_phone	   ? NULL
					   : sending->to.jid,
		.kind = sending->kind,
		.text = sending->content.text,
		.content = sending->content.json,
		.media_id = sending->has_media ? sending->media.id : 0,
		.is_free = is_free(sending),
		.is_template = sending->is_template,
	};

	if (check_media_stays(sending, tx, err) != 0)
		return -1;
	return accept_message(request, tx, &send, err);
}

/* ---- media ---- */

static int find_media(struct request *request, struct sending *sending,
	const char *public_id, struct err *err)
{
	if (store_media_by_public_id(request->store, request->account_id,
		    public_id, media_entry_take, &sending->media, err) != 0)
		return err->code == ERR_NOT_FOUND
			       ? err_set(err, ERR_INVALID,
					 "there is no media with this id")
			       : -1;
	if (sending->media.state == MEDIA_PENDING)
		return err_set(err, ERR_CONFLICT, "The file is not here yet");
	if (sending->media.state != MEDIA_READY || !sending->media.has_file)
		return err_set(err, ERR_INVALID, "the file is no longer there");
	sending->has_media = true;
	return 0;
}

/* As which media of a kind can be sent without a word about it. */
static enum message_kind kind_of_media(enum media_kind kind)
{
	switch (kind) {
	case MEDIA_IMAGE:
		return MESSAGE_IMAGE;
	case MEDIA_VIDEO:
		return MESSAGE_VIDEO;
	case MEDIA_AUDIO:
		return MESSAGE_AUDIO;
	case MEDIA_STICKER:
		return MESSAGE_STICKER;
	case MEDIA_VOICE:
		return MESSAGE_VOICE;
	case MEDIA_DOCUMENT:
		break;
	}
	return MESSAGE_DOCUMENT;
}

/* 1: as it is.  0: once it is converted.  -1: not at all. */
static int fits(enum message_kind kind, enum media_kind media)
{
	if (kind == MESSAGE_DOCUMENT || kind == kind_of_media(media))
		return 1;
	if (kind == MESSAGE_AUDIO && media == MEDIA_VOICE)
		return 1;
	if (kind == MESSAGE_VOICE &&
		(media == MEDIA_AUDIO || media == MEDIA_VIDEO))
		return 0;
	if (kind == MESSAGE_STICKER && media == MEDIA_IMAGE)
		return 0;
	return -1;
}

static void on_made(struct request *request, const struct media_entry *made)
{
	struct sending *sending = request->context;
	struct err err = ERR_NONE;

	sending->media = *made;
	if (request_write(request, commit, NULL, &err) != 0)
		request_fail(request, &err);
}

static int go(struct request *request, struct err *err)
{
	struct sending *sending = request->context;

	if (!sending->has_media)
		return request_write(request, commit, NULL, err);
	switch (fits(sending->kind, sending->media.kind)) {
	case 1:
		return request_write(request, commit, NULL, err);
	case 0:
		return making_start(request, &sending->media,
			sending->kind == MESSAGE_VOICE ? MEDIA_VOICE
						       : MEDIA_STICKER,
			on_made, err);
	default:
		return err_set(err, ERR_INVALID,
			"media of kind %s cannot be sent as %s",
			media_kind_name(sending->media.kind),
			message_kind_name(sending->kind));
	}
}

/* ---- the handlers ---- */

/* The device is the account's: before anything costs more than a look. */
static int find_device(
	struct request *request, int64_t *id_out, struct err *err)
{
	return store_device_id(request->store, request->account_id,
		request_text(request, "deviceUid"), id_out, err);
}

static int check_content(struct sending *sending, struct err *err)
{
	const struct content_place place = { .kind = sending->kind,
		.is_group = sending->to.kind == RECIPIENT_GROUP,
		.is_status = sending->is_status };

	return content_check(sending->members, &place, &sending->content, err);
}

/* The members that are set, under their names of docs/content.md. */
static json_t *members_of(
	struct request *request, const char *const (*names)[2], size_t n)
{
	json_t *members = json_object();

	for (size_t i = 0; i < n; i++) {
		json_t *value = json_object_get(request->body, names[i][0]);

		if (value != NULL)
			json_object_set(members, names[i][1], value);
	}
	return members;
}

static int send_one(struct request *request, enum message_kind kind,
	json_t *members, struct err *err)
{
	struct sending *sending = sending_new(request, members);
	const char *to = request_text(request, "to");
	int64_t device_id;

	(void)recipient_parse(to, strlen(to), RECIPIENT_PHONE, &sending->to);
	sending->is_template = true;
	if (find_device(request, &device_id, err) != 0 ||
		find_media(request, sending, request_text(request, "mediaId"),
			err) != 0)
		return -1;
	sending->kind = kind != 0 ? kind : kind_of_media(sending->media.kind);
	if (check_content(sending, err) != 0)
		return -1;
	return go(request, err);
}

int sending_media(struct request *request, struct err *err)
{
	static const char *const names[][2] = { { "caption", "text" } };

	return send_one(
		request, 0, members_of(request, names, ARRAY_LEN(names)), err);
}

int sending_voice(struct request *request, struct err *err)
{
	return send_one(request, MESSAGE_VOICE, json_object(), err);
}

static int post_status(struct request *request, json_t *members,
	const char *media_id, struct err *err)
{
	struct sending *sending = sending_new(request, members);
	int64_t device_id;

	sending->is_status = true;
	sending->kind = MESSAGE_TEXT;
	if (find_device(request, &device_id, err) != 0)
		return -1;
	if (media_id != NULL) {
		if (find_media(request, sending, media_id, err) != 0)
			return -1;
		sending->kind = kind_of_media(sending->media.kind);
	}
	/* Sound in a status is a voice note. */
	if (sending->kind == MESSAGE_AUDIO)
		sending->kind = MESSAGE_VOICE;
	if (check_content(sending, err) != 0)
		return -1;
	return go(request, err);
}

int sending_text_status(struct request *request, struct err *err)
{
	static const char *const names[][2] = { { "text", "text" },
		{ "backgroundColor", "background" }, { "font", "font" },
		{ "audience", "audience" } };

	return post_status(request,
		members_of(request, names, ARRAY_LEN(names)), NULL, err);
}

int sending_media_status(struct request *request, struct err *err)
{
	static const char *const names[][2] = { { "caption", "text" },
		{ "audience", "audience" } };

	return post_status(request,
		members_of(request, names, ARRAY_LEN(names)),
		request_text(request, "mediaId"), err);
}

/* What addresses a message, and what is its kind: the rest is content. */
static json_t *content_of(struct request *request)
{
	static const char *const around[] = { "to", "type", "mediaId",
		"clientMessageId" };
	json_t *members = json_copy(request->body);

	for (size_t i = 0; i < ARRAY_LEN(around); i++)
		json_object_del(members, around[i]);
	return members;
}

static int take_media_of_kind(
	struct request *request, struct sending *sending, struct err *err)
{
	const char *media_id = request_text(request, "mediaId");
	const bool needs_media = message_kind_has_media(sending->kind);

	if (media_id == NULL)
		return needs_media ? err_set(err, ERR_INVALID,
					     "mediaId is required")
				   : 0;
	if (!needs_media)
		return err_set(err, ERR_INVALID,
			"a message of type %s has no mediaId",
			message_kind_name(sending->kind));
	return find_media(request, sending, media_id, err);
}

int sending_any(struct request *request, struct err *err)
{
	struct sending *sending = sending_new(request, content_of(request));
	const char *to = request_text(request, "to");
	int64_t device_id;

	(void)recipient_parse(to, strlen(to),
		RECIPIENT_PERSON | RECIPIENT_GROUP, &sending->to);
	if (find_device(request, &device_id, err) != 0 ||
		content_kind(request_text(request, "type"), &sending->kind,
			err) != 0 ||
		reference_resolve(request, device_id, &sending->to,
			sending->members, "target", err) != 0 ||
		reference_resolve(request, device_id, &sending->to,
			sending->members, "quote", err) != 0 ||
		check_content(sending, err) != 0 ||
		take_media_of_kind(request, sending, err) != 0)
		return -1;
	return go(request, err);
}
