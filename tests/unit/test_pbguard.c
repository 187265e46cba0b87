#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "tests/unit/hex.h"
#include "whatsapp.pb-c.h"

static void varint(struct buf *out, size_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_add_byte(out, (uint8_t)(value | 0x80));
	buf_add_byte(out, (uint8_t)value);
}

/* Puts @tag and the length before what @body holds. */
static void wrap(struct buf *body, const char *tag)
{
	struct buf out = BUF_INIT;

	buf_add_str(&out, tag);
	varint(&out, body->len);
	buf_add(&out, body->data, body->len);
	buf_fini(body);
	*body = out;
}

/* A Message inside @depth levels of ephemeralMessage.message. */
static void nest(struct buf *out, unsigned depth)
{
	buf_add(out, "\x0a\x02hi", 4);
	for (unsigned i = 0; i < depth; i += 2) {
		wrap(out, "\x0a");
		wrap(out, "\xc2\x02");
	}
}

static void sixty_four_levels_pass_and_one_more_does_not(void **state)
{
	scoped(buf_fini) struct buf deepest = BUF_INIT, deeper = BUF_INIT;
	Wa__Message *message;

	(void)state;
	nest(&deepest, 62); /* the text in the middle may be two more */
	nest(&deeper, 64);
	assert_true(wa_pb_bounded(deepest.data, deepest.len));
	message = wa__message__unpack(NULL, deepest.len, deepest.data);
	assert_non_null(message);
	wa__message__free_unpacked(message, NULL);
	assert_false(wa_pb_bounded(deeper.data, deeper.len));
}

/* 200 KB that would take 40,000 frames of the C stack. */
static void a_nesting_bomb_is_refused(void **state)
{
	scoped(buf_fini) struct buf bomb = BUF_INIT, inner = BUF_INIT;

	(void)state;
	buf_add_byte(&inner, 0);
	for (int i = 0; i < 2000; i++)
		wrap(&inner, "\x0a");
	assert_false(wa_pb_bounded(inner.data, inner.len));

	/* Hidden behind ordinary fields, and cut off at its end. */
	for (int i = 0; i < 100; i++)
		buf_add(&bomb, "\x0a\x03two", 5);
	buf_add(&bomb, inner.data, inner.len - 1);
	assert_true(wa_pb_bounded(bomb.data, bomb.len));
	buf_add(&bomb, "\0", 1);
	assert_false(wa_pb_bounded(bomb.data, bomb.len));
}

static void more_than_a_megabyte_is_refused(void **state)
{
	uint8_t *bytes = xcalloc(1, WA_PB_MAX_BYTES + 1);

	(void)state;
	memset(bytes, 0xff, WA_PB_MAX_BYTES + 1);
	memcpy(bytes, "\x5a\xfc\xff\x3f", 4); /* field 11, all the rest */
	assert_true(wa_pb_bounded(bytes, WA_PB_MAX_BYTES));
	assert_false(wa_pb_bounded(bytes, WA_PB_MAX_BYTES + 1));
	free(bytes);
}

/* extendedTextMessage.contextInfo.mentionedJid, again and again: each time
 * unpack() would copy the whole list so far. */
static void a_message_that_comes_too_often_is_refused(void **state)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;

	(void)state;
	for (int i = 0; i < 20000; i++)
		buf_add(&bytes, "\x32\x05\x8a\x01\x02\x7a\x00", 7);
	assert_true(wa_pb_bounded(bytes.data, bytes.len));
	for (int i = 0; i < 5000; i++)
		buf_add(&bytes, "\x32\x05\x8a\x01\x02\x7a\x00", 7);
	assert_false(wa_pb_bounded(bytes.data, bytes.len));
}

static void payloads_that_are_no_messages_pass(void **state)
{
	static const uint8_t fills[] = { 0x00, 0x01, 0x0a, 0x12, 0x20, 0x3a,
		0x41, 0x61, 0x7f, 0x80, 0xff };
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	uint32_t seed = 1;

	(void)state;
	assert_true(wa_pb_bounded(NULL, 0));
	for (size_t i = 0; i < sizeof(fills); i++) {
		buf_clear(&bytes);
		memset(buf_reserve(&bytes, 60000), fills[i], 60000);
		bytes.len = 60000;
		wrap(&bytes, "\x0a");
		assert_true(wa_pb_bounded(bytes.data, bytes.len));
	}
	for (int round = 0; round < 50; round++) {
		buf_clear(&bytes);
		for (int i = 0; i < 20000; i++) {
			seed = seed * 1664525u + 1013904223u;
			buf_add_byte(&bytes, (uint8_t)(seed >> 24));
		}
		wrap(&bytes, "\x5a");
		assert_true(wa_pb_bounded(bytes.data, bytes.len));
	}
}

static void malformed_bytes_are_left_to_unpack(void **state)
{
	static const char *const cases[] = { "ff", "0a", "0a05", "0aff", "08",
		"0880", "0bffffff", "ffffffffffffffffffff01", "09", "0d0000",
		"00000000", "0affffffffffffffffff7f" };
	uint8_t bytes[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = hex_bytes(cases[i], bytes, sizeof(bytes));

		assert_true(wa_pb_bounded(bytes, n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixty_four_levels_pass_and_one_more_does_not),
		cmocka_unit_test(a_nesting_bomb_is_refused),
		cmocka_unit_test(more_than_a_megabyte_is_refused),
		cmocka_unit_test(a_message_that_comes_too_often_is_refused),
		cmocka_unit_test(payloads_that_are_no_messages_pass),
		cmocka_unit_test(malformed_bytes_are_left_to_unpack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
