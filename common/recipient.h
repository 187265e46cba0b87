/* Who a client means: a phone number, somebody of whom only the LID is known,
 * or a group. */
#ifndef COMMON_RECIPIENT_H
#define COMMON_RECIPIENT_H

#include <stddef.h>

#include "common/phone.h"
#include "common/wa/jid.h"

enum recipient_kind {
	RECIPIENT_PHONE = 1,
	RECIPIENT_LID = 2,
	RECIPIENT_GROUP = 4,
};
#define RECIPIENT_PERSON (RECIPIENT_PHONE | RECIPIENT_LID)

struct recipient {
	enum recipient_kind kind;
	char phone[PHONE_LEN]; /* digits; "" unless PHONE */
	char jid[WA_JID_TEXT]; /* "15550002222@s.whatsapp.net", "…@lid" */
	char name[WA_JID_TEXT]; /* as clients see it: "+15550002222", "…@lid" */
};

/* "+15550002222", "15550002222", "15550002222@s.whatsapp.net", "900002@lid",
 * "120363…@g.us"; a device number is dropped.  -1 for anything else, and for
 * one whose kind is not in @kinds. */
int recipient_parse(
	const char *text, size_t n, unsigned kinds, struct recipient *out);

#endif
