/* The media host's front over real sockets: the test's thread is the server, a
 * second one the client.  Each request is made over https and over http. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sodium.h>

#include "common/config.h"
#include "common/err.h"
#include "common/own.h"
#include "sandboxd/fault.h"
#include "sandboxd/media.h"
#include "sandboxd/server.h"

static struct sandbox *sandbox;
static char host[64];  /* "127.0.0.1:PORT" */
static char auth[128]; /* of a companion */
static uint8_t *blob;  /* some pieces long */
static char blob_id[MEDIA_ID_LEN];
#define BLOB_BYTES 200001u

static void id_of(const void *bytes, size_t n, char out[MEDIA_ID_LEN])
{
	uint8_t hash[32];

	crypto_hash_sha256(hash, bytes, n);
	sodium_bin2base64(out, MEDIA_ID_LEN, hash, sizeof(hash),
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static int open_host(void **state)
{
	struct err err = ERR_NONE;
	struct config *config = NULL;
	struct device *device;

	(void)state;
	curl_global_init(CURL_GLOBAL_ALL);
	if (config_load_text("", 0, "test", &config, &err) != 0 ||
		sandbox_open(config, &sandbox, &err) != 0)
		fail_msg("%s", err.msg);
	config_free(&config);
	device =
		account_add_companion(directory_create(sandbox, "15550001111"));
	snprintf(host, sizeof(host), "%s", media_hostname(sandbox));
	snprintf(auth, sizeof(auth), "%s", media_auth(sandbox, device));
	blob = xcalloc(1, BLOB_BYTES);
	for (size_t i = 0; i < BLOB_BYTES; i++)
		blob[i] = (uint8_t)(i * 2654435761u >> 24);
	id_of(blob, BLOB_BYTES, blob_id);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	sandbox_free(&sandbox);
	free(blob);
	curl_global_cleanup();
	return 0;
}

/* ---- one request ---- */

struct request {
	const char *method, *path, *range, *header; /* NULL: none */
	const void *body;			    /* likewise */
	size_t n_body;
	bool tls;
	/* the answer */
	CURLcode rc;
	long status;
	curl_off_t length; /* as announced; -1: not */
	uint8_t got[1 << 18];
	size_t n_got;
	char content_range[80];
	_Atomic bool done;
};

static size_t on_bytes(char *bytes, size_t size, size_t n, void *arg)
{
	struct request *request = arg;

	n *= size;
	if (n > sizeof(request->got) - request->n_got)
		return 0;
	memcpy(request->got + request->n_got, bytes, n);
	request->n_got += n;
	return n;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct request *request = arg;

	sscanf(bytes, "content-range: %79[^\r]", request->content_range);
	return size * n;
}

static void *client(void *arg)
{
	struct request *request = arg;
	struct curl_blob authority = {
		.data = (void *)media_host_certificate(sandbox),
		.len = strlen(media_host_certificate(sandbox)),
	};
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = NULL;
	char url[512];

	snprintf(url, sizeof(url), "%s://%s%s", request->tls ? "https" : "http",
		host, request->path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &authority);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, request);
	if (request->range != NULL)
		curl_easy_setopt(curl, CURLOPT_RANGE, request->range);
	if (request->header != NULL)
		headers = curl_slist_append(headers, request->header);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (request->body != NULL) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
		curl_easy_setopt(
			curl, CURLOPT_POSTFIELDSIZE, (long)request->n_body);
	}
	if (strcmp(request->method, "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	request->rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &request->status);
	curl_easy_getinfo(
		curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &request->length);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	request->done = true;
	lws_cancel_service(sandbox->lws);
	return NULL;
}

/* Asks, while this thread serves. */
static void run(struct request *request)
{
	pthread_t thread;

	request->n_got = 0;
	request->content_range[0] = '\0';
	request->done = false;
	assert_int_equal(pthread_create(&thread, NULL, client, request), 0);
	while (!request->done && lws_service(sandbox->lws, 0) >= 0)
		;
	pthread_join(thread, NULL);
}

static long ask(struct request *request)
{
	run(request);
	if (request->rc != CURLE_OK)
		fail_msg("%s %s: %s", request->method, request->path,
			curl_easy_strerror(request->rc));
	return request->status;
}

static struct request *new_request(bool tls)
{
	static struct request request;

	memset(&request, 0, offsetof(struct request, got));
	request.tls = tls;
	request.method = "GET";
	return &request;
}

static long upload(bool tls, const char *token, const char *with,
	const void *bytes, size_t n)
{
	struct request *request = new_request(tls);
	char path[300];

	snprintf(path, sizeof(path), "/mms/image/%s?auth=%s&token=%s", token,
		with, token);
	request->method = "POST";
	request->path = path;
	request->body = bytes;
	request->n_body = n;
	return ask(request);
}

/* The blob is there afterwards. */
static void stored(void)
{
	if (media_find(sandbox, blob_id) == NULL)
		assert_int_equal(
			upload(true, blob_id, auth, blob, BLOB_BYTES), 200);
}

static struct request *blob_request(bool tls)
{
	static char path[128];
	struct request *request = new_request(tls);

	stored();
	new_request(tls);
	snprintf(path, sizeof(path), "/v/t62/%s?ccb=11-4&hash=x&mms-type=image",
		blob_id);
	request->path = path;
	return request;
}

/* ---- uploads ---- */

static void an_upload_is_answered_with_where_it_is(void **state)
{
	(void)state;
	for (int tls = 0; tls <= 1; tls++) {
		struct request *request = new_request(tls);
		char path[300], expected[300];

		media_delete(sandbox, blob_id);
		snprintf(path, sizeof(path), "/mms/video/%s%%3D?auth=%s",
			blob_id, auth);
		request->method = "POST";
		request->path = path;
		request->body = blob;
		request->n_body = BLOB_BYTES;
		assert_int_equal(ask(request), 200);
		request->got[request->n_got] = '\0';
		snprintf(expected, sizeof(expected),
			"{\"url\":\"https://%s/v/t62/%s?ccb=11-4\","
			"\"direct_path\":\"/v/t62/%s?ccb=11-4\",",
			host, blob_id, blob_id);
		assert_int_equal(strncmp((char *)request->got, expected,
					 strlen(expected)),
			0);
		assert_int_equal(
			media_find(sandbox, blob_id)->bytes, BLOB_BYTES);
	}
}

static void an_upload_that_is_not_right_is_refused(void **state)
{
	(void)state;
	media_delete(sandbox, blob_id);
	for (int tls = 0; tls <= 1; tls++) {
		assert_int_equal(
			upload(tls, blob_id, "x", blob, BLOB_BYTES), 401);
		assert_int_equal(
			upload(tls, blob_id, auth, blob, BLOB_BYTES - 1), 400);
		assert_int_equal(upload(tls, "short", auth, blob, 10), 400);
	}
	assert_null(media_find(sandbox, blob_id));
}

static void an_upload_without_or_with_too_long_a_body_is_refused(void **state)
{
	struct request *request = new_request(false);
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "/mms/image/%s?auth=%s", blob_id, auth);
	request->path = path;
	request->method = "POST";
	assert_int_equal(ask(request), 411);
	request->header = "Content-Length: 104857601";
	assert_int_equal(ask(request), 413);
	request = new_request(false);
	request->path = path;
	request->method = "PATCH";
	assert_int_equal(ask(request), 405);
}

/* ---- downloads ---- */

static void a_download_is_what_was_uploaded(void **state)
{
	(void)state;
	for (int tls = 0; tls <= 1; tls++) {
		struct request *request = blob_request(tls);

		assert_int_equal(ask(request), 200);
		assert_int_equal(request->length, BLOB_BYTES);
		assert_int_equal(request->n_got, BLOB_BYTES);
		assert_memory_equal(request->got, blob, BLOB_BYTES);
	}
}

static void a_range_is_served_as_asked(void **state)
{
	static const struct {
		const char *range;
		long status;
		size_t from, n;
	} cases[] = {
		{ "0-0", 206, 0, 1 },
		{ "65520-", 206, 65520, BLOB_BYTES - 65520 },
		{ "1000-1999", 206, 1000, 1000 },
		{ "200000-300000", 206, 200000, 1 },
		{ "-5", 206, BLOB_BYTES - 5, 5 },
		{ "-999999", 206, 0, BLOB_BYTES },
		{ "200001-", 416, 0, 0 },
		{ "-0", 416, 0, 0 },
		{ "5-4", 200, 0, BLOB_BYTES },
		{ "0-1,4-5", 200, 0, BLOB_BYTES },
		{ "99999999999999999999-", 200, 0, BLOB_BYTES },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *request = blob_request(i % 2 == 0);
		char expected[80];

		request->range = cases[i].range;
		if (ask(request) != cases[i].status)
			fail_msg("%s: %ld", cases[i].range, request->status);
		if (cases[i].n == 0)
			continue;
		assert_int_equal(request->n_got, cases[i].n);
		assert_memory_equal(
			request->got, blob + cases[i].from, cases[i].n);
		snprintf(expected, sizeof(expected), "bytes %zu-%zu/%u",
			cases[i].from, cases[i].from + cases[i].n - 1,
			BLOB_BYTES);
		if (cases[i].status == 206)
			assert_string_equal(request->content_range, expected);
	}
}

static void a_head_says_how_long_it_is(void **state)
{
	struct request *request = blob_request(true);

	(void)state;
	request->method = "HEAD";
	assert_int_equal(ask(request), 200);
	assert_int_equal(request->length, BLOB_BYTES);
	assert_int_equal(request->n_got, 0);
}

static void what_is_not_there_is_404_until_it_is_uploaded_again(void **state)
{
	struct request *request = blob_request(true);
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "/mms/image/%s?auth=%s", blob_id, auth);
	request->path = path;
	request->method = "DELETE";
	assert_int_equal(ask(request), 200);
	assert_null(media_find(sandbox, blob_id));
	request = new_request(true);
	request->path = "/v/t62/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	assert_int_equal(ask(request), 404);
	request->path = "/";
	assert_int_equal(ask(request), 404);
	request = new_request(false);
	request->method = "DELETE";
	request->path = "/mms/image/x";
	assert_int_equal(ask(request), 401);
	assert_int_equal(ask(blob_request(true)), 200);
}

/* ---- faults ---- */

static void fault(const char *json)
{
	json_t *parsed = json_loads(json, 0, NULL);
	struct fault_rule *rule = NULL;
	struct err err = ERR_NONE;
	unsigned acted;

	if (fault_rule_parse(parsed, &rule, &err) != 0)
		fail_msg("%s: %s", json, err.msg);
	json_decref(parsed);
	fault_add(sandbox, rule, &acted);
}

static void a_download_fails_as_often_as_the_fault_says(void **state)
{
	(void)state;
	stored();
	fault("{\"kind\":\"media_error\",\"code\":410,\"count\":2}");
	assert_int_equal(ask(blob_request(true)), 410);
	assert_int_equal(ask(blob_request(false)), 410);
	assert_int_equal(ask(blob_request(true)), 200);
}

static void an_upload_is_refused_once_and_then_taken(void **state)
{
	(void)state;
	fault("{\"kind\":\"media_error\",\"code\":401,\"direction\":\"in\"}");
	media_delete(sandbox, blob_id);
	assert_int_equal(upload(true, blob_id, auth, blob, BLOB_BYTES), 401);
	assert_null(media_find(sandbox, blob_id));
	assert_int_equal(upload(true, blob_id, auth, blob, BLOB_BYTES), 200);
}

static void a_cut_download_announces_more_than_it_sends(void **state)
{
	(void)state;
	for (int tls = 0; tls <= 1; tls++) {
		struct request *request = blob_request(tls);

		fault("{\"kind\":\"media_truncate\"}");
		run(request);
		assert_int_not_equal(request->rc, CURLE_OK);
		assert_int_equal(request->length, BLOB_BYTES);
		assert_int_equal(request->n_got, BLOB_BYTES / 2);
		assert_memory_equal(request->got, blob, BLOB_BYTES / 2);
	}
}

static void a_flipped_download_differs_in_one_byte(void **state)
{
	struct request *request = blob_request(true);
	size_t wrong = 0;

	(void)state;
	fault("{\"kind\":\"media_flip\"}");
	assert_int_equal(ask(request), 200);
	assert_int_equal(request->n_got, BLOB_BYTES);
	for (size_t i = 0; i < BLOB_BYTES; i++)
		wrong += request->got[i] != blob[i];
	assert_int_equal(wrong, 1);
}

static void a_slow_download_is_whole_in_the_end(void **state)
{
	struct request *request = blob_request(true);

	(void)state;
	fault("{\"kind\":\"media_slow\",\"delayMs\":5}");
	assert_int_equal(ask(request), 200);
	assert_memory_equal(request->got, blob, BLOB_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_upload_is_answered_with_where_it_is),
		cmocka_unit_test(an_upload_that_is_not_right_is_refused),
		cmocka_unit_test(
			an_upload_without_or_with_too_long_a_body_is_refused),
		cmocka_unit_test(a_download_is_what_was_uploaded),
		cmocka_unit_test(a_range_is_served_as_asked),
		cmocka_unit_test(a_head_says_how_long_it_is),
		cmocka_unit_test(
			what_is_not_there_is_404_until_it_is_uploaded_again),
		cmocka_unit_test(a_download_fails_as_often_as_the_fault_says),
		cmocka_unit_test(an_upload_is_refused_once_and_then_taken),
		cmocka_unit_test(a_cut_download_announces_more_than_it_sends),
		cmocka_unit_test(a_flipped_download_differs_in_one_byte),
		cmocka_unit_test(a_slow_download_is_whole_in_the_end),
	};

	return cmocka_run_group_tests(tests, open_host, close_host);
}
