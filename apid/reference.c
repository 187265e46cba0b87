#include "apid/reference.h"

#include <string.h>

#include "apid/request.h"
#include "common/content.h"
#include "common/own.h"
#include "common/recipient.h"
#include "common/store/message.h"

struct found {
	int64_t device_id;
	const struct recipient *chat; /* where it must be */
	bool is_there;
	json_t *key;
};

static bool is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* A chat that began under a LID may be known by its number since. */
static bool is_of_chat(
	const struct message *message, const struct recipient *chat)
{
	const size_t n_lid = message->lid != NULL ? strlen(message->lid) : 0;

	if (is_same(message->chat, chat->jid))
		return true;
	switch (chat->kind) {
	case RECIPIENT_PHONE:
		return is_same(message->phone, chat->phone);
	case RECIPIENT_LID:
		return n_lid > 0 &&
		       strncmp(chat->jid, message->lid, n_lid) == 0 &&
		       chat->jid[n_lid] == '@';
	case RECIPIENT_GROUP:
		return false;
	}
	return false;
}

static int take_message(const struct message *message, void *arg)
{
	struct found *found = arg;
	struct recipient sender;

	if (message->device_id != found->device_id ||
		!is_of_chat(message, found->chat))
		return 0;
	found->is_there = true;
	found->key = json_pack("{s:s, s:b}", "id", message->wa_id, "fromMe",
		message->direction == MESSAGE_OUT);
	if (message->sender != NULL &&
		recipient_parse(message->sender, strlen(message->sender),
			RECIPIENT_PERSON, &sender) == 0)
		json_object_set_new(
			found->key, "participant", json_string(sender.name));
	if (message->text != NULL)
		json_object_set_new(
			found->key, "text", json_text(message->text));
	json_object_set_new(found->key, "messageType",
		json_string(message_kind_name(message->kind)));
	return 0;
}

int reference_resolve(struct request *request, int64_t device_id,
	const struct recipient *chat, json_t *members, const char *name,
	struct err *err)
{
	json_t *value = json_object_get(members, name);
	const char *id = json_string_value(json_object_get(value, "messageId"));
	struct found found = { .device_id = device_id, .chat = chat };
	struct err miss = ERR_NONE;

	if (json_object_get(value, "messageId") == NULL)
		return 0;
	if (json_object_size(value) != 1)
		return err_set(err, ERR_INVALID,
			"%s has either messageId or the WhatsApp id", name);
	if (id != NULL && id_is_uuid(id) &&
		store_message_by_public_id(request->store, request->account_id,
			id, take_message, &found, &miss) != 0 &&
		miss.code != ERR_NOT_FOUND) {
		*err = miss;
		return -1;
	}
	if (!found.is_there)
		return err_set(err, ERR_INVALID,
			"%s names no message of this chat", name);
	if (strcmp(name, "quote") != 0) {
		json_object_del(found.key, "text");
		json_object_del(found.key, "messageType");
	}
	json_object_set_new(members, name, found.key);
	return 0;
}
