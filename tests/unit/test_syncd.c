#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/syncd.h"
#include "tests/unit/hex.h"

#define COLLECTION "critical_unblock_low"

static const uint8_t key_id[6] = { 0, 0, 0, 0, 0x0a, 0xbc };
static struct wa_syncd_keys keys;

static int expand_keys(void **state)
{
	uint8_t data[32];

	(void)state;
	memset(data, 7, sizeof(data));
	wa_syncd_keys_expand(data, sizeof(data), &keys);
	return 0;
}

/* connection.md A.5 */
static void five_keys_come_out_of_one(void **state)
{
	(void)state;
	assert_hex_equal(keys.index, 32,
		"a3c20564c4744dc336223b76a374ac369fb1bc2062969b26bd0104cba5149e"
		"7a");
	assert_hex_equal(keys.value_encryption, 32,
		"28f9ac3865f5c0d77441c361c8eb0c40435487e1fca973df3828cbe320faa0"
		"7f");
	assert_hex_equal(keys.value_mac, 32,
		"e2b9c9aaebb04ac52b5c04c449a8af48945e63af3e4b8e2b3f8266753675bc"
		"3e");
	assert_hex_equal(keys.snapshot_mac, 32,
		"c49519c1aa1718c8f1c1f14c546fb2dedfcc58cace2b5fba9de15f9c084bd0"
		"4b");
	assert_hex_equal(keys.patch_mac, 32,
		"3b9efe15c717b5da8b85c45200bb6ce8af59c72d62f4c203909c53749b54cd"
		"04");
}

/* connection.md A.5 */
static void a_value_adds_its_contribution_to_the_hash(void **state)
{
	uint8_t hash[WA_SYNCD_LTHASH] = { 0 }, mac[WA_SYNCD_MAC];

	(void)state;
	memset(mac, 1, sizeof(mac));
	wa_syncd_lthash_add(hash, mac);
	assert_hex_equal(hash, 16, "480731be8120f60bc4ec932b3d4a3996");
	assert_hex_equal(hash + 112, 16, "7b7f0fb0595de01935b2819f1ab58173");
}

static void the_hash_forgets_order_and_what_was_taken_out(void **state)
{
	uint8_t one[WA_SYNCD_LTHASH] = { 0 }, other[WA_SYNCD_LTHASH] = { 0 };
	uint8_t macs[3][WA_SYNCD_MAC];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		memset(macs[i], (int)(0xa0 + i), sizeof(macs[i]));
	wa_syncd_lthash_add(one, macs[0]);
	wa_syncd_lthash_add(one, macs[1]);
	wa_syncd_lthash_add(other, macs[2]);
	wa_syncd_lthash_add(other, macs[1]);
	wa_syncd_lthash_sub(other, macs[2]);
	assert_memory_not_equal(one, other, sizeof(one));
	wa_syncd_lthash_add(other, macs[0]);
	assert_memory_equal(one, other, sizeof(one));
	/* Lanes wrap below zero and come back. */
	memset(one, 0, sizeof(one));
	wa_syncd_lthash_sub(one, macs[0]);
	wa_syncd_lthash_add(one, macs[0]);
	memset(other, 0, sizeof(other));
	assert_memory_equal(one, other, sizeof(one));
}

/* Three patches that another client made, one after the other, from version 0:
 * a contact, a new name for it, another contact. */
static const struct {
	const char *index_text, *name, *index, *value, *snapshot, *patch;
	bool replaces;
} patches[] = {
	{ "[\"contact\",\"a@lid\"]", "Ann",
		"c536f617a5a419d75ab70fa7b5038fbb"
		"8ec4b7c43d80b47926f045708b017955",
		"8f42e1dd84782ff56de431b7aa7c731eba23e27d38c946d9b21c4a87b90fbd"
		"e9"
		"44fc015f8efbe117cf6b35452f9384be64e9697fb8bab8918dcb2edf317771"
		"51"
		"40143c3f4dc251e4f34cd913766387a54ef793f59ac2c157099cec30ef530b"
		"1c",
		"49066a64f130ab9d99279b0b5a495779"
		"bf775e18495ad02b428db6fa14002aa3",
		"a80d0e4d1893cd72e4b1cbe4f34d8d35"
		"9d9b1929c7bb8e08615a7803146d32df",
		false },
	{ "[\"contact\",\"a@lid\"]", "Anna",
		"c536f617a5a419d75ab70fa7b5038fbb"
		"8ec4b7c43d80b47926f045708b017955",
		"5772419144a24658b38c7adc1cfda005f2d1f43ba886d514c2c5c1d992f269"
		"1f"
		"a862d115f196eb89e6586fd1d0b800f99300a7af505fb24faaeeb0a662fc60"
		"ff"
		"b8bbdb3b8b15e424c69413b53cdb7a04044e1b7ca25884ffc04332b4b3c9ec"
		"5e",
		"8d7203d47fa0dc0860096ab39af224ce"
		"fb587fec2eaa3c9f80f8046cb44742b1",
		"a3b8a4c81e9aa5935f5e6fc15de06da4"
		"c81911f7fc1eae269279109a765a6384",
		true },
	{ "[\"contact\",\"b@lid\"]", "Bob",
		"49b0e91dec4137f2ae9fe72abfb8dd61"
		"9ae59871a388523780bb1a3248e7e533",
		"56bf943ac8457fb4d05558c311ab2cc367d334ea2d4526df70deb5efa25c44"
		"e2"
		"efbfd5b4857e08a63328a945a46415525b8ec774a66f0c6981ac2e74f2cedd"
		"9d"
		"18eb151f1be0f186309c736faf00a6ef4e06a7f00eadffe44fd1b528fe28a1"
		"37",
		"547ebd38ed7447b8d986d1e709848020"
		"3df27edcda0d84578b34146c49816f60",
		"182aa57b4ee83cb6d2c489869cd29b61"
		"9388166493b81ef4afd5bfbf0f98a40d",
		false },
};

static void patches_of_another_client_are_read_and_their_macs_are_ours(
	void **state)
{
	uint8_t hash[WA_SYNCD_LTHASH] = { 0 }, before[WA_SYNCD_MAC] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
		scoped(buf_fini) struct buf data = BUF_INIT;
		uint8_t blob[256], mac[WA_SYNCD_MAC], snapshot[WA_SYNCD_MAC];
		struct err err = ERR_NONE;
		size_t n = hex_bytes(patches[i].value, blob, sizeof(blob));

		if (wa_syncd_decrypt(&keys, WA_SYNCD_SET, key_id,
			    sizeof(key_id), blob, n, &data, mac, &err) != 0)
			fail_msg("%s", err.msg);
		assert_memory_equal(mac, blob + n - WA_SYNCD_MAC, sizeof(mac));
		assert_non_null(memmem(data.data, data.len, patches[i].name,
			strlen(patches[i].name)));
		if (patches[i].replaces)
			wa_syncd_lthash_sub(hash, before);
		wa_syncd_lthash_add(hash, mac);
		memcpy(before, mac, sizeof(before));
		wa_syncd_snapshot_mac(&keys, hash, i + 1, COLLECTION, snapshot);
		assert_hex_equal(snapshot, 32, patches[i].snapshot);
		wa_syncd_patch_mac(
			&keys, snapshot, before, 1, i + 1, COLLECTION, mac);
		assert_hex_equal(mac, 32, patches[i].patch);
		wa_syncd_index_mac(&keys, patches[i].index_text,
			strlen(patches[i].index_text), mac);
		assert_hex_equal(mac, 32, patches[i].index);
	}
}

static void what_is_encrypted_comes_back_whatever_its_length(void **state)
{
	uint8_t plain[64];

	(void)state;
	memset(plain, 'x', sizeof(plain));
	for (size_t n = 0; n <= sizeof(plain); n++) {
		scoped(buf_fini) struct buf blob = BUF_INIT, back = BUF_INIT;
		uint8_t mac[WA_SYNCD_MAC];

		wa_syncd_encrypt(&keys, WA_SYNCD_REMOVE, key_id, sizeof(key_id),
			plain, n, &blob);
		assert_int_equal(wa_syncd_decrypt(&keys, WA_SYNCD_REMOVE,
					 key_id, sizeof(key_id), blob.data,
					 blob.len, &back, mac, NULL),
			0);
		assert_int_equal(back.len, n);
		assert_memory_equal(
			n == 0 ? (uint8_t *)"" : back.data, plain, n);
		assert_memory_equal(
			mac, wa_syncd_blob_mac(blob.data, blob.len), 32);
	}
}

static void two_encryptions_of_one_value_differ(void **state)
{
	scoped(buf_fini) struct buf one = BUF_INIT, other = BUF_INIT;

	(void)state;
	wa_syncd_encrypt(&keys, WA_SYNCD_SET, key_id, 6, "same", 4, &one);
	wa_syncd_encrypt(&keys, WA_SYNCD_SET, key_id, 6, "same", 4, &other);
	assert_memory_not_equal(one.data, other.data, one.len);
}

/* Each byte of the blob, the operation and the key's id are under the MAC. */
static void nothing_can_be_altered(void **state)
{
	scoped(buf_fini) struct buf blob = BUF_INIT, out = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	wa_syncd_encrypt(&keys, WA_SYNCD_SET, key_id, 6, "value", 5, &blob);
	for (size_t i = 0; i < blob.len; i++) {
		blob.data[i] ^= 1;
		assert_int_equal(
			wa_syncd_decrypt(&keys, WA_SYNCD_SET, key_id, 6,
				blob.data, blob.len, &out, NULL, &err),
			-1);
		assert_int_equal(err.code, ERR_PEER);
		blob.data[i] ^= 1;
	}
	assert_int_equal(wa_syncd_decrypt(&keys, WA_SYNCD_REMOVE, key_id, 6,
				 blob.data, blob.len, &out, NULL, &err),
		-1);
	assert_int_equal(wa_syncd_decrypt(&keys, WA_SYNCD_SET, key_id, 5,
				 blob.data, blob.len, &out, NULL, &err),
		-1);
	assert_int_equal(out.len, 0);
}

/* A right MAC over bytes that no padding ends. */
static void a_value_with_broken_padding_is_refused(void **state)
{
	uint8_t blob[16 + 32 + 32] = { 0 };
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	wa_syncd_value_mac(&keys, WA_SYNCD_SET, key_id, 6, blob, 48, blob + 48);
	assert_int_equal(wa_syncd_decrypt(&keys, WA_SYNCD_SET, key_id, 6, blob,
				 sizeof(blob), &out, NULL, &err),
		-1);
	assert_int_equal(err.code, ERR_PEER);
	assert_int_equal(out.len, 0);
}

static void a_blob_of_no_possible_length_is_refused(void **state)
{
	uint8_t blob[256] = { 0 };

	(void)state;
	for (size_t n = 0; n < sizeof(blob); n++) {
		scoped(buf_fini) struct buf out = BUF_INIT;
		struct err err = ERR_NONE;

		assert_int_equal(wa_syncd_decrypt(&keys, WA_SYNCD_SET, key_id,
					 6, blob, n, &out, NULL, &err),
			-1);
		assert_int_equal(err.code, ERR_PEER);
	}
	assert_null(wa_syncd_blob_mac(blob, 31));
	assert_ptr_equal(wa_syncd_blob_mac(blob, 40), blob + 8);
}

static void a_mac_is_of_one_collection_and_one_version(void **state)
{
	uint8_t hash[WA_SYNCD_LTHASH] = { 0 }, one[32], other[32];

	(void)state;
	wa_syncd_snapshot_mac(&keys, hash, 1, "regular", one);
	wa_syncd_snapshot_mac(&keys, hash, 2, "regular", other);
	assert_memory_not_equal(one, other, 32);
	wa_syncd_snapshot_mac(&keys, hash, 1, "regular_low", other);
	assert_memory_not_equal(one, other, 32);
	wa_syncd_patch_mac(&keys, hash, hash, 1, 1, "regular", one);
	wa_syncd_patch_mac(&keys, hash, hash, 2, 1, "regular", other);
	assert_memory_not_equal(one, other, 32);
	wa_syncd_patch_mac(&keys, hash, NULL, 0, 1, "regular", other);
	assert_memory_not_equal(one, other, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_keys_come_out_of_one),
		cmocka_unit_test(a_value_adds_its_contribution_to_the_hash),
		cmocka_unit_test(the_hash_forgets_order_and_what_was_taken_out),
		cmocka_unit_test(
			patches_of_another_client_are_read_and_their_macs_are_ours),
		cmocka_unit_test(
			what_is_encrypted_comes_back_whatever_its_length),
		cmocka_unit_test(two_encryptions_of_one_value_differ),
		cmocka_unit_test(nothing_can_be_altered),
		cmocka_unit_test(a_value_with_broken_padding_is_refused),
		cmocka_unit_test(a_blob_of_no_possible_length_is_refused),
		cmocka_unit_test(a_mac_is_of_one_collection_and_one_version),
	};

	return cmocka_run_group_tests(tests, expand_keys, NULL);
}
