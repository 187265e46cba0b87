#include "schedulerd/schedulerd.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/store/idempotency.h"
#include "common/store/scheduled.h"
#include "tests/unit/store_fixture.h"

#define PATIENCE_SEC 20 /* far less than the slow look would take to help */

struct scene {
	struct fixture *f;
	struct config *config;
	struct schedulerd *sd;
};

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));

	log_open("test", NULL, LOG_LVL_ERROR, NULL);
	fixture_setup((void **)&scene->f);
	assert_int_equal(config_load(NULL, scene->f->dir, &scene->config,
				 &scene->f->err),
		0);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	char command[192];

	schedulerd_close(&scene->sd);
	config_free(&scene->config);
	/* Run and lane directories, which the fixture knows nothing of. */
	snprintf(command, sizeof(command), "rm -r %s/run %s/lanes",
		scene->f->dir, scene->f->dir);
	assert_int_equal(system(command), 0);
	fixture_teardown((void **)&scene->f);
	free(scene);
	return 0;
}

#define LOOP_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void start(struct scene *scene)
{
	assert_int_equal(
		schedulerd_open(scene->config, &scene->sd, &scene->f->err), 0);
}

static void schedule(struct scene *scene, int64_t due_ms)
{
	struct scheduled scheduled = { .public_id = "a",
		.account_id = scene->f->account_id,
		.device_id = scene->f->device_id,
		.phone = "15550002222",
		.text = "hi",
		.due_ms = due_ms,
		.created_ms = due_ms };
	struct tx *tx = begin(scene->f);
	int64_t id;

	assert_int_equal(
		store_scheduled_create(tx, &scheduled, &id, &scene->f->err), 0);
	commit(scene->f, tx);
}

static int on_scheduled(const struct scheduled *scheduled, void *arg)
{
	*(enum scheduled_status *)arg = scheduled->status;
	return 0;
}

static bool is_sent(struct scene *scene)
{
	enum scheduled_status status = SCHEDULED_PENDING;

	assert_int_equal(store_scheduled_by_public_id(scene->f->store,
				 scene->f->account_id, "a", on_scheduled,
				 &status, &scene->f->err),
		0);
	return status == SCHEDULED_SENT;
}

/* Turns the loop until @done says so; false after PATIENCE_SEC. */
static bool loop_until(struct scene *scene, bool (*done)(struct scene *))
{
	const struct timeval patience = { .tv_sec = PATIENCE_SEC };

	event_base_loopexit(scene->sd->base, &patience);
	while (!done(scene) && !event_base_got_exit(scene->sd->base))
		event_base_loop(scene->sd->base, EVLOOP_ONCE);
	return done(scene);
}

static void what_came_due_while_nobody_ran_is_sent_at_start(void **state)
{
	struct scene *scene = *state;

	schedule(scene, clock_now_ms() - 1000);
	start(scene);
	assert_true(loop_until(scene, is_sent));
}

static void the_timer_is_set_to_the_next_due_time(void **state)
{
	struct scene *scene = *state;

	schedule(scene, clock_now_ms() + 200);
	start(scene);
	assert_true(loop_until(scene, is_sent));
}

static void a_wake_up_makes_it_look_at_once(void **state)
{
	struct scene *scene = *state;
	scoped(str_free) char *url =
		config_bus_url(scene->config, BUS_SCHEDULERD_WAKE);
	struct bus_out *wake = NULL;
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;
	Bus__Wake body = BUS__WAKE__INIT;

	start(scene);
	/* The first look finds nothing, and sets the timer far ahead. */
	event_base_loop(scene->sd->base, EVLOOP_ONCE);
	schedule(scene, clock_now_ms());
	assert_int_equal(bus_push_open(url, &wake, &scene->f->err), 0);
	envelope.body_case = BUS__ENVELOPE__BODY_WAKE;
	envelope.wake = &body;
	assert_true(bus_send(wake, &envelope));
	assert_true(loop_until(scene, is_sent));
	bus_out_close(&wake);
}

static void on_answer(
	const uint8_t hash[32], int status, const char *body, void *arg)
{
	(void)hash;
	(void)status;
	(void)body;
	(void)arg;
}

static int find_answer(struct scene *scene, const char *key)
{
	struct tx *tx = begin(scene->f);
	int rc = store_idempotency_find(tx, scene->f->account_id, key, 0,
		on_answer, NULL, &scene->f->err);

	tx_end(&tx);
	return rc;
}

static bool are_old_answers_gone(struct scene *scene)
{
	return find_answer(scene, "k599") == 0;
}

static void old_answers_go_slice_by_slice_and_new_ones_stay(void **state)
{
	struct scene *scene = *state;
	const int64_t now_ms = clock_now_ms();
	const int64_t ttl_ms =
		(int64_t)scene->config->api.idempotency_ttl_sec * 1000;
	const uint8_t hash[32] = { 0 };
	struct tx *tx = begin(scene->f);
	char key[16];

	for (int i = 0; i < 600; i++) { /* more than one slice */
		snprintf(key, sizeof(key), "k%d", i);
		store_idempotency_put(tx, scene->f->account_id, key, hash, 200,
			"", now_ms - ttl_ms - 1000 + i, &scene->f->err);
	}
	store_idempotency_put(tx, scene->f->account_id, "new", hash, 200, "",
		now_ms, &scene->f->err);
	commit(scene->f, tx);
	start(scene);
	assert_true(loop_until(scene, are_old_answers_gone));
	assert_int_equal(find_answer(scene, "new"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(what_came_due_while_nobody_ran_is_sent_at_start),
		LOOP_TEST(the_timer_is_set_to_the_next_due_time),
		LOOP_TEST(a_wake_up_makes_it_look_at_once),
		LOOP_TEST(old_answers_go_slice_by_slice_and_new_ones_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
