#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void setting_an_error_returns_minus_one(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(err_set(&err, ERR_PEER, "frame of %d bytes", 7), -1);
	assert_int_equal(err.code, ERR_PEER);
	assert_string_equal(err.msg, "frame of 7 bytes");
}

static void wrapping_keeps_the_code_and_puts_the_place_first(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	err_set(&err, ERR_CONFLICT, "schema 9 is newer than ours (7)");
	assert_int_equal(err_wrap(&err, "main.db"), -1);
	assert_int_equal(err_wrap(&err, "store"), -1);
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_string_equal(
		err.msg, "store: main.db: schema 9 is newer than ours (7)");
}

static void a_message_may_be_made_of_the_one_it_replaces(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	err_set(&err, ERR_IO, "disk");
	err_set(&err, ERR_IO, "%s: full", err.msg);
	assert_string_equal(err.msg, "disk: full");
}

static void a_long_message_is_cut_and_terminated(void **state)
{
	struct err err = ERR_NONE;
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_IO, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	err_wrap(&err, "store");
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_int_equal(strncmp(err.msg, "store: xxx", 10), 0);
}

static void nobody_has_to_ask_for_the_words(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_IO, "unseen"), -1);
	assert_int_equal(err_wrap(NULL, "unseen"), -1);
}

static void every_code_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int a = ERR_OK; a <= ERR_INTERNAL; a++) {
		assert_string_not_equal(
			err_code_name((enum err_code)a), "unknown");
		for (int b = ERR_OK; b < a; b++)
			assert_string_not_equal(err_code_name((enum err_code)a),
				err_code_name((enum err_code)b));
	}
	assert_string_equal(err_code_name((enum err_code)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_an_error_returns_minus_one),
		cmocka_unit_test(
			wrapping_keeps_the_code_and_puts_the_place_first),
		cmocka_unit_test(a_message_may_be_made_of_the_one_it_replaces),
		cmocka_unit_test(a_long_message_is_cut_and_terminated),
		cmocka_unit_test(nobody_has_to_ask_for_the_words),
		cmocka_unit_test(every_code_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
