/* A small picture in memory: RGBA, alpha not multiplied in.  Everything that we
 * make of pictures starts from one. */
#ifndef MEDIACONV_PIXELS_H
#define MEDIACONV_PIXELS_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

struct pixels {
	uint32_t width, height;
	uint8_t *rgba; /* owned; rows without gaps */
};

/* A square that a picture is to fit into, keeping its proportions. */
struct fit {
	uint32_t box;
	bool may_grow; /* else a smaller picture stays as it is */
};

/* Which way up a picture is, as EXIF numbers it: 1..8; 1: as it is stored. */
#define ORIENTATION_NORMAL 1

struct pixels pixels_new(uint32_t width, uint32_t height); /* all clear */
void pixels_fini(struct pixels *pixels);
/* The size that @width x @height gets in @fit; at least 1x1. */
struct pixels pixels_fitted(uint32_t width, uint32_t height, struct fit fit);
/* ERR_INVALID: a format that cannot be scaled, or no memory for it. */
int pixels_from_frame(const AVFrame *frame, struct fit fit, struct pixels *out,
	struct err *err);
void pixels_orient(struct pixels *pixels, int orientation);
/* Puts it in front of white, so that nothing is transparent. */
void pixels_flatten(struct pixels *pixels);
/* Puts it into the middle of a transparent square; it must fit in there. */
void pixels_center(struct pixels *pixels, uint32_t box);

#endif
