/* Whom a campaign is for: read from a request, kept as JSON (campaign.h),
 * counted, and turned into recipients a chunk at a time. */
#ifndef COMMON_CAMPAIGN_AUDIENCE_H
#define COMMON_CAMPAIGN_AUDIENCE_H

#include <stddef.h>
#include <stdint.h>

#include "common/phone.h"

struct campaign;
struct campaign_request;
struct err;
struct store;
struct tx;

struct campaign_audience {
	int64_t *groups, *tags; /* owned; rows of segments, sorted */
	size_t n_groups, n_tags;
	int64_t *segments; /* owned; both, sorted */
	size_t n_segments;
	char (*phones)[PHONE_LEN]; /* owned; sorted */
	size_t n_phones;
};

void campaign_audience_fini(struct campaign_audience *audience);
/* ERR_INVALID: none given, unknown groups or tags, bad or too many phones. */
int campaign_audience_resolve(struct store *store,
	const struct campaign_request *request, struct campaign_audience *out,
	struct err *err);
char *campaign_audience_json(
	const struct campaign_audience *audience); /* caller frees */
int campaign_audience_parse(
	const char *json, struct campaign_audience *out, struct err *err);

int campaign_audience_count(struct store *store, int64_t account_id,
	const struct campaign_audience *audience, int64_t *n_out,
	struct err *err);

/* Where the recipients of a PREPARING campaign are. */
struct campaign_progress {
	int source;	  /* 0: segments, 1: phones, 2: done */
	int64_t after;	  /* contact id; or phones that were taken */
	int64_t position; /* of the next recipient */
};
#define CAMPAIGN_BUILT 2

/* Writes up to @limit recipients, moves @progress on and counts them. */
int campaign_audience_write(struct tx *tx, const struct campaign *campaign,
	const struct campaign_audience *audience, int n_lanes, int limit,
	struct campaign_progress *progress, struct err *err);

#endif
