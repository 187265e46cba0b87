/* The line of transfers and their workers.  The worker is this program again,
 * under another name: what it does is the name of the host it is given. */
#include "tests/unit/senderd/fake_lane.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/media/library.h"
#include "common/media/xfer.h"
#include "senderd/whatsapp/media_conn.h"

#define FILE_TEXT "the file"
#define WAIT_ROUNDS 10000 /* of a millisecond */

/* ---- the worker ---- */

static void worker_say(const struct xfer_answer *answer)
{
	scoped(buf_fini) struct buf json = BUF_INIT;

	xfer_answer_write(answer, &json);
	if (write(STDOUT_FILENO, json.data, json.len) < 0)
		_exit(1);
}

static void worker_do(
	const struct xfer_request *request, struct xfer_answer *answer)
{
	char text[64];
	ssize_t n = sizeof FILE_TEXT - 1;

	answer->result = XFER_DONE;
	if (request->op == XFER_UPLOAD) {
		n = read(XFER_FD_FILE, text, sizeof text);
		if (n < 0 || write(XFER_FD_SCRATCH, "x", 1) != 1)
			_exit(1);
		snprintf(answer->direct_path, sizeof answer->direct_path,
			"/v/%02x%02x?x", request->ref.key[0],
			request->ref.key[1]);
		snprintf(answer->url, sizeof answer->url, "https://up.example");
		memset(answer->enc_sha256, 0xee, 32);
	} else {
		memcpy(text, FILE_TEXT, (size_t)n);
		if (write(XFER_FD_FILE, text, (size_t)n) != n)
			_exit(1);
	}
	answer->length = (uint64_t)n;
	wa_sha256(text, (size_t)n, answer->sha256);
}

/* Nothing of the lane's but what a worker is to have. */
static bool worker_is_clean(const struct xfer_request *request, int argc)
{
	extern char **environ;
	int last = request->op == XFER_UPLOAD ? XFER_FD_SCRATCH : XFER_FD_FILE;
	int null = open("/dev/null", O_RDONLY);

	return argc == 1 && environ[0] == NULL && null == last + 1 &&
	       request->parent == getppid();
}

static int worker_main(int argc)
{
	static uint8_t bytes[XFER_REQUEST_MAX];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
	struct xfer_request request;
	struct xfer_answer answer = { .result = XFER_FAILED,
		.reason = "as asked" };
	const char *host = request.hosts[0];
	int log;

	if (n < 0 || xfer_request_read(bytes, (size_t)n, &request, NULL) != 0)
		return 1;
	log = open(request.ca_file, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (write(log, "x", 1) != 1)
		return 1;
	close(log);
	for (int i = XFER_DONE; i <= XFER_AUTH; i++) {
		if (strcmp(host, xfer_result_name((enum xfer_result)i)) == 0)
			answer.result = (enum xfer_result)i;
	}
	if (strcmp(host, "done") == 0 ||
		(strcmp(host, "new-auth") == 0 &&
			strcmp(request.auth, "second") == 0) ||
		(strcmp(host, "clean") == 0 && worker_is_clean(&request, argc)))
		worker_do(&request, &answer);
	else if (strcmp(host, "new-auth") == 0)
		answer.result = XFER_AUTH;
	else if (strcmp(host, "hang") == 0)
		pause();
	else if (strcmp(host, "crash") == 0)
		raise(SIGKILL);
	else if (strcmp(host, "silent") == 0)
		return 0;
	else if (strcmp(host, "garbage") == 0)
		return write(STDOUT_FILENO, "{garbage", 8) == 8 ? 0 : 1;
	worker_say(&answer);
	return 0;
}

/* ---- the lane ---- */

struct ended {
	int n;
	enum transfer_outcome outcome;
	struct wa_media_ref ref;
	char path[LIBRARY_PATH];
};

struct world {
	struct fake *fake;
	char worker[128], log[96];
	uint8_t sha256[32]; /* of a file in the library */
	struct ended ended;
};

static const struct lws_protocols *const protocols[] = { &transfer_protocol,
	NULL };

static void loop_open(struct lane *lane)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.pprotocols = (const struct lws_protocols **)protocols,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.options = LWS_SERVER_OPTION_JUST_USE_RAW_ORIGIN |
			   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
		.fd_limit_per_thread = 16,
	};

	lws_set_log_level(LLL_ERR | LLL_WARN, NULL);
	lane->lws = lws_create_context(&info);
	assert_non_null(lane->lws);
	lane->vhost = lws_get_vhost_by_name(lane->lws, "default");
}

static void library_fill(struct world *world)
{
	const struct config *config = &world->fake->config;
	char path[LIBRARY_PATH];
	struct err err = ERR_NONE;
	scoped(fd_close) int fd = library_temp(config, path, &err);

	assert_int_equal(
		write(fd, FILE_TEXT, strlen(FILE_TEXT)), strlen(FILE_TEXT));
	wa_sha256(FILE_TEXT, strlen(FILE_TEXT), world->sha256);
	assert_int_equal(library_keep(config, path, world->sha256, &err), 0);
}

static int setup(void **state)
{
	struct world *world = xcalloc(1, sizeof *world);
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	struct fake *fake = NULL;

	fake_setup((void **)&world->fake);
	fake = world->fake;
	assert_true(n > 0);
	self[n] = '\0';
	snprintf(
		world->worker, sizeof world->worker, "%s/mediaxfer", fake->dir);
	assert_int_equal(symlink(self, world->worker), 0);
	transfer_use_worker(world->worker);
	snprintf(world->log, sizeof world->log, "%s/log", fake->dir);
	close(open(world->log, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	fake->config.whatsapp.ca_file = world->log;
	fake->config.whatsapp.media_scheme = (char *)"https";
	loop_open(&fake->lane);
	library_fill(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	struct lane *lane = &world->fake->lane;

	transfers_free(&lane->transfers);
	while (waitpid(-1, NULL, 0) > 0)
		; /* they were killed */
	lws_context_destroy(lane->lws);
	lane->transfers = transfers_new(); /* for the fake to free */
	fake_teardown((void **)&world->fake);
	free(world);
	return 0;
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void on_done(struct lane *lane, enum transfer_outcome outcome,
	const struct wa_media_ref *ref, const char *path, void *arg)
{
	struct world *world = arg;

	assert_ptr_equal(lane, &world->fake->lane);
	world->ended.n++;
	world->ended.outcome = outcome;
	world->ended.ref = *ref;
	snprintf(world->ended.path, sizeof world->ended.path, "%s",
		path != NULL ? path : "");
}

static void upload(struct world *world)
{
	transfer_upload(&world->fake->lane, WA_MEDIA_IMAGE, world->sha256,
		on_done, world);
	fake_run(world->fake);
}

static void download(struct world *world)
{
	const struct wa_media_ref ref = { .type = WA_MEDIA_VIDEO,
		.direct_path = "/v/1" };

	transfer_download(&world->fake->lane, &ref, 1000, on_done, world);
	fake_run(world->fake);
}

/* Answers the question for a media_conn; no host: with an error. */
static void conn_answer(struct world *world, const char *auth, const char *host)
{
	struct fake *fake = world->fake;
	struct wa_node *answer = wa_node_new(fake->arena, "iq");
	struct wa_node *conn = wa_node_add(answer, "media_conn");

	assert_non_null(fake_question(fake));
	assert_true(wa_node_is(fake_question(fake)->iq, "xmlns", "w:m"));
	assert_true(wa_node_is(fake_question(fake)->iq, "type", "set"));
	assert_non_null(wa_node_child(fake_question(fake)->iq, "media_conn"));
	wa_node_set(conn, "auth", auth);
	wa_node_set(conn, "ttl", "300");
	if (host != NULL)
		wa_node_set(wa_node_add(conn, "host"), "hostname", host);
	else
		wa_node_set_int(wa_node_add(answer, "error"), "code", 500);
	fake_answer(fake, answer);
}

/* Workers that were started so far. */
static int n_started(const struct world *world)
{
	struct stat st;

	assert_int_equal(stat(world->log, &st), 0);
	return (int)st.st_size;
}

/* The loop goes round until @n transfers have ended. */
static void wait_ended(struct world *world, int n)
{
	for (int i = 0; i < WAIT_ROUNDS && world->ended.n < n; i++) {
		assert_true(lws_service(world->fake->lane.lws, -1) >= 0);
		fake_run(world->fake);
		usleep(1000);
	}
	assert_int_equal(world->ended.n, n);
}

static void wait_started(struct world *world, int n)
{
	for (int i = 0; i < WAIT_ROUNDS && n_started(world) < n; i++) {
		fake_run(world->fake);
		usleep(1000);
	}
	assert_int_equal(n_started(world), n);
}

static int n_temporary(const struct world *world)
{
	char path[128];
	struct dirent *entry;
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "%s/media/tmp", world->fake->dir);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* ---- tests ---- */

static void an_upload_tells_what_messages_are_to_say(void **state)
{
	struct world *world = *state;
	const struct wa_media_ref *ref = &world->ended.ref;
	char path[64];
	uint8_t zeros[32] = { 0 };

	upload(world);
	conn_answer(world, "first", "done");
	wait_ended(world, 1);
	assert_int_equal(world->ended.outcome, TRANSFER_DONE);
	assert_int_equal(ref->type, WA_MEDIA_IMAGE);
	assert_int_equal(ref->length, strlen(FILE_TEXT));
	assert_true(ref->has_sha256);
	assert_memory_equal(ref->sha256, world->sha256, 32);
	assert_int_equal(ref->enc_sha256[0], 0xee);
	snprintf(path, sizeof path, "/v/%02x%02x?x", ref->key[0], ref->key[1]);
	assert_string_equal(ref->direct_path, path);
	assert_string_equal(ref->url, "https://up.example");
	assert_memory_not_equal(ref->key, zeros, 32);
	assert_string_equal(world->ended.path, "");
	assert_int_equal(n_temporary(world), 0);
}

static void every_upload_has_a_key_of_its_own(void **state)
{
	struct world *world = *state;
	struct wa_media_ref first;

	upload(world);
	conn_answer(world, "first", "done");
	wait_ended(world, 1);
	first = world->ended.ref;
	upload(world);
	wait_ended(world, 2);
	assert_memory_not_equal(first.key, world->ended.ref.key, 32);
}

static void a_download_leaves_a_file_to_the_callee(void **state)
{
	struct world *world = *state;
	char text[64] = "";

	download(world);
	conn_answer(world, "first", "done");
	wait_ended(world, 1);
	assert_int_equal(world->ended.outcome, TRANSFER_DONE);
	assert_memory_equal(world->ended.ref.sha256, world->sha256, 32);
	assert_int_equal(world->ended.ref.length, strlen(FILE_TEXT));
	{
		scoped(fd_close) int fd =
			open(world->ended.path, O_RDONLY | O_CLOEXEC);

		assert_int_equal(
			read(fd, text, sizeof text), strlen(FILE_TEXT));
	}
	assert_string_equal(text, FILE_TEXT);
	assert_int_equal(unlink(world->ended.path), 0);
}

static void a_worker_gets_its_descriptors_and_nothing_else(void **state)
{
	struct world *world = *state;

	upload(world);
	download(world);
	conn_answer(world, "first", "clean");
	wait_ended(world, 1);
	assert_int_equal(world->ended.outcome, TRANSFER_DONE);
	wait_ended(world, 2);
	assert_int_equal(world->ended.outcome, TRANSFER_DONE);
}

static void how_a_worker_ends_is_told(void **state)
{
	static const struct {
		const char *host;
		enum transfer_outcome outcome;
	} cases[] = {
		{ "gone", TRANSFER_GONE },
		{ "corrupt", TRANSFER_CORRUPT },
		{ "failed", TRANSFER_FAILED },
		{ "refused", TRANSFER_REFUSED },
		{ "crash", TRANSFER_FAILED },
		{ "silent", TRANSFER_FAILED },
		{ "garbage", TRANSFER_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *world = NULL;

		setup((void **)&world);
		download(world);
		conn_answer(world, "first", cases[i].host);
		wait_ended(world, 1);
		assert_int_equal(world->ended.outcome, cases[i].outcome);
		assert_string_equal(world->ended.path, "");
		assert_int_equal(n_temporary(world), 0);
		teardown((void **)&world);
	}
}

static void one_media_conn_serves_many_transfers(void **state)
{
	struct world *world = *state;

	upload(world);
	upload(world);
	conn_answer(world, "first", "done");
	wait_ended(world, 2);
	download(world);
	wait_ended(world, 3);
	assert_null(fake_question(world->fake));
	unlink(world->ended.path);
}

static void a_wrong_auth_is_refreshed_once(void **state)
{
	struct world *world = *state;

	upload(world);
	conn_answer(world, "first", "new-auth");
	for (int i = 0; i < WAIT_ROUNDS && fake_question(world->fake) == NULL;
		i++) {
		lws_service(world->fake->lane.lws, -1);
		fake_run(world->fake);
		usleep(1000);
	}
	assert_int_equal(world->ended.n, 0);
	conn_answer(world, "second", "new-auth");
	wait_ended(world, 1);
	assert_int_equal(world->ended.outcome, TRANSFER_DONE);
	assert_int_equal(n_started(world), 2);
}

static void an_auth_that_stays_wrong_fails(void **state)
{
	struct world *world = *state;

	upload(world);
	conn_answer(world, "first", "auth");
	for (int i = 0; i < WAIT_ROUNDS && fake_question(world->fake) == NULL;
		i++) {
		lws_service(world->fake->lane.lws, -1);
		fake_run(world->fake);
		usleep(1000);
	}
	conn_answer(world, "second", "auth");
	wait_ended(world, 1);
	assert_int_equal(world->ended.outcome, TRANSFER_FAILED);
	assert_int_equal(n_started(world), 2);
}

static void no_more_than_three_run_at_a_time(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 5; i++)
		download(world);
	conn_answer(world, "first", "hang");
	wait_started(world, 3);
	for (int i = 0; i < 20; i++)
		fake_run(world->fake);
	assert_int_equal(n_started(world), 3);
	assert_int_equal(world->ended.n, 0);
}

static void a_line_that_is_full_refuses_more(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 64; i++)
		download(world);
	assert_int_equal(world->ended.n, 0);
	download(world);
	assert_int_equal(world->ended.n, 1);
	assert_int_equal(world->ended.outcome, TRANSFER_FAILED);
}

/* Lets the first timer go off that was to wait from @low_ms to @high_ms. */
static void time_pass(struct fake *fake, int64_t low_ms, int64_t high_ms)
{
	for (size_t i = 0; i < fake->n_timers; i++) {
		struct lane_timer *timer = fake->timers[i];

		if (fake->timer_ms[i] < low_ms || fake->timer_ms[i] > high_ms)
			continue;
		lane_timer_stop(timer);
		timer->fn(&fake->lane, timer->arg);
		fake_run(fake);
		return;
	}
	fail_msg("nothing waits for that time");
}

static void a_worker_that_hangs_is_killed(void **state)
{
	struct world *world = *state;

	download(world);
	conn_answer(world, "first", "hang");
	wait_started(world, 1);
	time_pass(world->fake, 60000, INT64_MAX);
	wait_ended(world, 1);
	assert_int_equal(world->ended.outcome, TRANSFER_FAILED);
	assert_int_equal(n_temporary(world), 0);
}

static void a_file_that_is_not_there_is_refused(void **state)
{
	struct world *world = *state;

	world->sha256[0] ^= 1;
	upload(world);
	conn_answer(world, "first", "done");
	assert_int_equal(world->ended.n, 1);
	assert_int_equal(world->ended.outcome, TRANSFER_REFUSED);
	assert_int_equal(n_started(world), 0);
}

static void a_file_whose_content_changed_is_not_offered(void **state)
{
	struct world *world = *state;
	char path[LIBRARY_PATH];

	library_path(&world->fake->config, world->sha256, path);
	{
		scoped(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);

		assert_int_equal(write(fd, "T", 1), 1);
	}
	upload(world);
	conn_answer(world, "first", "done");
	wait_ended(world, 1);
	assert_int_equal(world->ended.outcome, TRANSFER_REFUSED);
}

static void what_is_too_large_starts_no_worker(void **state)
{
	struct world *world = *state;
	const struct wa_media_ref ref = {
		.type = WA_MEDIA_VIDEO, .direct_path = "/v/1", .length = 1001
	};

	transfer_download(&world->fake->lane, &ref, 1000, on_done, world);
	fake_run(world->fake);
	conn_answer(world, "first", "done");
	assert_int_equal(world->ended.outcome, TRANSFER_REFUSED);
	world->fake->config.media.max_mib = 0;
	upload(world);
	assert_int_equal(world->ended.n, 2);
	assert_int_equal(world->ended.outcome, TRANSFER_REFUSED);
	assert_int_equal(n_started(world), 0);
}

static void a_media_conn_that_is_refused_is_asked_for_again(void **state)
{
	struct world *world = *state;
	struct fake *fake = world->fake;

	upload(world);
	for (int i = 0; i < 3; i++) {
		conn_answer(world, "first", NULL);
		upload(world); /* does not ask at once */
		assert_null(fake_question(fake));
		assert_int_equal(world->ended.n, 0);
		time_pass(fake, 8000 << i, 12000 << i);
	}
	conn_answer(world, "first", NULL);
	assert_int_equal(world->ended.n, 4); /* all who waited */
	assert_int_equal(world->ended.outcome, TRANSFER_FAILED);
	upload(world);
	conn_answer(world, "first", "done");
	wait_ended(world, 5);
	assert_int_equal(world->ended.outcome, TRANSFER_DONE);
}

static void without_a_connection_transfers_wait_for_the_next(void **state)
{
	struct world *world = *state;
	struct fake *fake = world->fake;

	upload(world);
	fake->lane.state = LANE_BACKOFF;
	fake_answer(fake, NULL);
	transfers_on_disconnect(&fake->lane);
	upload(world);
	assert_null(fake_question(fake));
	assert_int_equal(world->ended.n, 0);
	fake->lane.state = LANE_READY;
	transfers_on_ready(&fake->lane);
	fake_run(fake);
	conn_answer(world, "first", "done");
	wait_ended(world, 2);
	assert_int_equal(world->ended.outcome, TRANSFER_DONE);
}

static void closing_kills_workers_and_calls_nobody(void **state)
{
	struct world *world = *state;

	download(world);
	download(world);
	conn_answer(world, "first", "hang");
	wait_started(world, 2);
	transfers_free(&world->fake->lane.transfers);
	assert_int_equal(n_temporary(world), 0);
	for (int i = 0; i < 2; i++)
		assert_true(waitpid(-1, NULL, 0) > 0);
	assert_int_equal(world->ended.n, 0);
}

/* ---- media_conn ---- */

static void only_usable_hosts_are_taken(void **state)
{
	struct world *world = *state;
	struct wa_node *answer = wa_node_new(world->fake->arena, "iq");
	struct wa_node *node = wa_node_add(answer, "media_conn");
	static const char *const hosts[] = { "mmg.whatsapp.net", "a/b",
		"me@evil", "127.0.0.1:8443", "" };
	struct media_conn conn;

	assert_false(media_conn_read(answer, false, &conn));
	wa_node_set(node, "auth", "secret");
	assert_false(media_conn_read(answer, false, &conn));
	wa_node_add(node, "host");
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		wa_node_set(wa_node_add(node, "host"), "hostname", hosts[i]);
	assert_true(media_conn_read(answer, false, &conn));
	assert_int_equal(conn.n_hosts, 2);
	assert_string_equal(conn.hosts[0], "mmg.whatsapp.net");
	assert_string_equal(conn.auth, "secret");
	assert_int_equal(conn.ttl_ms, 300 * 1000);
	assert_true(media_conn_read(answer, true, &conn));
	assert_int_equal(conn.n_hosts, 1);
	assert_string_equal(conn.hosts[0], "127.0.0.1:8443");
	for (int i = 0; i < 20; i++)
		wa_node_set(wa_node_add(node, "host"), "hostname", "many");
	assert_true(media_conn_read(answer, false, &conn));
	assert_int_equal(conn.n_hosts, XFER_HOSTS);
	assert_false(media_conn_read(NULL, false, &conn));
}

static void the_time_of_a_media_conn_is_bounded(void **state)
{
	static const struct {
		const char *ttl;
		int64_t ms;
	} cases[] = { { "300", 300000 }, { "0", 10000 }, { "-5", 10000 },
		{ "99999999999", 3600000 }, { "soon", 300000 } };
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_node *answer = wa_node_new(world->fake->arena, "iq");
		struct wa_node *node = wa_node_add(answer, "media_conn");
		struct media_conn conn;

		wa_node_set(node, "auth", "secret");
		wa_node_set(node, "ttl", cases[i].ttl);
		wa_node_set(wa_node_add(node, "host"), "hostname", "h");
		assert_true(media_conn_read(answer, false, &conn));
		assert_int_equal(conn.ttl_ms, cases[i].ms);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(an_upload_tells_what_messages_are_to_say),
		WORLD_TEST(every_upload_has_a_key_of_its_own),
		WORLD_TEST(a_download_leaves_a_file_to_the_callee),
		WORLD_TEST(a_worker_gets_its_descriptors_and_nothing_else),
		cmocka_unit_test(how_a_worker_ends_is_told),
		WORLD_TEST(one_media_conn_serves_many_transfers),
		WORLD_TEST(a_wrong_auth_is_refreshed_once),
		WORLD_TEST(an_auth_that_stays_wrong_fails),
		WORLD_TEST(no_more_than_three_run_at_a_time),
		WORLD_TEST(a_line_that_is_full_refuses_more),
		WORLD_TEST(a_worker_that_hangs_is_killed),
		WORLD_TEST(a_file_that_is_not_there_is_refused),
		WORLD_TEST(a_file_whose_content_changed_is_not_offered),
		WORLD_TEST(what_is_too_large_starts_no_worker),
		WORLD_TEST(a_media_conn_that_is_refused_is_asked_for_again),
		WORLD_TEST(without_a_connection_transfers_wait_for_the_next),
		WORLD_TEST(closing_kills_workers_and_calls_nobody),
		WORLD_TEST(only_usable_hosts_are_taken),
		WORLD_TEST(the_time_of_a_media_conn_is_bounded),
	};

	if (strstr(argv[0], "/mediaxfer") != NULL)
		return worker_main(argc);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
