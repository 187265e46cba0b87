/* Where the suite's other programs are: next to this one, or where `make
 * install` puts them. */
#ifndef COMMON_PROGRAM_H
#define COMMON_PROGRAM_H

struct err;

/* Absolute path of an executable; caller frees.  NULL: ERR_NOT_FOUND. */
char *program_find(const char *name, struct err *err);

#endif
