/* A protobuf that is too large to be in memory, read field by field from
 * wherever its bytes come from.  Of the messages in it, each is either entered,
 * taken whole, or passed over; what is left of a field is skipped.
 *
 *	while ((rc = wa_pbstream_next(&stream, &field, err)) == 1) {
 *		if (field.number == 2 && wa_pbstream_enter(&stream))
 *			... wa_pbstream_next() now walks inside, up to 0 ...
 *	}
 *
 * It may be left between any two calls and taken up again later. */
#ifndef COMMON_WA_PBSTREAM_H
#define COMMON_WA_PBSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

/* Fills up to @n bytes; *@n_out 0 at the end.  -1: cannot be read. */
typedef int wa_pbstream_read_fn(
	void *arg, uint8_t *out, size_t n, size_t *n_out, struct err *err);

#define WA_PBSTREAM_BUFFER 16384
#define WA_PBSTREAM_DEPTH 4

struct wa_pbstream {
	wa_pbstream_read_fn *read;
	void *arg;			      /* borrowed */
	uint8_t *buffer;		      /* owned */
	size_t at, n;			      /* in the buffer */
	uint64_t position;		      /* of all bytes: the next one */
	uint64_t field_end;		      /* of the field met last */
	bool is_len;			      /* that field has a content */
	uint64_t ends[WA_PBSTREAM_DEPTH + 1]; /* of the messages around it */
	unsigned depth;
};

void wa_pbstream_init(
	struct wa_pbstream *stream, wa_pbstream_read_fn *read, void *arg);
void wa_pbstream_fini(struct wa_pbstream *stream);

struct wa_pbfield {
	uint32_t number;
	bool is_len;	/* bytes, text or a message */
	uint64_t value; /* of a number; else the length of the content */
};
/* The next field of the message it is in.  1; 0 at the end of that message,
 * and the stream is then in the message around it; -1 with ERR_PEER: not a
 * protobuf, or cut off. */
int wa_pbstream_next(
	struct wa_pbstream *stream, struct wa_pbfield *out, struct err *err);
/* The content of the field just met is a message: go into it.  False: it has
 * no content, or is nested too deep. */
bool wa_pbstream_enter(struct wa_pbstream *stream);
/* Appends that content to @out.  1; 0 when it has none or more than @max
 * bytes; -1. */
int wa_pbstream_take(struct wa_pbstream *stream, size_t max, struct buf *out,
	struct err *err);

#endif
