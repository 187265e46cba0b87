/* What the worker can no longer do.  Each attempt is made in a child of its
 * own, which has gone through the lockdown. */
#include "mediaconv/lockdown.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/own.h"

static bool refused(long result)
{
	return result == -1 && errno == EPERM;
}

static bool is_opening_refused(void)
{
	return refused(syscall(
		       SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY)) &&
	       refused(syscall(SYS_open, "/tmp/x", O_CREAT | O_WRONLY, 0600)) &&
	       refused(syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0));
}

static bool is_looking_refused(void)
{
	char path[64];
	struct stat st;

	return refused(syscall(SYS_stat, "/etc/passwd", &st)) &&
	       refused(syscall(SYS_newfstatat, AT_FDCWD, "/", &st, 0)) &&
	       refused(syscall(SYS_readlink, "/proc/self/exe", path, 64));
}

static bool is_network_refused(void)
{
	int pair[2];

	return refused(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0)) &&
	       refused(syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0)) &&
	       refused(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair));
}

static bool is_starting_refused(void)
{
	static char *const arguments[] = { NULL };

	return refused(syscall(SYS_fork)) && refused(syscall(SYS_vfork)) &&
	       refused(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)) &&
	       refused(syscall(SYS_clone3, NULL, 0)) &&
	       refused(syscall(SYS_execve, "/bin/true", arguments, arguments));
}

static bool is_code_refused(void)
{
	return refused((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) &&
	       refused(mprotect((void *)((uintptr_t)&refused & ~4095ul), 4096,
		       PROT_READ | PROT_WRITE | PROT_EXEC));
}

static bool is_reaching_others_refused(void)
{
	return refused(kill(getppid(), SIGTERM)) &&
	       refused(syscall(SYS_tgkill, 1, 1, SIGTERM)) &&
	       refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL)) &&
	       refused(syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0));
}

static bool is_way_back_refused(void)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	return refused(setresuid(0, 0, 0)) &&
	       refused(setrlimit(RLIMIT_CPU, &none)) &&
	       refused(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* AddressSanitizer has no use for a limit, see lockdown.c. */
#ifndef __SANITIZE_ADDRESS__
static bool is_memory_limited(void)
{
	const size_t n = LOCKDOWN_MEMORY;
	void *memory = mmap(NULL, n, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED && errno == ENOMEM;
}
#endif

static bool is_work_allowed(void)
{
	char *memory = malloc(1 << 20);

	if (memory == NULL)
		return false;
	memset(memory, 1, 1 << 20);
	free(memory);
	return write(STDOUT_FILENO, "", 0) == 0;
}

struct attempt {
	const char *name;
	bool (*is_as_it_should_be)(void);
};

static const struct attempt attempts[] = {
	{ "opening a file", is_opening_refused },
	{ "looking at a file", is_looking_refused },
	{ "the network", is_network_refused },
	{ "starting a program", is_starting_refused },
	{ "running new code", is_code_refused },
	{ "reaching other processes", is_reaching_others_refused },
	{ "the way back", is_way_back_refused },
#ifndef __SANITIZE_ADDRESS__
	{ "all the memory", is_memory_limited },
#endif
	{ "its work", is_work_allowed },
};

enum { AS_IT_SHOULD_BE, NOT_SO, NOT_LOCKED };

static int run_locked(bool (*check)(void))
{
	struct err err = ERR_NONE;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (lockdown_prepare(3, &err) != 0 ||
			lockdown_enter(1 << 20, &err) != 0)
			_exit(NOT_LOCKED);
		_exit(check() ? AS_IT_SHOULD_BE : NOT_SO);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static void nothing_but_its_work_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
		int result = run_locked(attempts[i].is_as_it_should_be);

		if (result != AS_IT_SHOULD_BE)
			fail_msg("%s: %d", attempts[i].name, result);
	}
}

static int inherited_fd;

/* close() says whether it was there: fstat() and fcntl() are not allowed. */
static bool is_alone(void)
{
	extern char **environ;

	return close(inherited_fd) != 0 && errno == EBADF &&
	       (environ == NULL || *environ == NULL);
}

static void nothing_of_the_parent_is_left(void **state)
{
	(void)state;
	inherited_fd = open("/dev/null", O_RDONLY);
	assert_true(inherited_fd > 2);
	assert_int_equal(run_locked(is_alone), AS_IT_SHOULD_BE);
	close(inherited_fd);
}

/* A child that has gone through the lockdown and waits to be killed. */
static pid_t start_locked(void)
{
	struct err err = ERR_NONE;
	int said[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (dup2(said[1], 3) != 3 || lockdown_prepare(4, &err) != 0 ||
			lockdown_enter(1 << 20, &err) != 0 ||
			write(3, "!", 1) != 1)
			_exit(NOT_LOCKED);
		for (;;)
			sched_yield();
	}
	close(said[1]);
	assert_int_equal(read(said[0], &byte, 1), 1);
	close(said[0]);
	return pid;
}

static void the_kernel_says_so_too(void **state)
{
	static const char *const lines[] = { "\nNoNewPrivs:\t1\n",
		"\nSeccomp:\t2\n", "\nCapEff:\t0000000000000000\n",
		"\nUid:\t65534\t65534\t65534\t65534\n",
		"\nGid:\t65534\t65534\t65534\t65534\n", "\nGroups:\t \n" };
	/* Users and groups are root's to give up. */
	const size_t n_lines = geteuid() == 0 ? ARRAY_LEN(lines) : 3;
	pid_t pid = start_locked();
	char path[64], status[4096] = "";
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(status, 1, sizeof(status) - 1, file) > 0);
	fclose(file);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (size_t i = 0; i < n_lines; i++)
		if (strstr(status, lines[i]) == NULL)
			fail_msg("no%sin:\n%s", lines[i], status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_but_its_work_is_left),
		cmocka_unit_test(nothing_of_the_parent_is_left),
		cmocka_unit_test(the_kernel_says_so_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
