/* App state: the server keeps what devices of one account push, in order, and
 * the phone makes patches whose every MAC is right. */
#include "api.h"
#include "laptop.h"

#include "common/wa/media.h"
#include "common/wa/syncd.h"
#include "sandboxd/app_state.h"

#define ALICE "15550001111"
#define BOB "15550002222"

static struct account *alice;
static struct wa_syncd_keys app_keys;

/* A client that knows nothing yet, as connection.md 8.9 has it. */
struct client {
	uint64_t version;
	uint8_t hash[WA_SYNCD_LTHASH];
	struct {
		uint8_t index[WA_SYNCD_MAC], value[WA_SYNCD_MAC];
		char text[2048]; /* SyncActionData */
		size_t n;
	} settings[200];
	size_t n;
};

static int open_account(void **state)
{
	net_open(state);
	alice = net_account(ALICE);
	net_account(BOB);
	snprintf(alice->push_name, sizeof(alice->push_name), "Alice");
	laptop_link(alice);
	net_connect(laptop);
	phone_app_state_begin(alice->devices->phone);
	wa_syncd_keys_expand(
		alice->devices->phone->app_key, PHONE_APP_KEY, &app_keys);
	net_forget_sent();
	arena_reset(net.sandbox.arena);
	return 0;
}

static int close_account(void **state)
{
	phone_store_fini(&keys);
	return net_close(state);
}

static void contact(const char *phone, const char *name)
{
	char body[256];

	snprintf(body, sizeof(body), "{'entries':[{'phone':'%s','name':'%s'}]}",
		phone, name);
	api_do("POST", "/phones/" ALICE "/contacts", body);
}

/* ---- the client ---- */

static const struct wa_node *ask(const struct wa_node *collection)
{
	struct wa_jid server = wa_jid_server();
	struct wa_node *iq = net_stanza("iq", "IQ", &server);

	wa_node_append(wa_node_add(iq, "sync"), (struct wa_node *)collection);
	net_forget_sent();
	app_state_on_sync(laptop->session, iq);
	return wa_node_child(
		wa_node_child(laptop_last("iq"), "sync"), "collection");
}

static const struct wa_node *fetch(
	const char *name, uint64_t version, bool snapshot)
{
	struct wa_node *collection =
		wa_node_new(net.sandbox.arena, "collection");

	wa_node_set(collection, "name", name);
	wa_node_set_int(collection, "version", (int64_t)version);
	wa_node_set(collection, "return_snapshot", snapshot ? "true" : "false");
	return ask(collection);
}

static void client_set(struct client *client, enum wa_syncd_operation op,
	const Wa__SyncdRecord *record)
{
	struct buf data = BUF_INIT;
	uint8_t mac[WA_SYNCD_MAC];
	struct err err = ERR_NONE;
	size_t i = 0;

	if (wa_syncd_decrypt(&app_keys, op, record->key_id->id.data,
		    record->key_id->id.len, record->value->blob.data,
		    record->value->blob.len, &data, mac, &err) != 0)
		fail_msg("%s", err.msg);
	while (i < client->n && memcmp(client->settings[i].index,
					record->index->blob.data, 32) != 0)
		i++;
	if (i < client->n)
		wa_syncd_lthash_sub(client->hash, client->settings[i].value);
	if (op == WA_SYNCD_REMOVE) {
		assert_true(i < client->n);
		client->settings[i] = client->settings[--client->n];
	} else {
		wa_syncd_lthash_add(client->hash, mac);
		assert_true(i < ARRAY_LEN(client->settings));
		client->n += i == client->n;
		memcpy(client->settings[i].index, record->index->blob.data, 32);
		memcpy(client->settings[i].value, mac, 32);
		client->settings[i].n = data.len;
		assert_true(data.len < sizeof(client->settings[i].text));
		memcpy(client->settings[i].text, data.data, data.len);
	}
	buf_fini(&data);
}

static bool client_knows(const struct client *client, const char *text)
{
	for (size_t i = 0; i < client->n; i++) {
		if (memmem(client->settings[i].text, client->settings[i].n,
			    text, strlen(text)) != NULL)
			return true;
	}
	return false;
}

/* 0: right; 1: the patch's own MAC is wrong, 2: the state's. */
static int client_apply(
	struct client *client, const char *name, const uint8_t *bytes, size_t n)
{
	Wa__SyncdPatch *patch = wa__syncd_patch__unpack(NULL, n, bytes);
	uint8_t macs[200 * WA_SYNCD_MAC], mac[WA_SYNCD_MAC];
	int wrong = 0;

	assert_non_null(patch);
	assert_int_equal(patch->version->version, ++client->version);
	for (size_t i = 0; i < patch->n_mutations; i++) {
		const Wa__SyncdRecord *record = patch->mutations[i]->record;

		client_set(client,
			(enum wa_syncd_operation)patch->mutations[i]->operation,
			record);
		memcpy(macs + 32 * i,
			wa_syncd_blob_mac(record->value->blob.data,
				record->value->blob.len),
			32);
	}
	wa_syncd_patch_mac(&app_keys, patch->snapshot_mac.data, macs,
		patch->n_mutations, client->version, name, mac);
	if (memcmp(mac, patch->patch_mac.data, sizeof(mac)) != 0)
		wrong |= 1;
	wa_syncd_snapshot_mac(
		&app_keys, client->hash, client->version, name, mac);
	if (memcmp(mac, patch->snapshot_mac.data, sizeof(mac)) != 0)
		wrong |= 2;
	wa__syncd_patch__free_unpacked(patch, NULL);
	return wrong;
}

static int client_apply_all(struct client *client, const char *name,
	const struct wa_node *collection)
{
	const struct wa_node *list = wa_node_child(collection, "patches");
	int wrong = 0;

	if (list == NULL)
		return 0;
	wa_node_each (patch, list) {
		size_t n;
		const uint8_t *bytes = wa_node_content(patch, &n);

		wrong |= client_apply(client, name, bytes, n);
	}
	return wrong;
}

/* ---- the phone's patches ---- */

static void the_first_patch_is_the_push_name(void **state)
{
	struct client client = { 0 };
	const struct wa_node *answer = fetch("critical_block", 0, true);

	(void)state;
	assert_attr(answer, "name", "critical_block");
	assert_attr(answer, "version", "1");
	assert_attr(answer, "has_more_patches", "false");
	assert_null(wa_node_child(answer, "snapshot"));
	assert_int_equal(
		client_apply_all(&client, "critical_block", answer), 0);
	assert_true(client_knows(&client, "[\"setting_pushName\"]"));
	assert_true(client_knows(&client, "Alice"));
}

static void contacts_are_set_renamed_and_taken_out_with_right_macs(void **state)
{
	const char *name = "critical_unblock_low";
	struct client client = { 0 };

	(void)state;
	contact(BOB, "Bob");
	contact("15559998888", "Nobody Here");
	contact(BOB, "Robert");
	contact("15559998888", "");
	contact("15557770000", ""); /* was never there: no patch */
	assert_int_equal(
		client_apply_all(&client, name, fetch(name, 0, true)), 0);
	assert_int_equal(client.version, 4);
	assert_int_equal(client.n, 1);
	assert_true(client_knows(&client, "Robert"));
	assert_true(client_knows(
		&client, "[\"contact\",\"15550002222@s.whatsapp.net\"]"));
	assert_false(client_knows(&client, "Nobody"));
}

static void settings_of_a_chat_go_where_clients_look_for_them(void **state)
{
	struct client high = { 0 }, low = { 0 };

	(void)state;
	api_do("POST", "/phones/" ALICE "/chats",
		"{'chat':'" BOB "','archived':true,'pinned':true,'read':false,"
		"'mutedUntil':1800000000000}");
	assert_int_equal(client_apply_all(&high, "regular_high",
				 fetch("regular_high", 0, true)),
		0);
	assert_int_equal(client_apply_all(&low, "regular_low",
				 fetch("regular_low", 0, true)),
		0);
	assert_true(client_knows(&high, "[\"mute\","));
	assert_true(client_knows(&low, "[\"archive\","));
	assert_true(client_knows(&low, "[\"pin_v1\","));
	assert_true(client_knows(&low, "[\"markChatAsRead\","));
}

static void a_patch_of_many_goes_to_the_media_host(void **state)
{
	char body[16000] = "{'entries':[";
	struct client client = { 0 };
	const struct wa_node *answer;
	Wa__SyncdMutations *mutations;
	Wa__SyncdPatch *patch;
	struct err err = ERR_NONE;
	const uint8_t *bytes;
	size_t n = strlen(body);

	(void)state;
	for (unsigned i = 0; i < 150; i++)
		n += (size_t)sprintf(body + n,
			"%s{'phone':'1555100%04u',"
			"'name':'Contact %u'}",
			i > 0 ? "," : "", i, i);
	sprintf(body + n, "]}");
	api_do("POST", "/phones/" ALICE "/contacts", body);
	answer = fetch("critical_unblock_low", 0, false);
	bytes = wa_node_content(
		wa_node_child(wa_node_child(answer, "patches"), "patch"), &n);
	patch = wa__syncd_patch__unpack(NULL, n, bytes);
	assert_int_equal(patch->n_mutations, 0);
	mutations = app_state_external(
		&net.sandbox, patch->external_mutations, &err);
	assert_non_null(mutations);
	assert_int_equal(mutations->n_mutations, 150);
	for (size_t i = 0; i < mutations->n_mutations; i++)
		client_set(
			&client, WA_SYNCD_SET, mutations->mutations[i]->record);
	assert_true(client_knows(&client, "Contact 149"));
	wa__syncd_mutations__free_unpacked(mutations, NULL);
	wa__syncd_patch__free_unpacked(patch, NULL);
}

static void a_defect_is_in_the_mac_that_was_chosen(void **state)
{
	static const struct {
		const char *defect;
		int wrong;
	} defects[] = {
		{ "'patchMac'", 1 },
		{ "'snapshotMac'", 2 },
		{ "null", 0 },
	};
	const char *name = "critical_unblock_low";
	struct client client = { 0 };
	char body[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(defects); i++) {
		snprintf(body, sizeof(body), "{'appStateCorrupt':%s}",
			defects[i].defect);
		api_do("PUT", "/phones/" ALICE "/options", body);
		snprintf(body, sizeof(body), "Bob %zu", i);
		contact(BOB, body);
		assert_int_equal(client_apply_all(&client, name,
					 fetch(name, client.version, false)),
			defects[i].wrong);
	}
}

/* ---- the server ---- */

static void whoever_is_behind_gets_what_came_since_in_pieces(void **state)
{
	const char *name = "critical_unblock_low";
	struct client client = { 0 };
	const struct wa_node *answer;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < APP_STATE_ANSWER_PATCHES + 3; i++) {
		snprintf(text, sizeof(text), "Bob %u", i);
		contact(BOB, text);
	}
	answer = fetch(name, 0, false);
	assert_attr(answer, "has_more_patches", "true");
	assert_int_equal(client_apply_all(&client, name, answer), 0);
	assert_int_equal(client.version, APP_STATE_ANSWER_PATCHES);
	answer = fetch(name, client.version, false);
	assert_attr(answer, "has_more_patches", "false");
	assert_int_equal(client_apply_all(&client, name, answer), 0);
	assert_true(client_knows(&client, text));
	answer = fetch(name, client.version, false);
	assert_null(wa_node_child(answer, "patches"));
}

static void every_collection_asked_for_is_in_the_answer(void **state)
{
	static const char *const names[] = { "regular", "never_heard_of",
		"critical_block" };
	struct wa_jid server = wa_jid_server();
	struct wa_node *iq = net_stanza("iq", "IQ", &server);
	struct wa_node *sync = wa_node_add(iq, "sync");
	const struct wa_node *answer;
	size_t i = 0;

	(void)state;
	for (size_t j = 0; j < ARRAY_LEN(names); j++)
		wa_node_set(wa_node_add(sync, "collection"), "name", names[j]);
	app_state_on_sync(laptop->session, iq);
	answer = wa_node_child(laptop_last("iq"), "sync");
	wa_node_each (collection, answer)
		assert_attr(collection, "name", names[i++]);
	assert_int_equal(i, ARRAY_LEN(names));
}

static void a_snapshot_holds_what_is_set_and_its_mac_is_right(void **state)
{
	const char *name = "critical_unblock_low";
	struct client client = { 0 };
	Wa__ExternalBlobReference *reference;
	Wa__SyncdSnapshot *snapshot;
	struct wa_media_ref ref = { .type = WA_MEDIA_APP_STATE };
	struct buf blob = BUF_INIT, file = BUF_INIT;
	uint8_t mac[WA_SYNCD_MAC];
	struct err err = ERR_NONE;
	const uint8_t *bytes;
	size_t n;

	(void)state;
	api_do("PUT", "/phones/" ALICE "/options", "{'appStateSnapshot':true}");
	contact(BOB, "Bob");
	contact("15559998888", "Gone");
	contact("15559998888", "");
	contact(BOB, "Robert");
	bytes = wa_node_content(
		wa_node_child(fetch(name, 0, true), "snapshot"), &n);
	assert_non_null(bytes);
	reference = wa__external_blob_reference__unpack(NULL, n, bytes);
	assert_int_equal(
		media_get(&net.sandbox, reference->direct_path, &blob, &err),
		0);
	memcpy(ref.key, reference->media_key.data, sizeof(ref.key));
	memcpy(ref.sha256, reference->file_sha256.data, sizeof(ref.sha256));
	memcpy(ref.enc_sha256, reference->file_enc_sha256.data,
		sizeof(ref.enc_sha256));
	ref.has_sha256 = true;
	ref.length = reference->file_size_bytes;
	if (wa_media_open(&ref, blob.data, blob.len, &file, &err) != 0)
		fail_msg("%s", err.msg);
	snapshot = wa__syncd_snapshot__unpack(NULL, file.len, file.data);
	assert_int_equal(snapshot->n_records, 1);
	assert_int_equal(snapshot->version->version, 4);
	client_set(&client, WA_SYNCD_SET, snapshot->records[0]);
	assert_true(client_knows(&client, "Robert"));
	wa_syncd_snapshot_mac(&app_keys, client.hash, 4, name, mac);
	assert_memory_equal(mac, snapshot->mac.data, sizeof(mac));
	wa__syncd_snapshot__free_unpacked(snapshot, NULL);
	wa__external_blob_reference__free_unpacked(reference, NULL);
	buf_fini(&blob);
	buf_fini(&file);
	/* Only for a client that asks for one and has nothing. */
	assert_null(wa_node_child(fetch(name, 0, false), "snapshot"));
	assert_null(wa_node_child(fetch(name, 1, true), "snapshot"));
}

/* ---- what a companion pushes ---- */

/* A patch by the laptop, over @client's state. */
static void make_patch(struct client *client, const char *name,
	const char *index, bool archived, struct buf *out)
{
	struct phone *phone = alice->devices->phone;
	Wa__SyncActionData data = WA__SYNC_ACTION_DATA__INIT;
	Wa__SyncActionValue value = WA__SYNC_ACTION_VALUE__INIT;
	Wa__ArchiveChatAction archive = WA__ARCHIVE_CHAT_ACTION__INIT;
	Wa__SyncdPatch patch = WA__SYNCD_PATCH__INIT;
	Wa__SyncdMutation mutation = WA__SYNCD_MUTATION__INIT;
	Wa__SyncdMutation *mutations[] = { &mutation };
	Wa__SyncdRecord record = WA__SYNCD_RECORD__INIT;
	Wa__SyncdBlob index_blob = WA__SYNCD_BLOB__INIT,
		      value_blob = WA__SYNCD_BLOB__INIT;
	Wa__SyncdKeyId key_id = WA__SYNCD_KEY_ID__INIT;
	uint8_t packed[256], index_mac[32], snapshot[32], patch_mac[32];
	struct buf blob = BUF_INIT;
	size_t n;

	archive.has_archived = true;
	archive.archived = archived;
	value.archive_chat_action = &archive;
	data.has_index = true;
	data.index = (ProtobufCBinaryData){ strlen(index), (uint8_t *)index };
	data.value = &value;
	n = wa__sync_action_data__pack(&data, packed);
	wa_syncd_encrypt(&app_keys, WA_SYNCD_SET, phone->app_key_id,
		PHONE_APP_KEY_ID, packed, n, &blob);
	wa_syncd_index_mac(&app_keys, index, strlen(index), index_mac);
	key_id.has_id = true;
	key_id.id =
		(ProtobufCBinaryData){ PHONE_APP_KEY_ID, phone->app_key_id };
	index_blob.has_blob = value_blob.has_blob = true;
	index_blob.blob = (ProtobufCBinaryData){ 32, index_mac };
	value_blob.blob = (ProtobufCBinaryData){ blob.len, blob.data };
	record.index = &index_blob;
	record.value = &value_blob;
	record.key_id = &key_id;
	mutation.has_operation = true;
	mutation.record = &record;
	client->version++;
	client_set(client, WA_SYNCD_SET, &record);
	wa_syncd_snapshot_mac(
		&app_keys, client->hash, client->version, name, snapshot);
	wa_syncd_patch_mac(&app_keys, snapshot,
		blob.data + blob.len - WA_SYNCD_MAC, 1, client->version, name,
		patch_mac);
	patch.n_mutations = 1;
	patch.mutations = mutations;
	patch.has_snapshot_mac = patch.has_patch_mac = true;
	patch.snapshot_mac = (ProtobufCBinaryData){ 32, snapshot };
	patch.patch_mac = (ProtobufCBinaryData){ 32, patch_mac };
	patch.key_id = &key_id;
	n = wa__syncd_patch__get_packed_size(&patch);
	wa__syncd_patch__pack(&patch, buf_reserve(out, n));
	out->len += n;
	buf_fini(&blob);
}

static const struct wa_node *upload(
	const char *name, uint64_t version, const struct buf *patch)
{
	struct wa_node *collection =
		wa_node_new(net.sandbox.arena, "collection");

	wa_node_set(collection, "name", name);
	wa_node_set_int(collection, "version", (int64_t)version);
	wa_node_set(collection, "return_snapshot", "false");
	wa_node_bytes(
		wa_node_add(collection, "patch"), patch->data, patch->len);
	return ask(collection);
}

static json_t *archived_on_phone(void)
{
	json_t *all = api("GET", "/phones/" ALICE "/app-state", NULL);
	json_t *entries = json_object_get(
		json_object_get(
			json_object_get(all, "collections"), "regular_low"),
		"entries");
	json_t *first = json_incref(json_array_get(entries, 0));

	assert_holds(all, "{'bad':0}");
	json_decref(all);
	return first;
}

static void a_companions_patch_gets_its_version_and_reaches_all_others(
	void **state)
{
	struct device *tablet = net_companion(alice);
	const char *name = "regular_low";
	struct client client = { 0 }, other = { 0 };
	struct buf patch = BUF_INIT;
	const struct wa_node *answer, *told;
	json_t *entry;

	(void)state;
	net_connect(tablet);
	make_patch(&client, name, "[\"archive\",\"x@lid\"]", true, &patch);
	answer = upload(name, 0, &patch);
	assert_attr(answer, "version", "1");
	assert_no_attr(answer, "type");
	told = net_sent(tablet, "notification", 0);
	assert_attr(told, "type", "server_sync");
	assert_jid(told, "from", wa_jid_pn(alice->pn, 0));
	assert_attr(wa_node_child(told, "collection"), "name", name);
	assert_attr(wa_node_child(told, "collection"), "version", "1");
	assert_int_equal(net_count(laptop, "notification"), 0);
	assert_int_equal(
		client_apply_all(&other, name, fetch(name, 0, false)), 0);
	entry = archived_on_phone();
	assert_holds(entry, "{'index':['archive','x@lid'],'value':{'archived':"
			    "true}}");
	json_decref(entry);
	buf_fini(&patch);
}

static void over_an_old_version_there_is_a_conflict_and_what_is_missing(
	void **state)
{
	const char *name = "regular_low";
	struct client late = { 0 };
	struct buf patch = BUF_INIT;
	const struct wa_node *answer;

	(void)state;
	api_do("POST", "/phones/" ALICE "/chats",
		"{'chat':'" BOB "','archived':true}");
	make_patch(&late, name, "[\"archive\",\"y@lid\"]", true, &patch);
	answer = upload(name, 0, &patch);
	assert_attr(answer, "type", "error");
	assert_attr(wa_node_child(answer, "error"), "code", "409");
	assert_int_equal(app_state_version(alice, app_state_find(name)), 1);
	late = (struct client){ 0 };
	assert_int_equal(client_apply_all(&late, name, answer), 0);
	buf_clear(&patch);
	make_patch(&late, name, "[\"archive\",\"y@lid\"]", true, &patch);
	answer = upload(name, 1, &patch);
	assert_attr(answer, "version", "2");
	/* And the phone goes on from there. */
	api_do("POST", "/phones/" ALICE "/chats",
		"{'chat':'" BOB "','archived':false}");
	assert_int_equal(
		client_apply_all(&late, name, fetch(name, 2, false)), 0);
	buf_fini(&patch);
}

static void the_phone_notices_a_companions_wrong_mac(void **state)
{
	const char *name = "regular_low";
	struct client client = { 0 };
	struct buf patch = BUF_INIT;
	json_t *all;

	(void)state;
	client.hash[5] = 1; /* the client has lost count */
	make_patch(&client, name, "[\"archive\",\"x@lid\"]", true, &patch);
	upload(name, 0, &patch);
	all = api("GET", "/phones/" ALICE "/app-state", NULL);
	assert_holds(
		all, "{'bad':1,'lastBad':'regular_low 1: wrong snapshot MAC'}");
	json_decref(all);
	buf_fini(&patch);
}

static void bytes_that_are_no_patch_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} patches[] = {
		{ "", 0 },
		{ "\xff\xff\xff", 3 },
		{ "\x0a\x00", 2 },
		/* a mutation without a record */
		{ "\x12\x02\x08\x00", 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
		struct buf patch = { (uint8_t *)patches[i].bytes, patches[i].n,
			patches[i].n };
		const struct wa_node *answer = upload("regular", 0, &patch);

		assert_attr(answer, "type", "error");
		assert_attr(wa_node_child(answer, "error"), "code", "400");
	}
	assert_int_equal(
		app_state_version(alice, app_state_find("regular")), 0);
}

static void a_new_name_of_the_phone_is_told_to_companions(void **state)
{
	struct client client = { 0 };

	(void)state;
	api_do("PUT", "/phones/" ALICE "/options", "{'name':'Alicia'}");
	assert_attr(wa_node_child(laptop_last("notification"), "collection"),
		"name", "critical_block");
	assert_int_equal(client_apply_all(&client, "critical_block",
				 fetch("critical_block", 0, false)),
		0);
	assert_true(client_knows(&client, "Alicia"));
}

#define on_account(test) \
	cmocka_unit_test_setup_teardown(test, open_account, close_account)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_account(the_first_patch_is_the_push_name),
		on_account(
			contacts_are_set_renamed_and_taken_out_with_right_macs),
		on_account(settings_of_a_chat_go_where_clients_look_for_them),
		on_account(a_patch_of_many_goes_to_the_media_host),
		on_account(a_defect_is_in_the_mac_that_was_chosen),
		on_account(whoever_is_behind_gets_what_came_since_in_pieces),
		on_account(every_collection_asked_for_is_in_the_answer),
		on_account(a_snapshot_holds_what_is_set_and_its_mac_is_right),
		on_account(
			a_companions_patch_gets_its_version_and_reaches_all_others),
		on_account(
			over_an_old_version_there_is_a_conflict_and_what_is_missing),
		on_account(the_phone_notices_a_companions_wrong_mac),
		on_account(bytes_that_are_no_patch_are_refused),
		on_account(a_new_name_of_the_phone_is_told_to_companions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
