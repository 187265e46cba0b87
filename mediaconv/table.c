#include "mediaconv/table.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/media/convert.h"
#include "common/own.h"
#include "mediaconv/csv.h"
#include "mediaconv/sink.h"
#include "mediaconv/source.h"
#include "mediaconv/table_text.h"
#include "mediaconv/xls.h"
#include "mediaconv/xlsx.h"

#define FLUSH_BYTES 65536
#define EXACT_MAX 1e15 /* whole numbers below are exact, and shown in full */
/* A row that gives its cells again and again. */
#define ROW_TEXT_MAX (2u * TABLE_COLUMNS_MAX * TABLE_CELL_MAX)

/* ---- rows ---- */

void table_cell_text(
	struct table *table, uint64_t column, const void *text, size_t n)
{
	size_t at = table->text.len;

	if (column >= TABLE_COLUMNS_MAX || at > ROW_TEXT_MAX)
		return;
	n = text_add_clean(&table->text, text, n, TABLE_CELL_MAX);
	table->cells[column].at = at;
	table->cells[column].n = n;
	if (n > 0 && column >= table->n_cells)
		table->n_cells = (unsigned)column + 1;
}

void table_cell_number(struct table *table, uint64_t column, double number)
{
	char text[32];

	if (fabs(number) < EXACT_MAX && number == floor(number))
		snprintf(text, sizeof(text), "%.0f", number);
	else
		snprintf(text, sizeof(text), "%.15g", number);
	table_cell_text(table, column, text, strlen(text));
}

static int flush(struct table *table, struct err *err)
{
	if (sink_write(table->sink, table->lines.data, table->lines.len, err) !=
		0)
		return -1;
	buf_clear(&table->lines);
	return 0;
}

static void row_clear(struct table *table)
{
	buf_clear(&table->text);
	memset(table->cells, 0, sizeof(table->cells));
	table->n_cells = 0;
}

static int row_check(
	const struct table *table, uint64_t number, struct err *err)
{
	if (number > TABLE_ROWS_MAX)
		return err_set(err, ERR_INVALID,
			"The file has more than %u rows", TABLE_ROWS_MAX);
	if (number <= table->last)
		return err_set(err, ERR_INVALID, TABLE_BROKEN);
	if (table->text.len > ROW_TEXT_MAX)
		return err_set(err, ERR_INVALID, "Row %u is too long",
			(unsigned)number);
	return 0;
}

int table_end_row(struct table *table, uint64_t number, struct err *err)
{
	struct table_cell cells[TABLE_COLUMNS_MAX];

	if (table->n_cells == 0) {
		row_clear(table);
		return 0;
	}
	if (row_check(table, number, err) != 0)
		return -1;
	for (unsigned i = 0; i < table->n_cells; i++)
		cells[i] = (struct table_cell){
			.text = (const char *)table->text.data +
				table->cells[i].at,
			.n = table->cells[i].n,
		};
	table_write(&table->lines, (uint32_t)number, cells, table->n_cells);
	table->last = (uint32_t)number;
	row_clear(table);
	return table->lines.len < FLUSH_BYTES ? 0 : flush(table, err);
}

/* ---- the job ---- */

struct format {
	const char *mime;
	const char *magic; /* NULL: text, or nothing of ours */
	size_t n_magic;
	int (*read)(const struct source *source, struct table *table,
		struct err *err);
};

static const struct format formats[] = {
	{ "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"PK\x03\x04", 4, xlsx_read },
	{ "application/vnd.ms-excel", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8,
		xls_read },
	{ "text/csv", NULL, 0, csv_read },
};

static const struct format *format_find(const struct source *source)
{
	const struct format *format = formats;

	while (format->magic != NULL &&
		(source->n < format->n_magic ||
			memcmp(source->bytes, format->magic, format->n_magic) !=
				0))
		format++;
	return format;
}

int table_prepare(struct err *err)
{
	(void)err;
	xls_prepare();
	return 0;
}

int table_run(const struct source *source, const struct content *content,
	struct sink *sink, struct media_facts *facts, struct err *err)
{
	const struct format *format = format_find(source);
	struct table table = { .sink = sink };
	int failed;

	(void)content;
	facts->kind = MEDIA_DOCUMENT;
	snprintf(facts->mime, sizeof(facts->mime), "%s", format->mime);
	failed = format->read(source, &table, err) != 0 ||
		 flush(&table, err) != 0;
	buf_fini(&table.lines);
	buf_fini(&table.text);
	return failed ? -1 : 0;
}
