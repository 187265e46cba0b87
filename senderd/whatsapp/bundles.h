/* Prekey bundles: fetched from the server or brought by a retry receipt, turned
 * into sessions (messages.md 2.6, 5.2). */
#ifndef SENDERD_WHATSAPP_BUNDLES_H
#define SENDERD_WHATSAPP_BUNDLES_H

#include <stdbool.h>
#include <stddef.h>

#include "senderd/lane.h"

#define BUNDLES_ASK_MAX 100 /* devices in one question */

/* @answered is false when the server did not answer or refused the whole
 * question; devices that the answer leaves out or that carry an error simply
 * have no session afterwards. */
typedef void bundles_done_fn(struct lane *lane, bool answered, void *arg);
/* Asks for the bundles of up to BUNDLES_ASK_MAX device addresses and builds a
 * session from each.  @renew says that an existing session is to be replaced.
 * Answers once, in a later turn (at once without a connection). */
void bundles_ask(struct lane *lane, const struct wa_jid *devices, size_t n,
	bool renew, bundles_done_fn *done, void *arg);

/* Builds a session from the keys in @keys (identity, skey, key,
 * device-identity) and the <registration> in
 * @owner, the element around or beside them.  -1: ERR_IO the lane database
 * failed, else the bundle is bad. */
int bundles_use(struct lane *lane, const struct wa_jid *address,
	const struct wa_node *owner, const struct wa_node *keys,
	struct err *err);

#endif
