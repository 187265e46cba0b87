/* Of campaign.h: the pace of devices. */
#include "common/store/campaign.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/campaign_impl.h"
#include "common/store/store_impl.h"

#define PACE_SELECT                                  \
	"SELECT p.device_id, p.next_ms, p.n_in_run," \
	" p.n_in_flight, p.last_campaign_id FROM device_pace p"

static struct device_pace pace_from_row(struct query *q)
{
	struct device_pace pace = { 0 };

	pace.device_id = query_int(q);
	pace.next_ms = query_int(q);
	pace.n_in_run = (int)query_int(q);
	pace.n_in_flight = (int)query_int(q);
	pace.last_campaign_id = query_int(q);
	return pace;
}

int store_pace_due(struct store *store, int64_t now_ms, int limit,
	device_pace_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		PACE_SELECT " WHERE p.has_work = 1 AND p.next_ms <= ?"
			    " ORDER BY p.next_ms LIMIT ?");
	struct device_pace pace;
	int rc;

	query_bind_int(&q, now_ms);
	query_bind_int(&q, limit);
	while ((rc = query_step(&q, err)) == 1) {
		pace = pace_from_row(&q);
		if (row(&pace, arg) != 0)
			return 0;
	}
	return rc;
}

int64_t store_pace_next(struct store *store)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT p.next_ms FROM device_pace p WHERE p.has_work = 1 AND "
		"p.next_ms >= 0"
		" ORDER BY p.next_ms LIMIT 1");

	return query_step(&q, NULL) == 1 ? query_int(&q) : INT64_MAX;
}

static bool has_later(struct store *store, int64_t latest_ms)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT 1 FROM device_pace p WHERE p.has_work = 1"
		" AND p.next_ms > ? LIMIT 1");

	query_bind_int(&q, latest_ms);
	return query_step(&q, NULL) == 1;
}

static int pull_in(
	struct tx *tx, int64_t now_ms, int64_t latest_ms, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(tx_db(tx), "UPDATE device_pace SET next_ms = ?"
				      " WHERE has_work = 1 AND next_ms > ?");

	query_bind_int(&q, now_ms);
	query_bind_int(&q, latest_ms);
	return query_run(&q, NULL, err);
}

int store_pace_pull_in(
	struct store *store, int64_t now_ms, int64_t latest_ms, struct err *err)
{
	scoped(tx_end) struct tx *tx = NULL;

	if (!has_later(store, latest_ms))
		return 0;
	tx = tx_begin(store, err);
	if (tx == NULL || pull_in(tx, now_ms, latest_ms, err) != 0)
		return -1;
	return tx_commit(tx, err);
}

int store_pace_get(struct store *store, int64_t device_id,
	struct device_pace *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		store_db(store), PACE_SELECT " WHERE p.device_id = ?");
	int rc;

	*out = (struct device_pace){ .device_id = device_id };
	query_bind_int(&q, device_id);
	rc = query_step(&q, err);
	if (rc == 1)
		*out = pace_from_row(&q);
	return rc < 0 ? -1 : 0;
}

int store_pace_set(struct tx *tx, const struct device_pace *pace, bool has_work,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO device_pace (device_id, next_ms, n_in_run,"
		" n_in_flight, last_campaign_id, has_work)"
		" VALUES (?, ?, ?, 0, ?, ?)"
		" ON CONFLICT (device_id) DO UPDATE SET"
		" next_ms = excluded.next_ms, n_in_run = excluded.n_in_run,"
		" last_campaign_id = excluded.last_campaign_id,"
		" has_work = excluded.has_work");

	query_bind_int(&q, pace->device_id);
	query_bind_int(&q, pace->next_ms);
	query_bind_int(&q, pace->n_in_run);
	query_bind_int(&q, pace->last_campaign_id);
	query_bind_int(&q, has_work);
	return query_run(&q, NULL, err);
}

/* The pause that is under way is kept: pausing and resuming must not make a
 * device faster. */
int store_pace_wake(struct tx *tx, int64_t device_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO device_pace (device_id, next_ms, n_in_run,"
		" n_in_flight, last_campaign_id, has_work)"
		" VALUES (?, 0, 0, 0, 0, 1)"
		" ON CONFLICT (device_id) DO UPDATE SET has_work = 1");

	query_bind_int(&q, device_id);
	return query_run(&q, NULL, err);
}

struct waking {
	struct tx *tx;
	struct err *err;
	int rc;
};

static int wake_lane(const struct campaign_lane *lane, void *arg)
{
	struct waking *waking = arg;

	waking->rc = store_pace_wake(waking->tx, lane->device_id, waking->err);
	return waking->rc;
}

int store_pace_wake_campaign(
	struct tx *tx, int64_t campaign_id, struct err *err)
{
	struct waking waking = { tx, err, 0 };

	if (store_campaign_lanes(
		    tx_store(tx), campaign_id, wake_lane, &waking, err) != 0)
		return -1;
	return waking.rc;
}

/* A message that is acknowledged makes room for the next one. */
int pace_in_flight(
	struct tx *tx, int64_t device_id, int change, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO device_pace (device_id, next_ms, n_in_run,"
		" n_in_flight, last_campaign_id, has_work)"
		" VALUES (?1, 0, 0, ?2, 0, 1)"
		" ON CONFLICT (device_id) DO UPDATE SET"
		" n_in_flight = CASE WHEN device_pace.n_in_flight + ?2 < 0"
		" THEN 0 ELSE device_pace.n_in_flight + ?2 END,"
		" has_work = CASE WHEN ?2 < 0 THEN 1"
		" ELSE device_pace.has_work END");

	query_bind_int(&q, device_id);
	query_bind_int(&q, change);
	return query_run(&q, NULL, err);
}
