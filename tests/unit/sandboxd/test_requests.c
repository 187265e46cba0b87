/* What the server answers to a logged-in client: keys, lookups, and the rest.
 */
#include "network.h"

#include "common/wa/signal.h"
#include "sandboxd/iq.h"

static struct account *alice, *bob;
static struct device *device;	/* alice's companion */
static struct session *session; /* its */
static struct wa_keypair identity;

static int open_session(void **state)
{
	net_open(state);
	alice = net_account("15550001111");
	bob = net_account("15550002222");
	device = account_add_companion(alice);
	wa_keypair_new(&identity);
	memcpy(device->identity, identity.pub, WA_KEY_BYTES);
	session = net_connect(device);
	net_forget_sent();
	return 0;
}

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

/* Asks, and returns the answer, of which the frame must be right. */
static const struct wa_node *ask(const struct wa_node *iq)
{
	const struct wa_node *answer;

	net_forget_sent();
	iq_on_request(session, iq);
	answer = net_sent(device, "iq", 0);
	assert_non_null(answer);
	assert_attr(answer, "id", "r1");
	assert_jid(answer, "from", wa_jid_server());
	return answer;
}

static int error_code(const struct wa_node *answer)
{
	assert_attr(answer, "type", "error");
	return (int)wa_node_int(wa_node_child(answer, "error"), "code", 0);
}

static const struct wa_node *result(const struct wa_node *iq)
{
	const struct wa_node *answer = ask(iq);

	assert_attr(answer, "type", "result");
	return answer;
}

/* ---- keys ---- */

static void add_number(
	struct wa_node *parent, const char *tag, uint32_t value, unsigned n)
{
	uint8_t bytes[4];

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(value >> 8 * (n - 1 - i));
	wa_node_bytes(wa_node_add(parent, tag), bytes, n);
}

/* A key that can be told by its id. */
static void key_of(uint32_t id, uint8_t salt, uint8_t out[WA_KEY_BYTES])
{
	memset(out, salt, WA_KEY_BYTES);
	memcpy(out, &id, sizeof(id));
}

static void add_signed_key(struct wa_node *parent, uint32_t id, bool valid)
{
	struct wa_node *skey = wa_node_add(parent, "skey");
	uint8_t pub[WA_KEY_BYTES], sig[WA_SIGNATURE_BYTES];

	key_of(id, 9, pub);
	wa_signal_sign_prekey(&identity, pub, sig);
	sig[3] ^= !valid;
	add_number(skey, "id", id, 3);
	wa_node_bytes(wa_node_add(skey, "value"), pub, sizeof(pub));
	wa_node_bytes(wa_node_add(skey, "signature"), sig, sizeof(sig));
}

static struct wa_node *upload(uint32_t first, uint32_t last, uint8_t salt)
{
	struct wa_node *iq = request("set", "encrypt", NULL), *list;
	static const uint8_t type = 5;

	add_number(iq, "registration", 4711, 4);
	wa_node_bytes(wa_node_add(iq, "type"), &type, 1);
	wa_node_bytes(wa_node_add(iq, "identity"), identity.pub, WA_KEY_BYTES);
	list = wa_node_add(iq, "list");
	for (uint32_t id = first; id <= last; id++) {
		struct wa_node *key = wa_node_add(list, "key");
		uint8_t pub[WA_KEY_BYTES];

		key_of(id, salt, pub);
		add_number(key, "id", id, 3);
		wa_node_bytes(wa_node_add(key, "value"), pub, sizeof(pub));
	}
	add_signed_key(iq, 1, true);
	return iq;
}

static int64_t count(void)
{
	return wa_node_int(
		wa_node_child(
			result(request("get", "encrypt", "count")), "count"),
		"value", -1);
}

static const struct wa_node *fetch(struct wa_jid jid)
{
	struct wa_node *iq = request("get", "encrypt", "key");
	struct wa_node *user = wa_node_add((struct wa_node *)iq->child, "user");

	wa_node_set_jid(user, "jid", &jid);
	return wa_node_path(result(iq), "list", "user");
}

/* The id of the one-time key in a bundle; 0: there is none. */
static uint32_t one_time_id(const struct wa_node *user)
{
	const struct wa_node *id = wa_node_path(user, "key", "id");
	const uint8_t *bytes;
	size_t n;

	if (id == NULL)
		return 0;
	bytes = wa_node_content(id, &n);
	assert_int_equal(n, 3);
	return (uint32_t)(bytes[0] << 16 | bytes[1] << 8 | bytes[2]);
}

static void each_one_time_key_is_served_once_in_order(void **state)
{
	(void)state;
	result(upload(1, 20, 1));
	assert_int_equal(count(), 20);
	assert_int_equal(one_time_id(fetch(device_pn(device))), 1);
	assert_int_equal(one_time_id(fetch(device_lid(device))), 2);
	assert_int_equal(count(), 18);
}

static void a_bundle_without_one_time_keys_has_no_key(void **state)
{
	const struct wa_node *user;

	(void)state;
	result(upload(1, 1, 1));
	fetch(device_pn(device));
	user = fetch(device_pn(device));
	assert_null(wa_node_child(user, "key"));
	assert_null(wa_node_child(user, "error"));
	assert_non_null(wa_node_path(user, "skey", "signature"));
	assert_jid(user, "jid", device_pn(device));
}

static void an_upload_may_repeat_keys_unchanged(void **state)
{
	(void)state;
	result(upload(1, 20, 1));
	result(upload(1, 20, 1));
	assert_int_equal(count(), 20);
}

static void a_used_id_or_a_changed_key_is_refused_as_a_whole(void **state)
{
	(void)state;
	result(upload(1, 20, 1));
	assert_int_equal(error_code(ask(upload(20, 21, 2))), 406);
	fetch(device_pn(device));
	assert_int_equal(error_code(ask(upload(1, 30, 1))), 406);
	assert_int_equal(count(), 19);
	result(upload(21, 30, 1));
	assert_int_equal(count(), 29);
}

static void ids_may_start_again_at_one_after_the_last(void **state)
{
	(void)state;
	result(upload(0xfffffe, 0xffffff, 1));
	fetch(device_pn(device));
	fetch(device_pn(device));
	result(upload(1, 5, 1));
	assert_int_equal(count(), 5);
}

static void more_keys_than_the_server_keeps_are_refused(void **state)
{
	(void)state;
	result(upload(1, SANDBOX_PREKEYS_MAX, 1));
	assert_int_equal(error_code(ask(upload(SANDBOX_PREKEYS_MAX + 1,
				 SANDBOX_PREKEYS_MAX + 1, 1))),
		406);
}

static void an_upload_with_a_bad_signature_or_identity_is_refused(void **state)
{
	struct wa_node *iq = request("set", "encrypt", "rotate");

	(void)state;
	add_signed_key((struct wa_node *)iq->child, 2, false);
	assert_int_equal(error_code(ask(iq)), 406);
	device->identity[0] ^= 1;
	assert_int_equal(error_code(ask(upload(1, 5, 1))), 406);
	assert_int_equal(count(), 0);
	assert_false(device->has_bundle);
}

static void rotation_replaces_the_signed_prekey(void **state)
{
	struct wa_node *iq = request("set", "encrypt", "rotate");

	(void)state;
	result(upload(1, 5, 1));
	add_signed_key((struct wa_node *)iq->child, 2, true);
	result(iq);
	assert_int_equal(device->signed_id, 2);
}

static void the_count_is_told_again_as_it_falls_below_five(void **state)
{
	(void)state;
	result(upload(1, 6, 1));
	fetch(device_pn(device));
	assert_int_equal(net_count(device, "notification"), 0);
	for (int left = 4; left >= 0; left--) {
		const struct wa_node *told;

		fetch(device_pn(device));
		told = net_sent(device, "notification", 0);
		assert_non_null(told);
		assert_attr(told, "type", "encrypt");
		assert_jid(told, "from", wa_jid_server());
		assert_int_equal(
			wa_node_int(wa_node_child(told, "count"), "value", -1),
			left);
	}
}

static void a_device_without_upload_is_neither_served_nor_listed(void **state)
{
	(void)state;
	assert_attr(wa_node_child(fetch(device_pn(device)), "error"), "code",
		"404");
	result(upload(1, 5, 1));
	assert_null(wa_node_child(fetch(device_pn(device)), "error"));
}

static void the_digest_lists_and_hashes_what_is_there(void **state)
{
	const struct wa_node *digest;
	size_t n;

	(void)state;
	assert_int_equal(
		error_code(ask(request("get", "encrypt", "digest"))), 404);
	result(upload(1, 20, 1));
	fetch(device_pn(device));
	digest = wa_node_child(
		result(request("get", "encrypt", "digest")), "digest");
	assert_int_equal(wa_node_n_children(wa_node_child(digest, "list")), 19);
	assert_non_null(wa_node_content(wa_node_child(digest, "hash"), &n));
	assert_int_equal(n, 20);
}

/* ---- usync ---- */

static const struct wa_node *lookup(struct wa_node *iq)
{
	return wa_node_path(wa_node_child(result(iq), "usync"), "list", "user");
}

static struct wa_node *usync(const char *protocol, struct wa_node **user)
{
	struct wa_node *iq = request("get", "usync", NULL);
	struct wa_node *top = wa_node_add(iq, "usync");

	wa_node_set(top, "sid", "s1");
	wa_node_add(wa_node_add(top, "query"), protocol);
	*user = wa_node_add(wa_node_add(top, "list"), "user");
	return iq;
}

static const struct wa_node *lookup_jid(const char *protocol, struct wa_jid jid)
{
	struct wa_node *user, *iq = usync(protocol, &user);
	const struct wa_node *found;

	wa_node_set_jid(user, "jid", &jid);
	found = lookup(iq);
	assert_jid(found, "jid", jid);
	return found;
}

static const struct wa_node *lookup_number(const char *number, bool lid_mode)
{
	struct wa_node *user, *iq = usync("contact", &user);

	if (lid_mode)
		wa_node_set(
			(struct wa_node *)wa_node_path(
				wa_node_child(iq, "usync"), "query", "contact"),
			"addressing_mode", "lid");
	wa_node_text(wa_node_add(user, "contact"), number);
	return lookup(iq);
}

static void only_devices_with_keys_are_listed(void **state)
{
	const struct wa_node *list;

	(void)state;
	list = wa_node_path(lookup_jid("devices", wa_jid_pn(alice->pn, 0)),
		"devices", "device-list");
	assert_int_equal(wa_node_n_children(list), 1);
	assert_attr(list->child, "id", "0");
	result(upload(1, 5, 1));
	list = wa_node_path(lookup_jid("devices", wa_jid_lid(alice->lid, 0)),
		"devices", "device-list");
	assert_int_equal(wa_node_n_children(list), 2);
	assert_attr(list->child->next, "key-index", "1");
}

static void the_lid_is_told_to_who_asks_by_number(void **state)
{
	const struct wa_node *found;

	(void)state;
	found = lookup_jid("lid", wa_jid_pn(bob->pn, 0));
	assert_jid(wa_node_child(found, "lid"), "val", wa_jid_lid(bob->lid, 0));
	found = lookup_jid("lid", wa_jid_lid(bob->lid, 0));
	assert_null(wa_node_child(found, "lid"));
}

static void a_number_is_looked_up_in_every_form_of_writing(void **state)
{
	static const char *const forms[] = { "+15550002222", "15550002222",
		"+15550002222@c.us", "15550002222@c.us" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		const struct wa_node *found = lookup_number(forms[i], false);

		assert_jid(found, "jid", wa_jid_pn(bob->pn, 0));
		assert_attr(wa_node_child(found, "contact"), "type", "in");
	}
}

static void in_lid_mode_the_lid_is_the_jid(void **state)
{
	const struct wa_node *found = lookup_number("+15550002222", true);

	(void)state;
	assert_jid(found, "jid", wa_jid_lid(bob->lid, 0));
	assert_jid(found, "pn_jid", wa_jid_pn(bob->pn, 0));
}

static void an_unknown_number_has_a_jid_but_nothing_else(void **state)
{
	const struct wa_node *found = lookup_number("+15559998888", true);
	struct wa_jid unknown = wa_jid_pn("15559998888", 0);

	(void)state;
	assert_jid(found, "jid", unknown);
	assert_attr(wa_node_child(found, "contact"), "type", "out");
	assert_null(wa_node_child(lookup_jid("devices", unknown), "devices"));
	assert_null(wa_node_child(lookup_jid("lid", unknown), "lid"));
}

/* ---- the rest ---- */

static void every_collection_asked_for_is_in_the_answer(void **state)
{
	struct wa_node *iq = request("set", "w:sync:app:state", "sync");
	static const char *const names[] = { "critical_block", "regular",
		"regular_low" };
	const struct wa_node *sync;
	size_t i = 0;

	(void)state;
	for (; i < ARRAY_LEN(names); i++)
		wa_node_set(
			wa_node_add((struct wa_node *)iq->child, "collection"),
			"name", names[i]);
	sync = wa_node_child(result(iq), "sync");
	i = 0;
	wa_node_each (collection, sync) {
		assert_attr(collection, "name", names[i++]);
		assert_attr(collection, "version", "0");
	}
	assert_int_equal(i, ARRAY_LEN(names));
}

static void a_privacy_token_reaches_the_one_it_is_for(void **state)
{
	struct device *other = net_companion(bob);
	struct wa_node *iq = request("set", "privacy", "tokens"), *token;
	struct wa_jid jid = wa_jid_lid(bob->lid, 0);
	const struct wa_node *told;
	size_t n;

	(void)state;
	net_connect(other);
	token = wa_node_add((struct wa_node *)iq->child, "token");
	wa_node_set_jid(token, "jid", &jid);
	wa_node_set(token, "t", "1700000000");
	wa_node_set(token, "type", "trusted_contact");
	result(iq);
	told = net_sent(other, "notification", 0);
	assert_non_null(told);
	assert_attr(told, "type", "privacy_token");
	assert_jid(told, "from", wa_jid_pn(alice->pn, 0));
	assert_jid(told, "sender_lid", wa_jid_lid(alice->lid, 0));
	assert_non_null(
		wa_node_content(wa_node_path(told, "tokens", "token"), &n));
	assert_int_equal(n, 16);
}

static void a_companion_unlinks_itself_and_no_other(void **state)
{
	struct device *other = net_companion(alice);
	struct wa_node *iq = request("set", "md", "remove-companion-device");
	struct wa_jid jid = device_pn(other);

	(void)state;
	wa_node_set_jid((struct wa_node *)iq->child, "jid", &jid);
	assert_int_equal(error_code(ask(iq)), 403);
	assert_ptr_equal(account_device(alice, 2), other);

	iq = request("set", "md", "remove-companion-device");
	jid = device_pn(device);
	wa_node_set_jid((struct wa_node *)iq->child, "jid", &jid);
	net_forget_sent();
	iq_on_request(session, iq);
	assert_null(account_device(alice, 1));
	assert_string_equal(net.happened[0].what, "send");
	assert_attr(net.happened[0].node, "type", "result");
	assert_string_equal(net.happened[1].what, "end");
	assert_int_equal(net.happened[1].code, 401);
}

static void what_is_unknown_is_answered_as_such(void **state)
{
	static const char *const odd[][3] = { { "get", "newsletter", "x" },
		{ "set", "w:biz", "create" }, { "get", "encrypt", NULL },
		{ "set", "usync", "usync" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		assert_int_equal(error_code(ask(request(
					 odd[i][0], odd[i][1], odd[i][2]))),
			501);
}

static void incomplete_requests_are_refused(void **state)
{
	struct wa_node *no_registration = request("set", "encrypt", NULL);
	struct wa_node *user, *too_many = usync("lid", &user);

	(void)state;
	wa_node_add(no_registration, "registration");
	assert_int_equal(error_code(ask(no_registration)), 406);
	assert_int_equal(
		error_code(ask(request("get", "usync", "usync"))), 400);
	for (int i = 0; i < IQ_USERS_MAX; i++)
		wa_node_add((struct wa_node *)wa_node_path(
				    too_many, "usync", "list"),
			"user");
	assert_int_equal(error_code(ask(too_many)), 400);
}

#define on_session(test) \
	cmocka_unit_test_setup_teardown(test, open_session, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_session(each_one_time_key_is_served_once_in_order),
		on_session(a_bundle_without_one_time_keys_has_no_key),
		on_session(an_upload_may_repeat_keys_unchanged),
		on_session(a_used_id_or_a_changed_key_is_refused_as_a_whole),
		on_session(ids_may_start_again_at_one_after_the_last),
		on_session(more_keys_than_the_server_keeps_are_refused),
		on_session(
			an_upload_with_a_bad_signature_or_identity_is_refused),
		on_session(rotation_replaces_the_signed_prekey),
		on_session(the_count_is_told_again_as_it_falls_below_five),
		on_session(
			a_device_without_upload_is_neither_served_nor_listed),
		on_session(the_digest_lists_and_hashes_what_is_there),
		on_session(only_devices_with_keys_are_listed),
		on_session(the_lid_is_told_to_who_asks_by_number),
		on_session(a_number_is_looked_up_in_every_form_of_writing),
		on_session(in_lid_mode_the_lid_is_the_jid),
		on_session(an_unknown_number_has_a_jid_but_nothing_else),
		on_session(every_collection_asked_for_is_in_the_answer),
		on_session(a_privacy_token_reaches_the_one_it_is_for),
		on_session(a_companion_unlinks_itself_and_no_other),
		on_session(what_is_unknown_is_answered_as_such),
		on_session(incomplete_requests_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
