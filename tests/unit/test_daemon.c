/* What a daemon says to its supervisor, and how it ends for wrong options: each
 * case is a process of its own. */
#include "common/daemon.h"

#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/config.h"
#include "common/own.h"

#define WAIT_MS 10000

static char dir[] = "/tmp/vereda-test-daemon-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL && chdir(dir) == 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
	scoped(str_free) char *command = xasprintf("rm -rf %s", dir);

	(void)state;
	return system(command);
}

/* A bound datagram socket; @name as NOTIFY_SOCKET has it, '@' for an abstract
 * one. */
static int listen_on(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = strlen(name);

	memcpy(address.sun_path, name, n);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(
		bind(fd, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				    n)),
		0);
	return fd;
}

static void expect_text(int fd, const char *text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char got[256] = "";

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_string_equal(got, text);
}

static void states_are_told_to_a_path_and_to_an_abstract_socket(void **state)
{
	scoped(str_free) char *path = xasprintf("%s/notify", dir);
	scoped(str_free) char *name = xasprintf("@%s/notify", dir);
	int by_path = listen_on(path), by_name = listen_on(name);

	(void)state;
	setenv("NOTIFY_SOCKET", path, 1);
	daemon_notify("STATUS=one");
	setenv("NOTIFY_SOCKET", name, 1);
	daemon_notify("STATUS=two");
	expect_text(by_path, "STATUS=one");
	expect_text(by_name, "STATUS=two");
	close(by_path);
	close(by_name);

	/* Nobody there, or nothing that could be: no harm done. */
	setenv("NOTIFY_SOCKET", "relative", 1);
	daemon_notify("STATUS=three");
	unsetenv("NOTIFY_SOCKET");
	daemon_notify("STATUS=four");
}

static void serve(const char *notify)
{
	char *argv[] = { (char *)"testd", (char *)"--state", dir, NULL };
	struct config *config = daemon_init("testd", 3, argv);
	struct event_base *base = event_base_new();
	int rc;

	setenv("NOTIFY_SOCKET", notify, 1);
	daemon_lockdown();
	if (prctl(PR_GET_DUMPABLE) != 0 ||
		prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		_exit(90);
	rc = daemon_run(base);
	event_base_free(base);
	config_free(&config);
	_exit(rc);
}

static void a_daemon_tells_that_it_is_ready_and_that_it_stops(void **state)
{
	scoped(str_free) char *path = xasprintf("%s/ready", dir);
	int fd = listen_on(path), status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		serve(path);
	expect_text(fd, "READY=1");
	kill(pid, SIGHUP); /* must not end it */
	kill(pid, SIGTERM);
	expect_text(fd, "STOPPING=1");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
}

/* Exit code, and in @output what was said. */
static int run_with(char *const argv[], char *output, size_t size)
{
	int fds[2], argc = 0, status;
	ssize_t n;
	pid_t pid;

	while (argv[argc] != NULL)
		argc++;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		daemon_init("testd", argc, (char **)argv);
		_exit(99); /* it was accepted */
	}
	close(fds[1]);
	n = read(fds[0], output, size - 1);
	output[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void options_end_as_they_should(void **state)
{
	static const struct {
		const char *args[3];
		int exit_code;
		const char *says;
	} cases[] = {
		{ { "testd", "--version" }, 0, "testd " },
		{ { "testd", "--help" }, 0, "--state DIR" },
		{ { "testd", "--nonsense" }, 2, "--nonsense" },
		{ { "testd", "--state" }, 2, "--state" },
		{ { "testd", "word" }, 2, "unexpected argument \"word\"" },
		{ { "testd", "--config=none.conf" }, 2,
			"testd: none.conf: No such file or directory" },
		{ { "testd", "--config=bad.conf" }, 2,
			"testd: bad.conf:2: [api] port: expected a whole "
			"number from 0 to 65535, got \"eighty\"" },
		{ { "testd", "--config=good.conf" }, 99, "" },
	};
	char said[2048];

	(void)state;
	assert_int_equal(system("printf '[api]\\nport = eighty\\n' > bad.conf;"
				"printf '[api]\\nport = 80\\n' > good.conf"),
		0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *argv[] = { (char *)cases[i].args[0],
			(char *)cases[i].args[1], NULL };

		assert_int_equal(
			run_with(argv, said, sizeof(said)), cases[i].exit_code);
		if (strstr(said, cases[i].says) == NULL)
			fail_msg("%s said: %s", argv[1], said);
	}
}

static void a_signal_wakes_a_loop_of_another_kind(void **state)
{
	struct pollfd p = { .events = POLLIN };

	(void)state;
	daemon_signals();
	p.fd = daemon_signal_fd();
	assert_int_equal(poll(&p, 1, 0), 0);
	raise(SIGHUP);
	assert_int_equal(poll(&p, 1, 0), 1);
	daemon_handle_hup();
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_false(daemon_should_stop());
	raise(SIGTERM);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(daemon_should_stop());
}

static void a_forked_child_has_signals_of_its_own(void **state)
{
	struct pollfd p = { .events = POLLIN };
	int status;
	pid_t pid;

	(void)state;
	daemon_signals();
	p.fd = daemon_signal_fd();
	pid = fork();
	if (pid == 0) {
		daemon_signals();
		raise(SIGTERM);
		_exit(daemon_should_stop() ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(poll(&p, 1, 0), 0); /* the parent slept on */
	assert_false(daemon_should_stop());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			states_are_told_to_a_path_and_to_an_abstract_socket),
		cmocka_unit_test(
			a_daemon_tells_that_it_is_ready_and_that_it_stops),
		cmocka_unit_test(options_end_as_they_should),
		cmocka_unit_test(a_signal_wakes_a_loop_of_another_kind),
		cmocka_unit_test(a_forked_child_has_signals_of_its_own),
	};

	return cmocka_run_group_tests_name(
		"daemon", tests, make_dir, remove_dir);
}
