#include "common/store/chat.h"

#include "tests/unit/store_fixture.h"

#define JID "15550002222@s.whatsapp.net"
#define GROUP "120363001@g.us"

static void note(struct fixture *f, const struct chat *told, unsigned fields)
{
	struct tx *tx = begin(f);
	struct chat chat = *told;

	chat.account_id = f->account_id;
	if (chat.device_id == 0)
		chat.device_id = f->device_id;
	if (chat.jid == NULL)
		chat.jid = JID;
	chat.updated_ms = NOW_MS;
	assert_int_equal(store_chat_note(tx, &chat, fields, &f->err), 0);
	commit(f, tx);
}

/* What a test looks at of a row. */
struct seen {
	int n;
	char name[32], jid[48], oldest[32];
	struct chat chat;
};

static int on_chat(const struct chat *chat, void *arg)
{
	struct seen *seen = arg;

	seen->n++;
	seen->chat = *chat;
	snprintf(seen->jid, sizeof(seen->jid), "%s", chat->jid);
	snprintf(seen->name, sizeof(seen->name), "%s",
		chat->name != NULL ? chat->name : "");
	snprintf(seen->oldest, sizeof(seen->oldest), "%s",
		chat->oldest_wa_id != NULL ? chat->oldest_wa_id : "");
	return 0;
}

static struct seen look(struct fixture *f, const char *jid)
{
	struct seen seen = { 0 };

	assert_int_equal(store_chat_by_jid(f->store, f->device_id, jid, on_chat,
				 &seen, &f->err),
		0);
	return seen;
}

static void what_is_not_told_stays(void **state)
{
	struct fixture *f = *state;
	struct seen seen;

	note(f,
		&(struct chat){ .name = "Bob",
			.is_archived = true,
			.is_pinned = true,
			.muted_until_ms = -1 },
		CHAT_NAME | CHAT_ARCHIVED);
	seen = look(f, JID);
	assert_string_equal(seen.name, "Bob");
	assert_true(seen.chat.is_archived);
	assert_false(seen.chat.is_pinned);
	assert_int_equal(seen.chat.muted_until_ms, 0);
	note(f,
		&(struct chat){ .is_pinned = true,
			.is_unread = true,
			.muted_until_ms = -1 },
		CHAT_PINNED | CHAT_UNREAD | CHAT_MUTED);
	seen = look(f, JID);
	assert_string_equal(seen.name, "Bob");
	assert_true(seen.chat.is_archived && seen.chat.is_pinned &&
		    seen.chat.is_unread);
	assert_int_equal(seen.chat.muted_until_ms, -1);
	note(f, &(struct chat){ 0 }, CHAT_ARCHIVED | CHAT_NAME);
	seen = look(f, JID);
	assert_string_equal(seen.name, "");
	assert_false(seen.chat.is_archived);
	assert_true(seen.chat.is_pinned);
}

static void the_newest_moves_forward_and_the_oldest_back(void **state)
{
	static const struct {
		int64_t ms;
		const char *id;
		int64_t last, oldest;
		const char *oldest_id;
	} cases[] = {
		{ 500, "A", 500, 500, "A" },
		{ 700, "B", 700, 500, "A" },
		{ 300, "C", 700, 300, "C" },
		{ 0, NULL, 700, 300, "C" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct chat chat = { .last_ms = cases[i].ms,
			.oldest_ms = cases[i].ms,
			.oldest_wa_id = cases[i].id,
			.oldest_from_me = i == 2 };
		struct seen seen;

		note(f, &chat, CHAT_LAST | CHAT_OLDEST);
		seen = look(f, JID);
		assert_int_equal(seen.chat.last_ms, cases[i].last);
		assert_int_equal(seen.chat.oldest_ms, cases[i].oldest);
		assert_string_equal(seen.oldest, cases[i].oldest_id);
		assert_int_equal(seen.chat.oldest_from_me, i >= 2);
	}
}

static void a_list_is_of_one_device_in_pages_with_its_total(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	int64_t total = 0;
	char jid[32];

	for (int i = 0; i < 5; i++) {
		snprintf(jid, sizeof(jid), "%d@lid", i);
		note(f, &(struct chat){ .jid = jid }, CHAT_LAST);
		note(f, &(struct chat){ .jid = jid }, CHAT_LAST);
	}
	note(f,
		&(struct chat){
			.jid = "9@lid", .device_id = f->second_device_id },
		CHAT_LAST);
	assert_int_equal(
		store_chat_list(f->store, f->account_id, f->device_id,
			(struct page){ 1, 3 }, on_chat, &seen, &total, &f->err),
		0);
	assert_int_equal(total, 5);
	assert_int_equal(seen.n, 3);
	assert_string_equal(seen.jid, "3@lid");
	seen.n = 0;
	assert_int_equal(store_chat_list(f->store, f->other_account_id,
				 f->device_id, (struct page){ 0, 10 }, on_chat,
				 &seen, &total, &f->err),
		0);
	assert_int_equal(seen.n, 0);
}

static void a_chat_that_is_not_there_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };

	assert_int_equal(store_chat_by_jid(f->store, f->device_id, JID, on_chat,
				 &seen, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

/* ---- messages of a chat ---- */

struct row {
	const char *wa_id, *chat, *sender;
	enum message_direction direction;
	enum message_source source;
	int64_t wa_ms;
};

static int64_t put(struct fixture *f, const struct row *row)
{
	char uuid[UUID_LEN];
	struct message message = { .account_id = f->account_id,
		.device_id = f->device_id,
		.public_id = uuid,
		.wa_id = row->wa_id,
		.chat = row->chat,
		.sender = row->sender,
		.direction = row->direction,
		.source = row->source,
		.kind = MESSAGE_TEXT,
		.status = MESSAGE_RECEIVED,
		.created_ms = NOW_MS,
		.wa_ms = row->wa_ms };
	struct tx *tx = begin(f);
	bool duplicate = false;

	id_uuid7(uuid);
	assert_int_equal(
		store_message_insert_in(tx, &message, &duplicate, &f->err), 0);
	assert_false(duplicate);
	commit(f, tx);
	return message.id;
}

struct ids {
	char text[128];
};

static int on_message(const struct message *message, void *arg)
{
	struct ids *ids = arg;

	strncat(ids->text, message->wa_id,
		sizeof(ids->text) - strlen(ids->text) - 1);
	return 0;
}

static const char *unread(struct fixture *f, const char *jid)
{
	static struct ids ids;

	ids = (struct ids){ "" };
	assert_int_equal(store_chat_unread(f->store, f->account_id,
				 f->device_id, jid, on_message, &ids, &f->err),
		0);
	return ids.text;
}

static void only_what_others_wrote_and_nobody_read_is_unread(void **state)
{
	static const struct row rows[] = {
		{ "A", JID, JID, MESSAGE_IN, MESSAGE_BY_API, 1 },
		{ "B", JID, "15550001111@s.whatsapp.net", MESSAGE_IN,
			MESSAGE_BY_PHONE, 2 },
		{ "C", JID, NULL, MESSAGE_OUT, MESSAGE_BY_HISTORY, 3 },
		{ "D", GROUP, JID, MESSAGE_IN, MESSAGE_BY_API, 4 },
		{ "E", JID, JID, MESSAGE_IN, MESSAGE_BY_HISTORY, 5 },
	};
	struct fixture *f = *state;
	int64_t first = 0;
	struct tx *tx = NULL;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t id = put(f, &rows[i]);

		if (i == 0)
			first = id;
	}
	assert_string_equal(unread(f, JID), "AE");
	assert_string_equal(unread(f, GROUP), "D");
	tx = begin(f);
	assert_int_equal(store_chat_mark_read(tx, first, NOW_MS, &f->err), 0);
	commit(f, tx);
	assert_string_equal(unread(f, JID), "E");
}

static void the_oldest_is_by_the_servers_time(void **state)
{
	static const struct row rows[] = {
		{ "A", JID, JID, MESSAGE_IN, MESSAGE_BY_API, 900 },
		{ "B", JID, JID, MESSAGE_IN, MESSAGE_BY_HISTORY, 100 },
		{ "C", JID, NULL, MESSAGE_OUT, MESSAGE_BY_HISTORY, 500 },
		{ "D", GROUP, JID, MESSAGE_IN, MESSAGE_BY_API, 50 },
	};
	struct fixture *f = *state;
	struct ids ids = { "" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		put(f, &rows[i]);
	assert_int_equal(store_chat_oldest(f->store, f->account_id,
				 f->device_id, JID, on_message, &ids, &f->err),
		0);
	assert_string_equal(ids.text, "B");
	assert_int_equal(
		store_chat_oldest(f->store, f->account_id, f->device_id,
			"1@lid", on_message, &ids, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static bool has(struct fixture *f, const char *wa_id, const char *chat,
	enum message_direction direction)
{
	struct message message = { .device_id = f->device_id,
		.wa_id = wa_id,
		.chat = chat,
		.direction = direction };
	struct tx *tx = begin(f);
	bool is_known = false;

	assert_int_equal(
		store_chat_has_message(tx, &message, &is_known, &f->err), 0);
	tx_end(&tx);
	return is_known;
}

static void a_message_is_known_whoever_it_came_from(void **state)
{
	static const struct row row = { "A", GROUP, JID, MESSAGE_IN,
		MESSAGE_BY_API, 1 };
	struct fixture *f = *state;
	struct outgoing out = put_out(f, f->device_id);

	put(f, &row);
	assert_true(has(f, "A", GROUP, MESSAGE_IN));
	assert_true(has(f, "A", GROUP, MESSAGE_OUT));
	assert_false(has(f, "A", JID, MESSAGE_IN));
	assert_false(has(f, "B", GROUP, MESSAGE_IN));
	/* One that was sent here carries its number, and no index entry. */
	assert_true(has(f, out.wa_id, JID, MESSAGE_OUT));
	assert_false(has(f, out.wa_id, JID, MESSAGE_IN));
}

/* ---- content that comes later ---- */

static void late(struct fixture *f, const char *wa_id, enum message_kind kind,
	bool *filled, struct message *out)
{
	static char public_id[UUID_LEN];
	struct tx *tx = begin(f);

	*out = (struct message){ .account_id = f->account_id,
		.device_id = f->device_id,
		.wa_id = wa_id,
		.chat = JID,
		.sender = JID,
		.kind = kind,
		.text = "at last" };
	assert_int_equal(
		store_message_fill(tx, out, public_id, filled, &f->err), 0);
	commit(f, tx);
}

static int on_text(const struct message *message, void *arg)
{
	snprintf(arg, 32, "%s", message->text != NULL ? message->text : "");
	return 0;
}

static void only_a_placeholder_is_filled(void **state)
{
	static const struct row row = { "REAL", JID, JID, MESSAGE_IN,
		MESSAGE_BY_API, 1 };
	struct fixture *f = *state;
	struct message placeholder = { .account_id = f->account_id,
		.device_id = f->device_id,
		.public_id = "00000000-0000-7000-8000-00000000000a",
		.wa_id = "EMPTY",
		.chat = JID,
		.sender = JID,
		.direction = MESSAGE_IN,
		.source = MESSAGE_BY_API,
		.status = MESSAGE_RECEIVED,
		.kind = MESSAGE_OTHER,
		.content = "{\"type\":\"unavailable\"}" };
	struct message out;
	struct tx *tx = begin(f);
	bool filled = false;
	char text[32] = "";

	assert_int_equal(
		store_message_insert_in(tx, &placeholder, &filled, &f->err), 0);
	commit(f, tx);
	put(f, &row);
	late(f, "REAL", MESSAGE_TEXT, &filled, &out);
	assert_false(filled);
	late(f, "EMPTY", MESSAGE_OTHER, &filled, &out);
	assert_false(filled);
	late(f, "EMPTY", MESSAGE_TEXT, &filled, &out);
	assert_true(filled);
	assert_string_equal(out.public_id, placeholder.public_id);
	assert_int_equal(out.id, placeholder.id);
	assert_int_equal(
		store_message_by_id(f->store, out.id, on_text, text, &f->err),
		0);
	assert_string_equal(text, "at last");
	late(f, "EMPTY", MESSAGE_TEXT, &filled, &out);
	assert_false(filled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(what_is_not_told_stays),
		STORE_TEST(the_newest_moves_forward_and_the_oldest_back),
		STORE_TEST(a_list_is_of_one_device_in_pages_with_its_total),
		STORE_TEST(a_chat_that_is_not_there_is_not_found),
		STORE_TEST(only_what_others_wrote_and_nobody_read_is_unread),
		STORE_TEST(the_oldest_is_by_the_servers_time),
		STORE_TEST(a_message_is_known_whoever_it_came_from),
		STORE_TEST(only_a_placeholder_is_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
