/* Noise_XX_25519_AESGCM_SHA256 as WhatsApp runs it, both roles, the certificate
 * chain, and the transport ciphers (connection.md section 2). */
#ifndef COMMON_WA_NOISE_H
#define COMMON_WA_NOISE_H

#include <stddef.h>
#include <stdint.h>

#include "common/wa/certchain.h"
#include "common/wa/crypto.h"

struct buf;
struct err;

/* 57 41 06 03: "WA", protocol 6, dictionary 3.  The Noise prologue. */
extern const uint8_t wa_intro[4];
/* WhatsApp's own root key for certificate chains, serial 0. */
extern const uint8_t wa_root_key[WA_KEY_BYTES];

/* Transport phase: one key and one counter a direction. */
struct wa_cipher {
	uint8_t send_key[32], recv_key[32];
	uint32_t send_n, recv_n;
};

/* Appends the 3-byte length and the sealed @plain to @out. */
void wa_cipher_seal(
	struct wa_cipher *cipher, const void *plain, size_t n, struct buf *out);
/* @frame is a payload without its length.  Writes @n - 16 bytes to @out (may be
 * @frame). */
int wa_cipher_open(struct wa_cipher *cipher, const uint8_t *frame, size_t n,
	uint8_t *out, struct err *err);

/* ---- initiator ---- */
struct wa_initiator; /* one handshake */

/* @root_key: who may sign intermediate certificates.  @now: unix seconds, for
 * their dates.  @static_key is copied and wiped with the handshake. */
struct wa_initiator *wa_initiator_new(const struct wa_keypair *static_key,
	const uint8_t root_key[WA_KEY_BYTES], int64_t now);
void wa_initiator_free(struct wa_initiator **hsp);
/* The first payload (ClientHello, without intro and length). */
void wa_initiator_hello(struct wa_initiator *hs, struct buf *out);
/* Takes ServerHello, checks the chain, and appends ClientFinish, which carries
 * @payload, to @out; fills @cipher.  ERR_PEER names the check that failed. */
int wa_initiator_finish(struct wa_initiator *hs, const uint8_t *server_hello,
	size_t n, const void *payload, size_t n_payload, struct buf *out,
	struct wa_cipher *cipher, struct err *err);
/* For tests: a fixed ephemeral key. */
void wa_initiator_set_ephemeral(
	struct wa_initiator *hs, const struct wa_keypair *ephemeral);

/* ---- responder ---- */
struct wa_responder_identity { /* made once by sandboxd */
	struct wa_keypair static_key;
	uint8_t *chain; /* serialised CertChain */
	size_t n_chain;
};
/* A chain for a fresh static key, signed by @root, valid
 * @not_before..@not_after (unix seconds). */
void wa_responder_identity_new(const struct wa_keypair *root,
	int64_t not_before, int64_t not_after,
	struct wa_responder_identity *out);
/* The same with one deliberate defect, for tests of the initiator
 * (certchain.h); but for that it is valid from an hour before @now until a day
 * after. */
void wa_responder_identity_new_defect(const struct wa_keypair *root,
	int64_t now, enum wa_chain_defect defect,
	struct wa_responder_identity *out);
void wa_responder_identity_fini(struct wa_responder_identity *identity);

struct wa_responder;
struct wa_responder *wa_responder_new(
	const struct wa_responder_identity *identity /* borrowed */);
void wa_responder_free(struct wa_responder **hsp);
/* ClientHello in, ServerHello appended to @out. */
int wa_responder_hello(struct wa_responder *hs, const uint8_t *client_hello,
	size_t n, struct buf *out, struct err *err);
/* For tests: a fixed ephemeral key. */
void wa_responder_set_ephemeral(
	struct wa_responder *hs, const struct wa_keypair *ephemeral);
/* ClientFinish in; the client's static key and ClientPayload out (@payload
 * appended). */
int wa_responder_finish(struct wa_responder *hs, const uint8_t *client_finish,
	size_t n, uint8_t client_static[WA_KEY_BYTES], struct buf *payload,
	struct wa_cipher *cipher, struct err *err);

#endif
