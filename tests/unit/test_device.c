#include "common/store/device.h"

#include "common/store/webhook.h"
#include "tests/unit/store_fixture.h"

struct seen {
	int n;
	int64_t id, linked_ms, deleted_ms, job_seq;
	enum device_status status;
	char phone[32], reason[64], push_name[32];
};

static void copy(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text != NULL ? text : "(null)");
}

static int on_device(const struct device *device, void *arg)
{
	struct seen *seen = arg;

	seen->n++;
	seen->id = device->id;
	seen->status = device->status;
	seen->linked_ms = device->linked_ms;
	seen->deleted_ms = device->deleted_ms;
	seen->job_seq = device->job_seq;
	copy(seen->phone, sizeof(seen->phone), device->phone);
	copy(seen->reason, sizeof(seen->reason), device->lane_reason);
	copy(seen->push_name, sizeof(seen->push_name), device->push_name);
	return 0;
}

static struct seen device(struct fixture *f)
{
	struct seen seen = { 0 };

	assert_int_equal(store_device_by_id(f->store, f->device_id, on_device,
				 &seen, &f->err),
		0);
	return seen;
}

static void set_state(struct fixture *f, const struct device_state *state)
{
	struct tx *tx = begin(f);

	assert_int_equal(
		store_device_set_state(tx, f->device_id, state, &f->err), 0);
	commit(f, tx);
}

static void delete_device(struct fixture *f)
{
	struct tx *tx = begin(f);

	assert_int_equal(
		store_device_delete(tx, f->device_id, NOW_MS, &f->err), 0);
	commit(f, tx);
}

static void a_state_leaves_alone_what_it_does_not_name(void **state)
{
	struct fixture *f = *state;
	struct seen seen;

	set_state(f, &(struct device_state){ .status = DEVICE_DISCONNECTED,
			     .lane_reason = "backoff",
			     .push_name = "Ada",
			     .linked_ms = NOW_MS });
	set_state(f, &(struct device_state){ .lane_state = "connecting" });
	seen = device(f);
	assert_int_equal(seen.status, DEVICE_DISCONNECTED);
	assert_string_equal(seen.reason, "backoff");
	assert_string_equal(seen.push_name, "Ada");
	assert_string_equal(seen.phone, "+15550001111");
	assert_int_equal(seen.linked_ms, NOW_MS);
}

static void a_device_belongs_to_one_account(void **state)
{
	struct fixture *f = *state;
	int64_t id = 0;

	assert_int_equal(
		store_device_id(f->store, f->account_id, f->uid, &id, &f->err),
		0);
	assert_int_equal(id, f->device_id);
	assert_int_equal(store_device_id(f->store, f->other_account_id, f->uid,
				 &id, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static void devices_are_listed_oldest_first(void **state)
{
	struct fixture *f = *state;
	struct seen mine = { 0 }, others = { 0 }, all = { 0 };

	assert_int_equal(store_device_list(f->store, f->account_id, on_device,
				 &mine, &f->err),
		0);
	assert_int_equal(mine.n, 2);
	assert_int_equal(mine.id, f->second_device_id);
	assert_int_equal(store_device_list(f->store, f->other_account_id,
				 on_device, &others, &f->err),
		0);
	assert_int_equal(others.n, 0);
	assert_int_equal(
		store_device_all(f->store, on_device, &all, &f->err), 0);
	assert_int_equal(all.n, 2);
}

static void a_deleted_device_is_gone_for_its_owner(void **state)
{
	struct fixture *f = *state;
	struct seen list = { 0 }, seen = { 0 };
	int64_t id;

	delete_device(f);
	assert_int_equal(
		store_device_id(f->store, f->account_id, f->uid, &id, &f->err),
		-1);
	assert_int_equal(store_device_by_uid(
				 f->store, f->uid, on_device, &seen, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	assert_int_equal(
		store_device_all(f->store, on_device, &list, &f->err), 0);
	assert_int_equal(list.n, 1);
	seen = device(f);
	assert_int_equal(seen.deleted_ms, NOW_MS);
	assert_int_equal(seen.status, DEVICE_LOGGED_OUT);
	assert_string_equal(seen.phone, "(null)");
}

static void a_deleted_device_stays_as_it_is(void **state)
{
	struct fixture *f = *state;
	struct tx *tx;

	delete_device(f);
	set_state(f, &(struct device_state){ .status = DEVICE_CONNECTED });
	assert_int_equal(device(f).status, DEVICE_LOGGED_OUT);
	tx = begin(f);
	assert_int_equal(
		store_device_delete(tx, f->device_id, NOW_MS, &f->err), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	tx_end(&tx);
}

struct seen_message {
	enum message_status status;
	int64_t failed_ms;
	char reason[64];
};

static int on_message(const struct message *message, void *arg)
{
	struct seen_message *seen = arg;

	seen->status = message->status;
	seen->failed_ms = message->failed_ms;
	copy(seen->reason, sizeof(seen->reason), message->reason);
	return 0;
}

static void deleting_a_device_fails_its_queue(void **state)
{
	struct fixture *f = *state;
	struct outgoing sent = put_out(f, f->device_id);
	struct outgoing queued = put_out(f, f->device_id);
	struct outgoing elsewhere = put_out(f, f->second_device_id);
	struct message_change change = {
		.wa_id = sent.wa_id, .status = MESSAGE_SENT, .at_ms = NOW_MS
	};
	struct seen_message seen;
	struct tx *tx = begin(f);
	bool changed;

	assert_int_equal(store_message_change(tx, f->device_id, &change,
				 &changed, NULL, NULL, &f->err),
		0);
	commit(f, tx);
	delete_device(f);
	store_message_by_id(
		f->store, queued.message.id, on_message, &seen, &f->err);
	assert_int_equal(seen.status, MESSAGE_FAILED);
	assert_int_equal(seen.failed_ms, NOW_MS);
	assert_string_equal(seen.reason, "device deleted");
	store_message_by_id(
		f->store, sent.message.id, on_message, &seen, &f->err);
	assert_int_equal(seen.status, MESSAGE_SENT);
	store_message_by_id(
		f->store, elsewhere.message.id, on_message, &seen, &f->err);
	assert_int_equal(seen.status, MESSAGE_QUEUED);
}

static int on_endpoint(const struct webhook_endpoint *endpoint, void *arg)
{
	(void)endpoint;
	++*(int *)arg;
	return 0;
}

static void deleting_a_device_removes_its_webhook(void **state)
{
	struct fixture *f = *state;
	struct webhook webhook = { .public_id = "w",
		.account_id = f->account_id,
		.device_id = f->device_id,
		.personal_url = "https://example.com/a",
		.group_url = "https://example.com/b",
		.secret = (const uint8_t *)"s",
		.secret_bytes = 1,
		.is_active = true };
	struct tx *tx = begin(f);
	bool created;
	int n = 0;

	assert_int_equal(
		store_webhook_put(tx, &webhook, NOW_MS, &created, &f->err), 0);
	commit(f, tx);
	delete_device(f);
	assert_int_equal(
		store_webhook_endpoints(f->store, on_endpoint, &n, &f->err), 0);
	assert_int_equal(n, 0);
}

static void the_newest_numbers_are_read_with_the_device(void **state)
{
	struct fixture *f = *state;

	put_out(f, f->device_id);
	put_out(f, f->device_id);
	assert_int_equal(device(f).job_seq, 2);
}

static void every_status_has_the_name_that_clients_see(void **state)
{
	(void)state;
	assert_string_equal(device_status_name(DEVICE_PAIRING), "PAIRING");
	assert_string_equal(device_status_name(DEVICE_CONNECTED), "CONNECTED");
	assert_string_equal(
		device_status_name(DEVICE_DISCONNECTED), "DISCONNECTED");
	assert_string_equal(
		device_status_name(DEVICE_LOGGED_OUT), "LOGGED_OUT");
	assert_string_equal(device_status_name(DEVICE_BANNED), "BANNED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_state_leaves_alone_what_it_does_not_name),
		STORE_TEST(a_device_belongs_to_one_account),
		STORE_TEST(devices_are_listed_oldest_first),
		STORE_TEST(a_deleted_device_is_gone_for_its_owner),
		STORE_TEST(a_deleted_device_stays_as_it_is),
		STORE_TEST(deleting_a_device_fails_its_queue),
		STORE_TEST(deleting_a_device_removes_its_webhook),
		STORE_TEST(the_newest_numbers_are_read_with_the_device),
		cmocka_unit_test(every_status_has_the_name_that_clients_see),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
