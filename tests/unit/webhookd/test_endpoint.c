#include "webhookd/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/own.h"

#define NOW 1000000
#define PERSONAL EVENT_CHAT_PERSONAL
#define GROUP EVENT_CHAT_GROUP

static const struct retry_policy policy = {
	.attempts = 3,
	.base_ms = 1000,
	.max_ms = 30000,
	.breaker_failures = 2,
	.pause_base_ms = 60000,
	.pause_max_ms = 3600000,
};

static const struct webhook_endpoint row = {
	.id = 1,
	.account_id = 2,
	.device_id = 3,
	.device_uid = "dev_abcdefgh",
	.chat = PERSONAL,
	.url = "https://example.com/",
	.place = { .cursor_seq = 10 },
	.device_seq = 10,
	.version = 5,
};

static int setup(void **state)
{
	struct endpoint *endpoint = endpoint_new(&row);

	endpoint->key.n = 24;
	*state = endpoint;
	return 0;
}

static int teardown(void **state)
{
	struct endpoint *endpoint = *state;

	endpoint_free(&endpoint);
	return 0;
}

static struct event event_of(int64_t seq, enum event_chat chat)
{
	struct event event = {
		.id = 100 + seq,
		.public_id = "0193b5a0-7c3e-7d11-8b1a-2f6f3a9c0d21",
		.account_seq = 1000 + seq,
		.device_seq = seq,
		.chat = chat,
		.type = "message.sent",
		.payload = "{}",
	};

	return event;
}

static enum endpoint_offer push(
	struct endpoint *endpoint, int64_t seq, enum event_chat chat)
{
	struct event event = event_of(seq, chat);

	return endpoint_push(endpoint, &event);
}

static enum endpoint_offer read_log(
	struct endpoint *endpoint, int64_t seq, enum event_chat chat)
{
	struct event event = event_of(seq, chat);

	return endpoint_read(endpoint, &event);
}

static void begin(struct endpoint *endpoint)
{
	endpoint_set_state(endpoint, ENDPOINT_QUEUED);
	endpoint_set_state(endpoint, ENDPOINT_BUSY);
}

static enum attempt_status finish(
	struct endpoint *endpoint, enum attempt_result result)
{
	struct parcel *parcel = NULL;
	enum attempt_status status =
		endpoint_finish(endpoint, result, &policy, NOW, &parcel);

	assert_int_equal(parcel == NULL, status == ATTEMPT_RETRYING);
	parcel_free(&parcel);
	return status;
}

/* ---- events ---- */

static void the_next_event_is_taken_from_memory(void **state)
{
	struct endpoint *endpoint = *state;
	const struct parcel *parcel;

	assert_false(endpoint_has_work(endpoint));
	assert_int_equal(push(endpoint, 11, PERSONAL), OFFER_TAKEN);
	assert_true(endpoint_has_work(endpoint));
	parcel = endpoint_first(endpoint);
	assert_int_equal(parcel->device_seq, 11);
	assert_int_equal(parcel->event_id, 111);
	assert_string_equal(parcel->body,
		"{\"id\":\"0193b5a0-7c3e-7d11-8b1a-2f6f3a9c0d21\","
		"\"type\":\"message.sent\","
		"\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"seq\":1011,"
		"\"deviceUid\":\"dev_abcdefgh\",\"data\":{}}");
}

static void an_event_after_a_gap_waits_for_the_log(void **state)
{
	struct endpoint *endpoint = *state;

	assert_int_equal(push(endpoint, 13, PERSONAL), OFFER_LATER);
	assert_null(endpoint_first(endpoint));
	assert_true(endpoint_has_work(endpoint));
	assert_int_equal(read_log(endpoint, 11, PERSONAL), OFFER_TAKEN);
	assert_int_equal(read_log(endpoint, 12, PERSONAL), OFFER_TAKEN);
	assert_int_equal(push(endpoint, 13, PERSONAL), OFFER_TAKEN);
}

static void an_event_comes_in_once(void **state)
{
	struct endpoint *endpoint = *state;

	assert_int_equal(push(endpoint, 10, PERSONAL), OFFER_KNOWN);
	assert_int_equal(push(endpoint, 11, PERSONAL), OFFER_TAKEN);
	assert_int_equal(push(endpoint, 11, PERSONAL), OFFER_KNOWN);
	assert_int_equal(read_log(endpoint, 11, PERSONAL), OFFER_KNOWN);
	assert_int_equal(endpoint->n_parcels, 1);
}

static void the_other_chat_kind_is_passed_over(void **state)
{
	struct endpoint *endpoint = *state;

	assert_int_equal(push(endpoint, 11, GROUP), OFFER_PASSED);
	assert_false(endpoint_has_work(endpoint));
	assert_int_equal(endpoint_skip_to(endpoint), 11);
	assert_int_equal(push(endpoint, 12, PERSONAL), OFFER_TAKEN);
	assert_int_equal(endpoint_skip_to(endpoint), 0);
}

static void events_removed_from_the_log_are_no_gap(void **state)
{
	struct endpoint *endpoint = *state;

	endpoint_learn(endpoint, 40);
	assert_int_equal(read_log(endpoint, 30, PERSONAL), OFFER_TAKEN);
	endpoint_log_ended(endpoint);
	assert_int_equal(push(endpoint, 41, PERSONAL), OFFER_TAKEN);
}

static void the_look_ahead_is_bounded_in_events(void **state)
{
	struct endpoint *endpoint = *state;
	int64_t seq = 11;

	while (push(endpoint, seq, PERSONAL) == OFFER_TAKEN)
		seq++;
	assert_int_equal(endpoint->n_parcels, LOOK_AHEAD_EVENTS);
	assert_int_equal(endpoint->read_seq, 10 + LOOK_AHEAD_EVENTS);
	begin(endpoint);
	assert_int_equal(finish(endpoint, RESULT_DELIVERED), ATTEMPT_SUCCESS);
	assert_int_equal(push(endpoint, seq + 1, PERSONAL), OFFER_LATER);
	assert_int_equal(read_log(endpoint, seq, PERSONAL), OFFER_TAKEN);
}

static void the_look_ahead_is_bounded_in_bytes(void **state)
{
	struct endpoint *endpoint = *state;
	char *payload = xcalloc(1, LOOK_AHEAD_BYTES + 3);
	struct event event = event_of(11, PERSONAL);

	payload[0] = '{';
	memset(payload + 1, ' ', LOOK_AHEAD_BYTES);
	payload[LOOK_AHEAD_BYTES + 1] = '}';
	event.payload = payload;
	assert_int_equal(endpoint_push(endpoint, &event), OFFER_TAKEN);
	assert_int_equal(push(endpoint, 12, PERSONAL), OFFER_LATER);
	begin(endpoint);
	finish(endpoint, RESULT_DELIVERED);
	assert_int_equal(endpoint->parcel_bytes, 0);
	assert_int_equal(read_log(endpoint, 12, PERSONAL), OFFER_TAKEN);
	free(payload);
}

static void without_a_key_there_is_nothing_to_do(void **state)
{
	struct endpoint *endpoint = *state;

	endpoint->key.n = 0;
	push(endpoint, 11, PERSONAL);
	assert_false(endpoint_has_work(endpoint));
}

/* ---- attempts ---- */

static void a_delivery_makes_way_for_the_next_event(void **state)
{
	struct endpoint *endpoint = *state;

	push(endpoint, 11, PERSONAL);
	push(endpoint, 12, PERSONAL);
	begin(endpoint);
	assert_int_equal(finish(endpoint, RESULT_DELIVERED), ATTEMPT_SUCCESS);
	assert_int_equal(endpoint->state, ENDPOINT_IDLE);
	assert_int_equal(endpoint->recorded_seq, 11);
	assert_int_equal(endpoint_first(endpoint)->device_seq, 12);
	assert_false(endpoint->is_suspect);
}

static void a_failure_keeps_the_event_and_waits(void **state)
{
	struct endpoint *endpoint = *state;

	push(endpoint, 11, PERSONAL);
	begin(endpoint);
	assert_int_equal(finish(endpoint, RESULT_FAILED), ATTEMPT_RETRYING);
	assert_int_equal(endpoint->state, ENDPOINT_WAITING);
	assert_int_equal(endpoint->attempts, 1);
	assert_in_range(endpoint->next_attempt_ms, NOW + 800, NOW + 1200);
	assert_int_equal(endpoint_first(endpoint)->device_seq, 11);
	assert_int_equal(endpoint->recorded_seq, 10);
	assert_true(endpoint->is_suspect);
}

static void the_last_failure_gives_the_event_up(void **state)
{
	struct endpoint *endpoint = *state;

	push(endpoint, 11, PERSONAL);
	push(endpoint, 12, PERSONAL);
	begin(endpoint);
	assert_int_equal(finish(endpoint, RESULT_FAILED), ATTEMPT_RETRYING);
	begin(endpoint);
	assert_int_equal(finish(endpoint, RESULT_FAILED), ATTEMPT_RETRYING);
	begin(endpoint);
	assert_int_equal(finish(endpoint, RESULT_FAILED), ATTEMPT_FAILED);
	assert_int_equal(endpoint->state, ENDPOINT_IDLE);
	assert_int_equal(endpoint->attempts, 0);
	assert_int_equal(endpoint->recorded_seq, 11);
	assert_int_equal(endpoint_first(endpoint)->device_seq, 12);
	assert_true(endpoint->is_suspect);
}

static void a_refused_target_is_not_tried_again(void **state)
{
	struct endpoint *endpoint = *state;

	push(endpoint, 11, PERSONAL);
	begin(endpoint);
	assert_int_equal(finish(endpoint, RESULT_REFUSED), ATTEMPT_REFUSED);
	assert_int_equal(endpoint->state, ENDPOINT_IDLE);
	assert_null(endpoint_first(endpoint));
}

static void a_success_after_a_failure_clears_the_count(void **state)
{
	struct endpoint *endpoint = *state;

	push(endpoint, 11, PERSONAL);
	begin(endpoint);
	finish(endpoint, RESULT_FAILED);
	begin(endpoint);
	assert_int_equal(finish(endpoint, RESULT_DELIVERED), ATTEMPT_SUCCESS);
	assert_int_equal(endpoint->attempts, 0);
	assert_false(endpoint->is_suspect);
}

static void a_broken_off_attempt_never_was(void **state)
{
	struct endpoint *endpoint = *state;

	push(endpoint, 11, PERSONAL);
	begin(endpoint);
	endpoint_cancel(endpoint);
	assert_int_equal(endpoint->state, ENDPOINT_IDLE);
	assert_int_equal(endpoint->attempts, 0);
	assert_int_equal(endpoint_first(endpoint)->device_seq, 11);
}

static void attempts_of_the_store_count_on(void **state)
{
	struct webhook_endpoint retrying = row;
	struct endpoint *endpoint;

	(void)state;
	retrying.place.attempts = 2;
	retrying.device_seq = 11;
	endpoint = endpoint_new(&retrying);
	endpoint->key.n = 24;
	assert_true(endpoint->is_suspect);
	assert_true(endpoint_has_work(endpoint));
	read_log(endpoint, 11, PERSONAL);
	begin(endpoint);
	assert_int_equal(finish(endpoint, RESULT_FAILED), ATTEMPT_FAILED);
	endpoint_free(&endpoint);
}

static void a_changed_row_starts_over(void **state)
{
	struct webhook_endpoint changed = row;
	struct endpoint *endpoint = *state;

	push(endpoint, 11, PERSONAL);
	begin(endpoint);
	finish(endpoint, RESULT_FAILED);
	endpoint_set_state(endpoint, ENDPOINT_IDLE);
	changed.url = "https://example.org/";
	changed.place.cursor_seq = 20;
	changed.device_seq = 21;
	changed.version = 6;
	endpoint_reset(endpoint, &changed);
	assert_string_equal(endpoint->url, "https://example.org/");
	assert_null(endpoint_first(endpoint));
	assert_int_equal(endpoint->attempts, 0);
	assert_false(endpoint->is_suspect);
	assert_int_equal(push(endpoint, 20, PERSONAL), OFFER_KNOWN);
	assert_int_equal(push(endpoint, 21, PERSONAL), OFFER_TAKEN);
}

/* ---- the breaker ---- */

/* Gives up the event at the head. */
static void give_up(struct endpoint *endpoint)
{
	for (int i = 0; i < policy.attempts; i++) {
		begin(endpoint);
		finish(endpoint, RESULT_FAILED);
	}
}

/* With two events given up, 11 and 12, and 13 and 14 in the look-ahead. */
static void pause_it(struct endpoint *endpoint)
{
	for (int seq = 11; seq <= 14; seq++)
		push(endpoint, seq, PERSONAL);
	give_up(endpoint);
	assert_false(endpoint_is_paused(endpoint));
	give_up(endpoint);
	assert_true(endpoint_is_paused(endpoint));
}

static void events_given_up_in_a_row_pause_it(void **state)
{
	struct endpoint *endpoint = *state;

	pause_it(endpoint);
	assert_int_equal(endpoint->n_failed, 2);
	assert_int_equal(endpoint->state, ENDPOINT_IDLE);
	assert_in_range(endpoint_due_ms(endpoint), NOW + 48000, NOW + 72000);
	assert_int_equal(endpoint_place(endpoint).cursor_seq, 12);
	assert_int_equal(endpoint_place(endpoint).n_pauses, 1);
}

static void a_paused_one_keeps_no_look_ahead_and_misses_nothing(void **state)
{
	struct endpoint *endpoint = *state;

	pause_it(endpoint);
	assert_int_equal(endpoint->n_parcels, 0);
	assert_true(endpoint_has_work(endpoint));
	assert_int_equal(push(endpoint, 15, PERSONAL), OFFER_LATER);
	assert_int_equal(read_log(endpoint, 13, PERSONAL), OFFER_TAKEN);
	assert_int_equal(read_log(endpoint, 14, PERSONAL), OFFER_LATER);
	assert_int_equal(endpoint->newest_seq, 15);
}

static void a_failing_probe_doubles_the_pause_and_costs_no_attempt(void **state)
{
	struct endpoint *endpoint = *state;

	pause_it(endpoint);
	read_log(endpoint, 13, PERSONAL);
	for (int probe = 1; probe <= 5; probe++) {
		assert_int_equal(endpoint_attempt_number(endpoint), probe);
		begin(endpoint);
		assert_int_equal(finish(endpoint, probe & 1 ? RESULT_FAILED
							    : RESULT_REFUSED),
			ATTEMPT_RETRYING);
		assert_int_equal(endpoint->state, ENDPOINT_WAITING);
		assert_int_equal(endpoint->attempts, 0);
		assert_in_range(endpoint_due_ms(endpoint) - NOW, 48000 << probe,
			72000 << probe);
	}
	assert_int_equal(endpoint_first(endpoint)->device_seq, 13);
	assert_int_equal(endpoint_place(endpoint).cursor_seq, 12);
}

static void a_probe_that_gets_through_ends_the_pause(void **state)
{
	struct endpoint *endpoint = *state;

	pause_it(endpoint);
	read_log(endpoint, 13, PERSONAL);
	begin(endpoint);
	assert_int_equal(finish(endpoint, RESULT_DELIVERED), ATTEMPT_SUCCESS);
	assert_false(endpoint_is_paused(endpoint));
	assert_int_equal(endpoint->n_failed, 0);
	assert_int_equal(endpoint_due_ms(endpoint), 0);
	assert_int_equal(endpoint_place(endpoint).cursor_seq, 13);
	assert_false(endpoint->is_suspect);
}

static void a_delivery_between_failures_counts_from_the_start(void **state)
{
	struct endpoint *endpoint = *state;

	for (int seq = 11; seq <= 13; seq++)
		push(endpoint, seq, PERSONAL);
	give_up(endpoint);
	begin(endpoint);
	finish(endpoint, RESULT_DELIVERED);
	give_up(endpoint);
	assert_false(endpoint_is_paused(endpoint));
	assert_int_equal(endpoint->n_failed, 1);
}

static void refused_targets_pause_it_too(void **state)
{
	struct endpoint *endpoint = *state;

	push(endpoint, 11, PERSONAL);
	push(endpoint, 12, PERSONAL);
	for (int i = 0; i < 2; i++) {
		begin(endpoint);
		assert_int_equal(
			finish(endpoint, RESULT_REFUSED), ATTEMPT_REFUSED);
	}
	assert_true(endpoint_is_paused(endpoint));
}

static void a_pause_of_the_store_goes_on(void **state)
{
	struct webhook_endpoint paused = row;
	struct endpoint *endpoint;

	(void)state;
	paused.place.n_failed = 2;
	paused.place.n_pauses = 3;
	paused.place.paused_until_ms = NOW + 5;
	paused.device_seq = 11;
	endpoint = endpoint_new(&paused);
	endpoint->key.n = 24;
	assert_true(endpoint->is_suspect);
	assert_int_equal(endpoint_due_ms(endpoint), NOW + 5);
	read_log(endpoint, 11, PERSONAL);
	assert_int_equal(endpoint_attempt_number(endpoint), 3);
	begin(endpoint);
	assert_int_equal(finish(endpoint, RESULT_FAILED), ATTEMPT_RETRYING);
	assert_int_equal(endpoint_place(endpoint).n_pauses, 4);
	endpoint_free(&endpoint);
}

static void its_owner_can_end_the_pause_where_it_stands(void **state)
{
	struct webhook_endpoint resumed = row;
	struct endpoint *endpoint = *state;

	pause_it(endpoint);
	resumed.version = 6;
	resumed.place.cursor_seq = 11; /* the store lags */
	assert_false(endpoint_is_moved(endpoint, &resumed));
	endpoint_resume(endpoint, &resumed);
	assert_int_equal(endpoint_due_ms(endpoint), 0);
	assert_int_equal(endpoint_place(endpoint).cursor_seq, 12);
	assert_int_equal(endpoint->version, 6);
	resumed.place.cursor_seq = 14; /* it was switched off and on */
	assert_true(endpoint_is_moved(endpoint, &resumed));
}

/* ---- replays ---- */

static void a_replay_ends_where_its_stretch_does(void **state)
{
	const struct webhook_replay stretch = { .id = 7,
		.endpoint_id = 1,
		.until_seq = 6,
		.place = { .cursor_seq = 3 } };
	struct endpoint *live = *state;
	struct endpoint *replay = endpoint_new_replay(live, &stretch);

	assert_true(endpoint_is_replay(replay));
	assert_ptr_equal(endpoint_target(replay), live);
	assert_true(endpoint_has_work(replay)); /* with the key of the other */
	assert_int_equal(read_log(replay, 4, PERSONAL), OFFER_TAKEN);
	assert_int_equal(read_log(replay, 5, GROUP), OFFER_PASSED);
	assert_int_equal(read_log(replay, 7, PERSONAL), OFFER_LATER);
	assert_int_equal(replay->n_parcels, 1);
	assert_false(endpoint_is_drained(replay));
	begin(replay);
	assert_int_equal(finish(replay, RESULT_DELIVERED), ATTEMPT_SUCCESS);
	assert_true(endpoint_is_drained(replay));
	assert_int_equal(endpoint_place(replay).cursor_seq, 4);
	assert_int_equal(live->recorded_seq, 10);
	endpoint_free(&replay);
}

static void the_next_replay_takes_the_place_of_one_that_is_done(void **state)
{
	const struct webhook_replay first = { .id = 7, .until_seq = 4 };
	const struct webhook_replay second = {
		.id = 8, .until_seq = 3, .place = { .cursor_seq = 1 }
	};
	struct endpoint *replay = endpoint_new_replay(*state, &first);

	endpoint_log_ended(replay);
	replay->is_done = true;
	endpoint_next_replay(replay, &second);
	assert_int_equal(replay->replay_id, 8);
	assert_false(replay->is_done);
	assert_int_equal(read_log(replay, 2, PERSONAL), OFFER_TAKEN);
	assert_int_equal(replay->newest_seq, 3);
	endpoint_free(&replay);
}

/* ---- whatever happens ---- */

#define LOG_EVENTS 60
#define LIVES 200

struct life { /* of an endpoint whose receiver and daemon fail at will */
	struct endpoint *endpoint;
	int64_t ended_seq; /* the last event that was delivered or given up */
	int n_tried;	   /* attempts at the next one that counted */
};

static enum event_chat chat_of(int64_t seq)
{
	return seq % 3 == 0 ? GROUP : PERSONAL;
}

static int64_t next_personal(int64_t seq)
{
	return chat_of(seq + 1) == PERSONAL ? seq + 1 : seq + 2;
}

static void daemon_restarts(struct life *life)
{
	struct webhook_endpoint stored = row;

	stored.place = endpoint_place(life->endpoint);
	stored.device_seq = LOG_EVENTS;
	endpoint_free(&life->endpoint);
	life->endpoint = endpoint_new(&stored);
	life->endpoint->key.n = 24;
}

static void log_is_read(struct endpoint *endpoint)
{
	for (int64_t seq = endpoint->read_seq + 1; seq <= LOG_EVENTS; seq++)
		if (read_log(endpoint, seq, chat_of(seq)) == OFFER_LATER)
			return;
}

static void attempt_is_made(struct life *life)
{
	struct endpoint *endpoint = life->endpoint;
	const bool was_paused = endpoint_is_paused(endpoint);
	const int64_t seq = endpoint_first(endpoint)->device_seq;
	const enum attempt_result result =
		random_between(0, 3) == 0 ? RESULT_DELIVERED : RESULT_FAILED;
	enum attempt_status status;

	assert_int_equal(seq, next_personal(life->ended_seq));
	endpoint_set_state(endpoint, ENDPOINT_QUEUED);
	endpoint_set_state(endpoint, ENDPOINT_BUSY);
	status = finish(endpoint, result);
	life->n_tried += !was_paused;
	assert_int_equal(status == ATTEMPT_FAILED,
		!was_paused && result == RESULT_FAILED &&
			life->n_tried == policy.attempts);
	assert_true(endpoint->n_failed <= policy.breaker_failures);
	if (endpoint->state == ENDPOINT_WAITING)
		endpoint_set_state(endpoint, ENDPOINT_IDLE);
	if (status == ATTEMPT_RETRYING)
		return;
	life->ended_seq = seq;
	life->n_tried = 0;
}

/* Every event of the kind is delivered or given up once, in order, and none is
 * given up before its attempts are used or while the endpoint is paused. */
static void in_every_life_each_event_has_its_turn(void **state)
{
	(void)state;
	for (int i = 0; i < LIVES; i++) {
		struct webhook_endpoint new_row = row;
		struct life life = { 0 };

		new_row.place.cursor_seq = 0;
		new_row.device_seq = LOG_EVENTS;
		life.endpoint = endpoint_new(&new_row);
		life.endpoint->key.n = 24;
		while (endpoint_has_work(life.endpoint)) {
			if (random_between(0, 9) == 0)
				daemon_restarts(&life);
			log_is_read(life.endpoint);
			if (endpoint_first(life.endpoint) != NULL)
				attempt_is_made(&life);
		}
		assert_int_equal(life.ended_seq, LOG_EVENTS - 1);
		endpoint_free(&life.endpoint);
	}
}

static void the_backoff_doubles_within_its_bounds(void **state)
{
	static const struct {
		int attempts;
		int64_t least, most;
	} waits[] = {
		{ 1, 800, 1200 },
		{ 2, 1600, 2400 },
		{ 3, 3200, 4800 },
		{ 5, 12800, 19200 },
		{ 6, 24000, 30000 },
		{ 100, 24000, 30000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		bool differs = false;
		int64_t first_ms =
			endpoint_backoff_ms(&policy, waits[i].attempts);

		for (int k = 0; k < 200; k++) {
			int64_t wait_ms =
				endpoint_backoff_ms(&policy, waits[i].attempts);

			assert_in_range(wait_ms, waits[i].least, waits[i].most);
			differs = differs || wait_ms != first_ms;
		}
		assert_true(differs); /* jitter */
	}
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(the_next_event_is_taken_from_memory),
		WITH(an_event_after_a_gap_waits_for_the_log),
		WITH(an_event_comes_in_once),
		WITH(the_other_chat_kind_is_passed_over),
		WITH(events_removed_from_the_log_are_no_gap),
		WITH(the_look_ahead_is_bounded_in_events),
		WITH(the_look_ahead_is_bounded_in_bytes),
		WITH(without_a_key_there_is_nothing_to_do),
		WITH(a_delivery_makes_way_for_the_next_event),
		WITH(a_failure_keeps_the_event_and_waits),
		WITH(the_last_failure_gives_the_event_up),
		WITH(a_refused_target_is_not_tried_again),
		WITH(a_success_after_a_failure_clears_the_count),
		WITH(a_broken_off_attempt_never_was),
		cmocka_unit_test(attempts_of_the_store_count_on),
		WITH(a_changed_row_starts_over),
		WITH(events_given_up_in_a_row_pause_it),
		WITH(a_paused_one_keeps_no_look_ahead_and_misses_nothing),
		WITH(a_failing_probe_doubles_the_pause_and_costs_no_attempt),
		WITH(a_probe_that_gets_through_ends_the_pause),
		WITH(a_delivery_between_failures_counts_from_the_start),
		WITH(refused_targets_pause_it_too),
		cmocka_unit_test(a_pause_of_the_store_goes_on),
		WITH(its_owner_can_end_the_pause_where_it_stands),
		WITH(a_replay_ends_where_its_stretch_does),
		WITH(the_next_replay_takes_the_place_of_one_that_is_done),
		cmocka_unit_test(in_every_life_each_event_has_its_turn),
		cmocka_unit_test(the_backoff_doubles_within_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
