/* What the files of campaigns share.  Internal to common/store. */
#ifndef COMMON_STORE_CAMPAIGN_IMPL_H
#define COMMON_STORE_CAMPAIGN_IMPL_H

#include "common/store/query.h"
#include "common/store/recipient.h"

/* @audience: the column, or NULL where nobody asks for it: it may be long.  The
 * media shown is what was uploaded, also when something was made of it. */
#define CAMPAIGN_SELECT(audience)                                              \
	"SELECT c.id, c.public_id, c.account_id, c.parent_id,"                 \
	" (SELECT public_id FROM campaign WHERE id = c.parent_id), c.name,"    \
	" c.status, c.kind, c.text, c.spintax_template, c.media_id,"           \
	" (SELECT COALESCE((SELECT o.public_id FROM media o"                   \
	" WHERE o.id = f.made_from), f.public_id)"                             \
	" FROM media f WHERE f.id = c.media_id)," audience ", c.recurrence,"   \
	" c.n_runs, c.failure_limit, c.due_ms, c.build_source, c.build_after," \
	" c.reason, c.created_ms, c.updated_ms, c.started_ms, c.completed_ms," \
	" t.total, t.n_pending, t.n_queued, t.n_sent, t.n_delivered,"          \
	" t.n_read, t.n_failed, t.failures_in_a_row"                           \
	" FROM campaign c JOIN campaign_tally t ON t.campaign_id = c.id"

/* The status of a total in list_total: of LIST_CAMPAIGN. */
enum { CAMPAIGN_IS_PARENT = 1, CAMPAIGN_IS_CHILD = 2 };

/* Of a row of CAMPAIGN_SELECT. */
struct campaign campaign_from_row(struct query *q);
int campaign_walk(
	struct query *q, campaign_row_fn *row, void *arg, struct err *err);

/* One recipient from one count to another; 0 = from nowhere. */
int campaign_tally_move(struct tx *tx, int64_t campaign_id,
	enum recipient_status from, enum recipient_status to, int64_t n,
	struct err *err);
int campaign_tally_get(struct store *store, int64_t campaign_id,
	struct campaign_counts *out, struct err *err);
/* The row of failures: one more, or none any more. */
int campaign_count_failure(
	struct tx *tx, int64_t campaign_id, int64_t now_ms, struct err *err);
int campaign_forget_failures(
	struct tx *tx, int64_t campaign_id, struct err *err);
/* COMPLETED, if it was RUNNING or PAUSED and nobody is left. */
int campaign_settle(
	struct tx *tx, int64_t campaign_id, int64_t now_ms, struct err *err);

/* A row of a recipient, in the order of its columns. */
#define RECIPIENT_SELECT                                                      \
	"SELECT r.id, r.campaign_id, r.position, r.lane, r.contact_id,"       \
	" r.phone, r.name, r.status, r.message_id, r.n_attempts, r.is_unsure" \
	", r.error, r.sent_ms, r.delivered_ms, r.read_ms, r.failed_ms"        \
	" FROM recipient r"
struct recipient_row recipient_from_row(struct query *q);

/* A device's messages under way: one more, or one less. */
int pace_in_flight(
	struct tx *tx, int64_t device_id, int change, struct err *err);

#endif
