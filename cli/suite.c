#include "cli/suite.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/notify.h"
#include "cli/programs.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/store.h"

#define READY_TIMEOUT_SEC 30
#define STOP_TIMEOUT_SEC 10
#define N_DAEMONS 5
#define SANDBOXD 0 /* first: the others are told where it is */

static const char *const daemon_names[N_DAEMONS] = { "sandboxd", "webhookd",
	"senderd", "schedulerd", "apid" };

enum phase {
	PHASE_STARTING, /* not all have been ready yet: an end is a failure */
	PHASE_SERVING,	/* whoever ends is started again */
	PHASE_STOPPING,
};

struct member {
	struct suite *suite; /* borrowed */
	struct child child;
	struct event *restart; /* its backoff */
};

struct suite {
	struct suite_options options;
	struct event_base *base;
	enum phase phase;
	int exit_code;
	int lock_fd; /* held as long as the suite runs */
	int notify_fd;
	char *notify_path;
	struct event *on_notify, *on_int, *on_term, *on_child, *deadline;
	struct member members[N_DAEMONS];
	int api_port;	       /* 0 = not told yet */
	int sandbox_port;      /* 0 = not told yet */
	char sandbox_priv[65]; /* hex: the network's root outlives a restart */
	struct suite_ready ready;
	suite_ready_fn *tell_ready;
	void *tell_arg;
};

/* ---- children ---- */

static bool member_is_wanted(const struct suite *suite, size_t i)
{
	return i != SANDBOXD || suite->options.sandbox;
}

static void env_set_port(struct env *env, const char *name, int port)
{
	char text[12];

	snprintf(text, sizeof(text), "%d", port);
	env_set(env, name, text);
}

/* What the command line and the sandbox change is told by the environment, as
 * an operator would.  A port that was found free once is kept over restarts. */
static void member_environment(
	const struct suite *suite, size_t i, struct env *env)
{
	scoped(str_free) char *ws_url = NULL;

	env_init(env);
	env_set(env, "NOTIFY_SOCKET", suite->notify_path);
	if (suite->api_port != 0)
		env_set_port(env, "VEREDA_API_PORT", suite->api_port);
	else if (suite->options.port >= 0)
		env_set_port(env, "VEREDA_API_PORT", suite->options.port);
	if (!suite->options.sandbox)
		return;
	if (i == SANDBOXD) {
		env_set(env, "VEREDA_SANDBOX_NOISE_ROOT_PRIV",
			suite->sandbox_priv);
		if (suite->sandbox_port != 0)
			env_set_port(env, "VEREDA_SANDBOX_PORT",
				suite->sandbox_port);
		return;
	}
	ws_url = xasprintf("ws://127.0.0.1:%d/ws/chat", suite->sandbox_port);
	env_set(env, "VEREDA_WHATSAPP_URL", ws_url);
	env_set(env, "VEREDA_WHATSAPP_NOISE_ROOT_KEY",
		suite->ready.sandbox_root);
	env_set(env, "VEREDA_WHATSAPP_MEDIA_SCHEME", "http");
	/* A test network asks nobody outside, unless the caller says where. */
	if (getenv("VEREDA_WHATSAPP_VERSION_SOURCE") == NULL)
		env_set(env, "VEREDA_WHATSAPP_VERSION_SOURCE", "");
	/* Receivers on this machine, unless the caller says otherwise. */
	if (getenv("VEREDA_WEBHOOK_ALLOW_PRIVATE_TARGETS") == NULL)
		env_set(env, "VEREDA_WEBHOOK_ALLOW_PRIVATE_TARGETS", "true");
}

static int member_start(struct suite *suite, size_t i, struct err *err)
{
	struct child *child = &suite->members[i].child;
	char *argv[] = { (char *)child->name, (char *)"--state",
		suite->options.config->suite.state_dir, NULL, NULL, NULL };
	scoped(env_fini) struct env env;

	if (suite->options.config_file != NULL) {
		argv[3] = (char *)"--config";
		argv[4] = (char *)suite->options.config_file;
	}
	member_environment(suite, i, &env);
	if (child_start(child, argv, env.vars, err) != 0)
		return -1;
	log_info("daemon name=%s pid=%d state=started", child->name,
		(int)child->pid);
	return 0;
}

/* Everything but the sandbox, which runs by now if it is wanted. */
static void start_the_rest(struct suite *suite)
{
	struct err err = ERR_NONE;

	for (size_t i = SANDBOXD + 1; i < N_DAEMONS; i++) {
		if (member_start(suite, i, &err) == 0)
			continue;
		log_error("daemon name=%s reason=\"%s\" action=stop",
			daemon_names[i], log_quote(err.msg));
		suite_stop(suite, EXIT_FAILED);
		return;
	}
}

/* ---- ready ---- */

static void lock_write(struct suite *suite)
{
	scoped(str_free) char *text = xasprintf(
		"{\"pid\":%d,\"port\":%d}\n", (int)getpid(), suite->api_port);

	/* For `vereda status`; without it, it asks the configured port. */
	if (ftruncate(suite->lock_fd, 0) != 0 ||
		pwrite(suite->lock_fd, text, strlen(text), 0) < 0)
		log_warning("lock reason=\"%s\" action=none", strerror(errno));
}

static void base_url_make(struct suite *suite)
{
	const char *listen = suite->options.config->api.listen;
	bool is_v6 = strchr(listen, ':') != NULL;

	if (strcmp(listen, "0.0.0.0") == 0)
		listen = "127.0.0.1";
	if (strcmp(listen, "::") == 0)
		listen = "::1";
	snprintf(suite->ready.base_url, sizeof(suite->ready.base_url),
		"http://%s%s%s:%d", is_v6 ? "[" : "", listen, is_v6 ? "]" : "",
		suite->api_port);
}

static bool all_are_ready(const struct suite *suite)
{
	for (size_t i = 0; i < N_DAEMONS; i++)
		if (member_is_wanted(suite, i) &&
			!suite->members[i].child.is_ready)
			return false;
	return true;
}

static void on_member_ready(struct suite *suite, size_t i)
{
	log_info("daemon name=%s state=ready after_ms=%lld", daemon_names[i],
		(long long)(clock_mono_ms() -
			    suite->members[i].child.started_ms));
	if (suite->phase == PHASE_STARTING && i == SANDBOXD)
		start_the_rest(suite);
	if (suite->phase == PHASE_SERVING && i == SANDBOXD)
		suite->tell_ready(&suite->ready, suite->tell_arg);
	if (suite->phase != PHASE_STARTING || !all_are_ready(suite))
		return;
	suite->phase = PHASE_SERVING;
	event_del(suite->deadline);
	if (suite->api_port == 0)
		suite->api_port = suite->options.port > 0
					  ? suite->options.port
					  : suite->options.config->api.port;
	base_url_make(suite);
	lock_write(suite);
	suite->tell_ready(&suite->ready, suite->tell_arg);
}

/* ---- what the children tell ---- */

static void on_status(struct suite *suite, size_t i, const char *status)
{
	char root[65];
	int port;

	if (sscanf(status, "port %5d", &port) == 1 && port > 0 &&
		strcmp(daemon_names[i], "apid") == 0)
		suite->api_port = port;
	if (i == SANDBOXD &&
		sscanf(status, "url http://127.0.0.1:%5d root %64[0-9a-f]",
			&port, root) == 2 &&
		port > 0 && strlen(root) == 64) {
		suite->sandbox_port = port;
		memcpy(suite->ready.sandbox_root, root, sizeof(root));
		snprintf(suite->ready.sandbox_url,
			sizeof(suite->ready.sandbox_url), "http://127.0.0.1:%d",
			port);
	}
}

static size_t member_of(const struct suite *suite, pid_t pid)
{
	size_t i = 0;

	while (i < N_DAEMONS &&
		(suite->members[i].child.pid != pid || pid == 0))
		i++;
	return i;
}

/* One datagram may carry several lines; READY counts after what comes with it.
 */
static void on_datagram(struct suite *suite, size_t i, char *text)
{
	struct child *child = &suite->members[i].child;
	bool is_ready = false;
	char *rest = text;

	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		if (strcmp(line, "READY=1") == 0)
			is_ready = true;
		if (strncmp(line, "STATUS=", strlen("STATUS=")) == 0)
			on_status(suite, i, line + strlen("STATUS="));
	}
	if (!is_ready || child->is_ready || suite->phase == PHASE_STOPPING)
		return;
	if (i == SANDBOXD && suite->sandbox_port == 0) {
		log_error("daemon name=sandboxd reason=\"told no address\" "
			  "action=stop");
		suite_stop(suite, EXIT_FAILED);
		return;
	}
	child->is_ready = true;
	on_member_ready(suite, i);
}

static void on_notify(evutil_socket_t fd, short what, void *arg)
{
	struct suite *suite = arg;
	char text[NOTIFY_MAX];
	pid_t pid;

	(void)what;
	while (notify_recv(fd, text, &pid)) {
		size_t i = member_of(suite, pid);

		if (i < N_DAEMONS) /* lanes have nothing to tell us */
			on_datagram(suite, i, text);
	}
}

/* ---- ends ---- */

static void on_restart(evutil_socket_t fd, short what, void *arg)
{
	struct member *member = arg;
	struct suite *suite = member->suite;
	struct err err = ERR_NONE;

	(void)fd;
	(void)what;
	if (suite->phase != PHASE_SERVING ||
		member_start(suite, (size_t)(member - suite->members), &err) ==
			0)
		return;
	log_error("daemon name=%s reason=\"%s\" action=stop",
		member->child.name, log_quote(err.msg));
	suite_stop(suite, EXIT_FAILED);
}

static bool any_is_running(const struct suite *suite)
{
	for (size_t i = 0; i < N_DAEMONS; i++)
		if (suite->members[i].child.pid != 0)
			return true;
	return false;
}

static void on_end(struct suite *suite, struct member *member, const char *why)
{
	struct timeval delay = { 0 };
	int backoff_ms;

	switch (suite->phase) {
	case PHASE_STARTING:
		log_error("daemon name=%s state=ended reason=\"%s before it "
			  "was ready\" action=stop",
			member->child.name, why);
		suite_stop(suite, EXIT_FAILED);
		return;
	case PHASE_SERVING:
		backoff_ms =
			child_next_backoff_ms(&member->child, clock_mono_ms());
		log_warning("daemon name=%s state=ended reason=\"%s\" "
			    "action=restart after_ms=%d",
			member->child.name, why, backoff_ms);
		delay.tv_sec = backoff_ms / 1000;
		event_add(member->restart, &delay);
		return;
	case PHASE_STOPPING:
		log_info("daemon name=%s state=ended reason=\"%s\"",
			member->child.name, why);
		if (!any_is_running(suite))
			event_base_loopbreak(suite->base);
		return;
	}
}

static void on_child(evutil_socket_t signal, short what, void *arg)
{
	struct suite *suite = arg;
	char why[80];

	(void)signal;
	(void)what;
	for (size_t i = 0; i < N_DAEMONS; i++)
		if (child_reap(&suite->members[i].child, why, sizeof(why)))
			on_end(suite, &suite->members[i], why);
}

static void kill_all(struct suite *suite, int signal)
{
	for (size_t i = 0; i < N_DAEMONS; i++)
		child_kill(&suite->members[i].child, signal);
}

void suite_stop(struct suite *suite, int exit_code)
{
	struct timeval limit = { .tv_sec = STOP_TIMEOUT_SEC };

	if (suite->phase == PHASE_STOPPING)
		return;
	suite->phase = PHASE_STOPPING;
	suite->exit_code = exit_code;
	for (size_t i = 0; i < N_DAEMONS; i++)
		event_del(suite->members[i].restart);
	kill_all(suite, SIGTERM);
	event_add(suite->deadline, &limit);
	if (!any_is_running(suite))
		event_base_loopbreak(suite->base);
}

static void on_stop_signal(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	log_info("stop reason=signal");
	suite_stop(arg, 0);
}

/* Starting or stopping took too long. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct suite *suite = arg;

	(void)fd;
	(void)what;
	if (suite->phase == PHASE_STOPPING) {
		log_warning("stop reason=\"still running after %d s\" "
			    "action=kill",
			STOP_TIMEOUT_SEC);
		kill_all(suite, SIGKILL);
		return;
	}
	for (size_t i = 0; i < N_DAEMONS; i++)
		if (member_is_wanted(suite, i) &&
			!suite->members[i].child.is_ready)
			log_error("daemon name=%s reason=\"not ready after %d "
				  "s\" action=stop",
				daemon_names[i], READY_TIMEOUT_SEC);
	suite_stop(suite, EXIT_FAILED);
}

/* ---- opening ---- */

static int lock_take(struct suite *suite, struct err *err)
{
	const char *state_dir = suite->options.config->suite.state_dir;
	scoped(str_free) char *path = xasprintf("%s/suite.lock", state_dir);

	suite->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (suite->lock_fd < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (flock(suite->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, ERR_CONFLICT, "a suite runs in %s already",
			state_dir);
	return 0;
}

static int programs_locate(struct suite *suite, struct err *err)
{
	for (size_t i = 0; i < N_DAEMONS; i++) {
		struct member *member = &suite->members[i];

		member->suite = suite;
		member->child.name = daemon_names[i];
		if (!member_is_wanted(suite, i))
			continue;
		member->child.path = programs_find(daemon_names[i], err);
		if (member->child.path == NULL)
			return -1;
	}
	return 0;
}

/* Once and before the daemons, which would do it one after the other. */
static int store_migrate(const struct config *config, struct err *err)
{
	scoped(str_free) char *path = config_db_path(config);
	scoped(store_close) struct store *store = NULL;

	return store_open(path, STORE_WRITE, &store, err);
}

static void sandbox_key_make(struct suite *suite)
{
	const char *configured = suite->options.config->sandbox.noise_root_priv;
	uint8_t bytes[32];

	random_bytes(bytes, sizeof(bytes));
	sodium_bin2hex(suite->sandbox_priv, sizeof(suite->sandbox_priv), bytes,
		sizeof(bytes));
	if (configured[0] != '\0')
		snprintf(suite->sandbox_priv, sizeof(suite->sandbox_priv), "%s",
			configured);
}

static void events_make(struct suite *suite)
{
	suite->base = event_base_new();
	suite->on_notify = event_new(suite->base, suite->notify_fd,
		EV_READ | EV_PERSIST, on_notify, suite);
	suite->on_int =
		evsignal_new(suite->base, SIGINT, on_stop_signal, suite);
	suite->on_term =
		evsignal_new(suite->base, SIGTERM, on_stop_signal, suite);
	suite->on_child = evsignal_new(suite->base, SIGCHLD, on_child, suite);
	suite->deadline = evtimer_new(suite->base, on_deadline, suite);
	event_add(suite->on_notify, NULL);
	event_add(suite->on_int, NULL);
	event_add(suite->on_term, NULL);
	event_add(suite->on_child, NULL);
	for (size_t i = 0; i < N_DAEMONS; i++)
		suite->members[i].restart = evtimer_new(
			suite->base, on_restart, &suite->members[i]);
}

int suite_open(const struct suite_options *options, struct suite **out,
	struct err *err)
{
	scoped(suite_close) struct suite *suite = xcalloc(1, sizeof(*suite));
	const struct config *config = options->config;

	suite->options = *options;
	suite->lock_fd = suite->notify_fd = -1;
	if (programs_locate(suite, err) != 0 ||
		config_make_dirs(config, err) != 0 ||
		lock_take(suite, err) != 0)
		return -1;
	suite->notify_path = xasprintf("%s/notify.sock", config->suite.run_dir);
	suite->notify_fd = notify_open(suite->notify_path, err);
	if (suite->notify_fd < 0)
		return -1;
	sandbox_key_make(suite);
	events_make(suite);
	*out = move(suite);
	return 0;
}

static void event_drop(struct event **eventp)
{
	struct event *event = move(*eventp);

	if (event != NULL)
		event_free(event);
}

void suite_close(struct suite **suitep)
{
	struct suite *suite = move(*suitep);

	if (suite == NULL)
		return;
	for (size_t i = 0; i < N_DAEMONS; i++) {
		event_drop(&suite->members[i].restart);
		child_fini(&suite->members[i].child);
	}
	event_drop(&suite->on_notify);
	event_drop(&suite->on_int);
	event_drop(&suite->on_term);
	event_drop(&suite->on_child);
	event_drop(&suite->deadline);
	if (suite->base != NULL)
		event_base_free(suite->base);
	if (suite->notify_fd >= 0) {
		close(suite->notify_fd);
		unlink(suite->notify_path);
	}
	if (suite->lock_fd >= 0)
		close(suite->lock_fd);
	str_free(&suite->notify_path);
	sodium_memzero(suite->sandbox_priv, sizeof(suite->sandbox_priv));
	free(suite);
}

struct event_base *suite_base(struct suite *suite)
{
	return suite->base;
}

int suite_run(struct suite *suite, suite_ready_fn *on_ready, void *arg)
{
	struct timeval limit = { .tv_sec = READY_TIMEOUT_SEC };
	struct err err = ERR_NONE;

	suite->tell_ready = on_ready;
	suite->tell_arg = arg;
	event_add(suite->deadline, &limit);
	/* The sandbox starts while the store is brought up to date. */
	if (suite->options.sandbox && member_start(suite, SANDBOXD, &err) != 0)
		return cli_fail("%s", err.msg);
	if (store_migrate(suite->options.config, &err) != 0) {
		cli_fail("store: %s", err.msg);
		suite_stop(suite, EXIT_FAILED);
	} else if (!suite->options.sandbox) {
		start_the_rest(suite);
	}
	if (any_is_running(suite))
		event_base_dispatch(suite->base);
	return suite->exit_code;
}
