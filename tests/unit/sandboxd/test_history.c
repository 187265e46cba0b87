/* History: what was ordered reaches a companion whole, in chunks, inline or as
 * blobs, and what is older can be asked for. */
#include "api.h"
#include "laptop.h"

#include <zlib.h>

#include "common/wa/media.h"

#define ALICE "15550001111"
#define BOB "15550002222"
#define INFLATED_MAX (64u << 20)

static struct account *alice, *bob;

static int open_phones(void **state)
{
	net_open(state);
	alice = net_account(ALICE);
	bob = net_account(BOB);
	snprintf(alice->push_name, sizeof(alice->push_name), "Alice");
	snprintf(bob->push_name, sizeof(bob->push_name), "Bob");
	laptop_link(alice);
	net_connect(laptop);
	laptop->welcomed = false;
	net_forget_sent();
	return 0;
}

static int close_phones(void **state)
{
	phone_store_fini(&keys);
	return net_close(state);
}

/* Runs timers until nothing more is to come. */
static void run(void)
{
	while (net_run_timers() > 0)
		;
}

static void order(const char *body)
{
	api_do("POST", "/phones/" ALICE "/history", body);
}

/* ---- reading ---- */

static void unpack_payload(
	const Wa__HistorySyncNotification *notification, struct buf *out)
{
	struct wa_media_ref ref = { .type = WA_MEDIA_HISTORY };
	struct buf blob = BUF_INIT;
	struct err err = ERR_NONE;

	if (notification->has_initial_hist_bootstrap_inline_payload) {
		buf_add(out,
			notification->initial_hist_bootstrap_inline_payload
				.data,
			notification->initial_hist_bootstrap_inline_payload
				.len);
		return;
	}
	if (media_get(&net.sandbox, notification->direct_path, &blob, &err) !=
		0)
		fail_msg("%s", err.msg);
	memcpy(ref.key, notification->media_key.data, sizeof(ref.key));
	memcpy(ref.sha256, notification->file_sha256.data, sizeof(ref.sha256));
	memcpy(ref.enc_sha256, notification->file_enc_sha256.data,
		sizeof(ref.enc_sha256));
	ref.has_sha256 = true;
	ref.length = notification->file_length;
	if (wa_media_open(&ref, blob.data, blob.len, out, &err) != 0)
		fail_msg("%s", err.msg);
	buf_fini(&blob);
}

static Wa__HistorySync *inflate_history(const struct buf *payload)
{
	uint8_t *plain = xcalloc(1, INFLATED_MAX);
	uLongf n = INFLATED_MAX;
	Wa__HistorySync *history;

	assert_int_equal(
		uncompress(plain, &n, payload->data, payload->len), Z_OK);
	history = wa__history_sync__unpack(NULL, n, plain);
	assert_non_null(history);
	free(plain);
	return history;
}

struct chunk {
	Wa__HistorySync *history;
	bool is_inline;
	uint32_t order;
	int progress; /* -1: none */
	int64_t oldest;
	char session[64];
};

/* The @i-th history notification that the laptop got, in order: read each once.
 */
static struct chunk read_chunk(size_t i)
{
	struct wa_jid from = wa_jid_lid(alice->lid, 0);
	const struct wa_node *stanza = net_sent(laptop, "message", i);
	const Wa__HistorySyncNotification *notification;
	struct buf payload = BUF_INIT;
	struct chunk chunk = { 0 };
	Wa__Message *message;

	assert_non_null(stanza);
	message = laptop_read(stanza, &from);
	notification = message->protocol_message->history_sync_notification;
	assert_non_null(notification);
	unpack_payload(notification, &payload);
	chunk.history = inflate_history(&payload);
	chunk.is_inline =
		notification->has_initial_hist_bootstrap_inline_payload;
	chunk.order = notification->chunk_order;
	chunk.progress =
		notification->has_progress ? (int)notification->progress : -1;
	chunk.oldest = notification->oldest_msg_in_chunk_timestamp_sec;
	if (notification->peer_data_request_session_id != NULL)
		snprintf(chunk.session, sizeof(chunk.session), "%s",
			notification->peer_data_request_session_id);
	assert_int_equal(chunk.history->sync_type, notification->sync_type);
	wa__message__free_unpacked(message, NULL);
	buf_fini(&payload);
	return chunk;
}

static void chunk_free(struct chunk *chunk)
{
	wa__history_sync__free_unpacked(chunk->history, NULL);
	chunk->history = NULL;
}

static size_t count_messages(const Wa__HistorySync *history)
{
	size_t n = 0;

	for (size_t i = 0; i < history->n_conversations; i++)
		n += history->conversations[i]->n_messages;
	return n;
}

/* ---- a first sync ---- */

/* The key share is the first message; a history begins with the second. */
#define FIRST 1

static void what_was_ordered_before_linking_comes_with_the_welcome(void **state)
{
	static const struct {
		Wa__HistorySyncType type;
		size_t chats, messages;
		uint32_t order;
		int progress;
	} expected[] = {
		{ WA__HISTORY_SYNC_TYPE__INITIAL_BOOTSTRAP, 10, 101, 1, 33 },
		{ WA__HISTORY_SYNC_TYPE__PUSH_NAME, 0, 0, 1, -1 },
		{ WA__HISTORY_SYNC_TYPE__RECENT, 10, 100, 1, 66 },
		{ WA__HISTORY_SYNC_TYPE__RECENT, 10, 100, 2, 100 },
	};

	(void)state;
	order("{'chats':30,'messages':301,'chunks':3,'days':10}");
	phone_welcome(alice->devices->phone, laptop);
	assert_int_equal(net_count(laptop, "message"), FIRST + 2);
	run();
	assert_int_equal(net_count(laptop, "message"), FIRST + 4);
	assert_int_equal(phone_history_pending(alice->devices->phone), 0);
	for (size_t i = 0; i < FIRST; i++) {
		struct wa_jid from = wa_jid_lid(alice->lid, 0);

		wa__message__free_unpacked(
			laptop_read(net_sent(laptop, "message", i), &from),
			NULL);
	}
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		struct chunk chunk = read_chunk(FIRST + i);

		assert_int_equal(chunk.history->sync_type, expected[i].type);
		assert_int_equal(
			chunk.history->n_conversations, expected[i].chats);
		assert_int_equal(
			count_messages(chunk.history), expected[i].messages);
		assert_int_equal(chunk.order, expected[i].order);
		assert_int_equal(chunk.history->chunk_order, expected[i].order);
		assert_int_equal(chunk.progress, expected[i].progress);
		assert_true(chunk.is_inline);
		chunk_free(&chunk);
	}
}

static void a_companion_that_is_linked_already_gets_it_at_once(void **state)
{
	struct chunk chunk;

	(void)state;
	laptop->welcomed = true;
	order("{'chats':4,'messages':8,'chunks':2,'inline':true}");
	assert_int_equal(phone_history_pending(alice->devices->phone), 2);
	run();
	assert_int_equal(net_count(laptop, "message"), 3);
	for (size_t i = 0; i < 3; i++) {
		chunk = read_chunk(i);
		assert_int_equal(count_messages(chunk.history), i == 0 ? 0 : 4);
		chunk_free(&chunk);
	}
}

static void a_new_order_stops_what_was_under_way(void **state)
{
	struct chunk chunk;
	size_t total = 0;

	(void)state;
	laptop->welcomed = true;
	order("{'chats':100,'messages':100,'chunks':100}");
	net_run_timers();
	order("{'chats':2,'messages':2,'chunks':1}");
	run();
	assert_int_equal(net_count(laptop, "message"), 4);
	for (size_t i = 0; i < 4; i++) {
		chunk = read_chunk(i);
		total += count_messages(chunk.history);
		chunk_free(&chunk);
	}
	assert_int_equal(total, 1 + 2);
}

static void names_and_addresses_come_along(void **state)
{
	struct chunk names, chats;

	(void)state;
	laptop->welcomed = true;
	api_send(ALICE, "{'to':'" BOB "','text':'we know each other'}");
	run();
	net_forget_sent();
	order("{'chats':3,'messages':3}");
	run();
	names = read_chunk(0);
	assert_int_equal(names.history->n_pushnames, 4);
	assert_string_equal(names.history->pushnames[0]->pushname, "Alice");
	assert_string_equal(names.history->pushnames[1]->pushname, "Bob");
	assert_string_equal(
		names.history->pushnames[1]->id, BOB "@s.whatsapp.net");
	chats = read_chunk(1);
	assert_int_equal(chats.history->n_phone_number_to_lid_mappings, 4);
	assert_string_equal(
		chats.history->conversations[0]->pn_jid, BOB "@s.whatsapp.net");
	assert_non_null(chats.history->conversations[1]->tc_token.data);
	chunk_free(&names);
	chunk_free(&chats);
}

static void a_group_of_the_account_is_among_the_chats(void **state)
{
	struct account *members[] = { bob };
	struct group *group =
		group_create(&net.sandbox, alice, "friends", members, 1, true);
	struct wa_jid jid = group_jid(group);
	const Wa__Conversation *chat;
	char text[WA_JID_TEXT];
	struct chunk chunk;
	bool authored = false;

	(void)state;
	laptop->welcomed = true;
	order("{'chats':1,'messages':6}");
	run();
	chunk_free(&(struct chunk){ .history = read_chunk(0).history });
	chunk = read_chunk(1);
	chat = chunk.history->conversations[0];
	assert_string_equal(chat->id, wa_jid_text(&jid, text));
	assert_string_equal(chat->name, "friends");
	for (size_t i = 0; i < chat->n_messages; i++) {
		const Wa__WebMessageInfo *info = chat->messages[i]->message;

		assert_true(info->key->from_me == (info->participant == NULL));
		authored = authored || info->participant != NULL;
	}
	assert_true(authored);
	chunk_free(&chunk);
}

static void messages_go_back_in_time_and_have_ids_of_their_own(void **state)
{
	const Wa__Conversation *chat;
	struct chunk chunk;

	(void)state;
	laptop->welcomed = true;
	order("{'chats':2,'messages':40,'days':4,'media':true}");
	run();
	chunk_free(&(struct chunk){ .history = read_chunk(0).history });
	chunk = read_chunk(1);
	chat = chunk.history->conversations[1];
	assert_int_equal(chat->n_messages, 20);
	for (size_t i = 1; i < chat->n_messages; i++) {
		const Wa__WebMessageInfo *newer =
			chat->messages[i - 1]->message;
		const Wa__WebMessageInfo *older = chat->messages[i]->message;

		assert_true(
			older->message_timestamp < newer->message_timestamp);
		assert_string_not_equal(older->key->id, newer->key->id);
		assert_int_equal(strlen(older->key->id), 32);
	}
	assert_true(chat->messages[0]->message->message_timestamp -
			    chat->messages[19]->message->message_timestamp <
		    4 * 86400);
	assert_int_equal(
		chunk.oldest, chat->messages[19]->message->message_timestamp);
	assert_non_null(chat->messages[5]->message->message->image_message);
	chunk_free(&chunk);
}

/* ---- how it travels ---- */

static void a_client_that_does_not_ask_for_inline_gets_blobs(void **state)
{
	struct wa_jid from = wa_jid_lid(alice->lid, 0);
	struct chunk chunk;

	(void)state;
	laptop->inline_history = false;
	order("{'chats':5,'messages':50}");
	phone_welcome(alice->devices->phone, laptop);
	run();
	wa__message__free_unpacked(
		laptop_read(net_sent(laptop, "message", 0), &from), NULL);
	chunk = read_chunk(FIRST);
	assert_false(chunk.is_inline);
	assert_int_equal(count_messages(chunk.history), 50);
	chunk_free(&chunk);
}

static void an_order_may_say_how_it_travels(void **state)
{
	struct chunk chunk;

	(void)state;
	laptop->welcomed = true;
	order("{'chats':1,'messages':1,'inline':false}");
	run();
	chunk = read_chunk(0);
	assert_false(chunk.is_inline);
	chunk_free(&chunk);
	chunk = read_chunk(1);
	assert_false(chunk.is_inline);
	chunk_free(&chunk);
}

static void what_no_message_can_carry_is_a_blob_all_the_same(void **state)
{
	struct chunk chunk;
	size_t total = 0;

	(void)state;
	laptop->welcomed = true;
	order("{'chats':5000,'messages':100000,'chunks':5,'inline':true}");
	run();
	assert_int_equal(net_count(laptop, "message"), 6);
	chunk_free(&(struct chunk){ .history = read_chunk(0).history });
	for (size_t i = 1; i < 6; i++) {
		chunk = read_chunk(i);
		assert_false(chunk.is_inline);
		assert_int_equal(chunk.history->n_conversations, 1000);
		total += count_messages(chunk.history);
		chunk_free(&chunk);
	}
	assert_int_equal(total, 100000);
}

static void an_unlinked_companion_ends_its_history(void **state)
{
	(void)state;
	order("{'chats':10,'messages':10,'chunks':10}");
	phone_welcome(alice->devices->phone, laptop);
	account_remove_companion(&net.sandbox, laptop);
	run();
	assert_int_equal(phone_history_pending(alice->devices->phone), 0);
}

/* ---- on demand ---- */

static void ask_older(const char *chat, const char *id, int count)
{
	Wa__HistorySyncOnDemandRequest wanted =
		WA__HISTORY_SYNC_ON_DEMAND_REQUEST__INIT;
	Wa__PeerDataOperationRequestMessage request =
		WA__PEER_DATA_OPERATION_REQUEST_MESSAGE__INIT;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__Message message = WA__MESSAGE__INIT;

	wanted.chat_jid = (char *)chat;
	wanted.oldest_msg_id = (char *)id;
	wanted.has_on_demand_msg_count = true;
	wanted.on_demand_msg_count = count;
	request.has_peer_data_operation_request_type = true;
	request.peer_data_operation_request_type =
		WA__PEER_DATA_OPERATION_REQUEST_TYPE__HISTORY_SYNC_ON_DEMAND;
	request.history_sync_on_demand_request = &wanted;
	protocol.has_type = true;
	protocol.type =
		WA__PROTOCOL_MESSAGE__TYPE__PEER_DATA_OPERATION_REQUEST_MESSAGE;
	protocol.peer_data_operation_request_message = &request;
	message.protocol_message = &protocol;
	net_forget_sent();
	laptop_ask(&message, "REQUEST7");
}

static void older_messages_are_given_until_there_are_none(void **state)
{
	struct chunk first, older;
	const Wa__Conversation *chat;
	char jid[WA_JID_TEXT], id[64];
	int64_t t;

	(void)state;
	laptop->welcomed = true;
	order("{'chats':3,'messages':30,'older':15}");
	run();
	chunk_free(&(struct chunk){ .history = read_chunk(0).history });
	first = read_chunk(1);
	chat = first.history->conversations[2];
	snprintf(jid, sizeof(jid), "%s", chat->id);
	snprintf(id, sizeof(id), "%s", chat->messages[9]->message->key->id);
	t = (int64_t)chat->messages[9]->message->message_timestamp;
	chunk_free(&first);
	for (unsigned i = 0; i < 3; i++) {
		const size_t left[] = { 10, 5, 0 };

		ask_older(jid, id, 10);
		older = read_chunk(0);
		assert_int_equal(older.history->sync_type,
			WA__HISTORY_SYNC_TYPE__ON_DEMAND);
		assert_string_equal(older.session, "REQUEST7");
		chat = older.history->conversations[0];
		assert_string_equal(chat->id, jid);
		assert_int_equal(chat->n_messages, left[i]);
		if (left[i] > 0) {
			const Wa__WebMessageInfo *last =
				chat->messages[left[i] - 1]->message;

			assert_true((int64_t)last->message_timestamp < t);
			snprintf(id, sizeof(id), "%s", last->key->id);
		}
		chunk_free(&older);
	}
}

static void of_a_chat_that_nobody_knows_nothing_is_older(void **state)
{
	struct chunk older;

	(void)state;
	ask_older("404@lid", "3EB0", 10);
	older = read_chunk(0);
	assert_int_equal(older.history->n_conversations, 0);
	chunk_free(&older);
	ask_older("not a jid", NULL, -5);
	older = read_chunk(0);
	assert_int_equal(older.history->n_conversations, 0);
	chunk_free(&older);
}

static void an_order_beyond_all_bounds_is_refused(void **state)
{
	static const char *const bodies[] = {
		"{'chats':0}",
		"{'chats':20001}",
		"{'chats':1,'messages':5001}",
		"{'messages':1000001}",
		"{'chats':2,'chunks':3}",
		"{'days':0}",
		"{'inline':'yes'}",
		"{'smell':1}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		json_decref(api_try(
			"POST", "/phones/" ALICE "/history", bodies[i]));
		if (api_status != 400)
			fail_msg("%s: %d", bodies[i], api_status);
	}
}

#define on_phones(test) \
	cmocka_unit_test_setup_teardown(test, open_phones, close_phones)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_phones(
			what_was_ordered_before_linking_comes_with_the_welcome),
		on_phones(a_companion_that_is_linked_already_gets_it_at_once),
		on_phones(a_new_order_stops_what_was_under_way),
		on_phones(names_and_addresses_come_along),
		on_phones(a_group_of_the_account_is_among_the_chats),
		on_phones(messages_go_back_in_time_and_have_ids_of_their_own),
		on_phones(a_client_that_does_not_ask_for_inline_gets_blobs),
		on_phones(an_order_may_say_how_it_travels),
		on_phones(what_no_message_can_carry_is_a_blob_all_the_same),
		on_phones(an_unlinked_companion_ends_its_history),
		on_phones(older_messages_are_given_until_there_are_none),
		on_phones(of_a_chat_that_nobody_knows_nothing_is_older),
		on_phones(an_order_beyond_all_bounds_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
