#include "schedulerd/due.h"

#include <poll.h>

#include "common/bus.h"
#include "common/log.h"
#include "common/send.h"
#include "common/store/scheduled.h"
#include "common/store/store_impl.h"
#include "schedulerd/schedulerd.h"
#include "tests/unit/safety_config.h"
#include "tests/unit/store_fixture.h"

#define LATE_LIMIT_SEC 3600

struct scene {
	struct fixture *f;
	struct config config;
	struct schedulerd sd;
	struct bus_in *senderd; /* the other end of the jobs */
};

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	char url[128];

	log_open("test", NULL, LOG_LVL_ERROR, NULL);
	fixture_setup((void **)&scene->f);
	scene->config = safety_config();
	scene->config.scheduler.late_limit_sec = LATE_LIMIT_SEC;
	snprintf(url, sizeof(url), "ipc://%s/jobs.ipc", scene->f->dir);
	assert_int_equal(
		bus_pull_open(url, &scene->senderd, &scene->f->err), 0);
	assert_int_equal(
		bus_push_open(url, &scene->sd.senderd_jobs, &scene->f->err), 0);
	scene->sd.config = &scene->config;
	scene->sd.store = scene->f->store;
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	char path[128];

	bus_out_close(&scene->sd.senderd_jobs);
	bus_in_close(&scene->senderd);
	snprintf(path, sizeof(path), "%s/jobs.ipc", scene->f->dir);
	unlink(path);
	fixture_teardown((void **)&scene->f);
	free(scene);
	return 0;
}

#define DUE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void schedule(struct scene *scene, const char *public_id,
	const char *text, int64_t due_ms)
{
	struct scheduled scheduled = { .public_id = public_id,
		.account_id = scene->f->account_id,
		.device_id = scene->f->device_id,
		.phone = "15550002222",
		.text = text,
		.due_ms = due_ms,
		.created_ms = NOW_MS };
	struct tx *tx = begin(scene->f);
	int64_t id;

	assert_int_equal(
		store_scheduled_create(tx, &scheduled, &id, &scene->f->err), 0);
	commit(scene->f, tx);
}

struct seen {
	enum scheduled_status status;
	int64_t due_ms;
	char reason[200], message_id[UUID_LEN];
};

static int on_scheduled(const struct scheduled *scheduled, void *arg)
{
	struct seen *seen = arg;

	seen->status = scheduled->status;
	seen->due_ms = scheduled->due_ms;
	snprintf(seen->reason, sizeof(seen->reason), "%s",
		scheduled->reason ? scheduled->reason : "");
	snprintf(seen->message_id, sizeof(seen->message_id), "%s",
		scheduled->message_public_id ? scheduled->message_public_id
					     : "");
	return 0;
}

static struct seen find(struct scene *scene, const char *public_id)
{
	struct seen seen = { 0 };

	assert_int_equal(store_scheduled_by_public_id(scene->f->store,
				 scene->f->account_id, public_id, on_scheduled,
				 &seen, &scene->f->err),
		0);
	return seen;
}

static void run(struct scene *scene, int64_t now_ms)
{
	int rc = due_run(&scene->sd, now_ms, &scene->f->err);

	if (rc < 0)
		print_error("%s\n", scene->f->err.msg);
	assert_in_range(rc, 0, 1);
}

static int on_message(const struct message *message, void *arg)
{
	assert_int_equal(message->source, MESSAGE_BY_SCHEDULE);
	assert_string_equal(message->text, "on time");
	assert_int_equal(
		strncmp(message->client_message_id, SEND_OWN_ID "sched:", 7),
		0);
	++*(int *)arg;
	return 0;
}

static int64_t n_messages(struct scene *scene)
{
	struct message_filter filter = { .account_id = scene->f->account_id };
	int64_t total = -1;
	int n = 0;

	assert_int_equal(store_message_list(scene->f->store, &filter,
				 (struct page){ .limit = 100 }, on_message, &n,
				 &total, &scene->f->err),
		0);
	assert_int_equal(n, total);
	return total;
}

static int sent_today(struct scene *scene, int64_t now_ms)
{
	struct budget budget;

	assert_int_equal(store_budget_get(scene->f->store, scene->f->device_id,
				 now_ms, &budget, &scene->f->err),
		0);
	return budget.day_sent;
}

static void a_message_is_sent_at_its_time_and_not_before(void **state)
{
	struct scene *scene = *state;

	schedule(scene, "a", "on time", NOW_MS);
	run(scene, NOW_MS - 1);
	assert_int_equal(find(scene, "a").status, SCHEDULED_PENDING);
	assert_int_equal(n_messages(scene), 0);
	run(scene, NOW_MS);
	assert_int_equal(find(scene, "a").status, SCHEDULED_SENT);
	assert_true(id_is_uuid(find(scene, "a").message_id));
	assert_int_equal(n_messages(scene), 1);
}

static void it_is_sent_once_however_often_we_look(void **state)
{
	struct scene *scene = *state;

	schedule(scene, "a", "on time", NOW_MS);
	for (int i = 0; i < 3; i++)
		run(scene, NOW_MS + i);
	assert_int_equal(n_messages(scene), 1);
	assert_int_equal(sent_today(scene, NOW_MS), 1);
}

/* As if the schedule alone had been restored from before the send: its message
 * is known by its clientMessageId, so there is no second one. */
static void a_schedule_that_forgot_finds_its_message(void **state)
{
	struct scene *scene = *state;
	struct seen first, again;

	schedule(scene, "a", "on time", NOW_MS);
	run(scene, NOW_MS);
	first = find(scene, "a");
	assert_int_equal(
		db_exec(store_db(scene->f->store),
			"UPDATE scheduled SET status = 1", &scene->f->err),
		0);
	run(scene, NOW_MS + 1);
	again = find(scene, "a");
	assert_int_equal(again.status, SCHEDULED_SENT);
	assert_string_equal(first.message_id, again.message_id);
	assert_int_equal(n_messages(scene), 1);
	assert_int_equal(sent_today(scene, NOW_MS), 1);
}

static Bus__Envelope *receive(struct scene *scene)
{
	struct pollfd pfd = { .fd = bus_in_fd(scene->senderd),
		.events = POLLIN };
	Bus__Envelope *envelope;

	while ((envelope = bus_recv(scene->senderd)) == NULL)
		assert_int_equal(poll(&pfd, 1, 5000), 1);
	return envelope;
}

static void the_job_goes_to_senderd(void **state)
{
	struct scene *scene = *state;
	Bus__Envelope *envelope;

	schedule(scene, "a", "on time", NOW_MS);
	run(scene, NOW_MS);
	envelope = receive(scene);
	assert_int_equal(envelope->body_case, BUS__ENVELOPE__BODY_SEND_JOB);
	assert_string_equal(envelope->device_uid, scene->f->uid);
	assert_string_equal(envelope->send_job->text, "on time");
	assert_int_equal(envelope->send_job->device_seq, 1);
	bus_envelope_free(&envelope);
}

static void a_used_up_budget_postpones_past_its_reset(void **state)
{
	static const char *const ids[] = { "a", "b", "c", "d", "e", "f" };
	const int64_t reset_ms = NOW_MS - NOW_MS % 60000 + 60000;
	struct scene *scene = *state;
	struct seen last;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		schedule(scene, ids[i], "on time", NOW_MS + (int64_t)i);
	run(scene, NOW_MS + 10);
	assert_int_equal(n_messages(scene), 5);
	last = find(scene, "f");
	assert_int_equal(last.status, SCHEDULED_PENDING);
	assert_in_range(last.due_ms, reset_ms, reset_ms + 2000);
	assert_non_null(strstr(last.reason,
		"Per-minute account safety limit reached (5 messages per"
		" minute)."));
	run(scene, last.due_ms);
	assert_int_equal(find(scene, "f").status, SCHEDULED_SENT);
	assert_string_equal(find(scene, "f").reason, "");
	assert_int_equal(n_messages(scene), 6);
}

static void a_message_that_is_too_late_fails(void **state)
{
	const int64_t limit_ms = LATE_LIMIT_SEC * INT64_C(1000);
	struct scene *scene = *state;

	schedule(scene, "a", "on time", NOW_MS - limit_ms);
	schedule(scene, "b", "on time", NOW_MS - limit_ms - 1000);
	run(scene, NOW_MS);
	assert_int_equal(find(scene, "a").status, SCHEDULED_SENT);
	assert_int_equal(find(scene, "b").status, SCHEDULED_FAILED);
	assert_string_equal(find(scene, "b").reason,
		"missed its time by 3601 s (limit 3600 s)");
	assert_int_equal(n_messages(scene), 1);
}

static void without_a_linked_device_it_fails_with_the_reason(void **state)
{
	struct scene *scene = *state;
	struct device_state logged_out = { .status = DEVICE_LOGGED_OUT };
	struct tx *tx = begin(scene->f);

	store_device_set_state(
		tx, scene->f->device_id, &logged_out, &scene->f->err);
	commit(scene->f, tx);
	schedule(scene, "a", "on time", NOW_MS);
	run(scene, NOW_MS);
	assert_int_equal(find(scene, "a").status, SCHEDULED_FAILED);
	assert_non_null(strstr(find(scene, "a").reason, "LOGGED_OUT"));
	tx = begin(scene->f);
	store_device_delete(tx, scene->f->device_id, NOW_MS, &scene->f->err);
	commit(scene->f, tx);
	schedule(scene, "b", "on time", NOW_MS);
	run(scene, NOW_MS);
	assert_int_equal(find(scene, "b").status, SCHEDULED_FAILED);
	assert_string_equal(find(scene, "b").reason, "device not found");
	assert_int_equal(n_messages(scene), 0);
	assert_int_equal(sent_today(scene, NOW_MS), 0);
}

static void many_are_taken_in_batches(void **state)
{
	struct scene *scene = *state;
	char id[16];

	scene->config.safety.enabled = false;
	for (int i = 0; i < 70; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		schedule(scene, id, "on time", NOW_MS);
	}
	assert_int_equal(due_run(&scene->sd, NOW_MS, &scene->f->err), 1);
	assert_int_equal(n_messages(scene), 64);
	assert_int_equal(due_run(&scene->sd, NOW_MS, &scene->f->err), 0);
	assert_int_equal(n_messages(scene), 70);
	assert_int_equal(due_run(&scene->sd, NOW_MS, &scene->f->err), 0);
}

static void a_failing_store_sends_nothing(void **state)
{
	struct scene *scene = *state;
	struct store *reader = NULL;

	schedule(scene, "a", "on time", NOW_MS);
	assert_int_equal(
		store_open(scene->f->path, STORE_READ, &reader, &scene->f->err),
		0);
	scene->sd.store = reader;
	assert_int_equal(due_run(&scene->sd, NOW_MS, &scene->f->err), -1);
	store_close(&reader);
	scene->sd.store = scene->f->store;
	assert_null(bus_recv(scene->senderd));
	assert_int_equal(find(scene, "a").status, SCHEDULED_PENDING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DUE_TEST(a_message_is_sent_at_its_time_and_not_before),
		DUE_TEST(it_is_sent_once_however_often_we_look),
		DUE_TEST(a_schedule_that_forgot_finds_its_message),
		DUE_TEST(the_job_goes_to_senderd),
		DUE_TEST(a_used_up_budget_postpones_past_its_reset),
		DUE_TEST(a_message_that_is_too_late_fails),
		DUE_TEST(without_a_linked_device_it_fails_with_the_reason),
		DUE_TEST(many_are_taken_in_batches),
		DUE_TEST(a_failing_store_sends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
