#include "common/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"

static char dir[] = "/tmp/vereda-test-secret-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL && chdir(dir) == 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
	scoped(str_free) char *command = xasprintf("rm -rf %s", dir);

	(void)state;
	return system(command);
}

static int no_key(void **state)
{
	(void)state;
	unlink("host.key");
	return 0;
}

static struct secret_key key_of(uint8_t byte)
{
	struct secret_key key;

	memset(key.bytes, byte, sizeof(key.bytes));
	return key;
}

/* ---- the host key ---- */

static void the_host_key_is_made_once_and_is_private(void **state)
{
	struct secret_key first, second;
	struct err err = ERR_NONE;
	struct stat st;

	(void)state;
	assert_int_equal(secret_host_key(dir, &first, &err), 0);
	assert_int_equal(secret_host_key(dir, &second, &err), 0);
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_equal(stat("host.key", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, SECRET_KEY_BYTES);
	assert_int_equal(system("ls host.key.* 2>/dev/null") == 0, 0);
}

static void processes_that_start_at_once_get_one_key(void **state)
{
	enum { N = 8 };
	struct secret_key key, theirs;
	struct err err = ERR_NONE;
	int fds[2], status;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	for (int i = 0; i < N; i++) {
		if (fork() != 0)
			continue;
		_exit(secret_host_key(dir, &theirs, &err) == 0 &&
					write(fds[1], &theirs,
						sizeof(theirs)) ==
						(ssize_t)sizeof(theirs)
				? 0
				: 1);
	}
	for (int i = 0; i < N; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(secret_host_key(dir, &key, &err), 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(
			read(fds[0], &theirs, sizeof(theirs)), sizeof(theirs));
		assert_memory_equal(&key, &theirs, sizeof(key));
	}
	close(fds[0]);
	close(fds[1]);
}

static void a_host_key_that_others_can_read_is_refused(void **state)
{
	struct secret_key key;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(secret_host_key(dir, &key, &err), 0);
	assert_int_equal(chmod("host.key", 0640), 0);
	assert_int_equal(secret_host_key(dir, &key, &err), -1);
	assert_int_equal(err.code, ERR_FORBIDDEN);
	assert_non_null(strstr(err.msg, "chmod 600"));
}

static void a_host_key_that_is_no_key_is_refused(void **state)
{
	struct secret_key key;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(symlink("/dev/urandom", "host.key"), 0);
	assert_int_equal(secret_host_key(dir, &key, &err), -1);
	unlink("host.key");
	assert_int_equal(system("umask 077; printf short > host.key"), 0);
	assert_int_equal(secret_host_key(dir, &key, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

static void a_missing_directory_is_an_error(void **state)
{
	struct secret_key key;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(secret_host_key("none", &key, &err), -1);
	assert_int_equal(err.code, ERR_IO);
}

static void purposes_get_keys_of_their_own(void **state)
{
	struct secret_key host = key_of(1), other = key_of(2), a, b, c, again;

	(void)state;
	secret_derive(&host, "jwt", &a);
	secret_derive(&host, "webhook", &b);
	secret_derive(&other, "jwt", &c);
	secret_derive(&host, "jwt", &again);
	assert_memory_equal(&a, &again, sizeof(a));
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&a, &c, sizeof(a));
	assert_memory_not_equal(&a, &host, sizeof(a));
}

/* ---- sealing ---- */

static void what_is_sealed_opens_again(void **state)
{
	struct secret_key key = key_of(1);
	uint8_t sealed[5 + SECRET_SEAL_OVERHEAD], plain[5];
	uint8_t again[5 + SECRET_SEAL_OVERHEAD];
	struct err err = ERR_NONE;

	(void)state;
	secret_seal(&key, "row 1", "hello", 5, sealed);
	secret_seal(&key, "row 1", "hello", 5, again);
	assert_memory_not_equal(sealed, again, sizeof(sealed));
	assert_int_equal(
		secret_open(&key, "row 1", sealed, sizeof(sealed), plain, &err),
		0);
	assert_memory_equal(plain, "hello", 5);
}

static void nothing_can_be_sealed_too(void **state)
{
	struct secret_key key = key_of(1);
	uint8_t sealed[SECRET_SEAL_OVERHEAD], plain[1];
	struct err err = ERR_NONE;

	(void)state;
	secret_seal(&key, "", "", 0, sealed);
	assert_int_equal(
		secret_open(&key, "", sealed, sizeof(sealed), plain, &err), 0);
}

static void a_changed_bit_another_place_or_key_does_not_open(void **state)
{
	struct secret_key key = key_of(1), other = key_of(2);
	uint8_t sealed[5 + SECRET_SEAL_OVERHEAD], plain[5];
	struct err err = ERR_NONE;

	(void)state;
	secret_seal(&key, "row 1", "hello", 5, sealed);
	for (size_t i = 0; i < sizeof(sealed) * 8; i++) {
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(secret_open(&key, "row 1", sealed,
					 sizeof(sealed), plain, &err),
			-1);
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(
		secret_open(&key, "row 2", sealed, sizeof(sealed), plain, &err),
		-1);
	assert_int_equal(secret_open(&other, "row 1", sealed, sizeof(sealed),
				 plain, &err),
		-1);
	assert_int_equal(err.code, ERR_INVALID);
	for (size_t n = 0; n < sizeof(sealed); n++)
		assert_int_equal(
			secret_open(&key, "row 1", sealed, n, plain, &err), -1);
}

/* ---- hashes ---- */

static void an_api_key_hashes_as_sha_256(void **state)
{
	static const uint8_t abc[SECRET_HASH_BYTES] = { 0xba, 0x78, 0x16, 0xbf,
		0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae,
		0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
		0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };
	uint8_t hash[SECRET_HASH_BYTES];

	(void)state;
	secret_hash_key("abc", hash);
	assert_memory_equal(hash, abc, sizeof(abc));
}

static void a_password_matches_its_own_hash_alone(void **state)
{
	char hash[SECRET_PASSWORD_HASH_LEN], again[SECRET_PASSWORD_HASH_LEN];
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(secret_hash_password("correct", hash, &err), 0);
	assert_int_equal(secret_hash_password("correct", again, &err), 0);
	assert_int_equal(strncmp(hash, "$argon2id$", 10), 0);
	assert_string_not_equal(hash, again);
	assert_true(secret_password_matches(hash, "correct"));
	assert_false(secret_password_matches(hash, "Correct"));
	assert_false(secret_password_matches(hash, ""));
	assert_false(secret_password_matches("", "correct"));
	assert_false(secret_password_matches("nonsense", "correct"));
}

static void equal_compares_every_byte(void **state)
{
	(void)state;
	assert_true(secret_equal("abcd", "abcd", 4));
	assert_true(secret_equal("abcd", "xxxx", 0));
	assert_false(secret_equal("abcd", "abce", 4));
	assert_false(secret_equal("abcd", "xbcd", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			the_host_key_is_made_once_and_is_private, no_key),
		cmocka_unit_test_setup(
			processes_that_start_at_once_get_one_key, no_key),
		cmocka_unit_test_setup(
			a_host_key_that_others_can_read_is_refused, no_key),
		cmocka_unit_test_setup(
			a_host_key_that_is_no_key_is_refused, no_key),
		cmocka_unit_test(a_missing_directory_is_an_error),
		cmocka_unit_test(purposes_get_keys_of_their_own),
		cmocka_unit_test(what_is_sealed_opens_again),
		cmocka_unit_test(nothing_can_be_sealed_too),
		cmocka_unit_test(
			a_changed_bit_another_place_or_key_does_not_open),
		cmocka_unit_test(an_api_key_hashes_as_sha_256),
		cmocka_unit_test(a_password_matches_its_own_hash_alone),
		cmocka_unit_test(equal_compares_every_byte),
	};

	return cmocka_run_group_tests_name(
		"secret", tests, make_dir, remove_dir);
}
