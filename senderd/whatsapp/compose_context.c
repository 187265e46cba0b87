/* What surrounds a message: the one it answers, whom it mentions, whether it
 * was passed on, when it disappears; declared in compose_impl.h. */
#include "senderd/whatsapp/compose_impl.h"

#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "senderd/whatsapp/group.h"

#define MENTIONS_MAX 1000
#define EXPIRATION_MAX 31536000 /* a year */

static Wa__ContextInfo *context(struct composing *c)
{
	if (c->context == NULL)
		c->context = COMPOSE_NEW(c, ContextInfo, context_info);
	return c->context;
}

/* ---- people ---- */

char *compose_jid_text(struct composing *c, const struct wa_jid *jid)
{
	char text[WA_JID_TEXT];

	return arena_strdup(c->lane->arena, wa_jid_text(jid, text));
}

int compose_own(struct composing *c, struct wa_jid *out)
{
	const struct lane_identity *id = &c->lane->id;
	bool by_lid = c->by_lid && id->lid.user[0] != '\0';

	*out = wa_jid_bare(by_lid ? &id->lid : &id->jid);
	return 0;
}

static int user_parse(const char *text, struct wa_jid *out)
{
	if (text[0] == '+') {
		size_t n = strlen(text + 1);

		if (n == 0 || n > WA_USER_MAX ||
			strspn(text + 1, "0123456789") != n)
			return -1;
		*out = wa_jid_pn(text + 1, 0);
		return 0;
	}
	return wa_jid_parse(text, strlen(text), out) == 0 && wa_jid_is_user(out)
		       ? 0
		       : -1;
}

int compose_user(struct composing *c, const char *text, struct wa_jid *out)
{
	struct wa_jid other;
	int found = 0;

	if (user_parse(text, out) != 0)
		return err_set(c->err, ERR_INVALID, "no address of a user");
	*out = wa_jid_bare(out);
	if (c->by_lid && out->server == WA_SERVER_PN)
		found = lanedb_lid_of(c->lane->db, out, &other, c->err);
	else if (!c->by_lid && out->server == WA_SERVER_LID)
		found = lanedb_pn_of(c->lane->db, out, &other, c->err);
	if (found > 0)
		*out = wa_jid_bare(&other);
	return found < 0 ? -1 : 0;
}

/* ---- the message that is answered ---- */

/* The text form of what we know of it: clients show it where they do not have
 * the message itself. */
static Wa__Message *quoted_new(
	struct composing *c, const struct compose_found *quoted)
{
	Wa__Message *message = COMPOSE_NEW(c, Message, message);

	switch (quoted->kind) {
	case MESSAGE_IMAGE:
		message->image_message =
			COMPOSE_NEW(c, ImageMessage, image_message);
		message->image_message->caption = quoted->text;
		break;
	case MESSAGE_VIDEO:
		message->video_message =
			COMPOSE_NEW(c, VideoMessage, video_message);
		message->video_message->caption = quoted->text;
		break;
	case MESSAGE_AUDIO:
	case MESSAGE_VOICE:
		message->audio_message =
			COMPOSE_NEW(c, AudioMessage, audio_message);
		message->audio_message->has_ptt = 1;
		message->audio_message->ptt = quoted->kind == MESSAGE_VOICE;
		break;
	case MESSAGE_DOCUMENT:
		message->document_message =
			COMPOSE_NEW(c, DocumentMessage, document_message);
		message->document_message->caption = quoted->text;
		break;
	case MESSAGE_STICKER:
		message->sticker_message =
			COMPOSE_NEW(c, StickerMessage, sticker_message);
		break;
	case MESSAGE_TEXT:
	case MESSAGE_LOCATION:
	case MESSAGE_CONTACT:
	case MESSAGE_POLL:
	case MESSAGE_REACTION:
	case MESSAGE_EDIT:
	case MESSAGE_REVOKE:
	case MESSAGE_POLL_VOTE:
	case MESSAGE_BUTTON_REPLY:
	case MESSAGE_GROUP_INVITE:
	case MESSAGE_OTHER:
		message->conversation =
			quoted->text != NULL ? quoted->text : (char *)"";
		break;
	}
	return message;
}

static enum compose_state quote_set(struct composing *c)
{
	const json_t *named = json_object_get(c->content, "quote");
	const char *text = json_string_value(json_object_get(named, "text"));
	struct compose_found quoted;
	enum compose_state state = COMPOSE_READY;

	if (!json_is_object(named))
		return COMPOSE_READY;
	state = compose_find(c, named, &quoted);
	if (state != COMPOSE_READY)
		return state;
	if (wa_jid_is_empty(&quoted.author))
		return compose_refuse(c, "invalid_content");
	if (!quoted.is_known && text != NULL)
		quoted.text = (char *)text;
	context(c)->stanza_id = quoted.id;
	context(c)->participant = compose_jid_text(c, &quoted.author);
	context(c)->quoted_message = quoted_new(c, &quoted);
	if (!wa_jid_is_empty(&quoted.chat))
		context(c)->remote_jid = compose_jid_text(c, &quoted.chat);
	return COMPOSE_READY;
}

/* ---- mentions ---- */

static enum compose_state mentions_set(struct composing *c)
{
	const json_t *list = json_object_get(c->content, "mentions");
	size_t n = json_array_size(list);

	if (n == 0)
		return COMPOSE_READY;
	if (n > MENTIONS_MAX)
		return compose_refuse(c, "invalid_content");
	context(c)->mentioned_jid = arena_alloc(
		c->lane->arena, n * sizeof *c->context->mentioned_jid);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		struct wa_jid user;

		if (text == NULL)
			return compose_refuse(c, "invalid_content");
		if (compose_user(c, text, &user) != 0)
			return c->err->code == ERR_INVALID
				       ? compose_refuse(c, "invalid_content")
				       : COMPOSE_FAILED;
		c->context->mentioned_jid[c->context->n_mentioned_jid++] =
			compose_jid_text(c, &user);
	}
	return COMPOSE_READY;
}

/* ---- disappearing ---- */

/* *@set_ms_out 0: not known. */
static int expiration_find(
	struct composing *c, uint32_t *seconds_out, int64_t *set_ms_out)
{
	const json_t *told = json_object_get(c->content, "expiration");
	struct wa_jid chat = lane_signal_address(c->lane, &c->job->chat);
	int found = 0;

	*seconds_out = 0;
	*set_ms_out = 0;
	if (json_is_integer(told) && json_integer_value(told) >= 0 &&
		json_integer_value(told) <= EXPIRATION_MAX)
		*seconds_out = (uint32_t)json_integer_value(told);
	else if (wa_jid_is_group(&chat))
		*seconds_out = group_expiration(c->lane, &chat);
	else if (wa_jid_is_user(&chat))
		found = lanedb_timer_load(
			c->lane->db, &chat, seconds_out, set_ms_out, c->err);
	return found < 0 ? -1 : 0;
}

static enum compose_state expiration_set(struct composing *c)
{
	uint32_t seconds = 0;
	int64_t set_ms = 0;

	if (expiration_find(c, &seconds, &set_ms) != 0)
		return COMPOSE_FAILED;
	if (seconds == 0)
		return COMPOSE_READY;
	context(c)->has_expiration = 1;
	context(c)->expiration = seconds;
	if (set_ms > 0) {
		context(c)->has_ephemeral_setting_timestamp = 1;
		context(c)->ephemeral_setting_timestamp = set_ms / 1000;
	}
	return COMPOSE_READY;
}

enum compose_state compose_context(struct composing *c)
{
	enum compose_state state = expiration_set(c);

	if (state != COMPOSE_READY || c->content == NULL)
		return state;
	if (json_is_true(json_object_get(c->content, "forwarded"))) {
		context(c)->has_is_forwarded = 1;
		context(c)->is_forwarded = 1;
		context(c)->has_forwarding_score = 1;
		context(c)->forwarding_score = 1;
	}
	state = mentions_set(c);
	return state == COMPOSE_READY ? quote_set(c) : state;
}
