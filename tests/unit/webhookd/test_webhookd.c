/* The whole daemon but its main(): events in, requests out, attempts in the
 * store. */
#include "webhookd/webhookd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/webhookd/hooks.h"
#include "webhookd/signing.h"

/* The bodies came as "data": in this order. */
static void assert_data(
	const struct hooks *hooks, const char *const *data, int n)
{
	assert_int_equal(hooks->n_got, n);
	for (int i = 0; i < n; i++) {
		scoped(str_free) char *tail =
			xasprintf("\"data\":%s}", data[i]);

		assert_non_null(strstr(hooks->got[i].body, tail));
	}
}

static int answer_500_twice(struct hooks *hooks, const struct got *got, int n)
{
	(void)hooks;
	(void)got;
	return n < 2 ? 500 : 200;
}

static int answer_503_to_bad(struct hooks *hooks, const struct got *got, int n)
{
	(void)hooks;
	(void)n;
	return strcmp(got->path, "/bad") == 0 ? 503 : 200;
}

static int answer_302(struct hooks *hooks, const struct got *got, int n)
{
	(void)hooks;
	(void)got;
	return n < 3 ? 302 : 200;
}

static int hold_all(struct hooks *hooks, const struct got *got, int n)
{
	(void)hooks;
	(void)got;
	(void)n;
	return 0;
}

static int hold_old(struct hooks *hooks, const struct got *got, int n)
{
	(void)hooks;
	(void)n;
	return strcmp(got->path, "/old") == 0 ? 0 : 200;
}

/* ---- the way through ---- */

static void a_pushed_event_is_delivered_and_signed(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);
	const struct got *got = &hooks->got[0];
	Bus__Envelope *envelope;
	struct signing_key key;
	char signature[SIGNATURE_LEN], id[UUID_LEN];

	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	envelope = event_write(
		hooks, device, EVENT_CHAT_PERSONAL, "{\"text\":\"hi\"}");
	snprintf(id, sizeof(id), "%s", envelope->event->public_id);
	push(hooks, envelope);
	assert_true(run_until_got(hooks, 1));
	assert_string_equal(got->path, "/p");
	assert_string_equal(got->id, id);
	assert_non_null(strstr(got->body, "\"data\":{\"text\":\"hi\"}}"));
	assert_non_null(strstr(got->body, hooks->device_uid));
	signing_key_parse(HOOK_SECRET, strlen(HOOK_SECRET), &key, NULL);
	signing_sign(&key, id, atoll(got->timestamp), got->body,
		strlen(got->body), signature);
	assert_string_equal(got->signature, signature);
}

static void each_chat_kind_has_its_url(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	webhook_put(hooks, device, "/personal", "/group");
	daemon_open(hooks);
	push(hooks, event_write(hooks, device, EVENT_CHAT_GROUP, "{}"));
	assert_true(run_until_got(hooks, 1));
	assert_string_equal(hooks->got[0].path, "/group");
	push(hooks, event_write(hooks, device, EVENT_CHAT_PERSONAL, "{}"));
	assert_true(run_until_got(hooks, 2));
	assert_string_equal(hooks->got[1].path, "/personal");
}

static void events_of_other_devices_stay_away(void **state)
{
	struct hooks *hooks = *state;
	int64_t mine = device_add(hooks, hooks->device_uid);
	int64_t other = device_add(hooks, hooks->device_uid);

	webhook_put(hooks, mine, "/p", NULL);
	daemon_open(hooks);
	event_push(hooks, other, "{\"of\":\"other\"}");
	event_push(hooks, mine, "{\"of\":\"mine\"}");
	assert_true(run_until_got(hooks, 1));
	assert_data(hooks, (const char *const[]){ "{\"of\":\"mine\"}" }, 1);
}

static void failures_hold_up_what_comes_after(void **state)
{
	static const char *const data[] = { "{\"n\":1}", "{\"n\":1}",
		"{\"n\":1}", "{\"n\":2}", "{\"n\":3}" };
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);
	struct attempts attempts;

	webhook_put(hooks, device, "/p", NULL);
	hooks->answer = answer_500_twice;
	daemon_open(hooks);
	event_push(hooks, device, "{\"n\":1}");
	event_push(hooks, device, "{\"n\":2}");
	event_push(hooks, device, "{\"n\":3}");
	assert_true(run_until_got(hooks, 5));
	assert_data(hooks, data, 5);
	assert_string_equal(hooks->got[0].id, hooks->got[2].id);
	daemon_close(hooks);
	attempts = attempts_of(hooks);
	assert_true(attempts.n >= 4); /* the fifth may be under way */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(attempts.rows[i].number, i < 3 ? i + 1 : 1);
		assert_int_equal(attempts.rows[i].status,
			i < 2 ? ATTEMPT_RETRYING : ATTEMPT_SUCCESS);
		assert_int_equal(attempts.rows[i].code, i < 2 ? 500 : 200);
	}
}

static void after_three_failures_the_next_event_gets_its_turn(void **state)
{
	static const char *const data[] = { "{\"n\":1}", "{\"n\":1}",
		"{\"n\":1}", "{\"n\":2}" };
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);
	struct attempts attempts;

	webhook_put(hooks, device, "/p", NULL);
	hooks->answer = answer_302; /* not followed, not a success */
	daemon_open(hooks);
	event_push(hooks, device, "{\"n\":1}");
	event_push(hooks, device, "{\"n\":2}");
	assert_true(run_until_got(hooks, 4));
	assert_data(hooks, data, 4);
	daemon_close(hooks);
	attempts = attempts_of(hooks);
	assert_int_equal(attempts.rows[2].status, ATTEMPT_FAILED);
	assert_int_equal(attempts.rows[2].number, 3);
	assert_string_equal(attempts.rows[2].error, "HTTP 302");
}

static bool has_two_good(struct hooks *hooks)
{
	int n = 0;

	for (int i = 0; i < hooks->n_got; i++)
		n += strcmp(hooks->got[i].path, "/good") == 0;
	return n == 2;
}

static void a_failing_receiver_delays_nobody_else(void **state)
{
	struct hooks *hooks = *state;
	int64_t bad = device_add(hooks, hooks->device_uid);
	int64_t good = device_add(hooks, hooks->device_uid);

	webhook_put(hooks, bad, "/bad", NULL);
	webhook_put(hooks, good, "/good", NULL);
	hooks->answer = answer_503_to_bad;
	hooks->config->webhook.max_concurrent = 1;
	hooks->config->webhook.backoff_base_ms = 1000000;
	hooks->config->webhook.backoff_max_ms = 1000000;
	daemon_open(hooks);
	event_push(hooks, bad, "{}");
	event_push(hooks, good, "{}");
	event_push(hooks, good, "{}");
	assert_true(run_until(hooks, has_two_good));
}

/* ---- places ---- */

static void no_more_deliveries_than_places_are_under_way(void **state)
{
	struct hooks *hooks = *state;

	hooks->answer = hold_all;
	hooks->config->webhook.max_concurrent = 3;
	for (int i = 0; i < 6; i++) {
		int64_t device = device_add(hooks, hooks->device_uid);

		webhook_put(hooks, device, "/p", NULL);
		event_lost(hooks, device, "{}");
	}
	daemon_open(hooks);
	assert_true(run_until_got(hooks, 3));
	for (int i = 0; i < 50; i++)
		event_base_loop(
			webhookd_loop(hooks->webhookd), EVLOOP_NONBLOCK);
	assert_int_equal(hooks->n_got, 3);
	hooks->answer = NULL;
	release(&hooks->got[0]);
	release(&hooks->got[1]);
	release(&hooks->got[2]);
	assert_true(run_until_got(hooks, 6));
}

/* First 500 to all of /bad, then silence; /good is answered. */
static int first_500_then_hold(
	struct hooks *hooks, const struct got *got, int n)
{
	if (strcmp(got->path, "/good") == 0)
		return 200;
	for (int i = 0; i < n; i++)
		if (strcmp(hooks->got[i].id, got->id) == 0)
			return 0;
	return 500;
}

static bool has_a_good_one(struct hooks *hooks)
{
	return hooks->n_got > 0 &&
	       strcmp(hooks->got[hooks->n_got - 1].path, "/good") == 0;
}

static void dead_receivers_leave_half_of_the_places(void **state)
{
	struct hooks *hooks = *state;
	int64_t good = device_add(hooks, hooks->device_uid);

	hooks->answer = first_500_then_hold;
	hooks->config->webhook.max_concurrent = 4;
	for (int i = 0; i < 8; i++) {
		int64_t device = device_add(hooks, hooks->device_uid);

		webhook_put(hooks, device, "/bad", NULL);
		event_lost(hooks, device, "{}");
	}
	webhook_put(hooks, good, "/good", NULL);
	daemon_open(hooks);
	assert_true(run_until_got(hooks, 8 + 2)); /* two of them hang now */
	event_push(hooks, good, "{}");
	assert_true(run_until(hooks, has_a_good_one));
	assert_int_equal(hooks->n_got, 8 + 2 + 1);
}

/* ---- what the bus did not bring ---- */

static void lost_pushes_are_found_at_the_start(void **state)
{
	static const char *const data[] = { "{\"n\":1}", "{\"n\":2}",
		"{\"n\":3}" };
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	webhook_put(hooks, device, "/p", NULL);
	for (int i = 0; i < 3; i++)
		event_lost(hooks, device, data[i]);
	daemon_open(hooks);
	assert_true(run_until_got(hooks, 3));
	assert_data(hooks, data, 3);
}

static void a_push_after_a_lost_one_brings_both(void **state)
{
	static const char *const data[] = { "{\"n\":1}", "{\"n\":2}" };
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	event_lost(hooks, device, data[0]);
	event_push(hooks, device, data[1]);
	assert_true(run_until_got(hooks, 2));
	assert_data(hooks, data, 2);
}

static void the_sweep_finds_a_lost_push(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	event_lost(hooks, device, "{}");
	wake_push(hooks, 0); /* now, not in five seconds */
	assert_true(run_until_got(hooks, 1));
}

static void a_long_backlog_comes_in_order(void **state)
{
	enum { COUNT = 200 };
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);
	char payload[32];

	webhook_put(hooks, device, "/p", NULL);
	for (int i = 0; i < COUNT; i++) {
		snprintf(payload, sizeof(payload), "{\"n\":%d}", i);
		event_lost(hooks, device, payload);
	}
	daemon_open(hooks);
	assert_true(run_until_got(hooks, COUNT));
	for (int i = 0; i < COUNT; i++) {
		snprintf(payload, sizeof(payload), "{\"n\":%d}}", i);
		assert_non_null(strstr(hooks->got[i].body, payload));
	}
}

static void a_restart_goes_on_where_it_was(void **state)
{
	static const char *const data[] = { "{\"n\":1}", "{\"n\":2}" };
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	event_push(hooks, device, data[0]);
	assert_true(run_until_got(hooks, 1));
	daemon_close(hooks);
	event_lost(hooks, device, data[1]);
	daemon_open(hooks);
	assert_true(run_until_got(hooks, 2));
	if (strcmp(hooks->got[0].id, hooks->got[1].id) == 0)
		assert_true(run_until_got(hooks, 3)); /* the answer was late */
	assert_non_null(strstr(hooks->got[hooks->n_got - 1].body, data[1]));
}

static void an_abandoned_delivery_comes_again_with_its_id(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);
	Bus__Envelope *envelope;
	char id[UUID_LEN];

	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	hooks->answer = hold_all;
	envelope = event_write(hooks, device, EVENT_CHAT_PERSONAL, "{}");
	snprintf(id, sizeof(id), "%s", envelope->event->public_id);
	push(hooks, envelope);
	assert_true(run_until_got(hooks, 1));
	daemon_close(hooks); /* the receiver is still silent */
	assert_int_equal(attempts_of(hooks).n, 0);
	hooks->answer = NULL;
	daemon_open(hooks);
	assert_true(run_until_got(hooks, 2));
	assert_string_equal(hooks->got[1].id, id);
	assert_string_equal(hooks->got[0].id, id);
}

/* ---- changes ---- */

static void a_new_url_gets_only_what_comes_after(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);
	struct attempts attempts;

	webhook_put(hooks, device, "/old", NULL);
	hooks->answer = hold_old;
	daemon_open(hooks);
	event_push(hooks, device, "{\"n\":1}");
	event_push(hooks, device, "{\"n\":2}");
	assert_true(run_until_got(hooks, 1));
	webhook_put(hooks, device, "/new", NULL);
	wake_push(hooks, device);
	event_push(hooks, device, "{\"n\":3}");
	assert_true(run_until_got(hooks, 2));
	assert_string_equal(hooks->got[1].path, "/new");
	assert_non_null(strstr(hooks->got[1].body, "{\"n\":3}"));
	daemon_close(hooks);
	attempts = attempts_of(hooks);
	assert_int_equal(attempts.rows[0].status, ATTEMPT_FAILED);
	assert_non_null(strstr(attempts.rows[0].error, "changed"));
	assert_non_null(strstr(attempts.rows[0].url, "/old"));
}

static void a_webhook_made_while_running_is_noticed(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	daemon_open(hooks);
	event_push(hooks, device, "{\"n\":1}");
	webhook_put(hooks, device, "/p", NULL);
	event_lost(hooks, device, "{\"n\":2}");
	wake_push(hooks, device);
	assert_true(run_until_got(hooks, 1));
	assert_non_null(strstr(hooks->got[0].body, "{\"n\":2}"));
}

static void a_removed_url_gets_nothing_more(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	webhook_put(hooks, device, "/personal", "/group");
	daemon_open(hooks);
	webhook_put(hooks, device, NULL, "/group");
	wake_push(hooks, device);
	event_push(hooks, device, "{}");
	push(hooks, event_write(hooks, device, EVENT_CHAT_GROUP, "{}"));
	assert_true(run_until_got(hooks, 1));
	assert_string_equal(hooks->got[0].path, "/group");
}

/* ---- the breaker ---- */

/* One attempt an event, and two events given up are a pause. */
static void breaker_set(struct hooks *hooks, int pause_sec)
{
	hooks->config->webhook.attempts = 1;
	hooks->config->webhook.breaker_failures = 2;
	hooks->config->webhook.breaker_base_sec = pause_sec;
	hooks->config->webhook.breaker_max_sec = pause_sec;
}

static int answer_500_five_times(
	struct hooks *hooks, const struct got *got, int n)
{
	(void)hooks;
	(void)got;
	return n < 5 ? 500 : 200;
}

static int answer_500(struct hooks *hooks, const struct got *got, int n)
{
	(void)hooks;
	(void)got;
	(void)n;
	return 500;
}

static void push_numbers(
	struct hooks *hooks, int64_t device, int first, int last)
{
	char payload[32];

	for (int i = first; i <= last; i++) {
		snprintf(payload, sizeof(payload), "{\"n\":%d}", i);
		event_push(hooks, device, payload);
	}
}

static void what_waits_in_a_pause_comes_in_order_after_it(void **state)
{
	/* Two given up, three probes with the third, and it gets through. */
	static const char *const data[] = { "{\"n\":1}", "{\"n\":2}",
		"{\"n\":3}", "{\"n\":3}", "{\"n\":3}", "{\"n\":3}", "{\"n\":4}",
		"{\"n\":5}" };
	static const int statuses[] = { ATTEMPT_FAILED, ATTEMPT_FAILED,
		ATTEMPT_RETRYING, ATTEMPT_RETRYING, ATTEMPT_RETRYING,
		ATTEMPT_SUCCESS };
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);
	struct attempts attempts;

	breaker_set(hooks, 0);
	webhook_put(hooks, device, "/p", NULL);
	hooks->answer = answer_500_five_times;
	daemon_open(hooks);
	push_numbers(hooks, device, 1, 5);
	assert_true(run_until_got(hooks, 8));
	assert_data(hooks, data, 8);
	daemon_close(hooks);
	attempts = attempts_of(hooks);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(attempts.rows[i].status, statuses[i]);
		assert_int_equal(attempts.rows[i].number, i < 2 ? 1 : i - 1);
	}
	assert_int_equal(endpoint_of(hooks, device).place.n_pauses, 0);
}

static bool is_paused(struct hooks *hooks)
{
	return endpoint_of(hooks, 1).place.n_pauses == 1;
}

static void a_pause_outlives_the_daemon_and_ends_with_its_owner(void **state)
{
	static const char *const data[] = { "{\"n\":1}", "{\"n\":2}",
		"{\"n\":3}", "{\"n\":4}", "{\"n\":5}" };
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	must(device == 1);
	breaker_set(hooks, 3600);
	webhook_put(hooks, device, "/p", NULL);
	hooks->answer = answer_500;
	daemon_open(hooks);
	push_numbers(hooks, device, 1, 3);
	assert_true(run_until(hooks, is_paused));
	daemon_close(hooks);
	hooks->answer = NULL;
	daemon_open(hooks);
	push_numbers(hooks, device, 4, 5);
	for (int i = 0; i < 50; i++)
		event_base_loop(
			webhookd_loop(hooks->webhookd), EVLOOP_NONBLOCK);
	assert_int_equal(hooks->n_got, 2);
	assert_int_equal(endpoint_of(hooks, device).place.cursor_seq, 2);
	webhook_put(hooks, device, "/p", NULL); /* the same URL */
	wake_push(hooks, device);
	assert_true(run_until_got(hooks, 5));
	assert_data(hooks, data, 5);
}

/* ---- replays ---- */

static bool has_no_replay(struct hooks *hooks)
{
	return endpoint_of(hooks, 1).replay.id == 0;
}

static void a_stretch_is_replayed_in_order_with_its_ids(void **state)
{
	static const char *const data[] = { "{\"n\":1}", "{\"n\":2}",
		"{\"n\":3}", "{\"n\":4}", "{\"n\":2}", "{\"n\":3}",
		"{\"n\":1}" };
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);
	struct attempts attempts;

	must(device == 1);
	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	push_numbers(hooks, device, 1, 4);
	assert_true(run_until_got(hooks, 4));
	replay_add(hooks, device, 2, 3);
	replay_add(hooks, device, 1, 1); /* waits for the first */
	wake_push(hooks, device);
	assert_true(run_until_got(hooks, 7));
	assert_data(hooks, data, 7);
	for (int i = 4; i < 7; i++)
		assert_string_equal(
			hooks->got[i].id, hooks->got[i < 6 ? i - 3 : 0].id);
	assert_true(run_until(hooks, has_no_replay));
	assert_int_equal(endpoint_of(hooks, device).place.cursor_seq, 4);
	daemon_close(hooks);
	attempts = attempts_of(hooks);
	assert_int_equal(attempts.n, 7);
	for (int i = 0; i < 7; i++)
		assert_int_equal(attempts.rows[i].is_replay, i >= 4);
}

static int hold_the_second_one(
	struct hooks *hooks, const struct got *got, int n)
{
	(void)hooks;
	(void)got;
	return n == 1 ? 0 : 200;
}

static void a_replay_takes_no_place_of_what_happens_now(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	hooks->config->webhook.max_concurrent = 1;
	hooks->config->webhook.timeout_sec = 3600;
	webhook_put(hooks, device, "/p", NULL);
	hooks->answer = hold_the_second_one;
	daemon_open(hooks);
	event_push(hooks, device, "{\"n\":1}");
	assert_true(run_until_got(hooks, 1));
	replay_add(hooks, device, 1, 1);
	wake_push(hooks, device);
	assert_true(run_until_got(hooks, 2)); /* it hangs */
	event_push(hooks, device, "{\"n\":2}");
	assert_true(run_until_got(hooks, 3));
	assert_non_null(strstr(hooks->got[2].body, "{\"n\":2}"));
}

static void a_replay_goes_on_after_a_restart(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	must(device == 1);
	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	push_numbers(hooks, device, 1, 3);
	assert_true(run_until_got(hooks, 3));
	replay_add(hooks, device, 1, 3);
	wake_push(hooks, device);
	assert_true(run_until_got(hooks, 4));
	daemon_close(hooks);
	daemon_open(hooks);
	assert_true(run_until(hooks, has_no_replay));
	/* One may have come twice: its answer was late. */
	assert_in_range(hooks->n_got, 6, 7);
	assert_non_null(strstr(hooks->got[hooks->n_got - 1].body, "{\"n\":3}"));
}

static void a_replay_of_nothing_is_over_at_once(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	must(device == 1);
	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	for (int i = 0; i < 3; i++) {
		Bus__Envelope *other =
			event_write(hooks, device, EVENT_CHAT_GROUP, "{}");

		bus_envelope_free(&other);
	}
	replay_add(hooks, device, 1, 3);
	wake_push(hooks, device);
	assert_true(run_until(hooks, has_no_replay));
	assert_int_equal(hooks->n_got, 0);
}

static void another_url_ends_the_replay(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	webhook_put(hooks, device, "/old", NULL);
	daemon_open(hooks);
	push_numbers(hooks, device, 1, 3);
	assert_true(run_until_got(hooks, 3));
	hooks->answer = hold_old;
	replay_add(hooks, device, 1, 3);
	wake_push(hooks, device);
	assert_true(run_until_got(hooks, 4));
	webhook_put(hooks, device, "/new", NULL);
	wake_push(hooks, device);
	event_push(hooks, device, "{\"n\":4}");
	assert_true(run_until_got(hooks, 5));
	assert_string_equal(hooks->got[4].path, "/new");
	assert_non_null(strstr(hooks->got[4].body, "{\"n\":4}"));
	assert_int_equal(endpoint_of(hooks, device).replay.id, 0);
}

/* A pause with nothing that waits would last until the next event. */
static void a_replay_that_gets_through_ends_the_pause_beside_it(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	must(device == 1);
	breaker_set(hooks, 3600);
	webhook_put(hooks, device, "/p", NULL);
	hooks->answer = answer_500;
	daemon_open(hooks);
	push_numbers(hooks, device, 1, 3);
	assert_true(run_until(hooks, is_paused));
	hooks->answer = NULL;
	replay_add(hooks, device, 1, 1);
	wake_push(hooks, device);
	assert_true(run_until_got(hooks, 4));
	assert_non_null(strstr(hooks->got[2].body, "{\"n\":1}"));
	assert_non_null(strstr(hooks->got[3].body, "{\"n\":3}"));
}

static bool replay_is_paused(struct hooks *hooks)
{
	return endpoint_of(hooks, 1).replay.place.n_pauses == 1;
}

/* Replays break like anything else, and their owner helps them, too. */
static void naming_the_url_ends_the_pause_of_a_replay(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	must(device == 1);
	breaker_set(hooks, 3600);
	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	push_numbers(hooks, device, 1, 4);
	assert_true(run_until_got(hooks, 4));
	hooks->answer = answer_500;
	replay_add(hooks, device, 1, 4);
	wake_push(hooks, device);
	assert_true(run_until(hooks, replay_is_paused));
	assert_int_equal(hooks->n_got, 6);
	hooks->answer = NULL;
	webhook_put(hooks, device, "/p", NULL);
	wake_push(hooks, device);
	assert_true(run_until(hooks, has_no_replay));
	assert_int_equal(hooks->n_got, 8);
	assert_non_null(strstr(hooks->got[6].body, "{\"n\":3}"));
	assert_int_equal(endpoint_of(hooks, device).place.cursor_seq, 4);
}

/* ---- secrets ---- */

#define NEW_SECRET "whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3"

static bool is_signed(const struct got *got, const char *secret)
{
	struct signing_key key;
	char signature[SIGNATURE_LEN];

	must(signing_key_parse(secret, strlen(secret), &key, NULL) == 0);
	signing_sign(&key, got->id, atoll(got->timestamp), got->body,
		strlen(got->body), signature);
	return strstr(got->signature, signature) != NULL;
}

static bool old_secret_is_gone(struct hooks *hooks)
{
	return endpoint_of(hooks, 1).old_secret_bytes == 0;
}

static void both_secrets_sign_until_the_old_one_is_wiped(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);
	const int64_t now_ms = clock_now_ms();

	must(device == 1);
	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	secret_rotate(hooks, device, NEW_SECRET, now_ms + 3600000);
	wake_push(hooks, device);
	event_push(hooks, device, "{\"n\":1}");
	assert_true(run_until_got(hooks, 1));
	assert_true(is_signed(&hooks->got[0], HOOK_SECRET));
	assert_true(is_signed(&hooks->got[0], NEW_SECRET));
	assert_int_equal(strlen(hooks->got[0].signature), 2 * 47 + 1);
	clock_shift_ms(3600001);
	event_push(hooks, device, "{\"n\":2}");
	assert_true(run_until_got(hooks, 2));
	assert_false(is_signed(&hooks->got[1], HOOK_SECRET));
	assert_true(is_signed(&hooks->got[1], NEW_SECRET));
	wake_push(hooks, 0);
	assert_true(run_until(hooks, old_secret_is_gone));
	clock_shift_ms(0);
}

static void without_overlap_only_the_new_secret_signs(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);

	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	secret_rotate(hooks, device, NEW_SECRET, 0);
	wake_push(hooks, device);
	event_push(hooks, device, "{\"n\":1}");
	assert_true(run_until_got(hooks, 1));
	assert_false(is_signed(&hooks->got[0], HOOK_SECRET));
	assert_true(is_signed(&hooks->got[0], NEW_SECRET));
}

/* ---- targets ---- */

static bool has_attempt(struct hooks *hooks)
{
	return attempts_of(hooks).n > 0;
}

static bool has_six_attempts(struct hooks *hooks)
{
	return attempts_of(hooks).n == 6;
}

static void closed_addresses_are_refused_and_recorded(void **state)
{
	/* The last one only once it is resolved, the others by their looks. */
	static const char *const hosts[] = { "127.0.0.1", "0.0.0.0",
		"2130706433", "[::1]", "[::ffff:127.0.0.1]", "localhost" };
	struct hooks *hooks = *state;
	scoped(str_free) char *url = NULL;
	struct attempts attempts;
	int64_t device;

	hooks->config->webhook.allow_private_targets = false;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		device = device_add(hooks, hooks->device_uid);
		str_free(&url);
		url = xasprintf("http://%s:%d/", hosts[i], hooks->port);
		webhook_put(hooks, device, url, NULL);
		event_lost(hooks, device, "{}");
	}
	daemon_open(hooks);
	assert_true(run_until(hooks, has_six_attempts));
	attempts = attempts_of(hooks);
	assert_int_equal(attempts.n, (int)ARRAY_LEN(hosts));
	for (int i = 0; i < attempts.n; i++) {
		assert_int_equal(attempts.rows[i].status, ATTEMPT_REFUSED);
		assert_int_equal(attempts.rows[i].number, 1);
		assert_string_equal(
			attempts.rows[i].error, "target address is not public");
	}
	assert_int_equal(hooks->n_got, 0);
}

static void an_endless_answer_is_cut_and_its_status_counts(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);
	struct evbuffer *chunk = evbuffer_new();
	struct evhttp_request *request;
	static const char zeros[32 * 1024];

	webhook_put(hooks, device, "/p", NULL);
	hooks->answer = hold_all;
	hooks->config->webhook.timeout_sec = 3600;
	daemon_open(hooks);
	event_push(hooks, device, "{}");
	assert_true(run_until_got(hooks, 1));
	request = hooks->got[0].held;
	evhttp_send_reply_start(request, 200, "OK");
	for (int i = 0; i < 3; i++) {
		evbuffer_add(chunk, zeros, sizeof(zeros));
		evhttp_send_reply_chunk(request, chunk);
	}
	assert_true(run_until(hooks, has_attempt)); /* long before its end */
	assert_int_equal(attempts_of(hooks).rows[0].status, ATTEMPT_SUCCESS);
	evhttp_send_reply_end(request);
	hooks->got[0].held = NULL;
	evbuffer_free(chunk);
}

/* ---- the bus ---- */

static Bus__Envelope *live_got;

static bool has_live(struct hooks *hooks)
{
	(void)hooks;
	return live_got != NULL;
}

static void on_live(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	if (live_got == NULL)
		live_got = bus_recv(arg);
}

static void on_push_again(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *hooks = arg;

	(void)fd;
	(void)what;
	event_push(hooks, 1, "{\"live\":true}");
}

static void pushed_events_are_published(void **state)
{
	const struct timeval again = { .tv_usec = 20000 };
	struct hooks *hooks = *state;
	scoped(str_free) char *url =
		config_bus_url(hooks->config, BUS_WEBHOOKD_LIVE);
	struct event *readable, *pusher;
	struct event_base *base;
	struct bus_in *in = NULL;

	live_got = NULL;
	must(device_add(hooks, hooks->device_uid) == 1);
	daemon_open(hooks);
	base = webhookd_loop(hooks->webhookd);
	must(bus_sub_open(url, &in, NULL) == 0);
	readable = event_new(
		base, bus_in_fd(in), EV_READ | EV_PERSIST, on_live, in);
	event_add(readable, NULL);
	/* A subscriber that has just dialled may miss the first ones. */
	pusher = event_new(base, -1, EV_PERSIST, on_push_again, hooks);
	event_add(pusher, &again);
	assert_true(run_until(hooks, has_live));
	assert_string_equal(live_got->event->payload, "{\"live\":true}");
	bus_envelope_free(&live_got);
	event_free(readable);
	event_free(pusher);
	bus_in_close(&in);
}

static void envelopes_that_make_no_sense_are_dropped(void **state)
{
	struct hooks *hooks = *state;
	int64_t device = device_add(hooks, hooks->device_uid);
	Bus__Envelope *bad;

	webhook_put(hooks, device, "/p", NULL);
	daemon_open(hooks);
	for (int i = 0; i < 6; i++) {
		bad = event_write(hooks, device, EVENT_CHAT_PERSONAL, "{}");
		switch (i) {
		case 0:
			bad->event->chat_kind = 77;
			break;
		case 1:
			bad->event->public_id[3] = '"';
			break;
		case 2:
			bad->event->device_seq = -1;
			break;
		case 3:
			bad->event->payload[0] = '\0';
			break;
		case 4:
			bad->event->account_id = 0;
			break;
		case 5:
			bus__event__free_unpacked(bad->event, NULL);
			bad->event = NULL;
			bad->body_case = BUS__ENVELOPE__BODY__NOT_SET;
			break;
		}
		push(hooks, bad);
	}
	event_push(hooks, device, "{\"n\":7}");
	assert_true(run_until_got(hooks, 7)); /* from the log */
	for (int i = 0; i < 7; i++)
		assert_true(id_is_uuid(hooks->got[i].id));
	assert_non_null(strstr(hooks->got[6].body, "{\"n\":7}"));
}

#define HOOKS(f) cmocka_unit_test_setup_teardown(f, hooks_setup, hooks_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOOKS(a_pushed_event_is_delivered_and_signed),
		HOOKS(each_chat_kind_has_its_url),
		HOOKS(events_of_other_devices_stay_away),
		HOOKS(failures_hold_up_what_comes_after),
		HOOKS(after_three_failures_the_next_event_gets_its_turn),
		HOOKS(a_failing_receiver_delays_nobody_else),
		HOOKS(no_more_deliveries_than_places_are_under_way),
		HOOKS(dead_receivers_leave_half_of_the_places),
		HOOKS(lost_pushes_are_found_at_the_start),
		HOOKS(a_push_after_a_lost_one_brings_both),
		HOOKS(the_sweep_finds_a_lost_push),
		HOOKS(a_long_backlog_comes_in_order),
		HOOKS(a_restart_goes_on_where_it_was),
		HOOKS(an_abandoned_delivery_comes_again_with_its_id),
		HOOKS(a_new_url_gets_only_what_comes_after),
		HOOKS(a_webhook_made_while_running_is_noticed),
		HOOKS(a_removed_url_gets_nothing_more),
		HOOKS(what_waits_in_a_pause_comes_in_order_after_it),
		HOOKS(a_pause_outlives_the_daemon_and_ends_with_its_owner),
		HOOKS(a_stretch_is_replayed_in_order_with_its_ids),
		HOOKS(a_replay_takes_no_place_of_what_happens_now),
		HOOKS(a_replay_goes_on_after_a_restart),
		HOOKS(a_replay_of_nothing_is_over_at_once),
		HOOKS(another_url_ends_the_replay),
		HOOKS(a_replay_that_gets_through_ends_the_pause_beside_it),
		HOOKS(naming_the_url_ends_the_pause_of_a_replay),
		HOOKS(both_secrets_sign_until_the_old_one_is_wiped),
		HOOKS(without_overlap_only_the_new_secret_signs),
		HOOKS(closed_addresses_are_refused_and_recorded),
		HOOKS(an_endless_answer_is_cut_and_its_status_counts),
		HOOKS(pushed_events_are_published),
		HOOKS(envelopes_that_make_no_sense_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
