#include "common/store/budget.h"

#include "common/bus.h"
#include "common/clock.h"
#include "common/send.h"
#include "tests/unit/safety_config.h"
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

/* It looked at the clock, waited for the lock, and found that another process
 * had sent in the next minute already. */
static void a_late_taker_does_not_forget_what_others_sent(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 4; i++)
		take(f, MIDNIGHT_MS);
	assert_sent(f, MIDNIGHT_MS - 1, 4, 4, 4);
	take(f, MIDNIGHT_MS - 1);
	assert_sent(f, MIDNIGHT_MS, 5, 5, 5);
}

/* A clock that was wrong by days does not block for days. */
static void buckets_far_ahead_are_forgotten(void **state)
{
	struct fixture *f = *state;

	take(f, MIDNIGHT_MS + INT64_C(86400000));
	assert_sent(f, MIDNIGHT_MS - 1, 0, 0, 0);
	take(f, MIDNIGHT_MS - 1);
	assert_sent(f, MIDNIGHT_MS - 1, 1, 1, 1);
}

/* ---- against a model: all sends that were ever accepted ---- */

#define MODEL_SENDS 8000
#define MODEL_STEPS 6000
#define AGE_MS(day) ((day)*INT64_C(86400000))

struct model {
	int64_t sends_ms[2][MODEL_SENDS]; /* by device */
	int n[2];
};

/* The printed time up to the day, hour or minute is the bucket. */
static int model_count(
	const struct model *model, int device, int64_t now_ms, size_t chars)
{
	char now[CLOCK_ISO_LEN], then[CLOCK_ISO_LEN];
	int n = 0;

	clock_iso(now_ms, now);
	for (int i = model->n[device] - 1; i >= 0; i--) {
		const int64_t sent_ms = model->sends_ms[device][i];

		if (now_ms - sent_ms > AGE_MS(1))
			break;
		clock_iso(sent_ms, then);
		n += strncmp(now, then, chars) == 0;
	}
	return n;
}

#define TO_DAY 10
#define TO_HOUR 13
#define TO_MINUTE 16

static int model_daily_limit(int64_t now_ms)
{
	static const struct {
		int64_t age_ms;
		int limit;
	} tiers[] = { { AGE_MS(31), 200 }, { AGE_MS(15), 150 },
		{ AGE_MS(8), 75 }, { AGE_MS(2), 25 }, { 0, 10 } };

	for (size_t i = 0; i < ARRAY_LEN(tiers); i++)
		if (now_ms - NOW_MS >= tiers[i].age_ms)
			return tiers[i].limit;
	return 10;
}

static enum safety_block model_block(
	const struct model *model, int device, int64_t now_ms)
{
	const int daily = model_daily_limit(now_ms);

	if (model_count(model, device, now_ms, TO_DAY) >= daily)
		return SAFETY_DAILY;
	if (model_count(model, device, now_ms, TO_HOUR) >=
		(daily < 30 ? daily : 30))
		return SAFETY_HOURLY;
	return model_count(model, device, now_ms, TO_MINUTE) >= 5
		       ? SAFETY_MINUTE
		       : SAFETY_OK;
}

static int64_t model_resets(enum safety_block block, int64_t now_ms)
{
	static const int64_t bucket_ms[] = { [SAFETY_DAILY] = 86400000,
		[SAFETY_HOURLY] = 3600000,
		[SAFETY_MINUTE] = 60000 };

	return (now_ms / bucket_ms[block] + 1) * bucket_ms[block] - 1;
}

/* Mostly bursts, at times a pause of any length. */
static int64_t random_step_ms(void)
{
	switch (rand() % 16) {
	case 0:
		return rand() % 3600000;
	case 1:
		return 2 * (rand() % 21600000);
	case 2:
	case 3:
	case 4:
		return rand() % 60000;
	default:
		return rand() % 1000;
	}
}

static void try_to_send(
	struct fixture *f, struct model *model, struct tx *tx, int64_t now_ms)
{
	static const enum message_source sources[] = { MESSAGE_BY_API,
		MESSAGE_BY_SCHEDULE, MESSAGE_BY_CAMPAIGN,
		MESSAGE_BY_AUTO_REPLY };
	const struct config config = safety_config();
	const int device = rand() % 2;
	const enum safety_block block = model_block(model, device, now_ms);
	const struct send_request request = { .account_id = f->account_id,
		.device_uid = device == 0 ? f->uid : f->second_uid,
		.phone = "15550002222",
		.text = "x",
		.source = sources[rand() % 4] };
	struct send_result result;
	int rc = send_accept(tx, &config, &request, now_ms, &result, &f->err);

	assert_int_equal(rc, block == SAFETY_OK ? 0 : -1);
	assert_int_equal(result.safety.block, block);
	bus_envelope_free(&result.job);
	if (rc == 0) {
		model->sends_ms[device][model->n[device]++] = now_ms;
		return;
	}
	assert_int_equal(f->err.code, ERR_LIMIT);
	assert_int_equal(result.refusal, SEND_REFUSED_BUDGET);
	assert_int_equal(result.resets_at_ms, model_resets(block, now_ms));
}

/* As a restart: every counter is in the file. */
static void reopen(struct fixture *f)
{
	store_close(&f->store);
	assert_int_equal(
		store_open(f->path, STORE_WRITE, &f->store, &f->err), 0);
}

static void no_sequence_of_sends_gets_past_a_limit(void **state)
{
	struct fixture *f = *state;
	struct model *model = xcalloc(1, sizeof(*model));
	int64_t now_ms = NOW_MS;

	srand(42);
	for (int i = 0; i < MODEL_STEPS;) {
		struct tx *tx = begin(f);
		const int n_together = 1 + rand() % 40;

		for (int k = 0; k < n_together; k++, i++) {
			try_to_send(f, model, tx, now_ms);
			now_ms += random_step_ms();
		}
		commit(f, tx);
		if (rand() % 32 == 0)
			reopen(f);
	}
	/* It has come to the last tier, and has both sent and refused. */
	assert_true(now_ms - NOW_MS > AGE_MS(31));
	assert_true(model->n[0] > 500 && model->n[1] > 500);
	assert_true(model->n[0] + model->n[1] < MODEL_STEPS - 500);
	free(model);
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
		STORE_TEST(a_late_taker_does_not_forget_what_others_sent),
		STORE_TEST(buckets_far_ahead_are_forgotten),
		STORE_TEST(no_sequence_of_sends_gets_past_a_limit),
		STORE_TEST(an_unknown_device_has_no_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
