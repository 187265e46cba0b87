/* Is a daemon up?  Asked of the sockets it listens on, so it works under
 * systemd and under `vereda up` alike. */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

#include <stdbool.h>
#include <stddef.h>

struct config;

extern const char *const probe_daemons[]; /* the suite's, without the sandbox */
extern const size_t probe_n_daemons;

bool probe_is_up(const struct config *config, const char *daemon);
/* Can one connect to the API's port?  @address is config's, wildcards mean
 * loopback. */
bool probe_tcp(const char *address, int port);
/* The port of a suite that `vereda up` runs in this state directory, 0 when
 * there is none. */
int probe_suite_port(const struct config *config);

#endif
