#include "apid/import_columns.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/media/table.h"
#include "common/own.h"

#define TITLE_MAX 16

const char *columns_cell(const struct table_row *row, int column)
{
	return column >= 0 && (unsigned)column < row->n_cells
		       ? row->cells[column]
		       : "";
}

/* ---- phones ---- */

/* What stands between digits and says nothing, besides ASCII: spaces, dashes,
 * and the invisible marks that address books copy along with a number. */
static const struct {
	uint16_t first, last;
} fillers[] = { { 0x00a0, 0x00a0 }, { 0x00ad, 0x00ad }, { 0x2000, 0x2015 },
	{ 0x2028, 0x202f }, { 0x2060, 0x2060 }, { 0x2066, 0x2069 },
	{ 0x2212, 0x2212 }, { 0x3000, 0x3000 }, { 0xfeff, 0xfeff } };

static bool is_filler(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(fillers); i++)
		if (c >= fillers[i].first && c <= fillers[i].last)
			return true;
	return false;
}

/* Bytes of a filler that valid UTF-8 begins with, or 0. */
static size_t filler_length(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	if (c[0] < 0x80)
		return c[0] != '\0' && strchr(" \t\n-.()[]", c[0]) != NULL;
	if ((c[0] & 0xe0) == 0xc0)
		return is_filler((c[0] & 0x1fu) << 6 | (c[1] & 0x3f)) ? 2 : 0;
	if ((c[0] & 0xf0) == 0xe0)
		return is_filler((c[0] & 0xfu) << 12 | (c[1] & 0x3fu) << 6 |
				 (c[2] & 0x3f))
			       ? 3
			       : 0;
	return 0;
}

/* "+49 (0)170": the zero is dialled at home only. */
static bool is_trunk_zero(const char *text, const char *before)
{
	return strncmp(text, "(0)", 3) == 0 &&
	       (before[0] == '+' || strncmp(before, "00", 2) == 0);
}

int columns_phone(const char *text, char digits_out[PHONE_LEN])
{
	char clean[PHONE_LEN + 3] = ""; /* with a + or 00 */
	const char *from = clean;
	size_t n = 0;

	while (*text != '\0') {
		const size_t filler = filler_length(text);

		if (is_trunk_zero(text, clean)) {
			text += 3;
		} else if (filler > 0) {
			text += filler;
		} else if (n + 1 < sizeof(clean)) {
			clean[n++] = *text++;
			clean[n] = '\0';
		} else {
			return -1;
		}
	}
	if (strncmp(clean, "00", 2) == 0)
		from += 2;
	return phone_parse(from, strlen(from), digits_out);
}

/* ---- headers ---- */

enum role { ROLE_PHONE, ROLE_NAME, ROLE_FIRST, ROLE_LAST };

/* The better names come first. */
static const struct {
	const char *title;
	enum role role;
} titles[] = { { "phone", ROLE_PHONE }, { "phonenumber", ROLE_PHONE },
	{ "whatsapp", ROLE_PHONE }, { "mobile", ROLE_PHONE },
	{ "tel", ROLE_PHONE }, { "number", ROLE_PHONE }, { "name", ROLE_NAME },
	{ "fullname", ROLE_NAME }, { "firstname", ROLE_FIRST },
	{ "lastname", ROLE_LAST } };

/* Letters alone, in lower case; "" when something else is left. */
static void title_of(const char *text, char out[TITLE_MAX])
{
	size_t n = 0;

	out[0] = '\0';
	for (; *text != '\0'; text++) {
		if (isspace((unsigned char)*text) || strchr("_-.:*", *text))
			continue;
		if (!isalpha((unsigned char)*text) || n + 1 == TITLE_MAX) {
			out[0] = '\0';
			return;
		}
		out[n++] = (char)tolower((unsigned char)*text);
		out[n] = '\0';
	}
}

/* The column with the best title of a role. */
static int column_of(const struct table_row *row, enum role role)
{
	char title[TITLE_MAX];

	for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
		for (unsigned k = 0; titles[i].role == role && k < row->n_cells;
			k++) {
			title_of(row->cells[k], title);
			if (strcmp(title, titles[i].title) == 0)
				return (int)k;
		}
	}
	return COLUMN_NONE;
}

static bool is_taken(const struct import_columns *columns, const char *name)
{
	if (strcasecmp(name, "name") == 0 || strcasecmp(name, "phone") == 0)
		return true;
	for (unsigned i = 0; i < columns->n_fields; i++)
		if (strcasecmp(columns->fields[i].name, name) == 0)
			return true;
	return false;
}

/* "E-mail (work)" is {E-mail_work}. */
static void name_clean(const char *title, char out[BOOK_FIELD_NAME_MAX + 1])
{
	size_t n = 0;

	if (isdigit((unsigned char)title[0]) || title[0] == '-' ||
		title[0] == '.')
		out[n++] = '_';
	for (; *title != '\0' && n < BOOK_FIELD_NAME_MAX; title++) {
		const unsigned char c = (unsigned char)*title;

		if (c < 0x80 && (isalnum(c) || strchr("_.-", c) != NULL))
			out[n++] = (char)c;
		else if (n > 0 && out[n - 1] != '_')
			out[n++] = '_';
	}
	while (n > 0 && out[n - 1] == '_')
		n--;
	out[n] = '\0';
}

/* Names that differ in more than case: {city}, {city_2}. */
static void field_add(
	struct import_columns *columns, int column, const char *title)
{
	char clean[BOOK_FIELD_NAME_MAX + 1];
	char *name = columns->fields[columns->n_fields].name;

	name_clean(title, clean);
	if (clean[0] == '\0')
		snprintf(clean, sizeof(clean), "column_%d", column + 1);
	strcpy(name, clean);
	for (int i = 2; is_taken(columns, name); i++)
		snprintf(name, sizeof(clean), "%.*s_%d",
			BOOK_FIELD_NAME_MAX - 11, clean, i);
	columns->fields[columns->n_fields++].column = column;
}

bool columns_from_header(
	const struct table_row *row, struct import_columns *out)
{
	*out = (struct import_columns){
		.phone = column_of(row, ROLE_PHONE),
		.name = column_of(row, ROLE_NAME),
		.first = COLUMN_NONE,
		.last = COLUMN_NONE,
	};
	if (out->phone == COLUMN_NONE)
		return false;
	if (out->name == COLUMN_NONE) {
		out->first = column_of(row, ROLE_FIRST);
		out->last = column_of(row, ROLE_LAST);
	}
	for (int i = 0; i < (int)row->n_cells; i++) {
		if (i == out->phone || i == out->name || i == out->first ||
			i == out->last || row->cells[i][0] == '\0')
			continue;
		if (out->n_fields < BOOK_FIELDS_MAX)
			field_add(out, i, row->cells[i]);
	}
	return true;
}

bool columns_from_data(const struct table_row *row, struct import_columns *out)
{
	char digits[PHONE_LEN];

	for (int i = 0; i < 2; i++) {
		if (columns_phone(columns_cell(row, i), digits) != 0)
			continue;
		*out = (struct import_columns){ .phone = i,
			.name = 1 - i,
			.first = COLUMN_NONE,
			.last = COLUMN_NONE };
		return true;
	}
	return false;
}
