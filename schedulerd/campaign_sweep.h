/* Goes round the running campaigns every few seconds: finds lanes that were
 * lost or came back while nobody looked, and tells the log what became of the
 * campaigns. */
#ifndef SCHEDULERD_CAMPAIGN_SWEEP_H
#define SCHEDULERD_CAMPAIGN_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct schedulerd;

/* Running campaigns as they were seen last.  A cache: what is not known is
 * looked at anew. */
struct campaign_watched {
	int64_t id;
	bool is_known;	     /* its lanes were looked at */
	uint64_t lost, gone; /* lanes.h */
	unsigned round;	     /* the last one that found it running */
};
struct campaign_watch {
	struct campaign_watched *seen; /* owned; sorted by id */
	size_t n, cap;
	unsigned round;
	int64_t after_id; /* where the round is; 0: at its beginning */
	int64_t next_ms;
};

void campaign_watch_fini(struct campaign_watch *watch);
/* A campaign runs: it sends. */
void campaign_watch_note(struct schedulerd *sd, int64_t campaign_id);
/* The next round begins at once. */
void campaign_sweep_soon(struct schedulerd *sd);
/* A few campaigns of the round, if it is time.  0 or -1. */
int campaign_sweep(struct schedulerd *sd, int64_t now_ms, struct err *err);

#endif
