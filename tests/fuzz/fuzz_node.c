/* Any bytes as a decrypted frame.  What is read can be looked at in every way,
 * and writing it is stable: encode(decode(encode(x))) = encode(x). */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void look_at(const struct wa_node *node)
{
	struct wa_jid jid;
	size_t n;

	for (const struct wa_attr *attr = node->attrs; attr != NULL;
		attr = attr->next) {
		const char *text = wa_node_str(node, attr->key);

		assert(text != NULL);
		assert(wa_node_is(node, attr->key, text));
		(void)wa_node_int(node, attr->key, 0);
		if (wa_node_jid(node, attr->key, &jid)) {
			char again[WA_JID_TEXT];
			struct wa_jid parsed;

			wa_jid_text(&jid, again);
			assert(wa_jid_parse(again, strlen(again), &parsed) ==
				0);
			assert(wa_jid_same_user(&jid, &parsed));
		}
	}
	(void)wa_node_content(node, &n);
	wa_node_each (child, node)
		look_at(child);
}

static int encode(const struct wa_node *node, struct buf *out)
{
	struct err err = ERR_NONE;

	if (wa_node_encode(node, out, &err) == 0)
		return 0;
	assert(err.code == ERR_TOO_LARGE); /* it was compressed */
	return -1;
}

static void check_node(struct arena *arena, const struct wa_node *node)
{
	scoped(buf_fini) struct buf once = BUF_INIT, twice = BUF_INIT;
	struct wa_node *again;
	char shown[512];

	look_at(node);
	wa_node_dump(node, shown, sizeof(shown));
	assert(strlen(shown) < sizeof(shown));
	if (encode(wa_node_copy(arena, node), &once) != 0)
		return;
	assert(wa_node_decode(arena, once.data, once.len, &again, NULL) == 0);
	assert(encode(again, &twice) == 0);
	assert(once.len == twice.len);
	assert(memcmp(once.data, twice.data, once.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(arena_free) struct arena *arena = arena_new(4096);
	struct err err = ERR_NONE;
	struct wa_node *node;

	if (wa_node_decode(arena, bytes, n, &node, &err) == 0)
		check_node(arena, node);
	else
		assert(err.code == ERR_PEER);
	return 0;
}
