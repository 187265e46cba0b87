#include "senderd/whatsapp/history_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "common/wa/pbstream.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/history_message.h"
#include "senderd/whatsapp/tokens.h"

#define NAME_MAX_BYTES 512
#define SMALL_MAX 4096 /* bytes of a name, a pair */
#define SALT_MAX 256
#define TOKEN_MAX 1024
#define CHAT_BYTES_MAX (16u << 20)
#define DAY_MS (24 * 3600 * 1000LL)

/* Fields of HistorySync and of Conversation (connection.md 8.10). */
enum {
	SYNC_CHAT = 2,
	SYNC_NAME = 7,
	SYNC_PAIR = 15,
	SYNC_SALT = 19,
};
enum {
	CHAT_FIELD_ID = 1,
	CHAT_FIELD_MESSAGE = 2,
	CHAT_FIELD_UNREAD = 6,
	CHAT_FIELD_EXPIRATION = 9,
	CHAT_FIELD_EXPIRATION_SET = 10,
	CHAT_FIELD_TIMESTAMP = 12,
	CHAT_FIELD_NAME = 13,
	CHAT_FIELD_ARCHIVED = 16,
	CHAT_FIELD_TOKEN = 21,
	CHAT_FIELD_TOKEN_TIME = 22,
	CHAT_FIELD_PINNED = 24,
	CHAT_FIELD_MUTED = 25,
	CHAT_FIELD_DISPLAY_NAME = 38,
	CHAT_FIELD_PN = 39,
	CHAT_FIELD_LID = 42,
};

/* The chat that is being read: over more than one turn, if it is large. */
struct chat_state {
	struct wa_jid jid, pn, lid; /* empty while not told */
	/* The chat by both its names, found with its first message. */
	bool has_names;
	char phone[WA_USER_MAX + 1], lid_user[WA_USER_MAX + 1];
	char jid_text[WA_JID_TEXT];
	struct buf name, display_name;
	struct buf token;
	int64_t token_time; /* unix seconds, 0 = not told */
	unsigned told;	    /* of how it is listed: CHAT_ARCHIVED, ... */
	uint64_t unread, expiration, expiration_set, muted;
	bool is_archived, is_pinned;
	int64_t last_ms, oldest_ms;
	char oldest_wa_id[132];
	bool oldest_from_me;
};

struct history_reader {
	struct lane *lane; /* borrowed */
	struct blob *blob;
	struct wa_pbstream stream;
	struct history_plan plan;
	int64_t n_chats;  /* met so far */
	size_t n_entries; /* that cost something */
	size_t n_messages;
	bool in_chat;
	struct chat_state chat;
	struct buf bytes; /* of the entry in hand */
};

struct history_reader *history_reader_new(
	struct lane *lane, struct blob *blob, const struct history_plan *plan)
{
	struct history_reader *reader = xcalloc(1, sizeof *reader);

	reader->lane = lane;
	reader->blob = blob;
	reader->plan = *plan;
	wa_pbstream_init(&reader->stream, blob_read, blob);
	return reader;
}

static void chat_clear(struct chat_state *chat)
{
	buf_fini(&chat->name);
	buf_fini(&chat->display_name);
	buf_fini(&chat->token);
	*chat = (struct chat_state){ .oldest_ms = 0 };
}

void history_reader_free(struct history_reader **readerp)
{
	struct history_reader *reader = move(*readerp);

	if (reader == NULL)
		return;
	chat_clear(&reader->chat);
	buf_fini(&reader->bytes);
	wa_pbstream_fini(&reader->stream);
	blob_free(&reader->blob);
	free(reader);
}

int64_t history_reader_chats(const struct history_reader *reader)
{
	return reader->n_chats;
}

size_t history_reader_messages(const struct history_reader *reader)
{
	return reader->n_messages;
}

/* ---- small entries ---- */

static bool jid_read(const char *text, size_t n, struct wa_jid *out)
{
	if (text == NULL || wa_jid_parse(text, n, out) != 0 ||
		out->user[0] == '\0') {
		*out = (struct wa_jid){ .server = WA_SERVER_NONE };
		return false;
	}
	*out = wa_jid_bare(out);
	return true;
}

static bool user_read(const char *text, struct wa_jid *out)
{
	return text != NULL && jid_read(text, strlen(text), out) &&
	       wa_jid_is_user(out);
}

/* What may be unpacked of the entry.  1/0/-1. */
static int entry_take(
	struct history_reader *reader, size_t max, struct err *err)
{
	int rc;

	buf_clear(&reader->bytes);
	reader->n_entries++;
	rc = wa_pbstream_take(&reader->stream, max, &reader->bytes, err);
	if (rc != 1)
		return rc;
	return wa_pb_bounded(reader->bytes.data, reader->bytes.len);
}

static int pair_learn(struct lane *lane,
	const Wa__PhoneNumberToLIDMapping *pair, struct err *err)
{
	struct wa_jid a;
	struct wa_jid b;

	if (!user_read(pair->pn_jid, &a) || !user_read(pair->lid_jid, &b))
		return 0;
	return devices_learn_pair(lane, &a, &b, err);
}

static int on_pair(struct history_reader *reader, struct err *err)
{
	Wa__PhoneNumberToLIDMapping *pair = NULL;
	int rc = entry_take(reader, SMALL_MAX, err);

	if (rc != 1)
		return rc;
	pair = wa__phone_number_to_lidmapping__unpack(
		NULL, reader->bytes.len, reader->bytes.data);
	if (pair == NULL)
		return 0;
	rc = pair_learn(reader->lane, pair, err);
	wa__phone_number_to_lidmapping__free_unpacked(pair, NULL);
	return rc;
}

/* Our own is needed in any case: without a name nobody sees us. */
static int name_learn(struct history_reader *reader, const Wa__Pushname *entry,
	struct err *err)
{
	struct lane *lane = reader->lane;
	struct names names;
	struct wa_jid user;
	const char *name;

	if (!user_read(entry->id, &user) || entry->pushname == NULL ||
		entry->pushname[0] == '\0' || strcmp(entry->pushname, "-") == 0)
		return 0;
	name = content_line(lane->arena, entry->pushname, NAME_MAX_BYTES);
	if (lane_is_self(lane, &user)) {
		presence_set_push_name(lane, name);
		return 0;
	}
	if (!reader->plan.has_names)
		return 0;
	if (names_find(lane, &user, &names, err) != 0)
		return -1;
	facts_add_contact(lane, &(struct contact_news){ .phone = names.phone,
					.lid = names.lid,
					.push_name = name });
	user = lane_signal_address(lane, &user);
	return lanedb_contact_save(lane->db, &user, name, err);
}

static int on_name(struct history_reader *reader, struct err *err)
{
	Wa__Pushname *name = NULL;
	int rc = entry_take(reader, SMALL_MAX, err);

	if (rc != 1)
		return rc;
	name = wa__pushname__unpack(
		NULL, reader->bytes.len, reader->bytes.data);
	if (name == NULL)
		return 0;
	rc = name_learn(reader, name, err);
	wa__pushname__free_unpacked(name, NULL);
	return rc;
}

static int on_salt(struct history_reader *reader, struct err *err)
{
	int rc;

	buf_clear(&reader->bytes);
	rc = wa_pbstream_take(&reader->stream, SALT_MAX, &reader->bytes, err);
	if (rc != 1 || reader->bytes.len == 0)
		return rc < 0 ? -1 : 0;
	return lanedb_value_save(reader->lane->db, TOKENS_SALT,
		reader->bytes.data, reader->bytes.len, err);
}

/* ---- fields of a chat ---- */

static int jid_take(
	struct history_reader *reader, struct wa_jid *out, struct err *err)
{
	buf_clear(&reader->bytes);
	if (wa_pbstream_take(&reader->stream, SMALL_MAX, &reader->bytes, err) <
		0)
		return -1;
	jid_read((const char *)reader->bytes.data, reader->bytes.len, out);
	return 0;
}

static int text_take(struct history_reader *reader, size_t max, struct buf *out,
	struct err *err)
{
	buf_clear(out);
	return wa_pbstream_take(&reader->stream, max, out, err) < 0 ? -1 : 0;
}

/* What both passes want to know. */
static int address_field(struct history_reader *reader,
	const struct wa_pbfield *field, bool *is_done, struct err *err)
{
	struct chat_state *chat = &reader->chat;

	*is_done = true;
	switch (field->number) {
	case CHAT_FIELD_ID:
		return jid_take(reader, &chat->jid, err);
	case CHAT_FIELD_PN:
		return jid_take(reader, &chat->pn, err);
	case CHAT_FIELD_LID:
		return jid_take(reader, &chat->lid, err);
	default:
		*is_done = false;
		return 0;
	}
}

/* Nothing was last said tomorrow. */
static void last_move(struct chat_state *chat, int64_t ms)
{
	if (ms > chat->last_ms && ms <= clock_now_ms() + DAY_MS)
		chat->last_ms = ms;
}

static int names_keep(struct history_reader *reader, struct err *err)
{
	struct chat_state *chat = &reader->chat;
	struct names names;

	if (chat->has_names)
		return 0;
	if (names_find(reader->lane, &chat->jid, &names, err) != 0)
		return -1;
	snprintf(chat->phone, sizeof chat->phone, "%s",
		names.phone != NULL ? names.phone : "");
	snprintf(chat->lid_user, sizeof chat->lid_user, "%s",
		names.lid != NULL ? names.lid : "");
	snprintf(chat->jid_text, sizeof chat->jid_text, "%s", names.jid);
	chat->has_names = true;
	return 0;
}

static struct names names_kept(const struct chat_state *chat)
{
	return (struct names){
		.phone = chat->phone[0] != '\0' ? chat->phone : NULL,
		.lid = chat->lid_user[0] != '\0' ? chat->lid_user : NULL,
		.jid = chat->jid_text,
	};
}

static int message_add(struct history_reader *reader,
	const Wa__WebMessageInfo *info, struct err *err)
{
	struct chat_state *state = &reader->chat;
	struct lane *lane = reader->lane;
	struct names names;
	struct history_chat chat = { .jid = state->jid, .names = &names };
	struct message row;
	int rc;

	if (names_keep(reader, err) != 0)
		return -1;
	names = names_kept(state);
	rc = history_message_row(lane, &chat, info, &row, err);
	if (rc != 1 || row.wa_ms < reader->plan.since_ms)
		return rc < 0 ? -1 : 0;
	facts_add_history(lane, &row);
	reader->n_messages++;
	last_move(state, row.wa_ms);
	if (state->oldest_ms == 0 || row.wa_ms < state->oldest_ms) {
		state->oldest_ms = row.wa_ms;
		state->oldest_from_me = row.direction == MESSAGE_OUT;
		snprintf(state->oldest_wa_id, sizeof state->oldest_wa_id, "%s",
			row.wa_id);
	}
	return 0;
}

static int on_message(struct history_reader *reader, struct err *err)
{
	Wa__HistorySyncMsg *entry = NULL;
	int rc = 0;

	if (!reader->plan.has_messages || wa_jid_is_empty(&reader->chat.jid) ||
		reader->chat.jid.server == WA_SERVER_BROADCAST)
		return 0;
	rc = entry_take(reader, WA_PB_MAX_BYTES, err);
	if (rc != 1)
		return rc;
	entry = wa__history_sync_msg__unpack(
		NULL, reader->bytes.len, reader->bytes.data);
	if (entry == NULL)
		return 0;
	if (entry->message != NULL)
		rc = message_add(reader, entry->message, err);
	else
		rc = 0;
	wa__history_sync_msg__free_unpacked(entry, NULL);
	return rc;
}

static void number_field(
	struct chat_state *chat, const struct wa_pbfield *field)
{
	switch (field->number) {
	case CHAT_FIELD_UNREAD:
		chat->unread = field->value;
		chat->told |= CHAT_UNREAD;
		return;
	case CHAT_FIELD_EXPIRATION:
		chat->expiration = field->value;
		return;
	case CHAT_FIELD_EXPIRATION_SET:
		chat->expiration_set = field->value;
		return;
	case CHAT_FIELD_ARCHIVED:
		chat->is_archived = field->value != 0;
		chat->told |= CHAT_ARCHIVED;
		return;
	case CHAT_FIELD_PINNED:
		chat->is_pinned = field->value != 0;
		chat->told |= CHAT_PINNED;
		return;
	case CHAT_FIELD_MUTED:
		chat->muted = field->value;
		chat->told |= CHAT_MUTED;
		return;
	case CHAT_FIELD_TOKEN_TIME:
		if (field->value < INT64_MAX)
			chat->token_time = (int64_t)field->value;
		return;
	case CHAT_FIELD_TIMESTAMP:
		if (field->value < INT64_MAX / 1000)
			last_move(chat, (int64_t)field->value * 1000);
		return;
	default:
		return;
	}
}

static int content_field(struct history_reader *reader,
	const struct wa_pbfield *field, struct err *err)
{
	struct chat_state *chat = &reader->chat;

	if (!field->is_len) {
		number_field(chat, field);
		return 0;
	}
	switch (field->number) {
	case CHAT_FIELD_MESSAGE:
		return on_message(reader, err);
	case CHAT_FIELD_NAME:
		return text_take(reader, NAME_MAX_BYTES, &chat->name, err);
	case CHAT_FIELD_DISPLAY_NAME:
		return text_take(
			reader, NAME_MAX_BYTES, &chat->display_name, err);
	case CHAT_FIELD_TOKEN:
		return text_take(reader, TOKEN_MAX, &chat->token, err);
	default:
		return 0;
	}
}

/* ---- a chat is complete ---- */

static int chat_pairs(struct history_reader *reader, struct err *err)
{
	struct chat_state *chat = &reader->chat;

	if (devices_learn_pair(reader->lane, &chat->jid, &chat->lid, err) != 0)
		return -1;
	return devices_learn_pair(reader->lane, &chat->pn, &chat->jid, err);
}

/* What encrypting and addressing need, whatever is to be taken otherwise. */
static int chat_settings(struct history_reader *reader, struct err *err)
{
	struct chat_state *chat = &reader->chat;
	struct lane *lane = reader->lane;
	struct wa_jid address = lane_signal_address(lane, &chat->jid);

	if (chat->token.len > 0 && chat->token_time > 0 &&
		wa_jid_is_user(&chat->jid) &&
		lanedb_token_save(lane->db, &address, chat->token.data,
			chat->token.len, chat->token_time, err) != 0)
		return -1;
	if (chat->expiration == 0 || chat->expiration > UINT32_MAX ||
		chat->expiration_set > INT64_MAX / 1000)
		return 0;
	return lanedb_timer_save(lane->db, &address, (uint32_t)chat->expiration,
		(int64_t)chat->expiration_set * 1000, err);
}

static const char *chat_name(struct history_reader *reader)
{
	struct chat_state *chat = &reader->chat;
	struct buf *name =
		chat->name.len > 0 ? &chat->name : &chat->display_name;

	if (name->len == 0)
		return NULL;
	return content_line(
		reader->lane->arena, buf_cstr(name), NAME_MAX_BYTES);
}

static int64_t muted_until(const struct chat_state *chat)
{
	if (chat->muted == 0)
		return 0;
	if (chat->muted > INT64_MAX) /* as a signed number: for ever */
		return -1;
	return (int64_t)chat->muted;
}

static int chat_note(struct history_reader *reader, struct err *err)
{
	struct chat_state *state = &reader->chat;
	struct chat chat = {
		.jid = state->jid_text,
		.name = chat_name(reader),
		.is_archived = state->is_archived,
		.is_pinned = state->is_pinned,
		.is_unread = state->unread > 0,
		.muted_until_ms = muted_until(state),
		.last_ms = state->last_ms,
		.oldest_ms = state->oldest_ms,
		.oldest_wa_id =
			state->oldest_ms > 0 ? state->oldest_wa_id : NULL,
		.oldest_from_me = state->oldest_from_me,
	};
	unsigned fields = CHAT_LAST | CHAT_OLDEST;

	if (names_keep(reader, err) != 0)
		return -1;
	if (chat.name != NULL)
		fields |= CHAT_NAME;
	if (reader->plan.has_settings)
		fields |= state->told;
	facts_add_chat(reader->lane, &chat, fields);
	return 0;
}

static int chat_end(struct history_reader *reader, struct err *err)
{
	struct chat_state *chat = &reader->chat;
	int rc = 0;

	reader->in_chat = false;
	reader->n_chats++;
	reader->n_entries++;
	if (wa_jid_is_empty(&chat->jid) ||
		chat->jid.server == WA_SERVER_BROADCAST)
		rc = 0;
	else if (reader->plan.pass == HISTORY_ADDRESSES)
		rc = chat_pairs(reader, err);
	else if (chat_settings(reader, err) != 0 ||
		 (reader->plan.has_names && chat_note(reader, err) != 0))
		rc = -1;
	chat_clear(chat);
	return rc;
}

/* ---- the walk ---- */

static int chat_begin(
	struct history_reader *reader, const struct wa_pbfield *field)
{
	if (field->value > CHAT_BYTES_MAX) {
		log_warning("history chat_bytes=%llu status=too_large "
			    "action=\"left out\"",
			(unsigned long long)field->value);
		reader->n_chats++;
		return 0;
	}
	if (reader->plan.pass == HISTORY_CONTENT &&
		reader->n_chats < reader->plan.skip) {
		reader->n_chats++;
		return 0;
	}
	reader->in_chat = wa_pbstream_enter(&reader->stream);
	return 0;
}

static int chat_field(struct history_reader *reader,
	const struct wa_pbfield *field, struct err *err)
{
	bool is_done = false;

	if (field->is_len && address_field(reader, field, &is_done, err) != 0)
		return -1;
	if (is_done || reader->plan.pass == HISTORY_ADDRESSES)
		return 0;
	return content_field(reader, field, err);
}

static int sync_field(struct history_reader *reader,
	const struct wa_pbfield *field, struct err *err)
{
	bool is_content = reader->plan.pass == HISTORY_CONTENT;

	if (!field->is_len)
		return 0;
	switch (field->number) {
	case SYNC_CHAT:
		return chat_begin(reader, field);
	case SYNC_PAIR:
		return is_content ? 0 : on_pair(reader, err);
	case SYNC_NAME:
		return is_content ? on_name(reader, err) : 0;
	case SYNC_SALT:
		return is_content ? on_salt(reader, err) : 0;
	default:
		return 0;
	}
}

int history_reader_step(struct history_reader *reader, size_t max,
	int64_t until_ms, bool *done, struct err *err)
{
	size_t last = reader->n_entries + max;
	struct wa_pbfield field;
	int rc;

	*done = false;
	while (reader->n_entries < last && clock_mono_ms() < until_ms) {
		rc = wa_pbstream_next(&reader->stream, &field, err);
		if (rc < 0)
			return -1;
		if (rc == 0 && !reader->in_chat) {
			*done = true;
			return 0;
		}
		if (rc == 0)
			rc = chat_end(reader, err);
		else if (reader->in_chat)
			rc = chat_field(reader, &field, err);
		else
			rc = sync_field(reader, &field, err);
		if (rc < 0)
			return -1;
	}
	return 0;
}
