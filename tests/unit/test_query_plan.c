/* Nothing scans a table that grows: every statement that the store has prepared
 * is explained, and none may walk message, event, attempt, scheduled or
 * idempotency. */
#include "common/store/store_impl.h"

#include "common/store/media.h"
#include "common/store/chat.h"
#include "common/store/scheduled.h"
#include "common/store/webhook.h"
#include "tests/unit/store_fixture.h"

static int on_message(const struct message *m, void *arg)
{
	(void)m;
	(void)arg;
	return 0;
}

static int on_event(const struct event *e, void *arg)
{
	(void)e;
	(void)arg;
	return 0;
}

static int on_attempt(const struct attempt *a, void *arg)
{
	(void)a;
	(void)arg;
	return 0;
}

static int on_scheduled(const struct scheduled *s, void *arg)
{
	(void)s;
	(void)arg;
	return 0;
}

static int on_device(const struct device *d, void *arg)
{
	(void)d;
	(void)arg;
	return 0;
}

static int on_media(const struct media *m, void *arg)
{
	(void)m;
	(void)arg;
	return 0;
}

static void on_answer(
	const uint8_t hash[32], int status, const char *body, void *arg)
{
	(void)hash;
	(void)status;
	(void)body;
	(void)arg;
}

static void read_messages(struct fixture *f)
{
	struct store *s = f->store;
	const struct page page = { 0, 10 };
	int64_t total;

	for (int i = 0; i < 4; i++) {
		struct message_filter filter = { f->account_id,
			i & 1 ? f->device_id : 0,
			i & 2 ? "15550002222" : NULL };

		store_message_list(
			s, &filter, page, on_message, NULL, &total, &f->err);
	}
	store_message_queued(s, f->device_id, 0, 10, on_message, NULL, &f->err);
	store_message_by_id(s, 1, on_message, NULL, &f->err);
	store_message_by_public_id(
		s, f->account_id, "x", on_message, NULL, &f->err);
	store_message_by_wa_id(s, f->device_id, "x", on_message, NULL, &f->err);
	store_message_by_client_id(
		s, f->device_id, "x", on_message, NULL, &f->err);
	store_message_each_wa_id(
		s, f->device_id, "x", on_message, NULL, &f->err);
}

static int on_chat(const struct chat *c, void *arg)
{
	(void)c;
	(void)arg;
	return 0;
}

static void read_chats(struct fixture *f)
{
	struct store *s = f->store;
	struct message message = { .account_id = f->account_id,
		.device_id = f->device_id,
		.wa_id = "x",
		.chat = "1@lid",
		.sender = "1@lid",
		.kind = MESSAGE_TEXT };
	struct chat chat = { .account_id = f->account_id,
		.device_id = f->device_id,
		.jid = "1@lid" };
	struct tx *tx = begin(f);
	char public_id[UUID_LEN];
	int64_t total;
	bool is;

	store_chat_note(tx, &chat, CHAT_LAST, &f->err);
	store_chat_mark_read(tx, 1, NOW_MS, &f->err);
	store_chat_has_message(tx, &message, &is, &f->err);
	store_message_fill(tx, &message, public_id, &is, &f->err);
	commit(f, tx);
	store_chat_list(s, f->account_id, f->device_id, (struct page){ 0, 10 },
		on_chat, NULL, &total, &f->err);
	store_chat_by_jid(s, f->device_id, "1@lid", on_chat, NULL, &f->err);
	store_chat_unread(s, f->account_id, f->device_id, "1@lid", on_message,
		NULL, &f->err);
	store_chat_oldest(s, f->account_id, f->device_id, "1@lid", on_message,
		NULL, &f->err);
	store_chat_message(
		s, f->device_id, "1@lid", "x", on_message, NULL, &f->err);
}

static void read_the_rest(struct fixture *f)
{
	struct store *s = f->store;
	const struct page page = { 0, 10 };
	int64_t total;

	for (int i = 0; i < 4; i++) {
		int64_t device_id = i & 1 ? f->device_id : 0;
		struct attempt_filter attempts = { f->account_id, device_id,
			i & 2 ? 1 : 0 };
		struct scheduled_filter scheduled = { f->account_id, device_id,
			i & 2 ? 1 : 0 };

		store_attempt_list(
			s, &attempts, page, on_attempt, NULL, &total, &f->err);
		store_scheduled_list(s, &scheduled, page, on_scheduled, NULL,
			&total, &f->err);
	}
	store_event_of_device(s, f->device_id, 0, 10, on_event, NULL, &f->err);
	store_event_of_account(
		s, f->account_id, 0, 10, on_event, NULL, &f->err);
	store_event_by_id(s, 1, on_event, NULL, &f->err);
	store_scheduled_by_public_id(
		s, f->account_id, "x", on_scheduled, NULL, &f->err);
	store_scheduled_due(s, NOW_MS, 10, on_scheduled, NULL, &f->err);
	store_scheduled_next_due(s);
	store_device_list(s, f->account_id, on_device, NULL, &f->err);
}

static void read_media(struct fixture *f)
{
	struct store *s = f->store;
	const struct page page = { 0, 10 };
	const uint8_t hash[32] = { 0 };
	int64_t total;
	bool wanted;

	store_media_list(
		s, f->account_id, 0, page, on_media, NULL, &total, &f->err);
	store_media_list(s, f->account_id, MEDIA_IMAGE, page, on_media, NULL,
		&total, &f->err);
	store_media_by_public_id(
		s, f->account_id, "x", on_media, NULL, &f->err);
	store_media_by_id(s, 1, on_media, NULL, &f->err);
	store_media_made_from(s, 1, MEDIA_VOICE, on_media, NULL, &f->err);
	store_media_file_is_wanted(s, hash, &wanted, &f->err);
}

static void change_media(struct fixture *f, struct tx *tx)
{
	struct media media = { .public_id = "x",
		.account_id = f->account_id,
		.kind = MEDIA_IMAGE,
		.state = MEDIA_READY,
		.mime = "image/jpeg" };

	store_media_insert(tx, &media, &f->err);
	store_media_set_state(
		tx, "x", MEDIA_GONE, NULL, 0, on_media, NULL, &f->err);
	store_media_delete(tx, f->account_id, "x", NOW_MS, &f->err);
}

static void change_everything(struct fixture *f)
{
	struct tx *tx = begin(f);
	struct outgoing out = insert_out(f, tx, f->device_id, "c");
	struct message_change change = {
		.wa_id = out.wa_id, .status = MESSAGE_SENT, .at_ms = NOW_MS
	};
	const uint8_t hash[32] = { 0 };
	bool changed;

	insert_out(f, tx, f->device_id, "c");
	store_message_change(
		tx, f->device_id, &change, &changed, on_message, NULL, &f->err);
	store_message_set_reason(tx, f->device_id, out.wa_id, "r", &f->err);
	store_message_count_retry(tx, f->device_id, out.wa_id, &f->err);
	store_idempotency_find(
		tx, f->account_id, "k", 0, on_answer, NULL, &f->err);
	store_idempotency_put(
		tx, f->account_id, "k", hash, 200, "", NOW_MS, &f->err);
	store_idempotency_expire(tx, NOW_MS, 10, &f->err);
	store_scheduled_cancel(tx, f->account_id, "x", NOW_MS, &f->err);
	store_scheduled_update(
		tx, f->account_id, "x", "1", "t", 1, NOW_MS, &f->err);
	store_scheduled_postpone(tx, 1, NOW_MS, "r", &f->err);
	store_scheduled_finish(
		tx, 1, SCHEDULED_SENT, NULL, NULL, NOW_MS, &changed, &f->err);
	change_media(f, tx);
	store_device_delete(tx, f->second_device_id, NOW_MS, &f->err);
	commit(f, tx);
}

/* "SCAN m USING INDEX ..." names the table by its alias. */
static bool is_scan_of_a_growing_table(const char *detail)
{
	static const char *const names[] = { "m", "message", "e", "event", "a",
		"attempt", "s", "scheduled", "idempotency", "f", "media" };
	size_t n;

	if (strncmp(detail, "SCAN ", 5) != 0)
		return false;
	n = strcspn(detail + 5, " ");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == n &&
			strncmp(detail + 5, names[i], n) == 0)
			return true;
	return false;
}

static int explain(struct db *db, const char *sql)
{
	scoped(str_free) char *explained =
		xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt = NULL;
	int n_bad = 0;

	assert_int_equal(
		sqlite3_prepare_v2(db->handle, explained, -1, &stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(stmt, 3);

		if (is_scan_of_a_growing_table(detail) ||
			strstr(detail, "USE TEMP B-TREE") != NULL) {
			print_error("%s\n  %s\n", sql, detail);
			n_bad++;
		}
	}
	sqlite3_finalize(stmt);
	return n_bad;
}

static bool plan_has(struct db *db, const char *sql, const char *needle)
{
	scoped(str_free) char *explained =
		xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt = NULL;
	bool found = false;

	assert_int_equal(
		sqlite3_prepare_v2(db->handle, explained, -1, &stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		found |= strstr((const char *)sqlite3_column_text(stmt, 3),
				 needle) != NULL;
	if (!found)
		print_error("%s\n", sql);
	sqlite3_finalize(stmt);
	return found;
}

static void no_statement_scans_or_sorts_a_growing_table(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_db(f->store);
	int n_bad = 0;

	put_out(f, f->device_id); /* so that every step of a list runs */
	read_messages(f);
	read_chats(f);
	read_the_rest(f);
	read_media(f);
	change_everything(f);
	assert_true(db->n_statements > 45);
	for (int i = 0; i < DB_STATEMENTS; i++)
		if (db->statements[i].sql != NULL)
			n_bad += explain(db, db->statements[i].sql);
	assert_int_equal(n_bad, 0);
}

/* Walking all messages of an account would be a SEARCH too. */
static void a_phone_is_looked_up_in_its_own_index(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_db(f->store);
	int n = 0;

	put_out(f, f->device_id);
	read_messages(f);
	for (int i = 0; i < DB_STATEMENTS; i++) {
		const char *sql = db->statements[i].sql;

		if (sql == NULL || strstr(sql, "m.phone = ?") == NULL)
			continue;
		assert_true(plan_has(db, sql,
			"INDEX message_of_phone"
			" (account_id=? AND <expr>=? AND phone=?)"));
		n++;
	}
	assert_true(n > 0);
}

static void the_check_itself_finds_a_scan(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(explain(store_db(f->store),
				 "SELECT * FROM message m WHERE text = 'x'"),
		1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(no_statement_scans_or_sorts_a_growing_table),
		STORE_TEST(a_phone_is_looked_up_in_its_own_index),
		STORE_TEST(the_check_itself_finds_a_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
