#include "common/wa/media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/wa/crypto.h"
#include "tests/unit/hex.h"

#define HELLO "hello media"

/* 00 01 .. 1f */
static const uint8_t key[WA_MEDIA_KEY] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
	12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
	30, 31 };

/* What a message would say of the blob of @file. */
static struct wa_media_ref ref_of(
	enum wa_media_type type, const void *file, size_t n, struct buf *blob)
{
	struct wa_media_ref ref = {
		.type = type, .length = n, .has_sha256 = true
	};

	memcpy(ref.key, key, sizeof(key));
	wa_media_seal(type, key, file, n, blob, ref.sha256, ref.enc_sha256);
	return ref;
}

static void blobs_are_those_of_the_vectors(void **state)
{
	static const struct {
		enum wa_media_type type;
		const char *blob, *token;
	} vectors[] = {
		{ WA_MEDIA_IMAGE,
			"7f9bef39ef1650caa4aba10652270c99"
			"60575dfb7ec0f89ab88f",
			"3odK1nwSJxKGqeKvrovg0ahbkcJDjFZ5qkYJuG0pLNM=" },
		{ WA_MEDIA_VIDEO,
			"5ac8a90dbc9370092f40dbcb63aa0323"
			"c5520f9ea07ac226b6c7",
			"X9gPuMA+wLtbyciXgIWCOjMzzBy2QX2GS1xqTQQaKuA=" },
		{ WA_MEDIA_AUDIO,
			"b88e94ce865d86412f0e658b740e1a75"
			"027697abf45fe84c1a06",
			"Ws1gSc6cf5pjWBwNpWzzidwd/H6plDXyk0o7dzvQL0M=" },
		{ WA_MEDIA_DOCUMENT,
			"bc1b241baa9de1d20276dcb22145d69e"
			"f6c95d6a7246265a3d89",
			"r2zaekmj8kqxzFpYcAfh4HeJlI71ndGCYu9za+noPDY=" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		scoped(buf_fini) struct buf blob = BUF_INIT;
		struct wa_media_ref ref =
			ref_of(vectors[i].type, HELLO, 11, &blob);
		uint8_t sha256[32];
		char token[64];

		assert_hex_equal(blob.data, blob.len, vectors[i].blob);
		wa_base64(ref.enc_sha256, 32, token, sizeof(token));
		assert_string_equal(token, vectors[i].token);
		wa_sha256(HELLO, 11, sha256);
		assert_memory_equal(sha256, ref.sha256, 32);
	}
}

static void every_type_has_keys_and_a_name_of_its_own(void **state)
{
	(void)state;
	for (int a = WA_MEDIA_IMAGE; a <= WA_MEDIA_LINK_THUMBNAIL; a++) {
		enum wa_media_type parsed = 0;

		assert_int_equal(
			wa_media_type_parse(
				wa_media_mms((enum wa_media_type)a), &parsed),
			0);
		assert_int_equal(parsed, a);
		for (int b = WA_MEDIA_IMAGE; b < a; b++)
			assert_string_not_equal(
				wa_media_info((enum wa_media_type)a),
				wa_media_info((enum wa_media_type)b));
	}
	assert_int_equal(
		wa_media_type_parse("sticker", &(enum wa_media_type){ 0 }), -1);
}

/* ---- streaming ---- */

/* @in through @cipher in pieces of @piece bytes. */
static int pass(struct wa_media_cipher *cipher, const struct buf *in,
	size_t piece, struct buf *out, uint8_t sha256[32],
	uint8_t enc_sha256[32], struct err *err)
{
	for (size_t at = 0; at < in->len; at += piece) {
		size_t left = in->len - at;

		wa_media_feed(cipher, in->data + at,
			left < piece ? left : piece, out);
	}
	return wa_media_finish(cipher, out, sha256, enc_sha256, err);
}

static void make_file(size_t n, struct buf *out)
{
	uint8_t *at = buf_reserve(out, n + 1);

	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)(i * 131 + i / 251);
	out->len += n;
}

static void check_pieces(size_t n, size_t piece)
{
	scoped(wa_media_cipher_free) struct wa_media_cipher *seal =
		wa_media_encrypt_new(WA_MEDIA_VIDEO, key);
	scoped(wa_media_cipher_free) struct wa_media_cipher *open =
		wa_media_decrypt_new(WA_MEDIA_VIDEO, key);
	scoped(buf_fini) struct buf file = BUF_INIT, blob = BUF_INIT,
				    sealed = BUF_INIT, opened = BUF_INIT;
	uint8_t sha256[32], enc_sha256[32];
	struct err err = ERR_NONE;
	struct wa_media_ref ref;

	make_file(n, &file);
	ref = ref_of(WA_MEDIA_VIDEO, file.data, file.len, &blob);
	assert_int_equal(blob.len, (n / 16 + 1) * 16 + WA_MEDIA_MAC);
	assert_int_equal(
		pass(seal, &file, piece, &sealed, sha256, enc_sha256, &err), 0);
	assert_int_equal(sealed.len, blob.len);
	assert_memory_equal(sealed.data, blob.data, blob.len);
	assert_int_equal(wa_media_check(&ref, n, sha256, enc_sha256, &err), 0);
	assert_int_equal(
		pass(open, &blob, piece, &opened, sha256, enc_sha256, &err), 0);
	assert_int_equal(opened.len, n);
	assert_memory_equal(opened.data, file.data, n);
	assert_int_equal(wa_media_check(&ref, n, sha256, enc_sha256, &err), 0);
}

static void pieces_of_any_size_give_the_same_blob_and_file(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 31, 32, 100, 4069,
		4070, 4079, 4080, 4096, 4097, 9000, 12288 };
	static const size_t pieces[] = { 1, 2, 7, 15, 16, 17, 26, 27, 100, 4095,
		4096, 4097, 100000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		for (size_t j = 0; j < ARRAY_LEN(pieces); j++)
			check_pieces(sizes[i], pieces[j]);
	}
}

/* The last block and the MAC stay back until the end. */
static void what_may_be_the_end_is_not_given_out_early(void **state)
{
	scoped(wa_media_cipher_free) struct wa_media_cipher *cipher =
		wa_media_decrypt_new(WA_MEDIA_IMAGE, key);
	scoped(buf_fini) struct buf blob = BUF_INIT, out = BUF_INIT;
	uint8_t zeros[64] = { 0 };

	(void)state;
	ref_of(WA_MEDIA_IMAGE, zeros, sizeof(zeros), &blob);
	wa_media_feed(cipher, blob.data, blob.len, &out);
	assert_int_equal(out.len, 64);
	assert_memory_equal(out.data, zeros, 64);
}

/* ---- hostile blobs ---- */

static void a_byte_changed_anywhere_is_noticed(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT, blob = BUF_INIT,
				    out = BUF_INIT;
	struct wa_media_ref ref;

	(void)state;
	make_file(70, &file);
	ref = ref_of(WA_MEDIA_IMAGE, file.data, file.len, &blob);
	for (size_t i = 0; i < blob.len; i++) {
		struct err err = ERR_NONE;

		blob.data[i] ^= 0x40;
		/* The hash of the blob says so, and without it the MAC. */
		wa_sha256(blob.data, blob.len, ref.enc_sha256);
		assert_int_equal(
			wa_media_open(&ref, blob.data, blob.len, &out, &err),
			-1);
		assert_int_equal(err.code, ERR_PEER);
		assert_int_equal(out.len, 0);
		blob.data[i] ^= 0x40;
	}
	wa_sha256(blob.data, blob.len, ref.enc_sha256);
	assert_int_equal(
		wa_media_open(&ref, blob.data, blob.len, &out, NULL), 0);
}

static void a_blob_that_was_cut_off_is_noticed_at_every_length(void **state)
{
	scoped(buf_fini) struct buf blob = BUF_INIT, out = BUF_INIT;
	struct wa_media_ref ref = ref_of(WA_MEDIA_AUDIO, HELLO, 11, &blob);

	(void)state;
	for (size_t n = 0; n < blob.len; n++) {
		struct err err = ERR_NONE;

		assert_int_equal(
			wa_media_open(&ref, blob.data, n, &out, &err), -1);
		assert_int_equal(err.code, ERR_PEER);
		assert_int_equal(out.len, 0);
	}
	buf_add_byte(&blob, 0);
	assert_int_equal(
		wa_media_open(&ref, blob.data, blob.len, &out, NULL), -1);
}

static void a_good_blob_that_is_another_one_is_refused(void **state)
{
	scoped(buf_fini) struct buf blob = BUF_INIT, out = BUF_INIT;
	const struct wa_media_ref good =
		ref_of(WA_MEDIA_DOCUMENT, HELLO, 11, &blob);
	struct wa_media_ref other_file = good, other_blob = good,
			    other_length = good, other_key = good,
			    other_type = good, untold = good;

	(void)state;
	other_file.sha256[31] ^= 1;
	other_blob.enc_sha256[0] ^= 1;
	other_length.length = 12;
	other_key.key[5] ^= 1;
	other_type.type = WA_MEDIA_IMAGE;
	const struct wa_media_ref *bad[] = { &other_file, &other_blob,
		&other_length, &other_key, &other_type };

	buf_add_str(&out, "before");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(
			wa_media_open(bad[i], blob.data, blob.len, &out, &err),
			-1);
		assert_int_equal(err.code, ERR_PEER);
		assert_int_equal(out.len, 6);
	}
	/* What a message does not tell is not held against the file. */
	memset(untold.sha256, 0, 32);
	untold.has_sha256 = false;
	untold.length = 0;
	assert_int_equal(
		wa_media_open(&untold, blob.data, blob.len, &out, NULL), 0);
	assert_memory_equal(out.data, "before" HELLO, 6 + 11);
}

/* A sender that makes a right MAC over a wrong padding. */
static void a_padding_that_is_none_is_refused(void **state)
{
	static const uint8_t pads[] = { 0, 17, 255, 3 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pads); i++) {
		scoped(buf_fini) struct buf blob = BUF_INIT, out = BUF_INIT;
		uint8_t keys[112], mac[32], file[32] = { 0 };
		struct wa_media_ref ref;
		struct err err = ERR_NONE;

		/* Two blocks of a longer file, so the last one has no
		 * padding but what the file says. */
		file[31] = pads[i];
		ref = ref_of(WA_MEDIA_IMAGE, file, sizeof(file), &blob);
		wa_hkdf(key, 32, NULL, 0, wa_media_info(WA_MEDIA_IMAGE), keys,
			sizeof(keys));
		blob.len = 32;
		{
			scoped(buf_fini) struct buf signed_part = BUF_INIT;

			buf_add(&signed_part, keys, 16);
			buf_add(&signed_part, blob.data, 32);
			wa_hmac_sha256(keys + 48, 32, signed_part.data,
				signed_part.len, mac);
		}
		buf_add(&blob, mac, WA_MEDIA_MAC);
		wa_sha256(blob.data, blob.len, ref.enc_sha256);
		assert_int_equal(
			wa_media_open(&ref, blob.data, blob.len, &out, &err),
			-1);
		assert_non_null(strstr(err.msg, "padding"));
	}
}

/* ---- the question to the phone ---- */

#define RETRY_ID "3EB0AABBCCDDEEFF001122"

/* Sealed here with the key as it is written down. */
static void the_retry_key_is_that_of_the_vector(void **state)
{
	static const uint8_t iv[12] = { 9 };
	scoped(buf_fini) struct buf out = BUF_INIT;
	uint8_t derived[32], sealed[5 + WA_GCM_TAG];

	(void)state;
	hex_bytes("c84dfe50a708e0ec382a7ad2ba401352"
		  "56f41b652cebe2129661d27871111cb2",
		derived, sizeof(derived));
	wa_gcm_encrypt(
		derived, iv, RETRY_ID, strlen(RETRY_ID), "hello", 5, sealed);
	assert_int_equal(wa_media_retry_open(key, RETRY_ID, iv, sealed,
				 sizeof(sealed), &out, NULL),
		0);
	assert_int_equal(out.len, 5);
	assert_memory_equal(out.data, "hello", 5);
}

static void an_answer_opens_with_its_key_and_its_id_only(void **state)
{
	scoped(buf_fini) struct buf sealed = BUF_INIT, out = BUF_INIT;
	uint8_t iv[12], other_key[WA_MEDIA_KEY], other_iv[12];

	(void)state;
	wa_media_retry_seal(key, RETRY_ID, "path", 4, iv, &sealed);
	assert_int_equal(sealed.len, 4 + WA_GCM_TAG);
	memcpy(other_key, key, sizeof(key));
	other_key[0] ^= 1;
	memcpy(other_iv, iv, sizeof(iv));
	other_iv[11] ^= 1;
	const struct {
		const uint8_t *key;
		const char *id;
		const uint8_t *iv;
		size_t n;
		int rc;
	} tries[] = {
		{ key, RETRY_ID, iv, sealed.len, 0 },
		{ other_key, RETRY_ID, iv, sealed.len, -1 },
		{ key, "3EB0", iv, sealed.len, -1 },
		{ key, RETRY_ID, other_iv, sealed.len, -1 },
		{ key, RETRY_ID, iv, sealed.len - 1, -1 },
		{ key, RETRY_ID, iv, WA_GCM_TAG - 1, -1 },
		{ key, RETRY_ID, iv, 0, -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		struct err err = ERR_NONE;

		buf_clear(&out);
		assert_int_equal(wa_media_retry_open(tries[i].key, tries[i].id,
					 tries[i].iv, sealed.data, tries[i].n,
					 &out, &err),
			tries[i].rc);
		assert_int_equal(out.len, tries[i].rc == 0 ? 4 : 0);
		assert_int_equal(
			err.code, tries[i].rc == 0 ? ERR_OK : ERR_PEER);
	}
}

static int setup(void **state)
{
	(void)state;
	wa_crypto_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blobs_are_those_of_the_vectors),
		cmocka_unit_test(every_type_has_keys_and_a_name_of_its_own),
		cmocka_unit_test(
			pieces_of_any_size_give_the_same_blob_and_file),
		cmocka_unit_test(what_may_be_the_end_is_not_given_out_early),
		cmocka_unit_test(a_byte_changed_anywhere_is_noticed),
		cmocka_unit_test(
			a_blob_that_was_cut_off_is_noticed_at_every_length),
		cmocka_unit_test(a_good_blob_that_is_another_one_is_refused),
		cmocka_unit_test(a_padding_that_is_none_is_refused),
		cmocka_unit_test(the_retry_key_is_that_of_the_vector),
		cmocka_unit_test(an_answer_opens_with_its_key_and_its_id_only),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
