/* The pairing code ("link with phone number", connection.md section 6): what
 * the 8 characters protect, and the key bundle that gives phone and companion a
 * common secret. */
#ifndef COMMON_WA_PAIRCODE_H
#define COMMON_WA_PAIRCODE_H

#include <stdint.h>

#include "common/wa/crypto.h"

struct err;

#define WA_PAIR_CODE_LEN 9 /* 8 characters and the NUL, no dash */
#define WA_PAIR_WRAP_BYTES 80
#define WA_PAIR_BUNDLE_BYTES 156
void wa_pair_code_new(char out[WA_PAIR_CODE_LEN]);
/* Forty bits as they are shown. */
void wa_pair_code_text(const uint8_t bytes[5], char out[WA_PAIR_CODE_LEN]);
/* wrap(pub) = salt 32, iv 16, AES-CTR(PBKDF2(code, salt), iv, pub).  131072
 * rounds: some 50 ms. */
void wa_pair_wrap(const char *code, const uint8_t pub[WA_KEY_BYTES],
	uint8_t out[WA_PAIR_WRAP_BYTES]);
void wa_pair_unwrap(const char *code, const uint8_t wrapped[WA_PAIR_WRAP_BYTES],
	uint8_t pub[WA_KEY_BYTES]);
/* Companion: makes the wrapped key bundle and the new adv secret.  ERR_PEER for
 * a key that gives the zero secret. */
int wa_pair_bundle(const struct wa_keypair *ephemeral,
	const struct wa_keypair *identity,
	const uint8_t primary_ephemeral[WA_KEY_BYTES],
	const uint8_t primary_identity[WA_KEY_BYTES],
	uint8_t bundle[WA_PAIR_BUNDLE_BYTES], uint8_t adv_secret[32],
	struct err *err);
/* Phone: opens it.  ERR_PEER when it does not decrypt or names another primary
 * identity. */
int wa_pair_bundle_open(const struct wa_keypair *ephemeral,
	const struct wa_keypair *identity,
	const uint8_t companion_ephemeral[WA_KEY_BYTES],
	const uint8_t bundle[WA_PAIR_BUNDLE_BYTES],
	uint8_t companion_identity[WA_KEY_BYTES], uint8_t adv_secret[32],
	struct err *err);

#endif
