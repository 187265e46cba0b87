/* What was lately asked of our own phone: nothing is asked too often, and only
 * what was asked for is taken.  Kept among the lane's values, bounded. */
#ifndef SENDERD_WHATSAPP_ASKED_H
#define SENDERD_WHATSAPP_ASKED_H

#include <stdbool.h>
#include <stdint.h>

#include "senderd/lane.h"

struct err;

#define ASKED_MAX 32 /* of one list within its window */

/* Lists: names of lane values. */
#define ASKED_KEYS "asked_keys"
#define ASKED_MESSAGES "asked_messages"

/* *@may: it is to be asked now, and is noted as asked.  Not so when it, or
 * ASKED_MAX others of the list, were asked within @window_ms.  @id: no spaces
 * or line ends. */
int asked_note(struct lane *lane, const char *list, const char *id,
	int64_t window_ms, bool *may, struct err *err);
/* *@was: it was asked within @window_ms; it is struck off. */
int asked_take(struct lane *lane, const char *list, const char *id,
	int64_t window_ms, bool *was, struct err *err);

#endif
