/* Key bundles: what companions upload, and what others fetch.
 *
 * A one-time key is given away once.  So an upload may repeat keys that are
 * still here, unchanged, but neither bring back a used id nor change the key
 * under a known one. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/iq.h"

#include <mbedtls/sha1.h>

#define KEY_TYPE 5
#define LOW_WATER 5
#define DIGEST_HASH_BYTES 20

/* ---- shapes: ids 3 bytes, registration 4 bytes, both big endian ---- */

static void add_number(
	struct wa_node *parent, const char *tag, uint32_t value, unsigned n)
{
	uint8_t bytes[4];

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(value >> 8 * (n - 1 - i));
	wa_node_bytes(wa_node_add(parent, tag), bytes, n);
}

static void add_bytes(
	struct wa_node *parent, const char *tag, const void *bytes, size_t n)
{
	wa_node_bytes(wa_node_add(parent, tag), bytes, n);
}

static bool read_bytes(
	const struct wa_node *parent, const char *tag, void *out, size_t n)
{
	const struct wa_node *child =
		parent != NULL ? wa_node_child(parent, tag) : NULL;
	size_t got = 0;
	const uint8_t *bytes =
		child != NULL ? wa_node_content(child, &got) : NULL;

	if (bytes == NULL || got != n)
		return false;
	memcpy(out, bytes, n);
	return true;
}

static bool read_number(const struct wa_node *parent, const char *tag,
	unsigned n, uint32_t *out)
{
	uint8_t bytes[4];

	if (!read_bytes(parent, tag, bytes, n))
		return false;
	*out = 0;
	for (unsigned i = 0; i < n; i++)
		*out = *out << 8 | bytes[i];
	return true;
}

/* ---- bundles ---- */

static void device_bundle(struct device *device, struct wa_bundle *out)
{
	out->registration_id = device->registration_id;
	memcpy(out->identity, device->identity, WA_KEY_BYTES);
	out->signed_id = device->signed_id;
	memcpy(out->signed_key, device->signed_pub, WA_KEY_BYTES);
	memcpy(out->signature, device->signed_sig, WA_SIGNATURE_BYTES);
	if (device->n_prekeys == 0)
		return;
	out->has_one_time = true;
	out->one_time_id = device->prekeys[0].id;
	memcpy(out->one_time_key, device->prekeys[0].pub, WA_KEY_BYTES);
	device->last_served = out->one_time_id;
	memmove(device->prekeys, device->prekeys + 1,
		--device->n_prekeys * sizeof(*device->prekeys));
}

static void tell_low_water(struct sandbox *sandbox, struct device *device)
{
	struct wa_node *notification =
		wa_node_new(sandbox->arena, "notification");
	struct wa_jid server = wa_jid_server();

	wa_node_set_jid(notification, "from", &server);
	wa_node_set(notification, "type", "encrypt");
	wa_node_set(notification, "id", sandbox_stanza_id(sandbox));
	wa_node_set_int(notification, "t", clock_now_ms() / 1000);
	wa_node_set_int(wa_node_add(notification, "count"), "value",
		(int64_t)device->n_prekeys);
	device_deliver(sandbox, device, notification);
}

static void add_bundle(struct wa_node *user, const struct wa_bundle *bundle)
{
	static const uint8_t type = KEY_TYPE;
	struct wa_node *key;

	add_number(user, "registration", bundle->registration_id, 4);
	add_bytes(user, "type", &type, 1);
	add_bytes(user, "identity", bundle->identity, WA_KEY_BYTES);
	key = wa_node_add(user, "skey");
	add_number(key, "id", bundle->signed_id, 3);
	add_bytes(key, "value", bundle->signed_key, WA_KEY_BYTES);
	add_bytes(key, "signature", bundle->signature, WA_SIGNATURE_BYTES);
	if (!bundle->has_one_time)
		return;
	key = wa_node_add(user, "key");
	add_number(key, "id", bundle->one_time_id, 3);
	add_bytes(key, "value", bundle->one_time_key, WA_KEY_BYTES);
}

void prekeys_add_bundle(
	struct sandbox *sandbox, struct device *device, struct wa_node *user)
{
	struct wa_bundle bundle = { 0 };

	if (device->phone != NULL)
		phone_bundle(device->phone, &bundle);
	else
		device_bundle(device, &bundle);
	if (fault_bundle_without_key(sandbox, device))
		bundle.has_one_time = false;
	if (fault_bundle_bad_signature(sandbox, device))
		bundle.signature[WA_SIGNATURE_BYTES / 2] ^= 1;
	add_bundle(user, &bundle);
	if (device->adv.len > 0)
		add_bytes(user, "device-identity", device->adv.data,
			device->adv.len);
	if (device->phone == NULL && device->n_prekeys < LOW_WATER)
		tell_low_water(sandbox, device);
}

static void answer_bundle(struct sandbox *sandbox, const struct wa_node *asked,
	struct wa_node *user)
{
	struct device *device = NULL;
	struct wa_node *error;
	struct wa_jid jid;

	if (wa_node_jid(asked, "jid", &jid)) {
		wa_node_set_jid(user, "jid", &jid);
		device = directory_device(sandbox, &jid);
	}
	if (device != NULL && device->has_bundle) {
		wa_node_set_int(user, "t", clock_now_ms() / 1000);
		prekeys_add_bundle(sandbox, device, user);
		return;
	}
	error = wa_node_add(user, "error");
	wa_node_set(error, "code", "404");
	wa_node_set(error, "text", "item-not-found");
}

void prekeys_on_bundles(struct session *session, const struct wa_node *iq)
{
	const struct wa_node *asked = wa_node_child(iq, "key");
	struct wa_node *result, *list;

	if (wa_node_n_children(asked) > IQ_USERS_MAX) {
		iq_answer_error(session, iq, 400, "bad-request");
		return;
	}
	result = iq_result(session, iq);
	list = wa_node_add(result, "list");
	wa_node_each (user, asked)
		answer_bundle(
			session->sandbox, user, wa_node_add(list, "user"));
	session_send(session, result);
}

/* ---- what a companion asks about its own keys ---- */

void prekeys_on_count(struct session *session, const struct wa_node *iq)
{
	struct wa_node *result = iq_result(session, iq);

	wa_node_set_int(wa_node_add(result, "count"), "value",
		(int64_t)session->device->n_prekeys);
	session_send(session, result);
}

/* SHA-1 over identity, signed prekey, its signature and the one-time keys in
 * the order of the list: clients that check it upload again when it differs. */
static void digest_hash(
	const struct device *device, uint8_t out[DIGEST_HASH_BYTES])
{
	mbedtls_sha1_context sha;

	mbedtls_sha1_init(&sha);
	mbedtls_sha1_starts_ret(&sha);
	mbedtls_sha1_update_ret(&sha, device->identity, WA_KEY_BYTES);
	mbedtls_sha1_update_ret(&sha, device->signed_pub, WA_KEY_BYTES);
	mbedtls_sha1_update_ret(&sha, device->signed_sig, WA_SIGNATURE_BYTES);
	for (size_t i = 0; i < device->n_prekeys; i++)
		mbedtls_sha1_update_ret(
			&sha, device->prekeys[i].pub, WA_KEY_BYTES);
	mbedtls_sha1_finish_ret(&sha, out);
	mbedtls_sha1_free(&sha);
}

void prekeys_on_digest(struct session *session, const struct wa_node *iq)
{
	const struct device *device = session->device;
	struct wa_bundle bundle = {
		.registration_id = device->registration_id,
		.signed_id = device->signed_id,
	};
	struct wa_node *result, *digest, *list;
	uint8_t hash[DIGEST_HASH_BYTES];

	if (!device->has_bundle) {
		iq_answer_error(session, iq, 404, "item-not-found");
		return;
	}
	memcpy(bundle.identity, device->identity, WA_KEY_BYTES);
	memcpy(bundle.signed_key, device->signed_pub, WA_KEY_BYTES);
	memcpy(bundle.signature, device->signed_sig, WA_SIGNATURE_BYTES);
	result = iq_result(session, iq);
	digest = wa_node_add(result, "digest");
	add_bundle(digest, &bundle);
	list = wa_node_add(digest, "list");
	for (size_t i = 0; i < device->n_prekeys; i++)
		add_number(list, "id", device->prekeys[i].id, 3);
	digest_hash(device, hash);
	add_bytes(digest, "hash", hash, sizeof(hash));
	session_send(session, result);
}

/* ---- uploads ---- */

struct signed_key {
	uint32_t id;
	uint8_t pub[WA_KEY_BYTES], sig[WA_SIGNATURE_BYTES];
};

static int read_signed_key(const struct wa_node *parent,
	const uint8_t identity[WA_KEY_BYTES], struct signed_key *out,
	struct err *err)
{
	const struct wa_node *skey = wa_node_child(parent, "skey");
	uint8_t djb[1 + WA_KEY_BYTES] = { KEY_TYPE };

	if (!read_number(skey, "id", 3, &out->id) ||
		!read_bytes(skey, "value", out->pub, sizeof(out->pub)) ||
		!read_bytes(skey, "signature", out->sig, sizeof(out->sig)))
		return err_set(err, ERR_PEER, "signed prekey is incomplete");
	memcpy(djb + 1, out->pub, WA_KEY_BYTES);
	if (!wa_verify(identity, djb, sizeof(djb), out->sig))
		return err_set(err, ERR_PEER, "signed prekey signature");
	return 0;
}

static void take_signed_key(struct device *device, const struct signed_key *key)
{
	device->signed_id = key->id;
	memcpy(device->signed_pub, key->pub, WA_KEY_BYTES);
	memcpy(device->signed_sig, key->sig, WA_SIGNATURE_BYTES);
}

/* Keys are given away in the order of their upload and clients count upwards,
 * so a used id is one not above the last served; compared on the circle of
 * 24-bit numbers. */
static bool id_was_served(const struct device *device, uint32_t id)
{
	return device->last_served != 0 &&
	       ((device->last_served - id) & 0xffffff) < 0x800000;
}

static const struct one_time_key *key_find(
	const struct one_time_key *keys, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].id == id)
			return &keys[i];
	return NULL;
}

/* Makes the pool that results from the upload, or refuses the whole of it. */
static int merge_keys(const struct device *device, const struct wa_node *list,
	struct one_time_key **pool_out, size_t *n_out, struct err *err)
{
	struct one_time_key *pool = xcalloc(SANDBOX_PREKEYS_MAX, sizeof(*pool));
	size_t n = device->n_prekeys;

	if (n > 0)
		memcpy(pool, device->prekeys, n * sizeof(*pool));
	*pool_out = pool;
	wa_node_each (key, list) {
		struct one_time_key new;
		const struct one_time_key *known;

		if (!read_number(key, "id", 3, &new.id) ||
			!read_bytes(key, "value", new.pub, sizeof(new.pub)))
			return err_set(err, ERR_PEER, "key is incomplete");
		known = key_find(pool, n, new.id);
		if (known != NULL &&
			memcmp(known->pub, new.pub, sizeof(new.pub)) == 0)
			continue;
		if (known != NULL)
			return err_set(err, ERR_PEER, "another key under id %u",
				new.id);
		if (id_was_served(device, new.id))
			return err_set(
				err, ERR_PEER, "id %u is used up", new.id);
		if (n == SANDBOX_PREKEYS_MAX)
			return err_set(err, ERR_PEER, "too many keys");
		pool[n++] = new;
	}
	*n_out = n;
	return 0;
}

static int upload(
	struct device *device, const struct wa_node *iq, struct err *err)
{
	const struct wa_node *list = wa_node_child(iq, "list");
	uint8_t identity[WA_KEY_BYTES];
	struct one_time_key *pool = NULL;
	struct signed_key skey;
	uint32_t registration_id;
	size_t n = 0;

	if (!read_number(iq, "registration", 4, &registration_id) ||
		!read_bytes(iq, "identity", identity, sizeof(identity)) ||
		list == NULL)
		return err_set(err, ERR_PEER, "upload is incomplete");
	if (memcmp(identity, device->identity, sizeof(identity)) != 0)
		return err_set(err, ERR_PEER, "identity of another device");
	if (read_signed_key(iq, identity, &skey, err) != 0)
		return -1;
	if (merge_keys(device, list, &pool, &n, err) != 0) {
		free(pool);
		return -1;
	}
	free(device->prekeys);
	device->prekeys = xrealloc(pool, n > 0 ? n * sizeof(*pool) : 1);
	device->n_prekeys = n;
	device->registration_id = registration_id;
	take_signed_key(device, &skey);
	return 0;
}

/* From the first upload on others may encrypt to the device, so only now do
 * they learn of it, and its phone can send it what it needs. */
static void announce(struct sandbox *sandbox, struct device *device)
{
	device->has_bundle = true;
	device->account->key_index_t = 0;
	route_devices_changed(sandbox, device->account, device, true);
	phone_welcome(device->account->devices->phone, device);
}

static void refuse(struct session *session, const struct wa_node *iq,
	const struct err *err)
{
	log_warning("prekeys who=%s:%u reason=\"%s\" action=error_406",
		session->device->account->pn, session->device->number,
		err->msg);
	iq_answer_error(session, iq, 406, "not-acceptable");
}

void prekeys_on_upload(struct session *session, const struct wa_node *iq)
{
	struct device *device = session->device;
	struct err err = ERR_NONE;

	if (upload(device, iq, &err) != 0) {
		refuse(session, iq, &err);
		return;
	}
	iq_answer_empty(session, iq);
	if (!device->has_bundle)
		announce(session->sandbox, device);
}

void prekeys_on_rotate(struct session *session, const struct wa_node *iq)
{
	struct device *device = session->device;
	struct err err = ERR_NONE;
	struct signed_key skey;

	if (read_signed_key(wa_node_child(iq, "rotate"), device->identity,
		    &skey, &err) != 0) {
		refuse(session, iq, &err);
		return;
	}
	take_signed_key(device, &skey);
	iq_answer_empty(session, iq);
}
