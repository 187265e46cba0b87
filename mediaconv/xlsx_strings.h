/* The texts that the cells of a workbook share.  They are the one part that is
 * held in memory as a whole. */
#ifndef MEDIACONV_XLSX_STRINGS_H
#define MEDIACONV_XLSX_STRINGS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct archive;
struct err;

struct strings {
	struct buf text; /* one after the other */
	uint32_t *ends;	 /* owned: where each ends in @text */
	size_t n, cap;
};

/* ERR_INVALID: broken, or too many. */
int strings_read(struct archive *archive, const char *path, struct strings *out,
	struct err *err);
void strings_fini(struct strings *strings);
/* NULL: there is none of this number. */
const char *strings_get(
	const struct strings *strings, uint64_t index, size_t *n_out);

#endif
