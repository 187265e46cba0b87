/* Messages to a virtual phone: every <enc> is decrypted in order, the content
 * kept once a message, and one receipt answers the stanza (messages.md section
 * 4). */
#include "sandboxd/phone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/route.h"

#define INVALID_PROTOBUF 491 /* error of an <ack> */

/* One <message> that came in. */
struct incoming {
	struct phone *phone;
	const struct wa_node *stanza;
	const char *id;
	int64_t t;
	struct wa_jid from;	 /* as written: the chat, or the sender */
	struct wa_jid chat;	 /* group or status@broadcast; else empty */
	struct wa_jid author;	 /* as written; in 1:1 the same as @from */
	struct account *account; /* of the sender */
	struct wa_jid lid; /* of the sending device: where its session is */
	bool peer;	   /* category peer */
};

/* The readable part. */
struct content {
	Wa__Message *message; /* NULL: none yet */
	struct buf raw;	      /* the same, serialised */
};

/* What became of its parts. */
struct outcome {
	bool duplicate;
	bool senseless;		       /* decrypted, but no Message */
	enum wa_signal_result failure; /* OK: none failed */
};

/* ---- answers ---- */

static struct wa_node *receipt_for(const struct incoming *in, const char *type)
{
	struct wa_node *receipt =
		wa_node_new(in->phone->sandbox->arena, "receipt");

	wa_node_set(receipt, "id", in->id);
	wa_node_set_jid(receipt, "to", &in->from);
	wa_node_set(receipt, "type", type);
	if (wa_node_get(in->stanza, "recipient") != NULL)
		wa_node_set_value(receipt, "recipient",
			wa_node_get(in->stanza, "recipient"));
	if (!wa_jid_is_empty(&in->chat))
		wa_node_set_jid(receipt, "participant", &in->author);
	return receipt;
}

static void send_receipt(const struct incoming *in)
{
	const char *type = NULL;

	if (in->peer)
		type = "peer_msg";
	else if (phone_is_own(in->phone, in->account))
		type = "sender";
	route_receipt(in->phone->sandbox, phone_device(in->phone),
		receipt_for(in, type));
}

/* How often we asked for this message, this time included. */
static unsigned count_asking(const struct incoming *in, unsigned answered)
{
	struct phone *phone = in->phone;
	uint64_t key = box_key(&in->lid, in->lid.device, in->id);
	struct asked *asked = NULL;

	for (size_t i = 0; i < ARRAY_LEN(phone->asked); i++) {
		if (phone->asked[i].count > 0 && phone->asked[i].key == key)
			asked = &phone->asked[i];
	}
	if (asked == NULL) {
		asked = &phone->asked[phone->next_asked];
		phone->next_asked =
			(phone->next_asked + 1) % ARRAY_LEN(phone->asked);
		*asked = (struct asked){ .key = key };
	}
	if (asked->count < answered)
		asked->count = answered;
	return ++asked->count;
}

/* Codes of messages.md 5.1. */
static int retry_error(enum wa_signal_result failure)
{
	switch (failure) {
	case WA_SIGNAL_NO_SESSION:
		return 1;
	case WA_SIGNAL_INVALID_KEY:
		return 2;
	case WA_SIGNAL_NO_PREKEY:
		return 3;
	case WA_SIGNAL_INVALID:
		return 4;
	case WA_SIGNAL_OK:
	case WA_SIGNAL_DUPLICATE:
	case WA_SIGNAL_STORE:
		return 0;
	}
	return 0;
}

static void ask_again(const struct incoming *in, enum wa_signal_result failure)
{
	struct phone *phone = in->phone;
	unsigned answered = 0, count;
	struct wa_node *receipt, *retry;

	wa_node_each (enc, in->stanza) {
		int64_t n = wa_node_int(enc, "count", 0);

		if (strcmp(enc->tag, "enc") == 0 && n > answered &&
			n <= PHONE_RETRIES_MAX)
			answered = (unsigned)n;
	}
	count = count_asking(in, answered);
	if (count > PHONE_RETRIES_MAX) {
		phone->undecryptable++;
		log_info("phone=%s message=%s status=undecryptable",
			phone->account->pn, log_quote(in->id));
		return;
	}
	receipt = receipt_for(in, "retry");
	if (in->peer)
		wa_node_set(receipt, "category", "peer");
	retry = wa_node_add(receipt, "retry");
	wa_node_set_int(retry, "count", count);
	wa_node_set(retry, "id", in->id);
	wa_node_set_int(retry, "t", in->t);
	wa_node_set_int(retry, "v", 1);
	wa_node_set_int(retry, "error", retry_error(failure));
	phone_add_keys(
		phone, receipt, count >= 2 || failure == WA_SIGNAL_NO_SESSION);
	route_receipt(phone->sandbox, phone_device(phone), receipt);
}

/* ---- content ---- */

static struct box_entry *entry_new(const struct incoming *in,
	const struct wa_jid *peer, const Wa__Message *message, struct buf *raw)
{
	const struct phone_context context = {
		.chat = in->chat, .author = in->account, .id = in->id
	};
	struct box_entry *entry;
	const char *text;
	json_t *details;

	phone_describe(in->phone, &context, message, &text, &details);
	entry = box_entry_new(in->id, peer, in->lid.device,
		phone_shape_of(message).name, text, in->t);
	entry->chat = in->chat;
	entry->details = details;
	entry->message = *raw;
	*raw = BUF_INIT;
	return entry;
}

/* Only devices among themselves talk so. */
static bool is_protocol(const Wa__Message *message)
{
	return strcmp(phone_shape_of(message).name, "protocol") == 0;
}

/* A copy of what a companion of this account sent. */
static void keep_copy(const struct incoming *in, const struct wa_jid *to,
	const Wa__Message *message, struct buf *raw)
{
	struct phone *phone = in->phone;
	struct wa_jid own = phone_lid(phone);
	struct box_entry *entry = phone_sent(phone, in->id);

	if (entry != NULL) {
		entry->duplicates++;
		return;
	}
	if (is_protocol(message))
		return;
	entry = entry_new(in, to, message, raw);
	entry->status = BOX_SENT; /* the server passed it on */
	box_add(&phone->outbox, entry, box_key(&own, 0, in->id));
}

static void on_copy(
	const struct incoming *in, const Wa__DeviceSentMessage *sent)
{
	scoped(buf_fini) struct buf raw = BUF_INIT;
	const char *to = sent->destination_jid;
	struct account *account = NULL;
	struct wa_jid jid;

	if (to != NULL && wa_jid_parse(to, strlen(to), &jid) == 0)
		account = directory_find(in->phone->sandbox, &jid);
	if (account == NULL)
		return;
	phone_message_pack(sent->message, &raw);
	jid = wa_jid_lid(account->lid, 0);
	keep_copy(in, &jid, sent->message, &raw);
}

static void on_peer(
	const struct incoming *in, const Wa__ProtocolMessage *protocol)
{
	struct device *companion =
		account_device(in->phone->account, in->lid.device);

	if (companion != NULL && companion->number > 0 && protocol->has_type)
		phone_on_peer(in->phone, companion, in->id, protocol);
}

static void auto_reply(const struct incoming *in)
{
	struct err err = ERR_NONE;
	char id[64];

	/* Phones do not answer phones: two of them would never stop. */
	if (in->phone->auto_reply == NULL || in->lid.device == 0 ||
		!wa_jid_is_empty(&in->chat))
		return;
	if (phone_send_text(in->phone, in->account->pn, in->phone->auto_reply,
		    id, &err) != 0)
		log_warning("phone=%s auto_reply=failed reason=\"%s\"",
			in->phone->account->pn, err.msg);
}

/* Known ids are counted, not kept twice: a client may send a message again. */
static bool keep_message(const struct incoming *in, struct content *content)
{
	struct box *inbox = &in->phone->inbox;
	uint64_t key = box_key(&in->lid, 0, in->id);
	struct box_entry *entry = box_find(inbox, key, in->id);

	if (entry != NULL) {
		entry->duplicates++;
		return false;
	}
	if (is_protocol(content->message))
		return false;
	box_add(inbox, entry_new(in, &in->lid, content->message, &content->raw),
		key);
	return true;
}

/* Of an own companion: a request to the phone, wrapped by some clients like a
 * copy, or a copy of what it wrote to somebody. */
static void on_own(const struct incoming *in, const Wa__Message *message)
{
	const Wa__DeviceSentMessage *sent = message->device_sent_message;
	const Wa__Message *inner =
		sent != NULL && sent->message != NULL ? sent->message : message;

	if (inner->protocol_message != NULL && is_protocol(inner))
		on_peer(in, inner->protocol_message);
	else if (inner != message)
		on_copy(in, sent);
}

/* True when the message is new to the phone's owner. */
static bool on_content(const struct incoming *in, struct content *content)
{
	if (!phone_is_own(in->phone, in->account))
		return !in->peer && keep_message(in, content);
	if (wa_jid_is_empty(&in->chat))
		on_own(in, content->message);
	else
		keep_copy(in, &in->chat, content->message, &content->raw);
	return false;
}

/* ---- parts ---- */

static enum wa_signal_result decrypt_bytes(const struct incoming *in,
	const char *type, const uint8_t *bytes, size_t n, struct buf *plain,
	struct err *err)
{
	struct wa_signal *party = phone_store_party(&in->phone->store);

	if (strcmp(type, wa_enc_name(WA_ENC_SKMSG)) == 0 &&
		!wa_jid_is_empty(&in->chat))
		return wa_signal_group_decrypt(
			party, &in->chat, &in->lid, bytes, n, plain, err);
	if (strcmp(type, wa_enc_name(WA_ENC_PKMSG)) == 0)
		return wa_signal_decrypt(party, &in->lid, WA_ENC_PKMSG, bytes,
			n, plain, NULL, err);
	if (strcmp(type, wa_enc_name(WA_ENC_MSG)) == 0)
		return wa_signal_decrypt(party, &in->lid, WA_ENC_MSG, bytes, n,
			plain, NULL, err);
	err_set(err, ERR_PEER, "unknown kind of ciphertext");
	return WA_SIGNAL_INVALID;
}

static enum wa_signal_result decrypt(
	const struct incoming *in, const struct wa_node *enc, struct buf *plain)
{
	const char *type = wa_node_str(enc, "type");
	struct err err = ERR_NONE;
	enum wa_signal_result result;
	const uint8_t *bytes;
	size_t n = 0;

	bytes = wa_node_content(enc, &n);
	if (bytes == NULL || type == NULL)
		return WA_SIGNAL_INVALID;
	result = decrypt_bytes(in, type, bytes, n, plain, &err);
	if (result != WA_SIGNAL_OK)
		log_debug("phone=%s message=%s decrypt=%d reason=\"%s\"",
			in->phone->account->pn, log_quote(in->id), result,
			err.msg);
	return result;
}

/* Nothing but a sender key is in it. */
static bool is_only_key(const Wa__Message *message)
{
	return message->sender_key_distribution_message != NULL &&
	       message->base.n_unknown_fields == 0 &&
	       strcmp(phone_shape_of(message).name, "unknown") == 0;
}

/* One decrypted part: a sender key in it is for the parts behind it, the first
 * with more than that is the content. */
static void take_plain(const struct incoming *in, const struct buf *padded,
	struct outcome *outcome, struct content *content)
{
	Wa__Message *message = NULL;
	size_t n;

	if (wa_unpad(padded->data, padded->len, &n) == 0)
		message = phone_message_parse(padded->data, n);
	if (message == NULL) {
		outcome->senseless = true;
		return;
	}
	if (message->sender_key_distribution_message != NULL &&
		!wa_jid_is_empty(&in->chat))
		phone_group_on_key(in->phone, &in->chat, &in->lid,
			message->sender_key_distribution_message);
	if (content->message != NULL || is_only_key(message)) {
		wa__message__free_unpacked(message, NULL);
		return;
	}
	content->message = message;
	buf_add(&content->raw, padded->data, n);
}

static void take_parts(const struct incoming *in, struct outcome *outcome,
	struct content *content)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;

	wa_node_each (enc, in->stanza) {
		enum wa_signal_result result;

		if (strcmp(enc->tag, "enc") != 0)
			continue;
		buf_clear(&plain);
		result = decrypt(in, enc, &plain);
		if (result == WA_SIGNAL_DUPLICATE)
			outcome->duplicate = true;
		else if (result != WA_SIGNAL_OK)
			outcome->failure = result;
		else
			take_plain(in, &plain, outcome, content);
	}
}

static void on_duplicate(const struct incoming *in)
{
	struct box_entry *entry = box_find(
		&in->phone->inbox, box_key(&in->lid, 0, in->id), in->id);

	if (entry != NULL)
		entry->duplicates++;
	send_receipt(in);
}

/* There is no use in asking for it again. */
static void refuse(const struct incoming *in)
{
	struct phone *phone = in->phone;
	struct wa_node *ack = wa_node_new(phone->sandbox->arena, "ack");

	log_info("phone=%s message=%s from=%s device=%u status=no_message "
		 "action=refuse",
		phone->account->pn, log_quote(in->id), in->account->pn,
		in->lid.device);
	phone->undecryptable++;
	wa_node_set(ack, "class", "message");
	wa_node_set(ack, "id", in->id);
	wa_node_set_jid(ack, "to", &in->from);
	wa_node_set_int(ack, "error", INVALID_PROTOBUF);
	route_ack(phone->sandbox, phone_device(phone), ack);
}

static void on_readable(const struct incoming *in, struct content *content)
{
	bool fresh = on_content(in, content);

	send_receipt(in);
	if (!fresh)
		return;
	phone_read_later(in->phone, &in->from,
		wa_jid_is_empty(&in->chat) ? NULL : &in->author, in->id);
	auto_reply(in);
}

static bool incoming_open(struct incoming *in)
{
	in->id = route_id(in->stanza);
	in->t = wa_node_int(in->stanza, "t", clock_now_ms() / 1000);
	in->peer = wa_node_is(in->stanza, "category", "peer");
	if (in->id == NULL || !wa_node_jid(in->stanza, "from", &in->from))
		return false;
	in->author = in->from;
	if (!wa_jid_is_user(&in->from)) {
		in->chat = in->from;
		if (!wa_node_jid(in->stanza, "participant", &in->author))
			return false;
	}
	in->account = directory_find(in->phone->sandbox, &in->author);
	if (in->account == NULL)
		return false;
	in->lid = wa_jid_lid(in->account->lid, in->author.device);
	return true;
}

void phone_on_message(struct phone *phone, const struct wa_node *message)
{
	struct incoming in = { .phone = phone, .stanza = message };
	struct outcome outcome = { .failure = WA_SIGNAL_OK };
	struct content content = { .raw = BUF_INIT };

	if (!incoming_open(&in) || wa_node_child(message, "enc") == NULL)
		return;
	take_parts(&in, &outcome, &content);
	if (content.message != NULL)
		on_readable(&in, &content);
	else if (outcome.failure != WA_SIGNAL_OK)
		ask_again(&in, outcome.failure);
	else if (outcome.duplicate)
		on_duplicate(&in);
	else if (outcome.senseless)
		refuse(&in);
	else
		send_receipt(&in); /* only a sender key */
	if (content.message != NULL)
		wa__message__free_unpacked(content.message, NULL);
	buf_fini(&content.raw);
}
