/* How long a lane or a process waits before its next try. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "senderd/backoff.h"

#define ROUNDS 200

static void waits_double_with_jitter_up_to_a_fifth(void **state)
{
	static const int64_t expected_ms[] = { 2000, 2000, 4000, 8000, 16000,
		32000 };

	(void)state;
	for (unsigned failures = 0; failures < 6; failures++) {
		int64_t low = expected_ms[failures] * 80 / 100;
		int64_t high = expected_ms[failures] * 120 / 100;

		for (int i = 0; i < ROUNDS; i++)
			assert_in_range(
				backoff_ms(2000, 60000, failures), low, high);
	}
}

static void no_wait_is_longer_than_the_cap(void **state)
{
	static const unsigned many[] = { 6, 7, 40, 1000, UINT32_MAX };

	(void)state;
	for (size_t k = 0; k < 5; k++) {
		for (int i = 0; i < ROUNDS; i++)
			assert_in_range(
				backoff_ms(2000, 60000, many[k]), 48000, 60000);
	}
}

static void waits_of_many_lanes_differ(void **state)
{
	int64_t first = backoff_ms(2000, 60000, 6);
	int different = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		different += backoff_ms(2000, 60000, 5) != first;
	assert_true(different > ROUNDS / 2);
}

static void a_base_above_the_cap_is_the_cap(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		assert_in_range(backoff_ms(5000, 1000, 1), 800, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_with_jitter_up_to_a_fifth),
		cmocka_unit_test(no_wait_is_longer_than_the_cap),
		cmocka_unit_test(waits_of_many_lanes_differ),
		cmocka_unit_test(a_base_above_the_cap_is_the_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
