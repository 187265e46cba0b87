#include "common/plan.h"

#include "common/store/addressbook.h"
#include "common/store/budget.h"
#include "common/store/store_impl.h"
#include "common/store/usage.h"
#include "tests/unit/safety_config.h"
#include "tests/unit/store_fixture.h"

#define MAY_END_MS INT64_C(1780271999999) /* 2026-05-31T23:59:59.999Z */

static struct config config_of_three(void)
{
	struct config config = safety_config();

	config.plans[0] = (struct plan){ 3, 3, 3, 3, false };
	return config;
}

static void set_plan(struct fixture *f, const char *plan)
{
	struct tx *tx = begin(f);

	assert_int_equal(
		store_usage_set_plan(tx, f->account_id, plan, &f->err), 0);
	commit(f, tx);
}

static int check(struct fixture *f, enum plan_quota quota, int64_t more,
	int64_t now_ms, struct plan_refusal *refusal)
{
	const struct config config = config_of_three();

	f->err = ERR_NONE;
	return plan_check(f->store, &config, f->account_id, quota, more, now_ms,
		refusal, &f->err);
}

static void send_some(
	struct fixture *f, int64_t device_id, int n, int64_t now_ms)
{
	struct tx *tx = begin(f);

	for (int i = 0; i < n; i++)
		assert_int_equal(
			store_budget_take(tx, device_id, now_ms, &f->err), 0);
	commit(f, tx);
}

static void create_campaigns(struct fixture *f, int n, int64_t now_ms)
{
	struct tx *tx = begin(f);

	for (int i = 0; i < n; i++)
		assert_int_equal(
			plan_count_campaign(tx, f->account_id, now_ms, &f->err),
			0);
	commit(f, tx);
}

static void a_plan_is_found_in_any_case(void **state)
{
	const struct config config = safety_config();
	static const struct {
		const char *name, *stored;
		int index; /* -1: none */
	} table[] = {
		{ "STARTER", "STARTER", 0 },
		{ "growth", "GROWTH", 1 },
		{ "Pro", "PRO", 2 },
		{ "bUSINESS", "BUSINESS", 3 },
		{ "unlimited", "UNLIMITED", -1 },
		{ "UNLIMITED", "UNLIMITED", -1 },
		{ "", NULL, -1 },
		{ "starter ", NULL, -1 },
		{ "pro2", NULL, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *stored = plan_name(table[i].name);

		assert_ptr_equal(plan_find(&config, table[i].name),
			table[i].index < 0 ? NULL
					   : &config.plans[table[i].index]);
		if (table[i].stored == NULL)
			assert_null(stored);
		else
			assert_string_equal(stored, table[i].stored);
	}
}

static void the_last_one_passes_and_the_next_is_refused(void **state)
{
	struct fixture *f = *state;
	struct plan_refusal refusal;

	set_plan(f, "starter");
	send_some(f, f->device_id, 2, NOW_MS);
	assert_int_equal(check(f, PLAN_MESSAGES, 1, NOW_MS, &refusal), 0);
	assert_int_equal(check(f, PLAN_MESSAGES, 2, NOW_MS, &refusal), -1);
	assert_int_equal(f->err.code, ERR_FORBIDDEN);
	send_some(f, f->device_id, 1, NOW_MS);
	assert_int_equal(check(f, PLAN_MESSAGES, 1, NOW_MS, &refusal), -1);
	assert_int_equal(f->err.code, ERR_FORBIDDEN);
	assert_string_equal(f->err.msg,
		"STARTER plan limit reached: 3 of 3 messages per month used");
	assert_false(refusal.is_feature);
	assert_string_equal(refusal.what, "messages per month");
	assert_string_equal(refusal.plan, "STARTER");
	assert_int_equal(refusal.limit, 3);
	assert_int_equal(refusal.used, 3);
	assert_int_equal(check(f, PLAN_MESSAGES, 0, NOW_MS, NULL), 0);
	assert_int_equal(check(f, PLAN_MESSAGES, INT64_MAX, NOW_MS, NULL), -1);
}

static void the_devices_of_an_account_share_its_messages(void **state)
{
	struct fixture *f = *state;
	struct tx *tx;

	set_plan(f, "starter");
	send_some(f, f->device_id, 1, NOW_MS);
	send_some(f, f->second_device_id, 2, NOW_MS);
	assert_int_equal(check(f, PLAN_MESSAGES, 1, NOW_MS, NULL), -1);
	/* A device that is deleted takes nothing of the month with it. */
	tx = begin(f);
	assert_int_equal(
		store_device_delete(tx, f->second_device_id, NOW_MS, &f->err),
		0);
	commit(f, tx);
	assert_int_equal(check(f, PLAN_MESSAGES, 1, NOW_MS, NULL), -1);
}

static void a_month_ends_with_its_last_millisecond_in_utc(void **state)
{
	struct fixture *f = *state;

	set_plan(f, "STARTER");
	send_some(f, f->device_id, 3, MAY_END_MS);
	create_campaigns(f, 3, MAY_END_MS);
	assert_int_equal(check(f, PLAN_MESSAGES, 1, MAY_END_MS, NULL), -1);
	assert_int_equal(check(f, PLAN_CAMPAIGNS, 1, MAY_END_MS, NULL), -1);
	assert_int_equal(check(f, PLAN_MESSAGES, 3, MAY_END_MS + 1, NULL), 0);
	assert_int_equal(check(f, PLAN_CAMPAIGNS, 3, MAY_END_MS + 1, NULL), 0);
	send_some(f, f->device_id, 1, MAY_END_MS + 1);
	create_campaigns(f, 1, MAY_END_MS + 1);
	assert_int_equal(check(f, PLAN_MESSAGES, 3, MAY_END_MS + 1, NULL), -1);
	assert_int_equal(check(f, PLAN_CAMPAIGNS, 3, MAY_END_MS + 1, NULL), -1);
	assert_int_equal(check(f, PLAN_MESSAGES, 2, MAY_END_MS + 1, NULL), 0);
	assert_int_equal(check(f, PLAN_CAMPAIGNS, 2, MAY_END_MS + 1, NULL), 0);
}

static void months_follow_each_other_over_a_year(void **state)
{
	static const struct {
		int64_t at_ms, month;
	} table[] = {
		{ 0, 1970 * 12 },
		{ MAY_END_MS, 2026 * 12 + 4 },
		{ MAY_END_MS + 1, 2026 * 12 + 5 },
		{ INT64_C(1798761599999), 2026 * 12 + 11 },
		{ INT64_C(1798761600000), 2027 * 12 },
		{ INT64_C(1835395199999), 2028 * 12 + 1 }, /* 29 February */
		{ INT64_C(1835481600000), 2028 * 12 + 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(
			store_usage_month(table[i].at_ms), table[i].month);
}

static void devices_count_until_they_are_deleted(void **state)
{
	struct fixture *f = *state;
	struct plan_refusal refusal;
	char uid[DEVICE_UID_LEN];
	int64_t third;
	struct tx *tx;

	set_plan(f, "STARTER");
	assert_int_equal(check(f, PLAN_DEVICES, 1, NOW_MS, NULL), 0);
	third = add_device(f, f->account_id, uid);
	assert_int_equal(check(f, PLAN_DEVICES, 1, NOW_MS, &refusal), -1);
	assert_string_equal(f->err.msg,
		"STARTER plan limit reached: 3 of 3 WhatsApp accounts used");
	add_device(f, f->other_account_id, uid);
	tx = begin(f);
	assert_int_equal(store_device_delete(tx, third, NOW_MS, &f->err), 0);
	commit(f, tx);
	assert_int_equal(check(f, PLAN_DEVICES, 1, NOW_MS, NULL), 0);
}

static void contacts_count_while_they_are_saved(void **state)
{
	static const char *const phones[] = { "15550000001", "15550000002",
		"15550000003" };
	struct fixture *f = *state;
	struct plan_refusal refusal;
	char public_id[UUID_LEN];
	struct tx *tx = begin(f);
	int64_t id;

	for (size_t i = 0; i < ARRAY_LEN(phones); i++) {
		struct book_entry entry = { .account_id = f->account_id,
			.phone = phones[i] };

		assert_int_equal(store_book_create(tx, &entry, NOW_MS, &id,
					 public_id, &f->err),
			0);
	}
	commit(f, tx);
	set_plan(f, "STARTER");
	assert_int_equal(check(f, PLAN_CONTACTS, 1, NOW_MS, &refusal), -1);
	assert_string_equal(
		f->err.msg, "STARTER plan limit reached: 3 of 3 contacts used");
	tx = begin(f);
	assert_int_equal(store_book_delete(
				 tx, f->account_id, public_id, NOW_MS, &f->err),
		0);
	commit(f, tx);
	assert_int_equal(check(f, PLAN_CONTACTS, 1, NOW_MS, NULL), 0);
}

static void a_campaign_that_was_not_created_is_not_counted(void **state)
{
	struct fixture *f = *state;
	struct plan_refusal refusal;
	struct tx *tx;

	set_plan(f, "STARTER");
	create_campaigns(f, 2, NOW_MS);
	tx = begin(f);
	assert_int_equal(
		plan_count_campaign(tx, f->account_id, NOW_MS, &f->err), 0);
	tx_end(&tx);
	assert_int_equal(check(f, PLAN_CAMPAIGNS, 1, NOW_MS, NULL), 0);
	create_campaigns(f, 1, NOW_MS);
	assert_int_equal(check(f, PLAN_CAMPAIGNS, 1, NOW_MS, &refusal), -1);
	assert_string_equal(f->err.msg,
		"STARTER plan limit reached: 3 of 3 campaigns per month used");
}

static void no_plan_and_no_limit_refuse_nothing(void **state)
{
	static const char *const plans[] = { "UNLIMITED", "BUSINESS",
		"something of before" };
	static const enum plan_quota quotas[] = { PLAN_MESSAGES, PLAN_DEVICES,
		PLAN_CONTACTS, PLAN_CAMPAIGNS };
	struct fixture *f = *state;
	const struct config config = config_of_three();

	send_some(f, f->device_id, 50, NOW_MS);
	create_campaigns(f, 50, NOW_MS);
	for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
		set_plan(f, plans[i]);
		for (size_t q = 0; q < ARRAY_LEN(quotas); q++)
			assert_int_equal(
				check(f, quotas[q], INT64_MAX, NOW_MS, NULL),
				0);
		assert_int_equal(plan_check_import(f->store, &config,
					 f->account_id, NULL, &f->err),
			0);
	}
}

static void imports_are_a_feature_of_the_plan(void **state)
{
	struct fixture *f = *state;
	const struct config config = config_of_three();
	struct plan_refusal refusal;

	set_plan(f, "STARTER");
	assert_int_equal(plan_check_import(f->store, &config, f->account_id,
				 &refusal, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_FORBIDDEN);
	assert_string_equal(
		f->err.msg, "The STARTER plan does not include contactImport");
	assert_true(refusal.is_feature);
	assert_string_equal(refusal.what, "contactImport");
	set_plan(f, "GROWTH");
	assert_int_equal(plan_check_import(f->store, &config, f->account_id,
				 &refusal, &f->err),
		0);
}

static void the_plan_of_one_account_is_not_anothers(void **state)
{
	struct fixture *f = *state;
	const struct config config = config_of_three();

	set_plan(f, "STARTER");
	send_some(f, f->device_id, 3, NOW_MS);
	assert_int_equal(check(f, PLAN_MESSAGES, 1, NOW_MS, NULL), -1);
	assert_int_equal(plan_check(f->store, &config, f->other_account_id,
				 PLAN_MESSAGES, 1, NOW_MS, NULL, &f->err),
		0);
}

static void an_unknown_account_is_an_error_and_no_refusal(void **state)
{
	struct fixture *f = *state;
	const struct config config = config_of_three();
	struct tx *tx;

	assert_int_equal(plan_check(f->store, &config, 4711, PLAN_MESSAGES, 1,
				 NOW_MS, NULL, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	f->err = ERR_NONE;
	tx = begin(f);
	assert_int_equal(store_usage_set_plan(tx, 4711, "PRO", &f->err), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	tx_end(&tx);
}

static int n_prepared(const struct db *db)
{
	int n = 0;

	for (int i = 0; i < DB_STATEMENTS; i++)
		n += db->statements[i].sql != NULL;
	return n;
}

static void without_limits_only_the_plan_is_read(void **state)
{
	struct fixture *f = *state;
	const struct db *db = store_db(f->store);
	int before;

	set_plan(f, "UNLIMITED");
	before = n_prepared(db);
	assert_int_equal(check(f, PLAN_MESSAGES, 1, NOW_MS, NULL), 0);
	assert_int_equal(n_prepared(db), before + 1);
}

static int n_scans(struct db *db, const char *sql)
{
	scoped(str_free) char *explained =
		xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt = NULL;
	int n = 0;

	assert_int_equal(
		sqlite3_prepare_v2(db->handle, explained, -1, &stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(stmt, 3);

		if (strncmp(detail, "SCAN", 4) == 0) {
			print_error("%s\n  %s\n", sql, detail);
			n++;
		}
	}
	sqlite3_finalize(stmt);
	return n;
}

static void what_is_used_is_looked_up_by_account(void **state)
{
	static const enum plan_quota quotas[] = { PLAN_MESSAGES, PLAN_DEVICES,
		PLAN_CONTACTS, PLAN_CAMPAIGNS };
	struct fixture *f = *state;
	struct db *db = store_db(f->store);
	int n = 0;

	set_plan(f, "STARTER");
	create_campaigns(f, 1, NOW_MS);
	send_some(f, f->device_id, 1, NOW_MS);
	for (size_t q = 0; q < ARRAY_LEN(quotas); q++)
		assert_int_equal(check(f, quotas[q], 1, NOW_MS, NULL), 0);
	for (int i = 0; i < DB_STATEMENTS; i++)
		if (db->statements[i].sql != NULL)
			n += n_scans(db, db->statements[i].sql);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_is_found_in_any_case),
		cmocka_unit_test(months_follow_each_other_over_a_year),
		STORE_TEST(the_last_one_passes_and_the_next_is_refused),
		STORE_TEST(the_devices_of_an_account_share_its_messages),
		STORE_TEST(a_month_ends_with_its_last_millisecond_in_utc),
		STORE_TEST(devices_count_until_they_are_deleted),
		STORE_TEST(contacts_count_while_they_are_saved),
		STORE_TEST(a_campaign_that_was_not_created_is_not_counted),
		STORE_TEST(no_plan_and_no_limit_refuse_nothing),
		STORE_TEST(imports_are_a_feature_of_the_plan),
		STORE_TEST(the_plan_of_one_account_is_not_anothers),
		STORE_TEST(an_unknown_account_is_an_error_and_no_refusal),
		STORE_TEST(without_limits_only_the_plan_is_read),
		STORE_TEST(what_is_used_is_looked_up_by_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
