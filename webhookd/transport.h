/* libcurl's multi handle on the loop: sockets and timeouts are libevent's,
 * connections are kept and reused by whoever goes to the same place next. */
#ifndef WEBHOOKD_TRANSPORT_H
#define WEBHOOKD_TRANSPORT_H

#include <curl/curl.h>

struct err;
struct event_base;
struct transport;

/* A transfer is over; it has been taken out already. */
typedef void transport_done_fn(CURL *easy, CURLcode code);

/* @max_idle: connections kept open between transfers. */
int transport_open(struct event_base *base, int max_idle,
	transport_done_fn *on_done, struct transport **out, struct err *err);
/* Every transfer must have been taken out. */
void transport_close(struct transport **transportp);

int transport_add(struct transport *transport, CURL *easy, struct err *err);
/* Before it is over; @on_done is not called. */
void transport_remove(struct transport *transport, CURL *easy);

#endif
