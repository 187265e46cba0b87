/* Questions about accounts, and what is remembered of the answers. */
#include "tests/unit/senderd/fake_lane.h"

#include "senderd/whatsapp/devices.h"

struct result {
	enum devices_outcome outcomes[DEVICES_ASK_MAX];
	size_t n;
	int n_calls;
};

static void on_done(struct lane *lane, const enum devices_outcome *outcomes,
	size_t n, void *arg)
{
	struct result *result = arg;

	(void)lane;
	memcpy(result->outcomes, outcomes, n * sizeof *outcomes);
	result->n = n;
	result->n_calls++;
}

static struct wa_node *answer_new(struct fake *fake, struct wa_node **list_out)
{
	struct wa_node *answer = wa_node_new(fake->arena, "iq");

	*list_out = wa_node_add(wa_node_add(answer, "usync"), "list");
	return answer;
}

static struct wa_node *user_add(struct wa_node *list, const struct wa_jid *jid)
{
	struct wa_node *user = wa_node_add(list, "user");

	wa_node_set_jid(user, "jid", jid);
	return user;
}

static struct wa_node *devices_add(struct wa_node *user)
{
	return wa_node_add(wa_node_add(user, "devices"), "device-list");
}

static void one_question_brings_lid_and_devices(void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 0),
		      found;
	struct result result = { .n = 0 };
	struct device_list devices;
	struct err err = ERR_NONE;

	devices_ask(&fake->lane, &pn, 1, on_done, &result);
	fake_answer_devices(fake);
	assert_int_equal(result.n_calls, 1);
	assert_int_equal(result.outcomes[0], DEVICES_KNOWN);
	assert_int_equal(lanedb_lid_of(fake->lane.db, &pn, &found, &err), 1);
	assert_true(wa_jid_equal(&found, &lid));
	assert_int_equal(devices_load(&fake->lane, &lid, &devices, &err), 1);
	assert_int_equal(devices.n, 2);
	assert_int_equal(devices.numbers[0], 0);
	assert_int_equal(devices.numbers[1], 3);
}

static void companions_need_a_key_index_and_hosted_ones_do_not_count(
	void **state)
{
	struct fake *fake = *state;
	struct wa_jid lid = wa_jid_lid(BOB_LID, 0);
	struct result result = { .n = 0 };
	struct device_list devices;
	struct err err = ERR_NONE;
	struct wa_node *list = NULL, *answer = answer_new(fake, &list);
	struct wa_node *numbers = devices_add(user_add(list, &lid));

	device_add(numbers, 0, 0);
	device_add(numbers, 4, 0);
	device_add(numbers, 5, 7);
	device_add(numbers, 5, 7);
	wa_node_set(device_add(numbers, 6, 1), "is_hosted", "true");
	device_add(numbers, 99, 1);
	device_add(numbers, 70000, 1);
	device_add(numbers, -1, 1);
	devices_ask(&fake->lane, &lid, 1, on_done, &result);
	fake_answer(fake, answer);
	assert_int_equal(devices_load(&fake->lane, &lid, &devices, &err), 1);
	assert_int_equal(devices.n, 2);
	assert_int_equal(devices.numbers[1], 5);
}

static void more_devices_than_an_account_can_have_are_cut_off(void **state)
{
	struct fake *fake = *state;
	struct wa_jid lid = wa_jid_lid(BOB_LID, 0);
	struct result result = { .n = 0 };
	struct device_list devices;
	struct err err = ERR_NONE;
	struct wa_node *list = NULL, *answer = answer_new(fake, &list);
	struct wa_node *numbers = devices_add(user_add(list, &lid));

	for (int i = 0; i < 500; i++)
		device_add(numbers, i, 1);
	devices_ask(&fake->lane, &lid, 1, on_done, &result);
	fake_answer(fake, answer);
	assert_int_equal(devices_load(&fake->lane, &lid, &devices, &err), 1);
	assert_int_equal(devices.n, DEVICES_MAX);
}

static void each_user_has_an_outcome_of_its_own(void **state)
{
	struct fake *fake = *state;
	struct wa_jid users[] = { wa_jid_pn(BOB_PN, 0),
		wa_jid_pn("15550009999", 0), wa_jid_lid("900009", 0),
		wa_jid_pn("15550008888", 0) };
	struct result result = { .n = 0 };
	struct wa_node *list = NULL, *answer = answer_new(fake, &list);
	struct wa_node *failed = NULL;

	device_add(devices_add(user_add(list, &users[0])), 0, 0);
	user_add(list, &users[1]);
	failed = user_add(list, &users[3]);
	wa_node_set_int(wa_node_add(wa_node_add(failed, "devices"), "error"),
		"code", 500);
	devices_ask(&fake->lane, users, 4, on_done, &result);
	fake_answer(fake, answer);
	assert_int_equal(result.n, 4);
	assert_int_equal(result.outcomes[0], DEVICES_KNOWN);
	assert_int_equal(result.outcomes[1], DEVICES_NO_ACCOUNT);
	assert_int_equal(result.outcomes[2], DEVICES_UNCLEAR);
	assert_int_equal(result.outcomes[3], DEVICES_UNCLEAR);
}

static void an_error_is_no_answer_for_anybody(void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0);
	struct result result = { .n = 0 };
	struct wa_node *answer = wa_node_new(fake->arena, "iq");

	wa_node_set_int(wa_node_add(answer, "error"), "code", 429);
	devices_ask(&fake->lane, &pn, 1, on_done, &result);
	fake_answer(fake, answer);
	devices_ask(&fake->lane, &pn, 1, on_done, &result);
	fake_answer(fake, NULL);
	assert_int_equal(result.n_calls, 2);
	assert_int_equal(result.outcomes[0], DEVICES_NO_ANSWER);
}

static void forgetting_one_name_forgets_both(void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 0);
	struct result result = { .n = 0 };
	struct device_list devices;
	struct err err = ERR_NONE;

	devices_ask(&fake->lane, &pn, 1, on_done, &result);
	fake_answer_devices(fake);
	assert_int_equal(devices_forget(&fake->lane, &pn, &err), 0);
	assert_int_equal(devices_load(&fake->lane, &lid, &devices, &err), 0);
}

static void nobody_becomes_a_name_of_ours(void **state)
{
	struct fake *fake = *state;
	struct wa_jid own = wa_jid_pn(OWN_PN, 0), eve = wa_jid_lid("900666", 0),
		      lid;
	struct err err = ERR_NONE;

	assert_int_equal(devices_learn_pair(&fake->lane, &own, &eve, &err), 0);
	assert_int_equal(lanedb_lid_of(fake->lane.db, &own, &lid, &err), 1);
	assert_string_equal(lid.user, OWN_LID);
	assert_int_equal(lanedb_pn_of(fake->lane.db, &eve, &lid, &err), 0);
}

static void a_pair_is_learned_in_either_order(void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 3), lid = wa_jid_lid(BOB_LID, 3),
		      found;
	struct err err = ERR_NONE;

	assert_int_equal(devices_learn_pair(&fake->lane, &lid, &pn, &err), 0);
	pn = wa_jid_bare(&pn);
	assert_int_equal(lanedb_lid_of(fake->lane.db, &pn, &found, &err), 1);
	assert_string_equal(found.user, BOB_LID);
	assert_int_equal(devices_learn_pair(&fake->lane, &pn, &pn, &err), 0);
}

/* ---- numbers ---- */

struct check {
	int n_calls;
	uint32_t error;
	size_t n;
	bool exists[8];
	char lid[8][64];
};

static void on_numbers(struct lane *lane, const Bus__Answer *answer, void *arg)
{
	struct check *check = arg;

	(void)lane;
	check->n_calls++;
	check->error = answer->error;
	check->n = answer->n_numbers;
	for (size_t i = 0; i < answer->n_numbers; i++) {
		check->exists[i] = answer->numbers[i]->exists;
		snprintf(check->lid[i], sizeof check->lid[i], "%s",
			answer->numbers[i]->lid);
	}
}

static void numbers_are_found_in_both_forms_of_the_answer(void **state)
{
	struct fake *fake = *state;
	char a[] = "15550002222", b[] = "15550003333", c[] = "15550004444",
	     d[] = "15550005555";
	char *phones[] = { a, b, c, d };
	struct check check = { 0 };
	struct wa_node *list = NULL, *answer = answer_new(fake, &list);
	struct wa_node *user = NULL, *contact = NULL;
	const struct wa_node *asked = NULL;
	struct wa_jid lid = wa_jid_lid(BOB_LID, 0), pn = wa_jid_pn(BOB_PN, 0),
		      second = wa_jid_pn("15550003333", 0),
		      second_lid = wa_jid_lid("900003", 0), found;
	struct err err = ERR_NONE;

	/* The newer form. */
	user = user_add(list, &lid);
	wa_node_set_jid(user, "pn_jid", &pn);
	wa_node_set(wa_node_add(user, "contact"), "type", "in");
	/* The older form, with the LID beside it. */
	user = user_add(list, &second);
	wa_node_set(wa_node_add(user, "contact"), "type", "in");
	wa_node_set_jid(wa_node_add(user, "lid"), "val", &second_lid);
	/* Only the query tells which one. */
	user = wa_node_add(list, "user");
	contact = wa_node_add(user, "contact");
	wa_node_set(contact, "type", "out");
	wa_node_text(contact, "+15550004444@c.us");

	devices_check_numbers(&fake->lane, phones, 4, on_numbers, &check);
	asked = wa_node_path(fake_question(fake)->iq, "usync", "list");
	asked = wa_node_path(asked, "user", "contact");
	assert_memory_equal(
		wa_node_content(asked, NULL), "+15550002222@c.us", 17);
	fake_answer(fake, answer);
	assert_int_equal(check.n_calls, 1);
	assert_int_equal(check.error, 0);
	assert_int_equal(check.n, 4);
	assert_true(check.exists[0]);
	assert_string_equal(check.lid[0], BOB_LID "@lid");
	assert_true(check.exists[1]);
	assert_string_equal(check.lid[1], "900003@lid");
	assert_false(check.exists[2]);
	assert_false(check.exists[3]); /* left out */
	assert_int_equal(lanedb_lid_of(fake->lane.db, &pn, &found, &err), 1);
}

static void a_check_that_cannot_be_made_says_why(void **state)
{
	struct fake *fake = *state;
	char good[] = "15550002222", abc[] = "abc";
	char *phones[] = { good }, *bad[] = { abc };
	struct wa_node *refused = wa_node_new(fake->arena, "iq");
	struct check check = { 0 };

	wa_node_set_int(wa_node_add(refused, "error"), "code", 429);
	devices_check_numbers(&fake->lane, bad, 1, on_numbers, &check);
	assert_int_equal(check.error, ERR_INVALID);
	devices_check_numbers(&fake->lane, phones, 0, on_numbers, &check);
	assert_int_equal(check.error, ERR_INVALID);
	devices_check_numbers(&fake->lane, phones, 1, on_numbers, &check);
	fake_answer(fake, NULL);
	assert_int_equal(check.error, ERR_TIMEOUT);
	devices_check_numbers(&fake->lane, phones, 1, on_numbers, &check);
	fake_answer(fake, refused);
	assert_int_equal(check.error, ERR_LIMIT);
	fake->lane.state = LANE_BACKOFF;
	devices_check_numbers(&fake->lane, phones, 1, on_numbers, &check);
	assert_int_equal(check.error, ERR_BUSY);
	assert_int_equal(check.n_calls, 5);
}

/* Answers who is asked about now: numbers that end in 9 are nobody's. */
static size_t answer_check(struct fake *fake)
{
	struct wa_node *answer = wa_node_new(fake->arena, "iq");
	struct wa_node *list =
		wa_node_add(wa_node_add(answer, "usync"), "list");
	size_t n_asked = 0;

	wa_node_each (
		asked, wa_node_path(fake_question(fake)->iq, "usync", "list")) {
		struct wa_node *user = wa_node_add(list, "user");
		struct wa_node *contact = wa_node_add(user, "contact");
		size_t n = 0;
		const char *text = (const char *)wa_node_content(
			wa_node_child(asked, "contact"), &n);
		struct wa_jid lid = wa_jid_lid(BOB_LID, 0);
		bool is_in = memchr(text, '@', n) != NULL &&
			     ((const char *)memchr(text, '@', n))[-1] != '9';

		wa_node_bytes(contact, text, n);
		wa_node_set(contact, "type", is_in ? "in" : "out");
		if (is_in)
			wa_node_set_jid(user, "jid", &lid);
		n_asked++;
	}
	fake_answer(fake, answer);
	return n_asked;
}

static void what_was_asked_lately_is_not_asked_again(void **state)
{
	struct fake *fake = *state;
	char bob[] = BOB_PN, nobody[] = "15550002229", other[] = "15550004449";
	char *phones[] = { bob, nobody, other };
	struct check check = { 0 };

	devices_check_numbers(&fake->lane, phones, 2, on_numbers, &check);
	assert_int_equal(answer_check(fake), 2);
	/* The third is new; the others are told from memory. */
	devices_check_numbers(&fake->lane, phones, 3, on_numbers, &check);
	assert_int_equal(answer_check(fake), 1);
	assert_int_equal(check.n, 3);
	assert_true(check.exists[0]);
	assert_string_equal(check.lid[0], BOB_LID "@lid");
	assert_false(check.exists[1]);
	assert_false(check.exists[2]);
	/* All of them, even without a connection. */
	fake->lane.state = LANE_BACKOFF;
	devices_check_numbers(&fake->lane, phones, 3, on_numbers, &check);
	assert_null(fake_question(fake));
	assert_int_equal(check.error, ERR_OK);
	assert_int_equal(check.n_calls, 3);
	fake->lane.state = LANE_READY;
	/* Who was not there may be so after an hour, who was after a day. */
	clock_shift_ms(3600 * 1000LL);
	devices_check_numbers(&fake->lane, phones, 3, on_numbers, &check);
	assert_int_equal(answer_check(fake), 2);
	clock_shift_ms(24 * 3600 * 1000LL);
	devices_check_numbers(&fake->lane, phones, 1, on_numbers, &check);
	assert_int_equal(answer_check(fake), 1);
	clock_shift_ms(0);
}

static void who_changes_the_number_is_asked_about_anew(void **state)
{
	struct fake *fake = *state;
	char bob[] = BOB_PN;
	char *phones[] = { bob };
	struct wa_node *notice = wa_node_new(fake->arena, "notification");
	struct wa_node *modify = wa_node_add(notice, "modify");
	struct wa_jid old = wa_jid_pn(BOB_PN, 0);
	struct wa_jid new = wa_jid_pn("15550004444", 0);
	struct check check = { 0 };
	struct err err = ERR_NONE;

	devices_check_numbers(&fake->lane, phones, 1, on_numbers, &check);
	answer_check(fake);
	wa_node_set_jid(modify, "old", &old);
	wa_node_set_jid(modify, "new", &new);
	assert_int_equal(devices_on_contacts(&fake->lane, notice, &err), 0);
	devices_check_numbers(&fake->lane, phones, 1, on_numbers, &check);
	assert_int_equal(answer_check(fake), 1);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_question_brings_lid_and_devices),
		TEST(companions_need_a_key_index_and_hosted_ones_do_not_count),
		TEST(more_devices_than_an_account_can_have_are_cut_off),
		TEST(each_user_has_an_outcome_of_its_own),
		TEST(an_error_is_no_answer_for_anybody),
		TEST(forgetting_one_name_forgets_both),
		TEST(nobody_becomes_a_name_of_ours),
		TEST(a_pair_is_learned_in_either_order),
		TEST(numbers_are_found_in_both_forms_of_the_answer),
		TEST(a_check_that_cannot_be_made_says_why),
		TEST(what_was_asked_lately_is_not_asked_again),
		TEST(who_changes_the_number_is_asked_about_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
