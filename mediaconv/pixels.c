#include "mediaconv/pixels.h"

#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"

#define CHANNELS 4
#define ALPHA 3
/* swscale reads whole vectors, at the end of the last row beyond it. */
#define PADDING 64

struct pixels pixels_new(uint32_t width, uint32_t height)
{
	return (struct pixels){ .width = width,
		.height = height,
		.rgba = xcalloc(
			1, (size_t)width * height * CHANNELS + PADDING) };
}

void pixels_fini(struct pixels *pixels)
{
	free(move(pixels->rgba));
}

struct pixels pixels_fitted(uint32_t width, uint32_t height, struct fit fit)
{
	const uint32_t longer = width > height ? width : height;
	struct pixels fitted = { .width = width, .height = height };

	if (longer > fit.box || fit.may_grow) {
		fitted.width =
			(uint32_t)(((uint64_t)width * fit.box + longer / 2) /
				   longer);
		fitted.height =
			(uint32_t)(((uint64_t)height * fit.box + longer / 2) /
				   longer);
	}
	fitted.width += fitted.width == 0;
	fitted.height += fitted.height == 0;
	return fitted;
}

/* ---- scaling ---- */

static void sws_free(struct SwsContext **contextp)
{
	sws_freeContext(move(*contextp));
}

/* @frame as RGBA of another size, in memory of its own, with rows as swscale
 * wants them.  NULL: that cannot be done. */
static AVFrame *frame_scale(const AVFrame *frame, int width, int height)
{
	scoped(sws_free) struct SwsContext *context =
		sws_getContext(frame->width, frame->height, frame->format,
			width, height, AV_PIX_FMT_RGBA,
			(width < frame->width ? SWS_AREA : SWS_BICUBIC) |
				SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT,
			NULL, NULL, NULL);
	scoped(av_frame_free) AVFrame *scaled = av_frame_alloc();

	if (context == NULL || scaled == NULL)
		return NULL;
	scaled->width = width;
	scaled->height = height;
	scaled->format = AV_PIX_FMT_RGBA;
	if (av_frame_get_buffer(scaled, 0) < 0 ||
		sws_scale(context, (const uint8_t *const *)frame->data,
			frame->linesize, 0, frame->height, scaled->data,
			scaled->linesize) != height)
		return NULL;
	return move(scaled);
}

static bool has_alpha(const AVFrame *frame)
{
	const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);

	return format != NULL &&
	       ((format->flags & AV_PIX_FMT_FLAG_ALPHA) != 0 ||
		       frame->format == AV_PIX_FMT_PAL8);
}

/* The colour of a transparent pixel means nothing: it must not run into its
 * neighbours when they are averaged. */
static void multiply_alpha(AVFrame *frame)
{
	for (int y = 0; y < frame->height; y++) {
		uint8_t *at =
			frame->data[0] + (ptrdiff_t)y * frame->linesize[0];

		for (int x = 0; x < frame->width; x++, at += CHANNELS)
			for (int c = 0; c < ALPHA; c++)
				at[c] = (uint8_t)((at[c] * at[ALPHA] + 127) /
						  255);
	}
}

static void divide_alpha(struct pixels *pixels)
{
	uint8_t *at = pixels->rgba;

	for (size_t n = (size_t)pixels->width * pixels->height; n > 0; n--) {
		for (int c = 0; c < ALPHA && at[ALPHA] != 0; c++) {
			int value = (at[c] * 255 + at[ALPHA] / 2) / at[ALPHA];

			at[c] = (uint8_t)(value < 255 ? value : 255);
		}
		at += CHANNELS;
	}
}

static AVFrame *frame_scale_transparent(
	const AVFrame *frame, int width, int height)
{
	scoped(av_frame_free) AVFrame *rgba =
		frame_scale(frame, frame->width, frame->height);

	if (rgba == NULL)
		return NULL;
	multiply_alpha(rgba);
	return frame_scale(rgba, width, height);
}

int pixels_from_frame(const AVFrame *frame, struct fit fit, struct pixels *out,
	struct err *err)
{
	const struct pixels size = pixels_fitted(
		(uint32_t)frame->width, (uint32_t)frame->height, fit);
	const bool is_transparent = has_alpha(frame);
	scoped(av_frame_free) AVFrame *scaled =
		(is_transparent ? frame_scale_transparent : frame_scale)(
			frame, (int)size.width, (int)size.height);

	if (scaled == NULL)
		return err_set(err, ERR_INVALID,
			"The picture is too large to be scaled");
	*out = pixels_new(size.width, size.height);
	for (uint32_t y = 0; y < size.height; y++)
		memcpy(out->rgba + (size_t)y * size.width * CHANNELS,
			scaled->data[0] + (ptrdiff_t)y * scaled->linesize[0],
			(size_t)size.width * CHANNELS);
	if (is_transparent)
		divide_alpha(out);
	return 0;
}

/* ---- changing ---- */

static const uint8_t *pixel_at(const struct pixels *p, uint32_t x, uint32_t y)
{
	return p->rgba + ((size_t)y * p->width + x) * CHANNELS;
}

/* Where the turned picture's (x, y) is in the stored one. */
static const uint8_t *pixel_turned(
	const struct pixels *p, int orientation, uint32_t x, uint32_t y)
{
	const uint32_t right = p->width - 1, bottom = p->height - 1;

	switch (orientation) {
	case 2:
		return pixel_at(p, right - x, y);
	case 3:
		return pixel_at(p, right - x, bottom - y);
	case 4:
		return pixel_at(p, x, bottom - y);
	case 5:
		return pixel_at(p, y, x);
	case 6:
		return pixel_at(p, y, bottom - x);
	case 7:
		return pixel_at(p, right - y, bottom - x);
	case 8:
		return pixel_at(p, right - y, x);
	default:
		return pixel_at(p, x, y);
	}
}

void pixels_orient(struct pixels *pixels, int orientation)
{
	const bool lies = orientation >= 5 && orientation <= 8;
	struct pixels turned = pixels_new(lies ? pixels->height : pixels->width,
		lies ? pixels->width : pixels->height);
	uint8_t *at = turned.rgba;

	for (uint32_t y = 0; y < turned.height; y++)
		for (uint32_t x = 0; x < turned.width; x++, at += CHANNELS)
			memcpy(at, pixel_turned(pixels, orientation, x, y),
				CHANNELS);
	pixels_fini(pixels);
	*pixels = turned;
}

void pixels_flatten(struct pixels *pixels)
{
	uint8_t *at = pixels->rgba;

	for (size_t n = (size_t)pixels->width * pixels->height; n > 0; n--) {
		const int alpha = at[ALPHA];

		for (int c = 0; c < ALPHA; c++)
			at[c] = (uint8_t)((at[c] * alpha + 255 * (255 - alpha) +
						  127) /
					  255);
		at[ALPHA] = 255;
		at += CHANNELS;
	}
}

void pixels_center(struct pixels *pixels, uint32_t box)
{
	const uint32_t left = (box - pixels->width) / 2;
	const uint32_t top = (box - pixels->height) / 2;
	struct pixels square = pixels_new(box, box);

	for (uint32_t y = 0; y < pixels->height; y++)
		memcpy(square.rgba +
				((size_t)(top + y) * box + left) * CHANNELS,
			pixel_at(pixels, 0, y),
			(size_t)pixels->width * CHANNELS);
	pixels_fini(pixels);
	*pixels = square;
}
