#include "common/store/budget.h"

#include "tests/unit/store_fixture.h"

static struct budget get(struct fixture *f, int64_t device_id, int64_t now_ms)
{
	struct budget budget;

	assert_int_equal(
		store_budget_get(f->store, device_id, now_ms, &budget, &f->err),
		0);
	return budget;
}

static void take(struct fixture *f, int64_t now_ms)
{
	struct tx *tx = begin(f);

	assert_int_equal(
		store_budget_take(tx, f->device_id, now_ms, &f->err), 0);
	commit(f, tx);
}

static void assert_sent(
	struct fixture *f, int64_t now_ms, int day, int hour, int minute)
{
	struct budget budget = get(f, f->device_id, now_ms);

	assert_int_equal(budget.day_sent, day);
	assert_int_equal(budget.hour_sent, hour);
	assert_int_equal(budget.minute_sent, minute);
}

#define MIDNIGHT_MS INT64_C(1779580800000) /* 2026-05-24T00:00:00Z */

static void a_new_device_has_sent_nothing(void **state)
{
	struct fixture *f = *state;

	assert_sent(f, NOW_MS, 0, 0, 0);
	assert_int_equal(get(f, f->device_id, NOW_MS).day, NOW_MS / 86400000);
}

static void a_send_counts_until_the_last_millisecond_of_each_bucket(
	void **state)
{
	struct fixture *f = *state;
	const int64_t minute_end = NOW_MS - NOW_MS % 60000 + 59999;
	const int64_t hour_end = NOW_MS - NOW_MS % 3600000 + 3599999;

	take(f, NOW_MS);
	assert_sent(f, minute_end, 1, 1, 1);
	assert_sent(f, minute_end + 1, 1, 1, 0);
	assert_sent(f, hour_end, 1, 1, 0);
	assert_sent(f, hour_end + 1, 1, 0, 0);
	assert_sent(f, MIDNIGHT_MS - 1, 1, 0, 0);
	assert_sent(f, MIDNIGHT_MS, 0, 0, 0);
}

static void a_new_bucket_starts_at_one(void **state)
{
	struct fixture *f = *state;

	take(f, MIDNIGHT_MS - 1);
	take(f, MIDNIGHT_MS - 1);
	assert_sent(f, MIDNIGHT_MS - 1, 2, 2, 2);
	take(f, MIDNIGHT_MS);
	assert_sent(f, MIDNIGHT_MS, 1, 1, 1);
	take(f, MIDNIGHT_MS + 60000);
	assert_sent(f, MIDNIGHT_MS + 60000, 2, 2, 1);
	take(f, MIDNIGHT_MS + 3600000);
	assert_sent(f, MIDNIGHT_MS + 3600000, 3, 1, 1);
}

static void devices_do_not_share_a_budget(void **state)
{
	struct fixture *f = *state;

	take(f, NOW_MS);
	assert_int_equal(get(f, f->second_device_id, NOW_MS).day_sent, 0);
}

static void a_rolled_back_send_is_not_counted(void **state)
{
	struct fixture *f = *state;
	struct budget budget;
	struct tx *tx = begin(f);

	store_budget_take(tx, f->device_id, NOW_MS, &f->err);
	assert_int_equal(
		store_budget_get_tx(tx, f->device_id, NOW_MS, &budget, &f->err),
		0);
	assert_int_equal(budget.minute_sent, 1);
	tx_end(&tx);
	assert_sent(f, NOW_MS, 0, 0, 0);
}

static void an_unknown_device_has_no_budget(void **state)
{
	struct fixture *f = *state;
	struct budget budget;

	assert_int_equal(
		store_budget_get(f->store, 4711, NOW_MS, &budget, &f->err), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_new_device_has_sent_nothing),
		STORE_TEST(
			a_send_counts_until_the_last_millisecond_of_each_bucket),
		STORE_TEST(a_new_bucket_starts_at_one),
		STORE_TEST(devices_do_not_share_a_budget),
		STORE_TEST(a_rolled_back_send_is_not_counted),
		STORE_TEST(an_unknown_device_has_no_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
