/* Who has which devices: usync questions to the server and their cache in the
 * lane database (messages.md 2.4, 2.5; connection.md 8.1).
 *
 * A list is kept under the account's LID when it is known, else under its
 * number.  It is good for an hour; the server's notices forget it earlier. */
#ifndef SENDERD_WHATSAPP_DEVICES_H
#define SENDERD_WHATSAPP_DEVICES_H

#include <stddef.h>
#include <stdint.h>

#include "senderd/lane.h"

#define DEVICES_MAX 32	   /* of one account; the network allows fewer */
#define DEVICES_ASK_MAX 50 /* users in one question */
#define DEVICES_FRESH_MS (3600 * 1000LL)

struct device_list {
	uint16_t numbers[DEVICES_MAX]; /* 0 = the phone */
	size_t n;
};

/* 1: known and fresh, 0: ask, -1: the lane database failed. */
int devices_load(struct lane *lane, const struct wa_jid *account,
	struct device_list *out, struct err *err);

enum devices_outcome {
	DEVICES_KNOWN, /* the list is in the cache, and so is the LID if there
			  is one */
	DEVICES_NO_ACCOUNT, /* nobody on WhatsApp has this number */
	DEVICES_UNCLEAR, /* the server answered, but not this: ask again later,
			    not for ever */
	DEVICES_NO_ANSWER, /* the server failed or refused: ask again later */
};

/* @outcomes has one entry for each user asked, in the order asked. */
typedef void devices_done_fn(struct lane *lane,
	const enum devices_outcome *outcomes, size_t n, void *arg);
/* Asks for devices and LID of up to DEVICES_ASK_MAX bare users, PN or LID.
 * Answers once, in a later turn (at once when there is no connection). */
void devices_ask(struct lane *lane, const struct wa_jid *users, size_t n,
	devices_done_fn *done, void *arg);

/* A usync question to which protocols (*@query_out) and users (*@list_out) are
 * added: @mode "query" or "full", @context "message", "interactive",
 * "background". */
struct wa_node *devices_usync(struct lane *lane, const char *mode,
	const char *context, struct wa_node **query_out,
	struct wa_node **list_out);

/* The list must be asked again; both names of the account are forgotten. */
int devices_forget(
	struct lane *lane, const struct wa_jid *user, struct err *err);
/* Sessions, identities and device list of an account, under both its names. */
int devices_forget_user(
	struct lane *lane, const struct wa_jid *user, struct err *err);

/* <notification type=contacts>: who changes their number is asked about anew.
 */
int devices_on_contacts(
	struct lane *lane, const struct wa_node *notification, struct err *err);

/* Stores a PN/LID pair in whichever order it comes; anything else is ignored.
 */
int devices_learn_pair(struct lane *lane, const struct wa_jid *a,
	const struct wa_jid *b, struct err *err);

#endif
