/* The primitives of the WhatsApp wire on libsodium and mbedTLS: X25519, XEdDSA,
 * HKDF-SHA-256, AES-256 in GCM and CTR, PBKDF2, base64.  Keys are 32 bytes,
 * without the type byte 05. */
#ifndef COMMON_WA_CRYPTO_H
#define COMMON_WA_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define WA_KEY_BYTES 32
#define WA_SIGNATURE_BYTES 64
#define WA_GCM_TAG 16

struct wa_keypair {
	uint8_t priv[WA_KEY_BYTES]; /* clamped */
	uint8_t pub[WA_KEY_BYTES];
};

/* Call once at start, before threads: libsodium, and mbedTLS' AES-NI probe. */
void wa_crypto_init(void);

void wa_keypair_new(struct wa_keypair *out);
void wa_keypair_from_priv(
	const uint8_t priv[WA_KEY_BYTES], struct wa_keypair *out);
/* -1 for a public key that gives the all-zero secret. */
int wa_dh(const uint8_t priv[WA_KEY_BYTES], const uint8_t pub[WA_KEY_BYTES],
	uint8_t out[WA_KEY_BYTES]);

/* XEdDSA as Signal uses it (connection.md 2.4). */
void wa_sign(const uint8_t priv[WA_KEY_BYTES], const void *msg, size_t n,
	uint8_t sig[WA_SIGNATURE_BYTES]);
bool wa_verify(const uint8_t pub[WA_KEY_BYTES], const void *msg, size_t n,
	const uint8_t sig[WA_SIGNATURE_BYTES]);

void wa_sha256(const void *data, size_t n, uint8_t out[32]);
void wa_hmac_sha256(const void *key, size_t n_key, const void *data, size_t n,
	uint8_t out[32]);
/* @salt may be NULL with 0 bytes; @out_n at most 255 * 32. */
void wa_hkdf(const void *ikm, size_t n_ikm, const void *salt, size_t n_salt,
	const char *info, uint8_t *out, size_t out_n);
void wa_md5(const void *data, size_t n, uint8_t out[16]);

/* @out holds @n + 16 / @n - 16 bytes; in place is allowed. */
void wa_gcm_encrypt(const uint8_t key[32], const uint8_t iv[12],
	const void *aad, size_t n_aad, const void *plain, size_t n,
	uint8_t *out);
int wa_gcm_decrypt(const uint8_t key[32], const uint8_t iv[12], const void *aad,
	size_t n_aad, const void *sealed, size_t n, uint8_t *out);
void wa_ctr(const uint8_t key[32], const uint8_t iv[16], const void *in,
	size_t n, uint8_t *out);
void wa_pbkdf2_sha256(const char *password, const void *salt, size_t n_salt,
	unsigned rounds, uint8_t out[32]);

/* Standard base64 with padding.  encode: @cap at least 4*((n+2)/3)+1.
 * decode: returns the length, or -1; accepts missing padding. */
char *wa_base64(const void *data, size_t n, char *out, size_t cap);
int wa_base64_decode(const char *text, size_t n, uint8_t *out, size_t cap);

/* Message padding (messages.md 1.7): adds 1..16 bytes. */
struct buf;
void wa_pad(struct buf *plain);
/* Length without the padding, or -1. */
int wa_unpad(const uint8_t *plain, size_t n, size_t *n_out);

#endif
