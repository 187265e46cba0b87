/* What a worker answers on its stdout: one JSON object, the facts of a file or
 * {"error":"a sentence for the client","code":"invalid"}.
 *
 * The worker has decoded a hostile file: whoever reads its answer does not
 * trust it.  Size and hash are not in it, the reader finds those itself. */
#ifndef COMMON_MEDIA_ANSWER_H
#define COMMON_MEDIA_ANSWER_H

#include <stddef.h>

struct buf;
struct err;
struct media_facts;

#define ANSWER_MAX (64u << 10) /* bytes */

void answer_write(const struct media_facts *facts, struct buf *out);
void answer_write_error(const struct err *err, struct buf *out);
/* Fills @out, which the caller finishes in any case.  -1: the error of the
 * answer, or ERR_PEER for one that is out of shape or range. */
int answer_read(
	const char *text, size_t n, struct media_facts *out, struct err *err);

#endif
