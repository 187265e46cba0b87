/* XLSX: the first sheet of the workbook. */
#ifndef MEDIACONV_XLSX_H
#define MEDIACONV_XLSX_H

struct err;
struct source;
struct table;

/* ERR_INVALID with a sentence. */
int xlsx_read(
	const struct source *source, struct table *table, struct err *err);

#endif
