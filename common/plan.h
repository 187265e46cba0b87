/* What an account's plan allows (Msgera reference, "Rate Limits"); the limits
 * are configuration.  An account without one of the four plans (UNLIMITED, the
 * default of an own host) has no limits. */
#ifndef COMMON_PLAN_H
#define COMMON_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"

struct err;
struct store;
struct tx;

#define PLAN_UNLIMITED "UNLIMITED"

/* Case does not matter.  NULL: none of the four, so without limits. */
const struct plan *plan_find(const struct config *config, const char *name);
/* The name as it is stored, of one of the four or PLAN_UNLIMITED; else NULL. */
const char *plan_name(const char *name);

enum plan_quota {
	PLAN_MESSAGES,	/* this UTC month */
	PLAN_DEVICES,	/* not deleted, linked or not */
	PLAN_CONTACTS,	/* saved now */
	PLAN_CAMPAIGNS, /* created this UTC month */
};
/* What stands against a wish; of one account. */
struct plan_refusal {
	bool is_feature;  /* PLAN_FEATURE_UNAVAILABLE, else PLAN_LIMIT_EXCEEDED
			   */
	const char *what; /* "messages per month", "contactImport" */
	char plan[65];
	int64_t limit, used; /* not of a feature */
};
/* How much of it the account has. */
int plan_used(struct store *store, int64_t account_id, enum plan_quota quota,
	int64_t now_ms, int64_t *n_out, struct err *err);
/* May the account have @more of it?  0, or -1 with ERR_FORBIDDEN and the
 * sentence for the client, and @refusal (may be NULL) filled.  @config's plan
 * of the account is read from the store: cheap, and nothing more for an account
 * without limits. */
int plan_check(struct store *store, const struct config *config,
	int64_t account_id, enum plan_quota quota, int64_t more, int64_t now_ms,
	struct plan_refusal *refusal, struct err *err);
int plan_check_import(struct store *store, const struct config *config,
	int64_t account_id, struct plan_refusal *refusal, struct err *err);
/* Counts a campaign that was created. */
int plan_count_campaign(
	struct tx *tx, int64_t account_id, int64_t now_ms, struct err *err);

#endif
