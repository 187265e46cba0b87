#include "mediaconv/csv.h"

#include <csv.h>
#include <stdbool.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "mediaconv/csv_text.h"
#include "mediaconv/table.h"

#define PIECE 65536
#define FIELD_STEP 4096 /* how libcsv's buffer grows */

struct csv {
	struct csv_parser parser;
	struct table *table; /* borrowed */
	uint64_t column;
	uint64_t row;	/* the number of the one that is being read */
	bool after_cr;	/* a line feed now belongs to the line end before it */
	bool has_ended; /* a row has, since this was cleared */
	int failed;
	struct err *err;
};

static void on_field(void *text, size_t n, void *arg)
{
	struct csv *csv = arg;

	csv->after_cr = false;
	table_cell_text(csv->table, csv->column++, text, n);
}

/* libcsv reports empty lines, which count as rows, and so both ends of CR LF.
 */
static void on_row(int end, void *arg)
{
	struct csv *csv = arg;
	const bool is_second = csv->after_cr && end == '\n' && csv->column == 0;

	csv->has_ended = true;
	csv->after_cr = end == '\r';
	if (is_second || csv->failed != 0)
		return;
	csv->failed = table_end_row(csv->table, csv->row, csv->err);
	csv->row++;
	csv->column = 0;
}

static void feed(struct csv *csv, const void *bytes, size_t n)
{
	if (csv_parse(&csv->parser, bytes, n, on_field, on_row, csv) == n ||
		csv->failed != 0)
		return;
	csv->failed = err_set(csv->err, ERR_INVALID, TABLE_BROKEN);
}

/* The most frequent of the three in the first line that has any text. */
static unsigned char delimiter_of(const struct buf *text)
{
	static const char delimiters[] = ",;\t";
	size_t counts[3] = { 0 }, best = 0;
	bool is_quoted = false, has_text = false;

	for (size_t i = 0; i < text->len; i++) {
		const char c = (char)text->data[i];
		const char *found = memchr(delimiters, c, 3);

		if (!is_quoted && has_text && (c == '\n' || c == '\r'))
			break;
		has_text |= c != '\n' && c != '\r';
		is_quoted ^= c == '"';
		if (found != NULL && !is_quoted)
			counts[found - delimiters]++;
	}
	for (size_t i = 1; i < 3; i++)
		if (counts[i] > counts[best])
			best = i;
	return (unsigned char)delimiters[best];
}

/* A line end of our own ends the last row, unless it is inside of a quote. */
static void feed_end(struct csv *csv)
{
	csv->has_ended = false;
	feed(csv, "\n", 1);
	if (csv->has_ended || csv->failed != 0)
		return;
	csv->failed = err_set(csv->err, ERR_INVALID,
		"The quote in row %llu has no end",
		(unsigned long long)csv->row);
}

static void read_all(struct csv *csv, struct csv_text *text)
{
	scoped(buf_fini) struct buf piece = BUF_INIT;
	bool is_first = true;

	do {
		buf_clear(&piece);
		csv->failed = csv_text_read(text, PIECE, &piece, csv->err);
		if (is_first && csv->failed == 0)
			csv_set_delim(&csv->parser, delimiter_of(&piece));
		is_first = false;
		if (csv->failed == 0)
			feed(csv, piece.data, piece.len);
	} while (csv->failed == 0 && text->n > 0);
	if (csv->failed == 0)
		feed_end(csv);
}

int csv_read(const struct source *source, struct table *table, struct err *err)
{
	struct csv csv = { .table = table, .row = 1, .err = err };
	struct csv_text text;

	if (csv_text_open(source, &text, err) != 0)
		return -1;
	if (csv_init(&csv.parser, CSV_REPALL_NL) != 0)
		return err_set(err, ERR_INTERNAL, "libcsv cannot start");
	csv_set_blk_size(&csv.parser, FIELD_STEP);
	read_all(&csv, &text);
	csv_free(&csv.parser);
	return csv.failed;
}
