/* A look at protobuf bytes before they are unpacked.  protobuf-c recurses on
 * the C stack for every nested message, and messages quote messages freely; and
 * it copies a whole list each time a message that must come once comes again.
 */
#ifndef COMMON_WA_PBGUARD_H
#define COMMON_WA_PBGUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WA_PB_MAX_BYTES (1u << 20)
#define WA_PB_MAX_DEPTH 64
#define WA_PB_MAX_FIELDS 65536

/* May a peer's @bytes be unpacked?  At most 1 MiB and 65536 fields, nested at
 * most 64 deep under any schema: what is in a length-delimited field counts as
 * if it were a message, as far as it reads like one (two bytes of text are the
 * shortest field, so no text below 128 KiB is too much).  One pass, without
 * recursion.  Bytes that are not a protobuf at all are let through, for
 * unpack() to refuse. */
bool wa_pb_bounded(const uint8_t *bytes, size_t n);

#endif
