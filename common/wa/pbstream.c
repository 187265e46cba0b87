#include "common/wa/pbstream.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

#define VARINT_MAX_BYTES 10

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LEN = 2, WIRE_32 = 5 };

void wa_pbstream_init(
	struct wa_pbstream *stream, wa_pbstream_read_fn *read, void *arg)
{
	*stream = (struct wa_pbstream){ .read = read, .arg = arg };
	stream->buffer = xcalloc(1, WA_PBSTREAM_BUFFER);
	stream->ends[0] = UINT64_MAX; /* where its source ends */
}

void wa_pbstream_fini(struct wa_pbstream *stream)
{
	free(stream->buffer);
	*stream = (struct wa_pbstream){ 0 };
}

/* ---- bytes ---- */

/* 1: there is a byte at @at; 0: the source has ended; -1. */
static int fill(struct wa_pbstream *stream, struct err *err)
{
	if (stream->at < stream->n)
		return 1;
	stream->at = stream->n = 0;
	if (stream->read(stream->arg, stream->buffer, WA_PBSTREAM_BUFFER,
		    &stream->n, err) != 0)
		return -1;
	return stream->n > 0;
}

static int cut_off(struct wa_pbstream *stream, struct err *err)
{
	return err_set(err, ERR_PEER, "cut off after %llu bytes",
		(unsigned long long)stream->position);
}

static int byte_take(struct wa_pbstream *stream, uint8_t *out, struct err *err)
{
	int rc = fill(stream, err);

	if (rc <= 0)
		return rc < 0 ? -1 : cut_off(stream, err);
	*out = stream->buffer[stream->at++];
	stream->position++;
	return 0;
}

static int varint_take(
	struct wa_pbstream *stream, uint64_t *out, struct err *err)
{
	uint8_t byte = 0;

	*out = 0;
	for (unsigned i = 0; i < VARINT_MAX_BYTES; i++) {
		if (byte_take(stream, &byte, err) != 0)
			return -1;
		*out |= (uint64_t)(byte & 0x7f) << (7 * i);
		if ((byte & 0x80) == 0)
			return 0;
	}
	return err_set(err, ERR_PEER, "a number of more than %d bytes",
		VARINT_MAX_BYTES);
}

/* The next piece of what lies before @end, at most what is in the buffer. */
static int piece_take(struct wa_pbstream *stream, uint64_t end,
	const uint8_t **piece, size_t *n, struct err *err)
{
	int rc = fill(stream, err);

	if (rc <= 0)
		return rc < 0 ? -1 : cut_off(stream, err);
	*piece = stream->buffer + stream->at;
	*n = stream->n - stream->at;
	if (*n > end - stream->position)
		*n = (size_t)(end - stream->position);
	stream->at += *n;
	stream->position += *n;
	return 0;
}

static int skip_to(struct wa_pbstream *stream, uint64_t end, struct err *err)
{
	const uint8_t *piece = NULL;
	size_t n = 0;

	while (stream->position < end) {
		if (piece_take(stream, end, &piece, &n, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- fields ---- */

/* What follows the key: a number, or the length of a content.  Leaves the
 * stream before the content. */
static int value_take(struct wa_pbstream *stream, enum wire_type type,
	struct wa_pbfield *field, struct err *err)
{
	field->is_len = false;
	switch (type) {
	case WIRE_VARINT:
		return varint_take(stream, &field->value, err);
	case WIRE_64:
		field->value = 8;
		return 0;
	case WIRE_32:
		field->value = 4;
		return 0;
	case WIRE_LEN:
		field->is_len = true;
		return varint_take(stream, &field->value, err);
	}
	return err_set(err, ERR_PEER, "field of type %d", (int)type);
}

static int field_take(
	struct wa_pbstream *stream, struct wa_pbfield *field, struct err *err)
{
	uint64_t key = 0;
	uint64_t end = stream->ends[stream->depth];
	enum wire_type type;

	if (varint_take(stream, &key, err) != 0)
		return -1;
	type = (enum wire_type)(key & 7);
	if (key >> 3 == 0 || key >> 3 > UINT32_MAX)
		return err_set(err, ERR_PEER, "no such field number");
	field->number = (uint32_t)(key >> 3);
	if (value_take(stream, type, field, err) != 0)
		return -1;
	if (stream->position > end ||
		(type != WIRE_VARINT && field->value > end - stream->position))
		return err_set(
			err, ERR_PEER, "a field larger than its message");
	stream->is_len = field->is_len;
	stream->field_end =
		stream->position + (type == WIRE_VARINT ? 0 : field->value);
	return 1;
}

int wa_pbstream_next(
	struct wa_pbstream *stream, struct wa_pbfield *out, struct err *err)
{
	int rc;

	if (skip_to(stream, stream->field_end, err) != 0)
		return -1;
	stream->is_len = false;
	if (stream->depth > 0 &&
		stream->position >= stream->ends[stream->depth]) {
		stream->depth--;
		return 0;
	}
	rc = fill(stream, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return stream->depth == 0 ? 0 : cut_off(stream, err);
	return field_take(stream, out, err);
}

bool wa_pbstream_enter(struct wa_pbstream *stream)
{
	if (!stream->is_len || stream->depth == WA_PBSTREAM_DEPTH)
		return false;
	stream->ends[++stream->depth] = stream->field_end;
	stream->field_end = stream->position;
	stream->is_len = false;
	return true;
}

int wa_pbstream_take(struct wa_pbstream *stream, size_t max, struct buf *out,
	struct err *err)
{
	const uint8_t *piece = NULL;
	size_t n = 0;

	if (!stream->is_len || stream->field_end - stream->position > max)
		return 0;
	while (stream->position < stream->field_end) {
		if (piece_take(stream, stream->field_end, &piece, &n, err) != 0)
			return -1;
		buf_add(out, piece, n);
	}
	return 1;
}
