/* Groups, profiles and media through the control API. */
#include "network.h"

#include <jansson.h>

#include "sandboxd/group.h"
#include "sandboxd/profile.h"

/* pairing.c's part, which these requests never reach. */
int pairing_scan(struct sandbox *sandbox, struct account *account,
	const char *qr, struct err *err)
{
	(void)sandbox, (void)account, (void)qr;
	return err_set(err, ERR_INTERNAL, "not in this test");
}

int pairing_enter_code(struct sandbox *sandbox, struct account *account,
	const char *code, struct err *err)
{
	return pairing_scan(sandbox, account, code, err);
}

static struct account *alice, *bob, *carol;
static struct device *bob1;
static json_t *answer; /* of the last request */

static int open_people(void **state)
{
	net_open(state);
	alice = net_account("15550001111");
	bob = net_account("15550002222");
	carol = net_account("15550003333");
	bob1 = net_companion(bob);
	net_connect(bob1);
	return 0;
}

static int close_people(void **state)
{
	json_decref(answer);
	answer = NULL;
	return net_close(state);
}

static int ask(const char *method, const char *path, const char *body)
{
	struct buf out = BUF_INIT;
	int status = control_on_request(&net.sandbox, method, path, NULL, body,
		body == NULL ? 0 : strlen(body), &out);

	json_decref(answer);
	answer = json_loadb((const char *)out.data, out.len, 0, NULL);
	assert_true(json_is_object(answer));
	assert_int_equal(json_is_string(json_object_get(answer, "error")),
		status >= 400);
	buf_fini(&out);
	arena_reset(net.sandbox.arena);
	return status;
}

static const char *text(const char *key)
{
	const char *value = json_string_value(json_object_get(answer, key));

	return value == NULL ? "" : value;
}

static json_int_t number(const char *key)
{
	return json_integer_value(json_object_get(answer, key));
}

static size_t length(const char *key)
{
	return json_array_size(json_object_get(answer, key));
}

/* The path of a new group of Alice's, with Bob in it. */
static const char *new_group(const char *suffix)
{
	static char path[128];

	assert_int_equal(ask("POST", "/groups",
				 "{\"creator\":\"15550001111\","
				 "\"subject\":\"Two\","
				 "\"members\":[\"+15550002222\"]}"),
		201);
	snprintf(path, sizeof(path), "/groups/%s%s", text("jid"), suffix);
	return path;
}

static void a_group_is_made_in_either_mode_and_listed(void **state)
{
	(void)state;
	new_group("");
	assert_string_equal(text("mode"), "lid");
	assert_string_equal(text("creator"), "+15550001111");
	assert_int_equal(length("members"), 2);
	assert_string_equal(
		net_sent(bob1, "notification", 0)->child->tag, "create");
	assert_int_equal(ask("POST", "/groups",
				 "{\"creator\":\"15550001111\","
				 "\"subject\":\"Old\",\"mode\":\"pn\"}"),
		201);
	assert_string_equal(text("mode"), "pn");
	assert_int_equal(ask("GET", "/groups", NULL), 200);
	assert_int_equal(length("groups"), 2);
}

static void a_group_that_makes_no_sense_is_refused(void **state)
{
	static const struct {
		int status;
		const char *body;
	} cases[] = {
		{ 400, "{}" },
		{ 400, "{\"creator\":\"15550001111\"}" },
		{ 400, "{\"creator\":\"15550001111\",\"subject\":\"\"}" },
		{ 404, "{\"creator\":\"15559999999\",\"subject\":\"x\"}" },
		{ 400, "{\"creator\":\"15550001111\",\"subject\":\"x\","
		       "\"mode\":\"odd\"}" },
		{ 400, "{\"creator\":\"15550001111\",\"subject\":\"x\","
		       "\"members\":7}" },
		{ 404, "{\"creator\":\"15550001111\",\"subject\":\"x\","
		       "\"members\":[\"15559999999\"]}" },
		{ 400, "{\"creator\":\"15550001111\",\"subject\":\"x\","
		       "\"color\":1}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (ask("POST", "/groups", cases[i].body) != cases[i].status)
			fail_msg("case %zu", i);
	}
	assert_int_equal(ask("GET", "/groups/120363@g.us", NULL), 404);
	assert_int_equal(ask("GET", "/groups/x", NULL), 404);
	assert_int_equal(ask("POST", "/groups/120363@g.us/add", "{}"), 404);
	assert_null(net.sandbox.groups);
}

static void members_come_and_go_and_change_rank(void **state)
{
	static const char carols[] = "{\"phone\":\"15550003333\"}";
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s", new_group("/add"));
	assert_int_equal(ask("POST", path, carols), 200);
	assert_int_equal(number("size"), 3);
	assert_int_equal(ask("POST", path, carols), 409);
	assert_int_equal(ask("POST", path, "{}"), 400);
	strcpy(strrchr(path, '/'), "/promote");
	assert_int_equal(ask("POST", path, carols), 200);
	assert_true(group_is_admin(net.sandbox.groups, carol));
	strcpy(strrchr(path, '/'), "/remove");
	assert_int_equal(ask("POST", path,
				 "{\"phone\":\"15550003333\","
				 "\"by\":\"15550002222\"}"),
		403);
	assert_int_equal(ask("POST", path, carols), 200);
	assert_int_equal(ask("POST", path, carols), 404);
	strcpy(strrchr(path, '/'), "/leave");
	assert_int_equal(ask("POST", path, "{\"phone\":\"15550001111\"}"), 200);
	/* Bob is alone and may do all now. */
	strcpy(strrchr(path, '/'), "/add");
	assert_int_equal(ask("POST", path, carols), 200);
}

static void settings_are_set_together(void **state)
{
	const char *path = new_group("/settings");
	const struct group *group = net.sandbox.groups;

	(void)state;
	assert_int_equal(ask("POST", path,
				 "{\"announcement\":true,\"locked\":true,"
				 "\"ephemeral\":86400,\"adminAdd\":true,"
				 "\"approval\":true,\"subject\":\"New\"}"),
		200);
	assert_true(group->announcement && group->locked && group->admin_add &&
		    group->approval);
	assert_int_equal(group->expiration, 86400);
	assert_string_equal(text("subject"), "New");
	assert_string_equal(text("memberAddMode"), "admin_add");
	assert_int_equal(ask("POST", path, "{\"locked\":1}"), 400);
	assert_int_equal(ask("POST", path, "{\"ephemeral\":-1}"), 400);
	assert_int_equal(ask("POST", path,
				 "{\"announcement\":false,"
				 "\"by\":\"15550002222\"}"),
		403);
	assert_true(group->announcement);
}

static void a_profile_is_put_and_shown(void **state)
{
	static const char path[] = "/phones/15550001111/profile";

	(void)state;
	assert_int_equal(ask("PUT", path,
				 "{\"about\":\"busy\",\"picture\":\"/9j/4AAQ\","
				 "\"privacy\":{\"last\":\"none\"},"
				 "\"statusPrivacy\":{\"type\":\"whitelist\","
				 "\"list\":[\"15550002222\"]},"
				 "\"blocked\":[\"15550003333\"]}"),
		200);
	assert_string_equal(text("about"), "busy");
	assert_string_not_equal(text("pictureId"), "");
	assert_true(profile_blocks(alice, carol));
	assert_false(profile_allows(alice, PRIVACY_LAST, bob));
	assert_int_equal(ask("PUT", path,
				 "{\"picture\":null,"
				 "\"blocked\":[\"15550002222\"]}"),
		200);
	assert_string_equal(text("pictureId"), "");
	assert_string_equal(text("about"), "busy");
	assert_false(profile_blocks(alice, carol));
	assert_true(profile_blocks(alice, bob));
	assert_int_equal(ask("GET", path, NULL), 200);
	assert_int_equal(length("blocked"), 1);
}

static void a_profile_that_makes_no_sense_is_refused(void **state)
{
	static const char *const bodies[] = { "{\"about\":7}",
		"{\"picture\":\"!!\"}", "{\"picture\":\"AAAA\"}",
		"{\"picture\":true}", "{\"privacy\":[]}",
		"{\"privacy\":{\"last\":\"maybe\"}}",
		"{\"privacy\":{\"shoes\":\"all\"}}", "{\"statusPrivacy\":{}}",
		"{\"statusPrivacy\":{\"type\":\"grey\"}}",
		"{\"blocked\":\"15550002222\"}",
		"{\"blocked\":[\"15550001111\"]}", "{\"colour\":1}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		if (ask("PUT", "/phones/15550001111/profile", bodies[i]) != 400)
			fail_msg("%s", bodies[i]);
	}
	assert_int_equal(ask("PUT", "/phones/15559999999/profile", "{}"), 404);
}

static void media_is_listed_and_taken_away(void **state)
{
	struct err err = ERR_NONE;
	char path[128];
	const char *at;

	(void)state;
	assert_int_equal(media_put(&net.sandbox, "blob", 4, &at, &err), 0);
	assert_int_equal(ask("GET", "/media", NULL), 200);
	assert_int_equal(length("media"), 1);
	snprintf(path, sizeof(path), "/media/%s",
		json_string_value(json_object_get(
			json_array_get(json_object_get(answer, "media"), 0),
			"id")));
	assert_int_equal(ask("DELETE", path, NULL), 200);
	assert_int_equal(ask("DELETE", path, NULL), 404);
	assert_int_equal(ask("GET", "/media", NULL), 200);
	assert_int_equal(length("media"), 0);
}

#define on_people(test) \
	cmocka_unit_test_setup_teardown(test, open_people, close_people)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_people(a_group_is_made_in_either_mode_and_listed),
		on_people(a_group_that_makes_no_sense_is_refused),
		on_people(members_come_and_go_and_change_rank),
		on_people(settings_are_set_together),
		on_people(a_profile_is_put_and_shown),
		on_people(a_profile_that_makes_no_sense_is_refused),
		on_people(media_is_listed_and_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
