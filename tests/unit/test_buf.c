#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/own.h"
#include "tests/unit/hex.h"

static void what_is_added_stands_there_in_order(void **state)
{
	scoped(buf_fini) struct buf buf = BUF_INIT;

	(void)state;
	buf_add(&buf, "\x01\x02", 2);
	buf_add_byte(&buf, 3);
	buf_add_be(&buf, 0x0405, 2);
	buf_add_be(&buf, 0x060708090a0b0c0d, 8);
	buf_add_be(&buf, 0xffff0e, 1);
	buf_add(&buf, NULL, 0);
	assert_hex_equal(buf.data, buf.len, "0102030405060708090a0b0c0d0e");
}

static void text_is_terminated_without_counting(void **state)
{
	scoped(buf_fini) struct buf buf = BUF_INIT;

	(void)state;
	assert_string_equal(buf_cstr(&buf), "");
	assert_int_equal(buf.len, 0);
	buf_add_str(&buf, "a");
	buf_printf(&buf, "%d-%s", 7, "b");
	assert_string_equal(buf_cstr(&buf), "a7-b");
	assert_int_equal(buf.len, 4);
}

static void a_buffer_grows_and_keeps_its_bytes(void **state)
{
	scoped(buf_fini) struct buf buf = BUF_INIT;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_add_byte(&buf, (uint8_t)i);
	assert_int_equal(buf.len, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf.data[i], (uint8_t)i);
	buf_clear(&buf);
	assert_int_equal(buf.len, 0);
	assert_true(buf.cap >= 100000);
}

static void the_front_can_be_dropped(void **state)
{
	scoped(buf_fini) struct buf buf = BUF_INIT;

	(void)state;
	buf_drop_front(&buf, 0);
	buf_add_str(&buf, "abcdef");
	buf_drop_front(&buf, 2);
	assert_string_equal(buf_cstr(&buf), "cdef");
	buf_drop_front(&buf, 4);
	assert_int_equal(buf.len, 0);
}

static void reserved_room_is_there_at_once(void **state)
{
	scoped(buf_fini) struct buf buf = BUF_INIT;
	uint8_t *at;

	(void)state;
	buf_add_str(&buf, "head");
	at = buf_reserve(&buf, 5000);
	assert_ptr_equal(at, buf.data + 4);
	memset(at, 'x', 5000);
	assert_int_equal(buf.len, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_stands_there_in_order),
		cmocka_unit_test(text_is_terminated_without_counting),
		cmocka_unit_test(a_buffer_grows_and_keeps_its_bytes),
		cmocka_unit_test(the_front_can_be_dropped),
		cmocka_unit_test(reserved_room_is_there_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
