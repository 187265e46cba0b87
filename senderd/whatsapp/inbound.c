/* One inbound <message>: decrypted, stored as a fact, answered once
 * (messages.md 4). */
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "senderd/facts.h"
#include "senderd/lane.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/peer.h"
#include "senderd/whatsapp/receipt.h"
#include "senderd/whatsapp/retry.h"

#define ID_MAX 128
#define NAME_MAX_BYTES 256
#define TIME_MAX_SEC 99999999999LL /* the year 5138: beyond is nonsense */
#define STATUS_RETRY_SEC 86400	   /* an older story is not asked for again */

/* Errors that an ack to the server may carry. */
enum nack {
	NACK_NONE = 0,
	NACK_PARSING = 487,
	NACK_UNRECOGNISED = 488,
	NACK_INVALID_PROTOBUF = 491,
	NACK_HOSTED = 493,
	NACK_MISSING_SECRET = 495,
};

/* What the stanza says about itself. */
struct inbound {
	const struct wa_node *message;
	const char *id;
	struct wa_jid from;
	struct wa_jid sender;  /* device, as on the wire */
	struct wa_jid address; /* the same for sessions and sender keys */
	struct wa_jid
		chat;  /* bare; a wrapper from an own device may correct it */
	bool is_own;   /* another device of our account sent it */
	bool is_group; /* or a broadcast: with a participant and sender keys */
	bool is_status;
	bool is_peer;
	int64_t t; /* unix seconds, 0 = not told */
};

/* What came of its <enc> parts.  The content part decides the answer: the skmsg
 * if there is one, else any of them. */
struct outcome {
	bool has_skmsg;
	bool is_read;	 /* content decrypted and understood, now or before */
	bool is_history; /* of that kind: one more receipt */
	enum wa_signal_result failure;
	enum nack nack;
};

/* ---- the stanza's addresses ---- */

static bool addresses_read(struct lane *lane, struct inbound *in)
{
	const struct wa_node *message = in->message;
	struct wa_jid recipient;

	in->is_group = in->from.server == WA_SERVER_GROUP ||
		       in->from.server == WA_SERVER_BROADCAST;
	in->is_status = in->from.server == WA_SERVER_BROADCAST &&
			strcmp(in->from.user, "status") == 0;
	in->sender = in->from;
	if (in->is_group && !wa_node_jid(message, "participant", &in->sender))
		return false;
	if (!wa_jid_is_user(&in->sender))
		return false;
	in->is_own = lane_is_self(lane, &in->sender);
	in->chat = wa_jid_bare(&in->from);
	if (in->is_own && !in->is_group &&
		wa_node_jid(message, "recipient", &recipient))
		in->chat = wa_jid_bare(&recipient);
	/* A list that somebody writes to is, for us, a chat with that somebody.
	 */
	if (in->from.server == WA_SERVER_BROADCAST && !in->is_status)
		in->chat = wa_jid_bare(&in->sender);
	return true;
}

/* Which account the stanza names twice, and by which attributes
 * (messages.md 1.6). */
static int mapping_learn(
	struct lane *lane, const struct inbound *in, struct err *err)
{
	static const char *const own[] = { "peer_recipient_pn",
		"peer_recipient_lid", "recipient_pn", "recipient_lid" };
	static const char *const others[] = { "sender_pn", "sender_lid" };
	static const char *const members[] = { "participant_pn",
		"participant_lid" };
	const char *const *names = others;
	size_t n = ARRAY_LEN(others);
	const struct wa_jid *known = &in->sender;

	if (in->is_group) {
		names = members;
		n = ARRAY_LEN(members);
	} else if (in->is_own) {
		names = own;
		n = ARRAY_LEN(own);
		known = &in->chat;
	}
	for (size_t i = 0; i < n; i++) {
		struct wa_jid other;

		if (wa_node_jid(in->message, names[i], &other) &&
			devices_learn_pair(lane, known, &other, err) != 0)
			return -1;
	}
	return 0;
}

static bool inbound_read(
	struct lane *lane, const struct wa_node *message, struct inbound *in)
{
	in->message = message;
	in->id = wa_node_str(message, "id");
	if (in->id == NULL || in->id[0] == '\0' || strlen(in->id) > ID_MAX)
		return false;
	in->t = wa_node_int(message, "t", 0);
	if (in->t < 0 || in->t > TIME_MAX_SEC)
		in->t = 0;
	if (!addresses_read(lane, in))
		return false;
	in->is_peer =
		in->is_own && (wa_node_is(message, "category", "peer") ||
				      wa_node_is(message, "type", "peer_msg"));
	return true;
}

/* ---- the row ---- */

/* An account by both its names, as far as they are known; texts in the turn's
 * arena. */
struct names {
	const char *phone, *lid; /* or NULL */
	const char *jid; /* bare: the number's if known, else the LID's */
};

static int names_find(struct lane *lane, const struct wa_jid *user,
	struct names *out, struct err *err)
{
	struct wa_jid bare = wa_jid_bare(user);
	struct wa_jid other;
	char text[WA_JID_TEXT];
	int found = 0;

	*out = (struct names){ 0 };
	if (bare.server == WA_SERVER_LID) {
		out->lid = arena_strdup(lane->arena, bare.user);
		found = lanedb_pn_of(lane->db, &bare, &other, err);
		if (found > 0) {
			bare = wa_jid_bare(&other);
			out->phone = arena_strdup(lane->arena, bare.user);
		}
	} else {
		out->phone = arena_strdup(lane->arena, bare.user);
		found = lanedb_lid_of(lane->db, &bare, &other, err);
		if (found > 0)
			out->lid = arena_strdup(lane->arena, other.user);
	}
	out->jid = arena_strdup(lane->arena, wa_jid_text(&bare, text));
	return found < 0 ? -1 : 0;
}

static const char *push_name(struct lane *lane, const struct inbound *in)
{
	const char *notify = wa_node_str(in->message, "notify");

	if (notify == NULL || notify[0] == '\0' || strcmp(notify, "-") == 0 ||
		strlen(notify) > NAME_MAX_BYTES)
		return NULL;
	return content_clean(lane->arena, notify);
}

static int row_add(struct lane *lane, const struct inbound *in,
	const struct content *content, struct err *err)
{
	struct names sender;
	struct names chat;
	char text[WA_JID_TEXT];
	int64_t now_ms = clock_now_ms();
	bool is_group = in->chat.server == WA_SERVER_GROUP;

	if (names_find(lane, &in->sender, &sender, err) != 0)
		return -1;
	if (is_group) {
		chat = sender;
		chat.jid = wa_jid_text(&in->chat, text);
	} else if (names_find(lane, &in->chat, &chat, err) != 0) {
		return -1;
	}
	facts_add_inbound(lane,
		&(struct message){
			.direction = MESSAGE_IN,
			.status = MESSAGE_RECEIVED,
			.kind = content->kind,
			.source =
				in->is_own ? MESSAGE_BY_PHONE : MESSAGE_BY_API,
			.wa_id = in->id,
			.chat = chat.jid,
			.sender = sender.jid,
			.phone = chat.phone,
			.lid = chat.lid,
			.push_name = in->is_own ? NULL : push_name(lane, in),
			.text = content->text,
			.reason = content->name == NULL
					  ? NULL
					  : arena_printf(lane->arena,
						    "unsupported:%s",
						    content->name),
			.created_ms = now_ms,
			.wa_ms = in->t > 0 ? in->t * 1000 : now_ms,
		});
	return 0;
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

/* Revokes and edits are shown; what else travels as a protocol message is for
 * clients. */
static int protocol_handle(struct lane *lane, const struct inbound *in,
	const Wa__ProtocolMessage *protocol, struct outcome *outcome,
	struct err *err)
{
	struct content content = { .kind = MESSAGE_OTHER };

	if (peer_is_self_only(protocol)) {
		if (in->is_own)
			return peer_on_protocol(lane, &in->sender, in->id,
				protocol, &outcome->is_history, err);
		log_warning("peer id=%s status=refused reason=\"not from our "
			    "own account\" action=none",
			log_quote(in->id));
		return 0;
	}
	if (in->is_status || protocol->key == NULL)
		return 0;
	if (protocol->type == WA__PROTOCOL_MESSAGE__TYPE__REVOKE) {
		content.name = "revoke";
	} else if (protocol->type == WA__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT &&
		   protocol->edited_message != NULL) {
		content_describe(lane->arena,
			content_unwrap(protocol->edited_message), &content);
		content.kind = MESSAGE_OTHER;
		content.name = "edit";
	} else {
		return 0;
	}
	return row_add(lane, in, &content, err);
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

static int message_handle(struct lane *lane, struct inbound *in,
	const Wa__Message *message, struct outcome *outcome, struct err *err)
{
	struct content content;

	if (message->device_sent_message != NULL)
		message = own_copy_open(in, message);
	if (message == NULL)
		return 0;
	if (message->sender_key_distribution_message != NULL &&
		sender_key_learn(lane, in,
			message->sender_key_distribution_message, err) != 0)
		return -1;
	message = content_unwrap(message);
	if (message->protocol_message != NULL)
		return protocol_handle(
			lane, in, message->protocol_message, outcome, err);
	if (in->is_status || !content_describe(lane->arena, message, &content))
		return 0;
	return row_add(lane, in, &content, err);
}

static int plain_handle(struct lane *lane, struct inbound *in,
	const struct buf *plain, bool is_content, struct outcome *outcome,
	struct err *err)
{
	Wa__Message *message = NULL;
	size_t n = 0;
	int rc = 0;

	if (wa_unpad(plain->data, plain->len, &n) == 0 &&
		wa_pb_bounded(plain->data, n))
		message = wa__message__unpack(NULL, n, plain->data);
	if (message == NULL) {
		outcome->nack = NACK_INVALID_PROTOBUF;
		return 0;
	}
	outcome->is_read |= is_content;
	rc = message_handle(lane, in, message, outcome, err);
	wa__message__free_unpacked(message, NULL);
	return rc;
}

/* ---- the <enc> parts ---- */

static enum wa_signal_result part_decrypt(struct lane *lane,
	const struct inbound *in, const struct wa_node *enc, struct buf *plain)
{
	struct wa_jid group = wa_jid_bare(&in->from);
	bool identity_changed = false;
	struct err err = ERR_NONE;
	size_t n = 0;
	const uint8_t *cipher = wa_node_content(enc, &n);
	enum wa_signal_result result = WA_SIGNAL_INVALID;
	char text[WA_JID_TEXT];

	if (cipher == NULL)
		return WA_SIGNAL_INVALID;
	if (wa_node_is(enc, "type", "skmsg"))
		return wa_signal_group_decrypt(lane->signal, &group,
			&in->address, cipher, n, plain, &err);
	result = wa_signal_decrypt(lane->signal, &in->address,
		wa_node_is(enc, "type", "pkmsg") ? WA_ENC_PKMSG : WA_ENC_MSG,
		cipher, n, plain, &identity_changed, &err);
	if (identity_changed)
		log_info("identity address=%s status=changed source=message",
			wa_jid_text(&in->address, text));
	return result;
}

/* May this part be decrypted at all?  Notes why not. */
static bool part_is_known(const struct inbound *in, const struct wa_node *enc,
	struct outcome *outcome)
{
	if (wa_node_is(enc, "type", "msmsg")) {
		outcome->nack = NACK_MISSING_SECRET;
		return false;
	}
	if (wa_node_int(enc, "v", 2) != 2) {
		outcome->nack = NACK_INVALID_PROTOBUF;
		return false;
	}
	if (wa_node_is(enc, "type", "skmsg"))
		return in->is_group;
	return wa_node_is(enc, "type", "pkmsg") ||
	       wa_node_is(enc, "type", "msg");
}

/* -1: the lane database failed. */
static int part_handle(struct lane *lane, struct inbound *in,
	const struct wa_node *enc, struct outcome *outcome, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	bool is_content =
		!outcome->has_skmsg || wa_node_is(enc, "type", "skmsg");
	enum wa_signal_result result = part_decrypt(lane, in, enc, &plain);

	switch (result) {
	case WA_SIGNAL_OK:
		return plain_handle(lane, in, &plain, is_content, outcome, err);
	case WA_SIGNAL_DUPLICATE:
		outcome->is_read |= is_content;
		return 0;
	case WA_SIGNAL_STORE:
		return err_set(err, ERR_IO, "keys of the lane database");
	case WA_SIGNAL_NO_SESSION:
	case WA_SIGNAL_INVALID_KEY:
	case WA_SIGNAL_NO_PREKEY:
	case WA_SIGNAL_INVALID:
		break;
	}
	if (is_content && outcome->failure == WA_SIGNAL_OK)
		outcome->failure = result;
	return 0;
}

static int parts_handle(struct lane *lane, struct inbound *in,
	struct outcome *outcome, struct err *err)
{
	wa_node_each (child, in->message) {
		outcome->has_skmsg |= strcmp(child->tag, "enc") == 0 &&
				      in->is_group &&
				      wa_node_is(child, "type", "skmsg");
	}
	wa_node_each (child, in->message) {
		if (strcmp(child->tag, "enc") == 0 &&
			part_is_known(in, child, outcome) &&
			part_handle(lane, in, child, outcome, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- the answer ---- */

static void answer_read(struct lane *lane, const struct inbound *in,
	const struct outcome *outcome)
{
	receipt_send_handled(lane, &(struct receipt_for){
					   .message = in->message,
					   .id = in->id,
					   .is_own = in->is_own,
					   .is_peer = in->is_peer,
					   .is_group = in->is_group,
					   .chat = in->chat,
				   });
	if (outcome->is_history)
		receipt_send_history(lane, in->id);
}

static int answer(struct lane *lane, const struct inbound *in,
	const struct outcome *outcome, struct err *err)
{
	int64_t age_sec = clock_now_ms() / 1000 - in->t;
	bool is_stale =
		in->is_status && in->t > 0 && age_sec > STATUS_RETRY_SEC;

	if (outcome->is_read) {
		answer_read(lane, in, outcome);
		return 0;
	}
	if (outcome->nack != NACK_NONE) {
		log_warning("inbound id=%s status=unusable code=%d "
			    "action=\"refused for good\"",
			log_quote(in->id), (int)outcome->nack);
		receipt_send_ack(lane, in->message, outcome->nack);
		return 0;
	}
	if (outcome->failure == WA_SIGNAL_OK) {
		receipt_send_ack(lane, in->message, NACK_UNRECOGNISED);
		return 0;
	}
	if (!is_stale && retry_ask(lane, in->message, &in->address,
				 outcome->failure, err) != 0)
		return -1;
	receipt_send_ack(lane, in->message, NACK_NONE);
	return 0;
}

/* Content that only the phone has (view once, say): shown as such, not asked
 * for. */
static int placeholder_handle(
	struct lane *lane, const struct inbound *in, struct err *err)
{
	struct content content = { .kind = MESSAGE_OTHER,
		.name = "unavailable" };

	if (!in->is_status && row_add(lane, in, &content, err) != 0)
		return -1;
	receipt_send_ack(lane, in->message, NACK_NONE);
	return 0;
}

static int names_learn(
	struct lane *lane, const struct inbound *in, struct err *err)
{
	const char *name = push_name(lane, in);
	struct wa_jid account = wa_jid_bare(&in->address);

	if (name == NULL)
		return 0;
	if (!in->is_own)
		return lanedb_contact_save(lane->db, &account, name, err);
	if (strcmp(name, lane->id.push_name) != 0)
		presence_set_push_name(lane, name);
	return 0;
}

static int inbound_handle(
	struct lane *lane, struct inbound *in, struct err *err)
{
	struct outcome outcome = { .failure = WA_SIGNAL_OK };

	if (mapping_learn(lane, in, err) != 0)
		return -1;
	in->address = lane_signal_address(lane, &in->sender);
	if (wa_node_child(in->message, "enc") == NULL &&
		wa_node_child(in->message, "unavailable") != NULL)
		return placeholder_handle(lane, in, err);
	if (names_learn(lane, in, err) != 0 ||
		parts_handle(lane, in, &outcome, err) != 0)
		return -1;
	return answer(lane, in, &outcome, err);
}

/* Kinds of sender that this gateway does not serve get an ack, so that the
 * server forgets them. */
static bool is_served(const struct wa_jid *from, enum nack *nack)
{
	*nack = NACK_NONE;
	switch (from->server) {
	case WA_SERVER_PN:
	case WA_SERVER_LID:
	case WA_SERVER_GROUP:
	case WA_SERVER_BROADCAST:
		return true;
	case WA_SERVER_HOSTED:
	case WA_SERVER_HOSTED_LID:
		*nack = NACK_HOSTED;
		return false;
	case WA_SERVER_NONE:
		*nack = NACK_PARSING;
		return false;
	case WA_SERVER_NEWSLETTER:
	case WA_SERVER_BOT:
	case WA_SERVER_LEGACY:
	case WA_SERVER_CALL:
	case WA_SERVER_MSGR:
	case WA_SERVER_INTEROP:
		return false;
	}
	return false;
}

void inbound_on_message(struct lane *lane, const struct wa_node *message)
{
	struct inbound in = { .message = message };
	struct err err = ERR_NONE;
	enum nack nack = NACK_NONE;

	wa_node_jid(message, "from", &in.from);
	if (!is_served(&in.from, &nack))
		receipt_send_ack(lane, message, nack);
	else if (!inbound_read(lane, message, &in))
		receipt_send_ack(lane, message, NACK_PARSING);
	else if (inbound_handle(lane, &in, &err) != 0)
		facts_fail(lane, &err);
}
