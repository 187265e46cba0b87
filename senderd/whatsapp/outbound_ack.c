/* <ack class=message>: the server took a message, or why it did not
 * (messages.md 2.11). */
#include "senderd/whatsapp/outbound.h"

#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/store/message.h"
#include "senderd/facts.h"
#include "senderd/health.h"
#include "senderd/whatsapp/cold_chats.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/fanout.h"
#include "senderd/whatsapp/groupcast.h"
#include "senderd/whatsapp/refusal.h"

#define LATER_BASE_MS 5000 /* pause after "server unavailable" */
#define LATER_MAX 8	   /* such refusals of one message */

/* The server knows other devices than we do (messages.md 2.7): ask again next
 * time.  Clients differ in whether the sending device belongs to the hash, so
 * both are right. */
static int phash_check(struct lane *lane, const struct job *job,
	const char *phash, struct err *err)
{
	struct wa_jid jids[FANOUT_MAX + 1];
	struct wa_jid self;
	struct fanout plan;
	char hash[WA_PHASH_LEN];

	if (fanout_plan(lane, &job->chat, job->by_number, &plan, err) ==
		FANOUT_FAILED)
		return -1;
	for (size_t i = 0; i < plan.n; i++)
		jids[i] = plan.devices[i].wire;
	wa_phash(jids, plan.n, hash);
	if (strcmp(hash, phash) == 0)
		return 0;
	self = plan.to.server == WA_SERVER_LID ? lane->id.lid : lane->id.jid;
	jids[plan.n] = self;
	wa_phash(jids, plan.n + 1, hash);
	if (strcmp(hash, phash) == 0)
		return 0;
	if (devices_forget(lane, &plan.account, err) != 0)
		return -1;
	return devices_forget(lane, &lane->id.jid, err);
}

int outbound_address(struct lane *lane, bool by_number, struct err *err)
{
	const char *value = by_number ? "pn" : "lid";

	if (lane->outbound->by_number == by_number)
		return 0;
	lane->outbound->by_number = by_number;
	log_info("chats addressing=%s", value);
	return lanedb_value_save(
		lane->db, "dm_namespace", value, strlen(value), err);
}

/* Room for more messages: a whole batch of them, so that they share a commit.
 */
static void refill(struct lane *lane)
{
	size_t max = (size_t)lane->config->sender.max_in_flight;

	if (lane->outbound->n_in_flight <= max - max / 8)
		outbound_kick(lane);
}

static void sent_record(struct lane *lane, const struct job *job, int64_t at_ms)
{
	facts_add_change(lane, &(struct message_change){
				       .wa_id = job->wa_id,
				       .status = MESSAGE_SENT,
				       .at_ms = at_ms,
				       .n_devices = (int)job->n_devices,
				       .n_recipients = job->n_recipients,
			       });
}

void outbound_on_delivered(struct lane *lane,
	const struct message_change *change, const struct wa_jid *reader)
{
	struct outbound *ob = lane->outbound;
	struct job *job = jobs_find(&ob->jobs, change->wa_id);
	struct err err = ERR_NONE;
	struct wa_jid recipient;
	struct wa_jid who;

	if (job == NULL || job->n_sends == 0)
		return;
	recipient = lane_signal_address(lane, &job->chat);
	who = lane_signal_address(lane, reader);
	if (!wa_jid_same_user(&recipient, &who))
		return;
	health_on_ack(lane); /* what came through was taken */
	sent_record(lane, job, change->at_ms);
	if (job_is_groupcast(job) &&
		groupcast_on_accepted(lane, job, NULL, &err) != 0)
		facts_fail(lane, &err);
	outbound_drop(ob, job);
	refill(lane);
}

static int on_accepted(struct lane *lane, struct job *job,
	const struct wa_node *ack, struct err *err)
{
	const char *phash = wa_node_str(ack, "phash");
	struct wa_jid account;

	sent_record(lane, job, receipt_time_ms(ack));
	if (job_is_groupcast(job))
		return groupcast_on_accepted(lane, job, phash, err);
	account = lane_signal_address(lane, &job->chat);
	cold_chats_on_accepted(lane, job);
	if (phash != NULL && phash_check(lane, job, phash, err) != 0)
		return -1;
	if (job->by_number && outbound_address(lane, true, err) != 0)
		return -1;
	return tokens_issue(lane, &account, false, err);
}

static void job_later(
	struct lane *lane, struct job *job, const struct refusal *refusal)
{
	struct outbound *ob = lane->outbound;

	if (++job->n_refused >= LATER_MAX) {
		outbound_fail(lane, job, refusal->reason);
		return;
	}
	job->due_ms = clock_mono_ms() +
		      random_jitter(LATER_BASE_MS << (job->n_refused - 1), 25);
	facts_add_reason(lane, job->wa_id, refusal->reason);
	outbound_place(ob, job, &ob->resting);
}

static int on_group_refused(struct lane *lane, struct job *job, int code,
	const struct refusal *refusal, struct err *err)
{
	bool again = false;

	if (groupcast_on_refused(lane, job, code, &again, err) != 0)
		return -1;
	if (again)
		outbound_place(lane->outbound, job, &lane->outbound->waiting);
	else
		outbound_fail(lane, job, refusal->reason);
	return 0;
}

/* The answer to a refusal; -1 when the lane database failed. */
static int on_refused(
	struct lane *lane, struct job *job, int code, struct err *err)
{
	struct outbound *ob = lane->outbound;
	const struct refusal *refusal = refusal_of(code);
	struct wa_jid account = lane_signal_address(lane, &job->chat);
	bool again = false;

	log_warning("message id=%s status=refused code=%d reason=%s",
		job->wa_id, code, refusal->reason);
	if (job_is_groupcast(job) && refusal->action != REFUSAL_LATER)
		return on_group_refused(lane, job, code, refusal, err);
	switch (refusal->action) {
	case REFUSAL_LATER:
		job_later(lane, job, refusal);
		return 0;
	case REFUSAL_BY_NUMBER:
		again = !job->by_number && !ob->by_number &&
			account.server == WA_SERVER_LID;
		job->by_number |= again;
		break;
	case REFUSAL_REFRESH:
		again = !job->rebuilt;
		job->rebuilt = true;
		job->keys_asked = false; /* there may be new devices */
		if (again && devices_forget(lane, &account, err) != 0)
			return -1;
		break;
	case REFUSAL_NO_CONTACT:
		if (tokens_issue(lane, &account, true, err) != 0)
			return -1;
		cold_chats_on_refused(lane, code);
		break;
	case REFUSAL_NO_NEW_CHATS:
		cold_chats_on_refused(lane, code);
		break;
	case REFUSAL_FAIL:
		break;
	}
	if (again)
		outbound_place(ob, job, &ob->waiting);
	else
		outbound_fail(lane, job, refusal->reason);
	return 0;
}

void outbound_on_ack(struct lane *lane, const struct wa_node *ack)
{
	struct outbound *ob = lane->outbound;
	const char *id = wa_node_str(ack, "id");
	struct job *job = id != NULL ? jobs_find(&ob->jobs, id) : NULL;
	struct err err = ERR_NONE;

	health_on_ack(lane);
	if (job == NULL || job->n_sends == 0)
		return; /* a resend for one device, or an ack that came late */
	if (wa_node_get(ack, "error") != NULL) {
		int code = (int)wa_node_int(ack, "error", 0);

		if (on_refused(lane, job, code, &err) != 0)
			facts_fail(lane, &err);
	} else {
		if (on_accepted(lane, job, ack, &err) != 0)
			facts_fail(lane, &err);
		outbound_drop(ob, job);
	}
	refill(lane);
}
