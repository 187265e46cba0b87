#include "common/json_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/buf.h"
#include "common/own.h"

static void an_object_has_commas_between_its_members(void **state)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct json_writer json = json_write_begin(&out);

	(void)state;
	json_write_text(&json, "a", NULL);
	json_write_text(&json, "b", "x");
	json_write_text(&json, "c", NULL);
	json_write_bool(&json, "d", true);
	json_write_bool(&json, "e", false);
	json_write_end(&json);
	assert_string_equal(
		buf_cstr(&out), "{\"b\":\"x\",\"d\":true,\"e\":false}");
}

static void an_empty_object_is_empty(void **state)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct json_writer json = json_write_begin(&out);

	(void)state;
	json_write_text(&json, "a", NULL);
	json_write_end(&json);
	assert_string_equal(buf_cstr(&out), "{}");
}

static void assert_text(const char *in, const char *expected)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct json_writer json = json_write_begin(&out);
	json_t *root;

	json_write_text(&json, "t", in);
	json_write_end(&json);
	root = json_loads(buf_cstr(&out), 0, NULL);
	assert_non_null(root);
	assert_string_equal(
		json_string_value(json_object_get(root, "t")), expected);
	json_decref(root);
}

static void a_reader_gets_the_text_back(void **state)
{
	static const char *const same[] = { "", "plain", "\"quoted\" \\ / ",
		"tab\t line\n return\r", "\x01\x02\x1f\x7f",
		"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x91\x8b",
		"\xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf \xc2\x80" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		assert_text(same[i], same[i]);
}

#define R "\xef\xbf\xbd"

static void what_is_no_utf8_is_replaced(void **state)
{
	static const char *const pairs[][2] = {
		{ "a\xff"
		  "b",
			"a" R "b" },
		{ "\x80", R },
		{ "\xc3", R },
		{ "\xc3(", R "(" },
		{ "\xc0\x80", R R },		 /* overlong NUL */
		{ "\xe0\x80\x80", R R R },	 /* overlong */
		{ "\xe2\x82", R R },		 /* cut off */
		{ "\xed\xa0\x80", R R R },	 /* surrogate */
		{ "\xf0\x80\x80\x80", R R R R }, /* overlong */
		{ "\xf4\x90\x80\x80", R R R R }, /* past U+10FFFF */
		{ "\xf0\x9f\x91", R R R },	 /* cut off */
		{ "\xf8\x88\x80\x80\x80", R R R R R },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		assert_text(pairs[i][0], pairs[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_has_commas_between_its_members),
		cmocka_unit_test(an_empty_object_is_empty),
		cmocka_unit_test(a_reader_gets_the_text_back),
		cmocka_unit_test(what_is_no_utf8_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
