/* Body validation: what passes, and the words for what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apid/request.h"
#include "apid/router.h"
#include "apid/validate.h"
#include "common/own.h"

#define LETTERS_16 "abcdefghijklmnop"
#define LETTERS_64 LETTERS_16 LETTERS_16 LETTERS_16 LETTERS_16
#define LETTERS_129 LETTERS_64 LETTERS_64 "q"

static struct request *request_for(const char *method, const char *path)
{
	struct request *request = xcalloc(1, sizeof(*request));
	char allow[64];

	assert_int_equal(
		router_find(method, path, request, allow, 64), ROUTER_FOUND);
	return request;
}

static void bad_bodies_are_refused_with_their_reason(void **state)
{
	static const struct {
		const char *body, *reason;
	} cases[] = {
		{ "", "not valid JSON" },
		{ "{", "not valid JSON" },
		{ "[]", "must be a JSON object" },
		{ "\"x\"", "not valid JSON" },
		{ "{\"to\":\"+15550002222\",\"to\":\"1\"}", "duplicate" },
		{ "{\"to\":\"\\u0000\"}", "not valid JSON" },
		{ "{\"to\":\"\xff\"}", "not valid JSON" },
		{ "{\"to\":\"123456\"}", "to must match" },
		{ "{\"to\":\"+1234567890123456\"}", "to must match" },
		{ "{\"to\":\"++15550002222\"}", "to must match" },
		{ "{\"to\":15550002222}", "to must be a string" },
		{ "{\"to\":null}", "to must be a string" },
		{ "{\"text\":\"\"}", "text must not be empty" },
		{ "{\"text\":[]}", "text must be a string" },
		{ "{\"nope\":1}", "nope should not exist" },
		{ "{\"n\\u0001pe\":1}", "n?pe should not exist" },
		{ "{\"nope\":1,\"text\":\"\"}",
			"nope should not exist; text must not be empty" },
		{ "{\"clientMessageId\":\"" LETTERS_129 "\"}",
			"clientMessageId must have 1 to 128 characters" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(request_free) struct request *request =
			request_for("POST", "/v1/developer/messages/send");
		struct err err = ERR_NONE;

		assert_int_equal(validate_body(request, cases[i].body,
					 strlen(cases[i].body), &err),
			-1);
		assert_int_equal(err.code, ERR_INVALID);
		if (strstr(err.msg, cases[i].reason) == NULL)
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, err.msg,
				cases[i].reason);
	}
}

static void a_good_body_fills_the_arguments(void **state)
{
	static const char body[] =
		"{\"deviceUid\":\"dev_4f8c2a1e\",\"to\":\"+15550002222\","
		"\"text\":\"h\xc3\xa9llo\"}";
	scoped(request_free) struct request *request =
		request_for("POST", "/v1/developer/messages/send");
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(validate_body(request, body, strlen(body), &err), 0);
	assert_string_equal(request_text(request, "deviceUid"), "dev_4f8c2a1e");
	assert_string_equal(request_arg(request, "to")->phone, "15550002222");
	assert_string_equal(request_text(request, "text"), "h\xc3\xa9llo");
	assert_null(request_text(request, "clientMessageId"));
	assert_false(request_arg(request, "clientMessageId")->is_set);
}

static void urls_dates_and_flags_are_checked_for_what_they_are(void **state)
{
	static const struct {
		const char *path, *method, *body;
		bool good;
	} cases[] = {
		{ "/v1/developer/webhooks", "PUT",
			"{\"personalWebhookUrl\":\"https://example.com/hook\"}",
			true },
		{ "/v1/developer/webhooks", "PUT",
			"{\"personalWebhookUrl\":null}", true },
		{ "/v1/developer/webhooks", "PUT",
			"{\"personalWebhookUrl\":\"ftp://example.com/\"}",
			false },
		{ "/v1/developer/webhooks", "PUT",
			"{\"personalWebhookUrl\":\"https://\"}", false },
		{ "/v1/developer/webhooks", "PUT", "{\"isActive\":false}",
			true },
		{ "/v1/developer/webhooks", "PUT", "{\"isActive\":\"false\"}",
			false },
		{ "/v1/developer/webhooks", "PUT", "{\"isActive\":0}", false },
		{ "/v1/developer/scheduled-messages", "POST",
			"{\"scheduledAt\":\"2030-01-01T10:00:00Z\"}", true },
		{ "/v1/developer/scheduled-messages", "POST",
			"{\"scheduledAt\":\"2030-13-01T10:00:00Z\"}", false },
		{ "/v1/developer/scheduled-messages", "POST",
			"{\"scheduledAt\":1893456000}", false },
		{ "/v1/developer/messages/check-whatsapp", "POST",
			"{\"numbers\":[\"+15550002222\",\"15550003333\"]}",
			true },
		{ "/v1/developer/messages/check-whatsapp", "POST",
			"{\"numbers\":[]}", false },
		{ "/v1/developer/messages/check-whatsapp", "POST",
			"{\"numbers\":[1]}", false },
		{ "/v1/developer/messages/check-whatsapp", "POST",
			"{\"numbers\":{\"a\":1}}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(request_free) struct request *request =
			request_for(cases[i].method, cases[i].path);
		struct err err = ERR_NONE;
		int rc = validate_body(
			request, cases[i].body, strlen(cases[i].body), &err);

		if ((rc == 0) != cases[i].good)
			fail_msg("case %zu: %s: %s", i, cases[i].body, err.msg);
	}
}

/* Whoever reads it can put it right without the reference. */
static void what_is_outside_its_limits_is_told_them(void **state)
{
	static const struct {
		const char *path, *body, *reason;
	} cases[] = {
		{ "/v1/developer/messages/check-whatsapp", "{\"numbers\":[]}",
			"numbers must be an array of 1 to 50 items" },
		{ "/v1/developer/messages/check-whatsapp",
			"{\"numbers\":\"+15550002222\"}",
			"numbers must be an array of 1 to 50 items" },
		{ "/v1/developer/campaigns", "{\"tagIds\":1}",
			"tagIds must be an array of at most " },
		{ "/v1/developer/campaigns", "{\"messageType\":\"text\"}",
			"messageType must be one of TEXT|MEDIA|VOICE" },
		{ "/v1/developer/spintax/preview", "{\"count\":51}",
			"count must be 1 to 50" },
		{ "/v1/developer/spintax/preview", "{\"count\":0}",
			"count must be 1 to 50" },
		{ "/v1/developer/spintax/preview", "{\"count\":\"5\"}",
			"count must be a whole number" },
		{ "/v1/developer/webhooks/replay", "{\"fromSeq\":0}",
			"fromSeq must be at least 1" },
		{ "/v1/developer/contacts",
			"{\"name\":\"" LETTERS_129 LETTERS_129 "\"}",
			"name must have at most " },
		{ "/v1/developer/scheduled-messages",
			"{\"scheduledAt\":\"soon\"}",
			"scheduledAt must be an ISO 8601 date like "
			"2030-12-25T10:00:00Z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(request_free) struct request *request =
			request_for("POST", cases[i].path);
		struct err err = ERR_NONE;

		assert_int_equal(validate_body(request, cases[i].body,
					 strlen(cases[i].body), &err),
			-1);
		if (strstr(err.msg, cases[i].reason) == NULL)
			fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].body,
				err.msg, cases[i].reason);
	}
}

/* Arguments of the lane's calls. */
static void people_groups_and_times_are_checked_for_what_they_are(void **state)
{
	static const char device[] = "/v1/devices/dev_1";
	static const struct {
		const char *method, *path, *body;
		const char *reason; /* NULL: good */
	} cases[] = {
		{ "POST", "/messages", "{\"to\":\"+15550002222\"}", NULL },
		{ "POST", "/messages", "{\"to\":\"900002@lid\"}", NULL },
		{ "POST", "/messages", "{\"to\":\"120363012345678901@g.us\"}",
			NULL },
		{ "POST", "/messages", "{\"to\":\"status@broadcast\"}",
			"to must match" },
		/* Content is the handler's to check. */
		{ "POST", "/messages", "{\"buttons\":[],\"text\":{}}", NULL },
		{ "POST", "/groups", "{\"buttons\":[]}",
			"buttons should not exist" },
		{ "POST", "/groups",
			"{\"participants\":[\"+15550002222\","
			"\"900002@lid\"]}",
			NULL },
		{ "POST", "/groups",
			"{\"participants\":[\"120363012345678901@g.us\"]}",
			"participants must hold" },
		{ "POST", "/groups", "{\"participants\":\"+15550002222\"}",
			"must be an array" },
		{ "PATCH", "/chats/15550002222", "{\"mutedUntil\":null}",
			NULL },
		{ "PATCH", "/chats/15550002222", "{\"mutedUntil\":\"forever\"}",
			NULL },
		{ "PATCH", "/chats/15550002222",
			"{\"mutedUntil\":\"2030-01-01T10:00:00Z\"}", NULL },
		{ "PATCH", "/chats/15550002222", "{\"mutedUntil\":\"later\"}",
			"mutedUntil must be" },
		{ "PATCH", "/chats/15550002222", "{\"archived\":null}",
			"archived must be true or false" },
		{ "POST", "/chats/15550002222/read",
			"{\"messageIds\":[\"3EB0\"]}", NULL },
		{ "POST", "/chats/15550002222/read", "{\"messageIds\":[\"\"]}",
			"messageIds must hold" },
		{ "PUT", "/profile", "{\"pictureMediaId\":\"x\"}",
			"pictureMediaId must be a UUID" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(str_free) char *path =
			xasprintf("%s%s", device, cases[i].path);
		scoped(request_free) struct request *request =
			request_for(cases[i].method, path);
		struct err err = ERR_NONE;
		int rc = validate_body(
			request, cases[i].body, strlen(cases[i].body), &err);

		if ((rc == 0) != (cases[i].reason == NULL))
			fail_msg("%s: %s", cases[i].body, err.msg);
		if (rc != 0 && strstr(err.msg, cases[i].reason) == NULL)
			fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].body,
				err.msg, cases[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_bodies_are_refused_with_their_reason),
		cmocka_unit_test(a_good_body_fills_the_arguments),
		cmocka_unit_test(
			urls_dates_and_flags_are_checked_for_what_they_are),
		cmocka_unit_test(what_is_outside_its_limits_is_told_them),
		cmocka_unit_test(
			people_groups_and_times_are_checked_for_what_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
