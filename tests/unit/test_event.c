#include "common/store/event.h"

#include "tests/unit/store_fixture.h"

struct seen {
	int n;
	int64_t account_seqs[16], device_seqs[16];
	char payload[64], public_id[UUID_LEN];
};

static int on_event(const struct event *event, void *arg)
{
	struct seen *seen = arg;

	seen->account_seqs[seen->n] = event->account_seq;
	seen->device_seqs[seen->n] = event->device_seq;
	seen->n++;
	snprintf(seen->payload, sizeof(seen->payload), "%s", event->payload);
	snprintf(seen->public_id, sizeof(seen->public_id), "%s",
		event->public_id);
	return 0;
}

static struct event append(struct fixture *f, struct tx *tx, int64_t device_id)
{
	char public_id[UUID_LEN];
	struct event event = { .account_id = f->account_id,
		.device_id = device_id,
		.chat = EVENT_CHAT_PERSONAL,
		.type = "message.sent",
		.payload = "{\"a\":1}",
		.created_ms = NOW_MS };

	assert_int_equal(store_event_append(tx, &event, public_id, &f->err), 0);
	assert_ptr_equal(event.public_id, public_id);
	assert_true(id_is_uuid(public_id));
	event.public_id = NULL;
	return event;
}

static struct event put(struct fixture *f, int64_t device_id)
{
	struct tx *tx = begin(f);
	struct event event = append(f, tx, device_id);

	commit(f, tx);
	return event;
}

static void both_sequences_are_gapless_when_devices_interleave(void **state)
{
	struct fixture *f = *state;
	const int64_t a = f->device_id, b = f->second_device_id;
	const int64_t devices[] = { a, b, b, a, b, a, a };
	int64_t next[2] = { 0, 0 };

	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		struct event event = put(f, devices[i]);

		assert_int_equal(event.account_seq, i + 1);
		assert_int_equal(event.device_seq, ++next[devices[i] == b]);
	}
	assert_int_equal(store_event_account_seq(f->store, f->account_id), 7);
}

static void what_is_rolled_back_leaves_no_gap(void **state)
{
	struct fixture *f = *state;
	struct tx *tx;
	struct event event;

	put(f, f->device_id);
	tx = begin(f);
	append(f, tx, f->device_id);
	tx_end(&tx);
	tx = begin(f);
	tx_savepoint(tx, &f->err);
	append(f, tx, f->device_id);
	append(f, tx, f->second_device_id);
	tx_savepoint_rollback(tx);
	tx_savepoint_release(tx);
	event = append(f, tx, f->device_id);
	commit(f, tx);
	assert_int_equal(event.account_seq, 2);
	assert_int_equal(event.device_seq, 2);
}

static void an_event_of_no_device_is_refused(void **state)
{
	struct fixture *f = *state;
	char public_id[UUID_LEN];
	struct event event = { .account_id = f->account_id,
		.device_id = 4711,
		.chat = EVENT_CHAT_PERSONAL,
		.type = "t",
		.payload = "{}" };
	struct tx *tx = begin(f);

	assert_int_equal(
		store_event_append(tx, &event, public_id, &f->err), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	tx_end(&tx);
}

static void the_log_is_read_oldest_first_after_a_number(void **state)
{
	struct fixture *f = *state;
	struct seen device = { 0 }, account = { 0 };

	for (int i = 0; i < 3; i++) {
		put(f, f->device_id);
		put(f, f->second_device_id);
	}
	assert_int_equal(store_event_of_device(f->store, f->device_id, 1, 10,
				 on_event, &device, &f->err),
		0);
	assert_int_equal(device.n, 2);
	assert_int_equal(device.device_seqs[0], 2);
	assert_int_equal(device.device_seqs[1], 3);
	assert_int_equal(store_event_of_account(f->store, f->account_id, 2, 3,
				 on_event, &account, &f->err),
		0);
	assert_int_equal(account.n, 3);
	assert_int_equal(account.account_seqs[0], 3);
	assert_int_equal(account.account_seqs[2], 5);
}

static void an_event_is_found_by_its_row(void **state)
{
	struct fixture *f = *state;
	struct event event = put(f, f->device_id);
	struct seen seen = { 0 };

	assert_int_equal(
		store_event_by_id(f->store, event.id, on_event, &seen, &f->err),
		0);
	assert_string_equal(seen.payload, "{\"a\":1}");
	assert_int_equal(store_event_by_id(f->store, event.id + 1, on_event,
				 &seen, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static void an_account_without_events_is_at_zero(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		store_event_account_seq(f->store, f->other_account_id), 0);
	assert_int_equal(store_event_account_seq(f->store, 4711), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(both_sequences_are_gapless_when_devices_interleave),
		STORE_TEST(what_is_rolled_back_leaves_no_gap),
		STORE_TEST(an_event_of_no_device_is_refused),
		STORE_TEST(the_log_is_read_oldest_first_after_a_number),
		STORE_TEST(an_event_is_found_by_its_row),
		STORE_TEST(an_account_without_events_is_at_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
