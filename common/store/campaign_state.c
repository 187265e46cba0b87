/* What a campaign is doing, and its counts. */
#include "common/store/campaign.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/campaign_impl.h"
#include "common/store/store_impl.h"

/* ---- counts ---- */

struct tally_change {
	int64_t total, pending, queued, sent, delivered, read, failed;
};

static void tally_add(
	struct tally_change *change, enum recipient_status status, int64_t n)
{
	switch (status) {
	case RECIPIENT_PENDING:
		change->pending += n;
		return;
	case RECIPIENT_QUEUED:
		change->queued += n;
		return;
	case RECIPIENT_SENT:
		change->sent += n;
		return;
	case RECIPIENT_DELIVERED:
		change->delivered += n;
		return;
	case RECIPIENT_READ:
		change->read += n;
		return;
	case RECIPIENT_FAILED:
		change->failed += n;
		return;
	}
	change->total -= n; /* from nowhere: one more */
}

int campaign_tally_move(struct tx *tx, int64_t campaign_id,
	enum recipient_status from, enum recipient_status to, int64_t n,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE campaign_tally SET total = total + ?,"
		" n_pending = n_pending + ?, n_queued = n_queued + ?,"
		" n_sent = n_sent + ?, n_delivered = n_delivered + ?,"
		" n_read = n_read + ?, n_failed = n_failed + ?"
		" WHERE campaign_id = ?");
	struct tally_change change = { 0 };

	tally_add(&change, from, -n);
	tally_add(&change, to, n);
	query_bind_int(&q, change.total);
	query_bind_int(&q, change.pending);
	query_bind_int(&q, change.queued);
	query_bind_int(&q, change.sent);
	query_bind_int(&q, change.delivered);
	query_bind_int(&q, change.read);
	query_bind_int(&q, change.failed);
	query_bind_int(&q, campaign_id);
	return query_run(&q, NULL, err);
}

int campaign_tally_get(struct store *store, int64_t campaign_id,
	struct campaign_counts *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT total, n_pending, n_queued, n_sent, n_delivered,"
		" n_read, n_failed, failures_in_a_row FROM campaign_tally"
		" WHERE campaign_id = ?");

	query_bind_int(&q, campaign_id);
	if (query_one(&q, "campaign", err) != 0)
		return -1;
	out->total = query_int(&q);
	out->pending = query_int(&q);
	out->queued = query_int(&q);
	out->sent = query_int(&q);
	out->delivered = query_int(&q);
	out->read = query_int(&q);
	out->failed = query_int(&q);
	out->failures_in_a_row = query_int(&q);
	return 0;
}

int campaign_forget_failures(
	struct tx *tx, int64_t campaign_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE campaign_tally SET failures_in_a_row = 0"
		" WHERE campaign_id = ? AND failures_in_a_row > 0");

	query_bind_int(&q, campaign_id);
	return query_run(&q, NULL, err);
}

/* ---- states ---- */

/* The two that a change is about. */
struct outlook {
	enum campaign_status status;
	int64_t due_ms, started_ms;
	int failure_limit;
	bool is_parent;
	struct campaign_counts counts;
};

static int outlook_get(
	struct tx *tx, int64_t id, struct outlook *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT status, due_ms, started_ms, failure_limit,"
		" recurrence IS NOT NULL FROM campaign WHERE id = ?");

	query_bind_int(&q, id);
	if (query_one(&q, "campaign", err) != 0)
		return -1;
	out->status = (enum campaign_status)query_int(&q);
	out->due_ms = query_int(&q);
	out->started_ms = query_int(&q);
	out->failure_limit = (int)query_int(&q);
	out->is_parent = query_int(&q) != 0;
	return campaign_tally_get(tx_store(tx), id, &out->counts, err);
}

static bool has_somebody(const struct outlook *outlook)
{
	return outlook->counts.pending + outlook->counts.queued > 0;
}

/* The one place that moves a campaign.  RUNNING gives its devices work and
 * starts its clock; COMPLETED stops it. */
static int set_status(struct tx *tx, int64_t id, enum campaign_status status,
	const char *reason, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE campaign SET status = ?1, reason = ?2, updated_ms = ?3,"
		" started_ms = CASE WHEN started_ms = 0 AND ?1 IN (3, 5)"
		" THEN ?3 ELSE started_ms END,"
		" completed_ms = CASE ?1 WHEN 5 THEN ?3 ELSE 0 END"
		" WHERE id = ?4");

	query_bind_int(&q, status);
	query_bind_text(&q, reason);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, id);
	if (query_run(&q, NULL, err) != 0)
		return -1;
	return status == CAMPAIGN_RUNNING
		       ? store_pace_wake_campaign(tx, id, err)
		       : 0;
}

/* RUNNING, or COMPLETED when there is nothing to do. */
static int run(struct tx *tx, int64_t id, const struct outlook *outlook,
	int64_t now_ms, struct err *err)
{
	return set_status(tx, id,
		has_somebody(outlook) ? CAMPAIGN_RUNNING : CAMPAIGN_COMPLETED,
		NULL, now_ms, err);
}

int campaign_settle(
	struct tx *tx, int64_t campaign_id, int64_t now_ms, struct err *err)
{
	struct outlook outlook;

	if (outlook_get(tx, campaign_id, &outlook, err) != 0)
		return -1;
	if (has_somebody(&outlook) || outlook.is_parent ||
		(outlook.status != CAMPAIGN_RUNNING &&
			outlook.status != CAMPAIGN_PAUSED))
		return 0;
	return set_status(
		tx, campaign_id, CAMPAIGN_COMPLETED, NULL, now_ms, err);
}

static int count_failure(struct tx *tx, int64_t campaign_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE campaign_tally SET"
		" failures_in_a_row = failures_in_a_row + 1"
		" WHERE campaign_id = ?");

	query_bind_int(&q, campaign_id);
	return query_run(&q, NULL, err);
}

int campaign_count_failure(
	struct tx *tx, int64_t campaign_id, int64_t now_ms, struct err *err)
{
	struct outlook outlook;
	char reason[64];

	if (count_failure(tx, campaign_id, err) != 0 ||
		outlook_get(tx, campaign_id, &outlook, err) != 0)
		return -1;
	if (outlook.status != CAMPAIGN_RUNNING || outlook.failure_limit <= 0 ||
		outlook.counts.failures_in_a_row < outlook.failure_limit)
		return 0;
	snprintf(reason, sizeof(reason), "%" PRId64 " consecutive failures",
		outlook.counts.failures_in_a_row);
	return set_status(
		tx, campaign_id, CAMPAIGN_PAUSED, reason, now_ms, err);
}

/* ---- the lists' total ---- */

static int count_in_list(struct tx *tx, int64_t id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT account_id, parent_id IS NULL FROM campaign"
		" WHERE id = ?");
	struct list_key key = { .list = LIST_CAMPAIGN };

	query_bind_int(&q, id);
	if (query_one(&q, "campaign", err) != 0)
		return -1;
	key.account_id = query_int(&q);
	key.status =
		query_int(&q) != 0 ? CAMPAIGN_IS_PARENT : CAMPAIGN_IS_CHILD;
	return list_total_add(tx, &key, 1, err);
}

/* ---- from outside ---- */

static int set_due(struct tx *tx, int64_t id, int64_t due_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		tx_db(tx), "UPDATE campaign SET due_ms = ? WHERE id = ?");

	query_bind_int(&q, due_ms);
	query_bind_int(&q, id);
	return query_run(&q, NULL, err);
}

int store_campaign_ready(struct tx *tx, int64_t id, enum campaign_status status,
	int64_t due_ms, int64_t now_ms, struct err *err)
{
	struct outlook outlook;

	if (outlook_get(tx, id, &outlook, err) != 0)
		return -1;
	if (outlook.status != CAMPAIGN_PREPARING)
		return err_set(err, ERR_NOT_FOUND,
			"the campaign is no longer prepared");
	if (count_in_list(tx, id, err) != 0)
		return -1;
	if (status == CAMPAIGN_RUNNING)
		return run(tx, id, &outlook, now_ms, err);
	if (set_due(tx, id, due_ms, err) != 0)
		return -1;
	return set_status(tx, id, CAMPAIGN_SCHEDULED, NULL, now_ms, err);
}

int store_campaign_start(
	struct tx *tx, int64_t id, int64_t now_ms, struct err *err)
{
	struct outlook outlook;

	if (outlook_get(tx, id, &outlook, err) != 0)
		return -1;
	if (outlook.status != CAMPAIGN_SCHEDULED || outlook.is_parent)
		return err_set(err, ERR_CONFLICT,
			"the campaign is not scheduled to start");
	return run(tx, id, &outlook, now_ms, err);
}

int store_campaign_pause(struct tx *tx, int64_t id, const char *reason,
	int64_t now_ms, bool *changed, struct err *err)
{
	struct outlook outlook;

	*changed = false;
	if (outlook_get(tx, id, &outlook, err) != 0)
		return -1;
	if (outlook.status != CAMPAIGN_RUNNING &&
		outlook.status != CAMPAIGN_SCHEDULED)
		return 0;
	*changed = true;
	return set_status(tx, id, CAMPAIGN_PAUSED, reason, now_ms, err);
}

int store_campaign_resume(struct tx *tx, int64_t id, int64_t now_ms,
	bool *changed, struct err *err)
{
	struct outlook outlook;
	bool waits;

	*changed = false;
	if (outlook_get(tx, id, &outlook, err) != 0)
		return -1;
	if (outlook.status != CAMPAIGN_PAUSED)
		return 0;
	*changed = true;
	waits = outlook.started_ms == 0 && outlook.due_ms > now_ms;
	if (outlook.is_parent || waits)
		return set_status(
			tx, id, CAMPAIGN_SCHEDULED, NULL, now_ms, err);
	if (campaign_forget_failures(tx, id, err) != 0)
		return -1;
	return run(tx, id, &outlook, now_ms, err);
}

static int go_on(struct tx *tx, int64_t id, int n_made, int64_t next_ms,
	int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE campaign SET n_runs = n_runs + ?4, updated_ms = ?1,"
		/* When the first run was due: the rule counts from there. */
		" started_ms = CASE started_ms WHEN 0 THEN due_ms"
		" ELSE started_ms END,"
		" due_ms = ?2,"
		" status = CASE ?2 WHEN 0 THEN 5 ELSE status END,"
		" completed_ms = CASE ?2 WHEN 0 THEN ?1 ELSE 0 END"
		" WHERE id = ?3 AND recurrence IS NOT NULL");
	int n;

	query_bind_int(&q, now_ms);
	query_bind_int(&q, next_ms);
	query_bind_int(&q, id);
	query_bind_int(&q, n_made);
	if (query_run(&q, &n, err) != 0)
		return -1;
	return n == 1 ? 0
		      : err_set(err, ERR_NOT_FOUND, "the campaign has no runs");
}

int store_campaign_ran(struct tx *tx, int64_t id, int64_t next_ms,
	int64_t now_ms, struct err *err)
{
	return go_on(tx, id, 1, next_ms, now_ms, err);
}

int store_campaign_skipped(struct tx *tx, int64_t id, int64_t next_ms,
	int64_t now_ms, struct err *err)
{
	return go_on(tx, id, 0, next_ms, now_ms, err);
}

bool store_campaign_child_runs(struct store *store, int64_t parent_id)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT 1 FROM campaign WHERE parent_id = ?"
		" AND status IN (1, 3) LIMIT 1");

	query_bind_int(&q, parent_id);
	return query_step(&q, NULL) == 1;
}

/* ---- trying the failed ones again ---- */

static int retry_slice(
	struct tx *tx, int64_t id, int limit, int *n_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE recipient SET status = 1, sort_key = position,"
		" message_id = NULL, error = NULL, sent_ms = 0,"
		" delivered_ms = 0, read_ms = 0, failed_ms = 0"
		" WHERE id IN (SELECT r.id FROM recipient r"
		" WHERE r.campaign_id = ? AND r.status = 6"
		" AND r.is_unsure = 0 ORDER BY r.id LIMIT ?)");

	query_bind_int(&q, id);
	query_bind_int(&q, limit);
	return query_run(&q, n_out, err);
}

static int retry_has_more(
	struct tx *tx, int64_t id, bool *more, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT 1 FROM recipient r WHERE r.campaign_id = ?"
		" AND r.status = 6 AND r.is_unsure = 0 LIMIT 1");
	int rc;

	query_bind_int(&q, id);
	rc = query_step(&q, err);
	*more = rc == 1;
	return rc < 0 ? -1 : 0;
}

/* After the last slice. */
static int run_again(struct tx *tx, int64_t id, int64_t now_ms, struct err *err)
{
	struct outlook outlook;

	if (campaign_forget_failures(tx, id, err) != 0 ||
		outlook_get(tx, id, &outlook, err) != 0)
		return -1;
	if (outlook.status == CAMPAIGN_PAUSED ||
		outlook.status == CAMPAIGN_COMPLETED)
		return run(tx, id, &outlook, now_ms, err);
	return store_pace_wake_campaign(tx, id, err);
}

/* Earlier slices, or a retry that was cut off, had all that is left. */
static int run_leftovers(
	struct tx *tx, int64_t id, int64_t now_ms, struct err *err)
{
	struct outlook outlook;

	if (outlook_get(tx, id, &outlook, err) != 0)
		return -1;
	return outlook.status == CAMPAIGN_COMPLETED && has_somebody(&outlook)
		       ? run_again(tx, id, now_ms, err)
		       : 0;
}

int store_campaign_retry_failed(struct tx *tx, int64_t id, int limit,
	int64_t now_ms, int64_t *n_out, struct err *err)
{
	bool more;
	int n;

	*n_out = 0;
	if (retry_slice(tx, id, limit, &n, err) != 0)
		return -1;
	if (n == 0)
		return run_leftovers(tx, id, now_ms, err);
	*n_out = n;
	if (campaign_tally_move(
		    tx, id, RECIPIENT_FAILED, RECIPIENT_PENDING, n, err) != 0 ||
		retry_has_more(tx, id, &more, err) != 0)
		return -1;
	return more ? 0 : run_again(tx, id, now_ms, err);
}
