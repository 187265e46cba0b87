#include "mediaconv/picture.h"

#include <libavutil/display.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "mediaconv/decoder.h"
#include "mediaconv/demux.h"
#include "mediaconv/sniffer.h"
#include "mediaconv/source.h"
#include "mediaconv/track.h"
#include "mediaconv/webp.h"

void picture_fini(struct picture *picture)
{
	pixels_fini(&picture->pixels);
}

/* ---- which way up ---- */

/* JPEG: libavcodec copies the EXIF tag, as text. */
static int orientation_of_frame(const AVFrame *frame)
{
	const AVDictionaryEntry *tag =
		av_dict_get(frame->metadata, "Orientation", NULL, 0);
	const int orientation = tag != NULL ? atoi(tag->value) : 0;

	return orientation >= 1 && orientation <= 8 ? orientation
						    : ORIENTATION_NORMAL;
}

/* Video: a matrix, of which phones use the quarter turns. */
static int orientation_of_stream(const AVStream *stream)
{
	const uint8_t *matrix = av_stream_get_side_data(
		stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
	const double degrees = matrix != NULL ? av_display_rotation_get(
							(const int32_t *)matrix)
					      : 0;

	if (isnan(degrees))
		return ORIENTATION_NORMAL;
	/* Counter-clockwise, -180..180. */
	switch (lround(degrees / 90)) {
	case -1:
		return 6;
	case 1:
		return 8;
	case 2:
	case -2:
		return 3;
	default:
		return ORIENTATION_NORMAL;
	}
}

static int picture_take(const AVFrame *frame, int orientation, struct fit fit,
	struct picture *out, struct err *err)
{
	const bool lies = orientation >= 5;

	if (frame->width <= 0 || frame->height <= 0)
		return err_set(err, ERR_INVALID, PICTURE_UNUSABLE);
	if (pixels_from_frame(frame, fit, &out->pixels, err) != 0)
		return -1;
	pixels_orient(&out->pixels, orientation);
	out->width = (uint32_t)(lies ? frame->height : frame->width);
	out->height = (uint32_t)(lies ? frame->width : frame->height);
	return 0;
}

/* ---- the kinds ---- */

/* The whole file is one packet, which needs zeros behind it. */
static AVPacket *packet_make(const struct source *source)
{
	scoped(av_packet_free) AVPacket *packet = av_packet_alloc();

	if (packet == NULL || av_new_packet(packet, (int)source->n) != 0)
		return NULL;
	memcpy(packet->data, source->bytes, source->n);
	return move(packet);
}

static int read_still(const struct source *source, enum AVCodecID codec,
	struct fit fit, struct picture *out, struct err *err)
{
	scoped(decoder_free) struct decoder *decoder = NULL;
	scoped(av_packet_free) AVPacket *packet = packet_make(source);
	bool has_frame;

	if (packet == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	if (decoder_open(codec, NULL, true, &decoder, err) != 0)
		return -1;
	decoder_feed(decoder, packet);
	has_frame = decoder_next(decoder);
	if (!has_frame) {
		decoder_feed(decoder, NULL);
		has_frame = decoder_next(decoder);
	}
	if (!has_frame)
		return err_set(err, ERR_INVALID, PICTURE_UNUSABLE);
	return picture_take(decoder->frame,
		orientation_of_frame(decoder->frame), fit, out, err);
}

int picture_read_track(struct track *track, struct fit fit, struct picture *out,
	struct err *err)
{
	const AVFrame *frame = track_next(track);

	*out = (struct picture){ 0 };
	if (frame == NULL)
		return err_set(err, ERR_INVALID, PICTURE_UNUSABLE);
	return picture_take(
		frame, orientation_of_stream(track->stream), fit, out, err);
}

static int read_gif(const struct source *source, const char *demuxer,
	struct fit fit, struct picture *out, struct err *err)
{
	scoped(demux_free) struct demux *demux = NULL;
	scoped(track_fini) struct track track = { 0 };
	AVStream *stream;

	if (demux_open(source, demuxer, &demux, err) != 0)
		return err_set(err, ERR_INVALID, PICTURE_UNUSABLE);
	stream = demux_stream(demux, AVMEDIA_TYPE_VIDEO);
	if (stream == NULL || track_open(demux, stream, &track, err) != 0)
		return err_set(err, ERR_INVALID, PICTURE_UNUSABLE);
	if (picture_read_track(&track, fit, out, err) != 0)
		return -1;
	out->is_animated = demux_read(demux);
	return 0;
}

int picture_read(const struct source *source, const struct content *content,
	struct fit fit, struct picture *out, struct err *err)
{
	*out = (struct picture){ 0 };
	switch (content->medium) {
	case MEDIUM_PICTURE:
		return read_still(source, content->codec, fit, out, err);
	case MEDIUM_GIF:
		return read_gif(source, content->demuxer, fit, out, err);
	case MEDIUM_WEBP:
		return webp_read(source, fit, out, err);
	case MEDIUM_OTHER:
	case MEDIUM_PDF:
	case MEDIUM_CLIP:
		break;
	}
	return err_set(err, ERR_INVALID, "The file is no picture");
}
