/* Which host is tried when: one after the other in the order given, and those
 * that may do better later in another round, until one has done it, none can,
 * or time is up. */
#ifndef MEDIAXFER_ROUNDS_H
#define MEDIAXFER_ROUNDS_H

#include <stdint.h>

#include "common/media/xfer.h"

struct err;

/* What came of one try at one host. */
enum verdict {
	VERDICT_AGAIN = 0, /* may do better: network, 5xx */
	VERDICT_SKIP,	   /* this host will not, another one may */
	VERDICT_GONE,	   /* this host has it no longer */
	VERDICT_CORRUPT,   /* what this host gave is not it */
	VERDICT_DONE,	   /* these four end it: */
	VERDICT_AUTH,
	VERDICT_REFUSED,
	VERDICT_BROKEN, /* it is our side that fails: disk, memory */
};

/* @err: why it is not DONE; the last one is kept. */
typedef enum verdict rounds_try_fn(
	const char *host, void *arg, struct err *err);

/* Sleeps between rounds, never past @deadline_ms (monotonic). */
enum xfer_result rounds_run(const struct xfer_request *request,
	int64_t deadline_ms, rounds_try_fn *try_host, void *arg,
	struct err *err);

#endif
