#include "common/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/addressbook.h"
#include "common/store/usage.h"

#define NO_LIMIT INT64_MAX

/* In the order of config->plans. */
static const char *const names[PLANS] = { "STARTER", "GROWTH", "PRO",
	"BUSINESS" };

static int index_of(const char *name)
{
	for (int i = 0; i < PLANS; i++)
		if (strcasecmp(names[i], name) == 0)
			return i;
	return -1;
}

const struct plan *plan_find(const struct config *config, const char *name)
{
	const int i = index_of(name);

	return i < 0 ? NULL : &config->plans[i];
}

const char *plan_name(const char *name)
{
	const int i = index_of(name);

	if (i >= 0)
		return names[i];
	return strcasecmp(name, PLAN_UNLIMITED) == 0 ? PLAN_UNLIMITED : NULL;
}

static int64_t limit_of(const struct plan *plan, enum plan_quota quota)
{
	int limit = -1;

	switch (quota) {
	case PLAN_MESSAGES:
		limit = plan->messages_per_month;
		break;
	case PLAN_DEVICES:
		limit = plan->devices;
		break;
	case PLAN_CONTACTS:
		limit = plan->contacts;
		break;
	case PLAN_CAMPAIGNS:
		limit = plan->campaigns_per_month;
		break;
	}
	return limit < 0 ? NO_LIMIT : limit;
}

static const char *what_of(enum plan_quota quota)
{
	switch (quota) {
	case PLAN_MESSAGES:
		return "messages per month";
	case PLAN_DEVICES:
		return "WhatsApp accounts";
	case PLAN_CONTACTS:
		return "contacts";
	case PLAN_CAMPAIGNS:
		return "campaigns per month";
	}
	return "";
}

int plan_used(struct store *store, int64_t account_id, enum plan_quota quota,
	int64_t now_ms, int64_t *n_out, struct err *err)
{
	switch (quota) {
	case PLAN_MESSAGES:
		return store_usage_messages(
			store, account_id, now_ms, n_out, err);
	case PLAN_DEVICES:
		return store_usage_devices(store, account_id, n_out, err);
	case PLAN_CONTACTS:
		return store_book_count(store, account_id, n_out, err);
	case PLAN_CAMPAIGNS:
		return store_usage_campaigns(
			store, account_id, now_ms, n_out, err);
	}
	return err_set(err, ERR_INTERNAL, "quota %d", (int)quota);
}

/* The account's plan, and *@refusal made ready to speak of it, with the plan's
 * name as it is written; NULL in *@plan_out: it has no limits. */
static int read_plan(struct store *store, const struct config *config,
	int64_t account_id, const struct plan **plan_out,
	struct plan_refusal *refusal, struct err *err)
{
	*refusal = (struct plan_refusal){ 0 };
	if (store_usage_plan(store, account_id, refusal->plan, err) != 0)
		return -1;
	*plan_out = plan_find(config, refusal->plan);
	if (*plan_out != NULL)
		snprintf(refusal->plan, sizeof(refusal->plan), "%s",
			plan_name(refusal->plan));
	return 0;
}

int plan_check(struct store *store, const struct config *config,
	int64_t account_id, enum plan_quota quota, int64_t more, int64_t now_ms,
	struct plan_refusal *refusal, struct err *err)
{
	struct plan_refusal unseen;
	const struct plan *plan;

	if (refusal == NULL)
		refusal = &unseen;
	if (read_plan(store, config, account_id, &plan, refusal, err) != 0)
		return -1;
	if (plan == NULL || limit_of(plan, quota) == NO_LIMIT)
		return 0;
	refusal->what = what_of(quota);
	refusal->limit = limit_of(plan, quota);
	if (plan_used(store, account_id, quota, now_ms, &refusal->used, err) !=
		0)
		return -1;
	if (more <= 0 || more <= refusal->limit - refusal->used)
		return 0;
	return err_set(err, ERR_FORBIDDEN,
		"%s plan limit reached: %" PRId64 " of %" PRId64 " %s used",
		refusal->plan, refusal->used, refusal->limit, refusal->what);
}

int plan_check_import(struct store *store, const struct config *config,
	int64_t account_id, struct plan_refusal *refusal, struct err *err)
{
	struct plan_refusal unseen;
	const struct plan *plan;

	if (refusal == NULL)
		refusal = &unseen;
	if (read_plan(store, config, account_id, &plan, refusal, err) != 0)
		return -1;
	if (plan == NULL || plan->contact_import)
		return 0;
	refusal->is_feature = true;
	refusal->what = "contactImport";
	return err_set(err, ERR_FORBIDDEN,
		"The %s plan does not include contactImport", refusal->plan);
}

int plan_count_campaign(
	struct tx *tx, int64_t account_id, int64_t now_ms, struct err *err)
{
	return store_usage_add_campaign(tx, account_id, now_ms, err);
}
