/* Rules of auto-replies: their order, whom they belong to, what they cost. */
#include "common/store/autoreply.h"

#include "common/store/store_impl.h"
#include "tests/unit/store_fixture.h"

#define HOUR_MS 3600000

struct rule {
	char id[UUID_LEN];
	int position;
};

static struct rule create(struct fixture *f, const char *value, int position)
{
	struct rule rule;
	struct auto_reply row = { .public_id = rule.id,
		.account_id = f->account_id,
		.device_id = f->device_id,
		.position = position,
		.trigger = TRIGGER_EXACT,
		.trigger_value = value,
		.reply_text = "reply",
		.is_enabled = true };
	struct tx *tx = begin(f);

	id_uuid7(rule.id);
	assert_int_equal(store_auto_reply_create(tx, &row, NOW_MS, &f->err), 0);
	commit(f, tx);
	rule.position = row.position;
	return rule;
}

/* "a0 b1 ": the values and positions of a page, in its order. */
struct shown {
	char text[256];
	int64_t total;
};

static int show(const struct auto_reply *rule, void *arg)
{
	struct shown *shown = arg;
	size_t n = strlen(shown->text);

	snprintf(shown->text + n, sizeof(shown->text) - n, "%s%d ",
		rule->trigger_value, rule->position);
	return 0;
}

static struct shown list_page(
	struct fixture *f, int64_t account_id, int64_t offset, int limit)
{
	struct shown shown = { .total = -1 };

	assert_int_equal(store_auto_reply_list(f->store, account_id,
				 f->device_id, (struct page){ offset, limit },
				 show, &shown, &shown.total, &f->err),
		0);
	return shown;
}

static void assert_order(struct fixture *f, const char *expected)
{
	assert_string_equal(list_page(f, f->account_id, 0, 100).text, expected);
}

struct kept {
	struct auto_reply row;
	char id[UUID_LEN], uid[64], value[64], reply[64];
};

static int keep(const struct auto_reply *rule, void *arg)
{
	struct kept *kept = arg;

	kept->row = *rule;
	snprintf(kept->id, sizeof(kept->id), "%s", rule->public_id);
	snprintf(kept->uid, sizeof(kept->uid), "%s", rule->device_uid);
	snprintf(kept->value, sizeof(kept->value), "%s", rule->trigger_value);
	snprintf(kept->reply, sizeof(kept->reply), "%s", rule->reply_text);
	kept->row.public_id = kept->id;
	kept->row.device_uid = kept->uid;
	kept->row.trigger_value = kept->value;
	kept->row.reply_text = kept->reply;
	return 0;
}

static void get(struct fixture *f, const char *id, struct kept *kept)
{
	assert_int_equal(store_auto_reply_by_public_id(f->store, f->account_id,
				 id, keep, kept, &f->err),
		0);
}

static void update(struct fixture *f, const struct auto_reply *row, int64_t at)
{
	struct tx *tx = begin(f);

	assert_int_equal(store_auto_reply_update(tx, row, at, &f->err), 0);
	commit(f, tx);
}

static void move_to(struct fixture *f, const struct rule *rule, int position)
{
	struct kept kept;

	get(f, rule->id, &kept);
	kept.row.position = position;
	update(f, &kept.row, NOW_MS);
}

static void each_trigger_has_a_name_that_is_found_again(void **state)
{
	static const char *const names[] = { "CONTAINS", "EXACT", "STARTS_WITH",
		"ENDS_WITH" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		enum auto_reply_trigger trigger =
			auto_reply_trigger_parse(names[i]);

		assert_int_equal(trigger, i + 1);
		assert_string_equal(auto_reply_trigger_name(trigger), names[i]);
	}
	assert_int_equal(auto_reply_trigger_parse("contains"), 0);
	assert_int_equal(auto_reply_trigger_parse(""), 0);
}

static void a_rule_is_read_as_it_was_written(void **state)
{
	struct fixture *f = *state;
	struct rule rule = create(f, "price", -1);
	struct auto_reply changed;
	struct kept kept;

	get(f, rule.id, &kept);
	assert_string_equal(kept.uid, f->uid);
	assert_int_equal(kept.row.account_id, f->account_id);
	assert_int_equal(kept.row.device_id, f->device_id);
	assert_int_equal(kept.row.position, 0);
	assert_int_equal(kept.row.trigger, TRIGGER_EXACT);
	assert_string_equal(kept.value, "price");
	assert_string_equal(kept.reply, "reply");
	assert_true(kept.row.is_enabled);
	assert_int_equal(kept.row.created_ms, NOW_MS);
	assert_int_equal(kept.row.updated_ms, NOW_MS);
	changed = kept.row;
	changed.trigger = TRIGGER_ENDS_WITH;
	changed.trigger_value = "cost?";
	changed.reply_text = "much";
	changed.is_enabled = false;
	changed.position = 7;
	changed.created_ms = 1; /* not to be changed */
	update(f, &changed, NOW_MS + 5);
	get(f, rule.id, &kept);
	assert_int_equal(kept.row.trigger, TRIGGER_ENDS_WITH);
	assert_string_equal(kept.value, "cost?");
	assert_string_equal(kept.reply, "much");
	assert_false(kept.row.is_enabled);
	assert_int_equal(kept.row.position, 7);
	assert_int_equal(kept.row.created_ms, NOW_MS);
	assert_int_equal(kept.row.updated_ms, NOW_MS + 5);
}

static void a_new_rule_is_the_last_or_where_it_says(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(create(f, "a", -1).position, 0);
	assert_int_equal(create(f, "b", -1).position, 1);
	assert_int_equal(create(f, "c", 10).position, 10);
	assert_int_equal(create(f, "d", -1).position, 11);
	create(f, "e", 5);
	assert_order(f, "a0 b1 e5 c10 d11 ");
}

static void a_taken_position_moves_those_behind_it_up_to_the_first_gap(
	void **state)
{
	struct fixture *f = *state;

	create(f, "a", 0);
	create(f, "b", 1);
	create(f, "c", 3);
	create(f, "n", 0);
	assert_order(f, "n0 a1 b2 c3 ");
	create(f, "m", 1);
	assert_order(f, "n0 m1 a2 b3 c4 ");
}

static void a_rule_that_moves_leaves_its_own_place_free(void **state)
{
	struct fixture *f = *state;
	struct rule a = create(f, "a", -1);
	struct rule b = create(f, "b", -1);
	struct rule c = create(f, "c", -1);

	move_to(f, &c, 0);
	assert_order(f, "c0 a1 b2 ");
	move_to(f, &c, 0);
	assert_order(f, "c0 a1 b2 ");
	move_to(f, &b, 1);
	assert_order(f, "c0 b1 a2 ");
	move_to(f, &a, 0);
	assert_order(f, "a0 c1 b2 ");
	move_to(f, &a, 9);
	assert_order(f, "c1 b2 a9 ");
}

static void a_list_has_pages_and_its_total(void **state)
{
	struct fixture *f = *state;
	struct shown shown;

	create(f, "a", -1);
	create(f, "b", -1);
	create(f, "c", -1);
	shown = list_page(f, f->account_id, 1, 1);
	assert_string_equal(shown.text, "b1 ");
	assert_int_equal(shown.total, 3);
	shown = list_page(f, f->account_id, 3, 1);
	assert_string_equal(shown.text, "");
	assert_int_equal(shown.total, 3);
}

static void rules_of_another_account_are_not_there(void **state)
{
	struct fixture *f = *state;
	struct rule rule = create(f, "a", -1);
	struct kept kept;
	struct tx *tx;

	get(f, rule.id, &kept);
	assert_string_equal(list_page(f, f->other_account_id, 0, 10).text, "");
	assert_int_equal(
		store_auto_reply_by_public_id(f->store, f->other_account_id,
			rule.id, keep, &kept, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	tx = begin(f);
	kept.row.account_id = f->other_account_id;
	assert_int_equal(
		store_auto_reply_update(tx, &kept.row, NOW_MS, &f->err), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	f->err = ERR_NONE;
	assert_int_equal(store_auto_reply_delete(
				 tx, f->other_account_id, rule.id, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	commit(f, tx);
	assert_order(f, "a0 ");
}

static void a_deleted_rule_is_gone(void **state)
{
	struct fixture *f = *state;
	struct rule rule = create(f, "a", -1);
	struct kept kept;
	struct tx *tx = begin(f);

	assert_int_equal(
		store_auto_reply_delete(tx, f->account_id, rule.id, &f->err),
		0);
	assert_int_equal(
		store_auto_reply_delete(tx, f->account_id, rule.id, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	commit(f, tx);
	assert_int_equal(store_auto_reply_by_public_id(f->store, f->account_id,
				 rule.id, keep, &kept, &f->err),
		-1);
	assert_int_equal(list_page(f, f->account_id, 0, 1).total, 0);
}

static void a_rule_of_a_deleted_device_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct rule rule = create(f, "a", -1);
	struct kept kept;
	struct tx *tx = begin(f);

	assert_int_equal(
		store_device_delete(tx, f->device_id, NOW_MS, &f->err), 0);
	commit(f, tx);
	assert_int_equal(store_auto_reply_by_public_id(f->store, f->account_id,
				 rule.id, keep, &kept, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static void only_enabled_rules_of_the_device_are_tried_in_order(void **state)
{
	struct fixture *f = *state;
	struct rule a = create(f, "a", 2);
	struct shown shown = { .total = 0 };
	struct kept kept;

	get(f, a.id, &kept);
	create(f, "b", 1);
	create(f, "c", 0);
	kept.row.is_enabled = false;
	update(f, &kept.row, NOW_MS);
	assert_int_equal(store_auto_reply_enabled(
				 f->store, f->device_id, show, &shown, &f->err),
		0);
	assert_string_equal(shown.text, "c0 b1 ");
	shown.text[0] = '\0';
	assert_int_equal(store_auto_reply_enabled(f->store, f->second_device_id,
				 show, &shown, &f->err),
		0);
	assert_string_equal(shown.text, "");
}

static void a_device_has_at_most_500_rules(void **state)
{
	struct fixture *f = *state;
	char id[UUID_LEN];
	struct auto_reply row = { .public_id = id,
		.account_id = f->account_id,
		.device_id = f->device_id,
		.trigger = TRIGGER_EXACT,
		.trigger_value = "v",
		.reply_text = "r" };
	struct tx *tx = begin(f);

	for (int i = 0; i < AUTO_REPLY_MAX; i++) {
		id_uuid7(id);
		row.position = -1;
		assert_int_equal(
			store_auto_reply_create(tx, &row, NOW_MS, &f->err), 0);
		assert_int_equal(row.position, i);
	}
	id_uuid7(id);
	assert_int_equal(
		store_auto_reply_create(tx, &row, NOW_MS, &f->err), -1);
	assert_int_equal(f->err.code, ERR_CONFLICT);
	row.device_id = f->second_device_id;
	assert_int_equal(store_auto_reply_create(tx, &row, NOW_MS, &f->err), 0);
	commit(f, tx);
}

static int count(struct fixture *f, struct tx *tx, const char *chat, int64_t at)
{
	int n = 0;

	assert_int_equal(
		store_auto_reply_count(tx, f->device_id, chat, at, &n, &f->err),
		0);
	return n;
}

static void replies_are_counted_by_chat_and_hour(void **state)
{
	struct fixture *f = *state;
	struct tx *tx = begin(f);

	assert_int_equal(count(f, tx, "1@lid", NOW_MS), 1);
	assert_int_equal(count(f, tx, "1@lid", NOW_MS), 2);
	assert_int_equal(count(f, tx, "2@lid", NOW_MS), 1);
	assert_int_equal(count(f, tx, "1@lid", NOW_MS + HOUR_MS), 1);
	assert_int_equal(count(f, tx, "1@lid", NOW_MS + HOUR_MS), 2);
	commit(f, tx);
}

/* ---- plans ---- */

static void run_all(struct fixture *f)
{
	struct rule rule = create(f, "a", -1);
	struct shown shown = { .total = 0 };
	struct tx *tx;

	create(f, "b", 0);
	move_to(f, &rule, 0);
	list_page(f, f->account_id, 0, 10);
	store_auto_reply_enabled(f->store, f->device_id, show, &shown, &f->err);
	tx = begin(f);
	count(f, tx, "1@lid", NOW_MS);
	store_auto_reply_delete(tx, f->account_id, rule.id, &f->err);
	commit(f, tx);
}

/* Walks the whole table, or sorts. */
static bool is_costly(struct db *db, const char *sql)
{
	scoped(str_free) char *explained =
		xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt = NULL;
	bool costly = false;

	assert_int_equal(
		sqlite3_prepare_v2(db->handle, explained, -1, &stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(stmt, 3);

		costly |= strncmp(detail, "SCAN ", 5) == 0 ||
			  strstr(detail, "USE TEMP B-TREE") != NULL;
	}
	if (costly)
		print_error("%s\n", sql);
	sqlite3_finalize(stmt);
	return costly;
}

static void no_statement_walks_all_rules_or_sorts_them(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_db(f->store);
	int n = 0;

	run_all(f);
	for (int i = 0; i < DB_STATEMENTS; i++) {
		const char *sql = db->statements[i].sql;

		if (sql == NULL || strstr(sql, "auto_reply") == NULL)
			continue;
		assert_false(is_costly(db, sql));
		n++;
	}
	assert_true(n >= 11);
	assert_true(is_costly(
		db, "SELECT * FROM auto_reply WHERE trigger_value = 'x'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(each_trigger_has_a_name_that_is_found_again),
		STORE_TEST(a_rule_is_read_as_it_was_written),
		STORE_TEST(a_new_rule_is_the_last_or_where_it_says),
		STORE_TEST(
			a_taken_position_moves_those_behind_it_up_to_the_first_gap),
		STORE_TEST(a_rule_that_moves_leaves_its_own_place_free),
		STORE_TEST(a_list_has_pages_and_its_total),
		STORE_TEST(rules_of_another_account_are_not_there),
		STORE_TEST(a_deleted_rule_is_gone),
		STORE_TEST(a_rule_of_a_deleted_device_is_not_found),
		STORE_TEST(only_enabled_rules_of_the_device_are_tried_in_order),
		STORE_TEST(a_device_has_at_most_500_rules),
		STORE_TEST(replies_are_counted_by_chat_and_hour),
		STORE_TEST(no_statement_walks_all_rules_or_sorts_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
