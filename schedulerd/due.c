/* See due.h.
 *
 * The message is accepted and its schedule marked SENT in one transaction: that
 * is what makes it exactly once, whenever schedulerd dies.  The job is pushed
 * after the commit; a job that is lost is found by the lane through its number.
 */
#include "schedulerd/due.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/send.h"
#include "common/store/scheduled.h"
#include "schedulerd/schedulerd.h"

#define BATCH 64
#define POSTPONE_JITTER_MS 2000 /* not everybody at the stroke of the hour */
#define PAUSE_LOOK_MS 60000 /* how soon a paused account is looked at again */
#define RETRY_MS 60000	    /* one that could not be handled at all */
#define CLIENT_ID_LEN (UUID_LEN + 8)

struct job { /* a copy of a due row: the walk must end before we write */
	int64_t id, account_id, due_ms;
	char *phone, *text;
	char device_uid[DEVICE_UID_LEN + 8];
	char public_id[UUID_LEN];
	/* What became of it; NULL while nothing did, or it was cancelled
	 * meanwhile. */
	const char *outcome;
	char reason[sizeof(((struct err *)NULL)->msg)];
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
		.due_ms = scheduled->due_ms,
		.phone = xstrdup(scheduled->phone),
		.text = xstrdup(scheduled->text) };
	snprintf(job->public_id, sizeof(job->public_id), "%s",
		scheduled->public_id);
	snprintf(job->device_uid, sizeof(job->device_uid), "%s",
		scheduled->device_uid);
	return batch->n == BATCH;
}

static void job_became(struct job *job, const char *outcome, const char *reason)
{
	job->outcome = outcome;
	snprintf(job->reason, sizeof(job->reason), "%s", reason);
}

/* ---- one message, in its savepoint ---- */

static int finish(struct tx *tx, struct job *job, enum scheduled_status status,
	const char *reason, const char *message_id, int64_t now_ms,
	struct err *err)
{
	bool changed;

	if (store_scheduled_finish(tx, job->id, status, reason, message_id,
		    now_ms, &changed, err) != 0)
		return -1;
	if (!changed) /* cancelled since the walk: the message goes too */
		return err_set(err, ERR_NOT_FOUND, "no longer pending");
	job_became(job, scheduled_status_name(status),
		reason != NULL ? reason : "");
	return 0;
}

static int postpone(struct tx *tx, struct job *job, int64_t due_ms,
	const char *reason, struct err *err)
{
	job_became(job, "POSTPONED", reason);
	return store_scheduled_postpone(tx, job->id, due_ms, job->reason, err);
}

/* send_accept() refused; it has then changed nothing. */
static int refused(struct tx *tx, struct job *job, const struct err *why,
	const struct send_result *result, int64_t now_ms, struct err *err)
{
	int64_t due_ms = result->resets_at_ms + 1;

	/* A pause may be lifted before its end. */
	if (result->refusal == SEND_REFUSED_PAUSE &&
		due_ms > now_ms + PAUSE_LOOK_MS)
		due_ms = now_ms + PAUSE_LOOK_MS;
	if (why->code == ERR_LIMIT) /* a budget or a pause */
		return postpone(tx, job,
			due_ms + random_between(0, POSTPONE_JITTER_MS),
			why->msg, err);
	if (why->code == ERR_NOT_FOUND || why->code == ERR_INVALID ||
		why->code == ERR_FORBIDDEN)
		return finish(
			tx, job, SCHEDULED_FAILED, why->msg, NULL, now_ms, err);
	*err = *why;
	return -1;
}

static int accept_job(struct schedulerd *sd, struct tx *tx, struct job *job,
	int64_t now_ms, struct err *err)
{
	char client_id[CLIENT_ID_LEN];
	struct err why = ERR_NONE;
	struct send_result result = { 0 };
	struct send_request request = { .account_id = job->account_id,
		.device_uid = job->device_uid,
		.phone = job->phone,
		.text = job->text,
		.is_template = true,
		.client_message_id = client_id,
		.source = MESSAGE_BY_SCHEDULE };

	snprintf(client_id, sizeof(client_id), SEND_OWN_ID "sched:%s",
		job->public_id);
	if (send_accept(tx, sd->config, &request, now_ms, &result, &why) != 0)
		return refused(tx, job, &why, &result, now_ms, err);
	job->envelope = move(result.job);
	return finish(
		tx, job, SCHEDULED_SENT, NULL, result.message_id, now_ms, err);
}

static int run_job(struct schedulerd *sd, struct tx *tx, struct job *job,
	int64_t now_ms, struct err *err)
{
	const int64_t late_sec = (now_ms - job->due_ms) / 1000;
	const int limit_sec = sd->config->scheduler.late_limit_sec;
	char reason[96];

	if (late_sec <= limit_sec)
		return accept_job(sd, tx, job, now_ms, err);
	snprintf(reason, sizeof(reason),
		"missed its time by %" PRId64 " s (limit %d s)", late_sec,
		limit_sec);
	return finish(tx, job, SCHEDULED_FAILED, reason, NULL, now_ms, err);
}

/* One message that cannot be handled does not hold up the others: its savepoint
 * rolls back, and it is looked at again in a while. */
static int run_in_savepoint(struct schedulerd *sd, struct tx *tx,
	struct job *job, int64_t now_ms, struct err *err)
{
	struct err why = ERR_NONE;
	int rc;

	if (tx_savepoint(tx, err) != 0)
		return -1;
	rc = run_job(sd, tx, job, now_ms, &why);
	if (rc != 0)
		tx_savepoint_rollback(tx);
	tx_savepoint_release(tx);
	if (rc == 0)
		return 0;
	bus_envelope_free(&job->envelope);
	job->outcome = NULL;
	if (why.code == ERR_NOT_FOUND)
		return 0;
	if (why.code == ERR_IO || why.code == ERR_BUSY) {
		*err = why;
		return -1;
	}
	return postpone(tx, job, now_ms + RETRY_MS, why.msg, err);
}

/* ---- a batch ---- */

static int batch_commit(struct schedulerd *sd, struct batch *batch,
	int64_t now_ms, struct err *err)
{
	scoped(tx_end) struct tx *tx = tx_begin(sd->store, err);

	if (tx == NULL)
		return -1;
	for (int i = 0; i < batch->n; i++)
		if (run_in_savepoint(sd, tx, &batch->jobs[i], now_ms, err) != 0)
			return -1;
	return tx_commit(tx, err);
}

static void batch_tell(struct schedulerd *sd, struct batch *batch)
{
	for (int i = 0; i < batch->n; i++) {
		struct job *job = &batch->jobs[i];

		/* Dropped when senderd is away: the lane finds the gap. */
		if (job->envelope != NULL)
			(void)bus_send(sd->senderd_jobs, job->envelope);
		if (job->outcome != NULL)
			log_info("scheduled id=%s device=%s status=%s"
				 " reason=\"%s\"",
				job->public_id, job->device_uid, job->outcome,
				log_quote(job->reason));
	}
}

int due_run(struct schedulerd *sd, int64_t now_ms, struct err *err)
{
	scoped(batch_fini) struct batch batch = { .n = 0 };

	if (store_scheduled_due(
		    sd->store, now_ms, BATCH, take_row, &batch, err) != 0)
		return -1;
	if (batch.n == 0)
		return 0;
	if (batch_commit(sd, &batch, now_ms, err) != 0)
		return -1;
	batch_tell(sd, &batch);
	return batch.n == BATCH;
}
