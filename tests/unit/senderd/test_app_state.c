/* App state: patches and snapshots, what they mean, what is wrong with them,
 * and changes of our own. */
#include "tests/unit/senderd/app_cloud.h"

#include "common/store/chat.h"
#include "common/store/contact.h"
#include "senderd/whatsapp/asked.h"
#include "senderd/whatsapp/syncd_patch.h"

#define CONTACTS "critical_unblock_low"
#define LOW "regular_low"
#define HIGH "regular_high"
#define BOB_JID BOB_PN "@s.whatsapp.net"

/* ---- what a phone writes ---- */

static void set_contact(
	struct cloud *cloud, const char *jid, const char *name, const char *lid)
{
	Wa__SyncActionValue value = WA__SYNC_ACTION_VALUE__INIT;
	Wa__ContactAction action = WA__CONTACT_ACTION__INIT;
	char index[160];

	action.full_name = (char *)name;
	action.lid_jid = (char *)lid;
	value.contact_action = &action;
	snprintf(index, sizeof index, "[\"contact\",\"%s\"]", jid);
	cloud_add(cloud, WA_SYNCD_SET, index, &value);
}

static void remove_contact(struct cloud *cloud, const char *jid)
{
	Wa__SyncActionValue value = WA__SYNC_ACTION_VALUE__INIT;
	char index[160];

	snprintf(index, sizeof index, "[\"contact\",\"%s\"]", jid);
	cloud_add(cloud, WA_SYNCD_REMOVE, index, &value);
}

static void set_pin(struct cloud *cloud, const char *jid, bool is_pinned)
{
	Wa__SyncActionValue value = WA__SYNC_ACTION_VALUE__INIT;
	Wa__PinAction action = WA__PIN_ACTION__INIT;
	char index[160];

	action.has_pinned = true;
	action.pinned = is_pinned;
	value.pin_action = &action;
	snprintf(index, sizeof index, "[\"pin_v1\",\"%s\"]", jid);
	cloud_add(cloud, WA_SYNCD_SET, index, &value);
}

static void set_archived(struct cloud *cloud, const char *jid, bool is_archived)
{
	Wa__SyncActionValue value = WA__SYNC_ACTION_VALUE__INIT;
	Wa__ArchiveChatAction action = WA__ARCHIVE_CHAT_ACTION__INIT;
	char index[160];

	action.has_archived = true;
	action.archived = is_archived;
	value.archive_chat_action = &action;
	snprintf(index, sizeof index, "[\"archive\",\"%s\"]", jid);
	cloud_add(cloud, WA_SYNCD_SET, index, &value);
}

static void set_muted(struct cloud *cloud, const char *jid, int64_t until_ms)
{
	Wa__SyncActionValue value = WA__SYNC_ACTION_VALUE__INIT;
	Wa__MuteAction action = WA__MUTE_ACTION__INIT;
	char index[160];

	action.has_muted = action.has_mute_end_timestamp = true;
	action.muted = until_ms != 0;
	action.mute_end_timestamp = until_ms;
	value.mute_action = &action;
	snprintf(index, sizeof index, "[\"mute\",\"%s\"]", jid);
	cloud_add(cloud, WA_SYNCD_SET, index, &value);
}

/* ---- what the store has of it ---- */

struct seen {
	char name[64];
	struct chat chat;
};

static int on_contact(const struct contact *contact, void *arg)
{
	struct seen *seen = arg;

	snprintf(seen->name, sizeof seen->name, "%s",
		contact->name != NULL ? contact->name : "");
	return 0;
}

/* "" without a name, "-" without a contact. */
static const char *contact_name(
	struct fake *fake, const char *phone, const char *lid)
{
	static struct seen seen;
	char public_id[UUID_LEN];
	struct err err = ERR_NONE;

	assert_int_equal(
		store_contact_public_id(fake->lane.store, fake->lane.account_id,
			phone, lid, public_id, &err),
		0);
	if (public_id[0] == '\0')
		return "-";
	assert_int_equal(store_contact_by_public_id(fake->lane.store,
				 fake->lane.account_id, public_id, on_contact,
				 &seen, &err),
		0);
	return seen.name;
}

static int on_chat(const struct chat *chat, void *arg)
{
	((struct seen *)arg)->chat = *chat;
	return 0;
}

static struct chat chat_of(struct fake *fake, const char *jid)
{
	struct seen seen = { .name = "" };
	struct err err = ERR_NONE;

	store_chat_by_jid(fake->lane.store, fake->lane.device_id, jid, on_chat,
		&seen, &err);
	return seen.chat;
}

/* ---- fetching ---- */

static void nothing_is_asked_before_there_are_keys(void **state)
{
	struct fake *fake = *state;

	app_state_on_ready(&fake->lane);
	fake_run(fake);
	assert_null(fake_question(fake));
}

static void the_first_keys_fetch_every_collection_once(void **state)
{
	static const char *const names[] = { "critical_block",
		"critical_unblock_low", "regular_high", "regular",
		"regular_low" };
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);

	app_state_on_ready(&fake->lane);
	cloud_share_key(fake, cloud);
	fake_run(fake);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct wa_node *asked = asked_collection(fake);

		assert_non_null(asked);
		assert_string_equal(wa_node_str(asked, "name"), names[i]);
		assert_string_equal(
			wa_node_str(asked, "return_snapshot"), "true");
		assert_null(wa_node_get(asked, "version"));
		answer_once(fake, cloud);
	}
	assert_null(fake_question(fake));
	/* The next connection has nothing to ask for. */
	app_state_on_ready(&fake->lane);
	fake_run(fake);
	assert_null(fake_question(fake));
}

static void ready(struct fake *fake, struct cloud *cloud)
{
	app_state_on_ready(&fake->lane);
	cloud_share_key(fake, cloud);
}

static void patches_say_who_contacts_are(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(CONTACTS);
	struct wa_jid pn = wa_jid_pn("15550003333", 0);
	struct wa_jid lid;
	struct err err = ERR_NONE;

	set_contact(cloud, BOB_JID, "Bob", NULL);
	set_contact(cloud, "15550003333@s.whatsapp.net", "Carol", "77@lid");
	cloud_commit(cloud);
	set_contact(cloud, BOB_JID, "Robert", NULL);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_all(fake, cloud);
	assert_int_equal(version_here(fake, CONTACTS), 2);
	assert_string_equal(contact_name(fake, BOB_PN, NULL), "Robert");
	assert_string_equal(contact_name(fake, NULL, "77"), "Carol");
	assert_int_equal(lanedb_lid_of(fake->lane.db, &pn, &lid, &err), 1);
	assert_string_equal(lid.user, "77");
	remove_contact(cloud, BOB_JID);
	cloud_commit(cloud);
	app_state_on_dirty(&fake->lane);
	answer_all(fake, cloud);
	assert_string_equal(contact_name(fake, BOB_PN, NULL), "");
}

static void patches_say_how_chats_are_listed(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);

	set_pin(cloud, BOB_JID, true);
	set_archived(cloud, "120363001@g.us", true);
	set_pin(cloud, "15550003333@s.whatsapp.net", true);
	cloud_commit(cloud);
	set_pin(cloud, BOB_JID, false);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_all(fake, cloud);
	assert_false(chat_of(fake, BOB_JID).is_pinned);
	assert_true(chat_of(fake, "120363001@g.us").is_archived);
	assert_true(chat_of(fake, "15550003333@s.whatsapp.net").is_pinned);
}

static void a_mute_without_an_end_is_for_ever(void **state)
{
	static const int64_t untils[][2] = { { -1, -1 },
		{ 1800000000000, 1800000000000 }, { 0, 0 } };
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(HIGH);

	ready(fake, cloud);
	for (size_t i = 0; i < ARRAY_LEN(untils); i++) {
		set_muted(cloud, BOB_JID, untils[i][0]);
		cloud_commit(cloud);
		app_state_on_dirty(&fake->lane);
		answer_all(fake, cloud);
		assert_int_equal(
			chat_of(fake, BOB_JID).muted_until_ms, untils[i][1]);
	}
}

/* A value of its own for each of the actions that are not contacts or chats. */
static void other_actions_reach_their_places(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(HIGH);
	scoped(buf_fini) struct buf salt = BUF_INIT;
	Wa__SyncActionValue value = WA__SYNC_ACTION_VALUE__INIT;
	Wa__PushNameSetting name = WA__PUSH_NAME_SETTING__INIT;
	Wa__NctSaltSyncAction nct = WA__NCT_SALT_SYNC_ACTION__INIT;
	Wa__PnForLidChatAction pn = WA__PN_FOR_LID_CHAT_ACTION__INIT;
	struct wa_jid lid = wa_jid_lid("4711", 0), found;
	struct err err = ERR_NONE;

	name.name = (char *)"Shop";
	value.push_name_setting = &name;
	cloud_add(cloud, WA_SYNCD_SET, "[\"setting_pushName\"]", &value);
	value = (Wa__SyncActionValue)WA__SYNC_ACTION_VALUE__INIT;
	nct.has_salt = true;
	nct.salt.data = (uint8_t *)"pepper";
	nct.salt.len = 6;
	value.nct_salt_sync_action = &nct;
	cloud_add(cloud, WA_SYNCD_SET, "[\"nct_salt_sync\"]", &value);
	value = (Wa__SyncActionValue)WA__SYNC_ACTION_VALUE__INIT;
	pn.pn_jid = (char *)"15550004444@s.whatsapp.net";
	value.pn_for_lid_chat_action = &pn;
	cloud_add(
		cloud, WA_SYNCD_SET, "[\"pnForLidChat\",\"4711@lid\"]", &value);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_all(fake, cloud);
	assert_string_equal(fake->push_name, "Shop");
	assert_int_equal(
		lanedb_value_load(fake->lane.db, "nct_salt", &salt, &err), 1);
	assert_string_equal(buf_cstr(&salt), "pepper");
	assert_int_equal(lanedb_pn_of(fake->lane.db, &lid, &found, &err), 1);
	assert_string_equal(found.user, "15550004444");
}

static void an_index_that_makes_no_sense_does_nothing(void **state)
{
	static const char *const indexes[] = { "", "[", "{}", "[]", "[1,2]",
		"[\"contact\"]", "[\"contact\",null]", "[\"contact\",\"@\"]",
		"[\"pin_v1\"]", "[\"pin_v1\",\"no address\"]",
		"[\"mute\",\"\"]", "[\"something_new\",\"1@lid\"]", "\"mute\"",
		"[[\"mute\"],\"1@lid\"]" };
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	Wa__SyncActionValue value = WA__SYNC_ACTION_VALUE__INIT;

	for (size_t i = 0; i < ARRAY_LEN(indexes); i++)
		cloud_add(cloud, WA_SYNCD_SET, indexes[i], &value);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_all(fake, cloud);
	assert_int_equal(version_here(fake, LOW), 1);
	assert_int_equal(chat_of(fake, "1@lid").updated_ms, 0);
}

/* One index many times in one patch, and over patches. */
static void an_index_that_changes_often_keeps_the_hash_right(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(CONTACTS);

	set_contact(cloud, BOB_JID, "A", NULL);
	set_contact(cloud, BOB_JID, "B", NULL);
	remove_contact(cloud, BOB_JID);
	remove_contact(cloud, "1@lid"); /* that was never there */
	set_contact(cloud, BOB_JID, "C", NULL);
	cloud_commit(cloud);
	remove_contact(cloud, BOB_JID);
	set_contact(cloud, BOB_JID, "D", NULL);
	cloud_commit(cloud);
	remove_contact(cloud, BOB_JID);
	cloud_commit(cloud);
	set_contact(cloud, BOB_JID, "E", NULL);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_all(fake, cloud);
	assert_int_equal(version_here(fake, CONTACTS), 4);
	assert_string_equal(contact_name(fake, BOB_PN, NULL), "E");
}

static void a_patch_that_is_known_already_is_passed_over(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct wa_node *collection = NULL;
	struct wa_node *answer = NULL;

	set_pin(cloud, BOB_JID, true);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_all(fake, cloud);
	app_state_on_dirty(&fake->lane);
	answer_until_asked(fake, cloud);
	assert_string_equal(
		wa_node_str(asked_collection(fake), "version"), "1");
	assert_string_equal(
		wa_node_str(asked_collection(fake), "return_snapshot"),
		"false");
	answer = answer_new(fake, LOW, &collection);
	answer_patches(cloud, 0, collection); /* from the start */
	fake_answer(fake, answer);
	assert_null(asked_collection(fake));
	assert_int_equal(version_here(fake, LOW), 1);
}

static void more_patches_are_asked_for_while_there_is_progress(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct wa_node *collection = NULL;
	struct wa_node *answer = NULL;

	for (int i = 0; i < 3; i++) {
		set_pin(cloud, BOB_JID, i != 1);
		cloud_commit(cloud);
	}
	ready(fake, cloud);
	answer_until_asked(fake, cloud);
	for (uint64_t v = 0; v < 3; v++) {
		assert_int_equal(
			wa_node_int(asked_collection(fake), "version", 0), v);
		answer = answer_new(fake, LOW, &collection);
		wa_node_set(collection, "has_more_patches", "true");
		wa_node_bytes(wa_node_add(wa_node_add(collection, "patches"),
				      "patch"),
			cloud->patches[v].data, cloud->patches[v].len);
		fake_answer(fake, answer);
	}
	/* It says that there is more and has nothing: that ends it. */
	answer = answer_new(fake, LOW, &collection);
	wa_node_set(collection, "has_more_patches", "true");
	fake_answer(fake, answer);
	assert_null(asked_collection(fake));
	assert_int_equal(version_here(fake, LOW), 3);
}

static struct wa_node *server_sync(struct fake *fake, const char *name)
{
	struct wa_node *node = wa_node_new(fake->arena, "notification");
	struct wa_jid self = wa_jid_pn(OWN_PN, 0);
	struct wa_node *collection = wa_node_add(node, "collection");

	wa_node_set(node, "type", "server_sync");
	wa_node_set_jid(node, "from", &self);
	wa_node_set(collection, "name", name);
	wa_node_set(collection, "version", "9");
	return node;
}

static void a_notice_fetches_what_it_names(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct wa_node *notice = server_sync(fake, LOW);
	struct wa_jid bob = wa_jid_pn(BOB_PN, 0);
	struct err err = ERR_NONE;

	ready(fake, cloud);
	answer_all(fake, cloud);
	assert_int_equal(
		app_state_on_notification(&fake->lane, notice, &err), 0);
	fake_run(fake);
	assert_true(wa_node_is(asked_collection(fake), "name", LOW));
	answer_all(fake, cloud);
	assert_int_equal(app_state_on_notification(&fake->lane,
				 server_sync(fake, "something_new"), &err),
		0);
	notice = server_sync(fake, LOW);
	notice->attrs->next->value.jid = bob; /* somebody else's word */
	assert_int_equal(
		app_state_on_notification(&fake->lane, notice, &err), 0);
	fake_run(fake);
	assert_null(fake_question(fake));
}

static void what_changes_while_it_is_fetched_is_fetched_again(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct err err = ERR_NONE;

	set_pin(cloud, BOB_JID, true);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_until_asked(fake, cloud);
	app_state_on_notification(&fake->lane, server_sync(fake, LOW), &err);
	answer_once(fake, cloud);
	assert_true(wa_node_is(asked_collection(fake), "name", LOW));
	answer_all(fake, cloud);
}

static void what_is_due_survives_a_restart(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct err err = ERR_NONE;

	ready(fake, cloud);
	answer_all(fake, cloud);
	app_state_on_notification(&fake->lane, server_sync(fake, LOW), &err);
	assert_int_equal(fake_turn_end(fake), 0);
	app_state_free(&fake->lane.app_state);
	fake->lane.app_state = app_state_new();
	app_state_on_ready(&fake->lane);
	fake_run(fake);
	assert_true(wa_node_is(asked_collection(fake), "name", LOW));
	answer_all(fake, cloud);
}

static void a_server_that_does_not_answer_is_asked_only_so_often(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	unsigned n = 0;

	ready(fake, cloud);
	answer_until_asked(fake, cloud);
	while (asked_collection(fake) != NULL && n < 20) {
		fake_answer(fake, NULL);
		fake_fire(fake);
		n++;
	}
	assert_int_equal(n, 4);
	/* It is due still: the next connection tries again. */
	app_state_on_disconnect(&fake->lane);
	app_state_on_ready(&fake->lane);
	fake_run(fake);
	assert_true(wa_node_is(asked_collection(fake), "name", LOW));
}

/* ---- keys ---- */

static void a_missing_key_parks_the_collection_until_it_comes(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	scoped(cloud_free) struct cloud *other = cloud_new("regular");
	const struct wa_node *sent = NULL;
	Wa__Message *message = NULL;
	struct person *phone = fake->own_phone;

	person_meet(fake, phone);
	cloud_keys(cloud, 9);
	set_pin(cloud, BOB_JID, true);
	cloud_commit(cloud);
	ready(fake, other); /* its key alone */
	answer_all(fake, cloud);
	assert_int_equal(version_here(fake, LOW), 0);
	assert_int_equal(chat_of(fake, BOB_JID).updated_ms, 0);
	/* The session with the phone is fetched, then it is asked. */
	fake_answer_all(fake);
	sent = fake_last(fake, "message");
	assert_non_null(sent);
	assert_string_equal(wa_node_str(sent, "category"), "peer");
	assert_string_equal(wa_node_str(sent, "to"), OWN_PN "@s.whatsapp.net");
	message = person_hear(fake, phone, wa_node_child(sent, "enc"));
	assert_non_null(message);
	assert_int_equal(message->protocol_message->app_state_sync_key_request
				 ->n_key_ids,
		1);
	assert_memory_equal(
		message->protocol_message->app_state_sync_key_request
			->key_ids[0]
			->key_id.data,
		cloud->key_id, 6);
	wa__message__free_unpacked(message, NULL);
	/* Once a day. */
	fake_forget_sent(fake);
	app_state_on_disconnect(&fake->lane);
	app_state_on_ready(&fake->lane);
	app_state_on_dirty(&fake->lane);
	answer_all(fake, cloud);
	assert_null(fake_last(fake, "message"));
	cloud_share_key(fake, cloud);
	answer_all(fake, cloud);
	assert_int_equal(version_here(fake, LOW), 1);
	assert_true(chat_of(fake, BOB_JID).is_pinned);
}

static void keys_are_asked_for_only_so_often(void **state)
{
	struct fake *fake = *state;
	struct err err = ERR_NONE;
	unsigned n_may = 0;
	bool may = false;
	bool was = false;
	char id[16];

	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof id, "%d", i % 50);
		assert_int_equal(asked_note(&fake->lane, ASKED_KEYS, id, 86400,
					 &may, &err),
			0);
		n_may += may;
	}
	assert_int_equal(n_may, ASKED_MAX);
	assert_int_equal(
		asked_take(&fake->lane, ASKED_KEYS, "3", 86400, &was, &err), 0);
	assert_true(was);
	assert_int_equal(
		asked_take(&fake->lane, ASKED_KEYS, "3", 86400, &was, &err), 0);
	assert_false(was);
	/* Its place is free, and what is old counts no more. */
	asked_note(&fake->lane, ASKED_KEYS, "77", 86400, &may, &err);
	assert_true(may);
	clock_shift_ms(90000);
	asked_note(&fake->lane, ASKED_KEYS, "4", 86400, &may, &err);
	clock_shift_ms(0);
	assert_true(may);
}

/* ---- what is broken ---- */

/* Whatever is wrong with a patch: nothing of it happens, the collection is
 * fetched anew once, and left alone when that is wrong too. */
static void a_broken_patch_changes_nothing(void **state)
{
	for (enum cloud_fault fault = FAULT_PATCH_MAC; fault < N_FAULTS;
		fault++) {
		struct fake *fake = *state;
		scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);

		set_pin(cloud, "1@lid", true);
		cloud_commit(cloud);
		set_pin(cloud, "1@lid", false);
		set_pin(cloud, BOB_JID, true);
		cloud_commit_as(cloud, fault, NULL, NULL);
		ready(fake, cloud);
		answer_until_asked(fake, cloud);
		answer_once(fake, cloud);
		/* The first patch was fine; with the second, all is void. */
		assert_true(wa_node_is(asked_collection(fake), "name", LOW));
		assert_string_equal(
			wa_node_str(asked_collection(fake), "return_snapshot"),
			"true");
		assert_int_equal(version_here(fake, LOW), 0);
		assert_int_equal(chat_of(fake, BOB_JID).updated_ms, 0);
		answer_once(fake, cloud);
		assert_null(asked_collection(fake));
		assert_int_equal(version_here(fake, LOW), 0);
		assert_int_equal(chat_of(fake, BOB_JID).updated_ms, 0);
		assert_int_equal(fake->n_lost, 0);
		/* Until it is said to have changed. */
		app_state_on_disconnect(&fake->lane);
		app_state_on_ready(&fake->lane);
		fake_run(fake);
		assert_null(asked_collection(fake));
		app_state_on_dirty(&fake->lane);
		answer_until_asked(fake, cloud);
		fake_teardown(state);
		fake_setup(state);
	}
}

static void a_collection_that_was_broken_is_whole_after_a_snapshot(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	scoped(buf_fini) struct buf snapshot = BUF_INIT;
	Wa__ExternalBlobReference ref = WA__EXTERNAL_BLOB_REFERENCE__INIT;
	struct wa_node *collection = NULL;
	struct wa_node *answer = NULL;
	uint8_t bytes[256], key[32] = { 5 };

	set_pin(cloud, BOB_JID, true);
	cloud_commit_as(cloud, FAULT_PATCH_MAC, NULL, NULL);
	ready(fake, cloud);
	answer_until_asked(fake, cloud);
	answer_once(fake, cloud);
	answer = answer_new(fake, LOW, &collection);
	ref.direct_path = (char *)"/v/t62/snapshot?x=1";
	ref.has_media_key = ref.has_file_enc_sha256 = true;
	ref.media_key.data = ref.file_enc_sha256.data = key;
	ref.media_key.len = ref.file_enc_sha256.len = sizeof key;
	wa_node_bytes(wa_node_add(collection, "snapshot"), bytes,
		wa__external_blob_reference__pack(&ref, bytes));
	fake_answer(fake, answer);
	assert_string_equal(
		fake_download.ref.direct_path, "/v/t62/snapshot?x=1");
	assert_int_equal(fake_download.ref.type, WA_MEDIA_APP_STATE);
	assert_int_equal(fake_download.max_bytes, 32 << 20);
	cloud_snapshot(cloud, FAULT_NONE, &snapshot);
	answer_download(fake, &snapshot);
	run_until_quiet(fake, 10);
	assert_int_equal(version_here(fake, LOW), 1);
	assert_true(chat_of(fake, BOB_JID).is_pinned);
	answer_all(fake, cloud);
}

/* ---- snapshots ---- */

/* @cloud's collection is asked for; the server has a snapshot of it. */
static void offer_snapshot(struct fake *fake, const char *name)
{
	Wa__ExternalBlobReference ref = WA__EXTERNAL_BLOB_REFERENCE__INIT;
	struct wa_node *collection = NULL;
	struct wa_node *answer = answer_new(fake, name, &collection);
	uint8_t bytes[256], key[32] = { 5 };

	ref.direct_path = (char *)"/v/t62/snapshot";
	ref.has_media_key = ref.has_file_enc_sha256 = true;
	ref.media_key.data = ref.file_enc_sha256.data = key;
	ref.media_key.len = ref.file_enc_sha256.len = sizeof key;
	wa_node_bytes(wa_node_add(collection, "snapshot"), bytes,
		wa__external_blob_reference__pack(&ref, bytes));
	fake_answer(fake, answer);
}

static void many_contacts(struct cloud *cloud, int n)
{
	char jid[64], name[64];

	for (int i = 0; i < n; i++) {
		snprintf(jid, sizeof jid, "1555%07d@s.whatsapp.net", i);
		snprintf(name, sizeof name, "Contact %d", i);
		set_contact(cloud, jid, name, NULL);
	}
	cloud_commit(cloud);
}

static void a_large_snapshot_takes_many_turns_and_counts_at_its_end(
	void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(CONTACTS);
	scoped(buf_fini) struct buf snapshot = BUF_INIT;
	unsigned turns = 0;

	many_contacts(cloud, 1000);
	cloud_snapshot(cloud, FAULT_NONE, &snapshot);
	set_contact(cloud, "15550000001@s.whatsapp.net", "Renamed", NULL);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_until_asked(fake, cloud);
	offer_snapshot(fake, CONTACTS);
	answer_download(fake, &snapshot);
	while (asked_collection(fake) == NULL) {
		assert_int_equal(version_here(fake, CONTACTS), 0);
		fake_fire(fake);
		assert_true(++turns < 100);
	}
	assert_true(turns >= 10); /* 1000 records, twice, 200 a turn */
	assert_int_equal(version_here(fake, CONTACTS), 1);
	assert_string_equal(
		contact_name(fake, "15550000999", NULL), "Contact 999");
	/* What came after it is asked for, and fits. */
	assert_string_equal(
		wa_node_str(asked_collection(fake), "version"), "1");
	answer_all(fake, cloud);
	assert_int_equal(version_here(fake, CONTACTS), 2);
	assert_string_equal(contact_name(fake, "15550000001", NULL), "Renamed");
}

static void a_snapshot_that_is_interrupted_is_fetched_again(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(CONTACTS);
	scoped(buf_fini) struct buf snapshot = BUF_INIT;

	many_contacts(cloud, 1000);
	cloud_snapshot(cloud, FAULT_NONE, &snapshot);
	ready(fake, cloud);
	answer_until_asked(fake, cloud);
	offer_snapshot(fake, CONTACTS);
	answer_download(fake, &snapshot);
	for (int i = 0; i < 8; i++)
		fake_fire(fake);
	/* In its second pass; then the process is killed. */
	assert_string_equal(
		contact_name(fake, "15550000001", NULL), "Contact 1");
	app_state_free(&fake->lane.app_state);
	fake->lane.app_state = app_state_new();
	app_state_on_ready(&fake->lane);
	answer_until_asked(fake, cloud);
	assert_string_equal(
		wa_node_str(asked_collection(fake), "return_snapshot"), "true");
	offer_snapshot(fake, CONTACTS);
	answer_download(fake, &snapshot);
	run_until_quiet(fake, 10);
	answer_all(fake, cloud);
	assert_int_equal(version_here(fake, CONTACTS), 1);
}

static void a_broken_snapshot_changes_nothing(void **state)
{
	static const enum cloud_fault faults[] = { FAULT_SNAPSHOT_MAC,
		FAULT_VALUE, FAULT_LEFT_OUT, FAULT_CUT };

	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct fake *fake = *state;
		scoped(cloud_free) struct cloud *cloud = cloud_new(CONTACTS);
		scoped(buf_fini) struct buf snapshot = BUF_INIT;

		many_contacts(cloud, 3);
		cloud_snapshot(cloud, faults[i], &snapshot);
		ready(fake, cloud);
		for (int round = 0; round < 2; round++) {
			answer_until_asked(fake, cloud);
			offer_snapshot(fake, CONTACTS);
			answer_download(fake, &snapshot);
			run_until_quiet(fake, 10);
			assert_int_equal(version_here(fake, CONTACTS), 0);
		}
		assert_false(
			wa_node_is(asked_collection(fake), "name", CONTACTS));
		fake_teardown(state);
		fake_setup(state);
	}
}

static void a_snapshot_that_is_gone_is_asked_for_again_once(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(CONTACTS);

	many_contacts(cloud, 1);
	ready(fake, cloud);
	for (int i = 0; i < 2; i++) {
		answer_until_asked(fake, cloud);
		offer_snapshot(fake, CONTACTS);
		fake_download.is_open = false;
		fake_download.done(&fake->lane, TRANSFER_GONE, NULL, NULL,
			fake_download.arg);
		fake_run(fake);
	}
	assert_false(wa_node_is(asked_collection(fake), "name", CONTACTS));
}

static void a_blob_that_comes_after_the_connection_is_dropped(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(CONTACTS);
	scoped(buf_fini) struct buf snapshot = BUF_INIT;

	many_contacts(cloud, 1);
	cloud_snapshot(cloud, FAULT_NONE, &snapshot);
	ready(fake, cloud);
	answer_until_asked(fake, cloud);
	offer_snapshot(fake, CONTACTS);
	fake->lane.state = LANE_BACKOFF;
	app_state_on_disconnect(&fake->lane);
	answer_download(fake, &snapshot);
	assert_int_equal(version_here(fake, CONTACTS), 0);
	fake->lane.state = LANE_READY;
	app_state_on_ready(&fake->lane);
	answer_all(fake, cloud);
	assert_int_equal(version_here(fake, CONTACTS), 1);
}

static void mutations_on_the_media_host_are_fetched(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(CONTACTS);
	scoped(buf_fini) struct buf mutations = BUF_INIT;
	Wa__ExternalBlobReference ref = WA__EXTERNAL_BLOB_REFERENCE__INIT;
	uint8_t key[32] = { 5 };

	ref.direct_path = (char *)"/v/t62/mutations";
	ref.has_media_key = ref.has_file_enc_sha256 = true;
	ref.media_key.data = ref.file_enc_sha256.data = key;
	ref.media_key.len = ref.file_enc_sha256.len = sizeof key;
	set_contact(cloud, BOB_JID, "Bob", NULL);
	cloud_commit_as(cloud, FAULT_NONE, &ref, &mutations);
	set_contact(cloud, "15550003333@s.whatsapp.net", "Carol", NULL);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_until_asked(fake, cloud);
	answer_once(fake, cloud);
	assert_string_equal(fake_download.ref.direct_path, "/v/t62/mutations");
	answer_download(fake, &mutations);
	assert_int_equal(version_here(fake, CONTACTS), 1);
	answer_all(fake, cloud);
	assert_int_equal(version_here(fake, CONTACTS), 2);
	assert_string_equal(contact_name(fake, BOB_PN, NULL), "Bob");
	assert_string_equal(contact_name(fake, "15550003333", NULL), "Carol");
}

/* ---- changes of our own ---- */

struct outcome {
	int n;
	struct err err;
};

static void on_done(struct lane *lane, const struct err *err, void *arg)
{
	struct outcome *outcome = arg;

	(void)lane;
	outcome->n++;
	outcome->err = err != NULL ? *err : ERR_NONE;
}

static void pin_bob(struct fake *fake, bool is_pinned, struct outcome *outcome)
{
	Wa__SyncActionValue value = WA__SYNC_ACTION_VALUE__INIT;
	Wa__PinAction action = WA__PIN_ACTION__INIT;
	struct app_change change = { .action = "pin_v1",
		.chat = wa_jid_pn(BOB_PN, 0),
		.value = &value,
		.version = 5 };

	action.has_pinned = true;
	action.pinned = is_pinned;
	value.pin_action = &action;
	*outcome = (struct outcome){ 0 };
	app_state_change(
		&fake->lane, APP_REGULAR_LOW, &change, 1, on_done, outcome);
	fake_run(fake);
}

/* The server takes the patch that is offered, as another device would check
 * it. */
static void cloud_take(struct fake *fake, struct cloud *cloud)
{
	const struct wa_node *asked = asked_collection(fake);
	size_t n = 0;
	const uint8_t *bytes =
		wa_node_content(wa_node_child(asked, "patch"), &n);
	Wa__SyncdPatch *patch = NULL;
	Wa__SyncdVersion version = WA__SYNCD_VERSION__INIT;
	scoped(buf_fini) struct buf macs = BUF_INIT;
	struct buf *out = &cloud->patches[cloud->version];
	uint8_t snapshot_mac[32], patch_mac[32];

	assert_non_null(bytes);
	assert_int_equal(wa_node_int(asked, "version", -1), cloud->version);
	patch = wa__syncd_patch__unpack(NULL, n, bytes);
	assert_non_null(patch);
	assert_null(patch->version);
	for (size_t i = 0; i < patch->n_mutations; i++) {
		const Wa__SyncdRecord *record = patch->mutations[i]->record;

		cloud_move(cloud, WA_SYNCD_SET, record->index->blob.data,
			record->value->blob.data, record->value->blob.len);
		buf_add(&macs,
			wa_syncd_blob_mac(record->value->blob.data,
				record->value->blob.len),
			32);
	}
	cloud->version++;
	wa_syncd_snapshot_mac(&cloud->keys, cloud->hash, cloud->version,
		cloud->name, snapshot_mac);
	assert_memory_equal(snapshot_mac, patch->snapshot_mac.data, 32);
	wa_syncd_patch_mac(&cloud->keys, snapshot_mac, macs.data,
		patch->n_mutations, cloud->version, cloud->name, patch_mac);
	assert_memory_equal(patch_mac, patch->patch_mac.data, 32);
	version.has_version = true;
	version.version = cloud->version;
	patch->version = &version;
	n = wa__syncd_patch__get_packed_size(patch);
	wa__syncd_patch__pack(patch, buf_reserve(out, n));
	out->len = n;
	patch->version = NULL;
	wa__syncd_patch__free_unpacked(patch, NULL);
}

static void accept_upload(struct fake *fake, struct cloud *cloud)
{
	struct wa_node *collection = NULL;
	struct wa_node *answer = answer_new(fake, cloud->name, &collection);

	cloud_take(fake, cloud);
	wa_node_set_int(collection, "version", (int64_t)cloud->version);
	fake_answer(fake, answer);
}

static void refuse_upload(struct fake *fake, struct cloud *cloud)
{
	struct wa_node *collection = NULL;
	struct wa_node *answer = answer_new(fake, cloud->name, &collection);

	wa_node_set(collection, "type", "error");
	wa_node_set(wa_node_add(collection, "error"), "code", "409");
	answer_patches(cloud,
		(uint64_t)wa_node_int(asked_collection(fake), "version", 0),
		collection);
	fake_answer(fake, answer);
}

static void a_change_of_ours_is_in_effect_when_it_is_done(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct outcome outcome;

	set_pin(cloud, "1@lid", true);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_all(fake, cloud);
	for (int i = 0; i < 3; i++) {
		pin_bob(fake, i != 1, &outcome);
		accept_upload(fake, cloud);
		assert_int_equal(outcome.n, 0);
		answer_all(fake, cloud);
		assert_int_equal(outcome.n, 1);
		assert_int_equal(outcome.err.code, ERR_OK);
		assert_int_equal(version_here(fake, LOW), i + 2);
		assert_int_equal(chat_of(fake, BOB_JID).is_pinned, i != 1);
	}
}

static void a_change_waits_until_the_collection_was_read(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct outcome outcome;

	set_pin(cloud, "1@lid", true);
	cloud_commit(cloud);
	ready(fake, cloud);
	pin_bob(fake, true, &outcome);
	answer_until_asked(fake, cloud);
	assert_null(wa_node_child(asked_collection(fake), "patch"));
	answer_once(fake, cloud);
	assert_non_null(wa_node_child(asked_collection(fake), "patch"));
	accept_upload(fake, cloud);
	answer_all(fake, cloud);
	assert_int_equal(outcome.n, 1);
}

static void the_first_of_a_collection_may_be_ours(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct outcome outcome;

	ready(fake, cloud);
	answer_all(fake, cloud);
	pin_bob(fake, true, &outcome);
	accept_upload(fake, cloud);
	answer_all(fake, cloud);
	assert_int_equal(outcome.n, 1);
	assert_int_equal(outcome.err.code, ERR_OK);
	assert_int_equal(version_here(fake, LOW), 1);
}

static void a_conflict_is_applied_and_the_change_built_anew(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct outcome outcome;

	ready(fake, cloud);
	answer_all(fake, cloud);
	set_archived(cloud, BOB_JID, true); /* somebody is faster */
	cloud_commit(cloud);
	pin_bob(fake, true, &outcome);
	refuse_upload(fake, cloud);
	assert_true(chat_of(fake, BOB_JID).is_archived);
	assert_non_null(wa_node_child(asked_collection(fake), "patch"));
	accept_upload(fake, cloud);
	answer_all(fake, cloud);
	assert_int_equal(outcome.n, 1);
	assert_int_equal(outcome.err.code, ERR_OK);
	assert_int_equal(version_here(fake, LOW), 2);
	assert_true(chat_of(fake, BOB_JID).is_pinned);
}

static void a_second_conflict_is_the_end_of_it(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct outcome outcome;

	ready(fake, cloud);
	answer_all(fake, cloud);
	pin_bob(fake, true, &outcome);
	for (int i = 0; i < 2; i++) {
		set_archived(cloud, BOB_JID, i == 0);
		cloud_commit(cloud);
		refuse_upload(fake, cloud);
	}
	assert_int_equal(outcome.n, 1);
	assert_int_equal(outcome.err.code, ERR_CONFLICT);
}

static void a_change_is_not_lost_silently(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct outcome outcome, second;

	ready(fake, cloud);
	answer_all(fake, cloud);
	pin_bob(fake, true, &outcome);
	fake_answer(fake, NULL);
	assert_int_equal(outcome.n, 1);
	assert_int_equal(outcome.err.code, ERR_TIMEOUT);
	pin_bob(fake, true, &outcome);
	pin_bob(fake, false, &second);
	app_state_on_disconnect(&fake->lane);
	assert_int_equal(outcome.n, 1);
	assert_int_equal(second.n, 1);
	assert_int_equal(second.err.code, ERR_TIMEOUT);
}

static void a_change_in_a_collection_that_rests_is_refused(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct outcome outcome;

	set_pin(cloud, BOB_JID, true);
	cloud_commit_as(cloud, FAULT_PATCH_MAC, NULL, NULL);
	ready(fake, cloud);
	answer_all(fake, cloud);
	pin_bob(fake, false, &outcome);
	assert_int_equal(outcome.n, 1);
	assert_int_equal(outcome.err.code, ERR_BUSY);
}

static void a_chat_is_changed_under_the_name_that_the_phone_uses(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 0);
	struct err err = ERR_NONE;
	struct outcome outcome;

	assert_int_equal(
		lanedb_mapping_learn(fake->lane.db, &pn, &lid, NULL, &err), 0);
	set_pin(cloud, BOB_LID "@lid", true);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_all(fake, cloud);
	assert_true(chat_of(fake, BOB_JID).is_pinned);
	pin_bob(fake, false, &outcome);
	accept_upload(fake, cloud);
	answer_all(fake, cloud);
	assert_int_equal(cloud->n, 1); /* not a second value */
	assert_false(chat_of(fake, BOB_JID).is_pinned);
}

static void the_status_names_every_collection(void **state)
{
	struct fake *fake = *state;
	scoped(cloud_free) struct cloud *cloud = cloud_new(LOW);
	json_t *json = NULL;
	int64_t version = 0;
	const char *low = NULL;
	const char *regular = NULL;

	set_pin(cloud, BOB_JID, true);
	cloud_commit(cloud);
	ready(fake, cloud);
	answer_until_asked(fake, cloud);
	answer_once(fake, cloud);
	app_state_on_dirty(&fake->lane);
	json = app_state_status(&fake->lane);
	assert_int_equal(json_unpack(json, "{s:{s:I, s:s}, s:{s:s}}",
				 "regular_low", "version", &version, "state",
				 &low, "regular", "state", &regular),
		0);
	assert_int_equal(version, 1);
	assert_string_equal(low, "DUE");
	assert_string_equal(regular, "DUE");
	json_decref(json);
}

#define APP_TEST(test) \
	cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		APP_TEST(nothing_is_asked_before_there_are_keys),
		APP_TEST(the_first_keys_fetch_every_collection_once),
		APP_TEST(patches_say_who_contacts_are),
		APP_TEST(patches_say_how_chats_are_listed),
		APP_TEST(a_mute_without_an_end_is_for_ever),
		APP_TEST(other_actions_reach_their_places),
		APP_TEST(an_index_that_makes_no_sense_does_nothing),
		APP_TEST(an_index_that_changes_often_keeps_the_hash_right),
		APP_TEST(a_patch_that_is_known_already_is_passed_over),
		APP_TEST(more_patches_are_asked_for_while_there_is_progress),
		APP_TEST(a_notice_fetches_what_it_names),
		APP_TEST(what_changes_while_it_is_fetched_is_fetched_again),
		APP_TEST(what_is_due_survives_a_restart),
		APP_TEST(a_server_that_does_not_answer_is_asked_only_so_often),
		APP_TEST(a_missing_key_parks_the_collection_until_it_comes),
		APP_TEST(keys_are_asked_for_only_so_often),
		APP_TEST(a_broken_patch_changes_nothing),
		APP_TEST(
			a_collection_that_was_broken_is_whole_after_a_snapshot),
		APP_TEST(
			a_large_snapshot_takes_many_turns_and_counts_at_its_end),
		APP_TEST(a_snapshot_that_is_interrupted_is_fetched_again),
		APP_TEST(a_broken_snapshot_changes_nothing),
		APP_TEST(a_snapshot_that_is_gone_is_asked_for_again_once),
		APP_TEST(a_blob_that_comes_after_the_connection_is_dropped),
		APP_TEST(mutations_on_the_media_host_are_fetched),
		APP_TEST(a_change_of_ours_is_in_effect_when_it_is_done),
		APP_TEST(a_change_waits_until_the_collection_was_read),
		APP_TEST(the_first_of_a_collection_may_be_ours),
		APP_TEST(a_conflict_is_applied_and_the_change_built_anew),
		APP_TEST(a_second_conflict_is_the_end_of_it),
		APP_TEST(a_change_is_not_lost_silently),
		APP_TEST(a_change_in_a_collection_that_rests_is_refused),
		APP_TEST(a_chat_is_changed_under_the_name_that_the_phone_uses),
		APP_TEST(the_status_names_every_collection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
