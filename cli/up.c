/* vereda up: the whole suite in the foreground, with or without the sandbox
 * network. */
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/demo.h"
#include "cli/suite.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/daemon.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"

#define DEFAULT_STATE_DIR "/var/lib/vereda"

struct up {
	struct cli *cli; /* borrowed */
	struct suite *suite;
	struct suite_ready ready;
	bool is_announced;
	int64_t started_ms;
	/* The demo device is linked on a thread: it waits for HTTP, the bus and
	 * the store. */
	struct demo demo;
	pthread_t linker;
	bool is_linking;
	atomic_bool cancel;
	int link_rc; /* valid once linked_fd was written */
	struct err link_err;
	int linked_fd; /* eventfd: the linker has ended */
	struct event *on_linked;
};

/* ---- the ready line ---- */

static json_t *ready_json(const struct up *up)
{
	json_t *line = json_pack("{s:s, s:s, s:i}", "event", "ready", "baseUrl",
		up->ready.base_url, "pid", (int)getpid());

	if (up->ready.sandbox_url[0] == '\0')
		return line;
	json_object_update_new(line,
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "accountId",
			up->demo.account_id, "apiKey", up->demo.api_key,
			"email", up->demo.email, "password", up->demo.password,
			"deviceUid", up->demo.device_uid, "devicePhone",
			up->demo.device_phone, "sandboxUrl",
			up->ready.sandbox_url));
	return line;
}

static void announce(struct up *up)
{
	if (up->is_announced)
		return;
	up->is_announced = true;
	daemon_notify("READY=1");
	if (up->cli->json) {
		cli_print_json(ready_json(up));
		return;
	}
	printf("Vereda is ready: %s", up->ready.base_url);
	if (up->ready.sandbox_url[0] != '\0')
		printf("  API key %s  device %s (%s)  login %s / %s  sandbox "
		       "%s",
			up->demo.api_key, up->demo.device_uid,
			up->demo.device_phone, up->demo.email,
			up->demo.password, up->ready.sandbox_url);
	putchar('\n');
	fflush(stdout);
}

/* ---- linking the demo device ---- */

static void *link_thread(void *arg)
{
	struct up *up = arg;
	uint64_t one = 1;

	up->link_err = ERR_NONE;
	up->link_rc =
		demo_link(up->cli->config, &up->demo, up->ready.sandbox_url,
			up->started_ms, &up->cancel, &up->link_err);
	if (write(up->linked_fd, &one, sizeof(one)) < 0)
		log_error("link reason=\"%s\" action=none", strerror(errno));
	return NULL;
}

static void on_linked(evutil_socket_t fd, short what, void *arg)
{
	struct up *up = arg;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	pthread_join(up->linker, NULL);
	up->is_linking = false;
	if (up->link_rc == 0) {
		announce(up);
		return;
	}
	log_error("demo device=%s reason=\"%s\" action=stop",
		up->demo.device_uid, log_quote(up->link_err.msg));
	suite_stop(up->suite, EXIT_FAILED);
}

static void on_ready(const struct suite_ready *ready, void *arg)
{
	struct up *up = arg;

	up->ready = *ready;
	if (ready->sandbox_url[0] == '\0') {
		announce(up);
		return;
	}
	if (up->is_linking)
		return; /* it asks the sandbox again by itself */
	if (pthread_create(&up->linker, NULL, link_thread, up) == 0) {
		up->is_linking = true;
		return;
	}
	log_error("demo reason=\"no thread\" action=stop");
	suite_stop(up->suite, EXIT_FAILED);
}

/* ---- the command ---- */

static void up_fini(struct up *up)
{
	if (up->is_linking) {
		atomic_store(&up->cancel, true);
		pthread_join(up->linker, NULL);
	}
	if (up->on_linked != NULL)
		event_free(up->on_linked);
	if (up->linked_fd >= 0)
		close(up->linked_fd);
	suite_close(&up->suite);
}

/* The test network does not touch the state of a real installation, unless it
 * is told to: without --state it gets a directory of its own. */
static int sandbox_state_dir(struct cli *cli, struct err *err)
{
	const char *home = getenv("HOME");
	scoped(str_free) char *path = NULL;

	if (cli->state_dir != NULL ||
		strcmp(cli->config->suite.state_dir, DEFAULT_STATE_DIR) != 0)
		return 0;
	path = xasprintf("%s/.local/state/vereda-sandbox",
		home != NULL && home[0] == '/' ? home : "/tmp");
	config_free(&cli->config);
	return config_load(cli->config_file, path, &cli->config, err);
}

static bool port_parse(const char *text, int *port_out)
{
	char *end;
	long port = strtol(text, &end, 10);

	*port_out = (int)port;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' &&
	       port <= 65535;
}

static int up_open(
	struct up *up, struct suite_options *options, struct err *err)
{
	struct config *config;

	if (options->sandbox && sandbox_state_dir(up->cli, err) != 0)
		return -1;
	config = up->cli->config;
	options->config = config;
	options->config_file = up->cli->config_file;
	if (suite_open(options, &up->suite, err) != 0)
		return -1;
	if (log_open("vereda", config->suite.log_dir,
		    log_level_from_name(config->suite.log_level), err) != 0)
		return -1;
	up->linked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (up->linked_fd < 0)
		return err_set(err, ERR_IO, "eventfd: %s", strerror(errno));
	up->on_linked = event_new(suite_base(up->suite), up->linked_fd,
		EV_READ | EV_PERSIST, on_linked, up);
	event_add(up->on_linked, NULL);
	return options->sandbox ? demo_prepare(config, &up->demo, err) : 0;
}

int cmd_up(struct cli *cli, int argc, char **argv)
{
	struct suite_options options = { .port = -1 };
	const char *port = NULL;
	const struct cli_option cli_options[] = {
		{ "port", &port, NULL },
		{ "sandbox", NULL, &options.sandbox },
		{ 0 },
	};
	scoped(up_fini) struct up up = { .cli = cli, .linked_fd = -1 };
	struct err err = ERR_NONE;

	up.started_ms = clock_now_ms();
	if (!cli_start(cli, argc, argv, cli_options, NULL))
		return EXIT_USAGE;
	if (port != NULL && !port_parse(port, &options.port)) {
		cli_fail("--port: expected a whole number from 0 to 65535, got "
			 "\"%s\"",
			log_quote(port));
		return EXIT_USAGE;
	}
	if (up_open(&up, &options, &err) != 0)
		return cli_fail("%s", err.msg);
	return suite_run(up.suite, on_ready, &up);
}
