/* What changed in a group: our metadata, and what the group webhook is told. */
#include "tests/unit/senderd/fake_group.h"

#include <jansson.h>

#include "common/store/event.h"

/* ---- what was told ---- */

struct told {
	json_t *last; /* payload of the newest event; owned */
	enum event_chat chat;
};

static int on_event(const struct event *event, void *arg)
{
	struct told *told = arg;

	json_decref(told->last);
	told->last = json_loads(event->payload, 0, NULL);
	told->chat = event->chat;
	return 0;
}

/* The newest event's payload, which goes to the group webhook. */
static json_t *newest(struct fake *fake)
{
	struct told told = { .last = NULL };
	struct err err = ERR_NONE;

	assert_int_equal(
		store_event_of_device(fake->lane.store, fake->lane.device_id, 0,
			100, on_event, &told, &err),
		0);
	assert_non_null(told.last);
	assert_int_equal(told.chat, EVENT_CHAT_GROUP);
	assert_string_equal(
		json_string_value(json_object_get(told.last, "chat")), GROUP);
	assert_string_equal(
		json_string_value(json_object_get(told.last, "deviceUid")),
		"dev_test0001");
	assert_non_null(json_object_get(told.last, "timestamp"));
	return told.last;
}

static const char *text_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static void assert_person(
	const json_t *person, const char *phone, const char *lid)
{
	assert_string_equal(text_of(person, "phone"), phone);
	assert_string_equal(text_of(person, "lid"), lid);
	assert_non_null(text_of(person, "contactId"));
}

/* ---- what is known ---- */

static struct group *known(struct fake *fake)
{
	struct wa_jid jid = group_jid();
	struct group *group = NULL;
	struct err err = ERR_NONE;

	group_free(&fake->lane.outbound->group); /* read it from the database */
	return group_load(&fake->lane, &jid, &group, &err) == 1 ? group : NULL;
}

static void know(struct fake *fake)
{
	struct group *group = group_read(fake->lane.arena,
		group_of_friends(fake, true), NULL, clock_now_ms());
	struct err err = ERR_NONE;

	assert_int_equal(group_learn(&fake->lane, group, &err), 0);
	fake_run(fake);
}

static const struct group_member *member(struct fake *fake, const char *lid)
{
	struct wa_jid jid = wa_jid_lid(lid, 0);

	return group_find(known(fake), &jid);
}

static void change(
	struct fake *fake, const char *tag, const struct fake_member *who)
{
	struct wa_node *child = NULL;

	notify(fake, notice_new(fake, tag, who, &child));
}

/* ---- members ---- */

static void members_come_go_and_rise(void **state)
{
	static const struct {
		const char *tag;
		const struct fake_member *who;
		const char *action;
		bool is_there;
		enum group_rank rank;
	} changes[] = {
		{ "add", &dave, "add", true, GROUP_MEMBER },
		{ "promote", &dave, "promote", true, GROUP_ADMIN },
		{ "demote", &dave, "demote", true, GROUP_MEMBER },
		{ "remove", &dave, "remove", false, GROUP_MEMBER },
		{ "add", &dave, "add", true, GROUP_MEMBER },
		{ "leave", &dave, "leave", false, GROUP_MEMBER },
	};
	struct fake *fake = *state;

	know(fake);
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		const struct group_member *found = NULL;
		json_t *told = NULL;

		change(fake, changes[i].tag, changes[i].who);
		assert_string_equal(
			fake->events[fake->n_events - 1], "group.participants");
		told = newest(fake);
		assert_string_equal(text_of(told, "action"), changes[i].action);
		assert_person(json_array_get(
				      json_object_get(told, "participants"), 0),
			"+" DAVE_PN, DAVE_LID);
		assert_person(
			json_object_get(told, "actor"), "+" OWN_PN, OWN_LID);
		json_decref(told);
		found = member(fake, DAVE_LID);
		assert_int_equal(found != NULL, changes[i].is_there);
		if (found != NULL)
			assert_int_equal(found->rank, changes[i].rank);
	}
}

static void who_removes_himself_leaves(void **state)
{
	struct fake *fake = *state;
	struct wa_node *child = NULL, *notification = NULL;
	struct wa_jid actor = wa_jid_lid(BOB_LID, 0);
	json_t *told = NULL;

	know(fake);
	notification = wa_node_new(fake->arena, "notification");
	wa_node_set(notification, "type", "w:gp2");
	wa_node_set(notification, "id", "L1");
	wa_node_set(notification, "from", GROUP);
	wa_node_set_jid(notification, "participant", &actor);
	child = wa_node_add(notification, "remove");
	participant_add(child, true, &bob);
	notify(fake, notification);
	told = newest(fake);
	assert_string_equal(text_of(told, "action"), "leave");
	json_decref(told);
	assert_null(member(fake, BOB_LID));
}

static void one_who_comes_is_there_from_then_on(void **state)
{
	struct fake *fake = *state;

	know(fake);
	change(fake, "add", &dave);
	assert_true(member(fake, DAVE_LID)->since_ms > 0);
	assert_int_equal(member(fake, CAROL_LID)->since_ms, 0);
}

static void a_changed_number_makes_us_ask_again(void **state)
{
	struct fake *fake = *state;
	json_t *told = NULL;

	know(fake);
	change(fake, "modify", &bob);
	assert_null(known(fake));
	told = newest(fake);
	assert_string_equal(text_of(told, "action"), "modify");
	json_decref(told);
}

/* ---- us ---- */

static void we_come_to_a_group(void **state)
{
	struct fake *fake = *state;
	struct wa_node *child = NULL;
	struct wa_node *notification = notice_new(fake, "create", NULL, &child);
	json_t *told = NULL;

	wa_node_append(child, group_of_friends(fake, true));
	notify(fake, notification);
	assert_int_equal(fake->n_events, 1);
	assert_string_equal(fake->events[0], "group.joined");
	told = newest(fake);
	assert_string_equal(text_of(told, "action"), "create");
	assert_string_equal(text_of(told, "subject"), "Friends");
	json_decref(told);
	assert_int_equal(known(fake)->n_members, 3);
}

static void we_are_added_to_a_group_that_we_must_ask_about(void **state)
{
	struct fake *fake = *state;

	know(fake);
	change(fake, "add", &us);
	assert_int_equal(fake->n_events, 2);
	assert_string_equal(fake->events[1], "group.joined");
	assert_null(known(fake));
}

static void we_leave_and_nothing_is_left(void **state)
{
	static const struct {
		const char *tag;
		const char *action;
	} ways[] = { { "remove", "leave" /* we were the actor */ },
		{ "leave", "leave" }, { "delete", "delete" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct wa_jid jid = group_jid();
		uint32_t key_id = 0, iteration = 0;
		struct fake *fake = NULL;
		json_t *told = NULL;
		void *own = NULL;

		assert_int_equal(group_setup(&own), 0);
		fake = own;
		group_send(fake, "3EB0A", group_of_friends(fake, true));
		change(fake, ways[i].tag,
			strcmp(ways[i].tag, "delete") == 0 ? NULL : &us);
		assert_string_equal(
			fake->events[fake->n_events - 1], "group.left");
		told = newest(fake);
		assert_string_equal(text_of(told, "action"), ways[i].action);
		assert_string_equal(text_of(told, "subject"), "Friends");
		json_decref(told);
		assert_null(known(fake));
		assert_int_equal(
			wa_signal_group_info(fake->lane.signal, &jid,
				&fake->lane.id.lid, &key_id, &iteration),
			0);
		assert_int_equal(group_teardown(&own), 0);
	}
}

/* ---- settings ---- */

static void settings_change_and_are_told(void **state)
{
	static const struct {
		const char *tag;
		const char *key, *json; /* in the event */
	} changes[] = {
		{ "announcement", "announcement", "true" },
		{ "not_announcement", "announcement", "false" },
		{ "locked", "locked", "true" },
		{ "unlocked", "locked", "false" },
		{ "ephemeral", "expiration", "86400" },
		{ "not_ephemeral", "expiration", "0" },
		{ "member_add_mode", "memberAddMode", "\"admins\"" },
		{ "membership_approval_mode", "approval", "true" },
		{ "subject", "subject", "\"Foes\"" },
		{ "description", "description", "\"No more.\"" },
	};
	struct fake *fake = *state;

	know(fake);
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		struct wa_node *child = NULL;
		struct wa_node *notification =
			notice_new(fake, changes[i].tag, NULL, &child);
		json_t *told = NULL;
		char *value = NULL;

		if (strcmp(changes[i].tag, "ephemeral") == 0)
			wa_node_set(child, "expiration", "86400");
		if (strcmp(changes[i].tag, "member_add_mode") == 0)
			wa_node_text(child, "admin_add");
		if (strcmp(changes[i].tag, "membership_approval_mode") == 0)
			wa_node_set(wa_node_add(child, "group_join"), "state",
				"on");
		if (strcmp(changes[i].tag, "subject") == 0)
			wa_node_set(child, "subject", "Foes");
		if (strcmp(changes[i].tag, "description") == 0) {
			wa_node_set(child, "id", "D2");
			wa_node_text(wa_node_add(child, "body"), "No more.");
		}
		notify(fake, notification);
		assert_string_equal(
			fake->events[fake->n_events - 1], "group.updated");
		told = newest(fake);
		value = json_dumps(
			json_object_get(told, changes[i].key), JSON_ENCODE_ANY);
		assert_string_equal(value, changes[i].json);
		free(value);
		json_decref(told);
	}
	assert_false(known(fake)->is_announcement || known(fake)->is_locked);
	assert_true(known(fake)->is_admin_add && known(fake)->is_approval);
	assert_int_equal(known(fake)->expiration, 0);
	assert_string_equal(known(fake)->subject, "Foes");
	assert_string_equal(known(fake)->description, "No more.");
	assert_string_equal(known(fake)->description_id, "D2");
}

static void a_deleted_description_is_empty(void **state)
{
	struct fake *fake = *state;
	struct wa_node *child = NULL;
	struct wa_node *notification =
		notice_new(fake, "description", NULL, &child);
	json_t *told = NULL;

	know(fake);
	wa_node_set(child, "id", "D3");
	wa_node_add(child, "delete");
	notify(fake, notification);
	told = newest(fake);
	assert_string_equal(text_of(told, "description"), "");
	json_decref(told);
	assert_string_equal(known(fake)->description, "");
}

/* ---- the rest ---- */

static void a_notice_that_comes_again_is_acked_and_no_more(void **state)
{
	struct fake *fake = *state;
	struct wa_node *child = NULL;
	struct wa_node *notification = notice_new(fake, "locked", NULL, &child);

	know(fake);
	notify(fake, notification);
	notify(fake, notification);
	assert_int_equal(fake->n_events, 1);
	assert_int_equal(fake_count(fake, "ack"), 2);
}

static void what_we_do_not_know_is_told_and_not_made_up(void **state)
{
	struct fake *fake = *state;

	change(fake, "remove", &bob);
	change(fake, "locked", NULL);
	assert_int_equal(fake->n_events, 2);
	assert_null(known(fake));
}

static void what_is_nobodys_business_is_acked(void **state)
{
	static const char *const tags[] = { "invite", "link", "unlink",
		"suspended", "something_new" };
	struct fake *fake = *state;

	know(fake);
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		change(fake, tags[i], NULL);
	assert_int_equal(fake->n_events, 0);
	assert_int_equal(fake_count(fake, "ack"), ARRAY_LEN(tags));
	assert_non_null(known(fake));
}

static void malformed_changes_change_nothing(void **state)
{
	struct fake *fake = *state;
	struct wa_node *child = NULL;
	struct wa_node *notification = notice_new(fake, "remove", NULL, &child);

	know(fake);
	wa_node_add(child, "participant");
	wa_node_set(wa_node_add(child, "participant"), "jid", "nobody");
	notify(fake, notification);
	notification = wa_node_new(fake->arena, "notification");
	wa_node_set(notification, "type", "w:gp2");
	wa_node_set(notification, "id", "M1");
	wa_node_add(notification, "delete");
	notify(fake, notification); /* from whom? */
	assert_int_equal(fake->n_events, 0);
	assert_int_equal(known(fake)->n_members, 3);
}

static void another_addressing_mode_makes_us_ask_again(void **state)
{
	struct fake *fake = *state;
	struct wa_node *child = NULL;
	struct wa_node *notification = notice_new(fake, "locked", NULL, &child);

	know(fake);
	wa_node_set(notification, "addressing_mode", "pn");
	notify(fake, notification);
	assert_null(known(fake));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUP_TEST(members_come_go_and_rise),
		GROUP_TEST(who_removes_himself_leaves),
		GROUP_TEST(one_who_comes_is_there_from_then_on),
		GROUP_TEST(a_changed_number_makes_us_ask_again),
		GROUP_TEST(we_come_to_a_group),
		GROUP_TEST(we_are_added_to_a_group_that_we_must_ask_about),
		cmocka_unit_test(we_leave_and_nothing_is_left),
		GROUP_TEST(settings_change_and_are_told),
		GROUP_TEST(a_deleted_description_is_empty),
		GROUP_TEST(a_notice_that_comes_again_is_acked_and_no_more),
		GROUP_TEST(what_we_do_not_know_is_told_and_not_made_up),
		GROUP_TEST(what_is_nobodys_business_is_acked),
		GROUP_TEST(malformed_changes_change_nothing),
		GROUP_TEST(another_addressing_mode_makes_us_ask_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
