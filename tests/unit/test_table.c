#include "common/media/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/own.h"

static int file_of(const struct buf *text)
{
	int fd = memfd_create("table", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text->data, text->len), (ssize_t)text->len);
	return fd;
}

static void rows_come_back_as_they_were_written(void **state)
{
	static const struct table_cell first[] = { { "Ana \"A\" \\ B", 11 },
		{ "", 0 }, { "two\nlines\tand \xc5\x81", 16 } };
	static const struct table_cell last[] = { { "x", 1 } };
	scoped(table_reader_free) struct table_reader *reader = NULL;
	scoped(buf_fini) struct buf text = BUF_INIT;
	scoped(fd_close) int fd = -1;
	struct err err = ERR_NONE;
	struct table_row row;

	(void)state;
	table_write(&text, 4, first, 3);
	table_write(&text, TABLE_ROWS_MAX, last, 1);
	fd = file_of(&text);
	reader = table_reader_new(fd);
	assert_int_equal(table_reader_next(reader, &row, &err), 1);
	assert_int_equal(row.number, 4);
	assert_int_equal(row.n_cells, 3);
	assert_string_equal(row.cells[0], "Ana \"A\" \\ B");
	assert_string_equal(row.cells[1], "");
	assert_string_equal(row.cells[2], "two\nlines\tand \xc5\x81");
	assert_int_equal(table_reader_next(reader, &row, &err), 1);
	assert_int_equal(row.number, TABLE_ROWS_MAX);
	assert_int_equal(table_reader_next(reader, &row, &err), 0);
	assert_int_equal(table_reader_next(reader, &row, &err), 0);
}

static void the_longest_row_is_read(void **state)
{
	scoped(table_reader_free) struct table_reader *reader = NULL;
	scoped(buf_fini) struct buf text = BUF_INIT;
	scoped(fd_close) int fd = -1;
	struct table_cell cells[TABLE_COLUMNS_MAX];
	char longest[TABLE_CELL_MAX];
	struct err err = ERR_NONE;
	struct table_row row;

	(void)state;
	memset(longest, '"', sizeof(longest));
	for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++)
		cells[i] = (struct table_cell){ longest, sizeof(longest) };
	for (uint32_t i = 1; i <= 3; i++)
		table_write(&text, TABLE_ROWS_MAX - 3 + i, cells,
			TABLE_COLUMNS_MAX);
	fd = file_of(&text);
	reader = table_reader_new(fd);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(table_reader_next(reader, &row, &err), 1);
		assert_int_equal(row.n_cells, TABLE_COLUMNS_MAX);
		assert_int_equal(strlen(row.cells[63]), TABLE_CELL_MAX);
	}
	assert_int_equal(table_reader_next(reader, &row, &err), 0);
}

static void expect_refusal(const struct buf *text, int n_good)
{
	scoped(fd_close) int fd = file_of(text);
	scoped(table_reader_free) struct table_reader *reader =
		table_reader_new(fd);
	struct err err = ERR_NONE;
	struct table_row row;

	for (int i = 0; i < n_good; i++)
		assert_int_equal(table_reader_next(reader, &row, &err), 1);
	assert_int_equal(table_reader_next(reader, &row, &err), -1);
	assert_int_equal(err.code, ERR_PEER);
}

static void what_no_writer_writes_is_refused(void **state)
{
	static const struct {
		const char *text;
		int n_good;
	} tables[] = { { "[1,\"a\"]", 0 }, { "[1,\"a\"]\n[2,\"b\"", 1 },
		{ "\n", 0 }, { "{}\n", 0 }, { "[]\n", 0 }, { "7\n", 0 },
		{ "[0,\"a\"]\n", 0 }, { "[-1,\"a\"]\n", 0 },
		{ "[1048577,\"a\"]\n", 0 }, { "[\"1\",\"a\"]\n", 0 },
		{ "[1.0,\"a\"]\n", 0 }, { "[1,2]\n", 0 }, { "[1,null]\n", 0 },
		{ "[1,[\"a\"]]\n", 0 }, { "[1,\"\\u0000\"]\n", 0 },
		{ "[1,\"\xff\"]\n", 0 }, { "[1,\"a\"]x\n", 0 },
		{ "[2,\"a\"]\n[2,\"b\"]\n", 1 },
		{ "[2,\"a\"]\n[1,\"b\"]\n", 1 } };
	scoped(buf_fini) struct buf text = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		buf_clear(&text);
		buf_add_str(&text, tables[i].text);
		expect_refusal(&text, tables[i].n_good);
	}
}

static void what_is_too_large_is_refused(void **state)
{
	scoped(buf_fini) struct buf text = BUF_INIT;

	(void)state;
	buf_add_str(&text, "[1");
	for (int i = 0; i <= TABLE_COLUMNS_MAX; i++)
		buf_add_str(&text, ",\"\"");
	buf_add_str(&text, "]\n");
	expect_refusal(&text, 0);
	buf_clear(&text);
	buf_add_str(&text, "[1,\"");
	for (int i = 0; i <= TABLE_CELL_MAX; i++)
		buf_add_byte(&text, 'x');
	buf_add_str(&text, "\"]\n");
	expect_refusal(&text, 0);
	buf_clear(&text);
	buf_add_str(&text, "[1,\"");
	for (int i = 0; i < 4 << 20; i++)
		buf_add_byte(&text, 'x');
	expect_refusal(&text, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back_as_they_were_written),
		cmocka_unit_test(the_longest_row_is_read),
		cmocka_unit_test(what_no_writer_writes_is_refused),
		cmocka_unit_test(what_is_too_large_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
