/* What a client may send: the members of each kind, and what becomes of them.
 */
#include "common/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/own.h"
#include "common/recipient.h"

static int check(const char *body, struct content_place place,
	struct content_out *out, struct err *err)
{
	json_error_t why;
	json_t *members = json_loads(body, JSON_REJECT_DUPLICATES, &why);
	int rc;

	if (members == NULL)
		fail_msg("%s: %s", body, why.text);
	*err = ERR_NONE;
	rc = content_check(members, &place, out, err);
	/* The text is borrowed: tests look at the JSON alone. */
	out->text = NULL;
	json_decref(members);
	return rc;
}

#define IN_GROUP .is_group = true
#define AS_STATUS .is_status = true

static void good_members_become_one_json(void **state)
{
	static const struct {
		const char *body;
		struct content_place place;
		const char *json; /* NULL: nothing but text */
	} cases[] = {
		{ "{\"text\":\"hi\"}", { .kind = MESSAGE_TEXT }, NULL },
		{ "{\"text\":\"hi\",\"preview\":true}",
			{ .kind = MESSAGE_TEXT }, NULL },
		{ "{\"text\":\"hi\",\"preview\":false}",
			{ .kind = MESSAGE_TEXT }, "{\"preview\":false}" },
		{ "{}", { .kind = MESSAGE_IMAGE }, NULL },
		{ "{\"text\":\"\"}", { .kind = MESSAGE_AUDIO }, NULL },
		{ "{\"viewOnce\":true,\"forwarded\":false}",
			{ .kind = MESSAGE_IMAGE }, "{\"viewOnce\":true}" },
		{ "{\"media\":{\"gif\":true}}", { .kind = MESSAGE_VIDEO },
			"{\"media\":{\"gif\":true}}" },
		{ "{\"media\":{\"fileName\":\"a b.pdf\"}}",
			{ .kind = MESSAGE_DOCUMENT },
			"{\"media\":{\"fileName\":\"a b.pdf\"}}" },
		{ "{\"location\":{\"longitude\":-0.1276,\"latitude\":51}}",
			{ .kind = MESSAGE_LOCATION },
			"{\"location\":{\"latitude\":51.0,"
			"\"longitude\":-0.1276}}" },
		{ "{\"location\":{\"latitude\":-90,\"longitude\":180,"
		  "\"name\":\"Pole\",\"url\":\"https://example.com/\"}}",
			{ .kind = MESSAGE_LOCATION },
			"{\"location\":{\"latitude\":-90.0,\"longitude\":180.0,"
			"\"name\":\"Pole\",\"url\":\"https://example.com/"
			"\"}}" },
		{ "{\"contacts\":[{\"name\":\"A; B\",\"phone\":"
		  "\"15550002222\"}]}",
			{ .kind = MESSAGE_CONTACT },
			"{\"contacts\":[{\"name\":\"A; B\",\"vcard\":"
			"\"BEGIN:VCARD\\nVERSION:3.0\\nN:;A\\\\; "
			"B;;;\\nFN:A\\\\; "
			"B\\nTEL;type=CELL;type=VOICE;waid=15550002222:"
			"+15550002222\\nEND:VCARD\\n\"}]}" },
		{ "{\"text\":\"q\",\"poll\":{\"options\":[\"a\",\"b\"]}}",
			{ .kind = MESSAGE_POLL },
			"{\"poll\":{\"options\":[\"a\",\"b\"],"
			"\"selectable\":1}}" },
		{ "{\"text\":\"q\",\"poll\":{\"options\":[\"a\",\"b\"],"
		  "\"selectable\":0}}",
			{ .kind = MESSAGE_POLL },
			"{\"poll\":{\"options\":[\"a\",\"b\"],"
			"\"selectable\":0}}" },
		{ "{\"text\":\"\",\"target\":{\"id\":\"3EB0AA\"}}",
			{ .kind = MESSAGE_REACTION },
			"{\"target\":{\"id\":\"3EB0AA\",\"fromMe\":false}}" },
		{ "{\"target\":{\"id\":\"A\",\"fromMe\":true,"
		  "\"participant\":\"+15550001111\"}}",
			{ .kind = MESSAGE_REVOKE, IN_GROUP },
			"{\"target\":{\"id\":\"A\",\"fromMe\":true}}" },
		{ "{\"target\":{\"id\":\"A\",\"participant\":"
		  "\"15550003333@s.whatsapp.net\"}}",
			{ .kind = MESSAGE_REVOKE, IN_GROUP },
			"{\"target\":{\"id\":\"A\",\"fromMe\":false,"
			"\"participant\":\"+15550003333\"}}" },
		{ "{\"text\":\"hi\",\"quote\":{\"id\":\"A\",\"participant\":"
		  "\"900002@lid\",\"text\":\"said\",\"messageType\":\"TEXT\"}}",
			{ .kind = MESSAGE_TEXT, IN_GROUP },
			"{\"quote\":{\"id\":\"A\",\"fromMe\":false,"
			"\"participant\":\"900002@lid\",\"text\":\"said\","
			"\"messageType\":\"TEXT\"}}" },
		{ "{\"text\":\"@1\",\"mentions\":[\"15550003333\","
		  "\"900002@lid\"],\"expiration\":86400}",
			{ .kind = MESSAGE_TEXT },
			"{\"mentions\":[\"+15550003333\",\"900002@lid\"],"
			"\"expiration\":86400}" },
		{ "{\"text\":\"hi\",\"background\":\"#FF0000\",\"font\":2,"
		  "\"audience\":[\"+15550003333\"]}",
			{ .kind = MESSAGE_TEXT, AS_STATUS },
			"{\"background\":\"#FF0000\",\"font\":2,"
			"\"audience\":[\"+15550003333\"]}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct content_out out;
		struct err err;

		if (check(cases[i].body, cases[i].place, &out, &err) != 0)
			fail_msg("%s: %s", cases[i].body, err.msg);
		if (cases[i].json == NULL)
			assert_null(out.json);
		else
			assert_string_equal(out.json, cases[i].json);
		content_out_fini(&out);
	}
}

static void bad_members_are_refused_with_their_reason(void **state)
{
	static const struct {
		const char *body;
		struct content_place place;
		const char *reason;
	} cases[] = {
		{ "{}", { .kind = MESSAGE_TEXT }, "text is required" },
		{ "{\"text\":\"\"}", { .kind = MESSAGE_TEXT },
			"must not be empty" },
		{ "{\"text\":7}", { .kind = MESSAGE_TEXT }, "must be a text" },
		{ "{\"text\":\"hi\",\"nope\":1}", { .kind = MESSAGE_TEXT },
			"nope should not exist" },
		{ "{\"text\":\"hi\",\"buttons\":[]}", { .kind = MESSAGE_TEXT },
			"Consumer WhatsApp clients do not show buttons and "
			"lists" },
		{ "{\"text\":\"hi\",\"poll\":{}}", { .kind = MESSAGE_TEXT },
			"TEXT has no poll" },
		{ "{\"text\":\"hi\",\"preview\":1}", { .kind = MESSAGE_TEXT },
			"true or false" },
		{ "{\"text\":\"hi\"}", { .kind = MESSAGE_AUDIO },
			"no caption" },
		{ "{\"text\":\"hi\"}", { .kind = MESSAGE_STICKER },
			"no caption" },
		{ "{\"text\":\"hi\"}", { .kind = MESSAGE_REVOKE },
			"REVOKE has no text" },
		{ "{\"viewOnce\":true}", { .kind = MESSAGE_STICKER },
			"no viewOnce" },
		{ "{\"media\":{\"gif\":true,\"videoNote\":true}}",
			{ .kind = MESSAGE_VIDEO }, "not both" },
		{ "{\"media\":{\"fileName\":\"a\"}}", { .kind = MESSAGE_VIDEO },
			"for a DOCUMENT" },
		{ "{\"media\":{\"size\":1}}", { .kind = MESSAGE_VIDEO },
			"should not exist: size" },
		{ "{}", { .kind = MESSAGE_LOCATION }, "location is required" },
		{ "{\"location\":{\"latitude\":90.1,\"longitude\":0}}",
			{ .kind = MESSAGE_LOCATION }, "latitude" },
		{ "{\"location\":{\"latitude\":0}}",
			{ .kind = MESSAGE_LOCATION }, "longitude" },
		{ "{\"location\":{\"latitude\":0,\"longitude\":0,"
		  "\"live\":true}}",
			{ .kind = MESSAGE_LOCATION }, "live locations" },
		{ "{\"location\":{\"latitude\":0,\"longitude\":0,"
		  "\"url\":\"javascript:1\"}}",
			{ .kind = MESSAGE_LOCATION }, "http or https" },
		{ "{\"contacts\":[]}", { .kind = MESSAGE_CONTACT }, "1 to 10" },
		{ "{\"contacts\":[{\"name\":\"A\"}]}",
			{ .kind = MESSAGE_CONTACT },
			"either a phone or a vcard" },
		{ "{\"contacts\":[{\"name\":\"A\",\"phone\":\"1\"}]}",
			{ .kind = MESSAGE_CONTACT }, "phone numbers" },
		{ "{\"contacts\":[{\"name\":\"A\\nB\",\"phone\":"
		  "\"15550002222\"}]}",
			{ .kind = MESSAGE_CONTACT }, "without line breaks" },
		{ "{\"contacts\":[{\"name\":\"A\",\"vcard\":\"hello\"}]}",
			{ .kind = MESSAGE_CONTACT }, "must be a vCard" },
		{ "{\"text\":\"q\",\"poll\":{\"options\":[\"a\"]}}",
			{ .kind = MESSAGE_POLL }, "2 to 12" },
		{ "{\"text\":\"q\",\"poll\":{\"options\":[\"a\",\"a\"]}}",
			{ .kind = MESSAGE_POLL }, "must be different" },
		{ "{\"text\":\"q\",\"poll\":{\"options\":[\"a\",\"\"]}}",
			{ .kind = MESSAGE_POLL }, "an option" },
		{ "{\"text\":\"q\",\"poll\":{\"options\":[\"a\",\"b\"],"
		  "\"selectable\":3}}",
			{ .kind = MESSAGE_POLL }, "selectable" },
		{ "{\"poll\":{\"options\":[\"a\",\"b\"]}}",
			{ .kind = MESSAGE_POLL }, "text is required" },
		{ "{\"text\":\"x\"}", { .kind = MESSAGE_REACTION },
			"target is required" },
		{ "{\"text\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\","
		  "\"target\":{\"id\":\"A\"}}",
			{ .kind = MESSAGE_REACTION }, "one emoji" },
		{ "{\"text\":\"x\",\"target\":{\"id\":\"A\"}}",
			{ .kind = MESSAGE_REACTION, IN_GROUP }, "participant" },
		{ "{\"text\":\"x\",\"target\":{\"id\":\"A B\"}}",
			{ .kind = MESSAGE_REACTION }, "WhatsApp id" },
		{ "{\"text\":\"x\",\"target\":{\"id\":\"A\"}}",
			{ .kind = MESSAGE_EDIT }, "only own messages" },
		{ "{\"target\":{\"id\":\"A\"}}", { .kind = MESSAGE_REVOKE },
			"only own messages" },
		{ "{\"text\":\"x\",\"quote\":{\"messageId\":\"A\"}}",
			{ .kind = MESSAGE_TEXT },
			"should not exist: messageId" },
		{ "{\"text\":\"x\",\"quote\":{\"id\":\"A\",\"messageType\":"
		  "\"NOPE\"}}",
			{ .kind = MESSAGE_TEXT }, "messageType" },
		{ "{\"text\":\"x\",\"mentions\":[\"bob\"]}",
			{ .kind = MESSAGE_TEXT }, "mentions must hold" },
		{ "{\"text\":\"x\",\"expiration\":-1}",
			{ .kind = MESSAGE_TEXT }, "expiration" },
		{ "{\"text\":\"x\",\"background\":\"#FF0000\"}",
			{ .kind = MESSAGE_TEXT }, "for a status" },
		{ "{\"text\":\"x\",\"background\":\"red\"}",
			{ .kind = MESSAGE_TEXT, AS_STATUS }, "a colour" },
		{ "{\"text\":\"x\",\"audience\":[\"900002@lid\"]}",
			{ .kind = MESSAGE_TEXT, AS_STATUS }, "phone numbers" },
		{ "{}", { .kind = MESSAGE_DOCUMENT, AS_STATUS },
			"a status cannot be" },
		{ "{}", { .kind = MESSAGE_POLL_VOTE }, "cannot be sent" },
		{ "{}", { .kind = MESSAGE_OTHER }, "cannot be sent" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct content_out out;
		struct err err;

		assert_int_equal(
			check(cases[i].body, cases[i].place, &out, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_null(out.json);
		if (strstr(err.msg, cases[i].reason) == NULL)
			fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].body,
				err.msg, cases[i].reason);
	}
}

/* ---- bounds ---- */

static char *repeat(const char *piece, size_t n)
{
	const size_t length = strlen(piece);
	char *text = xcalloc(1, n * length + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(text + i * length, piece, length);
	return text;
}

static int check_text_of(
	enum message_kind kind, const char *piece, size_t n, struct err *err)
{
	scoped(str_free) char *text = repeat(piece, n);
	json_t *members = json_pack("{s:s}", "text", text);
	const struct content_place place = { .kind = kind };
	struct content_out out;
	int rc;

	if (kind == MESSAGE_POLL)
		json_object_set_new(members, "poll",
			json_pack("{s:[s,s]}", "options", "a", "b"));
	*err = ERR_NONE;
	rc = content_check(members, &place, &out, err);
	content_out_fini(&out);
	json_decref(members);
	return rc;
}

static void texts_are_bounded_for_their_kind(void **state)
{
	static const struct {
		enum message_kind kind;
		const char *piece;
		size_t most;
	} cases[] = {
		{ MESSAGE_TEXT, "x", 65536 },
		{ MESSAGE_TEXT, "\xc3\xa9", 32768 },
		{ MESSAGE_IMAGE, "\xc3\xa9", 1024 },
		{ MESSAGE_DOCUMENT, "x", 1024 },
		{ MESSAGE_POLL, "\xc3\xa9", 255 },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(check_text_of(cases[i].kind, cases[i].piece,
					 cases[i].most, &err),
			0);
		assert_int_equal(check_text_of(cases[i].kind, cases[i].piece,
					 cases[i].most + 1, &err),
			-1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void a_vcard_is_bounded_in_bytes(void **state)
{
	scoped(str_free) char *filler = repeat("x", CONTENT_VCARD_MAX);
	const struct content_place place = { .kind = MESSAGE_CONTACT };

	(void)state;
	for (int over = 0; over <= 1; over++) {
		scoped(str_free) char *card =
			xasprintf("BEGIN:VCARD\n%.*s\nEND:VCARD",
				CONTENT_VCARD_MAX - 22 + over, filler);
		json_t *members = json_pack("{s:[{s:s, s:s}]}", "contacts",
			"name", "A", "vcard", card);
		struct content_out out;
		struct err err = ERR_NONE;

		assert_int_equal(strlen(card), CONTENT_VCARD_MAX + over);
		assert_int_equal(
			content_check(members, &place, &out, &err), -over);
		content_out_fini(&out);
		json_decref(members);
	}
}

static void a_quoted_text_is_cut_between_characters(void **state)
{
	scoped(str_free) char *text = repeat("\xe2\x82\xac", 400);
	scoped(str_free) char *cut = content_cut(text, CONTENT_QUOTE_MAX);
	scoped(str_free) char *whole = content_cut("abc", 3);

	(void)state;
	assert_int_equal(strlen(cut), 1023);
	assert_memory_equal(cut, text, 1023);
	assert_string_equal(whole, "abc");
}

static void what_no_client_shows_says_so(void **state)
{
	static const char *const hidden[] = { "BUTTONS", "LIST", "TEMPLATE",
		"PRODUCT" };
	static const char *const unknown[] = { "", "text", "POLL_VOTE", "OTHER",
		"BUTTON_REPLY", "GROUP_INVITE", "NOPE" };
	enum message_kind kind;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(content_kind(hidden[i], &kind, &err), -1);
		assert_string_equal(err.msg,
			"Consumer WhatsApp clients do not show buttons and "
			"lists");
	}
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(content_kind(unknown[i], &kind, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
	assert_int_equal(content_kind("REVOKE", &kind, NULL), 0);
	assert_int_equal(kind, MESSAGE_REVOKE);
}

static void a_recipient_is_a_phone_a_lid_or_a_group(void **state)
{
	static const struct {
		const char *text;
		unsigned kinds;
		const char *jid, *name; /* NULL: refused */
	} cases[] = {
		{ "+15550002222", RECIPIENT_PERSON,
			"15550002222@s.whatsapp.net", "+15550002222" },
		{ "15550002222@s.whatsapp.net", RECIPIENT_PERSON,
			"15550002222@s.whatsapp.net", "+15550002222" },
		{ "15550002222:7@s.whatsapp.net", RECIPIENT_PERSON,
			"15550002222@s.whatsapp.net", "+15550002222" },
		{ "15550002222@c.us", RECIPIENT_PERSON,
			"15550002222@s.whatsapp.net", "+15550002222" },
		{ "900002@lid", RECIPIENT_PERSON, "900002@lid", "900002@lid" },
		{ "120363012345678901@g.us", RECIPIENT_GROUP,
			"120363012345678901@g.us", "120363012345678901@g.us" },
		{ "900002@lid", RECIPIENT_PHONE, NULL, NULL },
		{ "120363012345678901@g.us", RECIPIENT_PERSON, NULL, NULL },
		{ "+15550002222", RECIPIENT_GROUP, NULL, NULL },
		{ "status@broadcast", RECIPIENT_PERSON | RECIPIENT_GROUP, NULL,
			NULL },
		{ "@lid", RECIPIENT_PERSON, NULL, NULL },
		{ "abc@s.whatsapp.net", RECIPIENT_PERSON, NULL, NULL },
		{ "+1 555", RECIPIENT_PERSON, NULL, NULL },
		{ "", RECIPIENT_PERSON, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct recipient out;
		int rc = recipient_parse(cases[i].text, strlen(cases[i].text),
			cases[i].kinds, &out);

		if (cases[i].jid == NULL) {
			assert_int_equal(rc, -1);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_string_equal(out.jid, cases[i].jid);
		assert_string_equal(out.name, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_members_become_one_json),
		cmocka_unit_test(bad_members_are_refused_with_their_reason),
		cmocka_unit_test(texts_are_bounded_for_their_kind),
		cmocka_unit_test(a_vcard_is_bounded_in_bytes),
		cmocka_unit_test(a_quoted_text_is_cut_between_characters),
		cmocka_unit_test(what_no_client_shows_says_so),
		cmocka_unit_test(a_recipient_is_a_phone_a_lid_or_a_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
