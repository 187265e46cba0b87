/* The supervisor: owns the bus sockets and a process a device.  It passes
 * envelopes on and keeps the lanes running; it never looks into what they carry
 * and holds no keys.
 *
 * Everything here belongs to its one thread.  nng's own threads only make
 * descriptors readable. */
#ifndef SENDERD_SUPERVISOR_H
#define SENDERD_SUPERVISOR_H

#include "common/config.h"

struct err;
struct supervisor;

/* Starts the lanes of all linked devices.  @argv is overwritten in the lanes'
 * processes. */
int supervisor_open(const struct config *config, int argc, char **argv,
	struct supervisor **out, struct err *err);
/* Runs until SIGTERM or SIGINT.  Returns the exit status. */
int supervisor_run(struct supervisor *supervisor);
/* Stops the lanes and waits for them. */
void supervisor_free(struct supervisor **supervisorp);

#endif
