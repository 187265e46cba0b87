/* A still picture, or the first one of a moving one: JPEG, PNG, BMP, GIF, WebP,
 * a video. */
#ifndef MEDIACONV_PICTURE_H
#define MEDIACONV_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "mediaconv/pixels.h"

struct content;
struct err;
struct source;
struct track;

#define PICTURE_UNUSABLE "The picture is broken or too large"

struct picture {
	uint32_t width, height; /* the right way up, before it was fitted */
	bool is_animated;
	struct pixels pixels; /* fitted, the right way up */
};

/* @content is a PICTURE, GIF or WEBP.  ERR_INVALID with a sentence. */
int picture_read(const struct source *source, const struct content *content,
	struct fit fit, struct picture *out, struct err *err);
/* The first frame of a video. */
int picture_read_track(struct track *track, struct fit fit, struct picture *out,
	struct err *err);
void picture_fini(struct picture *picture);

#endif
