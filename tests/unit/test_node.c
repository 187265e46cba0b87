#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/node.h"
#include "common/wa/token.h"
#include "tests/unit/hex.h"

static struct arena *arena;

static int open_arena(void **state)
{
	(void)state;
	arena = arena_new(4096);
	return 0;
}

static int close_arena(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static struct wa_jid jid_of(const char *text)
{
	struct wa_jid jid;

	assert_int_equal(wa_jid_parse(text, strlen(text), &jid), 0);
	return jid;
}

static void set_jid(struct wa_node *node, const char *key, const char *text)
{
	struct wa_jid jid = jid_of(text);

	wa_node_set_jid(node, key, &jid);
}

/* Attribute with a string value, also an empty one. */
static void set_string(
	struct wa_node *node, const char *key, const char *text, size_t n)
{
	struct wa_value value = {
		.kind = WA_VALUE_STRING, .text = text, .n = n
	};

	wa_node_set_value(node, key, &value);
}

static void set_content(struct wa_node *node, const char *text)
{
	node->content = (struct wa_value){
		.kind = WA_VALUE_STRING, .text = text, .n = strlen(text)
	};
}

static int decode_hex(const char *hex, struct wa_node **out, struct err *err)
{
	uint8_t bytes[4096];
	size_t n = hex_bytes(hex, bytes, sizeof(bytes));

	return wa_node_decode(arena, bytes, n, out, err);
}

static const char *dump(const struct wa_node *node)
{
	static char text[8192];

	return wa_node_dump(node, text, sizeof(text));
}

/* ---- vectors: connection.md A.2 ---- */

static struct wa_node *build_result(void)
{
	struct wa_node *iq = wa_node_new(arena, "iq");

	set_jid(iq, "to", "s.whatsapp.net");
	wa_node_set(iq, "type", "result");
	wa_node_set(iq, "id", "srv-1");
	return iq;
}

static struct wa_node *build_ping(void)
{
	struct wa_node *iq = wa_node_new(arena, "iq");

	wa_node_set(iq, "id", "12.34-1");
	wa_node_set(iq, "xmlns", "w:p");
	wa_node_set(iq, "type", "get");
	set_jid(iq, "to", "s.whatsapp.net");
	wa_node_add(iq, "ping");
	return iq;
}

static struct wa_node *build_presence(void)
{
	struct wa_node *presence = wa_node_new(arena, "presence");

	wa_node_set(presence, "name", "Bob");
	wa_node_set(presence, "type", "available");
	return presence;
}

static struct wa_node *build_offline(void)
{
	struct wa_node *ib = wa_node_new(arena, "ib");

	set_jid(ib, "from", "s.whatsapp.net");
	wa_node_set_int(wa_node_add(ib, "offline"), "count", 0);
	return ib;
}

static struct wa_node *build_receipt_ack(void)
{
	struct wa_node *ack = wa_node_new(arena, "ack");

	wa_node_set(ack, "id", "3EB0ABCDEF0123456789");
	set_jid(ack, "to", "15550001111:7@s.whatsapp.net");
	wa_node_set(ack, "class", "receipt");
	return ack;
}

static struct wa_node *build_message_ack(void)
{
	struct wa_node *ack = wa_node_new(arena, "ack");

	wa_node_set(ack, "id", "A");
	set_jid(ack, "to", "100000000000001:7@lid");
	wa_node_set(ack, "class", "message");
	set_jid(ack, "participant", "123456-789@g.us");
	return ack;
}

static struct wa_node *build_packing(void)
{
	struct wa_node *x = wa_node_new(arena, "x");

	wa_node_set(x, "a", "12.5-");
	wa_node_set(x, "b", "DEADBEEF");
	wa_node_set(x, "c", "deadbeef");
	set_string(x, "d", "", 0);
	wa_node_bytes(x, "\x01\x02", 2);
	return x;
}

static struct wa_node *build_jids(void)
{
	struct wa_node *x = wa_node_new(arena, "x");

	set_jid(x, "j", "12345:99@hosted");
	set_jid(x, "k", "status@broadcast");
	set_jid(x, "l", "120363041234567890@g.us");
	return x;
}

static struct wa_node *build_end(void)
{
	return wa_node_new(arena, "xmlstreamend");
}

static const struct {
	struct wa_node *(*build)(void);
	const char *hex;
	const char *text;
} vectors[] = {
	{ build_result, "00f8071911fa0003041408fc057372762d31",
		"<iq to=«s.whatsapp.net» type=\"result\" id=\"srv-1\"/>" },
	{ build_ping, "00f80a1908ff8412b34a1f1657042911fa0003f801f80156",
		"<iq id=\"12.34-1\" xmlns=\"w:p\" type=\"get\" "
		"to=«s.whatsapp.net»><ping/></iq>" },
	{ build_presence, "00f8051f89fc03426f620488",
		"<presence name=\"Bob\" type=\"available\"/>" },
	{ build_offline, "00f804fc02696206fa0003f801f80312412d",
		"<ib from=«s.whatsapp.net»><offline count=\"0\"/></ib>" },
	{ build_receipt_ack,
		"00f8071b08fb0a3eb0abcdef012345678911f70007ff86155500011"
		"11f1507",
		"<ack id=\"3EB0ABCDEF0123456789\" "
		"to=«15550001111:7@s.whatsapp.net» class=\"receipt\"/>" },
	{ build_message_ack,
		"00f8091b08fb81af11f70107ff88100000000000001f151305faff"
		"05123456a7891c",
		"<ack id=\"A\" to=«100000000000001:7@lid» "
		"class=\"message\" participant=«123456-789@g.us»/>" },
	{ build_packing,
		"00f80afc0178fc0161ff8312b5affc0162fb04deadbeefee25fc086"
		"465616462656566fc0164fc00fc020102",
		"<x a=\"12.5-\" b=\"DEADBEEF\" c=\"deadbeef\" d=\"\">"
		"{0102}</x>" },
	{ build_jids,
		"00f807fc0178fc016af78063ff8312345ffc016bfa0b0dfc016cfaf"
		"f091203630412345678901c",
		"<x j=«12345:99@hosted» k=«status@broadcast» "
		"l=«120363041234567890@g.us»/>" },
	{ build_end, "00f80102", "<xmlstreamend/>" },
};

static void the_vectors_come_out_of_the_encoder(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		scoped(buf_fini) struct buf out = BUF_INIT;

		assert_int_equal(
			wa_node_encode(vectors[i].build(), &out, NULL), 0);
		assert_hex_equal(out.data, out.len, vectors[i].hex);
	}
}

static void the_vectors_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct wa_node *node;

		assert_int_equal(decode_hex(vectors[i].hex, &node, NULL), 0);
		assert_string_equal(dump(node), vectors[i].text);
	}
}

static void the_vectors_are_read_compressed_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		uint8_t bytes[256], packed[512] = { 2 };
		size_t n = hex_bytes(vectors[i].hex, bytes, sizeof(bytes));
		uLongf n_packed = sizeof(packed) - 1;
		struct wa_node *node;

		assert_int_equal(
			compress(packed + 1, &n_packed, bytes + 1, n - 1),
			Z_OK);
		assert_int_equal(wa_node_decode(arena, packed, n_packed + 1,
					 &node, NULL),
			0);
		assert_string_equal(dump(node), vectors[i].text);
	}
}

/* ---- tokens and strings ---- */

static void every_token_is_found_by_its_text(void **state)
{
	size_t n;

	(void)state;
	for (unsigned token = 1; token < WA_TOKEN_COUNT; token++) {
		const char *text = wa_token_text(token, &n);

		assert_int_equal(strlen(text), n);
		assert_int_equal(wa_token_find(text, n), token);
	}
	assert_int_equal(wa_token_find("", 0), 0);
	assert_int_equal(wa_token_find("no such token", 13), 0);
	assert_int_equal(wa_token_find("iqq", 2), 25);
}

static void strings_take_the_shortest_allowed_form(void **state)
{
	char packable[129];
	char hex[129];
	const struct {
		const char *text;
		const char *hex; /* what follows <x a=... */
	} cases[] = {
		{ "0", "2d" }, /* token before packing */
		{ "401", "8d" },
		{ "", "fc00" },
		{ "5", "ec79" },
		{ "..-", "ff82bbaf" },
		{ "9-9", "ff829a9f" },
		{ "12-.", "ff0212ab" },
		{ "1A", "fb011a" },
		{ "ABC", "fb82abcf" },
		{ "1a", "fc023161" },
		{ "-A", "fc022d41" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(buf_fini) struct buf out = BUF_INIT;
		struct wa_node *node = wa_node_new(arena, "x");
		char expected[64];

		set_string(node, "y", cases[i].text, strlen(cases[i].text));
		snprintf(expected, sizeof(expected), "00f803fc0178fc0179%s",
			cases[i].hex);
		assert_int_equal(wa_node_encode(node, &out, NULL), 0);
		assert_hex_equal(out.data, out.len, expected);
	}
	memset(packable, '7', sizeof(packable));
	memset(hex, 'F', sizeof(hex));
	for (size_t n = 126; n <= 128; n++) {
		scoped(buf_fini) struct buf out = BUF_INIT;
		struct wa_node *node = wa_node_new(arena, "x");

		set_string(node, "y", packable, n);
		set_string(node, "z", hex, n);
		assert_int_equal(wa_node_encode(node, &out, NULL), 0);
		assert_int_equal(out.data[9], n <= 127 ? 0xff : 0xfc);
		assert_int_equal(
			wa_node_decode(arena, out.data, out.len, &node, NULL),
			0);
		assert_int_equal(wa_node_get(node, "y")->n, n);
		assert_memory_equal(wa_node_str(node, "y"), packable, n);
		assert_memory_equal(wa_node_str(node, "z"), hex, n);
	}
}

static void lengths_take_three_forms(void **state)
{
	static const struct {
		size_t n;
		const char *head;
	} cases[] = { { 0, "fc00" }, { 255, "fcff" }, { 256, "fd000100" },
		{ (1 << 20) - 1, "fd0fffff" }, { 1 << 20, "fe00100000" } };
	uint8_t *bytes = xcalloc(1, 1 << 20);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(buf_fini) struct buf out = BUF_INIT;
		struct wa_node *node = wa_node_new(arena, "x");
		size_t n, n_head = strlen(cases[i].head) / 2;

		wa_node_bytes(node, bytes, cases[i].n);
		assert_int_equal(wa_node_encode(node, &out, NULL), 0);
		assert_hex_equal(out.data + 6, n_head, cases[i].head);
		assert_int_equal(
			wa_node_decode(arena, out.data, out.len, &node, NULL),
			0);
		assert_non_null(wa_node_content(node, &n));
		assert_int_equal(n, cases[i].n);
	}
	free(bytes);
}

/* ---- the three kinds of values ---- */

static void text_jids_and_bytes_stay_apart(void **state)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct wa_node *node = wa_node_new(arena, "message"), *child;

	(void)state;
	set_jid(node, "from", "1@lid");
	wa_node_set(node, "notify", "1@lid");
	set_content(wa_node_add(node, "a"), "text");
	wa_node_text(wa_node_add(node, "b"), "text");
	child = wa_node_add(node, "c");
	child->content.kind = WA_VALUE_JID;
	child->content.jid = jid_of("2@g.us");
	assert_int_equal(wa_node_encode(node, &out, NULL), 0);
	assert_int_equal(
		wa_node_decode(arena, out.data, out.len, &node, NULL), 0);
	assert_string_equal(dump(node),
		"<message from=«1@lid» notify=\"1@lid\"><a>\"text\"</a>"
		"<b>{74657874}</b><c>«2@g.us»</c></message>");
}

static void addresses_keep_to_their_forms(void **state)
{
	static const struct {
		const char *jid, *hex; /* after <x y=... */
	} cases[] = {
		{ "98765@s.whatsapp.net", "faff8398765f03" },
		{ "98765:1@s.whatsapp.net", "f70001ff8398765f" },
		{ "98765:255@lid", "f701ffff8398765f" },
		{ "98765@hosted", "f78000ff8398765f" },
		{ "98765:2@hosted.lid", "f78102ff8398765f" },
		{ "98765-1@g.us", "faff8498765a1f1c" },
		{ "g.us", "fa001c" },
		{ "s.whatsapp.net", "fa0003" },
		{ "98765:300@msgr", "f6ff8398765f012ccc" },
		{ "7-u:258@interop", "f5fc017501020007fc07696e7465726f70" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(buf_fini) struct buf out = BUF_INIT;
		struct wa_node *node = wa_node_new(arena, "x");
		struct wa_jid jid = jid_of(cases[i].jid), again;
		char expected[64];

		wa_node_set_jid(node, "y", &jid);
		assert_int_equal(wa_node_encode(node, &out, NULL), 0);
		snprintf(expected, sizeof(expected), "00f803fc0178fc0179%s",
			cases[i].hex);
		assert_hex_equal(out.data, out.len, expected);
		assert_int_equal(
			wa_node_decode(arena, out.data, out.len, &node, NULL),
			0);
		assert_true(wa_node_jid(node, "y", &again));
		assert_true(wa_jid_equal(&jid, &again));
	}
}

static void an_address_we_cannot_hold_stays_text(void **state)
{
	static const struct {
		const char *hex, *text;
	} cases[] = {
		/* unknown server "b" */
		{ "00f803fc0178fc0179fafc0161fc0162", "<x y=\"a@b\"/>" },
		/* user "1:5" would be a device */
		{ "00f803fc0178fc0179fafc03313a35fc036c6964",
			"<x y=\"1:5@lid\"/>" },
		/* AD_JID with user "a@b", device 3 */
		{ "00f803fc0178fc0179f70103fc03614062",
			"<x y=\"a@b:3@lid\"/>" },
		/* a device of nobody */
		{ "00f803fc0178fc0179f7010300", "<x y=\":3@lid\"/>" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_node *node;

		assert_int_equal(decode_hex(cases[i].hex, &node, NULL), 0);
		assert_string_equal(dump(node), cases[i].text);
	}
}

/* ---- hostile bytes ---- */

static void malformed_stanzas_are_refused(void **state)
{
	static const struct {
		const char *hex;
		const char *words;
	} cases[] = {
		{ "", "stanza without flags" },
		{ "00", "stanza: ends early" },
		{ "0000", "stanza: node without tag" },
		{ "00f800", "stanza: node without tag" },
		{ "00f801", "stanza: list longer than the stanza" },
		{ "00f80100", "stanza: bad name" },
		{ "00f801fc00", "stanza: bad name" },
		{ "00f801fc0100", "stanza: bad name" },
		{ "00f801fa0003", "stanza: tag byte that is no string" },
		{ "00f801f801", "stanza: tag byte that is no string" },
		{ "00f801f0", "stanza: tag byte that is no string" },
		{ "00f801f4", "stanza: tag byte that is no string" },
		{ "001919", "stanza: tag byte that is no list" },
		{ "00f8011919", "stanza: bytes left over" },
		{ "00f801190000", "stanza: bytes left over" },
		{ "00f80219", "stanza: list longer than the stanza" },
		{ "00f8031908", "stanza: list longer than the stanza" },
		{ "00f9ffff19", "stanza: list longer than the stanza" },
		{ "00f803190808f0", "stanza: bytes left over" },
		{ "00f80319fc00", "stanza: bad name" },
		{ "00f80319fc01", "stanza: ends early" },
		{ "00f80319fc0008", "stanza: bad name" },
		{ "00f8031908f801", "stanza: tag byte that is no string" },
		/* content */
		{ "00f80219fc05aabb", "stanza: ends early" },
		{ "00f80219fdffffffaa", "stanza: ends early" },
		{ "00f80219feffffffff", "stanza: ends early" },
		{ "00f80219f8ff", "stanza: list longer than the stanza" },
		{ "00f80219f9ffff", "stanza: list longer than the stanza" },
		{ "00f80219f802f80119f8",
			"stanza: list longer than the stanza" },
		{ "00f80219f802f80119f80308",
			"stanza: list longer than the stanza" },
		{ "00f80219f801000000", "stanza: node without tag" },
		/* packing */
		{ "00f80219ff80", "stanza: packed string without its last "
				  "byte" },
		{ "00f80219ff01c0", "stanza: bad packed character" },
		{ "00f80219ff010f", "stanza: bad packed character" },
		{ "00f80219ff811c", "stanza: bad packed character" },
		{ "00f80219ff8112f0", "stanza: bytes left over" },
		{ "00f80219ff7f00", "stanza: ends early" },
		{ "00f80219ec", "stanza: ends early" },
		/* addresses */
		{ "00f80219fa", "stanza: ends early" },
		{ "00f80219fafc016100", "stanza: address without server" },
		{ "00f80219fafc0161fa0003",
			"stanza: tag byte that is no string" },
		{ "00f80219f70101", "stanza: ends early" },
		{ "00f80219f6fc01610001fc0162",
			"stanza: address of another server than its tag says" },
		{ "00f80219f5fc016100010002fc0162",
			"stanza: address of another server than its tag says" },
		/* compression */
		{ "02", "stanza not inflatable" },
		{ "02f80102", "stanza not inflatable" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_NONE;
		struct wa_node *node;

		if (decode_hex(cases[i].hex, &node, &err) == 0)
			fail_msg("%s was taken: %s", cases[i].hex, dump(node));
		assert_int_equal(err.code, ERR_PEER);
		if (strcmp(err.msg, cases[i].words) != 0)
			fail_msg("%s: %s", cases[i].hex, err.msg);
	}
}

static void every_cut_of_a_stanza_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		uint8_t bytes[256];
		size_t n = hex_bytes(vectors[i].hex, bytes, sizeof(bytes));
		struct wa_node *node;

		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(
				wa_node_decode(arena, bytes, cut, &node, NULL),
				-1);
	}
}

/* <x><x>...</x></x>, @depth nodes */
static int decode_nested(unsigned depth, struct err *err)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct wa_node *node;

	buf_add_byte(&bytes, 0);
	for (unsigned i = 1; i < depth; i++)
		buf_add(&bytes, "\xf8\x02\x19\xf8\x01", 5);
	buf_add(&bytes, "\xf8\x01\x19", 3);
	return wa_node_decode(arena, bytes.data, bytes.len, &node, err);
}

static void nesting_ends_at_32(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(decode_nested(32, &err), 0);
	assert_int_equal(decode_nested(33, &err), -1);
	assert_string_equal(err.msg, "stanza: nested too deep");
	assert_int_equal(decode_nested(1000000, &err), -1);
}

/* 65535 children of <iq t="t" t="t" ...> are more than a stanza may have. */
static void a_flood_of_small_parts_is_refused(void **state)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct err err = ERR_NONE;
	struct wa_node *node;

	(void)state;
	buf_add(&bytes, "\0\xf8\x02\x19\xf9\xff\xff", 7);
	for (int i = 0; i < 65535; i++) {
		buf_add(&bytes, "\xf8\x09\x19", 3);
		buf_add(&bytes, "\x1a\x1a\x1a\x1a\x1a\x1a\x1a\x1a", 8);
	}
	assert_int_equal(
		wa_node_decode(arena, bytes.data, bytes.len, &node, &err), -1);
	assert_string_equal(err.msg, "stanza: too many parts");
}

static void a_big_group_still_fits(void **state)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct wa_node *list = wa_node_new(arena, "participants");
	struct wa_node *node;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct wa_node *to = wa_node_add(list, "to");
		struct wa_node *enc = wa_node_add(to, "enc");

		set_jid(to, "jid", "1234567:12@lid");
		wa_node_set(enc, "type", "msg");
		wa_node_set(enc, "v", "2");
		wa_node_bytes(enc, "ciphertext", 10);
	}
	assert_int_equal(wa_node_encode(list, &out, NULL), 0);
	assert_int_equal(
		wa_node_decode(arena, out.data, out.len, &node, NULL), 0);
	assert_int_equal(wa_node_n_children(node), 20000);
}

static void an_inflated_stanza_has_a_limit(void **state)
{
	size_t n = WA_INFLATE_MAX + 1;
	uint8_t *plain = xcalloc(1, n);
	uLongf n_packed = compressBound(n);
	uint8_t *packed = xcalloc(1, n_packed + 1);
	struct err err = ERR_NONE;
	struct wa_node *node;

	(void)state;
	packed[0] = 2;
	assert_int_equal(compress(packed + 1, &n_packed, plain, n), Z_OK);
	assert_in_range(n_packed, 1, 100000);
	assert_int_equal(
		wa_node_decode(arena, packed, n_packed + 1, &node, &err), -1);
	assert_string_equal(err.msg, "stanza not inflatable");
	free(plain);
	free(packed);
}

static void bytes_after_the_zlib_stream_are_refused(void **state)
{
	static const uint8_t plain[3] = { 0xf8, 0x01, 0x02 };
	uint8_t packed[64] = { 2 };
	uLongf n = sizeof(packed) - 2;
	struct err err = ERR_NONE;
	struct wa_node *node;

	(void)state;
	assert_int_equal(compress(packed + 1, &n, plain, 3), Z_OK);
	assert_int_equal(wa_node_decode(arena, packed, n + 1, &node, &err), 0);
	assert_int_equal(wa_node_decode(arena, packed, n + 2, &node, &err), -1);
	assert_string_equal(err.msg, "stanza not inflatable");
}

/* ---- what cannot be written ---- */

static void the_encoder_refuses_what_nobody_would_read(void **state)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct wa_node *node = wa_node_new(arena, "x"), *at = node;
	struct wa_jid jid = wa_jid_lid("1", 256);
	struct err err = ERR_NONE;

	(void)state;
	buf_add_str(&out, "before");
	for (int depth = 1; depth < WA_NODE_MAX_DEPTH; depth++)
		at = wa_node_add(at, "x");
	assert_int_equal(wa_node_encode(node, &out, &err), 0);
	wa_node_add(at, "x");
	out.len = 6;
	assert_int_equal(wa_node_encode(node, &out, &err), -1);
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_int_equal(out.len, 6);

	node = wa_node_new(arena, "x");
	wa_node_set_jid(node, "to", &jid);
	assert_int_equal(wa_node_encode(node, &out, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.msg, "device 256 at server lid");

	node = wa_node_new(arena, "x");
	for (int i = 0; i < 65536; i++)
		wa_node_add(node, "x");
	assert_int_equal(wa_node_encode(node, &out, &err), -1);
	assert_string_equal(err.msg, "list of 65536");
	assert_int_equal(out.len, 6);
}

static void a_stanza_must_fit_a_sealed_frame(void **state)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err = ERR_NONE;
	uint8_t *bytes = xcalloc(1, WA_FRAME_MAX);

	(void)state;
	/* flags, list, size, tag, BINARY_32 and its length take 9 bytes */
	for (size_t over = 0; over < 2; over++) {
		struct wa_node *node = wa_node_new(arena, "iq");

		wa_node_bytes(node, bytes, WA_FRAME_MAX - 16 - 9 + over);
		assert_int_equal(
			wa_node_encode(node, &out, &err), over == 0 ? 0 : -1);
	}
	assert_int_equal(err.code, ERR_TOO_LARGE);
	free(bytes);
}

/* ---- reading ---- */

static void attributes_are_read_by_kind(void **state)
{
	struct wa_node *node = wa_node_new(arena, "x");
	struct wa_jid jid;

	(void)state;
	set_jid(node, "typed", "1:2@lid");
	wa_node_set(node, "text", "3@lid");
	wa_node_set(node, "n", "-42");
	wa_node_set(node, "big", "99999999999999999999");
	wa_node_set(node, "odd", "12x");
	wa_node_set(node, "nothing", NULL);
	wa_node_set(node, "empty", "");

	assert_string_equal(wa_node_str(node, "typed"), "1:2@lid");
	assert_true(wa_node_is(node, "typed", "1:2@lid"));
	assert_true(wa_node_jid(node, "typed", &jid));
	assert_int_equal(jid.device, 2);
	assert_true(wa_node_jid(node, "text", &jid));
	assert_string_equal(jid.user, "3");
	assert_false(wa_node_jid(node, "n", &jid));
	assert_true(wa_jid_is_empty(&jid));
	assert_false(wa_node_jid(node, "missing", &jid));

	assert_int_equal(wa_node_int(node, "n", 7), -42);
	assert_int_equal(wa_node_int(node, "big", 7), 7);
	assert_int_equal(wa_node_int(node, "odd", 7), 7);
	assert_int_equal(wa_node_int(node, "typed", 7), 7);
	assert_int_equal(wa_node_int(node, "missing", 7), 7);
	assert_null(wa_node_get(node, "nothing"));
	assert_null(wa_node_get(node, "empty"));
	assert_false(wa_node_is(node, "missing", ""));
}

static void children_are_found_and_a_missing_node_has_nothing(void **state)
{
	struct wa_node *node = wa_node_new(arena, "iq"), *copy;
	struct wa_jid jid;
	size_t n = 9;

	(void)state;
	wa_node_text(wa_node_add(wa_node_add(node, "list"), "item"), "first");
	wa_node_text(wa_node_add(node->child, "item"), "second");

	assert_memory_equal(
		wa_node_content(wa_node_path(node, "list", "item"), &n),
		"first", 5);
	assert_int_equal(wa_node_n_children(wa_node_child(node, "list")), 2);
	assert_null(wa_node_child(node, "item"));
	assert_null(wa_node_path(node, "nothing", "item"));
	assert_null(wa_node_content(NULL, &n));
	assert_int_equal(n, 0);
	assert_null(wa_node_str(NULL, "a"));
	assert_int_equal(wa_node_int(NULL, "a", 3), 3);
	assert_false(wa_node_jid(NULL, "a", &jid));
	assert_int_equal(wa_node_n_children(NULL), 0);

	copy = wa_node_copy(arena, node);
	wa_node_text(node->child->child, "other");
	assert_string_equal(dump(copy),
		"<iq><list><item>{6669727374}</item>"
		"<item>{7365636f6e64}</item></list></iq>");
}

static void a_decoded_node_keeps_nothing_of_its_bytes(void **state)
{
	uint8_t *bytes = xcalloc(1, 64);
	size_t n = hex_bytes(vectors[6].hex, bytes, 64);
	struct wa_node *node;

	(void)state;
	assert_int_equal(wa_node_decode(arena, bytes, n, &node, NULL), 0);
	free(bytes);
	assert_string_equal(dump(node), vectors[6].text);
}

static void a_dump_is_cut_and_escaped(void **state)
{
	struct wa_node *node = wa_node_new(arena, "x");
	char small[9];

	(void)state;
	wa_node_set(node, "a", "line\nquote\"back\\");
	assert_string_equal(
		dump(node), "<x a=\"line\\x0aquote\\x22back\\x5c\"/>");
	assert_string_equal(
		wa_node_dump(node, small, sizeof(small)), "<x a=\"li");
}

int main(void)
{
#define NODE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, open_arena, close_arena)
	const struct CMUnitTest tests[] = {
		NODE_TEST(the_vectors_come_out_of_the_encoder),
		NODE_TEST(the_vectors_are_read),
		NODE_TEST(the_vectors_are_read_compressed_too),
		NODE_TEST(every_token_is_found_by_its_text),
		NODE_TEST(strings_take_the_shortest_allowed_form),
		NODE_TEST(lengths_take_three_forms),
		NODE_TEST(text_jids_and_bytes_stay_apart),
		NODE_TEST(addresses_keep_to_their_forms),
		NODE_TEST(an_address_we_cannot_hold_stays_text),
		NODE_TEST(malformed_stanzas_are_refused),
		NODE_TEST(every_cut_of_a_stanza_is_refused),
		NODE_TEST(nesting_ends_at_32),
		NODE_TEST(a_flood_of_small_parts_is_refused),
		NODE_TEST(a_big_group_still_fits),
		NODE_TEST(an_inflated_stanza_has_a_limit),
		NODE_TEST(bytes_after_the_zlib_stream_are_refused),
		NODE_TEST(the_encoder_refuses_what_nobody_would_read),
		NODE_TEST(a_stanza_must_fit_a_sealed_frame),
		NODE_TEST(attributes_are_read_by_kind),
		NODE_TEST(children_are_found_and_a_missing_node_has_nothing),
		NODE_TEST(a_decoded_node_keeps_nothing_of_its_bytes),
		NODE_TEST(a_dump_is_cut_and_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
