/* The dictionary of the node codec, version 3 (connection.md 4.3): 235 strings
 * that travel as one byte and 4 * 256 that travel as two. */
#ifndef COMMON_WA_TOKEN_H
#define COMMON_WA_TOKEN_H

#include <stddef.h>

#define WA_TOKEN_SINGLE 236 /* tokens below are one byte; 0 is none */
#define WA_TOKEN_DICTIONARIES 4
#define WA_TOKEN_COUNT (WA_TOKEN_SINGLE + WA_TOKEN_DICTIONARIES * 256)

/* NUL-terminated text of a token, 1 <= @token < WA_TOKEN_COUNT, and its length.
 */
const char *wa_token_text(unsigned token, size_t *n_out);
/* Number of the token with this text, or 0. */
unsigned wa_token_find(const char *text, size_t n);

#endif
