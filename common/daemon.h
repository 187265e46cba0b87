/* What every daemon does the same way: options, signals, readiness, shutdown.
 *
 * Options: --config FILE, --state DIR, --version, --help.  Readiness and
 * stopping are told to NOTIFY_SOCKET as systemd defines it; `vereda up` listens
 * on such a socket too, so there is one protocol for both. */
#ifndef COMMON_DAEMON_H
#define COMMON_DAEMON_H

#include <stdbool.h>

struct config;
struct event_base;
struct err;

/* Parses options, loads the configuration (exits 2 with the exact message when
 * it is wrong), opens the log, sets umask 0077, ignores SIGPIPE.  The result
 * is owned by the caller: config_free(). */
struct config *daemon_init(const char *name, int argc, char **argv);

/* Runs @base until SIGINT or SIGTERM: tells READY=1 first, STOPPING=1 after;
 * SIGHUP reopens the log.  Returns 0. */
int daemon_run(struct event_base *base);

/* For daemons with another loop (senderd, sandboxd). */
void daemon_notify(
	const char *state); /* "READY=1", "STOPPING=1", "STATUS=..." */
/* Installs handlers that set the flags below.  A forked child calls it again:
 * its signals then get a descriptor of their own. */
void daemon_signals(void);
bool daemon_should_stop(void);
void daemon_handle_hup(void); /* reopens the log if SIGHUP came */
/* A descriptor that becomes readable when a signal has arrived (eventfd). */
int daemon_signal_fd(void);

/* PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE 0.  Past this line nothing is opened by
 * name that the daemon's row in docs/operations.md does not list. */
void daemon_lockdown(void);

/* Logs and exits 1: the daemon cannot start.  Only in main.c and daemon.c. */
void fatal(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

#endif
