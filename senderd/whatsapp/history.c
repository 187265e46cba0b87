#include "senderd/whatsapp/history.h"

#include <string.h>
#include <zlib.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/tokens.h"
#include "whatsapp.pb-c.h"

#define INFLATE_MAX (16u << 20)
#define INFLATE_STEP (64u << 10)
#define ENTRIES_MAX 20000 /* names, pairs and chats of one blob */
#define SALT_MAX 256
#define TOKEN_MAX_BYTES 1024

/* ---- inflating ---- */

static void inflate_done(z_stream *stream)
{
	inflateEnd(stream);
}

static int unzip(
	const uint8_t *zipped, size_t n, struct buf *out, struct err *err)
{
	scoped(inflate_done) z_stream stream = { 0 };
	int rc = Z_OK;

	if (n > INFLATE_MAX || inflateInit(&stream) != Z_OK)
		return err_set(err, ERR_PEER, "history of %zu bytes", n);
	stream.next_in = (uint8_t *)zipped;
	stream.avail_in = (unsigned)n;
	while (rc == Z_OK) {
		if (out->len >= INFLATE_MAX)
			return err_set(err, ERR_PEER,
				"history inflates beyond %u bytes",
				INFLATE_MAX);
		stream.next_out = buf_reserve(out, INFLATE_STEP);
		stream.avail_out = INFLATE_STEP;
		rc = inflate(&stream, Z_NO_FLUSH);
		out->len += INFLATE_STEP - stream.avail_out;
	}
	if (rc != Z_STREAM_END)
		return err_set(err, ERR_PEER, "history is not a zlib stream");
	return 0;
}

/* ---- entries ---- */

static bool parse_user(const char *text, struct wa_jid *out)
{
	return text != NULL && wa_jid_parse(text, strlen(text), out) == 0 &&
	       wa_jid_is_user(out);
}

static int learn_texts(
	struct lane *lane, const char *pn, const char *lid, struct err *err)
{
	struct wa_jid a;
	struct wa_jid b;

	if (!parse_user(pn, &a) || !parse_user(lid, &b))
		return 0;
	return devices_learn_pair(lane, &a, &b, err);
}

static int on_pair(
	struct lane *lane, const uint8_t *bytes, size_t n, struct err *err)
{
	Wa__PhoneNumberToLIDMapping *pair =
		wa__phone_number_to_lidmapping__unpack(NULL, n, bytes);
	int rc = 0;

	if (pair == NULL)
		return 0;
	rc = learn_texts(lane, pair->pn_jid, pair->lid_jid, err);
	wa__phone_number_to_lidmapping__free_unpacked(pair, NULL);
	return rc;
}

static int name_save(
	struct lane *lane, const Wa__Pushname *name, struct err *err)
{
	struct wa_jid user;
	struct wa_jid address;

	if (!parse_user(name->id, &user) || name->pushname == NULL ||
		name->pushname[0] == '\0')
		return 0;
	user = wa_jid_bare(&user);
	if (lane_is_self(lane, &user)) {
		presence_set_push_name(
			lane, content_clean(lane->arena, name->pushname));
		return 0;
	}
	address = lane_signal_address(lane, &user);
	return lanedb_contact_save(lane->db, &address,
		content_clean(lane->arena, name->pushname), err);
}

static int on_name(
	struct lane *lane, const uint8_t *bytes, size_t n, struct err *err)
{
	Wa__Pushname *name = wa__pushname__unpack(NULL, n, bytes);
	int rc = 0;

	if (name == NULL)
		return 0;
	rc = name_save(lane, name, err);
	wa__pushname__free_unpacked(name, NULL);
	return rc;
}

static int chat_save(
	struct lane *lane, const Wa__Conversation *chat, struct err *err)
{
	struct wa_jid user;
	struct wa_jid address;

	if (!parse_user(chat->id, &user))
		return 0;
	if (learn_texts(lane, chat->id, chat->lid_jid, err) != 0 ||
		learn_texts(lane, chat->pn_jid, chat->id, err) != 0)
		return -1;
	if (!chat->has_tc_token || chat->tc_token.len == 0 ||
		chat->tc_token.len > TOKEN_MAX_BYTES ||
		!chat->has_tc_token_timestamp)
		return 0;
	user = wa_jid_bare(&user);
	address = lane_signal_address(lane, &user);
	return lanedb_token_save(lane->db, &address, chat->tc_token.data,
		chat->tc_token.len, (int64_t)chat->tc_token_timestamp, err);
}

static int on_chat(
	struct lane *lane, const uint8_t *bytes, size_t n, struct err *err)
{
	Wa__Conversation *chat = wa__conversation__unpack(NULL, n, bytes);
	int rc = 0;

	if (chat == NULL)
		return 0;
	rc = chat_save(lane, chat, err);
	wa__conversation__free_unpacked(chat, NULL);
	return rc;
}

static int on_salt(
	struct lane *lane, const uint8_t *bytes, size_t n, struct err *err)
{
	if (n == 0 || n > SALT_MAX)
		return 0;
	return lanedb_value_save(lane->db, TOKENS_SALT, bytes, n, err);
}

/* ---- the walk over HistorySync's own fields ---- */

static const struct {
	uint32_t number;
	int (*fn)(struct lane *lane, const uint8_t *bytes, size_t n,
		struct err *err);
} fields[] = {
	{ 2, on_chat },
	{ 7, on_name },
	{ 15, on_pair },
	{ 19, on_salt },
};

struct walk {
	const uint8_t *at, *end;
};

static bool walk_varint(struct walk *walk, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; shift < 64 && walk->at < walk->end;
		shift += 7) {
		uint8_t byte = *walk->at++;

		*out |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* Bytes of a field's content, which the walk then stands behind. */
static bool walk_content(struct walk *walk, unsigned wire_type, size_t *n_out)
{
	uint64_t n = 0;

	switch (wire_type) {
	case 0:
		*n_out = 0;
		return walk_varint(walk, &n);
	case 1:
		n = 8;
		break;
	case 2:
		if (!walk_varint(walk, &n))
			return false;
		break;
	case 5:
		n = 4;
		break;
	default:
		return false;
	}
	if (n > (uint64_t)(walk->end - walk->at))
		return false;
	*n_out = (size_t)n;
	walk->at += n;
	return true;
}

static int on_field(struct lane *lane, uint64_t key, const uint8_t *bytes,
	size_t n, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (key == ((uint64_t)fields[i].number << 3 | 2) &&
			wa_pb_bounded(bytes, n))
			return fields[i].fn(lane, bytes, n, err);
	}
	return 0;
}

int history_read(
	struct lane *lane, const uint8_t *zipped, size_t n, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	struct walk walk = { 0 };
	size_t n_entries = 0;

	if (unzip(zipped, n, &plain, err) != 0)
		return -1;
	walk.at = plain.data;
	walk.end = plain.data + plain.len;
	while (walk.at < walk.end && n_entries++ < ENTRIES_MAX) {
		uint64_t key = 0;
		size_t n_content = 0;

		if (!walk_varint(&walk, &key) ||
			!walk_content(&walk, (unsigned)(key & 7), &n_content))
			return err_set(err, ERR_PEER, "history is malformed");
		if (on_field(lane, key, walk.at - n_content, n_content, err) !=
			0)
			return -1;
	}
	return 0;
}
