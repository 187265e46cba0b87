#include "common/wa/frame.h"

#include <assert.h>
#include <string.h>

#include "common/err.h"
#include "common/wa/noise.h"

#define LENGTH_BYTES 3
#define INTRO_BYTES 4
#define ROUTING_MAX 4096 /* real ones have some 20 bytes */

/* "ED", 0, 1: edge routing bytes follow, with their length. */
static const uint8_t ed_prefix[4] = { 'E', 'D', 0, 1 };

static size_t read_length(const uint8_t *p)
{
	return (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
}

void wa_framer_init(struct wa_framer *framer, size_t max_frame, bool intro)
{
	assert(max_frame < (1u << 24));
	*framer = (struct wa_framer){
		.max_frame = max_frame,
		.expect_intro = intro,
	};
}

void wa_framer_fini(struct wa_framer *framer)
{
	buf_fini(&framer->in);
	buf_fini(&framer->routing);
}

void wa_framer_feed(struct wa_framer *framer, const void *bytes, size_t n)
{
	buf_drop_front(&framer->in, framer->at);
	framer->at = 0;
	buf_add(&framer->in, bytes, n);
}

/* Do the bytes at hand begin with @expected, as far as they go? */
static bool may_be(
	const uint8_t *at, size_t n, const uint8_t expected[INTRO_BYTES])
{
	return memcmp(at, expected, n < INTRO_BYTES ? n : INTRO_BYTES) == 0;
}

/* 1: the intro is behind us.  0: more bytes are needed. */
static int take_intro(struct wa_framer *framer, struct err *err)
{
	const uint8_t *at = framer->in.data + framer->at;
	size_t n = framer->in.len - framer->at;
	size_t length;

	if (n > 0 && framer->routing.len == 0 && may_be(at, n, ed_prefix)) {
		if (n < sizeof(ed_prefix) + LENGTH_BYTES)
			return 0;
		length = read_length(at + sizeof(ed_prefix));
		if (length == 0 || length > ROUTING_MAX)
			return err_set(err, ERR_PEER,
				"%zu bytes of edge routing", length);
		if (n < sizeof(ed_prefix) + LENGTH_BYTES + length)
			return 0;
		at += sizeof(ed_prefix) + LENGTH_BYTES;
		buf_add(&framer->routing, at, length);
		framer->at += sizeof(ed_prefix) + LENGTH_BYTES + length;
		return take_intro(framer, err);
	}
	if (n > 0 && !may_be(at, n, wa_intro))
		return err_set(err, ERR_PEER, "unknown intro");
	if (n < INTRO_BYTES)
		return 0;
	framer->at += INTRO_BYTES;
	framer->intro_done = true;
	return 1;
}

int wa_framer_next(struct wa_framer *framer, uint8_t **frame_out, size_t *n_out,
	struct err *err)
{
	size_t left, length;
	int rc;

	if (framer->expect_intro && !framer->intro_done) {
		rc = take_intro(framer, err);
		if (rc <= 0)
			return rc;
	}
	left = framer->in.len - framer->at;
	if (left < LENGTH_BYTES)
		return 0;
	length = read_length(framer->in.data + framer->at);
	if (length == 0)
		return err_set(err, ERR_PEER, "empty frame");
	if (length > framer->max_frame)
		return err_set(err, ERR_PEER, "frame of %zu bytes, limit %zu",
			length, framer->max_frame);
	if (left < LENGTH_BYTES + length)
		return 0;
	*frame_out = framer->in.data + framer->at + LENGTH_BYTES;
	*n_out = length;
	framer->at += LENGTH_BYTES + length;
	return 1;
}

void wa_frame(struct buf *out, const void *payload, size_t n)
{
	assert(n > 0 && n < (1u << 24));
	buf_add_be(out, n, LENGTH_BYTES);
	buf_add(out, payload, n);
}

void wa_frame_first(struct buf *out, const void *routing, size_t n_routing,
	const void *payload, size_t n)
{
	if (n_routing > 0) {
		assert(n_routing < (1u << 24));
		buf_add(out, ed_prefix, sizeof(ed_prefix));
		buf_add_be(out, n_routing, LENGTH_BYTES);
		buf_add(out, routing, n_routing);
	}
	buf_add(out, wa_intro, INTRO_BYTES);
	wa_frame(out, payload, n);
}
