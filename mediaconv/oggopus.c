#include "mediaconv/oggopus.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "mediaconv/sink.h"

#define BIT_RATE 32000
/* Of 10, which would take twice the time: an hour of sound has to be done
 * within LOCKDOWN_CPU_SECONDS. */
#define COMPLEXITY 5
#define BUFFER_BYTES (16 << 10)

struct oggopus {
	struct sink *sink; /* borrowed */
	AVCodecContext *encoder;
	AVFormatContext *format;
	AVFrame *frame;
	AVPacket *packet;
	int64_t n_samples;
	struct err err; /* of the sink, which libavformat reduces to a number */
};

static int on_write(void *opaque, uint8_t *bytes, int n)
{
	struct oggopus *file = opaque;

	return sink_write(file->sink, bytes, (size_t)n, &file->err) == 0
		       ? n
		       : AVERROR(EIO);
}

static int fail(const struct oggopus *file, const char *where, struct err *err)
{
	if (file->err.code != ERR_OK)
		return err_set(err, file->err.code, "%s", file->err.msg);
	return err_set(err, ERR_INTERNAL, "opus: %s failed", where);
}

/* ---- open, close ---- */

static int encoder_open(struct oggopus *file)
{
	static const AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
	const AVCodec *codec = avcodec_find_encoder_by_name("libopus");
	AVCodecContext *encoder =
		codec != NULL ? avcodec_alloc_context3(codec) : NULL;

	file->encoder = encoder;
	if (encoder == NULL)
		return -1;
	encoder->sample_fmt = AV_SAMPLE_FMT_S16;
	encoder->sample_rate = OGGOPUS_RATE;
	encoder->time_base = (AVRational){ 1, OGGOPUS_RATE };
	encoder->bit_rate = BIT_RATE;
	encoder->thread_count = 1;
	/* Also: the same sound makes the same file, which is then stored
	 * once. */
	encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
	if (av_channel_layout_copy(&encoder->ch_layout, &mono) != 0 ||
		av_opt_set(encoder->priv_data, "application", "voip", 0) != 0 ||
		/* Else music may take twice the rate. */
		av_opt_set(encoder->priv_data, "vbr", "constrained", 0) != 0)
		return -1;
	encoder->compression_level = COMPLEXITY;
	if (avcodec_open2(encoder, codec, NULL) != 0)
		return -1;
	return encoder->frame_size == OGGOPUS_BLOCK ? 0 : -1;
}

static int frame_open(struct oggopus *file)
{
	AVFrame *frame = av_frame_alloc();

	file->frame = frame;
	file->packet = av_packet_alloc();
	if (frame == NULL || file->packet == NULL)
		return -1;
	frame->format = file->encoder->sample_fmt;
	frame->sample_rate = OGGOPUS_RATE;
	frame->nb_samples = OGGOPUS_BLOCK;
	if (av_channel_layout_copy(
		    &frame->ch_layout, &file->encoder->ch_layout) != 0)
		return -1;
	return av_frame_get_buffer(frame, 0);
}

static int format_open(struct oggopus *file)
{
	uint8_t *buffer = av_malloc(BUFFER_BYTES);
	AVStream *stream;

	if (avformat_alloc_output_context2(&file->format, NULL, "ogg", NULL) <
			0 ||
		buffer == NULL)
		return -1;
	file->format->pb = avio_alloc_context(
		buffer, BUFFER_BYTES, 1, file, NULL, on_write, NULL);
	stream = avformat_new_stream(file->format, NULL);
	if (file->format->pb == NULL || stream == NULL)
		return -1;
	file->format->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
	stream->time_base = file->encoder->time_base;
	if (avcodec_parameters_from_context(stream->codecpar, file->encoder) <
		0)
		return -1;
	return avformat_write_header(file->format, NULL) < 0 ? -1 : 0;
}

int oggopus_open(struct sink *sink, struct oggopus **out, struct err *err)
{
	scoped(oggopus_free) struct oggopus *file = xcalloc(1, sizeof(*file));

	file->sink = sink;
	if (encoder_open(file) != 0)
		return fail(file, "the encoder", err);
	if (frame_open(file) != 0 || format_open(file) != 0)
		return fail(file, "the container", err);
	*out = move(file);
	return 0;
}

void oggopus_free(struct oggopus **filep)
{
	struct oggopus *file = move(*filep);

	if (file == NULL)
		return;
	if (file->format != NULL && file->format->pb != NULL) {
		av_freep(&file->format->pb->buffer);
		avio_context_free(&file->format->pb);
	}
	avformat_free_context(file->format);
	avcodec_free_context(&file->encoder);
	av_frame_free(&file->frame);
	av_packet_free(&file->packet);
	free(file);
}

/* ---- sound ---- */

/* NULL is the end.  Writes what the encoder has ready. */
static int encode(struct oggopus *file, AVFrame *frame, struct err *err)
{
	if (avcodec_send_frame(file->encoder, frame) != 0)
		return fail(file, "the encoder", err);
	while (avcodec_receive_packet(file->encoder, file->packet) == 0) {
		file->packet->stream_index = 0;
		av_packet_rescale_ts(file->packet, file->encoder->time_base,
			file->format->streams[0]->time_base);
		if (av_write_frame(file->format, file->packet) < 0)
			return fail(file, "the container", err);
		av_packet_unref(file->packet);
	}
	return 0;
}

int oggopus_add(
	struct oggopus *file, const int16_t *samples, size_t n, struct err *err)
{
	AVFrame *frame = file->frame;

	if (n > OGGOPUS_BLOCK || av_frame_make_writable(frame) != 0)
		return fail(file, "a block", err);
	memcpy(frame->data[0], samples, n * sizeof(*samples));
	frame->nb_samples = (int)n;
	frame->pts = file->n_samples;
	file->n_samples += (int64_t)n;
	return encode(file, frame, err);
}

int oggopus_end(struct oggopus *file, struct err *err)
{
	if (encode(file, NULL, err) != 0)
		return -1;
	if (av_write_trailer(file->format) != 0 || file->err.code != ERR_OK)
		return fail(file, "the container", err);
	return 0;
}
