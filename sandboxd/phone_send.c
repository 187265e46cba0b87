/* Messages from a virtual phone: to every device of the recipient and to the
 * own companions, in LID form throughout (messages.md sections 2 and 5.2). */
#include "sandboxd/phone.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/route.h"

#define PHONE_ID_LEN \
	33 /* "3A" and 30 hex digits: what ids of phones look like */

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

/* ---- bundles ---- */

static int read_number(const struct wa_node *node, size_t n, uint32_t *out)
{
	const uint8_t *bytes;
	size_t length = 0;

	bytes = node == NULL ? NULL : wa_node_content(node, &length);
	if (bytes == NULL || length != n)
		return -1;
	*out = 0;
	for (size_t i = 0; i < n; i++)
		*out = *out << 8 | bytes[i];
	return 0;
}

static int read_bytes(const struct wa_node *node, uint8_t *out, size_t n)
{
	const uint8_t *bytes;
	size_t length = 0;

	bytes = node == NULL ? NULL : wa_node_content(node, &length);
	if (bytes == NULL || length != n)
		return -1;
	memcpy(out, bytes, n);
	return 0;
}

static int read_one_time_key(const struct wa_node *key, struct wa_bundle *out)
{
	if (key == NULL)
		return 0;
	out->has_one_time = true;
	if (read_number(wa_node_child(key, "id"), 3, &out->one_time_id) != 0 ||
		read_bytes(wa_node_child(key, "value"), out->one_time_key,
			sizeof(out->one_time_key)) != 0)
		return -1;
	return 0;
}

int phone_read_bundle(const struct wa_node *keys,
	const struct wa_node *registration, struct wa_bundle *out,
	struct err *err)
{
	const struct wa_node *skey = wa_node_child(keys, "skey");

	*out = (struct wa_bundle){ 0 };
	if (skey == NULL ||
		read_number(registration, 4, &out->registration_id) != 0 ||
		read_bytes(wa_node_child(keys, "identity"), out->identity,
			sizeof(out->identity)) != 0 ||
		read_number(wa_node_child(skey, "id"), 3, &out->signed_id) !=
			0 ||
		read_bytes(wa_node_child(skey, "value"), out->signed_key,
			sizeof(out->signed_key)) != 0 ||
		read_bytes(wa_node_child(skey, "signature"), out->signature,
			sizeof(out->signature)) != 0 ||
		read_one_time_key(wa_node_child(keys, "key"), out) != 0)
		return err_set(err, ERR_PEER, "bundle is incomplete");
	return 0;
}

static void add_number(
	struct wa_node *parent, const char *tag, uint32_t value, unsigned n)
{
	uint8_t bytes[4];

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
	wa_node_bytes(wa_node_add(parent, tag), bytes, n);
}

static void add_key(struct wa_node *keys, const char *tag, uint32_t id,
	const uint8_t value[WA_KEY_BYTES], const uint8_t *signature)
{
	struct wa_node *key = wa_node_add(keys, tag);

	add_number(key, "id", id, 3);
	wa_node_bytes(wa_node_add(key, "value"), value, WA_KEY_BYTES);
	if (signature != NULL)
		wa_node_bytes(wa_node_add(key, "signature"), signature,
			WA_SIGNATURE_BYTES);
}

void phone_add_keys(
	struct phone *phone, struct wa_node *receipt, bool with_keys)
{
	struct wa_bundle bundle;
	struct wa_node *keys;

	add_number(receipt, "registration", phone->store.registration_id, 4);
	if (!with_keys)
		return;
	phone_bundle(phone, &bundle);
	keys = wa_node_add(receipt, "keys");
	wa_node_bytes(wa_node_add(keys, "type"), "\x05", 1);
	wa_node_bytes(wa_node_add(keys, "identity"), bundle.identity,
		sizeof(bundle.identity));
	add_key(keys, "key", bundle.one_time_id, bundle.one_time_key, NULL);
	add_key(keys, "skey", bundle.signed_id, bundle.signed_key,
		bundle.signature);
}

/* ---- sessions ---- */

/* As a client would: from the bundle that the server hands out. */
static int fetch_session(struct phone *phone, struct device *device,
	const struct wa_jid *lid, struct err *err)
{
	struct wa_node *user = wa_node_new(phone->sandbox->arena, "user");
	struct wa_bundle bundle;

	prekeys_add_bundle(phone->sandbox, device, user);
	if (phone_read_bundle(user, wa_node_child(user, "registration"),
		    &bundle, err) != 0)
		return -1;
	return wa_signal_process_bundle(
		phone_store_party(&phone->store), lid, &bundle, NULL, err);
}

static int ensure_session(struct phone *phone, struct device *device,
	const struct wa_jid *lid, struct err *err)
{
	switch (wa_signal_has_session(phone_store_party(&phone->store), lid)) {
	case 1:
		return 0;
	case 0:
		return fetch_session(phone, device, lid, err);
	default:
		return err_set(err, ERR_IO, "session store");
	}
}

/* Adds the <enc> for @device to @parent; @plain is padded. */
static struct wa_node *encrypt_for(struct phone *phone, struct device *device,
	const struct buf *plain, struct wa_node *parent)
{
	scoped(buf_fini) struct buf sealed = BUF_INIT;
	struct wa_jid lid = device_lid(device);
	struct err err = ERR_NONE;
	enum wa_enc_type type;
	struct wa_node *enc;

	if (ensure_session(phone, device, &lid, &err) != 0 ||
		wa_signal_encrypt(phone_store_party(&phone->store), &lid,
			plain->data, plain->len, &sealed, &type, &err) != 0) {
		log_warning("phone=%s to=%s device=%u reason=\"%s\" "
			    "action=skip_device",
			phone->account->pn, device->account->pn, device->number,
			err.msg);
		return NULL;
	}
	enc = wa_node_add(parent, "enc");
	wa_node_set(enc, "v", "2");
	wa_node_set(enc, "type", wa_enc_name(type));
	wa_node_bytes(enc, sealed.data, sealed.len);
	return enc;
}

/* ---- plaintexts ---- */

static void pack(const Wa__Message *message, struct buf *out)
{
	size_t n = wa__message__get_packed_size(message);

	wa__message__pack(message, buf_reserve(out, n));
	out->len += n;
}

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
	pack(&outer, out);
	wa_pad(out);
	wa__message__free_unpacked(inner, NULL);
}

/* ---- sending ---- */

static struct wa_node *message_new(struct phone *phone,
	const struct box_entry *entry, const struct wa_jid *to)
{
	struct wa_node *message = wa_node_new(phone->sandbox->arena, "message");

	wa_node_set(message, "id", entry->id);
	wa_node_set_jid(message, "to", to);
	wa_node_set(message, "type", "text");
	return message;
}

/* Returns to how many devices of @account the message could be encrypted. */
static unsigned add_account(struct phone *phone, struct account *account,
	const struct buf *plain, struct wa_node *participants)
{
	struct wa_node *scratch = wa_node_new(phone->sandbox->arena, "scratch");
	unsigned n = 0;

	account_each_device (device, account) {
		struct wa_jid lid = device_lid(device);
		struct wa_node *enc, *to;

		if (device == phone_device(phone) || !device->has_bundle)
			continue;
		enc = encrypt_for(phone, device, plain, scratch);
		if (enc == NULL)
			continue;
		to = wa_node_add(participants, "to");
		wa_node_set_jid(to, "jid", &lid);
		route_share(to, enc);
		n++;
	}
	return n;
}

static int fan_out(struct phone *phone, struct account *account,
	const struct box_entry *entry, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT, wrapped = BUF_INIT;
	struct wa_node *message = message_new(phone, entry, &entry->peer);
	struct wa_node *participants = wa_node_add(message, "participants");
	unsigned n = 0;

	pad_copy(&entry->message, &plain);
	wrap_for_own(&entry->message, &entry->peer, &wrapped);
	if (!phone_is_own(phone, account))
		n = add_account(phone, account, &plain, participants);
	if (n == 0 && !phone_is_own(phone, account))
		return err_set(err, ERR_BUSY,
			"no device of %s can be encrypted for", account->pn);
	n += add_account(phone, phone->account, &wrapped, participants);
	if (n == 0)
		return err_set(err, ERR_CONFLICT,
			"%s has no other device to write to", account->pn);
	route_message(phone->sandbox, phone_device(phone), message);
	return 0;
}

int phone_send_text(struct phone *phone, const char *to_digits,
	const char *text, char *wa_id_out, struct err *err)
{
	struct account *account = directory_by_pn(phone->sandbox, to_digits);
	Wa__Message message = WA__MESSAGE__INIT;
	struct box_entry *entry;
	char id[PHONE_ID_LEN];
	struct wa_jid to;
	uint64_t seq;
	int rc;

	if (account == NULL)
		return err_set(err, ERR_NOT_FOUND,
			"%.20s is not on this network", to_digits);
	new_id(id);
	to = wa_jid_lid(account->lid, 0);
	entry = box_entry_new(id, &to, 0, "text", text, clock_now_ms() / 1000);
	message.conversation = entry->text;
	pack(&message, &entry->message);
	box_add(&phone->outbox, entry, sent_key(phone, id));
	seq = entry->seq;
	rc = fan_out(phone, account, entry, err);
	/* Answers came while it was sent: the entry may have moved on, or out.
	 */
	entry = box_at(&phone->outbox, seq);
	if (rc != 0 && entry != NULL)
		entry->status = BOX_FAILED;
	snprintf(wa_id_out, 64, "%s", id);
	return rc;
}

/* One device gets it, as the top-level <enc>. */
static bool send_direct(struct phone *phone, struct device *device,
	const struct box_entry *entry, const struct wa_jid *to, unsigned count)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	struct wa_node *message = message_new(phone, entry, to), *enc;
	bool own = phone_is_own(phone, device->account);

	if (own && !entry->category_peer)
		wrap_for_own(&entry->message, &entry->peer, &plain);
	else
		pad_copy(&entry->message, &plain);
	enc = encrypt_for(phone, device, &plain, message);
	if (enc == NULL)
		return false;
	if (count > 0) {
		wa_node_set_int(enc, "count", count);
		wa_node_set(message, "device_fanout", "false");
	}
	if (entry->category_peer)
		wa_node_set(message, "category", "peer");
	else if (own)
		wa_node_set_jid(message, "recipient", &entry->peer);
	route_message(phone->sandbox, phone_device(phone), message);
	return true;
}

bool phone_send_peer(struct phone *phone, struct device *companion,
	const Wa__Message *message)
{
	struct wa_jid to = device_pn(companion), lid = device_lid(companion);
	struct box_entry *entry;
	char id[PHONE_ID_LEN];

	new_id(id);
	entry = box_entry_new(id, &lid, 0, NULL, NULL, clock_now_ms() / 1000);
	entry->category_peer = true;
	pack(message, &entry->message);
	box_add(&phone->peers, entry, sent_key(phone, id));
	return send_direct(phone, companion, entry, &to, 0);
}

/* ---- being asked again ---- */

/* A resend hands out plaintext: only to those the message was for. */
static bool may_have(const struct phone *phone, const struct box_entry *entry,
	const struct device *device)
{
	if (entry->category_peer)
		return phone_is_own(phone, device->account) &&
		       device->number > 0;
	return phone_is_own(phone, device->account) ||
	       strcmp(device->account->lid, entry->peer.user) == 0;
}

/* After this the next encryption starts a session that the asking device can
 * read. */
static void repair_session(struct phone *phone, const struct wa_jid *lid,
	const struct wa_node *receipt, unsigned count)
{
	struct wa_signal *party = phone_store_party(&phone->store);
	const struct wa_node *keys = wa_node_child(receipt, "keys");
	const struct wa_node *registration =
		wa_node_child(receipt, "registration");
	struct err err = ERR_NONE;
	struct wa_bundle bundle;
	uint32_t theirs, known;
	uint8_t base_key[33];

	if (keys != NULL) {
		if (phone_read_bundle(keys, registration, &bundle, &err) == 0 &&
			wa_signal_process_bundle(
				party, lid, &bundle, NULL, &err) == 0)
			return;
		log_warning("phone=%s retry_keys=invalid reason=\"%s\" "
			    "action=fetch_bundle",
			phone->account->pn, err.msg);
		count = 2;
	}
	if (count >= 2 || (read_number(registration, 4, &theirs) == 0 &&
				  wa_signal_session_info(
					  party, lid, &known, base_key) == 0 &&
				  theirs != known))
		phone_store_forget(&phone->store, lid);
}

void phone_on_retry(struct phone *phone, const struct wa_node *receipt)
{
	const struct wa_node *retry = wa_node_child(receipt, "retry");
	struct box_entry *entry = phone_sent(phone, route_id(receipt));
	struct device *device;
	struct wa_jid from, lid;
	int64_t count;

	if (retry == NULL || entry == NULL || entry->message.len == 0 ||
		entry->resends >= PHONE_RESENDS_MAX ||
		!wa_node_jid(receipt, "from", &from))
		return;
	device = directory_device(phone->sandbox, &from);
	if (device == NULL || device == phone_device(phone) ||
		!may_have(phone, entry, device))
		return;
	count = wa_node_int(retry, "count", 1);
	if (count < 1 || count > 10)
		count = 1;
	entry->resends++;
	lid = device_lid(device);
	repair_session(phone, &lid, receipt, (unsigned)count);
	send_direct(phone, device, entry, &from, (unsigned)count);
}
