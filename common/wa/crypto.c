#include "common/wa/crypto.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/aes.h>
#include <mbedtls/gcm.h>
#include <mbedtls/md5.h>
#include <sodium.h>

#include "common/buf.h"

#define PAD_MAX 16

void wa_crypto_init(void)
{
	static const uint8_t zero[32];
	uint8_t sealed[WA_GCM_TAG];

	if (sodium_init() < 0)
		abort();
	/* mbedTLS builds its tables and looks for AES-NI at first use,
	 * unlocked. */
	wa_gcm_encrypt(zero, zero, NULL, 0, NULL, 0, sealed);
}

/* ---- X25519 ---- */

void wa_keypair_from_priv(
	const uint8_t priv[WA_KEY_BYTES], struct wa_keypair *out)
{
	memmove(out->priv, priv, WA_KEY_BYTES);
	out->priv[0] &= 248;
	out->priv[31] = (uint8_t)((out->priv[31] & 127) | 64);
	crypto_scalarmult_base(out->pub, out->priv);
}

void wa_keypair_new(struct wa_keypair *out)
{
	uint8_t priv[WA_KEY_BYTES];

	randombytes_buf(priv, sizeof(priv));
	wa_keypair_from_priv(priv, out);
	sodium_memzero(priv, sizeof(priv));
}

int wa_dh(const uint8_t priv[WA_KEY_BYTES], const uint8_t pub[WA_KEY_BYTES],
	uint8_t out[WA_KEY_BYTES])
{
	return crypto_scalarmult(out, priv, pub);
}

/* ---- hashes ---- */

void wa_sha256(const void *data, size_t n, uint8_t out[32])
{
	crypto_hash_sha256(out, data, n);
}

void wa_hmac_sha256(const void *key, size_t n_key, const void *data, size_t n,
	uint8_t out[32])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, n_key);
	crypto_auth_hmacsha256_update(&state, data, n);
	crypto_auth_hmacsha256_final(&state, out);
	sodium_memzero(&state, sizeof(state));
}

void wa_hkdf(const void *ikm, size_t n_ikm, const void *salt, size_t n_salt,
	const char *info, uint8_t *out, size_t out_n)
{
	crypto_auth_hmacsha256_state keyed, state;
	uint8_t prk[32], block[32];

	assert(out_n <= 255 * sizeof(block));
	wa_hmac_sha256(salt != NULL ? salt : "", n_salt, ikm, n_ikm, prk);
	crypto_auth_hmacsha256_init(&keyed, prk, sizeof(prk));
	for (uint8_t i = 1; out_n > 0; i++) {
		size_t n = out_n < sizeof(block) ? out_n : sizeof(block);

		state = keyed;
		if (i > 1)
			crypto_auth_hmacsha256_update(
				&state, block, sizeof(block));
		crypto_auth_hmacsha256_update(
			&state, (const uint8_t *)info, strlen(info));
		crypto_auth_hmacsha256_update(&state, &i, 1);
		crypto_auth_hmacsha256_final(&state, block);
		memcpy(out, block, n);
		out += n;
		out_n -= n;
	}
	sodium_memzero(prk, sizeof(prk));
	sodium_memzero(block, sizeof(block));
	sodium_memzero(&keyed, sizeof(keyed));
	sodium_memzero(&state, sizeof(state));
}

/* One block of output is all that is needed. */
void wa_pbkdf2_sha256(const char *password, const void *salt, size_t n_salt,
	unsigned rounds, uint8_t out[32])
{
	static const uint8_t first_block[4] = { 0, 0, 0, 1 };
	crypto_auth_hmacsha256_state keyed, state;
	uint8_t u[32];

	assert(rounds > 0);
	crypto_auth_hmacsha256_init(
		&keyed, (const uint8_t *)password, strlen(password));
	state = keyed;
	crypto_auth_hmacsha256_update(&state, salt, n_salt);
	crypto_auth_hmacsha256_update(&state, first_block, sizeof(first_block));
	crypto_auth_hmacsha256_final(&state, u);
	memcpy(out, u, sizeof(u));
	for (unsigned i = 1; i < rounds; i++) {
		state = keyed;
		crypto_auth_hmacsha256_update(&state, u, sizeof(u));
		crypto_auth_hmacsha256_final(&state, u);
		for (size_t j = 0; j < sizeof(u); j++)
			out[j] ^= u[j];
	}
	sodium_memzero(u, sizeof(u));
	sodium_memzero(&keyed, sizeof(keyed));
	sodium_memzero(&state, sizeof(state));
}

void wa_md5(const void *data, size_t n, uint8_t out[16])
{
	if (mbedtls_md5_ret(data, n, out) != 0)
		abort(); /* only a hardware engine can fail */
}

/* ---- ciphers ---- */

/* Fails only without memory, which is not survived anywhere. */
static void gcm_start(mbedtls_gcm_context *gcm, const uint8_t key[32])
{
	mbedtls_gcm_init(gcm);
	if (mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, key, 256) != 0)
		abort();
}

void wa_gcm_encrypt(const uint8_t key[32], const uint8_t iv[12],
	const void *aad, size_t n_aad, const void *plain, size_t n,
	uint8_t *out)
{
	mbedtls_gcm_context gcm;
	int rc;

	gcm_start(&gcm, key);
	rc = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, n, iv, 12,
		aad, n_aad, plain, out, WA_GCM_TAG, out + n);
	mbedtls_gcm_free(&gcm);
	if (rc != 0)
		abort(); /* lengths that GCM cannot take: never below 2^32 */
}

int wa_gcm_decrypt(const uint8_t key[32], const uint8_t iv[12], const void *aad,
	size_t n_aad, const void *sealed, size_t n, uint8_t *out)
{
	mbedtls_gcm_context gcm;
	uint8_t tag[WA_GCM_TAG];
	int rc;

	if (n < WA_GCM_TAG)
		return -1;
	n -= WA_GCM_TAG;
	memcpy(tag, (const uint8_t *)sealed + n, sizeof(tag));
	gcm_start(&gcm, key);
	rc = mbedtls_gcm_auth_decrypt(
		&gcm, n, iv, 12, aad, n_aad, tag, sizeof(tag), sealed, out);
	mbedtls_gcm_free(&gcm);
	return rc == 0 ? 0 : -1;
}

void wa_ctr(const uint8_t key[32], const uint8_t iv[16], const void *in,
	size_t n, uint8_t *out)
{
	mbedtls_aes_context aes;
	uint8_t counter[16], stream[16];
	size_t offset = 0;

	memcpy(counter, iv, sizeof(counter));
	mbedtls_aes_init(&aes);
	if (mbedtls_aes_setkey_enc(&aes, key, 256) != 0 ||
		mbedtls_aes_crypt_ctr(
			&aes, n, &offset, counter, stream, in, out) != 0)
		abort(); /* constant sizes */
	mbedtls_aes_free(&aes);
	sodium_memzero(stream, sizeof(stream));
}

/* ---- base64 ---- */

char *wa_base64(const void *data, size_t n, char *out, size_t cap)
{
	return sodium_bin2base64(
		out, cap, data, n, sodium_base64_VARIANT_ORIGINAL);
}

int wa_base64_decode(const char *text, size_t n, uint8_t *out, size_t cap)
{
	const char *end;
	size_t length;

	for (int i = 0; i < 2 && n > 0 && text[n - 1] == '='; i++)
		n--;
	if (sodium_base642bin(out, cap, text, n, NULL, &length, &end,
		    sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0 ||
		end != text + n || length > INT32_MAX)
		return -1;
	return (int)length;
}

/* ---- message padding ---- */

void wa_pad(struct buf *plain)
{
	uint8_t n = (uint8_t)(1 + randombytes_uniform(PAD_MAX));

	memset(buf_reserve(plain, n), n, n);
	plain->len += n;
}

int wa_unpad(const uint8_t *plain, size_t n, size_t *n_out)
{
	uint8_t pad;

	if (n == 0)
		return -1;
	pad = plain[n - 1];
	if (pad == 0 || pad > PAD_MAX || pad > n)
		return -1;
	for (size_t i = n - pad; i < n; i++) {
		if (plain[i] != pad)
			return -1;
	}
	*n_out = n - pad;
	return 0;
}
