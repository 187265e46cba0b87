/* Campaigns: one text for many recipients, over one or more devices (lanes).
 *
 * A campaign is PREPARING while its recipients are written, in many short
 * transactions, and is seen by nobody then; one last transaction makes it
 * SCHEDULED or RUNNING.  A recurring one is a parent without recipients; each
 * of its runs is a child. */
#ifndef COMMON_STORE_CAMPAIGN_H
#define COMMON_STORE_CAMPAIGN_H

#include "common/store/message.h"
#include "common/store/store.h"

#define CAMPAIGN_LANES_MAX 50

/* Stored; never renumber: the schema's indexes say 1, 2 and 3. */
enum campaign_status {
	CAMPAIGN_PREPARING = 1,
	CAMPAIGN_SCHEDULED = 2, /* starts at due_ms; a parent: runs next then */
	CAMPAIGN_RUNNING = 3,
	CAMPAIGN_PAUSED = 4,
	CAMPAIGN_COMPLETED = 5,
};
const char *campaign_status_name(enum campaign_status status);

struct campaign_counts { /* each recipient in exactly one */
	int64_t total;
	int64_t pending, queued, sent, delivered, read, failed;
	int64_t failures_in_a_row;
};

struct campaign {
	int64_t id;
	const char *public_id;
	int64_t account_id;
	int64_t parent_id;	      /* 0 = none */
	const char *parent_public_id; /* read only */
	const char *name;
	enum campaign_status status;
	enum message_kind kind; /* TEXT, VOICE, or what its media is sent as */
	const char *text;	/* text or caption; a template; or NULL */
	const char *spintax_template; /* used instead of text, or NULL */
	int64_t media_id;	      /* 0 = none */
	const char *media_public_id;  /* read only */
	const char *audience;	      /* JSON: campaign.h of common/.  Only
					 store_campaign_by_id() reads it: it may be
					 long */
	const char *recurrence;	      /* JSON of a parent, or NULL */
	int64_t n_runs;
	int failure_limit; /* failures in a row that pause it */
	int64_t due_ms;	   /* 0 = none */
	int build_source;  /* PREPARING: where its builder is */
	int64_t build_after;
	const char *reason; /* why it is paused, or NULL */
	/* started_ms of a parent: when its first run was due, 0 before it. */
	int64_t created_ms, updated_ms, started_ms, completed_ms;
	struct campaign_counts counts;
};
typedef int campaign_row_fn(const struct campaign *campaign, void *arg);

struct campaign_lane {
	int64_t campaign_id;
	int position; /* 0 is the primary device */
	int64_t device_id;
	/* Read only: of the device, deleted ones too. */
	const char *device_uid, *device_name, *device_phone;
	int device_status; /* enum device_status */
	int64_t device_created_ms, device_deleted_ms;
	int64_t cold_chats_until_ms;
};
typedef int campaign_lane_row_fn(const struct campaign_lane *lane, void *arg);

/* ---- making one (PREPARING) ---- */

/* With its lanes, PREPARING, and an empty tally. */
int store_campaign_create(struct tx *tx, struct campaign *campaign,
	const int64_t *device_ids, int n_devices, int64_t now_ms,
	struct err *err);
/* Where the builder goes on.  ERR_NOT_FOUND when it is no longer PREPARING. */
int store_campaign_built(struct tx *tx, int64_t id, int source, int64_t after,
	int64_t now_ms, struct err *err);
/* PREPARING becomes @status: SCHEDULED with @due_ms, or RUNNING, which sets
 * started_ms and gives its devices work (one without recipients is COMPLETED at
 * once).  ERR_NOT_FOUND when it is not PREPARING. */
int store_campaign_ready(struct tx *tx, int64_t id, enum campaign_status status,
	int64_t due_ms, int64_t now_ms, struct err *err);
/* PREPARING ones; those of a parent are schedulerd's to finish, others that
 * were left by a crash (updated before @before_ms) to remove. */
int store_campaign_preparing(struct store *store, int64_t before_ms, int limit,
	campaign_row_fn *row, void *arg, struct err *err);
/* Removes up to @limit recipients of a PREPARING campaign, and itself when none
 * is left: *@gone. */
int store_campaign_discard(
	struct tx *tx, int64_t id, int limit, bool *gone, struct err *err);

/* ---- reading; PREPARING ones are not found ---- */

struct campaign_filter {
	int64_t account_id;
	bool parents_only; /* without the children of recurring ones */
};
/* Newest first. */
int store_campaign_list(struct store *store,
	const struct campaign_filter *filter, struct page page,
	campaign_row_fn *row, void *arg, int64_t *total_out, struct err *err);
int store_campaign_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, campaign_row_fn *row, void *arg,
	struct err *err);
int store_campaign_by_id(struct store *store, int64_t id, campaign_row_fn *row,
	void *arg, struct err *err); /* PREPARING ones too */
int store_campaign_lanes(struct store *store, int64_t campaign_id,
	campaign_lane_row_fn *row, void *arg, struct err *err); /* in order */
/* Has one that is not COMPLETED this name? */
int store_campaign_name_is_taken(struct store *store, int64_t account_id,
	const char *name, bool *is_taken, struct err *err);
/* How many PENDING recipients lane @position has: counted up to @limit. */
int store_campaign_lane_pending(struct store *store, int64_t campaign_id,
	int position, int64_t limit, int64_t *n_out, struct err *err);
/* How many PENDING recipients the RUNNING campaigns of a device, but for
 * @campaign_id, have for it when each is spread evenly over its lanes. */
int store_campaign_others_pending(struct store *store, int64_t device_id,
	int64_t campaign_id, int64_t *n_out, int *n_campaigns_out,
	struct err *err);

/* ---- control ---- */

/* RUNNING or SCHEDULED becomes PAUSED (*@changed); anything else stays. */
int store_campaign_pause(struct tx *tx, int64_t id, const char *reason,
	int64_t now_ms, bool *changed, struct err *err);
/* PAUSED becomes RUNNING (SCHEDULED while it has not started and due_ms is to
 * come, or for a parent), its row of failures is forgotten, its devices get
 * work; COMPLETED when nobody is left. */
int store_campaign_resume(struct tx *tx, int64_t id, int64_t now_ms,
	bool *changed, struct err *err);
/* FAILED recipients that are surely not reached become PENDING again, up to
 * @limit; *@n_out of them.  With the last slice that has any a PAUSED or
 * COMPLETED campaign runs again. */
int store_campaign_retry_failed(struct tx *tx, int64_t id, int limit,
	int64_t now_ms, int64_t *n_out, struct err *err);

/* ---- for schedulerd ---- */

/* SCHEDULED with due_ms <= @now, earliest first; the next due time (INT64_MAX
 * when none). */
int store_campaign_due(struct store *store, int64_t now_ms, int limit,
	campaign_row_fn *row, void *arg, struct err *err);
int64_t store_campaign_next_due(struct store *store);
/* SCHEDULED becomes RUNNING. */
int store_campaign_start(
	struct tx *tx, int64_t id, int64_t now_ms, struct err *err);
/* Is one of its children being prepared or running? */
bool store_campaign_child_runs(struct store *store, int64_t parent_id);
/* A parent whose run that is due is left out: when the next one is, or 0 = it
 * is COMPLETED. */
int store_campaign_skipped(struct tx *tx, int64_t id, int64_t next_ms,
	int64_t now_ms, struct err *err);
/* A parent after a run, of which n_runs now has one more: when the next one
 * is, or 0 = it is COMPLETED.  The first run's due_ms is kept as started_ms:
 * what recurrence_next() asks for. */
int store_campaign_ran(struct tx *tx, int64_t id, int64_t next_ms,
	int64_t now_ms, struct err *err);
/* RUNNING campaigns that have this device as a lane, in order of id. */
int store_campaign_of_device(struct store *store, int64_t device_id,
	campaign_row_fn *row, void *arg, struct err *err);
/* RUNNING campaigns of everybody with an id above @after_id, in order of id. */
int store_campaign_running(struct store *store, int64_t after_id, int limit,
	campaign_row_fn *row, void *arg, struct err *err);

/* A device's pace over all its campaigns. */
struct device_pace {
	int64_t device_id;
	int64_t next_ms;
	int n_in_run;	 /* messages since the last cool-down */
	int n_in_flight; /* handed over and not acknowledged */
	int64_t last_campaign_id;
};
typedef int device_pace_row_fn(const struct device_pace *pace, void *arg);
/* Devices with work whose time has come, earliest first; the next time. */
int store_pace_due(struct store *store, int64_t now_ms, int limit,
	device_pace_row_fn *row, void *arg, struct err *err);
int64_t store_pace_next(struct store *store); /* INT64_MAX: none */
int store_pace_get(struct store *store, int64_t device_id,
	struct device_pace *out, struct err *err); /* zeros: never sent */
/* Everything but n_in_flight, which the messages themselves keep. */
int store_pace_set(struct tx *tx, const struct device_pace *pace, bool has_work,
	struct err *err);
/* Devices with work that rest until after @latest_ms, which can only be because
 * the clock was set back, may send now.  Writes only when there are some. */
int store_pace_pull_in(struct store *store, int64_t now_ms, int64_t latest_ms,
	struct err *err);
/* Work for a device, as soon as its pace allows (next_ms stays); for all
 * devices of a campaign.  A message that leaves QUEUED wakes its device too. */
int store_pace_wake(struct tx *tx, int64_t device_id, struct err *err);
int store_pace_wake_campaign(
	struct tx *tx, int64_t campaign_id, struct err *err);

#endif
