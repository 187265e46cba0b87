/* XLSX files into rows, and those that are made to do harm. */
#include "tests/unit/mediaconv/sheets.h"

#define ROW(cells) "<row>" cells "</row>"
#define INLINE(text) "<c t=\"inlineStr\"><is><t>" text "</t></is></c>"

static void expect(const char *rows, const char *strings, const char *result)
{
	scoped(buf_fini) struct buf file = BUF_INIT;

	sheet_workbook(rows, strings, &file);
	sheet_expect(file.data, file.len, result);
}

static void expect_refusal(
	const char *rows, const char *strings, const char *why)
{
	scoped(buf_fini) struct buf file = BUF_INIT;

	sheet_workbook(rows, strings, &file);
	sheet_expect_refusal(file.data, file.len, why);
}

static void cells_of_every_type_are_texts(void **state)
{
	(void)state;
	expect("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>1</v></c>"
	       "<c r=\"B1\" t=\"s\"><v>0</v></c>"
	       "<c r=\"C1\" t=\"str\"><f>A1&amp;B1</f><v>made "
	       "&lt;up&gt;</v></c>"
	       "<c r=\"D1\" t=\"b\"><v>1</v></c><c r=\"E1\" "
	       "t=\"b\"><v>0</v></c>"
	       "<c r=\"F1\" t=\"e\"><v>#N/A</v></c>"
	       "<c r=\"G1\" t=\"d\"><v>2024-02-29</v></c></row>" ROW(
		       INLINE("in &quot;line&quot;") "<c><v>7</v></c>"),
		"<si><t>zero</t></si><si><r><t>o</t></r><r><rPr/><t>ne</t></r>"
		"<rPh sb=\"0\" eb=\"1\"><t>WAN</t></rPh></si>",
		"[1,\"one\",\"zero\",\"made <up>\",\"TRUE\",\"FALSE\",\"\","
		"\"2024-02-29\"]\n"
		"[2,\"in \\\"line\\\"\",\"7\"]\n");
}

static void numbers_are_the_digits_of_a_phone(void **state)
{
	static const struct {
		const char *value, *text;
	} numbers[] = { { "15550001111", "15550001111" },
		{ "1.5550001111E10", "15550001111" },
		{ "1.5550001111e+10", "15550001111" },
		{ "15550001111.0", "15550001111" },
		{ "1.55500011110000E+10", "15550001111" },
		{ "999999999999999", "999999999999999" }, { "7", "7" },
		{ "-3", "-3" }, { "0.10000000000000001", "0.1" },
		{ "0015550001111", "15550001111" }, { "1e300", "1e+300" },
		{ "+1 555", "+1 555" }, { "12x", "12x" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		scoped(str_free) char *rows = xasprintf(
			"<row><c><v>%s</v></c></row>", numbers[i].value);
		scoped(str_free) char *result =
			xasprintf("[1,\"%s\"]\n", numbers[i].text);

		expect(rows, "", result);
	}
}

static void rows_and_cells_are_where_they_say(void **state)
{
	scoped(buf_fini) struct buf rows = BUF_INIT;

	(void)state;
	buf_add_str(&rows, "[3,\"2\",\"3\",\"1\"]\n[7");
	for (int i = 1; i < TABLE_COLUMNS_MAX; i++)
		buf_add_str(&rows, ",\"\"");
	buf_add_str(&rows, ",\"4\"]\n");
	expect("<row r=\"3\"><c r=\"C3\"><v>1</v></c><c r=\"A3\"><v>2</v></c>"
	       "<c><v>3</v></c></row><row/><row r=\"6\"/>" ROW(
		       "<c r=\"BL7\"><v>4</v></c><c r=\"BM7\"><v>5</v></c>"
		       "<c r=\"XFD7\"><v>6</v></c>"),
		"", buf_cstr(&rows));
	expect("", "", "");
	expect("<row r=\"1048576\"><c><v>1</v></c></row>", "",
		"[1048576,\"1\"]\n");
}

static void names_with_prefixes_are_the_same(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT;
	const struct sheet_part parts[] = {
		{ "xl/workbook.xml",
			"<x:workbook><x:sheets><x:sheet rel:id=\"a\"/>"
			"</x:sheets></x:workbook>",
			0 },
		{ "xl/_rels/workbook.xml.rels",
			"<p:Relationships><p:Relationship Id=\"a\" "
			"Target=\"s.xml\"/></p:Relationships>",
			0 },
		{ "xl/s.xml",
			"<x:worksheet><x:sheetData><x:row><x:c><x:v>5</x:v>"
			"</x:c></x:row></x:sheetData></x:worksheet>",
			0 },
		{ NULL, NULL, 0 },
	};

	(void)state;
	sheet_archive(parts, &file);
	sheet_expect(file.data, file.len, "[1,\"5\"]\n");
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const rows[] = {
		"<row r=\"4294967297\"><c><v>1</v></c></row>",
		"<row r=\"1048577\"><c><v>1</v></c></row>",
		"<row r=\"0\"><c><v>1</v></c></row>",
		"<row r=\"-1\"><c><v>1</v></c></row>",
		"<row r=\"2\"><c><v>1</v></c></row>"
		"<row r=\"2\"><c><v>1</v></c></row>",
		"<row r=\"9\"/><row r=\"8\"/>",
		ROW("<c r=\"XFE1\"><v>1</v></c>"),
		ROW("<c r=\"AAAAAAAAAAAAAAA1\"><v>1</v></c>"),
		ROW("<c r=\"17\"><v>1</v></c>"),
		ROW("<c t=\"s\"><v>1</v></c>"),
		ROW("<c t=\"s\"><v>-1</v></c>"),
		ROW("<c t=\"s\"><v>4294967296</v></c>"),
		ROW("<c t=\"s\"><v>0x0</v></c>"),
		ROW("<c><v>&unknown;</v></c>"),
		"<row><c><v>1</c></v></row>",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect_refusal(rows[i], "<si><t>a</t></si>", TABLE_BROKEN);
}

static void an_archive_without_a_workbook_is_something_else(void **state)
{
	static const struct sheet_part other[] = {
		{ "word/document.xml", "<d/>", 0 }, { NULL, NULL, 0 }
	};
	static const struct sheet_part lost[] = { { "xl/workbook.xml",
							  "<w><sheet id=\"a\"/>"
							  "</w>",
							  0 },
		{ "xl/_rels/workbook.xml.rels",
			"<R><Relationship Id=\"a\" Target=\"gone.xml\"/></R>",
			0 },
		{ NULL, NULL, 0 } };
	static const struct sheet_part none[] = {
		{ "xl/workbook.xml", "<w><sheets/></w>", 0 }, { NULL, NULL, 0 }
	};
	scoped(buf_fini) struct buf file = BUF_INIT;

	(void)state;
	sheet_archive(other, &file);
	sheet_expect_refusal(file.data, file.len, TABLE_UNKNOWN);
	buf_clear(&file);
	sheet_archive(lost, &file);
	sheet_expect_refusal(file.data, file.len, TABLE_BROKEN);
	buf_clear(&file);
	sheet_archive(none, &file);
	sheet_expect_refusal(
		file.data, file.len, "The spreadsheet has no sheet");
	sheet_expect_refusal("PK\x03\x04 and no more", 16, TABLE_BROKEN);
}

static void a_file_that_was_cut_is_refused_wherever(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT, out = BUF_INIT;
	struct err err;

	(void)state;
	sheet_workbook(ROW(INLINE("a")), "", &file);
	for (size_t n = 4; n < file.len; n++) {
		assert_int_equal(sheet_run(file.data, n, &out, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void a_changed_byte_never_gives_more_than_an_error(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT, out = BUF_INIT;
	struct err err;

	(void)state;
	sheet_workbook(ROW(INLINE("a") "<c t=\"s\"><v>0</v></c>"),
		"<si><t>b</t></si>", &file);
	for (size_t i = 0; i < file.len; i++) {
		file.data[i] ^= 0x55;
		if (sheet_run(file.data, file.len, &out, &err) != 0)
			assert_int_equal(err.code, ERR_INVALID);
		file.data[i] ^= 0x55;
	}
}

static void document_types_are_refused(void **state)
{
	static const char *const types[] = {
		"<!DOCTYPE w [<!ENTITY a \"aaaaaaaaaa\">"
		"<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
		"<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]>"
		"<w><sheet id=\"a\" name=\"&c;\"/></w>",
		"<!DOCTYPE w SYSTEM \"file:///etc/passwd\"><w/>",
		"<!DOCTYPE w><w><sheet id=\"a\"/></w>",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const struct sheet_part parts[] = {
			{ "xl/workbook.xml", types[i], 0 }, { NULL, NULL, 0 }
		};
		scoped(buf_fini) struct buf file = BUF_INIT;

		sheet_archive(parts, &file);
		sheet_expect_refusal(file.data, file.len, TABLE_BROKEN);
	}
}

/* @n bytes of @with between @before and @after. */
static char *stuffed(const char *before, char with, size_t n, const char *after)
{
	char *text = xcalloc(1, strlen(before) + n + strlen(after) + 1);

	strcpy(text, before);
	memset(text + strlen(before), with, n);
	strcpy(text + strlen(before) + n, after);
	return text;
}

/* 700 MiB of spaces, which are 700 kB in the archive, as one part that is not
 * made in memory. */
static zip_int64_t give_spaces(
	void *left, void *bytes, zip_uint64_t n, zip_source_cmd_t command)
{
	zip_uint64_t *n_left = left;
	zip_stat_t *stat = bytes;

	switch (command) {
	case ZIP_SOURCE_OPEN:
		*n_left = 700ull << 20;
		return 0;
	case ZIP_SOURCE_READ:
		n = n < *n_left ? n : *n_left;
		memset(bytes, ' ', n);
		*n_left -= n;
		return (zip_int64_t)n;
	case ZIP_SOURCE_STAT:
		zip_stat_init(stat);
		return sizeof(*stat);
	case ZIP_SOURCE_SUPPORTS:
		return ZIP_SOURCE_SUPPORTS_READABLE;
	default:
		return 0;
	}
}

static void a_zip_bomb_ends_early(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT;
	zip_source_t *all = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *zip = zip_open_from_source(all, ZIP_TRUNCATE, NULL);
	zip_uint64_t left;
	zip_stat_t stat;

	(void)state;
	zip_source_keep(all);
	assert_true(
		zip_file_add(zip, "xl/workbook.xml",
			zip_source_function(zip, give_spaces, &left), 0) >= 0);
	assert_int_equal(zip_close(zip), 0);
	zip_source_stat(all, &stat);
	zip_source_open(all);
	zip_source_read(all, buf_reserve(&file, stat.size), stat.size);
	file.len = stat.size;
	zip_source_close(all);
	zip_source_free(all);
	assert_true(file.len < (1 << 20));
	sheet_expect_refusal(
		file.data, file.len, "The spreadsheet is too large");
}

static void depth_and_tags_have_bounds(void **state)
{
	scoped(str_free) char *tag =
		stuffed("<row><c a=\"", 'x', 4 << 20, "\"><v>1</v></c></row>");
	scoped(buf_fini) struct buf deep = BUF_INIT;

	(void)state;
	expect_refusal(tag, "", TABLE_BROKEN);
	for (int i = 0; i < 100000; i++)
		buf_add_str(&deep, "<a>");
	expect_refusal(buf_cstr(&deep), "", TABLE_BROKEN);
}

static void a_million_columns_are_64(void **state)
{
	scoped(buf_fini) struct buf cells = BUF_INIT, file = BUF_INIT;
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err;

	(void)state;
	buf_add_str(&cells, "<row>");
	for (int i = 0; i < 16384; i++)
		buf_add_str(&cells, "<c><v>1</v></c>");
	sheet_workbook(buf_cstr(&cells), "", &file); /* without </row> */
	assert_int_equal(sheet_run(file.data, file.len, &out, &err), -1);
	buf_clear(&file);
	buf_add_str(&cells, "</row>");
	sheet_workbook(buf_cstr(&cells), "", &file);
	assert_int_equal(sheet_run(file.data, file.len, &out, &err), 0);
	assert_int_equal(out.len, strlen("[1]\n") + 64 * strlen(",\"1\""));
	cells.len -= strlen("</row>");
	for (int i = 16384; i < 1000000; i++)
		buf_add_str(&cells, "<c><v>1</v></c>");
	buf_add_str(&cells, "</row>");
	expect_refusal(buf_cstr(&cells), "", TABLE_BROKEN);
}

static void one_cell_again_and_again_does_not_fill_the_memory(void **state)
{
	scoped(str_free) char *text = stuffed("", 'x', TABLE_CELL_MAX, "");
	scoped(buf_fini) struct buf cells = BUF_INIT;

	(void)state;
	buf_add_str(&cells, "<row>");
	for (int i = 0; i < 1000; i++)
		buf_printf(&cells, "<c r=\"A1\" t=\"str\"><v>%s</v></c>", text);
	buf_add_str(&cells, "</row>");
	expect_refusal(buf_cstr(&cells), "", "Row 1 is too long");
}

static void long_texts_are_cut_to_whole_characters(void **state)
{
	scoped(buf_fini) struct buf strings = BUF_INIT, file = BUF_INIT;
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err;

	(void)state;
	buf_add_str(&strings, "<si><t>x");
	for (int i = 0; i < 100000; i++)
		buf_add_str(&strings, "\xe2\x82\xac");
	buf_add_str(&strings, "</t></si><si><t>next</t></si>");
	sheet_workbook(ROW("<c t=\"s\"><v>0</v></c><c t=\"s\"><v>1</v></c>"),
		buf_cstr(&strings), &file);
	assert_int_equal(sheet_run(file.data, file.len, &out, &err), 0);
	assert_int_equal(out.len, strlen("[1,\"\",\"next\"]\n") + 1 + 3 * 1365);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_of_every_type_are_texts),
		cmocka_unit_test(numbers_are_the_digits_of_a_phone),
		cmocka_unit_test(rows_and_cells_are_where_they_say),
		cmocka_unit_test(names_with_prefixes_are_the_same),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(
			an_archive_without_a_workbook_is_something_else),
		cmocka_unit_test(a_file_that_was_cut_is_refused_wherever),
		cmocka_unit_test(a_changed_byte_never_gives_more_than_an_error),
		cmocka_unit_test(document_types_are_refused),
		cmocka_unit_test(a_zip_bomb_ends_early),
		cmocka_unit_test(depth_and_tags_have_bounds),
		cmocka_unit_test(a_million_columns_are_64),
		cmocka_unit_test(
			one_cell_again_and_again_does_not_fill_the_memory),
		cmocka_unit_test(long_texts_are_cut_to_whole_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
