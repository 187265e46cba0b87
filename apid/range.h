/* The Range header, as far as we serve it: one range of bytes. */
#ifndef APID_RANGE_H
#define APID_RANGE_H

#include <stdint.h>

struct range {
	int64_t offset, length;
};

enum range_kind {
	RANGE_WHOLE, /* no range of bytes, several, or nonsense: ignored */
	RANGE_PART,
	RANGE_BEYOND, /* nothing of the file is in it: 416 */
};
/* Fills *@out for RANGE_PART only. */
enum range_kind range_parse(const char *text, int64_t size, struct range *out);

#endif
