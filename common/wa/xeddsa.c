/* XEdDSA: Ed25519 signatures under Curve25519 keys, as Signal uses it
 * (connection.md 2.4, signal-library.md 6).  libsodium has everything but the
 * map from a Montgomery u to an Edwards y, which works on public data only. */
#include "common/wa/crypto.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#define SIGN_BIT 0x80

/* ---- the field of 2^255 - 19: five limbs of 51 bits ---- */

typedef uint64_t fe[5];

#define LIMB_MASK ((UINT64_C(1) << 51) - 1)

static uint64_t load_le64(const uint8_t *p)
{
	uint64_t value = 0;

	for (int i = 7; i >= 0; i--)
		value = value << 8 | p[i];
	return value;
}

/* @bytes is below p. */
static void fe_load(fe out, const uint8_t bytes[32])
{
	out[0] = load_le64(bytes) & LIMB_MASK;
	out[1] = load_le64(bytes + 6) >> 3 & LIMB_MASK;
	out[2] = load_le64(bytes + 12) >> 6 & LIMB_MASK;
	out[3] = load_le64(bytes + 19) >> 1 & LIMB_MASK;
	out[4] = load_le64(bytes + 24) >> 12 & LIMB_MASK;
}

/* Carries once round; limbs end just above 51 bits at most. */
static void fe_carry(fe a)
{
	for (int i = 0; i < 4; i++) {
		a[i + 1] += a[i] >> 51;
		a[i] &= LIMB_MASK;
	}
	a[0] += 19 * (a[4] >> 51);
	a[4] &= LIMB_MASK;
}

/* The one representative below p. */
static void fe_store(uint8_t bytes[32], const fe a)
{
	fe t = { a[0], a[1], a[2], a[3], a[4] };
	uint64_t word;

	fe_carry(t);
	fe_carry(t);
	/* Now t < 2^255; adding 19 carries out of the top exactly when t >= p.
	 */
	t[0] += 19;
	fe_carry(t);
	t[0] += (UINT64_C(1) << 51) - 19;
	for (int i = 1; i < 5; i++)
		t[i] += LIMB_MASK;
	for (int i = 0; i < 4; i++) {
		t[i + 1] += t[i] >> 51;
		t[i] &= LIMB_MASK;
	}
	t[4] &= LIMB_MASK;
	for (int i = 0; i < 4; i++) {
		word = t[i] >> (13 * i) | t[i + 1] << (51 - 13 * i);
		for (int j = 0; j < 8; j++)
			bytes[8 * i + j] = (uint8_t)(word >> (8 * j));
	}
}

static void fe_mul(fe out, const fe a, const fe b)
{
	unsigned __int128 sum[5] = { 0 };
	unsigned __int128 carry = 0;

	for (int i = 0; i < 5; i++) {
		for (int j = 0; j < 5; j++) {
			/* 2^255 = 19: what runs over the top comes back. */
			uint64_t factor = i + j < 5 ? b[j] : 19 * b[j];

			sum[(i + j) % 5] += (unsigned __int128)a[i] * factor;
		}
	}
	for (int i = 0; i < 5; i++) {
		sum[i] += carry;
		out[i] = (uint64_t)sum[i] & LIMB_MASK;
		carry = sum[i] >> 51;
	}
	out[0] += 19 * (uint64_t)carry;
	fe_carry(out);
}

/* a^(p - 2), so 0 gives 0.  p - 2 = 2^255 - 21 = binary 1...1 01011. */
static void fe_invert(fe out, const fe a)
{
	fe power = { 1, 0, 0, 0, 0 };

	for (int bit = 254; bit >= 0; bit--) {
		fe_mul(power, power, power);
		if (bit != 2 && bit != 4)
			fe_mul(power, power, a);
	}
	memcpy(out, power, sizeof(power));
}

/* ---- keys ---- */

static bool is_below_p(const uint8_t u[32])
{
	if (u[31] != 0x7f)
		return u[31] < 0x7f;
	for (int i = 30; i > 0; i--) {
		if (u[i] != 0xff)
			return true;
	}
	return u[0] < 0xed;
}

/* y = (u - 1) / (u + 1) */
static void edwards_from_montgomery(
	const uint8_t u_bytes[WA_KEY_BYTES], uint8_t y_bytes[32])
{
	fe u, above, below;

	fe_load(u, u_bytes);
	memcpy(above, u, sizeof(u));
	memcpy(below, u, sizeof(u));
	/* u + p - 1 */
	above[0] += (UINT64_C(1) << 51) - 20;
	for (int i = 1; i < 5; i++)
		above[i] += LIMB_MASK;
	fe_carry(above);
	below[0] += 1;
	fe_invert(below, below);
	fe_mul(above, above, below);
	fe_store(y_bytes, above);
}

bool wa_verify(const uint8_t pub[WA_KEY_BYTES], const void *msg, size_t n,
	const uint8_t sig[WA_SIGNATURE_BYTES])
{
	uint8_t key[32], plain_sig[WA_SIGNATURE_BYTES];

	if (!is_below_p(pub))
		return false;
	edwards_from_montgomery(pub, key);
	key[31] |= sig[63] & SIGN_BIT;
	memcpy(plain_sig, sig, sizeof(plain_sig));
	plain_sig[63] &= (uint8_t)~SIGN_BIT;
	return crypto_sign_verify_detached(plain_sig, msg, n, key) == 0;
}

/* ---- signing ---- */

static void hash_to_scalar(crypto_hash_sha512_state *state, uint8_t scalar[32])
{
	uint8_t hash[crypto_hash_sha512_BYTES];

	crypto_hash_sha512_final(state, hash);
	crypto_core_ed25519_scalar_reduce(scalar, hash);
	sodium_memzero(hash, sizeof(hash));
}

/* A secret nonce that depends on key, message and fresh randomness. */
static void make_nonce(
	const uint8_t a[32], const void *msg, size_t n, uint8_t nonce[32])
{
	crypto_hash_sha512_state state;
	uint8_t prefix[32], random[64];

	memset(prefix, 0xff, sizeof(prefix));
	prefix[0] = 0xfe; /* 2^256 - 2, little endian: no valid point */
	randombytes_buf(random, sizeof(random));
	crypto_hash_sha512_init(&state);
	crypto_hash_sha512_update(&state, prefix, sizeof(prefix));
	crypto_hash_sha512_update(&state, a, 32);
	crypto_hash_sha512_update(&state, msg, n);
	crypto_hash_sha512_update(&state, random, sizeof(random));
	hash_to_scalar(&state, nonce);
	sodium_memzero(&state, sizeof(state));
}

void wa_sign(const uint8_t priv[WA_KEY_BYTES], const void *msg, size_t n,
	uint8_t sig[WA_SIGNATURE_BYTES])
{
	crypto_hash_sha512_state state;
	uint8_t a_wide[64] = { 0 };
	uint8_t a[32], public_point[32], r[32], h[32];
	int rc = 0;

	memcpy(a_wide, priv, WA_KEY_BYTES);
	a_wide[0] &= 248;
	a_wide[31] = (uint8_t)((a_wide[31] & 127) | 64);
	crypto_core_ed25519_scalar_reduce(a, a_wide);
	rc |= crypto_scalarmult_ed25519_base_noclamp(public_point, a);

	make_nonce(a, msg, n, r);
	rc |= crypto_scalarmult_ed25519_base_noclamp(sig, r);
	assert(rc == 0); /* neither scalar is 0 */

	crypto_hash_sha512_init(&state);
	crypto_hash_sha512_update(&state, sig, 32);
	crypto_hash_sha512_update(&state, public_point, sizeof(public_point));
	crypto_hash_sha512_update(&state, msg, n);
	hash_to_scalar(&state, h);

	crypto_core_ed25519_scalar_mul(h, h, a);
	crypto_core_ed25519_scalar_add(sig + 32, h, r);
	/* The verifier knows u, not the sign: it rides in the free top bit of
	 * s. */
	sig[63] |= public_point[31] & SIGN_BIT;
	sodium_memzero(a_wide, sizeof(a_wide));
	sodium_memzero(a, sizeof(a));
	sodium_memzero(r, sizeof(r));
}
