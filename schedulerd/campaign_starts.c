/* See campaign_starts.h.
 *
 * A child is made and its parent moved on to the next run in one transaction:
 * a run happens once, whenever schedulerd dies.  A child that was not finished
 * is PREPARING still and goes on where it was. */
#include "schedulerd/campaign_starts.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/campaign.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/recurrence.h"
#include "common/store/campaign.h"
#include "schedulerd/campaign_sweep.h"
#include "schedulerd/schedulerd.h"

#define BATCH 16
#define LEFT_MS (10 * 60 * INT64_C(1000)) /* untouched for so long */
#define DISCARD_ROWS 2000

struct start { /* a copy of a due row: the walk must end before we write */
	int64_t id, due_ms, first_ms, n_runs;
	char public_id[UUID_LEN];
	json_t *recurrence; /* owned; NULL: runs once */
	bool is_running;    /* from now on */
};

struct batch {
	struct start starts[BATCH];
	int n;
};

static void batch_fini(struct batch *batch)
{
	for (int i = 0; i < batch->n; i++)
		json_decref(batch->starts[i].recurrence);
}

static int take_due(const struct campaign *campaign, void *arg)
{
	struct batch *batch = arg;
	struct start *start = &batch->starts[batch->n++];

	*start = (struct start){ .id = campaign->id,
		.due_ms = campaign->due_ms,
		.first_ms = campaign->started_ms != 0 ? campaign->started_ms
						      : campaign->due_ms,
		.n_runs = campaign->n_runs };
	snprintf(start->public_id, sizeof(start->public_id), "%s",
		campaign->public_id);
	if (campaign->recurrence != NULL)
		start->recurrence = json_loads(campaign->recurrence, 0, NULL);
	return batch->n == BATCH;
}

/* Runs that were missed are not made up for. */
static int64_t next_run_ms(
	const struct start *start, int64_t n_runs, int64_t now_ms)
{
	return recurrence_next(start->recurrence, start->first_ms,
		now_ms > start->due_ms ? now_ms : start->due_ms, n_runs);
}

/* A run that is too late, or whose predecessor has not come to its end, is left
 * out: they would only pile up in front of the devices. */
static int skip(struct tx *tx, const struct start *start, int64_t now_ms,
	struct err *err)
{
	log_info("campaign id=%s run=skipped", start->public_id);
	return store_campaign_skipped(tx, start->id,
		next_run_ms(start, start->n_runs, now_ms), now_ms, err);
}

static int start_one(
	struct tx *tx, struct start *start, int64_t now_ms, struct err *err)
{
	int64_t child_id;

	if (start->recurrence == NULL)
		return store_campaign_start(tx, start->id, now_ms, err);
	if (recurrence_is_over(start->recurrence, now_ms) ||
		store_campaign_child_runs(tx_store(tx), start->id))
		return skip(tx, start, now_ms, err);
	if (campaign_spawn(tx, start->id, now_ms, &child_id, err) != 0)
		return -1;
	return store_campaign_ran(tx, start->id,
		next_run_ms(start, start->n_runs + 1, now_ms), now_ms, err);
}

/* What cannot start is paused with the reason: its owner sees it, and the
 * others are not held up. */
static int start_in_savepoint(
	struct tx *tx, struct start *start, int64_t now_ms, struct err *err)
{
	struct err why = ERR_NONE;
	bool changed;
	int rc;

	if (tx_savepoint(tx, err) != 0)
		return -1;
	rc = start_one(tx, start, now_ms, &why);
	if (rc != 0)
		tx_savepoint_rollback(tx);
	tx_savepoint_release(tx);
	start->is_running = rc == 0 && start->recurrence == NULL;
	if (rc == 0)
		return 0;
	if (why.code == ERR_IO || why.code == ERR_BUSY) {
		*err = why;
		return -1;
	}
	log_warning("campaign id=%s start=failed reason=\"%s\""
		    " action=\"paused\"",
		start->public_id, log_quote(why.msg));
	return store_campaign_pause(
		tx, start->id, why.msg, now_ms, &changed, err);
}

int campaign_starts(struct schedulerd *sd, int64_t now_ms, struct err *err)
{
	scoped(batch_fini) struct batch batch = { .n = 0 };

	if (store_campaign_next_due(sd->store) > now_ms)
		return 0;

	scoped(tx_end) struct tx *tx = tx_begin(sd->store, err);

	if (tx == NULL || store_campaign_due(sd->store, now_ms, BATCH, take_due,
				  &batch, err) != 0)
		return -1;
	for (int i = 0; i < batch.n; i++)
		if (start_in_savepoint(tx, &batch.starts[i], now_ms, err) != 0)
			return -1;
	if (tx_commit(tx, err) != 0)
		return -1;
	for (int i = 0; i < batch.n; i++)
		if (batch.starts[i].is_running)
			campaign_watch_note(sd, batch.starts[i].id);
	return 0;
}

/* ---- preparing ---- */

struct unfinished {
	int64_t id; /* 0: there is none */
	bool is_child;
	char public_id[UUID_LEN];
};

static int take_unfinished(const struct campaign *campaign, void *arg)
{
	struct unfinished *unfinished = arg;

	unfinished->id = campaign->id;
	unfinished->is_child = campaign->parent_id != 0;
	snprintf(unfinished->public_id, sizeof(unfinished->public_id), "%s",
		campaign->public_id);
	return 1;
}

/* The recipients are there: a run whose audience has outgrown its text waits
 * for its owner. */
static int build_end(
	struct schedulerd *sd, int64_t id, int64_t now_ms, struct err *err)
{
	struct err why = ERR_NONE;
	const bool is_good =
		campaign_check_run(sd->store, sd->config, id, &why) == 0;
	scoped(tx_end) struct tx *tx = tx_begin(sd->store, err);
	bool changed;

	if (tx == NULL || store_campaign_ready(tx, id, CAMPAIGN_RUNNING, 0,
				  now_ms, err) != 0)
		return -1;
	if (!is_good && store_campaign_pause(
				tx, id, why.msg, now_ms, &changed, err) != 0)
		return -1;
	if (tx_commit(tx, err) != 0)
		return -1;
	campaign_watch_note(sd, id);
	return 0;
}

static int build(struct schedulerd *sd, const struct unfinished *unfinished,
	int64_t now_ms, struct err *err)
{
	bool done = false;

	if (sd->making != NULL &&
		campaign_making_id(sd->making) != unfinished->id)
		campaign_making_free(&sd->making);
	if (sd->making == NULL && campaign_take_up(sd->store, unfinished->id,
					  &sd->making, err) != 0)
		return -1;
	if (campaign_step(sd->store, sd->making, &done, err) != 0) {
		campaign_making_free(&sd->making);
		return -1;
	}
	if (!done)
		return 0;
	campaign_making_free(&sd->making);
	return build_end(sd, unfinished->id, now_ms, err);
}

static int discard(struct schedulerd *sd, const struct unfinished *unfinished,
	struct err *err)
{
	scoped(tx_end) struct tx *tx = tx_begin(sd->store, err);
	bool gone;

	if (tx == NULL ||
		store_campaign_discard(
			tx, unfinished->id, DISCARD_ROWS, &gone, err) != 0 ||
		tx_commit(tx, err) != 0)
		return -1;
	if (gone)
		log_info("campaign id=%s removed reason=\"it was never"
			 " finished\"",
			unfinished->public_id);
	return 0;
}

int campaign_build_some(
	struct schedulerd *sd, int64_t now_ms, bool *more, struct err *err)
{
	struct unfinished unfinished = { 0 };
	struct err why = ERR_NONE;

	*more = false;
	if (store_campaign_preparing(sd->store, now_ms - LEFT_MS, 1,
		    take_unfinished, &unfinished, err) != 0)
		return -1;
	if (unfinished.id == 0)
		return 0;
	*more = true;
	if (!unfinished.is_child)
		return discard(sd, &unfinished, err);
	if (build(sd, &unfinished, now_ms, &why) == 0)
		return 0;
	if (why.code == ERR_IO || why.code == ERR_BUSY) {
		*err = why;
		return -1;
	}
	/* It would fail again: what there is of it goes, slice by slice. */
	log_warning("campaign id=%s run=failed reason=\"%s\""
		    " action=\"removed\"",
		unfinished.public_id, log_quote(why.msg));
	return discard(sd, &unfinished, err);
}
