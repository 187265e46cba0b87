/* The whole suite as children of one process: started in order, told ready,
 * started again when one dies, stopped together.  One thread, one libevent
 * loop. */
#ifndef CLI_SUITE_H
#define CLI_SUITE_H

#include <stdbool.h>

struct config;
struct err;
struct suite;

struct suite_options {
	const struct config *config; /* borrowed */
	const char *config_file;     /* for the children, or NULL */
	int port;		     /* of the API; -1 = as configured */
	bool sandbox;
};

struct suite_ready {
	char base_url[128];
	char sandbox_url[64];  /* "" without a sandbox */
	char sandbox_root[65]; /* hex */
};

/* Called on the loop when every daemon is ready, and again after the sandbox
 * had to be started anew: its phones are then gone. */
typedef void suite_ready_fn(const struct suite_ready *ready, void *arg);

/* Takes the state directory's lock: ERR_CONFLICT when another suite runs there.
 */
int suite_open(const struct suite_options *options, struct suite **out,
	struct err *err);
void suite_close(struct suite **suitep);
struct event_base *suite_base(struct suite *suite);
/* Starts the daemons and serves until SIGINT, SIGTERM or suite_stop(); returns
 * the exit code. */
int suite_run(struct suite *suite, suite_ready_fn *on_ready, void *arg);
/* Stops every daemon; suite_run() then returns @exit_code. */
void suite_stop(struct suite *suite, int exit_code);

#endif
