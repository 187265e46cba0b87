#include "common/store/waid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/own.h"

static const struct waid_key key = { { 1, 2, 3, 4 } };
static const struct waid_key other_key = { { 4, 3, 2, 1 } };

static void an_id_gives_its_number_back(void **state)
{
	static const int64_t seqs[] = { 1, 2, 3, 4095, 4096, 1000000,
		(INT64_C(1) << 36) - 1, INT64_C(1) << 36,
		(INT64_C(1) << 48) - 1 };
	char id[WA_MSG_ID_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(seqs); i++) {
		waid_make(&key, 5, seqs[i], id);
		assert_int_equal(waid_seq(&key, 5, id), seqs[i]);
	}
}

static void an_id_looks_like_any_other(void **state)
{
	char id[WA_MSG_ID_LEN];

	(void)state;
	waid_make(&key, 5, 1, id);
	assert_int_equal(strlen(id), 22);
	assert_int_equal(strncmp(id, "3EB0", 4), 0);
	assert_int_equal(strspn(id + 4, "0123456789ABCDEF"), 18);
}

/* Neighbours share no more digits than chance gives: about 18/16 a pair. */
static void neighbours_have_nothing_in_common(void **state)
{
	char a[WA_MSG_ID_LEN], b[WA_MSG_ID_LEN];
	int n_same = 0;

	(void)state;
	for (int64_t seq = 1; seq <= 1000; seq++) {
		waid_make(&key, 5, seq, a);
		waid_make(&key, 5, seq + 1, b);
		for (int i = 4; i < 22; i++)
			n_same += a[i] == b[i];
	}
	assert_in_range(n_same, 900, 1350);
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, WA_MSG_ID_LEN);
}

static void no_id_is_given_twice(void **state)
{
	static char ids[20000][WA_MSG_ID_LEN];

	(void)state;
	for (int i = 0; i < 20000; i++)
		waid_make(&key, i % 2, i / 2 + 1, ids[i]);
	qsort(ids, 20000, WA_MSG_ID_LEN, compare_ids);
	for (int i = 1; i < 20000; i++)
		assert_memory_not_equal(ids[i - 1], ids[i], WA_MSG_ID_LEN);
}

static void ids_of_others_have_no_number(void **state)
{
	static const char *const foreign[] = { "", "3EB0",
		"3EB0CF074BD25C018553A2", "3eb0cf074bd25c018553a2",
		"3EB0CF074BD25C018553A", "3EB0CF074BD25C018553A2F",
		"ABCDCF074BD25C018553A2", "3EB0CF074BD25C01855\303\2512",
		"AC1B2C3D4E5F60718293A4B5C6D7E8F9" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		assert_int_equal(waid_seq(&key, 5, foreign[i]), 0);
}

static void an_id_has_no_number_in_another_device_or_database(void **state)
{
	char id[WA_MSG_ID_LEN];

	(void)state;
	waid_make(&key, 5, 1, id);
	assert_int_equal(waid_seq(&key, 6, id), 0);
	assert_int_equal(waid_seq(&other_key, 5, id), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_gives_its_number_back),
		cmocka_unit_test(an_id_looks_like_any_other),
		cmocka_unit_test(neighbours_have_nothing_in_common),
		cmocka_unit_test(no_id_is_given_twice),
		cmocka_unit_test(ids_of_others_have_no_number),
		cmocka_unit_test(
			an_id_has_no_number_in_another_device_or_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
