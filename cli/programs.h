/* Where the daemons' programs are: next to this one, or where `make install`
 * puts them. */
#ifndef CLI_PROGRAMS_H
#define CLI_PROGRAMS_H

struct err;

/* Absolute path of an executable; caller frees.  NULL: ERR_NOT_FOUND. */
char *programs_find(const char *name, struct err *err);

#endif
