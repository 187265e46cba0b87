/* Receipts of others for what we sent. */
#include "tests/unit/senderd/fake_lane.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
