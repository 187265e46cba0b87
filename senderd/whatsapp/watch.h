/* Whose presence and typing we watch: what they are doing just now, and the
 * events of it, for each at most one a second (messages.md 10).
 *
 * The server forgets a subscription with the connection; it is renewed with the
 * next, as long as the lane runs.  Of too many, those asked for longest ago are
 * given up. */
#ifndef SENDERD_WHATSAPP_WATCH_H
#define SENDERD_WHATSAPP_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "senderd/lane.h"

#define WATCH_MAX 256

struct err;
struct watch;

struct watch *watch_new(void);
void watch_free(struct watch **watchp);
void watch_on_ready(struct lane *lane);
void watch_on_disconnect(struct lane *lane);

/* "available", "unavailable", or "unknown" as long as nothing was told. */
typedef void watch_told_fn(
	struct lane *lane, const char *state, int64_t last_seen_ms, void *arg);
/* Watches a user from now on.  @told is called once with what is known, at the
 * latest after some seconds. */
void watch_add(struct lane *lane, const struct wa_jid *user,
	watch_told_fn *told, void *arg);

/* <presence> and <chatstate> of others. */
void watch_on_presence(struct lane *lane, const struct wa_node *presence);
void watch_on_chatstate(struct lane *lane, const struct wa_node *chatstate);

#endif
