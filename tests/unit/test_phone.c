#include "common/phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/own.h"

static void numbers_become_digits(void **state)
{
	static const char *const good[][2] = {
		{ "+15550001111", "15550001111" },
		{ "15550001111", "15550001111" },
		{ "1234567", "1234567" },
		{ "+123456789012345", "123456789012345" },
		{ "0000000", "0000000" },
	};
	char digits[PHONE_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(
			phone_parse(good[i][0], strlen(good[i][0]), digits), 0);
		assert_string_equal(digits, good[i][1]);
	}
}

static void anything_else_is_refused(void **state)
{
	static const char *const bad[] = { "", "+", "123456", "+123456",
		"1234567890123456", "++1234567", "1234567+", " 1234567",
		"1234567 ", "123-4567", "12345a7", "(555)0001111",
		"\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4", "15550001111@s" };
	char digits[PHONE_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(
			phone_parse(bad[i], strlen(bad[i]), digits), -1);
}

static void only_the_given_bytes_are_read(void **state)
{
	char digits[PHONE_LEN];

	(void)state;
	assert_int_equal(phone_parse("12345678xyz", 8, digits), 0);
	assert_string_equal(digits, "12345678");
	assert_int_equal(phone_parse("1234567\0"
				     "89",
				 10, digits),
		-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_become_digits),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(only_the_given_bytes_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
