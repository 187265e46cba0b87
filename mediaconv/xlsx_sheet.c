#include "mediaconv/xlsx_sheet.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "mediaconv/table.h"
#include "mediaconv/xlsx_part.h"
#include "mediaconv/xlsx_strings.h"

#define COLUMNS_MAX 16384u /* of the format */
#define NUMBER_MAX 64	   /* characters */

enum cell_type { CELL_NUMBER, CELL_SHARED, CELL_TEXT, CELL_BOOL, CELL_ERROR };

/* <sheetData><row r="2"><c r="B2" t="s"><v>17</v></c>
 * <c r="C2" t="inlineStr"><is><t>text</t></is></c></row></sheetData> */
struct sheet {
	const struct strings *strings; /* borrowed */
	struct table *table;	       /* borrowed */
	bool is_data;		       /* inside of sheetData */
	uint64_t row, column;	       /* of the last one; rows from 1 */
	uint64_t next_column;
	bool is_cell, is_value; /* where in the tree */
	bool is_phonetic;
	enum cell_type type;
	struct buf value;
};

static enum cell_type type_parse(const char *text)
{
	static const struct {
		const char *name;
		enum cell_type type;
	} types[] = { { "n", CELL_NUMBER }, { "s", CELL_SHARED },
		{ "b", CELL_BOOL }, { "e", CELL_ERROR } };

	if (text == NULL)
		return CELL_NUMBER;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(text, types[i].name) == 0)
			return types[i].type;
	return CELL_TEXT; /* str, inlineStr, d */
}

/* Digits alone, at most @max; else 0. */
static uint64_t number_parse(const char *text, uint64_t max)
{
	uint64_t number = 0;

	for (; isdigit((unsigned char)*text) && number <= max; text++)
		number = number * 10 + (uint64_t)(*text - '0');
	return *text == '\0' && number <= max ? number : 0;
}

/* "AB12" is in column 27, counted from 0; what is no reference is in
 * COLUMNS_MAX. */
static uint64_t column_parse(const char *reference)
{
	uint64_t column = 0;

	for (; *reference >= 'A' && *reference <= 'Z' && column <= COLUMNS_MAX;
		reference++)
		column = column * 26 + (uint64_t)(*reference - 'A') + 1;
	return column == 0 || column > COLUMNS_MAX ? COLUMNS_MAX : column - 1;
}

static void row_start(
	struct part *part, struct sheet *sheet, const char **attributes)
{
	const char *number = part_attribute(attributes, "r");
	const uint64_t row = number == NULL
				     ? sheet->row + 1
				     : number_parse(number, TABLE_ROWS_MAX);

	if (row <= sheet->row) /* 0, too: no number */
		part_fail(part, TABLE_BROKEN);
	sheet->row = row;
	sheet->next_column = 0;
}

static void cell_start(
	struct part *part, struct sheet *sheet, const char **attributes)
{
	const char *reference = part_attribute(attributes, "r");

	sheet->column = reference == NULL ? sheet->next_column
					  : column_parse(reference);
	if (sheet->column >= COLUMNS_MAX) {
		part_fail(part, TABLE_BROKEN);
		return;
	}
	sheet->next_column = sheet->column + 1;
	sheet->is_cell = sheet->column < TABLE_COLUMNS_MAX && sheet->row > 0;
	sheet->type = type_parse(part_attribute(attributes, "t"));
	buf_clear(&sheet->value);
}

static void on_start(
	struct part *part, const char *name, const char **attributes)
{
	struct sheet *sheet = part_arg(part);

	if (strcmp(name, "sheetData") == 0)
		sheet->is_data = true;
	else if (!sheet->is_data)
		return;
	else if (strcmp(name, "row") == 0)
		row_start(part, sheet, attributes);
	else if (strcmp(name, "c") == 0)
		cell_start(part, sheet, attributes);
	else if (strcmp(name, "rPh") == 0)
		sheet->is_phonetic = true;
	else if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0)
		sheet->is_value = sheet->is_cell && !sheet->is_phonetic;
}

static void on_text(struct part *part, const char *text, size_t n)
{
	struct sheet *sheet = part_arg(part);
	const size_t room = TABLE_CELL_MAX + 8 - sheet->value.len;

	if (sheet->is_value)
		buf_add(&sheet->value, text, n < room ? n : room);
}

/* What a number is written like does not matter: 1.5550001111E10. */
static void number_take(struct sheet *sheet)
{
	const char *text = buf_cstr(&sheet->value);
	char *end;
	const double number = strtod(text, &end);

	if (end == text || *end != '\0' || sheet->value.len > NUMBER_MAX)
		table_cell_text(
			sheet->table, sheet->column, text, sheet->value.len);
	else
		table_cell_number(sheet->table, sheet->column, number);
}

static void shared_take(struct part *part, struct sheet *sheet)
{
	const char *digits = buf_cstr(&sheet->value);
	const char *text = NULL;
	size_t n;

	if (isdigit((unsigned char)digits[0]) &&
		(number_parse(digits, UINT32_MAX) != 0 ||
			strcmp(digits, "0") == 0))
		text = strings_get(
			sheet->strings, number_parse(digits, UINT32_MAX), &n);
	if (text == NULL)
		part_fail(part, TABLE_BROKEN);
	else
		table_cell_text(sheet->table, sheet->column, text, n);
}

static void cell_end(struct part *part, struct sheet *sheet)
{
	if (!sheet->is_cell)
		return;
	sheet->is_cell = false;
	if (sheet->value.len == 0)
		return;
	switch (sheet->type) {
	case CELL_NUMBER:
		number_take(sheet);
		return;
	case CELL_SHARED:
		shared_take(part, sheet);
		return;
	case CELL_TEXT:
		table_cell_text(sheet->table, sheet->column, sheet->value.data,
			sheet->value.len);
		return;
	case CELL_BOOL:
		if (sheet->value.data[0] == '1')
			table_cell_text(sheet->table, sheet->column, "TRUE", 4);
		else
			table_cell_text(
				sheet->table, sheet->column, "FALSE", 5);
		return;
	case CELL_ERROR: /* #N/A: no value */
		return;
	}
}

static void on_end(struct part *part, const char *name)
{
	struct sheet *sheet = part_arg(part);

	if (!sheet->is_data)
		return;
	if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0) {
		sheet->is_value = false;
	} else if (strcmp(name, "rPh") == 0) {
		sheet->is_phonetic = false;
	} else if (strcmp(name, "c") == 0) {
		cell_end(part, sheet);
	} else if (strcmp(name, "row") == 0) {
		if (table_end_row(sheet->table, sheet->row, part_err(part)) !=
			0)
			part_fail(part, NULL);
	} else if (strcmp(name, "sheetData") == 0) {
		part_stop(part);
	}
}

int sheet_read(struct archive *archive, const char *path,
	const struct strings *strings, struct table *table, struct err *err)
{
	static const struct part_handlers handlers = { on_start, on_end,
		on_text };
	struct sheet sheet = { .strings = strings, .table = table };
	const int failed = part_read(archive, path, &handlers, &sheet, err);

	buf_fini(&sheet.value);
	return failed;
}
