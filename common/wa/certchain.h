/* The certificate chain of a Noise responder: root key -> intermediate -> leaf,
 * whose key is the responder's static key (connection.md 2.3). */
#ifndef COMMON_WA_CERTCHAIN_H
#define COMMON_WA_CERTCHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "common/wa/crypto.h"

struct buf;
struct err;

/* All checks, each with its own words (ERR_PEER): bad root signature, issuer
 * serial, leaf signature, leaf issuer, leaf key, dates.  @now is in unix
 * seconds. */
int wa_certchain_check(const uint8_t *chain, size_t n,
	const uint8_t root_key[WA_KEY_BYTES],
	const uint8_t static_key[WA_KEY_BYTES], int64_t now, struct err *err);

/* What is wrong with a chain on purpose, for tests of the initiator. */
enum wa_chain_defect {
	WA_CHAIN_GOOD = 0,
	WA_CHAIN_BAD_ROOT,	  /* intermediate signed by another root */
	WA_CHAIN_BAD_LEAF_SIG,	  /* leaf signed by another intermediate */
	WA_CHAIN_BAD_ISSUER,	  /* intermediate not issued by the root */
	WA_CHAIN_BAD_LEAF_ISSUER, /* leaf not issued by the intermediate */
	WA_CHAIN_WRONG_KEY,	  /* leaf is for another static key */
	WA_CHAIN_EXPIRED,	  /* both ended before the valid time began */
	WA_CHAIN_NOT_YET,	  /* both begin after the valid time ended */
};

/* Appends a serialised CertChain for @static_key, valid @not_before..@not_after
 * (unix seconds), under a fresh intermediate key that is forgotten. */
void wa_certchain_make(const struct wa_keypair *root,
	const uint8_t static_key[WA_KEY_BYTES], int64_t not_before,
	int64_t not_after, enum wa_chain_defect defect, struct buf *out);

#endif
