/* What a video or a sound file is. */
#ifndef MEDIACONV_CLIP_H
#define MEDIACONV_CLIP_H

struct content;
struct err;
struct media_facts;
struct source;

/* Fills kind, type, seconds, and of a video dimensions and thumbnail.
 * ERR_INVALID: it cannot be played. */
int clip_probe(const struct source *source, const struct content *content,
	struct media_facts *facts, struct err *err);

#endif
