/* Account-to-device signatures: what a phone signs at pairing, what the new
 * device checks and signs in turn (connection.md 5.3, 6.3). */
#ifndef COMMON_WA_ADV_H
#define COMMON_WA_ADV_H

#include <stddef.h>
#include <stdint.h>

#include "common/wa/crypto.h"
#include "common/wa/paircode.h"

struct buf;
struct err;

/* ---- device side ---- */
struct wa_adv_result {
	uint8_t account_key[WA_KEY_BYTES]; /* identity of the primary device */
	uint32_t key_index;
};
/* Checks HMAC and account signature of an ADVSignedDeviceIdentityHMAC, signs
 * with @identity.  Appends the complete ADVSignedDeviceIdentity (to be stored)
 * to @full and the one without account key (the reply) to @reply.
 * ERR_UNAUTHORIZED: HMAC or signature mismatch (the words say which); ERR_PEER:
 * not parseable. */
int wa_adv_accept(const uint8_t *hmac_msg, size_t n,
	const uint8_t adv_secret[32], const struct wa_keypair *identity,
	struct buf *full, struct buf *reply, struct wa_adv_result *result,
	struct err *err);

/* ---- phone side (virtual phones) ---- */
/* Appends the ADVSignedDeviceIdentityHMAC for a companion. */
void wa_adv_issue(const struct wa_keypair *account,
	const uint8_t device_identity[WA_KEY_BYTES],
	const uint8_t adv_secret[32], uint32_t raw_id, uint64_t timestamp,
	uint32_t key_index, struct buf *out);
/* Checks the reply of the device: deviceSignature by @device_identity.  Appends
 * the complete identity with the account key put back. */
int wa_adv_check_reply(const uint8_t *reply, size_t n,
	const uint8_t account_key[WA_KEY_BYTES],
	const uint8_t device_identity[WA_KEY_BYTES], struct buf *full,
	struct err *err);
/* ADVSignedKeyIndexList over @indexes. */
void wa_adv_key_index_list(const struct wa_keypair *account, uint32_t raw_id,
	uint64_t timestamp, const uint32_t *indexes, size_t n, struct buf *out);
/* Verifies a complete ADVSignedDeviceIdentity of a peer for its device
 * identity: account and device signature. */
int wa_adv_verify(const uint8_t *full, size_t n,
	const uint8_t device_identity[WA_KEY_BYTES], struct err *err);

#endif
