/* Receipts of others for what we sent. */
#include "tests/unit/senderd/fake_group.h"

#include "senderd/whatsapp/receipt.h"

static struct wa_node *receipt_new(struct fake *fake, const char *id,
	const struct wa_jid *from, const char *type)
{
	struct wa_node *receipt = wa_node_new(fake->arena, "receipt");

	wa_node_set(receipt, "id", id);
	wa_node_set_jid(receipt, "from", from);
	wa_node_set(receipt, "type", type);
	wa_node_set_int(receipt, "t", clock_now_ms() / 1000);
	return receipt;
}

static struct wa_jid bob_pn(void)
{
	return wa_jid_pn(BOB_PN, 0);
}

/* A message to Bob that the server has. */
static void sent_to_bob(struct fake *fake, const char *id)
{
	struct wa_jid pn = bob_pn(), lid = wa_jid_lid(BOB_LID, 0);
	struct err err = ERR_NONE;

	assert_int_equal(
		lanedb_mapping_learn(fake->lane.db, &pn, &lid, NULL, &err), 0);
	fake_accept(fake, id, BOB_PN, "x", clock_now_ms());
	facts_add_change(&fake->lane, &(struct message_change){ .wa_id = id,
					      .status = MESSAGE_SENT,
					      .at_ms = clock_now_ms() });
	assert_int_equal(fake_turn_end(fake), 0);
}

static void receive(struct fake *fake, const struct wa_node *receipt)
{
	receipt_on_receipt(&fake->lane, receipt);
	assert_int_equal(fake_turn_end(fake), 0);
}

static void every_type_has_its_status_and_its_ack(void **state)
{
	static const struct {
		const char *type; /* "" = none */
		enum message_status status;
	} cases[] = {
		{ "", MESSAGE_DELIVERED },
		{ "inactive", MESSAGE_DELIVERED },
		{ "read", MESSAGE_READ },
		{ "played", MESSAGE_PLAYED },
		{ "sender", MESSAGE_SENT },
		{ "read-self", MESSAGE_SENT },
		{ "played-self", MESSAGE_SENT },
		{ "peer_msg", MESSAGE_SENT },
		{ "hist_sync", MESSAGE_SENT },
		{ "server-error", MESSAGE_SENT },
		{ "something-new", MESSAGE_SENT },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_jid from = bob_pn();
		const struct wa_node *ack = NULL;
		char id[16];

		snprintf(id, sizeof id, "3EB0%zu", i);
		sent_to_bob(fake, id);
		fake_forget_sent(fake);
		receive(fake, receipt_new(fake, id, &from, cases[i].type));
		assert_int_equal(fake_status(fake, id), cases[i].status);
		assert_int_equal(fake->n_sent, 1);
		ack = fake_last(fake, "ack");
		assert_string_equal(wa_node_str(ack, "class"), "receipt");
		assert_string_equal(wa_node_str(ack, "id"), id);
		assert_string_equal(
			wa_node_str(ack, "to"), BOB_PN "@s.whatsapp.net");
		if (cases[i].type[0] != '\0')
			assert_string_equal(
				wa_node_str(ack, "type"), cases[i].type);
	}
}

static void only_the_recipients_word_counts(void **state)
{
	static const struct {
		const char *user;
		enum wa_server server;
		unsigned device;
		bool counts;
	} cases[] = {
		{ BOB_PN, WA_SERVER_PN, 0, true },
		{ BOB_PN, WA_SERVER_PN, 3, true },
		{ BOB_LID, WA_SERVER_LID, 0, true },
		{ BOB_LID, WA_SERVER_LID, 3, true },
		{ "15550009999", WA_SERVER_PN, 0, false },
		{ "900009", WA_SERVER_LID, 0, false },
		{ OWN_LID, WA_SERVER_LID, 0, false },
		{ BOB_PN, WA_SERVER_LID, 0, false },
		{ BOB_PN, WA_SERVER_GROUP, 0, false },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_jid from = { .server = cases[i].server,
			.device = (uint16_t)cases[i].device };
		char id[16];

		snprintf(from.user, sizeof from.user, "%s", cases[i].user);
		snprintf(id, sizeof id, "3EB0%zu", i);
		sent_to_bob(fake, id);
		receive(fake, receipt_new(fake, id, &from, "read"));
		assert_int_equal(fake_status(fake, id),
			cases[i].counts ? MESSAGE_READ : MESSAGE_SENT);
	}
}

static void one_receipt_speaks_for_all_in_its_list(void **state)
{
	struct fake *fake = *state;
	struct wa_jid from = bob_pn();
	struct wa_node *receipt = NULL, *list = NULL;

	for (int i = 0; i < 4; i++) {
		char id[16];

		snprintf(id, sizeof id, "3EB0%d", i);
		sent_to_bob(fake, id);
	}
	receipt = receipt_new(fake, "3EB00", &from, "");
	list = wa_node_add(receipt, "list");
	wa_node_set(wa_node_add(list, "item"), "id", "3EB01");
	wa_node_set(wa_node_add(list, "item"), "id", "UNKNOWN");
	wa_node_add(list, "item");
	wa_node_set(wa_node_add(list, "item"), "id", "3EB02");
	receive(fake, receipt);
	assert_int_equal(fake_status(fake, "3EB00"), MESSAGE_DELIVERED);
	assert_int_equal(fake_status(fake, "3EB01"), MESSAGE_DELIVERED);
	assert_int_equal(fake_status(fake, "3EB02"), MESSAGE_DELIVERED);
	assert_int_equal(fake_status(fake, "3EB03"), MESSAGE_SENT);
}

static void a_later_lower_receipt_changes_nothing(void **state)
{
	struct fake *fake = *state;
	struct wa_jid from = bob_pn();

	sent_to_bob(fake, "3EB0");
	receive(fake, receipt_new(fake, "3EB0", &from, "read"));
	fake_forget_sent(fake);
	receive(fake, receipt_new(fake, "3EB0", &from, ""));
	assert_int_equal(fake_status(fake, "3EB0"), MESSAGE_READ);
	assert_int_equal(fake->n_events, 0);
	assert_int_equal(fake_count(fake, "ack"), 1);
}

static void a_device_that_could_not_use_it_does_not_deliver_it(void **state)
{
	struct fake *fake = *state;
	struct wa_jid from = bob_pn();
	struct wa_node *receipt = NULL;

	sent_to_bob(fake, "3EB0");
	receipt = receipt_new(fake, "3EB0", &from, "");
	wa_node_set(wa_node_add(receipt, "error"), "type", "feature-incapable");
	receive(fake, receipt);
	assert_int_equal(fake_status(fake, "3EB0"), MESSAGE_SENT);
	assert_int_equal(fake_count(fake, "ack"), 1);
}

static void an_ack_copies_what_the_server_needs_to_find_it(void **state)
{
	struct fake *fake = *state;
	struct wa_jid from = wa_jid_pn(OWN_PN, 0), recipient = bob_pn();
	struct wa_node *receipt = receipt_new(fake, "R1", &from, "read-self");
	const struct wa_node *ack = NULL;

	wa_node_set_jid(receipt, "recipient", &recipient);
	wa_node_set_jid(receipt, "participant", &from);
	receive(fake, receipt);
	ack = fake_last(fake, "ack");
	assert_int_equal(wa_node_get(ack, "recipient")->kind, WA_VALUE_JID);
	assert_int_equal(wa_node_get(ack, "participant")->kind, WA_VALUE_JID);
	assert_int_equal(wa_node_get(ack, "to")->kind, WA_VALUE_JID);
	assert_null(wa_node_get(ack, "from"));
	assert_null(wa_node_get(ack, "error"));
}

static void the_servers_seconds_get_our_milliseconds_where_both_agree(
	void **state)
{
	struct fake *fake = *state;
	struct wa_node *stanza = wa_node_new(fake->arena, "ack");
	int64_t before_ms = clock_now_ms();

	assert_true(receipt_time_ms(stanza) >= before_ms);
	wa_node_set_int(stanza, "t", before_ms / 1000);
	assert_true(receipt_time_ms(stanza) >= before_ms);
	stanza = wa_node_new(fake->arena, "ack");
	wa_node_set_int(stanza, "t", 1700000000);
	assert_int_equal(receipt_time_ms(stanza), 1700000000000);
	stanza = wa_node_new(fake->arena, "ack");
	wa_node_set(stanza, "t", "-5");
	assert_true(receipt_time_ms(stanza) >= before_ms);
	stanza = wa_node_new(fake->arena, "ack");
	wa_node_set(stanza, "t", "9223372036854775807");
	assert_true(receipt_time_ms(stanza) <= clock_now_ms());
}

/* ---- groups ---- */

static struct wa_node *report(struct fake *fake, const char *id,
	const char *reader_lid, const char *type)
{
	struct wa_jid from = group_jid(), reader = wa_jid_lid(reader_lid, 0);
	struct wa_node *receipt = receipt_new(fake, id, &from, type);

	wa_node_set_jid(receipt, "participant", &reader);
	return receipt;
}

/* To Bob and Carol; @n_recipients 0: the ack has not come yet. */
static void sent_to_group(struct fake *fake, const char *id, int n_recipients)
{
	fake_job_to(fake, id, GROUP, "x", NULL);
	facts_add_change(&fake->lane, &(struct message_change){ .wa_id = id,
					      .status = MESSAGE_SENT,
					      .at_ms = clock_now_ms(),
					      .n_recipients = n_recipients });
	assert_int_equal(fake_turn_end(fake), 0);
	fake_forget_sent(fake);
}

static int on_counts(const struct message *row, void *arg)
{
	int *counts = arg;

	counts[0] = row->n_delivered;
	counts[1] = row->n_read;
	return 0;
}

static void assert_counts(
	struct fake *fake, const char *id, int n_delivered, int n_read)
{
	struct err err = ERR_NONE;
	int counts[2] = { -1, -1 };

	assert_int_equal(
		store_message_by_wa_id(fake->lane.store, fake->lane.device_id,
			id, on_counts, counts, &err),
		0);
	assert_int_equal(counts[0], n_delivered);
	assert_int_equal(counts[1], n_read);
}

static void a_group_message_is_what_the_last_of_all_says(void **state)
{
	static const struct {
		const char *reader, *type;
		int n_delivered, n_read;
		enum message_status status;
	} reports[] = {
		{ BOB_LID, "", 1, 0, MESSAGE_SENT },
		{ BOB_LID, "", 1, 0, MESSAGE_SENT }, /* his desktop */
		{ BOB_LID, "read", 1, 1, MESSAGE_SENT },
		{ CAROL_LID, "", 2, 1, MESSAGE_DELIVERED },
		{ BOB_LID, "played", 2, 1, MESSAGE_DELIVERED },
		{ CAROL_LID, "read", 2, 2, MESSAGE_READ },
		{ CAROL_LID, "played", 2, 2, MESSAGE_PLAYED },
	};
	struct fake *fake = *state;

	sent_to_group(fake, "3EB0", 2);
	for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
		receive(fake, report(fake, "3EB0", reports[i].reader,
				      reports[i].type));
		assert_int_equal(fake_status(fake, "3EB0"), reports[i].status);
		assert_counts(fake, "3EB0", reports[i].n_delivered,
			reports[i].n_read);
	}
	assert_int_equal(fake_count(fake, "ack"), ARRAY_LEN(reports));
	assert_int_equal(fake->n_events, 2);
	assert_string_equal(fake->events[0], "message.delivered");
	assert_string_equal(fake->events[1], "message.read");
}

static void one_person_by_two_names_counts_once(void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn(CAROL_PN, 0), from = group_jid();
	struct wa_jid lid = wa_jid_lid(CAROL_LID, 0);
	struct wa_node *receipt = NULL;
	struct err err = ERR_NONE;

	sent_to_group(fake, "3EB0", 2);
	receive(fake, report(fake, "3EB0", CAROL_LID, ""));
	assert_int_equal(
		lanedb_mapping_learn(fake->lane.db, &pn, &lid, NULL, &err), 0);
	receive(fake, report(fake, "3EB0", CAROL_LID, ""));
	receipt = receipt_new(fake, "3EB0", &from, "");
	wa_node_set_jid(receipt, "participant", &pn);
	receive(fake, receipt);
	assert_counts(fake, "3EB0", 1, 0);
}

static void many_readers_may_come_in_one_receipt(void **state)
{
	struct fake *fake = *state;
	struct wa_jid from = group_jid();
	struct wa_node *receipt = receipt_new(fake, "R1", &from, "read");
	static const char *const readers[] = { BOB_LID, CAROL_LID, OWN_LID };

	sent_to_group(fake, "3EB0", 2);
	sent_to_group(fake, "3EB1", 2);
	for (int i = 0; i < 2; i++) {
		struct wa_node *list = wa_node_add(receipt, "participants");

		wa_node_set(list, "key", i == 0 ? "3EB0" : "3EB1");
		for (size_t j = i == 0 ? 0 : 1; j < 3; j++) {
			struct wa_jid jid = wa_jid_lid(readers[j], 0);
			struct wa_node *user = wa_node_add(list, "user");

			wa_node_set_jid(user, "jid", &jid);
			wa_node_set(user, "t", "1700000000");
		}
		wa_node_add(list, "user");
	}
	receive(fake, receipt);
	assert_int_equal(fake_status(fake, "3EB0"), MESSAGE_READ);
	assert_counts(fake, "3EB1", 1, 1);
	assert_int_equal(fake_count(fake, "ack"), 1);
}

static void reports_from_elsewhere_do_not_count(void **state)
{
	struct fake *fake = *state;
	struct wa_jid other = { .user = "120363000000000009",
		.server = WA_SERVER_GROUP };
	struct wa_jid bob_lid = wa_jid_lid(BOB_LID, 0), group = group_jid();
	struct wa_node *receipt = NULL;

	sent_to_group(fake, "3EB0", 1);
	receive(fake, report(fake, "3EB0", OWN_LID, "read"));
	receipt = receipt_new(fake, "3EB0", &other, "read");
	wa_node_set_jid(receipt, "participant", &bob_lid);
	receive(fake, receipt);
	receive(fake, receipt_new(fake, "3EB0", &bob_lid, "read"));
	receive(fake, receipt_new(fake, "3EB0", &group, "read")); /* who? */
	receive(fake, report(fake, "3EB0", BOB_LID, "sender"));
	receive(fake, report(fake, "UNKNOWN", BOB_LID, "read"));
	assert_counts(fake, "3EB0", 0, 0);
	assert_int_equal(fake_status(fake, "3EB0"), MESSAGE_SENT);
	assert_int_equal(fake_count(fake, "ack"), 6);
}

static void reports_before_the_ack_count_when_it_comes(void **state)
{
	struct fake *fake = *state;

	fake_job_to(fake, "3EB0", GROUP, "x", NULL);
	outbound_on_disconnect(&fake->lane); /* a lane of before sent it */
	receive(fake, report(fake, "3EB0", BOB_LID, ""));
	assert_int_equal(fake_status(fake, "3EB0"), MESSAGE_SENT);
	facts_add_change(&fake->lane, &(struct message_change){ .wa_id = "3EB0",
					      .status = MESSAGE_SENT,
					      .at_ms = clock_now_ms(),
					      .n_recipients = 1 });
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(fake_status(fake, "3EB0"), MESSAGE_DELIVERED);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_type_has_its_status_and_its_ack),
		TEST(only_the_recipients_word_counts),
		TEST(one_receipt_speaks_for_all_in_its_list),
		TEST(a_later_lower_receipt_changes_nothing),
		TEST(a_device_that_could_not_use_it_does_not_deliver_it),
		TEST(an_ack_copies_what_the_server_needs_to_find_it),
		TEST(the_servers_seconds_get_our_milliseconds_where_both_agree),
		GROUP_TEST(a_group_message_is_what_the_last_of_all_says),
		GROUP_TEST(one_person_by_two_names_counts_once),
		GROUP_TEST(many_readers_may_come_in_one_receipt),
		GROUP_TEST(reports_from_elsewhere_do_not_count),
		GROUP_TEST(reports_before_the_ack_count_when_it_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
