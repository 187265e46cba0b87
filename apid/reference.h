/* Our ids of messages in what a client sends, for WhatsApp's: a lane knows only
 * those. */
#ifndef APID_REFERENCE_H
#define APID_REFERENCE_H

#include <jansson.h>
#include <stdint.h>

struct err;
struct recipient;
struct request;

/* Replaces @members' @name {messageId} by {id, fromMe, participant}, and for a
 * quote with text and messageType.  Anything else stays as it is.  ERR_INVALID:
 * no such message in this chat of the device. */
int reference_resolve(struct request *request, int64_t device_id,
	const struct recipient *chat, json_t *members, const char *name,
	struct err *err);

#endif
