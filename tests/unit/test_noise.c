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
#include "common/wa/noise.h"
#include "tests/unit/hex.h"

#define NOW 1750000000

static struct wa_keypair key_of(uint8_t byte)
{
	uint8_t priv[WA_KEY_BYTES];
	struct wa_keypair pair;

	memset(priv, byte, sizeof(priv));
	wa_keypair_from_priv(priv, &pair);
	return pair;
}

/* ---- the vectors of connection.md A.1 ---- */

/* Leaf first, then intermediate. */
static const char chain_hex[] =
	"0a76"
	"0a32080210011a207b0d47d93427f8311160781c7c733fd89f88970aef490d8aa0ee"
	"19a4cb8a1b142080e2cfaa062880a8d6b907"
	"1240b04ac7887c463f8355e36a50b732a00c718053c6e4a7ad8c34c75e8c12904c48"
	"a7345ac1bd23ce189559f4a6f7475df10e56af6c14a8213477327a507bb1418e"
	"1276"
	"0a32080110001a20219e4d800da968d2a5fcb009c784f4746c7138edb9ee4844b739"
	"e830b05cf4242080e2cfaa062880a8d6b907"
	"1240d7f66b6b256e24e84667d7f052deaedac6afb8b25ecbaf139f7404a3b78e28be"
	"22b3b97f86a912cd31fe504a296b6b8176b9960bd3add6fc60e0dc4e4b52a804";

static struct wa_responder_identity vector_identity(uint8_t chain[512])
{
	struct wa_responder_identity identity = { .static_key = key_of(0x33) };

	identity.chain = chain;
	identity.n_chain = hex_bytes(chain_hex, chain, 512);
	return identity;
}

struct run {
	struct wa_initiator *initiator;
	struct wa_responder *responder;
	struct buf hello, server_hello, finish, payload;
	struct wa_cipher client, server;
	uint8_t client_static[WA_KEY_BYTES];
};

static void run_start(struct run *run,
	const struct wa_responder_identity *identity,
	const uint8_t root_key[WA_KEY_BYTES], int64_t now)
{
	struct wa_keypair noise_key = key_of(0x44);
	struct wa_keypair e_c = key_of(0x11), e_s = key_of(0x22);

	*run = (struct run){ 0 };
	run->initiator = wa_initiator_new(&noise_key, root_key, now);
	run->responder = wa_responder_new(identity);
	wa_initiator_set_ephemeral(run->initiator, &e_c);
	wa_responder_set_ephemeral(run->responder, &e_s);
}

static void run_fini(struct run *run)
{
	wa_initiator_free(&run->initiator);
	wa_responder_free(&run->responder);
	buf_fini(&run->hello);
	buf_fini(&run->server_hello);
	buf_fini(&run->finish);
	buf_fini(&run->payload);
}

/* Up to the point where the server hello lies there to be read. */
static void run_hello(struct run *run)
{
	wa_initiator_hello(run->initiator, &run->hello);
	assert_int_equal(wa_responder_hello(run->responder, run->hello.data,
				 run->hello.len, &run->server_hello, NULL),
		0);
}

static int run_client_finish(
	struct run *run, const char *payload, struct err *err)
{
	return wa_initiator_finish(run->initiator, run->server_hello.data,
		run->server_hello.len, payload, strlen(payload), &run->finish,
		&run->client, err);
}

static int run_server_finish(struct run *run, struct err *err)
{
	return wa_responder_finish(run->responder, run->finish.data,
		run->finish.len, run->client_static, &run->payload,
		&run->server, err);
}

static void the_handshake_matches_the_vectors_byte_by_byte(void **state)
{
	struct wa_keypair root = key_of(0x55), noise_key = key_of(0x44);
	uint8_t chain[512];
	struct wa_responder_identity identity = vector_identity(chain);
	struct run run;

	(void)state;
	assert_int_equal(identity.n_chain, 240);
	run_start(&run, &identity, root.pub, NOW);
	run_hello(&run);
	assert_hex_equal(run.hello.data, run.hello.len,
		"12220a207b4e909bbe7ffe44c465a220037d608ee35897d31ef972f07f74"
		"892cb0f73f13");
	/* field 3, 2 + 32 + 2 + 48 + 3 + 256 bytes */
	assert_int_equal(run.server_hello.len, 3 + 343);
	assert_hex_equal(run.server_hello.data, 87,
		"1ad702"
		"0a200faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf26"
		"78570f20"
		"123083be4718bc8739c3ea26ed6075c008d2f47a152fcbe9837641dc39e0"
		"8b096889d6fa21589c04e73d4ffca99288dea2af");
	assert_hex_equal(run.server_hello.data + 87, 3 + 16,
		"1a8002464b99845fd00f41f424867ff1cbb1d7");
	assert_hex_equal(run.server_hello.data + run.server_hello.len - 16, 16,
		"edc73ece76346a40b39bbc8daeead62c");

	assert_int_equal(run_client_finish(&run, "payload", NULL), 0);
	assert_hex_equal(run.finish.data, run.finish.len,
		"224b"
		"0a30fd1098a9346acf3d47fa7ad40180f1554b9d148a5cec2c67d775374d"
		"444c62c8d3fcf4a9692ba55eefa0972df63bfbf1"
		"1217946fe8d48250b9fdaea835b38c6a07cc24e653774c426f");
	assert_hex_equal(run.client.send_key, 32,
		"c31a41f546e9dbcff8d081f3ef6d21d9c2f5f3d5e0dd117666b8a736ba10"
		"34a9");
	assert_hex_equal(run.client.recv_key, 32,
		"1a8727358ef04e4c6e458345ff8a7d5bc4952a553fa3c48023e9b9d1af9b"
		"89f2");

	assert_int_equal(run_server_finish(&run, NULL), 0);
	assert_memory_equal(run.client_static, noise_key.pub, 32);
	assert_int_equal(run.payload.len, 7);
	assert_memory_equal(run.payload.data, "payload", 7);
	assert_memory_equal(run.server.recv_key, run.client.send_key, 32);
	assert_memory_equal(run.server.send_key, run.client.recv_key, 32);
	run_fini(&run);
}

static void transport_frames_match_the_vectors(void **state)
{
	struct wa_cipher client = { 0 }, server = { 0 };
	scoped(buf_fini) struct buf out = BUF_INIT;
	static const uint8_t plain[4] = { 0x00, 0xf8, 0x01, 0x1f };
	uint8_t opened[4];

	(void)state;
	hex_bytes("c31a41f546e9dbcff8d081f3ef6d21d9c2f5f3d5e0dd117666b8a736ba"
		  "1034a9",
		client.send_key, 32);
	hex_bytes("1a8727358ef04e4c6e458345ff8a7d5bc4952a553fa3c48023e9b9d1af"
		  "9b89f2",
		server.send_key, 32);
	memcpy(server.recv_key, client.send_key, 32);

	wa_cipher_seal(&client, plain, 4, &out);
	wa_cipher_seal(&client, plain, 4, &out);
	wa_cipher_seal(&server, plain, 4, &out);
	assert_hex_equal(out.data, out.len,
		"000014351be2b58bdf45944e936c97dd14792cd521079a"
		"0000142c4a9d80aafc822a8f95b80de3c734a83ba44b3d"
		"000014b576ce670b196a7b51197104a515922d0838f18a");
	assert_int_equal(
		wa_cipher_open(&server, out.data + 3, 20, opened, NULL), 0);
	assert_memory_equal(opened, plain, 4);
	assert_int_equal(
		wa_cipher_open(&server, out.data + 26, 20, opened, NULL), 0);
	assert_memory_equal(opened, plain, 4);
}

/* ---- the certificate chain ---- */

static void each_defect_of_the_chain_is_refused_in_its_own_words(void **state)
{
	static const struct {
		enum wa_chain_defect defect;
		const char *words; /* NULL: accepted */
	} cases[] = {
		{ WA_CHAIN_GOOD, NULL },
		{ WA_CHAIN_BAD_ROOT, "bad root signature" },
		{ WA_CHAIN_BAD_ISSUER, "bad issuer serial" },
		{ WA_CHAIN_BAD_LEAF_SIG, "bad leaf signature" },
		{ WA_CHAIN_BAD_LEAF_ISSUER, "bad leaf issuer" },
		{ WA_CHAIN_WRONG_KEY, "bad leaf key" },
		{ WA_CHAIN_EXPIRED, "bad dates" },
		{ WA_CHAIN_NOT_YET, "bad dates" },
	};
	struct wa_keypair root = key_of(0x55);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_responder_identity identity;
		struct err err = ERR_NONE;
		struct run run;
		int rc;

		wa_responder_identity_new_defect(
			&root, NOW, cases[i].defect, &identity);
		run_start(&run, &identity, root.pub, NOW);
		run_hello(&run);
		rc = run_client_finish(&run, "p", &err);
		assert_int_equal(rc, cases[i].words == NULL ? 0 : -1);
		if (cases[i].words != NULL) {
			assert_int_equal(err.code, ERR_PEER);
			assert_string_equal(err.msg, cases[i].words);
			assert_int_equal(run.finish.len, 0);
		}
		run_fini(&run);
		wa_responder_identity_fini(&identity);
	}
}

static void the_dates_of_a_chain_are_inclusive(void **state)
{
	static const struct {
		int64_t now;
		int rc;
	} cases[] = { { 999, -1 }, { 1000, 0 }, { 1500, 0 }, { 2000, 0 },
		{ 2001, -1 }, { -1, -1 } };
	struct wa_keypair root = key_of(0x55), leaf = key_of(0x33);
	scoped(buf_fini) struct buf chain = BUF_INIT;

	(void)state;
	wa_certchain_make(&root, leaf.pub, 1000, 2000, WA_CHAIN_GOOD, &chain);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(
			wa_certchain_check(chain.data, chain.len, root.pub,
				leaf.pub, cases[i].now, &err),
			cases[i].rc);
		if (cases[i].rc != 0)
			assert_string_equal(err.msg, "bad dates");
	}
}

/* Every byte is either checked or its change makes no chain of it. */
static void no_changed_bit_of_a_chain_is_accepted(void **state)
{
	struct wa_keypair root = key_of(0x55), leaf = key_of(0x33);
	uint8_t chain[512];
	size_t n = hex_bytes(chain_hex, chain, sizeof(chain));

	(void)state;
	assert_int_equal(
		wa_certchain_check(chain, n, root.pub, leaf.pub, NOW, NULL), 0);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		chain[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(wa_certchain_check(chain, n, root.pub,
					 leaf.pub, NOW, NULL),
			-1);
		chain[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(wa_certchain_check(chain, cut, root.pub,
					 leaf.pub, NOW, NULL),
			-1);
}

static void the_real_root_key_is_not_ours(void **state)
{
	struct wa_keypair root = key_of(0x55);
	struct wa_responder_identity identity;
	struct err err = ERR_NONE;
	struct run run;

	(void)state;
	assert_hex_equal(wa_root_key, 32,
		"142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8"
		"ee6b");
	wa_responder_identity_new(&root, NOW - 1, NOW + 1, &identity);
	run_start(&run, &identity, wa_root_key, NOW);
	run_hello(&run);
	assert_int_equal(run_client_finish(&run, "p", &err), -1);
	assert_string_equal(err.msg, "bad root signature");
	run_fini(&run);
	wa_responder_identity_fini(&identity);
}

/* ---- hostile handshakes ---- */

static void any_changed_bit_of_the_server_hello_ends_it(void **state)
{
	struct wa_keypair root = key_of(0x55);
	uint8_t chain[512];
	struct wa_responder_identity identity = vector_identity(chain);
	struct run run;

	(void)state;
	run_start(&run, &identity, root.pub, NOW);
	run_hello(&run);
	for (size_t i = 0; i < run.server_hello.len; i++) {
		struct wa_keypair noise_key = key_of(0x44), e_c = key_of(0x11);
		scoped(wa_initiator_free) struct wa_initiator *fresh =
			wa_initiator_new(&noise_key, root.pub, NOW);
		scoped(buf_fini) struct buf out = BUF_INIT;

		wa_initiator_set_ephemeral(fresh, &e_c);
		wa_initiator_hello(fresh, &out);
		buf_clear(&out);
		run.server_hello.data[i] ^= 0x10;
		assert_int_equal(
			wa_initiator_finish(fresh, run.server_hello.data,
				run.server_hello.len, "p", 1, &out, &run.client,
				NULL),
			-1);
		assert_int_equal(out.len, 0);
		run.server_hello.data[i] ^= 0x10;
	}
	run_fini(&run);
}

static void any_changed_bit_of_the_client_finish_ends_it(void **state)
{
	struct wa_keypair root = key_of(0x55);
	uint8_t chain[512];
	struct wa_responder_identity identity = vector_identity(chain);

	(void)state;
	for (size_t i = 0; i < 77; i++) {
		struct run run;

		run_start(&run, &identity, root.pub, NOW);
		run_hello(&run);
		assert_int_equal(run_client_finish(&run, "payload", NULL), 0);
		assert_int_equal(run.finish.len, 77);
		run.finish.data[i] ^= 0x10;
		assert_int_equal(run_server_finish(&run, NULL), -1);
		assert_int_equal(run.payload.len, 0);
		run_fini(&run);
	}
}

static void rubbish_in_place_of_a_hello_is_refused(void **state)
{
	static const struct {
		const char *hex, *words;
	} cases[] = {
		{ "", "not a server hello" },
		{ "ff", "not a server hello" },
		{ "1a00", "incomplete server hello" },
		/* another message in its place */
		{ "12220a207b4e909bbe7ffe44c465a220037d608ee35897d31ef972f07f7"
		  "4892cb0f73f13",
			"not a server hello" },
		/* ephemeral of 31 bytes */
		{ "1a210a1f00112233445566778899aabbccddeeff001122334455667788"
		  "99aabbccddee",
			"incomplete server hello" },
		/* zero ephemeral, 48 and 16 bytes of rubbish */
		{ "1a66"
		  "0a200000000000000000000000000000000000000000000000000000000"
		  "000000000"
		  "123000000000000000000000000000000000000000000000000000000000"
		  "0000000000000000000000000000000000000000"
		  "1a1000000000000000000000000000000000",
			"bad public key" },
	};
	struct wa_keypair noise_key = key_of(0x44);
	uint8_t bytes[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(wa_initiator_free) struct wa_initiator *hs =
			wa_initiator_new(&noise_key, wa_root_key, NOW);
		scoped(buf_fini) struct buf out = BUF_INIT;
		struct err err = ERR_NONE;
		struct wa_cipher cipher;
		size_t n = hex_bytes(cases[i].hex, bytes, sizeof(bytes));

		wa_initiator_hello(hs, &out);
		assert_int_equal(wa_initiator_finish(hs, bytes, n, "p", 1, &out,
					 &cipher, &err),
			-1);
		assert_int_equal(err.code, ERR_PEER);
		assert_string_equal(err.msg, cases[i].words);
	}
}

/* ---- transport ---- */

static void a_frame_opens_once_in_its_turn_and_unchanged(void **state)
{
	struct wa_cipher a = { .send_key = { 1 } }, b = { .recv_key = { 1 } };
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err = ERR_NONE;
	uint8_t *first, *second, opened[8];

	(void)state;
	wa_cipher_seal(&a, "first", 5, &out);
	wa_cipher_seal(&a, "second", 6, &out);
	first = out.data + 3;
	second = out.data + 3 + 21 + 3;

	assert_int_equal(wa_cipher_open(&b, second, 22, opened, &err), -1);
	assert_string_equal(err.msg, "frame 0 does not decrypt");
	first[0] ^= 1;
	assert_int_equal(wa_cipher_open(&b, first, 21, opened, NULL), -1);
	first[0] ^= 1;
	assert_int_equal(wa_cipher_open(&b, first, 20, opened, NULL), -1);
	assert_int_equal(wa_cipher_open(&b, first, 21, opened, NULL), 0);
	assert_memory_equal(opened, "first", 5);
	assert_int_equal(wa_cipher_open(&b, first, 21, opened, NULL), -1);
	assert_int_equal(wa_cipher_open(&b, second, 22, second, NULL), 0);
	assert_memory_equal(second, "second", 6);
}

static void a_frame_without_content_is_refused(void **state)
{
	struct wa_cipher a = { .send_key = { 1 } }, b = { .recv_key = { 1 } };
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err = ERR_NONE;
	uint8_t opened[1];

	(void)state;
	wa_cipher_seal(&a, "", 0, &out);
	for (size_t n = 0; n <= 16; n++)
		assert_int_equal(
			wa_cipher_open(&b, out.data + 3, n, opened, &err), -1);
	assert_string_equal(err.msg, "frame of 16 bytes");
}

static void a_counter_at_its_end_is_not_used_again(void **state)
{
	struct wa_cipher b = { .recv_n = UINT32_MAX };
	struct err err = ERR_NONE;
	uint8_t frame[32] = { 0 };

	(void)state;
	assert_int_equal(wa_cipher_open(&b, frame, 32, frame, &err), -1);
	assert_string_equal(err.msg, "frame counter at its end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_handshake_matches_the_vectors_byte_by_byte),
		cmocka_unit_test(transport_frames_match_the_vectors),
		cmocka_unit_test(
			each_defect_of_the_chain_is_refused_in_its_own_words),
		cmocka_unit_test(the_dates_of_a_chain_are_inclusive),
		cmocka_unit_test(no_changed_bit_of_a_chain_is_accepted),
		cmocka_unit_test(the_real_root_key_is_not_ours),
		cmocka_unit_test(any_changed_bit_of_the_server_hello_ends_it),
		cmocka_unit_test(any_changed_bit_of_the_client_finish_ends_it),
		cmocka_unit_test(rubbish_in_place_of_a_hello_is_refused),
		cmocka_unit_test(a_frame_opens_once_in_its_turn_and_unchanged),
		cmocka_unit_test(a_frame_without_content_is_refused),
		cmocka_unit_test(a_counter_at_its_end_is_not_used_again),
	};

	wa_crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
