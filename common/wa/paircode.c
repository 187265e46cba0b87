#include "common/wa/paircode.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "common/err.h"

#define SALT_BYTES 32
#define IV_BYTES 16
#define NONCE_BYTES 12
#define SECRET_BYTES 32
#define CODE_ROUNDS (2u << 16)

#define BUNDLE_PLAIN_BYTES (2 * WA_KEY_BYTES + SECRET_BYTES)
#define BUNDLE_INFO "link_code_pairing_key_bundle_encryption_key"

static_assert(SALT_BYTES + IV_BYTES + WA_KEY_BYTES == WA_PAIR_WRAP_BYTES,
	"salt, iv, key");
static_assert(SALT_BYTES + NONCE_BYTES + BUNDLE_PLAIN_BYTES + WA_GCM_TAG ==
		      WA_PAIR_BUNDLE_BYTES,
	"salt, nonce, sealed keys");

void wa_pair_code_text(const uint8_t bytes[5], char out[WA_PAIR_CODE_LEN])
{
	/* No 0, I, O, U. */
	static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTVWXYZ";
	uint64_t bits = 0;

	for (size_t i = 0; i < 5; i++)
		bits = bits << 8 | bytes[i];
	for (int i = 0; i < WA_PAIR_CODE_LEN - 1; i++)
		out[i] = alphabet[bits >> (35 - 5 * i) & 31];
	out[WA_PAIR_CODE_LEN - 1] = '\0';
	sodium_memzero(&bits, sizeof(bits));
}

void wa_pair_code_new(char out[WA_PAIR_CODE_LEN])
{
	uint8_t random[5];

	randombytes_buf(random, sizeof(random));
	wa_pair_code_text(random, out);
	sodium_memzero(random, sizeof(random));
}

/* Wrapping and unwrapping are the same: the key stream of code and salt. */
static void crypt_with_code(const char *code, const uint8_t *salt,
	const uint8_t *iv, const uint8_t *in, uint8_t *out)
{
	uint8_t key[32];

	wa_pbkdf2_sha256(code, salt, SALT_BYTES, CODE_ROUNDS, key);
	wa_ctr(key, iv, in, WA_KEY_BYTES, out);
	sodium_memzero(key, sizeof(key));
}

void wa_pair_wrap(const char *code, const uint8_t pub[WA_KEY_BYTES],
	uint8_t out[WA_PAIR_WRAP_BYTES])
{
	randombytes_buf(out, SALT_BYTES + IV_BYTES);
	crypt_with_code(
		code, out, out + SALT_BYTES, pub, out + SALT_BYTES + IV_BYTES);
}

void wa_pair_unwrap(const char *code, const uint8_t wrapped[WA_PAIR_WRAP_BYTES],
	uint8_t pub[WA_KEY_BYTES])
{
	crypt_with_code(code, wrapped, wrapped + SALT_BYTES,
		wrapped + SALT_BYTES + IV_BYTES, pub);
}

/* The secret of both ephemerals, both identities and the random of the bundle.
 */
static void derive_adv_secret(const uint8_t ephemeral_dh[WA_KEY_BYTES],
	const uint8_t identity_dh[WA_KEY_BYTES],
	const uint8_t random[SECRET_BYTES], uint8_t adv_secret[32])
{
	uint8_t ikm[2 * WA_KEY_BYTES + SECRET_BYTES];

	memcpy(ikm, ephemeral_dh, WA_KEY_BYTES);
	memcpy(ikm + WA_KEY_BYTES, identity_dh, WA_KEY_BYTES);
	memcpy(ikm + 2 * WA_KEY_BYTES, random, SECRET_BYTES);
	wa_hkdf(ikm, sizeof(ikm), NULL, 0, "adv_secret", adv_secret, 32);
	sodium_memzero(ikm, sizeof(ikm));
}

int wa_pair_bundle(const struct wa_keypair *ephemeral,
	const struct wa_keypair *identity,
	const uint8_t primary_ephemeral[WA_KEY_BYTES],
	const uint8_t primary_identity[WA_KEY_BYTES],
	uint8_t bundle[WA_PAIR_BUNDLE_BYTES], uint8_t adv_secret[32],
	struct err *err)
{
	uint8_t *salt = bundle, *nonce = bundle + SALT_BYTES;
	uint8_t plain[BUNDLE_PLAIN_BYTES];
	uint8_t *random = plain + 2 * WA_KEY_BYTES;
	uint8_t e[WA_KEY_BYTES], i[WA_KEY_BYTES], key[32];

	if (wa_dh(ephemeral->priv, primary_ephemeral, e) != 0 ||
		wa_dh(identity->priv, primary_identity, i) != 0)
		return err_set(err, ERR_PEER, "bad public key of the phone");
	randombytes_buf(bundle, SALT_BYTES + NONCE_BYTES);
	memcpy(plain, identity->pub, WA_KEY_BYTES);
	memcpy(plain + WA_KEY_BYTES, primary_identity, WA_KEY_BYTES);
	randombytes_buf(random, SECRET_BYTES);

	wa_hkdf(e, sizeof(e), salt, SALT_BYTES, BUNDLE_INFO, key, sizeof(key));
	wa_gcm_encrypt(key, nonce, NULL, 0, plain, sizeof(plain),
		bundle + SALT_BYTES + NONCE_BYTES);
	derive_adv_secret(e, i, random, adv_secret);
	sodium_memzero(plain, sizeof(plain));
	sodium_memzero(e, sizeof(e));
	sodium_memzero(i, sizeof(i));
	sodium_memzero(key, sizeof(key));
	return 0;
}

/* What was sealed under the ephemeral secret @e. */
static int open_sealed(const uint8_t e[WA_KEY_BYTES],
	const uint8_t bundle[WA_PAIR_BUNDLE_BYTES],
	uint8_t plain[BUNDLE_PLAIN_BYTES])
{
	uint8_t key[32];
	int rc;

	wa_hkdf(e, WA_KEY_BYTES, bundle, SALT_BYTES, BUNDLE_INFO, key,
		sizeof(key));
	rc = wa_gcm_decrypt(key, bundle + SALT_BYTES, NULL, 0,
		bundle + SALT_BYTES + NONCE_BYTES,
		BUNDLE_PLAIN_BYTES + WA_GCM_TAG, plain);
	sodium_memzero(key, sizeof(key));
	return rc;
}

int wa_pair_bundle_open(const struct wa_keypair *ephemeral,
	const struct wa_keypair *identity,
	const uint8_t companion_ephemeral[WA_KEY_BYTES],
	const uint8_t bundle[WA_PAIR_BUNDLE_BYTES],
	uint8_t companion_identity[WA_KEY_BYTES], uint8_t adv_secret[32],
	struct err *err)
{
	uint8_t plain[BUNDLE_PLAIN_BYTES];
	uint8_t e[WA_KEY_BYTES], i[WA_KEY_BYTES];

	if (wa_dh(ephemeral->priv, companion_ephemeral, e) != 0)
		return err_set(err, ERR_PEER, "bad companion ephemeral key");
	if (open_sealed(e, bundle, plain) != 0)
		return err_set(err, ERR_PEER, "key bundle does not decrypt");
	if (sodium_memcmp(plain + WA_KEY_BYTES, identity->pub, WA_KEY_BYTES) !=
		0)
		return err_set(err, ERR_PEER,
			"key bundle is for another primary identity");
	if (wa_dh(identity->priv, plain, i) != 0)
		return err_set(err, ERR_PEER, "bad companion identity key");
	memcpy(companion_identity, plain, WA_KEY_BYTES);
	derive_adv_secret(e, i, plain + 2 * WA_KEY_BYTES, adv_secret);
	sodium_memzero(plain, sizeof(plain));
	sodium_memzero(e, sizeof(e));
	sodium_memzero(i, sizeof(i));
	return 0;
}
