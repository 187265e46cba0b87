/* The status feed: who may see what we post (messages.md 3.2; connection.md
 * 8.5).  The server sees only whom a stanza names, so the audience is ours to
 * choose. */
#ifndef SENDERD_WHATSAPP_STATUS_H
#define SENDERD_WHATSAPP_STATUS_H

#include <jansson.h>
#include <stdbool.h>

#include "senderd/lane.h"
#include "senderd/whatsapp/castplan.h"
#include "senderd/whatsapp/compose.h"
#include "senderd/whatsapp/jobs.h"

#define STATUS_AUDIENCE_MAX 4096

enum status_audience {
	STATUS_READY,	    /* @plan has the accounts, ours among them */
	STATUS_ASK_PRIVACY, /* status_ask() first */
	STATUS_REFUSED,	    /* *@reason_out */
	STATUS_FAILED,	    /* the lane database or the store */
};
/* In this order: whom this message was for when it was sent before; who saw the
 * status that it takes back; the phones that it names; the account's own
 * privacy list.  *@setting_out: what the stanza says of a post, else NULL. */
enum status_audience status_plan(struct lane *lane, const struct job *job,
	const struct composed *composed, struct castplan *plan,
	const char **setting_out, const char **reason_out, struct err *err);
/* Whom it is for, kept as long as the message; @setting may be NULL. */
int status_keep_audience(struct lane *lane, const char *wa_id,
	const struct castplan *plan, const char *setting, struct err *err);
/* 1: @account was in the audience of @wa_id, 0, -1. */
int status_was_for(struct lane *lane, const char *wa_id,
	const struct wa_jid *account, struct err *err);

/* Asks the server for the privacy list; it is good for an hour. */
typedef void status_done_fn(struct lane *lane, bool answered, void *arg);
void status_ask(struct lane *lane, status_done_fn *done, void *arg);
/* {privacy, list[]} of what the lane database has; NULL: nothing. */
json_t *status_privacy_json(struct lane *lane, struct err *err);

#endif
