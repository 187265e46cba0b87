/* The pairing code that is typed on the phone (connection.md 6).  The code and
 * its key live in memory only: a connection that is lost takes them along. */
#ifndef SENDERD_WHATSAPP_LINKCODE_H
#define SENDERD_WHATSAPP_LINKCODE_H

#include <stdbool.h>

#include "senderd/lane.h"

struct linkcode;

struct linkcode *linkcode_new(void);
void linkcode_free(struct linkcode **codep);

/* Makes a code for @phone (digits) and tells the server; ends in
 * pairing_on_code() or pairing_on_code_refused().  Replaces an earlier code. */
void linkcode_start(
	struct lane *lane, struct linkcode *code, const char *phone);
void linkcode_drop(struct linkcode *code);
/* The code for @phone, or for any phone when NULL, that the server has taken
 * and that is still good at @now_ms (unix); NULL when there is none.
 * *@expires_ms_out may be NULL. */
const char *linkcode_live(const struct linkcode *code, const char *phone,
	int64_t now_ms, int64_t *expires_ms_out);
/* primary_hello: the code was typed.  Replaces the adv secret and answers with
 * the key bundle; pair-success follows. */
void linkcode_on_hello(
	struct lane *lane, struct linkcode *code, const struct wa_node *hello);

#endif
