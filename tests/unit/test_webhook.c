#include "common/store/webhook.h"

#include "tests/unit/store_fixture.h"

#define URL "https://example.com/hook"

static bool put(struct fixture *f, const char *personal_url,
	const char *group_url, bool is_active)
{
	struct webhook webhook = { .public_id = "w1",
		.account_id = f->account_id,
		.device_id = f->device_id,
		.personal_url = personal_url,
		.group_url = group_url,
		.secret = (const uint8_t *)"\1\2\3",
		.secret_bytes = 3,
		.is_active = is_active };
	struct tx *tx = begin(f);
	bool created = false;

	assert_int_equal(
		store_webhook_put(tx, &webhook, NOW_MS, &created, &f->err), 0);
	commit(f, tx);
	return created;
}

static int64_t add_event(struct fixture *f)
{
	char public_id[UUID_LEN];
	struct event event = { .account_id = f->account_id,
		.device_id = f->device_id,
		.chat = EVENT_CHAT_PERSONAL,
		.type = "message.sent",
		.payload = "{}" };
	struct tx *tx = begin(f);

	assert_int_equal(store_event_append(tx, &event, public_id, &f->err), 0);
	commit(f, tx);
	return event.id;
}

struct ends {
	int n;
	struct webhook_endpoint at[4];
	char urls[4][64];
};

static int on_endpoint(const struct webhook_endpoint *endpoint, void *arg)
{
	struct ends *ends = arg;

	snprintf(ends->urls[ends->n], sizeof(ends->urls[0]), "%s",
		endpoint->url);
	assert_int_equal(endpoint->secret_bytes, 3);
	assert_memory_equal(endpoint->secret, "\1\2\3", 3);
	ends->at[ends->n++] = *endpoint;
	return 0;
}

static struct ends endpoints(struct fixture *f)
{
	struct ends ends = { 0 }, same = { 0 };

	assert_int_equal(
		store_webhook_endpoints(f->store, on_endpoint, &ends, &f->err),
		0);
	assert_int_equal(store_webhook_endpoints_of_device(f->store,
				 f->device_id, on_endpoint, &same, &f->err),
		0);
	assert_int_equal(same.n, ends.n);
	return ends;
}

static void attempt(struct fixture *f, const struct webhook_endpoint *endpoint,
	enum attempt_status status, int number, int64_t event_seq)
{
	struct attempt attempt = { .endpoint_id = endpoint->id,
		.account_id = f->account_id,
		.endpoint_version = endpoint->version,
		.device_id = f->device_id,
		.event_id = event_seq,
		.url = URL,
		.number = number,
		.status = status,
		.response_code = status == ATTEMPT_SUCCESS ? 200 : 500,
		.started_ms = NOW_MS };
	struct webhook_place place = endpoint->place;
	struct tx *tx = begin(f);

	if (status == ATTEMPT_RETRYING) {
		place.attempts = number;
		place.next_attempt_ms = NOW_MS + 1000;
	} else {
		place = (struct webhook_place){ .cursor_seq = event_seq };
	}
	assert_int_equal(
		store_attempt_record(tx, &attempt, &place, &f->err), 0);
	commit(f, tx);
}

struct list {
	int n;
	char urls[2][64];
	int64_t total;
};

static int on_webhook(const struct webhook *webhook, void *arg)
{
	struct list *list = arg;

	list->n++;
	snprintf(list->urls[0], 64, "%s",
		webhook->personal_url ? webhook->personal_url : "-");
	snprintf(list->urls[1], 64, "%s",
		webhook->group_url ? webhook->group_url : "-");
	return 1;
}

static void a_webhook_is_created_once_and_then_changed(void **state)
{
	struct fixture *f = *state;
	struct list list = { 0 };

	assert_true(put(f, URL, NULL, true));
	assert_false(put(f, URL, URL "/group", true));
	assert_int_equal(
		store_webhook_list(f->store, f->account_id, f->device_id,
			on_webhook, &list, &list.total, &f->err),
		0);
	assert_int_equal(list.total, 1);
	assert_string_equal(list.urls[0], URL);
	assert_string_equal(list.urls[1], URL "/group");
	assert_int_equal(store_webhook_list(f->store, f->other_account_id, 0,
				 on_webhook, &list, &list.total, &f->err),
		0);
	assert_int_equal(list.total, 0);
}

static void a_new_url_starts_at_the_end_of_the_log(void **state)
{
	struct fixture *f = *state;
	struct ends ends;

	add_event(f);
	add_event(f);
	put(f, URL, NULL, true);
	add_event(f);
	put(f, URL, URL "/group", true);
	ends = endpoints(f);
	assert_int_equal(ends.n, 2);
	assert_int_equal(ends.at[0].place.cursor_seq, 2);
	assert_int_equal(ends.at[0].device_seq, 3);
	assert_int_equal(ends.at[1].chat, EVENT_CHAT_GROUP);
	assert_int_equal(ends.at[1].place.cursor_seq, 3);
}

static void the_same_url_keeps_its_place(void **state)
{
	struct fixture *f = *state;

	put(f, URL, NULL, true);
	add_event(f);
	put(f, URL, NULL, true);
	assert_int_equal(endpoints(f).at[0].place.cursor_seq, 0);
}

static void another_url_does_not_get_what_is_older(void **state)
{
	struct fixture *f = *state;
	struct ends ends;

	put(f, URL, NULL, true);
	add_event(f);
	ends = endpoints(f);
	attempt(f, &ends.at[0], ATTEMPT_RETRYING, 1, 1);
	put(f, URL "/2", NULL, true);
	/* The answer of the old receiver comes late. */
	attempt(f, &ends.at[0], ATTEMPT_RETRYING, 2, 1);
	ends = endpoints(f);
	assert_string_equal(ends.urls[0], URL "/2");
	assert_int_equal(ends.at[0].place.cursor_seq, 1);
	assert_int_equal(ends.at[0].place.attempts, 0);
	assert_int_equal(ends.at[0].place.next_attempt_ms, 0);
}

static void an_inactive_webhook_has_no_endpoints_and_misses_events(void **state)
{
	struct fixture *f = *state;

	put(f, URL, NULL, true);
	put(f, URL, NULL, false);
	assert_int_equal(endpoints(f).n, 0);
	add_event(f);
	put(f, URL, NULL, true);
	assert_int_equal(endpoints(f).at[0].place.cursor_seq, 1);
}

static void no_url_removes_the_endpoint(void **state)
{
	struct fixture *f = *state;

	put(f, URL, URL "/group", true);
	put(f, NULL, URL "/group", true);
	assert_int_equal(endpoints(f).n, 1);
	assert_int_equal(endpoints(f).at[0].chat, EVENT_CHAT_GROUP);
}

static void the_cursor_moves_with_the_attempt_that_ends_an_event(void **state)
{
	static const struct {
		enum attempt_status status;
		int64_t cursor_seq, next_attempt_ms;
		int attempts;
	} table[] = {
		{ ATTEMPT_RETRYING, 0, NOW_MS + 1000, 1 },
		{ ATTEMPT_SUCCESS, 1, 0, 0 },
		{ ATTEMPT_FAILED, 1, 0, 0 },
		{ ATTEMPT_REFUSED, 1, 0, 0 },
	};
	struct fixture *f = *state;
	struct webhook_endpoint endpoint;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		put(f, URL, NULL, true);
		endpoint = endpoints(f).at[0];
		add_event(f);
		attempt(f, &endpoint, table[i].status, 1,
			endpoint.place.cursor_seq + 1);
		assert_int_equal(endpoints(f).at[0].place.cursor_seq,
			endpoint.place.cursor_seq + table[i].cursor_seq);
		assert_int_equal(
			endpoints(f).at[0].place.attempts, table[i].attempts);
		assert_int_equal(endpoints(f).at[0].place.next_attempt_ms,
			table[i].next_attempt_ms);
		put(f, NULL, NULL, true);
	}
}

static void a_cursor_never_goes_back(void **state)
{
	struct fixture *f = *state;
	struct webhook_endpoint endpoint;
	struct tx *tx;

	put(f, URL, NULL, true);
	for (int i = 0; i < 5; i++)
		add_event(f);
	endpoint = endpoints(f).at[0];
	tx = begin(f);
	assert_int_equal(store_webhook_skip(tx, endpoint.id, 4, &f->err), 0);
	assert_int_equal(store_webhook_skip(tx, endpoint.id, 2, &f->err), 0);
	commit(f, tx);
	attempt(f, &endpoint, ATTEMPT_SUCCESS, 1, 3);
	assert_int_equal(endpoints(f).at[0].place.cursor_seq, 4);
}

static void an_attempt_outlives_its_endpoint(void **state)
{
	struct fixture *f = *state;
	struct webhook_endpoint endpoint;

	put(f, URL, NULL, true);
	endpoint = endpoints(f).at[0];
	put(f, NULL, NULL, true);
	attempt(f, &endpoint, ATTEMPT_SUCCESS, 1, 1);
}

struct history {
	int n;
	enum attempt_status status;
	int number;
	char type[32], url[64];
	int64_t total;
};

static int on_attempt(const struct attempt *attempt, void *arg)
{
	struct history *history = arg;

	if (history->n++ == 0) {
		history->status = attempt->status;
		history->number = attempt->number;
		snprintf(history->type, 32, "%s", attempt->event_type);
		snprintf(history->url, 64, "%s", attempt->url);
		assert_true(id_is_uuid(attempt->public_id));
		assert_true(id_is_uuid(attempt->event_public_id));
	}
	return 0;
}

static void history_filters_counts_and_is_newest_first(void **state)
{
	struct fixture *f = *state;
	const struct {
		struct attempt_filter filter;
		int n, total;
		enum attempt_status newest;
	} table[] = {
		{ { f->account_id, 0, 0 }, 3, 3, ATTEMPT_SUCCESS },
		{ { f->account_id, f->device_id, 0 }, 3, 3, ATTEMPT_SUCCESS },
		{ { f->account_id, 0, ATTEMPT_RETRYING }, 2, 2,
			ATTEMPT_RETRYING },
		{ { f->account_id, f->device_id, ATTEMPT_RETRYING }, 2, 2,
			ATTEMPT_RETRYING },
		{ { f->account_id, f->second_device_id, 0 }, 0, 0, 0 },
		{ { f->account_id, 0, ATTEMPT_FAILED }, 0, 0, 0 },
		{ { f->other_account_id, 0, 0 }, 0, 0, 0 },
	};
	struct webhook_endpoint endpoint;

	put(f, URL, NULL, true);
	add_event(f);
	endpoint = endpoints(f).at[0];
	attempt(f, &endpoint, ATTEMPT_RETRYING, 1, 1);
	attempt(f, &endpoint, ATTEMPT_RETRYING, 2, 1);
	attempt(f, &endpoint, ATTEMPT_SUCCESS, 3, 1);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct history history = { 0 };

		assert_int_equal(
			store_attempt_list(f->store, &table[i].filter,
				(struct page){ .limit = 10 }, on_attempt,
				&history, &history.total, &f->err),
			0);
		assert_int_equal(history.n, table[i].n);
		assert_int_equal(history.total, table[i].total);
		assert_int_equal(history.status, table[i].newest);
		if (history.n > 0)
			assert_string_equal(history.type, "message.sent");
	}
}

/* ---- the pause ---- */

static void pause_now(struct fixture *f)
{
	const struct webhook_endpoint endpoint = endpoints(f).at[0];
	const struct webhook_place place = {
		.n_failed = 10, .n_pauses = 1, .paused_until_ms = NOW_MS + 60000
	};
	const struct attempt failed = { .endpoint_id = endpoint.id,
		.endpoint_version = endpoint.version,
		.account_id = f->account_id,
		.device_id = f->device_id,
		.event_id = 1,
		.url = URL,
		.number = 1,
		.status = ATTEMPT_FAILED };
	struct tx *tx = begin(f);

	assert_int_equal(store_attempt_record(tx, &failed, &place, &f->err), 0);
	commit(f, tx);
	assert_int_equal(endpoints(f).at[0].place.n_pauses, 1);
}

static void put_and_resume(struct fixture *f, bool personal, bool group)
{
	struct webhook webhook = { .public_id = "w1",
		.account_id = f->account_id,
		.device_id = f->device_id,
		.personal_url = URL,
		.secret = (const uint8_t *)"\1\2\3",
		.secret_bytes = 3,
		.is_active = true,
		.resume_personal = personal,
		.resume_group = group };
	struct tx *tx = begin(f);
	bool created;

	assert_int_equal(
		store_webhook_put(tx, &webhook, NOW_MS, &created, &f->err), 0);
	commit(f, tx);
}

static void the_owner_ends_a_pause_and_the_place_stays(void **state)
{
	struct fixture *f = *state;
	struct webhook_endpoint before, after;

	put(f, URL, NULL, true);
	add_event(f);
	pause_now(f);
	before = endpoints(f).at[0];
	put_and_resume(f, false, true); /* the other kind */
	after = endpoints(f).at[0];
	assert_int_equal(after.place.n_pauses, 1);
	assert_int_equal(after.version, before.version);
	put_and_resume(f, true, false);
	after = endpoints(f).at[0];
	assert_int_equal(after.place.n_pauses, 0);
	assert_int_equal(after.place.n_failed, 0);
	assert_int_equal(after.place.paused_until_ms, 0);
	assert_int_equal(after.place.cursor_seq, before.place.cursor_seq);
	assert_true(after.version > before.version); /* in one millisecond */
}

static void attempts_from_before_a_change_move_nothing(void **state)
{
	struct fixture *f = *state;
	struct webhook_endpoint before;

	put(f, URL, NULL, true);
	add_event(f);
	pause_now(f);
	before = endpoints(f).at[0];
	put_and_resume(f, true, false);
	attempt(f, &before, ATTEMPT_FAILED, 1, 1);
	assert_int_equal(endpoints(f).at[0].place.cursor_seq, 0);
}

/* ---- secrets ---- */

struct secrets {
	char now[16], old[16];
	int64_t old_until_ms, version;
};

static int on_secrets(const struct webhook_endpoint *endpoint, void *arg)
{
	struct secrets *secrets = arg;

	snprintf(secrets->now, 16, "%.*s", endpoint->secret_bytes,
		(const char *)endpoint->secret);
	snprintf(secrets->old, 16, "%.*s", endpoint->old_secret_bytes,
		endpoint->old_secret != NULL
			? (const char *)endpoint->old_secret
			: "");
	secrets->old_until_ms = endpoint->old_until_ms;
	secrets->version = endpoint->secret_version;
	return 0;
}

static struct secrets secrets_of(struct fixture *f)
{
	struct secrets secrets = { 0 };

	assert_int_equal(store_webhook_endpoints(
				 f->store, on_secrets, &secrets, &f->err),
		0);
	return secrets;
}

static void rotate(struct fixture *f, const char *to, int64_t old_until_ms)
{
	const struct webhook_secret secret = { .webhook_id = 1,
		.sealed = (const uint8_t *)to,
		.n_sealed = (int)strlen(to),
		.old_until_ms = old_until_ms };
	struct tx *tx = begin(f);

	assert_int_equal(store_webhook_rotate(tx, &secret, NOW_MS, &f->err), 0);
	commit(f, tx);
}

static void wipe(struct fixture *f, int64_t now_ms)
{
	struct tx *tx = begin(f);

	assert_int_equal(
		store_webhook_wipe_old_secrets(tx, now_ms, &f->err), 0);
	commit(f, tx);
}

static void a_replaced_secret_stays_for_its_time(void **state)
{
	struct fixture *f = *state;
	struct secrets first, second;

	put(f, URL, NULL, true);
	rotate(f, "second", NOW_MS + 1000);
	first = secrets_of(f);
	assert_string_equal(first.now, "second");
	assert_string_equal(first.old, "\1\2\3");
	assert_int_equal(first.old_until_ms, NOW_MS + 1000);
	rotate(f, "third", NOW_MS + 2000); /* the first goes now */
	second = secrets_of(f);
	assert_string_equal(second.old, "second");
	assert_true(second.version > first.version);
	assert_false(store_webhook_has_old_secret(f->store, NOW_MS + 1999));
	wipe(f, NOW_MS + 1999);
	assert_string_equal(secrets_of(f).old, "second");
	assert_true(store_webhook_has_old_secret(f->store, NOW_MS + 2000));
	wipe(f, NOW_MS + 2000);
	assert_string_equal(secrets_of(f).old, "");
	assert_string_equal(secrets_of(f).now, "third");
	assert_false(store_webhook_has_old_secret(f->store, INT64_MAX));
}

static void without_overlap_nothing_is_kept(void **state)
{
	struct fixture *f = *state;

	put(f, URL, NULL, true);
	rotate(f, "second", 0);
	assert_string_equal(secrets_of(f).old, "");
	assert_false(store_webhook_has_old_secret(f->store, INT64_MAX));
}

/* ---- one webhook ---- */

static int on_one(const struct webhook *webhook, void *arg)
{
	*(struct webhook *)arg = *webhook;
	return 0;
}

static void a_webhook_is_found_by_its_owner_and_removed(void **state)
{
	struct fixture *f = *state;
	struct webhook webhook = { 0 };
	struct tx *tx;

	put(f, URL, URL "/group", true);
	add_event(f);
	assert_int_equal(store_webhook_by_public_id(f->store, f->account_id,
				 "w1", on_one, &webhook, &f->err),
		0);
	assert_int_equal(webhook.device_seq, 1);
	assert_int_equal(webhook.personal.place.cursor_seq, 0);
	assert_int_equal(webhook.personal.endpoint_id, endpoints(f).at[0].id);
	assert_int_equal(webhook.group.endpoint_id, endpoints(f).at[1].id);
	assert_int_equal(
		store_webhook_by_public_id(f->store, f->other_account_id, "w1",
			on_one, &webhook, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	tx = begin(f);
	assert_int_equal(
		store_webhook_delete(tx, f->account_id, webhook.id, &f->err),
		0);
	commit(f, tx);
	assert_int_equal(endpoints(f).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_webhook_is_created_once_and_then_changed),
		STORE_TEST(a_new_url_starts_at_the_end_of_the_log),
		STORE_TEST(the_same_url_keeps_its_place),
		STORE_TEST(another_url_does_not_get_what_is_older),
		STORE_TEST(
			an_inactive_webhook_has_no_endpoints_and_misses_events),
		STORE_TEST(no_url_removes_the_endpoint),
		STORE_TEST(
			the_cursor_moves_with_the_attempt_that_ends_an_event),
		STORE_TEST(a_cursor_never_goes_back),
		STORE_TEST(an_attempt_outlives_its_endpoint),
		STORE_TEST(history_filters_counts_and_is_newest_first),
		STORE_TEST(the_owner_ends_a_pause_and_the_place_stays),
		STORE_TEST(attempts_from_before_a_change_move_nothing),
		STORE_TEST(a_replaced_secret_stays_for_its_time),
		STORE_TEST(without_overlap_nothing_is_kept),
		STORE_TEST(a_webhook_is_found_by_its_owner_and_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
