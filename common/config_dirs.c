#include "common/config_dirs.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"

#define SOCKET_PATH_MAX 100
/* The longest name that appears in the run directory. */
#define LONGEST_SOCKET_NAME "webhookd-events.ipc"

/* One segment further down from @resolved, which is absolute and without links:
 * what exists is resolved, the rest taken as it is written. */
static char *path_enter(const char *resolved, const char *segment, size_t n)
{
	scoped(str_free) char *next = NULL;
	char real[PATH_MAX];

	if (n == 0 || (n == 1 && segment[0] == '.'))
		return xstrdup(resolved);
	if (n == 2 && strncmp(segment, "..", 2) == 0) {
		const char *slash = strrchr(resolved, '/');
		size_t up = slash != NULL ? (size_t)(slash - resolved) : 0;

		return xasprintf("%.*s", (int)up, resolved);
	}
	next = xasprintf("%s/%.*s", resolved, (int)n, segment);
	if (realpath(next, real) == NULL)
		return move(next);
	return xstrdup(strcmp(real, "/") == 0 ? "" : real);
}

/* So that a directory has one name, before and after it is made: its hash names
 * the run directory. */
static char *path_absolute(const char *path)
{
	char cwd[PATH_MAX], *resolved;

	if (path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL ||
		strcmp(cwd, "/") == 0)
		cwd[0] = '\0';
	resolved = xstrdup(cwd); /* "" is the root */
	while (*path != '\0') {
		size_t n = strcspn(path, "/");
		char *next = path_enter(resolved, path, n);

		free(resolved);
		resolved = next;
		path += n + (path[n] == '/');
	}
	if (resolved[0] != '\0')
		return resolved;
	free(resolved);
	return xstrdup("/");
}

static bool run_dir_is_too_long(const char *run_dir)
{
	return strlen(run_dir) + 1 + strlen(LONGEST_SOCKET_NAME) >
	       SOCKET_PATH_MAX;
}

/* A private directory that every daemon of this state directory finds. */
static char *run_dir_short(const char *state_dir)
{
	uint8_t hash[crypto_generichash_BYTES];
	char hex[17];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)state_dir,
		strlen(state_dir), NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), hash, 8);
	return xasprintf("/tmp/vereda-%s", hex);
}

int config_dirs_resolve(struct config *config, struct err *err)
{
	char *state_dir = path_absolute(config->suite.state_dir), *run_dir;

	str_free(&config->suite.state_dir);
	config->suite.state_dir = state_dir;
	if (config->suite.run_dir[0] != '\0') {
		run_dir = path_absolute(config->suite.run_dir);
	} else {
		run_dir = xasprintf("%s/run", state_dir);
		if (run_dir_is_too_long(run_dir)) {
			str_free(&run_dir);
			run_dir = run_dir_short(state_dir);
		}
	}
	str_free(&config->suite.run_dir);
	config->suite.run_dir = run_dir;
	if (run_dir_is_too_long(run_dir))
		return err_set(err, ERR_INVALID,
			"[suite] run_dir: %s is too long for socket paths",
			log_quote(run_dir));
	return 0;
}

char *config_db_path(const struct config *config)
{
	return xasprintf("%s/vereda.db", config->suite.state_dir);
}

char *config_lane_db_path(const struct config *config, const char *device_uid)
{
	return xasprintf("%s/lanes/%s.db", config->suite.state_dir, device_uid);
}

char *config_bus_url(const struct config *config, const char *name)
{
	return xasprintf("ipc://%s/%s.ipc", config->suite.run_dir, name);
}

/* Makes @path and the directories above it. */
static int dir_make(const char *path, struct err *err)
{
	scoped(str_free) char *part = xstrdup(path);

	for (char *slash = strchr(part + 1, '/'); slash != NULL;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return err_set(
				err, ERR_IO, "%s: %s", part, strerror(errno));
		*slash = '/';
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	return 0;
}

/* Whoever may write into the run directory could stand in for a daemon, and
 * /tmp is everybody's: it must be ours alone. */
static int dir_check_private(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_FORBIDDEN, "%s: not a directory", path);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_FORBIDDEN, "%s: belongs to user %u",
			path, (unsigned)st.st_uid);
	if ((st.st_mode & 022) != 0)
		return err_set(err, ERR_FORBIDDEN,
			"%s: mode %04o lets others write", path,
			(unsigned)st.st_mode & 07777);
	return 0;
}

int config_make_dirs(const struct config *config, struct err *err)
{
	scoped(str_free) char *lanes =
		xasprintf("%s/lanes", config->suite.state_dir);

	if (dir_make(config->suite.state_dir, err) != 0 ||
		dir_make(config->suite.run_dir, err) != 0 ||
		dir_make(lanes, err) != 0)
		return -1;
	if (config->suite.log_dir[0] != '\0' &&
		dir_make(config->suite.log_dir, err) != 0)
		return -1;
	return dir_check_private(config->suite.run_dir, err);
}
