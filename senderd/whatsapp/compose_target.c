/* Messages about other messages, ours and theirs; declared in compose_impl.h.
 */
#include "senderd/whatsapp/compose_impl.h"

#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/whatsapp/names.h"

/* ---- finding the message ---- */

struct finding {
	struct composing *c;
	struct names chat;
	struct compose_found *out;
	const char *author; /* JID text, or NULL: ours */
	bool any_chat;
};

static char *keep(struct composing *c, const char *text)
{
	return text != NULL ? arena_strdup(c->lane->arena, text) : NULL;
}

/* Ids of others are unique only within their chat. */
static int on_row(const struct message *row, void *arg)
{
	struct finding *finding = arg;
	struct composing *c = finding->c;
	struct compose_found *out = finding->out;
	bool is_here = names_match(&finding->chat, row->chat);

	if (row->device_id != c->lane->device_id ||
		(!is_here && !finding->any_chat))
		return 0;
	out->is_known = true;
	out->id = keep(c, row->wa_id);
	out->is_ours = row->sender == NULL || row->source == MESSAGE_BY_PHONE;
	out->kind = row->kind;
	out->text = keep(c, row->text);
	finding->author = keep(c, row->sender);
	if (!is_here)
		wa_jid_parse(row->chat, strlen(row->chat), &out->chat);
	return 1;
}

/* By our id. */
static enum compose_state find_ours(
	struct finding *finding, const char *message_id)
{
	struct composing *c = finding->c;

	finding->any_chat = true;
	if (store_message_by_public_id(c->lane->store, c->lane->account_id,
		    message_id, on_row, finding, c->err) != 0 &&
		c->err->code != ERR_NOT_FOUND)
		return COMPOSE_FAILED;
	return finding->out->is_known ? COMPOSE_READY
				      : compose_refuse(c, "target_not_found");
}

/* By WhatsApp's; only what the store does not know, the content must say. */
static enum compose_state find_theirs(
	struct finding *finding, const json_t *named)
{
	struct composing *c = finding->c;
	struct compose_found *out = finding->out;
	const char *id = json_string_value(json_object_get(named, "id"));
	const json_t *from_me = json_object_get(named, "fromMe");
	const char *participant =
		json_string_value(json_object_get(named, "participant"));

	if (id == NULL || id[0] == '\0')
		return compose_refuse(c, "invalid_content");
	if (store_message_each_wa_id(c->lane->store, c->lane->device_id, id,
		    on_row, finding, c->err) != 0)
		return COMPOSE_FAILED;
	out->id = keep(c, id);
	if (out->is_known)
		return COMPOSE_READY;
	out->is_ours = json_is_true(from_me);
	finding->author = participant;
	return COMPOSE_READY;
}

static enum compose_state author_set(struct finding *finding)
{
	struct composing *c = finding->c;
	struct compose_found *out = finding->out;
	int rc = 0;

	if (out->is_ours)
		rc = compose_own(c, &out->author);
	else if (finding->author != NULL)
		rc = compose_user(c, finding->author, &out->author);
	else if (wa_jid_is_user(&c->chat))
		out->author = c->chat;
	if (rc == 0)
		return COMPOSE_READY;
	return c->err->code == ERR_INVALID
		       ? compose_refuse(c, "invalid_content")
		       : COMPOSE_FAILED;
}

enum compose_state compose_find(
	struct composing *c, const json_t *named, struct compose_found *out)
{
	struct finding finding = { .c = c, .out = out };
	const char *message_id =
		json_string_value(json_object_get(named, "messageId"));
	enum compose_state state = COMPOSE_READY;

	*out = (struct compose_found){ .kind = MESSAGE_TEXT };
	if (names_find(c->lane, &c->job->chat, &finding.chat, c->err) != 0)
		return COMPOSE_FAILED;
	state = message_id != NULL ? find_ours(&finding, message_id)
				   : find_theirs(&finding, named);
	return state == COMPOSE_READY ? author_set(&finding) : state;
}

/* ---- keys ---- */

/* From our point of view; only where several write does a key say who. */
static Wa__MessageKey *key_new(
	struct composing *c, const struct compose_found *target)
{
	Wa__MessageKey *key = COMPOSE_NEW(c, MessageKey, message_key);

	key->remote_jid = compose_jid_text(c, &c->chat);
	key->has_from_me = 1;
	key->from_me = target->is_ours;
	key->id = target->id;
	if (!wa_jid_is_user(&c->chat) && !target->is_ours)
		key->participant = compose_jid_text(c, &target->author);
	return key;
}

static enum compose_state target_find(
	struct composing *c, struct compose_found *out)
{
	enum compose_state state =
		compose_find(c, json_object_get(c->content, "target"), out);

	if (state != COMPOSE_READY)
		return state;
	if (!wa_jid_is_empty(&out->chat))
		return compose_refuse(c, "target_in_another_chat");
	return wa_jid_is_empty(&out->author)
		       ? compose_refuse(c, "invalid_content")
		       : COMPOSE_READY;
}

/* ---- the kinds ---- */

enum compose_state compose_reaction(struct composing *c)
{
	Wa__ReactionMessage *reaction =
		COMPOSE_NEW(c, ReactionMessage, reaction_message);
	struct compose_found target;
	enum compose_state state = target_find(c, &target);

	if (state != COMPOSE_READY)
		return state;
	reaction->key = key_new(c, &target);
	reaction->text = (char *)c->job->text; /* "" takes it back */
	reaction->has_sender_timestamp_ms = 1;
	reaction->sender_timestamp_ms = c->job->created_ms;
	c->message.reaction_message = reaction;
	c->envelope->type = "reaction";
	c->envelope->edit = c->job->text[0] == '\0' ? "7" : NULL;
	c->envelope->is_hidden = true;
	return COMPOSE_READY;
}

static Wa__ProtocolMessage *protocol_new(
	struct composing *c, Wa__ProtocolMessage__Type type)
{
	Wa__ProtocolMessage *protocol =
		COMPOSE_NEW(c, ProtocolMessage, protocol_message);

	protocol->has_type = 1;
	protocol->type = type;
	return protocol;
}

/* The new text, in the kind of message that it was: a caption stays one. */
static Wa__Message *edited_new(
	struct composing *c, const struct compose_found *target)
{
	Wa__Message *edited = COMPOSE_NEW(c, Message, message);
	char *text = (char *)c->job->text;

	if (target->kind == MESSAGE_IMAGE) {
		edited->image_message =
			COMPOSE_NEW(c, ImageMessage, image_message);
		edited->image_message->caption = text;
		edited->image_message->context_info = c->context;
	} else if (target->kind == MESSAGE_VIDEO) {
		edited->video_message =
			COMPOSE_NEW(c, VideoMessage, video_message);
		edited->video_message->caption = text;
		edited->video_message->context_info = c->context;
	} else if (target->kind == MESSAGE_DOCUMENT) {
		edited->document_message =
			COMPOSE_NEW(c, DocumentMessage, document_message);
		edited->document_message->caption = text;
		edited->document_message->context_info = c->context;
	} else if (c->context != NULL) {
		edited->extended_text_message = COMPOSE_NEW(
			c, ExtendedTextMessage, extended_text_message);
		edited->extended_text_message->text = text;
		edited->extended_text_message->context_info = c->context;
	} else {
		edited->conversation = text;
	}
	return edited;
}

static void edit_wrap(struct composing *c, Wa__ProtocolMessage *protocol)
{
	Wa__FutureProofMessage *wrapper =
		COMPOSE_NEW(c, FutureProofMessage, future_proof_message);
	Wa__Message *inner = COMPOSE_NEW(c, Message, message);

	inner->protocol_message = protocol;
	wrapper->message = inner;
	c->message.edited_message = wrapper;
}

enum compose_state compose_edit(struct composing *c)
{
	struct compose_found target;
	enum compose_state state = target_find(c, &target);
	Wa__ProtocolMessage *protocol = NULL;

	if (state != COMPOSE_READY)
		return state;
	if (!target.is_ours)
		return compose_refuse(c, "not_our_message");
	if (c->job->text[0] == '\0')
		return compose_refuse(c, "invalid_content");
	protocol = protocol_new(c, WA__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT);
	protocol->key = key_new(c, &target);
	protocol->edited_message = edited_new(c, &target);
	protocol->has_timestamp_ms = 1;
	protocol->timestamp_ms = c->job->created_ms;
	edit_wrap(c, protocol);
	c->envelope->edit = "1";
	c->envelope->is_hidden = true;
	return COMPOSE_READY;
}

enum compose_state compose_revoke(struct composing *c)
{
	struct compose_found target;
	enum compose_state state = target_find(c, &target);

	if (state != COMPOSE_READY)
		return state;
	if (!target.is_ours && !wa_jid_is_group(&c->chat))
		return compose_refuse(c, "not_our_message");
	c->message.protocol_message =
		protocol_new(c, WA__PROTOCOL_MESSAGE__TYPE__REVOKE);
	c->message.protocol_message->key = key_new(c, &target);
	c->envelope->edit = target.is_ours ? "7" : "8";
	return COMPOSE_READY;
}
