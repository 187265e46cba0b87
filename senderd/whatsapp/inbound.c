/* One inbound <message>: decrypted, handed on, answered once (messages.md 4).
 */
#include "senderd/whatsapp/inbound.h"

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
#include "senderd/whatsapp/ask_phone.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/receipt.h"
#include "senderd/whatsapp/received.h"
#include "senderd/whatsapp/retry.h"

#define ID_MAX 128
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

/* ---- the <enc> parts ---- */

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
	rc = received_handle(lane, in, message, &outcome->is_history, err);
	wa__message__free_unpacked(message, NULL);
	return rc;
}

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

/* The chain of a sender key is past this message.  In a group that does not say
 * that we have it: the answer to a retry moves the chain to where the sender
 * is, and what it wrote before may still be on its way. */
static int passed_handle(struct lane *lane, const struct inbound *in,
	struct outcome *outcome, struct err *err)
{
	bool known = true;

	if (in->is_group && received_is_known(lane, in, &known, err) != 0)
		return -1;
	if (known)
		outcome->is_read = true;
	else if (outcome->failure == WA_SIGNAL_OK)
		outcome->failure = WA_SIGNAL_DUPLICATE;
	return 0;
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
		return is_content ? passed_handle(lane, in, outcome, err) : 0;
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

static int placeholder_handle(
	struct lane *lane, const struct inbound *in, struct err *err)
{
	if (received_unavailable(lane, in, err) != 0 ||
		ask_phone_for_unavailable(lane, in->message, err) != 0)
		return -1;
	receipt_send_ack(lane, in->message, NACK_NONE);
	return 0;
}

static int names_learn(
	struct lane *lane, const struct inbound *in, struct err *err)
{
	const char *name = received_push_name(lane, in);
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

	if (mapping_learn(lane, in, err) != 0 ||
		(wa_jid_is_group(&in->chat) &&
			group_check_mode(lane, &in->chat,
				wa_node_str(in->message, "addressing_mode"),
				err) != 0))
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
