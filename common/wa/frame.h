/* The frame layer: a byte stream of frames with 3-byte big-endian lengths that
 * need not line up with websocket messages (connection.md 1.1). */
#ifndef COMMON_WA_FRAME_H
#define COMMON_WA_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct err;

struct wa_framer {
	struct buf in;
	size_t at;	   /* consumed bytes of in */
	size_t max_frame;  /* a longer one is an error; 2^24 - 1 at most */
	bool expect_intro; /* responder: [ED prefix] and intro come first */
	bool intro_done;
	struct buf routing; /* routing bytes of an ED prefix */
};

void wa_framer_init(
	struct wa_framer *framer, size_t max_frame, bool expect_intro);
void wa_framer_fini(struct wa_framer *framer);
void wa_framer_feed(struct wa_framer *framer, const void *bytes, size_t n);
/* 1: a frame; @frame_out points into the framer and is valid until the next
 * call of feed() or next().  0: more bytes are needed.  -1: ERR_PEER, give the
 * connection up. */
int wa_framer_next(struct wa_framer *framer, uint8_t **frame_out, size_t *n_out,
	struct err *err);

/* Appends what a client sends first: [ED prefix with @routing] intro, then
 * the 3-byte length and @payload. */
void wa_frame_first(struct buf *out, const void *routing, size_t n_routing,
	const void *payload, size_t n);
/* Length and payload. */
void wa_frame(struct buf *out, const void *payload, size_t n);

#endif
