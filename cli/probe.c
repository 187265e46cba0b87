#include "cli/probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/bus.h"
#include "common/config.h"
#include "common/own.h"

#define CONNECT_TIMEOUT_MS 1000

const char *const probe_daemons[] = { "apid", "senderd", "schedulerd",
	"webhookd" };
const size_t probe_n_daemons = ARRAY_LEN(probe_daemons);

static bool can_connect(const struct sockaddr *address, socklen_t n)
{
	struct pollfd p = { .events = POLLOUT };
	int error = -1;
	socklen_t size = sizeof(error);

	p.fd = socket(address->sa_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p.fd < 0)
		return false;
	if (connect(p.fd, address, n) == 0)
		error = 0;
	else if (poll(&p, 1, CONNECT_TIMEOUT_MS) == 1)
		getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &size);
	close(p.fd);
	return error == 0;
}

static bool probe_bus(const struct config *config, const char *name)
{
	scoped(str_free) char *url = config_bus_url(config, name);
	const char *path = url + strlen("ipc://");
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path) || access(path, F_OK) != 0)
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	return can_connect((struct sockaddr *)&address, sizeof(address));
}

bool probe_tcp(const char *address, int port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };

	/* Connecting to a wildcard reaches loopback. */
	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		return can_connect((struct sockaddr *)&v4, sizeof(v4));
	if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1)
		return can_connect((struct sockaddr *)&v6, sizeof(v6));
	return false;
}

/* The lock is held as long as that suite runs: what a dead one wrote means
 * nothing. */
int probe_suite_port(const struct config *config)
{
	scoped(str_free) char *path =
		xasprintf("%s/suite.lock", config->suite.state_dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	json_t *suite = NULL;
	json_int_t port;

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) != 0)
		suite = json_loadfd(fd, 0, NULL);
	close(fd);
	port = json_integer_value(json_object_get(suite, "port"));
	json_decref(suite);
	return port > 0 && port <= 65535 ? (int)port : 0;
}

bool probe_is_up(const struct config *config, const char *daemon)
{
	int port = probe_suite_port(config);

	if (strcmp(daemon, "senderd") == 0)
		return probe_bus(config, BUS_SENDERD_ASK);
	if (strcmp(daemon, "webhookd") == 0)
		return probe_bus(config, BUS_WEBHOOKD_EVENTS);
	if (strcmp(daemon, "schedulerd") == 0)
		return probe_bus(config, BUS_SCHEDULERD_WAKE);
	if (port == 0)
		port = config->api.port;
	return port != 0 && probe_tcp(config->api.listen, port);
}
