#include "common/media/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "common/own.h"

/* ---- starting ---- */

/* Copies above the numbers that the child will use: else one dup2() could
 * overwrite what another still has to copy. */
static int copies_make(
	const int *fds, size_t n, int copies[PROCESS_FDS_MAX], struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int fd = fds[i] >= 0 ? fds[i]
				     : open("/dev/null", O_RDWR | O_CLOEXEC);

		copies[i] = fcntl(fd, F_DUPFD_CLOEXEC, PROCESS_FDS_MAX);
		if (fds[i] < 0)
			fd_close(&fd);
		if (copies[i] < 0)
			return err_set(err, ERR_INTERNAL,
				"descriptor for a worker: %s", strerror(errno));
	}
	return 0;
}

static int actions_fill(posix_spawn_file_actions_t *actions,
	const int copies[PROCESS_FDS_MAX], size_t n)
{
	int failed = 0;

	for (size_t i = 0; i < n; i++)
		failed |= posix_spawn_file_actions_adddup2(
			actions, copies[i], (int)i);
	return failed |
	       posix_spawn_file_actions_addclosefrom_np(actions, (int)n);
}

/* What this process ignores, blocks or handles is not the child's business. */
static int attributes_fill(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	return posix_spawnattr_setsigmask(attributes, &none) |
	       posix_spawnattr_setsigdefault(attributes, &all) |
	       posix_spawnattr_setflags(attributes,
		       POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const char *const argv[], const int copies[PROCESS_FDS_MAX],
	size_t n_fds, pid_t *pid_out)
{
	static char *const no_environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int failed;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	failed = actions_fill(&actions, copies, n_fds) != 0 ||
				 attributes_fill(&attributes) != 0
			 ? ENOMEM
			 : posix_spawn(pid_out, argv[0], &actions, &attributes,
				   (char *const *)argv, no_environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

int process_start(const char *const argv[], const int *fds, size_t n_fds,
	struct process *out, struct err *err)
{
	int copies[PROCESS_FDS_MAX] = { -1, -1, -1, -1, -1 };
	int failed;

	*out = PROCESS_NONE;
	if (copies_make(fds, n_fds, copies, err) != 0)
		failed = -1;
	else
		failed = spawn(argv, copies, n_fds, &out->pid);
	for (size_t i = 0; i < n_fds; i++)
		fd_close(&copies[i]);
	if (failed < 0)
		return -1;
	if (failed > 0)
		return err_set(
			err, ERR_INTERNAL, "%s: %s", argv[0], strerror(failed));
	out->fd = pidfd_open(out->pid, 0);
	if (out->fd >= 0)
		return 0;
	failed = errno;
	kill(out->pid, SIGKILL);
	waitpid(out->pid, NULL, 0);
	return err_set(
		err, ERR_INTERNAL, "pidfd of a worker: %s", strerror(failed));
}

/* ---- ending ---- */

void process_kill(struct process *process)
{
	if (process->fd >= 0)
		(void)pidfd_send_signal(process->fd, SIGKILL, NULL, 0);
}

static void describe(const siginfo_t *info, char *why, size_t cap)
{
	if (info->si_code != CLD_EXITED)
		snprintf(why, cap, "signal %d (%s)", info->si_status,
			strsignal(info->si_status));
	else if (info->si_status != 0)
		snprintf(why, cap, "exit %d", info->si_status);
	else
		why[0] = '\0';
}

bool process_reap(struct process *process, char *why, size_t cap)
{
	siginfo_t info = { 0 };

	if (process->fd < 0)
		return true;
	if (waitid(P_PIDFD, (id_t)process->fd, &info, WEXITED | WNOHANG) != 0)
		snprintf(why, cap, PROCESS_END_UNKNOWN);
	else if (info.si_pid == 0)
		return false;
	else
		describe(&info, why, cap);
	fd_close(&process->fd);
	return true;
}
