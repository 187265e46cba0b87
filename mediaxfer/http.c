#include "mediaxfer/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/media/xfer.h"
#include "common/own.h"

#define CONNECT_MS 15000
/* Slower than this for so long counts as dead. */
#define SLOW_BYTES_SEC 1000L
#define SLOW_SEC 30L
#define BUFFER_BYTES 65536L
/* Of a body that nobody reads: an error page. */
#define UNREAD_MAX 65536

struct http {
	const struct xfer_request *request; /* borrowed */
	int64_t deadline_ms;
	CURL *curl;
	struct curl_slist *headers;
	char proxy[XFER_PATH + 8];
	char error[CURL_ERROR_SIZE];
	struct http_call *call; /* under way; borrowed */
	size_t n_unread;
};

bool http_is_passing(long status)
{
	return status >= 500 || status == 408 || status == 429;
}

/* ---- what the library calls ---- */

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http *http = arg;
	long status = 0;

	n *= size;
	curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return http->call->on_bytes(bytes, n, http->call->arg) == 0 ? n
									    : 0;
	http->n_unread += n;
	return http->n_unread <= UNREAD_MAX ? n : 0;
}

static size_t on_read(char *out, size_t size, size_t n, void *arg)
{
	struct http *http = arg;
	ssize_t got = read(http->call->body_fd, out, size * n);

	return got >= 0 ? (size_t)got : CURL_READFUNC_ABORT;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http *http = arg;

	return lseek(http->call->body_fd, offset, origin) >= 0
		       ? CURL_SEEKFUNC_OK
		       : CURL_SEEKFUNC_FAIL;
}

static bool address_is_local(const struct curl_sockaddr *address)
{
	const struct sockaddr *any = &address->addr;
	const struct sockaddr_in *v4 = (const void *)any;
	const struct sockaddr_in6 *v6 = (const void *)any;

	if (any->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return any->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* The name of a host of this machine may lead elsewhere; this does not. */
static curl_socket_t on_open_socket(
	void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	const struct http *http = arg;

	(void)purpose;
	if (http->request->is_plain && !address_is_local(address))
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
		address->protocol);
}

/* ---- setting up ---- */

/* SOCKS proxies find the host's address themselves: no question of ours tells
 * the local network where a device connects to. */
static int proxy_set(struct http *http, struct err *err)
{
	static const struct {
		const char *given, *used;
	} schemes[] = { { "http://", "http://" }, { "https://", "https://" },
		{ "socks5://", "socks5h://" }, { "socks5h://", "socks5h://" } };
	const char *proxy = http->request->proxy;

	if (proxy[0] == '\0' || http->request->is_plain)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t n = strlen(schemes[i].given);

		if (strncmp(proxy, schemes[i].given, n) != 0)
			continue;
		snprintf(http->proxy, sizeof(http->proxy), "%s%s",
			schemes[i].used, proxy + n);
		return 0;
	}
	return err_set(err, ERR_INVALID, "a proxy of an unknown kind");
}

static void options_set(struct http *http)
{
	CURL *curl = http->curl;
	const struct xfer_request *request = http->request;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
		request->is_plain ? "http" : "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, http->proxy);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_SEC);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SLOW_SEC);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->error);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(curl, CURLOPT_READDATA, http);
	curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(curl, CURLOPT_SEEKDATA, http);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, http);
	if (request->ca_file[0] != '\0')
		curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
}

static void headers_set(struct http *http)
{
	static const char *const headers[] = {
		"Origin: https://web.whatsapp.com",
		"Referer: https://web.whatsapp.com/",
		"Expect:", /* not sent: the hosts do not answer it */
	};

	for (size_t i = 0; i < ARRAY_LEN(headers); i++)
		http->headers = curl_slist_append(http->headers, headers[i]);
	if (http->request->op == XFER_UPLOAD)
		http->headers = curl_slist_append(http->headers,
			"Content-Type: application/octet-stream");
	curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, http->headers);
}

struct http *http_new(const struct xfer_request *request, int64_t deadline_ms,
	struct err *err)
{
	scoped(http_free) struct http *http = xcalloc(1, sizeof(*http));

	http->request = request;
	http->deadline_ms = deadline_ms;
	if (proxy_set(http, err) != 0)
		return NULL;
	http->curl = curl_easy_init();
	if (http->curl == NULL) {
		err_set(err, ERR_INTERNAL, "no HTTP client");
		return NULL;
	}
	options_set(http);
	headers_set(http);
	return move(http);
}

void http_free(struct http **httpp)
{
	struct http *http = move(*httpp);

	if (http == NULL)
		return;
	curl_easy_cleanup(http->curl);
	curl_slist_free_all(http->headers);
	free(http);
}

/* ---- an exchange ---- */

static void call_prepare(struct http *http, const struct http_call *call)
{
	int64_t left_ms = http->deadline_ms - clock_mono_ms();

	curl_easy_setopt(http->curl, CURLOPT_URL, call->url);
	curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS,
		left_ms > 1 ? (long)left_ms : 1L);
	if (call->body_fd < 0) {
		curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
		return;
	}
	curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE,
		(curl_off_t)call->body_bytes);
}

int http_run(struct http *http, struct http_call *call, struct err *err)
{
	CURLcode code;

	http->call = call;
	http->n_unread = 0;
	http->error[0] = '\0';
	call->status = 0;
	if (call->body_fd >= 0 && lseek(call->body_fd, 0, SEEK_SET) != 0)
		return err_set(err, ERR_IO, "what is to be sent has no start");
	call_prepare(http, call);
	code = curl_easy_perform(http->curl);
	curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &call->status);
	http->call = NULL;
	if (code == CURLE_OK)
		return 0;
	return err_set(err, ERR_IO, "%s",
		http->error[0] != '\0' ? http->error
				       : curl_easy_strerror(code));
}
