/* Chats of a device, as its phone lists them: from app state and history. */
#ifndef COMMON_STORE_CHAT_H
#define COMMON_STORE_CHAT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/store/message.h"
#include "common/store/store.h"

struct err;

struct chat {
	int64_t account_id, device_id;
	const char *jid;  /* as in messages: the number's if known */
	const char *name; /* or NULL */
	bool is_archived, is_pinned, is_unread;
	int64_t muted_until_ms; /* unix; 0 = not muted, -1 = for ever */
	int64_t last_ms;	/* newest message, 0 = unknown */
	int64_t oldest_ms;	/* oldest message that is known, 0 = none */
	const char *oldest_wa_id;
	bool oldest_from_me;
	int64_t updated_ms;
};

typedef int chat_row_fn(const struct chat *chat, void *arg);

/* What of a chat is told; the rest stays. */
enum chat_field {
	CHAT_NAME = 1,
	CHAT_ARCHIVED = 2,
	CHAT_PINNED = 4,
	CHAT_UNREAD = 8,
	CHAT_MUTED = 16,
	CHAT_LAST = 32,	  /* only moves forward */
	CHAT_OLDEST = 64, /* only moves back */
};
int store_chat_note(struct tx *tx, const struct chat *chat, unsigned fields,
	struct err *err);
/* Of a device, oldest row first. */
int store_chat_list(struct store *store, int64_t account_id, int64_t device_id,
	struct page page, chat_row_fn *row, void *arg, int64_t *total_out,
	struct err *err);
/* ERR_NOT_FOUND: none of this name. */
int store_chat_by_jid(struct store *store, int64_t device_id, const char *jid,
	chat_row_fn *row, void *arg, struct err *err);

/* ---- what of a chat was read: chat_message.c ---- */
/* Nothing counts unread messages, so only the device's newest CHAT_LOOK_BACK
 * messages, in all chats, are looked at. */
#define CHAT_LOOK_BACK 2000
/* Messages of others in the chat that were not marked as read, oldest first. */
int store_chat_unread(struct store *store, int64_t account_id,
	int64_t device_id, const char *jid, message_row_fn *row, void *arg,
	struct err *err);
/* The oldest message of the chat among those. ERR_NOT_FOUND */
int store_chat_oldest(struct store *store, int64_t account_id,
	int64_t device_id, const char *jid, message_row_fn *row, void *arg,
	struct err *err);
/* Messages of others in the chat with this WhatsApp id: one, but for the
 * hostile. */
int store_chat_message(struct store *store, int64_t device_id, const char *jid,
	const char *wa_id, message_row_fn *row, void *arg, struct err *err);
/* Is there one of the same device, chat and WhatsApp id, whoever it is by? */
int store_chat_has_message(struct tx *tx, const struct message *message,
	bool *is_known, struct err *err);
int store_chat_mark_read(
	struct tx *tx, int64_t message_id, int64_t at_ms, struct err *err);

#endif
