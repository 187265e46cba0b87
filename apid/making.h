/* A voice note or a sticker of something that was uploaded: made once, kept,
 * and used again. */
#ifndef APID_MAKING_H
#define APID_MAKING_H

#include "apid/media.h"

struct making; /* owned by its request, one at a time */

void making_free(struct making **makingp);

/* Runs on the HTTP thread, perhaps inside making_start(); a failure answers
 * the request instead. */
typedef void making_done_fn(
	struct request *request, const struct media_entry *made);
/* What @from becomes as @kind, VOICE or STICKER: found, or made now. */
int making_start(struct request *request, const struct media_entry *from,
	enum media_kind kind, making_done_fn *done, struct err *err);

#endif
