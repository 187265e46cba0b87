/* webhookd: delivers the event log to webhooks, and publishes it live.
 *
 *	bus, sweep -> fanout -> endpoint (registry) -> dispatch -> delivery ->
 *recorder
 *
 * One thread runs all of it but the recorder, which writes on a thread of its
 *own. */
#ifndef WEBHOOKD_WEBHOOKD_H
#define WEBHOOKD_WEBHOOKD_H

#include "common/config.h"

struct err;
struct event_base;
struct webhookd;

/* Config, keys, store, bus.  @config is borrowed. */
int webhookd_open(
	const struct config *config, struct webhookd **out, struct err *err);
struct event_base *webhookd_loop(const struct webhookd *webhookd);
/* Takes nothing new, gives deliveries under way two seconds to end, records
 * what they gave. */
void webhookd_close(struct webhookd **webhookdp);

#endif
