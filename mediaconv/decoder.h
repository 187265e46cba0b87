/* One libavcodec decoder with a belt: only codecs from a short list, one
 * thread, pictures of a bounded size. */
#ifndef MEDIACONV_DECODER_H
#define MEDIACONV_DECODER_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>

struct err;

/* 100 megapixels of a camera, 8K of a video: more is a bomb, or of no use to a
 * phone.  Checked before the memory is asked for. */
#define STILL_MAX_PIXELS (100 << 20)
#define MOVING_MAX_PIXELS (36 << 20)

extern const char decoder_names[]; /* separated by commas */

struct decoder {
	AVCodecContext *context;
	AVFrame *frame; /* what decoder_next() found */
};

/* @params may be NULL.  One for a still picture refuses it when a part is
 * broken; else there is the next frame.  ERR_INVALID: no such decoder, or not
 * with these parameters. */
int decoder_open(enum AVCodecID id, const AVCodecParameters *params,
	bool is_still, struct decoder **out, struct err *err);
void decoder_free(struct decoder **decoderp);

/* NULL is the end of the stream.  A broken packet is dropped. */
void decoder_feed(struct decoder *decoder, const AVPacket *packet);
/* Is there a frame now?  False: it needs another packet. */
bool decoder_next(struct decoder *decoder);

#endif
