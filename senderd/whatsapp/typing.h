/* "Typing…" as we show it in a chat.  Receivers forget it after 25 s unless it
 * is repeated, so it is, until the time is up, somebody says stop, or a message
 * ends it (messages.md 10). */
#ifndef SENDERD_WHATSAPP_TYPING_H
#define SENDERD_WHATSAPP_TYPING_H

#include "senderd/lane.h"

struct typing;

enum typing_state { TYPING_PAUSED, TYPING_COMPOSING, TYPING_RECORDING };
const char *typing_name(enum typing_state state);	    /* "composing" */
int typing_parse(const char *name, enum typing_state *out); /* 0 or -1 */

struct typing *typing_new(void);
void typing_free(struct typing **typingp);
void typing_on_disconnect(struct lane *lane);

/* @chat is bare: a user or a group. */
void typing_set(
	struct lane *lane, const struct wa_jid *chat, enum typing_state state);
/* A message of ours has left for @chat: for everybody there that ends it. */
void typing_on_sent(struct lane *lane, const struct wa_jid *chat);

#endif
