/* Our sender keys: which devices have them, and when a chat's must be another
 * one (messages.md 1.4, 3.1): when somebody who has it may not read on, when
 * the chat is addressed in another way, after a thousand messages. */
#ifndef SENDERD_WHATSAPP_SENDERKEY_H
#define SENDERD_WHATSAPP_SENDERKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "senderd/lane.h"

#define SENDERKEY_MESSAGES_MAX 1000

/* The address that our keys are kept under: LID when it is known. */
struct wa_jid senderkey_self(const struct lane *lane);

/* The next message makes a new key and gives it to everybody. */
int senderkey_rotate(struct lane *lane, const struct wa_jid *chat,
	const char *why, struct err *err);
/* @account left the chat: as above, if any of its devices has the key. */
int senderkey_on_left(struct lane *lane, const struct wa_jid *chat,
	const struct wa_jid *account, struct err *err);
/* A device was unlinked from its account: as above in all its chats. */
int senderkey_on_device_gone(
	struct lane *lane, const struct wa_jid *device, struct err *err);
/* An account was registered anew: its devices have no key of ours any more. */
int senderkey_on_new_identity(
	struct lane *lane, const struct wa_jid *account, struct err *err);

/* The devices that have a chat's key, for one look at all of them. */
struct holders;
struct holders *holders_load(
	struct lane *lane, const struct wa_jid *chat, struct err *err);
void holders_free(struct holders **holdersp);
/* True when @device has the key; notes that it was asked for. */
bool holders_check(struct holders *holders, const struct wa_jid *device);
/* Notes the same for all devices of an account. */
void holders_excuse(struct holders *holders, const struct wa_jid *account);
/* A holder that nobody asked for, or NULL. */
const struct wa_jid *holders_stranger(const struct holders *holders);

#endif
