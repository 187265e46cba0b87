#include "common/wa/signal_party.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "common/err.h"
#include "common/wa/signal_provider.h"

void signal_party_wipe_record(struct wa_signal *party)
{
	if (party->record.len > 0)
		sodium_memzero(party->record.data, party->record.len);
	buf_clear(&party->record);
}

void signal_party_begin(struct wa_signal *party, const struct wa_jid *group,
	const struct wa_jid *peer)
{
	signal_party_wipe_record(party); /* of a load that failed half-way */
	party->group = group;
	party->peer = peer;
	party->session_missing = false;
	party->identity_pending = false;
}

void signal_unref(void *objectp)
{
	signal_type_base *object;

	memcpy(&object, objectp, sizeof(object));
	signal_type_unref(object);
}

void signal_wipe_free(signal_buffer **bufferp)
{
	signal_buffer_bzero_free(*bufferp);
	*bufferp = NULL;
}

/* ---- store callbacks ---- */

/* Hands what was loaded to the library, which frees it. */
static int record_give(struct wa_signal *party, signal_buffer **out)
{
	*out = signal_buffer_create(party->record.data, party->record.len);
	signal_party_wipe_record(party);
	return *out == NULL ? SG_ERR_NOMEM : 1;
}

static int on_session_load(signal_buffer **record, signal_buffer **user_record,
	const signal_protocol_address *address, void *arg)
{
	struct wa_signal *party = arg;
	int found;

	(void)address;
	(void)user_record;
	found = party->store.session_load(
		party->store.arg, party->peer, &party->record);
	if (found < 0)
		return STORE_FAILED;
	if (found == 0) {
		party->session_missing = true;
		return 0;
	}
	return record_give(party, record);
}

static int on_session_save(const signal_protocol_address *address,
	uint8_t *record, size_t n, uint8_t *user_record, size_t n_user_record,
	void *arg)
{
	struct wa_signal *party = arg;
	int rc;

	(void)address;
	(void)user_record;
	(void)n_user_record;
	rc = party->store.session_save(
		party->store.arg, party->peer, record, n);
	sodium_memzero(record, n); /* the library frees it as it is */
	return rc < 0 ? STORE_FAILED : 0;
}

/* The library asks this just before it loads the record anyway: the load notes
 * that there was none, which saves reading every record twice. */
static int on_session_contains(
	const signal_protocol_address *address, void *arg)
{
	(void)address;
	(void)arg;
	return 1;
}

static int on_identity_pair(
	signal_buffer **public_out, signal_buffer **private_out, void *arg)
{
	struct wa_signal *party = arg;
	uint8_t djb[DJB_KEY_BYTES] = { DJB_TYPE };

	memcpy(djb + 1, party->identity.pub, WA_KEY_BYTES);
	*public_out = signal_buffer_create(djb, sizeof(djb));
	*private_out = signal_buffer_create(party->identity.priv, WA_KEY_BYTES);
	return *public_out == NULL || *private_out == NULL ? SG_ERR_NOMEM : 0;
}

static int on_registration_id(void *arg, uint32_t *id_out)
{
	struct wa_signal *party = arg;

	*id_out = party->registration_id;
	return 0;
}

/* Called before the MAC is checked: the key waits until the call has succeeded.
 */
static int on_identity_save(const signal_protocol_address *address,
	uint8_t *key, size_t n, void *arg)
{
	struct wa_signal *party = arg;

	(void)address;
	if (n != sizeof(party->pending_identity))
		return SG_ERR_INVALID_KEY;
	memcpy(party->pending_identity, key, n);
	party->identity_pending = true;
	return 0;
}

/* A changed identity is accepted and told of (messages.md 1.8). */
static int on_identity_trusted(const signal_protocol_address *address,
	uint8_t *key, size_t n, void *arg)
{
	(void)address;
	(void)key;
	(void)n;
	(void)arg;
	return 1;
}

static int pair_decode(const struct wa_signal *party, const uint8_t *priv,
	const uint8_t *pub, ec_key_pair **out)
{
	scoped(signal_unref) ec_public_key *public_key = NULL;
	scoped(signal_unref) ec_private_key *private_key = NULL;
	uint8_t djb[DJB_KEY_BYTES] = { DJB_TYPE };
	int rc;

	memcpy(djb + 1, pub, WA_KEY_BYTES);
	rc = curve_decode_point(&public_key, djb, sizeof(djb), party->context);
	if (rc < 0)
		return rc;
	rc = curve_decode_private_point(
		&private_key, priv, WA_KEY_BYTES, party->context);
	if (rc < 0)
		return rc;
	return ec_key_pair_create(out, public_key, private_key);
}

static int on_prekey_load(signal_buffer **record, uint32_t id, void *arg)
{
	struct wa_signal *party = arg;
	scoped(signal_unref) ec_key_pair *pair = NULL;
	scoped(signal_unref) session_pre_key *key = NULL;
	int found, rc;

	found = party->store.prekey_load(party->store.arg, id, &party->record);
	if (found == 0)
		return SG_ERR_INVALID_KEY_ID;
	if (found < 0 || party->record.len != 2 * WA_KEY_BYTES) {
		signal_party_wipe_record(party);
		return STORE_FAILED;
	}
	rc = pair_decode(party, party->record.data,
		party->record.data + WA_KEY_BYTES, &pair);
	signal_party_wipe_record(party);
	if (rc == 0)
		rc = session_pre_key_create(&key, id, pair);
	return rc < 0 ? rc : session_pre_key_serialize(record, key);
}

static int on_prekey_remove(uint32_t id, void *arg)
{
	struct wa_signal *party = arg;

	return party->store.prekey_remove(party->store.arg, id) < 0
		       ? STORE_FAILED
		       : 0;
}

static int on_signed_prekey_load(signal_buffer **record, uint32_t id, void *arg)
{
	struct wa_signal *party = arg;
	scoped(signal_unref) ec_key_pair *pair = NULL;
	scoped(signal_unref) session_signed_pre_key *key = NULL;
	const uint8_t *bytes;
	int found, rc;

	found = party->store.signed_prekey_load(
		party->store.arg, id, &party->record);
	if (found == 0)
		return SG_ERR_INVALID_KEY_ID;
	if (found < 0 ||
		party->record.len != 2 * WA_KEY_BYTES + WA_SIGNATURE_BYTES) {
		signal_party_wipe_record(party);
		return STORE_FAILED;
	}
	bytes = party->record.data;
	rc = pair_decode(party, bytes, bytes + WA_KEY_BYTES, &pair);
	if (rc == 0)
		rc = session_signed_pre_key_create(&key, id, 0, pair,
			bytes + 2 * WA_KEY_BYTES, WA_SIGNATURE_BYTES);
	signal_party_wipe_record(party);
	return rc < 0 ? rc : session_signed_pre_key_serialize(record, key);
}

static int on_sender_key_load(signal_buffer **record,
	signal_buffer **user_record,
	const signal_protocol_sender_key_name *name, void *arg)
{
	struct wa_signal *party = arg;
	int found;

	(void)user_record;
	(void)name;
	found = party->store.sender_key_load(
		party->store.arg, party->group, party->peer, &party->record);
	if (found < 0)
		return STORE_FAILED;
	return found == 0 ? 0 : record_give(party, record);
}

static int on_sender_key_save(const signal_protocol_sender_key_name *name,
	uint8_t *record, size_t n, uint8_t *user_record, size_t n_user_record,
	void *arg)
{
	struct wa_signal *party = arg;
	int rc;

	(void)name;
	(void)user_record;
	(void)n_user_record;
	rc = party->store.sender_key_save(
		party->store.arg, party->group, party->peer, record, n);
	sodium_memzero(record, n);
	return rc < 0 ? STORE_FAILED : 0;
}

/* ---- a party ---- */

static void records_connect(struct wa_signal *party)
{
	const signal_protocol_session_store sessions = {
		.load_session_func = on_session_load,
		.store_session_func = on_session_save,
		.contains_session_func = on_session_contains,
		.user_data = party,
	};
	const signal_protocol_identity_key_store identities = {
		.get_identity_key_pair = on_identity_pair,
		.get_local_registration_id = on_registration_id,
		.save_identity = on_identity_save,
		.is_trusted_identity = on_identity_trusted,
		.user_data = party,
	};
	const signal_protocol_pre_key_store prekeys = {
		.load_pre_key = on_prekey_load,
		.remove_pre_key = on_prekey_remove,
		.user_data = party,
	};
	const signal_protocol_signed_pre_key_store signed_prekeys = {
		.load_signed_pre_key = on_signed_prekey_load,
		.user_data = party,
	};
	const signal_protocol_sender_key_store sender_keys = {
		.load_sender_key = on_sender_key_load,
		.store_sender_key = on_sender_key_save,
		.user_data = party,
	};
	signal_protocol_store_context *to = party->records;

	signal_protocol_store_context_set_session_store(to, &sessions);
	signal_protocol_store_context_set_identity_key_store(to, &identities);
	signal_protocol_store_context_set_pre_key_store(to, &prekeys);
	signal_protocol_store_context_set_signed_pre_key_store(
		to, &signed_prekeys);
	signal_protocol_store_context_set_sender_key_store(to, &sender_keys);
}

struct wa_signal *wa_signal_new(const struct wa_keypair *identity,
	uint32_t registration_id, const struct wa_signal_store *store)
{
	struct wa_signal *party = xcalloc(1, sizeof(*party));
	int rc;

	party->identity = *identity;
	party->registration_id = registration_id;
	party->store = *store;
	party->address.name = "";
	party->key_name.group_id = "";
	party->key_name.sender = party->address;

	/* No locking functions: a party belongs to one thread. */
	rc = signal_context_create(&party->context, NULL);
	assert(rc == 0);
	rc = signal_context_set_crypto_provider(
		party->context, &signal_provider);
	assert(rc == 0);
	rc = signal_protocol_store_context_create(
		&party->records, party->context);
	assert(rc == 0);
	records_connect(party);
	rc = session_cipher_create(&party->cipher, party->records,
		&party->address, party->context);
	assert(rc == 0);
	rc = session_builder_create(&party->builder, party->records,
		&party->address, party->context);
	assert(rc == 0);
	rc = group_cipher_create(&party->group_cipher, party->records,
		&party->key_name, party->context);
	assert(rc == 0);
	rc = group_session_builder_create(
		&party->group_builder, party->records, party->context);
	assert(rc == 0);
	return party;
}

void wa_signal_free(struct wa_signal **partyp)
{
	struct wa_signal *party = move(*partyp);

	if (party == NULL)
		return;
	group_session_builder_free(party->group_builder);
	group_cipher_free(party->group_cipher);
	session_builder_free(party->builder);
	session_cipher_free(party->cipher);
	signal_protocol_store_context_destroy(party->records);
	signal_context_destroy(party->context);
	signal_party_wipe_record(party);
	buf_fini(&party->record);
	sodium_memzero(party, sizeof(*party));
	free(party);
}

/* ---- results ---- */

static enum wa_signal_result result_of(int rc)
{
	switch (rc) {
	case SG_SUCCESS:
		return WA_SIGNAL_OK;
	case SG_ERR_DUPLICATE_MESSAGE:
		return WA_SIGNAL_DUPLICATE;
	case SG_ERR_NO_SESSION:
		return WA_SIGNAL_NO_SESSION;
	case SG_ERR_INVALID_KEY:
		return WA_SIGNAL_INVALID_KEY;
	case SG_ERR_INVALID_KEY_ID:
		return WA_SIGNAL_NO_PREKEY;
	case SG_ERR_INVALID_MAC:
	case SG_ERR_INVALID_MESSAGE:
	case SG_ERR_INVALID_VERSION:
	case SG_ERR_LEGACY_MESSAGE:
	case SG_ERR_INVALID_PROTO_BUF:
		return WA_SIGNAL_INVALID;
	default: /* our store, memory, misuse: nothing that the peer did */
		return WA_SIGNAL_STORE;
	}
}

enum wa_signal_result signal_report(int rc, const char *what, struct err *err)
{
	static const struct {
		enum err_code code;
		const char *words;
	} reports[] = {
		[WA_SIGNAL_OK] = { ERR_OK, "" },
		[WA_SIGNAL_DUPLICATE] = { ERR_PEER, "seen before" },
		[WA_SIGNAL_NO_SESSION] = { ERR_NOT_FOUND, "no session" },
		[WA_SIGNAL_INVALID_KEY] = { ERR_PEER, "invalid key" },
		[WA_SIGNAL_NO_PREKEY] = { ERR_PEER, "unknown prekey" },
		[WA_SIGNAL_INVALID] = { ERR_PEER, "invalid" },
		[WA_SIGNAL_STORE] = { ERR_IO, "store failed" },
	};
	enum wa_signal_result result = result_of(rc);

	if (result != WA_SIGNAL_OK)
		err_set(err, reports[result].code, "%s: %s (%d)", what,
			reports[result].words, rc);
	return result;
}

int signal_fail(int rc, const char *what, struct err *err)
{
	signal_report(rc, what, err);
	return -1;
}

int signal_parse_error(int rc)
{
	if (rc >= 0 || rc == SG_ERR_NOMEM || rc == SG_ERR_INVALID_KEY)
		return rc;
	return SG_ERR_INVALID_MESSAGE;
}

/* ---- keys that come from peers ---- */

bool signal_key_is_weak(const uint8_t pub[WA_KEY_BYTES])
{
	static const uint8_t order8[2][WA_KEY_BYTES] = {
		{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56,
			0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d,
			0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16,
			0x5f, 0x49, 0xb8, 0x00 },
		{ 0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0,
			0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c,
			0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd,
			0xd0, 0x9f, 0x11, 0x57 },
	};
	uint8_t low[WA_KEY_BYTES] = { 0 }; /* 0 and 1 */
	uint8_t high[WA_KEY_BYTES];	   /* p - 1, p, p + 1 */
	uint8_t key[WA_KEY_BYTES];

	memcpy(key, pub, sizeof(key));
	key[31] &= 0x7f; /* X25519 ignores the top bit */
	memset(high, 0xff, sizeof(high));
	high[31] = 0x7f;
	low[0] = key[0] & 1;
	high[0] = key[0] >= 0xec && key[0] <= 0xee ? key[0] : 0xed;
	return memcmp(key, low, sizeof(key)) == 0 ||
	       memcmp(key, high, sizeof(key)) == 0 ||
	       memcmp(key, order8[0], sizeof(key)) == 0 ||
	       memcmp(key, order8[1], sizeof(key)) == 0;
}

int signal_key_check(const ec_public_key *key)
{
	scoped(signal_wipe_free) signal_buffer *djb = NULL;
	int rc = ec_public_key_serialize(&djb, key);

	if (rc < 0)
		return rc;
	return signal_key_is_weak(signal_buffer_const_data(djb) + 1)
		       ? SG_ERR_INVALID_KEY
		       : 0;
}
