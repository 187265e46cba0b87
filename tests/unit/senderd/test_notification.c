/* Notifications: each is acked, what matters is acted on once. */
#include "tests/unit/senderd/fake_lane.h"

#include "senderd/whatsapp/devices.h"

static struct wa_node *notification_new(struct fake *fake, const char *id,
	const char *type, const struct wa_jid *from)
{
	struct wa_node *notification = wa_node_new(fake->arena, "notification");

	wa_node_set(notification, "id", id);
	wa_node_set(notification, "type", type);
	wa_node_set_jid(notification, "from", from);
	wa_node_set(notification, "t", "1700000000");
	return notification;
}

static void receive(struct fake *fake, const struct wa_node *notification)
{
	size_t n_before = fake_count(fake, "ack");
	const struct wa_node *ack = NULL;

	notification_on_notification(&fake->lane, notification);
	fake_run(fake);
	assert_int_equal(fake_count(fake, "ack"), n_before + 1);
	ack = fake_last(fake, "ack");
	assert_string_equal(wa_node_str(ack, "class"), "notification");
	assert_string_equal(
		wa_node_str(ack, "id"), wa_node_str(notification, "id"));
	assert_string_equal(
		wa_node_str(ack, "type"), wa_node_str(notification, "type"));
}

/* A session with Bob's devices, and lists of devices. */
static void know_bob(struct fake *fake)
{
	outbound_on_ready(&fake->lane);
	fake_job(fake, "3EB0", BOB_PN, "x");
	fake_run(fake);
	fake_answer_all(fake);
	fake_forget_sent(fake);
}

static bool knows_devices(struct fake *fake, const char *lid_user)
{
	struct wa_jid lid = wa_jid_lid(lid_user, 0);
	struct device_list devices;
	struct err err = ERR_NONE;

	return devices_load(&fake->lane, &lid, &devices, &err) == 1;
}

static void unknown_kinds_are_acked_and_left(void **state)
{
	static const char *const kinds[] = { "server_sync", "w:gp2", "picture",
		"mediaretry", "something-new", "business" };
	struct fake *fake = *state;
	struct wa_jid from = wa_jid_pn(BOB_PN, 0);

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		receive(fake, notification_new(fake, "N1", kinds[i], &from));
	assert_int_equal(fake->n_sent, ARRAY_LEN(kinds));
}

static void a_prekey_count_is_passed_on_once(void **state)
{
	struct fake *fake = *state;
	struct wa_jid server = wa_jid_server();
	struct wa_node *notification =
		notification_new(fake, "N1", "encrypt", &server);

	wa_node_set_int(wa_node_add(notification, "count"), "value", 3);
	receive(fake, notification);
	assert_int_equal(fake->prekey_count, 3);
	fake->prekey_count = -1;
	receive(fake, notification);
	assert_int_equal(fake->prekey_count, -1);
}

static void a_new_identity_ends_every_session_of_the_user(void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0);
	struct wa_node *notification = NULL;

	know_bob(fake);
	notification = notification_new(fake, "N1", "encrypt", &pn);
	wa_node_add(notification, "identity");
	assert_int_equal(
		wa_signal_has_session(fake->lane.signal, &fake->bob->jid), 1);
	receive(fake, notification);
	assert_int_equal(
		wa_signal_has_session(fake->lane.signal, &fake->bob->jid), 0);
	assert_int_equal(wa_signal_has_session(
				 fake->lane.signal, &fake->bob_desktop->jid),
		0);
	assert_int_equal(
		wa_signal_has_session(fake->lane.signal, &fake->own_phone->jid),
		1);
	assert_false(knows_devices(fake, BOB_LID));
}

static void a_changed_device_list_is_forgotten_and_the_pair_learned(
	void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 0),
		      desktop = wa_jid_pn(BOB_PN, 3);
	struct wa_node *notification = NULL, *device = NULL;

	know_bob(fake);
	notification = notification_new(fake, "N1", "devices", &pn);
	wa_node_set_jid(notification, "lid", &lid);
	device = wa_node_add(wa_node_add(notification, "remove"), "device");
	wa_node_set_jid(device, "jid", &desktop);
	receive(fake, notification);
	assert_false(knows_devices(fake, BOB_LID));
	assert_true(knows_devices(fake, OWN_LID));
	assert_int_equal(wa_signal_has_session(
				 fake->lane.signal, &fake->bob_desktop->jid),
		0);
	assert_int_equal(
		wa_signal_has_session(fake->lane.signal, &fake->bob->jid), 1);
}

static void our_own_new_device_is_asked_about_before_the_next_message(
	void **state)
{
	struct fake *fake = *state;
	struct wa_jid own = wa_jid_pn(OWN_PN, 0);
	struct wa_node *notification = NULL;

	know_bob(fake);
	notification = notification_new(fake, "N1", "account_sync", &own);
	wa_node_add(notification, "devices");
	receive(fake, notification);
	assert_false(knows_devices(fake, OWN_LID));
	fake_forget_sent(fake);
	fake_job(fake, "3EB1", BOB_PN, "x");
	fake_run(fake);
	assert_int_equal(fake_count(fake, "message"), 0);
	fake->own_tablet = person_new(OWN_LID, 2);
	fake_answer_all(fake);
	assert_int_equal(fake_count(fake, "message"), 1);
	assert_non_null(
		stanza_enc(fake_last(fake, "message"), &fake->own_tablet->jid));
}

static void a_contacts_token_is_kept_and_shown_with_messages(void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 0);
	struct wa_node *notification =
		notification_new(fake, "N1", "privacy_token", &pn);
	struct wa_node *token =
		wa_node_add(wa_node_add(notification, "tokens"), "token");
	const struct wa_node *shown = NULL;

	know_bob(fake);
	wa_node_set_jid(notification, "sender_lid", &lid);
	wa_node_set(token, "type", "trusted_contact");
	wa_node_set_int(token, "t", clock_now_ms() / 1000);
	wa_node_text(token, "opaque");
	receive(fake, notification);
	fake_job(fake, "3EB1", BOB_PN, "x");
	fake_run(fake);
	shown = wa_node_child(fake_last(fake, "message"), "tctoken");
	assert_non_null(shown);
	assert_memory_equal(wa_node_content(shown, NULL), "opaque", 6);
}

static void an_old_token_is_not_shown_and_the_salt_makes_one(void **state)
{
	struct fake *fake = *state;
	struct wa_jid lid = wa_jid_lid(BOB_LID, 0);
	struct err err = ERR_NONE;
	const struct wa_node *stanza = NULL;
	uint8_t salt[32], token[32];
	size_t n = 0;

	know_bob(fake);
	for (uint8_t i = 0; i < 32; i++)
		salt[i] = i;
	assert_int_equal(lanedb_token_save(fake->lane.db, &lid,
				 (const uint8_t *)"old", 3, 1600000000, &err),
		0);
	assert_int_equal(
		lanedb_value_save(fake->lane.db, "nct_salt", salt, 32, &err),
		0);
	fake_job(fake, "3EB1", BOB_PN, "x");
	fake_run(fake);
	stanza = fake_last(fake, "message");
	assert_null(wa_node_child(stanza, "tctoken"));
	wa_hmac_sha256(salt, 32, BOB_LID "@lid", strlen(BOB_LID "@lid"), token);
	assert_memory_equal(
		wa_node_content(wa_node_child(stanza, "cstoken"), &n), token,
		32);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_kinds_are_acked_and_left),
		TEST(a_prekey_count_is_passed_on_once),
		TEST(a_new_identity_ends_every_session_of_the_user),
		TEST(a_changed_device_list_is_forgotten_and_the_pair_learned),
		TEST(our_own_new_device_is_asked_about_before_the_next_message),
		TEST(a_contacts_token_is_kept_and_shown_with_messages),
		TEST(an_old_token_is_not_shown_and_the_salt_makes_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
