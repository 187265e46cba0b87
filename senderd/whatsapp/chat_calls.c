/* Chats: how they are listed, what was read in them, who is typing, what was
 * said before. */
#include "senderd/whatsapp/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/chat.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/app_state.h"
#include "senderd/whatsapp/ask_phone.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/names.h"
#include "senderd/whatsapp/presence.h"
#include "senderd/whatsapp/read_marks.h"
#include "senderd/whatsapp/typing.h"
#include "senderd/whatsapp/watch.h"

#define HISTORY_MAX 500
#define HISTORY_DEFAULT 50

/* Ends the call when @key does not name a chat. */
static bool chat_read(struct lane *lane, struct call **callp, const char *key,
	struct wa_jid *out)
{
	struct err err = ERR_NONE;

	if (call_jid(lane, call_text(*callp, key), out, &err) == 0)
		return true;
	call_fail(lane, callp, err.code, "%s: %s", key, err.msg);
	return false;
}

/* ---- chats.update ---- */

/* Actions on one chat; the values point into it. */
struct update {
	struct wa_jid chat;
	struct app_change low[APP_CHANGES_MAX], high[1];
	size_t n_low, n_high;
	Wa__SyncActionValue archive_value, pin_value, read_value, mute_value;
	Wa__ArchiveChatAction archive;
	Wa__PinAction pin;
	Wa__MarkChatAsReadAction read;
	Wa__MuteAction mute;
	Wa__SyncActionMessageRange range;
};

/* Waits for both collections. */
struct updating {
	struct call *call;
	unsigned n_open;
	struct err err; /* the first failure */
};

static void low_add(struct update *update, const char *action,
	Wa__SyncActionValue *value, int32_t version)
{
	update->low[update->n_low++] = (struct app_change){ .action = action,
		.chat = update->chat,
		.value = value,
		.version = version };
}

static void pin_add(struct update *update, bool is_pinned)
{
	wa__sync_action_value__init(&update->pin_value);
	wa__pin_action__init(&update->pin);
	update->pin.has_pinned = true;
	update->pin.pinned = is_pinned;
	update->pin_value.pin_action = &update->pin;
	low_add(update, "pin_v1", &update->pin_value, 5);
}

static void archive_add(struct update *update, bool is_archived)
{
	wa__sync_action_value__init(&update->archive_value);
	wa__archive_chat_action__init(&update->archive);
	update->archive.has_archived = true;
	update->archive.archived = is_archived;
	update->archive.message_range = &update->range;
	update->archive_value.archive_chat_action = &update->archive;
	low_add(update, "archive", &update->archive_value, 3);
}

static void read_add(struct update *update, bool is_read)
{
	wa__sync_action_value__init(&update->read_value);
	wa__mark_chat_as_read_action__init(&update->read);
	update->read.has_read = true;
	update->read.read = is_read;
	update->read.message_range = &update->range;
	update->read_value.mark_chat_as_read_action = &update->read;
	low_add(update, "markChatAsRead", &update->read_value, 3);
}

/* @until_ms: 0 = not muted, -1 = for ever. */
static void mute_add(struct update *update, int64_t until_ms)
{
	wa__sync_action_value__init(&update->mute_value);
	wa__mute_action__init(&update->mute);
	update->mute.has_muted = true;
	update->mute.muted = until_ms != 0;
	update->mute.has_mute_end_timestamp = until_ms != 0;
	update->mute.mute_end_timestamp = until_ms;
	update->mute_value.mute_action = &update->mute;
	update->high[update->n_high++] = (struct app_change){ .action = "mute",
		.chat = update->chat,
		.value = &update->mute_value,
		.version = 2 };
}

static int on_chat_row(const struct chat *chat, void *arg)
{
	*(int64_t *)arg = chat->last_ms;
	return 0;
}

/* Which messages the action is about: all up to now, or to the newest that is
 * known. */
static int range_fill(struct lane *lane, struct update *update, struct err *err)
{
	struct names names;
	int64_t last_ms = 0;

	if (names_find(lane, &update->chat, &names, err) != 0)
		return -1;
	if (store_chat_by_jid(lane->store, lane->device_id, names.jid,
		    on_chat_row, &last_ms, err) != 0 &&
		err->code != ERR_NOT_FOUND)
		return -1;
	wa__sync_action_message_range__init(&update->range);
	update->range.has_last_message_timestamp = true;
	update->range.last_message_timestamp =
		(last_ms > 0 ? last_ms : clock_now_ms()) / 1000;
	return 0;
}

/* true/false: 1 and *@out; missing: 0; else -1. */
static int flag_read(
	const struct call *call, const char *key, bool *out, struct err *err)
{
	const json_t *value = call_param(call, key);

	if (value == NULL)
		return 0;
	if (!json_is_boolean(value))
		return err_set(err, ERR_INVALID, "%s: true or false", key);
	*out = json_is_true(value);
	return 1;
}

/* A time, as text or unix milliseconds; null ends it, -1 is for ever. */
static int until_read(const struct call *call, int64_t *out, struct err *err)
{
	const json_t *value = call_param(call, "mutedUntil");

	if (value == NULL)
		return 0;
	if (json_is_null(value))
		*out = 0;
	else if (json_is_integer(value))
		*out = json_integer_value(value);
	else if (!json_is_string(value) ||
		 clock_parse_iso(json_string_value(value), out) != 0)
		return err_set(err, ERR_INVALID,
			"mutedUntil: a time, -1 for ever, or null");
	return 1;
}

static int update_read(
	const struct call *call, struct update *update, struct err *err)
{
	bool archived = false;
	bool pinned = false;
	bool read = false;
	int64_t until_ms = 0;
	int has_archived = flag_read(call, "archived", &archived, err);
	int has_pinned = flag_read(call, "pinned", &pinned, err);
	int has_read = flag_read(call, "read", &read, err);
	int has_until = until_read(call, &until_ms, err);

	if (has_archived < 0 || has_pinned < 0 || has_read < 0 || has_until < 0)
		return -1;
	if (has_archived)
		archive_add(update, archived);
	/* What is archived is not pinned. */
	if (has_pinned || (has_archived && archived))
		pin_add(update, has_pinned && pinned);
	if (has_read)
		read_add(update, read);
	if (has_until)
		mute_add(update, until_ms);
	if (update->n_low + update->n_high == 0)
		return err_set(err, ERR_INVALID, "nothing to change");
	return 0;
}

static void on_updated(struct lane *lane, const struct err *err, void *arg)
{
	struct updating *updating = arg;

	if (err != NULL && updating->err.code == ERR_OK)
		updating->err = *err;
	if (--updating->n_open > 0)
		return;
	if (updating->err.code == ERR_OK)
		call_done(lane, &updating->call, NULL);
	else
		call_fail(lane, &updating->call, updating->err.code, "%s",
			updating->err.msg);
	free(updating);
}

static void update_start(
	struct lane *lane, struct call *call, const struct update *update)
{
	struct updating *updating = xcalloc(1, sizeof *updating);

	updating->call = call;
	updating->n_open = (update->n_low > 0) + (update->n_high > 0);
	if (update->n_low > 0)
		app_state_change(lane, APP_REGULAR_LOW, update->low,
			update->n_low, on_updated, updating);
	if (update->n_high > 0)
		app_state_change(lane, APP_REGULAR_HIGH, update->high,
			update->n_high, on_updated, updating);
}

static void chats_update(struct lane *lane, struct call *call)
{
	struct update update = { .n_low = 0 };
	struct err err = ERR_NONE;

	if (!chat_read(lane, &call, "jid", &update.chat))
		return;
	if (range_fill(lane, &update, &err) != 0) {
		facts_fail(lane, &err);
		call_fail(lane, &call, ERR_IO, "the database failed");
		return;
	}
	err = ERR_NONE;
	if (update_read(call, &update, &err) != 0)
		call_fail(lane, &call, err.code, "%s", err.msg);
	else
		update_start(lane, call, &update);
}

/* ---- chats.typing ---- */

static void chats_typing(struct lane *lane, struct call *call)
{
	const char *name = call_text(call, "state");
	enum typing_state state = TYPING_PAUSED;
	struct wa_jid chat;

	if (!chat_read(lane, &call, "jid", &chat))
		return;
	if (name == NULL || typing_parse(name, &state) != 0) {
		call_fail(lane, &call, ERR_INVALID,
			"state: composing, recording or paused");
		return;
	}
	typing_set(lane, &chat, state);
	call_done(lane, &call, NULL);
}

/* ---- presence.set, presence.subscribe ---- */

static void presence_set_call(struct lane *lane, struct call *call)
{
	const char *state = call_text(call, "state");
	bool is_available = state != NULL && strcmp(state, "available") == 0;

	if (state == NULL ||
		(!is_available && strcmp(state, "unavailable") != 0))
		call_fail(lane, &call, ERR_INVALID,
			"state: available or unavailable");
	else if (!presence_set(lane, is_available))
		call_fail(lane, &call, ERR_CONFLICT,
			"the device has no name yet, so nobody can see it");
	else
		call_done(lane, &call, NULL);
}

static void on_told(
	struct lane *lane, const char *state, int64_t last_seen_ms, void *arg)
{
	struct call *call = arg;
	char iso[CLOCK_ISO_LEN];

	clock_iso(last_seen_ms, iso);
	call_done(lane, &call,
		json_pack("{s:s, s:s*}", "state", state, "lastSeen",
			last_seen_ms > 0 ? iso : NULL));
}

/* Waits for the LID: what others do is told under it, whichever name we asked
 * with. */
struct subscribing {
	struct call *call;
	struct wa_jid user;
};

static void on_watched_devices(struct lane *lane,
	const enum devices_outcome *outcomes, size_t n, void *arg)
{
	struct subscribing *subscribing = arg;
	struct call *call = subscribing->call;
	struct wa_jid user = subscribing->user;

	free(subscribing);
	if (n == 1 && outcomes[0] == DEVICES_NO_ACCOUNT)
		call_fail(lane, &call, ERR_NOT_FOUND, "not on WhatsApp");
	else if (lane_is_ready(lane))
		watch_add(lane, &user, on_told, call);
	else
		call_fail(lane, &call, ERR_TIMEOUT, "the connection was lost");
}

static void presence_subscribe(struct lane *lane, struct call *call)
{
	struct subscribing *subscribing = NULL;
	struct wa_jid user;
	struct wa_jid address;

	if (!chat_read(lane, &call, "id", &user))
		return;
	if (!wa_jid_is_user(&user)) {
		call_fail(lane, &call, ERR_INVALID,
			"id: only people have a presence");
		return;
	}
	address = lane_signal_address(lane, &user);
	if (address.server == WA_SERVER_LID) {
		watch_add(lane, &user, on_told, call);
		return;
	}
	subscribing = xcalloc(1, sizeof *subscribing);
	subscribing->call = call;
	subscribing->user = user;
	devices_ask(lane, &user, 1, on_watched_devices, subscribing);
}

/* ---- history.request ---- */

/* Where to start from. */
struct oldest {
	char wa_id[132];
	bool from_me;
	int64_t ms;
};

static void oldest_set(
	struct oldest *out, const char *wa_id, bool from_me, int64_t ms)
{
	snprintf(out->wa_id, sizeof out->wa_id, "%s", wa_id);
	out->from_me = from_me;
	out->ms = ms;
}

static int on_oldest_chat(const struct chat *chat, void *arg)
{
	if (chat->oldest_ms > 0 && chat->oldest_wa_id != NULL)
		oldest_set(arg, chat->oldest_wa_id, chat->oldest_from_me,
			chat->oldest_ms);
	return 0;
}

static int on_oldest_message(const struct message *message, void *arg)
{
	oldest_set(arg, message->wa_id,
		message->direction == MESSAGE_OUT ||
			message->source == MESSAGE_BY_PHONE,
		message->wa_ms);
	return 0;
}

/* ERR_NOT_FOUND: nothing of the chat is known. */
static int oldest_find(struct lane *lane, const struct wa_jid *chat,
	struct oldest *out, struct err *err)
{
	struct names names;

	if (names_find(lane, chat, &names, err) != 0)
		return -1;
	if (store_chat_by_jid(lane->store, lane->device_id, names.jid,
		    on_oldest_chat, out, err) != 0 &&
		err->code != ERR_NOT_FOUND)
		return -1;
	if (out->ms > 0)
		return 0;
	return store_chat_oldest(lane->store, lane->account_id, lane->device_id,
		names.jid, on_oldest_message, out, err);
}

static void history_request(struct lane *lane, struct call *call)
{
	const json_t *count = call_param(call, "count");
	struct history_wish wish = { .count = HISTORY_DEFAULT };
	struct oldest oldest = { .ms = 0 };
	char id[WA_MSG_ID_LEN];
	struct err err = ERR_NONE;

	if (!chat_read(lane, &call, "chat", &wish.chat))
		return;
	if (count != NULL)
		wish.count = (int)json_integer_value(count);
	if (wish.count < 1 || wish.count > HISTORY_MAX) {
		call_fail(lane, &call, ERR_INVALID, "count: 1 to %d",
			HISTORY_MAX);
		return;
	}
	if (oldest_find(lane, &wish.chat, &oldest, &err) != 0) {
		call_fail(lane, &call, err.code,
			"no message of this chat is known to start from");
		return;
	}
	wish.oldest_wa_id = oldest.wa_id;
	wish.oldest_from_me = oldest.from_me;
	wish.oldest_ms = oldest.ms;
	if (ask_phone_for_history(lane, &wish, id, &err) != 0) {
		facts_fail(lane, &err);
		call_fail(lane, &call, ERR_IO, "the database failed");
		return;
	}
	call_done(lane, &call, json_pack("{s:s}", "requestId", id));
}

const struct call_method chat_calls[] = {
	{ .name = "chats.update", .fn = chats_update },
	{ .name = "chats.read", .fn = read_marks_on_call },
	{ .name = "chats.typing", .fn = chats_typing },
	{ .name = "presence.set", .fn = presence_set_call },
	{ .name = "presence.subscribe", .fn = presence_subscribe },
	{ .name = "history.request", .fn = history_request },
	{ .name = NULL },
};
