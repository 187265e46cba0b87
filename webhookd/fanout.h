/* Events in: from the bus to the endpoints of their device and to whoever
 * listens live; and, every few seconds, the sweep over the store that finds
 * what the bus did not bring: changed webhooks, events that were written and
 * never pushed. */
#ifndef WEBHOOKD_FANOUT_H
#define WEBHOOKD_FANOUT_H

#include "common/config.h"

struct dispatch;
struct err;
struct event_base;
struct fanout;
struct registry;
struct store;

/* Everything is borrowed.  Makes the first sweep. */
int fanout_open(struct event_base *base, const struct config *config,
	struct registry *registry, struct dispatch *dispatch,
	struct store *store, struct fanout **out, struct err *err);
void fanout_close(struct fanout **fanoutp);

#endif
