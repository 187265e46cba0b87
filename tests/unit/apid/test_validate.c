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
		{ "{\"to\":15550002222}", "to has the wrong type" },
		{ "{\"to\":null}", "to has the wrong type" },
		{ "{\"text\":\"\"}", "text must not be empty" },
		{ "{\"text\":[]}", "text has the wrong type" },
		{ "{\"nope\":1}", "nope should not exist" },
		{ "{\"n\\u0001pe\":1}", "n?pe should not exist" },
		{ "{\"nope\":1,\"text\":\"\"}",
			"nope should not exist; text must not be empty" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_bodies_are_refused_with_their_reason),
		cmocka_unit_test(a_good_body_fills_the_arguments),
		cmocka_unit_test(
			urls_dates_and_flags_are_checked_for_what_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
