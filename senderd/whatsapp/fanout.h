/* One message, encrypted for every device that must have it
 * (messages.md 2.1, 2.2, 2.8).
 *
 * Two namespaces are kept apart: the wire address, which is the namespace of
 * the chat, and the address of the Signal session, which is the LID as soon as
 * it is known. */
#ifndef SENDERD_WHATSAPP_FANOUT_H
#define SENDERD_WHATSAPP_FANOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "senderd/lane.h"
#include "senderd/whatsapp/compose.h"
#include "senderd/whatsapp/devices.h"

#define FANOUT_MAX (2 * DEVICES_MAX)

struct fanout_device {
	struct wa_jid wire;
	struct wa_jid address; /* of the session */
	bool is_own; /* another device of our account: gets the wrapper */
	bool has_session;
};

struct fanout {
	struct wa_jid to;      /* bare, in the chat's namespace */
	struct wa_jid account; /* bare, LID when known: what devices are asked
				  and kept under */
	struct wa_jid pn;      /* empty while only a LID is known */
	struct fanout_device devices[FANOUT_MAX]; /* without this device */
	size_t n;
};

enum fanout_need {
	FANOUT_READY = 0,     /* every device has a session */
	FANOUT_NEEDS_DEVICES, /* of the recipient: out->account is whom to ask
				 for */
	FANOUT_NEEDS_OWN_DEVICES, /* of ourselves */
	FANOUT_NEEDS_KEYS,	  /* of the devices without has_session */
	FANOUT_FAILED,		  /* the lane database failed */
};

/* Who must get a message to @chat (a PN or LID), from what the lane database
 * knows.  @as_pn: the chat goes by number, if one is known. */
enum fanout_need fanout_plan(struct lane *lane, const struct wa_jid *chat,
	bool as_pn, struct fanout *out, struct err *err);

/* Encrypts the message for every device of the plan that has a session, keeps
 * it for retries and queues the stanza.  *@n_devices_out is how many got it.
 * Returns -1 with ERR_NOT_FOUND when no device of the recipient could be
 * encrypted for (nothing is sent then), or ERR_IO. */
int fanout_send(struct lane *lane, const struct fanout *plan, const char *wa_id,
	const struct composed *composed, size_t *n_devices_out,
	struct err *err);
/* <message> with what @envelope says about it. */
struct wa_node *fanout_stanza(struct lane *lane, const char *wa_id,
	const struct wa_jid *to, const struct envelope *envelope);
/* What @envelope says about each <enc>. */
void fanout_mark_enc(struct wa_node *enc, const struct envelope *envelope);

/* Adds <enc> to @parent: the serialised Message @plain, padded and encrypted
 * for one session.
 * *@is_pkmsg is set, never cleared. */
int fanout_add_enc(struct lane *lane, struct wa_node *parent,
	const struct wa_jid *address, const void *plain, size_t n,
	bool *is_pkmsg, struct wa_node **enc_out, struct err *err);
/* Adds our own <device-identity>, which goes with every pkmsg. */
int fanout_add_identity(
	struct lane *lane, struct wa_node *stanza, struct err *err);
/* A serialised Message wrapped for our own other devices: what was sent to
 * @chat. */
int fanout_wrap(const struct wa_jid *chat, const void *plain, size_t n,
	struct buf *out, struct err *err);

#endif
