/* See due.h.
 *
 * The message is accepted and its schedule marked SENT in one transaction: that is what makes it
 * exactly once, whenever schedulerd dies.  The job is pushed after the commit; a job that is
 * lost is found by the lane through its number. */
#include "schedulerd/due.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/send.h"
#include "common/store/scheduled.h"
#include "schedulerd/schedulerd.h"

#define BATCH 64
#define POSTPONE_JITTER_MS 2000 /* not everybody at the stroke of the hour */
#define CLIENT_ID_LEN (UUID_LEN + 8)

struct job { /* a copy of a due row: the walk must end before we write */
	int64_t id, account_id, device_id, due_ms;
	char *phone, *text;
	char device_uid[DEVICE_UID_LEN + 8];
	char public_id[UUID_LEN];
	Bus__Envelope *envelope; /* to push after the commit */
};

struct batch {
	struct job jobs[BATCH];
	int n;
};

static void batch_fini(struct batch *batch)
{
	for (int i = 0; i < batch->n; i++) {
		free(batch->jobs[i].phone);
		free(batch->jobs[i].text);
		bus_envelope_free(&batch->jobs[i].envelope);
	}
	batch->n = 0;
}

static int take_row(const struct scheduled *scheduled, void *arg)
{
	struct batch *batch = arg;
	struct job *job = &batch->jobs[batch->n++];

	*job = (struct job){ .id = scheduled->id,
		.account_id = scheduled->account_id,
		.device_id = scheduled->device_id,
		.due_ms = scheduled->due_ms,
		.phone = xstrdup(scheduled->phone),
		.text = xstrdup(scheduled->text) };
	snprintf(job->public_id, sizeof(job->public_id), "%s",
		scheduled->public_id);
	/* The device may be deleted by now; then its uid is nobody's. */
	snprintf(job->device_uid, sizeof(job->device_uid), "%s",
		scheduled->device_uid != NULL ? scheduled->device_uid : "");
	return batch->n == BATCH;
}

static void log_outcome(const struct job *job, const char *status,
	const char *reason)
{
	log_info("scheduled id=%s device=%s status=%s reason=%s",
		job->public_id, job->device_uid, status,
		log_quote(reason != NULL ? reason : ""));
}

static int finish(struct tx *tx, struct job *job, enum scheduled_status status,
	const char *reason, const char *message_id, int64_t now_ms,
	struct err *err)
{
	bool changed;

	if (store_scheduled_finish(tx, job->id, status, reason, message_id,
		    now_ms, &changed, err) != 0)
		return -1;
	/* Cancelled between the walk and this transaction. */
	if (!changed)
		return err_set(err, ERR_CONFLICT, "no longer pending");
	log_outcome(job, scheduled_status_name(status), reason);
	return 0;
}

static int accept_job(struct schedulerd *sd, struct tx *tx, struct job *job,
	int64_t now_ms, struct err *err)
{
	char client_id[CLIENT_ID_LEN];
	struct send_result result = { 0 };
	struct send_request request = { .account_id = job->account_id,
		.device_uid = job->device_uid,
		.phone = job->phone,
		.text = job->text,
		.client_message_id = client_id,
		.source = MESSAGE_BY_SCHEDULE };
	int64_t again_ms;

	snprintf(client_id, sizeof(client_id), "sched:%s", job->public_id);
	if (send_accept(tx, sd->config, &request, now_ms, &result, err) == 0) {
		job->envelope = move(result.job);
		return finish(tx, job, SCHEDULED_SENT, NULL, result.message_id,
			now_ms, err);
	}
	if (err->code == ERR_LIMIT) {
		again_ms = result.safety.resets_at_ms + 1 +
			   random_between(0, POSTPONE_JITTER_MS);
		log_outcome(job, "POSTPONED", err->msg);
		return store_scheduled_postpone(tx, job->id, again_ms,
			err->msg, err);
	}
	if (err->code == ERR_NOT_FOUND || err->code == ERR_INVALID)
		return finish(tx, job, SCHEDULED_FAILED, err->msg, NULL,
			now_ms, err);
	return -1;
}

static int run_job(struct schedulerd *sd, struct tx *tx, struct job *job,
	int64_t now_ms, struct err *err)
{
	int64_t late_ms = now_ms - job->due_ms;

	if (late_ms > (int64_t)sd->config->scheduler.late_limit_sec * 1000)
		return finish(tx, job, SCHEDULED_FAILED,
			"expired: the suite was down at its time", NULL, now_ms,
			err);
	return accept_job(sd, tx, job, now_ms, err);
}

/* One message that cannot be handled does not hold up the others: its savepoint rolls
 * back, and it is looked at again in a while. */
static int run_in_savepoint(struct schedulerd *sd, struct tx *tx,
	struct job *job, int64_t now_ms, struct err *err)
{
	struct err why = ERR_NONE;

	if (tx_savepoint(tx, err) != 0)
		return -1;
	if (run_job(sd, tx, job, now_ms, &why) == 0) {
		tx_savepoint_release(tx);
		return 0;
	}
	bus_envelope_free(&job->envelope);
	tx_savepoint_rollback(tx);
	tx_savepoint_release(tx);
	if (why.code == ERR_CONFLICT)
		return 0;
	if (why.code == ERR_IO || why.code == ERR_BUSY) {
		*err = why;
		return -1;
	}
	log_error("scheduled id=%s status=postponed reason=%s", job->public_id,
		log_quote(why.msg));
	return store_scheduled_postpone(tx, job->id, now_ms + 60000, why.msg,
		err);
}

static int run_batch(struct schedulerd *sd, struct batch *batch,
	int64_t now_ms, struct err *err)
{
	scoped(tx_end) struct tx *tx = tx_begin(sd->store, err);

	if (tx == NULL)
		return -1;
	for (int i = 0; i < batch->n; i++) {
		if (run_in_savepoint(sd, tx, &batch->jobs[i], now_ms, err) != 0)
			return -1;
	}
	if (tx_commit(tx, err) != 0)
		return -1;
	for (int i = 0; i < batch->n; i++) {
		if (batch->jobs[i].envelope != NULL)
			(void)bus_send(sd->senderd_jobs,
				batch->jobs[i].envelope);
	}
	return 0;
}

int due_run(struct schedulerd *sd, int64_t now_ms, struct err *err)
{
	for (;;) {
		scoped(batch_fini) struct batch batch = { .n = 0 };
		bool was_full;

		if (store_scheduled_due(sd->store, now_ms, BATCH, take_row,
			    &batch, err) != 0)
			return -1;
		if (batch.n == 0)
			return 0;
		was_full = batch.n == BATCH;
		if (run_batch(sd, &batch, now_ms, err) != 0)
			return -1;
		if (!was_full)
			return 0;
	}
}
