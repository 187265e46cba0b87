#include "common/wa/node.h"

#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/wa/node_tags.h"
#include "common/wa/token.h"

#define LIST_16_MAX 65535
#define FRAME_TAG_BYTES 16 /* what sealing adds */

static void write_length(struct buf *out, size_t n)
{
	if (n < 256) {
		buf_add_byte(out, TAG_BINARY_8);
		buf_add_be(out, n, 1);
	} else if (n < (1u << 20)) {
		buf_add_byte(out, TAG_BINARY_20);
		buf_add_be(out, n, 3);
	} else {
		buf_add_byte(out, TAG_BINARY_32);
		buf_add_be(out, n, 4);
	}
}

static void write_raw(struct buf *out, const void *bytes, size_t n)
{
	write_length(out, n);
	buf_add(out, bytes, n);
}

static void write_token(struct buf *out, unsigned token)
{
	if (token >= WA_TOKEN_SINGLE) {
		token -= WA_TOKEN_SINGLE;
		buf_add_byte(out, (uint8_t)(TAG_DICTIONARY_0 + token / 256));
	}
	buf_add_byte(out, (uint8_t)token);
}

/* 0..15, or -1. */
static int nibble_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c == '-')
		return 10;
	return c == '.' ? 11 : -1;
}

/* Upper case only. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Two characters a byte.  False, and nothing written, when one does not fit the
 * alphabet. */
static bool write_packed(struct buf *out, enum node_tag tag,
	int (*value_of)(char), const char *text, size_t n)
{
	uint8_t *at = buf_reserve(out, 2 + (n + 1) / 2);

	at[0] = (uint8_t)tag;
	at[1] = (uint8_t)((n + 1) / 2 | (n % 2) << 7);
	for (size_t i = 0; i < n; i += 2) {
		int high = value_of(text[i]);
		int low = i + 1 < n ? value_of(text[i + 1]) : 15;

		if (high < 0 || low < 0)
			return false;
		at[2 + i / 2] = (uint8_t)(high << 4 | low);
	}
	out->len += 2 + (n + 1) / 2;
	return true;
}

/* Token before packing before raw: other orders are not understood everywhere.
 */
static void write_string(struct buf *out, const char *text, size_t n)
{
	unsigned token = wa_token_find(text, n);

	if (token != 0) {
		write_token(out, token);
		return;
	}
	if (n > 0 && n <= PACKED_MAX &&
		(write_packed(out, TAG_NIBBLE_8, nibble_value, text, n) ||
			write_packed(out, TAG_HEX_8, hex_value, text, n)))
		return;
	write_raw(out, text, n);
}

static void write_cstr(struct buf *out, const char *text)
{
	write_string(out, text, strlen(text));
}

static void write_ad_jid(
	struct buf *out, enum node_domain domain, const struct wa_jid *jid)
{
	buf_add_byte(out, TAG_AD_JID);
	buf_add_byte(out, (uint8_t)domain);
	buf_add_byte(out, (uint8_t)jid->device);
	write_cstr(out, jid->user);
}

static void write_jid_pair(struct buf *out, const struct wa_jid *jid)
{
	buf_add_byte(out, TAG_JID_PAIR);
	if (jid->user[0] == '\0')
		buf_add_byte(out, TAG_LIST_EMPTY);
	else
		write_cstr(out, jid->user);
	write_cstr(out, wa_server_name(jid->server));
}

static void write_far_jid(struct buf *out, const struct wa_jid *jid)
{
	bool interop = jid->server == WA_SERVER_INTEROP;

	buf_add_byte(out, interop ? TAG_INTEROP_JID : TAG_FB_JID);
	write_cstr(out, jid->user);
	buf_add_be(out, jid->device, 2);
	if (interop)
		buf_add_be(out, jid->integrator, 2);
	write_cstr(out, wa_server_name(jid->server));
}

static int write_jid(struct buf *out, const struct wa_jid *jid, struct err *err)
{
	if (jid->device > wa_server_max_device(jid->server))
		return err_set(err, ERR_INVALID, "device %u at server %s",
			jid->device, wa_server_name(jid->server));
	switch (jid->server) {
	case WA_SERVER_PN:
	case WA_SERVER_LID:
		if (jid->device == 0)
			write_jid_pair(out, jid);
		else
			write_ad_jid(out,
				jid->server == WA_SERVER_PN ? DOMAIN_PN
							    : DOMAIN_LID,
				jid);
		return 0;
	case WA_SERVER_HOSTED:
		write_ad_jid(out, DOMAIN_HOSTED, jid);
		return 0;
	case WA_SERVER_HOSTED_LID:
		write_ad_jid(out, DOMAIN_HOSTED_LID, jid);
		return 0;
	case WA_SERVER_MSGR:
	case WA_SERVER_INTEROP:
		write_far_jid(out, jid);
		return 0;
	case WA_SERVER_GROUP:
	case WA_SERVER_BROADCAST:
	case WA_SERVER_NEWSLETTER:
	case WA_SERVER_BOT:
	case WA_SERVER_LEGACY:
	case WA_SERVER_CALL:
		write_jid_pair(out, jid);
		return 0;
	case WA_SERVER_NONE:
		break;
	}
	return err_set(err, ERR_INVALID, "JID without server");
}

static int write_value(
	struct buf *out, const struct wa_value *value, struct err *err)
{
	switch (value->kind) {
	case WA_VALUE_STRING:
		write_string(out, value->text, value->n);
		return 0;
	case WA_VALUE_JID:
		return write_jid(out, &value->jid, err);
	case WA_VALUE_BYTES:
		write_raw(out, value->bytes, value->n);
		return 0;
	case WA_VALUE_NONE:
		break;
	}
	return err_set(err, ERR_INVALID, "attribute without value");
}

static int write_list_start(struct buf *out, size_t n, struct err *err)
{
	if (n > LIST_16_MAX)
		return err_set(err, ERR_TOO_LARGE, "list of %zu", n);
	if (n == 0) {
		buf_add_byte(out, TAG_LIST_EMPTY);
	} else if (n < 256) {
		buf_add_byte(out, TAG_LIST_8);
		buf_add_be(out, n, 1);
	} else {
		buf_add_byte(out, TAG_LIST_16);
		buf_add_be(out, n, 2);
	}
	return 0;
}

static int write_node(struct buf *out, const struct wa_node *node,
	unsigned depth, struct err *err);

static int write_children(struct buf *out, const struct wa_node *node,
	unsigned depth, struct err *err)
{
	if (write_list_start(out, wa_node_n_children(node), err) != 0)
		return -1;
	wa_node_each (child, node) {
		if (write_node(out, child, depth, err) != 0)
			return -1;
	}
	return 0;
}

static int write_node(struct buf *out, const struct wa_node *node,
	unsigned depth, struct err *err)
{
	bool has_value = node->content.kind != WA_VALUE_NONE;
	size_t size = 1;

	if (depth > WA_NODE_MAX_DEPTH)
		return err_set(err, ERR_TOO_LARGE, "nodes nested too deep");
	if (node->tag[0] == '\0')
		return err_set(err, ERR_INVALID, "node without tag");
	for (const struct wa_attr *attr = node->attrs; attr != NULL;
		attr = attr->next)
		size += 2;
	if (node->child != NULL || has_value)
		size++;
	if (write_list_start(out, size, err) != 0)
		return -1;
	write_cstr(out, node->tag);
	for (const struct wa_attr *attr = node->attrs; attr != NULL;
		attr = attr->next) {
		write_cstr(out, attr->key);
		if (write_value(out, &attr->value, err) != 0)
			return -1;
	}
	if (node->child != NULL)
		return write_children(out, node, depth + 1, err);
	return has_value ? write_value(out, &node->content, err) : 0;
}

int wa_node_encode(const struct wa_node *node, struct buf *out, struct err *err)
{
	size_t start = out->len;

	buf_add_byte(out, 0);
	if (write_node(out, node, 1, err) != 0) {
		out->len = start;
		return -1;
	}
	if (out->len - start > WA_FRAME_MAX - FRAME_TAG_BYTES) {
		size_t n = out->len - start;

		out->len = start;
		return err_set(err, ERR_TOO_LARGE, "stanza of %zu bytes", n);
	}
	return 0;
}
