/* Bundles, sessions, and encryption for one device.  Sessions are with LIDs
 * throughout (messages.md 1.5, 5.2). */
#include "sandboxd/phone.h"

#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"

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

void phone_enc_set(
	struct wa_node *enc, const char *type, const struct phone_shape *shape)
{
	wa_node_set(enc, "v", "2");
	wa_node_set(enc, "type", type);
	wa_node_set(enc, "mediatype", shape->mediatype);
	if (shape->hide)
		wa_node_set(enc, "decrypt-fail", "hide");
}

struct wa_node *phone_encrypt(struct phone *phone, struct device *device,
	const struct buf *plain, const struct phone_shape *shape,
	struct wa_node *parent)
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
	phone_enc_set(enc, wa_enc_name(type), shape);
	wa_node_bytes(enc, sealed.data, sealed.len);
	return enc;
}

void phone_repair_session(struct phone *phone, const struct wa_jid *lid,
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
