/* The worker against hosts on loopback, in a process of its own. */
#include "mediaxfer/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <sodium.h>

#include "common/buf.h"
#include "common/own.h"
#include "common/wa/crypto.h"
#include "tests/unit/mediaxfer/media_host.h"

#define GOOD_REPLY                                                           \
	"{\"url\":\"https://mmg.example/v/t62/1?ccb=11-4\",\"direct_path\":" \
	"\"/v/t62/1?ccb=11-4\",\"handle\":\"x\"}"
#define MAX_BYTES (1u << 20)

struct world {
	struct media_host a, b;
	struct xfer_request request;
	struct xfer_answer answer;
	int file, scratch; /* the worker's */
	long peak_kib;	   /* of the last worker */
};

static int file_new(void)
{
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	fd = dup(fileno(file));
	fclose(file);
	assert_true(fd > XFER_FD_SCRATCH);
	return fd;
}

static void file_fill(int fd, const void *bytes, size_t n)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, bytes, n, 0), n);
}

static void file_read(int fd, struct buf *out)
{
	off_t n = lseek(fd, 0, SEEK_END);

	assert_true(n >= 0);
	assert_int_equal(pread(fd, buf_reserve(out, (size_t)n + 1), n, 0), n);
	out->len = (size_t)n;
}

static int setup(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));

	wa_crypto_init();
	host_start(&world->a);
	host_start(&world->b);
	world->file = file_new();
	world->scratch = file_new();
	world->request = (struct xfer_request){ .is_plain = true,
		.n_hosts = 2,
		.max_bytes = MAX_BYTES,
		.deadline_ms = 60000,
		.backoff_ms = 1,
		.ref = { .type = WA_MEDIA_IMAGE } };
	snprintf(world->request.auth, sizeof(world->request.auth), "a/b+c=&d");
	snprintf(world->request.hosts[0], XFER_HOST, "%s", world->a.name);
	snprintf(world->request.hosts[1], XFER_HOST, "%s", world->b.name);
	memset(world->request.ref.key, 7, WA_MEDIA_KEY);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	host_stop(&world->a);
	host_stop(&world->b);
	close(world->file);
	close(world->scratch);
	free(world);
	return 0;
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void child_run(struct world *world, struct xfer_answer *shared)
{
	if (lseek(world->file, 0, SEEK_SET) != 0 ||
		dup2(world->file, XFER_FD_FILE) < 0 ||
		dup2(world->scratch, XFER_FD_SCRATCH) < 0)
		_exit(1);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	worker_run(&world->request, shared);
	_exit(0);
}

static enum xfer_result run(struct world *world)
{
	struct xfer_answer *shared = mmap(NULL, sizeof(*shared),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct rusage usage;
	int status;
	pid_t pid;

	assert_ptr_not_equal(shared, MAP_FAILED);
	pid = fork();
	if (pid == 0)
		child_run(world, shared);
	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	assert_int_equal(status, 0);
	world->peak_kib = usage.ru_maxrss;
	world->answer = *shared;
	munmap(shared, sizeof(*shared));
	return world->answer.result;
}

/* ---- uploads ---- */

static enum xfer_result upload(struct world *world, const char *file)
{
	world->request.op = XFER_UPLOAD;
	file_fill(world->file, file, strlen(file));
	world->a.body_fd = file_new();
	return run(world);
}

static void answers(struct media_host *host, int status, const char *body)
{
	host_add(host, &(struct host_answer){ .status = status, .body = body });
}

static void an_upload_is_the_encrypted_file_under_its_hash(void **state)
{
	struct world *world = *state;
	scoped(buf_fini) struct buf blob = BUF_INIT, opened = BUF_INIT;
	struct wa_media_ref ref = world->request.ref;
	char expected[256], token[48];

	answers(&world->a, 200, GOOD_REPLY);
	assert_int_equal(upload(world, "a picture"), XFER_DONE);
	assert_string_equal(world->answer.direct_path, "/v/t62/1?ccb=11-4");
	assert_string_equal(
		world->answer.url, "https://mmg.example/v/t62/1?ccb=11-4");
	assert_int_equal(world->answer.length, 9);
	file_read(world->a.body_fd, &blob);
	memcpy(ref.enc_sha256, world->answer.enc_sha256, 32);
	memcpy(ref.sha256, world->answer.sha256, 32);
	ref.has_sha256 = true;
	assert_int_equal(
		wa_media_open(&ref, blob.data, blob.len, &opened, NULL), 0);
	assert_int_equal(opened.len, 9);
	assert_memory_equal(opened.data, "a picture", 9);
	sodium_bin2base64(token, sizeof(token), ref.enc_sha256, 32,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	snprintf(expected, sizeof(expected),
		"POST /mms/image/%s?auth=a%%2Fb%%2Bc%%3D%%26d&token=%s HTTP",
		token, token);
	assert_memory_equal(world->a.heads[0], expected, strlen(expected));
	close(world->a.body_fd);
}

static void hosts_are_asked_as_a_browser_would(void **state)
{
	struct world *world = *state;
	const char *head = world->a.heads[0];

	answers(&world->a, 200, GOOD_REPLY);
	assert_int_equal(upload(world, ""), XFER_DONE);
	assert_non_null(
		strstr(head, "\r\nOrigin: https://web.whatsapp.com\r\n"));
	assert_non_null(
		strstr(head, "\r\nReferer: https://web.whatsapp.com/\r\n"));
	assert_non_null(
		strstr(head, "\r\nContent-Type: application/octet-stream\r\n"));
	assert_non_null(strstr(head, "\r\nContent-Length: 26\r\n"));
	assert_null(strstr(head, "Expect"));
	close(world->a.body_fd);
}

static void an_upload_goes_on_to_the_host_that_takes_it(void **state)
{
	static const struct {
		int status_a, status_b;
		const char *body_a, *body_b;
		enum xfer_result result;
		int n_a, n_b;
	} cases[] = {
		{ 500, 200, "", GOOD_REPLY, XFER_DONE, 1, 1 },
		{ 400, 200, "", GOOD_REPLY, XFER_DONE, 1, 1 },
		{ 200, 200, "{}", GOOD_REPLY, XFER_DONE, 1, 1 },
		{ 200, 200, "<html>", GOOD_REPLY, XFER_DONE, 1, 1 },
		{ 200, 200, "{\"direct_path\":\"//evil/x\"}", GOOD_REPLY,
			XFER_DONE, 1, 1 },
		{ 0, 200, "", GOOD_REPLY, XFER_DONE, 1, 1 },
		/* Four rounds. */
		{ 500, 503, "", "", XFER_FAILED, 4, 4 },
		{ 429, 0, "", "", XFER_FAILED, 4, 4 },
		/* What another try would not change. */
		{ 400, 404, "", "", XFER_FAILED, 1, 1 },
		{ 302, 500, "", "", XFER_FAILED, 1, 4 },
		/* What another host would not change. */
		{ 401, 200, "", GOOD_REPLY, XFER_AUTH, 1, 0 },
		{ 403, 200, "", GOOD_REPLY, XFER_AUTH, 1, 0 },
		{ 413, 200, "", GOOD_REPLY, XFER_REFUSED, 1, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *world = NULL;

		setup((void **)&world);
		answers(&world->a, cases[i].status_a, cases[i].body_a);
		answers(&world->b, cases[i].status_b, cases[i].body_b);
		assert_int_equal(upload(world, "x"), cases[i].result);
		assert_int_equal(world->a.n_asked, cases[i].n_a);
		assert_int_equal(world->b.n_asked, cases[i].n_b);
		if (cases[i].result == XFER_DONE)
			assert_string_equal(world->answer.reason, "");
		else
			assert_string_equal(world->answer.direct_path, "");
		close(world->a.body_fd);
		teardown((void **)&world);
	}
	(void)state;
}

static void every_try_sends_the_whole_blob(void **state)
{
	struct world *world = *state;
	scoped(buf_fini) struct buf blob = BUF_INIT;
	uint8_t hash[32];

	answers(&world->a, 503, "");
	answers(&world->a, 200, GOOD_REPLY);
	world->request.n_hosts = 1;
	assert_int_equal(upload(world, "again and again"), XFER_DONE);
	assert_int_equal(world->a.n_asked, 2);
	file_read(world->a.body_fd, &blob);
	wa_sha256(blob.data, blob.len, hash);
	assert_memory_equal(hash, world->answer.enc_sha256, 32);
	close(world->a.body_fd);
}

static void a_file_that_is_too_large_is_not_sent(void **state)
{
	struct world *world = *state;

	answers(&world->a, 200, GOOD_REPLY);
	world->request.max_bytes = 3;
	assert_int_equal(upload(world, "four"), XFER_REFUSED);
	assert_int_equal(world->a.n_asked, 0);
	close(world->a.body_fd);
}

static void a_host_that_answers_without_end_is_left(void **state)
{
	struct world *world = *state;
	scoped(str_free) char *long_body = xcalloc(1, 70001);

	memset(long_body, ' ', 70000);
	answers(&world->a, 200, long_body);
	answers(&world->b, 200, GOOD_REPLY);
	assert_int_equal(upload(world, "x"), XFER_DONE);
	assert_int_equal(world->b.n_asked, 1);
	close(world->a.body_fd);
}

static void a_redirect_is_not_followed(void **state)
{
	struct world *world = *state;
	char location[128];

	snprintf(location, sizeof(location), "Location: http://%s/evil\r\n",
		world->b.name);
	host_add(&world->a,
		&(struct host_answer){ .status = 307, .headers = location });
	answers(&world->b, 200, GOOD_REPLY);
	world->request.n_hosts = 1;
	assert_int_equal(upload(world, "x"), XFER_FAILED);
	assert_int_equal(world->b.n_asked, 0);
	close(world->a.body_fd);
}

/* ---- downloads ---- */

/* A blob of @file, and what a message says of it. */
static int blob_of(struct world *world, const char *file)
{
	scoped(buf_fini) struct buf blob = BUF_INIT;
	struct wa_media_ref *ref = &world->request.ref;
	int fd = file_new();

	world->request.op = XFER_DOWNLOAD;
	wa_media_seal(ref->type, ref->key, file, strlen(file), &blob,
		ref->sha256, ref->enc_sha256);
	ref->has_sha256 = true;
	ref->length = strlen(file);
	snprintf(ref->direct_path, sizeof(ref->direct_path), "/v/x?ccb=1");
	file_fill(fd, blob.data, blob.len);
	return fd;
}

static void gives(struct media_host *host, int status, int body_fd)
{
	host_add(host, &(struct host_answer){ .status = status,
			       .body_fd = body_fd,
			       .n_body = (size_t)lseek(body_fd, 0, SEEK_END) });
}

static void check_file(struct world *world, const char *text)
{
	scoped(buf_fini) struct buf got = BUF_INIT;

	file_read(world->file, &got);
	assert_int_equal(got.len, strlen(text));
	assert_memory_equal(got.data, text, got.len);
}

#define FILE_TEXT "what was sent, longer than one block of the cipher"

static void a_download_is_the_file(void **state)
{
	struct world *world = *state;
	scoped(fd_close) int blob = blob_of(world, FILE_TEXT);
	char expected[256], hash[64];

	gives(&world->a, 200, blob);
	file_fill(world->file, "left over", 9);
	assert_int_equal(run(world), XFER_DONE);
	check_file(world, FILE_TEXT);
	assert_int_equal(world->answer.length, strlen(FILE_TEXT));
	assert_memory_equal(
		world->answer.sha256, world->request.ref.sha256, 32);
	sodium_bin2base64(hash, sizeof(hash), world->request.ref.enc_sha256, 32,
		sodium_base64_VARIANT_URLSAFE);
	snprintf(expected, sizeof(expected),
		"GET /v/x?ccb=1&hash=%s&mms-type=image&__wa-mms= HTTP", hash);
	assert_memory_equal(world->a.heads[0], expected, strlen(expected));
	assert_non_null(strstr(
		world->a.heads[0], "\r\nOrigin: https://web.whatsapp.com\r\n"));
}

static void a_path_without_a_query_gets_one(void **state)
{
	struct world *world = *state;
	scoped(fd_close) int blob = blob_of(world, FILE_TEXT);

	snprintf(world->request.ref.direct_path, 512, "/v/x");
	gives(&world->a, 200, blob);
	assert_int_equal(run(world), XFER_DONE);
	assert_memory_equal(world->a.heads[0], "GET /v/x?hash=", 14);
}

static void a_download_goes_on_to_the_host_that_has_it(void **state)
{
	static const struct {
		int status_a, status_b; /* 200: the blob */
		enum xfer_result result;
		int n_a, n_b;
	} cases[] = {
		{ 404, 200, XFER_DONE, 1, 1 },
		{ 500, 200, XFER_DONE, 1, 1 },
		{ 0, 200, XFER_DONE, 1, 1 },
		{ 302, 200, XFER_DONE, 1, 1 },
		{ 403, 404, XFER_GONE, 1, 1 },
		{ 410, 410, XFER_GONE, 1, 1 },
		{ 404, 400, XFER_GONE, 1, 1 },
		/* Perhaps the other one has it, later. */
		{ 404, 500, XFER_FAILED, 1, 4 },
		{ 0, 0, XFER_FAILED, 4, 4 },
		{ 400, 401, XFER_FAILED, 1, 1 },
		{ 206, 204, XFER_FAILED, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *world = NULL;
		int blob, empty = file_new();

		setup((void **)&world);
		blob = blob_of(world, FILE_TEXT);
		gives(&world->a, cases[i].status_a, empty);
		gives(&world->b, cases[i].status_b,
			cases[i].status_b == 200 ? blob : empty);
		assert_int_equal(run(world), cases[i].result);
		assert_int_equal(world->a.n_asked, cases[i].n_a);
		assert_int_equal(world->b.n_asked, cases[i].n_b);
		if (cases[i].result == XFER_DONE)
			check_file(world, FILE_TEXT);
		else
			assert_string_not_equal(world->answer.reason, "");
		close(blob);
		close(empty);
		teardown((void **)&world);
	}
}

static void a_body_that_breaks_off_is_fetched_again_from_its_start(void **state)
{
	struct world *world = *state;
	scoped(fd_close) int blob = blob_of(world, FILE_TEXT);

	world->request.n_hosts = 1;
	gives(&world->a, 200, blob);
	world->a.answers[0].n_missing = 20;
	gives(&world->a, 200, blob);
	assert_int_equal(run(world), XFER_DONE);
	assert_int_equal(world->a.n_asked, 2);
	check_file(world, FILE_TEXT);
}

static void a_blob_that_is_not_what_was_said_is_refused(void **state)
{
	enum { BYTE, SHORT, KEY, SHA, ENC_SHA, LENGTH, N };

	(void)state;
	for (int i = 0; i < N; i++) {
		struct world *world = NULL;
		struct wa_media_ref *ref;
		int blob;

		setup((void **)&world);
		blob = blob_of(world, FILE_TEXT);
		ref = &world->request.ref;
		if (i == BYTE)
			assert_int_equal(pwrite(blob, "?", 1, 3), 1);
		if (i == SHORT)
			assert_int_equal(ftruncate(blob, 40), 0);
		ref->key[0] ^= i == KEY;
		ref->sha256[0] ^= i == SHA;
		ref->enc_sha256[0] ^= i == ENC_SHA;
		ref->length += i == LENGTH;
		gives(&world->a, 200, blob);
		gives(&world->b, 404, blob);
		assert_int_equal(run(world), XFER_CORRUPT);
		assert_int_equal(world->b.n_asked, 1);
		close(blob);
		teardown((void **)&world);
	}
}

static void a_broken_copy_is_made_good_by_another_host(void **state)
{
	struct world *world = *state;
	scoped(fd_close) int bad = blob_of(world, FILE_TEXT);
	scoped(fd_close) int good = blob_of(world, FILE_TEXT);

	assert_int_equal(pwrite(bad, "?", 1, 3), 1);
	gives(&world->a, 200, bad);
	gives(&world->b, 200, good);
	assert_int_equal(run(world), XFER_DONE);
	check_file(world, FILE_TEXT);
}

static void a_download_ends_where_it_becomes_too_large(void **state)
{
	struct world *world = *state;
	scoped(fd_close) int blob = blob_of(world, FILE_TEXT);
	struct stat st;

	gives(&world->a, 200, blob);
	gives(&world->b, 200, blob);
	world->request.max_bytes = 20;
	world->request.ref.length = 0;
	assert_int_equal(run(world), XFER_REFUSED);
	assert_int_equal(world->b.n_asked, 0);
	assert_int_equal(fstat(world->file, &st), 0);
	assert_true(st.st_size <= 32);
	/* The same to the byte. */
	world->request.max_bytes = strlen(FILE_TEXT);
	assert_int_equal(run(world), XFER_DONE);
	world->request.max_bytes = strlen(FILE_TEXT) - 1;
	assert_int_equal(run(world), XFER_REFUSED);
}

static void an_error_page_is_not_taken_for_the_file(void **state)
{
	struct world *world = *state;
	char page[] = "Sorry, there is no such file here, and never was one.";

	close(blob_of(world, FILE_TEXT));
	world->request.max_bytes = 10;
	answers(&world->a, 404, page);
	answers(&world->b, 410, page);
	assert_int_equal(run(world), XFER_GONE);
	check_file(world, "");
}

static void a_host_that_hangs_is_left_when_time_is_up(void **state)
{
	struct world *world = *state;
	scoped(fd_close) int blob = blob_of(world, FILE_TEXT);

	host_add(&world->a, &(struct host_answer){ .hangs = true });
	gives(&world->b, 200, blob);
	world->request.deadline_ms = 200;
	assert_int_equal(run(world), XFER_FAILED);
}

static void a_host_that_is_not_there_is_passed_over(void **state)
{
	struct world *world = *state;
	scoped(fd_close) int blob = blob_of(world, FILE_TEXT);

	snprintf(world->request.hosts[0], XFER_HOST, "127.0.0.1:1");
	gives(&world->b, 200, blob);
	assert_int_equal(run(world), XFER_DONE);
}

static void http_stays_on_this_machine(void **state)
{
	struct world *world = *state;
	scoped(fd_close) int blob = blob_of(world, FILE_TEXT);

	/* As if such a name had got past the request's reader: it would lead to
	 * the host, but does not say that it stays here. */
	snprintf(world->request.hosts[0], XFER_HOST, "0.0.0.0%s",
		strchr(world->a.name, ':'));
	world->request.n_hosts = 1;
	gives(&world->a, 200, blob);
	assert_int_equal(run(world), XFER_FAILED);
	assert_int_equal(world->a.n_asked, 0);
}

static void a_proxy_of_an_unknown_kind_is_refused(void **state)
{
	struct world *world = *state;
	scoped(fd_close) int blob = blob_of(world, FILE_TEXT);

	gives(&world->a, 200, blob);
	world->request.is_plain = false;
	snprintf(world->request.proxy, XFER_PATH, "ftp://127.0.0.1:1");
	assert_int_equal(run(world), XFER_REFUSED);
}

/* The blob of a host is fetched through the proxy: here, the tunnel is asked
 * for and refused. */
static void a_proxy_is_used(void **state)
{
	struct world *world = *state;

	close(blob_of(world, FILE_TEXT));
	answers(&world->a, 407, "");
	world->request.is_plain = false;
	world->request.n_hosts = 1;
	snprintf(world->request.hosts[0], XFER_HOST, "mmg.example:444");
	snprintf(world->request.proxy, XFER_PATH, "http://me:secret@%s",
		world->a.name);
	assert_int_equal(run(world), XFER_FAILED);
	assert_memory_equal(
		world->a.heads[0], "CONNECT mmg.example:444 HTTP/1.1\r\n", 34);
	assert_non_null(strstr(world->a.heads[0],
		"\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
	assert_null(strstr(world->answer.reason, "secret"));
}

/* ---- memory ---- */

#define MIB (1u << 20)
#ifdef __SANITIZE_ADDRESS__
#define SLACK_KIB (24 * 1024) /* its own bookkeeping */
#else
#define SLACK_KIB 2048
#endif

static void file_make(int fd, size_t n_mib)
{
	static uint8_t piece[MIB];

	memset(piece, 0x5a, sizeof(piece));
	assert_int_equal(ftruncate(fd, 0), 0);
	for (size_t i = 0; i < n_mib; i++) {
		piece[0] = (uint8_t)i;
		assert_int_equal(
			pwrite(fd, piece, sizeof(piece), (off_t)(i * MIB)),
			sizeof(piece));
	}
}

/* Up and down again; the larger peak of both. */
static long peak_kib(struct world *world, size_t n_mib)
{
	scoped(fd_close) int blob = file_new();
	struct wa_media_ref *ref = &world->request.ref;
	long up_kib;

	world->a.n_answers = world->a.n_asked = 0;
	answers(&world->a, 200, GOOD_REPLY);
	world->a.body_fd = blob;
	world->request.op = XFER_UPLOAD;
	world->request.max_bytes = n_mib * MIB;
	file_make(world->file, n_mib);
	assert_int_equal(ftruncate(world->scratch, 0), 0);
	lseek(world->scratch, 0, SEEK_SET);
	assert_int_equal(run(world), XFER_DONE);
	up_kib = world->peak_kib;

	memcpy(ref->sha256, world->answer.sha256, 32);
	memcpy(ref->enc_sha256, world->answer.enc_sha256, 32);
	ref->has_sha256 = true;
	ref->length = n_mib * MIB;
	snprintf(ref->direct_path, sizeof(ref->direct_path), "/v/big");
	world->request.op = XFER_DOWNLOAD;
	world->a.n_answers = world->a.n_asked = 0;
	gives(&world->a, 200, blob);
	world->a.body_fd = -1;
	assert_int_equal(run(world), XFER_DONE);
	assert_int_equal(world->answer.length, n_mib * MIB);
	return up_kib > world->peak_kib ? up_kib : world->peak_kib;
}

static void memory_does_not_depend_on_the_file(void **state)
{
	struct world *world = *state;
	long small_kib = peak_kib(world, 1);
	long large_kib = peak_kib(world, 64);

	print_message("peak: 1 MiB file %ld KiB, 64 MiB file %ld KiB\n",
		small_kib, large_kib);
	assert_true(large_kib - small_kib < SLACK_KIB);
}

/* So that no descriptor of a test is one of the worker's. */
static void low_descriptors_take(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} while (fd >= 0 && fd < XFER_FD_SCRATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(an_upload_is_the_encrypted_file_under_its_hash),
		WORLD_TEST(hosts_are_asked_as_a_browser_would),
		cmocka_unit_test(an_upload_goes_on_to_the_host_that_takes_it),
		WORLD_TEST(every_try_sends_the_whole_blob),
		WORLD_TEST(a_file_that_is_too_large_is_not_sent),
		WORLD_TEST(a_host_that_answers_without_end_is_left),
		WORLD_TEST(a_redirect_is_not_followed),
		WORLD_TEST(a_download_is_the_file),
		WORLD_TEST(a_path_without_a_query_gets_one),
		cmocka_unit_test(a_download_goes_on_to_the_host_that_has_it),
		WORLD_TEST(
			a_body_that_breaks_off_is_fetched_again_from_its_start),
		cmocka_unit_test(a_blob_that_is_not_what_was_said_is_refused),
		WORLD_TEST(a_broken_copy_is_made_good_by_another_host),
		WORLD_TEST(a_download_ends_where_it_becomes_too_large),
		WORLD_TEST(an_error_page_is_not_taken_for_the_file),
		WORLD_TEST(a_host_that_hangs_is_left_when_time_is_up),
		WORLD_TEST(a_host_that_is_not_there_is_passed_over),
		WORLD_TEST(http_stays_on_this_machine),
		WORLD_TEST(a_proxy_of_an_unknown_kind_is_refused),
		WORLD_TEST(a_proxy_is_used),
		WORLD_TEST(memory_does_not_depend_on_the_file),
	};

	low_descriptors_take();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
