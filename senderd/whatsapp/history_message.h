/* A message as history tells it, to a row of the store. */
#ifndef SENDERD_WHATSAPP_HISTORY_MESSAGE_H
#define SENDERD_WHATSAPP_HISTORY_MESSAGE_H

#include "senderd/lane.h"
#include "senderd/whatsapp/names.h"
#include "whatsapp.pb-c.h"

struct err;
struct message;

/* The chat it stands in. */
struct history_chat {
	struct wa_jid jid; /* bare */
	const struct names *names;
};
/* Fills @out, whose texts are in the turn's arena or @info's.  1; 0: there is
 * nothing to show; -1: the lane database failed. */
int history_message_row(struct lane *lane, const struct history_chat *chat,
	const Wa__WebMessageInfo *info, struct message *out, struct err *err);

#endif
