#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/own.h"
#include "common/wa/frame.h"
#include "tests/unit/hex.h"

/* Takes every frame that is there and appends it to @seen as "<frame>". */
static int drain(struct wa_framer *framer, struct buf *seen, struct err *err)
{
	uint8_t *frame;
	size_t n;
	int rc;

	while ((rc = wa_framer_next(framer, &frame, &n, err)) == 1)
		buf_printf(seen, "<%.*s>", (int)n, (const char *)frame);
	return rc;
}

/* Feeds @bytes in pieces of @step; the frames must be @expected. */
static void expect_frames(
	const struct buf *bytes, size_t step, bool intro, const char *expected)
{
	scoped(wa_framer_fini) struct wa_framer framer;
	scoped(buf_fini) struct buf seen = BUF_INIT;

	wa_framer_init(&framer, 1000, intro);
	for (size_t at = 0; at < bytes->len; at += step) {
		size_t n = bytes->len - at < step ? bytes->len - at : step;

		wa_framer_feed(&framer, bytes->data + at, n);
		assert_int_equal(drain(&framer, &seen, NULL), 0);
	}
	assert_string_equal(buf_cstr(&seen), expected);
}

static void frames_come_out_however_they_are_cut(void **state)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;

	(void)state;
	wa_frame(&bytes, "one", 3);
	wa_frame(&bytes, "2", 1);
	wa_frame(&bytes, "three three three three", 23);
	wa_frame(&bytes, "four", 4);
	for (size_t step = 1; step <= bytes.len; step++)
		expect_frames(&bytes, step, false,
			"<one><2><three three three three><four>");
}

static void the_intro_comes_off_however_it_is_cut(void **state)
{
	scoped(buf_fini) struct buf plain = BUF_INIT, routed = BUF_INIT;

	(void)state;
	wa_frame_first(&plain, NULL, 0, "hello", 5);
	wa_frame(&plain, "more", 4);
	wa_frame_first(&routed, "route", 5, "hello", 5);
	wa_frame(&routed, "more", 4);
	for (size_t step = 1; step <= plain.len; step++)
		expect_frames(&plain, step, true, "<hello><more>");
	for (size_t step = 1; step <= routed.len; step++)
		expect_frames(&routed, step, true, "<hello><more>");
}

static void what_a_client_sends_first_has_the_known_bytes(void **state)
{
	scoped(buf_fini) struct buf plain = BUF_INIT, routed = BUF_INIT;

	(void)state;
	wa_frame_first(&plain, NULL, 0, "\x12\x22", 2);
	assert_hex_equal(plain.data, plain.len, "57410603 000002 1222");
	wa_frame_first(&routed, "\x08\x02", 2, "\x12", 1);
	assert_hex_equal(routed.data, routed.len,
		"45440001 000002 0802 57410603 000001 12");
}

static void the_routing_bytes_are_kept(void **state)
{
	scoped(wa_framer_fini) struct wa_framer framer;
	scoped(buf_fini) struct buf bytes = BUF_INIT, seen = BUF_INIT;

	(void)state;
	wa_framer_init(&framer, 100, true);
	wa_frame_first(&bytes, "route", 5, "x", 1);
	wa_framer_feed(&framer, bytes.data, bytes.len);
	assert_int_equal(drain(&framer, &seen, NULL), 0);
	assert_string_equal(buf_cstr(&seen), "<x>");
	assert_string_equal(buf_cstr(&framer.routing), "route");
}

static void bytes_that_are_no_stream_of_ours_end_it(void **state)
{
	static const struct {
		const char *hex;
		bool intro;
		const char *words;
	} cases[] = {
		{ "000000", false, "empty frame" },
		{ "000065", false, "frame of 101 bytes, limit 100" },
		{ "ffffff", false, "frame of 16777215 bytes, limit 100" },
		{ "47455420", true, "unknown intro" },
		{ "5742", true, "unknown intro" },
		{ "57410602", true, "unknown intro" },
		{ "574106ff", true, "unknown intro" },
		{ "454400020000010057410603", true, "unknown intro" },
		{ "45440001000000", true, "0 bytes of edge routing" },
		{ "45440001001001", true, "4097 bytes of edge routing" },
		/* a second prefix */
		{ "45440001000001aa45440001000001aa57410603", true,
			"unknown intro" },
		{ "57410603 000000", true, "empty frame" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(wa_framer_fini) struct wa_framer framer;
		scoped(buf_fini) struct buf seen = BUF_INIT;
		struct err err = ERR_NONE;
		uint8_t bytes[64];
		size_t n = hex_bytes(cases[i].hex, bytes, sizeof(bytes));

		wa_framer_init(&framer, 100, cases[i].intro);
		wa_framer_feed(&framer, bytes, n);
		assert_int_equal(drain(&framer, &seen, &err), -1);
		assert_int_equal(err.code, ERR_PEER);
		assert_string_equal(err.msg, cases[i].words);
		assert_int_equal(seen.len, 0);
	}
}

static void a_frame_at_the_limit_passes(void **state)
{
	scoped(wa_framer_fini) struct wa_framer framer;
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	static uint8_t payload[100];
	uint8_t *frame;
	size_t n;

	(void)state;
	wa_framer_init(&framer, 100, false);
	wa_frame(&bytes, payload, 100);
	wa_framer_feed(&framer, bytes.data, bytes.len);
	assert_int_equal(wa_framer_next(&framer, &frame, &n, NULL), 1);
	assert_int_equal(n, 100);
	assert_int_equal(wa_framer_next(&framer, &frame, &n, NULL), 0);
}

static void consumed_bytes_do_not_pile_up(void **state)
{
	scoped(wa_framer_fini) struct wa_framer framer;
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	uint8_t *frame;
	size_t n;

	(void)state;
	wa_framer_init(&framer, 100, false);
	wa_frame(&bytes, "abcdefghij", 10);
	for (int i = 0; i < 10000; i++) {
		wa_framer_feed(&framer, bytes.data, bytes.len);
		assert_int_equal(wa_framer_next(&framer, &frame, &n, NULL), 1);
	}
	assert_in_range(framer.in.cap, 1, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_out_however_they_are_cut),
		cmocka_unit_test(the_intro_comes_off_however_it_is_cut),
		cmocka_unit_test(what_a_client_sends_first_has_the_known_bytes),
		cmocka_unit_test(the_routing_bytes_are_kept),
		cmocka_unit_test(bytes_that_are_no_stream_of_ours_end_it),
		cmocka_unit_test(a_frame_at_the_limit_passes),
		cmocka_unit_test(consumed_bytes_do_not_pile_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
