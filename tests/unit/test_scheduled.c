#include "common/store/scheduled.h"

#include "tests/unit/store_fixture.h"

struct seen {
	int n;
	int64_t ids[16];
	enum scheduled_status status;
	int64_t due_ms, sent_ms, total;
	char text[32], phone[32], reason[64], message_id[64];
};

static void copy(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text != NULL ? text : "(null)");
}

static int on_scheduled(const struct scheduled *scheduled, void *arg)
{
	struct seen *seen = arg;

	seen->ids[seen->n++] = scheduled->id;
	seen->status = scheduled->status;
	seen->due_ms = scheduled->due_ms;
	seen->sent_ms = scheduled->sent_ms;
	copy(seen->text, sizeof(seen->text), scheduled->text);
	copy(seen->phone, sizeof(seen->phone), scheduled->phone);
	copy(seen->reason, sizeof(seen->reason), scheduled->reason);
	copy(seen->message_id, sizeof(seen->message_id),
		scheduled->message_public_id);
	return 0;
}

static int64_t add(struct fixture *f, const char *public_id, int64_t device_id,
	int64_t due_ms)
{
	struct scheduled scheduled = { .public_id = public_id,
		.account_id = f->account_id,
		.device_id = device_id,
		.phone = "15550002222",
		.text = "later",
		.due_ms = due_ms,
		.created_ms = NOW_MS };
	struct tx *tx = begin(f);
	int64_t id = 0;

	assert_int_equal(
		store_scheduled_create(tx, &scheduled, &id, &f->err), 0);
	commit(f, tx);
	return id;
}

static struct seen find(struct fixture *f, const char *public_id)
{
	struct seen seen = { 0 };

	assert_int_equal(store_scheduled_by_public_id(f->store, f->account_id,
				 public_id, on_scheduled, &seen, &f->err),
		0);
	return seen;
}

static int cancel(struct fixture *f, int64_t account_id, const char *public_id)
{
	struct tx *tx = begin(f);
	int rc;

	f->err = ERR_NONE;
	rc = store_scheduled_cancel(tx, account_id, public_id, NOW_MS, &f->err);
	if (rc == 0)
		commit(f, tx);
	else
		tx_end(&tx);
	return rc;
}

static bool finish(struct fixture *f, int64_t id, enum scheduled_status status)
{
	struct tx *tx = begin(f);
	bool changed;

	assert_int_equal(store_scheduled_finish(tx, id, status,
				 status == SCHEDULED_FAILED ? "why" : NULL,
				 status == SCHEDULED_SENT ? "m1" : NULL,
				 NOW_MS + 7, &changed, &f->err),
		0);
	commit(f, tx);
	return changed;
}

static struct seen list(struct fixture *f, int64_t device_id, int status)
{
	struct seen seen = { 0 };
	const struct scheduled_filter filter = { .account_id = f->account_id,
		.device_id = device_id,
		.status = status };

	assert_int_equal(store_scheduled_list(f->store, &filter,
				 (struct page){ .limit = 10 }, on_scheduled,
				 &seen, &seen.total, &f->err),
		0);
	return seen;
}

static void due_ones_come_earliest_first(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	int64_t late = add(f, "a", f->device_id, NOW_MS);
	int64_t early = add(f, "b", f->device_id, NOW_MS - 5);
	int64_t same = add(f, "c", f->second_device_id, NOW_MS);

	add(f, "d", f->device_id, NOW_MS + 1);
	assert_int_equal(store_scheduled_due(f->store, NOW_MS, 10, on_scheduled,
				 &seen, &f->err),
		0);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.ids[0], early);
	assert_int_equal(seen.ids[1], late);
	assert_int_equal(seen.ids[2], same);
	assert_int_equal(store_scheduled_next_due(f->store), NOW_MS - 5);
}

static void nothing_pending_is_never_due(void **state)
{
	struct fixture *f = *state;
	int64_t id;

	assert_true(store_scheduled_next_due(f->store) == INT64_MAX);
	id = add(f, "a", f->device_id, NOW_MS);
	finish(f, id, SCHEDULED_SENT);
	add(f, "b", f->device_id, NOW_MS);
	cancel(f, f->account_id, "b");
	assert_true(store_scheduled_next_due(f->store) == INT64_MAX);
}

static void one_is_finished_once(void **state)
{
	struct fixture *f = *state;
	int64_t id = add(f, "a", f->device_id, NOW_MS);
	struct seen seen;

	assert_true(finish(f, id, SCHEDULED_SENT));
	assert_false(finish(f, id, SCHEDULED_FAILED));
	seen = find(f, "a");
	assert_int_equal(seen.status, SCHEDULED_SENT);
	assert_string_equal(seen.message_id, "m1");
	assert_string_equal(seen.reason, "(null)");
	assert_int_equal(seen.sent_ms, NOW_MS + 7);
}

static void a_failed_one_tells_why_and_was_not_sent(void **state)
{
	struct fixture *f = *state;
	int64_t id = add(f, "a", f->device_id, NOW_MS);
	struct seen seen;

	assert_true(finish(f, id, SCHEDULED_FAILED));
	seen = find(f, "a");
	assert_string_equal(seen.reason, "why");
	assert_int_equal(seen.sent_ms, 0);
}

static void only_pending_ones_can_be_cancelled(void **state)
{
	struct fixture *f = *state;

	add(f, "a", f->device_id, NOW_MS);
	assert_int_equal(cancel(f, f->other_account_id, "a"), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	assert_int_equal(cancel(f, f->account_id, "a"), 0);
	assert_int_equal(cancel(f, f->account_id, "a"), -1);
	assert_int_equal(f->err.code, ERR_CONFLICT);
	assert_string_equal(f->err.msg, "scheduled message is CANCELLED");
	assert_int_equal(cancel(f, f->account_id, "zzz"), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static void an_update_changes_what_it_names_and_clears_the_reason(void **state)
{
	struct fixture *f = *state;
	int64_t id = add(f, "a", f->device_id, NOW_MS);
	struct tx *tx = begin(f);
	struct seen seen;

	assert_int_equal(store_scheduled_postpone(
				 tx, id, NOW_MS + 60000, "limit", &f->err),
		0);
	commit(f, tx);
	seen = find(f, "a");
	assert_string_equal(seen.reason, "limit");
	assert_int_equal(seen.due_ms, NOW_MS + 60000);
	tx = begin(f);
	assert_int_equal(store_scheduled_update(tx, f->account_id, "a", NULL,
				 "other", 0, NOW_MS, &f->err),
		0);
	commit(f, tx);
	seen = find(f, "a");
	assert_string_equal(seen.text, "other");
	assert_string_equal(seen.phone, "15550002222");
	assert_int_equal(seen.due_ms, NOW_MS + 60000);
	assert_string_equal(seen.reason, "(null)");
}

static void a_finished_one_is_neither_updated_nor_postponed(void **state)
{
	struct fixture *f = *state;
	int64_t id = add(f, "a", f->device_id, NOW_MS);
	struct tx *tx;

	finish(f, id, SCHEDULED_SENT);
	tx = begin(f);
	assert_int_equal(store_scheduled_update(tx, f->account_id, "a", NULL,
				 "x", 0, NOW_MS, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_CONFLICT);
	assert_int_equal(
		store_scheduled_postpone(tx, id, NOW_MS + 1, "r", &f->err), 0);
	commit(f, tx);
	assert_int_equal(find(f, "a").due_ms, NOW_MS);
}

static void totals_follow_every_status(void **state)
{
	struct fixture *f = *state;
	int64_t sent = add(f, "a", f->device_id, NOW_MS);
	int64_t failed = add(f, "b", f->second_device_id, NOW_MS);

	add(f, "c", f->device_id, NOW_MS);
	add(f, "d", f->device_id, NOW_MS);
	finish(f, sent, SCHEDULED_SENT);
	finish(f, failed, SCHEDULED_FAILED);
	cancel(f, f->account_id, "c");
	assert_int_equal(list(f, 0, 0).total, 4);
	assert_int_equal(list(f, 0, 0).n, 4);
	assert_int_equal(list(f, f->device_id, 0).total, 3);
	for (int status = SCHEDULED_PENDING; status <= SCHEDULED_CANCELLED;
		status++) {
		assert_int_equal(list(f, 0, status).total, 1);
		assert_int_equal(list(f, 0, status).n, 1);
	}
	assert_int_equal(list(f, f->device_id, SCHEDULED_FAILED).total, 0);
	assert_int_equal(list(f, f->second_device_id, SCHEDULED_FAILED).n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(due_ones_come_earliest_first),
		STORE_TEST(nothing_pending_is_never_due),
		STORE_TEST(one_is_finished_once),
		STORE_TEST(a_failed_one_tells_why_and_was_not_sent),
		STORE_TEST(only_pending_ones_can_be_cancelled),
		STORE_TEST(
			an_update_changes_what_it_names_and_clears_the_reason),
		STORE_TEST(a_finished_one_is_neither_updated_nor_postponed),
		STORE_TEST(totals_follow_every_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
