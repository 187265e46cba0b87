#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/own.h"
#include "common/wa/crypto.h"
#include "common/wa/jid.h"

static struct wa_jid parse(const char *text)
{
	struct wa_jid jid;

	assert_int_equal(wa_jid_parse(text, strlen(text), &jid), 0);
	return jid;
}

static void an_address_is_read_and_written_back(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *user;
		unsigned device;
		enum wa_server server;
		const char *again; /* when it is not @text */
	} cases[] = {
		{ "5511999999999@s.whatsapp.net", "5511999999999", 0,
			WA_SERVER_PN, NULL },
		{ "5511999999999:3@s.whatsapp.net", "5511999999999", 3,
			WA_SERVER_PN, NULL },
		{ "5511999999999:0@s.whatsapp.net", "5511999999999", 0,
			WA_SERVER_PN, "5511999999999@s.whatsapp.net" },
		{ "900001:255@lid", "900001", 255, WA_SERVER_LID, NULL },
		{ "900001.0:3@lid", "900001", 3, WA_SERVER_LID,
			"900001:3@lid" },
		{ "900001_1:3@lid", "900001", 3, WA_SERVER_LID,
			"900001:3@lid" },
		{ "900001.0@lid", "900001", 0, WA_SERVER_LID, "900001@lid" },
		{ "12345:99@hosted", "12345", 99, WA_SERVER_HOSTED, NULL },
		{ "12345:99@hosted.lid", "12345", 99, WA_SERVER_HOSTED_LID,
			NULL },
		{ "120363041234567890@g.us", "120363041234567890", 0,
			WA_SERVER_GROUP, NULL },
		{ "5511999999999-1600000000@g.us", "5511999999999-1600000000",
			0, WA_SERVER_GROUP, NULL },
		{ "status@broadcast", "status", 0, WA_SERVER_BROADCAST, NULL },
		{ "1@newsletter", "1", 0, WA_SERVER_NEWSLETTER, NULL },
		{ "867051314767696@bot", "867051314767696", 0, WA_SERVER_BOT,
			NULL },
		{ "0@c.us", "0", 0, WA_SERVER_LEGACY, NULL },
		{ "x@call", "x", 0, WA_SERVER_CALL, NULL },
		{ "100:300@msgr", "100", 300, WA_SERVER_MSGR, NULL },
		{ "7-user:2@interop", "user", 2, WA_SERVER_INTEROP, NULL },
		{ "7-a-b@interop", "a-b", 0, WA_SERVER_INTEROP, NULL },
		{ "s.whatsapp.net", "", 0, WA_SERVER_PN, NULL },
		{ "@s.whatsapp.net", "", 0, WA_SERVER_PN, "s.whatsapp.net" },
		{ "@g.us", "", 0, WA_SERVER_GROUP, "g.us" },
	};
	char text[WA_JID_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_jid jid = parse(cases[i].text);

		assert_string_equal(jid.user, cases[i].user);
		assert_int_equal(jid.device, cases[i].device);
		assert_int_equal(jid.server, cases[i].server);
		assert_string_equal(wa_jid_text(&jid, text),
			cases[i].again != NULL ? cases[i].again
					       : cases[i].text);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	(void)state;
	static const char *const cases[] = { "", "@", "nobody", "a@b",
		"a@lid@lid", "a@lid ", "a b@lid", "1:@lid", "1:x@lid",
		"1:-1@lid", "1:+1@lid", "1:256@lid", "1:1:1@lid",
		"1:65536@msgr", "1:99999999999@msgr", "1:1@g.us",
		"1:1@broadcast", ":1@lid", "5-@interop", "x-a@interop",
		"1.2.3@lid",
		"123456789012345678901234567890123456789012345678@lid",
		"a\n@lid", "a\x7f@lid", "\xc3\xa9@lid" };
	struct wa_jid jid;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (wa_jid_parse(cases[i], strlen(cases[i]), &jid) == 0)
			fail_msg("\"%s\" was taken", cases[i]);
		assert_true(wa_jid_is_empty(&jid));
	}
	assert_int_equal(wa_jid_parse("a\0b@lid", 7, &jid), -1);
}

static void the_longest_user_fits(void **state)
{
	(void)state;
	const char *user = "12345678901234567890123456789012345678901234567";
	struct wa_jid jid = parse(
		"12345678901234567890123456789012345678901234567:255@lid");
	struct wa_jid cut = wa_jid_pn(
		"123456789012345678901234567890123456789012345678", 0);

	assert_string_equal(jid.user, user);
	assert_string_equal(cut.user, user);
}

static void an_agent_or_device_cannot_hide_in_a_user(void **state)
{
	(void)state;
	struct wa_jid jid;

	assert_int_equal(
		wa_jid_from_parts("1.0", 3, WA_SERVER_PN, 0, &jid), -1);
	assert_int_equal(
		wa_jid_from_parts("1:5", 3, WA_SERVER_LID, 0, &jid), -1);
	assert_int_equal(
		wa_jid_from_parts("1@2", 3, WA_SERVER_LID, 0, &jid), -1);
	assert_int_equal(wa_jid_from_parts("", 0, WA_SERVER_LID, 3, &jid), -1);
}

static void addresses_compare_by_all_parts(void **state)
{
	(void)state;
	struct wa_jid a = parse("1:2@lid"), b = parse("1:3@lid");
	struct wa_jid pn = parse("1:2@s.whatsapp.net");
	struct wa_jid bare = wa_jid_bare(&a);
	struct wa_jid moved = wa_jid_with_device(&a, 3);

	assert_false(wa_jid_equal(&a, &b));
	assert_true(wa_jid_same_user(&a, &b));
	assert_false(wa_jid_same_user(&a, &pn));
	assert_int_equal(bare.device, 0);
	assert_true(wa_jid_equal(&moved, &b));
}

static void only_people_are_users(void **state)
{
	(void)state;
	struct wa_jid server = wa_jid_server(), none = { 0 };
	struct wa_jid user = parse("1@lid"), group = parse("1@g.us");
	struct wa_jid any_group = parse("@g.us");

	assert_true(wa_jid_is_user(&user));
	assert_false(wa_jid_is_user(&server));
	assert_false(wa_jid_is_user(&group));
	assert_true(wa_jid_is_group(&group));
	assert_false(wa_jid_is_group(&any_group));
	assert_false(wa_jid_is_empty(&server));
	assert_true(wa_jid_is_empty(&none));
}

/* messages.md 13 */
static void participant_hashes_match_the_vectors(void **state)
{
	(void)state;
	static const struct {
		const char *jids[3];
		const char *hash;
	} cases[] = {
		{ { "5511999999999:3@s.whatsapp.net" }, "2:5s+YxCff" },
		{ { "5511999999999@s.whatsapp.net" }, "2:RJWVxcMQ" },
		{ { "5511988887777:14@s.whatsapp.net",
			  "7469250125917:21@s.whatsapp.net" },
			"2:AAv/hwhn" },
		{ { "7469250125917:21@s.whatsapp.net",
			  "5511988887777:14@s.whatsapp.net" },
			"2:AAv/hwhn" },
		{ { "900001@lid", "900001:3@lid", "900002@lid" },
			"2:Ppf2Jw5n" },
		{ { "900002@lid", "900001:3@lid", "900001@lid" },
			"2:Ppf2Jw5n" },
	};
	char hash[WA_PHASH_LEN];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_jid jids[3];
		size_t n = 0;

		for (; n < 3 && cases[i].jids[n] != NULL; n++)
			jids[n] = parse(cases[i].jids[n]);
		wa_phash(jids, n, hash);
		assert_string_equal(hash, cases[i].hash);
	}
}

static void a_participant_hash_sorts_the_written_forms(void **state)
{
	(void)state;
	struct wa_jid jids[] = { parse("1:2@lid"), parse("1:10@lid"),
		parse("10:1@lid") };
	char hash[WA_PHASH_LEN], expected[WA_PHASH_LEN];
	const char *text = "1.0:10@lid1.0:2@lid10.0:1@lid";
	uint8_t digest[32];

	wa_sha256(text, strlen(text), digest);
	wa_base64(digest, 6, expected + 2, sizeof(expected) - 2);
	memcpy(expected, "2:", 2);
	wa_phash(jids, 3, hash);
	assert_string_equal(hash, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_read_and_written_back),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(the_longest_user_fits),
		cmocka_unit_test(an_agent_or_device_cannot_hide_in_a_user),
		cmocka_unit_test(addresses_compare_by_all_parts),
		cmocka_unit_test(only_people_are_users),
		cmocka_unit_test(participant_hashes_match_the_vectors),
		cmocka_unit_test(a_participant_hash_sorts_the_written_forms),
	};

	wa_crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
