/* Messages from a virtual phone: to every device of the recipient and to the
 * own companions, in LID form throughout (messages.md sections 2 and 5.2).
 * Groups and status are in phone_group.c. */
#include "sandboxd/phone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/route.h"

static const struct phone_shape plain_text = { .name = "text", .type = "text" };

static void new_id(char out[PHONE_ID_LEN])
{
	uint8_t random[15];
	char *at = out + sprintf(out, "3A");

	random_bytes(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		at += sprintf(at, "%02X", random[i]);
}

static uint64_t sent_key(const struct phone *phone, const char *id)
{
	struct wa_jid own = phone_lid(phone);

	return box_key(&own, 0, id);
}

struct box_entry *phone_sent(const struct phone *phone, const char *id)
{
	uint64_t key = sent_key(phone, id);
	struct box_entry *entry = box_find(&phone->outbox, key, id);

	return entry != NULL ? entry : box_find(&phone->peers, key, id);
}

const struct box_entry *phone_known(
	const struct phone *phone, const char *id, bool *from_me_out)
{
	const struct box_entry *entry =
		box_find(&phone->outbox, sent_key(phone, id), id);

	*from_me_out = entry != NULL;
	return entry != NULL ? entry : box_find_id(&phone->inbox, id);
}

/* ---- chats ---- */

static struct wa_jid status_jid(void)
{
	struct wa_jid jid;

	wa_jid_from_parts("status", 6, WA_SERVER_BROADCAST, 0, &jid);
	return jid;
}

struct wa_jid phone_chat_jid(const struct phone_chat *chat)
{
	if (chat->group != NULL)
		return group_jid(chat->group);
	if (chat->account != NULL)
		return wa_jid_lid(chat->account->lid, 0);
	return status_jid();
}

struct wa_jid phone_chat_address(
	const struct phone_chat *chat, const struct account *account)
{
	return chat->group != NULL ? group_address(chat->group, account)
				   : wa_jid_lid(account->lid, 0);
}

bool phone_entry_chat(struct phone *phone, const struct box_entry *entry,
	struct phone_chat *out)
{
	*out = (struct phone_chat){ 0 };
	if (entry->peer.server == WA_SERVER_BROADCAST)
		return true; /* its audience is in the entry */
	if (wa_jid_is_group(&entry->peer))
		out->group = group_find(phone->sandbox, &entry->peer);
	else
		out->account = directory_find(phone->sandbox, &entry->peer);
	return out->group != NULL || out->account != NULL;
}

/* ---- plaintexts ---- */

static void pad_copy(const struct buf *message, struct buf *out)
{
	buf_add(out, message->data, message->len);
	wa_pad(out);
}

/* What own companions get: the message and where it went. */
static void wrap_for_own(
	const struct buf *message, const struct wa_jid *to, struct buf *out)
{
	Wa__DeviceSentMessage sent = WA__DEVICE_SENT_MESSAGE__INIT;
	Wa__Message outer = WA__MESSAGE__INIT;
	char destination[WA_JID_TEXT];
	Wa__Message *inner =
		wa__message__unpack(NULL, message->len, message->data);

	if (inner == NULL)
		return;
	sent.destination_jid = wa_jid_text(to, destination);
	sent.message = inner;
	outer.device_sent_message = &sent;
	outer.message_context_info = inner->message_context_info;
	phone_message_pack(&outer, out);
	wa_pad(out);
	wa__message__free_unpacked(inner, NULL);
}

/* ---- sending ---- */

struct wa_node *phone_message_new(struct phone *phone, const char *id,
	const struct wa_jid *to, const struct phone_shape *shape)
{
	struct wa_node *message = wa_node_new(phone->sandbox->arena, "message");

	wa_node_set(message, "id", id);
	wa_node_set_jid(message, "to", to);
	wa_node_set(message, "type", shape->type);
	wa_node_set(message, "edit", shape->edit);
	if (shape->polltype != NULL)
		wa_node_set(wa_node_add(message, "meta"), "polltype",
			shape->polltype);
	return message;
}

/* The placeholder that a companion gets for what only the phone may show. */
static void tell_unavailable(struct phone *phone, struct device *device,
	const struct box_entry *entry, const struct phone_shape *shape)
{
	struct wa_node *message = route_stanza(
		phone->sandbox, "message", entry->id, clock_now_ms() / 1000);
	struct wa_jid from = phone_lid(phone), pn;
	const bool own = phone_is_own(phone, device->account);
	const struct account *named = phone->account;

	wa_node_set_jid(message, "from", &from);
	if (own) {
		wa_node_set_jid(message, "recipient", &entry->peer);
		named = directory_find(phone->sandbox, &entry->peer);
	}
	if (named != NULL) {
		pn = wa_jid_pn(named->pn, 0);
		wa_node_set_jid(
			message, own ? "peer_recipient_pn" : "sender_pn", &pn);
	}
	wa_node_set(message, "type", shape->type);
	wa_node_set(message, "notify", phone->account->push_name);
	wa_node_set(wa_node_add(message, "unavailable"), "type", "view_once");
	device_deliver(phone->sandbox, device, message);
}

struct fan {
	struct phone *phone;
	const struct box_entry *entry;
	const struct phone_shape *shape;
	struct wa_node *participants;
};

/* Returns to how many devices of @account the message could be encrypted. */
static unsigned add_account(
	const struct fan *fan, struct account *account, const struct buf *plain)
{
	struct wa_node *scratch =
		wa_node_new(fan->phone->sandbox->arena, "scratch");
	unsigned n = 0;

	account_each_device (device, account) {
		struct wa_jid lid = device_lid(device);
		struct wa_node *enc, *to;

		if (device == phone_device(fan->phone) || !device->has_bundle ||
			(fan->entry->phone_only && device->number > 0))
			continue;
		enc = phone_encrypt(
			fan->phone, device, plain, fan->shape, scratch);
		if (enc == NULL)
			continue;
		to = wa_node_add(fan->participants, "to");
		wa_node_set_jid(to, "jid", &lid);
		route_share(to, enc);
		n++;
	}
	return n;
}

static void tell_companions(const struct fan *fan, struct account *account)
{
	account_each_device (device, account) {
		if (device->number > 0 && device->has_bundle)
			tell_unavailable(
				fan->phone, device, fan->entry, fan->shape);
	}
}

static int fan_out(struct phone *phone, struct account *account,
	const struct box_entry *entry, const struct phone_shape *shape,
	struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT, wrapped = BUF_INIT;
	struct wa_node *message =
		phone_message_new(phone, entry->id, &entry->peer, shape);
	const struct fan fan = { phone, entry, shape,
		wa_node_add(message, "participants") };
	const bool own = phone_is_own(phone, account);
	unsigned n = 0;

	pad_copy(&entry->message, &plain);
	wrap_for_own(&entry->message, &entry->peer, &wrapped);
	if (!own)
		n = add_account(&fan, account, &plain);
	if (n == 0 && !own)
		return err_set(err, ERR_BUSY,
			"no device of %s can be encrypted for", account->pn);
	n += add_account(&fan, phone->account, &wrapped);
	if (n == 0)
		return err_set(err, ERR_CONFLICT,
			"%s has no other device to write to", account->pn);
	if (entry->phone_only) {
		tell_companions(&fan, account);
		tell_companions(&fan, phone->account);
	}
	route_message(phone->sandbox, phone_device(phone), message);
	return 0;
}

static void keep_audience(
	struct box_entry *entry, const struct phone_chat *chat)
{
	entry->audience =
		xcalloc(chat->n_audience + 1, sizeof(*entry->audience));
	for (size_t i = 0; i < chat->n_audience; i++)
		snprintf(entry->audience[entry->n_audience++],
			sizeof(*entry->audience), "%s", chat->audience[i]->lid);
}

/* Into the outbox, described as its readers will see it. */
static struct box_entry *entry_new(struct phone *phone,
	const struct phone_chat *chat, const Wa__Message *message,
	struct buf *packed, const char *id)
{
	const struct phone_shape shape = phone_shape_of(message);
	const struct phone_context context = {
		.chat = phone_chat_jid(chat), .author = phone->account, .id = id
	};
	const struct wa_jid to = phone_chat_jid(chat);
	struct box_entry *entry;
	const char *text;
	json_t *details;

	phone_describe(phone, &context, message, &text, &details);
	entry = box_entry_new(
		id, &to, 0, shape.name, text, clock_now_ms() / 1000);
	entry->details = details;
	entry->message = *packed;
	*packed = BUF_INIT;
	if (to.server == WA_SERVER_BROADCAST)
		keep_audience(entry, chat);
	return entry;
}

static int transmit(struct phone *phone, const struct phone_chat *chat,
	const struct box_entry *entry, const struct phone_shape *shape,
	struct err *err)
{
	if (chat->account != NULL)
		return fan_out(phone, chat->account, entry, shape, err);
	return phone_group_send(phone, chat, entry, shape, err);
}

int phone_send(struct phone *phone, const struct phone_chat *chat,
	const struct phone_order *order, char id_out[PHONE_ID_LEN],
	struct err *err)
{
	scoped(buf_fini) struct buf packed = BUF_INIT;
	struct phone_shape shape;
	struct box_entry *entry;
	Wa__Message *message;
	uint64_t seq;
	int rc;

	new_id(id_out);
	if (phone_build(phone, chat, order, id_out, &packed, err) != 0)
		return -1;
	message = phone_message_parse(packed.data, packed.len);
	if (message == NULL)
		return err_set(err, ERR_INVALID, "that is no Message");
	shape = phone_shape_of(message);
	entry = entry_new(phone, chat, message, &packed, id_out);
	wa__message__free_unpacked(message, NULL);
	entry->phone_only = order->view_once == PHONE_VIEW_ON_PHONE;
	box_add(&phone->outbox, entry, sent_key(phone, id_out));
	seq = entry->seq;
	rc = transmit(phone, chat, entry, &shape, err);
	/* Answers came while it was sent: the entry may have moved on, or out.
	 */
	entry = box_at(&phone->outbox, seq);
	if (rc != 0 && entry != NULL)
		entry->status = BOX_FAILED;
	return rc;
}

int phone_send_text(struct phone *phone, const char *to_digits,
	const char *text, char *wa_id_out, struct err *err)
{
	const struct phone_order order = { .kind = PHONE_TEXT, .text = text };
	struct phone_chat chat = { 0 };

	chat.account = directory_by_pn(phone->sandbox, to_digits);
	if (chat.account == NULL)
		return err_set(err, ERR_NOT_FOUND,
			"%.20s is not on this network", to_digits);
	return phone_send(phone, &chat, &order, wa_id_out, err);
}

bool phone_send_peer(struct phone *phone, struct device *companion,
	const Wa__Message *message)
{
	struct wa_jid to = device_pn(companion), lid = device_lid(companion);
	scoped(buf_fini) struct buf plain = BUF_INIT;
	struct wa_node *stanza;
	struct box_entry *entry;
	char id[PHONE_ID_LEN];

	new_id(id);
	entry = box_entry_new(
		id, &lid, 0, plain_text.name, NULL, clock_now_ms() / 1000);
	entry->category_peer = true;
	phone_message_pack(message, &entry->message);
	pad_copy(&entry->message, &plain);
	box_add(&phone->peers, entry, sent_key(phone, id));
	stanza = phone_message_new(phone, id, &to, &plain_text);
	if (phone_encrypt(phone, companion, &plain, &plain_text, stanza) ==
		NULL)
		return false;
	wa_node_set(stanza, "category", "peer");
	route_message(phone->sandbox, phone_device(phone), stanza);
	return true;
}

/* ---- being asked again ---- */

struct resend {
	struct phone *phone;
	struct box_entry *entry;
	struct device *device;	 /* that asks */
	struct wa_jid chat;	 /* as the receipt names it */
	struct wa_jid asking;	 /* the device, likewise */
	struct phone_chat where; /* what the entry is for */
	unsigned count;
};

/* A resend hands out plaintext: only to those the message was for. */
static bool may_have(const struct resend *r)
{
	const bool own = phone_is_own(r->phone, r->device->account);

	if (r->entry->category_peer)
		return own && r->device->number > 0;
	if (r->entry->phone_only && r->device->number > 0)
		return false;
	if (own || r->where.account != NULL)
		return own || r->device->account == r->where.account;
	return phone_group_has(&r->where, r->entry, r->device->account);
}

/* In groups the sender key goes along; own devices learn the chat. */
static void resend_plaintext(const struct resend *r, struct buf *out)
{
	const struct box_entry *entry = r->entry;

	if (!entry->category_peer && r->where.account == NULL) {
		buf_add(out, entry->message.data, entry->message.len);
		phone_group_add_key(r->phone, &r->chat, r->device, out);
		wa_pad(out);
	} else if (!entry->category_peer &&
		   phone_is_own(r->phone, r->device->account)) {
		wrap_for_own(&entry->message, &entry->peer, out);
	} else {
		pad_copy(&entry->message, out);
	}
}

static void resend_address(const struct resend *r, struct wa_node *message)
{
	if (r->entry->category_peer) {
		wa_node_set(message, "category", "peer");
	} else if (r->where.account == NULL) {
		wa_node_set_jid(message, "participant", &r->asking);
		if (r->where.group != NULL)
			wa_node_set(message, "addressing_mode",
				r->where.group->lid_mode ? "lid" : "pn");
	} else {
		wa_node_set(message, "device_fanout", "false");
		if (phone_is_own(r->phone, r->device->account))
			wa_node_set_jid(message, "recipient", &r->entry->peer);
	}
}

/* One device gets it, as the top-level <enc>. */
static void resend(const struct resend *r)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	struct phone_shape shape = plain_text;
	struct wa_node *message, *enc;
	Wa__Message *content;

	content = phone_message_parse(
		r->entry->message.data, r->entry->message.len);
	if (content == NULL)
		return;
	if (!r->entry->category_peer)
		shape = phone_shape_of(content);
	wa__message__free_unpacked(content, NULL);
	resend_plaintext(r, &plain);
	message = phone_message_new(r->phone, r->entry->id,
		r->where.account == NULL && !r->entry->category_peer
			? &r->chat
			: &r->asking,
		&shape);
	enc = phone_encrypt(r->phone, r->device, &plain, &shape, message);
	if (enc == NULL)
		return;
	wa_node_set_int(enc, "count", r->count);
	resend_address(r, message);
	route_message(r->phone->sandbox, phone_device(r->phone), message);
}

static bool resend_open(struct resend *r, const struct wa_node *receipt)
{
	const struct wa_node *retry = wa_node_child(receipt, "retry");
	int64_t count = wa_node_int(retry, "count", 1);

	r->entry = phone_sent(r->phone, route_id(receipt));
	if (retry == NULL || r->entry == NULL || r->entry->device > 0 ||
		r->entry->resends >= PHONE_RESENDS_MAX ||
		!wa_node_jid(receipt, "from", &r->chat))
		return false;
	if (!wa_node_jid(receipt, "participant", &r->asking))
		r->asking = r->chat;
	r->device = directory_device(r->phone->sandbox, &r->asking);
	r->count = count < 1 || count > 10 ? 1 : (unsigned)count;
	return r->device != NULL && r->device != phone_device(r->phone) &&
	       (r->entry->category_peer ||
		       phone_entry_chat(r->phone, r->entry, &r->where));
}

void phone_on_retry(struct phone *phone, const struct wa_node *receipt)
{
	struct resend r = { .phone = phone };
	struct wa_jid lid;

	if (!resend_open(&r, receipt))
		return;
	if (!may_have(&r)) {
		/* Somebody outside has a key of ours, or had one. */
		if (r.where.group != NULL)
			phone_group_rotate(phone, &r.entry->peer);
		return;
	}
	r.entry->resends++;
	lid = device_lid(r.device);
	phone_repair_session(phone, &lid, receipt, r.count);
	resend(&r);
}
