/* Campaigns: created on a worker, because writing a million recipients takes a
 * while; made ready by the writer, with the answer. */
#ifndef APID_CAMPAIGNS_H
#define APID_CAMPAIGNS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/estimate.h"
#include "common/store/campaign.h"

struct err;
struct request;
struct tx;

/* handlers */
int campaigns_create(struct request *request, struct err *err);
int campaigns_preview(struct request *request, struct err *err);
int campaigns_list(struct request *request, struct err *err);
int campaigns_get(struct request *request, struct err *err);
int campaigns_progress(struct request *request, struct err *err);
int campaigns_analytics(struct request *request, struct err *err);
int campaigns_recipients(struct request *request, struct err *err);
int campaigns_pause(struct request *request, struct tx *tx, struct err *err);
int campaigns_resume(struct request *request, struct tx *tx, struct err *err);
int campaigns_retry(struct request *request, struct err *err);

/* The lanes of one: [{id, name, phone}], or NULL. */
json_t *campaign_render_accounts(
	struct store *store, int64_t campaign_id, struct err *err);
/* Only the ids of such an array. */
json_t *campaign_render_account_ids(const json_t *accounts);
json_t *campaign_render_estimate(const struct estimate *estimate);
/* @estimate: NULL = there is none.  Takes @accounts. */
json_t *campaign_render(const struct campaign *campaign, json_t *accounts,
	bool has_estimate, const struct estimate *estimate);
json_t *campaign_render_progress(const struct campaign *campaign,
	json_t *account_ids, const struct estimate *estimate);
json_t *campaign_render_analytics(const struct campaign *campaign,
	const struct estimate *estimate, int64_t now_ms);
struct recipient_row;
json_t *campaign_render_recipient(const char *campaign_public_id,
	const struct recipient_row *recipient, const json_t *accounts);

/* What schedulerd is told when something is to be done. */
void campaign_wake_scheduler(struct request *request, int64_t due_ms);

#endif
