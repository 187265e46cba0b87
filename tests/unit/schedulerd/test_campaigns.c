#include "schedulerd/campaigns.h"

#include "common/antispam.h"
#include "schedulerd/lanes.h"
#include "tests/unit/schedulerd/campaign_scene.h"

#define OLD_DAYS 40 /* of a device without a warm-up */

static void run(struct scene *scene, int64_t now_ms)
{
	if (campaigns_run(&scene->sd, now_ms, &scene->f->err) != 0)
		fail_msg("%s", scene->f->err.msg);
}

/* Everything at once: no pauses, no budgets, nobody waits for the lane. */
static void set_free(struct scene *scene)
{
	scene->config->safety.enabled = false;
	scene->config->safety.campaign_delay_min_sec = 0;
	scene->config->safety.campaign_delay_max_sec = 0;
	scene->config->safety.cooldown_every = 0;
	scene->config->campaign.in_flight = 1000;
}

struct jobs {
	int n;
	int64_t recipients[100];
	char wa_ids[100][WA_MSG_ID_LEN + 42];
	char texts[100][32];
};

static int take_job(const struct message *message, void *arg)
{
	struct jobs *jobs = arg;

	assert_in_range(jobs->n, 0, 99);
	assert_int_equal(message->source, MESSAGE_BY_CAMPAIGN);
	jobs->recipients[jobs->n] = message->recipient_id;
	snprintf(jobs->wa_ids[jobs->n], sizeof(jobs->wa_ids[0]), "%s",
		message->wa_id);
	snprintf(jobs->texts[jobs->n], sizeof(jobs->texts[0]), "%s",
		message->text != NULL ? message->text : "");
	jobs->n++;
	return 0;
}

/* What the device's lane would find to send, oldest first. */
static struct jobs jobs_of(struct scene *scene, int64_t device_id)
{
	struct jobs jobs = { 0 };

	assert_int_equal(store_message_queued(scene->f->store, device_id, 0,
				 100, take_job, &jobs, &scene->f->err),
		0);
	return jobs;
}

static void tell(struct scene *scene, int64_t device_id, const char *wa_id,
	enum message_status status, int64_t now_ms)
{
	const struct message_change change = { .wa_id = wa_id,
		.status = status,
		.at_ms = now_ms,
		.reason = status == MESSAGE_FAILED ? "not_on_whatsapp" : NULL };
	struct tx *tx = begin(scene->f);
	bool changed;

	assert_int_equal(store_message_change(tx, device_id, &change, &changed,
				 NULL, NULL, &scene->f->err),
		0);
	commit(scene->f, tx);
}

static struct device_pace pace_of(struct scene *scene, int64_t device_id)
{
	struct device_pace pace;

	assert_int_equal(store_pace_get(scene->f->store, device_id, &pace,
				 &scene->f->err),
		0);
	return pace;
}

static void acknowledge_all(
	struct scene *scene, int64_t device_id, int64_t now_ms)
{
	struct jobs jobs = jobs_of(scene, device_id);

	for (int i = 0; i < jobs.n; i++)
		tell(scene, device_id, jobs.wa_ids[i], MESSAGE_SENT, now_ms);
}

/* ---- handing over ---- */

static void a_device_gets_one_and_then_its_pause(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	struct jobs jobs;
	int64_t next_ms;

	scene_run(scene, &device, 1, 1, 3, NOW_MS);
	run(scene, NOW_MS);
	jobs = jobs_of(scene, device);
	assert_int_equal(jobs.n, 1);
	assert_int_equal(jobs.recipients[0], 1);
	assert_string_equal(jobs.texts[0], "hello");
	next_ms = pace_of(scene, device).next_ms;
	assert_in_range(next_ms, NOW_MS + 18000, NOW_MS + 50000);
	acknowledge_all(scene, device, NOW_MS + 1);
	run(scene, next_ms - 1);
	assert_int_equal(jobs_of(scene, device).n, 0);
	run(scene, next_ms);
	jobs = jobs_of(scene, device);
	assert_int_equal(jobs.n, 1);
	assert_int_equal(jobs.recipients[0], 2);
}

static void the_last_one_completes_it_and_leaves_nothing_to_do(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	int64_t id;

	set_free(scene);
	id = scene_run(scene, &device, 1, 1, 3, NOW_MS);
	for (int i = 0; i < 5; i++)
		run(scene, NOW_MS + i);
	assert_int_equal(jobs_of(scene, device).n, 3);
	assert_int_equal(store_pace_next(scene->f->store), INT64_MAX);
	assert_int_equal(scene_look(scene, id).status, CAMPAIGN_RUNNING);
	acknowledge_all(scene, device, NOW_MS + 10);
	assert_int_equal(scene_look(scene, id).status, CAMPAIGN_COMPLETED);
	run(scene, NOW_MS + 11);
	assert_int_equal(store_pace_next(scene->f->store), INT64_MAX);
}

static void what_is_not_acknowledged_is_waited_for(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	int64_t now_ms = NOW_MS, last_wait_ms = 0;

	set_free(scene);
	scene->config->campaign.in_flight = 2;
	scene_run(scene, &device, 1, 1, 10, NOW_MS);
	run(scene, now_ms);
	run(scene, now_ms);
	assert_int_equal(jobs_of(scene, device).n, 2);
	for (int i = 0; i < 10; i++) {
		int64_t wait_ms;

		run(scene, now_ms);
		wait_ms = pace_of(scene, device).next_ms - now_ms;
		assert_in_range(wait_ms, i == 0 ? 50 : last_wait_ms, 2000);
		last_wait_ms = wait_ms;
		now_ms += wait_ms;
	}
	assert_int_equal(last_wait_ms, 2000);
	assert_int_equal(jobs_of(scene, device).n, 2);
	acknowledge_all(scene, device, now_ms);
	run(scene, now_ms);
	assert_int_equal(jobs_of(scene, device).n, 1);
}

static void campaigns_of_a_device_take_turns(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	struct jobs jobs;

	set_free(scene);
	scene_run(scene, &device, 1, 1, 4, NOW_MS);   /* recipients 1 to 4 */
	scene_run(scene, &device, 1, 101, 2, NOW_MS); /* 5 and 6 */
	scene_run(scene, &device, 1, 201, 3, NOW_MS); /* 7 to 9 */
	for (int i = 0; i < 12; i++)
		run(scene, NOW_MS + i);
	jobs = jobs_of(scene, device);
	assert_int_equal(jobs.n, 9);
	for (int i = 0; i < 9; i++) {
		static const int64_t order[] = { 1, 5, 7, 2, 6, 8, 3, 9, 4 };

		assert_int_equal(jobs.recipients[i], order[i]);
	}
}

/* ---- budgets and refusals ---- */

static void a_used_up_budget_waits_for_its_reset(void **state)
{
	const int64_t reset_ms = NOW_MS - NOW_MS % 60000 + 60000;
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	int64_t id, next_ms;

	set_free(scene);
	scene->config->safety.enabled = true;
	id = scene_run(scene, &device, 1, 1, 20, NOW_MS);
	for (int i = 0; i < 8; i++)
		run(scene, NOW_MS + i);
	assert_int_equal(jobs_of(scene, device).n, 5);
	next_ms = pace_of(scene, device).next_ms;
	assert_in_range(next_ms, reset_ms, reset_ms + 2000);
	assert_int_equal(scene_look(scene, id).counts.failed, 0);
	assert_int_equal(scene_look(scene, id).counts.pending, 15);
	run(scene, next_ms);
	assert_int_equal(jobs_of(scene, device).n, 6);
}

static void a_pause_against_spam_is_waited_for(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	struct tx *tx = begin(scene->f);
	int64_t id;

	assert_int_equal(
		antispam_pause(tx, scene->f->account_id, NOW_MS + 3 * HOUR_MS,
			"too many failures", &scene->f->err),
		0);
	commit(scene->f, tx);
	id = scene_run(scene, &device, 1, 1, 3, NOW_MS);
	run(scene, NOW_MS);
	assert_int_equal(jobs_of(scene, device).n, 0);
	assert_int_equal(scene_look(scene, id).status, CAMPAIGN_RUNNING);
	/* It may be lifted before its time. */
	assert_int_equal(pace_of(scene, device).next_ms, NOW_MS + MINUTE_MS);
	run(scene, NOW_MS + 3 * HOUR_MS);
	assert_int_equal(jobs_of(scene, device).n, 1);
}

static void a_plan_that_is_used_up_pauses_the_campaign(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	struct scene_campaign seen;
	int64_t id;

	set_free(scene);
	scene->config->plans[2].messages_per_month = 2; /* pro */
	id = scene_run(scene, &device, 1, 1, 3, NOW_MS);
	for (int i = 0; i < 5; i++)
		run(scene, NOW_MS + i);
	assert_int_equal(jobs_of(scene, device).n, 2);
	seen = scene_look(scene, id);
	assert_int_equal(seen.status, CAMPAIGN_PAUSED);
	assert_int_equal(seen.counts.pending, 1);
	assert_int_equal(seen.counts.failed, 0);
	assert_non_null(strstr(seen.reason, "month"));
}

static void a_text_that_comes_out_empty_fails_its_recipient(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	struct scene_campaign seen;
	int64_t id;

	set_free(scene);
	id = scene_run(scene, &device, 1, 1, 2, NOW_MS);
	assert_int_equal(db_exec(store_db(scene->f->store),
				 "UPDATE campaign SET text = '{nickname}'",
				 &scene->f->err),
		0);
	for (int i = 0; i < 4; i++)
		run(scene, NOW_MS + i);
	seen = scene_look(scene, id);
	assert_int_equal(jobs_of(scene, device).n, 0);
	assert_int_equal(seen.counts.failed, 2);
	assert_int_equal(seen.status, CAMPAIGN_COMPLETED);
}

static void failures_in_a_row_pause_it(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	struct scene_campaign seen;
	int64_t id;

	set_free(scene);
	scene->config->campaign.in_flight = 1;
	id = scene_run(scene, &device, 1, 1, 10, NOW_MS);
	for (int i = 0; i < 6; i++) {
		struct jobs jobs;

		run(scene, NOW_MS + i * MINUTE_MS);
		jobs = jobs_of(scene, device);
		if (jobs.n > 0)
			tell(scene, device, jobs.wa_ids[0], MESSAGE_FAILED,
				NOW_MS + i * MINUTE_MS);
	}
	seen = scene_look(scene, id);
	assert_int_equal(seen.status, CAMPAIGN_PAUSED);
	assert_int_equal(seen.counts.failed, 3);
	assert_string_equal(seen.reason, "3 consecutive failures");
}

/* ---- lanes ---- */

static void a_device_that_is_offline_keeps_its_own(void **state)
{
	struct scene *scene = *state;
	const int64_t devices[] = { scene_device(scene, OLD_DAYS, NOW_MS),
		scene_device(scene, OLD_DAYS, NOW_MS) };
	int64_t id;

	set_free(scene);
	id = scene_run(scene, devices, 2, 1, 6, NOW_MS);
	scene_set_device(scene, devices[1], DEVICE_DISCONNECTED);
	for (int i = 0; i < 100; i++)
		run(scene, NOW_MS + i * 1000);
	assert_int_equal(jobs_of(scene, devices[0]).n, 3);
	assert_int_equal(jobs_of(scene, devices[1]).n, 0);
	assert_int_equal(scene_look(scene, id).counts.pending, 3);
	assert_true(pace_of(scene, devices[1]).next_ms <=
		    NOW_MS + 99 * 1000 + 5000);
	scene_set_device(scene, devices[1], DEVICE_CONNECTED);
	for (int i = 100; i < 110; i++)
		run(scene, NOW_MS + i * 1000);
	assert_int_equal(jobs_of(scene, devices[1]).n, 3);
}

static void the_others_take_over_from_a_lane_that_is_lost(void **state)
{
	static const enum device_status lost[] = { DEVICE_LOGGED_OUT,
		DEVICE_BANNED };
	struct scene *scene = *state;
	const int64_t devices[] = { scene_device(scene, OLD_DAYS, NOW_MS),
		scene_device(scene, OLD_DAYS, NOW_MS),
		scene_device(scene, OLD_DAYS, NOW_MS) };
	struct jobs jobs;

	set_free(scene);
	scene_set_device(scene, devices[1], lost[0]);
	scene_set_device(scene, devices[2], lost[1]);
	scene_run(scene, devices, 3, 1, 9, NOW_MS);
	for (int i = 0; i < 12; i++)
		run(scene, NOW_MS + i);
	jobs = jobs_of(scene, devices[0]);
	assert_int_equal(jobs.n, 9);
	for (int i = 0; i < 9; i++) /* in the order of the queue */
		assert_int_equal(jobs.recipients[i], i + 1);
}

static void a_lane_that_is_lost_while_the_others_rest_is_found(void **state)
{
	struct scene *scene = *state;
	const int64_t devices[] = { scene_device(scene, OLD_DAYS, NOW_MS),
		scene_device(scene, OLD_DAYS, NOW_MS) };
	struct scene_campaign seen;
	int64_t id;

	set_free(scene);
	scene->config->campaign.in_flight = 1;
	id = scene_run(scene, devices, 2, 1, 4, NOW_MS);
	for (int i = 0; i < 4; i++) { /* the first is through */
		run(scene, NOW_MS + i * 100);
		acknowledge_all(scene, devices[0], NOW_MS + i * 100);
	}
	assert_int_equal(jobs_of(scene, devices[1]).n, 1);
	assert_int_equal(scene_look(scene, id).counts.pending, 1);
	scene_set_device(scene, devices[1], DEVICE_LOGGED_OUT);
	run(scene, NOW_MS + 6000);
	run(scene, NOW_MS + 6001);
	/* What it had in its queue may have left: it is not sent again. */
	seen = scene_look(scene, id);
	assert_int_equal(seen.counts.failed, 1);
	assert_int_equal(jobs_of(scene, devices[1]).n, 0);
	assert_int_equal(jobs_of(scene, devices[0]).n, 1);
	acknowledge_all(scene, devices[0], NOW_MS + 6002);
	seen = scene_look(scene, id);
	assert_int_equal(seen.status, CAMPAIGN_COMPLETED);
	assert_int_equal(seen.counts.sent, 3);
}

static void new_chats_that_are_paused_are_shared(void **state)
{
	const int64_t until_ms = NOW_MS + 10 * MINUTE_MS;
	struct scene *scene = *state;
	const int64_t devices[] = { scene_device(scene, OLD_DAYS, NOW_MS),
		scene_device(scene, OLD_DAYS, NOW_MS) };

	set_free(scene);
	scene_chill(scene, devices[0], until_ms);
	scene_run(scene, devices, 2, 1, 2, NOW_MS);
	for (int i = 0; i < 5; i++)
		run(scene, NOW_MS + i);
	assert_int_equal(jobs_of(scene, devices[0]).n, 0);
	assert_int_equal(jobs_of(scene, devices[1]).n, 2);
	assert_true(pace_of(scene, devices[0]).next_ms <= until_ms);
	scene_run(scene, devices, 1, 101, 1, NOW_MS);
	run(scene, until_ms - 1);
	assert_int_equal(jobs_of(scene, devices[0]).n, 0);
	run(scene, until_ms + MINUTE_MS);
	assert_int_equal(jobs_of(scene, devices[0]).n, 1);
}

static void without_any_device_it_is_paused(void **state)
{
	struct scene *scene = *state;
	const int64_t devices[] = { scene_device(scene, OLD_DAYS, NOW_MS),
		scene_device(scene, OLD_DAYS, NOW_MS) };
	struct scene_campaign seen;
	struct tx *tx;
	int64_t id;

	id = scene_run(scene, devices, 2, 1, 6, NOW_MS);
	scene_set_device(scene, devices[1], DEVICE_BANNED);
	tx = begin(scene->f);
	assert_int_equal(
		store_device_delete(tx, devices[0], NOW_MS, &scene->f->err), 0);
	commit(scene->f, tx);
	run(scene, NOW_MS);
	run(scene, NOW_MS + 1);
	seen = scene_look(scene, id);
	assert_int_equal(seen.status, CAMPAIGN_PAUSED);
	assert_string_equal(seen.reason, "no device can send");
	assert_int_equal(seen.counts.pending, 6);
}

static void lanes_know_whether_they_can_send(void **state)
{
	static const struct {
		bool is_deleted;
		enum device_status status;
		bool is_gone;
	} table[] = {
		{ false, DEVICE_CONNECTED, false },
		{ false, DEVICE_DISCONNECTED, false },
		{ false, DEVICE_PAIRING, true },
		{ false, DEVICE_LOGGED_OUT, true },
		{ false, DEVICE_BANNED, true },
		{ true, DEVICE_CONNECTED, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(
			lane_is_gone(table[i].is_deleted, table[i].status),
			table[i].is_gone);
}

/* ---- starting ---- */

static int64_t schedule(struct scene *scene, int64_t device, int64_t n,
	int64_t due_ms, const char *recurrence)
{
	const int64_t id =
		scene_prepare(scene, &device, 1, 1, n, NOW_MS - DAY_MS);
	scoped(str_free) char *sql = NULL;
	struct tx *tx = begin(scene->f);

	assert_int_equal(store_campaign_ready(tx, id, CAMPAIGN_SCHEDULED,
				 due_ms, NOW_MS - DAY_MS, &scene->f->err),
		0);
	commit(scene->f, tx);
	if (recurrence == NULL)
		return id;
	sql = xasprintf("UPDATE campaign SET recurrence = '%s',"
			" audience = '{\"groups\":[],\"tags\":[],"
			"\"phones\":[\"15550000001\",\"15550000002\"]}'"
			" WHERE id = %d",
		recurrence, (int)id);
	assert_int_equal(
		db_exec(store_db(scene->f->store), sql, &scene->f->err), 0);
	return id;
}

static void a_scheduled_campaign_starts_at_its_time(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	const int64_t id = schedule(scene, device, 2, NOW_MS, NULL);

	run(scene, NOW_MS - 1);
	assert_int_equal(scene_look(scene, id).status, CAMPAIGN_SCHEDULED);
	assert_true(campaigns_next_ms(&scene->sd) <= NOW_MS);
	run(scene, NOW_MS);
	assert_int_equal(scene_look(scene, id).status, CAMPAIGN_RUNNING);
	assert_int_equal(scene_look(scene, id).started_ms, NOW_MS);
	run(scene, NOW_MS);
	assert_int_equal(jobs_of(scene, device).n, 1);
}

struct children {
	int n;
	int64_t ids[10];
};

static int take_child(const struct campaign *campaign, void *arg)
{
	struct children *children = arg;

	if (campaign->parent_id != 0)
		children->ids[children->n++] = campaign->id;
	return 0;
}

static struct children children_of(struct scene *scene)
{
	const struct campaign_filter filter = { .account_id =
							scene->f->account_id };
	struct children children = { 0 };
	int64_t total;

	assert_int_equal(store_campaign_list(scene->f->store, &filter,
				 (struct page){ .limit = 100 }, take_child,
				 &children, &total, &scene->f->err),
		0);
	return children;
}

static void a_recurring_campaign_has_a_child_a_run(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	const int64_t id = schedule(scene, device, 0, NOW_MS,
		"{\"frequency\":\"DAILY\",\"count\":2}");
	struct scene_campaign parent;

	set_free(scene);
	for (int i = 0; i < 5; i++)
		run(scene, NOW_MS + i);
	parent = scene_look(scene, id);
	assert_int_equal(parent.status, CAMPAIGN_SCHEDULED);
	assert_int_equal(parent.due_ms, NOW_MS + DAY_MS);
	assert_int_equal(parent.n_runs, 1);
	assert_int_equal(children_of(scene).n, 1);
	assert_int_equal(jobs_of(scene, device).n, 2);
	acknowledge_all(scene, device, NOW_MS + 10);
	assert_int_equal(scene_look(scene, children_of(scene).ids[0]).status,
		CAMPAIGN_COMPLETED);
	for (int i = 0; i < 5; i++)
		run(scene, NOW_MS + DAY_MS + i);
	parent = scene_look(scene, id);
	assert_int_equal(parent.status, CAMPAIGN_COMPLETED);
	assert_int_equal(parent.n_runs, 2);
	assert_int_equal(children_of(scene).n, 2);
	assert_int_equal(jobs_of(scene, device).n, 2);
	run(scene, NOW_MS + 2 * DAY_MS);
	assert_int_equal(children_of(scene).n, 2);
}

static void runs_that_were_missed_are_one(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	const int64_t id =
		schedule(scene, device, 0, NOW_MS, "{\"frequency\":\"DAILY\"}");

	for (int i = 0; i < 5; i++)
		run(scene, NOW_MS + 10 * DAY_MS + HOUR_MS + i);
	assert_int_equal(children_of(scene).n, 1);
	assert_int_equal(scene_look(scene, id).due_ms, NOW_MS + 11 * DAY_MS);
}

/* As after a crash between two chunks. */
static void a_child_that_was_not_finished_is_gone_on_with(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	const int64_t parent = schedule(
		scene, device, 0, NOW_MS + DAY_MS, "{\"frequency\":\"DAILY\"}");
	const int64_t child =
		scene_prepare(scene, &device, 1, 1, 0, NOW_MS - DAY_MS);
	scoped(str_free) char *sql = xasprintf(
		"UPDATE campaign SET parent_id = %d, audience ="
		" (SELECT audience FROM campaign WHERE id = %d) WHERE id = %d",
		(int)parent, (int)parent, (int)child);

	assert_int_equal(
		db_exec(store_db(scene->f->store), sql, &scene->f->err), 0);
	for (int i = 0; i < 5; i++)
		run(scene, NOW_MS + i);
	assert_int_equal(scene_look(scene, child).status, CAMPAIGN_RUNNING);
	assert_int_equal(scene_look(scene, child).counts.total, 2);
	assert_int_equal(jobs_of(scene, device).n, 1);
}

static void what_nobody_will_finish_is_removed_after_a_while(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	const int64_t id = scene_prepare(scene, &device, 1, 1, 4500, NOW_MS);
	struct scene_campaign seen;

	run(scene, NOW_MS + 9 * MINUTE_MS);
	assert_int_equal(scene_look(scene, id).status, CAMPAIGN_PREPARING);
	for (int i = 0; i < 3; i++) { /* slice by slice */
		assert_int_equal(store_campaign_by_id(scene->f->store, id,
					 scene_take, &seen, &scene->f->err),
			0);
		run(scene, NOW_MS + 11 * MINUTE_MS + i);
	}
	assert_int_equal(store_campaign_by_id(scene->f->store, id, scene_take,
				 &seen, &scene->f->err),
		-1);
	assert_int_equal(scene->f->err.code, ERR_NOT_FOUND);
}

static void a_failing_store_hands_over_nothing(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	struct store *reader = NULL;

	scene_run(scene, &device, 1, 1, 3, NOW_MS);
	assert_int_equal(
		store_open(scene->f->path, STORE_READ, &reader, &scene->f->err),
		0);
	scene->sd.store = reader;
	assert_int_equal(campaigns_run(&scene->sd, NOW_MS, &scene->f->err), -1);
	scene->sd.store = scene->f->store;
	store_close(&reader);
	assert_int_equal(jobs_of(scene, device).n, 0);
	run(scene, NOW_MS);
	assert_int_equal(jobs_of(scene, device).n, 1);
}

/* ---- what a review found ---- */

static void change(struct scene *scene, int64_t id, bool resume, int64_t now_ms)
{
	struct tx *tx = begin(scene->f);
	bool changed = false;

	if (resume)
		store_campaign_resume(tx, id, now_ms, &changed, &scene->f->err);
	else
		store_campaign_pause(
			tx, id, "x", now_ms, &changed, &scene->f->err);
	assert_true(changed);
	commit(scene->f, tx);
}

static void one_resumed_at_once_without_a_device_is_paused_again(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	const int64_t id = scene_run(scene, &device, 1, 1, 6, NOW_MS);

	scene_set_device(scene, device, DEVICE_BANNED);
	run(scene, NOW_MS);
	run(scene, NOW_MS + 1);
	assert_int_equal(scene_look(scene, id).status, CAMPAIGN_PAUSED);
	change(scene, id, true, NOW_MS + 1000);
	for (int i = 0; i < 10; i++)
		run(scene, NOW_MS + 1000 + i * 2000);
	assert_int_equal(scene_look(scene, id).status, CAMPAIGN_PAUSED);
}

static void a_parent_that_is_resumed_after_its_end_makes_no_run(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);
	const int64_t id = schedule(scene, device, 0, NOW_MS,
		"{\"frequency\":\"DAILY\",\"endAt\":\"2026-05-24T00:00:00."
		"000Z\"}");

	change(scene, id, false, NOW_MS - 1000);
	change(scene, id, true, NOW_MS + 30 * DAY_MS);
	for (int i = 0; i < 5; i++)
		run(scene, NOW_MS + 30 * DAY_MS + i);
	assert_int_equal(children_of(scene).n, 0);
	assert_int_equal(scene_look(scene, id).status, CAMPAIGN_COMPLETED);
}

static void a_run_is_left_out_while_the_last_one_goes_on(void **state)
{
	struct scene *scene = *state;
	const int64_t device = scene_device(scene, OLD_DAYS, NOW_MS);

	schedule(scene, device, 400, NOW_MS, "{\"frequency\":\"DAILY\"}");
	for (int i = 0; i < 5; i++)
		run(scene, NOW_MS + i);
	assert_int_equal(children_of(scene).n, 1);
	for (int i = 0; i < 5; i++)
		run(scene, NOW_MS + DAY_MS + i);
	assert_int_equal(children_of(scene).n, 1);
}

static void a_clock_that_was_wrong_by_months_holds_nobody_up(void **state)
{
	struct scene *scene = *state;
	const int64_t device =
		scene_device(scene, OLD_DAYS, NOW_MS - 100 * DAY_MS);

	scene_run(scene, &device, 1, 1, 6, NOW_MS);
	run(scene, NOW_MS);
	acknowledge_all(scene, device, NOW_MS);
	assert_int_equal(jobs_of(scene, device).n, 0);
	for (int i = 0; i < 4; i++)
		run(scene, NOW_MS - 60 * DAY_MS + i * 10000);
	assert_int_equal(jobs_of(scene, device).n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(a_device_gets_one_and_then_its_pause),
		SCENE_TEST(the_last_one_completes_it_and_leaves_nothing_to_do),
		SCENE_TEST(what_is_not_acknowledged_is_waited_for),
		SCENE_TEST(campaigns_of_a_device_take_turns),
		SCENE_TEST(a_used_up_budget_waits_for_its_reset),
		SCENE_TEST(a_pause_against_spam_is_waited_for),
		SCENE_TEST(a_plan_that_is_used_up_pauses_the_campaign),
		SCENE_TEST(a_text_that_comes_out_empty_fails_its_recipient),
		SCENE_TEST(failures_in_a_row_pause_it),
		SCENE_TEST(a_device_that_is_offline_keeps_its_own),
		SCENE_TEST(the_others_take_over_from_a_lane_that_is_lost),
		SCENE_TEST(a_lane_that_is_lost_while_the_others_rest_is_found),
		SCENE_TEST(new_chats_that_are_paused_are_shared),
		SCENE_TEST(without_any_device_it_is_paused),
		SCENE_TEST(lanes_know_whether_they_can_send),
		SCENE_TEST(a_scheduled_campaign_starts_at_its_time),
		SCENE_TEST(a_recurring_campaign_has_a_child_a_run),
		SCENE_TEST(runs_that_were_missed_are_one),
		SCENE_TEST(a_child_that_was_not_finished_is_gone_on_with),
		SCENE_TEST(what_nobody_will_finish_is_removed_after_a_while),
		SCENE_TEST(a_failing_store_hands_over_nothing),
		SCENE_TEST(
			one_resumed_at_once_without_a_device_is_paused_again),
		SCENE_TEST(a_parent_that_is_resumed_after_its_end_makes_no_run),
		SCENE_TEST(a_run_is_left_out_while_the_last_one_goes_on),
		SCENE_TEST(a_clock_that_was_wrong_by_months_holds_nobody_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
