/* What campaigns do, and that no question about them walks a table. */
#include "common/store/campaign.h"

#include "common/store/campaign_audience.h"
#include "common/store/store_impl.h"
#include "tests/unit/campaign_fixture.h"

static void set_ready(struct fixture *f, int64_t id,
	enum campaign_status status, int64_t due_ms)
{
	struct tx *tx = begin(f);

	assert_int_equal(
		store_campaign_ready(tx, id, status, due_ms, NOW_MS, &f->err),
		0);
	commit(f, tx);
}

static bool pause_it(struct fixture *f, int64_t id)
{
	struct tx *tx = begin(f);
	bool changed;

	assert_int_equal(
		store_campaign_pause(tx, id, "why", NOW_MS, &changed, &f->err),
		0);
	commit(f, tx);
	return changed;
}

static bool resume_it(struct fixture *f, int64_t id, int64_t now_ms)
{
	struct tx *tx = begin(f);
	bool changed;

	assert_int_equal(
		store_campaign_resume(tx, id, now_ms, &changed, &f->err), 0);
	commit(f, tx);
	return changed;
}

static int count_campaign(const struct campaign *campaign, void *arg)
{
	(void)campaign;
	++*(int *)arg;
	return 0;
}

/* ---- making ---- */

static void a_prepared_campaign_is_seen_by_nobody(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_prepared(f, "a", 3, 1);
	const struct campaign_filter filter = { .account_id = f->account_id };
	struct campaign_seen seen = see(f, id);
	int64_t total;
	bool taken;
	int n = 0;

	assert_int_equal(
		store_campaign_list(f->store, &filter, (struct page){ 0, 10 },
			count_campaign, &n, &total, &f->err),
		0);
	assert_int_equal(n + total, 0);
	assert_int_equal(store_campaign_by_public_id(f->store, f->account_id,
				 seen.public_id, count_campaign, &n, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	store_campaign_name_is_taken(
		f->store, f->account_id, "a", &taken, &f->err);
	assert_false(taken);
	set_ready(f, id, CAMPAIGN_RUNNING, 0);
	store_campaign_list(f->store, &filter, (struct page){ 0, 10 },
		count_campaign, &n, &total, &f->err);
	assert_int_equal(n, 1);
	assert_int_equal(total, 1);
	store_campaign_name_is_taken(
		f->store, f->account_id, "a", &taken, &f->err);
	assert_true(taken);
	store_campaign_name_is_taken(
		f->store, f->other_account_id, "a", &taken, &f->err);
	assert_false(taken);
}

static void ready_happens_once(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 1, 1);
	struct tx *tx = begin(f);

	assert_int_equal(store_campaign_ready(
				 tx, id, CAMPAIGN_RUNNING, 0, NOW_MS, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	assert_int_equal(
		store_campaign_built(tx, id, 1, 1, NOW_MS, &f->err), -1);
	tx_end(&tx);
}

static void one_without_recipients_is_completed_at_once(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_prepared(f, "a", 0, 1);

	set_ready(f, id, CAMPAIGN_RUNNING, 0);
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_COMPLETED);
	assert_int_equal(see(f, id).campaign.completed_ms, NOW_MS);
}

static void discarding_takes_all_of_it_in_slices_and_nothing_that_lives(
	void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_prepared(f, "a", 5, 2),
		      alive = add_running(f, "b", 1, 1);
	struct campaign_seen seen = { .n = 0 };
	struct tx *tx = begin(f);
	bool gone;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			store_campaign_discard(tx, id, 2, &gone, &f->err), 0);
		assert_int_equal(gone, i == 2);
	}
	assert_int_equal(
		store_campaign_discard(tx, alive, 10, &gone, &f->err), 0);
	commit(f, tx);
	assert_int_equal(store_campaign_by_id(
				 f->store, id, see_campaign, &seen, &f->err),
		-1);
	assert_int_equal(see(f, alive).campaign.counts.total, 1);
}

static void what_is_being_prepared_is_found_when_it_is_old(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	add_prepared(f, "a", 1, 1);
	add_running(f, "b", 1, 1);
	store_campaign_preparing(
		f->store, NOW_MS, 10, count_campaign, &n, &f->err);
	assert_int_equal(n, 0);
	store_campaign_preparing(
		f->store, NOW_MS + 1, 10, count_campaign, &n, &f->err);
	assert_int_equal(n, 1);
}

/* ---- states ---- */

static void only_what_runs_or_is_scheduled_is_paused(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 1, 1);

	assert_true(pause_it(f, id));
	assert_string_equal(see(f, id).reason, "why");
	assert_false(pause_it(f, id));
	assert_true(resume_it(f, id, NOW_MS));
	assert_string_equal(see(f, id).reason, "");
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_RUNNING);
	assert_false(resume_it(f, id, NOW_MS));
}

static void a_resumed_one_waits_for_its_time_if_that_is_to_come(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_prepared(f, "a", 1, 1);

	set_ready(f, id, CAMPAIGN_SCHEDULED, NOW_MS + 1000);
	assert_true(pause_it(f, id));
	assert_int_equal(store_campaign_next_due(f->store), INT64_MAX);
	assert_true(resume_it(f, id, NOW_MS + 10));
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_SCHEDULED);
	assert_int_equal(store_campaign_next_due(f->store), NOW_MS + 1000);
	assert_true(pause_it(f, id));
	assert_true(resume_it(f, id, NOW_MS + 2000));
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_RUNNING);
	assert_int_equal(see(f, id).campaign.started_ms, NOW_MS + 2000);
}

static void the_due_ones_come_earliest_first_and_start_once(void **state)
{
	struct fixture *f = *state;
	const int64_t late = add_prepared(f, "late", 1, 1),
		      early = add_prepared(f, "early", 1, 1);
	struct campaign_seen seen = { .n = 0 };
	struct tx *tx;

	set_ready(f, late, CAMPAIGN_SCHEDULED, NOW_MS + 20);
	set_ready(f, early, CAMPAIGN_SCHEDULED, NOW_MS + 10);
	assert_int_equal(store_campaign_next_due(f->store), NOW_MS + 10);
	store_campaign_due(
		f->store, NOW_MS + 9, 10, see_campaign, &seen, &f->err);
	assert_int_equal(seen.n, 0);
	store_campaign_due(
		f->store, NOW_MS + 20, 1, see_campaign, &seen, &f->err);
	assert_string_equal(seen.name, "early");
	tx = begin(f);
	assert_int_equal(
		store_campaign_start(tx, early, NOW_MS + 20, &f->err), 0);
	assert_int_equal(
		store_campaign_start(tx, early, NOW_MS + 21, &f->err), -1);
	commit(f, tx);
	assert_int_equal(see(f, early).campaign.started_ms, NOW_MS + 20);
	assert_int_equal(store_campaign_next_due(f->store), NOW_MS + 20);
}

static int64_t add_parent(struct fixture *f)
{
	char uuid[UUID_LEN];
	struct campaign parent = { .public_id = uuid,
		.account_id = f->account_id,
		.name = "parent",
		.kind = MESSAGE_TEXT,
		.audience = "{}",
		.recurrence = "{\"frequency\":\"DAILY\"}" };
	struct tx *tx = begin(f);

	id_uuid7(uuid);
	store_campaign_create(tx, &parent, &f->device_id, 1, NOW_MS, &f->err);
	commit(f, tx);
	set_ready(f, parent.id, CAMPAIGN_SCHEDULED, NOW_MS + 5);
	return parent.id;
}

static void a_parent_remembers_its_first_run_and_ends(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_parent(f);
	struct campaign_seen seen;
	struct tx *tx = begin(f);

	assert_int_equal(
		store_campaign_ran(tx, id, NOW_MS + 100, NOW_MS, &f->err), 0);
	commit(f, tx);
	seen = see(f, id);
	assert_int_equal(seen.campaign.n_runs, 1);
	assert_int_equal(seen.campaign.started_ms, NOW_MS + 5);
	assert_int_equal(seen.campaign.due_ms, NOW_MS + 100);
	assert_true(pause_it(f, id));
	assert_true(resume_it(f, id, NOW_MS + 500));
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_SCHEDULED);
	tx = begin(f);
	assert_int_equal(store_campaign_ran(tx, id, 0, NOW_MS, &f->err), 0);
	commit(f, tx);
	seen = see(f, id);
	assert_int_equal(seen.campaign.n_runs, 2);
	assert_int_equal(seen.campaign.started_ms, NOW_MS + 5);
	assert_int_equal(seen.campaign.status, CAMPAIGN_COMPLETED);
}

static void children_are_left_out_of_the_list_of_parents(void **state)
{
	struct fixture *f = *state;
	const int64_t parent_id = add_parent(f);
	struct campaign_filter filter = { .account_id = f->account_id };
	struct campaign_seen seen = { .n = 0 };
	char uuid[UUID_LEN];
	struct campaign child = { .public_id = uuid,
		.account_id = f->account_id,
		.parent_id = parent_id,
		.name = "child",
		.kind = MESSAGE_TEXT,
		.audience = "{}" };
	struct tx *tx = begin(f);
	int64_t total;

	id_uuid7(uuid);
	store_campaign_create(tx, &child, &f->device_id, 1, NOW_MS, &f->err);
	commit(f, tx);
	set_ready(f, child.id, CAMPAIGN_SCHEDULED, NOW_MS + 9);
	assert_string_equal(see(f, child.id).campaign.parent_public_id != NULL
				    ? "has a parent"
				    : "",
		"has a parent");
	store_campaign_list(f->store, &filter, (struct page){ 0, 10 },
		see_campaign, &seen, &total, &f->err);
	assert_int_equal(seen.n, 2);
	assert_int_equal(total, 2);
	seen.n = 0;
	filter.parents_only = true;
	store_campaign_list(f->store, &filter, (struct page){ 0, 10 },
		see_campaign, &seen, &total, &f->err);
	assert_int_equal(seen.n, 1);
	assert_int_equal(total, 1);
	assert_string_equal(seen.name, "parent");
}

/* ---- lanes and paces ---- */

static int see_lane(const struct campaign_lane *lane, void *arg)
{
	struct campaign_lane *lanes = arg;

	lanes[lane->position] = *lane;
	return 0;
}

static void lanes_are_the_devices_in_order(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 5, 2);
	struct campaign_lane lanes[2] = { { 0 } };
	int64_t n;

	assert_int_equal(
		store_campaign_lanes(f->store, id, see_lane, lanes, &f->err),
		0);
	assert_int_equal(lanes[0].device_id, f->device_id);
	assert_int_equal(lanes[1].device_id, f->second_device_id);
	assert_int_equal(lanes[1].device_status, DEVICE_CONNECTED);
	store_campaign_lane_pending(f->store, id, 0, 100, &n, &f->err);
	assert_int_equal(n, 3);
	store_campaign_lane_pending(f->store, id, 0, 2, &n, &f->err);
	assert_int_equal(n, 2);
}

static void a_device_knows_what_runs_on_it(void **state)
{
	struct fixture *f = *state;
	const int64_t a = add_running(f, "a", 4, 1),
		      b = add_running(f, "b", 6, 2);
	int n = 0;
	int64_t pending;

	store_campaign_of_device(
		f->store, f->device_id, count_campaign, &n, &f->err);
	assert_int_equal(n, 2);
	n = 0;
	store_campaign_of_device(
		f->store, f->second_device_id, count_campaign, &n, &f->err);
	assert_int_equal(n, 1);
	store_campaign_others_pending(
		f->store, f->device_id, a, &pending, &n, &f->err);
	assert_int_equal(pending, 3);
	assert_int_equal(n, 1);
	store_campaign_others_pending(
		f->store, f->device_id, b, &pending, &n, &f->err);
	assert_int_equal(pending, 4);
	pause_it(f, a);
	store_campaign_others_pending(
		f->store, f->device_id, b, &pending, &n, &f->err);
	assert_int_equal(pending, 0);
	assert_int_equal(n, 0);
}

static int see_pace(const struct device_pace *pace, void *arg)
{
	struct device_pace *out = arg;

	*out = *pace;
	return 1;
}

static void a_campaign_that_runs_gives_its_devices_work(void **state)
{
	struct fixture *f = *state;
	struct device_pace pace = { 0 };
	struct tx *tx;

	assert_int_equal(store_pace_next(f->store), INT64_MAX);
	add_running(f, "a", 2, 1);
	store_pace_due(f->store, NOW_MS, 10, see_pace, &pace, &f->err);
	assert_int_equal(pace.device_id, f->device_id);
	pace.next_ms = NOW_MS + 50;
	pace.n_in_run = 3;
	pace.n_in_flight = 9; /* not taken from here */
	tx = begin(f);
	assert_int_equal(store_pace_set(tx, &pace, true, &f->err), 0);
	commit(f, tx);
	assert_int_equal(store_pace_next(f->store), NOW_MS + 50);
	store_pace_get(f->store, f->device_id, &pace, &f->err);
	assert_int_equal(pace.n_in_run, 3);
	assert_int_equal(pace.n_in_flight, 0);
}

static void waking_keeps_the_pause_that_is_under_way(void **state)
{
	struct fixture *f = *state;
	struct device_pace pace = { .device_id = f->device_id,
		.next_ms = NOW_MS + 50 };
	struct tx *tx = begin(f);

	store_pace_set(tx, &pace, false, &f->err);
	commit(f, tx);
	assert_int_equal(store_pace_next(f->store), INT64_MAX);
	tx = begin(f);
	store_pace_wake(tx, f->device_id, &f->err);
	store_pace_wake(tx, f->second_device_id, &f->err);
	commit(f, tx);
	assert_int_equal(store_pace_next(f->store), 0);
	store_pace_get(f->store, f->device_id, &pace, &f->err);
	assert_int_equal(pace.next_ms, NOW_MS + 50);
}

static void an_acknowledged_message_wakes_its_device(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 3, 1);
	struct outgoing out = queue_next(f, id, 0);
	struct device_pace pace = { .device_id = f->device_id, .next_ms = 7 };
	struct tx *tx = begin(f);

	store_pace_set(tx, &pace, false, &f->err);
	commit(f, tx);
	assert_int_equal(store_pace_next(f->store), INT64_MAX);
	tell(f, &out, MESSAGE_SENT, NOW_MS, NULL);
	assert_int_equal(store_pace_next(f->store), 7);
}

/* ---- plans ---- */

static int no_recipient(const struct recipient_row *row, void *arg)
{
	(void)row;
	(void)arg;
	return 0;
}

static int no_lane(const struct campaign_lane *lane, void *arg)
{
	(void)lane;
	(void)arg;
	return 0;
}

static int no_contact(const struct audience_contact *contact, void *arg)
{
	(void)contact;
	(void)arg;
	return 0;
}

static void ask_campaigns(struct fixture *f, int64_t id)
{
	struct store *s = f->store;
	struct campaign_filter filter = { .account_id = f->account_id };
	struct device_pace pace;
	int64_t total, pending;
	bool taken;
	int n = 0;

	for (int i = 0; i < 2; i++) {
		filter.parents_only = i;
		store_campaign_list(s, &filter, (struct page){ 0, 10 },
			count_campaign, &n, &total, &f->err);
	}
	store_campaign_by_public_id(
		s, f->account_id, "x", count_campaign, &n, &f->err);
	store_campaign_by_id(s, id, count_campaign, &n, &f->err);
	store_campaign_name_is_taken(s, f->account_id, "x", &taken, &f->err);
	store_campaign_preparing(s, NOW_MS, 10, count_campaign, &n, &f->err);
	store_campaign_due(s, NOW_MS, 10, count_campaign, &n, &f->err);
	store_campaign_next_due(s);
	store_campaign_lanes(s, id, no_lane, NULL, &f->err);
	store_campaign_lane_pending(s, id, 0, 10, &pending, &f->err);
	store_campaign_others_pending(
		s, f->device_id, id, &pending, &n, &f->err);
	store_campaign_of_device(s, f->device_id, count_campaign, &n, &f->err);
	store_campaign_running(s, 0, 10, count_campaign, &n, &f->err);
	store_pace_due(s, NOW_MS, 10, see_pace, &pace, &f->err);
	store_pace_next(s);
}

static void ask_audience(struct fixture *f)
{
	static const int64_t segments[] = { 1, 2 };
	enum audience_place place;
	int64_t n;

	for (int i = 1; i <= 2; i++) {
		store_audience_walk(f->store, segments, i, 0, 10, no_contact,
			NULL, &n, &f->err);
		store_audience_count(f->store, segments, i, &n, &f->err);
	}
	store_audience_find(f->store, f->account_id, "1555", segments, 2,
		&place, no_contact, NULL, &f->err);
}

static void ask_recipients(struct fixture *f, int64_t id)
{
	int64_t total;

	for (int status = 0; status <= RECIPIENT_FAILED; status++)
		for (int offset = 0; offset < 12; offset++)
			store_recipient_list(f->store, id,
				(enum recipient_status)status,
				(struct page){ offset, 3 }, no_recipient, NULL,
				&total, &f->err);
}

/* Somebody in every status, so that every walk and every merge is prepared. */
static int64_t add_mixed(struct fixture *f)
{
	static const enum message_status told[] = { MESSAGE_QUEUED,
		MESSAGE_SENT, MESSAGE_DELIVERED, MESSAGE_READ, MESSAGE_FAILED };
	const int64_t id = add_running(f, "mixed", 12, 1);

	for (size_t i = 0; i < 2 * ARRAY_LEN(told); i++) {
		struct outgoing out = queue_next(f, id, 0);

		if (i % ARRAY_LEN(told) != 0)
			tell(f, &out, told[i % ARRAY_LEN(told)], NOW_MS, "no");
	}
	return id;
}

static void change_campaigns(struct fixture *f, int64_t id)
{
	struct tx *tx = begin(f);
	int64_t n;
	bool changed;

	store_recipient_fail(tx, 12, "x", NOW_MS, &f->err);
	store_campaign_pause(tx, id, NULL, NOW_MS, &changed, &f->err);
	store_campaign_resume(tx, id, NOW_MS, &changed, &f->err);
	store_campaign_retry_failed(tx, id, 1, NOW_MS, &n, &f->err);
	store_campaign_start(tx, id, NOW_MS, &f->err);
	store_recipient_abandon(tx, f->device_id, "gone", NOW_MS, &f->err);
	commit(f, tx);
}

static bool is_scan(const char *detail)
{
	/* Merging what indexes give in order, and the pages taken out of it,
	 * are no walks of a table. */
	return strncmp(detail, "SCAN ", 5) == 0 &&
	       strstr(detail, "SCAN (") == NULL &&
	       strncmp(detail, "SCAN n", 6) != 0;
}

static int explain(struct db *db, const char *sql)
{
	scoped(str_free) char *explained =
		xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt = NULL;
	int n_bad = 0;

	assert_int_equal(
		sqlite3_prepare_v2(db->handle, explained, -1, &stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(stmt, 3);

		if (getenv("SHOW_PLANS") != NULL)
			print_message("%s\n    %s\n", sql, detail);
		if (is_scan(detail) || strstr(detail, "TEMP B-TREE") != NULL ||
			strstr(detail, "AUTOMATIC") != NULL) {
			print_error("%s\n  %s\n", sql, detail);
			n_bad++;
		}
	}
	sqlite3_finalize(stmt);
	return n_bad;
}

static bool is_about_campaigns(const char *sql)
{
	return strstr(sql, "campaign") != NULL ||
	       strstr(sql, "recipient") != NULL ||
	       strstr(sql, "device_pace") != NULL ||
	       strstr(sql, "segment_member") != NULL;
}

static void no_question_about_campaigns_scans_or_sorts(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_db(f->store);
	const int64_t id = add_mixed(f);
	int n_bad = 0, n = 0;

	ask_campaigns(f, id);
	ask_audience(f);
	ask_recipients(f, id);
	change_campaigns(f, id);
	for (int i = 0; i < DB_STATEMENTS; i++) {
		const char *sql = db->statements[i].sql;

		if (sql == NULL || !is_about_campaigns(sql))
			continue;
		n_bad += explain(db, sql);
		n++;
	}
	assert_true(n >= 50);
	assert_int_equal(n_bad, 0);
}

/* The ids of a page come from the index alone. */
static void the_list_of_recipients_walks_the_index_only(void **state)
{
	static const char *const walks[] = {
		"EXPLAIN QUERY PLAN SELECT sort_key, id FROM recipient"
		" WHERE campaign_id = 1 AND status = 1 UNION ALL"
		" SELECT sort_key, id FROM recipient"
		" WHERE campaign_id = 1 AND status = 2 ORDER BY 1, 2",
		"EXPLAIN QUERY PLAN SELECT sort_key, id FROM recipient"
		" WHERE campaign_id = 1 AND status = 6 ORDER BY 1 DESC, 2 DESC"
	};
	struct fixture *f = *state;
	struct db *db = store_db(f->store);

	for (size_t i = 0; i < ARRAY_LEN(walks); i++) {
		sqlite3_stmt *stmt = NULL;
		int n = 0;

		assert_int_equal(sqlite3_prepare_v2(
					 db->handle, walks[i], -1, &stmt, NULL),
			SQLITE_OK);
		while (sqlite3_step(stmt) == SQLITE_ROW) {
			const char *detail =
				(const char *)sqlite3_column_text(stmt, 3);

			assert_null(strstr(detail, "TEMP B-TREE"));
			n += strstr(detail,
				     "COVERING INDEX recipient_list"
				     " (campaign_id=? AND status=?)") != NULL;
		}
		sqlite3_finalize(stmt);
		assert_int_equal(n, i == 0 ? 2 : 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_prepared_campaign_is_seen_by_nobody),
		STORE_TEST(ready_happens_once),
		STORE_TEST(one_without_recipients_is_completed_at_once),
		STORE_TEST(
			discarding_takes_all_of_it_in_slices_and_nothing_that_lives),
		STORE_TEST(what_is_being_prepared_is_found_when_it_is_old),
		STORE_TEST(only_what_runs_or_is_scheduled_is_paused),
		STORE_TEST(a_resumed_one_waits_for_its_time_if_that_is_to_come),
		STORE_TEST(the_due_ones_come_earliest_first_and_start_once),
		STORE_TEST(a_parent_remembers_its_first_run_and_ends),
		STORE_TEST(children_are_left_out_of_the_list_of_parents),
		STORE_TEST(lanes_are_the_devices_in_order),
		STORE_TEST(a_device_knows_what_runs_on_it),
		STORE_TEST(a_campaign_that_runs_gives_its_devices_work),
		STORE_TEST(waking_keeps_the_pause_that_is_under_way),
		STORE_TEST(an_acknowledged_message_wakes_its_device),
		STORE_TEST(no_question_about_campaigns_scans_or_sorts),
		STORE_TEST(the_list_of_recipients_walks_the_index_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
