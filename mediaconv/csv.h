/* CSV: commas, semicolons or tabs, as the first line has most of. */
#ifndef MEDIACONV_CSV_H
#define MEDIACONV_CSV_H

struct err;
struct source;
struct table;

/* ERR_INVALID with a sentence: no text, or a quote without an end. */
int csv_read(const struct source *source, struct table *table, struct err *err);

#endif
