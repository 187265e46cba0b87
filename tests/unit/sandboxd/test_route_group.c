/* Messages, receipts and typing in groups and status: who gets which part, and
 * under which names. */
#include "network.h"

#include "sandboxd/fault.h"
#include "sandboxd/group.h"
#include "sandboxd/profile.h"

/* Alice has two companions, Bob two, Carol one; Dave is in no group. */
static struct account *alice, *bob, *carol, *dave;
static struct device *laptop, *tablet, *bob1, *bob2, *carol1, *dave1;
static struct group *group;

static struct device *linked(struct account *account)
{
	struct device *device = net_companion(account);

	net_connect(device);
	return device;
}

static int open_people(void **state)
{
	struct account *members[2];

	net_open(state);
	alice = net_account("15550001111");
	bob = net_account("15550002222");
	carol = net_account("15550003333");
	dave = net_account("15550004444");
	laptop = linked(alice);
	tablet = linked(alice);
	bob1 = linked(bob);
	bob2 = linked(bob);
	carol1 = linked(carol);
	dave1 = linked(dave);
	members[0] = bob;
	members[1] = carol;
	group = group_create(&net.sandbox, alice, "Three", members, 2, true);
	net_forget_sent();
	return 0;
}

static void in_mode(bool lid)
{
	group->lid_mode = lid;
	net_forget_sent();
}

static struct wa_jid bare(const struct account *account, bool lid)
{
	return lid ? wa_jid_lid(account->lid, 0) : wa_jid_pn(account->pn, 0);
}

static struct wa_jid dev(const struct device *device, bool lid)
{
	return lid ? device_lid(device) : device_pn(device);
}

static struct wa_jid status_jid(void)
{
	struct wa_jid jid;

	wa_jid_parse("status@broadcast", 16, &jid);
	return jid;
}

/* From the laptop to the group: the key for bob1 and the tablet, and the text
 * for all. */
static struct wa_node *group_message(const char *id, bool lid)
{
	struct wa_jid to = group_jid(group), jid;
	struct wa_node *message = net_stanza("message", id, &to);

	wa_node_set(message, "type", "text");
	wa_node_set(message, "addressing_mode", lid ? "lid" : "pn");
	jid = dev(bob1, lid);
	net_add_to(message, &jid, "pkmsg", "key for bob1");
	jid = dev(tablet, lid);
	net_add_to(message, &jid, "msg", "key for tablet");
	jid = dev(laptop, lid);
	net_add_to(message, &jid, "msg", "key for myself");
	net_add_enc(message, "skmsg", "text");
	wa_node_text(wa_node_add(message, "device-identity"), "adv");
	wa_node_set(wa_node_add(message, "meta"), "polltype", "vote");
	return message;
}

static struct wa_node *status_message(const char *id, bool lid)
{
	struct wa_jid to = status_jid(), jid;
	struct wa_node *message = net_stanza("message", id, &to), *list;

	wa_node_set(message, "type", "text");
	jid = dev(bob1, lid);
	net_add_to(message, &jid, "pkmsg", "key for bob1");
	list = (struct wa_node *)wa_node_child(message, "participants");
	jid = bare(carol, lid);
	wa_node_set_jid(wa_node_add(list, "to"), "jid", &jid);
	net_add_enc(message, "skmsg", "text");
	return message;
}

static void send_it(const struct wa_node *message)
{
	route_message(&net.sandbox, laptop, message);
}

/* "pkmsg skmsg ": the types of the parts in their order. */
static const char *parts(const struct wa_node *message)
{
	static char text[64];

	text[0] = '\0';
	if (message == NULL)
		return "nothing";
	wa_node_each (part, message) {
		if (strcmp(part->tag, "enc") != 0)
			continue;
		strncat(text, wa_node_str(part, "type"), 20);
		strncat(text, " ", 2);
	}
	return text;
}

static int ack_error(void)
{
	const struct wa_node *ack = net_sent(laptop, "ack", 0);

	assert_non_null(ack);
	assert_attr(ack, "class", "message");
	return (int)wa_node_int(ack, "error", 0);
}

/* ---- groups ---- */

static void each_member_device_gets_its_own_part_first(void **state)
{
	const struct wa_node *got;

	(void)state;
	send_it(group_message("A0", true));
	assert_int_equal(ack_error(), 0);
	got = net_sent(bob1, "message", 0);
	assert_string_equal(parts(got), "pkmsg skmsg ");
	assert_non_null(wa_node_child(got, "device-identity"));
	assert_non_null(wa_node_child(got, "meta"));
	assert_null(wa_node_child(got, "participants"));
	got = net_sent(tablet, "message", 0);
	assert_string_equal(parts(got), "msg skmsg ");
	assert_null(wa_node_child(got, "device-identity"));
	assert_string_equal(parts(net_sent(bob2, "message", 0)), "skmsg ");
	assert_string_equal(parts(net_sent(carol1, "message", 0)), "skmsg ");
	assert_int_equal(net_count(laptop, "message"), 0);
	assert_int_equal(net_count(dave1, "message"), 0);
}

static void the_author_is_named_in_the_mode_of_the_group(void **state)
{
	(void)state;
	for (int lid = 0; lid <= 1; lid++) {
		const struct wa_node *got;

		in_mode(lid);
		send_it(group_message(lid ? "B1" : "B0", lid));
		got = net_sent(carol1, "message", 0);
		assert_non_null(got);
		assert_jid(got, "from", group_jid(group));
		assert_jid(got, "participant", dev(laptop, lid));
		assert_jid(got, lid ? "participant_pn" : "participant_lid",
			bare(alice, !lid));
		assert_attr(got, "addressing_mode", lid ? "lid" : "pn");
		assert_attr(got, "type", "text");
		assert_non_null(wa_node_get(got, "notify"));
		assert_no_attr(got, "recipient");
		assert_no_attr(got, "phash");
		/* The own devices see the same. */
		got = net_sent(tablet, "message", 0);
		assert_jid(got, "participant", dev(laptop, lid));
	}
}

static void a_part_is_found_whichever_way_its_device_is_named(void **state)
{
	struct wa_node *message = group_message("C0", true);
	struct wa_jid jid = dev(carol1, false);

	(void)state;
	net_add_to(message, &jid, "msg", "key for carol1");
	send_it(message);
	assert_string_equal(
		parts(net_sent(carol1, "message", 0)), "msg skmsg ");
}

static void without_a_text_only_those_with_a_part_get_it(void **state)
{
	struct wa_jid to = group_jid(group), jid = dev(bob1, true);
	struct wa_node *message = net_stanza("message", "D0", &to);

	(void)state;
	wa_node_set(message, "addressing_mode", "lid");
	net_add_to(message, &jid, "msg", "key for bob1");
	send_it(message);
	assert_string_equal(parts(net_sent(bob1, "message", 0)), "msg ");
	assert_int_equal(net_count(carol1, "message"), 0);
}

static void a_group_message_that_cannot_pass_is_refused(void **state)
{
	struct wa_node *message;

	(void)state;
	send_it(group_message("E0", false));
	assert_int_equal(ack_error(), 421);
	assert_attr(net_sent(laptop, "ack", 0), "addressing_mode", "lid");
	assert_int_equal(net_count(bob1, "message"), 0);

	net_forget_sent();
	message = group_message("E1", true);
	message->child = NULL;
	send_it(message);
	assert_int_equal(ack_error(), 479);

	net_forget_sent();
	route_message(&net.sandbox, dave1, group_message("E2", true));
	assert_int_equal(
		wa_node_int(net_sent(dave1, "ack", 0), "error", 0), 403);

	group->announcement = true;
	net_forget_sent();
	route_message(&net.sandbox, bob1, group_message("E3", true));
	assert_int_equal(
		wa_node_int(net_sent(bob1, "ack", 0), "error", 0), 403);
	assert_int_equal(net_count(carol1, "message"), 0);
	net_forget_sent();
	send_it(group_message("E4", true));
	assert_int_equal(ack_error(), 0);
}

static void a_member_that_left_gets_nothing_more(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(group_change(&net.sandbox, group, alice, GROUP_REMOVE,
				 bob, &err),
		0);
	net_forget_sent();
	send_it(group_message("F0", true)); /* still names bob1 */
	assert_int_equal(net_count(bob1, "message"), 0);
	assert_int_equal(net_count(bob2, "message"), 0);
	assert_int_equal(net_count(carol1, "message"), 1);
}

/* Over all devices of all members, the sending one included. */
static void right_phash(char out[WA_PHASH_LEN])
{
	struct account *members[] = { alice, bob, carol };
	struct wa_jid jids[16];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		account_each_device (device, members[i])
			jids[n++] = device_lid(device);
	wa_phash(jids, n, out);
}

static void a_wrong_phash_is_told_and_the_message_delivered(void **state)
{
	struct wa_node *message = group_message("G0", true);
	char phash[WA_PHASH_LEN];

	(void)state;
	right_phash(phash);
	wa_node_set(message, "phash", phash);
	send_it(message);
	assert_no_attr(net_sent(laptop, "ack", 0), "phash");
	net_forget_sent();
	message = group_message("G1", true);
	wa_node_set(message, "phash", "2:AAAAAAAA");
	send_it(message);
	assert_attr(net_sent(laptop, "ack", 0), "phash", phash);
	assert_int_equal(ack_error(), 0);
	assert_int_equal(net_count(bob1, "message"), 1);
}

static void a_device_without_keys_is_in_no_phash_and_gets_nothing(void **state)
{
	struct wa_node *message = group_message("H0", true);
	struct device *unready = account_add_companion(bob);
	char phash[WA_PHASH_LEN];

	(void)state;
	net_connect(unready);
	unready->has_bundle = true;
	right_phash(phash);
	unready->has_bundle = false;
	wa_node_set(message, "phash", phash);
	send_it(message);
	assert_non_null(wa_node_get(net_sent(laptop, "ack", 0), "phash"));
	assert_int_equal(net_count(unready, "message"), 0);
}

static void a_message_sent_again_reaches_those_that_missed_it(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	send_it(group_message("I0", true));
	assert_int_equal(
		group_change(&net.sandbox, group, alice, GROUP_ADD, dave, &err),
		0);
	net_forget_sent();
	send_it(group_message("I0", true));
	assert_int_equal(ack_error(), 0);
	assert_int_equal(net_count(bob1, "message"), 0);
	assert_int_equal(net_count(dave1, "message"), 1);
}

static struct wa_node *resend(
	const char *id, const struct wa_jid *to, const struct wa_jid *whom)
{
	struct wa_node *message = net_stanza("message", id, to);

	wa_node_set(message, "type", "text");
	wa_node_set(net_add_enc(message, "pkmsg", "again"), "count", "1");
	if (whom != NULL) {
		wa_node_set_jid(message, "participant", whom);
		net_add_to(message, whom, "msg", "again");
	}
	wa_node_text(wa_node_add(message, "device-identity"), "adv");
	return message;
}

static void a_resend_goes_to_the_one_device_it_names(void **state)
{
	struct wa_jid to = group_jid(group), whom = dev(bob1, true);
	const struct wa_node *got;

	(void)state;
	send_it(group_message("J0", true));
	net_forget_sent();
	send_it(resend("J0", &to, &whom));
	assert_int_equal(ack_error(), 0);
	got = net_sent(bob1, "message", 0);
	assert_string_equal(parts(got), "pkmsg ");
	assert_attr(wa_node_child(got, "enc"), "count", "1");
	assert_jid(got, "from", group_jid(group));
	assert_jid(got, "participant", dev(laptop, true));
	assert_non_null(wa_node_child(got, "device-identity"));
	assert_int_equal(net_count(bob2, "message"), 0);
	/* Not to somebody outside, and not to nobody. */
	net_forget_sent();
	whom = dev(dave1, true);
	send_it(resend("J0", &to, &whom));
	assert_int_equal(net_count(dave1, "message"), 0);
	net_forget_sent();
	send_it(resend("J0", &to, NULL));
	assert_int_equal(ack_error(), 479);
}

static void fault(const char *kind, const char *phone)
{
	json_t *json = json_pack("{s:s, s:s}", "kind", kind, "phone", phone);
	struct fault_rule *rule = NULL;
	struct err err = ERR_NONE;
	unsigned acted;

	assert_int_equal(fault_rule_parse(json, &rule, &err), 0);
	json_decref(json);
	fault_add(&net.sandbox, rule, &acted);
}

static void by_fault_the_key_does_not_come_along(void **state)
{
	(void)state;
	fault("no_sender_key", "15550002222");
	send_it(group_message("K0", true));
	assert_string_equal(parts(net_sent(bob1, "message", 0)), "skmsg ");
	assert_string_equal(
		parts(net_sent(tablet, "message", 0)), "msg skmsg ");
}

/* ---- status ---- */

static void a_status_reaches_who_is_named_and_the_own_devices(void **state)
{
	(void)state;
	for (int lid = 0; lid <= 1; lid++) {
		const struct wa_node *got;

		net_forget_sent();
		send_it(status_message(lid ? "L1" : "L0", lid));
		assert_int_equal(ack_error(), 0);
		got = net_sent(bob1, "message", 0);
		assert_string_equal(parts(got), "pkmsg skmsg ");
		assert_jid(got, "from", status_jid());
		assert_jid(got, "participant", dev(laptop, lid));
		assert_jid(got, lid ? "participant_pn" : "participant_lid",
			bare(alice, !lid));
		assert_no_attr(got, "addressing_mode");
		/* Bob's other device, and Carol, who is named without one. */
		assert_string_equal(
			parts(net_sent(bob2, "message", 0)), "skmsg ");
		assert_string_equal(
			parts(net_sent(carol1, "message", 0)), "skmsg ");
		assert_int_equal(net_count(bob1, "message"), 1);
		assert_string_equal(
			parts(net_sent(tablet, "message", 0)), "skmsg ");
		assert_int_equal(net_count(laptop, "message"), 0);
		assert_int_equal(net_count(dave1, "message"), 0);
	}
}

static void a_status_that_cannot_pass_is_refused(void **state)
{
	struct wa_jid to = status_jid();
	struct wa_node *messages[4];

	(void)state;
	messages[0] = status_message("M0", true);
	wa_node_set(messages[0], "addressing_mode", "lid");
	messages[1] = status_message("M1", true);
	wa_node_set(messages[1], "edit", "7");
	wa_node_set(
		wa_node_add(messages[1], "meta"), "status_setting", "contacts");
	messages[2] = net_stanza("message", "M2", &to);
	net_add_enc(messages[2], "skmsg", "text");
	messages[3] = status_message("M3", true);
	wa_node_add(
		(struct wa_node *)wa_node_child(messages[3], "participants"),
		"to");
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		net_forget_sent();
		send_it(messages[i]);
		assert_int_equal(ack_error(), 479);
		assert_int_equal(net_count(bob1, "message"), 0);
	}
}

static void a_status_for_one_device_comes_again_after_it_asked(void **state)
{
	struct wa_jid to = status_jid(), author = dev(laptop, true),
		      whom = dev(bob1, true);
	struct wa_node *retry = net_stanza("receipt", "N0", &to);

	(void)state;
	send_it(status_message("N0", true));
	net_forget_sent();
	wa_node_set(retry, "type", "retry");
	wa_node_set_jid(retry, "participant", &author);
	route_receipt(&net.sandbox, bob1, retry);
	assert_jid(
		net_sent(laptop, "receipt", 0), "participant", dev(bob1, true));
	send_it(status_message("N0", true));
	assert_int_equal(net_count(bob1, "message"), 1);
	assert_int_equal(net_count(bob2, "message"), 0);
	net_forget_sent();
	send_it(resend("N0", &to, &whom));
	assert_string_equal(parts(net_sent(bob1, "message", 0)), "pkmsg ");
}

/* ---- who is blocked ---- */

static void what_a_blocked_sender_writes_is_acked_and_lost(void **state)
{
	struct wa_jid to = bare(bob, true), jid = dev(bob1, true),
		      own = dev(tablet, true);
	struct wa_node *message = net_stanza("message", "O0", &to);
	struct err err = ERR_NONE;

	(void)state;
	net_add_to(message, &jid, "msg", "x");
	net_add_to(message, &own, "msg", "x");
	assert_int_equal(
		profile_block(&net.sandbox, bob, alice, true, &err), 0);
	net_forget_sent();
	send_it(message);
	assert_int_equal(ack_error(), 0);
	assert_int_equal(net_count(bob1, "message"), 0);
	assert_int_equal(net_count(tablet, "message"), 1);
	/* In a group they still meet; a status is not shown. */
	net_forget_sent();
	send_it(group_message("O1", true));
	assert_int_equal(net_count(bob1, "message"), 1);
	net_forget_sent();
	send_it(status_message("O2", true));
	assert_int_equal(net_count(bob1, "message"), 0);
	assert_int_equal(net_count(carol1, "message"), 1);
	assert_int_equal(
		profile_block(&net.sandbox, bob, alice, false, &err), 0);
	net_forget_sent();
	send_it(status_message("O3", true));
	assert_int_equal(net_count(bob1, "message"), 1);
}

/* ---- receipts ---- */

static struct wa_node *receipt_of(const char *id, const struct wa_jid *to,
	const char *type, const struct wa_jid *author)
{
	struct wa_node *receipt = net_stanza("receipt", id, to);

	wa_node_set(receipt, "type", type);
	if (author != NULL)
		wa_node_set_jid(receipt, "participant", author);
	return receipt;
}

static void ticks_go_to_all_devices_of_the_author(void **state)
{
	static const char *const types[] = { NULL, "inactive", "read",
		"played" };
	struct wa_jid to = group_jid(group);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		for (int lid = 0; lid <= 1; lid++) {
			struct wa_jid author = dev(laptop, lid);
			const struct wa_node *got;

			in_mode(lid);
			route_receipt(&net.sandbox, bob2,
				receipt_of("P0", &to, types[i], &author));
			got = net_sent(laptop, "receipt", 0);
			assert_non_null(got);
			assert_jid(got, "from", group_jid(group));
			assert_jid(got, "participant", bare(bob, lid));
			assert_non_null(wa_node_get(got, "t"));
			assert_no_attr(got, "recipient");
			if (types[i] != NULL)
				assert_attr(got, "type", types[i]);
			assert_int_equal(net_count(tablet, "receipt"), 1);
			assert_int_equal(net_count(carol1, "receipt"), 0);
			assert_attr(
				net_sent(bob2, "ack", 0), "class", "receipt");
		}
	}
}

static void by_fault_a_tick_lists_its_reader(void **state)
{
	struct wa_jid to = group_jid(group), author = dev(laptop, true);
	struct wa_node *receipt = receipt_of("U0", &to, "read", &author);
	const struct wa_node *got;

	(void)state;
	wa_node_set(
		wa_node_add(wa_node_add(receipt, "list"), "item"), "id", "U1");
	fault("aggregate_receipt", "15550001111");
	route_receipt(&net.sandbox, bob1, receipt);
	got = net_sent(laptop, "receipt", 0);
	assert_jid(got, "from", group_jid(group));
	assert_no_attr(got, "participant");
	assert_attr(got, "type", "read");
	assert_int_equal(wa_node_n_children(got), 2);
	assert_attr(got->child, "key", "U0");
	assert_jid(got->child->child, "jid", bare(bob, true));
	assert_attr(got->child->next, "key", "U1");
	/* One rule, one device. */
	assert_jid(
		net_sent(tablet, "receipt", 0), "participant", bare(bob, true));
}

static void a_status_tick_names_the_reader_as_the_author_is_named(void **state)
{
	struct wa_jid to = status_jid();

	(void)state;
	for (int lid = 0; lid <= 1; lid++) {
		struct wa_jid author = bare(alice, lid);
		const struct wa_node *got;

		net_forget_sent();
		route_receipt(&net.sandbox, bob1,
			receipt_of("Q0", &to, "read", &author));
		got = net_sent(laptop, "receipt", 0);
		assert_non_null(got);
		assert_jid(got, "from", status_jid());
		assert_jid(got, "participant", bare(bob, lid));
	}
}

static void a_retry_goes_from_device_to_device(void **state)
{
	struct wa_jid to = group_jid(group), author = dev(laptop, true);
	struct wa_node *receipt = receipt_of("R0", &to, "retry", &author);
	const struct wa_node *got;

	(void)state;
	send_it(group_message("R0", true));
	wa_node_set(wa_node_add(receipt, "retry"), "count", "1");
	net_forget_sent();
	route_receipt(&net.sandbox, bob2, receipt);
	got = net_sent(laptop, "receipt", 0);
	assert_non_null(got);
	assert_jid(got, "from", group_jid(group));
	assert_jid(got, "participant", dev(bob2, true));
	assert_non_null(wa_node_child(got, "retry"));
	assert_int_equal(net_count(tablet, "receipt"), 0);
}

static void own_devices_tell_each_other(void **state)
{
	struct wa_jid to = group_jid(group), author = dev(laptop, true);
	const struct wa_node *got;

	(void)state;
	route_receipt(
		&net.sandbox, tablet, receipt_of("S0", &to, "sender", &author));
	got = net_sent(laptop, "receipt", 0);
	assert_non_null(got);
	assert_jid(got, "from", group_jid(group));
	assert_jid(got, "participant", dev(tablet, true));

	net_forget_sent();
	author = bare(bob, true);
	route_receipt(&net.sandbox, tablet,
		receipt_of("S1", &to, "read-self", &author));
	got = net_sent(laptop, "receipt", 0);
	assert_non_null(got);
	assert_jid(got, "from", dev(tablet, true));
	assert_jid(got, "recipient", group_jid(group));
	assert_jid(got, "participant", bare(bob, true));
	assert_int_equal(net_count(bob1, "receipt"), 0);
}

static void a_receipt_without_author_is_acked_and_goes_nowhere(void **state)
{
	struct wa_jid to = group_jid(group);

	(void)state;
	route_receipt(&net.sandbox, bob1, receipt_of("T0", &to, "read", NULL));
	route_receipt(&net.sandbox, bob1, receipt_of("T1", &to, "retry", NULL));
	assert_int_equal(net_count(bob1, "ack"), 2);
	assert_int_equal(net_count(laptop, "receipt"), 0);
}

/* ---- typing ---- */

static void typing_in_a_group_names_who_types(void **state)
{
	struct wa_jid to = group_jid(group);
	struct wa_node *chatstate = net_stanza("chatstate", NULL, &to);
	const struct wa_node *got;

	(void)state;
	bob1->available = carol1->available = tablet->available = true;
	wa_node_set(wa_node_add(chatstate, "composing"), "media", "audio");
	route_chatstate(&net.sandbox, laptop, chatstate);
	got = net_sent(bob1, "chatstate", 0);
	assert_non_null(got);
	assert_jid(got, "from", group_jid(group));
	assert_jid(got, "participant", bare(alice, true));
	assert_attr(wa_node_child(got, "composing"), "media", "audio");
	assert_int_equal(net_count(carol1, "chatstate"), 1);
	assert_int_equal(net_count(bob2, "chatstate"), 0); /* not open */
	assert_int_equal(net_count(tablet, "chatstate"), 0);
	net_forget_sent();
	route_chatstate(&net.sandbox, dave1, chatstate);
	assert_int_equal(net_count(bob1, "chatstate"), 0);
}

#define on_people(test) \
	cmocka_unit_test_setup_teardown(test, open_people, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_people(each_member_device_gets_its_own_part_first),
		on_people(the_author_is_named_in_the_mode_of_the_group),
		on_people(a_part_is_found_whichever_way_its_device_is_named),
		on_people(without_a_text_only_those_with_a_part_get_it),
		on_people(a_group_message_that_cannot_pass_is_refused),
		on_people(a_member_that_left_gets_nothing_more),
		on_people(a_wrong_phash_is_told_and_the_message_delivered),
		on_people(
			a_device_without_keys_is_in_no_phash_and_gets_nothing),
		on_people(a_message_sent_again_reaches_those_that_missed_it),
		on_people(a_resend_goes_to_the_one_device_it_names),
		on_people(by_fault_the_key_does_not_come_along),
		on_people(a_status_reaches_who_is_named_and_the_own_devices),
		on_people(a_status_that_cannot_pass_is_refused),
		on_people(a_status_for_one_device_comes_again_after_it_asked),
		on_people(what_a_blocked_sender_writes_is_acked_and_lost),
		on_people(ticks_go_to_all_devices_of_the_author),
		on_people(by_fault_a_tick_lists_its_reader),
		on_people(
			a_status_tick_names_the_reader_as_the_author_is_named),
		on_people(a_retry_goes_from_device_to_device),
		on_people(own_devices_tell_each_other),
		on_people(a_receipt_without_author_is_acked_and_goes_nowhere),
		on_people(typing_in_a_group_names_who_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
