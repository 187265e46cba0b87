/* <notification type=w:gp2>: what changed in a group, and what follows for our
 * metadata, our sender key and the group webhook (messages.md 9.2). */
#ifndef SENDERD_WHATSAPP_GROUP_NOTICE_H
#define SENDERD_WHATSAPP_GROUP_NOTICE_H

#include "senderd/lane.h"

/* -1: the lane database failed.  The caller acks it. */
int group_notice_on_notification(
	struct lane *lane, const struct wa_node *notification, struct err *err);

#endif
