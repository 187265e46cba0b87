/* What a media host says of a blob that it took:
 * {"url":"https://…","direct_path":"/v/…?…", …}. */
#ifndef MEDIAXFER_REPLY_H
#define MEDIAXFER_REPLY_H

#include <stddef.h>

#include "common/media/xfer.h"

struct err;

#define REPLY_MAX 65536

/* Fills direct_path, and url when there is a usable one.  ERR_PEER: no such
 * answer; @out is as before. */
int reply_parse(
	const void *bytes, size_t n, struct xfer_answer *out, struct err *err);

#endif
