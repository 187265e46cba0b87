/* WebP, which is the format of stickers: read with libwebp, since libavcodec
 * does not know animations, and written. */
#ifndef MEDIACONV_WEBP_H
#define MEDIACONV_WEBP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mediaconv/pixels.h"

struct buf;
struct err;
struct picture;
struct source;

/* Of an animation, the first picture. */
int webp_read(const struct source *source, struct fit fit, struct picture *out,
	struct err *err);
/* Decodes every picture of an animation.  ERR_INVALID: one is broken, or there
 * are too many. */
int webp_check_animation(const struct source *source, struct err *err);
/* A quality of 0..100; -1 when the encoder cannot. */
int webp_write(const struct pixels *pixels, float quality, struct buf *out,
	struct err *err);

#endif
