/* Group and status messages among virtual phones: sender keys that go to those
 * who lack them, and to nobody else. */
#include "laptop.h"

#include "sandboxd/fault.h"
#include "sandboxd/group.h"

static struct account *alice, *bob, *carol, *dave;
static struct group *group;

static int open_group(void **state)
{
	struct account *members[2];

	net_open(state);
	alice = net_account("15550001111");
	bob = net_account("15550002222");
	carol = net_account("15550003333");
	dave = net_account("15550004444");
	members[0] = bob;
	members[1] = carol;
	group = group_create(&net.sandbox, alice, "friends", members, 2, true);
	assert_non_null(group);
	arena_reset(net.sandbox.arena);
	return 0;
}

static struct phone *phone_of(struct account *account)
{
	return account->devices->phone;
}

static const char *send_to(
	struct account *from, const struct phone_chat *chat, const char *text)
{
	const struct phone_order order = { .kind = PHONE_TEXT, .text = text };
	static char id[PHONE_ID_LEN];
	struct err err = ERR_NONE;

	if (phone_send(phone_of(from), chat, &order, id, &err) != 0)
		fail_msg("%s", err.msg);
	return id;
}

static const char *send_group(struct account *from, const char *text)
{
	const struct phone_chat chat = { .group = group };

	return send_to(from, &chat, text);
}

static struct box_entry *last_of(struct account *account)
{
	struct box *inbox = &phone_of(account)->inbox;

	return box_at(inbox, inbox->next_seq - 1);
}

static enum box_status tick_of(
	const struct box_entry *entry, const struct account *reader)
{
	for (size_t i = 0; i < entry->n_ticks; i++) {
		if (strcmp(entry->ticks[i].lid, reader->lid) == 0)
			return entry->ticks[i].status;
	}
	return BOX_PENDING;
}

static void remove_member(struct account *account)
{
	struct err err = ERR_NONE;

	if (group_change(&net.sandbox, group, alice, GROUP_REMOVE, account,
		    &err) != 0)
		fail_msg("%s", err.msg);
}

static size_t n_pairwise(const struct wa_node *message)
{
	size_t n = 0;

	wa_node_each (part, message)
		n += strcmp(part->tag, "enc") == 0 &&
		     !wa_node_is(part, "type", "skmsg");
	return n;
}

/* ---- groups ---- */

static void every_member_reads_a_group_message(void **state)
{
	const char *id = send_group(alice, "hello all");
	struct account *members[] = { bob, carol };
	struct wa_jid chat = group_jid(group);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const struct box_entry *entry = last_of(members[i]);

		assert_non_null(entry);
		assert_string_equal(entry->text, "hello all");
		assert_string_equal(entry->id, id);
		assert_true(wa_jid_equal(&entry->chat, &chat));
		assert_string_equal(entry->peer.user, alice->lid);
	}
	assert_null(last_of(dave));
	assert_null(last_of(alice));
}

static void ticks_of_a_group_are_counted_by_reader(void **state)
{
	const struct box_entry *entry;
	const char *id;

	(void)state;
	phone_of(carol)->read_after_ms = PHONE_READ_NEVER;
	id = send_group(alice, "who reads?");
	entry = phone_sent(phone_of(alice), id);
	assert_int_equal(entry->n_ticks, 2);
	assert_int_equal(tick_of(entry, bob), BOX_DELIVERED);
	assert_int_equal(tick_of(entry, carol), BOX_DELIVERED);
	net_run_timers();
	assert_int_equal(tick_of(entry, bob), BOX_READ);
	assert_int_equal(tick_of(entry, carol), BOX_DELIVERED);
	assert_int_equal(entry->status, BOX_READ);
}

static void reads_in_a_group_are_one_receipt_an_author(void **state)
{
	(void)state;
	send_group(alice, "1");
	send_group(alice, "2");
	send_group(bob, "3");
	net.sandbox.count.receipts = 0;
	net_run_timers();
	/* Bob two of Alice's; Alice one of Bob's; Carol two and one. */
	assert_int_equal(net.sandbox.count.receipts, 4);
}

static void the_key_travels_once_and_the_mode_is_that_of_the_group(void **state)
{
	const struct wa_node *first, *second;
	struct wa_jid alice_lid = wa_jid_lid(alice->lid, 0);

	(void)state;
	laptop_link(carol);
	net_connect(laptop);
	send_group(alice, "first");
	first = laptop_last("message");
	assert_jid(first, "from", group_jid(group));
	assert_jid(first, "participant", alice_lid);
	assert_attr(first, "addressing_mode", "lid");
	assert_int_equal(n_pairwise(first), 1);
	send_group(alice, "second");
	second = laptop_last("message");
	assert_int_equal(n_pairwise(second), 0);
	assert_true(wa_node_is(wa_node_child(second, "enc"), "type", "skmsg"));
	phone_store_fini(&keys);
}

static void in_an_old_group_everybody_goes_by_number(void **state)
{
	struct account *members[] = { carol };
	const struct wa_node *message;

	(void)state;
	group = group_create(&net.sandbox, bob, "old", members, 1, false);
	laptop_link(carol);
	net_connect(laptop);
	send_group(bob, "by number");
	message = laptop_last("message");
	assert_jid(message, "participant", wa_jid_pn(bob->pn, 0));
	assert_attr(message, "addressing_mode", "pn");
	assert_string_equal(last_of(carol)->text, "by number");
	phone_store_fini(&keys);
}

static void without_the_key_a_phone_asks_and_gets_the_message(void **state)
{
	struct wa_jid chat = group_jid(group);
	struct wa_jid author = wa_jid_lid(alice->lid, 0);
	const char *id;

	(void)state;
	send_group(alice, "first");
	phone_store_forget_sender_key(&phone_of(bob)->store, &chat, &author);
	id = send_group(alice, "second");
	assert_string_equal(last_of(bob)->text, "second");
	assert_string_equal(last_of(bob)->id, id);
	assert_int_equal(last_of(bob)->duplicates, 0);
	assert_int_equal(phone_sent(phone_of(alice), id)->resends, 1);
	send_group(alice, "third");
	assert_string_equal(last_of(bob)->text, "third");
	assert_int_equal(last_of(bob)->duplicates, 0);
}

static void a_removed_member_has_no_key_to_what_comes_after(void **state)
{
	struct wa_jid chat = group_jid(group);
	struct wa_jid author = wa_jid_lid(alice->lid, 0);
	struct buf plain = BUF_INIT;
	struct err err = ERR_NONE;
	const uint8_t *bytes;
	size_t n;

	(void)state;
	laptop_link(carol);
	net_connect(laptop);
	send_group(alice, "with bob");
	remove_member(bob);
	send_group(alice, "without bob");
	assert_string_equal(last_of(bob)->text, "with bob");
	assert_string_equal(last_of(carol)->text, "without bob");
	assert_int_equal(n_pairwise(laptop_last("message")), 1);
	/* Even with the bytes in hand. */
	wa_node_each (part, laptop_last("message")) {
		if (!wa_node_is(part, "type", "skmsg"))
			continue;
		bytes = wa_node_content(part, &n);
		assert_int_not_equal(
			wa_signal_group_decrypt(
				phone_store_party(&phone_of(bob)->store), &chat,
				&author, bytes, n, &plain, &err),
			WA_SIGNAL_OK);
	}
	buf_fini(&plain);
	phone_store_fini(&keys);
}

/* The public half of Alice's present sender key. */
static void signing_key(uint8_t out[33])
{
	struct wa_jid chat = group_jid(group);
	struct wa_jid self = wa_jid_lid(alice->lid, 0);
	struct buf skdm = BUF_INIT;
	struct err err = ERR_NONE;

	if (wa_signal_group_skdm(phone_store_party(&phone_of(alice)->store),
		    &chat, &self, &skdm, &err) != 0)
		fail_msg("%s", err.msg);
	memcpy(out, skdm.data + skdm.len - 33, 33);
	buf_fini(&skdm);
}

static void an_unlinked_device_has_no_key_to_what_comes_after(void **state)
{
	uint8_t before[33], after[33];

	(void)state;
	laptop_link(carol);
	net_connect(laptop);
	send_group(alice, "1");
	signing_key(before);
	account_remove_companion(&net.sandbox, laptop);
	send_group(alice, "2");
	signing_key(after);
	assert_memory_not_equal(before, after, sizeof(before));
	assert_string_equal(last_of(carol)->text, "2");
	phone_store_fini(&keys);
}

static void what_was_said_while_a_member_was_out_stays_closed(void **state)
{
	uint8_t before[33], after[33];
	struct err err = ERR_NONE;

	(void)state;
	send_group(alice, "1");
	signing_key(before);
	remove_member(bob);
	assert_int_equal(
		group_change(&net.sandbox, group, alice, GROUP_ADD, bob, &err),
		0);
	signing_key(after);
	assert_memory_not_equal(before, after, sizeof(before));
	send_group(alice, "2");
	assert_string_equal(last_of(bob)->text, "2");
}

static void a_new_member_gets_the_key_and_the_old_ones_keep_theirs(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	laptop_link(carol);
	net_connect(laptop);
	send_group(alice, "before");
	assert_int_equal(
		group_change(&net.sandbox, group, alice, GROUP_ADD, dave, &err),
		0);
	send_group(alice, "after");
	assert_string_equal(last_of(dave)->text, "after");
	assert_int_equal(n_pairwise(laptop_last("message")), 0);
	phone_store_fini(&keys);
}

static void who_left_cannot_send_nor_ask_again(void **state)
{
	const struct phone_order order = { .kind = PHONE_TEXT, .text = "x" };
	const struct phone_chat chat = { .group = group };
	struct wa_jid to = group_jid(group);
	struct wa_jid asking = wa_jid_lid(bob->lid, 0);
	struct wa_node *receipt, *retry;
	struct err err = ERR_NONE;
	char id[PHONE_ID_LEN];
	const char *sent;

	(void)state;
	remove_member(bob);
	assert_int_equal(
		phone_send(phone_of(bob), &chat, &order, id, &err), -1);
	assert_int_equal(err.code, ERR_FORBIDDEN);
	sent = send_group(alice, "secret");
	receipt = net_stanza("receipt", sent, NULL);
	wa_node_set_jid(receipt, "from", &to);
	wa_node_set_jid(receipt, "participant", &asking);
	wa_node_set(receipt, "type", "retry");
	retry = wa_node_add(receipt, "retry");
	wa_node_set(retry, "count", "1");
	phone_on_stanza(phone_of(alice), receipt);
	assert_int_equal(phone_sent(phone_of(alice), sent)->resends, 0);
}

static void a_refused_message_did_not_hand_out_the_key(void **state)
{
	json_t *json = json_pack("{s:s, s:s, s:i, s:i}", "kind", "ack_error",
		"phone", alice->pn, "device", 0, "code", 503);
	struct fault_rule *rule = NULL;
	struct err err = ERR_NONE;
	unsigned acted;
	const char *id;

	(void)state;
	if (fault_rule_parse(json, &rule, &err) != 0)
		fail_msg("%s", err.msg);
	json_decref(json);
	fault_add(&net.sandbox, rule, &acted);
	id = send_group(alice, "refused");
	assert_int_equal(phone_sent(phone_of(alice), id)->status, BOX_FAILED);
	assert_null(last_of(bob));
	id = send_group(alice, "taken");
	assert_string_equal(last_of(bob)->text, "taken");
	assert_int_equal(phone_sent(phone_of(alice), id)->resends, 0);
}

static void a_key_for_another_chat_is_not_taken(void **state)
{
	struct wa_jid chat = group_jid(group), self = wa_jid_lid(dave->lid, 0);
	Wa__SenderKeyDistributionMessage key =
		WA__SENDER_KEY_DISTRIBUTION_MESSAGE__INIT;
	struct buf skdm = BUF_INIT, record = BUF_INIT, plain = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(
		wa_signal_group_skdm(phone_store_party(&phone_of(dave)->store),
			&chat, &self, &skdm, &err),
		0);
	assert_int_equal(wa_signal_group_encrypt(
				 phone_store_party(&phone_of(dave)->store),
				 &chat, &self, "x", 1, &record, &err),
		0);
	key.group_id = (char *)"120363000000000000@g.us";
	key.has_axolotl_sender_key_distribution_message = true;
	key.axolotl_sender_key_distribution_message =
		(ProtobufCBinaryData){ skdm.len, skdm.data };
	phone_group_on_key(phone_of(bob), &chat, &self, &key);
	assert_int_equal(
		wa_signal_group_decrypt(
			phone_store_party(&phone_of(bob)->store), &chat, &self,
			record.data, record.len, &plain, &err),
		WA_SIGNAL_NO_SESSION);
	buf_fini(&skdm);
	buf_fini(&record);
	buf_fini(&plain);
}

/* ---- status ---- */

static void a_status_reaches_its_audience_alone(void **state)
{
	struct account *audience[] = { bob, carol };
	const struct phone_chat chat = { .audience = audience,
		.n_audience = 2 };
	const struct box_entry *entry;
	const char *id = send_to(alice, &chat, "at the lake");

	(void)state;
	assert_string_equal(last_of(bob)->text, "at the lake");
	assert_string_equal(last_of(carol)->text, "at the lake");
	assert_int_equal(last_of(bob)->chat.server, WA_SERVER_BROADCAST);
	assert_string_equal(last_of(bob)->peer.user, alice->lid);
	assert_null(last_of(dave));
	net_run_timers();
	entry = phone_sent(phone_of(alice), id);
	assert_int_equal(tick_of(entry, bob), BOX_READ);
	assert_int_equal(tick_of(entry, dave), BOX_PENDING);
}

static void a_smaller_audience_gets_another_key(void **state)
{
	struct account *audience[] = { carol, bob };
	struct phone_chat chat = { .audience = audience, .n_audience = 2 };

	(void)state;
	laptop_link(carol);
	net_connect(laptop);
	send_to(alice, &chat, "both");
	assert_int_equal(n_pairwise(laptop_last("message")), 1);
	send_to(alice, &chat, "both again");
	assert_int_equal(n_pairwise(laptop_last("message")), 0);
	chat.n_audience = 1;
	send_to(alice, &chat, "only carol");
	assert_int_equal(n_pairwise(laptop_last("message")), 1);
	assert_string_equal(last_of(carol)->text, "only carol");
	assert_string_equal(last_of(bob)->text, "both again");
	phone_store_fini(&keys);
}

static void a_companion_of_the_phone_sees_its_group_messages(void **state)
{
	struct wa_jid alice_lid = wa_jid_lid(alice->lid, 0);
	const struct wa_node *stanza;
	Wa__Message *message;

	(void)state;
	laptop_link(alice);
	net_connect(laptop);
	send_group(alice, "from the phone");
	stanza = laptop_last("message");
	assert_jid(stanza, "participant", alice_lid);
	message = laptop_read(stanza, &alice_lid);
	assert_non_null(message->sender_key_distribution_message);
	wa__message__free_unpacked(message, NULL);
	phone_store_fini(&keys);
}

#define in_group(test) \
	cmocka_unit_test_setup_teardown(test, open_group, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_group(every_member_reads_a_group_message),
		in_group(ticks_of_a_group_are_counted_by_reader),
		in_group(reads_in_a_group_are_one_receipt_an_author),
		in_group(
			the_key_travels_once_and_the_mode_is_that_of_the_group),
		in_group(in_an_old_group_everybody_goes_by_number),
		in_group(without_the_key_a_phone_asks_and_gets_the_message),
		in_group(a_removed_member_has_no_key_to_what_comes_after),
		in_group(an_unlinked_device_has_no_key_to_what_comes_after),
		in_group(what_was_said_while_a_member_was_out_stays_closed),
		in_group(
			a_new_member_gets_the_key_and_the_old_ones_keep_theirs),
		in_group(who_left_cannot_send_nor_ask_again),
		in_group(a_refused_message_did_not_hand_out_the_key),
		in_group(a_key_for_another_chat_is_not_taken),
		in_group(a_status_reaches_its_audience_alone),
		in_group(a_smaller_audience_gets_another_key),
		in_group(a_companion_of_the_phone_sees_its_group_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
