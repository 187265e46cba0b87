/* A spreadsheet into rows of texts (common/media/table.h): CSV, XLSX or XLS, by
 * its content.
 *
 * A reader gives the cells of a row, in any order, and then the row's number.
 */
#ifndef MEDIACONV_TABLE_H
#define MEDIACONV_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/media/table.h"

struct content;
struct err;
struct media_facts;
struct sink;
struct source;

#define TABLE_UNKNOWN "The file is not CSV, XLSX or XLS"
#define TABLE_BROKEN "The spreadsheet is broken"

struct table {
	struct sink *sink; /* borrowed */
	struct buf lines;  /* not in the sink yet */
	struct buf text;   /* of the row's cells */
	struct {
		size_t at, n; /* in @text */
	} cells[TABLE_COLUMNS_MAX];
	unsigned n_cells; /* up to the last one that is not empty */
	uint32_t last;	  /* number of the last row */
};

/* A cell of the row that is being read; @column counts from 0. */
void table_cell_text(
	struct table *table, uint64_t column, const void *text, size_t n);
/* As a spreadsheet shows it, with up to 15 digits: 15550001111. */
void table_cell_number(struct table *table, uint64_t column, double number);
/* The row is whole.  ERR_INVALID: the number is not above the last one's or
 * past TABLE_ROWS_MAX, or too much was given for one row; an empty row is
 * always fine. */
int table_end_row(struct table *table, uint64_t number, struct err *err);

/* What must be loaded from files: before the lockdown. */
int table_prepare(struct err *err);
/* @content is not asked.  Fills the file's type, writes the rows. */
int table_run(const struct source *source, const struct content *content,
	struct sink *sink, struct media_facts *facts, struct err *err);

#endif
