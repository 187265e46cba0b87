/* Handlers of the Webhooks group, see endpoint.h; webhooks_list(),
 * webhooks_put() and webhooks_history() are in handlers.h. */
#ifndef APID_WEBHOOKS_H
#define APID_WEBHOOKS_H

#include <stdint.h>

#include "vereda.pb-c.h"

struct err;
struct request;
struct tx;

/* webhooks.c */
int webhooks_get(struct request *request, struct err *err);
int webhooks_delete(struct request *request, struct tx *tx, struct err *err);
int webhooks_rotate(struct request *request, struct tx *tx, struct err *err);
/* Tells webhookd to look at the device's webhook. */
Bus__Envelope *webhooks_wake(int64_t device_id);

/* webhooks_replay.c */
int webhooks_replay_one(
	struct request *request, struct tx *tx, struct err *err);
int webhooks_replay(struct request *request, struct err *err);
int webhooks_test(struct request *request, struct tx *tx, struct err *err);

#endif
