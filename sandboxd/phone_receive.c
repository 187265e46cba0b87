/* Messages to a virtual phone: every <enc> is decrypted, the content kept once
 * a message, and one receipt answers the stanza (messages.md section 4). */
#include "sandboxd/phone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "sandboxd/route.h"

#define WRAPPERS_MAX 8

/* One <message> that came in. */
struct incoming {
	struct phone *phone;
	const struct wa_node *stanza;
	const char *id;
	int64_t t;
	struct wa_jid from;	 /* as written */
	struct account *account; /* of the sender */
	struct wa_jid lid; /* of the sending device: where its session is */
	bool peer;	   /* category peer */
};

/* What became of its parts. */
struct outcome {
	bool decrypted, duplicate;
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

static const Wa__FutureProofMessage *wrapper_of(const Wa__Message *message)
{
	const Wa__FutureProofMessage *const wrappers[] = {
		message->ephemeral_message,
		message->view_once_message,
		message->view_once_message_v2,
		message->view_once_message_v2_extension,
		message->document_with_caption_message,
		message->edited_message,
		message->group_mentioned_message,
		message->bot_invoke_message,
		message->lottie_sticker_message,
		message->associated_child_message,
		message->limit_sharing_message,
	};

	for (size_t i = 0; i < ARRAY_LEN(wrappers); i++) {
		if (wrappers[i] != NULL && wrappers[i]->message != NULL)
			return wrappers[i];
	}
	return NULL;
}

static const Wa__Message *unwrap(const Wa__Message *message)
{
	for (unsigned i = 0; i < WRAPPERS_MAX; i++) {
		const Wa__FutureProofMessage *wrapper = wrapper_of(message);

		if (wrapper == NULL)
			break;
		message = wrapper->message;
	}
	return message;
}

/* What a person would read in it, or NULL. */
static const char *text_of(const Wa__Message *message)
{
	message = unwrap(message);
	if (message->conversation != NULL)
		return message->conversation;
	if (message->extended_text_message != NULL)
		return message->extended_text_message->text;
	if (message->image_message != NULL)
		return message->image_message->caption;
	if (message->video_message != NULL)
		return message->video_message->caption;
	if (message->document_message != NULL)
		return message->document_message->caption;
	if (message->reaction_message != NULL)
		return message->reaction_message->text;
	if (message->buttons_response_message != NULL)
		return message->buttons_response_message->selected_display_text;
	if (message->list_response_message != NULL)
		return message->list_response_message->title;
	return NULL;
}

/* A copy of what a companion of this account sent. */
static void keep_copy(
	const struct incoming *in, const Wa__DeviceSentMessage *sent)
{
	struct phone *phone = in->phone;
	const char *to = sent->destination_jid;
	struct wa_jid own = phone_lid(phone), jid;
	struct account *account = NULL;
	struct box_entry *entry = phone_sent(phone, in->id);

	if (entry != NULL) {
		entry->duplicates++;
		return;
	}
	if (to != NULL && wa_jid_parse(to, strlen(to), &jid) == 0)
		account = directory_find(phone->sandbox, &jid);
	if (account == NULL || sent->message->protocol_message != NULL)
		return;
	jid = wa_jid_lid(account->lid, 0);
	entry = box_entry_new(in->id, &jid, in->lid.device,
		wa_node_str(in->stanza, "type"), text_of(sent->message), in->t);
	entry->status = BOX_SENT; /* the server passed it on */
	box_add(&phone->outbox, entry, box_key(&own, 0, in->id));
}

static void on_protocol(
	const struct incoming *in, const Wa__ProtocolMessage *protocol)
{
	struct device *companion =
		account_device(in->phone->account, in->lid.device);

	if (!phone_is_own(in->phone, in->account) || companion == NULL ||
		!protocol->has_type)
		return;
	if (protocol->type ==
		WA__PROTOCOL_MESSAGE__TYPE__APP_STATE_SYNC_KEY_REQUEST)
		phone_share_app_keys(in->phone, companion);
}

static void auto_reply(const struct incoming *in)
{
	struct err err = ERR_NONE;
	char id[64];

	/* Phones do not answer phones: two of them would never stop. */
	if (in->phone->auto_reply == NULL || in->lid.device == 0)
		return;
	if (phone_send_text(in->phone, in->account->pn, in->phone->auto_reply,
		    id, &err) != 0)
		log_warning("phone=%s auto_reply=failed reason=\"%s\"",
			in->phone->account->pn, err.msg);
}

/* Known ids are counted, not kept twice: a client may send a message again. */
static bool keep_message(const struct incoming *in, const Wa__Message *message)
{
	struct box *inbox = &in->phone->inbox;
	uint64_t key = box_key(&in->lid, 0, in->id);
	struct box_entry *entry = box_find(inbox, key, in->id);

	if (entry != NULL) {
		entry->duplicates++;
		return false;
	}
	box_add(inbox,
		box_entry_new(in->id, &in->lid, in->lid.device,
			wa_node_str(in->stanza, "type"), text_of(message),
			in->t),
		key);
	return true;
}

/* True when the message is new to the phone's owner. */
static bool on_content(const struct incoming *in, const Wa__Message *message)
{
	bool own = phone_is_own(in->phone, in->account);

	if (message->protocol_message != NULL) {
		on_protocol(in, message->protocol_message);
		return false;
	}
	if (own && message->device_sent_message != NULL &&
		message->device_sent_message->message != NULL) {
		keep_copy(in, message->device_sent_message);
		return false;
	}
	if (own || in->peer)
		return false;
	return keep_message(in, message);
}

/* ---- parts ---- */

static Wa__Message *message_parse(const struct buf *padded)
{
	size_t n;

	if (wa_unpad(padded->data, padded->len, &n) != 0 ||
		!wa_pb_bounded(padded->data, n))
		return NULL;
	return wa__message__unpack(NULL, n, padded->data);
}

static enum wa_signal_result decrypt(
	const struct incoming *in, const struct wa_node *enc, struct buf *plain)
{
	struct err err = ERR_NONE;
	enum wa_signal_result result;
	enum wa_enc_type type;
	const uint8_t *bytes;
	size_t n = 0;

	if (wa_node_is(enc, "type", "pkmsg"))
		type = WA_ENC_PKMSG;
	else if (wa_node_is(enc, "type", "msg"))
		type = WA_ENC_MSG;
	else
		return WA_SIGNAL_INVALID;
	bytes = wa_node_content(enc, &n);
	if (bytes == NULL)
		return WA_SIGNAL_INVALID;
	result = wa_signal_decrypt(phone_store_party(&in->phone->store),
		&in->lid, type, bytes, n, plain, NULL, &err);
	if (result != WA_SIGNAL_OK)
		log_debug("phone=%s message=%s decrypt=%d reason=\"%s\"",
			in->phone->account->pn, log_quote(in->id), result,
			err.msg);
	return result;
}

/* The first readable part is the content; the others only move the ratchet. */
static void take_parts(const struct incoming *in, struct outcome *outcome,
	Wa__Message **content_out)
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
			outcome->decrypted = true;
		if (result == WA_SIGNAL_OK && *content_out == NULL)
			*content_out = message_parse(&plain);
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

static void on_decrypted(const struct incoming *in, const Wa__Message *message)
{
	bool fresh = message != NULL && on_content(in, message);

	send_receipt(in);
	if (!fresh)
		return;
	phone_read_later(in->phone, &in->from, in->id);
	auto_reply(in);
}

static bool incoming_open(struct incoming *in)
{
	in->id = route_id(in->stanza);
	in->t = wa_node_int(in->stanza, "t", clock_now_ms() / 1000);
	in->peer = wa_node_is(in->stanza, "category", "peer");
	if (in->id == NULL || !wa_node_jid(in->stanza, "from", &in->from))
		return false;
	in->account = directory_find(in->phone->sandbox, &in->from);
	if (in->account == NULL)
		return false;
	in->lid = wa_jid_lid(in->account->lid, in->from.device);
	return true;
}

void phone_on_message(struct phone *phone, const struct wa_node *message)
{
	struct incoming in = { .phone = phone, .stanza = message };
	struct outcome outcome = { .failure = WA_SIGNAL_OK };
	Wa__Message *content = NULL;

	if (!incoming_open(&in) || wa_node_child(message, "enc") == NULL)
		return;
	take_parts(&in, &outcome, &content);
	if (outcome.decrypted)
		on_decrypted(&in, content);
	else if (outcome.duplicate)
		on_duplicate(&in);
	else
		ask_again(&in, outcome.failure);
	if (content != NULL)
		wa__message__free_unpacked(content, NULL);
}
