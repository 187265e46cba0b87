#include "mediaconv/xls.h"

#include <freexl.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "mediaconv/table.h"
#include "mediaconv/xls_file.h"

/* Of Windows, and the DOS and Macintosh ones that Excel 5 wrote. */
static const char *const charsets[] = { "CP1250", "CP1251", "CP1252", "CP1253",
	"CP1254", "CP1255", "CP1256", "CP1257", "CP1258", "CP874", "CP932",
	"CP936", "CP949", "CP950", "CP437", "CP850", "CP852", "CP866",
	"MACINTOSH", "UTF-16LE" };

/* Kept open: what is in use stays loaded, and the next one opens no file. */
void xls_prepare(void)
{
	for (size_t i = 0; i < ARRAY_LEN(charsets); i++)
		(void)iconv_open("UTF-8", charsets[i]);
}

static void cell_take(
	struct table *table, uint64_t column, const FreeXL_CellValue *cell)
{
	switch (cell->type) {
	case FREEXL_CELL_INT:
		table_cell_number(table, column, cell->value.int_value);
		return;
	case FREEXL_CELL_DOUBLE:
		table_cell_number(table, column, cell->value.double_value);
		return;
	case FREEXL_CELL_TEXT:
	case FREEXL_CELL_SST_TEXT:
	case FREEXL_CELL_DATE:
	case FREEXL_CELL_DATETIME:
	case FREEXL_CELL_TIME:
		if (cell->value.text_value != NULL)
			table_cell_text(table, column, cell->value.text_value,
				strlen(cell->value.text_value));
		return;
	default: /* empty, or none that we know */
		return;
	}
}

static int broken(struct err *err)
{
	return err_set(err, ERR_INVALID, TABLE_BROKEN);
}

static int rows_read(const void *xls, struct table *table, struct err *err)
{
	unsigned n_rows = 0;
	unsigned short n_columns = 0;
	FreeXL_CellValue cell;

	if (freexl_select_active_worksheet(xls, 0) != FREEXL_OK ||
		freexl_worksheet_dimensions(xls, &n_rows, &n_columns) !=
			FREEXL_OK)
		return broken(err);
	if (n_columns > TABLE_COLUMNS_MAX)
		n_columns = TABLE_COLUMNS_MAX;
	for (unsigned row = 0; row < n_rows; row++) {
		for (unsigned short i = 0; i < n_columns; i++) {
			if (freexl_get_cell_value(xls, row, i, &cell) !=
				FREEXL_OK)
				return broken(err);
			cell_take(table, i, &cell);
		}
		if (table_end_row(table, row + 1ull, err) != 0)
			return -1;
	}
	return 0;
}

static bool is_protected(const void *xls)
{
	unsigned protection = FREEXL_UNKNOWN;

	return freexl_get_info(xls, FREEXL_BIFF_PASSWORD, &protection) ==
		       FREEXL_OK &&
	       protection == FREEXL_BIFF_OBFUSCATED;
}

int xls_read(const struct source *source, struct table *table, struct err *err)
{
	const void *xls = NULL;
	int failed;

	if (freexl_open(xls_file_offer(source), &xls) != FREEXL_OK)
		failed = broken(err);
	else if (is_protected(xls))
		failed = err_set(err, ERR_INVALID,
			"The spreadsheet is protected by a password");
	else
		failed = rows_read(xls, table, err);
	if (xls != NULL)
		freexl_close(xls);
	(void)xls_file_offer(NULL);
	return failed;
}
