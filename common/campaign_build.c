/* Writing a campaign: its row, then its recipients a chunk at a time. */
#include "common/campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/campaign_impl.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"

#define ISO_DATE_LEN 10

/* ---- one chunk ---- */

static int write_chunk(struct tx *tx, const struct campaign *campaign,
	const struct campaign_audience *audience, int n_lanes, int64_t now_ms,
	struct campaign_progress *progress, struct err *err)
{
	if (campaign_audience_write(tx, campaign, audience, n_lanes,
		    CAMPAIGN_CHUNK, progress, err) != 0)
		return -1;
	return store_campaign_built(tx, campaign->id, progress->source,
		progress->after, now_ms, err);
}

static int write_chunk_now(struct store *store, const struct campaign *campaign,
	const struct campaign_audience *audience, int n_lanes,
	struct campaign_progress *progress, struct err *err)
{
	scoped(tx_end) struct tx *tx = tx_begin(store, err);

	if (tx == NULL || write_chunk(tx, campaign, audience, n_lanes,
				  clock_now_ms(), progress, err) != 0)
		return -1;
	return tx_commit(tx, err);
}

/* ---- of a request ---- */

static int create(struct store *store, const struct config *config,
	const struct campaign_request *request,
	const struct campaign_plan *plan, int64_t now_ms, struct campaign *out,
	struct err *err)
{
	scoped(tx_end) struct tx *tx = tx_begin(store, err);
	scoped(str_free) char *audience =
		campaign_audience_json(&plan->audience);
	scoped(str_free) char *recurrence = NULL;
	char public_id[UUID_LEN];

	if (tx == NULL)
		return -1;
	if (request->recurrence != NULL)
		recurrence = json_dumps(request->recurrence, JSON_COMPACT);
	id_uuid7(public_id);
	*out = (struct campaign){ .public_id = public_id,
		.account_id = request->account_id,
		.name = request->name,
		.kind = request->kind,
		.text = request->text,
		.spintax_template = request->spintax_template,
		.media_id = request->media_id,
		.audience = audience,
		.recurrence = recurrence,
		.failure_limit = config->safety.failures_before_pause,
		.due_ms = request->scheduled_ms };
	if (store_campaign_create(tx, out, plan->device_ids, plan->n_devices,
		    now_ms, err) != 0)
		return -1;
	out->public_id = out->audience = out->recurrence = NULL;
	return tx_commit(tx, err);
}

/* What cannot be removed now is found by schedulerd later. */
static void discard(struct store *store, int64_t id)
{
	struct err err = ERR_NONE;
	bool gone = false;

	while (!gone) {
		scoped(tx_end) struct tx *tx = tx_begin(store, &err);

		if (tx == NULL ||
			store_campaign_discard(
				tx, id, CAMPAIGN_CHUNK, &gone, &err) != 0 ||
			tx_commit(tx, &err) != 0)
			return;
	}
}

struct campaign_making {
	struct campaign campaign; /* its texts are the request's */
	struct campaign_plan plan;
	struct campaign_progress progress;
};

int campaign_begin(struct store *store, const struct config *config,
	const struct campaign_request *request, int64_t now_ms,
	struct campaign_quote *quote, struct campaign_making **out,
	struct err *err)
{
	scoped(campaign_making_free) struct campaign_making *making =
		xcalloc(1, sizeof(*making));

	if (campaign_examine(store, config, request, now_ms, quote,
		    &making->plan, err) != 0 ||
		create(store, config, request, &making->plan, now_ms,
			&making->campaign, err) != 0)
		return -1;
	if (request->recurrence != NULL) /* its runs have the recipients */
		making->progress.source = CAMPAIGN_BUILT;
	*out = move(making);
	return 0;
}

int campaign_step(struct store *store, struct campaign_making *making,
	bool *done, struct err *err)
{
	if (making->progress.source != CAMPAIGN_BUILT &&
		write_chunk_now(store, &making->campaign,
			&making->plan.audience, making->plan.n_devices,
			&making->progress, err) != 0)
		return -1;
	*done = making->progress.source == CAMPAIGN_BUILT;
	return 0;
}

int64_t campaign_making_id(const struct campaign_making *making)
{
	return making->campaign.id;
}

void campaign_making_free(struct campaign_making **makingp)
{
	struct campaign_making *making = move(*makingp);

	if (making == NULL)
		return;
	campaign_plan_fini(&making->plan);
	free(making);
}

int campaign_prepare(struct store *store, const struct config *config,
	const struct campaign_request *request, int64_t now_ms,
	struct campaign_quote *quote, int64_t *id_out, struct err *err)
{
	scoped(campaign_making_free) struct campaign_making *making = NULL;
	bool done = false;

	if (campaign_begin(
		    store, config, request, now_ms, quote, &making, err) != 0)
		return -1;
	while (!done) {
		if (campaign_step(store, making, &done, err) != 0) {
			discard(store, making->campaign.id);
			return -1;
		}
	}
	*id_out = making->campaign.id;
	return 0;
}

/* ---- of a campaign that exists ---- */

struct found {
	struct campaign_audience audience;
	char *name, *text, *spintax_template, *audience_json; /* owned */
	struct campaign campaign; /* its texts: those */
	int64_t device_ids[CAMPAIGN_LANES_MAX];
	int n_devices;
};

static void found_fini(struct found *found)
{
	campaign_audience_fini(&found->audience);
	free(found->name);
	free(found->text);
	free(found->spintax_template);
	free(found->audience_json);
}

static char *copy(const char *text)
{
	return text != NULL ? xstrdup(text) : NULL;
}

static int take_campaign(const struct campaign *campaign, void *arg)
{
	struct found *found = arg;

	found->campaign = *campaign;
	found->campaign.public_id = NULL;
	found->campaign.parent_public_id = NULL;
	found->campaign.media_public_id = NULL;
	found->campaign.reason = NULL;
	found->campaign.recurrence = NULL;
	found->name = copy(campaign->name);
	found->text = copy(campaign->text);
	found->spintax_template = copy(campaign->spintax_template);
	found->audience_json = copy(campaign->audience);
	return 0;
}

static int take_lane(const struct campaign_lane *lane, void *arg)
{
	struct found *found = arg;

	if (found->n_devices == CAMPAIGN_LANES_MAX)
		return 1;
	found->device_ids[found->n_devices++] = lane->device_id;
	return 0;
}

static int find(
	struct store *store, int64_t id, struct found *found, struct err *err)
{
	if (store_campaign_by_id(store, id, take_campaign, found, err) != 0 ||
		store_campaign_lanes(store, id, take_lane, found, err) != 0)
		return -1;
	found->campaign.name = found->name;
	found->campaign.text = found->text;
	found->campaign.spintax_template = found->spintax_template;
	found->campaign.audience = found->audience_json;
	if (found->n_devices == 0)
		return err_set(err, ERR_INTERNAL, "campaign without lanes");
	return 0;
}

int campaign_take_up(struct store *store, int64_t id,
	struct campaign_making **out, struct err *err)
{
	scoped(campaign_making_free) struct campaign_making *making =
		xcalloc(1, sizeof(*making));
	scoped(found_fini) struct found found = { 0 };

	if (find(store, id, &found, err) != 0 ||
		campaign_audience_parse(
			found.audience_json, &making->plan.audience, err) != 0)
		return -1;
	making->campaign = (struct campaign){ .id = id,
		.account_id = found.campaign.account_id };
	making->plan.n_devices = found.n_devices;
	making->progress = (struct campaign_progress){
		.source = found.campaign.build_source,
		.after = found.campaign.build_after,
		.position = found.campaign.counts.total,
	};
	*out = move(making);
	return 0;
}

/* "Summer Sale (2026-05-26)". */
static char *name_of_run(const char *name, int64_t due_ms)
{
	char iso[CLOCK_ISO_LEN];

	clock_iso(due_ms, iso);
	return xasprintf("%s (%.*s)", name, ISO_DATE_LEN, iso);
}

int campaign_spawn(struct tx *tx, int64_t id, int64_t now_ms,
	int64_t *child_id_out, struct err *err)
{
	scoped(found_fini) struct found found = { 0 };
	scoped(str_free) char *name = NULL;
	char public_id[UUID_LEN];
	struct campaign child;

	if (find(tx_store(tx), id, &found, err) != 0)
		return -1;
	name = name_of_run(found.name,
		found.campaign.due_ms != 0 ? found.campaign.due_ms : now_ms);
	id_uuid7(public_id);
	child = (struct campaign){ .public_id = public_id,
		.account_id = found.campaign.account_id,
		.parent_id = id,
		.name = name,
		.kind = found.campaign.kind,
		.text = found.text,
		.spintax_template = found.spintax_template,
		.media_id = found.campaign.media_id,
		.audience = found.audience_json,
		.failure_limit = found.campaign.failure_limit };
	if (store_campaign_create(tx, &child, found.device_ids, found.n_devices,
		    now_ms, err) != 0)
		return -1;
	*child_id_out = child.id;
	return 0;
}
