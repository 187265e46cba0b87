/* Stickers: a WebP of 512x512 pixels, below 100 kB, or 500 kB when it moves. */
#ifndef MEDIACONV_STICKER_H
#define MEDIACONV_STICKER_H

#include <stdbool.h>

struct content;
struct err;
struct media_facts;
struct picture;
struct sink;
struct source;

#define STICKER_BOX 512
#define STICKER_MAX 100000
#define STICKER_ANIMATED_MAX 500000

/* Would a phone take this WebP for a sticker?  Its size in bytes apart. */
bool sticker_has_shape(const struct picture *picture);
/* Any picture into a sticker; one that is a sticker already stays, byte for
 * byte. */
int sticker_run(const struct source *source, const struct content *content,
	struct sink *sink, struct media_facts *facts, struct err *err);

#endif
