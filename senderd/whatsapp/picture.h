/* Pictures of people and groups (connection.md 8.6). */
#ifndef SENDERD_WHATSAPP_PICTURE_H
#define SENDERD_WHATSAPP_PICTURE_H

#include "common/buf.h"
#include "senderd/lane.h"
#include "senderd/whatsapp/calls.h"

#define PICTURE_MAX \
	(360u << 10) /* bytes of a JPEG: what a question can carry */

/* contacts.picture {id, preview?} -> {url, id, type, hash} */
void picture_on_get(struct lane *lane, struct call *call);
/* groups.picture {jid, pictureJpeg} -> {id} */
void picture_on_set_group(struct lane *lane, struct call *call);

/* The bytes of a JPEG from base64.  -1: ERR_INVALID. */
int picture_decode(const char *base64, struct buf *out, struct err *err);
/* Sets one: @target empty is our own. */
struct wa_node *picture_set_iq(
	struct lane *lane, const struct wa_jid *target, const struct buf *jpeg);

#endif
