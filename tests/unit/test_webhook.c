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
		.device_id = f->device_id,
		.event_id = event_seq,
		.url = URL,
		.number = number,
		.status = status,
		.response_code = status == ATTEMPT_SUCCESS ? 200 : 500,
		.started_ms = NOW_MS };
	struct tx *tx = begin(f);

	assert_int_equal(store_attempt_record(tx, &attempt, event_seq,
				 NOW_MS + 1000, &f->err),
		0);
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
	assert_int_equal(ends.at[0].cursor_seq, 2);
	assert_int_equal(ends.at[0].device_seq, 3);
	assert_int_equal(ends.at[1].chat, EVENT_CHAT_GROUP);
	assert_int_equal(ends.at[1].cursor_seq, 3);
}

static void the_same_url_keeps_its_place(void **state)
{
	struct fixture *f = *state;

	put(f, URL, NULL, true);
	add_event(f);
	put(f, URL, NULL, true);
	assert_int_equal(endpoints(f).at[0].cursor_seq, 0);
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
	assert_int_equal(ends.at[0].cursor_seq, 1);
	assert_int_equal(ends.at[0].attempts, 0);
	assert_int_equal(ends.at[0].next_attempt_ms, 0);
}

static void an_inactive_webhook_has_no_endpoints_and_misses_events(void **state)
{
	struct fixture *f = *state;

	put(f, URL, NULL, true);
	put(f, URL, NULL, false);
	assert_int_equal(endpoints(f).n, 0);
	add_event(f);
	put(f, URL, NULL, true);
	assert_int_equal(endpoints(f).at[0].cursor_seq, 1);
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
			endpoint.cursor_seq + 1);
		assert_int_equal(endpoints(f).at[0].cursor_seq,
			endpoint.cursor_seq + table[i].cursor_seq);
		assert_int_equal(
			endpoints(f).at[0].attempts, table[i].attempts);
		assert_int_equal(endpoints(f).at[0].next_attempt_ms,
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
	assert_int_equal(endpoints(f).at[0].cursor_seq, 4);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
