/* vereda doctor: looks at everything that has to be right on this host, one
 * line each. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/probe.h"
#include "cli/programs.h"
#include "common/config.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/store.h"

#define DISK_WARN_BYTES (1024LL * 1024 * 1024)
#define DISK_FAIL_BYTES (64LL * 1024 * 1024)
#define CLOCK_FLOOR 1735689600 /* 2025-01-01: older than this program */
#define FILES_WANTED 16384

enum verdict { OK, WARN, FAIL };

struct doctor {
	struct cli *cli;
	json_t *checks;
	enum verdict worst;
};

static void note(struct doctor *doctor, enum verdict verdict, const char *check,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void note(struct doctor *doctor, enum verdict verdict, const char *check,
	const char *fmt, ...)
{
	static const char *const words[] = { "ok", "warn", "fail" };
	char text[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (verdict > doctor->worst)
		doctor->worst = verdict;
	if (!doctor->cli->json)
		printf("%-5s %-10s %s\n", words[verdict], check, text);
	json_array_append_new(doctor->checks,
		json_pack("{s:s, s:s, s:s}", "check", check, "result",
			words[verdict], "text", text));
}

/* ---- the checks ---- */

static void check_config(struct doctor *doctor)
{
	struct cli *cli = doctor->cli;
	struct err err = ERR_NONE;

	if (config_load(cli->config_file, cli->state_dir, &cli->config, &err) !=
		0) {
		note(doctor, FAIL, "config", "%s", err.msg);
		return;
	}
	note(doctor, OK, "config", "valid");
}

static void check_state_dir(struct doctor *doctor)
{
	const char *path = doctor->cli->config->suite.state_dir;
	struct stat st;

	if (stat(path, &st) != 0)
		note(doctor, WARN, "state", "%s: %s; made at first start", path,
			strerror(errno));
	else if (!S_ISDIR(st.st_mode) || access(path, R_OK | W_OK | X_OK) != 0)
		note(doctor, FAIL, "state", "%s cannot be written by user %u",
			path, (unsigned)geteuid());
	else if ((st.st_mode & 027) != 0)
		note(doctor, WARN, "state",
			"%s has mode %04o; it should be 0700", path,
			(unsigned)st.st_mode & 07777);
	else
		note(doctor, OK, "state", "%s", path);
}

static void check_host_key(struct doctor *doctor)
{
	scoped(str_free) char *path =
		xasprintf("%s/host.key", doctor->cli->config->suite.state_dir);
	struct stat st;

	if (lstat(path, &st) != 0) {
		note(doctor, errno == ENOENT ? WARN : FAIL, "host key",
			"%s: %s; made at first start", path, strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		note(doctor, FAIL, "host key",
			"%s must be a file of mode 0600, is %04o", path,
			(unsigned)st.st_mode & 07777);
	else
		note(doctor, OK, "host key", "%s", path);
}

static void check_store(struct doctor *doctor)
{
	scoped(str_free) char *path = config_db_path(doctor->cli->config);
	scoped(store_close) struct store *store = NULL;
	struct err err = ERR_NONE;

	if (access(path, F_OK) != 0)
		note(doctor, WARN, "store", "%s: %s; made at first start", path,
			strerror(errno));
	else if (store_open(path, STORE_READ, &store, &err) != 0)
		note(doctor, FAIL, "store", "%s", err.msg);
	else
		note(doctor, OK, "store", "schema %d",
			store_schema_version(store));
}

static void check_disk(struct doctor *doctor)
{
	const char *path = doctor->cli->config->suite.state_dir;
	struct statvfs fs;
	long long free_bytes;

	if (statvfs(path, &fs) != 0)
		return; /* check_state_dir() told */
	free_bytes = (long long)fs.f_bavail * (long long)fs.f_frsize;
	note(doctor,
		free_bytes < DISK_FAIL_BYTES   ? FAIL
		: free_bytes < DISK_WARN_BYTES ? WARN
					       : OK,
		"disk", "%lld MiB free in %s", free_bytes / (1024 * 1024),
		path);
}

/* WhatsApp refuses a client whose clock is far off, and ids sort by it. */
static void check_clock(struct doctor *doctor)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec < CLOCK_FLOOR)
		note(doctor, FAIL, "clock", "it is not the year %d",
			1970 + (int)(now.tv_sec / 31556952));
	else
		note(doctor, OK, "clock", "plausible");
}

static void check_programs(struct doctor *doctor)
{
	for (size_t i = 0; i < probe_n_daemons; i++) {
		struct err err = ERR_NONE;
		scoped(str_free) char *path =
			programs_find(probe_daemons[i], &err);

		if (path == NULL)
			note(doctor, FAIL, "programs", "%s", err.msg);
		else
			note(doctor, OK, "programs", "%s", path);
	}
}

static void check_ports(struct doctor *doctor)
{
	const struct config *config = doctor->cli->config;
	int port = probe_suite_port(config);
	bool up;

	if (port == 0)
		port = config->api.port;
	if (port == 0) {
		note(doctor, OK, "port", "any free one");
		return;
	}
	up = probe_tcp(config->api.listen, port);
	if (up && !probe_is_up(config, "senderd"))
		note(doctor, WARN, "port",
			"%s:%d is taken, and not by this suite",
			config->api.listen, port);
	else
		note(doctor, OK, "port", "%s:%d is %s", config->api.listen,
			port, up ? "served" : "free");
}

static void check_daemons(struct doctor *doctor)
{
	for (size_t i = 0; i < probe_n_daemons; i++) {
		bool up = probe_is_up(doctor->cli->config, probe_daemons[i]);

		note(doctor, up ? OK : WARN, "daemons", "%s is %s",
			probe_daemons[i], up ? "up" : "not running");
	}
}

/* A lane needs a handful of descriptors, apid one a client. */
static void check_limits(struct doctor *doctor)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	note(doctor, files.rlim_max < FILES_WANTED ? WARN : OK, "limits",
		"%llu open files a process (%d wanted)",
		(unsigned long long)files.rlim_max, FILES_WANTED);
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
	struct doctor doctor = { .cli = cli };

	if (!cli_parse(cli, argc, argv, NULL, NULL))
		return EXIT_USAGE;
	doctor.checks = json_array();
	check_config(&doctor);
	if (cli->config != NULL) {
		check_state_dir(&doctor);
		check_host_key(&doctor);
		check_store(&doctor);
		check_disk(&doctor);
		check_ports(&doctor);
		check_daemons(&doctor);
	}
	check_clock(&doctor);
	check_programs(&doctor);
	check_limits(&doctor);
	if (cli->json)
		cli_print_json(json_pack("{s:b, s:o}", "ok",
			doctor.worst != FAIL, "checks", doctor.checks));
	else
		json_decref(doctor.checks);
	return doctor.worst == FAIL ? EXIT_FAILED : 0;
}
