/* Creating a campaign, and saying what it would be.
 *
 * HTTP thread: the media, and the voice note that has to be made of it first.
 * Worker: everything that can be wrong, then the recipients, in transactions of
 * its own.  Writer: ready, with the answer.  A campaign that gets no further
 * than the worker is seen by nobody, and schedulerd removes it. */
#include "apid/campaigns.h"

#include <stdlib.h>
#include <string.h>

#include "apid/limits.h"
#include "apid/making.h"
#include "apid/media.h"
#include "apid/request.h"
#include "apid/worker.h"
#include "common/campaign.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/store/device.h"

#define STEP_MS 50 /* of the worker, before others have their turn */

struct creation {
	const char *uids[CAMPAIGN_LANES_MAX + 1]; /* borrowed from the body */
	struct campaign_request ask;
	struct campaign_quote quote;
	struct store *store;		/* of the worker's steps */
	struct campaign_making *making; /* what they make */
	bool is_written;
	struct media_entry media;
	bool is_preview;
};

static void creation_free(void **creationp)
{
	struct creation *creation = move(*creationp);

	campaign_making_free(&creation->making);
	store_close(&creation->store);
	free(creation);
}

/* ---- what is asked for ---- */

static bool has_device(const struct creation *creation, const char *uid)
{
	for (int i = 0; i < creation->ask.n_devices; i++) {
		if (strcmp(creation->uids[i], uid) == 0)
			return true;
	}
	return false;
}

/* The first is the primary one; doubles go. */
static void take_devices(struct request *request, struct creation *creation)
{
	json_t *more = request_arg(request, "deviceUids")->json, *uid;
	size_t i;

	creation->uids[0] = request_text(request, "deviceUid");
	creation->ask.n_devices = 1;
	creation->ask.device_uids = creation->uids;
	json_array_foreach(more, i, uid)
	{
		const char *text = json_string_value(uid);

		if (!has_device(creation, text) &&
			creation->ask.n_devices <= CAMPAIGN_LANES_MAX)
			creation->uids[creation->ask.n_devices++] = text;
	}
}

static struct creation *creation_new(struct request *request)
{
	struct creation *creation = xcalloc(1, sizeof(*creation));
	struct campaign_request *ask = &creation->ask;
	json_t *recurrence = request_arg(request, "recurrence")->json;

	request->context = creation;
	request->context_free = creation_free;
	ask->account_id = request->account_id;
	ask->name = request_text(request, "name");
	ask->text = request_text(request, "text");
	ask->spintax_template = request_text(request, "spintaxTemplate");
	ask->group_ids = request_arg(request, "contactGroupIds")->json;
	ask->tag_ids = request_arg(request, "tagIds")->json;
	ask->phones = request_arg(request, "phoneNumbers")->json;
	ask->scheduled_ms = request_number(request, "scheduledAt", 0);
	ask->recurrence = json_is_null(recurrence) ? NULL : recurrence;
	take_devices(request, creation);
	return creation;
}

static int find_media(struct request *request, struct creation *creation,
	const char *public_id, struct err *err)
{
	if (store_media_by_public_id(request->store, request->account_id,
		    public_id, media_entry_take, &creation->media, err) != 0)
		return err->code == ERR_NOT_FOUND
			       ? err_set(err, ERR_INVALID,
					 "there is no media with this id")
			       : -1;
	if (creation->media.state != MEDIA_READY || !creation->media.has_file)
		return err_set(err, ERR_INVALID, "the file is not here");
	creation->ask.media_id = creation->media.id;
	return 0;
}

static int take_kind(
	struct request *request, struct creation *creation, struct err *err)
{
	const char *type = request_text(request, "messageType");
	const char *media_id = request_text(request, "mediaId");

	creation->ask.kind = MESSAGE_TEXT;
	if (media_id != NULL &&
		find_media(request, creation, media_id, err) != 0)
		return -1;
	if (type == NULL || strcmp(type, "TEXT") == 0)
		return 0;
	if (media_id == NULL)
		return err_set(err, ERR_INVALID, "mediaId is required");
	creation->ask.kind =
		strcmp(type, "VOICE") == 0
			? MESSAGE_VOICE
			: campaign_kind_of_media(creation->media.kind);
	return 0;
}

/* ---- answers ---- */

/* The devices were found good a moment ago. */
static int add_account(const struct device *device, void *arg)
{
	json_array_append_new(
		arg, json_pack("{s:s, s:o, s:o}", "id", device->uid, "name",
			     json_text(device->name), "phone",
			     json_phone(device->phone)));
	return 0;
}

static json_t *accounts_of(struct store *store, const struct creation *creation)
{
	json_t *accounts = json_array();
	struct err none = ERR_NONE;

	for (int i = 0; i < creation->ask.n_devices; i++)
		(void)store_device_by_uid(
			store, creation->uids[i], add_account, accounts, &none);
	return accounts;
}

static void add_estimate(
	json_t *reply, json_t *accounts, const struct estimate *estimate)
{
	json_object_set_new(
		reply, "accountIds", campaign_render_account_ids(accounts));
	json_object_set_new(reply, "accounts", accounts);
	json_object_set_new(reply, "estimatedCompletionAt",
		json_time(estimate->completes_ms));
	json_object_set_new(reply, "estimatedCompletion",
		campaign_render_estimate(estimate));
}

static void render_preview(
	struct request *request, struct store *store, struct creation *creation)
{
	const struct campaign_quote *quote = &creation->quote;

	request->reply = json_pack("{s:I, s:I, s:I}", "totalRecipients",
		(json_int_t)quote->n_recipients, "uniqueVariants",
		(json_int_t)quote->n_variants, "requiredVariants",
		(json_int_t)quote->n_needed);
	add_estimate(
		request->reply, accounts_of(store, creation), &quote->estimate);
}

static int render_created(const struct campaign *campaign, void *arg)
{
	struct request *request = arg;
	const struct creation *creation = request->context;
	const int64_t total = campaign->recurrence != NULL
				      ? creation->quote.n_recipients
				      : campaign->counts.total;

	request->reply = json_pack("{s:s, s:s, s:I}", "id", campaign->public_id,
		"status", campaign_status_name(campaign->status),
		"totalRecipients", (json_int_t)total);
	return 0;
}

/* ---- the writer ---- */

static int release(struct request *request, struct tx *tx, struct err *err)
{
	struct creation *creation = request->context;
	const int64_t id = campaign_making_id(creation->making);
	const int64_t now_ms = clock_now_ms();

	if (campaign_release(tx, request->apid->config, &creation->ask, id,
		    now_ms, &creation->quote.plan, err) != 0)
		return limits_render_plan(request, &creation->quote.plan, err);
	if (store_campaign_by_id(
		    tx_store(tx), id, render_created, request, err) != 0)
		return -1;
	add_estimate(request->reply, accounts_of(tx_store(tx), creation),
		&creation->quote.estimate);
	campaign_wake_scheduler(request, creation->ask.scheduled_ms != 0
						 ? creation->ask.scheduled_ms
						 : now_ms);
	return 0;
}

/* ---- the worker ---- */

static int refuse(struct request *request, const struct creation *creation,
	struct err *err)
{
	return limits_render_plan(request, &creation->quote.plan, err);
}

static int preview(struct request *request, struct err *err)
{
	struct creation *creation = request->context;
	scoped(store_close) struct store *store = NULL;

	if (store_open(request->apid->db_path, STORE_READ, &store, err) != 0)
		return -1;
	if (campaign_check(store, request->apid->config, &creation->ask,
		    clock_now_ms(), &creation->quote, err) != 0)
		return refuse(request, creation, err);
	render_preview(request, store, creation);
	return 0;
}

static int begin(struct request *request, struct err *err)
{
	struct creation *creation = request->context;

	if (store_open(request->apid->db_path, STORE_WRITE, &creation->store,
		    err) != 0)
		return -1;
	if (campaign_begin(creation->store, request->apid->config,
		    &creation->ask, clock_now_ms(), &creation->quote,
		    &creation->making, err) != 0)
		return refuse(request, creation, err);
	return 0;
}

/* As many chunks as fit into a moment. */
static int step(struct request *request, struct err *err)
{
	struct creation *creation = request->context;
	const int64_t until_ms = clock_mono_ms() + STEP_MS;

	while (!creation->is_written && clock_mono_ms() < until_ms)
		if (campaign_step(creation->store, creation->making,
			    &creation->is_written, err) != 0)
			return -1;
	return 0;
}

/* Again and again, behind what others have queued meanwhile. */
static void on_stepped(struct request *request)
{
	const struct creation *creation = request->context;
	struct err err = ERR_NONE;

	if ((creation->is_written ? request_write(request, release, NULL, &err)
				  : worker_submit(request, step, on_stepped,
					    &err)) != 0)
		request_fail(request, &err);
}

/* ---- the HTTP thread ---- */

static void on_made(struct request *request, const struct media_entry *made)
{
	struct creation *creation = request->context;
	struct err err = ERR_NONE;

	creation->ask.media_id = made->id;
	if (worker_submit(request, begin, on_stepped, &err) != 0)
		request_fail(request, &err);
}

static bool needs_making(const struct creation *creation)
{
	return creation->ask.kind == MESSAGE_VOICE &&
	       (creation->media.kind == MEDIA_AUDIO ||
		       creation->media.kind == MEDIA_VIDEO);
}

static int go(struct request *request, struct err *err)
{
	struct creation *creation = request->context;

	if (take_kind(request, creation, err) != 0)
		return -1;
	if (creation->is_preview)
		return worker_submit(request, preview, request_finish, err);
	if (needs_making(creation))
		return making_start(
			request, &creation->media, MEDIA_VOICE, on_made, err);
	return worker_submit(request, begin, on_stepped, err);
}

static int nothing(struct request *request, struct tx *tx, struct err *err)
{
	(void)request;
	(void)tx;
	(void)err;
	return 0;
}

static void on_fresh(struct request *request)
{
	struct err err = ERR_NONE;

	if (go(request, &err) != 0)
		request_fail(request, &err);
}

/* A repeated request is answered before it is looked at: its own first one
 * would stand in its way, by its name. */
int campaigns_create(struct request *request, struct err *err)
{
	(void)creation_new(request);
	if (request->idempotency_key != NULL)
		return request_write(request, nothing, on_fresh, err);
	return go(request, err);
}

int campaigns_preview(struct request *request, struct err *err)
{
	creation_new(request)->is_preview = true;
	return go(request, err);
}
