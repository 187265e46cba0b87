/* CSV files of every kind into rows. */
#include "tests/unit/mediaconv/sheets.h"

#define TEXT(literal) (literal), sizeof(literal) - 1

struct sample {
	const char *bytes;
	size_t n;
	const char *rows;
};

static void expect_all(const struct sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sheet_expect(samples[i].bytes, samples[i].n, samples[i].rows);
}

static void the_first_line_tells_the_delimiter(void **state)
{
	static const struct sample samples[] = {
		{ TEXT("a,b;c\n1,2;3\n"),
			"[1,\"a\",\"b;c\"]\n[2,\"1\",\"2;3\"]\n" },
		{ TEXT("a;b;c,d\n1;2,5\n"),
			"[1,\"a\",\"b\",\"c,d\"]\n[2,\"1\",\"2,5\"]\n" },
		{ TEXT("a\tb\n1,2,3\t4\n"),
			"[1,\"a\",\"b\"]\n[2,\"1,2,3\",\"4\"]\n" },
		{ TEXT("\n\n\"x;y;z\",b\n1,2"),
			"[3,\"x;y;z\",\"b\"]\n[4,\"1\",\"2\"]\n" },
		{ TEXT("one"), "[1,\"one\"]\n" },
	};

	(void)state;
	expect_all(samples, ARRAY_LEN(samples));
}

static void rows_are_numbered_as_a_spreadsheet_does(void **state)
{
	static const struct sample samples[] = {
		{ TEXT("a\r\n\r\nb\r\n"), "[1,\"a\"]\n[3,\"b\"]\n" },
		{ TEXT("a\r\rb\r"), "[1,\"a\"]\n[3,\"b\"]\n" },
		{ TEXT("\"a\r\nb\"\nc"), "[1,\"a\\nb\"]\n[2,\"c\"]\n" },
		{ TEXT(",,\n , \nx,\n"), "[3,\"x\"]\n" },
		{ TEXT("\n\n"), "" },
	};

	(void)state;
	expect_all(samples, ARRAY_LEN(samples));
}

static void quotes_hold_delimiters_quotes_and_line_ends(void **state)
{
	static const struct sample samples[] = {
		{ TEXT("\"a,\"\"b\"\"\",\"c\\\"\n"),
			"[1,\"a,\\\"b\\\"\",\"c\\\\\"]\n" },
		{ TEXT("5\" pipe,x\n"), "[1,\"5\\\" pipe\",\"x\"]\n" },
		{ TEXT("\" a \",  b  \n"), "[1,\"a\",\"b\"]\n" },
	};

	(void)state;
	expect_all(samples, ARRAY_LEN(samples));
	sheet_expect_refusal(
		TEXT("a,b\n\"c,d\ne,f\n"), "The quote in row 2 has no end");
}

static void encodings_are_found(void **state)
{
	static const struct sample samples[] = {
		{ TEXT("\xef\xbb\xbf\xc3\xa9,\xe2\x82\xac"),
			"[1,\"\xc3\xa9\",\"\xe2\x82\xac\"]\n" },
		{ TEXT("\xc5\x81\xf0\x9f\x98\x80"),
			"[1,\"\xc5\x81\xf0\x9f\x98\x80\"]\n" },
		{ TEXT("\xe9,\x80,\x9f"), "[1,\"\xc3\xa9\",\"\xe2\x82\xac\","
					  "\"\xc5\xb8\"]\n" },
		{ TEXT("\xff\xfe"
		       "A\0,\0\x3d\xd8\x00\xde\n\0"
		       "B\0"),
			"[1,\"A\",\"\xf0\x9f\x98\x80\"]\n[2,\"B\"]\n" },
		{ TEXT("\xfe\xff"
		       "\0A\0;\x20\xac"),
			"[1,\"A\",\"\xe2\x82\xac\"]\n" },
	};

	(void)state;
	expect_all(samples, ARRAY_LEN(samples));
}

static void what_is_no_text_is_refused(void **state)
{
	static const struct sample samples[] = {
		{ TEXT("\x89PNG\r\n\x1a\n\0\0"), NULL },
		{ TEXT("a,b\0c"), NULL },
		{ TEXT("A\0B\0"), NULL },
		{ TEXT("%PDF-1.4\n\x01"), NULL },
		{ TEXT("caf\xe9 \x81"), NULL },
		{ TEXT("\xff\xfe"
		       "A\0\x00\xd8"
		       "B\0"),
			NULL },
		{ TEXT("\xff\xfe"
		       "A\0\x00\xdc"),
			NULL },
		{ TEXT("\xff\xfe"
		       "A\0B"),
			NULL },
		{ TEXT("\xff\xfe"
		       "\0\0"),
			NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		sheet_expect_refusal(
			samples[i].bytes, samples[i].n, TABLE_UNKNOWN);
}

static void a_row_has_at_most_64_columns_and_a_cell_4_kib(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT, rows = BUF_INIT;
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err;

	(void)state;
	for (int i = 0; i < 1000000; i++)
		buf_add_str(&file, "x,");
	buf_add_str(&file, "\n");
	for (int i = 0; i < 3000; i++)
		buf_add_str(&file, "\xc3\xa9");
	assert_int_equal(sheet_run(file.data, file.len, &out, &err), 0);
	buf_add_str(&rows, "[1");
	for (int i = 0; i < TABLE_COLUMNS_MAX; i++)
		buf_add_str(&rows, ",\"x\"");
	buf_add_str(&rows, "]\n[2,\"");
	for (int i = 0; i < TABLE_CELL_MAX / 2; i++)
		buf_add_str(&rows, "\xc3\xa9");
	buf_add_str(&rows, "\"]\n");
	assert_string_equal(buf_cstr(&out), buf_cstr(&rows));
}

static void there_are_at_most_1048576_rows(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT, out = BUF_INIT;
	struct err err;

	(void)state;
	for (unsigned i = 1; i < TABLE_ROWS_MAX; i++)
		buf_add_byte(&file, '\n');
	buf_add_str(&file, "last\n");
	sheet_expect(file.data, file.len, "[1048576,\"last\"]\n");
	/* Empty ones behind it do not matter. */
	buf_add_str(&file, "\n\n");
	sheet_expect(file.data, file.len, "[1048576,\"last\"]\n");
	buf_add_str(&file, "more");
	assert_int_equal(sheet_run(file.data, file.len, &out, &err), -1);
	assert_string_equal(err.msg, "The file has more than 1048576 rows");
}

static void cells_across_pieces_stay_whole(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT, rows = BUF_INIT;

	(void)state;
	for (unsigned i = 1; i <= 30000; i++) {
		buf_printf(&file, "Name %u \xe9,+1555%07u\r\n", i, i);
		buf_printf(&rows, "[%u,\"Name %u \xc3\xa9\",\"+1555%07u\"]\n",
			i, i, i);
	}
	sheet_expect(file.data, file.len, buf_cstr(&rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_tells_the_delimiter),
		cmocka_unit_test(rows_are_numbered_as_a_spreadsheet_does),
		cmocka_unit_test(quotes_hold_delimiters_quotes_and_line_ends),
		cmocka_unit_test(encodings_are_found),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(a_row_has_at_most_64_columns_and_a_cell_4_kib),
		cmocka_unit_test(there_are_at_most_1048576_rows),
		cmocka_unit_test(cells_across_pieces_stay_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
