/* Campaigns that exist: reading, pausing, resuming, trying again. */
#include "apid/campaigns.h"

#include <stdlib.h>

#include "apid/request.h"
#include "apid/worker.h"
#include "common/campaign.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/store/recipient.h"

/* Failed ones that become pending in one transaction. */
#define RETRY_SLICE 500

void campaign_wake_scheduler(struct request *request, int64_t due_ms)
{
	Bus__Envelope *envelope = xcalloc(1, sizeof(*envelope));

	bus__envelope__init(envelope);
	envelope->body_case = BUS__ENVELOPE__BODY_WAKE;
	envelope->wake = xcalloc(1, sizeof(*envelope->wake));
	bus__wake__init(envelope->wake);
	envelope->wake->due_ms = due_ms;
	request_push(request, TO_SCHEDULERD, envelope);
}

/* ---- reading ---- */

/* What the answers about one campaign are made of. */
struct view {
	struct request *request;
	json_t *(*render)(struct request *request,
		const struct campaign *campaign, json_t *accounts,
		const struct estimate *estimate);
	struct err *err;
	int rc;
};

static int render_view(const struct campaign *campaign, void *arg)
{
	struct view *view = arg;
	struct request *request = view->request;
	struct estimate estimate;
	bool has_estimate = campaign_estimate(request->store,
		request->apid->config, campaign, clock_now_ms(), &estimate);
	json_t *accounts = campaign_render_accounts(
		request->store, campaign->id, view->err);

	if (accounts == NULL) {
		view->rc = -1;
		return 0;
	}
	request->reply = view->render(
		request, campaign, accounts, has_estimate ? &estimate : NULL);
	return 0;
}

/* All of it from one state of the store. */
static int show(struct view *view)
{
	struct request *request = view->request;
	int rc;

	store_read_begin(request->store);
	rc = store_campaign_by_public_id(request->store, request->account_id,
		request_text(request, "id"), render_view, view, view->err);
	store_read_end(request->store);
	return rc == 0 ? view->rc : -1;
}

static json_t *view_campaign(struct request *request,
	const struct campaign *campaign, json_t *accounts,
	const struct estimate *estimate)
{
	(void)request;
	return campaign_render(campaign, accounts, true, estimate);
}

static json_t *view_progress(struct request *request,
	const struct campaign *campaign, json_t *accounts,
	const struct estimate *estimate)
{
	json_t *ids = campaign_render_account_ids(accounts);

	(void)request;
	json_decref(accounts);
	return campaign_render_progress(campaign, ids, estimate);
}

/* 31.6, not 31.600000000000001: written here, where it is known. */
static json_t *view_analytics(struct request *request,
	const struct campaign *campaign, json_t *accounts,
	const struct estimate *estimate)
{
	json_t *analytics =
		campaign_render_analytics(campaign, estimate, clock_now_ms());

	json_decref(accounts);
	request->raw_reply =
		json_dumps(analytics, JSON_COMPACT | JSON_REAL_PRECISION(6));
	return analytics;
}

int campaigns_get(struct request *request, struct err *err)
{
	struct view view = { request, view_campaign, err, 0 };

	return show(&view);
}

int campaigns_progress(struct request *request, struct err *err)
{
	struct view view = { request, view_progress, err, 0 };

	return show(&view);
}

int campaigns_analytics(struct request *request, struct err *err)
{
	struct view view = { request, view_analytics, err, 0 };

	return show(&view);
}

/* ---- lists ---- */

struct listing {
	struct request *request;
	json_t *data;
	const json_t *accounts;		/* of recipients */
	const char *campaign_public_id; /* of recipients */
	struct err *err;
	int rc;
};

static int add_campaign(const struct campaign *campaign, void *arg)
{
	struct listing *listing = arg;
	json_t *accounts = campaign_render_accounts(
		listing->request->store, campaign->id, listing->err);

	if (accounts == NULL) {
		listing->rc = -1;
		return 1;
	}
	json_array_append_new(listing->data,
		campaign_render(campaign, accounts, false, NULL));
	return 0;
}

int campaigns_list(struct request *request, struct err *err)
{
	const struct campaign_filter filter = {
		.account_id = request->account_id,
		.parents_only = request_number(request, "parentOnly", 0) != 0,
	};
	struct listing listing = {
		.request = request, .data = json_array(), .err = err
	};
	int64_t total = 0;
	int number;
	struct page page = request_page(request, &number);

	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", listing.data,
		"total", 0, "page", number, "limit", page.limit);
	if (store_campaign_list(request->store, &filter, page, add_campaign,
		    &listing, &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return listing.rc;
}

struct campaign_key {
	int64_t id;
	char public_id[UUID_LEN];
	enum campaign_status status;
};

static int take_key(const struct campaign *campaign, void *arg)
{
	struct campaign_key *key = arg;

	key->id = campaign->id;
	key->status = campaign->status;
	snprintf(key->public_id, sizeof(key->public_id), "%s",
		campaign->public_id);
	return 0;
}

static int find(struct request *request, struct store *store,
	struct campaign_key *key, struct err *err)
{
	return store_campaign_by_public_id(store, request->account_id,
		request_text(request, "id"), take_key, key, err);
}

static int add_recipient(const struct recipient_row *recipient, void *arg)
{
	struct listing *listing = arg;

	json_array_append_new(listing->data,
		campaign_render_recipient(listing->campaign_public_id,
			recipient, listing->accounts));
	return 0;
}

static int list_recipients(struct request *request, struct listing *listing,
	struct page page, int64_t *total_out, struct err *err)
{
	const char *name = request_text(request, "status");
	struct campaign_key key;
	json_t *accounts;
	int rc;

	if (find(request, request->store, &key, err) != 0)
		return -1;
	accounts = campaign_render_accounts(request->store, key.id, err);
	if (accounts == NULL)
		return -1;
	listing->accounts = accounts;
	listing->campaign_public_id = key.public_id;
	rc = store_recipient_list(request->store, key.id,
		name != NULL ? recipient_status_parse(name) : 0, page,
		add_recipient, listing, total_out, err);
	json_decref(accounts);
	return rc;
}

/* The counts say where a page is: so all is read from one state. */
int campaigns_recipients(struct request *request, struct err *err)
{
	struct listing listing = { .data = json_array() };
	int64_t total = 0;
	int number, rc;
	struct page page = request_page(request, &number);

	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", listing.data,
		"total", 0, "page", number, "limit", page.limit);
	store_read_begin(request->store);
	rc = list_recipients(request, &listing, page, &total, err);
	store_read_end(request->store);
	json_object_set_new(request->reply, "total", json_integer(total));
	return rc;
}

/* ---- control ---- */

static int answer(struct request *request, bool updated)
{
	request->reply = json_pack("{s:b}", "updated", updated);
	return 0;
}

int campaigns_pause(struct request *request, struct tx *tx, struct err *err)
{
	struct campaign_key key;
	bool changed;

	if (find(request, tx_store(tx), &key, err) != 0 ||
		store_campaign_pause(tx, key.id, "paused on request",
			clock_now_ms(), &changed, err) != 0)
		return -1;
	if (!changed && key.status != CAMPAIGN_PAUSED)
		return err_set(err, ERR_CONFLICT, "the campaign is %s",
			campaign_status_name(key.status));
	return answer(request, changed);
}

int campaigns_resume(struct request *request, struct tx *tx, struct err *err)
{
	const int64_t now_ms = clock_now_ms();
	struct campaign_key key;
	bool changed;

	if (find(request, tx_store(tx), &key, err) != 0 ||
		store_campaign_resume(tx, key.id, now_ms, &changed, err) != 0)
		return -1;
	if (key.status == CAMPAIGN_COMPLETED)
		return err_set(err, ERR_CONFLICT, "the campaign is COMPLETED");
	if (changed)
		campaign_wake_scheduler(request, now_ms);
	return answer(request, changed);
}

/* ---- trying the failed ones again: as many as there are ---- */

struct retrying {
	int64_t n;
};

static void retrying_free(void **retryingp)
{
	struct retrying *retrying = move(*retryingp);

	free(retrying);
}

static int retry_slice(
	struct store *store, int64_t id, int64_t *n_out, struct err *err)
{
	scoped(tx_end) struct tx *tx = tx_begin(store, err);

	if (tx == NULL || store_campaign_retry_failed(tx, id, RETRY_SLICE,
				  clock_now_ms(), n_out, err) != 0)
		return -1;
	return tx_commit(tx, err);
}

static int retry_all(struct request *request, struct err *err)
{
	struct retrying *retrying = request->context;
	scoped(store_close) struct store *store = NULL;
	struct campaign_key key;
	int64_t n;

	if (store_open(request->apid->db_path, STORE_WRITE, &store, err) != 0 ||
		find(request, store, &key, err) != 0)
		return -1;
	do {
		if (retry_slice(store, key.id, &n, err) != 0)
			return -1;
		retrying->n += n;
	} while (n == RETRY_SLICE);
	return 0;
}

static int retry_answer(struct request *request, struct tx *tx, struct err *err)
{
	const struct retrying *retrying = request->context;

	(void)tx;
	(void)err;
	if (retrying->n > 0)
		campaign_wake_scheduler(request, clock_now_ms());
	return answer(request, retrying->n > 0);
}

static void on_retried(struct request *request)
{
	struct err err = ERR_NONE;

	if (request_write(request, retry_answer, NULL, &err) != 0)
		request_fail(request, &err);
}

int campaigns_retry(struct request *request, struct err *err)
{
	struct campaign_key key;

	if (find(request, request->store, &key, err) != 0)
		return -1;
	request->context = xcalloc(1, sizeof(struct retrying));
	request->context_free = retrying_free;
	return worker_submit(request, retry_all, on_retried, err);
}
