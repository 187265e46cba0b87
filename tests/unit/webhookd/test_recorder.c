#include "webhookd/recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/webhookd/hooks.h"

struct fixture {
	struct hooks *hooks;
	struct event_base *base;
	struct recorder *recorder;
	int64_t device_id, endpoint_id;
};

static int on_endpoint(const struct webhook_endpoint *endpoint, void *arg)
{
	*(struct webhook_endpoint *)arg = *endpoint;
	return 0;
}

static struct webhook_endpoint endpoint_now(struct fixture *fixture)
{
	struct webhook_endpoint endpoint = { 0 };

	must(store_webhook_endpoints_of_device(fixture->hooks->store,
		     fixture->device_id, on_endpoint, &endpoint, NULL) == 0);
	return endpoint;
}

static void on_room(void *arg)
{
	(void)arg;
}

static void open_recorder(struct fixture *fixture)
{
	scoped(str_free) char *path = config_db_path(fixture->hooks->config);

	must(recorder_open(path, fixture->base, on_room, NULL,
		     &fixture->recorder, NULL) == 0);
}

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	hooks_setup((void **)&fixture->hooks);
	fixture->base = event_base_new();
	fixture->device_id =
		device_add(fixture->hooks, fixture->hooks->device_uid);
	webhook_put(fixture->hooks, fixture->device_id, "/p", NULL);
	fixture->endpoint_id = endpoint_now(fixture).id;
	open_recorder(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	int rc;

	recorder_close(&fixture->recorder);
	event_base_free(fixture->base);
	rc = hooks_teardown((void **)&fixture->hooks);
	free(fixture);
	return rc;
}

static struct attempt attempt_of(
	struct fixture *fixture, enum attempt_status status, int number)
{
	struct attempt attempt = {
		.endpoint_id = fixture->endpoint_id,
		.endpoint_version = endpoint_now(fixture).version,
		.account_id = fixture->hooks->account_id,
		.device_id = fixture->device_id,
		.event_id = 1,
		.url = "http://example.com/",
		.number = number,
		.status = status,
	};

	return attempt;
}

static void record(struct fixture *fixture, const struct attempt *attempt,
	int64_t cursor_seq)
{
	const struct webhook_place place = { .cursor_seq = cursor_seq };

	recorder_attempt(fixture->recorder, attempt, &place);
}

static void closing_writes_what_is_queued(void **state)
{
	struct fixture *fixture = *state;
	struct attempt attempt = attempt_of(fixture, ATTEMPT_SUCCESS, 1);

	for (int seq = 1; seq <= 50; seq++)
		record(fixture, &attempt, seq);
	recorder_close(&fixture->recorder);
	assert_int_equal(attempts_of(fixture->hooks).n, 50);
	assert_int_equal(endpoint_now(fixture).place.cursor_seq, 50);
}

static void a_retry_stores_counts_and_times(void **state)
{
	struct fixture *fixture = *state;
	struct attempt attempt = attempt_of(fixture, ATTEMPT_RETRYING, 2);

	const struct webhook_place place = { .attempts = 2,
		.next_attempt_ms = 777,
		.n_failed = 3,
		.n_pauses = 4,
		.paused_until_ms = 888 };
	struct webhook_place stored;

	recorder_attempt(fixture->recorder, &attempt, &place);
	recorder_close(&fixture->recorder);
	stored = endpoint_now(fixture).place;
	assert_int_equal(stored.cursor_seq, 0);
	assert_int_equal(stored.attempts, 2);
	assert_int_equal(stored.next_attempt_ms, 777);
	assert_int_equal(stored.n_failed, 3);
	assert_int_equal(stored.n_pauses, 4);
	assert_int_equal(stored.paused_until_ms, 888);
}

static void a_skip_moves_the_cursor_alone(void **state)
{
	struct fixture *fixture = *state;

	recorder_skip(fixture->recorder, fixture->endpoint_id, 9);
	recorder_close(&fixture->recorder);
	assert_int_equal(endpoint_now(fixture).place.cursor_seq, 9);
	assert_int_equal(attempts_of(fixture->hooks).n, 0);
}

static void a_record_that_will_not_go_in_holds_up_nobody(void **state)
{
	struct fixture *fixture = *state;
	struct attempt good = attempt_of(fixture, ATTEMPT_SUCCESS, 1);
	struct attempt bad = good;

	bad.account_id = 12345;				 /* no such account */
	log_open("test", NULL, (enum log_level)0, NULL); /* an error is meant */
	record(fixture, &good, 1);
	record(fixture, &bad, 2);
	record(fixture, &good, 3);
	recorder_close(&fixture->recorder);
	assert_int_equal(attempts_of(fixture->hooks).n, 2);
	assert_int_equal(endpoint_now(fixture).place.cursor_seq, 3);
}

static void a_stuck_store_leaves_no_room_and_loses_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct attempt attempt = attempt_of(fixture, ATTEMPT_SUCCESS, 1);
	struct tx *other = tx_begin(fixture->hooks->store, NULL);
	int seq = 0;

	assert_non_null(other);
	while (recorder_has_room(fixture->recorder))
		record(fixture, &attempt, ++seq);
	tx_end(&other);
	recorder_close(&fixture->recorder);
	assert_int_equal(endpoint_now(fixture).place.cursor_seq, seq);
}

#define RECORDER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECORDER(closing_writes_what_is_queued),
		RECORDER(a_retry_stores_counts_and_times),
		RECORDER(a_skip_moves_the_cursor_alone),
		RECORDER(a_record_that_will_not_go_in_holds_up_nobody),
		RECORDER(a_stuck_store_leaves_no_room_and_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
