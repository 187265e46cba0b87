#include "mediaconv/demux.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "mediaconv/decoder.h"
#include "mediaconv/source.h"

#define BUFFER_BYTES (32 << 10)
#define STREAMS_MAX 32
#define SECONDS_MAX 359999 /* 99:59:59; a header may say anything */
/* What encoders add at both ends does not make three seconds four. */
#define PADDING_US (AV_TIME_BASE / 10)

/* ---- the file as libavformat reads it ---- */

static int on_read(void *opaque, uint8_t *out, int cap)
{
	struct demux *demux = opaque;
	size_t n = demux->source->n - demux->at;

	if (n == 0)
		return AVERROR_EOF;
	if (n > (size_t)cap)
		n = (size_t)cap;
	memcpy(out, demux->source->bytes + demux->at, n);
	demux->at += n;
	return (int)n;
}

static int64_t on_seek(void *opaque, int64_t offset, int whence)
{
	struct demux *demux = opaque;
	const int64_t size = (int64_t)demux->source->n;

	switch (whence & ~AVSEEK_FORCE) {
	case AVSEEK_SIZE:
		return size;
	case SEEK_SET:
		break;
	default:
		return AVERROR(EINVAL); /* libavformat seeks absolutely */
	}
	if (offset < 0 || offset > size)
		return AVERROR(EINVAL);
	demux->at = (size_t)offset;
	return offset;
}

/* A container may name other files. */
static int on_open_other(AVFormatContext *format, AVIOContext **out,
	const char *url, int flags, AVDictionary **options)
{
	(void)format;
	(void)out;
	(void)url;
	(void)flags;
	(void)options;
	return AVERROR(EACCES);
}

/* ---- open, close ---- */

static int format_prepare(struct demux *demux, const char *demuxer)
{
	AVFormatContext *format = avformat_alloc_context();
	uint8_t *buffer = av_malloc(BUFFER_BYTES);

	demux->format = format;
	demux->packet = av_packet_alloc();
	if (buffer != NULL && format != NULL)
		format->pb = avio_alloc_context(
			buffer, BUFFER_BYTES, 0, demux, on_read, NULL, on_seek);
	if (format == NULL || format->pb == NULL || demux->packet == NULL) {
		if (format == NULL || format->pb == NULL)
			av_free(buffer);
		return -1;
	}
	format->io_open = on_open_other;
	format->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_DISCARD_CORRUPT;
	format->max_streams = STREAMS_MAX;
	format->format_whitelist = av_strdup(demuxer);
	format->codec_whitelist = av_strdup(decoder_names);
	format->protocol_whitelist = av_strdup("");
	return 0;
}

/* On failure libavformat frees the context, but not our buffer. */
static int format_open(struct demux *demux, const char *demuxer)
{
	AVIOContext *io = demux->format->pb;

	if (avformat_open_input(&demux->format, NULL,
		    av_find_input_format(demuxer), NULL) == 0)
		return avformat_find_stream_info(demux->format, NULL) < 0 ? -1
									  : 0;
	av_freep(&io->buffer);
	avio_context_free(&io);
	return -1;
}

int demux_open(const struct source *source, const char *demuxer,
	struct demux **out, struct err *err)
{
	scoped(demux_free) struct demux *demux = xcalloc(1, sizeof(*demux));

	demux->source = source;
	if (format_prepare(demux, demuxer) != 0)
		return err_set(err, ERR_INTERNAL, "out of memory");
	if (format_open(demux, demuxer) != 0)
		return err_set(err, ERR_INVALID, "The file is broken");
	*out = move(demux);
	return 0;
}

void demux_free(struct demux **demuxp)
{
	struct demux *demux = move(*demuxp);
	AVIOContext *io;

	if (demux == NULL)
		return;
	io = demux->format != NULL ? demux->format->pb : NULL;
	avformat_close_input(&demux->format);
	if (io != NULL)
		av_freep(&io->buffer);
	avio_context_free(&io);
	av_packet_free(&demux->packet);
	free(demux);
}

/* ---- what is inside ---- */

AVStream *demux_stream(struct demux *demux, enum AVMediaType type)
{
	const int is_cover =
		AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS;

	for (unsigned i = 0; i < demux->format->nb_streams; i++) {
		AVStream *stream = demux->format->streams[i];

		if (stream->codecpar->codec_type == type &&
			(stream->disposition & is_cover) == 0)
			return stream;
	}
	return NULL;
}

bool demux_read(struct demux *demux)
{
	av_packet_unref(demux->packet);
	return av_read_frame(demux->format, demux->packet) == 0;
}

/* In AV_TIME_BASE, from the packets of @stream. */
static int64_t time_count(struct demux *demux, const AVStream *stream)
{
	int64_t first = INT64_MAX, last = 0, sum = 0;
	const AVPacket *packet = demux->packet;

	(void)av_seek_frame(demux->format, -1, 0, AVSEEK_FLAG_BACKWARD);
	while (demux_read(demux)) {
		if (packet->stream_index != stream->index)
			continue;
		if (packet->duration > 0 && packet->duration < INT32_MAX)
			sum += packet->duration;
		if (packet->pts == AV_NOPTS_VALUE)
			continue;
		if (packet->pts < first)
			first = packet->pts;
		if (packet->pts > last)
			last = packet->pts;
	}
	if (first >= 0 && first < last && last - first > sum)
		sum = last - first;
	return av_rescale_q(sum, stream->time_base, AV_TIME_BASE_Q);
}

uint32_t demux_whole_seconds(int64_t time_us)
{
	if (time_us <= 0)
		return 0;
	if (time_us <= PADDING_US)
		return 1;
	if (time_us > (int64_t)SECONDS_MAX * AV_TIME_BASE)
		return SECONDS_MAX;
	return (uint32_t)((time_us - PADDING_US + AV_TIME_BASE - 1) /
			  AV_TIME_BASE);
}

uint32_t demux_seconds(struct demux *demux, const AVStream *stream)
{
	const AVFormatContext *format = demux->format;
	int64_t time = format->duration;

	if (time == AV_NOPTS_VALUE || time <= 0 ||
		format->duration_estimation_method ==
			AVFMT_DURATION_FROM_BITRATE)
		time = time_count(demux, stream);
	return demux_whole_seconds(time);
}
