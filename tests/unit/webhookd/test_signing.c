#include "webhookd/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/webhook.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

/* Made with the reference library, npm standardwebhooks 1.0.0. */
static const struct {
	const char *secret, *id;
	int64_t timestamp;
	const char *body, *signature;
} vectors[] = {
	{ SECRET, "0193b5a0-7c3e-7d11-8b1a-2f6f3a9c0d21", 1767225600,
		"{\"id\":\"0193b5a0-7c3e-7d11-8b1a-2f6f3a9c0d21\",\"type\":"
		"\"message.delivered\",\"seq\":42,\"data\":{\"text\":"
		"\"ol\xc3\xa1\"}}",
		"v1,9iHQWvfwFOfU8pzbOO+tF+QtExb0y4ZBhyFWPQGriGc=" },
	{ "whsec_AA==", "msg_1", 1000, "",
		"v1,Yr85wgeyK4wnnPBNTS1SHnPM/J6uU3GDMZkDuR+XxGk=" },
};

static void signatures_are_those_of_the_reference_library(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct signing_key key;
		char signature[SIGNATURE_LEN];
		struct err err = ERR_NONE;

		assert_int_equal(signing_key_parse(vectors[i].secret,
					 strlen(vectors[i].secret), &key, &err),
			0);
		signing_sign(&key, vectors[i].id, vectors[i].timestamp,
			vectors[i].body, strlen(vectors[i].body), signature);
		assert_string_equal(signature, vectors[i].signature);
	}
}

static void the_prefix_of_a_secret_may_be_missing(void **state)
{
	struct signing_key with, without;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(
		signing_key_parse(SECRET, strlen(SECRET), &with, &err), 0);
	assert_int_equal(signing_key_parse(&SECRET[6], strlen(SECRET) - 6,
				 &without, &err),
		0);
	assert_int_equal(with.n, 24);
	assert_int_equal(without.n, 24);
	assert_memory_equal(with.bytes, without.bytes, 24);
}

static void a_secret_that_is_no_key_is_refused(void **state)
{
	static const char *const bad[] = { "", "whsec_", "whsec_???",
		"whsec_AAA", "whsec_AA==AA==" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct signing_key key;
		struct err err = ERR_NONE;

		assert_int_equal(
			signing_key_parse(bad[i], strlen(bad[i]), &key, &err),
			-1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_int_equal(key.n, 0);
	}
}

static void a_sealed_secret_opens_with_its_key_only(void **state)
{
	const struct secret_key right = { .bytes = { 1 } };
	const struct secret_key wrong = { .bytes = { 2 } };
	uint8_t sealed[sizeof(SECRET) - 1 + SECRET_SEAL_OVERHEAD];
	struct signing_key key, plain;
	struct err err = ERR_NONE;

	(void)state;
	secret_seal(
		&right, WEBHOOK_SECRET_CONTEXT, SECRET, strlen(SECRET), sealed);
	assert_int_equal(
		signing_key_open(&right, sealed, sizeof(sealed), &key, &err),
		0);
	signing_key_parse(SECRET, strlen(SECRET), &plain, &err);
	assert_int_equal(key.n, plain.n);
	assert_memory_equal(key.bytes, plain.bytes, plain.n);
	assert_int_equal(
		signing_key_open(&wrong, sealed, sizeof(sealed), &key, &err),
		-1);
	for (size_t n = 0; n < sizeof(sealed); n++)
		assert_int_equal(
			signing_key_open(&right, sealed, n, &key, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_those_of_the_reference_library),
		cmocka_unit_test(the_prefix_of_a_secret_may_be_missing),
		cmocka_unit_test(a_secret_that_is_no_key_is_refused),
		cmocka_unit_test(a_sealed_secret_opens_with_its_key_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
