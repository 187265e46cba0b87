/* The parent's side of a conversion, with shell scripts for workers that are
 * well, broken, late, or hostile. */
#include "common/media/convert.h"

#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/own.h"

#define UNREADABLE "The file could not be read"
#define PATIENCE_MS 20000

static char dir[] = "/tmp/vereda-test-convert-XXXXXX";
static char worker[sizeof(dir) + 16];
static struct config config = { .media = { .max_mib = 1 } };

static int make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(worker, sizeof(worker), "%s/worker", dir);
	convert_use_worker(worker, PATIENCE_MS);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(worker);
	return rmdir(dir);
}

/* The worker from now on: this line of shell. */
static void write_worker(const char *script)
{
	FILE *file;

	unlink(worker); /* one that runs is not written to */
	file = fopen(worker, "we");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	assert_int_equal(fchmod(fileno(file), 0700), 0);
	assert_int_equal(fclose(file), 0);
}

static int file_of(const char *text)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	/* For the shell: mediaconv does not care about the position. */
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* ---- one job ---- */

struct outcome {
	struct event_base *base;
	int n_done;
	struct err err;
	struct media_facts facts;
};

static void on_done(struct media_facts *facts, const struct err *err, void *arg)
{
	struct outcome *outcome = arg;

	outcome->n_done++;
	outcome->err = *err;
	if (facts != NULL) {
		outcome->facts = *facts;
		facts->thumbnail = BUF_INIT;
	}
	event_base_loopbreak(outcome->base);
}

static int start(struct outcome *outcome, enum convert_job job, int in, int out,
	struct convert **convert)
{
	const struct convert_request request = {
		.job = job, .in_fd = in, .out_fd = out
	};

	return convert_start(outcome->base, &config, &request, on_done, outcome,
		convert, &outcome->err);
}

static void run(struct outcome *outcome, enum convert_job job, int out)
{
	scoped(fd_close) int in = file_of("some bytes");
	struct convert *convert = NULL;

	*outcome = (struct outcome){ .base = event_base_new() };
	assert_int_equal(start(outcome, job, in, out, &convert), 0);
	assert_int_equal(outcome->n_done, 0);
	event_base_dispatch(outcome->base);
	assert_int_equal(outcome->n_done, 1);
	event_base_free(outcome->base);
}

static void expect_hash(const struct outcome *outcome, const char *text)
{
	uint8_t hash[32];

	crypto_hash_sha256(hash, (const uint8_t *)text, strlen(text));
	assert_int_equal(outcome->facts.size, strlen(text));
	assert_memory_equal(outcome->facts.sha256, hash, sizeof(hash));
}

/* ---- tests ---- */

static void a_probe_gives_the_answer_and_the_hash_of_the_input(void **state)
{
	struct outcome outcome;

	(void)state;
	write_worker("[ \"$*\" = probe ] && printf '{\"kind\":\"image\","
		     "\"mime\":\"image/png\",\"width\":3,\"height\":4,"
		     "\"thumbnail\":\"/9j/\"}'");
	run(&outcome, CONVERT_PROBE, -1);
	assert_int_equal(outcome.err.code, ERR_OK);
	assert_int_equal(outcome.facts.kind, MEDIA_IMAGE);
	assert_string_equal(outcome.facts.mime, "image/png");
	assert_int_equal(outcome.facts.width, 3);
	assert_int_equal(outcome.facts.height, 4);
	assert_int_equal(outcome.facts.thumbnail.len, 3);
	assert_memory_equal(outcome.facts.thumbnail.data, "\xff\xd8\xff", 3);
	expect_hash(&outcome, "some bytes");
	media_facts_fini(&outcome.facts);
}

static void a_conversion_gives_the_hash_of_the_result(void **state)
{
	scoped(fd_close) int out = memfd_create("out", MFD_CLOEXEC);
	struct outcome outcome;

	(void)state;
	write_worker(
		"[ \"$*\" = voice ] && read bytes; printf \"<$bytes>\" >&3;"
		"printf '{\"kind\":\"voice\",\"mime\":\"audio/ogg\"}'");
	run(&outcome, CONVERT_VOICE, out);
	assert_int_equal(outcome.err.code, ERR_OK);
	assert_int_equal(outcome.facts.kind, MEDIA_VOICE);
	expect_hash(&outcome, "<some bytes>");
}

static void a_large_file_is_hashed_whole(void **state)
{
	scoped(fd_close) int in = memfd_create("in", MFD_CLOEXEC);
	scoped(str_free) char *text = xcalloc(1, (1 << 20) + 1);
	struct outcome outcome = { .base = event_base_new() };
	struct convert *convert;

	(void)state;
	memset(text, 'x', 1 << 20);
	assert_int_equal(write(in, text, 1 << 20), 1 << 20);
	write_worker(
		"printf '{\"kind\":\"document\",\"mime\":\"text/plain\"}'");
	assert_int_equal(start(&outcome, CONVERT_PROBE, in, -1, &convert), 0);
	event_base_dispatch(outcome.base);
	assert_int_equal(outcome.n_done, 1);
	expect_hash(&outcome, text);
	event_base_free(outcome.base);
}

static void a_result_above_the_limit_is_refused(void **state)
{
	scoped(fd_close) int out = memfd_create("out", MFD_CLOEXEC);
	struct outcome outcome;

	(void)state;
	assert_int_equal(ftruncate(out, (1 << 20) + 1), 0);
	write_worker("printf '{\"kind\":\"voice\",\"mime\":\"audio/ogg\"}'");
	run(&outcome, CONVERT_VOICE, out);
	assert_int_equal(outcome.err.code, ERR_TOO_LARGE);
}

static void the_workers_own_error_comes_through(void **state)
{
	struct outcome outcome;

	(void)state;
	write_worker("printf '{\"error\":\"The picture is broken\","
		     "\"code\":\"invalid\"}'");
	run(&outcome, CONVERT_PROBE, -1);
	assert_int_equal(outcome.err.code, ERR_INVALID);
	assert_string_equal(outcome.err.msg, "The picture is broken");
}

#define GOOD "printf '{\"kind\":\"image\",\"mime\":\"image/png\"}'"

static void a_worker_that_dies_or_talks_nonsense_means_a_bad_file(void **state)
{
	static const char *const scripts[] = {
		"kill -SEGV $$",
		GOOD "; kill -KILL $$",
		GOOD "; exit 3",
		"exit 0",
		"echo hello",
		GOOD "; " GOOD,
		"while :; do printf 'no end, no end, no end, no end, '; done",
		"trap '' TERM; exec 1>&-; kill -ABRT $$",
		"printf '{\"kind\":\"image\",\"mime\":\"a/<b>\"}'",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct outcome outcome;

		write_worker(scripts[i]);
		run(&outcome, CONVERT_PROBE, -1);
		if (outcome.err.code != ERR_INVALID ||
			strcmp(outcome.err.msg, UNREADABLE) != 0)
			fail_msg("%s: %s", scripts[i], outcome.err.msg);
	}
}

static void a_worker_that_hangs_is_killed_at_its_deadline(void **state)
{
	static const char *const scripts[] = { "exec /bin/sleep 600",
		"exec 1>&-; exec /bin/sleep 600", GOOD "; exec /bin/sleep 600",
		"while :; do :; done" };

	(void)state;
	convert_use_worker(worker, 100);
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct outcome outcome;

		write_worker(scripts[i]);
		run(&outcome, CONVERT_PROBE, -1);
		assert_int_equal(outcome.err.code, ERR_TIMEOUT);
	}
	convert_use_worker(worker, PATIENCE_MS);
}

static void a_worker_has_nothing_of_ours(void **state)
{
	scoped(fd_close) int out = memfd_create("out", MFD_CLOEXEC);
	scoped(fd_close) int leaked = open("/dev/null", O_RDONLY);
	struct outcome outcome;
	char said[512] = "";

	(void)state;
	setenv("VEREDA_TEST_SECRET", "1", 1);
	assert_true(leaked > 3);
	/* 4 is the directory that ls reads. */
	write_worker("[ -z \"$VEREDA_TEST_SECRET\" ] && "
		     "exec /bin/ls /proc/self/fd >&3");
	run(&outcome, CONVERT_STICKER, out);
	unsetenv("VEREDA_TEST_SECRET");
	assert_true(pread(out, said, sizeof(said) - 1, 0) > 0);
	assert_string_equal(said, "0\n1\n2\n3\n4\n");
}

static void a_file_that_cannot_be_read_is_not_started(void **state)
{
	scoped(fd_close) int empty = memfd_create("empty", MFD_CLOEXEC);
	scoped(fd_close) int large = memfd_create("large", MFD_CLOEXEC);
	scoped(fd_close) int device = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	const struct {
		int fd;
		enum err_code code;
	} files[] = { { empty, ERR_INVALID }, { large, ERR_TOO_LARGE },
		{ device, ERR_INTERNAL }, { -1, ERR_IO } };
	struct outcome outcome = { .base = event_base_new() };
	struct convert *convert = NULL;

	(void)state;
	assert_int_equal(ftruncate(large, (1 << 20) + 1), 0);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		assert_int_equal(start(&outcome, CONVERT_PROBE, files[i].fd, -1,
					 &convert),
			-1);
		assert_int_equal(outcome.err.code, files[i].code);
	}
	assert_null(convert);
	event_base_free(outcome.base);
}

static void a_worker_that_is_not_there_is_our_fault(void **state)
{
	scoped(fd_close) int in = file_of("some bytes");
	struct outcome outcome = { .base = event_base_new() };
	struct convert *convert = NULL;

	(void)state;
	convert_use_worker("/nowhere/mediaconv", 0);
	/* More often than there are slots: none is lost. */
	for (int i = 0; i < 2 * CONVERT_MAX; i++) {
		assert_int_equal(
			start(&outcome, CONVERT_PROBE, in, -1, &convert), -1);
		assert_int_equal(outcome.err.code, ERR_INTERNAL);
	}
	convert_use_worker(NULL, 0); /* none beside this test either */
	assert_int_equal(start(&outcome, CONVERT_PROBE, in, -1, &convert), -1);
	assert_int_equal(outcome.err.code, ERR_INTERNAL);
	convert_use_worker(worker, PATIENCE_MS);
	event_base_free(outcome.base);
}

/* Starts one as soon as there is a slot: a killed process takes a moment to
 * go. */
static void start_soon(struct outcome *outcome, int in, struct convert **out)
{
	const int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;

	while (start(outcome, CONVERT_PROBE, in, -1, out) != 0) {
		assert_int_equal(outcome->err.code, ERR_BUSY);
		assert_true(clock_mono_ms() < deadline_ms);
	}
}

static void so_many_run_at_a_time_and_cancelling_makes_room(void **state)
{
	scoped(fd_close) int in = file_of("some bytes");
	struct outcome outcome = { .base = event_base_new() };
	struct convert *converts[CONVERT_MAX], *another = NULL;

	(void)state;
	write_worker("exec /bin/sleep 600");
	for (int i = 0; i < CONVERT_MAX; i++)
		assert_int_equal(
			start(&outcome, CONVERT_PROBE, in, -1, &converts[i]),
			0);
	assert_int_equal(start(&outcome, CONVERT_PROBE, in, -1, &another), -1);
	assert_int_equal(outcome.err.code, ERR_BUSY);
	for (int i = 0; i < CONVERT_MAX; i++) {
		convert_cancel(&converts[i]);
		assert_null(converts[i]);
	}
	write_worker(GOOD);
	start_soon(&outcome, in, &another);
	event_base_dispatch(outcome.base);
	assert_int_equal(outcome.n_done, 1);
	assert_int_equal(outcome.err.code, ERR_OK);
	event_base_free(outcome.base);
}

static void cancelling_at_any_step_means_no_answer(void **state)
{
	struct outcome outcome = { .base = event_base_new() };

	(void)state;
	write_worker(GOOD);
	for (int turns = 0; turns < 6; turns++) {
		scoped(fd_close) int in = file_of("some bytes");
		struct convert *convert;

		outcome.n_done = 0;
		start_soon(&outcome, in, &convert);
		for (int i = 0; i < turns && outcome.n_done == 0; i++)
			event_base_loop(outcome.base, EVLOOP_ONCE);
		if (outcome.n_done > 0)
			break;
		convert_cancel(&convert);
		event_base_loop(outcome.base, EVLOOP_NONBLOCK);
		assert_int_equal(outcome.n_done, 0);
	}
	convert_cancel(&(struct convert *){ NULL });
	event_base_free(outcome.base);
}

/* Workers that were killed a moment ago have their places until they are gone.
 */
static int start_when_there_is_room(
	struct outcome *outcome, int in, struct convert **convert)
{
	const int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
	int rc;

	while ((rc = start(outcome, CONVERT_PROBE, in, -1, convert)) != 0 &&
		outcome->err.code == ERR_BUSY && clock_mono_ms() < deadline_ms)
		usleep(1000);
	if (rc == 0)
		outcome->err = ERR_NONE;
	return rc;
}

/* As run(), but cmocka's assertions are for its own thread. */
static bool run_aside(struct outcome *outcome)
{
	scoped(fd_close) int in = file_of("some bytes");
	struct convert *convert = NULL;

	*outcome = (struct outcome){ .base = event_base_new() };
	if (start_when_there_is_room(outcome, in, &convert) == 0)
		event_base_dispatch(outcome->base);
	event_base_free(outcome->base);
	return outcome->n_done == 1 && outcome->err.code == ERR_OK;
}

/* Gives back @arg when all went well. */
static void *run_some(void *arg)
{
	for (int i = 0; i < 5; i++) {
		struct outcome outcome;

		if (!run_aside(&outcome)) {
			fprintf(stderr, "n_done=%d %s: %s\n", outcome.n_done,
				err_code_name(outcome.err.code),
				outcome.err.msg);
			return NULL;
		}
	}
	return arg;
}

static void threads_convert_side_by_side(void **state)
{
	pthread_t threads[CONVERT_MAX];
	void *result;

	(void)state;
	write_worker(GOOD);
	for (size_t i = 0; i < CONVERT_MAX; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, run_some, threads),
			0);
	for (size_t i = 0; i < CONVERT_MAX; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, threads);
	}
}

static void kinds_have_names(void **state)
{
	static const char *const names[] = { "image", "video", "audio",
		"document", "sticker", "voice" };
	enum media_kind kind;

	(void)state;
	for (int i = 0; i < 6; i++) {
		assert_string_equal(
			media_kind_name((enum media_kind)(i + 1)), names[i]);
		assert_int_equal(media_kind_parse(names[i], &kind), 0);
		assert_int_equal(kind, i + 1);
	}
	assert_int_equal(media_kind_parse("Image", &kind), -1);
	assert_int_equal(media_kind_parse("", &kind), -1);
	assert_string_equal(media_kind_name((enum media_kind)0), "unknown");
	assert_string_equal(media_kind_name((enum media_kind)99), "unknown");
	assert_string_equal(media_kind_name((enum media_kind) - 1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_probe_gives_the_answer_and_the_hash_of_the_input),
		cmocka_unit_test(a_conversion_gives_the_hash_of_the_result),
		cmocka_unit_test(a_large_file_is_hashed_whole),
		cmocka_unit_test(a_result_above_the_limit_is_refused),
		cmocka_unit_test(the_workers_own_error_comes_through),
		cmocka_unit_test(
			a_worker_that_dies_or_talks_nonsense_means_a_bad_file),
		cmocka_unit_test(a_worker_that_hangs_is_killed_at_its_deadline),
		cmocka_unit_test(a_worker_has_nothing_of_ours),
		cmocka_unit_test(a_file_that_cannot_be_read_is_not_started),
		cmocka_unit_test(a_worker_that_is_not_there_is_our_fault),
		cmocka_unit_test(
			so_many_run_at_a_time_and_cancelling_makes_room),
		cmocka_unit_test(cancelling_at_any_step_means_no_answer),
		cmocka_unit_test(threads_convert_side_by_side),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
