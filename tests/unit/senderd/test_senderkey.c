/* Our sender key of a group: when it must be another one. */
#include "tests/unit/senderd/fake_group.h"

#include "senderd/whatsapp/senderkey.h"

static void member_changed(
	struct fake *fake, const char *tag, const struct fake_member *member)
{
	struct wa_node *child = NULL;

	notify(fake, notice_new(fake, tag, member, &child));
}

static void bob_is_removed(struct fake *fake)
{
	member_changed(fake, "remove", &bob);
}

static void bob_leaves(struct fake *fake)
{
	member_changed(fake, "leave", &bob);
}

static void a_number_changes(struct fake *fake)
{
	member_changed(fake, "modify", &bob);
}

static void bobs_desktop_is_unlinked(struct fake *fake)
{
	struct wa_node *notification = wa_node_new(fake->arena, "notification");
	struct wa_node *removed = wa_node_add(notification, "remove");
	struct wa_jid from = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 0);

	wa_node_set(notification, "type", "devices");
	wa_node_set(notification, "id", "D1");
	wa_node_set_jid(notification, "from", &from);
	wa_node_set_jid(notification, "lid", &lid);
	wa_node_set_jid(
		wa_node_add(removed, "device"), "jid", &fake->bob_desktop->jid);
	notify(fake, notification);
}

/* Nobody told us: the next list does not have him any more. */
static void bob_is_found_missing(struct fake *fake)
{
	struct wa_jid jid = group_jid();
	struct err err = ERR_NONE;

	assert_int_equal(group_expire(&fake->lane, &jid, &err), 0);
}

static void a_stranger_asks_again(struct fake *fake)
{
	struct wa_node *receipt = wa_node_new(fake->arena, "receipt");
	struct wa_jid from = group_jid();

	wa_node_set(receipt, "id", "3EB0A");
	wa_node_set(receipt, "type", "retry");
	wa_node_set_jid(receipt, "from", &from);
	wa_node_set_jid(receipt, "participant", &dave_of(fake)->jid);
	wa_node_set(wa_node_add(receipt, "retry"), "count", "1");
	node_be(receipt, "registration", dave_of(fake)->registration_id, 4);
	receipt_on_receipt(&fake->lane, receipt);
	fake_run(fake);
}

static void a_thousand_messages_go_out(struct fake *fake)
{
	struct wa_jid jid = group_jid();
	struct wa_jid self = senderkey_self(&fake->lane);
	struct err err = ERR_NONE;

	for (int i = 1; i < SENDERKEY_MESSAGES_MAX; i++) {
		scoped(buf_fini) struct buf out = BUF_INIT;

		assert_int_equal(wa_signal_group_encrypt(fake->lane.signal,
					 &jid, &self, "x", 1, &out, &err),
			0);
	}
}

static void nothing_happens(struct fake *fake)
{
	(void)fake;
}

static void dave_is_added(struct fake *fake)
{
	member_changed(fake, "add", &dave);
}

static void carol_becomes_admin(struct fake *fake)
{
	member_changed(fake, "promote", &carol);
}

struct rule {
	void (*happens)(struct fake *fake);
	bool another; /* key for the next message */
	bool at_once; /* the old one is gone before that */
	bool bob_is_gone, by_number, dave_is_in; /* when it is asked again */
	size_t n_entries;			 /* of the next message */
};

static const struct rule rules[] = {
	{ .happens = nothing_happens },
	{ .happens = carol_becomes_admin },
	{ .happens = dave_is_added, .dave_is_in = true, .n_entries = 1 },
	{ .happens = bob_is_removed,
		.another = true,
		.at_once = true,
		.bob_is_gone = true,
		.n_entries = 2 },
	{ .happens = bob_leaves,
		.another = true,
		.at_once = true,
		.bob_is_gone = true,
		.n_entries = 2 },
	{ .happens = bob_is_found_missing,
		.another = true,
		.bob_is_gone = true,
		.n_entries = 2 },
	{ .happens = bobs_desktop_is_unlinked,
		.another = true,
		.at_once = true,
		.n_entries = 4 },
	{ .happens = a_number_changes,
		.another = true,
		.at_once = true,
		.n_entries = 4 },
	{ .happens = a_stranger_asks_again,
		.another = true,
		.at_once = true,
		.n_entries = 4 },
	{ .happens = a_thousand_messages_go_out,
		.another = true,
		.n_entries = 4 },
	{ .happens = bob_is_found_missing,
		.another = true,
		.by_number = true,
		.n_entries = 4 },
};

/* Of our key for the group; 0: there is none. */
static uint32_t key_id(struct fake *fake)
{
	struct wa_jid jid = group_jid();
	uint32_t id = 0, iteration = 0;

	return wa_signal_group_info(fake->lane.signal, &jid, &fake->lane.id.lid,
		       &id, &iteration) == 1
		       ? id
		       : 0;
}

static const struct wa_node *group_after(
	struct fake *fake, const struct rule *rule)
{
	const struct fake_member left[] = { carol };
	const struct fake_member more[] = { bob, carol, dave };

	if (rule->bob_is_gone)
		return group_node(fake, true, left, 1);
	if (rule->dave_is_in)
		return group_node(fake, true, more, 3);
	return group_of_friends(fake, !rule->by_number);
}

static void rule_check(struct fake *fake, const struct rule *rule)
{
	const struct wa_node *stanza =
		group_send(fake, "3EB0A", group_of_friends(fake, true));
	uint32_t id = key_id(fake);

	assert_true(read_by(fake, fake->bob, stanza));
	assert_true(read_by(fake, carol_of(fake), stanza));
	rule->happens(fake);
	assert_int_equal(key_id(fake) == 0, rule->at_once);
	stanza = group_send(fake, "3EB0B", group_after(fake, rule));
	assert_int_equal(key_id(fake) != id, rule->another);
	assert_int_equal(n_entries(stanza), rule->n_entries);
	if (rule->bob_is_gone)
		assert_false(read_by(fake, fake->bob, stanza));
	if (!rule->by_number)
		assert_true(read_by(fake, carol_of(fake), stanza));
}

static void the_key_is_another_exactly_when_somebody_may_not_read_on(
	void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		void *own = NULL;

		assert_int_equal(group_setup(&own), 0);
		rule_check(own, &rules[i]);
		assert_int_equal(group_teardown(&own), 0);
	}
}

static void a_new_identity_gets_the_key_anew_and_nobody_else(void **state)
{
	struct fake *fake = *state;
	struct wa_node *notification = wa_node_new(fake->arena, "notification");
	struct wa_jid from = wa_jid_pn(CAROL_PN, 0);
	const struct wa_node *group = group_of_friends(fake, true);
	const struct wa_node *stanza = NULL;

	group_send(fake, "3EB0A", group);
	wa_node_set(notification, "type", "encrypt");
	wa_node_set(notification, "id", "E1");
	wa_node_set_jid(notification, "from", &from);
	wa_node_add(notification, "identity");
	notify(fake, notification);
	memory_clear(&carol_of(fake)->memory);
	stanza = group_send(fake, "3EB0B", group);
	assert_int_equal(n_entries(stanza), 1);
	assert_true(read_by(fake, carol_of(fake), stanza));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_key_is_another_exactly_when_somebody_may_not_read_on),
		GROUP_TEST(a_new_identity_gets_the_key_anew_and_nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
