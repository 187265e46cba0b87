/* Every length-delimited field is entered once, whether it is a message or not,
 * and left at its end or at its first malformed byte.  So each byte is read at
 * most once as part of a field header, and whatever unpack() can enter was
 * entered here. */
#include "common/wa/pbguard.h"

#define VARINT_MAX_BYTES 10

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LEN = 2, WIRE_32 = 5 };

static bool read_varint(
	const uint8_t *bytes, size_t end, size_t *at, uint64_t *value_out)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < VARINT_MAX_BYTES && *at < end; i++) {
		uint8_t byte = bytes[(*at)++];

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if ((byte & 0x80) == 0) {
			*value_out = value;
			return true;
		}
	}
	return false;
}

static bool skip(size_t end, size_t *at, size_t n)
{
	if (end - *at < n)
		return false;
	*at += n;
	return true;
}

/* Moves @at over one field.  A length-delimited one stops at its content, with
 * the content's end in @content_end.  False: malformed. */
static bool read_field(
	const uint8_t *bytes, size_t end, size_t *at, size_t *content_end)
{
	uint64_t tag, value;

	*content_end = 0;
	if ((bytes[*at] & 0xf8) == 0) /* field 0, which unpack() refuses, too */
		return false;
	if (!read_varint(bytes, end, at, &tag))
		return false;
	switch (tag & 7) {
	case WIRE_VARINT:
		return read_varint(bytes, end, at, &value);
	case WIRE_64:
		return skip(end, at, 8);
	case WIRE_32:
		return skip(end, at, 4);
	case WIRE_LEN:
		if (!read_varint(bytes, end, at, &value) || value > end - *at)
			return false;
		*content_end = *at + (size_t)value;
		return true;
	default:
		return false;
	}
}

bool wa_pb_bounded(const uint8_t *bytes, size_t n)
{
	size_t ends[WA_PB_MAX_DEPTH + 1];
	size_t at = 0, content_end, n_fields = 0;
	unsigned depth = 0;

	if (n > WA_PB_MAX_BYTES)
		return false;
	ends[0] = n;
	for (;;) {
		while (at >= ends[depth]) {
			if (depth == 0)
				return true;
			depth--;
		}
		if (++n_fields > WA_PB_MAX_FIELDS)
			return false;
		if (!read_field(bytes, ends[depth], &at, &content_end)) {
			at = ends[depth]; /* not a message: bytes or text */
			continue;
		}
		if (content_end > at) {
			if (depth == WA_PB_MAX_DEPTH)
				return false;
			ends[++depth] = content_end;
		}
	}
}
