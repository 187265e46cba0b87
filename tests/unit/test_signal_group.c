/* Sender keys: groups and status. */
#include "common/wa/signal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/signal_people.h"

static struct wa_jid the_group(void)
{
	struct wa_jid jid = { .user = "120363001", .server = WA_SERVER_GROUP };

	return jid;
}

static struct packet announce(struct person *from)
{
	struct packet packet = { 0 };
	struct wa_jid group = the_group();
	struct err err = ERR_NONE;

	assert_int_equal(wa_signal_group_skdm(from->signal, &group, &from->jid,
				 &packet.bytes, &err),
		0);
	return packet;
}

static int learn(
	struct person *to, const struct person *from, const struct packet *skdm)
{
	struct wa_jid group = the_group();
	struct err err = ERR_NONE;
	int rc = wa_signal_group_process(to->signal, &group, &from->jid,
		skdm->bytes.data, skdm->bytes.len, &err);

	assert_int_equal(err.code, rc == 0 ? ERR_OK : ERR_PEER);
	return rc;
}

static struct packet group_say(struct person *from, const char *text)
{
	struct packet packet = { .type = WA_ENC_SKMSG };
	struct wa_jid group = the_group();
	struct err err = ERR_NONE;

	assert_int_equal(
		wa_signal_group_encrypt(from->signal, &group, &from->jid, text,
			strlen(text), &packet.bytes, &err),
		0);
	return packet;
}

static enum wa_signal_result group_hear(struct person *to,
	const struct person *from, const struct packet *packet,
	const char *text)
{
	struct wa_jid group = the_group();
	struct buf plain = BUF_INIT;
	struct err err = ERR_NONE;
	enum wa_signal_result result;

	result = wa_signal_group_decrypt(to->signal, &group, &from->jid,
		packet->bytes.data, packet->bytes.len, &plain, &err);
	if (result == WA_SIGNAL_OK)
		assert_string_equal(buf_cstr(&plain), text);
	else
		assert_int_equal(plain.len, 0);
	buf_fini(&plain);
	return result;
}

static void group_exchange(
	struct person *from, struct person *to, const char *text)
{
	PACKET packet = group_say(from, text);

	assert_int_equal(group_hear(to, from, &packet, text), WA_SIGNAL_OK);
}

static int group_setup(void **state)
{
	struct two *two;

	two_setup(state);
	two = *state;
	PACKET skdm = announce(two->alice);
	assert_int_equal(learn(two->bob, two->alice, &skdm), 0);
	return 0;
}

static void a_group_member_hears_from_the_skdm_on(void **state)
{
	struct two *two = *state;
	struct person *carol = person_new("900005", 0);

	PACKET before = group_say(two->alice, "before carol");
	PACKET skdm = announce(two->alice);
	PACKET after = group_say(two->alice, "after carol");
	assert_int_equal(group_hear(carol, two->alice, &after, ""),
		WA_SIGNAL_NO_SESSION);
	assert_int_equal(learn(carol, two->alice, &skdm), 0);
	assert_int_equal(group_hear(carol, two->alice, &after, "after carol"),
		WA_SIGNAL_OK);
	assert_int_equal(group_hear(carol, two->alice, &before, ""),
		WA_SIGNAL_DUPLICATE);
	assert_int_equal(
		group_hear(two->bob, two->alice, &after, "after carol"),
		WA_SIGNAL_OK);
	assert_int_equal(
		group_hear(two->bob, two->alice, &before, "before carol"),
		WA_SIGNAL_OK);
	person_free(&carol);
}

static void group_records_carry_everything_over_a_restart(void **state)
{
	struct two *two = *state;

	for (int i = 0; i < 4; i++) {
		group_exchange(two->alice, two->bob, "text");
		person_load(two->alice);
		person_load(two->bob);
	}
}

static void a_group_repeat_is_a_duplicate(void **state)
{
	struct two *two = *state;

	PACKET packet = group_say(two->alice, "text");
	assert_int_equal(group_hear(two->bob, two->alice, &packet, "text"),
		WA_SIGNAL_OK);
	assert_int_equal(group_hear(two->bob, two->alice, &packet, "text"),
		WA_SIGNAL_DUPLICATE);
}

static void a_wrong_group_signature_is_invalid(void **state)
{
	struct two *two = *state;

	PACKET packet = group_say(two->alice, "text");
	packet.bytes.data[packet.bytes.len - 70] ^= 1;
	assert_int_equal(group_hear(two->bob, two->alice, &packet, ""),
		WA_SIGNAL_INVALID);
	packet.bytes.data[packet.bytes.len - 70] ^= 1;
	assert_int_equal(group_hear(two->bob, two->alice, &packet, "text"),
		WA_SIGNAL_OK);
}

static void a_repeated_skdm_costs_no_late_message(void **state)
{
	struct two *two = *state;

	PACKET late = group_say(two->alice, "late");
	group_exchange(two->alice, two->bob, "early");
	PACKET newer_skdm = announce(two->alice);
	assert_int_equal(learn(two->bob, two->alice, &newer_skdm), 0);
	assert_int_equal(
		group_hear(two->bob, two->alice, &late, "late"), WA_SIGNAL_OK);
	group_exchange(two->alice, two->bob, "next");
}

static void an_old_skdm_does_not_rewind_the_chain(void **state)
{
	struct two *two = *state;

	PACKET skdm = announce(two->alice);
	PACKET packet = group_say(two->alice, "text");
	assert_int_equal(group_hear(two->bob, two->alice, &packet, "text"),
		WA_SIGNAL_OK);
	assert_int_equal(learn(two->bob, two->alice, &skdm), 0);
	assert_int_equal(group_hear(two->bob, two->alice, &packet, "text"),
		WA_SIGNAL_DUPLICATE);
	group_exchange(two->alice, two->bob, "next");
}

static void group_skip(struct person *from, int n)
{
	for (int i = 0; i < n; i++) {
		struct packet lost = group_say(from, "lost");

		packet_fini(&lost);
	}
}

static void two_thousand_lost_group_messages_are_bridged(void **state)
{
	struct two *two = *state;

	group_skip(two->alice, 2000);
	PACKET skdm = announce(two->alice);
	assert_int_equal(learn(two->bob, two->alice, &skdm), 0);
	group_exchange(two->alice, two->bob, "after the gap");
}

static void past_two_thousand_only_a_new_skdm_helps(void **state)
{
	struct two *two = *state;

	group_skip(two->alice, 2001);
	PACKET skdm = announce(two->alice);
	PACKET packet = group_say(two->alice, "after the gap");
	assert_int_equal(group_hear(two->bob, two->alice, &packet, ""),
		WA_SIGNAL_INVALID);
	assert_int_equal(learn(two->bob, two->alice, &skdm), 0);
	assert_int_equal(
		group_hear(two->bob, two->alice, &packet, "after the gap"),
		WA_SIGNAL_OK);
}

static void a_rotated_sender_key_needs_its_own_skdm(void **state)
{
	struct two *two = *state;
	struct wa_jid group = the_group();

	PACKET old = group_say(two->alice, "old");
	memory_remove(&two->alice->memory, SENDER_KEY,
		name_of_sender(&group, &two->alice->jid));
	PACKET skdm = announce(two->alice);
	PACKET packet = group_say(two->alice, "new");
	assert_int_equal(group_hear(two->bob, two->alice, &packet, ""),
		WA_SIGNAL_INVALID);
	assert_int_equal(learn(two->bob, two->alice, &skdm), 0);
	assert_int_equal(
		group_hear(two->bob, two->alice, &packet, "new"), WA_SIGNAL_OK);
	assert_int_equal(
		group_hear(two->bob, two->alice, &old, "old"), WA_SIGNAL_OK);
}

static void without_a_sender_key_nothing_is_sent(void **state)
{
	struct two *two = *state;
	struct wa_jid group = the_group();
	struct buf out = BUF_INIT;
	struct err err = ERR_NONE;

	assert_int_equal(wa_signal_group_encrypt(two->bob->signal, &group,
				 &two->bob->jid, "x", 1, &out, &err),
		-1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	buf_fini(&out);
}

static void a_misshapen_skdm_is_refused(void **state)
{
	struct two *two = *state;
	uint8_t weak[32] = { 0 };

	PACKET skdm = announce(two->bob);
	PACKET short_one = announce(two->bob);
	short_one.bytes.len /= 2;
	assert_int_equal(learn(two->alice, two->bob, &short_one), -1);
	/* the signing key is the last field: 22 21 05 key */
	memcpy(skdm.bytes.data + skdm.bytes.len - 32, weak, 32);
	assert_int_equal(learn(two->alice, two->bob, &skdm), -1);
	skdm.bytes.len = 1;
	assert_int_equal(learn(two->alice, two->bob, &skdm), -1);
	skdm.bytes.len = 0;
	assert_int_equal(learn(two->alice, two->bob, &skdm), -1);
}

static void a_chain_key_of_another_size_is_refused(void **state)
{
	struct two *two = *state;
	uint8_t bytes[64] = { 0x33, 0x08, 1, 0x10, 0, 0x1a, 4, 1, 2, 3, 4, 0x22,
		33, 5 };
	struct packet skdm = { .bytes = { .data = bytes, .len = 14 + 32 } };
	struct wa_keypair signing;

	wa_keypair_new(&signing);
	memcpy(bytes + 14, signing.pub, 32);
	assert_int_equal(learn(two->alice, two->bob, &skdm), -1);
}

static void short_and_empty_group_messages_are_invalid(void **state)
{
	struct two *two = *state;
	uint8_t bytes[80] = { 0x33 };

	for (size_t n = 0; n < sizeof(bytes); n++) {
		struct packet packet = { .type = WA_ENC_SKMSG,
			.bytes = { .data = bytes, .len = n } };

		assert_int_equal(group_hear(two->bob, two->alice, &packet, ""),
			WA_SIGNAL_INVALID);
	}
}

#define TWO(f) cmocka_unit_test_setup_teardown(f, two_setup, two_teardown)
#define GROUP(f) cmocka_unit_test_setup_teardown(f, group_setup, two_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUP(a_group_member_hears_from_the_skdm_on),
		GROUP(group_records_carry_everything_over_a_restart),
		GROUP(a_group_repeat_is_a_duplicate),
		GROUP(a_wrong_group_signature_is_invalid),
		GROUP(a_repeated_skdm_costs_no_late_message),
		GROUP(an_old_skdm_does_not_rewind_the_chain),
		GROUP(two_thousand_lost_group_messages_are_bridged),
		GROUP(past_two_thousand_only_a_new_skdm_helps),
		GROUP(a_rotated_sender_key_needs_its_own_skdm),
		GROUP(without_a_sender_key_nothing_is_sent),
		TWO(a_misshapen_skdm_is_refused),
		TWO(a_chain_key_of_another_size_is_refused),
		GROUP(short_and_empty_group_messages_are_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
