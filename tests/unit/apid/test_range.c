/* Which part of a file a Range header names, and what a file is called. */
#include "apid/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apid/media.h"
#include "common/own.h"

static void a_range_names_its_bytes(void **state)
{
	static const struct {
		const char *text;
		int64_t size;
		enum range_kind kind;
		int64_t offset, length;
	} cases[] = {
		{ "bytes=0-99", 1000, RANGE_PART, 0, 100 },
		{ "bytes=0-0", 1, RANGE_PART, 0, 1 },
		{ "bytes=900-", 1000, RANGE_PART, 900, 100 },
		{ "bytes=900-5000", 1000, RANGE_PART, 900, 100 },
		{ "bytes=-1", 1000, RANGE_PART, 999, 1 },
		{ "bytes=-5000", 1000, RANGE_PART, 0, 1000 },
		{ "Bytes=1-99999999999999999999", 1000, RANGE_PART, 1, 999 },
		{ "bytes=1000-", 1000, RANGE_BEYOND, 0, 0 },
		{ "bytes=99999999999999999999-", 1000, RANGE_BEYOND, 0, 0 },
		{ "bytes=-0", 1000, RANGE_BEYOND, 0, 0 },
		{ "bytes=0-", 0, RANGE_BEYOND, 0, 0 },
		{ "bytes=0-1,5-6", 1000, RANGE_WHOLE, 0, 0 },
		{ "bytes=5-4", 1000, RANGE_WHOLE, 0, 0 },
		{ "bytes=-", 1000, RANGE_WHOLE, 0, 0 },
		{ "bytes=a-b", 1000, RANGE_WHOLE, 0, 0 },
		{ "bytes= 0-1", 1000, RANGE_WHOLE, 0, 0 },
		{ "items=0-1", 1000, RANGE_WHOLE, 0, 0 },
		{ "", 1000, RANGE_WHOLE, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct range out = { 0 };

		if (range_parse(cases[i].text, cases[i].size, &out) !=
			cases[i].kind)
			fail_msg("%s", cases[i].text);
		if (cases[i].kind != RANGE_PART)
			continue;
		assert_int_equal(out.offset, cases[i].offset);
		assert_int_equal(out.length, cases[i].length);
	}
}

static void a_file_name_is_only_a_name(void **state)
{
	static const struct {
		const char *given, *kept;
	} cases[] = {
		{ "a.txt", "a.txt" },
		{ "../../etc/passwd", "passwd" },
		{ "C:\\dir\\a.txt", "a.txt" },
		{ "dir/", "" },
		{ "..", "" },
		{ ".", "" },
		{ "a\r\nb\x7f.txt", "ab.txt" },
		{ "evil\xe2\x80\xaetxt.exe", "eviltxt.exe" },
		{ "na\xc3\xafve.txt", "na\xc3\xafve.txt" },
		{ "", "" },
	};
	char out[MEDIA_NAME_MAX + 1];
	char longer[600];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		media_clean_name(cases[i].given, out);
		assert_string_equal(out, cases[i].kept);
	}
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	media_clean_name(longer, out);
	assert_int_equal(strlen(out), MEDIA_NAME_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_names_its_bytes),
		cmocka_unit_test(a_file_name_is_only_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
