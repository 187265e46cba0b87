#include "common/media/table.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/own.h"

#define PIECE 65536u
/* Each byte of a cell may be escaped with one more. */
#define LINE_MAX_BYTES (TABLE_COLUMNS_MAX * (2u * TABLE_CELL_MAX + 3) + 16)

/* ---- writing ---- */

static void write_text(struct buf *out, const struct table_cell *cell)
{
	size_t done = 0;

	buf_add_byte(out, '"');
	for (size_t i = 0; i < cell->n; i++) {
		const char c = cell->text[i];
		const char *escaped = c == '"'	  ? "\\\""
				      : c == '\\' ? "\\\\"
				      : c == '\n' ? "\\n"
				      : c == '\t' ? "\\t"
						  : NULL;

		if (escaped == NULL)
			continue;
		buf_add(out, cell->text + done, i - done);
		buf_add(out, escaped, 2);
		done = i + 1;
	}
	buf_add(out, cell->text + done, cell->n - done);
	buf_add_byte(out, '"');
}

void table_write(struct buf *out, uint32_t number,
	const struct table_cell *cells, unsigned n_cells)
{
	buf_printf(out, "[%u", (unsigned)number);
	for (unsigned i = 0; i < n_cells; i++) {
		buf_add_byte(out, ',');
		write_text(out, &cells[i]);
	}
	buf_add_str(out, "]\n");
}

/* ---- reading ---- */

struct table_reader {
	int fd;		 /* borrowed */
	off_t at;	 /* of the file: what comes next into @text */
	struct buf text; /* from @start on not read yet */
	size_t start;
	bool is_over; /* nothing is left in the file */
	uint32_t last;
	json_t *line; /* what the row borrows from */
};

struct table_reader *table_reader_new(int fd)
{
	struct table_reader *reader = xcalloc(1, sizeof(*reader));

	reader->fd = fd;
	return reader;
}

void table_reader_free(struct table_reader **readerp)
{
	struct table_reader *reader = move(*readerp);

	if (reader == NULL)
		return;
	json_decref(reader->line);
	buf_fini(&reader->text);
	free(reader);
}

static int refuse(struct err *err, const char *what)
{
	return err_set(err, ERR_PEER, "the table's %s", what);
}

static int fill(struct table_reader *reader, struct err *err)
{
	ssize_t n;

	buf_drop_front(&reader->text, reader->start);
	reader->start = 0;
	do
		n = pread(reader->fd, buf_reserve(&reader->text, PIECE), PIECE,
			reader->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(err, ERR_IO, "table: %s", strerror(errno));
	reader->is_over = n == 0;
	reader->text.len += (size_t)n;
	reader->at += n;
	return 0;
}

/* 1 and a line without its end, 0 at the end of the file. */
static int line_next(struct table_reader *reader, const char **line, size_t *n,
	struct err *err)
{
	size_t seen = 0;

	for (;;) {
		const size_t left = reader->text.len - reader->start;
		const char *from = left > 0 ? (const char *)reader->text.data +
						      reader->start
					    : NULL;
		const char *end =
			left > seen ? memchr(from + seen, '\n', left - seen)
				    : NULL;

		if (end != NULL) {
			*line = from;
			*n = (size_t)(end - from);
			reader->start += *n + 1;
			return 1;
		}
		if (reader->is_over)
			return left == 0 ? 0 : refuse(err, "last row is cut");
		if (left > LINE_MAX_BYTES)
			return refuse(err, "row has no end");
		seen = left;
		if (fill(reader, err) != 0)
			return -1;
	}
}

static int row_take(
	struct table_reader *reader, struct table_row *row, struct err *err)
{
	const json_t *line = reader->line;
	const json_int_t number =
		json_integer_value(json_array_get(line, 0)); /* 0: none */
	const size_t n = json_array_size(line);

	if (n == 0 || n > TABLE_COLUMNS_MAX + 1)
		return refuse(err, "row has no shape");
	if (number <= reader->last || number > TABLE_ROWS_MAX)
		return refuse(err, "row number is wrong");
	row->number = reader->last = (uint32_t)number;
	row->n_cells = (unsigned)n - 1;
	for (unsigned i = 0; i < row->n_cells; i++) {
		const json_t *cell = json_array_get(line, i + 1);

		row->cells[i] = json_string_value(cell);
		if (row->cells[i] == NULL ||
			json_string_length(cell) > TABLE_CELL_MAX)
			return refuse(err, "cell is wrong");
	}
	return 0;
}

int table_reader_next(
	struct table_reader *reader, struct table_row *row, struct err *err)
{
	const char *line = NULL;
	size_t n = 0;
	const int found = line_next(reader, &line, &n, err);

	if (found <= 0)
		return found;
	json_decref(reader->line);
	reader->line = json_loadb(line, n, 0, NULL);
	if (reader->line == NULL)
		return refuse(err, "row is no JSON");
	return row_take(reader, row, err) == 0 ? 1 : -1;
}
