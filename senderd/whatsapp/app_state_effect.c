#include "senderd/whatsapp/app_state_effect.h"

#include <jansson.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/names.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/tokens.h"

#define INDEX_MAX 4096 /* bytes of its JSON */
#define NAME_MAX_BYTES 512
#define SALT_MAX 256

/* A record, opened: what it is about, and whether it still holds. */
struct effect {
	struct lane *lane;
	struct wa_jid jid;		  /* second part; may be empty */
	const Wa__SyncActionValue *value; /* never NULL */
	bool is_set;
};

typedef int effect_fn(const struct effect *effect, struct err *err);

static bool jid_read(const char *text, struct wa_jid *out)
{
	if (text == NULL || wa_jid_parse(text, strlen(text), out) != 0 ||
		out->user[0] == '\0') {
		*out = (struct wa_jid){ .server = WA_SERVER_NONE };
		return false;
	}
	*out = wa_jid_bare(out);
	return true;
}

static int pair_learn(
	const struct effect *effect, const char *other_text, struct err *err)
{
	struct wa_jid other;

	if (!jid_read(other_text, &other))
		return 0;
	return devices_learn_pair(effect->lane, &effect->jid, &other, err);
}

/* ---- contacts ---- */

static const char *name_of(const struct effect *effect, const char *full_name,
	const char *first_name)
{
	const char *name = full_name != NULL && full_name[0] != '\0'
				   ? full_name
				   : first_name;

	if (!effect->is_set || name == NULL)
		return ""; /* not in the address book any more */
	return content_line(effect->lane->arena, name, NAME_MAX_BYTES);
}

static int contact_note(
	const struct effect *effect, const char *name, struct err *err)
{
	struct lane *lane = effect->lane;
	struct names names;

	if (names_find(lane, &effect->jid, &names, err) != 0)
		return -1;
	facts_add_contact(lane,
		&(struct contact_news){
			.phone = names.phone, .lid = names.lid, .name = name });
	return 0;
}

static int on_contact(const struct effect *effect, struct err *err)
{
	const Wa__ContactAction *action = effect->value->contact_action;

	if (!wa_jid_is_user(&effect->jid) || (effect->is_set && action == NULL))
		return 0;
	if (action == NULL)
		return contact_note(effect, "", err);
	if (pair_learn(effect, action->lid_jid, err) != 0 ||
		pair_learn(effect, action->pn_jid, err) != 0)
		return -1;
	return contact_note(effect,
		name_of(effect, action->full_name, action->first_name), err);
}

static int on_lid_contact(const struct effect *effect, struct err *err)
{
	const Wa__LidContactAction *action = effect->value->lid_contact_action;

	if (!wa_jid_is_user(&effect->jid) || (effect->is_set && action == NULL))
		return 0;
	return contact_note(effect,
		action == NULL ? ""
			       : name_of(effect, action->full_name,
					 action->first_name),
		err);
}

static int on_pn_for_lid(const struct effect *effect, struct err *err)
{
	const Wa__PnForLidChatAction *action =
		effect->value->pn_for_lid_chat_action;

	if (!effect->is_set || action == NULL)
		return 0;
	return pair_learn(effect, action->pn_jid, err);
}

/* ---- chats ---- */

static int chat_note(const struct effect *effect, struct chat *chat,
	unsigned field, struct err *err)
{
	struct names names;

	if (wa_jid_is_empty(&effect->jid))
		return 0;
	if (names_find(effect->lane, &effect->jid, &names, err) != 0)
		return -1;
	chat->jid = names.jid;
	facts_add_chat(effect->lane, chat, field);
	return 0;
}

static int on_mute(const struct effect *effect, struct err *err)
{
	const Wa__MuteAction *action = effect->value->mute_action;
	struct chat chat = { 0 };

	if (effect->is_set && action != NULL && action->muted)
		chat.muted_until_ms =
			action->has_mute_end_timestamp &&
					action->mute_end_timestamp > 0
				? action->mute_end_timestamp
				: -1;
	return chat_note(effect, &chat, CHAT_MUTED, err);
}

static int on_pin(const struct effect *effect, struct err *err)
{
	const Wa__PinAction *action = effect->value->pin_action;
	struct chat chat = { .is_pinned = effect->is_set && action != NULL &&
					  action->pinned };

	return chat_note(effect, &chat, CHAT_PINNED, err);
}

static int on_archive(const struct effect *effect, struct err *err)
{
	const Wa__ArchiveChatAction *action =
		effect->value->archive_chat_action;
	struct chat chat = { .is_archived = effect->is_set && action != NULL &&
					    action->archived };

	return chat_note(effect, &chat, CHAT_ARCHIVED, err);
}

static int on_mark_read(const struct effect *effect, struct err *err)
{
	const Wa__MarkChatAsReadAction *action =
		effect->value->mark_chat_as_read_action;
	struct chat chat = { .is_unread = effect->is_set && action != NULL &&
					  !action->read };

	return chat_note(effect, &chat, CHAT_UNREAD, err);
}

/* ---- ourselves ---- */

static int on_push_name(const struct effect *effect, struct err *err)
{
	const Wa__PushNameSetting *setting = effect->value->push_name_setting;

	(void)err;
	if (effect->is_set && setting != NULL && setting->name != NULL)
		presence_set_push_name(
			effect->lane, content_line(effect->lane->arena,
					      setting->name, NAME_MAX_BYTES));
	return 0;
}

static int on_salt(const struct effect *effect, struct err *err)
{
	const Wa__NctSaltSyncAction *action =
		effect->value->nct_salt_sync_action;

	if (!effect->is_set || action == NULL || action->salt.len == 0 ||
		action->salt.len > SALT_MAX)
		return 0;
	return lanedb_value_save(effect->lane->db, TOKENS_SALT,
		action->salt.data, action->salt.len, err);
}

/* ---- the door ---- */

static const struct {
	const char *name; /* first part of the index */
	effect_fn *fn;
} effects[] = {
	{ "contact", on_contact },
	{ "lid_contact", on_lid_contact },
	{ "pnForLidChat", on_pn_for_lid },
	{ "mute", on_mute },
	{ "pin_v1", on_pin },
	{ "archive", on_archive },
	{ "markChatAsRead", on_mark_read },
	{ "setting_pushName", on_push_name },
	{ "nct_salt_sync", on_salt },
};

static int run(struct effect *effect, const json_t *index, struct err *err)
{
	const char *name = json_string_value(json_array_get(index, 0));

	jid_read(json_string_value(json_array_get(index, 1)), &effect->jid);
	for (size_t i = 0; name != NULL && i < ARRAY_LEN(effects); i++) {
		if (strcmp(effects[i].name, name) == 0)
			return effects[i].fn(effect, err);
	}
	return 0;
}

int app_state_effect(struct lane *lane, enum wa_syncd_operation operation,
	const Wa__SyncActionData *data, struct err *err)
{
	static const Wa__SyncActionValue nothing = WA__SYNC_ACTION_VALUE__INIT;
	struct effect effect = { .lane = lane,
		.value = data->value != NULL ? data->value : &nothing,
		.is_set = operation == WA_SYNCD_SET };
	json_t *index = NULL;
	int rc;

	if (data->index.len > INDEX_MAX)
		return 0;
	index = json_loadb(
		(const char *)data->index.data, data->index.len, 0, NULL);
	rc = run(&effect, index, err);
	json_decref(index);
	return rc;
}
