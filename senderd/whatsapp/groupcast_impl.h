/* What the files behind groupcast.h share. */
#ifndef SENDERD_WHATSAPP_GROUPCAST_IMPL_H
#define SENDERD_WHATSAPP_GROUPCAST_IMPL_H

#include "senderd/whatsapp/casthold.h"
#include "senderd/whatsapp/castplan.h"
#include "senderd/whatsapp/groupcast.h"
#include "whatsapp.pb-c.h"

#define REPAIR_SLOTS 16

/* A stanza whose ack is due, and to whom it brought the sender key. */
struct cast {
	TAILQ_ENTRY(cast) entry;
	char wa_id[JOB_ID_LEN];
	char phash[WA_PHASH_LEN];
	uint32_t key_id;	/* of the sender key */
	struct wa_jid *targets; /* owned: session addresses */
	size_t n_targets;
};
TAILQ_HEAD(casts, cast);

struct groupcast {
	struct casthold hold;
	struct casts casts;
	/* Chats whose devices were asked for anew since the server knew others;
	 * a newer one takes an older one's slot. */
	struct {
		struct wa_jid chat;
		int64_t until_ms;
	} repairs[REPAIR_SLOTS];
	/* Resends, see groupcast_may_resend(). */
	int64_t resend_minute;
	unsigned n_resends;
};

struct cast *cast_new(struct groupcast *groupcast, const char *wa_id);
struct cast *cast_find(struct groupcast *groupcast, const char *wa_id);
void cast_drop(struct groupcast *groupcast, struct cast *cast); /* or NULL */
bool cast_is_status(const struct wa_jid *chat);

/* ---- castsend.c ---- */
/* Queues the stanza, and holds the chat's next messages while it brings the key
 * to somebody.  @setting: of a status, or NULL.  Sets job->n_devices and
 * job->n_recipients. */
int cast_send(struct lane *lane, struct job *job, const struct castplan *plan,
	const struct composed *composed, const char *setting, struct err *err);
/* Our sender key of @chat, made if need be, as a part of a Message; lives as
 * long as @skdm and @chat_text. */
int cast_distribution(struct lane *lane, const struct wa_jid *chat,
	char chat_text[WA_JID_TEXT], struct buf *skdm,
	Wa__SenderKeyDistributionMessage *out, struct err *err);

#endif
