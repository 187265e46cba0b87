#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/own.h"

static void times_are_written_as_iso_8601(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1, "1970-01-01T00:00:00.001Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 1779580799999, "2026-05-23T23:59:59.999Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
		{ INT64_MIN, "0000-01-01T00:00:00.000Z" },
	};
	char text[CLOCK_ISO_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		clock_iso(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void iso_8601_is_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "1970-01-01", 0 },
		{ "1970-01-01T00:00Z", 0 },
		{ "1970-01-01T00:00:01Z", 1000 },
		{ "1970-01-01T00:00:00.5Z", 500 },
		{ "1970-01-01T00:00:00.123456Z", 123 },
		{ "1970-01-01T02:00:00+02:00", 0 },
		{ "1969-12-31T20:30:00-03:30", 0 },
		{ "1970-01-01T02:00+0200", 0 },
		{ "1969-12-31T20:30:00.000-0330", 0 },
		{ "1970-01-01T02:00+02", 0 },
		{ "1970-01-01T00:00", 0 },
		{ "1970-01-01T00:00:01", 1000 },
		{ "1970-01-01T00:00:00.123456", 123 },
		{ "2026-05-23T23:59:59.999Z", 1779580799999 },
		{ "2000-02-29", 951782400000 },
		{ "2000-03-01", 951868800000 },
		{ "2024-12-31T23:59:59Z", 1735689599000 },
		{ "0000-01-01", -62167219200000 },
		{ "9999-12-31T23:59:59.999Z", 253402300799999 },
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (clock_parse_iso(cases[i].text, &ms) != 0)
			fail_msg("\"%s\" was refused", cases[i].text);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void anything_else_is_refused(void **state)
{
	static const char *const wrong[] = { "", "now", "1970", "1970-01",
		"1970-1-1", "70-01-01", "1970-13-01", "1970-00-10",
		"1970-01-32", "1970-04-31", "1970-01-00", "2001-02-29",
		"1900-02-29", "2100-02-29", "1970-01-01T", "1970-01-01T00",
		"1970-01-01T00:00:", "1970-01-01 00:00Z", "1970-01-01T24:00Z",
		"1970-01-01T00:60Z", "1970-01-01T00:00:60Z",
		"1970-01-01T00:00:00.Z", "1970-01-01T00:00:00,5Z",
		"1970-01-01T00:00z", "1970-01-01T00:00Zx",
		"1970-01-01T00:00+020", "1970-01-01T00:00+24:00",
		"1970-01-01T00:00+02:", "1970-01-01T00:00+02:60",
		"1970-01-01T00:00+", "1970-01-01T00:00+0200Z",
		"1970-01-01T00:00 02:00", "1970-01-01Z", " 1970-01-01",
		"1970-01-01 ", "-970-01-01", "+1970-01-01",
		"1970-01-01T00:00:00.1234567890123456789x" };
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (clock_parse_iso(wrong[i], &ms) != -1)
			fail_msg("\"%s\" was accepted", wrong[i]);
}

static void what_is_written_is_read_back(void **state)
{
	char text[CLOCK_ISO_LEN];
	int64_t back;

	(void)state;
	/* A step that meets every month, leap days and odd milliseconds. */
	for (int64_t ms = -62167219200000; ms < 253402300800000;
		ms += 86400000LL * 17 + 3723004) {
		clock_iso(ms, text);
		assert_int_equal(clock_parse_iso(text, &back), 0);
		assert_int_equal(back, ms);
	}
}

static void a_shift_moves_the_time_of_day_alone(void **state)
{
	int64_t now_ms, mono_ms;

	(void)state;
	clock_shift_ms(0);
	now_ms = clock_now_ms();
	mono_ms = clock_mono_ms();
	clock_shift_ms(1000LL * 86400000);
	assert_true(clock_now_ms() >= now_ms + 1000LL * 86400000);
	assert_true(clock_mono_ms() - mono_ms < 86400000);
	clock_shift_ms(-1000LL * 86400000);
	assert_true(clock_now_ms() < now_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_as_iso_8601),
		cmocka_unit_test(iso_8601_is_read),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_shift_moves_the_time_of_day_alone),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
