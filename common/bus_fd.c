#include "common/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/bus_socket.h"
#include "common/log.h"
#include "common/own.h"

bool bus_fd_send(int fd, const Bus__Envelope *envelope)
{
	Bus__Envelope numbered = *envelope;
	uint8_t small[4096], *bytes = small;
	ssize_t sent;
	size_t n;

	if (numbered.version == 0)
		numbered.version = BUS_VERSION;
	n = bus__envelope__get_packed_size(&numbered);
	if (n > BUS_MAX_BYTES)
		return false;
	if (n > sizeof(small))
		bytes = xcalloc(1, n);
	bus__envelope__pack(&numbered, bytes);
	sent = send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (bytes != small)
		free(bytes);
	return sent == (ssize_t)n;
}

/* One packet, NULL when there is none to use; *@went_on tells whether to look
 * for another. */
static Bus__Envelope *fd_recv_one(int fd, bool *closed, bool *went_on)
{
	Bus__Envelope *envelope = NULL;
	uint8_t *bytes;
	ssize_t n = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	*went_on = false;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		*closed = true;
	if (n <= 0)
		return NULL;
	*went_on = true;
	if (n > BUS_MAX_BYTES) {
		recv(fd, NULL, 0, MSG_DONTWAIT);
		log_warning("bus reason=\"too large\" bytes=%zd "
			    "action=dropped",
			n);
		return NULL;
	}
	bytes = xcalloc(1, (size_t)n);
	if (recv(fd, bytes, (size_t)n, MSG_DONTWAIT) == n)
		envelope = bus_socket_unpack(bytes, (size_t)n);
	free(bytes);
	return envelope;
}

Bus__Envelope *bus_fd_recv(int fd, bool *closed)
{
	Bus__Envelope *envelope;
	bool went_on;

	*closed = false;
	do {
		envelope = fd_recv_one(fd, closed, &went_on);
	} while (envelope == NULL && went_on);
	return envelope;
}
