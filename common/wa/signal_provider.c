#include "common/wa/signal_provider.h"

#include <mbedtls/aes.h>
#include <sodium.h>
#include <string.h>

#include "common/own.h"

#define AES_BLOCK 16
#define AES_KEY 32

static int on_random(uint8_t *data, size_t n, void *arg)
{
	(void)arg;
	randombytes_buf(data, n); /* aborts rather than give weak bytes */
	return 0;
}

/* ---- HMAC-SHA-256 ---- */

static int on_hmac_init(
	void **context, const uint8_t *key, size_t n_key, void *arg)
{
	crypto_auth_hmacsha256_state *state = xcalloc(1, sizeof(*state));

	(void)arg;
	crypto_auth_hmacsha256_init(state, key, n_key);
	*context = state;
	return 0;
}

static int on_hmac_update(
	void *context, const uint8_t *data, size_t n, void *arg)
{
	(void)arg;
	crypto_auth_hmacsha256_update(context, data, n);
	return 0;
}

static int on_hmac_final(void *context, signal_buffer **out, void *arg)
{
	signal_buffer *mac = signal_buffer_alloc(crypto_auth_hmacsha256_BYTES);

	(void)arg;
	if (mac == NULL)
		return SG_ERR_NOMEM;
	crypto_auth_hmacsha256_final(context, signal_buffer_data(mac));
	*out = mac;
	return 0;
}

static void on_hmac_cleanup(void *context, void *arg)
{
	(void)arg;
	if (context == NULL)
		return;
	sodium_memzero(context, sizeof(crypto_auth_hmacsha256_state));
	free(context);
}

/* ---- SHA-512 ---- */

static int on_sha512_init(void **context, void *arg)
{
	crypto_hash_sha512_state *state = xcalloc(1, sizeof(*state));

	(void)arg;
	crypto_hash_sha512_init(state);
	*context = state;
	return 0;
}

static int on_sha512_update(
	void *context, const uint8_t *data, size_t n, void *arg)
{
	(void)arg;
	crypto_hash_sha512_update(context, data, n);
	return 0;
}

static int on_sha512_final(void *context, signal_buffer **out, void *arg)
{
	signal_buffer *digest = signal_buffer_alloc(crypto_hash_sha512_BYTES);

	(void)arg;
	if (digest == NULL)
		return SG_ERR_NOMEM;
	crypto_hash_sha512_final(context, signal_buffer_data(digest));
	crypto_hash_sha512_init(context); /* the library uses it again */
	*out = digest;
	return 0;
}

static void on_sha512_cleanup(void *context, void *arg)
{
	(void)arg;
	if (context == NULL)
		return;
	sodium_memzero(context, sizeof(crypto_hash_sha512_state));
	free(context);
}

/* ---- AES-256-CBC with PKCS#7: all that protocol version 3 uses ---- */

static int on_encrypt(signal_buffer **out, int cipher, const uint8_t *key,
	size_t n_key, const uint8_t *iv, size_t n_iv, const uint8_t *plain,
	size_t n, void *arg)
{
	size_t fill = AES_BLOCK - n % AES_BLOCK;
	mbedtls_aes_context aes;
	uint8_t chain[AES_BLOCK];
	signal_buffer *sealed;
	uint8_t *bytes;

	(void)arg;
	if (cipher != SG_CIPHER_AES_CBC_PKCS5 || n_key != AES_KEY ||
		n_iv != AES_BLOCK || n > SIZE_MAX - AES_BLOCK)
		return SG_ERR_INVAL;
	sealed = signal_buffer_alloc(n + fill);
	if (sealed == NULL)
		return SG_ERR_NOMEM;
	bytes = signal_buffer_data(sealed);
	if (n > 0)
		memcpy(bytes, plain, n);
	memset(bytes + n, (int)fill, fill);
	memcpy(chain, iv, sizeof(chain)); /* CBC writes the next one there */
	mbedtls_aes_init(&aes);
	mbedtls_aes_setkey_enc(&aes, key, AES_KEY * 8);
	mbedtls_aes_crypt_cbc(
		&aes, MBEDTLS_AES_ENCRYPT, n + fill, chain, bytes, bytes);
	mbedtls_aes_free(&aes);
	*out = sealed;
	return 0;
}

/* Length without the PKCS#7 fill, or -1.  Not in constant time: the library has
 * checked the MAC (or the signature) before it decrypts. */
static int64_t unfilled_length(const uint8_t *bytes, size_t n)
{
	size_t fill = bytes[n - 1];

	if (fill == 0 || fill > AES_BLOCK)
		return -1;
	for (size_t i = n - fill; i < n; i++)
		if (bytes[i] != fill)
			return -1;
	return (int64_t)(n - fill);
}

static int on_decrypt(signal_buffer **out, int cipher, const uint8_t *key,
	size_t n_key, const uint8_t *iv, size_t n_iv, const uint8_t *sealed,
	size_t n, void *arg)
{
	mbedtls_aes_context aes;
	uint8_t chain[AES_BLOCK];
	signal_buffer *filled;
	int64_t length;

	(void)arg;
	if (cipher != SG_CIPHER_AES_CBC_PKCS5 || n_key != AES_KEY ||
		n_iv != AES_BLOCK)
		return SG_ERR_INVAL;
	if (n == 0 || n % AES_BLOCK != 0)
		return SG_ERR_INVALID_MESSAGE;
	filled = signal_buffer_alloc(n);
	if (filled == NULL)
		return SG_ERR_NOMEM;
	memcpy(chain, iv, sizeof(chain));
	mbedtls_aes_init(&aes);
	mbedtls_aes_setkey_dec(&aes, key, AES_KEY * 8);
	mbedtls_aes_crypt_cbc(&aes, MBEDTLS_AES_DECRYPT, n, chain, sealed,
		signal_buffer_data(filled));
	mbedtls_aes_free(&aes);
	length = unfilled_length(signal_buffer_const_data(filled), n);
	*out = length < 0 ? NULL : signal_buffer_n_copy(filled, (size_t)length);
	signal_buffer_bzero_free(filled);
	if (length < 0)
		return SG_ERR_INVALID_MESSAGE;
	return *out == NULL ? SG_ERR_NOMEM : 0;
}

const signal_crypto_provider signal_provider = {
	.random_func = on_random,
	.hmac_sha256_init_func = on_hmac_init,
	.hmac_sha256_update_func = on_hmac_update,
	.hmac_sha256_final_func = on_hmac_final,
	.hmac_sha256_cleanup_func = on_hmac_cleanup,
	.sha512_digest_init_func = on_sha512_init,
	.sha512_digest_update_func = on_sha512_update,
	.sha512_digest_final_func = on_sha512_final,
	.sha512_digest_cleanup_func = on_sha512_cleanup,
	.encrypt_func = on_encrypt,
	.decrypt_func = on_decrypt,
};
