/* What the files of the routing share: route.c (messages), route_receipt.c,
 * route_presence.c and route_devices.c.  The rules are those of messages.md
 * 11.2 to 11.7. */
#ifndef SANDBOXD_ROUTE_H
#define SANDBOXD_ROUTE_H

#include <stdbool.h>

#include "sandboxd/sandbox.h"

#define ROUTE_ID_MAX 128

/* The id of a client's stanza, or NULL when there is none that could be
 * answered. */
const char *route_id(const struct wa_node *stanza);
/* A stanza of the server's with its time, @t unix seconds. */
struct wa_node *route_stanza(
	struct sandbox *sandbox, const char *tag, const char *id, int64_t t);
/* Straight to the device, past its queue: acks. */
void route_answer(struct device *device, const struct wa_node *answer);
/* @child under @parent as well, without a copy: both are only read from now on.
 */
void route_share(struct wa_node *parent, const struct wa_node *child);
/* The account's address in the namespace of @like, without device; and in the
 * other one. */
struct wa_jid route_bare_like(
	const struct account *account, const struct wa_jid *like);
struct wa_jid route_bare_unlike(
	const struct account *account, const struct wa_jid *like);
/* Its session ended: whoever watches the account hears that it went away. */
void route_presence_lost(struct sandbox *sandbox, struct device *device);

#endif
