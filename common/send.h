/* The one domain operation that accepts a message for sending: apid and
 * schedulerd call it. Device ownership, safety budget, deduplication, insert:
 * all in the caller's transaction. */
#ifndef COMMON_SEND_H
#define COMMON_SEND_H

#include <stdbool.h>

#include "common/plan.h"
#include "common/safety.h"
#include "common/store/device.h"
#include "common/store/message.h"
#include "vereda.pb-c.h"

struct config;
struct err;

#define SEND_TEXT_MAX 65536 /* bytes of UTF-8 */
/* Before the client_message_ids that our own senders make; one of a client must
 * be printable, so that the two never meet. */
#define SEND_OWN_ID "\x01"

struct send_request {
	int64_t account_id;
	const char *device_uid;
	const char *phone; /* digits; NULL when @chat is no phone's */
	const char *chat;  /* JID of a LID, group or the status feed; NULL: the
			      phone's */
	enum message_kind kind; /* 0 = TEXT */
	const char *text;	/* may be NULL unless TEXT */
	const char *content; /* JSON of docs/content.md, checked by content.h;
				or NULL */
	int64_t media_id;    /* row of its media, 0 = none */
	bool is_free; /* costs no budget: what does not go to somebody new
			 (reaction, edit, revoke, status) */
	const char *client_message_id; /* or NULL */
	enum message_source source;
	/* The text is spintax: spun here, {name} and its like filled in when
	 * the recipient is a saved contact that has them.  A text that is no
	 * valid template is sent as it is. */
	bool is_template;
	int64_t recipient_id; /* of a campaign, 0 = none */
};

/* Which of the refusals it was. */
enum send_refusal {
	SEND_TAKEN = 0,
	SEND_REFUSED_BUDGET, /* ERR_LIMIT: account safety */
	SEND_REFUSED_PAUSE,  /* ERR_LIMIT: antispam.h */
	SEND_REFUSED_PLAN,   /* ERR_FORBIDDEN: plan.h */
	SEND_REFUSED_DEVICE, /* ERR_INVALID, ERR_NOT_FOUND */
};

struct send_result {
	bool duplicate; /* clientMessageId was known: the ids are the first
			   one's */
	char message_id[UUID_LEN];
	char wa_id[WA_MSG_ID_LEN + 42];
	char device_uid[DEVICE_UID_LEN + 8];
	enum message_status status;
	struct safety safety; /* filled on ERR_LIMIT too: the 429 body */
	enum send_refusal refusal;
	int64_t resets_at_ms;	  /* of a budget or a pause */
	struct plan_refusal plan; /* of SEND_REFUSED_PLAN */
	int64_t row_id;		  /* of the message */
	Bus__Envelope *job;	  /* push to senderd after commit; NULL for a
				     duplicate.  Owned by the caller */
};

/* ERR_NOT_FOUND: no such device of this account.  ERR_INVALID: device not
 * linked (PAIRING, LOGGED_OUT, BANNED).  ERR_LIMIT: budget used up, with
 * result->safety filled, or sending is paused.
 * ERR_FORBIDDEN: the plan's messages of the month are used up.  A device that
 * is linked but DISCONNECTED accepts: the message waits in its queue.  These
 * refusals leave the transaction as it was: no savepoint is needed for them.  A
 * known client_message_id is answered first, whatever budget and status say
 * now; but one of a message that is not @recipient_id's is ERR_INVALID. */
int send_accept(struct tx *tx, const struct config *config,
	const struct send_request *request, int64_t now_ms,
	struct send_result *result, struct err *err);

#endif
