/* The control API as bytes in and JSON out, hostile bytes first. */
#include "network.h"

#include <jansson.h>

#include "common/arena.h"

/* pairing.c's part: what it was asked for last, and how it answers. */
static struct {
	const struct account *account;
	char text[64];
	enum err_code fails;
} pairing;

static int pairing_answer(
	struct account *account, const char *text, struct err *err)
{
	pairing.account = account;
	snprintf(pairing.text, sizeof(pairing.text), "%s", text);
	return pairing.fails == ERR_OK
		       ? 0
		       : err_set(err, pairing.fails, "as the test wants it");
}

int pairing_scan(struct sandbox *sandbox, struct account *account,
	const char *qr, struct err *err)
{
	(void)sandbox;
	return pairing_answer(account, qr, err);
}

int pairing_enter_code(struct sandbox *sandbox, struct account *account,
	const char *code, struct err *err)
{
	(void)sandbox;
	return pairing_answer(account, code, err);
}

static json_t *answer; /* of the last request */

static int ask_n(const char *method, const char *path, const char *query,
	const char *body, size_t n_body)
{
	struct buf out = BUF_INIT;
	int status = control_on_request(
		&net.sandbox, method, path, query, body, n_body, &out);

	json_decref(answer);
	answer = json_loadb((const char *)out.data, out.len, 0, NULL);
	if (!json_is_object(answer))
		fail_msg("%s %s: the answer is not an object", method, path);
	if (status >= 400 && !json_is_string(json_object_get(answer, "error")))
		fail_msg("%s %s: %d without words", method, path, status);
	buf_fini(&out);
	arena_reset(net.sandbox.arena);
	return status;
}

static int ask(const char *method, const char *path, const char *body)
{
	return ask_n(method, path, NULL, body, body == NULL ? 0 : strlen(body));
}

static int open_api(void **state)
{
	memset(&pairing, 0, sizeof(pairing));
	return net_open(state);
}

static int close_api(void **state)
{
	json_decref(answer);
	answer = NULL;
	return net_close(state);
}

static const char *text_at(const char *key)
{
	return json_string_value(json_object_get(answer, key));
}

static json_int_t int_at(const char *key)
{
	const json_t *value = json_object_get(answer, key);

	if (!json_is_integer(value))
		fail_msg("no number %s in the answer", key);
	return json_integer_value(value);
}

#define PHONE "{\"phone\":\"+15550001111\"}"

static void what_is_not_a_request_is_refused(void **state)
{
	static const struct {
		int status;
		const char *method, *path, *body;
	} cases[] = {
		{ 404, "GET", "/nothing", NULL },
		{ 404, "GET", "/phones/15550001111/nothing", NULL },
		{ 404, "GET", "/phones/15550001111/devices/1/2/3/4/5", NULL },
		{ 404, "GET", "/%00", NULL },
		{ 405, "PUT", "/phones", NULL },
		{ 405, "DELETE", "/", NULL },
		{ 400, "POST", "/phones", NULL },
		{ 400, "POST", "/phones", "{" },
		{ 400, "POST", "/phones", "[]" },
		{ 400, "POST", "/phones", "null" },
		{ 400, "POST", "/phones", "\xff\xfe" },
		{ 400, "POST", "/phones", "{\"phone\":1}" },
		{ 400, "POST", "/phones", "{\"phone\":\"123456\"}" },
		{ 400, "POST", "/phones", "{\"phone\":\"1234567890123456\"}" },
		{ 400, "POST", "/phones", "{\"phone\":\"++15550001111\"}" },
		{ 400, "POST", "/phones", "{\"phone\":\"1555000\\u0000111\"}" },
		{ 400, "POST", "/phones",
			"{\"phone\":\"15550001111\",\"phone\":\"1\"}" },
		{ 400, "POST", "/phones",
			"{\"phone\":\"15550001111\",\"pone\":1}" },
		{ 400, "POST", "/phones",
			"{\"phone\":\"15550001111\",\"name\":\"\"}" },
		{ 400, "POST", "/phones",
			"{\"phone\":\"15550001111\",\"readAfterMs\":-2}" },
		{ 400, "POST", "/phones",
			"{\"phone\":\"15550001111\",\"readAfterMs\":1.5}" },
		{ 400, "POST", "/phones",
			"{\"phone\":\"15550001111\",\"deliver\":\"yes\"}" },
		{ 400, "POST", "/phones",
			"{\"phone\":\"15550001111\",\"autoReply\":7}" },
		{ 400, "GET", "/phones/abc", NULL },
		{ 400, "GET", "/phones/%2e%2e", NULL },
		{ 404, "GET", "/phones/15550001111", NULL },
		{ 404, "POST", "/phones/15550001111/send",
			"{\"to\":\"15550002222\",\"text\":\"x\"}" },
		{ 400, "DELETE", "/faults/abc", NULL },
		{ 400, "DELETE", "/faults/-1", NULL },
		{ 404, "DELETE", "/faults/1", NULL },
		{ 400, "POST", "/faults", "{\"kind\":\"nonsense\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int status = ask(cases[i].method, cases[i].path, cases[i].body);

		if (status != cases[i].status)
			fail_msg("%s %s %s: %d", cases[i].method, cases[i].path,
				cases[i].body == NULL ? "" : cases[i].body,
				status);
	}
	assert_null(net.sandbox.accounts); /* none of them made a phone */
}

static void no_prefix_of_a_body_does_harm(void **state)
{
	static const char body[] =
		"{\"phone\":\"15550001111\",\"name\":\"J\xc3\xbcrgen\","
		"\"readAfterMs\":5,\"deliver\":false,\"autoReply\":\"ok\"}";

	(void)state;
	for (size_t n = 0; n < sizeof(body) - 1; n++)
		assert_int_equal(ask_n("POST", "/phones", NULL, body, n), 400);
	assert_int_equal(
		ask_n("POST", "/phones", NULL, body, sizeof(body) - 1), 201);
}

static void the_info_says_how_to_connect(void **state)
{
	(void)state;
	assert_int_equal(ask("GET", "/", NULL), 200);
	assert_string_equal(text_at("wsUrl"), "ws://127.0.0.1:4321/ws/chat");
	assert_int_equal(strlen(text_at("noiseRootKey")), 64);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(answer, "counts"), "inbox")),
		0);
}

static void a_phone_is_made_once_and_changed_after(void **state)
{
	(void)state;
	assert_int_equal(ask("POST", "/phones", PHONE), 201);
	assert_string_equal(text_at("phone"), "15550001111");
	assert_int_equal(ask("POST", "/phones",
				 "{\"phone\":\"15550001111\",\"name\":\"Al\","
				 "\"readAfterMs\":-1,\"deliver\":false,"
				 "\"autoReply\":\"hi\"}"),
		200);
	assert_int_equal(ask("GET", "/phones/%2B15550001111", NULL), 200);
	assert_string_equal(text_at("name"), "Al");
	assert_string_equal(text_at("autoReply"), "hi");
	assert_int_equal(int_at("readAfterMs"), -1);
	assert_true(json_is_false(json_object_get(answer, "deliver")));
	/* What is not named stays; null takes back. */
	assert_int_equal(ask("POST", "/phones",
				 "{\"phone\":\"15550001111\","
				 "\"autoReply\":null,\"readAfterMs\":null}"),
		200);
	assert_string_equal(text_at("name"), "Al");
	assert_true(json_is_null(json_object_get(answer, "autoReply")));
	assert_int_equal(int_at("readAfterMs"), net.sandbox.read_after_ms);
}

static json_t *entry(size_t i)
{
	return json_array_get(json_object_get(answer, "entries"), i);
}

static void send_and_inbox_page_through_what_arrived(void **state)
{
	char query[64];

	(void)state;
	ask("POST", "/phones", PHONE);
	ask("POST", "/phones", "{\"phone\":\"15550002222\"}");
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask("POST", "/phones/15550001111/send",
					 "{\"to\":\"15550002222\","
					 "\"text\":\"hello\"}"),
			201);
	assert_int_equal(ask_n("GET", "/phones/15550002222/inbox",
				 "since=0&limit=2", NULL, 0),
		200);
	assert_int_equal(
		json_array_size(json_object_get(answer, "entries")), 2);
	assert_string_equal(
		json_string_value(json_object_get(entry(0), "from")),
		"15550001111");
	assert_int_equal(int_at("total"), 5);
	snprintf(query, sizeof(query), "limit=10&since=%d",
		(int)int_at("nextSince"));
	ask_n("GET", "/phones/15550002222/inbox", query, NULL, 0);
	assert_int_equal(
		json_array_size(json_object_get(answer, "entries")), 3);
	assert_int_equal(int_at("nextSince"), 5);
	ask_n("GET", "/phones/15550002222/inbox", "since=5", NULL, 0);
	assert_int_equal(
		json_array_size(json_object_get(answer, "entries")), 0);
	assert_int_equal(int_at("nextSince"), 5);
	assert_int_equal(ask("GET", "/phones/15550002222", NULL), 200);
	assert_int_equal(int_at("inboxCount"), 5);
	assert_int_equal(ask("DELETE", "/phones/15550002222/inbox", NULL), 200);
	assert_int_equal(int_at("removed"), 5);
	/* Numbers go on after what is gone. */
	ask("POST", "/phones/15550001111/send",
		"{\"to\":\"15550002222\",\"text\":\"later\"}");
	ask("GET", "/phones/15550002222/inbox", NULL);
	assert_int_equal(
		json_array_size(json_object_get(answer, "entries")), 1);
	assert_int_equal(int_at("nextSince"), 6);
	ask("GET", "/phones/15550001111/outbox", NULL);
	assert_string_equal(
		json_string_value(json_object_get(entry(4), "status")),
		"delivered");
}

static void a_page_out_of_bounds_is_refused(void **state)
{
	static const char *const queries[] = { "limit=0", "limit=1001",
		"limit=-1", "limit=", "limit=1x", "since=-1",
		"since=99999999999999999999", "since= 1" };

	(void)state;
	ask("POST", "/phones", PHONE);
	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		assert_int_equal(ask_n("GET", "/phones/15550001111/inbox",
					 queries[i], NULL, 0),
			400);
	}
	assert_int_equal(ask_n("GET", "/phones/15550001111/inbox",
				 "since=9223372036854775807", NULL, 0),
		200);
	assert_int_equal(ask_n("GET", "/phones/15550001111/inbox",
				 "&&&x=1&limitless=2&limit", NULL, 0),
		200);
}

static void a_text_must_be_there_and_bounded(void **state)
{
	char *body = xcalloc(1, 70100), *at = body;

	(void)state;
	ask("POST", "/phones", PHONE);
	assert_int_equal(ask("POST", "/phones/15550001111/send",
				 "{\"to\":\"15550001111\"}"),
		400);
	at += sprintf(at, "{\"to\":\"15550001111\",\"text\":\"");
	memset(at, 'x', 70000);
	strcat(at, "\"}");
	assert_int_equal(ask("POST", "/phones/15550001111/send", body), 400);
	free(body);
	/* A phone alone has nobody to write to but itself. */
	assert_int_equal(ask("POST", "/phones/15550001111/send",
				 "{\"to\":\"15550001111\",\"text\":\"x\"}"),
		409);
}

static void scanning_passes_on_what_was_shown(void **state)
{
	(void)state;
	ask("POST", "/phones", PHONE);
	assert_int_equal(
		ask("POST", "/phones/15550001111/scan", "{\"qr\":\"a,b,c,d\"}"),
		200);
	assert_string_equal(pairing.text, "a,b,c,d");
	assert_string_equal(pairing.account->pn, "15550001111");
	assert_int_equal(ask("POST", "/phones/15550001111/scan",
				 "{\"code\":\"ABCD-1234\"}"),
		200);
	assert_string_equal(pairing.text, "ABCD-1234");
	assert_int_equal(ask("POST", "/phones/15550001111/scan", "{}"), 400);
	assert_int_equal(ask("POST", "/phones/15550001111/scan",
				 "{\"qr\":\"a\",\"code\":\"b\"}"),
		400);
	pairing.fails = ERR_NOT_FOUND;
	assert_int_equal(
		ask("POST", "/phones/15550001111/scan", "{\"qr\":\"a\"}"), 404);
	assert_string_equal(text_at("error"), "as the test wants it");
}

static void a_companion_is_listed_and_unlinked(void **state)
{
	struct device *laptop;

	(void)state;
	ask("POST", "/phones", PHONE);
	laptop = net_companion(net.sandbox.accounts);
	net_connect(laptop);
	assert_int_equal(ask("GET", "/phones/15550001111/devices", NULL), 200);
	assert_int_equal(
		json_array_size(json_object_get(answer, "devices")), 2);
	assert_int_equal(
		ask("DELETE", "/phones/15550001111/devices/0", NULL), 400);
	assert_int_equal(
		ask("DELETE", "/phones/15550001111/devices/9", NULL), 404);
	assert_int_equal(
		ask("DELETE", "/phones/15550001111/devices/x", NULL), 400);
	assert_int_equal(
		ask("DELETE", "/phones/15550001111/devices/1", NULL), 200);
	assert_null(net.sandbox.accounts->devices->next);
	assert_string_equal(net.happened[net.n - 1].what, "end");
	assert_int_equal(net.happened[net.n - 1].code, 401);
}

static void faults_come_and_go(void **state)
{
	(void)state;
	assert_int_equal(ask("POST", "/faults",
				 "{\"kind\":\"drop\",\"stanza\":\"ack\","
				 "\"count\":3}"),
		201);
	assert_int_equal(int_at("id"), 1);
	assert_int_equal(
		ask("POST", "/faults", "{\"kind\":\"cut\",\"now\":true}"), 201);
	assert_int_equal(int_at("acted"), 0);
	assert_int_equal(ask("GET", "/faults", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(answer, "faults")), 1);
	assert_int_equal(ask("DELETE", "/faults/1", NULL), 200);
	assert_int_equal(ask("DELETE", "/faults", NULL), 200);
	assert_int_equal(int_at("removed"), 0);
}

#define on_api(test) cmocka_unit_test_setup_teardown(test, open_api, close_api)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_api(what_is_not_a_request_is_refused),
		on_api(no_prefix_of_a_body_does_harm),
		on_api(the_info_says_how_to_connect),
		on_api(a_phone_is_made_once_and_changed_after),
		on_api(send_and_inbox_page_through_what_arrived),
		on_api(a_page_out_of_bounds_is_refused),
		on_api(a_text_must_be_there_and_bounded),
		on_api(scanning_passes_on_what_was_shown),
		on_api(a_companion_is_listed_and_unlinked),
		on_api(faults_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
