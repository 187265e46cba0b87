/* Messages to groups and status that a device could not decrypt: who may have
 * one again, and as what (messages.md 5.2). */
#include "senderd/whatsapp/groupcast_impl.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/senderkey.h"
#include "senderd/whatsapp/status.h"
#include "whatsapp.pb-c.h"

#define RESENDS_A_MINUTE 1200

static enum groupcast_claim claim_of_member(struct lane *lane,
	const struct wa_jid *chat, const char *wa_id,
	const struct wa_jid *asker, struct err *err)
{
	struct group *group = NULL;
	const struct group_member *member = NULL;
	struct wa_jid pn;
	int64_t sent_ms = 0;
	int known = group_load(lane, chat, &group, err);

	if (known <= 0)
		return known < 0 ? GROUPCAST_UNKNOWN : GROUPCAST_ASK_FIRST;
	member = group_find(group, asker);
	known = member == NULL ? lanedb_pn_of(lane->db, asker, &pn, err) : 0;
	if (known > 0)
		member = group_find(group, &pn);
	if (known < 0)
		return GROUPCAST_UNKNOWN;
	if (member == NULL)
		return senderkey_rotate(
			       lane, chat, "asked for by a stranger", err) == 0
			       ? GROUPCAST_MAY_NOT
			       : GROUPCAST_UNKNOWN;
	known = lanedb_sent_time(lane->db, wa_id, &sent_ms, err);
	if (known < 0)
		return GROUPCAST_UNKNOWN;
	return known > 0 && member->since_ms <= sent_ms ? GROUPCAST_MAY
							: GROUPCAST_MAY_NOT;
}

enum groupcast_claim groupcast_claim(struct lane *lane,
	const struct wa_jid *chat, const char *wa_id,
	const struct wa_jid *asker, struct err *err)
{
	int was_for = 0;

	if (!cast_is_status(chat))
		return claim_of_member(lane, chat, wa_id, asker, err);
	if (lane_is_self(lane, asker))
		return GROUPCAST_MAY;
	was_for = status_was_for(lane, wa_id, asker, err);
	if (was_for < 0)
		return GROUPCAST_UNKNOWN;
	return was_for > 0 ? GROUPCAST_MAY : GROUPCAST_MAY_NOT;
}

int groupcast_resend_plain(struct lane *lane, const struct wa_jid *chat,
	const struct buf *kept, struct buf *plain_out, struct err *err)
{
	scoped(buf_fini) struct buf skdm = BUF_INIT;
	Wa__SenderKeyDistributionMessage distribution;
	Wa__Message *message = wa__message__unpack(NULL, kept->len, kept->data);
	char text[WA_JID_TEXT];
	size_t n = 0;
	int rc = -1;

	if (message == NULL)
		return err_set(err, ERR_INTERNAL, "kept message is malformed");
	rc = cast_distribution(lane, chat, text, &skdm, &distribution, err);
	if (rc == 0) {
		message->sender_key_distribution_message = &distribution;
		n = wa__message__get_packed_size(message);
		wa__message__pack(message, buf_reserve(plain_out, n));
		plain_out->len += n;
		message->sender_key_distribution_message = NULL;
	}
	wa__message__free_unpacked(message, NULL);
	return rc;
}

bool groupcast_may_resend(struct lane *lane)
{
	struct groupcast *groupcast = lane->outbound->groupcast;
	int64_t minute = clock_mono_ms() / 60000;

	if (groupcast->resend_minute != minute)
		groupcast->n_resends = 0;
	groupcast->resend_minute = minute;
	return groupcast->n_resends++ < RESENDS_A_MINUTE;
}
