#include "common/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/own.h"

static int reset_clock(void **state)
{
	(void)state;
	clock_shift_ms(0);
	return 0;
}

static void uuids_sort_by_creation(void **state)
{
	char last[UUID_LEN], next[UUID_LEN];

	(void)state;
	id_uuid7(last);
	for (int i = 0; i < 100000; i++) {
		id_uuid7(next);
		assert_true(strcmp(last, next) < 0);
		memcpy(last, next, sizeof(last));
	}
}

static void a_clock_that_goes_back_does_not_unsort_uuids(void **state)
{
	char before[UUID_LEN], after[UUID_LEN];

	(void)state;
	clock_shift_ms(5000);
	id_uuid7(before);
	clock_shift_ms(-3600000);
	id_uuid7(after);
	assert_true(strcmp(before, after) < 0);
}

static void a_uuid_carries_version_variant_and_time(void **state)
{
	char uuid[UUID_LEN], time[14] = "";
	int64_t ms, before;

	(void)state;
	clock_shift_ms(1000LL * 86400000); /* after every other test's */
	before = clock_now_ms();
	id_uuid7(uuid);
	assert_int_equal(strlen(uuid), UUID_LEN - 1);
	assert_true(id_is_uuid(uuid));
	assert_int_equal(uuid[14], '7');
	assert_non_null(strchr("89ab", uuid[19]));
	memcpy(time, uuid, 8);
	memcpy(time + 8, uuid + 9, 4);
	ms = strtoll(time, NULL, 16);
	assert_in_range(ms - before, 0, 1000);
}

static void only_uuids_are_uuids(void **state)
{
	static const struct {
		const char *text;
		int is_uuid;
	} cases[] = {
		{ "01a1fd8a-aace-73a7-93a0-a6e1573032c5", 1 },
		{ "01A1FD8A-AACE-43A7-93A0-A6E1573032C5", 1 },
		{ "01a1fd8a-aace-73a7-93a0-a6e1573032c", 0 },
		{ "01a1fd8a-aace-73a7-93a0-a6e1573032c55", 0 },
		{ "01a1fd8aaace-73a7-93a0-a6e1573032c5-", 0 },
		{ "01a1fd8a-aace-73a7-93a0-a6e1573032cg", 0 },
		{ "", 0 },
		{ "x", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(id_is_uuid(cases[i].text), cases[i].is_uuid);
}

static void expect_shape(
	const char *id, const char *prefix, size_t length, const char *alphabet)
{
	size_t n = strlen(prefix);

	assert_int_equal(strlen(id), length);
	assert_int_equal(strncmp(id, prefix, n), 0);
	assert_int_equal(strspn(id + n, alphabet), length - n);
}

static void ids_have_the_shapes_the_apis_promise(void **state)
{
	char device[DEVICE_UID_LEN], wa[WA_MSG_ID_LEN], key[API_KEY_LEN];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		id_device_uid(device);
		id_wa_message(wa);
		id_api_key(key);
		expect_shape(device, "dev_", 12,
			"0123456789abcdefghijklmnopqrstuvwxyz");
		expect_shape(wa, "3EB0", 22, "0123456789ABCDEF");
		expect_shape(key, "wak_", 52, "0123456789abcdef");
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void api_keys_do_not_repeat(void **state)
{
	enum { N = 5000 };
	static char keys[N][API_KEY_LEN];

	(void)state;
	for (int i = 0; i < N; i++)
		id_api_key(keys[i]);
	qsort(keys, N, sizeof(keys[0]), compare);
	for (int i = 1; i < N; i++)
		assert_string_not_equal(keys[i - 1], keys[i]);
}

static void random_numbers_keep_to_their_range_and_reach_its_ends(void **state)
{
	bool low = false, high = false;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		int64_t n = random_between(-2, 2);

		assert_true(n >= -2 && n <= 2);
		low = low || n == -2;
		high = high || n == 2;
	}
	assert_true(low && high);
	assert_int_equal(random_between(7, 7), 7);
	assert_int_equal(random_between(INT64_MAX, INT64_MAX), INT64_MAX);
	(void)random_between(INT64_MIN, INT64_MAX);
}

static void jitter_stays_within_its_percentage(void **state)
{
	static const struct {
		int64_t value, low, high;
		unsigned percent;
	} cases[] = {
		{ 1000, 800, 1200, 20 },
		{ 1000, 1000, 1000, 0 },
		{ 1000, 0, 2000, 100 },
		{ 1000, 0, 2000, 500 },
		{ 0, 0, 0, 50 },
		{ -5, 0, 0, 50 },
		{ 1, 1, 1, 50 },
		{ INT64_MAX, 0, INT64_MAX, 50 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int n = 0; n < 200; n++) {
			int64_t value =
				random_jitter(cases[i].value, cases[i].percent);

			assert_true(value >= cases[i].low);
			assert_true(value <= cases[i].high);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(uuids_sort_by_creation, reset_clock),
		cmocka_unit_test_setup(
			a_clock_that_goes_back_does_not_unsort_uuids,
			reset_clock),
		cmocka_unit_test(a_uuid_carries_version_variant_and_time),
		cmocka_unit_test(only_uuids_are_uuids),
		cmocka_unit_test(ids_have_the_shapes_the_apis_promise),
		cmocka_unit_test(api_keys_do_not_repeat),
		cmocka_unit_test(
			random_numbers_keep_to_their_range_and_reach_its_ends),
		cmocka_unit_test(jitter_stays_within_its_percentage),
	};

	return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
