/* QR codes in a terminal. */
#ifndef CLI_QR_H
#define CLI_QR_H

#include <stdio.h>

struct err;

/* Two modules a character, in half blocks; with the quiet zone, black on white
 * whatever the terminal's colours are. */
int qr_draw(FILE *out, const char *text, struct err *err);

#endif
