#include "senderd/whatsapp/received.h"

#include <stdio.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/node.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/addon.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/names.h"
#include "senderd/whatsapp/peer.h"
#include "senderd/whatsapp/secrets.h"

#define NAME_MAX_BYTES 256
#define EXPIRATION_MAX 31536000 /* a year */

/* ---- the row ---- */

const char *received_push_name(struct lane *lane, const struct inbound *in)
{
	const char *notify = wa_node_str(in->message, "notify");

	if (notify == NULL || notify[0] == '\0' || strcmp(notify, "-") == 0 ||
		strlen(notify) > NAME_MAX_BYTES)
		return NULL;
	return content_line(lane->arena, notify, NAME_MAX_BYTES);
}

struct parties {
	struct names sender;
	struct names chat; /* of a group: its JID, and its sender's names */
};

static int parties_find(struct lane *lane, const struct inbound *in,
	struct parties *out, struct err *err)
{
	if (names_find(lane, &in->sender, &out->sender, err) != 0 ||
		names_find(lane, &in->chat, &out->chat, err) != 0)
		return -1;
	if (!wa_jid_is_user(&in->chat)) {
		out->chat.phone = out->sender.phone;
		out->chat.lid = out->sender.lid;
	}
	return 0;
}

/* The row of this very message, from a delivery before this one. */
struct known {
	const struct parties *parties;
	bool is_known;
	char media_id[UUID_LEN]; /* "" = it has none */
};

static int on_known_row(const struct message *row, void *arg)
{
	struct known *known = arg;

	/* Of kind OTHER it came without its content: the media is news. */
	if (row->sender == NULL || row->kind == MESSAGE_OTHER ||
		!names_match(&known->parties->chat, row->chat) ||
		!names_match(&known->parties->sender, row->sender))
		return 0;
	/* A placeholder is filled with what comes now. */
	known->is_known = row->kind != MESSAGE_OTHER;
	if (row->media_public_id != NULL)
		snprintf(known->media_id, sizeof known->media_id, "%s",
			row->media_public_id);
	return 1;
}

struct told {
	const struct parties *parties;
	bool is_told;
};

static int on_told_row(const struct message *row, void *arg)
{
	struct told *told = arg;

	told->is_told |= row->sender != NULL &&
			 names_match(&told->parties->chat, row->chat) &&
			 names_match(&told->parties->sender, row->sender);
	return told->is_told;
}

int received_is_known(struct lane *lane, const struct inbound *in,
	bool *known_out, struct err *err)
{
	struct parties parties;
	struct told told = { .parties = &parties };

	if (parties_find(lane, in, &parties, err) != 0 ||
		store_message_each_wa_id(lane->store, lane->device_id, in->id,
			on_told_row, &told, err) != 0)
		return -1;
	*known_out = told.is_told;
	return 0;
}

/* Its blob is asked for once. */
static int media_find(struct lane *lane, const struct inbound *in,
	const struct parties *parties, struct content *content,
	char media_id_out[UUID_LEN], struct err *err)
{
	struct known known = { .parties = parties };
	struct media_found *found = &content->media;

	media_id_out[0] = '\0';
	if (!content->has_media)
		return 0;
	if (store_message_each_wa_id(lane->store, lane->device_id, in->id,
		    on_known_row, &known, err) != 0)
		return -1;
	found->chat = &in->chat;
	found->sender = &in->sender;
	found->is_own = in->is_own;
	found->wa_id = in->id;
	if (known.is_known)
		return known.media_id[0] != '\0' ? media_in_again(lane, found,
							   known.media_id, err)
						 : 0;
	if (media_in_found(lane, found, media_id_out, err) != 0)
		return -1;
	content_set_media_id(content, media_id_out);
	return 0;
}

static int row_add(struct lane *lane, const struct inbound *in,
	struct content *content, struct err *err)
{
	struct parties parties;
	char media_id[UUID_LEN];
	int64_t now_ms = clock_now_ms();

	if (parties_find(lane, in, &parties, err) != 0 ||
		media_find(lane, in, &parties, content, media_id, err) != 0)
		return -1;
	facts_add_inbound(lane,
		&(struct message){
			.direction = MESSAGE_IN,
			.status = MESSAGE_RECEIVED,
			.kind = content->kind,
			.source =
				in->is_own ? MESSAGE_BY_PHONE : MESSAGE_BY_API,
			.wa_id = in->id,
			.chat = parties.chat.jid,
			.sender = parties.sender.jid,
			.phone = parties.chat.phone,
			.lid = parties.chat.lid,
			.push_name = in->is_own ? NULL
						: received_push_name(lane, in),
			.text = content->text,
			.content = content_render(lane, content),
			.media_public_id =
				media_id[0] != '\0' ? media_id : NULL,
			.created_ms = now_ms,
			.wa_ms = in->t > 0 ? in->t * 1000 : now_ms,
		});
	return 0;
}

int received_unavailable(
	struct lane *lane, const struct inbound *in, struct err *err)
{
	scoped(content_fini) struct content content = { 0 };
	const struct wa_node *unavailable =
		wa_node_child(in->message, "unavailable");
	const char *type = wa_node_str(unavailable, "type");

	content_set_other(&content, "unavailable");
	if (type != NULL && strncmp(type, "view_once", 9) == 0)
		content_set(&content, "viewOnce", json_true());
	return row_add(lane, in, &content, err);
}

/* ---- settings of a chat ---- */

/* Disappearing messages of a chat of two; groups are told in another way. */
static int timer_handle(struct lane *lane, const struct inbound *in,
	const Wa__ProtocolMessage *protocol, struct err *err)
{
	scoped(content_fini) struct content content = { 0 };
	struct wa_jid chat = lane_signal_address(lane, &in->chat);
	uint32_t seconds = protocol->ephemeral_expiration;
	int64_t set_ms = in->t > 0 ? in->t * 1000 : clock_now_ms();

	if (!wa_jid_is_user(&in->chat) || seconds > EXPIRATION_MAX)
		return 0;
	if (lanedb_timer_save(lane->db, &chat, seconds, set_ms, err) != 0)
		return -1;
	content_set_other(&content, "expiration");
	content_set(&content, "expiration", json_integer(seconds));
	return row_add(lane, in, &content, err);
}

/* ---- what is inside ---- */

static bool is_chat(const struct inbound *in, const char *text)
{
	char chat[WA_JID_TEXT];

	return text != NULL && strcmp(wa_jid_text(&in->from, chat), text) == 0;
}

static int sender_key_learn(struct lane *lane, const struct inbound *in,
	const Wa__SenderKeyDistributionMessage *distribution, struct err *err)
{
	const ProtobufCBinaryData *key =
		&distribution->axolotl_sender_key_distribution_message;
	struct wa_jid group = wa_jid_bare(&in->from);

	if (!in->is_group || !is_chat(in, distribution->group_id)) {
		log_warning("sender_key id=%s status=refused reason=\"not of "
			    "this chat\" action=none",
			log_quote(in->id));
		return 0;
	}
	if (wa_signal_group_process(lane->signal, &group, &in->address,
		    key->data, key->len, err) == 0)
		return 0;
	if (err->code == ERR_IO)
		return -1;
	log_warning("sender_key id=%s status=unusable reason=\"%s\" "
		    "action=\"its messages will be asked for\"",
		log_quote(in->id), err->msg);
	return 0;
}

/* What our phone sent to somebody is wrapped, and the wrapper names the chat.
 * From anybody else it is a forgery: NULL. */
static const Wa__Message *own_copy_open(
	struct inbound *in, const Wa__Message *message)
{
	const Wa__DeviceSentMessage *sent = message->device_sent_message;
	struct wa_jid chat;

	if (!in->is_own) {
		log_warning("inbound id=%s status=refused reason=\"own copy "
			    "from another account\" action=none",
			log_quote(in->id));
		return NULL;
	}
	if (!in->is_group && sent->destination_jid != NULL &&
		wa_jid_parse(sent->destination_jid,
			strlen(sent->destination_jid), &chat) == 0 &&
		wa_jid_is_user(&chat))
		in->chat = wa_jid_bare(&chat);
	return sent->message;
}

static int show(struct lane *lane, const struct inbound *in,
	const Wa__Message *message, struct err *err)
{
	scoped(content_fini) struct content content = { 0 };
	struct content_from from = addon_from(in);
	const Wa__Message *unwrapped = content_unwrap(message);

	switch (addon_describe(lane, in, unwrapped, &content, err)) {
	case ADDON_NONE:
		if (unwrapped->protocol_message != NULL ||
			!content_describe(lane, &from, message, &content))
			return 0;
		break;
	case ADDON_SHOWN:
		break;
	case ADDON_REFUSED:
		return 0;
	case ADDON_FAILED:
		return -1;
	}
	return row_add(lane, in, &content, err);
}

/* Edits and revokes are shown; what else travels as a protocol message is for
 * clients.  True: it was for us. */
static bool protocol_handle(struct lane *lane, const struct inbound *in,
	const Wa__ProtocolMessage *protocol, bool *is_history, int *rc,
	struct err *err)
{
	*rc = 0;
	if (peer_is_self_only(protocol)) {
		if (in->is_own)
			*rc = peer_on_protocol(lane, &in->sender, in->id,
				protocol, is_history, err);
		else
			log_warning("peer id=%s status=refused reason=\"not "
				    "from our own account\" action=none",
				log_quote(in->id));
		return true;
	}
	if (protocol->type != WA__PROTOCOL_MESSAGE__TYPE__EPHEMERAL_SETTING)
		return false;
	*rc = timer_handle(lane, in, protocol, err);
	return true;
}

/* Of the message that a wrapper holds, or of the wrapper. */
static int secret_keep(struct lane *lane, const struct inbound *in,
	const Wa__Message *outer, const Wa__Message *inner, struct err *err)
{
	const Wa__MessageContextInfo *context = outer->message_context_info;

	if (context == NULL || context->message_secret.len == 0)
		context = inner->message_context_info;
	return secrets_keep(lane, in->id, &in->chat, &in->sender, context, err);
}

int received_handle(struct lane *lane, struct inbound *in,
	const Wa__Message *message, bool *is_history, struct err *err)
{
	const Wa__Message *inner = NULL;
	const Wa__Message *outer = message;
	int rc = 0;

	if (message->device_sent_message != NULL)
		message = own_copy_open(in, message);
	if (message == NULL)
		return 0;
	if (message->sender_key_distribution_message != NULL &&
		sender_key_learn(lane, in,
			message->sender_key_distribution_message, err) != 0)
		return -1;
	inner = content_unwrap(message);
	if (inner->protocol_message != NULL &&
		protocol_handle(lane, in, inner->protocol_message, is_history,
			&rc, err))
		return rc;
	if (secret_keep(lane, in, outer, inner, err) != 0)
		return -1;
	return show(lane, in, message, err);
}
