/* The output file: written from its start to its end, never beyond a limit. */
#ifndef MEDIACONV_SINK_H
#define MEDIACONV_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/media/convert.h"

struct err;

#define SINK_MAX MEDIA_FILE_MAX

struct sink {
	int fd; /* borrowed; -1: what is written goes nowhere */
	uint64_t size;
	uint64_t max_bytes; /* 0: SINK_MAX */
};

/* ERR_TOO_LARGE past @max_bytes; ERR_IO. */
int sink_write(struct sink *sink, const void *bytes, size_t n, struct err *err);

#endif
