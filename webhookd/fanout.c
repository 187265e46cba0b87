#include "webhookd/fanout.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/bus.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "webhookd/dispatch.h"
#include "webhookd/loop.h"
#include "webhookd/registry.h"

/* Envelopes taken before the loop sees to its other descriptors. */
#define TURN_ENVELOPES 256
#define SWEEP_MS 5000
#define JITTER_PERCENT 10

struct fanout {
	struct registry *registry; /* borrowed */
	struct dispatch *dispatch; /* borrowed */
	struct store *store;	   /* borrowed */
	struct bus_in *in;
	struct bus_out *live;
	struct loop_fd *readable;
	struct loop_timer *sweep;
};

/* ---- from the bus ---- */

/* Into our own struct, borrowing its texts; -1 for what cannot be an event. */
static int event_from_bus(const Bus__Event *body, struct event *event)
{
	if (body->event_id <= 0 || body->account_id <= 0 ||
		body->device_id <= 0 || body->account_seq <= 0 ||
		body->device_seq <= 0 || !id_is_uuid(body->public_id) ||
		body->type[0] == '\0' || body->payload[0] != '{' ||
		(body->chat_kind != EVENT_CHAT_PERSONAL &&
			body->chat_kind != EVENT_CHAT_GROUP))
		return -1;
	*event = (struct event){
		.id = body->event_id,
		.public_id = body->public_id,
		.account_id = body->account_id,
		.account_seq = body->account_seq,
		.device_id = body->device_id,
		.device_seq = body->device_seq,
		.chat = (enum event_chat)body->chat_kind,
		.type = body->type,
		.payload = body->payload,
		.created_ms = body->created_ms,
	};
	return 0;
}

static void envelope_refuse(const char *reason)
{
	log_warning("bus reason=\"%s\" action=dropped", reason);
}

static void on_event(struct fanout *fanout, Bus__Envelope *envelope)
{
	struct endpoint *endpoint;
	struct event event;

	if (event_from_bus(envelope->event, &event) != 0) {
		envelope_refuse("not an event");
		return;
	}
	bus_send(fanout->live, envelope); /* whoever misses it has the log */
	for (endpoint = registry_of_device(fanout->registry, event.device_id);
		endpoint != NULL; endpoint = endpoint->next_by_device) {
		if (endpoint->device_id != event.device_id)
			continue;
		endpoint_push(endpoint, &event);
		dispatch_wake(fanout->dispatch, endpoint);
	}
}

static void sync_report(int rc, struct err *err)
{
	if (rc != 0)
		log_warning("sync reason=\"%s\" action=next-sweep",
			log_quote(err->msg));
}

static void on_wake(struct fanout *fanout, const Bus__Wake *wake)
{
	struct err err = ERR_NONE;

	if (wake->device_id > 0)
		sync_report(registry_sync_device(fanout->registry,
				    fanout->store, wake->device_id, &err),
			&err);
	else
		loop_timer_set(fanout->sweep, 0);
}

static void on_envelope(struct fanout *fanout, Bus__Envelope *envelope)
{
	if (envelope->body_case == BUS__ENVELOPE__BODY_EVENT)
		on_event(fanout, envelope);
	else if (envelope->body_case == BUS__ENVELOPE__BODY_WAKE)
		on_wake(fanout, envelope->wake);
	else
		envelope_refuse("not for webhookd");
}

static void on_readable(void *arg)
{
	struct fanout *fanout = arg;
	Bus__Envelope *envelope;

	for (int i = 0; i < TURN_ENVELOPES; i++) {
		envelope = bus_recv(fanout->in);
		if (envelope == NULL)
			return;
		on_envelope(fanout, envelope);
		bus_envelope_free(&envelope);
	}
}

/* ---- the sweep ---- */

static void on_sweep(void *arg)
{
	struct fanout *fanout = arg;
	struct err err = ERR_NONE;

	sync_report(registry_sync(fanout->registry, fanout->store, &err), &err);
	dispatch_tidy(fanout->dispatch);
	loop_timer_set(fanout->sweep, random_jitter(SWEEP_MS, JITTER_PERCENT));
}

/* ---- life ---- */

static int bus_open(
	struct fanout *fanout, const struct config *config, struct err *err)
{
	scoped(str_free) char *events =
		config_bus_url(config, BUS_WEBHOOKD_EVENTS);
	scoped(str_free) char *live = config_bus_url(config, BUS_WEBHOOKD_LIVE);

	if (bus_pull_open(events, &fanout->in, err) != 0)
		return -1;
	return bus_pub_open(live, &fanout->live, err);
}

int fanout_open(struct event_base *base, const struct config *config,
	struct registry *registry, struct dispatch *dispatch,
	struct store *store, struct fanout **out, struct err *err)
{
	scoped(fanout_close) struct fanout *fanout =
		xcalloc(1, sizeof(*fanout));

	fanout->registry = registry;
	fanout->dispatch = dispatch;
	fanout->store = store;
	if (registry_sync(registry, store, err) != 0 ||
		bus_open(fanout, config, err) != 0)
		return -1;
	fanout->readable =
		loop_fd_new(base, bus_in_fd(fanout->in), on_readable, fanout);
	fanout->sweep = loop_timer_new(base, on_sweep, fanout);
	loop_timer_set(fanout->sweep, SWEEP_MS);
	*out = move(fanout);
	return 0;
}

void fanout_close(struct fanout **fanoutp)
{
	struct fanout *fanout = move(*fanoutp);

	if (fanout == NULL)
		return;
	loop_fd_free(&fanout->readable);
	loop_timer_free(&fanout->sweep);
	bus_in_close(&fanout->in);
	bus_out_close(&fanout->live);
	free(fanout);
}
