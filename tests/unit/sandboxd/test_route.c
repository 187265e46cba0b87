/* Who gets which part of a message, and under which addresses. */
#include "network.h"

#include "common/arena.h"
#include "sandboxd/fault.h"

/* Alice writes from her companion 1 to Bob, who has two companions; she has
 * another one. */
static struct account *alice, *bob;
static struct device *laptop, *tablet, *bob1, *bob2;

static int open_people(void **state)
{
	net_open(state);
	alice = net_account("15550001111");
	bob = net_account("15550002222");
	laptop = net_companion(alice);
	tablet = net_companion(alice);
	bob1 = net_companion(bob);
	bob2 = net_companion(bob);
	account_each_device (device, alice)
		if (device->number > 0)
			net_connect(device);
	account_each_device (device, bob)
		if (device->number > 0)
			net_connect(device);
	snprintf(alice->push_name, sizeof(alice->push_name), "Alice");
	net_forget_sent();
	return 0;
}

static struct wa_jid bare(const struct account *account, bool lid)
{
	return lid ? wa_jid_lid(account->lid, 0) : wa_jid_pn(account->pn, 0);
}

static struct wa_jid dev(const struct device *device, bool lid)
{
	return lid ? device_lid(device) : device_pn(device);
}

/* To Bob's companions and to Alice's tablet. */
static struct wa_node *fanout(const char *id, bool lid)
{
	struct wa_jid to = bare(bob, lid), jid;
	struct wa_node *message = net_stanza("message", id, &to);

	wa_node_set(message, "type", "text");
	jid = dev(bob1, lid);
	net_add_to(message, &jid, "pkmsg", "for bob1");
	jid = dev(bob2, lid);
	net_add_to(message, &jid, "msg", "for bob2");
	jid = dev(tablet, lid);
	net_add_to(message, &jid, "msg", "for tablet");
	wa_node_text(wa_node_add(message, "device-identity"), "adv");
	wa_node_text(wa_node_add(message, "tctoken"), "token");
	wa_node_set(wa_node_add(message, "meta"), "polltype", "vote");
	return message;
}

static const char *enc_text(const struct wa_node *message)
{
	static char text[64];
	size_t n;
	const uint8_t *bytes =
		wa_node_content(wa_node_child(message, "enc"), &n);

	snprintf(text, sizeof(text), "%.*s", (int)n, (const char *)bytes);
	return text;
}

static void a_recipient_sees_the_sender_in_the_namespace_of_the_message(
	void **state)
{
	(void)state;
	for (int lid = 0; lid <= 1; lid++) {
		const struct wa_node *got;

		net_forget_sent();
		route_message(
			&net.sandbox, laptop, fanout(lid ? "A1" : "A0", lid));
		got = net_sent(bob1, "message", 0);
		assert_non_null(got);
		assert_jid(got, "from", dev(laptop, lid));
		assert_jid(got, lid ? "sender_pn" : "sender_lid",
			bare(alice, !lid));
		assert_no_attr(got, lid ? "sender_lid" : "sender_pn");
		assert_no_attr(got, "recipient");
		assert_no_attr(got, "to");
		assert_attr(got, "notify", "Alice");
		assert_attr(got, "type", "text");
		assert_string_equal(enc_text(got), "for bob1");
	}
}

static void an_own_copy_names_the_chat_in_both_namespaces(void **state)
{
	(void)state;
	for (int lid = 0; lid <= 1; lid++) {
		const struct wa_node *got;

		net_forget_sent();
		route_message(
			&net.sandbox, laptop, fanout(lid ? "B1" : "B0", lid));
		got = net_sent(tablet, "message", 0);
		assert_non_null(got);
		assert_jid(got, "from", dev(laptop, lid));
		assert_jid(got, "recipient", bare(bob, lid));
		assert_jid(got,
			lid ? "peer_recipient_pn" : "peer_recipient_lid",
			bare(bob, !lid));
		assert_no_attr(got, "sender_pn");
		assert_no_attr(got, "sender_lid");
		assert_string_equal(enc_text(got), "for tablet");
	}
}

static void each_device_gets_its_own_part_and_what_belongs_to_it(void **state)
{
	const struct wa_node *first, *second;

	(void)state;
	route_message(&net.sandbox, laptop, fanout("C0", true));
	first = net_sent(bob1, "message", 0);
	second = net_sent(bob2, "message", 0);
	assert_non_null(wa_node_child(first, "device-identity")); /* pkmsg */
	assert_null(wa_node_child(second, "device-identity"));
	assert_string_equal(enc_text(second), "for bob2");
	assert_non_null(wa_node_child(second, "meta"));
	assert_null(wa_node_child(second, "participants"));
	assert_null(wa_node_child(second, "tctoken"));
	assert_int_equal(net_count(laptop, "message"), 0);
}

static void the_ack_carries_the_time_that_receivers_see(void **state)
{
	const struct wa_node *ack;

	(void)state;
	route_message(&net.sandbox, laptop, fanout("D0", true));
	ack = net_sent(laptop, "ack", 0);
	assert_non_null(ack);
	assert_attr(ack, "class", "message");
	assert_attr(ack, "id", "D0");
	assert_no_attr(ack, "error");
	assert_jid(ack, "from", bare(bob, true));
	assert_string_equal(wa_node_str(ack, "t"),
		wa_node_str(net_sent(bob1, "message", 0), "t"));
}

static void a_message_that_cannot_pass_is_refused_and_not_delivered(
	void **state)
{
	struct wa_jid group, nobody, bob_lid = bare(bob, true),
				     mixed = dev(bob1, false);
	const struct {
		int error;
		const struct wa_jid *to, *participant;
		bool peer;
	} cases[] = {
		{ 404, &group, &bob_lid, false },
		{ 404, &nobody, &bob_lid, false },
		{ 400, &bob_lid, &mixed, false },
		{ 479, &bob_lid, NULL, false },
		{ 479, NULL, &bob_lid, false },
		{ 403, &bob_lid, &bob_lid, true },
	};

	(void)state;
	assert_int_equal(wa_jid_parse("1203630@g.us", 12, &group), 0);
	nobody = wa_jid_pn("15559999999", 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_node *message =
			net_stanza("message", "E0", cases[i].to);
		const struct wa_node *ack;

		if (cases[i].participant != NULL)
			net_add_to(message, cases[i].participant, "msg", "x");
		if (cases[i].peer)
			wa_node_set(message, "category", "peer");
		net_forget_sent();
		route_message(&net.sandbox, laptop, message);
		ack = net_sent(laptop, "ack", 0);
		assert_non_null(ack);
		if (wa_node_int(ack, "error", 0) != cases[i].error)
			fail_msg("case %zu: error %d", i,
				(int)wa_node_int(ack, "error", 0));
		assert_int_equal(net_count(bob1, "message"), 0);
	}
}

static void a_message_without_id_gets_no_answer(void **state)
{
	(void)state;
	route_message(&net.sandbox, laptop, fanout(NULL, true));
	assert_int_equal(net.n, 0);
}

static void a_message_sent_again_reaches_only_those_that_missed_it(void **state)
{
	struct wa_jid to = bare(bob, true), jid = dev(bob1, true);
	struct wa_node *message = net_stanza("message", "F0", &to);

	(void)state;
	net_add_to(message, &jid, "msg", "only bob1");
	route_message(&net.sandbox, laptop, message);
	route_message(&net.sandbox, laptop, fanout("F0", true));
	assert_int_equal(net_count(laptop, "ack"), 2);
	assert_int_equal(net_count(bob1, "message"), 1);
	assert_int_equal(net_count(bob2, "message"), 1);
	/* The same id of another device is another message. */
	route_message(&net.sandbox, tablet, message);
	assert_int_equal(net_count(bob1, "message"), 2);
}

static void a_direct_part_goes_to_one_device_even_when_it_is_known(void **state)
{
	struct wa_jid to = dev(bob1, true);
	struct wa_node *message = fanout("G0", true);
	const struct wa_node *got;

	(void)state;
	route_message(&net.sandbox, laptop, message);
	net_forget_sent();
	message = net_stanza("message", "G0", &to);
	wa_node_set(net_add_enc(message, "pkmsg", "again"), "count", "1");
	net_add_to(message, &to, "msg", "ignored");
	route_message(&net.sandbox, laptop, message);
	got = net_sent(bob1, "message", 0);
	assert_non_null(got);
	assert_string_equal(enc_text(got), "again");
	assert_attr(wa_node_child(got, "enc"), "count", "1");
	assert_int_equal(net_count(bob1, "message"), 1);
	assert_int_equal(net_count(bob2, "message"), 0);
}

static void a_resend_to_an_own_device_keeps_its_chat(void **state)
{
	struct wa_jid to = dev(tablet, true), chat = bare(bob, true);
	struct wa_node *message = net_stanza("message", "H0", &to);
	const struct wa_node *got;

	(void)state;
	wa_node_set_jid(message, "recipient", &chat);
	net_add_enc(message, "msg", "copy");
	route_message(&net.sandbox, laptop, message);
	got = net_sent(tablet, "message", 0);
	assert_non_null(got);
	assert_jid(got, "recipient", chat);
	assert_jid(got, "peer_recipient_pn", bare(bob, false));
}

static void a_peer_message_has_no_recipient(void **state)
{
	struct wa_jid to = dev(tablet, false);
	struct wa_node *message = net_stanza("message", "I0", &to);
	const struct wa_node *got;

	(void)state;
	wa_node_set(message, "category", "peer");
	net_add_enc(message, "msg", "keys");
	route_message(&net.sandbox, laptop, message);
	got = net_sent(tablet, "message", 0);
	assert_non_null(got);
	assert_attr(got, "category", "peer");
	assert_jid(got, "from", dev(laptop, false));
	assert_no_attr(got, "recipient");
}

/* ---- receipts ---- */

static struct wa_node *receipt(
	const char *id, const char *type, const struct wa_jid *to)
{
	struct wa_node *node = net_stanza("receipt", id, to);

	wa_node_set(node, "type", type);
	return node;
}

static void ticks_go_to_every_device_of_the_author_from_the_bare_reader(
	void **state)
{
	struct wa_jid to = dev(laptop, true);
	struct wa_node *read = receipt("J0", "read", &to);
	const struct wa_node *got;

	(void)state;
	wa_node_set_jid(read, "recipient", &to); /* must not be passed on */
	wa_node_set(wa_node_add(wa_node_add(read, "list"), "item"), "id", "J1");
	route_receipt(&net.sandbox, bob1, read);
	got = net_sent(laptop, "receipt", 0);
	assert_non_null(got);
	assert_non_null(net_sent(tablet, "receipt", 0));
	assert_jid(got, "from", bare(bob, true));
	assert_attr(got, "type", "read");
	assert_non_null(wa_node_get(got, "t"));
	assert_no_attr(got, "recipient");
	assert_non_null(wa_node_path(got, "list", "item"));
	got = net_sent(bob1, "ack", 0);
	assert_attr(got, "class", "receipt");
	assert_attr(got, "id", "J0");
	assert_jid(got, "from", to);
}

static void a_sender_receipt_finds_the_sending_device_without_to(void **state)
{
	struct wa_jid chat = bare(bob, true);
	struct wa_node *sender = receipt("K0", "sender", NULL);
	const struct wa_node *got;

	(void)state;
	route_message(&net.sandbox, laptop, fanout("K0", true));
	net_forget_sent();
	wa_node_set_jid(sender, "recipient", &chat);
	route_receipt(&net.sandbox, tablet, sender);
	got = net_sent(laptop, "receipt", 0);
	assert_non_null(got);
	assert_jid(got, "from", dev(tablet, true));
	assert_jid(got, "recipient", chat);
	assert_int_equal(net_count(bob1, "receipt"), 0);
}

static void a_retry_receipt_goes_from_device_to_device_with_its_keys(
	void **state)
{
	struct wa_jid to = dev(laptop, true);
	struct wa_node *retry = receipt("L0", "retry", &to);
	const struct wa_node *got;

	(void)state;
	wa_node_add(retry, "retry");
	wa_node_add(retry, "keys");
	route_receipt(&net.sandbox, bob2, retry);
	got = net_sent(laptop, "receipt", 0);
	assert_non_null(got);
	assert_jid(got, "from", dev(bob2, true));
	assert_non_null(wa_node_child(got, "keys"));
	assert_int_equal(net_count(tablet, "receipt"), 0);
}

/* A client may answer a retry with its whole fan-out again. */
static void after_a_retry_the_next_copy_reaches_the_device_that_asked(
	void **state)
{
	struct wa_jid to = dev(laptop, true);

	(void)state;
	route_message(&net.sandbox, laptop, fanout("M0", true));
	route_receipt(&net.sandbox, bob2, receipt("M0", "retry", &to));
	net_forget_sent();
	route_message(&net.sandbox, laptop, fanout("M0", true));
	assert_int_equal(net_count(bob2, "message"), 1);
	assert_int_equal(net_count(bob1, "message"), 0);
}

static void read_elsewhere_is_told_to_the_own_devices_only(void **state)
{
	struct wa_jid chat = bare(bob, true);
	const struct wa_node *got;

	(void)state;
	route_receipt(&net.sandbox, laptop, receipt("N0", "read-self", &chat));
	got = net_sent(tablet, "receipt", 0);
	assert_non_null(got);
	assert_jid(got, "from", dev(laptop, true));
	assert_jid(got, "recipient", chat);
	assert_int_equal(net_count(bob1, "receipt"), 0);
}

/* ---- faults of the ack ---- */

static void add_fault(const char *json)
{
	json_t *parsed = json_loads(json, 0, NULL);
	struct fault_rule *rule = NULL;
	struct err err = ERR_NONE;
	unsigned acted;

	if (fault_rule_parse(parsed, &rule, &err) != 0)
		fail_msg("%s: %s", json, err.msg);
	json_decref(parsed);
	assert_int_not_equal(fault_add(&net.sandbox, rule, &acted), 0);
}

static void a_lost_ack_does_not_lose_the_message(void **state)
{
	(void)state;
	add_fault("{\"kind\":\"ack_drop\"}");
	route_message(&net.sandbox, laptop, fanout("O0", true));
	assert_int_equal(net_count(laptop, "ack"), 0);
	assert_int_equal(net_count(bob1, "message"), 1);
	route_message(&net.sandbox, laptop, fanout("O0", true));
	assert_int_equal(net_count(laptop, "ack"), 1);
	assert_int_equal(net_count(bob1, "message"), 1);
}

static void an_error_ack_refuses_and_a_late_one_comes_by_itself(void **state)
{
	(void)state;
	add_fault("{\"kind\":\"ack_error\",\"code\":463}");
	add_fault("{\"kind\":\"ack_delay\",\"delayMs\":5}");
	route_message(&net.sandbox, laptop, fanout("P0", true));
	assert_int_equal(
		wa_node_int(net_sent(laptop, "ack", 0), "error", 0), 463);
	assert_int_equal(net_count(bob1, "message"), 0);
	net_forget_sent();
	route_message(&net.sandbox, laptop, fanout("P1", true));
	assert_int_equal(net_count(laptop, "ack"), 0);
	assert_int_equal(net_count(bob1, "message"), 1);
	net_run_timers();
	assert_attr(net_sent(laptop, "ack", 0), "id", "P1");
}

static void a_late_ack_for_an_unlinked_device_goes_nowhere(void **state)
{
	(void)state;
	add_fault("{\"kind\":\"ack_delay\",\"delayMs\":5}");
	route_message(&net.sandbox, laptop, fanout("Q0", true));
	account_remove_companion(&net.sandbox, laptop);
	net_forget_sent();
	net_run_timers();
	assert_int_equal(net.n, 0);
}

/* ---- presence, devices ---- */

static void presence_is_told_to_those_that_watch(void **state)
{
	struct wa_jid to = bare(alice, true);
	struct wa_node *subscribe = net_stanza("presence", NULL, &to);
	struct wa_node *available = net_stanza("presence", NULL, NULL);
	const struct wa_node *got;

	(void)state;
	wa_node_set(subscribe, "type", "subscribe");
	route_presence(&net.sandbox, bob1, subscribe);
	assert_attr(net_sent(bob1, "presence", 0), "type", "unavailable");
	wa_node_set(available, "type", "available");
	wa_node_set(available, "name", "Alice A.");
	route_presence(&net.sandbox, laptop, available);
	assert_string_equal(alice->push_name, "Alice A.");
	got = net_sent(bob1, "presence", 1);
	assert_non_null(got);
	assert_no_attr(got, "type");
	assert_jid(got, "from", to);
	net_disconnect(laptop);
	got = net_sent(bob1, "presence", 2);
	assert_non_null(got);
	assert_attr(got, "type", "unavailable");
	assert_int_equal(net_count(bob2, "presence"), 0);
}

static void an_empty_presence_changes_nothing(void **state)
{
	(void)state;
	route_presence(
		&net.sandbox, laptop, net_stanza("presence", NULL, NULL));
	assert_string_equal(alice->push_name, "Alice");
	assert_false(laptop->available);
}

static void typing_reaches_devices_that_are_available(void **state)
{
	struct wa_jid to = bare(bob, true);
	struct wa_node *typing = net_stanza("chatstate", NULL, &to);
	const struct wa_node *got;

	(void)state;
	wa_node_add(typing, "composing");
	bob1->available = true;
	route_chatstate(&net.sandbox, laptop, typing);
	got = net_sent(bob1, "chatstate", 0);
	assert_non_null(got);
	assert_jid(got, "from", bare(alice, true));
	assert_non_null(wa_node_child(got, "composing"));
	assert_int_equal(net_count(bob2, "chatstate"), 0);
}

static void contacts_and_own_devices_hear_of_a_removed_companion(void **state)
{
	const struct wa_node *got;
	unsigned number = laptop->number;

	(void)state;
	route_message(&net.sandbox, laptop, fanout("R0", true));
	net_forget_sent();
	account_remove_companion(&net.sandbox, laptop);
	got = net_sent(bob1, "notification", 0);
	assert_non_null(got);
	assert_attr(got, "type", "devices");
	assert_jid(got, "from", bare(alice, false));
	assert_jid(got, "lid", bare(alice, true));
	assert_jid(wa_node_path(got, "remove", "device"), "jid",
		wa_jid_pn(alice->pn, number));
	assert_non_null(wa_node_path(got, "remove", "key-index-list"));
	got = net_sent(tablet, "notification", 1);
	assert_non_null(got);
	assert_attr(got, "type", "account_sync");
	assert_int_equal(wa_node_n_children(wa_node_child(got, "devices")), 3);
}

#define on_people(test) \
	cmocka_unit_test_setup_teardown(test, open_people, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_people(
			a_recipient_sees_the_sender_in_the_namespace_of_the_message),
		on_people(an_own_copy_names_the_chat_in_both_namespaces),
		on_people(each_device_gets_its_own_part_and_what_belongs_to_it),
		on_people(the_ack_carries_the_time_that_receivers_see),
		on_people(
			a_message_that_cannot_pass_is_refused_and_not_delivered),
		on_people(a_message_without_id_gets_no_answer),
		on_people(
			a_message_sent_again_reaches_only_those_that_missed_it),
		on_people(
			a_direct_part_goes_to_one_device_even_when_it_is_known),
		on_people(a_resend_to_an_own_device_keeps_its_chat),
		on_people(a_peer_message_has_no_recipient),
		on_people(
			ticks_go_to_every_device_of_the_author_from_the_bare_reader),
		on_people(a_sender_receipt_finds_the_sending_device_without_to),
		on_people(
			a_retry_receipt_goes_from_device_to_device_with_its_keys),
		on_people(
			after_a_retry_the_next_copy_reaches_the_device_that_asked),
		on_people(read_elsewhere_is_told_to_the_own_devices_only),
		on_people(a_lost_ack_does_not_lose_the_message),
		on_people(an_error_ack_refuses_and_a_late_one_comes_by_itself),
		on_people(a_late_ack_for_an_unlinked_device_goes_nowhere),
		on_people(presence_is_told_to_those_that_watch),
		on_people(an_empty_presence_changes_nothing),
		on_people(typing_reaches_devices_that_are_available),
		on_people(contacts_and_own_devices_hear_of_a_removed_companion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
