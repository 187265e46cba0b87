/* The input file, mapped: every decoder reads from memory, none needs a file.
 */
#ifndef MEDIACONV_SOURCE_H
#define MEDIACONV_SOURCE_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct source {
	const uint8_t *bytes; /* no byte of padding follows them */
	size_t n;
};

/* Maps @fd from its start for as long as the process lives.  A file that is cut
 * meanwhile kills us (SIGBUS), which the parent takes for a broken file. */
int source_map(int fd, struct source *out, struct err *err);

#endif
