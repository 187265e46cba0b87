/* The context of sandboxd: listening socket, event loop, timers. */
#ifndef SANDBOXD_SERVER_H
#define SANDBOXD_SERVER_H

#include "sandboxd/sandbox.h"

struct config;

/* Listens on 127.0.0.1; sandbox->port is the port really bound. */
int sandbox_open(const struct config *config, struct sandbox **sandbox_out,
	struct err *err);
/* Serves until daemon_should_stop(). */
void sandbox_run(struct sandbox *sandbox);
void sandbox_free(struct sandbox **sandboxp);

#endif
