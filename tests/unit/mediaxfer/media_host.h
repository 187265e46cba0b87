/* A media host on loopback: a thread that gives one answer after the other and
 * remembers what it was asked.  Bodies go to and come from files, so that its
 * own memory does not depend on them. */
#ifndef TESTS_UNIT_MEDIAXFER_MEDIA_HOST_H
#define TESTS_UNIT_MEDIAXFER_MEDIA_HOST_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_ANSWERS 8
#define HOST_HEAD 4096
#define HOST_NAME 32

struct host_answer {
	int status;	     /* 0: the connection is closed without one */
	const char *headers; /* more of them, each with its CRLF; or NULL */
	const char *body;    /* or NULL: */
	int body_fd;	     /* ... from this file's start, if > 0 */
	size_t n_body;	     /* of body_fd */
	size_t n_missing;    /* so many bytes of the body are not sent */
	bool hangs;	     /* nothing is said until the asker leaves */
};

struct media_host {
	int fd;
	char name[HOST_NAME]; /* "127.0.0.1:12345" */
	pthread_t thread;
	sem_t is_up;				  /* the thread has begun */
	struct host_answer answers[HOST_ANSWERS]; /* the last one repeats */
	int n_answers;
	int body_fd; /* what was posted last is here; -1: not kept */
	/* Read these after the asker has ended: */
	int n_asked;
	char heads[HOST_ANSWERS][HOST_HEAD];
};

static inline void host_write(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += sent;
		n -= (size_t)sent;
	}
}

/* The head into @head; returns how many bytes of the body came with it, moved
 * to @rest. */
static inline size_t host_read_head(
	int fd, char head[HOST_HEAD], char rest[HOST_HEAD])
{
	size_t n = 0;
	char *end = NULL;

	while (end == NULL && n < HOST_HEAD - 1) {
		ssize_t got = recv(fd, head + n, HOST_HEAD - 1 - n, 0);

		if (got <= 0)
			break;
		n += (size_t)got;
		head[n] = '\0';
		end = strstr(head, "\r\n\r\n");
	}
	if (end == NULL)
		return 0;
	end += 4;
	n -= (size_t)(end - head);
	memcpy(rest, end, n);
	*end = '\0';
	return n;
}

static inline size_t host_body_bytes(const char *head)
{
	const char *at = strcasestr(head, "\r\ncontent-length:");

	return at == NULL ? 0 : strtoull(at + 17, NULL, 10);
}

static inline void host_keep(
	const struct media_host *host, const char *bytes, size_t n)
{
	if (host->body_fd >= 0 && write(host->body_fd, bytes, n) < 0)
		abort();
}

static inline void host_read_body(const struct media_host *host, int fd,
	size_t n, char rest[HOST_HEAD], size_t n_rest)
{
	static _Thread_local char piece[65536];

	if (host->body_fd >= 0 &&
		(ftruncate(host->body_fd, 0) != 0 ||
			lseek(host->body_fd, 0, SEEK_SET) != 0))
		abort();
	host_keep(host, rest, n_rest);
	for (size_t left = n - n_rest; n > n_rest && left > 0;) {
		ssize_t got = recv(fd, piece,
			left < sizeof piece ? left : sizeof piece, 0);

		if (got <= 0)
			return;
		host_keep(host, piece, (size_t)got);
		left -= (size_t)got;
	}
}

static inline void host_say(int fd, const struct host_answer *answer)
{
	size_t n = answer->body_fd > 0	  ? answer->n_body
		   : answer->body != NULL ? strlen(answer->body)
					  : 0;
	char head[512];
	off_t at = 0;

	snprintf(head, sizeof head,
		"HTTP/1.1 %d Whatever\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n%s\r\n",
		answer->status, n,
		answer->headers != NULL ? answer->headers : "");
	host_write(fd, head, strlen(head));
	n -= answer->n_missing;
	if (answer->body_fd <= 0) {
		host_write(fd, answer->body, n);
		return;
	}
	while ((size_t)at < n) {
		if (sendfile(fd, answer->body_fd, &at, n - (size_t)at) <= 0)
			return;
	}
}

static inline void host_serve(struct media_host *host, int fd)
{
	int i = host->n_asked < host->n_answers ? host->n_asked
						: host->n_answers - 1;
	const struct host_answer *answer = &host->answers[i];
	char *head = host->heads[host->n_asked % HOST_ANSWERS];
	char rest[HOST_HEAD];
	size_t n_rest = host_read_head(fd, head, rest);

	host->n_asked++;
	host_read_body(host, fd, host_body_bytes(head), rest, n_rest);
	if (answer->hangs)
		(void)!recv(fd, rest, 1, 0);
	else if (answer->status != 0)
		host_say(fd, answer);
	shutdown(fd, SHUT_WR);
}

static inline void *host_run(void *arg)
{
	struct media_host *host = arg;
	int fd;

	sem_post(&host->is_up);
	while ((fd = accept4(host->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		host_serve(host, fd);
		close(fd);
	}
	return NULL;
}

static inline void host_start(struct media_host *host)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof address;

	host->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	host->body_fd = -1;
	sem_init(&host->is_up, 0, 0);
	if (host->fd < 0 ||
		bind(host->fd, (struct sockaddr *)&address, n) != 0 ||
		listen(host->fd, 8) != 0 ||
		getsockname(host->fd, (struct sockaddr *)&address, &n) != 0 ||
		pthread_create(&host->thread, NULL, host_run, host) != 0)
		abort();
	/* Who forks while a thread begins may copy a lock of the sanitizer's
	 * allocator, held for ever.  Later the thread allocates nothing. */
	while (sem_wait(&host->is_up) != 0)
		;
	snprintf(host->name, sizeof host->name, "127.0.0.1:%d",
		ntohs(address.sin_port));
}

static inline void host_stop(struct media_host *host)
{
	shutdown(host->fd, SHUT_RDWR);
	pthread_join(host->thread, NULL);
	close(host->fd);
}

static inline void host_add(
	struct media_host *host, const struct host_answer *answer)
{
	host->answers[host->n_answers++] = *answer;
}

#endif
