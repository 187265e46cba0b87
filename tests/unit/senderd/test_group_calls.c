/* What apid asks about groups, and what the server is asked for it.  calls.c is
 * left out: a call here is its parameters and, once it has ended, its result.
 */
#include "tests/unit/senderd/fake_group.h"

#include "common/phone.h"
#include "senderd/whatsapp/calls.h"

struct call {
	json_t *params;
};

/* How the last call ended. */
static json_t *result;
static enum err_code refusal;
static int n_ended;

static void call_end(struct call **callp)
{
	struct call *call = *callp;

	*callp = NULL;
	json_decref(call->params);
	free(call);
	n_ended++;
}

void call_done(struct lane *lane, struct call **callp, json_t *json)
{
	(void)lane;
	call_end(callp);
	result = json != NULL ? json : json_object();
}

void call_fail(struct lane *lane, struct call **callp, enum err_code code,
	const char *fmt, ...)
{
	(void)lane;
	(void)fmt;
	call_end(callp);
	refusal = code;
}

void call_fail_answer(
	struct lane *lane, struct call **callp, const struct wa_node *answer)
{
	int code = 0;

	(void)lane;
	iq_is_error(answer, &code);
	call_end(callp);
	refusal = answer == NULL ? ERR_TIMEOUT
		  : code == 403	 ? ERR_FORBIDDEN
				 : ERR_INTERNAL;
}

const json_t *call_param(const struct call *call, const char *key)
{
	return json_object_get(call->params, key);
}

const char *call_text(const struct call *call, const char *key)
{
	return json_string_value(call_param(call, key));
}

int call_jid(struct lane *lane, const char *text, struct wa_jid *out,
	struct err *err)
{
	char digits[PHONE_LEN];

	(void)lane;
	if (text != NULL && phone_parse(text, strlen(text), digits) == 0) {
		*out = wa_jid_pn(digits, 0);
		return 0;
	}
	if (text != NULL && wa_jid_parse(text, strlen(text), out) == 0)
		return 0;
	return err_set(err, ERR_INVALID, "no address");
}

/* ---- one call ---- */

static void call(struct fake *fake, const char *name, const char *params)
{
	struct call *one = xcalloc(1, sizeof *one);
	const struct call_method *method = group_calls;

	json_decref(result);
	result = NULL;
	refusal = ERR_OK;
	n_ended = 0;
	one->params = json_loads(params, 0, NULL);
	assert_non_null(one->params);
	while (method->name != NULL && strcmp(method->name, name) != 0)
		method++;
	assert_non_null(method->name);
	method->fn(&fake->lane, one);
	fake_run(fake);
}

static int calls_teardown(void **state)
{
	json_decref(result);
	result = NULL;
	return group_teardown(state);
}

/* The request that waits for an answer: its child with @tag. */
static const struct wa_node *asked(
	struct fake *fake, const char *type, const char *to, const char *tag)
{
	const struct fake_question *question = fake_question(fake);

	assert_non_null(question);
	assert_string_equal(wa_node_str(question->iq, "xmlns"), "w:g2");
	assert_string_equal(wa_node_str(question->iq, "type"), type);
	assert_string_equal(wa_node_str(question->iq, "to"), to);
	return wa_node_child(question->iq, tag);
}

static const char *member_text(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

#define JID "{\"jid\":\"" GROUP "\""

/* ---- tests ---- */

static void a_group_is_shown_with_everybody_in_it(void **state)
{
	struct fake *fake = *state;
	const json_t *person = NULL;

	call(fake, "groups.get", JID "}");
	assert_non_null(asked(fake, "get", GROUP, "query"));
	fake_settle(fake, group_of_friends(fake, true));
	assert_int_equal(n_ended, 1);
	assert_string_equal(member_text(result, "id"), GROUP);
	assert_string_equal(member_text(result, "subject"), "Friends");
	assert_string_equal(member_text(result, "addressingMode"), "lid");
	assert_string_equal(member_text(result, "owner"), "+" OWN_PN);
	assert_string_equal(
		member_text(result, "createdAt"), "2023-11-14T22:13:20.000Z");
	assert_int_equal(
		json_integer_value(json_object_get(result, "size")), 3);
	assert_true(json_is_false(json_object_get(result, "announcement")));
	person = json_array_get(json_object_get(result, "participants"), 0);
	assert_string_equal(member_text(person, "id"), CAROL_LID "@lid");
	assert_string_equal(member_text(person, "phone"), "+" CAROL_PN);
	assert_string_equal(member_text(person, "lid"), CAROL_LID);
	assert_string_equal(member_text(person, "role"), "member");
}

static void what_the_server_refuses_is_refused(void **state)
{
	static const struct {
		int code;
		enum err_code refusal;
	} cases[] = { { 403, ERR_FORBIDDEN }, { 404, ERR_NOT_FOUND },
		{ 0, ERR_TIMEOUT } };
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		call(fake, "groups.get", JID "}");
		fake_answer(fake, cases[i].code != 0
					  ? iq_error(fake, cases[i].code)
					  : NULL);
		assert_int_equal(refusal, cases[i].refusal);
		assert_int_equal(n_ended, 1);
	}
}

static void wrong_parameters_ask_nothing(void **state)
{
	static const struct {
		const char *method, *params;
	} cases[] = {
		{ "groups.get", "{}" },
		{ "groups.get", "{\"jid\":\"+15550001111\"}" },
		{ "groups.create", "{\"participants\":[\"+15550002222\"]}" },
		{ "groups.create", "{\"subject\":\"x\"}" },
		{ "groups.create", "{\"subject\":\"x\",\"participants\":[]}" },
		{ "groups.create",
			"{\"subject\":\"x\",\"participants\":[\"Bob\"]}" },
		{ "groups.create",
			"{\"subject\":\"x\",\"participants\":[\"" GROUP
			"\"]}" },
		{ "groups.create",
			"{\"subject\":\"\",\"participants\":[\"+15550002222\"]"
			"}" },
		{ "groups.update", JID "}" },
		{ "groups.update", JID ",\"subject\":\"\"}" },
		{ "groups.update", JID ",\"subject\":7}" },
		{ "groups.update", JID ",\"locked\":\"yes\"}" },
		{ "groups.update", JID ",\"expiration\":5}" },
		{ "groups.update", JID ",\"memberAddMode\":\"nobody\"}" },
		{ "groups.participants",
			JID ",\"action\":\"kick\",\"participants\":["
			    "\"+15550002222\"]}" },
		{ "groups.participants", JID ",\"action\":\"add\"}" },
		{ "groups.decide", JID ",\"action\":\"add\",\"participants\":["
				       "\"+15550002222\"]}" },
		{ "groups.join", "{\"code\":\"\"}" },
		{ "groups.join", "{\"code\":\"a b\"}" },
		{ "groups.inviteInfo", "{}" },
		{ "groups.leave", "{\"jid\":\"g.us\"}" },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = fake->n_questions;

		call(fake, cases[i].method, cases[i].params);
		assert_int_equal(n_ended, 1);
		assert_int_equal(refusal, ERR_INVALID);
		assert_int_equal(fake->n_questions, n);
	}
}

static void all_groups_are_listed_without_their_members(void **state)
{
	struct fake *fake = *state;
	struct wa_node *groups = wa_node_new(fake->arena, "groups");
	const json_t *list = NULL;

	call(fake, "groups.list", "{}");
	assert_non_null(asked(fake, "get", "g.us", "participating"));
	wa_node_append(groups, group_of_friends(fake, true));
	wa_node_add(groups, "group"); /* without an id: left out */
	fake_answer(fake, iq_of(fake, groups));
	list = json_object_get(result, "groups");
	assert_int_equal(json_array_size(list), 1);
	assert_null(json_object_get(json_array_get(list, 0), "participants"));
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(list, 0), "size")),
		3);
	assert_true(json_is_false(json_object_get(result, "hasMore")));
}

static void participants_are_named_by_lid_and_number(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *create = NULL, *person = NULL;
	struct wa_node *answer = NULL, *refused = NULL;
	const json_t *outcome = NULL;
	struct wa_jid lid = wa_jid_lid(CAROL_LID, 0);

	call(fake, "groups.create",
		"{\"subject\":\"Friends\",\"participants\":[\"+" BOB_PN
		"\",\"+" CAROL_PN "\",\"+15550009999\"]}");
	fake_answer_devices(fake); /* their LIDs first */
	create = asked(fake, "set", "g.us", "create");
	assert_string_equal(wa_node_str(create, "subject"), "Friends");
	person = create->child;
	assert_string_equal(wa_node_str(person, "jid"), BOB_LID "@lid");
	assert_string_equal(
		wa_node_str(person, "phone_number"), BOB_PN "@s.whatsapp.net");
	assert_string_equal(person->next->tag, "participant");
	assert_string_not_equal(person->next->next->tag, "participant");

	answer = group_node(fake, true, &bob, 1);
	refused = wa_node_add(answer, "participant");
	wa_node_set_jid(refused, "jid", &lid);
	wa_node_set(refused, "error", "403");
	wa_node_set(wa_node_add(refused, "add_request"), "code", "INVITE");
	fake_answer(fake, iq_of(fake, answer));
	assert_string_equal(member_text(result, "id"), GROUP);
	assert_int_equal(
		json_array_size(json_object_get(result, "participants")), 2);
	outcome = json_array_get(json_object_get(result, "outcomes"), 0);
	assert_string_equal(member_text(outcome, "status"), "ok");
	outcome = json_array_get(json_object_get(result, "outcomes"), 1);
	assert_string_equal(member_text(outcome, "status"), "invited");
	assert_string_equal(member_text(outcome, "inviteCode"), "INVITE");
	outcome = json_array_get(json_object_get(result, "outcomes"), 2);
	assert_string_equal(member_text(outcome, "status"), "error");
	assert_int_equal(
		json_integer_value(json_object_get(outcome, "code")), 404);
	assert_string_equal(member_text(outcome, "phone"), "+15550009999");
}

static void a_group_of_nobody_is_not_made(void **state)
{
	struct fake *fake = *state;

	call(fake, "groups.create",
		"{\"subject\":\"x\",\"participants\":[\"+15550009999\"]}");
	fake_answer_devices(fake);
	assert_int_equal(refusal, ERR_NOT_FOUND);
	assert_null(fake_question(fake));
	call(fake, "groups.create",
		"{\"subject\":\"x\",\"participants\":[\"+15550009998\"]}");
	fake_answer(fake, NULL);
	assert_int_equal(refusal, ERR_TIMEOUT);
}

static void every_change_of_members_tells_what_became_of_each(void **state)
{
	static const struct {
		const char *method, *action;
		const char *parent; /* of the verb, or NULL */
	} cases[] = {
		{ "groups.participants", "add", NULL },
		{ "groups.participants", "remove", NULL },
		{ "groups.participants", "promote", NULL },
		{ "groups.participants", "demote", NULL },
		{ "groups.decide", "approve", "membership_requests_action" },
		{ "groups.decide", "reject", "membership_requests_action" },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wa_node *answer = NULL, *change = NULL;
		const struct wa_node *ask = NULL;
		const json_t *list = NULL;
		char params[160];

		snprintf(params, sizeof params,
			JID ",\"action\":\"%s\",\"participants\":[\"" BOB_LID
			    "@lid\",\"" CAROL_LID "@lid\"]}",
			cases[i].action);
		call(fake, cases[i].method, params);
		ask = asked(fake, "set", GROUP,
			cases[i].parent != NULL ? cases[i].parent
						: cases[i].action);
		if (cases[i].parent != NULL)
			ask = wa_node_child(ask, cases[i].action);
		assert_int_equal(wa_node_n_children(ask), 2);
		change = answer = wa_node_new(
			fake->arena, cases[i].parent != NULL ? cases[i].parent
							     : cases[i].action);
		if (cases[i].parent != NULL)
			change = wa_node_add(answer, cases[i].action);
		participant_add(change, true, &bob);
		fake_answer(fake, iq_of(fake, answer));
		list = json_object_get(result, "participants");
		assert_string_equal(
			member_text(json_array_get(list, 0), "status"), "ok");
		assert_string_equal(
			member_text(json_array_get(list, 0), "phone"),
			"+" BOB_PN);
		assert_string_equal(
			member_text(json_array_get(list, 1), "status"),
			"error");
	}
}

static void a_group_by_number_gets_numbers(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *ask = NULL;

	call(fake, "groups.get", JID "}");
	fake_settle(fake, group_of_friends(fake, false));
	call(fake, "groups.participants",
		JID ",\"action\":\"remove\",\"participants\":[\"+" CAROL_PN
		    "\"]}");
	ask = asked(fake, "set", GROUP, "remove");
	assert_string_equal(
		wa_node_str(ask->child, "jid"), CAROL_PN "@s.whatsapp.net");
}

static void settings_are_asked_for_one_after_the_other(void **state)
{
	static const char *const tags[] = { "subject", "description",
		"not_announcement", "locked", "member_add_mode",
		"membership_approval_mode", "ephemeral" };
	struct fake *fake = *state;
	struct wa_node *group = group_of_friends(fake, true);

	wa_node_set(wa_node_add(group, "description"), "id", "D1");
	call(fake, "groups.update",
		JID ",\"subject\":\"Foes\",\"description\":\"No.\","
		    "\"announcement\":false,\"locked\":true,"
		    "\"memberAddMode\":\"admins\",\"approval\":true,"
		    "\"expiration\":86400}");
	assert_non_null(asked(fake, "get", GROUP, "query"));
	fake_answer(fake, iq_of(fake, group));
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		const struct wa_node *ask = asked(fake, "set", GROUP, tags[i]);

		assert_non_null(ask);
		if (strcmp(tags[i], "description") == 0) {
			assert_string_equal(wa_node_str(ask, "prev"), "D1");
			assert_non_null(wa_node_child(ask, "body"));
		}
		assert_int_equal(n_ended, 0);
		fake_answer(fake, iq_of(fake, NULL));
	}
	assert_non_null(asked(fake, "get", GROUP, "query"));
	fake_answer(fake, iq_of(fake, group_of_friends(fake, true)));
	assert_int_equal(n_ended, 1);
	assert_string_equal(member_text(result, "id"), GROUP);
}

static void a_refused_setting_ends_the_change(void **state)
{
	struct fake *fake = *state;

	call(fake, "groups.update", JID ",\"subject\":\"x\",\"locked\":true}");
	fake_answer(fake, iq_of(fake, group_of_friends(fake, true)));
	fake_answer(fake, iq_error(fake, 403));
	assert_int_equal(refusal, ERR_FORBIDDEN);
	assert_null(fake_question(fake));
}

static void an_invitation_is_a_code_and_a_link(void **state)
{
	struct fake *fake = *state;

	for (int reset = 0; reset < 2; reset++) {
		struct wa_node *invite = wa_node_new(fake->arena, "invite");

		call(fake, "groups.invite",
			reset ? JID ",\"reset\":true}" : JID "}");
		assert_non_null(
			asked(fake, reset ? "set" : "get", GROUP, "invite"));
		wa_node_set(invite, "code", "AbC123");
		fake_answer(fake, iq_of(fake, invite));
		assert_string_equal(member_text(result, "code"), "AbC123");
		assert_string_equal(member_text(result, "link"),
			"https://chat.whatsapp.com/AbC123");
	}
}

static void a_link_shows_its_group_and_leads_into_it(void **state)
{
	static const struct {
		const char *tag, *status;
	} ways[] = { { "group", "joined" },
		{ "membership_approval_request", "pending" } };
	struct fake *fake = *state;
	struct wa_node *group = NULL;

	call(fake, "groups.inviteInfo",
		"{\"code\":\"https://chat.whatsapp.com/AbC123\"}");
	assert_string_equal(
		wa_node_str(asked(fake, "get", "g.us", "invite"), "code"),
		"AbC123");
	group = wa_node_new(fake->arena, "group");
	wa_node_set(group, "id", GROUP_USER);
	wa_node_set(group, "size", "57");
	fake_answer(fake, iq_of(fake, group));
	assert_string_equal(member_text(result, "id"), GROUP);
	assert_int_equal(
		json_integer_value(json_object_get(result, "size")), 57);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct wa_node *answer = wa_node_new(fake->arena, ways[i].tag);
		struct wa_jid jid = group_jid();

		call(fake, "groups.join", "{\"code\":\"AbC123\"}");
		assert_non_null(asked(fake, "set", "g.us", "invite"));
		wa_node_set_jid(answer, "jid", &jid);
		fake_answer(fake, iq_of(fake, answer));
		assert_string_equal(member_text(result, "id"), GROUP);
		assert_string_equal(
			member_text(result, "status"), ways[i].status);
	}
}

static void leaving_forgets_the_group(void **state)
{
	struct fake *fake = *state;
	struct wa_jid jid = group_jid();
	struct group *group = NULL;
	struct err err = ERR_NONE;

	call(fake, "groups.get", JID "}");
	fake_settle(fake, group_of_friends(fake, true));
	call(fake, "groups.leave", JID "}");
	assert_string_equal(
		wa_node_str(wa_node_child(asked(fake, "set", "g.us", "leave"),
				    "group"),
			"id"),
		GROUP);
	fake_answer(fake, iq_of(fake, NULL));
	assert_int_equal(n_ended, 1);
	assert_int_equal(group_load(&fake->lane, &jid, &group, &err), 0);
	assert_null(group);
}

static void who_waits_to_be_let_in_is_listed(void **state)
{
	struct fake *fake = *state;
	struct wa_node *list =
		wa_node_new(fake->arena, "membership_approval_requests");
	struct wa_node *request =
		wa_node_add(list, "membership_approval_request");
	const json_t *first = NULL;

	call(fake, "groups.requests", JID "}");
	assert_non_null(
		asked(fake, "get", GROUP, "membership_approval_requests"));
	wa_node_set_jid(request, "jid", &dave_of(fake)->jid);
	wa_node_set(request, "request_time", "1700000000");
	wa_node_add(list, "membership_approval_request");
	fake_answer(fake, iq_of(fake, list));
	assert_int_equal(
		json_array_size(json_object_get(result, "requests")), 1);
	first = json_array_get(json_object_get(result, "requests"), 0);
	assert_string_equal(member_text(first, "id"), DAVE_LID "@lid");
	assert_string_equal(
		member_text(first, "requestedAt"), "2023-11-14T22:13:20.000Z");
}

static void who_may_see_our_status_is_told(void **state)
{
	struct fake *fake = *state;

	call(fake, "status.privacy", "{}");
	fake_answer(fake, iq_error(fake, 404));
	assert_string_equal(member_text(result, "privacy"), "contacts");
	assert_int_equal(json_array_size(json_object_get(result, "list")), 0);
	call(fake, "status.privacy", "{}");
	fake_answer(fake, NULL);
	assert_int_equal(refusal, ERR_TIMEOUT);
}

#define CALL_TEST(test) \
	cmocka_unit_test_setup_teardown(test, group_setup, calls_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALL_TEST(a_group_is_shown_with_everybody_in_it),
		CALL_TEST(what_the_server_refuses_is_refused),
		CALL_TEST(wrong_parameters_ask_nothing),
		CALL_TEST(all_groups_are_listed_without_their_members),
		CALL_TEST(participants_are_named_by_lid_and_number),
		CALL_TEST(a_group_of_nobody_is_not_made),
		CALL_TEST(every_change_of_members_tells_what_became_of_each),
		CALL_TEST(a_group_by_number_gets_numbers),
		CALL_TEST(settings_are_asked_for_one_after_the_other),
		CALL_TEST(a_refused_setting_ends_the_change),
		CALL_TEST(an_invitation_is_a_code_and_a_link),
		CALL_TEST(a_link_shows_its_group_and_leads_into_it),
		CALL_TEST(leaving_forgets_the_group),
		CALL_TEST(who_waits_to_be_let_in_is_listed),
		CALL_TEST(who_may_see_our_status_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
