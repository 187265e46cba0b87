#include "common/bus_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"

/* nng messages that wait for a slow peer. */
#define SEND_BUFFER 16
#define RECV_BUFFER 128
/* A peer that is not there yet is looked for this often. */
#define RECONNECT_MIN_MS 50
#define RECONNECT_MAX_MS 1000

/* nng 1.5.2 forgets an ipc connection that finished its handshake just as the
 * listener closes: some bytes at the end of a process, in no call of ours. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libnng.so\n";
}
#endif

int bus_socket_fail(
	struct err *err, enum err_code code, const char *url, int rv)
{
	return err_set(err, code, "bus %s: %s", url, nng_strerror(rv));
}

/* A socket file that nobody listens on any more would make listening fail; one
 * that a live process listens on must not be taken from it. */
static int socket_file_clear(const char *url, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = url + strlen("ipc://");
	scoped(fd_close) int fd = -1;
	struct stat st;

	if (strncmp(url, "ipc://", strlen("ipc://")) != 0)
		return 0;
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, ERR_INVALID, "bus %s: path too long", url);
	if (lstat(path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(
			err, ERR_CONFLICT, "bus %s: a file is in the way", url);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, ERR_IO, "bus %s: %s", url, strerror(errno));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
		errno == EAGAIN) /* its backlog is full */
		return err_set(
			err, ERR_CONFLICT, "bus %s: already running", url);
	if (errno != ECONNREFUSED || unlink(path) != 0)
		return err_set(err, ERR_IO, "bus %s: %s", url, strerror(errno));
	return 0;
}

int bus_socket_listen(nng_socket socket, const char *url, struct err *err)
{
	int rv;

	if (socket_file_clear(url, err) != 0)
		return -1;
	rv = nng_listen(socket, url, NULL, 0);
	if (rv != 0)
		return bus_socket_fail(err,
			rv == NNG_EADDRINUSE ? ERR_CONFLICT : ERR_IO, url, rv);
	return 0;
}

int bus_socket_dial(nng_socket socket, const char *url, struct err *err)
{
	int rv;

	nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
	nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
	rv = nng_dial(socket, url, NULL, NNG_FLAG_NONBLOCK);
	if (rv != 0)
		return bus_socket_fail(err, ERR_IO, url, rv);
	return 0;
}

int bus_socket_open(bus_socket_open_fn *open, const char *url, nng_socket *out,
	struct err *err)
{
	int rv = open(out);

	if (rv != 0)
		return bus_socket_fail(err, ERR_INTERNAL, url, rv);
	nng_socket_set_size(*out, NNG_OPT_RECVMAXSZ, BUS_MESSAGE_MAX);
	/* Not every protocol has both buffers. */
	nng_socket_set_int(*out, NNG_OPT_SENDBUF, SEND_BUFFER);
	nng_socket_set_int(*out, NNG_OPT_RECVBUF, RECV_BUFFER);
	return 0;
}

Bus__Envelope *bus_socket_unpack(const void *bytes, size_t n)
{
	Bus__Envelope *envelope = NULL;

	if (n <= BUS_MAX_BYTES)
		envelope = bus__envelope__unpack(NULL, n, bytes);
	if (envelope != NULL && envelope->version == BUS_VERSION)
		return envelope;
	log_warning("bus reason=\"%s\" bytes=%zu action=dropped",
		n > BUS_MAX_BYTES  ? "too large"
		: envelope == NULL ? "malformed"
				   : "unknown version",
		n);
	bus_envelope_free(&envelope);
	return NULL;
}

size_t bus_socket_prepare(Bus__Envelope *envelope)
{
	size_t n;

	if (envelope->version == 0)
		envelope->version = BUS_VERSION;
	if (envelope->trace_id == 0)
		random_bytes(&envelope->trace_id, sizeof(envelope->trace_id));
	n = bus__envelope__get_packed_size(envelope);
	if (n <= BUS_MAX_BYTES)
		return n;
	log_error("bus reason=\"too large\" bytes=%zu action=dropped", n);
	return 0;
}

nng_msg *bus_socket_pack(Bus__Envelope *envelope)
{
	size_t n = bus_socket_prepare(envelope);
	nng_msg *msg;

	if (n == 0 || nng_msg_alloc(&msg, n) != 0)
		return NULL;
	bus__envelope__pack(envelope, nng_msg_body(msg));
	return msg;
}
