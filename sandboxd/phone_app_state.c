/* The settings a phone shares with its companions: what its owner changes, and
 * what it shows of them. */
#include "sandboxd/phone_patch.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"

/* Where actions live; as in app_state_names. */
enum {
	CRITICAL_BLOCK,
	CRITICAL_UNBLOCK_LOW,
	REGULAR_HIGH,
	REGULAR,
	REGULAR_LOW
};

void phone_app_state_free(struct phone_app_state **statep)
{
	struct phone_app_state *state = move(*statep);

	if (state == NULL)
		return;
	for (int i = 0; i < APP_STATE_COLLECTIONS; i++)
		phone_patch_fini(&state->mirrors[i]);
	wa_syncd_keys_wipe(&state->keys);
	free(state->bad);
	free(state);
}

void phone_app_state_on_change(struct phone *phone)
{
	if (phone->app_state == NULL)
		return;
	for (int i = 0; i < APP_STATE_COLLECTIONS; i++)
		phone_patch_catch_up(phone, i);
}

/* ---- what the owner does ---- */

static char *index_make(
	struct arena *arena, const char *action, const char *jid)
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	json_t *list = json_array();
	char *json;

	json_array_append_new(list, json_string(action));
	if (jid != NULL)
		json_array_append_new(list, json_string(jid));
	json = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	buf_add_str(&text, json);
	free(json);
	return arena_strdup(arena, buf_cstr(&text));
}

static Wa__SyncActionValue *value_new(struct arena *arena)
{
	Wa__SyncActionValue *value = MESSAGE_NEW(
		arena, Wa__SyncActionValue, WA__SYNC_ACTION_VALUE__INIT);

	value->has_timestamp = true;
	value->timestamp = clock_now_ms();
	return value;
}

static void push_one(struct phone *phone, int collection, int version,
	const char *action, const char *jid, Wa__SyncActionValue *value)
{
	const struct phone_change change = {
		.index = index_make(phone->sandbox->arena, action, jid),
		.version = version,
		.value = value,
	};

	phone_patch_push(phone, collection, &change, 1);
}

void phone_app_state_name(struct phone *phone)
{
	struct arena *arena = phone->sandbox->arena;
	Wa__SyncActionValue *value;

	if (phone->app_state == NULL)
		return;
	value = value_new(arena);
	value->push_name_setting = MESSAGE_NEW(
		arena, Wa__PushNameSetting, WA__PUSH_NAME_SETTING__INIT);
	value->push_name_setting->name = phone->account->push_name;
	push_one(phone, CRITICAL_BLOCK, 1, "setting_pushName", NULL, value);
}

void phone_app_state_begin(struct phone *phone)
{
	if (phone->app_state != NULL)
		return;
	random_bytes(phone->app_key, sizeof(phone->app_key));
	/* A device number and an epoch, both small. */
	memset(phone->app_key_id, 0, sizeof(phone->app_key_id));
	random_bytes(phone->app_key_id + 4, 2);
	phone->app_state = xcalloc(1, sizeof(*phone->app_state));
	wa_syncd_keys_expand(phone->app_key, sizeof(phone->app_key),
		&phone->app_state->keys);
	phone_app_state_name(phone);
}

void phone_app_state_corrupt(struct phone *phone, enum phone_corrupt corrupt)
{
	phone_app_state_begin(phone);
	phone->app_state->corrupt = corrupt;
	app_state_set_bad_snapshot(
		phone->account, corrupt == PHONE_CORRUPT_SNAPSHOT);
}

static char *text_of(const char *text)
{
	return (char *)text; /* protobuf-c never writes through it */
}

static struct phone_change contact_change(
	struct phone *phone, const struct phone_contact *contact)
{
	const struct account *known =
		directory_by_pn(phone->sandbox, contact->phone);
	struct arena *arena = phone->sandbox->arena;
	const struct wa_jid pn = wa_jid_pn(contact->phone, 0);
	char text[WA_JID_TEXT];
	struct phone_change change = {
		.index = index_make(arena, "contact", wa_jid_text(&pn, text)),
		.version = 2,
	};
	Wa__ContactAction *action =
		MESSAGE_NEW(arena, Wa__ContactAction, WA__CONTACT_ACTION__INIT);

	if (contact->name == NULL || contact->name[0] == '\0')
		return change;
	action->full_name = text_of(contact->name);
	action->first_name = arena_strndup(
		arena, contact->name, strcspn(contact->name, " "));
	action->has_save_on_primary_addressbook = true;
	action->save_on_primary_addressbook = true;
	if (known != NULL) {
		const struct wa_jid lid = wa_jid_lid(known->lid, 0);

		action->lid_jid = arena_strdup(arena, wa_jid_text(&lid, text));
	}
	change.value = value_new(arena);
	change.value->contact_action = action;
	return change;
}

void phone_app_state_contacts(
	struct phone *phone, const struct phone_contact *contacts, size_t n)
{
	struct arena *arena = phone->sandbox->arena;
	struct phone_change *changes;

	phone_app_state_begin(phone);
	while (n > 0) {
		size_t some = n < PHONE_PATCH_MAX ? n : PHONE_PATCH_MAX;

		changes = arena_alloc(arena, some * sizeof(*changes));
		for (size_t i = 0; i < some; i++)
			changes[i] = contact_change(phone, &contacts[i]);
		phone_patch_push(phone, CRITICAL_UNBLOCK_LOW, changes, some);
		contacts += some;
		n -= some;
	}
}

static Wa__SyncActionMessageRange *range_new(struct arena *arena)
{
	Wa__SyncActionMessageRange *range =
		MESSAGE_NEW(arena, Wa__SyncActionMessageRange,
			WA__SYNC_ACTION_MESSAGE_RANGE__INIT);

	range->has_last_message_timestamp = true;
	range->last_message_timestamp = clock_now_ms() / 1000;
	return range;
}

static void push_mute(struct phone *phone, const char *chat, int64_t until_ms)
{
	struct arena *arena = phone->sandbox->arena;
	Wa__SyncActionValue *value = value_new(arena);

	value->mute_action =
		MESSAGE_NEW(arena, Wa__MuteAction, WA__MUTE_ACTION__INIT);
	value->mute_action->has_muted = true;
	value->mute_action->muted = until_ms != 0;
	value->mute_action->has_mute_end_timestamp = until_ms != 0;
	value->mute_action->mute_end_timestamp = until_ms;
	push_one(phone, REGULAR_HIGH, 2, "mute", chat, value);
}

static void push_archive(struct phone *phone, const char *chat, bool archived)
{
	struct arena *arena = phone->sandbox->arena;
	Wa__SyncActionValue *value = value_new(arena);

	value->archive_chat_action = MESSAGE_NEW(
		arena, Wa__ArchiveChatAction, WA__ARCHIVE_CHAT_ACTION__INIT);
	value->archive_chat_action->has_archived = true;
	value->archive_chat_action->archived = archived;
	value->archive_chat_action->message_range = range_new(arena);
	push_one(phone, REGULAR_LOW, 3, "archive", chat, value);
}

static void push_pin(struct phone *phone, const char *chat, bool pinned)
{
	struct arena *arena = phone->sandbox->arena;
	Wa__SyncActionValue *value = value_new(arena);

	value->pin_action =
		MESSAGE_NEW(arena, Wa__PinAction, WA__PIN_ACTION__INIT);
	value->pin_action->has_pinned = true;
	value->pin_action->pinned = pinned;
	push_one(phone, REGULAR_LOW, 5, "pin_v1", chat, value);
}

static void push_read(struct phone *phone, const char *chat, bool read)
{
	struct arena *arena = phone->sandbox->arena;
	Wa__SyncActionValue *value = value_new(arena);

	value->mark_chat_as_read_action = MESSAGE_NEW(arena,
		Wa__MarkChatAsReadAction, WA__MARK_CHAT_AS_READ_ACTION__INIT);
	value->mark_chat_as_read_action->has_read = true;
	value->mark_chat_as_read_action->read = read;
	value->mark_chat_as_read_action->message_range = range_new(arena);
	push_one(phone, REGULAR_LOW, 3, "markChatAsRead", chat, value);
}

void phone_app_state_chat(struct phone *phone, const char *chat,
	const struct phone_chat_settings *settings)
{
	phone_app_state_begin(phone);
	if (settings->has_mute)
		push_mute(phone, chat, settings->muted_until_ms);
	if (settings->has_archived)
		push_archive(phone, chat, settings->archived);
	if (settings->has_pinned)
		push_pin(phone, chat, settings->pinned);
	if (settings->has_read)
		push_read(phone, chat, settings->read);
}

/* ---- showing ---- */

static void show_contact(json_t *out, const Wa__ContactAction *action)
{
	json_object_set_new(out, "fullName", json_string(action->full_name));
	json_object_set_new(out, "firstName", json_string(action->first_name));
	json_object_set_new(out, "lid", json_string(action->lid_jid));
}

/* Members of what is set; null where a text is none. */
static json_t *value_json(const Wa__SyncActionValue *value)
{
	json_t *out = json_object();

	json_object_set_new(out, "t", json_integer(value->timestamp));
	if (value->push_name_setting != NULL)
		json_object_set_new(out, "name",
			json_string(value->push_name_setting->name));
	if (value->contact_action != NULL)
		show_contact(out, value->contact_action);
	if (value->mute_action != NULL) {
		json_object_set_new(
			out, "muted", json_boolean(value->mute_action->muted));
		json_object_set_new(out, "mutedUntil",
			json_integer(value->mute_action->mute_end_timestamp));
	}
	if (value->pin_action != NULL)
		json_object_set_new(
			out, "pinned", json_boolean(value->pin_action->pinned));
	if (value->archive_chat_action != NULL)
		json_object_set_new(out, "archived",
			json_boolean(value->archive_chat_action->archived));
	if (value->mark_chat_as_read_action != NULL)
		json_object_set_new(out, "read",
			json_boolean(value->mark_chat_as_read_action->read));
	return out;
}

static void show_setting(struct phone_setting *setting, void *list)
{
	Wa__SyncActionData *data = phone_patch_data(&setting->data);
	json_t *entry, *index;

	if (data == NULL)
		return;
	entry = json_object();
	index = json_loadb(
		(const char *)data->index.data, data->index.len, 0, NULL);
	json_object_set_new(
		entry, "index", index != NULL ? index : json_null());
	json_object_set_new(entry, "version", json_integer(data->version));
	if (data->value != NULL)
		json_object_set_new(entry, "value", value_json(data->value));
	json_array_append_new(list, entry);
	wa__sync_action_data__free_unpacked(data, NULL);
}

json_t *phone_app_state_json(struct phone *phone)
{
	json_t *out = json_object(), *collections = json_object();
	const struct phone_app_state *state;

	phone_app_state_begin(phone);
	phone_app_state_on_change(phone);
	state = phone->app_state;
	for (int i = 0; i < APP_STATE_COLLECTIONS; i++) {
		json_t *entries = json_array();

		phone_patch_each(&state->mirrors[i], show_setting, entries);
		json_object_set_new(collections, app_state_names[i],
			json_pack("{s:I, s:o}", "version",
				(json_int_t)state->mirrors[i].version,
				"entries", entries));
	}
	json_object_set_new(out, "collections", collections);
	json_object_set_new(out, "bad", json_integer((json_int_t)state->n_bad));
	if (state->n_bad > 0)
		json_object_set_new(
			out, "lastBad", json_string(log_quote(state->bad)));
	return out;
}
