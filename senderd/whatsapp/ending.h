/* How a session ends, and what we do about it: <failure>, <stream:error> and a
 * lost socket read into one of ours (connection.md 7.9).  Pure. */
#ifndef SENDERD_WHATSAPP_ENDING_H
#define SENDERD_WHATSAPP_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/wa/node.h"
#include "senderd/lane.h"

struct ending {
	/* DIALING: again at once.  BACKOFF: again after a wait.  LOGGED_OUT,
	 * BANNED, STOPPED: as lane.h says. */
	enum lane_state to;
	bool forget;	  /* the session is void: its keys go */
	bool is_outdated; /* STOPPED: a newer client version may be let in */
	int64_t until_ms; /* BANNED: unix time when to try again; 0 = never */
	char reason[160]; /* for the log, the device row and the event */
};

struct ending ending_retry(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
struct ending ending_of_failure(const struct wa_node *failure, int64_t now_ms);
struct ending ending_of_stream_error(const struct wa_node *error);

#endif
