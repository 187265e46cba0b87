/* Media files for the tests, made in memory: pictures and clips of every kind
 * with libavcodec's encoders, the rest by hand. */
#ifndef TESTS_UNIT_MEDIACONV_SAMPLES_H
#define TESTS_UNIT_MEDIACONV_SAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

#include "common/buf.h"
#include "common/own.h"

#define SAMPLE_FPS 10
#define SAMPLE_RATE 48000

/* What to make: a container with a picture stream, a sound stream, or both. */
struct sample {
	const char *format;	   /* libavformat's muxer */
	const char *video, *audio; /* encoders; NULL: none */
	enum AVPixelFormat pixels;
	enum AVSampleFormat samples;
	int width, height;
	int n_frames;	/* pictures */
	double seconds; /* of sound */
};

struct sample_stream {
	AVCodecContext *encoder;
	AVStream *stream;
	AVFormatContext *format;
};

/* ---- streams ---- */

static inline void sample_stream_open(struct sample_stream *s,
	AVFormatContext *format, AVCodecContext *encoder)
{
	s->encoder = encoder;
	s->format = format;
	s->stream = avformat_new_stream(format, NULL);
	encoder->thread_count = 1;
	encoder->flags |= AV_CODEC_FLAG_BITEXACT;
	if ((format->oformat->flags & AVFMT_GLOBALHEADER) != 0)
		encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	assert_int_equal(avcodec_open2(encoder, encoder->codec, NULL), 0);
	s->stream->time_base = encoder->time_base;
	assert_true(avcodec_parameters_from_context(
			    s->stream->codecpar, encoder) >= 0);
}

/* NULL: the end. */
static inline void sample_encode(struct sample_stream *s, AVFrame *frame)
{
	scoped(av_packet_free) AVPacket *packet = av_packet_alloc();

	assert_int_equal(avcodec_send_frame(s->encoder, frame), 0);
	while (avcodec_receive_packet(s->encoder, packet) == 0) {
		packet->stream_index = s->stream->index;
		av_packet_rescale_ts(
			packet, s->encoder->time_base, s->stream->time_base);
		assert_int_equal(
			av_interleaved_write_frame(s->format, packet), 0);
	}
}

static inline AVCodecContext *sample_encoder(const char *name)
{
	const AVCodec *codec = avcodec_find_encoder_by_name(name);

	assert_non_null(codec);
	return avcodec_alloc_context3(codec);
}

/* ---- pictures ---- */

/* Top left red, the rest from blue to green, which moves with @n; in formats
 * with alpha the lower half is transparent. */
static inline AVFrame *sample_picture(
	const struct sample *sample, int n, int is_transparent)
{
	AVFrame *rgba = av_frame_alloc(), *frame = av_frame_alloc();
	struct SwsContext *sws;

	av_log_set_level(AV_LOG_QUIET);
	rgba->width = frame->width = sample->width;
	rgba->height = frame->height = sample->height;
	rgba->format = AV_PIX_FMT_RGBA;
	frame->format = sample->pixels;
	assert_int_equal(av_frame_get_buffer(rgba, 0), 0);
	assert_int_equal(av_frame_get_buffer(frame, 0), 0);
	for (int y = 0; y < rgba->height; y++) {
		uint8_t *at = rgba->data[0] + y * rgba->linesize[0];

		for (int x = 0; x < rgba->width; x++, at += 4) {
			const int is_red =
				x < rgba->width / 2 && y < rgba->height / 2;

			at[0] = is_red ? 255 : 0;
			at[1] = is_red ? 0 : (uint8_t)(x + 10 * n);
			at[2] = is_red ? 0 : (uint8_t)(255 - x);
			at[3] = is_transparent && y >= rgba->height / 2 ? 0
									: 255;
		}
	}
	sws = sws_getContext(rgba->width, rgba->height, rgba->format,
		frame->width, frame->height, frame->format, SWS_BILINEAR, NULL,
		NULL, NULL);
	assert_non_null(sws);
	sws_scale(sws, (const uint8_t *const *)rgba->data, rgba->linesize, 0,
		rgba->height, frame->data, frame->linesize);
	sws_freeContext(sws);
	av_frame_free(&rgba);
	frame->pts = n;
	return frame;
}

static inline AVCodecContext *sample_video_encoder(const struct sample *sample)
{
	AVCodecContext *encoder = sample_encoder(sample->video);

	encoder->width = sample->width;
	encoder->height = sample->height;
	encoder->pix_fmt = sample->pixels;
	encoder->time_base = (AVRational){ 1, SAMPLE_FPS };
	encoder->framerate = (AVRational){ SAMPLE_FPS, 1 };
	return encoder;
}

static inline void sample_write_video(
	const struct sample *sample, struct sample_stream *s)
{
	for (int i = 0; i < sample->n_frames; i++) {
		scoped(av_frame_free) AVFrame *frame =
			sample_picture(sample, i, 0);

		sample_encode(s, frame);
	}
	sample_encode(s, NULL);
}

/* One picture as a file of its own; RGBA ones are transparent in their lower
 * half. */
static inline void sample_still(const char *encoder_name,
	enum AVPixelFormat pixels, int width, int height, struct buf *out)
{
	const struct sample sample = { .video = encoder_name,
		.pixels = pixels,
		.width = width,
		.height = height };
	scoped(avcodec_free_context) AVCodecContext *encoder =
		sample_video_encoder(&sample);
	scoped(av_frame_free) AVFrame *frame =
		sample_picture(&sample, 0, pixels == AV_PIX_FMT_RGBA);
	scoped(av_packet_free) AVPacket *packet = av_packet_alloc();

	encoder->thread_count = 1;
	assert_int_equal(avcodec_open2(encoder, encoder->codec, NULL), 0);
	assert_int_equal(avcodec_send_frame(encoder, frame), 0);
	assert_int_equal(avcodec_send_frame(encoder, NULL), 0);
	assert_int_equal(avcodec_receive_packet(encoder, packet), 0);
	buf_add(out, packet->data, (size_t)packet->size);
}

/* An animated WebP; the encoder makes the whole file. */
static inline void sample_animation(int box, int n_frames, struct buf *out)
{
	const struct sample sample = { .video = "libwebp_anim",
		.pixels = AV_PIX_FMT_YUV420P,
		.width = box,
		.height = box };
	scoped(avcodec_free_context) AVCodecContext *encoder =
		sample_video_encoder(&sample);
	scoped(av_packet_free) AVPacket *packet = av_packet_alloc();

	assert_int_equal(avcodec_open2(encoder, encoder->codec, NULL), 0);
	for (int i = 0; i <= n_frames; i++) {
		scoped(av_frame_free) AVFrame *frame =
			i < n_frames ? sample_picture(&sample, i, 0) : NULL;

		assert_int_equal(avcodec_send_frame(encoder, frame), 0);
	}
	assert_int_equal(avcodec_receive_packet(encoder, packet), 0);
	buf_add(out, packet->data, (size_t)packet->size);
}

/* ---- sound ---- */

static inline int16_t sample_tone(int64_t at)
{
	return at / 50 % 2 == 0 ? 8000 : -8000; /* 480 Hz */
}

static inline AVCodecContext *sample_audio_encoder(const struct sample *sample)
{
	AVCodecContext *encoder = sample_encoder(sample->audio);

	encoder->sample_fmt = sample->samples;
	encoder->sample_rate = SAMPLE_RATE;
	encoder->time_base = (AVRational){ 1, SAMPLE_RATE };
	encoder->bit_rate = 64000;
	av_channel_layout_default(&encoder->ch_layout, 1);
	return encoder;
}

/* @n samples from @at on, in the format that the encoder wants; mono, so planar
 * and interleaved are the same. */
static inline AVFrame *sample_sound(
	const struct sample *sample, int64_t at, int n)
{
	AVFrame *frame = av_frame_alloc();

	frame->format = sample->samples;
	frame->sample_rate = SAMPLE_RATE;
	frame->nb_samples = n;
	frame->pts = at;
	av_channel_layout_default(&frame->ch_layout, 1);
	assert_int_equal(av_frame_get_buffer(frame, 0), 0);
	for (int i = 0; i < n; i++) {
		const int16_t tone = sample_tone(at + i);

		if (sample->samples == AV_SAMPLE_FMT_FLTP)
			((float *)frame->data[0])[i] = (float)tone / 32768;
		else
			((int16_t *)frame->data[0])[i] = tone;
	}
	return frame;
}

static inline void sample_write_audio(
	const struct sample *sample, struct sample_stream *s)
{
	const int64_t total = (int64_t)(sample->seconds * SAMPLE_RATE);
	const int block =
		s->encoder->frame_size > 0 ? s->encoder->frame_size : 1024;

	for (int64_t at = 0; at < total; at += block) {
		scoped(av_frame_free) AVFrame *frame = sample_sound(sample, at,
			(int)(total - at < block ? total - at : block));

		sample_encode(s, frame);
	}
	sample_encode(s, NULL);
}

/* ---- containers ---- */

static inline void sample_clip(const struct sample *sample, struct buf *out)
{
	struct sample_stream video = { 0 }, audio = { 0 };
	AVFormatContext *format = NULL;
	uint8_t *bytes = NULL;
	int n;

	assert_true(avformat_alloc_output_context2(
			    &format, NULL, sample->format, NULL) >= 0);
	format->flags |= AVFMT_FLAG_BITEXACT;
	assert_int_equal(avio_open_dyn_buf(&format->pb), 0);
	if (sample->video != NULL)
		sample_stream_open(
			&video, format, sample_video_encoder(sample));
	if (sample->audio != NULL)
		sample_stream_open(
			&audio, format, sample_audio_encoder(sample));
	assert_true(avformat_write_header(format, NULL) >= 0);
	if (sample->video != NULL)
		sample_write_video(sample, &video);
	if (sample->audio != NULL)
		sample_write_audio(sample, &audio);
	assert_int_equal(av_write_trailer(format), 0);
	n = avio_close_dyn_buf(format->pb, &bytes);
	buf_add(out, bytes, (size_t)n);
	av_free(bytes);
	avcodec_free_context(&video.encoder);
	avcodec_free_context(&audio.encoder);
	avformat_free_context(format);
}

/* ---- by hand ---- */

static inline void sample_le(struct buf *out, uint32_t value, unsigned n_bytes)
{
	for (unsigned i = 0; i < n_bytes; i++)
		buf_add_byte(out, (uint8_t)(value >> 8 * i));
}

/* 16 bit mono, from samples. */
static inline void sample_wav(
	const int16_t *samples, uint32_t n, uint32_t rate, struct buf *out)
{
	buf_add_str(out, "RIFF");
	sample_le(out, 36 + 2 * n, 4);
	buf_add_str(out, "WAVEfmt ");
	sample_le(out, 16, 4);
	sample_le(out, 1, 2); /* PCM */
	sample_le(out, 1, 2); /* channels */
	sample_le(out, rate, 4);
	sample_le(out, 2 * rate, 4);
	sample_le(out, 2, 2);
	sample_le(out, 16, 2);
	buf_add_str(out, "data");
	sample_le(out, 2 * n, 4);
	buf_add(out, samples, 2 * (size_t)n);
}

/* Frames of silence, 20 ms each. */
static inline void sample_amr(int n_frames, struct buf *out)
{
	static const uint8_t frame[13] = { 0x04 }; /* 4.75 kbit/s */

	buf_add_str(out, "#!AMR\n");
	for (int i = 0; i < n_frames; i++)
		buf_add(out, frame, sizeof(frame));
}

static inline void sample_pdf(unsigned n_pages, struct buf *out)
{
	size_t offsets[64];
	size_t xref;

	assert_true(n_pages + 2 < ARRAY_LEN(offsets));
	buf_add_str(out, "%PDF-1.4\n");
	offsets[0] = out->len;
	buf_add_str(out, "1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n");
	offsets[1] = out->len;
	buf_add_str(out, "2 0 obj\n<</Type/Pages/Kids[");
	for (unsigned i = 0; i < n_pages; i++)
		buf_printf(out, "%u 0 R ", i + 3);
	buf_printf(out, "]/Count %u>>\nendobj\n", n_pages);
	for (unsigned i = 0; i < n_pages; i++) {
		offsets[i + 2] = out->len;
		buf_printf(out,
			"%u 0 obj\n<</Type/Page/Parent 2 0 R"
			"/MediaBox[0 0 99 99]>>\nendobj\n",
			i + 3);
	}
	xref = out->len;
	buf_printf(out, "xref\n0 %u\n0000000000 65535 f \n", n_pages + 3);
	for (unsigned i = 0; i < n_pages + 2; i++)
		buf_printf(out, "%010zu 00000 n \n", offsets[i]);
	buf_printf(out,
		"trailer\n<</Size %u/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n",
		n_pages + 3, xref);
}

/* Puts an APP1 with this EXIF orientation into a JPEG. */
static inline void sample_orient(struct buf *jpeg, uint8_t orientation)
{
	const uint8_t app1[] = { 0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,
		'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0,
		orientation, 0, 0, 0, 0, 0, 0 };
	struct buf oriented = BUF_INIT;

	buf_add(&oriented, jpeg->data, 2);
	buf_add(&oriented, app1, sizeof(app1));
	buf_add(&oriented, jpeg->data + 2, jpeg->len - 2);
	buf_fini(jpeg);
	*jpeg = oriented;
}

/* A file of these bytes. */
static inline int sample_file(const struct buf *bytes)
{
	int fd = memfd_create("sample", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(
		write(fd, bytes->data, bytes->len), (ssize_t)bytes->len);
	return fd;
}

#endif
