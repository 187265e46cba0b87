#include "mediaconv/decoder.h"

#include <libavutil/avstring.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/own.h"

const char decoder_names[] =
	"mjpeg,png,bmp,gif,"
	"h264,hevc,vp8,vp9,libdav1d,mpeg4,msmpeg4,h263,theora,"
	"aac,mp3float,mp3,mp2float,opus,vorbis,flac,alac,amrnb,amrwb,"
	"pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,"
	"pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_alaw,pcm_mulaw,"
	"adpcm_ms,adpcm_ima_wav";

static int context_open(struct decoder *decoder, const AVCodec *codec,
	const AVCodecParameters *params, bool is_still)
{
	AVCodecContext *context = avcodec_alloc_context3(codec);

	decoder->context = context;
	decoder->frame = av_frame_alloc();
	if (context == NULL || decoder->frame == NULL)
		return -1;
	if (params != NULL &&
		avcodec_parameters_to_context(context, params) < 0)
		return -1;
	context->thread_count = 1;
	context->max_pixels = is_still ? STILL_MAX_PIXELS : MOVING_MAX_PIXELS;
	if (is_still)
		context->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
	return avcodec_open2(context, codec, NULL) < 0 ? -1 : 0;
}

int decoder_open(enum AVCodecID id, const AVCodecParameters *params,
	bool is_still, struct decoder **out, struct err *err)
{
	scoped(decoder_free) struct decoder *decoder =
		xcalloc(1, sizeof(*decoder));
	const AVCodec *codec = avcodec_find_decoder(id);

	if (codec == NULL || !av_match_list(codec->name, decoder_names, ','))
		return err_set(err, ERR_INVALID, "Its codec (%s) is not known",
			avcodec_get_name(id));
	if (context_open(decoder, codec, params, is_still) != 0)
		return err_set(err, ERR_INVALID, "Its %s stream is broken",
			avcodec_get_name(id));
	*out = move(decoder);
	return 0;
}

void decoder_free(struct decoder **decoderp)
{
	struct decoder *decoder = move(*decoderp);

	if (decoder == NULL)
		return;
	avcodec_free_context(&decoder->context);
	av_frame_free(&decoder->frame);
	free(decoder);
}

void decoder_feed(struct decoder *decoder, const AVPacket *packet)
{
	(void)avcodec_send_packet(decoder->context, packet);
}

bool decoder_next(struct decoder *decoder)
{
	return avcodec_receive_frame(decoder->context, decoder->frame) == 0;
}
