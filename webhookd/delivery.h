/* One attempt to deliver one event: an HTTP POST, signed, bounded in time and
 * in what it reads.
 *
 * The status line decides: 2xx is a delivery, everything else is none,
 * redirects included; the rest of the answer is read for the sake of the
 * connection, up to 64 KiB, and thrown away. */
#ifndef WEBHOOKD_DELIVERY_H
#define WEBHOOKD_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "webhookd/endpoint.h"

struct err;
struct event_base;
struct delivery;

struct delivery_report {
	enum attempt_result result;
	int response_code;  /* 0 = no answer */
	const char *reason; /* NULL when delivered; borrowed */
	int64_t started_ms;
	int duration_ms;
};
/* @delivery is gone when this returns. */
typedef void delivery_done_fn(struct endpoint *endpoint,
	const struct delivery_report *report, void *arg);

/* What all deliveries share: connections, spare handles, settings. */
struct courier;
struct courier_options {
	int timeout_ms;
	int max_concurrent; /* connections kept, too */
	bool allow_private;
	delivery_done_fn *on_done;
	void *arg;
};
int courier_open(struct event_base *base, const struct courier_options *options,
	struct courier **out, struct err *err);
void courier_close(struct courier **courierp); /* nothing may be under way */

/* Sends the endpoint's first parcel; both must stay as they are until the end.
 */
int delivery_start(struct courier *courier, struct endpoint *endpoint,
	int64_t now_ms, struct delivery **out, struct err *err);
/* Breaks it off; no report comes. */
void delivery_abandon(struct delivery **deliveryp);
/* Of one that is under way. */
int64_t delivery_started_ms(const struct delivery *delivery);
int delivery_duration_ms(const struct delivery *delivery);

#endif
