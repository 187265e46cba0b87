#include "webhookd/webhookd.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/secret.h"
#include "common/store/store.h"
#include "common/store/webhook.h"
#include "webhookd/dispatch.h"
#include "webhookd/fanout.h"
#include "webhookd/loop.h"
#include "webhookd/recorder.h"
#include "webhookd/registry.h"

#define STOP_MS 2000

struct webhookd {
	struct event_base *base;
	struct recorder *recorder; /* the store for writing */
	struct store *store;	   /* for reading */
	struct dispatch *dispatch;
	struct registry *registry;
	struct fanout *fanout;
	bool is_late; /* the two seconds are over */
};

/* ---- what the parts tell each other ---- */

static void on_room(void *arg)
{
	struct webhookd *webhookd = arg;

	dispatch_kick(webhookd->dispatch);
}

static void on_seen(struct endpoint *endpoint, void *arg)
{
	struct webhookd *webhookd = arg;

	dispatch_wake(webhookd->dispatch, endpoint);
	dispatch_settle(webhookd->dispatch, endpoint);
}

static void on_leave(struct endpoint *endpoint, void *arg)
{
	struct webhookd *webhookd = arg;

	dispatch_forget(webhookd->dispatch, endpoint);
}

/* ---- opening ---- */

static int open_store(
	struct webhookd *webhookd, const struct config *config, struct err *err)
{
	scoped(str_free) char *path = config_db_path(config);

	/* The recorder first: its connection brings the schema up to date. */
	if (recorder_open(path, webhookd->base, on_room, webhookd,
		    &webhookd->recorder, err) != 0)
		return -1;
	if (store_open(path, STORE_READ, &webhookd->store, err) != 0)
		return err_wrap(err, "store");
	return 0;
}

static int open_registry(
	struct webhookd *webhookd, const struct config *config, struct err *err)
{
	const struct registry_listener listener = {
		.on_leave = on_leave,
		.on_seen = on_seen,
		.arg = webhookd,
	};
	struct secret_key host, key;

	if (secret_host_key(config->suite.state_dir, &host, err) != 0)
		return -1;
	secret_derive(&host, WEBHOOK_KEY_PURPOSE, &key);
	webhookd->registry = registry_new(
		&key, config->webhook.allow_private_targets, &listener);
	secret_wipe(&host);
	secret_wipe(&key);
	return 0;
}

int webhookd_open(
	const struct config *config, struct webhookd **out, struct err *err)
{
	scoped(webhookd_close) struct webhookd *webhookd =
		xcalloc(1, sizeof(*webhookd));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_INTERNAL, "curl would not start");
	webhookd->base = event_base_new();
	if (webhookd->base == NULL)
		return err_set(err, ERR_INTERNAL, "no event loop");
	if (config_make_dirs(config, err) != 0 ||
		open_store(webhookd, config, err) != 0 ||
		dispatch_open(webhookd->base, config, webhookd->store,
			webhookd->recorder, &webhookd->dispatch, err) != 0 ||
		open_registry(webhookd, config, err) != 0 ||
		fanout_open(webhookd->base, config, webhookd->registry,
			webhookd->dispatch, webhookd->store, &webhookd->fanout,
			err) != 0)
		return -1;
	*out = move(webhookd);
	return 0;
}

struct event_base *webhookd_loop(const struct webhookd *webhookd)
{
	return webhookd->base;
}

/* ---- closing ---- */

static void on_late(void *arg)
{
	struct webhookd *webhookd = arg;

	webhookd->is_late = true;
}

static void deliveries_drain(struct webhookd *webhookd)
{
	struct loop_timer *late =
		loop_timer_new(webhookd->base, on_late, webhookd);

	dispatch_stop(webhookd->dispatch);
	loop_timer_set(late, STOP_MS);
	while (dispatch_busy(webhookd->dispatch) > 0 && !webhookd->is_late)
		event_base_loop(webhookd->base, EVLOOP_ONCE);
	loop_timer_free(&late);
	if (dispatch_busy(webhookd->dispatch) > 0)
		log_info("stop abandoned=%d action=delivered-after-start",
			dispatch_busy(webhookd->dispatch));
}

void webhookd_close(struct webhookd **webhookdp)
{
	struct webhookd *webhookd = move(*webhookdp);

	if (webhookd == NULL)
		return;
	fanout_close(&webhookd->fanout);
	if (webhookd->dispatch != NULL)
		deliveries_drain(webhookd);
	registry_free(&webhookd->registry);
	dispatch_close(&webhookd->dispatch);
	recorder_close(&webhookd->recorder);
	store_close(&webhookd->store);
	if (webhookd->base != NULL)
		event_base_free(webhookd->base);
	free(webhookd);
	curl_global_cleanup();
}
