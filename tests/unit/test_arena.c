#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"

static void allocations_are_zeroed_aligned_and_apart(void **state)
{
	struct arena *arena = arena_new(100);
	uint8_t *at[50];

	(void)state;
	for (size_t i = 0; i < 50; i++) {
		at[i] = arena_alloc(arena, i * 7);
		assert_int_equal((uintptr_t)at[i] % 16, 0);
		for (size_t j = 0; j < i * 7; j++)
			assert_int_equal(at[i][j], 0);
		memset(at[i], (int)i, i * 7);
	}
	for (size_t i = 0; i < 50; i++) {
		for (size_t j = 0; j < i * 7; j++)
			assert_int_equal(at[i][j], i);
	}
	arena_free(&arena);
	assert_null(arena);
	arena_free(&arena);
}

static void memory_is_zeroed_again_after_a_reset(void **state)
{
	struct arena *arena = arena_new(256);
	uint8_t *first = arena_alloc(arena, 100), *again;

	(void)state;
	memset(first, 0xff, 100);
	arena_alloc(arena, 10000);
	arena_reset(arena);
	again = arena_alloc(arena, 100);
	assert_ptr_equal(again, first);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(again[i], 0);
	arena_free(&arena);
}

static void text_is_copied(void **state)
{
	struct arena *arena = arena_new(64);
	char source[] = "hello";
	char *whole = arena_strdup(arena, source);
	char *part = arena_strndup(arena, source, 2);
	char *bytes = arena_dup(arena, source, sizeof(source));
	char *printed =
		arena_printf(arena, "%s and %d%100s", source, 42, "wide");

	(void)state;
	source[0] = 'x';
	assert_string_equal(whole, "hello");
	assert_string_equal(part, "he");
	assert_string_equal(bytes, "hello");
	assert_int_equal(strlen(printed), 12 + 100);
	assert_memory_equal(printed, "hello and 42", 12);
	assert_non_null(arena_dup(arena, NULL, 0));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations_are_zeroed_aligned_and_apart),
		cmocka_unit_test(memory_is_zeroed_again_after_a_reset),
		cmocka_unit_test(text_is_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
