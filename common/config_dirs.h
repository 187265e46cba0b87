/* Where the configuration's directories are.  Private to config.c; the paths
 * for others are in config.h. */
#ifndef COMMON_CONFIG_DIRS_H
#define COMMON_CONFIG_DIRS_H

struct config;
struct err;

/* Makes state_dir and run_dir absolute; an empty run_dir becomes <state>/run,
 * or a short private directory in /tmp when that is too long for a socket path.
 */
int config_dirs_resolve(struct config *config, struct err *err);

#endif
