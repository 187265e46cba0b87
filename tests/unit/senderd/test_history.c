/* History of the phone: what is taken of it, how, and how often. */
#define FAKE_TRANSFERS
#include "tests/unit/senderd/fake_lane.h"

#include <dirent.h>
#include <malloc.h>

#include "common/store/chat.h"
#include "common/store/contact.h"
#include "senderd/whatsapp/blob.h"
#include "senderd/whatsapp/history_reader.h"
#include "tests/unit/senderd/history_blob.h"

#define BOB_JID BOB_PN "@s.whatsapp.net"
#define GROUP "120363001@g.us"
#define DAY_SEC 86400

#ifndef MESSAGES_A_CHAT
#define MESSAGES_A_CHAT 4
#endif
#define MANY_CHATS 5000

static int64_t now_sec(void)
{
	return clock_now_ms() / 1000;
}

/* ---- the phone's side ---- */

/* Tells of a blob in the notification itself, or on the media host. */
static void tell(struct fake *fake, const char *wa_id, const struct buf *bytes,
	bool is_inline, Wa__HistorySyncType type)
{
	Wa__HistorySyncNotification about = WA__HISTORY_SYNC_NOTIFICATION__INIT;
	uint8_t key[32] = { 6 };
	struct err err = ERR_NONE;

	about.has_sync_type = true;
	about.sync_type = type;
	if (is_inline) {
		about.has_initial_hist_bootstrap_inline_payload = true;
		about.initial_hist_bootstrap_inline_payload.data = bytes->data;
		about.initial_hist_bootstrap_inline_payload.len = bytes->len;
	} else {
		about.direct_path = (char *)"/v/t62/history";
		about.has_media_key = about.has_file_enc_sha256 = true;
		about.media_key.data = about.file_enc_sha256.data = key;
		about.media_key.len = about.file_enc_sha256.len = 32;
	}
	assert_int_equal(
		history_on_notification(&fake->lane, wa_id, &about, &err), 0);
}

static void tell_inline(struct fake *fake, const struct buf *bytes)
{
	tell(fake, "HIST1", bytes, true,
		WA__HISTORY_SYNC_TYPE__INITIAL_BOOTSTRAP);
}

static void answer_download(struct fake *fake, const struct buf *bytes)
{
	char path[128];
	int fd;

	assert_true(fake_download.is_open);
	snprintf(path, sizeof path, "%s/blob-XXXXXX", fake->dir);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes->data, bytes->len), bytes->len);
	close(fd);
	fake_download.is_open = false;
	fake_download.done(&fake->lane, TRANSFER_DONE, &fake_download.ref, path,
		fake_download.arg);
}

/* Turns until there is nothing to read any more. */
static unsigned read_all(struct fake *fake)
{
	unsigned turns = 0;

	assert_int_equal(fake_turn_end(fake), 0);
	while (fake->n_timers > 0 && fake->timer_ms[fake->n_timers - 1] <= 1) {
		fake_fire(fake);
		turns++;
	}
	return turns;
}

static int n_jobs(struct fake *fake)
{
	struct err err = ERR_NONE;

	return lanedb_history_count(fake->lane.db, &err);
}

/* ---- what became of it ---- */

static int on_count(const struct message *message, void *arg)
{
	(void)message;
	++*(int *)arg;
	return 0;
}

static int64_t n_messages(struct fake *fake)
{
	struct message_filter filter = { .account_id = fake->lane.account_id };
	struct err err = ERR_NONE;
	int64_t total = 0;
	int n = 0;

	assert_int_equal(
		store_message_list(fake->lane.store, &filter,
			(struct page){ 0, 1 }, on_count, &n, &total, &err),
		0);
	return total;
}

struct row {
	char chat[64], sender[64], phone[32], text[64];
	enum message_direction direction;
	enum message_status status;
	enum message_source source;
	enum message_kind kind;
	int64_t wa_ms;
	int n;
};

static int on_row(const struct message *m, void *arg)
{
	struct row *row = arg;

	row->n++;
	snprintf(row->chat, sizeof row->chat, "%s", m->chat);
	snprintf(row->sender, sizeof row->sender, "%s",
		m->sender != NULL ? m->sender : "");
	snprintf(row->phone, sizeof row->phone, "%s",
		m->phone != NULL ? m->phone : "");
	snprintf(row->text, sizeof row->text, "%s",
		m->text != NULL ? m->text : "");
	row->direction = m->direction;
	row->status = m->status;
	row->source = m->source;
	row->kind = m->kind;
	row->wa_ms = m->wa_ms;
	return 0;
}

static struct row row_of(struct fake *fake, const char *wa_id)
{
	struct row row = { .n = 0 };
	struct err err = ERR_NONE;

	assert_int_equal(
		store_message_each_wa_id(fake->lane.store, fake->lane.device_id,
			wa_id, on_row, &row, &err),
		0);
	return row;
}

struct seen {
	char name[64], push_name[64], oldest[64];
	struct chat chat;
};

static int on_chat(const struct chat *chat, void *arg)
{
	struct seen *seen = arg;

	seen->chat = *chat;
	snprintf(seen->name, sizeof seen->name, "%s",
		chat->name != NULL ? chat->name : "");
	snprintf(seen->oldest, sizeof seen->oldest, "%s",
		chat->oldest_wa_id != NULL ? chat->oldest_wa_id : "");
	return 0;
}

static bool chat_find(struct fake *fake, const char *jid, struct seen *seen)
{
	struct err err = ERR_NONE;

	*seen = (struct seen){ .name = "" };
	return store_chat_by_jid(fake->lane.store, fake->lane.device_id, jid,
		       on_chat, seen, &err) == 0;
}

static int on_contact(const struct contact *contact, void *arg)
{
	struct seen *seen = arg;

	snprintf(seen->push_name, sizeof seen->push_name, "%s",
		contact->push_name != NULL ? contact->push_name : "");
	return 0;
}

static const char *push_name_of(struct fake *fake, const char *lid)
{
	static struct seen seen;
	char public_id[UUID_LEN];
	struct err err = ERR_NONE;

	assert_int_equal(
		store_contact_public_id(fake->lane.store, fake->lane.account_id,
			NULL, lid, public_id, &err),
		0);
	seen = (struct seen){ .name = "" };
	if (public_id[0] != '\0')
		store_contact_by_public_id(fake->lane.store,
			fake->lane.account_id, public_id, on_contact, &seen,
			&err);
	return seen.push_name;
}

/* ---- names, chats, addresses ---- */

/* Bob's chat stands under his LID, and the pair at the very end. */
static void blob_of_bob(struct history_blob *blob)
{
	Wa__Conversation chat = WA__CONVERSATION__INIT;
	struct told told[] = {
		{ "AA01", "hi", NULL, now_sec() - 60, false },
		{ "AA02", "hello", NULL, now_sec() - 50, true },
		{ "AA03", "long ago", NULL, now_sec() - 40 * DAY_SEC, false },
	};

	history_blob_begin(blob);
	chat.id = (char *)BOB_LID "@lid";
	chat.name = (char *)"Bob of the \x01 shop";
	chat.has_archived = chat.archived = true;
	chat.has_unread_count = true;
	chat.unread_count = 2;
	chat.has_mute_end_time = true;
	chat.mute_end_time = 1800000000000;
	chat.has_tc_token = chat.has_tc_token_timestamp = true;
	chat.tc_token.data = (uint8_t *)"token";
	chat.tc_token.len = 5;
	chat.tc_token_timestamp = (uint64_t)now_sec();
	chat.has_ephemeral_expiration = true;
	chat.ephemeral_expiration = 86400;
	history_blob_chat(blob, &chat, told, ARRAY_LEN(told));
	history_blob_name(blob, BOB_LID "@lid", "Bobby");
	history_blob_name(blob, OWN_PN "@s.whatsapp.net", "Shop");
	history_blob_pair(blob, BOB_JID, BOB_LID "@lid");
	history_blob_field(blob, 19, "pepper", 6);
	history_blob_end(blob);
}

static void names_and_chats_stand_under_the_number(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;
	scoped(buf_fini) struct buf token = BUF_INIT;
	struct wa_jid lid = wa_jid_lid(BOB_LID, 0);
	struct wa_jid pn;
	struct seen seen;
	struct err err = ERR_NONE;
	uint32_t seconds = 0;
	int64_t t = 0;

	blob_of_bob(&blob);
	tell_inline(fake, &blob.out);
	read_all(fake);
	assert_int_equal(lanedb_pn_of(fake->lane.db, &lid, &pn, &err), 1);
	assert_string_equal(pn.user, BOB_PN);
	assert_true(chat_find(fake, BOB_JID, &seen));
	assert_string_equal(seen.name, "Bob of the  shop");
	assert_true(seen.chat.is_archived && seen.chat.is_unread);
	assert_int_equal(seen.chat.muted_until_ms, 1800000000000);
	assert_string_equal(push_name_of(fake, BOB_LID), "Bobby");
	assert_string_equal(fake->push_name, "Shop");
	assert_int_equal(
		lanedb_token_load(fake->lane.db, &lid, &token, &t, &err), 1);
	assert_string_equal(buf_cstr(&token), "token");
	assert_int_equal(
		lanedb_timer_load(fake->lane.db, &lid, &seconds, &t, &err), 1);
	assert_int_equal(seconds, 86400);
	buf_clear(&token);
	assert_int_equal(
		lanedb_value_load(fake->lane.db, "nct_salt", &token, &err), 1);
	/* Messages are not asked for. */
	assert_int_equal(n_messages(fake), 0);
	assert_int_equal(n_jobs(fake), 0);
	assert_int_equal(fake->n_events, 0);
}

/* A chat that the blob says nothing of is listed as before. */
static void what_history_does_not_tell_of_a_chat_stays(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;
	scoped(history_blob_fini) struct history_blob late;
	Wa__Conversation chat = WA__CONVERSATION__INIT;
	struct seen seen;

	history_blob_begin(&blob);
	chat.id = (char *)BOB_JID;
	chat.has_pinned = true;
	chat.pinned = 1;
	history_blob_chat(&blob, &chat, NULL, 0);
	history_blob_end(&blob);
	facts_add_chat(&fake->lane,
		&(struct chat){ .jid = BOB_JID, .is_archived = true },
		CHAT_ARCHIVED);
	tell_inline(fake, &blob.out);
	read_all(fake);
	assert_true(chat_find(fake, BOB_JID, &seen));
	assert_true(seen.chat.is_archived && seen.chat.is_pinned);
	/* What was asked for later tells of an earlier time. */
	history_blob_begin(&late);
	chat.pinned = 0;
	history_blob_chat(&late, &chat, NULL, 0);
	history_blob_end(&late);
	tell(fake, "HIST2", &late.out, true, WA__HISTORY_SYNC_TYPE__ON_DEMAND);
	read_all(fake);
	assert_true(chat_find(fake, BOB_JID, &seen));
	assert_true(seen.chat.is_pinned);
}

static void without_history_only_addresses_are_learned(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;
	struct wa_jid lid = wa_jid_lid(BOB_LID, 0);
	struct wa_jid pn;
	struct seen seen;
	struct err err = ERR_NONE;

	fake->config.history.mode = (char *)"off";
	blob_of_bob(&blob);
	tell_inline(fake, &blob.out);
	tell(fake, "HIST2", &blob.out, false, WA__HISTORY_SYNC_TYPE__RECENT);
	read_all(fake);
	assert_int_equal(lanedb_pn_of(fake->lane.db, &lid, &pn, &err), 1);
	assert_string_equal(fake->push_name, "Shop");
	assert_false(chat_find(fake, BOB_JID, &seen));
	assert_string_equal(push_name_of(fake, BOB_LID), "");
	assert_false(fake_download.is_open);
	assert_int_equal(n_jobs(fake), 0);
}

/* ---- messages ---- */

static void messages_of_late_become_rows_without_events(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;
	struct seen seen;
	struct row row;

	fake->config.history.mode = (char *)"messages";
	blob_of_bob(&blob);
	tell_inline(fake, &blob.out);
	read_all(fake);
	assert_int_equal(n_messages(fake), 2);
	row = row_of(fake, "AA01");
	assert_string_equal(row.chat, BOB_JID);
	assert_string_equal(row.sender, BOB_JID);
	assert_string_equal(row.phone, BOB_PN);
	assert_string_equal(row.text, "hi");
	assert_int_equal(row.direction, MESSAGE_IN);
	assert_int_equal(row.status, MESSAGE_RECEIVED);
	assert_int_equal(row.source, MESSAGE_BY_HISTORY);
	assert_int_equal(row.kind, MESSAGE_TEXT);
	assert_true(row.wa_ms > 0 && row.wa_ms % 1000 == 0);
	row = row_of(fake, "AA02");
	assert_int_equal(row.direction, MESSAGE_OUT);
	assert_int_equal(row.status, MESSAGE_SENT);
	assert_string_equal(row.sender, "");
	assert_string_equal(row.phone, BOB_PN);
	assert_int_equal(row_of(fake, "AA03").n, 0);
	assert_int_equal(fake->n_events, 0);
	assert_true(chat_find(fake, BOB_JID, &seen));
	assert_string_equal(seen.oldest, "AA01");
	assert_false(seen.chat.oldest_from_me);
	assert_int_equal(seen.chat.last_ms, row.wa_ms);
}

static void the_same_history_twice_is_there_once(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;

	fake->config.history.mode = (char *)"messages";
	blob_of_bob(&blob);
	tell_inline(fake, &blob.out);
	read_all(fake);
	tell(fake, "HIST2", &blob.out, true, WA__HISTORY_SYNC_TYPE__RECENT);
	read_all(fake);
	assert_int_equal(n_messages(fake), 2);
}

static void a_message_that_was_sent_here_is_known(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;
	Wa__Conversation chat = WA__CONVERSATION__INIT;
	char wa_id[WA_MSG_ID_LEN];
	struct told told = { wa_id, "ours", NULL, now_sec(), true };
	struct err err = ERR_NONE;
	struct tx *tx = tx_begin(fake->lane.store, &err);

	fake->config.history.mode = (char *)"messages";
	assert_int_equal(
		store_message_wa_id(tx, fake->lane.device_id, wa_id, &err), 0);
	tx_end(&tx);
	fake_accept(fake, wa_id, BOB_PN, "ours", clock_now_ms());
	history_blob_begin(&blob);
	chat.id = (char *)BOB_JID;
	history_blob_chat(&blob, &chat, &told, 1);
	history_blob_end(&blob);
	tell_inline(fake, &blob.out);
	read_all(fake);
	assert_int_equal(n_messages(fake), 1);
}

static void a_groups_message_is_by_its_participant(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;
	Wa__Conversation chat = WA__CONVERSATION__INIT;
	struct told told[] = {
		{ "BB01", "in a group", BOB_LID "@lid", now_sec(), false },
		{ "BB02", "by nobody", NULL, now_sec(), false },
		{ "BB03", "by us", NULL, now_sec(), true },
	};
	struct row row;

	fake->config.history.mode = (char *)"messages";
	history_blob_begin(&blob);
	chat.id = (char *)GROUP;
	history_blob_chat(&blob, &chat, told, ARRAY_LEN(told));
	history_blob_pair(&blob, BOB_JID, BOB_LID "@lid");
	history_blob_end(&blob);
	tell_inline(fake, &blob.out);
	read_all(fake);
	row = row_of(fake, "BB01");
	assert_string_equal(row.chat, GROUP);
	assert_string_equal(row.sender, BOB_JID);
	assert_string_equal(row.phone, BOB_PN);
	assert_int_equal(row_of(fake, "BB02").n, 0);
	row = row_of(fake, "BB03");
	assert_int_equal(row.direction, MESSAGE_OUT);
	assert_string_equal(row.phone, "");
}

static int on_content(const struct message *m, void *arg)
{
	snprintf(arg, 512, "%s", m->content != NULL ? m->content : "");
	assert_int_equal(m->media_id, 0);
	return 0;
}

static void media_of_history_is_told_of_and_not_fetched(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;
	Wa__Conversation chat = WA__CONVERSATION__INIT;
	Wa__HistorySyncMsg entry = WA__HISTORY_SYNC_MSG__INIT;
	Wa__HistorySyncMsg *entries[] = { &entry };
	Wa__WebMessageInfo info = WA__WEB_MESSAGE_INFO__INIT;
	Wa__MessageKey key = WA__MESSAGE_KEY__INIT;
	Wa__Message message = WA__MESSAGE__INIT;
	Wa__ImageMessage image = WA__IMAGE_MESSAGE__INIT;
	uint8_t bytes[32] = { 1 };
	char content[512] = "";
	struct err err = ERR_NONE;

	fake->config.history.mode = (char *)"messages";
	chat.id = key.remote_jid = (char *)BOB_JID;
	key.id = (char *)"DD01";
	info.key = &key;
	info.has_message_timestamp = true;
	info.message_timestamp = (uint64_t)now_sec();
	info.message = &message;
	message.image_message = &image;
	image.mimetype = (char *)"image/jpeg";
	image.caption = (char *)"look";
	image.direct_path = (char *)"/v/t62/image";
	image.has_media_key = image.has_file_enc_sha256 = true;
	image.has_file_sha256 = true;
	image.media_key.data = image.file_enc_sha256.data =
		image.file_sha256.data = bytes;
	image.media_key.len = image.file_enc_sha256.len =
		image.file_sha256.len = sizeof bytes;
	entry.message = &info;
	chat.n_messages = 1;
	chat.messages = entries;
	history_blob_begin(&blob);
	history_blob_add(&blob, 2, &chat.base);
	history_blob_end(&blob);
	tell_inline(fake, &blob.out);
	read_all(fake);
	assert_int_equal(row_of(fake, "DD01").kind, MESSAGE_IMAGE);
	assert_string_equal(row_of(fake, "DD01").text, "look");
	assert_int_equal(
		store_message_each_wa_id(fake->lane.store, fake->lane.device_id,
			"DD01", on_content, content, &err),
		0);
	assert_non_null(strstr(content, "image/jpeg"));
	assert_null(strstr(content, "status"));
	assert_false(fake_download.is_open);
}

static void what_is_no_message_is_passed_over(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;
	Wa__Conversation chat = WA__CONVERSATION__INIT;
	char long_id[200];
	struct told told[] = {
		{ NULL, "no id", NULL, now_sec(), false },
		{ "", "no id", NULL, now_sec(), false },
		{ long_id, "a long id", NULL, now_sec(), false },
		{ "CC01", "no time", NULL, 0, false },
		{ "CC02", "a time out of reach", NULL, INT64_MAX, false },
		{ "CC03", NULL, NULL, now_sec(), false },
		{ "CC04", "the only one", NULL, now_sec(), false },
	};

	fake->config.history.mode = (char *)"messages";
	memset(long_id, 'A', sizeof long_id - 1);
	long_id[sizeof long_id - 1] = '\0';
	history_blob_begin(&blob);
	chat.id = (char *)BOB_JID;
	history_blob_chat(&blob, &chat, told, ARRAY_LEN(told));
	chat.id = (char *)"status@broadcast";
	told[6].wa_id = "CC05";
	history_blob_chat(&blob, &chat, told + 6, 1);
	chat.id = (char *)"no address at all";
	history_blob_chat(&blob, &chat, told + 6, 1);
	chat.id = NULL;
	history_blob_chat(&blob, &chat, told + 6, 1);
	history_blob_end(&blob);
	tell_inline(fake, &blob.out);
	read_all(fake);
	assert_int_equal(n_messages(fake), 1);
	assert_int_equal(row_of(fake, "CC04").n, 1);
}

static void what_was_asked_for_is_taken_in_any_mode(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;

	fake->config.history.mode = (char *)"off";
	blob_of_bob(&blob);
	tell(fake, "HIST1", &blob.out, false, WA__HISTORY_SYNC_TYPE__ON_DEMAND);
	read_all(fake);
	answer_download(fake, &blob.out);
	read_all(fake);
	assert_int_equal(n_messages(fake), 3); /* however old */
}

/* ---- blobs ---- */

static int n_files(const struct fake *fake)
{
	DIR *dir = opendir(fake->dir);
	int n = 0;

	for (struct dirent *entry = readdir(dir); entry != NULL;
		entry = readdir(dir))
		n += strncmp(entry->d_name, "blob-", 5) == 0;
	closedir(dir);
	return n;
}

static void a_blob_is_fetched_read_and_removed(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;
	struct seen seen;

	blob_of_bob(&blob);
	tell(fake, "HIST1", &blob.out, false, WA__HISTORY_SYNC_TYPE__RECENT);
	read_all(fake);
	assert_string_equal(fake_download.ref.direct_path, "/v/t62/history");
	assert_int_equal(fake_download.ref.type, WA_MEDIA_HISTORY);
	answer_download(fake, &blob.out);
	assert_int_equal(n_files(fake), 1);
	read_all(fake);
	assert_true(chat_find(fake, BOB_JID, &seen));
	assert_int_equal(n_files(fake), 0);
	assert_int_equal(n_jobs(fake), 0);
}

static void a_story_is_not_fetched(void **state)
{
	static const Wa__HistorySyncType types[] = {
		WA__HISTORY_SYNC_TYPE__INITIAL_STATUS_V3,
		WA__HISTORY_SYNC_TYPE__NO_HISTORY,
		WA__HISTORY_SYNC_TYPE__MESSAGE_ACCESS_STATUS,
		WA__HISTORY_SYNC_TYPE__FULL, /* messages, and names alone are
						wanted */
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		tell(fake, "HIST1", NULL, false, types[i]);
	read_all(fake);
	assert_int_equal(n_jobs(fake), 0);
	assert_false(fake_download.is_open);
}

static void a_blob_that_cannot_be_had_is_left_out(void **state)
{
	static const enum transfer_outcome outcomes[] = { TRANSFER_GONE,
		TRANSFER_CORRUPT, TRANSFER_REFUSED };
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
		tell(fake, "HIST1", NULL, false, WA__HISTORY_SYNC_TYPE__RECENT);
		read_all(fake);
		assert_true(fake_download.is_open);
		fake_download.is_open = false;
		fake_download.done(&fake->lane, outcomes[i], NULL, NULL,
			fake_download.arg);
		read_all(fake);
		assert_int_equal(n_jobs(fake), 0);
	}
}

static void a_blob_that_fails_for_now_is_tried_only_so_often(void **state)
{
	struct fake *fake = *state;
	int n = 0;

	tell(fake, "HIST1", NULL, false, WA__HISTORY_SYNC_TYPE__RECENT);
	read_all(fake);
	while (fake_download.is_open && n < 20) {
		fake_download.is_open = false;
		fake_download.done(&fake->lane, TRANSFER_FAILED, NULL, NULL,
			fake_download.arg);
		assert_true(fake->timer_ms[fake->n_timers - 1] >= 40000);
		fake_fire(fake);
		read_all(fake);
		n++;
	}
	assert_int_equal(n, 5);
	assert_int_equal(n_jobs(fake), 0);
}

/* Whatever is in it, the lane goes on with the next. */
static void a_malformed_blob_is_dropped(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob good;
	scoped(history_blob_fini) struct history_blob bad;
	struct buf cut;
	struct seen seen;

	blob_of_bob(&good);
	history_blob_begin(&bad);
	history_blob_name(&bad, "77@lid", "Early");
	history_blob_write(&bad,
		"\x12\xff\xff\x7f"
		"cut off",
		11, Z_NO_FLUSH);
	history_blob_end(&bad);
	cut = good.out;
	cut.len /= 2;
	tell(fake, "BAD1", &cut, true,
		WA__HISTORY_SYNC_TYPE__INITIAL_BOOTSTRAP);
	cut.len = 0;
	tell(fake, "BAD2", &cut, true,
		WA__HISTORY_SYNC_TYPE__INITIAL_BOOTSTRAP);
	cut = (struct buf){ .data = (uint8_t *)"not zlib", .len = 8 };
	tell(fake, "BAD3", &cut, true,
		WA__HISTORY_SYNC_TYPE__INITIAL_BOOTSTRAP);
	tell(fake, "BAD4", &bad.out, true,
		WA__HISTORY_SYNC_TYPE__INITIAL_BOOTSTRAP);
	read_all(fake);
	assert_int_equal(n_jobs(fake), 0);
	assert_false(chat_find(fake, BOB_JID, &seen));
	tell_inline(fake, &good.out);
	read_all(fake);
	assert_true(chat_find(fake, BOB_JID, &seen));
	assert_int_equal(fake->n_lost, 0);
}

static void a_blob_inflates_only_so_far(void **state)
{
	struct history_blob zeros;
	uint8_t block[4096] = { 0 }, out[1024];
	struct blob *blob = NULL;
	struct err err = ERR_NONE;
	size_t n = 0, total = 0;

	(void)state;
	history_blob_begin(&zeros);
	for (int i = 0; i < 100; i++)
		history_blob_write(&zeros, block, sizeof block, Z_NO_FLUSH);
	history_blob_end(&zeros);
	blob = blob_of_bytes(zeros.out.data, zeros.out.len);
	blob_unzip(blob, 10000);
	while (blob_read(blob, out, sizeof out, &n, &err) == 0 && n > 0)
		total += n;
	assert_int_equal(err.code, ERR_PEER);
	assert_true(total <= 10000);
	blob_free(&blob);
	history_blob_fini(&zeros);
}

/* ---- many ---- */

static void many_chats(struct history_blob *blob, int n_chats, int n_told)
{
	char ids[32][24], texts[32][64], jid[64], name[64];
	struct told told[32];

	assert_true(n_told <= 32);
	history_blob_begin(blob);
	for (int i = 0; i < n_chats; i++) {
		Wa__Conversation chat = WA__CONVERSATION__INIT;

		for (int j = 0; j < n_told; j++) {
			snprintf(ids[j], sizeof ids[j], "3A%010X%08X",
				(unsigned)i * 2654435761u, (unsigned)j);
			snprintf(texts[j], sizeof texts[j],
				"message %d of chat %d, as people write it", j,
				i);
			told[j] = (struct told){ ids[j], texts[j], NULL,
				now_sec() - j, j % 2 == 0 };
		}
		snprintf(jid, sizeof jid, "%d@lid", 7000000 + i);
		snprintf(name, sizeof name, "Person %d", i);
		chat.id = jid;
		chat.name = name;
		history_blob_chat(blob, &chat, told, (size_t)n_told);
	}
	for (int i = 0; i < n_chats; i++) {
		char pn[64];

		snprintf(jid, sizeof jid, "%d@lid", 7000000 + i);
		snprintf(pn, sizeof pn, "1555%07d@s.whatsapp.net", i);
		snprintf(name, sizeof name, "Push %d", i);
		history_blob_pair(blob, pn, jid);
		history_blob_name(blob, jid, name);
	}
	history_blob_end(blob);
}

static size_t memory_used(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* As a lane has it: with a small cache. */
static void store_as_lane(struct fake *fake)
{
	char path[96];
	struct err err = ERR_NONE;

	snprintf(path, sizeof path, "%s/vereda.db", fake->dir);
	store_close(&fake->lane.store);
	assert_int_equal(
		store_open(path, STORE_LANE, &fake->lane.store, &err), 0);
}

static void five_thousand_chats_take_little_memory(void **state)
{
	struct fake *fake = *state;
	struct history_blob blob;
	struct seen seen;
	size_t idle, peak = 0, after;
	unsigned turns = 0;
	int64_t began_ms, took_ms;

	fake->config.history.mode = (char *)"messages";
	store_as_lane(fake);
	many_chats(&blob, MANY_CHATS, MESSAGES_A_CHAT);
	tell(fake, "HIST1", &blob.out, false, WA__HISTORY_SYNC_TYPE__RECENT);
	read_all(fake);
	answer_download(fake, &blob.out);
	history_blob_fini(&blob);
	malloc_trim(0);
	idle = memory_used();
	began_ms = clock_mono_ms();
	while (n_jobs(fake) > 0) {
		size_t used;

		fake_fire(fake);
		used = memory_used();
		peak = used > peak ? used : peak;
		turns++;
	}
	took_ms = clock_mono_ms() - began_ms;
	after = memory_used();
	print_message("%d chats, %d messages: %u turns, %lld ms, %lld "
		      "messages/s, peak %zd KiB, after %zd KiB\n",
		MANY_CHATS, MANY_CHATS * MESSAGES_A_CHAT, turns,
		(long long)took_ms,
		(long long)MANY_CHATS * MESSAGES_A_CHAT * 1000 /
			(took_ms > 0 ? took_ms : 1),
		(ssize_t)(peak - idle) / 1024, (ssize_t)(after - idle) / 1024);
	assert_int_equal(n_messages(fake), MANY_CHATS * MESSAGES_A_CHAT);
	assert_true(turns >= MANY_CHATS * MESSAGES_A_CHAT / 200);
	/* A build with sanitizers tells nothing of its memory. */
	if (idle > 0) {
		assert_true(peak < idle + (4 << 20));
		assert_true(after < idle + (1 << 20));
	}
	assert_true(chat_find(fake, "15550004999@s.whatsapp.net", &seen));
	assert_string_equal(seen.name, "Person 4999");
	assert_string_equal(push_name_of(fake, "7004999"), "Push 4999");
}

/* ---- crashes ---- */

/* The process is gone; what was committed is there. */
static void crash(struct fake *fake)
{
	history_on_disconnect(&fake->lane);
	facts_drop(&fake->lane);
	lanedb_rollback(fake->lane.db);
	history_free(&fake->lane.history);
	fake->lane.history = history_new();
	fake_download.is_open = false;
}

static void a_lane_that_was_killed_goes_on_where_it_was(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;
	unsigned turns = 0, in_all = 0;

	fake->config.history.mode = (char *)"messages";
	many_chats(&blob, 300, 10);
	tell(fake, "HIST1", &blob.out, false, WA__HISTORY_SYNC_TYPE__RECENT);
	for (int i = 0; n_jobs(fake) > 0; i++) {
		assert_true(i < 20);
		history_on_ready(&fake->lane);
		assert_int_equal(fake_turn_end(fake), 0);
		fake_fire(fake);
		fake_fire(fake);
		if (fake_download.is_open)
			answer_download(fake, &blob.out);
		for (turns = 0; turns < 8 && n_jobs(fake) > 0; turns++)
			fake_fire(fake);
		in_all += turns;
		crash(fake);
	}
	assert_int_equal(n_messages(fake), 3000);
	/* Of the part that was read, nothing is read again. */
	assert_true(in_all < 2 * 3300 / 200 + 20);
}

static void a_turn_that_was_dropped_is_read_again(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;

	fake->config.history.mode = (char *)"messages";
	many_chats(&blob, 100, 10);
	tell(fake, "HIST1", &blob.out, false, WA__HISTORY_SYNC_TYPE__RECENT);
	read_all(fake);
	answer_download(fake, &blob.out);
	for (int i = 0; i < 4; i++) {
		struct lane_timer *timer = fake->timers[fake->n_timers - 1];

		lane_timer_stop(timer);
		timer->fn(&fake->lane, timer->arg);
		facts_fail(&fake->lane, &(struct err){ .code = ERR_IO });
		assert_int_equal(fake_turn_end(fake), -1);
		history_on_disconnect(&fake->lane);
		history_on_ready(&fake->lane);
		fake_fire(fake);
	}
	read_all(fake);
	assert_int_equal(n_messages(fake), 1000);
	assert_int_equal(n_jobs(fake), 0);
}

static void a_blob_that_kills_the_lane_is_given_up(void **state)
{
	struct fake *fake = *state;
	scoped(history_blob_fini) struct history_blob blob;
	int n = 0;

	blob_of_bob(&blob);
	tell(fake, "HIST1", &blob.out, false, WA__HISTORY_SYNC_TYPE__RECENT);
	assert_int_equal(fake_turn_end(fake), 0);
	while (n_jobs(fake) > 0 && n < 20) {
		history_on_ready(&fake->lane);
		fake_fire(fake);
		crash(fake);
		n++;
	}
	assert_int_equal(n, 6);
}

#define HISTORY_TEST(test) \
	cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HISTORY_TEST(names_and_chats_stand_under_the_number),
		HISTORY_TEST(what_history_does_not_tell_of_a_chat_stays),
		HISTORY_TEST(without_history_only_addresses_are_learned),
		HISTORY_TEST(messages_of_late_become_rows_without_events),
		HISTORY_TEST(the_same_history_twice_is_there_once),
		HISTORY_TEST(a_message_that_was_sent_here_is_known),
		HISTORY_TEST(a_groups_message_is_by_its_participant),
		HISTORY_TEST(media_of_history_is_told_of_and_not_fetched),
		HISTORY_TEST(what_is_no_message_is_passed_over),
		HISTORY_TEST(what_was_asked_for_is_taken_in_any_mode),
		HISTORY_TEST(a_blob_is_fetched_read_and_removed),
		HISTORY_TEST(a_story_is_not_fetched),
		HISTORY_TEST(a_blob_that_cannot_be_had_is_left_out),
		HISTORY_TEST(a_blob_that_fails_for_now_is_tried_only_so_often),
		HISTORY_TEST(a_malformed_blob_is_dropped),
		cmocka_unit_test(a_blob_inflates_only_so_far),
		HISTORY_TEST(five_thousand_chats_take_little_memory),
		HISTORY_TEST(a_lane_that_was_killed_goes_on_where_it_was),
		HISTORY_TEST(a_turn_that_was_dropped_is_read_again),
		HISTORY_TEST(a_blob_that_kills_the_lane_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
