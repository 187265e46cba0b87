/* Privacy tokens: what a contact's account gave us, shown with every message to
 * it, and what we give in turn (messages.md 2.9). */
#ifndef SENDERD_WHATSAPP_TOKENS_H
#define SENDERD_WHATSAPP_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "senderd/lane.h"

/* Adds <tctoken> while the contact's token is valid, else <cstoken> when the
 * account's salt is known, else nothing.  @account is the contact, bare, LID
 * when known. */
int tokens_attach(struct lane *lane, struct wa_node *stanza,
	const struct wa_jid *account, struct err *err);
/* 1: the contact gave us a token that is still good; 0; -1. */
int tokens_has_valid(
	struct lane *lane, const struct wa_jid *account, struct err *err);
/* Contacts that are to get a token of ours: one question at a time tells them
 * all. */
#define TOKENS_DUE_MAX 50
struct tokens_due {
	struct wa_jid accounts[TOKENS_DUE_MAX];
	size_t n;
	bool is_asking;
};
/* Gives the contact a token of ours, soon, unless it got one in this bucket
 * (seven days); @again gives one anyway. When too many are due it is left for
 * the contact's next message. */
int tokens_issue(struct lane *lane, const struct wa_jid *account, bool again,
	struct err *err);
/* Sends what is due. */
void tokens_flush(struct lane *lane);
/* <notification type=privacy_token>: keeps what a contact gave us. */
int tokens_on_notification(
	struct lane *lane, const struct wa_node *notification, struct err *err);

#define TOKENS_SALT "nct_salt" /* name of the salt among the lane's values */

#endif
