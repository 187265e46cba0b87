/* Reads nodes from hostile bytes.  Rules: nothing is read past the end, nothing
 * is allocated before the bytes that pay for it are there, and depth and number
 * of parts are bounded.  A reader that failed stays failed, so most steps need
 * no check. */
#include "common/wa/node.h"

#include <string.h>

#include <zlib.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/node_tags.h"
#include "common/wa/token.h"

#define MIN_NODE_BYTES 3 /* list, its size, a tag */
#define MIN_ATTR_BYTES 2
#define INFLATE_STEP 65536

struct reader {
	struct arena *arena;
	const uint8_t *bytes;
	size_t n;
	size_t at;	    /* at most n */
	unsigned parts;	    /* nodes and attributes so far */
	const char *failed; /* why, or NULL */
};

static void fail(struct reader *r, const char *why)
{
	if (r->failed == NULL)
		r->failed = why;
	r->at = r->n;
}

/* ---- bytes ---- */

static const uint8_t *read_bytes(struct reader *r, size_t n)
{
	const uint8_t *at = r->bytes + r->at;

	if (r->failed != NULL || n > r->n - r->at) {
		fail(r, "ends early");
		return NULL;
	}
	r->at += n;
	return at;
}

/* Big endian; 0 after a failure. */
static uint32_t read_be(struct reader *r, unsigned n)
{
	const uint8_t *at = read_bytes(r, n);
	uint32_t value = 0;

	for (unsigned i = 0; at != NULL && i < n; i++)
		value = value << 8 | at[i];
	return value;
}

static uint8_t read_byte(struct reader *r)
{
	return (uint8_t)read_be(r, 1);
}

/* Length of a BINARY_x; false for other tags. */
static bool read_length(struct reader *r, uint8_t tag, size_t *n_out)
{
	switch (tag) {
	case TAG_BINARY_8:
		*n_out = read_be(r, 1);
		return true;
	case TAG_BINARY_20:
		*n_out = read_be(r, 3) & 0xfffff;
		return true;
	case TAG_BINARY_32:
		*n_out = read_be(r, 4);
		return true;
	default:
		return false;
	}
}

/* ---- strings ---- */

struct text {
	const char *text; /* NUL-terminated; "" after a failure */
	size_t n;
};

/* Character of a packed half byte, or -1.  15 ends an odd NIBBLE_8; there it is
 * NUL. */
static int unpack(uint8_t tag, uint8_t half)
{
	static const char digits[] = "0123456789ABCDEF";

	if (tag == TAG_HEX_8 || half < 10)
		return digits[half];
	if (half == 10)
		return '-';
	if (half == 11)
		return '.';
	return half == 15 ? '\0' : -1;
}

static struct text read_packed(struct reader *r, uint8_t tag)
{
	uint8_t start = read_byte(r);
	size_t n = 2 * (size_t)(start & 127);
	const uint8_t *packed;
	char unpacked[2 * 127];

	if (start == 0x80)
		fail(r, "packed string without its last byte");
	packed = read_bytes(r, start & 127);
	if (packed == NULL)
		return (struct text){ "", 0 };
	for (size_t i = 0; i < n; i++) {
		uint8_t pair = packed[i / 2];
		int c = unpack(tag, i % 2 == 0 ? pair >> 4 : pair & 15);
		bool dropped = i + 1 == n && start > 127;

		if (c < 0 || (c == '\0' && !dropped)) {
			fail(r, "bad packed character");
			return (struct text){ "", 0 };
		}
		unpacked[i] = (char)c;
	}
	n -= start >> 7;
	return (struct text){ arena_strndup(r->arena, unpacked, n), n };
}

static struct text read_token(struct reader *r, uint8_t tag)
{
	unsigned token = tag;
	struct text text;

	if (tag >= TAG_DICTIONARY_0)
		token = WA_TOKEN_SINGLE + 256u * (tag - TAG_DICTIONARY_0) +
			read_byte(r);
	text.text = wa_token_text(token, &text.n);
	return text;
}

/* Everything that is text but not an address. */
static struct text read_string(struct reader *r, uint8_t tag)
{
	const uint8_t *raw;
	size_t n;

	if (tag == TAG_LIST_EMPTY)
		return (struct text){ "", 0 };
	if (tag <= TAG_DICTIONARY_3)
		return read_token(r, tag);
	if (tag == TAG_HEX_8 || tag == TAG_NIBBLE_8)
		return read_packed(r, tag);
	if (!read_length(r, tag, &n)) {
		fail(r, "tag byte that is no string");
		return (struct text){ "", 0 };
	}
	raw = read_bytes(r, n);
	if (raw == NULL)
		return (struct text){ "", 0 };
	return (struct text){ arena_strndup(r->arena, (const char *)raw, n),
		n };
}

/* A tag or a key: not empty, no NUL. */
static const char *read_name(struct reader *r)
{
	struct text text = read_string(r, read_byte(r));

	if (text.n == 0 || strlen(text.text) != text.n)
		fail(r, "bad name");
	return text.text;
}

/* ---- addresses ---- */

/* An address that we cannot hold as one is kept as its text. */
static void put_jid(struct reader *r, struct text user, struct text server,
	unsigned device, struct wa_value *out)
{
	size_t n = user.n + 1 + server.n;
	char *text;

	if (wa_jid_from_parts(user.text, user.n,
		    wa_server_find(server.text, server.n), device,
		    &out->jid) == 0) {
		out->kind = WA_VALUE_JID;
		return;
	}
	out->kind = WA_VALUE_STRING;
	if (device != 0) {
		text = arena_printf(r->arena, "%.*s:%u@%.*s", (int)user.n,
			user.text, device, (int)server.n, server.text);
		n = strlen(text);
	} else {
		text = arena_alloc(r->arena, n + 1);
		memcpy(text, user.text, user.n);
		text[user.n] = '@';
		memcpy(text + user.n + 1, server.text, server.n);
	}
	out->text = text;
	out->n = n;
}

static void read_jid_pair(struct reader *r, struct wa_value *out)
{
	struct text user = read_string(r, read_byte(r));
	struct text server = read_string(r, read_byte(r));

	if (server.n == 0)
		fail(r, "address without server");
	put_jid(r, user, server, 0, out);
}

static struct text server_text(enum wa_server server)
{
	const char *name = wa_server_name(server);

	return (struct text){ name, strlen(name) };
}

static void read_ad_jid(struct reader *r, struct wa_value *out)
{
	uint8_t domain = read_byte(r);
	uint8_t device = read_byte(r);
	struct text user = read_string(r, read_byte(r));
	enum wa_server server = WA_SERVER_PN; /* of unknown domains, too */

	if (domain == DOMAIN_LID)
		server = WA_SERVER_LID;
	else if (domain == DOMAIN_HOSTED)
		server = WA_SERVER_HOSTED;
	else if (domain == DOMAIN_HOSTED_LID)
		server = WA_SERVER_HOSTED_LID;
	put_jid(r, user, server_text(server), device, out);
}

static void read_far_jid(struct reader *r, uint8_t tag, struct wa_value *out)
{
	enum wa_server expected =
		tag == TAG_FB_JID ? WA_SERVER_MSGR : WA_SERVER_INTEROP;
	struct text user = read_string(r, read_byte(r));
	unsigned device = read_be(r, 2);
	unsigned integrator = tag == TAG_FB_JID ? 0 : read_be(r, 2);
	struct text server = read_string(r, read_byte(r));

	if (wa_server_find(server.text, server.n) != expected)
		fail(r, "address of another server than its tag says");
	put_jid(r, user, server, device, out);
	if (out->kind == WA_VALUE_JID && user.n > 0)
		out->jid.integrator = (uint16_t)integrator;
}

/* A string or an address; BINARY_x is text here. */
static void read_value(struct reader *r, uint8_t tag, struct wa_value *out)
{
	struct text text;

	switch (tag) {
	case TAG_JID_PAIR:
		read_jid_pair(r, out);
		return;
	case TAG_AD_JID:
		read_ad_jid(r, out);
		return;
	case TAG_FB_JID:
	case TAG_INTEROP_JID:
		read_far_jid(r, tag, out);
		return;
	default:
		text = read_string(r, tag);
		out->kind = WA_VALUE_STRING;
		out->text = text.text;
		out->n = text.n;
	}
}

/* ---- nodes ---- */

static bool is_list(uint8_t tag)
{
	return tag == TAG_LIST_EMPTY || tag == TAG_LIST_8 || tag == TAG_LIST_16;
}

/* Number of items, each of at least @item_bytes, which must still be there. */
static size_t read_list_size(struct reader *r, uint8_t tag, size_t item_bytes)
{
	size_t n = 0;

	if (tag == TAG_LIST_8)
		n = read_be(r, 1);
	else if (tag == TAG_LIST_16)
		n = read_be(r, 2);
	else if (tag != TAG_LIST_EMPTY)
		fail(r, "tag byte that is no list");
	if (n > (r->n - r->at) / item_bytes) {
		fail(r, "list longer than the stanza");
		return 0;
	}
	return n;
}

static void *new_part(struct reader *r, size_t bytes)
{
	if (++r->parts > WA_NODE_MAX_PARTS)
		fail(r, "too many parts");
	return arena_alloc(r->arena, bytes);
}

static void read_attrs(struct reader *r, struct wa_node *node, size_t n)
{
	for (size_t i = 0; i < n && r->failed == NULL; i++) {
		struct wa_attr *attr = new_part(r, sizeof(*attr));

		attr->key = read_name(r);
		read_value(r, read_byte(r), &attr->value);
		*node->attrs_tail = attr;
		node->attrs_tail = &attr->next;
	}
}

static struct wa_node *read_node(struct reader *r, unsigned depth);

static void read_content(struct reader *r, struct wa_node *node, unsigned depth)
{
	uint8_t tag = read_byte(r);
	size_t n;

	if (is_list(tag)) {
		n = read_list_size(r, tag, MIN_NODE_BYTES);
		for (size_t i = 0; i < n && r->failed == NULL; i++)
			wa_node_append(node, read_node(r, depth + 1));
	} else if (read_length(r, tag, &n)) {
		node->content.kind = WA_VALUE_BYTES;
		node->content.bytes = read_bytes(r, n);
		node->content.n = n;
	} else {
		read_value(r, tag, &node->content);
	}
}

static struct wa_node *read_node(struct reader *r, unsigned depth)
{
	struct wa_node *node = new_part(r, sizeof(*node));
	size_t size;

	node->arena = r->arena;
	node->attrs_tail = &node->attrs;
	node->child_tail = &node->child;
	if (depth > WA_NODE_MAX_DEPTH) {
		fail(r, "nested too deep");
		return node;
	}
	size = read_list_size(r, read_byte(r), 1);
	if (size == 0)
		fail(r, "node without tag");
	node->tag = read_name(r);
	if ((size - 1) / 2 > (r->n - r->at) / MIN_ATTR_BYTES)
		fail(r, "more attributes than the stanza holds");
	if (r->failed == NULL)
		read_attrs(r, node, (size - 1) / 2);
	if (r->failed == NULL && size % 2 == 0)
		read_content(r, node, depth);
	return node;
}

/* ---- frames ---- */

/* Inflates into the arena.  NULL: not one whole zlib stream, or too long. */
static const uint8_t *inflate_into(
	struct arena *arena, const uint8_t *bytes, size_t n, size_t *n_out)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	z_stream z = { .next_in = (Bytef *)bytes, .avail_in = (uInt)n };
	int rc = Z_OK;

	if (n > WA_FRAME_MAX || inflateInit(&z) != Z_OK)
		return NULL;
	while (rc == Z_OK && out.len <= WA_INFLATE_MAX) {
		z.next_out = buf_reserve(&out, INFLATE_STEP);
		z.avail_out = INFLATE_STEP;
		rc = inflate(&z, Z_NO_FLUSH);
		out.len += INFLATE_STEP - z.avail_out;
	}
	inflateEnd(&z);
	if (rc != Z_STREAM_END || z.avail_in != 0 || out.len > WA_INFLATE_MAX)
		return NULL;
	*n_out = out.len;
	return arena_dup(arena, out.data, out.len);
}

int wa_node_decode(struct arena *arena, const uint8_t *bytes, size_t n,
	struct wa_node **out, struct err *err)
{
	struct reader r = { .arena = arena };
	struct wa_node *node;

	if (n < 1)
		return err_set(err, ERR_PEER, "stanza without flags");
	/* The contents of the node point into this copy. */
	if (bytes[0] & NODE_FLAG_COMPRESSED) {
		r.bytes = inflate_into(arena, bytes + 1, n - 1, &r.n);
		if (r.bytes == NULL)
			return err_set(err, ERR_PEER, "stanza not inflatable");
	} else {
		r.bytes = arena_dup(arena, bytes + 1, n - 1);
		r.n = n - 1;
	}
	node = read_node(&r, 1);
	if (r.failed == NULL && r.at != r.n)
		fail(&r, "bytes left over");
	if (r.failed != NULL)
		return err_set(err, ERR_PEER, "stanza: %s", r.failed);
	*out = node;
	return 0;
}
