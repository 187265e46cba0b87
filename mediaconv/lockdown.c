#include "mediaconv/lockdown.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/prctl.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/err.h"
#include "common/own.h"

#define NOBODY 65534 /* user and group */

/* The shadow memory of AddressSanitizer is 16 TiB of address space. */
#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif

/* When the host is out of memory, this is the process to end.  Where that
 * cannot be said, it is a guess of the kernel's. */
static void oom_volunteer(void)
{
	scoped(fd_close) int fd =
		open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1000", 4) < 0)
		return;
}

int lockdown_prepare(int first_fd, struct err *err)
{
	if (close_range((unsigned)first_fd, ~0u, 0) != 0 || clearenv() != 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_set(
			err, ERR_INTERNAL, "lockdown: %s", strerror(errno));
	oom_volunteer();
	return 0;
}

/* ---- limits ---- */

static int limits_set(uint64_t file_bytes, struct err *err)
{
	const struct {
		__rlimit_resource_t what;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_CPU, LOCKDOWN_CPU_SECONDS },
		{ RLIMIT_FSIZE, file_bytes },
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NPROC, 0 },
		{ RLIMIT_NOFILE, 0 }, /* what is open stays open */
		{ RLIMIT_MEMLOCK, 0 },
		{ RLIMIT_AS, LOCKDOWN_MEMORY },
	};

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct rlimit limit;

		if (WITH_ASAN && limits[i].what == RLIMIT_AS)
			continue;
		if (getrlimit(limits[i].what, &limit) != 0)
			return err_set(err, ERR_INTERNAL, "getrlimit: %s",
				strerror(errno));
		/* The host may be stricter. */
		if (limit.rlim_max > limits[i].value)
			limit.rlim_max = limits[i].value;
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(limits[i].what, &limit) != 0)
			return err_set(err, ERR_INTERNAL, "setrlimit: %s",
				strerror(errno));
	}
	return 0;
}

/* ---- user ---- */

static int privileges_drop(struct err *err)
{
	if (geteuid() == 0 && (setgroups(0, NULL) != 0 ||
				      setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
				      setresuid(NOBODY, NOBODY, NOBODY) != 0))
		return err_set(
			err, ERR_INTERNAL, "setresuid: %s", strerror(errno));
	/* After that: a change of user takes it back. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return err_set(err, ERR_INTERNAL, "prctl: %s", strerror(errno));
	return 0;
}

/* ---- system calls ---- */

/* All that decoding takes.  The others fail with EPERM: a library that looks
 * for a file, a time zone or the number of processors does without. */
static const int allowed[] = {
	SCMP_SYS(write),
	SCMP_SYS(pwrite64),
	SCMP_SYS(close),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static int filter_fill(scmp_filter_ctx filter)
{
	const scmp_datum_t ourselves = (scmp_datum_t)getpid();
	const struct {
		int call;
		struct scmp_arg_cmp only_if;
	} conditions[] = {
		/* Memory, but none to run code from. */
		{ SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
		{ SCMP_SYS(mprotect),
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
		/* abort(), which says what happened better than a crash. */
		{ SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, ourselves, 0) },
	};
	int failed = 0;

	for (size_t i = 0; failed == 0 && i < ARRAY_LEN(allowed); i++)
		failed =
			seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; failed == 0 && i < ARRAY_LEN(conditions); i++)
		failed = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW,
			conditions[i].call, 1, &conditions[i].only_if);
	return failed;
}

static int filter_load(struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int failed = filter == NULL ? -ENOMEM : filter_fill(filter);

	if (failed == 0)
		failed = seccomp_load(filter);
	seccomp_release(filter);
	if (failed != 0)
		return err_set(
			err, ERR_INTERNAL, "seccomp: %s", strerror(-failed));
	return 0;
}

int lockdown_enter(uint64_t file_bytes, struct err *err)
{
	/* The limit on processes is one of the user: it comes after. */
	if (privileges_drop(err) != 0 || limits_set(file_bytes, err) != 0)
		return -1;
	return filter_load(err);
}
