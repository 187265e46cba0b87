/* A load generator for POST /v1/developer/messages/send: keep-alive
 * connections, one request in flight on each, latency of every answer.
 *
 *   loadgen PORT API_KEY DEVICE_UID CONNECTIONS REQUESTS PHONES
 *
 * Recipients go round over 15551000000 .. + PHONES.  Prints one JSON line. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 1024
#define ANSWER_MAX 8192
#define CONNECTIONS_MAX 1024

struct client {
	int fd;
	int64_t began_us;
	char answer[ANSWER_MAX];
	size_t n_answer;
};

static struct {
	const char *api_key, *device_uid;
	int requests, phones;
	int sent, answered, refused, failed;
	uint32_t *latency_us;
} load;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int dial(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void send_next(struct client *client)
{
	char body[256], request[REQUEST_MAX];
	int n = load.sent++;
	int n_body = snprintf(body, sizeof(body),
		"{\"deviceUid\":\"%s\",\"to\":\"1555%07d\","
		"\"text\":\"load message number %d\"}",
		load.device_uid, 1000000 + n % load.phones, n);
	int n_request = snprintf(request, sizeof(request),
		"POST /v1/developer/messages/send HTTP/1.1\r\nHost: bench\r\n"
		"X-API-Key: %s\r\nContent-Type: application/json\r\n"
		"Content-Length: %d\r\n\r\n%s",
		load.api_key, n_body, body);

	client->n_answer = 0;
	client->began_us = now_us();
	/* A small request on an idle connection always fits the socket. */
	if (send(client->fd, request, (size_t)n_request, MSG_NOSIGNAL) !=
		n_request)
		die("send");
}

/* The whole answer is there: header, and as much body as it announced. */
static bool answer_is_whole(struct client *client)
{
	char *end, *length;

	client->answer[client->n_answer] = '\0';
	end = strstr(client->answer, "\r\n\r\n");
	length = strcasestr(client->answer, "content-length:");
	if (end == NULL || length == NULL)
		return false;
	return client->n_answer >=
	       (size_t)(end + 4 - client->answer) + (size_t)atoi(length + 15);
}

static void count_answer(struct client *client)
{
	int64_t took = now_us() - client->began_us;

	if (strncmp(client->answer, "HTTP/1.1 200", 12) == 0)
		load.latency_us[load.answered++] = (uint32_t)took;
	else if (strncmp(client->answer, "HTTP/1.1 429", 12) == 0)
		load.refused++;
	else
		load.failed++;
}

static void on_readable(struct client *client)
{
	ssize_t n = recv(client->fd, client->answer + client->n_answer,
		ANSWER_MAX - 1 - client->n_answer, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		die("recv");
	client->n_answer += (size_t)n;
	if (!answer_is_whole(client))
		return;
	count_answer(client);
	if (load.sent < load.requests)
		send_next(client);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile_ms(double p)
{
	if (load.answered == 0)
		return 0;
	return load.latency_us[(int)((load.answered - 1) * p)] / 1000.0;
}

int main(int argc, char **argv)
{
	static struct client clients[CONNECTIONS_MAX];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int64_t began_us;
	double seconds;
	int n;

	if (argc != 7 || (n = atoi(argv[4])) < 1 || n > CONNECTIONS_MAX) {
		fprintf(stderr, "usage: loadgen PORT API_KEY DEVICE_UID "
				"CONNECTIONS REQUESTS PHONES\n");
		return 2;
	}
	load.api_key = argv[2];
	load.device_uid = argv[3];
	load.requests = atoi(argv[5]);
	load.phones = atoi(argv[6]);
	load.latency_us = calloc((size_t)load.requests + 1, sizeof(uint32_t));
	for (int i = 0; i < n; i++) {
		struct epoll_event ev = { .events = EPOLLIN,
			.data.ptr = &clients[i] };

		clients[i].fd = dial(atoi(argv[1]));
		epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &ev);
	}
	began_us = now_us();
	for (int i = 0; i < n && load.sent < load.requests; i++)
		send_next(&clients[i]);
	while (load.answered + load.refused + load.failed < load.requests) {
		struct epoll_event events[64];
		int ready = epoll_wait(epoll, events, 64, 30000);

		if (ready <= 0)
			die("no answer for 30 s");
		for (int i = 0; i < ready; i++)
			on_readable(events[i].data.ptr);
	}
	seconds = (double)(now_us() - began_us) / 1e6;
	qsort(load.latency_us, (size_t)load.answered, sizeof(uint32_t),
		by_value);
	printf("{\"accepted\":%d,\"refused\":%d,\"failed\":%d,\"seconds\":%.3f,"
	       "\"per_second\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
		load.answered, load.refused, load.failed, seconds,
		load.answered / seconds, percentile_ms(0.50),
		percentile_ms(0.99));
	free(load.latency_us);
	return load.failed > 0;
}
