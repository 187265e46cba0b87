/* Building, reading and showing nodes; their wire form is node_encode.c and
 * node_decode.c. */
#include "common/wa/node.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"

/* ---- building ---- */

struct wa_node *wa_node_new(struct arena *arena, const char *tag)
{
	struct wa_node *node = arena_alloc(arena, sizeof(*node));

	node->tag = arena_strdup(arena, tag);
	node->arena = arena;
	node->attrs_tail = &node->attrs;
	node->child_tail = &node->child;
	return node;
}

void wa_node_append(struct wa_node *parent, struct wa_node *child)
{
	*parent->child_tail = child;
	parent->child_tail = &child->next;
}

struct wa_node *wa_node_add(struct wa_node *parent, const char *tag)
{
	struct wa_node *child = wa_node_new(parent->arena, tag);

	wa_node_append(parent, child);
	return child;
}

static struct wa_value *add_attr(struct wa_node *node, const char *key)
{
	struct wa_attr *attr = arena_alloc(node->arena, sizeof(*attr));

	attr->key = arena_strdup(node->arena, key);
	*node->attrs_tail = attr;
	node->attrs_tail = &attr->next;
	return &attr->value;
}

static void set_text(
	struct wa_node *node, const char *key, const char *text, size_t n)
{
	struct wa_value *value = add_attr(node, key);

	value->kind = WA_VALUE_STRING;
	value->text = arena_strndup(node->arena, text, n);
	value->n = n;
}

void wa_node_set(struct wa_node *node, const char *key, const char *value)
{
	if (value != NULL && value[0] != '\0')
		set_text(node, key, value, strlen(value));
}

void wa_node_set_int(struct wa_node *node, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	wa_node_set(node, key, text);
}

void wa_node_set_jid(
	struct wa_node *node, const char *key, const struct wa_jid *jid)
{
	struct wa_value *value;

	if (wa_jid_is_empty(jid))
		return;
	value = add_attr(node, key);
	value->kind = WA_VALUE_JID;
	value->jid = *jid;
}

static void copy_value(
	struct arena *arena, const struct wa_value *from, struct wa_value *to)
{
	*to = *from;
	if (from->kind == WA_VALUE_STRING)
		to->text = arena_strndup(arena, from->text, from->n);
	else if (from->kind == WA_VALUE_BYTES)
		to->bytes = arena_dup(arena, from->bytes, from->n);
}

void wa_node_set_value(
	struct wa_node *node, const char *key, const struct wa_value *value)
{
	if (value != NULL && value->kind != WA_VALUE_NONE)
		copy_value(node->arena, value, add_attr(node, key));
}

void wa_node_bytes(struct wa_node *node, const void *bytes, size_t n)
{
	node->content = (struct wa_value){
		.kind = WA_VALUE_BYTES,
		.bytes = arena_dup(node->arena, bytes, n),
		.n = n,
	};
}

void wa_node_text(struct wa_node *node, const char *text)
{
	wa_node_bytes(node, text, strlen(text));
}

struct wa_node *wa_node_copy(struct arena *arena, const struct wa_node *node)
{
	struct wa_node *copy = wa_node_new(arena, node->tag);

	for (const struct wa_attr *attr = node->attrs; attr != NULL;
		attr = attr->next)
		copy_value(arena, &attr->value, add_attr(copy, attr->key));
	wa_node_each (child, node)
		wa_node_append(copy, wa_node_copy(arena, child));
	copy_value(arena, &node->content, &copy->content);
	return copy;
}

/* ---- reading ---- */

const struct wa_value *wa_node_get(const struct wa_node *node, const char *key)
{
	if (node == NULL)
		return NULL;
	for (const struct wa_attr *attr = node->attrs; attr != NULL;
		attr = attr->next) {
		if (strcmp(attr->key, key) == 0)
			return &attr->value;
	}
	return NULL;
}

static const char *jid_text_in(struct arena *arena, const struct wa_jid *jid)
{
	char text[WA_JID_TEXT];

	return arena_strdup(arena, wa_jid_text(jid, text));
}

const char *wa_node_str(const struct wa_node *node, const char *key)
{
	const struct wa_value *value = wa_node_get(node, key);

	if (value == NULL)
		return NULL;
	switch (value->kind) {
	case WA_VALUE_STRING:
		return value->text;
	case WA_VALUE_JID:
		return jid_text_in(node->arena, &value->jid);
	case WA_VALUE_BYTES:
		return arena_strndup(
			node->arena, (const char *)value->bytes, value->n);
	case WA_VALUE_NONE:
		return NULL;
	}
	return NULL;
}

bool wa_node_is(const struct wa_node *node, const char *key, const char *value)
{
	const char *text = wa_node_str(node, key);

	return text != NULL && strcmp(text, value) == 0;
}

int64_t wa_node_int(
	const struct wa_node *node, const char *key, int64_t missing)
{
	const struct wa_value *value = wa_node_get(node, key);
	long long number;
	char *end;

	if (value == NULL || value->kind != WA_VALUE_STRING || value->n == 0 ||
		value->n > 20)
		return missing;
	if ((value->text[0] < '0' || value->text[0] > '9') &&
		value->text[0] != '-')
		return missing;
	errno = 0;
	number = strtoll(value->text, &end, 10);
	if (errno != 0 || end != value->text + value->n)
		return missing;
	return number;
}

bool wa_node_jid(
	const struct wa_node *node, const char *key, struct wa_jid *out)
{
	const struct wa_value *value = wa_node_get(node, key);

	*out = (struct wa_jid){ 0 };
	if (value == NULL)
		return false;
	if (value->kind == WA_VALUE_JID)
		*out = value->jid;
	else if (value->kind == WA_VALUE_STRING)
		return wa_jid_parse(value->text, value->n, out) == 0;
	return value->kind == WA_VALUE_JID;
}

const struct wa_node *wa_node_child(const struct wa_node *node, const char *tag)
{
	if (node == NULL)
		return NULL;
	wa_node_each (child, node) {
		if (strcmp(child->tag, tag) == 0)
			return child;
	}
	return NULL;
}

const struct wa_node *wa_node_path(
	const struct wa_node *node, const char *tag1, const char *tag2)
{
	return wa_node_child(wa_node_child(node, tag1), tag2);
}

size_t wa_node_n_children(const struct wa_node *node)
{
	size_t n = 0;

	if (node == NULL)
		return 0;
	wa_node_each (child, node)
		n++;
	return n;
}

const uint8_t *wa_node_content(const struct wa_node *node, size_t *n_out)
{
	const uint8_t *bytes = NULL;
	size_t n = 0;

	if (node != NULL && node->content.kind == WA_VALUE_JID) {
		bytes = (const uint8_t *)jid_text_in(
			node->arena, &node->content.jid);
		n = strlen((const char *)bytes);
	} else if (node != NULL && node->content.kind == WA_VALUE_STRING) {
		bytes = (const uint8_t *)node->content.text;
		n = node->content.n;
	} else if (node != NULL && node->content.kind == WA_VALUE_BYTES) {
		bytes = node->content.bytes;
		n = node->content.n;
	}
	if (n_out != NULL)
		*n_out = n;
	return bytes;
}

/* ---- showing ---- */

/* Where the text goes; what no longer fits is dropped. */
struct dump {
	char *out;
	size_t cap;
	size_t at; /* below cap */
};

static void dump_byte(struct dump *dump, char c)
{
	if (dump->at + 1 >= dump->cap)
		return;
	dump->out[dump->at++] = c;
	dump->out[dump->at] = '\0';
}

static void dump_str(struct dump *dump, const char *text)
{
	for (; *text != '\0'; text++)
		dump_byte(dump, *text);
}

static void dump_hex(struct dump *dump, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	dump_byte(dump, '{');
	for (size_t i = 0; i < n && dump->at + 1 < dump->cap; i++) {
		dump_byte(dump, digits[bytes[i] >> 4]);
		dump_byte(dump, digits[bytes[i] & 15]);
	}
	dump_byte(dump, '}');
}

/* Peer text: what could end a line or a quote is shown as its number. */
static void dump_quoted(struct dump *dump, const char *text, size_t n)
{
	char escaped[sizeof("\\xff")];

	dump_byte(dump, '"');
	for (size_t i = 0; i < n && dump->at + 1 < dump->cap; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c != 0x7f && c != '"' && c != '\\') {
			dump_byte(dump, (char)c);
			continue;
		}
		snprintf(escaped, sizeof(escaped), "\\x%02x", c);
		dump_str(dump, escaped);
	}
	dump_byte(dump, '"');
}

static void dump_value(struct dump *dump, const struct wa_value *value)
{
	char text[WA_JID_TEXT];

	switch (value->kind) {
	case WA_VALUE_STRING:
		dump_quoted(dump, value->text, value->n);
		return;
	case WA_VALUE_JID:
		dump_str(dump, "\u00ab");
		dump_str(dump, wa_jid_text(&value->jid, text));
		dump_str(dump, "\u00bb");
		return;
	case WA_VALUE_BYTES:
		dump_hex(dump, value->bytes, value->n);
		return;
	case WA_VALUE_NONE:
		return;
	}
}

static void dump_node(struct dump *dump, const struct wa_node *node)
{
	if (dump->at + 1 >= dump->cap)
		return;
	dump_byte(dump, '<');
	dump_str(dump, node->tag);
	for (const struct wa_attr *attr = node->attrs; attr != NULL;
		attr = attr->next) {
		dump_byte(dump, ' ');
		dump_str(dump, attr->key);
		dump_byte(dump, '=');
		dump_value(dump, &attr->value);
	}
	if (node->child == NULL && node->content.kind == WA_VALUE_NONE) {
		dump_str(dump, "/>");
		return;
	}
	dump_byte(dump, '>');
	dump_value(dump, &node->content);
	wa_node_each (child, node)
		dump_node(dump, child);
	dump_str(dump, "</");
	dump_str(dump, node->tag);
	dump_byte(dump, '>');
}

char *wa_node_dump(const struct wa_node *node, char *out, size_t cap)
{
	struct dump dump = { .out = out, .cap = cap };

	if (cap == 0)
		return out;
	out[0] = '\0';
	dump_node(&dump, node);
	return out;
}
