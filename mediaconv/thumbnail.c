#include "mediaconv/thumbnail.h"

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>

#include "common/buf.h"
#include "common/media/convert.h"
#include "common/own.h"

/* JPEG quantisers, finest first. */
static const int quantisers[] = { 4, 8, 16, 31 };

/* As the JPEG encoder wants it; NULL: no memory. */
static AVFrame *frame_make(const struct pixels *pixels)
{
	scoped(av_frame_free) AVFrame *frame = av_frame_alloc();
	const uint8_t *planes[4] = { pixels->rgba };
	const int strides[4] = { (int)pixels->width * 4 };
	struct SwsContext *scaler = sws_getContext((int)pixels->width,
		(int)pixels->height, AV_PIX_FMT_RGBA, (int)pixels->width,
		(int)pixels->height, AV_PIX_FMT_YUVJ420P, SWS_BILINEAR, NULL,
		NULL, NULL);
	int rows = 0;

	if (frame != NULL && scaler != NULL) {
		frame->width = (int)pixels->width;
		frame->height = (int)pixels->height;
		frame->format = AV_PIX_FMT_YUVJ420P;
		if (av_frame_get_buffer(frame, 0) == 0)
			rows = sws_scale(scaler, planes, strides, 0,
				frame->height, frame->data, frame->linesize);
	}
	sws_freeContext(scaler);
	return rows > 0 ? move(frame) : NULL;
}

static AVCodecContext *encoder_open(const AVFrame *frame, int quantiser)
{
	const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
	scoped(avcodec_free_context) AVCodecContext *encoder =
		codec != NULL ? avcodec_alloc_context3(codec) : NULL;

	if (encoder == NULL)
		return NULL;
	encoder->width = frame->width;
	encoder->height = frame->height;
	encoder->pix_fmt = frame->format;
	encoder->time_base = (AVRational){ 1, 1 };
	encoder->sample_aspect_ratio = (AVRational){ 1, 1 }; /* for JFIF */
	encoder->thread_count = 1;
	/* BITEXACT: without a comment that says who made it. */
	encoder->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
	encoder->global_quality = quantiser * FF_QP2LAMBDA;
	return avcodec_open2(encoder, codec, NULL) == 0 ? move(encoder) : NULL;
}

/* False: it does not fit, or cannot be made. */
static bool encode(AVFrame *frame, int quantiser, struct buf *out)
{
	scoped(avcodec_free_context) AVCodecContext *encoder =
		encoder_open(frame, quantiser);
	scoped(av_packet_free) AVPacket *packet = av_packet_alloc();

	if (encoder == NULL || packet == NULL)
		return false;
	frame->quality = encoder->global_quality;
	if (avcodec_send_frame(encoder, frame) != 0 ||
		avcodec_send_frame(encoder, NULL) != 0 ||
		avcodec_receive_packet(encoder, packet) != 0 ||
		packet->size > MEDIA_THUMB_MAX)
		return false;
	buf_add(out, packet->data, (size_t)packet->size);
	return true;
}

void thumbnail_write(struct pixels *pixels, struct buf *out)
{
	scoped(av_frame_free) AVFrame *frame = NULL;

	pixels_flatten(pixels);
	frame = frame_make(pixels);
	for (size_t i = 0; frame != NULL && i < ARRAY_LEN(quantisers); i++)
		if (encode(frame, quantisers[i], out))
			return;
}
