#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/adv.h"
#include "tests/unit/hex.h"
#include "whatsapp.pb-c.h"

static struct wa_keypair key_of(uint8_t byte)
{
	uint8_t priv[WA_KEY_BYTES];
	struct wa_keypair pair;

	memset(priv, byte, sizeof(priv));
	wa_keypair_from_priv(priv, &pair);
	return pair;
}

/* connection.md A.4: identity 44, account 55, adv secret 07 x 32 */
static const char outer_hex[] =
	"0a750a0f08b9601080e2cfaa06180120002800122038ab664bd86f77d7e66bdd9ae0"
	"792913a94fd8b33a1260027e4b46c1f4884c671a40a1e8952dc4d91cbdcbb8b477a9"
	"5a93864a529e2573d3ec93248b5c52acf0dac4b66a404d15b1a7dcee66a946884e5d"
	"0d4e19e43fdf1c978153bc317eeb4edf0a12205b6ea9150cbcb773a30654b881a9df"
	"58d2f93b6801155b1c1975e3e29d9edbc0";

struct accepted {
	struct buf full, reply;
	struct wa_adv_result result;
};

static void accepted_fini(struct accepted *accepted)
{
	buf_fini(&accepted->full);
	buf_fini(&accepted->reply);
}

static int accept_outer(const uint8_t *outer, size_t n,
	struct accepted *accepted, struct err *err)
{
	struct wa_keypair identity = key_of(0x44);
	uint8_t secret[32];

	memset(secret, 7, sizeof(secret));
	*accepted = (struct accepted){ 0 };
	return wa_adv_accept(outer, n, secret, &identity, &accepted->full,
		&accepted->reply, &accepted->result, err);
}

static void the_vector_is_accepted_and_signed_in_turn(void **state)
{
	struct wa_keypair identity = key_of(0x44), account = key_of(0x55);
	scoped(accepted_fini) struct accepted got = { 0 };
	uint8_t outer[256];
	size_t n = hex_bytes(outer_hex, outer, sizeof(outer));
	Wa__ADVSignedDeviceIdentity *full, *reply;

	(void)state;
	assert_int_equal(accept_outer(outer, n, &got, NULL), 0);
	assert_memory_equal(got.result.account_key, account.pub, 32);
	assert_int_equal(got.result.key_index, 1);

	full = wa__advsigned_device_identity__unpack(
		NULL, got.full.len, got.full.data);
	reply = wa__advsigned_device_identity__unpack(
		NULL, got.reply.len, got.reply.data);
	assert_hex_equal(full->details.data, full->details.len,
		"08b9601080e2cfaa06180120002800");
	assert_memory_equal(full->account_signature_key.data, account.pub, 32);
	assert_int_equal(full->device_signature.len, 64);
	assert_false(reply->has_account_signature_key);
	assert_int_equal(reply->details.len, full->details.len);
	assert_memory_equal(reply->account_signature.data,
		full->account_signature.data, 64);
	assert_memory_equal(
		reply->device_signature.data, full->device_signature.data, 64);
	wa__advsigned_device_identity__free_unpacked(full, NULL);
	wa__advsigned_device_identity__free_unpacked(reply, NULL);

	assert_int_equal(
		wa_adv_verify(got.full.data, got.full.len, identity.pub, NULL),
		0);
}

/* The device signature of the vector, in a complete identity. */
static void a_complete_identity_of_others_verifies(void **state)
{
	struct wa_keypair identity = key_of(0x44), account = key_of(0x55);
	uint8_t full[512];
	size_t n = hex_bytes(
		"0a0f08b9601080e2cfaa06180120002800"
		"122038ab664bd86f77d7e66bdd9ae0792913a94fd8b33a1260027e4b46c1"
		"f4884c67"
		"1a40a1e8952dc4d91cbdcbb8b477a95a93864a529e2573d3ec93248b5c52"
		"acf0dac4b66a404d15b1a7dcee66a946884e5d0d4e19e43fdf1c978153bc"
		"317eeb4edf0a"
		"224089a9549f553e657cf3d3400feadba2b91975a7d0965592fa5541548a"
		"5890cdf5b2d4388ee643834f491465466e0616984e76808afb9991d9eb67"
		"fb830dfdf78b",
		full, sizeof(full));

	(void)state;
	assert_int_equal(wa_adv_verify(full, n, identity.pub, NULL), 0);
	assert_int_equal(wa_adv_verify(full, n, account.pub, NULL), -1);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		full[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(
			wa_adv_verify(full, n, identity.pub, NULL), -1);
		full[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void no_changed_bit_of_an_issued_identity_is_accepted(void **state)
{
	uint8_t outer[256];
	size_t n = hex_bytes(outer_hex, outer, sizeof(outer));

	(void)state;
	for (size_t bit = 0; bit < 8 * n; bit++) {
		scoped(accepted_fini) struct accepted got = { 0 };

		outer[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(accept_outer(outer, n, &got, NULL), -1);
		assert_int_equal(got.full.len + got.reply.len, 0);
		outer[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void each_failure_says_what_failed(void **state)
{
	struct wa_keypair identity = key_of(0x44), account = key_of(0x55);
	struct wa_keypair other = key_of(0x45);
	uint8_t secret[32], wrong[32];
	struct wa_adv_result result;
	scoped(buf_fini) struct buf outer = BUF_INIT, out = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	memset(secret, 7, sizeof(secret));
	memset(wrong, 8, sizeof(wrong));
	wa_adv_issue(&account, identity.pub, secret, 1, 2, 3, &outer);

	assert_int_equal(wa_adv_accept(outer.data, outer.len, wrong, &identity,
				 &out, &out, &result, &err),
		-1);
	assert_int_equal(err.code, ERR_UNAUTHORIZED);
	assert_string_equal(err.msg, "hmac-mismatch");
	assert_int_equal(wa_adv_accept(outer.data, outer.len, secret, &other,
				 &out, &out, &result, &err),
		-1);
	assert_int_equal(err.code, ERR_UNAUTHORIZED);
	assert_string_equal(err.msg, "signature-mismatch");
	assert_int_equal(wa_adv_accept((const uint8_t *)"\xff", 1, secret,
				 &identity, &out, &out, &result, &err),
		-1);
	assert_int_equal(err.code, ERR_PEER);
	assert_int_equal(out.len, 0);
}

/* Packs @sdi under an HMAC with secret 07 x 32; @hosted sets the outer type. */
static void wrap_outer(
	const Wa__ADVSignedDeviceIdentity *sdi, bool hosted, struct buf *out)
{
	Wa__ADVSignedDeviceIdentityHMAC outer =
		WA__ADVSIGNED_DEVICE_IDENTITY_HMAC__INIT;
	uint8_t secret[32], text[512] = { 6, 5 }, hmac[32];
	size_t n = wa__advsigned_device_identity__pack(sdi, text + 2);

	memset(secret, 7, sizeof(secret));
	wa_hmac_sha256(
		secret, 32, hosted ? text : text + 2, hosted ? n + 2 : n, hmac);
	outer.has_details = outer.has_hmac = 1;
	outer.details = (ProtobufCBinaryData){ n, text + 2 };
	outer.hmac = (ProtobufCBinaryData){ 32, hmac };
	outer.has_account_type = hosted;
	outer.account_type = WA__ADVENCRYPTION_TYPE__HOSTED;
	buf_reserve(out, 1024);
	out->len += wa__advsigned_device_identity_hmac__pack(
		&outer, out->data + out->len);
}

static void a_hosted_account_signs_with_its_own_prefix(void **state)
{
	struct wa_keypair identity = key_of(0x44), account = key_of(0x55);
	Wa__ADVSignedDeviceIdentity sdi = WA__ADVSIGNED_DEVICE_IDENTITY__INIT;
	scoped(accepted_fini) struct accepted got = { 0 };
	scoped(buf_fini) struct buf outer = BUF_INIT;
	uint8_t details[2] = { 0x28, 1 }; /* deviceType HOSTED */
	uint8_t text[2 + 2 + 32] = { 6, 5 }, signature[64];
	struct err err = ERR_NONE;

	(void)state;
	memcpy(text + 2, details, 2);
	memcpy(text + 4, identity.pub, 32);
	wa_sign(account.priv, text, sizeof(text), signature);
	sdi.has_details = sdi.has_account_signature = 1;
	sdi.has_account_signature_key = 1;
	sdi.details = (ProtobufCBinaryData){ 2, details };
	sdi.account_signature = (ProtobufCBinaryData){ 64, signature };
	sdi.account_signature_key = (ProtobufCBinaryData){ 32, account.pub };

	wrap_outer(&sdi, true, &outer);
	assert_int_equal(accept_outer(outer.data, outer.len, &got, NULL), 0);
	accepted_fini(&got);

	/* An ordinary device must not be signed that way. */
	details[1] = 0;
	text[3] = 0;
	wa_sign(account.priv, text, sizeof(text), signature);
	buf_clear(&outer);
	wrap_outer(&sdi, false, &outer);
	assert_int_equal(accept_outer(outer.data, outer.len, &got, &err), -1);
	assert_string_equal(err.msg, "signature-mismatch");
}

static void phone_and_device_agree(void **state)
{
	struct wa_keypair identity = key_of(1), account = key_of(2);
	struct wa_keypair stranger = key_of(3);
	uint8_t secret[32] = { 9 };
	struct wa_adv_result result;
	scoped(buf_fini) struct buf outer = BUF_INIT, full = BUF_INIT;
	scoped(buf_fini) struct buf reply = BUF_INIT, stored = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	wa_adv_issue(
		&account, identity.pub, secret, 12345, 1700000000, 0, &outer);
	assert_int_equal(wa_adv_accept(outer.data, outer.len, secret, &identity,
				 &full, &reply, &result, &err),
		0);
	assert_int_equal(result.key_index, 0);
	assert_int_equal(wa_adv_check_reply(reply.data, reply.len, account.pub,
				 identity.pub, &stored, &err),
		0);
	assert_int_equal(stored.len, full.len);
	assert_memory_equal(stored.data, full.data, full.len);

	assert_int_equal(wa_adv_check_reply(reply.data, reply.len, stranger.pub,
				 identity.pub, &stored, &err),
		-1);
	assert_string_equal(err.msg, "bad account signature");
	reply.data[reply.len - 1] ^= 1;
	assert_int_equal(wa_adv_check_reply(reply.data, reply.len, account.pub,
				 identity.pub, &stored, &err),
		-1);
	assert_string_equal(err.msg, "bad device signature");
	assert_int_equal(stored.len, full.len);
}

static void a_key_index_list_names_its_devices(void **state)
{
	struct wa_keypair account = key_of(2);
	const uint32_t indexes[] = { 1, 7, 3 };
	scoped(buf_fini) struct buf out = BUF_INIT;
	Wa__ADVSignedKeyIndexList *envelope;
	Wa__ADVKeyIndexList *list;
	uint8_t text[128] = { 6, 2 };

	(void)state;
	wa_adv_key_index_list(&account, 99, 1700000000, indexes, 3, &out);
	envelope =
		wa__advsigned_key_index_list__unpack(NULL, out.len, out.data);
	list = wa__advkey_index_list__unpack(
		NULL, envelope->details.len, envelope->details.data);
	assert_int_equal(list->raw_id, 99);
	assert_int_equal(list->timestamp, 1700000000);
	assert_int_equal(list->current_index, 7);
	assert_int_equal(list->n_valid_indexes, 3);
	assert_memory_equal(list->valid_indexes, indexes, sizeof(indexes));
	memcpy(text + 2, envelope->details.data, envelope->details.len);
	assert_true(wa_verify(account.pub, text, envelope->details.len + 2,
		envelope->account_signature.data));
	wa__advsigned_key_index_list__free_unpacked(envelope, NULL);
	wa__advkey_index_list__free_unpacked(list, NULL);
}

/* ---- pairing code ---- */

static void a_new_code_keeps_to_its_alphabet(void **state)
{
	char code[WA_PAIR_CODE_LEN], other[WA_PAIR_CODE_LEN];

	(void)state;
	for (int i = 0; i < 50; i++) {
		wa_pair_code_new(code);
		assert_int_equal(strlen(code), 8);
		assert_int_equal(
			strspn(code, "123456789ABCDEFGHJKLMNPQRSTVWXYZ"), 8);
	}
	wa_pair_code_new(other);
	assert_string_not_equal(code, other);
}

/* connection.md A.3 */
static void the_wrapped_key_of_the_vector_opens(void **state)
{
	struct wa_keypair e_c = key_of(0x11);
	uint8_t wrapped[WA_PAIR_WRAP_BYTES], again[WA_PAIR_WRAP_BYTES];
	uint8_t pub[WA_KEY_BYTES];

	(void)state;
	for (uint8_t i = 0; i < 32; i++)
		wrapped[i] = i;
	memset(wrapped + 32, 9, 16);
	hex_bytes("f7bcf1b18cb595a6d0f63661a8718a5e46f8b4b1fa5e29e3d27fa1a35b"
		  "cbd9ae",
		wrapped + 48, 32);
	wa_pair_unwrap("ABCD1234", wrapped, pub);
	assert_memory_equal(pub, e_c.pub, 32);
	wa_pair_unwrap("ABCD1235", wrapped, pub);
	assert_memory_not_equal(pub, e_c.pub, 32);

	wa_pair_wrap("ABCD1234", e_c.pub, again);
	assert_memory_not_equal(again, wrapped, 32);
	wa_pair_unwrap("ABCD1234", again, pub);
	assert_memory_equal(pub, e_c.pub, 32);
}

static void the_key_bundle_of_the_vector_opens(void **state)
{
	struct wa_keypair e_c = key_of(0x11), e_s = key_of(0x22);
	struct wa_keypair s_c = key_of(0x44), root = key_of(0x55);
	uint8_t bundle[WA_PAIR_BUNDLE_BYTES], identity[32], secret[32];

	(void)state;
	memset(bundle, 1, 32);
	memset(bundle + 32, 2, 12);
	hex_bytes("f7b59af0b2ee7c252f6926b688ec76741074397a534954bf05c469be2b"
		  "568b389cce6727e65b9d57303ed41ec2c38f69218948ec9c54ef785b23"
		  "641ca2685a9fd3acb756b29f9fa541ce76cbd912d5a968511e37525ef8"
		  "398e1f6a7dadf47032a69292f7c726ab25634836072bfe789e",
		bundle + 44, 112);
	assert_int_equal(wa_pair_bundle_open(&e_s, &root, e_c.pub, bundle,
				 identity, secret, NULL),
		0);
	assert_memory_equal(identity, s_c.pub, 32);
	assert_hex_equal(secret, 32,
		"962752ea13146d3420b051f603d0bfc41f146790cf1bb63bd93cde8c52f3"
		"6396");
}

static void both_sides_of_the_code_get_one_secret(void **state)
{
	struct wa_keypair e_c = key_of(1), e_p = key_of(2);
	struct wa_keypair i_c = key_of(3), i_p = key_of(4), other = key_of(5);
	uint8_t bundle[WA_PAIR_BUNDLE_BYTES], got[32], mine[32], theirs[32];
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(wa_pair_bundle(&e_c, &i_c, e_p.pub, i_p.pub, bundle,
				 mine, NULL),
		0);
	assert_int_equal(wa_pair_bundle_open(&e_p, &i_p, e_c.pub, bundle, got,
				 theirs, NULL),
		0);
	assert_memory_equal(got, i_c.pub, 32);
	assert_memory_equal(mine, theirs, 32);

	assert_int_equal(wa_pair_bundle_open(&e_p, &other, e_c.pub, bundle, got,
				 theirs, &err),
		-1);
	assert_string_equal(
		err.msg, "key bundle is for another primary identity");
	bundle[WA_PAIR_BUNDLE_BYTES - 1] ^= 1;
	assert_int_equal(wa_pair_bundle_open(&e_p, &i_p, e_c.pub, bundle, got,
				 theirs, &err),
		-1);
	assert_string_equal(err.msg, "key bundle does not decrypt");
}

static void zero_keys_of_a_phone_are_refused(void **state)
{
	struct wa_keypair e = key_of(1), i = key_of(2);
	uint8_t zero[32] = { 0 }, bundle[WA_PAIR_BUNDLE_BYTES] = { 0 };
	uint8_t out[32];

	(void)state;
	assert_int_equal(
		wa_pair_bundle(&e, &i, zero, i.pub, bundle, out, NULL), -1);
	assert_int_equal(
		wa_pair_bundle(&e, &i, e.pub, zero, bundle, out, NULL), -1);
	assert_int_equal(
		wa_pair_bundle_open(&e, &i, zero, bundle, out, out, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vector_is_accepted_and_signed_in_turn),
		cmocka_unit_test(a_complete_identity_of_others_verifies),
		cmocka_unit_test(
			no_changed_bit_of_an_issued_identity_is_accepted),
		cmocka_unit_test(each_failure_says_what_failed),
		cmocka_unit_test(a_hosted_account_signs_with_its_own_prefix),
		cmocka_unit_test(phone_and_device_agree),
		cmocka_unit_test(a_key_index_list_names_its_devices),
		cmocka_unit_test(a_new_code_keeps_to_its_alphabet),
		cmocka_unit_test(the_wrapped_key_of_the_vector_opens),
		cmocka_unit_test(the_key_bundle_of_the_vector_opens),
		cmocka_unit_test(both_sides_of_the_code_get_one_secret),
		cmocka_unit_test(zero_keys_of_a_phone_are_refused),
	};

	wa_crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
