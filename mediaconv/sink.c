#include "mediaconv/sink.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"

int sink_write(struct sink *sink, const void *bytes, size_t n, struct err *err)
{
	const uint64_t max_bytes =
		sink->max_bytes != 0 ? sink->max_bytes : SINK_MAX;
	const uint8_t *at = bytes;

	if (n > max_bytes - sink->size)
		return err_set(err, ERR_TOO_LARGE, "The result is too large");
	while (n > 0) {
		ssize_t written = sink->fd < 0 ? (ssize_t)n
					       : pwrite(sink->fd, at, n,
							 (off_t)sink->size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return err_set(
				err, ERR_IO, "output: %s", strerror(errno));
		at += written;
		n -= (size_t)written;
		sink->size += (uint64_t)written;
	}
	return 0;
}
