/* Which rules are taken, when they match, and how often they act. */
#include "network.h"

#include "common/arena.h"
#include "sandboxd/fault.h"

static struct device *phone, *one, *two, *other;

static int open_devices(void **state)
{
	struct account *account;

	net_open(state);
	account = net_account("15550002222");
	phone = account->devices;
	one = net_companion(account);
	two = net_companion(account);
	other = net_companion(net_account("15550003333"));
	net_connect(one);
	net_connect(two);
	net_connect(other);
	net_forget_sent();
	return 0;
}

static int parse(const char *text, struct fault_rule **out, struct err *err)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	int rc;

	if (json == NULL)
		fail_msg("the test's JSON is wrong: %s", text);
	rc = fault_rule_parse(json, out, err);
	json_decref(json);
	return rc;
}

static unsigned add(const char *text)
{
	struct fault_rule *rule = NULL;
	struct err err = ERR_NONE;
	unsigned acted;

	if (parse(text, &rule, &err) != 0)
		fail_msg("%s: %s", text, err.msg);
	assert_int_not_equal(fault_add(&net.sandbox, rule, &acted), 0);
	return acted;
}

static const struct wa_node *stanza(const char *tag)
{
	return net_stanza(tag, "id", NULL);
}

static enum fault_action out(struct device *device, const char *tag)
{
	int delay_ms = 0;

	return fault_outgoing(
		&net.sandbox, device->session, stanza(tag), &delay_ms);
}

static enum fault_action in(struct device *device, const char *tag)
{
	int delay_ms = 0;

	return fault_incoming(
		&net.sandbox, device->session, stanza(tag), &delay_ms);
}

static void a_rule_that_makes_no_sense_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *json, *words;
	} cases[] = {
		{ "[]", "object" },
		{ "{}", "kind" },
		{ "{\"kind\":\"explode\"}", "kind" },
		{ "{\"kind\":7}", "kind" },
		{ "{\"kind\":\"drop\",\"knid\":1}", "knid" },
		{ "{\"kind\":\"drop\",\"to\":\"15550001111\"}", "ack" },
		{ "{\"kind\":\"ack_error\",\"to\":\"x@lid\"}", "to must" },
		{ "{\"kind\":\"ack_error\",\"direction\":\"in\"}",
			"direction" },
		{ "{\"kind\":\"drop\",\"version\":\"2.1\"}", "version" },
		{ "{\"kind\":\"login_failure\",\"version\":\"new\"}",
			"version" },
		{ "{\"kind\":\"media_error\",\"code\":200}", "400" },
		{ "{\"kind\":\"media_flip\",\"direction\":\"in\"}",
			"downloads" },
		{ "{\"kind\":\"media_slow\",\"phone\":\"15550001111\"}",
			"whose" },
		{ "{\"kind\":\"drop\",\"phone\":\"12ab\"}", "phone" },
		{ "{\"kind\":\"drop\",\"phone\":15550002222}", "phone" },
		{ "{\"kind\":\"drop\",\"device\":-1}", "device" },
		{ "{\"kind\":\"drop\",\"device\":256}", "device" },
		{ "{\"kind\":\"drop\",\"device\":\"1\"}", "device" },
		{ "{\"kind\":\"drop\",\"count\":0}", "count" },
		{ "{\"kind\":\"drop\",\"count\":1e99}", "count" },
		{ "{\"kind\":\"drop\",\"count\":99999999999999}", "count" },
		{ "{\"kind\":\"drop\",\"after\":-1}", "after" },
		{ "{\"kind\":\"drop\",\"probability\":1.5}", "probability" },
		{ "{\"kind\":\"drop\",\"probability\":\"1\"}", "probability" },
		{ "{\"kind\":\"delay\",\"delayMs\":600001}", "delayMs" },
		{ "{\"kind\":\"drop\",\"direction\":\"up\"}", "direction" },
		{ "{\"kind\":\"drop\",\"stanza\":\"Message\"}", "stanza" },
		{ "{\"kind\":\"drop\",\"stanza\":\"\"}", "stanza" },
		{ "{\"kind\":\"drop\",\"now\":true}", "now" },
		{ "{\"kind\":\"cut\",\"now\":1}", "now" },
		{ "{\"kind\":\"cut\",\"device\":0}", "phone" },
		{ "{\"kind\":\"raw\"}", "hex" },
		{ "{\"kind\":\"raw\",\"hex\":\"0\"}", "hex" },
		{ "{\"kind\":\"raw\",\"hex\":\"0g\"}", "hex" },
		{ "{\"kind\":\"bad_cert\",\"defect\":\"good\"}", "defect" },
		{ "{\"kind\":\"bad_cert\",\"phone\":\"15550002222\"}",
			"bad_cert" },
		{ "{\"kind\":\"stream_error\",\"conflict\":\"a b\"}",
			"conflict" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fault_rule *rule = NULL;
		struct err err = ERR_NONE;

		if (parse(cases[i].json, &rule, &err) == 0)
			fail_msg("accepted: %s", cases[i].json);
		assert_null(rule);
		assert_int_equal(err.code, ERR_INVALID);
		if (strstr(err.msg, cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].json, err.msg);
	}
}

static void without_rules_nothing_happens(void **state)
{
	(void)state;
	assert_int_equal(out(one, "message"), FAULT_NONE);
	assert_null(net.sandbox.faults); /* not even looked for */
	assert_ptr_equal(
		fault_handshake_identity(&net.sandbox), &net.sandbox.noise);
}

static void a_rule_acts_as_often_as_it_says(void **state)
{
	(void)state;
	add("{\"kind\":\"drop\",\"count\":2,\"after\":2}");
	assert_int_equal(out(one, "message"), FAULT_NONE);
	assert_int_equal(out(one, "message"), FAULT_NONE);
	assert_int_equal(out(one, "message"), FAULT_DROP);
	assert_int_equal(out(two, "message"), FAULT_DROP);
	assert_int_equal(out(one, "message"), FAULT_NONE);
	assert_null(fault_first(&net.sandbox));
}

static void a_rule_matches_only_what_it_names(void **state)
{
	(void)state;
	add("{\"kind\":\"duplicate\",\"phone\":\"+15550002222\",\"device\":1,"
	    "\"direction\":\"in\",\"stanza\":\"receipt\"}");
	assert_int_equal(one->number, 1);
	assert_int_equal(out(one, "receipt"), FAULT_NONE);
	assert_int_equal(in(one, "message"), FAULT_NONE);
	assert_int_equal(in(two, "receipt"), FAULT_NONE);
	assert_int_equal(in(other, "receipt"), FAULT_NONE);
	assert_int_equal(in(one, "receipt"), FAULT_DUPLICATE);
	assert_int_equal(in(one, "receipt"), FAULT_NONE);
}

static void the_phone_is_hit_only_when_it_is_named(void **state)
{
	(void)state;
	add("{\"kind\":\"drop\",\"phone\":\"15550002222\"}");
	assert_int_equal(fault_to_phone(&net.sandbox, phone, stanza("message")),
		FAULT_NONE);
	add("{\"kind\":\"drop\",\"device\":0,\"stanza\":\"message\"}");
	assert_int_equal(fault_to_phone(&net.sandbox, phone, stanza("receipt")),
		FAULT_NONE);
	assert_int_equal(fault_to_phone(&net.sandbox, phone, stanza("message")),
		FAULT_DROP);
}

static void probability_zero_never_acts_and_uses_nothing_up(void **state)
{
	(void)state;
	add("{\"kind\":\"drop\",\"probability\":0}");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(out(one, "message"), FAULT_NONE);
	assert_int_equal(fault_first(&net.sandbox)->count, 1);
}

static void a_delay_tells_how_long(void **state)
{
	int delay_ms = 0;

	(void)state;
	add("{\"kind\":\"delay\",\"delayMs\":250}");
	assert_int_equal(fault_outgoing(&net.sandbox, one->session,
				 stanza("message"), &delay_ms),
		FAULT_DELAY);
	assert_int_equal(delay_ms, 250);
}

static void now_acts_on_every_session_it_matches_and_is_gone(void **state)
{
	(void)state;
	assert_int_equal(add("{\"kind\":\"stream_error\",\"now\":true,"
			     "\"phone\":\"15550002222\",\"code\":401,"
			     "\"conflict\":\"device_removed\"}"),
		2);
	assert_null(fault_first(&net.sandbox));
	assert_int_equal(net.n, 2);
	for (size_t i = 0; i < net.n; i++) {
		assert_string_equal(net.happened[i].what, "end");
		assert_int_equal(net.happened[i].code, 401);
		assert_string_equal(net.happened[i].conflict, "device_removed");
	}
	net_forget_sent();
	assert_int_equal(add("{\"kind\":\"cut\",\"now\":true}"), 3);
	assert_int_equal(net.n, 3);
	assert_string_equal(net.happened[0].what, "cut");
}

static void a_stream_error_by_rule_ends_the_session_from_the_loop(void **state)
{
	(void)state;
	add("{\"kind\":\"stream_error\",\"code\":0,\"conflict\":\"replaced\","
	    "\"stanza\":\"message\"}");
	assert_int_equal(out(one, "message"), FAULT_NONE);
	assert_int_equal(net.n, 0); /* not inside the send */
	net_run_timers();
	assert_int_equal(net.n, 1);
	assert_ptr_equal(net.happened[0].session, one->session);
	assert_string_equal(net.happened[0].conflict, "replaced");
}

static void raw_bytes_reach_the_session_as_they_are(void **state)
{
	(void)state;
	assert_int_equal(add("{\"kind\":\"raw\",\"hex\":\"00f80102\","
			     "\"now\":true,\"device\":2}"),
		1);
	assert_string_equal(net.happened[0].what, "raw");
	assert_int_equal(net.happened[0].n_raw, 4);
	assert_ptr_equal(net.happened[0].session, two->session);
	add("{\"kind\":\"raw\",\"hex\":\"ff\"}"); /* left pending: no leak */
	out(one, "message");
}

static void corruption_flips_one_bit_of_each_enc_in_a_copy(void **state)
{
	struct wa_node *message = net_stanza("message", "id", NULL);
	struct wa_jid jid = wa_jid_lid("1", 0);
	const struct wa_node *copy, *before, *after;
	size_t n;

	(void)state;
	net_add_enc(message, "msg", "0123456789");
	net_add_to(message, &jid, "msg", "x");
	copy = fault_corrupted(&net.sandbox, message);
	before = wa_node_child(message, "enc");
	after = wa_node_child(copy, "enc");
	assert_memory_equal(wa_node_content(before, &n), "0123456789", 10);
	assert_memory_equal(wa_node_content(after, &n), "0123457789", 10);
	after = wa_node_child(wa_node_path(copy, "participants", "to"), "enc");
	assert_memory_equal(wa_node_content(after, &n), "y", 1);
}

static void corruption_waits_for_a_message(void **state)
{
	(void)state;
	add("{\"kind\":\"corrupt\"}");
	assert_int_equal(out(one, "ack"), FAULT_NONE);
	assert_int_equal(out(one, "message"), FAULT_CORRUPT);
}

static void a_login_fails_with_the_code_of_its_rule(void **state)
{
	(void)state;
	add("{\"kind\":\"login_failure\",\"device\":2,\"code\":403}");
	assert_int_equal(
		fault_login_failure(&net.sandbox, one, "2.1.1").reason, 0);
	assert_int_equal(
		fault_login_failure(&net.sandbox, two, "2.1.1").reason, 403);
	assert_int_equal(
		fault_login_failure(&net.sandbox, two, "2.1.1").reason, 0);
}

static void a_client_is_outdated_until_it_is_another_version(void **state)
{
	(void)state;
	add("{\"kind\":\"login_failure\",\"code\":405,\"count\":1000,"
	    "\"version\":\"2.3000.1\"}");
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			fault_login_failure(&net.sandbox, one, "2.3000.1")
				.reason,
			405);
	assert_int_equal(
		fault_login_failure(&net.sandbox, one, "2.3000.2").reason, 0);
	/* Who is not linked yet says its version too. */
	assert_int_equal(
		fault_login_failure(&net.sandbox, NULL, "2.3000.1").reason,
		405);
}

static void a_ban_says_why_and_how_long(void **state)
{
	struct fault_login fault;

	(void)state;
	add("{\"kind\":\"login_failure\",\"code\":402,\"banCode\":101,"
	    "\"expireSec\":3600}");
	fault = fault_login_failure(&net.sandbox, one, "2.1.1");
	assert_int_equal(fault.reason, 402);
	assert_int_equal(fault.ban_code, 101);
	assert_int_equal(fault.expire_s, 3600);
}

/* A message of @one to @to. */
static struct fault_ack acked(const struct wa_jid *to, const char *type)
{
	struct wa_node *message = net_stanza("message", "id", to);

	wa_node_set(message, "type", type);
	return fault_on_ack(&net.sandbox, one, message);
}

static void an_ack_fails_by_recipient_in_either_of_its_names(void **state)
{
	struct wa_jid pn = wa_jid_pn("15550003333", 0), group,
		      lid = wa_jid_lid(other->account->lid, 0),
		      own = wa_jid_pn("15550002222", 0);

	(void)state;
	wa_jid_parse("120363@g.us", 11, &group);
	add("{\"kind\":\"ack_error\",\"code\":463,\"count\":2,"
	    "\"to\":\"+15550003333\"}");
	add("{\"kind\":\"ack_error\",\"code\":421,"
	    "\"to\":\"120363@g.us\"}");
	assert_int_equal(acked(&own, "text").error, 0);
	assert_int_equal(acked(&pn, "text").error, 463);
	assert_int_equal(acked(&lid, "text").error, 463);
	assert_int_equal(acked(&lid, "text").error, 0);
	assert_int_equal(acked(&group, "text").error, 421);
}

static void an_ack_fails_by_the_type_of_the_message(void **state)
{
	struct wa_jid to = wa_jid_pn("15550003333", 0);

	(void)state;
	add("{\"kind\":\"ack_error\",\"code\":479,\"type\":\"media\"}");
	assert_int_equal(acked(&to, "text").error, 0);
	assert_int_equal(acked(&to, "media").error, 479);
}

static void media_fails_in_the_direction_of_the_rule(void **state)
{
	(void)state;
	add("{\"kind\":\"media_error\",\"code\":410}");
	add("{\"kind\":\"media_error\",\"code\":401,\"direction\":\"in\","
	    "\"phone\":\"15550002222\"}");
	assert_int_equal(
		fault_on_media(&net.sandbox, FAULT_IN, other).error, 0);
	assert_int_equal(
		fault_on_media(&net.sandbox, FAULT_IN, one).error, 401);
	assert_int_equal(fault_on_media(&net.sandbox, FAULT_IN, one).error, 0);
	assert_int_equal(
		fault_on_media(&net.sandbox, FAULT_OUT, NULL).error, 410);
	assert_int_equal(
		fault_on_media(&net.sandbox, FAULT_OUT, NULL).error, 0);
	add("{\"kind\":\"media_slow\",\"delayMs\":70}");
	add("{\"kind\":\"media_truncate\"}");
	add("{\"kind\":\"media_flip\"}");
	assert_int_equal(
		fault_on_media(&net.sandbox, FAULT_OUT, NULL).delay_ms, 70);
	assert_true(fault_on_media(&net.sandbox, FAULT_OUT, NULL).truncate);
	assert_true(fault_on_media(&net.sandbox, FAULT_OUT, NULL).flip);
	assert_false(fault_on_media(&net.sandbox, FAULT_OUT, NULL).flip);
}

static void each_defect_gives_another_chain(void **state)
{
	const struct wa_responder_identity *first, *second;

	(void)state;
	add("{\"kind\":\"bad_cert\",\"defect\":\"expired\"}");
	add("{\"kind\":\"bad_cert\",\"defect\":\"wrong_key\"}");
	first = fault_handshake_identity(&net.sandbox);
	second = fault_handshake_identity(&net.sandbox);
	assert_non_null(first->chain);
	assert_non_null(second->chain);
	assert_ptr_not_equal(first, second);
	assert_ptr_equal(
		fault_handshake_identity(&net.sandbox), &net.sandbox.noise);
}

static void the_list_is_bounded_and_rules_can_be_taken_away(void **state)
{
	struct fault_rule *rule = NULL;
	struct err err = ERR_NONE;
	unsigned acted;

	(void)state;
	for (unsigned i = 0; i < FAULT_RULES_MAX; i++)
		add("{\"kind\":\"drop\"}");
	assert_int_equal(parse("{\"kind\":\"drop\"}", &rule, &err), 0);
	assert_int_equal(fault_add(&net.sandbox, rule, &acted), 0);
	assert_true(fault_remove(&net.sandbox, 1));
	assert_false(fault_remove(&net.sandbox, 1));
	assert_int_equal(fault_remove_all(&net.sandbox), FAULT_RULES_MAX - 1);
	assert_int_equal(out(one, "message"), FAULT_NONE);
}

#define on_devices(test) \
	cmocka_unit_test_setup_teardown(test, open_devices, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_devices(
			a_rule_that_makes_no_sense_is_refused_with_its_reason),
		on_devices(without_rules_nothing_happens),
		on_devices(a_rule_acts_as_often_as_it_says),
		on_devices(a_rule_matches_only_what_it_names),
		on_devices(the_phone_is_hit_only_when_it_is_named),
		on_devices(probability_zero_never_acts_and_uses_nothing_up),
		on_devices(a_delay_tells_how_long),
		on_devices(now_acts_on_every_session_it_matches_and_is_gone),
		on_devices(
			a_stream_error_by_rule_ends_the_session_from_the_loop),
		on_devices(raw_bytes_reach_the_session_as_they_are),
		on_devices(corruption_flips_one_bit_of_each_enc_in_a_copy),
		on_devices(corruption_waits_for_a_message),
		on_devices(a_login_fails_with_the_code_of_its_rule),
		on_devices(a_client_is_outdated_until_it_is_another_version),
		on_devices(a_ban_says_why_and_how_long),
		on_devices(an_ack_fails_by_recipient_in_either_of_its_names),
		on_devices(an_ack_fails_by_the_type_of_the_message),
		on_devices(media_fails_in_the_direction_of_the_rule),
		on_devices(each_defect_gives_another_chain),
		on_devices(the_list_is_bounded_and_rules_can_be_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
