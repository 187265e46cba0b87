/* The link that a <pair-success> offers: who we are from now on, and the proof
 * that our phone wants it (connection.md 5.3). */
#ifndef SENDERD_WHATSAPP_LINK_H
#define SENDERD_WHATSAPP_LINK_H

#include "common/buf.h"
#include "common/wa/adv.h"
#include "senderd/lane.h"

struct err;

struct link {
	struct wa_jid jid, lid; /* ours, with device */
	const char *platform,
		*business; /* borrowed from the stanza; may be NULL */
	struct buf full;   /* signed identity, to keep */
	struct buf reply;  /* the same as the server wants it */
	struct wa_adv_result adv;
};

/* Checks addresses, HMAC and account signature, and signs.  ERR_UNAUTHORIZED:
 * the proof is bad, with the words that the server knows; ERR_PEER: malformed.
 */
int link_read(struct lane *lane, const struct wa_node *success,
	struct link *out, struct err *err);
/* Into lane->id and the lane database. */
int link_store(struct lane *lane, const struct link *link, struct err *err);
void link_fini(struct link *link);

#endif
