/* Campaigns as clients see them. */
#include "apid/campaigns.h"

#include <math.h>

#include "apid/request.h"
#include "common/own.h"
#include "common/store/recipient.h"

static int add_account(const struct campaign_lane *lane, void *arg)
{
	json_array_append_new(
		arg, json_pack("{s:s, s:o, s:o}", "id", lane->device_uid,
			     "name", json_text(lane->device_name), "phone",
			     json_phone(lane->device_phone)));
	return 0;
}

json_t *campaign_render_accounts(
	struct store *store, int64_t campaign_id, struct err *err)
{
	json_t *accounts = json_array();

	if (store_campaign_lanes(
		    store, campaign_id, add_account, accounts, err) == 0)
		return accounts;
	json_decref(accounts);
	return NULL;
}

json_t *campaign_render_account_ids(const json_t *accounts)
{
	json_t *ids = json_array(), *account;
	size_t i;

	json_array_foreach(accounts, i, account)
	{
		json_array_append(ids, json_object_get(account, "id"));
	}
	return ids;
}

static json_t *member_of(const json_t *accounts, int lane, const char *name)
{
	json_t *value =
		json_object_get(json_array_get(accounts, (size_t)lane), name);

	return value != NULL ? json_incref(value) : json_null();
}

static json_t *render_end(const struct estimate *estimate)
{
	return json_time(estimate != NULL ? estimate->completes_ms : 0);
}

json_t *campaign_render_estimate(const struct estimate *estimate)
{
	return json_pack("{s:o, s:o, s:s, s:i, s:i}", "startsAt",
		json_time(estimate->starts_ms), "estimatedCompletionAt",
		json_time(estimate->completes_ms), "estimatedDurationLabel",
		estimate->label, "calendarDaysSpanned", estimate->days_spanned,
		"accountCount", estimate->n_lanes);
}

static int64_t sent_of(const struct campaign_counts *counts)
{
	return counts->sent + counts->delivered + counts->read;
}

static int64_t pending_of(const struct campaign_counts *counts)
{
	return counts->pending + counts->queued;
}

static const char *type_of(enum message_kind kind)
{
	if (kind == MESSAGE_TEXT)
		return "TEXT";
	return kind == MESSAGE_VOICE ? "VOICE" : "MEDIA";
}

/* What only one campaign's own answer and the list both show. */
static json_t *render_more(const struct campaign *c)
{
	json_t *recurrence = c->recurrence != NULL
				     ? json_loads(c->recurrence, 0, NULL)
				     : NULL;

	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:o}",
		"parentId", json_text(c->parent_public_id), "messageType",
		type_of(c->kind), "mediaId", json_text(c->media_public_id),
		"scheduledAt", json_time(c->due_ms), "reason",
		json_text(c->reason), "recurrence",
		recurrence != NULL ? recurrence : json_null(), "runs",
		(json_int_t)c->n_runs, "pendingCount",
		(json_int_t)pending_of(&c->counts), "createdAt",
		json_time(c->created_ms));
}

json_t *campaign_render(const struct campaign *c, json_t *accounts,
	bool has_estimate, const struct estimate *estimate)
{
	json_t *out = json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "id",
		c->public_id, "name", json_text(c->name), "status",
		campaign_status_name(c->status), "accountId",
		member_of(accounts, 0, "id"), "accountIds",
		campaign_render_account_ids(accounts), "accountName",
		member_of(accounts, 0, "name"), "accountPhone",
		member_of(accounts, 0, "phone"));
	json_t *counts = json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o}",
		"accounts", accounts, "text", json_text(c->text),
		"spintaxTemplate", json_text(c->spintax_template),
		"totalRecipients", (json_int_t)c->counts.total, "sentCount",
		(json_int_t)sent_of(&c->counts), "failedCount",
		(json_int_t)c->counts.failed, "startedAt",
		json_time(c->started_ms), "completedAt",
		json_time(c->completed_ms));
	json_t *more = render_more(c);

	json_object_update(out, counts);
	if (has_estimate)
		json_object_set_new(
			out, "estimatedCompletionAt", render_end(estimate));
	json_object_update(out, more);
	json_decref(counts);
	json_decref(more);
	return out;
}

json_t *campaign_render_progress(const struct campaign *c, json_t *account_ids,
	const struct estimate *estimate)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}",
		"status", campaign_status_name(c->status), "totalRecipients",
		(json_int_t)c->counts.total, "sentCount",
		(json_int_t)sent_of(&c->counts), "failedCount",
		(json_int_t)c->counts.failed, "pendingCount",
		(json_int_t)pending_of(&c->counts), "startedAt",
		json_time(c->started_ms), "completedAt",
		json_time(c->completed_ms), "estimatedCompletionAt",
		render_end(estimate), "accountIds", account_ids);
}

/* In percent with one decimal. */
static json_t *rate(int64_t part, int64_t whole)
{
	if (whole == 0)
		return json_integer(0);
	return json_real(round((double)part * 1000.0 / (double)whole) / 10.0);
}

static json_t *duration(const struct campaign *c, int64_t now_ms)
{
	const int64_t until_ms =
		c->completed_ms != 0 ? c->completed_ms : now_ms;

	if (c->started_ms == 0)
		return json_null();
	return json_integer(until_ms > c->started_ms
				    ? (until_ms - c->started_ms) / 1000
				    : 0);
}

json_t *campaign_render_analytics(const struct campaign *c,
	const struct estimate *estimate, int64_t now_ms)
{
	const struct campaign_counts *n = &c->counts;
	const int64_t sent = sent_of(n), delivered = n->delivered + n->read;

	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o,"
			 " s:o, s:o, s:o, s:o}",
		"status", campaign_status_name(c->status), "totalRecipients",
		(json_int_t)n->total, "sent", (json_int_t)sent, "delivered",
		(json_int_t)delivered, "read", (json_int_t)n->read, "failed",
		(json_int_t)n->failed, "pending", (json_int_t)pending_of(n),
		"deliveryRate", rate(delivered, sent), "readRate",
		rate(n->read, delivered), "failureRate",
		rate(n->failed, n->total), "startedAt",
		json_time(c->started_ms), "completedAt",
		json_time(c->completed_ms), "estimatedCompletionAt",
		render_end(estimate), "durationSec", duration(c, now_ms));
}

json_t *campaign_render_recipient(const char *campaign_public_id,
	const struct recipient_row *r, const json_t *accounts)
{
	const char *status = recipient_status_name(r->status);
	char public_id[UUID_LEN];

	recipient_public_id(campaign_public_id, r->position, public_id);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o,"
			 " s:o, s:o, s:o}",
		"id", public_id, "phone", json_phone(r->phone), "contactName",
		json_text(r->name), "accountId",
		member_of(accounts, r->lane, "id"), "accountName",
		member_of(accounts, r->lane, "name"), "accountPhone",
		member_of(accounts, r->lane, "phone"), "messageStatus", status,
		"status", status, "sentAt", json_time(r->sent_ms),
		"deliveredAt", json_time(r->delivered_ms), "readAt",
		json_time(r->read_ms), "failedAt", json_time(r->failed_ms),
		"error", json_text(r->error));
}
