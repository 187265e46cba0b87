/* Media that the host has no longer: what the phone is asked, and what it
 * answers (messages.md 7.6). */
#ifndef SENDERD_WHATSAPP_MEDIA_RETRY_H
#define SENDERD_WHATSAPP_MEDIA_RETRY_H

#include "senderd/lane.h"

/* The question, for the phone of our own account. */
void media_retry_ask(struct lane *lane, const struct lane_fetch *fetch);

enum media_retry_result {
	MEDIA_RETRY_NONE,      /* not of this message, forged, or an error */
	MEDIA_RETRY_UPLOADED,  /* the path is new */
	MEDIA_RETRY_NOT_FOUND, /* the phone has it no longer */
};
/* What @notification says of @fetch; on UPLOADED its direct_path is the new
 * one.  @is_ours: it came from our own account, whose word counts without a
 * seal. */
enum media_retry_result media_retry_read(const struct wa_node *notification,
	bool is_ours, struct lane_fetch *fetch);
/* The same of what was sealed. */
enum media_retry_result media_retry_read_plain(
	const uint8_t *plain, size_t n, struct lane_fetch *fetch);

#endif
