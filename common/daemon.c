#include "common/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/config.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"

#define EXIT_USAGE 2

/* Written by the signal handlers, read by whatever loop the daemon runs. */
static volatile sig_atomic_t stop_wanted, hup_wanted;
static int signal_fd = -1;

/* ---- options ---- */

static void print_help(const char *name)
{
	printf("Usage: %s [--config FILE] [--state DIR]\n"
	       "\n"
	       "  --config FILE  configuration (/etc/vereda/vereda.conf)\n"
	       "  --state DIR    state directory, instead of the configured "
	       "one\n"
	       "  --version      print the version\n"
	       "  --help         print this text\n",
		name);
}

static void options_parse(const char *name, int argc, char **argv,
	const char **file, const char **state_dir)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			*file = optarg;
			break;
		case 's':
			*state_dir = optarg;
			break;
		case 'V':
			printf("%s %s\n", name, VEREDA_VERSION);
			exit(0);
		case 'h':
			print_help(name);
			exit(0);
		default:
			exit(EXIT_USAGE); /* getopt said why */
		}
	}
	if (optind == argc)
		return;
	fprintf(stderr, "%s: unexpected argument \"%s\"\n", name, argv[optind]);
	exit(EXIT_USAGE);
}

struct config *daemon_init(const char *name, int argc, char **argv)
{
	const char *file = NULL, *state_dir = NULL;
	struct config *config = NULL;
	struct err err = ERR_NONE;

	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	log_set_ident(name);
	options_parse(name, argc, argv, &file, &state_dir);
	if (config_load(file, state_dir, &config, &err) != 0) {
		fprintf(stderr, "%s: %s\n", name, err.msg);
		exit(EXIT_USAGE);
	}
	if (log_open(name, config->suite.log_dir,
		    log_level_from_name(config->suite.log_level), &err) != 0)
		fatal("cannot start: %s", err.msg);
	return config;
}

/* ---- readiness ---- */

void daemon_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = path != NULL ? strlen(path) : 0;
	int fd;

	if (n == 0 || n >= sizeof(address.sun_path) ||
		(path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, n);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* an abstract socket */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		    (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) <
		0)
		log_warning(
			"notify reason=\"%s\" action=none", strerror(errno));
	close(fd);
}

/* ---- signals ---- */

static void on_signal(int number)
{
	int saved_errno = errno;
	uint64_t one = 1;

	if (number == SIGHUP)
		hup_wanted = 1;
	else
		stop_wanted = 1;
	if (write(signal_fd, &one, sizeof(one)) < 0)
		errno = 0; /* full: the loop wakes up anyway */
	errno = saved_errno;
}

void daemon_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal,
		.sa_flags = SA_RESTART };

	/* After a fork the descriptor is the parent's: its loop must not wake
	 * up by our signals, nor miss its own. */
	if (signal_fd >= 0)
		close(signal_fd);
	stop_wanted = hup_wanted = 0;
	signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (signal_fd < 0)
		fatal("cannot start: eventfd: %s", strerror(errno));
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

bool daemon_should_stop(void)
{
	return stop_wanted != 0;
}

void daemon_handle_hup(void)
{
	uint64_t count;

	if (signal_fd >= 0 && stop_wanted == 0 &&
		read(signal_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_warning(
			"signal reason=\"%s\" action=none", strerror(errno));
	if (hup_wanted == 0)
		return;
	hup_wanted = 0;
	log_reopen();
	log_info("log state=reopened");
}

int daemon_signal_fd(void)
{
	return signal_fd;
}

/* ---- a daemon on libevent ---- */

static void on_loop_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	daemon_handle_hup();
	if (daemon_should_stop())
		event_base_loopbreak(arg);
}

int daemon_run(struct event_base *base)
{
	struct event *wakeup;

	daemon_signals();
	wakeup = event_new(
		base, signal_fd, EV_READ | EV_PERSIST, on_loop_signal, base);
	if (wakeup == NULL || event_add(wakeup, NULL) != 0)
		fatal("cannot start: no event for signals");
	daemon_notify("READY=1");
	log_info("start state=ready pid=%d", (int)getpid());
	event_base_dispatch(base);
	daemon_notify("STOPPING=1");
	log_info("stop state=stopping");
	event_free(wakeup);
	return 0;
}

void daemon_lockdown(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		fatal("cannot start: prctl: %s", strerror(errno));
}

void fatal(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_error("%s", text);
	exit(1);
}
