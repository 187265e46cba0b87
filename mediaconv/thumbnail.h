/* The tiny JPEG that is shown until the file itself has been loaded. */
#ifndef MEDIACONV_THUMBNAIL_H
#define MEDIACONV_THUMBNAIL_H

#include "mediaconv/pixels.h"

struct buf;

#define THUMBNAIL_BOX 72
#define THUMBNAIL_FIT ((struct fit){ .box = THUMBNAIL_BOX })

/* At most MEDIA_THUMB_MAX bytes, the best quality that fits; changes @pixels.
 * Leaves @out empty when it cannot be made: a message does without. */
void thumbnail_write(struct pixels *pixels, struct buf *out);

#endif
