/* Who delivers when.  Endpoints with work stand in line; a limited number of
 * deliveries is under way at once, one per endpoint, so that the order of each
 * is kept.
 *
 * A receiver whose last attempt failed is a suspect.  Suspects stand in a line
 * of their own and get at most half of the places: any number of dead
 * receivers, each holding its place until the timeout, leaves the other half to
 * those that answer.
 *
 * Replays are served when nobody else is, in a few places of their own: they
 * never take one from what happens now. */
#ifndef WEBHOOKD_DISPATCH_H
#define WEBHOOKD_DISPATCH_H

#include "common/config.h"
#include "webhookd/endpoint.h"

struct err;
struct event_base;
struct recorder;
struct store;
struct dispatch;

/* @store is for reading the event log; both are borrowed. */
int dispatch_open(struct event_base *base, const struct config *config,
	struct store *store, struct recorder *recorder, struct dispatch **out,
	struct err *err);
void dispatch_close(struct dispatch **dispatchp); /* every endpoint forgotten */

/* It may have work: gives it a place in line unless it has one, is busy or
 * waits.  A replay without any is done, and the next one takes its place. */
void dispatch_wake(struct dispatch *dispatch, struct endpoint *endpoint);
/* Every few seconds: has replaced secrets wiped whose time is over. */
void dispatch_tidy(struct dispatch *dispatch);
/* Of an idle one: has its place stored when only events for others came lately.
 */
void dispatch_settle(struct dispatch *dispatch, struct endpoint *endpoint);
/* Takes it out of everything; a delivery under way is broken off and, unless
 * the daemon stops, recorded as failed.  The endpoint is IDLE afterwards. */
void dispatch_forget(struct dispatch *dispatch, struct endpoint *endpoint);
/* Starts what may start, in the next turn of the loop. */
void dispatch_kick(struct dispatch *dispatch);

void dispatch_stop(struct dispatch *dispatch);	    /* nothing new starts */
int dispatch_busy(const struct dispatch *dispatch); /* deliveries under way */

#endif
