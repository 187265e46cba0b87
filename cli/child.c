#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 30000
#define LIVED_WELL_MS 60000

void child_fini(struct child *child)
{
	str_free(&child->path);
}

/* After fork in a process that has threads: async-signal-safe calls alone. */
static void child_exec(
	const char *path, char *const argv[], char *const envp[], pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127); /* it died before prctl */
	dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execve(path, argv, envp);
	_exit(127);
}

int child_start(struct child *child, char *const argv[], char *const envp[],
	struct err *err)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return err_set(err, ERR_IO, "fork %s: %s", child->name,
			strerror(errno));
	if (pid == 0)
		child_exec(child->path, argv, envp, parent);
	setpgid(pid, pid); /* whoever is first: a signal must find the group */
	child->pid = pid;
	child->is_ready = false;
	child->started_ms = clock_mono_ms();
	return 0;
}

void child_kill(const struct child *child, int signal)
{
	if (child->pid != 0)
		kill(-child->pid, signal);
}

bool child_reap(struct child *child, char *why, size_t size)
{
	int status;

	if (child->pid == 0 ||
		waitpid(child->pid, &status, WNOHANG) != child->pid)
		return false;
	if (WIFSIGNALED(status))
		snprintf(why, size, "signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		snprintf(why, size, "exit code %d", WEXITSTATUS(status));
	child->pid = 0;
	child->is_ready = false;
	return true;
}

int child_next_backoff_ms(struct child *child, int64_t now_ms)
{
	if (child->backoff_ms == 0 ||
		now_ms - child->started_ms >= LIVED_WELL_MS)
		child->backoff_ms = BACKOFF_FIRST_MS;
	else if (child->backoff_ms * 2 <= BACKOFF_MAX_MS)
		child->backoff_ms *= 2;
	else
		child->backoff_ms = BACKOFF_MAX_MS;
	return child->backoff_ms;
}
