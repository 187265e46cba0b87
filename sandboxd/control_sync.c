/* What a phone shares with its companions, by order of a test: settings,
 * contacts, history, addresses; and that its owner types or is there. */
#include "sandboxd/control.h"

#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "sandboxd/contacts.h"
#include "sandboxd/control_body.h"
#include "sandboxd/phone.h"

#define NAME_MAX_BYTES 200
#define CONTACTS_MAX 20000
#define DAYS_MAX 3650
#define MESSAGES_PER_CHAT_MAX 5000

/* ---- contacts and chats: app state ---- */

static int take_contact(struct sandbox *sandbox, const json_t *json,
	struct phone_contact *out, struct err *err)
{
	char digits[PHONE_LEN];

	*out = (struct phone_contact){ 0 };
	if (body_phone(json, "phone", digits, err) != 0 ||
		body_text(json, "name", NAME_MAX_BYTES, &out->name, err) != 0)
		return -1;
	out->phone = arena_strdup(sandbox->arena, digits);
	return 0;
}

int control_phone_contacts(struct control *control, struct err *err)
{
	static const char *const names[] = { "entries", NULL };
	const json_t *list = json_object_get(control->body, "entries");
	struct sandbox *sandbox = control->sandbox;
	const size_t n = json_array_size(list);
	struct phone_contact *contacts;

	if (control_only(control, names, err) != 0)
		return -1;
	if (n == 0 || n > CONTACTS_MAX)
		return err_set(err, ERR_INVALID,
			"entries must be a list of 1 to %d contacts",
			CONTACTS_MAX);
	contacts = arena_alloc(sandbox->arena, n * sizeof(*contacts));
	for (size_t i = 0; i < n; i++) {
		if (take_contact(sandbox, json_array_get(list, i), &contacts[i],
			    err) != 0)
			return -1;
	}
	phone_app_state_contacts(control->phone, contacts, n);
	json_object_set_new(
		control->answer, "contacts", json_integer((json_int_t)n));
	return 200;
}

/* A phone by its LID, if it is on this network; or any JID as it is. */
static int take_chat(
	const struct control *control, char out[WA_JID_TEXT], struct err *err)
{
	const char *text =
		json_string_value(json_object_get(control->body, "chat"));
	const struct account *account;
	char digits[PHONE_LEN];
	struct wa_jid jid;

	if (text == NULL)
		return err_set(err, ERR_INVALID, "chat is missing");
	if (phone_parse(text, strlen(text), digits) == 0) {
		account = directory_by_pn(control->sandbox, digits);
		jid = account != NULL ? wa_jid_lid(account->lid, 0)
				      : wa_jid_pn(digits, 0);
	} else if (wa_jid_parse(text, strlen(text), &jid) != 0) {
		return err_set(
			err, ERR_INVALID, "chat must be a phone or a JID");
	}
	wa_jid_text(&jid, out);
	return 0;
}

int control_phone_chats(struct control *control, struct err *err)
{
	static const char *const names[] = { "chat", "archived", "mutedUntil",
		"pinned", "read", NULL };
	const json_t *body = control->body;
	struct phone_chat_settings settings = {
		.has_archived = json_object_get(body, "archived") != NULL,
		.has_mute = json_object_get(body, "mutedUntil") != NULL,
		.has_pinned = json_object_get(body, "pinned") != NULL,
		.has_read = json_object_get(body, "read") != NULL,
	};
	char chat[WA_JID_TEXT];

	if (control_only(control, names, err) != 0 ||
		take_chat(control, chat, err) != 0 ||
		body_bool(body, "archived", &settings.archived, err) != 0 ||
		body_bool(body, "pinned", &settings.pinned, err) != 0 ||
		body_bool(body, "read", &settings.read, err) != 0 ||
		body_number(body, "mutedUntil", -1, INT64_MAX,
			&settings.muted_until_ms, err) != 0)
		return -1;
	phone_app_state_chat(control->phone, chat, &settings);
	json_object_set_new(control->answer, "chat", json_string(chat));
	return 200;
}

int control_phone_app_state(struct control *control, struct err *err)
{
	json_t *state = phone_app_state_json(control->phone);

	(void)err;
	json_object_update(control->answer, state);
	json_decref(state);
	return 200;
}

/* ---- history ---- */

static int take_count(const struct control *control, const char *key,
	int64_t low, int64_t high, unsigned *out, struct err *err)
{
	int64_t value = *out;

	if (body_number(control->body, key, low, high, &value, err) != 0)
		return -1;
	*out = (unsigned)value;
	return 0;
}

static int take_history(const struct control *control,
	struct phone_history_order *out, struct err *err)
{
	const json_t *in = json_object_get(control->body, "inline");
	bool is_inline = false;

	*out = (struct phone_history_order){
		.chats = 10, .messages = 100, .days = 30, .chunks = 1
	};
	if (take_count(control, "chats", 1, PHONE_HISTORY_CHATS_MAX,
		    &out->chats, err) != 0 ||
		take_count(control, "messages", 0, PHONE_HISTORY_MESSAGES_MAX,
			&out->messages, err) != 0 ||
		take_count(control, "older", 0, MESSAGES_PER_CHAT_MAX,
			&out->older, err) != 0 ||
		take_count(control, "days", 1, DAYS_MAX, &out->days, err) !=
			0 ||
		take_count(control, "chunks", 1, out->chats, &out->chunks,
			err) != 0 ||
		body_bool(control->body, "media", &out->media, err) != 0 ||
		body_bool(control->body, "inline", &is_inline, err) != 0)
		return -1;
	if (out->messages / out->chats > MESSAGES_PER_CHAT_MAX)
		return err_set(err, ERR_INVALID,
			"more than %d messages in a chat",
			MESSAGES_PER_CHAT_MAX);
	out->inline_payload = in == NULL  ? PHONE_INLINE_AS_ASKED
			      : is_inline ? PHONE_INLINE_ALWAYS
					  : PHONE_INLINE_NEVER;
	return 0;
}

int control_phone_history(struct control *control, struct err *err)
{
	static const char *const names[] = { "chats", "messages", "older",
		"days", "chunks", "media", "inline", NULL };
	struct phone_history_order order;

	if (control_only(control, names, err) != 0 ||
		take_history(control, &order, err) != 0)
		return -1;
	phone_history_set(control->phone, &order);
	json_object_set_new(control->answer, "pending",
		json_integer(phone_history_pending(control->phone)));
	return 200;
}

/* ---- addresses ---- */

int control_phone_lid_migration(struct control *control, struct err *err)
{
	static const char *const names[] = { "phones", NULL };
	struct sandbox *sandbox = control->sandbox;
	const struct account *own = control->phone->account;
	struct account **accounts = NULL;
	size_t n = contacts_count(own);

	if (control_only(control, names, err) != 0 ||
		body_accounts(sandbox, control->body, "phones", &accounts, &n,
			err) != 0)
		return -1;
	if (accounts == NULL) {
		accounts = arena_alloc(
			sandbox->arena, (n + 1) * sizeof(*accounts));
		for (size_t i = 0; i < n; i++)
			accounts[i] = contacts_at(own, i);
	}
	if (!phone_push_lids(control->phone, accounts, n))
		return err_set(
			err, ERR_CONFLICT, "there is no companion to tell");
	json_object_set_new(
		control->answer, "mappings", json_integer((json_int_t)n));
	return 200;
}

/* ---- presence ---- */

int control_phone_typing(struct control *control, struct err *err)
{
	static const char *const names[] = { "to", "group", "state", NULL };
	static const char *const states[] = { "composing", "recording",
		"paused", NULL };
	const json_t *body = control->body;
	const char *group = NULL;
	struct phone_chat chat = { 0 };
	struct wa_jid jid;
	int state = 0;

	if (control_only(control, names, err) != 0 ||
		body_account(control->sandbox, body, "to", &chat.account,
			err) != 0 ||
		body_text(body, "group", WA_JID_TEXT, &group, err) != 0 ||
		body_choice(body, "state", states, &state, err) != 0)
		return -1;
	if (group != NULL && wa_jid_parse(group, strlen(group), &jid) == 0)
		chat.group = group_find(control->sandbox, &jid);
	if ((chat.account != NULL) == (chat.group != NULL))
		return err_set(err, ERR_INVALID, "give either to or group");
	phone_type(control->phone, &chat, states[state]);
	json_object_set_new(
		control->answer, "state", json_string(states[state]));
	return 200;
}

int control_phone_presence(struct control *control, struct err *err)
{
	static const char *const names[] = { "available", NULL };
	bool available = true;

	if (control_only(control, names, err) != 0 ||
		body_bool(control->body, "available", &available, err) != 0)
		return -1;
	phone_set_available(control->phone, available);
	json_object_set_new(
		control->answer, "available", json_boolean(available));
	return 200;
}
