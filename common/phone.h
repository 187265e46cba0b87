/* Phone numbers as clients write them. */
#ifndef COMMON_PHONE_H
#define COMMON_PHONE_H

#include <stddef.h>

#define PHONE_LEN 16 /* 15 digits and the NUL */

/* ^\+?[0-9]{7,15}$ to digits without '+'.  -1 for anything else. */
int phone_parse(const char *text, size_t n, char digits_out[PHONE_LEN]);

#endif
