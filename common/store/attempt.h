/* Attempts to deliver an event to a webhook: the history, and how far an
 * endpoint or a replay has come by them. */
#ifndef COMMON_STORE_ATTEMPT_H
#define COMMON_STORE_ATTEMPT_H

#include "common/store/store.h"

/* How far deliveries have come: of an endpoint, or of a replay. */
struct webhook_place {
	int64_t cursor_seq; /* device_seq of the last event dealt with */
	int attempts;	    /* made for the event after the cursor */
	int64_t next_attempt_ms;
	int n_failed; /* events in a row that could not be delivered */
	int n_pauses; /* since then, one after another; 0 = not paused */
	int64_t paused_until_ms;
};

/* Stored; never renumber. */
enum attempt_status {
	ATTEMPT_SUCCESS = 1,
	ATTEMPT_RETRYING = 2,
	ATTEMPT_FAILED = 3 /* the last one */,
	ATTEMPT_REFUSED = 4 /* target not allowed */
};
const char *attempt_status_name(enum attempt_status status);

struct attempt {
	int64_t id;
	const char *public_id;
	int64_t endpoint_id, account_id, device_id, event_id;
	const char *device_uid, *event_public_id, *event_type,
		*url; /* read only: joined / copied */
	int number;   /* from 1; while the endpoint is paused, of the probe */
	enum attempt_status status;
	int response_code; /* 0 = no answer */
	const char *error; /* or NULL */
	int64_t started_ms;
	int duration_ms;
	bool is_replay;
	/* For store_attempt_record(): whose place it moves. */
	int64_t endpoint_version; /* as in struct webhook_endpoint */
	int64_t replay_id;	  /* 0 = the live deliveries */
	/* Read only, for replaying it. */
	int64_t event_device_seq; /* 0 = the event is gone */
	int event_chat;
};
typedef int attempt_row_fn(const struct attempt *attempt, void *arg);

/* Records the attempt (a NULL public_id is made here), and the place that its
 * endpoint or replay has reached by it.  An endpoint that was changed
 * meanwhile, that has moved further, or that is gone, stays as it is; so does a
 * replay. */
int store_attempt_record(struct tx *tx, const struct attempt *attempt,
	const struct webhook_place *place, struct err *err);

struct attempt_filter {
	int64_t account_id, device_id; /* device 0 = all */
	int status;		       /* 0 = all */
};
int store_attempt_list(struct store *store, const struct attempt_filter *filter,
	struct page page, attempt_row_fn *row, void *arg, int64_t *total_out,
	struct err *err);
/* Of one event, named as its receivers know it.  It is found by the time in its
 * id, which holds as long as the clock was not set back. */
int store_attempt_list_of_event(struct store *store,
	const struct attempt_filter *filter, const char *event_public_id,
	struct page page, attempt_row_fn *row, void *arg, int64_t *total_out,
	struct err *err);
/* ERR_NOT_FOUND when there is none. */
int store_attempt_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, attempt_row_fn *row, void *arg, struct err *err);

#endif
