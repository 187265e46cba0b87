/* Messages about other messages: edits, revokes, votes, encrypted reactions.
 * Whose message it is decides whether they count (messages.md 4.4, 8.7). */
#ifndef SENDERD_WHATSAPP_ADDON_H
#define SENDERD_WHATSAPP_ADDON_H

#include "senderd/lane.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/inbound.h"
#include "whatsapp.pb-c.h"

enum addon_state {
	ADDON_NONE,    /* an ordinary message */
	ADDON_SHOWN,   /* @out describes it */
	ADDON_REFUSED, /* logged; nothing is shown */
	ADDON_FAILED,  /* the lane database or the store */
};
/* @message is unwrapped. */
enum addon_state addon_describe(struct lane *lane, const struct inbound *in,
	const Wa__Message *message, struct content *out, struct err *err);
/* How @in's message stands to its sender. */
struct content_from addon_from(const struct inbound *in);

#endif
