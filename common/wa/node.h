/* Binary nodes: the XML-like stanzas of the WhatsApp wire and their codec
 * (connection.md section 4).
 *
 * A value is a string, a JID or bytes, and the decoder keeps the three apart,
 * because clients do.  Nodes live in an arena and are not freed one by one.
 * Everything decoded is bounded: depth, children, attributes, sizes. */
#ifndef COMMON_WA_NODE_H
#define COMMON_WA_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wa/jid.h"

struct arena;
struct buf;
struct err;

enum wa_value_kind {
	WA_VALUE_NONE = 0,
	WA_VALUE_STRING,
	WA_VALUE_JID,
	WA_VALUE_BYTES
};

struct wa_value {
	enum wa_value_kind kind;
	const char *text; /* STRING: NUL-terminated, may hold NULs: see n */
	const uint8_t *bytes;
	size_t n; /* of text or bytes */
	struct wa_jid jid;
};

struct wa_attr {
	const char *key;
	struct wa_value value;
	struct wa_attr *next;
};

struct wa_node {
	const char *tag;
	struct wa_attr *attrs;	 /* in wire order */
	struct wa_node *child;	 /* first child, or NULL */
	struct wa_node *next;	 /* next sibling */
	struct wa_value content; /* NONE when there are children or nothing */
	/* private to node*.c: */
	struct wa_attr **attrs_tail;
	struct wa_node **child_tail;
	struct arena *arena;
};

#define WA_NODE_MAX_DEPTH 32
/* Nodes and attributes of one stanza together: two bytes on the wire become
 * some hundred in memory. */
#define WA_NODE_MAX_PARTS (1u << 18)
#define WA_FRAME_MAX ((1u << 24) - 1)
#define WA_INFLATE_MAX (16u << 20)

/* ---- building: every text and byte string is copied into the arena ---- */
struct wa_node *wa_node_new(struct arena *arena, const char *tag);
/* A new child at the end. */
struct wa_node *wa_node_add(struct wa_node *parent, const char *tag);
/* The same with an existing node that has no parent. */
void wa_node_append(struct wa_node *parent, struct wa_node *child);
/* @value NULL or "": nothing is added; so with an empty JID. */
void wa_node_set(struct wa_node *node, const char *key, const char *value);
void wa_node_set_int(struct wa_node *node, const char *key, int64_t value);
void wa_node_set_jid(
	struct wa_node *node, const char *key, const struct wa_jid *jid);
/* Copies an attribute as it is. */
void wa_node_set_value(
	struct wa_node *node, const char *key, const struct wa_value *value);
void wa_node_bytes(struct wa_node *node, const void *bytes, size_t n);
/* Text as bytes: safe for every client. */
void wa_node_text(struct wa_node *node, const char *text);
/* A deep copy in @arena; of a decoded node or one as shallow. */
struct wa_node *wa_node_copy(struct arena *arena, const struct wa_node *node);

/* ---- reading: @node may be NULL, which has nothing ---- */
/* The first attribute with @key, or NULL. */
const struct wa_value *wa_node_get(const struct wa_node *node, const char *key);
/* Attribute as text; JIDs are rendered into the node's arena.  NULL when
 * missing. */
const char *wa_node_str(const struct wa_node *node, const char *key);
bool wa_node_is(const struct wa_node *node, const char *key, const char *value);
int64_t wa_node_int(
	const struct wa_node *node, const char *key, int64_t missing);
/* Attribute as a JID, whether it was typed as one or is text that parses as
 * one.  False (and an empty JID) when missing or not an address. */
bool wa_node_jid(
	const struct wa_node *node, const char *key, struct wa_jid *out);
/* The first child with @tag, or NULL. */
const struct wa_node *wa_node_child(
	const struct wa_node *node, const char *tag);
const struct wa_node *wa_node_path(
	const struct wa_node *node, const char *tag1, const char *tag2);
size_t wa_node_n_children(const struct wa_node *node);
/* Content as bytes, whether it came as bytes, a token or packed.  NULL when
 * there is none; @n_out may be NULL. */
const uint8_t *wa_node_content(const struct wa_node *node, size_t *n_out);
#define wa_node_each(var, parent)                                      \
	for (const struct wa_node *var = (parent)->child; var != NULL; \
		var = var->next)

/* ---- codec ---- */
/* Appends flags byte 00 and the encoded node to @out.  ERR_TOO_LARGE: deeper,
 * wider or longer than the other side would take; ERR_INVALID: a JID whose
 * device has no room on the wire.  @out is then as before. */
int wa_node_encode(
	const struct wa_node *node, struct buf *out, struct err *err);
/* @bytes is a decrypted frame, flags byte first (inflated when bit 1 is set, up
 * to WA_INFLATE_MAX).  Nothing may be left over.  ERR_PEER on anything
 * malformed.  The node keeps no pointer into @bytes.  An address of an unknown
 * server, or whose user is not plain, is kept as its text (kind STRING). */
int wa_node_decode(struct arena *arena, const uint8_t *bytes, size_t n,
	struct wa_node **out, struct err *err);

/* XML-like rendering for debug logs and tests, content as hex, at most @cap. */
char *wa_node_dump(const struct wa_node *node, char *out, size_t cap);

#endif
