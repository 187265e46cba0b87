#include "mediaconv/webp.h"

#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "mediaconv/decoder.h"
#include "mediaconv/picture.h"
#include "mediaconv/source.h"

#define FRAMES_MAX 1000

static void animation_free(WebPAnimDecoder **decoderp)
{
	WebPAnimDecoderDelete(move(*decoderp));
}

static int refuse(struct err *err)
{
	return err_set(err, ERR_INVALID, PICTURE_UNUSABLE);
}

/* ---- reading ---- */

/* Scaled while it is decoded, alpha taken into account. */
static int read_still(const struct source *source, struct fit fit,
	struct picture *out, struct err *err)
{
	const struct pixels size = pixels_fitted(out->width, out->height, fit);
	struct pixels *pixels = &out->pixels;
	WebPDecoderConfig config;

	if (!WebPInitDecoderConfig(&config))
		return err_set(err, ERR_INTERNAL, "libwebp: wrong version");
	*pixels = pixels_new(size.width, size.height);
	config.options.use_scaling =
		pixels->width != out->width || pixels->height != out->height;
	config.options.scaled_width = (int)pixels->width;
	config.options.scaled_height = (int)pixels->height;
	config.output.colorspace = MODE_RGBA;
	config.output.is_external_memory = 1;
	config.output.u.RGBA.rgba = pixels->rgba;
	config.output.u.RGBA.stride = (int)pixels->width * 4;
	config.output.u.RGBA.size = (size_t)size.width * size.height * 4;
	if (WebPDecode(source->bytes, source->n, &config) == VP8_STATUS_OK)
		return 0;
	pixels_fini(pixels);
	return refuse(err);
}

static WebPAnimDecoder *animation_open(const struct source *source)
{
	const WebPData data = { source->bytes, source->n };
	WebPAnimDecoderOptions options;

	if (!WebPAnimDecoderOptionsInit(&options))
		return NULL;
	options.color_mode = MODE_RGBA;
	options.use_threads = 0;
	return WebPAnimDecoderNew(&data, &options);
}

static int read_animation(const struct source *source, struct fit fit,
	struct picture *out, struct err *err)
{
	scoped(animation_free) WebPAnimDecoder *animation =
		animation_open(source);
	scoped(av_frame_free) AVFrame *frame = av_frame_alloc();
	uint8_t *canvas;
	int at_ms;

	if (frame == NULL || animation == NULL ||
		!WebPAnimDecoderGetNext(animation, &canvas, &at_ms))
		return refuse(err);
	frame->width = (int)out->width;
	frame->height = (int)out->height;
	frame->format = AV_PIX_FMT_RGBA;
	frame->data[0] = canvas;
	frame->linesize[0] = frame->width * 4;
	return pixels_from_frame(frame, fit, &out->pixels, err);
}

int webp_read(const struct source *source, struct fit fit, struct picture *out,
	struct err *err)
{
	WebPBitstreamFeatures features;
	uint64_t n_pixels;

	*out = (struct picture){ 0 };
	if (WebPGetFeatures(source->bytes, source->n, &features) !=
			VP8_STATUS_OK ||
		features.width <= 0 || features.height <= 0)
		return refuse(err);
	n_pixels = (uint64_t)features.width * (uint64_t)features.height;
	if (n_pixels >
		(features.has_animation ? MOVING_MAX_PIXELS : STILL_MAX_PIXELS))
		return refuse(err);
	out->width = (uint32_t)features.width;
	out->height = (uint32_t)features.height;
	out->is_animated = features.has_animation;
	return features.has_animation ? read_animation(source, fit, out, err)
				      : read_still(source, fit, out, err);
}

int webp_check_animation(const struct source *source, struct err *err)
{
	scoped(animation_free) WebPAnimDecoder *animation =
		animation_open(source);
	WebPAnimInfo info;
	uint8_t *canvas;
	int at_ms;

	if (animation == NULL || !WebPAnimDecoderGetInfo(animation, &info) ||
		info.frame_count > FRAMES_MAX)
		return refuse(err);
	while (WebPAnimDecoderHasMoreFrames(animation))
		if (!WebPAnimDecoderGetNext(animation, &canvas, &at_ms))
			return refuse(err);
	return 0;
}

/* ---- writing ---- */

static int on_written(
	const uint8_t *bytes, size_t n, const WebPPicture *picture)
{
	buf_add(picture->custom_ptr, bytes, n);
	return 1;
}

int webp_write(const struct pixels *pixels, float quality, struct buf *out,
	struct err *err)
{
	WebPPicture picture;
	WebPConfig config;
	bool is_written;

	if (!WebPConfigPreset(&config, WEBP_PRESET_PICTURE, quality) ||
		!WebPPictureInit(&picture))
		return err_set(err, ERR_INTERNAL, "libwebp: wrong version");
	picture.use_argb = 1;
	picture.width = (int)pixels->width;
	picture.height = (int)pixels->height;
	picture.writer = on_written;
	picture.custom_ptr = out;
	is_written = WebPPictureImportRGBA(
			     &picture, pixels->rgba, (int)pixels->width * 4) &&
		     WebPEncode(&config, &picture);
	WebPPictureFree(&picture);
	if (!is_written)
		return err_set(err, ERR_INTERNAL, "libwebp: error %d",
			(int)picture.error_code);
	return 0;
}
