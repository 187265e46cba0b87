#include "common/media/digest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"

#define STEP_BYTES (256u << 10) /* a millisecond's work */
#define PIECE_BYTES (32u << 10)

void digest_init(struct digest *digest, int fd)
{
	*digest = (struct digest){ .fd = fd };
	crypto_hash_sha256_init(&digest->state);
}

int digest_step(struct digest *digest, bool *done_out, struct err *err)
{
	uint8_t piece[PIECE_BYTES];

	*done_out = false;
	for (size_t taken = 0; taken < STEP_BYTES;) {
		ssize_t n = pread(
			digest->fd, piece, sizeof(piece), (off_t)digest->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(
				err, ERR_IO, "media file: %s", strerror(errno));
		*done_out = n == 0;
		if (n == 0)
			break;
		crypto_hash_sha256_update(
			&digest->state, piece, (unsigned long long)n);
		digest->size += (uint64_t)n;
		taken += (size_t)n;
	}
	return 0;
}

void digest_result(struct digest *digest, uint8_t out[32])
{
	crypto_hash_sha256_final(&digest->state, out);
}
