#include "common/store/campaign.h"

#include <assert.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/campaign_impl.h"
#include "common/store/store_impl.h"

static_assert(CAMPAIGN_PREPARING == 1 && CAMPAIGN_SCHEDULED == 2 &&
		      CAMPAIGN_RUNNING == 3 && CAMPAIGN_PAUSED == 4 &&
		      CAMPAIGN_COMPLETED == 5,
	"stored numbers never change; SQL says all of them");

const char *campaign_status_name(enum campaign_status status)
{
	switch (status) {
	case CAMPAIGN_PREPARING:
		return "PREPARING";
	case CAMPAIGN_SCHEDULED:
		return "SCHEDULED";
	case CAMPAIGN_RUNNING:
		return "RUNNING";
	case CAMPAIGN_PAUSED:
		return "PAUSED";
	case CAMPAIGN_COMPLETED:
		return "COMPLETED";
	}
	return "UNKNOWN";
}

struct campaign campaign_from_row(struct query *q)
{
	struct campaign c = { 0 };

	c.id = query_int(q);
	c.public_id = query_text(q);
	c.account_id = query_int(q);
	c.parent_id = query_int(q);
	c.parent_public_id = query_text(q);
	c.name = query_text(q);
	c.status = (enum campaign_status)query_int(q);
	c.kind = (enum message_kind)query_int(q);
	c.text = query_text(q);
	c.spintax_template = query_text(q);
	c.media_id = query_int(q);
	c.media_public_id = query_text(q);
	c.audience = query_text(q);
	c.recurrence = query_text(q);
	c.n_runs = query_int(q);
	c.failure_limit = (int)query_int(q);
	c.due_ms = query_int(q);
	c.build_source = (int)query_int(q);
	c.build_after = query_int(q);
	c.reason = query_text(q);
	c.created_ms = query_int(q);
	c.updated_ms = query_int(q);
	c.started_ms = query_int(q);
	c.completed_ms = query_int(q);
	c.counts.total = query_int(q);
	c.counts.pending = query_int(q);
	c.counts.queued = query_int(q);
	c.counts.sent = query_int(q);
	c.counts.delivered = query_int(q);
	c.counts.read = query_int(q);
	c.counts.failed = query_int(q);
	c.counts.failures_in_a_row = query_int(q);
	return c;
}

int campaign_walk(
	struct query *q, campaign_row_fn *row, void *arg, struct err *err)
{
	struct campaign campaign;
	int rc;

	while ((rc = query_step(q, err)) == 1) {
		campaign = campaign_from_row(q);
		if (row(&campaign, arg) != 0)
			return 0;
	}
	return rc;
}

static int campaign_one(
	struct query *q, campaign_row_fn *row, void *arg, struct err *err)
{
	struct campaign campaign;

	if (query_one(q, "campaign", err) != 0)
		return -1;
	campaign = campaign_from_row(q);
	row(&campaign, arg);
	return 0;
}

/* ---- making one ---- */

static int campaign_insert(
	struct tx *tx, struct campaign *c, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO campaign (public_id, account_id, parent_id, name,"
		" status, kind, text, spintax_template, media_id, audience,"
		" recurrence, n_runs, failure_limit, due_ms, build_source,"
		" build_after, created_ms, updated_ms, started_ms,"
		" completed_ms) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, 0, ?,"
		" ?, 0, 0, ?, ?, 0, 0)");

	query_bind_text(&q, c->public_id);
	query_bind_int(&q, c->account_id);
	query_bind_int_or_null(&q, c->parent_id);
	query_bind_text(&q, c->name);
	query_bind_int(&q, c->kind);
	query_bind_text(&q, c->text);
	query_bind_text(&q, c->spintax_template);
	query_bind_int_or_null(&q, c->media_id);
	query_bind_text(&q, c->audience);
	query_bind_text(&q, c->recurrence);
	query_bind_int(&q, c->failure_limit);
	query_bind_int(&q, c->due_ms);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, now_ms);
	return query_insert(&q, &c->id, err) < 0 ? -1 : 0;
}

static int tally_insert(struct tx *tx, int64_t id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO campaign_tally VALUES (?, 0, 0, 0, 0, 0, 0, 0,"
		" 0)");

	query_bind_int(&q, id);
	return query_run(&q, NULL, err);
}

static int lane_insert(struct tx *tx, int64_t id, int position,
	int64_t device_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO campaign_lane (campaign_id, position, device_id)"
		" VALUES (?, ?, ?)");

	query_bind_int(&q, id);
	query_bind_int(&q, position);
	query_bind_int(&q, device_id);
	return query_run(&q, NULL, err);
}

int store_campaign_create(struct tx *tx, struct campaign *campaign,
	const int64_t *device_ids, int n_devices, int64_t now_ms,
	struct err *err)
{
	campaign->status = CAMPAIGN_PREPARING;
	if (campaign_insert(tx, campaign, now_ms, err) != 0 ||
		tally_insert(tx, campaign->id, err) != 0)
		return -1;
	for (int i = 0; i < n_devices; i++) {
		if (lane_insert(tx, campaign->id, i, device_ids[i], err) != 0)
			return -1;
	}
	return 0;
}

int store_campaign_built(struct tx *tx, int64_t id, int source, int64_t after,
	int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE campaign SET build_source = ?, build_after = ?,"
		" updated_ms = ? WHERE id = ? AND status = 1");
	int n;

	query_bind_int(&q, source);
	query_bind_int(&q, after);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, id);
	if (query_run(&q, &n, err) != 0)
		return -1;
	return n == 1 ? 0
		      : err_set(err, ERR_NOT_FOUND,
				"the campaign is no longer prepared");
}

int store_campaign_preparing(struct store *store, int64_t before_ms, int limit,
	campaign_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		CAMPAIGN_SELECT("NULL") " WHERE c.status = 1 AND c.id > 0"
					" AND (c.parent_id IS NOT NULL"
					" OR c.updated_ms < ?)"
					" ORDER BY c.id LIMIT ?");

	query_bind_int(&q, before_ms);
	query_bind_int(&q, limit);
	return campaign_walk(&q, row, arg, err);
}

/* ---- removing one that was not finished ---- */

static int is_preparing(
	struct tx *tx, int64_t id, bool *is_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT 1 FROM campaign WHERE id = ? AND status = 1");
	int rc;

	query_bind_int(&q, id);
	rc = query_step(&q, err);
	*is_out = rc == 1;
	return rc < 0 ? -1 : 0;
}

static int discard_recipients(
	struct tx *tx, int64_t id, int limit, int *n_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"DELETE FROM recipient WHERE id IN (SELECT id FROM recipient"
		" WHERE campaign_id = ? AND status = 1 LIMIT ?)");

	query_bind_int(&q, id);
	query_bind_int(&q, limit);
	return query_run(&q, n_out, err);
}

static int discard_row(
	struct tx *tx, const char *sql, int64_t id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx), sql);

	query_bind_int(&q, id);
	return query_run(&q, NULL, err);
}

int store_campaign_discard(
	struct tx *tx, int64_t id, int limit, bool *gone, struct err *err)
{
	bool is;
	int n;

	*gone = false;
	if (is_preparing(tx, id, &is, err) != 0)
		return -1;
	if (!is) {
		*gone = true; /* it is, or it lives: nothing of ours */
		return 0;
	}
	if (discard_recipients(tx, id, limit, &n, err) != 0)
		return -1;
	if (n == limit)
		return 0;
	*gone = true;
	if (discard_row(tx, "DELETE FROM campaign_lane WHERE campaign_id = ?",
		    id, err) != 0 ||
		discard_row(tx,
			"DELETE FROM campaign_tally WHERE campaign_id = ?", id,
			err) != 0)
		return -1;
	return discard_row(tx, "DELETE FROM campaign WHERE id = ?", id, err);
}

/* ---- reading ---- */

#define OF_ACCOUNT "account_id = ? AND status <> 1"

int store_campaign_list(struct store *store,
	const struct campaign_filter *filter, struct page page,
	campaign_row_fn *row, void *arg, int64_t *total_out, struct err *err)
{
	static const char *const sql[] = {
		CAMPAIGN_SELECT("NULL") PAGE_OF("c", "campaign", OF_ACCOUNT),
		CAMPAIGN_SELECT("NULL") PAGE_OF(
			"c", "campaign", OF_ACCOUNT " AND parent_id IS NULL"),
	};
	const struct list_key key = { .list = LIST_CAMPAIGN,
		.account_id = filter->account_id,
		.status = filter->parents_only ? CAMPAIGN_IS_PARENT : 0 };
	scoped(query_close) struct query q =
		query_open(store_db(store), sql[filter->parents_only]);

	if (list_total_get(store, &key, total_out, err) != 0)
		return -1;
	query_bind_int(&q, filter->account_id);
	query_bind_page(&q, page);
	return campaign_walk(&q, row, arg, err);
}

int store_campaign_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, campaign_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		CAMPAIGN_SELECT("NULL") " WHERE c.public_id = ?"
					" AND c.account_id = ?"
					" AND c.status <> 1");

	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	return campaign_one(&q, row, arg, err);
}

int store_campaign_by_id(struct store *store, int64_t id, campaign_row_fn *row,
	void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		CAMPAIGN_SELECT("c.audience") " WHERE c.id = ?");

	query_bind_int(&q, id);
	return campaign_one(&q, row, arg, err);
}

int store_campaign_name_is_taken(struct store *store, int64_t account_id,
	const char *name, bool *is_taken, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT 1 FROM campaign WHERE account_id = ? AND name = ?"
		" AND status < 5 AND status > 1 LIMIT 1");
	int rc;

	query_bind_int(&q, account_id);
	query_bind_text(&q, name);
	rc = query_step(&q, err);
	*is_taken = rc == 1;
	return rc < 0 ? -1 : 0;
}

static struct campaign_lane lane_from_row(struct query *q)
{
	struct campaign_lane lane = { 0 };

	lane.campaign_id = query_int(q);
	lane.position = (int)query_int(q);
	lane.device_id = query_int(q);
	lane.device_uid = query_text(q);
	lane.device_name = query_text(q);
	lane.device_phone = query_text(q);
	lane.device_status = (int)query_int(q);
	lane.device_created_ms = query_int(q);
	lane.device_deleted_ms = query_int(q);
	lane.cold_chats_until_ms = query_int(q);
	return lane;
}

int store_campaign_lanes(struct store *store, int64_t campaign_id,
	campaign_lane_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT l.campaign_id, l.position, l.device_id, d.uid, d.name,"
		" d.phone, d.status, d.created_ms, d.deleted_ms,"
		" d.cold_chats_until_ms"
		" FROM campaign_lane l JOIN device d ON d.id = l.device_id"
		" WHERE l.campaign_id = ? ORDER BY l.position");
	struct campaign_lane lane;
	int rc;

	query_bind_int(&q, campaign_id);
	while ((rc = query_step(&q, err)) == 1) {
		lane = lane_from_row(&q);
		if (row(&lane, arg) != 0)
			return 0;
	}
	return rc;
}

int store_campaign_lane_pending(struct store *store, int64_t campaign_id,
	int position, int64_t limit, int64_t *n_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT COUNT(*) FROM (SELECT 1 FROM recipient r"
		" WHERE r.campaign_id = ? AND r.lane = ? AND r.status = 1"
		" LIMIT ?) n");

	query_bind_int(&q, campaign_id);
	query_bind_int(&q, position);
	query_bind_int(&q, limit);
	if (query_one(&q, "count", err) != 0)
		return -1;
	*n_out = query_int(&q);
	return 0;
}

/* Campaigns that run are few; those that ever had the device are not: so it is
 * looked up for each of these (CROSS JOIN keeps the order). */
#define RUNNING_OF_DEVICE                                    \
	" CROSS JOIN campaign_lane l WHERE c.status = 3"     \
	" AND c.account_id = (SELECT account_id FROM device" \
	" WHERE id = ?1) AND l.device_id = ?1 AND l.campaign_id = c.id"

int store_campaign_others_pending(struct store *store, int64_t device_id,
	int64_t campaign_id, int64_t *n_out, int *n_campaigns_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT COALESCE(SUM((t.n_pending + k.n - 1) / k.n), 0),"
		" COUNT(*) FROM"
		" (SELECT c.id, (SELECT COUNT(*) FROM campaign_lane a"
		" WHERE a.campaign_id = c.id) AS n FROM campaign "
		"c" RUNNING_OF_DEVICE " AND c.id <> ?2) k"
		" JOIN campaign_tally t ON t.campaign_id = k.id");

	query_bind_int(&q, device_id);
	query_bind_int(&q, campaign_id);
	if (query_one(&q, "count", err) != 0)
		return -1;
	*n_out = query_int(&q);
	*n_campaigns_out = (int)query_int(&q);
	return 0;
}

/* ---- for schedulerd ---- */

int store_campaign_due(struct store *store, int64_t now_ms, int limit,
	campaign_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		CAMPAIGN_SELECT("NULL") " WHERE c.status = 2"
					" AND c.due_ms <= ?"
					" ORDER BY c.due_ms, c.id LIMIT ?");

	query_bind_int(&q, now_ms);
	query_bind_int(&q, limit);
	return campaign_walk(&q, row, arg, err);
}

int64_t store_campaign_next_due(struct store *store)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT due_ms FROM campaign WHERE status = 2 AND due_ms > 0"
		" ORDER BY due_ms, id LIMIT 1");

	return query_step(&q, NULL) == 1 ? query_int(&q) : INT64_MAX;
}

int store_campaign_of_device(struct store *store, int64_t device_id,
	campaign_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		CAMPAIGN_SELECT("NULL") RUNNING_OF_DEVICE " ORDER BY c.id");

	query_bind_int(&q, device_id);
	return campaign_walk(&q, row, arg, err);
}
