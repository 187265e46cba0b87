#include "common/wa/syncd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/aes.h>
#include <mbedtls/md.h>
#include <sodium.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/wa/crypto.h"

#define BLOCK 16
#define LANES (WA_SYNCD_LTHASH / 2)

static_assert(sizeof(struct wa_syncd_keys) == 5 * WA_SYNCD_KEY,
	"five keys in the order in which they are derived");

/* ---- keys ---- */

void wa_syncd_keys_expand(
	const void *key_data, size_t n, struct wa_syncd_keys *out)
{
	wa_hkdf(key_data, n, NULL, 0, "WhatsApp Mutation Keys", out->index,
		sizeof(*out));
}

void wa_syncd_keys_wipe(struct wa_syncd_keys *keys)
{
	sodium_memzero(keys, sizeof(*keys));
}

/* ---- the hash: 64 lanes of little-endian 16 bits ---- */

static unsigned lane_get(const uint8_t *bytes, size_t i)
{
	return (unsigned)(bytes[2 * i] | bytes[2 * i + 1] << 8);
}

static void lane_set(uint8_t *bytes, size_t i, unsigned value)
{
	bytes[2 * i] = (uint8_t)value;
	bytes[2 * i + 1] = (uint8_t)(value >> 8);
}

static void contribution(
	const uint8_t value_mac[WA_SYNCD_MAC], uint8_t out[WA_SYNCD_LTHASH])
{
	wa_hkdf(value_mac, WA_SYNCD_MAC, NULL, 0, "WhatsApp Patch Integrity",
		out, WA_SYNCD_LTHASH);
}

void wa_syncd_lthash_add(
	uint8_t hash[WA_SYNCD_LTHASH], const uint8_t value_mac[WA_SYNCD_MAC])
{
	uint8_t part[WA_SYNCD_LTHASH];

	contribution(value_mac, part);
	for (size_t i = 0; i < LANES; i++)
		lane_set(hash, i, lane_get(hash, i) + lane_get(part, i));
}

void wa_syncd_lthash_sub(
	uint8_t hash[WA_SYNCD_LTHASH], const uint8_t value_mac[WA_SYNCD_MAC])
{
	uint8_t part[WA_SYNCD_LTHASH];

	contribution(value_mac, part);
	for (size_t i = 0; i < LANES; i++)
		lane_set(hash, i, lane_get(hash, i) - lane_get(part, i));
}

/* ---- MACs ---- */

/* HMAC in pieces.  mbedTLS fails only without memory. */
static void mac_begin(mbedtls_md_context_t *mac, mbedtls_md_type_t type,
	const uint8_t key[WA_SYNCD_KEY])
{
	mbedtls_md_init(mac);
	if (mbedtls_md_setup(mac, mbedtls_md_info_from_type(type), 1) != 0 ||
		mbedtls_md_hmac_starts(mac, key, WA_SYNCD_KEY) != 0)
		abort();
}

static void mac_add(mbedtls_md_context_t *mac, const void *bytes, size_t n)
{
	if (n > 0 && mbedtls_md_hmac_update(mac, bytes, n) != 0)
		abort();
}

static void mac_add_number(mbedtls_md_context_t *mac, uint64_t value)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
	mac_add(mac, bytes, sizeof(bytes));
}

/* The first 32 bytes of it. */
static void mac_end(mbedtls_md_context_t *mac, uint8_t out[WA_SYNCD_MAC])
{
	uint8_t whole[MBEDTLS_MD_MAX_SIZE];

	if (mbedtls_md_hmac_finish(mac, whole) != 0)
		abort();
	mbedtls_md_free(mac);
	memcpy(out, whole, WA_SYNCD_MAC);
	sodium_memzero(whole, sizeof(whole));
}

void wa_syncd_index_mac(const struct wa_syncd_keys *keys, const void *index,
	size_t n, uint8_t out[WA_SYNCD_MAC])
{
	wa_hmac_sha256(keys->index, sizeof(keys->index), index, n, out);
}

void wa_syncd_value_mac(const struct wa_syncd_keys *keys,
	enum wa_syncd_operation operation, const void *key_id, size_t n_key_id,
	const void *sealed, size_t n, uint8_t out[WA_SYNCD_MAC])
{
	const uint8_t op = operation == WA_SYNCD_SET ? 1 : 2;
	mbedtls_md_context_t mac;

	mac_begin(&mac, MBEDTLS_MD_SHA512, keys->value_mac);
	mac_add(&mac, &op, sizeof(op));
	mac_add(&mac, key_id, n_key_id);
	mac_add(&mac, sealed, n);
	mac_add_number(&mac, sizeof(op) + n_key_id);
	mac_end(&mac, out);
}

void wa_syncd_snapshot_mac(const struct wa_syncd_keys *keys,
	const uint8_t hash[WA_SYNCD_LTHASH], uint64_t version,
	const char *collection, uint8_t out[WA_SYNCD_MAC])
{
	mbedtls_md_context_t mac;

	mac_begin(&mac, MBEDTLS_MD_SHA256, keys->snapshot_mac);
	mac_add(&mac, hash, WA_SYNCD_LTHASH);
	mac_add_number(&mac, version);
	mac_add(&mac, collection, strlen(collection));
	mac_end(&mac, out);
}

void wa_syncd_patch_mac(const struct wa_syncd_keys *keys,
	const uint8_t snapshot_mac[WA_SYNCD_MAC], const uint8_t *value_macs,
	size_t n, uint64_t version, const char *collection,
	uint8_t out[WA_SYNCD_MAC])
{
	mbedtls_md_context_t mac;

	mac_begin(&mac, MBEDTLS_MD_SHA256, keys->patch_mac);
	mac_add(&mac, snapshot_mac, WA_SYNCD_MAC);
	mac_add(&mac, value_macs, n * WA_SYNCD_MAC);
	mac_add_number(&mac, version);
	mac_add(&mac, collection, strlen(collection));
	mac_end(&mac, out);
}

/* ---- values ---- */

static void cbc(int mode, const uint8_t key[WA_SYNCD_KEY],
	const uint8_t iv[BLOCK], const uint8_t *in, size_t n, uint8_t *out)
{
	mbedtls_aes_context aes;
	uint8_t chain[BLOCK];

	memcpy(chain, iv, sizeof(chain));
	mbedtls_aes_init(&aes);
	if (mode == MBEDTLS_AES_ENCRYPT)
		mbedtls_aes_setkey_enc(&aes, key, 8 * WA_SYNCD_KEY);
	else
		mbedtls_aes_setkey_dec(&aes, key, 8 * WA_SYNCD_KEY);
	if (mbedtls_aes_crypt_cbc(&aes, mode, n, chain, in, out) != 0)
		abort(); /* whole blocks only: the callers see to it */
	mbedtls_aes_free(&aes);
}

void wa_syncd_encrypt(const struct wa_syncd_keys *keys,
	enum wa_syncd_operation operation, const void *key_id, size_t n_key_id,
	const void *data, size_t n, struct buf *out)
{
	const uint8_t pad = (uint8_t)(BLOCK - n % BLOCK);
	const size_t n_cipher = n + pad;
	uint8_t *blob = buf_reserve(out, BLOCK + n_cipher + WA_SYNCD_MAC);
	uint8_t *cipher = blob + BLOCK;

	random_bytes(blob, BLOCK);
	memcpy(cipher, data, n);
	memset(cipher + n, pad, pad);
	cbc(MBEDTLS_AES_ENCRYPT, keys->value_encryption, blob, cipher, n_cipher,
		cipher);
	wa_syncd_value_mac(keys, operation, key_id, n_key_id, blob,
		BLOCK + n_cipher, cipher + n_cipher);
	out->len += BLOCK + n_cipher + WA_SYNCD_MAC;
}

const uint8_t *wa_syncd_blob_mac(const void *blob, size_t n)
{
	return n < WA_SYNCD_MAC ? NULL
				: (const uint8_t *)blob + n - WA_SYNCD_MAC;
}

/* Length of @plain without its PKCS#7 padding; -1: that is none.  The MAC was
 * right, so how long this takes tells nothing. */
static int padding_strip(const uint8_t *plain, size_t n, size_t *n_out)
{
	const uint8_t pad = plain[n - 1];

	if (pad == 0 || pad > BLOCK)
		return -1;
	for (size_t i = n - pad; i < n; i++) {
		if (plain[i] != pad)
			return -1;
	}
	*n_out = n - pad;
	return 0;
}

int wa_syncd_decrypt(const struct wa_syncd_keys *keys,
	enum wa_syncd_operation operation, const void *key_id, size_t n_key_id,
	const void *blob, size_t n, struct buf *out,
	uint8_t value_mac_out[WA_SYNCD_MAC], struct err *err)
{
	const uint8_t *iv = blob;
	uint8_t mac[WA_SYNCD_MAC], *plain;
	size_t n_cipher, n_plain;

	if (n < 2 * BLOCK + WA_SYNCD_MAC || (n - WA_SYNCD_MAC) % BLOCK != 0)
		return err_set(
			err, ERR_PEER, "app state value of %zu bytes", n);
	n_cipher = n - BLOCK - WA_SYNCD_MAC;
	wa_syncd_value_mac(
		keys, operation, key_id, n_key_id, blob, BLOCK + n_cipher, mac);
	if (sodium_memcmp(mac, wa_syncd_blob_mac(blob, n), sizeof(mac)) != 0)
		return err_set(err, ERR_PEER, "app state value: wrong MAC");
	plain = buf_reserve(out, n_cipher);
	cbc(MBEDTLS_AES_DECRYPT, keys->value_encryption, iv, iv + BLOCK,
		n_cipher, plain);
	if (padding_strip(plain, n_cipher, &n_plain) != 0)
		return err_set(err, ERR_PEER, "app state value: wrong padding");
	out->len += n_plain;
	if (value_mac_out != NULL)
		memcpy(value_mac_out, mac, sizeof(mac));
	return 0;
}
