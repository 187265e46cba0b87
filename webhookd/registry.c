#include "webhookd/registry.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "webhookd/target.h"

#define BUCKETS 4096 /* thousands of endpoints: chains of one or two */

struct registry {
	struct secret_key key;
	bool allow_private;
	struct registry_listener listener;
	uint64_t sync; /* counts them; marks what one has seen */
	struct endpoint *by_id[BUCKETS], *by_device[BUCKETS];
};

static struct endpoint **bucket_of(struct endpoint **buckets, int64_t id)
{
	return &buckets[(uint64_t)id % BUCKETS];
}

static struct endpoint *find(const struct registry *registry, int64_t id)
{
	struct endpoint *endpoint = registry->by_id[(uint64_t)id % BUCKETS];

	while (endpoint != NULL && endpoint->id != id)
		endpoint = endpoint->next_by_id;
	return endpoint;
}

struct endpoint *registry_of_device(
	const struct registry *registry, int64_t device_id)
{
	struct endpoint *endpoint =
		registry->by_device[(uint64_t)device_id % BUCKETS];

	while (endpoint != NULL && endpoint->device_id != device_id)
		endpoint = endpoint->next_by_device;
	return endpoint;
}

/* ---- one endpoint ---- */

/* The URL is judged, and the host taken out of it, once. */
static void target_learn(struct registry *registry, struct endpoint *endpoint)
{
	struct err err = ERR_NONE;

	free(endpoint->host);
	free(endpoint->refusal);
	endpoint->refusal = NULL;
	if (target_check_url(endpoint->url, registry->allow_private,
		    &endpoint->host, &err) != 0)
		endpoint->refusal = xstrdup(err.msg);
}

static int key_open(struct registry *registry, const uint8_t *sealed,
	int n_sealed, struct signing_key *out, struct err *err)
{
	signing_key_wipe(out);
	return signing_key_open(&registry->key, sealed,
		n_sealed > 0 ? (size_t)n_sealed : 0, out, err);
}

static void keys_learn(struct registry *registry, struct endpoint *endpoint,
	const struct webhook_endpoint *row)
{
	struct err err = ERR_NONE;
	int rc;

	endpoint->secret_version = row->secret_version;
	endpoint->old_until_ms = row->old_until_ms;
	signing_key_wipe(&endpoint->old_key);
	rc = key_open(
		registry, row->secret, row->secret_bytes, &endpoint->key, &err);
	if (rc == 0 && row->old_secret_bytes > 0)
		rc = key_open(registry, row->old_secret, row->old_secret_bytes,
			&endpoint->old_key, &err);
	if (rc == 0)
		return;
	log_error("endpoint id=%" PRId64
		  " device=%s reason=\"%s\" action=%s, check host.key",
		endpoint->id, endpoint->device_uid, log_quote(err.msg),
		endpoint->key.n == 0 ? "not-delivered" : "signed-once");
}

/* ---- its replay ---- */

static void replay_remove(struct registry *registry, struct endpoint *endpoint)
{
	struct endpoint *replay = move(endpoint->replay);

	if (replay == NULL)
		return;
	registry->listener.on_leave(replay, registry->listener.arg);
	endpoint_free(&replay);
}

static void replay_begin(struct registry *registry, struct endpoint *endpoint,
	const struct webhook_replay *row)
{
	replay_remove(registry, endpoint);
	endpoint->replay = endpoint_new_replay(endpoint, row);
	registry->listener.on_seen(endpoint->replay, registry->listener.arg);
}

/* @row shows the oldest one that the store has: the one under way, one that is
 * done as we know already, or a new one. */
static void replay_sync(struct registry *registry, struct endpoint *endpoint,
	const struct webhook_replay *row)
{
	struct endpoint *replay = endpoint->replay;

	if (row->id == 0)
		replay_remove(registry, endpoint);
	else if (replay == NULL || row->id > replay->replay_id)
		replay_begin(registry, endpoint, row);
	else
		registry->listener.on_seen(replay, registry->listener.arg);
}

/* ---- adding and removing ---- */

static struct endpoint *endpoint_add(
	struct registry *registry, const struct webhook_endpoint *row)
{
	struct endpoint *endpoint = endpoint_new(row);
	struct endpoint **bucket;

	bucket = bucket_of(registry->by_id, endpoint->id);
	endpoint->next_by_id = *bucket;
	*bucket = endpoint;
	bucket = bucket_of(registry->by_device, endpoint->device_id);
	endpoint->next_by_device = *bucket;
	*bucket = endpoint;
	keys_learn(registry, endpoint, row);
	target_learn(registry, endpoint);
	return endpoint;
}

static void endpoint_remove(
	struct registry *registry, struct endpoint *endpoint)
{
	struct endpoint **at;

	replay_remove(registry, endpoint);
	registry->listener.on_leave(endpoint, registry->listener.arg);
	assert(endpoint->state == ENDPOINT_IDLE);
	for (at = bucket_of(registry->by_id, endpoint->id); *at != endpoint;)
		at = &(*at)->next_by_id;
	*at = endpoint->next_by_id;
	for (at = bucket_of(registry->by_device, endpoint->device_id);
		*at != endpoint;)
		at = &(*at)->next_by_device;
	*at = endpoint->next_by_device;
	endpoint_free(&endpoint);
}

/* ---- syncing ---- */

static void pause_end(struct registry *registry, struct endpoint *endpoint,
	const struct webhook_endpoint *row)
{
	if (endpoint->state == ENDPOINT_WAITING)
		registry->listener.on_leave(endpoint, registry->listener.arg);
	endpoint_resume(endpoint, row);
}

/* The owner changed it: it starts anew, or only its pauses are over.
 */
static void endpoint_update(struct registry *registry,
	struct endpoint *endpoint, const struct webhook_endpoint *row)
{
	const struct registry_listener *listener = &registry->listener;

	if (endpoint_is_moved(endpoint, row)) {
		replay_remove(registry, endpoint);
		listener->on_leave(endpoint, listener->arg);
		endpoint_reset(endpoint, row);
		target_learn(registry, endpoint);
		return;
	}
	pause_end(registry, endpoint, row);
	if (endpoint->replay != NULL)
		pause_end(registry, endpoint->replay, row);
}

static int on_row(const struct webhook_endpoint *row, void *arg)
{
	struct registry *registry = arg;
	struct endpoint *endpoint = find(registry, row->id);

	if (endpoint == NULL)
		endpoint = endpoint_add(registry, row);
	else if (endpoint->version != row->version ||
		 strcmp(endpoint->url, row->url) != 0)
		endpoint_update(registry, endpoint, row);
	if (endpoint->secret_version != row->secret_version ||
		(endpoint->old_key.n > 0 && row->old_secret_bytes == 0))
		keys_learn(registry, endpoint, row);
	endpoint->seen_in_sync = registry->sync;
	endpoint_learn(endpoint, row->device_seq);
	registry->listener.on_seen(endpoint, registry->listener.arg);
	replay_sync(registry, endpoint, &row->replay);
	return 0;
}

static void unseen_remove(
	struct registry *registry, struct endpoint **bucket, int64_t device_id)
{
	struct endpoint *endpoint, *next;

	for (endpoint = *bucket; endpoint != NULL; endpoint = next) {
		next = endpoint->next_by_device;
		if (endpoint->seen_in_sync != registry->sync &&
			(device_id == 0 || endpoint->device_id == device_id))
			endpoint_remove(registry, endpoint);
	}
}

int registry_sync(
	struct registry *registry, struct store *store, struct err *err)
{
	registry->sync++;
	if (store_webhook_endpoints(store, on_row, registry, err) != 0)
		return -1;
	for (size_t i = 0; i < BUCKETS; i++)
		unseen_remove(registry, &registry->by_device[i], 0);
	return 0;
}

int registry_sync_device(struct registry *registry, struct store *store,
	int64_t device_id, struct err *err)
{
	registry->sync++;
	if (store_webhook_endpoints_of_device(
		    store, device_id, on_row, registry, err) != 0)
		return -1;
	unseen_remove(
		registry, bucket_of(registry->by_device, device_id), device_id);
	return 0;
}

/* ---- life ---- */

struct registry *registry_new(const struct secret_key *webhook_key,
	bool allow_private, const struct registry_listener *listener)
{
	struct registry *registry = xcalloc(1, sizeof(*registry));

	registry->key = *webhook_key;
	registry->allow_private = allow_private;
	registry->listener = *listener;
	return registry;
}

void registry_free(struct registry **registryp)
{
	struct registry *registry = move(*registryp);

	if (registry == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (registry->by_id[i] != NULL)
			endpoint_remove(registry, registry->by_id[i]);
	secret_wipe(&registry->key);
	free(registry);
}
