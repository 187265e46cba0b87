/* The rows of a spreadsheet as mediaconv writes them and apid reads them: plain
 * text, one JSON array a row, [4,"Ana","+15550001111"]: the row's number as the
 * user sees it in the spreadsheet, and its cells from the first column on.
 * Empty rows and the empty cells at a row's end are left out.
 *
 * The writer has decoded a hostile file: the reader does not trust it. */
#ifndef COMMON_MEDIA_TABLE_H
#define COMMON_MEDIA_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct err;

#define TABLE_ROWS_MAX 1048576u /* and so the largest row number */
#define TABLE_COLUMNS_MAX 64	/* what is right of them is left out */
#define TABLE_CELL_MAX 4096	/* bytes; what is longer is cut */
#define TABLE_BYTES_MAX (128u << 20)

struct table_cell {
	const char *text; /* valid UTF-8 */
	size_t n;
};
/* No control characters in the cells but line ends and tabs. */
void table_write(struct buf *out, uint32_t number,
	const struct table_cell *cells, unsigned n_cells);

struct table_row {
	uint32_t number; /* 1..TABLE_ROWS_MAX */
	unsigned n_cells;
	const char *cells[TABLE_COLUMNS_MAX];
};

struct table_reader; /* holds one row, however long the file is */

/* @fd is borrowed, and read from its start. */
struct table_reader *table_reader_new(int fd);
void table_reader_free(struct table_reader **readerp);
/* 1 and a row that is valid until the next call; 0 at the end; -1: ERR_PEER
 * for what no writer of ours writes, ERR_IO. */
int table_reader_next(
	struct table_reader *reader, struct table_row *row, struct err *err);

#endif
