#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/own.h"
#include "common/wa/crypto.h"
#include "tests/unit/hex.h"

static struct wa_keypair key_of(uint8_t byte)
{
	uint8_t priv[WA_KEY_BYTES];
	struct wa_keypair pair;

	memset(priv, byte, sizeof(priv));
	wa_keypair_from_priv(priv, &pair);
	return pair;
}

/* ---- X25519 ---- */

/* RFC 7748, 6.1 */
static void the_shared_secret_of_rfc7748_comes_out(void **state)
{
	(void)state;
	uint8_t alice[32], bob[32], secret[32];
	struct wa_keypair a, b;

	hex_bytes("77076d0a7318a57d3c16c17251b26645"
		  "df4c2f87ebc0992ab177fba51db92c2a",
		alice, sizeof(alice));
	hex_bytes("5dab087e624a8a4b79e17f8b83800ee6"
		  "6f3bb1292618b6fd1c2f8b27ff88e0eb",
		bob, sizeof(bob));
	wa_keypair_from_priv(alice, &a);
	wa_keypair_from_priv(bob, &b);
	assert_hex_equal(a.pub, 32,
		"8520f0098930a754748b7ddcb43ef75a"
		"0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_int_equal(wa_dh(a.priv, b.pub, secret), 0);
	assert_hex_equal(secret, 32,
		"4a5d9d5ba4ce2de1728e3bf480350f25"
		"e07e21c947d19e3376f09b3c1e161742");
	assert_int_equal(wa_dh(b.priv, a.pub, secret), 0);
	assert_hex_equal(secret, 32,
		"4a5d9d5ba4ce2de1728e3bf480350f25"
		"e07e21c947d19e3376f09b3c1e161742");
}

static void private_keys_are_clamped(void **state)
{
	(void)state;
	struct wa_keypair ones = key_of(0xff), fresh;

	assert_int_equal(ones.priv[0], 0xf8);
	assert_int_equal(ones.priv[31], 0x7f);
	wa_keypair_new(&fresh);
	assert_int_equal(fresh.priv[0] & 7, 0);
	assert_int_equal(fresh.priv[31] & 0xc0, 0x40);
}

static void a_public_key_that_gives_the_zero_secret_is_refused(void **state)
{
	(void)state;
	struct wa_keypair pair = key_of(1);
	uint8_t zero[32] = { 0 }, one[32] = { 1 }, secret[32];

	assert_int_equal(wa_dh(pair.priv, zero, secret), -1);
	assert_int_equal(wa_dh(pair.priv, one, secret), -1);
}

/* ---- XEdDSA ---- */

struct vector {
	const char *pub, *msg, *sig;
	bool top_bit;
};

/* connection.md A.1 and A.4 */
static const struct vector vectors[] = {
	{ "38ab664bd86f77d7e66bdd9ae0792913a94fd8b33a1260027e4b46c1f4884c67",
		"080110001a20219e4d800da968d2a5fcb009c784f4746c7138edb9ee4844"
		"b739e830b05cf4242080e2cfaa062880a8d6b907",
		"d7f66b6b256e24e84667d7f052deaedac6afb8b25ecbaf139f7404a3b78e"
		"28be22b3b97f86a912cd31fe504a296b6b8176b9960bd3add6fc60e0dc4e"
		"4b52a804",
		false },
	{ "219e4d800da968d2a5fcb009c784f4746c7138edb9ee4844b739e830b05cf424",
		"080210011a207b0d47d93427f8311160781c7c733fd89f88970aef490d8a"
		"a0ee19a4cb8a1b142080e2cfaa062880a8d6b907",
		"b04ac7887c463f8355e36a50b732a00c718053c6e4a7ad8c34c75e8c1290"
		"4c48a7345ac1bd23ce189559f4a6f7475df10e56af6c14a8213477327a50"
		"7bb1418e",
		true },
	{ "ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff3e6b",
		"060108b9601080e2cfaa06180120002800"
		"ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff"
		"3e6b"
		"38ab664bd86f77d7e66bdd9ae0792913a94fd8b33a1260027e4b46c1f488"
		"4c67",
		"89a9549f553e657cf3d3400feadba2b91975a7d0965592fa5541548a5890"
		"cdf5b2d4388ee643834f491465466e0616984e76808afb9991d9eb67fb83"
		"0dfdf78b",
		true },
	{ "5dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef22",
		"74657374",
		"e6e3016f6d7ad99226a42c49cfdc820cae0d517f95538969231ea1b701bb"
		"9a52254911b452ce624ca7c4505996710d5cf0e8badc676ce6c047a52d89"
		"67af7088",
		true },
};

struct signed_text {
	uint8_t pub[32], msg[256], sig[64];
	size_t n;
};

static struct signed_text load(const struct vector *vector)
{
	struct signed_text s;

	hex_bytes(vector->pub, s.pub, sizeof(s.pub));
	hex_bytes(vector->sig, s.sig, sizeof(s.sig));
	s.n = hex_bytes(vector->msg, s.msg, sizeof(s.msg));
	return s;
}

static bool verifies(const struct signed_text *s)
{
	return wa_verify(s->pub, s->msg, s->n, s->sig);
}

static void signatures_of_others_verify_with_both_sign_bits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct signed_text s = load(&vectors[i]);

		assert_int_equal(s.sig[63] >> 7, vectors[i].top_bit);
		assert_true(verifies(&s));
	}
}

static void expect_every_flip_refused(
	struct signed_text *s, uint8_t *bytes, size_t n)
{
	for (size_t bit = 0; bit < 8 * n; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(verifies(s));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(verifies(s));
}

static void every_single_flipped_bit_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct signed_text s = load(&vectors[i]);

		expect_every_flip_refused(&s, s.sig, sizeof(s.sig));
		expect_every_flip_refused(&s, s.pub, sizeof(s.pub));
		expect_every_flip_refused(&s, s.msg, s.n);
		s.n--;
		assert_false(verifies(&s));
	}
}

static void our_signatures_verify_and_carry_both_sign_bits(void **state)
{
	(void)state;
	bool seen[2] = { false, false };

	for (uint8_t i = 1; i < 40; i++) {
		struct wa_keypair pair = key_of(i);
		uint8_t msg[40], sig[64];
		size_t n = i;

		memset(msg, i, sizeof(msg));
		wa_sign(pair.priv, msg, n, sig);
		seen[sig[63] >> 7] = true;
		assert_true(wa_verify(pair.pub, msg, n, sig));
		msg[0] ^= 1;
		assert_false(wa_verify(pair.pub, msg, n, sig));
	}
	assert_true(seen[0] && seen[1]);
}

static void signing_clamps_and_is_randomised(void **state)
{
	(void)state;
	struct wa_keypair pair = key_of(0x03);
	uint8_t raw[32], first[64], second[64];

	memset(raw, 0x03, sizeof(raw));
	wa_sign(raw, "test", 4, first);
	wa_sign(raw, "test", 4, second);
	assert_true(wa_verify(pair.pub, "test", 4, first));
	assert_true(wa_verify(pair.pub, "test", 4, second));
	assert_memory_not_equal(first, second, sizeof(first));
}

static void degenerate_public_keys_verify_nothing(void **state)
{
	(void)state;
	static const char *const keys[] = {
		"00000000000000000000000000000000"
		"00000000000000000000000000000000",
		"01000000000000000000000000000000"
		"00000000000000000000000000000000",
		/* p - 1, where (u - 1) / (u + 1) has no value */
		"ecffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffff7f",
		/* p, p + 1 */
		"edffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffffff",
	};
	uint8_t key[32], sig[64] = { 0 };

	sig[0] = 1; /* R = the neutral element, s = 0 */
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		hex_bytes(keys[i], key, sizeof(key));
		assert_false(wa_verify(key, "", 0, sig));
	}
}

/* ---- hashes ---- */

/* RFC 5869, test cases 1 and 3 */
static void hkdf_matches_rfc5869(void **state)
{
	(void)state;
	uint8_t ikm[22], salt[13], okm[42];

	memset(ikm, 0x0b, sizeof(ikm));
	for (uint8_t i = 0; i < sizeof(salt); i++)
		salt[i] = i;
	wa_hkdf(ikm, sizeof(ikm), salt, sizeof(salt),
		"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9", okm, sizeof(okm));
	assert_hex_equal(okm, sizeof(okm),
		"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4"
		"c5bf34007208d5b887185865");
	wa_hkdf(ikm, sizeof(ikm), NULL, 0, "", okm, sizeof(okm));
	assert_hex_equal(okm, sizeof(okm),
		"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c73"
		"8d2d9d201395faa4b61a96c8");
}

static void hkdf_fills_the_longest_output(void **state)
{
	(void)state;
	static uint8_t longest[255 * 32], shorter[255 * 32 - 1];

	wa_hkdf("k", 1, NULL, 0, "i", longest, sizeof(longest));
	wa_hkdf("k", 1, NULL, 0, "i", shorter, sizeof(shorter));
	assert_memory_equal(longest, shorter, sizeof(shorter));
}

static void digests_match_their_standards(void **state)
{
	(void)state;
	uint8_t out[32];

	wa_sha256("abc", 3, out);
	assert_hex_equal(out, 32,
		"ba7816bf8f01cfea414140de5dae2223"
		"b00361a396177a9cb410ff61f20015ad");
	wa_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
	assert_hex_equal(out, 32,
		"5bdcc146bf60754e6a042426089575c7"
		"5a003f089d2739839dec58b964ec3843");
	wa_md5("2.3000.1045649367", 17, out);
	assert_hex_equal(out, 16, "9fa53af9421567b114e33c9bb1ef7db2");
	wa_md5("2.3000.1035194821", 17, out);
	assert_hex_equal(out, 16, "a2c9471eff910a9e1ae659890a28872d");
}

/* RFC 7914, section 11, first 32 bytes */
static void pbkdf2_matches_rfc7914(void **state)
{
	(void)state;
	uint8_t out[32];

	wa_pbkdf2_sha256("passwd", "salt", 4, 1, out);
	assert_hex_equal(out, 32,
		"55ac046e56e3089fec1691c22544b605"
		"f94185216dde0465e68b9d57c20dacbc");
	wa_pbkdf2_sha256("Password", "NaCl", 4, 80000, out);
	assert_hex_equal(out, 32,
		"4ddcd8f60b98be21830cee5ef22701f9"
		"641a4418d04c0414aeff08876b34ab56");
}

/* ---- ciphers ---- */

/* The GCM specification's test case 16 */
static void gcm_matches_its_vector_and_works_in_place(void **state)
{
	(void)state;
	const char *plain_hex =
		"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a31"
		"8a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
	uint8_t key[32], iv[12], aad[20], bytes[76];
	size_t n = hex_bytes(plain_hex, bytes, sizeof(bytes));

	hex_bytes("feffe9928665731c6d6a8f9467308308"
		  "feffe9928665731c6d6a8f9467308308",
		key, sizeof(key));
	hex_bytes("cafebabefacedbaddecaf888", iv, sizeof(iv));
	hex_bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad, sizeof(aad));
	wa_gcm_encrypt(key, iv, aad, sizeof(aad), bytes, n, bytes);
	assert_hex_equal(bytes, n + WA_GCM_TAG,
		"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555"
		"d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
		"76fc6ece0f4e1768cddf8853bb2d551b");
	assert_int_equal(
		wa_gcm_decrypt(key, iv, aad, sizeof(aad), bytes, 76, bytes), 0);
	assert_hex_equal(bytes, n, plain_hex);
}

static void gcm_refuses_every_flipped_bit_and_short_input(void **state)
{
	(void)state;
	uint8_t key[32] = { 1 }, iv[12] = { 2 }, sealed[21], plain[5];

	wa_gcm_encrypt(key, iv, "aad", 3, "hello", 5, sealed);
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(wa_gcm_decrypt(key, iv, "aad", 3, sealed,
					 sizeof(sealed), plain),
			-1);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < sizeof(sealed); n++)
		assert_int_equal(
			wa_gcm_decrypt(key, iv, "aad", 3, sealed, n, plain),
			-1);
	assert_int_equal(
		wa_gcm_decrypt(key, iv, "abd", 3, sealed, 21, plain), -1);
	assert_int_equal(
		wa_gcm_decrypt(key, iv, "aad", 3, sealed, 21, plain), 0);
}

/* NIST SP 800-38A, F.5.5, first two blocks; then less than a block. */
static void ctr_matches_its_vector(void **state)
{
	(void)state;
	uint8_t key[32], iv[16], bytes[32];

	hex_bytes("603deb1015ca71be2b73aef0857d7781"
		  "1f352c073b6108d72d9810a30914dff4",
		key, sizeof(key));
	hex_bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", iv, sizeof(iv));
	hex_bytes("6bc1bee22e409f96e93d7e117393172a"
		  "ae2d8a571e03ac9c9eb76fac45af8e51",
		bytes, sizeof(bytes));
	wa_ctr(key, iv, bytes, 32, bytes);
	assert_hex_equal(bytes, 32,
		"601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5"
		"c5");
	wa_ctr(key, iv, bytes, 5, bytes);
	assert_hex_equal(bytes, 5, "6bc1bee22e");
}

/* ---- base64 ---- */

static void base64_goes_there_and_back(void **state)
{
	(void)state;
	static const char *const texts[][2] = { { "", "" }, { "f", "Zg==" },
		{ "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" } };
	char encoded[16];
	uint8_t decoded[8];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		size_t n = strlen(texts[i][0]);

		wa_base64(texts[i][0], n, encoded, sizeof(encoded));
		assert_string_equal(encoded, texts[i][1]);
		assert_int_equal(wa_base64_decode(encoded, strlen(encoded),
					 decoded, sizeof(decoded)),
			n);
		assert_memory_equal(decoded, texts[i][0], n);
	}
}

static void base64_takes_missing_padding_but_no_rubbish(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int length;
	} cases[] = { { "Zg", 1 }, { "Zg=", 1 }, { "Zm8", 2 }, { "+/+/", 3 },
		{ "Z", -1 }, { "Zg===", -1 }, { "Zm9v Zm9v", -1 },
		{ "-_-_", -1 }, { "Zm9v\n", -1 }, { "Zm9vZm9vZm9v", -1 } };
	uint8_t out[8];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
			wa_base64_decode(cases[i].text, strlen(cases[i].text),
				out, sizeof(out)),
			cases[i].length);
}

/* ---- message padding ---- */

static void padding_adds_one_to_sixteen_and_comes_off(void **state)
{
	(void)state;
	scoped(buf_fini) struct buf plain = BUF_INIT;
	size_t n;

	for (int i = 0; i < 200; i++) {
		buf_clear(&plain);
		buf_add_str(&plain, "message");
		wa_pad(&plain);
		assert_in_range(plain.len, 8, 23);
		assert_int_equal(wa_unpad(plain.data, plain.len, &n), 0);
		assert_int_equal(n, 7);
	}
}

static void bad_padding_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		int length; /* -1: refused */
	} cases[] = {
		{ "", -1 },
		{ "00", -1 },
		{ "11", -1 },
		{ "01", 0 },
		{ "0202", 0 },
		{ "02", -1 },
		{ "aa0102", -1 },
		{ "aa0202", 1 },
		{ "aa10101010101010101010101010101010", 1 },
		{ "aa1111111111111111111111111111111111", -1 },
	};
	uint8_t bytes[32];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = hex_bytes(cases[i].hex, bytes, sizeof(bytes));
		size_t got = 99;
		int rc = wa_unpad(bytes, n, &got);

		assert_int_equal(rc == 0 ? (int)got : -1, cases[i].length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shared_secret_of_rfc7748_comes_out),
		cmocka_unit_test(private_keys_are_clamped),
		cmocka_unit_test(
			a_public_key_that_gives_the_zero_secret_is_refused),
		cmocka_unit_test(
			signatures_of_others_verify_with_both_sign_bits),
		cmocka_unit_test(every_single_flipped_bit_is_refused),
		cmocka_unit_test(
			our_signatures_verify_and_carry_both_sign_bits),
		cmocka_unit_test(signing_clamps_and_is_randomised),
		cmocka_unit_test(degenerate_public_keys_verify_nothing),
		cmocka_unit_test(hkdf_matches_rfc5869),
		cmocka_unit_test(hkdf_fills_the_longest_output),
		cmocka_unit_test(digests_match_their_standards),
		cmocka_unit_test(pbkdf2_matches_rfc7914),
		cmocka_unit_test(gcm_matches_its_vector_and_works_in_place),
		cmocka_unit_test(gcm_refuses_every_flipped_bit_and_short_input),
		cmocka_unit_test(ctr_matches_its_vector),
		cmocka_unit_test(base64_goes_there_and_back),
		cmocka_unit_test(base64_takes_missing_padding_but_no_rubbish),
		cmocka_unit_test(padding_adds_one_to_sixteen_and_comes_off),
		cmocka_unit_test(bad_padding_is_refused),
	};

	wa_crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
