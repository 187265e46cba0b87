#include "senderd/whatsapp/tunnel.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"

#define CONNECT_SEC 20
#define ACCEPT_MS 30000
#define CHUNK 16384
#define TUNNELS_MAX 8

static pid_t children[TUNNELS_MAX]; /* 0 = free */

/* ---- in the child ---- */

static CURL *proxy_connect(const char *proxy, const char *host, int port)
{
	scoped(str_free) char *url = xasprintf("http://%s:%d/", host, port);
	CURL *curl = curl_easy_init();
	CURLcode rc;

	if (curl == NULL)
		return NULL;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, proxy);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SEC);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	rc = curl_easy_perform(curl);
	if (rc == CURLE_OK)
		return curl;
	log_warning("proxy status=failed reason=\"%s\"",
		log_quote(curl_easy_strerror(rc)));
	curl_easy_cleanup(curl);
	return NULL;
}

/* Only the lane itself may come in: an abstract socket has no owner. */
static int lane_accept(int listener, pid_t lane)
{
	struct pollfd wait = { .fd = listener, .events = POLLIN };
	struct ucred peer = { 0 };
	socklen_t n = sizeof peer;
	int fd;

	while (poll(&wait, 1, ACCEPT_MS) > 0) {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return -1;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
			peer.pid == lane)
			return fd;
		close(fd);
	}
	return -1;
}

/* One direction: what was read and not yet written. */
struct flow {
	char bytes[CHUNK];
	size_t n, sent;
};

static bool flow_is_empty(const struct flow *flow)
{
	return flow->sent == flow->n;
}

/* False: the end. */
static bool from_proxy(CURL *curl, struct flow *flow)
{
	CURLcode rc = curl_easy_recv(curl, flow->bytes, CHUNK, &flow->n);

	flow->sent = 0;
	if (rc == CURLE_AGAIN)
		flow->n = 0;
	return rc == CURLE_AGAIN || (rc == CURLE_OK && flow->n > 0);
}

static bool to_proxy(CURL *curl, struct flow *flow)
{
	size_t n = 0;
	CURLcode rc = curl_easy_send(
		curl, flow->bytes + flow->sent, flow->n - flow->sent, &n);

	flow->sent += n;
	return rc == CURLE_OK || rc == CURLE_AGAIN;
}

static bool from_lane(int fd, struct flow *flow)
{
	ssize_t n = recv(fd, flow->bytes, CHUNK, MSG_DONTWAIT);

	flow->sent = 0;
	flow->n = n > 0 ? (size_t)n : 0;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool to_lane(int fd, struct flow *flow)
{
	ssize_t n = send(fd, flow->bytes + flow->sent, flow->n - flow->sent,
		MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		flow->sent += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void pump(CURL *curl, curl_socket_t far, int near)
{
	struct flow up = { .n = 0 }, down = { .n = 0 };
	bool open = true;

	while (open) {
		struct pollfd ready[2] = {
			{ .fd = far,
				.events = (short)(flow_is_empty(&down) ? POLLIN
								       : 0) },
			{ .fd = near,
				.events = (short)(flow_is_empty(&up) ? POLLIN
								     : 0) },
		};

		if (!flow_is_empty(&up))
			ready[0].events |= POLLOUT;
		if (!flow_is_empty(&down))
			ready[1].events |= POLLOUT;
		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			return;
		if (flow_is_empty(&down) &&
			(ready[0].revents & (POLLIN | POLLHUP | POLLERR)))
			open &= from_proxy(curl, &down);
		if (flow_is_empty(&up) &&
			(ready[1].revents & (POLLIN | POLLHUP | POLLERR)))
			open &= from_lane(near, &up);
		if (!flow_is_empty(&up))
			open &= to_proxy(curl, &up);
		if (!flow_is_empty(&down))
			open &= to_lane(near, &down);
	}
}

static _Noreturn void child_run(
	int listener, pid_t lane, const char *proxy, const char *host, int port)
{
	curl_socket_t far = CURL_SOCKET_BAD;
	CURL *curl = NULL;
	int near;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != lane)
		_exit(EXIT_FAILURE);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	dup2(listener, STDIN_FILENO); /* nobody reads it */
	/* The lane's databases and sockets are not this process' business; 1
	 * and 2 are where it logs to. */
	close_range(STDERR_FILENO + 1, ~0u, 0);
	curl = proxy_connect(proxy, host, port);
	near = curl != NULL ? lane_accept(STDIN_FILENO, lane) : -1;
	if (near >= 0 && curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &far) ==
				 CURLE_OK)
		pump(curl, far, near);
	_exit(EXIT_SUCCESS);
}

/* ---- in the lane ---- */

void tunnel_reap(void)
{
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		if (children[i] != 0 &&
			waitpid(children[i], NULL, WNOHANG) != 0)
			children[i] = 0;
	}
}

static pid_t *slot_find(void)
{
	tunnel_reap();
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		if (children[i] == 0)
			return &children[i];
	}
	return NULL;
}

static int listener_open(char address_out[TUNNEL_ADDRESS], struct err *err)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	uint8_t salt[8];
	uint64_t number;
	size_t n;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	random_bytes(salt, sizeof salt);
	memcpy(&number, salt, sizeof number);
	snprintf(address_out, TUNNEL_ADDRESS, "+@vereda-tunnel-%d-%016" PRIx64,
		(int)getpid(), number);
	n = strlen(address_out + 2);
	memcpy(name.sun_path + 1, address_out + 2, n);
	if (fd >= 0 &&
		bind(fd, (struct sockaddr *)&name,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				    n)) == 0 &&
		listen(fd, 1) == 0)
		return fd;
	err_set(err, ERR_IO, "tunnel: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int tunnel_open(const char *proxy, const char *host, int port,
	char address_out[TUNNEL_ADDRESS], struct err *err)
{
	pid_t *slot = slot_find();
	pid_t lane = getpid(), pid;
	int listener;

	if (slot == NULL)
		return err_set(err, ERR_BUSY, "too many tunnels");
	listener = listener_open(address_out, err);
	if (listener < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		child_run(listener, lane, proxy, host, port);
	close(listener);
	if (pid < 0)
		return err_set(err, ERR_IO, "fork: %s", strerror(errno));
	*slot = pid;
	return 0;
}
