/* The inside of a virtual phone, for phone*.c and the control API.
 *
 * phone.c            its life, the stanzas it gets, the receipts it sends
 * phone_receive.c    messages to it: decrypt, keep, answer, ask again
 * phone_send.c       messages from it: fan-out, resends
 * phone_group.c      the same for groups and status: sender keys
 * phone_keys.c       bundles, sessions, encryption for one device
 * phone_kind.h       what is in messages (phone_kind.c, phone_build.c,
 *                    phone_content.c, phone_media.c, phone_poll.c)
 * phone_peer.c       what its companions ask of it
 * phone_welcome.c    what it tells a companion that was just linked
 * phone_history.c    history for companions; phone_history_chat.c invents it
 * phone_app_state.c  the settings it shares with companions; phone_patch.c
 *                    makes and reads patches
 * phone_store.c      its keys and sessions
 * phone_box.c        its inbox and outbox */
#ifndef SANDBOXD_PHONE_H
#define SANDBOXD_PHONE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "sandboxd/phone_box.h"
#include "sandboxd/phone_kind.h"
#include "sandboxd/phone_store.h"
#include "sandboxd/sandbox.h"
#include "whatsapp.pb-c.h"

#define PHONE_TEXT_MAX 65536
#define PHONE_READ_DEFAULT (-2) /* the sandbox's read_after_ms */
#define PHONE_READ_NEVER (-1)
#define PHONE_RETRIES_MAX 4  /* retry receipts for one message */
#define PHONE_RESENDS_MAX 20 /* answers to retry receipts for one message */
#define PHONE_PEERS_MAX 64
#define PHONE_APP_KEY_ID 6
#define PHONE_APP_KEY 32
#define PHONE_ID_LEN \
	33 /* "3A" and 30 hex digits: what ids of phones look like */
#define PHONE_HEARD_MAX 32

/* A message that waits to be read. */
struct unread {
	STAILQ_ENTRY(unread) link;
	int64_t due_mono_ms;
	struct wa_jid chat;   /* in the namespace in which it came */
	struct wa_jid author; /* group and status; else empty */
	char id[];
};

/* How often we asked for a message that we could not read. */
struct asked {
	uint64_t key;
	unsigned count;
};

/* Somebody types. */
struct heard {
	struct wa_jid chat;	/* group; else empty */
	struct account *author; /* NULL: this place is free */
	const char *state;	/* "composing", "recording", "paused" */
	int64_t t_ms;
};

enum phone_media_retry {
	PHONE_MEDIA_ANSWER,
	PHONE_MEDIA_NOT_FOUND,
	PHONE_MEDIA_SILENT
};

/* Encrypted media that companions may ask for again, oldest first. */
struct kept_media;
STAILQ_HEAD(kept_media_list, kept_media);

struct phone_sender_keys;
struct phone_app_state;
struct phone_history;

struct phone {
	struct sandbox *sandbox; /* borrowed */
	struct account *account; /* borrowed */
	struct phone_store store;
	struct box inbox, outbox;
	struct box peers; /* to own companions: only kept to be sent again */

	/* options */
	int read_after_ms; /* or PHONE_READ_... */
	bool deliver;	   /* false: switched off, what is sent to it waits */
	char *auto_reply;  /* or NULL */
	enum phone_media_retry media_retry;

	STAILQ_HEAD(unread_list, unread) unread; /* by the time they are due */
	size_t n_unread;
	struct sandbox_timer *read_timer;
	struct asked asked[64]; /* a ring */
	unsigned next_asked;
	uint64_t undecryptable; /* given up after PHONE_RETRIES_MAX */
	struct heard *heard;	/* PHONE_HEARD_MAX, or NULL: a ring */
	unsigned next_heard;

	struct kept_media_list media;
	size_t n_media, media_bytes;
	struct phone_sender_keys *sender_keys; /* one per group; NULL: none */

	/* app state key, shared with every companion */
	uint8_t app_key_id[PHONE_APP_KEY_ID];
	uint8_t app_key[PHONE_APP_KEY];
	struct phone_app_state *app_state; /* NULL until it is needed */
	struct phone_history *history;	   /* NULL: none was ordered */
};

/* ---- phone.c ---- */
struct device *phone_device(const struct phone *phone);
struct wa_jid phone_lid(const struct phone *phone);
bool phone_is_own(const struct phone *phone, const struct account *account);
/* -1: never; else ms. */
int phone_read_delay(const struct phone *phone);
/* Switches the phone on or off; on: what waited is taken in now. */
void phone_set_deliver(struct phone *phone, bool deliver);
/* Re-registration: new keys.  Companions are unlinked, contacts are told. */
void phone_new_identity(struct phone *phone);
/* Marks a received message as read once its time has come.  @author: of a
 * group or status message, else NULL. */
void phone_read_later(struct phone *phone, const struct wa_jid *chat,
	const struct wa_jid *author, const char *id);
/* Tells a chat that the phone's owner types. @state "composing", "recording"
 * or "paused". */
void phone_type(
	struct phone *phone, const struct phone_chat *chat, const char *state);
void phone_set_available(struct phone *phone, bool available);

/* ---- phone_receive.c ---- */
void phone_on_message(struct phone *phone, const struct wa_node *message);

/* ---- phone_keys.c ---- */
/* Reads the keys in a bundle's <user> or a retry receipt's <keys>. */
int phone_read_bundle(const struct wa_node *keys,
	const struct wa_node *registration, struct wa_bundle *out,
	struct err *err);
/* Our own keys as <registration> and <keys> of a retry receipt. */
void phone_add_keys(struct phone *phone, struct wa_node *receipt, bool keys);
/* Adds the <enc> for @device to @parent; @plain is padded.  NULL: it could not
 * be encrypted, which is logged. */
struct wa_node *phone_encrypt(struct phone *phone, struct device *device,
	const struct buf *plain, const struct phone_shape *shape,
	struct wa_node *parent);
/* Attributes of an <enc> that its message gives. */
void phone_enc_set(
	struct wa_node *enc, const char *type, const struct phone_shape *shape);
/* After this the next encryption starts a session that the device which sent
 * the retry receipt can read. */
void phone_repair_session(struct phone *phone, const struct wa_jid *lid,
	const struct wa_node *receipt, unsigned count);

/* ---- phone_send.c ---- */
/* The stanza goes through route_message() like anybody's; the message is in the
 * outbox, also when it failed. */
int phone_send(struct phone *phone, const struct phone_chat *chat,
	const struct phone_order *order, char id_out[PHONE_ID_LEN],
	struct err *err);
/* A resend for the device that asks, with the session repaired as it wishes. */
void phone_on_retry(struct phone *phone, const struct wa_node *receipt);
/* Sends @message to one own companion as category peer.  False when it cannot.
 */
bool phone_send_peer(struct phone *phone, struct device *companion,
	const Wa__Message *message);
/* What this phone or a companion of it sent; NULL: not known (any more). */
struct box_entry *phone_sent(const struct phone *phone, const char *id);
/* Sent or received, the newest with this id; NULL. */
const struct box_entry *phone_known(
	const struct phone *phone, const char *id, bool *from_me_out);
/* Where a message of the outbox went; false: that is no more. */
bool phone_entry_chat(struct phone *phone, const struct box_entry *entry,
	struct phone_chat *out);
/* An empty stanza for a message of the outbox. */
struct wa_node *phone_message_new(struct phone *phone, const char *id,
	const struct wa_jid *to, const struct phone_shape *shape);

/* ---- phone_group.c ---- */
int phone_group_send(struct phone *phone, const struct phone_chat *chat,
	const struct box_entry *entry, const struct phone_shape *shape,
	struct err *err);
/* Takes in the sender key of the device @sender. */
void phone_group_on_key(struct phone *phone, const struct wa_jid *chat,
	const struct wa_jid *sender,
	const Wa__SenderKeyDistributionMessage *message);
/* @message with our sender key added, for one device. */
void phone_group_add_key(struct phone *phone, const struct wa_jid *chat,
	struct device *device, struct buf *message);
/* May the account have what is sent to this chat now? */
bool phone_group_has(const struct phone_chat *chat,
	const struct box_entry *entry, const struct account *account);
/* Nobody has our key for this chat from now on. */
void phone_group_rotate(struct phone *phone, const struct wa_jid *chat);
/* The next message to the chat distributes the key to everybody. */
void phone_group_forget(struct phone *phone, const struct wa_jid *chat);
/* Somebody went out of a group. */
void phone_group_on_notification(
	struct phone *phone, const struct wa_node *notification);
/* The account has new keys: it lacks ours. */
void phone_group_forget_account(
	struct phone *phone, const struct account *account);
void phone_group_fini(struct phone *phone);

/* ---- phone_media.c ---- */
/* A companion cannot fetch the media of a message. */
void phone_media_on_retry(struct phone *phone, const struct wa_node *receipt);
void phone_media_fini(struct phone *phone);

/* ---- phone_peer.c ---- */
/* A protocol message of an own companion. @id: of the message. */
void phone_on_peer(struct phone *phone, struct device *companion,
	const char *id, const Wa__ProtocolMessage *protocol);
/* Tells all companions the LIDs of these accounts; false: nobody to tell. */
bool phone_push_lids(
	struct phone *phone, struct account *const *accounts, size_t n);

/* ---- phone_welcome.c ---- */
bool phone_share_app_keys(struct phone *phone, struct device *companion);

/* ---- phone_history.c ---- */
enum phone_inline {
	PHONE_INLINE_AS_ASKED,
	PHONE_INLINE_NEVER,
	PHONE_INLINE_ALWAYS
};
struct phone_history_order {
	unsigned chats, messages; /* in all of them together */
	unsigned older;		  /* more in each chat, on demand only */
	unsigned days;
	unsigned chunks;
	bool media;
	enum phone_inline inline_payload;
};
#define PHONE_HISTORY_CHATS_MAX 20000
#define PHONE_HISTORY_MESSAGES_MAX 1000000
/* Companions linked from now on get this history, and those there are now at
 * once. */
void phone_history_set(
	struct phone *phone, const struct phone_history_order *order);
/* Bootstrap, push names, and the rest over some turns of the loop; without an
 * order an empty history.  False: the first could not be sent. */
bool phone_history_send(struct phone *phone, struct device *companion);
/* Chunks that are still to be made. */
unsigned phone_history_pending(const struct phone *phone);
/* Answers a companion that asked for older messages. */
void phone_history_on_demand(struct phone *phone, struct device *companion,
	const char *request_id, const Wa__HistorySyncOnDemandRequest *request);
void phone_history_free(struct phone_history **historyp);

/* ---- phone_app_state.c ---- */
/* What is wrong with what the phone, or the server for it, hands out. */
enum phone_corrupt {
	PHONE_CORRUPT_NOTHING,
	PHONE_CORRUPT_PATCH_MAC,
	PHONE_CORRUPT_SNAPSHOT_MAC,
	PHONE_CORRUPT_VALUE_MAC,
	PHONE_CORRUPT_SNAPSHOT /* only the MAC of snapshots */
};
void phone_app_state_corrupt(struct phone *phone, enum phone_corrupt corrupt);
/* The first patch: the push name.  Nothing when there is one already. */
void phone_app_state_begin(struct phone *phone);
void phone_app_state_name(struct phone *phone);
/* @name NULL or "": the contact is taken out. */
struct phone_contact {
	const char *phone, *name;
};
void phone_app_state_contacts(
	struct phone *phone, const struct phone_contact *contacts, size_t n);
struct phone_chat_settings {
	bool has_archived, archived, has_mute, has_pinned, pinned, has_read,
		read;
	int64_t muted_until_ms; /* 0 not, -1 for ever */
};
void phone_app_state_chat(struct phone *phone, const char *chat,
	const struct phone_chat_settings *settings);
/* A companion changed something. */
void phone_app_state_on_change(struct phone *phone);
/* All that is set, decoded: {collection: {version, entries: [...]}}. */
json_t *phone_app_state_json(struct phone *phone);
void phone_app_state_free(struct phone_app_state **statep);

#endif
