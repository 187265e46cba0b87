#include "common/wa/media.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/aes.h>
#include <sodium.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/wa/crypto.h"

#define BLOCK 16
#define IV_BYTES 12
#define RETRY_INFO "WhatsApp Media Retry Notification"
/* What is collected before it goes through the ciphers. */
#define STAGE 4096
/* Of a blob these stay in the stage until the end: the block with the padding,
 * and the MAC. */
#define BLOB_TAIL (BLOCK + WA_MEDIA_MAC)

static const struct {
	const char *info, *mms;
} types[] = {
	[WA_MEDIA_IMAGE] = { "WhatsApp Image Keys", "image" },
	[WA_MEDIA_VIDEO] = { "WhatsApp Video Keys", "video" },
	[WA_MEDIA_AUDIO] = { "WhatsApp Audio Keys", "audio" },
	[WA_MEDIA_DOCUMENT] = { "WhatsApp Document Keys", "document" },
	[WA_MEDIA_HISTORY] = { "WhatsApp History Keys", "md-msg-hist" },
	[WA_MEDIA_APP_STATE] = { "WhatsApp App State Keys", "md-app-state" },
	[WA_MEDIA_LINK_THUMBNAIL] = { "WhatsApp Link Thumbnail Keys",
		"thumbnail-link" },
};

const char *wa_media_info(enum wa_media_type type)
{
	return types[type].info;
}

const char *wa_media_mms(enum wa_media_type type)
{
	return types[type].mms;
}

int wa_media_type_parse(const char *mms, enum wa_media_type *out)
{
	for (size_t i = WA_MEDIA_IMAGE; i < ARRAY_LEN(types); i++) {
		if (strcmp(types[i].mms, mms) == 0) {
			*out = (enum wa_media_type)i;
			return 0;
		}
	}
	return -1;
}

/* ---- streaming ---- */

struct wa_media_cipher {
	bool decrypts;
	mbedtls_aes_context aes;
	uint8_t iv[BLOCK];
	crypto_auth_hmacsha256_state mac;
	crypto_hash_sha256_state file_hash, blob_hash;
	uint8_t stage[STAGE]; /* came in, not yet through the cipher */
	size_t n_stage;
};

/* iv, cipher key, MAC key; a fourth, unused, is derived with them. */
struct media_keys {
	uint8_t iv[BLOCK], cipher[32], mac[32], unused[32];
};

static struct wa_media_cipher *cipher_new(
	enum wa_media_type type, const uint8_t key[WA_MEDIA_KEY], bool decrypts)
{
	struct wa_media_cipher *cipher = xcalloc(1, sizeof(*cipher));
	struct media_keys keys;
	int rc;

	wa_hkdf(key, WA_MEDIA_KEY, NULL, 0, wa_media_info(type),
		(uint8_t *)&keys, sizeof(keys));
	cipher->decrypts = decrypts;
	memcpy(cipher->iv, keys.iv, sizeof(keys.iv));
	mbedtls_aes_init(&cipher->aes);
	rc = decrypts ? mbedtls_aes_setkey_dec(&cipher->aes, keys.cipher, 256)
		      : mbedtls_aes_setkey_enc(&cipher->aes, keys.cipher, 256);
	if (rc != 0)
		abort(); /* the key has the right size */
	crypto_auth_hmacsha256_init(&cipher->mac, keys.mac, sizeof(keys.mac));
	crypto_auth_hmacsha256_update(&cipher->mac, keys.iv, sizeof(keys.iv));
	crypto_hash_sha256_init(&cipher->file_hash);
	crypto_hash_sha256_init(&cipher->blob_hash);
	sodium_memzero(&keys, sizeof(keys));
	return cipher;
}

struct wa_media_cipher *wa_media_encrypt_new(
	enum wa_media_type type, const uint8_t key[WA_MEDIA_KEY])
{
	return cipher_new(type, key, false);
}

struct wa_media_cipher *wa_media_decrypt_new(
	enum wa_media_type type, const uint8_t key[WA_MEDIA_KEY])
{
	return cipher_new(type, key, true);
}

void wa_media_cipher_free(struct wa_media_cipher **cipherp)
{
	struct wa_media_cipher *cipher = move(*cipherp);

	if (cipher == NULL)
		return;
	mbedtls_aes_free(&cipher->aes);
	sodium_memzero(cipher, sizeof(*cipher));
	free(cipher);
}

/* Whole blocks, either way: what is in the file goes into its hash, what is in
 * the blob into the other and into the MAC. */
static void blocks_pass(struct wa_media_cipher *cipher, const uint8_t *in,
	size_t n, struct buf *out)
{
	uint8_t *result = buf_reserve(out, n);
	const uint8_t *file = cipher->decrypts ? result : in;
	const uint8_t *blob = cipher->decrypts ? in : result;

	if (mbedtls_aes_crypt_cbc(&cipher->aes,
		    cipher->decrypts ? MBEDTLS_AES_DECRYPT
				     : MBEDTLS_AES_ENCRYPT,
		    n, cipher->iv, in, result) != 0)
		abort(); /* whole blocks */
	crypto_hash_sha256_update(&cipher->blob_hash, blob, n);
	crypto_auth_hmacsha256_update(&cipher->mac, blob, n);
	crypto_hash_sha256_update(&cipher->file_hash, file, n);
	out->len += n;
}

/* Passes on every block that cannot be part of the end. */
static void stage_pass(struct wa_media_cipher *cipher, struct buf *out)
{
	size_t tail = cipher->decrypts ? BLOB_TAIL : 0;
	size_t n = cipher->n_stage > tail ? cipher->n_stage - tail : 0;

	n -= n % BLOCK;
	if (n == 0)
		return;
	blocks_pass(cipher, cipher->stage, n, out);
	cipher->n_stage -= n;
	memmove(cipher->stage, cipher->stage + n, cipher->n_stage);
}

void wa_media_feed(struct wa_media_cipher *cipher, const void *bytes, size_t n,
	struct buf *out)
{
	const uint8_t *at = bytes;

	while (n > 0) {
		size_t room = STAGE - cipher->n_stage;
		size_t part = n < room ? n : room;

		memcpy(cipher->stage + cipher->n_stage, at, part);
		cipher->n_stage += part;
		at += part;
		n -= part;
		stage_pass(cipher, out);
	}
}

static void encrypt_finish(struct wa_media_cipher *cipher, struct buf *out)
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	uint8_t pad = (uint8_t)(BLOCK - cipher->n_stage);
	size_t n_file = cipher->n_stage;
	crypto_hash_sha256_state file_hash = cipher->file_hash;

	memset(cipher->stage + n_file, pad, pad);
	crypto_hash_sha256_update(&file_hash, cipher->stage, n_file);
	blocks_pass(cipher, cipher->stage, BLOCK, out);
	cipher->file_hash = file_hash; /* without the padding */
	crypto_auth_hmacsha256_final(&cipher->mac, mac);
	crypto_hash_sha256_update(&cipher->blob_hash, mac, WA_MEDIA_MAC);
	buf_add(out, mac, WA_MEDIA_MAC);
}

/* The padding is looked at only behind a MAC that is right, so there is nothing
 * to be learned from how it fails. */
static int decrypt_finish(
	struct wa_media_cipher *cipher, struct buf *out, struct err *err)
{
	const uint8_t *told = cipher->stage + BLOCK;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	uint8_t last[BLOCK];
	size_t n_pad;

	if (cipher->n_stage != BLOB_TAIL)
		return err_set(err, ERR_PEER, "the blob is cut off");
	crypto_hash_sha256_update(
		&cipher->blob_hash, cipher->stage, cipher->n_stage);
	crypto_auth_hmacsha256_update(&cipher->mac, cipher->stage, BLOCK);
	crypto_auth_hmacsha256_final(&cipher->mac, mac);
	if (sodium_memcmp(mac, told, WA_MEDIA_MAC) != 0)
		return err_set(err, ERR_PEER, "the MAC is wrong");
	if (mbedtls_aes_crypt_cbc(&cipher->aes, MBEDTLS_AES_DECRYPT, BLOCK,
		    cipher->iv, cipher->stage, last) != 0)
		abort(); /* a whole block */
	n_pad = last[BLOCK - 1];
	if (n_pad == 0 || n_pad > BLOCK)
		return err_set(err, ERR_PEER, "the padding is wrong");
	for (size_t i = BLOCK - n_pad; i < BLOCK; i++) {
		if (last[i] != n_pad)
			return err_set(err, ERR_PEER, "the padding is wrong");
	}
	crypto_hash_sha256_update(&cipher->file_hash, last, BLOCK - n_pad);
	buf_add(out, last, BLOCK - n_pad);
	sodium_memzero(last, sizeof(last));
	return 0;
}

int wa_media_finish(struct wa_media_cipher *cipher, struct buf *out,
	uint8_t sha256_out[32], uint8_t enc_sha256_out[32], struct err *err)
{
	if (!cipher->decrypts)
		encrypt_finish(cipher, out);
	else if (decrypt_finish(cipher, out, err) != 0)
		return -1;
	crypto_hash_sha256_final(&cipher->file_hash, sha256_out);
	crypto_hash_sha256_final(&cipher->blob_hash, enc_sha256_out);
	return 0;
}

/* ---- in memory ---- */

void wa_media_seal(enum wa_media_type type, const uint8_t key[WA_MEDIA_KEY],
	const void *file, size_t n, struct buf *out, uint8_t sha256_out[32],
	uint8_t enc_sha256_out[32])
{
	scoped(wa_media_cipher_free) struct wa_media_cipher *cipher =
		wa_media_encrypt_new(type, key);

	wa_media_feed(cipher, file, n, out);
	(void)wa_media_finish(cipher, out, sha256_out, enc_sha256_out, NULL);
}

int wa_media_check(const struct wa_media_ref *ref, uint64_t length,
	const uint8_t sha256[32], const uint8_t enc_sha256[32], struct err *err)
{
	if (sodium_memcmp(enc_sha256, ref->enc_sha256, 32) != 0)
		return err_set(err, ERR_PEER, "the blob has another hash");
	if (ref->has_sha256 && sodium_memcmp(sha256, ref->sha256, 32) != 0)
		return err_set(err, ERR_PEER, "the file has another hash");
	if (ref->length != 0 && length != ref->length)
		return err_set(err, ERR_PEER, "the file has another length");
	return 0;
}

int wa_media_open(const struct wa_media_ref *ref, const void *blob, size_t n,
	struct buf *out, struct err *err)
{
	scoped(wa_media_cipher_free) struct wa_media_cipher *cipher =
		wa_media_decrypt_new(ref->type, ref->key);
	uint8_t sha256[32], enc_sha256[32];
	size_t before = out->len;

	wa_media_feed(cipher, blob, n, out);
	if (wa_media_finish(cipher, out, sha256, enc_sha256, err) == 0 &&
		wa_media_check(
			ref, out->len - before, sha256, enc_sha256, err) == 0)
		return 0;
	if (out->len > before)
		sodium_memzero(out->data + before, out->len - before);
	out->len = before;
	return -1;
}

/* ---- the question to the phone ---- */

static void retry_key(
	const uint8_t key[WA_MEDIA_KEY], uint8_t out[WA_KEY_BYTES])
{
	wa_hkdf(key, WA_MEDIA_KEY, NULL, 0, RETRY_INFO, out, WA_KEY_BYTES);
}

void wa_media_retry_seal(const uint8_t key[WA_MEDIA_KEY], const char *id,
	const void *plain, size_t n, uint8_t iv_out[IV_BYTES], struct buf *out)
{
	uint8_t derived[WA_KEY_BYTES];

	retry_key(key, derived);
	random_bytes(iv_out, IV_BYTES);
	wa_gcm_encrypt(derived, iv_out, id, strlen(id), plain, n,
		buf_reserve(out, n + WA_GCM_TAG));
	out->len += n + WA_GCM_TAG;
	sodium_memzero(derived, sizeof(derived));
}

int wa_media_retry_open(const uint8_t key[WA_MEDIA_KEY], const char *id,
	const uint8_t iv[IV_BYTES], const void *sealed, size_t n,
	struct buf *out, struct err *err)
{
	uint8_t derived[WA_KEY_BYTES];
	int rc;

	if (n < WA_GCM_TAG)
		return err_set(err, ERR_PEER, "media retry of %zu bytes", n);
	retry_key(key, derived);
	rc = wa_gcm_decrypt(derived, iv, id, strlen(id), sealed, n,
		buf_reserve(out, n - WA_GCM_TAG));
	sodium_memzero(derived, sizeof(derived));
	if (rc != 0)
		return err_set(err, ERR_PEER, "media retry: forged");
	out->len += n - WA_GCM_TAG;
	return 0;
}
