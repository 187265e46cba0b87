/* Telling others that we have read what they wrote (messages.md 10). */
#ifndef SENDERD_WHATSAPP_READ_MARKS_H
#define SENDERD_WHATSAPP_READ_MARKS_H

#include "senderd/lane.h"
#include "senderd/whatsapp/calls.h"

/* chats.read {jid, messageIds?} -> {read: n}: those messages, by our ids or
 * WhatsApp's, or all that were not marked before.  A voice note counts as
 * listened to.  With read receipts turned off only our own devices are told. */
void read_marks_on_call(struct lane *lane, struct call *call);

#endif
