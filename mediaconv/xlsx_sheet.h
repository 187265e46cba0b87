/* The rows of a sheet, as they come by. */
#ifndef MEDIACONV_XLSX_SHEET_H
#define MEDIACONV_XLSX_SHEET_H

struct archive;
struct err;
struct strings;
struct table;

/* ERR_INVALID with a sentence. */
int sheet_read(struct archive *archive, const char *path,
	const struct strings *strings, struct table *table, struct err *err);

#endif
