#include "apid/import_row.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "apid/import_columns.h"
#include "common/own.h"

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* A name has one line, and one space between its words. */
static void add_words(struct buf *out, const char *text)
{
	bool is_between = out->len > 0;

	for (; *text != '\0'; text++) {
		if (isspace((unsigned char)*text)) {
			is_between = out->len > 0;
			continue;
		}
		if (is_between)
			buf_add_byte(out, ' ');
		is_between = false;
		buf_add_byte(out, (uint8_t)*text);
	}
}

static int take_name(const struct table_row *row,
	const struct import_columns *columns, struct import_row *out)
{
	add_words(&out->name, columns_cell(row, columns->name));
	add_words(&out->name, columns_cell(row, columns->first));
	add_words(&out->name, columns_cell(row, columns->last));
	if (characters(buf_cstr(&out->name)) <= BOOK_NAME_MAX)
		return 0;
	snprintf(out->why, sizeof(out->why),
		"Name is longer than %d characters", BOOK_NAME_MAX);
	return -1;
}

static int take_fields(const struct table_row *row,
	const struct import_columns *columns, struct import_row *out)
{
	for (unsigned i = 0; i < columns->n_fields; i++) {
		const char *name = columns->fields[i].name;
		const char *text = columns_cell(row, columns->fields[i].column);

		if (text[0] == '\0')
			continue;
		if (characters(text) > BOOK_FIELD_VALUE_MAX) {
			snprintf(out->why, sizeof(out->why),
				"%s is longer than %d characters", name,
				BOOK_FIELD_VALUE_MAX);
			return -1;
		}
		if (out->fields == NULL)
			out->fields = json_object();
		json_object_set_new(out->fields, name, json_string(text));
	}
	return 0;
}

int import_row_take(const struct table_row *row,
	const struct import_columns *columns, struct import_row *out)
{
	buf_clear(&out->name);
	json_decref(move(out->fields));
	if (columns_phone(columns_cell(row, columns->phone), out->phone) != 0) {
		snprintf(out->why, sizeof(out->why), "Invalid phone number");
		return -1;
	}
	if (take_name(row, columns, out) != 0)
		return -1;
	return take_fields(row, columns, out);
}

void import_row_fini(struct import_row *row)
{
	buf_fini(&row->name);
	json_decref(move(row->fields));
}
