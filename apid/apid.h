/* apid: the HTTP API.
 *
 * HTTP threads parse, authenticate, validate and read; one writer thread
 * commits what changes anything, many requests in one transaction.  A request
 * belongs to the HTTP thread it came in on; the writer and the bus only borrow
 * it until they post it back (http_post). */
#ifndef APID_APID_H
#define APID_APID_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bus.h"
#include "common/config.h"
#include "common/secret.h"

struct event_base;
struct http_server;
struct live;
struct login;
struct metrics;
struct worker;
struct writer;

struct apid {
	struct config *config;
	char *db_path;
	struct event_base *base; /* main thread: signals, live events */
	struct secret_key jwt_key;
	struct secret_key webhook_key;
	struct metrics *metrics;
	struct writer *writer;
	struct worker *worker;
	struct login *login;
	struct live *live;
	struct http_server *http;
	struct bus_out *senderd_jobs;
	struct bus_out *webhookd_events;
	struct bus_out *schedulerd_wake;
	struct bus_asker *senderd_ask;
};

#endif
