/* A lane's process, as its supervisor sees it: forking it, and the rules by
 * which it is started again or put down.  The rules are pure: the time is
 * passed in. */
#ifndef SENDERD_CHILD_H
#define SENDERD_CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "senderd/host.h"
#include "senderd/lane.h"

struct err;
struct lanes;

struct child {
	struct child *next;  /* in its bucket */
	struct lanes *owner; /* borrowed: the table it is in */
	char uid[DEVICE_UID_LEN + 8];
	char name[128];
	int64_t device_id, account_id;
	enum device_status status; /* of the device row when it was read */

	pid_t pid;		/* 0 = no process */
	int fd;			/* our end of the pair; -1 without a process */
	struct event *readable; /* on fd */
	enum lane_state state;	/* the last report's */
	char reason[160];
	bool final;	    /* the last report: do not start it again */
	bool wanted;	    /* somebody wants it to run */
	bool is_planned;    /* waits for its first start */
	bool is_settling;   /* not yet in a state that lasts */
	bool stop_told;	    /* one of those that are stopping */
	bool again_at_once; /* a restart was ordered: no backoff this time */
	bool unlinking;	 /* to be logged out; holds until the lane has ended for
			    good */
	unsigned deaths; /* unexpected ones in a row */
	/* monotonic; 0 = never, or not planned */
	int64_t started_ms, reported_ms, ended_ms, start_at_ms, aborted_ms;
	bool has_reported; /* since it was started */
};

/* Forks.  The new process runs lane_main() and never returns.  No SQLite
 * connection may be open in this process: the library cannot be carried over a
 * fork. */
int child_fork(struct child *child, const struct host *host, int64_t now_ms,
	struct err *err);
/* Closes our end and forgets the process; it has ended or will be reaped as a
 * stranger. */
void child_forget(struct child *child);

/* ---- rules ---- */
/* The process ended at @now_ms: plans the next start, or none. */
void child_on_exit(struct child *child, int64_t now_ms);
enum child_care {
	CHILD_FINE,
	CHILD_START, /* its time has come */
	CHILD_ABORT, /* no report for a minute: SIGABRT */
	CHILD_KILL,  /* not even that helped, or no report since its start ten
			seconds ago */
};
enum child_care child_care(const struct child *child, int64_t now_ms);
/* A question may start a lane that had ended for good, but not at the asker's
 * pace: each start may be a login attempt at WhatsApp. */
bool child_may_wake(const struct child *child, int64_t now_ms);

#endif
