/* An account by both its names, as texts for rows of the store. */
#ifndef SENDERD_WHATSAPP_NAMES_H
#define SENDERD_WHATSAPP_NAMES_H

#include <stdbool.h>

#include "senderd/lane.h"

/* Texts in the turn's arena; NULL while not known. */
struct names {
	const char *phone, *lid; /* users, without server */
	const char *jid; /* bare: the number's if known, else the LID's */
	const char *lid_jid;
};
/* Of a user; of a group or a list, jid alone.  -1: the lane database failed. */
int names_find(struct lane *lane, const struct wa_jid *who, struct names *out,
	struct err *err);
/* Is @jid, of a row, one of them? */
bool names_match(const struct names *names, const char *jid);

#endif
