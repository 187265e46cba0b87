#include "apid/import_columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apid/import_row.h"
#include "apid/import_seen.h"
#include "common/media/table.h"
#include "common/own.h"

/* "a|b||c" as a row. */
static struct table_row row_of(const char *text, char *copy, size_t cap)
{
	struct table_row row = { .number = 1 };
	char *at = copy;

	snprintf(copy, cap, "%s", text);
	for (;;) {
		row.cells[row.n_cells++] = at;
		at = strchr(at, '|');
		if (at == NULL)
			return row;
		*at++ = '\0';
	}
}

static void phones_lose_what_is_between_their_digits(void **state)
{
	static const struct {
		const char *text, *digits; /* NULL: none */
	} phones[] = { { "+1 (555) 000-1111", "15550001111" },
		{ "15550001111", "15550001111" },
		{ " 1.555.000.1111 ", "15550001111" },
		{ "[1]555-000\t1111", "15550001111" },
		{ "0049 170 5550001", "491705550001" },
		{ "(00)49 170 5550001", "491705550001" },
		{ "+49 (0)170 5550001", "491705550001" },
		{ "0049(0)1705550001", "491705550001" },
		{ "(0)170 5550001", "01705550001" },
		{ "1\xc2\xa0"
		  "555\xe2\x80\x91"
		  "000\xe2\x88\x92"
		  "1111",
			"15550001111" },
		{ "\xe2\x80\xaa+15550001111\xe2\x80\xac", "15550001111" },
		{ "1234567", "1234567" },
		{ "123456789012345", "123456789012345" },
		{ "00123456789012345", "123456789012345" }, { "123456", NULL },
		{ "1234567890123456", NULL }, { "", NULL }, { "+", NULL },
		{ "00", NULL }, { "++15550001111", NULL },
		{ "1555000+1111", NULL }, { "+0015550001111x", NULL },
		{ "1.555E+10", NULL }, { "555-CALL-ME", NULL },
		{ "15550001111 ext 5", NULL },
		{ "\xd9\xa1\xd9\xa5\xd9\xa5\xd9\xa5", NULL },
		{ "1555000111111111111111111111111111", NULL } };
	char digits[PHONE_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(phones); i++) {
		const int rc = columns_phone(phones[i].text, digits);

		if ((rc == 0) != (phones[i].digits != NULL))
			fail_msg("%s: %d", phones[i].text, rc);
		if (rc == 0)
			assert_string_equal(digits, phones[i].digits);
	}
}

static void headers_name_their_columns(void **state)
{
	static const struct {
		const char *row;
		int phone, name, first, last;
	} headers[] = { { "name|phone", 1, 0, -1, -1 },
		{ " PHONE NUMBER |Full_Name", 0, 1, -1, -1 },
		{ "Mobile:|City", 0, -1, -1, -1 },
		{ "number|tel|mobile|WhatsApp", 3, -1, -1, -1 },
		{ "Last Name|First-Name|Tel.", 2, -1, 1, 0 },
		{ "first name|name|phone", 2, 1, -1, -1 },
		{ "phone|phone", 0, -1, -1, -1 } };
	struct import_columns columns;
	char copy[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		const struct table_row row =
			row_of(headers[i].row, copy, sizeof(copy));

		assert_true(columns_from_header(&row, &columns));
		assert_int_equal(columns.phone, headers[i].phone);
		assert_int_equal(columns.name, headers[i].name);
		assert_int_equal(columns.first, headers[i].first);
		assert_int_equal(columns.last, headers[i].last);
	}
}

static void other_rows_are_no_headers(void **state)
{
	static const char *const rows[] = { "name|city", "15550001111|Ana",
		"phones|x", "my phone number is|x", "" };
	struct import_columns columns;
	char copy[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct table_row row =
			row_of(rows[i], copy, sizeof(copy));

		assert_false(columns_from_header(&row, &columns));
	}
}

static void field_names_are_valid_and_differ(void **state)
{
	static const char *const expected[] = { "City", "city_2", "E-mail_work",
		"_1st", "Phone_2", "Name_2", "column_9", "a_b", "Caf" };
	struct import_columns columns;
	struct table_row row;
	char copy[256];

	(void)state;
	row = row_of("phone|name|City|city|E-mail (work)|1st|Phone|Name|"
		     "\xe5\x9f\x8e|a  b||Caf\xc3\xa9",
		copy, sizeof(copy));
	assert_true(columns_from_header(&row, &columns));
	assert_int_equal(columns.n_fields, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_string_equal(columns.fields[i].name, expected[i]);
	assert_int_equal(columns.fields[8].column, 11);
}

static void long_names_and_many_columns_are_bounded(void **state)
{
	struct import_columns columns;
	struct table_row row = { .number = 1, .n_cells = TABLE_COLUMNS_MAX };
	char title[TABLE_CELL_MAX + 1] = "";

	(void)state;
	memset(title, 'x', TABLE_CELL_MAX);
	row.cells[0] = "phone";
	for (size_t i = 1; i < TABLE_COLUMNS_MAX; i++)
		row.cells[i] = title;
	assert_true(columns_from_header(&row, &columns));
	assert_int_equal(columns.n_fields, BOOK_FIELDS_MAX);
	assert_int_equal(strlen(columns.fields[0].name), BOOK_FIELD_NAME_MAX);
	for (unsigned i = 1; i < columns.n_fields; i++)
		assert_string_not_equal(
			columns.fields[i].name, columns.fields[i - 1].name);
}

static void without_a_header_the_content_tells(void **state)
{
	static const struct {
		const char *row;
		int phone, name; /* -2: no data */
	} rows[] = { { "Ana|15550001111|x", 1, 0 }, { "15550001111|Ana", 0, 1 },
		{ "15550001111", 0, 1 }, { "15550001111|15550002222", 0, 1 },
		{ "Ana|Rome|15550001111", -2, 0 }, { "Ana", -2, 0 } };
	struct import_columns columns;
	char copy[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct table_row row =
			row_of(rows[i].row, copy, sizeof(copy));

		if (rows[i].phone == -2) {
			assert_false(columns_from_data(&row, &columns));
			continue;
		}
		assert_true(columns_from_data(&row, &columns));
		assert_int_equal(columns.phone, rows[i].phone);
		assert_int_equal(columns.name, rows[i].name);
		assert_int_equal(columns.n_fields, 0);
	}
}

static void a_row_is_a_contact_or_says_why_not(void **state)
{
	scoped(import_row_fini) struct import_row out = { 0 };
	struct import_columns columns;
	struct table_row row;
	char header[256], copy[4096], text[512];

	(void)state;
	row = row_of("phone|first name|last name|note", header, sizeof(header));
	assert_true(columns_from_header(&row, &columns));
	row = row_of(
		"+15550001111| Ana \n Maria |\tLee|a\nb", copy, sizeof(copy));
	assert_int_equal(import_row_take(&row, &columns, &out), 0);
	assert_string_equal(out.phone, "15550001111");
	assert_string_equal(buf_cstr(&out.name), "Ana Maria Lee");
	assert_string_equal(
		json_string_value(json_object_get(out.fields, "note")), "a\nb");
	/* The next row has nothing of the last one. */
	row = row_of("15550002222", copy, sizeof(copy));
	assert_int_equal(import_row_take(&row, &columns, &out), 0);
	assert_int_equal(out.name.len, 0);
	assert_null(out.fields);

	snprintf(text, sizeof(text), "15550002222|%0200d|x", 0);
	row = row_of(text, copy, sizeof(copy));
	assert_int_equal(import_row_take(&row, &columns, &out), -1);
	assert_string_equal(out.why, "Name is longer than 200 characters");
	snprintf(text, sizeof(text), "1555|x");
	row = row_of(text, copy, sizeof(copy));
	assert_int_equal(import_row_take(&row, &columns, &out), -1);
	assert_string_equal(out.why, "Invalid phone number");
}

static void each_number_is_new_once(void **state)
{
	scoped(seen_free) struct seen *seen = seen_new();
	char digits[PHONE_LEN];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 100000; i++) {
			snprintf(digits, sizeof(digits), "1555%07d", i);
			assert_int_equal(seen_add(seen, digits), round == 0);
		}
	}
	assert_true(seen_add(seen, "999999999999999"));
	assert_true(seen_add(seen, "0000000"));
	assert_true(seen_add(seen, "00000000"));
	assert_false(seen_add(seen, "0000000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phones_lose_what_is_between_their_digits),
		cmocka_unit_test(headers_name_their_columns),
		cmocka_unit_test(other_rows_are_no_headers),
		cmocka_unit_test(field_names_are_valid_and_differ),
		cmocka_unit_test(long_names_and_many_columns_are_bounded),
		cmocka_unit_test(without_a_header_the_content_tells),
		cmocka_unit_test(a_row_is_a_contact_or_says_why_not),
		cmocka_unit_test(each_number_is_new_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
