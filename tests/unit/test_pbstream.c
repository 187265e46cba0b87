#include "common/wa/pbstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

/* A source that gives out @step bytes at a time. */
struct source {
	const uint8_t *bytes;
	size_t n, step;
};

static int source_read(
	void *arg, uint8_t *out, size_t n, size_t *n_out, struct err *err)
{
	struct source *source = arg;

	(void)err;
	*n_out = source->step < n ? source->step : n;
	if (*n_out > source->n)
		*n_out = source->n;
	memcpy(out, source->bytes, *n_out);
	source->bytes += *n_out;
	source->n -= *n_out;
	return 0;
}

static void add_varint(struct buf *out, uint64_t value)
{
	while (value >= 0x80) {
		buf_add_byte(out, (uint8_t)(value | 0x80));
		value >>= 7;
	}
	buf_add_byte(out, (uint8_t)value);
}

static void add_bytes(
	struct buf *out, uint32_t number, const void *bytes, size_t n)
{
	add_varint(out, (uint64_t)number << 3 | 2);
	add_varint(out, n);
	buf_add(out, bytes, n);
}

/* {1: 5, 2: {1: "in", 3: {4: "deep"}}, 2: {}, 7: fixed32, 9: "end"} */
static void sample(struct buf *out)
{
	scoped(buf_fini) struct buf inner = BUF_INIT;
	scoped(buf_fini) struct buf deep = BUF_INIT;

	add_bytes(&deep, 4, "deep", 4);
	add_bytes(&inner, 1, "in", 2);
	add_bytes(&inner, 3, deep.data, deep.len);
	add_varint(out, 1 << 3);
	add_varint(out, 5);
	add_bytes(out, 2, inner.data, inner.len);
	add_bytes(out, 2, "", 0);
	add_varint(out, 7 << 3 | 5);
	buf_add(out, "\1\2\3\4", 4);
	add_bytes(out, 9, "end", 3);
}

static void expect(struct wa_pbstream *stream, uint32_t number, uint64_t value)
{
	struct wa_pbfield field;
	struct err err = ERR_NONE;

	assert_int_equal(wa_pbstream_next(stream, &field, &err), 1);
	assert_int_equal(field.number, number);
	assert_int_equal(field.value, value);
}

static void expect_end(struct wa_pbstream *stream)
{
	struct wa_pbfield field;
	struct err err = ERR_NONE;

	assert_int_equal(wa_pbstream_next(stream, &field, &err), 0);
}

static void expect_text(struct wa_pbstream *stream, const char *text)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct err err = ERR_NONE;

	assert_int_equal(wa_pbstream_take(stream, 64, &bytes, &err), 1);
	assert_string_equal(buf_cstr(&bytes), text);
}

static void fields_are_met_in_order_whatever_the_pieces(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 7, 1000 };
	scoped(buf_fini) struct buf bytes = BUF_INIT;

	(void)state;
	sample(&bytes);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct source source = { bytes.data, bytes.len, steps[i] };
		scoped(wa_pbstream_fini) struct wa_pbstream stream;

		wa_pbstream_init(&stream, source_read, &source);
		expect(&stream, 1, 5);
		expect(&stream, 2, 12);
		assert_true(wa_pbstream_enter(&stream));
		expect(&stream, 1, 2);
		expect_text(&stream, "in");
		expect(&stream, 3, 6);
		assert_true(wa_pbstream_enter(&stream));
		expect(&stream, 4, 4);
		expect_text(&stream, "deep");
		expect_end(&stream);
		expect_end(&stream);
		expect(&stream, 2, 0);
		assert_true(wa_pbstream_enter(&stream));
		expect_end(&stream);
		expect(&stream, 7, 4);
		assert_false(wa_pbstream_enter(&stream));
		expect(&stream, 9, 3);
		expect_end(&stream);
		expect_end(&stream);
	}
}

static void what_is_not_taken_is_passed_over(void **state)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct source source;
	scoped(wa_pbstream_fini) struct wa_pbstream stream;
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	sample(&bytes);
	source = (struct source){ bytes.data, bytes.len, 5 };
	wa_pbstream_init(&stream, source_read, &source);
	expect(&stream, 1, 5);
	assert_int_equal(wa_pbstream_take(&stream, 64, &out, &err), 0);
	expect(&stream, 2, 12);
	assert_int_equal(wa_pbstream_take(&stream, 11, &out, &err), 0);
	assert_int_equal(out.len, 0);
	expect(&stream, 2, 0);
	expect(&stream, 7, 4);
	expect(&stream, 9, 3);
	expect_end(&stream);
}

/* Reads all of it, entering what can be entered. */
static int walk(const void *bytes, size_t n)
{
	struct source source = { bytes, n, 3 };
	scoped(wa_pbstream_fini) struct wa_pbstream stream;
	struct wa_pbfield field;
	struct err err = ERR_NONE;
	int rc;

	wa_pbstream_init(&stream, source_read, &source);
	do {
		rc = wa_pbstream_next(&stream, &field, &err);
		if (rc == 1 && field.number == 2)
			wa_pbstream_enter(&stream);
	} while (rc == 1 || (rc == 0 && source.n > 0));
	if (rc < 0)
		assert_int_equal(err.code, ERR_PEER);
	return rc;
}

static void what_is_malformed_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int rc;
	} cases[] = {
		{ "", 0, 0 },
		{ "\x08", 1, -1 },	 /* no value */
		{ "\x08\x80", 2, -1 },	 /* half a value */
		{ "\x0a\x05hi", 4, -1 }, /* cut off */
		{ "\x12\x03\x0a\x05hello", 9,
			-1 },			   /* larger than its message */
		{ "\x12\x02\x08\x80\x01", 5, -1 }, /* the same, a number */
		{ "\x00\x01", 2, -1 },		   /* field 0 */
		{ "\x0b\x01", 2, -1 },		   /* a group */
		{ "\x0d\x01\x02", 3, -1 },	   /* half a fixed32 */
		{ "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, -1 },
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(walk(cases[i].bytes, cases[i].n), cases[i].rc);
}

static void it_goes_only_so_deep(void **state)
{
	uint8_t bytes[2 * (WA_PBSTREAM_DEPTH + 1)];
	struct source source = { bytes, sizeof(bytes), 100 };
	scoped(wa_pbstream_fini) struct wa_pbstream stream;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i += 2) {
		bytes[i] = 2 << 3 | 2;
		bytes[i + 1] = (uint8_t)(sizeof(bytes) - i - 2);
	}
	wa_pbstream_init(&stream, source_read, &source);
	for (size_t i = 0; i < WA_PBSTREAM_DEPTH; i++) {
		expect(&stream, 2, sizeof(bytes) - 2 * i - 2);
		assert_true(wa_pbstream_enter(&stream));
	}
	expect(&stream, 2, 0);
	assert_false(wa_pbstream_enter(&stream));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_met_in_order_whatever_the_pieces),
		cmocka_unit_test(what_is_not_taken_is_passed_over),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(it_goes_only_so_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
