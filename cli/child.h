/* A daemon as a child process: started, signalled, and what its end means. */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

struct child {
	const char *name;   /* "apid" */
	char *path;	    /* owned */
	pid_t pid;	    /* 0 = not running */
	bool is_ready;	    /* this process said READY=1 */
	int64_t started_ms; /* monotonic */
	int backoff_ms;	    /* wait before the next start */
};

void child_fini(struct child *child);
/* In a process group of its own, with stdout on our stderr, and SIGTERM when we
 * die. */
int child_start(struct child *child, char *const argv[], char *const envp[],
	struct err *err);
/* Its whole group, so that its own children end with it. */
void child_kill(const struct child *child, int signal);
/* True when it has ended just now: @why tells how. */
bool child_reap(struct child *child, char *why, size_t size);
/* The wait before it is started again: 1 s, doubled to 30 s, from 1 s again
 * after a minute of life. */
int child_next_backoff_ms(struct child *child, int64_t now_ms);

#endif
