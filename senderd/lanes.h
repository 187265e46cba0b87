/* The lanes of this host: their table, the device rows behind it, starting and
 * reaping their processes.  What a lane says is handed to whoever made the
 * table. */
#ifndef SENDERD_LANES_H
#define SENDERD_LANES_H

#include <event2/event.h>
#include <stdbool.h>

#include "common/bus.h"
#include "senderd/child.h"

struct err;
struct lanes;

struct lanes_handler {
	void (*on_envelope)(void *arg, struct child *child,
		Bus__Envelope *envelope); /* borrowed; all but reports */
	void (*on_ended)(
		void *arg, struct child *child); /* the process is gone */
	void *arg;
};

/* @host and @base are borrowed. */
struct lanes *lanes_new(const struct host *host, struct event_base *base,
	struct lanes_handler handler);
/* Those still running are killed. */
void lanes_free(struct lanes **lanesp);

/* Starts a lane for every device that is linked or waits to be. */
int lanes_start_linked(struct lanes *lanes, struct err *err);
/* Tells all to stop; the table is empty of processes some time later. */
void lanes_stop_all(struct lanes *lanes);

struct child *lanes_find(struct lanes *lanes, const char *uid);
/* The same; one that does not run is read from the store first, as its row may
 * be new. NULL: ERR_NOT_FOUND, or the store failed. */
struct child *lanes_look_up(
	struct lanes *lanes, const char *uid, struct err *err);
void lanes_start(
	struct lanes *lanes, struct child *child); /* nothing when it runs */
void lanes_restart(struct lanes *lanes, struct child *child);
/* Logs it out at WhatsApp and forgets its keys, starting it for that when it
 * does not run. */
void lanes_unlink(struct lanes *lanes, struct child *child);
void lanes_stop(struct child *child);
/* Deletes the database of a device that is gone from the store and has no lane.
 */
void lanes_remove_keys(struct lanes *lanes, const char *uid);

void lanes_reap(struct lanes *lanes); /* after SIGCHLD */
void lanes_care(struct lanes *lanes); /* every second: starts what is due, puts
					 down what hangs */
void lanes_hup(struct lanes
		*lanes); /* passes SIGHUP on: every lane has the log open */

struct lanes_tally {
	size_t known, running;
	size_t by_state[LANE_N_STATES]; /* of the running ones */
};
void lanes_count(const struct lanes *lanes, struct lanes_tally *out);
size_t lanes_running(const struct lanes *lanes);

#endif
