/* Endpoints of one process talk over sockets in a private directory.  Dialling
 * happens in the background, so a test waits on a descriptor, never for a time.
 */
#include "common/bus.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/own.h"

#define WAIT_MS 10000

static char dir[] = "/tmp/vereda-test-bus-XXXXXX";
static char url[128], path[100];

/* A closed listener unlinks its path a little later, on a thread of nng's:
 * every test has a path of its own. */
static int next_path(void **state)
{
	static int n;

	(void)state;
	snprintf(path, sizeof(path), "%s/%d.ipc", dir, ++n);
	snprintf(url, sizeof(url), "ipc://%s", path);
	return 0;
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
	scoped(str_free) char *command = xasprintf("rm -rf %s", dir);

	(void)state;
	return system(command);
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, WAIT_MS) == 1;
}

static Bus__Envelope *receive(struct bus_in *in)
{
	assert_true(readable(bus_in_fd(in)));
	return bus_recv(in);
}

static bool send_wake(struct bus_out *out, int64_t due_ms)
{
	Bus__Wake wake = BUS__WAKE__INIT;
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;

	wake.due_ms = due_ms;
	envelope.body_case = BUS__ENVELOPE__BODY_WAKE;
	envelope.wake = &wake;
	return bus_send(out, &envelope);
}

static int64_t due_of(const Bus__Envelope *envelope)
{
	assert_non_null(envelope);
	assert_int_equal(envelope->body_case, BUS__ENVELOPE__BODY_WAKE);
	return envelope->wake->due_ms;
}

static void pushed_envelopes_arrive_in_order(void **state)
{
	scoped(bus_in_close) struct bus_in *in = NULL;
	scoped(bus_out_close) struct bus_out *out = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(bus_pull_open(url, &in, &err), 0);
	assert_int_equal(bus_push_open(url, &out, &err), 0);
	assert_null(bus_recv(in));
	for (int i = 1; i <= 1000; i++)
		assert_true(send_wake(out, i));
	for (int i = 1; i <= 1000; i++) {
		scoped(bus_envelope_free) Bus__Envelope *envelope = NULL;

		while (envelope == NULL)
			envelope = receive(in);
		assert_int_equal(due_of(envelope), i);
		assert_int_equal(envelope->version, BUS_VERSION);
		assert_int_not_equal(envelope->trace_id, 0);
	}
	assert_null(bus_recv(in));
}

/* The descriptor goes on being readable while a batch has more. */
static void a_receiver_may_take_one_envelope_at_each_wake_up(void **state)
{
	scoped(bus_in_close) struct bus_in *in = NULL;
	scoped(bus_out_close) struct bus_out *out = NULL;
	struct pollfd p = { .events = POLLIN };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(bus_pull_open(url, &in, &err), 0);
	assert_int_equal(bus_push_open(url, &out, &err), 0);
	for (int i = 1; i <= 100; i++)
		assert_true(send_wake(out, i));
	for (int i = 1; i <= 100; i++) {
		scoped(bus_envelope_free) Bus__Envelope *envelope = NULL;

		while (envelope == NULL) /* a batch may be on its way */
			envelope = receive(in);
		assert_int_equal(due_of(envelope), i);
	}
	p.fd = bus_in_fd(in);
	assert_null(bus_recv(in));
	assert_int_equal(poll(&p, 1, 0), 0);
}

static void a_push_to_an_absent_peer_says_no_in_the_end(void **state)
{
	scoped(bus_out_close) struct bus_out *out = NULL;
	struct err err = ERR_NONE;
	int taken = 0;

	(void)state;
	assert_int_equal(bus_push_open(url, &out, &err), 0);
	while (taken < 10000000 && send_wake(out, taken))
		taken++;
	assert_in_range(taken, 1, 9999999);
}

static void a_push_reaches_a_peer_that_starts_later(void **state)
{
	scoped(bus_in_close) struct bus_in *in = NULL;
	scoped(bus_out_close) struct bus_out *out = NULL;
	scoped(bus_envelope_free) Bus__Envelope *envelope = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(bus_push_open(url, &out, &err), 0);
	assert_true(send_wake(out, 7));
	assert_int_equal(bus_pull_open(url, &in, &err), 0);
	envelope = receive(in);
	assert_int_equal(due_of(envelope), 7);
}

static void a_second_listener_is_refused(void **state)
{
	scoped(bus_in_close) struct bus_in *first = NULL;
	scoped(bus_in_close) struct bus_in *second = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(bus_pull_open(url, &first, &err), 0);
	assert_int_equal(bus_pull_open(url, &second, &err), -1);
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_non_null(strstr(err.msg, "already running"));
}

static void a_stale_socket_file_is_replaced(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	scoped(bus_in_close) struct bus_in *in = NULL;
	struct err err = ERR_NONE;

	(void)state;
	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(
		bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd); /* what a killed process leaves behind */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(bus_pull_open(url, &in, &err), 0);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	struct bus_in *in = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(bus_pull_open(url, &in, &err), -1);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

/* Subscribing takes a moment: events are sent until the first one comes. */
static void a_subscriber_hears_what_is_published(void **state)
{
	scoped(bus_in_close) struct bus_in *in = NULL;
	scoped(bus_out_close) struct bus_out *out = NULL;
	scoped(bus_envelope_free) Bus__Envelope *envelope = NULL;
	struct pollfd p = { .events = POLLIN };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(bus_pub_open(url, &out, &err), 0);
	assert_int_equal(bus_sub_open(url, &in, &err), 0);
	p.fd = bus_in_fd(in);
	for (int i = 0; i < 1000 && poll(&p, 1, 10) == 0; i++)
		assert_true(send_wake(out, 3));
	envelope = receive(in);
	assert_int_equal(due_of(envelope), 3);
}

/* ---- a peer that does not keep to the protocol ---- */

static int dial_raw(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* A message in the framing of nng's ipc transport: type 1, 64 bit length. */
static void send_raw(int fd, const void *bytes, size_t n, uint64_t claimed)
{
	uint8_t head[9] = { 1 };

	for (int i = 0; i < 8; i++)
		head[1 + i] = (uint8_t)(claimed >> (56 - 8 * i));
	assert_int_equal(send(fd, head, sizeof(head), MSG_NOSIGNAL), 9);
	if (n > 0)
		assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

static void malformed_envelopes_are_dropped(void **state)
{
	static const uint8_t hello_push[8] = { 0, 'S', 'P', 0, 0, 80, 0, 0 };
	static const struct {
		uint8_t bytes[16];
		size_t n;
	} messages[] = {
		{ "", 0 },
		{ "\xff\xff\xff\x07", 4 },		   /* no batch */
		{ "\x0a", 1 },				   /* no length */
		{ "\x0a\x80\x80\x80\x80\x80\x80", 7 },	   /* endless one */
		{ "\x0a\x05\x08\x01", 4 },		   /* too short */
		{ "\x0a\xff\xff\xff\xff\x0f\x08\x01", 8 }, /* far too short */
		{ "\x0a\x04\xff\xff\xff\x07", 6 },	   /* no envelope */
		{ "\x0a\x02\x08\x09", 4 },		   /* version 9 */
		/* Good, malformed, good: the two good ones are heard. */
		{ "\x0a\x05\x08\x01\x22\x01x\x0a\x01\xff", 10 },
		{ "\x0a\x05\x08\x01\x22\x01y", 7 },
	};
	scoped(bus_in_close) struct bus_in *in = NULL;
	struct err err = ERR_NONE;
	int fd;

	(void)state;
	assert_int_equal(bus_pull_open(url, &in, &err), 0);
	fd = dial_raw();
	assert_int_equal(send(fd, hello_push, 8, MSG_NOSIGNAL), 8);
	for (size_t i = 0; i < ARRAY_LEN(messages); i++)
		send_raw(fd, messages[i].bytes, messages[i].n, messages[i].n);
	for (const char *uid = "x"; uid[0] <= 'y';
		uid = uid[0] == 'x' ? "y" : "z") {
		scoped(bus_envelope_free) Bus__Envelope *envelope = NULL;

		while (envelope == NULL)
			envelope = receive(in);
		assert_string_equal(envelope->device_uid, uid);
	}
	assert_null(bus_recv(in));
	close(fd);
}

static void a_peer_that_announces_too_much_is_cut(void **state)
{
	static const uint8_t hello_push[8] = { 0, 'S', 'P', 0, 0, 80, 0, 0 };
	scoped(bus_in_close) struct bus_in *in = NULL;
	struct err err = ERR_NONE;
	uint8_t byte, greeting[8];
	int fd;

	(void)state;
	assert_int_equal(bus_pull_open(url, &in, &err), 0);
	fd = dial_raw();
	assert_int_equal(send(fd, hello_push, 8, MSG_NOSIGNAL), 8);
	assert_int_equal(recv(fd, greeting, 8, MSG_WAITALL), 8);
	send_raw(fd, "", 0, UINT64_MAX / 2);
	assert_true(readable(fd));
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
}

static void a_too_large_envelope_is_not_sent(void **state)
{
	scoped(bus_out_close) struct bus_out *out = NULL;
	scoped(str_free) char *text = xcalloc(1, BUS_MAX_BYTES + 1);
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;
	struct err err = ERR_NONE;

	(void)state;
	memset(text, 'a', BUS_MAX_BYTES);
	envelope.device_uid = text;
	assert_int_equal(bus_push_open(url, &out, &err), 0);
	assert_false(bus_send(out, &envelope));
}

/* ---- questions ---- */

struct inbox {
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	int n_answers, n_nothing;
	uint64_t last_id;
};

#define INBOX_INIT                                          \
	((struct inbox){ .lock = PTHREAD_MUTEX_INITIALIZER, \
		.arrived = PTHREAD_COND_INITIALIZER })

static void on_answer(Bus__Envelope *answer, void *arg)
{
	struct inbox *inbox = arg;

	pthread_mutex_lock(&inbox->lock);
	if (answer != NULL) {
		inbox->n_answers++;
		inbox->last_id = answer->request_id;
	} else {
		inbox->n_nothing++;
	}
	pthread_cond_broadcast(&inbox->arrived);
	pthread_mutex_unlock(&inbox->lock);
	bus_envelope_free(&answer);
}

static void inbox_wait(struct inbox *inbox, int n)
{
	pthread_mutex_lock(&inbox->lock);
	while (inbox->n_answers + inbox->n_nothing < n)
		pthread_cond_wait(&inbox->arrived, &inbox->lock);
	pthread_mutex_unlock(&inbox->lock);
}

static void ask(struct bus_asker *asker, uint64_t id, int timeout_ms,
	struct inbox *inbox)
{
	Bus__Envelope question = BUS__ENVELOPE__INIT;
	struct err err = ERR_NONE;

	question.request_id = id;
	assert_int_equal(
		bus_ask(asker, &question, timeout_ms, on_answer, inbox, &err),
		0);
}

static Bus__Envelope *answerer_wait(
	struct bus_answerer *answerer, struct bus_return **way_back)
{
	Bus__Envelope *question = NULL;

	while (question == NULL) {
		assert_true(readable(bus_answerer_fd(answerer)));
		question = bus_answerer_recv(answerer, way_back);
	}
	return question;
}

static void questions_are_answered_in_any_order(void **state)
{
	enum { N = 256 }; /* as many as may be open */
	scoped(bus_answerer_close) struct bus_answerer *answerer = NULL;
	scoped(bus_asker_close) struct bus_asker *asker = NULL;
	struct bus_return *way_back[N] = { NULL };
	uint64_t ids[N];
	struct inbox inboxes[N];
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(bus_answerer_open(url, &answerer, &err), 0);
	assert_int_equal(bus_asker_open(url, &asker, &err), 0);
	for (int i = 0; i < N; i++) {
		inboxes[i] = INBOX_INIT;
		ask(asker, (uint64_t)i, WAIT_MS, &inboxes[i]);
	}
	for (int i = 0; i < N; i++) {
		scoped(bus_envelope_free) Bus__Envelope *question =
			answerer_wait(answerer, &way_back[i]);

		ids[i] = question->request_id;
	}
	for (int i = N - 1; i >= 0; i--) {
		Bus__Envelope answer = BUS__ENVELOPE__INIT;

		answer.request_id = ids[i];
		bus_answer(answerer, &way_back[i], &answer);
		assert_null(way_back[i]);
	}
	for (int i = 0; i < N; i++) {
		inbox_wait(&inboxes[i], 1);
		assert_int_equal(inboxes[i].n_answers, 1);
		assert_int_equal(inboxes[i].last_id, i);
	}
}

static void a_question_that_nobody_answers_times_out(void **state)
{
	scoped(bus_answerer_close) struct bus_answerer *answerer = NULL;
	scoped(bus_asker_close) struct bus_asker *asker = NULL;
	scoped(bus_return_free) struct bus_return *way_back = NULL;
	scoped(bus_envelope_free) Bus__Envelope *question = NULL;
	struct inbox inbox = INBOX_INIT;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(bus_answerer_open(url, &answerer, &err), 0);
	assert_int_equal(bus_asker_open(url, &asker, &err), 0);
	ask(asker, 1, 300, &inbox);
	question = answerer_wait(answerer, &way_back);
	inbox_wait(&inbox, 1);
	assert_int_equal(inbox.n_nothing, 1);
}

static void a_question_to_nobody_times_out(void **state)
{
	scoped(bus_asker_close) struct bus_asker *asker = NULL;
	struct inbox inbox = INBOX_INIT;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(bus_asker_open(url, &asker, &err), 0);
	ask(asker, 1, 50, &inbox);
	inbox_wait(&inbox, 1);
	assert_int_equal(inbox.n_nothing, 1);
}

static void a_lost_answerer_ends_its_questions_at_once(void **state)
{
	scoped(bus_answerer_close) struct bus_answerer *answerer = NULL;
	scoped(bus_asker_close) struct bus_asker *asker = NULL;
	scoped(bus_return_free) struct bus_return *way_back = NULL;
	scoped(bus_envelope_free) Bus__Envelope *question = NULL;
	struct inbox inbox = INBOX_INIT;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(bus_answerer_open(url, &answerer, &err), 0);
	assert_int_equal(bus_asker_open(url, &asker, &err), 0);
	ask(asker, 1, 1000 * 3600, &inbox);
	question = answerer_wait(answerer, &way_back);
	bus_answerer_close(&answerer);
	inbox_wait(&inbox, 1);
	assert_int_equal(inbox.n_nothing, 1);
}

static void closing_the_asker_ends_open_questions(void **state)
{
	struct bus_asker *asker = NULL;
	struct inbox inbox = INBOX_INIT;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(bus_asker_open(url, &asker, &err), 0);
	for (int i = 0; i < 50; i++)
		ask(asker, 1, 1000 * 3600, &inbox);
	bus_asker_close(&asker);
	assert_int_equal(inbox.n_nothing, 50);
}

static void open_questions_are_bounded(void **state)
{
	struct bus_asker *asker = NULL;
	struct inbox inbox = INBOX_INIT;
	Bus__Envelope question = BUS__ENVELOPE__INIT;
	struct err err = ERR_NONE;
	int n = 0;

	(void)state;
	assert_int_equal(bus_asker_open(url, &asker, &err), 0);
	while (n < 10000 && bus_ask(asker, &question, 1000 * 3600, on_answer,
				    &inbox, &err) == 0)
		n++;
	assert_int_equal(err.code, ERR_BUSY);
	assert_int_equal(n, 256);
	bus_asker_close(&asker);
	assert_int_equal(inbox.n_nothing, n);
}

/* ---- the pair between supervisor and lane ---- */

static void a_pair_carries_envelopes_and_tells_its_end(void **state)
{
	scoped(bus_envelope_free) Bus__Envelope *got = NULL;
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;
	bool closed = true;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	assert_null(bus_fd_recv(fds[1], &closed));
	assert_false(closed);

	envelope.device_uid = (char *)"dev_1";
	assert_true(bus_fd_send(fds[0], &envelope));
	got = bus_fd_recv(fds[1], &closed);
	assert_non_null(got);
	assert_string_equal(got->device_uid, "dev_1");

	close(fds[0]);
	assert_null(bus_fd_recv(fds[1], &closed));
	assert_true(closed);
	assert_false(bus_fd_send(fds[1], &envelope));
	close(fds[1]);
}

static void a_full_pair_says_no_and_malformed_packets_are_passed_over(
	void **state)
{
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;
	int fds[2], sent = 0, got = 0;
	Bus__Envelope *one;
	bool closed;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	assert_int_equal(send(fds[0], "\xff\xff", 2, 0), 2);
	while (sent < 1000000 && bus_fd_send(fds[0], &envelope))
		sent++;
	assert_in_range(sent, 1, 999999);
	while ((one = bus_fd_recv(fds[1], &closed)) != NULL) {
		bus_envelope_free(&one);
		got++;
	}
	assert_false(closed);
	assert_int_equal(got, sent);
	close(fds[0]);
	close(fds[1]);
}

#define TEST(f) cmocka_unit_test_setup(f, next_path)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pushed_envelopes_arrive_in_order),
		TEST(a_receiver_may_take_one_envelope_at_each_wake_up),
		TEST(a_push_to_an_absent_peer_says_no_in_the_end),
		TEST(a_push_reaches_a_peer_that_starts_later),
		TEST(a_second_listener_is_refused),
		TEST(a_stale_socket_file_is_replaced),
		TEST(a_file_that_is_no_socket_is_left_alone),
		TEST(a_subscriber_hears_what_is_published),
		TEST(malformed_envelopes_are_dropped),
		TEST(a_peer_that_announces_too_much_is_cut),
		TEST(a_too_large_envelope_is_not_sent),
		TEST(questions_are_answered_in_any_order),
		TEST(a_question_that_nobody_answers_times_out),
		TEST(a_question_to_nobody_times_out),
		TEST(a_lost_answerer_ends_its_questions_at_once),
		TEST(closing_the_asker_ends_open_questions),
		TEST(open_questions_are_bounded),
		TEST(a_pair_carries_envelopes_and_tells_its_end),
		TEST(a_full_pair_says_no_and_malformed_packets_are_passed_over),
	};

	return cmocka_run_group_tests_name("bus", tests, make_dir, remove_dir);
}
