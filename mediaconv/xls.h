/* XLS, the binary format of Excel 97 and before: the first sheet. */
#ifndef MEDIACONV_XLS_H
#define MEDIACONV_XLS_H

struct err;
struct source;
struct table;

/* Loads the character sets of old files, which are libraries of their own:
 * before the lockdown.  A file in one that is not there is refused. */
void xls_prepare(void);
/* ERR_INVALID with a sentence. */
int xls_read(const struct source *source, struct table *table, struct err *err);

#endif
