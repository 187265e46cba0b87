/* Our node codec behind a line protocol, to be compared with another one.
 *
 *   {"encode": NODE}   ->  {"hex": "00f801…"} or {"error": "…"}
 *   {"decode": "hex"}  ->  {"node": NODE} or {"error": "…"}
 *
 * NODE is {"tag": "iq", "attrs": [["key", VALUE], …], "content": VALUE or
 * [NODE, …]}; VALUE is {"s": "text"}, {"j": "address"}, {"b": "hex"} or, for
 * text that is not UTF-8, {"x": "hex"}; so may be a name. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/node.h"

static struct arena *arena;

/* ---- hex ---- */

static json_t *hex_json(const uint8_t *bytes, size_t n)
{
	char *text = xcalloc(n + 1, 2);
	json_t *json;

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	json = json_string(text);
	free(text);
	return json;
}

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Into the arena; NULL when it is not hex. */
static uint8_t *hex_read(const char *text, size_t *n_out)
{
	size_t n = text != NULL ? strlen(text) : 1;
	uint8_t *bytes;

	if (n % 2 != 0)
		return NULL;
	bytes = arena_alloc(arena, n / 2 + 1);
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_value(text[i]), low = hex_value(text[i + 1]);

		if (high < 0 || low < 0)
			return NULL;
		bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	*n_out = n / 2;
	return bytes;
}

/* ---- to JSON ---- */

static json_t *not_utf8(const char *text, size_t n)
{
	return json_pack("{s:o}", "x", hex_json((const uint8_t *)text, n));
}

static json_t *value_json(const struct wa_value *value)
{
	char text[WA_JID_TEXT];
	json_t *string;

	switch (value->kind) {
	case WA_VALUE_STRING:
		string = json_stringn(value->text, value->n);
		return string != NULL ? json_pack("{s:o}", "s", string)
				      : not_utf8(value->text, value->n);
	case WA_VALUE_JID:
		return json_pack("{s:s}", "j", wa_jid_text(&value->jid, text));
	case WA_VALUE_BYTES:
		return json_pack(
			"{s:o}", "b", hex_json(value->bytes, value->n));
	case WA_VALUE_NONE:
		return json_null();
	}
	return json_null();
}

static json_t *name_json(const char *name)
{
	json_t *string = json_string(name);

	return string != NULL ? string : not_utf8(name, strlen(name));
}

static json_t *node_json(const struct wa_node *node)
{
	json_t *attrs = json_array(), *children = json_array();
	json_t *content = value_json(&node->content);

	for (const struct wa_attr *attr = node->attrs; attr != NULL;
		attr = attr->next)
		json_array_append_new(
			attrs, json_pack("[o,o]", name_json(attr->key),
				       value_json(&attr->value)));
	wa_node_each (child, node)
		json_array_append_new(children, node_json(child));
	if (json_array_size(children) > 0) {
		json_decref(content);
		content = json_incref(children);
	}
	json_decref(children);
	return json_pack("{s:o,s:o,s:o}", "tag", name_json(node->tag), "attrs",
		attrs, "content", content);
}

/* ---- from JSON ---- */

static int value_from(json_t *json, struct wa_value *out)
{
	json_t *string = json_object_get(json, "s");
	const char *jid = json_string_value(json_object_get(json, "j"));
	const char *hex = json_string_value(json_object_get(json, "b"));

	*out = (struct wa_value){ 0 };
	if (string != NULL) {
		out->kind = WA_VALUE_STRING;
		out->text = json_string_value(string);
		out->n = json_string_length(string);
	} else if (jid != NULL) {
		out->kind = WA_VALUE_JID;
		return wa_jid_parse(jid, strlen(jid), &out->jid);
	} else if (hex != NULL) {
		out->kind = WA_VALUE_BYTES;
		out->bytes = hex_read(hex, &out->n);
		return out->bytes != NULL ? 0 : -1;
	}
	return 0;
}

static struct wa_node *node_from(json_t *json)
{
	const char *tag = json_string_value(json_object_get(json, "tag"));
	json_t *attrs = json_object_get(json, "attrs");
	json_t *content = json_object_get(json, "content"), *item;
	struct wa_node *node, *child;
	struct wa_value value;
	size_t i;

	if (tag == NULL)
		return NULL;
	node = wa_node_new(arena, tag);
	json_array_foreach(attrs, i, item)
	{
		const char *key = json_string_value(json_array_get(item, 0));

		if (key == NULL ||
			value_from(json_array_get(item, 1), &value) != 0)
			return NULL;
		wa_node_set_value(node, key, &value);
	}
	if (!json_is_array(content))
		return value_from(content, &node->content) == 0 ? node : NULL;
	json_array_foreach(content, i, item)
	{
		child = node_from(item);
		if (child == NULL)
			return NULL;
		wa_node_append(node, child);
	}
	return node;
}

/* ---- the line protocol ---- */

static json_t *error_json(const char *words)
{
	return json_pack("{s:s}", "error", words);
}

static json_t *answer_encode(json_t *json)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct wa_node *node = node_from(json);
	struct err err = ERR_NONE;

	if (node == NULL)
		return error_json("no node");
	if (wa_node_encode(node, &out, &err) != 0)
		return error_json(err.msg);
	return json_pack("{s:o}", "hex", hex_json(out.data, out.len));
}

static json_t *answer_decode(const char *hex)
{
	struct err err = ERR_NONE;
	struct wa_node *node;
	size_t n;
	uint8_t *bytes = hex_read(hex, &n);

	if (bytes == NULL)
		return error_json("no hex");
	if (wa_node_decode(arena, bytes, n, &node, &err) != 0)
		return error_json(err.msg);
	return json_pack("{s:o}", "node", node_json(node));
}

static json_t *answer(const char *line)
{
	json_t *question = json_loads(line, JSON_ALLOW_NUL, NULL), *reply;

	if (json_object_get(question, "encode") != NULL)
		reply = answer_encode(json_object_get(question, "encode"));
	else if (json_object_get(question, "decode") != NULL)
		reply = answer_decode(
			json_string_value(json_object_get(question, "decode")));
	else
		reply = error_json("no question");
	json_decref(question);
	return reply;
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;

	arena = arena_new(65536);
	while (getline(&line, &cap, stdin) > 0) {
		json_t *reply = answer(line);

		json_dumpf(reply, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(reply);
		arena_reset(arena);
	}
	free(line);
	arena_free(&arena);
	return fflush(stdout) == 0 ? 0 : 1;
}
