/* From a client's stanza to who handles it, by its tag and the session's state.
 */
#ifndef SANDBOXD_DISPATCH_H
#define SANDBOXD_DISPATCH_H

#include "sandboxd/sandbox.h"

/* Ignores everything of a session that is closing or has lost its device. */
void dispatch_stanza(struct session *session, const struct wa_node *node);

#endif
