/* The inside of a virtual phone, for phone*.c and the control API.
 *
 * phone.c          its life, the stanzas it gets, the receipts it sends
 * phone_receive.c  messages to it: decrypt, keep, answer, ask again
 * phone_send.c     messages from it: fan-out, resends
 * phone_welcome.c  what it tells a companion that was just linked
 * phone_store.c    its keys and sessions
 * phone_box.c      its inbox and outbox */
#ifndef SANDBOXD_PHONE_H
#define SANDBOXD_PHONE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "sandboxd/phone_box.h"
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

/* A message that waits to be read. */
struct unread {
	STAILQ_ENTRY(unread) link;
	int64_t due_mono_ms;
	struct wa_jid chat; /* in the namespace in which it came */
	char id[];
};

/* How often we asked for a message that we could not read. */
struct asked {
	uint64_t key;
	unsigned count;
};

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

	STAILQ_HEAD(unread_list, unread) unread; /* by the time they are due */
	size_t n_unread;
	struct sandbox_timer *read_timer;
	struct asked asked[64]; /* a ring */
	unsigned next_asked;
	uint64_t undecryptable; /* given up after PHONE_RETRIES_MAX */

	/* app state key, shared with every companion */
	uint8_t app_key_id[PHONE_APP_KEY_ID];
	uint8_t app_key[PHONE_APP_KEY];
	bool has_app_key;
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
/* Marks a received message as read once its time has come. */
void phone_read_later(
	struct phone *phone, const struct wa_jid *chat, const char *id);

/* ---- phone_receive.c ---- */
void phone_on_message(struct phone *phone, const struct wa_node *message);

/* ---- phone_send.c ---- */
/* A resend for the device that asks, with the session repaired as it wishes. */
void phone_on_retry(struct phone *phone, const struct wa_node *receipt);
/* Sends @message to one own companion as category peer.  False when it cannot.
 */
bool phone_send_peer(struct phone *phone, struct device *companion,
	const Wa__Message *message);
/* What this phone or a companion of it sent; NULL: not known (any more). */
struct box_entry *phone_sent(const struct phone *phone, const char *id);
/* Reads the keys in a bundle's <user> or a retry receipt's <keys>. */
int phone_read_bundle(const struct wa_node *keys,
	const struct wa_node *registration, struct wa_bundle *out,
	struct err *err);
/* Our own keys as <registration> and <keys> of a retry receipt. */
void phone_add_keys(struct phone *phone, struct wa_node *receipt, bool keys);

/* ---- phone_welcome.c ---- */
bool phone_share_app_keys(struct phone *phone, struct device *companion);

#endif
