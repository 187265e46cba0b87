/* Which column of an imported spreadsheet is what. */
#ifndef APID_IMPORT_COLUMNS_H
#define APID_IMPORT_COLUMNS_H

#include <stdbool.h>

#include "common/phone.h"
#include "common/store/addressbook.h"

struct table_row;

#define COLUMN_NONE (-1)

struct import_columns {
	int phone;
	int name;	 /* the whole name; else */
	int first, last; /* its parts; any may be COLUMN_NONE */
	struct {
		int column;
		char name[BOOK_FIELD_NAME_MAX + 1]; /* as in {name} */
	} fields[BOOK_FIELDS_MAX];
	unsigned n_fields;
};

/* A header names a column of phones ("phone", "phone number", "whatsapp",
 * "mobile", "tel", "number": the first of these wins), of names ("name", "full
 * name", or "first name" and "last name"), and fields.  Case, spaces and
 * punctuation do not matter.  False: @row is no header. */
bool columns_from_header(
	const struct table_row *row, struct import_columns *out);
/* No header: one of the first two cells is a phone, the other the name.  False:
 * none is. */
bool columns_from_data(const struct table_row *row, struct import_columns *out);

/* "" for a cell that is not there. */
const char *columns_cell(const struct table_row *row, int column);
/* A phone as people write it: spaces, dashes, dots, brackets, the "(0)" behind
 * a country code and a leading 00 are taken away.  -1: what is left is none. */
int columns_phone(const char *text, char digits_out[PHONE_LEN]);

#endif
