#include "common/media/convert.h"

#include <stddef.h>
#include <string.h>

#include "common/own.h"

static const char *const names[] = {
	[MEDIA_IMAGE] = "image",
	[MEDIA_VIDEO] = "video",
	[MEDIA_AUDIO] = "audio",
	[MEDIA_DOCUMENT] = "document",
	[MEDIA_STICKER] = "sticker",
	[MEDIA_VOICE] = "voice",
};

const char *media_kind_name(enum media_kind kind)
{
	const size_t i = (size_t)kind;

	return i < ARRAY_LEN(names) && names[i] != NULL ? names[i] : "unknown";
}

int media_kind_parse(const char *name, enum media_kind *out)
{
	for (size_t i = MEDIA_IMAGE; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], name) != 0)
			continue;
		*out = (enum media_kind)i;
		return 0;
	}
	return -1;
}

void media_facts_fini(struct media_facts *facts)
{
	buf_fini(&facts->thumbnail);
}
