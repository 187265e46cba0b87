#include "senderd/whatsapp/history_message.h"

#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/message.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/secrets.h"

#define ID_MAX 128
#define NAME_MAX_BYTES 256
#define TIME_MAX_SEC 99999999999LL /* the year 5138: beyond is nonsense */

static bool user_read(const char *text, struct wa_jid *out)
{
	if (text == NULL || wa_jid_parse(text, strlen(text), out) != 0 ||
		!wa_jid_is_user(out))
		return false;
	*out = wa_jid_bare(out);
	return true;
}

static bool is_usable(const Wa__WebMessageInfo *info)
{
	const Wa__MessageKey *key = info->key;

	return info->message != NULL && key != NULL && key->id != NULL &&
	       key->id[0] != '\0' && strlen(key->id) <= ID_MAX &&
	       info->message_timestamp > 0 &&
	       info->message_timestamp <= TIME_MAX_SEC &&
	       info->message->protocol_message == NULL;
}

/* Who wrote it; in a group that is told apart from the chat. */
static bool sender_find(const struct lane *lane,
	const struct history_chat *chat, const Wa__WebMessageInfo *info,
	struct wa_jid *out)
{
	if (info->key->from_me) {
		*out = wa_jid_bare(&lane->id.jid);
		return true;
	}
	if (chat->jid.server != WA_SERVER_GROUP) {
		*out = chat->jid;
		return true;
	}
	return user_read(info->key->participant, out) ||
	       user_read(info->participant, out);
}

/* Votes of it may still come. */
static int secret_keep(struct lane *lane, const struct history_chat *chat,
	const struct wa_jid *sender, const Wa__WebMessageInfo *info,
	struct err *err)
{
	Wa__MessageContextInfo context = WA__MESSAGE_CONTEXT_INFO__INIT;

	if (info->message_secret.len == 0)
		return secrets_keep(lane, info->key->id, &chat->jid, sender,
			info->message->message_context_info, err);
	context.has_message_secret = true;
	context.message_secret = info->message_secret;
	return secrets_keep(
		lane, info->key->id, &chat->jid, sender, &context, err);
}

static void row_fill(struct lane *lane, const struct history_chat *chat,
	const struct names *sender, const Wa__WebMessageInfo *info,
	struct message *out)
{
	bool is_own = info->key->from_me;
	bool is_group = chat->jid.server == WA_SERVER_GROUP;
	const struct names *party = is_group ? sender : chat->names;

	*out = (struct message){
		.direction = is_own ? MESSAGE_OUT : MESSAGE_IN,
		.status = is_own ? MESSAGE_SENT : MESSAGE_RECEIVED,
		.source = MESSAGE_BY_HISTORY,
		.wa_id = info->key->id,
		.chat = chat->names->jid,
		.sender = is_own ? NULL : sender->jid,
		.wa_ms = (int64_t)info->message_timestamp * 1000,
	};
	out->created_ms = out->wa_ms;
	if (is_own)
		out->sent_ms = out->wa_ms;
	if (!is_own || !is_group) {
		out->phone = party->phone;
		out->lid = party->lid;
	}
	if (!is_own && info->push_name != NULL && info->push_name[0] != '\0')
		out->push_name = content_line(
			lane->arena, info->push_name, NAME_MAX_BYTES);
}

/* False: nothing to show.  Its media stays where it is: nobody waits for a file
 * of years ago, so there is no row and no state of one. */
static bool row_describe(struct lane *lane, const struct history_chat *chat,
	const struct wa_jid *sender, const Wa__WebMessageInfo *info,
	struct message *out)
{
	scoped(content_fini) struct content content = { 0 };
	struct content_from from = { .chat = chat->jid,
		.sender = *sender,
		.is_own = info->key->from_me };
	const Wa__Message *message = content_unwrap(info->message);

	if (message->protocol_message != NULL ||
		!content_describe(lane, &from, message, &content))
		return false;
	json_object_del(json_object_get(content.json, "media"), "status");
	out->kind = content.kind;
	out->text = content.text;
	out->content = content_render(lane, &content);
	return true;
}

int history_message_row(struct lane *lane, const struct history_chat *chat,
	const Wa__WebMessageInfo *info, struct message *out, struct err *err)
{
	struct names names = *chat->names;
	struct wa_jid sender;

	if (!is_usable(info) || !sender_find(lane, chat, info, &sender))
		return 0;
	if (chat->jid.server == WA_SERVER_GROUP && !info->key->from_me &&
		names_find(lane, &sender, &names, err) != 0)
		return -1;
	row_fill(lane, chat, &names, info, out);
	if (!row_describe(lane, chat, &sender, info, out))
		return 0;
	if (out->kind == MESSAGE_POLL &&
		secret_keep(lane, chat, &sender, info, err) != 0)
		return -1;
	return 1;
}
