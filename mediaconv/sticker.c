#include "mediaconv/sticker.h"

#include <stdio.h>

#include "common/err.h"
#include "common/media/convert.h"
#include "common/own.h"
#include "mediaconv/picture.h"
#include "mediaconv/sink.h"
#include "mediaconv/sniffer.h"
#include "mediaconv/source.h"
#include "mediaconv/webp.h"

/* The first one nearly always fits. */
static const float qualities[] = { 80, 60, 40, 20, 5 };

bool sticker_has_shape(const struct picture *picture)
{
	return picture->width == STICKER_BOX && picture->height == STICKER_BOX;
}

/* Only the first picture of another animation is taken: but whoever has made an
 * animated WebP wants it to move. */
static int check_animation(const struct source *source,
	const struct picture *picture, struct err *err)
{
	if (!sticker_has_shape(picture) || source->n > STICKER_ANIMATED_MAX)
		return err_set(err, ERR_INVALID,
			"An animated sticker must have %dx%d pixels and at "
			"most %d kB",
			STICKER_BOX, STICKER_BOX, STICKER_ANIMATED_MAX / 1000);
	return webp_check_animation(source, err);
}

static int encode(struct picture *picture, struct sink *sink, struct err *err)
{
	scoped(buf_fini) struct buf webp = BUF_INIT;

	pixels_center(&picture->pixels, STICKER_BOX);
	for (size_t i = 0; i < ARRAY_LEN(qualities); i++) {
		buf_clear(&webp);
		if (webp_write(&picture->pixels, qualities[i], &webp, err) != 0)
			return -1;
		if (webp.len <= STICKER_MAX)
			return sink_write(sink, webp.data, webp.len, err);
	}
	return err_set(err, ERR_INVALID,
		"The picture has too many details for a sticker of %d kB",
		STICKER_MAX / 1000);
}

int sticker_run(const struct source *source, const struct content *content,
	struct sink *sink, struct media_facts *facts, struct err *err)
{
	const struct fit fit = { .box = STICKER_BOX, .may_grow = true };
	const bool is_webp = content->medium == MEDIUM_WEBP;
	scoped(picture_fini) struct picture picture = { 0 };

	if (picture_read(source, content, fit, &picture, err) != 0)
		return -1;
	if (is_webp && picture.is_animated &&
		check_animation(source, &picture, err) != 0)
		return -1;
	facts->kind = MEDIA_STICKER;
	snprintf(facts->mime, sizeof(facts->mime), "image/webp");
	facts->width = facts->height = STICKER_BOX;
	facts->is_animated = is_webp && picture.is_animated;
	if (facts->is_animated || (is_webp && sticker_has_shape(&picture) &&
					  source->n <= STICKER_MAX))
		return sink_write(sink, source->bytes, source->n, err);
	return encode(&picture, sink, err);
}
