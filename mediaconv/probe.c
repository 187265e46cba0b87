#include "mediaconv/probe.h"

#include <stdio.h>

#include "common/err.h"
#include "common/media/convert.h"
#include "common/own.h"
#include "mediaconv/clip.h"
#include "mediaconv/pdf.h"
#include "mediaconv/picture.h"
#include "mediaconv/sniffer.h"
#include "mediaconv/sticker.h"
#include "mediaconv/thumbnail.h"

static int picture_probe(const struct source *source,
	const struct content *content, struct media_facts *facts,
	struct err *err)
{
	scoped(picture_fini) struct picture picture = { 0 };

	if (picture_read(source, content, THUMBNAIL_FIT, &picture, err) != 0)
		return -1;
	facts->kind =
		content->medium == MEDIUM_WEBP && sticker_has_shape(&picture)
			? MEDIA_STICKER
			: MEDIA_IMAGE;
	facts->width = picture.width;
	facts->height = picture.height;
	facts->is_animated = picture.is_animated;
	thumbnail_write(&picture.pixels, &facts->thumbnail);
	return 0;
}

int probe_run(const struct source *source, const struct content *content,
	struct sink *sink, struct media_facts *facts, struct err *err)
{
	(void)sink;
	if (content->medium == MEDIUM_CLIP)
		return clip_probe(source, content, facts, err);
	snprintf(facts->mime, sizeof(facts->mime), "%s", content->mime);
	switch (content->medium) {
	case MEDIUM_PICTURE:
	case MEDIUM_GIF:
	case MEDIUM_WEBP:
		return picture_probe(source, content, facts, err);
	case MEDIUM_PDF:
		facts->pages = pdf_pages(source);
		break;
	case MEDIUM_OTHER:
	case MEDIUM_CLIP:
		break;
	}
	facts->kind = MEDIA_DOCUMENT;
	return 0;
}
