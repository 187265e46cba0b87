#include "common/wa/signal.h"

#include <signal/sender_key.h>
#include <signal/sender_key_state.h> /* meant for the library's own use: key ids, iterations */

#include "common/buf.h"
#include "common/err.h"
#include "common/wa/signal_party.h"

#define CHAIN_KEY_BYTES 32
#define SKIP_LIMIT 2000 /* skipped keys that the library bears */

int wa_signal_group_skdm(struct wa_signal *party, const struct wa_jid *group,
	const struct wa_jid *self, struct buf *out, struct err *err)
{
	scoped(signal_unref) sender_key_distribution_message *skdm = NULL;
	signal_buffer *bytes;
	int rc;

	signal_party_begin(party, group, self);
	rc = group_session_builder_create_session(
		party->group_builder, &skdm, &party->key_name);
	if (rc < 0)
		return signal_fail(rc, "sender key", err);
	bytes = ciphertext_message_get_serialized((ciphertext_message *)skdm);
	buf_add(out, signal_buffer_data(bytes), signal_buffer_len(bytes));
	return 0;
}

int wa_signal_group_info(struct wa_signal *party, const struct wa_jid *group,
	const struct wa_jid *self, uint32_t *key_id_out,
	uint32_t *iteration_out)
{
	scoped(signal_unref) sender_key_record *record = NULL;
	sender_key_state *state = NULL;

	signal_party_begin(party, group, self);
	if (signal_protocol_sender_key_load_key(
		    party->records, &record, &party->key_name) < 0)
		return -1;
	if (sender_key_record_is_empty(record) ||
		sender_key_record_get_sender_key_state(record, &state) < 0)
		return 0;
	*key_id_out = sender_key_state_get_key_id(state);
	*iteration_out = sender_chain_key_get_iteration(
		sender_key_state_get_chain_key(state));
	return 1;
}

/* Do we hold this key, at a place from which its chain can still be followed?
 * Then processing the SKDM again would lose skipped keys or rewind the chain.
 */
static int skdm_is_known(struct wa_signal *party,
	sender_key_distribution_message *skdm, bool *known_out)
{
	scoped(signal_unref) sender_key_record *record = NULL;
	sender_key_state *state = NULL;
	int64_t ahead;
	int rc;

	rc = signal_protocol_sender_key_load_key(
		party->records, &record, &party->key_name);
	if (rc < 0)
		return rc;
	*known_out = false;
	if (sender_key_record_get_sender_key_state_by_id(record, &state,
		    sender_key_distribution_message_get_id(skdm)) < 0)
		return 0;
	if (ec_public_key_compare(
		    sender_key_state_get_signing_key_public(state),
		    sender_key_distribution_message_get_signature_key(skdm)) !=
		0)
		return 0;
	ahead = (int64_t)sender_key_distribution_message_get_iteration(skdm) -
		(int64_t)sender_chain_key_get_iteration(
			sender_key_state_get_chain_key(state));
	*known_out = ahead <= SKIP_LIMIT;
	return 0;
}

static int skdm_parse(const struct wa_signal *party, const void *bytes,
	size_t n, sender_key_distribution_message **out)
{
	signal_buffer *chain_key;
	int rc;

	rc = signal_parse_error(sender_key_distribution_message_deserialize(
		out, bytes, n, party->context));
	if (rc < 0)
		return rc;
	chain_key = sender_key_distribution_message_get_chain_key(*out);
	if (signal_buffer_len(chain_key) != CHAIN_KEY_BYTES)
		return SG_ERR_INVALID_MESSAGE;
	return signal_key_check(
		sender_key_distribution_message_get_signature_key(*out));
}

int wa_signal_group_process(struct wa_signal *party, const struct wa_jid *group,
	const struct wa_jid *sender, const void *skdm, size_t n,
	struct err *err)
{
	scoped(signal_unref) sender_key_distribution_message *message = NULL;
	bool known = false;
	int rc;

	signal_party_begin(party, group, sender);
	rc = skdm_parse(party, skdm, n, &message);
	if (rc == 0)
		rc = skdm_is_known(party, message, &known);
	if (rc == 0 && !known)
		rc = group_session_builder_process_session(
			party->group_builder, &party->key_name, message);
	return rc < 0 ? signal_fail(rc, "sender key distribution", err) : 0;
}

int wa_signal_group_encrypt(struct wa_signal *party, const struct wa_jid *group,
	const struct wa_jid *self, const void *plain, size_t n, struct buf *out,
	struct err *err)
{
	scoped(signal_unref) ciphertext_message *message = NULL;
	signal_buffer *bytes;
	int rc;

	signal_party_begin(party, group, self);
	rc = group_cipher_encrypt(party->group_cipher, plain, n, &message);
	if (rc < 0)
		return signal_fail(rc, "group encrypt", err);
	bytes = ciphertext_message_get_serialized(message);
	buf_add(out, signal_buffer_data(bytes), signal_buffer_len(bytes));
	return 0;
}

enum wa_signal_result wa_signal_group_decrypt(struct wa_signal *party,
	const struct wa_jid *group, const struct wa_jid *sender,
	const void *cipher, size_t n, struct buf *out, struct err *err)
{
	scoped(signal_unref) sender_key_message *message = NULL;
	scoped(signal_wipe_free) signal_buffer *plain = NULL;
	int rc;

	signal_party_begin(party, group, sender);
	rc = signal_parse_error(sender_key_message_deserialize(
		&message, cipher, n, party->context));
	if (rc == 0)
		rc = group_cipher_decrypt(
			party->group_cipher, message, NULL, &plain);
	if (rc < 0)
		return signal_report(rc, "skmsg", err);
	buf_add(out, signal_buffer_data(plain), signal_buffer_len(plain));
	return WA_SIGNAL_OK;
}
