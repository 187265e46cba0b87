/* Weeks of campaigns in seconds: the real store and the real turns, a clock
 * that jumps from one event to the next, and a lane that acknowledges, fails
 * and reads as a real one does.
 *
 * What is counted is counted here, from the messages that the lanes see, and
 * compared with limits that are written down here once more. */
#include <sqlite3.h>

#include "common/campaign.h"
#include "common/estimate.h"
#include "tests/unit/schedulerd/campaign_scene.h"

#if defined(__SANITIZE_ADDRESS__)
#define RECIPIENTS 4000
#define CRASH_ONE_IN 80
#else
#define RECIPIENTS 20000
#define CRASH_ONE_IN 300
#endif
#define DEVICES 3
#define CAMPAIGNS 2
#define PENDING_MAX 64
#define START_MS (NOW_MS - NOW_MS % DAY_MS + 9 * HOUR_MS + 12345)

/* Written down again on purpose: as the reference prints them. */
static int daily_limit(int64_t age_days)
{
	return age_days < 2    ? 10
	       : age_days < 8  ? 25
	       : age_days < 15 ? 75
	       : age_days < 31 ? 150
			       : 200;
}
#define HOURLY_LIMIT 30
#define MINUTE_LIMIT 5
#define PAUSE_MIN_MS 18000
#define COOLDOWN_MS 120000

/* ---- what the lanes know ---- */

enum fate { NEVER, OUT, REACHED, FAILED, AGAIN, UNSURE };

struct person { /* one recipient */
	enum fate fate;
	int n_inbox;
	int64_t device_id; /* that has it OUT */
};

struct device_sim {
	int64_t id, created_ms;
	int64_t after_seq; /* of the last job that was seen */
	int64_t day, hour, minute;
	int day_sent, hour_sent, minute_sent;
	int64_t last_ms;
	int n_sent;
	bool is_online, is_lost;
	int64_t back_ms; /* when it is online again */
};

struct pending { /* what a lane will tell of a message */
	int64_t at_ms, device_id, recipient_id;
	enum message_status status;
	char wa_id[WA_MSG_ID_LEN + 42];
};

struct sim {
	struct scene *scene;
	int64_t now_ms;
	struct device_sim devices[DEVICES];
	int n_devices;
	struct person *people; /* by recipient id */
	int64_t n_people;
	struct pending pending[PENDING_MAX];
	int n_pending;
	int percent_failing;
	bool is_crashing;
	int n_events;
	int64_t n_messages, n_crashes, n_failed, n_pauses, n_losses;
};

static bool chance(int one_in)
{
	return random_between(1, one_in) == 1;
}

static struct device_sim *device_of(struct sim *sim, int64_t id)
{
	for (int i = 0; i < sim->n_devices; i++)
		if (sim->devices[i].id == id)
			return &sim->devices[i];
	fail_msg("device %d is nobody's", (int)id);
	return NULL;
}

/* ---- the rules ---- */

static void count_budget(struct device_sim *device, int64_t at_ms)
{
	const int limit = daily_limit((at_ms - device->created_ms) / DAY_MS);

	if (device->day != at_ms / DAY_MS)
		device->day_sent = 0;
	if (device->hour != at_ms / HOUR_MS)
		device->hour_sent = 0;
	if (device->minute != at_ms / MINUTE_MS)
		device->minute_sent = 0;
	device->day = at_ms / DAY_MS;
	device->hour = at_ms / HOUR_MS;
	device->minute = at_ms / MINUTE_MS;
	assert_true(++device->day_sent <= limit);
	assert_true(++device->hour_sent <= HOURLY_LIMIT);
	assert_true(++device->minute_sent <= MINUTE_LIMIT);
}

static void check_pause(struct device_sim *device, int64_t at_ms)
{
	const bool cools = device->n_sent > 0 && device->n_sent % 5 == 0;

	if (device->n_sent > 0)
		assert_true(at_ms - device->last_ms >=
			    PAUSE_MIN_MS + (cools ? COOLDOWN_MS : 0));
	device->last_ms = at_ms;
	device->n_sent++;
}

static void check_person(struct sim *sim, const struct message *message)
{
	struct person *person = &sim->people[message->recipient_id];

	assert_in_range(message->recipient_id, 1, sim->n_people);
	if (person->fate != NEVER && person->fate != AGAIN)
		fail_msg("recipient %d gets a second message (fate %d)",
			(int)message->recipient_id, (int)person->fate);
	person->fate = OUT;
	person->device_id = message->device_id;
}

/* ---- the lanes ---- */

static void will_tell(struct sim *sim, const struct pending *pending)
{
	assert_in_range(sim->n_pending, 0, PENDING_MAX - 1);
	sim->pending[sim->n_pending++] = *pending;
}

static int on_job(const struct message *message, void *arg)
{
	struct sim *sim = arg;
	struct device_sim *device = device_of(sim, message->device_id);
	struct pending pending = { .device_id = message->device_id,
		.recipient_id = message->recipient_id,
		.status = random_between(1, 100) <= sim->percent_failing
				  ? MESSAGE_FAILED
				  : MESSAGE_SENT,
		.at_ms = sim->now_ms + random_between(50, 2000) };

	assert_int_equal(message->source, MESSAGE_BY_CAMPAIGN);
	assert_int_equal(message->created_ms, sim->now_ms);
	assert_int_equal(message->device_seq, device->after_seq + 1);
	assert_true(device->is_online);
	device->after_seq = message->device_seq;
	check_person(sim, message);
	count_budget(device, message->created_ms);
	check_pause(device, message->created_ms);
	snprintf(pending.wa_id, sizeof(pending.wa_id), "%s", message->wa_id);
	will_tell(sim, &pending);
	sim->n_messages++;
	return 0;
}

static void lanes_read_jobs(struct sim *sim)
{
	for (int i = 0; i < sim->n_devices; i++)
		assert_int_equal(
			store_message_queued(sim->scene->f->store,
				sim->devices[i].id, sim->devices[i].after_seq,
				100, on_job, sim, &sim->scene->f->err),
			0);
}

static void took_place(struct sim *sim, const struct pending *pending)
{
	struct person *person = &sim->people[pending->recipient_id];
	struct pending next = *pending;

	switch (pending->status) {
	case MESSAGE_SENT:
		person->n_inbox++;
		if (person->fate == OUT)
			person->fate = REACHED;
		next.status = MESSAGE_DELIVERED;
		break;
	case MESSAGE_DELIVERED:
		next.status = MESSAGE_READ;
		break;
	case MESSAGE_FAILED:
		if (person->fate == OUT)
			person->fate = FAILED;
		sim->n_failed++;
		return;
	default:
		return;
	}
	if (chance(3))
		return; /* no receipt will come */
	next.at_ms = sim->now_ms + random_between(100, 5000);
	will_tell(sim, &next);
}

static void tell_one(struct sim *sim, int at)
{
	const struct pending pending = sim->pending[at];
	struct fixture *f = sim->scene->f;
	const struct message_change change = { .wa_id = pending.wa_id,
		.status = pending.status,
		.at_ms = sim->now_ms,
		.reason = pending.status == MESSAGE_FAILED ? "not_on_whatsapp"
							   : NULL };
	struct tx *tx = begin(f);
	bool changed;

	sim->pending[at] = sim->pending[--sim->n_pending];
	assert_int_equal(store_message_change(tx, pending.device_id, &change,
				 &changed, NULL, NULL, &f->err),
		0);
	commit(f, tx);
	took_place(sim, &pending);
}

static void lanes_tell(struct sim *sim)
{
	for (int i = sim->n_pending - 1; i >= 0; i--)
		if (i < sim->n_pending &&
			sim->pending[i].at_ms <= sim->now_ms &&
			device_of(sim, sim->pending[i].device_id)->is_online)
			tell_one(sim, i);
}

/* ---- schedulerd, that may die ---- */

static int stop_here(void *arg)
{
	(void)arg;
	return 1;
}

static void sim_reopen(struct sim *sim)
{
	struct scene *scene = sim->scene;

	store_close(&scene->f->store);
	assert_int_equal(store_open(scene->f->path, STORE_WRITE,
				 &scene->f->store, &scene->f->err),
		0);
	scene_quicken(scene);
	campaign_watch_fini(&scene->sd.watch);
	scene->sd.patience = (struct campaign_patience){ 0 };
	scene->sd.is_building = false;
	scene->sd.store = scene->f->store;
	sim->n_crashes++;
}

/* It dies anywhere: after so many steps of the database, or just before a
 * commit. */
static void schedulerd_runs(struct sim *sim)
{
	struct schedulerd *sd = &sim->scene->sd;
	sqlite3 *handle = store_db(sd->store)->handle;
	const bool dies = sim->is_crashing && chance(CRASH_ONE_IN);
	struct err err = ERR_NONE;
	int rc;

	if (dies && chance(2))
		sqlite3_commit_hook(handle, stop_here, NULL);
	else if (dies)
		sqlite3_progress_handler(
			handle, (int)random_between(1, 3000), stop_here, NULL);
	rc = campaigns_run(sd, sim->now_ms, &err);
	if (rc != 0 && !dies)
		fail_msg("%s", err.msg);
	sqlite3_progress_handler(handle, 0, NULL, NULL);
	sqlite3_commit_hook(handle, NULL, NULL);
	if (dies)
		sim_reopen(sim);
}

/* ---- time ---- */

static void sim_step(struct sim *sim, int64_t until_ms)
{
	int64_t next_ms = store_pace_next(sim->scene->f->store);

	for (int i = 0; i < sim->n_pending; i++)
		if (sim->pending[i].at_ms < next_ms)
			next_ms = sim->pending[i].at_ms;
	for (int i = 0; i < sim->n_devices; i++)
		if (sim->devices[i].back_ms != 0 &&
			sim->devices[i].back_ms < next_ms)
			next_ms = sim->devices[i].back_ms;
	if (next_ms > until_ms)
		next_ms = until_ms;
	/* Nothing is done twice at the same time but what is due by then. */
	sim->now_ms = next_ms > sim->now_ms ? next_ms : sim->now_ms + 1;
	lanes_tell(sim);
	schedulerd_runs(sim);
	lanes_read_jobs(sim);
}

static void sim_init(struct sim *sim, struct scene *scene, int64_t now_ms)
{
	*sim = (struct sim){ .scene = scene, .now_ms = now_ms };
}

static void sim_fini(struct sim *sim)
{
	free(sim->people);
}

static void sim_add_device(struct sim *sim, int age_days)
{
	struct device_sim *device = &sim->devices[sim->n_devices++];

	*device = (struct device_sim){ .is_online = true,
		.created_ms = sim->now_ms - age_days * DAY_MS,
		.id = scene_device(sim->scene, age_days, sim->now_ms) };
}

static int64_t sim_add_campaign(
	struct sim *sim, int first_device, int n_devices, int64_t n)
{
	int64_t ids[DEVICES];

	for (int i = 0; i < n_devices; i++)
		ids[i] = sim->devices[first_device + i].id;
	sim->people = xrealloc(sim->people,
		(size_t)(sim->n_people + n + 1) * sizeof(*sim->people));
	memset(&sim->people[sim->n_people + 1], 0,
		(size_t)n * sizeof(*sim->people));
	if (sim->n_people == 0)
		sim->people[0] = (struct person){ 0 };
	sim->n_people += n;
	return scene_run(
		sim->scene, ids, n_devices, sim->n_people, n, sim->now_ms);
}

/* ---- 1. everything goes wrong ---- */

static void lose_device(struct sim *sim, struct device_sim *device)
{
	if (!device->is_online)
		return;
	scene_set_device(sim->scene, device->id, DEVICE_LOGGED_OUT);
	device->is_online = false;
	device->is_lost = true;
	device->back_ms = sim->now_ms + random_between(HOUR_MS, 2 * DAY_MS);
	sim->n_losses++;
	/* What was under way has left, or has not: nobody will tell. */
	for (int i = sim->n_pending - 1; i >= 0; i--) {
		struct person *person =
			&sim->people[sim->pending[i].recipient_id];

		if (sim->pending[i].device_id != device->id)
			continue;
		if (person->fate == OUT) {
			person->fate = UNSURE;
			person->n_inbox += chance(2);
		}
		sim->pending[i] = sim->pending[--sim->n_pending];
	}
}

static void disconnect_device(struct sim *sim, struct device_sim *device)
{
	if (!device->is_online)
		return;
	scene_set_device(sim->scene, device->id, DEVICE_DISCONNECTED);
	device->is_online = false;
	device->back_ms =
		sim->now_ms + random_between(MINUTE_MS, 30 * MINUTE_MS);
}

static void devices_come_back(struct sim *sim)
{
	for (int i = 0; i < sim->n_devices; i++) {
		struct device_sim *device = &sim->devices[i];

		if (device->back_ms == 0 || device->back_ms > sim->now_ms)
			continue;
		scene_set_device(sim->scene, device->id, DEVICE_CONNECTED);
		device->is_online = true;
		device->is_lost = false;
		device->back_ms = 0;
	}
}

static void sim_pause(struct sim *sim, int64_t campaign_id)
{
	struct tx *tx = begin(sim->scene->f);
	bool changed;

	store_campaign_pause(tx, campaign_id, "for a while", sim->now_ms,
		&changed, &sim->scene->f->err);
	commit(sim->scene->f, tx);
	sim->n_pauses += changed;
}

static void sim_resume(struct sim *sim, int64_t campaign_id)
{
	struct tx *tx = begin(sim->scene->f);
	bool changed;

	assert_int_equal(store_campaign_resume(tx, campaign_id, sim->now_ms,
				 &changed, &sim->scene->f->err),
		0);
	commit(sim->scene->f, tx);
}

static int64_t sim_retry(struct sim *sim, int64_t campaign_id)
{
	int64_t n = 1, total = 0;

	/* What the lanes have failed may be tried again, and that alone. */
	for (int64_t i = 1; i <= sim->n_people; i++)
		if (sim->people[i].fate == FAILED) {
			sim->people[i].fate = AGAIN;
			total++;
		}
	for (int64_t done = 0; n > 0; done += n) {
		struct tx *tx = begin(sim->scene->f);

		assert_int_equal(store_campaign_retry_failed(tx, campaign_id, 7,
					 sim->now_ms, &n, &sim->scene->f->err),
			0);
		commit(sim->scene->f, tx);
		if (n == 0)
			assert_int_equal(done, total);
	}
	return total;
}

static void something_happens(struct sim *sim, int64_t campaign_id)
{
	struct device_sim *device =
		&sim->devices[random_between(0, sim->n_devices - 1)];

	switch (sim->n_events++ % 7) { /* each of them, in turn */
	case 0:
		lose_device(sim, device);
		return;
	case 1:
	case 2:
		disconnect_device(sim, device);
		return;
	case 3:
		sim_pause(sim, campaign_id);
		return;
	case 4:
		if (scene_look(sim->scene, campaign_id).status ==
			CAMPAIGN_RUNNING)
			sim_retry(sim, campaign_id);
		return;
	case 5:
		if (device->is_online)
			scene_chill(sim->scene, device->id,
				sim->now_ms + random_between(1, 12 * HOUR_MS));
		return;
	default:
		sim_reopen(sim);
		return;
	}
}

/* True once the campaign is COMPLETED and there is nobody to try again. */
static bool goes_on(struct sim *sim, int64_t campaign_id, int64_t *event_ms)
{
	const struct scene_campaign seen = scene_look(sim->scene, campaign_id);

	devices_come_back(sim);
	if (sim->now_ms >= *event_ms) {
		if (seen.status == CAMPAIGN_PAUSED)
			sim_resume(sim, campaign_id);
		else if (seen.status == CAMPAIGN_RUNNING)
			something_happens(sim, campaign_id);
		*event_ms = sim->now_ms +
			    random_between(10 * MINUTE_MS, 12 * HOUR_MS);
	}
	if (seen.status != CAMPAIGN_COMPLETED)
		return true;
	assert_int_equal(seen.counts.pending + seen.counts.queued, 0);
	return sim_retry(sim, campaign_id) > 0;
}

static void check_outcome(struct sim *sim, int64_t campaign_id)
{
	const struct scene_campaign seen = scene_look(sim->scene, campaign_id);
	int64_t reached = 0, unsure = 0;

	for (int64_t i = 1; i <= sim->n_people; i++) {
		const struct person *person = &sim->people[i];

		reached += person->fate == REACHED;
		unsure += person->fate == UNSURE;
		if (person->fate == REACHED)
			assert_int_equal(person->n_inbox, 1);
		else if (person->fate == UNSURE)
			assert_in_range(person->n_inbox, 0, 1);
		else
			fail_msg("recipient %d was left out (fate %d)", (int)i,
				(int)person->fate);
	}
	assert_int_equal(reached + unsure, sim->n_people);
	assert_int_equal(seen.counts.total, sim->n_people);
	assert_int_equal(seen.counts.failed, unsure);
	assert_int_equal(
		seen.counts.sent + seen.counts.delivered + seen.counts.read,
		reached);
	assert_in_range(unsure, 0, sim->n_losses);
}

static void everybody_gets_one_message_whatever_happens(void **state)
{
	const int64_t limit_ms = START_MS + 400 * DAY_MS;
	struct sim sim;
	int64_t campaign_id, event_ms = START_MS + HOUR_MS;

	/* What dies on purpose has no need to complain. */
	log_open("test", NULL, (enum log_level)(LOG_LVL_ERROR - 1), NULL);
	sim_init(&sim, *state, START_MS);
	sim.is_crashing = true;
	sim.percent_failing = 3;
	sim_add_device(&sim, 0);
	sim_add_device(&sim, 10);
	sim_add_device(&sim, 40);
	campaign_id = sim_add_campaign(&sim, 0, DEVICES, RECIPIENTS);
	while (goes_on(&sim, campaign_id, &event_ms)) {
		sim_step(&sim, event_ms);
		assert_true(sim.now_ms < limit_ms);
	}
	check_outcome(&sim, campaign_id);
	assert_true(sim.n_messages == RECIPIENTS + sim.n_failed ||
		    sim.n_losses > 0);
	print_message("%d recipients in %d days: %d messages, %d failed,"
		      " %d crashes, %d pauses, %d lost devices\n",
		RECIPIENTS, (int)((sim.now_ms - START_MS) / DAY_MS),
		(int)sim.n_messages, (int)sim.n_failed, (int)sim.n_crashes,
		(int)sim.n_pauses, (int)sim.n_losses);
	assert_true(sim.n_crashes > 10 && sim.n_losses > 0 && sim.n_pauses > 0);
	sim_fini(&sim);
}

/* ---- 2. nothing goes wrong: the estimate holds ---- */

struct quoting {
	struct scene *scene;
	int64_t now_ms;
	struct estimate *out;
};

static int quote(const struct campaign *campaign, void *arg)
{
	struct quoting *quoting = arg;

	assert_true(campaign_estimate(quoting->scene->f->store,
		quoting->scene->config, campaign, quoting->now_ms,
		quoting->out));
	return 0;
}

static struct estimate estimate_of(struct sim *sim, int64_t campaign_id)
{
	struct estimate estimate = { 0 };
	struct quoting quoting = { sim->scene, sim->now_ms, &estimate };

	assert_int_equal(store_campaign_by_id(sim->scene->f->store, campaign_id,
				 quote, &quoting, &sim->scene->f->err),
		0);
	return estimate;
}

static bool all_completed(struct sim *sim, const int64_t *ids, int n)
{
	for (int i = 0; i < n; i++)
		if (scene_look(sim->scene, ids[i]).status != CAMPAIGN_COMPLETED)
			return false;
	return true;
}

static void check_estimate(
	struct sim *sim, int64_t campaign_id, const struct estimate *estimate)
{
	const int64_t told_ms = estimate->completes_ms - estimate->starts_ms;
	const int64_t took_ms =
		scene_look(sim->scene, campaign_id).completed_ms -
		estimate->starts_ms;

	print_message("estimate %s: %.2f h, took %.2f h\n", estimate->label,
		(double)told_ms / HOUR_MS, (double)took_ms / HOUR_MS);
	assert_in_range(told_ms, took_ms - took_ms / 10 - MINUTE_MS,
		took_ms + took_ms / 10 + MINUTE_MS);
}

struct shape {
	int n_devices, ages[DEVICES];
	int n_campaigns;
	int64_t n[CAMPAIGNS];
	int64_t start_ms; /* in the day */
	int used;	  /* of the day's budget of the first device */
};

static void use_budget(struct sim *sim, int n)
{
	struct device_sim *device = &sim->devices[0];
	struct tx *tx = begin(sim->scene->f);

	for (int i = 0; i < n; i++)
		store_budget_take(tx, device->id, sim->now_ms - HOUR_MS,
			&sim->scene->f->err);
	commit(sim->scene->f, tx);
	device->day = (sim->now_ms - HOUR_MS) / DAY_MS;
	device->day_sent = n;
}

static void play_shape(struct scene *scene, const struct shape *shape)
{
	struct sim sim;
	struct estimate estimates[CAMPAIGNS];
	int64_t ids[CAMPAIGNS];

	sim_init(&sim, scene,
		NOW_MS - NOW_MS % DAY_MS + DAY_MS * scene->n_campaigns * 1000 +
			shape->start_ms);
	for (int i = 0; i < shape->n_devices; i++)
		sim_add_device(&sim, shape->ages[i]);
	use_budget(&sim, shape->used);
	for (int i = 0; i < shape->n_campaigns; i++)
		ids[i] = sim_add_campaign(
			&sim, 0, shape->n_devices, shape->n[i]);
	for (int i = 0; i < shape->n_campaigns; i++)
		estimates[i] = estimate_of(&sim, ids[i]);
	while (!all_completed(&sim, ids, shape->n_campaigns))
		sim_step(&sim, INT64_MAX);
	for (int i = 0; i < shape->n_campaigns; i++)
		check_estimate(&sim, ids[i], &estimates[i]);
	sim_fini(&sim);
}

/* Each in a store of its own, so that recipients are numbered from 1. */
static void shape_holds(void **state, const struct shape *shape)
{
	play_shape(*state, shape);
}

static void the_estimate_of_one_device_holds(void **state)
{
	static const struct shape shape = { 1, { 40 }, 1, { 1500 }, 0, 0 };

	shape_holds(state, &shape);
}

static void the_estimate_of_three_devices_holds(void **state)
{
	static const struct shape shape = { 3, { 0, 12, 40 }, 1, { 1500 },
		10 * HOUR_MS, 0 };

	shape_holds(state, &shape);
}

static void the_estimate_of_an_audience_beyond_the_day_holds(void **state)
{
	static const struct shape shape = { 1, { 5 }, 1, { 120 }, 8 * HOUR_MS,
		9 };

	shape_holds(state, &shape);
}

static void the_estimate_from_the_middle_of_a_day_holds(void **state)
{
	static const struct shape shape = { 2, { 33, 20 }, 1, { 260 },
		17 * HOUR_MS + 1234567, 30 };

	shape_holds(state, &shape);
}

static void the_estimate_of_an_afternoon_holds(void **state)
{
	static const struct shape shape = { 1, { 40 }, 1, { 100 },
		13 * HOUR_MS + 1, 0 };

	shape_holds(state, &shape);
}

static void the_estimates_of_two_campaigns_on_a_device_hold(void **state)
{
	static const struct shape shape = { 1, { 40 }, 2, { 300, 900 },
		6 * HOUR_MS, 0 };

	shape_holds(state, &shape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(the_estimate_of_one_device_holds),
		SCENE_TEST(the_estimate_of_three_devices_holds),
		SCENE_TEST(the_estimate_of_an_audience_beyond_the_day_holds),
		SCENE_TEST(the_estimate_from_the_middle_of_a_day_holds),
		SCENE_TEST(the_estimate_of_an_afternoon_holds),
		SCENE_TEST(the_estimates_of_two_campaigns_on_a_device_hold),
		SCENE_TEST(everybody_gets_one_message_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
