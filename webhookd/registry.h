/* All endpoints that exist, by id and by device, each with the replay that is
 * under way, kept in step with the store. */
#ifndef WEBHOOKD_REGISTRY_H
#define WEBHOOKD_REGISTRY_H

#include <stdint.h>

#include "common/secret.h"
#include "webhookd/endpoint.h"

struct err;
struct store;
struct registry;

/* What the registry's owner does about changes. */
struct registry_listener {
	/* The endpoint or replay is about to be reset or freed: take it out
	 * of everything; it must be IDLE afterwards. */
	void (*on_leave)(struct endpoint *endpoint, void *arg);
	/* New, changed, or just seen again: it may have work. */
	void (*on_seen)(struct endpoint *endpoint, void *arg);
	void *arg;
};

/* @webhook_key opens the secrets; copied, as is the listener. */
struct registry *registry_new(const struct secret_key *webhook_key,
	bool allow_private, const struct registry_listener *listener);
void registry_free(struct registry **registryp); /* on_leave for each */

/* Reads the endpoints of all devices, or of one, and adds, resets and removes.
 */
int registry_sync(
	struct registry *registry, struct store *store, struct err *err);
int registry_sync_device(struct registry *registry, struct store *store,
	int64_t device_id, struct err *err);

/* The first of the device's endpoints, or NULL; go on with next_by_device and
 * compare the device_id: the chain is shared. */
struct endpoint *registry_of_device(
	const struct registry *registry, int64_t device_id);

#endif
