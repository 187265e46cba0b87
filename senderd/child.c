#include "senderd/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/backoff.h"

#define RESTART_MIN_MS 1000
#define RESTART_MAX_MS 60000
/* A process that lived so long starts with a clean record. */
#define GOOD_LIFE_MS (5 * 60 * 1000)
#define SILENCE_MAX_MS 60000
/* A fork that catches the supervisor's other threads in the wrong moment may
 * never get anywhere. */
#define START_MAX_MS 10000
#define ABORT_GRACE_MS 5000
#define WAKE_MIN_MS 10000
#define SOCKET_BYTES (1024 * 1024)

/* ---- rules ---- */

void child_on_exit(struct child *child, int64_t now_ms)
{
	bool good_life = now_ms - child->started_ms >= GOOD_LIFE_MS;

	child->ended_ms = now_ms;
	child->start_at_ms = 0;
	if (child->final)
		child->unlinking = false;
	if (!child->wanted || child->final)
		return;
	if (child->again_at_once) {
		child->again_at_once = false;
		child->deaths = 0;
		child->start_at_ms = now_ms;
		return;
	}
	child->deaths = good_life ? 1 : child->deaths + 1;
	child->start_at_ms = now_ms + backoff_ms(RESTART_MIN_MS, RESTART_MAX_MS,
					      child->deaths);
}

enum child_care child_care(const struct child *child, int64_t now_ms)
{
	const int64_t silence_ms = now_ms - child->reported_ms;

	if (child->pid == 0)
		return child->start_at_ms != 0 && now_ms >= child->start_at_ms
			       ? CHILD_START
			       : CHILD_FINE;
	if (child->aborted_ms != 0)
		return now_ms - child->aborted_ms >= ABORT_GRACE_MS
			       ? CHILD_KILL
			       : CHILD_FINE;
	if (!child->has_reported)
		return silence_ms >= START_MAX_MS ? CHILD_KILL : CHILD_FINE;
	return silence_ms >= SILENCE_MAX_MS ? CHILD_ABORT : CHILD_FINE;
}

bool child_may_wake(const struct child *child, int64_t now_ms)
{
	return child->pid == 0 &&
	       (child->ended_ms == 0 ||
		       now_ms - child->ended_ms >= WAKE_MIN_MS);
}

/* ---- the new process ---- */

/* All but the standard streams and @keep. */
static void close_others(int keep_a, int keep_b)
{
	int low = keep_a < keep_b ? keep_a : keep_b;
	int high = keep_a < keep_b ? keep_b : keep_a;

	if (low > 3)
		close_range(3, (unsigned)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, ~0u, 0);
}

/* ps shows the command line, top and pgrep the name (15 bytes of it). */
static void title_set(const struct host *host, const char *uid)
{
	char title[64];

	snprintf(title, sizeof title, "lane/%s", uid);
	prctl(PR_SET_NAME, title, 0, 0, 0);
	if (host->n_title == 0)
		return;
	memset(host->title, 0, host->n_title);
	snprintf(host->title, host->n_title, "%s", title);
}

static void log_set_up(const struct config *config, const char *uid)
{
	char ident[64];
	struct err err = ERR_NONE;

	if (log_open("senderd", config->suite.log_dir,
		    log_level_from_name(config->suite.log_level), &err) != 0)
		log_warning(
			"log reason=\"%s\": to standard error only", err.msg);
	snprintf(ident, sizeof ident, "lane/%s", uid);
	log_set_ident(ident);
}

/* Of the supervisor's state only the configuration, the TLS context and
 * what is in @child is used from here on: its loop and its sockets are
 * another process's. */
static void child_run(const struct child *child, const struct host *host,
	int fd, pid_t parent) __attribute__((noreturn));
static void child_run(const struct child *child, const struct host *host,
	int fd, pid_t parent)
{
	const struct rlimit no_core = { 0, 0 };
	struct lane_start start = {
		.config = host->config,
		.device_id = child->device_id,
		.account_id = child->account_id,
		.uid = child->uid,
		.name = child->name,
		.status = child->status,
		.fd = fd,
		.tls = host->tls,
	};
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(EXIT_FAILURE); /* it died before the line above */
	signal(SIGCHLD, SIG_DFL);
	daemon_signals();
	signal(SIGINT, SIG_IGN); /* of a terminal: the supervisor decides */
	log_close();
	close_others(fd, daemon_signal_fd());
	log_set_up(host->config, child->uid);
	title_set(host, child->uid);
	setrlimit(RLIMIT_CORE, &no_core);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(lane_main(&start));
}

/* ---- forking ---- */

static int pair_open(int pair[2], struct err *err)
{
	int bytes = SOCKET_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0, pair) != 0)
		return err_set(err, ERR_IO, "socket pair: %s", strerror(errno));
	/* As much as the host allows: what does not fit is read from the
	 * store. */
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	return 0;
}

int child_fork(struct child *child, const struct host *host, int64_t now_ms,
	struct err *err)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;
	int pair[2];

	if (pair_open(pair, err) != 0)
		return -1;
	/* No signal may run a handler of ours in the new process. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		child_run(child, host, pair[1], parent);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_set(err, ERR_IO, "fork: %s", strerror(errno));
	}
	child->pid = pid;
	child->fd = pair[0];
	child->state = LANE_IDLE;
	child->final = false;
	child->started_ms = child->reported_ms = now_ms;
	child->has_reported = false;
	child->start_at_ms = child->aborted_ms = 0;
	return 0;
}

void child_forget(struct child *child)
{
	if (child->readable != NULL)
		event_free(move(child->readable));
	if (child->fd >= 0)
		close(child->fd);
	child->fd = -1;
	child->pid = 0;
}
