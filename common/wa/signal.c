#include "common/wa/signal.h"

#include <protobuf-c/protobuf-c.h>
/* Meant for the library's own use: identity, base key and registration id of a
 * session. */
#include <signal/session_state.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/wa/signal_party.h"

/* ---- identities ---- */

/* Is the pending identity the one of the session that has just worked?  The
 * outer identity of a repeated pkmsg is under no MAC. */
static int pending_is_genuine(struct wa_signal *party, bool *genuine_out)
{
	scoped(signal_unref) session_record *record = NULL;
	scoped(signal_wipe_free) signal_buffer *djb = NULL;
	ec_public_key *remote;
	int rc;

	rc = signal_protocol_session_load_session(
		party->records, &record, &party->address);
	if (rc < 0)
		return rc;
	remote = session_state_get_remote_identity_key(
		session_record_get_state(record));
	if (remote == NULL)
		return SG_ERR_INVALID_KEY;
	rc = ec_public_key_serialize(&djb, remote);
	if (rc < 0)
		return rc;
	*genuine_out = signal_buffer_len(djb) == DJB_KEY_BYTES &&
		       memcmp(signal_buffer_const_data(djb),
			       party->pending_identity, DJB_KEY_BYTES) == 0;
	return 0;
}

/* After a call that succeeded: keeps the identity that it brought, if that is
 * news. */
static int identity_commit(struct wa_signal *party, bool *changed)
{
	bool genuine = false;
	bool same;
	int found, rc;

	if (!party->identity_pending)
		return 0;
	found = party->store.identity_load(
		party->store.arg, party->peer, &party->record);
	if (found < 0)
		return STORE_FAILED;
	same = found == 1 && party->record.len == DJB_KEY_BYTES &&
	       memcmp(party->record.data, party->pending_identity,
		       DJB_KEY_BYTES) == 0;
	signal_party_wipe_record(party);
	if (same)
		return 0;
	rc = pending_is_genuine(party, &genuine);
	if (rc < 0 || !genuine)
		return rc;
	if (party->store.identity_save(party->store.arg, party->peer,
		    party->pending_identity, DJB_KEY_BYTES) < 0)
		return STORE_FAILED;
	if (changed != NULL)
		*changed = found == 1;
	return 0;
}

/* ---- pairwise sessions ---- */

const char *wa_enc_name(enum wa_enc_type type)
{
	switch (type) {
	case WA_ENC_MSG:
		return "msg";
	case WA_ENC_PKMSG:
		return "pkmsg";
	case WA_ENC_SKMSG:
		return "skmsg";
	}
	return "unknown";
}

int wa_signal_has_session(struct wa_signal *party, const struct wa_jid *address)
{
	int found = party->store.session_load(
		party->store.arg, address, &party->record);

	signal_party_wipe_record(party);
	return found;
}

static int key_decode(const struct wa_signal *party,
	const uint8_t pub[WA_KEY_BYTES], ec_public_key **out)
{
	uint8_t djb[DJB_KEY_BYTES] = { DJB_TYPE };

	if (signal_key_is_weak(pub))
		return SG_ERR_INVALID_KEY;
	memcpy(djb + 1, pub, WA_KEY_BYTES);
	return curve_decode_point(out, djb, sizeof(djb), party->context);
}

static int bundle_create(const struct wa_signal *party,
	const struct wa_bundle *from, session_pre_key_bundle **out)
{
	scoped(signal_unref) ec_public_key *identity = NULL;
	scoped(signal_unref) ec_public_key *signed_key = NULL;
	scoped(signal_unref) ec_public_key *one_time_key = NULL;
	int rc = key_decode(party, from->identity, &identity);

	if (rc == 0)
		rc = key_decode(party, from->signed_key, &signed_key);
	if (rc == 0 && from->has_one_time)
		rc = key_decode(party, from->one_time_key, &one_time_key);
	if (rc < 0)
		return rc;
	return session_pre_key_bundle_create(out, from->registration_id,
		0 /* its device number is not used */, from->one_time_id,
		one_time_key, from->signed_id, signed_key, from->signature,
		WA_SIGNATURE_BYTES, identity);
}

int wa_signal_process_bundle(struct wa_signal *party,
	const struct wa_jid *address, const struct wa_bundle *bundle,
	bool *identity_changed, struct err *err)
{
	scoped(signal_unref) session_pre_key_bundle *made = NULL;
	int rc;

	if (identity_changed != NULL)
		*identity_changed = false;
	signal_party_begin(party, NULL, address);
	rc = bundle_create(party, bundle, &made);
	if (rc == 0)
		rc = session_builder_process_pre_key_bundle(
			party->builder, made);
	if (rc >= 0)
		rc = identity_commit(party, identity_changed);
	return rc < 0 ? signal_fail(rc, "key bundle", err) : 0;
}

int wa_signal_encrypt(struct wa_signal *party, const struct wa_jid *address,
	const void *plain, size_t n, struct buf *out,
	enum wa_enc_type *type_out, struct err *err)
{
	scoped(signal_unref) ciphertext_message *message = NULL;
	signal_buffer *bytes;
	int rc;

	signal_party_begin(party, NULL, address);
	rc = session_cipher_encrypt(party->cipher, plain, n, &message);
	if (rc < 0 && party->session_missing)
		rc = SG_ERR_NO_SESSION; /* the library says "unknown" */
	if (rc < 0)
		return signal_fail(rc, "encrypt", err);
	bytes = ciphertext_message_get_serialized(message);
	buf_add(out, signal_buffer_data(bytes), signal_buffer_len(bytes));
	*type_out =
		ciphertext_message_get_type(message) == CIPHERTEXT_PREKEY_TYPE
			? WA_ENC_PKMSG
			: WA_ENC_MSG;
	return 0;
}

static int decrypt_msg(struct wa_signal *party, const void *cipher, size_t n,
	signal_buffer **plain_out)
{
	scoped(signal_unref) signal_message *message = NULL;
	int rc;

	rc = signal_parse_error(signal_message_deserialize(
		&message, cipher, n, party->context));
	if (rc == 0)
		rc = signal_key_check(
			signal_message_get_sender_ratchet_key(message));
	if (rc < 0)
		return rc;
	rc = session_cipher_decrypt_signal_message(
		party->cipher, message, NULL, plain_out);
	return rc < 0 && party->session_missing ? SG_ERR_NO_SESSION : rc;
}

static int decrypt_pkmsg(struct wa_signal *party, const void *cipher, size_t n,
	signal_buffer **plain_out)
{
	scoped(signal_unref) pre_key_signal_message *message = NULL;
	signal_message *inner;
	int rc;

	rc = signal_parse_error(pre_key_signal_message_deserialize(
		&message, cipher, n, party->context));
	if (rc < 0)
		return rc;
	inner = pre_key_signal_message_get_signal_message(message);
	rc = signal_key_check(pre_key_signal_message_get_identity_key(message));
	if (rc == 0)
		rc = signal_key_check(
			pre_key_signal_message_get_base_key(message));
	if (rc == 0)
		rc = signal_key_check(
			signal_message_get_sender_ratchet_key(inner));
	if (rc < 0)
		return rc;
	return session_cipher_decrypt_pre_key_signal_message(
		party->cipher, message, NULL, plain_out);
}

enum wa_signal_result wa_signal_decrypt(struct wa_signal *party,
	const struct wa_jid *address, enum wa_enc_type type, const void *cipher,
	size_t n, struct buf *out, bool *identity_changed, struct err *err)
{
	scoped(signal_wipe_free) signal_buffer *plain = NULL;
	int rc = SG_ERR_INVALID_MESSAGE;

	if (identity_changed != NULL)
		*identity_changed = false;
	signal_party_begin(party, NULL, address);
	if (type == WA_ENC_MSG)
		rc = decrypt_msg(party, cipher, n, &plain);
	else if (type == WA_ENC_PKMSG)
		rc = decrypt_pkmsg(party, cipher, n, &plain);
	if (rc >= 0)
		rc = identity_commit(party, identity_changed);
	if (rc < 0)
		return signal_report(rc, wa_enc_name(type), err);
	buf_add(out, signal_buffer_data(plain), signal_buffer_len(plain));
	return WA_SIGNAL_OK;
}

int wa_signal_session_info(struct wa_signal *party,
	const struct wa_jid *address, uint32_t *registration_id_out,
	uint8_t base_key_out[33])
{
	scoped(signal_unref) session_record *record = NULL;
	scoped(signal_wipe_free) signal_buffer *djb = NULL;
	session_state *state;
	ec_public_key *base_key;

	signal_party_begin(party, NULL, address);
	if (signal_protocol_session_load_session(
		    party->records, &record, &party->address) < 0 ||
		party->session_missing)
		return -1;
	state = session_record_get_state(record);
	base_key = session_state_get_alice_base_key(state);
	if (base_key == NULL || ec_public_key_serialize(&djb, base_key) < 0 ||
		signal_buffer_len(djb) != DJB_KEY_BYTES)
		return -1;
	memcpy(base_key_out, signal_buffer_const_data(djb), DJB_KEY_BYTES);
	*registration_id_out = session_state_get_remote_registration_id(state);
	return 0;
}

/* An initiator repeats its prekey message until it has decrypted one of the
 * other side's. */
int wa_signal_is_answered(struct wa_signal *party, const struct wa_jid *address)
{
	scoped(signal_unref) session_record *record = NULL;

	signal_party_begin(party, NULL, address);
	if (signal_protocol_session_load_session(
		    party->records, &record, &party->address) < 0)
		return -1;
	if (party->session_missing)
		return 0;
	return !session_state_has_unacknowledged_pre_key_message(
		session_record_get_state(record));
}

/* ---- our own bundle, and the library itself ---- */

void wa_signal_sign_prekey(const struct wa_keypair *identity,
	const uint8_t pub[WA_KEY_BYTES], uint8_t signature[WA_SIGNATURE_BYTES])
{
	uint8_t djb[DJB_KEY_BYTES] = { DJB_TYPE };

	memcpy(djb + 1, pub, WA_KEY_BYTES);
	wa_sign(identity->priv, djb, sizeof(djb), signature);
}

int wa_signal_check_library(struct err *err)
{
	if (protobuf_c_version_number() < PROTOBUF_C_VERSION_NUMBER)
		return err_set(err, ERR_INTERNAL,
			"protobuf-c %s is in use, built for %s: link "
			"-lprotobuf-c before -lsignal-protocol-c",
			protobuf_c_version(), PROTOBUF_C_VERSION);
	return 0;
}
