/* What a turn of the lane has to tell the shared store: collected in memory,
 * written in one short transaction at the end of the turn, together with the
 * events they cause. */
#ifndef SENDERD_FACTS_H
#define SENDERD_FACTS_H

#include "common/eventlog.h"
#include "common/store/chat.h"
#include "common/store/contact.h"
#include "common/store/device.h"
#include "common/store/media.h"
#include "common/store/message.h"
#include "senderd/lane.h"

struct facts *facts_new(void);
void facts_free(struct facts **factsp);

/* Texts are copied; public_id, account and device are filled in, and media_id
 * where media_public_id names a media row, whose fact came before.  An inbound
 * message that is known already causes no event, nor does one of source
 * MESSAGE_BY_PHONE or MESSAGE_BY_HISTORY.  Its sender becomes a contact of the
 * account. */
void facts_add_inbound(struct lane *lane, const struct message *message);
/* A status of one of our outbound messages. */
void facts_add_change(struct lane *lane, const struct message_change *change);
/* The same, on the word of somebody: it counts only when the message was sent
 * to that account.  @phone and @lid are its two names, bare users; NULL when
 * not known. */
void facts_add_receipt(struct lane *lane, const struct message_change *change,
	const char *phone, const char *lid);
/* The word of one of those in the group (or the audience of the status) @chat,
 * a JID: counts once for each account; the message is DELIVERED, READ or PLAYED
 * when all have said so. */
void facts_add_group_receipt(struct lane *lane,
	const struct message_change *change, const char *chat,
	const char *phone, const char *lid);
/* What happened to a group.  Account, device and contact ids are filled in,
 * texts are copied. */
void facts_add_group(struct lane *lane, const struct group_event *event);
void facts_add_reason(struct lane *lane, const char *wa_id, const char *reason);
void facts_add_retry(struct lane *lane, const char *wa_id);
/* The device row; @connected/@disconnected also append the session event. */
enum facts_session {
	FACTS_SESSION_NONE,
	FACTS_SESSION_CONNECTED,
	FACTS_SESSION_DISCONNECTED
};
void facts_add_state(struct lane *lane, const struct device_state *state,
	enum facts_session session, const char *reason);

/* What app state and history tell; texts are copied, account and device are
 * filled in.  None of it causes an event. */
void facts_add_contact(struct lane *lane, const struct contact_news *news);
void facts_add_chat(
	struct lane *lane, const struct chat *chat, unsigned fields);
/* A message from before the device was linked; nothing when its chat has one of
 * that id. */
void facts_add_history(struct lane *lane, const struct message *message);
/* We have read a message of somebody, by its row. */
void facts_add_read(struct lane *lane, int64_t message_id, int64_t at_ms);
/* Somebody's presence or typing changed: an event and no more. */
void facts_add_presence(struct lane *lane, const struct presence_event *event);

/* A received file, PENDING: before the fact of its message.  Texts and bytes
 * are copied, account and device are filled in. */
void facts_add_media(struct lane *lane, const struct media *media);
/* It is here now, or never will be: tells media.ready or media.failed. */
struct media_end {
	const char *public_id;
	enum media_state state;
	const uint8_t *sha256; /* READY; else NULL */
	uint64_t size;	       /* READY */
	const char *wa_id;     /* of the message that brought it */
	const char *chat;      /* its chat's JID */
};
void facts_add_media_state(struct lane *lane, const struct media_end *end);

/* This turn must not be committed: something it depends on failed (the lane
 * database, say). facts_commit() will fail with @err, so the turn is dropped as
 * a whole.  The first reason stays. */
void facts_fail(struct lane *lane, const struct err *err);
bool facts_failed(const struct lane *lane);

/* Writes them all; the events go to lane_tell().  -1: nothing was written. */
int facts_commit(struct lane *lane, struct err *err);
void facts_drop(struct lane *lane);
/* How many wait to be written, a failure included: 0 means that there is
 * nothing to commit. */
size_t facts_count(const struct lane *lane);

#endif
