/* Virtual phones: two of them write to each other through the routing,
 * end-to-end encrypted, and a companion reads what its phone tells it. */
#include "laptop.h"

#include <zlib.h>

#include "sandboxd/fault.h"

static struct account *alice, *bob;

static int open_phones(void **state)
{
	net_open(state);
	alice = net_account("15550001111");
	bob = net_account("15550002222");
	return 0;
}

static struct phone *phone_of(struct account *account)
{
	return account->devices->phone;
}

static const char *send_text(
	struct account *from, struct account *to, const char *text)
{
	static char id[64];
	struct err err = ERR_NONE;

	if (phone_send_text(phone_of(from), to->pn, text, id, &err) != 0)
		fail_msg("%s", err.msg);
	return id;
}

static struct box_entry *received(struct account *account, uint64_t seq)
{
	return box_at(&phone_of(account)->inbox, seq);
}

static enum box_status status_of(struct account *account, const char *id)
{
	struct box_entry *entry = phone_sent(phone_of(account), id);

	assert_non_null(entry);
	return entry->status;
}

/* The next @count messages that reach @account's phone. */
static void add_fault(
	const char *kind, const struct account *account, int count)
{
	json_t *json = json_pack("{s:s, s:s, s:i, s:i}", "kind", kind, "phone",
		account->pn, "device", 0, "count", count);
	struct fault_rule *rule = NULL;
	struct err err = ERR_NONE;
	unsigned acted;

	if (strcmp(kind, "corrupt") == 0 || strcmp(kind, "duplicate") == 0)
		json_object_set_new(json, "stanza", json_string("message"));
	if (fault_rule_parse(json, &rule, &err) != 0)
		fail_msg("%s: %s", kind, err.msg);
	json_decref(json);
	fault_add(&net.sandbox, rule, &acted);
}

static void a_text_arrives_and_its_ticks_come_back(void **state)
{
	const char *id = send_text(alice, bob, "good morning");
	const struct box_entry *entry = received(bob, 1);

	(void)state;
	assert_non_null(entry);
	assert_string_equal(entry->text, "good morning");
	assert_string_equal(entry->id, id);
	assert_string_equal(entry->peer.user, alice->lid);
	assert_int_equal(entry->duplicates, 0);
	assert_int_equal(status_of(alice, id), BOX_DELIVERED);
	net_run_timers(); /* reads at once: read_after_ms is 0 here */
	assert_int_equal(status_of(alice, id), BOX_READ);
}

static void a_conversation_goes_both_ways_over_many_messages(void **state)
{
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "number %u", i);
		send_text(i % 3 == 0 ? bob : alice, i % 3 == 0 ? alice : bob,
			text);
	}
	assert_int_equal(phone_of(alice)->inbox.n, 17);
	assert_int_equal(phone_of(bob)->inbox.n, 33);
	assert_string_equal(received(bob, 33)->text, "number 49");
}

static void reads_of_one_chat_come_in_one_receipt(void **state)
{
	char first[64];

	(void)state;
	snprintf(first, sizeof(first), "%s", send_text(alice, bob, "1"));
	send_text(alice, bob, "2");
	net.sandbox.count.receipts = 0;
	net_run_timers();
	assert_int_equal(net.sandbox.count.receipts, 1);
	assert_int_equal(status_of(alice, first), BOX_READ);
	assert_int_equal(box_at(&phone_of(alice)->outbox, 2)->status, BOX_READ);
}

static void a_phone_that_never_reads_sends_no_read_receipt(void **state)
{
	const char *id;

	(void)state;
	phone_of(bob)->read_after_ms = PHONE_READ_NEVER;
	id = send_text(alice, bob, "unread");
	net_run_timers();
	assert_int_equal(status_of(alice, id), BOX_DELIVERED);
}

static void a_message_that_came_damaged_is_asked_for_again(void **state)
{
	const char *id;

	(void)state;
	send_text(alice, bob, "first");
	add_fault("corrupt", bob, 2);
	id = send_text(alice, bob, "second");
	assert_int_equal(phone_of(bob)->inbox.n, 2);
	assert_string_equal(received(bob, 2)->text, "second");
	assert_string_equal(received(bob, 2)->id, id);
	assert_int_equal(status_of(alice, id), BOX_DELIVERED);
	assert_int_equal(phone_sent(phone_of(alice), id)->resends, 2);
	send_text(bob, alice, "after");
	assert_string_equal(received(alice, 1)->text, "after");
}

static void asking_again_has_an_end(void **state)
{
	const char *id;

	(void)state;
	add_fault("corrupt", bob, 1000);
	id = send_text(alice, bob, "never readable");
	assert_int_equal(phone_of(bob)->inbox.n, 0);
	assert_int_equal(phone_of(bob)->undecryptable, 1);
	assert_int_equal(
		phone_sent(phone_of(alice), id)->resends, PHONE_RETRIES_MAX);
}

static void the_same_stanza_twice_is_counted_not_kept_twice(void **state)
{
	(void)state;
	send_text(alice, bob, "one");
	add_fault("duplicate", bob, 1);
	send_text(alice, bob, "two");
	assert_int_equal(phone_of(bob)->inbox.n, 2);
	assert_int_equal(received(bob, 1)->duplicates, 0);
	assert_int_equal(received(bob, 2)->duplicates, 1);
}

static void a_phone_that_is_off_gets_its_messages_when_switched_on(void **state)
{
	const char *id;

	(void)state;
	phone_set_deliver(phone_of(bob), false);
	send_text(alice, bob, "1");
	id = send_text(alice, bob, "2");
	assert_int_equal(phone_of(bob)->inbox.n, 0);
	assert_int_equal(status_of(alice, id), BOX_SENT);
	assert_int_equal(queue_length(bob->devices), 2);
	phone_set_deliver(phone_of(bob), true);
	assert_int_equal(queue_length(bob->devices), 0);
	assert_string_equal(received(bob, 1)->text, "1");
	assert_string_equal(received(bob, 2)->text, "2");
	assert_int_equal(status_of(alice, id), BOX_DELIVERED);
}

static void after_a_new_identity_both_sides_go_on(void **state)
{
	struct wa_keypair before = *phone_identity(phone_of(bob));

	(void)state;
	send_text(alice, bob, "old");
	send_text(bob, alice, "old");
	phone_new_identity(phone_of(bob));
	assert_memory_not_equal(
		before.pub, phone_identity(phone_of(bob))->pub, WA_KEY_BYTES);
	assert_memory_equal(bob->devices->identity,
		phone_identity(phone_of(bob))->pub, WA_KEY_BYTES);
	send_text(alice, bob, "new");
	send_text(bob, alice, "new");
	assert_string_equal(received(bob, 2)->text, "new");
	assert_string_equal(received(alice, 2)->text, "new");
}

static void a_new_identity_unlinks_companions_and_tells_contacts(void **state)
{
	struct device *watcher = net_companion(bob);
	const struct wa_node *told;

	(void)state;
	net_companion(alice);
	net_connect(watcher);
	send_text(bob, alice, "hello");
	net_forget_sent();
	phone_new_identity(phone_of(alice));
	assert_null(alice->devices->next);
	told = net_sent(watcher, "notification",
		net_count(watcher, "notification") - 1);
	assert_attr(told, "type", "encrypt");
	assert_jid(told, "from", wa_jid_pn(alice->pn, 0));
	assert_non_null(wa_node_child(told, "identity"));
}

static void a_bad_bundle_signature_keeps_the_message_from_going_out(
	void **state)
{
	struct err err = ERR_NONE;
	char id[64];

	(void)state;
	add_fault("bad_bundle_signature", bob, 1);
	assert_int_equal(
		phone_send_text(phone_of(alice), bob->pn, "x", id, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_int_equal(status_of(alice, id), BOX_FAILED);
	send_text(alice, bob, "y");
	assert_string_equal(received(bob, 1)->text, "y");
}

static void a_bundle_without_one_time_key_is_enough(void **state)
{
	(void)state;
	add_fault("no_one_time_key", bob, 1);
	send_text(alice, bob, "x");
	assert_string_equal(received(bob, 1)->text, "x");
}

static void a_number_that_was_never_made_is_not_found(void **state)
{
	struct err err = ERR_NONE;
	char id[64];

	(void)state;
	assert_int_equal(
		phone_send_text(phone_of(alice), "15559999999", "x", id, &err),
		-1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void the_inbox_drops_its_oldest_entries_when_full(void **state)
{
	struct wa_jid peer = wa_jid_lid("1", 0);
	struct box box;
	char id[16];

	(void)state;
	box_init(&box, 100);
	for (unsigned i = 0; i < 250; i++) {
		snprintf(id, sizeof(id), "%u", i);
		box_add(&box, box_entry_new(id, &peer, 0, NULL, "text", 1),
			box_key(&peer, 0, id));
	}
	assert_int_equal(box.n, 100);
	assert_int_equal(box.dropped, 150);
	assert_int_equal(box_first_seq(&box), 151);
	assert_null(box_at(&box, 150));
	assert_null(box_at(&box, 251));
	assert_string_equal(box_at(&box, 151)->id, "150");
	assert_null(box_find(&box, box_key(&peer, 0, "149"), "149"));
	assert_non_null(box_find(&box, box_key(&peer, 0, "249"), "249"));
	assert_int_equal(box_clear(&box), 100);
	assert_int_equal(box_first_seq(&box), 251);
	box_fini(&box);
}

/* ---- a companion of Alice's, with keys of its own ---- */

static Wa__HistorySync *history_of(const Wa__Message *message)
{
	const ProtobufCBinaryData *payload =
		&message->protocol_message->history_sync_notification
			 ->initial_hist_bootstrap_inline_payload;
	uint8_t plain[1024];
	uLongf n = sizeof(plain);

	assert_int_equal(
		uncompress(plain, &n, payload->data, payload->len), Z_OK);
	return wa__history_sync__unpack(NULL, n, plain);
}

static void welcome(void)
{
	net_connect(laptop);
	net_forget_sent();
	laptop->welcomed = false;
	phone_welcome(phone_of(alice), laptop);
}

static void a_new_companion_gets_keys_history_and_its_name(void **state)
{
	static const Wa__HistorySyncType types[] = {
		WA__HISTORY_SYNC_TYPE__INITIAL_BOOTSTRAP,
		WA__HISTORY_SYNC_TYPE__PUSH_NAME,
		WA__HISTORY_SYNC_TYPE__RECENT,
	};
	struct wa_jid phone_lid_jid = wa_jid_lid(alice->lid, 0);
	const struct wa_node *stanza;
	Wa__Message *message;

	(void)state;
	snprintf(alice->push_name, sizeof(alice->push_name), "Alice");
	laptop_link(alice);
	welcome();
	assert_int_equal(net_count(laptop, "message"), 4);
	stanza = net_sent(laptop, "message", 0);
	assert_attr(stanza, "category", "peer");
	assert_attr(stanza, "notify", "Alice");
	assert_jid(stanza, "from", wa_jid_pn(alice->pn, 0));
	assert_no_attr(stanza, "recipient");
	message = laptop_read(stanza, &phone_lid_jid);
	assert_int_equal(message->protocol_message->type,
		WA__PROTOCOL_MESSAGE__TYPE__APP_STATE_SYNC_KEY_SHARE);
	assert_int_equal(
		message->protocol_message->app_state_sync_key_share->keys[0]
			->key_data->key_data.len,
		32);
	wa__message__free_unpacked(message, NULL);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		Wa__HistorySync *history;

		message = laptop_read(
			net_sent(laptop, "message", i + 1), &phone_lid_jid);
		history = history_of(message);
		assert_non_null(history);
		assert_int_equal(history->sync_type, types[i]);
		if (types[i] == WA__HISTORY_SYNC_TYPE__PUSH_NAME)
			assert_string_equal(
				history->pushnames[0]->pushname, "Alice");
		wa__history_sync__free_unpacked(history, NULL);
		wa__message__free_unpacked(message, NULL);
	}
	phone_store_fini(&keys);
}

static void a_companion_is_welcomed_once_and_not_before_it_has_keys(
	void **state)
{
	(void)state;
	laptop_link(alice);
	laptop->has_bundle = false;
	welcome();
	assert_int_equal(net_count(laptop, "message"), 0);
	laptop->has_bundle = true;
	phone_welcome(phone_of(alice), laptop);
	phone_welcome(phone_of(alice), laptop);
	assert_int_equal(net_count(laptop, "message"), 4);
	phone_store_fini(&keys);
}

static void a_companion_gets_a_copy_of_what_its_phone_sends(void **state)
{
	struct wa_jid phone_lid_jid = wa_jid_lid(alice->lid, 0);
	const struct wa_node *stanza;
	Wa__Message *message;

	(void)state;
	laptop_link(alice);
	net_connect(laptop);
	send_text(alice, bob, "from the phone");
	stanza = net_sent(laptop, "message", 0);
	assert_non_null(stanza);
	assert_jid(stanza, "recipient", wa_jid_lid(bob->lid, 0));
	message = laptop_read(stanza, &phone_lid_jid);
	assert_string_equal(message->device_sent_message->message->conversation,
		"from the phone");
	wa__message__free_unpacked(message, NULL);
	phone_store_fini(&keys);
}

static void asked_twice_without_keys_a_phone_starts_a_new_session(void **state)
{
	struct wa_jid to = wa_jid_lid(alice->lid, 0), lid;
	uint8_t before[33], after[33];
	uint32_t registration_id;

	(void)state;
	laptop_link(alice);
	net_connect(laptop);
	lid = device_lid(laptop);
	for (int count = 1; count <= 2; count++) {
		const char *id = send_text(alice, bob, "hello");
		struct wa_node *receipt = net_stanza("receipt", id, &to);
		struct wa_jid chat = wa_jid_lid(bob->lid, 0);

		wa_signal_session_info(
			phone_store_party(&phone_of(alice)->store), &lid,
			&registration_id, before);
		wa_node_set(receipt, "type", "retry");
		wa_node_set_jid(receipt, "recipient", &chat);
		wa_node_set_int(wa_node_add(receipt, "retry"), "count", count);
		net_forget_sent();
		route_receipt(&net.sandbox, laptop, receipt);
		assert_int_equal(net_count(laptop, "message"), 1);
		assert_jid(net_sent(laptop, "message", 0), "recipient", chat);
		wa_signal_session_info(
			phone_store_party(&phone_of(alice)->store), &lid,
			&registration_id, after);
		if (count == 1)
			assert_memory_equal(before, after, sizeof(before));
		else
			assert_memory_not_equal(before, after, sizeof(before));
	}
	phone_store_fini(&keys);
}

static void a_stranger_cannot_ask_for_a_message(void **state)
{
	struct account *mallory = net_account("15550006666");
	struct device *device = net_companion(mallory);
	struct wa_jid to = wa_jid_lid(alice->lid, 0);
	struct wa_node *receipt =
		net_stanza("receipt", send_text(alice, bob, "secret"), &to);

	(void)state;
	net_connect(device);
	wa_node_set(receipt, "type", "retry");
	wa_node_set_int(wa_node_add(receipt, "retry"), "count", 1);
	route_receipt(&net.sandbox, device, receipt);
	assert_int_equal(net_count(device, "message"), 0);
}

/* The laptop encrypts for one device of this network. */
static void laptop_add(struct wa_node *message, const struct device *device,
	const Wa__Message *content)
{
	struct wa_jid lid = device_lid(device);
	struct buf plain = BUF_INIT, sealed = BUF_INIT;
	struct err err = ERR_NONE;
	struct wa_bundle bundle;
	enum wa_enc_type type;
	struct wa_node *list, *to, *enc;

	if (wa_signal_has_session(phone_store_party(&keys), &lid) != 1) {
		phone_bundle(device->phone, &bundle);
		assert_int_equal(
			wa_signal_process_bundle(phone_store_party(&keys), &lid,
				&bundle, NULL, &err),
			0);
	}
	buf_reserve(&plain, wa__message__get_packed_size(content));
	plain.len = wa__message__pack(content, plain.data);
	wa_pad(&plain);
	assert_int_equal(wa_signal_encrypt(phone_store_party(&keys), &lid,
				 plain.data, plain.len, &sealed, &type, &err),
		0);
	list = (struct wa_node *)wa_node_child(message, "participants");
	if (list == NULL)
		list = wa_node_add(message, "participants");
	to = wa_node_add(list, "to");
	wa_node_set_jid(to, "jid", &lid);
	enc = wa_node_add(to, "enc");
	wa_node_set(enc, "type", wa_enc_name(type));
	wa_node_bytes(enc, sealed.data, sealed.len);
	buf_fini(&plain);
	buf_fini(&sealed);
}

static void a_companions_message_is_seen_in_both_phones(void **state)
{
	struct wa_jid to = wa_jid_lid(bob->lid, 0);
	Wa__Message text = WA__MESSAGE__INIT, copy = WA__MESSAGE__INIT;
	Wa__DeviceSentMessage sent = WA__DEVICE_SENT_MESSAGE__INIT;
	char destination[WA_JID_TEXT], words[] = "from the laptop";
	const struct box_entry *entry;
	struct wa_node *message;

	(void)state;
	laptop_link(alice);
	net_connect(laptop);
	phone_of(bob)->auto_reply = xstrdup("thanks");
	text.conversation = words;
	sent.destination_jid = wa_jid_text(&to, destination);
	sent.message = &text;
	copy.device_sent_message = &sent;
	message = net_stanza("message", "3EB0AA", &to);
	wa_node_set(message, "type", "text");
	laptop_add(message, bob->devices, &text);
	laptop_add(message, alice->devices, &copy);
	route_message(&net.sandbox, laptop, message);

	assert_string_equal(received(bob, 1)->text, words);
	assert_int_equal(received(bob, 1)->device, laptop->number);
	entry = box_at(&phone_of(alice)->outbox, 1);
	assert_string_equal(entry->text, words);
	assert_string_equal(entry->peer.user, bob->lid);
	assert_int_equal(entry->device, laptop->number);
	assert_int_equal(entry->status, BOX_DELIVERED);
	/* Delivery to the sender, "sender" from its own phone, the reply's
	 * text. */
	assert_int_equal(net_count(laptop, "receipt"), 2);
	assert_int_equal(net_count(laptop, "message"), 1);
	assert_string_equal(received(alice, 1)->text, "thanks");
	phone_store_fini(&keys);
}

static void hostile_stanzas_are_survived(void **state)
{
	static const char *const tags[] = { "message", "receipt", "ack",
		"notification", "call", "nonsense" };
	struct wa_jid jids[] = { wa_jid_pn("", 0), wa_jid_server(),
		wa_jid_lid(alice->lid, 0), wa_jid_lid("404", 7) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		for (size_t j = 0; j < ARRAY_LEN(jids); j++) {
			struct wa_node *node = net_stanza(tags[i], "X", NULL);

			phone_on_stanza(
				phone_of(bob), net_stanza(tags[i], NULL, NULL));
			wa_node_set_jid(node, "from", &jids[j]);
			phone_on_stanza(phone_of(bob), node);
			net_add_enc(node, "pkmsg", "");
			net_add_enc(node, "msg", "3garbage garbage garbage");
			net_add_enc(node, "skmsg", "not here");
			wa_node_add(node, "retry");
			wa_node_add(node, "identity");
			wa_node_add(node, "list");
			wa_node_set(node, "type", "retry");
			wa_node_set(node, "t", "not a number");
			phone_on_stanza(phone_of(bob), node);
		}
	}
	send_text(alice, bob, "still alive");
	assert_string_equal(received(bob, 1)->text, "still alive");
}

#define on_phones(test) \
	cmocka_unit_test_setup_teardown(test, open_phones, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_phones(a_text_arrives_and_its_ticks_come_back),
		on_phones(a_conversation_goes_both_ways_over_many_messages),
		on_phones(reads_of_one_chat_come_in_one_receipt),
		on_phones(a_phone_that_never_reads_sends_no_read_receipt),
		on_phones(a_message_that_came_damaged_is_asked_for_again),
		on_phones(asking_again_has_an_end),
		on_phones(the_same_stanza_twice_is_counted_not_kept_twice),
		on_phones(
			a_phone_that_is_off_gets_its_messages_when_switched_on),
		on_phones(after_a_new_identity_both_sides_go_on),
		on_phones(a_new_identity_unlinks_companions_and_tells_contacts),
		on_phones(
			a_bad_bundle_signature_keeps_the_message_from_going_out),
		on_phones(a_bundle_without_one_time_key_is_enough),
		on_phones(a_number_that_was_never_made_is_not_found),
		on_phones(the_inbox_drops_its_oldest_entries_when_full),
		on_phones(a_new_companion_gets_keys_history_and_its_name),
		on_phones(
			a_companion_is_welcomed_once_and_not_before_it_has_keys),
		on_phones(a_companion_gets_a_copy_of_what_its_phone_sends),
		on_phones(
			asked_twice_without_keys_a_phone_starts_a_new_session),
		on_phones(a_stranger_cannot_ask_for_a_message),
		on_phones(a_companions_message_is_seen_in_both_phones),
		on_phones(hostile_stanzas_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
