/* A worker process for one job: started with nothing but the descriptors it is
 * given and an empty environment, killed and reaped through a descriptor of its
 * own, so that nobody's SIGCHLD or waitpid() is involved. */
#ifndef COMMON_MEDIA_PROCESS_H
#define COMMON_MEDIA_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;

struct process {
	pid_t pid;
	int fd; /* a pidfd: readable once it has ended; -1: none, or reaped */
};
#define PROCESS_NONE ((struct process){ .fd = -1 })

#define PROCESS_FDS_MAX 5
#define PROCESS_END_UNKNOWN "unknown"

/* @argv[0] is the program's path.  The child has @fds[i] as its descriptor i;
 * a -1 there is /dev/null.  They stay the caller's. */
int process_start(const char *const argv[], const int *fds, size_t n_fds,
	struct process *out, struct err *err);
void process_kill(struct process *process);
/* False while it runs.  True: it is gone, and @why says how it ended: "" after
 * exit(0), else "exit 3", "signal 11 (Segmentation fault)", or
 * PROCESS_END_UNKNOWN when somebody else has reaped it. */
bool process_reap(struct process *process, char *why, size_t cap);

#endif
