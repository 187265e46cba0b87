#include "common/media/library.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "common/config.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"

#define HASH_HEX (2 * 32 + 1)
#define TEMP_NAME_BYTES 16
#define TEMP_KEPT_SEC (24 * 3600)
#define UNSURE_SEC 3600

/* "" when it does not fit: a path that was cut off would be another file's. */
static void path_print(char out[LIBRARY_PATH], const char *dir,
	const char *middle, const char *name)
{
	int n = snprintf(out, LIBRARY_PATH, "%s/media%s%s", dir, middle, name);

	if (n < 0 || n >= LIBRARY_PATH)
		out[0] = '\0';
}

void library_path(const struct config *config, const uint8_t sha256[32],
	char out[LIBRARY_PATH])
{
	char hex[HASH_HEX], middle[] = "/ab/";

	sodium_bin2hex(hex, sizeof(hex), sha256, 32);
	memcpy(middle + 1, hex, 2);
	path_print(out, config->suite.state_dir, middle, hex);
}

/* A directory of the library; those above it are there. */
static int dir_make(const struct config *config, const char *name, size_t n,
	char out[LIBRARY_PATH], struct err *err)
{
	char with_slash[8];

	snprintf(with_slash, sizeof(with_slash), "%s%.*s", n > 0 ? "/" : "",
		(int)n, name);
	path_print(out, config->suite.state_dir, with_slash, "");
	if (mkdir(out, 0700) != 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "%s: %s", out, strerror(errno));
	return 0;
}

static int dir_sync(const char *path, struct err *err)
{
	scoped(fd_close) int fd =
		open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	return 0;
}

int library_temp(const struct config *config, char path_out[LIBRARY_PATH],
	struct err *err)
{
	uint8_t random[TEMP_NAME_BYTES];
	char hex[2 * TEMP_NAME_BYTES + 1], dir[LIBRARY_PATH];
	int fd;

	if (dir_make(config, "", 0, dir, err) != 0 ||
		dir_make(config, "tmp", 3, dir, err) != 0)
		return -1;
	random_bytes(random, sizeof(random));
	sodium_bin2hex(hex, sizeof(hex), random, sizeof(random));
	path_print(path_out, config->suite.state_dir, "/tmp/", hex);
	fd = open(path_out, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		0600);
	if (fd < 0)
		return err_set(
			err, ERR_IO, "%s: %s", path_out, strerror(errno));
	return fd;
}

/* What is written must be on the disk before the name says that it is. */
static int file_sync(const char *path, struct err *err)
{
	scoped(fd_close) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fsync(fd) != 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	return 0;
}

int library_keep(const struct config *config, const char *temp_path,
	const uint8_t sha256[32], struct err *err)
{
	char path[LIBRARY_PATH], top[LIBRARY_PATH], dir[LIBRARY_PATH];
	char hex[HASH_HEX];

	library_path(config, sha256, path);
	if (access(path, F_OK) == 0) {
		if (unlink(temp_path) != 0 && errno != ENOENT)
			log_warning("library path=%s reason=\"%s\" "
				    "action=\"removed within a day\"",
				temp_path, strerror(errno));
		return 0;
	}
	sodium_bin2hex(hex, sizeof(hex), sha256, 32);
	if (file_sync(temp_path, err) != 0 ||
		dir_make(config, "", 0, top, err) != 0 ||
		dir_make(config, hex, 2, dir, err) != 0)
		return -1;
	/* Should another process keep the same content right now, it is
	 * replaced by itself. */
	if (rename(temp_path, path) != 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (dir_sync(dir, err) != 0)
		return -1;
	return dir_sync(top, err);
}

int library_open(
	const struct config *config, const uint8_t sha256[32], struct err *err)
{
	char path[LIBRARY_PATH];
	int fd;

	library_path(config, sha256, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		return fd;
	return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s",
		path, strerror(errno));
}

void library_remove(const struct config *config, const uint8_t sha256[32])
{
	char path[LIBRARY_PATH];

	library_path(config, sha256, path);
	if (unlink(path) != 0 && errno != ENOENT)
		log_warning("library path=%s reason=\"%s\" action=none", path,
			strerror(errno));
}

void library_clean(const struct config *config)
{
	char path[LIBRARY_PATH];
	time_t before = time(NULL) - TEMP_KEPT_SEC;
	DIR *dir;

	path_print(path, config->suite.state_dir, "/tmp", "");
	dir = opendir(path);
	if (dir == NULL)
		return; /* nothing was ever received or uploaded */
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		struct stat st;

		if (fstatat(dirfd(dir), entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) != 0 ||
			!S_ISREG(st.st_mode) || st.st_mtime >= before)
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			log_info("library file=%s status=removed "
				 "reason=\"left behind\"",
				log_quote(entry->d_name));
	}
	closedir(dir);
}

void library_each(const struct config *config, uint8_t first,
	void (*fn)(const uint8_t sha256[32], void *arg), void *arg)
{
	char path[LIBRARY_PATH], name[4];
	time_t before = time(NULL) - UNSURE_SEC;
	DIR *dir;

	snprintf(name, sizeof(name), "/%02x", first);
	path_print(path, config->suite.state_dir, name, "");
	dir = opendir(path);
	if (dir == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		uint8_t sha256[32];
		struct stat st;
		size_t n = 0;

		if (sodium_hex2bin(sha256, sizeof(sha256), entry->d_name,
			    strlen(entry->d_name), NULL, &n, NULL) != 0 ||
			n != sizeof(sha256) ||
			fstatat(dirfd(dir), entry->d_name, &st,
				AT_SYMLINK_NOFOLLOW) != 0 ||
			!S_ISREG(st.st_mode) || st.st_mtime >= before)
			continue;
		fn(sha256, arg);
	}
	closedir(dir);
}
