/* What we ask of our own phone: a peer message, encrypted for device 0 alone
 * (messages.md 2.12).  Answers come as messages of their own: peer.h. */
#ifndef SENDERD_WHATSAPP_ASK_PHONE_H
#define SENDERD_WHATSAPP_ASK_PHONE_H

#include "common/ids.h"
#include "senderd/lane.h"
#include "senderd/whatsapp/syncd_records.h"

struct err;

/* A key of app state that it has not shared; at most once a day for each. */
int ask_phone_for_key(
	struct lane *lane, const struct syncd_key_id *key, struct err *err);

/* Messages of a chat that are older than one. */
struct history_wish {
	struct wa_jid chat;
	const char *oldest_wa_id;
	bool oldest_from_me;
	int64_t oldest_ms;
	int count;
};
int ask_phone_for_history(struct lane *lane, const struct history_wish *wish,
	char id_out[WA_MSG_ID_LEN], struct err *err);

/* A message that came without its content.  @participant: its author, in a
 * group; else empty.  At most once a day for each. */
int ask_phone_for_message(struct lane *lane, const struct wa_jid *chat,
	const struct wa_jid *participant, const char *wa_id, struct err *err);
/* The same for a stanza with <unavailable>, where asking is of use: not for
 * what is shown once, nor for what is old. */
int ask_phone_for_unavailable(
	struct lane *lane, const struct wa_node *message, struct err *err);
/* *@was: this one was asked for; it is not any more. */
int ask_phone_wanted(
	struct lane *lane, const char *wa_id, bool *was, struct err *err);

#endif
