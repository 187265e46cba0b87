/* Any bytes as a stream of frames.  However the stream is cut, the same frames
 * come out, and it ends the same way.  Input: one byte of options, one of
 * cutting, the stream. */
#include "common/wa/frame.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MAX_FRAME 300

/* Appends every frame that is there, with its length. */
static int drain(struct wa_framer *framer, struct buf *frames)
{
	struct err err = ERR_NONE;
	uint8_t *frame;
	size_t n;
	int rc;

	while ((rc = wa_framer_next(framer, &frame, &n, &err)) == 1) {
		assert(n > 0 && n <= MAX_FRAME);
		wa_frame(frames, frame, n);
	}
	assert(rc == 0 || err.code == ERR_PEER);
	return rc;
}

static int run(const uint8_t *bytes, size_t n, size_t step, bool intro,
	struct buf *frames)
{
	scoped(wa_framer_fini) struct wa_framer framer;

	wa_framer_init(&framer, MAX_FRAME, intro);
	for (size_t at = 0; at < n; at += step) {
		wa_framer_feed(
			&framer, bytes + at, n - at < step ? n - at : step);
		if (drain(&framer, frames) != 0)
			return -1;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	scoped(buf_fini) struct buf whole = BUF_INIT, cut = BUF_INIT;
	bool intro;
	int rc;

	if (n < 3)
		return 0;
	intro = data[0] & 1;
	rc = run(data + 2, n - 2, n - 2, intro, &whole);
	assert(run(data + 2, n - 2, data[1] + 1u, intro, &cut) == rc);
	assert(whole.len == cut.len);
	assert(whole.len == 0 || memcmp(whole.data, cut.data, whole.len) == 0);
	return 0;
}
