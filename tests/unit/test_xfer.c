#include "common/media/xfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

static struct xfer_request request_make(void)
{
	struct xfer_request request = { .op = XFER_DOWNLOAD,
		.parent = 4711,
		.hosts = { "mmg.whatsapp.net", "[2001:db8::1]:8443" },
		.n_hosts = 2,
		.auth = "auth\"with\\quotes",
		.ca_file = "/etc/ssl/ca.pem",
		.proxy = "socks5://me:pass word@10.0.0.1:1080",
		.max_bytes = 16u << 20,
		.deadline_ms = 60000,
		.backoff_ms = 500,
		.ref = { .type = WA_MEDIA_HISTORY,
			.direct_path = "/v/t62.7118-24/1_n.enc?ccb=11-4&oh=A",
			.length = 123456789,
			.has_sha256 = true } };

	memset(request.ref.key, 0xa1, sizeof(request.ref.key));
	memset(request.ref.sha256, 0xb2, sizeof(request.ref.sha256));
	memset(request.ref.enc_sha256, 0xc3, sizeof(request.ref.enc_sha256));
	return request;
}

static int pass(const struct xfer_request *in, struct xfer_request *out,
	struct err *err)
{
	scoped(buf_fini) struct buf json = BUF_INIT;

	xfer_request_write(in, &json);
	return xfer_request_read(json.data, json.len, out, err);
}

static void a_request_is_read_as_it_was_written(void **state)
{
	struct xfer_request request = request_make(), got;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(pass(&request, &got, &err), 0);
	assert_memory_equal(&got, &request, sizeof(got));
	request.ref.has_sha256 = false;
	memset(request.ref.sha256, 0, sizeof(request.ref.sha256));
	request.ref.length = 0;
	assert_int_equal(pass(&request, &got, &err), 0);
	assert_memory_equal(&got, &request, sizeof(got));
}

/* The address of a blob is made by the upload, not told before. */
static void an_upload_names_type_and_key_alone(void **state)
{
	struct xfer_request request = request_make(), got;
	struct wa_media_ref empty = { 0 };

	(void)state;
	request.op = XFER_UPLOAD;
	assert_int_equal(pass(&request, &got, NULL), 0);
	assert_memory_equal(got.ref.key, request.ref.key, WA_MEDIA_KEY);
	memset(got.ref.key, 0, WA_MEDIA_KEY);
	empty.type = WA_MEDIA_HISTORY;
	assert_memory_equal(&got.ref, &empty, sizeof(empty));
}

/* The largest of everything still fits what one side reads. */
static void the_longest_request_and_answer_fit(void **state)
{
	struct xfer_request request = request_make(), got;
	struct xfer_answer answer = { .result = XFER_DONE }, answered;
	scoped(buf_fini) struct buf json = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < XFER_HOSTS; i++) {
		memset(request.hosts[i], 'h', XFER_HOST - 1);
		request.hosts[i][XFER_HOST - 1] = '\0';
	}
	request.n_hosts = XFER_HOSTS;
	memset(request.auth, '\n', sizeof(request.auth) - 1);
	memset(request.proxy, '"', sizeof(request.proxy) - 1);
	memset(request.ca_file, '"', sizeof(request.ca_file) - 1);
	memset(request.ref.direct_path + 1, 'p', 510);
	assert_int_equal(pass(&request, &got, NULL), 0);
	assert_memory_equal(&got, &request, sizeof(got));
	xfer_request_write(&request, &json);
	assert_true(json.len <= XFER_REQUEST_MAX);

	buf_clear(&json);
	memset(answer.reason, '"', sizeof(answer.reason) - 1);
	memset(answer.direct_path, '/', 1);
	memset(answer.direct_path + 1, 'p', 510);
	memset(answer.url, 'u', sizeof(answer.url) - 1);
	answer.length = INT64_MAX;
	xfer_answer_write(&answer, &json);
	assert_true(json.len <= XFER_ANSWER_MAX);
	assert_int_equal(
		xfer_answer_read(json.data, json.len, &answered, NULL), 0);
	assert_memory_equal(&answered, &answer, sizeof(answer));
}

static void hosts_are_names_and_nothing_else(void **state)
{
	static const struct {
		const char *host;
		bool is_valid, is_local;
	} cases[] = {
		{ "mmg.whatsapp.net", true, false },
		{ "127.0.0.1:8443", true, true },
		{ "127.255.0.9", true, true },
		{ "localhost", true, true },
		{ "localhost:80", true, true },
		{ "[::1]", true, true },
		{ "[::1]:443", true, true },
		{ "[::2]", true, false },
		{ "127.evil.example", true, false },
		{ "localhost.evil.example", true, false },
		{ "128.0.0.1", true, false },
		{ "", false, false },
		{ "a b", false, false },
		{ "me@127.0.0.1", false, false },
		{ "127.0.0.1:80@evil.example", false, false },
		{ "127.0.0.1/x", false, false },
		{ "127.0.0.1?x", false, false },
		{ "127.0.0.1#x", false, false },
		{ "127.0.0.1\\x", false, false },
		{ "host:", false, false },
		{ "host:123456", false, false },
		{ "host:1a", false, false },
		{ "[::1", false, false },
		{ "[]", false, false },
		{ "[::1]x", false, false },
		{ "host\r\nX: y", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(
			xfer_host_is_valid(cases[i].host), cases[i].is_valid);
		if (cases[i].is_valid)
			assert_int_equal(xfer_host_is_local(cases[i].host),
				cases[i].is_local);
	}
}

static void paths_stay_on_their_host(void **state)
{
	static const struct {
		const char *path;
		bool is_valid;
	} cases[] = {
		{ "/v/t62.7118-24/1_n.enc?ccb=11-4&oh=01_Q5A&oe=6&_nc_sid=5",
			true },
		{ "/", true },
		{ "", false },
		{ "v/x", false },
		{ "//evil.example/x", false },
		{ "@evil.example/x", false },
		{ "/x@y", false },
		{ "/x y", false },
		{ "/x\r\nHost: evil", false },
		{ "/x#y", false },
		{ "/x\\y", false },
		{ "/x\x80", false },
		{ ".evil.example/", false },
		{ ":80/", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
			xfer_path_is_valid(cases[i].path), cases[i].is_valid);
}

/* @in with the text @from replaced by @to; read, that must fail. */
static void check_refused(const char *from, const char *to)
{
	struct xfer_request request = request_make(), got;
	scoped(buf_fini) struct buf json = BUF_INIT;
	scoped(buf_fini) struct buf changed = BUF_INIT;
	struct err err = ERR_NONE;
	const char *text, *at;

	xfer_request_write(&request, &json);
	text = buf_cstr(&json);
	at = strstr(text, from);
	assert_non_null(at);
	buf_add(&changed, text, (size_t)(at - text));
	buf_add_str(&changed, to);
	buf_add_str(&changed, at + strlen(from));
	assert_int_equal(
		xfer_request_read(changed.data, changed.len, &got, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

static void a_request_out_of_bounds_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "\"op\":\"download\"", "\"op\":\"delete\"" },
		{ "\"op\":\"download\"", "\"op\":1" },
		{ "\"op\":\"download\",", "" },
		{ "\"plain\":false", "\"plain\":true" }, /* not a local host */
		{ "mmg.whatsapp.net", "mmg.whatsapp.net/x" },
		{ "[\"mmg.whatsapp.net\",\"[2001:db8::1]:8443\"]", "[]" },
		{ "[\"mmg.whatsapp.net\",\"[2001:db8::1]:8443\"]", "\"a\"" },
		{ "\"mmg.whatsapp.net\",",
			"\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"," },
		{ "\"maxBytes\":16777216", "\"maxBytes\":-1" },
		{ "\"deadlineMs\":60000", "\"deadlineMs\":3600001" },
		{ "\"backoffMs\":500", "\"backoffMs\":\"500\"" },
		{ "md-msg-hist", "sticker" },
		{ "a1a1a1a1", "a1a1" },
		{ "a1a1a1a1", "a1a1a1xx" },
		{ "b2b2b2b2", "b2b2b2b" },
		{ "\"directPath\":\"/v", "\"directPath\":\"//v" },
		{ "\"directPath\":", "\"elsewhere\":" },
		{ "\"encSha256\":", "\"elsewhere\":" },
		{ "\"key\":", "\"elsewhere\":" },
		{ "{", "" },
		{ "{", "[" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_refused(cases[i][0], cases[i][1]);
}

static void every_result_is_told(void **state)
{
	(void)state;
	for (int i = XFER_DONE; i <= XFER_AUTH; i++) {
		struct xfer_answer answer = { .result = (enum xfer_result)i,
			.reason = "because \"of\" \x01" },
				   got;
		scoped(buf_fini) struct buf json = BUF_INIT;

		xfer_answer_write(&answer, &json);
		assert_int_equal(
			xfer_answer_read(json.data, json.len, &got, NULL), 0);
		assert_memory_equal(&got, &answer, sizeof(got));
	}
}

static void an_answer_of_no_sense_is_refused(void **state)
{
	static const char *const cases[] = { "", "{}", "[]", "null",
		"{\"result\":\"perfect\"}", "{\"result\":1}",
		"{\"result\":\"done\",\"length\":-1}",
		"{\"result\":\"done\",\"length\":\"1\"}",
		"{\"result\":\"done\",\"sha256\":\"00\"}",
		"{\"result\":\"done\",\"directPath\":\"https://evil/\"}",
		"{\"result\":\"done\",\"result\":\"gone\"}",
		"{\"result\":\"done\"} trailing" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct xfer_answer answer;
		struct err err = ERR_NONE;

		assert_int_equal(xfer_answer_read(cases[i], strlen(cases[i]),
					 &answer, &err),
			-1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_as_it_was_written),
		cmocka_unit_test(an_upload_names_type_and_key_alone),
		cmocka_unit_test(the_longest_request_and_answer_fit),
		cmocka_unit_test(hosts_are_names_and_nothing_else),
		cmocka_unit_test(paths_stay_on_their_host),
		cmocka_unit_test(a_request_out_of_bounds_is_refused),
		cmocka_unit_test(every_result_is_told),
		cmocka_unit_test(an_answer_of_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
