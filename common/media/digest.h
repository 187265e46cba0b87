/* The SHA-256 of a file, a piece at a time, so that a loop with other work to
 * do can go on with that in between. */
#ifndef COMMON_MEDIA_DIGEST_H
#define COMMON_MEDIA_DIGEST_H

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

struct digest {
	crypto_hash_sha256_state state;
	uint64_t size; /* bytes so far */
	int fd;	       /* borrowed; read from its start */
};

void digest_init(struct digest *digest, int fd);
/* Takes in the next 256 kB at most.  0, and *@done_out says whether that was
 * the end of the file; ERR_IO. */
int digest_step(struct digest *digest, bool *done_out, struct err *err);
void digest_result(struct digest *digest, uint8_t out[32]);

#endif
