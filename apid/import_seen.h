/* The phone numbers that an import has met: a set of 8 bytes a number, so that
 * a million take 16 MiB. */
#ifndef APID_IMPORT_SEEN_H
#define APID_IMPORT_SEEN_H

#include <stdbool.h>

struct seen;

struct seen *seen_new(void);
void seen_free(struct seen **seenp);
/* @digits: at most 15 of them.  False: it was there already. */
bool seen_add(struct seen *seen, const char *digits);

#endif
