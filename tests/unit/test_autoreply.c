/* Which text a rule fits, which message is answered, and what a reply costs. */
#include "common/autoreply.h"

#include "common/bus.h"
#include "common/log.h"
#include "common/send.h"
#include "tests/unit/safety_config.h"
#include "tests/unit/store_fixture.h"

#define CHAT "15550002222@s.whatsapp.net"
#define MESSAGE_ID "00000000-0000-7000-8000-0000000000aa"

/* ---- matching ---- */

static void each_kind_of_trigger_looks_where_it_says(void **state)
{
	static const struct {
		const char *text;
		bool contains, exact, starts, ends;
	} table[] = {
		{ "price", true, true, true, true },
		{ "price list", true, false, true, false },
		{ "the price", true, false, false, true },
		{ "a price tag", true, false, false, false },
		{ "pric", false, false, false, false },
		{ "pri ce", false, false, false, false },
		{ "", false, false, false, false },
		{ "priceprice", true, false, true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *t = table[i].text;

		assert_int_equal(
			autoreply_matches(TRIGGER_CONTAINS, "price", t),
			table[i].contains);
		assert_int_equal(autoreply_matches(TRIGGER_EXACT, "price", t),
			table[i].exact);
		assert_int_equal(
			autoreply_matches(TRIGGER_STARTS_WITH, "price", t),
			table[i].starts);
		assert_int_equal(
			autoreply_matches(TRIGGER_ENDS_WITH, "price", t),
			table[i].ends);
	}
}

static void letter_case_and_white_space_around_do_not_count(void **state)
{
	static const struct {
		const char *trigger, *text;
		bool fits;
	} table[] = {
		{ "Price", "pRICE", true },
		{ "  price\t", "\r\n price  ", true },
		{ "price", "\xC2\xA0price\xE2\x80\x83", true }, /* nbsp, em */
		{ "pri ce", "pri  ce", false },		  /* inside it counts */
		{ "\xC3\x84pfel", "\xC3\xA4PFEL", true }, /* A umlaut */
		{ "\xCE\xA3\xCE\x9F\xCE\xA3", "\xCF\x83\xCE\xBF\xCF\x82",
			true }, /* sigma, final sigma */
		{ "\xD0\xA6\xD0\x95\xD0\x9D\xD0\x90",
			"\xD1\x86\xD0\xB5\xD0\xBD\xD0\xB0", true }, /* tsena */
		{ "\xF0\x90\x90\x80", "\xF0\x90\x90\xA8", true }, /* Deseret */
		{ "\xE4\xBD\xA0\xE5\xA5\xBD", "\xE4\xBD\xA0\xE5\xA5\xBD",
			true },
		{ "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80", true },
		{ "a", "\xC3\xA4", false },
		{ "", "", false },
		{ " ", " ", false },
		{ " \xE2\x80\x83", "x", false },
		/* Bytes that are no UTF-8 fit themselves alone. */
		{ "\xFF", "\xFF", true },
		{ "\xC3", "\xC3", true },
		{ "\xFF", "\xFE", false },
		{ "\xED\xA0\x80z", "\xED\xA0\x80Z", true },
		{ "\xC0\xA0", " ", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (autoreply_matches(TRIGGER_EXACT, table[i].trigger,
			    table[i].text) != table[i].fits)
			fail_msg("row %zu", i);
	}
	assert_true(autoreply_is_blank(" \t\r\n\xC2\xA0\xE3\x80\x80"));
	assert_true(autoreply_is_blank(""));
	assert_false(autoreply_is_blank(" x "));
}

/* ---- answering ---- */

static struct config reply_config(void)
{
	struct config config = safety_config();

	config.auto_reply.per_chat_hourly = 3;
	config.auto_reply.max_age_sec = 3600;
	return config;
}

static void add_rule(struct fixture *f, enum auto_reply_trigger trigger,
	const char *value, const char *reply, bool is_enabled)
{
	char id[UUID_LEN];
	struct auto_reply rule = { .public_id = id,
		.account_id = f->account_id,
		.device_id = f->device_id,
		.position = -1,
		.trigger = trigger,
		.trigger_value = value,
		.reply_text = reply,
		.is_enabled = is_enabled };
	struct tx *tx = begin(f);

	id_uuid7(id);
	assert_int_equal(
		store_auto_reply_create(tx, &rule, NOW_MS, &f->err), 0);
	commit(f, tx);
}

static struct message received(struct fixture *f, const char *text)
{
	return (struct message){ .public_id = MESSAGE_ID,
		.account_id = f->account_id,
		.device_id = f->device_id,
		.direction = MESSAGE_IN,
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_API,
		.wa_id = "A1",
		.chat = CHAT,
		.sender = CHAT,
		.phone = "15550002222",
		.text = text,
		.created_ms = NOW_MS,
		.wa_ms = NOW_MS };
}

/* The text of the reply, or NULL.  The caller frees. */
static char *answer_with(struct fixture *f, const struct config *config,
	const struct message *message)
{
	Bus__Envelope *job = NULL;
	struct tx *tx = begin(f);
	char *text = NULL;

	f->err = ERR_NONE;
	assert_int_equal(autoreply_answer(tx, config, f->uid, message, NOW_MS,
				 &job, &f->err),
		0);
	commit(f, tx);
	if (job != NULL)
		text = xstrdup(job->send_job->text);
	bus_envelope_free(&job);
	return text;
}

static void assert_answer(
	struct fixture *f, const struct message *message, const char *expected)
{
	struct config config = reply_config();
	scoped(str_free) char *text = answer_with(f, &config, message);

	if (expected == NULL)
		assert_null(text);
	else
		assert_string_equal(text != NULL ? text : "(none)", expected);
}

static void a_fitting_message_is_answered_once_in_its_chat(void **state)
{
	struct fixture *f = *state;
	struct config config = reply_config();
	struct message message = received(f, "the PRICE?");
	Bus__Envelope *job = NULL;
	struct tx *tx;

	add_rule(f, TRIGGER_CONTAINS, "price", "from $15.99", true);
	tx = begin(f);
	assert_int_equal(autoreply_answer(tx, &config, f->uid, &message, NOW_MS,
				 &job, &f->err),
		0);
	commit(f, tx);
	assert_non_null(job);
	assert_string_equal(job->device_uid, f->uid);
	assert_string_equal(job->send_job->chat, CHAT);
	assert_string_equal(job->send_job->text, "from $15.99");
	assert_int_equal(job->send_job->kind, MESSAGE_TEXT);
	assert_int_equal(job->send_job->device_seq, 1);
	bus_envelope_free(&job);
	/* The same message again, by a redelivery that nobody noticed. */
	assert_answer(f, &message, NULL);
}

static int on_reply(const struct message *message, void *arg)
{
	int *n = arg;

	(*n)++;
	assert_int_equal(message->source, MESSAGE_BY_AUTO_REPLY);
	assert_int_equal(message->status, MESSAGE_QUEUED);
	assert_int_equal(message->direction, MESSAGE_OUT);
	return 0;
}

static void the_reply_is_found_by_the_message_it_answers(void **state)
{
	struct fixture *f = *state;
	struct message message = received(f, "price");
	int n = 0;

	add_rule(f, TRIGGER_EXACT, "price", "from $15.99", true);
	assert_answer(f, &message, "from $15.99");
	assert_int_equal(
		store_message_by_client_id(f->store, f->device_id,
			SEND_OWN_ID "auto:" MESSAGE_ID, on_reply, &n, &f->err),
		0);
	assert_int_equal(n, 1);
}

static void the_first_enabled_rule_that_fits_answers(void **state)
{
	struct fixture *f = *state;
	struct message message = received(f, "the price");

	add_rule(f, TRIGGER_EXACT, "price", "exact", true);
	add_rule(f, TRIGGER_CONTAINS, "price", "off", false);
	add_rule(f, TRIGGER_ENDS_WITH, "price", "second", true);
	add_rule(f, TRIGGER_CONTAINS, "price", "third", true);
	assert_answer(f, &message, "second");
}

static void a_reply_is_a_template(void **state)
{
	struct fixture *f = *state;
	struct message message = received(f, "price");

	add_rule(f, TRIGGER_EXACT, "price", "{Hi|Hi} there, {nobody}!", true);
	assert_answer(f, &message, "Hi there, {nobody}!");
}

static void a_chat_of_which_only_a_lid_is_known_is_answered_there(void **state)
{
	struct fixture *f = *state;
	struct config config = reply_config();
	struct message message = received(f, "price");
	Bus__Envelope *job = NULL;
	struct tx *tx;

	add_rule(f, TRIGGER_EXACT, "price", "reply", true);
	message.chat = message.sender = "987654321@lid";
	message.phone = NULL;
	message.lid = "987654321";
	tx = begin(f);
	assert_int_equal(autoreply_answer(tx, &config, f->uid, &message, NOW_MS,
				 &job, &f->err),
		0);
	commit(f, tx);
	assert_non_null(job);
	assert_string_equal(job->send_job->chat, "987654321@lid");
	bus_envelope_free(&job);
}

static void what_is_no_question_in_a_chat_of_two_gets_no_answer(void **state)
{
	static const struct {
		const char *chat, *text;
		enum message_kind kind;
		enum message_source source;
		int64_t age_ms;
		bool answered;
	} table[] = {
		{ CHAT, "price", MESSAGE_TEXT, MESSAGE_BY_API, 0, true },
		{ CHAT, "price", MESSAGE_IMAGE, MESSAGE_BY_API, 0, true },
		{ CHAT, "price", MESSAGE_VIDEO, MESSAGE_BY_API, 0, true },
		{ CHAT, "price", MESSAGE_DOCUMENT, MESSAGE_BY_API, 0, true },
		{ CHAT, "price", MESSAGE_TEXT, MESSAGE_BY_API, 3600000, true },
		{ CHAT, "price", MESSAGE_TEXT, MESSAGE_BY_API, 3600001, false },
		{ CHAT, "price", MESSAGE_TEXT, MESSAGE_BY_API, -60000, true },
		{ CHAT, NULL, MESSAGE_IMAGE, MESSAGE_BY_API, 0, false },
		{ CHAT, "", MESSAGE_TEXT, MESSAGE_BY_API, 0, false },
		{ CHAT, "price", MESSAGE_TEXT, MESSAGE_BY_PHONE, 0, false },
		{ CHAT, "price", MESSAGE_TEXT, MESSAGE_BY_HISTORY, 0, false },
		{ CHAT, "price", MESSAGE_REACTION, MESSAGE_BY_API, 0, false },
		{ CHAT, "price", MESSAGE_EDIT, MESSAGE_BY_API, 0, false },
		{ CHAT, "price", MESSAGE_REVOKE, MESSAGE_BY_API, 0, false },
		{ CHAT, "price", MESSAGE_POLL, MESSAGE_BY_API, 0, false },
		{ CHAT, "price", MESSAGE_BUTTON_REPLY, MESSAGE_BY_API, 0,
			false },
		{ CHAT, "price", MESSAGE_OTHER, MESSAGE_BY_API, 0, false },
		{ "120363@g.us", "price", MESSAGE_TEXT, MESSAGE_BY_API, 0,
			false },
		{ "status@broadcast", "price", MESSAGE_TEXT, MESSAGE_BY_API, 0,
			false },
		{ "120363@newsletter", "price", MESSAGE_TEXT, MESSAGE_BY_API, 0,
			false },
		{ "no jid", "price", MESSAGE_TEXT, MESSAGE_BY_API, 0, false },
	};
	struct fixture *f = *state;
	struct config config = reply_config();

	config.auto_reply.per_chat_hourly = 100;
	config.safety.minute_limit = 100;
	add_rule(f, TRIGGER_EXACT, "price", "reply", true);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct message message = received(f, table[i].text);
		scoped(str_free) char *text = NULL;
		char id[UUID_LEN];

		id_uuid7(id);
		message.public_id = id;
		message.chat = table[i].chat;
		message.kind = table[i].kind;
		message.source = table[i].source;
		message.wa_ms = NOW_MS - table[i].age_ms;
		text = answer_with(f, &config, &message);
		if ((text != NULL) != table[i].answered)
			fail_msg("row %zu", i);
	}
}

static void assert_answers(struct fixture *f, const struct config *config,
	const char *chat, bool expected)
{
	struct message message = received(f, "price");
	scoped(str_free) char *text = NULL;
	char id[UUID_LEN];

	id_uuid7(id);
	message.public_id = id;
	message.chat = message.sender = chat;
	text = answer_with(f, config, &message);
	assert_int_equal(text != NULL, expected);
}

static void a_chat_gets_so_many_replies_an_hour_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct config config = reply_config();

	add_rule(f, TRIGGER_EXACT, "price", "reply", true);
	for (int i = 0; i < 3; i++)
		assert_answers(f, &config, CHAT, true);
	assert_answers(f, &config, CHAT, false);
	assert_answers(f, &config, "15550003333@s.whatsapp.net", true);
}

static void what_is_refused_counts_for_nothing(void **state)
{
	struct fixture *f = *state;
	struct config config = reply_config();
	struct budget budget;

	add_rule(f, TRIGGER_EXACT, "price", "reply", true);
	config.safety.minute_limit = 0;
	for (int i = 0; i < 5; i++)
		assert_answers(f, &config, CHAT, false);
	assert_int_equal(store_budget_get(f->store, f->device_id, NOW_MS,
				 &budget, &f->err),
		0);
	assert_int_equal(budget.day_sent, 0);
	config.safety.minute_limit = 5;
	for (int i = 0; i < 3; i++)
		assert_answers(f, &config, CHAT, true);
	assert_int_equal(store_budget_get(f->store, f->device_id, NOW_MS,
				 &budget, &f->err),
		0);
	assert_int_equal(budget.day_sent, 3);
	assert_int_equal(budget.minute_sent, 3);
}

static void a_device_that_is_not_linked_does_not_answer(void **state)
{
	struct fixture *f = *state;
	struct config config = reply_config();
	struct device_state logged_out = { .status = DEVICE_LOGGED_OUT };
	struct tx *tx = begin(f);

	assert_int_equal(
		store_device_set_state(tx, f->device_id, &logged_out, &f->err),
		0);
	commit(f, tx);
	add_rule(f, TRIGGER_EXACT, "price", "reply", true);
	assert_answers(f, &config, CHAT, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_trigger_looks_where_it_says),
		cmocka_unit_test(
			letter_case_and_white_space_around_do_not_count),
		STORE_TEST(a_fitting_message_is_answered_once_in_its_chat),
		STORE_TEST(the_reply_is_found_by_the_message_it_answers),
		STORE_TEST(the_first_enabled_rule_that_fits_answers),
		STORE_TEST(a_reply_is_a_template),
		STORE_TEST(
			a_chat_of_which_only_a_lid_is_known_is_answered_there),
		STORE_TEST(what_is_no_question_in_a_chat_of_two_gets_no_answer),
		STORE_TEST(a_chat_gets_so_many_replies_an_hour_and_no_more),
		STORE_TEST(what_is_refused_counts_for_nothing),
		STORE_TEST(a_device_that_is_not_linked_does_not_answer),
	};

	log_open("test", NULL, LOG_LVL_ERROR, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
