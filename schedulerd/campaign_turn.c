/* See campaign_turn.h.
 *
 * A message is accepted, its recipient QUEUED with it and the pace of its
 * device moved on in one transaction: whenever schedulerd dies, nobody gets two
 * and nobody is left out.  The job is pushed after the commit; one that is lost
 * is found by the lane through its number.
 *
 * Lanes that cannot send (lanes.h) are everybody's: a device takes the first in
 * the queue among its own and theirs. */
#include "schedulerd/campaign_turn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/campaign.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/pace.h"
#include "common/phone.h"
#include "common/send.h"
#include "common/store/campaign.h"
#include "common/store/recipient.h"
#include "schedulerd/campaign_sweep.h"
#include "schedulerd/lanes.h"
#include "schedulerd/schedulerd.h"

#define BATCH 32
#define PAUSE_LOOK_MS 60000 /* a pause may be ended before its time */
#define LOOK_MIN_MS 50
#define UNACKED_MS 2000	     /* messages without an acknowledgement */
#define OFFLINE_MS 5000	     /* a device that is not connected */
#define RESET_JITTER_MS 2000 /* not everybody at the stroke of the hour */
#define RETRY_MS 60000	     /* a turn that could not be taken at all */

struct turn {
	struct schedulerd *sd;
	struct tx *tx;
	int64_t now_ms;
	struct device_pace pace;
	/* The device, as the transaction sees it. */
	char uid[DEVICE_UID_LEN + 8];
	enum device_status status;
	bool is_deleted;
	int64_t cold_until_ms;
	int64_t *campaign_ids; /* owned: running ones, in order */
	size_t n_campaigns;
	Bus__Envelope *job; /* owned: to push after the commit */
};

static void turn_fini(struct turn *turn)
{
	free(turn->campaign_ids);
	turn->campaign_ids = NULL;
	turn->n_campaigns = 0;
	bus_envelope_free(&turn->job);
}

/* Who is next: a copy, as the walk must end before we write. */
struct head {
	int64_t campaign_id;
	int sender_lane; /* of the device whose turn it is */
	struct recipient_row row;
	char phone[PHONE_LEN];
	char *name; /* owned */
};

static void head_fini(struct head *head)
{
	str_free(&head->name);
}

/* ---- waiting ---- */

static int turn_wait(struct turn *turn, int64_t until_ms, struct err *err)
{
	turn->pace.next_ms = until_ms;
	return store_pace_set(turn->tx, &turn->pace, true, err);
}

static int turn_rest(struct turn *turn, struct err *err)
{
	return store_pace_set(turn->tx, &turn->pace, false, err);
}

static uint8_t *looks_of(struct turn *turn)
{
	return &turn->sd->patience
			.n_looks[turn->pace.device_id % CAMPAIGN_PATIENCE];
}

/* For what may be over at any moment: soon again, then less and less often. */
static int wait_patiently(struct turn *turn, int64_t most_ms, struct err *err)
{
	uint8_t *n_looks = looks_of(turn);
	int64_t wait_ms = (int64_t)LOOK_MIN_MS << *n_looks;

	if (wait_ms < most_ms)
		++*n_looks;
	else
		wait_ms = most_ms;
	return turn_wait(turn, turn->now_ms + wait_ms, err);
}

/* ---- who is next ---- */

static int take_head(const struct recipient_row *row, void *arg)
{
	struct head *head = arg;

	if (head->row.id != 0 && head->row.position <= row->position)
		return 1;
	str_free(&head->name);
	head->row = *row;
	snprintf(head->phone, sizeof(head->phone), "%s", row->phone);
	head->name = row->name != NULL ? xstrdup(row->name) : NULL;
	head->row.phone = head->phone;
	head->row.name = head->name;
	head->row.error = NULL;
	return 1;
}

/* The first in the queue of the lanes that the device may serve. */
static int find_in_campaign(struct turn *turn, int64_t campaign_id,
	struct head *head, struct err *err)
{
	struct store *store = tx_store(turn->tx);
	struct lanes lanes = { 0 };
	uint64_t served;
	int own;

	if (lanes_read(store, campaign_id, turn->now_ms, &lanes, err) != 0)
		return -1;
	own = lanes_of_device(&lanes, turn->pace.device_id);
	if (own < 0)
		return 0;
	head->campaign_id = campaign_id;
	head->sender_lane = own;
	served = lanes.lost | UINT64_C(1) << own;
	for (int i = 0; i < lanes.n; i++) {
		if ((served & UINT64_C(1) << i) != 0 &&
			store_recipient_next(store, campaign_id, i, take_head,
				head, err) < 0)
			return -1;
	}
	return 0;
}

static int take_campaign_id(const struct campaign *campaign, void *arg)
{
	struct turn *turn = arg;

	turn->campaign_ids = xrealloc(turn->campaign_ids,
		(turn->n_campaigns + 1) * sizeof(*turn->campaign_ids));
	turn->campaign_ids[turn->n_campaigns++] = campaign->id;
	return 0;
}

/* Round robin: the first campaign after the one of the last turn that has
 * somebody for this device.  head->row.id is 0 when none has. */
static int find_head(struct turn *turn, struct head *head, struct err *err)
{
	size_t first = 0;

	if (store_campaign_of_device(tx_store(turn->tx), turn->pace.device_id,
		    take_campaign_id, turn, err) != 0)
		return -1;
	while (first < turn->n_campaigns &&
		turn->campaign_ids[first] <= turn->pace.last_campaign_id)
		first++;
	for (size_t i = 0; i < turn->n_campaigns && head->row.id == 0; i++) {
		const size_t at = (first + i) % turn->n_campaigns;

		if (find_in_campaign(turn, turn->campaign_ids[at], head, err) !=
			0)
			return -1;
	}
	return 0;
}

/* ---- what is sent ---- */

struct wording {
	struct turn *turn;
	const struct head *head;
	struct send_request *request;
	struct buf text;
	struct err why; /* the text cannot be made */
	int rc;
	bool is_found;
};

static void wording_fini(struct wording *wording)
{
	buf_fini(&wording->text);
}

static int take_wording(const struct campaign *campaign, void *arg)
{
	struct wording *wording = arg;
	struct send_request *request = wording->request;

	if (campaign->id != wording->head->campaign_id)
		return 0;
	wording->is_found = true;
	request->account_id = campaign->account_id;
	request->kind = campaign->kind;
	request->media_id = campaign->media_id;
	wording->rc = campaign_text(tx_store(wording->turn->tx), campaign,
		&wording->head->row, &wording->text, &wording->why);
	return 1;
}

static int find_wording(
	struct turn *turn, struct wording *wording, struct err *err)
{
	if (store_campaign_of_device(tx_store(turn->tx), turn->pace.device_id,
		    take_wording, wording, err) != 0)
		return -1;
	if (!wording->is_found)
		return err_set(err, ERR_INTERNAL, "campaign is gone");
	wording->request->text =
		wording->text.len > 0 ? buf_cstr(&wording->text) : NULL;
	return 0;
}

/* ---- what became of it ---- */

/* The pause stays as it is: the next one may be had at once. */
static int recipient_failed(struct turn *turn, const struct head *head,
	const char *reason, struct err *err)
{
	log_info("campaign recipient=%" PRId64 " status=FAILED reason=\"%s\"",
		head->row.id, log_quote(reason));
	turn->pace.last_campaign_id = head->campaign_id;
	if (store_recipient_fail(
		    turn->tx, head->row.id, reason, turn->now_ms, err) != 0)
		return -1;
	return turn_wait(turn, turn->pace.next_ms, err);
}

static int campaign_refused(struct turn *turn, const struct head *head,
	const char *reason, struct err *err)
{
	bool changed;

	if (store_campaign_pause(turn->tx, head->campaign_id, reason,
		    turn->now_ms, &changed, err) != 0)
		return -1;
	return turn_wait(turn, turn->pace.next_ms, err);
}

static int64_t after_reset_ms(const struct send_result *result)
{
	return result->resets_at_ms + 1 + random_between(0, RESET_JITTER_MS);
}

/* A pause may be lifted before its time, or have none. */
static int64_t after_pause_ms(
	const struct turn *turn, const struct send_result *result)
{
	const int64_t look_ms = turn->now_ms + PAUSE_LOOK_MS;

	return result->resets_at_ms > turn->now_ms &&
			       result->resets_at_ms < look_ms
		       ? after_reset_ms(result)
		       : look_ms;
}

/* A refusal has changed nothing. */
static int refused(struct turn *turn, const struct head *head,
	const struct send_result *result, const struct err *why,
	struct err *err)
{
	switch (result->refusal) {
	case SEND_REFUSED_BUDGET:
		return turn_wait(turn, after_reset_ms(result), err);
	case SEND_REFUSED_PAUSE:
		return turn_wait(turn, after_pause_ms(turn, result), err);
	case SEND_REFUSED_PLAN:
		return campaign_refused(turn, head, why->msg, err);
	case SEND_REFUSED_DEVICE:
		return wait_patiently(turn, OFFLINE_MS, err);
	case SEND_TAKEN:
		break;
	}
	if (why->code == ERR_INVALID)
		return recipient_failed(turn, head, why->msg, err);
	*err = *why;
	return -1;
}

static int take_state(const struct message *message, void *arg)
{
	struct {
		struct turn *turn;
		struct err *err;
		int rc;
	} *following = arg;

	following->rc = store_recipient_follow(
		following->turn->tx, message, following->err);
	return following->rc;
}

static int take_message_id(const struct message *message, void *arg)
{
	*(int64_t *)arg = message->id;
	return 0;
}

/* The message is known already, as when the campaign's tables alone were
 * restored: the recipient takes over where it is. */
static int find_known(struct turn *turn, const char *client_id,
	int64_t *message_id, struct err *err)
{
	return store_message_by_client_id(tx_store(turn->tx),
		turn->pace.device_id, client_id, take_message_id, message_id,
		err);
}

static int follow_known(struct turn *turn, int64_t message_id, struct err *err)
{
	struct {
		struct turn *turn;
		struct err *err;
		int rc;
	} following = { turn, err, 0 };

	if (store_message_by_id(tx_store(turn->tx), message_id, take_state,
		    &following, err) != 0)
		return -1;
	return following.rc;
}

static int queue(struct turn *turn, const struct head *head,
	const struct send_result *result, const char *client_id,
	struct err *err)
{
	int64_t message_id = result->row_id;
	bool changed;

	if (result->duplicate &&
		find_known(turn, client_id, &message_id, err) != 0)
		return -1;
	if (store_recipient_queue(turn->tx, head->row.id, head->sender_lane,
		    turn->pace.device_id, message_id, &changed, err) != 0)
		return -1;
	if (!changed) /* read in this very transaction */
		return err_set(err, ERR_INTERNAL, "recipient is not pending");
	return result->duplicate ? follow_known(turn, message_id, err) : 0;
}

static int send_to(struct turn *turn, const struct head *head, struct err *err)
{
	char client_id[64];
	struct err why = ERR_NONE;
	struct send_result result = { 0 };
	struct send_request request = { .device_uid = turn->uid,
		.phone = head->phone,
		.client_message_id = client_id,
		.source = MESSAGE_BY_CAMPAIGN,
		.recipient_id = head->row.id };
	scoped(wording_fini) struct wording wording = {
		.turn = turn, .head = head, .request = &request
	};

	if (find_wording(turn, &wording, err) != 0)
		return -1;
	if (wording.rc != 0)
		return refused(turn, head, &result, &wording.why, err);
	snprintf(client_id, sizeof(client_id),
		SEND_OWN_ID "camp:%" PRId64 ":%d", head->row.id,
		head->row.n_attempts + 1);
	if (send_accept(turn->tx, turn->sd->config, &request, turn->now_ms,
		    &result, &why) != 0)
		return refused(turn, head, &result, &why, err);
	turn->job = move(result.job);
	if (queue(turn, head, &result, client_id, err) != 0)
		return -1;
	log_debug("campaign recipient=%" PRId64 " device=%s message=%s",
		head->row.id, turn->uid, result.message_id);
	pace_advance(turn->sd->config, &turn->pace, turn->now_ms);
	turn->pace.last_campaign_id = head->campaign_id;
	*looks_of(turn) = 0;
	campaign_watch_note(turn->sd, head->campaign_id);
	return turn_wait(turn, turn->pace.next_ms, err);
}

/* ---- a turn ---- */

static int take_device(const struct device *device, void *arg)
{
	struct turn *turn = arg;

	snprintf(turn->uid, sizeof(turn->uid), "%s", device->uid);
	turn->status = device->status;
	turn->is_deleted = device->deleted_ms != 0;
	turn->cold_until_ms = device->cold_chats_until_ms;
	return 0;
}

static int turn_send(struct turn *turn, struct err *err)
{
	scoped(head_fini) struct head head = { 0 };

	if (find_head(turn, &head, err) != 0)
		return -1;
	if (head.row.id == 0)
		return turn_rest(turn, err);
	return send_to(turn, &head, err);
}

static int turn_take(struct turn *turn, struct err *err)
{
	const int in_flight = turn->sd->config->campaign.in_flight;
	const int64_t look_ms = turn->now_ms + PAUSE_LOOK_MS;

	if (store_device_by_id(tx_store(turn->tx), turn->pace.device_id,
		    take_device, turn, err) != 0)
		return -1;
	if (lane_is_gone(turn->is_deleted, turn->status)) {
		campaign_sweep_soon(turn->sd); /* the others take over */
		return turn_rest(turn, err);
	}
	if (turn->status != DEVICE_CONNECTED)
		return wait_patiently(turn, OFFLINE_MS, err);
	if (turn->cold_until_ms > turn->now_ms)
		return turn_wait(turn,
			turn->cold_until_ms < look_ms ? turn->cold_until_ms
						      : look_ms,
			err);
	if (turn->pace.n_in_flight >= in_flight)
		return wait_patiently(turn, UNACKED_MS, err);
	return turn_send(turn, err);
}

/* One turn that cannot be taken does not hold up the others: its savepoint
 * rolls back, and it is looked at again in a while. */
static int turn_in_savepoint(struct turn *turn, struct err *err)
{
	const struct device_pace pace = turn->pace;
	struct err why = ERR_NONE;
	int rc;

	if (tx_savepoint(turn->tx, err) != 0)
		return -1;
	rc = turn_take(turn, &why);
	if (rc != 0)
		tx_savepoint_rollback(turn->tx);
	tx_savepoint_release(turn->tx);
	if (rc == 0)
		return 0;
	bus_envelope_free(&turn->job);
	if (why.code == ERR_IO || why.code == ERR_BUSY) {
		*err = why;
		return -1;
	}
	log_error("campaign device=%s turn=failed reason=\"%s\" retry_ms=%d",
		turn->uid, log_quote(why.msg), RETRY_MS);
	turn->pace = pace;
	return turn_wait(turn, turn->now_ms + RETRY_MS, err);
}

/* ---- a batch ---- */

struct batch {
	struct turn turns[BATCH];
	int n;
};

static void batch_fini(struct batch *batch)
{
	for (int i = 0; i < batch->n; i++)
		turn_fini(&batch->turns[i]);
}

static int take_pace(const struct device_pace *pace, void *arg)
{
	struct batch *batch = arg;

	batch->turns[batch->n++] = (struct turn){ .pace = *pace };
	return batch->n == BATCH;
}

static int batch_commit(struct schedulerd *sd, struct batch *batch,
	int64_t now_ms, struct err *err)
{
	scoped(tx_end) struct tx *tx = tx_begin(sd->store, err);

	if (tx == NULL)
		return -1;
	if (store_pace_due(sd->store, now_ms, BATCH, take_pace, batch, err) !=
		0)
		return -1;
	for (int i = 0; i < batch->n; i++) {
		batch->turns[i].sd = sd;
		batch->turns[i].tx = tx;
		batch->turns[i].now_ms = now_ms;
		if (turn_in_savepoint(&batch->turns[i], err) != 0)
			return -1;
	}
	return tx_commit(tx, err);
}

int campaign_turns(struct schedulerd *sd, int64_t now_ms, struct err *err)
{
	scoped(batch_fini) struct batch batch = { .n = 0 };

	if (store_pace_next(sd->store) > now_ms)
		return 0;
	if (batch_commit(sd, &batch, now_ms, err) != 0)
		return -1;
	/* Dropped when senderd is away: the lane finds the gap. */
	for (int i = 0; i < batch.n; i++)
		if (batch.turns[i].job != NULL)
			(void)bus_send(sd->senderd_jobs, batch.turns[i].job);
	return 0;
}
