/* What an account shows of itself, whom, and who hears of changes. */
#include "network.h"

#include "sandboxd/contacts.h"
#include "sandboxd/group.h"
#include "sandboxd/iq.h"
#include "sandboxd/profile.h"
#include "sandboxd/route.h"

/* Alice and Bob know each other, Carol knows nobody. */
static struct account *alice, *bob, *carol;
static struct device *laptop, *tablet, *bob1, *carol1;

static const char jpeg[] = "\xff\xd8\xff\xe0 as good as a picture";

static int open_people(void **state)
{
	net_open(state);
	alice = net_account("15550001111");
	bob = net_account("15550002222");
	carol = net_account("15550003333");
	laptop = net_companion(alice);
	tablet = net_companion(alice);
	bob1 = net_companion(bob);
	carol1 = net_companion(carol);
	net_connect(laptop);
	net_connect(tablet);
	net_connect(bob1);
	net_connect(carol1);
	contacts_meet(alice, bob);
	net_forget_sent();
	return 0;
}

/* ---- requests ---- */

static struct wa_node *request(
	const char *type, const char *xmlns, const char *child)
{
	struct wa_jid server = wa_jid_server();
	struct wa_node *iq = net_stanza("iq", "r1", &server);

	wa_node_set(iq, "type", type);
	wa_node_set(iq, "xmlns", xmlns);
	if (child != NULL)
		wa_node_add(iq, child);
	return iq;
}

static struct wa_node *what(struct wa_node *iq)
{
	return (struct wa_node *)iq->child;
}

static const struct wa_node *ask(
	struct device *device, const struct wa_node *iq)
{
	const struct wa_node *answer;

	net_forget_sent();
	iq_on_request(device->session, iq);
	answer = net_sent(device, "iq", 0);
	assert_non_null(answer);
	return answer;
}

static const struct wa_node *result(
	struct device *device, const struct wa_node *iq)
{
	const struct wa_node *answer = ask(device, iq);

	assert_attr(answer, "type", "result");
	return answer;
}

static int refusal(struct device *device, const struct wa_node *iq)
{
	const struct wa_node *answer = ask(device, iq);

	assert_attr(answer, "type", "error");
	return (int)wa_node_int(wa_node_child(answer, "error"), "code", 0);
}

static const struct wa_node *heard(struct device *device, const char *type)
{
	const struct wa_node *node = net_sent(device, "notification", 0);

	if (node == NULL)
		fail_msg("%s:%u heard nothing", device->account->pn,
			device->number);
	assert_attr(node, "type", type);
	assert_non_null(wa_node_get(node, "t"));
	return node->child;
}

static void privacy(
	struct account *account, const char *category, const char *value)
{
	struct err err = ERR_NONE;

	assert_int_equal(profile_set_privacy(
				 &net.sandbox, account, category, value, &err),
		0);
}

/* ---- privacy ---- */

static struct wa_node *set_privacy(const char *name, const char *value)
{
	struct wa_node *iq = request("set", "privacy", "privacy");
	struct wa_node *category = wa_node_add(what(iq), "category");

	wa_node_set(category, "name", name);
	wa_node_set(category, "value", value);
	return iq;
}

static const char *privacy_of(struct device *device, const char *name)
{
	const struct wa_node *list = wa_node_child(
		result(device, request("get", "privacy", "privacy")),
		"privacy");

	wa_node_each (category, list) {
		if (wa_node_is(category, "name", name))
			return wa_node_str(category, "value");
	}
	return "none at all";
}

static void every_category_has_a_default_and_keeps_what_is_set(void **state)
{
	static const char *const names[] = { "readreceipts", "last", "online",
		"profile", "status", "groupadd", "calladd", "messages" };

	(void)state;
	/* Otherwise clients tell nobody that they read. */
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_string_equal(privacy_of(laptop, names[i]), "all");
	result(laptop, set_privacy("readreceipts", "none"));
	assert_attr(wa_node_child(heard(tablet, "account_sync"), "category"),
		"value", "none");
	assert_string_equal(privacy_of(tablet, "readreceipts"), "none");
	assert_string_equal(privacy_of(bob1, "readreceipts"), "all");
}

static void a_value_that_a_category_does_not_have_is_refused(void **state)
{
	(void)state;
	assert_int_equal(refusal(laptop, set_privacy("online", "none")), 400);
	assert_int_equal(refusal(laptop, set_privacy("shoes", "all")), 400);
	assert_int_equal(refusal(laptop, set_privacy("last", NULL)), 400);
	assert_string_equal(privacy_of(laptop, "online"), "all");
}

static void contacts_see_what_strangers_do_not(void **state)
{
	static const struct {
		const char *value;
		bool contact, stranger;
	} cases[] = {
		{ "all", true, true },
		{ "contacts", true, false },
		{ "contact_blacklist", true, false },
		{ "none", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		privacy(alice, "last", cases[i].value);
		privacy(alice, "online", "match_last_seen");
		assert_int_equal(profile_allows(alice, PRIVACY_LAST, bob),
			cases[i].contact);
		assert_int_equal(profile_allows(alice, PRIVACY_ONLINE, carol),
			cases[i].stranger);
		assert_true(profile_allows(alice, PRIVACY_LAST, alice));
	}
}

/* ---- presence ---- */

static const struct wa_node *subscribe(struct device *device)
{
	struct wa_jid to = wa_jid_lid(alice->lid, 0);
	struct wa_node *presence = net_stanza("presence", NULL, &to);

	wa_node_set(presence, "type", "subscribe");
	net_forget_sent();
	route_presence(&net.sandbox, device, presence);
	return net_sent(device, "presence", 0);
}

static void presence_is_told_to_those_that_may_see_it(void **state)
{
	struct wa_node *available = net_stanza("presence", NULL, NULL);

	(void)state;
	wa_node_set(available, "type", "available");
	route_presence(&net.sandbox, laptop, available);
	privacy(alice, "last", "contacts");
	privacy(alice, "online", "match_last_seen");
	assert_no_attr(subscribe(bob1), "type");
	assert_attr(subscribe(carol1), "type", "unavailable");
	assert_attr(subscribe(carol1), "last", "deny");
	net_forget_sent();
	available = net_stanza("presence", NULL, NULL);
	wa_node_set(available, "type", "unavailable");
	route_presence(&net.sandbox, laptop, available);
	assert_attr(net_sent(bob1, "presence", 0), "type", "unavailable");
	assert_no_attr(net_sent(bob1, "presence", 0), "last");
	assert_int_equal(net_count(carol1, "presence"), 0);
}

/* ---- blocks ---- */

static struct wa_node *block(const char *action, struct wa_jid jid)
{
	struct wa_node *iq = request("set", "blocklist", "item");

	wa_node_set(what(iq), "action", action);
	wa_node_set_jid(what(iq), "jid", &jid);
	return iq;
}

static void a_blocked_account_is_listed_until_it_is_not(void **state)
{
	const struct wa_node *list;
	const char *before, *after;

	(void)state;
	list = wa_node_child(
		result(laptop, request("get", "blocklist", NULL)), "list");
	before = wa_node_str(list, "dhash");
	assert_null(list->child);
	list = wa_node_child(
		result(laptop, block("block", wa_jid_pn(bob->pn, 0))), "list");
	assert_jid(list->child, "jid", wa_jid_lid(bob->lid, 0));
	after = wa_node_str(list, "dhash");
	assert_string_not_equal(before, after);
	list = heard(tablet, "account_sync");
	assert_string_equal(list->tag, "blocklist");
	assert_attr(list, "dhash", after);
	assert_attr(list->child, "action", "block");
	list = wa_node_child(
		result(laptop, block("unblock", wa_jid_lid(bob->lid, 0))),
		"list");
	assert_attr(list, "dhash", before);
	assert_null(list->child);
	assert_int_equal(
		refusal(laptop, block("block", wa_jid_pn("1", 0))), 404);
	assert_int_equal(
		refusal(laptop, block("hit", wa_jid_pn(bob->pn, 0))), 400);
	assert_int_equal(
		refusal(laptop, block("block", wa_jid_pn(alice->pn, 0))), 404);
}

static void who_is_blocked_sees_nothing(void **state)
{
	(void)state;
	result(laptop, block("block", wa_jid_pn(bob->pn, 0)));
	assert_false(profile_allows(alice, PRIVACY_PROFILE, bob));
	assert_false(profile_allows(alice, PRIVACY_GROUPADD, bob));
	assert_attr(subscribe(bob1), "last", "deny");
}

/* ---- about ---- */

static const struct wa_node *about_of(
	struct device *device, const struct account *account)
{
	struct wa_node *iq = request("get", "usync", "usync");
	struct wa_jid jid = wa_jid_pn(account->pn, 0);

	wa_node_add(wa_node_add(what(iq), "query"), "status");
	wa_node_set_jid(wa_node_add(wa_node_add(what(iq), "list"), "user"),
		"jid", &jid);
	return wa_node_path(wa_node_path(result(device, iq), "usync", "list"),
		"user", "status");
}

static void an_about_is_seen_unless_it_is_hidden(void **state)
{
	struct wa_node *iq = request("set", "status", "status");
	const uint8_t *text;
	size_t n;

	(void)state;
	assert_null(wa_node_content(about_of(bob1, alice), &n));
	wa_node_text(what(iq), "busy");
	result(laptop, iq);
	heard(bob1, "status");
	assert_int_equal(net_count(carol1, "notification"), 0);
	text = wa_node_content(about_of(carol1, alice), &n);
	assert_int_equal(n, 4);
	assert_memory_equal(text, "busy", 4);
	privacy(alice, "status", "contacts");
	assert_attr(about_of(carol1, alice), "code", "401");
	assert_no_attr(about_of(bob1, alice), "code");
	wa_node_bytes(what(iq), "\xff\xff", 2);
	assert_int_equal(refusal(laptop, iq), 400);
}

/* ---- picture ---- */

static struct wa_node *ask_picture(
	const struct wa_jid *target, const char *type, const char *known)
{
	struct wa_node *iq = request("get", "w:profile:picture", "picture");

	if (target != NULL)
		wa_node_set_jid(iq, "target", target);
	wa_node_set(what(iq), "query", "url");
	wa_node_set(what(iq), "type", type);
	wa_node_set(what(iq), "id", known);
	return iq;
}

static struct wa_node *set_picture(
	const struct wa_jid *target, const char *bytes)
{
	struct wa_node *iq = request("set", "w:profile:picture", NULL), *node;

	if (target != NULL)
		wa_node_set_jid(iq, "target", target);
	if (bytes == NULL)
		return iq;
	node = wa_node_add(iq, "picture");
	wa_node_set(node, "type", "image");
	wa_node_bytes(node, bytes, strlen(bytes));
	return iq;
}

static void a_picture_is_served_by_the_media_host(void **state)
{
	struct wa_jid target = wa_jid_lid(alice->lid, 0);
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	const struct wa_node *set, *got;
	struct err err = ERR_NONE;
	const char *id, *path;

	(void)state;
	assert_int_equal(
		refusal(bob1, ask_picture(&target, "image", NULL)), 404);
	set = wa_node_child(result(laptop, set_picture(NULL, jpeg)), "picture");
	id = wa_node_str(set, "id");
	assert_non_null(id);
	assert_jid(heard(bob1, "picture"), "jid", wa_jid_pn(alice->pn, 0));
	heard(tablet, "picture");
	got = wa_node_child(
		result(bob1, ask_picture(&target, "image", NULL)), "picture");
	assert_attr(got, "id", id);
	assert_attr(got, "type", "image");
	path = wa_node_str(got, "direct_path");
	assert_int_equal(media_get(&net.sandbox, path, &bytes, &err), 0);
	assert_int_equal(bytes.len, strlen(jpeg));
	assert_memory_equal(bytes.data, jpeg, bytes.len);
	assert_non_null(strstr(wa_node_str(got, "url"), path));
	assert_int_equal(strncmp(wa_node_str(got, "url"), "https://", 8), 0);
	got = wa_node_child(
		result(bob1, ask_picture(&target, "image", id)), "picture");
	assert_attr(got, "status", "304");
	got = wa_node_child(
		result(bob1, ask_picture(&target, "preview", NULL)), "picture");
	assert_attr(got, "type", "preview");
}

static void a_new_picture_has_a_new_id_and_none_can_be_had_too(void **state)
{
	struct wa_jid target = wa_jid_pn(alice->pn, 0);
	const char *first, *second;

	(void)state;
	first = wa_node_str(
		wa_node_child(
			result(laptop, set_picture(NULL, jpeg)), "picture"),
		"id");
	second = wa_node_str(
		wa_node_child(
			result(laptop, set_picture(NULL, jpeg)), "picture"),
		"id");
	assert_string_not_equal(first, second);
	result(laptop, set_picture(&target, NULL));
	assert_string_equal(heard(bob1, "picture")->tag, "delete");
	assert_int_equal(
		refusal(bob1, ask_picture(&target, "image", NULL)), 404);
	assert_int_equal(
		refusal(laptop, set_picture(NULL, "GIF89a is no JPEG")), 406);
	assert_int_equal(refusal(bob1, set_picture(&target, jpeg)), 403);
}

static void a_hidden_picture_is_not_shown(void **state)
{
	struct wa_jid target = wa_jid_pn(alice->pn, 0);

	(void)state;
	privacy(alice, "profile", "contacts");
	result(laptop, set_picture(NULL, jpeg));
	assert_int_equal(
		refusal(carol1, ask_picture(&target, "image", NULL)), 401);
	result(bob1, ask_picture(&target, "image", NULL));
	result(laptop, ask_picture(NULL, "image", NULL));
}

static void a_group_has_a_picture_for_its_members(void **state)
{
	struct group *group =
		group_create(&net.sandbox, alice, "Two", &bob, 1, true);
	struct wa_jid target = group_jid(group);
	struct wa_node *iq;

	(void)state;
	group->locked = true;
	assert_int_equal(refusal(bob1, set_picture(&target, jpeg)), 401);
	assert_int_equal(refusal(carol1, set_picture(&target, jpeg)), 403);
	result(laptop, set_picture(&target, jpeg));
	assert_jid(heard(bob1, "picture"), "jid", target);
	assert_jid(heard(bob1, "picture"), "author", wa_jid_lid(alice->lid, 0));
	assert_int_equal(net_count(carol1, "notification"), 0);
	result(bob1, ask_picture(&target, "preview", NULL));
	assert_int_equal(
		refusal(carol1, ask_picture(&target, "preview", NULL)), 401);
	iq = ask_picture(&target, "preview", NULL);
	wa_node_set(what(iq), "invite", group->invite_code);
	result(carol1, iq);
}

/* ---- who gets the status; the timer of new chats ---- */

static void the_audience_of_the_status_is_kept(void **state)
{
	struct wa_node *iq = request("set", "status", "privacy"), *list;
	struct wa_jid jid = wa_jid_pn(bob->pn, 0);
	const struct wa_node *got;

	(void)state;
	got = wa_node_path(result(laptop, request("get", "status", "privacy")),
		"privacy", "list");
	assert_attr(got, "type", "contacts");
	list = wa_node_add(what(iq), "list");
	wa_node_set(list, "type", "whitelist");
	wa_node_set_jid(wa_node_add(list, "user"), "jid", &jid);
	result(laptop, iq);
	got = wa_node_path(result(tablet, request("get", "status", "privacy")),
		"privacy", "list");
	assert_attr(got, "type", "whitelist");
	assert_attr(got, "default", "true");
	assert_jid(got->child, "jid", wa_jid_lid(bob->lid, 0));
	wa_node_set(list, "type", "greylist");
	iq = request("set", "status", "privacy");
	wa_node_set(wa_node_add(what(iq), "list"), "type", "greylist");
	assert_int_equal(refusal(laptop, iq), 400);
	assert_int_equal(
		refusal(laptop, request("set", "status", "privacy")), 400);
}

static void the_timer_of_new_chats_is_kept_and_told(void **state)
{
	struct wa_node *iq =
		request("set", "disappearing_mode", "disappearing_mode");

	(void)state;
	wa_node_set(what(iq), "duration", "86400");
	result(laptop, iq);
	assert_attr(heard(tablet, "account_sync"), "duration", "86400");
	iq = request("set", "disappearing_mode", "disappearing_mode");
	wa_node_set(what(iq), "duration", "-1");
	assert_int_equal(refusal(laptop, iq), 400);
}

#define on_people(test) \
	cmocka_unit_test_setup_teardown(test, open_people, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_people(every_category_has_a_default_and_keeps_what_is_set),
		on_people(a_value_that_a_category_does_not_have_is_refused),
		on_people(contacts_see_what_strangers_do_not),
		on_people(presence_is_told_to_those_that_may_see_it),
		on_people(a_blocked_account_is_listed_until_it_is_not),
		on_people(who_is_blocked_sees_nothing),
		on_people(an_about_is_seen_unless_it_is_hidden),
		on_people(a_picture_is_served_by_the_media_host),
		on_people(a_new_picture_has_a_new_id_and_none_can_be_had_too),
		on_people(a_hidden_picture_is_not_shown),
		on_people(a_group_has_a_picture_for_its_members),
		on_people(the_audience_of_the_status_is_kept),
		on_people(the_timer_of_new_chats_is_kept_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
